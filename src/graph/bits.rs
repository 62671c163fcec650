//! One bit for each pixel of a surface: what is needed, hidden or done while a pass walks over the queue.
//!
//! 64 pixels of a row are a word, and the words of a column of the surface lie one after the other: a rectangle is a
//! few runs of words, each with one mask, which the compiler turns into vector code. (Rows of words, as in a picture,
//! took twice the instructions of the whole graph: most rectangles are narrow, and then each word is a row of its
//! own.) Lists of rectangles were not tried: their cost grows with how often windows cut each other, and a guest
//! chooses that.
//!
//! But the few rectangles that came last stay as they are beside the words, as long as they need not be cut: walking
//! backwards, most nodes that nobody sees lie in one of them, and a comparison tells.

use fearless_simd::{Level, dispatch};
use spice_raster::{Rect, Region};
use std::ops::Range;

/// A set of pixels of one surface. Takes no memory until a pixel is put in.
#[derive(Debug)]
pub(crate) struct Bits {
    level: Level,
    width: u32,
    height: u32,
    /// Column by column, each of `height` words.
    words: Vec<u64>,
    /// Rows that may hold ones; all others hold none.
    rows: Range<u32>,
    /// Columns that may hold ones.
    columns: Range<usize>,
    /// Rectangles on the surface whose pixels are in, whatever the words say.
    recent: Recent,
    /// Whether all pixels are in; then the words hold none and there is no rectangle. Most surfaces are drawn over as
    /// a whole, and writing that into words took a tenth of the time that pages of text take.
    full: bool,
}

/// Rectangles that are kept beside the words.
const RECENT: usize = 4;
/// A rectangle of fewer words is written into them, and by code for the baseline: a call of other code costs as much.
/// (Those of tests are small.)
const FEW_WORDS: usize = if cfg!(test) { 4 } else { 64 };

/// A few rectangles, none of which holds another.
#[derive(Debug, Default)]
struct Recent {
    rects: [Rect; RECENT],
    count: usize,
}

impl Recent {
    #[inline]
    fn get(&self) -> &[Rect] {
        &self.rects[..self.count]
    }

    #[inline]
    fn remove(&mut self, at: usize) -> Rect {
        self.count -= 1;
        self.rects.swap(at, self.count);
        self.rects[self.count]
    }

    /// Whether one of them holds all of a rectangle.
    #[inline]
    fn holds(&self, rect: &Rect) -> bool {
        self.get().iter().any(|recent| recent.contains(rect))
    }

    /// Whether one of them has a pixel of a rectangle.
    #[inline]
    fn meets(&self, rect: &Rect) -> bool {
        self.get().iter().any(|recent| meet(recent, rect))
    }
}

/// Whether two rectangles, none of them empty, have a pixel in common.
#[inline]
fn meet(a: &Rect, b: &Rect) -> bool {
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

/// The parts of a rectangle above, below, left and right of another one, which it meets.
fn beside(rect: &Rect, other: &Rect) -> [Rect; 4] {
    let (top, bottom) = (rect.top.max(other.top), rect.bottom.min(other.bottom));
    [
        Rect { bottom: top, ..*rect },
        Rect { top: bottom, ..*rect },
        Rect { top, bottom, right: other.left, ..*rect },
        Rect { top, bottom, left: other.right, ..*rect },
    ]
}

impl Bits {
    /// The empty set on a surface of this size.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self {
            level: Level::new(),
            width,
            height,
            words: Vec::new(),
            rows: 0..0,
            columns: 0..0,
            recent: Recent::default(),
            full: false,
        }
    }

    /// Whether it surely is empty.
    #[inline]
    pub(crate) fn is_clear(&self) -> bool {
        self.recent.count == 0 && self.rows.is_empty()
    }

    /// Rows outside of which there is none.
    pub(crate) fn rows(&self) -> Range<u32> {
        let around = |rows: Range<u32>, rect: &Rect| match rows.is_empty() {
            true => rect.top as u32..rect.bottom as u32,
            false => rows.start.min(rect.top as u32)..rows.end.max(rect.bottom as u32),
        };
        self.recent.get().iter().fold(self.rows.clone(), around)
    }

    /// Takes the pixels of another set out, which is of the same size.
    pub(crate) fn remove(&mut self, other: &Bits) {
        if other.full {
            return self.reset();
        }
        other.recent.get().iter().for_each(|rect| self.clear(*rect));
        if other.rows.is_empty() || self.is_clear() {
            return;
        }
        self.spread();
        while self.recent.count > 0 {
            self.settle(self.recent.count - 1);
        }
        let all = Rect::of_size(self.width, self.height);
        let Some(mut span) = Span::of(&all, self.width, self.height) else { return };
        let Some(columns) = self.cut(&mut span) else { return };
        for column in columns.start.max(other.columns.start)..columns.end.min(other.columns.end) {
            let rows = span.rows.start.max(other.rows.start)..span.rows.end.min(other.rows.end);
            if rows.is_empty() {
                return;
            }
            let pairs = self.column_mut(column, &rows).iter_mut().zip(other.column(column, &rows));
            pairs.for_each(|(word, taken)| *word &= !taken);
        }
        if !self.any(&all) {
            self.reset();
        }
    }

    /// Takes all pixels out; keeps the memory.
    pub(crate) fn reset(&mut self) {
        if !self.full {
            let rows = self.rows.clone();
            self.columns.clone().for_each(|column| self.column_mut(column, &rows).fill(0));
        }
        (self.rows, self.columns, self.full) = (0..0, 0..0, false);
        self.recent.count = 0;
    }

    /// Puts all pixels in.
    fn fill(&mut self) {
        self.reset();
        (self.rows, self.columns, self.full) = (0..self.height, 0..self.width.div_ceil(64) as usize, true);
    }

    /// Says by words what is said by `full`.
    fn spread(&mut self) {
        if std::mem::take(&mut self.full) {
            (self.rows, self.columns) = (0..0, 0..0);
            let all = Rect::of_size(self.width, self.height);
            if let Some(span) = Span::of(&all, self.width, self.height) {
                self.write(&span);
            }
        }
    }

    /// Says by words what one of the rectangles says.
    fn settle(&mut self, at: usize) {
        let rect = self.recent.remove(at);
        if let Some(span) = Span::of(&rect, self.width, self.height) {
            self.write(&span);
        }
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.words.capacity() * 8
    }

    /// Puts the pixels of a rectangle in.
    pub(crate) fn set(&mut self, rect: Rect) {
        let Some(span) = Span::of(&rect, self.width, self.height) else { return };
        if !self.full && !self.recent.holds(&rect) {
            self.put(&rect, &span);
        }
    }

    /// Puts the pixels of a rectangle in, and says whether any of them was not in before.
    pub(crate) fn add(&mut self, rect: &Rect) -> bool {
        let Some(span) = Span::of(rect, self.width, self.height) else { return false };
        if self.full {
            return false;
        }
        if span.words() < FEW_WORDS && !self.recent.meets(rect) {
            return self.write(&span);
        }
        let new = !self.all(rect);
        if new {
            self.put(rect, &span);
        }
        new
    }

    fn put(&mut self, rect: &Rect, span: &Span) {
        if span.words() < FEW_WORDS {
            self.write(span);
        } else if span.is_whole(self.width) && span.rows == (0..self.height) {
            self.fill();
        } else {
            self.keep(rect.intersect(&Rect::of_size(self.width, self.height)));
        }
    }

    /// Keeps a rectangle beside the words.
    fn keep(&mut self, rect: Rect) {
        for at in (0..self.recent.count).rev() {
            if rect.contains(&self.recent.rects[at]) {
                self.recent.remove(at);
            }
        }
        if self.recent.count == RECENT {
            // The smallest holds the fewest others.
            let smallest = (0..RECENT).min_by_key(|at| self.recent.rects[*at].area()).unwrap_or(0);
            self.settle(smallest);
        }
        self.recent.rects[self.recent.count] = rect;
        self.recent.count += 1;
    }

    /// Puts the pixels of a rectangle into the words, and says whether any of them was not there before.
    fn write(&mut self, span: &Span) -> bool {
        if self.words.is_empty() {
            self.words = vec![0; (self.width as usize).div_ceil(64) * self.height as usize];
        }
        let columns = span.first..span.last + 1;
        if self.rows.is_empty() {
            (self.rows, self.columns) = (span.rows.clone(), columns);
        } else {
            self.rows = self.rows.start.min(span.rows.start)..self.rows.end.max(span.rows.end);
            self.columns = self.columns.start.min(columns.start)..self.columns.end.max(columns.end);
        }
        let (words, height) = (&mut self.words[..], self.height);
        match span.words() < FEW_WORDS {
            true => set_words(words, height, span),
            false => dispatch!(self.level, _simd => set_words(words, height, span)),
        }
    }

    /// Takes the pixels of a rectangle out.
    pub(crate) fn clear(&mut self, rect: Rect) {
        if self.is_clear() {
            return;
        }
        if rect.contains(&Rect::of_size(self.width, self.height)) {
            return self.reset();
        }
        if self.recent.meets(&rect) {
            self.cut_recent(&rect);
        }
        let Some(mut span) = Span::of(&rect, self.width, self.height) else { return };
        self.spread();
        let Some(columns) = self.cut(&mut span) else { return };
        let (words, height) = (&mut self.words[..], self.height);
        match span.words() < FEW_WORDS {
            true => clear_words(words, height, &span, columns),
            false => dispatch!(self.level, _simd => clear_words(words, height, &span, columns)),
        }
        if span.is_whole(self.width) && span.rows == self.rows {
            (self.rows, self.columns) = (0..0, 0..0);
        }
    }

    /// Cuts a rectangle out of those beside the words: of each the largest part stays, the others go to the words.
    fn cut_recent(&mut self, rect: &Rect) {
        for at in (0..self.recent.count).rev() {
            let other = self.recent.rects[at];
            let both = other.intersect(rect);
            if both.is_empty() {
                continue;
            }
            let mut parts = beside(&other, &both);
            parts.sort_unstable_by_key(Rect::area);
            match parts[3].is_empty() {
                true => drop(self.recent.remove(at)),
                false => self.recent.rects[at] = parts[3],
            }
            for part in &parts[..3] {
                if let Some(span) = Span::of(part, self.width, self.height) {
                    self.write(&span);
                }
            }
        }
    }

    /// Puts the pixels of a region in.
    pub(crate) fn set_region(&mut self, region: &Region) {
        region.rects().iter().for_each(|r| self.set(*r));
    }

    /// Takes the pixels of a region out.
    pub(crate) fn clear_region(&mut self, region: &Region) {
        region.rects().iter().for_each(|r| self.clear(*r));
    }

    /// Whether any pixel of a rectangle is in.
    pub(crate) fn any(&self, rect: &Rect) -> bool {
        if self.recent.meets(rect) {
            return true;
        }
        if self.rows.is_empty() {
            return false;
        }
        let Some(mut span) = Span::of(rect, self.width, self.height) else { return false };
        let Some(mut columns) = self.cut(&mut span) else { return false };
        self.full
            || columns.any(|column| {
                let mask = span.mask(column);
                let mut parts = self.column(column, &span.rows).chunks(RUN);
                parts.any(|words| words.iter().fold(0, |all, word| all | word) & mask != 0)
            })
    }

    /// Whether any pixel of a region is in.
    pub(crate) fn any_of(&self, region: &Region) -> bool {
        !self.is_clear() && region.rects().iter().any(|r| self.any(r))
    }

    /// Whether all pixels of a region are in; true for an empty one.
    pub(crate) fn all_of(&self, region: &Region) -> bool {
        self.full || region.rects().iter().all(|rect| self.all(rect))
    }

    /// Whether all pixels of a rectangle that lie on the surface are in.
    pub(crate) fn all(&self, rect: &Rect) -> bool {
        self.full || self.all_beside(rect, 0)
    }

    /// As [`Bits::all`], of a rectangle that meets none of the first `from` ones beside the words.
    fn all_beside(&self, rect: &Rect, from: usize) -> bool {
        for (at, recent) in self.recent.get().iter().enumerate().skip(from) {
            if recent.contains(rect) {
                return true;
            }
            if meet(recent, rect) {
                let parts = beside(rect, recent);
                return parts.iter().all(|part| part.is_empty() || self.all_beside(part, at + 1));
            }
        }
        self.all_in_words(rect)
    }

    fn all_in_words(&self, rect: &Rect) -> bool {
        let Some(span) = Span::of(rect, self.width, self.height) else { return true };
        let outside = span.rows.start < self.rows.start
            || span.rows.end > self.rows.end
            || span.first < self.columns.start
            || span.last >= self.columns.end;
        if outside {
            return false;
        }
        for column in span.first..=span.last {
            let mask = span.mask(column);
            for words in self.column(column, &span.rows).chunks(RUN) {
                // Most of those that are not all in lack the first.
                if words[0] & mask != mask || words.iter().fold(mask, |all, word| all & word) != mask {
                    return false;
                }
            }
        }
        true
    }

    /// Some rows of a column of 64 pixels, the rectangles counted in. Not asked of a full set.
    #[inline(always)]
    pub(crate) fn look(&self, column: usize, rows: &Range<u32>, out: &mut [u64]) {
        match self.rows.is_empty() {
            true => out.fill(0),
            false => out.copy_from_slice(self.column(column, rows)),
        }
        self.each_recent(column, rows, |from, to, mask| {
            for word in &mut out[from..to] {
                *word |= mask;
            }
        });
    }

    /// Takes the pixels of the set out of some rows of a column. Not asked of a full set.
    #[inline(always)]
    pub(crate) fn take_out(&self, column: usize, rows: &Range<u32>, out: &mut [u64]) {
        if !self.rows.is_empty() {
            for (out, word) in out.iter_mut().zip(self.column(column, rows)) {
                *out &= !word;
            }
        }
        self.each_recent(column, rows, |from, to, mask| {
            for word in &mut out[from..to] {
                *word &= !mask;
            }
        });
    }

    /// Whether it surely has all pixels.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Calls `f` with the part of some rows of a column that each of the rectangles has: from which row to which,
    /// and the mask.
    #[inline(always)]
    fn each_recent(&self, column: usize, rows: &Range<u32>, mut f: impl FnMut(usize, usize, u64)) {
        for rect in self.recent.get() {
            let (top, bottom) = (rows.start.max(rect.top as u32), rows.end.min(rect.bottom as u32));
            if top < bottom
                && let Some(span) = Span::of(rect, self.width, self.height)
                && (span.first..=span.last).contains(&column)
            {
                f((top - rows.start) as usize, (bottom - rows.start) as usize, span.mask(column));
            }
        }
    }

    /// Some rows of a column of 64 pixels, the leftmost in bit 0.
    #[inline(always)]
    fn column(&self, column: usize, rows: &Range<u32>) -> &[u64] {
        &self.words[column_of(self.height, column, rows)]
    }

    fn column_mut(&mut self, column: usize, rows: &Range<u32>) -> &mut [u64] {
        &mut self.words[column_of(self.height, column, rows)]
    }

    /// Cuts a span to the rows that may hold ones, and gives its columns that may.
    fn cut(&self, span: &mut Span) -> Option<Range<usize>> {
        span.rows = span.rows.start.max(self.rows.start)..span.rows.end.min(self.rows.end);
        let columns = span.first.max(self.columns.start)..(span.last + 1).min(self.columns.end);
        (!span.rows.is_empty() && !columns.is_empty()).then_some(columns)
    }
}

/// The words of some rows of a column, where a column has `height` rows.
#[inline(always)]
fn column_of(height: u32, column: usize, rows: &Range<u32>) -> Range<usize> {
    let from = column * height as usize;
    from + rows.start as usize..from + rows.end as usize
}

/// Puts the pixels of a rectangle into words, and says whether any of them was not there before.
#[inline(always)]
fn set_words(words: &mut [u64], height: u32, span: &Span) -> bool {
    let mut new = 0;
    for column in span.first..=span.last {
        let mask = span.mask(column);
        for word in &mut words[column_of(height, column, &span.rows)] {
            new |= mask & !*word;
            *word |= mask;
        }
    }
    new != 0
}

/// Takes the pixels of a rectangle, of these columns, out of words.
#[inline(always)]
fn clear_words(words: &mut [u64], height: u32, span: &Span, columns: Range<usize>) {
    for column in columns {
        let mask = !span.mask(column);
        for word in &mut words[column_of(height, column, &span.rows)] {
            *word &= mask;
        }
    }
}

/// Words looked at before it is asked whether they tell already.
const RUN: usize = 16;
/// A rectangle as words and masks.
pub(super) struct Span {
    pub(super) rows: Range<u32>,
    columns: Range<u32>,
    pub(super) first: usize,
    pub(super) last: usize,
}

impl Span {
    /// The part of a rectangle that lies on a surface; `None` if there is none.
    #[inline]
    pub(super) fn of(rect: &Rect, width: u32, height: u32) -> Option<Self> {
        let rect = rect.intersect(&Rect::of_size(width, height));
        if rect.is_empty() {
            return None;
        }
        let (left, right) = (rect.left as u32, rect.right as u32);
        Some(Self {
            rows: rect.top as u32..rect.bottom as u32,
            columns: left..right,
            first: left as usize / 64,
            last: (right as usize - 1) / 64,
        })
    }

    fn words(&self) -> usize {
        self.rows.len() * (self.last - self.first + 1)
    }

    fn is_whole(&self, width: u32) -> bool {
        self.columns == (0..width)
    }

    /// The mask of a column.
    #[inline]
    pub(super) fn mask(&self, column: usize) -> u64 {
        let first = if column == self.first { u64::MAX << (self.columns.start % 64) } else { u64::MAX };
        let last =
            if column == self.last { u64::MAX >> (63 - (self.columns.end - 1) % 64) } else { u64::MAX };
        first & last
    }
}

#[cfg(test)]
mod tests;
