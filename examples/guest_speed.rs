//! What parsing a guest's memory adds to submitting: `cargo run --release --features testing --example guest_speed --
//! FILE...`, recordings.
//!
//! A whole recording is laid out in memory first. Then the same events are submitted to an engine without clients as
//! they were recorded, and as they are parsed from memory, in turns; CPU time of this thread, medians of the rounds.

use spice_render::capture::{self, Limits};
use spice_render::engine::{Engine, Options};
use spice_render::graph::Execution;
use spice_render::qxl::Event;
use spice_render::qxl::guest::testing::{Chunking, Layout};
use spice_render::qxl::guest::{Guest, GuestCommand};
use spice_render::qxl::testing::Rng;
use std::hint::black_box;
use std::path::Path;

const ROUNDS: usize = 9;

enum Step {
    Guest(GuestCommand),
    Worker(Event),
}

/// CPU time of the main thread, in nanoseconds.
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux's /proc");
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number")
}

fn timed(f: impl FnOnce()) -> f64 {
    let start = cpu_ns();
    f();
    (cpu_ns() - start) as f64 / 1e6
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn engine() -> Engine {
    // All on this thread, whose time is measured.
    let execution = Execution { threads: 1, inline_pixels: u64::MAX, ..Execution::default() };
    Engine::new(Options { execution, ..Options::default() })
}

fn main() {
    spice_render::memory::keep_freed();
    println!(
        "{:<24} {:>8} {:>9} {:>9} {:>9} {:>7}",
        "recording", "commands", "submit", "+ parse", "parse", "ratio"
    );
    let mut ratios = Vec::new();
    let mut sums = [0.0; 2];
    for path in std::env::args().skip(1) {
        let path = Path::new(&path);
        let mut layout = Layout::new(Rng(1), Chunking::AsRecorded);
        let (mut events, mut steps) = (Vec::new(), Vec::new());
        for record in capture::open(path, Limits::default()).expect("a recording") {
            let event = record.expect("a sound recording").event;
            steps.push(match &event {
                Event::Command(command) => {
                    Step::Guest(layout.add(command, false).expect("a command for memory").command)
                }
                Event::Worker(_) => Step::Worker(event.clone()),
            });
            events.push(event);
        }
        let guest = Guest::new(&layout.slots, &layout.memory);
        let (mut plain, mut parsed, mut alone) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(timed(|| {
                let mut engine = engine();
                for event in &events {
                    let _ = black_box(engine.submit(event));
                }
                black_box(engine.has_primary());
            }));
            parsed.push(timed(|| {
                let mut engine = engine();
                for step in &steps {
                    match step {
                        Step::Guest(command) => {
                            let parsed = guest.parse(command);
                            let command = parsed.command.expect("a good command");
                            let _ = black_box(engine.submit(&Event::Command(command)));
                            drop(black_box(parsed.release));
                        }
                        Step::Worker(event) => {
                            let _ = black_box(engine.submit(event));
                        }
                    }
                }
                black_box(engine.has_primary());
            }));
            alone.push(timed(|| {
                for step in &steps {
                    if let Step::Guest(command) = step {
                        let _ = black_box(guest.parse(command));
                    }
                }
            }));
        }
        let ratio = median(parsed.iter().zip(&plain).map(|(b, a)| b / a).collect());
        let (plain, parsed, alone) = (median(plain), median(parsed), median(alone));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!(
            "{name:<24} {:>8} {plain:>6.1} ms {parsed:>6.1} ms {alone:>6.1} ms {ratio:>7.3}",
            steps.len()
        );
        ratios.push(ratio);
        sums = [sums[0] + plain, sums[1] + parsed];
    }
    println!("median ratio {:.3}; ratio of the sums {:.3}", median(ratios), sums[1] / sums[0]);
}
