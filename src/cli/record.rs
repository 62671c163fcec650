//! `spice-render record`.

use super::screenshot::address;
use super::{At, Outcome, at, report};
use spice_render::capture::Writer;
use spice_render::qxl::{Command, Event};
use spice_render::session::{Notice, Options, Session, Translator};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Record what a SPICE server draws, as a capture.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  spice-render record spice://localhost:5900 -o session.rec.zst --duration 60\n  \
                        spice-render render session.rec.zst\n\n\
                        It begins with the picture as it is when the recording starts. Images are decoded, so that the \
                        capture needs no server."
)]
pub(crate) struct Args {
    /// The server.
    #[arg(value_name = "spice://HOST:PORT")]
    server: String,
    /// The capture to write; compressed if its name ends in .zst.
    #[arg(short, value_name = "FILE.rec.zst")]
    output: PathBuf,
    /// The server's password.
    #[arg(long, default_value = "", hide_default_value = true)]
    password: String,
    /// Seconds to record; without it, until the server ends.
    #[arg(long, value_name = "S")]
    duration: Option<f64>,
}

pub(crate) fn run(args: Args) -> Outcome {
    let file = File::create(&args.output).map_err(|e| at(&args.output, e))?;
    if args.output.extension().is_some_and(|e| e == "zst") {
        let encoder = zstd::Encoder::new(file, 3).map_err(|e| at(&args.output, e))?;
        let encoder = record(&args, encoder)?;
        encoder.finish().map_err(|e| at(&args.output, e))?;
    } else {
        record(&args, file)?;
    }
    Ok(())
}

fn record<W: Write>(args: &Args, out: W) -> Result<W, Box<dyn std::error::Error + Send + Sync>> {
    let server = |e: &dyn std::fmt::Display| At(format!("{}: {e}", args.server));
    let mut writer = Writer::new(out).map_err(|e| at(&args.output, e))?;
    let options = Options { password: args.password.clone(), ..Options::default() };
    let window = u32::try_from(options.display_init.glz_dictionary_window_size).unwrap_or(0);
    let mut session = Session::connect(&address(&args.server)?, options).map_err(|e| server(&e))?;
    let mut translator = Translator::new(window);
    let begin = Instant::now();
    let wanted = match args.duration {
        Some(s) => Some(Duration::try_from_secs_f64(s).map_err(|e| At(format!("--duration: {e}")))?),
        None => None,
    };
    let mut lost = 0u64;
    loop {
        let wait = match wanted.map(|w| w.checked_sub(begin.elapsed())) {
            None => Duration::from_secs(3600),
            Some(Some(left)) => left,
            Some(None) => break,
        };
        let notice = match session.next(wait) {
            Ok(Some(notice)) => notice,
            Ok(None) => continue,
            // What was recorded so far is worth keeping.
            Err(e) => {
                report("warning", &server(&e).to_string());
                break;
            }
        };
        let time = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut events = Vec::new();
        match notice {
            Notice::Display(message) => {
                if let Err(e) = translator.display(&message, |event| events.push(event)) {
                    lost += 1;
                    if lost <= 5 {
                        report("warning", &server(&e).to_string());
                    }
                }
            }
            Notice::Cursor(message) => {
                events.extend(translator.cursor(&message).map(|c| Event::Command(Command::Cursor(c))));
            }
            Notice::Notify(text) => report("note", &server(&text).to_string()),
            Notice::Closed => break,
        }
        for event in &events {
            match writer.write(time, event) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::InvalidInput => lost += 1,
                Err(e) => return Err(at(&args.output, e).into()),
            }
        }
    }
    if lost > 0 {
        report("warning", &server(&format!("{lost} operations could not be recorded")).to_string());
    }
    writer.finish().map_err(|e| at(&args.output, e).into())
}
