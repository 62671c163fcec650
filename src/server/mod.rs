//! Just enough of a SPICE server for real clients to watch a capture: link, main, display, cursor and inputs channels,
//! over TCP and WebSocket on one port.
//!
//! One thread owns what draws and plays the capture by its clock; each connection has a thread that reads and one that
//! writes. What a client says is judged by its own thread; what waits for it is bounded, so one that stalls or floods is
//! dropped and nobody else notices.

mod connection;
mod cursor;
mod engine;
mod flow;
mod hub;
mod options;
mod outbox;
mod source;
mod stage;
mod websocket;

pub use options::{Options, Speed, Status};
pub use outbox::LinkModel;

use crate::capture::Reader;
use crate::link::{Error, PasswordTooLong, ServerKey};
use crate::qxl::{Event, WorkerMessage};
use crate::wire::link::MAX_PASSWORD;
use hub::{CONNECTIONS, Hub, Shared};
use stage::Stage;
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

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
        let source = Box::new(engine::Engined::new(&self.shared.options));
        let mut stage = Stage::new(&self.shared, source);
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
