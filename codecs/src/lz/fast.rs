//! The fast LZ parse: greedy, one hash probe a pixel.

use super::unit::{Unit, common, pair, same};
use super::writer::Writer;
use crate::EncodeError;

/// log2 of the table's entries.
const BITS: u32 = 14;
/// Distances from here on cannot be coded.
pub(super) const TOO_FAR: usize = 73725;

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

#[inline(always)]
fn hash<U: Unit>(px: &[u32], i: usize) -> usize {
    let three = pair::<U>(px, i).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ u64::from(px[i + 2] & U::MASK).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    (three >> (64 - BITS)) as usize
}

/// One pass over `px`, rows of `row` pixels.
pub(super) fn pass<U: Unit>(
    px: &[u32],
    row: usize,
    table: &mut Table,
    out: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    let n = px.len();
    let base = table.begin(n);
    let slots: &mut [u32; 1 << BITS] = (&mut table.slots[..]).try_into().expect("sized by begin");
    let mut anchor = 0; // first literal not yet written
    let mut i = 1;
    if n >= 4 {
        slots[hash::<U>(px, 0)] = base;
    }
    while i + 4 <= n {
        let here = pair::<U>(px, i);
        let mut from;
        if same::<U>(px[i - 1], px[i]) && pair::<U>(px, i - 1) == here && same::<U>(px[i + 1], px[i + 2]) {
            from = i - 1;
        } else {
            let r = std::mem::replace(&mut slots[hash::<U>(px, i)], base + i as u32);
            from = r.wrapping_sub(base) as usize;
            let near = i.wrapping_sub(from);
            let hit = r >= base
                && near < TOO_FAR
                && pair::<U>(px, from) == here
                && same::<U>(px[from + 2], px[i + 2]);
            if !hit {
                // Two pixels like those above: of colours, a token saves four bytes, or two.
                if U::LITERAL != 3 || i < row || row >= TOO_FAR || pair::<U>(px, i - row) != here {
                    i += 1;
                    continue;
                }
                from = i - row;
            }
        }
        let mut length = 2 + common::<U>(&px[i + 2..], &px[from + 2..]);
        if U::LITERAL == 1 && length < 8 {
            // Of single bytes a token saves little: if a longer match begins with the next, it is worth waiting for.
            let next = slots[hash::<U>(px, i + 1)].wrapping_sub(base) as usize;
            if next < i && i - next < TOO_FAR && common::<U>(&px[i + 1..], &px[next..]) > length {
                i += 1;
                continue;
            }
        }
        while i > anchor && from > 0 && same::<U>(px[i - 1], px[from - 1]) {
            i -= 1;
            from -= 1;
            length += 1;
        }
        if U::BIAS == 2 && length < 5 {
            if i - from > 8191 {
                i += length;
                continue;
            }
            if length < 4 && i > anchor {
                // The three bytes saved are two for the token and one for the literals that it parts.
                i += 1;
                continue;
            }
        }
        out.literals::<U>(&px[anchor..i])?;
        out.lz_match::<U>(length, i - from)?;
        i += length;
        anchor = i;
        if i + 2 <= n {
            slots[hash::<U>(px, i - 2)] = base + i as u32 - 2;
        }
        if i + 3 <= n {
            slots[hash::<U>(px, i - 1)] = base + i as u32 - 1;
        }
    }
    out.literals::<U>(&px[anchor..])
}
