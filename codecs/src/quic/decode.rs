//! QUIC streams to pixels.

use super::bits::{BitReader, swap_words};
use super::header::QuicHeader;
use super::model::{Group, Model, Mono, Rgb};
use super::rows::store_colours;
use super::tables::RUN_BITS;
use crate::{DecodeError, PixelFormat};
use fearless_simd::Level;

/// Decodes QUIC images; keeps its buffers, so that later images allocate only what the output needs.
#[derive(Debug)]
pub struct QuicDecoder {
    level: Level,
    bytes: Vec<u8>,
    rgb: Rows<u32>,
    mono: Rows<u8>,
}

impl QuicDecoder {
    /// For the best instruction set that this processor has. The pixels do not depend on it.
    pub fn new() -> Self {
        Self::with_level(Level::new())
    }

    /// For the instruction set of `level` (AVX2 or the build's baseline).
    pub fn with_level(level: Level) -> Self {
        Self { level, bytes: Vec::new(), rgb: Rows::default(), mono: Rows::default() }
    }

    /// Decodes `stream` into `out`, whose former content and length do not matter (a buffer of the right length is
    /// reused without being cleared). Afterwards `out` holds [`QuicHeader::decoded_bytes`] bytes: rows without padding,
    /// top row first, in the header's layout; the x of RGB32 and the top bit of RGB16 are 0. Bytes behind the last
    /// pixel's code are ignored.
    ///
    /// At most `limit` bytes are allocated for the picture, checked before allocating. `out` is empty after an error:
    /// a bad header, [`DecodeError::TooLarge`], a stream that ends early, a run that is longer than its row.
    pub fn decode(
        &mut self,
        stream: &[u8],
        limit: u64,
        out: &mut Vec<u8>,
    ) -> Result<QuicHeader, DecodeError> {
        let result = self.decode_checked(stream, limit, out);
        if result.is_err() {
            out.clear();
        }
        result
    }

    fn decode_checked(
        &mut self,
        stream: &[u8],
        limit: u64,
        out: &mut Vec<u8>,
    ) -> Result<QuicHeader, DecodeError> {
        let header = QuicHeader::parse(stream)?;
        let needed = header.decoded_bytes();
        if needed > limit {
            return Err(DecodeError::TooLarge { needed, limit });
        }
        let data = &stream[QuicHeader::SIZE..];
        // The first pixel of every row takes a bit of each channel.
        if data.len() as u64 * 8 < u64::from(header.height) {
            return Err(DecodeError::Truncated { offset: stream.len() });
        }
        // No channel of a pixel takes more than 26 bits, no pixel has more than one run of up to 16 bits.
        let most = u64::from(header.width) * u64::from(header.height) * 16 + 64;
        let data = &data[..data.len().min(usize::try_from(most).unwrap_or(usize::MAX))];
        let words = data.len() / 4 * 4;
        self.bytes.clear();
        self.bytes.extend_from_slice(&data[..words]);
        swap_words(&mut self.bytes);
        self.bytes.extend_from_slice(&[0; BitReader::SPARE]);
        out.resize(needed as usize, 0);
        crate::simd::at_level!(self.level, _simd => self.decode_any(&header, words, out))?;
        Ok(header)
    }

    #[inline(always)]
    fn decode_any(&mut self, header: &QuicHeader, size: usize, out: &mut [u8]) -> Result<(), DecodeError> {
        let (format, width) = (header.format, header.width as usize);
        let mut bits = BitReader::new(&self.bytes);
        let rows = out.chunks_exact_mut(format.bytes_per_row(header.width)).enumerate();
        match format {
            PixelFormat::Gray => {
                let mut gray = Coder::<Mono>::new(&mut self.mono, width);
                for (y, row) in rows {
                    gray.row(y == 0, &mut bits)?;
                    row.copy_from_slice(gray.done());
                }
            }
            PixelFormat::Rgba => {
                let mut colours = Coder::<Rgb<8>>::new(&mut self.rgb, width);
                let mut alpha = Coder::<Mono>::new(&mut self.mono, width);
                for (y, row) in rows {
                    colours.row(y == 0, &mut bits)?;
                    alpha.row(y == 0, &mut bits)?;
                    let pixels = colours.done().iter().zip(alpha.done());
                    for (to, (&c, &a)) in row.as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
                        *to = (c | u32::from(a) << 24).to_le_bytes();
                    }
                }
            }
            PixelFormat::Rgb16 => {
                let mut colours = Coder::<Rgb<5>>::new(&mut self.rgb, width);
                for (y, row) in rows {
                    colours.row(y == 0, &mut bits)?;
                    store_colours(format, colours.done(), row);
                }
            }
            _ => {
                let mut colours = Coder::<Rgb<8>>::new(&mut self.rgb, width);
                for (y, row) in rows {
                    colours.row(y == 0, &mut bits)?;
                    store_colours(format, colours.done(), row);
                }
            }
        }
        if bits.taken() > size * 8 {
            return Err(DecodeError::Truncated { offset: QuicHeader::SIZE + size });
        }
        Ok(())
    }
}

impl Default for QuicDecoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Buffers of a group.
#[derive(Debug, Default)]
struct Rows<P> {
    row: Vec<P>,
    above: Vec<P>,
    /// The residual coded last in each column; one before them.
    last: Vec<P>,
}

/// Decodes a group's rows.
struct Coder<'a, G: Group> {
    rows: &'a mut Rows<G::Px>,
    model: Model,
    width: usize,
}

impl<'a, G: Group> Coder<'a, G> {
    fn new(rows: &'a mut Rows<G::Px>, width: usize) -> Self {
        for row in [&mut rows.row, &mut rows.above, &mut rows.last] {
            row.clear();
            row.resize(width + 1, G::Px::default());
        }
        Self { rows, model: Model::new::<G>(), width }
    }

    /// The row decoded last.
    fn done(&self) -> &[G::Px] {
        &self.rows.row[1..]
    }

    #[inline(always)]
    fn row(&mut self, first: bool, bits: &mut BitReader<'_>) -> Result<(), DecodeError> {
        let n = self.width;
        std::mem::swap(&mut self.rows.row, &mut self.rows.above);
        if first {
            self.rows.row[0] = G::Px::default();
        } else {
            self.rows.last[0] = self.rows.last[1];
            // Pixel 0 is predicted from the one above: the mean of that and of a copy of it to the left.
            self.rows.row[0] = self.rows.above[1];
        }
        let mut at = 0;
        while at < n {
            let (length, step) = self.model.segment(n - at);
            if first {
                self.segment::<true>(at, at + length, bits)?;
            } else {
                self.segment::<false>(at, at + length, bits)?;
            }
            self.model.segment_done(length, step);
            at += length;
        }
        Ok(())
    }

    /// Decodes pixels `i..end` of the row, which share a pace.
    #[inline(always)]
    fn segment<const FIRST: bool>(
        &mut self,
        mut i: usize,
        end: usize,
        bits: &mut BitReader<'_>,
    ) -> Result<(), DecodeError> {
        let model = &mut self.model;
        // Entry `i` of these is the pixel before pixel `i`.
        let row = &mut self.rows.row[..=end];
        let above = &self.rows.above[..=end];
        let last = &mut self.rows.last[..=end];
        let mut next = i + model.wait;
        let mut run_at = usize::MAX;
        while i < end {
            let stop = end.min(next + 1);
            let mut left = G::wide(row[i]);
            let mut context = G::wide(last[i]);
            let mut up_left = above[i];
            // Whether the two pixels before are equal, so that a run may begin.
            let mut pair = i > 2 && i != run_at && row[i] == row[i - 1];
            let mut run = false;
            let pixels = row[i + 1..=stop].iter_mut().zip(&above[i + 1..=stop]).zip(&mut last[i + 1..=stop]);
            for ((px, &up), last) in pixels {
                if !FIRST && pair && up == up_left {
                    run = true;
                    break;
                }
                up_left = up;
                let r = residual::<G>(model, context, bits)?;
                let v = unfold::<G>(r, if FIRST { left } else { mean(left, G::wide(up)) });
                *last = G::narrow(r);
                *px = G::narrow(v);
                pair = v == left && i >= 2;
                (context, left) = (r, v);
                i += 1;
            }
            if run {
                model.wait = next - i;
                run_at = i;
                let n = take_run(model, end - i, bits)?;
                row[i + 1..=i + n].fill(G::narrow(left));
                i += n;
                next = i + model.wait;
            } else if next < stop {
                model.update::<G>(last[i - 1], last[i]);
                next = i + model.draw();
            }
        }
        model.wait = next - end;
        Ok(())
    }
}

/// Per byte, the mean rounded down.
#[inline(always)]
fn mean(a: u32, b: u32) -> u32 {
    (a & b) + (((a ^ b) >> 1) & 0x7f7f_7f7f)
}

/// Per channel, the value of residual `r`.
#[inline(always)]
fn unfold<G: Group>(r: u32, prediction: u32) -> u32 {
    let odd = r & 0x0101_0101;
    let d = ((r >> 1) & 0x7f7f_7f7f) ^ (odd << G::BITS).wrapping_sub(odd);
    // Bytes are added without carries between them.
    (((prediction & 0x7f7f_7f7f) + (d & 0x7f7f_7f7f)) ^ ((prediction ^ d) & 0x8080_8080)) & G::MASK
}

/// Decodes one pixel's residuals.
#[inline(always)]
fn residual<G: Group>(model: &Model, context: u32, bits: &mut BitReader<'_>) -> Result<u32, DecodeError> {
    bits.refill()?;
    let mut all = 0;
    for c in 0..G::CHANNELS {
        if c == 2 && bits.ready() < 26 {
            bits.refill()?;
        }
        let family = G::FAMILY;
        let l = usize::from(model.channels[c].best[usize::from((context >> G::shift(c)) as u8)] & 7);
        let top = bits.peek();
        let zeros = top.leading_zeros();
        let v = if zeros < u32::from(family.prefix[l]) {
            let l = l as u32;
            bits.skip(zeros + 1 + l);
            // The one bit and the l behind it.
            let low = ((top << zeros) >> (63 - l)) as u32;
            low.wrapping_add(zeros.wrapping_sub(1) << l)
        } else {
            let (prefix, suffix) = (u32::from(family.prefix[l]), u32::from(family.suffix[l]));
            bits.skip(prefix + suffix);
            (u32::from(family.plain[l]) + ((top << prefix) >> (64 - suffix)) as u32) & ((1 << G::BITS) - 1)
        };
        all |= v << G::shift(c);
    }
    Ok(all)
}

/// Decodes a run's length, at most `most`.
#[inline(always)]
fn take_run(model: &mut Model, most: usize, bits: &mut BitReader<'_>) -> Result<usize, DecodeError> {
    bits.refill()?;
    let mut n = 0;
    loop {
        let piece = u32::from(RUN_BITS[model.run & 31]);
        let top = bits.peek();
        if top >> 63 == 0 {
            bits.skip(1 + piece);
            n += ((top << 1) >> (63 - piece) >> 1) as usize;
            break;
        }
        bits.skip(1);
        n += 1 << piece;
        model.run = (model.run + 1).min(31);
        if n > most {
            break;
        }
        if bits.ready() < 16 {
            bits.refill()?;
        }
    }
    if n > most {
        let offset = QuicHeader::SIZE + bits.taken() / 8;
        return Err(DecodeError::Corrupt { offset, reason: "run beyond the end of its row" });
    }
    model.run = model.run.saturating_sub(1);
    Ok(n)
}
