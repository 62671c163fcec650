//! Copies, scaled or not, from pictures and within a surface.

use crate::geom::{Point, Rect};
use crate::kernels::bits::rop2_kernel;
use crate::kernels::with_level;
use crate::plain;
use crate::region::Region;
use crate::rop::Rop2;
use crate::rows::{SourceRows, each_row, whole_bytes};
use crate::sample::{Filter, Sampler, raw_view};
use crate::simd::Raster;
use crate::surface::{SurfaceMut, SurfaceRef};

impl Raster {
    /// Copies a picture through `rop`, not scaled: target pixel p takes source pixel p + `offset`. Targets whose
    /// source lies outside the picture are left alone. Pixels of the same size are copied raw, others converted
    /// to the target's format first. `QXL_DRAW_COPY`, `BLEND`; `SEMANTICS.md` 2 and 3.
    pub fn copy(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        src: SurfaceRef<'_>,
        offset: Point,
        rop: Rop2,
    ) {
        let src = raw_view(src, dst.format());
        self.copy_sampled(dst, clip, &Sampler::shifted(src, offset, dst.format()), rop);
    }

    /// Copies `src_area` of a picture, stretched over `bbox`, through `rop`. The part of the clip outside `bbox`
    /// is left alone. Scaled source pixels outside the picture are 0, and are drawn; if the two rectangles have
    /// the same size nothing is scaled and such pixels are left alone.
    ///
    /// Scaled with [`Rop2::PUT`], pixels are converted to the target's format; otherwise pixels of the target's
    /// size are taken raw, as [`Raster::copy`] does. `SEMANTICS.md` 4.
    #[expect(clippy::too_many_arguments, reason = "they are the operation's own")]
    pub fn copy_scaled(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        bbox: Rect,
        src: SurfaceRef<'_>,
        src_area: Rect,
        filter: Filter,
        rop: Rop2,
    ) {
        let clip = clip.cut(bbox);
        let scaled = src_area.width() != bbox.width() || src_area.height() != bbox.height();
        let src = if scaled && rop == Rop2::PUT { src } else { raw_view(src, dst.format()) };
        self.copy_sampled(dst, &clip, &Sampler::new(src, src_area, bbox, filter, dst.format()), rop);
    }

    pub(crate) fn copy_sampled(&self, dst: &mut SurfaceMut<'_>, clip: &Region, src: &Sampler<'_>, rop: Rop2) {
        if rop == Rop2::Nop {
            return;
        }
        let clip = src.reachable(clip);
        if !rop.reads_source() {
            return self.fill(dst, &clip, 0, rop);
        }
        if !whole_bytes(dst.format()) {
            return plain::copy(dst, &clip, src, rop);
        }
        let mut source = SourceRows::new(self.level, src, clip.bounds().intersect(&dst.bounds()));
        with_level!(self.level, simd => {
            let kernel = rop2_kernel(rop);
            each_row(dst, &clip, |y, left, right, row| kernel(simd, row, source.row(y, left, right)));
        });
    }

    /// Copies pixels within a surface: target pixel p takes the pixel that was at p + `delta` before. Overlaps
    /// are as if all was read first, with clips of several rectangles too; targets whose source lies outside the
    /// surface are left alone. `dst` must be a view of the whole surface: rows outside the band count as
    /// outside the surface. `QXL_COPY_BITS`; `SEMANTICS.md` 11.
    pub fn copy_bits(&self, dst: &mut SurfaceMut<'_>, clip: &Region, delta: Point) {
        let bounds = dst.bounds();
        let Some(targets) = shifted_back(bounds, delta) else { return };
        let targets = targets.intersect(&bounds);
        if targets.is_empty() || delta == Point::default() {
            return;
        }
        // Bands, rows and columns are taken in the order in which no pixel is overwritten before it is read.
        let copy = |dst: &mut SurfaceMut<'_>, r: Rect| dst.move_pixels(r, delta);
        let rects: Vec<Rect> = clip.rects_in(targets).collect();
        let mut bands: Vec<&[Rect]> = rects.chunk_by(|a, b| a.top == b.top).collect();
        if delta.y < 0 {
            bands.reverse();
        }
        for band in bands {
            if delta.x < 0 {
                band.iter().rev().for_each(|&r| copy(dst, r));
            } else {
                band.iter().for_each(|&r| copy(dst, r));
            }
        }
    }
}

/// The targets whose sources are in `sources`; `None` if there are none.
fn shifted_back(sources: Rect, delta: Point) -> Option<Rect> {
    let sub =
        |v: i32, d: i32| (i64::from(v) - i64::from(d)).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
    let r = Rect::new(
        sub(sources.left, delta.x),
        sub(sources.top, delta.y),
        sub(sources.right, delta.x),
        sub(sources.bottom, delta.y),
    );
    (!r.is_empty()).then_some(r)
}

impl SurfaceMut<'_> {
    /// Moves the pixels at `targets` + `delta` to `targets`; both inside the band. Overlaps are right.
    fn move_pixels(&mut self, targets: Rect, delta: Point) {
        let bits = self.format().bits_per_pixel() as usize;
        let columns = targets.left as usize..targets.right as usize;
        let from = (targets.left + delta.x) as usize;
        let mut move_row = |y: i32| {
            let (dst, src) = self.two_rows(y as u32, (y + delta.y) as u32);
            match (bits, src) {
                (1, src) => {
                    let format = crate::surface::SurfaceFormat::A1;
                    let old: Vec<u32> = src.map_or_else(|| dst.to_vec(), <[u32]>::to_vec);
                    for (i, x) in columns.clone().enumerate() {
                        let pixel = crate::pixel::raw_pixel(format, &old, from + i);
                        crate::pixel::set_raw_pixel(format, dst, x, pixel);
                    }
                }
                (_, src) => {
                    let size = bits / 8;
                    let (at, end, from) = (columns.start * size, columns.end * size, from * size);
                    let dst: &mut [u8] = bytemuck::cast_slice_mut(dst);
                    match src {
                        Some(src) => {
                            let src: &[u8] = bytemuck::cast_slice(src);
                            dst[at..end].copy_from_slice(&src[from..from + (end - at)]);
                        }
                        None => dst.copy_within(from..from + (end - at), at),
                    }
                }
            }
        };
        if delta.y < 0 {
            (targets.top..targets.bottom).rev().for_each(&mut move_row);
        } else {
            (targets.top..targets.bottom).for_each(&mut move_row);
        }
    }
}
