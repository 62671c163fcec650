//! Where content of the truth stands on the client's surface: displacements, guessed from small patches.
//!
//! A patch is a few rows of pixels at a place that its own content chooses: the rolling hash of its first row is a
//! multiple of some number. So the same content chooses the same places wherever it stands, and only those few need
//! to be kept and looked up; what two equal patches are apart is a vote for that displacement.

use super::canvas::Canvas;
use super::cells::{Cells, TILE, tile};
use super::sample::{Picture, Rows, Sample};
use spice_raster::{Point, Rect};

/// Pixels of a patch, across and down.
///
/// Wide enough that words rarely repeat, low enough to fit between the lines that a scroll leaves.
const WIDE: usize = 16;
const HIGH: i32 = 4;

/// One place in 2^5 is chosen, of those where content changes at all.
const CHOSEN: u32 = 5;

/// Multiplier of the rolling hash, and its power that leaves the window.
const STEP: u32 = 0x9e37_79b1;
const LEAVING: u32 = power(STEP, WIDE as u32);

const fn power(base: u32, n: u32) -> u32 {
    if n == 0 { 1 } else { base.wrapping_mul(power(base, n - 1)) }
}

/// Slots of the table of patches, and how many are tried for one patch.
const SLOTS: usize = 1 << 14;
const TRIED: usize = 8;

/// The most patches of the truth that are looked up, and the displacements that are told.
const LOOKED_UP: u32 = 4096;
const TOLD: usize = 6;

/// The most displacements that are counted.
const COUNTED: usize = 1 << 10;

#[derive(Clone, Copy, Debug, Default)]
struct Patch {
    /// Never 0 in a used slot.
    hash: u32,
    at: Point,
}

/// Memory for the search.
#[derive(Debug, Default)]
pub(super) struct Search {
    slots: Vec<Patch>,
    votes: Vec<(Point, u32)>,
}

impl Search {
    /// Tells the most likely displacements (target less source) of what has changed, the likeliest first.
    pub(super) fn displacements<P: Sample>(
        &mut self,
        truth: &Picture<'_, P>,
        now: &Canvas<'_, P>,
        cells: &Cells,
        mut tell: impl FnMut(Point),
    ) {
        let Self { slots, votes } = self;
        slots.clear();
        slots.resize(SLOTS, Patch::default());
        let bounds = truth.bounds();
        let changed = cells.changed.iter().fold(Rect::default(), |all, r| all.union(r));
        let within = reach(changed, cells.changed_pixels()).intersect(&bounds);
        patches(now, within, |hash, at| {
            for i in 0..TRIED {
                let slot = &mut slots[(hash as usize + i) % SLOTS];
                if slot.hash == 0 {
                    *slot = Patch { hash, at };
                    break;
                }
            }
            true
        });
        votes.clear();
        votes.resize(COUNTED, (Point::default(), 0));
        let mut looked_up = 0;
        for_each_run(cells, bounds, |run| {
            patches(truth, run, |hash, at| {
                looked_up += 1;
                for i in 0..TRIED {
                    let slot = slots[(hash as usize + i) % SLOTS];
                    if slot.hash == 0 {
                        break;
                    }
                    if slot.hash == hash {
                        vote(votes, Point::new(at.x - slot.at.x, at.y - slot.at.y));
                    }
                }
                looked_up < LOOKED_UP
            });
        });
        votes.retain(|(by, votes)| *votes > 1 && *by != Point::default());
        votes.sort_by_key(|&(by, votes)| (std::cmp::Reverse(votes), by));
        votes.iter().take(TOLD).for_each(|&(by, _)| tell(by));
    }
}

fn vote(votes: &mut [(Point, u32)], by: Point) {
    let hash = (by.x as u32).wrapping_mul(STEP).wrapping_add(by.y as u32).wrapping_mul(0x85eb_ca6b) >> 16;
    for i in 0..TRIED {
        let entry = &mut votes[(hash as usize + i) % COUNTED];
        if entry.1 == 0 {
            entry.0 = by;
        }
        if entry.0 == by {
            entry.1 += 1;
            return;
        }
    }
}

/// Where the source is looked for: around what has changed, in proportion to it.
fn reach(changed: Rect, pixels: u64) -> Rect {
    let margin = (pixels.isqrt() as i32).saturating_mul(2).max(128);
    Rect::new(changed.left - margin, changed.top - margin, changed.right + margin, changed.bottom + margin)
}

/// The changed cells, in runs along rows of tiles, with the pixels around them that patches may begin in.
fn for_each_run(cells: &Cells, bounds: Rect, mut run: impl FnMut(Rect)) {
    for patch in &cells.patches {
        for ty in patch.tiles.top..patch.tiles.bottom {
            let mut from = None;
            for tx in patch.tiles.left..=patch.tiles.right {
                let changed = tx < patch.tiles.right && !cells.changed[patch.cell(tx, ty)].is_empty();
                match from {
                    None if changed => from = Some(tx),
                    Some(first) if !changed => {
                        let r = tile(first, ty).union(&tile(tx - 1, ty)).intersect(&patch.rect);
                        let more = Rect::new(r.left - TILE + 1, r.top, r.right, r.bottom + HIGH - 1);
                        run(more.intersect(&patch.rect).intersect(&bounds));
                        from = None;
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Calls `found` with the hash and the place of every chosen patch inside `rect`, until that says false.
fn patches<P: Sample>(picture: &impl Rows<P>, rect: Rect, mut found: impl FnMut(u32, Point) -> bool) {
    if rect.width() < WIDE as u32 + 1 {
        return;
    }
    let mask = picture.mask();
    for y in rect.top..rect.bottom - HIGH + 1 {
        let row = &picture.row(y)[rect.left as usize..rect.right as usize];
        let value = |p: P| -> u32 { (p & mask).into() };
        let mut hash = row[..WIDE].iter().fold(0u32, |h, &p| h.wrapping_mul(STEP).wrapping_add(value(p)));
        let ends = row.windows(2).skip(WIDE - 1);
        for (x, (ends, &leaves)) in ends.zip(row).enumerate() {
            let (before, enters) = (value(ends[0]), value(ends[1]));
            hash = hash
                .wrapping_mul(STEP)
                .wrapping_add(enters)
                .wrapping_sub(value(leaves).wrapping_mul(LEAVING));
            if enters != before && hash.wrapping_mul(0x2c1b_3c6d) >> (32 - CHOSEN) == 0 {
                let left = rect.left as usize + x + 1;
                let whole = fingerprint(picture, left, y);
                if whole != 0 && !found(whole, Point::new(left as i32, y)) {
                    return;
                }
            }
        }
    }
}

/// The hash of a whole patch; 0 if its rows are all alike or it is too plain to tell anything.
fn fingerprint<P: Sample>(picture: &impl Rows<P>, left: usize, top: i32) -> u32 {
    let mask = picture.mask();
    let mut hash = 0u32;
    let mut edges = 0;
    for y in top..top + HIGH {
        let row = &picture.row(y)[left..left + WIDE];
        let mut last = row[0];
        for &p in row {
            edges += u32::from((p ^ last) & mask != P::default());
            last = p;
            hash = (hash ^ (p & mask).into()).wrapping_mul(0x85eb_ca6b).rotate_left(13);
        }
    }
    if edges < 6 { 0 } else { (hash ^ hash >> 15).wrapping_mul(0x2c1b_3c6d) | 1 }
}
