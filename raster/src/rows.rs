//! What the drawing operations read, row by row: pictures, scaled or not, and brushes.

use crate::aligned::AlignedWords;
use crate::brush::TileStart;
use crate::geom::Rect;
use crate::kernels::bilinear::{Sums, along_x, along_y};
use crate::kernels::pick::{Picked, Picks, SLACK, pick_pairs, pick_row};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use crate::kernels::shrink::{Pairs, shrink_row};
use crate::kernels::with_level;
use crate::pixel::{convert_raw, from_argb, raw_pixel, set_raw_pixel, to_argb};
use crate::region::Region;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use crate::sample::lerp2;
use crate::sample::{Filter, Sampler};
use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};
use bytemuck::{cast_slice, cast_slice_mut};
use fearless_simd::Level;
use std::ops::Range;

/// Whether rows of this format can be taken as bytes.
pub(crate) const fn whole_bytes(format: SurfaceFormat) -> bool {
    format.bits_per_pixel() >= 8
}

/// Calls `f` with the bytes of each row of each rectangle of the clip: y, left, right, bytes.
#[inline(always)]
pub(crate) fn each_row(dst: &mut SurfaceMut<'_>, clip: &Region, mut f: impl FnMut(i32, i32, i32, &mut [u8])) {
    for r in clip.rects_in(dst.bounds()) {
        for y in r.top..r.bottom {
            f(y, r.left, r.right, dst.bytes(y, r.left, r.right));
        }
    }
}

/// Rows of a picture as raw pixels of a format, for target rows.
pub(crate) enum SourceRows<'a> {
    /// Rows of the picture itself, `dx`, `dy` away; every row that is asked for must be inside.
    Direct { src: SurfaceRef<'a>, dx: i64, dy: i64 },
    /// Rows made pixel by pixel.
    Sampled(Box<SampledRows<'a>>),
}

impl<'a> SourceRows<'a> {
    /// For targets inside `targets`.
    pub(crate) fn new(level: Level, sampler: &Sampler<'a>, targets: Rect) -> Self {
        let src = sampler.src;
        if let Some((dx, dy)) = sampler.offset {
            let inside = |from: i32, to: i32, d: i64, size: u32| {
                i64::from(from) + d >= 0 && i64::from(to) + d <= i64::from(size)
            };
            if src.format() == sampler.out
                && inside(targets.left, targets.right, dx, src.width())
                && inside(targets.top, targets.bottom, dy, src.height())
            {
                return Self::Direct { src, dx, dy };
            }
        }
        Self::Sampled(Box::new(SampledRows::new(level, *sampler)))
    }

    /// The bytes of the pixels for columns `left..right` of target row `y`.
    #[inline(always)]
    pub(crate) fn row(&mut self, y: i32, left: i32, right: i32) -> &[u8] {
        match self {
            Self::Direct { src, dx, dy } => {
                let column = |x: i32| (i64::from(x) + *dx) as i32;
                src.bytes((i64::from(y) + *dy) as i32, column(left), column(right))
            }
            Self::Sampled(rows) => rows.row(y, left, right),
        }
    }

    /// Puts the pixels for columns `left..right` of target row `y` straight into `out`, where that is quicker than a
    /// copy of [`SourceRows::row`]; false, and nothing done, where it is not.
    #[inline(always)]
    pub(crate) fn put(&mut self, y: i32, left: i32, right: i32, out: &mut [u8]) -> bool {
        match self {
            Self::Direct { .. } => false,
            Self::Sampled(rows) => rows.put(y, left, right, out),
        }
    }
}

/// Makes rows through a [`Sampler`]; keeps what the next row can use again.
pub(crate) struct SampledRows<'a> {
    level: Level,
    sampler: Sampler<'a>,
    /// The pixels of the last row.
    out: AlignedWords,
    /// The source row that `out` holds; if bilinear, the upper of both, and the lower one's weight.
    holds: Option<(i64, u32)>,
    /// The columns that all the following is for.
    columns: Range<i32>,
    /// Those of them, counted from the first, that read no pixel outside the picture's width.
    inside: Range<usize>,
    /// Rows made so far: picks are worth their making from a few on.
    made: u32,
    picks: Picks,
    /// Bilinear: the source column of the first tap, for the columns inside.
    taps: Vec<u32>,
    /// Bilinear: the second tap's weight, in both halves.
    weights: AlignedWords,
    sums: [Sums; 2],
    /// Which source rows `sums` are of.
    sums_of: [Option<i64>; 2],
    /// A source row in 0xAARRGGBB, where it has another format.
    argb: AlignedWords,
    left: AlignedWords,
    right: AlignedWords,
    /// What rows of a shrunk picture are made of, once one has been.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    pairs: Option<Pairs>,
}

/// How many rows with the same columns are made before picks are.
const ROWS_BEFORE_PICKS: u32 = 4;

impl<'a> SampledRows<'a> {
    pub(crate) fn new(level: Level, sampler: Sampler<'a>) -> Self {
        Self {
            level,
            sampler,
            out: AlignedWords::default(),
            holds: None,
            columns: 0..0,
            inside: 0..0,
            made: 0,
            picks: Picks::default(),
            taps: Vec::new(),
            weights: AlignedWords::default(),
            sums: Default::default(),
            sums_of: [None; 2],
            argb: AlignedWords::default(),
            left: AlignedWords::default(),
            right: AlignedWords::default(),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            pairs: None,
        }
    }

    /// The bytes of the pixels for columns `left..right` of target row `y`.
    pub(crate) fn row(&mut self, y: i32, left: i32, right: i32) -> &[u8] {
        if self.columns != (left..right) {
            self.set_columns(left..right);
        }
        let key = self.key(y);
        if self.holds != Some(key) {
            let mut out = std::mem::take(&mut self.out);
            self.make(key, &mut out);
            self.out = out;
            self.holds = Some(key);
        }
        let size = self.sampler.out.bits_per_pixel() as usize / 8;
        &cast_slice(&self.out)[..(right - left) as usize * size]
    }

    /// See [`SourceRows::put`]: of a picture that is shrunk no row is wanted twice.
    fn put(&mut self, y: i32, left: i32, right: i32, out: &mut [u8]) -> bool {
        if !self.sampler.y.shrinks() || self.sampler.out.bits_per_pixel() != 32 {
            return false;
        }
        if self.columns != (left..right) {
            self.set_columns(left..right);
        }
        self.make(self.key(y), cast_slice_mut(out));
        true
    }

    /// The source row for a target row; if bilinear, the upper of both, and the lower one's weight.
    fn key(&self, y: i32) -> (i64, u32) {
        match self.sampler.filter {
            Filter::Nearest => (self.sampler.y.nearest(y), 0),
            Filter::Bilinear => self.sampler.y.pair(y),
        }
    }

    /// Makes a row for the columns.
    fn make(&mut self, (sy, weight): (i64, u32), out: &mut [u32]) {
        match self.sampler.filter {
            Filter::Nearest => self.make_nearest(sy, out),
            Filter::Bilinear => self.make_bilinear(sy, weight, out),
        }
    }

    fn set_columns(&mut self, columns: Range<i32>) {
        self.holds = None;
        self.sums_of = [None; 2];
        self.made = 0;
        self.picks = Picks::default();
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            self.pairs = None;
        }
        let x = self.sampler.x;
        let count = (columns.end - columns.start) as usize;
        let width = i64::from(self.sampler.src.width());
        let column = |i: usize| columns.start + i as i32;
        // Positions grow with the column, so that those inside are one run.
        self.inside = match self.sampler.filter {
            Filter::Nearest => {
                let first = partition(count, |i| x.nearest(column(i)) < 0);
                first..partition(count, |i| x.nearest(column(i)) < width).max(first)
            }
            Filter::Bilinear => {
                let first = partition(count, |i| x.pair(column(i)).0 < 0);
                first..partition(count, |i| x.pair(column(i)).0 < width - 1).max(first)
            }
        };
        self.out.set_len(self.sampler.out.words_per_row(count as u32));
        if self.sampler.filter == Filter::Bilinear {
            self.taps.clear();
            self.taps.extend(self.inside.clone().map(|i| x.pair(column(i)).0 as u32));
            self.weights.set_len(count);
            for (i, weight) in self.weights.iter_mut().enumerate() {
                let (_, w) = x.pair(column(i));
                *weight = w | w << 16;
            }
            self.left.set_len(count + SLACK);
            self.right.set_len(count + SLACK);
        }
        self.columns = columns;
    }

    /// Counts a row, and makes the picks when it is time; of positions in rows of `row_len` pixels.
    fn count_row(&mut self, row_len: usize) {
        self.made = self.made.saturating_add(1);
        if self.made == ROWS_BEFORE_PICKS && !self.inside.is_empty() {
            let (first, x) = (self.columns.start, self.sampler.x);
            let nearest = self.sampler.filter == Filter::Nearest;
            if nearest {
                self.taps.clear();
                self.taps.extend(self.inside.clone().map(|i| x.nearest(first + i as i32) as u32));
            }
            let picked = if nearest { Picked::One } else { Picked::Pair };
            self.picks = with_level!(self.level, simd => Picks::new(simd, &self.taps, row_len, picked));
        }
    }

    /// A row by nearest pixel.
    fn make_nearest(&mut self, sy: i64, out: &mut [u32]) {
        let src = self.sampler.src;
        let row = match u32::try_from(sy) {
            Ok(sy) if sy < src.height() && !self.inside.is_empty() => src.row(sy),
            _ => return out.fill(0),
        };
        let (from, to) = (src.format(), self.sampler.out);
        let count = (self.columns.end - self.columns.start) as usize;
        let (inside, x) = (self.inside.clone(), self.sampler.x);
        if inside != (0..count) {
            out.fill(0);
        }
        let (start, step) = x.nearest_run(self.columns.start + inside.start as i32);
        let via_argb = self.sampler.offset.is_none() && from == SurfaceFormat::X1R5G5B5;
        match (from.bits_per_pixel(), to.bits_per_pixel()) {
            (32, 32) => {
                self.count_row(row.len());
                let out = &mut out[inside];
                if self.picks.is_useful() {
                    let done = with_level!(self.level, simd => pick_row(simd, &self.picks, row, out));
                    gather_at(&mut out[done..], row, &self.taps[done..]);
                } else if self.made > ROWS_BEFORE_PICKS {
                    gather_at(out, row, &self.taps);
                } else {
                    gather(out, row, start, step);
                }
                if from == SurfaceFormat::X8R8G8B8 && to == SurfaceFormat::A8R8G8B8 {
                    out.iter_mut().for_each(|p| *p |= 0xff00_0000);
                }
            }
            (16, 16) if from == to => {
                let out = &mut cast_slice_mut::<u32, u16>(out)[inside];
                gather(out, cast_slice(row), start, step);
                if via_argb {
                    out.iter_mut().for_each(|p| *p &= 0x7fff);
                }
            }
            (8, 8) => {
                let out = &mut cast_slice_mut::<u32, u8>(out)[inside];
                gather(out, cast_slice(row), start, step);
            }
            _ => {
                for i in inside {
                    let raw = raw_pixel(from, row, x.nearest(self.columns.start + i as i32) as usize);
                    let raw =
                        if via_argb { from_argb(to, to_argb(from, raw)) } else { convert_raw(from, to, raw) };
                    set_raw_pixel(to, out, i, raw);
                }
            }
        }
    }

    /// A row between source rows `sy` and `sy + 1`, whose weight is `weight` / 128.
    fn make_bilinear(&mut self, sy: i64, weight: u32, out: &mut [u32]) {
        if self.sampler.y.shrinks_much() && self.shrink(sy, weight, out) {
            return;
        }
        // Keep the interpolated rows that are still good: going down, the lower one becomes the upper one.
        if self.sums_of[1] == Some(sy) {
            self.sums.swap(0, 1);
            self.sums_of.swap(0, 1);
        }
        for (i, y) in [sy, sy.saturating_add(1)].into_iter().enumerate() {
            // A row of weight 0 adds nothing, whatever it holds.
            if self.sums_of[i] != Some(y) && !(i == 1 && weight == 0) {
                self.interpolate_row(i, y);
            }
        }
        let (above, below) = (&self.sums[0], &self.sums[usize::from(weight != 0)]);
        let count = self.weights.len();
        let to = self.sampler.out;
        if to.bits_per_pixel() == 32 {
            let out = &mut out[..count];
            return with_level!(self.level, simd => along_y(simd, above, below, weight, out));
        }
        let argb = &mut self.left[..count];
        with_level!(self.level, simd => along_y(simd, above, below, weight, argb));
        for (i, &argb) in argb.iter().enumerate() {
            set_raw_pixel(to, out, i, from_argb(to, argb));
        }
    }

    /// Makes such a row of both source rows at once, where the machine and the formats are right for it and both are
    /// inside the picture; else gives false.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    fn shrink(&mut self, sy: i64, weight: u32, out: &mut [u32]) -> bool {
        let (src, to) = (self.sampler.src, self.sampler.out);
        let Some(avx2) = self.level.as_avx2() else { return false };
        let Ok(top) = u32::try_from(sy) else { return false };
        // A row of weight 0 adds nothing, whatever it holds.
        let bottom = top.saturating_add(u32::from(weight != 0));
        if src.format().bits_per_pixel() != 32 || to.bits_per_pixel() != 32 || bottom >= src.height() {
            return false;
        }
        let rows = [src.row(top), src.row(bottom)];
        let (first, x) = (self.columns.start, self.sampler.x);
        let opaque = match (src.format(), to) {
            (SurfaceFormat::X8R8G8B8, SurfaceFormat::A8R8G8B8) => 0xff00_0000,
            _ => 0,
        };
        let pairs = self.pairs.get_or_insert_with(|| {
            let columns = self.inside.clone().map(|i| x.pair(first + i as i32));
            Pairs::new(columns.map(|(tap, weight)| (tap as u32, weight)), src.width() as usize)
        });
        let count = self.weights.len();
        let inside = &mut out[self.inside.clone()];
        shrink_row(avx2, pairs, rows, weight, inside);
        if opaque != 0 {
            inside.iter_mut().for_each(|p| *p |= opaque);
        }
        // At the picture's edges a tap or both are outside, and 0.
        for i in (0..self.inside.start).chain(self.inside.end..count) {
            let (tap, wx) = x.pair(first + i as i32);
            let pixel = |row: usize, tap: i64| {
                let word = usize::try_from(tap).ok().and_then(|x| rows[row].get(x));
                word.map_or(0, |word| word | opaque)
            };
            let next = tap.saturating_add(1);
            out[i] = lerp2([pixel(0, tap), pixel(0, next), pixel(1, tap), pixel(1, next)], wx, weight);
        }
        true
    }

    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    fn shrink(&mut self, _sy: i64, _weight: u32, _out: &mut [u32]) -> bool {
        false
    }

    /// Interpolates source row `y` along x into `sums[i]`.
    fn interpolate_row(&mut self, i: usize, y: i64) {
        self.sums_of[i] = Some(y);
        let src = self.sampler.src;
        let width = src.width() as usize;
        let count = self.weights.len();
        let y = match u32::try_from(y) {
            Ok(y) if y < src.height() => y,
            _ => return self.sums[i].set_zero(count),
        };
        self.count_row(width);
        let direct = match (src.format(), self.sampler.out) {
            (SurfaceFormat::X8R8G8B8, SurfaceFormat::X8R8G8B8) | (SurfaceFormat::A8R8G8B8, _) => true,
            (from, _) => {
                self.argb.set_len(width);
                let row = src.row(y);
                match from {
                    SurfaceFormat::X8R8G8B8 => {
                        self.argb.iter_mut().zip(row).for_each(|(p, raw)| *p = raw | 0xff00_0000);
                    }
                    _ => {
                        let pixels = self.argb.iter_mut().enumerate();
                        pixels.for_each(|(x, p)| *p = to_argb(from, raw_pixel(from, row, x)));
                    }
                }
                false
            }
        };
        let row: &[u32] = if direct { src.row(y) } else { &self.argb };
        let inside = self.inside.clone();
        if self.picks.is_useful() {
            with_level!(self.level, simd => {
                let (left, right) = (&mut self.left[inside.start..], &mut self.right[inside.start..]);
                pick_pairs(simd, &self.picks, row, left, right);
            });
        } else {
            let pixels = self.left[inside.clone()].iter_mut().zip(&mut self.right[inside.clone()]);
            for (&tap, (l, r)) in self.taps.iter().zip(pixels) {
                let pair = row[tap as usize..].first_chunk::<2>().copied().unwrap_or_default();
                (*l, *r) = (pair[0], pair[1]);
            }
        }
        // At the picture's edges a tap or both are outside, and 0.
        let pixel = |tap: i64| usize::try_from(tap).ok().and_then(|x| row.get(x)).copied().unwrap_or(0);
        for i in (0..inside.start).chain(inside.end..count) {
            let (tap, _) = self.sampler.x.pair(self.columns.start + i as i32);
            self.left[i] = pixel(tap);
            self.right[i] = pixel(tap.saturating_add(1));
        }
        let (left, right, weights) = (&self.left[..count], &self.right[..count], &self.weights[..]);
        with_level!(self.level, simd => along_x(simd, left, right, weights, &mut self.sums[i]));
    }
}

/// Takes pixels of a row at positions (start + i · step) >> 16, which are all inside.
#[inline(always)]
fn gather<P: Copy>(out: &mut [P], row: &[P], start: u64, step: u64) {
    let mut v = start;
    // Eight at a time, each position from the block's own: no chain of additions, a tenth of the loop's overhead.
    let (blocks, rest) = out.as_chunks_mut::<8>();
    for block in blocks {
        for (i, p) in block.iter_mut().enumerate() {
            *p = row[((v + step * i as u64) >> 16) as usize];
        }
        v += 8 * step;
    }
    for p in rest {
        *p = row[(v >> 16) as usize];
        v += step;
    }
}

/// Takes the pixels of a row at these positions.
#[inline(always)]
fn gather_at(out: &mut [u32], row: &[u32], positions: &[u32]) {
    let (blocks, rest) = out.as_chunks_mut::<8>();
    let (position_blocks, position_rest) = positions.as_chunks::<8>();
    for (block, positions) in blocks.iter_mut().zip(position_blocks) {
        for (p, &at) in block.iter_mut().zip(positions) {
            *p = row[at as usize];
        }
    }
    for (p, &at) in rest.iter_mut().zip(position_rest) {
        *p = row[at as usize];
    }
}

/// How many of the first of `count` numbers fulfil a condition that no number does after one that does not.
fn partition(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = (low + high) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Fills `out` with pixels of `size` bytes of a tile's row, from pixel `start`, which may be negative: pixels before
/// the tile's first are 0.
fn repeat_row(out: &mut [u8], tile_row: &[u8], size: usize, start: i64) {
    let before = usize::try_from(-start).unwrap_or(0).saturating_mul(size).min(out.len());
    let (before, out) = out.split_at_mut(before);
    before.fill(0);
    let period = tile_row.len();
    let phase = usize::try_from(start).unwrap_or(0) * size % period;
    let mut put = |at: usize, from: &[u8]| {
        let len = from.len().min(out.len() - at);
        out[at..at + len].copy_from_slice(&from[..len]);
        at + len
    };
    let at = put(0, &tile_row[phase..]);
    let mut done = put(at, &tile_row[..phase]);
    // One period is there (or all that is wanted): double what is there until it is enough.
    while done < out.len() {
        let more = done.min(out.len() - done);
        out.copy_within(..more, done);
        done += more;
    }
}

/// A tile's rows, repeated along x for one rectangle after the other.
pub(crate) struct TileRows<'a> {
    tile: SurfaceRef<'a>,
    row: AlignedWords,
}

impl<'a> TileRows<'a> {
    /// Of a tile that has pixels, and whole bytes.
    pub(crate) fn new(tile: SurfaceRef<'a>) -> Self {
        Self { tile, row: AlignedWords::default() }
    }

    /// Calls `f` with each row of `r` and the brush's pixels for it. Rows that show the same row of the tile come
    /// one after the other, so that it is repeated once.
    pub(crate) fn each(
        &mut self,
        r: Rect,
        column: &TileStart,
        row: &TileStart,
        edge: (i32, i32),
        mut f: impl FnMut(i32, &[u8]),
    ) {
        let size = self.tile.format().bits_per_pixel() as usize / 8;
        let start = column.unwrapped(r.left, edge.0);
        let height = self.tile.height().min(r.height()) as i32;
        let bytes = r.width() as usize * size;
        self.row.set_len(bytes.div_ceil(4));
        // Rows before the tile's first, where the brush is 0.
        let mut top = r.top;
        if row.pixel(top, edge.1).is_none() {
            self.row.fill(0);
            while top < r.bottom && row.pixel(top, edge.1).is_none() {
                f(top, &cast_slice(&self.row)[..bytes]);
                top += 1;
            }
        }
        for first in top..r.bottom.min(top.saturating_add(height)) {
            let Some(y) = row.pixel(first, edge.1) else { continue };
            let tile_row = self.tile.bytes(y as i32, 0, self.tile.width() as i32);
            // A tile wide enough is read where it is.
            let brush =
                match usize::try_from(start).ok().and_then(|s| tile_row.get(s * size..s * size + bytes)) {
                    Some(brush) => brush,
                    None => {
                        let row = &mut cast_slice_mut(&mut self.row)[..bytes];
                        repeat_row(row, tile_row, size, start);
                        row
                    }
                };
            let mut y = first;
            while y < r.bottom {
                f(y, brush);
                y = y.saturating_add_unsigned(self.tile.height());
            }
        }
    }
}
