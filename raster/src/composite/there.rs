//! Pictures that lie as they are under all of a rectangle, or are one colour: nothing is made, all rows go at once.
//!
//! Most of what guests composite is so, in small boxes, with the operators of Porter and Duff: for those [`Direct`]
//! decides in a few steps what [`super::plan`] decides for all.

use super::alphas::{Alphas, combine_alphas};
use super::cells::{Bits, Set, WordMask};
use super::combine::{Mask, Source, combine, combine_shorts};
use super::convert::{narrow, twice, widen};
use super::op::CompositeOp;
use super::words::first_word;
use super::{CHUNK, CompositeRepeat, CompositeSource, Composition, SMALL, for_blocks, target};
use crate::geom::Rect;
use crate::grid::{Grid, GridMut, cells};
use crate::put::{copy, fill};
use crate::region::Region;
use crate::simd::Raster;
use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};

/// Pixels of a picture that need no making, from the top left one of a rectangle on.
#[derive(Clone, Copy, Debug)]
pub(super) enum There<'a> {
    Words(Set<'a>),
    /// r5g6b5.
    Shorts(Grid<'a, u16>),
    Alphas(Grid<'a, u8>),
    Bits(Bits<'a>),
    /// The same word everywhere.
    One(u32),
}

impl<'a> There<'a> {
    /// Those of a picture from a pixel of it on.
    #[inline(always)]
    pub(super) fn new(surface: &SurfaceRef<'a>, column: usize, row: u32) -> Option<Self> {
        let words = |bits| Self::Words(Set { words: surface.words_from(column, row), bits });
        match surface.format() {
            SurfaceFormat::A8R8G8B8 => Some(words(0)),
            SurfaceFormat::X8R8G8B8 => Some(words(0xff00_0000)),
            SurfaceFormat::R5G6B5 => Some(Self::Shorts(surface.shorts_from(column, row))),
            SurfaceFormat::A8 => Some(Self::Alphas(surface.bytes_from(column, row))),
            SurfaceFormat::A1 => Some(Self::Bits(Bits::new(surface.bytes_from(0, row), column))),
            SurfaceFormat::X1R5G5B5 => None,
        }
    }

    /// As a source of words.
    #[inline(always)]
    pub(super) fn source(self) -> Option<Source<'a>> {
        match self {
            Self::Words(words) => Some(Source::Words(words)),
            Self::One(word) => Some(Source::One(word)),
            Self::Shorts(_) | Self::Alphas(_) | Self::Bits(_) => None,
        }
    }

    /// As a mask of words.
    #[inline(always)]
    pub(super) fn mask(self, component_alpha: bool) -> Option<Mask<'a>> {
        match self {
            Self::Words(Set { words, bits: 0 }) if component_alpha => {
                Some(Mask::Words(WordMask::Component(words)))
            }
            Self::Words(Set { words, bits: 0 }) => Some(Mask::Words(WordMask::Alpha(words))),
            Self::Alphas(alphas) if !component_alpha => Some(Mask::Alphas(alphas)),
            Self::Bits(bits) if !component_alpha => Some(Mask::Bits(bits)),
            _ => None,
        }
    }

    /// As alphas.
    #[inline(always)]
    fn alphas(self) -> Option<Alphas<'a>> {
        match self {
            Self::Alphas(grid) => Some(Alphas::Rows(grid)),
            Self::One(word) => Some(Alphas::One((word >> 24) as u8)),
            _ => None,
        }
    }
}

/// What is combined with a target's pixels, all of it lying there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operands<'a> {
    pub(super) op: CompositeOp,
    pub(super) src: There<'a>,
    pub(super) mask: Option<There<'a>>,
    pub(super) component_alpha: bool,
}

impl<'a> Operands<'a> {
    /// Source and mask as words for an 8-bit operator, where they lie there as those.
    #[inline(always)]
    fn words(self) -> Option<(Source<'a>, Mask<'a>)> {
        if self.op.in_float() {
            return None;
        }
        let mask = match self.mask {
            None => Mask::NONE,
            Some(mask) => mask.mask(self.component_alpha)?,
        };
        Some((self.src.source()?, mask))
    }
}

/// An operation on pictures that lie there under all of the box: which one it comes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Direct {
    op: CompositeOp,
    /// Bits of the source that count as set.
    set: u32,
}

/// Boxes and origins of one colour are within this; pixman ends at twice as much.
const FAR: i32 = 0x4000;

/// Whether a picture is one colour wherever it is read, given that it has no transform.
#[inline(always)]
fn is_one(source: &CompositeSource<'_>) -> bool {
    source.surface.width() == 1 && source.surface.height() == 1 && source.repeat != CompositeRepeat::None
}

/// Whether no pixel of a source or mask has to be made for any of a box.
#[inline(always)]
fn lies_there(source: &CompositeSource<'_>, bbox: Rect) -> bool {
    let (width, height) = (source.surface.width() as i32, source.surface.height() as i32);
    let (x, y) = (source.origin.x, source.origin.y);
    if source.transform.is_some() {
        return false;
    }
    if is_one(source) {
        return x > -FAR && x < FAR && y > -FAR && y < FAR;
    }
    // Boxes are smaller than pictures may be, and pictures of other sizes are none of pixman's.
    let fits = x >= 0 && y >= 0 && width < 0x7fff && height < 0x7fff;
    fits && x <= width - bbox.width() as i32 && y <= height - bbox.height() as i32
}

/// Its pixels for a rectangle in the box.
#[inline(always)]
fn there<'a>(source: &CompositeSource<'a>, bbox: Rect, rect: Rect) -> Option<There<'a>> {
    if is_one(source) {
        return Some(There::One(first_word(&source.surface)));
    }
    let (x, y) = (source.origin.x + (rect.left - bbox.left), source.origin.y + (rect.top - bbox.top));
    There::new(&source.surface, x as usize, y as u32)
}

impl Direct {
    /// `None` where the general plan is needed.
    #[inline(always)]
    pub(super) fn new(target: SurfaceFormat, bbox: Rect, composition: &Composition<'_>) -> Option<Self> {
        let Composition { op, src, mask, component_alpha } = composition;
        let small = bbox.width() < FAR as u32 && bbox.height() < FAR as u32;
        if !op.is_porter_duff() || !small || !lies_there(src, bbox) {
            return None;
        }
        let format = src.surface.format();
        let op = match mask {
            None => op.simplified(!matches!(
                format,
                SurfaceFormat::A8R8G8B8 | SurfaceFormat::A8 | SurfaceFormat::A1
            )),
            // These are never opaque, and count by what their format is for.
            Some(mask) => match (mask.surface.format(), component_alpha) {
                (SurfaceFormat::A8 | SurfaceFormat::A1, false) | (SurfaceFormat::A8R8G8B8, _)
                    if lies_there(mask, bbox) =>
                {
                    *op
                }
                _ => return None,
            },
        };
        if op == CompositeOp::Dst {
            // Nothing is drawn, and unused bits stay.
            return None;
        }
        let mut set = if format == SurfaceFormat::X8R8G8B8 { 0xff00_0000 } else { 0 };
        if target == SurfaceFormat::X8R8G8B8 {
            if !op.keeps_x_as_alpha() {
                return None;
            }
            if op == CompositeOp::Src && mask.is_none() {
                // Copied with the x bytes.
                set = 0;
            }
        }
        Some(Self { op, set })
    }

    /// As [`Direct::draw`], for all rectangles of a clip.
    #[inline(never)]
    pub(super) fn draw_all(
        &self,
        raster: &Raster,
        dst: &mut SurfaceMut<'_>,
        bbox: Rect,
        clip: &Region,
        area: Rect,
        composition: &Composition<'_>,
    ) -> bool {
        clip.rects_in(area).all(|rect| self.draw(raster, dst, bbox, rect, composition))
    }

    /// The pixels of a rectangle inside the box; false, and nothing done, where this is not the way, whichever the
    /// rectangle. Apart, so that what it needs is not worked out before there is a rectangle.
    #[inline(never)]
    pub(super) fn draw(
        &self,
        raster: &Raster,
        dst: &mut SurfaceMut<'_>,
        bbox: Rect,
        rect: Rect,
        Composition { src, mask, component_alpha, .. }: &Composition<'_>,
    ) -> bool {
        let src = match there(src, bbox, rect) {
            None => return false,
            Some(There::Words(Set { words, .. })) => There::Words(Set { words, bits: self.set }),
            Some(src) => src,
        };
        let mask = match mask {
            None => None,
            Some(mask) => match there(mask, bbox, rect) {
                None => return false,
                mask => mask,
            },
        };
        let operands = Operands { op: self.op, src, mask, component_alpha: *component_alpha };
        raster.combine_there(dst, rect, operands)
    }
}

impl Raster {
    /// Combines pixels that lie there with those of a target; on x8r8g8b8, with the x byte as alpha. False, and nothing
    /// done, if some have to be made first, whichever the rectangle.
    #[inline(always)]
    pub(super) fn combine_there(&self, dst: &mut SurfaceMut<'_>, rect: Rect, operands: Operands<'_>) -> bool {
        let Operands { op, src, mask, .. } = operands;
        let (level, size, format) = (self.level, cells(rect), dst.format());
        match format {
            SurfaceFormat::A8R8G8B8 | SurfaceFormat::X8R8G8B8 => {
                if let (CompositeOp::Src, There::Shorts(s), None) = (op, src, mask) {
                    widen(level, SurfaceFormat::R5G6B5, &mut dst.words_of(rect), s, size);
                    return true;
                }
                let Some((source, mask)) = operands.words() else { return false };
                combine(level, op, dst.words_of(rect), source, mask, size);
            }
            SurfaceFormat::A8 => {
                let (Some(source), true) = (src.alphas(), op.is_porter_duff()) else { return false };
                let mask = match mask {
                    None => None,
                    Some(There::Alphas(mask)) => Some(mask),
                    _ => return false,
                };
                combine_alphas(level, op, dst.bytes_of(rect, 1), source, mask, size);
            }
            SurfaceFormat::R5G6B5 => match (op, src, mask) {
                (CompositeOp::Src, There::Shorts(s), None) => {
                    let (width, height) = size;
                    copy(level, dst.bytes_of(rect, 2), s.bytes(), (2 * width, height));
                }
                _ => return self.combine_there_shorts::<true>(dst, rect, operands),
            },
            SurfaceFormat::X1R5G5B5 => {
                return self.combine_there_shorts::<false>(dst, rect, operands);
            }
            SurfaceFormat::A1 => return false,
        }
        true
    }

    /// As [`Raster::combine_there`], on 16-bit pixels: r5g6b5 if `SIX`, else x1r5g5b5, whose unused bits become 0.
    #[inline(always)]
    fn combine_there_shorts<const SIX: bool>(
        &self,
        dst: &mut SurfaceMut<'_>,
        rect: Rect,
        operands: Operands<'_>,
    ) -> bool {
        let Operands { op, src, mask, .. } = operands;
        let (level, size, format) = (self.level, cells(rect), dst.format());
        match (op, src, mask) {
            (CompositeOp::Src, There::One(word), None) => {
                let (width, height) = size;
                fill(level, dst.bytes_of(rect, 2), twice(format, word), (2 * width, height));
            }
            (CompositeOp::Src, There::Words(s), None) => {
                narrow(level, format, &mut dst.shorts_of(rect), s.words, size);
            }
            _ => {
                let Some((source, mask)) = operands.words() else { return false };
                if !combine_shorts::<SIX>(level, op, &mut dst.shorts_of(rect), source, mask, size) {
                    match rect.area() as usize {
                        ..=SMALL => self.combine_made_shorts::<SMALL>(dst, rect, op, source, mask),
                        _ => self.combine_made_shorts::<CHUNK>(dst, rect, op, source, mask),
                    }
                }
            }
        }
        true
    }

    /// Combines words with those of 16-bit pixels, by blocks of at most `N`.
    #[inline(never)]
    fn combine_made_shorts<const N: usize>(
        &self,
        dst: &mut SurfaceMut<'_>,
        rect: Rect,
        op: CompositeOp,
        src: Source<'_>,
        mask: Mask<'_>,
    ) {
        let mut words = [0; N];
        for_blocks(rect, N, |block| {
            let size = cells(block);
            let d = &mut words[..size.0 * size.1];
            let (x, y) = ((block.left - rect.left) as usize, (block.top - rect.top) as usize);
            target::load(self.level, dst, block, d);
            combine(self.level, op, GridMut::packed(d, size.0), src.at(x, y), mask.at(x, y), size);
            target::store(self.level, dst, block, d);
        });
    }
}
