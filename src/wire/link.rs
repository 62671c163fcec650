//! The link: how a connection becomes a channel (protocol 2.2, `spice/protocol.h`).
//!
//! The client sends a [`LinkMessage`], the server a [`LinkReply`] with its public key, the client its way of
//! authentication and the ticket, the server a [`LinkStatus`]. After that, messages with headers follow. All of it is
//! little endian and packed; offsets count from the first byte behind the 16-byte header.
//!
//! Parsing is incremental: it is given what has arrived so far, and says `None` while that is a proper beginning.

use crate::client::caps::CommonCaps;
use std::fmt;

/// `SPICE_TICKET_PUBKEY_BYTES`: an RSA key of 1024 bits as SubjectPublicKeyInfo in DER.
pub const PUBLIC_KEY_BYTES: usize = 162;
/// Bytes of the encrypted ticket.
pub const TICKET_BYTES: usize = 128;
/// `SPICE_MAX_PASSWORD_LENGTH`, in bytes, without the zero behind it.
pub const MAX_PASSWORD: usize = 60;

const MAGIC: [u8; 4] = *b"REDQ";
const HEADER: usize = 16;
const MESSAGE: usize = 4 /* connection */ + 1 /* type */ + 1 /* id */ + 4 + 4 /* counts */ + 4 /* offset */;
const REPLY: usize = 4 /* error */ + PUBLIC_KEY_BYTES + 4 + 4 /* counts */ + 4 /* offset */;
/// The longest body that is read: real ones take 18 to 30 bytes, replies 178 to 200.
const LONGEST: u32 = 4096;

/// `SPICE_CHANNEL_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelType(pub u8);

#[allow(missing_docs, reason = "named by the protocol")]
impl ChannelType {
    pub const MAIN: Self = Self(1);
    pub const DISPLAY: Self = Self(2);
    pub const INPUTS: Self = Self(3);
    pub const CURSOR: Self = Self(4);
}

impl fmt::Display for ChannelType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 11] = [
            "main",
            "display",
            "inputs",
            "cursor",
            "playback",
            "record",
            "tunnel",
            "smartcard",
            "usbredir",
            "port",
            "webdav",
        ];
        match usize::from(self.0).checked_sub(1).and_then(|n| NAMES.get(n)) {
            Some(name) => f.write_str(name),
            None => write!(f, "channel type {}", self.0),
        }
    }
}

/// `SPICE_LINK_ERR_*`: how the server answers a link message or a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkStatus(pub u32);

#[allow(missing_docs, reason = "named by the protocol")]
impl LinkStatus {
    pub const OK: Self = Self(0);
    pub const ERROR: Self = Self(1);
    pub const INVALID_MAGIC: Self = Self(2);
    pub const INVALID_DATA: Self = Self(3);
    pub const VERSION_MISMATCH: Self = Self(4);
    pub const NEED_SECURED: Self = Self(5);
    pub const NEED_UNSECURED: Self = Self(6);
    pub const PERMISSION_DENIED: Self = Self(7);
    pub const BAD_CONNECTION_ID: Self = Self(8);
    pub const CHANNEL_NOT_AVAILABLE: Self = Self(9);
}

/// A sentence for the user.
impl fmt::Display for LinkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::OK => "the server agreed",
            Self::ERROR => "the server has an error of its own",
            Self::INVALID_MAGIC => "the server takes this for another protocol",
            Self::INVALID_DATA => "the server could not read the link message",
            Self::VERSION_MISMATCH => "the server speaks another version of the protocol",
            Self::NEED_SECURED => "the server wants TLS",
            Self::NEED_UNSECURED => "the server wants no TLS",
            Self::PERMISSION_DENIED => "the server wants another password",
            Self::BAD_CONNECTION_ID => "the server does not know the session",
            Self::CHANNEL_NOT_AVAILABLE => "the server has no such channel",
            _ => return write!(f, "the server answered with error {}", self.0),
        })
    }
}

/// A link message or reply cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// The first bytes are not `REDQ`.
    Magic,
    /// Another major version than 2.
    Version {
        /// The major version.
        major: u32,
    },
    /// The header announces a body that is too short or too long.
    Size {
        /// Bytes announced.
        size: u32,
    },
    /// The capability words do not lie inside the body.
    Caps {
        /// Where they begin.
        offset: u32,
        /// How many of them there are, common and channel.
        words: u64,
        /// Bytes of the body.
        size: u32,
    },
}

impl LinkError {
    /// What a server answers.
    pub const fn status(self) -> LinkStatus {
        match self {
            Self::Magic => LinkStatus::INVALID_MAGIC,
            Self::Version { .. } => LinkStatus::VERSION_MISMATCH,
            Self::Size { .. } | Self::Caps { .. } => LinkStatus::INVALID_DATA,
        }
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("link: magic is not REDQ"),
            Self::Version { major } => write!(f, "link: major_version is {major}, not 2"),
            Self::Size { size } => write!(f, "link: size is {size} bytes"),
            Self::Caps { offset, words, size } => {
                write!(f, "link: caps_offset {offset} and {words} words leave a body of {size} bytes")
            }
        }
    }
}

impl std::error::Error for LinkError {}

/// `SpiceLinkMess`: what a client wants to link to, and what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkMessage {
    /// The client's minor version of protocol 2.
    pub minor: u32,
    /// 0 on the first channel; on others the session's id, as the main channel's INIT gave it.
    pub connection_id: u32,
    /// The channel wanted.
    pub channel_type: ChannelType,
    /// Which one of that type.
    pub channel_id: u8,
    /// Words of common capabilities.
    pub common_caps: Vec<u32>,
    /// Words of the channel's capabilities.
    pub channel_caps: Vec<u32>,
}

/// `SpiceLinkReply`: the server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReply {
    /// Whether the channel can be had.
    pub status: LinkStatus,
    /// SubjectPublicKeyInfo in DER: the key for the ticket.
    pub public_key: [u8; PUBLIC_KEY_BYTES],
    /// Words of common capabilities.
    pub common_caps: Vec<u32>,
    /// Words of the channel's capabilities.
    pub channel_caps: Vec<u32>,
}

/// How a channel goes on after the link: what both sides have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The client names its way of authentication before the ticket.
    pub auth_selection: bool,
    /// Headers are of the 6-byte kind.
    pub mini_header: bool,
}

impl Negotiated {
    /// From the common capabilities of both sides.
    pub fn new(client: CommonCaps, server: CommonCaps) -> Self {
        let both = client.intersection(server);
        Self {
            auth_selection: both.contains(CommonCaps::PROTOCOL_AUTH_SELECTION),
            mini_header: both.contains(CommonCaps::MINI_HEADER),
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

/// Minor version, body, bytes of header and body.
type Framed<'a> = (u32, &'a [u8], usize);

/// The header and the body behind it.
fn body(bytes: &[u8], least: usize) -> Result<Option<Framed<'_>>, LinkError> {
    let magic = &bytes[..bytes.len().min(4)];
    if magic != &MAGIC[..magic.len()] {
        return Err(LinkError::Magic);
    }
    match word(bytes, 4) {
        Some(2) | None => {}
        Some(major) => return Err(LinkError::Version { major }),
    }
    let (Some(minor), Some(size)) = (word(bytes, 8), word(bytes, 12)) else { return Ok(None) };
    if size > LONGEST || (size as usize) < least {
        return Err(LinkError::Size { size });
    }
    let end = HEADER + size as usize;
    Ok(bytes.get(HEADER..end).map(|body| (minor, body, end)))
}

/// The capability words that the three numbers at `at` tell of.
fn caps(body: &[u8], at: usize) -> Result<(Vec<u32>, Vec<u32>), LinkError> {
    let field = |n: usize| word(body, at + 4 * n).unwrap_or(0);
    let (common, channel, offset) = (field(0), field(1), field(2));
    let words = u64::from(common) + u64::from(channel);
    let size = body.len();
    let found =
        usize::try_from(offset).ok().and_then(|at| body.get(at..)).filter(|b| b.len() as u64 / 4 >= words);
    let Some(found) = found else { return Err(LinkError::Caps { offset, words, size: size as u32 }) };
    let mut all = found.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b));
    let common = all.by_ref().take(common as usize).collect();
    Ok((common, all.take(channel as usize).collect()))
}

fn put(out: &mut Vec<u8>, minor: u32, fixed: &[u8], common: &[u32], channel: &[u32]) {
    let offset = fixed.len() + 12;
    let size = offset + 4 * (common.len() + channel.len());
    out.extend(MAGIC);
    for v in [2, minor, size as u32] {
        out.extend(v.to_le_bytes());
    }
    out.extend(fixed);
    for v in [common.len() as u32, channel.len() as u32, offset as u32] {
        out.extend(v.to_le_bytes());
    }
    out.extend(common.iter().chain(channel).flat_map(|w| w.to_le_bytes()));
}

impl LinkMessage {
    /// Appends the message and its header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let [a, b, c, d] = self.connection_id.to_le_bytes();
        let fixed = [a, b, c, d, self.channel_type.0, self.channel_id];
        put(out, self.minor, &fixed, &self.common_caps, &self.channel_caps);
    }

    /// Reads a message from the first bytes of a connection, and says how many it took; `None` if more must come.
    ///
    /// # Errors
    /// As soon as the bytes cannot be the beginning of a link message.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, LinkError> {
        let Some((minor, body, taken)) = body(bytes, MESSAGE)? else { return Ok(None) };
        let (common_caps, channel_caps) = caps(body, 6)?;
        let connection_id = word(body, 0).unwrap_or(0);
        let (channel_type, channel_id) = (ChannelType(body[4]), body[5]);
        Ok(Some((Self { minor, connection_id, channel_type, channel_id, common_caps, channel_caps }, taken)))
    }
}

impl LinkReply {
    /// Appends the reply and its header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut fixed = self.status.0.to_le_bytes().to_vec();
        fixed.extend(self.public_key);
        put(out, 2, &fixed, &self.common_caps, &self.channel_caps);
    }

    /// Reads a reply from the first bytes that a server sends, and says how many it took; `None` if more must come.
    ///
    /// # Errors
    /// As soon as the bytes cannot be the beginning of a link reply.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, LinkError> {
        let Some((_, body, taken)) = body(bytes, REPLY)? else { return Ok(None) };
        let (common_caps, channel_caps) = caps(body, 4 + PUBLIC_KEY_BYTES)?;
        let status = LinkStatus(word(body, 0).unwrap_or(0));
        let mut public_key = [0; PUBLIC_KEY_BYTES];
        public_key.copy_from_slice(&body[4..4 + PUBLIC_KEY_BYTES]);
        Ok(Some((Self { status, public_key, common_caps, channel_caps }, taken)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> LinkMessage {
        LinkMessage {
            minor: 2,
            connection_id: 0x1234_5678,
            channel_type: ChannelType::DISPLAY,
            channel_id: 0,
            common_caps: vec![11],
            channel_caps: vec![0x3bf, 7],
        }
    }

    fn reply() -> LinkReply {
        let public_key = std::array::from_fn(|n| n as u8);
        LinkReply { status: LinkStatus::OK, public_key, common_caps: vec![9, 1], channel_caps: Vec::new() }
    }

    #[test]
    fn as_the_protocol_has_it() {
        let mut bytes = Vec::new();
        message().encode(&mut bytes);
        let expected = "5245445102000000020000001e000000\
                        7856341202000100000002000000120000000b000000bf03000007000000";
        assert_eq!(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>(), expected);
        bytes.clear();
        reply().encode(&mut bytes);
        assert_eq!(bytes.len(), 16 + 178 + 8);
    }

    #[test]
    fn every_prefix_wants_more_and_the_whole_comes_back() {
        let (mut m, mut r) = (Vec::new(), Vec::new());
        message().encode(&mut m);
        reply().encode(&mut r);
        for n in 0..m.len() {
            assert_eq!(LinkMessage::parse(&m[..n]), Ok(None), "{n} bytes");
        }
        for n in 0..r.len() {
            assert_eq!(LinkReply::parse(&r[..n]), Ok(None), "{n} bytes");
        }
        let (m_len, r_len) = (m.len(), r.len());
        m.extend([1, 2, 3]);
        r.extend([1, 2, 3]);
        assert_eq!(LinkMessage::parse(&m), Ok(Some((message(), m_len))));
        assert_eq!(LinkReply::parse(&r), Ok(Some((reply(), r_len))));
    }

    #[test]
    fn what_cannot_be_a_link_message_is_refused_at_once() {
        let mut good = Vec::new();
        message().encode(&mut good);
        let with = |at: usize, v: u32| {
            let mut bytes = good.clone();
            bytes[at..at + 4].copy_from_slice(&v.to_le_bytes());
            LinkMessage::parse(&bytes)
        };
        assert_eq!(LinkMessage::parse(b"RF"), Err(LinkError::Magic));
        assert_eq!(with(4, 1), Err(LinkError::Version { major: 1 }));
        assert_eq!(with(12, 17), Err(LinkError::Size { size: 17 }));
        assert_eq!(with(12, u32::MAX), Err(LinkError::Size { size: u32::MAX }));
        let size = 30;
        assert_eq!(
            with(22, u32::MAX),
            Err(LinkError::Caps { offset: 18, words: u64::from(u32::MAX) + 2, size })
        );
        assert_eq!(with(26, 3), Err(LinkError::Caps { offset: 18, words: 4, size }));
        assert_eq!(with(30, 19), Err(LinkError::Caps { offset: 19, words: 3, size }));
        assert_eq!(with(30, u32::MAX), Err(LinkError::Caps { offset: u32::MAX, words: 3, size }));
        // No words at all may be anywhere within.
        let bare = LinkMessage { common_caps: vec![], channel_caps: vec![], ..message() };
        let mut bytes = Vec::new();
        bare.encode(&mut bytes);
        assert_eq!(LinkMessage::parse(&bytes), Ok(Some((bare, 34))));
    }

    #[test]
    fn mutations_never_panic() {
        let (mut m, mut r) = (Vec::new(), Vec::new());
        message().encode(&mut m);
        reply().encode(&mut r);
        for bytes in [m, r] {
            for at in 0..bytes.len() {
                for v in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut bytes = bytes.clone();
                    bytes[at] = v;
                    let _ = LinkMessage::parse(&bytes);
                    let _ = LinkReply::parse(&bytes);
                }
            }
        }
    }
}
