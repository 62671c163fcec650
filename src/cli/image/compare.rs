//! `spice-render image compare`.

use super::super::{At, Outcome};
use super::read_png;
use spice_render::images::compare;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Tell what every codec makes of some pictures: size, ratio, speed of encoding and decoding.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  spice-render image compare shots/*.png\n\n\
                        Speeds are of one thread, in decimal MB of 32-bit pixels a second, and in times of\n\
                        copying the pixels in memory. The pictures are one sequence for GLZ.")]
pub(crate) struct Args {
    /// The pictures.
    #[arg(required = true, value_name = "FILE.png")]
    files: Vec<PathBuf>,
    /// JPEG quality, 1 to 100.
    #[arg(long, default_value_t = 85, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Milliseconds to time each codec for, at least; slow ones take longer.
    #[arg(long, default_value_t = 200)]
    time: u64,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args) -> Outcome {
    let pictures = args.files.iter().map(|p| read_png(p)).collect::<Result<Vec<_>, At>>()?;
    let table = compare(&pictures, args.quality, Duration::from_millis(args.time))?;
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &table).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{table}")?;
    }
    out.flush()?;
    Ok(())
}
