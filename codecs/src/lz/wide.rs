//! How decoders write pixels where wide vectors fit: no branches on how short a run or a match is, nor on how near.
//!
//! What is written beyond a run or a match is overwritten by the tokens that follow. Whoever has not [`READ`] bytes of
//! stream and [`WRITE`] bytes of picture left, or anything odd before him, goes the obvious way of `copy.rs`.

use fearless_simd::{Simd, SimdBase, SimdInto, u8x16};

use super::copy::{Bgr24, Bgr32, Output, Single, Word16, Word16To32};

/// Bytes of stream that are at hand from a token on.
pub(crate) const READ: usize = 112;
/// Bytes of picture that may be written from a token on.
pub(crate) const WRITE: usize = 128;
/// Bytes of the longest match that [`short`] copies.
pub(crate) const SHORT: usize = 64;
/// Bytes of the longest match that [`blocks`] copies sooner than the system's function.
pub(crate) const MEDIUM: usize = 512;

/// A layout whose literals are written 32 at a time.
pub(crate) trait Wide: Output {
    /// Writes at least `count` pixels (at most 32) whose coded bytes follow the control byte, which is `token`'s first.
    fn run<S: Simd>(simd: S, token: &[u8; READ], out: &mut [u8; WRITE], count: usize);
}

impl Wide for Bgr32 {
    #[inline(always)]
    fn run<S: Simd>(simd: S, token: &[u8; READ], out: &mut [u8; WRITE], count: usize) {
        const SPREAD: [u8; 16] = [0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255, 9, 10, 11, 255];
        let spread: u8x16<S> = SPREAD.simd_into(simd);
        let four = |out: &mut [u8; WRITE], k: usize| {
            let pixels = load(simd, token, 1 + 12 * k).swizzle_dyn_precise(spread);
            store(pixels, out, 16 * k);
        };
        for k in 0..4 {
            four(out, k);
        }
        if count > 16 {
            for k in 4..8 {
                four(out, k);
            }
        }
    }
}

impl Wide for Bgr24 {
    #[inline(always)]
    fn run<S: Simd>(_: S, token: &[u8; READ], out: &mut [u8; WRITE], _: usize) {
        out[..96].copy_from_slice(&token[1..97]);
    }
}

impl Wide for Word16 {
    #[inline(always)]
    fn run<S: Simd>(_: S, token: &[u8; READ], out: &mut [u8; WRITE], _: usize) {
        for (from, to) in token[1..65].as_chunks::<2>().0.iter().zip(out.as_chunks_mut::<2>().0) {
            *to = [from[1], from[0]];
        }
    }
}

impl Wide for Word16To32 {
    #[inline(always)]
    fn run<S: Simd>(_: S, token: &[u8; READ], out: &mut [u8; WRITE], _: usize) {
        for (from, to) in token[1..65].as_chunks::<2>().0.iter().zip(out.as_chunks_mut::<4>().0) {
            let v = u32::from(u16::from_be_bytes(*from));
            let five = (v & 31) | (v & 31 << 5) << 3 | (v & 31 << 10) << 6;
            *to = (five << 3 | five >> 2 & 0x0007_0707).to_le_bytes();
        }
    }
}

impl Wide for Single {
    #[inline(always)]
    fn run<S: Simd>(_: S, token: &[u8; READ], out: &mut [u8; WRITE], _: usize) {
        out[..32].copy_from_slice(&token[1..33]);
    }
}

#[inline(always)]
fn load<S: Simd>(simd: S, from: &[u8], at: usize) -> u8x16<S> {
    let bytes: [u8; 16] = from[at..at + 16].try_into().expect("16 bytes");
    bytes.simd_into(simd)
}

#[inline(always)]
fn store<S: Simd>(v: u8x16<S>, out: &mut [u8], at: usize) {
    let bytes: [u8; 16] = v.into();
    out[at..at + 16].copy_from_slice(&bytes);
}

/// Where the bytes of four times 16 are in a pattern that repeats every `k` bytes, `k` from 1 to 16. Of 0 as they are.
const PATTERNS: [[[u8; 16]; 4]; 32] = {
    let mut patterns = [[[0; 16]; 4]; 32];
    let mut k = 0;
    while k <= 16 {
        let mut i = 0;
        while i < SHORT {
            patterns[k][i / 16][i % 16] = (i % if k == 0 { 16 } else { k }) as u8;
            i += 1;
        }
        k += 1;
    }
    patterns
};

/// Writes [`SHORT`] bytes at `at`, each equal to the byte `back` before it. `at >= back > 0`, `at + SHORT <= out.len()`.
#[inline(always)]
pub(crate) fn short<S: Simd>(simd: S, out: &mut [u8], at: usize, back: usize) {
    if back > 16 && back < SHORT {
        // Hardly ever.
        for k in (0..SHORT).step_by(16) {
            store(load(simd, out, at + k - back), out, at + k);
        }
        return;
    }
    // Nothing is read that is written here, which would have to wait for it.
    let from: &[u8; SHORT] = out[at - back..].first_chunk().expect("bytes before");
    let near = usize::from(back <= 16);
    let (step, patterns) = (16 - 16 * near, &PATTERNS[back & near.wrapping_neg() & 31]);
    let part = |k: usize| {
        let pattern: u8x16<S> = patterns[k].simd_into(simd);
        load(simd, from, k * step).swizzle_dyn(pattern)
    };
    let parts = [part(0), part(1), part(2), part(3)];
    let to: &mut [u8; SHORT] = out[at..].first_chunk_mut().expect("room");
    for (k, part) in parts.into_iter().enumerate() {
        store(part, to, k * 16);
    }
}

/// Writes `size` bytes at `at`, each equal to the byte `back >= SHORT` before it, and up to [`SHORT`] more. There is
/// room for them.
#[inline(always)]
pub(crate) fn blocks(out: &mut [u8], at: usize, back: usize, size: usize) {
    for k in (0..size).step_by(SHORT) {
        let block: [u8; SHORT] = *out[at + k - back..].first_chunk().expect("bytes before");
        out[at + k..][..SHORT].copy_from_slice(&block);
    }
}
