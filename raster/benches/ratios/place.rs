//! Boxes: pictures of their own, or parts of pictures of a screen's size.

use super::race::{image, surface_of_rows, words_of_rows};
use bench_pixman::Pixels;
use spice_raster::{Rect, Surface, SurfaceFormat};
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

/// Where a box lies in its picture.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    width: u32,
    height: u32,
    pub(crate) rect: Rect,
}

impl Place {
    /// It is the picture.
    pub(crate) fn whole(width: u32, height: u32) -> Self {
        Self { width, height, rect: Rect::of_size(width, height) }
    }

    /// It is a part of a screen.
    pub(crate) fn inside(x: i32, y: i32, width: u32, height: u32) -> Self {
        Self { width: 1920, height: 1080, rect: Rect::of_size(width, height).translate(x, y) }
    }

    /// Its rows. The others of a picture are never touched.
    fn rows(&self) -> Range<u32> {
        self.rect.top as u32..self.rect.bottom as u32
    }

    /// A picture with pixels in the rows of the box. Screens get some rows more, in each picture and run another number:
    /// how far pictures lie apart decides which lines of a column drive each other out of the cache, for either side.
    pub(crate) fn surface(&self, format: SurfaceFormat, pixel: impl Fn(u64) -> u32) -> Surface {
        let more = if self.rect.height() == self.height { 0 } else { RandomState::new().hash_one(0) % 64 };
        surface_of_rows(format, self.width, self.height + more as u32, self.rows(), pixel)
    }

    /// The words of such a picture, in one row.
    pub(crate) fn words(&self, surface: &Surface) -> Surface {
        words_of_rows(surface, self.rows())
    }

    /// pixman's picture over such words, in which it writes or reads the box.
    pub(crate) fn image<'a>(&self, surface: &Surface, words: &'a mut [u32]) -> Pixels<'a> {
        let mut pixels = image(format(surface.format()), surface, words);
        let Rect { left, top, .. } = self.rect;
        pixels.within(left as u32, top as u32, self.rect.width(), self.rect.height());
        pixels
    }

    /// Bytes of the box, as many as are worth a `memcpy`.
    pub(crate) fn bytes(&self, format: SurfaceFormat) -> usize {
        (self.rect.area() as usize * format.bits_per_pixel() as usize / 8).max(64)
    }

    /// Whether the pixels of all rows of the box are the same. Behind those of a row there may be more bits; they are
    /// nobody's.
    pub(crate) fn same(&self, ours: &Surface, theirs: &[u32]) -> bool {
        let stride = ours.format().words_per_row(self.width);
        let bits = (self.width * ours.format().bits_per_pixel()) as usize;
        self.rows().all(|y| {
            let row = &theirs[y as usize * stride..][..stride];
            let row: Vec<u8> = row.iter().flat_map(|word| word.to_ne_bytes()).collect();
            let (ours, bytes) = (ours.view().bytes_of_row(y), bits / 8);
            let rest = (1u8 << (bits % 8)) - 1;
            ours[..bytes] == row[..bytes] && (rest == 0 || ours[bytes] & rest == row[bytes] & rest)
        })
    }
}

fn format(format: SurfaceFormat) -> u32 {
    use SurfaceFormat::*;
    match format {
        A1 => bench_pixman::A1,
        A8 => bench_pixman::A8,
        X1R5G5B5 => bench_pixman::X1R5G5B5,
        R5G6B5 => bench_pixman::R5G6B5,
        X8R8G8B8 => bench_pixman::X8R8G8B8,
        A8R8G8B8 => bench_pixman::A8R8G8B8,
    }
}
