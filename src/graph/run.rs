//! Passes on a graph: the walk over the queue, the surfaces that it needs, and drawing what it found.

use super::index::{self, Walk};
use super::node::Node;
use super::pass::{Aim, Found, Job, Pass};
use super::queue::Queue;
use super::schedule::Drawing;
use super::spare::{self, Clearing, Clears};
use super::threads::Threads;
use super::{Graph, INDEX_FROM, LAYER_BYTES, NEW_BYTES, SKIPPED};
use crate::draw::surfaces::KeyMap;
use crate::draw::{Refusal, Source, SurfaceInfo, SurfaceKey};
use crate::trace::span;
use spice_raster::{Region, Rop2, Surface};
use std::time::Instant;

/// What a walk found.
pub(super) struct Work {
    /// What must be drawn, the last first.
    pub(super) jobs: Vec<Job>,
    /// So many of them, the last, have no surfaces yet.
    pub(super) left: usize,
    /// The walk, if it was not over the whole queue; to be ended when what is drawn is gone.
    pub(super) walk: Option<Walk>,
}

impl Graph {
    /// The pixels of a surface, made now if it was never drawn on.
    pub(super) fn allocate(&mut self, info: SurfaceInfo) -> Result<(), Refusal> {
        if !self.is_made(info) {
            self.insert(info, crate::draw::renderer::new_surface(&info, self.state.limits())?);
        }
        Ok(())
    }

    fn is_made(&self, info: SurfaceInfo) -> bool {
        self.slots.of(info.key).is_some_and(|slot| slot.bytes > 0)
    }

    fn insert(&mut self, info: SurfaceInfo, surface: Surface) {
        if let Some(slot) = self.slots.of_mut(info.key) {
            slot.bytes = surface.bytes();
            self.held += if slot.live { 0 } else { slot.bytes as u64 };
            self.pixels.insert(info.key, surface);
        }
    }

    /// Makes the surfaces that a node draws on and reads, where they are not there yet, all bits zero if they are to be
    /// `clear`. Gives their bytes.
    fn make(&mut self, node: &Node, clear: bool) -> usize {
        let sources = node.task.given().filter_map(|source| match source {
            Source::Surface(info) => Some(*info),
            _ => None,
        });
        let mut bytes = 0;
        for info in std::iter::once(node.task.target).chain(sources.take_while(|_| node.reads)) {
            if self.is_made(info) {
                continue;
            }
            if let Some(index) = self.slots.find(info.key)
                && let Some(mut surface) = self.spare.take(&info)
            {
                if clear {
                    let all = Region::from_rect(surface.bounds());
                    self.raster.fill(&mut surface.view_mut(), &all, 0, Rop2::PUT);
                } else {
                    self.slots.spoil(index);
                }
                self.insert(info, surface);
            }
            // What cannot be had is not drawn.
            let _ = self.allocate(info);
            bytes += self.pixels.get(&info.key).map_or(0, Surface::bytes);
        }
        bytes
    }

    /// As [`Graph::make`], after that for a node which drew on the surface `made`.
    fn make_next(&mut self, node: &Node, made: &mut Option<SurfaceKey>, clear: bool) -> usize {
        let key = Some(node.task.target.key);
        if *made == key && !node.reads {
            return 0;
        }
        *made = key;
        self.make(node, clear)
    }

    /// Makes the surfaces that the oldest jobs need, as many as are made at a time, and clears of all surfaces what
    /// will be read before it is drawn over, after a walk over the `whole` queue or a part of it. If it is to be
    /// cleared `later`, makes all surfaces. Jobs are given the last first. Gives how many jobs are left.
    fn prepare(&mut self, queue: &Queue, jobs: &[Job], whole: bool, later: Option<&mut Clears>) -> usize {
        let (mut bytes, mut left, mut made) = (0, jobs.len(), None);
        let most = if later.is_some() { usize::MAX } else { NEW_BYTES };
        while left > 0 && bytes < most {
            left -= 1;
            bytes += jobs[left].node(queue).map_or(0, |node| self.make_next(node, &mut made, false));
        }
        if jobs.is_empty() {
            // Nobody reads anything; and pixels may be away, with a frame that is being drawn.
            return left;
        }
        let (scratch, pixels) = (&mut self.scratch, &mut self.pixels);
        let mut clearing = later.map_or(Clearing::Now(self.raster, pixels), Clearing::Later);
        self.slots.each_touched(|slot| {
            if !slot.rubbish.is_clear() {
                slot.settle(whole, scratch, &mut clearing);
            }
        });
        left
    }

    /// Clears what is rubbish in a part of a surface.
    pub(super) fn clear_rubbish(&mut self, info: SurfaceInfo, region: &Region, later: Option<&mut Clears>) {
        let Some(slot) = self.slots.of_mut(info.key).filter(|slot| !slot.rubbish.is_clear()) else { return };
        let mut part = region.clone();
        part.intersect_rect(info.bounds());
        let mut clearing = later.map_or(Clearing::Now(self.raster, &mut self.pixels), Clearing::Later);
        spare::clear(&info, &part, &slot.rubbish, &mut self.scratch, &mut clearing);
        slot.rubbish.clear_region(&part);
    }

    /// A walk over what `needed` pixels of a surface may have to do with, if that is much less than the queue.
    pub(super) fn walk(&mut self, slot: u32, needed: &Region) -> Option<Walk> {
        if self.queue.len() < self.index_from {
            return None;
        }
        let asked = self.slots.get(slot)?;
        let most = SKIPPED * (asked.users as usize).max(INDEX_FROM);
        if self.index_from > 0 && needed.contains_rect(&asked.dirty) && self.queue.len() <= most {
            return None;
        }
        for place in self.indexed..self.queue.len() {
            if let Some(node) = self.queue.node(place) {
                index::enter(&mut self.slots, place as u32, node);
            }
        }
        self.indexed = self.queue.len();
        let tiles = self.slots.get(slot)?.tiles.of_region(needed);
        if index::weight(&self.slots, slot, tiles) > self.queue.len() / 4 && self.index_from > 0 {
            return None;
        }
        let mut walk = Walk::default();
        walk.activate(&mut self.slots, slot, tiles, u32::MAX);
        Some(walk)
    }

    /// Closes the holes in the queue.
    pub(super) fn compact(&mut self) {
        if self.pending() < self.queue.len() {
            self.queue.compact();
            if self.indexed > 0 {
                self.slots.clear_lists();
                self.indexed = 0;
            }
            self.slots.clear_dirt();
            self.queue.entries().for_each(|entry| self.slots.soil(entry.slot, &entry.bounds));
        }
    }

    /// Walks over a queue, or a part of it: finds what is marked as needed and what else is the aim, and makes its
    /// surfaces ready, or all that can be done of it without the pixels of those that are there, whose clearing is
    /// left for `later`. What nobody sees is gone then.
    pub(super) fn find(
        &mut self,
        queue: &mut Queue,
        aim: Aim,
        walk: Option<Walk>,
        later: Option<&mut Clears>,
    ) -> Work {
        span!("spice_render_walk", pending = queue.pending());
        let start = self.execution.timing.then(Instant::now);
        self.stats.passes += 1;
        let whole = walk.is_none();
        let mut pass = Pass {
            slots: &mut self.slots,
            limits: self.state.limits(),
            stats: &mut self.stats,
            held: &mut self.held,
            culling: self.execution.culling,
            scratch: &mut self.scratch,
            walk,
        };
        let Found { jobs, culled, replaced } = pass.run(queue, aim);
        let walk = pass.walk;
        let left = self.prepare(queue, &jobs, whole, later);
        self.slots.reset_layers(LAYER_BYTES);
        self.cull(queue, &culled);
        replaced.into_iter().for_each(|place| self.forget(queue, place));
        self.stats.times.graph += start.map(|s| s.elapsed()).unwrap_or_default();
        Work { jobs, left, walk }
    }

    /// Walks over the queue, or a part of it; draws what is marked as needed and what else is the aim. Gives how much
    /// that was.
    pub(super) fn pass(&mut self, aim: Aim, walk: Option<Walk>) -> usize {
        let mut queue = std::mem::take(&mut self.queue);
        let Work { jobs, mut left, walk } = self.find(&mut queue, aim, walk, None);
        let (mut next, mut bytes, mut made) = (jobs.len(), 0, None);
        while left > 0 {
            left -= 1;
            bytes += jobs[left].node(&queue).map_or(0, |node| self.make_next(node, &mut made, true));
            if bytes >= NEW_BYTES {
                self.draw(&mut queue, &jobs[left..next]);
                (next, bytes) = (left, 0);
            }
        }
        self.draw(&mut queue, &jobs[..next]);
        self.put_back(queue, aim, walk);
        jobs.len()
    }

    /// What a walk found is gone from the queue.
    pub(super) fn put_back(&mut self, queue: Queue, aim: Aim, walk: Option<Walk>) {
        if let Some(walk) = walk {
            walk.end(&mut self.slots, &queue);
        }
        self.queue = queue;
        if aim != Aim::Asked || self.pending() < self.queue.len() / 2 {
            self.compact();
        }
    }

    /// Draws jobs whose surfaces are there, given the last first, and forgets what only they used.
    fn draw(&mut self, queue: &mut Queue, jobs: &[Job]) {
        if jobs.is_empty() {
            return;
        }
        let nodes: Vec<&Node> = jobs.iter().rev().filter_map(|job| job.node(queue)).collect();
        let (mut drawing, pixels) = self.drawing();
        drawing.all(&nodes, pixels);
        for job in jobs.iter().rev().filter(|job| job.part.is_none()) {
            self.forget(queue, job.place);
        }
    }

    /// What draws on this graph's pixels.
    pub(super) fn drawing(&mut self) -> (Drawing<'_>, &mut KeyMap<Surface>) {
        let drawing = Drawing {
            raster: self.raster,
            limits: self.state.limits(),
            execution: &self.execution,
            threads: Threads { count: self.execution.threads, pool: &self.pool },
            awake: false,
            times: &mut self.stats.times,
        };
        (drawing, &mut self.pixels)
    }
}
