//! One table of how fast the kernels are beside `memcpy` and, with `--features system-pixman`, beside libpixman.
//!
//!     cargo bench -p spice-raster --features system-pixman --bench ratios
//!
//! Each figure is the median over rounds of a ratio of times taken one right after the other, so that what else the
//! machine does hits both sides. Rows are 64 KiB, four of them, so that two or three pictures lie in the L2 cache.
//!
//! Beside libpixman both sides draw in the same memory, by turns one, the other, the other, one, in five places.
//! `CONTROL=1` adds how far from 1 the same ratio is for libpixman beside itself and ours beside itself (the larger of
//! the two, `+-`), measured in the same rounds: a row is slower than libpixman if its ratio is below 1 by more than
//! that. `RUNS=5` runs the whole table five times; the slower rows at its end are the medians of those.
//!
//! The column `quiet` is the ratio of both sides' short times, the tenth part from the shortest. On a shared virtual
//! machine stores go at one of two speeds, for milliseconds at a time (most likely as the core's other half is in use or
//! not), and what 16-byte stores lose then is not what 32-byte ones lose: a row can win at one and lose at the other.

#[cfg(feature = "system-pixman")]
mod composites;
#[cfg(feature = "system-pixman")]
mod duel;
#[cfg(feature = "system-pixman")]
mod place;
mod race;

use race::{Board, Side, Table, race, surface, time};
use spice_raster::{Filter, Point, Raster, Rect, Region, Rop2, Rop3Brush, Surface, SurfaceFormat};

const WIDTH: u32 = 16384;
const HEIGHT: u32 = 4;

/// What pixman does for a line.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "system-pixman"), expect(dead_code))]
enum Opponent {
    Fill(u32),
    Src,
    Over,
    /// An area of the source is stretched over the target.
    Scaled(Rect, Filter),
}

/// What is drawn on a target from a source: ours, and pixman's.
#[derive(Clone)]
struct Draw<F> {
    ours: F,
    #[cfg_attr(not(feature = "system-pixman"), expect(dead_code))]
    theirs: Opponent,
}

impl<F: Fn(&mut Surface, &Surface) + 'static> Draw<F> {
    fn time(&self, side: Side, times: u32, dst: &mut Surface, src: &mut Surface) -> f64 {
        match side {
            Side::Ours => time(times, &mut || (self.ours)(dst, src)),
            #[cfg(feature = "system-pixman")]
            Side::Theirs => {
                let mut src = place::image(src);
                if let Opponent::Scaled(area, filter) = self.theirs {
                    let step = |s: i32, d: u32| (i64::from(s) * 65536 / i64::from(d)) as i32;
                    let nearest = filter == Filter::Nearest;
                    let kind = if nearest { bench_pixman::NEAREST } else { bench_pixman::GOOD };
                    src.scale(step(area.right, dst.width()), step(area.bottom, dst.height()), 0, 0, kind);
                }
                let mut dst = place::image(dst);
                match self.theirs {
                    Opponent::Fill(color) => time(times, &mut || assert!(dst.fill(color))),
                    Opponent::Over => time(times, &mut || dst.composite(bench_pixman::OVER, &src)),
                    _ => time(times, &mut || dst.composite(bench_pixman::SRC, &src)),
                }
            }
        }
    }

    /// Both draw on the same two pictures.
    fn board(self, (mut dst, mut src): (Surface, Surface)) -> Board<'static> {
        Box::new(move |side, times| self.time(side, times, &mut dst, &mut src))
    }
}

fn main() {
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse().ok());
    let table = Table {
        raster: Raster::new(),
        only,
        #[cfg(feature = "system-pixman")]
        duels: duel::Duels::new(number("CONTROL").unwrap_or(0)),
    };
    for _ in 0..number("RUNS").unwrap_or(1) {
        print(&table);
    }
    #[cfg(feature = "system-pixman")]
    table.duels.print();
}

/// All lines.
fn print(table: &Table) {
    let raster = table.raster;
    println!("{raster:?}, rows of {WIDTH} pixels, {HEIGHT} rows");
    println!("{:<34} {:>7} {:>9} {:>9} {:>9}  goal", "", "GB/s", "x memcpy", "x pixman", "quiet");
    let format = SurfaceFormat::X8R8G8B8;
    let words = move |format| surface(format, WIDTH, HEIGHT, |v| v as u32);
    let (mut dst, src, brush) = (words(format), words(format), words(format));
    let (all, bytes) = (dst.bounds(), dst.bytes());
    let clip = Region::from_rect(all);

    table.duel("fill", bytes, ">= 0.90, pixman 1", &|| {
        let clip = clip.clone();
        let ours = move |dst: &mut Surface, _: &Surface| {
            raster.fill(&mut dst.view_mut(), &clip, 0x123456, Rop2::PUT);
        };
        Draw { ours, theirs: Opponent::Fill(0x123456) }.board((words(format), words(format)))
    });
    table.duel("copy", bytes, ">= 0.90, pixman 1", &|| {
        let clip = clip.clone();
        let ours = move |dst: &mut Surface, src: &Surface| {
            raster.copy(&mut dst.view_mut(), &clip, src.view(), Point::default(), Rop2::PUT);
        };
        Draw { ours, theirs: Opponent::Src }.board((words(format), words(format)))
    });
    for rop in Rop2::ALL.into_iter().filter(|rop| rop.reads_source() && rop.reads_dest()) {
        table.line(&format!("copy {rop:?}"), bytes, ">= 0.60", &mut || {
            raster.copy(&mut dst.view_mut(), &clip, src.view(), Point::default(), rop)
        });
    }
    for rop in [Rop2::XorPen, Rop2::MaskPen] {
        table.line(&format!("fill {rop:?}"), bytes, ">= 0.60", &mut || {
            raster.fill(&mut dst.view_mut(), &clip, 0x123456, rop)
        });
    }
    let tile = surface(format, 16, 16, |v| v as u32);
    table.line("fill pattern 16x16", bytes, "", &mut || {
        raster.fill_pattern(&mut dst.view_mut(), &clip, tile.view(), Point::new(3, 5), Rop2::PUT)
    });
    table.line("transparent", bytes, "", &mut || {
        raster.transparent(&mut dst.view_mut(), &clip, all, src.view(), all, 0x123456)
    });

    let mut solid = Vec::new();
    let mut pattern = Vec::new();
    for code in (0..=255u8).filter(|_| "rop3".contains(&table.only)) {
        let mut run = |brush: Rop3Brush<'_>| {
            let mut ours = || {
                raster.rop3(&mut dst.view_mut(), &clip, all, src.view(), all, Filter::Nearest, brush, code);
            };
            race(bytes, &mut |times| time(times, &mut ours)).1
        };
        solid.push(run(Rop3Brush::Solid(0x5a3c)));
        pattern.push(run(Rop3Brush::Pattern { tile: brush.view(), pos: Point::default() }));
    }
    for (name, mut v) in [("rop3 solid", solid), ("rop3 pattern of full width", pattern)] {
        v.sort_by(f64::total_cmp);
        if let (Some(worst), Some(median)) = (v.first(), v.get(v.len() / 2)) {
            println!("{name:<34} {:>7} {median:>9.2} {:>19}  >= 0.45 median; worst {worst:.2}", "", "-");
        }
    }

    for (name, alpha) in [("over, random alpha", 0), ("over, opaque", 255), ("over, mixed spans", 1)] {
        let source = move || {
            let mut src = words(SurfaceFormat::A8R8G8B8);
            for y in 0..HEIGHT {
                for (i, p) in src.view_mut().row(y).iter_mut().enumerate() {
                    match (alpha, i / 23 % 3) {
                        (0, _) => (),
                        (1, 0) => *p = 0,
                        (1, 1) => *p = *p & 0x7f7f_7f7f | 0x7f00_0000,
                        _ => *p |= 0xff00_0000,
                    }
                }
            }
            src
        };
        table.duel(name, bytes, "pixman >= 1.2", &|| {
            let clip = clip.clone();
            let ours = move |dst: &mut Surface, src: &Surface| {
                raster.alpha_blend(&mut dst.view_mut(), &clip, all, src.view(), all, 255, true);
            };
            Draw { ours, theirs: Opponent::Over }.board((words(format), source()))
        });
    }
    let faint = src.view().with_format(SurfaceFormat::A8R8G8B8).expect("same size");
    table.line("over, random alpha, half", bytes, "", &mut || {
        raster.alpha_blend(&mut dst.view_mut(), &clip, all, faint, all, 128, true)
    });

    for (dw, dh, sw, sh) in
        [(640, 200, 400, 125), (640, 200, 640, 200), (400, 120, 640, 190), (300, 100, 1000, 330)]
    {
        for filter in [Filter::Nearest, Filter::Bilinear] {
            let pictures = move || {
                let dst = surface(format, dw, dh, |v| v as u32);
                (dst, surface(format, sw + 1, sh, |v| v as u32))
            };
            let (bbox, area) =
                (Rect::of_size(dw, dh), Rect::new(0, 0, sw as i32 + (sw == dw) as i32, sh as i32));
            let clip = Region::from_rect(bbox);
            let ours = move |dst: &mut Surface, src: &Surface| {
                raster.copy_scaled(&mut dst.view_mut(), &clip, bbox, src.view(), area, filter, Rop2::PUT);
            };
            let name = format!("{filter:?} {}x{} to {dw}x{dh}", area.right, area.bottom);
            let draw = Draw { ours, theirs: Opponent::Scaled(area, filter) };
            #[cfg(feature = "system-pixman")]
            {
                let draw = &draw;
                let once = |side| move |dst: &mut Surface| _ = draw.time(side, 0, dst, &mut pictures().1);
                let mut dst = pictures().0;
                place::Place::whole(dw, dh).compare(&name, &mut dst, once(Side::Ours), once(Side::Theirs));
            }
            table.duel(&name, pictures().0.bytes(), "pixman 1", &|| draw.clone().board(pictures()));
        }
    }
    let small = Rect::new(100, 1, 108, 3);
    let tiny = Region::from_rect(small);
    table.line("fill 8x2 (per call)", 64, "", &mut || raster.fill(&mut dst.view_mut(), &tiny, 3, Rop2::PUT));
    #[cfg(feature = "system-pixman")]
    composites::race_all(table);
}
