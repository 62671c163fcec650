//! The guest's own operations since the last poll, for those that are cheaper to send than what they drew.
//!
//! An operation is a way of coding pixels, like a fill or a move: what it makes the client show is drawn on the
//! client's shadow too, and what is still wrong then is planned as ever. So nothing here decides about exactness, only
//! about bytes: an operation that is left out, or that meets other pixels than at the guest, costs an image.

use super::candidate::{is_candidate, is_worthy};
use super::canvas::Touched;
use super::recipe::{Recipe, Recipes};
use crate::draw::exec::self_copy;
use crate::draw::{Limits, Source, SurfaceInfo, SurfaceKey, Task};
use crate::graph::footprint::overwrites;
use crate::qxl::{ImageRole, Op, Rect, SurfaceId};
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
    pub(super) touched: Rect,
    /// What it reads of the screen beside the pixels that it draws on.
    pub(super) reads: Option<Rect>,
    /// It may be sent (if the profile agrees); if not, it is only in the way.
    pub(super) candidate: bool,
    /// Copies of the surfaces that it reads, by role, made before the guest changed them.
    pub(super) kept: [Option<Arc<Surface>>; 4],
    /// How the guest made what source and mask surface show.
    pub(super) recipes: [Option<Recipe>; 2],
}

impl Entry {
    /// The surfaces of a task, by role.
    pub(super) fn reads_of(task: &Task) -> [Option<SurfaceInfo>; 4] {
        ImageRole::ALL
            .map(|role| if let Source::Surface(info) = task.source(role) { Some(*info) } else { None })
    }

    /// Whether all of its clip gets values that do not depend on what was there.
    pub(super) fn covers(&self, limits: &Limits) -> bool {
        overwrites(&self.task, limits) && self.touched == self.task.clip.bounds()
    }

    /// Whether the image of what it draws could be much larger than the operation.
    pub(super) fn is_worthy(&self) -> bool {
        is_worthy(&self.task.drawable.op)
    }

    /// The box around all of the screen that it has to do with.
    fn reach(&self) -> Rect {
        self.reads.map_or(self.touched, |reads| self.touched.union(&reads))
    }
}

/// A command, copies of the surfaces that it reads, and how those were made.
pub(super) type Remembered = (Task, [Option<Arc<Surface>>; 4], [Option<Recipe>; 2]);

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
        for source in task.sources() {
            if let Source::Picture(picture) = source {
                self.bytes += picture.bytes() as u64;
            }
        }
        match &task.drawable.op {
            Op::Stroke { path, .. } => {
                self.bytes += path.iter().map(|s| 8 * s.points.len() as u64).sum::<u64>()
            }
            Op::Text { str, .. } => self.bytes += str.glyphs.iter().map(|g| g.data.len() as u64).sum::<u64>(),
            _ => {}
        }
        let touched = match touched {
            Touched::Clip => task.clip.bounds(),
            Touched::Box(rect) => rect,
        };
        let surfaces = candidate && task.surfaces().next().is_some();
        let recipes = if surfaces { recipes.sources(task) } else { [None, None] };
        let (task, kept, reads) = (task.clone(), [const { None }; 4], own_reads(task));
        self.entries.push(Entry { task, touched, reads, candidate, kept, recipes });
        surfaces
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
            let missing = |role: ImageRole| e.kept[role as usize].is_none();
            e.task.surfaces().filter(move |(role, ..)| missing(*role)).map(|(_, info, id)| (info.key, id))
        })
    }

    /// A surface is about to change, and was this.
    pub(crate) fn keep(&mut self, key: SurfaceKey, pixels: &Arc<Surface>) {
        let mut used = false;
        for Entry { task, kept, .. } in self.entries.iter_mut().filter(|e| e.candidate) {
            for (role, ..) in task.surfaces().filter(|(_, info, _)| info.key == key) {
                let place = &mut kept[role as usize];
                used |= place.is_none();
                place.get_or_insert_with(|| pixels.clone());
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

/// What a task reads of its own surface beside the pixels that it draws on, in a box.
fn own_reads(task: &Task) -> Option<Rect> {
    if let Some(by) = self_copy(task) {
        return Some(task.clip.bounds().translate(by.x, by.y).intersect(&task.target.bounds()));
    }
    let own = |source: &&Source| matches!(source, Source::Surface(info) if info.key == task.target.key);
    match &task.src {
        Source::SelfBitmap(area) => Some(area.intersect(&task.target.bounds())),
        _ if task.sources().iter().any(own) => Some(task.target.bounds()),
        _ => None,
    }
}

/// Groups of operations that could be sent; `offered` says of which, `unready` where their result is unknown. Without
/// `all` only those among which some might be worth it.
pub(super) fn groups(
    entries: &[Entry],
    limits: &Limits,
    unready: &Region,
    all: bool,
    offered: impl Fn(usize) -> bool,
) -> Vec<Group> {
    // Which group each is in: that of the first that it touches, joined by whatever touches both.
    let reach: Vec<Rect> = entries.iter().map(Entry::reach).collect();
    let mut root: Vec<usize> = (0..entries.len()).collect();
    for i in 0..entries.len() {
        for j in 0..i {
            if root[i] != root[j] && reach[i].intersects(&reach[j]) {
                let (from, to) = (root[i].max(root[j]), root[i].min(root[j]));
                root[..=i].iter_mut().filter(|r| **r == from).for_each(|r| *r = to);
            }
        }
    }
    let mut groups = Vec::new();
    for first in (0..entries.len()).filter(|i| root[*i] == *i) {
        let members: Vec<usize> = (first..entries.len()).filter(|i| root[*i] == first).collect();
        if all || members.iter().any(|i| offered(*i) && entries[*i].is_worthy()) {
            groups.push(group(entries, &members, limits, unready, &offered));
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
    offered: &impl Fn(usize) -> bool,
) -> Group {
    // What later ones hide need not be drawn, unless one between them reads it.
    let mut hidden = Region::new();
    let mut visible: Vec<usize> = Vec::new();
    for &i in members.iter().rev() {
        let entry = &entries[i];
        if !hidden.contains_rect(&entry.touched) {
            visible.push(i);
            if entry.covers(limits) {
                hidden = hidden.union(&entry.task.clip);
            }
            if let Some(reads) = entry.reads {
                hidden.subtract_rect(reads);
            }
        }
    }
    let area = Region::from_rects(members.iter().map(|i| entries[*i].touched));
    let mut tainted = unready.intersect(&Region::from_rects(members.iter().map(|i| entries[*i].reach())));
    let mut send = Vec::new();
    for &i in visible.iter().rev() {
        let entry = &entries[i];
        let covers = entry.covers(limits);
        let sound = (covers || !tainted.intersects_rect(&entry.touched))
            && entry.reads.is_none_or(|reads| !tainted.intersects_rect(&reads));
        if sound && offered(i) {
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
