//! Drawing what a pass found, in order or side by side.
//!
//! Jobs get levels: a job's level is above those of the last writers of every surface that it reads, above those of
//! the last readers of its own surface, and not below that of the last writer of its own surface. So the jobs of one
//! level read nothing that the level writes, except that jobs of one surface follow each other. A level's surfaces
//! are cut into bands of rows ([`Bands`]), and each band draws its jobs in their order: what bands do at the same time
//! never meets. A job that needs all its rows at once lies in one band; if it is higher than a band, or moves pixels
//! within its surface, it has its surface for itself in its level.

use super::bands::Bands;
use super::cost;
use super::footprint;
use super::node::Node;
use super::options::Execution;
use super::stats::Times;
use super::threads::Threads;
use crate::draw::exec::{self, Views, needs_whole_surface};
use crate::draw::surfaces::KeyMap;
use crate::draw::{Limits, SurfaceKey, Task};
use crate::trace::span;
use spice_raster::{Raster, Rect, Surface, SurfaceFormat, SurfaceMut};
use std::time::Instant;

type Pixels = KeyMap<Surface>;

/// Bytes of converted sources, or such that are read for it, that one batch may hold at a time. CPU ms of xops_render
/// and of writer with 8, 4, 2 and 1 MiB: 11.6 and 65.6, 7.6 and 61.4, 8.0 and 58.8, 8.2 and 58.3 (3134, 1335, 1337,
/// 1337 and 13061, 11399, 10101, 10100 page faults).
const VIEW_BYTES: u64 = 1 << 20;
/// Bands that a thread draws of a batch.
const UNITS: usize = 8;
/// Work that is not cut further: 2 us. (That of tests is small.)
const LEAST_UNIT: u64 = if cfg!(test) { 1 << 10 } else { 1 << 14 };

/// A thread that is awake is worth sharing so many times less work with.
const AWAKE: u64 = 32;

/// What the jobs are drawn with.
pub(crate) struct Drawing<'a> {
    pub(crate) raster: Raster,
    pub(crate) limits: &'a Limits,
    pub(crate) execution: &'a Execution,
    pub(crate) threads: Threads<'a>,
    /// Whether one of the others is awake, and will have time.
    pub(crate) awake: bool,
    pub(crate) times: &'a mut Times,
}

impl Drawing<'_> {
    /// Draws jobs, given in their order, as suits them best.
    pub(crate) fn all(&mut self, jobs: &[&Node], pixels: &mut Pixels) {
        span!("spice_render_draw", commands = jobs.len());
        if self.threads.count == 1 {
            return self.in_order(jobs.iter().copied(), pixels);
        }
        let costs: Vec<u64> = jobs.iter().map(|job| cost::cost(&job.task)).collect();
        if costs.iter().sum::<u64>() < self.least().max(self.execution.alone_pixels) {
            return self.in_order(jobs.iter().copied(), pixels);
        }
        self.side_by_side(jobs, &costs, pixels);
    }

    /// Draws jobs, given in their order, one after the other.
    fn in_order<'j>(&mut self, jobs: impl IntoIterator<Item = &'j Node>, pixels: &mut Pixels) {
        // The surface that was drawn on last stays out of the map as long as the next job has it as target.
        let mut held: Option<(SurfaceKey, Surface)> = None;
        for job in jobs {
            let task = &job.task;
            if held.as_ref().is_none_or(|(key, _)| *key != task.target.key) {
                pixels.extend(held.take());
                held = pixels.remove_entry(&task.target.key);
            }
            let Some((_, target)) = &mut held else { continue };
            if !self.execution.timing {
                exec::draw(self.raster, task, target, pixels, self.limits);
                continue;
            }
            let start = Instant::now();
            if needs_whole_surface(task) {
                exec::draw(self.raster, task, target, pixels, self.limits);
                self.times.draw += start.elapsed();
                continue;
            }
            let views = Views::new(self.raster, task, target, pixels, self.limits);
            self.times.decode += start.elapsed();
            let start = Instant::now();
            if let Some(views) = views {
                exec::draw_band(self.raster, task, &views, &mut target.view_mut());
            }
            self.times.draw += start.elapsed();
        }
        pixels.extend(held);
    }

    /// Draws jobs, given in their order with what each costs, side by side where they do not meet.
    fn side_by_side(&mut self, jobs: &[&Node], costs: &[u64], pixels: &mut Pixels) {
        let mut plan = Plan::default();
        let mut levels: Vec<u64> = Vec::new();
        let mut leveled: Vec<(u32, &Node, u64)> = Vec::with_capacity(jobs.len());
        for (job, cost) in jobs.iter().zip(costs) {
            let level = plan.level(job, self);
            levels.resize(levels.len().max(level as usize + 1), 0);
            levels[level as usize] += cost;
            leveled.push((level, job, *cost));
        }
        if levels.iter().all(|work| *work < self.least()) {
            // What was drawn last is in the cache: its readers had better be next.
            return self.in_order(jobs.iter().copied(), pixels);
        }
        leveled.sort_by_key(|(level, ..)| *level);
        let mut from = 0;
        while from < leveled.len() {
            let mut bytes = 0;
            let (mut to, mut work) = (from, 0);
            while to < leveled.len() && leveled[to].0 == leveled[from].0 {
                let (_, job, cost) = leveled[to];
                bytes += cost::view_bytes(&job.task);
                if bytes > VIEW_BYTES && to > from {
                    break;
                }
                work += cost;
                to += 1;
            }
            let batch = leveled[from..to].iter().map(|(_, job, _)| *job);
            if work < self.least() {
                self.in_order(batch, pixels);
            } else {
                let batch: Vec<&Node> = batch.collect();
                self.batch(&batch, pixels);
            }
            from = to;
        }
    }

    /// Draws jobs of one level.
    fn batch<'j>(&mut self, jobs: &[&'j Node], pixels: &mut Pixels) {
        let start = self.execution.timing.then(Instant::now);
        let (raster, limits, execution) = (self.raster, self.limits, self.execution);
        let mut targets: Vec<Target> = Vec::new();
        let mut index_of: KeyMap<usize> = KeyMap::default();
        for job in jobs {
            let key = job.task.target.key;
            if !index_of.contains_key(&key)
                && let Some(surface) = pixels.remove(&key)
            {
                index_of.insert(key, targets.len());
                targets.push(Target { key, bands: Bands::new(surface.height()), surface, whole: None });
            }
        }
        let pixels_read: &Pixels = pixels;
        // Sources first, each once. Most are there as they are; decoding and converting is worth another thread.
        let look = |job: &'j Node| {
            let task = &job.task;
            self_contained(task, execution)?;
            let target = targets.get(*index_of.get(&task.target.key)?)?;
            Views::new(raster, task, &target.surface, pixels_read, limits)
        };
        let mut views: Vec<Option<Views<'_>>> = Vec::new();
        let looks = jobs.iter().map(|job| cost::looking(&job.task)).sum::<u64>();
        if looks < self.least() {
            views.extend(jobs.iter().map(|job| look(job)));
        } else {
            views.resize_with(jobs.len(), || None);
            let units = views.iter_mut().zip(jobs).collect();
            self.threads.share(self.helpers(looks), units, |(view, job)| *view = look(job));
        }
        let decoded = self.execution.timing.then(Instant::now);

        let mut work = 0;
        for (i, job) in (0..).zip(jobs) {
            let task = &job.task;
            let Some(target) = index_of.get(&task.target.key).and_then(|at| targets.get_mut(*at)) else {
                continue;
            };
            let drawing = cost::drawing(task);
            match self_contained(task, execution) {
                Some(rows) => target.bands.add(i, rows, drawing, needs_whole_surface(task)),
                None => target.whole = Some(i),
            }
            work += drawing;
        }
        let helpers = self.helpers(work);
        let each = (work / ((helpers + 1) * UNITS) as u64).max(LEAST_UNIT);
        let units = targets.iter_mut().flat_map(|target| target.units(each, execution)).collect();
        self.threads.share(helpers, units, |unit| match unit {
            Unit::Whole(surface, i) => {
                exec::draw(raster, &jobs[i as usize].task, surface, pixels_read, limits);
            }
            Unit::Band(mut band, jobs_there) => {
                for i in jobs_there {
                    if let Some(views) = &views[i as usize] {
                        exec::draw_band(raster, &jobs[i as usize].task, views, &mut band);
                    }
                }
            }
        });
        drop(views);
        pixels.extend(targets.into_iter().map(|target| (target.key, target.surface)));
        if let (Some(start), Some(decoded)) = (start, decoded) {
            self.times.decode += decoded - start;
            self.times.draw += decoded.elapsed();
        }
    }

    /// Less work than that is not shared.
    fn least(&self) -> u64 {
        self.execution.inline_pixels / if self.awake { AWAKE } else { 1 }
    }

    /// How many threads beside this one so much work is worth.
    fn helpers(&self, work: u64) -> usize {
        // Each is woken by this one, which takes 10 us.
        let woken = 2 * work / self.execution.inline_pixels.max(1);
        self.threads.others(woken.max(u64::from(self.awake)))
    }
}

/// What one thread draws at a time.
enum Unit<'a> {
    Whole(&'a mut Surface, u32),
    Band(SurfaceMut<'a>, Vec<u32>),
}

/// A surface that a batch draws on.
struct Target {
    key: SurfaceKey,
    surface: Surface,
    /// The job that has it for itself.
    whole: Option<u32>,
    bands: Bands,
}

impl Target {
    /// What is to be drawn on it, in parts of about so much work.
    fn units(&mut self, work: u64, execution: &Execution) -> Vec<Unit<'_>> {
        if let Some(job) = self.whole {
            return vec![Unit::Whole(&mut self.surface, job)];
        }
        let most = rows_of_band(execution, self.surface.format(), self.surface.width());
        let bands = self.bands.cut(work, most);
        let rows: Vec<u32> = bands.iter().map(|band| band.rows).collect();
        let parts = self.surface.bands_mut(rows).zip(bands);
        parts
            .filter(|(_, band)| !band.jobs.is_empty())
            .map(|(part, band)| Unit::Band(part, band.jobs))
            .collect()
    }
}

/// Rows of a band, at most.
fn rows_of_band(execution: &Execution, format: SurfaceFormat, width: u32) -> u32 {
    let row_bytes = format.words_per_row(width) * 4;
    (execution.band_bytes / row_bytes.max(1)).clamp(1, 1 << 20) as u32
}

/// The rows that a task draws, if it may share its surface with others of its level; `None` if it wants the surface
/// for itself.
fn self_contained(task: &Task, execution: &Execution) -> Option<Rect> {
    let rows = footprint::bounds(task, footprint::extent(task));
    if !needs_whole_surface(task) {
        return Some(rows);
    }
    let most = rows_of_band(execution, task.target.format, task.target.width);
    // Copies inside a surface are not drawn by bands.
    (rows.height() <= most && exec::move_within(task).is_none()).then_some(rows)
}

/// The levels so far of one surface.
#[derive(Clone, Copy, Default)]
struct Levels {
    /// A job that draws on it cannot be below this.
    write: u32,
    /// A job that reads it from another surface cannot be below this.
    read: u32,
    /// A job that wants it for itself cannot be below this.
    alone: u32,
}

#[derive(Default)]
struct Plan {
    surfaces: KeyMap<Levels>,
}

impl Plan {
    /// The level of the next job.
    fn level(&mut self, job: &Node, drawing: &Drawing<'_>) -> u32 {
        let task = &job.task;
        let target = self.surfaces.get(&task.target.key).copied().unwrap_or_default();
        let alone =
            self_contained(task, drawing.execution).is_none() || (job.reads && footprint::reads_itself(task));
        let mut level = if alone { target.alone } else { target.write };
        if job.reads {
            footprint::each_other(task, |key| {
                level = level.max(self.surfaces.get(&key).map_or(0, |s| s.read))
            });
            footprint::each_other(task, |key| {
                let source = self.surfaces.entry(key).or_default();
                source.write = source.write.max(level + 1);
                source.alone = source.alone.max(level + 1);
            });
        }
        let target = self.surfaces.entry(task.target.key).or_default();
        target.write = target.write.max(level + u32::from(alone));
        target.read = target.read.max(level + 1);
        target.alone = target.alone.max(level + 1);
        level
    }
}
