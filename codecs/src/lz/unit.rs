//! What encoders compare and write: a pixel, or its alpha, held in a `u32`.

use fearless_simd::{Simd, SimdBase, SimdInto, SimdMask};

use crate::{PixelFormat, Pixels};

/// Pixels behind the last, so that [`eight`] can be had from each.
pub(crate) const PAD: usize = 8;

/// A kind of coded pixel. Pixels are `u32`s of which only the bits of `MASK` count.
pub(crate) trait Unit {
    /// The bits that are compared: all, where pixels hold nothing else.
    const MASK: u32 = u32::MAX;
    /// The bits that the reference encoder compares.
    const REFERENCE_MASK: u32 = Self::MASK;
    /// Bytes of a literal in the stream.
    const LITERAL: usize;
    /// Pixels of a match beyond its coded length; the shortest match has one pixel more.
    const BIAS: usize;
    /// The literal's bytes, first byte lowest.
    fn literal(pixel: u32) -> u32;
    /// Four literals: `4 * LITERAL` bytes.
    #[inline(always)]
    fn four(pixels: &[u32; 4], to: &mut [u8]) {
        for (p, to) in pixels.iter().zip(to.chunks_exact_mut(Self::LITERAL)) {
            to.copy_from_slice(&Self::literal(*p).to_le_bytes()[..Self::LITERAL]);
        }
    }
    /// The bytes that the reference encoder hashes, and how many.
    fn hashed(pixel: u32) -> ([u8; 3], usize);
}

/// B, G, R in the low three bytes, 0 in the high byte.
pub(crate) struct Colour;

impl Unit for Colour {
    const LITERAL: usize = 3;
    const BIAS: usize = 0;
    #[inline(always)]
    fn literal(pixel: u32) -> u32 {
        pixel
    }
    #[inline(always)]
    fn four(pixels: &[u32; 4], to: &mut [u8]) {
        let [a, b, c, d] = pixels.map(u64::from);
        to[..8].copy_from_slice(&(a | b << 24 | c << 48).to_le_bytes());
        to[8..12].copy_from_slice(&((c >> 16 | d << 8) as u32).to_le_bytes());
    }
    fn hashed(pixel: u32) -> ([u8; 3], usize) {
        let [b, g, r, _] = pixel.to_le_bytes();
        ([r, g, b], 3)
    }
}

/// B, G, R in the low three bytes, alpha in the high byte: the colour pass of GLZ's RGBA.
pub(crate) struct ColourBesideAlpha;

impl Unit for ColourBesideAlpha {
    const MASK: u32 = 0x00ff_ffff;
    const LITERAL: usize = 3;
    const BIAS: usize = 0;
    #[inline(always)]
    fn literal(pixel: u32) -> u32 {
        pixel & Self::MASK
    }
    #[inline(always)]
    fn four(pixels: &[u32; 4], to: &mut [u8]) {
        Colour::four(&pixels.map(|p| p & Self::MASK), to);
    }
    fn hashed(pixel: u32) -> ([u8; 3], usize) {
        Colour::hashed(pixel)
    }
}

/// x1r5g5b5 in the low two bytes. Bit 15 is 0 but for the reference encoder, which writes it and does not compare it.
pub(crate) struct Word;

impl Unit for Word {
    const REFERENCE_MASK: u32 = 0x7fff;
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

/// One byte: palette indices, A8, XXXA, the alpha pass of LZ's RGBA.
pub(crate) struct Index;

impl Unit for Index {
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

/// The high byte: the alpha pass of GLZ's RGBA.
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

/// The eight pixels from `i` on.
#[inline(always)]
pub(crate) fn eight(px: &[u32], i: usize) -> &[u32; 8] {
    px[i..i + 8].try_into().expect("eight")
}

/// Bit `k` is set where pixel `k` of `a` is the same as that of `b`; the higher bits are 0.
#[inline(always)]
pub(crate) fn equal8<U: Unit, S: Simd>(simd: S, a: &[u32; 8], b: &[u32; 8]) -> u32 {
    lanes::<U, S>(simd, a, b).to_bitmask() as u32
}

#[inline(always)]
fn lanes<U: Unit, S: Simd>(simd: S, a: &[u32; 8], b: &[u32; 8]) -> fearless_simd::mask32x8<S> {
    let (a, b): (fearless_simd::u32x8<S>, fearless_simd::u32x8<S>) =
        ((*a).simd_into(simd), (*b).simd_into(simd));
    if U::MASK == u32::MAX {
        return a.simd_eq(b);
    }
    let mask = fearless_simd::u32x8::splat(simd, U::MASK);
    (a & mask).simd_eq(b & mask)
}

/// How many leading pixels of `a` and `b` are the same.
#[inline(always)]
pub(crate) fn alike<U: Unit, S: Simd>(simd: S, a: &[u32], b: &[u32]) -> usize {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    let ((a16, a), (b16, b)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut k = 0;
    for (x, y) in a16.iter().zip(b16) {
        let low = lanes::<U, S>(simd, x.first_chunk().expect("8"), y.first_chunk().expect("8"));
        let high = lanes::<U, S>(simd, x.last_chunk().expect("8"), y.last_chunk().expect("8"));
        if !(low & high).all_true() {
            let equal = low.to_bitmask() | high.to_bitmask() << 8;
            return k + (!equal).trailing_zeros() as usize;
        }
        k += 16;
    }
    k + a.iter().zip(b).take_while(|(x, y)| same::<U>(**x, **y)).count()
}

/// Whether pixel `i` has two like it on either side.
#[inline(always)]
pub(crate) fn in_run<U: Unit>(px: &[u32], i: usize) -> bool {
    i >= 1 && i + 3 < px.len() && (0..4).all(|k| same::<U>(px[i - 1 + k], px[i]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_seed;

    #[test]
    fn lanes_agree_with_single_pixels_at_every_level() {
        each_seed(300, |random| {
            let mut px: Vec<u32> = (0..100).map(|_| (random.next() as u32 & 0x0100_0001) * 255).collect();
            let (a, b) = (random.below(40), random.below(40));
            let n = 16 + random.below(40);
            px.copy_within(a..a + random.below(30), b);
            let single = |mask: u32, n: usize| {
                px[a..a + n].iter().zip(&px[b..b + n]).take_while(|(x, y)| (*x ^ *y) & mask == 0).count()
            };
            let bits =
                |mask: u32| (0..8).map(|k| u32::from((px[a + k] ^ px[b + k]) & mask == 0) << k).sum::<u32>();
            for level in [fearless_simd::Level::new(), fearless_simd::Level::baseline()] {
                crate::simd::at_level!(level, simd => {
                    let (x, y) = (&px[a..a + n], &px[b..b + n]);
                    assert_eq!(alike::<Colour, _>(simd, x, y), single(u32::MAX, n));
                    assert_eq!(alike::<ColourBesideAlpha, _>(simd, x, y), single(0xff_ffff, n));
                    assert_eq!(equal8::<Colour, _>(simd, eight(&px, a), eight(&px, b)), bits(u32::MAX));
                    assert_eq!(equal8::<Alpha, _>(simd, eight(&px, a), eight(&px, b)), bits(0xff00_0000));
                });
            }
            assert_eq!(common::<ColourBesideAlpha>(&px[a..a + n], &px[b..b + n]), single(0xff_ffff, n));
        });
    }
}
