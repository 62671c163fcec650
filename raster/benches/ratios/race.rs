//! Races: what is timed in turn, and the table of their ratios.

use spice_raster::{Raster, Surface, SurfaceFormat};
use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

const LIMIT: u64 = 1 << 28;

pub(crate) fn surface(format: SurfaceFormat, width: u32, height: u32, pixel: impl Fn(u64) -> u32) -> Surface {
    surface_of_rows(format, width, height, 0..height, pixel)
}

/// A surface in which the other rows are never touched, so that there is no memory behind them.
pub(crate) fn surface_of_rows(
    format: SurfaceFormat,
    width: u32,
    height: u32,
    rows: Range<u32>,
    pixel: impl Fn(u64) -> u32,
) -> Surface {
    let mut surface = Surface::new(format, width, height, LIMIT).expect("bench surfaces are small");
    let mut state = 1u64;
    for y in rows {
        for p in surface.view_mut().row(y) {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            *p = pixel(state >> 17);
        }
    }
    surface
}

/// Words that start with a cache line, for everybody the same.
pub(crate) fn line(words: usize) -> Surface {
    surface(SurfaceFormat::A8R8G8B8, words as u32, 1, |v| v as u32)
}

pub(crate) fn memcpy(to: &mut Surface, from: &Surface) {
    black_box(to.view_mut().row(0)).copy_from_slice(black_box(from.view().row(0)));
}

/// Median seconds of each runner, and of the ratio of each to the first, interleaved.
pub(crate) fn race(runners: &mut [&mut dyn FnMut()]) -> (Vec<f64>, Vec<f64>) {
    let time = |run: &mut dyn FnMut(), times: u32| {
        let start = Instant::now();
        (0..times).for_each(|_| run());
        start.elapsed().as_secs_f64() / f64::from(times)
    };
    let times: Vec<u32> = runners
        .iter_mut()
        .map(|run| {
            time(run, 3);
            (200e-6 / time(run, 3)).clamp(1.0, 20000.0) as u32
        })
        .collect();
    let rounds: Vec<Vec<f64>> =
        (0..41).map(|_| runners.iter_mut().zip(&times).map(|(run, &n)| time(run, n)).collect()).collect();
    let median = |mut v: Vec<f64>| {
        v.sort_by(f64::total_cmp);
        v[v.len() / 2]
    };
    let column = |f: &dyn Fn(&[f64]) -> f64| median(rounds.iter().map(|r| f(r)).collect());
    let count = runners.len();
    ((0..count).map(|i| column(&|r| r[i])).collect(), (0..count).map(|i| column(&|r| r[0] / r[i])).collect())
}

/// Prints a line for each race.
pub(crate) struct Table {
    pub(crate) raster: Raster,
    /// Only lines whose name has this in it.
    pub(crate) only: String,
}

impl Table {
    /// Whether a line is wanted.
    pub(crate) fn has(&self, name: &str) -> bool {
        name.contains(&self.only)
    }

    /// Prints a line: our speed, and its ratio to memcpy of the destination's bytes and to an opponent.
    pub(crate) fn line(
        &self,
        name: &str,
        bytes: usize,
        goal: &str,
        ours: &mut dyn FnMut(),
        theirs: Option<&mut dyn FnMut()>,
    ) {
        if !self.has(name) {
            return;
        }
        let (from, mut to) = (line(bytes / 4), line(bytes / 4));
        let mut copy = || memcpy(&mut to, &from);
        let (seconds, ratios) = match theirs {
            Some(theirs) => race(&mut [&mut copy, ours, theirs]),
            None => race(&mut [&mut copy, ours]),
        };
        let pixman = seconds.get(2).map_or(String::from("-"), |t| format!("{:.2}", t / seconds[1]));
        let speed = bytes as f64 / seconds[1] / 1e9;
        println!("{name:<34} {speed:>7.1} {:>9.2} {pixman:>9}  {goal}", ratios[1]);
    }
}

/// All pixels in one line of words.
#[cfg(feature = "system-pixman")]
pub(crate) fn words(surface: &Surface) -> Surface {
    words_of_rows(surface, 0..surface.height())
}

/// As [`words`], without the pixels of other rows.
#[cfg(feature = "system-pixman")]
pub(crate) fn words_of_rows(surface: &Surface, rows: Range<u32>) -> Surface {
    let row = surface.format().words_per_row(surface.width());
    let len = (row * surface.height() as usize) as u32;
    let mut words = surface_of_rows(SurfaceFormat::A8R8G8B8, len, 1, 0..0, |_| 0);
    for y in rows {
        let to = row * y as usize;
        words.view_mut().row(0)[to..to + row].copy_from_slice(surface.view().row(y));
    }
    words
}

#[cfg(feature = "system-pixman")]
pub(crate) fn image<'a>(format: u32, like: &Surface, words: &'a mut [u32]) -> bench_pixman::Pixels<'a> {
    let stride = like.format().words_per_row(like.width());
    bench_pixman::Pixels::new(format, like.width(), like.height(), stride, words)
}
