//! The client's side: decoded images by id, and the release rule.

use std::collections::VecDeque;

use super::GlzHeader;
use crate::{DecodeError, PixelFormat};

/// What an image costs beyond its pixels, in pixels: entry and allocation.
const OVERHEAD: u64 = 24;
/// Pixels that a window may hold beyond its share, so that tiny windows of tiny images work.
const SLACK: u64 = 1 << 16;

/// The decoder's window: one per client, shared by its display channels.
///
/// Memory stays within 1.5 times `window_pixels * 4` bytes plus 256 KiB, whatever the streams say.
#[derive(Clone, Debug)]
pub struct GlzWindow {
    /// INVARIANT: sorted by id; all ids are at least `floor`.
    images: VecDeque<Image>,
    /// The lowest id that has not arrived.
    next: u64,
    /// Images below were released, or will never be looked for.
    floor: u64,
    window: u64,
    /// Charges of the images below and above `next`.
    settled: u64,
    ahead: u64,
    spare: Vec<Vec<u8>>,
    spare_charge: u64,
}

/// An image that the window holds.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) id: u64,
    pub(super) has_alpha: bool,
    window_distance: u32,
    /// Four bytes a pixel, stream order.
    pub(super) pixels: Vec<u8>,
}

impl Image {
    fn charge(&self) -> u64 {
        charge(&self.pixels)
    }
}

fn charge(buffer: &Vec<u8>) -> u64 {
    buffer.capacity() as u64 / 4 + OVERHEAD
}

/// A decoded image, borrowed from the window that holds it.
#[derive(Clone, Copy, Debug)]
pub struct GlzImage<'a> {
    /// What the stream said.
    pub header: GlzHeader,
    /// B, G, R, 0 or, for RGBA, B, G, R, A: four bytes a pixel, packed rows in stream order (the bottom row first
    /// unless `header.top_down`). Five-bit channels of RGB16 repeat their high bits below.
    pub pixels: &'a [u8],
}

impl GlzWindow {
    /// An empty window of the size in pixels that the client announced (`glz_dictionary_window_size`), waiting for
    /// image 0.
    pub fn new(window_pixels: u32) -> Self {
        Self::starting_at(window_pixels, 0)
    }

    /// An empty window whose first image is `id`: for a sequence that is joined late.
    pub fn starting_at(window_pixels: u32, id: u64) -> Self {
        Self {
            images: VecDeque::new(),
            next: id,
            floor: id,
            window: u64::from(window_pixels),
            settled: 0,
            ahead: 0,
            spare: Vec::new(),
            spare_charge: 0,
        }
    }

    /// Drops all images and waits for image 0 again, as after a display reset.
    pub fn reset(&mut self) {
        (self.next, self.floor, self.settled, self.ahead) = (0, 0, 0, 0);
        while let Some(image) = self.images.pop_front() {
            self.keep(image.pixels);
        }
    }

    /// The lowest id that has not arrived yet.
    pub fn next_id(&self) -> u64 {
        self.next
    }

    /// Images held.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether no image is held.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Bytes of pixel memory that the window holds, buffers kept for reuse included.
    pub fn memory(&self) -> usize {
        let spare: usize = self.spare.iter().map(Vec::capacity).sum();
        self.images.iter().map(|i| i.pixels.capacity()).sum::<usize>() + spare
    }

    /// Memory for an image's pixels, of any content, once its header and its stream's length are found to be right and
    /// what it leaves behind is released.
    pub(super) fn room(
        &mut self,
        header: &GlzHeader,
        len: usize,
        limit: u64,
    ) -> Result<Vec<u8>, DecodeError> {
        let needed = header.pixels() as u64 * 4;
        if needed > limit {
            return Err(DecodeError::TooLarge { needed, limit });
        }
        let id = header.id;
        if self.find(id).is_ok() || id < self.next || id == u64::MAX {
            return Err(DecodeError::Field { field: "glz id", found: id });
        }
        // See LzDecoder::decode_inner: a byte of a stream stands for at most 255 pixels.
        if header.pixels() as u64 > (len - GlzHeader::SIZE) as u64 * 255 {
            return Err(DecodeError::Truncated { offset: len });
        }
        let new = header.pixels() as u64 + OVERHEAD;
        if id == self.next {
            // All older images are here, so what this one and later ones leave behind can go before it is decoded.
            self.release(id - u64::from(header.window_distance));
            let most = self.window + self.window / 8 + SLACK;
            if self.settled + new > most {
                let needed = (self.settled + new) * 4;
                return Err(DecodeError::TooLarge { needed, limit: most * 4 });
            }
        } else if self.ahead + new > self.window / 4 + SLACK / 4 {
            return Err(DecodeError::UnknownImage { id: self.next });
        }
        Ok(self.buffer(header.pixels() * 4))
    }

    /// Adds an image in memory from [`GlzWindow::room`].
    pub(super) fn add(&mut self, header: GlzHeader, pixels: Vec<u8>) -> GlzImage<'_> {
        let id = header.id;
        let at = self.find(id).unwrap_or_else(|at| at);
        let image = Image {
            id,
            has_alpha: header.format == PixelFormat::Rgba,
            window_distance: header.window_distance,
            pixels,
        };
        self.ahead += image.charge();
        self.images.insert(at, image);
        self.advance();
        self.trim();
        let at = self.find(id).unwrap_or_else(|_| unreachable!("an image does not release itself"));
        GlzImage { header, pixels: &self.images[at].pixels }
    }

    /// Moves `next` over the images that have arrived and releases what the last of them leaves behind.
    fn advance(&mut self) {
        let mut last = None;
        let mut at = self.find(self.next).unwrap_or_else(|at| at);
        while let Some(image) = self.images.get(at).filter(|i| i.id == self.next) {
            last = Some(image.id - u64::from(image.window_distance));
            self.settled += image.charge();
            self.ahead -= image.charge();
            self.next += 1;
            at += 1;
        }
        if let Some(floor) = last {
            self.release(floor);
        }
    }

    /// Drops images with ids below `floor`, all of which are below `next`.
    fn release(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
        while self.images.front().is_some_and(|i| i.id < floor) {
            let Some(image) = self.images.pop_front() else { return };
            self.settled -= image.charge();
            self.keep(image.pixels);
        }
    }

    /// A buffer of `bytes` bytes with any content.
    fn buffer(&mut self, bytes: usize) -> Vec<u8> {
        let fits = |b: &Vec<u8>| b.capacity() >= bytes && b.capacity() <= bytes + bytes / 8;
        if let Some(at) = self.spare.iter().position(fits) {
            let mut buffer = self.spare.swap_remove(at);
            self.spare_charge -= charge(&buffer);
            buffer.resize(bytes, 0);
            return buffer;
        }
        vec![0; bytes]
    }

    /// Keeps a buffer for reuse, as long as there is room beside the images.
    pub(super) fn keep(&mut self, buffer: Vec<u8>) {
        if self.spare.len() >= 8 {
            self.spare_charge -= charge(&self.spare.swap_remove(0));
        }
        self.spare_charge += charge(&buffer);
        self.spare.push(buffer);
        self.trim();
    }

    /// Drops buffers kept for reuse until they fit beside the images.
    fn trim(&mut self) {
        let most = self.window + self.window * 3 / 8 + SLACK;
        while self.settled + self.ahead + self.spare_charge > most && !self.spare.is_empty() {
            self.spare_charge -= charge(&self.spare.swap_remove(0));
        }
    }

    /// Where image `id` is, or would be.
    fn find(&self, id: u64) -> Result<usize, usize> {
        // Ids mostly have no gaps.
        let first = self.images.front().map_or(id, |i| i.id);
        let guess = id.wrapping_sub(first) as usize;
        if self.images.get(guess).is_some_and(|i| i.id == id) {
            return Ok(guess);
        }
        self.images.binary_search_by_key(&id, |i| i.id)
    }

    /// The image that image `id` refers to as `distance` images back.
    pub(super) fn referred(&self, id: u64, distance: u32, offset: usize) -> Result<&Image, DecodeError> {
        let corrupt = |reason| DecodeError::Corrupt { offset, reason };
        let wanted =
            id.checked_sub(u64::from(distance)).ok_or(corrupt("match in an image before the first"))?;
        match self.find(wanted) {
            Ok(at) => Ok(&self.images[at]),
            Err(_) if wanted >= self.next => Err(DecodeError::UnknownImage { id: wanted }),
            Err(_) => Err(corrupt("match in an image that was released")),
        }
    }
}
