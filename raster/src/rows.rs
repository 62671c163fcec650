//! What the drawing operations read, row by row: pictures, scaled or not, and brushes.

use crate::geom::Rect;
use crate::kernels::bilinear::{Sums, along_x, along_y};
use crate::kernels::with_level;
use crate::pixel::{convert_raw, from_argb, raw_pixel, set_raw_pixel, to_argb};
use crate::plain::TileStart;
use crate::region::Region;
use crate::sample::{Filter, Sampler};
use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};
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
}

/// Makes rows through a [`Sampler`]; keeps what the next row can use again.
pub(crate) struct SampledRows<'a> {
    level: Level,
    sampler: Sampler<'a>,
    /// The pixels of the last row.
    out: Vec<u32>,
    /// The columns that all the following is for.
    columns: Range<i32>,
    /// The source row (both rows and weight) that `out` holds.
    holds: Option<(i64, u32)>,
    /// Bilinear: the first tap of each column, in words of a row that has a pixel of zeros at both ends.
    taps: Vec<u32>,
    /// Bilinear: the second tap's weight, in both halves.
    weights: Vec<u32>,
    sums: [Sums; 2],
    /// Which source rows `sums` are of.
    sums_of: [Option<i64>; 2],
    /// A source row with a pixel of zeros before and after it.
    padded: Vec<u32>,
    left: Vec<u32>,
    right: Vec<u32>,
}

impl<'a> SampledRows<'a> {
    fn new(level: Level, sampler: Sampler<'a>) -> Self {
        Self {
            level,
            sampler,
            out: Vec::new(),
            columns: 0..0,
            holds: None,
            taps: Vec::new(),
            weights: Vec::new(),
            sums: Default::default(),
            sums_of: [None; 2],
            padded: Vec::new(),
            left: Vec::new(),
            right: Vec::new(),
        }
    }

    fn row(&mut self, y: i32, left: i32, right: i32) -> &[u8] {
        if self.columns != (left..right) {
            self.set_columns(left..right);
        }
        let key = match self.sampler.filter {
            Filter::Nearest => (self.sampler.y.nearest(y), 0),
            Filter::Bilinear => self.sampler.y.pair(y),
        };
        if self.holds != Some(key) {
            match self.sampler.filter {
                Filter::Nearest => self.make_nearest(key.0),
                Filter::Bilinear => self.make_bilinear(key.0, key.1),
            }
            self.holds = Some(key);
        }
        let size = self.sampler.out.bits_per_pixel() as usize / 8;
        &bytemuck::cast_slice(&self.out)[..(right - left) as usize * size]
    }

    fn set_columns(&mut self, columns: Range<i32>) {
        self.holds = None;
        self.sums_of = [None; 2];
        let words = self.sampler.out.words_per_row((columns.end - columns.start) as u32);
        self.out.clear();
        self.out.resize(words, 0);
        if self.sampler.filter == Filter::Bilinear {
            // Taps outside the picture are the pixels of zeros at the ends: tap i of the padded row is pixel i - 1.
            let last = i64::from(self.sampler.src.width());
            self.taps.clear();
            self.weights.clear();
            for x in columns.clone() {
                let (tap, weight) = self.sampler.x.pair(x);
                let (tap, weight) = match tap {
                    tap if tap < -1 => (0, 0),
                    tap if tap >= last => (last + 1, 0),
                    tap => (tap + 1, weight),
                };
                self.taps.push(tap as u32);
                self.weights.push(weight | weight << 16);
            }
        }
        self.columns = columns;
    }

    /// A row by nearest pixel.
    fn make_nearest(&mut self, sy: i64) {
        let src = self.sampler.src;
        let row = match u32::try_from(sy) {
            Ok(sy) if sy < src.height() => src.row(sy),
            _ => return self.out.fill(0),
        };
        let (from, to) = (src.format(), self.sampler.out);
        // The columns whose pixel is inside the picture; positions grow with the column.
        let x = self.sampler.x;
        let count = (self.columns.end - self.columns.start) as usize;
        let column = |i: usize| x.nearest(self.columns.start + i as i32);
        let first = partition(count, |i| column(i) < 0);
        let end = partition(count, |i| column(i) < i64::from(src.width())).max(first);
        if first > 0 || end < count {
            self.out.fill(0);
        }
        if first == end {
            return;
        }
        let (start, step) = x.nearest_run(self.columns.start + first as i32);
        let inside = first..end;
        let via_argb = self.sampler.offset.is_none() && from == SurfaceFormat::X1R5G5B5;
        match (from.bits_per_pixel(), to.bits_per_pixel()) {
            (32, 32) => {
                let out = &mut self.out[inside];
                gather(out, row, start, step);
                if from == SurfaceFormat::X8R8G8B8 && to == SurfaceFormat::A8R8G8B8 {
                    out.iter_mut().for_each(|p| *p |= 0xff00_0000);
                }
            }
            (16, 16) if from == to => {
                let out = &mut bytemuck::cast_slice_mut::<u32, u16>(&mut self.out)[inside];
                gather(out, bytemuck::cast_slice(row), start, step);
                if via_argb {
                    out.iter_mut().for_each(|p| *p &= 0x7fff);
                }
            }
            (8, 8) => {
                let out = &mut bytemuck::cast_slice_mut::<u32, u8>(&mut self.out)[inside];
                gather(out, bytemuck::cast_slice(row), start, step);
            }
            _ => {
                for i in inside {
                    let raw = raw_pixel(from, row, column(i) as usize);
                    let raw =
                        if via_argb { from_argb(to, to_argb(from, raw)) } else { convert_raw(from, to, raw) };
                    set_raw_pixel(to, &mut self.out, i, raw);
                }
            }
        }
    }

    /// A row between source rows `sy` and `sy + 1`, whose weight is `weight` / 128.
    fn make_bilinear(&mut self, sy: i64, weight: u32) {
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
        let count = self.taps.len();
        let to = self.sampler.out;
        if to.bits_per_pixel() == 32 {
            return with_level!(self.level, simd => along_y(simd, above, below, weight, &mut self.out));
        }
        self.left.resize(count, 0);
        with_level!(self.level, simd => along_y(simd, above, below, weight, &mut self.left[..count]));
        for (i, &argb) in self.left[..count].iter().enumerate() {
            set_raw_pixel(to, &mut self.out, i, from_argb(to, argb));
        }
    }

    /// Interpolates source row `y` along x into `sums[i]`.
    fn interpolate_row(&mut self, i: usize, y: i64) {
        self.sums_of[i] = Some(y);
        let src = self.sampler.src;
        let width = src.width() as usize;
        self.padded.resize(width + 3, 0);
        let inner = &mut self.padded[1..=width];
        match u32::try_from(y) {
            Ok(y) if y < src.height() => {
                let row = src.row(y);
                match (src.format(), self.sampler.out) {
                    (SurfaceFormat::X8R8G8B8, SurfaceFormat::X8R8G8B8) | (SurfaceFormat::A8R8G8B8, _) => {
                        inner.copy_from_slice(row);
                    }
                    (from, _) => inner
                        .iter_mut()
                        .enumerate()
                        .for_each(|(x, p)| *p = to_argb(from, raw_pixel(from, row, x))),
                }
            }
            _ => inner.fill(0),
        }
        let count = self.taps.len();
        self.left.resize(count, 0);
        self.right.resize(count, 0);
        let padded = &self.padded[..];
        for ((&tap, l), r) in self.taps.iter().zip(&mut self.left).zip(&mut self.right) {
            let pair = &padded[tap as usize..tap as usize + 2];
            (*l, *r) = (pair[0], pair[1]);
        }
        let (left, right, weights) = (&self.left[..count], &self.right[..count], &self.weights[..]);
        with_level!(self.level, simd => along_x(simd, left, right, weights, &mut self.sums[i]));
    }
}

/// Takes pixels of a row at positions (start + i · step) >> 16, which are all inside.
#[inline(always)]
fn gather<P: Copy>(out: &mut [P], row: &[P], start: u64, step: u64) {
    let mut v = start;
    for p in out {
        *p = row[(v >> 16) as usize];
        v += step;
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

/// Fills `out` with `count` pixels of a tile's row, from pixel `start`, which may be negative: pixels before the
/// tile's first are 0.
pub(crate) fn repeat_row(out: &mut Vec<u8>, tile_row: &[u8], size: usize, start: i64, count: usize) {
    out.clear();
    let bytes = count * size;
    let before = usize::try_from(-start).unwrap_or(0).min(count) * size;
    out.resize(before, 0);
    let period = tile_row.len();
    let phase = usize::try_from(start).unwrap_or(0) * size % period.max(1);
    let rest = bytes - before;
    out.extend_from_slice(&tile_row[phase..period.min(phase + rest)]);
    out.extend_from_slice(&tile_row[..phase.min(bytes - out.len())]);
    // One period is there (or all that is wanted): double what is there until it is enough.
    while out.len() < bytes && period > 0 {
        let whole = (out.len() - before) / period * period;
        let more = whole.min(bytes - out.len());
        out.extend_from_within(before..before + more);
    }
    out.resize(bytes, 0);
}

/// A tile's rows, repeated along x for one rectangle after the other.
pub(crate) struct TileRows<'a> {
    tile: SurfaceRef<'a>,
    row: Vec<u8>,
}

impl<'a> TileRows<'a> {
    /// Of a tile that has pixels, and whole bytes.
    pub(crate) fn new(tile: SurfaceRef<'a>) -> Self {
        Self { tile, row: Vec::new() }
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
        // Rows before the tile's first, where the brush is 0.
        let mut top = r.top;
        if row.pixel(top, edge.1).is_none() {
            self.row.clear();
            self.row.resize(r.width() as usize * size, 0);
            while top < r.bottom && row.pixel(top, edge.1).is_none() {
                f(top, &self.row);
                top += 1;
            }
        }
        for first in top..r.bottom.min(top.saturating_add(height)) {
            let Some(y) = row.pixel(first, edge.1) else { continue };
            let tile_row = self.tile.bytes(y as i32, 0, self.tile.width() as i32);
            repeat_row(&mut self.row, tile_row, size, start, r.width() as usize);
            let mut y = first;
            while y < r.bottom {
                f(y, &self.row);
                y = y.saturating_add_unsigned(self.tile.height());
            }
        }
    }
}
