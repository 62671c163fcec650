//! `spice-render screenshot`.

use super::picture::Picture;
use super::{At, Outcome, at, report};
use spice_raster::Raster;
use spice_render::draw::{Cursor, Limits, Renderer};
use spice_render::session::{Notice, Options, Session, Translator};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Show what a SPICE server shows: its screen as PNG.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  spice-render screenshot spice://localhost:5900 -o guest.png\n  \
                        spice-render screenshot spice://host:5900 --password secret --wait 5000 -o later.png")]
pub(crate) struct Args {
    /// The server.
    #[arg(value_name = "spice://HOST:PORT")]
    server: String,
    /// The picture to write.
    #[arg(short, value_name = "FILE.png", default_value = "screenshot.png")]
    output: PathBuf,
    /// The server's password.
    #[arg(long, default_value = "", hide_default_value = true)]
    password: String,
    /// When to take the picture: once the server has been silent for a second (idle), or after so many milliseconds.
    #[arg(long, value_name = "idle|MS", default_value = "idle")]
    wait: Wait,
    /// Give up waiting for silence after so many seconds, and take the picture as it is.
    #[arg(long, value_name = "S", default_value_t = 60)]
    patience: u64,
    /// Draw the mouse pointer too.
    #[arg(long)]
    cursor: bool,
}

#[derive(Clone, Copy)]
enum Wait {
    Idle,
    For(Duration),
}

impl std::str::FromStr for Wait {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "idle" => Ok(Self::Idle),
            _ => s
                .parse()
                .map(|ms| Self::For(Duration::from_millis(ms)))
                .map_err(|_| "neither idle nor milliseconds"),
        }
    }
}

/// `HOST:PORT` of `spice://HOST:PORT`; what has no port gets SPICE's usual one.
pub(crate) fn address(url: &str) -> Result<String, At> {
    let rest = match url.split_once("://") {
        Some(("spice", rest)) => rest.trim_end_matches('/'),
        Some((scheme, _)) => return Err(At(format!("{url}: {scheme}:// is not supported, only spice://"))),
        None => url,
    };
    let host = rest
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty());
    match host {
        Some(_) => Ok(rest.to_owned()),
        None => Ok(format!("{rest}:5900")),
    }
}

const SILENCE: Duration = Duration::from_secs(1);

pub(crate) fn run(args: Args) -> Outcome {
    let options = Options { password: args.password.clone(), ..Options::default() };
    let window = u32::try_from(options.display_init.glz_dictionary_window_size).unwrap_or(0);
    let host = address(&args.server)?;
    let mut session = Session::connect(&host, options).map_err(|e| At(format!("{}: {e}", args.server)))?;
    let mut translator = Translator::new(window);
    let mut renderer = Renderer::new(Raster::new(), Limits::default());
    let mut cursor = Cursor::default();
    let begin = Instant::now();
    let (mut refused, mut failed) = (0u64, 0u64);
    loop {
        let wait = match args.wait {
            Wait::Idle if begin.elapsed().as_secs() >= args.patience => break,
            // Nothing at all within the time that a handshake may take: then there is nothing.
            Wait::Idle if renderer.surface(0).is_none() => Duration::from_secs(15),
            Wait::Idle => SILENCE,
            Wait::For(time) => match time.checked_sub(begin.elapsed()) {
                Some(left) => left,
                None => break,
            },
        };
        let notice = session.next(wait).map_err(|e| At(format!("{}: {e}", args.server)))?;
        let Some(notice) = notice else { break };
        match notice {
            Notice::Display(message) => {
                let draw = |event| refused += u64::from(renderer.event(&event).is_err());
                if let Err(e) = translator.display(&message, draw) {
                    failed += 1;
                    if failed <= 5 {
                        report("warning", &format!("{}: {e}", args.server));
                    }
                }
            }
            Notice::Cursor(message) => {
                if let Some(command) = translator.cursor(&message) {
                    cursor.command(&command);
                }
            }
            Notice::Notify(text) => report("note", &format!("{}: {text}", args.server)),
            Notice::Closed => break,
        }
    }
    if refused + failed > 0 {
        let what =
            format!("{}: {refused} operations made no sense, {failed} could not be decoded", args.server);
        report("warning", &what);
    }
    let surface = renderer
        .surface(0)
        .or(renderer.last_primary())
        .ok_or_else(|| At(format!("{}: the server shows nothing", args.server)))?;
    let mut picture = Picture::new(surface.view(), true);
    if args.cursor {
        picture.draw_cursor(&cursor);
    }
    picture.save(&args.output).map_err(|e| at(&args.output, e).into())
}
