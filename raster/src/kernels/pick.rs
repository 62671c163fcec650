//! Picking pixels of a row at given positions, many at a time.
//!
//! There is no safe gather, and a scalar loop does a pixel per one to two cycles. But positions of a scaled row lie
//! close together, and are the same for every row of a rectangle: so the row is taken a vector at a time and its
//! pixels shuffled into place, by byte indices worked out once.

use crate::aligned::AlignedWords;
use fearless_simd::{Simd, prelude::*};

/// What is picked at each position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Picked {
    /// The pixel there.
    #[default]
    One,
    /// That and the one to its right.
    Pair,
}

/// The positions of a row's pixels, in blocks that one vector of the source row covers, or two.
#[derive(Debug, Default)]
pub(crate) struct Picks {
    /// Pixels of a block; 0 if the row must be picked one by one.
    block: usize,
    /// Whether a block's pixels lie in two vectors.
    wide: bool,
    /// Where each block's first vector starts in the source row.
    bases: Vec<u32>,
    /// Where the block's pixels are from there on, a vector for each block: as [`shuffle`] wants it. Those to the right
    /// of pairs are in its upper half.
    indices: AlignedWords,
}

/// Pixels that may be written behind the last pairs of a row.
pub(crate) const SLACK: usize = 16;

impl Picks {
    /// For positions that do not fall, all below `row_len`, of pairs below `row_len - 1`.
    pub(crate) fn new<S: Simd>(simd: S, positions: &[u32], row_len: usize, picked: Picked) -> Self {
        let lanes = S::u32s::LEN;
        // Vectors of four pixels gain nothing, and SSE2 has no shuffle.
        if !(8..=SLACK).contains(&lanes) || row_len < lanes {
            return Self::default();
        }
        // Behind the last pixel of a block of pairs there must be room for its right neighbour.
        let (neighbour, blocks) = match picked {
            Picked::One => (0, &[lanes, lanes / 2][..]),
            Picked::Pair => (1, &[lanes / 2][..]),
        };
        let half = lanes / 2;
        let covered = |block: usize, window: usize| {
            let reach = |c: &[u32]| (c[c.len() - 1] - c[0]) as usize + neighbour;
            row_len >= window && positions.chunks(block).all(|c| reach(c) < window)
        };
        let (block, window) = match blocks.iter().find(|&&block| covered(block, lanes)) {
            Some(&block) => (block, lanes),
            // With more shuffles or smaller blocks, one pixel at a time is as quick; pairs are not.
            None if picked == Picked::Pair && covered(half, 2 * lanes) => (half, 2 * lanes),
            None if picked == Picked::Pair && covered(half / 2, lanes) => (half / 2, lanes),
            None => return Self::default(),
        };
        let last_base = (row_len - window) as u32;
        let bases = Vec::with_capacity(positions.len().div_ceil(block));
        let indices = AlignedWords::zeroed(lanes * positions.len().div_ceil(block));
        let mut picks = Self { block, wide: window > lanes, bases, indices };
        for (chunk, indices) in positions.chunks(block).zip(picks.indices.chunks_mut(lanes)) {
            let base = chunk[0].min(last_base);
            picks.bases.push(base);
            let (lower, upper) = indices.split_at_mut(lanes / 2);
            match picked {
                Picked::Pair => {
                    for (p, (left, right)) in chunk.iter().zip(lower.iter_mut().zip(upper)) {
                        (*left, *right) = (index(simd, p - base), index(simd, p - base + 1));
                    }
                }
                Picked::One => {
                    chunk
                        .iter()
                        .zip(lower.iter_mut().chain(upper))
                        .for_each(|(p, at)| *at = index(simd, p - base));
                }
            }
        }
        picks
    }

    /// Whether there is anything to gain from it.
    pub(crate) fn is_useful(&self) -> bool {
        self.block > 0
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
pub(super) mod words {
    #[cfg(target_arch = "x86")]
    use std::arch::x86::*;
    #[cfg(target_arch = "x86_64")]
    use std::arch::x86_64::*;

    fearless_simd::kernel!(
        /// The words of `window` at the places of `indices`.
        #[inline(always)]
        pub(in crate::kernels) fn shuffle(avx2: Avx2, window: __m256i, indices: __m256i) -> __m256i {
            _mm256_permutevar8x32_epi32(window, indices)
        }
    );

    fearless_simd::kernel!(
        /// The words at the places of `indices`, those from 8 on in the second vector.
        #[inline(always)]
        pub(in crate::kernels) fn shuffle_two(
            avx2: Avx2,
            first: __m256i,
            second: __m256i,
            indices: __m256i,
        ) -> __m256i {
            let first = _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(first, indices));
            let second = _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(second, indices));
            // Bit 3 becomes the sign, which selects.
            let in_second = _mm256_castsi256_ps(_mm256_slli_epi32::<28>(indices));
            _mm256_castps_si256(_mm256_blendv_ps(first, second, in_second))
        }
    );
}

/// The index of word `at` of a vector for [`shuffle`]: that of its bytes, four to a word; with AVX2, which shuffles bytes
/// within halves of a vector only but words throughout, its own.
#[inline(always)]
fn index<S: Simd>(simd: S, at: u32) -> u32 {
    match shuffles_words(simd) {
        true => at,
        false => u32::from_le_bytes([0, 1, 2, 3]) + at * 0x0404_0404,
    }
}

/// Whether indices count words.
#[inline(always)]
fn shuffles_words<S: Simd>(simd: S) -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return S::u32s::LEN == 8 && simd.level().as_avx2().is_some();
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    {
        let _ = simd;
        false
    }
}

/// The words at the places that `indices` say, in `window`, or in two vectors if it is `WIDE`.
#[inline(always)]
fn shuffle<S: Simd, const WIDE: bool>(simd: S, window: &[u32], indices: &[u32]) -> S::u32s {
    let lanes = S::u32s::LEN;
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if S::u32s::LEN == 8
        && let Some(avx2) = simd.level().as_avx2()
    {
        use fearless_simd::u32x8;
        let indices = u32x8::from_slice(avx2, indices).into();
        let first = u32x8::from_slice(avx2, &window[..8]).into();
        let picked: u32x8<_> = if WIDE {
            let second = u32x8::from_slice(avx2, &window[8..16]).into();
            words::shuffle_two(avx2, first, second, indices).simd_into(avx2)
        } else {
            words::shuffle(avx2, first, indices).simd_into(avx2)
        };
        return S::u32s::from_slice(simd, picked.as_slice());
    }
    let indices = S::u32s::from_slice(simd, indices).to_bytes();
    let first = S::u32s::from_slice(simd, &window[..lanes]);
    if WIDE {
        let second = S::u32s::from_slice(simd, &window[lanes..2 * lanes]);
        return first.concat_swizzle_dyn(second, indices);
    }
    first.swizzle_dyn(indices)
}

/// Puts the picked pixels of a row of the length that the picks are for into `out`, but for those behind the last whole
/// block of it. Gives how many those blocks have.
pub(crate) fn pick_row<S: Simd>(simd: S, picks: &Picks, row: &[u32], out: &mut [u32]) -> usize {
    match picks.block {
        16 => pick_blocks::<S, 16>(simd, picks, row, out),
        8 => pick_blocks::<S, 8>(simd, picks, row, out),
        4 => pick_blocks::<S, 4>(simd, picks, row, out),
        _ => unreachable!("only useful picks are used"),
    }
    out.len() / picks.block * picks.block
}

/// Puts the picked pairs of a row of the length that the picks are for into `left` and `right`; up to [`SLACK`] pixels
/// behind them are overwritten with anything, and must be there. No position is the row's last.
pub(crate) fn pick_pairs<S: Simd>(simd: S, picks: &Picks, row: &[u32], left: &mut [u32], right: &mut [u32]) {
    match (picks.block, picks.wide) {
        (8, false) => pick_pair_blocks::<S, 8, false>(simd, picks, row, left, right),
        (8, true) => pick_pair_blocks::<S, 8, true>(simd, picks, row, left, right),
        (4, false) => pick_pair_blocks::<S, 4, false>(simd, picks, row, left, right),
        (4, true) => pick_pair_blocks::<S, 4, true>(simd, picks, row, left, right),
        (2, _) => pick_pair_blocks::<S, 2, false>(simd, picks, row, left, right),
        _ => unreachable!("only useful picks are used"),
    }
}

/// Only the block's own pixels are stored: whole vectors, each over the end of the last, take twice the time.
fn pick_blocks<S: Simd, const BLOCK: usize>(simd: S, picks: &Picks, row: &[u32], out: &mut [u32]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let lanes = S::u32s::LEN;
            let indices = picks.indices.chunks_exact(lanes);
            let blocks = out.as_chunks_mut::<BLOCK>().0;
            for ((&base, indices), out) in picks.bases.iter().zip(indices).zip(blocks) {
                let window = &row[base as usize..base as usize + lanes];
                let picked = shuffle::<S, false>(simd, window, indices);
                out.copy_from_slice(&picked.as_slice()[..BLOCK]);
            }
        },
    );
}

fn pick_pair_blocks<S: Simd, const BLOCK: usize, const WIDE: bool>(
    simd: S,
    picks: &Picks,
    row: &[u32],
    left: &mut [u32],
    right: &mut [u32],
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let lanes = S::u32s::LEN;
            let window = if WIDE { 2 * lanes } else { lanes };
            let indices = picks.indices.chunks_exact(lanes);
            let blocks = left.as_chunks_mut::<BLOCK>().0.iter_mut().zip(right.as_chunks_mut::<BLOCK>().0);
            for ((&base, indices), (left, right)) in picks.bases.iter().zip(indices).zip(blocks) {
                let picked = shuffle::<S, WIDE>(simd, &row[base as usize..base as usize + window], indices);
                let (lower, upper) = picked.as_slice().split_at(lanes / 2);
                left.copy_from_slice(&lower[..BLOCK]);
                right.copy_from_slice(&upper[..BLOCK]);
            }
        },
    );
}
