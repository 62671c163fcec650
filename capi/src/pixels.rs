//! Pixels as C gets them.

use crate::status::Failure;
use spice_raster::{Rect, SurfaceFormat, SurfaceRef};
use spice_render::draw::screen_row;

/// A rectangle of pixels: `left` and `top` are in it, `right` and `bottom` are not.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpiceRenderRect {
    /// The first column.
    pub left: i32,
    /// The first row.
    pub top: i32,
    /// The column behind the last.
    pub right: i32,
    /// The row behind the last.
    pub bottom: i32,
}

impl SpiceRenderRect {
    pub(crate) fn to_rect(self) -> Rect {
        Rect { left: self.left, top: self.top, right: self.right, bottom: self.bottom }
    }
}

/// Memory of the caller that takes pixels of 4 bytes, B, G, R, X: X is the alpha of a 32_ARGB surface and 0 of any
/// other, the colours are what a screen shows of the surface's format.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SpiceRenderPixels {
    /// The first byte of the top row.
    pub data: *mut u8,
    /// Bytes that may be written from `data` on.
    pub size: usize,
    /// Bytes from a row to the row below it, at least 4 a pixel.
    pub stride: usize,
}

/// Copies a rectangle that lies in the surface.
///
/// # Safety
/// The caller of C's function promised that `to` can be written and is nobody else's.
pub(crate) unsafe fn copy(from: SurfaceRef<'_>, area: Rect, to: &SpiceRenderPixels) -> Result<(), Failure> {
    if area.is_empty() {
        return Ok(());
    }
    let (width, height) = (area.width() as usize, area.height() as usize);
    let row = width * 4;
    let needed = to.stride.checked_mul(height - 1).and_then(|n| n.checked_add(row));
    if to.data.is_null() || to.stride < row || needed.is_none_or(|n| n > to.size) {
        return Err(Failure::argument("pixels: data, size or stride do not hold the rectangle"));
    }
    // SAFETY: not NULL, and the caller's promise.
    let out = unsafe { std::slice::from_raw_parts_mut(to.data, to.size) };
    let columns = area.left as usize..area.right as usize;
    let mut words = vec![0; width];
    for (y, line) in (area.top as u32..area.bottom as u32).zip(out.chunks_mut(to.stride)) {
        if from.format() == SurfaceFormat::A8R8G8B8 {
            words.copy_from_slice(&from.row(y)[columns.clone()]);
        } else {
            screen_row(from, y, columns.clone(), &mut words);
        }
        let pixels = line[..row].as_chunks_mut::<4>().0;
        pixels.iter_mut().zip(&words).for_each(|(pixel, word)| *pixel = word.to_le_bytes());
    }
    Ok(())
}
