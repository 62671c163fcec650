//! The pass: one walk over the queue, from the newest node to the oldest, that finds what must be drawn now, what
//! stays pending and what nobody will ever see.
//!
//! Walking backwards, three sets of pixels of each surface say what the later part of the queue wants of them:
//!
//! - *need*: somebody who is drawn in this pass reads what the pixel holds here, or it is asked for;
//! - *done*: something later that is drawn in this pass writes the pixel;
//! - *hidden*: no one, drawn now or ever, will see what the pixel holds here.
//!
//! A node draws its clip's needed pixels. If it overwrites them nobody below is needed or seen there; if not, those
//! below are needed too. What it reads is needed of its sources. The rest of its clip stays pending, but for pixels
//! that are done: they were overwritten for good (if they had been needed they were drawn). A pending node that
//! reads a done pixel is drawn now, before its source changes. So at each pixel the nodes drawn are always the first
//! ones of those that anyone can see, and what is pending still finds its sources as they were.
//!
//! Where all that is left of a surface is needed, as it is for most frames, or everything older is drawn in any case,
//! what is hidden tells all there is to know ([`Pass::draw`]). There copies can be left out, too (`forward`). Of a copy
//! from another surface others may draw some (`lend`).

use super::footprint::{self, Extent, Read};
use super::index::Walk;
use super::judge::{self, DRAWN_RECTS, Verdict, all_seen};
use super::node::Node;
use super::queue::Queue;
use super::select::{Keep, Scratch};
use super::stats::Stats;
use super::surfaces::Slots;
use crate::draw::{Limits, Task};
use spice_raster::{Rect, Region};
use std::borrow::Cow;

/// A node that is drawn in this pass, all of it or a part.
#[derive(Debug)]
pub(crate) struct Job {
    /// Its place in the queue.
    pub(crate) place: usize,
    /// What is drawn of it, if something stays pending.
    pub(crate) part: Option<Box<Node>>,
}

impl Job {
    /// What is drawn.
    pub(crate) fn node<'a>(&'a self, queue: &'a Queue) -> Option<&'a Node> {
        self.part.as_deref().or_else(|| queue.node(self.place))
    }
}

/// What a pass found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What must be drawn, the last first.
    pub(crate) jobs: Vec<Job>,
    /// What nobody will ever see, by its place in the queue.
    pub(crate) culled: Vec<usize>,
    /// Copies that are not made, by their places: others draw what they would, where it goes.
    pub(crate) replaced: Vec<usize>,
}

impl Found {
    /// A node is drawn for the last time, or this part of it; what is left of it others draw.
    fn push(&mut self, place: usize, node: &mut Node, part: Option<Region>) {
        match part {
            Some(part) if part.is_empty() => self.replaced.push(place),
            part => {
                part.into_iter().for_each(|part| node.task.clip = part);
                self.jobs.push(Job { place, part: None });
            }
        }
    }
}

/// What a pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// To draw what is asked for. Surfaces that this has nothing to do with are left as they are.
    Asked,
    /// To draw so many of the oldest nodes, and to cull wherever that can be.
    Oldest(usize),
}

pub(crate) struct Pass<'a> {
    pub(crate) slots: &'a mut Slots,
    pub(crate) limits: &'a Limits,
    pub(crate) stats: &'a mut Stats,
    /// Bytes that the pending nodes keep alive.
    pub(crate) held: &'a mut u64,
    /// Without it everything is drawn, whether someone sees it or not.
    pub(crate) culling: bool,
    pub(crate) scratch: &'a mut Scratch,
    /// The tiles that are walked over, where not the whole queue is.
    pub(crate) walk: Option<Walk>,
}

impl Pass<'_> {
    /// Walks over the queue: the oldest nodes are drawn in any case if that is the aim. What is needed of each
    /// surface is already marked. Nodes that are drawn or culled stay where they are: the caller takes them out.
    ///
    /// With a [`Walk`] it meets only nodes of active tiles, which are at first those of what is needed. What later
    /// nodes outside of them do is not known then, and so nothing outside counts as hidden. A tile becomes active
    /// when something drawn writes or needs pixels of it, and from there on all its nodes are met; before that
    /// nothing in it was needed or done.
    pub(crate) fn run(&mut self, queue: &mut Queue, aim: Aim) -> Found {
        let mut found = Found::default();
        if self.walk.is_none() {
            let oldest = if let Aim::Oldest(oldest) = aim { oldest } else { 0 };
            for index in (0..queue.len()).rev() {
                if aim == Aim::Asked && self.skips(queue, index) {
                    continue;
                }
                self.meet(queue, index, index < oldest, &mut found);
            }
            self.bring_all(&mut found);
            return found;
        }
        while let Some(place) = self.walk.as_mut().and_then(|walk| walk.next(self.slots)) {
            self.meet(queue, place as usize, false, &mut found);
        }
        found
    }

    /// Whether a node has nothing to do with what is asked for, nor with anything that was found so far: it reads
    /// nothing, and nobody who was met wants or changes anything of its surface. That it may hide older ones of its
    /// surface is then not known, which a later pass makes good.
    #[inline]
    fn skips(&self, queue: &Queue, index: usize) -> bool {
        queue
            .entry(index)
            .is_none_or(|entry| !entry.reads && self.slots.get(entry.slot).is_some_and(|s| !s.layer.touched))
    }

    /// Decides about one node of the queue, if there still is one.
    fn meet(&mut self, queue: &mut Queue, index: usize, forced: bool, found: &mut Found) {
        let Some(entry) = queue.entry(index) else { return };
        self.stats.visited += 1;
        let whole = self.walk.is_none();
        let Some(slot) = self.slots.get(entry.slot) else { return };
        let urgent = forced || slot.layer.all;
        let stays = entry.plain
            && !urgent
            && !slot.layer.need.any(&entry.bounds)
            && !slot.layer.done.any(&entry.bounds);
        if stays && whole && self.culling && entry.overwrites && (slot.live || slot.layer.read) {
            // Most nodes: one look at their pixels tells.
            if let Some(slot) = self.slots.touch(entry.slot)
                && !slot.hide_more(&entry.bounds)
            {
                found.culled.push(index);
            }
            return;
        }
        if self.culling && slot.hides_rect(&entry.bounds, !whole) {
            return found.culled.push(index);
        }
        if stays {
            if self.culling
                && entry.overwrites
                && let Some(slot) = self.slots.touch(entry.slot)
            {
                slot.hide_rect(entry.bounds, whole);
            }
            return;
        }
        if urgent && self.forward(queue, index, found) {
            return;
        }
        let Some(node) = queue.node_mut(index) else { return };
        let (verdict, seen) = match urgent {
            true => (self.draw(node, forced), None),
            false => self.visit(node, index),
        };
        let lent = match node.reads {
            true => self.read(queue, index, &verdict, seen, forced, found),
            false => None,
        };
        let Some(node) = queue.node_mut(index) else { return };
        match verdict {
            Verdict::Keep => {}
            Verdict::Trim(rest) => {
                self.stats.trimmed(node, node.task.clip.area() - rest.area());
                self.keep(node, rest);
                queue.changed(index);
            }
            Verdict::Cull => found.culled.push(index),
            Verdict::Draw => {
                self.stats.drawn(node);
                found.push(index, node, lent);
            }
            Verdict::Split(part, rest) => {
                self.stats.drawn_part(node, &part);
                let lost = node.task.clip.area() - part.area() - rest.area();
                self.stats.trimmed(node, lost);
                let copied = lent.unwrap_or(part);
                if rest.is_empty() {
                    found.push(index, node, Some(copied));
                } else {
                    if !copied.is_empty() {
                        let mut drawn = node.clone();
                        drawn.task.clip = copied;
                        found.jobs.push(Job { place: index, part: Some(Box::new(drawn)) });
                    }
                    self.keep(node, rest);
                    queue.changed(index);
                }
            }
        }
    }

    /// Draws all of a node that someone will see. If that is `forced` all nodes before it are drawn, too, and nothing
    /// but what is hidden matters any more.
    fn draw(&mut self, node: &mut Node, forced: bool) -> Verdict {
        let clip = &*written(node.extent, &node.task);
        let Some(slot) = self.slots.touch(node.slot) else { return Verdict::Cull };
        let verdict = match node.extent {
            // Of one rectangle it is known.
            _ if self.culling && clip.rects().len() > 1 && slot.hides(clip, false) => return Verdict::Cull,
            Extent::Clip => all_seen(slot, clip, self.scratch),
            _ => Verdict::Draw,
        };
        let drawn = verdict.drawn(clip).unwrap_or(clip);
        node.overwrites.decide(&node.task, self.limits);
        let overwrites = self.culling && node.overwrites.surely();
        if !forced && slot.readers > 0 && (!overwrites || node.extent == Extent::Box) {
            slot.layer.done.set_region(drawn);
        }
        if overwrites {
            slot.hide(clip, true);
        } else if self.culling && node.uses_all() {
            clip.rects().iter().for_each(|rect| slot.show(*rect, true));
        }
        verdict
    }

    /// What the node at a place reads is needed where it is drawn, and seen where it is `seen`, or drawn. If others can
    /// draw some of it, gives what is left of what is drawn.
    fn read(
        &mut self,
        queue: &Queue,
        place: usize,
        verdict: &Verdict,
        seen: Option<Region>,
        forced: bool,
        found: &mut Found,
    ) -> Option<Region> {
        let node = queue.node(place).filter(|_| !matches!(verdict, Verdict::Cull))?;
        let clip = &*written(node.extent, &node.task);
        let drawn = verdict.drawn(clip);
        let lent = drawn.filter(|_| !forced).and_then(|drawn| self.lend(queue, place, drawn, found));
        let left = lent.as_ref().or(drawn);
        let seen = match (&lent, drawn, seen) {
            (Some(left), Some(drawn), Some(seen)) => Some(seen.subtract(drawn).union(left)),
            (.., seen) => seen,
        };
        let seen = seen.as_ref().or(left)?;
        footprint::each_read(&node.task, |read| {
            left.into_iter().for_each(|left| self.bring_read(&read, left, place, found));
            self.mark_read(&read, left.filter(|_| !forced), seen, place);
        });
        lent
    }

    /// Decides about a node that may stay pending, as a whole or in part.
    fn visit(&mut self, node: &mut Node, index: usize) -> (Verdict, Option<Region>) {
        let clip = &*written(node.extent, &node.task);
        let Some(slot) = self.slots.get(node.slot) else { return (Verdict::Cull, None) };
        if self.culling && slot.hides(clip, self.walk.is_some()) {
            return (Verdict::Cull, None);
        }
        let verdict = judge::judge(self.slots, self.scratch, node, clip);
        if matches!(verdict, Verdict::Cull) {
            return (verdict, None);
        }
        let drawn = verdict.drawn(clip);
        if drawn.is_some() {
            node.overwrites.decide(&node.task, self.limits);
        }
        // What anyone will ever see of it, before it hides itself.
        let seen = match self.slots.get(node.slot) {
            Some(slot) if node.reads && node.extent == Extent::Clip && slot.hides_any(clip) => {
                self.scratch.select(clip, DRAWN_RECTS, Keep::OutOf(&[slot.hidden()]))
            }
            _ => node.reads.then(|| clip.clone()),
        };
        let overwrites = self.culling && node.overwrites.surely();
        if let (Some(drawn), Some(walk)) = (drawn, &mut self.walk) {
            let tiles = self.slots.get(node.slot).map_or(0, |slot| slot.tiles.of_region(drawn));
            walk.activate(self.slots, node.slot, tiles, index as u32);
        }
        let whole = self.walk.is_none();
        if drawn.is_some() || overwrites || node.uses_all() {
            let Some(slot) = self.slots.touch(node.slot) else { return (Verdict::Cull, None) };
            if let Some(drawn) = drawn {
                slot.layer.done.set_region(drawn);
                match overwrites {
                    true => slot.layer.need.clear_region(clip),
                    false => slot.layer.need.set_region(drawn),
                }
            }
            if overwrites {
                slot.hide(clip, whole);
            } else if self.culling && node.uses_all() {
                clip.rects().iter().for_each(|rect| slot.show(*rect, whole));
            }
        }
        (verdict, seen)
    }

    /// What a node reads is needed where it is drawn, and seen where it is `seen`.
    pub(super) fn mark_read(&mut self, read: &Read, drawn: Option<&Region>, seen: &Region, place: usize) {
        let Some(index) = self.slots.find(read.surface.key) else { return };
        if let (Some(drawn), Some(walk)) = (drawn, &mut self.walk) {
            let mut tiles = 0;
            if let Some(slot) = self.slots.get(index) {
                read.each_rect(drawn, |rect| tiles |= slot.tiles.of_rect(&rect));
            }
            walk.activate(self.slots, index, tiles, place as u32);
        }
        let whole = self.walk.is_none();
        let Some(slot) = self.slots.touch(index) else { return };
        if let Some(drawn) = drawn {
            read.each_rect(drawn, |rect| slot.need(rect, whole, self.scratch));
        }
        if self.culling && !slot.layer.all {
            read.each_rect(seen, |rect| slot.show(rect, whole));
        }
    }

    /// Leaves only a part of a node pending.
    fn keep(&mut self, node: &mut Node, rest: Region) {
        let bytes = |region: &Region| region.rects().len() as u64 * size_of::<Rect>() as u64;
        let (was, is) = (bytes(&node.task.clip), bytes(&rest));
        node.bytes = node.bytes + is - was.min(node.bytes);
        *self.held = *self.held + is - was.min(*self.held);
        node.task.clip = rest;
    }
}

/// The pixels that a task may change.
pub(super) fn written(extent: Extent, task: &Task) -> Cow<'_, Region> {
    match extent {
        Extent::Box => Cow::Owned(Region::from_rect(footprint::bounds(task, extent))),
        Extent::Clip | Extent::WholeClip => Cow::Borrowed(&task.clip),
    }
}
