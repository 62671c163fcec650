//! Masks as regions.

use super::bands::BandBuilder;
use super::{Region, TooManyRects};
use crate::geom::{Point, Rect};
use crate::surface::SurfaceRef;

impl Region {
    /// The pixels of `area` that a mask lets through.
    ///
    /// The mask pixel of a target pixel is target + `offset`; the target is in where that bit is 1, or 0 if
    /// `inverse`. Outside the mask nothing is in, with `inverse` too. Masks of other formats than 1-bit alpha are
    /// read as the raw bits of their rows, as SPICE clients do. An error if it takes more than `limit`
    /// rectangles: cut `area` into bands then.
    pub fn from_mask(
        mask: SurfaceRef<'_>,
        offset: Point,
        inverse: bool,
        area: Rect,
        limit: usize,
    ) -> Result<Self, TooManyRects> {
        let mut out = BandBuilder::default();
        let (dx, dy) = (i64::from(offset.x), i64::from(offset.y));
        // Columns and rows of the area that the mask covers; in i64, where nothing overflows.
        let cut = |from: i32, to: i32, d: i64, size: u32| {
            (i64::from(from).max(-d), i64::from(to).min(i64::from(size) - d))
        };
        let (left, right) = cut(area.left, area.right, dx, mask.width());
        let (top, bottom) = cut(area.top, area.bottom, dy, mask.height());
        if left >= right || top >= bottom {
            return Ok(Self::new());
        }
        for y in top..bottom {
            let bits = Bits { words: mask.row((y + dy) as u32), flip: if inverse { u32::MAX } else { 0 } };
            let (mut x, end) = ((left + dx) as usize, (right + dx) as usize);
            while let Some(from) = bits.find(true, x, end) {
                let to = bits.find(false, from, end).unwrap_or(end);
                let column = |x: usize| (x as i64 - dx) as i32;
                out.push(Rect::new(column(from), y as i32, column(to), y as i32 + 1));
                if out.len() > limit {
                    // The open band may still turn out to be that above it.
                    out.check_len(limit)?;
                }
                x = to;
            }
            out.finish_band();
        }
        Ok(Self::from_canonical(out.into_rects())).and_then(|r: Self| r.at_most(limit))
    }
}

impl BandBuilder {
    fn check_len(&self, limit: usize) -> Result<(), TooManyRects> {
        // Twice the limit cannot shrink to the limit: only the open band can vanish, and it is as long as the one
        // above it then.
        if self.len() / 2 > limit { Err(TooManyRects { limit }) } else { Ok(()) }
    }
}

/// A row of bits, leftmost in bit 0.
struct Bits<'a> {
    words: &'a [u32],
    flip: u32,
}

impl Bits<'_> {
    /// The first column of `from..to` whose bit is `bit`.
    fn find(&self, bit: bool, from: usize, to: usize) -> Option<usize> {
        let flip = self.flip ^ if bit { 0 } else { u32::MAX };
        let mut column = from;
        while column < to {
            let shift = column % 32;
            let rest = (u32::from_le(self.words[column / 32]) ^ flip) >> shift;
            if rest != 0 {
                return Some(column + rest.trailing_zeros() as usize).filter(|&x| x < to);
            }
            column += 32 - shift;
        }
        None
    }
}
