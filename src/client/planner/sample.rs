//! Pixels of any format as values to compare.

use spice_raster::{Rect, SurfaceRef};
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, BitXor};

/// A pixel value: `u32`, `u16` or `u8`.
pub(super) trait Sample:
    bytemuck::Pod
    + Default
    + Eq
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Into<u32>
{
}

impl Sample for u32 {}
impl Sample for u16 {}
impl Sample for u8 {}

/// Something with rows of pixels, of which the bits in `mask` are visible.
pub(super) trait Rows<P> {
    fn row(&self, y: i32) -> &[P];
    fn mask(&self) -> P;
}

/// A surface read as pixels of type `P`.
#[derive(Clone, Copy)]
pub(super) struct Picture<'a, P> {
    surface: SurfaceRef<'a>,
    mask: P,
    pixels: PhantomData<P>,
}

impl<'a, P: Sample> Picture<'a, P> {
    pub(super) fn new(surface: SurfaceRef<'a>, mask: P) -> Self {
        Self { surface, mask, pixels: PhantomData }
    }

    pub(super) fn bounds(&self) -> Rect {
        self.surface.bounds()
    }

    #[inline(always)]
    pub(super) fn pixels(&self, y: i32) -> &'a [P] {
        &bytemuck::cast_slice(self.surface.row(y as u32))[..self.surface.width() as usize]
    }

    /// The one colour of a rectangle, if it has only one.
    pub(super) fn colour(&self, rect: Rect) -> Option<u32> {
        let first = self.pixels(rect.top)[rect.left as usize] & self.mask;
        for y in rect.top..rect.bottom {
            let row = &self.pixels(y)[rect.left as usize..rect.right as usize];
            for part in row.chunks(16) {
                let differs = part.iter().fold(P::default(), |d, &p| d | ((p ^ first) & self.mask));
                if differs != P::default() {
                    return None;
                }
            }
        }
        Some(first.into())
    }
}

impl<P: Sample> Rows<P> for Picture<'_, P> {
    #[inline(always)]
    fn row(&self, y: i32) -> &[P] {
        self.pixels(y)
    }

    #[inline(always)]
    fn mask(&self) -> P {
        self.mask
    }
}
