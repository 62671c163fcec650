//! Long rows of bytes copied by blocks of four vectors.
//!
//! Where the target is not expected in the first-level cache, rows are *far*: a store that has to wait for its cache line
//! holds up the stores behind it, a load does not, so each line of the target is read before it is overwritten.

use crate::grid::{Grid, GridMut, Size, behind_line};
use crate::kernels::with_eight;
use fearless_simd::{Level, prelude::*};

/// Bytes of a row, and of all rows, from which on reading the target pays.
const FAR_ROW: usize = 1024;
const FAR: usize = 32 << 10;

/// Whether rows of so many bytes are far.
#[inline(always)]
pub(crate) fn is_far((width, height): Size) -> bool {
    width >= FAR_ROW && width * height >= FAR
}

/// Copies far rows, at least half a kibibyte each, and sets these bits of each word. If there are any, rows are of
/// whole words on both sides.
#[inline(never)]
pub(crate) fn copy_far(level: Level, mut d: GridMut<'_, u8>, s: Grid<'_, u8>, bits: u32, size: Size) {
    with_eight!(level, size.0 / 4, simd => simd.vectorize(
        #[inline(always)]
        || copy::<_, true>(simd, &mut d, s, bits, size),
    ));
}

/// Copies rows of more than eight vectors, best of half a cache line, and sets bits. Stores straddle lines only at a row's
/// ends. To `READ` each line before does not pay where something was just stored, which that would wait for.
#[inline(always)]
pub(crate) fn copy<S: Simd, const READ: bool>(
    simd: S,
    d: &mut GridMut<'_, u8>,
    s: Grid<'_, u8>,
    bits: u32,
    (width, height): Size,
) {
    let (n, bits) = (S::u8s::LEN, splat(simd, bits));
    // Nothing, but the compiler does not know.
    let none = S::u8s::splat(simd, if READ { std::hint::black_box(0) } else { 0 });
    for y in 0..height {
        let (d, s) = (d.row(y, width), s.row(y, width));
        let behind = behind_line(d) % (2 * n);
        copy_two(simd, &mut d[..2 * n], &s[..2 * n], bits);
        let mut at = 2 * n - behind;
        if READ && behind > 0 {
            copy_four(simd, &mut d[at..at + 4 * n], &s[at..at + 4 * n], bits);
            at += 4 * n;
        }
        while at + 4 * n <= width {
            let (d, s) = (&mut d[at..at + 4 * n], &s[at..at + 4 * n]);
            // One vector of each of the two lines that four of the longest take.
            let read = match READ {
                true => {
                    (S::u8s::from_slice(simd, &d[..n]) | S::u8s::from_slice(simd, &d[2 * n..3 * n])) & none
                }
                false => none,
            };
            copy_four(simd, d, s, bits | read);
            at += 4 * n;
        }
        if at + 2 * n < width {
            copy_two(simd, &mut d[at..at + 2 * n], &s[at..at + 2 * n], bits);
        }
        copy_two(simd, &mut d[width - 2 * n..], &s[width - 2 * n..], bits);
    }
}

/// Copies two vectors, and sets bits.
#[inline(always)]
pub(crate) fn copy_two<S: Simd>(simd: S, d: &mut [u8], s: &[u8], bits: S::u8s) {
    let n = S::u8s::LEN;
    // What is combined with nothing is a vector; what is only copied would go through memory, and an array of them too.
    let a = S::u8s::from_slice(simd, &s[..n]) | bits;
    let b = S::u8s::from_slice(simd, &s[n..]) | bits;
    a.store_slice(&mut d[..n]);
    b.store_slice(&mut d[n..]);
}

/// Copies four vectors, and sets bits.
#[inline(always)]
pub(crate) fn copy_four<S: Simd>(simd: S, d: &mut [u8], s: &[u8], bits: S::u8s) {
    let n = S::u8s::LEN;
    let a = S::u8s::from_slice(simd, &s[..n]) | bits;
    let b = S::u8s::from_slice(simd, &s[n..2 * n]) | bits;
    let c = S::u8s::from_slice(simd, &s[2 * n..3 * n]) | bits;
    let e = S::u8s::from_slice(simd, &s[3 * n..]) | bits;
    a.store_slice(&mut d[..n]);
    b.store_slice(&mut d[n..2 * n]);
    c.store_slice(&mut d[2 * n..3 * n]);
    e.store_slice(&mut d[3 * n..]);
}

/// A word again and again.
#[inline(always)]
pub(crate) fn splat<S: Simd>(simd: S, word: u32) -> S::u8s {
    S::u32s::splat(simd, word).bitcast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::{Rng, levels};

    /// Rows of every length of a few blocks, from every place in a line: all bytes of the buffer, so that nothing is
    /// written outside.
    #[test]
    fn rows_are_copied_as_byte_by_byte() {
        let mut rng = Rng::new(6);
        for level in levels() {
            for width in 512..=1030usize {
                let (bits, pixel) = [(0u32, 1), (0, 2), (0xff00_0000, 4)][rng.below(3) as usize];
                let width = width.next_multiple_of(pixel);
                let (start, from) = (pixel * rng.below(80) as usize, pixel * rng.below(80) as usize);
                let stride = width + pixel * rng.below(2) as usize;
                let source: Vec<u8> = (0..from + stride * 3).map(|_| rng.next() as u8).collect();
                let mut drawn: Vec<u32> =
                    (0..(start + stride * 3) / 4 + 1).map(|_| rng.next() as u32).collect();
                let mut expected = drawn.clone();
                let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut expected);
                for (y, x) in (0..3).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    bytes[start + y * stride + x] = source[from + y * stride + x] | bits.to_ne_bytes()[x % 4];
                }
                let d = GridMut::new(bytemuck::cast_slice_mut(&mut drawn), start, stride);
                copy_far(level, d, Grid::new(&source, from, stride), bits, (width, 3));
                assert!(drawn == expected, "{level:?}: {width}x3 at {start} from {from}, bits {bits:#x}");
            }
        }
    }
}
