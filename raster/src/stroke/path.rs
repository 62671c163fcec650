//! From path segments to polylines in whole pixels.

use super::StrokeSegment;
use crate::geom::{Point, Rect};

/// Takes the figures of a path, point by point.
pub(super) trait FigureSink {
    /// A figure starts here.
    fn begin(&mut self, at: Point);
    /// A line goes on to here.
    fn line_to(&mut self, to: Point);
    /// The figure is complete.
    fn end(&mut self);
}

/// The pixel of a 28.4 coordinate: the nearest; exactly half goes down.
pub(super) const fn pixel_of(fixed: i32) -> i32 {
    (fixed >> 4) + ((fixed & 15) > 8) as i32
}

fn pixel_at(p: Point) -> Point {
    Point::new(pixel_of(p.x), pixel_of(p.y))
}

/// Walks a path: figures start at `BEGIN` (or where nothing is open) and end at `END`, at the next `BEGIN`, or with
/// the path; `CLOSE` counts together with `END` only.
///
/// `visible` is the surface. With `every_point`, curves outside it are cut up as finely as those inside (up to a
/// bound on all of them together), since dashes run on along them.
pub(super) fn walk_path<'a>(
    path: impl IntoIterator<Item = StrokeSegment<'a>>,
    visible: Rect,
    every_point: bool,
    sink: &mut impl FigureSink,
) {
    let mut curves =
        Curves { visible, unseen_pieces: if every_point { UNSEEN_PIECES } else { 0 }, endless: false };
    walk(path, &mut curves, sink);
}

/// Whether SPICE clients come to an end with every curve of a path. Those that start and end within a quarter of a
/// pixel, and parts like that of others, are cut up for ever by them; [`crate::Raster::stroke`] draws them all.
pub fn curves_end<'a>(path: impl IntoIterator<Item = StrokeSegment<'a>>) -> bool {
    struct Nowhere;
    impl FigureSink for Nowhere {
        fn begin(&mut self, _: Point) {}
        fn line_to(&mut self, _: Point) {}
        fn end(&mut self) {}
    }
    let everywhere = Rect::new(i32::MIN / 64, i32::MIN / 64, i32::MAX / 64, i32::MAX / 64);
    let mut curves = Curves { visible: everywhere, unseen_pieces: UNSEEN_PIECES, endless: false };
    walk(path, &mut curves, &mut Nowhere);
    !curves.endless
}

fn walk<'a>(
    path: impl IntoIterator<Item = StrokeSegment<'a>>,
    curves: &mut Curves,
    sink: &mut impl FigureSink,
) {
    let mut open: Option<(Point, Point)> = None; // first and last point of the open figure
    for segment in path {
        let mut points = segment.points.iter();
        if segment.flags & StrokeSegment::BEGIN != 0 && open.take().is_some() {
            sink.end();
        }
        if open.is_none()
            && let Some(&start) = points.next()
        {
            let start = pixel_at(start);
            sink.begin(start);
            open = Some((start, start));
        }
        let Some((first, last)) = &mut open else { continue };
        if segment.flags & StrokeSegment::BEZIER != 0 {
            for curve in points.as_slice().chunks_exact(3) {
                curves.draw([fixed_of(*last), wide(curve[0]), wide(curve[1]), wide(curve[2])], sink);
                *last = pixel_at(curve[2]);
            }
        } else {
            for &p in points {
                *last = pixel_at(p);
                sink.line_to(*last);
            }
        }
        if segment.flags & StrokeSegment::END != 0 {
            if segment.flags & StrokeSegment::CLOSE != 0 {
                sink.line_to(*first);
            }
            sink.end();
            open = None;
        }
    }
    if open.is_some() {
        sink.end();
    }
}

/// A point in 28.4, with room for sums.
type Wide = (i64, i64);

fn wide(p: Point) -> Wide {
    (p.x.into(), p.y.into())
}

/// Where a curve starts: the last point, which has lost its fraction.
fn fixed_of(pixel: Point) -> Wide {
    (i64::from(pixel.x) << 4, i64::from(pixel.y) << 4)
}

/// Halvings of one curve below each other. A curve across the whole 28.4 plane needs some twenty.
const MAX_DEPTH: u32 = 40;

/// Pieces outside the surface that one path may be cut into; beyond, they become straight.
const UNSEEN_PIECES: u32 = 1 << 20;

struct Curves {
    visible: Rect,
    unseen_pieces: u32,
    /// A piece was cut as often as may be, and is no line yet.
    endless: bool,
}

impl Curves {
    /// Cuts a cubic into straight pieces, each from the point before to the end of the piece.
    fn draw(&mut self, curve: [Wide; 4], sink: &mut impl FigureSink) {
        let mut pending = [([(0, 0); 4], 0); MAX_DEPTH as usize + 1];
        pending[0] = (curve, 0);
        let mut count = 1;
        while count > 0 {
            count -= 1;
            let (piece, depth) = pending[count];
            self.endless |= depth == MAX_DEPTH;
            if depth == MAX_DEPTH || is_straight(&piece) || self.is_unseen(&piece) {
                let (x, y) = piece[3];
                sink.line_to(pixel_at(Point::new(x as i32, y as i32)));
            } else {
                let (near, far) = halve(&piece);
                pending[count] = (far, depth + 1);
                pending[count + 1] = (near, depth + 1);
                count += 2;
            }
        }
    }

    /// Whether the piece lies beyond one edge of the surface, so that a straight line shows as little, and
    /// nothing else depends on it.
    fn is_unseen(&mut self, piece: &[Wide; 4]) -> bool {
        let margin = 2 << 4;
        let beyond = |f: &dyn Fn(&Wide) -> bool| piece.iter().all(f);
        let fixed = |v: i32| i64::from(v) << 4;
        let outside = beyond(&|p| p.0 < fixed(self.visible.left) - margin)
            || beyond(&|p| p.0 > fixed(self.visible.right) + margin)
            || beyond(&|p| p.1 < fixed(self.visible.top) - margin)
            || beyond(&|p| p.1 > fixed(self.visible.bottom) + margin);
        if outside && self.unseen_pieces > 0 {
            self.unseen_pieces -= 1;
            return false;
        }
        outside
    }
}

/// The scalar product, in whole pixels times 16.
fn dot(a: Wide, b: Wide) -> i64 {
    a.0.wrapping_mul(b.0).wrapping_add(a.1.wrapping_mul(b.1)) >> 4
}

/// Whether both control points are so near to the chord that the piece is drawn as one line.
///
/// The products wrap at 64 bits (for curves above some 10 000 pixels), as they do in every SPICE client. A piece
/// within a quarter of a pixel has a chord that counts as 0, and clients cut it up for ever; here it is a line.
fn is_straight(p: &[Wide; 4]) -> bool {
    let sub = |a: Wide, b: Wide| (a.0 - b.0, a.1 - b.1);
    let near_start = sub(p[1], p[0]);
    let near_end = sub(p[2], p[3]);
    let chord = sub(p[3], p[0]);
    let back = sub(p[0], p[3]);
    let b2 = dot(chord, chord);
    let height = |v: Wide, along: Wide| {
        let across = dot(v, along);
        dot(v, v).wrapping_mul(b2).wrapping_sub(across.wrapping_mul(across)) >> 3
    };
    if height(near_start, chord) < b2 && height(near_end, back) < b2 {
        return true;
    }
    let spread = |f: fn(&Wide) -> i64| {
        let (min, max) = p.iter().map(f).fold((i64::MAX, i64::MIN), |(lo, hi), v| (lo.min(v), hi.max(v)));
        max - min
    };
    let (w, h) = (spread(|p| p.0), spread(|p| p.1));
    w < 4 && h < 4 && w * w + h * h < 16
}

/// Both halves of a curve; every midpoint is rounded towards zero.
fn halve(p: &[Wide; 4]) -> ([Wide; 4], [Wide; 4]) {
    let mid = |a: Wide, b: Wide| ((a.0 + b.0) / 2, (a.1 + b.1) / 2);
    let (p01, p12, p23) = (mid(p[0], p[1]), mid(p[1], p[2]), mid(p[2], p[3]));
    let (p012, p123) = (mid(p01, p12), mid(p12, p23));
    let centre = mid(p012, p123);
    ([p[0], p01, p012, centre], [centre, p123, p23, p[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Figures(Vec<Vec<Point>>);

    impl FigureSink for Figures {
        fn begin(&mut self, at: Point) {
            self.0.push(vec![at]);
        }
        fn line_to(&mut self, to: Point) {
            self.0.last_mut().unwrap().push(to);
        }
        fn end(&mut self) {}
    }

    fn figures(segments: &[(u32, &[(i32, i32)])], every_point: bool) -> Vec<Vec<Point>> {
        let owned: Vec<(u32, Vec<Point>)> =
            segments.iter().map(|(f, p)| (*f, p.iter().map(|&(x, y)| Point::new(x, y)).collect())).collect();
        let mut out = Figures::default();
        let path = owned.iter().map(|(flags, points)| StrokeSegment { flags: *flags, points });
        walk_path(path, Rect::of_size(100, 100), every_point, &mut out);
        out.0
    }

    fn pixels(points: &[(i32, i32)]) -> Vec<Point> {
        points.iter().map(|&(x, y)| Point::new(x, y)).collect()
    }

    const BEGIN: u32 = StrokeSegment::BEGIN;
    const END: u32 = StrokeSegment::END;
    const CLOSE: u32 = StrokeSegment::CLOSE;
    const BEZIER: u32 = StrokeSegment::BEZIER;

    #[test]
    fn exactly_half_rounds_down() {
        assert_eq!([7, 8, 9, 15, 16, -8, -7, -16].map(pixel_of), [0, 0, 1, 1, 1, -1, 0, -1]);
        assert_eq!(pixel_of(i32::MIN), -(1 << 27));
        assert_eq!(pixel_of(i32::MAX), 1 << 27);
    }

    #[test]
    fn figures_begin_go_on_close_and_end() {
        let path: &[(u32, &[(i32, i32)])] = &[
            (BEGIN, &[(0, 0), (16, 0)]),
            (END | CLOSE, &[(16, 32)]),
            (0, &[(64, 64), (80, 64)]),   // no BEGIN: the first point starts it
            (BEGIN | CLOSE, &[(0, 160)]), // ends the one before; CLOSE without END says nothing
            (BEGIN | END, &[]),
            (END | CLOSE, &[]),
        ];
        assert_eq!(
            figures(path, false),
            [pixels(&[(0, 0), (1, 0), (1, 2), (0, 0)]), pixels(&[(4, 4), (5, 4)]), pixels(&[(0, 10)])]
        );
    }

    #[test]
    fn curves_end_where_they_should_and_always_end() {
        let ends =
            [(0, 0), (1, 1), (3, -2), (160, 160), (-1600, 900), (i32::MAX, i32::MIN), (i32::MIN, i32::MIN)];
        for a in ends {
            for b in ends {
                for c in ends {
                    let path: &[(u32, &[(i32, i32)])] =
                        &[(BEGIN, &[(5, 5)]), (BEZIER | END, &[a, b, c, (1, 1)])];
                    for every_point in [false, true] {
                        let points = &figures(path, every_point)[0];
                        let last = Point::new(pixel_of(c.0), pixel_of(c.1));
                        assert_eq!(*points.last().unwrap(), last, "{a:?} {b:?} {c:?}");
                        assert!(points.len() < 100_000, "{a:?} {b:?} {c:?}: {}", points.len());
                    }
                }
            }
        }
    }

    #[test]
    fn a_loop_that_returns_to_its_start_is_drawn() {
        let points =
            figures(&[(BEGIN | END | BEZIER, &[(160, 160), (1440, 160), (160, 1440), (160, 160)])], false);
        assert!(points[0].len() > 8, "{points:?}");
    }

    #[test]
    fn points_outside_are_left_out_only_where_nothing_shows() {
        let curve: &[(u32, &[(i32, i32)])] =
            &[(BEGIN | END | BEZIER, &[(0, 0), (0, 90000), (90000, 90000), (1600, 0)])];
        let (all, few) = (figures(curve, true), figures(curve, false));
        assert!(few[0].len() < all[0].len());
        assert!(few[0].iter().all(|p| all[0].contains(p)));
    }
}
