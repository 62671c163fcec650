//! `spice-render render`.

use super::picture::{self, Picture};
use super::{At, Outcome, at, progress::Progress, report, truncation};
use rayon::prelude::*;
use spice_raster::Raster;
use spice_render::capture::{self, Reader};
use spice_render::draw::Limits;
use spice_render::replay::Replay;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Render captures to PNG: the screen as the guest drew it.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  spice-render render testdata/captures/xterm.rec.zst        # writes xterm.png\n  \
                        spice-render render --at 1200 --cursor -o half-way.png session.rec\n  \
                        spice-render render *.rec.zst -o pictures/\n  \
                        zcat session.rec.gz | spice-render render - -o session.png"
)]
pub(crate) struct Args {
    /// Recordings, plain or compressed with zstd, gzip, xz or lz4; `-` is standard input.
    #[arg(required = true)]
    captures: Vec<PathBuf>,
    /// The picture to write; a folder if there are several captures. Without it, NAME.png in the current folder.
    #[arg(short, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    /// The surface to show; 0 is the screen.
    #[arg(long, value_name = "ID", default_value_t = 0)]
    surface: u32,
    /// Stop after the event of this number.
    #[arg(long, value_name = "EVENT")]
    at: Option<u64>,
    /// Draw the mouse pointer too.
    #[arg(long)]
    cursor: bool,
    /// Refuse captures that end in the middle of an event.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(args: Args) -> Outcome {
    let outputs = outputs(&args)?;
    let progress = Progress::new(&args.captures);
    let jobs: Vec<(&PathBuf, PathBuf)> = args.captures.iter().zip(outputs).collect();
    let raster = Raster::new();
    let one = |(capture, output): &(&PathBuf, PathBuf)| {
        let rendered = render(&args, raster, capture, output, &progress);
        rendered.map_err(|e| report("error", &at(capture, e).to_string())).is_ok()
    };
    // A single capture must not pay for a pool of threads.
    let done = match &jobs[..] {
        [job] => one(job),
        jobs => jobs.par_iter().map(one).reduce(|| true, |a, b| a & b),
    };
    progress.finish();
    if done { Ok(()) } else { Err(super::Reported.into()) }
}

fn render(args: &Args, raster: Raster, capture: &Path, output: &Path, progress: &Progress) -> Outcome {
    let input = progress.open(capture)?;
    let reader = Reader::sniffed(input, capture::Limits::default())?;
    let mut replay = Replay::new(reader, raster, Limits::default());
    replay.run(args.at)?;
    if let Some(t) = replay.truncated() {
        if args.strict {
            return Err(At(truncation(&t)).into());
        }
        report("warning", &at(capture, truncation(&t)).to_string());
    }
    for id in replay.never_created() {
        let what = format!("surface {id} is used but was never created; it is drawn as black");
        report("warning", &at(capture, what).to_string());
    }
    if let Some(wanted) = args.at.filter(|n| replay.last_event() < Some(*n)) {
        let end = replay.last_event().map_or("it has no event".into(), |n| format!("its last is {n}"));
        return Err(At(format!("there is no event {wanted}: {end}")).into());
    }
    let surface = replay
        .surface(args.surface)
        .ok_or_else(|| At(format!("surface {} does not exist at this point", args.surface)))?;
    let mut picture = Picture::new(surface.view(), args.surface == 0);
    if args.cursor {
        picture.draw_cursor(replay.cursor());
    }
    picture.save(output).map_err(|e| at(output, e).into())
}

/// Where each capture's picture goes.
fn outputs(args: &Args) -> Result<Vec<PathBuf>, At> {
    let several = args.captures.len() > 1;
    let folder = match &args.output {
        Some(path) if path.is_dir() => path.clone(),
        Some(path) if several || path.as_os_str().to_string_lossy().ends_with('/') => {
            std::fs::create_dir_all(path).map_err(|e| at(path, e))?;
            path.clone()
        }
        Some(file) => return Ok(vec![file.clone()]),
        None => PathBuf::new(),
    };
    let outputs: Vec<PathBuf> =
        args.captures.iter().map(|c| folder.join(picture::name_of(c)).with_extension("png")).collect();
    let mut seen = HashSet::new();
    match outputs.iter().find(|path| !seen.insert(*path)) {
        Some(twice) => Err(at(twice, "two captures would be written to this file")),
        None => Ok(outputs),
    }
}
