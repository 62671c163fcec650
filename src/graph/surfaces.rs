//! The surfaces that the graph knows: those that live, and dead ones that pending nodes still draw on or read.

use super::bits::Bits;
use super::forward::Forward;
use super::node::Node;
use super::select::{Keep, Scratch};
use super::spare::{self, Clearing};
use super::tiles::{Lists, Tiles, each_tile};
use crate::draw::surfaces::KeyMap;
use crate::draw::{SurfaceInfo, SurfaceKey};
use crate::qxl::OpKind;
use spice_raster::{Rect, Region};

/// What a pass knows about the pixels of one surface at one point of the queue, walking backwards.
#[derive(Debug)]
pub(crate) struct Layer {
    /// Nobody will ever see what these pixels hold here.
    hidden: Bits,
    /// What these pixels hold here is read by something that is drawn in this pass, or asked for.
    pub(crate) need: Bits,
    /// These pixels are written in this pass by something later than here.
    pub(crate) done: Bits,
    /// Of a dead surface: whether a later reader was met. Before that nobody sees any of it.
    pub(crate) read: bool,
    /// All that pending nodes before here may change is needed but for what is hidden: need is not kept, and what is
    /// hidden is done, whether done says so or not. Without readers in other surfaces done is not kept either.
    pub(crate) all: bool,
    /// What is seen elsewhere.
    pub(crate) forward: Forward,
    /// Whether any of this may say something.
    pub(crate) touched: bool,
}

impl Layer {
    fn new(info: &SurfaceInfo) -> Self {
        let bits = || Bits::new(info.width, info.height);
        let forward = Forward::default();
        let (hidden, need, done) = (bits(), bits(), bits());
        Self { hidden, need, done, read: false, all: false, forward, touched: false }
    }
}

/// A surface of the graph.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) info: SurfaceInfo,
    pub(crate) live: bool,
    /// Bytes of its pixels; 0 while it was never drawn on.
    pub(crate) bytes: usize,
    /// How many times pending nodes draw on it or read it.
    pub(crate) users: u32,
    /// How many times pending nodes of others read it: what is done of it matters to them alone.
    pub(crate) readers: u32,
    /// How many of the pending nodes that draw on it are `COPY_BITS`.
    pub(crate) copies: u32,
    /// A rectangle around all that pending nodes may change.
    pub(crate) dirty: Rect,
    pub(crate) layer: Layer,
    /// How often in a row it was looked in vain for others who lend what copies would read of it.
    pub(crate) futile: u32,
    /// Pixels that hold what was in the memory before: nobody may see them.
    pub(crate) rubbish: Bits,
    pub(crate) tiles: Tiles,
    /// For each tile the nodes that touch it; empty while nobody asked.
    pub(crate) lists: Lists,
    /// Tiles that are walked over; what happens in others is not known.
    pub(crate) active: u64,
}

impl Slot {
    /// Whether nobody will see any of these pixels; in a walk over some tiles, whether that is known.
    pub(crate) fn hides(&self, pixels: &Region, walk: bool) -> bool {
        (!self.live && !self.layer.read && !walk)
            || (self.layer.hidden.all_of(pixels) && !self.layer.forward.any_of(pixels))
    }

    /// As [`Slot::hides`].
    pub(crate) fn hides_rect(&self, rect: &Rect, walk: bool) -> bool {
        (!self.live && !self.layer.read && !walk)
            || (self.layer.hidden.all(rect) && !self.layer.forward.any(rect))
    }

    /// Whether nobody will see some of these pixels. Not asked of a surface that hides everything.
    pub(crate) fn hides_any(&self, pixels: &Region) -> bool {
        self.layer.hidden.any_of(pixels)
    }

    /// The pixels that nobody will see. Not asked of a surface that hides everything.
    pub(crate) fn hidden(&self) -> &Bits {
        &self.layer.hidden
    }

    /// Marks pixels as never seen: all of them if the `whole` queue is walked over, or those of active tiles.
    pub(crate) fn hide(&mut self, pixels: &Region, whole: bool) {
        pixels.rects().iter().for_each(|rect| self.hide_rect(*rect, whole));
    }

    /// As [`Slot::hide`].
    pub(crate) fn hide_rect(&mut self, rect: Rect, whole: bool) {
        if whole || self.tiles.of_rect(&rect) & !self.active == 0 {
            return self.layer.hidden.set(rect);
        }
        for tile in each_tile(self.tiles.of_rect(&rect) & self.active) {
            self.layer.hidden.set(rect.intersect(&self.tiles.rect(tile)));
        }
    }

    /// Marks the pixels of a rectangle as never seen, in a walk over the whole queue; whether some of them were not
    /// marked before.
    pub(crate) fn hide_more(&mut self, rect: &Rect) -> bool {
        self.layer.hidden.add(rect)
    }

    /// Marks pixels as seen by somebody.
    pub(crate) fn show(&mut self, rect: Rect, whole: bool) {
        if whole && !self.live && !self.layer.read {
            self.layer.read = true;
            self.layer.hidden.set(self.info.bounds());
        }
        self.layer.hidden.clear(rect);
    }

    /// Marks pixels as needed, and where that is all that pending nodes may change, says so.
    pub(crate) fn need(&mut self, rect: Rect, whole: bool, scratch: &mut Scratch) {
        let layer = &mut self.layer;
        if whole && !layer.all && rect.contains(&self.dirty) {
            (layer.all, layer.read) = (true, true);
            layer.hidden.clear(rect);
        } else if !layer.all {
            layer.need.set(rect);
        } else if self.readers == 0 {
            layer.hidden.clear(rect);
        } else if layer.hidden.any(&rect) {
            // What was hidden is hidden no more, but still done.
            let hidden = scratch.select(&Region::from_rect(rect), usize::MAX, Keep::In(&layer.hidden));
            layer.done.set_region(&hidden.unwrap_or_default());
            layer.hidden.clear(rect);
        }
    }

    /// Whether something later that is drawn in this pass writes any of these pixels.
    pub(crate) fn does(&self, rect: &Rect) -> bool {
        self.layer.done.any(rect) || (self.layer.all && self.layer.hidden.any(rect))
    }

    /// The pixels of which [`Slot::does`] tells whether there are any; `None` if that takes more than `limit` rectangles.
    pub(crate) fn done_in(&self, rect: &Rect, limit: usize, scratch: &mut Scratch) -> Option<Region> {
        let region = Region::from_rect(*rect);
        let done = scratch.select(&region, limit, Keep::In(&self.layer.done))?;
        match self.layer.all {
            true => Some(done.union(&scratch.select(&region, limit, Keep::In(&self.layer.hidden))?)),
            false => Some(done),
        }
    }

    /// Clears what somebody needs of the surface's rubbish before anything is drawn there, after a walk over the
    /// `whole` queue or a part of it.
    pub(crate) fn settle(&mut self, whole: bool, scratch: &mut Scratch, clearing: &mut Clearing<'_>) {
        let (info, layer, rubbish) = (&self.info, &self.layer, &mut self.rubbish);
        if !whole {
            let (need, done) = (&layer.need, &layer.done);
            spare::settle(info, rubbish, need.rows(), Keep::In(need), scratch, clearing);
            rubbish.remove(need);
            rubbish.remove(done);
        } else {
            // What is hidden below the oldest node will be drawn over before anybody looks.
            let hidden = [&layer.hidden];
            if !hidden[0].all(&info.bounds()) {
                spare::settle(info, rubbish, 0..info.height, Keep::OutOf(&hidden), scratch, clearing);
            }
            rubbish.reset();
        }
    }

    fn reset(&mut self) {
        self.layer.hidden.reset();
        self.layer.need.reset();
        self.layer.done.reset();
        self.layer.forward.reset();
        (self.layer.read, self.layer.all, self.layer.touched) = (false, false, false);
    }
}

/// All surfaces, each under a number that stays its own while it is in use.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    by_key: KeyMap<u32>,
    /// Slots whose layer may say something.
    touched: Vec<u32>,
    /// Slots that pending nodes may change; some are named again.
    soiled: Vec<u32>,
    /// The surface that was asked for last, and its number.
    last: Option<(SurfaceKey, u32)>,
}

impl Slots {
    /// A new, live surface.
    pub(crate) fn add(&mut self, info: SurfaceInfo) -> u32 {
        let layer = Layer::new(&info);
        let tiles = Tiles::new(info.width, info.height);
        let (dirty, lists) = (Rect::default(), Lists::new());
        let rubbish = Bits::new(info.width, info.height);
        let slot = Slot {
            info,
            live: true,
            bytes: 0,
            users: 0,
            readers: 0,
            copies: 0,
            dirty,
            layer,
            futile: 0,
            rubbish,
            tiles,
            lists,
            active: 0,
        };
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = Some(slot);
                index
            }
            None => {
                self.slots.push(Some(slot));
                self.slots.len() as u32 - 1
            }
        };
        self.by_key.insert(info.key, index);
        index
    }

    /// The number of a surface.
    pub(crate) fn find(&self, key: SurfaceKey) -> Option<u32> {
        self.by_key.get(&key).copied()
    }

    /// The slot of a surface.
    pub(crate) fn of(&self, key: SurfaceKey) -> Option<&Slot> {
        self.get(self.find(key)?)
    }

    /// As [`Slots::of`].
    pub(crate) fn of_mut(&mut self, key: SurfaceKey) -> Option<&mut Slot> {
        self.get_mut(self.find(key)?)
    }

    /// As [`Slots::find`], for what is often the same as the last time.
    #[inline]
    pub(crate) fn find_again(&mut self, key: SurfaceKey) -> Option<u32> {
        if self.last.is_none_or(|(last, _)| last != key) {
            self.last = Some((key, self.find(key)?));
        }
        self.last.map(|(_, index)| index)
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Slot> {
        self.slots.get(index as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Slot> {
        self.slots.get_mut(index as usize)?.as_mut()
    }

    /// The slot, to write in its layer.
    pub(crate) fn touch(&mut self, index: u32) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(index as usize)?.as_mut()?;
        if !std::mem::replace(&mut slot.layer.touched, true) {
            self.touched.push(index);
        }
        Some(slot)
    }

    /// The surface's pixels are all rubbish.
    pub(crate) fn spoil(&mut self, index: u32) {
        if let Some(slot) = self.get_mut(index) {
            slot.rubbish.set(slot.info.bounds());
        }
    }

    /// The slots of which some pixels are seen elsewhere.
    pub(crate) fn forwarding(&self) -> Vec<u32> {
        let forwards = |index: &u32| self.get(*index).is_some_and(|slot| !slot.layer.forward.is_empty());
        self.touched.iter().copied().filter(forwards).collect()
    }

    /// Calls `f` with each slot whose layer may say something.
    pub(crate) fn each_touched(&mut self, mut f: impl FnMut(&mut Slot)) {
        for index in &self.touched {
            if let Some(slot) = self.slots.get_mut(*index as usize).and_then(Option::as_mut) {
                f(slot);
            }
        }
    }

    /// One more node draws on a surface.
    pub(crate) fn draw_on(&mut self, index: u32, node: &Node) {
        if let Some(slot) = self.get_mut(index) {
            slot.users += 1;
            slot.copies += u32::from(node.kind == OpKind::CopyBits);
        }
        self.soil(index, &node.bounds());
    }

    /// A pending node may change this area of a surface.
    #[inline]
    pub(crate) fn soil(&mut self, index: u32, area: &Rect) {
        if let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_mut) {
            if slot.dirty.is_empty() {
                self.soiled.push(index);
            }
            slot.dirty = slot.dirty.union(area);
        }
    }

    /// No pending node changes any surface.
    pub(crate) fn clear_dirt(&mut self) {
        for index in self.soiled.drain(..) {
            if let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_mut) {
                slot.dirty = Rect::default();
            }
        }
    }

    /// Forgets which nodes touch what.
    pub(crate) fn clear_lists(&mut self) {
        self.slots.iter_mut().flatten().for_each(|slot| slot.lists.iter_mut().for_each(Vec::clear));
    }

    /// Forgets a dead surface that no pending node uses; gives which, and its bytes, if it did.
    pub(crate) fn collect(&mut self, index: u32) -> Option<(SurfaceKey, usize)> {
        let slot = self.get(index).filter(|slot| !slot.live && slot.users == 0)?;
        let (key, bytes) = (slot.info.key, slot.bytes);
        self.by_key.remove(&key);
        self.last = None;
        self.slots[index as usize] = None;
        self.free.push(index);
        Some((key, bytes))
    }

    /// Empties all layers, and gives their memory back beyond `keep` bytes in all.
    pub(crate) fn reset_layers(&mut self, keep: usize) {
        let mut kept = 0;
        for index in std::mem::take(&mut self.touched) {
            let Some(slot) = self.get_mut(index) else { continue };
            let layer = &slot.layer;
            kept += layer.hidden.bytes() + layer.need.bytes() + layer.done.bytes();
            if kept <= keep {
                slot.reset();
            } else {
                slot.layer = Layer::new(&slot.info);
            }
        }
    }
}
