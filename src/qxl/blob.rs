//! Lists that a guest keeps as one run of bytes: clip rectangles, paths, strings. Recordings hold the same bytes.

use super::{Glyph, PathSegment, Point, Rect, Str};
use bytes::Bytes;

/// Why such bytes are no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlobError {
    /// There are `found` bytes where `expected` are needed.
    Size { found: u64, expected: u64 },
    /// There are `found` entries where the guest said `expected`.
    Count { found: u64, expected: u64 },
    /// More entries than are allowed.
    Limit { value: u64, limit: u64 },
}

pub(crate) fn le_i32(bytes: &[u8; 4]) -> i32 {
    i32::from_le_bytes(*bytes)
}

/// Little-endian words, as many as there are whole ones.
pub(crate) fn words(bytes: &[u8]) -> impl Iterator<Item = i32> + '_ {
    bytes.as_chunks::<4>().0.iter().map(le_i32)
}

/// The rectangle in 16 bytes: top, left, bottom, right.
pub(crate) fn le_rect(bytes: &[u8; 16]) -> Rect {
    let [top, left, bottom, right] = bytes.as_chunks::<4>().0 else {
        unreachable!("16 bytes are four words")
    };
    Rect { left: le_i32(left), top: le_i32(top), right: le_i32(right), bottom: le_i32(bottom) }
}

/// The point in 8 bytes: x, y.
pub(crate) fn le_point(bytes: &[u8; 8]) -> Point {
    let [x, y] = bytes.as_chunks::<4>().0 else { unreachable!("8 bytes are two words") };
    Point { x: le_i32(x), y: le_i32(y) }
}

/// The rectangles of a `QXLClipRects`, which says that there are `count`.
pub(crate) fn clip_rects(blob: &[u8], count: u32) -> Result<Vec<Rect>, BlobError> {
    let (found, expected) = (blob.len() as u64, 16 * u64::from(count));
    if found != expected {
        return Err(BlobError::Size { found, expected });
    }
    Ok(blob.as_chunks::<16>().0.iter().map(le_rect).collect())
}

/// The segments of a `QXLPath`; `limit` bounds their points, each segment counted as one more.
pub(crate) fn path(blob: &[u8], limit: u32) -> Result<Vec<PathSegment>, BlobError> {
    let mut path = Vec::new();
    let mut rest = blob;
    let mut seen = 0u64;
    while let Some((head, tail)) = rest.split_first_chunk::<8>() {
        let Point { x: flags, y: count } = le_point(head);
        let count = count as u32;
        let limit = u64::from(limit);
        seen += 1 + u64::from(count);
        if seen > limit {
            return Err(BlobError::Limit { value: seen, limit });
        }
        let Some((points, _)) = tail.as_chunks::<8>().0.split_at_checked(count as usize) else {
            return Err(BlobError::Size { found: tail.len() as u64, expected: 8 * u64::from(count) });
        };
        path.push(PathSegment { flags: flags as u32, points: points.iter().map(le_point).collect() });
        rest = &tail[8 * points.len()..];
    }
    if !rest.is_empty() {
        let found = blob.len() as u64;
        return Err(BlobError::Size { found, expected: found - rest.len() as u64 });
    }
    Ok(path)
}

/// The glyphs of a `QXLString`, which says that there are `count`. Their rasters share the blob.
pub(crate) fn string(blob: &Bytes, count: u16, flags: u8) -> Result<Str, BlobError> {
    let mut str = Str { flags, glyphs: Vec::new() };
    let depth = u64::from(str.depth().unwrap_or(0));
    let mut pos = 0;
    while pos < blob.len() {
        let rest = &blob[pos..];
        let Some((head, raster)) = rest.split_first_chunk::<20>() else {
            return Err(BlobError::Size { found: rest.len() as u64, expected: 20 });
        };
        let half = |i: usize| u16::from_le_bytes([head[i], head[i + 1]]);
        let word = |i: usize| i32::from_le_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]);
        let point = |i: usize| Point { x: word(i), y: word(i + 4) };
        let (width, height) = (half(16), half(18));
        let expected = (u64::from(width) * depth).div_ceil(8) * u64::from(height);
        if expected > raster.len() as u64 {
            return Err(BlobError::Size { found: raster.len() as u64, expected });
        }
        if str.glyphs.len() == usize::from(count) {
            return Err(BlobError::Count { found: u64::from(count) + 1, expected: count.into() });
        }
        let start = pos + 20;
        pos = start + expected as usize;
        str.glyphs.push(Glyph {
            render_pos: point(0),
            origin: point(8),
            width,
            height,
            data: blob.slice(start..pos),
        });
    }
    if str.glyphs.len() != usize::from(count) {
        return Err(BlobError::Count { found: str.glyphs.len() as u64, expected: count.into() });
    }
    Ok(str)
}
