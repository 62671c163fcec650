//! Whole strokes: against a twin pixel by pixel, in bands, under clips, and with input that means harm.

use super::*;
use crate::surface::{Surface, SurfaceFormat};
use crate::test_util::{Rng, seeds};
use std::time::{Duration, Instant};

const WIDTH: i32 = 61;
const HEIGHT: i32 = 47;

/// A stroke that owns its operands.
#[derive(Debug)]
struct Case {
    path: Vec<(u32, Vec<Point>)>,
    style: Option<(Vec<i32>, bool)>,
    rop: Rop2,
    color: u32,
    tile: Option<(Surface, Point)>,
    format: SurfaceFormat,
}

const FORMATS: [SurfaceFormat; 6] = [
    SurfaceFormat::A1,
    SurfaceFormat::A8,
    SurfaceFormat::X1R5G5B5,
    SurfaceFormat::R5G6B5,
    SurfaceFormat::X8R8G8B8,
    SurfaceFormat::A8R8G8B8,
];

fn noise(rng: &mut Rng, format: SurfaceFormat, width: i32, height: i32) -> Surface {
    let mut surface = Surface::new(format, width as u32, height as u32, 1 << 20).unwrap();
    for y in 0..height {
        for x in 0..width {
            let raw = if rng.below(4) == 0 { u32::MAX } else { rng.next() as u32 };
            let bits = format.bits_per_pixel();
            surface.view_mut().set_pixel(x, y, if bits == 32 { raw } else { raw & ((1 << bits) - 1) });
        }
    }
    surface
}

impl Case {
    fn new(rng: &mut Rng) -> Self {
        let pick = |rng: &mut Rng, n: u64| rng.below(n) as i32;
        let reach = [0, 10, 200, 20_000][pick(rng, 4) as usize];
        let mut path = Vec::new();
        for _ in 0..1 + rng.below(4) {
            let flags = rng.next() as u32 & 27;
            let points = (0..rng.below(7))
                .map(|_| {
                    let x = pick(rng, (WIDTH + 2 * reach) as u64 * 16) - reach * 16;
                    let y = pick(rng, (HEIGHT + 2 * reach) as u64 * 16) - reach * 16;
                    if rng.below(3) == 0 { Point::new(x & !15, y & !15) } else { Point::new(x, y) }
                })
                .collect();
            path.push((flags, points));
        }
        let style = (rng.below(2) == 0).then(|| {
            let lengths =
                (0..rng.below(6)).map(|_| [0, 8, 16, 37, 80, 200, -5][pick(rng, 7) as usize]).collect();
            (lengths, rng.below(2) == 0)
        });
        let format = FORMATS[pick(rng, 6) as usize];
        let tile = (rng.below(3) == 0).then(|| {
            let (w, h) = (1 + pick(rng, 7), 1 + pick(rng, 7));
            (noise(rng, format, w, h), Point::new(pick(rng, 40) - 20, pick(rng, 40) - 20))
        });
        let rop = Rop2::ALL[rng.below(16) as usize];
        Self { path, style, rop, color: rng.next() as u32, tile, format }
    }

    fn segments(&self) -> impl Iterator<Item = StrokeSegment<'_>> {
        self.path.iter().map(|(flags, points)| StrokeSegment { flags: *flags, points })
    }

    fn brush(&self) -> StrokeBrush<'_> {
        match &self.tile {
            None => StrokeBrush::Solid(self.color),
            Some((tile, origin)) => StrokeBrush::Pattern { tile: tile.view(), origin: *origin },
        }
    }

    fn draw<'a>(&self, dst: &mut SurfaceMut<'_>, clip: impl Into<StrokeClip<'a>>) {
        let style = self.style.as_ref().map(|(lengths, gap)| DashStyle { lengths, start_with_gap: *gap });
        Raster::new().stroke(dst, clip, self.segments(), style, self.brush(), self.rop);
    }
}

fn whole() -> Region {
    Region::from_rect(Rect::new(0, 0, WIDTH, HEIGHT))
}

/// The lines of a path as a list of points per figure.
#[derive(Default)]
struct Lines(Vec<Vec<Point>>);

impl FigureSink for Lines {
    fn begin(&mut self, at: Point) {
        self.0.push(vec![at]);
    }
    fn line_to(&mut self, to: Point) {
        self.0.last_mut().unwrap().push(to);
    }
    fn end(&mut self) {}
}

/// Solid lines by the definition: one pixel after the other.
fn draw_naive(case: &Case, dst: &mut Surface) {
    let mut lines = Lines::default();
    walk_path(case.segments(), dst.bounds(), false, &mut lines);
    let format = case.format;
    let mut plot = |x: i64, y: i64| {
        let (x, y) = (x as i32, y as i32);
        let Some(d) = dst.view().pixel(x, y) else { return };
        let s = match &case.tile {
            None => case.color,
            Some((tile, origin)) => {
                let (w, h) = (tile.width() as i32, tile.height() as i32);
                tile.view().pixel((x - origin.x).rem_euclid(w), (y - origin.y).rem_euclid(h)).unwrap()
            }
        };
        let bits = format.bits_per_pixel();
        let mask = if bits == 32 { u32::MAX } else { (1 << bits) - 1 };
        dst.view_mut().set_pixel(x, y, case.rop.apply(s, d) & mask);
    };
    for points in lines.0 {
        for ends in points.windows(2) {
            let (mut x, mut y) = (i64::from(ends[0].x), i64::from(ends[0].y));
            let (dx, dy) = (i64::from(ends[1].x) - x, i64::from(ends[1].y) - y);
            let x_major = dx.abs() > dy.abs();
            let (major, minor) = if x_major { (dx.abs(), dy.abs()) } else { (dy.abs(), dx.abs()) };
            let backwards = if x_major { dx < 0 } else { dy < 0 };
            let mut error = 2 * minor - major - i64::from(backwards);
            for _ in 0..major {
                plot(x, y);
                let both = error >= 0;
                error += 2 * minor - if both { 2 * major } else { 0 };
                x += if x_major || both { dx.signum() } else { 0 };
                y += if !x_major || both { dy.signum() } else { 0 };
            }
        }
    }
}

#[test]
fn solid_lines_equal_the_definition() {
    for seed in seeds(600) {
        let mut rng = Rng::new(seed);
        let case = Case { style: None, ..Case::new(&mut rng) };
        let before = noise(&mut rng, case.format, WIDTH, HEIGHT);
        let (mut ours, mut expected) = (before.clone(), before);
        case.draw(&mut ours.view_mut(), &whole());
        draw_naive(&case, &mut expected);
        assert!(ours == expected, "SPICE_RENDER_SEED={seed}: {case:?}");
    }
}

fn columns_and_rows(rng: &mut Rng) -> Region {
    (0..2 + rng.below(9))
        .map(|_| {
            let (x, y) = (rng.below(50) as i32, rng.below(40) as i32);
            Rect::new(x, y, x + 1 + rng.below(11) as i32, y + 1 + rng.below(9) as i32)
        })
        .collect()
}

#[test]
fn bands_draw_what_the_whole_draws() {
    for seed in seeds(800) {
        let mut rng = Rng::new(seed);
        let case = Case::new(&mut rng);
        let before = noise(&mut rng, case.format, WIDTH, HEIGHT);
        let clip = if rng.below(2) == 0 { whole() } else { columns_and_rows(&mut rng) };
        let (mut at_once, mut in_bands) = (before.clone(), before);
        case.draw(&mut at_once.view_mut(), &clip);
        for mut band in in_bands.bands_mut(std::iter::repeat(1 + rng.below(20) as u32)) {
            case.draw(&mut band, &clip);
        }
        assert!(at_once == in_bands, "SPICE_RENDER_SEED={seed}: {case:?} {clip:?}");
    }
}

/// Takes pixels outside `region` from `before`.
fn cut(mut drawn: Surface, before: &Surface, region: &Region) -> Surface {
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            if !region.rects().iter().any(|r| r.contains_point(Point::new(x, y))) {
                let raw = before.view().pixel(x, y).unwrap();
                drawn.view_mut().set_pixel(x, y, raw);
            }
        }
    }
    drawn
}

#[test]
fn a_clip_cuts_and_does_nothing_else() {
    for seed in seeds(800) {
        let mut rng = Rng::new(seed);
        let case = Case::new(&mut rng);
        let before = noise(&mut rng, case.format, WIDTH, HEIGHT);
        let many = columns_and_rows(&mut rng);
        let mut all = before.clone();
        case.draw(&mut all.view_mut(), &whole());

        // One rectangle, or rectangles of which none are side by side; dashes: any.
        let clip = if case.style.is_none() && has_columns(&many) {
            Region::from_rect(many.bounds())
        } else {
            many.clone()
        };
        let mut clipped = before.clone();
        case.draw(&mut clipped.view_mut(), &clip);
        assert!(clipped == cut(all, &before, &clip), "SPICE_RENDER_SEED={seed}: {case:?} {clip:?}");

        // `within` cuts whatever the command's clip does.
        let command = if rng.below(2) == 0 { whole() } else { columns_and_rows(&mut rng) };
        let (mut free, mut bound) = (before.clone(), before.clone());
        case.draw(&mut free.view_mut(), &command);
        case.draw(&mut bound.view_mut(), StrokeClip { command: &command, within: Some(&many) });
        assert!(
            bound == cut(free, &before, &many),
            "SPICE_RENDER_SEED={seed}: {case:?} {command:?} {many:?}"
        );
    }
}

/// The rows of a small drawing, one letter per pixel.
fn picture(path: &[(u32, &[(i32, i32)])], style: Option<(&[i32], bool)>, rop: Rop2) -> Vec<String> {
    let mut surface = Surface::new(SurfaceFormat::A8, 12, 6, 1000).unwrap();
    let owned: Vec<(u32, Vec<Point>)> = path
        .iter()
        .map(|(f, p)| (*f, p.iter().map(|&(x, y)| Point::new(x * 16, y * 16)).collect()))
        .collect();
    let segments = owned.iter().map(|(flags, points)| StrokeSegment { flags: *flags, points });
    let lengths: Vec<i32> = style.map(|(l, _)| l.iter().map(|v| v * 16).collect()).unwrap_or_default();
    let style = style.map(|(_, start_with_gap)| DashStyle { lengths: &lengths, start_with_gap });
    let clip = Region::from_rect(surface.bounds());
    Raster::new().stroke(&mut surface.view_mut(), &clip, segments, style, StrokeBrush::Solid(0xff), rop);
    let letter = |v: &u8| if *v == 0 { '.' } else { '#' };
    (0..6).map(|y| surface.view().row8(y).iter().map(letter).collect()).collect()
}

const FIGURE: u32 = StrokeSegment::BEGIN | StrokeSegment::END;

#[test]
fn lines_lack_their_last_pixel() {
    assert_eq!(
        picture(
            &[(FIGURE, &[(1, 1), (5, 3)]), (FIGURE, &[(8, 4), (8, 1)]), (FIGURE, &[(2, 5)])],
            None,
            Rop2::PUT
        ),
        ["............", ".#..........", "..##....#...", "....#...#...", "........#...", "............"],
    );
}

#[test]
fn dashes_run_on_along_a_figure() {
    let corner: &[(u32, &[(i32, i32)])] = &[(FIGURE, &[(1, 1), (6, 1), (6, 5)])];
    assert_eq!(
        picture(corner, Some((&[3, 1], false)), Rop2::PUT),
        ["............", ".###.##.....", "......#.....", "............", "......#.....", "............"],
    );
    assert_eq!(
        picture(&[(FIGURE, &[(0, 2), (12, 2)])], Some((&[3, 2], true)), Rop2::PUT)[2],
        "...##...##..",
        "the list becomes 2, 3: it starts with its gap of 3, then 2 on",
    );
    // An odd count keeps on and off by index.
    assert_eq!(
        picture(&[(FIGURE, &[(0, 2), (12, 2)])], Some((&[1, 2, 2], false)), Rop2::PUT)[2],
        "#..###..###.",
    );
}

#[test]
fn dashes_without_length_draw_nothing_and_end() {
    for lengths in [&[0][..], &[], &[0, 0, 0], &[256]] {
        for gap in [false, true] {
            let path: &[(u32, &[(i32, i32)])] = &[(FIGURE, &[(1, 1), (9, 4)])];
            assert!(picture(path, Some((lengths, gap)), Rop2::PUT).iter().all(|row| !row.contains('#')));
        }
    }
    // Empty dashes between real ones do not show.
    let path: &[(u32, &[(i32, i32)])] = &[(FIGURE, &[(0, 0), (11, 5), (3, 5), (0, 3)])];
    for gap in [false, true] {
        let empty = picture(path, Some((&[2, 3, 0, 0, 0, 0], gap)), Rop2::PUT);
        assert_eq!(empty, picture(path, Some((&[2, 3, 0, 0], gap)), Rop2::PUT));
    }
}

#[test]
fn careful_rops_reach_each_pixel_of_a_dashed_figure_once() {
    // There and back again: XOR shows the pixels once, but twice for solid lines.
    let path: &[(u32, &[(i32, i32)])] = &[(FIGURE, &[(1, 2), (9, 2), (1, 2)])];
    assert_eq!(picture(path, Some((&[8], false)), Rop2::XorPen)[2], ".########...");
    assert_eq!(picture(path, None, Rop2::XorPen)[2], ".#.......#..");
}

/// Draws on a surface of 4096 × 2160 and says how long it took.
fn time(path: &[(u32, Vec<Point>)], style: Option<DashStyle<'_>>, clip: &Region, rop: Rop2) -> Duration {
    let mut surface = Surface::new(SurfaceFormat::X8R8G8B8, 4096, 2160, 1 << 30).unwrap();
    let segments = path.iter().map(|(flags, points)| StrokeSegment { flags: *flags, points });
    let start = Instant::now();
    Raster::new().stroke(&mut surface.view_mut(), clip, segments, style, StrokeBrush::Solid(1), rop);
    start.elapsed()
}

#[test]
fn far_points_cost_no_more_than_near_ones() {
    let ends = [i32::MIN, i32::MIN + 1, -1, 0, 5, 1000 << 4, i32::MAX - 1, i32::MAX];
    let points: Vec<Point> = (0..400).map(|i| Point::new(ends[i * 5 % 8], ends[i * 3 / 8 % 8])).collect();
    let screen = Region::from_rect(Rect::new(0, 0, 4096, 2160));
    let checkers: Region =
        (0..400).map(|i| Rect::new(i % 20 * 10, i / 20 * 10, i % 20 * 10 + 5, i / 20 * 10 + 5)).collect();
    let zeros = [&[16; 1][..], &[0; 254], &[16; 1], &[0; 700]].concat();
    for flags in [FIGURE, FIGURE | StrokeSegment::BEZIER] {
        let path = [(flags, points.clone())];
        for rop in [Rop2::PUT, Rop2::XorPen] {
            for lengths in [None, Some(&[16, 16][..]), Some(&[16][..]), Some(&zeros[..])] {
                let style = lengths.map(|lengths| DashStyle { lengths, start_with_gap: true });
                for clip in [&screen, &checkers] {
                    let took = time(&path, style, clip, rop);
                    println!("{flags} {rop:?} {lengths:?} {}: {took:?}", clip.rects().len());
                    assert!(took < Duration::from_secs(10), "{flags} {rop:?} {lengths:?}: {took:?}");
                }
            }
        }
    }
}

#[test]
fn long_lines_keep_their_phase() {
    // Along an axis all arithmetic is exact: whatever is skipped, dashes are where the period says.
    let far = 1 << 26;
    for (from, to) in [(-far, far), (-40_000, 40_000), (-1000, 1000)] {
        let path = [(FIGURE, vec![Point::new(from * 16, 32), Point::new(to * 16, 32)])];
        let mut surface = Surface::new(SurfaceFormat::A8, 300, 4, 10_000).unwrap();
        let segments = path.iter().map(|(flags, points)| StrokeSegment { flags: *flags, points });
        let style = DashStyle { lengths: &[5 * 16, 4 * 16, 3 * 16, 9 * 16], start_with_gap: false };
        let clip = Region::from_rect(surface.bounds());
        let brush = StrokeBrush::Solid(0xff);
        Raster::new().stroke(&mut surface.view_mut(), &clip, segments, Some(style), brush, Rop2::PUT);
        for (x, &v) in surface.view().row8(2).iter().enumerate() {
            let on = matches!((x as i32 - from).rem_euclid(21), 0..5 | 9..12);
            assert_eq!(v != 0, on, "{from}..{to} at {x}");
        }
    }
}
