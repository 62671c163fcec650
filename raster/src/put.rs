//! Rows of bytes copied, or filled with a word.
//!
//! A call of `memcpy` or of a function with an instruction set of its own takes longer than most rows of small boxes: rows
//! of up to 128 bytes are put by what the build has anyway, what a row takes is settled once for all, and both ends of
//! a row may overlap. Longer rows go by vectors that do not straddle lines of the target.

use crate::blocks::{self, copy_four, copy_two, splat};
use crate::grid::{Grid, GridMut, Size, behind_line, joined};
use crate::kernels::{with_eight, with_four};
use fearless_simd::{Level, prelude::*, u8x16, u32x4};

/// Copies rows of bytes.
#[inline(always)]
pub(crate) fn copy(level: Level, mut d: GridMut<'_, u8>, s: Grid<'_, u8>, size: Size) {
    let (width, height) = joined(size, d.joins(size) && s.joins(size));
    let size = (width, height);
    match width {
        33.. if width * height >= LONG => copy_long(level, d, s, size),
        129.. => with_four!(level, simd => copy_vectors(simd, &mut d, s, size)),
        97.. => copy_rows(&mut d, s, size, copy_ends::<64, 64>),
        65.. => copy_rows(&mut d, s, size, copy_ends::<64, 32>),
        49.. => copy_rows(&mut d, s, size, copy_ends::<32, 32>),
        33.. => copy_rows(&mut d, s, size, copy_ends::<32, 16>),
        17.. => copy_rows(&mut d, s, size, copy_ends::<16, 16>),
        9.. => copy_rows(&mut d, s, size, copy_ends::<8, 8>),
        8 => copy_rows(&mut d, s, size, copy_ends::<8, 0>),
        5.. => copy_rows(&mut d, s, size, copy_ends::<4, 4>),
        4 => copy_rows(&mut d, s, size, copy_ends::<4, 0>),
        3 => copy_rows(&mut d, s, size, copy_ends::<2, 1>),
        2 => copy_rows(&mut d, s, size, copy_ends::<2, 0>),
        _ => copy_rows(&mut d, s, size, copy_ends::<1, 0>),
    }
}

/// By what copies a row.
#[inline(always)]
fn copy_rows(
    d: &mut GridMut<'_, u8>,
    s: Grid<'_, u8>,
    (width, height): Size,
    copy: impl Fn(&mut [u8], &[u8]),
) {
    for y in 0..height {
        copy(d.row(y, width), s.row(y, width));
    }
}

/// Copies a row of `N` to `N + M` bytes.
#[inline(always)]
fn copy_ends<const N: usize, const M: usize>(d: &mut [u8], s: &[u8]) {
    if let (Some(first), Some(last)) = (s.first_chunk::<N>(), s.last_chunk::<M>()) {
        let (first, last) = (*first, *last);
        put_ends(d, &first, &last);
    }
}

/// Puts the ends of a row of `N` to `N + M` bytes.
#[inline(always)]
fn put_ends<const N: usize, const M: usize>(d: &mut [u8], first: &[u8; N], last: &[u8; M]) {
    d.first_chunk_mut::<N>().into_iter().for_each(|d| *d = *first);
    d.last_chunk_mut::<M>().into_iter().for_each(|d| *d = *last);
}

/// Bytes from which on it is worth entering another instruction set.
const LONG: usize = 1024;

/// Copies rows of at least two vectors. `memcpy` takes a tenth longer for rows that do not lie in the first-level cache.
#[inline(never)]
fn copy_long(level: Level, mut d: GridMut<'_, u8>, s: Grid<'_, u8>, size: Size) {
    with_eight!(level, size.0 / 4, simd => simd.vectorize(
        #[inline(always)]
        || copy_by(simd, &mut d, s, size),
    ));
}

/// Copies rows of at least a vector.
#[inline(always)]
fn copy_by<S: Simd>(simd: S, d: &mut GridMut<'_, u8>, s: Grid<'_, u8>, size: Size) {
    match (size.0 - 1) / S::u8s::LEN {
        0 | 1 => copy_by_ends::<S, 1, 1>(simd, d, s, size),
        2 => copy_by_ends::<S, 2, 1>(simd, d, s, size),
        3 => copy_by_ends::<S, 2, 2>(simd, d, s, size),
        4 => copy_by_ends::<S, 4, 1>(simd, d, s, size),
        5 => copy_by_ends::<S, 4, 2>(simd, d, s, size),
        6 | 7 => copy_by_ends::<S, 4, 4>(simd, d, s, size),
        _ if blocks::is_far(size) => blocks::copy::<S, true>(simd, d, s, 0, size),
        _ => blocks::copy::<S, false>(simd, d, s, 0, size),
    }
}

/// Copies rows of `N` to `N + M` vectors.
#[inline(always)]
fn copy_by_ends<S: Simd, const N: usize, const M: usize>(
    simd: S,
    d: &mut GridMut<'_, u8>,
    s: Grid<'_, u8>,
    (width, height): Size,
) {
    let n = S::u8s::LEN;
    for y in 0..height {
        let (d, s) = (d.row(y, width), s.row(y, width));
        copy_some::<S, N>(simd, &mut d[..N * n], &s[..N * n]);
        copy_some::<S, M>(simd, &mut d[width - M * n..], &s[width - M * n..]);
    }
}

/// Copies one, two or four vectors.
#[inline(always)]
fn copy_some<S: Simd, const N: usize>(simd: S, d: &mut [u8], s: &[u8]) {
    match N {
        1 => copy_one(simd, d, s),
        2 => copy_two(simd, d, s, splat(simd, 0)),
        _ => copy_four(simd, d, s, splat(simd, 0)),
    }
}

/// Copies a vector.
#[inline(always)]
fn copy_one<S: Simd>(simd: S, d: &mut [u8], s: &[u8]) {
    (S::u8s::from_slice(simd, s) | 0).store_slice(d);
}

/// Copies rows of more than eight vectors of a quarter of a cache line.
#[inline(always)]
fn copy_vectors<S: Simd>(simd: S, d: &mut GridMut<'_, u8>, s: Grid<'_, u8>, (width, height): Size) {
    let (n, no_bits) = (S::u8s::LEN, splat(simd, 0));
    for y in 0..height {
        let (d, s) = (d.row(y, width), s.row(y, width));
        copy_four(simd, &mut d[..4 * n], &s[..4 * n], no_bits);
        let (mut at, last) = (4 * n - behind_line(d), width - 4 * n);
        while at < last {
            copy_four(simd, &mut d[at..at + 4 * n], &s[at..at + 4 * n], no_bits);
            at += 4 * n;
        }
        copy_four(simd, &mut d[last..], &s[last..], no_bits);
    }
}

/// Fills rows of bytes with a word that repeats whole pixels; the rows hold whole pixels.
#[inline(always)]
pub(crate) fn fill(level: Level, mut d: GridMut<'_, u8>, word: u32, size: Size) {
    let (width, height) = joined(size, d.joins(size));
    let size = (width, height);
    let four = word.to_ne_bytes();
    let long = (u64::from(word) << 32 | u64::from(word)).to_ne_bytes();
    match width {
        129.. if width * height >= LONG => fill_long(level, d, word, size),
        129.. => with_four!(level, simd => fill_vectors(simd, &mut d, word, size)),
        65.. => fill_short::<4>(level, &mut d, word, size),
        32.. => fill_short::<2>(level, &mut d, word, size),
        16.. => fill_short::<1>(level, &mut d, word, size),
        8.. => fill_ends(&mut d, long, size),
        4.. => fill_ends(&mut d, four, size),
        2.. => fill_ends(&mut d, [four[0], four[1]], size),
        _ => fill_ends(&mut d, [four[0]], size),
    }
}

/// Fills rows of `N` to `2 * N` bytes. At the row's end too a block starts with a pixel.
#[inline(always)]
fn fill_ends<const N: usize>(d: &mut GridMut<'_, u8>, block: [u8; N], (width, height): Size) {
    for y in 0..height {
        put_ends(d.row(y, width), &block, &block);
    }
}

/// Fills rows of `N` to `2 * N` vectors of 16 bytes.
#[inline(always)]
fn fill_short<const N: usize>(level: Level, d: &mut GridMut<'_, u8>, word: u32, (width, height): Size) {
    with_four!(level, simd => {
        let block = splat(simd, word);
        for y in 0..height {
            let d = d.row(y, width);
            let last = d.len() - N * 16;
            (0..N).for_each(|i| block.store_slice(&mut d[i * 16..(i + 1) * 16]));
            (0..N).for_each(|i| block.store_slice(&mut d[last + i * 16..last + (i + 1) * 16]));
        }
    });
}

/// Fills rows of at least 129 bytes.
#[inline(never)]
fn fill_long(level: Level, mut d: GridMut<'_, u8>, word: u32, size: Size) {
    with_eight!(level, size.0 / 24, simd => simd.vectorize(
        #[inline(always)]
        || fill_vectors(simd, &mut d, word, size),
    ));
}

/// The first place of a row where a vector of `n` bytes starts, and the last where one ends, if no vector shall straddle
/// cache lines: see [`behind_line`].
#[inline(always)]
fn places(row: &[u8], n: usize) -> (usize, usize) {
    let start = behind_line(row);
    (start.wrapping_neg() % n, row.len() - (start + row.len()) % n)
}

/// How far from a row's end the block of 16 bytes lies that is one of those for an end of so many bytes: enough of them,
/// all inside as far as 16 bytes are, the same one again where the end is short. Few of them straddle lines.
#[inline(always)]
fn ends(i: usize, bytes: usize) -> usize {
    (16 * i).min(bytes.saturating_sub(16))
}

/// Fills rows of at least six vectors, from the left to the right: a processor puts stores that follow each other into one
/// line together, and a line that is not in its first-level cache then costs once.
#[inline(always)]
fn fill_vectors<S: Simd>(simd: S, d: &mut GridMut<'_, u8>, word: u32, (width, height): Size) {
    let n = S::u8s::LEN;
    let (block, short): (_, u8x16<S>) = (splat(simd, word), u32x4::splat(simd, word).bitcast());
    for y in 0..height {
        let d = d.row(y, width);
        let (mut at, end) = places(d, n);
        for i in 0..n / 16 {
            let a = ends(i, at);
            short.store_slice(&mut d[a..a + 16]);
        }
        let last = end - 4 * n;
        while at < last {
            store_four::<S>(block, &mut d[at..at + 4 * n]);
            at += 4 * n;
        }
        if n == 16 {
            // Some bytes twice, but no loop.
            store_four::<S>(block, &mut d[last..end]);
        } else {
            while at < end {
                block.store_slice(&mut d[at..at + n]);
                at += n;
            }
        }
        for i in (0..n / 16).rev() {
            let b = width - 16 - ends(i, width - end);
            short.store_slice(&mut d[b..b + 16]);
        }
    }
}

/// Puts a vector four times.
#[inline(always)]
fn store_four<S: Simd>(block: S::u8s, d: &mut [u8]) {
    let n = S::u8s::LEN;
    (0..4).for_each(|i| block.store_slice(&mut d[i * n..(i + 1) * n]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::{Rng, levels};

    /// Rows of every width up to more than the longest vectors four times, from every place in a line, few rows and many
    /// (joined, they are far), apart and joined: all bytes of the buffer, so that nothing is written outside.
    #[test]
    fn rows_are_put_as_byte_by_byte() {
        let mut rng = Rng::new(5);
        for level in levels() {
            for width in 1..=530usize {
                let height = [1, 2, 3, 9, 80][rng.below(5) as usize];
                let pixel = [1, 2, 4][rng.below(3) as usize];
                let start = pixel * rng.below(80) as usize;
                let width = width.next_multiple_of(pixel);
                let stride = [width, width + pixel, (width + 40).next_multiple_of(64)][rng.below(3) as usize];
                let from = rng.below(80) as usize;
                let source: Vec<u8> = (0..from + stride * height).map(|_| rng.next() as u8).collect();
                let words: Vec<u32> =
                    (0..(start + stride * height) / 4 + 1).map(|_| rng.next() as u32).collect();
                let rows = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));

                let (mut drawn, mut expected) = (words.clone(), words.clone());
                let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut expected);
                rows.clone().for_each(|(y, x)| bytes[start + y * stride + x] = source[from + y * stride + x]);
                let d = GridMut::new(bytemuck::cast_slice_mut(&mut drawn), start, stride);
                copy(level, d, Grid::new(&source, from, stride), (width, height));
                assert!(drawn == expected, "copy {level:?}: {width}x{height} at {start}, stride {stride}");

                let (mut drawn, mut expected) = (words.clone(), words);
                let four: [u8; 4] = std::array::from_fn(|i| source[i % pixel]);
                let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut expected);
                rows.for_each(|(y, x)| bytes[start + y * stride + x] = four[x % 4]);
                let d = GridMut::new(bytemuck::cast_slice_mut(&mut drawn), start, stride);
                fill(level, d, u32::from_ne_bytes(four), (width, height));
                assert!(drawn == expected, "fill {level:?}: {width}x{height} at {start}, stride {stride}");
            }
        }
    }
}
