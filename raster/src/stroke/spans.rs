//! Rows of pixels under a clip: cutting, uniting, and SPICE's in-place quirk.

use crate::geom::Rect;
use crate::region::Region;

/// Pixels `left..right` of row `y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) y: i32,
    pub(super) left: i32,
    pub(super) right: i32,
}

/// A clip that cuts spans.
pub(super) struct Clip<'a> {
    bounds: Rect,
    /// The rectangles, if the clip is more than `bounds`.
    rects: &'a [Rect],
}

impl<'a> Clip<'a> {
    /// The pixels of `region` in `area`.
    pub(super) fn new(region: &'a Region, area: Rect) -> Self {
        let rects = region.rects();
        Self { bounds: region.bounds().intersect(&area), rects: if rects.len() > 1 { rects } else { &[] } }
    }

    /// What no span leaves.
    pub(super) fn bounds(&self) -> Rect {
        self.bounds
    }

    /// Whether all pixels of [`Clip::bounds`] are inside.
    pub(super) fn is_rect(&self) -> bool {
        self.rects.is_empty()
    }

    /// Emits the parts of a span inside, from the left.
    #[inline]
    pub(super) fn cut(&self, span: Span, mut emit: impl FnMut(Span)) {
        let Span { y, left, right } = span;
        let (left, right) = (left.max(self.bounds.left), right.min(self.bounds.right));
        if left >= right || y < self.bounds.top || y >= self.bounds.bottom {
            return;
        }
        if self.rects.is_empty() {
            return emit(Span { y, left, right });
        }
        let band = band_of(&self.rects[self.rects.partition_point(|r| r.bottom <= y)..]);
        if band.first().is_some_and(|r| r.top <= y) {
            pieces(band, left, right, |left, right| emit(Span { y, left, right }));
        }
    }
}

/// The rectangles at the start of the list that lie side by side.
fn band_of(rects: &[Rect]) -> &[Rect] {
    let Some(first) = rects.first() else { return rects };
    if rects.get(1).is_none_or(|r| r.top != first.top) {
        return &rects[..1];
    }
    &rects[..rects.partition_point(|r| r.top == first.top)]
}

/// The parts of `left..right` in the rectangles of a band.
fn pieces(band: &[Rect], left: i32, right: i32, mut emit: impl FnMut(i32, i32)) {
    let from = if band.len() < 8 { 0 } else { band.partition_point(|r| r.right <= left) };
    for r in &band[from..] {
        if r.left >= right {
            break;
        }
        let (l, r) = (left.max(r.left), right.min(r.right));
        if l < r {
            emit(l, r);
        }
    }
}

/// Whether any rectangles of a region lie side by side.
pub(super) fn has_columns(region: &Region) -> bool {
    region.rects().windows(2).any(|w| w[0].top == w[1].top)
}

/// Cuts the spans of one line, sorted by y, as SPICE clients do: into the array they are read from.
///
/// Where a span falls into several parts, the parts after the first overwrite spans that were not read yet. So pixels
/// are lost, or come again (in the rows of the overwriting parts, clipped by the band of the overwritten ones). All
/// clients share this, so it is part of the picture. `QUIRKS.md`, sheet 11b.
pub(super) fn cut_in_place(spans: &mut Vec<Span>, region: &Region) {
    let count = spans.len();
    let (mut read, mut written) = (0, 0);
    let mut rects = region.rects();
    while !rects.is_empty() {
        let band = band_of(rects);
        rects = &rects[band.len()..];
        let (top, bottom) = (band[0].top, band[0].bottom);
        while read < count && spans[read].y < top {
            read += 1;
        }
        // A span from above the band, an overwritten one, is cut by the band's columns all the same.
        while read < count && spans[read].y < bottom {
            let Span { y, left, right } = spans[read];
            read += 1;
            pieces(band, left, right, |left, right| {
                let piece = Span { y, left, right };
                match spans.get_mut(written) {
                    Some(place) => *place = piece,
                    None => spans.push(piece),
                }
                written += 1;
            });
        }
    }
    spans.truncate(written);
}

/// Collects spans and gives their union.
#[derive(Default)]
pub(super) struct Union {
    spans: Vec<Span>,
    /// How many spans were left when they were last united; more than twice that many are united anew, so memory
    /// stays in proportion to the pixels.
    united: usize,
}

impl Union {
    pub(super) fn add(&mut self, span: Span) {
        if self.spans.len() >= 2 * self.united + (1 << 16) {
            self.unite();
        }
        self.spans.push(span);
    }

    fn unite(&mut self) {
        self.spans.sort_unstable();
        self.spans.dedup_by(|next, last| {
            let joins = next.y == last.y && next.left <= last.right;
            if joins {
                last.right = last.right.max(next.right);
            }
            joins
        });
        self.united = self.spans.len();
    }

    /// The union, by y and x; afterwards the collection is empty.
    pub(super) fn take(&mut self, emit: impl FnMut(Span)) {
        self.unite();
        self.spans.drain(..).for_each(emit);
        self.united = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geom::Point;
    use crate::test_util::{Rng, seeds};

    fn span(y: i32, left: i32, right: i32) -> Span {
        Span { y, left, right }
    }

    fn region(rng: &mut Rng) -> Region {
        (0..rng.below(12))
            .map(|_| {
                let (x, y) = (rng.below(30) as i32, rng.below(20) as i32);
                Rect::new(x, y, x + rng.below(9) as i32, y + rng.below(7) as i32)
            })
            .collect()
    }

    #[test]
    fn cutting_keeps_the_pixels_inside() {
        for seed in seeds(2000) {
            let mut rng = Rng::new(seed);
            let region = region(&mut rng);
            let area = Rect::new(3, 2, 28, 17);
            let clip = Clip::new(&region, area);
            let (y, left) = (rng.below(22) as i32 - 1, rng.below(35) as i32 - 3);
            let whole = span(y, left, left + rng.below(30) as i32);
            let mut pixels = Vec::new();
            clip.cut(whole, |s| pixels.extend((s.left..s.right).map(|x| (x, s.y))));
            let expected: Vec<_> = (whole.left..whole.right)
                .map(|x| (x, y))
                .filter(|&(x, y)| {
                    let p = Point::new(x, y);
                    area.contains_point(p) && region.rects().iter().any(|r| r.contains_point(p))
                })
                .collect();
            assert_eq!(pixels, expected, "seed {seed}");
        }
    }

    #[test]
    fn without_columns_the_array_can_be_reused_unharmed() {
        for seed in seeds(2000) {
            let mut rng = Rng::new(seed);
            let region = region(&mut rng);
            if has_columns(&region) {
                continue;
            }
            let mut spans: Vec<_> = (0..20).map(|y| span(y, 2, 3 + rng.below(30) as i32)).collect();
            let clip = Clip::new(&region, Rect::of_size(100, 100));
            let mut expected = Vec::new();
            spans.iter().for_each(|&s| clip.cut(s, |s| expected.push(s)));
            cut_in_place(&mut spans, &region);
            assert_eq!(spans, expected, "seed {seed}");
        }
    }

    #[test]
    fn parts_overwrite_what_was_not_read() {
        // Two columns; a span falls into two parts. The second part of row 0 takes the place of row 1, is read there
        // and takes the place of row 2.
        let region = Region::from_rects([Rect::new(0, 0, 2, 9), Rect::new(4, 0, 6, 9)]);
        let mut spans = vec![span(0, 0, 6), span(1, 0, 6), span(2, 0, 6)];
        cut_in_place(&mut spans, &region);
        assert_eq!(spans, [span(0, 0, 2), span(0, 4, 6), span(0, 4, 6), span(0, 4, 6)]);
    }

    #[test]
    fn the_union_has_each_pixel_once_in_bounded_memory() {
        let mut rng = Rng::new(3);
        let mut union = Union::default();
        let mut expected = std::collections::BTreeSet::new();
        for _ in 0..300_000 {
            let (y, left) = (rng.below(40) as i32, rng.below(60) as i32);
            let s = span(y, left, left + 1 + rng.below(4) as i32);
            union.add(s);
            expected.extend((s.left..s.right).map(|x| (s.y, x)));
            assert!(union.spans.len() <= 1 << 17);
        }
        let mut pixels = Vec::new();
        union.take(|s| pixels.extend((s.left..s.right).map(|x| (s.y, x))));
        assert!(pixels.iter().eq(&expected));
        union.take(|s| panic!("{s:?} came twice"));
    }
}
