//! `spice-render features`.

use super::Outcome;
use serde_json::json;
use spice_render::features::{Features, features};
use std::io::{self, Write};

/// Tell what this build and this machine have: codecs, protocol versions, inputs, parts, SIMD.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  spice-render features --json | jq .features.\\\"simd-avx2\\\"")]
pub(crate) struct Args {
    /// Print JSON: the mask of all, and each with whether it is there.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args) -> Outcome {
    let here = features();
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        let each: serde_json::Map<_, _> = Features::NAMES
            .iter()
            .map(|(feature, name)| ((*name).to_owned(), here.contains(*feature).into()))
            .collect();
        let version = env!("CARGO_PKG_VERSION");
        let mask = format!("{:#018x}", here.bits());
        writeln!(out, "{:#}", json!({ "version": version, "mask": mask, "features": each }))?;
    } else {
        writeln!(out, "{:#018x}", here.bits())?;
        for (_, name) in here.named() {
            writeln!(out, "{name}")?;
        }
    }
    out.flush()?;
    Ok(())
}
