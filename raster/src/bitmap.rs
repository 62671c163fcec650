//! Bitmaps in the formats of the protocol, and what surfaces make of them (`SEMANTICS.md` 1 and 3).

use crate::geom::Rect;
use crate::pixel::{from_argb, to_argb};
use crate::surface::{Surface, SurfaceFormat, SurfaceRef, TooLarge};
use std::fmt;

/// The pixel formats of bitmaps (`SPICE_BITMAP_FMT_*`), by their numbers there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BitmapPixelFormat {
    /// 1-bit palette index, leftmost pixel in bit 0.
    OneBitLe = 1,
    /// 1-bit palette index, leftmost pixel in bit 7.
    OneBitBe = 2,
    /// 4-bit palette index, left pixel in the low half.
    FourBitLe = 3,
    /// 4-bit palette index, left pixel in the high half.
    FourBitBe = 4,
    /// 8-bit palette index.
    EightBit = 5,
    /// x1r5g5b5, little endian.
    SixteenBit = 6,
    /// Bytes B, G, R.
    TwentyFourBit = 7,
    /// Bytes B, G, R, x.
    ThirtyTwoBit = 8,
    /// Bytes B, G, R, A; premultiplied.
    Rgba = 9,
    /// 8-bit alpha.
    EightBitAlpha = 10,
}

impl BitmapPixelFormat {
    /// The format with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::OneBitLe,
            2 => Self::OneBitBe,
            3 => Self::FourBitLe,
            4 => Self::FourBitBe,
            5 => Self::EightBit,
            6 => Self::SixteenBit,
            7 => Self::TwentyFourBit,
            8 => Self::ThirtyTwoBit,
            9 => Self::Rgba,
            10 => Self::EightBitAlpha,
            _ => return None,
        })
    }

    /// Bits of one pixel.
    pub const fn bits_per_pixel(self) -> u32 {
        match self {
            Self::OneBitLe | Self::OneBitBe => 1,
            Self::FourBitLe | Self::FourBitBe => 4,
            Self::EightBit | Self::EightBitAlpha => 8,
            Self::SixteenBit => 16,
            Self::TwentyFourBit => 24,
            Self::ThirtyTwoBit | Self::Rgba => 32,
        }
    }

    /// Whether pixels are indices into a palette.
    pub const fn has_palette(self) -> bool {
        matches!(self, Self::OneBitLe | Self::OneBitBe | Self::FourBitLe | Self::FourBitBe | Self::EightBit)
    }

    /// Bytes that a row of `width` pixels takes, without padding.
    pub const fn row_bytes(self, width: u32) -> usize {
        (width as usize * self.bits_per_pixel() as usize).div_ceil(8)
    }

    /// The format that an image of this kind has when it is drawn on a surface of format `target`: the target's,
    /// but among 32-bit formats the one that says whether the image itself has alpha. All bits stay as they are
    /// on the way; the format matters to what reads alpha (`COMPOSITE`, `ALPHA_BLEND`).
    pub const fn image_format(self, target: SurfaceFormat) -> SurfaceFormat {
        match (target, self) {
            (SurfaceFormat::X8R8G8B8 | SurfaceFormat::A8R8G8B8, Self::Rgba) => SurfaceFormat::A8R8G8B8,
            (SurfaceFormat::X8R8G8B8 | SurfaceFormat::A8R8G8B8, _) => SurfaceFormat::X8R8G8B8,
            _ => target,
        }
    }

    /// The format that holds the image without loss, whatever the target; palette images have the target's.
    /// What `ALPHA_BLEND` reads.
    pub const fn own_format(self, target: SurfaceFormat) -> SurfaceFormat {
        match self {
            Self::SixteenBit => SurfaceFormat::X1R5G5B5,
            Self::TwentyFourBit | Self::ThirtyTwoBit => SurfaceFormat::X8R8G8B8,
            Self::Rgba => SurfaceFormat::A8R8G8B8,
            Self::EightBitAlpha => SurfaceFormat::A8,
            _ => target,
        }
    }

    /// Pixel `x` of a row as the number that stands there.
    #[inline(always)]
    fn pixel(self, row: &[u8], x: usize) -> u32 {
        let byte = |i: usize| u32::from(row[i]);
        match self {
            Self::OneBitLe => byte(x / 8) >> (x % 8) & 1,
            Self::OneBitBe => byte(x / 8) >> (7 - x % 8) & 1,
            Self::FourBitLe => byte(x / 2) >> (x % 2 * 4) & 15,
            Self::FourBitBe => byte(x / 2) >> (4 - x % 2 * 4) & 15,
            Self::EightBit | Self::EightBitAlpha => byte(x),
            Self::SixteenBit => byte(2 * x) | byte(2 * x + 1) << 8,
            Self::TwentyFourBit => byte(3 * x) | byte(3 * x + 1) << 8 | byte(3 * x + 2) << 16,
            Self::ThirtyTwoBit | Self::Rgba => {
                u32::from_le_bytes([row[4 * x], row[4 * x + 1], row[4 * x + 2], row[4 * x + 3]])
            }
        }
    }

    /// What a pixel, or a palette's entry, is as a raw pixel of `target`.
    #[inline(always)]
    fn convert(self, value: u32, target: SurfaceFormat) -> u32 {
        use SurfaceFormat as S;
        match (self, target) {
            (Self::Rgba, _) => from_argb(target, value),
            (Self::EightBitAlpha, _) => from_argb(target, value << 24),
            (Self::SixteenBit, S::X1R5G5B5) => value,
            (Self::SixteenBit, _) => from_argb(target, to_argb(S::X1R5G5B5, value)),
            (_, S::X8R8G8B8 | S::A8R8G8B8) => value,
            (Self::TwentyFourBit | Self::ThirtyTwoBit, _) => from_argb(target, value | 0xff00_0000),
            (_, S::X1R5G5B5) => value & 0xffff,
            (_, _) => from_argb(target, value | 0xff00_0000),
        }
    }
}

/// A bitmap as it comes from a guest or a file: checked against its size when it is made.
#[derive(Clone, Copy, Debug)]
pub struct BitmapRef<'a> {
    format: BitmapPixelFormat,
    width: u32,
    height: u32,
    stride: usize,
    top_down: bool,
    palette: &'a [u32],
    data: &'a [u8],
}

/// What is wrong with a bitmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BitmapError {
    /// The stride is less than a row of pixels.
    Stride {
        /// Bytes from row to row.
        stride: usize,
        /// Bytes of a row.
        row: usize,
    },
    /// The data end before the last row does.
    Data {
        /// Bytes that the rows take.
        needed: u64,
        /// Bytes there.
        found: usize,
    },
    /// The converted bitmap would take more memory than the caller allows.
    TooLarge(TooLarge),
}

impl fmt::Display for BitmapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stride { stride, row } => {
                write!(f, "bitmap stride is {stride} bytes, a row takes {row}")
            }
            Self::Data { needed, found } => {
                write!(f, "bitmap data is {found} bytes, its rows take {needed}")
            }
            Self::TooLarge(error) => write!(f, "converted bitmap: {error}"),
        }
    }
}

impl std::error::Error for BitmapError {}

impl From<TooLarge> for BitmapError {
    fn from(error: TooLarge) -> Self {
        Self::TooLarge(error)
    }
}

impl<'a> BitmapRef<'a> {
    /// A bitmap of `height` rows, `stride` bytes apart, in `data`: the top one first if `top_down`, else the
    /// bottom one. Palette entries are raw 32-bit pixels; indices beyond them count as 0.
    pub fn new(
        format: BitmapPixelFormat,
        width: u32,
        height: u32,
        stride: usize,
        top_down: bool,
        palette: &'a [u32],
        data: &'a [u8],
    ) -> Result<Self, BitmapError> {
        let row = format.row_bytes(width);
        if stride < row {
            return Err(BitmapError::Stride { stride, row });
        }
        // The last row need not be padded.
        let needed = match height {
            0 => 0,
            h => (stride as u64).saturating_mul(u64::from(h) - 1).saturating_add(row as u64),
        };
        if needed > data.len() as u64 {
            return Err(BitmapError::Data { needed, found: data.len() });
        }
        Ok(Self { format, width, height, stride, top_down, palette, data })
    }

    /// The pixel format.
    pub const fn format(&self) -> BitmapPixelFormat {
        self.format
    }

    /// Pixels in a row.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The whole bitmap as a rectangle at the origin.
    pub fn bounds(&self) -> Rect {
        Rect::of_size(self.width, self.height)
    }

    /// The bytes of picture row `y`, counted from the top.
    fn row(&self, y: u32) -> &'a [u8] {
        let y = if self.top_down { y } else { self.height - 1 - y };
        &self.data[y as usize * self.stride..][..self.format.row_bytes(self.width)]
    }

    /// The bitmap as a surface of any format, in rows from the top; see [`BitmapPixelFormat::image_format`] for
    /// which one. With `high_bits` (`SPICE_IMAGE_FLAGS_HIGH_BITS_SET`) the x bytes of an x8r8g8b8 result are
    /// 0xff. Refuses to allocate more than `limit` bytes.
    pub fn to_surface(
        &self,
        target: SurfaceFormat,
        high_bits: bool,
        limit: u64,
    ) -> Result<Surface, BitmapError> {
        let mut surface = Surface::new(target, self.width, self.height, limit)?;
        let high = if high_bits && target == SurfaceFormat::X8R8G8B8 { 0xff00_0000 } else { 0 };
        let mut table = [0; 256];
        for (i, entry) in table.iter_mut().enumerate().take(1 << self.format.bits_per_pixel().min(8)) {
            let value =
                if self.format.has_palette() { self.palette.get(i).copied().unwrap_or(0) } else { i as u32 };
            *entry = self.format.convert(value, target) | high;
        }
        let mut view = surface.view_mut();
        for y in 0..self.height {
            let to = view.row(y);
            let from = self.row(y);
            convert_row(self.format, target, from, to, self.width as usize, &table, high);
        }
        Ok(surface)
    }

    /// The bitmap as a mask, a 1-bit surface: a 1-bit bitmap's bits as they are; otherwise 1 for what is visible:
    /// alpha of a half or more, an index or a colour that is not 0. Refuses to allocate more than `limit` bytes.
    pub fn to_mask(&self, limit: u64) -> Result<Surface, BitmapError> {
        let mut surface = Surface::new(SurfaceFormat::A1, self.width, self.height, limit)?;
        let visible = |value: u32| match self.format {
            BitmapPixelFormat::EightBitAlpha => value >= 0x80,
            BitmapPixelFormat::Rgba => value >= 0x8000_0000,
            BitmapPixelFormat::SixteenBit => value & 0x7fff != 0,
            BitmapPixelFormat::ThirtyTwoBit => value & 0x00ff_ffff != 0,
            _ => value != 0,
        };
        let mut view = surface.view_mut();
        for y in 0..self.height {
            let from = self.row(y);
            let to = view.bytes_of_row(y);
            match self.format {
                BitmapPixelFormat::OneBitLe => to[..from.len()].copy_from_slice(from),
                BitmapPixelFormat::OneBitBe => {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = from.reverse_bits());
                }
                format => (0..self.width as usize)
                    .filter(|&x| visible(format.pixel(from, x)))
                    .for_each(|x| to[x / 8] |= 1 << (x % 8)),
            }
        }
        Ok(surface)
    }

    /// The bitmap itself as a picture, without a copy, if its memory is laid out as a surface's: 32-bit pixels
    /// (x8r8g8b8 or a8r8g8b8 by its format), 16-bit ones (x1r5g5b5), 8-bit alpha or 1-bit LE (as a mask's bits),
    /// aligned to words, on a little-endian machine. `None` otherwise.
    pub fn as_surface_ref(&self) -> Option<SurfaceRef<'a>> {
        let format = match self.format {
            BitmapPixelFormat::ThirtyTwoBit => SurfaceFormat::X8R8G8B8,
            BitmapPixelFormat::Rgba => SurfaceFormat::A8R8G8B8,
            BitmapPixelFormat::SixteenBit => SurfaceFormat::X1R5G5B5,
            BitmapPixelFormat::EightBitAlpha => SurfaceFormat::A8,
            BitmapPixelFormat::OneBitLe => SurfaceFormat::A1,
            _ => return None,
        };
        if cfg!(target_endian = "big") || !self.stride.is_multiple_of(4) {
            return None;
        }
        let words = bytemuck::try_cast_slice(&self.data[..self.data.len() / 4 * 4]).ok()?;
        SurfaceRef::new(format, self.width, self.height, self.stride / 4, !self.top_down, words)
    }
}

/// Converts a row of `width` pixels; `table` holds the results for all values of formats of up to 8 bits.
fn convert_row(
    format: BitmapPixelFormat,
    target: SurfaceFormat,
    from: &[u8],
    to: &mut [u32],
    width: usize,
    table: &[u32; 256],
    high: u32,
) {
    if format.bits_per_pixel() <= 8 {
        return store_row(target, to, width, |x| table[(format.pixel(from, x) & 0xff) as usize]);
    }
    macro_rules! each {
        ($($name:ident),*) => {
            match format {
                $(BitmapPixelFormat::$name => store_row(target, to, width, |x| {
                    BitmapPixelFormat::$name.convert(BitmapPixelFormat::$name.pixel(from, x), target) | high
                }),)*
                _ => unreachable!("formats of up to 8 bits are done"),
            }
        };
    }
    each!(SixteenBit, TwentyFourBit, ThirtyTwoBit, Rgba);
}

/// Stores raw pixels into a row of a format.
#[inline(always)]
fn store_row(format: SurfaceFormat, to: &mut [u32], width: usize, pixel: impl Fn(usize) -> u32) {
    match format.bits_per_pixel() {
        32 => to[..width].iter_mut().enumerate().for_each(|(x, p)| *p = pixel(x)),
        16 => bytemuck::cast_slice_mut::<u32, u16>(to)[..width]
            .iter_mut()
            .enumerate()
            .for_each(|(x, p)| *p = pixel(x) as u16),
        8 => bytemuck::cast_slice_mut::<u32, u8>(to)[..width]
            .iter_mut()
            .enumerate()
            .for_each(|(x, p)| *p = pixel(x) as u8),
        _ => (0..width).for_each(|x| crate::pixel::set_raw_pixel(format, to, x, pixel(x))),
    }
}
