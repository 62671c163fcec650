//! Solid lines: X11's zero-width Bresenham, computed from the clip inwards.

use crate::geom::{Point, Rect};

/// The steps of a line along its longer axis, and when it steps along the shorter one.
///
/// After `i` steps of `major` the line has made floor((2·i·minor + major − bias) / (2·major)) minor steps: the closed
/// form of the error term. So any part of a line is found without walking there.
struct Steps {
    major: i64,
    minor: i64,
    /// 1 in the octants where an exact half stays on the axis.
    bias: i64,
}

impl Steps {
    /// Minor steps made after `i` major ones.
    fn minor_after(&self, i: i64) -> i64 {
        (2 * i * self.minor + self.major - self.bias) / (2 * self.major)
    }

    /// The first major step after which `n` minor ones are made; the line's end if they never are.
    fn first_with(&self, n: i64) -> i64 {
        match (n, self.minor) {
            (..=0, _) => 0,
            (_, 0) => self.major,
            _ => ceil_div((2 * n - 1) * self.major + self.bias, 2 * self.minor).min(self.major),
        }
    }
}

fn ceil_div(a: i64, b: i64) -> i64 {
    (a + b - 1).div_euclid(b)
}

/// The steps (as a half-open range) at which a coordinate that starts at `start` and moves by `sign` is in
/// `low..high`.
fn steps_inside(start: i64, sign: i64, low: i32, high: i32) -> (i64, i64) {
    let (low, high) = (i64::from(low), i64::from(high));
    if sign > 0 { (low - start, high - start) } else { (start - high + 1, start - low + 1) }
}

/// Emits the pixels of the line from `from` up to but without `to` that lie in `area`, as spans (y, left, right),
/// one per row in the line's own order; steep lines have spans of one pixel.
///
/// The cost is that of the rows of `area` that the line crosses, however long it is.
pub(super) fn line_spans(from: Point, to: Point, area: Rect, mut emit: impl FnMut(i32, i32, i32)) {
    if area.is_empty() {
        return;
    }
    let (x, y) = (i64::from(from.x), i64::from(from.y));
    let (dx, dy) = (i64::from(to.x) - x, i64::from(to.y) - y);
    let (sx, sy) = (if dx < 0 { -1 } else { 1 }, if dy < 0 { -1 } else { 1 });
    let columns = steps_inside(x, sx, area.left, area.right);
    let rows = steps_inside(y, sy, area.top, area.bottom);
    if dx.abs() > dy.abs() {
        let line = Steps { major: dx.abs(), minor: dy.abs(), bias: i64::from(dx < 0) };
        let (start, end) = (columns.0.max(0), columns.1.min(line.major));
        if start >= end {
            return;
        }
        let first = line.minor_after(start).max(rows.0);
        let last = line.minor_after(end - 1).min(rows.1 - 1);
        // first_with(n) for one n after the other: quotient and remainder of a numerator that grows by 2·major.
        let den = 2 * line.minor.max(1);
        let (whole, part) = (2 * line.major / den, 2 * line.major % den);
        let mut left = line.first_with(first);
        let numerator = (2 * (first + 1) - 1) * line.major + line.bias + den - 1;
        let (mut next, mut rest) = (numerator.div_euclid(den), numerator.rem_euclid(den));
        for n in first..=last {
            let right = if line.minor == 0 { line.major } else { next };
            let (a, b) = (left.max(start), right.min(end));
            if a < b {
                let (l, r) = if sx > 0 { (x + a, x + b) } else { (x - b + 1, x - a + 1) };
                emit((y + sy * n) as i32, l as i32, r as i32);
            }
            left = right;
            next += whole;
            rest += part;
            if rest >= den {
                rest -= den;
                next += 1;
            }
        }
    } else if dy != 0 {
        let line = Steps { major: dy.abs(), minor: dx.abs(), bias: i64::from(dy < 0) };
        let reached = line.first_with(columns.0);
        let left_at = line.first_with(columns.1);
        let (start, end) = (rows.0.max(reached), rows.1.min(left_at).min(line.major));
        if start >= end {
            return;
        }
        let n = line.minor_after(start);
        let mut error = 2 * start * line.minor + line.major - line.bias - 2 * line.major * n;
        let mut column = x + sx * n;
        for i in start..end {
            emit((y + sy * i) as i32, column as i32, column as i32 + 1);
            error += 2 * line.minor;
            if error >= 2 * line.major {
                error -= 2 * line.major;
                column += sx;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::{Rng, seeds};

    /// The textbook: one pixel after the other, with the error term of X11's thin lines.
    fn naive_line(from: Point, to: Point) -> Vec<(i32, i32)> {
        let (dx, dy) = (i64::from(to.x) - i64::from(from.x), i64::from(to.y) - i64::from(from.y));
        let (ax, ay) = (dx.abs(), dy.abs());
        let (sx, sy) = (if dx < 0 { -1 } else { 1 }, if dy < 0 { -1 } else { 1 });
        let x_major = ax > ay;
        let (major, minor) = if x_major { (ax, ay) } else { (ay, ax) };
        let bias = i64::from(if x_major { dx < 0 } else { dy < 0 });
        let mut error = 2 * minor - major - bias;
        let (mut x, mut y) = (from.x, from.y);
        let mut pixels = Vec::new();
        for _ in 0..major {
            pixels.push((x, y));
            let step_minor = error >= 0;
            if step_minor {
                error -= 2 * major;
            }
            error += 2 * minor;
            if x_major || step_minor {
                x += sx;
            }
            if !x_major || step_minor {
                y += sy;
            }
        }
        pixels
    }

    fn spans(from: Point, to: Point, area: Rect) -> Vec<(i32, i32)> {
        let mut pixels = Vec::new();
        line_spans(from, to, area, |y, l, r| {
            assert!(l < r && l >= area.left && r <= area.right && y >= area.top && y < area.bottom);
            if to.x < from.x {
                pixels.extend((l..r).rev().map(|x| (x, y)));
            } else {
                pixels.extend((l..r).map(|x| (x, y)));
            }
        });
        pixels
    }

    fn check(from: Point, to: Point, area: Rect) {
        let mut expected = naive_line(from, to);
        expected.retain(|&(x, y)| area.contains_point(Point::new(x, y)));
        assert_eq!(spans(from, to, area), expected, "{from:?} to {to:?} in {area:?}");
    }

    #[test]
    fn every_short_line_equals_the_textbook() {
        let all = Rect::new(-40, -40, 40, 40);
        for y in -13..=13 {
            for x in -13..=13 {
                check(Point::new(0, 0), Point::new(x, y), all);
                check(Point::new(3, -2), Point::new(x, y), Rect::new(-4, -7, 6, 5));
            }
        }
    }

    #[test]
    fn clipping_changes_no_pixel() {
        for seed in seeds(4000) {
            let mut rng = Rng::new(seed);
            let mut between = |low: i32, high: i32| low + rng.below((high - low + 1) as u64) as i32;
            let span = [3, 20, 300, 5000][between(0, 3) as usize];
            let from = Point::new(between(-span, span), between(-span, span));
            let to = Point::new(between(-span, span), between(-span, span));
            let (l, t) = (between(-40, 40), between(-40, 40));
            check(from, to, Rect::new(l, t, l + between(0, 60), t + between(0, 60)));
        }
    }

    #[test]
    fn the_ends_of_the_plane_cost_no_more() {
        let far = 1 << 27;
        let area = Rect::of_size(64, 48);
        for from in [Point::new(-far, -far), Point::new(far, -far), Point::new(-far, 20), Point::new(7, far)]
        {
            for to in [Point::new(far, far), Point::new(-far, far), Point::new(far, 21), Point::new(7, -far)]
            {
                let pixels = spans(from, to, area);
                assert!(pixels.len() <= 112, "{from:?} {to:?} {}", pixels.len());
                assert!(
                    pixels
                        .windows(2)
                        .all(|w| { (w[0].0 - w[1].0).abs() <= 1 && (w[0].1 - w[1].1).abs() <= 1 })
                );
            }
        }
        assert_eq!(spans(Point::new(-far, -far), Point::new(far, far), area).len(), 48);
    }
}
