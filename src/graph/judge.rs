//! What becomes of a node that may stay pending: which of its pixels are drawn now, which stay, which are lost.

use super::footprint::{self, Extent};
use super::node::Node;
use super::select::{Keep, Scratch};
use super::surfaces::{Slot, Slots};
use spice_raster::Region;

/// A part of a node that stays pending has at most so many rectangles; before it has more, the node is drawn.
const PENDING_RECTS: usize = 256;
/// A part of a node that is drawn has at most so many rectangles; before it has more, all of the node is drawn.
pub(crate) const DRAWN_RECTS: usize = 4096;

/// What becomes of a node.
pub(super) enum Verdict {
    Keep,
    /// Only this stays pending; the other pixels were overwritten for good.
    Trim(Region),
    Cull,
    Draw,
    /// This part is drawn, this one stays; the other pixels are never seen.
    Split(Region, Region),
}

impl Verdict {
    /// What is drawn now of a node with this clip.
    pub(super) fn drawn<'a>(&'a self, clip: &'a Region) -> Option<&'a Region> {
        match self {
            Verdict::Draw => Some(clip),
            Verdict::Split(part, _) => Some(part),
            Verdict::Keep | Verdict::Trim(_) | Verdict::Cull => None,
        }
    }
}

/// What is drawn of a node that someone will see.
pub(super) fn judge(slots: &Slots, scratch: &mut Scratch, node: &Node, clip: &Region) -> Verdict {
    let changes = reads_done(slots, scratch, node);
    let Some(slot) = slots.get(node.slot) else { return Verdict::Cull };
    let layer = &slot.layer;
    let whole = node.extent != Extent::Clip;
    let needed = layer.need.any_of(clip);
    if whole {
        let now = needed || layer.done.any_of(clip) || changes.is_none_or(|changes| !changes.is_empty());
        return if now { Verdict::Draw } else { Verdict::Keep };
    }
    let Some(changes) = changes else { return all_seen(slot, clip, scratch) };
    if changes.is_empty() {
        if !needed {
            if !layer.done.any_of(clip) {
                return Verdict::Keep;
            }
            return match rest(slot, clip, scratch) {
                Some(rest) if rest.is_empty() => Verdict::Cull,
                Some(rest) => Verdict::Trim(rest),
                None => all_seen(slot, clip, scratch),
            };
        }
        if layer.need.all_of(clip) {
            return Verdict::Draw;
        }
    }
    let part = scratch.select(clip, DRAWN_RECTS, Keep::In(&layer.need));
    if let (Some(mut part), Some(mut rest)) = (part, rest(slot, clip, scratch)) {
        if !changes.is_empty() {
            // What is hidden need not be drawn, whatever becomes of what it reads.
            (part, rest) = (part.union(&changes.intersect(&rest)), rest.subtract(&changes));
        }
        if part.rects().len() <= DRAWN_RECTS
            && rest.rects().len() <= PENDING_RECTS
            && (rest.is_empty() || !reads_own(node, &rest, &part))
        {
            return match (part.is_empty(), rest.is_empty()) {
                (true, true) => Verdict::Cull,
                (true, false) => Verdict::Trim(rest),
                _ => Verdict::Split(part, rest),
            };
        }
    }
    all_seen(slot, clip, scratch)
}

/// Whether `rest` of a node reads pixels of its own surface that its `part` writes.
fn reads_own(node: &Node, rest: &Region, part: &Region) -> bool {
    let mut hit = false;
    if node.reads {
        footprint::each_read(&node.task, |read| {
            if read.surface.key == node.task.target.key {
                read.each_rect(rest, |rect| hit |= part.intersects_rect(&rect));
            }
        });
    }
    hit
}

/// The pixels of a node that read what something later, drawn in this pass, writes; `None` if that may be all.
fn reads_done(slots: &Slots, scratch: &mut Scratch, node: &Node) -> Option<Region> {
    let (mut changes, mut all) = (Region::new(), false);
    if node.reads {
        footprint::each_read(&node.task, |read| {
            let Some(slot) = slots.of(read.surface.key).filter(|_| !all) else { return };
            let mut hit = Region::new();
            read.each_rect(&node.task.clip, |rect| {
                if !all && slot.does(&rect) {
                    match read.by().and_then(|_| slot.done_in(&rect, PENDING_RECTS, scratch)) {
                        Some(done) => hit = hit.union(&done),
                        None => all = true,
                    }
                    all |= hit.rects().len() > PENDING_RECTS;
                }
            });
            if let Some(by) = read.by() {
                changes = changes.union(&hit.translate(by.x.saturating_neg(), by.y.saturating_neg()));
            }
        });
    }
    (!all).then_some(changes)
}

/// Everything of a node that someone will see, drawn now.
pub(super) fn all_seen(slot: &Slot, clip: &Region, scratch: &mut Scratch) -> Verdict {
    if !slot.hides_any(clip) {
        return Verdict::Draw;
    }
    match scratch.select(clip, DRAWN_RECTS, Keep::OutOf(&[slot.hidden()])) {
        Some(part) => Verdict::Split(part, Region::new()),
        None => Verdict::Draw,
    }
}

/// What stays pending of a node when its needed pixels are drawn.
fn rest(slot: &Slot, clip: &Region, scratch: &mut Scratch) -> Option<Region> {
    let layer = &slot.layer;
    scratch.select(clip, PENDING_RECTS, Keep::OutOf(&[&layer.need, &layer.done, slot.hidden()]))
}
