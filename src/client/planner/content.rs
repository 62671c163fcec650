//! What pixels cost as images: estimates for each tile, made when they are asked for.

use super::cells::{TILE, tile, tiles_of};
use super::costs::{Coding, Costs};
use super::sample::{Picture, Rows, Sample};
use spice_raster::Rect;

/// Costs are counted in this part of a byte.
pub(super) const UNIT: u64 = 1024;

/// Bytes (in 1/[`UNIT`]) in a repeating and in a predicting coder.
pub(super) type Estimate = [u64; 2];

/// The tiles' estimates.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) costs: Costs,
    tiles: Rect,
    /// For each tile, the cost of all its pixels; `u32::MAX` where nobody has asked yet.
    known: Vec<[u32; 2]>,
}

impl Content {
    pub(super) fn reset(&mut self, bounds: Rect, costs: Costs) {
        self.costs = costs;
        self.tiles = tiles_of(bounds);
        self.known.clear();
        self.known.resize(self.tiles.area() as usize, [u32::MAX; 2]);
    }

    /// The cost of a rectangle's pixels. What lies beyond the tiles of the area counts as plain.
    pub(super) fn estimate<P: Sample>(&mut self, truth: &Picture<'_, P>, rect: Rect) -> Estimate {
        let mut sum = [0; 2];
        let tiles = tiles_of(rect);
        for ty in tiles.top..tiles.bottom {
            for tx in tiles.left..tiles.right {
                let part = tile(tx, ty).intersect(&rect).area();
                let whole = self.of_tile(truth, tx, ty);
                for (sum, whole) in sum.iter_mut().zip(whole) {
                    *sum += u64::from(whole) * part / (TILE * TILE) as u64;
                }
            }
        }
        sum
    }

    fn of_tile<P: Sample>(&mut self, truth: &Picture<'_, P>, tx: i32, ty: i32) -> [u32; 2] {
        let costs = [self.costs.repeating, self.costs.predicting];
        let t = self.tiles;
        if tx < t.left || tx >= t.right || ty < t.top || ty >= t.bottom {
            return costs.map(|c| c.plain.saturating_mul((TILE * TILE) as u32));
        }
        let at = (ty - t.top) as usize * t.width() as usize + (tx - t.left) as usize;
        if self.known[at][0] == u32::MAX {
            let (novel, pixels) = novel(truth, tile(tx, ty).intersect(&truth.bounds()));
            self.known[at] = costs.map(|c| whole_tile(c, novel, pixels));
        }
        self.known[at]
    }
}

/// The cost of a whole tile of which `novel` of `pixels` pixels are novel.
fn whole_tile(coding: Coding, novel: u64, pixels: u64) -> u32 {
    let each = if novel * 2 > pixels { coding.busy } else { coding.novel };
    let sum = novel * u64::from(each) + (pixels - novel) * u64::from(coding.plain);
    let sum = sum * (TILE * TILE) as u64 / pixels.max(1);
    sum.min(u64::from(u32::MAX - 1)) as u32
}

/// How many pixels of a rectangle differ from their left and from their upper neighbour, of how many. The first
/// column and row of the surface are left out.
fn novel<P: Sample>(truth: &Picture<'_, P>, rect: Rect) -> (u64, u64) {
    let (left, right) = (rect.left.max(1) as usize, rect.right as usize);
    let mask = truth.mask();
    let mut sum = 0;
    let top = rect.top.max(1);
    if left >= right || top >= rect.bottom {
        return (0, rect.area());
    }
    for y in top..rect.bottom {
        let (row, above) = (truth.pixels(y), truth.pixels(y - 1));
        let neighbours = row[left - 1..right - 1].iter().zip(&above[left..right]);
        let differs = |a: P, b: P| u32::from((a ^ b) & mask != P::default());
        let novel =
            row[left..right].iter().zip(neighbours).map(|(&p, (&l, &u))| differs(p, l) & differs(p, u));
        sum += u64::from(novel.sum::<u32>());
    }
    (sum, rect.area())
}
