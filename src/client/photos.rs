//! Where a slow link's client is sent photos: rectangles that JPEG stands, cut out of what is to be sent as images.

use super::encode::{BLOCK, Block};
use super::planner::{Piece, PieceKind};
use spice_raster::{Rect, Region, SurfaceRef};
use std::collections::VecDeque;
use std::time::Duration;

/// Blocks of the smallest photo: below, JPEG's tables alone cost what it saves.
const BLOCKS: u32 = 8;
/// The most photos that are looked for.
const PHOTOS: usize = 48;
/// Pixels of the largest image: larger ones are cut into bands, so that the first ones arrive early.
const PIXELS: u32 = 1 << 18;
/// Pixels of one colour in a block of soft pixels with some edges that make it text on a photo.
const SAME: usize = 24;
/// Pixels that are needed to tell noise from the rims of glyphs.
const NOISE: usize = 32;

/// How long it is remembered where images were sent, how many times that are, and how many make a place a lively one.
const RECENT: Duration = Duration::from_secs(1);
const TIMES: usize = 16;
const LIVELY: usize = 2;

/// Where images were sent just now.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    sent: VecDeque<(Duration, Region)>,
    /// What was saved elsewhere, and how long ago it was then: whose time is not known yet.
    before: Vec<(Duration, Region)>,
}

impl Recent {
    /// Where images were sent how long before `now`, to be saved.
    pub(super) fn ages(&self, now: Duration) -> Vec<(Duration, &Region)> {
        let before = self.before.iter().map(|(age, region)| (*age, region));
        before.chain(self.sent.iter().map(|(at, region)| (now.saturating_sub(*at), region))).collect()
    }

    /// What was saved.
    pub(super) fn restore(&mut self, mut before: Vec<(Duration, Region)>) {
        before.drain(..before.len().saturating_sub(TIMES));
        *self = Self { sent: VecDeque::new(), before };
    }

    /// The time is known.
    pub(super) fn go_on(&mut self, now: Duration) {
        self.sent.extend(self.before.drain(..).map(|(age, region)| (now.saturating_sub(age), region)));
    }

    /// The images of a plan are being sent.
    pub(crate) fn note(&mut self, now: Duration, pieces: &[Piece]) {
        let images = pieces.iter().filter(|p| p.kind == PieceKind::Image).map(|p| p.rect);
        let images = Region::from_rects(images);
        if images.is_empty() {
            return;
        }
        if self.sent.len() == TIMES {
            self.sent.pop_front();
        }
        self.sent.push_back((now, images));
    }

    /// Whether most of a rectangle was sent several times within the last second: it will be sent again soon.
    pub(crate) fn is_lively(&self, now: Duration, rect: Rect) -> bool {
        let covers =
            |region: &Region| region.rects_in(rect).map(|r| r.area()).sum::<u64>() * 2 >= rect.area();
        let recent = self.sent.iter().filter(|(at, region)| *at + RECENT > now && covers(region));
        recent.count() >= LIVELY
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing here is sent as an image.
    Outside,
    /// Sharp edges on flat ground, or in one colour: never lossy.
    Text,
    /// Flat for the most part: lossy only beside what is textured.
    Flat,
    /// What photos are made of.
    Textured,
}

/// Moves the photos among the images of a plan to its end, and tells how many images they are. The plan still draws
/// the same pixels. `truth` (32 bits a pixel) is looked at in images only; photos stay in blocks of 16 by 16 pixels
/// (from the surface's corner) that lie in `area` wholly.
pub(crate) fn cut(truth: SurfaceRef<'_>, area: &Region, pieces: &mut Vec<Piece>) -> usize {
    let images: Vec<Rect> = pieces.iter().filter(|p| p.kind == PieceKind::Image).map(|p| p.rect).collect();
    if images.iter().map(Rect::area).sum::<u64>() < u64::from(BLOCKS * BLOCK * BLOCK / 2) {
        return 0;
    }
    let mut grid = Grid::new(truth, area, &images);
    let mut photos = Vec::new();
    while photos.len() < PHOTOS
        && let Some(rect) = grid.take()
    {
        photos.extend(tight(rect, &images));
    }
    if photos.is_empty() {
        return 0;
    }
    let region = Region::from_rects(photos.iter().copied());
    let mut rest = Vec::with_capacity(pieces.len() + photos.len());
    for piece in pieces.drain(..) {
        if piece.kind == PieceKind::Image && region.intersects_rect(&piece.rect) {
            let left = Region::from_rect(piece.rect).subtract(&region);
            rest.extend(left.rects().iter().map(|rect| Piece { rect: *rect, ..piece }));
        } else {
            rest.push(piece);
        }
    }
    let first = rest.len();
    for rect in photos {
        let rows = (PIXELS / rect.width() / BLOCK * BLOCK).max(BLOCK) as i32;
        for top in (rect.top..rect.bottom).step_by(rows as usize) {
            let band = Rect::new(rect.left, top, rect.right, (top + rows).min(rect.bottom));
            rest.push(Piece { rect: band, kind: PieceKind::Image });
        }
    }
    *pieces = rest;
    pieces.len() - first
}

/// The box around what of the images lies in a rectangle.
fn tight(rect: Rect, images: &[Rect]) -> Option<Rect> {
    let parts = images.iter().map(|i| i.intersect(&rect)).filter(|r| !r.is_empty());
    parts.reduce(|a, b| {
        Rect::new(a.left.min(b.left), a.top.min(b.top), a.right.max(b.right), a.bottom.max(b.bottom))
    })
}

/// What is in a block, of what is sent as images.
#[derive(Clone, Copy, Default)]
struct Counts {
    block: Block,
    pixels: u32,
    /// A few pixels of one colour, with edges, among soft ones.
    glyphs: bool,
    /// Edges are those of noise.
    noisy: bool,
}

/// A surface in blocks.
struct Grid {
    kinds: Vec<Kind>,
    columns: usize,
}

impl Grid {
    fn new(truth: SurfaceRef<'_>, area: &Region, images: &[Rect]) -> Self {
        let bounds = truth.bounds();
        let [columns, rows] = [bounds.right, bounds.bottom].map(|n| (n as u32).div_ceil(BLOCK) as usize);
        let mut blocks = vec![Counts { noisy: true, ..Counts::default() }; columns * rows];
        for image in images {
            let [left, top] = [image.left, image.top].map(|n| n as usize / BLOCK as usize);
            let [right, bottom] = [image.right, image.bottom].map(|n| (n as usize).div_ceil(BLOCK as usize));
            for y in top..bottom {
                for x in left..right {
                    let part = rect_of(x, y, 1, 1).intersect(image);
                    let columns_of = part.left as u32..part.right as u32;
                    let rows_of = part.top as u32..part.bottom as u32;
                    let row = |y| bytemuck::cast_slice::<u32, u8>(truth.row(y));
                    let block = Block::of(row, (columns_of, rows_of));
                    let counts = &mut blocks[y * columns + x];
                    counts.block.add(&block);
                    counts.pixels += part.area() as u32;
                    if block.sharp >= 8 {
                        let colours = Colours::of(truth, part);
                        counts.noisy &= colours.is_noise();
                        let soft = block.sharp * 2 < block.pairs - block.flat;
                        counts.glyphs |= block.sharp >= 12 && soft && colours.most >= SAME;
                    }
                }
            }
        }
        let kind = |(i, counts): (usize, &Counts)| {
            let block = &counts.block;
            let rect = rect_of(i % columns, i / columns, 1, 1).intersect(&bounds);
            if counts.pixels == 0 || !area.contains_rect(&rect) {
                Kind::Outside
            } else if counts.glyphs || block.is_text() && !counts.noisy {
                Kind::Text
            } else if block.is_textured() {
                Kind::Textured
            } else {
                Kind::Flat
            }
        };
        let kinds: Vec<Kind> = blocks.iter().enumerate().map(kind).collect();
        let mut grid = Self { kinds, columns };
        let beside = |grid: &Self, i: usize, kind| grid.around(i).any(|j| grid.kinds[j] == kind);
        // What reaches over the edge of a block with letters in it is a part of them.
        let halo = |i: &usize| {
            let block = &blocks[*i].block;
            let ground = block.sharp > 0 && block.flat * 4 >= block.pairs;
            ground && grid.kinds[*i] != Kind::Outside && beside(&grid, *i, Kind::Text)
        };
        let halo: Vec<usize> = (0..blocks.len()).filter(halo).collect();
        halo.into_iter().for_each(|i| grid.kinds[i] = Kind::Text);
        let lonely = |i: &usize| grid.kinds[*i] == Kind::Flat && !beside(&grid, *i, Kind::Textured);
        let lonely: Vec<usize> = (0..blocks.len()).filter(lonely).collect();
        lonely.into_iter().for_each(|i| grid.kinds[i] = Kind::Outside);
        grid
    }

    /// The up to eight blocks around one.
    fn around(&self, i: usize) -> impl Iterator<Item = usize> + use<> {
        let (columns, rows) = (self.columns, self.kinds.len() / self.columns);
        let (x, y) = (i % columns, i / columns);
        let ys = y.saturating_sub(1)..(y + 2).min(rows);
        ys.flat_map(move |v| (x.saturating_sub(1)..(x + 2).min(columns)).map(move |u| v * columns + u))
    }

    /// Takes the largest photo out.
    fn take(&mut self) -> Option<Rect> {
        loop {
            let (x, y, width, height) = self.largest()?;
            if width < 2 || height < 2 || ((width * height) as u32) < BLOCKS {
                return None;
            }
            let cells = || (y..y + height).flat_map(|y| (x..x + width).map(move |x| (x, y)));
            let at = |(x, y): (usize, usize)| y * self.columns + x;
            let textured = cells().filter(|c| self.kinds[at(*c)] == Kind::Textured).count();
            let photo = textured * 2 >= width * height;
            let gone: Vec<usize> =
                cells().map(at).filter(|i| photo || self.kinds[*i] == Kind::Flat).collect();
            gone.into_iter().for_each(|i| self.kinds[i] = Kind::Outside);
            if photo {
                return Some(rect_of(x, y, width, height));
            }
        }
    }

    /// The largest rectangle without a block that may not be lossy: left, top, width, height.
    fn largest(&self) -> Option<(usize, usize, usize, usize)> {
        let mut best = (0, 0, 0, 0);
        let mut heights = vec![0usize; self.columns + 1];
        for (y, row) in self.kinds.chunks_exact(self.columns).enumerate() {
            for (height, kind) in heights.iter_mut().zip(row) {
                *height = if matches!(kind, Kind::Flat | Kind::Textured) { *height + 1 } else { 0 };
            }
            // Starts of the runs of columns that are at least so high; the last column of all is 0 high.
            let mut open: Vec<(usize, usize)> = Vec::new();
            for (x, &height) in heights.iter().enumerate() {
                let mut start = x;
                while let Some(&(from, high)) = open.last()
                    && high >= height
                {
                    open.pop();
                    start = from;
                    if high * (x - from) > best.2 * best.3 {
                        best = (from, y + 1 - high, x - from, high);
                    }
                }
                if height > 0 {
                    open.push((start, height));
                }
            }
        }
        (best.2 > 0).then_some(best)
    }
}

/// Blocks as pixels.
fn rect_of(x: usize, y: usize, width: usize, height: usize) -> Rect {
    let at = |n: usize| (n * BLOCK as usize) as i32;
    Rect::new(at(x), at(y), at(x + width), at(y + height))
}

/// How the colours of a few pixels are spread.
struct Colours {
    pixels: usize,
    /// Pixels of the most frequent colour.
    most: usize,
    /// How many colours there are.
    distinct: usize,
}

impl Colours {
    fn of(truth: SurfaceRef<'_>, rect: Rect) -> Self {
        let row = |y: i32| truth.row(y as u32)[rect.left as usize..rect.right as usize].iter();
        let mut pixels: Vec<u32> = (rect.top..rect.bottom).flat_map(row).map(|p| p & 0xff_ffff).collect();
        pixels.sort_unstable();
        let runs = || pixels.chunk_by(|a, b| a == b).map(<[u32]>::len);
        Self { pixels: pixels.len(), most: runs().max().unwrap_or(0), distinct: runs().count() }
    }

    /// Beside the ground nearly every pixel has a colour of its own. The rims of glyphs have few: stems and bows
    /// repeat them.
    fn is_noise(&self) -> bool {
        let other = self.pixels - self.most;
        other >= NOISE && (self.distinct - 1) * 4 >= other * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qxl::SurfaceFormat;
    use crate::qxl::testing::Rng;
    use spice_raster::Surface;

    fn surface(width: u32, height: u32, f: impl Fn(u32, u32) -> u32) -> Surface {
        let mut surface = Surface::new(SurfaceFormat::X8R8G8B8, width, height, 1 << 26).unwrap();
        for y in 0..height {
            (0..).zip(surface.view_mut().row(y)).for_each(|(x, p)| *p = f(x, y));
        }
        surface
    }

    /// Soft hills with grain.
    fn hills(x: u32, y: u32) -> u32 {
        let v = (x * x / 37 + y * y / 53 + x * y / 71) % 200 / 2 + ((x ^ y) & 3);
        v | v << 8 | v << 16
    }

    fn letters(x: u32, y: u32) -> u32 {
        if x.is_multiple_of(7) || y.is_multiple_of(9) { 0 } else { 0xff_ffff }
    }

    fn images(rects: &[Rect]) -> Vec<Piece> {
        rects.iter().map(|rect| Piece { rect: *rect, kind: PieceKind::Image }).collect()
    }

    #[test]
    fn photos_are_cut_out_and_text_is_not_touched() {
        // A page with text, and a photo at no round place in it.
        let photo = Rect::new(103, 57, 355, 245);
        let inside = |x: u32, y: u32| (103..355).contains(&x) && (57..245).contains(&y);
        let page = surface(400, 300, |x, y| if inside(x, y) { hills(x, y) } else { letters(x, y) });
        let whole = Rect::of_size(400, 300);
        let mut pieces = images(&[whole]);
        let count = cut(page.view(), &Region::from_rect(whole), &mut pieces);
        assert!(count > 0);
        let photos = Region::from_rects(pieces[pieces.len() - count..].iter().map(|p| p.rect));
        assert!(photos.rects().iter().all(|r| photo.contains(r)), "{photos:?}");
        assert!(photos.area() * 10 > photo.area() * 7, "{} of {}", photos.area(), photo.area());
        // Sent as images of their own, photos are lossy to their rims.
        let mut pieces = images(&[photo]);
        assert_eq!(cut(page.view(), &Region::from_rect(whole), &mut pieces), 1);
        assert_eq!(pieces, images(&[photo]));
        // But not where the truth is not known around them, nor text, nor what is flat or small.
        let only = Region::from_rect(Rect::new(112, 64, 144, 128));
        let mut pieces = images(&[photo]);
        assert_eq!(cut(page.view(), &only, &mut pieces), 1);
        assert_eq!(pieces.last().unwrap().rect, Rect::new(112, 64, 144, 128));
        for (other, rect) in [
            (surface(400, 300, letters), whole),
            (surface(400, 300, |_, _| 0x33_6699), whole),
            (surface(400, 300, hills), Rect::new(0, 0, 300, 16)),
        ] {
            let mut pieces = images(&[rect]);
            assert_eq!(cut(other.view(), &Region::from_rect(whole), &mut pieces), 0);
            assert_eq!(pieces, images(&[rect]));
        }
    }

    #[test]
    fn a_word_on_a_photo_stays_exact() {
        let glyph = |x: u32, y: u32| {
            (160..240).contains(&x) && (100..116).contains(&y) && x % 8 < 3 && (y % 8 < 6 || x % 8 == 1)
        };
        let page = surface(400, 300, |x, y| if glyph(x, y) { 0xff_ffff } else { hills(x, y) });
        let whole = Rect::of_size(400, 300);
        let mut pieces = images(&[whole]);
        let count = cut(page.view(), &Region::from_rect(whole), &mut pieces);
        let photos = Region::from_rects(pieces[pieces.len() - count..].iter().map(|p| p.rect));
        assert!(!photos.intersects_rect(&Rect::new(160, 100, 240, 116)), "{photos:?}");
        assert!(photos.area() * 10 > whole.area() * 8, "{}", photos.area());
    }

    #[test]
    fn noise_before_a_plain_ground_is_no_text() {
        let noise = |x: u32, y: u32| {
            (x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca6b)).wrapping_mul(0x2c1b_3c6d) >> 8
        };
        let page = surface(256, 256, |x, y| if (x / 4 + y / 4) % 3 == 0 { 0 } else { noise(x, y) });
        let whole = Rect::of_size(256, 256);
        let mut pieces = images(&[whole]);
        assert_eq!(cut(page.view(), &Region::from_rect(whole), &mut pieces), 1);
        assert_eq!(pieces, images(&[whole]));
    }

    #[test]
    fn lively_is_what_was_sent_twice_within_a_second() {
        let ms = Duration::from_millis;
        let film = Rect::new(100, 100, 300, 200);
        let mut recent = Recent::default();
        for at in [0, 40, 80] {
            assert_eq!(recent.is_lively(ms(at), film), at == 80);
            recent.note(ms(at), &images(&[film, Rect::new(0, 0, 10, 10)]));
        }
        assert!(!recent.is_lively(ms(90), Rect::new(50, 100, 140, 200)));
        assert!(recent.is_lively(ms(90), Rect::new(80, 100, 140, 200)));
        assert!(recent.is_lively(ms(1030), film) && !recent.is_lively(ms(1040), film));
    }

    #[test]
    fn the_same_pixels_are_drawn() {
        for seed in 1..30 {
            let mut rng = Rng::seeded(seed);
            let (width, height) = (rng.range(1, 200) as u32, rng.range(1, 200) as u32);
            let split = rng.range(0, 200) as u32;
            let page = surface(width, height, |x, y| if x < split { hills(x, y) } else { letters(x, y) });
            let mut random = || {
                let [x, y] = [width, height].map(|n| rng.below(n) as i32);
                Rect::new(x, y, x + 1 + rng.below(150) as i32, y + 1 + rng.below(150) as i32)
                    .intersect(&page.bounds())
            };
            let rects = Region::from_rects([random(), random(), random()]);
            let mut pieces = images(rects.rects());
            let area = rects.union(&Region::from_rect(random()));
            let count = cut(page.view(), &area, &mut pieces);
            let all = Region::from_rects(pieces.iter().map(|p| p.rect));
            assert_eq!(all.intersect(&rects), rects, "SPICE_RENDER_SEED={seed}");
            assert_eq!(all.subtract(&area), Region::new(), "SPICE_RENDER_SEED={seed}");
            let sum: u64 = pieces.iter().map(|p| p.rect.area()).sum();
            assert!(sum == all.area() && count <= pieces.len(), "SPICE_RENDER_SEED={seed}");
        }
    }
}
