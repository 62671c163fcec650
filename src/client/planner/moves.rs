//! Content that stands elsewhere on the client's surface.

use super::canvas::Canvas;
use super::cells::{Cells, TILE, tile, tiles_of};
use super::content::{Content, UNIT};
use super::sample::{Picture, Rows, Sample};
use super::search::Search;
use super::{MoveHint, Piece, PieceKind, PlanInput};
use spice_raster::{Point, Rect};

/// The most displacements of hints that are tried: the last ones of a flood.
const HINTS: usize = 12;

/// The most rounds, each of which may add the moves of one displacement.
const ROUNDS: usize = 16;

/// Bytes and pixels below which it is not worth while to search: typing, a blinking cursor.
const SEARCH_BYTES: u64 = 256;
const SEARCH_PIXELS: u64 = 2048;

/// Memory for finding moves.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    candidates: Vec<Candidate>,
    scores: Scores,
    rects: Vec<Rect>,
    search: Search,
}

/// Everything moved by `by`.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    by: Point,
    /// How much it saved when last looked at, in 1/[`UNIT`] bytes.
    saves: i64,
}

impl Candidate {
    /// Not yet looked at.
    fn new(by: Point) -> Self {
        Self { by, saves: i64::MAX }
    }
}

/// What is looked at.
struct Scene<'a, 'b, P> {
    truth: &'a Picture<'b, P>,
    now: &'a Canvas<'b, P>,
    cells: &'a Cells,
    /// What a move must save to be worth its message, in 1/[`UNIT`] bytes.
    least: i64,
}

impl Scratch {
    /// Finds moves that save bytes, draws them on `now`, writes them to `out`, and brings `cells` up to date.
    pub(super) fn find<P: Sample>(
        &mut self,
        truth: &Picture<'_, P>,
        now: &mut Canvas<'_, P>,
        cells: &mut Cells,
        content: &mut Content,
        input: &PlanInput<'_>,
        out: &mut Vec<Piece>,
    ) {
        let least = i64::from(input.costs.copy_bits) * UNIT as i64;
        self.candidates.clear();
        self.add_hints(input.hints);
        let mut searched = false;
        for _ in 0..ROUNDS {
            let left = worth(truth, cells, content);
            if left <= least as u64 {
                return;
            }
            let scene = Scene { truth, now, cells, least };
            let mut best = self.best(&scene, content, left);
            let much = left >= SEARCH_BYTES * UNIT && cells.changed_pixels() >= SEARCH_PIXELS;
            if best.is_none() && !searched && much {
                searched = true;
                let candidates = &mut self.candidates;
                candidates.clear();
                self.search.displacements(truth, now, cells, |by| candidates.push(Candidate::new(by)));
                best = self.best(&scene, content, left);
            }
            let Some((by, rect)) = best else { return };
            let rect = scene.extend(by, rect);
            self.split(&scene, content, input, by, rect);
            if self.rects.is_empty() {
                self.candidates.retain(|c| c.by != by);
                continue;
            }
            for &rect in &self.rects {
                let src = Point::new(rect.left - by.x, rect.top - by.y);
                now.shift(rect, src);
                out.push(Piece { rect, kind: PieceKind::Move { src } });
                cells.update(truth, now, rect);
            }
        }
    }

    /// The displacements of the guest's copies, and of copies one after the other: three scrolls by a line are one by
    /// three lines.
    fn add_hints(&mut self, hints: &[MoveHint]) {
        let hints = &hints[hints.len().saturating_sub(HINTS)..];
        for (i, last) in hints.iter().enumerate().rev() {
            let mut sum = Some(Point::new(0, 0));
            for hint in hints[..=i].iter().rev() {
                if !hint.dst.intersects(&last.dst) {
                    continue;
                }
                sum = sum.and_then(|sum| {
                    let step = |to: i32, from: i32, sum: i32| to.checked_sub(from)?.checked_add(sum);
                    Some(Point::new(
                        step(hint.dst.left, hint.src.x, sum.x)?,
                        step(hint.dst.top, hint.src.y, sum.y)?,
                    ))
                });
                let Some(by) = sum else { break };
                if by != Point::new(0, 0) && self.candidates.iter().all(|c| c.by != by) {
                    self.candidates.push(Candidate::new(by));
                }
                if self.candidates.len() >= HINTS {
                    return;
                }
            }
        }
    }

    /// The displacement that saves most, and where; `left` is all there is to save. Those that save nothing are
    /// forgotten.
    fn best<P: Sample>(
        &mut self,
        scene: &Scene<'_, '_, P>,
        content: &mut Content,
        left: u64,
    ) -> Option<(Point, Rect)> {
        let Self { candidates, scores, .. } = self;
        // What was promising stays so; at first hints and frequent displacements come first.
        candidates.sort_by_key(|c| std::cmp::Reverse(c.saves));
        let mut best: Option<(Point, Rect, i64)> = None;
        for candidate in candidates.iter_mut() {
            // Moves seldom make others save more than before, so these cannot win any more. Nor is it worth while to
            // look on when nearly everything is saved.
            if best.is_some_and(|(.., most)| candidate.saves <= most || most as u64 >= left / 8 * 7) {
                break;
            }
            let found = scores.best(scene, content, candidate.by);
            candidate.saves = found.map_or(0, |(_, saved)| saved);
            if let Some((rect, saved)) = found
                && best.is_none_or(|(.., most)| saved > most)
            {
                best = Some((candidate.by, rect, saved));
            }
        }
        candidates.retain(|c| c.saves > 0);
        best.map(|(by, rect, _)| (by, rect))
    }

    /// Cuts a move along the area; what does not save its own message is left out. In an order in which none reads
    /// what one before it has written, as far as there is one.
    fn split<P: Sample>(
        &mut self,
        scene: &Scene<'_, '_, P>,
        content: &mut Content,
        input: &PlanInput<'_>,
        by: Point,
        rect: Rect,
    ) {
        let Self { scores, rects, .. } = self;
        rects.clear();
        rects.extend(input.area.rects_in(rect));
        if rects.len() > 1 {
            scores.fill(scene, content, by);
            rects.retain(|&r| scores.within(r) > scene.least);
            let sign = |d: i32, v: i32| if d > 0 { -v } else { v };
            rects.sort_by_key(|r| (sign(by.y, r.top), sign(by.x, r.left)));
        }
    }
}

/// What the changed pixels cost beyond what as many plain ones would.
fn worth<P: Sample>(truth: &Picture<'_, P>, cells: &Cells, content: &mut Content) -> u64 {
    let plain = content.costs.repeating.plain.min(content.costs.predicting.plain);
    let changed = cells.changed.iter().filter(|c| !c.is_empty());
    changed
        .map(|&c| {
            let all = content.estimate(truth, c).into_iter().min().unwrap_or(0);
            all.saturating_sub(c.area() * u64::from(plain))
        })
        .sum()
}

/// For each tile, what a displacement saves there.
#[derive(Debug, Default)]
struct Scores {
    tiles: Rect,
    saved: Vec<i64>,
    columns: Vec<i64>,
}

impl Scores {
    /// Scores all tiles. The result: the tiles around those that gain, or nothing if they do not gain enough together;
    /// and whether any tile in there loses.
    fn fill<P: Sample>(
        &mut self,
        scene: &Scene<'_, '_, P>,
        content: &mut Content,
        by: Point,
    ) -> Option<(Rect, bool)> {
        let cells = scene.cells;
        self.tiles = tiles_of(cells.bounds());
        self.saved.clear();
        self.saved.resize(self.tiles.area() as usize, 0);
        let (mut sum, mut gaining) = (0, Rect::default());
        for patch in &cells.patches {
            for ty in patch.tiles.top..patch.tiles.bottom {
                for tx in patch.tiles.left..patch.tiles.right {
                    let changed = cells.changed[patch.cell(tx, ty)];
                    if !changed.is_empty() && scene.agrees(changed, by) {
                        let saved =
                            content.estimate(scene.truth, changed).into_iter().min().unwrap_or(0) as i64;
                        *self.at(tx, ty) += saved;
                        sum += saved;
                        gaining = gaining.union(&Rect::new(tx, ty, tx + 1, ty + 1));
                    }
                }
            }
        }
        if sum <= scene.least {
            return None;
        }
        let mut loses = false;
        for patch in &cells.patches {
            let tiles = patch.tiles.intersect(&gaining);
            for ty in tiles.top..tiles.bottom {
                for tx in tiles.left..tiles.right {
                    let part = patch.part(tx, ty);
                    if cells.changed[patch.cell(tx, ty)].is_empty() && !scene.agrees(part, by) {
                        // What is right already must be sent again, perhaps as an image of its own.
                        let lost = content.estimate(scene.truth, part).into_iter().min().unwrap_or(0) as i64;
                        *self.at(tx, ty) -= lost + scene.least / 2;
                        loses = true;
                    }
                }
            }
        }
        Some((gaining, loses))
    }

    /// Where a displacement saves most, in pixels, and how much.
    fn best<P: Sample>(
        &mut self,
        scene: &Scene<'_, '_, P>,
        content: &mut Content,
        by: Point,
    ) -> Option<(Rect, i64)> {
        let (gaining, loses) = self.fill(scene, content, by)?;
        let tiles = if loses { self.densest(gaining) } else { gaining };
        // Not the tiles, but what agrees in them.
        let (mut rect, mut saved) = (Rect::default(), 0);
        for patch in &scene.cells.patches {
            let tiles = patch.tiles.intersect(&tiles);
            for ty in tiles.top..tiles.bottom {
                for tx in tiles.left..tiles.right {
                    let here = *self.at(tx, ty);
                    saved += here;
                    if here > 0 {
                        let changed = scene.cells.changed[patch.cell(tx, ty)];
                        rect = rect.union(&changed);
                    }
                }
            }
        }
        // A changed box that does not agree may reach out of the surface when moved back.
        let bounds = scene.truth.bounds();
        let rect = rect.intersect(&bounds).intersect(&bounds.translate(by.x, by.y));
        let src = rect.translate(-by.x, -by.y);
        (saved > scene.least && !scene.now.unknown().intersects_rect(&src)).then_some((rect, saved))
    }

    /// What a displacement saves in a rectangle.
    fn within(&mut self, rect: Rect) -> i64 {
        let tiles = tiles_of(rect).intersect(&self.tiles);
        let mut sum = 0;
        for ty in tiles.top..tiles.bottom {
            for tx in tiles.left..tiles.right {
                let part = tile(tx, ty).intersect(&rect).area() as i64;
                sum += *self.at(tx, ty) * part / i64::from(TILE * TILE);
            }
        }
        sum
    }

    fn at(&mut self, tx: i32, ty: i32) -> &mut i64 {
        let column = (tx - self.tiles.left) as usize;
        &mut self.saved[(ty - self.tiles.top) as usize * self.tiles.width() as usize + column]
    }

    /// The rectangle of tiles inside `tiles` with the largest sum.
    fn densest(&mut self, tiles: Rect) -> Rect {
        let (mut best, mut most) = (Rect::default(), 0);
        let width = self.tiles.width() as usize;
        let from = (tiles.left - self.tiles.left) as usize;
        for top in tiles.top..tiles.bottom {
            self.columns.clear();
            self.columns.resize(tiles.width() as usize, 0);
            for bottom in top..tiles.bottom {
                let row = &self.saved[(bottom - self.tiles.top) as usize * width + from..];
                let (mut sum, mut left) = (0, 0);
                for (x, (column, saved)) in self.columns.iter_mut().zip(row).enumerate() {
                    *column += saved;
                    if sum <= 0 {
                        (sum, left) = (0, x);
                    }
                    sum += *column;
                    if sum > most {
                        most = sum;
                        let (left, right) = (tiles.left + left as i32, tiles.left + x as i32 + 1);
                        best = Rect::new(left, top, right, bottom + 1);
                    }
                }
            }
        }
        best
    }
}

impl<P: Sample> Scene<'_, '_, P> {
    /// Whether the client shows the truth of `rect` where it would come from, and that is known.
    fn agrees(&self, rect: Rect, by: Point) -> bool {
        let src = rect.translate(-by.x, -by.y);
        let inside = self.truth.bounds().contains(&src) && src.area() == rect.area();
        if !inside || self.now.unknown().intersects_rect(&src) {
            return false;
        }
        let mask = self.truth.mask();
        let (left, right) = (rect.left as usize, rect.right as usize);
        let (from, to) = (src.left as usize, src.right as usize);
        (0..rect.bottom - rect.top).all(|y| {
            let a = &self.truth.pixels(rect.top + y)[left..right];
            let b = &self.now.row(src.top + y)[from..to];
            a.iter().zip(b).fold(P::default(), |d, (&a, &b)| d | ((a ^ b) & mask)) == P::default()
        })
    }

    /// Moves the sides outwards, by less than two tiles, as far as that makes more pixels right than wrong.
    fn extend(&self, by: Point, rect: Rect) -> Rect {
        let reach = 2 * TILE - 1;
        let bounds = self.truth.bounds();
        let clip = self.cells.bounds().intersect(&bounds.translate(by.x, by.y));
        let mut r = rect;
        let edge = |r: &Rect, side: usize, n: i32| match side {
            0 => Rect::new(r.left, r.top - n - 1, r.right, r.top - n),
            1 => Rect::new(r.left, r.bottom + n, r.right, r.bottom + n + 1),
            2 => Rect::new(r.left - n - 1, r.top, r.left - n, r.bottom),
            _ => Rect::new(r.right + n, r.top, r.right + n + 1, r.bottom),
        };
        for side in 0..4 {
            let (mut sum, mut most, mut steps) = (0, 0, 0);
            for n in 0..reach {
                let line = edge(&r, side, n);
                let src = line.translate(-by.x, -by.y);
                if !clip.contains(&line) || self.now.unknown().intersects_rect(&src) {
                    break;
                }
                sum += self.gain(line, src);
                if sum > most {
                    (most, steps) = (sum, n + 1);
                }
                if sum < most - 32 {
                    break;
                }
            }
            if steps > 0 {
                r = r.union(&edge(&r, side, steps - 1));
            }
        }
        r
    }

    /// Pixels that a move makes right, less twice those that it makes wrong.
    fn gain(&self, rect: Rect, src: Rect) -> i64 {
        let mask = self.truth.mask();
        let mut sum = 0;
        for y in 0..rect.bottom - rect.top {
            let want = &self.truth.pixels(rect.top + y)[rect.left as usize..rect.right as usize];
            let have = &self.now.row(rect.top + y)[rect.left as usize..rect.right as usize];
            let moved = &self.now.row(src.top + y)[src.left as usize..src.right as usize];
            for ((&w, &h), &m) in want.iter().zip(have).zip(moved) {
                let right = |p: P| (w ^ p) & mask == P::default();
                sum += match (right(h), right(m)) {
                    (false, true) => 1,
                    (true, false) => -2,
                    _ => 0,
                };
            }
        }
        sum
    }
}
