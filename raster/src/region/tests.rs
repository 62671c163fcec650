//! Regions against sets of pixels on a small grid.

use super::{Region, TooManyRects};
use crate::geom::{Point, Rect};
use crate::surface::{Surface, SurfaceFormat};
use crate::test_util::{Rng, seeds};

const SIZE: i32 = 24;

/// Left and right ends.
type Runs = Vec<(i32, i32)>;

type Grid = [[bool; SIZE as usize]; SIZE as usize];

fn grid(rects: &[Rect]) -> Grid {
    let mut grid = Grid::default();
    for r in rects {
        for y in r.top.max(0)..r.bottom.min(SIZE) {
            for x in r.left.max(0)..r.right.min(SIZE) {
                grid[y as usize][x as usize] = true;
            }
        }
    }
    grid
}

fn each(a: &Grid, b: &Grid, f: impl Fn(bool, bool) -> bool) -> Grid {
    let mut out = Grid::default();
    for y in 0..SIZE as usize {
        for x in 0..SIZE as usize {
            out[y][x] = f(a[y][x], b[y][x]);
        }
    }
    out
}

/// The one canonical form, by definition: runs of each row, equal neighbouring rows merged.
fn canonical(grid: &Grid) -> Vec<Rect> {
    let runs = |row: &[bool]| {
        let mut runs: Runs = Vec::new();
        for (x, _) in row.iter().enumerate().filter(|(_, set)| **set) {
            match runs.last_mut() {
                Some(run) if run.1 == x as i32 => run.1 += 1,
                _ => runs.push((x as i32, x as i32 + 1)),
            }
        }
        runs
    };
    let mut bands: Vec<(i32, i32, Runs)> = Vec::new();
    for (y, row) in grid.iter().enumerate() {
        let runs = runs(row);
        match bands.last_mut() {
            Some(band) if band.2 == runs => band.1 += 1,
            _ => bands.push((y as i32, y as i32 + 1, runs)),
        }
    }
    bands
        .into_iter()
        .flat_map(|(top, bottom, runs)| runs.into_iter().map(move |(l, r)| Rect::new(l, top, r, bottom)))
        .collect()
}

fn random_rects(rng: &mut Rng) -> Vec<Rect> {
    let count = [0, 1, 1, 2, 3, 5, 12][rng.below(7) as usize];
    let at = |rng: &mut Rng| rng.below(SIZE as u64 + 1) as i32;
    (0..count).map(|_| Rect::new(at(rng), at(rng), at(rng), at(rng))).collect()
}

#[test]
fn set_operations_equal_those_of_pixel_sets() {
    for seed in seeds(600) {
        let mut rng = Rng::new(seed);
        let (ra, rb) = (random_rects(&mut rng), random_rects(&mut rng));
        let (a, b) = (Region::from_rects(ra.clone()), Region::from_rects(rb.clone()));
        let (ga, gb) = (grid(&ra), grid(&rb));
        let name = format!("SPICE_RENDER_SEED={seed}");
        assert_eq!(a.rects(), canonical(&ga), "{name} from_rects");
        let same = |region: &Region, grid: &Grid, what: &str| {
            let rects = canonical(grid);
            assert_eq!(region.rects(), rects, "{name} {what}");
            let bounds = rects.iter().fold(Rect::default(), |b, r| b.union(r));
            assert_eq!(region.bounds(), bounds, "{name} {what} bounds");
            assert_eq!(region.is_empty(), rects.is_empty(), "{name} {what} empty");
            assert_eq!(*region, Region::from_rects(rects), "{name} {what} equal value");
        };
        same(&a.union(&b), &each(&ga, &gb, |a, b| a | b), "union");
        same(&a.intersect(&b), &each(&ga, &gb, |a, b| a & b), "intersect");
        same(&a.subtract(&b), &each(&ga, &gb, |a, b| a & !b), "subtract");
        let overlap = !a.intersect(&b).is_empty();
        assert_eq!(a.intersects(&b), overlap, "{name} intersects");
        let r = random_rects(&mut rng).first().copied().unwrap_or_default();
        let gr = grid(&[r]);
        let mut one = a.clone();
        one.union_rect(r);
        same(&one, &each(&ga, &gr, |a, b| a | b), "union_rect");
        let mut one = a.clone();
        one.subtract_rect(r);
        same(&one, &each(&ga, &gr, |a, b| a & !b), "subtract_rect");
        let mut one = a.clone();
        one.intersect_rect(r);
        same(&one, &each(&ga, &gr, |a, b| a & b), "intersect_rect");
        same(&a.cut(r), &each(&ga, &gr, |a, b| a & b), "cut");
        let count = |g: &Grid| g.iter().flatten().filter(|set| **set).count() as u64;
        assert_eq!(a.area(), count(&ga), "{name} area");
        let inside = r.is_empty() || count(&each(&ga, &gr, |a, b| a & b)) == r.area();
        assert_eq!(a.contains_rect(&r), inside, "{name} contains_rect {r:?}");
        assert_eq!(a.intersects_rect(&r), count(&each(&ga, &gr, |a, b| a & b)) > 0, "{name} intersects_rect");
        let moved = a.translate(5, -7).translate(-5, 7);
        assert_eq!(moved, a, "{name} translate");
    }
}

#[test]
fn masks_become_their_pixels() {
    for seed in seeds(300) {
        let mut rng = Rng::new(seed);
        let (w, h) = (1 + rng.below(70) as u32, 1 + rng.below(9) as u32);
        let mut mask = Surface::new(SurfaceFormat::A1, w, h, 1 << 20).expect("small");
        let density = rng.below(5);
        for y in 0..h {
            for word in mask.view_mut().row(y) {
                *word = match density {
                    0 => 0,
                    1 => !0,
                    2 => rng.next() as u32,
                    3 => (rng.next() & rng.next() & rng.next()) as u32,
                    _ => 0x00ff_ff00,
                };
            }
        }
        let offset = Point::new(rng.below(20) as i32 - 10, rng.below(9) as i32 - 4);
        let inverse = rng.below(2) == 1;
        let area = Rect::new(
            rng.below(10) as i32 - 5,
            rng.below(6) as i32 - 3,
            rng.below(80) as i32 - 5,
            rng.below(12) as i32 - 3,
        );
        let region = Region::from_mask(mask.view(), offset, inverse, area, usize::MAX).expect("no limit");
        let mut pixels = Vec::new();
        for y in area.top..area.bottom {
            for x in area.left..area.right {
                if let Some(bit) = mask.view().pixel(x + offset.x, y + offset.y)
                    && (bit == 1) != inverse
                {
                    pixels.push(Rect::new(x, y, x + 1, y + 1));
                }
            }
        }
        assert_eq!(region, Region::from_rects(pixels), "SPICE_RENDER_SEED={seed}");
        let len = region.rects().len();
        let limited = |limit| Region::from_mask(mask.view(), offset, inverse, area, limit);
        assert_eq!(limited(len), Ok(region.clone()), "SPICE_RENDER_SEED={seed} limit {len}");
        if len > 0 {
            assert_eq!(limited(len - 1), Err(TooManyRects { limit: len - 1 }));
        }
    }
}

#[test]
fn ends_of_the_number_range_are_safe() {
    let all = Rect::new(i32::MIN, i32::MIN, i32::MAX, i32::MAX);
    let mut region = Region::from_rect(all);
    region.subtract_rect(Rect::new(-5, -5, 5, 5));
    assert_eq!(region.rects().len(), 4);
    region.union_rect(Rect::new(-5, -5, 5, 5));
    assert_eq!(region, Region::from_rect(all));
    assert!(region.translate(i32::MAX, 0).bounds().left >= -1);
    let mask = Surface::new(SurfaceFormat::A1, 3, 3, 64).expect("small");
    let far = Point::new(i32::MAX, 3 - i32::MAX);
    assert_eq!(Region::from_mask(mask.view(), far, true, all, 10).map(|r| r.area()), Ok(9));
}

#[test]
fn crossing_bars_are_refused_beyond_the_limit() {
    let bars =
        (0..500).flat_map(|i| [Rect::new(i * 2, 0, i * 2 + 1, 1000), Rect::new(0, i * 2, 1000, i * 2 + 1)]);
    let all = Rect::new(0, 0, 1000, 1000);
    assert!(Region::from_rects_within(bars.clone(), all, 1000).is_err());
    assert_eq!(Region::from_rects_within(bars, Rect::new(0, 0, 3, 3), 1000).map(|r| r.area()), Ok(8));
}
