//! What each codec and level makes of the images that clients are sent for recordings, and how long it takes:
//! `cargo run --release --example image_table -- images-only FILE...`. One line for each class of content.
//!
//! Every image that is not told by its name is encoded in every way; "best" is the sum of the smallest of each, and
//! what comes before the slash is bytes (in thousands), behind it nanoseconds a pixel. The GLZ dictionary of each level has
//! seen all images before.

use bytes::Bytes;
use spice_codecs::glz::{GlzDictionary, GlzEncoder, ZlibEncoder};
use spice_codecs::lz::Level;
use spice_codecs::{Codec, Content, Encoder, Options as CodecOptions, PaletteFinder, PixelFormat, Pixels};
use spice_render::capture;
use spice_render::client::link::Link;
use spice_render::client::profile::Profile;
use spice_render::engine::{ClientOptions, Engine, Options};
use spice_render::qxl::{Op, Rect};
use spice_render::viewer::Viewer;
use spice_render::wire::{Framing, ImageData, ServerMessage, split};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Nanoseconds between two polls.
const FRAME: u64 = 1_000_000_000 / 30;
const COLUMNS: [&str; 13] = [
    "raw",
    "plt fast",
    "plt best",
    "lz fast",
    "lz default",
    "lz best",
    "quic",
    "glz fast",
    "fast zlib6",
    "glz default",
    "def. zlib6",
    "glz best",
    "best zlib9",
];

#[derive(Default)]
struct Row {
    images: u64,
    pixels: u64,
    sent: u64,
    best: u64,
    cheap: u64,
    ways: [(u64, u64); COLUMNS.len()],
    wins: [u64; COLUMNS.len()],
}

struct Bench {
    encoder: Encoder,
    glz: GlzEncoder,
    dictionaries: [GlzDictionary; 3],
    zlib: [ZlibEncoder; 2],
    finder: PaletteFinder,
    slow: bool,
    keys: bool,
}

impl Bench {
    fn image(&mut self, pixels: &Pixels<'_>, rows: &mut BTreeMap<String, Row>, sent: usize) {
        let content = Content::sample(pixels);
        let area = u64::from(pixels.width()) * u64::from(pixels.height());
        let size = match area {
            0..1024 => "a <1k",
            1024..16384 => "b <16k",
            _ => "c more",
        };
        let known = self.dictionaries[0].known(pixels).percent();
        let class = content.map_or("none".into(), |c| match self.keys {
            true => format!("{:?} {} {}", c.class, (c.flat * 5.0) as u32, known / 25),
            false => format!("{:?}", c.class),
        });
        let mut ways = [(u64::MAX, 0u64); COLUMNS.len()];
        ways[0] = (36 + area * 3, 0);
        let mut out = Vec::new();
        let mut way = |i: usize, f: &mut dyn FnMut(&mut Vec<u8>) -> bool| {
            out.clear();
            let start = Instant::now();
            let done = f(&mut out);
            let took = start.elapsed().as_nanos() as u64;
            ways[i] = (if done { out.len() as u64 + 22 } else { u64::MAX }, took);
        };
        let Self { encoder, glz, dictionaries, zlib, finder, slow, .. } = self;
        let options = |level| CodecOptions { level, ..CodecOptions::default() };
        if let Some(p) = finder.find(pixels, 256) {
            for (i, level) in [(1, Level::Fast), (2, Level::Best)] {
                let head = 14 + 4 * p.colours.len();
                way(i, &mut |out| {
                    let done = encoder.encode(&p.pixels, Codec::Lz, &options(level), out).is_ok();
                    out.extend(std::iter::repeat_n(0, head));
                    done
                });
            }
        }
        for (i, level) in [(3, Level::Fast), (4, Level::Default), (5, Level::Best)] {
            if i < 5 || *slow {
                way(i, &mut |out| encoder.encode(pixels, Codec::Lz, &options(level), out).is_ok());
            }
        }
        way(6, &mut |out| encoder.encode(pixels, Codec::Quic, &options(Level::Fast), out).is_ok());
        for (d, (i, level)) in
            [(7, Level::Fast), (9, Level::Default), (11, Level::Best)].into_iter().enumerate()
        {
            if d == 2 && !*slow {
                continue;
            }
            let mut stream = Vec::new();
            way(i, &mut |out| {
                let done = glz.encode(&mut dictionaries[d], pixels, level, usize::MAX, out).is_ok();
                stream.clone_from(out);
                done
            });
            let zlib = &mut zlib[usize::from(d == 2)];
            way(i + 1, &mut |out| {
                let done = zlib.wrap(&stream, usize::MAX, out).is_ok();
                out.extend([0; 4]);
                done
            });
        }
        let best = ways.iter().map(|w| w.0).min().unwrap_or(0);
        let cheap = [0, 1, 3, 6, 7, 8].into_iter().map(|i| ways[i].0).min().unwrap_or(0);
        for key in [format!("{class} {size}"), "~".to_owned()] {
            let row = rows.entry(key).or_default();
            row.images += 1;
            row.pixels += area;
            row.sent += sent as u64;
            row.best += best;
            row.cheap += cheap;
            let mut won = false;
            for ((sum, way), wins) in row.ways.iter_mut().zip(ways).zip(&mut row.wins) {
                // Where a way is not there, the picture is raw.
                sum.0 += way.0.min(36 + area * 3);
                sum.1 += way.1;
                if way.0 == best && !won {
                    *wins += best;
                    won = true;
                }
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let name = args.next().ok_or("no client")?;
    let profile = Profile::builtin(&name).ok_or("no such client")?;
    let slow = std::env::var_os("BEST").is_some();
    for file in args {
        let mut engine = Engine::new(Options::default());
        let link = Link::of_bandwidth(1_000_000_000);
        let id = engine.connect(ClientOptions::new(profile.clone()).link(link));
        let mut viewer = Viewer::new(profile.clone());
        let mut bench = Bench {
            encoder: Encoder::new(),
            glz: GlzEncoder::new(),
            dictionaries: std::array::from_fn(|_| GlzDictionary::new(1 << 22)),
            zlib: [ZlibEncoder::new(6), ZlibEncoder::new(9)],
            finder: PaletteFinder::new(),
            slow,
            keys: std::env::var_os("KEYS").is_some(),
        };
        let mut rows = BTreeMap::new();
        let mut reader = capture::open(Path::new(&file), capture::Limits::default())?;
        let (mut start, mut next) = (None, FRAME);
        let mut show = |engine: &mut Engine, now: u64| -> Result<(), Box<dyn std::error::Error>> {
            for message in engine.poll(id, Duration::from_nanos(now), usize::MAX) {
                viewer.receive(&message)?;
                let Some((raw, _)) = split(Framing::Mini, &Bytes::clone(&message), 1 << 30)? else {
                    continue;
                };
                let ServerMessage::Draw(draw) = ServerMessage::decode(raw.kind, &raw.body)? else { continue };
                let Op::Copy { src: Some(image), .. } = &draw.op else { continue };
                let rect: Rect = draw.bbox;
                if draw.surface_id != 0 || matches!(image.data, ImageData::FromCache) {
                    continue;
                }
                let Some(surface) = viewer.primary() else { continue };
                let view = surface.view();
                let columns = rect.left as usize..rect.right as usize;
                let data: Vec<u8> = (rect.top as u32..rect.bottom as u32)
                    .flat_map(|y| {
                        view.row(y)[columns.clone()].iter().flat_map(|p| (p & 0xff_ffff).to_le_bytes())
                    })
                    .collect();
                let (width, height) = (rect.width(), rect.height());
                let pixels = Pixels::new(PixelFormat::Rgb32, width, height, width as usize * 4, true, &data);
                if let Some(pixels) = pixels {
                    bench.image(&pixels, &mut rows, image.wire_len());
                }
            }
            Ok(())
        };
        while let Some(record) = reader.next_record()? {
            let now = record.time_ns.saturating_sub(*start.get_or_insert(record.time_ns));
            if now >= next {
                next = now + FRAME;
                show(&mut engine, now)?;
            }
            // Refused commands draw nothing.
            _ = engine.submit(&record.event);
        }
        show(&mut engine, next)?;
        println!("{file}");
        print!("{:18}{:>7}{:>7}{:>6}{:>6}{:>6}", "", "images", "Kpx", "sent", "best", "cheap");
        COLUMNS.iter().for_each(|c| print!("{c:>14}"));
        println!();
        for (key, row) in &rows {
            print!(
                "{key:18}{:7}{:7}{:6}{:6}{:6}",
                row.images,
                row.pixels / 1000,
                row.sent / 1000,
                row.best / 1000,
                row.cheap / 1000
            );
            for ((bytes, ns), wins) in row.ways.iter().zip(row.wins) {
                print!("{:>14}", format!("{}/{} {}", bytes / 1000, ns / row.pixels.max(1), wins / 1000));
            }
            println!();
        }
    }
    Ok(())
}
