//! The five words before a QUIC image's bits.

use crate::{DecodeError, PixelFormat};

/// "QUIC" as a little-endian word.
pub(crate) const MAGIC: u32 = 0x4349_5551;
/// Most pixels of an image.
pub(super) const MAX_PIXELS: u64 = 512 * (1 << 20) - 1;

/// What a QUIC stream says about its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuicHeader {
    /// The pixel layout: [`PixelFormat::Gray`], `Rgb16`, `Rgb24`, `Rgb32` or `Rgba`.
    pub format: PixelFormat,
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
}

impl QuicHeader {
    /// Bytes that the header takes.
    pub const SIZE: usize = 20;

    /// Reads and checks the header at the start of `stream`: five little-endian words.
    pub fn parse(stream: &[u8]) -> Result<Self, DecodeError> {
        let head = stream.get(..Self::SIZE).ok_or(DecodeError::Truncated { offset: stream.len() })?;
        let word =
            |i: usize| u32::from_le_bytes([head[i * 4], head[i * 4 + 1], head[i * 4 + 2], head[i * 4 + 3]]);
        let field = |field, found: u32| Err(DecodeError::Field { field, found: u64::from(found) });
        if word(0) != MAGIC {
            return field("quic magic", word(0));
        }
        if word(1) != 0 {
            return field("quic version", word(1));
        }
        let format = match word(2) {
            1 => PixelFormat::Gray,
            2 => PixelFormat::Rgb16,
            3 => PixelFormat::Rgb24,
            4 => PixelFormat::Rgb32,
            5 => PixelFormat::Rgba,
            other => return field("quic type", other),
        };
        let (width, height) = (word(3), word(4));
        if width == 0 {
            return field("quic width", width);
        }
        if height == 0 || u64::from(width) * u64::from(height) > MAX_PIXELS {
            return field("quic height", height);
        }
        Ok(Self { format, width, height })
    }

    /// Bytes of the decoded picture, rows without padding.
    pub fn decoded_bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.format.bits_per_pixel() / 8)
    }

    /// The header's bytes; `None` for a layout that QUIC does not carry.
    pub(super) fn bytes(&self) -> Option<[u8; Self::SIZE]> {
        let kind = match self.format {
            PixelFormat::Gray => 1,
            PixelFormat::Rgb16 => 2,
            PixelFormat::Rgb24 => 3,
            PixelFormat::Rgb32 => 4,
            PixelFormat::Rgba => 5,
            _ => return None,
        };
        let mut out = [0; Self::SIZE];
        for (bytes, word) in out.as_chunks_mut().0.iter_mut().zip([MAGIC, 0, kind, self.width, self.height]) {
            *bytes = word.to_le_bytes();
        }
        Some(out)
    }
}
