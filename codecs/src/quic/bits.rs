//! Bit strings, most significant bit first. The stream's 32-bit words are little endian; here their bytes are turned
//! round ([`swap_words`]), so that the string is contiguous and eight bytes at a time can be read and written.

use crate::DecodeError;

/// Reverses the bytes of each word; bytes behind the last whole word stay.
pub(super) fn swap_words(bytes: &mut [u8]) {
    for word in bytes.as_chunks_mut::<4>().0 {
        *word = u32::from_be_bytes(*word).to_le_bytes();
    }
}

/// Appends bits to a buffer that the caller keeps large enough.
pub(super) struct BitWriter<'a> {
    out: &'a mut [u8],
    at: usize,
    /// Bits that are not in `out` yet, from the top; below them 0.
    bits: u64,
    /// How many, at most 7.
    count: u32,
}

impl<'a> BitWriter<'a> {
    /// Most bits of one `put`.
    pub(super) const MOST: u32 = 56;

    /// Goes on where [`Self::pause`] stopped.
    #[inline(always)]
    pub(super) fn resume(out: &'a mut [u8], state: (usize, u64, u32)) -> Self {
        Self { out, at: state.0, bits: state.1, count: state.2 }
    }

    /// Bytes written, and the bits that are not.
    #[inline(always)]
    pub(super) fn pause(self) -> (usize, u64, u32) {
        (self.at, self.bits, self.count)
    }

    /// Appends the low `count` bits of `code`, 1 to 56; the bits above are 0.
    #[inline(always)]
    pub(super) fn put(&mut self, code: u64, count: u32) {
        let filled = self.count + count;
        self.bits |= code << (64 - filled);
        self.out[self.at..self.at + 8].copy_from_slice(&self.bits.to_be_bytes());
        self.at += (filled >> 3) as usize;
        self.bits <<= filled & 56;
        self.count = filled & 7;
    }
}

/// Takes bits from turned bytes with [`BitReader::SPARE`] zero bytes behind them.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, from the top. There may be true bits below the `count` that are promised.
    bits: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    /// A refill reads eight bytes from at most seven behind the last bit taken.
    pub(super) const SPARE: usize = 16;

    #[inline(always)]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, bits: 0, count: 0 }
    }

    /// Makes at least 56 bits ready.
    #[inline(always)]
    pub(super) fn refill(&mut self) -> Result<(), DecodeError> {
        let Some(next) = self.bytes.get(self.at..).and_then(|b| b.first_chunk()) else {
            return Err(DecodeError::Truncated {
                offset: super::QuicHeader::SIZE + self.bytes.len() - Self::SPARE,
            });
        };
        self.bits |= u64::from_be_bytes(*next) >> self.count;
        self.at += ((63 - self.count) >> 3) as usize;
        self.count |= 56;
        Ok(())
    }

    /// The next bits from the top; at least [`Self::ready`] of them are true.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.bits
    }

    /// Bits that can be taken without refilling.
    #[inline(always)]
    pub(super) fn ready(&self) -> u32 {
        self.count
    }

    /// Takes `n` bits, at most as many as are ready and less than 64.
    #[inline(always)]
    pub(super) fn skip(&mut self, n: u32) {
        self.bits <<= n;
        self.count -= n;
    }

    /// Bits taken so far.
    pub(super) fn taken(&self) -> usize {
        self.at * 8 - self.count as usize
    }
}
