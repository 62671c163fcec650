//! Copies of what others have yet to draw are drawn with those others' colours and pictures.
//!
//! A guest that draws a window off-screen and copies it to the screen has each of its pixels drawn twice. Where the
//! newest of the older nodes at a copy's source is a plain fill or a picture as it is, the copy gets its pixels from
//! there, and needs the source surface no more; through a copy that is not made it gets them from where that one would.
//! The node that lends stays as it is: it is drawn when somebody else wants what it draws, or never.
//!
//! Colours and pictures do not change, so nobody need care when they are drawn. The pixels have the same bits: the
//! source surface has the target's format, and nothing is scaled, masked or mixed with what was there.

use super::cost::pixels_made;
use super::footprint::{self, Extent};
use super::node::Node;
use super::pass::{Found, Job, Pass, written};
use super::queue::{Entry, Queue};
use super::relocate::redrawn;
use super::surfaces::{Slot, Slots};
use crate::draw::task::rop2;
use crate::draw::{Source, SurfaceInfo, Task};
use crate::qxl::{Brush, Op, Point, Ropd};
use spice_raster::{Region, Rop2};

/// A smaller copy is made rather than looked at.
const LEAST_PIXELS: u64 = if cfg!(test) { 8 } else { 1 << 10 };
/// Of a copy, one part of so many may still have to be copied.
const LEFT_PART: u64 = if cfg!(test) { 1 } else { 4 };
/// A source is made of many small things, and so is read, if the newest node draws less than one part of so many of what
/// is wanted of it,
const SMALL_PART: u64 = if cfg!(test) { 1 << 20 } else { 64 };
/// several times.
const MOST_SMALL: u32 = 4;
/// So often in a row it is tried in vain for a surface,
const MOST_FUTILE: u32 = 4;
/// and after that for large copies only.
const ALWAYS_PIXELS: u64 = 1 << 16;
/// Surfaces that are wanted for one copy, by way of others.
const MOST_WANTED: usize = 8;
/// What looking past an older node costs, in sixteenths of a pixel that is copied,
const PASS: u64 = 64;
/// what looking for pixels that it draws does,
const LOOK: u64 = 4096;
/// and each rectangle of them.
const RECT: u64 = 512;
/// What may be spent in vain, for each pixel of the copy,
const FUNDS_PER_PIXEL: u64 = if cfg!(test) { 1 << 20 } else { 4 };
/// and beside that.
const FUNDS: u64 = 1 << 14;

/// Pixels of a surface that a copy wants to have.
struct Wanted {
    slot: u32,
    pixels: Region,
    /// How far away the copy draws them.
    by: Point,
}

impl Wanted {
    /// Whether a node may draw some of them.
    #[inline]
    fn meets(&self, entry: &Entry) -> bool {
        self.slot == entry.slot && self.pixels.bounds().intersects(&entry.bounds)
    }

    /// Takes what is in a region.
    fn take(&mut self, region: &Region) -> Region {
        if region.contains_rect(&self.pixels.bounds()) {
            return std::mem::take(&mut self.pixels);
        }
        let hit = self.pixels.intersect(region);
        if !hit.is_empty() {
            self.pixels = self.pixels.subtract(&hit);
        }
        hit
    }
}

/// A search for those who draw what a copy would read.
struct Search<'a> {
    slots: &'a Slots,
    target: SurfaceInfo,
    wanted: Vec<Wanted>,
    /// What draws parts of the copy.
    lent: Vec<Task>,
    /// Pixels that nobody lends.
    left: u64,
    /// So many of them are too many.
    most_left: u64,
    small: u32,
    funds: u64,
}

impl Search<'_> {
    /// Looks past the nodes before a place, from the newest to the oldest; `None` if it is given up.
    fn run(&mut self, queue: &Queue, place: usize) -> Option<()> {
        for place in (0..place).rev() {
            self.funds = self.funds.checked_sub(PASS)?;
            let Some(entry) = queue.entry(place) else { continue };
            if self.wanted.iter().any(|wanted| wanted.meets(entry)) {
                self.meet(entry, queue.node(place)?)?;
                if self.wanted.is_empty() {
                    break;
                }
            }
        }
        // What nobody has yet to draw is there.
        self.leave(self.wanted.iter().map(|wanted| wanted.pixels.area()).sum())
    }

    /// What a node draws of what is wanted it lends, or others by way of it, or it is copied.
    fn meet(&mut self, entry: &Entry, node: &Node) -> Option<()> {
        let covered = written(node.extent, &node.task);
        for at in (0..self.wanted.len()).rev() {
            let wanted = &mut self.wanted[at];
            if !wanted.meets(entry) {
                continue;
            }
            let rects = wanted.pixels.rects().len() + covered.rects().len();
            self.funds = self.funds.checked_sub(LOOK + RECT * rects as u64)?;
            let (hit, by) = (wanted.take(&covered), wanted.by);
            if hit.is_empty() {
                continue;
            }
            if hit.area() < wanted.pixels.area() / SMALL_PART {
                self.small += 1;
                if self.small > MOST_SMALL {
                    return None;
                }
            }
            if wanted.pixels.is_empty() {
                self.wanted.swap_remove(at);
            }
            if let Some(task) = lent(node, &hit, by, self.target) {
                self.lent.push(task);
            } else if let Some(further) = self.further(node, &hit, by) {
                self.wanted.push(further);
            } else {
                self.leave(hit.area())?;
            }
        }
        Some(())
    }

    /// So many more pixels are copied.
    fn leave(&mut self, pixels: u64) -> Option<()> {
        self.left += pixels;
        (self.left <= self.most_left).then_some(())
    }

    /// What a node that is a copy, too, would read for a part of what it draws.
    fn further(&self, node: &Node, part: &Region, by: Point) -> Option<Wanted> {
        let (source, way) = copied(node).filter(|_| self.wanted.len() < MOST_WANTED)?;
        let by = Point::new(by.x.checked_sub(way.x)?, by.y.checked_sub(way.y)?);
        Some(Wanted { slot: self.slots.find(source.key)?, pixels: part.translate(way.x, way.y), by })
    }
}

/// Where a node reads the pixels that it writes as they are: the surface, and how far from each.
fn copied(node: &Node) -> Option<(SurfaceInfo, Point)> {
    let task = &node.task;
    let plain = match &task.drawable.op {
        Op::CopyBits { .. } => true,
        Op::Copy { rop, .. } | Op::Blend { rop, .. } => {
            let rop = rop2(*rop, Ropd::INVERS_SRC, Ropd::INVERS_DEST);
            rop == Rop2::PUT && !task.is_scaled() && matches!(task.src, Source::Surface(_))
        }
        _ => false,
    };
    if !plain || !node.overwrites.surely() || node.extent != Extent::Clip {
        return None;
    }
    let mut from = None;
    footprint::each_read(task, |read| from = read.by().map(|by| (read.surface, by)));
    from.filter(|(surface, _)| surface.format == task.target.format)
}

/// A `part` of what a node draws, drawn by as much elsewhere on a surface of the same format; `None` if that is no plain
/// fill nor a picture as it is.
fn lent(node: &Node, part: &Region, by: Point, target: SurfaceInfo) -> Option<Task> {
    let task = &node.task;
    let clip = part.translate(by.x, by.y);
    let drawable = match &task.drawable.op {
        _ if !node.overwrites.surely() || node.extent != Extent::Clip => return None,
        // Neither looks at its box.
        Op::Fill { brush: Brush::Solid(_), .. } | Op::Blackness { .. } | Op::Whiteness { .. } => {
            task.drawable.clone()
        }
        op @ (Op::Copy { .. } | Op::Blend { .. }) => {
            let Source::Picture(picture) = &task.src else { return None };
            if task.is_scaled() || pixels_made(picture) > 0 {
                return None;
            }
            let (whole, bbox, mut op) = (task.drawable.bbox, clip.bounds(), op.clone());
            if let Op::Copy { src_area, .. } | Op::Blend { src_area, .. } = &mut op {
                let (x, y) = (src_area.left - whole.left, src_area.top - whole.top);
                *src_area = bbox.translate(x - by.x, y - by.y);
            }
            redrawn(&task.drawable, bbox, op)
        }
        _ => return None,
    };
    Some(task.redrawn(drawable, target, clip))
}

impl Pass<'_> {
    /// Lets others draw what they can of the pixels that are `drawn` of the node at a place, if that node is a copy of
    /// another surface and those are most of them. Gives what is left.
    pub(super) fn lend(
        &mut self,
        queue: &Queue,
        place: usize,
        drawn: &Region,
        found: &mut Found,
    ) -> Option<Region> {
        let node = queue.node(place).filter(|_| self.culling && drawn.area() >= LEAST_PIXELS)?;
        let (source, way) = copied(node).filter(|(source, _)| source.key != node.task.target.key)?;
        let slot = self.slots.find(source.key)?;
        let area = drawn.area();
        let tried = |slot: &Slot| slot.futile >= MOST_FUTILE && area < ALWAYS_PIXELS;
        self.slots.get(slot).filter(|slot| slot.users > slot.readers && !tried(slot))?;
        let by = Point::new(way.x.checked_neg()?, way.y.checked_neg()?);
        let mut search = Search {
            slots: self.slots,
            target: node.task.target,
            wanted: vec![Wanted { slot, pixels: drawn.translate(way.x, way.y), by }],
            lent: Vec::new(),
            left: 0,
            most_left: area / LEFT_PART,
            small: 0,
            funds: FUNDS + area.saturating_mul(FUNDS_PER_PIXEL),
        };
        let done = search.run(queue, place);
        let Search { lent, left, .. } = search;
        let slot = self.slots.get_mut(slot)?;
        slot.futile = if done.is_some() { 0 } else { slot.futile.saturating_add(1) };
        done?;
        self.stats.lent += area - left;
        let rest = match left {
            0 => Region::new(),
            _ => drawn.subtract(&Region::from_rects(lent.iter().flat_map(|task| task.clip.rects()).copied())),
        };
        found.jobs.extend(lent.into_iter().map(|task| {
            let part = Node::lent(task, node.slot, node.kind);
            Job { place, part: Some(Box::new(part)) }
        }));
        Some(rest)
    }
}
