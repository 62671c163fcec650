//! What is decided once per operation: which pixels of source and mask are reached, and by which rules.
//!
//! All of it depends on the whole bounding box, never on clip or band, so that a picture does not depend on how it
//! was cut up.

use super::op::CompositeOp;
use super::{CompositeFilter, CompositeRepeat, CompositeSource, Composition};
use crate::geom::Rect;
use crate::surface::{SurfaceFormat, SurfaceRef};

/// 1.0 in 16.16.
const ONE: i64 = 1 << 16;
const HALF: i64 = ONE / 2;

/// How positions in a picture become pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    /// One pixel with repeat: the same everywhere.
    Solid,
    /// Pixel (x, y) for position (x, y).
    Direct,
    /// The nearest pixel of the transformed position.
    Nearest,
    /// Four pixels around the transformed position, weighted.
    Bilinear,
}

/// A map of pixel positions to 16.16 positions in a picture: `x * xx + y * xy + x0`, and likewise for y.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    pub(super) xx: i64,
    pub(super) xy: i64,
    pub(super) x0: i64,
    pub(super) yx: i64,
    pub(super) yy: i64,
    pub(super) y0: i64,
}

impl Affine {
    /// That of no transform.
    const IDENTITY: Self = Self { xx: ONE, xy: 0, x0: HALF, yx: 0, yy: ONE, y0: HALF };

    /// For `t` = [t00, t01, t02, t10, t11, t12] in 16.16. The position is that of the pixel's middle; the half
    /// pixels are rounded once, so that rows and columns are exact steps.
    pub(super) fn new(t: [i32; 6]) -> Self {
        let [xx, xy, tx, yx, yy, ty] = t.map(i64::from);
        let start = |a: i64, b: i64, t: i64| ((a + b) * HALF + t * ONE + HALF) >> 16;
        Self { xx, xy, x0: start(xx, xy, tx), yx, yy, y0: start(yx, yy, ty) }
    }

    /// The position for the middle of pixel (x, y), both within 17 bits.
    pub(super) fn at(&self, x: i64, y: i64) -> (i64, i64) {
        (x * self.xx + y * self.xy + self.x0, x * self.yx + y * self.yy + self.y0)
    }

    /// The smallest and largest position over the pixels of the box.
    fn reach(&self, area: &[i64; 4]) -> [i64; 4] {
        let [left, top, right, bottom] = *area;
        let corners = [(left, top), (right - 1, top), (left, bottom - 1), (right - 1, bottom - 1)];
        corners
            .map(|(x, y)| self.at(x, y))
            .into_iter()
            .fold([i64::MAX, i64::MAX, i64::MIN, i64::MIN], |[l, t, r, b], (x, y)| {
                [l.min(x), t.min(y), r.max(x), b.max(y)]
            })
    }
}

/// Whether all positions of a box are within a picture as nearest pixels are taken, and as bilinear ones are; `None` if
/// any of those of the `wider` box does not fit 16.16.
fn reaches(
    map: &Affine,
    area: &[i64; 4],
    wider: &[i64; 4],
    bilinear: bool,
    (width, height): (i64, i64),
) -> Option<(bool, bool)> {
    let [l, t, r, b] = map.reach(area);
    let covers_nearest =
        (l - 1) >> 16 >= 0 && (t - 1) >> 16 >= 0 && (r - 1) >> 16 < width && (b - 1) >> 16 < height;
    let covers_bilinear = (l - HALF) >> 16 >= 0
        && (t - HALF) >> 16 >= 0
        && (r + HALF) >> 16 < width
        && (b + HALF) >> 16 < height;
    let [l, t, r, b] = map.reach(wider);
    let (before, size) = if bilinear { (-HALF, ONE) } else { (-1, 0) };
    let ends = [l + before - 8, t + before - 8, r + before + 8 + size, b + before + 8 + size];
    let fits = [l, t, r, b].iter().chain(&ends).all(|v| i32::try_from(*v).is_ok());
    fits.then_some((covers_nearest, covers_bilinear))
}

/// When a plain SRC to a target of the same format takes the unused bits of a picture along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RawSrc {
    Never,
    /// If there is no mask, not even an opaque one.
    Unmasked,
    Always,
}

/// A source or mask with everything about it decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture<'a> {
    pub(super) surface: SurfaceRef<'a>,
    pub(super) repeat: CompositeRepeat,
    pub(super) sampling: Sampling,
    pub(super) map: Affine,
    /// What to add to a target position to get the position before the transform.
    pub(super) shift: (i64, i64),
    /// Every pixel that is read is opaque.
    pub(super) opaque: bool,
    /// Pixels under a mask of 0 are not read: they count as what was read for the nearest row above that has a mask
    /// in their column, or as 0. It shows in the blue of the HSL operators only, which their mask forgets.
    skips_masked: bool,
    /// Whether a plain SRC takes the picture's unused bits along.
    raw_src: RawSrc,
}

impl<'a> Picture<'a> {
    /// `None` if the operation draws nothing: with coordinates out of pixman's range (boxes beyond 16 bits,
    /// pictures of 32767 pixels or more, transformed positions beyond 16.16), and with empty pictures.
    fn new(source: &CompositeSource<'a>, bbox: Rect, component_alpha: bool) -> Option<Self> {
        let surface = source.surface;
        let (width, height) = (i64::from(surface.width()), i64::from(surface.height()));
        if width >= 0x7fff || height >= 0x7fff || width == 0 || height == 0 {
            return None;
        }
        let (left, top) = (i64::from(source.origin.x), i64::from(source.origin.y));
        let area = [left, top, left + i64::from(bbox.width()), top + i64::from(bbox.height())];
        let wider = [area[0] - 1, area[1] - 1, area[2] + 1, area[3] + 1];
        // The right and lower ends are not below the others.
        let (least, most) = (i64::from(i16::MIN), i64::from(i16::MAX));
        if wider[0].min(wider[1]) < least || wider[2].max(wider[3]) > most {
            return None;
        }

        let transform = source.transform.filter(|t| *t != [1 << 16, 0, 0, 0, 1 << 16, 0]);
        let (t, map) = match transform {
            Some(t) => (t, Affine::new(t)),
            None => ([1 << 16, 0, 0, 0, 1 << 16, 0], Affine::IDENTITY),
        };
        let bilinear = source.filter == CompositeFilter::Bilinear;
        let inside = area[0] >= 0 && area[1] >= 0 && area[2] <= width && area[3] <= height;
        // Without a transform all positions fit if the pixels do, but for bilinear ones outside.
        let (covers_nearest, covers_bilinear) = match transform.is_some() || (bilinear && !inside) {
            true => reaches(&map, &area, &wider, bilinear, (width, height))?,
            false => (inside, false),
        };

        let rotation = match t {
            _ if transform.is_none() => false,
            [0, xy, _, yx, 0, _] => (xy, yx) == (-1 << 16, 1 << 16) || (xy, yx) == (1 << 16, -1 << 16),
            _ => false,
        };
        let scaling = transform.is_some() && t[1] == 0 && t[3] == 0;
        let whole_steps = transform.is_none()
            || ((t[2] | t[5]) & 0xffff == 0
                && (rotation || (scaling && t[0] == t[4] && t[0].unsigned_abs() == 1 << 16))
                && [t[2], t[5]].iter().all(|v| v.unsigned_abs() <= 30000 << 16));
        let nearest = !bilinear || whole_steps;
        let solid = width == 1 && height == 1 && source.repeat != CompositeRepeat::None;
        let samples_opaque = !component_alpha
            && !matches!(surface.format(), SurfaceFormat::A8R8G8B8 | SurfaceFormat::A8 | SurfaceFormat::A1);
        let opaque = samples_opaque
            && (source.repeat != CompositeRepeat::None
                || (nearest && covers_nearest)
                || (bilinear && covers_bilinear));
        let sampling = match () {
            () if solid => Sampling::Solid,
            () if transform.is_none() => Sampling::Direct,
            () if nearest => Sampling::Nearest,
            () => Sampling::Bilinear,
        };

        let raw_unmoved = transform.is_none() && covers_nearest;
        let raw_tiled = transform.is_none() && source.repeat == CompositeRepeat::Normal;
        let raw_scaled = scaling
            && ((t[0] > 0 && source.repeat != CompositeRepeat::Reflect)
                || (nearest && covers_nearest)
                || (bilinear && covers_bilinear));
        let raw_rotated = rotation && nearest && covers_nearest;
        let raw_src = match surface.format() {
            SurfaceFormat::X8R8G8B8 | SurfaceFormat::X1R5G5B5 if solid => RawSrc::Never,
            SurfaceFormat::X8R8G8B8 if raw_scaled || raw_rotated => RawSrc::Always,
            SurfaceFormat::X8R8G8B8 | SurfaceFormat::X1R5G5B5 if raw_unmoved => RawSrc::Always,
            SurfaceFormat::X8R8G8B8 | SurfaceFormat::X1R5G5B5 if raw_tiled => RawSrc::Unmasked,
            _ => RawSrc::Never,
        };
        let skips_masked = !solid
            && (transform.is_some()
                || matches!(source.repeat, CompositeRepeat::Pad | CompositeRepeat::Reflect));
        let shift = (left - i64::from(bbox.left), top - i64::from(bbox.top));
        Some(Self { surface, repeat: source.repeat, sampling, map, shift, opaque, skips_masked, raw_src })
    }
}

/// What becomes of the bits of a target pixel that are no colour: the x byte or the x bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unused {
    /// There are none, or they are cleared and count as opaque alpha.
    Cleared,
    /// They are computed as if they were alpha (x8r8g8b8 only).
    AsAlpha,
    /// They are copied from the source's (x1r5g5b5 only; x8r8g8b8 is then read as a8r8g8b8).
    Raw,
}

/// An operation with everything decided but the pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    pub(super) op: CompositeOp,
    pub(super) src: Picture<'a>,
    pub(super) mask: Option<Picture<'a>>,
    pub(super) component_alpha: bool,
    pub(super) unused: Unused,
}

impl<'a> Plan<'a> {
    /// Whether pixels under a mask of 0 take part with what was read in rows above.
    pub(super) fn remembers(&self) -> bool {
        self.src.skips_masked && self.mask.is_some() && !self.component_alpha && self.op.is_hsl()
    }

    /// `None` if nothing is drawn.
    pub(super) fn new(
        target: SurfaceFormat,
        bbox: Rect,
        &Composition { op, ref src, ref mask, component_alpha }: &Composition<'a>,
    ) -> Option<Self> {
        // Pictures are large: they are made where they stay.
        let mut plan = Self {
            op,
            src: Picture::new(src, bbox, false)?,
            mask: match mask {
                None => None,
                Some(mask) => Some(Picture::new(mask, bbox, component_alpha)?),
            },
            component_alpha,
            unused: Unused::Cleared,
        };
        let Self { src, mask, .. } = &mut plan;
        let op = op.simplified(src.opaque && mask.as_ref().is_none_or(|mask| mask.opaque));
        if op == CompositeOp::Dst {
            return None;
        }
        // The reference copies without looking at the mask only if that is opaque for any position.
        let raw_src = match mask {
            None => src.raw_src != RawSrc::Never,
            Some(mask) => {
                src.raw_src == RawSrc::Always && mask.opaque && mask.repeat != CompositeRepeat::None
            }
        };
        let unused = match target {
            _ if op == CompositeOp::Src && raw_src && src.surface.format() == target => {
                if target == SurfaceFormat::X8R8G8B8 {
                    src.surface = src.surface.with_format(SurfaceFormat::A8R8G8B8).unwrap_or(src.surface);
                    Unused::AsAlpha
                } else {
                    Unused::Raw
                }
            }
            SurfaceFormat::X8R8G8B8 if op.keeps_x_as_alpha() => Unused::AsAlpha,
            _ => Unused::Cleared,
        };
        // Without the source's colours there is no mask either, and an opaque one is 255 everywhere; but it need
        // not be 1 in float after filtering.
        if mask.as_ref().is_some_and(|mask| op == CompositeOp::Clear || (!op.in_float() && mask.opaque)) {
            *mask = None;
        }
        plan.component_alpha &= plan.mask.is_some();
        (plan.op, plan.unused) = (op, unused);
        Some(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known without a transform is what the positions say.
    #[test]
    fn pixels_in_place_reach_as_far_as_their_positions() {
        let map = Affine::new([1 << 16, 0, 0, 0, 1 << 16, 0]);
        let ends = [-32767, -32766, -1, 0, 1, 99, 100, 101, 32765, 32766];
        for (left, right) in ends.iter().flat_map(|l| ends.map(|r| (*l, r))).filter(|(l, r)| l < r) {
            for (top, bottom) in ends.iter().flat_map(|t| ends.map(|b| (*t, b))).filter(|(t, b)| t < b) {
                let area = [left, top, right, bottom];
                let wider = [left - 1, top - 1, right + 1, bottom + 1];
                let inside = left >= 0 && top >= 0 && right <= 100 && bottom <= 100;
                // Of boxes inside it does not matter: they are not filtered.
                let found = reaches(&map, &area, &wider, false, (100, 100));
                assert_eq!(found.map(|(nearest, _)| nearest), Some(inside), "{area:?}");
                assert!(inside || found == Some((false, false)), "{area:?}");
            }
        }
    }
}
