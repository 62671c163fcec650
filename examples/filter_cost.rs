//! What a command costs for each connected client before anything is drawn or encoded (filter and bookkeeping):
//! `cargo run --release --example filter_cost -- FILE...`.
//!
//! Each recording goes through two engines, one without clients and one with every built-in profile, polled 30 times a
//! recorded second. Only the submits are timed; both engines render the screen before each poll, so that both hold
//! back the same. Shown is the difference for each command and client, the median of five runs.

use spice_render::capture;
use spice_render::client::profile::Profile;
use spice_render::engine::{ClientOptions, Engine, Options};
use spice_render::qxl::{Event, Rect};
use std::path::Path;
use std::time::{Duration, Instant};

const FRAME: u64 = 1_000_000_000 / 30;

/// Seconds that the submits of all events take.
fn submits(events: &[(u64, Event)], names: &[&str]) -> f64 {
    let mut engine = Engine::new(Options { shared_images: 64 << 20, ..Options::default() });
    let profile = |name: &&str| Profile::builtin(name).expect("a built-in name");
    let ids: Vec<_> = names.iter().map(|n| engine.connect(ClientOptions::new(profile(n)))).collect();
    let (mut spent, mut next) = (Duration::ZERO, 0);
    for (now, event) in events {
        if *now >= next {
            next = now + FRAME;
            engine.update_area(0, Rect::new(0, 0, 1 << 15, 1 << 15));
            for id in &ids {
                engine.poll(*id, Duration::from_nanos(*now), usize::MAX);
            }
        }
        let before = Instant::now();
        // Refused commands draw nothing.
        let _ = engine.submit(event);
        spent += before.elapsed();
    }
    spent.as_secs_f64()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names: Vec<&str> = Profile::builtin_names().collect();
    for file in std::env::args().skip(1) {
        let mut reader = capture::open(Path::new(&file), capture::Limits::default())?;
        let mut events = Vec::new();
        while let Some(record) = reader.next_record()? {
            events.push((record.time_ns, record.event));
        }
        let mut costs: Vec<f64> = (0..5)
            .map(|_| (submits(&events, &names) - submits(&events, &[])) / (events.len() * names.len()) as f64)
            .collect();
        costs.sort_by(f64::total_cmp);
        let name = Path::new(&file).file_name().unwrap_or_default().to_string_lossy().into_owned();
        println!("{name:24} {:8} events {:8.0} ns for each and client", events.len(), costs[2] * 1e9);
    }
    Ok(())
}
