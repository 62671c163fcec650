//! Surfaces as pictures that other programs understand.

use spice_raster::{SurfaceFormat, SurfaceRef};

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
                extend(&mut out, surface.row16(y), |p| [five(p >> 10), five(p >> 5), five(p)]);
            }
            SurfaceFormat::R5G6B5 => {
                extend(&mut out, surface.row16(y), |p| [five(p >> 11), six(p >> 5), five(p)]);
            }
            SurfaceFormat::A8 => extend(&mut out, surface.row8(y), |a| [a; 3]),
            SurfaceFormat::A1 => {
                let bytes = surface.bytes_of_row(y);
                let bit = |x: usize| if bytes[x / 8] >> (x % 8) & 1 != 0 { 255 } else { 0 };
                out.extend((0..surface.width() as usize).flat_map(|x| [bit(x); 3]));
            }
        }
    }
    out
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
    fn channels_widen_and_alpha_divides() {
        let mut s = Surface::new(SurfaceFormat::R5G6B5, 1, 1, 64).unwrap();
        s.view_mut().row16(0)[0] = 0b1000_0100_0001_1111;
        assert_eq!(to_rgb(s.view()), [0x84, 0x82, 0xff]);
        let mut s = Surface::new(SurfaceFormat::A8R8G8B8, 2, 1, 64).unwrap();
        s.view_mut().row(0).copy_from_slice(&[0x8040_2000, 0]);
        assert_eq!(to_straight_rgba(s.view()).unwrap(), [128, 64, 0, 128, 0, 0, 0, 0]);
    }
}
