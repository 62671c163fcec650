//! Bilinear scaling of pictures that are shrunk: both passes at once, for vectors of AVX2.
//!
//! Hardly a source row is wanted twice then, so that nothing is kept of one. Pixels come as pairs of neighbours, of the
//! row above and of that below. First both rows are mixed, by products of bytes; for these the channels are taken as
//! signed, 128 less than they are, because weights go up to 128. Then the two neighbours are, by products of pairs.
//! Weights add up to 128 each time, so that in the end every channel is 128 too small, whatever it is. The slow twin is
//! [`Sampler::pixel`](crate::sample::Sampler::pixel), and [`bilinear`](super::bilinear) for other machines.

use super::pick::words::{shuffle, shuffle_two};
use crate::aligned::AlignedWords;
use fearless_simd::{Avx2, prelude::*, u32x8};
#[cfg(target_arch = "x86")]
use std::arch::x86::*;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Pixels that are made at a time: two times four pairs.
const BLOCK: usize = 8;

/// How far from each other four pairs lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reach {
    /// In a vector.
    One,
    /// In two.
    Two,
    /// Farther: they are read one by one.
    #[default]
    Far,
}

/// Which pairs a row's pixels are made of; the same for all rows of a rectangle.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    /// Pixels.
    len: usize,
    /// The left one of each pair; those of the last block repeat the last.
    taps: Vec<u32>,
    /// The weights of left and right for each pixel, four times, as [`means`] wants them: of each four pixels first those
    /// of the first and the third.
    weights: AlignedWords,
    /// How four pairs are read.
    reach: Reach,
    /// Where the vectors start that hold four pairs, if they do.
    bases: Vec<u32>,
    /// Where the eight pixels of four pairs are in them.
    indices: AlignedWords,
}

impl Pairs {
    /// For left pixels that do not fall, all below `row_len - 1`, and the weights of the right ones in 128ths.
    pub(crate) fn new(taps: impl Iterator<Item = (u32, u32)>, row_len: usize) -> Self {
        let mut pairs = Self::default();
        let (lefts, rights): (Vec<u32>, Vec<u32>) = taps.unzip();
        pairs.len = lefts.len();
        pairs.taps = lefts;
        let padded = pairs.len.next_multiple_of(BLOCK);
        pairs.taps.resize(padded, pairs.taps.last().copied().unwrap_or_default());
        pairs.weights.set_len(4 * padded);
        pairs.weights.fill(0);
        for (i, weight) in rights.iter().enumerate() {
            let place = i / 4 * 16 + i % 2 * 8 + i % 4 / 2 * 4;
            pairs.weights[place..place + 4].fill((128 - weight) | weight << 16);
        }
        let within = |window: usize| {
            let fits = |four: &[u32]| (four[3] - four[0]) as usize + 1 < window;
            row_len >= window && pairs.taps.chunks_exact(4).all(fits)
        };
        let (reach, window) = match () {
            () if within(8) => (Reach::One, 8),
            () if within(16) => (Reach::Two, 16),
            () => (Reach::Far, 0),
        };
        pairs.reach = reach;
        pairs.indices.set_len(2 * padded);
        for (four, indices) in pairs.taps.chunks_exact(4).zip(pairs.indices.chunks_exact_mut(8)) {
            let base = four[0].min(row_len.saturating_sub(window) as u32);
            pairs.bases.push(base);
            for (tap, index) in four.iter().zip(indices.chunks_exact_mut(2)) {
                (index[0], index[1]) = (tap - base, tap - base + 1);
            }
        }
        pairs
    }
}

fearless_simd::kernel!(
    /// Four pixels as 16-bit channels, each 128 less than it is, from their pairs in the rows above and below, the weights
    /// of the rows in bytes, and those in pairs for the first and third pixel, and for the second and fourth.
    #[inline(always)]
    fn means(
        avx2: Avx2,
        above: __m256i,
        below: __m256i,
        rows: __m256i,
        weights: __m256i,
        odd_weights: __m256i,
    ) -> __m256i {
        let flip = _mm256_set1_epi8(-128);
        let (above, below) = (_mm256_xor_si256(above, flip), _mm256_xor_si256(below, flip));
        // Left and right of a channel beside each other.
        let channels = _mm256_setr_epi8(
            0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15, 0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6,
            7, 14, 15,
        );
        let even = _mm256_maddubs_epi16(rows, _mm256_unpacklo_epi8(above, below));
        let odd = _mm256_maddubs_epi16(rows, _mm256_unpackhi_epi8(above, below));
        let even = _mm256_madd_epi16(_mm256_shuffle_epi8(even, channels), weights);
        let odd = _mm256_madd_epi16(_mm256_shuffle_epi8(odd, channels), odd_weights);
        _mm256_packs_epi32(_mm256_srai_epi32::<14>(even), _mm256_srai_epi32::<14>(odd))
    }
);

fearless_simd::kernel!(
    /// Eight pixels from two times four of [`means`].
    #[inline(always)]
    fn pixels(avx2: Avx2, first: __m256i, second: __m256i) -> __m256i {
        let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(first, second));
        _mm256_xor_si256(bytes, _mm256_set1_epi8(-128))
    }
);

fearless_simd::kernel!(
    /// Four pairs.
    #[inline(always)]
    fn four(avx2: Avx2, a: u64, b: u64, c: u64, d: u64) -> __m256i {
        _mm256_setr_epi64x(a as i64, b as i64, c as i64, d as i64)
    }
);

const ONE: u8 = Reach::One as u8;
const TWO: u8 = Reach::Two as u8;
const FAR: u8 = Reach::Far as u8;

/// Four pairs of a row, at `taps`, or in vectors from `base` on at the places of `indices`.
#[inline(always)]
fn read<const REACH: u8>(
    avx2: Avx2,
    row: &[u32],
    [a, b, c, d]: [u32; 4],
    base: u32,
    indices: __m256i,
) -> __m256i {
    let base = base as usize;
    match REACH {
        ONE => shuffle(avx2, load(avx2, &row[base..base + 8]), indices),
        TWO => {
            let window = &row[base..base + 16];
            shuffle_two(avx2, load(avx2, &window[..8]), load(avx2, &window[8..]), indices)
        }
        _ => four(avx2, pair(row, a), pair(row, b), pair(row, c), pair(row, d)),
    }
}

#[inline(always)]
fn pair(row: &[u32], tap: u32) -> u64 {
    let pair = &row[tap as usize..tap as usize + 2];
    u64::from(pair[0]) | u64::from(pair[1]) << 32
}

/// A vector of words.
#[inline(always)]
fn load(avx2: Avx2, words: &[u32]) -> __m256i {
    u32x8::from_slice(avx2, words).into()
}

/// Puts the means of the pairs in two rows into `out`; the weight of the lower row is `weight` / 128.
pub(crate) fn shrink_row(avx2: Avx2, pairs: &Pairs, rows: [&[u32]; 2], weight: u32, out: &mut [u32]) {
    match pairs.reach {
        Reach::One => blocks::<ONE>(avx2, pairs, rows, weight, out),
        Reach::Two => blocks::<TWO>(avx2, pairs, rows, weight, out),
        Reach::Far => blocks::<FAR>(avx2, pairs, rows, weight, out),
    }
}

/// The pairs of a block: taps, bases, indices and weights.
type Block<'a> = (((&'a [u32; 8], &'a [u32; 2]), &'a [u32; 16]), &'a [u32; 32]);

/// A block of a row.
#[inline(always)]
fn block<const REACH: u8>(
    avx2: Avx2,
    (((taps, bases), indices), weights): Block<'_>,
    [above, below]: [&[u32]; 2],
    rows: __m256i,
) -> u32x8<Avx2> {
    let [a, b, c, d, e, f, g, h] = *taps;
    let (taps, at) = ([a, b, c, d], load(avx2, &indices[..8]));
    let top = read::<REACH>(avx2, above, taps, bases[0], at);
    let bottom = read::<REACH>(avx2, below, taps, bases[0], at);
    let left = means(avx2, top, bottom, rows, load(avx2, &weights[..8]), load(avx2, &weights[8..16]));
    let (taps, at) = ([e, f, g, h], load(avx2, &indices[8..]));
    let top = read::<REACH>(avx2, above, taps, bases[1], at);
    let bottom = read::<REACH>(avx2, below, taps, bases[1], at);
    let right = means(avx2, top, bottom, rows, load(avx2, &weights[16..24]), load(avx2, &weights[24..]));
    pixels(avx2, left, right).simd_into(avx2)
}

fn blocks<const REACH: u8>(avx2: Avx2, pairs: &Pairs, rows: [&[u32]; 2], weight: u32, out: &mut [u32]) {
    avx2.vectorize(
        #[inline(always)]
        || {
            let row_weights = u32x8::splat(avx2, ((128 - weight) | weight << 8) * 0x0001_0001).into();
            let (whole, rest) = out[..pairs.len].as_chunks_mut::<BLOCK>();
            let taps = pairs.taps.as_chunks::<8>().0.iter();
            let places = taps.zip(pairs.bases.as_chunks::<2>().0).zip(pairs.indices.as_chunks::<16>().0);
            let mut blocks = places.zip(pairs.weights.as_chunks::<32>().0);
            // Whole blocks apart: a length that is known only when it runs makes a call of memcpy of each store.
            for (out, pairs) in whole.iter_mut().zip(&mut blocks) {
                block::<REACH>(avx2, pairs, rows, row_weights).store_slice(out);
            }
            if let (false, Some(pairs)) = (rest.is_empty(), blocks.next()) {
                let last = block::<REACH>(avx2, pairs, rows, row_weights);
                rest.copy_from_slice(&last.as_slice()[..rest.len()]);
            }
        },
    );
}
