//! Picking pixels of a row at given positions, many at a time.
//!
//! There is no safe gather, and a scalar loop does a pixel per one to two cycles. But positions of a scaled row lie
//! close together, and are the same for every row of a rectangle: so the row is taken a vector at a time and its
//! pixels shuffled into place, by byte indices worked out once.

use crate::aligned::AlignedWords;
use fearless_simd::{Simd, prelude::*};

/// The positions of a row's pixels, in blocks that one vector of the source row covers.
#[derive(Debug, Default)]
pub(crate) struct Picks {
    /// Pixels of a block; 0 if the row must be picked one by one.
    block: usize,
    /// Where each block's vector starts in the source row.
    bases: Vec<u32>,
    /// Byte indices into that vector, a vector's bytes for each block; four to a word.
    indices: AlignedWords,
}

/// Pixels that may be written behind the last of a row.
pub(crate) const SLACK: usize = 16;

impl Picks {
    /// For positions that do not fall, all below `row_len`; in blocks of `least` pixels or more.
    pub(crate) fn new<S: Simd>(_: S, positions: &[u32], row_len: usize, least: usize) -> Self {
        let lanes = S::u32s::LEN;
        // Vectors of four pixels gain nothing, and SSE2 has no shuffle.
        if !(8..=SLACK).contains(&lanes) || row_len < lanes {
            return Self::default();
        }
        let covered =
            |block: usize| positions.chunks(block).all(|c| ((c[c.len() - 1] - c[0]) as usize) < lanes - 1);
        let Some(block) = [lanes, lanes / 2, lanes / 4].into_iter().find(|&b| b >= least && covered(b))
        else {
            return Self::default();
        };
        // One pixel more than is picked is in the vector: the right neighbours can be picked from it too.
        let last_base = (row_len - lanes) as u32;
        let bases = Vec::with_capacity(positions.len().div_ceil(block));
        let indices = AlignedWords::zeroed(lanes * positions.len().div_ceil(block));
        let mut picks = Self { block, bases, indices };
        for (chunk, indices) in positions.chunks(block).zip(picks.indices.chunks_mut(lanes)) {
            let base = chunk[0].min(last_base);
            picks.bases.push(base);
            for (p, index) in chunk.iter().zip(indices) {
                *index = u32::from_le_bytes([0, 1, 2, 3]) + (p - base) * 0x0404_0404;
            }
        }
        picks
    }

    /// Whether there is anything to gain from it.
    pub(crate) fn is_useful(&self) -> bool {
        self.block > 0
    }
}

/// Puts the picked pixels of a row of the length that the picks are for into `out`; up to [`SLACK`] pixels behind
/// them are overwritten with anything, and must be there.
pub(crate) fn pick_row<S: Simd>(simd: S, picks: &Picks, row: &[u32], out: &mut [u32]) {
    match picks.block {
        16 => pick_blocks::<S, 16>(simd, picks, row, out),
        8 => pick_blocks::<S, 8>(simd, picks, row, out),
        4 => pick_blocks::<S, 4>(simd, picks, row, out),
        _ => unreachable!("only useful picks are used"),
    }
}

/// As [`pick_row`], and puts the pixels to the right of those into `right`. No position is the row's last.
pub(crate) fn pick_pairs<S: Simd>(simd: S, picks: &Picks, row: &[u32], left: &mut [u32], right: &mut [u32]) {
    match picks.block {
        16 => pick_pair_blocks::<S, 16>(simd, picks, row, left, right),
        8 => pick_pair_blocks::<S, 8>(simd, picks, row, left, right),
        4 => pick_pair_blocks::<S, 4>(simd, picks, row, left, right),
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
                let window = S::u32s::from_slice(simd, &row[base as usize..base as usize + lanes]);
                let indices = S::u32s::from_slice(simd, indices).to_bytes();
                let picked = window.swizzle_dyn(indices);
                out.copy_from_slice(&picked.as_slice()[..BLOCK]);
            }
        },
    );
}

fn pick_pair_blocks<S: Simd, const BLOCK: usize>(
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
            let next = S::u32s::splat(simd, 0x0404_0404);
            let indices = picks.indices.chunks_exact(lanes);
            let blocks = left.as_chunks_mut::<BLOCK>().0.iter_mut().zip(right.as_chunks_mut::<BLOCK>().0);
            for ((&base, indices), (left, right)) in picks.bases.iter().zip(indices).zip(blocks) {
                let window = S::u32s::from_slice(simd, &row[base as usize..base as usize + lanes]);
                let indices = S::u32s::from_slice(simd, indices);
                let (l, r) =
                    (window.swizzle_dyn(indices.to_bytes()), window.swizzle_dyn((indices + next).to_bytes()));
                left.copy_from_slice(&l.as_slice()[..BLOCK]);
                right.copy_from_slice(&r.as_slice()[..BLOCK]);
            }
        },
    );
}
