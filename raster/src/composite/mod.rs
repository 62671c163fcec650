//! DRAW_COMPOSITE: a source through a mask onto the target, as pixman 0.42 draws it on x86-64.
//!
//! [`plan`] decides everything that holds for all pixels; then rows of source, mask and target go as a8r8g8b8 words
//! ([`fetch`], [`transform`], [`target`]) through the operator ([`combine`], or [`float`] for those that divide).

mod combine;
mod fetch;
mod float;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod naive_float;
mod op;
mod plan;
mod target;
#[cfg(test)]
mod tests;
mod transform;

pub use op::CompositeOp;

use crate::geom::{Point, Rect};
use crate::region::Region;
use crate::simd::Raster;
use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};
use combine::MaskRow;
use float::{Masked, Planes, Rows};
use plan::{Picture, Plan, Sampling, Unused};

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

/// Pixels that go through the operator at a time: all rows of words stay in the first-level cache.
const CHUNK: usize = 1024;

/// As [`CHUNK`] for small rectangles such as glyphs: clearing 12 KiB of scratch takes longer than they do.
const SMALL: usize = 192;

/// As [`CHUNK`], for floats.
const FLOAT_CHUNK: usize = float::CHUNK;

impl Raster {
    /// Combines `src`, as far as `mask` covers it, with the pixels of `bbox` under `clip`.
    ///
    /// Any format of source, mask and target; a mask counts by its alpha, or channel by channel with
    /// `component_alpha` (if it has colours). Targets without alpha count as opaque, but on x8r8g8b8 the x byte
    /// takes part in SRC, OVER, ADD, IN_REVERSE and OUT_REVERSE as if it were alpha, and is 0 after the other
    /// operators, as SPICE's clients leave it. Nothing is drawn if `bbox` with the origins does not fit 16 bits, if
    /// a picture is empty or has 32767 columns or rows or more, or if a transformed position does not fit 16.16.
    ///
    /// `QXL_DRAW_COMPOSITE`; `SEMANTICS.md` 9.
    #[expect(clippy::too_many_arguments, reason = "they are the operation's own")]
    pub fn composite(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        bbox: Rect,
        op: CompositeOp,
        src: &CompositeSource<'_>,
        mask: Option<&CompositeSource<'_>>,
        component_alpha: bool,
    ) {
        let Some(plan) = Plan::new(dst.format(), bbox, op, src, mask, component_alpha) else {
            return;
        };
        let area = bbox.intersect(&dst.bounds());
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

    fn composite_narrow(&self, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
        let in_place = dst.format() == SurfaceFormat::A8R8G8B8 || plan.unused == Unused::AsAlpha;
        let columns = rect.left as usize..rect.right as usize;
        match (plan.op, plan.mask) {
            _ if plan.unused == Unused::Raw => copy_raw_shorts(dst, rect, plan),
            (CompositeOp::Clear, _) if in_place => {
                (rect.top..rect.bottom).for_each(|y| dst.row(y as u32)[columns.clone()].fill(0));
            }
            (CompositeOp::Src, None) if in_place => {
                (rect.top..rect.bottom).for_each(|y| {
                    plan.src.words(self.level, rect.left, y, &mut dst.row(y as u32)[columns.clone()])
                });
            }
            _ if dst.format() == SurfaceFormat::A8 && plan.op.is_porter_duff() => {
                if self.alphas_in_place(dst, rect, plan) {
                    return;
                }
                if rect.area() <= SMALL as u64 {
                    self.composite_alphas::<SMALL>(dst, rect, plan);
                } else {
                    self.composite_alphas::<CHUNK>(dst, rect, plan);
                }
            }
            (_, None) if in_place && self.words_in_place(dst, rect, plan) => {}
            _ if rect.area() <= SMALL as u64 => self.composite_words::<SMALL>(dst, rect, plan, in_place),
            _ => self.composite_words::<CHUNK>(dst, rect, plan, in_place),
        }
    }

    /// Straight from the rows of an a8r8g8b8 source that has all the pixels; false, and nothing done, for others.
    fn words_in_place(&self, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) -> bool {
        let (width, columns) = (rect.width() as usize, rect.left as usize..rect.right as usize);
        // Several rows of a narrow rectangle at a time are quicker, though they are copied.
        if width <= SMALL / 2 {
            return false;
        }
        let source = |y: i32| plan.src.words_in_place(rect.left, y, width);
        // If the first and the last row are there, so are those between them.
        if source(rect.top).is_none() || source(rect.bottom - 1).is_none() {
            return false;
        }
        for y in rect.top..rect.bottom {
            let Some(s) = source(y) else { continue };
            combine::combine(self.level, plan.op, &mut dst.row(y as u32)[columns.clone()], s, MaskRow::None);
        }
        true
    }

    /// Straight from the rows of 8-bit alpha pictures that have all the pixels; false, and nothing done, for others.
    fn alphas_in_place(&self, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) -> bool {
        let (width, columns) = (rect.width() as usize, rect.left as usize..rect.right as usize);
        let has = |picture: &Picture<'_>, y: i32| picture.alphas_in_place(rect.left, y, width).is_some();
        let has_all = |picture: &Picture<'_>| has(picture, rect.top) && has(picture, rect.bottom - 1);
        if !has_all(&plan.src) || !plan.mask.as_ref().is_none_or(has_all) {
            return false;
        }
        for y in rect.top..rect.bottom {
            let Some(s) = plan.src.alphas_in_place(rect.left, y, width) else { continue };
            let m = plan.mask.as_ref().and_then(|mask| mask.alphas_in_place(rect.left, y, width));
            combine::combine_alphas(self.level, plan.op, &mut dst.row8(y as u32)[columns.clone()], s, m);
        }
        true
    }

    /// By rows of words, `N` pixels at a time.
    fn composite_words<const N: usize>(
        &self,
        dst: &mut SurfaceMut<'_>,
        rect: Rect,
        plan: &Plan<'_>,
        in_place: bool,
    ) {
        let (mut s, mut m, mut d) = ([0; N], [0; N], [0; N]);
        let fill = |picture: &Picture<'_>, words: &mut [u32; N]| {
            if picture.sampling == Sampling::Solid {
                words.fill(picture.solid());
            }
        };
        fill(&plan.src, &mut s);
        plan.mask.iter().for_each(|mask| fill(mask, &mut m));
        for_blocks(rect, N, |x, y, n, rows| {
            let read = |picture: &Picture<'_>, words: &mut [u32]| {
                if picture.sampling != Sampling::Solid {
                    words
                        .chunks_exact_mut(n)
                        .zip(y..)
                        .for_each(|(words, y)| picture.words(self.level, x, y, words));
                }
            };
            let size = n * rows;
            let (s, m, d) = (&mut s[..size], &mut m[..size], &mut d[..size]);
            read(&plan.src, s);
            let mask = match &plan.mask {
                None => MaskRow::None,
                Some(mask) => {
                    read(mask, m);
                    if plan.component_alpha { MaskRow::Component(m) } else { MaskRow::Alpha(m) }
                }
            };
            let columns = x as usize..x as usize + n;
            if in_place && rows == 1 {
                return combine::combine(self.level, plan.op, &mut dst.row(y as u32)[columns], s, mask);
            }
            for (d, y) in d.chunks_exact_mut(n).zip(y..) {
                match in_place {
                    true => d.copy_from_slice(&dst.row(y as u32)[columns.clone()]),
                    false => target::load(dst, x, y, d),
                }
            }
            combine::combine(self.level, plan.op, d, s, mask);
            for (d, y) in d.chunks_exact(n).zip(y..) {
                match in_place {
                    true => dst.row(y as u32)[columns.clone()].copy_from_slice(d),
                    false => target::store(dst, x, y, d),
                }
            }
        });
    }

    /// On an 8-bit alpha target, by rows of alphas.
    fn composite_alphas<const N: usize>(&self, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
        let (mut s, mut m, mut d) = ([0; N], [0; N], [0; N]);
        let fill = |picture: &Picture<'_>, alphas: &mut [u8; N]| {
            if picture.sampling == Sampling::Solid {
                alphas.fill((picture.solid() >> 24) as u8);
            }
        };
        fill(&plan.src, &mut s);
        plan.mask.iter().for_each(|mask| fill(mask, &mut m));
        for_blocks(rect, N, |x, y, n, rows| {
            let read = |picture: &Picture<'_>, alphas: &mut [u8]| {
                if picture.sampling != Sampling::Solid {
                    alphas
                        .chunks_exact_mut(n)
                        .zip(y..)
                        .for_each(|(alphas, y)| picture.alphas(self.level, x, y, alphas));
                }
            };
            let size = n * rows;
            let (s, m, d) = (&mut s[..size], &mut m[..size], &mut d[..size]);
            read(&plan.src, s);
            let m = plan.mask.as_ref().map(|mask| {
                read(mask, m);
                &*m
            });
            let columns = x as usize..x as usize + n;
            if rows == 1 {
                combine::combine_alphas(self.level, plan.op, &mut dst.row8(y as u32)[columns], s, m);
                return;
            }
            for (d, y) in d.chunks_exact_mut(n).zip(y..) {
                d.copy_from_slice(&dst.row8(y as u32)[columns.clone()]);
            }
            combine::combine_alphas(self.level, plan.op, d, s, m);
            for (d, y) in d.chunks_exact(n).zip(y..) {
                dst.row8(y as u32)[columns.clone()].copy_from_slice(d);
            }
        });
    }

    fn composite_float(&self, dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
        let (mut s, mut m) = (Planes::new(), Planes::new());
        let mut words = [0; FLOAT_CHUNK];
        for_blocks(rect, FLOAT_CHUNK, |x, y, n, rows| {
            for y in y..y + rows as i32 {
                let words = &mut words[..n];
                plan.src.floats(self.level, x, y, words, &mut s);
                if let Some(mask) = &plan.mask {
                    mask.floats(self.level, x, y, words, &mut m);
                }
                let m = plan.mask.is_some().then(|| m.rows(0..n));
                self.float_row(dst, x, y, s.rows(0..n), m, plan);
            }
        });
    }

    /// See [`Plan::remembers`]: goes through all rows of the box from its top, whatever the clip, so that what a
    /// pixel remembers does not depend on how the picture is cut up.
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
                plan.src.floats(self.level, left, y, words, &mut s);
                mask.floats(self.level, left, y, words, &mut m);
                for i in 0..n {
                    if m.0.iter().any(|plane| plane[i] != 0.0) {
                        remembered.0.iter_mut().zip(&s.0).for_each(|(old, new)| old[i] = new[i]);
                    }
                }
                let row = Rect::new(left, y, left + n as i32, y + 1).intersect(&area);
                for rect in clip.rects_in(row) {
                    let columns = (rect.left - left) as usize..(rect.right - left) as usize;
                    let (s, m) = (remembered.rows(columns.clone()), m.rows(columns));
                    self.float_row(dst, rect.left, y, s, Some(m), plan);
                }
            }
        }
    }

    /// Combines a row of at most [`FLOAT_CHUNK`] source pixels with the target pixels (x.., y).
    fn float_row(
        &self,
        dst: &mut SurfaceMut<'_>,
        x: i32,
        y: i32,
        s: Rows<'_>,
        m: Option<Rows<'_>>,
        plan: &Plan<'_>,
    ) {
        let mut words = [0; FLOAT_CHUNK];
        let words = &mut words[..s[0].len()];
        target::load(dst, x, y, words);
        let source = Masked::new(plan.op, &s, m.as_ref(), plan.component_alpha);
        float::combine(self.level, plan.op, dst.format(), words, &source, plan.component_alpha);
        target::store(dst, x, y, words);
    }
}

/// Calls `run(x, y, n, rows)` for blocks of n x rows pixels that make up the rectangle, at most `size` pixels each:
/// several rows of narrow rectangles at a time, so that what a call costs is shared, else pieces of one row.
fn for_blocks(rect: Rect, size: usize, mut run: impl FnMut(i32, i32, usize, usize)) {
    let width = rect.width() as usize;
    if width <= SMALL / 2 {
        let rows = size / width;
        for y in (rect.top..rect.bottom).step_by(rows) {
            run(rect.left, y, width, rows.min((rect.bottom - y) as usize));
        }
        return;
    }
    for y in rect.top..rect.bottom {
        for x in (rect.left..rect.right).step_by(size) {
            run(x, y, ((rect.right - x) as usize).min(size), 1);
        }
    }
}

/// A plain copy of x1r5g5b5 pixels with their 16th bits; the source is inside or repeats as tiles.
fn copy_raw_shorts(dst: &mut SurfaceMut<'_>, rect: Rect, plan: &Plan<'_>) {
    let src = &plan.src;
    let (width, height) = (i64::from(src.surface.width()), i64::from(src.surface.height()));
    for y in rect.top..rect.bottom {
        let row = src.surface.row16((i64::from(y) + src.shift.1).rem_euclid(height) as u32);
        let from = i64::from(rect.left) + src.shift.0;
        let d = &mut dst.row16(y as u32)[rect.left as usize..rect.right as usize];
        d.iter_mut().zip(from..).for_each(|(d, x)| *d = row[x.rem_euclid(width) as usize]);
    }
}
