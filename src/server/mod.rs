//! Just enough of a SPICE server for real clients to watch a capture: link, main, display, cursor and inputs channels,
//! over TCP and WebSocket on one port.
//!
//! One thread owns what draws and plays the capture by its clock; each connection has a thread that reads and one that
//! writes. What a client says is judged by its own thread; what waits for it is bounded, so one that stalls or floods is
//! dropped and nobody else notices.

mod connection;
mod engine;
mod flow;
mod outbox;
mod source;
mod websocket;

pub use outbox::LinkModel;

use crate::capture::Reader;
use crate::client::caps::Announcement;
use crate::client::profile::Profile;
use crate::link::{Error, PasswordTooLong, ServerKey};
use crate::qxl::{Command, CursorCmd, Event, WorkerMessage};
use crate::wire::link::{ChannelType, LinkMessage, LinkStatus, MAX_PASSWORD};
use crate::wire::{ClientMessage, CursorImage, CursorMessage, Framing, ServerMessage};
use bytes::Bytes;
use connection::{Joined, Writer};
use flow::{Flow, WINDOW};
use rsa::rand_core::{OsRng, RngCore};
use source::{ClientId, Source};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How fast a capture is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As fast as it can be drawn.
    Max,
    /// So many times as fast as it was recorded.
    Times(f64),
}

impl std::str::FromStr for Speed {
    type Err = &'static str;

    /// `recorded`, `max`, or a factor above 0.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match (s, s.parse()) {
            ("recorded", _) => Ok(Self::Times(1.0)),
            ("max", _) => Ok(Self::Max),
            (_, Ok(f)) if f > 0.0 && f < 1e9 => Ok(Self::Times(f)),
            _ => Err("not recorded, max or a factor"),
        }
    }
}

/// How a server serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What clients must know; anybody may watch without one.
    pub password: Option<String>,
    /// How fast the capture is played.
    pub speed: Speed,
    /// Whether it begins again at its end.
    pub repeat: bool,
    /// Whether it is played before the first client is there.
    pub at_once: bool,
    /// What every client is taken for; without one, each for what it announces.
    pub profile: Option<Profile>,
    /// A slower link than there is.
    pub link: Option<LinkModel>,
    /// How long a client may take nothing, or owe an answer, before it is dropped.
    pub patience: Duration,
    /// For tests of what clients draw: they get every operation that they can draw, whatever it costs.
    #[cfg(feature = "testing")]
    pub pass_everything: bool,
}

impl Default for Options {
    /// No password, recorded speed, once, from the first client on; half a minute of patience.
    fn default() -> Self {
        let (speed, patience) = (Speed::Times(1.0), Duration::from_secs(30));
        Self {
            password: None,
            speed,
            repeat: false,
            at_once: false,
            profile: None,
            link: None,
            patience,
            #[cfg(feature = "testing")]
            pass_everything: false,
        }
    }
}

/// What goes on, for a status line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What each client of the display channel is taken for.
    pub clients: Vec<String>,
    /// Bytes written on display channels since the start.
    pub bytes: u64,
    /// Events of the capture played.
    pub events: u64,
    /// How late the last one was.
    pub behind: Duration,
    /// Whether the capture is at its end.
    pub ended: bool,
}

/// What the threads of the connections tell the one that draws.
enum Hub {
    Joined(Box<Joined>),
    Display {
        id: u64,
        message: ClientMessage,
    },
    /// On another channel, of what every channel has.
    Other {
        id: u64,
        message: ClientMessage,
    },
    Left {
        id: u64,
    },
}

/// Connections at a time, handshakes included.
const CONNECTIONS: usize = 256;
/// Sessions at a time.
const SESSIONS: usize = 64;
/// Channels of one session.
const CHANNELS: usize = 8;

/// By the session's number, its channels: the connection's number, the type, the stream to shut down.
type Sessions = HashMap<u32, Vec<(u64, ChannelType, TcpStream)>>;

/// What all threads share.
struct Shared {
    options: Options,
    key: ServerKey,
    begin: Instant,
    hub: SyncSender<Hub>,
    next: AtomicU64,
    open: AtomicU64,
    sessions: Mutex<Sessions>,
}

impl Shared {
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn milliseconds(&self) -> u32 {
        self.begin.elapsed().as_millis() as u32
    }

    /// Whether a client may have the channel that it asks for.
    fn wanted(&self, message: &LinkMessage) -> LinkStatus {
        let sessions = self.sessions();
        let known = sessions.get(&message.connection_id);
        match message.channel_type {
            _ if message.channel_id != 0 => LinkStatus::CHANNEL_NOT_AVAILABLE,
            ChannelType::MAIN if sessions.len() >= SESSIONS => LinkStatus::ERROR,
            ChannelType::MAIN => LinkStatus::OK,
            kind @ (ChannelType::DISPLAY | ChannelType::CURSOR | ChannelType::INPUTS) => match known {
                None => LinkStatus::BAD_CONNECTION_ID,
                Some(c) if c.len() >= CHANNELS || c.iter().any(|c| c.1 == kind) => {
                    LinkStatus::CHANNEL_NOT_AVAILABLE
                }
                Some(_) => LinkStatus::OK,
            },
            _ => LinkStatus::CHANNEL_NOT_AVAILABLE,
        }
    }

    /// A channel was linked: the connection's number and the session's.
    fn enter(&self, message: &LinkMessage, stream: &TcpStream) -> Result<(u64, u32), Error> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (kind, stream) = (message.channel_type, stream.try_clone()?);
        let mut sessions = self.sessions();
        let session = match kind {
            ChannelType::MAIN => loop {
                // Not to be guessed: it is all that the other channels need where there is no password.
                let number = OsRng.next_u32();
                if number != 0 && !sessions.contains_key(&number) {
                    break number;
                }
            },
            _ => message.connection_id,
        };
        sessions.entry(session).or_default().push((id, kind, stream));
        Ok((id, session))
    }

    /// A channel ended. The main channel takes all others of the session with it.
    fn leave(&self, id: u64, session: u32, kind: ChannelType) {
        let mut sessions = self.sessions();
        if kind == ChannelType::MAIN {
            for (_, _, stream) in sessions.remove(&session).unwrap_or_default() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        } else if let Some(channels) = sessions.get_mut(&session) {
            channels.retain(|c| c.0 != id);
        }
        drop(sessions);
        let _ = self.tell(Hub::Left { id });
    }

    fn tell(&self, what: Hub) -> Result<(), Error> {
        // The hub is gone when the server ends.
        self.hub.send(what).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe).into())
    }
}

/// A server that listens.
pub struct Server {
    shared: Arc<Shared>,
    hub: Receiver<Hub>,
    address: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens for clients on `listener`; they are served while [`Server::play`] runs.
    ///
    /// # Errors
    /// If the listener fails, the system gives no random numbers, or the password is too long.
    pub fn new(listener: TcpListener, options: Options) -> Result<Self, Error> {
        if let Some(p) = options.password.as_ref().filter(|p| p.len() > MAX_PASSWORD || p.contains('\0')) {
            return Err(Error::Password(PasswordTooLong { len: p.len() }));
        }
        let address = listener.local_addr()?;
        let (sender, hub) = sync_channel(1024);
        let shared = Arc::new(Shared {
            options,
            key: ServerKey::generate()?,
            begin: Instant::now(),
            hub: sender,
            next: AtomicU64::new(1),
            open: AtomicU64::new(0),
            sessions: Mutex::default(),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let (ours, stopped) = (shared.clone(), stop.clone());
        thread::Builder::new().name("listen".into()).spawn(move || listen(&listener, &ours, &stopped))?;
        Ok(Self { shared, hub, address, stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Set it to end [`Server::play`].
    pub fn stopper(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// Plays captures to whoever connects until it is told to stop; `open` opens the capture, again for every round.
    /// At the end of the last round the picture stays. `status` is told a few times a second what goes on.
    ///
    /// # Errors
    /// If the capture cannot be read.
    pub fn play<R: Read>(
        self,
        mut open: impl FnMut() -> Result<Reader<R>, crate::capture::Error>,
        mut status: impl FnMut(&Status),
    ) -> Result<(), crate::capture::Error> {
        let mut stage = Stage {
            shared: &self.shared,
            source: Box::new(engine::Engined::new(&self.shared.options)),
            displays: BTreeMap::new(),
            others: BTreeMap::new(),
            cursor: CursorState::default(),
            pings: 0,
        };
        let mut reader = Some(open()?);
        let mut next = None;
        // Where the capture's clock and ours met.
        let mut clock: Option<(u64, Instant)> = None;
        let mut state = Status::default();
        let mut served = Duration::ZERO;
        let (mut told, mut pinged) = (Instant::now(), Instant::now());
        while !self.stop.load(Ordering::Relaxed) {
            let playing = self.shared.options.at_once || state.events > 0 || stage.is_watched();
            let mut wait = Duration::from_millis(if stage.is_busy() { 2 } else { 50 });
            // A batch of what is due, so that clients get their turn in between; at least as long as theirs was, so that
            // many clients get fewer pictures rather than old ones.
            let until = Instant::now() + served.max(Duration::from_millis(10));
            while playing && Instant::now() < until {
                if next.is_none() {
                    let Some(r) = reader.as_mut() else { break };
                    match r.next_record()? {
                        Some(record) => next = Some(record),
                        None if self.shared.options.repeat => {
                            reader = Some(open()?);
                            clock = None;
                            stage.event(&Event::Worker(WorkerMessage::DestroySurfaces { number: 19 }));
                            continue;
                        }
                        None => {
                            (reader, state.ended) = (None, true);
                            break;
                        }
                    }
                }
                let Some(record) = next.take() else { break };
                if let Speed::Times(factor) = self.shared.options.speed {
                    let (at, since) = *clock.get_or_insert((record.time_ns, Instant::now()));
                    let due =
                        Duration::from_nanos((record.time_ns.saturating_sub(at) as f64 / factor) as u64);
                    match due.checked_sub(since.elapsed()) {
                        Some(early) if !early.is_zero() => {
                            wait = wait.min(early);
                            next = Some(record);
                            break;
                        }
                        _ => state.behind = since.elapsed().saturating_sub(due),
                    }
                }
                stage.event(&record.event);
                state.events += 1;
            }
            if next.is_none() && reader.is_some() && playing {
                wait = Duration::ZERO;
            }
            match self.hub.recv_timeout(wait) {
                Ok(what) => {
                    stage.told(what);
                    // What else is there, but not for ever.
                    for what in self.hub.try_iter().take(1000) {
                        stage.told(what);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            let begin = Instant::now();
            stage.send();
            served = begin.elapsed().min(Duration::from_secs(1));
            if told.elapsed() > Duration::from_millis(250) {
                told = Instant::now();
                stage.look(&mut state);
                status(&state);
            }
            if pinged.elapsed() > (self.shared.options.patience / 4).min(Duration::from_secs(5)) {
                pinged = Instant::now();
                stage.ping();
            }
        }
        Ok(())
    }
}

impl Drop for Server {
    /// Ends the listener and every connection.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for (_, _, stream) in self.shared.sessions().values().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // The listener looks at the flag when somebody connects.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_millis(200));
    }
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>, stop: &AtomicBool) {
    for stream in listener.incoming() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else {
            // Out of descriptors: some will be given back.
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        if shared.open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS as u64 {
            shared.open.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let ours = shared.clone();
        let serve = move || {
            // Why a client went is its own business.
            let _ = connection::serve(&ours, stream);
            ours.open.fetch_sub(1, Ordering::Relaxed);
        };
        if thread::Builder::new().name("connection".into()).spawn(serve).is_err() {
            shared.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The pointer as the capture has it now.
#[derive(Default)]
struct CursorState {
    set: Option<CursorCmd>,
    position: crate::qxl::Point,
    visible: bool,
}

/// A display channel.
struct Display {
    session: u32,
    announcement: Announcement,
    writer: Writer,
    /// Once DISPLAY_INIT came.
    client: Option<ClientId>,
    flow: Flow,
    /// Since when it has everything.
    content: Option<Instant>,
}

impl Display {
    fn send(&mut self, message: Bytes) {
        self.flow.sent(message.len(), Instant::now());
        self.writer.send_mini(message);
    }

    /// Queues a message that the engine knows nothing of.
    fn say(&mut self, message: &ServerMessage) {
        let mut out = Vec::new();
        if message.encode(Framing::Mini, &mut out).is_ok() {
            self.send(out.into());
        }
    }
}

/// A channel of which no more is known than whether its client lives: main, cursor, inputs.
struct Other {
    kind: ChannelType,
    writer: Writer,
    flow: Flow,
}

/// What is on show, and who watches.
struct Stage<'a> {
    shared: &'a Shared,
    source: Box<dyn Source>,
    displays: BTreeMap<u64, Display>,
    others: BTreeMap<u64, Other>,
    cursor: CursorState,
    pings: u32,
}

/// Bytes that wait in an outbox before the source is asked for more.
const BUDGET: usize = 256 << 10;
/// How long a client must have had everything before losses are made good.
const CONTENT: Duration = Duration::from_millis(300);

impl Stage<'_> {
    fn is_watched(&self) -> bool {
        self.displays.values().any(|d| d.client.is_some())
    }

    /// Whether a client lacks something that it may be sent soon.
    fn is_busy(&self) -> bool {
        self.displays.values().any(|d| d.client.is_some_and(|c| self.source.is_waiting(c)))
    }

    fn event(&mut self, event: &Event) {
        if let Event::Command(Command::Cursor(command)) = event {
            let message = self.cursor.take(command);
            for other in self.others.values().filter(|other| other.kind == ChannelType::CURSOR) {
                other.writer.send(|f, out| message.encode(f, out));
            }
            return;
        }
        self.source.submit(event);
    }

    fn told(&mut self, what: Hub) {
        match what {
            Hub::Joined(joined) => {
                let Joined { id, session, kind, announcement, writer } = *joined;
                let flow = Flow::new(Instant::now());
                if kind == ChannelType::DISPLAY {
                    let mut display =
                        Display { session, announcement, writer, client: None, flow, content: None };
                    display.say(&ServerMessage::SetAck { generation: 1, window: WINDOW });
                    self.displays.insert(id, display);
                    return;
                }
                if kind == ChannelType::CURSOR {
                    let init = self.cursor.init();
                    writer.send(|f, out| init.encode(f, out));
                }
                self.others.insert(id, Other { kind, writer, flow });
            }
            Hub::Other { id, message } => {
                if let Some(other) = self.others.get_mut(&id) {
                    other.flow.said(&message, Instant::now());
                }
            }
            Hub::Display { id, message } => {
                let Some(display) = self.displays.get_mut(&id) else { return };
                display.flow.said(&message, Instant::now());
                match (&message, display.client) {
                    (ClientMessage::Init(init), None) => {
                        display.announcement.init = Some(*init);
                        let channels = self.shared.sessions().get(&display.session).map_or(0, |channels| {
                            channels
                                .iter()
                                .fold(0, |bits, c| bits | 1u32.checked_shl(c.1.0.into()).unwrap_or(0))
                        });
                        display.announcement.channels = channels;
                        let profile = self.shared.options.profile.as_ref();
                        display.client = Some(self.source.connect(&display.announcement, profile));
                    }
                    (ClientMessage::PreferredCompression(c), None) => {
                        display.announcement.preferred = Some(*c)
                    }
                    (_, Some(client)) => self.source.receive(client, &message),
                    _ => {}
                }
            }
            Hub::Left { id } => {
                self.others.remove(&id);
                if let Some(client) = self.displays.remove(&id).and_then(|d| d.client) {
                    self.source.disconnect(client);
                }
            }
        }
    }

    fn send(&mut self) {
        let (now, moment) = (self.shared.begin.elapsed(), Instant::now());
        for other in self.others.values_mut() {
            other.flow.taken(other.writer.outbox.written(), other.writer.outbox.waiting(), moment);
            if other.flow.is_dead(self.shared.options.patience, moment) {
                other.writer.outbox.close();
            }
        }
        for display in self.displays.values_mut() {
            let (written, waiting) = (display.writer.outbox.written(), display.writer.outbox.waiting());
            display.flow.taken(written, waiting, moment);
            if display.flow.is_dead(self.shared.options.patience, moment) {
                display.writer.outbox.close();
                continue;
            }
            let Some(client) = display.client else { continue };
            self.source.acknowledged(client, now, written);
            let bits = self.source.bits_per_second(client);
            // A quarter of a second's worth may wait here: what does not go out is soon old.
            let budget = usize::try_from(bits / 32).unwrap_or(BUDGET).clamp(BUDGET / 16, BUDGET);
            let room = budget.saturating_sub(waiting);
            if room < budget / 2 || display.flow.is_full(bits) {
                display.content = None;
                continue;
            }
            let messages = self.source.poll(client, now, room);
            if !messages.is_empty() || waiting > 0 || !display.flow.is_idle() {
                display.content = None;
            } else if display.content.get_or_insert(moment).elapsed() > CONTENT {
                self.source.idle(client);
            }
            for message in messages {
                display.send(message);
            }
        }
    }

    fn look(&self, status: &mut Status) {
        status.clients =
            self.displays.values().filter_map(|d| Some(self.source.profile_name(d.client?))).collect();
        status.bytes = self.displays.values().map(|d| d.writer.outbox.written()).sum();
    }

    /// Asks every client for a sign of life.
    fn ping(&mut self) {
        self.pings = self.pings.wrapping_add(1);
        let time = u64::try_from(self.shared.begin.elapsed().as_nanos()).unwrap_or(0);
        let ping = connection::ping(self.pings, time);
        for display in self.displays.values_mut() {
            display.say(&ping);
            display.flow.pinged(self.pings);
        }
        for other in self.others.values_mut() {
            // Nothing but pings is counted: each says that all before it arrived.
            other.writer.send(|f, out| {
                ping.encode(f, out)?;
                other.flow.sent(out.len(), Instant::now());
                Ok(())
            });
            other.flow.pinged(self.pings);
        }
    }
}

impl CursorState {
    /// Takes a command in, and says what a client is told.
    fn take(&mut self, command: &CursorCmd) -> CursorMessage {
        match command {
            CursorCmd::Set { position, visible, .. } => {
                (self.position, self.visible) = (*position, *visible);
                self.set = Some(command.clone());
                CursorMessage::Set { position: *position, visible: *visible, cursor: self.image() }
            }
            CursorCmd::Move { position } => {
                (self.position, self.visible) = (*position, true);
                CursorMessage::Move { position: *position }
            }
            CursorCmd::Hide => {
                self.visible = false;
                CursorMessage::Hide
            }
            CursorCmd::Trail { length, frequency } => {
                CursorMessage::Trail { length: *length, frequency: *frequency }
            }
        }
    }

    fn image(&self) -> CursorImage {
        match &self.set {
            // Sent anew each time: shapes are small, and no client's cache has to be kept in mind.
            Some(CursorCmd::Set { shape: Some(shape), .. }) => {
                CursorImage::Shape { shape: shape.clone(), cache: false }
            }
            _ => CursorImage::None,
        }
    }

    /// For somebody who joins.
    fn init(&self) -> CursorMessage {
        let (position, visible, cursor) = (self.position, self.visible, self.image());
        CursorMessage::Init { position, trail_length: 0, trail_frequency: 0, visible, cursor }
    }
}
