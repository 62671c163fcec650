//! The GLZ encoder whose bytes equal those of the reference (FORMATS.md 3.4, 3.5): the slow twin.

use std::collections::VecDeque;

use super::GlzHeader;
use crate::lz::unit::{self, Alpha, Colour, ColourBesideAlpha, Unit, Word};
use crate::lz::writer::{Writer, glz_token};
use crate::{EncodeError, PixelFormat, Pixels};

const TABLE: usize = 1 << 20;

/// A dictionary that encodes the very bytes of the reference encoder (spice-server's, fed in one piece), slowly and with
/// 8 MiB of tables whatever the window. For tests; [`super::GlzDictionary`] is smaller and faster.
#[derive(Clone, Debug)]
pub struct ReferenceDictionary {
    window: usize,
    used: usize,
    next_id: u64,
    images: VecDeque<Image>,
    /// Slot and pixel by hash; stale entries may point into an image that reuses the slot.
    table: Vec<(u32, u32)>,
    free: Vec<u32>,
    fresh: u32,
}

#[derive(Clone, Debug)]
struct Image {
    id: u64,
    slot: u32,
    format: PixelFormat,
    killed: bool,
    pixels: Vec<u32>,
}

impl ReferenceDictionary {
    /// An empty dictionary of `window_pixels`.
    pub fn new(window_pixels: u32) -> Self {
        Self {
            window: window_pixels as usize,
            used: 0,
            next_id: 0,
            images: VecDeque::new(),
            table: vec![(0, 0); TABLE],
            free: Vec::new(),
            fresh: 0,
        }
    }

    /// Later images no longer refer to image `id`.
    pub fn kill(&mut self, id: u64) {
        for image in self.images.iter_mut().filter(|i| i.id == id) {
            image.killed = true;
        }
    }

    /// Appends the stream of `pixels` (RGB16, RGB24, RGB32 or RGBA) to `out` and adds the picture.
    pub fn encode(&mut self, pixels: &Pixels<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let format = pixels.format();
        let count = unit::count(pixels);
        if !matches!(format, PixelFormat::Rgb16 | PixelFormat::Rgb24 | PixelFormat::Rgb32 | PixelFormat::Rgba)
        {
            return Err(EncodeError::Format { format, codec: "GLZ" });
        }
        if count >= self.window {
            return Err(EncodeError::TooLarge);
        }
        while self.used + count > self.window {
            let Some(old) = self.images.pop_front() else { break };
            self.used -= old.pixels.len();
            self.free.push(old.slot);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.fresh += 1;
            self.fresh - 1
        });
        let mut px = vec![0; count];
        for (y, row) in px.chunks_exact_mut(pixels.width() as usize).enumerate() {
            unit::load_row(pixels, y as u32, row);
        }
        let id = self.next_id;
        let header = GlzHeader {
            format,
            top_down: pixels.top_down(),
            width: pixels.width(),
            height: pixels.height(),
            id,
            window_distance: self.images.front().map_or(0, |i| (id - i.id) as u32),
        };
        self.images.push_back(Image { id, slot, format, killed: false, pixels: px });
        self.used += count;
        self.next_id += 1;
        let mut buffer = Vec::new();
        let mut writer = Writer::new(&mut buffer, usize::MAX, 8 * count + 256);
        writer.bytes(&header.bytes())?;
        match format {
            PixelFormat::Rgb16 => self.pass::<Word>(&mut writer)?,
            PixelFormat::Rgba => {
                self.pass::<ColourBesideAlpha>(&mut writer)?;
                self.pass::<Alpha>(&mut writer)?;
            }
            _ => self.pass::<Colour>(&mut writer)?,
        }
        out.extend_from_slice(writer.written());
        Ok(())
    }

    /// Codes one pass of the newest image.
    fn pass<U: Unit>(&mut self, out: &mut Writer<'_>) -> Result<(), EncodeError> {
        let Some(current) = self.images.back() else { return Ok(()) };
        let px = &current.pixels[..];
        let n = px.len();
        if n < 4 {
            return out.literals::<U>(px, 0..n);
        }
        let same = |a: u32, b: u32| (a ^ b) & U::REFERENCE_MASK == 0;
        let table = &mut self.table[..];
        table[hash::<U>(px, 0)] = (current.slot, 0);
        let (mut anchor, mut i) = (0, 2);
        while i + 6 < n {
            let found = if (i..i + 3).all(|k| same(px[i - 1], px[k])) {
                let most = n - 2 - i;
                let length = (0..most).take_while(|&k| same(px[i - 1 + k], px[i + k])).count();
                Some((length, 0, 0))
            } else {
                let entry = std::mem::replace(&mut table[hash::<U>(px, i)], (current.slot, i as u32));
                candidate::<U>(&self.images, current, entry, i)
            };
            let Some((length, images, offset)) = found else {
                i += 1;
                continue;
            };
            out.literals::<U>(px, anchor..i)?;
            out.glz_match::<U>(length, images, offset)?;
            let j = i + length - 2;
            if U::BIAS == 2 || j > i {
                table[hash::<U>(px, j)] = (current.slot, j as u32);
            }
            if U::BIAS != 0 || j + 1 > i {
                table[hash::<U>(px, j + 1)] = (current.slot, j as u32 + 1);
            }
            i += length;
            anchor = i;
        }
        out.literals::<U>(px, anchor..px.len())
    }
}

/// The match that a table entry stands for at pixel `i`, if the reference takes it: length, images back, coded offset.
fn candidate<U: Unit>(
    images: &VecDeque<Image>,
    current: &Image,
    (slot, q): (u32, u32),
    i: usize,
) -> Option<(usize, u32, u32)> {
    let image = images.iter().find(|m| m.slot == slot)?;
    let q = q as usize;
    if image.killed || image.format != current.format {
        return None;
    }
    let (px, from) = (&current.pixels, &image.pixels);
    let first = if U::LITERAL == 1 { 4 } else { 2 };
    let same = |k: usize| (from[q + k] ^ px[i + k]) & U::REFERENCE_MASK == 0;
    if q + first > from.len() || !(0..first).all(same) {
        return None;
    }
    let images_back = (current.id - image.id) as u32;
    let offset = if images_back == 0 { i.checked_sub(q)? } else { q };
    if offset == 0 || offset >= 1 << 25 || images_back >= 1 << 24 {
        return None;
    }
    let most = (px.len() - 2 - i).min(from.len() - q);
    let length = (0..most).take_while(|&k| same(k)).count();
    let (always, divisor) = [(2, 3), (3, 2), (7, 1)][U::BIAS];
    let cost = glz_token(images_back, offset as u32);
    if length <= always && length < cost / divisor + 1 {
        return None;
    }
    Some((length, images_back, offset as u32 - u32::from(images_back == 0)))
}

/// The reference's hash of three pixels.
fn hash<U: Unit>(px: &[u32], i: usize) -> usize {
    crate::lz::reference::hash::<U>(px, i) as usize & (TABLE - 1)
}
