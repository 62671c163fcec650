//! LZ4 in SPICE's framing: two bytes, then blocks with their sizes.

use crate::{DecodeError, EncodeError, PixelFormat, Pixels};
use lz4_flex::block::get_maximum_output_size;
use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into, decompress_into_with_dict};

/// What an LZ4 stream says about its picture; the size is only in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lz4Header {
    /// The pixel layout: `Rgb16`, `Rgb24`, `Rgb32`, `Rgba` or `A8`.
    pub format: PixelFormat,
    /// Whether the first coded row is the top row of the picture.
    pub top_down: bool,
}

impl Lz4Header {
    /// Bytes that the header takes.
    pub const SIZE: usize = 2;

    /// Reads and checks the header at the start of `stream`: row order, then the bitmap format's number.
    pub fn parse(stream: &[u8]) -> Result<Self, DecodeError> {
        let &[top_down, format, ..] = stream else {
            return Err(DecodeError::Truncated { offset: stream.len() });
        };
        if top_down > 1 {
            return Err(DecodeError::Field { field: "lz4 top_down", found: u64::from(top_down) });
        }
        let format = match format {
            6 => PixelFormat::Rgb16,
            7 => PixelFormat::Rgb24,
            8 => PixelFormat::Rgb32,
            9 => PixelFormat::Rgba,
            // libspice-server sends it although spice-gtk stops at it.
            10 => PixelFormat::A8,
            _ => return Err(DecodeError::Field { field: "lz4 format", found: u64::from(format) }),
        };
        Ok(Self { format, top_down: top_down == 1 })
    }
}

/// The bytes of a block before it is coded, about: small enough that a bound on the output stops early, and large
/// enough that blocks which do not refer to the one before cost nothing that can be measured (64 KiB of 1 MiB).
const BLOCK: usize = 1 << 20;

/// Encodes LZ4 images; keeps its tables and buffers.
#[derive(Default)]
pub struct Lz4Encoder {
    rows: Vec<u8>,
    table: CompressTable,
}

impl std::fmt::Debug for Lz4Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lz4Encoder").finish_non_exhaustive()
    }
}

impl Lz4Encoder {
    /// An encoder that holds little memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the stream of `pixels` to `out` and returns its length. Rows are coded in memory order without their
    /// padding; the x byte of RGB32 and the top bit of RGB16 are carried as they are.
    ///
    /// Errors: a layout other than RGB16, RGB24, RGB32, RGBA; a stream of more than `bound` bytes, noticed within a
    /// mebibyte of pixels. `out` is then as it was.
    pub fn encode(
        &mut self,
        pixels: &Pixels<'_>,
        bound: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, EncodeError> {
        let start = out.len();
        let result = self.blocks(pixels, bound, out);
        if result.is_err() {
            out.truncate(start);
        }
        result.map(|()| out.len() - start)
    }

    fn blocks(&mut self, pixels: &Pixels<'_>, bound: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let format = pixels.format();
        let number = match format {
            PixelFormat::Rgb16 => 6,
            PixelFormat::Rgb24 => 7,
            PixelFormat::Rgb32 => 8,
            PixelFormat::Rgba => 9,
            _ => return Err(EncodeError::Format { format, codec: "LZ4" }),
        };
        let start = out.len();
        out.extend_from_slice(&[u8::from(pixels.top_down()), number]);
        let row_bytes = format.bytes_per_row(pixels.width());
        let rows = (BLOCK / row_bytes).max(1) as u32;
        let mut y = 0;
        while y < pixels.height() {
            let end = pixels.height().min(y.saturating_add(rows));
            let data = match pixels.rows_without_padding(y, end) {
                Some(data) => data,
                None => {
                    self.rows.clear();
                    (y..end).for_each(|y| self.rows.extend_from_slice(pixels.row(y)));
                    &self.rows
                }
            };
            // A single row of more than 4 GiB does not exist: widths are below 2^32, and such a row would not fit the
            // size field; the compressor's own limit is about 2 GiB.
            if data.len() > 0x7e00_0000 {
                return Err(EncodeError::TooLarge);
            }
            let at = out.len();
            out.resize(at + 4 + get_maximum_output_size(data.len()), 0);
            let size = compress_into_with_table(data, &mut out[at + 4..], &mut self.table)
                .map_err(|_| EncodeError::TooLarge)?;
            out.truncate(at + 4 + size);
            out[at..at + 4].copy_from_slice(&(size as u32).to_be_bytes());
            if out.len() - start > bound {
                return Err(EncodeError::Bound { bound });
            }
            y = end;
        }
        Ok(())
    }
}

/// Decodes the `width` x `height` picture of `stream` into `out`, whose former content does not matter. Afterwards
/// `out` holds the rows without padding in stream order, so the bottom row comes first unless [`Lz4Header::top_down`];
/// the layout is the header's and all its bits are as they were coded.
///
/// At most `limit` bytes are allocated, checked before allocating. `out` is empty after an error: a bad header,
/// [`DecodeError::TooLarge`], a block that is cut off, refers to bytes before the first, is empty, or is longer than
/// the picture; blocks that end before the picture does.
pub fn decode(
    stream: &[u8],
    width: u32,
    height: u32,
    limit: u64,
    out: &mut Vec<u8>,
) -> Result<Lz4Header, DecodeError> {
    let result = decode_blocks(stream, width, height, limit, out);
    if result.is_err() {
        out.clear();
    }
    result
}

fn decode_blocks(
    stream: &[u8],
    width: u32,
    height: u32,
    limit: u64,
    out: &mut Vec<u8>,
) -> Result<Lz4Header, DecodeError> {
    let header = Lz4Header::parse(stream)?;
    let needed = u64::from(width) * u64::from(height) * u64::from(header.format.bits_per_pixel() / 8);
    if needed > limit {
        return Err(DecodeError::TooLarge { needed, limit });
    }
    // A byte of a block gives at most 255 bytes.
    if needed > stream.len() as u64 * 255 {
        return Err(DecodeError::Truncated { offset: stream.len() });
    }
    out.resize(needed as usize, 0);
    let (mut at, mut done) = (Lz4Header::SIZE, 0);
    while at < stream.len() {
        let truncated = DecodeError::Truncated { offset: stream.len() };
        let Some((size, rest)) = stream[at..].split_first_chunk() else { return Err(truncated) };
        let Some(block) = rest.get(..u32::from_be_bytes(*size) as usize) else { return Err(truncated) };
        let (before, to) = out.split_at_mut(done);
        // Without history to look at, the decoder is quicker.
        let length = if before.is_empty() {
            decompress_into(block, to)
        } else {
            decompress_into_with_dict(block, to, &before[before.len().saturating_sub(1 << 16)..])
        };
        match length {
            Ok(0) => return Err(DecodeError::Corrupt { offset: at, reason: "lz4 block of no pixels" }),
            Ok(n) => done += n,
            Err(_) => return Err(DecodeError::Corrupt { offset: at, reason: "no valid lz4 block" }),
        }
        at += 4 + block.len();
    }
    if done < out.len() {
        return Err(DecodeError::Truncated { offset: stream.len() });
    }
    Ok(header)
}
