//! Pixel storage: owned surfaces, read-only views and writable bands of rows.
//!
//! A surface keeps its rows top-down, each starting on a 32-bit word. Pixels of 32-bit formats are native `u32`
//! values 0xAARRGGBB or 0xxxRRGGBB (B, G, R, A/x bytes in memory on little-endian machines, as SPICE has them),
//! 16-bit ones native `u16`, 8-bit alpha one byte, 1-bit alpha one bit with the leftmost pixel in bit 0.

use crate::aligned::AlignedWords;
use crate::geom::Rect;
use std::cmp::Ordering;
use std::fmt;

/// The pixel formats that a surface can have (`SPICE_SURFACE_FMT_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SurfaceFormat {
    /// 1-bit alpha (`1_A`), leftmost pixel in bit 0.
    A1,
    /// 8-bit alpha (`8_A`).
    A8,
    /// x1r5g5b5 (`16_555`).
    X1R5G5B5,
    /// r5g6b5 (`16_565`).
    R5G6B5,
    /// x8r8g8b8 (`32_xRGB`); the x byte is kept as it is drawn.
    X8R8G8B8,
    /// a8r8g8b8, premultiplied (`32_ARGB`).
    A8R8G8B8,
}

impl SurfaceFormat {
    /// Bits of one pixel: 1, 8, 16 or 32.
    #[inline]
    pub const fn bits_per_pixel(self) -> u32 {
        match self {
            Self::A1 => 1,
            Self::A8 => 8,
            Self::X1R5G5B5 | Self::R5G6B5 => 16,
            Self::X8R8G8B8 | Self::A8R8G8B8 => 32,
        }
    }

    /// 32-bit words that a row of `width` pixels takes.
    #[inline]
    pub const fn words_per_row(self, width: u32) -> usize {
        (width as usize * self.bits_per_pixel() as usize).div_ceil(32)
    }
}

/// A surface cannot be made: its pixels would take more than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// Bytes that the surface needs.
    pub needed: u64,
    /// Bytes that the caller allows.
    pub limit: u64,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "surface needs {} bytes, the limit is {}", self.needed, self.limit)
    }
}

impl std::error::Error for TooLarge {}

/// Words from row to row, and in all.
fn measure(format: SurfaceFormat, width: u32, height: u32, limit: u64) -> Result<(usize, usize), TooLarge> {
    let row = format.words_per_row(width);
    // Rows worth it start with a cache line each.
    let stride = if row >= 16 { row.next_multiple_of(16) } else { row };
    let needed = stride as u64 * 4 * u64::from(height);
    if needed > limit || width > i32::MAX as u32 || height > i32::MAX as u32 {
        return Err(TooLarge { needed, limit });
    }
    Ok((stride, stride * height as usize))
}

/// An owned surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surface {
    format: SurfaceFormat,
    width: u32,
    height: u32,
    stride: usize,
    words: AlignedWords,
}

impl Surface {
    /// A surface with all bits zero; refuses to allocate more than `limit` bytes.
    pub fn new(format: SurfaceFormat, width: u32, height: u32, limit: u64) -> Result<Self, TooLarge> {
        let (stride, len) = measure(format, width, height, limit)?;
        Ok(Self { format, width, height, stride, words: AlignedWords::zeroed(len) })
    }

    /// Another surface in the same memory, which is not cleared: its pixels are whatever bits are there. Refuses one
    /// that takes more than this one does.
    pub fn reshape(mut self, format: SurfaceFormat, width: u32, height: u32) -> Result<Self, TooLarge> {
        let (stride, len) = measure(format, width, height, self.bytes() as u64)?;
        self.words.set_len(len);
        Ok(Self { format, width, height, stride, words: self.words })
    }

    /// The pixel format.
    #[inline]
    pub const fn format(&self) -> SurfaceFormat {
        self.format
    }

    /// Pixels in a row.
    #[inline]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    #[inline]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The whole surface as a rectangle at the origin.
    #[inline]
    pub fn bounds(&self) -> Rect {
        Rect::of_size(self.width, self.height)
    }

    /// Bytes that the pixels take.
    pub fn bytes(&self) -> usize {
        self.words.len() * 4
    }

    /// The same words as another format of the same pixel size; `None` if the sizes differ.
    pub fn into_format(self, format: SurfaceFormat) -> Option<Self> {
        (format.bits_per_pixel() == self.format.bits_per_pixel()).then_some(Self { format, ..self })
    }

    /// A read-only view of all of it.
    #[inline]
    pub fn view(&self) -> SurfaceRef<'_> {
        SurfaceRef {
            format: self.format,
            width: self.width,
            height: self.height,
            start: 0,
            stride: self.stride,
            words: &self.words,
        }
    }

    /// A writable view of all its rows.
    #[inline]
    pub fn view_mut(&mut self) -> SurfaceMut<'_> {
        SurfaceMut {
            format: self.format,
            width: self.width,
            height: self.height,
            top: 0,
            rows: self.height,
            stride: self.stride,
            words: &mut self.words,
        }
    }

    /// All its words, and how many there are from row to row: bits and stride, for other libraries to draw with.
    #[inline]
    pub fn words_mut(&mut self) -> (&mut [u32], usize) {
        (&mut self.words, self.stride)
    }

    /// Disjoint writable bands from the top, of `heights` rows each (> 0), until there are no rows left: the last may be
    /// shorter.
    pub fn bands_mut(
        &mut self,
        heights: impl IntoIterator<Item = u32>,
    ) -> impl Iterator<Item = SurfaceMut<'_>> {
        let (format, width, height, stride) = (self.format, self.width, self.height, self.stride);
        let (mut words, mut next) = (&mut self.words[..], 0);
        heights.into_iter().map_while(move |rows| {
            let (top, rows) = (next, rows.min(height - next));
            next += rows;
            let (band, rest) = std::mem::take(&mut words).split_at_mut(stride * rows as usize);
            words = rest;
            (rows > 0).then_some(SurfaceMut { format, width, height, top, rows, stride, words: band })
        })
    }
}

/// A read-only picture: a surface, or a bitmap whose pixels already have a surface format.
#[derive(Clone, Copy, Debug)]
pub struct SurfaceRef<'a> {
    format: SurfaceFormat,
    width: u32,
    height: u32,
    /// Where row 0 begins.
    start: usize,
    /// From row to row; wraps around where rows go upwards.
    stride: usize,
    /// INVARIANT: they hold all rows.
    words: &'a [u32],
}

impl<'a> SurfaceRef<'a> {
    /// A picture over words that somebody else holds: `stride` words from row to row, `bottom_up` if the last
    /// row of the picture comes first. `None` if the words do not hold all rows.
    pub fn new(
        format: SurfaceFormat,
        width: u32,
        height: u32,
        stride: usize,
        bottom_up: bool,
        words: &'a [u32],
    ) -> Option<Self> {
        let row = format.words_per_row(width);
        let needed = match height {
            0 => 0,
            h => stride.checked_mul(h as usize - 1)?.checked_add(row)?,
        };
        let fits = row <= stride.max(row * (height <= 1) as usize)
            && needed <= words.len()
            && width <= i32::MAX as u32
            && height <= i32::MAX as u32;
        let (start, stride) = match bottom_up && height > 0 {
            true => ((height as usize - 1) * stride, stride.wrapping_neg()),
            false => (0, stride),
        };
        fits.then_some(Self { format, width, height, start, stride, words })
    }

    /// The pixel format.
    #[inline]
    pub const fn format(&self) -> SurfaceFormat {
        self.format
    }

    /// The same words read as another format of the same pixel size; `None` if the sizes differ.
    #[inline]
    pub fn with_format(self, format: SurfaceFormat) -> Option<Self> {
        (format.bits_per_pixel() == self.format.bits_per_pixel()).then_some(Self { format, ..self })
    }

    /// Pixels in a row.
    #[inline]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    #[inline]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The whole picture as a rectangle at the origin.
    #[inline]
    pub fn bounds(&self) -> Rect {
        Rect::of_size(self.width, self.height)
    }

    /// The words of row `y`, `y < height`; panics beyond.
    #[inline]
    pub fn row(&self, y: u32) -> &'a [u32] {
        assert!(y < self.height);
        let start = self.start.wrapping_add(self.stride.wrapping_mul(y as usize));
        &self.words[start..start + self.format.words_per_row(self.width)]
    }

    /// All words, where row 0 starts among them, and how many there are from row to row (wrapping around where rows
    /// go upwards).
    #[inline]
    pub(crate) fn layout(&self) -> (&'a [u32], usize, usize) {
        (self.words, self.start, self.stride)
    }

    /// Row `y` of a 16-bit format: `width` pixels.
    #[inline]
    pub fn row16(&self, y: u32) -> &'a [u16] {
        &bytemuck::cast_slice(self.row(y))[..self.width as usize]
    }

    /// Row `y` of an 8-bit format: `width` pixels. Of a 1-bit format use [`SurfaceRef::bytes_of_row`].
    #[inline]
    pub fn row8(&self, y: u32) -> &'a [u8] {
        &bytemuck::cast_slice(self.row(y))[..self.width as usize]
    }

    /// All bytes of row `y`, up to the end of its last word.
    #[inline]
    pub fn bytes_of_row(&self, y: u32) -> &'a [u8] {
        bytemuck::cast_slice(self.row(y))
    }
}

/// A writable band of consecutive rows of a surface, addressed in the surface's own coordinates.
#[derive(Debug)]
pub struct SurfaceMut<'a> {
    format: SurfaceFormat,
    width: u32,
    height: u32,
    top: u32,
    rows: u32,
    stride: usize,
    words: &'a mut [u32],
}

impl SurfaceMut<'_> {
    /// The pixel format.
    #[inline]
    pub const fn format(&self) -> SurfaceFormat {
        self.format
    }

    /// Pixels in a row.
    #[inline]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows of the whole surface, of which this band may hold only some.
    pub const fn surface_height(&self) -> u32 {
        self.height
    }

    /// The whole surface as a rectangle at the origin.
    pub fn surface_bounds(&self) -> Rect {
        Rect::of_size(self.width, self.height)
    }

    /// The pixels that may be written through this band, in surface coordinates.
    #[inline]
    pub fn bounds(&self) -> Rect {
        Rect::new(0, self.top as i32, self.width as i32, (self.top + self.rows) as i32)
    }

    /// The words of row `y` of the surface; panics if the band does not hold it.
    #[inline]
    pub fn row(&mut self, y: u32) -> &mut [u32] {
        assert!(y >= self.top && y - self.top < self.rows);
        let start = (y - self.top) as usize * self.stride;
        let row = self.format.words_per_row(self.width);
        &mut self.words[start..start + row]
    }

    /// Row `y` of a 16-bit format: `width` pixels.
    #[inline]
    pub fn row16(&mut self, y: u32) -> &mut [u16] {
        let width = self.width as usize;
        &mut bytemuck::cast_slice_mut(self.row(y))[..width]
    }

    /// Row `y` of an 8-bit format: `width` pixels. Of a 1-bit format use [`SurfaceMut::bytes_of_row`].
    #[inline]
    pub fn row8(&mut self, y: u32) -> &mut [u8] {
        let width = self.width as usize;
        &mut bytemuck::cast_slice_mut(self.row(y))[..width]
    }

    /// All bytes of row `y`, up to the end of its last word.
    #[inline]
    pub fn bytes_of_row(&mut self, y: u32) -> &mut [u8] {
        bytemuck::cast_slice_mut(self.row(y))
    }

    /// All words, the row that is first among them, and how many there are from row to row.
    #[inline]
    pub(crate) fn layout_mut(&mut self) -> (&mut [u32], u32, usize) {
        (self.words, self.top, self.stride)
    }

    /// Row `target` to write and row `source` to read, `None` if they are the same row; panics if the band does
    /// not hold both.
    pub(crate) fn two_rows(&mut self, target: u32, source: u32) -> (&mut [u32], Option<&[u32]>) {
        assert!(target.min(source) >= self.top && target.max(source) - self.top < self.rows);
        let len = self.format.words_per_row(self.width);
        let start = |y: u32| (y - self.top) as usize * self.stride;
        let (to, from) = (start(target), start(source));
        match target.cmp(&source) {
            Ordering::Equal => (&mut self.words[to..to + len], None),
            Ordering::Less => {
                let (head, tail) = self.words.split_at_mut(from);
                (&mut head[to..to + len], Some(&tail[..len]))
            }
            Ordering::Greater => {
                let (head, tail) = self.words.split_at_mut(to);
                (&mut tail[..len], Some(&head[from..from + len]))
            }
        }
    }

    /// The same rows, for a shorter time.
    pub fn reborrow(&mut self) -> SurfaceMut<'_> {
        SurfaceMut { words: &mut *self.words, ..*self }
    }

    /// A read-only view of the rows of this band, as a picture whose row 0 is the band's first row.
    pub fn as_ref(&self) -> SurfaceRef<'_> {
        SurfaceRef {
            format: self.format,
            width: self.width,
            height: self.rows,
            start: 0,
            stride: self.stride,
            words: self.words,
        }
    }
}
