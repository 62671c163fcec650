//! How off-screen surfaces came to show what they show: the guest's operations, for clients that can draw them on
//! surfaces of their own for fewer bytes than the pixels would take.

use super::candidate::is_plain;
use crate::draw::{Limits, Source, SurfaceKey, Task};
use crate::graph::footprint::overwrites;
use crate::qxl::{Op, Ropd, SurfaceFormat};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Operations behind each other, those on sources included.
const DEPTH: u32 = 256;
/// Surfaces whose recipes are known.
const SURFACES: usize = 64;
/// Bytes of all recipes together, and of one operation without its picture.
const BYTES: usize = 16 << 20;
const STEP: usize = 512;
/// Reads that somebody else counted.
const MOST_READS: u32 = 1 << 20;

/// One operation on an off-screen surface, and what was there before it.
#[derive(Debug)]
pub(crate) struct Step {
    pub(super) task: Task,
    /// What the surface showed before; `None` if the operation overwrites all of it.
    pub(super) before: Option<Recipe>,
    /// What source and mask surface showed.
    pub(super) sources: [Option<Recipe>; 2],
    depth: u32,
    bytes: usize,
    all_bytes: Arc<AtomicUsize>,
}

/// A surface's last operation, and so all of them since it was overwritten.
pub(crate) type Recipe = Arc<Step>;

impl Step {
    /// The steps that come after `shown`, the first one first; all of them if that is none of them.
    pub(super) fn since<'a>(self: &'a Arc<Self>, shown: Option<&Recipe>) -> Vec<&'a Recipe> {
        let mut steps = Vec::new();
        let mut next = Some(self);
        while let Some(step) = next.filter(|step| shown.is_none_or(|shown| !Arc::ptr_eq(step, shown))) {
            steps.push(step);
            next = step.before.as_ref();
        }
        steps.reverse();
        steps
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.all_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The recipes of the off-screen surfaces.
#[derive(Debug, Default)]
pub(crate) struct Recipes {
    known: BTreeMap<SurfaceKey, Recipe>,
    /// How often a surface was read since it last changed.
    reads: BTreeMap<SurfaceKey, u32>,
    bytes: Arc<AtomicUsize>,
}

impl Recipes {
    /// Something was drawn, on whatever surface.
    pub(crate) fn drawn(&mut self, task: &Task, off_screen: bool, limits: &Limits) {
        for source in [&task.src, task.mask()] {
            if let Source::Surface(info) = source {
                *self.reads.entry(info.key).or_default() += 1;
            }
        }
        if off_screen {
            let key = task.target.key;
            self.reads.remove(&key);
            let before = self.known.remove(&key);
            if let Some(step) = self.restored(task, before, self.sources(task), limits) {
                if self.known.len() >= SURFACES {
                    self.known.pop_first();
                }
                self.known.insert(key, step);
            }
        }
    }

    /// A step after `before` on surfaces that were made so, if it may be one. Nobody's surface shows it yet.
    pub(super) fn restored(
        &self,
        task: &Task,
        before: Option<Recipe>,
        sources: [Option<Recipe>; 2],
        limits: &Limits,
    ) -> Option<Recipe> {
        use SurfaceFormat as S;
        let whole = task.clip.contains_rect(&task.target.bounds()) && overwrites(task, limits);
        let before = before.filter(|_| !whole);
        let format = matches!(task.target.format, S::X8R8G8B8 | S::A8R8G8B8 | S::A8);
        if !(whole || before.is_some()) || !format || !is_step(task) {
            return None;
        }
        let read = [&task.src, task.mask()].map(|s| matches!(s, Source::Surface(_)));
        if read.into_iter().zip(&sources).any(|(read, recipe)| read && recipe.is_none()) {
            return None;
        }
        let depth = before.iter().chain(sources.iter().flatten()).map(|s| s.depth).max().unwrap_or(0) + 1;
        let clip = 16 * task.clip.rects().len();
        let bytes = STEP + clip + if let Source::Picture(picture) = &task.src { picture.bytes() } else { 0 };
        if depth > DEPTH || self.bytes.load(Ordering::Relaxed) + bytes > BYTES {
            return None;
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let (task, all_bytes) = (task.clone(), self.bytes.clone());
        Some(Arc::new(Step { task, before, sources, depth, bytes, all_bytes }))
    }

    /// How source and mask surface of a task were made.
    pub(crate) fn sources(&self, task: &Task) -> [Option<Recipe>; 2] {
        [&task.src, task.mask()].map(|source| match source {
            Source::Surface(info) => self.known.get(&info.key).cloned(),
            _ => None,
        })
    }

    /// How often a surface was read since it last changed.
    pub(crate) fn reads(&self, key: SurfaceKey) -> u32 {
        self.reads.get(&key).copied().unwrap_or(0)
    }

    /// What is known of all surfaces, to be saved.
    pub(super) fn made(&self) -> Vec<Made<&Recipe>> {
        let keys: BTreeSet<_> = self.known.keys().chain(self.reads.keys()).copied().collect();
        let made = |key| Made { key, reads: self.reads(key), recipe: self.known.get(&key) };
        keys.into_iter().map(made).collect()
    }

    /// Every step of all recipes.
    pub(super) fn all(&self) -> Vec<&Recipe> {
        let mut seen = BTreeSet::new();
        let (mut steps, mut next): (Vec<&Recipe>, Vec<&Recipe>) = (Vec::new(), self.known.values().collect());
        while let Some(step) = next.pop() {
            if seen.insert(Arc::as_ptr(step)) {
                steps.push(step);
                next.extend(step.before.iter().chain(step.sources.iter().flatten()));
            }
        }
        steps
    }

    /// A surface whose pixels came from elsewhere was made so there.
    pub(crate) fn restore(&mut self, made: Made) {
        let Made { key, reads, recipe } = made;
        if let Some(recipe) = recipe
            && self.known.len() < SURFACES
        {
            self.known.entry(key).or_insert(recipe);
        }
        if reads > 0 {
            self.reads.entry(key).or_insert(reads.min(MOST_READS));
        }
    }

    /// A surface has ended.
    pub(crate) fn ended(&mut self, key: SurfaceKey) {
        self.known.remove(&key);
        self.reads.remove(&key);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.reads.clear();
    }
}

/// What is known of one surface.
#[derive(Debug)]
pub(crate) struct Made<R = Recipe> {
    pub(super) key: SurfaceKey,
    /// How often it was read since it last changed.
    pub(super) reads: u32,
    pub(super) recipe: Option<R>,
}

/// Whether an operation may be a step.
fn is_step(task: &Task) -> bool {
    match &task.drawable.op {
        Op::Fill { rop, .. } | Op::Copy { rop, .. } => *rop == Ropd::PUT && is_plain(task),
        Op::Composite(_) => is_plain(task),
        _ => false,
    }
}
