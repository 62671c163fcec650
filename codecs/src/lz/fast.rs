//! The fast LZ parse: greedy, one hash probe a pixel.

use fearless_simd::Simd;

use super::choice::{BITS, Choice, TOO_FAR, ahead, hash, pair};
use super::sparse;
use super::unit::{PAD, Unit};
use super::writer::Writer;
use crate::EncodeError;

/// Behind so many literals positions are looked up in strips: by the bytes of a literal. Of bytes and words there are more
/// places that may match, and fewer that do.
const SPARSE: [usize; 4] = [0, 8, 8, 16];
/// Where three pixels with a hash were last seen. Entries are positions counted on from pass to pass, so that those
/// of earlier passes are below `base` and the table need not be cleared.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    slots: Vec<u32>,
    /// Of single bytes, where they were seen before that.
    older: Vec<u32>,
    base: u32,
}

impl Table {
    /// Makes room for `n` more positions; returns the number of the first.
    fn begin(&mut self, n: usize) -> u32 {
        if self.slots.is_empty() || self.base as u64 + n as u64 >= u64::from(u32::MAX) {
            self.slots.clear();
            self.slots.resize(1 << BITS, 0);
            self.older.clear();
            self.older.resize(1 << BITS, 0);
            self.base = 1;
        }
        let base = self.base;
        self.base += n as u32;
        base
    }
}

/// One pass over the pixels of `px` but for the [`PAD`] behind them; rows of `row` pixels.
#[inline(always)]
pub(super) fn pass<U: Unit, S: Simd>(
    simd: S,
    px: &[u32],
    row: usize,
    table: &mut Table,
    out: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    let n = px.len() - PAD;
    let base = table.begin(n);
    let slots: &mut [u32; 1 << BITS] = (&mut table.slots[..]).try_into().expect("sized by begin");
    let olders: &mut [u32; 1 << BITS] = (&mut table.older[..]).try_into().expect("sized by begin");
    let mut anchor = 0; // first literal not yet written
    let mut i = 1;
    if n >= 4 {
        slots[hash(px[0], px[1], px[2])] = base;
    }
    // Rows that are too far apart are looked at from where none is.
    let row = if row < TOO_FAR { row } else { n };
    while i + 4 <= n {
        let here = &px[i - 1..i + 8];
        let (p0, p1, p2) = (here[1], here[2], here[3]);
        let slot = hash(p0, p1, p2);
        let older = if U::LITERAL == 1 { olders[slot] } else { 0 };
        let in_run = here[0] == p0 && p0 == p1 && p1 == p2;
        if U::LITERAL == 1 && !in_run {
            olders[slot] = slots[slot];
        }
        let slot = &mut slots[slot];
        let r = *slot;
        // Of a run its first pixel is to be found again, from which on what follows is like what follows here.
        *slot = if in_run { r } else { base + i as u32 };
        // Where a candidate is of an earlier pass, too far or none, the pixel before takes its place.
        let near = (base + i as u32).wrapping_sub(r) as usize;
        let hashed = i - if near < TOO_FAR.min(i + 1) { near } else { 1 };
        let above = i - if i >= row { row } else { 1 };
        let begins = |from: usize| pair(px, from) == u64::from(p0) | u64::from(p1) << 32;
        if !((here[0] == p0 && p0 == p1) | begins(hashed) | begins(above)) {
            // Where no literals are pending, or a whole run of them, a token of two bytes even pays for one pixel of three.
            if U::LITERAL == 3 && (i - anchor).is_multiple_of(32) && (here[0] == p0 || px[above] == p0) {
                let distance = if here[0] == p0 { 1 } else { i - above };
                if distance <= 8191 {
                    out.literals::<U>(px, anchor..i)?;
                    out.lz_match::<U>(1, distance)?;
                    anchor = i + 1;
                }
            }
            if i >= anchor + SPARSE[U::LITERAL] && n - i > sparse::ROOM {
                let places = sparse::Places { slots, olders, base };
                (i, anchor) = sparse::pass::<U, S>(simd, px, row, places, i + 1, anchor, out)?;
                continue;
            }
            i += 1;
            continue;
        }
        let mut choice = Choice::of::<U, S>(simd, px, i, [i - 1, above, hashed]);
        let most = choice.length;
        // Of colours, a token for two pixels saves four bytes, or two; of others nothing.
        if U::LITERAL != 3 && most < 3 {
            i += 1;
            continue;
        }
        if U::LITERAL == 1 && most < 8 {
            // Of single bytes a token saves little: if a longer match begins with the next, it is worth waiting for.
            let next = (base + i as u32 + 1).wrapping_sub(slots[hash(p1, p2, here[3])]) as usize;
            if next < TOO_FAR.min(i + 2)
                && ahead::<U, S>(simd, px, i + 1, i + 1 - next) > most + usize::from(i == anchor)
            {
                i += 1;
                continue;
            }
        }
        choice.whole::<U, S>(simd, px, i);
        if U::LITERAL == 1 {
            // Of single bytes there are more places alike: the one before the last too.
            choice.older::<U, S>(simd, px, i, (base + i as u32).wrapping_sub(older) as usize);
        }
        let (begin, length, from) = choice.widened::<U>(px, i, anchor, n);
        i = begin;
        out.literals::<U>(px, anchor..i)?;
        out.lz_match::<U>(length, i - from)?;
        i += length;
        anchor = i;
        let [a, b, c, d] = *px[i - 2..].first_chunk().expect("padded");
        for (back, [a, b, c]) in [(2, [a, b, c]), (1, [b, c, d])] {
            let slot = &mut slots[hash(a, b, c)];
            // As above, but for the pixel before: the end of a match is no place for a run to begin.
            *slot = if a == b && b == c { *slot } else { base + i as u32 - back };
        }
    }
    out.literals::<U>(px, anchor..n)
}
