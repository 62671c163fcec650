//! Which pending nodes touch which part of a surface, so that a render meets only what it may have to do with.
//!
//! Surfaces are cut into at most 64 tiles. A tile lists the nodes that write or read pixels of it, by their places in
//! the queue and so in their order. A walk starts with the tiles of what is asked for, takes the newest node of any
//! active tile from a heap, and makes tiles active as needs reach them, from there on downwards. So a walk costs
//! n log n of the nodes that touch what it touches, however long the queue is.

use super::footprint::{self, Extent};
use super::node::Node;
use super::queue::Queue;
use super::surfaces::Slots;
use super::tiles::{RECTS, each_tile};
use spice_raster::Region;
use std::collections::BinaryHeap;

/// Calls `f` with each surface that a node touches and the tiles of it.
fn each_touch(node: &Node, slots: &Slots, mut f: impl FnMut(u32, u64)) {
    if let Some(slot) = slots.get(node.slot) {
        let tiles = match node.extent {
            Extent::Box => slot.tiles.of_rect(&node.bounds()),
            _ => slot.tiles.of_region(&node.task.clip),
        };
        f(node.slot, tiles);
    }
    if node.reads {
        footprint::each_read(&node.task, |read| {
            let Some(index) = slots.find(read.surface.key) else { return };
            let Some(slot) = slots.get(index) else { return };
            let mut tiles = 0;
            match node.task.clip.rects().len() > RECTS {
                true => read.each_rect(&Region::from_rect(node.task.clip.bounds()), |rect| {
                    tiles |= slot.tiles.of_rect(&rect);
                }),
                false => read.each_rect(&node.task.clip, |rect| tiles |= slot.tiles.of_rect(&rect)),
            }
            f(index, tiles);
        });
    }
}

/// Enters the node at `place`, which is behind all that were entered before.
pub(crate) fn enter(slots: &mut Slots, place: u32, node: &Node) {
    // Target and up to four sources, which may be the same surface.
    let mut touched = [(0u32, 0u64); 6];
    let mut count = 0;
    each_touch(node, slots, |slot, tiles| {
        let at = touched[..count].iter().position(|t| t.0 == slot).unwrap_or(count);
        touched[at] = (slot, touched[at].1 | tiles);
        count = count.max(at + 1);
    });
    for (slot, tiles) in &touched[..count] {
        if let Some(slot) = slots.get_mut(*slot) {
            if slot.lists.is_empty() {
                slot.lists.resize(slot.tiles.count(), Vec::new());
            }
            each_tile(*tiles).for_each(|tile| slot.lists[tile as usize].push(place));
        }
    }
}

/// Nodes that a walk from these tiles meets first, counted for each tile.
pub(crate) fn weight(slots: &Slots, slot: u32, tiles: u64) -> usize {
    let Some(slot) = slots.get(slot) else { return 0 };
    each_tile(tiles).filter_map(|tile| slot.lists.get(tile as usize)).map(Vec::len).sum()
}

/// A walk over the nodes of active tiles, from the newest to the oldest.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// For each active tile with nodes left: the place of the next one, the slot, the tile and where in its list
    /// that is.
    heap: BinaryHeap<(u32, u32, u32, u32)>,
    /// The active tiles.
    pub(crate) active: Vec<(u32, u32)>,
}

impl Walk {
    /// Makes tiles active for nodes before `place`.
    pub(crate) fn activate(&mut self, slots: &mut Slots, index: u32, tiles: u64, place: u32) {
        let Some(slot) = slots.get_mut(index) else { return };
        let new = tiles & !slot.active;
        slot.active |= tiles;
        for tile in each_tile(new) {
            self.active.push((index, tile));
            if let Some(list) = slot.lists.get(tile as usize) {
                let before = list.partition_point(|p| *p < place);
                if before > 0 {
                    self.heap.push((list[before - 1], index, tile, before as u32 - 1));
                }
            }
        }
    }

    /// The next node's place in the queue.
    pub(crate) fn next(&mut self, slots: &Slots) -> Option<u32> {
        let place = self.heap.peek()?.0;
        // It may be in several tiles.
        while let Some(mut top) = self.heap.peek_mut().filter(|top| top.0 == place) {
            let (_, index, tile, at) = *top;
            let before = slots.get(index).and_then(|slot| slot.lists.get(tile as usize)?.get(..at as usize));
            match before.and_then(|list| list.last()) {
                Some(&next) => *top = (next, index, tile, at - 1),
                None => drop(std::collections::binary_heap::PeekMut::pop(top)),
            }
        }
        Some(place)
    }

    /// Ends the walk: no tile is active any more, and their lists forget the nodes that are gone or moved away.
    pub(crate) fn end(self, slots: &mut Slots, queue: &Queue) {
        for (index, tile) in self.active {
            let Some(slot) = slots.get_mut(index) else { continue };
            slot.active = 0;
            let Some(list) = slot.lists.get_mut(tile as usize) else { continue };
            let mut list = std::mem::take(list);
            let stays = |place: &u32| {
                queue.node(*place as usize).is_some_and(|node| {
                    let mut touches = false;
                    each_touch(node, slots, |i, tiles| touches |= i == index && tiles >> tile & 1 != 0);
                    touches
                })
            };
            list.retain(stays);
            if let Some(slot) = slots.get_mut(index) {
                slot.lists[tile as usize] = list;
            }
        }
    }
}
