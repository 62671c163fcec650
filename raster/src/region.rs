//! Regions: sets of pixels as sorted rectangles.

mod bands;
mod mask;
#[cfg(test)]
mod tests;

use crate::geom::Rect;
use bands::{combine, is_rect_list_canonical};
use std::borrow::Cow;
use std::fmt;

/// A set of pixels, kept as disjoint rectangles in bands.
///
/// A band is a run of rows with the same columns in each; its rectangles have the same top and bottom, are sorted by
/// x and do not touch. Bands are sorted by y; touching bands differ. So there is one form for each set, and equal
/// sets are equal values. The empty set and single rectangles take no memory outside the value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Region {
    /// The smallest rectangle around it; all zero when it is empty.
    bounds: Rect,
    /// INVARIANT: holds two rectangles or more, or none if the region is empty or is `bounds`.
    rects: Vec<Rect>,
}

/// Rectangles that memory is reserved for before they are seen.
const MOST_RESERVED: usize = 1 << 12;

/// A region would have more rectangles than the caller allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRects {
    /// Rectangles that the caller allows.
    pub limit: usize,
}

impl fmt::Display for TooManyRects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "region has more than {} rectangles", self.limit)
    }
}

impl std::error::Error for TooManyRects {}

impl Region {
    /// The empty set.
    #[inline]
    pub const fn new() -> Self {
        Self { bounds: Rect::new(0, 0, 0, 0), rects: Vec::new() }
    }

    /// The empty set.
    pub const fn empty() -> Self {
        Self::new()
    }

    /// The pixels of one rectangle; none if it is empty or inverted.
    #[inline]
    pub const fn from_rect(rect: Rect) -> Self {
        if rect.is_empty() { Self::new() } else { Self { bounds: rect, rects: Vec::new() } }
    }

    /// The pixels that are in any of the rectangles; empty and inverted ones are ignored.
    ///
    /// The result can have quadratically many rectangles (bars that cross bars): use
    /// [`Region::from_rects_within`] for rectangles that a stranger sent.
    pub fn from_rects(rects: impl IntoIterator<Item = Rect>) -> Self {
        Self::from_rects_within(rects, Rect::new(i32::MIN, i32::MIN, i32::MAX, i32::MAX), usize::MAX)
            .unwrap_or_default()
    }

    /// The pixels of `area` that are in any of the rectangles, or an error if that takes more than `limit`
    /// rectangles, or if the union of some of them does. Takes no memory beyond the limit.
    pub fn from_rects_within(
        rects: impl IntoIterator<Item = Rect>,
        area: Rect,
        limit: usize,
    ) -> Result<Self, TooManyRects> {
        let rects = rects.into_iter();
        let most = rects.size_hint().1.unwrap_or(0).min(MOST_RESERVED);
        let mut rects = rects.map(|r| r.intersect(&area)).filter(|r| !r.is_empty());
        let Some(first) = rects.next() else { return Ok(Self::new()) };
        let Some(second) = rects.next() else { return Ok(Self::from_rect(first)) };
        let mut rest = Vec::with_capacity(most.max(2));
        rest.extend([first, second]);
        rest.extend(rects);
        if is_rect_list_canonical(&rest) {
            return Self::from_canonical(rest).at_most(limit);
        }
        rest.sort_unstable_by_key(|r| (r.top, r.left, r.bottom, r.right));
        union_sorted(&rest, limit)
    }

    /// From rectangles that are already in canonical form.
    fn from_canonical(rects: Vec<Rect>) -> Self {
        debug_assert!(is_rect_list_canonical(&rects));
        match rects[..] {
            [] => Self::new(),
            [rect] => Self::from_rect(rect),
            [first, .., last] => {
                let mut bounds = Rect::new(i32::MAX, first.top, i32::MIN, last.bottom);
                for r in &rects {
                    bounds.left = bounds.left.min(r.left);
                    bounds.right = bounds.right.max(r.right);
                }
                Self { bounds, rects }
            }
        }
    }

    /// From a combination without a limit, which always is one.
    fn from_combined(rects: Option<Vec<Rect>>) -> Self {
        rects.map(Self::from_canonical).unwrap_or_default()
    }

    fn at_most(self, limit: usize) -> Result<Self, TooManyRects> {
        if self.rects().len() > limit { Err(TooManyRects { limit }) } else { Ok(self) }
    }

    /// Whether it holds no pixel.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.bounds.is_empty()
    }

    /// The smallest rectangle around it; all zero when it is empty.
    #[inline]
    pub const fn bounds(&self) -> Rect {
        self.bounds
    }

    /// Its rectangles: disjoint, by top, then by left.
    #[inline]
    pub fn rects(&self) -> &[Rect] {
        if !self.rects.is_empty() {
            &self.rects
        } else if self.is_empty() {
            &[]
        } else {
            std::slice::from_ref(&self.bounds)
        }
    }

    /// Its rectangles cut to `area`, in the same order.
    #[inline]
    pub fn rects_in(&self, area: Rect) -> impl DoubleEndedIterator<Item = Rect> + '_ {
        let rects = self.rects();
        let (from, to) = if rects.len() < 8 {
            (0, rects.len())
        } else {
            let from = rects.partition_point(|r| r.bottom <= area.top);
            (from, from + rects[from..].partition_point(|r| r.top < area.bottom))
        };
        rects[from..to].iter().map(move |r| r.intersect(&area)).filter(|r| !r.is_empty())
    }

    /// The part of a rectangle that is inside, where the region is one rectangle and not all of it lies outside: what
    /// most drawings come to, without a loop.
    #[inline(always)]
    pub(crate) fn one_in(&self, area: Rect) -> Option<Rect> {
        let rect = self.bounds.intersect(&area);
        (self.rects.is_empty() && !rect.is_empty()).then_some(rect)
    }

    /// Pixels in it.
    #[inline]
    pub fn area(&self) -> u64 {
        match self.rects() {
            [rect] => rect.area(),
            rects => rects.iter().map(Rect::area).sum(),
        }
    }

    /// The pixels in either.
    #[must_use]
    pub fn union(&self, other: &Region) -> Region {
        self.union_within(other, usize::MAX).unwrap_or_default()
    }

    /// The union, if it takes no more than `limit` rectangles.
    fn union_within(&self, other: &Region, limit: usize) -> Result<Region, TooManyRects> {
        if self.is_empty() || other.contains_region_cheaply(self) {
            return Ok(other.clone());
        }
        if other.is_empty() || self.contains_region_cheaply(other) {
            return Ok(self.clone());
        }
        let rects = combine(self.rects(), other.rects(), limit, |a, b| a | b);
        rects.map(Self::from_canonical).ok_or(TooManyRects { limit })
    }

    /// Takes in the pixels of a rectangle.
    pub fn union_rect(&mut self, rect: Rect) {
        if rect.is_empty() || self.contains_rect(&rect) {
            return;
        }
        if rect.contains(&self.bounds) {
            *self = Self::from_rect(rect);
        } else {
            *self = self.union(&Self::from_rect(rect));
        }
    }

    /// The pixels that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Region) -> Region {
        if !self.bounds.intersects(&other.bounds) {
            return self.clone();
        }
        if other.contains_region_cheaply(self) {
            return Self::new();
        }
        Self::from_combined(combine(self.rects(), other.rects(), usize::MAX, |a, b| a & !b))
    }

    /// Takes the pixels of a rectangle out.
    pub fn subtract_rect(&mut self, rect: Rect) {
        if self.bounds.intersects(&rect) {
            *self = self.subtract(&Self::from_rect(rect));
        }
    }

    /// The pixels in both.
    #[must_use]
    pub fn intersect(&self, other: &Region) -> Region {
        if self.contains_region_cheaply(other) {
            return other.clone();
        }
        if other.contains_region_cheaply(self) {
            return self.clone();
        }
        if !self.bounds.intersects(&other.bounds) {
            return Self::new();
        }
        if self.rects.is_empty() && other.rects.is_empty() {
            return Self::from_rect(self.bounds.intersect(&other.bounds));
        }
        Self::from_combined(combine(self.rects(), other.rects(), usize::MAX, |a, b| a & b))
    }

    /// Keeps only the pixels inside a rectangle.
    pub fn intersect_rect(&mut self, rect: Rect) {
        if rect.contains(&self.bounds) {
            return;
        }
        if self.rects.is_empty() {
            *self = Self::from_rect(self.bounds.intersect(&rect));
        } else {
            *self = self.intersect(&Self::from_rect(rect));
        }
    }

    /// The pixels inside a rectangle; borrowed if that is all of them.
    pub(crate) fn cut(&self, rect: Rect) -> Cow<'_, Region> {
        if rect.contains(&self.bounds) {
            return Cow::Borrowed(self);
        }
        let mut inside = self.clone();
        inside.intersect_rect(rect);
        Cow::Owned(inside)
    }

    /// True if one rectangle of bounds shows it; false says nothing.
    fn contains_region_cheaply(&self, other: &Region) -> bool {
        self.rects.is_empty() && self.bounds.contains(&other.bounds)
    }

    /// Whether every pixel of the rectangle is inside; true for an empty one.
    pub fn contains_rect(&self, rect: &Rect) -> bool {
        if rect.is_empty() {
            return true;
        }
        if !self.bounds.contains(rect) {
            return false;
        }
        // Rectangles of a band do not touch, so one of each band must span the columns, and the bands must follow
        // each other without a gap.
        let mut y = rect.top;
        for r in self.rects_in(*rect) {
            if r.top <= y && r.left == rect.left && r.right == rect.right {
                y = r.bottom;
            }
        }
        y >= rect.bottom
    }

    /// Whether any pixel of the rectangle is inside.
    pub fn intersects_rect(&self, rect: &Rect) -> bool {
        self.bounds.intersects(rect) && self.rects_in(*rect).next().is_some()
    }

    /// Whether any pixel is in both.
    pub fn intersects(&self, other: &Region) -> bool {
        if !self.bounds.intersects(&other.bounds) {
            return false;
        }
        let (few, many) = if self.rects.len() < other.rects.len() { (self, other) } else { (other, self) };
        few.rects().iter().any(|r| many.intersects_rect(r))
    }

    /// Moved by (dx, dy). What leaves the range of `i32` is lost.
    #[must_use]
    pub fn translate(&self, dx: i32, dy: i32) -> Region {
        let rects = self.rects();
        let fits = |v: i32, d: i32| v.checked_add(d).is_some();
        let b = self.bounds;
        if fits(b.left, dx) && fits(b.right, dx) && fits(b.top, dy) && fits(b.bottom, dy) {
            let rects = self.rects.iter().map(|r| r.translate(dx, dy)).collect();
            return Self { bounds: b.translate(dx, dy), rects };
        }
        Self::from_rects(rects.iter().map(|r| r.translate(dx, dy)))
    }
}

/// The union of rectangles sorted by top: halves are united, so that each is looked at log n times.
fn union_sorted(rects: &[Rect], limit: usize) -> Result<Region, TooManyRects> {
    match rects {
        [] => Ok(Region::new()),
        [rect] => Ok(Region::from_rect(*rect)),
        _ => {
            let (upper, lower) = rects.split_at(rects.len() / 2);
            union_sorted(upper, limit)?.union_within(&union_sorted(lower, limit)?, limit)
        }
    }
}

impl From<Rect> for Region {
    fn from(rect: Rect) -> Self {
        Self::from_rect(rect)
    }
}

impl FromIterator<Rect> for Region {
    fn from_iter<I: IntoIterator<Item = Rect>>(rects: I) -> Self {
        Self::from_rects(rects)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Region")?;
        f.debug_list().entries(self.rects().iter().map(|r| (r.left, r.top, r.right, r.bottom))).finish()
    }
}
