//! Boxes: pictures of their own, or parts of pictures of a screen's size. Both sides draw in the same memory.

use super::race::surface_of_rows;
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
    /// Whether pictures have just this height.
    exact: bool,
}

impl Place {
    /// It is the picture.
    pub(crate) fn whole(width: u32, height: u32) -> Self {
        Self { width, height, rect: Rect::of_size(width, height), exact: false }
    }

    /// It is the picture, to the last row.
    pub(crate) fn exact(width: u32, height: u32) -> Self {
        Self { exact: true, ..Self::whole(width, height) }
    }

    /// It is a part of a screen.
    pub(crate) fn inside(x: i32, y: i32, width: u32, height: u32) -> Self {
        let rect = Rect::of_size(width, height).translate(x, y);
        Self { width: 1920, height: 1080, rect, exact: false }
    }

    /// Its rows. The others of a picture are never touched.
    fn rows(&self) -> Range<u32> {
        self.rect.top as u32..self.rect.bottom as u32
    }

    /// A picture with pixels in the rows of the box. It gets some rows more, each picture another number:
    /// how far pictures lie apart decides which lines of a column drive each other out of the cache, for either side.
    pub(crate) fn surface(&self, format: SurfaceFormat, pixel: impl Fn(u64) -> u32) -> Surface {
        let more = if self.exact { 0 } else { random(64) };
        surface_of_rows(format, self.width, self.height + more, self.rows(), pixel)
    }

    /// pixman's picture over the same words, in which it writes or reads the box.
    pub(crate) fn image<'a>(&self, surface: &'a mut Surface) -> Pixels<'a> {
        let mut pixels = image(surface);
        let Rect { left, top, .. } = self.rect;
        pixels.within(left as u32, top as u32, self.rect.width(), self.rect.height());
        pixels
    }

    /// Bytes of the box, as many as are worth a `memcpy`.
    pub(crate) fn bytes(&self, format: SurfaceFormat) -> usize {
        (self.rect.area() as usize * format.bits_per_pixel() as usize / 8).max(64)
    }

    /// Whether one draws in a picture the same as the other; panics if not. Behind the pixels of a row there may be more
    /// bits; they are nobody's.
    pub(crate) fn compare(
        &self,
        name: &str,
        dst: &mut Surface,
        ours: impl FnOnce(&mut Surface),
        theirs: impl FnOnce(&mut Surface),
    ) {
        let before = self.words(dst);
        ours(dst);
        let drawn = self.words(dst);
        for (y, row) in self.rows().zip(&before) {
            dst.view_mut().row(y).copy_from_slice(row);
        }
        theirs(dst);
        let bits = self.width * dst.format().bits_per_pixel();
        let last = u32::MAX >> (bits.wrapping_neg() % 32);
        for (ours, theirs) in drawn.iter().zip(self.words(dst)) {
            let (Some((a, ours)), Some((b, theirs))) = (ours.split_last(), theirs.split_last()) else {
                continue;
            };
            assert!(ours == theirs && a & last == b & last, "{name} differs from pixman");
        }
    }

    /// The words of its rows.
    fn words(&self, surface: &Surface) -> Vec<Vec<u32>> {
        self.rows().map(|y| surface.view().row(y).to_vec()).collect()
    }
}

/// A number below another, each time another one.
pub(crate) fn random(below: u32) -> u32 {
    (RandomState::new().hash_one(0) % u64::from(below)) as u32
}

/// pixman's picture over a surface.
pub(crate) fn image(surface: &mut Surface) -> Pixels<'_> {
    use SurfaceFormat::*;
    let format = match surface.format() {
        A1 => bench_pixman::A1,
        A8 => bench_pixman::A8,
        X1R5G5B5 => bench_pixman::X1R5G5B5,
        R5G6B5 => bench_pixman::R5G6B5,
        X8R8G8B8 => bench_pixman::X8R8G8B8,
        A8R8G8B8 => bench_pixman::A8R8G8B8,
    };
    let (width, height) = (surface.width(), surface.height());
    let (words, stride) = surface.words_mut();
    Pixels::new(format, width, height, stride, words)
}
