//! Glyphs: `QXL_DRAW_TEXT`.

mod blend;
mod merge;
#[cfg(test)]
mod tests;

use crate::geom::{Point, Rect};
use crate::region::Region;
use crate::simd::Raster;
use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};
use blend::Ink;

/// Bits of coverage per glyph pixel (`SPICE_STRING_FLAGS_RASTER_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GlyphDepth {
    /// One bit, the leftmost pixel in bit 7: nothing or all.
    A1,
    /// Four bits, the left pixel in the high nibble. The strongest is 240 of 255.
    A4,
    /// Eight bits. SPICE clients show these one row lower than they lie, and so does this crate: the bottom row is
    /// lost and the top row reads what follows the raster.
    A8,
}

impl GlyphDepth {
    /// Bytes of a row: each row starts on its own byte.
    const fn bytes_per_row(self, width: u32) -> usize {
        match self {
            Self::A1 => width.div_ceil(8) as usize,
            Self::A4 => width.div_ceil(2) as usize,
            Self::A8 => width as usize,
        }
    }
}

/// A glyph as a raster (`SpiceRasterGlyph`).
#[derive(Clone, Copy, Debug)]
pub struct GlyphRef<'a> {
    /// The pen position, in target pixels.
    pub render_pos: Point,
    /// The raster's top left corner relative to it.
    pub origin: Point,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Coverage, bottom row first, each row on its own byte. Missing bytes count as 0.
    pub data: &'a [u8],
}

impl GlyphRef<'_> {
    /// Where it lies; cut to the range of `i32`.
    pub fn bounds(&self) -> Rect {
        let (x, y) = (
            self.render_pos.x.saturating_add(self.origin.x),
            self.render_pos.y.saturating_add(self.origin.y),
        );
        Rect::new(x, y, x.saturating_add(i32::from(self.width)), y.saturating_add(i32::from(self.height)))
    }
}

/// What glyphs are drawn with.
#[derive(Clone, Copy, Debug)]
pub enum TextBrush<'a> {
    /// A raw pixel value without alpha; on 16-bit surfaces its low bits are read as 5-5-5, on r5g6b5 too.
    Solid(u32),
    /// Pixel (x, y) takes tile pixel ((x − b.left − pos.x) mod w, (y − b.top − pos.y) mod h), where b is
    /// [`text_bounds`]. A tile with alpha is premultiplied; one without pixels draws nothing.
    Pattern {
        /// The tile.
        tile: SurfaceRef<'a>,
        /// Where its top left corner falls, relative to the text's.
        pos: Point,
    },
}

/// The smallest rectangle around all glyphs, those without pixels included: the origin of patterns, and the box of
/// [`Raster::clear_dest_alpha`], which has to follow text on x8r8g8b8 surfaces.
pub fn text_bounds<'a>(glyphs: impl IntoIterator<Item = GlyphRef<'a>>) -> Rect {
    let around = |a: Rect, b: Rect| Rect {
        left: a.left.min(b.left),
        top: a.top.min(b.top),
        right: a.right.max(b.right),
        bottom: a.bottom.max(b.bottom),
    };
    glyphs.into_iter().map(|g| g.bounds()).reduce(around).unwrap_or_default()
}

/// Pixels of coverage kept at a time: they stay in the cache, and memory does not depend on the text's size.
const STRIP_PIXELS: usize = 1 << 15;

impl Raster {
    /// Draws a string: the glyphs are merged into one coverage mask, through which the brush is drawn over the
    /// surface.
    ///
    /// Where glyphs overlap the stronger coverage counts, with one exception of SPICE's: an odd column of a 4-bit
    /// glyph whose left neighbour is not 0 replaces what other glyphs left there. The background is not drawn here:
    /// fill it first. On x8r8g8b8 the x byte is treated as alpha; call [`Raster::clear_dest_alpha`] with
    /// [`text_bounds`] once all bands are drawn. `QXL_DRAW_TEXT`; `SEMANTICS.md` 7.
    pub fn text<'a>(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        glyphs: impl IntoIterator<Item = GlyphRef<'a>, IntoIter: Clone>,
        depth: GlyphDepth,
        brush: TextBrush<'_>,
    ) {
        let glyphs = glyphs.into_iter();
        let all = text_bounds(glyphs.clone());
        let area = all.intersect(&clip.bounds()).intersect(&dst.bounds());
        if area.is_empty() {
            return;
        }
        let Some(ink) = Ink::new(dst.format(), brush, all) else { return };
        let width = area.width() as usize;
        let rows = (STRIP_PIXELS / width).clamp(1, area.height() as usize);
        let mut mask = vec![0u8; width * rows];
        for top in (area.top..area.bottom).step_by(rows) {
            let strip = Rect { top, bottom: area.bottom.min(top.saturating_add(rows as i32)), ..area };
            let mut touched = Rect::default();
            for glyph in glyphs.clone() {
                let part = glyph.bounds().intersect(&strip);
                if !part.is_empty() {
                    merge::glyph(&glyph, depth, part, &mut mask, strip);
                    touched = touched.union(&part);
                }
            }
            // Drawing clears the unused bit of x1r5g5b5, where nothing is covered too.
            let drawn = if dst.format() == SurfaceFormat::X1R5G5B5 { strip } else { touched };
            for r in clip.rects_in(drawn) {
                ink.draw(self.level, dst, r, &mask, strip);
            }
            if !touched.is_empty() {
                let rows = (touched.top - top) as usize..(touched.bottom - top) as usize;
                mask[rows.start * width..rows.end * width].fill(0);
            }
        }
    }
}
