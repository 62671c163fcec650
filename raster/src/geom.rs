//! Points and rectangles.

/// A position in pixels; y grows downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Point {
    /// Distance from the left edge.
    pub x: i32,
    /// Distance from the top edge.
    pub y: i32,
}

impl Point {
    /// The point (x, y).
    #[inline]
    pub const fn new(x: i32, y: i32) -> Self {
        Self { x, y }
    }
}

/// A half-open rectangle in pixels: `left..right` by `top..bottom`.
///
/// Untrusted rectangles may be empty, inverted or reach to the ends of `i32`: every method is defined for them
/// and none overflows. All inverted and zero-sized rectangles are empty and hold no pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rect {
    /// First column inside.
    pub left: i32,
    /// First row inside.
    pub top: i32,
    /// First column to the right of it.
    pub right: i32,
    /// First row below it.
    pub bottom: i32,
}

impl Rect {
    /// The rectangle `left..right` by `top..bottom`.
    #[inline]
    pub const fn new(left: i32, top: i32, right: i32, bottom: i32) -> Self {
        Self { left, top, right, bottom }
    }

    /// The rectangle of a size at the origin; sizes beyond `i32::MAX` are cut there.
    #[inline]
    pub fn of_size(width: u32, height: u32) -> Self {
        let cut = |v: u32| i32::try_from(v).unwrap_or(i32::MAX);
        Self::new(0, 0, cut(width), cut(height))
    }

    /// Whether it holds no pixel.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.left >= self.right || self.top >= self.bottom
    }

    /// Columns, 0 if inverted.
    #[inline]
    pub const fn width(&self) -> u32 {
        if self.right > self.left { self.right.wrapping_sub(self.left) as u32 } else { 0 }
    }

    /// Rows, 0 if inverted.
    #[inline]
    pub const fn height(&self) -> u32 {
        if self.bottom > self.top { self.bottom.wrapping_sub(self.top) as u32 } else { 0 }
    }

    /// Pixels inside.
    #[inline]
    pub const fn area(&self) -> u64 {
        self.width() as u64 * self.height() as u64
    }

    /// The pixels in both; possibly empty.
    #[inline]
    pub fn intersect(&self, other: &Rect) -> Rect {
        Rect {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }

    /// Whether any pixel is in both.
    #[inline]
    pub fn intersects(&self, other: &Rect) -> bool {
        !self.intersect(other).is_empty()
    }

    /// Whether every pixel of `other` is inside; true for an empty `other`.
    #[inline]
    pub fn contains(&self, other: &Rect) -> bool {
        other.is_empty()
            || (self.left <= other.left
                && self.top <= other.top
                && self.right >= other.right
                && self.bottom >= other.bottom)
    }

    /// Whether the pixel at `p` is inside.
    #[inline]
    pub const fn contains_point(&self, p: Point) -> bool {
        p.x >= self.left && p.x < self.right && p.y >= self.top && p.y < self.bottom
    }

    /// The smallest rectangle around both; an empty one adds nothing.
    #[inline]
    pub fn union(&self, other: &Rect) -> Rect {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return *self;
        }
        Rect {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// Moved by (dx, dy); coordinates stick at the ends of `i32`.
    #[inline]
    pub fn translate(&self, dx: i32, dy: i32) -> Rect {
        Rect {
            left: self.left.saturating_add(dx),
            top: self.top.saturating_add(dy),
            right: self.right.saturating_add(dx),
            bottom: self.bottom.saturating_add(dy),
        }
    }
}
