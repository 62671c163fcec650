//! The render graph: commands are kept, and drawn only when somebody wants to see what they drew.
//!
//! [`Graph`] takes in the same events as the immediate [`Renderer`](crate::draw::Renderer) and gives the same
//! pixels. It keeps tasks in the order in which they came. [`Graph::render`] walks over them once, backwards
//! (`pass`), and finds which parts of which tasks the wanted pixels depend on, through copies and over surfaces; what
//! later tasks cover is dropped for good. What is left is drawn in order, or side by side (`schedule`).

mod bits;
pub(crate) mod footprint;
mod held;
mod index;
mod options;
mod pass;
mod queue;
mod schedule;
mod select;
mod spare;
mod stats;
mod surfaces;

pub use options::{Execution, GraphLimits};
pub use stats::{Count, OpStats, Stats, Times};

use crate::draw::surfaces::{KeyHasher, KeyMap, load_rows};
use crate::draw::{Effect, Limits, Lookup, Refusal, Source, State, SurfaceInfo, Task};
use crate::qxl::{Command, Event, SurfaceId};
use crate::trace::span;
use footprint::Extent;
use held::{address, large_pictures, own_bytes, picture_bytes, small_pictures};
use index::Walk;
use pass::{Found, Node, Pass};
use queue::Queue;
use schedule::Drawing;
use select::Scratch;
use spare::Spare;
use spice_raster::{Raster, Region, Rop2, Surface};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::time::Instant;
use surfaces::Slots;

/// A pass is not worth its while for fewer new nodes. (The streams of tests are short.)
const MIN_NODES: usize = if cfg!(test) { 16 } else { 4096 };
/// A pass is not worth its while for fewer new bytes.
const MIN_BYTES: u64 = if cfg!(test) { 4 << 10 } else { 8 << 20 };
/// The whole of a shorter queue is walked over faster than it is indexed.
const INDEX_FROM: usize = 512;
/// When so many bytes of surfaces are new, those that need them are drawn first: many live for a few commands only,
/// and the next ones can have their memory, which is in the cache and costs no page faults.
const NEW_BYTES: usize = 1 << 20;
/// Bytes of bitmaps that are kept from pass to pass.
const LAYER_BYTES: usize = 4 << 20;

/// So many of the newest nodes are looked at when a new one comes, whether it covers them.
const LOOK_BACK: usize = 8;

/// How often a full queue is drawn from without trying to cull first, at most.
const MOST_FUTILE: u32 = 7;

/// Passes over a full queue that only cull: left out for a while where they did not make enough room.
#[derive(Clone, Copy, Debug, Default)]
struct Futile {
    /// So many are left out after the last that did not.
    length: u32,
    /// So many of them are still to come.
    left: u32,
}

/// Surfaces whose pixels are drawn when they are asked for.
#[derive(Debug)]
pub struct Graph {
    raster: Raster,
    state: State,
    bounds: GraphLimits,
    execution: Execution,
    slots: Slots,
    pixels: KeyMap<Surface>,
    spare: Spare,
    queue: Queue,
    /// So many of the queue's places are in the lists of the tiles that their nodes touch.
    indexed: usize,
    /// From so many places on a render looks at those lists.
    index_from: usize,
    scratch: Scratch,
    /// Bytes that the queue keeps alive.
    held: u64,
    /// How many pending nodes use a large picture, by its address.
    shared: HashMap<usize, u32, BuildHasherDefault<KeyHasher>>,
    /// The next pass comes when there are more nodes than that,
    next_nodes: usize,
    /// or more bytes.
    next_bytes: u64,
    futile: Futile,
    /// The primary surface that ended last, while there is no other.
    last_primary: Option<SurfaceInfo>,
    pool: Option<rayon::ThreadPool>,
    stats: Stats,
}

impl Graph {
    /// Nothing exists yet.
    pub fn new(raster: Raster, limits: Limits, bounds: GraphLimits, execution: Execution) -> Self {
        let mut graph = Self {
            raster,
            state: State::new(limits),
            bounds,
            execution,
            slots: Slots::default(),
            pixels: KeyMap::default(),
            spare: Spare::default(),
            queue: Queue::default(),
            indexed: 0,
            index_from: INDEX_FROM,
            scratch: Scratch::new(),
            held: 0,
            shared: HashMap::default(),
            next_nodes: 0,
            next_bytes: 0,
            futile: Futile::default(),
            last_primary: None,
            pool: None,
            stats: Stats::default(),
        };
        graph.plan_next_pass();
        graph
    }

    /// Takes an event in. A refused one changes nothing.
    pub fn event(&mut self, event: &Event) -> Result<(), Refusal> {
        let start = self.execution.timing.then(Instant::now);
        let effect = self.resolve(event)?;
        let done = self.take(effect);
        self.stats.times.graph += start.map(|s| s.elapsed()).unwrap_or_default();
        done?;
        self.relieve();
        Ok(())
    }

    /// What an event asks for, as far as the state of ids and caches decides it. The state moves on; the caller
    /// must hand the effect to [`Graph::apply`] before the next event.
    pub fn resolve(&mut self, event: &Event) -> Result<Effect, Refusal> {
        match event {
            Event::Command(command) => self.state.command(command),
            Event::Worker(message) => self.state.worker(message),
        }
    }

    /// As [`Graph::resolve`], for a command.
    pub fn resolve_command(&mut self, command: &Command) -> Result<Effect, Refusal> {
        self.state.command(command)
    }

    /// Takes in what [`Graph::resolve`] gave: a task becomes pending, surfaces begin and end.
    pub fn apply(&mut self, effect: Effect) -> Result<(), Refusal> {
        self.take(effect)?;
        self.relieve();
        Ok(())
    }

    /// Draws what `region` of a surface depends on and gives the surface, whose other pixels may be out of date.
    /// The primary surface (0) stays to be seen after its end, until there is another.
    /// `None` if there is no such surface.
    pub fn render(&mut self, id: SurfaceId, region: &Region) -> Option<&Surface> {
        let info = self.info(id)?;
        self.stats.renders += 1;
        let slot = self.slots.find(info.key)?;
        // What nobody draws on needs nobody.
        let mut needed = region.clone();
        needed.intersect_rect(self.slots.get(slot)?.dirty);
        if !needed.is_empty() {
            let walk = self.walk(slot, &needed);
            let asked = self.slots.touch(slot)?;
            match walk.is_none() && needed.contains_rect(&asked.dirty) {
                true => asked.layer.all = true,
                false => asked.layer.need.set_region(&needed),
            }
            self.pass(0, walk);
        }
        self.allocate(info).ok()?;
        self.clear_rubbish(slot, info, region);
        self.pixels.get(&info.key)
    }

    /// Draws everything that a surface depends on and gives it. `None` if there is no such surface.
    pub fn render_all(&mut self, id: SurfaceId) -> Option<&Surface> {
        let bounds = self.info(id)?.bounds();
        self.render(id, &Region::from_rect(bounds))
    }

    /// What can be rendered under an id.
    pub fn info(&self, id: SurfaceId) -> Option<SurfaceInfo> {
        match self.state.surfaces().lookup(id) {
            Lookup::Live(info) => Some(info),
            _ => self.last_primary.filter(|_| id == 0),
        }
    }

    /// Draws everything pending that anyone can see.
    pub fn flush(&mut self) {
        self.pass(self.queue.len(), None);
    }

    /// The surfaces that exist.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Forgets all images and palettes, as a device reset does.
    pub fn reset_caches(&mut self) {
        self.state.reset_caches();
    }

    /// Commands that are pending.
    pub fn pending(&self) -> usize {
        self.queue.pending()
    }

    /// Bytes that pending commands keep alive: themselves, their images, and surfaces that are dead but still read.
    /// What a command shares with others (cached images) counts once.
    pub fn held_bytes(&self) -> u64 {
        self.held
    }

    /// Bytes that pending commands take themselves: clips, paths, glyphs, what an image is described by, but not the
    /// images' data.
    pub fn own_bytes(&self) -> u64 {
        let data =
            |node: &Node| small_pictures(&node.task).map(|picture| picture.held_bytes() as u64).sum::<u64>();
        self.queue.iter().map(|node| node.bytes - data(node).min(node.bytes)).sum()
    }

    /// Bytes of the pixels of all surfaces that were drawn on.
    pub fn surface_bytes(&self) -> usize {
        self.pixels.values().map(Surface::bytes).sum()
    }

    /// What was asked for and what became of it.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    fn take(&mut self, effect: Effect) -> Result<(), Refusal> {
        match effect {
            Effect::None => {}
            Effect::Draw(task) => self.submit(task),
            Effect::Create { id, info, stride, data, ended } => {
                if id == 0 {
                    self.last_primary.take().into_iter().for_each(|old| self.end(old));
                }
                ended.into_iter().for_each(|old| self.end(old));
                self.slots.add(info);
                if let Some(data) = data {
                    self.allocate(info)?;
                    self.pixels.get_mut(&info.key).into_iter().for_each(|s| load_rows(s, stride, &data));
                }
            }
            Effect::Destroy(ended) => {
                for (id, old) in ended {
                    match id {
                        0 => self.last_primary = Some(old),
                        _ => self.end(old),
                    }
                }
            }
        }
        Ok(())
    }

    fn submit(&mut self, task: Task) {
        let Some(slot) = self.slots.find(task.target.key) else { return };
        let mut node = Node {
            slot,
            extent: footprint::extent(&task),
            overwrites: footprint::overwrites(&task, self.state.limits()),
            undecided: matches!(&task.src, Source::Picture(p) if p.bitmap_if_decoded().is_none()),
            reads: footprint::reads_surfaces(&task),
            kind: task.drawable.op.kind(),
            begun: false,
            trimmed: false,
            bytes: 0,
            task,
        };
        node.bytes = own_bytes(&node.task);
        self.drop_covered(&node);
        self.held += node.bytes;
        self.slots.soil(slot, &node.bounds());
        self.use_surfaces(&node);
        self.use_pictures(&node.task);
        self.stats.asked(&node);
        self.queue.push(node);
        self.stats.most_pending = self.stats.most_pending.max(self.pending() as u64);
        self.stats.most_held = self.stats.most_held.max(self.held);
    }

    /// Forgets those of the newest nodes that nobody can see any more when `node` comes: guests often draw a place
    /// twice in a row, and here what the first time left is still in the cache. A pass finds all others.
    fn drop_covered(&mut self, node: &Node) {
        let [rect] = *node.task.clip.rects() else { return };
        if !self.execution.culling || !node.overwrites || node.reads || node.extent != Extent::Clip {
            return;
        }
        let from = self.queue.len().saturating_sub(LOOK_BACK).max(self.indexed);
        for place in (from..self.queue.len()).rev() {
            let Some(entry) = self.queue.entry(place) else { continue };
            if entry.slot == node.slot && rect.contains(&entry.bounds) {
                self.cull([place]);
            } else if entry.reads {
                // It may read what older ones draw.
                break;
            }
        }
        self.queue.shorten(self.indexed);
    }

    /// Nobody will ever see the nodes at these places.
    fn cull(&mut self, places: impl IntoIterator<Item = usize>) {
        let mut queue = std::mem::take(&mut self.queue);
        for place in places {
            if let Some(node) = queue.node(place) {
                self.stats.culled(node);
                self.release(node);
                queue.remove(place);
            }
        }
        self.queue = queue;
    }

    fn end(&mut self, info: SurfaceInfo) {
        let Some(index) = self.slots.find(info.key) else { return };
        if let Some(slot) = self.slots.get_mut(index) {
            slot.live = false;
        }
        if let Some(surface) = self.pixels.get(&info.key) {
            self.held += surface.bytes() as u64;
        }
        self.collect(index);
    }

    /// Forgets a dead surface that nobody uses any more.
    fn collect(&mut self, index: u32) {
        if let Some(info) = self.slots.collect(index)
            && let Some(surface) = self.pixels.remove(&info.key)
        {
            self.held -= surface.bytes() as u64;
            self.spare.keep(surface);
        }
    }

    /// The pixels of a surface, made now if it was never drawn on.
    fn allocate(&mut self, info: SurfaceInfo) -> Result<(), Refusal> {
        if !self.pixels.contains_key(&info.key) {
            self.insert(info, crate::draw::renderer::new_surface(&info, self.state.limits())?);
        }
        Ok(())
    }

    fn insert(&mut self, info: SurfaceInfo, surface: Surface) {
        let dead = self.slots.find(info.key).and_then(|i| self.slots.get(i)).is_some_and(|s| !s.live);
        self.held += if dead { surface.bytes() as u64 } else { 0 };
        self.pixels.insert(info.key, surface);
    }

    /// Makes the surfaces that a task draws on and reads, where they are not there yet, all bits zero if they are to be
    /// `clear`. Gives their bytes.
    fn make(&mut self, task: &Task, clear: bool) -> usize {
        let sources = task.sources().into_iter().filter_map(|source| match source {
            Source::Surface(info) => Some(*info),
            _ => None,
        });
        let mut bytes = 0;
        for info in std::iter::once(task.target).chain(sources) {
            if self.pixels.contains_key(&info.key) {
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

    /// Makes the surfaces that the oldest jobs need, as many as are made at a time, and clears of all surfaces what
    /// will be read before it is drawn over. Jobs are given the last first.
    fn prepare(&mut self, jobs: &[pass::Job], whole: bool) {
        let mut bytes = 0;
        for job in jobs.iter().rev() {
            bytes += self.make(&job.node.task, false);
            if bytes >= NEW_BYTES {
                break;
            }
        }
        let (pixels, raster, scratch) = (&mut self.pixels, self.raster, &mut self.scratch);
        self.slots.each_touched(|slot| {
            if !slot.rubbish.is_clear()
                && let Some(surface) = pixels.get_mut(&slot.info.key)
            {
                slot.settle(surface, whole, raster, scratch);
            }
        });
    }

    /// Clears what is rubbish in a part of a surface.
    fn clear_rubbish(&mut self, index: u32, info: SurfaceInfo, region: &Region) {
        let Some(slot) = self.slots.get_mut(index).filter(|slot| !slot.rubbish.is_clear()) else { return };
        let Some(surface) = self.pixels.get_mut(&info.key) else { return };
        let mut part = region.clone();
        part.intersect_rect(info.bounds());
        spare::clear(surface, &part, &slot.rubbish, self.raster, &mut self.scratch);
        slot.rubbish.clear_region(&part);
    }

    /// Keeps the queue within its bounds.
    fn relieve(&mut self) {
        if self.queue.len() < self.next_nodes && self.held < self.next_bytes {
            return;
        }
        let over = self.pending() > self.bounds.nodes || self.held > self.bounds.bytes;
        if over && self.futile.left > 0 {
            // What is hidden is found in the pass that draws the oldest, too.
            self.futile.left -= 1;
            self.compact();
        } else {
            self.pass(0, None);
            if over {
                let still = self.pending() > self.bounds.nodes || self.held > self.bounds.bytes;
                self.futile.length = if still { (2 * self.futile.length + 1).min(MOST_FUTILE) } else { 0 };
                self.futile.left = self.futile.length;
            }
        }
        // Half of it, so that the next time is far.
        let mut oldest = 0;
        if self.pending() > self.bounds.nodes {
            oldest = self.pending() - self.bounds.nodes / 2;
        }
        if self.held > self.bounds.bytes {
            let mut left = self.held;
            for (index, node) in self.queue.iter().enumerate() {
                if left <= self.bounds.bytes / 2 {
                    break;
                }
                left = left.saturating_sub(node.bytes + picture_bytes(&node.task));
                oldest = oldest.max(index + 1);
            }
        }
        if oldest > 0 {
            self.stats.pressed += oldest as u64;
            self.pass(oldest, None);
        }
        if self.held > self.bounds.bytes {
            // Images that many nodes share, or dead surfaces: only drawing all of them frees anything.
            self.stats.pressed += self.queue.len() as u64;
            self.pass(self.queue.len(), None);
        }
        self.plan_next_pass();
    }

    fn plan_next_pass(&mut self) {
        let (nodes, bytes) = (self.bounds.nodes, self.bounds.bytes);
        self.next_nodes = (2 * self.queue.len()).max(MIN_NODES).min(nodes + 1);
        self.next_bytes = (2 * self.held).max(MIN_BYTES).min(bytes + 1);
    }

    /// A walk over what `needed` pixels of a surface may have to do with, if that is much less than the queue.
    fn walk(&mut self, slot: u32, needed: &Region) -> Option<Walk> {
        if self.queue.len() < self.index_from {
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
    fn compact(&mut self) {
        if self.pending() < self.queue.len() {
            self.queue.compact();
            self.forget_index();
            self.slots.clear_dirt();
            self.queue.entries().for_each(|entry| self.slots.soil(entry.slot, &entry.bounds));
        }
    }

    fn forget_index(&mut self) {
        if self.indexed > 0 {
            self.slots.clear_lists();
            self.indexed = 0;
        }
    }

    /// Walks over the queue, or a part of it; draws what is marked as needed and the `oldest` nodes.
    fn pass(&mut self, oldest: usize, walk: Option<Walk>) {
        span!("spice_render_walk", pending = oldest);
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
        let Found { jobs, culled } = pass.run(&mut self.queue, oldest);
        let walk = pass.walk;
        self.prepare(&jobs, whole);
        self.slots.reset_layers(LAYER_BYTES);
        self.cull(culled);
        if let Some(walk) = walk {
            walk.end(&mut self.slots, &self.queue);
        }
        if whole || self.pending() < self.queue.len() / 2 {
            self.compact();
        }
        self.stats.times.graph += start.map(|s| s.elapsed()).unwrap_or_default();
        let (mut next, mut bytes) = (Vec::new(), 0);
        for job in jobs.into_iter().rev() {
            bytes += self.make(&job.node.task, true);
            next.push(job);
            if bytes >= NEW_BYTES {
                self.draw(std::mem::take(&mut next));
                bytes = 0;
            }
        }
        self.draw(next);
    }

    /// Draws jobs whose surfaces are there, given in their order, and forgets what only they used.
    fn draw(&mut self, jobs: Vec<pass::Job>) {
        if !jobs.is_empty() {
            self.draw_all(&jobs);
            jobs.iter().filter(|job| job.ends).for_each(|job| self.release(&job.node));
        }
    }

    fn draw_all(&mut self, jobs: &[pass::Job]) {
        span!("spice_render_draw", commands = jobs.len());
        let work: u64 = jobs.iter().map(|job| schedule::cost(&job.node.task)).sum();
        let least = self.execution.inline_pixels.max(self.execution.alone_pixels);
        let threads = if work < least { 1 } else { self.execution.threads };
        if threads > 1 && self.pool.is_none() {
            self.pool = rayon::ThreadPoolBuilder::new().num_threads(threads - 1).build().ok();
        }
        let mut drawing = Drawing {
            raster: self.raster,
            limits: self.state.limits(),
            execution: &self.execution,
            threads,
            pool: self.pool.as_ref(),
            times: &mut self.stats.times,
        };
        match threads {
            1 => drawing.in_order(jobs, &mut self.pixels),
            _ => drawing.side_by_side(jobs, &mut self.pixels),
        }
    }

    /// What a node used is free again.
    fn release(&mut self, node: &Node) {
        self.held -= node.bytes.min(self.held);
        for picture in large_pictures(&node.task) {
            let key = address(picture);
            if let Some(count) = self.shared.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    self.shared.remove(&key);
                    self.held -= (picture.held_bytes() as u64).min(self.held);
                }
            }
        }
        for source in node.task.sources() {
            if let Source::Surface(info) = source
                && let Some(index) = self.slots.find(info.key)
            {
                self.leave(index, index != node.slot);
            }
        }
        self.leave(node.slot, false);
    }

    /// One use less of a surface, by a node of another one or its own.
    fn leave(&mut self, index: u32, other: bool) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.users -= 1;
            slot.readers -= u32::from(other);
            if slot.users == 0 && !slot.live {
                self.collect(index);
            }
        }
    }

    fn use_surfaces(&mut self, node: &Node) {
        if let Some(slot) = self.slots.get_mut(node.slot) {
            slot.users += 1;
        }
        for source in node.task.sources() {
            if let Source::Surface(info) = source
                && let Some(index) = self.slots.find(info.key)
                && let Some(slot) = self.slots.get_mut(index)
            {
                slot.users += 1;
                slot.readers += u32::from(index != node.slot);
            }
        }
    }

    fn use_pictures(&mut self, task: &Task) {
        for picture in large_pictures(task) {
            let count = self.shared.entry(address(picture)).or_insert(0);
            *count += 1;
            if *count == 1 {
                self.held += picture.held_bytes() as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
impl Graph {
    /// [`Graph::held_bytes`], counted anew.
    fn recount(&self) -> u64 {
        let mut pictures = HashMap::new();
        let mut bytes = 0;
        for node in self.queue.iter() {
            bytes += node.bytes;
            pictures.extend(large_pictures(&node.task).map(|p| (address(p), p.held_bytes() as u64)));
        }
        let dead = |key| self.slots.find(key).and_then(|i| self.slots.get(i)).is_none_or(|slot| !slot.live);
        let surfaces = self.pixels.iter().filter(|(key, _)| dead(**key)).map(|(_, s)| s.bytes() as u64);
        bytes + pictures.values().sum::<u64>() + surfaces.sum::<u64>()
    }
}
