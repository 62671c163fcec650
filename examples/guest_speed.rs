//! What parsing a guest's memory adds to submitting: `cargo run --release --features testing --example guest_speed --
//! FILE...`, recordings.
//!
//! A whole recording is laid out in memory first. Then the same events are submitted to an engine as they were recorded,
//! and as they are parsed from memory, in turns; CPU time of this thread, medians of the rounds. That is done thrice: for
//! an engine of which nobody wants anything (which draws next to nothing: what is not seen is not drawn); for one whose
//! screen is looked at 30 times a second of the recording; and for one with a client that is sent all, as fast as it comes.

use spice_render::capture::{self, Limits};
use spice_render::client::profile::Profile;
use spice_render::engine::{ClientOptions, Engine, Options};
use spice_render::graph::Execution;
use spice_render::qxl::guest::testing::{Chunking, Layout};
use spice_render::qxl::guest::{Guest, GuestCommand, GuestMemory};
use spice_render::qxl::testing::Rng;
use spice_render::qxl::{Event, Rect};
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

const ROUNDS: usize = 5;
/// A sample lasts at least this long: the clock has ticks of 4 ms.
const SAMPLE_MS: f64 = 150.0;

enum Step {
    Guest(GuestCommand),
    Worker(Event),
}

/// Who looks on.
#[derive(Clone, Copy, PartialEq)]
enum Looks {
    Nobody,
    Screen,
    Client,
}

/// CPU time of the main thread, in milliseconds.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux's /proc");
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).expect("a number") / 1e6
}

/// CPU time of one call of `f`, by as many as fill a sample.
fn timed(mut f: impl FnMut()) -> f64 {
    let start = cpu_ms();
    for count in 1.. {
        f();
        let spent = cpu_ms() - start;
        if spent > SAMPLE_MS {
            return spent / f64::from(count);
        }
    }
    unreachable!()
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Feeds an engine. `submit` gets each event's number.
fn run(times: &[u64], looks: Looks, mut submit: impl FnMut(&mut Engine, usize)) {
    // All on this thread, whose time is measured.
    let execution = Execution { threads: 1, inline_pixels: u64::MAX, ..Execution::default() };
    let mut engine = Engine::new(Options { execution, ..Options::default() });
    let gtk = Profile::builtin("spice-gtk").expect("it is built in");
    let client = (looks == Looks::Client).then(|| engine.connect(ClientOptions::new(gtk)));
    let all = Rect { left: 0, top: 0, right: i32::MAX, bottom: i32::MAX };
    let mut next = 0;
    for (i, time) in times.iter().enumerate() {
        submit(&mut engine, i);
        if *time >= next || i + 1 == times.len() {
            next = time + 33_000_000;
            match client {
                Some(client) => drop(black_box(engine.poll(client, Duration::from_nanos(*time), usize::MAX))),
                None if looks == Looks::Screen => drop(black_box(engine.update_area(0, all))),
                None => {}
            }
        }
    }
}

fn submit_parsed(engine: &mut Engine, step: &Step, guest: &Guest<'_, impl GuestMemory>) {
    match step {
        Step::Guest(command) => {
            let parsed = guest.parse(command);
            let _ = black_box(engine.submit(&Event::Command(parsed.command.expect("a good command"))));
            drop(black_box(parsed.release));
        }
        Step::Worker(event) => drop(black_box(engine.submit(event))),
    }
}

fn main() {
    spice_render::memory::keep_freed();
    println!("recording                commands  parse us   nobody looks      screen         client");
    let mut ratios = [const { Vec::new() }; 3];
    let mut sums = [[0.0; 2]; 3];
    for path in std::env::args().skip(1) {
        let path = Path::new(&path);
        let mut layout = Layout::new(Rng(1), Chunking::AsRecorded);
        let (mut events, mut steps, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for record in capture::open(path, Limits::default()).expect("a recording") {
            let record = record.expect("a sound recording");
            steps.push(match &record.event {
                Event::Command(command) => {
                    Step::Guest(layout.add(command, false).expect("a command for memory").command)
                }
                Event::Worker(_) => Step::Worker(record.event.clone()),
            });
            events.push(record.event);
            times.push(record.time_ns);
        }
        let guest = Guest::new(&layout.slots, &layout.memory);
        let alone = timed(|| {
            for step in &steps {
                if let Step::Guest(command) = step {
                    drop(black_box(guest.parse(command)));
                }
            }
        });
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        print!("{name:<24} {:>8} {:>9.0}", steps.len(), alone * 1e3);
        for (i, looks) in [Looks::Nobody, Looks::Screen, Looks::Client].into_iter().enumerate() {
            let (mut plain, mut parsed) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                plain.push(timed(|| {
                    run(&times, looks, |engine, i| drop(black_box(engine.submit(&events[i]))))
                }));
                parsed
                    .push(timed(|| run(&times, looks, |engine, i| submit_parsed(engine, &steps[i], &guest))));
            }
            let ratio = median(parsed.iter().zip(&plain).map(|(b, a)| b / a).collect());
            let (plain, parsed) = (median(plain), median(parsed));
            print!("  {plain:>6.1} ms {ratio:>5.2}");
            ratios[i].push(ratio);
            sums[i] = [sums[i][0] + plain, sums[i][1] + parsed];
        }
        println!();
    }
    print!("median ratio, ratio of the sums           ");
    for (ratios, [plain, parsed]) in ratios.into_iter().zip(sums) {
        print!("     {:>5.2} {:>5.2}", median(ratios), parsed / plain);
    }
    println!();
}
