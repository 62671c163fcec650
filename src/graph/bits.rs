//! One bit for each pixel of a surface: what is needed, hidden or done while a pass walks over the queue.
//!
//! 64 pixels of a row are a word, and the words of a column of the surface lie one after the other: a rectangle is a
//! few runs of words, each with one mask, which the compiler turns into vector code. (Rows of words, as in a picture,
//! took twice the instructions of the whole graph: most rectangles are narrow, and then each word is a row of its
//! own.) Lists of rectangles were not tried: their cost grows with how often windows cut each other, and a guest
//! chooses that.

use fearless_simd::Level;
use spice_raster::{Rect, Region};
use std::ops::Range;

/// A set of pixels of one surface. Takes no memory until a pixel is put in.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    width: u32,
    height: u32,
    /// Column by column, each of `height` words.
    words: Vec<u64>,
    /// Rows that may hold ones; all others hold none.
    rows: Range<u32>,
    /// Columns that may hold ones.
    columns: Range<usize>,
    /// Whether all pixels are in; then the words hold none. Most surfaces are drawn over as a whole, and writing that
    /// into words took a tenth of the time that pages of text take.
    full: bool,
}

impl Bits {
    /// The empty set on a surface of this size.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self { width, height, words: Vec::new(), rows: 0..0, columns: 0..0, full: false }
    }

    /// Whether it surely is empty.
    pub(crate) fn is_clear(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows outside of which there is none.
    pub(crate) fn rows(&self) -> Range<u32> {
        self.rows.clone()
    }

    /// Takes the pixels of another set out, which is of the same size.
    pub(crate) fn remove(&mut self, other: &Bits) {
        let all = Rect::of_size(self.width, self.height);
        if other.is_clear() {
            return;
        }
        if other.full {
            return self.reset();
        }
        self.spread();
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
    }

    /// Puts all pixels in.
    fn fill(&mut self) {
        self.reset();
        (self.rows, self.columns, self.full) = (0..self.height, 0..self.width.div_ceil(64) as usize, true);
    }

    /// Says by words what is said by `full`.
    fn spread(&mut self) {
        if std::mem::take(&mut self.full)
            && let Some(span) = Span::of(&Rect::of_size(self.width, self.height), self.width, self.height)
        {
            self.allocate();
            for column in span.first..=span.last {
                self.column_mut(column, &span.rows).fill(span.mask(column));
            }
        }
    }

    fn allocate(&mut self) {
        if self.words.is_empty() {
            self.words = vec![0; (self.width as usize).div_ceil(64) * self.height as usize];
        }
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.words.capacity() * 8
    }

    /// Puts the pixels of a rectangle in.
    pub(crate) fn set(&mut self, rect: Rect) {
        let Some(span) = Span::of(&rect, self.width, self.height) else { return };
        if self.full {
            return;
        }
        if span.is_whole(self.width) && span.rows == (0..self.height) {
            return self.fill();
        }
        self.allocate();
        let columns = span.first..span.last + 1;
        if self.is_clear() {
            (self.rows, self.columns) = (span.rows.clone(), columns);
        } else {
            self.rows = self.rows.start.min(span.rows.start)..self.rows.end.max(span.rows.end);
            self.columns = self.columns.start.min(columns.start)..self.columns.end.max(columns.end);
        }
        for column in span.first..=span.last {
            let mask = span.mask(column);
            let words = self.column_mut(column, &span.rows);
            match mask {
                u64::MAX => words.fill(mask),
                _ => words.iter_mut().for_each(|word| *word |= mask),
            }
        }
    }

    /// Takes the pixels of a rectangle out.
    pub(crate) fn clear(&mut self, rect: Rect) {
        let Some(mut span) = Span::of(&rect, self.width, self.height) else { return };
        if span.rows.start <= self.rows.start && span.rows.end >= self.rows.end && span.is_whole(self.width) {
            self.reset();
            return;
        }
        self.spread();
        let Some(columns) = self.cut(&mut span) else { return };
        for column in columns {
            let mask = !span.mask(column);
            self.column_mut(column, &span.rows).iter_mut().for_each(|word| *word &= mask);
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
        self.full
            || region.rects().iter().all(|rect| match Span::of(rect, self.width, self.height) {
                None => true,
                Some(span) if span.rows.start < self.rows.start || span.rows.end > self.rows.end => false,
                Some(span) => (span.first..=span.last).all(|column| {
                    let mask = span.mask(column);
                    let mut parts = self.column(column, &span.rows).chunks(RUN);
                    parts.all(|words| words.iter().fold(mask, |all, word| all & word) == mask)
                }),
            })
    }

    /// Some rows of a column of 64 pixels, the leftmost in bit 0.
    fn column(&self, column: usize, rows: &Range<u32>) -> &[u64] {
        let from = column * self.height as usize;
        &self.words[from + rows.start as usize..from + rows.end as usize]
    }

    fn column_mut(&mut self, column: usize, rows: &Range<u32>) -> &mut [u64] {
        let from = column * self.height as usize;
        &mut self.words[from + rows.start as usize..from + rows.end as usize]
    }

    /// Cuts a span to the rows that may hold ones, and gives its columns that may.
    fn cut(&self, span: &mut Span) -> Option<Range<usize>> {
        span.rows = span.rows.start.max(self.rows.start)..span.rows.end.min(self.rows.end);
        let columns = span.first.max(self.columns.start)..(span.last + 1).min(self.columns.end);
        (!span.rows.is_empty() && !columns.is_empty()).then_some(columns)
    }
}

/// Words looked at before it is asked whether they tell already.
const RUN: usize = 16;
/// Rows that are selected from at a time, which bounds the memory that takes.
const SLAB: u32 = 256;

/// A rectangle as words and masks.
struct Span {
    rows: Range<u32>,
    columns: Range<u32>,
    first: usize,
    last: usize,
}

impl Span {
    /// The part of a rectangle that lies on a surface; `None` if there is none.
    #[inline]
    fn of(rect: &Rect, width: u32, height: u32) -> Option<Self> {
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

    fn is_whole(&self, width: u32) -> bool {
        self.columns == (0..width)
    }

    /// The mask of a column.
    #[inline]
    fn mask(&self, column: usize) -> u64 {
        let first = if column == self.first { u64::MAX << (self.columns.start % 64) } else { u64::MAX };
        let last =
            if column == self.last { u64::MAX >> (63 - (self.columns.end - 1) % 64) } else { u64::MAX };
        first & last
    }
}

/// Which pixels are selected.
#[derive(Clone, Copy)]
pub(crate) enum Keep<'a> {
    /// Those in this set.
    In(&'a Bits),
    /// Those in none of these sets.
    OutOf(&'a [&'a Bits]),
}

impl Keep<'_> {
    /// The kept pixels of some rows of a column.
    #[inline(always)]
    fn fill(self, column: usize, rows: &Range<u32>, mask: u64, out: &mut [u64]) {
        match self {
            Keep::In(bits) if bits.is_clear() => out.fill(0),
            Keep::In(bits) if bits.full => out.fill(mask),
            Keep::In(bits) => {
                out.iter_mut().zip(bits.column(column, rows)).for_each(|(out, word)| *out = word & mask);
            }
            Keep::OutOf(sets) if sets.iter().any(|bits| bits.full) => out.fill(0),
            Keep::OutOf(sets) => {
                out.fill(mask);
                for bits in sets.iter().filter(|bits| !bits.is_clear()) {
                    out.iter_mut().zip(bits.column(column, rows)).for_each(|(out, word)| *out &= !word);
                }
            }
        }
    }
}

/// Memory that selections use again.
#[derive(Debug)]
pub(crate) struct Scratch {
    level: Level,
    /// The kept words of a slab, column by column.
    kept: Vec<u64>,
    /// For each row of it, the pixels in which it differs from the row above.
    changed: Vec<u64>,
    /// The kept words of one row.
    words: Vec<u64>,
    /// Its runs of kept pixels.
    spans: Vec<(i32, i32)>,
    rects: Vec<Rect>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            level: Level::new(),
            kept: Vec::new(),
            changed: Vec::new(),
            words: Vec::new(),
            spans: Vec::new(),
            rects: Vec::new(),
        }
    }

    /// The pixels of `clip`, which lies on the surface, that are kept; `None` if that takes more than `limit`
    /// rectangles.
    pub(crate) fn select(&mut self, clip: &Region, limit: usize, keep: Keep<'_>) -> Option<Region> {
        self.rects.clear();
        // Where the rectangles that end at the row above begin.
        let mut band = 0;
        for line in clip.rects().chunk_by(|a, b| a.top == b.top) {
            let (top, bottom) = (line[0].top.max(0) as u32, line[0].bottom.max(0) as u32);
            let mut from = top;
            while from < bottom {
                let rows = from..bottom.min(from.saturating_add(SLAB));
                from = rows.end;
                self.slab(line, rows, limit, keep, &mut band)?;
            }
        }
        Some(match self.rects[..] {
            [] => Region::new(),
            [rect] => Region::from_rect(rect),
            _ => Region::from_rects(self.rects.iter().copied()),
        })
    }

    /// Adds the kept pixels of some rows of a band of rectangles.
    fn slab(
        &mut self,
        line: &[Rect],
        rows: Range<u32>,
        limit: usize,
        keep: Keep<'_>,
        band: &mut usize,
    ) -> Option<()> {
        let height = rows.len();
        let spans = || line.iter().filter_map(|rect| Span::of(rect, i32::MAX as u32, i32::MAX as u32));
        let columns: usize = spans().map(|span| span.last - span.first + 1).sum();
        self.kept.resize((columns * height).max(self.kept.len()), 0);
        self.changed.clear();
        self.changed.resize(height, 0);
        let places = spans().flat_map(|span| (span.first..=span.last).map(move |c| (c, span.mask(c))));
        let (kept, changed) = (&mut self.kept[..], &mut self.changed[..]);
        fearless_simd::dispatch!(self.level, _simd => gather(places, &rows, keep, kept, changed));
        let mut row = 0;
        while row < height {
            let alike = self.changed[row + 1..].iter().position(|c| *c != 0);
            let next = alike.map_or(height, |n| row + 1 + n);
            self.words.clear();
            self.words.extend(self.kept.chunks_exact(height).take(columns).map(|words| words[row]));
            self.spans.clear();
            let mut rest = &self.words[..];
            for span in spans() {
                let (own, others) = rest.split_at(span.last - span.first + 1);
                runs(own, span.first, &mut self.spans);
                rest = others;
            }
            let (y, end) = ((rows.start as usize + row) as i32, (rows.start as usize + next) as i32);
            let last = &mut self.rects[*band..];
            let same = last.len() == self.spans.len()
                && last.iter().zip(&self.spans).all(|(r, s)| r.bottom == y && (r.left, r.right) == *s);
            if same {
                last.iter_mut().for_each(|r| r.bottom = end);
            } else {
                *band = self.rects.len();
                self.rects.extend(self.spans.iter().map(|(left, right)| Rect::new(*left, y, *right, end)));
                if self.rects.len() > limit {
                    return None;
                }
            }
            row = next;
        }
        Some(())
    }
}

/// The kept words of columns, one column after the other, and in which pixels a row differs from the row above.
#[inline(always)]
fn gather(
    columns: impl Iterator<Item = (usize, u64)>,
    rows: &Range<u32>,
    keep: Keep<'_>,
    kept: &mut [u64],
    changed: &mut [u64],
) {
    for ((column, mask), words) in columns.zip(kept.chunks_exact_mut(rows.len())) {
        keep.fill(column, rows, mask, words);
        let below = &words[1..];
        for ((changed, above), below) in changed[1..].iter_mut().zip(&*words).zip(below) {
            *changed |= above ^ below;
        }
    }
}

/// The runs of ones in words, of which the first holds the pixels from 64 * `index` on.
fn runs(words: &[u64], index: usize, spans: &mut Vec<(i32, i32)>) {
    // The run that reaches up to here.
    let mut open: Option<i32> = None;
    let base = |i: usize| ((index + i) * 64) as i32;
    for (i, word) in words.iter().enumerate() {
        let mut at = 0;
        while at < 64 {
            match open {
                None => {
                    let ones = word & u64::MAX << at;
                    if ones == 0 {
                        break;
                    }
                    at = ones.trailing_zeros();
                    open = Some(base(i) + at as i32);
                }
                Some(left) => {
                    let zeros = !word & u64::MAX << at;
                    if zeros == 0 {
                        break;
                    }
                    at = zeros.trailing_zeros();
                    spans.push((left, base(i) + at as i32));
                    open = None;
                }
            }
        }
    }
    if let Some(left) = open {
        spans.push((left, base(words.len())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    struct Rng(u64);

    impl Rng {
        fn below(&mut self, n: i32) -> i32 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ z >> 31) % n as u64) as i32
        }

        fn rect(&mut self) -> Rect {
            if self.below(6) == 0 {
                return Rect::new(0, 0, 130, 9);
            }
            let edges = [-3, 0, 1, 63, 64, 65, 100, 127, 128, 129, 140];
            let mut x = || edges[self.below(edges.len() as i32) as usize];
            let (a, b) = (x(), x());
            let (c, d) = (self.below(12) - 1, self.below(12) - 1);
            Rect::new(a.min(b), c.min(d), a.max(b), c.max(d))
        }
    }

    fn pixels(rect: &Rect) -> impl Iterator<Item = (i32, i32)> + use<> {
        let r = rect.intersect(&Rect::new(0, 0, 130, 9));
        (r.top..r.bottom).flat_map(move |y| (r.left..r.right).map(move |x| (x, y)))
    }

    #[test]
    fn bits_are_a_set_of_pixels() {
        let seed = std::env::var("SPICE_RENDER_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
        for case in seed..seed + 300 {
            let mut rng = Rng(case);
            let (mut bits, mut plain) = (Bits::new(130, 9), HashSet::new());
            let mut scratch = Scratch::new();
            for _ in 0..12 {
                let rect = rng.rect();
                match rng.below(5) {
                    0 | 1 => {
                        bits.set(rect);
                        plain.extend(pixels(&rect));
                    }
                    2 => {
                        bits.clear(rect);
                        pixels(&rect).for_each(|p| {
                            plain.remove(&p);
                        });
                    }
                    3 if rng.below(4) == 0 => {
                        bits.reset();
                        plain.clear();
                    }
                    3 => {
                        let mut other = Bits::new(130, 9);
                        for rect in [rect, rng.rect()] {
                            other.set(rect);
                            pixels(&rect).for_each(|p| {
                                plain.remove(&p);
                            });
                        }
                        bits.remove(&other);
                        assert_eq!(bits.any(&Rect::new(0, 0, 130, 9)), !plain.is_empty(), "seed {case}");
                    }
                    _ => {}
                }
                let rects = [rng.rect(), rng.rect()].map(|r| r.intersect(&Rect::new(0, 0, 130, 9)));
                let region = Region::from_rects(rects);
                let inside: Vec<_> = region.rects().iter().flat_map(pixels).collect();
                let what = format!("seed {case}, {region:?}");
                assert_eq!(bits.any_of(&region), inside.iter().any(|p| plain.contains(p)), "{what}");
                assert_eq!(bits.all_of(&region), inside.iter().all(|p| plain.contains(p)), "{what}");
                for (keep, what_to) in [(true, Keep::In(&bits)), (false, Keep::OutOf(&[&bits]))] {
                    let got = scratch.select(&region, usize::MAX, what_to).unwrap();
                    let want: HashSet<_> =
                        inside.iter().copied().filter(|p| plain.contains(p) == keep).collect();
                    let have: HashSet<_> = got.rects().iter().flat_map(pixels).collect();
                    assert_eq!(have, want, "{what}");
                    assert_eq!(got.area(), want.len() as u64, "{what}");
                }
            }
        }
    }

    #[test]
    fn a_selection_that_would_be_too_long_is_given_up() {
        let mut bits = Bits::new(100, 1);
        (0..50).for_each(|x| bits.set(Rect::new(2 * x, 0, 2 * x + 1, 1)));
        let clip = Region::from_rect(Rect::new(0, 0, 100, 1));
        let mut scratch = Scratch::new();
        assert!(scratch.select(&clip, 49, Keep::In(&bits)).is_none());
        assert_eq!(scratch.select(&clip, 50, Keep::In(&bits)).map(|r| r.area()), Some(50));
    }
}
