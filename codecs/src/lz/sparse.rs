//! The fast parse where hardly anything matches: what may begin is looked up for a strip of positions at a time.
//!
//! One by one, each position waits for what its slot of the table refers to, which is mostly in no near cache, and for a
//! branch that is not foreseen. In a strip nothing waits for the parse, and the loads of all its positions are under way at
//! once.

use fearless_simd::Simd;

use super::choice::{BITS, Choice, TOO_FAR, hash, pair};
use super::unit::{Colour, eight, equal8};
use super::writer::Writer;
use crate::EncodeError;

/// Positions of a strip.
const STRIP: usize = 32;
/// Pixels that must be left to begin with a strip.
pub(super) const ROOM: usize = STRIP + 8;
/// A match from which on this is the wrong place.
const LONG: usize = 16;

/// The table of a pass.
pub(super) struct Places<'a> {
    pub(super) slots: &'a mut [u32; 1 << BITS],
    pub(super) base: u32,
}

/// Codes pixels from `i` on as long as matches are short and rare; `anchor` is the first literal not yet written. Returns
/// both.
#[inline(never)]
pub(super) fn pass<S: Simd>(
    simd: S,
    px: &[u32],
    row: usize,
    places: Places<'_>,
    i: usize,
    anchor: usize,
    out: &mut Writer<'_>,
) -> Result<(usize, usize), EncodeError> {
    simd.vectorize(
        #[inline(always)]
        || strips(simd, px, row, places, i, anchor, out),
    )
}

/// Bit `k` is set where pixel `i + k` is the same as pixel `from + k`: of `STRIP + 8` pixels.
#[inline(always)]
fn equal<S: Simd>(simd: S, px: &[u32], i: usize, from: usize) -> u64 {
    let (a, b): (&[u32; STRIP + 8], &[u32; STRIP + 8]) =
        (px[i..].first_chunk().expect("room"), px[from..].first_chunk().expect("room"));
    let mut bits = 0;
    for k in (0..STRIP + 8).step_by(8) {
        bits |= u64::from(equal8::<Colour, S>(simd, eight(a, k), eight(b, k))) << k;
    }
    bits
}

#[inline(always)]
fn strips<S: Simd>(
    simd: S,
    px: &[u32],
    row: usize,
    places: Places<'_>,
    mut i: usize,
    mut anchor: usize,
    out: &mut Writer<'_>,
) -> Result<(usize, usize), EncodeError> {
    let Places { slots, base } = places;
    let n = px.len() - super::unit::PAD;
    // Where a token may begin.
    let begin = |bits: u64| bits & bits >> 1;
    while n - i >= ROOM {
        let here: &[u32; STRIP + 3] = px[i - 1..].first_chunk().expect("room");
        let now = base + i as u32;
        let before = equal(simd, px, i, i - 1);
        // Of a run its first pixel is to be found again.
        let in_run = before & before >> 1 & before >> 2;
        let mut seen = [0; STRIP];
        let mut look = |in_run: u64| {
            for k in 0..STRIP {
                let slot = hash(here[k + 1], here[k + 2], here[k + 3]);
                let enter = in_run >> k & 1 == 0;
                seen[k] = slots[slot];
                slots[slot] = if enter { now + k as u32 } else { seen[k] };
            }
        };
        if in_run & ((1 << STRIP) - 1) == 0 {
            look(0)
        } else {
            look(in_run)
        }
        // As in `fast`: where a candidate is of an earlier pass, too far or none, the pixel before takes its place.
        let mut hashed = [0; STRIP];
        for k in 0..STRIP {
            let near = (now + k as u32).wrapping_sub(seen[k]);
            let valid = near < (TOO_FAR as u32).min((i + k + 1) as u32);
            hashed[k] = (i + k) as u32 - if valid { near } else { 1 };
        }
        let mut known = 0;
        for k in 0..STRIP {
            let from = hashed[k] as usize;
            let alike = pair(px, from) == u64::from(here[k + 1]) | u64::from(here[k + 2]) << 32;
            known |= u64::from(alike) << k;
        }
        let up = if i >= row { row } else { 1 };
        let above = equal(simd, px, i, i - up);
        let begins = (begin(before) | begin(above) | known) & ((1 << STRIP) - 1);
        // Where no literals are pending, or a whole run of them, a token of two bytes even pays for one pixel of three.
        let single = before | if up <= 8191 { above } else { 0 };
        let mut k = 0;
        while k < STRIP {
            let may = begins | single & 1 << (anchor.wrapping_sub(i) % STRIP);
            if may >> k == 0 {
                break;
            }
            k += (may >> k).trailing_zeros() as usize;
            let at = i + k;
            let mut choice = Choice::of(simd, px, at, [at - 1, at - up, hashed[k] as usize]);
            choice.whole(simd, px, at);
            let (at, length, from) = choice.widened(px, at, anchor, n);
            out.few_literals::<Colour>(px, anchor..at)?;
            out.lz_match::<Colour>(length, at - from)?;
            anchor = at + length;
            if length >= LONG {
                // What was entered beyond it was not there yet.
                for k in (anchor - i..STRIP).rev() {
                    let slot = hash(here[k + 1], here[k + 2], here[k + 3]);
                    slots[slot] = seen[k];
                }
                return Ok((anchor, anchor));
            }
            k = anchor - i;
        }
        i = (i + STRIP).max(anchor);
    }
    Ok((i, anchor))
}
