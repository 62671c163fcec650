//! Drawing a task onto its surface.
//!
//! Two steps: [`Views::new`] looks at every source once (decodes, converts, takes snapshots of what the target
//! itself gives); [`draw_band`] then draws a band of rows. Bands of one surface may be drawn side by side, unless
//! [`needs_whole_surface`] says no.

use super::surfaces::SurfaceKey;
use super::task::{Source, Task, rop2};
use super::{Limits, View};
use crate::qxl::{
    Brush, Composite, LineAttr, Op, PathSegment, Point, QMask, Rect, Ropd, ScaleMode, Str, SurfaceFormat,
};
use spice_raster::{
    CompositeFilter, CompositeOp, CompositeRepeat, CompositeSource, Composition, DashStyle, Filter,
    GlyphDepth, GlyphRef, Raster, Region, Rop2, Rop3Brush, StrokeBrush, StrokeSegment, Surface, SurfaceMut,
    SurfaceRef, TextBrush, text_bounds,
};

/// Who holds the pixels of surfaces other than the target.
pub(crate) trait Pixels {
    /// The pixels of a surface; `None` if they are gone.
    fn pixels(&self, key: SurfaceKey) -> Option<&Surface>;
}

/// A source: its pixel (0, 0) is pixel `origin` of the image that the operation means.
struct Shifted<'a> {
    view: View<'a>,
    origin: Point,
}

/// A task's sources, ready to be read.
pub(crate) struct Views<'a> {
    /// What can be drawn: clip and mask.
    clip: Region,
    src: Option<Shifted<'a>>,
    tile: Option<View<'a>>,
    back_tile: Option<View<'a>>,
    mask: Option<View<'a>>,
}

/// Draws a task onto the whole of its surface.
pub(crate) fn draw(raster: Raster, task: &Task, target: &mut Surface, others: &impl Pixels, limits: &Limits) {
    if let Some((delta, order)) = move_within(task) {
        let masked = task.mask().is_some().then(|| masked_clip(task, target, others, limits));
        let clip = match &masked {
            None => &task.clip,
            Some(Some(clip)) => clip,
            Some(None) => return,
        };
        let view = &mut target.view_mut();
        match order {
            Order::Free => raster.copy_bits(view, clip, delta),
            Order::Forward(rop) => raster.copy_in_order(view, clip, delta, rop),
        }
        return;
    }
    // Sources that live in the target itself are copied out, so that the borrow of it ends here.
    let Some(views) = Views::new(raster, task, target, others, limits) else { return };
    draw_band(raster, task, &views, &mut target.view_mut());
}

/// Whether the task must see all rows of its surface at once: it reads them while it writes, or looks at one
/// pixel to decide about others.
pub(crate) fn needs_whole_surface(task: &Task) -> bool {
    match task.drawable.op {
        Op::CopyBits { .. } => true,
        Op::Text { .. } => task.target.format == SurfaceFormat::X8R8G8B8,
        Op::AlphaBlend { alpha_flags, .. } => {
            task.target.format == SurfaceFormat::X8R8G8B8 && alpha_flags & ALPHA_DEST == 0
        }
        _ => move_within(task).is_some(),
    }
}

/// `SPICE_ALPHA_FLAGS_DEST_HAS_ALPHA`.
const ALPHA_DEST: u8 = 1;
/// `SPICE_ALPHA_FLAGS_SRC_SURFACE_HAS_ALPHA`.
const ALPHA_SRC_SURFACE: u8 = 2;

/// In which order an operation moves pixels inside its surface.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// As if all were read first.
    Free,
    /// From the top left, what was written being read again where source and target overlap.
    Forward(Rop2),
}

/// The distance from target to source pixels of a plain move of pixels inside one surface, as if all were read first.
pub(crate) fn self_copy(task: &Task) -> Option<Point> {
    move_within(task).filter(|(_, order)| *order == Order::Free).map(|(by, _)| by)
}

/// Whether an operation reads what it has itself written, or would if its clip were cut into several rectangles: then
/// it can only be drawn as a whole.
pub(crate) fn rereads(task: &Task) -> bool {
    moves(task, true).is_some_and(|(_, order)| order != Order::Free)
}

/// The distance from target to source pixels of an operation that moves pixels inside one surface, and the order.
pub(crate) fn move_within(task: &Task) -> Option<(Point, Order)> {
    moves(task, task.clip.rects().len() > 1)
}

/// As [`move_within`], for a clip of one rectangle or of `several`.
fn moves(task: &Task, several: bool) -> Option<(Point, Order)> {
    let bbox = task.drawable.bbox;
    let from = |pos: Point| Point::new(pos.x.wrapping_sub(bbox.left), pos.y.wrapping_sub(bbox.top));
    match &task.drawable.op {
        Op::CopyBits { src_pos } => Some((from(*src_pos), Order::Free)),
        Op::Copy { src_area, rop, .. } | Op::Blend { src_area, rop, .. } => {
            let own = matches!(task.src, Source::Surface(info) if info.key == task.target.key);
            if !own || task.is_scaled() {
                return None;
            }
            let by = from(Point::new(src_area.left, src_area.top));
            let rop = rop2(*rop, Ropd::INVERS_SRC, Ropd::INVERS_DEST);
            let behind = by.y < 0 || by.x < 0 && (by.y == 0 || several);
            if behind && rop.reads_source() && bbox.intersects(src_area) {
                return Some((by, Order::Forward(rop)));
            }
            (rop == Rop2::PUT).then_some((by, Order::Free))
        }
        _ => None,
    }
}

impl<'a> Views<'a> {
    /// Looks at the sources of a task; `None` if one cannot be had, and then nothing is drawn.
    ///
    /// `target` is read where the task reads its own surface; what is read of it is copied.
    pub(crate) fn new(
        raster: Raster,
        task: &'a Task,
        target: &Surface,
        others: &'a impl Pixels,
        limits: &Limits,
    ) -> Option<Self> {
        let look = Look { raster, task, target, others, limits };
        let is_composite = matches!(task.drawable.op, Op::Composite(_));
        let clip = match task.mask() {
            Source::None => task.clip.clone(),
            _ if is_composite => task.clip.clone(),
            _ => masked_clip(task, target, others, limits)?,
        };
        let mask = match task.mask() {
            source if is_composite && source.is_some() => Some(look.view(source, Want::Image, None)?.view),
            _ => None,
        };
        let src = match &task.src {
            Source::None => None,
            source => Some(look.view(source, look.wanted(), look.area_read())?),
        };
        let is_text = matches!(task.drawable.op, Op::Text { .. });
        let tile = |source: &'a Source, is_text: bool| match source {
            Source::None => Some(None),
            // Glyphs are drawn with the tile's own alpha.
            source if is_text => look.view(source, Want::Image, None).map(|s| Some(s.view)),
            source => look.view(source, Want::Target, None).map(|s| Some(s.view)),
        };
        let (tile, back_tile) = (tile(task.tile(), is_text)?, tile(task.back_tile(), false)?);
        Some(Self { clip, src, tile, back_tile, mask })
    }
}

/// In which format an operation wants a source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    /// The target's; surfaces may differ in what their bits mean, not in their number.
    Target,
    /// Any of its own.
    Own,
    /// A picture's alpha only where the picture itself has it.
    Image,
}

struct Look<'a, 't, P> {
    raster: Raster,
    task: &'a Task,
    target: &'t Surface,
    others: &'a P,
    limits: &'t Limits,
}

impl<'a, P: Pixels> Look<'a, '_, P> {
    fn wanted(&self) -> Want {
        match &self.task.drawable.op {
            Op::AlphaBlend { .. } => Want::Own,
            Op::Composite(_) => Want::Image,
            // A scaled plain copy converts as it samples: what has no alpha comes out opaque.
            Op::Copy { rop, .. } | Op::Blend { rop, .. }
                if self.task.is_scaled() && rop2(*rop, Ropd::INVERS_SRC, Ropd::INVERS_DEST) == Rop2::PUT =>
            {
                Want::Image
            }
            Op::Opaque { .. } if self.task.is_scaled() => Want::Image,
            _ => Want::Target,
        }
    }

    /// The part of the source that an unscaled operation reads.
    fn area_read(&self) -> Option<Rect> {
        (!self.task.is_scaled()).then(|| self.task.src_area()).flatten()
    }

    fn view(&self, source: &'a Source, want: Want, area: Option<Rect>) -> Option<Shifted<'a>> {
        let format = self.target.format();
        let at_origin = |view| Some(Shifted { view, origin: Point::default() });
        match source {
            Source::None => None,
            Source::Picture(picture) => {
                let format = match want {
                    Want::Target => format,
                    Want::Own => picture.own_format(format)?,
                    Want::Image => picture.image_format(format)?,
                };
                at_origin(picture.view(format, self.limits)?)
            }
            Source::Black { width, height } => {
                let format = if want == Want::Target { format } else { SurfaceFormat::X8R8G8B8 };
                let black = Surface::new(format, *width, *height, self.limits.image_bytes).ok()?;
                at_origin(View::Owned(black))
            }
            Source::Surface(info) if info.key == self.task.target.key => {
                let all = self.target.bounds();
                let area = area.map_or(all, |a| a.intersect(&all));
                let origin = Point::new(area.left, area.top);
                let view = View::Owned(self.snapshot(area)?);
                Some(Shifted { view, origin })
            }
            Source::Surface(info) => {
                let surface = self.others.pixels(info.key)?.view();
                let same_bits = surface.format().bits_per_pixel() == format.bits_per_pixel();
                if want == Want::Target && !same_bits {
                    return at_origin(View::Owned(self.convert(surface, format)?));
                }
                at_origin(View::Borrowed(surface))
            }
            Source::SelfBitmap(area) => at_origin(View::Owned(self.snapshot(*area)?)),
        }
    }

    /// A copy of an area of the target; pixels outside the target are zero.
    fn snapshot(&self, area: Rect) -> Option<Surface> {
        let (format, width, height) = (self.target.format(), area.width(), area.height());
        let mut copy = Surface::new(format, width, height, self.limits.image_bytes).ok()?;
        let all = Region::from_rect(copy.bounds());
        let offset = Point::new(area.left, area.top);
        self.raster.copy(&mut copy.view_mut(), &all, self.target.view(), offset, Rop2::PUT);
        Some(copy)
    }

    /// The same picture in another format.
    fn convert(&self, from: SurfaceRef<'_>, format: SurfaceFormat) -> Option<Surface> {
        let mut to = Surface::new(format, from.width(), from.height(), self.limits.image_bytes).ok()?;
        let all = to.bounds();
        let clip = Region::from_rect(all);
        let view = &mut to.view_mut();
        self.raster.copy_scaled(view, &clip, all, from, all, Filter::Nearest, Rop2::PUT);
        Some(to)
    }
}

/// Runs of pixels that a mask may have (64 MiB of them): a larger one draws nothing.
const MASK_RECTS: usize = 1 << 22;

/// Clip and mask of a task whose mask is a 1-bit picture.
pub(crate) fn masked_clip(
    task: &Task,
    target: &Surface,
    others: &impl Pixels,
    limits: &Limits,
) -> Option<Region> {
    let qmask = task.drawable.op.qmask()?;
    let invers = qmask.flags & QMask::<()>::INVERS != 0;
    let bbox = task.drawable.bbox;
    let offset = Point::new(qmask.pos.x.saturating_sub(bbox.left), qmask.pos.y.saturating_sub(bbox.top));
    let cut = |mask: SurfaceRef<'_>| {
        let drawn = Region::from_mask(mask, offset, invers, bbox, MASK_RECTS).ok()?;
        Some(if task.clip.rects() == [bbox] { drawn } else { drawn.intersect(&task.clip) })
    };
    match task.mask() {
        Source::None => Some(task.clip.clone()),
        Source::Picture(picture) => cut(picture.mask(limits)?.get()),
        Source::Surface(info) if info.key == task.target.key => cut(target.view()),
        Source::Surface(info) => cut(others.pixels(info.key)?.view()),
        // A black mask has no bit set.
        Source::Black { .. } if !invers => Some(Region::new()),
        Source::Black { width, height } => {
            let black = Surface::new(SurfaceFormat::A1, *width, *height, limits.image_bytes).ok()?;
            cut(black.view())
        }
        Source::SelfBitmap(_) => None,
    }
}

/// Draws a task onto a band of its surface.
pub(crate) fn draw_band(raster: Raster, task: &Task, views: &Views<'_>, dst: &mut SurfaceMut<'_>) {
    let bbox = task.drawable.bbox;
    let clip = &views.clip;
    match &task.drawable.op {
        Op::Nop | Op::CopyBits { .. } => {}
        Op::Fill { brush, rop, .. } => {
            let rop = rop2(*rop, Ropd::INVERS_BRUSH, Ropd::INVERS_DEST);
            fill(raster, dst, clip, brush, views.tile.as_ref(), rop);
        }
        Op::Copy { src_area, rop, scale_mode, .. } | Op::Blend { src_area, rop, scale_mode, .. } => {
            let rop = rop2(*rop, Ropd::INVERS_SRC, Ropd::INVERS_DEST);
            copy(raster, dst, clip, bbox, views, *src_area, *scale_mode, rop);
        }
        Op::Opaque { src_area, brush, rop, scale_mode, .. } => {
            copy(raster, dst, clip, bbox, views, *src_area, *scale_mode, Rop2::PUT);
            let rop = rop2(*rop, Ropd::INVERS_BRUSH, Ropd::INVERS_SRC);
            fill(raster, dst, clip, brush, views.tile.as_ref(), rop);
        }
        Op::Blackness { .. } => raster.fill(dst, clip, 0, Rop2::PUT),
        Op::Whiteness { .. } => raster.fill(dst, clip, u32::MAX, Rop2::PUT),
        Op::Invers { .. } => raster.fill(dst, clip, 0, Rop2::Not),
        Op::Rop3 { src_area, brush, rop3, scale_mode, .. } => {
            let Some(src) = &views.src else { return };
            let area = shift(*src_area, src.origin);
            let brush = match (brush, &views.tile) {
                (Brush::Solid(color), _) => Rop3Brush::Solid(*color),
                (Brush::Pattern { pos, .. }, Some(tile)) => {
                    Rop3Brush::Pattern { tile: tile.get(), pos: *pos }
                }
                _ => Rop3Brush::Solid(0),
            };
            raster.rop3(dst, clip, bbox, src.view.get(), area, filter(*scale_mode), brush, *rop3);
        }
        Op::Stroke { path, attr, brush, fore_mode, .. } => {
            stroke(raster, dst, clip, path, attr, (brush, views.tile.as_ref()), *fore_mode);
        }
        Op::Text { str, back_area, fore_brush, back_brush, .. } => {
            if !back_area.is_empty() {
                let mut back = clip.clone();
                back.intersect_rect(*back_area);
                fill(raster, dst, &back, back_brush, views.back_tile.as_ref(), Rop2::PUT);
            }
            text(raster, dst, clip, str, (fore_brush, views.tile.as_ref()));
        }
        Op::Transparent { src_area, true_color, .. } => {
            let Some(src) = &views.src else { return };
            let area = shift(*src_area, src.origin);
            raster.transparent(dst, clip, bbox, src.view.get(), area, *true_color);
        }
        Op::AlphaBlend { alpha_flags, alpha, src_area, .. } => {
            let Some(src) = &views.src else { return };
            if *alpha == 0 {
                return;
            }
            let area = shift(*src_area, src.origin);
            let mut view = src.view.get();
            let surface = matches!(task.src, Source::Surface(_));
            if surface && alpha_flags & ALPHA_SRC_SURFACE != 0 {
                view = view.with_format(with_alpha(view.format())).unwrap_or(view);
            }
            let dest_alpha = alpha_flags & ALPHA_DEST != 0;
            raster.alpha_blend(dst, clip, bbox, view, area, *alpha, dest_alpha);
            if !dest_alpha && dst.format() == SurfaceFormat::X8R8G8B8 {
                raster.clear_dest_alpha(dst, bbox);
            }
        }
        Op::Composite(c) => composite(raster, task, views, dst, c),
    }
}

fn fill(
    raster: Raster,
    dst: &mut SurfaceMut<'_>,
    clip: &Region,
    brush: &Brush,
    tile: Option<&View<'_>>,
    rop: Rop2,
) {
    match (brush, tile) {
        (Brush::None, _) => raster.fill(dst, clip, 0, rop),
        (Brush::Solid(color), _) => raster.fill(dst, clip, *color, rop),
        (Brush::Pattern { pos, .. }, Some(tile)) => raster.fill_pattern(dst, clip, tile.get(), *pos, rop),
        (Brush::Pattern { .. }, None) => {}
    }
}

#[allow(clippy::too_many_arguments, reason = "the operands of a copy")]
fn copy(
    raster: Raster,
    dst: &mut SurfaceMut<'_>,
    clip: &Region,
    bbox: Rect,
    views: &Views<'_>,
    src_area: Rect,
    scale_mode: ScaleMode,
    rop: Rop2,
) {
    let Some(src) = &views.src else { return };
    let area = shift(src_area, src.origin);
    if (area.width(), area.height()) == (bbox.width(), bbox.height()) {
        let offset = Point::new(area.left.wrapping_sub(bbox.left), area.top.wrapping_sub(bbox.top));
        raster.copy(dst, clip, src.view.get(), offset, rop);
    } else {
        raster.copy_scaled(dst, clip, bbox, src.view.get(), area, filter(scale_mode), rop);
    }
}

fn filter(mode: ScaleMode) -> Filter {
    if mode == ScaleMode::INTERPOLATE { Filter::Bilinear } else { Filter::Nearest }
}

fn shift(area: Rect, origin: Point) -> Rect {
    area.translate(origin.x.wrapping_neg(), origin.y.wrapping_neg())
}

fn with_alpha(format: SurfaceFormat) -> SurfaceFormat {
    if format == SurfaceFormat::X8R8G8B8 { SurfaceFormat::A8R8G8B8 } else { format }
}

fn without_alpha(format: SurfaceFormat) -> SurfaceFormat {
    if format == SurfaceFormat::A8R8G8B8 { SurfaceFormat::X8R8G8B8 } else { format }
}

fn stroke(
    raster: Raster,
    dst: &mut SurfaceMut<'_>,
    clip: &Region,
    path: &[PathSegment],
    attr: &LineAttr,
    (brush, tile): (&Brush, Option<&View<'_>>),
    mode: Ropd,
) {
    let rop = rop2(mode, Ropd::INVERS_BRUSH, Ropd::INVERS_DEST);
    let style = (attr.flags & LineAttr::STYLED != 0).then(|| DashStyle {
        lengths: &attr.style,
        start_with_gap: attr.flags & LineAttr::START_WITH_GAP != 0,
    });
    let brush = match (brush, tile) {
        (Brush::None, _) => StrokeBrush::Solid(0),
        (Brush::Solid(color), _) => StrokeBrush::Solid(*color),
        (Brush::Pattern { pos, .. }, Some(tile)) => StrokeBrush::Pattern { tile: tile.get(), origin: *pos },
        (Brush::Pattern { .. }, None) => return,
    };
    let path = path.iter().map(|s| StrokeSegment { flags: s.flags, points: &s.points });
    raster.stroke(dst, clip, path, style, brush, rop);
}

fn text(
    raster: Raster,
    dst: &mut SurfaceMut<'_>,
    clip: &Region,
    str: &Str,
    (brush, tile): (&Brush, Option<&View<'_>>),
) {
    let depth = match str.depth() {
        Some(1) => GlyphDepth::A1,
        Some(4) => GlyphDepth::A4,
        Some(_) => GlyphDepth::A8,
        None => return,
    };
    let brush = match (brush, tile) {
        (Brush::Solid(color), _) => TextBrush::Solid(*color),
        (Brush::Pattern { pos, .. }, Some(tile)) => TextBrush::Pattern { tile: tile.get(), pos: *pos },
        // Without a brush the glyphs are not drawn.
        _ => return,
    };
    let glyphs = str.glyphs.iter().map(|g| GlyphRef {
        render_pos: g.render_pos,
        origin: g.origin,
        width: g.width,
        height: g.height,
        data: &g.data,
    });
    raster.text(dst, clip, glyphs.clone(), depth, brush);
    if !str.glyphs.is_empty() {
        raster.clear_dest_alpha(dst, text_bounds(glyphs));
    }
}

fn composite(raster: Raster, task: &Task, views: &Views<'_>, dst: &mut SurfaceMut<'_>, c: &Composite) {
    let (Some(op), Some(src)) = (CompositeOp::from_number(c.operator()), &views.src) else { return };
    let mut surface = src.view.get();
    if matches!(task.src, Source::Surface(_)) && c.flags & Composite::<()>::SOURCE_OPAQUE != 0 {
        surface = surface.with_format(without_alpha(surface.format())).unwrap_or(surface);
    }
    let src = CompositeSource {
        surface,
        transform: c.src_transform,
        filter: CompositeFilter::from_number(c.src_filter()),
        repeat: CompositeRepeat::from_number(c.src_repeat()),
        origin: c.src_origin,
    };
    let mask = views.mask.as_ref().map(|mask| CompositeSource {
        surface: mask.get(),
        transform: c.mask_transform,
        filter: CompositeFilter::from_number(c.mask_filter()),
        repeat: CompositeRepeat::from_number(c.mask_repeat()),
        origin: c.mask_origin,
    });
    let component_alpha = c.flags & Composite::<()>::COMPONENT_ALPHA != 0;
    let composition = Composition { op, src, mask, component_alpha };
    raster.composite(dst, &views.clip, task.drawable.bbox, &composition);
}
