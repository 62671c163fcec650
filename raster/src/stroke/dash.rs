//! Dashed lines: X11's wide dashes of width 1, butt caps and mitred joins.
//!
//! Each dash is a rectangle of width 1 along the true line, in doubles; where a dash goes round a corner of the
//! figure, a mitre joins both ends. The order of the floating-point operations decides pixels, so it is X11's
//! throughout, and the length of a line is what the C library of SPICE's clients says ([`hypot`]), spelled out here so
//! that every machine draws the same.

use super::path::pixel_of;
use super::polygon::{Side, Vertex, fill_polygon};
use crate::geom::{Point, Rect};

/// Lengths that count; `style_nseg` is a byte on the wire.
const MAX_DASHES: usize = 255;

/// The longest extent of a line that is walked dash by dash from its start, as X11 does.
///
/// X11's own arithmetic overflows beyond. Longer lines take whole periods at once where nothing shows, which is the
/// same but for the last bits of the doubles.
const WALKED_EXTENT: i64 = 32767;

/// Dashes outside the surface that one path may walk over; beyond, all its lines are treated as long ones.
const WALKED_DASHES: u64 = 1 << 22;

/// A list of dash lengths in pixels: on, off, on … by index, and where in it a figure starts.
#[derive(Debug)]
pub(super) struct Dashes {
    lengths: Vec<u8>,
    /// The index of the next length after each that is not 0.
    next_real: Vec<usize>,
    period: i64,
    start: Phase,
}

/// A place in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Phase {
    index: usize,
    /// Pixels of this dash that are already used up.
    offset: i64,
}

impl Phase {
    /// Dashes with even index are drawn.
    fn is_on(self) -> bool {
        self.index & 1 == 0
    }
}

impl Dashes {
    /// From lengths in 28.4, of which each is rounded to pixels and kept modulo 256. `None` if all are 0: then there
    /// is nothing to draw. (SPICE clients hang there.)
    pub(super) fn new(lengths: &[i32], start_with_gap: bool) -> Option<Self> {
        let mut lengths: Vec<u8> = lengths.iter().take(MAX_DASHES).map(|&v| pixel_of(v) as u8).collect();
        if start_with_gap && !lengths.is_empty() {
            lengths.rotate_left(1);
        }
        let period = lengths.iter().map(|&v| i64::from(v)).sum();
        if period == 0 {
            return None;
        }
        let count = lengths.len();
        let next_real = (0..count)
            .map(|i| (1..=count).map(|d| (i + d) % count).find(|&j| lengths[j] != 0).unwrap_or(i))
            .collect();
        // With a gap first, the pattern starts at the end of its (rotated) first dash.
        let mut start = Phase::default();
        if start_with_gap || lengths[0] == 0 {
            start.index = 1 % count;
            while lengths[start.index] == 0 {
                start.index = (start.index + 1) % count;
            }
        }
        Some(Self { lengths, next_real, period, start })
    }

    fn length(&self, index: usize) -> i64 {
        i64::from(self.lengths[index])
    }

    fn after(&self, index: usize) -> usize {
        if index + 1 == self.lengths.len() { 0 } else { index + 1 }
    }
}

/// One end of a line, for joins.
#[derive(Clone, Copy, Debug, Default)]
struct Face {
    /// From the line's end to a corner of its last dash.
    corner: Vertex,
    /// The line's direction, away from this end.
    dx: i64,
    dy: i64,
    at: (i64, i64),
    k: f64,
}

impl Face {
    fn flipped(self) -> Self {
        Self { corner: Vertex { x: -self.corner.x, y: -self.corner.y }, dx: -self.dx, dy: -self.dy, ..self }
    }
}

/// Draws the dashes of one path, line by line; emits rows (y, left, right), cut to nothing.
pub(super) struct Dasher<'a> {
    dashes: &'a Dashes,
    /// The surface, a little larger. Long lines skip dashes outside it.
    surface: Rect,
    /// The pixels that are drawn now, a little larger: other dashes are not filled.
    visible: Rect,
    walked: u64,
    figure: Figure,
}

/// Where a figure stands.
#[derive(Clone, Copy, Debug, Default)]
struct Figure {
    start: Point,
    at: Point,
    phase: Phase,
    /// The first line's start, if a dash begins there.
    first_face: Option<Face>,
    /// The last line's end, and whether a dash is still on there.
    last: Option<(Face, bool)>,
    /// Several dashes may meet in a pixel but count once: joins are then drawn even if a line has the pixel.
    merged: bool,
}

impl<'a> Dasher<'a> {
    /// `visible` may be any part of the surface; what is drawn there does not depend on it.
    pub(super) fn new(dashes: &'a Dashes, surface: Rect, visible: Rect) -> Self {
        let larger = |r: Rect| Rect {
            left: r.left.saturating_sub(2),
            top: r.top.saturating_sub(2),
            right: r.right.saturating_add(2),
            bottom: r.bottom.saturating_add(2),
        };
        Self {
            dashes,
            surface: larger(surface),
            visible: larger(visible),
            walked: 0,
            figure: Figure::default(),
        }
    }

    /// Starts a figure. `merged` says that the caller unites all its spans.
    pub(super) fn begin(&mut self, at: Point, merged: bool) {
        self.figure = Figure { start: at, at, phase: self.dashes.start, merged, ..Figure::default() };
    }

    /// The next line of the figure, and its join with the one before.
    pub(super) fn line_to(&mut self, to: Point, emit: &mut impl FnMut(i64, i64, i64)) {
        let from = std::mem::replace(&mut self.figure.at, to);
        if from == to {
            return;
        }
        let starts_on = self.figure.phase.is_on();
        let (left, right) = self.line(from, to, emit);
        if starts_on {
            match self.figure.last {
                None => self.figure.first_face = Some(left),
                Some((before, true)) => join(left, before, self.figure.merged, emit),
                Some((_, false)) => {}
            }
        }
        let Phase { index, offset } = self.figure.phase;
        let ends_on = (index & 1 == 1) != (offset != 0);
        self.figure.last = Some((right, ends_on));
    }

    /// Joins a closed figure's end to its start.
    pub(super) fn end(&mut self, emit: &mut impl FnMut(i64, i64, i64)) {
        let Figure { start, at, first_face, last, merged, .. } = self.figure;
        if let (true, Some(first), Some((face, true))) = (start == at, first_face, last) {
            join(first, face, merged, emit);
        }
    }

    /// The dashes of one line. Returns its ends and leaves the phase where it stops.
    fn line(&mut self, from: Point, to: Point, emit: &mut impl FnMut(i64, i64, i64)) -> (Face, Face) {
        let (x1, y1) = (i64::from(from.x), i64::from(from.y));
        let (x2, y2) = (i64::from(to.x), i64::from(to.y));
        let (dx, dy) = (x2 - x1, y2 - y1);
        let (fdx, fdy) = (dx as f64, dy as f64);
        let (length, rdx, rdy) = if dx == 0 {
            (fdy.abs(), 0.0, 0.5f64.copysign(fdy))
        } else if dy == 0 {
            (fdx.abs(), 0.5f64.copysign(fdx), 0.0)
        } else {
            let length = hypot(fdx, fdy);
            let r = 0.5 / length;
            (length, r * fdx, r * fdy)
        };
        let k = 0.5 * length;
        let right_start = Vertex { x: rdy, y: -rdx };
        let bottom_start = Vertex { x: -rdy, y: rdx };

        let skip = self.skip(x1, y1, dx, dy, length);
        let mut dash = Dash {
            top: right_start,
            right: right_start,
            bottom: bottom_start,
            left: bottom_start,
            left_k: 0.0,
            direction: (dx, dy),
            k,
        };
        let mut phase = self.figure.phase;
        let mut in_dash = self.dashes.length(phase.index) - phase.offset;
        let mut remaining = length;
        let mut first = true;
        while remaining > in_dash as f64 {
            if let (Some((seen_from, seen_to)), false) = (&skip, first) {
                let position = length - remaining;
                let next_sight = if position < *seen_from {
                    *seen_from
                } else if position > *seen_to {
                    length
                } else {
                    0.0
                };
                let periods = ((next_sight - position) / self.dashes.period as f64).floor() - 1.0;
                if periods >= 1.0 {
                    let distance = periods * self.dashes.period as f64;
                    remaining -= distance;
                    dash.jump(distance * fdx / length, distance * fdy / length);
                }
            }
            let step_x = (in_dash * dx) as f64 / length;
            let step_y = (in_dash * dy) as f64 / length;
            dash.right.x += step_x;
            dash.right.y += step_y;
            dash.bottom.x += step_x;
            dash.bottom.y += step_y;
            if phase.is_on() && dash.is_visible((x1, y1), self.visible) {
                let right_k = dash.right.x * fdx + dash.right.y * fdy;
                dash.fill(right_k, (x1, y1), emit);
            }
            remaining -= in_dash as f64;
            phase.index = if in_dash == 0 && !first {
                // Empty dashes in a row change nothing any more.
                self.dashes.next_real[phase.index]
            } else {
                self.dashes.after(phase.index)
            };
            in_dash = self.dashes.length(phase.index);
            dash.next();
            first = false;
        }
        if phase.is_on() {
            // The rest belongs to the line's end and is computed from there.
            dash.top.x -= fdx;
            dash.top.y -= fdy;
            dash.left.x -= fdx;
            dash.left.y -= fdy;
            dash.right = right_start;
            dash.bottom = bottom_start;
            dash.left_k += (dx * dx + dy * dy) as f64;
            if dash.is_visible((x2, y2), self.visible) {
                dash.fill(0.0, (x2, y2), emit);
            }
        }
        in_dash = (in_dash as f64 - remaining) as i64;
        if in_dash == 0 {
            phase.index = self.dashes.after(phase.index);
            in_dash = self.dashes.length(phase.index);
        }
        phase.offset = self.dashes.length(phase.index) - in_dash;
        self.figure.phase = phase;
        let left = Face { corner: right_start, dx, dy, at: (x1, y1), k };
        let right = Face { corner: bottom_start, dx: -dx, dy: -dy, at: (x2, y2), k };
        (left, right)
    }

    /// The stretch of a line, by distance from its start, that may be seen, if the dashes before and after it are to
    /// be skipped; it is empty, at the line's end, if nothing is seen.
    fn skip(&mut self, x1: i64, y1: i64, dx: i64, dy: i64, length: f64) -> Option<(f64, f64)> {
        let dashes = (length / self.dashes.period as f64) as u64 + 1;
        self.walked = self.walked.saturating_add(dashes.saturating_mul(self.dashes.lengths.len() as u64));
        if dx.abs().max(dy.abs()) <= WALKED_EXTENT && self.walked <= WALKED_DASHES {
            return None;
        }
        let (mut from, mut to) = (0.0f64, 1.0f64);
        for (start, delta, low, high) in
            [(x1, dx, self.surface.left, self.surface.right), (y1, dy, self.surface.top, self.surface.bottom)]
        {
            let (low, high) = ((i64::from(low) - start) as f64, (i64::from(high) - start) as f64);
            if delta != 0 {
                let (a, b) = (low / delta as f64, high / delta as f64);
                from = from.max(a.min(b));
                to = to.min(a.max(b));
            } else if low > 0.0 || high < 0.0 {
                to = -1.0;
            }
        }
        Some(if from > to { (length, length) } else { (from * length - 8.0, to * length + 8.0) })
    }
}

/// The hypotenuse as glibc 2.35 and later compute it without fused operations: a square root corrected once, after
/// C. F. Borges, "An Improved Algorithm for hypot(a,b)". In one of 150 cases this differs in the last bit from the
/// nearest double, which is enough to move a pixel. For arguments of 1 to 2²⁹.
fn hypot(a: f64, b: f64) -> f64 {
    let (x, y) = (a.abs().max(b.abs()), a.abs().min(b.abs()));
    let root = (x * x + y * y).sqrt();
    let excess = if root <= 2.0 * y {
        let d = root - y;
        x * (2.0 * d - x) + (d - 2.0 * (x - y)) * d
    } else {
        let d = root - x;
        2.0 * d * (x - 2.0 * y) + ((4.0 * d - y) * y + d * d)
    };
    root - excess / (2.0 * root)
}

/// The rectangle of a dash: its upper edge runs from `top` to `right`, the lower one back from `bottom` to `left`
/// (of a line that goes right and down; others are turned).
struct Dash {
    top: Vertex,
    right: Vertex,
    bottom: Vertex,
    left: Vertex,
    left_k: f64,
    direction: (i64, i64),
    k: f64,
}

impl Dash {
    /// The far side becomes the near side of the next dash.
    fn next(&mut self) {
        let (dx, dy) = self.direction;
        self.left_k = -(self.right.x * dx as f64 + self.right.y * dy as f64);
        self.top = self.right;
        self.left = self.bottom;
    }

    /// Moves the near side along the line.
    fn jump(&mut self, x: f64, y: f64) {
        self.right.x += x;
        self.right.y += y;
        self.bottom.x += x;
        self.bottom.y += y;
        self.next();
    }

    /// False if it lies outside for sure.
    fn is_visible(&self, origin: (i64, i64), visible: Rect) -> bool {
        let beyond = |a: f64, b: f64, at: i64, low: i32, high: i32| {
            let (low, high) = ((i64::from(low) - at) as f64, (i64::from(high) - at) as f64);
            a < low && b < low || a > high && b > high
        };
        !(beyond(self.top.x, self.right.x, origin.0, visible.left, visible.right)
            || beyond(self.top.y, self.right.y, origin.1, visible.top, visible.bottom))
    }

    fn fill(&self, right_k: f64, origin: (i64, i64), emit: &mut impl FnMut(i64, i64, i64)) {
        let (dx, dy) = self.direction;
        let sides = [
            Side { dx, dy, k: self.k },
            Side { dx: -dy, dy: dx, k: right_k },
            Side { dx: -dx, dy: -dy, k: self.k },
            Side { dx: dy, dy: -dx, k: self.left_k },
        ];
        fill_polygon(&[self.top, self.right, self.bottom, self.left], &sides, origin, emit);
    }
}

/// The square of the longest mitre, in line widths: 1 / sin²(11° / 2).
const MITRE_LIMIT: f64 = 108.856472512142;

/// Joins the start of a line with the end of the one before it, both at the same point.
fn join(left: Face, right: Face, merged: bool, emit: &mut impl FnMut(i64, i64, i64)) {
    let has_pixel = |f: &Face| f.dx > 0 || f.dx == 0 && f.dy > 0;
    if !merged && (has_pixel(&left) || has_pixel(&right)) {
        return;
    }
    let denominator = -left.dx as f64 * right.dy as f64 + right.dx as f64 * left.dy as f64;
    if denominator == 0.0 {
        return;
    }
    let swapped = denominator <= 0.0;
    let (left, right) = if swapped { (left, right.flipped()) } else { (left.flipped(), right) };
    let (l, r) = (left.corner, right.corner);
    let (ldx, ldy, rdx, rdy) = (left.dx as f64, left.dy as f64, right.dx as f64, right.dy as f64);

    let y = (ldy * (r.x * rdy - r.y * rdx) - rdy * (l.x * ldy - l.y * ldx)) / denominator;
    let x = if left.dy != 0 { l.x + (y - l.y) * ldx / ldy } else { r.x + (y - r.y) * rdx / rdy };
    let tip = Vertex { x, y };
    let centre = Vertex::default();
    let near = Side { dx: -right.dy, dy: right.dx, k: 0.0 };
    let far = Side { dx: left.dy, dy: -left.dx, k: 0.0 };
    if (x * x + y * y) * 4.0 > MITRE_LIMIT {
        let (dx, dy) = (r.x - l.x, r.y - l.y);
        let scale = if dx.abs() > dy.abs() { dx.abs() } else { dy.abs() };
        let mut side = Side { dx: (dx * 65536.0 / scale) as i64, dy: (dy * 65536.0 / scale) as i64, k: 0.0 };
        side.k = ((l.x + r.x) * side.dy as f64 - (l.y + r.y) * side.dx as f64) / 2.0;
        fill_polygon(&[r, centre, l], &[near, far, side], left.at, emit);
    } else {
        let outer = |f: &Face| {
            let sign = if swapped { -1 } else { 1 };
            Side { dx: f.dx * sign, dy: f.dy * sign, k: if swapped { -f.k } else { f.k } }
        };
        fill_polygon(&[r, centre, l, tip], &[near, far, outer(&left), outer(&right)], left.at, emit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_c_library() {
        // From glibc 2.36; the last three are not the nearest doubles.
        for (a, b, length) in [
            (3.0, 4.0, 5.0),
            (1.0, 1.0, std::f64::consts::SQRT_2),
            (-1574.0, 1382.0, 2094.612135933524),
            (360.0, -1612.0, 1651.7094175429286),
            (1382.0, 1574.0, 2094.612135933524),
        ] {
            assert_eq!(hypot(a, b), length);
        }
    }

    #[test]
    fn the_phase_runs_on_and_starts_after_a_gap() {
        let dashes = Dashes::new(&[48, 32, 16], true).unwrap();
        assert_eq!(dashes.lengths, [2, 1, 3]);
        assert_eq!(dashes.start, Phase { index: 1, offset: 0 });
        let dashes = Dashes::new(&[0, 0, 16], false).unwrap();
        assert_eq!(dashes.start, Phase { index: 2, offset: 0 });
        assert_eq!(Dashes::new(&[256 * 16, 8], false).map(|d| d.period), None);
    }
}
