//! Three-operand raster operations.

use crate::brush::{Rop3Brush, start_in_tile};
use crate::geom::Rect;
use crate::kernels::rop3::rop3_kernel;
use crate::kernels::with_level;
use crate::pixel::splat;
use crate::plain;
use crate::region::Region;
use crate::rows::{SourceRows, TileRows, each_row, whole_bytes};
use crate::sample::{Filter, Sampler, raw_view};
use crate::simd::Raster;
use crate::surface::{SurfaceMut, SurfaceRef};

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
        let clip = clip.cut(bbox);
        let format = dst.format();
        let tile = match brush {
            Rop3Brush::Solid(_) => None,
            Rop3Brush::Pattern { tile, pos } => Some((raw_view(tile, format), pos)),
        };
        if !whole_bytes(format) || tile.is_some_and(|(tile, _)| tile.format() != format) {
            return plain::rop3(dst, &clip, bbox, &src, brush, code);
        }
        let mut source = SourceRows::new(self.level, &src, clip.bounds().intersect(&dst.bounds()));
        with_level!(self.level, simd => {
            let kernel = rop3_kernel(code);
            match tile.filter(|(tile, _)| tile.width() > 0 && tile.height() > 0) {
                Some((tile, pos)) => {
                    let column = start_in_tile(bbox.left, pos.x, tile.width());
                    let row = start_in_tile(bbox.top, pos.y, tile.height());
                    let mut tiles = TileRows::new(tile);
                    for r in clip.rects_in(dst.bounds()) {
                        tiles.each(r, &column, &row, (bbox.left, bbox.top), |y, brush| {
                            let to = dst.bytes(y, r.left, r.right);
                            kernel(simd, to, source.row(y, r.left, r.right), brush);
                        });
                    }
                }
                None => {
                    let color = if let Rop3Brush::Solid(color) = brush { splat(format, color) } else { 0 };
                    let width = clip.bounds().intersect(&dst.bounds()).width();
                    let brush = vec![color; format.words_per_row(width)];
                    let brush: &[u8] = bytemuck::cast_slice(&brush);
                    each_row(dst, &clip, |y, left, right, row| {
                        let brush = &brush[..row.len()];
                        kernel(simd, row, source.row(y, left, right), brush);
                    });
                }
            }
        });
    }
}
