//! Which pixels differ: the area cut along a grid of tiles, with a tight box for each cut.

use super::canvas::Canvas;
use super::sample::{Picture, Rows, Sample};
use spice_raster::{Rect, Region};

/// Tiles are squares of this many pixels, aligned to the surface's origin.
///
/// 16 pixels of 32 bits are one cache line, and a line of text is about one tile high.
pub(super) const TILE: i32 = 16;

/// Tile columns that are compared together, a row at a time.
const COLUMNS: usize = 64;

/// One rectangle of the area and its cells, row by row of tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patch {
    /// The rectangle of the area.
    pub(super) rect: Rect,
    /// The tiles that it touches.
    pub(super) tiles: Rect,
    first: usize,
}

impl Patch {
    /// The index of the cell at a tile.
    #[inline(always)]
    pub(super) fn cell(&self, tx: i32, ty: i32) -> usize {
        let columns = (self.tiles.right - self.tiles.left) as usize;
        self.first + (ty - self.tiles.top) as usize * columns + (tx - self.tiles.left) as usize
    }

    /// The pixels of the area in a tile.
    #[inline(always)]
    pub(super) fn part(&self, tx: i32, ty: i32) -> Rect {
        tile(tx, ty).intersect(&self.rect)
    }
}

/// The pixels of a tile.
#[inline(always)]
pub(super) fn tile(tx: i32, ty: i32) -> Rect {
    Rect::new(tx * TILE, ty * TILE, tx * TILE + TILE, ty * TILE + TILE)
}

/// The tiles that a rectangle of the surface touches, as a rectangle of tiles.
pub(super) fn tiles_of(rect: Rect) -> Rect {
    if rect.is_empty() {
        return Rect::default();
    }
    let up = |v: i32| (v - 1) / TILE + 1;
    Rect::new(rect.left / TILE, rect.top / TILE, up(rect.right), up(rect.bottom))
}

/// The area's cells. A cell's value is the smallest box around the pixels that differ in it, maybe empty.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub(super) patches: Vec<Patch>,
    pub(super) changed: Vec<Rect>,
    bounds: Rect,
}

impl Cells {
    /// Starts with the area's part inside `bounds`, nothing changed.
    pub(super) fn reset(&mut self, area: &Region, bounds: Rect) {
        self.patches.clear();
        self.bounds = Rect::default();
        let mut first = 0;
        for rect in area.rects_in(bounds) {
            let tiles = tiles_of(rect);
            self.patches.push(Patch { rect, tiles, first });
            self.bounds = self.bounds.union(&rect);
            first += tiles.area() as usize;
        }
        self.changed.clear();
        self.changed.resize(first, Rect::default());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patches.is_empty()
    }

    /// The smallest rectangle around the area.
    pub(super) fn bounds(&self) -> Rect {
        self.bounds
    }

    pub(super) fn changed_pixels(&self) -> u64 {
        self.changed.iter().map(Rect::area).sum()
    }

    /// Compares again all cells that `within` touches.
    pub(super) fn update<P: Sample>(&mut self, truth: &Picture<'_, P>, now: &Canvas<'_, P>, within: Rect) {
        let Self { patches, changed, .. } = self;
        for patch in patches.iter() {
            let touched = tiles_of(patch.rect.intersect(&within));
            if touched.is_empty() {
                continue;
            }
            let known = !now.unknown().intersects_rect(&patch.rect);
            let lost = !known && now.unknown().contains_rect(&patch.rect);
            for ty in touched.top..touched.bottom {
                for from in (touched.left..touched.right).step_by(COLUMNS) {
                    let to = touched.right.min(from + COLUMNS as i32);
                    let cells = &mut changed[patch.cell(from, ty)..][..(to - from) as usize];
                    if lost {
                        (from..to).zip(cells).for_each(|(tx, cell)| *cell = patch.part(tx, ty));
                        continue;
                    }
                    compare(truth, now, patch, (from, to), ty, cells);
                    if !known {
                        for (tx, cell) in (from..to).zip(cells) {
                            let lost = now.unknown().rects_in(patch.part(tx, ty));
                            *cell = lost.fold(*cell, |all, r| all.union(&r));
                        }
                    }
                }
            }
        }
    }
}

/// What differs in one tile: the columns' differences, or-ed together, and the first and last row.
#[derive(Clone, Copy)]
struct Difference<P> {
    columns: [P; TILE as usize],
    top: i32,
    bottom: i32,
}

/// Compares a row of at most [`COLUMNS`] tiles.
fn compare<P: Sample>(
    truth: &Picture<'_, P>,
    now: &Canvas<'_, P>,
    patch: &Patch,
    (from, to): (i32, i32),
    ty: i32,
    cells: &mut [Rect],
) {
    const N: usize = TILE as usize;
    let mask = now.mask();
    let all = tile(from, ty).union(&tile(to - 1, ty)).intersect(&patch.rect);
    let (left, right) = (all.left as usize, all.right as usize);
    // The pixels before the first tile border, at which whole tiles start.
    let skipped = left % N;
    let head = ((N - skipped) % N).min(right - left);
    let mut found = [Difference { columns: [P::default(); N], top: -1, bottom: 0 }; COLUMNS];
    let mut any = false;
    for y in all.top..all.bottom {
        let (a, b) = (&truth.pixels(y)[left..right], &now.row(y)[left..right]);
        // Most rows of a large area are equal, and slices of integers compare as fast as memory can be read.
        if a == b {
            continue;
        }
        any = true;
        let part = |tile: usize, skip: usize, a: &[P], b: &[P], found: &mut [Difference<P>; COLUMNS]| {
            let differs = a.iter().zip(b).fold(P::default(), |d, (&a, &b)| d | ((a ^ b) & mask));
            if differs != P::default() {
                let found = &mut found[tile];
                for ((d, &a), &b) in found.columns[skip..].iter_mut().zip(a).zip(b) {
                    *d = *d | ((a ^ b) & mask);
                }
                found.note(y);
            }
        };
        let ((a_head, a), (b_head, b)) = (a.split_at(head), b.split_at(head));
        part(0, skipped, a_head, b_head, &mut found);
        let ((a_tiles, a_tail), (b_tiles, b_tail)) = (a.as_chunks::<N>(), b.as_chunks::<N>());
        let skip = usize::from(head > 0);
        for ((a, b), found) in a_tiles.iter().zip(b_tiles).zip(&mut found[skip..]) {
            let mut x = [P::default(); N];
            let mut differs = P::default();
            for i in 0..N {
                x[i] = (a[i] ^ b[i]) & mask;
                differs = differs | x[i];
            }
            if differs != P::default() {
                for (d, x) in found.columns.iter_mut().zip(x) {
                    *d = *d | x;
                }
                found.note(y);
            }
        }
        part((skip + a_tiles.len()).min(COLUMNS - 1), 0, a_tail, b_tail, &mut found);
    }
    if !any {
        cells.fill(Rect::default());
        return;
    }
    for ((tx, cell), found) in (from..to).zip(cells).zip(&found) {
        *cell = found.as_box(tx * TILE);
    }
}

impl<P: Sample> Difference<P> {
    #[inline(always)]
    fn note(&mut self, y: i32) {
        if self.top < 0 {
            self.top = y;
        }
        self.bottom = y + 1;
    }

    fn as_box(&self, left: i32) -> Rect {
        let differs = |d: &P| *d != P::default();
        match (self.columns.iter().position(differs), self.columns.iter().rposition(differs)) {
            (Some(first), Some(last)) => {
                Rect::new(left + first as i32, self.top, left + last as i32 + 1, self.bottom)
            }
            _ => Rect::default(),
        }
    }
}
