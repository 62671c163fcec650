//! Programs that nobody here wrote, at the other end of the wire: SPICE's own client library, spice-html5 in Chromium,
//! and libspice-server.
//!
//! Each test says on standard error what it could not do because a peer is not installed (Debian: `.ci/run` names the
//! packages). `SPICE_RENDER_PEERS` says how much is done: `none`; `some` (the default: a few recordings); `every` (every
//! recording, but with one of libspice-server's compressions each); `all`. `SPICE_RENDER_ONLY=part-of-a-name` picks.

#[path = "../corpus/mod.rs"]
mod corpus;
mod gtk;
mod html5;
mod reference;
mod serving;
mod together;

use corpus::Case;
use std::io::Write;
use std::path::PathBuf;

/// Says something that the test harness does not keep for itself.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "peers: {what}");
}

/// How much is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    None,
    Some,
    Every,
    All,
}

fn extent() -> Extent {
    match std::env::var("SPICE_RENDER_PEERS").as_deref() {
        Ok("none") => Extent::None,
        Ok("every") => Extent::Every,
        Ok("all") => Extent::All,
        Ok("some") | Err(_) => Extent::Some,
        Ok(other) => panic!("SPICE_RENDER_PEERS={other} is none of none, some, every, all"),
    }
}

/// Recordings for every day: rops, text, a 16-bit screen, caches, palettes, a screen that changes, a desktop.
const SOME: [&str; 7] = [
    "02-rop3-solid",
    "12-text",
    "16a-primary-555",
    "17a-image-cache",
    "20-quirks",
    "22-primary-change",
    "c_xops_fresh",
];

/// The recordings to be shown, each once.
fn wanted() -> Vec<Case> {
    let only = std::env::var("SPICE_RENDER_ONLY").unwrap_or_default();
    let mut cases = corpus::cases();
    cases.dedup_by(|a, b| a.name == b.name);
    cases.retain(|c| c.name.contains(&only));
    match extent() {
        Extent::None => cases.clear(),
        Extent::Some => cases.retain(|c| SOME.contains(&c.name.as_str())),
        Extent::Every | Extent::All => {}
    }
    cases
}

/// A folder for what the tests write.
fn scratch() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("peers");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Whether a program can be started.
fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// Shows every wanted recording to a peer: `show` is given the number of its thread, that of the recording and the
/// recording, and says what is wrong. `threads` are done side by side.
fn each(threads: usize, peer: &str, show: impl Fn(usize, usize, &Case) -> Result<(), String> + Sync) {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (cases, next, failures) = (wanted(), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (cases, next, failures, show) = (&cases, &next, &failures, &show);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(number) else { return };
                    if let Err(what) = show(thread, number, case) {
                        let line = format!("{}: {what}", case.name);
                        failures.lock().expect("no thread panics with the lock").push(line);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no thread panics with the lock");
    failures.sort();
    assert!(
        failures.is_empty(),
        "{peer} shows {} of {} wrong:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    say(&format!("{peer} shows {} of {0} recordings pixel for pixel", cases.len()));
}
