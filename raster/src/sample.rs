//! Which source pixel a target pixel takes, scaled or not (`SEMANTICS.md` 4 and 5).

use crate::geom::{Point, Rect};
use crate::pixel::{convert_raw, from_argb, raw_pixel, to_argb};
use crate::region::Region;
use crate::surface::{SurfaceFormat, SurfaceRef};
use std::borrow::Cow;

/// How a scaled picture is read between its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The pixel that the target's centre falls on (`SPICE_IMAGE_SCALE_MODE_NEAREST`).
    Nearest,
    /// A weighted mean of four pixels (`SPICE_IMAGE_SCALE_MODE_INTERPOLATE`), also when shrinking.
    Bilinear,
}

/// A straight line from target columns (or rows) to source positions in 16.16.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    /// The target coordinate that `start` belongs to.
    origin: i32,
    start: i64,
    step: i64,
}

impl Axis {
    /// From the area's `from..` of `size` pixels to the target's `to..` of `to_size` > 0 pixels.
    fn scaled(to: i32, to_size: u32, from: i32, size: u32) -> Self {
        let step = (i64::from(size) << 16) / i64::from(to_size.max(1));
        Self { origin: to, start: half_step(step) + (i64::from(from) << 16), step }
    }

    /// As ROP3 scales: the area's offset is rounded to whole target pixels.
    fn scaled_rop3(to: i32, to_size: u32, from: i32, size: u32) -> Self {
        let ratio = f64::from(size) / f64::from(to_size.max(1));
        let step = (ratio * 65536.0) as i64;
        let offset = if ratio > 0.0 { (f64::from(from) / ratio + 0.5).floor() as i64 } else { 0 };
        Self { origin: to, start: step.saturating_mul(offset).saturating_add(half_step(step)), step }
    }

    /// Position `start` for target coordinate `origin`, and `step` further for each one more.
    pub(crate) const fn steps(origin: i32, start: i64, step: i64) -> Self {
        Self { origin, start, step }
    }

    /// The position for the centre of a target pixel.
    #[inline(always)]
    fn at(&self, target: i32) -> i64 {
        let d = i64::from(target) - i64::from(self.origin);
        self.start.saturating_add(self.step.saturating_mul(d))
    }

    /// Whether positions are a pixel apart or more.
    pub(crate) fn shrinks(&self) -> bool {
        self.step >= 1 << 16
    }

    /// Whether hardly a pair of source rows (or columns) has one in common with the pair before.
    pub(crate) fn shrinks_much(&self) -> bool {
        self.step >= 3 << 15
    }

    #[inline(always)]
    pub(crate) fn nearest(&self, target: i32) -> i64 {
        self.at(target).saturating_sub(1) >> 16
    }

    /// For columns from `target` on, whose pixel is inside a picture: the position of the first and the step to the
    /// next, in 16.16.
    pub(crate) fn nearest_run(&self, target: i32) -> (u64, u64) {
        (self.at(target).saturating_sub(1) as u64, self.step as u64)
    }

    /// The first of two pixels and the weight of the second in 128ths.
    #[inline(always)]
    pub(crate) fn pair(&self, target: i32) -> (i64, u32) {
        let v = self.at(target).saturating_sub(0x8000);
        (v >> 16, (v >> 9 & 127) as u32)
    }
}

/// What half a pixel makes, rounded as pixman does.
fn half_step(step: i64) -> i64 {
    (step * 0x8000 + 0x8000) >> 16
}

/// Reads a picture through a scale, pixel by pixel, as raw pixels of the format `out`; 0 outside the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampler<'a> {
    pub(crate) src: SurfaceRef<'a>,
    pub(crate) out: SurfaceFormat,
    pub(crate) filter: Filter,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// Source minus target coordinates, if nothing is scaled.
    pub(crate) offset: Option<(i64, i64)>,
}

/// The picture's words read as the target's format if the pixels have the same size: drawn raw.
pub(crate) fn raw_view(src: SurfaceRef<'_>, target: SurfaceFormat) -> SurfaceRef<'_> {
    src.with_format(target).unwrap_or(src)
}

/// The targets whose source, `dx`, `dy` away, is inside a picture.
fn reach(src: &SurfaceRef<'_>, (dx, dy): (i64, i64)) -> Rect {
    let cut = |v: i64| v.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
    let (width, height) = (i64::from(src.width()), i64::from(src.height()));
    Rect::new(cut(-dx), cut(-dy), cut(width - dx), cut(height - dy))
}

impl<'a> Sampler<'a> {
    pub(crate) fn new(
        src: SurfaceRef<'a>,
        src_area: Rect,
        bbox: Rect,
        filter: Filter,
        out: SurfaceFormat,
    ) -> Self {
        Self::with_axes(src, src_area, bbox, filter, out, Axis::scaled)
    }

    pub(crate) fn for_rop3(
        src: SurfaceRef<'a>,
        src_area: Rect,
        bbox: Rect,
        filter: Filter,
        out: SurfaceFormat,
    ) -> Self {
        let same_size = src_area.width() == bbox.width() && src_area.height() == bbox.height();
        let axis = if same_size { Axis::scaled } else { Axis::scaled_rop3 };
        Self::with_axes(src, src_area, bbox, filter, out, axis)
    }

    /// Not scaled: source pixel = target pixel + `offset`.
    pub(crate) fn shifted(src: SurfaceRef<'a>, offset: Point, out: SurfaceFormat) -> Self {
        let axis = |o: i32| Axis { origin: 0, start: (i64::from(o) << 16) + 0x8000, step: 0x1_0000 };
        let (x, y) = (axis(offset.x), axis(offset.y));
        let offset = Some((i64::from(offset.x), i64::from(offset.y)));
        Self { src, out, filter: Filter::Nearest, x, y, offset }
    }

    fn with_axes(
        src: SurfaceRef<'a>,
        src_area: Rect,
        bbox: Rect,
        filter: Filter,
        out: SurfaceFormat,
        axis: fn(i32, u32, i32, u32) -> Axis,
    ) -> Self {
        let same_size = src_area.width() == bbox.width() && src_area.height() == bbox.height();
        let offset = same_size.then(|| {
            (i64::from(src_area.left) - i64::from(bbox.left), i64::from(src_area.top) - i64::from(bbox.top))
        });
        Self {
            src,
            out,
            filter: if same_size { Filter::Nearest } else { filter },
            x: axis(bbox.left, bbox.width(), src_area.left, src_area.width()),
            y: axis(bbox.top, bbox.height(), src_area.top, src_area.height()),
            offset,
        }
    }

    /// The part of a clip whose pixels are drawn: not scaled, that whose source is inside the picture.
    pub(crate) fn reachable<'r>(&self, clip: &'r Region) -> Cow<'r, Region> {
        self.offset.map_or(Cow::Borrowed(clip), |offset| clip.cut(reach(&self.src, offset)))
    }

    /// The pixel for target pixel (x, y), `None` outside the picture (nearest only).
    pub(crate) fn nearest(&self, x: i32, y: i32) -> Option<u32> {
        let raw = self.raw(self.x.nearest(x), self.y.nearest(y))?;
        Some(match (self.offset, self.src.format()) {
            // Scaled 5-5-5 pixels go through 8 bits per channel and lose the spare bit; others are copied.
            (None, from @ SurfaceFormat::X1R5G5B5) => from_argb(self.out, to_argb(from, raw)),
            (_, from) => convert_raw(from, self.out, raw),
        })
    }

    /// The pixel for target pixel (x, y).
    pub(crate) fn pixel(&self, x: i32, y: i32) -> u32 {
        if self.filter == Filter::Nearest {
            return self.nearest(x, y).unwrap_or(0);
        }
        let ((sx, wx), (sy, wy)) = (self.x.pair(x), self.y.pair(y));
        let tap = |dx: i64, dy: i64| self.tap(sx.saturating_add(dx), sy.saturating_add(dy));
        from_argb(self.out, lerp2([tap(0, 0), tap(1, 0), tap(0, 1), tap(1, 1)], wx, wy))
    }

    /// A pixel as four channels; 0 outside. The x byte counts as it is for targets that have one too.
    fn tap(&self, x: i64, y: i64) -> u32 {
        let Some(raw) = self.raw(x, y) else { return 0 };
        match (self.src.format(), self.out) {
            (SurfaceFormat::X8R8G8B8, SurfaceFormat::X8R8G8B8) => raw,
            (from, _) => to_argb(from, raw),
        }
    }

    fn raw(&self, x: i64, y: i64) -> Option<u32> {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        (x < self.src.width() && y < self.src.height())
            .then(|| raw_pixel(self.src.format(), self.src.row(y), x as usize))
    }
}

/// The mean of top left, top right, bottom left and bottom right, per channel, truncated; weights in 128ths.
pub(crate) fn lerp2([tl, tr, bl, br]: [u32; 4], wx: u32, wy: u32) -> u32 {
    let mut result = 0;
    for shift in [0, 8, 16, 24] {
        let c = |p: u32| p >> shift & 0xff;
        let top = c(tl) * (128 - wx) + c(tr) * wx;
        let bottom = c(bl) * (128 - wx) + c(br) * wx;
        result |= ((top * (128 - wy) + bottom * wy) >> 14) << shift;
    }
    result
}
