//! `spice-render info`.

use super::{Outcome, at, report, truncation};
use spice_render::capture::{self, Limits};
use spice_render::report::Summary;
use std::io::{self, Write};
use std::path::PathBuf;

/// Tell what is in a capture: time, sizes, and how many of each kind of everything.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  spice-render info testdata/captures/xterm.rec.zst\n  \
                        spice-render info --json session.rec | jq .operations")]
pub(crate) struct Args {
    /// The recording, plain or compressed with zstd, gzip, xz or lz4; `-` is standard input.
    capture: PathBuf,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Refuse a capture that ends in the middle of an event.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(args: Args) -> Outcome {
    let path = &args.capture;
    let mut reader = capture::open(path, Limits::default()).map_err(|e| at(path, e))?;
    let summary = Summary::collect(&mut reader).map_err(|e| at(path, e))?;
    if let Some(t) = reader.truncated() {
        let what = truncation(&t);
        if args.strict {
            return Err(at(path, what).into());
        }
        report("warning", &at(path, what).to_string());
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        serde_json::to_writer_pretty(&mut out, &summary).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{summary}")?;
    }
    out.flush()?;
    Ok(())
}
