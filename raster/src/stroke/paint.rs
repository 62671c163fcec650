//! A brush and a raster operation, applied to rows of pixels.

use super::StrokeBrush;
use super::spans::Span;
use crate::pixel::{convert_raw, raw_pixel};
use crate::rop::Rop2;
use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};

/// The result of a pixel is (D & and) ^ xor; both depend on the brush's pixel.
#[derive(Clone, Copy)]
struct Masks {
    and: u32,
    xor: u32,
}

enum Source<'a> {
    Solid(Masks),
    Pattern {
        tile: SurfaceRef<'a>,
        origin: (i64, i64),
        /// Masks for a brush bit 0, and what changes where it is 1.
        zero: Masks,
        one: Masks,
    },
}

/// Draws spans on a band of a surface.
pub(super) struct Painter<'a, 'd, 's> {
    dst: &'a mut SurfaceMut<'d>,
    format: SurfaceFormat,
    source: Source<'s>,
}

impl<'a, 'd, 's> Painter<'a, 'd, 's> {
    /// `None` if the brush draws nothing.
    pub(super) fn new(dst: &'a mut SurfaceMut<'d>, brush: StrokeBrush<'s>, rop: Rop2) -> Option<Self> {
        let masks = |source| {
            let (and, xor) = rop.masks(source);
            Masks { and, xor }
        };
        let source = match brush {
            StrokeBrush::Solid(color) => Source::Solid(masks(color)),
            StrokeBrush::Pattern { tile, .. } if tile.bounds().is_empty() => return None,
            StrokeBrush::Pattern { tile, origin } => {
                let (zero, ones) = (masks(0), masks(u32::MAX));
                let one = Masks { and: zero.and ^ ones.and, xor: zero.xor ^ ones.xor };
                Source::Pattern { tile, origin: (origin.x.into(), origin.y.into()), zero, one }
            }
        };
        let format = dst.format();
        Some(Self { dst, format, source })
    }

    /// Draws a span that lies inside the band.
    #[inline]
    pub(super) fn span(&mut self, span: Span) {
        let (left, right) = (span.left as usize, span.right as usize);
        match self.source {
            Source::Solid(m) => match self.format.bits_per_pixel() {
                32 => {
                    let row = &mut self.dst.row(span.y as u32)[left..right];
                    row.iter_mut().for_each(|p| *p = *p & m.and ^ m.xor);
                }
                16 => {
                    let row = &mut self.dst.row16(span.y as u32)[left..right];
                    row.iter_mut().for_each(|p| *p = *p & m.and as u16 ^ m.xor as u16);
                }
                8 => {
                    let row = &mut self.dst.row8(span.y as u32)[left..right];
                    row.iter_mut().for_each(|p| *p = *p & m.and as u8 ^ m.xor as u8);
                }
                _ => {
                    let row = self.dst.bytes_of_row(span.y as u32);
                    (left..right).for_each(|x| set_bit(row, x, m));
                }
            },
            Source::Pattern { tile, origin, zero, one } => {
                let (w, h) = (i64::from(tile.width()), i64::from(tile.height()));
                let source = tile.row((i64::from(span.y) - origin.1).rem_euclid(h) as u32);
                let mut column = (i64::from(span.left) - origin.0).rem_euclid(w) as usize;
                for x in left..right {
                    let s = convert_raw(tile.format(), self.format, raw_pixel(tile.format(), source, column));
                    let m = Masks { and: zero.and ^ (one.and & s), xor: zero.xor ^ (one.xor & s) };
                    match self.format.bits_per_pixel() {
                        32 => {
                            let p = &mut self.dst.row(span.y as u32)[x];
                            *p = *p & m.and ^ m.xor;
                        }
                        16 => {
                            let p = &mut self.dst.row16(span.y as u32)[x];
                            *p = *p & m.and as u16 ^ m.xor as u16;
                        }
                        8 => {
                            let p = &mut self.dst.row8(span.y as u32)[x];
                            *p = *p & m.and as u8 ^ m.xor as u8;
                        }
                        _ => set_bit(self.dst.bytes_of_row(span.y as u32), x, m),
                    }
                    column += 1;
                    if column == w as usize {
                        column = 0;
                    }
                }
            }
        }
    }
}

/// The same for column `x` of a 1-bit row.
fn set_bit(row: &mut [u8], x: usize, m: Masks) {
    let bit = x % 8;
    let p = &mut row[x / 8];
    let new = *p >> bit & m.and as u8 ^ m.xor as u8;
    *p = *p & !(1 << bit) | (new & 1) << bit;
}
