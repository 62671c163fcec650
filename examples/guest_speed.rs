//! What parsing a guest's memory adds to submitting: `cargo run --release --features testing --example guest_speed --
//! FILE...`, recordings.
//!
//! A whole recording is laid out in memory first. Then the same events are submitted to an engine in turns: as they were
//! recorded, *ready* before the clock starts; each *copied* into memory of its own first, as whoever makes commands out
//! of anything has to; and as they are *parsed* from memory. The parser cannot do without that copy: the guest goes on
//! writing. CPU time of this thread, medians of the rounds, as ratios: parsed to ready, and parsed to copied.
//!
//! That is done thrice: for an engine of which nobody wants anything (which draws next to nothing: what is not seen is
//! not drawn); for one whose screen is looked at 30 times a second of the recording; and for one with a client that is
//! sent all, as fast as it comes.

use spice_render::capture::{self, Limits};
use spice_render::client::profile::Profile;
use spice_render::engine::{ClientOptions, Engine, Options};
use spice_render::graph::Execution;
use spice_render::qxl::guest::testing::{Chunking, Layout, own_copy};
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

fn submit(engine: &mut Engine, event: &Event) {
    let _ = black_box(engine.submit(event));
}

fn submit_copied(engine: &mut Engine, event: &Event) {
    match event {
        Event::Command(command) => submit(engine, &Event::Command(own_copy(command))),
        Event::Worker(_) => submit(engine, event),
    }
}

fn submit_parsed(engine: &mut Engine, step: &Step, guest: &Guest<'_, impl GuestMemory>) {
    match step {
        Step::Guest(command) => {
            let parsed = guest.parse(command);
            submit(engine, &Event::Command(parsed.command.expect("a good command")));
            drop(black_box(parsed.release));
        }
        Step::Worker(event) => submit(engine, event),
    }
}

fn main() {
    spice_render::memory::keep_freed();
    println!(
        "recording                commands  parse us      nobody looks           screen              client"
    );
    let mut ratios = [const { [Vec::new(), Vec::new()] }; 3];
    let mut sums = [[0.0; 3]; 3];
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
            let mut times_of = [const { Vec::new() }; 3];
            for _ in 0..ROUNDS {
                times_of[0].push(timed(|| run(&times, looks, |engine, i| submit(engine, &events[i]))));
                times_of[1].push(timed(|| run(&times, looks, |engine, i| submit_copied(engine, &events[i]))));
                times_of[2]
                    .push(timed(|| run(&times, looks, |engine, i| submit_parsed(engine, &steps[i], &guest))));
            }
            let [ready, copied, parsed] = times_of.map(median);
            print!("  {ready:>7.1} ms {:>5.2} {:>5.2}", parsed / ready, parsed / copied);
            ratios[i][0].push(parsed / ready);
            ratios[i][1].push(parsed / copied);
            sums[i] = [sums[i][0] + ready, sums[i][1] + copied, sums[i][2] + parsed];
        }
        println!();
    }
    print!("median of the ratios                       ");
    for [to_ready, to_copied] in ratios {
        print!("            {:>5.2} {:>5.2}", median(to_ready), median(to_copied));
    }
    print!("\nratio of the sums                          ");
    for [ready, copied, parsed] in sums {
        print!("  {ready:>7.1} ms {:>5.2} {:>5.2}", parsed / ready, parsed / copied);
    }
    println!();
}
