//! One recording played to one client over one link.

use super::difference::Difference;
use super::link::{LinkModel, Nanos, Pipe};
use crate::capture::{self, Reader};
use crate::client::link::Link;
use crate::client::metrics::ClientMetrics;
use crate::client::profile::Profile;
use crate::draw::to_rgb;
use crate::engine::{ClientId, ClientOptions, Engine, Options};
use crate::graph::Execution;
use crate::qxl::{Command, Event, Rect};
use crate::viewer::{Viewer, ViewerError};
use spice_raster::{Surface, SurfaceRef};
use std::fmt;
use std::io::Read;
use std::time::{Duration, Instant};

/// Times are cut here, so that sums of a few fit.
const LATEST: Nanos = 1 << 61;
/// A link that carried nothing for so long is idle: time to send again what was sent with a loss.
const IDLE: Nanos = 1_000_000_000;
/// Times in a row that a client without new drawings is sent again what is lossy, before that counts as a fault.
const ROUNDS: u32 = 8;

/// How recordings are played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// JPEG is not allowed.
    pub lossless: bool,
    /// Flushes a second, 0.01 to 1000.
    pub fps: f64,
}

impl Settings {
    /// Time between two flushes.
    pub(super) fn period(&self) -> Nanos {
        (1e9 / self.fps.clamp(0.01, 1000.0)) as Nanos
    }
}

/// Why a recording was not played to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlayError {
    /// The recording cannot be read.
    Capture(capture::Error),
    /// The client was sent what it cannot take: a fault of the engine.
    Viewer {
        /// The last event before.
        event: u64,
        /// What is wrong with it.
        error: ViewerError,
    },
}

impl fmt::Display for PlayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capture(e) => e.fmt(f),
            Self::Viewer { event, error } => {
                write!(f, "after event {event} the client refuses a message: {error}")
            }
        }
    }
}

impl std::error::Error for PlayError {}

impl From<capture::Error> for PlayError {
    fn from(e: capture::Error) -> Self {
        Self::Capture(e)
    }
}

/// A picture as a screen shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shot {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// R, G, B bytes, top row first.
    pub rgb: Vec<u8>,
}

impl Shot {
    fn of(surface: SurfaceRef<'_>) -> Self {
        Self { width: surface.width(), height: surface.height(), rgb: to_rgb(surface) }
    }
}

/// CPU time of the server's side, in one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Decoding the guest's images and drawing.
    pub draw: Duration,
    /// Planning and encoding what the client is sent.
    pub encode: Duration,
    /// Taking commands in: resolving them, and the client's books.
    pub filter: Duration,
}

/// What one client was sent.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The client's counters.
    pub metrics: ClientMetrics,
    /// Nanoseconds from the first event to the last.
    pub duration: Nanos,
    /// When bytes were handed to the link, and how many.
    pub sent: Vec<(Nanos, u64)>,
    /// For each drawing command on the screen, the time from the guest's giving it to the client's having it;
    /// ascending.
    pub lags: Vec<Nanos>,
    /// Time spent.
    pub cpu: Cpu,
    /// Flushes after which the client shows the present.
    pub flushes: u64,
    /// Of these, pictures that were not exact.
    pub inexact: u64,
    /// The largest error of any of them.
    pub max_error: u8,
    /// The worst of them.
    pub worst: Difference,
    /// The end, after one idle second of the link.
    pub last: Difference,
    /// The true picture at the end, and the client's.
    pub pictures: Option<(Shot, Shot)>,
    /// The same of the worst flush, where one was not exact.
    pub worst_pictures: Option<(Shot, Shot)>,
    /// Where the recording breaks off.
    pub truncated: Option<capture::Truncation>,
}

impl Run {
    /// Whether every flushed frame and the last picture were exact.
    pub fn is_exact(&self) -> bool {
        self.inexact == 0 && self.last.is_none()
    }
}

/// Plays a recording by its clock to a client of `profile` over `link`. Nothing but [`Run::cpu`] depends on how fast
/// this goes.
///
/// # Errors
/// The recording is wrong, or the client was sent what it cannot take.
pub fn play<R: Read>(
    mut reader: Reader<R>,
    profile: &Profile,
    link: &LinkModel,
    settings: &Settings,
) -> Result<Run, PlayError> {
    reader.discard_unused();
    let mut player = Player::new(profile, link, settings);
    let mut start = None;
    while let Some(record) = reader.next_record()? {
        let time = record.time_ns.saturating_sub(*start.get_or_insert(record.time_ns)).min(LATEST);
        player.event(time.max(player.now), record.number, &record.event)?;
    }
    let mut run = player.finish()?;
    run.truncated = reader.truncated();
    Ok(run)
}

struct Player {
    engine: Engine,
    client: ClientId,
    viewer: Viewer,
    pipe: Pipe,
    period: Nanos,
    now: Nanos,
    event: u64,
    /// The next flush may come at this multiple of the period.
    tick: u64,
    /// The client may lack something.
    stale: bool,
    /// Something was drawn or sent since the pictures were compared.
    changed: bool,
    /// When commands came that the client does not show yet.
    waiting: Vec<Nanos>,
    arrived: Nanos,
    rounds: u32,
    run: Run,
}

impl Player {
    fn new(profile: &Profile, link: &LinkModel, settings: &Settings) -> Self {
        // One thread: what is measured is CPU time then, and recordings are played side by side anyway.
        let execution = Execution { threads: 1, timing: true, ..Execution::default() };
        let mut engine = Engine::new(Options { execution, ..Options::default() });
        let options = ClientOptions::new(profile.clone())
            .link(Link::expecting(link.bits_per_second))
            .lossy(!settings.lossless);
        Self {
            client: engine.connect(options),
            engine,
            viewer: Viewer::new(profile.clone()),
            pipe: Pipe::new(link),
            period: settings.period(),
            now: 0,
            event: 0,
            tick: 1,
            stale: true,
            changed: false,
            waiting: Vec::new(),
            arrived: 0,
            rounds: 0,
            run: Run::default(),
        }
    }

    fn event(&mut self, time: Nanos, number: u64, event: &Event) -> Result<(), PlayError> {
        while let Some(at) = self.next_flush().filter(|at| *at <= time) {
            self.flush(at)?;
        }
        (self.now, self.event, self.run.duration) = (time, number, time);
        let drawn = self.drawing();
        let start = Instant::now();
        // What is refused draws nothing.
        let accepted = self.engine.submit(event).is_ok();
        let took = start.elapsed();
        let drawn = self.drawing() - drawn;
        self.run.cpu.draw += drawn;
        self.run.cpu.filter += took.saturating_sub(drawn);
        match event {
            Event::Command(Command::Drawable(d)) if accepted && d.surface_id == 0 => {
                if self.engine.has_primary() {
                    self.waiting.push(time);
                    (self.stale, self.changed, self.rounds) = (true, true, 0);
                }
            }
            Event::Command(Command::Drawable(_)) => {}
            _ => self.stale |= self.engine.is_waiting(self.client),
        }
        Ok(())
    }

    /// Time that the graph has spent.
    fn drawing(&self) -> Duration {
        let times = self.engine.graph().stats().times;
        times.graph + times.decode + times.draw
    }

    /// Bytes wait on the link no longer than two flushes take.
    fn window(&self) -> Nanos {
        self.period.saturating_mul(2)
    }

    /// When the next flush has something to do.
    fn next_flush(&self) -> Option<Nanos> {
        let at = if self.stale {
            self.pipe.room_from(self.window())
        } else if self.engine.is_lossy(self.client) && self.rounds < ROUNDS {
            self.pipe.quiet_from().saturating_add(IDLE)
        } else {
            return None;
        };
        let tick = self.tick.max(at.max(self.now).div_ceil(self.period));
        Some(tick.saturating_mul(self.period))
    }

    fn flush(&mut self, now: Nanos) -> Result<(), PlayError> {
        (self.now, self.tick) = (now, now / self.period + 1);
        while let Some((at, total)) = self.pipe.acknowledged(now) {
            self.engine.acknowledged(self.client, Duration::from_nanos(at), total);
        }
        if !self.stale {
            self.engine.idle(self.client);
            self.rounds += 1;
        }
        let room = self.pipe.room(now, self.window());
        let budget = usize::try_from(room).unwrap_or(usize::MAX).clamp(1, usize::MAX / 2);
        let drawn = self.drawing();
        let start = Instant::now();
        let messages = self.engine.poll(self.client, Duration::from_nanos(now), budget);
        let took = start.elapsed();
        let drawn = self.drawing() - drawn;
        self.run.cpu.draw += drawn;
        self.run.cpu.encode += took.saturating_sub(drawn);
        let mut bytes = 0;
        for message in &messages {
            bytes += message.len() as u64;
            self.arrived = self.pipe.send(now, message.len() as u64);
            let seen = self.viewer.receive(message);
            seen.map_err(|error| PlayError::Viewer { event: self.event, error })?;
        }
        for reply in self.viewer.replies() {
            self.engine.receive(self.client, &reply);
        }
        if bytes > 0 {
            self.run.sent.push((now, bytes));
            self.changed = true;
        }
        self.stale = !messages.is_empty() && self.engine.is_waiting(self.client);
        if !self.stale {
            let shown = self.arrived.max(now);
            self.run.lags.extend(self.waiting.drain(..).map(|since| shown - since));
            if std::mem::take(&mut self.changed) {
                self.compare();
            }
        }
        Ok(())
    }

    fn compare(&mut self) {
        let truth = truth(&mut self.engine);
        let shown = self.viewer.primary().map(Surface::view);
        let difference = Difference::of(shown, truth);
        self.run.flushes += 1;
        self.run.inexact += u64::from(!difference.is_none());
        self.run.max_error = self.run.max_error.max(difference.max_error);
        if difference.is_worse(&self.run.worst) {
            self.run.worst = difference;
            self.run.worst_pictures = truth.zip(shown).map(|(t, s)| (Shot::of(t), Shot::of(s)));
        }
    }

    /// Sends what is left, and after an idle second what was lossy.
    fn finish(mut self) -> Result<Run, PlayError> {
        while let Some(at) = self.next_flush() {
            self.flush(at)?;
        }
        let truth = truth(&mut self.engine);
        let shown = self.viewer.primary().map(Surface::view);
        self.run.last = Difference::of(shown, truth);
        self.run.pictures = truth.zip(shown).map(|(t, s)| (Shot::of(t), Shot::of(s)));
        self.run.metrics = self.engine.metrics(self.client).cloned().unwrap_or_default();
        self.run.lags.sort_unstable();
        Ok(self.run)
    }
}

/// The screen, if there is one.
fn truth(engine: &mut Engine) -> Option<SurfaceRef<'_>> {
    const EVERYTHING: Rect = Rect { left: 0, top: 0, right: i32::MAX, bottom: i32::MAX };
    if engine.has_primary() { engine.update_area(0, EVERYTHING) } else { None }
}
