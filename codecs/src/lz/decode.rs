//! LZ streams to pixels.

use fearless_simd::{Level, Simd};

use super::LzHeader;
use super::copy::{Bgr24, Bgr32, Single, Word16, length, merge_alpha, repeat, run};
use super::wide::{LARGEST, READ, SHORT, WRITE, Wide, long, short};
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
fn many<O: Wide, S: Simd>(simd: S, stream: &[u8], at: usize, out: &mut [u8], done: usize) -> (usize, usize) {
    if stream.len().max(out.len()) > LARGEST {
        return (at, done);
    }
    let (mut rest, mut done) = (&stream[at..], done as u32);
    while let Some(token) = rest.first_chunk::<READ>() {
        let place = done as usize;
        let c = u32::from(token[0]);
        if c < 32 {
            let Some(to) = out.get_mut(place..place + WRITE) else { break };
            O::run(simd, token, to.try_into().expect("as long"), c as usize + 1);
            rest = &rest[1 + (c as usize + 1) * O::CODED..];
            done += (c + 1) * O::BYTES as u32;
            continue;
        }
        // Whether a length is extended is hard to foresee: by a mask, since compilers make branches of conditions in loops.
        // Distances are far in one of three to thirty matches: a branch missed now and then costs less than that each
        // token waits for it.
        let extended = usize::from(c >= 7 << 5);
        let more = u32::from(token[1]) & (extended as u32).wrapping_neg();
        let near = (c & 31) << 8 | u32::from(token[1 + extended]);
        let (mut distance, mut coded) = (near + 1, 2 + extended);
        if near == 8191 {
            distance += u32::from(u16::from_be_bytes([token[2 + extended], token[3 + extended]]));
            coded += 2;
        }
        let size = ((c >> 5) + more + O::BIAS as u32) * O::BYTES as u32;
        let back = distance * O::BYTES as u32;
        // Beyond the end where it is before the first pixel.
        let from = done.wrapping_sub(back);
        if u64::from(from) + SHORT as u64 > out.len() as u64 || place + WRITE > out.len() {
            break;
        }
        if size as usize <= SHORT {
            short::<O, S>(simd, out, done, back, size);
        } else if more == 255 || !long::<O>(out, done, back, size) {
            break;
        }
        rest = &rest[coded..];
        done += size;
    }
    (stream.len() - rest.len(), done as usize)
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
