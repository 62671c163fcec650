//! What is in the blocks of a surface: where photos may be cut out.

use crate::client::encode::{BLOCK, Block};
use spice_raster::{Rect, Region, SurfaceRef};

/// Blocks of the smallest photo: below, JPEG's tables alone cost what it saves.
pub(super) const BLOCKS: u32 = 8;
/// Pixels of one colour in a block of soft pixels with some edges that make it text on a photo.
const SAME: usize = 24;
/// Pixels that are needed to tell noise from the rims of glyphs.
const NOISE: usize = 32;
/// Sharp edges between colours that come again, of which there are as many in any piece of a letter.
const STROKES: u32 = 8;
/// Side of a square of ground in a block with noise on it; strokes of glyphs are narrower, small ones.
const SOLID: u32 = 4;

/// What photos are cut out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be sent exactly, by a codec that suits them.
    Parts,
    /// To be sent as JPEG.
    Jpeg,
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

/// What is in a block, of what is sent as images.
#[derive(Clone, Copy, Default)]
struct Counts {
    block: Block,
    pixels: u32,
    /// A few pixels of one colour, with edges, among soft ones.
    glyphs: bool,
    /// Edges are those of noise.
    noisy: bool,
    /// Sharp edges between colours that come again and again: glyphs on ground that is not quite flat.
    repeats: bool,
    /// The same, if it is beside a block with letters.
    may_repeat: bool,
}

impl Counts {
    /// Looks at the colours of a part of the block that has sharp edges.
    fn edges(&mut self, truth: SurfaceRef<'_>, part: Rect, block: &Block, purpose: Purpose) {
        let sharp = block.sharp >= 8;
        let some = purpose == Purpose::Jpeg && block.sharp >= 3 && block.sharp * 20 >= part.area() as u32;
        if !sharp && !some {
            return;
        }
        let colours = Colours::of(truth, part);
        let edges = if some { Edges::of(truth, part, &colours) } else { Edges::default() };
        let noise = edges.are_noise() && colours.rare >= NOISE;
        // Shades of grey are few: they come again in photos too.
        if some && !noise && !colours.grey {
            self.repeats |= edges.repeated >= STROKES && edges.repeated * 10 >= edges.sharp
                || colours.distinct * 10 <= colours.pixels * 3;
            self.may_repeat |= edges.repeated * 20 >= edges.sharp || colours.distinct * 2 <= colours.pixels;
        }
        if sharp {
            self.noisy &= noise || colours.is_noise();
            let soft = block.sharp * 2 < block.pairs - block.flat;
            self.glyphs |= block.sharp >= 12 && soft && colours.most >= SAME && !noise;
        }
    }
}

/// A surface in blocks.
pub(super) struct Grid {
    kinds: Vec<Kind>,
    columns: usize,
}

impl Grid {
    pub(super) fn new(truth: SurfaceRef<'_>, area: &Region, purpose: Purpose, images: &[Rect]) -> Self {
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
                    counts.edges(truth, part, &block, purpose);
                }
            }
        }
        let kind = |(i, counts): (usize, &Counts)| {
            let block = &counts.block;
            let rect = rect_of(i % columns, i / columns, 1, 1).intersect(&bounds);
            if counts.pixels == 0 || !area.contains_rect(&rect) {
                Kind::Outside
            } else if counts.glyphs || counts.repeats || block.is_text() && !counts.noisy {
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
            (ground || blocks[*i].may_repeat)
                && grid.kinds[*i] != Kind::Outside
                && beside(&grid, *i, Kind::Text)
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
    pub(super) fn take(&mut self, narrow: impl Fn(Rect) -> bool) -> Option<Rect> {
        loop {
            let (x, y, width, height) = self.largest()?;
            let too_narrow = width.min(height) < 2 && !narrow(rect_of(x, y, width, height));
            if too_narrow || ((width * height) as u32) < BLOCKS {
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

/// How far the channels of what counts as grey may be apart.
const GREY: u8 = 16;
/// Pixels of a colour that comes again.
const AGAIN: usize = 3;

/// How the colours of a few pixels are spread.
struct Colours {
    pixels: usize,
    /// Pixels of the most frequent colour.
    most: usize,
    /// How many colours there are.
    distinct: usize,
    /// Those of [`AGAIN`] pixels or more, ascending.
    again: Vec<u32>,
    /// Pixels of others.
    rare: usize,
    /// All of them are nearly grey.
    grey: bool,
}

impl Colours {
    fn of(truth: SurfaceRef<'_>, rect: Rect) -> Self {
        let row = |y: i32| truth.row(y as u32)[rect.left as usize..rect.right as usize].iter();
        let mut pixels: Vec<u32> = (rect.top..rect.bottom).flat_map(row).map(|p| p & 0xff_ffff).collect();
        pixels.sort_unstable();
        let mut colours =
            Self { pixels: pixels.len(), most: 0, distinct: 0, again: Vec::new(), rare: 0, grey: true };
        for run in pixels.chunk_by(|a, b| a == b) {
            colours.most = colours.most.max(run.len());
            colours.distinct += 1;
            let [b, g, r, _] = run[0].to_le_bytes();
            colours.grey &= g.abs_diff(b).max(g.abs_diff(r)) <= GREY;
            if run.len() >= AGAIN {
                colours.again.push(run[0]);
            } else {
                colours.rare += run.len();
            }
        }
        colours
    }

    /// Beside the ground nearly every pixel has a colour of its own. The rims of glyphs have few: stems and bows
    /// repeat them.
    fn is_noise(&self) -> bool {
        let other = self.pixels - self.most;
        other >= NOISE && (self.distinct - 1) * 4 >= other * 3
    }
}

/// The sharp edges of a few pixels: pairs of neighbours.
#[derive(Default)]
struct Edges {
    sharp: u32,
    /// Between two colours that come again.
    repeated: u32,
    /// Between two that do not.
    rare: u32,
    /// There is a square of [`SOLID`] pixels of colours that come again.
    solid: bool,
}

impl Edges {
    fn of(truth: SurfaceRef<'_>, rect: Rect, colours: &Colours) -> Self {
        let row = |y: i32| &truth.row(y as u32)[rect.left as usize..rect.right as usize];
        let marked = |y: i32| -> Vec<bool> {
            row(y).iter().map(|p| colours.again.binary_search(&(p & 0xff_ffff)).is_ok()).collect()
        };
        let mut edges = Self::default();
        let mut again = marked(rect.top);
        // How many pixels that come again end in each column, upwards.
        let mut heights = vec![0u32; again.len()];
        for y in rect.top..rect.bottom {
            let (this, mut run) = (row(y), 0);
            for (height, again) in heights.iter_mut().zip(&again) {
                *height = if *again { *height + 1 } else { 0 };
                run = if *height >= SOLID { run + 1 } else { 0 };
                edges.solid |= run >= SOLID;
            }
            for (p, m) in this.windows(2).zip(again.windows(2)) {
                edges.pair(p[0], p[1], m[0], m[1]);
            }
            if y + 1 < rect.bottom {
                let below = marked(y + 1);
                for ((a, b), (m, n)) in this.iter().zip(row(y + 1)).zip(again.iter().zip(&below)) {
                    edges.pair(*a, *b, *m, *n);
                }
                again = below;
            }
        }
        edges
    }

    fn pair(&mut self, a: u32, b: u32, again: bool, other: bool) {
        if Block::is_sharp(a, b) {
            self.sharp += 1;
            self.repeated += u32::from(again && other);
            self.rare += u32::from(!again && !other);
        }
    }

    /// Noise before a ground. Letters on a photo have pixels of all kinds beside them too, but their edges are between these
    /// and the letters' one colour.
    fn are_noise(&self) -> bool {
        self.solid && self.rare * 5 >= self.sharp * 3
    }
}
