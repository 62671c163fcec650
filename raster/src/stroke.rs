//! Lines and curves, one pixel wide: `QXL_DRAW_STROKE`.

mod dash;
mod line;
mod paint;
mod path;
mod polygon;
mod spans;
#[cfg(test)]
mod tests;

use crate::geom::{Point, Rect};
use crate::region::Region;
use crate::rop::Rop2;
use crate::simd::Raster;
use crate::surface::{SurfaceMut, SurfaceRef};
use dash::{Dasher, Dashes};
use line::line_spans;
use paint::Painter;
pub use path::curves_end;
use path::{FigureSink, walk_path};
use spans::{Clip, Span, Union, cut_in_place, has_columns};

/// One figure or part of a figure of a path (`SpicePathSeg`).
#[derive(Clone, Copy, Debug)]
pub struct StrokeSegment<'a> {
    /// [`StrokeSegment::BEGIN`], [`StrokeSegment::END`], [`StrokeSegment::CLOSE`], [`StrokeSegment::BEZIER`]
    /// (`SPICE_PATH_*`); other bits are ignored.
    pub flags: u32,
    /// Points in 28.4 fixed point.
    pub points: &'a [Point],
}

impl StrokeSegment<'_> {
    /// Starts a figure at the first point. A figure that is still open ends there.
    pub const BEGIN: u32 = 1;
    /// Ends the figure after the last point.
    pub const END: u32 = 2;
    /// With `END`: a line back to the start closes it.
    pub const CLOSE: u32 = 8;
    /// The points (after the first, with `BEGIN`) are three per curve: two control points and the end.
    pub const BEZIER: u32 = 16;
}

/// The dashes of a line (`SpiceLineAttr`).
#[derive(Clone, Copy, Debug)]
pub struct DashStyle<'a> {
    /// Lengths in 28.4 fixed point: on, off, on … by index, over and over; of an odd count the last and the first
    /// are both on. Each is rounded to pixels and taken modulo 256; only the first 255 count.
    pub lengths: &'a [i32],
    /// The line starts with a gap: the list is moved by one (the first length comes last), and a figure starts at
    /// the end of the then first dash.
    pub start_with_gap: bool,
}

/// What a line is drawn with.
#[derive(Clone, Copy, Debug)]
pub enum StrokeBrush<'a> {
    /// One raw pixel value, its low bits on surfaces of fewer bits. No brush at all is `Solid(0)`.
    Solid(u32),
    /// Pixel (x, y) takes tile pixel ((x − origin.x) mod w, (y − origin.y) mod h).
    Pattern {
        /// The tile; converted if its format is not the surface's. One without pixels draws nothing.
        tile: SurfaceRef<'a>,
        /// A place where its top left corner falls, in target pixels.
        origin: Point,
    },
}

/// Where lines are drawn.
#[derive(Clone, Copy, Debug)]
pub struct StrokeClip<'a> {
    /// The clip of the command, **whole**: bounding box ∩ surface ∩ clip rectangles, not made smaller for any other
    /// reason. How it is cut into rectangles has an effect: where some lie side by side, solid lines lose pixels or
    /// draw them again, as in every SPICE client (`QUIRKS.md`, sheet 11b).
    pub command: &'a Region,
    /// Pixels outside this are left alone, with no effect on those inside.
    pub within: Option<&'a Region>,
}

impl<'a> From<&'a Region> for StrokeClip<'a> {
    fn from(command: &'a Region) -> Self {
        Self { command, within: None }
    }
}

impl Raster {
    /// Draws the lines of a path, one pixel wide, through `rop`, whose source is the brush.
    ///
    /// Coordinates are rounded to pixels (exactly half goes down). Solid lines are X11's thin lines, without their
    /// last pixel; every line of a figure is drawn on its own, so a rop that reads the destination shows where lines
    /// cross. Dashed ones are X11's wide lines of width 1; the dashes run on along a figure and start anew with the
    /// next. Rops that turn destination bits over (XOR, NOT, NAND and the like) reach each pixel of a dashed figure
    /// of three points or more once.
    ///
    /// Dash lists without any length draw nothing. Drawing band by band gives the same pixels as all at once, and
    /// the cost depends on the surface and the number of points, not on how far away points are.
    /// `QXL_DRAW_STROKE`; `SEMANTICS.md` 10.
    pub fn stroke<'a, 'r>(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: impl Into<StrokeClip<'r>>,
        path: impl IntoIterator<Item = StrokeSegment<'a>>,
        style: Option<DashStyle<'_>>,
        brush: StrokeBrush<'_>,
        rop: Rop2,
    ) {
        let StrokeClip { command, within } = clip.into();
        let (surface, band) = (dst.surface_bounds(), dst.bounds());
        if rop == Rop2::Nop || !command.bounds().intersects(&band) {
            return;
        }
        let Some(painter) = Painter::new(dst, brush, rop) else { return };
        let clip = Clip::new(command, band);
        let within = within.map(|w| Clip::new(w, band));
        if let Some(style) = style {
            let Some(dashes) = Dashes::new(style.lengths, style.start_with_gap) else { return };
            let mut sink = DashedFigures {
                dasher: Dasher::new(&dashes, surface, clip.bounds()),
                canvas: Canvas { painter, clip, within },
                careful: turns_bits_over(rop),
                start: [Point::default(); 2],
                points: 0,
                union: Union::default(),
            };
            walk_path(path, surface, true, &mut sink);
        } else if has_columns(command) {
            let everywhere = Region::from_rect(band);
            let clip = within.unwrap_or_else(|| Clip::new(&everywhere, band));
            let canvas = Canvas { painter, clip, within: None };
            let mut sink = CutFigures { canvas, command, surface, at: Point::default(), spans: Vec::new() };
            walk_path(path, surface, false, &mut sink);
        } else {
            let canvas = Canvas { painter, clip, within };
            walk_path(path, surface, false, &mut SolidFigures { canvas, at: Point::default() });
        }
    }
}

/// Whether there is a brush bit for which a destination bit 0 becomes 1 and 1 becomes 0: such a rop shows how often
/// a pixel is drawn.
fn turns_bits_over(rop: Rop2) -> bool {
    let table = rop.truth_table();
    table & 3 == 1 || table >> 2 == 1
}

/// A band with its clip and brush.
struct Canvas<'a, 'd, 's> {
    painter: Painter<'a, 'd, 's>,
    clip: Clip<'a>,
    within: Option<Clip<'a>>,
}

impl Canvas<'_, '_, '_> {
    #[inline]
    fn draw(&mut self, span: Span) {
        let Self { painter, clip, within } = self;
        match within {
            None => clip.cut(span, |s| painter.span(s)),
            Some(within) => clip.cut(span, |s| within.cut(s, |s| painter.span(s))),
        }
    }
}

/// Solid lines, each drawn as it comes.
struct SolidFigures<'a, 'd, 's> {
    canvas: Canvas<'a, 'd, 's>,
    at: Point,
}

impl FigureSink for SolidFigures<'_, '_, '_> {
    fn begin(&mut self, at: Point) {
        self.at = at;
    }

    fn line_to(&mut self, to: Point) {
        let from = std::mem::replace(&mut self.at, to);
        let Self { canvas, .. } = self;
        let area = canvas.clip.bounds();
        if canvas.clip.is_rect() && canvas.within.is_none() {
            line_spans(from, to, area, |y, left, right| canvas.painter.span(Span { y, left, right }));
        } else {
            line_spans(from, to, area, |y, left, right| canvas.draw(Span { y, left, right }));
        }
    }

    fn end(&mut self) {}
}

/// Solid lines under a clip with rectangles side by side: what is drawn depends on all spans that a line has on the
/// surface.
struct CutFigures<'a, 'd, 's> {
    /// Without the command's clip.
    canvas: Canvas<'a, 'd, 's>,
    command: &'a Region,
    surface: Rect,
    at: Point,
    spans: Vec<Span>,
}

impl FigureSink for CutFigures<'_, '_, '_> {
    fn begin(&mut self, at: Point) {
        self.at = at;
    }

    fn line_to(&mut self, to: Point) {
        let from = std::mem::replace(&mut self.at, to);
        let seen = self.command.bounds();
        if from.y.max(to.y) < seen.top || from.y.min(to.y) >= seen.bottom {
            return;
        }
        self.spans.clear();
        line_spans(from, to, self.surface, |y, left, right| self.spans.push(Span { y, left, right }));
        if to.y < from.y {
            self.spans.reverse();
        }
        cut_in_place(&mut self.spans, self.command);
        for &span in &self.spans {
            self.canvas.draw(span);
        }
    }

    fn end(&mut self) {}
}

/// Dashed figures.
struct DashedFigures<'a, 'd, 's> {
    canvas: Canvas<'a, 'd, 's>,
    dasher: Dasher<'a>,
    careful: bool,
    /// The first points wait until it is known whether there is a third one.
    start: [Point; 2],
    points: u64,
    union: Union,
}

impl DashedFigures<'_, '_, '_> {
    fn draw(&mut self, merged: bool, work: impl FnOnce(&mut Dasher<'_>, &mut dyn FnMut(i64, i64, i64))) {
        let Self { canvas, dasher, union, .. } = self;
        let bounds = canvas.clip.bounds();
        work(dasher, &mut |y, left, right| {
            let inside = |v: i64, low: i32, high: i32| v.clamp(low.into(), high.into()) as i32;
            if y < bounds.top.into() || y >= bounds.bottom.into() {
                return;
            }
            let (left, right) =
                (inside(left, bounds.left, bounds.right), inside(right, bounds.left, bounds.right));
            let span = Span { y: y as i32, left, right };
            if merged {
                canvas.clip.cut(span, |s| union.add(s));
            } else {
                canvas.draw(span);
            }
        });
    }

    fn begin_drawing(&mut self, merged: bool) {
        let [first, second] = self.start;
        self.draw(merged, |dasher, mut emit| {
            dasher.begin(first, merged);
            dasher.line_to(second, &mut emit);
        });
    }
}

impl FigureSink for DashedFigures<'_, '_, '_> {
    fn begin(&mut self, at: Point) {
        self.start[0] = at;
        self.points = 1;
    }

    fn line_to(&mut self, to: Point) {
        self.points += 1;
        if self.points == 2 {
            self.start[1] = to;
            return;
        }
        if self.points == 3 {
            self.begin_drawing(self.careful);
        }
        self.draw(self.careful, |dasher, mut emit| dasher.line_to(to, &mut emit));
    }

    fn end(&mut self) {
        if self.points == 2 {
            self.begin_drawing(false);
        }
        let merged = self.careful && self.points > 2;
        if self.points > 1 {
            self.draw(merged, |dasher, mut emit| dasher.end(&mut emit));
        }
        if merged {
            let Self { canvas, union, .. } = self;
            union.take(|span| canvas.draw(span));
        }
    }
}
