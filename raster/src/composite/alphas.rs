//! The operators on 8-bit alpha targets, which need no colours: alphas into alphas, as vectors of bytes.

use super::cells::{Cells, Same};
use super::lanes::{Lanes, MISSING, ONE, THERE, ZERO, sum};
use super::op::CompositeOp;
use super::vectors::{Operator, draw};
use crate::grid::{Grid, GridMut, Size};
use crate::pixel::mul_un8;
use crate::put::{copy, fill};
use fearless_simd::{Level, prelude::*};
use std::marker::PhantomData;

/// The alphas of a picture for a rectangle.
#[derive(Clone, Copy, Debug)]
pub(super) enum Alphas<'a> {
    Rows(Grid<'a, u8>),
    /// The same everywhere.
    One(u8),
}

/// Pixels that are read as alphas.
trait ReadAlphas: Cells {
    /// A vector of bytes from `at` on.
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s;

    /// Some alphas from `at` on.
    fn some<const N: usize>(row: Self::Row, at: usize) -> [u8; N];
}

impl ReadAlphas for Grid<'_, u8> {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s {
        S::u8s::from_slice(simd, &row[at..at + S::u8s::LEN]).bitcast()
    }

    #[inline(always)]
    fn some<const N: usize>(row: Self::Row, at: usize) -> [u8; N] {
        *row[at..].first_chunk().expect("inside the row")
    }
}

impl ReadAlphas for Same<u8> {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: u8, _: usize) -> S::u32s {
        S::u8s::splat(simd, row).bitcast()
    }

    #[inline(always)]
    fn some<const N: usize>(row: u8, _: usize) -> [u8; N] {
        [row; N]
    }
}

/// No mask: one that takes nothing away.
impl ReadAlphas for () {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, (): (), _: usize) -> S::u32s {
        S::u32s::splat(simd, u32::MAX)
    }

    #[inline(always)]
    fn some<const N: usize>((): (), _: usize) -> [u8; N] {
        [255; N]
    }
}

/// One vector of alphas, four to a word.
#[inline(always)]
fn alphas<S: Simd, const FS: u8, const FD: u8, const MASKED: bool>(
    simd: S,
    d: S::u32s,
    s: S::u32s,
    m: S::u32s,
) -> S::u32s {
    let (d, mut s) = (Lanes::<S>::load(d), Lanes::<S>::load(s));
    if MASKED {
        s = s.mul(Lanes::<S>::load(m));
    }
    sum(simd, s.part::<FS>(d), d.part::<FD>(s))
}

/// One alpha.
#[inline(always)]
fn alpha<const FS: u8, const FD: u8, const MASKED: bool>(d: u8, s: u8, m: u8) -> u8 {
    let (d, s, m) = (u32::from(d), u32::from(s), u32::from(m));
    let s = if MASKED { mul_un8(s, m) } else { s };
    let part = |factor: u8, v: u32, other: u32| match factor {
        ZERO => 0,
        ONE => v,
        THERE => mul_un8(v, other),
        _ => mul_un8(v, 255 - other),
    };
    (part(FS, s, d) + part(FD, d, s)).min(255) as u8
}

/// Eight alphas as a vector in which they come again and again.
#[inline(always)]
fn eight<S: Simd>(simd: S, bytes: [u8; 8]) -> S::u32s {
    S::u64s::splat(simd, u64::from_le_bytes(bytes)).bitcast()
}

/// The first of such a vector.
#[inline(always)]
fn first_eight<S: Simd>(v: S::u32s) -> u64 {
    let v: S::u64s = v.bitcast();
    v.as_slice()[0]
}

/// The first four alphas of a row and the four from `last` on.
#[inline(always)]
fn ends<R: ReadAlphas>(row: R::Row, last: usize) -> [u8; 8] {
    let [first, last] = [R::some::<4>(row, 0), R::some::<4>(row, last)];
    (u64::from(u32::from_le_bytes(first)) | u64::from(u32::from_le_bytes(last)) << 32).to_le_bytes()
}

/// Eight alphas from `at` on.
#[inline(always)]
fn part<S: Simd, Src: ReadAlphas, Msk: ReadAlphas, const FS: u8, const FD: u8, const MASKED: bool>(
    simd: S,
    d: &[u8],
    s: Src::Row,
    m: Msk::Row,
    at: usize,
) -> [u8; 8] {
    let dv = eight(simd, <Target<'_> as ReadAlphas>::some(d, at));
    let (sv, mv) = (eight(simd, Src::some(s, at)), eight(simd, Msk::some(m, at)));
    first_eight::<S>(alphas::<S, FS, FD, MASKED>(simd, dv, sv, mv)).to_le_bytes()
}

/// How a target's row is read.
type Target<'a> = Grid<'a, u8>;

/// Rows of `W` alphas, less than four: of as many rows as eight have.
#[inline(always)]
fn columns<
    S: Simd,
    Src: ReadAlphas,
    Msk: ReadAlphas,
    const FS: u8,
    const FD: u8,
    const MASKED: bool,
    const W: usize,
>(
    simd: S,
    d: &mut GridMut<'_, u8>,
    s: Src,
    m: Msk,
    height: usize,
) {
    let n = 8 / W;
    let mut y = 0;
    while y + n <= height {
        // They are put together in registers: from memory, a vector's load would wait for all stores.
        let (mut dv, mut sv, mut mv) = (0, 0, 0);
        for i in 0..n {
            let shift = 8 * W * i;
            dv |= few(Target::some::<W>(d.row(y + i, W), 0)) << shift;
            sv |= few(Src::some::<W>(s.row(y + i, W), 0)) << shift;
            mv |= few(Msk::some::<W>(m.row(y + i, W), 0)) << shift;
        }
        let [dv, sv, mv] = [dv, sv, mv].map(|v| eight(simd, v.to_le_bytes()));
        let out = first_eight::<S>(alphas::<S, FS, FD, MASKED>(simd, dv, sv, mv));
        for i in 0..n {
            let out = (out >> (8 * W * i)).to_le_bytes();
            d.row(y + i, W).copy_from_slice(&out[..W]);
        }
        y += n;
    }
    for y in y..height {
        let (d, s, m) = (d.row(y, W), s.row(y, W), m.row(y, W));
        let (s, m) = (Src::some::<W>(s, 0), Msk::some::<W>(m, 0));
        (0..W).for_each(|x| d[x] = alpha::<FS, FD, MASKED>(d[x], s[x], m[x]));
    }
}

/// Less than eight alphas, the first in the lowest bits.
#[inline(always)]
fn few<const W: usize>(alphas: [u8; W]) -> u64 {
    alphas.into_iter().rev().fold(0, |v, alpha| v << 8 | u64::from(alpha))
}

/// Rows of less than 16 alphas.
#[inline(always)]
fn short<S: Simd, Src: ReadAlphas, Msk: ReadAlphas, const FS: u8, const FD: u8, const MASKED: bool>(
    simd: S,
    d: &mut GridMut<'_, u8>,
    s: Src,
    m: Msk,
    (width, height): Size,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            if width < 4 {
                return match width {
                    1 => columns::<S, Src, Msk, FS, FD, MASKED, 1>(simd, d, s, m, height),
                    2 => columns::<S, Src, Msk, FS, FD, MASKED, 2>(simd, d, s, m, height),
                    _ => columns::<S, Src, Msk, FS, FD, MASKED, 3>(simd, d, s, m, height),
                };
            }
            for y in 0..height {
                let (d, s, m) = (d.row(y, width), s.row(y, width), m.row(y, width));
                if width >= 8 {
                    // By eights, the second over the end of the first: a vector of both would have to be put together.
                    let last = width - 8;
                    let end = part::<S, Src, Msk, FS, FD, MASKED>(simd, d, s, m, last);
                    let start = part::<S, Src, Msk, FS, FD, MASKED>(simd, d, s, m, 0);
                    d[..8].copy_from_slice(&start);
                    d[last..].copy_from_slice(&end);
                } else {
                    let last = width - 4;
                    let dv = eight(simd, ends::<Target<'_>>(d, last));
                    let (sv, mv) = (eight(simd, ends::<Src>(s, last)), eight(simd, ends::<Msk>(m, last)));
                    let out = first_eight::<S>(alphas::<S, FS, FD, MASKED>(simd, dv, sv, mv));
                    d[..4].copy_from_slice(&(out as u32).to_le_bytes());
                    d[last..].copy_from_slice(&((out >> 32) as u32).to_le_bytes());
                }
            }
        },
    );
}

/// An operator that takes the parts `FS` of the source and `FD` of the target, on alphas.
struct OnAlphas<Src, Msk, const FS: u8, const FD: u8, const MASKED: bool>(PhantomData<(Src, Msk)>);

impl<Src: ReadAlphas, Msk: ReadAlphas, const FS: u8, const FD: u8, const MASKED: bool> Operator
    for OnAlphas<Src, Msk, FS, FD, MASKED>
{
    type Pixel = u8;
    type Src = Src;
    type Msk = Msk;
    const PER_WORD: usize = 4;

    #[inline(always)]
    fn vector<S: Simd>(simd: S, d: &[u8], s: Src::Row, m: Msk::Row, at: usize) -> S::u32s {
        let d = <Target<'_> as ReadAlphas>::vector(simd, d, at);
        alphas::<S, FS, FD, MASKED>(simd, d, Src::vector(simd, s, at), Msk::vector(simd, m, at))
    }

    #[inline(always)]
    fn store<S: Simd>(vector: S::u32s, d: &mut [u8]) {
        let bytes: S::u8s = vector.bitcast();
        bytes.store_slice(d);
    }

    #[inline(always)]
    fn short<S: Simd>(simd: S, d: &mut GridMut<'_, u8>, s: Src, m: Msk, size: Size) {
        short::<S, Src, Msk, FS, FD, MASKED>(simd, d, s, m, size);
    }
}

fn porter_duff<const FS: u8, const FD: u8>(
    level: Level,
    d: &mut GridMut<'_, u8>,
    s: Alphas<'_>,
    m: Option<Grid<'_, u8>>,
    size: Size,
) {
    use Alphas::{One, Rows};
    match (s, m) {
        (Rows(s), None) => draw::<OnAlphas<_, _, FS, FD, false>>(level, d, s, (), size),
        (Rows(s), Some(m)) => draw::<OnAlphas<_, _, FS, FD, true>>(level, d, s, m, size),
        (One(s), None) => draw::<OnAlphas<_, _, FS, FD, false>>(level, d, Same(s), (), size),
        (One(s), Some(m)) => draw::<OnAlphas<_, _, FS, FD, true>>(level, d, Same(s), m, size),
    }
}

/// Combines source alphas into those of an 8-bit alpha target, which needs no colours: there component alpha is
/// alpha. Other operators than those of Porter and Duff do nothing here.
pub(super) fn combine_alphas(
    level: Level,
    op: CompositeOp,
    mut d: GridMut<'_, u8>,
    s: Alphas<'_>,
    m: Option<Grid<'_, u8>>,
    size: Size,
) {
    use CompositeOp::*;
    match op {
        Clear => fill(level, d, 0, size),
        Src => match (s, m) {
            (Alphas::Rows(s), None) => copy(level, d, s, size),
            (Alphas::One(s), None) => fill(level, d, u32::from(s) * 0x0101_0101, size),
            _ => porter_duff::<ONE, ZERO>(level, &mut d, s, m, size),
        },
        Over => porter_duff::<ONE, MISSING>(level, &mut d, s, m, size),
        OverReverse => porter_duff::<MISSING, ONE>(level, &mut d, s, m, size),
        In => porter_duff::<THERE, ZERO>(level, &mut d, s, m, size),
        InReverse => porter_duff::<ZERO, THERE>(level, &mut d, s, m, size),
        Out => porter_duff::<MISSING, ZERO>(level, &mut d, s, m, size),
        OutReverse => porter_duff::<ZERO, MISSING>(level, &mut d, s, m, size),
        Atop => porter_duff::<THERE, MISSING>(level, &mut d, s, m, size),
        AtopReverse => porter_duff::<MISSING, THERE>(level, &mut d, s, m, size),
        Xor => porter_duff::<MISSING, MISSING>(level, &mut d, s, m, size),
        Add => porter_duff::<ONE, ONE>(level, &mut d, s, m, size),
        _ => debug_assert!(op == Dst, "{op:?} needs words"),
    }
}
