//! Every kernel in bytes of destination per second, beside `memcpy` of the same bytes and (`--features system-pixman`)
//! libpixman. Rows of 16384 pixels, four of them: two or three pictures lie in the L2 cache.
//!
//! For the ratios alone, in one run and less time, see `ratios.rs`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spice_raster::{Filter, Point, Raster, Rect, Region, Rop2, Rop3Brush, Surface, SurfaceFormat};
use std::hint::black_box;

const WIDTH: u32 = 16384;
const HEIGHT: u32 = 4;

fn surface(format: SurfaceFormat, width: u32, height: u32) -> Surface {
    let mut surface = Surface::new(format, width, height, 1 << 28).expect("bench surfaces are small");
    let mut state = 1u64;
    for y in 0..height {
        for p in surface.view_mut().row(y) {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            *p = (state >> 17) as u32;
        }
    }
    surface
}

fn rows(c: &mut Criterion) {
    for format in [SurfaceFormat::X8R8G8B8, SurfaceFormat::R5G6B5, SurfaceFormat::A8] {
        let mut group = c.benchmark_group(format!("{format:?}"));
        let (mut dst, src) = (surface(format, WIDTH, HEIGHT), surface(format, WIDTH, HEIGHT));
        let argb = surface(SurfaceFormat::A8R8G8B8, WIDTH, HEIGHT);
        let tile = surface(format, 16, 16);
        let (all, clip, raster) = (dst.bounds(), Region::from_rect(dst.bounds()), Raster::new());
        let bytes = WIDTH as usize * HEIGHT as usize * format.bits_per_pixel() as usize / 8;
        group.throughput(Throughput::Bytes(bytes as u64));
        let (from, mut to) = (vec![7u8; bytes], vec![0u8; bytes]);
        group.bench_function("memcpy", |b| b.iter(|| black_box(&mut to).copy_from_slice(black_box(&from))));
        let zero = Point::default();
        group.bench_function("fill", |b| b.iter(|| raster.fill(&mut dst.view_mut(), &clip, 7, Rop2::PUT)));
        group.bench_function("fill XorPen", |b| {
            b.iter(|| raster.fill(&mut dst.view_mut(), &clip, 7, Rop2::XorPen));
        });
        group.bench_function("fill_pattern 16x16", |b| {
            b.iter(|| raster.fill_pattern(&mut dst.view_mut(), &clip, tile.view(), zero, Rop2::PUT));
        });
        for rop in Rop2::ALL.into_iter().filter(|rop| rop.reads_source()) {
            group.bench_function(format!("copy {rop:?}"), |b| {
                b.iter(|| raster.copy(&mut dst.view_mut(), &clip, src.view(), zero, rop));
            });
        }
        group.bench_function("transparent", |b| {
            b.iter(|| raster.transparent(&mut dst.view_mut(), &clip, all, src.view(), all, 0x123456));
        });
        for alpha in [255, 128] {
            group.bench_function(format!("alpha_blend {alpha}"), |b| {
                b.iter(|| raster.alpha_blend(&mut dst.view_mut(), &clip, all, argb.view(), all, alpha, true));
            });
        }
        for code in [0xb8, 0x66, 0xca, 0x96, 0x6b, 0x16] {
            let solid = Rop3Brush::Solid(0x5a3c);
            let pattern = Rop3Brush::Pattern { tile: tile.view(), pos: zero };
            for (name, brush) in [("solid", solid), ("16x16", pattern)] {
                group.bench_function(format!("rop3 {code:02x} {name}"), |b| {
                    b.iter(|| {
                        let dst = &mut dst.view_mut();
                        raster.rop3(dst, &clip, all, src.view(), all, Filter::Nearest, brush, code);
                    });
                });
            }
        }
        group.bench_function("copy_bits one down", |b| {
            b.iter(|| raster.copy_bits(&mut dst.view_mut(), &clip, Point::new(0, -1)));
        });
        group.finish();
    }
}

fn scaled(c: &mut Criterion) {
    let mut group = c.benchmark_group("scaled");
    for (dw, dh, sw, sh) in [(640, 200, 400, 125), (400, 120, 640, 190)] {
        let mut dst = surface(SurfaceFormat::X8R8G8B8, dw, dh);
        let src = surface(SurfaceFormat::X8R8G8B8, sw, sh);
        let (bbox, area) = (dst.bounds(), src.bounds());
        let (clip, raster) = (Region::from_rect(bbox), Raster::new());
        group.throughput(Throughput::Bytes(u64::from(dw) * u64::from(dh) * 4));
        for filter in [Filter::Nearest, Filter::Bilinear] {
            group.bench_function(format!("{filter:?} {sw}x{sh} to {dw}x{dh}"), |b| {
                b.iter(|| {
                    raster.copy_scaled(&mut dst.view_mut(), &clip, bbox, src.view(), area, filter, Rop2::PUT);
                });
            });
        }
    }
    group.finish();
}

fn regions(c: &mut Criterion) {
    let rects: Vec<Rect> = (0..1000)
        .map(|i: i32| {
            let (x, y) = (i * 7919 % 1900, i * 104_729 % 1000);
            Rect::new(x, y, x + 20, y + 16)
        })
        .collect();
    c.bench_function("union of 1000 rectangles", |b| {
        b.iter(|| Region::from_rects(black_box(&rects).iter().copied()));
    });
}

#[cfg(feature = "system-pixman")]
fn pixman(c: &mut Criterion) {
    use bench_pixman::{A8R8G8B8, OVER, Pixels, SRC, X8R8G8B8};
    let words = (WIDTH * HEIGHT) as usize;
    let (mut dst, mut src, mut argb) = (surface(SurfaceFormat::A8R8G8B8, WIDTH * HEIGHT, 1), vec![], vec![]);
    for (v, len) in [(&mut src, words), (&mut argb, words)] {
        v.resize(len, 0u32);
        v.copy_from_slice(dst.view().row(0));
    }
    let mut view = dst.view_mut();
    let mut dst = Pixels::new(X8R8G8B8, WIDTH, HEIGHT, WIDTH as usize, view.row(0));
    let src = Pixels::new(X8R8G8B8, WIDTH, HEIGHT, WIDTH as usize, &mut src);
    let argb = Pixels::new(A8R8G8B8, WIDTH, HEIGHT, WIDTH as usize, &mut argb);
    let mut group = c.benchmark_group("libpixman X8R8G8B8");
    group.throughput(Throughput::Bytes(words as u64 * 4));
    group.bench_function("fill", |b| b.iter(|| dst.fill(7)));
    group.bench_function("copy", |b| b.iter(|| dst.composite(SRC, &src)));
    group.bench_function("over", |b| b.iter(|| dst.composite(OVER, &argb)));
    group.finish();
}

#[cfg(not(feature = "system-pixman"))]
fn pixman(_: &mut Criterion) {}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600));
    targets = rows, scaled, regions, pixman
}
criterion_main!(benches);
