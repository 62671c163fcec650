//! `spice-render render`.

use super::animate;
use super::frames::{self, Frames, Pace};
use super::overlay::Overlay;
use super::picture::{self, Picture};
use super::stats::{self, Phases};
use super::{At, Outcome, at, progress::Progress, report, truncation};
use rayon::prelude::*;
use spice_raster::Raster;
use spice_render::draw::Limits;
use spice_render::graph::Execution;
use spice_render::replay::Replay;
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Render captures to PNG: the screen as the guest drew it.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  spice-render render testdata/captures/xterm.rec.zst        # writes xterm.png\n  \
                        spice-render render --at 1200 --cursor -o half-way.png session.rec\n  \
                        spice-render render *.rec.zst -o pictures/\n  \
                        spice-render render --animate session.gif --fps 5 session.rec\n  \
                        spice-render render --frames frames/ --overlay ops session.rec\n  \
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
    /// Write a picture of every frame into this folder: 000000.png and on. Each of several captures gets a folder
    /// of its name in it.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["surface", "output"])]
    frames: Option<PathBuf>,
    /// Write a moving picture.
    #[arg(long, value_name = "FILE.apng|FILE.gif", conflicts_with_all = ["surface", "output", "frames"])]
    animate: Option<PathBuf>,
    /// Frames per recorded second [default: 30, of a moving picture 10].
    #[arg(long, value_name = "N", conflicts_with = "every", value_parser = positive)]
    fps: Option<f64>,
    /// A frame after so many events.
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
    /// How many times as fast a moving picture is as the recording.
    #[arg(long, value_name = "F", default_value_t = 1.0, requires = "animate", value_parser = positive)]
    speed: f64,
    /// Outline what was drawn since the frame before (in one picture: since the last thirtieth of a second, or
    /// what --fps or --every say), coloured by operation.
    #[arg(long, value_enum, conflicts_with = "surface")]
    overlay: Option<Overlay>,
    /// Tell what was drawn and what was not, and where the time went.
    #[arg(long)]
    stats: bool,
    /// With --stats: as one JSON object for each capture.
    #[arg(long, requires = "stats")]
    json: bool,
}

/// A number above zero.
fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| "must be a number above zero".into())
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
    let reader = progress.open(capture)?;
    let execution = Execution { timing: args.stats, ..Execution::once() };
    let mut replay = Replay::with_execution(reader, raster, Limits::default(), execution);
    let mut phases = Phases::default();
    let by_frames = args.frames.is_some() || args.animate.is_some() || args.overlay.is_some();
    let mut picture = None;
    if by_frames {
        let pace = match (args.every, args.fps) {
            (Some(events), _) => Pace::Every(events),
            (None, Some(fps)) => Pace::PerSecond(fps),
            (None, None) => Pace::PerSecond(if args.animate.is_some() { 10.0 } else { 30.0 }),
        };
        // Several captures are each other's company.
        let helpers = match args.captures.len() {
            1 => std::thread::available_parallelism().map_or(0, |n| n.get() - 1),
            _ => 0,
        };
        let mut frames = Frames::new(replay, pace, args.at, args.cursor, args.overlay);
        phases.encode = match (&args.frames, &args.animate) {
            (Some(_), _) => frames::write(&mut frames, output, helpers)?,
            (None, Some(file)) => animate::write(&mut frames, file, args.speed)?,
            (None, None) => {
                // The last frame that changed something.
                while let Some(frame) = frames.next_changed()? {
                    picture = Some(frame.picture);
                }
                Duration::ZERO
            }
        };
        replay = frames.replay;
    } else {
        replay.run(args.at)?;
    }
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
    if args.frames.is_none() && args.animate.is_none() {
        let picture = match picture {
            Some(picture) => picture,
            None => {
                let surface = replay.surface(args.surface)?;
                let surface = surface
                    .ok_or_else(|| At(format!("surface {} does not exist at this point", args.surface)))?;
                let mut picture = Picture::new(surface.view(), args.surface == 0);
                if args.cursor {
                    picture.draw_cursor(replay.cursor());
                }
                Arc::new(picture)
            }
        };
        let start = Instant::now();
        picture.save(output).map_err(|e| at(output, e))?;
        phases.encode += start.elapsed();
    }
    if args.stats {
        phases.read = replay.read_time();
        let text = match args.json {
            true => stats::as_json(replay.stats(), Some(phases)).to_string() + "\n",
            false => stats::as_text(replay.stats(), Some(phases)),
        };
        std::io::stdout().lock().write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Where each capture's picture goes, or the folder of its frames.
fn outputs(args: &Args) -> Result<Vec<PathBuf>, At> {
    let several = args.captures.len() > 1;
    if let Some(file) = args.animate.as_ref().filter(|_| several) {
        return Err(at(file, "several captures would be written to this file"));
    }
    if let Some(folder) = args.frames.as_ref().filter(|_| !several) {
        return Ok(vec![folder.clone()]);
    }
    let folder = match args.output.as_ref().or(args.frames.as_ref()) {
        Some(path) if path.is_dir() => path.clone(),
        Some(path) if several || path.as_os_str().to_string_lossy().ends_with('/') => {
            std::fs::create_dir_all(path).map_err(|e| at(path, e))?;
            path.clone()
        }
        Some(file) => return Ok(vec![file.clone()]),
        None => PathBuf::new(),
    };
    let place = |name: PathBuf| if args.frames.is_some() { name } else { name.with_extension("png") };
    let outputs: Vec<PathBuf> =
        args.captures.iter().map(|c| place(folder.join(picture::name_of(c)))).collect();
    let mut seen = HashSet::new();
    match outputs.iter().find(|path| !seen.insert(*path)) {
        Some(twice) => Err(at(twice, "two captures would be written to this")),
        None => Ok(outputs),
    }
}
