//! A client's session: any SPICE server seen from the other side.
//!
//! [`Session::connect`] links the main channel, a display channel and, where there is one, the cursor channel, and
//! announces what a full client has (spice-gtk's set without GL and without video codecs but motion JPEG). Each channel
//! has a thread that cuts its stream into messages; the caller takes them with [`Session::next`], which answers what
//! only wants an answer (PING, acknowledgements). [`Translator`] turns display messages into [`Event`]s, images decoded.
//!
//! [`Event`]: crate::qxl::Event

mod translate;

pub use translate::{TranslateError, Translator};

use crate::client::caps::DisplayCaps;
use crate::link::{self, Error, LinkRequest, Linked, MessageReader};
use crate::wire::link::ChannelType;
use crate::wire::{
    ClientMessage, CursorMessage, DisplayInit, Framing, MainClientMessage, MainMessage, RawMessage,
    ServerMessage, sub_messages,
};
use std::collections::VecDeque;
use std::io::Write;
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

/// How to connect.
#[derive(Clone, Debug)]
pub struct Options {
    /// The password; empty where the server has none.
    pub password: String,
    /// How long each step of the handshake may take, and each write after it.
    pub timeout: Duration,
    /// Bytes of one message's body.
    pub message_bytes: u32,
    /// What the display channel announces.
    pub display_caps: DisplayCaps,
    /// What DISPLAY_INIT says.
    pub display_init: DisplayInit,
}

impl Default for Options {
    /// No password, 15 seconds, messages of up to 1 GiB, and what spice-gtk says.
    fn default() -> Self {
        Self {
            password: String::new(),
            timeout: Duration::from_secs(15),
            message_bytes: 1 << 30,
            display_caps: DisplayCaps(
                DisplayCaps::SIZED_STREAM.0
                    | DisplayCaps::MONITORS_CONFIG.0
                    | DisplayCaps::COMPOSITE.0
                    | DisplayCaps::A8_SURFACE.0
                    | DisplayCaps::LZ4_COMPRESSION.0
                    | DisplayCaps::MULTI_CODEC.0
                    | DisplayCaps::CODEC_MJPEG.0,
            ),
            display_init: DisplayInit {
                pixmap_cache_id: 1,
                pixmap_cache_size: (80 << 20) / 4,
                glz_dictionary_id: 1,
                glz_dictionary_window_size: (64 << 20) / 4,
            },
        }
    }
}

/// Something that the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A message of the display channel that draws or changes what is known.
    Display(ServerMessage),
    /// A message of the cursor channel.
    Cursor(CursorMessage),
    /// A text for the user.
    Notify(String),
    /// The server ended the session.
    Closed,
}

/// What a channel's thread has read.
struct Arrival {
    channel: usize,
    message: Result<Option<RawMessage>, Error>,
}

struct Channel {
    kind: ChannelType,
    stream: TcpStream,
    mini: bool,
    serial: u64,
    /// Messages to the next ACK, and how many there are between two; 0 if none is wanted.
    until_ack: u32,
    window: u32,
}

/// A session with a server. Dropping it closes the connections.
pub struct Session {
    channels: Vec<Channel>,
    arrivals: Receiver<Arrival>,
    sender: SyncSender<Arrival>,
    ready: VecDeque<Notice>,
    options: Options,
    bytes: u64,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("channels", &self.channels.len()).field("bytes", &self.bytes).finish()
    }
}

/// Messages that wait between the threads that read and the one that takes them.
const WAITING: usize = 16;
/// `SPICE_MAIN_CAP_*` SEMI_SEAMLESS_MIGRATE is not ours; NAME_AND_UUID is bit 1.
const MAIN_CAPS: u32 = 1 << 1;

impl Session {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// If there is no such server, it takes too long, it refuses, or it has no display.
    pub fn connect(address: &str, options: Options) -> Result<Self, Error> {
        let addresses: Vec<_> = address.to_socket_addrs()?.collect();
        let (sender, arrivals) = sync_channel(WAITING);
        let mut session =
            Self { channels: Vec::new(), arrivals, sender, ready: VecDeque::new(), options, bytes: 0 };
        session.link(&addresses, 0, ChannelType::MAIN, 0, vec![MAIN_CAPS])?;
        let (id, list) = session.main_channel()?;
        let of = |kind| list.iter().find(|(k, _)| *k == kind).map(|(_, id)| *id);
        let Some(display) = of(ChannelType::DISPLAY) else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the server has no display").into());
        };
        let caps = session.options.display_caps.words();
        session.link(&addresses, id, ChannelType::DISPLAY, display, caps)?;
        let init = ClientMessage::Init(session.options.display_init);
        session.send(1, |f, out| init.encode(f, out))?;
        if let Some(cursor) = of(ChannelType::CURSOR) {
            session.link(&addresses, id, ChannelType::CURSOR, cursor, Vec::new())?;
        }
        Ok(session)
    }

    /// Bytes of the display channel's messages so far, headers not counted.
    pub fn display_bytes(&self) -> u64 {
        self.bytes
    }

    /// The next thing that the server says; `None` if nothing comes for as long as `wait`.
    ///
    /// # Errors
    /// If a connection fails or a message cannot be read. The session is over then.
    pub fn next(&mut self, wait: Duration) -> Result<Option<Notice>, Error> {
        let until = Instant::now() + wait;
        loop {
            if let Some(notice) = self.ready.pop_front() {
                return Ok(Some(notice));
            }
            let left = until.saturating_duration_since(Instant::now());
            let arrival = match self.arrivals.recv_timeout(left) {
                Ok(arrival) => arrival,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(None),
            };
            let Some(message) = arrival.message? else { return Ok(Some(Notice::Closed)) };
            self.take(arrival.channel, message)?;
        }
    }

    /// Links a channel and gives it a thread.
    fn link(
        &mut self,
        addresses: &[std::net::SocketAddr],
        connection_id: u32,
        channel_type: ChannelType,
        channel_id: u8,
        channel_caps: Vec<u32>,
    ) -> Result<(), Error> {
        let timeout = self.options.timeout;
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        let connect =
            |a: &std::net::SocketAddr| TcpStream::connect_timeout(a, timeout).map_err(|e| failed = e).ok();
        let Some(mut stream) = addresses.iter().find_map(connect) else { return Err(failed.into()) };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        let password = &self.options.password;
        let request = LinkRequest { connection_id, channel_type, channel_id, channel_caps, password };
        let Linked { negotiated, .. } = link::connect(&mut stream, &request)?;
        // From now on the server may be silent for as long as it likes.
        stream.set_read_timeout(None)?;
        let mut reader =
            MessageReader::new(stream.try_clone()?, negotiated.mini_header, self.options.message_bytes);
        let (sender, channel) = (self.sender.clone(), self.channels.len());
        let read = move || loop {
            let message = reader.next_message();
            let more = matches!(message, Ok(Some(_)));
            if sender.send(Arrival { channel, message }).is_err() || !more {
                return;
            }
        };
        thread::Builder::new().name(format!("spice {channel_type}")).spawn(read)?;
        let mini = negotiated.mini_header;
        self.channels.push(Channel { kind: channel_type, stream, mini, serial: 0, until_ack: 0, window: 0 });
        Ok(())
    }

    /// Waits for the session's id, asks for the list of channels and waits for it.
    fn main_channel(&mut self) -> Result<(u32, Vec<(ChannelType, u8)>), Error> {
        let mut id = None;
        let until = Instant::now() + self.options.timeout;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let arrival =
                self.arrivals.recv_timeout(left).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
            let message = arrival.message?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
            match (message.kind, id) {
                (..=100, _) => self.take(0, message)?,
                (kind, _) => match (MainMessage::decode(kind, &message.body)?, id) {
                    (MainMessage::Init(init), None) => {
                        id = Some(init.session_id);
                        self.send(0, |f, out| MainClientMessage::AttachChannels.encode(f, out))?;
                    }
                    (MainMessage::ChannelsList(list), Some(id)) => return Ok((id, list)),
                    _ => {}
                },
            }
        }
    }

    fn send(
        &mut self,
        channel: usize,
        encode: impl FnOnce(Framing, &mut Vec<u8>) -> Result<(), crate::wire::EncodeError>,
    ) -> Result<(), Error> {
        let channel = &mut self.channels[channel];
        channel.serial += 1;
        let framing = if channel.mini { Framing::Mini } else { Framing::Full { serial: channel.serial } };
        let mut out = Vec::new();
        // Nothing that a client says has a list that could be too long.
        encode(framing, &mut out).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        Ok(channel.stream.write_all(&out)?)
    }

    /// Takes a message and what its header says belongs before it.
    fn take(&mut self, channel: usize, message: RawMessage) -> Result<(), Error> {
        if self.channels[channel].kind == ChannelType::DISPLAY {
            self.bytes += message.body.len() as u64;
        }
        if message.sub_list != 0 {
            for sub in sub_messages(&message.body, message.sub_list)? {
                self.one(channel, sub, false)?;
            }
        }
        self.one(channel, message, true)?;
        let c = &mut self.channels[channel];
        if c.until_ack > 0 {
            c.until_ack -= 1;
            if c.until_ack == 0 {
                c.until_ack = c.window;
                self.send(channel, |f, out| ClientMessage::Ack.encode(f, out))?;
            }
        }
        Ok(())
    }

    /// Takes one message; `list` says whether it may be a list of others.
    fn one(&mut self, channel: usize, message: RawMessage, list: bool) -> Result<(), Error> {
        let kind = self.channels[channel].kind;
        if message.kind > 100 {
            match kind {
                ChannelType::DISPLAY => {
                    let message = ServerMessage::decode(message.kind, &message.body)?;
                    self.ready.push_back(Notice::Display(message));
                }
                ChannelType::CURSOR => {
                    let message = CursorMessage::decode(message.kind, &message.body)?;
                    self.ready.push_back(Notice::Cursor(message));
                }
                _ => {}
            }
            return Ok(());
        }
        match ServerMessage::decode(message.kind, &message.body)? {
            ServerMessage::Ping { id, timestamp, .. } => {
                self.send(channel, |f, out| ClientMessage::Pong { id, timestamp }.encode(f, out))?;
            }
            ServerMessage::SetAck { generation, window } => {
                let c = &mut self.channels[channel];
                // The message itself is counted when it is done.
                (c.window, c.until_ack) = (window, window.saturating_add(u32::from(window > 0)));
                self.send(channel, |f, out| ClientMessage::AckSync { generation }.encode(f, out))?;
            }
            ServerMessage::List(subs) if list => {
                for sub in subs {
                    self.one(channel, sub, false)?;
                }
            }
            ServerMessage::Notify(n) => {
                let text = String::from_utf8_lossy(&n.message).trim_end_matches('\0').to_owned();
                self.ready.push_back(Notice::Notify(text));
            }
            ServerMessage::Disconnecting(_) if kind == ChannelType::MAIN || kind == ChannelType::DISPLAY => {
                self.ready.push_back(Notice::Closed);
            }
            // Waiting for other channels: only display channels that share a cache need it, and there is one.
            _ => {}
        }
        Ok(())
    }
}

impl Drop for Session {
    /// Ends the threads: their streams end.
    fn drop(&mut self) {
        for channel in &self.channels {
            let _ = channel.stream.shutdown(Shutdown::Both);
        }
    }
}
