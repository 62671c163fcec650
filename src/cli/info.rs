//! `spice-render info`.

use super::{Outcome, at, report, stats, truncation};
use spice_raster::Raster;
use spice_render::capture::{self, Limits};
use spice_render::replay::Replay;
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
    /// Draw it too, and tell how much the render graph was asked for, drew, culled and trimmed for the last picture.
    #[arg(long)]
    graph: bool,
    /// Refuse a capture that ends in the middle of an event.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(args: Args) -> Outcome {
    let path = &args.capture;
    if args.graph {
        return graph(&args);
    }
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

/// What the graph does for the last picture.
fn graph(args: &Args) -> Outcome {
    let path = &args.capture;
    let reader = capture::open(path, Limits::default()).map_err(|e| at(path, e))?;
    let mut replay = Replay::new(reader, Raster::new(), spice_render::draw::Limits::default());
    replay.run(None).map_err(|e| at(path, e))?;
    if let Some(t) = replay.truncated() {
        let what = at(path, truncation(&t));
        if args.strict {
            return Err(what.into());
        }
        report("warning", &what.to_string());
    }
    replay.surface(0).map_err(|e| at(path, e))?;
    let text = match args.json {
        true => stats::as_json(replay.stats(), None).to_string() + "\n",
        false => stats::as_text(replay.stats(), None),
    };
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
