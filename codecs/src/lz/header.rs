//! The 28 bytes before an LZ image's tokens.

use crate::{DecodeError, PixelFormat};

/// Largest `stride * height` that the format allows, in bytes.
pub(crate) const MAX_BYTES: u64 = (1 << 30) - 1;
pub(crate) const MAGIC: u32 = 0x2020_5a4c;
pub(crate) const VERSION: u32 = 0x0001_0001;

/// What an LZ stream says about its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LzHeader {
    /// The pixel layout: any but [`PixelFormat::Gray`].
    pub format: PixelFormat,
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
    /// Whether the first coded row is the top row of the picture.
    pub top_down: bool,
}

impl LzHeader {
    /// Bytes that the header takes.
    pub const SIZE: usize = 28;

    /// Reads and checks the header at the start of `stream`. Protocol: `LZ` image header, seven big-endian words.
    pub fn parse(stream: &[u8]) -> Result<Self, DecodeError> {
        let head = stream.get(..Self::SIZE).ok_or(DecodeError::Truncated { offset: stream.len() })?;
        let word =
            |i: usize| u32::from_be_bytes([head[i * 4], head[i * 4 + 1], head[i * 4 + 2], head[i * 4 + 3]]);
        let field = |field, found: u32| Err(DecodeError::Field { field, found: u64::from(found) });
        if word(0) != MAGIC {
            return field("lz magic", word(0));
        }
        if word(1) != VERSION {
            return field("lz version", word(1));
        }
        let Some(format) = format_of(word(2)) else { return field("lz type", word(2)) };
        let (width, height, stride, top_down) = (word(3), word(4), word(5), word(6));
        if width == 0 || width > i32::MAX as u32 {
            return field("lz width", width);
        }
        if height == 0 || height > i32::MAX as u32 {
            return field("lz height", height);
        }
        if u64::from(stride) != source_stride(format, width) {
            return field("lz stride", stride);
        }
        if u64::from(stride) * u64::from(height) > MAX_BYTES {
            return field("lz height", height);
        }
        // Clients take any value but 0 for true.
        Ok(Self { format, width, height, top_down: top_down != 0 })
    }

    /// Bytes of a decoded row: rows are packed without padding; [`PixelFormat::Xxxa`] gives one alpha byte a pixel.
    pub fn row_bytes(&self) -> usize {
        match self.format {
            PixelFormat::Xxxa => self.width as usize,
            f => f.bytes_per_row(self.width),
        }
    }

    /// Bytes of the decoded picture: `row_bytes * height`.
    pub fn decoded_bytes(&self) -> usize {
        self.row_bytes() * self.height as usize
    }

    /// Coded pixels: of palette pictures, bytes of packed indices.
    pub(crate) fn coded_pixels(&self) -> usize {
        match self.format {
            PixelFormat::Rgb16 | PixelFormat::Rgb24 | PixelFormat::Rgb32 | PixelFormat::Rgba => {
                self.width as usize * self.height as usize
            }
            _ => self.decoded_bytes(),
        }
    }

    /// The header's bytes.
    pub(crate) fn bytes(&self) -> [u8; Self::SIZE] {
        let stride = source_stride(self.format, self.width) as u32;
        let words =
            [MAGIC, VERSION, type_of(self.format), self.width, self.height, stride, u32::from(self.top_down)];
        let mut out = [0; Self::SIZE];
        for (chunk, word) in out.chunks_exact_mut(4).zip(words) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        out
    }
}

/// Bytes of a row as the header states them.
fn source_stride(format: PixelFormat, width: u32) -> u64 {
    (u64::from(width) * u64::from(format.bits_per_pixel())).div_ceil(8)
}

/// The layout of LZ and GLZ type number `n`.
pub(crate) fn format_of(n: u32) -> Option<PixelFormat> {
    Some(match n {
        1 => PixelFormat::Plt1Le,
        2 => PixelFormat::Plt1Be,
        3 => PixelFormat::Plt4Le,
        4 => PixelFormat::Plt4Be,
        5 => PixelFormat::Plt8,
        6 => PixelFormat::Rgb16,
        7 => PixelFormat::Rgb24,
        8 => PixelFormat::Rgb32,
        9 => PixelFormat::Rgba,
        10 => PixelFormat::Xxxa,
        11 => PixelFormat::A8,
        _ => return None,
    })
}

/// The LZ and GLZ type number of `format`; 0, which no stream has, for [`PixelFormat::Gray`].
pub(crate) fn type_of(format: PixelFormat) -> u32 {
    match format {
        PixelFormat::Gray => 0,
        PixelFormat::Plt1Le => 1,
        PixelFormat::Plt1Be => 2,
        PixelFormat::Plt4Le => 3,
        PixelFormat::Plt4Be => 4,
        PixelFormat::Plt8 => 5,
        PixelFormat::Rgb16 => 6,
        PixelFormat::Rgb24 => 7,
        PixelFormat::Rgb32 => 8,
        PixelFormat::Rgba => 9,
        PixelFormat::Xxxa => 10,
        PixelFormat::A8 => 11,
    }
}
