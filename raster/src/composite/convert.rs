//! Rows of pixels of one format as those of another: 16-bit ones as a8r8g8b8 words and back, x8r8g8b8 as a8r8g8b8.

use crate::grid::{Grid, GridMut, Size, joined};
use crate::kernels::with_level;
use crate::pixel::{from_argb, to_argb};
use crate::surface::SurfaceFormat;
use fearless_simd::{Level, prelude::*};

const fn format(six: bool) -> SurfaceFormat {
    if six { SurfaceFormat::R5G6B5 } else { SurfaceFormat::X1R5G5B5 }
}

/// The word of a pixel of r5g6b5, or of x1r5g5b5.
#[inline(always)]
pub(super) const fn word<const SIX: bool>(v: u16) -> u32 {
    to_argb(format(SIX), v as u32)
}

/// A word as such a pixel.
#[inline(always)]
pub(super) const fn short<const SIX: bool>(v: u32) -> u16 {
    from_argb(format(SIX), v) as u16
}

/// The words of 16-bit pixels of a format, opaque.
pub(super) fn widen(
    level: Level,
    format: SurfaceFormat,
    d: &mut GridMut<'_, u32>,
    s: Grid<'_, u16>,
    size: Size,
) {
    with_level!(level, simd => match format {
        SurfaceFormat::R5G6B5 => each_row(simd, d, s, size, word::<true>),
        _ => each_row(simd, d, s, size, word::<false>),
    });
}

/// Words as 16-bit pixels of a format, whose unused bit becomes 0.
pub(super) fn narrow(
    level: Level,
    format: SurfaceFormat,
    d: &mut GridMut<'_, u16>,
    s: Grid<'_, u32>,
    size: Size,
) {
    with_level!(level, simd => match format {
        SurfaceFormat::R5G6B5 => each_row(simd, d, s, size, short::<true>),
        _ => each_row(simd, d, s, size, short::<false>),
    });
}

/// Words in which some bits count as set.
pub(super) fn set_bits(level: Level, d: &mut GridMut<'_, u32>, s: Grid<'_, u32>, bits: u32, size: Size) {
    with_level!(level, simd => each_row(simd, d, s, size, |v| v | bits));
}

#[inline(always)]
fn each_row<S: Simd, D: Copy, T: Copy>(
    simd: S,
    d: &mut GridMut<'_, D>,
    s: Grid<'_, T>,
    size: Size,
    pixel: impl Fn(T) -> D,
) {
    let (width, height) = joined(size, d.joins(size) && s.joins(size));
    simd.vectorize(
        #[inline(always)]
        || match width {
            8.. => {
                for y in 0..height {
                    blocks::<8, D, T>(d.row(y, width), s.row(y, width), &pixel);
                }
            }
            4.. => {
                for y in 0..height {
                    blocks::<4, D, T>(d.row(y, width), s.row(y, width), &pixel);
                }
            }
            _ => {
                for x in 0..width {
                    for y in 0..height {
                        *d.cell(y, x) = pixel(s.cell(y, x));
                    }
                }
            }
        },
    );
}

/// A row by blocks; the last, where it is no whole one, over the end of the one before.
#[inline(always)]
fn blocks<const N: usize, D: Copy, T: Copy>(d: &mut [D], s: &[T], pixel: &impl Fn(T) -> D) {
    let (blocks, rest) = d.as_chunks_mut::<N>();
    let rest = rest.len();
    for (d, s) in blocks.iter_mut().zip(s.as_chunks::<N>().0) {
        block(d, s, pixel);
    }
    if rest != 0
        && let (Some(d), Some(s)) = (d.last_chunk_mut::<N>(), s.last_chunk::<N>())
    {
        block(d, s, pixel);
    }
}

#[inline(always)]
fn block<const N: usize, D: Copy, T: Copy>(d: &mut [D; N], s: &[T; N], pixel: &impl Fn(T) -> D) {
    for i in 0..N {
        d[i] = pixel(s[i]);
    }
}

/// The pixel of a word, twice in a word.
pub(super) fn twice(format: SurfaceFormat, word: u32) -> u32 {
    (from_argb(format, word) & 0xffff) * 0x0001_0001
}
