//! What encoders compare and write: a pixel, or its alpha, held in a `u32`.

use crate::{PixelFormat, Pixels};

/// A kind of coded pixel. Pixels are `u32`s of which only the bits of `MASK` count.
pub(crate) trait Unit {
    /// The bits that are coded and compared.
    const MASK: u32;
    /// The bits that the reference encoder compares.
    const REFERENCE_MASK: u32 = Self::MASK;
    /// Bytes of a literal in the stream.
    const LITERAL: usize;
    /// Pixels of a match beyond its coded length; the shortest match has one pixel more.
    const BIAS: usize;
    /// The literal's bytes, first byte lowest.
    fn literal(pixel: u32) -> u32;
    /// The bytes that the reference encoder hashes, and how many.
    fn hashed(pixel: u32) -> ([u8; 3], usize);
}

/// B, G, R in the low three bytes.
pub(crate) struct Colour;

impl Unit for Colour {
    const MASK: u32 = 0x00ff_ffff;
    const LITERAL: usize = 3;
    const BIAS: usize = 0;
    #[inline(always)]
    fn literal(pixel: u32) -> u32 {
        pixel & 0x00ff_ffff
    }
    fn hashed(pixel: u32) -> ([u8; 3], usize) {
        let [b, g, r, _] = pixel.to_le_bytes();
        ([r, g, b], 3)
    }
}

/// x1r5g5b5 in the low two bytes. Bit 15 is written but does not count when pixels are compared.
pub(crate) struct Word;

impl Unit for Word {
    const MASK: u32 = 0x7fff;
    const LITERAL: usize = 2;
    const BIAS: usize = 1;
    #[inline(always)]
    fn literal(pixel: u32) -> u32 {
        u32::from((pixel as u16).swap_bytes())
    }
    fn hashed(pixel: u32) -> ([u8; 3], usize) {
        ([pixel as u8, (pixel >> 8) as u8 & 127, 0], 2)
    }
}

/// The low byte: palette indices, A8, XXXA.
pub(crate) struct Index;

impl Unit for Index {
    const MASK: u32 = 0xff;
    const LITERAL: usize = 1;
    const BIAS: usize = 2;
    #[inline(always)]
    fn literal(pixel: u32) -> u32 {
        pixel & 0xff
    }
    fn hashed(pixel: u32) -> ([u8; 3], usize) {
        ([pixel as u8, 0, 0], 1)
    }
}

/// The high byte: the alpha pass of RGBA.
pub(crate) struct Alpha;

impl Unit for Alpha {
    const MASK: u32 = 0xff00_0000;
    const LITERAL: usize = 1;
    const BIAS: usize = 2;
    #[inline(always)]
    fn literal(pixel: u32) -> u32 {
        pixel >> 24
    }
    fn hashed(pixel: u32) -> ([u8; 3], usize) {
        ([(pixel >> 24) as u8, 0, 0], 1)
    }
}

/// Coded pixels of a picture.
pub(crate) fn count(pixels: &Pixels<'_>) -> usize {
    let row = match pixels.format() {
        PixelFormat::Rgb16
        | PixelFormat::Rgb24
        | PixelFormat::Rgb32
        | PixelFormat::Rgba
        | PixelFormat::Xxxa => pixels.width() as usize,
        f => f.bytes_per_row(pixels.width()),
    };
    row * pixels.height() as usize
}

/// Copies row `y` of a picture in memory order, which is stream order, into `u32`s: colours in the low bytes, the
/// alpha of RGBA in the high byte, bytes of XXXA, A8 and palette pictures in the low byte. `to` is one row long.
#[inline]
pub(crate) fn load_row(pixels: &Pixels<'_>, y: u32, to: &mut [u32]) {
    let row = pixels.row(y);
    match pixels.format() {
        PixelFormat::Rgb32 => {
            for (to, p) in to.iter_mut().zip(row.as_chunks::<4>().0) {
                *to = u32::from_le_bytes(*p) & 0x00ff_ffff;
            }
        }
        PixelFormat::Rgba => {
            for (to, p) in to.iter_mut().zip(row.as_chunks::<4>().0) {
                *to = u32::from_le_bytes(*p);
            }
        }
        PixelFormat::Xxxa => {
            for (to, p) in to.iter_mut().zip(row.as_chunks::<4>().0) {
                *to = u32::from(p[3]);
            }
        }
        PixelFormat::Rgb24 => {
            for (to, p) in to.iter_mut().zip(row.as_chunks::<3>().0) {
                *to = u32::from_le_bytes([p[0], p[1], p[2], 0]);
            }
        }
        PixelFormat::Rgb16 => {
            for (to, p) in to.iter_mut().zip(row.as_chunks::<2>().0) {
                *to = u32::from(u16::from_le_bytes(*p));
            }
        }
        _ => {
            for (to, &p) in to.iter_mut().zip(row) {
                *to = u32::from(p);
            }
        }
    }
}

/// Whether two pixels are the same.
#[inline(always)]
pub(crate) fn same<U: Unit>(a: u32, b: u32) -> bool {
    (a ^ b) & U::MASK == 0
}

/// Two pixels at `i` as one number, bits that do not count cleared.
#[inline(always)]
pub(crate) fn pair<U: Unit>(px: &[u32], i: usize) -> u64 {
    let p: &[u32; 2] = px[i..i + 2].try_into().expect("two");
    u64::from(p[0] & U::MASK) | u64::from(p[1] & U::MASK) << 32
}

/// How many leading pixels of `a` and `b` are the same.
///
/// Lengths in pictures of screens are short: two pixels are compared first, then eight at a time. Where eight differ, a
/// mask of the lanes says at which, rather than a loop whose end no branch predictor knows.
#[inline(always)]
pub(crate) fn common<U: Unit>(a: &[u32], b: &[u32]) -> usize {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    if n >= 2 {
        let difference = pair::<U>(a, 0) ^ pair::<U>(b, 0);
        if difference != 0 {
            return usize::from(difference as u32 == 0);
        }
    }
    let mut i = 0;
    let (whole_a, whole_b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    for (x, y) in whole_a.iter().zip(whole_b) {
        let mut difference = 0;
        for k in 0..8 {
            difference |= x[k] ^ y[k];
        }
        if difference & U::MASK != 0 {
            let mut lanes = 0u32;
            for k in 0..8 {
                lanes |= u32::from(!same::<U>(x[k], y[k])) << k;
            }
            return i + lanes.trailing_zeros() as usize;
        }
        i += 8;
    }
    while i < n && same::<U>(a[i], b[i]) {
        i += 1;
    }
    i
}
