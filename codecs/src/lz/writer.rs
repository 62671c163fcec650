//! The bytes that encoders write: a bounded buffer, literal runs, match tokens.

use std::hint::select_unpredictable as select;

use super::narrow::Narrow;
use super::unit::Unit;
use crate::EncodeError;

/// Bytes that the buffer has beyond its limit, so that stores may be wider than what they say.
const SLACK: usize = 160;

/// Bytes that a coded length of `n` takes beyond the control byte.
#[inline(always)]
pub(crate) fn extension(n: usize) -> usize {
    if n < 7 { 0 } else { 1 + (n - 7) / 255 }
}

/// Bytes of a GLZ match token without the extension of its length: control byte, offset, image distance.
#[inline(always)]
pub(crate) fn glz_token(images: u32, offset: u32) -> usize {
    if offset < 4096 {
        3 + match images {
            0..64 => 0,
            64..0x4000 => 1,
            0x4000..0x40_0000 => 2,
            _ => 3,
        }
    } else {
        let distance = match images {
            0 => 0,
            1..256 => 1,
            256..65536 => 2,
            _ => 3,
        };
        3 + distance + usize::from(offset >= 1 << 17)
    }
}

/// Coded lengths below this are extended by a byte at most.
const SHORT: usize = 7 + 255;

/// The bytes of an LZ match of coded length `n` below [`SHORT`], first byte lowest, and how many they are. Lengths and
/// distances of pictures are hard to foresee: no branches.
#[inline(always)]
fn lz_token(n: usize, distance: usize) -> (u64, usize) {
    let (n, d) = (n as u64, distance as u64 - 1);
    let (extended, far) = (n >= 7, d >= 8191);
    let beyond = (d.wrapping_sub(8191) as u16).swap_bytes();
    let high = select(far, 31, d >> 8);
    let tail = select(far, 255 | u64::from(beyond) << 8, d & 255);
    let more = select(extended, n.wrapping_sub(7) << 8, 0);
    let before = select(extended, 16, 8);
    let token = n.min(7) << 5 | high | more | tail << before;
    (token, 2 + usize::from(extended) + 2 * usize::from(far))
}

/// A stream being written. The buffer is the encoder's own, so it is zeroed once and reused.
pub(crate) struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
    limit: usize,
    bound: usize,
}

impl<'a> Writer<'a> {
    /// A writer of at most `bound` bytes into `buffer`, which grows to hold them; `most` is what no stream exceeds.
    pub(crate) fn new(buffer: &'a mut Vec<u8>, bound: usize, most: usize) -> Self {
        let limit = bound.min(most);
        if buffer.len() < limit + SLACK {
            buffer.resize(limit + SLACK, 0);
        }
        Self { buffer, at: 0, limit, bound }
    }

    /// What was written.
    pub(crate) fn written(&self) -> &[u8] {
        &self.buffer[..self.at]
    }

    /// Fails if `n` more bytes would exceed the limit.
    #[inline(always)]
    fn reserve(&self, n: usize) -> Result<(), EncodeError> {
        if self.at + n > self.limit { Err(EncodeError::Bound { bound: self.bound }) } else { Ok(()) }
    }

    /// Fails if the stream would exceed its bound with at least `more` bytes to come.
    #[inline(always)]
    pub(crate) fn check(&self, more: usize) -> Result<(), EncodeError> {
        self.reserve(more)
    }

    /// Writes `bytes`.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.reserve(bytes.len())?;
        self.buffer[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
        Ok(())
    }

    /// Writes pixels `range` of `px` as literal runs of up to 32.
    #[inline(always)]
    pub(crate) fn literals<U: Unit>(
        &mut self,
        px: &[u32],
        range: std::ops::Range<usize>,
    ) -> Result<(), EncodeError> {
        let count = range.len();
        if count == 0 {
            return Ok(());
        }
        self.reserve(count * U::LITERAL + count.div_ceil(32))?;
        let mut from = range.start;
        while from < range.end {
            let run = (range.end - from).min(32);
            let size = 1 + run * U::LITERAL;
            self.buffer[self.at] = run as u8 - 1;
            // Four pixels at a time, as far as there are any to read: what is too much is overwritten.
            let fours = run.div_ceil(4);
            if let Some(pixels) = px.get(from..from + fours * 4) {
                let to = &mut self.buffer[self.at + 1..self.at + 1 + fours * 4 * U::LITERAL];
                for (p, to) in pixels.as_chunks::<4>().0.iter().zip(to.chunks_exact_mut(4 * U::LITERAL)) {
                    U::four(p, to);
                }
            } else {
                let mut k = self.at + 1;
                for &p in &px[from..from + run] {
                    self.buffer[k..k + 4].copy_from_slice(&U::literal(p).to_le_bytes());
                    k += U::LITERAL;
                }
            }
            self.at += size;
            from += run;
        }
        Ok(())
    }

    /// As [`Writer::literals`], without a branch on how many they are where they are no more than eight.
    #[inline(always)]
    pub(crate) fn few_literals<U: Unit>(
        &mut self,
        px: &[u32],
        range: std::ops::Range<usize>,
    ) -> Result<(), EncodeError> {
        let count = range.len();
        let (true, Some(pixels)) = (count <= 8, px.get(range.start..).and_then(|p| p.first_chunk::<8>()))
        else {
            return self.literals::<U>(px, range);
        };
        let size = usize::from(count > 0) + count * U::LITERAL;
        self.reserve(size)?;
        // What is too much is overwritten.
        let to = &mut self.buffer[self.at..self.at + 1 + 8 * U::LITERAL];
        to[0] = (count as u8).wrapping_sub(1);
        let (low, high) = to[1..].split_at_mut(4 * U::LITERAL);
        U::four(pixels.first_chunk().expect("four"), low);
        U::four(pixels.last_chunk().expect("four"), high);
        self.at += size;
        Ok(())
    }

    /// As [`Writer::literals`], of bytes or words.
    pub(super) fn narrow_literals<P: Narrow>(
        &mut self,
        px: &[P],
        range: std::ops::Range<usize>,
    ) -> Result<(), EncodeError> {
        for from in range.clone().step_by(32) {
            let run = (range.end - from).min(32);
            let size = 1 + run * P::Unit::LITERAL;
            self.reserve(size)?;
            self.buffer[self.at] = run as u8 - 1;
            let to = &mut self.buffer[self.at + 1..self.at + 1 + 32 * P::Unit::LITERAL];
            to.copy_from_slice(bytemuck::cast_slice(&px[from..from + 32]));
            self.at += size;
        }
        Ok(())
    }

    /// Writes literals, of bytes or words, and the match behind them: without a branch on how many they are where they are no
    /// more than 32.
    #[inline(always)]
    pub(super) fn narrow_match<P: Narrow>(
        &mut self,
        px: &[P],
        literals: std::ops::Range<usize>,
        length: usize,
        distance: usize,
    ) -> Result<(), EncodeError> {
        let (count, n) = (literals.end - literals.start, length - P::Unit::BIAS);
        if count > 32 || n >= SHORT {
            self.narrow_literals(px, literals)?;
            return self.lz_match::<P::Unit>(length, distance);
        }
        let (token, size) = lz_token(n, distance);
        let before = usize::from(count > 0) + count * P::Unit::LITERAL;
        self.reserve(before + size)?;
        // What is too much is overwritten.
        let to: &mut [u8; 1 + 64 + 8] = self.buffer[self.at..].first_chunk_mut().expect("slack");
        to[0] = (count as u8).wrapping_sub(1);
        let pixels = bytemuck::cast_slice(&px[literals.start..literals.start + 32]);
        to[1..1 + pixels.len()].copy_from_slice(pixels);
        to[before..before + 8].copy_from_slice(&token.to_le_bytes());
        self.at += before + size;
        Ok(())
    }

    /// Writes a control byte with the three bits for coded length `n` (at least 1) and `low` in its low five bits,
    /// then the rest of the length.
    #[inline(always)]
    pub(crate) fn length(&mut self, n: usize, low: u8) {
        if n < 7 {
            self.buffer[self.at] = (n as u8) << 5 | low;
            self.at += 1;
        } else {
            self.buffer[self.at] = 7 << 5 | low;
            self.at += 1;
            let mut rest = n - 7;
            while rest >= 255 {
                self.buffer[self.at] = 255;
                self.at += 1;
                rest -= 255;
            }
            self.buffer[self.at] = rest as u8;
            self.at += 1;
        }
    }

    /// Writes an LZ match of `length` pixels from `distance` pixels back.
    #[inline(always)]
    pub(crate) fn lz_match<U: Unit>(&mut self, length: usize, distance: usize) -> Result<(), EncodeError> {
        let n = length - U::BIAS;
        if n < SHORT {
            let (token, size) = lz_token(n, distance);
            self.reserve(size)?;
            self.buffer[self.at..self.at + 8].copy_from_slice(&token.to_le_bytes());
            self.at += size;
            return Ok(());
        }
        let d = distance - 1;
        let far = d >= 8191;
        self.reserve(2 + extension(n) + if far { 2 } else { 0 })?;
        if far {
            self.length(n, 31);
            let far = ((d - 8191) as u16).to_be_bytes();
            self.short(&[255, far[0], far[1]]);
        } else {
            self.length(n, (d >> 8) as u8);
            self.short(&[d as u8]);
        }
        Ok(())
    }

    /// Writes a GLZ match of `length` pixels: `offset` as coded (distance - 1 in this image, the first pixel's index
    /// in the image `images` before this one).
    #[inline(always)]
    pub(crate) fn glz_match<U: Unit>(
        &mut self,
        length: usize,
        images: u32,
        offset: u32,
    ) -> Result<(), EncodeError> {
        let n = length - U::BIAS;
        self.reserve(glz_token(images, offset) + extension(n))?;
        let far = offset >= 4096;
        if n < 7 + 255 && offset < 1 << 17 && images < if far { 256 } else { 64 } {
            // Nearly all tokens, without branches (see `lz_match`).
            let extended = n >= 7;
            let second = if far { u32::from(images != 0) << 6 | offset >> 12 } else { images };
            let third = if far { images } else { 0 };
            let tail = u64::from(offset >> 4 & 255 | second << 8 | third << 16);
            let more = if extended { (n as u64 - 7) << 8 } else { 0 };
            let before = if extended { 16 } else { 8 };
            let token =
                (n as u64).min(7) << 5 | u64::from(far) << 4 | u64::from(offset & 15) | more | tail << before;
            self.buffer[self.at..self.at + 8].copy_from_slice(&token.to_le_bytes());
            self.at += before / 8 + 2 + usize::from(far && images != 0);
        } else if !far {
            self.length(n, offset as u8 & 15);
            let more = match images {
                0..64 => 0,
                64..0x4000 => 1,
                0x4000..0x40_0000 => 2,
                _ => 3,
            };
            self.short(&[(offset >> 4) as u8, more << 6 | images as u8 & 63]);
            self.little(images >> 6, more);
        } else {
            self.length(n, 16 | offset as u8 & 15);
            let more = match images {
                0 => 0,
                1..256 => 1,
                256..65536 => 2,
                _ => 3,
            };
            let long = offset >> 17;
            let flag = if long != 0 { 32 } else { 0 };
            self.short(&[(offset >> 4) as u8, more << 6 | flag | (offset >> 12) as u8 & 31]);
            self.little(images, more);
            if long != 0 {
                self.short(&[long as u8]);
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn short<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.buffer[self.at..self.at + N].copy_from_slice(bytes);
        self.at += N;
    }

    /// The low `n` bytes of `v`, lowest first.
    #[inline(always)]
    fn little(&mut self, v: u32, n: u8) {
        self.buffer[self.at..self.at + 4].copy_from_slice(&v.to_le_bytes());
        self.at += usize::from(n);
    }
}
