//! Sets of tiles: the parts of a surface by which its nodes are found.

use spice_raster::{Rect, Region};

/// The least side of a tile, in pixels.
const SIDE: u32 = 128;
/// A region of more rectangles counts as its bounds.
pub(crate) const RECTS: usize = 16;

/// How a surface is cut into tiles; a set of tiles is the bits of a number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tiles {
    /// The side of a tile is 1 << `shift` pixels.
    shift: u32,
    columns: u32,
    rows: u32,
}

impl Tiles {
    /// At most 64 tiles for a surface of this size.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        let mut shift = SIDE.ilog2();
        let count = |size: u32, shift: u32| u64::from(size).div_ceil(1 << shift);
        while count(width, shift) * count(height, shift) > 64 {
            shift += 1;
        }
        Self { shift, columns: count(width, shift) as u32, rows: count(height, shift) as u32 }
    }

    pub(crate) fn count(&self) -> usize {
        (self.columns * self.rows) as usize
    }

    /// The tiles that a rectangle touches.
    pub(crate) fn of_rect(&self, rect: &Rect) -> u64 {
        let place = |v: i32, count: u32| (v.max(0) as u32 >> self.shift).min(count.saturating_sub(1));
        if rect.is_empty() || rect.right <= 0 || rect.bottom <= 0 || self.count() == 0 {
            return 0;
        }
        let (left, right) = (place(rect.left, self.columns), place(rect.right - 1, self.columns));
        let (top, bottom) = (place(rect.top, self.rows), place(rect.bottom - 1, self.rows));
        let line = (u64::MAX >> (63 - (right - left))) << left;
        (top..=bottom).fold(0, |all, row| all | line << (row * self.columns))
    }

    /// The tiles that a region may touch.
    pub(crate) fn of_region(&self, region: &Region) -> u64 {
        match region.rects() {
            rects if rects.len() <= RECTS => rects.iter().fold(0, |all, rect| all | self.of_rect(rect)),
            _ => self.of_rect(&region.bounds()),
        }
    }

    /// The pixels of a tile.
    pub(crate) fn rect(&self, tile: u32) -> Rect {
        let edge = |v: u32| i32::try_from(u64::from(v) << self.shift).unwrap_or(i32::MAX);
        let (x, y) = (tile % self.columns.max(1), tile / self.columns.max(1));
        Rect::new(edge(x), edge(y), edge(x + 1), edge(y + 1))
    }
}

/// The tiles of a set.
pub(crate) fn each_tile(mut tiles: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let tile = (tiles != 0).then(|| tiles.trailing_zeros())?;
        tiles &= tiles - 1;
        Some(tile)
    })
}

/// For each tile of a surface the nodes that touch it.
pub(crate) type Lists = Vec<Vec<u32>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_their_surface_and_are_at_most_64() {
        for (w, h) in [(1, 1), (64, 129), (1024, 768), (1, 100_000), (16_384, 16_384), (i32::MAX as u32, 3)] {
            let tiles = Tiles::new(w, h);
            assert!((1..=64).contains(&tiles.count()), "{tiles:?}");
            let all = Rect::of_size(w, h);
            let every = u64::MAX >> (64 - tiles.count());
            assert_eq!(tiles.of_rect(&all), every);
            assert_eq!(
                each_tile(every).map(|t| tiles.rect(t).intersect(&all).area()).sum::<u64>(),
                all.area()
            );
            for tile in each_tile(every) {
                assert_eq!(tiles.of_rect(&tiles.rect(tile).intersect(&all)), 1 << tile);
            }
            assert_eq!(tiles.of_rect(&Rect::new(-5, -5, 0, 3)), 0);
            assert_eq!(tiles.of_rect(&Rect::new(-5, -5, 1, 1)), 1);
        }
    }
}
