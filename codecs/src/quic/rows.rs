//! Whole-row work that needs no model: pixels to and from channel bytes, residuals, equal neighbours.

use super::model::Group;
use crate::PixelFormat;
use fearless_simd::{Simd, SimdBase, SimdInto, SimdMask};

/// The colours of a source row as one byte a channel: B, G, R, 0.
#[inline(always)]
pub(super) fn load_colours(format: PixelFormat, row: &[u8], out: &mut [u32]) {
    match format {
        PixelFormat::Rgb16 => {
            for (to, px) in out.iter_mut().zip(row.as_chunks::<2>().0) {
                let v = u32::from(u16::from_le_bytes(*px));
                *to = v & 31 | (v & 31 << 5) << 3 | (v & 31 << 10) << 6;
            }
        }
        PixelFormat::Rgb24 => {
            for (to, px) in out.iter_mut().zip(row.as_chunks::<3>().0) {
                *to = u32::from_le_bytes([px[0], px[1], px[2], 0]);
            }
        }
        _ => {
            for (to, px) in out.iter_mut().zip(row.as_chunks::<4>().0) {
                *to = u32::from_le_bytes(*px) & 0x00ff_ffff;
            }
        }
    }
}

/// The inverse of [`load_colours`]: bytes of `format`, the fourth byte 0.
#[inline(always)]
pub(super) fn store_colours(format: PixelFormat, row: &[u32], out: &mut [u8]) {
    match format {
        PixelFormat::Rgb16 => {
            for (to, v) in out.as_chunks_mut::<2>().0.iter_mut().zip(row) {
                *to = ((v & 31 | v >> 3 & 31 << 5 | v >> 6 & 31 << 10) as u16).to_le_bytes();
            }
        }
        PixelFormat::Rgb24 => {
            for (to, v) in out.as_chunks_mut::<3>().0.iter_mut().zip(row) {
                let [b, g, r, _] = v.to_le_bytes();
                *to = [b, g, r];
            }
        }
        _ => {
            for (to, v) in out.as_chunks_mut::<4>().0.iter_mut().zip(row) {
                *to = v.to_le_bytes();
            }
        }
    }
}

/// A channel's difference from its prediction as a number whose size grows with the difference's.
#[inline(always)]
fn fold<G: Group>(value: u8, prediction: u8) -> u8 {
    let unused = 8 - G::BITS;
    let d = value.wrapping_sub(prediction) << unused;
    let sign = ((d as i8) >> 7) as u8;
    (((d >> unused) << 1) ^ sign) & (0xff >> unused)
}

/// The residuals of `row`, predicted from the pixels to the left and, but in the first row, above.
#[inline(always)]
pub(super) fn residuals<G: Group, const FIRST: bool>(row: &[G::Px], above: &[G::Px], out: &mut [G::Px]) {
    let n = row.len();
    let lead = size_of::<G::Px>();
    let row: &[u8] = bytemuck::cast_slice(row);
    let above: &[u8] = bytemuck::cast_slice(&above[..n]);
    let out: &mut [u8] = bytemuck::cast_slice_mut(&mut out[..n]);
    for k in 0..lead {
        out[k] = fold::<G>(row[k], if FIRST { 0 } else { above[k] });
    }
    let pixels = out[lead..].iter_mut().zip(&row[lead..]).zip(row);
    if FIRST {
        for ((to, &v), &left) in pixels {
            *to = fold::<G>(v, left);
        }
    } else {
        for (((to, &v), &left), &above) in pixels.zip(&above[lead..]) {
            *to = fold::<G>(v, (left & above) + ((left ^ above) >> 1));
        }
    }
}

/// Sets bit `i` of `out` where pixel `i` of a row of `n` equals pixel `i - 1`; bit 0 and the bits behind the row are 0.
/// `row` has one pixel of any value before the row, and behind it fills up the last 64.
#[inline(always)]
pub(super) fn equal_neighbours<G: Group, S: Simd>(simd: S, row: &[G::Px], n: usize, out: &mut [u64]) {
    let pairs = row[1..].as_chunks::<64>().0.iter().zip(row.as_chunks::<64>().0);
    for (word, (here, left)) in out.iter_mut().zip(pairs) {
        *word = equal64::<G, S>(simd, here, left);
    }
    out[0] &= !1;
    if !n.is_multiple_of(64) {
        out[n / 64] &= (1 << (n % 64)) - 1;
    }
}

#[inline(always)]
fn equal64<G: Group, S: Simd>(simd: S, here: &[G::Px; 64], left: &[G::Px; 64]) -> u64 {
    let mut bits = 0;
    if size_of::<G::Px>() == 4 {
        let (here, left): (&[u32], &[u32]) = (bytemuck::cast_slice(here), bytemuck::cast_slice(left));
        for (i, (a, b)) in here.as_chunks::<8>().0.iter().zip(left.as_chunks::<8>().0).enumerate() {
            let a: fearless_simd::u32x8<S> = (*a).simd_into(simd);
            let b: fearless_simd::u32x8<S> = (*b).simd_into(simd);
            bits |= a.simd_eq(b).to_bitmask() << (8 * i);
        }
    } else {
        let (here, left): (&[u8], &[u8]) = (bytemuck::cast_slice(here), bytemuck::cast_slice(left));
        for (i, (a, b)) in here.as_chunks::<32>().0.iter().zip(left.as_chunks::<32>().0).enumerate() {
            let a: fearless_simd::u8x32<S> = (*a).simd_into(simd);
            let b: fearless_simd::u8x32<S> = (*b).simd_into(simd);
            bits |= a.simd_eq(b).to_bitmask() << (32 * i);
        }
    }
    bits
}
