//! zlib-GLZ: a GLZ stream inside a zlib stream (RFC 1950), one for each image.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::{DecodeError, EncodeError};

/// The deflate level that servers use.
pub const ZLIB_LEVEL: u32 = 3;
/// Deflate's best ratio is 1032; a stream cannot say more than this many times its length.
const MOST_RATIO: u64 = 1040;

/// Wraps GLZ streams; its state is allocated once.
#[derive(Debug)]
pub struct ZlibEncoder {
    state: Compress,
    level: u32,
}

impl Default for ZlibEncoder {
    fn default() -> Self {
        Self::new(ZLIB_LEVEL)
    }
}

impl ZlibEncoder {
    /// Wraps at deflate level 0 to 9 (higher counts as 9); servers use [`ZLIB_LEVEL`].
    pub fn new(level: u32) -> Self {
        let level = level.min(9);
        Self { state: Compress::new(Compression::new(level), true), level }
    }

    /// The deflate level.
    pub fn level(&self) -> u32 {
        self.level
    }

    /// Appends `glz` as one zlib stream to `out` and returns its length. [`EncodeError::Bound`] if it would exceed
    /// `bound` bytes (servers pass `glz.len() - 1`: wrap only what shrinks); `out` is then as it was.
    pub fn wrap(&mut self, glz: &[u8], bound: usize, out: &mut Vec<u8>) -> Result<usize, EncodeError> {
        self.state.reset();
        let start = out.len();
        let error = EncodeError::Bound { bound };
        // Deflate never expands by more than this.
        let most = bound.min(glz.len() + glz.len() / 1000 + 64);
        out.resize(start + most, 0);
        let status = self.state.compress(glz, &mut out[start..], FlushCompress::Finish);
        let written = self.state.total_out() as usize;
        if matches!(status, Ok(Status::StreamEnd)) {
            out.truncate(start + written);
            return Ok(written);
        }
        out.truncate(start);
        Err(error)
    }
}

/// Unwraps GLZ streams; its state is allocated once.
#[derive(Debug)]
pub struct ZlibDecoder {
    state: Decompress,
}

impl Default for ZlibDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl ZlibDecoder {
    /// An unwrapper.
    pub fn new() -> Self {
        Self { state: Decompress::new(true) }
    }

    /// Inflates `data` into `out` (former content is lost): exactly `declared` bytes, the message's `glz_data_size`.
    /// Never more is allocated; [`DecodeError::TooLarge`] before allocating if `declared` exceeds `limit`. `out` is
    /// empty after an error: `data` is no zlib stream, or one of another length.
    pub fn unwrap(
        &mut self,
        data: &[u8],
        declared: usize,
        limit: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let needed = declared as u64;
        if needed > limit {
            out.clear();
            return Err(DecodeError::TooLarge { needed, limit });
        }
        if needed > data.len() as u64 * MOST_RATIO {
            out.clear();
            return Err(DecodeError::Truncated { offset: data.len() });
        }
        out.resize(declared, 0);
        self.state.reset(true);
        let result = self.state.decompress(data, out, FlushDecompress::Finish);
        let offset = self.state.total_in() as usize;
        let produced = self.state.total_out() as usize;
        let reason = match result {
            Ok(Status::StreamEnd) if produced < declared => "zlib stream is shorter than declared",
            Ok(Status::StreamEnd) if offset < data.len() => "bytes after the zlib stream",
            Ok(Status::StreamEnd) => return Ok(()),
            Ok(_) if produced == declared => "zlib stream is longer than declared",
            Ok(_) => {
                out.clear();
                return Err(DecodeError::Truncated { offset });
            }
            Err(_) => "no valid zlib stream",
        };
        out.clear();
        Err(DecodeError::Corrupt { offset, reason })
    }
}
