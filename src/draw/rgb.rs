//! Surfaces as pictures that other programs understand.

use spice_raster::{SurfaceFormat, SurfaceRef};
use std::ops::Range;

/// The pixels as R, G, B bytes, top row first, without padding. The x byte and alpha are dropped (a premultiplied
/// surface looks as if it lay on black), 5- and 6-bit channels are widened by repeating their high bits, alpha
/// formats come out grey.
pub fn to_rgb(surface: SurfaceRef<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(surface.width() as usize * surface.height() as usize * 3);
    for y in 0..surface.height() {
        match surface.format() {
            SurfaceFormat::X8R8G8B8 | SurfaceFormat::A8R8G8B8 => {
                extend(&mut out, surface.row(y), |p| [(p >> 16) as u8, (p >> 8) as u8, p as u8]);
            }
            SurfaceFormat::X1R5G5B5 => {
                extend(&mut out, surface.row16(y), x555);
            }
            SurfaceFormat::R5G6B5 => {
                extend(&mut out, surface.row16(y), r565);
            }
            SurfaceFormat::A8 => extend(&mut out, surface.row8(y), |a| [a; 3]),
            SurfaceFormat::A1 => {
                let bytes = surface.bytes_of_row(y);
                out.extend((0..surface.width() as usize).flat_map(|x| [bit(bytes, x); 3]));
            }
        }
    }
    out
}

/// Writes the colours that [`to_rgb`] gives for some columns of row `y` as 0x00rrggbb; `out` has room for just them.
pub fn screen_row(surface: SurfaceRef<'_>, y: u32, columns: Range<usize>, out: &mut [u32]) {
    let grey = |v: u8| u32::from(v) * 0x01_01_01;
    let rgb = |channels: [u8; 3]| channels.into_iter().fold(0, |p, c| p << 8 | u32::from(c));
    match surface.format() {
        SurfaceFormat::X8R8G8B8 | SurfaceFormat::A8R8G8B8 => {
            let row = &surface.row(y)[columns];
            out.iter_mut().zip(row).for_each(|(out, p)| *out = p & 0xff_ffff);
        }
        SurfaceFormat::X1R5G5B5 => {
            let row = &surface.row16(y)[columns];
            out.iter_mut().zip(row).for_each(|(out, &p)| *out = rgb(x555(p)));
        }
        SurfaceFormat::R5G6B5 => {
            let row = &surface.row16(y)[columns];
            out.iter_mut().zip(row).for_each(|(out, &p)| *out = rgb(r565(p)));
        }
        SurfaceFormat::A8 => {
            let row = &surface.row8(y)[columns];
            out.iter_mut().zip(row).for_each(|(out, &a)| *out = grey(a));
        }
        SurfaceFormat::A1 => {
            let bytes = surface.bytes_of_row(y);
            out.iter_mut().zip(columns).for_each(|(out, x)| *out = grey(bit(bytes, x)));
        }
    }
}

/// The pixels of a 32-bit surface as R, G, B, A bytes with straight alpha, top row first, without padding; `None`
/// for other formats. The x byte of xRGB counts as opaque.
pub fn to_straight_rgba(surface: SurfaceRef<'_>) -> Option<Vec<u8>> {
    let opaque = match surface.format() {
        SurfaceFormat::A8R8G8B8 => 0,
        SurfaceFormat::X8R8G8B8 => 0xff00_0000,
        _ => return None,
    };
    let straight = |p: u32| {
        let alpha = (p | opaque) >> 24;
        if alpha == 255 {
            return [(p >> 16) as u8, (p >> 8) as u8, p as u8, 255];
        }
        let channel = |c: u32| ((c & 0xff) * 255 + alpha / 2).checked_div(alpha).unwrap_or(0).min(255) as u8;
        [channel(p >> 16), channel(p >> 8), channel(p), alpha as u8]
    };
    let mut out = Vec::with_capacity(surface.width() as usize * surface.height() as usize * 4);
    (0..surface.height()).for_each(|y| extend(&mut out, surface.row(y), straight));
    Some(out)
}

/// Appends the bytes of each pixel of a row. A loop over slices: `extend` from a `flat_map` took a quarter of what
/// rendering a recording did.
fn extend<P: Copy, const N: usize>(out: &mut Vec<u8>, row: &[P], bytes: impl Fn(P) -> [u8; N]) {
    let start = out.len();
    out.resize(start + row.len() * N, 0);
    for (out, pixel) in out[start..].as_chunks_mut::<N>().0.iter_mut().zip(row) {
        *out = bytes(*pixel);
    }
}

fn x555(p: u16) -> [u8; 3] {
    [five(p >> 10), five(p >> 5), five(p)]
}

fn r565(p: u16) -> [u8; 3] {
    [five(p >> 11), six(p >> 5), five(p)]
}

/// Pixel `x` of a row of one bit each, as grey.
fn bit(row: &[u8], x: usize) -> u8 {
    if row[x / 8] >> (x % 8) & 1 != 0 { 255 } else { 0 }
}

fn five(v: u16) -> u8 {
    let v = v as u8 & 31;
    v << 3 | v >> 2
}

fn six(v: u16) -> u8 {
    let v = v as u8 & 63;
    v << 2 | v >> 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use spice_raster::Surface;

    #[test]
    fn rows_of_words_have_the_same_colours() {
        let mut rng = crate::qxl::testing::Rng::seeded(1);
        use SurfaceFormat as S;
        for format in [S::A1, S::A8, S::X1R5G5B5, S::R5G6B5, S::X8R8G8B8, S::A8R8G8B8] {
            for width in [1u32, 7, 31, 32, 33, 70] {
                let mut s = Surface::new(format, width, 3, 1 << 12).unwrap();
                (0..3).for_each(|y| s.view_mut().row(y).fill_with(|| rng.next_u32()));
                let bytes = to_rgb(s.view());
                for y in 0..3 {
                    let left = rng.below(width) as usize;
                    let right = left + rng.below(width + 1 - left as u32) as usize;
                    let mut row = vec![u32::MAX; right - left];
                    screen_row(s.view(), y, left..right, &mut row);
                    let start = y as usize * width as usize;
                    let same = &bytes[(start + left) * 3..(start + right) * 3];
                    let row: Vec<u8> = row.iter().flat_map(|p| p.to_be_bytes().into_iter().skip(1)).collect();
                    assert_eq!(row, same, "{format:?} {width} {left}..{right}");
                }
            }
        }
    }

    #[test]
    fn channels_widen_and_alpha_divides() {
        let mut s = Surface::new(SurfaceFormat::R5G6B5, 1, 1, 64).unwrap();
        s.view_mut().row16(0)[0] = 0b1000_0100_0001_1111;
        assert_eq!(to_rgb(s.view()), [0x84, 0x82, 0xff]);
        let mut s = Surface::new(SurfaceFormat::A8R8G8B8, 2, 1, 64).unwrap();
        s.view_mut().row(0).copy_from_slice(&[0x8040_2000, 0]);
        assert_eq!(to_straight_rgba(s.view()).unwrap(), [128, 64, 0, 128, 0, 0, 0, 0]);
    }
}
