//! Brushes, and where their tiles start.

use crate::geom::Point;
use crate::surface::SurfaceRef;

/// The brush of a three-operand operation.
#[derive(Clone, Copy, Debug)]
pub enum Rop3Brush<'a> {
    /// One raw pixel value everywhere; its low bits on surfaces of fewer bits.
    Solid(u32),
    /// A repeated tile. At the box's top left it starts with its pixel (box − `pos`) mod size, by C's remainder:
    /// where that is negative the brush is 0 up to the tile's first column (row). A tile without pixels is 0.
    Pattern {
        /// The tile.
        tile: SurfaceRef<'a>,
        /// Where on the target a tile starts.
        pos: Point,
    },
}

/// Where a ROP3 pattern starts at the box's edge: C's remainder, which may be negative.
pub(crate) struct TileStart {
    start: i64,
    size: i64,
}

/// For the box's edge, the pattern's position and the tile's size.
pub(crate) fn start_in_tile(edge: i32, pos: i32, size: u32) -> TileStart {
    let size = i64::from(size);
    let start = if size == 0 { 0 } else { (i64::from(edge) - i64::from(pos)) % size };
    TileStart { start, size }
}

impl TileStart {
    /// Of a pattern at an absolute origin: never negative.
    pub(crate) fn from_origin(edge: i32, origin: i32, size: u32) -> Self {
        let size = i64::from(size);
        Self { start: (i64::from(edge) - i64::from(origin)).rem_euclid(size.max(1)), size }
    }

    /// The tile column of a target column in a row of tiles that goes on to the right; negative where there is none.
    pub(crate) fn unwrapped(&self, target: i32, edge: i32) -> i64 {
        let at = self.start + (i64::from(target) - i64::from(edge));
        if at < 0 || self.size == 0 { at } else { at % self.size }
    }

    /// The tile column of a target column; `None` where the reference would read outside the tile.
    pub(crate) fn pixel(&self, target: i32, edge: i32) -> Option<u32> {
        let at = self.start + (i64::from(target) - i64::from(edge));
        (at >= 0 && self.size > 0).then(|| (at % self.size) as u32)
    }
}
