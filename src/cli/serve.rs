//! `spice-render serve`.

use super::{At, Outcome, at, profiles};
use spice_render::capture::{self, Limits};
use spice_render::server::{LinkModel, Options, Server, Speed, Status};
use std::io::{self, IsTerminal, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Serve a capture to SPICE clients: everyone who connects watches the replay.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  spice-render serve session.rec.zst                 # then: remote-viewer spice://localhost:5900\n  \
                        spice-render serve session.rec.zst --listen 127.0.0.1:5930 --speed max --loop\n  \
                        spice-render serve session.rec.zst --link 2000:80 --password secret\n\n\
                        The same port takes WebSocket clients (spice-html5). The replay begins with the first client."
)]
pub(crate) struct Args {
    /// The capture.
    capture: PathBuf,
    /// Where to listen; only this machine can connect unless another address is named.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5900")]
    listen: String,
    /// What clients are taken for: what they announce (auto), a built-in profile, or a profile in a file.
    #[arg(long, value_name = "auto|NAME|FILE.toml", default_value = "auto")]
    client: String,
    /// What clients must know to connect.
    #[arg(long)]
    password: Option<String>,
    /// As fast as it was recorded, as fast as possible, or so many times as fast.
    #[arg(long, value_name = "recorded|max|F", default_value = "recorded")]
    speed: Speed,
    /// Begin again at the end.
    #[arg(long = "loop")]
    repeat: bool,
    /// Begin before the first client is there.
    #[arg(long)]
    at_once: bool,
    /// Simulate a slow link: thousands of bits per second, and milliseconds there and back.
    #[arg(long, value_name = "KBIT:RTT_MS")]
    link: Option<LinkModel>,
    /// Send clients every operation that they can draw, whatever it costs.
    #[cfg(feature = "testing")]
    #[arg(long, hide = true)]
    pass_everything: bool,
}

pub(crate) fn run(args: Args) -> Outcome {
    let profile = match args.client.as_str() {
        "auto" => None,
        name => Some(profiles::load(name)?),
    };
    let options = Options {
        password: args.password,
        speed: args.speed,
        repeat: args.repeat,
        at_once: args.at_once,
        profile,
        link: args.link,
        #[cfg(feature = "testing")]
        pass_everything: args.pass_everything,
        ..Options::default()
    };
    let listener = TcpListener::bind(&args.listen).map_err(|e| At(format!("{}: {e}", args.listen)))?;
    let server = Server::new(listener, options)?;
    let stop = server.stopper();
    ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed))?;
    let terminal = io::stderr().is_terminal();
    let _ = writeln!(
        io::stderr(),
        "spice-render: serving {} at spice://{}",
        args.capture.display(),
        server.address()
    );
    let (mut before, mut line) = ((Instant::now(), 0), String::new());
    let status = |s: &Status| {
        let seconds = before.0.elapsed().as_secs_f64();
        if seconds < 0.9 {
            return;
        }
        let rate = s.bytes.saturating_sub(before.1) as f64 / seconds / 1e3;
        before = (Instant::now(), s.bytes);
        let end = if s.ended { ", at its end" } else { "" };
        let new = format!(
            "{} clients [{}], {rate:.0} kB/s, {} events{end}, {} ms behind",
            s.clients.len(),
            s.clients.join(" "),
            s.events,
            s.behind.as_millis()
        );
        if new != line && terminal {
            let _ = write!(io::stderr(), "\r\x1b[K{new}");
        }
        line = new;
    };
    let played = server.play(|| capture::open(&args.capture, Limits::default()), status);
    if terminal {
        let _ = writeln!(io::stderr());
    }
    played.map_err(|e| at(&args.capture, e).into())
}
