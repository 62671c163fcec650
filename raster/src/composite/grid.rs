//! The rows of a rectangle, wherever they lie: in a picture, on the target, one behind the other, or one for all.

/// Columns and rows of a rectangle.
pub(super) type Size = (usize, usize);

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

impl<'a> Grid<'a, u32> {
    /// The same rows as bytes.
    pub(super) fn bytes(self) -> Grid<'a, u8> {
        Grid::new(bytemuck::cast_slice(self.cells), self.start.wrapping_mul(4), self.stride.wrapping_mul(4))
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

impl GridMut<'_, u32> {
    /// The same rows as bytes.
    pub(super) fn bytes(&mut self) -> GridMut<'_, u8> {
        GridMut::new(bytemuck::cast_slice_mut(self.cells), 4 * self.start, 4 * self.stride)
    }
}

/// Copies rows. A call of `memcpy` takes longer than most rows of small boxes; what a row takes is settled once for all.
pub(super) fn copy(d: &mut GridMut<'_, u8>, s: Grid<'_, u8>, (width, height): Size) {
    match width {
        256.. => copy_rows(d, s, (width, height), |d, s| d.copy_from_slice(s)),
        65.. => copy_rows(d, s, (width, height), copy_blocks::<32>),
        33.. => copy_rows(d, s, (width, height), copy_ends::<32>),
        17.. => copy_rows(d, s, (width, height), copy_ends::<16>),
        8.. => copy_rows(d, s, (width, height), copy_ends::<8>),
        4.. => copy_rows(d, s, (width, height), copy_ends::<4>),
        _ => copy_rows(d, s, (width, height), |d, s| d.iter_mut().zip(s).for_each(|(d, s)| *d = *s)),
    }
}

/// By what copies a row.
#[inline(always)]
fn copy_rows(
    d: &mut GridMut<'_, u8>,
    s: Grid<'_, u8>,
    (width, height): Size,
    copy: impl Fn(&mut [u8], &[u8]),
) {
    for y in 0..height {
        copy(d.row(y, width), s.row(y, width));
    }
}

/// Copies a row of `N` to `2 * N` bytes.
#[inline(always)]
fn copy_ends<const N: usize>(d: &mut [u8], s: &[u8]) {
    if let (Some(first), Some(last)) = (s.first_chunk::<N>(), s.last_chunk::<N>()) {
        let (first, last) = (*first, *last);
        d.first_chunk_mut::<N>().into_iter().for_each(|d| *d = first);
        d.last_chunk_mut::<N>().into_iter().for_each(|d| *d = last);
    }
}

/// Copies a row of at least `N` bytes by blocks; the last overlaps the one before.
#[inline(always)]
fn copy_blocks<const N: usize>(d: &mut [u8], s: &[u8]) {
    d.as_chunks_mut::<N>().0.iter_mut().zip(s.as_chunks::<N>().0).for_each(|(d, s)| *d = *s);
    if let (Some(d), Some(s)) = (d.last_chunk_mut::<N>(), s.last_chunk::<N>()) {
        *d = *s;
    }
}
