//! Three-operand raster operations.

use crate::geom::{Point, Rect};
use crate::plain;
use crate::region::Region;
use crate::sample::{Filter, Sampler, raw_view};
use crate::simd::Raster;
use crate::surface::{SurfaceMut, SurfaceRef};

/// The brush of a three-operand operation.
#[derive(Clone, Copy, Debug)]
pub enum Rop3Brush<'a> {
    /// One raw pixel value everywhere; its low bits on surfaces of fewer bits.
    Solid(u32),
    /// A repeated tile. At the box's top left it starts with its pixel (box − `pos`) mod size, by C's remainder:
    /// where that is negative the brush is 0 up to the tile's first column (row). A tile without pixels is 0.
    Pattern {
        /// The tile.
        tile: SurfaceRef<'a>,
        /// Where on the target a tile starts.
        pos: Point,
    },
}

impl Raster {
    /// Combines brush (P), source (S) and target (D) bit by bit: bit `P << 2 | S << 1 | D` of `code` is the
    /// result, GDI's ternary raster operations by their number. All 256 codes are drawn.
    ///
    /// `src_area` of the picture is stretched over `bbox` if the sizes differ; source pixels outside the picture
    /// are 0. The part of the clip outside `bbox` is left alone. `QXL_DRAW_ROP3`; `SEMANTICS.md` 5.
    #[expect(clippy::too_many_arguments, reason = "they are the operation's own")]
    pub fn rop3(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        bbox: Rect,
        src: SurfaceRef<'_>,
        src_area: Rect,
        filter: Filter,
        brush: Rop3Brush<'_>,
        code: u8,
    ) {
        let src = Sampler::for_rop3(raw_view(src, dst.format()), src_area, bbox, filter, dst.format());
        plain::rop3(dst, &clip.cut(bbox), bbox, &src, brush, code);
    }
}

/// The function by its truth table, minterm by minterm.
pub(crate) fn rop3_bits(code: u8, p: u32, s: u32, d: u32) -> u32 {
    (0..8).filter(|bit| code >> bit & 1 != 0).fold(0, |result, bit| {
        let p = if bit & 4 != 0 { p } else { !p };
        let s = if bit & 2 != 0 { s } else { !s };
        let d = if bit & 1 != 0 { d } else { !d };
        result | p & s & d
    })
}
