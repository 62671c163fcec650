//! What the fast parse looks at in one position, and which match it takes.

use fearless_simd::Simd;

use super::unit::{Unit, alike, eight, equal8, same};

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
pub(super) fn ahead<U: Unit, S: Simd>(simd: S, px: &[u32], i: usize, from: usize) -> usize {
    (!equal8::<U, S>(simd, eight(px, i), eight(px, from))).trailing_zeros() as usize
}

/// The longest match of a position.
pub(super) struct Choice {
    candidates: [usize; 3],
    lengths: [usize; 3],
    /// Its pixels: of up to eight until [`Choice::whole`] is called.
    pub(super) length: usize,
    from: usize,
}

impl Choice {
    /// That of position `i` with the pixel before it, that in the row above, and the one last seen with this hash.
    #[inline(always)]
    pub(super) fn of<U: Unit, S: Simd>(simd: S, px: &[u32], i: usize, candidates: [usize; 3]) -> Self {
        let [a, b, c] = candidates;
        let lengths =
            [ahead::<U, S>(simd, px, i, a), ahead::<U, S>(simd, px, i, b), ahead::<U, S>(simd, px, i, c)];
        // Which of the three is the longest is as hard to foresee as how long it is: no branches. Of words and bytes, a far
        // one must be longer by what its token takes more.
        let (mut most, mut from) = (lengths[0], candidates[0]);
        for k in 1..3 {
            let far = k == 2 && i - candidates[k] > 8191;
            let length = lengths[k].saturating_sub(if far { U::BIAS } else { 0 });
            from = if length > most { candidates[k] } else { from };
            most = most.max(length);
        }
        Self { candidates, lengths, length: most, from }
    }

    /// Finds out how long it is.
    #[inline(always)]
    pub(super) fn whole<U: Unit, S: Simd>(&mut self, simd: S, px: &[u32], i: usize) {
        if self.lengths.contains(&8) {
            self.length = 0;
            for k in 0..3 {
                if self.lengths[k] == 8 && self.length < NICE {
                    let whole = 8 + alike::<U, S>(simd, &px[i + 8..], &px[self.candidates[k] + 8..]);
                    if whole > self.length {
                        (self.length, self.from) = (whole, self.candidates[k]);
                    }
                }
            }
        }
    }

    /// Takes the match with `from` if that is longer.
    #[inline(always)]
    fn other<U: Unit, S: Simd>(&mut self, simd: S, px: &[u32], i: usize, from: usize) {
        if self.length < NICE {
            let whole = alike::<U, S>(simd, &px[i..], &px[from..]);
            let farther = i - from > 8191 && i - self.from <= 8191;
            if whole > self.length + if farther { 2 } else { 0 } {
                (self.length, self.from) = (whole, from);
            }
        }
    }

    /// Takes the older place of a hash, `far` pixels back, where that is near enough and the match longer.
    #[inline(always)]
    pub(super) fn older<U: Unit, S: Simd>(&mut self, simd: S, px: &[u32], i: usize, far: usize) {
        if far < TOO_FAR.min(i + 1) {
            self.other::<U, S>(simd, px, i, i - far);
        }
    }

    /// Where it begins, in how many pixels, and where it is from, if it takes in the literals before position `i` too, from
    /// `anchor` on. It ends at `n`.
    #[inline(always)]
    pub(super) fn widened<U: Unit>(
        &self,
        px: &[u32],
        mut i: usize,
        anchor: usize,
        n: usize,
    ) -> (usize, usize, usize) {
        let (mut length, mut from) = (self.length.min(n - i), self.from);
        while i > anchor && from > 0 && same::<U>(px[i - 1], px[from - 1]) {
            i -= 1;
            from -= 1;
            length += 1;
        }
        (i, length, from)
    }
}
