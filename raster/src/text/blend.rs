//! Drawing a brush over a surface through a coverage mask.

use super::TextBrush;
use crate::geom::Rect;
use crate::pixel::{from_argb, over_argb, raw_pixel, scale_argb, set_raw_pixel, to_argb};
use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};
use fearless_simd::{Level, dispatch};

/// A brush, ready for one surface format.
pub(super) enum Ink<'a> {
    /// An opaque colour.
    Solid(u32),
    Pattern {
        tile: SurfaceRef<'a>,
        /// A place where the tile's top left corner falls.
        origin: (i64, i64),
    },
}

impl<'a> Ink<'a> {
    /// `None` if the brush draws nothing.
    pub(super) fn new(format: SurfaceFormat, brush: TextBrush<'a>, text: Rect) -> Option<Self> {
        match brush {
            TextBrush::Solid(color) if format.bits_per_pixel() == 16 => {
                Some(Self::Solid(to_argb(SurfaceFormat::X1R5G5B5, color)))
            }
            TextBrush::Solid(color) => Some(Self::Solid(color | 0xff00_0000)),
            TextBrush::Pattern { tile, .. } if tile.bounds().is_empty() => None,
            TextBrush::Pattern { tile, pos } => {
                let sum = |a: i32, b: i32| i64::from(a) + i64::from(b);
                Some(Self::Pattern { tile, origin: (sum(text.left, pos.x), sum(text.top, pos.y)) })
            }
        }
    }

    /// Draws in `area`, which lies in the band and in `strip`; `mask` has a byte of coverage per pixel of `strip`.
    pub(super) fn draw(&self, level: Level, dst: &mut SurfaceMut<'_>, area: Rect, mask: &[u8], strip: Rect) {
        match (self, dst.format().bits_per_pixel()) {
            (Self::Solid(color), 32) => dispatch!(level, _simd => solid32(dst, area, mask, strip, *color)),
            _ => self.draw_plain(dst, area, mask, strip),
        }
    }

    /// The same, pixel by pixel.
    pub(super) fn draw_plain(&self, dst: &mut SurfaceMut<'_>, area: Rect, mask: &[u8], strip: Rect) {
        let format = dst.format();
        for y in area.top..area.bottom {
            let coverage = row_of(mask, strip, area, y);
            let row = dst.row(y as u32);
            for (x, &m) in (area.left..area.right).zip(coverage) {
                if m == 0 && format != SurfaceFormat::X1R5G5B5 {
                    continue;
                }
                let source = match self {
                    Self::Solid(color) => *color,
                    Self::Pattern { tile, origin } => {
                        let wrap =
                            |v: i32, o: i64, size: u32| (i64::from(v) - o).rem_euclid(size.into()) as u32;
                        let (u, v) = (wrap(x, origin.0, tile.width()), wrap(y, origin.1, tile.height()));
                        to_argb(tile.format(), raw_pixel(tile.format(), tile.row(v), u as usize))
                    }
                };
                // The x byte of x8r8g8b8 counts as alpha of the target, so it is taken raw.
                let raw = raw_pixel(format, row, x as usize);
                let target = if format == SurfaceFormat::X8R8G8B8 { raw } else { to_argb(format, raw) };
                let new = over_argb(scale_argb(source, m.into()), target);
                set_raw_pixel(format, row, x as usize, from_argb(format, new));
            }
        }
    }
}

/// The coverage of row `y` of `area`.
#[inline(always)]
fn row_of(mask: &[u8], strip: Rect, area: Rect, y: i32) -> &[u8] {
    let start = (y - strip.top) as usize * strip.width() as usize;
    &mask[start + (area.left - strip.left) as usize..start + (area.right - strip.left) as usize]
}

/// An opaque colour on 32-bit pixels. Text is mostly holes: eight pixels at a time are left out, stored or blended.
#[inline(always)]
fn solid32(dst: &mut SurfaceMut<'_>, area: Rect, mask: &[u8], strip: Rect, color: u32) {
    for y in area.top..area.bottom {
        let row = &mut dst.row(y as u32)[area.left as usize..area.right as usize];
        let (pixels, rest) = row.as_chunks_mut::<8>();
        let (coverage, coverage_rest) = row_of(mask, strip, area, y).as_chunks::<8>();
        for (d, m) in pixels.iter_mut().zip(coverage) {
            match u64::from_ne_bytes(*m) {
                0 => {}
                u64::MAX => *d = [color; 8],
                _ => {
                    for (d, m) in d.iter_mut().zip(m) {
                        *d = over_solid(color, (*m).into(), *d);
                    }
                }
            }
        }
        for (d, m) in rest.iter_mut().zip(coverage_rest) {
            *d = over_solid(color, (*m).into(), *d);
        }
    }
}

/// An opaque colour with coverage `m` over `d`: two channels at a time; no sum exceeds 255.
#[inline(always)]
fn over_solid(color: u32, m: u32, d: u32) -> u32 {
    const LOW: u32 = 0x00ff_00ff;
    let mul = |pair: u32, by: u32| {
        let t = pair * by + 0x0080_0080;
        (t + (t >> 8 & LOW)) >> 8 & LOW
    };
    let rb = mul(color & LOW, m) + mul(d & LOW, 255 - m);
    let ag = mul(color >> 8 & LOW, m) + mul(d >> 8 & LOW, 255 - m);
    rb | ag << 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_channels_at_a_time_equal_one_at_a_time() {
        for m in 0..=255 {
            for c in 0..=255u32 {
                for d in [0, 1, 2, 0x7f, 0x80, 0xc3, 0xfe, 0xff, c] {
                    let (color, pixel) = (0xff00_0000 | c << 16 | (255 - c) << 8 | c, d * 0x0101_0101);
                    let expected = over_argb(scale_argb(color, m), pixel);
                    assert_eq!(over_solid(color, m, pixel), expected, "{color:08x} {m} {pixel:08x}");
                }
            }
        }
    }
}
