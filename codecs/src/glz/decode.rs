//! GLZ tokens to pixels.

use super::GlzHeader;
use super::window::{GlzWindow, Image};
use crate::lz::copy::{Bgr32, Output, Word16To32, repeat};
use crate::{DecodeError, PixelFormat};

/// Decodes the image of `stream` into `out`, four bytes a pixel.
pub(super) fn image(
    header: &GlzHeader,
    stream: &[u8],
    window: &GlzWindow,
    out: &mut [u8],
) -> Result<(), DecodeError> {
    let alpha = header.format == PixelFormat::Rgba;
    let source = Source { window, id: header.id, alpha };
    let mut at = GlzHeader::SIZE;
    at = match header.format {
        PixelFormat::Rgb16 => tokens::<Word16To32>(stream, at, out, &source)?,
        _ => tokens::<Bgr32>(stream, at, out, &source)?,
    };
    if alpha {
        tokens::<Alpha>(stream, at, out, &source)?;
    }
    // Clients do not look at what follows the last pixel.
    Ok(())
}

/// Where matches come from.
struct Source<'a> {
    window: &'a GlzWindow,
    id: u64,
    alpha: bool,
}

/// How a pass copies pixels of four bytes.
trait Copy4: Output {
    /// Whole pixels from another image; equal lengths.
    #[inline(always)]
    fn from_image(from: &[u8], to: &mut [u8]) {
        to.copy_from_slice(from);
    }
    /// `size` bytes of whole pixels at `at` from `back` bytes before; may overlap.
    fn within(out: &mut [u8], at: usize, back: usize, size: usize);
}

impl Copy4 for Bgr32 {
    #[inline(always)]
    fn within(out: &mut [u8], at: usize, back: usize, size: usize) {
        repeat::<Self>(out, at, back, size);
    }
}

impl Copy4 for Word16To32 {
    #[inline(always)]
    fn within(out: &mut [u8], at: usize, back: usize, size: usize) {
        repeat::<Self>(out, at, back, size);
    }
}

/// The second pass of RGBA: only the fourth byte of each pixel.
struct Alpha;

impl Output for Alpha {
    const CODED: usize = 1;
    const BYTES: usize = 4;
    const BIAS: usize = 2;
    #[inline(always)]
    fn pixel(coded: &[u8], out: &mut [u8]) {
        out[3] = coded[0];
    }
}

impl Copy4 for Alpha {
    #[inline(always)]
    fn from_image(from: &[u8], to: &mut [u8]) {
        for (to, from) in to.as_chunks_mut::<4>().0.iter_mut().zip(from.as_chunks::<4>().0) {
            to[3] = from[3];
        }
    }
    #[inline(always)]
    fn within(out: &mut [u8], at: usize, back: usize, size: usize) {
        if back == 4 {
            let a = out[at - 1];
            for to in out[at..at + size].as_chunks_mut::<4>().0 {
                to[3] = a;
            }
            return;
        }
        for k in (at..at + size).step_by(4) {
            out[k + 3] = out[k - back + 3];
        }
    }
}

/// Decodes one pass into all of `out`; returns where the next byte is.
fn tokens<O: Copy4>(
    stream: &[u8],
    mut at: usize,
    out: &mut [u8],
    source: &Source<'_>,
) -> Result<usize, DecodeError> {
    let total = out.len();
    let mut done = 0; // bytes of `out`
    let mut last: Option<(u32, &Image)> = None;
    let truncated = || DecodeError::Truncated { offset: stream.len() };
    while done < total {
        let c = *stream.get(at).ok_or_else(truncated)? as usize;
        at += 1;
        if c < 32 {
            let size = (c + 1) * 4;
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
        let corrupt = |reason| Err(DecodeError::Corrupt { offset: start, reason });
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
        let two = stream.get(at..at + 2).ok_or_else(truncated)?;
        at += 2;
        let f = u32::from(two[1]);
        let mut offset = c & 15 | usize::from(two[0]) << 4;
        let far = c & 16 != 0;
        let mut images = if far { 0 } else { f & 63 };
        let more = (f >> 6) as usize;
        if more != 0 {
            let shift = if far { 0 } else { 6 };
            for (j, &b) in stream.get(at..at + more).ok_or_else(truncated)?.iter().enumerate() {
                images |= u32::from(b) << (shift + 8 * j);
            }
            at += more;
        }
        if far {
            offset |= (f as usize & 31) << 12;
            if f & 32 != 0 {
                offset |= usize::from(*stream.get(at).ok_or_else(truncated)?) << 17;
                at += 1;
            }
        }
        let size = (length + O::BIAS).saturating_mul(4);
        if size > total - done {
            return corrupt("match beyond the last pixel");
        }
        if images == 0 {
            let back = (offset + 1) * 4;
            if back > done {
                return corrupt("match before the first pixel");
            }
            O::within(out, done, back, size);
        } else {
            let image = match last {
                Some((distance, image)) if distance == images => image,
                _ => {
                    let image = source.window.referred(source.id, images, start)?;
                    if image.has_alpha != source.alpha {
                        return corrupt("match in an image of another type");
                    }
                    last = Some((images, image));
                    image
                }
            };
            let Some(from) = image.pixels.get(offset * 4..offset * 4 + size) else {
                return corrupt("match beyond the other image's last pixel");
            };
            O::from_image(from, &mut out[done..done + size]);
        }
        done += size;
    }
    Ok(at)
}
