//! Images as a QXL device hands them over: bitmaps, QUIC streams, surfaces.

use super::{BitmapData, SurfaceId};
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// `QXLImage`: a picture that an operation reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The 64-bit id under which it is cached when [`Image::CACHE`] is set.
    pub id: u64,
    /// [`Image::CACHE`], [`Image::HIGH_BITS_SET`]; without meaning for [`ImageData::Surface`].
    pub flags: u8,
    /// Columns, as the image descriptor says.
    pub width: u32,
    /// Rows, as the image descriptor says.
    pub height: u32,
    /// The pixels.
    pub data: ImageData,
}

impl Image {
    /// `SPICE_IMAGE_FLAGS_CACHE_ME`: keep it under its id; a later image of that id means these pixels.
    pub const CACHE: u8 = 1;
    /// `SPICE_IMAGE_FLAGS_HIGH_BITS_SET`: the x byte of 32-bit pixels reads as 0xff.
    pub const HIGH_BITS_SET: u8 = 2;
}

/// Where an image's pixels come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageData {
    /// Raw pixels.
    Bitmap(Bitmap),
    /// A QUIC stream (`SPICE_IMAGE_TYPE_QUIC`); top row first.
    Quic(Bytes),
    /// The pixels of a surface at the moment of drawing.
    Surface(SurfaceId),
}

/// `SPICE_BITMAP_FMT_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BitmapFormat {
    /// 1 bit, palette, leftmost pixel in bit 0.
    Bit1Le = 1,
    /// 1 bit, palette, leftmost pixel in bit 7.
    Bit1Be = 2,
    /// 4 bits, palette, left pixel in the low nibble.
    Bit4Le = 3,
    /// 4 bits, palette, left pixel in the high nibble.
    Bit4Be = 4,
    /// 8 bits, palette.
    Bit8 = 5,
    /// x1r5g5b5, little endian.
    Bit16 = 6,
    /// B, G, R bytes.
    Bit24 = 7,
    /// B, G, R, x bytes.
    Bit32 = 8,
    /// B, G, R, A bytes, premultiplied.
    Rgba = 9,
    /// Alpha bytes.
    Alpha8 = 10,
}

impl BitmapFormat {
    /// Every format, in the order of its number.
    pub const ALL: [Self; 10] = [
        Self::Bit1Le,
        Self::Bit1Be,
        Self::Bit4Le,
        Self::Bit4Be,
        Self::Bit8,
        Self::Bit16,
        Self::Bit24,
        Self::Bit32,
        Self::Rgba,
        Self::Alpha8,
    ];

    /// The format of a protocol number (1 to 10).
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
    }

    /// Bits of one pixel: 1, 4, 8, 16, 24 or 32.
    pub const fn bits_per_pixel(self) -> u32 {
        match self {
            Self::Bit1Le | Self::Bit1Be => 1,
            Self::Bit4Le | Self::Bit4Be => 4,
            Self::Bit8 | Self::Alpha8 => 8,
            Self::Bit16 => 16,
            Self::Bit24 => 24,
            Self::Bit32 | Self::Rgba => 32,
        }
    }

    /// Whether its pixels are palette indices.
    pub const fn has_palette(self) -> bool {
        matches!(self, Self::Bit1Le | Self::Bit1Be | Self::Bit4Le | Self::Bit4Be | Self::Bit8)
    }

    /// Bytes that a row of `width` pixels takes without padding.
    pub const fn bytes_per_row(self, width: u32) -> u64 {
        (width as u64 * self.bits_per_pixel() as u64).div_ceil(8)
    }

    /// Its protocol name without the prefix, as in `32BIT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bit1Le => "1BIT_LE",
            Self::Bit1Be => "1BIT_BE",
            Self::Bit4Le => "4BIT_LE",
            Self::Bit4Be => "4BIT_BE",
            Self::Bit8 => "8BIT",
            Self::Bit16 => "16BIT",
            Self::Bit24 => "24BIT",
            Self::Bit32 => "32BIT",
            Self::Rgba => "RGBA",
            Self::Alpha8 => "8BIT_A",
        }
    }
}

/// `QXLPalette`: raw 32-bit colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    /// The id under which a client may cache it; 0 means none.
    pub unique: u64,
    /// The colours, 0xxxRRGGBB, taken as they are.
    pub entries: Vec<u32>,
}

/// `QXLBitmap`: raw pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    /// The pixel format.
    pub format: BitmapFormat,
    /// [`Bitmap::DIRECT`], [`Bitmap::UNSTABLE`], [`Bitmap::TOP_DOWN`].
    pub flags: u8,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from one row to the next.
    pub stride: u32,
    /// The palette of palette formats; masks have none.
    pub palette: Option<Arc<Palette>>,
    /// `stride * height` bytes, chunks joined.
    pub data: BitmapData,
    /// Sizes of the chunks that the guest's memory held, where there was more than one; they sum to `data.len()`.
    pub chunks: Vec<u32>,
}

impl Bitmap {
    /// `QXL_BITMAP_DIRECT`: the guest held the data in one piece.
    pub const DIRECT: u8 = 1;
    /// `QXL_BITMAP_UNSTABLE`: the guest may have changed the pixels after it queued the command.
    pub const UNSTABLE: u8 = 2;
    /// `QXL_BITMAP_TOP_DOWN`: the first row in memory is the top row.
    pub const TOP_DOWN: u8 = 4;

    /// Whether the first row in memory is the top row.
    pub const fn top_down(&self) -> bool {
        self.flags & Self::TOP_DOWN != 0
    }

    /// Whether the pixels can be read: sizes not zero, rows not longer than the stride, as much data as that
    /// takes, and a palette where `mask` is false and the format wants one. The server's parser refuses the same.
    pub fn check(&self, mask: bool) -> Result<(), BitmapError> {
        if self.width == 0 || self.height == 0 {
            return Err(BitmapError::Empty { width: self.width, height: self.height });
        }
        let row = self.format.bytes_per_row(self.width);
        if u64::from(self.stride) < row {
            return Err(BitmapError::Stride { stride: self.stride, row });
        }
        let needed = u64::from(self.stride) * u64::from(self.height);
        if needed > self.data.len() as u64 {
            return Err(BitmapError::Data { len: self.data.len() as u64, needed });
        }
        if !mask && self.format.has_palette() && self.palette.is_none() {
            return Err(BitmapError::NoPalette { format: self.format });
        }
        Ok(())
    }
}

/// Why a bitmap cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BitmapError {
    /// A size is zero.
    Empty {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The stride is shorter than a row.
    Stride {
        /// Bytes from row to row.
        stride: u32,
        /// Bytes that a row takes.
        row: u64,
    },
    /// There are fewer bytes than rows.
    Data {
        /// Bytes there.
        len: u64,
        /// Bytes that the rows take.
        needed: u64,
    },
    /// A palette format without a palette.
    NoPalette {
        /// The format.
        format: BitmapFormat,
    },
}

impl fmt::Display for BitmapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { width, height } => write!(f, "bitmap size is {width}x{height}"),
            Self::Stride { stride, row } => {
                write!(f, "bitmap stride is {stride} bytes but a row takes {row}")
            }
            Self::Data { len, needed } => write!(f, "bitmap has {len} bytes of data but takes {needed}"),
            Self::NoPalette { format } => write!(f, "{} bitmap has no palette", format.name()),
        }
    }
}

impl std::error::Error for BitmapError {}
