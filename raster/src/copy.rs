//! Copies, scaled or not, from pictures and within a surface.

use crate::geom::{Point, Rect};
use crate::grid::cells;
use crate::kernels::bits::rop2_kernel;
use crate::kernels::with_level;
use crate::pixel::{raw_pixel, set_raw_pixel};
use crate::plain;
use crate::put;
use crate::region::Region;
use crate::rop::Rop2;
use crate::rows::{SourceRows, each_row, whole_bytes};
use crate::sample::{Filter, Sampler, raw_view};
use crate::simd::Raster;
use crate::surface::{SurfaceMut, SurfaceRef};
use std::ops::Range;

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
        if rop == Rop2::PUT && self.put_as_it_is(dst, clip, dst.bounds(), &src, offset) {
            return;
        }
        self.copy_shifted(dst, clip, src, offset, rop);
    }

    /// As [`Raster::copy`], the general way.
    #[inline(never)]
    fn copy_shifted(
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
        let scaled = src_area.width() != bbox.width() || src_area.height() != bbox.height();
        let delta = (src_area.left.checked_sub(bbox.left), src_area.top.checked_sub(bbox.top));
        if let (false, Rop2::PUT, (Some(x), Some(y))) = (scaled, rop, delta)
            && self.put_in_box(dst, clip, bbox, &src, Point::new(x, y))
        {
            return;
        }
        let src = if scaled && rop == Rop2::PUT { src } else { raw_view(src, dst.format()) };
        let clip = clip.cut(bbox);
        self.copy_sampled(dst, &clip, &Sampler::new(src, src_area, bbox, filter, dst.format()), rop);
    }

    /// Copies raw pixels: those of the box take the picture's pixel `delta` away, where there is one. False, and
    /// nothing done, if pixels differ in size or have no whole bytes.
    #[inline(always)]
    fn put_as_it_is(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        bbox: Rect,
        src: &SurfaceRef<'_>,
        delta: Point,
    ) -> bool {
        let bits = dst.format().bits_per_pixel();
        if src.format().bits_per_pixel() != bits || !whole_bytes(dst.format()) {
            return false;
        }
        let area = bbox.intersect(&dst.bounds());
        match clip.one_in(area) {
            Some(rect) if is_inside(rect, delta, src) => self.put_rect(dst, rect, src, delta),
            _ => self.put_rects(dst, clip, area, src, delta),
        }
        true
    }

    /// As [`Raster::put_as_it_is`], which is compiled into [`Raster::copy`] for the sake of small boxes.
    #[inline(never)]
    fn put_in_box(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        bbox: Rect,
        src: &SurfaceRef<'_>,
        delta: Point,
    ) -> bool {
        self.put_as_it_is(dst, clip, bbox, src, delta)
    }

    /// As [`Raster::put_as_it_is`], for all rectangles of a clip, and pictures that do not lie under all of it.
    #[inline(never)]
    fn put_rects(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        area: Rect,
        src: &SurfaceRef<'_>,
        delta: Point,
    ) {
        let reach = Rect {
            left: 0i32.saturating_sub(delta.x),
            top: 0i32.saturating_sub(delta.y),
            right: (src.width() as i32).saturating_sub(delta.x),
            bottom: (src.height() as i32).saturating_sub(delta.y),
        };
        for rect in clip.rects_in(area.intersect(&reach)) {
            self.put_rect(dst, rect, src, delta);
        }
    }

    /// Copies raw pixels of whole bytes to a rectangle; all of it and of its source are there.
    #[inline(always)]
    fn put_rect(&self, dst: &mut SurfaceMut<'_>, rect: Rect, src: &SurfaceRef<'_>, delta: Point) {
        let pixel = dst.format().bits_per_pixel() as usize / 8;
        let (column, row) = (rect.left + delta.x, rect.top + delta.y);
        let (width, height) = cells(rect);
        let from = src.bytes_from(column as usize * pixel, row as u32);
        put::copy(self.level, dst.bytes_of(rect, pixel), from, (width * pixel, height));
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
            each_row(dst, &clip, |y, left, right, row| {
                if rop != Rop2::PUT || !source.put(y, left, right, row) {
                    kernel(simd, row, source.row(y, left, right));
                }
            });
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
        if let Some(rect) = clip.one_in(targets) {
            return dst.move_pixels(rect, delta);
        }
        let mut band = |band: &[Rect]| {
            let mut copy = |rect: &Rect| dst.move_pixels(rect.intersect(&targets), delta);
            match delta.x < 0 {
                true => band.iter().rev().for_each(&mut copy),
                false => band.iter().for_each(&mut copy),
            }
        };
        let bands = clip.rects().chunk_by(|a, b| a.top == b.top);
        match delta.y < 0 {
            true => bands.rev().for_each(&mut band),
            false => bands.for_each(&mut band),
        }
    }

    /// Copies pixels within a surface through `rop` in the order in which SPICE clients draw a copy of a surface onto
    /// itself: rectangle after rectangle, from the top row down, from the left. Where source and target overlap, what
    /// was written is read again. Target pixel p takes the pixel at p + `delta`; targets whose source lies outside
    /// the surface are left alone. `dst` must be a view of the whole surface. `QXL_DRAW_COPY` from its own surface.
    pub fn copy_in_order(&self, dst: &mut SurfaceMut<'_>, clip: &Region, delta: Point, rop: Rop2) {
        let bounds = dst.bounds();
        let Some(targets) = shifted_back(bounds, delta) else { return };
        let targets = targets.intersect(&bounds);
        for rect in clip.rects_in(targets) {
            for y in rect.top..rect.bottom {
                if rop == Rop2::PUT && dst.format().bits_per_pixel() >= 8 {
                    dst.put_row_in_order(y, rect.left..rect.right, delta);
                } else {
                    dst.copy_pixels_in_order(y, rect.left..rect.right, delta, rop);
                }
            }
        }
    }
}

/// Whether a rectangle, moved by `delta`, lies in a picture. The rectangle is not empty and starts at or behind (0, 0).
#[inline(always)]
fn is_inside(rect: Rect, delta: Point, src: &SurfaceRef<'_>) -> bool {
    let fits = |from: i32, to: i32, d: i32, size: u32| {
        let (from, to) = (i64::from(from) + i64::from(d), i64::from(to) + i64::from(d));
        from >= 0 && to <= i64::from(size)
    };
    fits(rect.left, rect.right, delta.x, src.width()) && fits(rect.top, rect.bottom, delta.y, src.height())
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
    /// Moves the pixels at `targets` + `delta` to `targets`; both inside the band, or there are none. Overlaps are right.
    fn move_pixels(&mut self, targets: Rect, delta: Point) {
        if targets.is_empty() {
            return;
        }
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
                        let pixel = raw_pixel(format, &old, from + i);
                        set_raw_pixel(format, dst, x, pixel);
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

    /// Moves pixels of whole bytes to a row; within a row in the blocks in which the clients' library moves them.
    fn put_row_in_order(&mut self, y: i32, columns: Range<i32>, delta: Point) {
        let size = self.format().bits_per_pixel() as usize / 8;
        // Rows begin at multiples of four bytes, the first at one of sixteen.
        let row_at = y as usize * self.format().words_per_row(self.width()) * 4;
        let (at, end) = (columns.start as usize * size, columns.end as usize * size);
        let from = (columns.start + delta.x) as usize * size;
        let (dst, src) = self.two_rows(y as u32, (y + delta.y) as u32);
        let dst: &mut [u8] = bytemuck::cast_slice_mut(dst);
        if let Some(src) = src {
            let src: &[u8] = bytemuck::cast_slice(src);
            dst[at..end].copy_from_slice(&src[from..from + (end - at)]);
            return;
        }
        let mut done = at;
        while done < end {
            let (place, left) = (row_at + done, end - done);
            let block = match left {
                _ if place % 4 != 0 => size,
                4.. if place % 16 != 0 => 4,
                64.. => 64,
                16.. => 16,
                4.. => 4,
                _ => size,
            };
            let source = from + (done - at);
            dst.copy_within(source..source + block, done);
            done += block;
        }
    }

    /// Copies pixels to a row one by one.
    fn copy_pixels_in_order(&mut self, y: i32, columns: Range<i32>, delta: Point, rop: Rop2) {
        let format = self.format();
        for x in columns {
            let from = (x + delta.x) as usize;
            let (dst, src) = self.two_rows(y as u32, (y + delta.y) as u32);
            let pixel = raw_pixel(format, src.unwrap_or(dst), from);
            let old = raw_pixel(format, dst, x as usize);
            set_raw_pixel(format, dst, x as usize, rop.apply(pixel, old));
        }
    }
}
