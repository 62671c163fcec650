//! The commands: what they are called, what they take, and how they end. What they do is the library's.

mod animate;
mod bandwidth;
mod frames;
mod image;
mod info;
mod overlay;
mod picture;
mod profiles;
mod progress;
mod record;
mod render;
mod screenshot;
mod serve;
mod stats;

use clap::{Parser, Subcommand};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Replays recorded SPICE/QXL drawing commands.
#[derive(Parser)]
#[command(name = "spice-render", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// One file per verb.
#[derive(Subcommand)]
enum Verb {
    Image(image::Args),
    Render(render::Args),
    Info(info::Args),
    Bandwidth(bandwidth::Args),
    Profiles(profiles::Args),
    Serve(serve::Args),
    Screenshot(screenshot::Args),
    Record(record::Args),
}

/// Runs the program on its arguments. Exit codes: 0 done, 1 bad input, 2 bad usage (which clap sees to).
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.verb {
        Verb::Render(args) => render::run(args),
        Verb::Image(args) => image::run(args),
        Verb::Info(args) => info::run(args),
        Verb::Bandwidth(args) => bandwidth::run(args),
        Verb::Profiles(args) => profiles::run(args),
        Verb::Serve(args) => serve::run(args),
        Verb::Screenshot(args) => screenshot::run(args),
        Verb::Record(args) => record::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) if closed(e.as_ref()) => ExitCode::SUCCESS,
        Err(e) if e.is::<Reported>() => ExitCode::from(1),
        Err(e) => {
            report("error", &e.to_string());
            ExitCode::from(1)
        }
    }
}

/// What a verb gives.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Whether whoever reads our output went away, as `head` does: no reason to complain.
fn closed(e: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// A line on standard error, `spice-render: error: ...`; nobody to read it is no error.
pub(crate) fn report(severity: &str, text: &str) {
    let _ = writeln!(io::stderr(), "spice-render: {severity}: {text}");
}

/// Something went wrong with one capture.
#[derive(Debug)]
pub(crate) struct At(pub(crate) String);

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for At {}

/// Something went wrong, and the user was told.
#[derive(Debug)]
pub(crate) struct Reported;

impl std::fmt::Display for Reported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("already reported")
    }
}

impl std::error::Error for Reported {}

/// `e` with the capture's name before it.
pub(crate) fn at(path: &Path, e: impl std::fmt::Display) -> At {
    At(format!("{}: {e}", path.display()))
}

/// What a truncated capture is told to the user as.
pub(crate) fn truncation(t: &spice_render::capture::Truncation) -> String {
    let container = if t.container { "the compressed file breaks off, " } else { "" };
    match t.event {
        Some(event) => format!("{container}event {event} at byte {} is incomplete", t.offset),
        None => format!("{container}nothing follows byte {}", t.offset),
    }
}
