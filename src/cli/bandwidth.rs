//! `spice-render bandwidth`.

use super::{At, Outcome, at, picture, profiles, progress::Progress, report, truncation};
use rayon::prelude::*;
use spice_render::capture::{self, Reader};
use spice_render::client::profile::Profile;
use spice_render::report::bandwidth::{self, Baselines, Case, LinkModel, Row, Run, Settings};
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};

/// Tell what captures cost in bytes: play them to clients over simulated links.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  spice-render bandwidth --client spice-gtk,images-only testdata/captures/xterm.rec.zst\n  \
                        spice-render bandwidth --client spice-html5 --link wan,2000:80 -o report.html *.rec.zst\n  \
                        spice-render bandwidth --client mine.toml --lossless --json session.rec | jq '.[].bytes'\n\n\
                        Links: lan is 100000:1, wan 8000:40, adsl 2000:60 (kbit/s, and milliseconds there and back).\n\
                        Bytes count until everything is exact again, one idle second after the end."
)]
pub(crate) struct Args {
    /// Recordings, plain or compressed with zstd, gzip, xz or lz4; `-` is standard input.
    #[arg(required = true)]
    captures: Vec<PathBuf>,
    /// Built-in profiles (see `spice-render profiles`) or files.
    #[arg(long, value_name = "NAME|FILE.toml", required = true, value_delimiter = ',')]
    client: Vec<String>,
    /// The ways to the clients: `lan`, `wan`, `adsl`, or kbit/s and the milliseconds there and back.
    #[arg(long, value_name = "lan|wan|adsl|KBIT:RTT_MS", default_value = "lan", value_delimiter = ',')]
    link: Vec<LinkModel>,
    /// Never use JPEG. Without this, photos may come as JPEG first where the link is slow.
    #[arg(long)]
    lossless: bool,
    /// Flushes for each recorded second, 0.01 to 1000.
    #[arg(long, value_name = "N", default_value_t = 30.0, value_parser = fps)]
    fps: f64,
    /// Print one JSON array, an object for each capture, client and link.
    #[arg(long)]
    json: bool,
    /// Write a page with everything, for a browser; it needs no network.
    #[arg(short, value_name = "FILE.html")]
    output: Option<PathBuf>,
}

fn fps(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|n| (0.01..=1000.0).contains(n));
    number.ok_or_else(|| "must be a number from 0.01 to 1000".into())
}

/// Where a capture is read from, as often as it is wanted.
enum Input<'a> {
    File(&'a Path),
    /// Standard input.
    Held(Vec<u8>),
}

impl Input<'_> {
    fn open(&self) -> Result<Reader<Box<dyn Read + Send + '_>>, capture::Error> {
        let limits = capture::Limits::default();
        match self {
            Self::File(path) => capture::open(path, limits),
            Self::Held(bytes) => Reader::sniffed(Cursor::new(bytes), limits),
        }
    }
}

/// What is measured at a time.
enum Job<'a> {
    Baselines,
    Client(&'a Profile, &'a LinkModel),
}

enum Done {
    Baselines(Baselines),
    Run(Box<Run>),
}

pub(crate) fn run(args: Args) -> Outcome {
    let clients = args.client.iter().map(|name| profiles::load(name)).collect::<Result<Vec<_>, At>>()?;
    let settings = Settings { lossless: args.lossless, fps: args.fps };
    let mut inputs = Vec::new();
    for path in &args.captures {
        inputs.push(match path.as_os_str() == "-" {
            true => {
                let mut bytes = Vec::new();
                io::stdin().lock().read_to_end(&mut bytes).map_err(|e| at(path, e))?;
                Input::Held(bytes)
            }
            false => Input::File(path),
        });
    }
    let jobs: Vec<(usize, Job<'_>)> = (0..inputs.len())
        .flat_map(|i| {
            let clients = clients.iter().flat_map(|c| args.link.iter().map(move |l| Job::Client(c, l)));
            [Job::Baselines].into_iter().chain(clients).map(move |job| (i, job))
        })
        .collect();
    let progress = Progress::steps(jobs.len());
    let one = |(i, job): &(usize, Job<'_>)| {
        let reader = inputs[*i].open().map_err(|e| e.to_string())?;
        let done = match job {
            Job::Baselines => {
                bandwidth::baselines(reader, &settings).map(Done::Baselines).map_err(|e| e.to_string())
            }
            Job::Client(profile, link) => bandwidth::play(reader, profile, link, &settings)
                .map(|run| Done::Run(run.into()))
                .map_err(|e| e.to_string()),
        };
        progress.step();
        done
    };
    let mut done = jobs.par_iter().map(one).collect::<Vec<Result<Done, String>>>().into_iter();
    progress.finish();
    let mut cases = Vec::new();
    let mut failed = false;
    for path in &args.captures {
        let mut results = done.by_ref().take(1 + clients.len() * args.link.len());
        let name = picture::name_of(path).to_string_lossy().into_owned();
        let baselines = match results.next() {
            Some(Ok(Done::Baselines(b))) => b,
            other => {
                if let Some(Err(e)) = other {
                    report("error", &at(path, e).to_string());
                }
                failed = true;
                results.for_each(drop);
                continue;
            }
        };
        let names = clients.iter().flat_map(|c| args.link.iter().map(move |l| (c, l)));
        let mut warned = false;
        for ((client, link), result) in names.zip(results) {
            let run = match result {
                Ok(Done::Run(run)) => *run,
                Ok(Done::Baselines(_)) => continue,
                Err(e) => {
                    report(
                        "error",
                        &at(path, format!("client {}, link {}: {e}", client.name, link.name)).to_string(),
                    );
                    failed = true;
                    continue;
                }
            };
            if let Some(t) = run.truncated.filter(|_| !std::mem::replace(&mut warned, true)) {
                report("warning", &at(path, truncation(&t)).to_string());
            }
            if !run.last.is_none() {
                let what =
                    format!("client {}, link {}: the last picture is not exact", client.name, link.name);
                report("warning", &at(path, what).to_string());
            }
            let (capture, client, link) = (name.clone(), client.name.clone(), link.clone());
            cases.push(Case { capture, client, link, run, baselines });
        }
    }
    if let Some(file) = &args.output {
        std::fs::write(file, bandwidth::html(&cases)).map_err(|e| at(file, e))?;
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        let rows: Vec<Row> = cases.iter().map(Row::of).collect();
        serde_json::to_writer_pretty(&mut out, &rows).map_err(io::Error::from)?;
        writeln!(out)?;
    } else if !cases.is_empty() {
        write!(out, "{}", bandwidth::table(&cases))?;
    }
    out.flush()?;
    if failed { Err(super::Reported.into()) } else { Ok(()) }
}
