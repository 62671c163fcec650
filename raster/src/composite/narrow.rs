//! The operators with 8 bits a channel, on rectangles.
//!
//! Small rectangles such as glyphs are most of what guests composite, and what a call costs counts most with them: so
//! words that lie somewhere already are combined there, all rows in one go, and only others are made, in blocks.

use super::alphas::{Alphas, combine_alphas};
use super::cells::{Set, WordMask};
use super::combine::{Mask, Source, combine, takes_all};
use super::op::CompositeOp;
use super::plan::{Picture, Plan, Sampling, Unused};
use super::scaled::Scaled;
use super::there::{Operands, There};
use super::{CHUNK, SMALL, TINY, for_blocks, target};
use crate::geom::Rect;
use crate::grid::{Grid, GridMut, cells};
use crate::put::copy;
use crate::simd::Raster;
use crate::surface::{SurfaceFormat, SurfaceMut};
use fearless_simd::Level;

/// Where the words of a picture for a rectangle come from, where they do not lie there as they are needed.
enum Words<'a, 'p> {
    /// The same for all pixels: a row of them is in the scratch.
    One,
    /// They are made block by block.
    Made(&'p Picture<'a>),
    /// They are, with what the row before leaves for the next.
    Scaled(Box<Scaled<'a>>),
}

impl<'a, 'p> Words<'a, 'p> {
    /// `scratch` gets what is there for all blocks.
    fn of(picture: &'p Picture<'a>, level: Level, rect: Rect, scratch: &mut [u32]) -> Self {
        if picture.sampling == Sampling::Solid {
            let len = scratch.len();
            scratch[..(rect.width() as usize).min(len)].fill(picture.solid());
            return Self::One;
        }
        match picture.scaled(level, rect) {
            Some(scaled) => Self::Scaled(Box::new(scaled)),
            None => Self::Made(picture),
        }
    }

    /// Those of a block of the rectangle.
    fn block<'s>(&mut self, level: Level, rect: Rect, block: Rect, scratch: &'s mut [u32]) -> Grid<'s, u32> {
        let (size, width) = (block.area() as usize, block.width() as usize);
        match self {
            Self::One => return Grid::constant(&scratch[..width]),
            Self::Made(picture) => picture.rect_words(level, block, &mut scratch[..size]),
            Self::Scaled(scaled) => {
                for (out, y) in scratch[..size].chunks_exact_mut(width).zip(block.top..) {
                    out.copy_from_slice(&scaled.row(rect, y)[(block.left - rect.left) as usize..][..width]);
                }
            }
        }
        Grid::packed(&scratch[..size], width)
    }
}

impl Raster {
    pub(super) fn composite_narrow(&self, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
        let in_place = dst.format() == SurfaceFormat::A8R8G8B8 || plan.unused == Unused::AsAlpha;
        if plan.unused == Unused::Raw {
            return copy_raw_shorts(self.level, dst, rect, plan);
        }
        if in_place || dst.format() != SurfaceFormat::X8R8G8B8 {
            let (src, mask) = (plan.src.there(rect), plan.mask.as_ref().map(|mask| mask.there(rect)));
            if let (Some(src), None | Some(Some(_))) = (src, mask) {
                let mask = mask.flatten();
                let operands = Operands { op: plan.op, src, mask, component_alpha: plan.component_alpha };
                if self.combine_there(dst, rect, operands) {
                    return;
                }
            }
        }
        if dst.format() == SurfaceFormat::A8 && plan.op.is_porter_duff() {
            return match rect.area() <= SMALL as u64 {
                true => self.composite_made_alphas::<SMALL>(dst, rect, plan),
                false => self.composite_made_alphas::<CHUNK>(dst, rect, plan),
            };
        }
        if in_place && plan.mask.is_none() && plan.op == CompositeOp::Src && !plan.src.is_scaled(rect) {
            let columns = rect.left as usize..rect.right as usize;
            return (rect.top..rect.bottom).for_each(|y| {
                plan.src.words(self.level, rect.left, y, &mut dst.row(y as u32)[columns.clone()])
            });
        }
        match rect.area() as usize {
            area if area <= TINY => self.composite_words::<TINY>(dst, rect, plan, in_place),
            area if area <= SMALL => self.composite_words::<SMALL>(dst, rect, plan, in_place),
            _ => self.composite_words::<CHUNK>(dst, rect, plan, in_place),
        }
    }

    /// By blocks of at most `N` words. Scratch is cleared only where it is needed: small boxes notice.
    #[inline(never)]
    fn composite_words<const N: usize>(
        &self,
        dst: &mut SurfaceMut<'_>,
        rect: Rect,
        plan: &Plan<'_>,
        in_place: bool,
    ) {
        let (level, op) = (self.level, plan.op);
        let (mut s, mut m, mut a, mut d);
        let (mut s_words, mut m_words, mut m_alphas, mut d_words): (
            &mut [u32],
            &mut [u32],
            &mut [u8],
            &mut [u32],
        ) = (&mut [], &mut [], &mut [], &mut []);
        let mut source = match plan.src.there(rect).and_then(There::source) {
            Some(there) => Ok(there),
            None => {
                s = [0; N];
                s_words = &mut s;
                Err(Words::of(&plan.src, level, rect, s_words))
            }
        };
        let by_alphas = takes_all(op) && !plan.component_alpha;
        let mask_there = plan.mask.as_ref().and_then(|mask| mask.there(rect)?.mask(plan.component_alpha));
        let mut mask = None;
        match &plan.mask {
            Some(_) if mask_there.is_some() => (),
            Some(_) if by_alphas => {
                a = [0; N];
                m_alphas = &mut a;
            }
            Some(picture) => {
                m = [0; N];
                m_words = &mut m;
                mask = Some(Words::of(picture, level, rect, m_words));
            }
            None => (),
        }
        if !in_place {
            d = [0; N];
            d_words = &mut d;
        }
        for_blocks(rect, N, |block| {
            let size = cells(block);
            let len = size.0 * size.1;
            let (x, y) = ((block.left - rect.left) as usize, (block.top - rect.top) as usize);
            let s = match &mut source {
                Ok(there) => there.at(x, y),
                Err(made) => Source::Words(Set { words: made.block(level, rect, block, s_words), bits: 0 }),
            };
            let m = match (&plan.mask, &mask_there, &mut mask) {
                (None, ..) => Mask::NONE,
                (_, Some(there), _) => there.at(x, y),
                (_, _, Some(mask)) => {
                    let m = mask.block(level, rect, block, m_words);
                    Mask::Words(if plan.component_alpha {
                        WordMask::Component(m)
                    } else {
                        WordMask::Alpha(m)
                    })
                }
                (Some(mask), ..) => {
                    mask.rect_alphas(level, block, &mut m_alphas[..len]);
                    Mask::Alphas(Grid::packed(&m_alphas[..len], size.0))
                }
            };
            if in_place {
                return combine(level, op, dst.words_of(block), s, m, size);
            }
            let d = &mut d_words[..len];
            target::load(level, dst, block, d);
            combine(level, op, GridMut::packed(d, size.0), s, m, size);
            target::store(level, dst, block, d);
        });
    }

    /// On an 8-bit alpha target, by blocks of at most `N` alphas, which are made.
    #[inline(never)]
    fn composite_made_alphas<const N: usize>(&self, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
        let (mut s, mut m) = ([0; N], [0; N]);
        for_blocks(rect, N, |block| {
            let size = cells(block);
            let len = size.0 * size.1;
            let s = match plan.src.sampling {
                Sampling::Solid => Alphas::One((plan.src.solid() >> 24) as u8),
                _ => {
                    plan.src.rect_alphas(self.level, block, &mut s[..len]);
                    Alphas::Rows(Grid::packed(&s[..len], size.0))
                }
            };
            let m = plan.mask.as_ref().map(|mask| {
                mask.rect_alphas(self.level, block, &mut m[..len]);
                Grid::packed(&m[..len], size.0)
            });
            combine_alphas(self.level, plan.op, dst.bytes_of(block, 1), s, m, size);
        });
    }
}

/// A plain copy of x1r5g5b5 pixels with their 16th bits; the source is inside or repeats as tiles.
fn copy_raw_shorts(level: Level, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
    let src = &plan.src;
    if let Some((row, column)) = src.below(rect) {
        let (width, height) = cells(rect);
        let from = src.surface.bytes_from(2 * column, row);
        return copy(level, dst.bytes_of(rect, 2), from, (2 * width, height));
    }
    let (width, height) = (i64::from(src.surface.width()), i64::from(src.surface.height()));
    for y in rect.top..rect.bottom {
        let row = src.surface.row16((i64::from(y) + src.shift.1).rem_euclid(height) as u32);
        let from = i64::from(rect.left) + src.shift.0;
        let d = &mut dst.row16(y as u32)[rect.left as usize..rect.right as usize];
        d.iter_mut().zip(from..).for_each(|(d, x)| *d = row[x.rem_euclid(width) as usize]);
    }
}
