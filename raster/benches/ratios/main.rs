//! One table of how fast the kernels are beside `memcpy` and, with `--features system-pixman`, beside libpixman.
//!
//!     cargo bench -p spice-raster --features system-pixman --bench ratios
//!
//! Each figure is the median over rounds of a ratio of times taken one right after the other, so that what else the
//! machine does hits both sides. Rows are 64 KiB, four of them, so that two or three pictures lie in the L2 cache.

#[cfg(feature = "system-pixman")]
mod composites;
#[cfg(feature = "system-pixman")]
mod place;
mod race;

use race::{Table, line, memcpy, race, surface};
#[cfg(feature = "system-pixman")]
use race::{image, words};
use spice_raster::{Filter, Point, Raster, Rect, Region, Rop2, Rop3Brush, SurfaceFormat};

const WIDTH: u32 = 16384;
const HEIGHT: u32 = 4;

/// A race against pixman, where that is built in.
#[cfg(feature = "system-pixman")]
macro_rules! opponent {
    ($body:expr) => {
        Some(&mut $body as &mut dyn FnMut())
    };
}
#[cfg(not(feature = "system-pixman"))]
macro_rules! opponent {
    ($body:expr) => {
        None
    };
}

fn main() {
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    let table = Table { raster: Raster::new(), only };
    let raster = table.raster;
    println!("{raster:?}, rows of {WIDTH} pixels, {HEIGHT} rows");
    println!("{:<34} {:>7} {:>9} {:>9}  goal", "", "GB/s", "x memcpy", "x pixman");
    let format = SurfaceFormat::X8R8G8B8;
    let mut dst = surface(format, WIDTH, HEIGHT, |v| v as u32);
    let src = surface(format, WIDTH, HEIGHT, |v| v as u32);
    let brush = surface(format, WIDTH, HEIGHT, |v| v as u32);
    let (all, bytes) = (dst.bounds(), dst.bytes());
    let clip = Region::from_rect(all);
    #[cfg(feature = "system-pixman")]
    let (mut dst_words, mut src_words) = (words(&dst), words(&src));
    #[cfg(feature = "system-pixman")]
    let (mut dst_words, mut src_words) = (dst_words.view_mut(), src_words.view_mut());
    #[cfg(feature = "system-pixman")]
    let mut other = image(bench_pixman::X8R8G8B8, &dst, dst_words.row(0));
    #[cfg(feature = "system-pixman")]
    let other_src = image(bench_pixman::X8R8G8B8, &src, src_words.row(0));

    table.line(
        "fill",
        bytes,
        ">= 0.90, pixman 1",
        &mut || raster.fill(&mut dst.view_mut(), &clip, 0x123456, Rop2::PUT),
        opponent!(|| assert!(other.fill(0x123456))),
    );
    table.line(
        "copy",
        bytes,
        ">= 0.90, pixman 1",
        &mut || raster.copy(&mut dst.view_mut(), &clip, src.view(), Point::default(), Rop2::PUT),
        opponent!(|| other.composite(bench_pixman::SRC, &other_src)),
    );
    for rop in Rop2::ALL.into_iter().filter(|rop| rop.reads_source() && rop.reads_dest()) {
        table.line(
            &format!("copy {rop:?}"),
            bytes,
            ">= 0.60",
            &mut || raster.copy(&mut dst.view_mut(), &clip, src.view(), Point::default(), rop),
            None,
        );
    }
    for rop in [Rop2::XorPen, Rop2::MaskPen] {
        table.line(
            &format!("fill {rop:?}"),
            bytes,
            ">= 0.60",
            &mut || raster.fill(&mut dst.view_mut(), &clip, 0x123456, rop),
            None,
        );
    }
    let tile = surface(format, 16, 16, |v| v as u32);
    table.line(
        "fill pattern 16x16",
        bytes,
        "",
        &mut || raster.fill_pattern(&mut dst.view_mut(), &clip, tile.view(), Point::new(3, 5), Rop2::PUT),
        None,
    );
    table.line(
        "transparent",
        bytes,
        "",
        &mut || raster.transparent(&mut dst.view_mut(), &clip, all, src.view(), all, 0x123456),
        None,
    );

    let mut solid = Vec::new();
    let mut pattern = Vec::new();
    for code in (0..=255u8).filter(|_| "rop3".contains(&table.only)) {
        let mut run = |brush: Rop3Brush<'_>| {
            let mut ours = || {
                raster.rop3(&mut dst.view_mut(), &clip, all, src.view(), all, Filter::Nearest, brush, code);
            };
            let (from, mut to) = (line(bytes / 4), line(bytes / 4));
            let mut copy = || memcpy(&mut to, &from);
            race(&mut [&mut copy, &mut ours]).1[1]
        };
        solid.push(run(Rop3Brush::Solid(0x5a3c)));
        pattern.push(run(Rop3Brush::Pattern { tile: brush.view(), pos: Point::default() }));
    }
    for (name, mut v) in [("rop3 solid", solid), ("rop3 pattern of full width", pattern)] {
        v.sort_by(f64::total_cmp);
        if let (Some(worst), Some(median)) = (v.first(), v.get(v.len() / 2)) {
            println!("{name:<34} {:>7} {median:>9.2} {:>9}  >= 0.45 median; worst {worst:.2}", "", "-");
        }
    }

    for (name, alpha) in [("over, random alpha", 0), ("over, opaque", 255), ("over, mixed spans", 1)] {
        let src = surface(SurfaceFormat::A8R8G8B8, WIDTH, HEIGHT, move |v| match alpha {
            0 => v as u32,
            255 => v as u32 | 0xff00_0000,
            _ => v as u32 | 0xff00_0000,
        });
        let mut src = src;
        if alpha == 1 {
            for y in 0..HEIGHT {
                for (i, p) in src.view_mut().row(y).iter_mut().enumerate() {
                    match i / 23 % 3 {
                        0 => *p = 0,
                        1 => *p &= 0x7f7f_7f7f,
                        _ => (),
                    }
                }
            }
        }
        #[cfg(feature = "system-pixman")]
        let mut src_words = words(&src);
        #[cfg(feature = "system-pixman")]
        let mut src_words = src_words.view_mut();
        #[cfg(feature = "system-pixman")]
        let other_src = image(bench_pixman::A8R8G8B8, &src, src_words.row(0));
        table.line(
            name,
            bytes,
            "pixman >= 1.2",
            &mut || raster.alpha_blend(&mut dst.view_mut(), &clip, all, src.view(), all, 255, true),
            opponent!(|| other.composite(bench_pixman::OVER, &other_src)),
        );
    }
    let faint = src.view().with_format(SurfaceFormat::A8R8G8B8).expect("same size");
    table.line(
        "over, random alpha, half",
        bytes,
        "",
        &mut || raster.alpha_blend(&mut dst.view_mut(), &clip, all, faint, all, 128, true),
        None,
    );

    for (dw, dh, sw, sh) in
        [(640, 200, 400, 125), (640, 200, 640, 200), (400, 120, 640, 190), (300, 100, 1000, 330)]
    {
        for filter in [Filter::Nearest, Filter::Bilinear] {
            let mut dst = surface(format, dw, dh, |v| v as u32);
            let src = surface(format, sw + 1, sh, |v| v as u32);
            let (bbox, area) = (dst.bounds(), Rect::new(0, 0, sw as i32 + (sw == dw) as i32, sh as i32));
            let clip = Region::from_rect(bbox);
            #[cfg(feature = "system-pixman")]
            let (mut dst_words, mut src_words) = (words(&dst), words(&src));
            #[cfg(feature = "system-pixman")]
            let (mut dst_words, mut src_words) = (dst_words.view_mut(), src_words.view_mut());
            #[cfg(feature = "system-pixman")]
            let mut other = image(bench_pixman::X8R8G8B8, &dst, dst_words.row(0));
            #[cfg(feature = "system-pixman")]
            let mut other_src = image(bench_pixman::X8R8G8B8, &src, src_words.row(0));
            #[cfg(feature = "system-pixman")]
            {
                let step = |s: i32, d: u32| (i64::from(s) * 65536 / i64::from(d)) as i32;
                let kind = if filter == Filter::Nearest { bench_pixman::NEAREST } else { bench_pixman::GOOD };
                other_src.scale(step(area.right, dw), step(area.bottom, dh), 0, 0, kind);
                other.composite(bench_pixman::SRC, &other_src);
                raster.copy_scaled(&mut dst.view_mut(), &clip, bbox, src.view(), area, filter, Rop2::PUT);
                assert!(
                    other.words() == words(&dst).view().row(0),
                    "scaled {filter:?} {sw}x{sh} to {dw}x{dh} differs from pixman"
                );
            }
            let bytes = dst.bytes();
            table.line(
                &format!("{filter:?} {}x{} to {dw}x{dh}", area.right, area.bottom),
                bytes,
                "pixman 1",
                &mut || {
                    raster.copy_scaled(&mut dst.view_mut(), &clip, bbox, src.view(), area, filter, Rop2::PUT)
                },
                opponent!(|| other.composite(bench_pixman::SRC, &other_src)),
            );
        }
    }
    let small = Rect::new(100, 1, 108, 3);
    let tiny = Region::from_rect(small);
    table.line(
        "fill 8x2 (per call)",
        64,
        "",
        &mut || raster.fill(&mut dst.view_mut(), &tiny, 3, Rop2::PUT),
        None,
    );
    #[cfg(feature = "system-pixman")]
    composites::race_all(&table);
}
