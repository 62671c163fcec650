//! One bit for each pixel of a surface: what is needed, hidden or done while a pass walks over the queue.
//!
//! A rectangle of a bitmap is handled by words of 64 pixels, so that a pass costs little beside the drawing that it
//! saves: a full 1024x768 rectangle is 12,288 words, where drawing it is 3 MiB. Lists of rectangles were not tried:
//! their cost grows with how often windows cut each other, and a guest chooses that.

use spice_raster::{Rect, Region};
use std::ops::Range;

/// A set of pixels of one surface. Takes no memory until a pixel is put in.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    width: u32,
    height: u32,
    stride: usize,
    words: Vec<u64>,
    /// Rows that may hold ones; all others hold none.
    rows: Range<u32>,
}

impl Bits {
    /// The empty set on a surface of this size.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self { width, height, stride: (width as usize).div_ceil(64), words: Vec::new(), rows: 0..0 }
    }

    /// Whether it surely is empty.
    pub(crate) fn is_clear(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes all pixels out; keeps the memory.
    pub(crate) fn reset(&mut self) {
        let (from, to) = (self.rows.start as usize * self.stride, self.rows.end as usize * self.stride);
        self.rows = 0..0;
        if let Some(words) = self.words.get_mut(from..to) {
            words.fill(0);
        }
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.words.capacity() * 8
    }

    /// Puts the pixels of a rectangle in.
    pub(crate) fn set(&mut self, rect: Rect) {
        let Some(span) = Span::of(&rect, self.width, self.height) else { return };
        if self.words.is_empty() {
            self.words = vec![0; self.stride * self.height as usize];
        }
        self.rows = match self.rows.is_empty() {
            true => span.rows.clone(),
            false => self.rows.start.min(span.rows.start)..self.rows.end.max(span.rows.end),
        };
        for y in span.rows.clone() {
            span.each(self.row_mut(y), |word, mask| *word |= mask);
        }
    }

    /// Takes the pixels of a rectangle out.
    pub(crate) fn clear(&mut self, rect: Rect) {
        let Some(span) = Span::of(&rect, self.width, self.height) else { return };
        if span.rows.start <= self.rows.start && span.rows.end >= self.rows.end && span.is_whole(self.width) {
            self.reset();
            return;
        }
        for y in span.rows.start.max(self.rows.start)..span.rows.end.min(self.rows.end) {
            span.each(self.row_mut(y), |word, mask| *word &= !mask);
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
        let Some(span) = Span::of(rect, self.width, self.height) else { return false };
        (span.rows.start.max(self.rows.start)..span.rows.end.min(self.rows.end))
            .any(|y| span.test(self.row(y), |word, mask| word & mask != 0))
    }

    /// Whether any pixel of a region is in.
    pub(crate) fn any_of(&self, region: &Region) -> bool {
        !self.is_clear() && region.rects().iter().any(|r| self.any(r))
    }

    /// Whether all pixels of a region are in; true for an empty one.
    pub(crate) fn all_of(&self, region: &Region) -> bool {
        region.rects().iter().all(|rect| match Span::of(rect, self.width, self.height) {
            None => true,
            Some(span) if span.rows.start < self.rows.start || span.rows.end > self.rows.end => false,
            Some(span) => !span.rows.clone().any(|y| span.test(self.row(y), |word, mask| !word & mask != 0)),
        })
    }

    /// The pixels 64 * `word`.. of row `y`, the leftmost in bit 0.
    #[inline]
    pub(crate) fn word(&self, y: u32, word: usize) -> u64 {
        if self.rows.contains(&y) { self.words[y as usize * self.stride + word] } else { 0 }
    }

    fn row(&self, y: u32) -> &[u64] {
        let start = y as usize * self.stride;
        &self.words[start..start + self.stride]
    }

    fn row_mut(&mut self, y: u32) -> &mut [u64] {
        let start = y as usize * self.stride;
        &mut self.words[start..start + self.stride]
    }
}

/// A rectangle as words and masks.
struct Span {
    rows: Range<u32>,
    columns: Range<u32>,
    first: usize,
    last: usize,
    first_mask: u64,
    last_mask: u64,
}

impl Span {
    /// The part of a rectangle that lies on a surface; `None` if there is none.
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
            first_mask: u64::MAX << (left % 64),
            last_mask: u64::MAX >> (63 - (right - 1) % 64),
        })
    }

    fn is_whole(&self, width: u32) -> bool {
        self.columns == (0..width)
    }

    #[inline(always)]
    fn each(&self, row: &mut [u64], change: impl Fn(&mut u64, u64)) {
        if self.first == self.last {
            change(&mut row[self.first], self.first_mask & self.last_mask);
            return;
        }
        change(&mut row[self.first], self.first_mask);
        row[self.first + 1..self.last].iter_mut().for_each(|word| change(word, u64::MAX));
        change(&mut row[self.last], self.last_mask);
    }

    #[inline(always)]
    fn test(&self, row: &[u64], hit: impl Fn(u64, u64) -> bool) -> bool {
        if self.first == self.last {
            return hit(row[self.first], self.first_mask & self.last_mask);
        }
        hit(row[self.first], self.first_mask)
            || hit(row[self.last], self.last_mask)
            || row[self.first + 1..self.last].iter().any(|word| hit(*word, u64::MAX))
    }

    /// The mask of word `index` of a row.
    fn mask(&self, index: usize) -> u64 {
        let first = if index == self.first { self.first_mask } else { u64::MAX };
        let last = if index == self.last { self.last_mask } else { u64::MAX };
        first & last
    }
}

/// The pixels of `clip` whose bit `keep(y, word)` has; `None` if that takes more than `limit` rectangles.
pub(crate) fn select(clip: &Region, limit: usize, keep: impl Fn(u32, usize) -> u64) -> Option<Region> {
    let mut rects: Vec<Rect> = Vec::new();
    let mut spans: Vec<(i32, i32)> = Vec::new();
    // The kept words of this row and of the one above; rows that are alike need no second look.
    let (mut words, mut above): (Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new());
    // Where the rectangles that end at the row above begin.
    let mut band = 0;
    for line in clip.rects().chunk_by(|a, b| a.top == b.top) {
        let parts: Vec<Span> =
            line.iter().filter_map(|rect| Span::of(rect, i32::MAX as u32, i32::MAX as u32)).collect();
        let Some(rows) = parts.first().map(|p| p.rows.clone()) else { continue };
        above.clear();
        for y in rows {
            words.clear();
            for part in &parts {
                words.extend((part.first..=part.last).map(|index| keep(y, index) & part.mask(index)));
            }
            let y = y as i32;
            let mut same = words == above && rects[band..].iter().all(|r| r.bottom == y);
            if !same {
                spans.clear();
                let mut rest = &words[..];
                for part in &parts {
                    let (own, others) = rest.split_at(part.last - part.first + 1);
                    runs(own, part.first, &mut spans);
                    rest = others;
                }
                let last = &rects[band..];
                same = last.len() == spans.len()
                    && last.iter().zip(&spans).all(|(r, s)| r.bottom == y && (r.left, r.right) == *s);
            }
            if same {
                rects[band..].iter_mut().for_each(|r| r.bottom = y + 1);
            } else {
                band = rects.len();
                rects.extend(spans.iter().map(|(left, right)| Rect::new(*left, y, *right, y + 1)));
                if rects.len() > limit {
                    return None;
                }
            }
            std::mem::swap(&mut words, &mut above);
        }
    }
    Some(Region::from_rects(rects))
}

/// Whether any pixel of `clip` has its bit in `keep(y, word)`.
pub(crate) fn selects_any(clip: &Region, keep: impl Fn(u32, usize) -> u64) -> bool {
    clip.rects().iter().filter_map(|rect| Span::of(rect, i32::MAX as u32, i32::MAX as u32)).any(|part| {
        part.rows.clone().any(|y| (part.first..=part.last).any(|i| keep(y, i) & part.mask(i) != 0))
    })
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
                    _ => {}
                }
                let rects = [rng.rect(), rng.rect()].map(|r| r.intersect(&Rect::new(0, 0, 130, 9)));
                let region = Region::from_rects(rects);
                let inside: Vec<_> = region.rects().iter().flat_map(pixels).collect();
                let what = format!("seed {case}, {region:?}");
                assert_eq!(bits.any_of(&region), inside.iter().any(|p| plain.contains(p)), "{what}");
                assert_eq!(bits.all_of(&region), inside.iter().all(|p| plain.contains(p)), "{what}");
                for (keep, flip) in [(true, 0), (false, u64::MAX)] {
                    let got = select(&region, usize::MAX, |y, w| bits.word(y, w) ^ flip).unwrap();
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
        assert!(select(&clip, 49, |y, w| bits.word(y, w)).is_none());
        assert_eq!(select(&clip, 50, |y, w| bits.word(y, w)).map(|r| r.area()), Some(50));
    }
}
