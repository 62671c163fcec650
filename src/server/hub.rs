//! What the threads of a server share, and what those of the connections tell the one that draws.

use super::options::Options;
use super::outbox::Writer;
use crate::client::caps::Announcement;
use crate::link::{Error, ServerKey};
use crate::wire::ClientMessage;
use crate::wire::link::{ChannelType, LinkMessage, LinkStatus};
use rsa::rand_core::{OsRng, RngCore};
use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What the threads of the connections tell the one that draws.
pub(super) enum Hub {
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
pub(super) const CONNECTIONS: usize = 256;
/// Sessions at a time.
const SESSIONS: usize = 64;
/// Channels of one session.
const CHANNELS: usize = 8;

/// By the session's number, its channels: the connection's number, the type, the stream to shut down.
pub(super) type Sessions = HashMap<u32, Vec<(u64, ChannelType, TcpStream)>>;

/// What all threads share.
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) key: ServerKey,
    pub(super) begin: Instant,
    pub(super) hub: SyncSender<Hub>,
    pub(super) next: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) sessions: Mutex<Sessions>,
}

impl Shared {
    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn milliseconds(&self) -> u32 {
        self.begin.elapsed().as_millis() as u32
    }

    /// Whether a client may have the channel that it asks for.
    pub(super) fn wanted(&self, message: &LinkMessage) -> LinkStatus {
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
    pub(super) fn enter(&self, message: &LinkMessage, stream: &TcpStream) -> Result<(u64, u32), Error> {
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
    pub(super) fn leave(&self, id: u64, session: u32, kind: ChannelType) {
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

    pub(super) fn tell(&self, what: Hub) -> Result<(), Error> {
        // The hub is gone when the server ends.
        self.hub.send(what).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe).into())
    }
}

/// What the hub knows of a linked channel.
pub(super) struct Joined {
    /// The connection.
    pub(super) id: u64,
    pub(super) session: u32,
    pub(super) kind: ChannelType,
    pub(super) announcement: Announcement,
    pub(super) writer: Writer,
}
