//! Headers: where one message ends and the next begins.

use super::error::{DecodeError, DecodeReason, EncodeError};
use super::reader::Reader;
use super::sink::{Sink, Writer};
use bytes::Bytes;
use std::fmt;

/// Which header stands before a message's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// None.
    Body,
    /// `SpiceMiniDataHeader`: type, size. Where both peers have the common capability MINI_HEADER.
    Mini,
    /// `SpiceDataHeader`: serial, type, size, sub-message list.
    Full {
        /// The message's number on its channel, counted from 1; ignored when reading.
        serial: u64,
    },
}

impl Framing {
    /// Bytes of the header: 0, 6 or 18.
    pub const fn size(self) -> usize {
        match self {
            Self::Body => 0,
            Self::Mini => 2 /* type */ + 4, /* size */
            Self::Full { .. } => 8 /* serial */ + 2 /* type */ + 4 /* size */ + 4, /* sub_list */
        }
    }

    /// Writes a message; nothing of it stays in the sink if `body` fails.
    pub(super) fn message<S: Sink>(
        self,
        kind: u16,
        message: &'static str,
        sink: &mut S,
        body: impl FnOnce(&mut Writer<'_, S>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let before = sink.len();
        if let Self::Full { serial } = self {
            sink.put(&serial.to_le_bytes());
        }
        let size_at = sink.len() + 2;
        match self {
            Self::Body => {}
            Self::Mini => sink.put(&header(kind)),
            Self::Full { .. } => {
                sink.put(&header(kind));
                sink.put(&[0; 4]);
            }
        }
        let start = sink.len();
        let mut w = Writer { sink, message, start };
        let done = body(&mut w).and_then(|()| w.count("size", w.sink.len() - start, u32::MAX as usize));
        match done {
            Ok(size) => {
                let size: u32 = size;
                if self != Self::Body {
                    sink.patch(size_at, &size.to_le_bytes());
                }
                Ok(())
            }
            Err(e) => {
                sink.rollback(before);
                Err(e)
            }
        }
    }
}

/// Type and a size of 0.
fn header(kind: u16) -> [u8; 6] {
    let [a, b] = kind.to_le_bytes();
    [a, b, 0, 0, 0, 0]
}

/// A message whose body was not looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// The message's type.
    pub kind: u16,
    /// The number that a full header gives.
    pub serial: Option<u64>,
    /// Where in the body a full header says that a list of [`sub_messages`] is; 0 if there is none.
    pub sub_list: u32,
    /// The body.
    pub body: Bytes,
}

/// A header announces more bytes than the caller allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTooLong {
    /// The message's type.
    pub kind: u16,
    /// Bytes announced.
    pub size: u32,
    /// Bytes allowed.
    pub limit: u32,
}

impl fmt::Display for FrameTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message of type {} announces {} bytes, the limit is {}", self.kind, self.size, self.limit)
    }
}

impl std::error::Error for FrameTooLong {}

/// Cuts the first message off a stream and returns it and the rest; `None` while it is not complete. A body longer
/// than `limit` bytes is an error as soon as its header is there. With [`Framing::Body`] there is no message.
pub fn split(
    framing: Framing,
    stream: &Bytes,
    limit: u32,
) -> Result<Option<(RawMessage, Bytes)>, FrameTooLong> {
    let (serial, rest) = match framing {
        Framing::Body => return Ok(None),
        Framing::Mini => (None, &stream[..]),
        Framing::Full { .. } => match stream.split_first_chunk() {
            Some((serial, rest)) => (Some(u64::from_le_bytes(*serial)), rest),
            None => return Ok(None),
        },
    };
    let Some(([a, b, size @ ..], rest)) = rest.split_first_chunk::<6>() else { return Ok(None) };
    let kind = u16::from_le_bytes([*a, *b]);
    let size = u32::from_le_bytes(*size);
    if size > limit {
        return Err(FrameTooLong { kind, size, limit });
    }
    let sub_list = match (framing, rest.first_chunk()) {
        (Framing::Full { .. }, Some(sub_list)) => u32::from_le_bytes(*sub_list),
        (Framing::Full { .. }, None) => return Ok(None),
        _ => 0,
    };
    let start = framing.size();
    let Some(end) = start.checked_add(size as usize).filter(|end| *end <= stream.len()) else {
        return Ok(None);
    };
    let message = RawMessage { kind, serial, sub_list, body: stream.slice(start..end) };
    Ok(Some((message, stream.slice(end..))))
}

/// The messages of a `SpiceSubMessageList` at byte `at` of a body: the body of LIST (`at` 0), or what
/// [`RawMessage::sub_list`] points to; those are to be handled before the message that holds them.
///
/// They are not looked into: one that is itself a LIST is the caller's to refuse. libspice-server announces the
/// size that the message has in its memory, which is more than it sends: a size that leads out of the body is cut
/// there. Lists that overlap are refused, so that all messages together are at most [`SUB_MESSAGES`] times as long
/// as the body.
pub fn sub_messages(body: &Bytes, at: u32) -> Result<Vec<RawMessage>, DecodeError> {
    let whole = Reader::new("LIST", body);
    let mut r = whole.at("sub_list", at)?;
    let n = r.u16("size")?;
    let mut sum = 0;
    r.many("sub_messages", n.into(), 4, |r| {
        let mut sub = r.some_pointer("sub_messages")?;
        let kind = sub.u16("type")?;
        let size = u64::from(sub.u32("size")?).min(sub.left() as u64);
        sum += size;
        if sum > SUB_MESSAGES * body.len() as u64 {
            return Err(r.error("sub_messages", 4, DecodeReason::Overlap { sum, len: body.len() }));
        }
        let body = sub.bytes("data", size)?;
        Ok(RawMessage { kind, serial: None, sub_list: 0, body })
    })
}

/// How often the bytes of a body may be used by [`sub_messages`]. (A real server's two need less than 2.)
pub const SUB_MESSAGES: u64 = 4;
