//! The render graph: commands are kept, and drawn only when somebody wants to see what they drew.
//!
//! [`Graph`] takes in the same events as the immediate [`Renderer`](crate::draw::Renderer) and gives the same
//! pixels. It keeps tasks in the order in which they came. [`Graph::render`] walks over them once, backwards
//! (`pass`), and finds which parts of which tasks the wanted pixels depend on, through copies and over surfaces; what
//! later tasks cover is dropped for good. What is left is drawn in order, or side by side (`schedule`).

mod ahead;
mod bands;
mod bits;
mod cost;
pub(crate) mod footprint;
mod forward;
mod held;
mod index;
mod intake;
mod judge;
mod lend;
mod node;
mod options;
mod pass;
mod queue;
mod relocate;
mod run;
mod schedule;
mod select;
mod spare;
mod stats;
mod surfaces;
mod threads;
mod tiles;

use ahead::Plan;
pub use ahead::{Ahead, NotTaken};
pub use options::{Execution, GraphLimits};
pub use stats::{Count, OpStats, Stats, Times};

use crate::draw::surfaces::{KeyHasher, KeyMap};
use crate::draw::{Effect, Limits, Lookup, Refusal, State, SurfaceInfo, SurfaceKey};
use crate::qxl::{Command, Event, SurfaceId};
#[cfg(test)]
use held::{address, large_pictures};
use held::{picture_bytes, small_pictures};
use index::Walk;
use node::Node;
use pass::Aim;
use queue::Queue;
use select::Scratch;
use spare::Spare;
use spice_raster::{Raster, Region, Surface};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::time::Instant;
use surfaces::Slots;
use threads::Pool;

/// A pass is not worth its while for fewer new nodes. (The streams of tests are short.)
const MIN_NODES: usize = if cfg!(test) { 16 } else { 4096 };
/// A pass is not worth its while for fewer new bytes.
const MIN_BYTES: u64 = if cfg!(test) { 4 << 10 } else { 8 << 20 };
/// The whole of a shorter queue is walked over faster than it is indexed.
const INDEX_FROM: usize = 512;
/// So many entries of other surfaces are skipped faster than one node is indexed.
const SKIPPED: usize = 16;
/// When so many bytes of surfaces are new, those that need them are drawn first: many live for a few commands only,
/// and the next ones can have their memory, which is in the cache and costs no page faults.
const NEW_BYTES: usize = 1 << 20;
/// Bytes of bitmaps that are kept from pass to pass.
const LAYER_BYTES: usize = 4 << 20;

/// So many of the newest nodes are looked at when a new one comes, whether it covers them.
const LOOK_BACK: usize = 4;

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
    pool: Pool,
    /// What is drawn next, of what was walked over already.
    planned: Option<Plan>,
    /// Surfaces that are gone, but were being drawn on when they went.
    gone: Vec<SurfaceKey>,
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
            pool: Pool::default(),
            planned: None,
            gone: Vec::new(),
            stats: Stats::default(),
        };
        graph.plan_next_pass();
        graph
    }

    /// Takes an event in. A refused one changes nothing.
    pub fn event(&mut self, event: &Event) -> Result<(), Refusal> {
        self.catch_up();
        self.take_event(event)?;
        self.relieve();
        Ok(())
    }

    #[inline]
    fn take_event(&mut self, event: &Event) -> Result<(), Refusal> {
        let start = self.execution.timing.then(Instant::now);
        let effect = self.resolve(event)?;
        let done = self.take(effect);
        self.stats.times.graph += start.map(|s| s.elapsed()).unwrap_or_default();
        done
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
        self.catch_up();
        self.take(effect)?;
        self.relieve();
        Ok(())
    }

    /// Draws what `region` of a surface depends on and gives the surface, whose other pixels may be out of date.
    /// The primary surface (0) stays to be seen after its end, until there is another.
    /// `None` if there is no such surface.
    pub fn render(&mut self, id: SurfaceId, region: &Region) -> Option<&Surface> {
        self.catch_up();
        let info = self.info(id)?;
        self.stats.renders += 1;
        let slot = self.slots.find(info.key)?;
        if let Some(walk) = self.ask(slot, region) {
            self.pass(Aim::Asked, walk);
        }
        self.allocate(info).ok()?;
        self.clear_rubbish(info, region, None);
        self.pixels.get(&info.key)
    }

    /// Marks a region of a surface as needed. `None` if nothing pending draws there; how it is to be walked over if
    /// something may.
    fn ask(&mut self, slot: u32, region: &Region) -> Option<Option<Walk>> {
        // What nobody draws on needs nobody.
        let mut needed = region.clone();
        needed.intersect_rect(self.slots.get(slot)?.dirty);
        if needed.is_empty() {
            return None;
        }
        let walk = self.walk(slot, &needed);
        let asked = self.slots.touch(slot)?;
        match walk.is_none() && needed.contains_rect(&asked.dirty) {
            true => asked.layer.all = true,
            false => asked.layer.need.set_region(&needed),
        }
        Some(walk)
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
        self.catch_up();
        self.pass(Aim::Oldest(self.queue.len()), None);
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
            self.pass(Aim::Oldest(0), None);
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
            self.pass(Aim::Oldest(oldest), None);
        }
        if self.held > self.bounds.bytes {
            // Images that many nodes share, or dead surfaces: only drawing all of them frees anything.
            self.stats.pressed += self.queue.len() as u64;
            self.pass(Aim::Oldest(self.queue.len()), None);
        }
        self.plan_next_pass();
    }

    fn plan_next_pass(&mut self) {
        let (nodes, bytes) = (self.bounds.nodes, self.bounds.bytes);
        self.next_nodes = (2 * self.queue.len()).max(MIN_NODES).min(nodes + 1);
        self.next_bytes = (2 * self.held).max(MIN_BYTES).min(bytes + 1);
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
        let dead = |key| self.slots.of(key).is_none_or(|slot| !slot.live);
        let surfaces = self.pixels.iter().filter(|(key, _)| dead(**key)).map(|(_, s)| s.bytes() as u64);
        bytes + pictures.values().sum::<u64>() + surfaces.sum::<u64>()
    }
}
