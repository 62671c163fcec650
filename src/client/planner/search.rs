//! Where content of the truth stands on the client's surface: displacements, guessed from small patches.
//!
//! A patch is a few rows of pixels at a place that its own content chooses: the hash of its first row ends in
//! some zeros. So the same content chooses the same places wherever it stands, and only those few need
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

/// Which places are chosen, of those where content changes at all: where these bits of the hash are 0, with few and
/// with many changed pixels.
const CHOSEN: [u32; 2] = [0x1f, 0x7f];

/// Slots of the table of patches, and how many are tried for one patch.
const SLOTS: usize = 1 << 14;
const TRIED: usize = 8;

/// The most patches of the truth that are looked up, and the displacements that are told.
const LOOKED_UP: u32 = 4096;
const TOLD: usize = 6;

/// Changed pixels of which not all rows are looked up. 3 and not 4: text repeats every few rows.
const MANY: u64 = 1 << 16;

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
    lines: Lines,
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
        let Self { slots, votes, lines } = self;
        slots.clear();
        slots.resize(SLOTS, Patch::default());
        let bounds = truth.bounds();
        let changed = cells.changed.iter().fold(Rect::default(), |all, r| all.union(r));
        let within = reach(changed, cells.changed_pixels()).intersect(&bounds);
        let many = cells.changed_pixels() > MANY;
        lines.zeros = CHOSEN[usize::from(many)];
        patches(now, within, 1, lines, |hash, at| {
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
        // The source must be known in every row, but some rows of what has changed will do if there are many.
        let step = if many { 3 } else { 1 };
        for_each_run(cells, bounds, |run| {
            patches(truth, run, step, lines, |hash, at| {
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
    let hash =
        (by.x as u32).wrapping_mul(0x9e37_79b1).wrapping_add(by.y as u32).wrapping_mul(0x85eb_ca6b) >> 16;
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

/// Calls `found` with the hash and the place of every chosen patch inside `rect` whose top is a multiple of `step`
/// rows from the first, until that says false.
fn patches<P: Sample>(
    picture: &impl Rows<P>,
    rect: Rect,
    step: usize,
    lines: &mut Lines,
    mut found: impl FnMut(u32, Point) -> bool,
) {
    if rect.width() < WIDE as u32 + 1 {
        return;
    }
    for y in (rect.top..rect.bottom - HIGH + 1).step_by(step) {
        lines.choose(&picture.row(y)[rect.left as usize..rect.right as usize], picture.mask());
        for (group, flags) in lines.chosen.chunks(16).enumerate() {
            // Most groups have none.
            if flags.iter().fold(0, |any, f| any | f) == 0 {
                continue;
            }
            for x in (0..flags.len()).filter(|&x| flags[x] != 0) {
                let left = rect.left as usize + group * 16 + x;
                let whole = fingerprint(picture, left, y);
                if whole != 0 && !found(whole, Point::new(left as i32, y)) {
                    return;
                }
            }
        }
    }
}

/// Which places of a row are chosen: the hash of the [`WIDE`] pixels from there on says so.
#[derive(Debug, Default)]
struct Lines {
    zeros: u32,
    hashes: [Vec<u32>; 2],
    chosen: Vec<u8>,
}

impl Lines {
    /// Sets `chosen` for each place of a row that has room for a patch.
    ///
    /// Hashes of 2, 4, 8, 16 pixels are made from pairs of the ones before, by shifts and sums, which compilers
    /// vectorise; a rolling hash waits for its own multiplication at each pixel. A plan of 1024x768 noise over other
    /// noise, best of 30 on a busy machine: rolling hash 11.4 ms; pair sums and every third row of the truth 9.0 ms;
    /// and one place in 128 instead of 32 (most of the time went into whole patches) 3.7 ms.
    fn choose<P: Sample>(&mut self, row: &[P], mask: P) {
        let (zeros, [from, to]) = (self.zeros, &mut self.hashes);
        from.clear();
        from.extend(row.iter().map(|&p| -> u32 { (p & mask).into() }));
        let mut width = 1;
        while width < WIDE {
            to.clear();
            to.extend(from.iter().zip(&from[width..]).map(|(a, b)| {
                let b = b.rotate_left(5).wrapping_add(width as u32);
                (a ^ a >> 9).wrapping_add(b << 3).wrapping_add(b)
            }));
            std::mem::swap(from, to);
            width *= 2;
        }
        let edges = row.iter().zip(&row[1..]).map(|(&a, &b)| u8::from((a ^ b) & mask != P::default()));
        let hashes = from.iter().map(|h| u8::from((h ^ h >> 7 ^ h >> 16) & zeros == 0));
        self.chosen.clear();
        self.chosen.extend(hashes.zip(edges).map(|(hash, edge)| hash & edge));
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
