//! Convex polygons row by row, as X11's wide lines fill them.
//!
//! A polygon's corners are doubles relative to a whole pixel (the line's end that it belongs to), its sides have
//! whole-number directions. A pixel belongs to it if its centre lies inside; of centres on a side, those on left and
//! upper sides do, so polygons that share a side share no pixel.

/// A corner, relative to the polygon's origin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Vertex {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The side that leaves a corner: its direction, and k = x·dy − y·dx of its points.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side {
    pub(super) dx: i64,
    pub(super) dy: i64,
    pub(super) k: f64,
}

/// The smallest whole number not below `v` (for negative numbers: what truncation leaves, which is the same).
fn ceil(v: f64) -> i64 {
    let whole = v as i64;
    if v == whole as f64 || v < 0.0 { whole } else { whole.saturating_add(1) }
}

/// A side on its way down: the last column left of it (or, plus one, the first column inside) row by row.
#[derive(Clone, Copy, Debug, Default)]
struct Edge {
    /// Rows until the next side takes over.
    height: i64,
    x: i64,
    step: i64,
    sign: i64,
    error: i64,
    dx: i64,
    dy: i64,
}

impl Edge {
    /// The edge along a side with dy ≠ 0 that starts at height `y0`, and its first row.
    fn new(y0: f64, side: Side, is_left: bool, origin: (i64, i64)) -> (Self, i64) {
        let Side { mut dx, mut dy, mut k } = side;
        if dy < 0 {
            (dx, dy, k) = (-dx, -dy, -k);
        }
        let y = ceil(y0);
        let across = ceil(k).wrapping_add(y.wrapping_mul(dx));
        let x = if across <= 0 { -(across.wrapping_neg() / dy) - 1 } else { (across - 1) / dy };
        let error = across.wrapping_sub(x.wrapping_mul(dy));
        let (sign, step, rest, error) =
            if dx >= 0 { (1, dx / dy, dx % dy, error) } else { (-1, -(-dx / dy), -dx % dy, dy - error + 1) };
        let edge = Self {
            height: 0,
            x: x.wrapping_add(i64::from(is_left)).wrapping_add(origin.0),
            step,
            sign,
            error: error.wrapping_sub(dy),
            dx: rest,
            dy,
        };
        (edge, y.wrapping_add(origin.1))
    }

    fn step_down(&mut self) {
        self.x += self.step;
        self.error += self.dx;
        if self.error > 0 {
            self.x += self.sign;
            self.error -= self.dy;
        }
    }
}

/// The sides of one flank of a polygon, top to bottom.
#[derive(Default)]
struct Flank {
    edges: [Edge; 4],
    count: usize,
    used: usize,
}

impl Flank {
    /// Walks from corner `top` to corner `bottom` by `turn` (+1 or −1, modulo the corners); `lag` is the distance
    /// from a corner to the side that leaves it that way. Returns the flank and the first row of its first edge.
    fn walk(
        corners: &[Vertex],
        sides: &[Side],
        (top, bottom): (usize, usize),
        (turn, lag): (isize, isize),
        is_left: bool,
        (origin, last_row): ((i64, i64), i64),
    ) -> (Self, Option<i64>) {
        let around = |i: usize, by: isize| (i as isize + by).rem_euclid(corners.len() as isize) as usize;
        let mut flank = Self::default();
        let (mut corner, mut side) = (top, around(top, lag));
        let (mut first_row, mut row_before) = (None, 0);
        while corner != bottom {
            if sides[side].dy != 0 {
                let (edge, row) = Edge::new(corners[corner].y, sides[side], is_left, origin);
                if flank.count > 0 {
                    flank.edges[flank.count - 1].height = row - row_before;
                } else {
                    first_row = Some(row);
                }
                flank.edges[flank.count] = edge;
                flank.count += 1;
                row_before = row;
            }
            corner = around(corner, turn);
            side = around(side, turn);
        }
        if flank.count > 0 {
            flank.edges[flank.count - 1].height = last_row - row_before;
        }
        (flank, first_row)
    }

    /// The next edge, or `None` after the last.
    fn next(&mut self) -> Option<Edge> {
        let edge = self.edges[..self.count].get(self.used).copied();
        self.used += 1;
        edge
    }
}

/// Emits the rows (y, left, right) of the polygon whose corner `i` is followed by side `i`, from the top.
/// `origin` is added to all coordinates. Three or four corners.
pub(super) fn fill_polygon(
    corners: &[Vertex],
    sides: &[Side],
    origin: (i64, i64),
    mut emit: impl FnMut(i64, i64, i64),
) {
    let (mut top, mut bottom) = (0, 0);
    for (i, corner) in corners.iter().enumerate().skip(1) {
        if corner.y < corners[top].y {
            top = i;
        }
        if corner.y >= corners[bottom].y {
            bottom = i;
        }
    }
    let before = sides[(top + corners.len() - 1) % corners.len()];
    let after = sides[top];
    let clockwise = before.dy * after.dx <= after.dy * before.dx;
    let last_row = ceil(corners[bottom].y) + origin.1;
    let forwards = (1, 0);
    let backwards = (-1, -1);
    let (right_way, left_way) = if clockwise { (forwards, backwards) } else { (backwards, forwards) };
    let ends = (top, bottom);
    let (mut rights, first_row) = Flank::walk(corners, sides, ends, right_way, false, (origin, last_row));
    let (mut lefts, _) = Flank::walk(corners, sides, ends, left_way, true, (origin, last_row));
    let Some(mut y) = first_row else { return };

    let (mut left, mut right) = (Edge::default(), Edge::default());
    loop {
        if left.height == 0 {
            match lefts.next() {
                Some(edge) => left = edge,
                None => return,
            }
        }
        if right.height == 0 {
            match rights.next() {
                Some(edge) => right = edge,
                None => return,
            }
        }
        let height = left.height.min(right.height);
        left.height -= height;
        right.height -= height;
        for _ in 0..height {
            if right.x >= left.x {
                emit(y, left.x, right.x + 1);
            }
            y += 1;
            left.step_down();
            right.step_down();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polygons_that_share_a_side_share_no_pixel_and_leave_no_gap() {
        // A square turned by some angle, cut into four along its own direction.
        for (dx, dy) in [(3, 4), (5, 2), (-3, 4), (1, 7), (-7, -2), (4, -4), (12, 5)] {
            let length = f64::from(dx * dx + dy * dy).sqrt();
            let (ux, uy) = (f64::from(dx) / length, f64::from(dy) / length);
            let mut hits = std::collections::HashMap::new();
            let mut total = 0;
            for part in 0..4 {
                let at = |along: f64, across: f64| Vertex {
                    x: ux * along + uy * across,
                    y: uy * along - ux * across,
                };
                let (from, to) = (f64::from(part) * 10.0, f64::from(part) * 10.0 + 10.0);
                let corners = [at(from, 20.0), at(to, 20.0), at(to, -20.0), at(from, -20.0)];
                let direction = (i64::from(dx), i64::from(dy));
                let side = |corner: Vertex, dx: i64, dy: i64| Side {
                    dx,
                    dy,
                    k: corner.x * dy as f64 - corner.y * dx as f64,
                };
                let sides = [
                    side(corners[0], direction.0, direction.1),
                    side(corners[1], -direction.1, direction.0),
                    side(corners[2], -direction.0, -direction.1),
                    side(corners[3], direction.1, -direction.0),
                ];
                fill_polygon(&corners, &sides, (100, 100), |y, l, r| {
                    for x in l..r {
                        *hits.entry((x, y)).or_insert(0) += 1;
                        total += 1;
                    }
                });
            }
            assert!(hits.values().all(|&n| n == 1), "{dx},{dy}");
            assert!((1560..=1640).contains(&total), "{dx},{dy}: {total} pixels of 1600");
        }
    }

    #[test]
    fn a_polygon_without_area_is_empty() {
        let corner = Vertex { x: 0.3, y: -0.4 };
        let other = Vertex { x: -0.3, y: 0.4 };
        let k = corner.x * 4.0 + corner.y * 3.0;
        let sides = [
            Side { dx: 4, dy: 3, k: 2.5 },
            Side { dx: -3, dy: 4, k },
            Side { dx: -4, dy: -3, k: 2.5 },
            Side { dx: 3, dy: -4, k: -k },
        ];
        fill_polygon(&[corner, corner, other, other], &sides, (0, 0), |y, l, r| panic!("{y}: {l}..{r}"));
    }
}
