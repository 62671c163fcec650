//! Rows of pixels of one format as those of another: 16-bit ones as a8r8g8b8 words and back, x8r8g8b8 as a8r8g8b8.

use crate::blocks;
use crate::grid::{Grid, GridMut, Size, behind_line, joined};
use crate::kernels::{with_eight, with_fitting};
use crate::pixel::{from_argb, to_argb};
use crate::surface::SurfaceFormat;
use fearless_simd::{Level, prelude::*};

const fn format(six: bool) -> SurfaceFormat {
    if six { SurfaceFormat::R5G6B5 } else { SurfaceFormat::X1R5G5B5 }
}

/// The word of a pixel of r5g6b5, or of x1r5g5b5.
#[inline(always)]
const fn word<const SIX: bool>(v: u16) -> u32 {
    to_argb(format(SIX), v as u32)
}

/// A word as such a pixel.
#[inline(always)]
const fn short<const SIX: bool>(v: u32) -> u16 {
    from_argb(format(SIX), v) as u16
}

/// For red, green and blue: by how many bits they lie lower in such a pixel than in a word, and which bits they are there.
const fn channels(six: bool) -> [(u32, u32); 3] {
    if six { [(8, 0xf800), (5, 0x07e0), (3, 0x001f)] } else { [(9, 0x7c00), (6, 0x03e0), (3, 0x001f)] }
}

/// The words of as many such pixels as a vector has.
#[inline(always)]
pub(super) fn load<S: Simd, const SIX: bool>(simd: S, pixels: &[u16]) -> S::u32s {
    let mut words = [0; 16];
    let pixels = &pixels[..S::u32s::LEN];
    for i in 0..S::u32s::LEN {
        words[i] = u32::from(pixels[i]);
    }
    let v = S::u32s::from_slice(simd, &words[..S::u32s::LEN]);
    if SIX {
        let rgb = (v & 0xf800) << 8 | (v & 0x07e0) << 5 | (v & 0x001f) << 3;
        rgb | (rgb >> 5 & 0x0007_0007) | (rgb >> 6 & 0x0000_0300) | 0xff00_0000
    } else {
        let rgb = (v & 0x7c00) << 9 | (v & 0x03e0) << 6 | (v & 0x001f) << 3;
        rgb | (rgb >> 5 & 0x0007_0707) | 0xff00_0000
    }
}

/// Stores a vector's words as such pixels.
#[inline(always)]
pub(super) fn store<S: Simd, const SIX: bool>(v: S::u32s, pixels: &mut [u16]) {
    let [red, green, blue] = const { channels(SIX) };
    let v = (v >> red.0 & red.1) | (v >> green.0 & green.1) | (v >> blue.0 & blue.1);
    let (words, pixels) = (v.as_slice(), &mut pixels[..S::u32s::LEN]);
    for i in 0..S::u32s::LEN {
        pixels[i] = words[i] as u16;
    }
}

/// The words of 16-bit pixels of a format, opaque.
pub(super) fn widen(
    level: Level,
    format: SurfaceFormat,
    d: &mut GridMut<'_, u32>,
    s: Grid<'_, u16>,
    size: Size,
) {
    match format {
        SurfaceFormat::R5G6B5 => each_row::<Widen<true>>(level, d, s, size),
        _ => each_row::<Widen<false>>(level, d, s, size),
    }
}

/// Words as 16-bit pixels of a format, whose unused bit becomes 0.
pub(super) fn narrow(
    level: Level,
    format: SurfaceFormat,
    d: &mut GridMut<'_, u16>,
    s: Grid<'_, u32>,
    size: Size,
) {
    match format {
        SurfaceFormat::R5G6B5 => each_row::<Narrow<true>>(level, d, s, size),
        _ => each_row::<Narrow<false>>(level, d, s, size),
    }
}

/// x8r8g8b8 as a8r8g8b8.
pub(super) fn set_alpha(level: Level, d: &mut GridMut<'_, u32>, s: Grid<'_, u32>, size: Size) {
    let (width, height) = joined(size, d.joins(size) && s.joins(size));
    let bytes = (4 * width, height);
    match blocks::is_far(bytes) {
        true => blocks::copy_far(level, d.bytes(), s.bytes(), ALPHA, bytes),
        false => each_row::<SetAlpha>(level, d, s, size),
    }
}

/// What becomes of each pixel.
trait Convert {
    type From: Copy;
    type To: Copy;
    /// Whether a vector takes no longer than storing it and looking at its place: four at once are worth it, longer ones
    /// than stores are quick at are not.
    const QUICK: bool = false;

    fn pixel(from: Self::From) -> Self::To;

    /// A row of a few pixels.
    #[inline(always)]
    fn few<const W: usize>(from: [Self::From; W]) -> [Self::To; W] {
        from.map(Self::pixel)
    }

    /// As many pixels as a vector has words.
    fn pixels<S: Simd>(simd: S, to: &mut [Self::To], from: &[Self::From]);
}

struct Widen<const SIX: bool>;

impl<const SIX: bool> Convert for Widen<SIX> {
    type From = u16;
    type To = u32;

    #[inline(always)]
    fn pixel(from: u16) -> u32 {
        word::<SIX>(from)
    }

    #[inline(always)]
    fn pixels<S: Simd>(simd: S, to: &mut [u32], from: &[u16]) {
        load::<S, SIX>(simd, from).store_slice(to);
    }
}

struct Narrow<const SIX: bool>;

impl<const SIX: bool> Convert for Narrow<SIX> {
    type From = u32;
    type To = u16;

    #[inline(always)]
    fn pixel(from: u32) -> u16 {
        short::<SIX>(from)
    }

    /// Two pixels in the halves of a word take little more than one.
    #[inline(always)]
    fn few<const W: usize>(from: [u32; W]) -> [u16; W] {
        let mut to = [0; W];
        let (pairs, rest) = to.as_chunks_mut::<2>();
        for (pair, from) in pairs.iter_mut().zip(from.as_chunks::<2>().0) {
            let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
            let v = two(from[0], from[1]);
            let [red, green, blue] = const { channels(SIX) }.map(|(down, bits)| v >> down & two(bits, bits));
            let v = red | green | blue;
            *pair = [v as u16, (v >> 32) as u16];
        }
        rest.iter_mut().zip(&from[W / 2 * 2..]).for_each(|(to, from)| *to = Self::pixel(*from));
        to
    }

    #[inline(always)]
    fn pixels<S: Simd>(simd: S, to: &mut [u16], from: &[u32]) {
        store::<S, SIX>(S::u32s::from_slice(simd, from), to);
    }
}

/// The alpha bits of a pixel.
const ALPHA: u32 = 0xff00_0000;

struct SetAlpha;

impl Convert for SetAlpha {
    type From = u32;
    type To = u32;
    const QUICK: bool = true;

    #[inline(always)]
    fn pixel(from: u32) -> u32 {
        from | ALPHA
    }

    #[inline(always)]
    fn pixels<S: Simd>(simd: S, to: &mut [u32], from: &[u32]) {
        (S::u32s::from_slice(simd, from) | ALPHA).store_slice(to);
    }
}

/// Rows of less than four pixels one by one.
fn each_row<C: Convert>(level: Level, d: &mut GridMut<'_, C::To>, s: Grid<'_, C::From>, size: Size) {
    let (width, height) = joined(size, d.joins(size) && s.joins(size));
    match width {
        1 => pixels::<C, 1>(d, s, height),
        2 => pixels::<C, 2>(d, s, height),
        3 => pixels::<C, 3>(d, s, height),
        4 if d.straddles(width) => singles::<C>(d, s, height),
        _ if C::QUICK => with_eight!(level, width, simd => vectors::<_, C>(simd, d, s, (width, height))),
        _ => with_fitting!(level, width, simd => vectors::<_, C>(simd, d, s, (width, height))),
    }
}

/// Rows of `W` pixels, four at a time: reads of lines that are far do not wait for writes to others.
fn pixels<C: Convert, const W: usize>(d: &mut GridMut<'_, C::To>, s: Grid<'_, C::From>, height: usize) {
    let pixels = |y| C::few(s.few::<W>(0, y));
    let mut y = 0;
    while y + 4 <= height {
        let rows = [pixels(y), pixels(y + 1), pixels(y + 2), pixels(y + 3)];
        (y..).zip(rows).for_each(|(y, row)| d.put_few(0, y, row));
        y += 4;
    }
    (y..height).for_each(|y| d.put_few(0, y, pixels(y)));
}

/// Rows of four pixels that straddle lines of the target, one by one: a store that does so costs more than four.
#[inline(never)]
fn singles<C: Convert>(d: &mut GridMut<'_, C::To>, s: Grid<'_, C::From>, height: usize) {
    let pixels = |y| C::few(s.few::<4>(0, y));
    let mut put = |y, row: [C::To; 4]| (0..).zip(row).for_each(|(x, pixel)| d.put_few(x, y, [pixel]));
    let mut y = 0;
    while y + 2 <= height {
        let rows = [pixels(y), pixels(y + 1)];
        (y..).zip(rows).for_each(|(y, row)| put(y, row));
        y += 2;
    }
    (y..height).for_each(|y| put(y, pixels(y)));
}

/// Vectors of a row from which on it is worth that the compiler takes four of them at a time.
const LONG: usize = 8;

/// Rows by vectors. Stores do not straddle lines of the target but at a row's ends, where vectors overlap others.
fn vectors<S: Simd, C: Convert>(
    simd: S,
    d: &mut GridMut<'_, C::To>,
    s: Grid<'_, C::From>,
    (width, height): Size,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            for y in 0..height {
                let (d, s) = (d.row(y, width), s.row(y, width));
                let behind = behind_line(d) / size_of::<C::To>() % n;
                let (mut at, last) = (n - behind, width - n);
                if C::QUICK && width >= 4 * n {
                    four::<S, C>(simd, &mut d[..4 * n], &s[..4 * n]);
                    at += 3 * n;
                    while at + 4 * n <= width {
                        four::<S, C>(simd, &mut d[at..at + 4 * n], &s[at..at + 4 * n]);
                        at += 4 * n;
                    }
                } else {
                    C::pixels(simd, &mut d[..n], &s[..n]);
                }
                if C::QUICK || width < LONG * n {
                    while at < last {
                        C::pixels(simd, &mut d[at..at + n], &s[at..at + n]);
                        at += n;
                    }
                } else {
                    for (d, s) in d[at..].chunks_exact_mut(n).zip(s[at..].chunks_exact(n)) {
                        C::pixels(simd, d, s);
                    }
                }
                if last > 0 {
                    C::pixels(simd, &mut d[last..], &s[last..]);
                }
            }
        },
    );
}

/// Four vectors of pixels.
#[inline(always)]
fn four<S: Simd, C: Convert>(simd: S, d: &mut [C::To], s: &[C::From]) {
    let n = S::u32s::LEN;
    // A closure would not be compiled for the vectors at hand.
    for i in 0..4 {
        C::pixels(simd, &mut d[i * n..(i + 1) * n], &s[i * n..(i + 1) * n]);
    }
}

/// The pixel of a word, twice in a word.
pub(super) fn twice(format: SurfaceFormat, word: u32) -> u32 {
    (from_argb(format, word) & 0xffff) * 0x0001_0001
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::{Rng, levels};
    use std::fmt::Debug;

    /// Rows of every width up to more than four of the longest vectors twice, from every place in a line, apart and
    /// joined: all of the buffer, so that nothing is written outside.
    fn rows_are_converted_as_pixel_by_pixel<C: Convert>(
        seed: u64,
        cell: fn(u64) -> C::From,
        old: fn(u64) -> C::To,
    ) where
        C::To: PartialEq + Debug,
    {
        let mut rng = Rng::new(seed);
        for level in levels() {
            for width in 1..=150usize {
                let height = [1, 2, 3, 9][rng.below(4) as usize];
                let stride = [width, width + 1, (width + 10).next_multiple_of(32)][rng.below(3) as usize];
                let (start, from) = (rng.below(32) as usize, rng.below(32) as usize);
                let source: Vec<C::From> = (0..from + stride * height).map(|_| cell(rng.next())).collect();
                let mut drawn: Vec<C::To> =
                    (0..start + stride * height + 16).map(|_| old(rng.next())).collect();
                let mut expected = drawn.clone();
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    expected[start + y * stride + x] = C::pixel(source[from + y * stride + x]);
                }
                let mut d = GridMut::new(&mut drawn, start, stride);
                each_row::<C>(level, &mut d, Grid::new(&source, from, stride), (width, height));
                assert!(drawn == expected, "{level:?}: {width}x{height} at {start}, stride {stride}");
            }
        }
    }

    #[test]
    fn rows_are_converted_by_every_level() {
        rows_are_converted_as_pixel_by_pixel::<SetAlpha>(1, |v| v as u32, |v| v as u32);
        rows_are_converted_as_pixel_by_pixel::<Widen<true>>(2, |v| v as u16, |v| v as u32);
        rows_are_converted_as_pixel_by_pixel::<Widen<false>>(3, |v| v as u16, |v| v as u32);
        rows_are_converted_as_pixel_by_pixel::<Narrow<true>>(4, |v| v as u32, |v| v as u16);
        rows_are_converted_as_pixel_by_pixel::<Narrow<false>>(5, |v| v as u32, |v| v as u16);
    }
}
