//! Bytes that pending tasks keep alive.

use crate::draw::{Picture, Source, Task};
use crate::qxl::{Clip, Drawable, Op};
use std::sync::Arc;

/// Pictures from so many bytes on count once, however many nodes share them.
const SHARED_BYTES: u64 = 1 << 12;

fn pictures(task: &Task) -> impl Iterator<Item = &Arc<Picture>> {
    task.given().filter_map(|source| match source {
        Source::Picture(picture) => Some(picture),
        _ => None,
    })
}

/// Those that count once.
pub(super) fn large_pictures(task: &Task) -> impl Iterator<Item = &Arc<Picture>> {
    pictures(task).filter(|picture| picture.held_bytes() as u64 >= SHARED_BYTES)
}

/// Those that count for each task.
pub(super) fn small_pictures(task: &Task) -> impl Iterator<Item = &Arc<Picture>> {
    pictures(task).filter(|picture| (picture.held_bytes() as u64) < SHARED_BYTES)
}

/// Two pictures that live at the same time have different ones.
pub(super) fn address(picture: &Arc<Picture>) -> usize {
    Arc::as_ptr(picture).addr()
}

/// Bytes of the large pictures of a task.
pub(super) fn picture_bytes(task: &Task) -> u64 {
    large_pictures(task).map(|picture| picture.held_bytes() as u64).sum()
}

/// Bytes that a pending task keeps alive, large pictures apart; whether it has any `pictures` is known.
pub(super) fn own_bytes(task: &Task, pictures: bool) -> u64 {
    let drawable = &*task.drawable;
    let data = match &drawable.op {
        Op::Stroke { path, .. } => path.iter().map(|s| size_of_val(s) + size_of_val(&s.points[..])).sum(),
        Op::Text { str, .. } => str.glyphs.iter().map(|g| size_of_val(g) + g.data.len()).sum(),
        _ => 0usize,
    };
    let clip = match &drawable.clip {
        Clip::None => 0,
        Clip::Rects(rects) => size_of_val(&rects[..]),
    };
    let each = |picture: &Arc<Picture>| picture.held_bytes() + size_of::<Picture>();
    let small = if pictures { small_pictures(task).map(each).sum() } else { 0 };
    (size_of::<Drawable>() + data + clip + small + task.more_bytes()) as u64
}
