//! A task drawn elsewhere on its surface.

use crate::draw::Task;
use crate::qxl::{Brush, Clip, Drawable, Op, Point, Str, SurfaceDeps};
use spice_raster::{Rect, Region};
use std::sync::Arc;

/// A drawable that draws something else somewhere else, for a task that has its clip already.
pub(crate) fn redrawn(drawable: &Drawable, bbox: Rect, op: Op) -> Arc<Drawable> {
    let &Drawable { surface_id, effect, mm_time, self_bitmap, .. } = drawable;
    // The surfaces that the guest declares were looked at when the command came.
    let (clip, surface_deps) = (Clip::None, SurfaceDeps::default());
    Arc::new(Drawable { surface_id, effect, mm_time, bbox, clip, self_bitmap, surface_deps, op })
}

/// A `part` of what a task draws, `by` pixels away; `None` if it cannot be drawn there with the same pixels. The task
/// does not read its own surface.
pub(crate) fn relocated(task: &Task, by: Point, part: &Region) -> Option<Task> {
    let clip = part.translate(by.x, by.y);
    if by == Point::default() {
        return Some(task.redrawn(task.drawable.clone(), task.target, clip));
    }
    let (mut bbox, mut op) = (task.drawable.bbox, task.drawable.op.clone());
    move_rect(&mut bbox, by)?;
    if !task.target.bounds().contains(&bbox) {
        return None;
    }
    match &mut op {
        // Their sources and masks lie in places of their box.
        Op::Copy { .. }
        | Op::Blend { .. }
        | Op::Blackness { .. }
        | Op::Whiteness { .. }
        | Op::Invers { .. }
        | Op::Transparent { .. }
        | Op::AlphaBlend { .. }
        | Op::Composite(_) => {}
        Op::Fill { brush, .. } | Op::Opaque { brush, .. } | Op::Rop3 { brush, .. } => move_brush(brush, by)?,
        // The tile of the glyphs lies in places of their box.
        Op::Text { str, back_area, back_brush, .. } => {
            move_text(str, by)?;
            move_rect(back_area, by)?;
            move_brush(back_brush, by)?;
        }
        Op::Stroke { path, brush, .. } => {
            let fixed = Point::new(by.x.checked_mul(16)?, by.y.checked_mul(16)?);
            let points = path.iter_mut().flat_map(|segment| &mut segment.points);
            points.map(|point| move_point(point, fixed)).collect::<Option<()>>()?;
            move_brush(brush, by)?;
        }
        Op::Nop | Op::CopyBits { .. } => return None,
    }
    Some(task.redrawn(redrawn(&task.drawable, bbox, op), task.target, clip))
}

fn move_point(point: &mut Point, by: Point) -> Option<()> {
    *point = Point::new(point.x.checked_add(by.x)?, point.y.checked_add(by.y)?);
    Some(())
}

fn move_rect(rect: &mut Rect, by: Point) -> Option<()> {
    let add = i32::checked_add;
    let (left, top) = (add(rect.left, by.x)?, add(rect.top, by.y)?);
    *rect = Rect::new(left, top, add(rect.right, by.x)?, add(rect.bottom, by.y)?);
    Some(())
}

fn move_brush(brush: &mut Brush, by: Point) -> Option<()> {
    match brush {
        Brush::Pattern { pos, .. } => move_point(pos, by),
        Brush::None | Brush::Solid(_) => Some(()),
    }
}

fn move_text(str: &mut Str, by: Point) -> Option<()> {
    str.glyphs.iter_mut().map(|glyph| move_point(&mut glyph.render_pos, by)).collect()
}
