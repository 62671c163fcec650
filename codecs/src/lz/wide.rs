//! How decoders write pixels where wide vectors fit: no branches on how short a run or a match is, nor on how near.
//!
//! What is written beyond a run or a match is overwritten by the tokens that follow. Whoever has not [`READ`] bytes of
//! stream and [`WRITE`] bytes of picture left, or anything odd before him, goes the obvious way of `copy.rs`.

use fearless_simd::{Simd, SimdBase, SimdCombine, SimdInto, u8x16, u8x32};

use super::copy::{Bgr24, Bgr32, Output, Single, Word16, Word16To32, expand_555, repeat_long};

/// Bytes of stream that are at hand from a token on.
pub(crate) const READ: usize = 112;
/// Bytes of picture that may be written from a token on.
pub(crate) const WRITE: usize = 128;
/// Bytes of the longest stream and the largest picture that are decoded this way: places in them are `u32`s, whose sums with
/// small numbers are no less than the places, so that one comparison says whether all is there.
pub(crate) const LARGEST: usize = i32::MAX as usize;
/// Bytes of the longest match that [`short`] copies.
pub(crate) const SHORT: usize = 64;
/// Bytes of the longest match that [`long`] copies sooner than the system's function.
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
        let spread = twice(SPREAD.simd_into(simd));
        let mut eight = |k: usize| {
            let pixels = load(simd, token, 1 + 24 * k).combine(load(simd, token, 13 + 24 * k));
            store(pixels.swizzle_dyn_within_blocks(spread), out, 32 * k);
        };
        eight(0);
        eight(1);
        if count > 16 {
            eight(2);
            eight(3);
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
            *to = expand_555(u16::from_be_bytes(*from));
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
fn store<S: Simd>(v: u8x32<S>, out: &mut [u8], at: usize) {
    let bytes: [u8; 32] = v.into();
    out[at..at + 32].copy_from_slice(&bytes);
}

#[inline(always)]
fn twice<S: Simd>(v: u8x16<S>) -> u8x32<S> {
    v.combine(v)
}

/// Where the bytes of [`SHORT`] are in a pattern that repeats every `k` bytes, `k` from 1 to 16.
const PATTERNS: [[u8; SHORT]; 32] = {
    let mut patterns = [[0; SHORT]; 32];
    let mut k = 1;
    while k <= 16 {
        let mut i = 0;
        while i < SHORT {
            patterns[k][i] = (i % k) as u8;
            i += 1;
        }
        k += 1;
    }
    patterns
};

/// Copies a match of `size <= SHORT` bytes from `back` bytes before `to`; up to [`SHORT`] bytes are written.
///
/// # Panics
/// If there are not `back` bytes before `to`, or [`SHORT`] bytes from there on.
#[inline(always)]
pub(crate) fn short<O: Output, S: Simd>(simd: S, out: &mut [u8], to: u32, back: u32, size: u32) {
    let (from, to) = (to.wrapping_sub(back) as usize, to as usize);
    if size <= back {
        // All is read before anything is written, which would have to wait for it. Not as vectors, of which compilers put
        // one on the stack here.
        let block: [u8; SHORT] = *out[from..from + SHORT].first_chunk().expect("bytes before");
        out[to..to + SHORT].copy_from_slice(&block);
    } else if O::BYTES == 4 && back == 4 {
        // A run. Only its pixel is read: what follows was written in other pieces just now.
        let pixel: [u8; 4] = *out[from..].first_chunk().expect("the pixel before");
        out[to..to + SHORT].copy_from_slice([pixel; SHORT / 4].as_flattened());
    } else if back <= 16 {
        let (bytes, pattern) = (load(simd, out, from), &PATTERNS[back as usize & 31]);
        for (k, to) in out[to..to + SHORT].as_chunks_mut::<16>().0.iter_mut().enumerate() {
            *to = bytes.swizzle_dyn(load(simd, pattern, 16 * k)).into();
        }
    } else {
        // Hardly ever.
        repeat_long::<O>(out, to, back as usize, size as usize);
    }
}

/// Copies a match of any size from `back` bytes before `to`, of which there are as many; whether there is room for it. Apart,
/// so that what decodes short ones keeps all registers.
#[inline(never)]
pub(crate) fn long<O: Output>(out: &mut [u8], to: u32, back: u32, size: u32) -> bool {
    let (place, most) = (to as usize, out.len() - to as usize);
    if size as usize <= MEDIUM && back as usize >= SHORT && MEDIUM <= most {
        let (mut at, end) = (to, to + size);
        while at < end {
            let (from, to) = ((at - back) as usize, at as usize);
            let block: [u8; SHORT] = *out[from..from + SHORT].first_chunk().expect("bytes before");
            out[to..to + SHORT].copy_from_slice(&block);
            at += SHORT as u32;
        }
    } else if size as usize <= most {
        repeat_long::<O>(out, place, back as usize, size as usize);
    } else {
        return false;
    }
    true
}
