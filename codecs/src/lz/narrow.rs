//! The fast parse of bytes and words: palettes, alpha, RGB16.
//!
//! Their matches are short and many, and neither where one begins nor how long it is can be foreseen. So there is a branch on
//! whether anything begins here and hardly another: what is chosen is chosen by conditional moves.

use std::hint::select_unpredictable as select;

use fearless_simd::{Simd, SimdBase, SimdInto, SimdMask, u8x32, u8x64};

use super::choice::TOO_FAR;
use super::unit::{Index, Unit, Word};
use super::writer::Writer;
use crate::{EncodeError, PixelFormat, Pixels};

/// A pixel as it is held here: its literal in the stream's order.
pub(super) trait Narrow: bytemuck::Pod + Eq {
    /// As what it is coded.
    type Unit: Unit;
    /// Pixels of a vector.
    const LANES: usize = 32 / size_of::<Self>();
    /// Pixels behind the last, so that a vector and a run of literals can be had from each.
    const PAD: usize = 64 / size_of::<Self>();
    /// The first three pixels of a [`Narrow::word`].
    const THREE: u64;
    /// Those of a match that pays, and of one of which the distance takes two bytes more.
    const NEAR: u64;
    const FAR: u64;

    /// Copies row `y` of a picture in memory order.
    fn load_row(pixels: &Pixels<'_>, y: u32, to: &mut [Self]);

    /// Eight bytes of pixels from `i` on, the first one lowest.
    fn word(px: &[Self], i: usize) -> u64;
}

impl Narrow for u8 {
    type Unit = Index;
    const THREE: u64 = 0xff_ffff;
    const NEAR: u64 = 0xff_ffff;
    const FAR: u64 = 0xff_ffff_ffff;

    fn load_row(pixels: &Pixels<'_>, y: u32, to: &mut [Self]) {
        let row = pixels.row(y);
        if pixels.format() == PixelFormat::Xxxa {
            for (to, p) in to.iter_mut().zip(row.as_chunks::<4>().0) {
                *to = p[3];
            }
        } else {
            to.copy_from_slice(&row[..to.len()]);
        }
    }

    #[inline(always)]
    fn word(px: &[Self], i: usize) -> u64 {
        u64::from_le_bytes(px[i..i + 8].try_into().expect("eight"))
    }
}

impl Narrow for u16 {
    type Unit = Word;
    const THREE: u64 = 0xffff_ffff_ffff;
    const NEAR: u64 = 0xffff_ffff;
    const FAR: u64 = 0xffff_ffff_ffff;

    fn load_row(pixels: &Pixels<'_>, y: u32, to: &mut [Self]) {
        for (to, p) in to.iter_mut().zip(pixels.row(y).as_chunks::<2>().0) {
            *to = (u16::from_le_bytes(*p) & 0x7fff).to_be();
        }
    }

    #[inline(always)]
    fn word(px: &[Self], i: usize) -> u64 {
        let four: [u16; 4] = px[i..i + 4].try_into().expect("four");
        let [a, b, c, d] = four.map(u64::from);
        a | b << 16 | c << 32 | d << 48
    }
}

/// How many pixels from `i` on are those from `from` on: of a vector.
#[inline(always)]
fn ahead<P: Narrow, S: Simd>(simd: S, px: &[P], i: usize, from: usize) -> usize {
    let equal = vector(simd, px, i).simd_eq(vector(simd, px, from)).to_bitmask() as u32;
    (!equal).trailing_zeros() as usize / size_of::<P>()
}

#[inline(always)]
fn vector<P: Narrow, S: Simd>(simd: S, px: &[P], i: usize) -> u8x32<S> {
    let bytes: &[u8] = bytemuck::cast_slice(&px[i..i + P::LANES]);
    let bytes: [u8; 32] = bytes.try_into().expect("a vector");
    bytes.simd_into(simd)
}

/// As [`ahead`], of any length; pixels behind the last count too.
#[inline(always)]
fn alike<P: Narrow, S: Simd>(simd: S, px: &[P], i: usize, from: usize) -> usize {
    let step = 2 * P::LANES;
    let (a, b) = (&px[i..], &px[from..]);
    let mut length = 0;
    for (a, b) in a.chunks_exact(step).zip(b.chunks_exact(step)) {
        let [a, b] = [a, b].map(|x| <[u8; 64]>::try_from(bytemuck::cast_slice(x)).expect("two vectors"));
        let (a, b): (u8x64<S>, u8x64<S>) = (a.simd_into(simd), b.simd_into(simd));
        let differ = !a.simd_eq(b).to_bitmask();
        if differ != 0 {
            return length + differ.trailing_zeros() as usize / size_of::<P>();
        }
        length += step;
    }
    length
}

/// Of two matches, as pixels and distance, the longer one.
#[inline(always)]
fn longer(a: (usize, u32), b: (usize, u32)) -> (usize, u32) {
    (select(b.0 > a.0, b.0, a.0), select(b.0 > a.0, b.1, a.1))
}

/// log2 of the table's entries, and of what is used of them for small pictures: it is cleared for each.
const BITS: u32 = 14;
const FEW_BITS: u32 = 13;
/// Distances beyond this take two bytes more.
const FAR: u32 = 8191;
/// The slot of positions that are not to be found.
const NOWHERE: usize = 1 << BITS;

/// Where three pixels with a hash were last seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    slots: Vec<u32>,
}

/// One pass over the pixels of `px` but for those behind them; rows of `row` pixels. With `RUNS` the same runs in the same order
/// are looked for too, as alpha has them: 5 to 7 % of the time of photos. With `BACK` a match is begun a pixel earlier behind few
/// literals too, which takes 7 % of the time, and is worth it where a byte holds several pixels.
#[inline(always)]
pub(super) fn pass<P: Narrow, const RUNS: bool, const BACK: bool, S: Simd>(
    simd: S,
    px: &[P],
    row: usize,
    table: &mut Table,
    out: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    let n = px.len() - P::PAD;
    if n < 6 {
        return out.narrow_literals(px, 0..n);
    }
    table.slots.resize(NOWHERE + 1, 0);
    let slots: &mut [u32; NOWHERE + 1] = (&mut table.slots[..]).try_into().expect("just sized");
    let bits = if n <= 4096 { FEW_BITS } else { BITS };
    slots[..1 << bits].fill(1);
    let hash =
        |three: u64| (three.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize & ((1 << BITS) - 1);
    // Rows that are too far apart are looked at from where none is.
    let row = if row < TOO_FAR { row as u32 } else { n as u32 };
    let row_far = usize::from(row > FAR);
    let above_counts = if row > FAR { P::FAR } else { P::THREE };
    let last = n as u32 - 4;
    let mut anchor = 0; // first literal not yet written
    let mut i = 2;
    let mut previous = P::word(px, 1);
    // Where three pixels as those around the end of the last match were seen before.
    let mut met = 1;
    'tokens: loop {
        let up = select(i > row, row, 1);
        let (from, word) = loop {
            if i > last {
                break 'tokens;
            }
            let here = P::word(px, i as usize);
            // What differs from the pixels before, from those last seen with this hash, from those above.
            let before = (previous ^ here) & P::THREE;
            let slot = hash(here & P::THREE);
            let from = slots[slot];
            // Of a run its first pixel is to be found again, from which on what follows is like what follows here.
            slots[select(before == 0, NOWHERE, slot)] = i;
            let back = i - from;
            let hashed = (P::word(px, from as usize) ^ here) & select(back > FAR, P::FAR, P::NEAR);
            let above = (P::word(px, (i - up) as usize) ^ here) & above_counts;
            // One branch on whether any is 0 and near enough: of a difference the highest bit says that it is below 0.
            let near = u64::from(back).wrapping_sub(TOO_FAR as u64);
            let begins = before.wrapping_sub(1) | hashed.wrapping_sub(1) & near | above.wrapping_sub(1);
            if begins >> 63 != 0 {
                break (from, here);
            }
            previous = here;
            i += 1;
        };
        let here = i as usize;
        let back = i - from;
        // A far match, of which the distance takes two bytes more, must be longer.
        let by_hash = ahead(simd, px, here, from as usize).saturating_sub(usize::from(back > FAR));
        let by_hash = select(back < TOO_FAR as u32, by_hash, 0);
        let above = ahead(simd, px, here, (i - up) as usize).saturating_sub(row_far);
        let before = ahead(simd, px, here, (i - 1) as usize);
        let (mut length, mut distance) = longer(longer((before, 1), (above, up)), (by_hash, back));
        length += usize::from(distance > FAR);
        if length >= P::LANES {
            length = alike(simd, px, here, (i - distance) as usize);
        }
        if RUNS && here == anchor && (word ^ word >> (8 * size_of::<P>())) & P::THREE == 0 {
            // Where a run begins behind a match: what followed a pixel as the one before and a run of this kind. Of runs in the
            // same order again, what the table says of one alone is mostly another place.
            let far = i - (met + 1);
            if far.wrapping_sub(1) < TOO_FAR as u32 - 1 {
                let other = alike(simd, px, here, (met + 1) as usize);
                let more = if far > FAR && distance <= FAR { 2 } else { 0 };
                if other > length + more {
                    (length, distance) = (other, far);
                }
            }
        }
        let from = i - distance;
        let length = length.min(n - here);
        // What is before it too, where that was not found: mostly a pixel at most.
        let pending = here - anchor;
        let mut back = usize::from(BACK && (pending > 0) & (px[(i - 1) as usize] == px[(from - 1) as usize]));
        let many = if BACK { pending >= 8 && back > 0 } else { pending >= 4 };
        if many {
            let most = pending.min(from as usize);
            while back < most && px[here - back - 1] == px[from as usize - back - 1] {
                back += 1;
            }
        }
        out.narrow_match(px, anchor..here - back, length + back, distance as usize)?;
        anchor = here + length;
        i = anchor as u32;
        let around = (i - 3) as usize;
        let around = &px[around..around + 3 + P::PAD / 4];
        let [a, b, c] = [0, 1, 2].map(|k| P::word(around, k));
        let (in_run, ends_run) = ((a ^ b) & P::THREE == 0, (b ^ c) & P::THREE == 0);
        slots[select(in_run, NOWHERE, hash(b & P::THREE))] = i - 2;
        let slot = hash(c & P::THREE);
        if RUNS {
            met = slots[slot];
        }
        slots[select(ends_run, NOWHERE, slot)] = i - 1;
        previous = c;
    }
    out.narrow_literals(px, anchor..n)
}
