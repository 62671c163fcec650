//! The 33 bytes before a GLZ image's tokens.

use crate::lz::{MAGIC, VERSION, format_of, type_of};
use crate::{DecodeError, PixelFormat};

/// What a GLZ stream says about its picture and its place in the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlzHeader {
    /// The coded layout: RGB16, RGB24, RGB32 or RGBA. Decoded pixels always take four bytes.
    pub format: PixelFormat,
    /// Whether the first coded row is the top row of the picture.
    pub top_down: bool,
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
    /// The image's number: 0, 1, 2, ... in the order of encoding, over all channels that share the dictionary.
    pub id: u64,
    /// `id - window_distance` is the oldest image that this and later images may refer to.
    pub window_distance: u32,
}

impl GlzHeader {
    /// Bytes that the header takes.
    pub const SIZE: usize = 33;

    /// Reads and checks the header at the start of `stream`. Protocol: `GLZ` image header, big endian.
    pub fn parse(stream: &[u8]) -> Result<Self, DecodeError> {
        let head: &[u8; Self::SIZE] = stream
            .get(..Self::SIZE)
            .and_then(|h| h.try_into().ok())
            .ok_or(DecodeError::Truncated { offset: stream.len() })?;
        let word = |i: usize| u32::from_be_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]);
        let field = |field, found: u32| Err(DecodeError::Field { field, found: u64::from(found) });
        if word(0) != MAGIC {
            return field("glz magic", word(0));
        }
        if word(4) != VERSION {
            return field("glz version", word(4));
        }
        let kind = head[8];
        let format = match format_of(u32::from(kind & 15)) {
            Some(f @ (PixelFormat::Rgb16 | PixelFormat::Rgb24 | PixelFormat::Rgb32 | PixelFormat::Rgba)) => f,
            _ => return field("glz type", u32::from(kind)),
        };
        let (width, height) = (word(9), word(13));
        if width == 0 || width > i32::MAX as u32 {
            return field("glz width", width);
        }
        // Offsets of pixels have 25 bits; a picture beyond them could not be in anybody's window.
        if height == 0 || u64::from(width) * u64::from(height) > i32::MAX as u64 / 4 {
            return field("glz height", height);
        }
        // The stride at byte 17 says nothing about the stream; clients do not look at it either.
        let id = u64::from(word(21)) << 32 | u64::from(word(25));
        let window_distance = word(29);
        if u64::from(window_distance) > id {
            return field("glz win_head_dist", window_distance);
        }
        Ok(Self { format, top_down: kind >> 4 != 0, width, height, id, window_distance })
    }

    /// Pixels of the picture.
    pub fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// The header's bytes.
    pub(super) fn bytes(&self) -> [u8; Self::SIZE] {
        let mut out = [0; Self::SIZE];
        let stride = self.format.bytes_per_row(self.width) as u32;
        out[0..4].copy_from_slice(&MAGIC.to_be_bytes());
        out[4..8].copy_from_slice(&VERSION.to_be_bytes());
        out[8] = type_of(self.format) as u8 | u8::from(self.top_down) << 4;
        out[9..13].copy_from_slice(&self.width.to_be_bytes());
        out[13..17].copy_from_slice(&self.height.to_be_bytes());
        out[17..21].copy_from_slice(&stride.to_be_bytes());
        out[21..29].copy_from_slice(&self.id.to_be_bytes());
        out[29..33].copy_from_slice(&self.window_distance.to_be_bytes());
        out
    }
}
