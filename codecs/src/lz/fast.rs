//! The fast LZ parse of colours: greedy, one hash probe a pixel.

use fearless_simd::Simd;

use super::choice::{BITS, Choice, TOO_FAR, hash, pair};
use super::sparse;
use super::unit::{Colour, PAD};
use super::writer::Writer;
use crate::EncodeError;

/// Behind so many literals positions are looked up in strips.
const SPARSE: usize = 16;
/// Where three pixels with a hash were last seen. Entries are positions counted on from pass to pass, so that those
/// of earlier passes are below `base` and the table need not be cleared.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    slots: Vec<u32>,
    base: u32,
}

impl Table {
    /// Makes room for `n` more positions; returns the number of the first.
    fn begin(&mut self, n: usize) -> u32 {
        if self.slots.is_empty() || self.base as u64 + n as u64 >= u64::from(u32::MAX) {
            self.slots.clear();
            self.slots.resize(1 << BITS, 0);
            self.base = 1;
        }
        let base = self.base;
        self.base += n as u32;
        base
    }
}

/// One pass over the pixels of `px` but for the [`PAD`] behind them; rows of `row` pixels.
#[inline(always)]
pub(super) fn pass<S: Simd>(
    simd: S,
    px: &[u32],
    row: usize,
    table: &mut Table,
    out: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    let n = px.len() - PAD;
    let base = table.begin(n);
    let slots: &mut [u32; 1 << BITS] = (&mut table.slots[..]).try_into().expect("sized by begin");
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
        let in_run = here[0] == p0 && p0 == p1 && p1 == p2;
        let slot = &mut slots[hash(p0, p1, p2)];
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
            if (i - anchor).is_multiple_of(32) && (here[0] == p0 || px[above] == p0) {
                let distance = if here[0] == p0 { 1 } else { i - above };
                if distance <= 8191 {
                    out.literals::<Colour>(px, anchor..i)?;
                    out.lz_match::<Colour>(1, distance)?;
                    anchor = i + 1;
                }
            }
            if i >= anchor + SPARSE && n - i > sparse::ROOM {
                let places = sparse::Places { slots, base };
                (i, anchor) = sparse::pass(simd, px, row, places, i + 1, anchor, out)?;
                continue;
            }
            i += 1;
            continue;
        }
        let mut choice = Choice::of(simd, px, i, [i - 1, above, hashed]);
        choice.whole(simd, px, i);
        let (begin, length, from) = choice.widened(px, i, anchor, n);
        i = begin;
        out.literals::<Colour>(px, anchor..i)?;
        out.lz_match::<Colour>(length, i - from)?;
        i += length;
        anchor = i;
        let [a, b, c, d] = *px[i - 2..].first_chunk().expect("padded");
        for (back, [a, b, c]) in [(2, [a, b, c]), (1, [b, c, d])] {
            let slot = &mut slots[hash(a, b, c)];
            // As above, but for the pixel before: the end of a match is no place for a run to begin.
            *slot = if a == b && b == c { *slot } else { base + i as u32 - back };
        }
    }
    out.literals::<Colour>(px, anchor..n)
}
