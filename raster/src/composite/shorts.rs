//! Rows of 16-bit pixels to a8r8g8b8 words and back.

use crate::grid::{Grid, GridMut, Size};
use crate::kernels::with_level;
use crate::pixel::{from_argb, to_argb};
use crate::surface::SurfaceFormat;
use fearless_simd::{Level, prelude::*};

/// Pixels at a time; the last of a row overlap those before.
const BLOCK: usize = 8;

const fn format(six: bool) -> SurfaceFormat {
    if six { SurfaceFormat::R5G6B5 } else { SurfaceFormat::X1R5G5B5 }
}

#[inline(always)]
fn word<const SIX: bool>(v: u16) -> u32 {
    to_argb(format(SIX), v as u32)
}

#[inline(always)]
fn short<const SIX: bool>(v: u32) -> u16 {
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

#[inline(always)]
fn each_row<S: Simd, D, T: Copy>(
    simd: S,
    d: &mut GridMut<'_, D>,
    s: Grid<'_, T>,
    (width, height): Size,
    pixel: impl Fn(T) -> D,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            for y in 0..height {
                let (d, s) = (d.row(y, width), s.row(y, width));
                if let (Some(d), Some(s)) = (d.last_chunk_mut::<BLOCK>(), s.last_chunk::<BLOCK>()) {
                    block(d, s, &pixel);
                } else {
                    d.iter_mut().zip(s).for_each(|(d, s)| *d = pixel(*s));
                    continue;
                }
                for (d, s) in d.as_chunks_mut().0.iter_mut().zip(s.as_chunks().0) {
                    block(d, s, &pixel);
                }
            }
        },
    );
}

#[inline(always)]
fn block<D, T: Copy>(d: &mut [D; BLOCK], s: &[T; BLOCK], pixel: &impl Fn(T) -> D) {
    for i in 0..BLOCK {
        d[i] = pixel(s[i]);
    }
}

/// The pixel of a word, twice in a word.
pub(super) fn twice(format: SurfaceFormat, word: u32) -> u32 {
    (from_argb(format, word) & 0xffff) * 0x0001_0001
}
