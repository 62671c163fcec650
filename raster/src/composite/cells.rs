//! What an operator reads for a rectangle of pixels, wherever it comes from.

use crate::grid::{Grid, Size};

/// Rows of pixels.
pub(super) trait Cells: Copy {
    type Row: Copy;

    /// The first `width` pixels of a row.
    fn row(self, y: usize, width: usize) -> Self::Row;

    /// Whether each row goes on where the one before ends.
    fn joins(&self, size: Size) -> bool;
}

/// Pixels as they are.
impl<'a, T: Copy> Cells for Grid<'a, T> {
    type Row = &'a [T];

    #[inline(always)]
    fn row(self, y: usize, width: usize) -> &'a [T] {
        Grid::row(self, y, width)
    }

    #[inline(always)]
    fn joins(&self, size: Size) -> bool {
        Grid::joins(self, size)
    }
}

/// None: no mask.
impl Cells for () {
    type Row = ();

    #[inline(always)]
    fn row(self, _: usize, _: usize) {}

    #[inline(always)]
    fn joins(&self, _: Size) -> bool {
        true
    }
}

/// The same pixel everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Same<T>(pub(super) T);

impl<T: Copy> Cells for Same<T> {
    type Row = T;

    #[inline(always)]
    fn row(self, _: usize, _: usize) -> T {
        self.0
    }

    #[inline(always)]
    fn joins(&self, _: Size) -> bool {
        true
    }
}

/// Words in which some bits count as set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set<'a> {
    pub(super) words: Grid<'a, u32>,
    pub(super) bits: u32,
}

impl<'a> Cells for Set<'a> {
    type Row = (&'a [u32], u32);

    #[inline(always)]
    fn row(self, y: usize, width: usize) -> Self::Row {
        (self.words.row(y, width), self.bits)
    }

    #[inline(always)]
    fn joins(&self, size: Size) -> bool {
        self.words.joins(size)
    }
}

/// Alphas of one bit, the leftmost in bit 0 of its byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    bytes: Grid<'a, u8>,
    /// The first column, in bits from where the rows of bytes start.
    first: usize,
}

impl<'a> Bits<'a> {
    /// Those from a column on of rows of bytes.
    pub(super) const fn new(bytes: Grid<'a, u8>, column: usize) -> Self {
        Self { bytes, first: column }
    }

    /// The same from another pixel on.
    pub(super) const fn at(self, x: usize, y: usize) -> Self {
        Self { bytes: self.bytes.at(0, y), first: self.first + x }
    }
}

impl<'a> Cells for Bits<'a> {
    /// Bytes, and the first one's bit that is the first pixel.
    type Row = (&'a [u8], usize);

    #[inline(always)]
    fn row(self, y: usize, width: usize) -> Self::Row {
        let (byte, bit) = (self.first / 8, self.first % 8);
        (self.bytes.at(byte, 0).row(y, (bit + width).div_ceil(8)), bit)
    }

    /// Their rows begin with a word.
    #[inline(always)]
    fn joins(&self, _: Size) -> bool {
        false
    }
}

/// At least 16 of a row's bits from one on, the first in bit 0; those beyond its end are 0.
#[inline(always)]
pub(super) fn some_bits((bytes, first): (&[u8], usize), at: usize) -> u32 {
    let (byte, bit) = ((first + at) / 8, (first + at) % 8);
    let four = match bytes[byte..].first_chunk() {
        Some(four) => u32::from_le_bytes(*four),
        None => bytes[byte..].iter().rev().fold(0, |bits, byte| bits << 8 | u32::from(*byte)),
    };
    four >> bit
}

/// A mask of words.
#[derive(Clone, Copy, Debug)]
pub(super) enum WordMask<'a> {
    /// All pixels count fully.
    None,
    /// The alpha of each word counts for all channels.
    Alpha(Grid<'a, u32>),
    /// Each channel counts for its own (component alpha).
    Component(Grid<'a, u32>),
}
