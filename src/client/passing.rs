//! The guest's own operations since the last poll, for those that are cheaper to send than what they drew.
//!
//! An operation is a way of coding pixels, like a fill or a move: what it makes the client show is drawn on the
//! client's shadow too, and what is still wrong then is planned as ever. So nothing here decides about exactness, only
//! about bytes: an operation that is left out, or that meets other pixels than at the guest, costs an image.

use super::recipe::{Recipe, Recipes, is_surface_copy};
use super::session::{CANVAS, Touched};
use crate::draw::{Limits, Source, SurfaceInfo, SurfaceKey, Task};
use crate::graph::footprint::overwrites;
use crate::qxl::{Brush, Composite, LineAttr, Op, PathSegment, QMask, Rect, Ropd, SurfaceFormat, SurfaceId};
use spice_raster::{Region, Surface};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Operations that are remembered between two polls; a guest that draws more is not followed one by one.
pub(super) const ENTRIES: usize = 512;
/// Bytes that images must be expected to take before operations are looked at in their place.
pub(super) const WORTH: u64 = 600;

/// One operation on the screen.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) task: Task,
    /// The smallest box around what it may change.
    touched: Rect,
    /// It may be sent (if the profile agrees); if not, it is only in the way.
    candidate: bool,
    /// Copies of source and mask surfaces, made before the guest changed them.
    pub(super) kept: [Option<Arc<Surface>>; 2],
    /// How the guest made what these show.
    pub(super) recipes: [Option<Recipe>; 2],
}

impl Entry {
    /// Source and mask surface of a task.
    pub(super) fn reads_of(task: &Task) -> [Option<SurfaceInfo>; 2] {
        [&task.src, &task.mask]
            .map(|source| if let Source::Surface(info) = source { Some(*info) } else { None })
    }

    /// The surfaces that it reads: source and mask.
    pub(super) fn surfaces(&self) -> [Option<(SurfaceKey, SurfaceId)>; 2] {
        let images = match &self.task.drawable.op {
            Op::Composite(c) => [c.src.as_ref(), c.mask.as_ref()],
            Op::Copy { src, .. } => [src.as_ref(), None],
            _ => [None; 2],
        };
        let id = |source: &Source, image: Option<&crate::qxl::Image>| match (source, image.map(|i| &i.data)) {
            (Source::Surface(info), Some(crate::qxl::ImageData::Surface(id))) => Some((info.key, *id)),
            _ => None,
        };
        [id(&self.task.src, images[0]), id(&self.task.mask, images[1])]
    }
}

/// A command, copies of the surfaces that it reads, and how those were made.
pub(super) type Remembered = (Task, [Option<Arc<Surface>>; 2], [Option<Recipe>; 2]);

/// Operations that touch each other.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Indices of entries that could be sent, in order.
    pub(super) send: Vec<usize>,
    /// All that the group draws on.
    pub(super) area: Region,
    /// What of it must be sent as images all the same.
    pub(super) tainted: Region,
}

/// The operations since the last poll, in order, within bounds.
#[derive(Debug)]
pub(crate) struct Passing {
    entries: Vec<Entry>,
    /// Bytes of kept surfaces, and of operations roughly.
    bytes: u64,
    bound: u64,
    /// More came than are remembered: until the next poll nobody looks.
    overflow: bool,
    /// There is one among them whose image could be much larger than itself.
    worthy: bool,
}

impl Default for Passing {
    fn default() -> Self {
        Self { entries: Vec::new(), bytes: 0, bound: 1 << 20, overflow: false, worthy: false }
    }
}

impl Passing {
    pub(crate) fn set_bound(&mut self, bytes: u64) {
        self.bound = bytes;
    }

    pub(super) fn bound(&self) -> u64 {
        self.bound
    }

    /// Notes an operation on the screen. The surfaces that it reads must be kept before they change.
    pub(crate) fn note(&mut self, task: &Task, touched: Touched, recipes: &Recipes) -> bool {
        if self.overflow {
            return false;
        }
        if self.entries.len() >= ENTRIES || self.bytes > self.bound {
            self.clear();
            self.overflow = true;
            return false;
        }
        let candidate = is_candidate(task);
        self.worthy |= candidate && is_worthy(&task.drawable.op);
        self.bytes += 256 + task.clip.rects().len() as u64 * 16;
        // What it keeps alive of the guest's.
        if let Source::Picture(picture) = &task.src {
            self.bytes += picture.bytes() as u64;
        }
        if let Op::Stroke { path, .. } = &task.drawable.op {
            self.bytes += path.iter().map(|s| 8 * s.points.len() as u64).sum::<u64>();
        }
        let touched = match touched {
            Touched::Clip => task.clip.bounds(),
            Touched::Box(rect) => rect,
        };
        let reads = candidate && matches!(task.src, Source::Surface(_));
        let recipes = if reads { recipes.sources(task) } else { [None, None] };
        self.entries.push(Entry { task: task.clone(), touched, candidate, kept: [None, None], recipes });
        reads
    }

    /// Whether sending operations might be worth it.
    pub(crate) fn is_worthy(&self) -> bool {
        self.worthy
    }

    /// What is remembered, to be saved; nothing if more came than that.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether more came than is remembered.
    pub(super) fn is_full(&self) -> bool {
        self.overflow
    }

    /// What was remembered elsewhere: commands, copies of the surfaces that they read, and how those were made. If that
    /// is not all (`full`), or too much, it is nothing.
    pub(super) fn put(&mut self, entries: Vec<Remembered>, full: bool) {
        self.clear();
        self.overflow = full;
        let recipes = Recipes::default();
        for (task, kept, made) in entries {
            self.note(&task, Touched::of(&task), &recipes);
            if let Some(entry) = self.entries.last_mut().filter(|_| !self.overflow) {
                (entry.kept, entry.recipes) = (kept, made);
            }
        }
        let kept = self.entries.iter().flat_map(|e| e.kept.iter().flatten());
        let copies: BTreeMap<_, usize> = kept.map(|copy| (Arc::as_ptr(copy), copy.bytes())).collect();
        self.bytes += copies.into_values().map(|bytes| bytes as u64).sum::<u64>();
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        (self.bytes, self.overflow, self.worthy) = (0, false, false);
    }

    /// The surfaces that must be kept before they change.
    pub(crate) fn reads(&self) -> impl Iterator<Item = (SurfaceKey, SurfaceId)> + '_ {
        self.entries.iter().filter(|e| e.candidate).flat_map(|e| {
            let kept = e.kept.each_ref().map(Option::is_some);
            e.surfaces().into_iter().zip(kept).filter(|(_, kept)| !kept).filter_map(|(s, _)| s)
        })
    }

    /// A surface is about to change, and was this.
    pub(crate) fn keep(&mut self, key: SurfaceKey, pixels: &Arc<Surface>) {
        let mut used = false;
        for entry in self.entries.iter_mut().filter(|e| e.candidate) {
            for (i, surface) in entry.surfaces().into_iter().enumerate() {
                if surface.is_some_and(|(k, _)| k == key) && entry.kept[i].is_none() {
                    entry.kept[i] = Some(pixels.clone());
                    used = true;
                }
            }
        }
        self.bytes += if used { pixels.bytes() as u64 } else { 0 };
    }

    pub(super) fn take(&mut self) -> Vec<Entry> {
        let entries = std::mem::take(&mut self.entries);
        self.clear();
        entries
    }
}

/// Groups of operations that could be sent; `supported` says of which, `unready` where their result is unknown.
pub(super) fn groups(
    entries: &[Entry],
    limits: &Limits,
    unready: &Region,
    supported: impl Fn(&Task) -> bool,
) -> Vec<Group> {
    // Which group each is in: that of the first that it touches, joined by whatever touches both.
    let mut root: Vec<usize> = (0..entries.len()).collect();
    for i in 0..entries.len() {
        for j in 0..i {
            if root[i] != root[j] && entries[i].touched.intersects(&entries[j].touched) {
                let (from, to) = (root[i].max(root[j]), root[i].min(root[j]));
                root[..=i].iter_mut().filter(|r| **r == from).for_each(|r| *r = to);
            }
        }
    }
    let mut groups = Vec::new();
    for first in (0..entries.len()).filter(|i| root[*i] == *i) {
        let members: Vec<usize> = (first..entries.len()).filter(|i| root[*i] == first).collect();
        if members.iter().any(|i| entries[*i].candidate && is_worthy(&entries[*i].task.drawable.op)) {
            groups.push(group(entries, &members, limits, unready, &supported));
        }
    }
    groups.retain(|g: &Group| !g.send.is_empty());
    groups
}

fn group(
    entries: &[Entry],
    members: &[usize],
    limits: &Limits,
    unready: &Region,
    supported: &impl Fn(&Task) -> bool,
) -> Group {
    let covers = |e: &Entry| overwrites(&e.task, limits) && e.touched == e.task.clip.bounds();
    // What later ones hide need not be drawn.
    let mut hidden = Region::new();
    let mut visible: Vec<usize> = Vec::new();
    for &i in members.iter().rev() {
        let entry = &entries[i];
        if !hidden.contains_rect(&entry.touched) {
            visible.push(i);
            if covers(entry) {
                hidden = hidden.union(&entry.task.clip);
            }
        }
    }
    let area = Region::from_rects(members.iter().map(|i| entries[*i].touched));
    let mut tainted = unready.intersect(&area);
    let mut send = Vec::new();
    for &i in visible.iter().rev() {
        let entry = &entries[i];
        let covers = covers(entry);
        let sound = covers || !tainted.intersects_rect(&entry.touched);
        if entry.candidate && sound && supported(&entry.task) {
            send.push(i);
            if covers {
                tainted = tainted.subtract(&entry.task.clip);
            }
        } else {
            tainted.union_rect(entry.touched);
        }
    }
    Group { send, area, tainted }
}

/// Whether the image of what it draws could be much larger than the operation.
fn is_worthy(op: &Op) -> bool {
    match op {
        Op::Composite(_) | Op::Invers { .. } | Op::Stroke { .. } => true,
        Op::Fill { rop, .. } => *rop != Ropd::PUT,
        // DSTINVERT and PATINVERT.
        Op::Rop3 { rop3, .. } => matches!(rop3, 0x55 | 0x5a),
        _ => false,
    }
}

/// Whether an operation could be sent to a client that has all of its features. In doubt not: what the reference
/// client aborts on, leaves undefined, or draws by x bytes that it may hold otherwise, stays here.
fn is_candidate(task: &Task) -> bool {
    task.target.format == CANVAS && is_plain(task)
}

/// The same wherever it draws.
pub(super) fn is_plain(task: &Task) -> bool {
    let unmasked = |mask: &QMask| mask.image.is_none();
    let pictured = || {
        let Source::Picture(picture) = &task.src else { return false };
        let Some(area) = task.src_area() else { return false };
        let all = Rect::of_size(picture.width(), picture.height());
        picture.is_bitmap() && !task.is_scaled() && all.contains(&area) && !area.is_empty()
    };
    let solid = |brush: &Brush| matches!(brush, Brush::Solid(_));
    if task.drawable.self_bitmap.is_some() {
        return false;
    }
    match &task.drawable.op {
        Op::Fill { brush, mask, .. } => solid(brush) && unmasked(mask),
        Op::Blackness { mask } | Op::Whiteness { mask } | Op::Invers { mask } => unmasked(mask),
        Op::Copy { mask, .. } if is_surface_copy(task) => unmasked(mask),
        Op::Copy { mask, .. } | Op::Blend { mask, .. } => unmasked(mask) && pictured(),
        Op::Rop3 { brush, mask, .. } => solid(brush) && unmasked(mask) && pictured(),
        Op::Stroke { path, attr, brush, .. } => {
            let lines = path.iter().all(|s| s.flags & PathSegment::BEZIER == 0 && s.flags <= 0xff);
            solid(brush) && attr.flags & LineAttr::STYLED == 0 && lines && task.clip.rects().len() == 1
        }
        Op::Composite(c) => {
            let plain = |source: &Source| {
                use SurfaceFormat as S;
                matches!(source, Source::Surface(info) if info.key != task.target.key
                    && matches!(info.format, S::X8R8G8B8 | S::A8R8G8B8 | S::A8))
            };
            let filters = c.src_filter() <= 4 && c.mask_filter() <= 4;
            // One surface in both roles cannot have two states.
            let apart = match (&task.src, &task.mask) {
                (Source::Surface(a), Source::Surface(b)) => a.key != b.key,
                _ => true,
            };
            filters && apart && plain(&task.src) && (c.mask.is_none() || plain(&task.mask))
        }
        _ => false,
    }
}

/// How a composite leaves a surface that it read: clients keep that for later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sticky {
    pub(super) filter: u8,
    pub(super) repeat: u8,
    pub(super) transform: [i32; 6],
    pub(super) component_alpha: bool,
}

/// The transform that changes nothing.
pub(super) const IDENTITY: [i32; 6] = [1 << 16, 0, 0, 0, 1 << 16, 0];

impl Sticky {
    /// Whether it changes nothing that a copy of a part shows.
    pub(super) fn is_plain(&self) -> bool {
        self.transform == IDENTITY && self.repeat == 0
    }

    /// Of a composite's source and mask.
    pub(super) fn of(c: &Composite) -> [Self; 2] {
        [
            Self {
                filter: c.src_filter(),
                repeat: c.src_repeat(),
                transform: c.src_transform.unwrap_or(IDENTITY),
                component_alpha: false,
            },
            Self {
                filter: c.mask_filter(),
                repeat: c.mask_repeat(),
                transform: c.mask_transform.unwrap_or(IDENTITY),
                component_alpha: c.flags & Composite::<crate::qxl::Image>::COMPONENT_ALPHA != 0,
            },
        ]
    }
}
