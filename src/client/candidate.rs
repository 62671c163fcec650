//! Which of the guest's operations could be sent to a client that has all of their features. In doubt none: what the
//! reference client aborts on, leaves undefined, or draws by state that other operations left, stays here.

use super::canvas::CANVAS;
use crate::draw::{Source, Task};
use crate::qxl::{
    Brush, Composite, ImageRole, LineAttr, Op, PathSegment, Point, QMask, Rect, Ropd, Str, SurfaceFormat,
};
use spice_raster::{GlyphRef, StrokeSegment, curves_end, text_bounds};

/// Coordinates of paths in 28.4 that clients' integers surely hold.
const FAR: u32 = 1 << 18;

/// Whether the image of what it draws could be much larger than the operation.
pub(super) fn is_worthy(op: &Op) -> bool {
    match op {
        Op::Nop | Op::CopyBits { .. } | Op::Blackness { .. } | Op::Whiteness { .. } => false,
        Op::Fill { brush: Brush::Pattern { .. }, .. } => true,
        Op::Fill { rop, .. } => *rop != Ropd::PUT,
        // What is copied as it is, is an image.
        Op::Copy { rop, mask, .. } | Op::Blend { rop, mask, .. } => *rop != Ropd::PUT || mask.image.is_some(),
        _ => true,
    }
}

/// Whether a task on the screen could be sent, as far as that is seen without looking at pixels or along paths.
pub(super) fn is_candidate(task: &Task) -> bool {
    if task.target.format != CANVAS || !ImageRole::ALL.into_iter().all(|role| can_be_given(task, role)) {
        return false;
    }
    let bbox = task.drawable.bbox;
    match &task.drawable.op {
        Op::Nop => false,
        Op::CopyBits { src_pos } => task.target.bounds().contains(
            &bbox.translate(src_pos.x.saturating_sub(bbox.left), src_pos.y.saturating_sub(bbox.top)),
        ),
        Op::Fill { .. }
        | Op::Blackness { .. }
        | Op::Whiteness { .. }
        | Op::Invers { .. }
        | Op::Opaque { .. }
        | Op::Copy { .. }
        | Op::Blend { .. }
        | Op::Transparent { .. }
        | Op::AlphaBlend { .. } => reads_inside(task),
        Op::Rop3 { brush, .. } => {
            let behind = |pos: &Point| pos.x <= bbox.left && pos.y <= bbox.top;
            reads_inside(task) && !matches!(brush, Brush::Pattern { pos, .. } if !behind(pos))
        }
        Op::Stroke { path, attr, .. } => {
            let styled = attr.flags & LineAttr::STYLED != 0;
            !path.is_empty() && (!styled || attr.style.len() < 256 && task.clip.rects().len() == 1)
        }
        Op::Text { str, .. } => str.depth().is_some() && str.glyphs.len() <= usize::from(u16::MAX),
        Op::Composite(c) => is_composite(task, c),
    }
}

/// Whether a client can be given the image that a task has in a role, or what it stands for.
fn can_be_given(task: &Task, role: ImageRole) -> bool {
    match task.source(role) {
        Source::None => match &task.drawable.op {
            // A pattern without an image.
            op if role == ImageRole::Source => op.src().is_none(),
            _ => true,
        },
        Source::Picture(_) => true,
        Source::Surface(info) => info.key != task.target.key,
        Source::SelfBitmap(area) => task.target.bounds().contains(area) && !area.is_empty(),
        Source::Black { .. } => false,
    }
}

/// Whether the source area, if there is one, lies within the source, and the brushes have their tiles.
fn reads_inside(task: &Task) -> bool {
    let tiles = match &task.drawable.op {
        Op::Fill { brush, .. } | Op::Opaque { brush, .. } | Op::Rop3 { brush, .. } => {
            !matches!(brush, Brush::Pattern { .. }) || task.tile().is_some()
        }
        _ => true,
    };
    let Some(area) = task.src_area() else { return tiles };
    let (width, height) = match &task.src {
        Source::Picture(picture) => (picture.width(), picture.height()),
        Source::Surface(info) => (info.width, info.height),
        Source::SelfBitmap(area) => (area.width(), area.height()),
        Source::None | Source::Black { .. } => return false,
    };
    tiles && !area.is_empty() && Rect::of_size(width, height).contains(&area)
}

/// A composite that clients draw by nothing but what it says.
fn is_composite(task: &Task, c: &Composite) -> bool {
    use SurfaceFormat as S;
    let given = |source: &Source| match source {
        Source::Surface(info) => {
            info.key != task.target.key && matches!(info.format, S::X8R8G8B8 | S::A8R8G8B8 | S::A8)
        }
        Source::Picture(_) => true,
        _ => false,
    };
    let filters = c.src_filter() <= 4 && c.mask_filter() <= 4;
    // One surface in both roles cannot have two states.
    let apart = match (&task.src, task.mask()) {
        (Source::Surface(a), Source::Surface(b)) => a.key != b.key,
        _ => true,
    };
    let near = |p: Point| [p.x, p.y].into_iter().all(|v| i16::try_from(v).is_ok());
    filters
        && apart
        && given(&task.src)
        && (c.mask.is_none() || given(task.mask()))
        && near(c.src_origin)
        && near(c.mask_origin)
}

/// The rest of it: a look along paths and glyphs.
pub(super) fn is_sound(task: &Task) -> bool {
    match &task.drawable.op {
        Op::Stroke { path, attr, .. } => is_sound_path(path, attr),
        Op::Text { str, .. } => is_sound_text(task, str),
        _ => true,
    }
}

fn is_sound_path(path: &[PathSegment], attr: &LineAttr) -> bool {
    let near = |p: &Point| p.x.unsigned_abs() < FAR && p.y.unsigned_abs() < FAR;
    let segments = path.iter().all(|s| s.flags <= 0xff && s.points.iter().all(near));
    // Lengths of pixels, in bytes; without any the reference client hangs.
    let length = |v: &i32| ((v >> 4) + i32::from(v & 15 > 8)) as u8 > 0;
    let dashes = attr.flags & LineAttr::STYLED == 0 || attr.style.iter().any(length);
    let bezier = |s: &PathSegment| s.flags & PathSegment::BEZIER != 0;
    // The first point of a figure belongs to no curve.
    let whole = |s: &PathSegment| {
        let first = usize::from(s.flags & PathSegment::BEGIN != 0);
        s.points.len() >= first && (s.points.len() - first).is_multiple_of(3)
    };
    let curves = path.iter().any(bezier);
    let ends = || curves_end(path.iter().map(|s| StrokeSegment { flags: s.flags, points: &s.points }));
    segments && dashes && (!curves || path.iter().all(|s| !bezier(s) || whole(s)) && is_open(path) && ends())
}

/// Whether a figure is open wherever a curve goes on.
fn is_open(path: &[PathSegment]) -> bool {
    let mut open = false;
    path.iter().all(|s| {
        open |= s.flags & PathSegment::BEGIN != 0 && !s.points.is_empty();
        let sound = open || s.flags & PathSegment::BEZIER == 0;
        open &= s.flags & PathSegment::END == 0;
        sound
    })
}

fn is_sound_text(task: &Task, str: &Str) -> bool {
    let Some(depth) = str.depth() else { return false };
    let glyphs = || {
        str.glyphs.iter().map(|g| GlyphRef {
            render_pos: g.render_pos,
            origin: g.origin,
            width: g.width,
            height: g.height,
            data: &g.data,
        })
    };
    let whole = str.glyphs.iter().all(|g| {
        let row = (u64::from(depth) * u64::from(g.width)).div_ceil(8);
        g.width > 0 && g.height > 0 && g.data.len() as u64 == row * u64::from(g.height)
    });
    let bounds = text_bounds(glyphs());
    // The reference client makes a mask of that size.
    let near = bounds.area() <= 4 * task.target.bounds().area()
        && [bounds.left, bounds.top, bounds.right, bounds.bottom]
            .into_iter()
            .all(|v| v.unsigned_abs() < FAR >> 4);
    // The top row of A8 glyphs comes from behind them.
    let top = |g: GlyphRef<'_>| {
        let bounds = g.bounds();
        Rect { bottom: bounds.top + 1, ..bounds }
    };
    whole && near && (depth != 8 || !glyphs().any(|g| task.clip.intersects_rect(&top(g))))
}

/// Whether a task, wherever it draws, is one that recipes may hold: its sources are pictures at hand or surfaces as they
/// are, and it has no mask.
pub(super) fn is_plain(task: &Task) -> bool {
    let unmasked = |mask: &QMask| mask.image.is_none();
    let pictured = || {
        let Source::Picture(picture) = &task.src else { return false };
        picture.is_bitmap() && !task.is_scaled() && reads_inside(task)
    };
    match &task.drawable.op {
        _ if task.drawable.self_bitmap.is_some() => false,
        Op::Fill { brush, mask, .. } => matches!(brush, Brush::Solid(_)) && unmasked(mask),
        Op::Copy { mask, .. } => unmasked(mask) && (is_surface_copy(task) || pictured()),
        Op::Composite(c) => {
            let surface = |source: &Source| matches!(source, Source::Surface(_));
            surface(&task.src) && (c.mask.is_none() || surface(task.mask())) && is_composite(task, c)
        }
        _ => false,
    }
}

/// Whether a task copies a part of another surface as it is: nothing scaled, and no x byte that becomes alpha.
pub(super) fn is_surface_copy(task: &Task) -> bool {
    use SurfaceFormat as S;
    let (Op::Copy { rop, .. }, Source::Surface(info)) = (&task.drawable.op, &task.src) else { return false };
    let formats = match (info.format, task.target.format) {
        (S::A8R8G8B8, S::X8R8G8B8) => true,
        (from, to) => from == to && matches!(to, S::X8R8G8B8 | S::A8R8G8B8),
    };
    let area = task.src_area().unwrap_or_default();
    let inside = Rect::of_size(info.width, info.height).contains(&area) && !area.is_empty();
    formats && inside && info.key != task.target.key && *rop == Ropd::PUT && !task.is_scaled()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_points_and_odd_curves_stay_here() {
        let path = |flags, points: &[Point]| [PathSegment { flags, points: points.to_vec() }];
        let solid = LineAttr { flags: 0, style: Vec::new() };
        let sound = |flags, points: &[Point]| is_sound_path(&path(flags, points), &solid);
        let near = [Point::new(16, 16), Point::new(320, 48), Point::new(-16, 0), Point::new(0, 640)];
        assert!(sound(PathSegment::BEGIN, &near) && sound(PathSegment::BEGIN | PathSegment::BEZIER, &near));
        for far in [i32::MIN, i32::MAX, FAR as i32, -(FAR as i32)] {
            assert!(!sound(PathSegment::BEGIN, &[near[0], Point::new(far, 0)]), "{far}");
            assert!(!sound(PathSegment::BEGIN, &[near[0], Point::new(0, far)]), "{far}");
        }
        // Two points make no curve, and none goes on where no figure is open.
        assert!(!sound(PathSegment::BEGIN | PathSegment::BEZIER, &near[..3]));
        assert!(!sound(PathSegment::BEZIER, &near[1..]));
        // All gaps and dashes without length: the reference client hangs.
        let empty = LineAttr { flags: LineAttr::STYLED, style: vec![0, 8] };
        assert!(!is_sound_path(&path(PathSegment::BEGIN, &near), &empty));
    }
}
