//! The two passes of bilinear scaling.
//!
//! First each source row is interpolated along x, into words of two 15-bit sums: red and blue, alpha and green. Two
//! such rows then give a target row. Sums are exact up to the one shift at the end, so rows can be kept and used
//! again for the next target row; enlarged pictures do the first pass once per source row.

use crate::aligned::AlignedWords;
use fearless_simd::{Simd, prelude::*};

/// A source row interpolated along x: for each target column the sums of blue (low) and red (high half), and of
/// green and alpha; at most 255 · 128 each.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) rb: AlignedWords,
    pub(crate) ag: AlignedWords,
}

impl Sums {
    /// Of a row of zeros.
    pub(crate) fn set_zero(&mut self, len: usize) {
        for words in [&mut self.rb, &mut self.ag] {
            words.set_len(len);
            words.fill(0);
        }
    }
}

/// The first pass: `left` and `right` taps of each column and the weight of the right one in 128ths, in both halves
/// of a word.
pub(crate) fn along_x<S: Simd>(simd: S, left: &[u32], right: &[u32], weights: &[u32], out: &mut Sums) {
    out.rb.set_len(left.len());
    out.ag.set_len(left.len());
    let (rb, ag) = (&mut out.rb[..], &mut out.ag[..]);
    simd.vectorize(
        #[inline(always)]
        || {
            let low = S::u32s::splat(simd, 0x00ff_00ff);
            let whole = S::u32s::splat(simd, 0x0080_0080);
            let n = S::u32s::LEN;
            let vectors = left.len() / n * n;
            let inputs = left.chunks_exact(n).zip(right.chunks_exact(n)).zip(weights.chunks_exact(n));
            let outputs = rb.chunks_exact_mut(n).zip(ag.chunks_exact_mut(n));
            for (((l, r), w), (rb, ag)) in inputs.zip(outputs) {
                let (l, r) = (S::u32s::from_slice(simd, l), S::u32s::from_slice(simd, r));
                let w = S::u32s::from_slice(simd, w);
                let v: S::u16s = (whole - w).bitcast();
                let w: S::u16s = w.bitcast();
                mix::<S>(l & low, r & low, w, v).store_slice(rb);
                mix::<S>((l >> 8) & low, (r >> 8) & low, w, v).store_slice(ag);
            }
            for i in vectors..left.len() {
                let (l, r, w) = (left[i], right[i], weights[i] & 0xff);
                // Each half is below 2^15, so the two halves do not touch.
                rb[i] = (l & 0x00ff_00ff) * (128 - w) + (r & 0x00ff_00ff) * w;
                ag[i] = (l >> 8 & 0x00ff_00ff) * (128 - w) + (r >> 8 & 0x00ff_00ff) * w;
            }
        },
    );
}

/// l · v + r · w in 16-bit lanes.
#[inline(always)]
fn mix<S: Simd>(l: S::u32s, r: S::u32s, w: S::u16s, v: S::u16s) -> S::u32s {
    let (l, r): (S::u16s, S::u16s) = (l.bitcast(), r.bitcast());
    (l * v + r * w).bitcast()
}

/// The weighted means of the low halves, and of the high ones: each a product of two pairs.
#[inline(always)]
fn mix_pairs<S: Simd>(half: S::u32s, weights: S::i16s, a: S::u32s, b: S::u32s) -> (S::u32s, S::u32s) {
    let low: S::i16s = ((a & half) | (b << 16)).bitcast();
    let high: S::i16s = ((a >> 16) | (b & !half)).bitcast();
    let low: S::u32s = low.pairwise_dot_product(weights).bitcast();
    let high: S::u32s = high.pairwise_dot_product(weights).bitcast();
    (low >> 14, high >> 14)
}

/// The second pass: pixels from the row above and that below, whose weight is `w` / 128.
pub(crate) fn along_y<S: Simd>(simd: S, above: &Sums, below: &Sums, w: u32, out: &mut [u32]) {
    let len = out.len();
    let (arb, aag) = (&above.rb[..len], &above.ag[..len]);
    let (brb, bag) = (&below.rb[..len], &below.ag[..len]);
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            let vectors = len / n * n;
            let half = S::u32s::splat(simd, 0xffff);
            let weights: S::i16s = S::u32s::splat(simd, (128 - w) | w << 16).bitcast();
            let above = arb.chunks_exact(n).zip(aag.chunks_exact(n));
            let below = brb.chunks_exact(n).zip(bag.chunks_exact(n));
            for ((out, (arb, aag)), (brb, bag)) in out.chunks_exact_mut(n).zip(above).zip(below) {
                let (arb, brb) = (S::u32s::from_slice(simd, arb), S::u32s::from_slice(simd, brb));
                let (aag, bag) = (S::u32s::from_slice(simd, aag), S::u32s::from_slice(simd, bag));
                let (b, r) = mix_pairs::<S>(half, weights, arb, brb);
                let (g, a) = mix_pairs::<S>(half, weights, aag, bag);
                (b | (g << 8) | (r << 16) | (a << 24)).store_slice(out);
            }
            for i in vectors..len {
                let mix = |a: u32, b: u32| (a * (128 - w) + b * w) >> 14;
                let (b, r) = (mix(arb[i] & 0xffff, brb[i] & 0xffff), mix(arb[i] >> 16, brb[i] >> 16));
                let (g, a) = (mix(aag[i] & 0xffff, bag[i] & 0xffff), mix(aag[i] >> 16, bag[i] >> 16));
                out[i] = b | g << 8 | r << 16 | a << 24;
            }
        },
    );
}

/// Pixels to look up, and to mix, at a time.
pub(crate) const BLOCK: usize = 64;

/// Top left, top right, bottom left and bottom right pixels about positions, and the 16-bit fractions that are the
/// weights of the right and of the lower ones.
pub(crate) struct Taps {
    pub(crate) words: [[u32; BLOCK]; 4],
    pub(crate) fractions: [[u32; BLOCK]; 2],
}

/// One vector of the means of taps, from the one at `at` on. Of the fractions the upper seven bits count.
#[inline(always)]
fn mix_vector<S: Simd>(simd: S, taps: &Taps, at: usize) -> S::u32s {
    // No `map`: its closures would not be compiled for the vector's instruction set.
    let n = S::u32s::LEN;
    let [tl, tr, bl, br] = &taps.words;
    let (tl, tr) = (S::u32s::from_slice(simd, &tl[at..at + n]), S::u32s::from_slice(simd, &tr[at..at + n]));
    let (bl, br) = (S::u32s::from_slice(simd, &bl[at..at + n]), S::u32s::from_slice(simd, &br[at..at + n]));
    let [wx, wy] = &taps.fractions;
    let wx = S::u32s::from_slice(simd, &wx[at..at + n]) >> 9;
    let wy = S::u32s::from_slice(simd, &wy[at..at + n]) >> 9;
    let low = S::u32s::splat(simd, 0x00ff_00ff);
    let half = S::u32s::splat(simd, 0xffff);
    let whole = S::u32s::splat(simd, 128);
    let (v, w) = (whole - wx, wx);
    let (v, w): (S::u16s, S::u16s) = ((v | (v << 16)).bitcast(), (w | (w << 16)).bitcast());
    let weights: S::i16s = ((whole - wy) | (wy << 16)).bitcast();
    let (top_rb, bottom_rb) = (mix::<S>(tl & low, tr & low, w, v), mix::<S>(bl & low, br & low, w, v));
    let top_ag = mix::<S>((tl >> 8) & low, (tr >> 8) & low, w, v);
    let bottom_ag = mix::<S>((bl >> 8) & low, (br >> 8) & low, w, v);
    let (b, r) = mix_pairs::<S>(half, weights, top_rb, bottom_rb);
    let (g, a) = mix_pairs::<S>(half, weights, top_ag, bottom_ag);
    b | (g << 8) | (r << 16) | (a << 24)
}

/// Means of the first taps, as many as fit; at most [`BLOCK`].
pub(crate) fn mix_taps<S: Simd>(simd: S, taps: &Taps, out: &mut [u32]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            let whole = out.len() / n * n;
            let (blocks, rest) = out.split_at_mut(whole);
            for (i, out) in blocks.chunks_exact_mut(n).enumerate() {
                mix_vector(simd, taps, i * n).store_slice(out);
            }
            if !rest.is_empty() {
                let last = mix_vector(simd, taps, whole);
                rest.copy_from_slice(&last.as_slice()[..rest.len()]);
            }
        },
    );
}
