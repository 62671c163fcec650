//! The operators of Porter and Duff on vectors of pixels, for all rows of a rectangle.

use super::cells::Cells;
use super::lanes::{ALPHAS, Lanes, masked, sum};
use super::pixels::{ReadWords, Target};
use crate::grid::{GridMut, Size, joined};
use crate::kernels::{with_fitting, with_four};
use fearless_simd::{Level, prelude::*};
use std::marker::PhantomData;

/// What becomes of a target's rows below those of a source and a mask.
pub(super) trait Operator {
    type Pixel;
    type Src: Cells;
    type Msk: Cells;
    /// Pixels in each word of a vector.
    const PER_WORD: usize;

    /// A vector of the rows from `at` on.
    fn vector<S: Simd>(
        simd: S,
        d: &[Self::Pixel],
        s: <Self::Src as Cells>::Row,
        m: <Self::Msk as Cells>::Row,
        at: usize,
    ) -> S::u32s;

    /// Stores a vector in as many pixels as it has.
    fn store<S: Simd>(vector: S::u32s, d: &mut [Self::Pixel]);

    /// Rows of less than four words. `S` has vectors of four.
    fn short<S: Simd>(simd: S, d: &mut GridMut<'_, Self::Pixel>, s: Self::Src, m: Self::Msk, size: Size);
}

/// Draws all rows.
#[inline(always)]
pub(super) fn draw<O: Operator>(
    level: Level,
    d: &mut GridMut<'_, O::Pixel>,
    s: O::Src,
    m: O::Msk,
    size: Size,
) {
    let size = joined(size, d.joins(size) && s.joins(size) && m.joins(size));
    match size.0 / O::PER_WORD {
        ..4 => with_four!(level, simd => O::short(simd, d, s, m, size)),
        words => with_fitting!(level, words, simd => rows::<_, O>(simd, d, s, m, size)),
    }
}

/// Rows of at least a vector. The last vector of a row overlaps the one before, so it is computed first and stored last.
#[inline(always)]
fn rows<S: Simd, O: Operator>(
    simd: S,
    d: &mut GridMut<'_, O::Pixel>,
    s: O::Src,
    m: O::Msk,
    (width, height): Size,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = O::PER_WORD * S::u32s::LEN;
            let last = width - n;
            for y in 0..height {
                let (d, s, m) = (d.row(y, width), s.row(y, width), m.row(y, width));
                let end = O::vector(simd, d, s, m, last);
                let mut at = 0;
                while at < last {
                    let vector = O::vector(simd, d, s, m, at);
                    O::store::<S>(vector, &mut d[at..at + n]);
                    at += n;
                }
                O::store::<S>(end, &mut d[last..last + n]);
            }
        },
    );
}

/// An operator that takes the parts `FS` of the source and `FD` of the target, on words.
struct OnWords<T, Src, Msk, const FS: u8, const FD: u8, const MASK: u8>(PhantomData<(T, Src, Msk)>);

impl<T: Target, Src: ReadWords, Msk: ReadWords, const FS: u8, const FD: u8, const MASK: u8> Operator
    for OnWords<T, Src, Msk, FS, FD, MASK>
{
    type Pixel = T::Pixel;
    type Src = Src;
    type Msk = Msk;
    const PER_WORD: usize = 1;

    #[inline(always)]
    fn vector<S: Simd>(simd: S, d: &[T::Pixel], s: Src::Row, m: Msk::Row, at: usize) -> S::u32s {
        let d = T::load(simd, &d[at..at + S::u32s::LEN]);
        vector::<S, FS, FD, MASK>(simd, d, Src::vector(simd, s, at), Msk::vector(simd, m, at))
    }

    #[inline(always)]
    fn store<S: Simd>(vector: S::u32s, d: &mut [T::Pixel]) {
        T::store::<S>(vector, d);
    }

    #[inline(always)]
    fn short<S: Simd>(simd: S, d: &mut GridMut<'_, T::Pixel>, s: Src, m: Msk, size: Size) {
        columns::<S, T, Src, Msk, FS, FD, MASK>(simd, d, s, m, size);
    }
}

/// One vector of an operator that takes the parts `FS` of the source and `FD` of the target.
#[inline(always)]
fn vector<S: Simd, const FS: u8, const FD: u8, const MASK: u8>(
    simd: S,
    d: S::u32s,
    s: S::u32s,
    m: S::u32s,
) -> S::u32s {
    let (d, s) = (Lanes::<S>::load(d), Lanes::<S>::load(s));
    let m = if MASK == ALPHAS { Lanes::twice(m) } else { Lanes::load(m) };
    let (s, sa) = masked(MASK, s, m);
    sum(simd, s.part::<FS>(d.alpha()), d.part::<FD>(sa))
}

/// Rows of less than four pixels, such as a glyph's stem: two pixels of two rows as a vector, or one of four.
#[inline(always)]
fn columns<S: Simd, T: Target, Src: ReadWords, Msk: ReadWords, const FS: u8, const FD: u8, const MASK: u8>(
    simd: S,
    d: &mut GridMut<'_, T::Pixel>,
    s: Src,
    m: Msk,
    (width, height): Size,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            // One column first, so that where it is is known when this is compiled.
            let (one, two) = (width != 2, width.wrapping_sub(2));
            let mut y = 0;
            while y + 4 <= height {
                if one {
                    some::<S, T, Src, Msk, FS, FD, MASK, 1, 4>(simd, d, s, m, (0, y));
                }
                if width >= 2 {
                    some::<S, T, Src, Msk, FS, FD, MASK, 2, 2>(simd, d, s, m, (two, y));
                    some::<S, T, Src, Msk, FS, FD, MASK, 2, 2>(simd, d, s, m, (two, y + 2));
                }
                y += 4;
            }
            for y in y..height {
                for x in 0..width {
                    some::<S, T, Src, Msk, FS, FD, MASK, 1, 1>(simd, d, s, m, (x, y));
                }
            }
        },
    );
}

/// `W` pixels of `H` rows from one on, four at most.
#[allow(clippy::needless_range_loop, reason = "of a known count, so that it becomes a vector's instructions")]
#[inline(always)]
fn some<
    S: Simd,
    T: Target,
    Src: ReadWords,
    Msk: ReadWords,
    const FS: u8,
    const FD: u8,
    const MASK: u8,
    const W: usize,
    const H: usize,
>(
    simd: S,
    d: &mut GridMut<'_, T::Pixel>,
    s: Src,
    m: Msk,
    (x, y): (usize, usize),
) {
    let n = S::u32s::LEN;
    let (mut dv, mut sv, mut mv) = ([T::Pixel::default(); 16], [0; 16], [0; 16]);
    for i in 0..H {
        let d: [T::Pixel; W] = d.few(x, y + i);
        let (s, m): ([u32; W], [u32; W]) = (s.few(x, y + i), m.few(x, y + i));
        for j in 0..W {
            dv[i * W + j] = d[j];
            sv[i * W + j] = s[j];
            mv[i * W + j] = m[j];
        }
    }
    let (sv, mv) = (S::u32s::from_slice(simd, &sv[..n]), S::u32s::from_slice(simd, &mv[..n]));
    let out = vector::<S, FS, FD, MASK>(simd, T::load(simd, &dv[..n]), sv, mv);
    T::store::<S>(out, &mut dv[..n]);
    for i in 0..H {
        let mut pixels = [T::Pixel::default(); W];
        for j in 0..W {
            pixels[j] = dv[i * W + j];
        }
        d.put_few(x, y + i, pixels);
    }
}

/// The rows of one kind of source and mask.
#[inline(always)]
pub(super) fn kind<T: Target, Src: ReadWords, Msk: ReadWords, const FS: u8, const FD: u8, const MASK: u8>(
    level: Level,
    d: &mut GridMut<'_, T::Pixel>,
    s: Src,
    m: Msk,
    size: Size,
) {
    draw::<OnWords<T, Src, Msk, FS, FD, MASK>>(level, d, s, m, size);
}
