//! The sweep that all set operations of regions are.

use crate::geom::Rect;

/// Whether the rectangles are non-empty, in bands, sorted, not touching, with no two bands that could be one.
pub(super) fn is_rect_list_canonical(rects: &[Rect]) -> bool {
    let mut above: &[Rect] = &[];
    let mut rest = rects;
    while let Some((band, after)) = split_band(rest) {
        let first = band[0];
        let in_order = band.iter().all(|r| !r.is_empty() && r.bottom == first.bottom)
            && band.windows(2).all(|w| w[0].right < w[1].left);
        if !in_order || above.first().is_some_and(|a| a.bottom > first.top || same_columns(above, band)) {
            return false;
        }
        (above, rest) = (band, after);
    }
    true
}

/// The rectangles of the first band (those with the first one's top), and the others.
fn split_band(rects: &[Rect]) -> Option<(&[Rect], &[Rect])> {
    let top = rects.first()?.top;
    let len = rects.iter().position(|r| r.top != top).unwrap_or(rects.len());
    Some(rects.split_at(len))
}

/// Whether the second band goes on directly below the first, with the same columns.
fn same_columns(above: &[Rect], below: &[Rect]) -> bool {
    above.len() == below.len()
        && above[0].bottom == below[0].top
        && above.iter().zip(below).all(|(a, b)| a.left == b.left && a.right == b.right)
}

/// The bands of a region under construction; a band equal to the one above it is merged into that.
#[derive(Default)]
pub(super) struct BandBuilder {
    rects: Vec<Rect>,
    /// Where the last finished band starts.
    last: usize,
    /// Where the open band starts.
    open: usize,
}

impl BandBuilder {
    /// Adds a rectangle to the open band: to the right of those already there, same top and bottom.
    /// One that touches its left neighbour prolongs that.
    #[inline]
    pub(super) fn push(&mut self, rect: Rect) {
        match self.rects[self.open..].last_mut() {
            Some(left) if left.right == rect.left => left.right = rect.right,
            _ => self.rects.push(rect),
        }
    }

    /// Ends the open band.
    pub(super) fn finish_band(&mut self) {
        let (done, band) = self.rects.split_at_mut(self.open);
        if band.is_empty() {
            return;
        }
        let above = &mut done[self.last..];
        if !above.is_empty() && same_columns(above, band) {
            let bottom = band[0].bottom;
            above.iter_mut().for_each(|r| r.bottom = bottom);
            self.rects.truncate(self.open);
        } else {
            self.last = self.open;
            self.open = self.rects.len();
        }
    }

    /// Rectangles so far.
    pub(super) fn len(&self) -> usize {
        self.rects.len()
    }

    pub(super) fn into_rects(mut self) -> Vec<Rect> {
        self.finish_band();
        self.rects
    }
}

/// The pixels for which `keep(in a, in b)` holds; both lists canonical, `keep(false, false)` must be false. `None` if
/// that takes more than `limit` rectangles.
///
/// Goes down the rows from edge to edge; between two edges at most one band of each side is there, and the
/// columns are swept likewise. Linear in what goes in and comes out.
pub(super) fn combine(
    a: &[Rect],
    b: &[Rect],
    limit: usize,
    keep: impl Fn(bool, bool) -> bool + Copy,
) -> Option<Vec<Rect>> {
    let mut out = BandBuilder::default();
    let (mut band_a, mut rest_a) = split_band(a).unwrap_or_default();
    let (mut band_b, mut rest_b) = split_band(b).unwrap_or_default();
    let mut y = i32::MIN;
    // The next row at or after `y` where a band starts or ends; beyond the last band there is none.
    let edge = |band: &[Rect], y: i32| match band.first() {
        Some(r) if r.top > y => Some(r.top),
        Some(r) => Some(r.bottom),
        None => None,
    };
    loop {
        let next = match (edge(band_a, y), edge(band_b, y)) {
            (Some(a), Some(b)) => a.min(b),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => break,
        };
        let now = |band: &'_ [Rect]| band.first().is_some_and(|r| r.top <= y);
        let columns_a = if now(band_a) { band_a } else { &[] };
        let columns_b = if now(band_b) { band_b } else { &[] };
        if !(columns_a.is_empty() && columns_b.is_empty()) {
            combine_columns(columns_a, columns_b, y, next, keep, &mut out);
            out.finish_band();
            if out.len() > limit {
                return None;
            }
        }
        y = next;
        if band_a.first().is_some_and(|r| r.bottom <= y) {
            (band_a, rest_a) = split_band(rest_a).unwrap_or_default();
        }
        if band_b.first().is_some_and(|r| r.bottom <= y) {
            (band_b, rest_b) = split_band(rest_b).unwrap_or_default();
        }
    }
    Some(out.into_rects())
}

fn combine_columns(
    a: &[Rect],
    b: &[Rect],
    top: i32,
    bottom: i32,
    keep: impl Fn(bool, bool) -> bool,
    out: &mut BandBuilder,
) {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut x = i32::MIN;
    loop {
        let (in_a, edge_a) = column_state(a.peek(), x);
        let (in_b, edge_b) = column_state(b.peek(), x);
        let next = edge_a.min(edge_b);
        if keep(in_a, in_b) && x < next {
            out.push(Rect::new(x, top, next, bottom));
        }
        if a.peek().is_none() && b.peek().is_none() {
            return;
        }
        x = next;
        a.next_if(|r| r.right <= x);
        b.next_if(|r| r.right <= x);
    }
}

/// Whether column `x` is in the rectangle, and where that changes next.
fn column_state(rect: Option<&&Rect>, x: i32) -> (bool, i32) {
    match rect {
        Some(r) if r.left <= x => (true, r.right),
        Some(r) => (false, r.left),
        None => (false, i32::MAX),
    }
}
