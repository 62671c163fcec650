//! Transformed pictures, by blocks of target pixels: which pixels of the picture they take (on vectors), those pixels
//! (one by one, there is no safe gather), and the weighted means of four (on vectors again).

use super::CompositeRepeat;
use super::fetch::{Texel, repeated};
use super::plan::Picture;
use crate::kernels::bilinear::{BLOCK, Taps, mix_taps};
use crate::kernels::with_level;
use crate::surface::SurfaceRef;
use fearless_simd::{Level, Simd, prelude::*};
use std::marker::PhantomData;
use std::ops::Range;

/// A block's numbers of one kind.
type Lane<T> = [T; BLOCK];

/// Along one axis: the picture's columns or rows that a block takes, and the 16-bit fractions of the second ones.
struct Along {
    first: Lane<i32>,
    second: Lane<i32>,
    fractions: Lane<u32>,
}

impl Along {
    const fn new() -> Self {
        Self { first: [0; BLOCK], second: [0; BLOCK], fractions: [0; BLOCK] }
    }

    /// For positions `v`, `v + step`, ... in 16.16 of `len` pixels; `TWO` if the pixel behind is taken too. Without
    /// repeat all that are taken must be inside.
    fn set<const TWO: bool>(
        &mut self,
        level: Level,
        repeat: CompositeRepeat,
        size: i32,
        (v, step): (i64, i64),
        len: usize,
    ) {
        let ends = [v, v + step * (len as i64 - 1)].map(|v| v >> 16);
        let low = ends[0].min(ends[1]);
        let high = ends[0].max(ends[1]) + i64::from(TWO);
        let repeat = if low >= 0 && high < i64::from(size) { CompositeRepeat::None } else { repeat };
        // Positions of all pixels of the box fit 32 bits; those behind the last, which nobody takes, may wrap.
        let (v, step, low) = (v as i32, step as i32, low as i32);
        with_level!(level, simd => positions(simd, v, step, len, self));
        if repeat != CompositeRepeat::None {
            with_level!(level, simd => wrap(simd, repeat, size, low, len, &mut self.first));
            if TWO {
                with_level!(level, simd => wrap(simd, repeat, size, low, len, &mut self.second));
            }
        }
    }
}

/// Pixels, the ones behind and the fractions of those for positions `v`, `v + step`, ... without repeat.
fn positions<S: Simd>(simd: S, v: i32, step: i32, len: usize, out: &mut Along) {
    simd.vectorize(
        #[inline(always)]
        || {
            let lanes = S::i32s::LEN;
            let mut v = S::i32s::from_fn(simd, |i| v.wrapping_add(step.wrapping_mul(i as i32)));
            let advance = S::i32s::splat(simd, step.wrapping_mul(lanes as i32));
            let firsts = out.first.chunks_exact_mut(lanes);
            let seconds = out.second.chunks_exact_mut(lanes);
            let fractions = out.fractions.chunks_exact_mut(lanes);
            for ((first, second), fraction) in firsts.zip(seconds).zip(fractions).take(len.div_ceil(lanes)) {
                let at = v >> 16;
                at.store_slice(first);
                (at + 1).store_slice(second);
                let bits: S::u32s = v.bitcast();
                (bits & 0xffff).store_slice(fraction);
                v += advance;
            }
        },
    );
}

/// Pixels of a picture of `size` pixels for any positions, the lowest of which is at least `low`.
fn wrap<S: Simd>(simd: S, repeat: CompositeRepeat, size: i32, low: i32, len: usize, at: &mut Lane<i32>) {
    simd.vectorize(
        #[inline(always)]
        || {
            let lanes = S::i32s::LEN;
            let blocks = at.chunks_exact_mut(lanes).take(len.div_ceil(lanes));
            let (zero, last) = (S::i32s::splat(simd, 0), S::i32s::splat(simd, size - 1));
            if repeat == CompositeRepeat::Pad {
                for at in blocks {
                    S::i32s::from_slice(simd, at).max(zero).min(last).store_slice(at);
                }
                return;
            }
            let period = if repeat == CompositeRepeat::Normal { size } else { 2 * size };
            // Whole periods more, so that none is below 0. Integers below 2^24 are exact as floats, positions below
            // 2^18; the quotient may be one off near a whole number.
            let shift = S::i32s::splat(simd, -low.div_euclid(period) * period);
            let (whole, by) =
                (S::f32s::splat(simd, period as f32), S::f32s::splat(simd, 1.0 / period as f32));
            let period = S::i32s::splat(simd, period);
            let twice_last = S::i32s::splat(simd, 2 * size - 1);
            for at in blocks {
                let v = S::i32s::from_slice(simd, at) + shift;
                let float = S::f32s::float_from(v);
                let times = S::i32s::truncate_from(float * by);
                let v = S::i32s::truncate_from(float - S::f32s::float_from(times) * whole);
                let v = v.simd_lt(zero).select(v + period, v);
                let v = v.simd_ge(period).select(v - period, v);
                // Behind the picture's end lies its mirror image; of tiles nothing does.
                let v = if repeat == CompositeRepeat::Reflect { v.min(twice_last - v) } else { v };
                v.store_slice(at);
            }
        },
    );
}

/// A picture's pixels by column and row, without a slice for each row.
struct Pixels<'a, T> {
    words: &'a [u32],
    /// Where row 0 starts, in words.
    start: usize,
    /// Words from row to row; wraps around where rows go upwards.
    stride: usize,
    texel: PhantomData<T>,
}

impl<'a, T: Texel> Pixels<'a, T> {
    fn of(surface: SurfaceRef<'a>) -> Self {
        let (words, start, stride) = surface.layout();
        Self { words, start, stride, texel: PhantomData }
    }

    /// The pixel in a column and a row, both inside.
    #[inline(always)]
    fn word(&self, x: i32, y: i32) -> u32 {
        let row = self.start.wrapping_add(self.stride.wrapping_mul(y as usize));
        T::word(self.words, row * T::PER_WORD + x as usize)
    }
}

/// The part of `0..len` where `v + i * step` is within `inside`.
fn steps_within(v: i64, step: i64, inside: Range<i64>, len: usize) -> Range<usize> {
    if inside.is_empty() || len == 0 {
        return 0..0;
    }
    // Mostly all are, and a division takes as long as ten pixels.
    if inside.contains(&v) && inside.contains(&(v + step * (len as i64 - 1))) {
        return 0..len;
    }
    let (v, step, inside) =
        if step < 0 { (-v, -step, 1 - inside.end..1 - inside.start) } else { (v, step, inside) };
    if step == 0 {
        return if inside.contains(&v) { 0..len } else { 0..0 };
    }
    // How many positions are before a limit.
    let before = |limit: i64| ((limit - v + step - 1).div_euclid(step)).clamp(0, len as i64) as usize;
    before(inside.start)..before(inside.end)
}

fn both(a: Range<usize>, b: Range<usize>) -> Range<usize> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

/// Positions of a row of target pixels in a picture, in 16.16: the first, and the steps to the next.
#[derive(Clone, Copy)]
struct Row {
    x: i64,
    y: i64,
    xx: i64,
    yx: i64,
}

impl Row {
    fn skip(self, pixels: usize) -> Self {
        let n = pixels as i64;
        Self { x: self.x + n * self.xx, y: self.y + n * self.yx, ..self }
    }

    /// The pixels whose columns and rows are within these.
    fn within(&self, columns: Range<i64>, rows: Range<i64>, len: usize) -> Range<usize> {
        let fixed = |r: Range<i64>| r.start << 16..r.end << 16;
        both(
            steps_within(self.x, self.xx, fixed(columns), len),
            steps_within(self.y, self.yx, fixed(rows), len),
        )
    }
}

impl Picture<'_> {
    fn row_from(&self, x: i64, y: i64, middle: i64) -> Row {
        let (x, y) = self.map.at(x, y);
        Row { x: x - middle, y: y - middle, xx: self.map.xx, yx: self.map.yx }
    }

    /// The words of the nearest pixels; (x, y) is the position before the transform.
    pub(super) fn nearest<T: Texel>(&self, level: Level, x: i64, y: i64, out: &mut [u32]) {
        let row = self.row_from(x, y, 1);
        let (width, height) = (self.surface.width(), self.surface.height());
        let inside = match self.repeat {
            CompositeRepeat::None => row.within(0..i64::from(width), 0..i64::from(height), out.len()),
            _ => 0..out.len(),
        };
        out[..inside.start].fill(0);
        out[inside.end..].fill(0);
        let pixels = Pixels::<T>::of(self.surface);
        let (mut columns, mut rows) = (Along::new(), Along::new());
        for (i, out) in out[inside.clone()].chunks_mut(BLOCK).enumerate() {
            let (row, len) = (row.skip(inside.start + i * BLOCK), out.len());
            columns.set::<false>(level, self.repeat, width as i32, (row.x, row.xx), len);
            rows.set::<false>(level, self.repeat, height as i32, (row.y, row.yx), len);
            for ((out, &x), &y) in out.iter_mut().zip(&columns.first).zip(&rows.first) {
                *out = pixels.word(x, y);
            }
        }
    }

    /// The weighted means of four words each, cut to 8 bits; (x, y) is the position before the transform.
    pub(super) fn bilinear<T: Texel>(&self, level: Level, x: i64, y: i64, out: &mut [u32]) {
        self.each_taps::<T>(level, x, y, out.len(), |at, taps| match taps {
            None => out[at].fill(0),
            Some(taps) => {
                let out = &mut out[at];
                with_level!(level, simd => mix_taps(simd, taps, out));
            }
        });
    }

    /// Calls `run` with the pixels around the positions of a row, by ranges of at most [`BLOCK`] target pixels;
    /// `None` for those of any length that are all outside.
    pub(super) fn each_taps<T: Texel>(
        &self,
        level: Level,
        x: i64,
        y: i64,
        len: usize,
        mut run: impl FnMut(Range<usize>, Option<&Taps>),
    ) {
        let row = self.row_from(x, y, 1 << 15);
        let (width, height) = (i64::from(self.surface.width()), i64::from(self.surface.height()));
        let (any, all) = match self.repeat {
            CompositeRepeat::None => {
                (row.within(-1..width, -1..height, len), row.within(0..width - 1, 0..height - 1, len))
            }
            _ => (0..len, 0..len),
        };
        // Of an empty range only the position would be left.
        let all = if all.is_empty() { any.end..any.end } else { all };
        for outside in [0..any.start, any.end..len] {
            if !outside.is_empty() {
                run(outside, None);
            }
        }
        let mut taps = Taps { words: [[0; BLOCK]; 4], fractions: [[0; BLOCK]; 2] };
        let blocks = |range: Range<usize>| {
            let end = range.end;
            range.step_by(BLOCK).map(move |start| start..end.min(start + BLOCK))
        };
        for block in blocks(any.start..all.start).chain(blocks(all.end..any.end)) {
            self.taps_about_edge::<T>(row.skip(block.start), block.len(), &mut taps);
            run(block, Some(&taps));
        }
        let (mut columns, mut rows) = (Along::new(), Along::new());
        let pixels = Pixels::<T>::of(self.surface);
        for block in blocks(all) {
            let (row, len) = (row.skip(block.start), block.len());
            columns.set::<true>(level, self.repeat, width as i32, (row.x, row.xx), len);
            rows.set::<true>(level, self.repeat, height as i32, (row.y, row.yx), len);
            taps.fractions = [columns.fractions, rows.fractions];
            let [tl, tr, bl, br] = &mut taps.words;
            for i in 0..len {
                let (left, right) = (columns.first[i], columns.second[i]);
                let (top, bottom) = (rows.first[i], rows.second[i]);
                tl[i] = pixels.word(left, top);
                tr[i] = pixels.word(right, top);
                bl[i] = pixels.word(left, bottom);
                br[i] = pixels.word(right, bottom);
            }
            run(block, Some(&taps));
        }
    }

    /// Taps any of which may be outside: few, so one after the other.
    #[inline(never)]
    fn taps_about_edge<T: Texel>(&self, row: Row, len: usize, taps: &mut Taps) {
        let (width, height) = (i64::from(self.surface.width()), i64::from(self.surface.height()));
        let pixels = Pixels::<T>::of(self.surface);
        for i in 0..len {
            let row = row.skip(i);
            for (tap, (dx, dy)) in taps.words.iter_mut().zip([(0, 0), (1, 0), (0, 1), (1, 1)]) {
                let column = repeated(self.repeat, (row.x >> 16) + dx, width);
                let line = repeated(self.repeat, (row.y >> 16) + dy, height);
                tap[i] = match (column, line) {
                    (Some(x), Some(y)) => pixels.word(x as i32, y as i32),
                    _ => 0,
                };
            }
            taps.fractions[0][i] = (row.x & 0xffff) as u32;
            taps.fractions[1][i] = (row.y & 0xffff) as u32;
        }
    }
}
