//! Pixels that may have changed, at the price of a few instructions for each operation: a bit for each tile.

use spice_raster::{Rect, Region};

/// Side of a tile in pixels, as a power of two.
const SHIFT: u32 = 4;

/// A set of tiles of a surface; what is marked is rounded up to whole tiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    bounds: Rect,
    words: usize,
    bits: Vec<u64>,
    any: bool,
}

impl Damage {
    /// Nothing of a surface of this size.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        let tiles = |n: u32| (u64::from(n)).div_ceil(1 << SHIFT) as usize;
        let words = tiles(width).div_ceil(64);
        Self { bounds: Rect::of_size(width, height), words, bits: vec![0; words * tiles(height)], any: false }
    }

    /// Marks a rectangle.
    pub(crate) fn add(&mut self, rect: Rect) {
        let rect = rect.intersect(&self.bounds);
        if rect.is_empty() {
            return;
        }
        self.any = true;
        let (first, last) = (rect.left as usize >> SHIFT, (rect.right as usize - 1) >> SHIFT);
        let rows = rect.top as usize >> SHIFT..=(rect.bottom as usize - 1) >> SHIFT;
        for row in rows {
            let row = &mut self.bits[row * self.words..][..self.words];
            for (word, bits) in row.iter_mut().enumerate().take(last / 64 + 1).skip(first / 64) {
                let low = first.saturating_sub(word * 64);
                let high = (last - word * 64).min(63);
                *bits |= u64::MAX << low & u64::MAX >> (63 - high);
            }
        }
    }

    /// Whether nothing is marked.
    pub(crate) fn is_empty(&self) -> bool {
        !self.any
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        if self.any {
            self.bits.fill(0);
            self.any = false;
        }
    }

    /// The tiles as pixels, cut to the surface.
    pub(crate) fn region(&self) -> Region {
        if !self.any {
            return Region::new();
        }
        let mut rects = Vec::new();
        for (y, row) in self.bits.chunks_exact(self.words.max(1)).enumerate() {
            let mut start = None;
            for x in 0..=self.words * 64 {
                let set = x < self.words * 64 && row[x / 64] >> (x % 64) & 1 == 1;
                match (set, start) {
                    (true, None) => start = Some(x),
                    (false, Some(from)) => {
                        let at = |n: usize| (n << SHIFT) as i32;
                        let rect = Rect::new(at(from), at(y), at(x), at(y + 1)).intersect(&self.bounds);
                        rects.push(rect);
                        start = None;
                    }
                    _ => {}
                }
            }
        }
        Region::from_rects(rects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qxl::testing::Rng;

    #[test]
    fn tiles_hold_what_was_marked() {
        let mut rng = Rng::seeded(7);
        for (width, height) in [(1, 1), (16, 16), (17, 33), (1025, 40), (2100, 20)] {
            let mut damage = Damage::new(width, height);
            assert!(damage.is_empty() && damage.region().is_empty());
            let mut want = Region::new();
            for _ in 0..20 {
                let mut coordinate = |n: u32| rng.range(-20, n as i32 + 20);
                let rect =
                    Rect::new(coordinate(width), coordinate(height), coordinate(width), coordinate(height));
                damage.add(rect);
                let cut = rect.intersect(&Rect::of_size(width, height));
                if !cut.is_empty() {
                    let down = |v: i32| v & !15;
                    let up = |v: i32| (v + 15) & !15;
                    let tiles = Rect::new(down(cut.left), down(cut.top), up(cut.right), up(cut.bottom));
                    want.union_rect(tiles.intersect(&Rect::of_size(width, height)));
                }
                assert_eq!(damage.region(), want, "SPICE_RENDER_SEED: {:?}", rng);
            }
            damage.clear();
            assert_eq!(damage, Damage::new(width, height));
        }
    }
}
