//! The operators on 8-bit alpha targets, which need no colours: alphas into alphas, as vectors of bytes.

use super::combine::{Lanes, MISSING, ONE, THERE, ZERO, fitting, sum};
use super::grid::{Grid, GridMut, Size, copy};
use super::op::CompositeOp;
use fearless_simd::{Level, dispatch, prelude::*};

/// One vector of alphas, four to a word.
#[inline(always)]
fn alphas<S: Simd, const FS: u8, const FD: u8>(
    simd: S,
    d: S::u32s,
    s: S::u32s,
    m: Option<S::u32s>,
) -> S::u32s {
    let (d, mut s) = (Lanes::<S>::load(d), Lanes::<S>::load(s));
    if let Some(m) = m {
        s = s.mul(Lanes::<S>::load(m));
    }
    sum(simd, s.part::<FS>(d), d.part::<FD>(s))
}

/// The first and the last alphas of a row of less than 17, four to a word: all of it, many of them twice. By words, not
/// by arrays of bytes: those are put together in memory, and a vector read from there waits for them.
#[inline(always)]
fn ends(row: &[u8]) -> [u32; 16] {
    let mut words = [0; 16];
    if let (Some(first), Some(last)) = (row.first_chunk::<8>(), row.last_chunk::<8>()) {
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        (words[0], words[1]) = (first as u32, (first >> 32) as u32);
        (words[2], words[3]) = (last as u32, (last >> 32) as u32);
    } else if let (Some(first), Some(last)) = (row.first_chunk(), row.last_chunk()) {
        (words[0], words[1]) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
    } else {
        for (i, alpha) in row.iter().enumerate() {
            words[0] |= u32::from(*alpha) << (8 * i);
        }
    }
    words
}

/// Puts the first and the last alphas of a row back.
#[inline(always)]
fn store_ends(row: &mut [u8], words: &[u32]) {
    let len = row.len();
    let mut put = |at: usize, word: u32| row[at..at + 4].copy_from_slice(&word.to_le_bytes());
    match len {
        8.. => {
            put(0, words[0]);
            put(4, words[1]);
            put(len - 8, words[2]);
            put(len - 4, words[3]);
        }
        4.. => {
            put(0, words[0]);
            put(len - 4, words[1]);
        }
        _ => row.iter_mut().zip(words[0].to_le_bytes()).for_each(|(alpha, v)| *alpha = v),
    }
}

/// A vector of bytes.
#[inline(always)]
fn load_bytes<S: Simd>(simd: S, bytes: &[u8]) -> S::u32s {
    S::u8s::from_slice(simd, bytes).bitcast()
}

/// A row of alphas. The last vector of it overlaps the one before, so it is computed first and stored last.
#[allow(clippy::needless_range_loop, reason = "three rows go along")]
#[inline(always)]
fn alpha_row<S: Simd, const FS: u8, const FD: u8>(simd: S, d: &mut [u8], s: &[u8], m: Option<&[u8]>) {
    let n = S::u8s::LEN;
    let len = d.len();
    if len < n && len < 16 {
        let words = |v: &[u8]| S::u32s::from_slice(simd, &ends(v)[..S::u32s::LEN]);
        let out = match m {
            None => alphas::<S, FS, FD>(simd, words(d), words(s), None),
            Some(m) => alphas::<S, FS, FD>(simd, words(d), words(s), Some(words(m))),
        };
        return store_ends(d, out.as_slice());
    }
    if len < n {
        // Only where the machine's least vectors are longer than those of 16 bytes.
        for i in 0..len {
            let one = |v: &[u8]| S::u32s::splat(simd, u32::from(v[i]));
            d[i] = alphas::<S, FS, FD>(simd, one(d), one(s), m.map(one)).as_slice()[0] as u8;
        }
        return;
    }
    let last = len - n;
    let end = match m {
        None => {
            let (dv, sv) = (load_bytes(simd, &d[last..len]), load_bytes(simd, &s[last..len]));
            alphas::<S, FS, FD>(simd, dv, sv, None)
        }
        Some(m) => {
            let (dv, sv) = (load_bytes(simd, &d[last..len]), load_bytes(simd, &s[last..len]));
            alphas::<S, FS, FD>(simd, dv, sv, Some(load_bytes(simd, &m[last..len])))
        }
    };
    let pixels = d.chunks_exact_mut(n).zip(s.chunks_exact(n)).take((len - 1) / n);
    match m {
        None => {
            for (d, s) in pixels {
                let out = alphas::<S, FS, FD>(simd, load_bytes(simd, d), load_bytes(simd, s), None);
                store_bytes::<S>(out, d);
            }
        }
        Some(m) => {
            for ((d, s), m) in pixels.zip(m.chunks_exact(n)) {
                let (dv, sv, mv) = (load_bytes(simd, d), load_bytes(simd, s), load_bytes(simd, m));
                store_bytes::<S>(alphas::<S, FS, FD>(simd, dv, sv, Some(mv)), d);
            }
        }
    }
    store_bytes::<S>(end, &mut d[last..len]);
}

#[inline(always)]
fn store_bytes<S: Simd>(v: S::u32s, to: &mut [u8]) {
    let v: S::u8s = v.bitcast();
    v.store_slice(to);
}

fn porter_duff_alpha<const FS: u8, const FD: u8>(
    level: Level,
    d: &mut GridMut<'_, u8>,
    s: Grid<'_, u8>,
    m: Option<Grid<'_, u8>>,
    (width, height): Size,
) {
    dispatch!(fitting(level, width / 4), simd => match m {
        None => {
            for y in 0..height {
                alpha_row::<_, FS, FD>(simd, d.row(y, width), s.row(y, width), None);
            }
        }
        Some(m) => {
            for y in 0..height {
                alpha_row::<_, FS, FD>(simd, d.row(y, width), s.row(y, width), Some(m.row(y, width)));
            }
        }
    });
}

/// Combines source alphas into those of an 8-bit alpha target, which needs no colours: there component alpha is
/// alpha. Other operators than those of Porter and Duff do nothing here.
pub(super) fn combine_alphas(
    level: Level,
    op: CompositeOp,
    d: &mut GridMut<'_, u8>,
    s: Grid<'_, u8>,
    m: Option<Grid<'_, u8>>,
    size: Size,
) {
    use CompositeOp::*;
    match op {
        Clear => (0..size.1).for_each(|y| d.row(y, size.0).fill(0)),
        Src => match m {
            None => copy(d, s, size),
            _ => porter_duff_alpha::<ONE, ZERO>(level, d, s, m, size),
        },
        Over => porter_duff_alpha::<ONE, MISSING>(level, d, s, m, size),
        OverReverse => porter_duff_alpha::<MISSING, ONE>(level, d, s, m, size),
        In => porter_duff_alpha::<THERE, ZERO>(level, d, s, m, size),
        InReverse => porter_duff_alpha::<ZERO, THERE>(level, d, s, m, size),
        Out => porter_duff_alpha::<MISSING, ZERO>(level, d, s, m, size),
        OutReverse => porter_duff_alpha::<ZERO, MISSING>(level, d, s, m, size),
        Atop => porter_duff_alpha::<THERE, MISSING>(level, d, s, m, size),
        AtopReverse => porter_duff_alpha::<MISSING, THERE>(level, d, s, m, size),
        Xor => porter_duff_alpha::<MISSING, MISSING>(level, d, s, m, size),
        Add => porter_duff_alpha::<ONE, ONE>(level, d, s, m, size),
        _ => debug_assert!(op == Dst, "{op:?} needs words"),
    }
}
