//! Premultiplied OVER on rows of 0xAARRGGBB.

use crate::pixel::{from_argb, over_argb, scale_argb, to_argb};
use crate::surface::SurfaceFormat;
use bytemuck::{cast_slice, cast_slice_mut};
use fearless_simd::{Simd, prelude::*};

/// Both halves of each word times the 8-bit fractions in the lanes of `m`: rounded, at the upper byte of each lane
/// (the lower one is noise).
///
/// t = c·m + 128, then t + (t >> 8), in 16-bit lanes: at most 65407, so nothing is carried from lane to lane. The
/// products stay where they are, where widening and narrowing would cost as much again (`CRATES.md` 1b).
#[inline(always)]
fn mul_lanes<S: Simd>(simd: S, c: S::u16s, m: S::u16s) -> S::u16s {
    let t = c * m + S::u16s::splat(simd, 128);
    t + (t >> 8)
}

/// Every channel of the pixels times the fraction in the 16-bit lanes of `m`.
#[inline(always)]
fn scale<S: Simd>(simd: S, p: S::u32s, m: S::u16s) -> S::u32s {
    let low = S::u32s::splat(simd, 0x00ff_00ff);
    let rb: S::u32s = mul_lanes(simd, (p & low).bitcast(), m).bitcast();
    let ag: S::u32s = mul_lanes(simd, ((p >> 8) & low).bitcast(), m).bitcast();
    ((rb >> 8) & low) | (ag & !low)
}

/// `s` over `d`.
#[inline(always)]
pub(crate) fn over<S: Simd>(simd: S, s: S::u32s, d: S::u32s) -> S::u32s {
    let inverse = S::u32s::splat(simd, 255) - (s >> 24);
    let covered = scale::<S>(simd, d, (inverse | (inverse << 16)).bitcast());
    let (s, covered): (S::u8s, S::u8s) = (s.bitcast(), covered.bitcast());
    s.saturating_add(covered).bitcast()
}

/// Lays a row over another of the same length.
///
/// Blocks of which all pixels are opaque, or all transparent black, are copied or skipped: pictures mostly are.
pub(crate) fn over_row<S: Simd>(simd: S, dst: &mut [u32], src: &[u32]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            let opaque = S::u32s::splat(simd, 0xff00_0000);
            let zero = S::u32s::splat(simd, 0);
            let (mut d, mut s) = (dst.chunks_exact_mut(n), src.chunks_exact(n));
            for (d, s) in (&mut d).zip(&mut s) {
                let s = S::u32s::from_slice(simd, s);
                if s.simd_ge(opaque).all_true() {
                    s.store_slice(d);
                } else if !s.simd_eq(zero).all_true() {
                    over::<S>(simd, s, S::u32s::from_slice(simd, d)).store_slice(d);
                }
            }
            for (d, s) in d.into_remainder().iter_mut().zip(s.remainder()) {
                *d = over_argb(*s, *d);
            }
        },
    );
}

/// Lays a row, made fainter by `alpha` / 255, over another of the same length.
pub(crate) fn over_faint_row<S: Simd>(simd: S, dst: &mut [u32], src: &[u32], alpha: u32) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            let m = S::u16s::splat(simd, alpha as u16);
            let (mut d, mut s) = (dst.chunks_exact_mut(n), src.chunks_exact(n));
            for (d, s) in (&mut d).zip(&mut s) {
                let s = scale::<S>(simd, S::u32s::from_slice(simd, s), m);
                over::<S>(simd, s, S::u32s::from_slice(simd, d)).store_slice(d);
            }
            for (d, s) in d.into_remainder().iter_mut().zip(s.remainder()) {
                *d = over_argb(scale_argb(*s, alpha), *d);
            }
        },
    );
}

/// A row of a format of whole bytes as 0xAARRGGBB.
pub(crate) fn load_argb<S: Simd>(simd: S, format: SurfaceFormat, row: &[u8], out: &mut Vec<u32>) {
    let pixels = row.len() * 8 / format.bits_per_pixel() as usize;
    out.resize(pixels, 0);
    let out = &mut out[..];
    macro_rules! load {
        ($type:ty, $format:ident) => {
            for (out, raw) in out.iter_mut().zip(cast_slice::<u8, $type>(row)) {
                *out = to_argb(SurfaceFormat::$format, u32::from(*raw));
            }
        };
    }
    simd.vectorize(
        #[inline(always)]
        || match format {
            SurfaceFormat::X1R5G5B5 => load!(u16, X1R5G5B5),
            SurfaceFormat::R5G6B5 => load!(u16, R5G6B5),
            SurfaceFormat::A8 => load!(u8, A8),
            SurfaceFormat::X8R8G8B8 => load!(u32, X8R8G8B8),
            SurfaceFormat::A8R8G8B8 => load!(u32, A8R8G8B8),
            SurfaceFormat::A1 => unreachable!("rows of bits are no bytes"),
        },
    );
}

/// A row of 0xAARRGGBB in a format of whole bytes.
pub(crate) fn store_argb<S: Simd>(simd: S, format: SurfaceFormat, from: &[u32], row: &mut [u8]) {
    macro_rules! store {
        ($type:ty, $format:ident) => {
            for (raw, argb) in cast_slice_mut::<u8, $type>(row).iter_mut().zip(from) {
                *raw = from_argb(SurfaceFormat::$format, *argb) as $type;
            }
        };
    }
    simd.vectorize(
        #[inline(always)]
        || match format {
            SurfaceFormat::X1R5G5B5 => store!(u16, X1R5G5B5),
            SurfaceFormat::R5G6B5 => store!(u16, R5G6B5),
            SurfaceFormat::A8 => store!(u8, A8),
            SurfaceFormat::X8R8G8B8 => store!(u32, X8R8G8B8),
            SurfaceFormat::A8R8G8B8 => store!(u32, A8R8G8B8),
            SurfaceFormat::A1 => unreachable!("rows of bits are no bytes"),
        },
    );
}
