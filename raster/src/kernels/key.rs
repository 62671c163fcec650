//! Copies that leave out one colour.

use fearless_simd::{Simd, prelude::*};

/// Stores the source pixels with (pixel & mask) != key; the others leave the target. Same length.
///
/// `select` and not a conditional store: the latter becomes `vpmaskmovd`, 7 times slower on Zen (`CRATES.md` 1b).
pub(crate) fn key_row32<S: Simd>(simd: S, dst: &mut [u32], src: &[u32], mask: u32, key: u32) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            let (mask_v, key_v) = (S::u32s::splat(simd, mask), S::u32s::splat(simd, key));
            let (mut d, mut s) = (dst.chunks_exact_mut(n), src.chunks_exact(n));
            for (d, s) in (&mut d).zip(&mut s) {
                let (old, new) = (S::u32s::from_slice(simd, d), S::u32s::from_slice(simd, s));
                (new & mask_v).simd_eq(key_v).select(old, new).store_slice(d);
            }
            for (d, s) in d.into_remainder().iter_mut().zip(s.remainder()) {
                *d = if s & mask == key { *d } else { *s };
            }
        },
    );
}

/// As [`key_row32`], all bits compared.
pub(crate) fn key_row16<S: Simd>(simd: S, dst: &mut [u16], src: &[u16], key: u16) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u16s::LEN;
            let key_v = S::u16s::splat(simd, key);
            let (mut d, mut s) = (dst.chunks_exact_mut(n), src.chunks_exact(n));
            for (d, s) in (&mut d).zip(&mut s) {
                let (old, new) = (S::u16s::from_slice(simd, d), S::u16s::from_slice(simd, s));
                new.simd_eq(key_v).select(old, new).store_slice(d);
            }
            for (d, s) in d.into_remainder().iter_mut().zip(s.remainder()) {
                *d = if *s == key { *d } else { *s };
            }
        },
    );
}

/// As [`key_row32`], all bits compared.
pub(crate) fn key_row8<S: Simd>(simd: S, dst: &mut [u8], src: &[u8], key: u8) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u8s::LEN;
            let key_v = S::u8s::splat(simd, key);
            let (mut d, mut s) = (dst.chunks_exact_mut(n), src.chunks_exact(n));
            for (d, s) in (&mut d).zip(&mut s) {
                let (old, new) = (S::u8s::from_slice(simd, d), S::u8s::from_slice(simd, s));
                new.simd_eq(key_v).select(old, new).store_slice(d);
            }
            for (d, s) in d.into_remainder().iter_mut().zip(s.remainder()) {
                *d = if *s == key { *d } else { *s };
            }
        },
    );
}
