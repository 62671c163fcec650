//! One connection: from its first bytes to a channel, and what the channel's client says.

use super::hub::{Hub, Joined, Shared};
use super::outbox::{LinkModel, Outbox, Writer};
use super::websocket;
use crate::client::caps::{Announcement, CommonCaps, DisplayCaps};
use crate::link::{self, Accepted, Error, Greeting, MessageReader, ServerKey};
use crate::wire::link::{ChannelType, LinkMessage};
use crate::wire::{
    ClientMessage, InputsMessage, MOUSE_MODE_CLIENT, MOUSE_MODE_SERVER, MainClientMessage, MainInit,
    MainMessage, RawMessage, ServerMessage,
};
use bytes::Bytes;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A handshake takes no longer.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Bytes of one message from a client: the longest real one is clipboard data for the agent, which is ignored.
const fn most_bytes(kind: ChannelType) -> u32 {
    if kind.0 == ChannelType::MAIN.0 { 1 << 20 } else { 1 << 14 }
}
/// Bytes that may wait before a connection is given up. What waits on the display channel is bounded otherwise and
/// never gets near it.
const DISPLAY_BYTES: usize = 64 << 20;
const OTHER_BYTES: usize = 1 << 20;
/// Messages per second, and how many may come at once: moving a mouse makes a thousand.
const RATE: u64 = 4000;
const BURST: u64 = 20_000;

/// A stream that must be done by a moment, as long as there is one: each read gets what is left of the time.
#[derive(Debug)]
struct Hurried {
    stream: TcpStream,
    until: Option<Instant>,
}

impl Hurried {
    /// From now on there is time.
    fn relax(&mut self) -> io::Result<()> {
        self.until = None;
        self.stream.set_read_timeout(None)
    }
}

impl Read for Hurried {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if let Some(until) = self.until {
            let left = until.checked_duration_since(Instant::now()).filter(|t| !t.is_zero());
            self.stream.set_read_timeout(Some(left.ok_or(io::ErrorKind::TimedOut)?))?;
        }
        self.stream.read(to)
    }
}

impl Write for Hurried {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.stream.write(from)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Both directions of a WebSocket, for the handshake within it.
struct Both<R, W>(R, W);

impl<R: Read, W> Read for Both<R, W> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.read(to)
    }
}

impl<R, W: Write> Write for Both<R, W> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.1.write(from)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}

/// Serves a connection until it ends.
pub(super) fn serve(shared: &Arc<Shared>, stream: TcpStream) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(shared.options.patience))?;
    let until = Some(Instant::now() + HANDSHAKE.min(shared.options.patience));
    let mut hurried = Hurried { stream: stream.try_clone()?, until };
    let mut first = [0; 4];
    hurried.read_exact(&mut first)?;
    if &first == b"GET " {
        websocket::upgrade(&mut hurried, &first)?;
        // The receiver answers pings on the same connection, between two frames.
        let writer = Arc::new(Mutex::new(Hurried { stream: stream.try_clone()?, until: None }));
        let receiver = websocket::Receiver::new(hurried, writer.clone());
        let mut both = Both(receiver, websocket::Sender(writer));
        let message = link::greet(&mut both, &[])?;
        let accepted = accept(shared, &mut both, message)?;
        both.0.stream.relax()?;
        channel(shared, &stream, accepted, both.0, both.1)
    } else {
        let message = link::greet(&mut hurried, &first)?;
        let accepted = accept(shared, &mut hurried, message)?;
        hurried.relax()?;
        channel(shared, &stream, accepted, hurried, stream.try_clone()?)
    }
}

fn accept<S: Read + Write>(shared: &Shared, stream: &mut S, message: LinkMessage) -> Result<Accepted, Error> {
    let own;
    let key = match shared.options.password {
        // A key of its own for every link: a ticket that somebody recorded is worth nothing.
        Some(_) => {
            own = ServerKey::generate()?;
            &own
        }
        None => &shared.key,
    };
    let wanted = shared.wanted(&message);
    // No DISPLAY_CAP but these changes what a client says.
    let caps = match message.channel_type {
        ChannelType::DISPLAY => DisplayCaps::PREF_COMPRESSION.words(),
        _ => Vec::new(),
    };
    let greeting = Greeting { key, password: shared.options.password.as_deref(), channel_caps: &caps };
    link::accept(stream, message, wanted, &greeting)
}

/// A linked channel: a thread writes, this one reads.
fn channel<R: Read, W: Write + Send + 'static>(
    shared: &Arc<Shared>,
    stream: &TcpStream,
    accepted: Accepted,
    read: R,
    mut write: W,
) -> Result<(), Error> {
    let Accepted { message, negotiated } = accepted;
    let kind = message.channel_type;
    let (id, session) = shared.enter(&message, stream)?;
    let outbox =
        Arc::new(Outbox::new(if kind == ChannelType::DISPLAY { DISPLAY_BYTES } else { OTHER_BYTES }));
    let link: Option<LinkModel> = shared.options.link;
    let (ours, socket) = (outbox.clone(), stream.try_clone()?);
    let spawned = thread::Builder::new().name(format!("write {kind}")).spawn(move || {
        let _ = ours.run(&mut write, link);
        ours.close();
        let _ = socket.shutdown(Shutdown::Both);
    });
    let writer = Writer::new(outbox, negotiated.mini_header);
    let result = match spawned {
        Ok(_) => {
            let mut reader = MessageReader::new(read, negotiated.mini_header, most_bytes(kind));
            talk(shared, id, session, message, &writer, &mut reader)
        }
        Err(e) => Err(e.into()),
    };
    writer.outbox.close();
    let _ = stream.shutdown(Shutdown::Both);
    shared.leave(id, session, kind);
    result
}

fn talk<R: Read>(
    shared: &Shared,
    id: u64,
    session: u32,
    message: LinkMessage,
    writer: &Writer,
    reader: &mut MessageReader<R>,
) -> Result<(), Error> {
    let kind = message.channel_type;
    match kind {
        ChannelType::MAIN => {
            let init = MainInit {
                session_id: session,
                display_channels_hint: 1,
                supported_mouse_modes: (MOUSE_MODE_SERVER | MOUSE_MODE_CLIENT).into(),
                current_mouse_mode: MOUSE_MODE_CLIENT.into(),
                agent_connected: 0,
                agent_tokens: 10,
                multi_media_time: shared.milliseconds(),
                ram_hint: 0,
            };
            writer.send(|f, out| MainMessage::Init(init).encode(f, out));
        }
        ChannelType::INPUTS => writer.send(|f, out| InputsMessage::Init { modifiers: 0 }.encode(f, out)),
        _ => {}
    }
    let announcement = Announcement {
        minor: message.minor,
        common: CommonCaps::from_words(&message.common_caps),
        display: DisplayCaps::from_words(&message.channel_caps),
        display_words: u32::try_from(message.channel_caps.len()).unwrap_or(u32::MAX),
        init: None,
        preferred: None,
        channels: 0,
    };
    shared.tell(Hub::Joined(Box::new(Joined { id, session, kind, announcement, writer: writer.clone() })))?;
    let begin = Instant::now();
    let (mut motions, mut taken) = (0, 0u64);
    while let Some(message) = reader.next_message()? {
        taken += 1;
        if taken > BURST + begin.elapsed().as_secs() * RATE {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "the client floods the server").into());
        }
        one(shared, id, kind, message, writer, &mut motions)?;
    }
    Ok(())
}

fn one(
    shared: &Shared,
    id: u64,
    kind: ChannelType,
    message: RawMessage,
    writer: &Writer,
    motions: &mut u32,
) -> Result<(), Error> {
    if kind == ChannelType::DISPLAY {
        // A type that only a later protocol knows is no reason to part.
        if message.kind <= 6 || matches!(message.kind, 101..=105) {
            let message = ClientMessage::decode(message.kind, &message.body)?;
            // Only what somebody listens to, and nothing large, waits for the hub.
            if matches!(
                message,
                ClientMessage::AckSync { .. }
                    | ClientMessage::Ack
                    | ClientMessage::Pong { .. }
                    | ClientMessage::Init(_)
                    | ClientMessage::PreferredCompression(_)
            ) {
                shared.tell(Hub::Display { id, message })?;
            }
        }
        return Ok(());
    }
    if message.kind <= 100 {
        // PONG, a sign of life.
        if message.kind == 3 {
            let message = ClientMessage::decode(message.kind, &message.body)?;
            shared.tell(Hub::Other { id, message })?;
        }
        return Ok(());
    }
    match kind {
        ChannelType::MAIN => match MainClientMessage::decode(message.kind, &message.body)? {
            MainClientMessage::AttachChannels => {
                let list =
                    [ChannelType::DISPLAY, ChannelType::CURSOR, ChannelType::INPUTS].map(|kind| (kind, 0));
                writer.send(|f, out| MainMessage::ChannelsList(list.to_vec()).encode(f, out));
            }
            MainClientMessage::MouseModeRequest { mode } => {
                let supported = MOUSE_MODE_SERVER | MOUSE_MODE_CLIENT;
                let current =
                    if mode & MOUSE_MODE_CLIENT != 0 { MOUSE_MODE_CLIENT } else { MOUSE_MODE_SERVER };
                writer.send(|f, out| MainMessage::MouseMode { supported, current }.encode(f, out));
            }
            MainClientMessage::Other { .. } => {}
        },
        ChannelType::INPUTS if InputsMessage::is_motion(message.kind) => {
            *motions += 1;
            if *motions == InputsMessage::MOTION_ACK_BUNCH {
                *motions = 0;
                writer.send(|f, out| InputsMessage::MouseMotionAck.encode(f, out));
            }
        }
        _ => {}
    }
    Ok(())
}

/// A PING that asks for nothing but its PONG.
pub(super) fn ping(id: u32, timestamp: u64) -> ServerMessage {
    ServerMessage::Ping { id, timestamp, data: Bytes::new() }
}
