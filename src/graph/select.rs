//! The pixels of a region that are, or are not, in sets: regions out of bits.

use super::bits::{Bits, Span};
use fearless_simd::Level;
use spice_raster::{Rect, Region};
use std::ops::Range;

/// Rows that are selected from at a time, which bounds the memory that takes.
const SLAB: u32 = 256;

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
            Keep::In(bits) if bits.is_full() => out.fill(mask),
            Keep::In(bits) => {
                bits.look(column, rows, out);
                for out in out {
                    *out &= mask;
                }
            }
            Keep::OutOf(sets) if sets.iter().any(|bits| bits.is_full()) => out.fill(0),
            Keep::OutOf(sets) => {
                out.fill(mask);
                // Loops, not closures for iterators: those are compiled for the baseline when they are not inlined.
                for bits in sets {
                    bits.take_out(column, rows, out);
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
