//! What operators read and write, as vectors of a8r8g8b8 words: sources, masks, and the pixels of a target.

use super::cells::{Bits, Cells, Same, Set, some_bits};
use super::convert::{load, store};
use crate::grid::Grid;
use fearless_simd::prelude::*;

/// Pixels that are read as words.
pub(super) trait ReadWords: Cells {
    /// As many words from `at` on as a vector has.
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s;

    /// `N` words of a row from one on.
    fn few<const N: usize>(self, x: usize, y: usize) -> [u32; N];
}

/// No mask.
impl ReadWords for () {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, (): (), _: usize) -> S::u32s {
        S::u32s::splat(simd, 0)
    }

    #[inline(always)]
    fn few<const N: usize>(self, _: usize, _: usize) -> [u32; N] {
        [0; N]
    }
}

impl ReadWords for Same<u32> {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: u32, _: usize) -> S::u32s {
        S::u32s::splat(simd, row)
    }

    #[inline(always)]
    fn few<const N: usize>(self, _: usize, _: usize) -> [u32; N] {
        [self.0; N]
    }
}

impl ReadWords for Set<'_> {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, (row, bits): Self::Row, at: usize) -> S::u32s {
        S::u32s::from_slice(simd, &row[at..at + S::u32s::LEN]) | bits
    }

    #[inline(always)]
    fn few<const N: usize>(self, x: usize, y: usize) -> [u32; N] {
        let mut words = self.words.few(x, y);
        words.iter_mut().for_each(|word| *word |= self.bits);
        words
    }
}

impl ReadWords for Grid<'_, u32> {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s {
        S::u32s::from_slice(simd, &row[at..at + S::u32s::LEN])
    }

    #[inline(always)]
    fn few<const N: usize>(self, x: usize, y: usize) -> [u32; N] {
        Grid::few(self, x, y)
    }
}

/// Alphas, each in both halves of its word.
impl ReadWords for Grid<'_, u8> {
    #[allow(
        clippy::needless_range_loop,
        reason = "of a known count, so that it becomes a vector's instructions"
    )]
    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s {
        let row = &row[at..at + S::u32s::LEN];
        let mut words = [0; 16];
        for i in 0..S::u32s::LEN {
            words[i] = u32::from(row[i]);
        }
        let words = S::u32s::from_slice(simd, &words[..S::u32s::LEN]);
        words | (words << 16)
    }

    #[inline(always)]
    fn few<const N: usize>(self, x: usize, y: usize) -> [u32; N] {
        Grid::few(self, x, y).map(|alpha: u8| u32::from(alpha) * 0x0001_0001)
    }
}

/// So are those of one bit.
impl ReadWords for Bits<'_> {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s {
        const PLACES: [u32; 16] = {
            let mut places = [1; 16];
            let mut i = 1;
            while i < 16 {
                places[i] = 1 << i;
                i += 1;
            }
            places
        };
        let places = S::u32s::from_slice(simd, &PLACES[..S::u32s::LEN]);
        let bits = S::u32s::splat(simd, some_bits(row, at)) & places;
        bits.simd_eq(places).select(S::u32s::splat(simd, 0x00ff_00ff), S::u32s::splat(simd, 0))
    }

    #[inline(always)]
    fn few<const N: usize>(self, x: usize, y: usize) -> [u32; N] {
        let bits = some_bits(self.row(y, x + N), x);
        std::array::from_fn(|i| (bits >> i & 1) * 0x00ff_00ff)
    }
}

/// A target's pixels as words.
pub(super) trait Target {
    type Pixel: Copy + Default;

    /// The words of as many pixels as a vector has.
    fn load<S: Simd>(simd: S, pixels: &[Self::Pixel]) -> S::u32s;

    fn store<S: Simd>(words: S::u32s, pixels: &mut [Self::Pixel]);
}

/// Words.
pub(super) struct Argb;

impl Target for Argb {
    type Pixel = u32;

    #[inline(always)]
    fn load<S: Simd>(simd: S, pixels: &[u32]) -> S::u32s {
        S::u32s::from_slice(simd, pixels)
    }

    #[inline(always)]
    fn store<S: Simd>(words: S::u32s, pixels: &mut [u32]) {
        words.store_slice(pixels);
    }
}

/// r5g6b5 if `SIX`, else x1r5g5b5, whose unused bit becomes 0.
pub(super) struct Short<const SIX: bool>;

impl<const SIX: bool> Target for Short<SIX> {
    type Pixel = u16;

    #[inline(always)]
    fn load<S: Simd>(simd: S, pixels: &[u16]) -> S::u32s {
        load::<S, SIX>(simd, pixels)
    }

    #[inline(always)]
    fn store<S: Simd>(words: S::u32s, pixels: &mut [u16]) {
        store::<S, SIX>(words, pixels);
    }
}
