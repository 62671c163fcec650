//! What the fast parse of colours looks at in one position, and which match it takes.

use fearless_simd::Simd;

use super::unit::{Colour, alike, eight, equal8};

/// log2 of the table's entries.
pub(super) const BITS: u32 = 14;
/// A match of this length is taken without a look at other candidates.
const NICE: usize = 32;
/// Distances from here on cannot be coded.
pub(super) const TOO_FAR: usize = 73725;

#[inline(always)]
pub(super) fn hash(a: u32, b: u32, c: u32) -> usize {
    let two = (u64::from(a) | u64::from(b) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((two ^ u64::from(c).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)) >> (64 - BITS)) as usize
}

#[inline(always)]
pub(super) fn pair(px: &[u32], i: usize) -> u64 {
    let two: [u32; 2] = px[i..i + 2].try_into().expect("two");
    u64::from(two[0]) | u64::from(two[1]) << 32
}

/// How many of eight pixels from `i` on are those from `from` on.
#[inline(always)]
fn ahead<S: Simd>(simd: S, px: &[u32], i: usize, from: usize) -> usize {
    (!equal8::<Colour, S>(simd, eight(px, i), eight(px, from))).trailing_zeros() as usize
}

/// The longest match of a position.
pub(super) struct Choice {
    candidates: [usize; 3],
    lengths: [usize; 3],
    /// Its pixels: of up to eight until [`Choice::whole`] is called.
    length: usize,
    from: usize,
}

impl Choice {
    /// That of position `i` with the pixel before it, that in the row above, and the one last seen with this hash.
    #[inline(always)]
    pub(super) fn of<S: Simd>(simd: S, px: &[u32], i: usize, candidates: [usize; 3]) -> Self {
        let [a, b, c] = candidates;
        let lengths = [ahead(simd, px, i, a), ahead(simd, px, i, b), ahead(simd, px, i, c)];
        // Which of the three is the longest is as hard to foresee as how long it is: no branches.
        let (mut most, mut from) = (lengths[0], candidates[0]);
        for k in 1..3 {
            from = if lengths[k] > most { candidates[k] } else { from };
            most = most.max(lengths[k]);
        }
        Self { candidates, lengths, length: most, from }
    }

    /// Finds out how long it is.
    #[inline(always)]
    pub(super) fn whole<S: Simd>(&mut self, simd: S, px: &[u32], i: usize) {
        if self.lengths.contains(&8) {
            self.length = 0;
            for k in 0..3 {
                if self.lengths[k] == 8 && self.length < NICE {
                    let whole = 8 + alike::<Colour, S>(simd, &px[i + 8..], &px[self.candidates[k] + 8..]);
                    if whole > self.length {
                        (self.length, self.from) = (whole, self.candidates[k]);
                    }
                }
            }
        }
    }

    /// Where it begins, in how many pixels, and where it is from, if it takes in the literals before position `i` too, from
    /// `anchor` on. It ends at `n`.
    #[inline(always)]
    pub(super) fn widened(&self, px: &[u32], mut i: usize, anchor: usize, n: usize) -> (usize, usize, usize) {
        let (mut length, mut from) = (self.length.min(n - i), self.from);
        while i > anchor && from > 0 && px[i - 1] == px[from - 1] {
            i -= 1;
            from -= 1;
            length += 1;
        }
        (i, length, from)
    }
}
