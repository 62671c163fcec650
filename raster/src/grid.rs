//! The rows of a rectangle, wherever they lie: in a picture, on the target, one behind the other, or one for all.

use crate::geom::Rect;
use crate::kernels::bits::put_color;
use crate::kernels::{with_fitting, with_level};
use crate::surface::{SurfaceMut, SurfaceRef};
use fearless_simd::{Level, prelude::*};

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
    /// One of them: for boxes so narrow that rows are not worth it.
    #[inline(always)]
    pub(crate) fn cell(self, y: usize, x: usize) -> T {
        self.cells[self.start.wrapping_add(self.stride.wrapping_mul(y)).wrapping_add(x)]
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

impl<T> GridMut<'_, T> {
    /// One of them.
    #[inline(always)]
    pub(crate) fn cell(&mut self, y: usize, x: usize) -> &mut T {
        &mut self.cells[self.start + self.stride * y + x]
    }

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

/// Copies rows of bytes. A call of `memcpy` takes longer than most rows of small boxes; what a row takes is settled once
/// for all.
pub(crate) fn copy(level: Level, d: &mut GridMut<'_, u8>, s: Grid<'_, u8>, size: Size) {
    let (width, height) = joined(size, d.joins(size) && s.joins(size));
    match width {
        256.. => with_level!(level, simd => copy_long(simd, d, s, (width, height))),
        65.. => copy_rows(d, s, (width, height), copy_blocks::<32>),
        33.. => copy_rows(d, s, (width, height), copy_ends::<32>),
        17.. => copy_rows(d, s, (width, height), copy_ends::<16>),
        8.. => copy_rows(d, s, (width, height), copy_ends::<8>),
        4.. => copy_rows(d, s, (width, height), copy_ends::<4>),
        2.. => copy_rows(d, s, (width, height), copy_ends::<2>),
        _ => copy_rows(d, s, (width, height), copy_ends::<1>),
    }
}

/// Copies rows of at least four vectors, by as many; the last overlap those before. `memcpy` takes a tenth longer for
/// rows that do not lie in the first-level cache.
#[inline(always)]
fn copy_long<S: Simd>(simd: S, d: &mut GridMut<'_, u8>, s: Grid<'_, u8>, (width, height): Size) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = 4 * S::u8s::LEN;
            for y in 0..height {
                let (d, s) = (d.row(y, width), s.row(y, width));
                for (d, s) in d.chunks_exact_mut(n).zip(s.chunks_exact(n)) {
                    copy_four(simd, d, s);
                }
                copy_four(simd, &mut d[width - n..], &s[width - n..]);
            }
        },
    );
}

/// Copies four vectors.
#[inline(always)]
fn copy_four<S: Simd>(simd: S, d: &mut [u8], s: &[u8]) {
    let n = S::u8s::LEN;
    // What is combined with nothing is a vector; what is only copied would go through memory.
    let [a, b] = [S::u8s::from_slice(simd, &s[..n]) | 0, S::u8s::from_slice(simd, &s[n..2 * n]) | 0];
    let [c, e] =
        [S::u8s::from_slice(simd, &s[2 * n..3 * n]) | 0, S::u8s::from_slice(simd, &s[3 * n..4 * n]) | 0];
    a.store_slice(&mut d[..n]);
    b.store_slice(&mut d[n..2 * n]);
    c.store_slice(&mut d[2 * n..3 * n]);
    e.store_slice(&mut d[3 * n..4 * n]);
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
        put_ends(d, &first, &last);
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

/// Puts the ends of a row of `N` to `2 * N` bytes.
#[inline(always)]
fn put_ends<const N: usize>(d: &mut [u8], first: &[u8; N], last: &[u8; N]) {
    d.first_chunk_mut::<N>().into_iter().for_each(|d| *d = *first);
    d.last_chunk_mut::<N>().into_iter().for_each(|d| *d = *last);
}

/// Fills rows of bytes with a word that repeats whole pixels; the rows hold whole pixels.
pub(crate) fn fill(level: Level, d: &mut GridMut<'_, u8>, word: u32, size: Size) {
    let (width, height) = joined(size, d.joins(size));
    let four = word.to_ne_bytes();
    let long = u64::from(word) << 32 | u64::from(word);
    match width {
        256.. => with_level!(level, simd => {
            (0..height).for_each(|y| put_color(simd, d.row(y, width), 0, word));
        }),
        16.. => with_fitting!(level, width / 4, simd => fill_short(simd, d, word, (width, height))),
        8.. => fill_ends(d, long.to_ne_bytes(), (width, height)),
        4.. => fill_ends(d, four, (width, height)),
        2.. => fill_ends(d, [four[0], four[1]], (width, height)),
        _ => fill_ends(d, [four[0]], (width, height)),
    }
}

/// Fills rows of at least a vector; the last overlaps the one before, and starts with a pixel too.
#[inline(always)]
fn fill_short<S: Simd>(simd: S, d: &mut GridMut<'_, u8>, word: u32, (width, height): Size) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u8s::LEN;
            let block: S::u8s = S::u32s::splat(simd, word).bitcast();
            for y in 0..height {
                let d = d.row(y, width);
                for d in d.chunks_exact_mut(n) {
                    block.store_slice(d);
                }
                block.store_slice(&mut d[width - n..]);
            }
        },
    );
}

/// Fills rows of `N` to `2 * N` bytes. At the row's end too a block starts with a pixel.
#[inline(always)]
fn fill_ends<const N: usize>(d: &mut GridMut<'_, u8>, block: [u8; N], (width, height): Size) {
    for y in 0..height {
        put_ends(d.row(y, width), &block, &block);
    }
}
