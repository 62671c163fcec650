//! Streams' sizes beside the reference encoder's, on drawn pictures of ten kinds in six layouts.

mod common;

use common::Random;
use spice_codecs::lz::{Level, LzEncoder};
use spice_codecs::{PixelFormat, Pixels};

/// A picture, from which every layout is made.
struct Drawn {
    kind: &'static str,
    width: usize,
    height: usize,
    /// B, G, R, A.
    pixels: Vec<[u8; 4]>,
}

const KINDS: [&str; 10] =
    ["ramp", "far", "discs", "text", "repeats", "few", "photo", "dither", "wave", "boxes"];

fn gray(v: usize) -> [u8; 4] {
    [v.min(255) as u8; 4]
}

fn draw(random: &mut Random, kind: &'static str) -> Drawn {
    let (width, height) = match kind {
        "ramp" => (1000 + random.below(6000), 2 + random.below(8)),
        "far" => (5000 + random.below(16000), 2 + random.below(8)),
        _ => (30 + random.below(500), 30 + random.below(200)),
    };
    let mut pixels = vec![[0; 4]; width * height];
    match kind {
        // Each row from one value to another, some rows alike.
        "ramp" => {
            let ends: Vec<[usize; 3]> = (0..height)
                .map(|y| [random.below(256), random.below(256), if random.below(4) == 0 { y / 2 } else { y }])
                .collect();
            for (y, row) in pixels.chunks_exact_mut(width).enumerate() {
                let [from, to, _] = ends[ends[y][2]];
                for (x, p) in row.iter_mut().enumerate() {
                    *p = gray((from * (width - x) + to * x) / width);
                }
            }
        }
        // Noise that comes again, near and far, some of it beyond any distance.
        "far" => {
            let period = 3000 + random.below(90000);
            let levels = [4, 16, 256][random.below(3)];
            for i in 0..pixels.len() {
                let again = i >= period && random.below(400) != 0;
                pixels[i] =
                    if again { pixels[i - period] } else { gray(random.below(levels) * 255 / (levels - 1)) };
            }
        }
        "discs" => {
            for _ in 0..6 {
                let (cx, cy) = (random.below(width) as f64, random.below(height) as f64);
                let r = 5.0 + random.below(60) as f64;
                for (i, p) in pixels.iter_mut().enumerate() {
                    let d = ((i % width) as f64 - cx).hypot((i / width) as f64 - cy);
                    let cover = ((r - d) * 255.0 / (1.0 + r / 8.0)).clamp(0.0, 255.0) as usize;
                    *p = gray(cover.max(usize::from(p[0])));
                }
            }
        }
        // Glyphs of a few levels on a grid.
        "text" => {
            let (w, h) = (6 + random.below(6), 10 + random.below(8));
            let levels = [2, 5, 17][random.below(3)];
            let glyphs: Vec<Vec<u8>> = (0..30)
                .map(|_| {
                    (0..w * h)
                        .map(|k| {
                            if k % w == 0 || k / w >= h - 3 || random.below(3) > 0 {
                                0
                            } else {
                                (random.below(levels) * 255 / (levels - 1)) as u8
                            }
                        })
                        .collect()
                })
                .collect();
            let places: Vec<usize> = (0..width * height).map(|_| random.below(45)).collect();
            for (i, p) in pixels.iter_mut().enumerate() {
                let (x, y) = (i % width, i / width);
                let glyph = places[y / h * width + x / w];
                *p = gray(glyphs.get(glyph).map_or(0, |g| usize::from(g[y % h * w + x % w])));
            }
        }
        "repeats" => {
            let bytes = random.picture(width * height, 1);
            for (p, b) in pixels.iter_mut().zip(bytes) {
                *p = gray(usize::from(b));
            }
        }
        // A few colours in streaks.
        "few" => {
            let mut v = 0;
            let often = 2 + random.below(12);
            for p in &mut pixels {
                if random.below(often) == 0 {
                    v = random.below(5) * 50;
                }
                *p = gray(v);
            }
        }
        "photo" | "dither" => {
            let corners: Vec<usize> = (0..100).map(|_| random.below(256)).collect();
            let (grain, cell) =
                (if kind == "photo" { 1 + random.below(9) } else { 2 }, 40 + random.below(100));
            for (i, p) in pixels.iter_mut().enumerate() {
                let (x, y) = (i % width, i / width);
                let corner = |x: usize, y: usize| corners[(y % 10) * 10 + x % 10];
                let (cx, cy, fx, fy) = (x / cell, y / cell, x % cell, y % cell);
                let top = corner(cx, cy) * (cell - fx) + corner(cx + 1, cy) * fx;
                let low = corner(cx, cy + 1) * (cell - fx) + corner(cx + 1, cy + 1) * fx;
                let v = (top * (cell - fy) + low * fy) / (cell * cell);
                *p = [
                    v + random.below(grain),
                    v + random.below(grain),
                    v * 3 / 4 + random.below(grain),
                    v + random.below(grain),
                ]
                .map(|c| c.min(255) as u8);
            }
        }
        "wave" => {
            let (a, b) = (5 + random.below(60), 5 + random.below(60));
            for (i, p) in pixels.iter_mut().enumerate() {
                let v = ((i % width) as f64 / a as f64).sin() + ((i / width) as f64 / b as f64).cos();
                *p = gray((127.0 + 60.0 * v) as usize);
            }
        }
        _ => {
            for _ in 0..20 {
                let (x, y, v) = (random.below(width), random.below(height), random.below(256));
                let (w, h) = (1 + random.below(width - x), 1 + random.below(height - y));
                for row in pixels.chunks_exact_mut(width).skip(y).take(h) {
                    row[x..x + w].fill(gray(v));
                }
            }
        }
    }
    Drawn { kind, width, height, pixels }
}

/// The picture's bytes in a layout.
fn rows(drawn: &Drawn, format: PixelFormat) -> Vec<u8> {
    let index = |p: &[u8; 4]| p[1];
    let mut out = Vec::new();
    for row in drawn.pixels.chunks_exact(drawn.width) {
        match format {
            PixelFormat::Rgb32 | PixelFormat::Rgba | PixelFormat::Xxxa => out.extend(row.as_flattened()),
            PixelFormat::Rgb24 => out.extend(row.iter().flat_map(|p| [p[0], p[1], p[2]])),
            PixelFormat::Rgb16 => out.extend(row.iter().flat_map(|p| {
                let five = |c: u8| u16::from(c >> 3);
                (five(p[0]) | five(p[1]) << 5 | five(p[2]) << 10).to_le_bytes()
            })),
            PixelFormat::Plt4Be | PixelFormat::Plt4Le => {
                out.extend(row.chunks(2).map(|p| index(&p[0]) >> 4 << 4 | p.get(1).map_or(0, index) >> 4));
            }
            PixelFormat::Plt1Be | PixelFormat::Plt1Le => {
                let bits = |p: &[[u8; 4]]| p.iter().rev().fold(0, |v, p| v << 1 | u8::from(index(p) > 127));
                out.extend(row.chunks(8).map(bits));
            }
            _ => out.extend(row.iter().map(index)),
        }
    }
    out
}

/// By how many thousandths of the reference's stream the fast level's may exceed it. Each kind's sum never does.
fn most(format: PixelFormat, kind: &str) -> usize {
    match (format, kind) {
        // Runs in the same order again, far away: the reference happens upon the place that they are from, we upon another.
        (PixelFormat::A8, "ramp") => 44,
        (PixelFormat::Plt8, "ramp") => 110,
        (PixelFormat::Plt4Be, "ramp") => 27,
        (PixelFormat::Rgb32, "ramp") => 71,
        (PixelFormat::Rgb32, "wave") => 23,
        (PixelFormat::A8 | PixelFormat::Plt8, "repeats") => 17,
        (PixelFormat::Plt4Be, "text") => 2,
        // Streams of a hundred bytes that are one byte larger.
        (PixelFormat::Plt1Be, "photo" | "wave" | "repeats" | "few") => 14,
        (PixelFormat::Plt4Be | PixelFormat::Rgb16, "repeats" | "ramp") => 9,
        (PixelFormat::Rgb32, "far" | "repeats") | (PixelFormat::Plt1Be, "far") => 11,
        (PixelFormat::Rgb32, "photo") => 1,
        _ => 0,
    }
}

#[test]
fn fast_streams_are_no_larger_than_the_references_nor_default_ones_than_fast_ones() {
    let mut random = Random::seeded(11);
    let mut encoder = LzEncoder::new();
    let formats = [
        PixelFormat::A8,
        PixelFormat::Plt8,
        PixelFormat::Plt4Be,
        PixelFormat::Plt1Be,
        PixelFormat::Rgb16,
        PixelFormat::Rgb32,
    ];
    let mut sums = std::collections::BTreeMap::new();
    for case in 0..400 {
        let drawn = draw(&mut random, KINDS[case % KINDS.len()]);
        for format in formats {
            let bytes = rows(&drawn, format);
            let (width, height) = (drawn.width as u32, drawn.height as u32);
            let stride = format.bytes_per_row(width);
            let pixels = Pixels::new(format, width, height, stride, true, &bytes).expect("pixels");
            let mut size =
                |level| encoder.encode(&pixels, level, usize::MAX, &mut Vec::new()).expect("encode");
            let [fast, default, reference] = [Level::Fast, Level::Default, Level::Reference].map(&mut size);
            let context = format!("case {case}: {format:?} {} {width}x{height}", drawn.kind);
            assert!(default <= fast, "{context}: default {default}, fast {fast}");
            let bound = reference + reference * most(format, drawn.kind) / 1000;
            assert!(fast <= bound, "{context}: fast {fast}, reference {reference}");
            let sum: &mut [usize; 2] = sums.entry((format!("{format:?}"), drawn.kind)).or_default();
            *sum = [sum[0] + fast, sum[1] + reference];
        }
    }
    for (kind, [fast, reference]) in sums {
        assert!(fast <= reference, "{kind:?}: {fast}, {reference} of the reference");
    }
}
