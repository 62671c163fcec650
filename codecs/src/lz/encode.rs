//! Pixels to LZ streams.

use super::fast;
use super::header::{LzHeader, MAX_BYTES};
use super::lazy::Lazy;
use super::narrow::{self, Narrow};
use super::optimal;
use super::reference;
use super::unit::{self, Colour, Index, PAD, Unit, Word};
use super::writer::Writer;
use crate::{EncodeError, PixelFormat, Pixels};

/// How hard an LZ or GLZ encoder looks for matches. Every level's streams are decoded by every decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Level {
    /// One probe a pixel.
    Fast,
    /// A few candidates a token, and a look at the next pixel before one is taken. No LZ stream is larger than at the fast
    /// level.
    #[default]
    Default,
    /// The smallest stream that this encoder finds: many candidates a pixel, the cheapest sequence of tokens by dynamic
    /// programming.
    Best,
    /// The very bytes of the reference encoder (spice-common `lz.c`, fed in one piece), slowly. For tests.
    /// A GLZ dictionary encodes as at [`Level::Fast`]; see [`crate::glz::ReferenceDictionary`].
    Reference,
}

/// Encodes LZ images; keeps its tables and buffers, so that a picture no larger than an earlier one allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct LzEncoder {
    pixels: Vec<u32>,
    buffer: Vec<u8>,
    spare: Vec<u8>,
    fast: fast::Table,
    narrow: narrow::Table,
    lazy: Lazy,
    optimal: optimal::Parser<u32>,
    reference: Vec<u32>,
}

impl LzEncoder {
    /// An encoder that holds no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the LZ stream of `pixels` to `out` and returns its length in bytes. Rows are coded in memory order and
    /// the header says whether that is top-down. Not coded: the x of RGB32, bit 15 of RGB16 (except that literals of
    /// [`Level::Reference`] carry it), the colours of XXXA; the spare bits at row ends of palette pictures are.
    ///
    /// [`EncodeError::Bound`] as soon as the stream would exceed `bound` bytes (`usize::MAX`: no bound), and `out` is
    /// then as it was; [`EncodeError::Format`] for GRAY; [`EncodeError::TooLarge`] if `stride * height`
    /// exceeds 2^30 - 1 bytes.
    pub fn encode(
        &mut self,
        pixels: &Pixels<'_>,
        level: Level,
        bound: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, EncodeError> {
        let simd = fearless_simd::Level::new();
        if level != Level::Default {
            return self.encode_with(simd, pixels, level, bound, out);
        }
        // Where runs and boxes are all there is, the fast level finds more: whichever is smaller.
        let mut spare = std::mem::take(&mut self.spare);
        spare.clear();
        let fast = self.encode_with(simd, pixels, Level::Fast, bound, &mut spare);
        let smaller = fast.as_ref().map_or(bound, |n| n - 1);
        let mut result = self.encode_with(simd, pixels, level, smaller, out);
        if fast.is_ok() && matches!(result, Err(EncodeError::Bound { .. })) {
            out.extend_from_slice(&spare);
            result = fast;
        }
        self.spare = spare;
        result
    }

    /// As [`LzEncoder::encode`], with given instructions.
    fn encode_with(
        &mut self,
        simd: fearless_simd::Level,
        pixels: &Pixels<'_>,
        level: Level,
        bound: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, EncodeError> {
        let format = pixels.format();
        if format == PixelFormat::Gray {
            return Err(EncodeError::Format { format, codec: "LZ" });
        }
        let bytes = format.bytes_per_row(pixels.width()) as u64 * u64::from(pixels.height());
        if bytes > MAX_BYTES || pixels.width() > i32::MAX as u32 || pixels.height() > i32::MAX as u32 {
            return Err(EncodeError::TooLarge);
        }
        let count = unit::count(pixels);
        let most = LzHeader::SIZE + 4 * count + count / 16 + 16;
        let mut writer = Writer::new(&mut self.buffer, bound, most);
        let header =
            LzHeader { format, width: pixels.width(), height: pixels.height(), top_down: pixels.top_down() };
        writer.bytes(&header.bytes())?;
        let mut passes = Passes {
            simd,
            level,
            count,
            row: count / pixels.height() as usize,
            pixels: &mut self.pixels,
            fast: &mut self.fast,
            narrow: &mut self.narrow,
            lazy: &mut self.lazy,
            optimal: &mut self.optimal,
            reference: &mut self.reference,
        };
        passes.run(&pixels.without_alpha(), &mut writer)?;
        if let Some(alpha) = pixels.alpha_only() {
            passes.run(&alpha, &mut writer)?;
        }
        let written = writer.written();
        out.extend_from_slice(written);
        Ok(written.len())
    }
}

struct Passes<'a> {
    simd: fearless_simd::Level,
    level: Level,
    /// Pixels of a pass, and of a row.
    count: usize,
    row: usize,
    /// Room for those of a pass: `u32`s, or bytes or words in their place.
    pixels: &'a mut Vec<u32>,
    fast: &'a mut fast::Table,
    narrow: &'a mut narrow::Table,
    lazy: &'a mut Lazy,
    optimal: &'a mut optimal::Parser<u32>,
    reference: &'a mut Vec<u32>,
}

/// Fills `pixels` with `count` pixels of any size, row by row, and `pad` zeros behind them: what is there has a say in which
/// matches are taken.
fn load<P: bytemuck::Pod>(
    pixels: &mut Vec<u32>,
    (count, row): (usize, usize),
    pad: usize,
    load_row: impl Fn(u32, &mut [P]),
) -> &mut [P] {
    let needed = ((count + pad) * size_of::<P>()).div_ceil(4);
    if pixels.len() < needed {
        pixels.resize(needed, 0);
    }
    let px = &mut bytemuck::cast_slice_mut(&mut pixels[..needed])[..count + pad];
    let (coded, behind) = px.split_at_mut(count);
    for (y, to) in coded.chunks_exact_mut(row).enumerate() {
        load_row(y as u32, to);
    }
    behind.fill(P::zeroed());
    px
}

impl Passes<'_> {
    /// Codes what there is of `plane`: colours, or single bytes or words.
    fn run(&mut self, plane: &Pixels<'_>, out: &mut Writer<'_>) -> Result<(), EncodeError> {
        match (plane.format(), self.level) {
            (PixelFormat::Rgb24 | PixelFormat::Rgb32 | PixelFormat::Rgba, Level::Fast) => {
                let px = load(self.pixels, (self.count, self.row), PAD, |y, to| unit::load_row(plane, y, to));
                crate::simd::at_level!(self.simd, simd => fast::pass(simd, px, self.row, self.fast, out))
            }
            (PixelFormat::Rgb16, Level::Fast) => self.narrow::<u16, false, false>(plane, out),
            (PixelFormat::Plt8, Level::Fast) => self.narrow::<u8, false, false>(plane, out),
            (PixelFormat::A8 | PixelFormat::Xxxa, Level::Fast) => self.narrow::<u8, true, true>(plane, out),
            (_, Level::Fast) => self.narrow::<u8, false, true>(plane, out),
            (PixelFormat::Rgb24 | PixelFormat::Rgb32 | PixelFormat::Rgba, _) => {
                self.slow::<Colour>(plane, out)
            }
            (PixelFormat::Rgb16, _) => self.slow::<Word>(plane, out),
            _ => self.slow::<Index>(plane, out),
        }
    }

    /// The fast level of bytes and words.
    fn narrow<P: Narrow, const RUNS: bool, const BACK: bool>(
        &mut self,
        plane: &Pixels<'_>,
        out: &mut Writer<'_>,
    ) -> Result<(), EncodeError> {
        let px =
            load(self.pixels, (self.count, self.row), P::PAD, |y, to: &mut [P]| P::load_row(plane, y, to));
        crate::simd::at_level!(self.simd, simd => narrow::pass::<P, RUNS, BACK, _>(simd, px, self.row, self.narrow, out))
    }

    /// The levels that look longer.
    fn slow<U: Unit>(&mut self, plane: &Pixels<'_>, out: &mut Writer<'_>) -> Result<(), EncodeError> {
        let px = load(self.pixels, (self.count, self.row), 0, |y, to| unit::load_row(plane, y, to));
        if plane.format() == PixelFormat::Rgb16 && self.level != Level::Reference {
            for p in px.iter_mut() {
                *p &= 0x7fff;
            }
        }
        match self.level {
            Level::Best => {
                self.optimal.pass::<U, _>(px, self.row, optimal::EFFORT, &mut optimal::LzSyntax, out)
            }
            Level::Reference => reference::pass::<U>(px, self.reference, out),
            _ => self.lazy.pass::<U, _>(px, self.row, U::BIAS + 1, &mut optimal::LzSyntax, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lz::LzDecoder;
    use crate::testing::each_seed;

    /// Pixels that leave no way of the fast parse out: noise, and in it what was there before, near and far, short and
    /// long; runs; rows like those above.
    fn picture(random: &mut crate::testing::Random, size: usize, count: usize, row: usize) -> Vec<u8> {
        let mut pixels: Vec<u32> = Vec::with_capacity(count + 300);
        // Few colours match by chance, many do not.
        let colours = 1 << (1 + random.below(20));
        while pixels.len() < count {
            let scale = 1 + random.below(8);
            let n = 1 + random.below(1 << scale);
            let reach = match random.below(5) {
                0 | 1 => 0,
                2 => 1 + random.below(3),
                3 => row,
                _ => 1 + random.below(100_000),
            };
            for _ in 0..n {
                let noise = (random.below(colours) as u32).wrapping_mul(0x0084_2511);
                let again = pixels.len().checked_sub(reach).filter(|_| reach > 0).map(|at| pixels[at]);
                pixels.push(again.unwrap_or(noise));
            }
        }
        pixels[..count].iter().flat_map(|p| p.to_le_bytes().into_iter().take(size)).collect()
    }

    #[test]
    fn fast_streams_are_the_same_at_every_simd_level_and_decode() {
        each_seed(120, |random| {
            let formats = [PixelFormat::Rgb32, PixelFormat::Rgb16, PixelFormat::Plt8, PixelFormat::Rgba];
            let format = formats[random.below(4)];
            let size = format.bits_per_pixel() as usize / 8;
            let width = 1 + random.below(400);
            let most = [300, 30][random.below(8).min(1)];
            let height = 1 + random.below(most);
            let data = picture(random, size, width * height, width);
            let pixels = Pixels::new(format, width as u32, height as u32, width * size, true, &data);
            let pixels = pixels.expect("pixels");
            let (mut encoders, mut streams) =
                ([LzEncoder::new(), LzEncoder::new()], [Vec::new(), Vec::new()]);
            // A second picture meets the table of the first.
            for _ in 0..2 {
                let levels = [fearless_simd::Level::new(), fearless_simd::Level::baseline()];
                for ((encoder, stream), simd) in encoders.iter_mut().zip(&mut streams).zip(levels) {
                    stream.clear();
                    encoder.encode_with(simd, &pixels, Level::Fast, usize::MAX, stream).expect("encode");
                }
                assert!(streams[0] == streams[1], "{format:?} {width}x{height}");
            }
            let mut out = Vec::new();
            LzDecoder::new().decode(&streams[0], 1 << 30, &mut out).expect("decode");
            let mask = match format {
                PixelFormat::Rgb32 => [255, 255, 255, 0],
                PixelFormat::Rgb16 => [255, 127, 255, 127],
                _ => [255; 4],
            };
            let seen = data.iter().enumerate().map(|(k, b)| b & mask[k % 4]);
            let decoded = out.iter().enumerate().map(|(k, b)| b & mask[k % 4]);
            assert!(seen.eq(decoded), "{format:?} {width}x{height}");
        });
    }
}
