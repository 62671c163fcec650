//! Drawing what a pass found, in order or side by side.
//!
//! Jobs get levels: a job's level is above those of the last writers of every surface that it reads, above those of
//! the last readers of its own surface, and not below that of the last writer of its own surface. So the jobs of one
//! level read nothing that the level writes, except that jobs of one surface follow each other. A level's surfaces
//! are cut into bands of rows, and each band draws its jobs in their order: what bands do at the same time never
//! meets. A job that needs all rows at once, or reads its own surface, has its surface for itself in its level,
//! unless all of it lies in one band.

use super::footprint;
use super::node::Node;
use super::options::Execution;
use super::stats::Times;
use crate::draw::exec::{self, Views, needs_whole_surface};
use crate::draw::surfaces::KeyMap;
use crate::draw::{Limits, Picture, Source, SurfaceKey, Task};
use crate::qxl::{BitmapData, BitmapFormat, Op};
use rayon::ThreadPool;
use spice_raster::{Raster, Rect, Surface, SurfaceMut};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

type Pixels = KeyMap<Surface>;

/// Bytes of converted sources, or such that are read for it, that one batch may hold at a time. CPU ms of xops_render
/// and of writer with 8, 4, 2 and 1 MiB: 11.6 and 65.6, 7.6 and 61.4, 8.0 and 58.8, 8.2 and 58.3 (3134, 1335, 1337,
/// 1337 and 13061, 11399, 10101, 10100 page faults).
const VIEW_BYTES: u64 = 1 << 20;
/// What decoding a pixel costs beside drawing it.
const DECODE_COST: u64 = 16;

/// What the jobs are drawn with.
pub(crate) struct Drawing<'a> {
    pub(crate) raster: Raster,
    pub(crate) limits: &'a Limits,
    pub(crate) execution: &'a Execution,
    /// Threads that draw, the caller's included; 0 for as many as the pool has that the caller runs in.
    pub(crate) threads: usize,
    /// Where those beside the caller's are; without it, in the pool that the caller runs in.
    pub(crate) pool: Option<&'a ThreadPool>,
    pub(crate) times: &'a mut Times,
}

impl Drawing<'_> {
    /// Draws jobs, given in their order, one after the other.
    pub(crate) fn in_order<'j>(&mut self, jobs: impl IntoIterator<Item = &'j Node>, pixels: &mut Pixels) {
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

    /// Draws jobs, given in their order, side by side where they do not meet.
    pub(crate) fn side_by_side(&mut self, jobs: &[&Node], pixels: &mut Pixels) {
        let mut plan = Plan::default();
        let mut jobs: Vec<(u32, &Node)> = jobs.iter().map(|job| (plan.level(job, self), *job)).collect();
        jobs.sort_by_key(|(level, _)| *level);
        let mut from = 0;
        while from < jobs.len() {
            let mut bytes = 0;
            let (mut to, mut work) = (from, 0);
            while to < jobs.len() && jobs[to].0 == jobs[from].0 {
                let task = &jobs[to].1.task;
                bytes += view_bytes(task);
                if bytes > VIEW_BYTES && to > from {
                    break;
                }
                work += cost(task);
                to += 1;
            }
            if work < self.execution.inline_pixels {
                self.in_order(jobs[from..to].iter().map(|(_, job)| *job), pixels);
            } else {
                let batch: Vec<&Node> = jobs[from..to].iter().map(|(_, job)| *job).collect();
                self.batch(&batch, pixels);
            }
            from = to;
        }
    }

    /// Draws jobs of one level.
    fn batch<'j>(&mut self, jobs: &[&'j Node], pixels: &mut Pixels) {
        let start = self.execution.timing.then(Instant::now);
        let (raster, limits, execution) = (self.raster, self.limits, self.execution);
        let mut targets: Vec<(SurfaceKey, Surface)> = Vec::new();
        let mut index_of: KeyMap<usize> = KeyMap::default();
        for job in jobs {
            let key = job.task.target.key;
            if !index_of.contains_key(&key)
                && let Some(surface) = pixels.remove(&key)
            {
                index_of.insert(key, targets.len());
                targets.push((key, surface));
            }
        }
        let pixels_read: &Pixels = pixels;
        // Sources first, each once. Most are there as they are; decoding and converting is worth another thread.
        let look = |job: &'j Node| {
            let task = &job.task;
            self_contained(task, execution)?;
            let (_, target) = targets.get(*index_of.get(&task.target.key)?)?;
            Views::new(raster, task, target, pixels_read, limits)
        };
        let mut views: Vec<Option<Views<'_>>> = Vec::new();
        if jobs.iter().map(|job| look_cost(&job.task)).sum::<u64>() < execution.inline_pixels {
            views.extend(jobs.iter().map(|job| look(job)));
        } else {
            views.resize_with(jobs.len(), || None);
            let units = views.iter_mut().zip(jobs).collect();
            self.share(units, |(view, job)| *view = look(job));
        }
        let decoded = self.execution.timing.then(Instant::now);

        let mut bins: Vec<Vec<Vec<u32>>> = targets
            .iter()
            .map(|(_, surface)| {
                vec![Vec::new(); surface.height().div_ceil(self.execution.band_rows(surface)) as usize]
            })
            .collect();
        let mut wholes: Vec<Option<u32>> = vec![None; targets.len()];
        for (i, job) in jobs.iter().enumerate() {
            let task = &job.task;
            let Some(&at) = index_of.get(&task.target.key) else { continue };
            let Some(rows) = self_contained(task, self.execution) else {
                wholes[at] = Some(i as u32);
                continue;
            };
            let band = self.execution.band_rows(&targets[at].1) as i32;
            let (first, last) = (rows.top.max(0) / band, (rows.bottom.max(1) - 1) / band);
            for bin in bins[at].iter_mut().take(last as usize + 1).skip(first as usize) {
                bin.push(i as u32);
            }
        }
        let mut units: Vec<Unit<'_>> = Vec::new();
        for (at, (_, surface)) in targets.iter_mut().enumerate() {
            if let Some(job) = wholes[at] {
                units.push(Unit::Whole(surface, job));
                continue;
            }
            let rows = self.execution.band_rows(surface);
            let bands = surface.bands_mut(rows).zip(std::mem::take(&mut bins[at]));
            units.extend(
                bands.filter(|(_, jobs)| !jobs.is_empty()).map(|(band, jobs)| Unit::Band(band, jobs)),
            );
        }
        self.share(units, |unit| match unit {
            Unit::Whole(surface, i) => {
                exec::draw(raster, &jobs[i as usize].task, surface, pixels_read, limits);
            }
            Unit::Band(mut band, list) => {
                for i in list {
                    if let Some(views) = &views[i as usize] {
                        exec::draw_band(raster, &jobs[i as usize].task, views, &mut band);
                    }
                }
            }
        });
        drop(views);
        pixels.extend(targets);
        if let (Some(start), Some(decoded)) = (start, decoded) {
            self.times.decode += decoded - start;
            self.times.draw += decoded.elapsed();
        }
    }

    /// Does what is to be done with each unit, in any order, on this thread and on others that have time.
    ///
    /// This thread does not wait for others to wake up, as it would for a parallel iterator outside the pool: in a
    /// virtual machine that takes as long as filling 100,000 pixels.
    fn share<T: Send>(&self, units: Vec<T>, work: impl Fn(T) + Sync) {
        if units.len() < 2 {
            return units.into_iter().for_each(work);
        }
        // Only here, as rayon starts its threads when it is asked how many they are: 0.3 to 0.5 ms of a small replay.
        let threads = if self.threads == 0 { rayon::current_num_threads() } else { self.threads };
        let helpers = threads.min(units.len()) - 1;
        let left = Mutex::new(units.into_iter());
        let take = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let run = || {
            while let Some(unit) = take() {
                work(unit)
            }
        };
        match self.pool {
            Some(pool) => pool.in_place_scope(|scope| with_helpers(scope, helpers, &run)),
            None => rayon::in_place_scope(|scope| with_helpers(scope, helpers, &run)),
        }
    }
}

/// Runs `run` on this thread, and on so many others as soon as they have time.
fn with_helpers<'s>(scope: &rayon::Scope<'s>, helpers: usize, run: &'s (impl Fn() + Sync)) {
    (0..helpers).for_each(|_| scope.spawn(|_| run()));
    run();
}

/// What one thread draws at a time.
enum Unit<'a> {
    Whole(&'a mut Surface, u32),
    Band(SurfaceMut<'a>, Vec<u32>),
}

impl Execution {
    /// Rows of a band.
    fn band_rows(&self, surface: &Surface) -> u32 {
        rows_of_band(self, surface.format().words_per_row(surface.width()) * 4)
    }
}

fn rows_of_band(execution: &Execution, row_bytes: usize) -> u32 {
    (execution.band_bytes / row_bytes.max(1)).clamp(1, 1 << 20) as u32
}

/// The rows that a task draws, if it may share its surface with others of its level; `None` if it wants the surface
/// for itself.
fn self_contained(task: &Task, execution: &Execution) -> Option<Rect> {
    let rows = footprint::bounds(task, footprint::extent(task));
    if !needs_whole_surface(task) {
        return Some(rows);
    }
    let band = rows_of_band(execution, task.target.format.words_per_row(task.target.width) * 4) as i32;
    let one_band = rows.top >= 0 && rows.bottom > rows.top && rows.top / band == (rows.bottom - 1) / band;
    // Copies inside a surface are not drawn by bands.
    (one_band && exec::move_within(task).is_none()).then_some(rows)
}

/// What it costs to look at a task's source, in pixels of a plain fill or copy.
fn look_cost(task: &Task) -> u64 {
    match &task.src {
        Source::Picture(p) if p.bitmap_if_decoded().is_none() => pixels_made(p) * DECODE_COST,
        Source::Picture(p) => pixels_made(p),
        Source::Surface(info) if info.format.bits_per_pixel() != task.target.format.bits_per_pixel() => {
            u64::from(info.width) * u64::from(info.height)
        }
        _ => 0,
    }
}

/// Pixels that are decoded, converted or read before a picture can be drawn from; 0 if it is drawn from as it is.
pub(crate) fn pixels_made(picture: &Picture) -> u64 {
    let as_is = picture.bitmap_if_decoded().is_some_and(|bitmap| {
        matches!(bitmap.format, BitmapFormat::Bit32 | BitmapFormat::Rgba)
            && matches!(bitmap.data, BitmapData::Held(_))
    });
    if as_is { 0 } else { u64::from(picture.width()) * u64::from(picture.height()) }
}

/// What a task costs, in pixels of a plain fill or copy; decoding is counted in.
pub(crate) fn cost(task: &Task) -> u64 {
    // Roughly: what takes ten times as long as a fill needs no more care than what takes eight times as long.
    let pixel = match &task.drawable.op {
        Op::Composite(c) if c.src_transform.is_some() || c.mask_transform.is_some() => 32,
        Op::Composite(_) => 8,
        Op::AlphaBlend { .. } | Op::Transparent { .. } | Op::Text { .. } | Op::Stroke { .. } => 4,
        _ if task.is_scaled() => 8,
        _ => 1,
    };
    // What a call costs, whatever it draws.
    task.clip.area() * pixel + look_cost(task) + 64
}

/// Bytes that the views of a task may take.
fn view_bytes(task: &Task) -> u64 {
    task.given()
        .map(|source| match source {
            Source::None => 0,
            Source::Picture(p) => pixels_made(p) * 4,
            Source::Surface(info) if info.key == task.target.key => info.bytes(),
            Source::Surface(info) if info.format == task.target.format => 0,
            Source::Surface(info) => u64::from(info.width) * u64::from(info.height) * 4,
            Source::SelfBitmap(area) => area.area() * 4,
            Source::Black { width, height } => u64::from(*width) * u64::from(*height) * 4,
        })
        .sum()
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
