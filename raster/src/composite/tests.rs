//! Against pixman's own results, and against the twin.

mod kinds;

use super::plan::Plan;
use super::*;
use crate::surface::{Surface, SurfaceFormat};
use crate::test_util::{Rng, seeds};

const FORMATS: [SurfaceFormat; 6] = [
    SurfaceFormat::A1,
    SurfaceFormat::A8,
    SurfaceFormat::X1R5G5B5,
    SurfaceFormat::R5G6B5,
    SurfaceFormat::X8R8G8B8,
    SurfaceFormat::A8R8G8B8,
];

/// A picture that owns its pixels.
#[derive(Clone, Debug)]
struct Picture {
    surface: Surface,
    transform: Option<[i32; 6]>,
    filter: u8,
    repeat: u8,
    origin: Point,
}

impl Picture {
    fn source(&self) -> CompositeSource<'_> {
        CompositeSource {
            surface: self.surface.view(),
            transform: self.transform,
            filter: CompositeFilter::from_number(self.filter),
            repeat: CompositeRepeat::from_number(self.repeat),
            origin: self.origin,
        }
    }

    /// Reads the form of `testdata/composite.txt`: format WxH transform filter repeat origin words.
    fn parse(text: &str) -> Self {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let names = ["a1", "a8", "x555", "565", "xrgb", "argb"];
        let format = FORMATS[names.iter().position(|n| *n == fields[0]).unwrap()];
        let (width, height) = fields[1].split_once('x').unwrap();
        let numbers = |s: &str| s.split(',').map(|v| v.parse().unwrap()).collect::<Vec<i32>>();
        let origin = numbers(fields[5]);
        Self {
            surface: surface(format, width.parse().unwrap(), height.parse().unwrap(), &words(fields[6])),
            transform: (fields[2] != "-").then(|| numbers(fields[2]).try_into().unwrap()),
            filter: fields[3].parse().unwrap(),
            repeat: fields[4].parse().unwrap(),
            origin: Point::new(origin[0], origin[1]),
        }
    }
}

fn words(text: &str) -> Vec<u32> {
    text.trim().split(',').map(|v| u32::from_str_radix(v, 16).unwrap()).collect()
}

fn surface(format: SurfaceFormat, width: u32, height: u32, words: &[u32]) -> Surface {
    let mut surface = Surface::new(format, width, height, 1 << 20).unwrap();
    let stride = format.words_per_row(width);
    for y in 0..height {
        surface.view_mut().row(y).copy_from_slice(&words[y as usize * stride..][..stride]);
    }
    surface
}

/// The rows of a surface with the bits behind the last pixel cleared.
fn pixels(surface: &Surface) -> Vec<u32> {
    let view = surface.view();
    let rest = surface.width() as usize * surface.format().bits_per_pixel() as usize % 32;
    let mut rows = Vec::new();
    for y in 0..surface.height() {
        rows.extend_from_slice(view.row(y));
        if rest != 0 {
            *rows.last_mut().unwrap() &= (1 << rest) - 1;
        }
    }
    rows
}

#[test]
fn equals_pixman() {
    let text = include_str!("../../testdata/composite.txt");
    let mut lines = 0;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(" | ").collect();
        let (op, component_alpha) = fields[0].split_once(' ').unwrap();
        let op = CompositeOp::from_number(u8::from_str_radix(op, 16).unwrap()).unwrap();
        let mut target = Picture::parse(fields[1]).surface;
        let src = Picture::parse(fields[2]);
        let mask = (fields[3] != "-").then(|| Picture::parse(fields[3]));
        let expected = surface(target.format(), target.width(), target.height(), &words(fields[4]));
        for raster in [Raster::new(), Raster::baseline()] {
            let before = target.clone();
            let bounds = target.bounds();
            let (src, mask) = (src.source(), mask.as_ref().map(Picture::source));
            let composition = Composition { op, src, mask, component_alpha: component_alpha == "1" };
            raster.composite(&mut target.view_mut(), &Region::from_rect(bounds), bounds, &composition);
            assert_eq!(pixels(&target), pixels(&expected), "line {}: {op:?} {line}", number + 1);
            target = before;
        }
        lines += 1;
    }
    assert!(lines > 300, "{lines} lines");
}

fn random_surface(rng: &mut Rng, format: SurfaceFormat, width: u32, height: u32) -> Surface {
    let extreme = rng.below(2) == 0;
    let words: Vec<u32> = (0..format.words_per_row(width) * height as usize)
        .map(|_| {
            let v = rng.next() as u32;
            let mut out = v;
            for shift in [0, 8, 16, 24] {
                match rng.below(4) {
                    0 if extreme => out &= !(0xff << shift),
                    1 if extreme => out |= 0xff << shift,
                    _ => {}
                }
            }
            out
        })
        .collect();
    surface(format, width, height, &words)
}

fn random_picture(rng: &mut Rng, width: u32, height: u32) -> Picture {
    let format = FORMATS[rng.below(6) as usize];
    let (w, h) = match rng.below(4) {
        0 => (1, 1),
        1 => (width, height),
        _ => (1 + rng.below(50) as u32, 1 + rng.below(20) as u32),
    };
    let factor = |rng: &mut Rng| match rng.below(5) {
        0 => 1 << 16,
        1 => -(1 << 16),
        2 => 0,
        3 => 1 << 15,
        _ => rng.below(300_000) as i32 - 150_000,
    };
    let offset = |rng: &mut Rng| match rng.below(3) {
        0 => (rng.below(40) as i32 - 20) << 16,
        1 => rng.below(5) as i32 - 2,
        _ => rng.below(3_000_000) as i32 - 1_000_000,
    };
    let transform = match rng.below(5) {
        0 | 1 => None,
        2 => Some([factor(rng), 0, offset(rng), 0, factor(rng), offset(rng)]),
        3 => Some([0, 1 << 16, offset(rng), -(1 << 16), 0, offset(rng)]),
        _ => Some([factor(rng), factor(rng), offset(rng), factor(rng), factor(rng), offset(rng)]),
    };
    Picture {
        surface: random_surface(rng, format, w, h),
        transform,
        filter: rng.below(7) as u8,
        repeat: rng.below(4) as u8,
        origin: Point::new(rng.below(9) as i32 - 4, rng.below(9) as i32 - 4),
    }
}

#[test]
fn equals_naive_under_any_clip_in_any_bands() {
    for seed in seeds(6000) {
        let mut rng = Rng::new(seed);
        let op = CompositeOp::ALL[rng.below(CompositeOp::ALL.len() as u64) as usize];
        let format = FORMATS[rng.below(6) as usize];
        let (width, height) = (1 + rng.below(60) as u32, 1 + rng.below(20) as u32);
        let target = random_surface(&mut rng, format, width, height);
        let rect = |rng: &mut Rng| {
            let (x, y) = (rng.below(u64::from(width)) as i32, rng.below(u64::from(height)) as i32);
            Rect::new(x, y, x + 1 + rng.below(40) as i32, y + 1 + rng.below(12) as i32)
        };
        let bbox =
            if rng.below(2) == 0 { target.bounds() } else { rect(&mut rng).intersect(&target.bounds()) };
        let clip = match rng.below(2) {
            0 => Region::from_rect(bbox),
            _ => Region::from_rects([rect(&mut rng), rect(&mut rng), rect(&mut rng)]),
        };
        let src = random_picture(&mut rng, bbox.width(), bbox.height());
        let mask = (rng.below(2) == 0).then(|| random_picture(&mut rng, bbox.width(), bbox.height()));
        let mask = mask.as_ref().map(Picture::source);
        let component_alpha = rng.below(2) == 0;
        let composition = Composition { op, src: src.source(), mask, component_alpha };

        let mut expected = target.clone();
        if let Some(plan) = Plan::new(format, bbox, &composition) {
            naive::draw(&mut expected.view_mut(), &clip, bbox, &plan);
        }
        let raster = if rng.below(2) == 0 { Raster::new() } else { Raster::baseline() };
        let mut drawn = target.clone();
        for mut band in drawn.bands_mut(std::iter::repeat(1 + rng.below(12) as u32)) {
            raster.composite(&mut band, &clip, bbox, &composition);
        }
        assert!(
            pixels(&drawn) == pixels(&expected),
            "SPICE_RENDER_SEED={seed}: {op:?} on {format:?} {width}x{height}, bbox {bbox:?}, clip {clip:?}, \
             source {src:?}, mask {mask:?}, component alpha {component_alpha}"
        );
    }
}

/// Glyphs and pictures as they lie there: rows of every length about a vector's, the colour or the picture through alphas,
/// by channel or not, and all that they are read from and drawn on wider than the box.
#[test]
fn boxes_of_every_width_equal_naive() {
    use CompositeOp::{Add, Atop, Clear, In, Out, OutReverse, Over, Src, Xor};
    use SurfaceFormat::{A8, A8R8G8B8, R5G6B5, X1R5G5B5, X8R8G8B8};
    let mut rng = Rng::new(11);
    let plain =
        |surface| Picture { surface, transform: None, filter: 0, repeat: 0, origin: Point::new(2, 1) };
    for width in (1..=70).chain([127, 128, 129, 255, 256, 257, 300]) {
        let height = 1 + rng.below(4) as u32;
        for target in [A8, X1R5G5B5, R5G6B5, X8R8G8B8, A8R8G8B8] {
            let source = FORMATS[rng.below(6) as usize];
            let dst = random_surface(&mut rng, target, width + 5, height + 2);
            let bbox = Rect::new(3, 1, 3 + width as i32, 1 + height as i32);
            let clip = Region::from_rect(bbox);
            let picture = plain(random_surface(&mut rng, source, width + 4, height + 3));
            let one = Picture { repeat: 1, ..plain(random_surface(&mut rng, source, 1, 1)) };
            let alphas = plain(random_surface(&mut rng, A8, width + 4, height + 3));
            let channels = plain(random_surface(&mut rng, A8R8G8B8, width + 4, height + 3));
            for op in [Over, Add, Src, In, [Clear, Out, OutReverse, Atop, Xor][rng.below(5) as usize]] {
                for (src, mask) in [&picture, &one].into_iter().flat_map(|src| {
                    [None, Some((&alphas, false)), Some((&channels, false)), Some((&channels, true))]
                        .map(|mask| (src, mask))
                }) {
                    let by_channel = mask.is_some_and(|(_, by_channel)| by_channel);
                    let (src, mask) = (src.source(), mask.map(|(mask, _)| mask.source()));
                    let composition = Composition { op, src, mask, component_alpha: by_channel };
                    let mut expected = dst.clone();
                    let plan = Plan::new(target, bbox, &composition).unwrap();
                    naive::draw(&mut expected.view_mut(), &clip, bbox, &plan);
                    for raster in [Raster::new(), Raster::baseline()] {
                        let mut drawn = dst.clone();
                        let view = &mut drawn.view_mut();
                        raster.composite(view, &clip, bbox, &composition);
                        let masked = mask.is_some();
                        assert!(
                            drawn == expected,
                            "{op:?} of {source:?} on {target:?}, {width}x{height}, mask {masked}, {by_channel}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn rows_longer_than_a_chunk_are_seamless() {
    let mut rng = Rng::new(7);
    let width = CHUNK as u32 * 2 + 77;
    let target = random_surface(&mut rng, SurfaceFormat::X8R8G8B8, width, 3);
    for op in [CompositeOp::Over, CompositeOp::Xor, CompositeOp::SoftLight] {
        for transform in [None, Some([70_000, 100, 0, -10, 60_000, 900])] {
            let mut src = random_picture(&mut rng, width, 3);
            (src.repeat, src.transform) = (1, transform);
            let (mut drawn, mut expected) = (target.clone(), target.clone());
            let bbox = target.bounds();
            let clip = Region::from_rect(bbox);
            let composition = Composition { op, src: src.source(), mask: None, component_alpha: false };
            Raster::new().composite(&mut drawn.view_mut(), &clip, bbox, &composition);
            let plan = Plan::new(target.format(), bbox, &composition).unwrap();
            naive::draw(&mut expected.view_mut(), &clip, bbox, &plan);
            assert!(drawn == expected, "{op:?} {transform:?}");
        }
    }
}

#[test]
fn hostile_numbers_neither_panic_nor_take_long() {
    let extremes = [i32::MIN, i32::MIN + 1, -1, 0, 1, 1 << 16, i32::MAX - 1, i32::MAX];
    let mut rng = Rng::new(1);
    let target = random_surface(&mut rng, SurfaceFormat::A8R8G8B8, 9, 5);
    for round in 0..4000 {
        let pick = |rng: &mut Rng| extremes[rng.below(8) as usize];
        let mut src = random_picture(&mut rng, 9, 5);
        if round % 2 == 0 {
            src.transform = Some([0; 6].map(|_| pick(&mut rng)));
        }
        if round % 3 == 0 {
            src.origin = Point::new(pick(&mut rng), pick(&mut rng));
        }
        let bbox = match round % 5 {
            0 => Rect::new(pick(&mut rng), pick(&mut rng), pick(&mut rng), pick(&mut rng)),
            _ => target.bounds(),
        };
        let op = CompositeOp::ALL[round % 53];
        let mask = (round % 7 < 3).then_some(&src);
        let clip = Region::from_rect(target.bounds());
        let mut drawn = target.clone();
        let mask = mask.map(Picture::source);
        let raster = Raster::new();
        let composition = Composition { op, src: src.source(), mask, component_alpha: round % 2 == 0 };
        raster.composite(&mut drawn.view_mut(), &clip, bbox, &composition);
    }
}

#[test]
fn empty_pictures_draw_nothing() {
    let src = Surface::new(SurfaceFormat::A8R8G8B8, 0, 4, 0).unwrap();
    let src = CompositeSource { repeat: CompositeRepeat::Normal, ..CompositeSource::new(src.view()) };
    let composition = Composition { op: CompositeOp::Src, src, mask: None, component_alpha: false };
    let mut target = surface(SurfaceFormat::A8, 4, 1, &[0x1122_3344]);
    let bbox = target.bounds();
    let clip = Region::from_rect(bbox);
    Raster::new().composite(&mut target.view_mut(), &clip, bbox, &composition);
    assert_eq!(pixels(&target), [0x1122_3344]);
}

#[test]
fn operators_have_pixmans_numbers() {
    let numbers: Vec<u8> = (0..=255).filter(|n| CompositeOp::from_number(*n).is_some()).collect();
    let expected: Vec<u8> = (0x00..=0x0d).chain(0x10..=0x1b).chain(0x20..=0x2b).chain(0x30..=0x3e).collect();
    assert_eq!(numbers, expected);
    assert!(numbers.iter().all(|n| CompositeOp::from_number(*n).unwrap().number() == *n));
}
