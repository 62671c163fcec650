//! Races: what is timed in turn, and the table of their ratios.

#[cfg(feature = "system-pixman")]
use super::duel::Duels;
use spice_raster::{Raster, Surface, SurfaceFormat};
use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

const LIMIT: u64 = 1 << 28;
/// What the columns of libpixman show where it does not run.
const NOBODY: &str = "        -         -";

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
fn line(words: usize) -> Surface {
    surface(SurfaceFormat::A8R8G8B8, words as u32, 1, |v| v as u32)
}

/// Seconds that a call takes, after one that is not counted: whatever ran before has left the caches as it likes them.
pub(crate) fn time(times: u32, run: &mut dyn FnMut()) -> f64 {
    run();
    let start = Instant::now();
    (0..times).for_each(|_| run());
    start.elapsed().as_secs_f64() / f64::from(times)
}

/// As many calls as take 200 microseconds.
pub(crate) fn enough(run: &mut dyn FnMut(u32) -> f64) -> u32 {
    run(3);
    (200e-6 / run(3)).clamp(1.0, 20000.0) as u32
}

pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Median seconds of `ours`, and of the ratio of `memcpy` of so many bytes to it, by turns.
pub(crate) fn race(bytes: usize, ours: &mut dyn FnMut(u32) -> f64) -> (f64, f64) {
    let (from, mut to) = (line(bytes / 4), line(bytes / 4));
    let mut memcpy = || black_box(to.view_mut().row(0)).copy_from_slice(black_box(from.view().row(0)));
    let mut copy = |times| time(times, &mut memcpy);
    let (copies, times) = (enough(&mut copy), enough(ours));
    let rounds: Vec<_> = (0..41).map(|_| (copy(copies), ours(times))).collect();
    (median(rounds.iter().map(|r| r.1)), median(rounds.iter().map(|r| r.0 / r.1)))
}

/// Who draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    #[cfg(feature = "system-pixman")]
    Theirs,
}

/// Pictures on which both sides draw the same, a number of times; tells the seconds that each takes.
pub(crate) type Board<'a> = Box<dyn FnMut(Side, u32) -> f64 + 'a>;

/// Prints a line for each race.
pub(crate) struct Table {
    pub(crate) raster: Raster,
    /// Only lines whose name has this in it.
    pub(crate) only: String,
    /// Races against pixman, and how they end.
    #[cfg(feature = "system-pixman")]
    pub(crate) duels: Duels,
}

impl Table {
    /// Whether a line is wanted.
    pub(crate) fn has(&self, name: &str) -> bool {
        name.contains(&self.only)
    }

    /// Prints a line: our speed, and its ratio to memcpy of the destination's bytes.
    pub(crate) fn line(&self, name: &str, bytes: usize, goal: &str, ours: &mut dyn FnMut()) {
        if self.has(name) {
            self.print(name, bytes, goal, &mut |times| time(times, ours), NOBODY);
        }
    }

    /// As [`Table::line`] for what is drawn on a board, with the ratio to pixman's speed where that is built in.
    pub(crate) fn duel(&self, name: &str, bytes: usize, goal: &str, make: &dyn Fn() -> Board<'static>) {
        if !self.has(name) {
            return;
        }
        #[cfg(feature = "system-pixman")]
        let opponent = self.duels.run(name, make);
        #[cfg(not(feature = "system-pixman"))]
        let opponent = NOBODY.to_owned();
        let mut board = make();
        self.print(name, bytes, goal, &mut |times| board(Side::Ours, times), &opponent);
    }

    fn print(&self, name: &str, bytes: usize, goal: &str, ours: &mut dyn FnMut(u32) -> f64, opponent: &str) {
        let (seconds, ratio) = race(bytes, ours);
        let speed = bytes as f64 / seconds / 1e9;
        println!("{name:<34} {speed:>7.1} {ratio:>9.2} {opponent}  {goal}");
    }
}
