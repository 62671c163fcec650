//! The encoder whose bytes equal those of the reference (FORMATS.md 2.4): the slow twin.

use super::unit::Unit;
use super::writer::Writer;
use crate::EncodeError;

/// One pass over `px`.
pub(super) fn pass<U: Unit>(
    px: &[u32],
    table: &mut Vec<u32>,
    out: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    let n = px.len();
    if n < 4 {
        return out.literals::<U>(px, 0..n);
    }
    table.clear();
    table.resize(8192, 0);
    let same = |a: usize, b: usize| (px[a] ^ px[b]) & U::REFERENCE_MASK == 0;
    let mut anchor = 0; // first literal not yet written
    let mut i = 2;
    while i + 6 < n {
        let from = if same(i - 1, i) && same(i - 1, i + 1) && same(i - 1, i + 2) {
            Some(i - 1)
        } else {
            let slot = &mut table[slot_of::<U>(px, i)];
            let r = std::mem::replace(slot, i as u32) as usize;
            let distance = i - r;
            let mut need = U::BIAS + 1;
            if distance >= 8191 {
                need += if U::BIAS == 2 { 2 } else { 1 };
            }
            let usable = distance > 0 && distance < 73725 && (0..need).all(|k| same(r + k, i + k));
            usable.then_some(r)
        };
        let Some(from) = from else {
            i += 1;
            continue;
        };
        // The last pixel that would still fit is given away.
        let most = n - 3 - i;
        let length = (0..most).take_while(|&k| same(from + k, i + k)).count();
        out.literals::<U>(px, anchor..i)?;
        out.lz_match::<U>(length, i - from)?;
        let j = i + length - 2;
        if U::BIAS == 2 || j > i {
            table[slot_of::<U>(px, j)] = j as u32;
        }
        if U::BIAS != 0 || j + 1 > i {
            table[slot_of::<U>(px, j + 1)] = j as u32 + 1;
        }
        i += length;
        anchor = i;
    }
    out.literals::<U>(px, anchor..px.len())
}

fn slot_of<U: Unit>(px: &[u32], i: usize) -> usize {
    hash::<U>(px, i) as usize & 8191
}

/// The reference's hash of three pixels.
pub(crate) fn hash<U: Unit>(px: &[u32], i: usize) -> u32 {
    let mut v = 5381u32;
    for &p in &px[i..i + 3] {
        let (bytes, n) = U::hashed(p);
        for b in &bytes[..n] {
            v = v.wrapping_mul(33) ^ u32::from(*b);
        }
    }
    v
}
