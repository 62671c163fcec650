//! Copies within a surface that are not made: what they would move is drawn where it goes.
//!
//! A guest that scrolls ten times before anybody looks moves most pixels ten times, and draws a line of text after each.
//! Walking backwards, a `COPY_BITS` whose sources are seen by nobody else is left out, and its sources are *away*: what
//! older nodes draw there is drawn that much further, after several copies where the last one puts it. Where the walk
//! ends, or meets a node that cannot be drawn elsewhere, what is away is moved there, each pixel once.
//!
//! Away pixels are hidden where they are, and each has a place of its own, where nothing else is seen before the copy
//! that was left out.

use super::bits::Bits;
use super::footprint::{self, Extent, Read};
use super::judge::DRAWN_RECTS;
use super::node::Node;
use super::pass::{Found, Job, Pass, written};
use super::queue::Queue;
use super::relocate::{redrawn, relocated};
use super::select::{Keep, Scratch};
use super::surfaces::Slot;
use crate::draw::Task;
use crate::draw::exec::move_within;
use crate::qxl::{Op, OpKind, Point};
use spice_raster::{Rect, Region};

/// A smaller copy is made rather than looked at.
const LEAST_PIXELS: u64 = if cfg!(test) { 8 } else { 1 << 16 };
/// Pixels of a surface are away by at most so many distances, each of which takes a bitmap.
const MOST_SETS: usize = 4;

/// Pixels that are seen so far away only.
#[derive(Debug)]
struct Away {
    by: Point,
    pixels: Bits,
    /// A rectangle around them.
    around: Rect,
}

impl Away {
    /// A rectangle around those that are not in `clip`, which may be empty.
    fn around_without(&self, clip: &Region) -> Rect {
        let rest = Region::from_rect(self.around).subtract(clip);
        let parts = rest.rects().iter().filter(|rect| self.pixels.any(rect));
        parts.fold(Rect::default(), |around, rect| around.union(rect))
    }

    /// As [`Forward::is_apart`], of these pixels.
    fn is_apart(&self, rect: &Rect) -> bool {
        let from = rect.translate(self.by.x.saturating_neg(), self.by.y.saturating_neg());
        !self.pixels.any(rect) && !self.pixels.any(&from)
    }
}

/// The pixels of a surface that are away, at one point of the queue.
#[derive(Debug, Default)]
pub(crate) struct Forward {
    sets: Vec<Away>,
    /// One of the copies that were left out.
    copy: Option<Box<Node>>,
    /// `COPY_BITS` met in this pass.
    met: u32,
}

impl Forward {
    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Whether some pixels of a rectangle are seen elsewhere.
    #[inline]
    pub(crate) fn any(&self, rect: &Rect) -> bool {
        self.sets.iter().any(|set| set.pixels.any(rect))
    }

    /// As [`Forward::any`].
    pub(crate) fn any_of(&self, region: &Region) -> bool {
        self.sets.iter().any(|set| set.pixels.any_of(region))
    }

    /// Whether a rectangle is no place that a pixel goes to, nor comes from.
    fn is_apart(&self, rect: &Rect) -> bool {
        self.sets.iter().all(|set| set.is_apart(rect))
    }

    /// Forgets a pass.
    pub(crate) fn reset(&mut self) {
        self.sets.clear();
        (self.copy, self.met) = (None, 0);
    }

    /// What is there was drawn over.
    fn overwrite(&mut self, clip: &Region) {
        for set in &mut self.sets {
            set.around = set.around_without(clip);
            set.pixels.clear_region(clip);
        }
        self.sets.retain(|set| !set.around.is_empty());
    }

    /// These pixels go away, too.
    fn add(&mut self, by: Point, pixels: &Region, (width, height): (u32, u32)) {
        let at = self.sets.iter().position(|set| set.by == by).unwrap_or_else(|| {
            self.sets.push(Away { by, pixels: Bits::new(width, height), around: Rect::default() });
            self.sets.len() - 1
        });
        let set = &mut self.sets[at];
        set.pixels.set_region(pixels);
        set.around = set.around.union(&pixels.bounds());
    }
}

/// In which order pixels can be moved, so that none is overwritten before it has moved, if there surely is one.
fn order(boxes: &[(Point, Rect)]) -> Option<Vec<usize>> {
    let mut left: Vec<usize> = (0..boxes.len()).collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        let is_next = |&at: &usize| {
            let (by, rect) = boxes[at];
            let target = rect.translate(by.x, by.y);
            left.iter().all(|&other| other == at || !boxes[other].1.intersects(&target))
        };
        let at = left.iter().position(is_next)?;
        order.push(left.remove(at));
    }
    Some(order)
}

/// Parts of what a node draws, as they lie without the copies that were left out, and how far away they are drawn.
type Parts = Vec<(Point, Region)>;

/// What is seen of `clip`, in place and away; `None` if that takes too many rectangles.
fn seen(slot: &Slot, clip: &Region, scratch: &mut Scratch) -> Option<Parts> {
    let mut parts = Vec::new();
    let own = match slot.hides_any(clip) {
        true => scratch.select(clip, DRAWN_RECTS, Keep::OutOf(&[slot.hidden()]))?,
        false => clip.clone(),
    };
    parts.push((Point::default(), own));
    for set in slot.layer.forward.sets.iter().filter(|set| set.pixels.any_of(clip)) {
        parts.push((set.by, scratch.select(clip, DRAWN_RECTS, Keep::In(&set.pixels))?));
    }
    parts.retain(|(_, part)| !part.is_empty());
    Some(parts)
}

/// Where the sources of a `COPY_BITS` go if it is not made, which all pixels seen of its target are not any more: `None` if
/// somebody else sees some of them, or if it is not worth its while.
fn away(slot: &Slot, node: &Node, scratch: &mut Scratch) -> Option<Parts> {
    let clip = &node.task.clip;
    let forward = &slot.layer.forward;
    let worth = !forward.is_empty() || (slot.copies > forward.met && clip.area() >= LEAST_PIXELS);
    let can = node.extent == Extent::Clip && node.overwrites.surely() && !node.begun;
    if !worth || !can || !slot.layer.all {
        return None;
    }
    let (by, _) = move_within(&node.task).filter(|(by, _)| *by != Point::default())?;
    if forward.is_empty() && is_seen_twice(slot, clip, by, scratch) {
        return None;
    }
    let mut parts = seen(slot, clip, scratch)?;
    let rest = forward.sets.iter().map(|set| (set.by, set.around_without(clip)));
    let mut boxes: Vec<_> = rest.filter(|(_, around)| !around.is_empty()).collect();
    for (away, part) in &mut parts {
        *part = part.translate(by.x, by.y);
        *away = Point::new(away.x.checked_sub(by.x)?, away.y.checked_sub(by.y)?);
        // Pixels of the target itself are hidden and not away any more when the sources are.
        let others = part.subtract(clip);
        if !slot.hidden().all_of(&others) || forward.any_of(&others) {
            return None;
        }
        match boxes.iter_mut().find(|(by, _)| by == away) {
            Some((_, around)) => *around = around.union(&part.bounds()),
            None => boxes.push((*away, part.bounds())),
        }
    }
    boxes.retain(|(by, _)| *by != Point::default());
    (boxes.len() <= MOST_SETS && order(&boxes).is_some()).then_some(parts)
}

/// Whether a pixel of a copy within a surface, of which nothing is away, is seen where it is copied from, outside of the
/// target, and also where it is copied to.
fn is_seen_twice(slot: &Slot, clip: &Region, by: Point, scratch: &mut Scratch) -> bool {
    let outside = clip.translate(by.x, by.y).subtract(clip);
    let shown = scratch.select(&outside, DRAWN_RECTS, Keep::OutOf(&[slot.hidden()]));
    shown.is_none_or(|shown| {
        !slot.hidden().all_of(&shown.translate(by.x.saturating_neg(), by.y.saturating_neg()))
    })
}

impl Pass<'_> {
    /// Does what is to be done with a node of which all that is seen is drawn, if it is a copy that is left out or may
    /// have to do with what is away. Says whether it did; if not, nothing of the node is away.
    pub(super) fn forward(&mut self, queue: &mut Queue, place: usize, found: &mut Found) -> bool {
        let Some(entry) = queue.entry(place) else { return false };
        let Some(slot) = self.slots.get_mut(entry.slot) else { return false };
        let none_away = slot.layer.forward.is_empty();
        if !self.culling || (none_away && !(entry.reads && slot.copies > 1)) {
            return false;
        }
        let Some(node) = queue.node_mut(place) else { return false };
        let is_copy = node.kind == OpKind::CopyBits;
        if is_copy {
            slot.layer.forward.met += 1;
            if self.leave_out(node, place, found) {
                return true;
            }
        } else if !none_away && let Some(tasks) = self.tasks(node) {
            self.draw_away(node, tasks, place, found);
            return true;
        }
        if self.slots.get(node.slot).is_none_or(|slot| is_apart(slot, node)) {
            return false;
        }
        self.bring(node.slot, place, found);
        // A copy that did not fit with others may do alone.
        is_copy && self.leave_out(node, place, found)
    }

    /// Brings all that is away where it goes: the walk ends.
    pub(super) fn bring_all(&mut self, found: &mut Found) {
        for slot in self.slots.forwarding() {
            self.bring(slot, 0, found);
        }
    }

    /// Brings what a node that is drawn reads of a surface where it goes after it, if it is away.
    pub(super) fn bring_read(&mut self, read: &Read, drawn: &Region, place: usize, found: &mut Found) {
        let Some(index) = self.slots.find(read.surface.key) else { return };
        let Some(forward) = self.slots.get(index).map(|slot| &slot.layer.forward) else { return };
        let mut apart = true;
        if !forward.is_empty() {
            read.each_rect(drawn, |rect| apart &= forward.is_apart(&rect));
        }
        if !apart {
            self.bring(index, place, found);
        }
    }

    /// Leaves a copy out, if it can be: its sources are away then.
    fn leave_out(&mut self, node: &Node, place: usize, found: &mut Found) -> bool {
        let Some(parts) = self.slots.get(node.slot).and_then(|slot| away(slot, node, self.scratch)) else {
            return false;
        };
        let Some(slot) = self.slots.touch(node.slot) else { return false };
        let clip = &node.task.clip;
        slot.hide(clip, true);
        slot.layer.forward.overwrite(clip);
        let size = (slot.info.width, slot.info.height);
        for (by, pixels) in parts {
            if by == Point::default() {
                pixels.rects().iter().for_each(|rect| slot.need(*rect, true, self.scratch));
            } else {
                slot.layer.forward.add(by, &pixels, size);
            }
        }
        slot.layer.forward.copy.get_or_insert_with(|| Box::new(node.clone()));
        self.stats.culled(node);
        self.stats.left_out += 1;
        found.replaced.push(place);
        true
    }

    /// What is to be drawn of a node that may be away, and the pixels that this is in place; `None` if it cannot be.
    fn tasks(&mut self, node: &mut Node) -> Option<Vec<(Task, Region)>> {
        if (node.reads && footprint::reads_itself(&node.task)) || footprint::is_cut(&node.task, node.extent) {
            return None;
        }
        let slot = self.slots.get(node.slot)?;
        let clip = &node.task.clip;
        let parts = if node.extent == Extent::Clip {
            seen(slot, clip, self.scratch)?
        } else {
            // All of it or nothing.
            let all = written(node.extent, &node.task);
            let mut sets = slot.layer.forward.sets.iter();
            vec![(sets.find(|set| set.pixels.all_of(&all))?.by, clip.clone())]
        };
        parts.into_iter().map(|(by, part)| Some((relocated(&node.task, by, &part)?, part))).collect()
    }

    /// Draws a node where it is seen.
    fn draw_away(&mut self, node: &mut Node, tasks: Vec<(Task, Region)>, place: usize, found: &mut Found) {
        if !tasks.is_empty() {
            node.overwrites.decide(&node.task, self.limits);
        }
        let Some(slot) = self.slots.touch(node.slot) else { return };
        if node.overwrites.surely() {
            slot.hide(&node.task.clip, true);
            slot.layer.forward.overwrite(&node.task.clip);
        } else if slot.readers > 0 {
            tasks.iter().for_each(|(task, _)| slot.layer.done.set_region(&task.clip));
        }
        let mut lost = node.task.clip.area();
        for (_, part) in &tasks {
            lost -= part.area();
            self.stats.drawn_part(node, part);
            if node.reads {
                footprint::each_read(&node.task, |read| {
                    self.bring_read(&read, part, place, found);
                    self.mark_read(&read, Some(part), part, place);
                });
            }
        }
        if tasks.is_empty() {
            return found.culled.push(place);
        }
        self.stats.trimmed(node, lost);
        let mut tasks = tasks.into_iter().map(|(task, _)| task);
        if let Some(first) = tasks.next() {
            node.task = first;
        }
        for task in tasks {
            let node = Node { task, ..node.clone() };
            found.jobs.push(Job { place, part: Some(Box::new(node)) });
        }
        found.jobs.push(Job { place, part: None });
    }

    /// Moves what is away of a surface where it goes, behind all that is older than what the walk has met.
    fn bring(&mut self, slot: u32, place: usize, found: &mut Found) {
        let Some(slot) = self.slots.touch(slot) else { return };
        let forward = &mut slot.layer.forward;
        let Some(copy) = forward.copy.take() else { return };
        let boxes: Vec<_> = forward.sets.iter().map(|set| (set.by, set.around)).collect();
        let sets = std::mem::take(&mut forward.sets);
        // There is an order: no copy was left out without.
        let order = order(&boxes).unwrap_or_else(|| (0..sets.len()).collect());
        for set in order.iter().rev().map(|at| &sets[*at]) {
            let around = Region::from_rect(set.around);
            let pixels = self.scratch.select(&around, usize::MAX, Keep::In(&set.pixels)).unwrap_or_default();
            if pixels.is_empty() {
                continue;
            }
            pixels.rects().iter().for_each(|rect| slot.need(*rect, true, self.scratch));
            self.stats.brought(pixels.area());
            let clip = pixels.translate(set.by.x, set.by.y);
            let bbox = clip.bounds();
            let src_pos = Point::new(bbox.left - set.by.x, bbox.top - set.by.y);
            let mut node = copy.clone();
            node.task.drawable = redrawn(&copy.task.drawable, bbox, Op::CopyBits { src_pos });
            node.task.clip = clip;
            found.jobs.push(Job { place, part: Some(node) });
        }
    }
}

/// Whether nothing that a node draws or reads of its surface is away, nor a place where something goes.
fn is_apart(slot: &Slot, node: &Node) -> bool {
    let forward = &slot.layer.forward;
    let mut apart = forward.is_apart(&node.bounds());
    if node.reads {
        footprint::each_read(&node.task, |read| {
            if read.surface.key == node.task.target.key {
                read.each_rect(&node.task.clip, |rect| apart &= forward.is_apart(&rect));
            }
        });
    }
    apart
}
