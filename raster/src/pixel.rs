//! Pixels one at a time: raw access and conversion between the surface formats.
//!
//! In between stands 0xAARRGGBB. 5- and 6-bit channels grow by repeating their high bits and shrink by truncation;
//! formats without alpha are opaque (`SEMANTICS.md` 3).

use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};

/// The colour of a raw pixel as 0xAARRGGBB; alpha is 0xff for formats without it.
#[inline(always)]
pub(crate) const fn to_argb(format: SurfaceFormat, raw: u32) -> u32 {
    match format {
        SurfaceFormat::A1 => (raw & 1) * 0xff00_0000,
        SurfaceFormat::A8 => raw << 24,
        SurfaceFormat::X1R5G5B5 => 0xff00_0000 | grow5(raw >> 10) << 16 | grow5(raw >> 5) << 8 | grow5(raw),
        SurfaceFormat::R5G6B5 => {
            let g = raw >> 5 & 0x3f;
            0xff00_0000 | grow5(raw >> 11) << 16 | (g << 2 | g >> 4) << 8 | grow5(raw)
        }
        SurfaceFormat::X8R8G8B8 => raw | 0xff00_0000,
        SurfaceFormat::A8R8G8B8 => raw,
    }
}

/// The raw pixel of a colour 0xAARRGGBB. On x8r8g8b8 the x byte takes the alpha.
#[inline(always)]
pub(crate) const fn from_argb(format: SurfaceFormat, argb: u32) -> u32 {
    match format {
        SurfaceFormat::A1 => argb >> 31,
        SurfaceFormat::A8 => argb >> 24,
        SurfaceFormat::X1R5G5B5 => argb >> 9 & 0x7c00 | argb >> 6 & 0x03e0 | argb >> 3 & 0x001f,
        SurfaceFormat::R5G6B5 => argb >> 8 & 0xf800 | argb >> 5 & 0x07e0 | argb >> 3 & 0x001f,
        SurfaceFormat::X8R8G8B8 | SurfaceFormat::A8R8G8B8 => argb,
    }
}

/// A raw pixel of one format as a raw pixel of another. Formats of 32 bits keep all four bytes, but an x byte
/// becomes an opaque alpha; 16-bit formats copied onto themselves keep all bits.
#[inline(always)]
pub(crate) fn convert_raw(from: SurfaceFormat, to: SurfaceFormat, raw: u32) -> u32 {
    match (from, to) {
        _ if from == to => raw,
        (SurfaceFormat::A8R8G8B8, SurfaceFormat::X8R8G8B8) => raw,
        _ => from_argb(to, to_argb(from, raw)),
    }
}

#[inline(always)]
const fn grow5(v: u32) -> u32 {
    let v = v & 0x1f;
    v << 3 | v >> 2
}

/// a · b / 255, rounded: the product of two 8-bit fractions everywhere in SPICE's drawing.
#[inline(always)]
pub(crate) const fn mul_un8(a: u32, b: u32) -> u32 {
    let t = a * b + 128;
    (t + (t >> 8)) >> 8
}

/// Every channel times `m` / 255.
#[inline(always)]
pub(crate) const fn scale_argb(p: u32, m: u32) -> u32 {
    mul_un8(p >> 24, m) << 24
        | mul_un8(p >> 16 & 0xff, m) << 16
        | mul_un8(p >> 8 & 0xff, m) << 8
        | mul_un8(p & 0xff, m)
}

/// Per channel min(255, a + b).
#[inline(always)]
pub(crate) const fn add_argb(a: u32, b: u32) -> u32 {
    const fn channel(a: u32, b: u32, shift: u32) -> u32 {
        let sum = (a >> shift & 0xff) + (b >> shift & 0xff);
        (if sum > 255 { 255 } else { sum }) << shift
    }
    channel(a, b, 24) | channel(a, b, 16) | channel(a, b, 8) | channel(a, b, 0)
}

/// Premultiplied `s` over `d`.
#[inline(always)]
pub(crate) const fn over_argb(s: u32, d: u32) -> u32 {
    add_argb(s, scale_argb(d, 255 - (s >> 24)))
}

/// How a source pixel (0xAARRGGBB) meets the target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blend {
    /// Fraction of the source, in 255ths.
    pub(crate) alpha: u32,
    /// The source is opaque and of the target's x8r8g8b8: pixels are copied, x byte and all.
    pub(crate) copy_raw: bool,
}

impl Blend {
    /// The new raw pixel of a target.
    #[inline(always)]
    pub(crate) fn pixel(self, format: SurfaceFormat, s: u32, d: u32) -> u32 {
        if self.copy_raw {
            return s;
        }
        let s = if self.alpha == 255 { s } else { scale_argb(s, self.alpha) };
        match format {
            // The x byte is blended as if it were alpha.
            SurfaceFormat::X8R8G8B8 => over_argb(s, d),
            _ => from_argb(format, over_argb(s, to_argb(format, d))),
        }
    }
}

/// The bits of a raw pixel that are compared, and the value that they have where the target shows through.
pub(crate) fn color_key(format: SurfaceFormat, true_color: u32) -> (u32, u32) {
    match format {
        SurfaceFormat::X8R8G8B8 | SurfaceFormat::A8R8G8B8 => (0x00ff_ffff, true_color & 0x00ff_ffff),
        SurfaceFormat::X1R5G5B5 | SurfaceFormat::R5G6B5 => (0xffff, from_argb(format, true_color)),
        SurfaceFormat::A8 => (0xff, 0),
        SurfaceFormat::A1 => (1, 0),
    }
}

/// A raw pixel repeated over a word.
pub(crate) fn splat(format: SurfaceFormat, color: u32) -> u32 {
    match format.bits_per_pixel() {
        32 => color,
        16 => (color & 0xffff) * 0x0001_0001,
        8 => (color & 0xff) * 0x0101_0101,
        _ => (color & 1).wrapping_neg(),
    }
}

/// The raw pixel in column `x` of a row given as words.
#[inline(always)]
pub(crate) fn raw_pixel(format: SurfaceFormat, row: &[u32], x: usize) -> u32 {
    match format.bits_per_pixel() {
        32 => row[x],
        16 => u32::from(bytemuck::cast_slice::<u32, u16>(row)[x]),
        8 => u32::from(bytemuck::cast_slice::<u32, u8>(row)[x]),
        _ => u32::from(bytemuck::cast_slice::<u32, u8>(row)[x / 8]) >> (x % 8) & 1,
    }
}

/// Stores the low bits of `raw` as the pixel in column `x` of a row given as words.
#[inline(always)]
pub(crate) fn set_raw_pixel(format: SurfaceFormat, row: &mut [u32], x: usize, raw: u32) {
    match format.bits_per_pixel() {
        32 => row[x] = raw,
        16 => bytemuck::cast_slice_mut::<u32, u16>(row)[x] = raw as u16,
        8 => bytemuck::cast_slice_mut::<u32, u8>(row)[x] = raw as u8,
        _ => {
            let byte = &mut bytemuck::cast_slice_mut::<u32, u8>(row)[x / 8];
            *byte = *byte & !(1 << (x % 8)) | ((raw & 1) as u8) << (x % 8);
        }
    }
}

impl SurfaceRef<'_> {
    /// The raw pixel at (x, y), or `None` outside the picture. Slow; for setting up and for tests.
    pub fn pixel(&self, x: i32, y: i32) -> Option<u32> {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        (x < self.width() && y < self.height()).then(|| raw_pixel(self.format(), self.row(y), x as usize))
    }
}

impl SurfaceMut<'_> {
    /// Stores a raw pixel; pixels outside the band are left alone. Slow; for odd jobs and for tests.
    pub fn set_pixel(&mut self, x: i32, y: i32, raw: u32) {
        if self.bounds().contains_point(crate::geom::Point::new(x, y)) {
            let format = self.format();
            set_raw_pixel(format, self.row(y as u32), x as usize, raw);
        }
    }

    /// The raw pixel at (x, y), or `None` outside the band. Slow; for odd jobs and for tests.
    pub fn pixel(&mut self, x: i32, y: i32) -> Option<u32> {
        let inside = self.bounds().contains_point(crate::geom::Point::new(x, y));
        let format = self.format();
        inside.then(|| raw_pixel(format, self.row(y as u32), x as usize))
    }

    /// The bytes of columns `left..right` of row `y`; of formats with whole bytes per pixel.
    #[inline(always)]
    pub(crate) fn bytes(&mut self, y: i32, left: i32, right: i32) -> &mut [u8] {
        let size = self.format().bits_per_pixel() as usize / 8;
        &mut self.bytes_of_row(y as u32)[left as usize * size..right as usize * size]
    }
}

impl<'a> SurfaceRef<'a> {
    /// The bytes of columns `left..right` of row `y`; of formats with whole bytes per pixel.
    #[inline(always)]
    pub(crate) fn bytes(&self, y: i32, left: i32, right: i32) -> &'a [u8] {
        let size = self.format().bits_per_pixel() as usize / 8;
        &self.bytes_of_row(y as u32)[left as usize * size..right as usize * size]
    }
}
