//! The pending nodes in the order in which they came.
//!
//! A walk over them looks at a short entry of each, and at most nodes at nothing else: entries lie side by side, and
//! the nodes somewhere, in places that are used again, the last freed first.

use super::footprint::Extent;
use super::node::Node;
use spice_raster::Rect;

/// A node's place that no node has.
const NOWHERE: u32 = u32::MAX;
/// Places for nodes that are made at a time: those that are there never move.
const PAGE: usize = 64;
/// Pages of them that are kept when no node is pending.
const KEPT_PAGES: usize = 64;

/// What most walks want to know of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// A rectangle around all that it may change.
    pub(crate) bounds: Rect,
    /// The number of the surface that it draws on.
    pub(crate) slot: u32,
    at: u32,
    /// Whether it changes each pixel of its bounds by itself, and reads no surface but for those.
    pub(crate) plain: bool,
    /// Whether what was there before does not matter.
    pub(crate) overwrites: bool,
    /// Whether it reads surfaces, its own one included.
    pub(crate) reads: bool,
    /// Whether it may need pixels that are not there any more when something later has drawn over them: those that it
    /// reads, or all of a box.
    pub(crate) looks: bool,
}

impl Entry {
    fn of(node: &Node, at: u32) -> Self {
        let &Node { slot, reads, extent, .. } = node;
        let overwrites = node.overwrites.surely();
        let rects = node.task.clip.rects().len();
        let plain = extent == Extent::Clip && !reads && rects == 1;
        let looks = reads || node.uses_all();
        Self { bounds: node.bounds(), slot, at, plain, overwrites, reads, looks }
    }

    fn is_hole(&self) -> bool {
        self.at == NOWHERE
    }
}

/// The node at a place for nodes, if there is one.
#[inline]
fn node_at(pages: &[Vec<Option<Node>>], at: u32) -> Option<&Node> {
    pages.get(at as usize / PAGE)?.get(at as usize % PAGE)?.as_ref()
}

/// A place for a node, if it was used before.
#[inline]
fn place_mut(pages: &mut [Vec<Option<Node>>], at: u32) -> Option<&mut Option<Node>> {
    pages.get_mut(at as usize / PAGE)?.get_mut(at as usize % PAGE)
}

/// Nodes in their order, with holes where some are gone.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: Vec<Entry>,
    pages: Vec<Vec<Option<Node>>>,
    /// Places that were ever used since no node was pending.
    used: usize,
    free: Vec<u32>,
}

impl Queue {
    /// Bytes that a node takes here, its own data apart.
    pub(crate) const NODE_BYTES: usize = size_of::<Entry>() + size_of::<Option<Node>>();

    /// Places, holes among them.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nodes.
    pub(crate) fn pending(&self) -> usize {
        self.used - self.free.len()
    }

    /// Puts a node behind all others.
    #[inline]
    pub(crate) fn push(&mut self, node: Node) {
        let at = self.free.pop().unwrap_or(self.used as u32);
        self.entries.push(Entry::of(&node, at));
        match place_mut(&mut self.pages, at) {
            Some(place) => *place = Some(node),
            None => {
                self.used += 1;
                let page = at as usize / PAGE;
                if self.pages.len() <= page {
                    self.pages.push(Vec::with_capacity(PAGE));
                }
                self.pages[page].push(Some(node));
            }
        }
    }

    /// What is known of the node at a place, if there is one.
    #[inline]
    pub(crate) fn entry(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place).filter(|entry| !entry.is_hole())
    }

    /// What is known of the nodes from a place on; holes are of no surface and look at nothing.
    #[inline]
    pub(crate) fn entries_from(&self, place: usize) -> &[Entry] {
        &self.entries[place.min(self.entries.len())..]
    }

    /// The node at a place, if there is one.
    pub(crate) fn node(&self, place: usize) -> Option<&Node> {
        node_at(&self.pages, self.entries.get(place)?.at)
    }

    /// As [`Queue::node`]; a change of what the node draws must be told by [`Queue::changed`].
    pub(crate) fn node_mut(&mut self, place: usize) -> Option<&mut Node> {
        place_mut(&mut self.pages, self.entries.get(place)?.at)?.as_mut()
    }

    /// The node at a place draws something else than before.
    pub(crate) fn changed(&mut self, place: usize) {
        if let Some(entry) = self.entries.get_mut(place)
            && let Some(node) = node_at(&self.pages, entry.at)
        {
            *entry = Entry::of(node, entry.at);
        }
    }

    /// Forgets the node at a place, where it leaves a hole.
    pub(crate) fn remove(&mut self, place: usize) {
        if let Some(node) = self.vacate(place) {
            *node = None;
        }
    }

    /// Takes the node at a place out, where it leaves a hole.
    pub(crate) fn take(&mut self, place: usize) -> Option<Node> {
        self.vacate(place)?.take()
    }

    /// Where the node at a place was: the place is a hole from now on.
    fn vacate(&mut self, place: usize) -> Option<&mut Option<Node>> {
        let entry = self.entries.get_mut(place)?;
        let at = std::mem::replace(&mut entry.at, NOWHERE);
        (entry.slot, entry.reads, entry.looks) = (NOWHERE, false, false);
        let node = place_mut(&mut self.pages, at)?;
        self.free.push(at);
        Some(node)
    }

    /// The nodes, from the oldest to the newest.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Node> {
        self.entries.iter().filter_map(|entry| node_at(&self.pages, entry.at))
    }

    /// What is known of the nodes, from the oldest to the newest.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.is_hole())
    }

    /// Forgets the holes behind the newest node, from a place on.
    pub(crate) fn shorten(&mut self, from: usize) {
        while self.entries.len() > from && self.entries.last().is_some_and(Entry::is_hole) {
            self.entries.pop();
        }
    }

    /// Closes the holes: places change.
    pub(crate) fn compact(&mut self) {
        self.entries.retain(|entry| !entry.is_hole());
        if self.entries.is_empty() {
            self.pages.truncate(KEPT_PAGES);
            self.pages.iter_mut().for_each(Vec::clear);
            self.used = 0;
            self.free.clear();
            self.free.shrink_to(KEPT_PAGES * PAGE);
            self.entries.shrink_to(KEPT_PAGES * PAGE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Effect, Limits, Picture, State};
    use crate::qxl::testing::drawn;
    use crate::qxl::{Brush, Drawable, Event, Op, PrimaryCreate, QMask, Ropd, SurfaceFormat, WorkerMessage};

    /// A node that fills a rectangle of the screen.
    fn filled(state: &mut State, left: i32) -> Node {
        let mask = QMask { flags: 0, pos: Default::default(), image: None };
        let fill = Op::Fill { brush: Brush::Solid(1), rop: Ropd(8), mask };
        let Event::Command(command) = drawn(Rect::new(left, 0, left + 1, 1), fill) else { unreachable!() };
        let Effect::Draw(task) = state.command(&command).unwrap() else { unreachable!() };
        Node::new(task, 0, Queue::NODE_BYTES, state.limits())
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn what_waits_is_small() {
        // Two cache lines and an entry, beside the command and its picture.
        assert!(size_of::<Option<Node>>() <= 128 && size_of::<Entry>() <= 28);
        assert!(size_of::<Drawable>() <= 264 && size_of::<Picture>() <= 96);
    }

    #[test]
    fn nodes_keep_their_order_and_their_places_are_used_again() {
        let mut state = State::new(Limits::default());
        let surface = PrimaryCreate::new(100, 1, SurfaceFormat::X8R8G8B8);
        state.worker(&WorkerMessage::CreatePrimary { number: 20, surface }).unwrap();
        let mut queue = Queue::default();
        let order = |queue: &Queue| queue.iter().map(|node| node.bounds().left).collect::<Vec<_>>();
        (0..5).for_each(|left| queue.push(filled(&mut state, left)));
        queue.remove(1);
        queue.remove(4);
        queue.remove(4);
        assert!(queue.entry(1).is_none() && queue.node(4).is_none());
        assert_eq!((queue.len(), queue.pending(), order(&queue)), (5, 3, vec![0, 2, 3]));
        queue.shorten(5);
        assert_eq!(queue.len(), 5);
        queue.shorten(0);
        assert_eq!(queue.len(), 4);
        (5..8).for_each(|left| queue.push(filled(&mut state, left)));
        assert_eq!((queue.used, order(&queue)), (6, vec![0, 2, 3, 5, 6, 7]));
        queue.compact();
        assert_eq!((queue.len(), queue.pending(), queue.entries().count()), (6, 6, 6));
        assert_eq!(queue.entry(3).map(|entry| (entry.bounds.left, entry.plain)), Some((5, true)));
        (0..6).for_each(|place| queue.remove(place));
        queue.compact();
        assert_eq!((queue.len(), queue.pending()), (0, 0));
    }
}
