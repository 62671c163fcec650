//! The rows of a rectangle, wherever they lie: in a picture, on the target, one behind the other, or one for all.

use crate::geom::Rect;
use crate::surface::{SurfaceMut, SurfaceRef};

/// Columns and rows of a rectangle.
pub(crate) type Size = (usize, usize);

/// Rows to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid<'a, T> {
    cells: &'a [T],
    /// Where the first row begins.
    start: usize,
    /// From row to row; wraps around where rows go upwards.
    stride: usize,
}

impl<'a, T> Grid<'a, T> {
    pub(crate) const fn new(cells: &'a [T], start: usize, stride: usize) -> Self {
        Self { cells, start, stride }
    }

    /// Rows of `width` cells one behind the other.
    pub(crate) const fn packed(cells: &'a [T], width: usize) -> Self {
        Self::new(cells, 0, width)
    }

    /// The same row again and again.
    pub(crate) const fn constant(row: &'a [T]) -> Self {
        Self::new(row, 0, 0)
    }

    /// The grid from another column and row of it on.
    pub(crate) const fn at(self, x: usize, y: usize) -> Self {
        let start = self.start.wrapping_add(self.stride.wrapping_mul(y)).wrapping_add(x);
        Self { start, ..self }
    }

    /// Whether each row begins where the one before ends.
    #[inline(always)]
    pub(crate) const fn joins(&self, (width, _): Size) -> bool {
        self.stride == width
    }

    #[inline(always)]
    pub(crate) fn row(self, y: usize, width: usize) -> &'a [T] {
        let start = self.start.wrapping_add(self.stride.wrapping_mul(y));
        &self.cells[start..start + width]
    }
}

/// The size of the same cells as one row, if they join.
#[inline(always)]
pub(crate) fn joined((width, height): Size, join: bool) -> Size {
    if join { (width * height, 1) } else { (width, height) }
}

/// The columns and rows of a rectangle.
pub(crate) fn cells(rect: Rect) -> Size {
    (rect.width() as usize, rect.height() as usize)
}

impl<'a> SurfaceRef<'a> {
    /// Its words as rows, from row `y` on; `column` counts words.
    #[inline]
    pub(crate) fn words_from(&self, column: usize, y: u32) -> Grid<'a, u32> {
        let (words, start, stride) = self.layout();
        Grid::new(words, start, stride).at(column, y as usize)
    }

    /// Its pixels of 16 bits as rows, from row `y` on.
    #[inline]
    pub(crate) fn shorts_from(&self, column: usize, y: u32) -> Grid<'a, u16> {
        let (words, start, stride) = self.layout();
        let shorts = bytemuck::cast_slice(words);
        Grid::new(shorts, start.wrapping_mul(2), stride.wrapping_mul(2)).at(column, y as usize)
    }

    /// Its bytes as rows, from row `y` on; `column` counts bytes.
    #[inline]
    pub(crate) fn bytes_from(&self, column: usize, y: u32) -> Grid<'a, u8> {
        let (words, start, stride) = self.layout();
        let bytes = bytemuck::cast_slice(words);
        Grid::new(bytes, start.wrapping_mul(4), stride.wrapping_mul(4)).at(column, y as usize)
    }
}

impl SurfaceMut<'_> {
    /// The words of a rectangle of 32-bit pixels.
    #[inline]
    pub(crate) fn words_of(&mut self, rect: Rect) -> GridMut<'_, u32> {
        let (words, top, stride) = self.layout_mut();
        GridMut::new(words, (rect.top as usize - top as usize) * stride + rect.left as usize, stride)
    }

    /// The pixels of a rectangle of 16-bit ones.
    #[inline]
    pub(crate) fn shorts_of(&mut self, rect: Rect) -> GridMut<'_, u16> {
        let (words, top, stride) = self.layout_mut();
        let start = (rect.top as usize - top as usize) * stride * 2 + rect.left as usize;
        GridMut::new(bytemuck::cast_slice_mut(words), start, stride * 2)
    }

    /// The bytes of a rectangle whose pixels have this many.
    #[inline]
    pub(crate) fn bytes_of(&mut self, rect: Rect, pixel: usize) -> GridMut<'_, u8> {
        let (words, top, stride) = self.layout_mut();
        let start = (rect.top as usize - top as usize) * stride * 4 + rect.left as usize * pixel;
        GridMut::new(bytemuck::cast_slice_mut(words), start, stride * 4)
    }
}

impl<'a, T: bytemuck::NoUninit> Grid<'a, T> {
    /// The same rows as bytes.
    pub(crate) fn bytes(self) -> Grid<'a, u8> {
        let size = size_of::<T>();
        let (start, stride) = (self.start.wrapping_mul(size), self.stride.wrapping_mul(size));
        Grid::new(bytemuck::cast_slice(self.cells), start, stride)
    }
}

impl<T: Copy> Grid<'_, T> {
    /// `N` of a row from one on: for boxes so narrow that rows are not worth it.
    #[inline(always)]
    pub(crate) fn few<const N: usize>(self, x: usize, y: usize) -> [T; N] {
        let start = self.start.wrapping_add(self.stride.wrapping_mul(y)).wrapping_add(x);
        some(self.cells, start)
    }
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// Bytes from the start of a cache line to that of a row: stores that straddle lines cost twice. What is drawn does not
/// depend on it. Rows of whole pixels begin at a multiple of a pixel's size, and so does that.
#[inline(always)]
pub(crate) fn behind_line<T>(row: &[T]) -> usize {
    row.as_ptr().addr() % LINE
}

/// `N` cells from one on. A single one takes one comparison, a slice two.
#[inline(always)]
fn some<T: Copy, const N: usize>(cells: &[T], start: usize) -> [T; N] {
    match N {
        1 => [cells[start]; N],
        _ => *cells[start..start + N].first_chunk().expect("as many as the slice has"),
    }
}

/// Rows to change.
#[derive(Debug)]
pub(crate) struct GridMut<'a, T> {
    cells: &'a mut [T],
    start: usize,
    stride: usize,
}

impl<'a, T> GridMut<'a, T> {
    pub(crate) const fn new(cells: &'a mut [T], start: usize, stride: usize) -> Self {
        Self { cells, start, stride }
    }

    /// Rows of `width` cells one behind the other.
    pub(crate) const fn packed(cells: &'a mut [T], width: usize) -> Self {
        Self::new(cells, 0, width)
    }

    /// Whether each row begins where the one before ends.
    #[inline(always)]
    pub(crate) const fn joins(&self, (width, _): Size) -> bool {
        self.stride == width
    }

    /// Whether the first of rows of so many cells, and each that lies whole cache lines away, lies in two lines.
    #[inline(always)]
    pub(crate) fn straddles(&self, width: usize) -> bool {
        behind_line(&self.cells[self.start..]) + width * size_of::<T>() > LINE
    }

    /// The rows from another column and row on.
    pub(crate) fn from(&mut self, x: usize, y: usize) -> GridMut<'_, T> {
        GridMut { start: self.start + self.stride * y + x, stride: self.stride, cells: &mut *self.cells }
    }

    #[inline(always)]
    pub(crate) fn row(&mut self, y: usize, width: usize) -> &mut [T] {
        let start = self.start + self.stride * y;
        &mut self.cells[start..start + width]
    }
}

impl<T: Copy> GridMut<'_, T> {
    /// `N` of a row from one on.
    #[inline(always)]
    pub(crate) fn few<const N: usize>(&self, x: usize, y: usize) -> [T; N] {
        some(self.cells, self.start + self.stride * y + x)
    }

    /// Changes those.
    #[inline(always)]
    pub(crate) fn put_few<const N: usize>(&mut self, x: usize, y: usize, few: [T; N]) {
        let start = self.start + self.stride * y + x;
        match N {
            1 => self.cells[start] = few[0],
            _ => self.cells[start..start + N].copy_from_slice(&few),
        }
    }
}

impl<T> GridMut<'_, T> {
    /// The same rows to read.
    pub(crate) const fn as_grid(&self) -> Grid<'_, T> {
        Grid::new(self.cells, self.start, self.stride)
    }
}

impl GridMut<'_, u32> {
    /// The same rows as bytes.
    pub(crate) fn bytes(&mut self) -> GridMut<'_, u8> {
        GridMut::new(bytemuck::cast_slice_mut(self.cells), 4 * self.start, 4 * self.stride)
    }
}
