//! The rows of a rectangle, wherever they lie: in a picture, on the target, one behind the other, or one for all.

/// Rows to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid<'a, T> {
    cells: &'a [T],
    /// Where the first row begins.
    start: usize,
    /// From row to row; wraps around where rows go upwards.
    stride: usize,
}

impl<'a, T> Grid<'a, T> {
    pub(super) const fn new(cells: &'a [T], start: usize, stride: usize) -> Self {
        Self { cells, start, stride }
    }

    /// Rows of `width` cells one behind the other.
    pub(super) const fn packed(cells: &'a [T], width: usize) -> Self {
        Self::new(cells, 0, width)
    }

    /// The same row again and again.
    pub(super) const fn constant(row: &'a [T]) -> Self {
        Self::new(row, 0, 0)
    }

    /// The grid from another column and row of it on.
    pub(super) const fn at(self, x: usize, y: usize) -> Self {
        let start = self.start.wrapping_add(self.stride.wrapping_mul(y)).wrapping_add(x);
        Self { start, ..self }
    }

    #[inline(always)]
    pub(super) fn row(self, y: usize, width: usize) -> &'a [T] {
        let start = self.start.wrapping_add(self.stride.wrapping_mul(y));
        &self.cells[start..start + width]
    }
}

/// Rows to change.
#[derive(Debug)]
pub(super) struct GridMut<'a, T> {
    cells: &'a mut [T],
    start: usize,
    stride: usize,
}

impl<'a, T> GridMut<'a, T> {
    pub(super) const fn new(cells: &'a mut [T], start: usize, stride: usize) -> Self {
        Self { cells, start, stride }
    }

    /// Rows of `width` cells one behind the other.
    pub(super) const fn packed(cells: &'a mut [T], width: usize) -> Self {
        Self::new(cells, 0, width)
    }

    #[inline(always)]
    pub(super) fn row(&mut self, y: usize, width: usize) -> &mut [T] {
        let start = self.start + self.stride * y;
        &mut self.cells[start..start + width]
    }
}
