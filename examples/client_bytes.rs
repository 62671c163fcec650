//! Bytes that clients are sent for recordings, lossless, at 30 polls for each recorded second:
//! `cargo run --release --example client_bytes -- spice-gtk,images-only FILE...`. Prints a table.

use spice_render::capture;
use spice_render::client::profile::Profile;
use spice_render::engine::{ClientOptions, Engine, Options};
use std::path::Path;
use std::time::Duration;

/// Nanoseconds between two polls.
const FRAME: u64 = 1_000_000_000 / 30;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let names = args.next().ok_or("no client")?;
    let names: Vec<&str> = names.split(',').collect();
    println!("{:16} {}", "bytes of", names.iter().map(|n| format!("{n:>14}")).collect::<String>());
    for file in args {
        let mut engine = Engine::new(Options { shared_images: 64 << 20, ..Options::default() });
        let mut ids = Vec::new();
        for name in &names {
            let profile = Profile::builtin(name).ok_or("no such client")?;
            ids.push(engine.connect(ClientOptions::new(profile)));
        }
        let mut reader = capture::open(Path::new(&file), capture::Limits::default())?;
        let mut next = None;
        while let Some(record) = reader.next_record()? {
            let now = record.time_ns;
            if now >= *next.get_or_insert(now + FRAME) {
                next = Some(now + FRAME);
                for id in &ids {
                    engine.poll(*id, Duration::from_nanos(now), usize::MAX);
                }
            }
            // Refused commands draw nothing.
            let _ = engine.submit(&record.event);
        }
        print!(
            "{:16} ",
            Path::new(&file).file_name().unwrap_or_default().to_string_lossy().replace(".rec.zst", "")
        );
        for id in &ids {
            engine.poll(*id, Duration::ZERO, usize::MAX);
            print!("{:14}", engine.metrics(*id).map_or(0, |m| m.bytes));
        }
        println!();
        if std::env::var_os("DETAILS").is_some() {
            for id in &ids {
                println!("{:#?}", engine.metrics(*id));
            }
        }
    }
    Ok(())
}
