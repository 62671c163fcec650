//! Merging glyphs into a coverage mask.

use super::{GlyphDepth, GlyphRef};
use crate::geom::Rect;

/// Merges the part of a glyph that lies in `part` (not empty, inside the glyph and `strip`) into the mask, which has
/// one byte per pixel of `strip`.
pub(super) fn glyph(glyph: &GlyphRef<'_>, depth: GlyphDepth, part: Rect, mask: &mut [u8], strip: Rect) {
    let (bounds, stride) = (glyph.bounds(), depth.bytes_per_row(glyph.width.into()));
    let width = strip.width() as usize;
    let columns = (part.left - strip.left) as usize..(part.right - strip.left) as usize;
    let first = (part.left - bounds.left) as usize;
    for y in part.top..part.bottom {
        let row_from_top = (y - bounds.top) as usize;
        let row = match depth {
            GlyphDepth::A8 => usize::from(glyph.height) - row_from_top,
            _ => usize::from(glyph.height) - 1 - row_from_top,
        };
        let bytes = glyph.data.get(row * stride..).unwrap_or_default();
        let bytes = &bytes[..bytes.len().min(stride)];
        let mask = &mut mask[(y - strip.top) as usize * width..][columns.clone()];
        match depth {
            GlyphDepth::A1 => merge_a1(mask, bytes, first),
            GlyphDepth::A4 => merge_a4(mask, bytes, first),
            GlyphDepth::A8 => merge_a8(mask, bytes.get(first..).unwrap_or_default()),
        }
    }
}

/// The coverage of eight pixels, from the left, of a byte of one-bit coverage.
static EIGHT: [[u8; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut i = 0;
        while i < 8 {
            table[byte][i] = if byte >> (7 - i) & 1 != 0 { 0xff } else { 0 };
            i += 1;
        }
        byte += 1;
    }
    table
};

/// Joins columns `first..` of a one-bit row with the mask.
fn merge_a1(mut mask: &mut [u8], bytes: &[u8], first: usize) {
    let mut bytes = bytes.get(first / 8..).unwrap_or_default().iter();
    let mut skip = first % 8;
    while !mask.is_empty() {
        let Some(&byte) = bytes.next() else { return };
        let (now, rest) = mask.split_at_mut(mask.len().min(8 - skip));
        if byte != 0 {
            now.iter_mut().zip(&EIGHT[usize::from(byte)][skip..]).for_each(|(m, v)| *m |= v);
        }
        (mask, skip) = (rest, 0);
    }
}

/// Joins columns `first..` of a four-bit row with the mask. An odd column is compared together with its left
/// neighbour's nibble above it, so it wins wherever that is not 0.
fn merge_a4(mask: &mut [u8], bytes: &[u8], first: usize) {
    let odd = |m: &mut u8, byte: u8| {
        let v = u32::from(byte) << 4;
        if v > u32::from(*m) {
            *m = v as u8;
        }
    };
    let (head, mask) = mask.split_at_mut(first & 1);
    if let ([m], Some(&byte)) = (head, bytes.get(first / 2)) {
        odd(m, byte);
    }
    let bytes = bytes.get(first.div_ceil(2)..).unwrap_or_default();
    for (pair, &byte) in mask.chunks_mut(2).zip(bytes) {
        if byte != 0 {
            pair[0] = pair[0].max(byte & 0xf0);
            if let Some(m) = pair.get_mut(1) {
                odd(m, byte);
            }
        }
    }
}

fn merge_a8(mask: &mut [u8], bytes: &[u8]) {
    mask.iter_mut().zip(bytes).for_each(|(m, &v)| *m = (*m).max(v));
}
