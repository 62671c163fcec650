//! The operators with 8 bits a channel, on rectangles.
//!
//! Small rectangles such as glyphs are most of what guests composite, and what a call costs counts most with them: so
//! words that lie somewhere already are combined there, all rows in one go, and only others are made, in blocks.

use super::alphas::combine_alphas;
use super::combine::{Mask, combine, takes_alphas};
use super::grid::{Grid, GridMut};
use super::op::CompositeOp;
use super::plan::{Picture, Plan, Sampling, Unused};
use super::scaled::Scaled;
use super::{CHUNK, SMALL, for_blocks, target};
use crate::geom::Rect;
use crate::simd::Raster;
use crate::surface::{SurfaceFormat, SurfaceMut};
use fearless_simd::Level;

/// Where the words of a picture for a rectangle are.
enum Words<'a, 'p> {
    /// In the picture.
    There(Grid<'p, u32>),
    /// The same for all pixels: they are in the scratch.
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
        if let Some(grid) = picture.grid(rect) {
            return Self::There(grid);
        }
        match picture.scaled(level, rect) {
            Some(scaled) => Self::Scaled(Box::new(scaled)),
            None => Self::Made(picture),
        }
    }

    /// Those of a block of the rectangle.
    fn block<'s>(
        &'s mut self,
        level: Level,
        rect: Rect,
        block: Rect,
        scratch: &'s mut [u32],
    ) -> Grid<'s, u32> {
        let (size, width) = (block.area() as usize, block.width() as usize);
        match self {
            Self::There(grid) => {
                return grid.at((block.left - rect.left) as usize, (block.top - rect.top) as usize);
            }
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

/// The target's words of a block.
fn target_words<'d>(dst: &'d mut SurfaceMut<'_>, block: Rect) -> GridMut<'d, u32> {
    let (words, top, stride) = dst.layout_mut();
    GridMut::new(words, (block.top as usize - top as usize) * stride + block.left as usize, stride)
}

/// The target's bytes of a block.
fn target_alphas<'d>(dst: &'d mut SurfaceMut<'_>, block: Rect) -> GridMut<'d, u8> {
    let (words, top, stride) = dst.layout_mut();
    let start = (block.top as usize - top as usize) * stride * 4 + block.left as usize;
    GridMut::new(bytemuck::cast_slice_mut(words), start, stride * 4)
}

impl Raster {
    pub(super) fn composite_narrow(&self, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
        let in_place = dst.format() == SurfaceFormat::A8R8G8B8 || plan.unused == Unused::AsAlpha;
        let columns = rect.left as usize..rect.right as usize;
        if plan.unused == Unused::Raw {
            return copy_raw_shorts(dst, rect, plan);
        }
        if plan.op == CompositeOp::Clear && in_place {
            return (rect.top..rect.bottom).for_each(|y| dst.row(y as u32)[columns.clone()].fill(0));
        }
        if dst.format() == SurfaceFormat::A8 && plan.op.is_porter_duff() {
            return self.composite_alphas(dst, rect, plan);
        }
        if in_place && plan.mask.is_none() {
            if let Some(words) = plan.src.grid(rect) {
                let size = (rect.width() as usize, rect.height() as usize);
                return combine(self.level, plan.op, &mut target_words(dst, rect), words, Mask::None, size);
            }
            if plan.op == CompositeOp::Src && !plan.src.is_scaled(rect) {
                return (rect.top..rect.bottom).for_each(|y| {
                    plan.src.words(self.level, rect.left, y, &mut dst.row(y as u32)[columns.clone()])
                });
            }
        }
        if let (true, Some(mask)) = (in_place && takes_alphas(plan.op) && !plan.component_alpha, &plan.mask)
            && let Some(alphas) = mask.alpha_grid(rect)
        {
            let size = (rect.width() as usize, rect.height() as usize);
            if plan.src.sampling == Sampling::Solid {
                let mask = Mask::OfOne(alphas);
                let word = [plan.src.solid()];
                let target = &mut target_words(dst, rect);
                return combine(self.level, plan.op, target, Grid::constant(&word), mask, size);
            }
            if let Some(words) = plan.src.grid(rect) {
                let target = &mut target_words(dst, rect);
                return combine(self.level, plan.op, target, words, Mask::Alphas(alphas), size);
            }
        }
        match rect.area() <= SMALL as u64 {
            true => self.composite_words::<SMALL>(dst, rect, plan, in_place),
            false => self.composite_words::<CHUNK>(dst, rect, plan, in_place),
        }
    }

    /// By blocks of at most `N` words.
    #[inline(never)]
    fn composite_words<const N: usize>(
        &self,
        dst: &mut SurfaceMut<'_>,
        rect: Rect,
        plan: &Plan<'_>,
        in_place: bool,
    ) {
        let level = self.level;
        let mut s = [0; N];
        let mut source = Words::of(&plan.src, level, rect, &mut s);
        let mut m = [0; N];
        let mut mask = plan.mask.as_ref().map(|mask| Words::of(mask, level, rect, &mut m));
        for_blocks(rect, N, |block| {
            let size = (block.width() as usize, block.height() as usize);
            let s = source.block(level, rect, block, &mut s);
            let mask = match &mut mask {
                None => Mask::None,
                Some(mask) => {
                    let m = mask.block(level, rect, block, &mut m);
                    if plan.component_alpha { Mask::Component(m) } else { Mask::Alpha(m) }
                }
            };
            if in_place {
                return combine(level, plan.op, &mut target_words(dst, block), s, mask, size);
            }
            let mut d = [0; N];
            let d = &mut d[..size.0 * size.1];
            for (d, y) in d.chunks_exact_mut(size.0).zip(block.top..) {
                target::load(dst, block.left, y, d);
            }
            combine(level, plan.op, &mut GridMut::packed(d, size.0), s, mask, size);
            for (d, y) in d.chunks_exact(size.0).zip(block.top..) {
                target::store(dst, block.left, y, d);
            }
        });
    }

    /// On an 8-bit alpha target, by alphas.
    fn composite_alphas(&self, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
        let src = plan.src.alpha_grid(rect);
        let mask = plan.mask.as_ref().map(|mask| mask.alpha_grid(rect));
        if let (Some(s), None | Some(Some(_))) = (src, mask) {
            let size = (rect.width() as usize, rect.height() as usize);
            let target = &mut target_alphas(dst, rect);
            return combine_alphas(self.level, plan.op, target, s, mask.flatten(), size);
        }
        if rect.area() <= SMALL as u64 {
            self.composite_made_alphas::<SMALL>(dst, rect, plan);
        } else {
            self.composite_made_alphas::<CHUNK>(dst, rect, plan);
        }
    }

    /// The same by blocks of at most `N` alphas, which are made.
    #[inline(never)]
    fn composite_made_alphas<const N: usize>(&self, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
        let (mut s, mut m) = ([0; N], [0; N]);
        let fill = |picture: &Picture<'_>, alphas: &mut [u8; N]| {
            if picture.sampling == Sampling::Solid {
                alphas.fill((picture.solid() >> 24) as u8);
            }
        };
        fill(&plan.src, &mut s);
        plan.mask.iter().for_each(|mask| fill(mask, &mut m));
        for_blocks(rect, N, |block| {
            let size = (block.width() as usize, block.height() as usize);
            let cells = size.0 * size.1;
            let read = |picture: &Picture<'_>, alphas: &mut [u8]| {
                if picture.sampling != Sampling::Solid {
                    picture.rect_alphas(self.level, block, alphas);
                }
            };
            read(&plan.src, &mut s[..cells]);
            let s = Grid::packed(&s[..cells], size.0);
            let m = plan.mask.as_ref().map(|mask| {
                read(mask, &mut m[..cells]);
                Grid::packed(&m[..cells], size.0)
            });
            combine_alphas(self.level, plan.op, &mut target_alphas(dst, block), s, m, size);
        });
    }
}

/// A plain copy of x1r5g5b5 pixels with their 16th bits; the source is inside or repeats as tiles.
fn copy_raw_shorts(dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
    let src = &plan.src;
    let (width, height) = (i64::from(src.surface.width()), i64::from(src.surface.height()));
    for y in rect.top..rect.bottom {
        let row = src.surface.row16((i64::from(y) + src.shift.1).rem_euclid(height) as u32);
        let from = i64::from(rect.left) + src.shift.0;
        let d = &mut dst.row16(y as u32)[rect.left as usize..rect.right as usize];
        d.iter_mut().zip(from..).for_each(|(d, x)| *d = row[x.rem_euclid(width) as usize]);
    }
}
