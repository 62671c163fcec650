//! Pixels to QUIC streams.
//!
//! What a pixel's residual is depends on pixels alone, not on the coding, so a row's residuals and the places where a
//! run may begin are computed first, for whole vectors; the loop that is left only looks codes up and packs them.

use super::bits::{BitWriter, swap_words};
use super::header::{MAX_PIXELS, QuicHeader};
use super::model::{Group, Model, Mono, Rgb};
use super::rows::{equal_neighbours, load_colours, residuals};
use super::tables::RUN_BITS;
use crate::{EncodeError, PixelFormat, Pixels};
use fearless_simd::{Level, Simd};

/// Encodes QUIC images; keeps its row buffers, so that later images allocate only what the output needs.
#[derive(Debug)]
pub struct QuicEncoder {
    level: Level,
    rgb: Rows<u32>,
    mono: Rows<u8>,
}

impl QuicEncoder {
    /// For the best instruction set that this processor has. The stream does not depend on it.
    pub fn new() -> Self {
        Self::with_level(Level::new())
    }

    /// For the instruction set of `level` (AVX2 or the build's baseline).
    pub fn with_level(level: Level) -> Self {
        Self { level, rgb: Rows::default(), mono: Rows::default() }
    }

    /// Appends the stream of `pixels` to `out`: the bytes that every QUIC encoder makes of this picture. The stream
    /// is always top row first. Returns its length. The x byte of RGB32 and the top bit of RGB16 are not coded.
    ///
    /// Errors: a layout other than grey, RGB16, RGB24, RGB32, RGBA; more than 2^29 - 1 pixels; a stream of more than
    /// `bound` bytes, noticed within a row of passing it. `out` is then as it was.
    pub fn encode(
        &mut self,
        pixels: &Pixels<'_>,
        bound: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, EncodeError> {
        let start = out.len();
        let result = crate::simd::at_level!(self.level, simd => self.encode_any(simd, pixels, bound, out));
        if result.is_err() {
            out.truncate(start);
        }
        result.map(|()| out.len() - start)
    }

    #[inline(always)]
    fn encode_any<S: Simd>(
        &mut self,
        simd: S,
        pixels: &Pixels<'_>,
        bound: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let format = pixels.format();
        let (width, height) = (pixels.width(), pixels.height());
        let header = QuicHeader { format, width, height };
        let Some(bytes) = header.bytes() else { return Err(EncodeError::Format { format, codec: "QUIC" }) };
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(EncodeError::TooLarge);
        }
        out.extend_from_slice(&bytes);
        let mut sink = Sink { start: out.len(), state: (0, 0, 0), bound, out };
        match format {
            PixelFormat::Gray => {
                let mut gray = Coder::<Mono>::new(&mut self.mono, width);
                for y in 0..height {
                    gray.row(simd, y == 0, &mut sink, |to| to.copy_from_slice(pixels.row_from_top(y)))?;
                }
            }
            PixelFormat::Rgb16 => {
                picture(Coder::<Rgb<5>>::new(&mut self.rgb, width), simd, pixels, &mut sink)?
            }
            PixelFormat::Rgba => {
                let mut colours = Coder::<Rgb<8>>::new(&mut self.rgb, width);
                let mut alpha = Coder::<Mono>::new(&mut self.mono, width);
                for y in 0..height {
                    let row = pixels.row_from_top(y);
                    colours.row(simd, y == 0, &mut sink, |to| load_colours(format, row, to))?;
                    alpha.row(simd, y == 0, &mut sink, |to| {
                        for (to, px) in to.iter_mut().zip(row.as_chunks::<4>().0) {
                            *to = px[3];
                        }
                    })?;
                }
            }
            _ => picture(Coder::<Rgb<8>>::new(&mut self.rgb, width), simd, pixels, &mut sink)?,
        }
        sink.finish()
    }
}

impl Default for QuicEncoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the bits go between two rows.
struct Sink<'a> {
    out: &'a mut Vec<u8>,
    /// Where the bits begin in `out`.
    start: usize,
    /// Of the [`BitWriter`].
    state: (usize, u64, u32),
    /// Most bytes of the stream, header included.
    bound: usize,
}

impl Sink<'_> {
    /// Ends the bit string: whole words and one more.
    fn finish(self) -> Result<(), EncodeError> {
        let (at, bits, count) = self.state;
        let words = (at * 8 + count as usize).div_ceil(32) + 1;
        if QuicHeader::SIZE + words * 4 > self.bound {
            return Err(EncodeError::Bound { bound: self.bound });
        }
        self.out.truncate(self.start + at);
        self.out.push((bits >> 56) as u8);
        self.out.resize(self.start + words * 4, 0);
        swap_words(&mut self.out[self.start..]);
        Ok(())
    }
}

/// Buffers of a group: rows have one pixel before them and are filled up to whole 64s.
#[derive(Debug, Default)]
struct Rows<P> {
    row: Vec<P>,
    above: Vec<P>,
    residuals: Vec<P>,
    /// The residual coded last in each column; one before them.
    last: Vec<P>,
    /// Where a pixel equals its left neighbour; and in the row above.
    equal: Vec<u64>,
    equal_above: Vec<u64>,
}

impl<P: Copy + Default> Rows<P> {
    /// As at the start of an image of `width` columns.
    fn start(&mut self, width: usize) {
        let words = width.div_ceil(64);
        for row in [&mut self.row, &mut self.above, &mut self.residuals, &mut self.last] {
            row.clear();
            row.resize(1 + words * 64, P::default());
        }
        for bits in [&mut self.equal, &mut self.equal_above] {
            bits.clear();
            bits.resize(words, 0);
        }
    }
}

/// Codes a group's rows.
struct Coder<'a, G: Group> {
    rows: &'a mut Rows<G::Px>,
    model: Model,
    width: usize,
}

/// All rows of a picture that is one group of colours.
#[inline(always)]
fn picture<G: Group<Px = u32>, S: Simd>(
    mut coder: Coder<'_, G>,
    simd: S,
    pixels: &Pixels<'_>,
    sink: &mut Sink<'_>,
) -> Result<(), EncodeError> {
    for y in 0..pixels.height() {
        coder.row(simd, y == 0, sink, |to| load_colours(pixels.format(), pixels.row_from_top(y), to))?;
    }
    Ok(())
}

impl<'a, G: Group> Coder<'a, G> {
    fn new(rows: &'a mut Rows<G::Px>, width: u32) -> Self {
        rows.start(width as usize);
        Self { rows, model: Model::new::<G>(), width: width as usize }
    }

    /// Codes the row that `load` writes.
    #[inline(always)]
    fn row<S: Simd>(
        &mut self,
        simd: S,
        first: bool,
        sink: &mut Sink<'_>,
        load: impl FnOnce(&mut [G::Px]),
    ) -> Result<(), EncodeError> {
        let n = self.width;
        let r = &mut *self.rows;
        std::mem::swap(&mut r.row, &mut r.above);
        std::mem::swap(&mut r.equal, &mut r.equal_above);
        load(&mut r.row[1..=n]);
        if first {
            residuals::<G, true>(&r.row[1..=n], &r.above[1..], &mut r.residuals[1..]);
        } else {
            residuals::<G, false>(&r.row[1..=n], &r.above[1..], &mut r.residuals[1..]);
            r.last[0] = r.last[1];
        }
        equal_neighbours::<G, S>(simd, &r.row, n, &mut r.equal);
        // A pixel takes at most 78 bits and the run before it at most 17 if it is empty; longer runs take less than a
        // pixel each, but for the first bits of a run of many pieces.
        let most = 16 * n + 256;
        let behind = sink.start + sink.state.0 + most;
        if sink.out.len() < behind {
            sink.out.resize(behind, 0);
        }
        let mut bits = BitWriter::resume(&mut sink.out[sink.start..], sink.state);
        let mut at = 0;
        while at < n {
            let (length, step) = self.model.segment(n - at);
            if first {
                self.segment::<true>(at, at + length, &mut bits);
            } else {
                self.segment::<false>(at, at + length, &mut bits);
            }
            self.model.segment_done(length, step);
            at += length;
        }
        sink.state = bits.pause();
        if QuicHeader::SIZE + sink.state.0 > sink.bound {
            Err(EncodeError::Bound { bound: sink.bound })
        } else {
            Ok(())
        }
    }

    /// Codes pixels `i..end` of the row, which share a pace.
    #[inline(always)]
    fn segment<const FIRST: bool>(&mut self, mut i: usize, end: usize, out: &mut BitWriter<'_>) {
        let model = &mut self.model;
        let mut next = i + model.wait;
        let mut run_at = usize::MAX;
        while i < end {
            let run = if FIRST {
                end
            } else {
                let from = if i == run_at { i + 1 } else { i };
                run_candidate(&self.rows.equal, &self.rows.equal_above, from.max(3), end)
            };
            while i < run {
                let stop = run.min(next + 1);
                span::<G>(model, &self.rows.residuals[1 + i..1 + stop], &mut self.rows.last[i..=stop], out);
                i = stop;
                if next < stop {
                    // Of the first pixel of a row the random number is drawn before the statistics are taken; they do
                    // not depend on each other.
                    model.update::<G>(self.rows.last[i - 1], self.rows.last[i]);
                    next = i + model.draw();
                }
            }
            if i == end {
                break;
            }
            let n = run_length(&self.rows.equal, i, end);
            put_run(model, n, out);
            model.wait = next - i;
            run_at = i;
            i += n;
            next = i + model.wait;
        }
        model.wait = next - end;
    }
}

/// The first pixel in `from..end` that may begin a run: its upper neighbour equals the one to the left, and the two
/// pixels to its left are equal. `end` if there is none.
#[inline(always)]
fn run_candidate(equal: &[u64], above: &[u64], from: usize, end: usize) -> usize {
    if from >= end {
        return end;
    }
    let mut k = from / 64;
    let mut keep = u64::MAX << (from % 64);
    let last = (end - 1) / 64;
    let mut carry = if k > 0 { equal[k - 1] >> 63 } else { 0 };
    loop {
        let found = (equal[k] << 1 | carry) & above[k] & keep;
        if found != 0 {
            return end.min(k * 64 + found.trailing_zeros() as usize);
        }
        if k == last {
            return end;
        }
        carry = equal[k] >> 63;
        keep = u64::MAX;
        k += 1;
    }
}

/// How many of the pixels `from..end` equal the pixel before `from`.
#[inline(always)]
fn run_length(equal: &[u64], from: usize, end: usize) -> usize {
    let mut k = from / 64;
    let mut other = !equal[k] >> (from % 64) << (from % 64);
    while other == 0 {
        k += 1;
        if k * 64 >= end {
            return end - from;
        }
        other = !equal[k];
    }
    end.min(k * 64 + other.trailing_zeros() as usize) - from
}

/// Codes pixels by their residuals; `last` begins with the one of the pixel before.
#[inline(always)]
fn span<G: Group>(model: &Model, residuals: &[G::Px], last: &mut [G::Px], out: &mut BitWriter<'_>) {
    let (context, last) = last.split_first_mut().expect("one more than residuals");
    let mut context = G::wide(*context);
    for (&px, last) in residuals.iter().zip(last) {
        *last = px;
        let px = G::wide(px);
        let code = |c: usize| {
            let byte = |v: u32| usize::from((v >> G::shift(c)) as u8);
            let best = usize::from(model.channels[c].best[byte(context)] & 7);
            let code = u32::from(G::FAMILY.codes[best][byte(px)]);
            (u64::from(code & 0xff), code >> 8)
        };
        if G::CHANNELS == 1 {
            let (code, length) = code(0);
            out.put(code, length);
        } else {
            let ((r, rn), (g, gn), (b, bn)) = (code(0), code(1), code(2));
            let length = rn + gn + bn;
            if length <= BitWriter::MOST {
                out.put((r << gn | g) << bn | b, length);
            } else {
                out.put(r << gn | g, rn + gn);
                out.put(b, bn);
            }
        }
        context = px;
    }
}

/// Codes a run of `n` pixels.
#[inline(always)]
fn put_run(model: &mut Model, mut n: usize, out: &mut BitWriter<'_>) {
    let mut ones = 0;
    loop {
        let bits = RUN_BITS[model.run & 31];
        if n >> bits == 0 {
            break;
        }
        n -= 1 << bits;
        ones += 1;
        model.run = (model.run + 1).min(31);
        if ones == 32 {
            out.put(0xffff_ffff, 32);
            ones = 0;
        }
    }
    let bits = u32::from(RUN_BITS[model.run & 31]);
    out.put(((1 << ones) - 1) << (bits + 1) | n as u64, ones + 1 + bits);
    model.run = model.run.saturating_sub(1);
}
