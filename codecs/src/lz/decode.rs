//! LZ streams to pixels.

use super::LzHeader;
use super::copy::{Bgr24, Bgr32, Output, Single, Word16, merge_alpha, repeat};
use crate::{DecodeError, PixelFormat};

/// Decodes LZ images; keeps a scratch plane so that RGBA pictures allocate nothing per call.
#[derive(Clone, Debug, Default)]
pub struct LzDecoder {
    alpha: Vec<u8>,
}

impl LzDecoder {
    /// A decoder that holds no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes `stream` into `out`, whose former content and length do not matter (a buffer of the right length is
    /// reused without being cleared). Afterwards `out` holds [`LzHeader::decoded_bytes`] bytes: packed rows in stream
    /// order, so the bottom row comes first unless [`LzHeader::top_down`]; layout as in the header, the x of RGB32 is
    /// 0, palette pictures are packed indices (see [`super::to_bgrx`]), XXXA is one alpha byte a pixel.
    ///
    /// At most `limit` bytes are allocated for the picture, checked before allocating (the scratch plane of RGBA pictures
    /// takes a quarter of that besides). `out` is empty after an error:
    /// a bad header, [`DecodeError::TooLarge`], a stream that ends early, refers to pixels before the first or beyond
    /// the last, or has bytes left over.
    pub fn decode(&mut self, stream: &[u8], limit: u64, out: &mut Vec<u8>) -> Result<LzHeader, DecodeError> {
        let result = self.decode_inner(stream, limit, out);
        if result.is_err() {
            out.clear();
        }
        result
    }

    fn decode_inner(
        &mut self,
        stream: &[u8],
        limit: u64,
        out: &mut Vec<u8>,
    ) -> Result<LzHeader, DecodeError> {
        let header = LzHeader::parse(stream)?;
        let pixels = header.coded_pixels();
        let needed = header.decoded_bytes() as u64;
        if needed > limit {
            return Err(DecodeError::TooLarge { needed, limit });
        }
        // A byte of a stream stands for at most 255 pixels of a length extension (the first bytes of a token are worth
        // fewer), so a short stream cannot make us allocate a large picture.
        let most = (stream.len() - LzHeader::SIZE) as u64 * 255;
        if pixels as u64 > most {
            return Err(DecodeError::Truncated { offset: stream.len() });
        }
        out.resize(header.decoded_bytes(), 0);
        let at = LzHeader::SIZE;
        let end = match header.format {
            PixelFormat::Rgb32 => tokens::<Bgr32>(stream, at, out)?,
            PixelFormat::Rgb24 => tokens::<Bgr24>(stream, at, out)?,
            PixelFormat::Rgb16 => tokens::<Word16>(stream, at, out)?,
            PixelFormat::Rgba => {
                let at = tokens::<Bgr32>(stream, at, out)?;
                self.alpha.resize(pixels, 0);
                let end = tokens::<Single>(stream, at, &mut self.alpha)?;
                merge_alpha(out, &self.alpha);
                end
            }
            _ => tokens::<Single>(stream, at, out)?,
        };
        if end != stream.len() {
            return Err(DecodeError::Corrupt { offset: end, reason: "bytes after the last pixel" });
        }
        Ok(header)
    }
}

/// Fills `out` from the tokens at byte `at` of `stream`; returns where the next byte is.
fn tokens<O: Output>(stream: &[u8], mut at: usize, out: &mut [u8]) -> Result<usize, DecodeError> {
    let total = out.len();
    let mut done = 0; // bytes of `out`
    let truncated = || DecodeError::Truncated { offset: stream.len() };
    while done < total {
        let c = *stream.get(at).ok_or_else(truncated)? as usize;
        at += 1;
        if c < 32 {
            let size = (c + 1) * O::BYTES;
            if size > total - done {
                return Err(DecodeError::Corrupt {
                    offset: at - 1,
                    reason: "literals beyond the last pixel",
                });
            }
            let literals = stream.get(at..at + (c + 1) * O::CODED).ok_or_else(truncated)?;
            O::literals(stream, at, literals, &mut out[done..], c + 1);
            at += literals.len();
            done += size;
            continue;
        }
        let start = at - 1;
        let mut length = c >> 5;
        if length == 7 {
            loop {
                let more = *stream.get(at).ok_or_else(truncated)? as usize;
                at += 1;
                length += more;
                if more != 255 {
                    break;
                }
            }
        }
        let low = *stream.get(at).ok_or_else(truncated)? as usize;
        at += 1;
        let mut distance = ((c & 31) << 8 | low) + 1;
        if distance == 8192 {
            let far = stream.get(at..at + 2).ok_or_else(truncated)?;
            distance += usize::from(u16::from_be_bytes([far[0], far[1]]));
            at += 2;
        }
        let size = (length + O::BIAS).saturating_mul(O::BYTES);
        let back = distance * O::BYTES;
        if size > total - done {
            return Err(DecodeError::Corrupt { offset: start, reason: "match beyond the last pixel" });
        }
        if back > done {
            return Err(DecodeError::Corrupt { offset: start, reason: "match before the first pixel" });
        }
        repeat::<O>(out, done, back, size);
        done += size;
    }
    Ok(at)
}
