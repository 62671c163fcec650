//! The server's side: the pixels of images that the client still holds.

use std::collections::VecDeque;

use crate::lz::unit::{self, Unit, pair};
use crate::{EncodeError, PixelFormat, Pixels};

/// Offsets of pixels in an image have 25 bits.
const MOST_PIXELS: usize = 1 << 25;
/// Places of two pixels that are known by their hash.
pub(super) const WAYS: usize = 8;
/// The bits of a ring index in a table or a bucket; those above are of the pixels there, or after.
pub(super) const PLACE: u32 = MOST_PIXELS as u32 - 1;

/// The slot of the three pixels from `i` on in a table of `1 << (64 - shift)`, and seven more bits of their hash above
/// those of a place.
#[inline(always)]
pub(super) fn hash<U: Unit>(px: &[u32], i: usize, shift: u32) -> (usize, u32) {
    let three = pair::<U>(px, i).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ u64::from(px[i + 2] & U::MASK).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    ((three >> shift) as usize, (three >> (shift - 32)) as u32 & !PLACE)
}

/// A client's GLZ dictionary: the last images sent, whatever the channel, up to a number of pixels.
///
/// Memory: four bytes a pixel of the window, of which pages that were never used are not backed on common systems, and
/// at most two bytes a pixel (at least 8 KiB) for tables of positions and for entries: of tiny images (fewer than 36
/// pixels on average in a window of 2^22 pixels, 86 where the best level is used), fewer are held than the window has
/// room for.
#[derive(Clone, Debug)]
pub struct GlzDictionary {
    /// A ring of pixels: images one after the other, oldest first, wrapping at the end.
    pub(super) ring: Vec<u32>,
    /// INVARIANT: each image's `start` is where the one before it ends; ids ascend; lengths sum to `used`.
    pub(super) images: VecDeque<Entry>,
    /// Ring indices by the hash of the pixels there, with more bits of that hash above [`PLACE`]. Any value may be stale:
    /// what is there is looked at.
    pub(super) table: Vec<u32>,
    /// Of the best level: ring indices by the hash of two pixels, newest first. Empty until it is first used.
    pub(super) pairs: Vec<[u32; WAYS]>,
    pub(super) used: usize,
    pub(super) next_id: u64,
}

/// An image of the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: u64,
    /// Ring index of its first pixel.
    pub(super) start: usize,
    /// Pixels.
    pub(super) len: usize,
    pub(super) format: PixelFormat,
    /// Whether it must not be referred to any more.
    pub(super) killed: bool,
}

impl GlzDictionary {
    /// An empty dictionary for a client that announced `window_pixels` (clamped to 64 .. 2^25).
    pub fn new(window_pixels: u32) -> Self {
        Self::resume(window_pixels, 0)
    }

    /// An empty dictionary whose next image is `next_id`: goes on with a client whose images are not known here, as
    /// after a migration that carried only the number over. [`GlzDictionary::save`] carries the images too.
    pub fn resume(window_pixels: u32, next_id: u64) -> Self {
        let window = (window_pixels as usize).clamp(64, MOST_PIXELS);
        // At most three eighths as many slots as pixels: 1.5 bytes a pixel. Of large windows fewer, for the caches' sake, but
        // enough for what tens of thousands of images leave.
        let slots = 1usize << (window * 3 / 8).ilog2();
        let most = (1 << 18).max((window / 16).next_power_of_two());
        Self {
            ring: vec![0; window],
            images: VecDeque::new(),
            table: vec![0; slots.clamp(1 << 10, most)],
            pairs: Vec::new(),
            used: 0,
            next_id,
        }
    }

    /// The window in pixels.
    pub fn window_pixels(&self) -> usize {
        self.ring.len()
    }

    /// Pixels held.
    pub fn used_pixels(&self) -> usize {
        self.used
    }

    /// Images held.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether no image is held.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The id that the next image gets.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Bytes that the dictionary takes, pages that were never used included.
    pub fn memory(&self) -> usize {
        (self.ring.capacity() + self.table.capacity()) * size_of::<u32>()
            + self.pairs.capacity() * size_of::<[u32; WAYS]>()
            + self.images.capacity() * size_of::<Entry>()
    }

    /// Forgets all images and counts from 0 again; the client must be told to reset its window.
    pub fn reset(&mut self) {
        self.images.clear();
        self.used = 0;
        self.next_id = 0;
    }

    /// Later images no longer refer to image `id` (its pixels stay until it leaves the window). Whether it was held.
    pub fn kill(&mut self, id: u64) -> bool {
        match self.images.binary_search_by_key(&id, |e| e.id) {
            Ok(at) => {
                self.images[at].killed = true;
                true
            }
            Err(_) => false,
        }
    }

    /// Takes back the image that was encoded last, if it is `id`: its stream is not going to be sent, and the next image
    /// gets its id, since clients wait for every id. Whether it was.
    pub fn undo(&mut self, id: u64) -> bool {
        let last = self.images.back().is_some_and(|e| e.id == id) && id.checked_add(1) == Some(self.next_id);
        if last {
            self.used -= self.images.pop_back().map_or(0, |e| e.len);
            self.next_id = id;
        }
        last
    }

    /// As many entries as fit, with the table, into two bytes a pixel, since a queue that grows doubles.
    pub(super) fn most_images(&self) -> usize {
        let free = self.beside_table().saturating_sub(self.pairs.len() * size_of::<[u32; WAYS]>());
        free / (2 * size_of::<Entry>()) + 64
    }

    /// Bytes that are left of two a pixel.
    pub(super) fn beside_table(&self) -> usize {
        (self.ring.len() * 2).saturating_sub(self.table.len() * size_of::<u32>())
    }

    /// Makes room for an image and copies its pixels in; the oldest images leave until it fits.
    pub(super) fn push(&mut self, pixels: &Pixels<'_>) -> Result<(), EncodeError> {
        let format = pixels.format();
        if !matches!(format, PixelFormat::Rgb16 | PixelFormat::Rgb24 | PixelFormat::Rgb32 | PixelFormat::Rgba)
        {
            return Err(EncodeError::Format { format, codec: "GLZ" });
        }
        let len = u64::from(pixels.width()) * u64::from(pixels.height());
        if len >= self.ring.len() as u64 || self.next_id == u64::MAX {
            return Err(EncodeError::TooLarge);
        }
        let len = len as usize;
        while self.used + len > self.ring.len() {
            self.used -= self.images.pop_front().map_or(0, |e| e.len);
        }
        // An id distance has 24 bits; and entries of tiny images must not take more than the window's share.
        let most = self.most_images();
        while self.images.len() >= most || self.images.front().is_some_and(|e| self.next_id - e.id >= 1 << 24)
        {
            self.used -= self.images.pop_front().map_or(0, |e| e.len);
        }
        let start = self.end();
        let entry = Entry { id: self.next_id, start, len, format, killed: false };
        self.images.push_back(entry);
        self.used += len;
        self.next_id += 1;
        let width = pixels.width() as usize;
        let mut at = start;
        for y in 0..pixels.height() {
            let room = self.ring.len() - at;
            if width <= room {
                unit::load_row(pixels, y, &mut self.ring[at..at + width]);
            } else {
                // The row wraps; this happens once in a whole turn of the ring.
                let mut row = vec![0; width];
                unit::load_row(pixels, y, &mut row);
                self.ring[at..].copy_from_slice(&row[..room]);
                self.ring[..width - room].copy_from_slice(&row[room..]);
            }
            at = (at + width) % self.ring.len();
        }
        if format == PixelFormat::Rgb16 {
            let (first, second) = self.pieces(&entry);
            for p in &mut self.ring[first] {
                *p &= 0x7fff;
            }
            for p in &mut self.ring[second] {
                *p &= 0x7fff;
            }
        }
        Ok(())
    }

    /// Where the next image's pixels go.
    fn end(&self) -> usize {
        self.images.back().map_or(0, |e| (e.start + e.len) % self.ring.len())
    }

    /// Fills the table with positions of all images, oldest first.
    pub(super) fn refill(&mut self) {
        let shift = 64 - self.table.len().trailing_zeros();
        let mask = self.table.len() - 1;
        for e in &self.images {
            let (first, second) = self.pieces(e);
            for range in [first, second] {
                let px = &self.ring[..range.end];
                for i in range.start..range.end.saturating_sub(2) {
                    let (slot, bits) = match e.format {
                        PixelFormat::Rgb16 => hash::<unit::Word>(px, i, shift),
                        PixelFormat::Rgba => hash::<unit::ColourBesideAlpha>(px, i, shift),
                        _ => hash::<unit::Colour>(px, i, shift),
                    };
                    self.table[slot & mask] = i as u32 | bits;
                }
            }
        }
    }

    /// The ring indices of an image's pixels: up to the ring's end, and on from its start.
    pub(super) fn pieces(&self, e: &Entry) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let end = e.start + e.len;
        let wrap = self.ring.len();
        (e.start..end.min(wrap), 0..end.saturating_sub(wrap))
    }

    /// The image whose pixel is at ring index `at`.
    pub(super) fn image_at(&self, at: usize) -> Option<&Entry> {
        let wrap = self.ring.len();
        let first = self.images.front()?.start;
        let from_first = |i: usize| if i >= first { i - first } else { i + wrap - first };
        let wanted = from_first(at);
        let after = self.images.partition_point(|e| from_first(e.start) <= wanted);
        let entry = self.images.get(after.checked_sub(1)?)?;
        (wanted - from_first(entry.start) < entry.len).then_some(entry)
    }
}
