//! Commands on their way in and out of the queue: what becomes pending, and what is free again when it is gone.

use super::footprint::Extent;
use super::held::{address, large_pictures};
use super::node::Node;
use super::queue::Queue;
use super::tiles::each_tile;
use super::{Graph, LOOK_BACK};
use crate::draw::surfaces::load_rows;
use crate::draw::{Effect, Refusal, Source, SurfaceInfo, Task};
use crate::qxl::OpKind;
use spice_raster::Rect;

impl Graph {
    /// Does what the state of ids and caches made of an event.
    pub(super) fn take(&mut self, effect: Effect) -> Result<(), Refusal> {
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
        let Some(slot) = self.slots.find_again(task.target.key) else { return };
        let node = Node::new(task, slot, Queue::NODE_BYTES, self.state.limits());
        self.drop_covered(&node);
        self.held += node.bytes;
        self.slots.draw_on(slot, &node);
        if node.reads {
            self.use_surfaces(&node);
        }
        if node.pictures {
            self.use_pictures(&node.task);
        }
        self.stats.asked(&node);
        self.queue.push(node);
        self.stats.most_pending = self.stats.most_pending.max(self.pending() as u64);
        self.stats.most_held = self.stats.most_held.max(self.held);
    }

    /// Forgets those of the newest nodes that nobody can see any more when `node` comes: guests often draw a place
    /// twice in a row, and here what the first time left is still in the cache. A pass finds all others.
    fn drop_covered(&mut self, node: &Node) {
        let [rect] = *node.task.clip.rects() else { return };
        if !node.overwrites.surely() || node.reads || node.extent != Extent::Clip || !self.execution.culling {
            return;
        }
        let from = self.queue.len().saturating_sub(LOOK_BACK).max(self.indexed);
        // Sets of the newest entries, the newest first: without branches, which would be guessed wrong.
        let (mut covered, mut lookers) = (0u32, 0u32);
        for (back, entry) in self.queue.entries_from(from).iter().rev().enumerate() {
            let inside = (entry.slot == node.slot) & contains(&rect, &entry.bounds);
            covered |= u32::from(inside) << back;
            lookers |= u32::from(entry.looks & !inside) << back;
        }
        // Those may need what older ones draw.
        covered &= (1 << lookers.trailing_zeros().min(LOOK_BACK as u32)) - 1;
        if covered != 0 {
            let newest = self.queue.len() - 1;
            let mut queue = std::mem::take(&mut self.queue);
            each_tile(covered.into()).for_each(|back| self.cull(&mut queue, &[newest - back as usize]));
            queue.shorten(self.indexed);
            self.queue = queue;
        }
    }

    /// Nobody will ever see the nodes at these places.
    pub(super) fn cull(&mut self, queue: &mut Queue, places: &[usize]) {
        for &place in places {
            if let Some(node) = queue.node(place) {
                self.stats.culled(node);
                self.forget(queue, place);
            }
        }
    }

    /// The node at a place has done all that it has to.
    pub(super) fn forget(&mut self, queue: &mut Queue, place: usize) {
        if let Some(node) = queue.node(place) {
            self.release(node);
            queue.remove(place);
        }
    }

    pub(super) fn end(&mut self, info: SurfaceInfo) {
        let Some(index) = self.slots.find(info.key) else { return };
        if let Some(slot) = self.slots.get_mut(index) {
            slot.live = false;
            self.held += slot.bytes as u64;
        }
        self.collect(index);
    }

    /// Forgets a dead surface that nobody uses any more.
    fn collect(&mut self, index: u32) {
        let Some((key, bytes)) = self.slots.collect(index).filter(|(_, bytes)| *bytes > 0) else { return };
        self.held -= bytes as u64;
        match self.pixels.remove(&key) {
            Some(surface) => self.spare.keep(surface),
            None => self.gone.push(key),
        }
    }

    /// What a node used is free again.
    pub(super) fn release(&mut self, node: &Node) {
        self.held -= node.bytes.min(self.held);
        if node.pictures {
            large_pictures(&node.task).for_each(|picture| {
                let key = address(picture);
                if let Some(count) = self.shared.get_mut(&key) {
                    *count -= 1;
                    if *count == 0 {
                        self.shared.remove(&key);
                        self.held -= (picture.held_bytes() as u64).min(self.held);
                    }
                }
            });
        }
        if node.reads {
            node.task.given().for_each(|source| {
                if let Source::Surface(info) = source
                    && let Some(index) = self.slots.find(info.key)
                {
                    self.leave(index, index != node.slot);
                }
            });
        }
        if node.kind == OpKind::CopyBits
            && let Some(slot) = self.slots.get_mut(node.slot)
        {
            slot.copies -= 1;
        }
        self.leave(node.slot, false);
    }

    /// One use less of a surface, by a node of another one or its own.
    fn leave(&mut self, index: u32, other: bool) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.users -= 1;
            slot.readers -= u32::from(other);
            if slot.users == slot.readers {
                slot.dirty = Rect::default();
            }
            if slot.users == 0 && !slot.live {
                self.collect(index);
            }
        }
    }

    /// Counts the surfaces that a node reads.
    fn use_surfaces(&mut self, node: &Node) {
        node.task.given().for_each(|source| {
            if let Source::Surface(info) = source
                && let Some(index) = self.slots.find(info.key)
                && let Some(slot) = self.slots.get_mut(index)
            {
                slot.users += 1;
                slot.readers += u32::from(index != node.slot);
            }
        });
    }

    fn use_pictures(&mut self, task: &Task) {
        large_pictures(task).for_each(|picture| {
            let count = self.shared.entry(address(picture)).or_insert(0);
            *count += 1;
            if *count == 1 {
                self.held += picture.held_bytes() as u64;
            }
        });
    }
}

/// As [`Rect::contains`], of one that is not empty, without a branch.
#[inline]
fn contains(rect: &Rect, other: &Rect) -> bool {
    (rect.left <= other.left)
        & (rect.top <= other.top)
        & (rect.right >= other.right)
        & (rect.bottom >= other.bottom)
}
