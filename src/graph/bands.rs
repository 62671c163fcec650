//! Where a surface is cut into bands of rows, each of which one thread draws at a time.
//!
//! Cuts follow the work, not the rows: most of what a frame draws lies in a part of the screen, and a band with half of
//! it would leave the other threads waiting.

use spice_raster::Rect;

/// More slices than that tell nothing more about where the work is.
const SLICES: u32 = 1024;

/// The work of a batch on one surface, by slices of rows.
#[derive(Debug)]
pub(crate) struct Bands {
    height: u32,
    /// Rows of a slice.
    slice: u32,
    /// What each slice costs more than the one above it (less, wrapped around).
    steps: Vec<u64>,
    /// How many more jobs that must not be cut go on from the slice above it (fewer, wrapped around).
    joins: Vec<u32>,
    /// What is drawn, and on which rows.
    jobs: Vec<(u32, Rect)>,
}

/// Rows of a surface that one thread draws.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Band {
    /// How many.
    pub(crate) rows: u32,
    /// What is drawn there, in its order.
    pub(crate) jobs: Vec<u32>,
}

impl Bands {
    /// A surface of so many rows with nothing to do.
    pub(crate) fn new(height: u32) -> Self {
        let slice = height.div_ceil(SLICES).max(1);
        let slices = height.div_ceil(slice) as usize;
        Self { height, slice, steps: vec![0; slices + 1], joins: vec![0; slices + 1], jobs: Vec::new() }
    }

    /// A job that costs so much is drawn on these rows; if it is `whole`, in one band.
    pub(crate) fn add(&mut self, job: u32, rows: Rect, cost: u64, whole: bool) {
        let (top, bottom) = (rows.top.max(0) as u32, (rows.bottom.max(0) as u32).min(self.height));
        if top >= bottom {
            return;
        }
        let (first, last) = ((top / self.slice) as usize, ((bottom - 1) / self.slice) as usize);
        let each = cost / (last - first + 1) as u64;
        self.steps[first] = self.steps[first].wrapping_add(each);
        self.steps[last + 1] = self.steps[last + 1].wrapping_sub(each);
        if whole {
            self.joins[first + 1] = self.joins[first + 1].wrapping_add(1);
            self.joins[last + 1] = self.joins[last + 1].wrapping_sub(1);
        }
        self.jobs.push((job, rows));
    }

    /// Bands from the top to the bottom, each of about so much work or so many rows, whichever is less.
    pub(crate) fn cut(&mut self, work: u64, rows: u32) -> Vec<Band> {
        let ends = self.ends(work, rows);
        let mut top = 0;
        let heights = ends.iter().map(|end| end - std::mem::replace(&mut top, *end));
        let mut bands: Vec<Band> = heights.map(|rows| Band { rows, jobs: Vec::new() }).collect();
        for (job, rows) in self.jobs.drain(..) {
            let first = ends.partition_point(|end| i64::from(*end) <= i64::from(rows.top));
            let last = ends.partition_point(|end| i64::from(*end) < i64::from(rows.bottom));
            bands[first..].iter_mut().take(last - first + 1).for_each(|band| band.jobs.push(job));
        }
        bands
    }

    /// The row below each band.
    fn ends(&self, work: u64, rows: u32) -> Vec<u32> {
        let mut ends = Vec::new();
        let (mut begun, mut done) = (0, 0);
        let (mut cost, mut joined) = (0u64, 0u32);
        for (i, (step, join)) in self.steps.iter().zip(&self.joins).enumerate() {
            let row = (i as u32 * self.slice).min(self.height);
            joined = joined.wrapping_add(*join);
            let enough = done >= work || row - begun >= rows || row == self.height;
            if row > begun && joined == 0 && enough {
                ends.push(row);
                (begun, done) = (row, 0);
            }
            cost = cost.wrapping_add(*step);
            done += cost;
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qxl::testing::Rng;

    #[test]
    fn bands_cover_the_surface_and_cut_no_whole_job() {
        for seed in 0..2000 {
            let mut rng = Rng::seeded(seed);
            let height = rng.pick(&[1, 2, 77, 768, 1024, 1025, 5000]);
            let mut bands = Bands::new(height);
            let mut jobs = Vec::new();
            for job in 0..rng.range(0, 20) {
                let top = rng.range(-10, height as i32);
                let rows = Rect::new(0, top, 1, top + rng.range(1, 60));
                let whole = rng.range(0, 3) == 0;
                bands.add(job as u32, rows, rng.range(0, 100_000) as u64, whole);
                jobs.push((job as u32, rows, whole));
            }
            let cut = bands.cut(rng.pick(&[0, 1000, 1 << 40]), rng.pick(&[1, 7, 64, 100_000]));
            assert!(
                cut.iter().all(|band| band.rows > 0 && band.jobs.is_sorted()),
                "SPICE_RENDER_SEED={seed}: {cut:?}"
            );
            assert_eq!(cut.iter().map(|band| band.rows).sum::<u32>(), height, "SPICE_RENDER_SEED={seed}");
            for (job, rows, whole) in jobs {
                let mut bottom = 0;
                let mut there = 0;
                for band in &cut {
                    let top = bottom;
                    bottom += band.rows as i32;
                    let meets = rows.top < bottom && rows.bottom > top;
                    assert_eq!(
                        band.jobs.contains(&job),
                        meets,
                        "SPICE_RENDER_SEED={seed}: {job} {rows:?} in {cut:?}"
                    );
                    there += u32::from(meets);
                }
                assert!(!whole || there <= 1, "SPICE_RENDER_SEED={seed}: {job} {rows:?} in {cut:?}");
            }
        }
    }

    #[test]
    fn bands_have_the_same_work_each() {
        let mut bands = Bands::new(768);
        bands.add(0, Rect::new(0, 0, 1, 768), 768, false);
        bands.add(1, Rect::new(0, 100, 1, 200), 100_000, false);
        let cut: Vec<(u32, usize)> =
            bands.cut(25_000, 768).into_iter().map(|band| (band.rows, band.jobs.len())).collect();
        assert_eq!(cut, [(125, 2), (25, 2), (25, 2), (25, 2), (568, 1)]);
    }
}
