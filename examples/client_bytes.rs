//! Bytes that clients are sent for recordings, lossless, beside the reference server's:
//! `cargo run --release --example client_bytes -- spice-gtk,images-only FILE...`. Prints a table.
//!
//! The clock is the recorded one with gaps cut to 200 ms; every client is polled, without a limit, each 1/30 s of it,
//! a display's frame or two. `FASTER=6` plays six times faster, as `captures/WIRE.md`'s paced feed did: then as much
//! waits for a poll as waited in the reference's pipe, and less is sent. `NAIVE=1` adds what it takes to send the destination
//! of every command on the primary surface as a QUIC or LZ image, whichever is smaller. `KBIT=20000` says how fast the links are. `DETAILS=1` prints counters.

use spice_codecs::{Codec, Encoder, Options as CodecOptions, PixelFormat, Pixels};
use spice_render::capture;
use spice_render::client::link::Link;
use spice_render::client::profile::Profile;
use spice_render::engine::{ClientOptions, Engine, Options};
use spice_render::qxl::{Command, Event};
use std::path::Path;
use std::time::Duration;

/// Nanoseconds between two polls.
const FRAME: u64 = 1_000_000_000 / 30;
/// The longest gap between two events.
const GAP: u64 = 200_000_000;

/// What the reference server sent to spice-gtk: kB, lossless auto_glz, paced (`captures/WIRE.md`).
const REFERENCE: [(&str, u64); 22] = [
    ("xterm", 521),
    ("x11perf", 816),
    ("gtk", 1094),
    ("pcmanfm", 480),
    ("netsurf", 1948),
    ("xpdf", 754),
    ("mupdf", 1879),
    ("writer", 1803),
    ("chromium", 504),
    ("photo", 3784),
    ("video", 6399),
    ("wmove", 587),
    ("compmgr", 1208),
    ("xops_core", 120),
    ("xops_render", 5439),
    ("qemu", 31),
    ("c_gtk", 1336),
    ("c_netsurf", 2057),
    ("c_compmgr", 2034),
    ("c_x11comp", 514),
    ("c_xops_render", 184),
    ("c_xops_fresh", 224),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let names = args.next().ok_or("no client")?;
    let names: Vec<&str> = names.split(',').collect();
    let faster: u64 = std::env::var("FASTER").map_or(Ok(1), |n| n.parse())?;
    let kbit: Option<u64> = std::env::var("KBIT").ok().map(|n| n.parse()).transpose()?;
    let set = |name| std::env::var_os(name).is_some();
    let mut head: String = names.iter().map(|n| format!("{n:>14}")).collect();
    head += if set("NAIVE") { "         naive" } else { "" };
    println!("{:16} {head}     reference  first/reference", "bytes of");
    let mut sums = vec![0u64; names.len() + 2];
    for file in args {
        let mut engine = Engine::new(Options { shared_images: 64 << 20, ..Options::default() });
        let mut ids = Vec::new();
        for name in &names {
            let profile = Profile::builtin(name).ok_or("no such client")?;
            let link = kbit.map_or_else(Link::default, |kbit| Link::of_bandwidth(kbit * 1000));
            ids.push(engine.connect(ClientOptions::new(profile).link(link)));
        }
        let mut naive = set("NAIVE").then(Naive::default);
        let mut reader = capture::open(Path::new(&file), capture::Limits::default())?;
        let (mut clock, mut last, mut next) = (0, None, FRAME);
        while let Some(record) = reader.next_record()? {
            let gap = record.time_ns.saturating_sub(last.replace(record.time_ns).unwrap_or(record.time_ns));
            clock += gap.min(GAP) / faster.max(1);
            if clock >= next {
                next = clock + FRAME;
                for id in &ids {
                    engine.poll(*id, Duration::from_nanos(clock), usize::MAX);
                }
            }
            // Refused commands draw nothing.
            let drawn = engine.submit(&record.event).is_ok();
            if let Some(naive) = naive.as_mut().filter(|_| drawn) {
                naive.add(&mut engine, &record.event);
            }
        }
        let name = Path::new(&file).file_name().unwrap_or_default().to_string_lossy().replace(".rec.zst", "");
        print!("{name:16} ");
        for (id, sum) in ids.iter().zip(&mut sums) {
            engine.poll(*id, Duration::from_nanos(clock), usize::MAX);
            let bytes = engine.metrics(*id).map_or(0, |m| m.bytes);
            *sum += bytes;
            print!("{bytes:14}");
        }
        if let Some(naive) = naive {
            sums[names.len()] += naive.bytes;
            print!("{:14}", naive.bytes);
        }
        let first = engine.metrics(ids[0]).map_or(0, |m| m.bytes);
        match REFERENCE.iter().find(|(n, _)| *n == name) {
            Some((_, kb)) => {
                sums[names.len() + 1] += kb * 1000;
                println!("{:14}  {:14.1} %", kb * 1000, first as f64 / (kb * 10) as f64);
            }
            None => println!(),
        }
        if set("DETAILS") {
            for id in &ids {
                println!("{:#?}", engine.metrics(*id));
            }
        }
    }
    print!("{:16} ", "sum");
    for (i, sum) in sums.iter().enumerate().filter(|(i, _)| *i != names.len() || set("NAIVE")) {
        print!("{sum:14}");
        if i == names.len() + 1 && *sum > 0 {
            print!("  {:14.1} %", sums[0] as f64 * 100.0 / *sum as f64);
        }
    }
    println!();
    Ok(())
}

/// Server-side rendering without a planner.
#[derive(Default)]
struct Naive {
    bytes: u64,
    encoder: Encoder,
}

impl Naive {
    fn add(&mut self, engine: &mut Engine, event: &Event) {
        let Event::Command(Command::Drawable(drawable)) = event else { return };
        if drawable.surface_id != 0 {
            return;
        }
        let Some(truth) = engine.update_area(0, drawable.bbox) else { return };
        let rect = drawable.bbox.intersect(&truth.bounds());
        let (width, height) = (rect.width(), rect.height());
        let mut data = Vec::new();
        for y in rect.top..rect.bottom {
            let row = &truth.row(y as u32)[rect.left as usize..rect.right as usize];
            data.extend(row.iter().flat_map(|px| (px & 0x00ff_ffff).to_le_bytes()));
        }
        let Some(pixels) = Pixels::new(PixelFormat::Rgb32, width, height, width as usize * 4, true, &data)
        else {
            return;
        };
        let best = [Codec::Quic, Codec::Lz].into_iter().filter_map(|codec| {
            let mut out = Vec::new();
            self.encoder.encode(&pixels, codec, &CodecOptions::default(), &mut out).ok()?;
            Some(out.len())
        });
        // A DRAW_COPY message around the stream; raw where that is smaller.
        self.bytes += 90 + best.min().unwrap_or(data.len()).min(data.len()) as u64;
    }
}
