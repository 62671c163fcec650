//! What waits to be written to one connection.

use crate::wire::{EncodeError, Framing};
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A simulated link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkModel {
    /// Thousands of bits per second.
    pub kbit: u64,
    /// Milliseconds there and back.
    pub rtt_ms: u64,
}

impl std::str::FromStr for LinkModel {
    type Err = &'static str;

    /// `KBIT:RTT_MS`.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let numbers = s.split_once(':').and_then(|(k, r)| Some((k.parse().ok()?, r.parse().ok()?)));
        match numbers {
            Some((kbit @ 1.., rtt_ms)) => Ok(Self { kbit, rtt_ms }),
            _ => Err("not KBIT:RTT_MS, as in 2000:80"),
        }
    }
}

/// A queue between whoever makes messages and the thread that writes them.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    more: Condvar,
    written: AtomicU64,
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<(Instant, Bytes)>,
    bytes: usize,
    closed: bool,
}

impl Outbox {
    /// With more than `most` bytes waiting the connection is given up.
    pub(super) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a message. Too much waiting closes the queue.
    pub(super) fn push(&self, message: Bytes) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.bytes += message.len();
        state.queue.push_back((Instant::now(), message));
        if state.bytes > self.most {
            state.closed = true;
            state.queue.clear();
        }
        self.more.notify_one();
    }

    /// Bytes waiting.
    pub(super) fn waiting(&self) -> usize {
        self.lock().bytes
    }

    /// Bytes handed to the system.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Ends the thread that writes.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.queue.clear();
        self.more.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Writes what is queued until the queue is closed or the connection fails.
    pub(super) fn run(&self, to: &mut impl Write, link: Option<LinkModel>) -> io::Result<()> {
        let mut free = Instant::now();
        loop {
            let (queued, message) = {
                let mut state = self.lock();
                loop {
                    if state.closed {
                        return Ok(());
                    }
                    if let Some(first) = state.queue.pop_front() {
                        break first;
                    }
                    state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            };
            if let Some(link) = link {
                let size = Duration::from_micros(message.len() as u64 * 8000 / link.kbit);
                free = free.max(queued) + size;
                let due = free + Duration::from_millis(link.rtt_ms / 2);
                // The queue may be closed meanwhile: then there is nobody to wait for.
                while let Some(left) =
                    due.checked_duration_since(Instant::now()).filter(|_| !self.is_closed())
                {
                    thread::sleep(left.min(Duration::from_millis(100)));
                }
            }
            to.write_all(&message)?;
            to.flush()?;
            self.written.fetch_add(message.len() as u64, Ordering::Relaxed);
            let mut state = self.lock();
            state.bytes = state.bytes.saturating_sub(message.len());
        }
    }
}

/// Puts messages into a connection's outbox, with the header that its client reads.
#[derive(Clone)]
pub(super) struct Writer {
    pub(super) outbox: Arc<Outbox>,
    /// Whether the client takes the short header.
    mini: bool,
    serial: Arc<Mutex<u64>>,
}

impl Writer {
    pub(super) fn new(outbox: Arc<Outbox>, mini: bool) -> Self {
        Self { outbox, mini, serial: Arc::default() }
    }

    /// Queues a message. One that cannot be encoded is left out.
    pub(super) fn send(&self, encode: impl FnOnce(Framing, &mut Vec<u8>) -> Result<(), EncodeError>) {
        let mut out = Vec::new();
        if encode(Framing::Mini, &mut out).is_ok() {
            self.send_mini(out.into());
        }
    }

    /// Queues a message that has the mini header.
    pub(super) fn send_mini(&self, message: Bytes) {
        if self.mini || message.len() < 6 {
            return self.outbox.push(message);
        }
        let mut serial = self.serial.lock().unwrap_or_else(PoisonError::into_inner);
        *serial += 1;
        let mut full = serial.to_le_bytes().to_vec();
        full.extend(&message[..6]);
        full.extend([0; 4]);
        full.extend(&message[6..]);
        self.outbox.push(full.into());
    }
}
