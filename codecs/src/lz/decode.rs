//! LZ streams to pixels.

use fearless_simd::{Level, Simd};

use super::LzHeader;
use super::copy::{Bgr24, Bgr32, Single, Word16, length, merge_alpha, repeat, repeat_long, run};
use super::wide::{MEDIUM, READ, SHORT, WRITE, Wide, blocks, short};
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
fn tokens<O: Wide>(stream: &[u8], at: usize, out: &mut [u8]) -> Result<usize, DecodeError> {
    tokens_at_level::<O>(Level::new(), stream, at, out)
}

fn tokens_at_level<O: Wide>(
    level: Level,
    stream: &[u8],
    mut at: usize,
    out: &mut [u8],
) -> Result<usize, DecodeError> {
    let mut done = 0; // bytes of `out`
    let shuffles = crate::simd::shuffles(level);
    while done < out.len() {
        if shuffles {
            (at, done) = crate::simd::at_level!(level, simd => many::<O, _>(simd, stream, at, out, done));
            if done == out.len() {
                break;
            }
        }
        (at, done) = one::<O>(stream, at, out, done)?;
    }
    Ok(at)
}

/// Decodes tokens as long as there is room and nothing is odd. `at` and `done` are where the next one is, and what it is
/// to write.
#[inline(always)]
fn many<O: Wide, S: Simd>(
    simd: S,
    stream: &[u8],
    mut at: usize,
    out: &mut [u8],
    mut done: usize,
) -> (usize, usize) {
    while let Some(token) = stream.get(at..).and_then(|s| s.first_chunk::<READ>()) {
        let Some(to) = out.get_mut(done..).and_then(|o| o.first_chunk_mut::<WRITE>()) else { break };
        let c = usize::from(token[0]);
        if c < 32 {
            O::run(simd, token, to, c + 1);
            at += 1 + (c + 1) * O::CODED;
            done += (c + 1) * O::BYTES;
            continue;
        }
        // Whether a length is extended and a distance far is hard to foresee: all that a token may hold is taken from one
        // word without branches.
        let word = u64::from_le_bytes(*token.first_chunk().expect("8 bytes"));
        // By masks, since compilers make branches of conditions in loops.
        let extended = usize::from(c >= 7 << 5);
        let more = (word >> 8) as usize & 255 & extended.wrapping_neg();
        let rest = (word >> (8 + 8 * extended)) as usize;
        let near = (c & 31) << 8 | rest & 255;
        let far = usize::from(near == 8191);
        let beyond = ((rest >> 8 & 255) << 8 | rest >> 16 & 255) & far.wrapping_neg();
        let size = ((c >> 5) + more + O::BIAS) * O::BYTES;
        let back = (near + 1 + beyond) * O::BYTES;
        if more == 255 || back > done {
            break;
        }
        if size <= SHORT {
            short(simd, out, done, back);
        } else if size <= MEDIUM && back >= SHORT && size + SHORT <= out.len() - done {
            blocks(out, done, back, size);
        } else if size <= out.len() - done {
            repeat_long::<O>(out, done, back, size);
        } else {
            break;
        }
        at += 2 + extended + 2 * far;
        done += size;
    }
    (at, done)
}

/// Decodes one token.
fn one<O: Wide>(
    stream: &[u8],
    mut at: usize,
    out: &mut [u8],
    done: usize,
) -> Result<(usize, usize), DecodeError> {
    let truncated = || DecodeError::Truncated { offset: stream.len() };
    let start = at;
    let corrupt = |reason| Err(DecodeError::Corrupt { offset: start, reason });
    let c = *stream.get(at).ok_or_else(truncated)? as usize;
    if c < 32 {
        let (next, size) = run::<O>(stream, start, &mut out[done..], c + 1)?;
        return Ok((next, done + size));
    }
    let (length, next) = length(stream, c, at + 1)?;
    at = next;
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
    if size > out.len() - done {
        return corrupt("match beyond the last pixel");
    }
    if back > done {
        return corrupt("match before the first pixel");
    }
    repeat::<O>(out, done, back, size);
    Ok((at, done + size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_seed;

    /// Tokens of any kind, half of which refer to what is there.
    fn wide_as_narrow<O: Wide>() {
        each_seed(400, |random| {
            let mut stream = Vec::new();
            let mut pixels = 0;
            let most = 1 << random.below(12);
            let odd = random.below(4) == 0;
            while pixels < most {
                if pixels == 0 || random.below(3) == 0 {
                    let count = 1 + random.below(32);
                    stream.push(count as u8 - 1);
                    stream.extend((0..count * O::CODED).map(|_| random.next() as u8));
                    pixels += count;
                    continue;
                }
                let scale = random.below(15);
                let reach = if odd && random.below(40) == 0 { pixels + 9 } else { pixels.min(1 << scale) };
                let distance = 1 + random.below(reach);
                let scale = 1 << random.below(10);
                let n = 1 + random.below(scale);
                let near = (distance - 1).min(8191);
                stream.push((n.min(7) as u8) << 5 | (near >> 8) as u8);
                if n >= 7 {
                    stream.extend(std::iter::repeat_n(255, (n - 7) / 255));
                    stream.push(((n - 7) % 255) as u8);
                }
                stream.push(near as u8);
                if near == 8191 {
                    stream.extend(((distance - 1 - near) as u16).to_be_bytes());
                }
                pixels += n + O::BIAS;
            }
            if odd {
                stream.truncate(1 + random.below(stream.len()));
                pixels -= random.below(pixels.min(50));
            }
            let decode = |level| {
                let mut out = vec![0xaa; pixels * O::BYTES];
                let end = tokens_at_level::<O>(level, &stream, 0, &mut out);
                end.map(|end| (end, out))
            };
            let narrow = decode(Level::baseline());
            assert!(odd || narrow.is_ok(), "{narrow:?}");
            assert_eq!(narrow, decode(Level::new()));
        });
    }

    #[test]
    fn wide_steps_decode_what_single_ones_do() {
        wide_as_narrow::<Bgr32>();
        wide_as_narrow::<Bgr24>();
        wide_as_narrow::<Word16>();
        wide_as_narrow::<Single>();
    }
}
