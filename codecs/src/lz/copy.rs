//! What decoders of LZ and GLZ have in common: runs of literals in each layout, the lengths of matches, and copies that may
//! overlap their source.

use crate::DecodeError;

/// A decoded pixel layout.
pub(crate) trait Output {
    /// Bytes of a literal in the stream.
    const CODED: usize;
    /// Bytes of a decoded pixel.
    const BYTES: usize;
    /// Pixels of a match beyond its coded length.
    const BIAS: usize;
    /// One pixel from its coded bytes (at least `CODED` of them).
    fn pixel(coded: &[u8], out: &mut [u8]);
    /// `count` pixels (at most 32) from the bytes at `at` of `stream`, which `coded` spans exactly, to the start of
    /// `out`, which may be longer.
    #[inline(always)]
    fn literals(_stream: &[u8], _at: usize, coded: &[u8], out: &mut [u8], count: usize) {
        let out = &mut out[..count * Self::BYTES];
        for (from, to) in coded.chunks_exact(Self::CODED).zip(out.chunks_exact_mut(Self::BYTES)) {
            Self::pixel(from, to);
        }
    }
}

/// A run of literals whose control byte, `count - 1`, is at `start` of the stream, to the start of `out`: all that is left
/// of the picture. Returns where the next token is, and how many bytes of pixels the run has.
#[inline(always)]
pub(crate) fn run<O: Output>(
    stream: &[u8],
    start: usize,
    out: &mut [u8],
    count: usize,
) -> Result<(usize, usize), DecodeError> {
    let (at, size) = (start + 1, count * O::BYTES);
    if size > out.len() {
        return Err(DecodeError::Corrupt { offset: start, reason: "literals beyond the last pixel" });
    }
    let literals =
        stream.get(at..at + count * O::CODED).ok_or(DecodeError::Truncated { offset: stream.len() })?;
    O::literals(stream, at, literals, out, count);
    Ok((at + literals.len(), size))
}

/// A match's length as it is coded: that in its control byte, and what the bytes from `at` on add to the longest of these.
/// Returns it, and where the next byte is.
#[inline(always)]
pub(crate) fn length(stream: &[u8], control: usize, mut at: usize) -> Result<(usize, usize), DecodeError> {
    let mut length = control >> 5;
    if length == 7 {
        loop {
            let more = *stream.get(at).ok_or(DecodeError::Truncated { offset: stream.len() })? as usize;
            at += 1;
            length += more;
            if more != 255 {
                break;
            }
        }
    }
    Ok((length, at))
}

/// B, G, R to B, G, R, 0.
pub(crate) struct Bgr32;

impl Output for Bgr32 {
    const CODED: usize = 3;
    const BYTES: usize = 4;
    const BIAS: usize = 0;
    #[inline(always)]
    fn pixel(coded: &[u8], out: &mut [u8]) {
        out.copy_from_slice(&[coded[0], coded[1], coded[2], 0]);
    }
    #[inline(always)]
    fn literals(stream: &[u8], at: usize, coded: &[u8], out: &mut [u8], count: usize) {
        // Four pixels from 12 bytes at a time, as long as a 16-byte read stays in the stream and a 16-byte write in
        // the picture: what is written beyond the run is overwritten by the tokens that follow. Most runs are
        // short, and two steps without a loop cost less than a branch that is not foreseen.
        let whole = if count <= 8 { 2 } else { count.div_ceil(4) };
        if let (Some(from), Some(to)) = (stream.get(at..at + whole * 12 + 4), out.get_mut(..whole * 16)) {
            if count <= 8 {
                four(&from[..16], &mut to[..16]);
                four(&from[12..28], &mut to[16..32]);
                return;
            }
            for (k, to) in to.chunks_exact_mut(16).enumerate() {
                four(&from[k * 12..k * 12 + 16], to);
            }
        } else {
            for (from, to) in coded.chunks_exact(3).zip(out.chunks_exact_mut(4)) {
                Self::pixel(from, to);
            }
        }
    }
}

/// Four pixels from 12 bytes, of 16.
#[inline(always)]
pub(super) fn four(from: &[u8], to: &mut [u8]) {
    for p in 0..4 {
        let v = u32::from_le_bytes([from[p * 3], from[p * 3 + 1], from[p * 3 + 2], from[p * 3 + 3]]);
        to[p * 4..p * 4 + 4].copy_from_slice(&(v & 0x00ff_ffff).to_le_bytes());
    }
}

/// B, G, R as it is.
pub(crate) struct Bgr24;

impl Output for Bgr24 {
    const CODED: usize = 3;
    const BYTES: usize = 3;
    const BIAS: usize = 0;
    #[inline(always)]
    fn pixel(coded: &[u8], out: &mut [u8]) {
        out.copy_from_slice(&coded[..3]);
    }
    #[inline(always)]
    fn literals(_stream: &[u8], _at: usize, coded: &[u8], out: &mut [u8], _count: usize) {
        out[..coded.len()].copy_from_slice(coded);
    }
}

/// Big-endian x1r5g5b5 to little-endian.
pub(crate) struct Word16;

impl Output for Word16 {
    const CODED: usize = 2;
    const BYTES: usize = 2;
    const BIAS: usize = 1;
    #[inline(always)]
    fn pixel(coded: &[u8], out: &mut [u8]) {
        out.copy_from_slice(&[coded[1], coded[0]]);
    }
}

/// Big-endian x1r5g5b5 to B, G, R, 0 with each channel's high bits repeated below.
pub(crate) struct Word16To32;

impl Output for Word16To32 {
    const CODED: usize = 2;
    const BYTES: usize = 4;
    const BIAS: usize = 1;
    #[inline(always)]
    fn pixel(coded: &[u8], out: &mut [u8]) {
        out.copy_from_slice(&expand_555(u16::from_be_bytes([coded[0], coded[1]])));
    }
}

/// One byte as it is: palette indices, alpha.
pub(crate) struct Single;

impl Output for Single {
    const CODED: usize = 1;
    const BYTES: usize = 1;
    const BIAS: usize = 2;
    #[inline(always)]
    fn pixel(coded: &[u8], out: &mut [u8]) {
        out.copy_from_slice(&coded[..1]);
    }
    #[inline(always)]
    fn literals(_stream: &[u8], _at: usize, coded: &[u8], out: &mut [u8], _count: usize) {
        out[..coded.len()].copy_from_slice(coded);
    }
}

/// x1r5g5b5 as B, G, R, 0 bytes.
#[inline(always)]
pub(crate) fn expand_555(v: u16) -> [u8; 4] {
    let v = u32::from(v);
    let five = (v & 31) | (v & 31 << 5) << 3 | (v & 31 << 10) << 6;
    (five << 3 | five >> 2 & 0x0007_0707).to_le_bytes()
}

/// Puts one alpha byte into the fourth byte of each pixel.
pub(crate) fn merge_alpha(pixels: &mut [u8], alpha: &[u8]) {
    for (p, &a) in pixels.as_chunks_mut::<4>().0.iter_mut().zip(alpha) {
        *p = (u32::from_le_bytes(*p) & 0x00ff_ffff | u32::from(a) << 24).to_le_bytes();
    }
}

/// Writes `size` bytes at `at`, each equal to the byte `back` before it. `at >= back`, `at + size <= out.len()`.
#[inline(always)]
pub(crate) fn repeat<O: Output>(out: &mut [u8], at: usize, back: usize, size: usize) {
    // Most matches are short: a copy of fixed size that may write beyond the match (later tokens overwrite that)
    // replaces a call of memmove with its branches on the length. All is read before anything is written.
    let from = at - back;
    if size <= 64 && at + 64 <= out.len() {
        if size <= back {
            if size <= 16 {
                let block: [u8; 16] = out[from..from + 16].try_into().expect("16 bytes");
                out[at..at + 16].copy_from_slice(&block);
            } else {
                let block: [u8; 64] = out[from..from + 64].try_into().expect("64 bytes");
                out[at..at + 64].copy_from_slice(&block);
            }
            return;
        }
        if back == 4 && O::BYTES == 4 {
            let v: [u8; 4] = out[from..at].try_into().expect("one pixel");
            out[at..at + 64].copy_from_slice([v; 16].as_flattened());
            return;
        }
    }
    repeat_long::<O>(out, at, back, size);
}

/// As [`repeat`], for matches of more than 64 bytes.
pub(crate) fn repeat_long<O: Output>(out: &mut [u8], at: usize, back: usize, size: usize) {
    let from = at - back;
    if size <= back {
        out.copy_within(from..from + size, at);
        return;
    }
    if back == O::BYTES {
        match O::BYTES {
            1 => {
                let v = out[from];
                out[at..at + size].fill(v);
                return;
            }
            4 => {
                let v: [u8; 4] = out[from..at].try_into().expect("one pixel");
                out[at..at + size].as_chunks_mut::<4>().0.fill(v);
                return;
            }
            _ => {}
        }
    }
    // The pattern doubles with each copy.
    let mut done = 0;
    while done < size {
        let n = (back + done).min(size - done);
        out.copy_within(from..from + n, at + done);
        done += n;
    }
}
