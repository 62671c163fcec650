//! How long plans take on 1024x768: `cargo run --release --example planner_speed`.

use spice_raster::{Rect, Region, Surface, SurfaceFormat};
use spice_render::client::planner::{Costs, PlanInput, PlanStats, Planner};
use std::time::Instant;

fn rnd(s: &mut u64) -> u64 {
    *s = s.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*s ^ *s >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn text(s: &mut Surface, r: Rect, seed: u64, oy: i32) {
    let mut v = s.view_mut();
    for y in r.top..r.bottom {
        let row = v.row(y as u32);
        for x in r.left..r.right {
            let yy = y + oy;
            let (gx, gy) = (x % 7, yy % 13);
            let mut k = seed ^ ((x / 7) as u64) << 32 ^ (yy / 13) as u64;
            let h = rnd(&mut k);
            row[x as usize] = if gx < 5 && (2..11).contains(&gy) && h >> (gx / 2 + gy / 2 * 3) & 1 == 1 {
                0
            } else {
                0xffffff
            };
        }
    }
}

fn main() {
    let new = || Surface::new(SurfaceFormat::X8R8G8B8, 1024, 768, u64::MAX).unwrap();
    let full = Rect::new(0, 0, 1024, 768);
    let mut page = new();
    text(&mut page, full, 1, 0);
    let mut other = new();
    text(&mut other, full, 2, 0);
    let mut scrolled = new();
    text(&mut scrolled, full, 1, 39);
    let mut typed = page.clone();
    text(&mut typed, Rect::new(203, 403, 210, 415), 5, 0);
    let mut noise = new();
    let mut s = 1;
    for y in 0..768 {
        noise.view_mut().row(y).iter_mut().for_each(|p| *p = rnd(&mut s) as u32);
    }
    let mut noise2 = new();
    for y in 0..768 {
        noise2.view_mut().row(y).iter_mut().for_each(|p| *p = rnd(&mut s) as u32);
    }
    let mut nb = page.clone();
    for y in 400..416 {
        nb.view_mut().row(y)[200..216].iter_mut().for_each(|p| *p = rnd(&mut s) as u32);
    }
    let flat = new();
    let a16 = Region::from_rect(Rect::new(200, 400, 216, 416));
    let all = Region::from_rect(full);
    let none = Region::new();
    let mut planner = Planner::new();
    let mut out = Vec::new();
    let cases: [(&str, &Surface, &Surface, &Region, bool, u32); 11] = [
        ("typing 16x16", &page, &typed, &a16, true, 20000),
        ("noise 16x16", &page, &nb, &a16, true, 20000),
        ("typing, area all", &page, &typed, &all, true, 50),
        ("identical, all", &page, &page.clone(), &all, true, 50),
        ("full text, no move", &page, &other, &all, false, 30),
        ("full text, move", &page, &other, &all, true, 30),
        ("scroll by 39", &page, &scrolled, &all, true, 30),
        ("full noise, no move", &noise, &noise2, &all, false, 30),
        ("full noise, move", &noise, &noise2, &all, true, 30),
        ("page to flat", &page, &flat, &all, true, 30),
        ("flat to page", &flat, &page, &all, true, 30),
    ];
    for (name, shadow, truth, area, can_move, n) in cases {
        let (mut best, mut times) = (f64::MAX, vec![]);
        let mut stats = PlanStats::default();
        for _ in 0..n {
            let t = Instant::now();
            stats = planner.plan(
                &PlanInput {
                    truth: truth.view(),
                    shadow: Some(shadow.view()),
                    area,
                    unknown: &none,
                    spill: &none,
                    hints: &[],
                    can_fill: true,
                    can_move,
                    costs: Costs::LOSSLESS,
                    max_piece_pixels: u32::MAX,
                },
                &mut out,
            );
            let d = t.elapsed().as_secs_f64() * 1e6;
            best = best.min(d);
            times.push(d);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{name:22} best {best:9.2} us  median {:9.2} us  {} moves {} fills {} images {} px ~{} bytes",
            times[times.len() / 2],
            stats.moves,
            stats.fills,
            stats.images,
            stats.image_pixels,
            stats.bytes
        );
    }
}
