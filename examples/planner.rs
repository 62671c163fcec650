//! What the planner makes of recordings: `cargo run --release --example planner -- CAPTURE...`.
//!
//! Plays each recording by its own clock to a client that is polled every 33 ms, and prints what it would be sent:
//! pieces, pixels, estimated bytes, and what the images take in the better of LZ and QUIC. The column `box` is the
//! same for one image of everything that changed in a frame. Every plan is drawn and compared with the truth.

use spice_codecs::{Codec, Encoder, Options, PixelFormat, Pixels};
use spice_raster::{Point, Raster, Rect, Region, Surface, SurfaceFormat, SurfaceRef};
use spice_render::capture;
use spice_render::client::planner::{Costs, MoveHint, Piece, PieceKind, PlanInput, Planner};
use spice_render::draw::Limits;
use spice_render::qxl::{Command, Event, Op};
use spice_render::replay::Replay;
use std::path::Path;
use std::time::Instant;

const FRAME_NS: u64 = 33_000_000;

#[derive(Default)]
struct Sums {
    frames: u64,
    moves: u64,
    fills: u64,
    images: u64,
    changed: u64,
    sent: u64,
    estimate: u64,
    bytes: u64,
    box_bytes: u64,
    times: Vec<f64>,
}

/// Bytes of an image of `rect` in the better of LZ and QUIC.
fn coded(encoder: &mut Encoder, truth: SurfaceRef<'_>, rect: Rect) -> u64 {
    let mut pixels = Vec::with_capacity(rect.area() as usize * 4);
    for y in rect.top..rect.bottom {
        let row = &truth.row(y as u32)[rect.left as usize..rect.right as usize];
        pixels.extend(row.iter().flat_map(|p| (p & 0xff_ffff).to_le_bytes()));
    }
    let stride = rect.width() as usize * 4;
    let pixels = Pixels::new(PixelFormat::Rgb32, rect.width(), rect.height(), stride, true, &pixels)
        .expect("whole rows");
    let size = |codec, encoder: &mut Encoder| {
        let mut out = Vec::new();
        encoder.encode(&pixels, codec, &Options::default(), &mut out).map_or(u64::MAX, |e| e.bytes as u64)
    };
    size(Codec::Lz, encoder).min(size(Codec::Quic, encoder)).min(rect.area() * 4)
}

/// Draws pieces on what the client shows.
fn draw(shown: &mut Surface, truth: &Surface, pieces: &[Piece]) {
    for piece in pieces {
        let r = piece.rect;
        let old = shown.clone();
        let mut view = shown.view_mut();
        for y in r.top..r.bottom {
            let row = &mut view.row(y as u32)[r.left as usize..r.right as usize];
            let from = |s: &Surface, at: Point| {
                s.view().row((y - r.top + at.y) as u32)[at.x as usize..][..r.width() as usize].to_vec()
            };
            match piece.kind {
                PieceKind::Fill(colour) => row.fill(colour),
                PieceKind::Move { src } => row.copy_from_slice(&from(&old, src)),
                PieceKind::Image => row.copy_from_slice(&from(truth, Point::new(r.left, r.top))),
            }
        }
    }
}

fn frame(
    truth: &Surface,
    shown: &mut Option<Surface>,
    hints: &mut Vec<MoveHint>,
    sums: &mut Sums,
    tools: &mut (Planner, Encoder),
) {
    let same =
        |s: &Surface| (s.width(), s.height(), s.format()) == (truth.width(), truth.height(), truth.format());
    let (area, none) = (Region::from_rect(truth.bounds()), Region::new());
    let shadow = shown.take().filter(same);
    let input = PlanInput {
        truth: truth.view(),
        shadow: shadow.as_ref().map(Surface::view),
        area: &area,
        unknown: &none,
        spill: &none,
        hints,
        can_fill: true,
        can_move: true,
        costs: Costs::LOSSLESS,
        max_piece_pixels: u32::MAX,
    };
    let mut pieces = Vec::new();
    let start = Instant::now();
    let stats = tools.0.plan(&input, &mut pieces);
    let time = start.elapsed().as_secs_f64();
    hints.clear();
    if !pieces.is_empty() {
        sums.times.push(time);
        sums.frames += 1;
        sums.moves += u64::from(stats.moves);
        sums.fills += u64::from(stats.fills);
        sums.images += u64::from(stats.images);
        sums.changed += stats.changed_pixels;
        sums.sent += stats.image_pixels;
        sums.estimate += stats.bytes;
        let all = pieces.iter().fold(Rect::default(), |all, p| all.union(&p.rect));
        sums.box_bytes += 112 + coded(&mut tools.1, truth.view(), all);
        for piece in &pieces {
            sums.bytes += match piece.kind {
                PieceKind::Fill(_) => 48,
                PieceKind::Move { .. } => 36,
                PieceKind::Image => 112 + coded(&mut tools.1, truth.view(), piece.rect),
            };
        }
    }
    let mut client = shadow.unwrap_or_else(|| truth.clone());
    draw(&mut client, truth, &pieces);
    for y in 0..truth.height() {
        let pairs = client.view().row(y).iter().zip(truth.view().row(y));
        assert!(pairs.into_iter().all(|(a, b)| (a ^ b) & 0xff_ffff == 0), "the client is wrong in row {y}");
    }
    *shown = Some(client);
}

fn main() {
    println!(
        "{:14} {:>6} {:>6} {:>6} {:>6} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8}",
        "capture",
        "frames",
        "moves",
        "fills",
        "images",
        "changed",
        "sent px",
        "estimate",
        "bytes",
        "box",
        "med us",
        "max us"
    );
    let mut total = [0; 3];
    let mut tools = (Planner::new(), Encoder::new());
    for path in std::env::args().skip(1) {
        let path = Path::new(&path);
        let reader = capture::open(path, capture::Limits::default()).expect("a recording");
        let mut replay = Replay::new(reader, Raster::new(), Limits::default());
        let (mut shown, mut hints, mut sums) = (None, Vec::new(), Sums::default());
        let mut next = 0;
        loop {
            let record = replay.step().expect("readable");
            let over = record.is_none();
            if let Some(record) = record {
                if let Event::Command(Command::Drawable(drawable)) = &record.event
                    && let (Op::CopyBits { src_pos }, 0) = (&drawable.op, drawable.surface_id)
                {
                    hints.push(MoveHint { dst: drawable.bbox, src: *src_pos });
                }
                if record.time_ns < next {
                    continue;
                }
                next = record.time_ns + FRAME_NS;
            }
            if let Some(truth) = replay.surface(0).expect("the same file")
                && matches!(truth.format(), SurfaceFormat::X8R8G8B8 | SurfaceFormat::A8R8G8B8)
            {
                frame(truth, &mut shown, &mut hints, &mut sums, &mut tools);
            }
            if over {
                break;
            }
        }
        sums.times.sort_by(f64::total_cmp);
        let us = |i: usize| sums.times.get(i).map_or(0.0, |t| t * 1e6);
        println!(
            "{:14} {:6} {:6} {:6} {:6} {:9} {:9} {:9} {:9} {:9} {:8.0} {:8.0}",
            path.file_name().unwrap_or_default().to_string_lossy().split(".rec").next().unwrap_or_default(),
            sums.frames,
            sums.moves,
            sums.fills,
            sums.images,
            sums.changed,
            sums.sent,
            sums.estimate,
            sums.bytes,
            sums.box_bytes,
            us(sums.times.len() / 2),
            us(sums.times.len().saturating_sub(1)),
        );
        for (total, value) in total.iter_mut().zip([sums.estimate, sums.bytes, sums.box_bytes]) {
            *total += value;
        }
    }
    println!("total: estimate {}, bytes {}, box {}", total[0], total[1], total[2]);
}
