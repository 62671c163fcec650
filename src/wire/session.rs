//! Messages of the channels beside the display: main, cursor, inputs.
//!
//! Types up to 100 are every channel's: [`ServerMessage`](super::ServerMessage) and
//! [`ClientMessage`](super::ClientMessage) read them.

use super::error::{DecodeError, DecodeReason, EncodeError, EncodeReason};
use super::frame::Framing;
use super::link::ChannelType;
use super::plain::{Plain, plain};
use super::reader::Reader;
use super::sink::{Sink, Writer};
use crate::qxl::{CursorShape, Point};
use bytes::Bytes;
use std::sync::Arc;

plain! {
    /// `SPICE_MSG_MAIN_INIT`: the server's first message.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MainInit {
        /// What the session's other channels say in their link message.
        pub session_id: u32,
        /// Display channels to expect; 0 if the server does not know.
        pub display_channels_hint: u32,
        /// Bit 0: the server moves the pointer; bit 1: the client does.
        pub supported_mouse_modes: u32,
        /// One of them.
        pub current_mouse_mode: u32,
        /// Whether the guest's agent is there.
        pub agent_connected: u32,
        /// Messages that the agent may be sent.
        pub agent_tokens: u32,
        /// The multimedia clock, in milliseconds.
        pub multi_media_time: u32,
        /// Bytes of the guest's video memory; 0 if the server does not say.
        pub ram_hint: u32,
    }
}

/// `SPICE_MOUSE_MODE_SERVER`: the server moves the pointer.
pub const MOUSE_MODE_SERVER: u16 = 1;
/// `SPICE_MOUSE_MODE_CLIENT`: the client moves the pointer.
pub const MOUSE_MODE_CLIENT: u16 = 2;

/// A message of the main channel from server to client. What belongs to migration and the agent is [`Other`](Self::Other).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MainMessage {
    /// The first message.
    Init(MainInit),
    /// Which channels there are.
    ChannelsList(Vec<(ChannelType, u8)>),
    /// Who moves the pointer.
    MouseMode {
        /// The modes that can be had.
        supported: u16,
        /// The mode.
        current: u16,
    },
    /// The multimedia clock.
    MultiMediaTime {
        /// Milliseconds.
        time: u32,
    },
    /// The guest's name.
    Name(Bytes),
    /// The guest's number.
    Uuid([u8; 16]),
    /// Any other.
    Other {
        /// The message's type.
        kind: u16,
        /// Its body.
        body: Bytes,
    },
}

impl MainMessage {
    const fn kind(&self) -> (u16, &'static str) {
        match self {
            Self::Init(_) => (103, "MAIN_INIT"),
            Self::ChannelsList(_) => (104, "CHANNELS_LIST"),
            Self::MouseMode { .. } => (105, "MOUSE_MODE"),
            Self::MultiMediaTime { .. } => (106, "MULTI_MEDIA_TIME"),
            Self::Name(_) => (113, "NAME"),
            Self::Uuid(_) => (114, "UUID"),
            Self::Other { kind, .. } => (*kind, "main channel message"),
        }
    }

    /// Appends the message; on an error nothing is appended.
    pub fn encode(&self, framing: Framing, sink: &mut impl Sink) -> Result<(), EncodeError> {
        let (kind, name) = self.kind();
        framing.message(kind, name, sink, |w| {
            match self {
                Self::Init(m) => m.put(w)?,
                Self::ChannelsList(list) => {
                    let n = w.count("num_of_channels", list.len(), u32::MAX as usize)?;
                    w.u32(n);
                    for (kind, id) in list {
                        w.u8(kind.0);
                        w.u8(*id);
                    }
                }
                Self::MouseMode { supported, current } => {
                    w.u16(*supported);
                    w.u16(*current);
                }
                Self::MultiMediaTime { time } => w.u32(*time),
                Self::Name(name) => w.sized("name", name)?,
                Self::Uuid(uuid) => w.sink.put(uuid),
                Self::Other { body, .. } => w.sink.put_payload(body),
            }
            Ok(())
        })
    }

    /// Reads a message of type `kind`, above 100.
    pub fn decode(kind: u16, body: &Bytes) -> Result<Self, DecodeError> {
        let reader = |name| Reader::new(name, body);
        Ok(match kind {
            103 => Self::Init(Plain::take(&mut reader("MAIN_INIT"), "")?),
            104 => {
                let mut r = reader("CHANNELS_LIST");
                let n = r.u32("num_of_channels")?;
                let one =
                    |r: &mut Reader<'_>| Ok((ChannelType(r.u8("channels.type")?), r.u8("channels.id")?));
                Self::ChannelsList(r.many("channels", n, 2, one)?)
            }
            105 => {
                let mut r = reader("MOUSE_MODE");
                Self::MouseMode { supported: r.u16("supported_modes")?, current: r.u16("current_mode")? }
            }
            106 => Self::MultiMediaTime { time: reader("MULTI_MEDIA_TIME").u32("time")? },
            113 => Self::Name(reader("NAME").sized("name")?),
            114 => Self::Uuid(reader("UUID").array("uuid")?),
            _ => Self::Other { kind, body: body.clone() },
        })
    }
}

/// A message of the main channel from client to server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MainClientMessage {
    /// Asks for the list of channels.
    AttachChannels,
    /// Asks for a mouse mode.
    MouseModeRequest {
        /// One of `MOUSE_MODE_*`.
        mode: u16,
    },
    /// Any other.
    Other {
        /// The message's type.
        kind: u16,
        /// Its body.
        body: Bytes,
    },
}

impl MainClientMessage {
    /// Appends the message; on an error nothing is appended.
    pub fn encode(&self, framing: Framing, sink: &mut impl Sink) -> Result<(), EncodeError> {
        let (kind, name) = match self {
            Self::AttachChannels => (104, "ATTACH_CHANNELS"),
            Self::MouseModeRequest { .. } => (105, "MOUSE_MODE_REQUEST"),
            Self::Other { kind, .. } => (*kind, "main channel message"),
        };
        framing.message(kind, name, sink, |w| {
            match self {
                Self::AttachChannels => {}
                Self::MouseModeRequest { mode } => w.u16(*mode),
                Self::Other { body, .. } => w.sink.put_payload(body),
            }
            Ok(())
        })
    }

    /// Reads a message of type `kind`, above 100.
    pub fn decode(kind: u16, body: &Bytes) -> Result<Self, DecodeError> {
        Ok(match kind {
            104 => Self::AttachChannels,
            105 => Self::MouseModeRequest { mode: Reader::new("MOUSE_MODE_REQUEST", body).u16("mode")? },
            _ => Self::Other { kind, body: body.clone() },
        })
    }
}

/// `SpiceCursor`: the pointer's shape, as a cursor message has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CursorImage {
    /// There is none.
    None,
    /// A shape.
    Shape {
        /// The shape.
        shape: Arc<CursorShape>,
        /// The client keeps it under its unique id.
        cache: bool,
    },
    /// The shape that the client has under this id.
    Cached(u64),
}

const NONE: u16 = 1;
const CACHE_ME: u16 = 2;
const FROM_CACHE: u16 = 4;

/// A message of the cursor channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CursorMessage {
    /// The first message: the pointer as it is.
    Init {
        /// Where it is.
        position: Point,
        /// Pointers in the trail.
        trail_length: u16,
        /// Milliseconds between them.
        trail_frequency: u16,
        /// Whether it shows.
        visible: bool,
        /// Its shape.
        cursor: CursorImage,
    },
    /// Forget the pointer and all shapes.
    Reset,
    /// A new shape at a new place.
    Set {
        /// Where it is.
        position: Point,
        /// Whether it shows.
        visible: bool,
        /// Its shape.
        cursor: CursorImage,
    },
    /// Another place.
    Move {
        /// Where it is.
        position: Point,
    },
    /// No pointer shows.
    Hide,
    /// A trail behind the pointer.
    Trail {
        /// Pointers in the trail.
        length: u16,
        /// Milliseconds between them.
        frequency: u16,
    },
    /// A shape leaves the cache.
    InvalOne {
        /// Its id.
        id: u64,
    },
    /// All shapes leave the cache.
    InvalAll,
}

const CURSOR_NAMES: [&str; 8] = [
    "CURSOR_INIT",
    "CURSOR_RESET",
    "CURSOR_SET",
    "CURSOR_MOVE",
    "CURSOR_HIDE",
    "CURSOR_TRAIL",
    "CURSOR_INVAL_ONE",
    "CURSOR_INVAL_ALL",
];

impl CursorMessage {
    const fn index(&self) -> u16 {
        match self {
            Self::Init { .. } => 0,
            Self::Reset => 1,
            Self::Set { .. } => 2,
            Self::Move { .. } => 3,
            Self::Hide => 4,
            Self::Trail { .. } => 5,
            Self::InvalOne { .. } => 6,
            Self::InvalAll => 7,
        }
    }

    /// Appends the message; on an error nothing is appended.
    pub fn encode(&self, framing: Framing, sink: &mut impl Sink) -> Result<(), EncodeError> {
        let index = self.index();
        framing.message(101 + index, CURSOR_NAMES[usize::from(index)], sink, |w| {
            match self {
                Self::Init { position, trail_length, trail_frequency, visible, cursor } => {
                    put_position(w, position)?;
                    w.u16(*trail_length);
                    w.u16(*trail_frequency);
                    w.u8((*visible).into());
                    put_cursor(w, cursor)?;
                }
                Self::Set { position, visible, cursor } => {
                    put_position(w, position)?;
                    w.u8((*visible).into());
                    put_cursor(w, cursor)?;
                }
                Self::Move { position } => put_position(w, position)?,
                Self::Trail { length, frequency } => {
                    w.u16(*length);
                    w.u16(*frequency);
                }
                Self::InvalOne { id } => w.u64(*id),
                Self::Reset | Self::Hide | Self::InvalAll => {}
            }
            Ok(())
        })
    }

    /// Reads a message of type `kind`, above 100.
    pub fn decode(kind: u16, body: &Bytes) -> Result<Self, DecodeError> {
        let name = kind.checked_sub(101).and_then(|n| CURSOR_NAMES.get(usize::from(n)));
        let r = &mut Reader::new(name.unwrap_or(&"cursor message"), body);
        Ok(match kind {
            101 => Self::Init {
                position: take_position(r)?,
                trail_length: r.u16("trail_length")?,
                trail_frequency: r.u16("trail_frequency")?,
                visible: r.u8("visible")? != 0,
                cursor: take_cursor(r)?,
            },
            102 => Self::Reset,
            103 => Self::Set {
                position: take_position(r)?,
                visible: r.u8("visible")? != 0,
                cursor: take_cursor(r)?,
            },
            104 => Self::Move { position: take_position(r)? },
            105 => Self::Hide,
            106 => Self::Trail { length: r.u16("length")?, frequency: r.u16("frequency")? },
            107 => Self::InvalOne { id: r.u64("id")? },
            108 => Self::InvalAll,
            _ => return Err(r.error("type", 0, DecodeReason::Value(kind.into()))),
        })
    }
}

fn put_position<S: Sink>(w: &mut Writer<'_, S>, position: &Point) -> Result<(), EncodeError> {
    for v in [position.x, position.y] {
        let v = i16::try_from(v).map_err(|_| w.error("position", EncodeReason::Range(v.into())))?;
        w.u16(v as u16);
    }
    Ok(())
}

fn take_position(r: &mut Reader<'_>) -> Result<Point, DecodeError> {
    let mut v = || r.u16("position").map(|v| i32::from(v as i16));
    Ok(Point { x: v()?, y: v()? })
}

fn put_cursor<S: Sink>(w: &mut Writer<'_, S>, cursor: &CursorImage) -> Result<(), EncodeError> {
    let (flags, unique, shape) = match cursor {
        CursorImage::None => {
            w.u16(NONE);
            return Ok(());
        }
        CursorImage::Shape { shape, cache } => (if *cache { CACHE_ME } else { 0 }, shape.unique, Some(shape)),
        CursorImage::Cached(id) => (FROM_CACHE, *id, None),
    };
    w.u16(flags);
    w.u64(unique);
    let Some(shape) = shape else {
        w.sink.put(&[0; 9]);
        return Ok(());
    };
    let kind =
        u8::try_from(shape.kind).map_err(|_| w.error("type", EncodeReason::Range(shape.kind.into())))?;
    w.u8(kind);
    for v in [shape.width, shape.height, shape.hot_spot_x, shape.hot_spot_y] {
        w.u16(v);
    }
    w.sink.put_payload(&shape.data);
    Ok(())
}

fn take_cursor(r: &mut Reader<'_>) -> Result<CursorImage, DecodeError> {
    let flags = r.u16("cursor.flags")?;
    if flags & NONE != 0 {
        return Ok(CursorImage::None);
    }
    let unique = r.u64("cursor.unique")?;
    let kind = r.u8("cursor.type")?;
    let (width, height) = (r.u16("cursor.width")?, r.u16("cursor.height")?);
    let (hot_spot_x, hot_spot_y) = (r.u16("cursor.hot_spot_x")?, r.u16("cursor.hot_spot_y")?);
    if flags & FROM_CACHE != 0 {
        return Ok(CursorImage::Cached(unique));
    }
    if kind > 6 {
        return Err(r.error("cursor.type", 9, DecodeReason::Value(kind.into())));
    }
    let data = r.rest();
    let shape = CursorShape { unique, kind: kind.into(), width, height, hot_spot_x, hot_spot_y, data };
    Ok(CursorImage::Shape { shape: Arc::new(shape), cache: flags & CACHE_ME != 0 })
}

/// `SPICE_MSG_INPUTS_INIT` with no lock key on, and `SPICE_MSG_INPUTS_MOUSE_MOTION_ACK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputsMessage {
    /// The first message.
    Init {
        /// Bit 0 scroll lock, bit 1 num lock, bit 2 caps lock.
        modifiers: u16,
    },
    /// Four messages of mouse motion were taken.
    MouseMotionAck,
}

impl InputsMessage {
    /// Client messages of mouse motion and position that ask for one [`InputsMessage::MouseMotionAck`].
    pub const MOTION_ACK_BUNCH: u32 = 4;

    /// Whether a client's message of this type counts towards an acknowledgement.
    pub const fn is_motion(kind: u16) -> bool {
        matches!(kind, 111 | 112)
    }

    /// Appends the message; on an error nothing is appended.
    pub fn encode(&self, framing: Framing, sink: &mut impl Sink) -> Result<(), EncodeError> {
        match self {
            Self::Init { modifiers } => framing.message(101, "INPUTS_INIT", sink, |w| {
                w.u16(*modifiers);
                Ok(())
            }),
            Self::MouseMotionAck => framing.message(111, "MOUSE_MOTION_ACK", sink, |_| Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::split;

    fn shape() -> Arc<CursorShape> {
        let data = Bytes::from_static(&[1, 2, 3, 4, 5, 6, 7, 8]);
        Arc::new(CursorShape { unique: 7, kind: 0, width: 2, height: 1, hot_spot_x: 1, hot_spot_y: 0, data })
    }

    fn body(encode: impl FnOnce(Framing, &mut Vec<u8>) -> Result<(), EncodeError>) -> (u16, Bytes) {
        let mut out = Vec::new();
        encode(Framing::Mini, &mut out).unwrap();
        let (message, rest) = split(Framing::Mini, &out.into(), 1 << 20).unwrap().unwrap();
        assert!(rest.is_empty());
        (message.kind, message.body)
    }

    #[test]
    fn main_messages_come_back_and_no_prefix_panics() {
        let init = MainInit {
            session_id: 1,
            display_channels_hint: 2,
            supported_mouse_modes: 3,
            current_mouse_mode: 1,
            agent_connected: 0,
            agent_tokens: 10,
            multi_media_time: 77,
            ram_hint: 0,
        };
        for m in [
            MainMessage::Init(init),
            MainMessage::ChannelsList(vec![(ChannelType::DISPLAY, 0), (ChannelType::CURSOR, 3)]),
            MainMessage::MouseMode { supported: 3, current: 2 },
            MainMessage::MultiMediaTime { time: 5 },
            MainMessage::Name(Bytes::from_static(b"guest")),
            MainMessage::Uuid([9; 16]),
            MainMessage::Other { kind: 107, body: Bytes::new() },
        ] {
            let (kind, bytes) = body(|f, out| m.encode(f, out));
            assert_eq!(MainMessage::decode(kind, &bytes), Ok(m));
            for n in 0..bytes.len() {
                let _ = MainMessage::decode(kind, &bytes.slice(..n)).is_ok();
            }
        }
        let many = Bytes::from_static(&[255, 255, 255, 255, 1, 1]);
        assert!(MainMessage::decode(104, &many).is_err());
        for m in [MainClientMessage::AttachChannels, MainClientMessage::MouseModeRequest { mode: 2 }] {
            let (kind, bytes) = body(|f, out| m.encode(f, out));
            assert_eq!(MainClientMessage::decode(kind, &bytes), Ok(m));
        }
    }

    #[test]
    fn cursor_messages_come_back_and_no_prefix_panics() {
        let position = Point { x: -5, y: 300 };
        let cursor = CursorImage::Shape { shape: shape(), cache: true };
        for m in [
            CursorMessage::Init {
                position,
                trail_length: 1,
                trail_frequency: 2,
                visible: true,
                cursor: cursor.clone(),
            },
            CursorMessage::Init {
                position,
                trail_length: 0,
                trail_frequency: 0,
                visible: false,
                cursor: CursorImage::None,
            },
            CursorMessage::Reset,
            CursorMessage::Set { position, visible: true, cursor },
            CursorMessage::Set { position, visible: false, cursor: CursorImage::Cached(8) },
            CursorMessage::Move { position },
            CursorMessage::Hide,
            CursorMessage::Trail { length: 4, frequency: 9 },
            CursorMessage::InvalOne { id: 1 << 40 },
            CursorMessage::InvalAll,
        ] {
            let (kind, bytes) = body(|f, out| m.encode(f, out));
            assert_eq!(CursorMessage::decode(kind, &bytes), Ok(m));
            for n in 0..bytes.len() {
                let _ = CursorMessage::decode(kind, &bytes.slice(..n)).is_ok();
            }
        }
        let far = CursorMessage::Move { position: Point { x: 40000, y: 0 } };
        assert!(far.encode(Framing::Mini, &mut Vec::new()).is_err());
    }
}
