//! GLZ tokens to pixels.

use fearless_simd::{Level, Simd};

use super::GlzHeader;
use super::window::{GlzImage, GlzWindow, Image};
use crate::lz::copy::{Bgr32, Output, Word16To32, length, repeat, run};
use crate::lz::wide::{LARGEST, READ, SHORT, WRITE, Wide, long, short};
use crate::{DecodeError, PixelFormat};

impl GlzWindow {
    /// Decodes one image and adds it to the window; images that no later one may refer to are released.
    ///
    /// Channels are separate connections, so an image may arrive before one that it refers to:
    /// [`DecodeError::UnknownImage`] names an id to wait for, and the window is as before, so that the caller holds
    /// the stream back and tries again when that id has been decoded. The same comes for an image that runs so far
    /// ahead of a missing one that keeping it would take more memory than the window's share.
    ///
    /// At most `limit` bytes are allocated for the picture, checked before. Any other error means that the server
    /// broke the protocol: a bad header, an id that came before, a reference that cannot be, a stream of
    /// the wrong length, more live pixels than the window; the id then counts as not arrived.
    pub fn decode(&mut self, stream: &[u8], limit: u64) -> Result<GlzImage<'_>, DecodeError> {
        let header = GlzHeader::parse(stream)?;
        let mut pixels = self.room(&header, stream.len(), limit)?;
        match image(&header, stream, self, &mut pixels) {
            Ok(()) => Ok(self.add(header, pixels)),
            Err(e) => {
                self.keep(pixels);
                Err(e)
            }
        }
    }
}

/// Decodes the image of `stream` into `out`, four bytes a pixel.
fn image(header: &GlzHeader, stream: &[u8], window: &GlzWindow, out: &mut [u8]) -> Result<(), DecodeError> {
    at_level(Level::new(), header, stream, window, out)
}

fn at_level(
    level: Level,
    header: &GlzHeader,
    stream: &[u8],
    window: &GlzWindow,
    out: &mut [u8],
) -> Result<(), DecodeError> {
    let alpha = header.format == PixelFormat::Rgba;
    let source = Source { window, id: header.id, alpha };
    let mut at = GlzHeader::SIZE;
    at = match header.format {
        PixelFormat::Rgb16 => tokens::<Word16To32>(level, stream, at, out, &source)?,
        _ => tokens::<Bgr32>(level, stream, at, out, &source)?,
    };
    if alpha {
        tokens::<Alpha>(level, stream, at, out, &source)?;
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
    /// Whether [`Copy4::many`] does anything.
    const WIDE: bool = false;
    /// See [`many`].
    #[inline(always)]
    fn many<S: Simd>(_: S, _: &[u8], at: usize, _: &mut [u8], done: usize, _: &Other<'_>) -> (usize, usize) {
        (at, done)
    }
    /// Whole pixels from another image; equal lengths.
    #[inline(always)]
    fn from_image(from: &[u8], to: &mut [u8]) {
        to.copy_from_slice(from);
    }
    /// `size` bytes of whole pixels at `at` from `back` bytes before; may overlap.
    fn within(out: &mut [u8], at: usize, back: usize, size: usize);
}

impl<O: Wide> Copy4 for O {
    const WIDE: bool = true;
    #[inline(always)]
    fn many<S: Simd>(
        simd: S,
        stream: &[u8],
        at: usize,
        out: &mut [u8],
        done: usize,
        last: &Other<'_>,
    ) -> (usize, usize) {
        many::<O, S>(simd, stream, at, out, done, last)
    }
    #[inline(always)]
    fn within(out: &mut [u8], at: usize, back: usize, size: usize) {
        repeat::<O>(out, at, back, size);
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
            with_alpha(to, u32::from_le_bytes(*from));
        }
    }
    #[inline(always)]
    fn within(out: &mut [u8], at: usize, back: usize, size: usize) {
        let (before, to) = out.split_at_mut(at);
        let (from, to) = (&before[at - back..], &mut to[..size]);
        if size <= back {
            Self::from_image(from, to);
            return;
        }
        // Pixel by pixel round and round, mostly one.
        let from = from.as_chunks::<4>().0;
        if let [pixel] = from {
            let alpha = u32::from_le_bytes(*pixel);
            to.as_chunks_mut::<4>().0.iter_mut().for_each(|to| with_alpha(to, alpha));
            return;
        }
        for (to, from) in to.as_chunks_mut::<4>().0.iter_mut().zip(from.iter().cycle()) {
            to[3] = from[3];
        }
    }
}

/// Puts the alpha of `from` into `to`. As words, since stores of single bytes are not done several at a time.
#[inline(always)]
fn with_alpha(to: &mut [u8; 4], from: u32) {
    *to = (u32::from_le_bytes(*to) & 0x00ff_ffff | from & 0xff00_0000).to_le_bytes();
}

/// Decodes one pass into all of `out`; returns where the next byte is.
fn tokens<O: Copy4>(
    level: Level,
    stream: &[u8],
    mut at: usize,
    out: &mut [u8],
    source: &Source<'_>,
) -> Result<usize, DecodeError> {
    let mut done = 0; // bytes of `out`
    let mut last = None;
    let shuffles = O::WIDE && crate::simd::shuffles(level);
    while done < out.len() {
        if shuffles {
            (at, done) = crate::simd::at_level!(level, simd =>
                O::many(simd, stream, at, out, done, &last));
            if done == out.len() {
                break;
            }
        }
        (at, done) = one::<O>(stream, at, out, done, source, &mut last)?;
    }
    Ok(at)
}

/// How many images back another image is, and that image.
type Other<'a> = Option<(u32, &'a Image)>;

/// Decodes tokens as long as there is room, nothing is odd, and no image is referred to but `last`. `at` and `done` are
/// where the next one is, and what it is to write.
#[inline(always)]
fn many<O: Copy4 + Wide, S: Simd>(
    simd: S,
    stream: &[u8],
    at: usize,
    out: &mut [u8],
    done: usize,
    last: &Other<'_>,
) -> (usize, usize) {
    if stream.len().max(out.len()) > LARGEST {
        return (at, done);
    }
    let (known, pixels) = last.map_or((0, &[][..]), |(images, image)| (images, &image.pixels[..]));
    let (mut rest, mut done) = (&stream[at..], done as u32);
    while let Some(token) = rest.first_chunk::<READ>() {
        let place = done as usize;
        let c = u32::from(token[0]);
        if c < 32 {
            let Some(to) = out.get_mut(place..place + WRITE) else { break };
            O::run(simd, token, to.try_into().expect("as long"), c as usize + 1);
            rest = &rest[1 + (c as usize + 1) * O::CODED..];
            done += (c + 1) * 4;
            continue;
        }
        // Whether a length is extended and a distance far is hard to foresee: by masks, since compilers make branches of
        // conditions in loops.
        let extended = usize::from(c >= 7 << 5);
        let more = u32::from(token[1]) & (extended as u32).wrapping_neg();
        let (low, f) = (u32::from(token[1 + extended]), u32::from(token[2 + extended]));
        let if_far = (c >> 4 & 1).wrapping_neg();
        let mut offset = c & 15 | low << 4 | (f & 31 & if_far) << 12;
        let mut images = f & !if_far;
        let mut coded = 3 + extended;
        if f & (0xc0 | 0x20 & if_far) != 0 {
            // Bytes for what is farther are rare.
            let bytes = f >> 6;
            let farther = u32::from_le_bytes(*token[3 + extended..].first_chunk().expect("4 bytes"));
            let distance = farther & ((1 << (8 * bytes)) - 1);
            images = if if_far == 0 { distance << 6 | f & 63 } else { distance };
            coded += bytes as usize;
            if f & 0x20 & if_far != 0 {
                offset |= (farther >> (8 * bytes) & 255) << 17;
                coded += 1;
            }
        }
        let size = ((c >> 5) + more + O::BIAS as u32) * 4;
        if place + WRITE > out.len() {
            break;
        }
        if images == 0 {
            let back = (offset + 1) * 4;
            // Beyond the end where it is before the first pixel.
            let from = done.wrapping_sub(back);
            if u64::from(from) + SHORT as u64 > out.len() as u64 {
                break;
            }
            if size as usize <= SHORT {
                short::<O, S>(simd, out, done, back, size);
            } else if more == 255 || !long::<O>(out, done, back, size) {
                break;
            }
        } else {
            let size = size as usize;
            if images != known || more == 255 || size > out.len() - place {
                break;
            }
            let from = pixels.get(offset as usize * 4..).unwrap_or_default();
            if let (true, Some(block)) = (size <= SHORT, from.first_chunk::<SHORT>()) {
                out[place..place + SHORT].copy_from_slice(block);
            } else if let Some(from) = from.get(..size) {
                out[place..place + size].copy_from_slice(from);
            } else {
                break;
            }
        }
        rest = &rest[coded..];
        done += size;
    }
    (stream.len() - rest.len(), done as usize)
}

/// Decodes one token.
fn one<'a, O: Copy4>(
    stream: &[u8],
    mut at: usize,
    out: &mut [u8],
    done: usize,
    source: &Source<'a>,
    last: &mut Other<'a>,
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
    if size > out.len() - done {
        return corrupt("match beyond the last pixel");
    }
    if images == 0 {
        let back = (offset + 1) * 4;
        if back > done {
            return corrupt("match before the first pixel");
        }
        O::within(out, done, back, size);
    } else {
        let image = match *last {
            Some((distance, image)) if distance == images => image,
            _ => {
                let image = source.window.referred(source.id, images, start)?;
                if image.has_alpha != source.alpha {
                    return corrupt("match in an image of another type");
                }
                *last = Some((images, image));
                image
            }
        };
        let Some(from) = image.pixels.get(offset * 4..offset * 4 + size) else {
            return corrupt("match beyond the other image's last pixel");
        };
        O::from_image(from, &mut out[done..done + size]);
    }
    Ok((at, done + size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, each_seed};

    const WIDTH: u32 = 40;

    fn header(format: PixelFormat, id: u64, height: u32) -> GlzHeader {
        GlzHeader { format, top_down: true, width: WIDTH, height, id, window_distance: id as u32 }
    }

    fn literals(random: &mut Random, stream: &mut Vec<u8>, count: usize, coded: usize) {
        stream.push(count as u8 - 1);
        stream.extend((0..count * coded).map(|_| random.next() as u8));
    }

    /// A match token of coded length `n`, of this image where `images` is 0; at times in a longer form than it needs.
    fn matched(random: &mut Random, stream: &mut Vec<u8>, n: usize, images: u32, offset: usize) {
        let far = offset >= 4096 || random.below(2) == 0;
        stream.push((n.min(7) as u8) << 5 | u8::from(far) << 4 | offset as u8 & 15);
        if n >= 7 {
            stream.extend(std::iter::repeat_n(255, (n - 7) / 255));
            stream.push(((n - 7) % 255) as u8);
        }
        stream.push((offset >> 4) as u8);
        let bytes = if far { random.below(3).max(usize::from(images != 0)) } else { random.below(3) };
        let rest = if far { images } else { images >> 6 };
        let long = far && (offset >> 17 != 0 || random.below(2) == 0);
        let low = if far { u8::from(long) << 5 | (offset >> 12) as u8 & 31 } else { images as u8 & 63 };
        stream.push((bytes as u8) << 6 | low);
        stream.extend(&rest.to_le_bytes()[..bytes]);
        if long {
            stream.push((offset >> 17) as u8);
        }
    }

    #[test]
    fn wide_steps_decode_what_single_ones_do() {
        each_seed(600, |random| {
            let (format, coded, bias) =
                if random.below(2) == 0 { (PixelFormat::Rgb32, 3, 0) } else { (PixelFormat::Rgb16, 2, 1) };
            let mut window = GlzWindow::new(1 << 16);
            for id in 0..2 {
                let mut stream = header(format, id, 32).bytes().to_vec();
                (0..WIDTH).for_each(|_| literals(random, &mut stream, 32, coded));
                window.decode(&stream, 1 << 20).expect("literals");
            }
            let header = header(format, 2, 1 + random.below(400) as u32);
            let (pixels, odd) = (header.pixels(), random.below(4) == 0);
            let (mut stream, mut done) = (header.bytes().to_vec(), 0);
            while done < pixels {
                let left = pixels - done;
                if done == 0 || left <= bias || random.below(3) == 0 {
                    let count = (1 + random.below(32)).min(left);
                    literals(random, &mut stream, count, coded);
                    done += count;
                    continue;
                }
                let wrong = usize::from(odd && random.below(40) == 0) * 9;
                let scale = 1 << random.below(10);
                let n = (1 + random.below(scale)).min(left - bias);
                let images = random.below(3) as u32;
                let reach = 1 << random.below(15);
                let places = if images == 0 { done.min(reach) } else { WIDTH as usize * 32 - n - bias + 1 };
                let offset = random.below(places) + wrong;
                matched(random, &mut stream, n, images, offset);
                done += n + bias;
            }
            if odd {
                stream.truncate(GlzHeader::SIZE + 1 + random.below(stream.len() - GlzHeader::SIZE));
            }
            let decode = |level| {
                let mut out = vec![0xaa; pixels * 4];
                at_level(level, &header, &stream, &window, &mut out).map(|()| out)
            };
            let narrow = decode(Level::baseline());
            assert!(odd || narrow.is_ok(), "{narrow:?}");
            assert!(narrow == decode(Level::new()));
        });
    }
}
