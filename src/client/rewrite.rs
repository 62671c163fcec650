//! Operations in other words: for clients that lack the guest's own, but have some that draw the same.

use super::session::CANVAS;
use crate::draw::task::rop2;
use crate::draw::{Source, Task};
use crate::qxl::{Brush, Clip, Op, QMask, Rect, Ropd};
use spice_raster::Region;
use std::sync::Arc;

/// Rectangles of the clip that become operations of their own at most: each takes a message.
const RECTS: usize = 8;

/// Tasks that together draw what one does, of which the client draws each; `None` if there are none.
pub(super) fn rewritten(task: &Task, draws: impl Fn(&Task) -> bool) -> Option<Vec<Task>> {
    debug_assert_eq!(task.target.format, CANVAS);
    let other = equal(&task.drawable.op).map(|op| with(task, task.drawable.bbox, None, op));
    let whole = other.iter().find(|other| draws(other));
    if let Some(whole) = whole {
        return Some(vec![whole.clone()]);
    }
    if task.clip.rects().len() > RECTS {
        return None;
    }
    [Some(task), other.as_ref()].into_iter().flatten().find_map(|task| {
        let parts = task.clip.rects().iter().map(|rect| part(task, *rect).filter(|part| draws(part)));
        parts.collect()
    })
}

/// The same without a clip, in one rectangle of it. Paths cannot be cut, nor what is not copied pixel by pixel.
fn part(task: &Task, rect: Rect) -> Option<Task> {
    let (dx, dy) = (rect.left - task.drawable.bbox.left, rect.top - task.drawable.bbox.top);
    let mut op = task.drawable.op.clone();
    match &mut op {
        Op::Fill { brush: Brush::Solid(_), .. }
        | Op::Blackness { .. }
        | Op::Whiteness { .. }
        | Op::Invers { .. } => {}
        Op::Copy { src_area, .. } | Op::Blend { src_area, .. } if !task.is_scaled() => {
            let (left, top) = (src_area.left.checked_add(dx)?, src_area.top.checked_add(dy)?);
            let right = left.checked_add(rect.width() as i32)?;
            *src_area = Rect::new(left, top, right, top.checked_add(rect.height() as i32)?);
        }
        _ => return None,
    }
    Some(with(task, rect, Some(rect), op))
}

/// A task with another operation, and another clip if one is given.
fn with(task: &Task, bbox: Rect, clip: Option<Rect>, op: Op) -> Task {
    let mut drawable = (*task.drawable).clone();
    let mut task = task.clone();
    if let Some(rect) = clip {
        (drawable.clip, task.clip) = (Clip::None, Region::from_rect(rect));
    }
    if op.src().is_none() {
        task.src = Source::None;
    }
    (drawable.bbox, drawable.op) = (bbox, op);
    task.drawable = Arc::new(drawable);
    task
}

/// Another operation that makes the same colours, whatever is there; masks are not looked at.
fn equal(op: &Op) -> Option<Op> {
    let mask = QMask::default;
    let fill = |colour, rop| Op::Fill { brush: Brush::Solid(colour), rop, mask: mask() };
    Some(match op {
        Op::Blackness { .. } => fill(0, Ropd::PUT),
        Op::Whiteness { .. } => fill(0xff_ffff, Ropd::PUT),
        Op::Invers { .. } => fill(0xff_ffff, Ropd(Ropd::OP_XOR)),
        Op::Fill { brush: Brush::Solid(colour), rop, .. } => {
            let rop = rop2(*rop, Ropd::INVERS_BRUSH, Ropd::INVERS_DEST);
            // The truth tables of D, !D, S ^ D and !(S ^ D) say what each bit of the colour does.
            let inverts = match colour & 0xff_ffff {
                0xff_ffff => rop.truth_table() >> 2 & 3,
                0 => rop.truth_table() & 3,
                _ if !rop.reads_source() => rop.truth_table() & 3,
                _ => return None,
            };
            match inverts {
                0b00 => fill(0, Ropd::PUT),
                0b11 => fill(0xff_ffff, Ropd::PUT),
                0b01 => Op::Invers { mask: mask() },
                _ => return None,
            }
        }
        Op::Rop3 { brush, rop3, .. } => match (rop3, brush) {
            (0x00, _) => Op::Blackness { mask: mask() },
            (0x55, _) => Op::Invers { mask: mask() },
            (0xff, _) => Op::Whiteness { mask: mask() },
            (0xf0, Brush::Solid(colour)) => fill(*colour, Ropd::PUT),
            (0x5a, Brush::Solid(colour)) => fill(*colour, Ropd(Ropd::OP_XOR)),
            _ => return None,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{SurfaceInfo, SurfaceKey};
    use crate::qxl::{Drawable, OpKind};

    fn task(op: Op, clip: &[Rect]) -> Task {
        let bbox = Rect::new(10, 20, 60, 50);
        let (surface_deps, self_bitmap) = ([None; 3], None);
        let clip = Clip::Rects(clip.to_vec());
        let drawable =
            Drawable { surface_id: 0, effect: 0, mm_time: 0, bbox, clip, self_bitmap, surface_deps, op };
        let Clip::Rects(rects) = &drawable.clip else { unreachable!() };
        Task {
            clip: Region::from_rects(rects.iter().map(|r| r.intersect(&bbox))),
            drawable: Arc::new(drawable),
            target: SurfaceInfo { key: SurfaceKey(1), format: CANVAS, width: 100, height: 80 },
            src: Source::None,
            tile: Source::None,
            back_tile: Source::None,
            mask: Source::None,
        }
    }

    #[test]
    fn fills_say_the_same_in_every_rop() {
        for bits in 0..1024 {
            let rop = Ropd(bits);
            let table = rop2(rop, Ropd::INVERS_BRUSH, Ropd::INVERS_DEST);
            for colour in [0, 0xff_ffff, 0x12_3456] {
                let fill = Op::Fill { brush: Brush::Solid(colour), rop, mask: QMask::default() };
                let Some(other) = equal(&fill) else { continue };
                for dest in [0, 0xff_ffff, 0xab_cdef] {
                    let drawn = match &other {
                        Op::Invers { .. } => !dest,
                        Op::Fill { brush: Brush::Solid(colour), .. } => *colour,
                        _ => unreachable!(),
                    };
                    assert_eq!(
                        drawn & 0xff_ffff,
                        table.apply(colour, dest) & 0xff_ffff,
                        "{bits:#x} {colour:#x}"
                    );
                }
            }
        }
    }

    #[test]
    fn clips_become_rectangles() {
        let clip = [Rect::new(0, 0, 30, 30), Rect::new(40, 30, 100, 40)];
        let invers = task(Op::Invers { mask: QMask::default() }, &clip);
        let unclipped =
            |kind| move |t: &Task| matches!(t.drawable.clip, Clip::None) && t.drawable.op.kind() == kind;
        let parts = rewritten(&invers, unclipped(OpKind::Invers)).unwrap();
        let boxes: Vec<Rect> = parts.iter().map(|t| t.drawable.bbox).collect();
        assert_eq!(boxes, [Rect::new(10, 20, 30, 30), Rect::new(40, 30, 60, 40)]);
        assert_eq!(rewritten(&invers, unclipped(OpKind::Fill)).map(|parts| parts.len()), Some(2));
        assert!(rewritten(&invers, unclipped(OpKind::Copy)).is_none());
        assert_eq!(
            rewritten(&invers, |t| t.drawable.op.kind() == OpKind::Fill).unwrap()[0].clip,
            invers.clip
        );
        let bars: Vec<Rect> = (0..9).map(|i| Rect::new(10, 20 + i * 3, 20, 21 + i * 3)).collect();
        let many = task(Op::Invers { mask: QMask::default() }, &bars);
        assert!(rewritten(&many, unclipped(OpKind::Invers)).is_none());
    }
}
