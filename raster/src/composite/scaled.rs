//! Pictures that are scaled and not turned: row after row, as scaled copies have them.

use super::CompositeRepeat;
use super::plan::{Picture, Sampling};
use crate::geom::Rect;
use crate::rows::SampledRows;
use crate::sample::{Axis, Filter, Sampler};
use crate::surface::SurfaceFormat;
use fearless_simd::Level;

/// The rows of such a picture, which keep what the next one can use again.
pub(super) struct Scaled<'a> {
    rows: SampledRows<'a>,
}

impl Scaled<'_> {
    /// The words of row `y` of a rectangle, always the same one.
    pub(super) fn row(&mut self, rect: Rect, y: i32) -> &[u32] {
        bytemuck::cast_slice(self.rows.row(y, rect.left, rect.right))
    }
}

/// Narrower or lower rectangles are quicker pixel by pixel.
const LEAST: u32 = if cfg!(test) { 2 } else { 12 };

impl<'a> Picture<'a> {
    /// Whether [`Picture::scaled`] has rows for the target pixels of `rect`.
    pub(super) fn is_scaled(&self, rect: Rect) -> bool {
        let map = &self.map;
        matches!(self.sampling, Sampling::Nearest | Sampling::Bilinear)
            && (map.xy, map.yx) == (0, 0)
            && map.xx > 0
            && rect.width().min(rect.height()) >= LEAST
            && matches!(self.surface.format(), SurfaceFormat::A8R8G8B8 | SurfaceFormat::X8R8G8B8)
            && (self.repeat == CompositeRepeat::None || self.takes_inside(rect))
    }

    /// Whether no pixel outside the picture is taken, even if the filter is bilinear.
    fn takes_inside(&self, rect: Rect) -> bool {
        let at = |x: i32, y: i32| {
            let (x, y) = self.map.at(i64::from(x) + self.shift.0, i64::from(y) + self.shift.1);
            ((x - 0x8000) >> 16, (y - 0x8000) >> 16)
        };
        let (width, height) = (i64::from(self.surface.width()), i64::from(self.surface.height()));
        [at(rect.left, rect.top), at(rect.right - 1, rect.bottom - 1)]
            .iter()
            .all(|(x, y)| (0..width - 1).contains(x) && (0..height - 1).contains(y))
    }

    /// The rows for the target pixels of `rect`, where they can be had so.
    pub(super) fn scaled(&self, level: Level, rect: Rect) -> Option<Scaled<'a>> {
        if !self.is_scaled(rect) {
            return None;
        }
        let map = &self.map;
        let origin = |shift: i64| i32::try_from(-shift).ok();
        let sampler = Sampler {
            src: self.surface,
            out: SurfaceFormat::A8R8G8B8,
            filter: if self.sampling == Sampling::Nearest { Filter::Nearest } else { Filter::Bilinear },
            x: Axis::steps(origin(self.shift.0)?, map.x0, map.xx),
            y: Axis::steps(origin(self.shift.1)?, map.y0, map.yy),
            offset: None,
        };
        Some(Scaled { rows: SampledRows::new(level, sampler) })
    }
}
