//! What a task reads and writes, told by its operation alone; the guest's `effect` and dependency hints are not
//! looked at.

use crate::draw::exec::{move_within, needs_whole_surface, rereads};
use crate::draw::task::rop2;
use crate::draw::{Limits, Source, SurfaceInfo, SurfaceKey, Task};
use crate::qxl::{Brush, Composite, Op, Point, Rect, Ropd, Str};
use spice_raster::Region;

/// Pixels of a surface that a task reads as they are before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// The surface.
    pub(crate) surface: SurfaceInfo,
    /// Which pixels.
    pub(crate) area: Area,
}

/// Which pixels of a surface are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// Pixel p + offset for each pixel p that is drawn.
    Shifted(Point),
    /// These, whatever is drawn.
    Rect(Rect),
}

impl Read {
    /// How far from each pixel that is drawn it reads one; `None` if it reads the same ones, whatever is drawn.
    pub(crate) fn by(&self) -> Option<Point> {
        match self.area {
            Area::Rect(_) => None,
            Area::Shifted(by) => Some(by),
        }
    }

    /// Calls `f` with the pixels read when `drawn` is drawn, as rectangles on the surface.
    pub(crate) fn each_rect(&self, drawn: &Region, mut f: impl FnMut(Rect)) {
        match self.area {
            Area::Rect(rect) => f(rect),
            Area::Shifted(by) => {
                for rect in drawn.rects() {
                    let moved = shift(rect, by, &self.surface.bounds());
                    if !moved.is_empty() {
                        f(moved);
                    }
                }
            }
        }
    }
}

/// Which pixels a task may change, and whether it can be drawn in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those of its clip, each by itself.
    Clip,
    /// Those of its clip, but only all at once: what one gets depends on the shape of the whole clip.
    WholeClip,
    /// All of a box, all at once: one pixel decides about others.
    Box,
}

/// What a task may change.
pub(crate) fn extent(task: &Task) -> Extent {
    let drawable = &task.drawable;
    match &drawable.op {
        // Spans of a line are clipped in place by side-by-side rectangles, as SPICE clients do it.
        Op::Stroke { .. } => Extent::WholeClip,
        Op::Copy { .. } | Op::Blend { .. } if rereads(task) => Extent::WholeClip,
        Op::Text { .. } | Op::AlphaBlend { .. } if needs_whole_surface(task) => Extent::Box,
        _ => Extent::Clip,
    }
}

/// A rectangle around all that a task may change; all of it, if its extent is a box.
#[inline]
pub(crate) fn bounds(task: &Task, extent: Extent) -> Rect {
    if extent == Extent::Box { box_of(task) } else { task.clip.bounds() }
}

fn box_of(task: &Task) -> Rect {
    uncut_box(task).intersect(&task.target.bounds())
}

fn uncut_box(task: &Task) -> Rect {
    let drawn = task.clip.bounds();
    match &task.drawable.op {
        Op::Text { str, .. } => drawn.union(&glyph_box(str)),
        _ => drawn.union(&task.drawable.bbox),
    }
}

/// Whether what a task may change ends where its surface does, so that elsewhere it would be something else.
pub(crate) fn is_cut(task: &Task, extent: Extent) -> bool {
    extent == Extent::Box && !task.target.bounds().contains(&uncut_box(task))
}

/// The smallest rectangle around all glyphs.
fn glyph_box(str: &Str) -> Rect {
    str.glyphs.iter().fold(Rect::default(), |all, glyph| {
        let left = glyph.render_pos.x.saturating_add(glyph.origin.x);
        let top = glyph.render_pos.y.saturating_add(glyph.origin.y);
        let right = left.saturating_add(glyph.width.into());
        all.union(&Rect::new(left, top, right, top.saturating_add(glyph.height.into())))
    })
}

/// Calls `f` with everything that a task reads from surfaces, its own one included; not the pixels that it draws
/// on, which every task that does not overwrite reads.
pub(crate) fn each_read(task: &Task, mut f: impl FnMut(Read)) {
    let drawable = &task.drawable;
    let bbox = drawable.bbox;
    let whole = |surface: SurfaceInfo| Area::Rect(surface.bounds());
    if let Op::CopyBits { src_pos } = drawable.op {
        f(Read { surface: task.target, area: shifted(src_pos, bbox) });
        return;
    }
    match task.src {
        Source::Surface(surface) => f(Read { surface, area: source_area(task, surface) }),
        Source::SelfBitmap(area) => f(Read { surface: task.target, area: Area::Rect(area) }),
        _ => {}
    }
    for tile in [task.tile(), task.back_tile()] {
        if let Source::Surface(surface) = *tile {
            f(Read { surface, area: whole(surface) });
        }
    }
    if let Source::Surface(surface) = *task.mask() {
        let area = match &drawable.op {
            Op::Composite(c) if c.mask_transform.is_none() && c.mask_repeat() == 0 => {
                shifted(c.mask_origin, bbox)
            }
            Op::Composite(_) => whole(surface),
            op => op.qmask().map_or(whole(surface), |mask| shifted(mask.pos, bbox)),
        };
        f(Read { surface, area });
    }
}

fn source_area(task: &Task, surface: SurfaceInfo) -> Area {
    let bbox = task.drawable.bbox;
    let all = Area::Rect(surface.bounds());
    match &task.drawable.op {
        Op::Composite(c) if composite_is_shift(c, &surface, bbox) => shifted(c.src_origin, bbox),
        Op::Composite(_) => all,
        op => match task.src_area() {
            Some(area) if !task.is_scaled() => shifted(Point::new(area.left, area.top), bbox),
            // A scaled source's area is rounded in target pixels: let it be.
            _ if matches!(op, Op::Rop3 { .. }) => all,
            // Bilinear sampling looks at the neighbours.
            Some(a) => {
                let wide = |v: i32, d: i32| v.saturating_add(d);
                let grown = Rect::new(wide(a.left, -2), wide(a.top, -2), wide(a.right, 2), wide(a.bottom, 2));
                Area::Rect(grown.intersect(&surface.bounds()))
            }
            None => all,
        },
    }
}

/// Whether a composite's source pixels are those at a fixed distance.
fn composite_is_shift(c: &Composite, surface: &SurfaceInfo, bbox: Rect) -> bool {
    c.src_transform.is_none()
        && (c.src_repeat() == 0 || holds(c.src_origin, bbox, surface.width, surface.height))
}

fn shifted(to: Point, bbox: Rect) -> Area {
    Area::Shifted(Point::new(to.x.wrapping_sub(bbox.left), to.y.wrapping_sub(bbox.top)))
}

/// A rectangle moved, as far as it lies in `bounds`.
fn shift(rect: &Rect, by: Point, bounds: &Rect) -> Rect {
    let add = |v: i32, d: i32| (i64::from(v) + i64::from(d)).clamp(-1, i64::from(i32::MAX)) as i32;
    let moved =
        Rect::new(add(rect.left, by.x), add(rect.top, by.y), add(rect.right, by.x), add(rect.bottom, by.y));
    moved.intersect(bounds)
}

/// Whether a picture of this size has a pixel for each of the box, the first one at `at`.
fn holds(at: Point, bbox: Rect, width: u32, height: u32) -> bool {
    let fits =
        |from: i32, len: u32, size: u32| from >= 0 && i64::from(from) + i64::from(len) <= i64::from(size);
    fits(at.x, bbox.width(), width) && fits(at.y, bbox.height(), height)
}

/// Whether every pixel of the clip surely gets a value that does not depend on what was there, so that whatever
/// was drawn there before need not be.
///
/// A QUIC image that is corrupt draws nothing: one that is not decoded yet does not count.
pub(crate) fn overwrites(task: &Task, limits: &Limits) -> bool {
    if task.mask().is_some() {
        return false;
    }
    let bbox = task.drawable.bbox;
    match &task.drawable.op {
        Op::Blackness { .. } | Op::Whiteness { .. } => true,
        Op::Fill { brush, rop, .. } => {
            !rop2(*rop, Ropd::INVERS_BRUSH, Ropd::INVERS_DEST).reads_dest()
                && brush_is_sure(task, brush, limits)
        }
        Op::Copy { rop, .. } | Op::Blend { rop, .. } => {
            !rop2(*rop, Ropd::INVERS_SRC, Ropd::INVERS_DEST).reads_dest() && covers(task, limits)
        }
        Op::Opaque { brush, .. } => covers(task, limits) && brush_is_sure(task, brush, limits),
        Op::Rop3 { brush, rop3, .. } => {
            let reads_dest = (rop3 ^ rop3 >> 1) & 0x55 != 0;
            !reads_dest && !task.is_scaled() && covers(task, limits) && brush_is_sure(task, brush, limits)
        }
        Op::CopyBits { src_pos } => holds(*src_pos, bbox, task.target.width, task.target.height),
        // CLEAR and SRC.
        Op::Composite(c) => {
            c.operator() <= 1 && c.src_transform.is_none() && size(&task.src, task, limits).is_some()
        }
        _ => false,
    }
}

/// Whether the source surely has a pixel for each of the box.
fn covers(task: &Task, limits: &Limits) -> bool {
    let Some((width, height)) = size(&task.src, task, limits) else { return false };
    let Some(area) = task.src_area() else { return false };
    if task.is_scaled() {
        // What lies outside is read as 0.
        return !area.is_empty();
    }
    // A self-bitmap begins where its area does.
    holds(Point::new(area.left, area.top), task.drawable.bbox, width, height)
}

fn brush_is_sure(task: &Task, brush: &Brush, limits: &Limits) -> bool {
    match brush {
        Brush::None | Brush::Solid(_) => true,
        Brush::Pattern { .. } => size(task.tile(), task, limits).is_some(),
    }
}

/// The size of a source that can surely be read when its time comes.
fn size(source: &Source, task: &Task, limits: &Limits) -> Option<(u32, u32)> {
    let (width, height) = match source {
        Source::None => return None,
        Source::Picture(picture) => {
            let bitmap = picture.bitmap_if_decoded()?;
            if bitmap.format.has_palette() && bitmap.palette.is_none() {
                return None;
            }
            (bitmap.width, bitmap.height)
        }
        Source::Surface(info) => (info.width, info.height),
        Source::SelfBitmap(area) => {
            if !task.target.bounds().contains(area) {
                return None;
            }
            (area.width(), area.height())
        }
        Source::Black { width, height } => (*width, *height),
    };
    // Everything that may be made of it fits as 32-bit pixels.
    let fits = u64::from(width) * u64::from(height) <= limits.image_bytes / 4;
    (width > 0 && height > 0 && fits).then_some((width, height))
}

/// Whether a task reads its own surface beside the pixels that it draws on, so that nothing else may be drawn there
/// at the same time.
pub(crate) fn reads_itself(task: &Task) -> bool {
    let mut own = move_within(task).is_some();
    each_read(task, |read| own |= read.surface.key == task.target.key);
    own
}

/// The surfaces that a task reads, other than its own.
pub(crate) fn each_other(task: &Task, mut f: impl FnMut(SurfaceKey)) {
    for source in task.given() {
        if let Source::Surface(info) = source
            && info.key != task.target.key
        {
            f(info.key);
        }
    }
}
