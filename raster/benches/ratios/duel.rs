//! Ours beside pixman's, and each beside itself.

use super::place::random;
use super::race::{Board, Side, enough, median};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Places in memory that the pictures of a row get one after the other, and rounds on each of them.
const PLACES: usize = 5;
const ROUNDS: usize = 5;

/// How often one side is as fast as another.
#[derive(Clone, Copy, Debug)]
struct Ratio {
    /// The median of what was timed side by side.
    usual: f64,
    /// Of the times that are the tenth part from the shortest: when nobody else used the core's other half.
    quiet: f64,
}

/// Times of two sides, of the same round.
#[derive(Default)]
struct Race {
    one: Vec<f64>,
    other: Vec<f64>,
}

impl Race {
    /// One, the other, the other, one: nobody is first more often, and what drifts hits both.
    fn round(&mut self, one: Side, other: Side, mut run: impl FnMut(Side) -> f64) {
        let [a, b, c, d] = [one, other, other, one].map(&mut run);
        self.one.extend([a, d]);
        self.other.extend([b, c]);
    }

    fn ratio(&self) -> Ratio {
        let sums = self.one.chunks(2).zip(self.other.chunks(2));
        let usual = median(sums.map(|(one, other)| other.iter().sum::<f64>() / one.iter().sum::<f64>()));
        let short = |times: &[f64]| {
            let mut times = times.to_vec();
            times.sort_by(f64::total_cmp);
            times[times.len() / 10]
        };
        Ratio { usual, quiet: short(&self.other) / short(&self.one) }
    }
}

/// Their times to ours, and those of each side to itself, `controls` times: measured the same way, on the same pictures, in
/// the same rounds.
fn duel(make: &dyn Fn() -> Board<'static>, controls: usize) -> (Ratio, Vec<Ratio>) {
    let both = [Side::Ours, Side::Theirs];
    let mut duel = Race::default();
    let mut own: Vec<_> = (0..controls).flat_map(|_| both).map(|side| (side, Race::default())).collect();
    for _ in 0..PLACES {
        // What the pictures are allocated behind, so that they do not get the same place again.
        let space = vec![1u8; random(1 << 16) as usize];
        let mut board = make();
        let times = both.map(|side| enough(&mut |times| board(side, times)));
        let mut run = |side: Side| board(side, times[side as usize]);
        for _ in 0..ROUNDS {
            duel.round(Side::Ours, Side::Theirs, &mut run);
            own.iter_mut().for_each(|(side, race)| race.round(*side, *side, &mut run));
        }
        drop(space);
    }
    (duel.ratio(), own.iter().map(|(_, race)| race.ratio()).collect())
}

/// All races against pixman.
#[derive(Default)]
pub(crate) struct Duels {
    /// How often each side races against itself.
    controls: usize,
    /// How those of a row ended, run after run: the ratio, and how far the same code was from itself.
    results: RefCell<BTreeMap<String, Vec<[Ratio; 2]>>>,
}

impl Duels {
    pub(crate) fn new(controls: usize) -> Self {
        Self { controls, ..Self::default() }
    }

    /// Runs those of a row, and tells how they ended.
    pub(crate) fn run(&self, name: &str, make: &dyn Fn() -> Board<'static>) -> String {
        let (ratio, controls) = duel(make, self.controls);
        let away = |f: fn(&Ratio) -> f64| controls.iter().map(|c| (f(c) - 1.0).abs()).fold(0.0, f64::max);
        let spread = Ratio { usual: away(|r| r.usual), quiet: away(|r| r.quiet) };
        self.results.borrow_mut().entry(name.to_owned()).or_default().push([ratio, spread]);
        self.text(&ratio, &spread)
    }

    fn text(&self, ratio: &Ratio, spread: &Ratio) -> String {
        match self.controls {
            0 => format!("{:>9.2} {:>9.2}", ratio.usual, ratio.quiet),
            _ => format!(
                "{:>9.3} {:>9.3} +-{:.3} +-{:.3}",
                ratio.usual, ratio.quiet, spread.usual, spread.quiet
            ),
        }
    }

    /// The rows that are slower than pixman, in the median of the runs.
    pub(crate) fn print(&self) {
        let results = self.results.borrow();
        let median_of = |runs: &[[Ratio; 2]], i: usize| Ratio {
            usual: median(runs.iter().map(|run| run[i].usual)),
            quiet: median(runs.iter().map(|run| run[i].quiet)),
        };
        let mut rows: Vec<_> =
            results.iter().map(|(name, runs)| (name, median_of(runs, 0), median_of(runs, 1))).collect();
        rows.sort_by(|a, b| a.1.usual.min(a.1.quiet).total_cmp(&b.1.usual.min(b.1.quiet)));
        let count = |f: fn(&Ratio, &Ratio) -> bool| rows.iter().filter(|row| f(&row.1, &row.2)).count();
        println!(
            "\n{} rows with pixman, medians of {} runs",
            rows.len(),
            results.values().map(Vec::len).max().unwrap_or(0)
        );
        println!(
            "slower than pixman: {}, on a quiet core {}; by more than the same code differs from itself: {}, {}",
            count(|ratio, _| ratio.usual < 1.0),
            count(|ratio, _| ratio.quiet < 1.0),
            count(|ratio, spread| ratio.usual < 1.0 - spread.usual),
            count(|ratio, spread| ratio.quiet < 1.0 - spread.quiet),
        );
        for (name, ratio, spread) in rows.iter().take_while(|row| row.1.usual.min(row.1.quiet) < 1.0) {
            println!("{name:<34} {}", self.text(ratio, spread));
        }
    }
}
