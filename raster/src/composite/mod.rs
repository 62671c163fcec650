//! DRAW_COMPOSITE: a source through a mask onto the target, as pixman 0.42 draws it on x86-64.
//!
//! [`plan`] decides everything that holds for all pixels; then rows of source, mask and target go as a8r8g8b8 words
//! ([`fetch`], [`transform`], [`target`]) through the operator: [`narrow`] with [`combine`] (by [`vectors`] of
//! [`pixels`]), [`blend`] and [`alphas`], or [`float`] for those that divide. Where pictures hold such words already they
//! are read in place ([`there`]).

mod alphas;
mod blend;
mod cells;
mod combine;
mod convert;
mod fetch;
mod float;
mod lanes;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod naive_float;
mod narrow;
mod op;
mod pixels;
mod plan;
mod scaled;
mod target;
#[cfg(test)]
mod tests;
mod there;
mod transform;
mod vectors;
mod words;

pub use op::CompositeOp;

use crate::geom::{Point, Rect};
use crate::region::Region;
use crate::simd::Raster;
use crate::surface::{SurfaceMut, SurfaceRef};
use float::Planes;
use plan::Plan;
use there::Direct;

/// How a picture is read between its pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CompositeFilter {
    /// The nearest pixel.
    #[default]
    Nearest,
    /// Four pixels weighted by distance, also when shrinking.
    Bilinear,
}

impl CompositeFilter {
    /// The filter with pixman's number, as in the flags of `SpiceComposite`: FAST (0) and NEAREST (3) are nearest,
    /// GOOD (1), BEST (2) and BILINEAR (4) are bilinear. The convolutions (5, 6) come without their kernels in this
    /// protocol and crash SPICE's own client: they are nearest here, as is every number beyond.
    pub const fn from_number(number: u8) -> Self {
        match number {
            1 | 2 | 4 => Self::Bilinear,
            _ => Self::Nearest,
        }
    }
}

/// What there is beyond the edges of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CompositeRepeat {
    /// Transparent black.
    #[default]
    None,
    /// The picture again, as tiles.
    Normal,
    /// The pixels of the edge.
    Pad,
    /// The picture, mirrored.
    Reflect,
}

impl CompositeRepeat {
    /// The repeat with pixman's number, as in the flags of `SpiceComposite`; only the two lowest bits count.
    pub const fn from_number(number: u8) -> Self {
        match number & 3 {
            0 => Self::None,
            1 => Self::Normal,
            2 => Self::Pad,
            _ => Self::Reflect,
        }
    }
}

/// A source or mask of [`Raster::composite`].
#[derive(Clone, Copy, Debug)]
pub struct CompositeSource<'a> {
    /// The pixels, premultiplied; formats without alpha are opaque inside. To ignore the alpha of an a8r8g8b8
    /// picture (`SPICE_COMPOSITE_SOURCE_OPAQUE`), read it as x8r8g8b8 with [`SurfaceRef::with_format`].
    pub surface: SurfaceRef<'a>,
    /// From target to picture positions in pixels: x' = t\[0\] x + t\[1\] y + t\[2\], y' = t\[3\] x + t\[4\] y + t\[5\],
    /// all in 16.16. `None` is the identity.
    pub transform: Option<[i32; 6]>,
    /// How positions between pixels are read.
    pub filter: CompositeFilter,
    /// What lies outside the picture.
    pub repeat: CompositeRepeat,
    /// The position, before the transform, for the top left pixel of the bounding box.
    pub origin: Point,
}

impl<'a> CompositeSource<'a> {
    /// A picture as it is: no transform, no repeat, its top left pixel at that of the bounding box.
    pub const fn new(surface: SurfaceRef<'a>) -> Self {
        Self {
            surface,
            transform: None,
            filter: CompositeFilter::Nearest,
            repeat: CompositeRepeat::None,
            origin: Point::new(0, 0),
        }
    }
}

/// What [`Raster::composite`] combines with a target, and how: `SpiceComposite`.
#[derive(Clone, Copy, Debug)]
pub struct Composition<'a> {
    /// How the source meets the target.
    pub op: CompositeOp,
    /// The source.
    pub src: CompositeSource<'a>,
    /// What covers the source, by its alpha.
    pub mask: Option<CompositeSource<'a>>,
    /// Each channel of the mask counts for its own, if it has colours (`SPICE_COMPOSITE_COMPONENT_ALPHA`).
    pub component_alpha: bool,
}

/// Pixels that go through the operator at a time: all rows of words stay in the first-level cache.
const CHUNK: usize = 1024;

/// As [`CHUNK`] for the smallest.
const TINY: usize = 64;

/// As [`CHUNK`] for small rectangles such as glyphs: clearing 8 KiB of scratch takes longer than they do.
const SMALL: usize = 192;

/// As [`CHUNK`], for floats.
const FLOAT_CHUNK: usize = float::CHUNK;

impl Raster {
    /// Combines a source, as far as a mask covers it, with the pixels of `bbox` under `clip`.
    ///
    /// Any format of source, mask and target. Targets without alpha count as opaque, but on x8r8g8b8 the x byte
    /// takes part in SRC, OVER, ADD, IN_REVERSE and OUT_REVERSE as if it were alpha, and is 0 after the other
    /// operators, as SPICE's clients leave it. Nothing is drawn if `bbox` with the origins does not fit 16 bits, if
    /// a picture is empty or has 32767 columns or rows or more, or if a transformed position does not fit 16.16.
    ///
    /// `QXL_DRAW_COMPOSITE`; `SEMANTICS.md` 9.
    pub fn composite(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        bbox: Rect,
        composition: &Composition<'_>,
    ) {
        let area = bbox.intersect(&dst.bounds());
        if let Some(direct) = Direct::new(dst.format(), bbox, composition) {
            // Whether it draws is the same for all.
            let drawn = match clip.one_in(area) {
                Some(rect) => direct.draw(self, dst, bbox, rect, composition),
                None => direct.draw_all(self, dst, bbox, clip, area, composition),
            };
            if drawn {
                return;
            }
        }
        self.composite_planned(dst, clip, bbox, area, composition);
    }

    /// The general way.
    #[inline(never)]
    fn composite_planned(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        bbox: Rect,
        area: Rect,
        composition: &Composition<'_>,
    ) {
        let Some(plan) = Plan::new(dst.format(), bbox, composition) else { return };
        if plan.remembers() {
            return self.composite_remembering(dst, clip, bbox, area, &plan);
        }
        for rect in clip.rects_in(area) {
            match plan.op.in_float() {
                true => self.composite_float(dst, rect, &plan),
                false => self.composite_narrow(dst, rect, &plan),
            }
        }
    }

    /// Apart, as [`Raster::composite_remembering`] is, for the sake of small boxes: a function's scratch costs whoever
    /// it is inlined into.
    #[inline(never)]
    fn composite_float(&self, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
        let (mut s, mut m) = (Planes::new(), plan.mask.map(|_| Planes::new()));
        let mut words = [0; FLOAT_CHUNK];
        for_blocks(rect, FLOAT_CHUNK, |block| {
            let words = &mut words[..block.area() as usize];
            plan.src.floats(self.level, block, words, &mut s);
            if let (Some(mask), Some(m)) = (&plan.mask, &mut m) {
                mask.floats(self.level, block, words, m);
            }
            self.float_block(dst, block, &mut s, m.as_mut(), plan);
        });
    }

    /// See [`Plan::remembers`]: goes through all rows of the box from its top, whatever the clip, so that what a
    /// pixel remembers does not depend on how the picture is cut up.
    #[inline(never)]
    fn composite_remembering(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        bbox: Rect,
        area: Rect,
        plan: &Plan<'_>,
    ) {
        let Some(mask) = &plan.mask else { return };
        let (mut s, mut m) = (Planes::new(), Planes::new());
        let mut words = [0; FLOAT_CHUNK];
        for left in (bbox.left..bbox.right).step_by(FLOAT_CHUNK) {
            let n = ((bbox.right - left) as usize).min(FLOAT_CHUNK);
            let words = &mut words[..n];
            let mut remembered = Planes::new();
            for y in bbox.top..area.bottom {
                let row = Rect::new(left, y, left + n as i32, y + 1);
                plan.src.floats(self.level, row, words, &mut s);
                mask.floats(self.level, row, words, &mut m);
                for i in 0..n {
                    if m.0.iter().any(|plane| plane[i] != 0.0) {
                        remembered.0.iter_mut().zip(&s.0).for_each(|(old, new)| old[i] = new[i]);
                    }
                }
                for rect in clip.rects_in(row.intersect(&area)) {
                    let columns = (rect.left - left) as usize..(rect.right - left) as usize;
                    let (mut s, mut m) = (remembered.part(columns.clone()), m.part(columns));
                    self.float_block(dst, rect, &mut s, Some(&mut m), plan);
                }
            }
        }
    }

    /// Combines at most [`FLOAT_CHUNK`] source pixels with the target pixels of a block, and uses them up.
    fn float_block(
        &self,
        dst: &mut SurfaceMut<'_>,
        block: Rect,
        s: &mut Planes,
        m: Option<&mut Planes>,
        plan: &Plan<'_>,
    ) {
        let mut words = [0; FLOAT_CHUNK];
        let words = &mut words[..block.area() as usize];
        target::load(self.level, dst, block, words);
        let alphas = float::mask(plan.op, s, m, words.len(), plan.component_alpha);
        float::combine(self.level, plan.op, dst.format(), words, s, alphas, plan.component_alpha);
        target::store(self.level, dst, block, words);
    }
}

/// Calls `run` with blocks that make up the rectangle, of at most `size` pixels each: several rows of narrow
/// rectangles at a time, so that what a call costs is shared, else pieces of one row.
fn for_blocks(rect: Rect, size: usize, mut run: impl FnMut(Rect)) {
    let width = rect.width() as usize;
    if width <= SMALL / 2 {
        let rows = size / width;
        for y in (rect.top..rect.bottom).step_by(rows) {
            run(Rect { top: y, bottom: rect.bottom.min(y + rows as i32), ..rect });
        }
        return;
    }
    for y in rect.top..rect.bottom {
        for x in (rect.left..rect.right).step_by(size) {
            run(Rect::new(x, y, rect.right.min(x.saturating_add(size as i32)), y + 1));
        }
    }
}
