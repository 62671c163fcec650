//! The server's side of the link.

use super::client::AUTH_SPICE;
use super::{Error, ServerKey, password_matches, read_with};
use crate::client::caps::CommonCaps;
use crate::wire::link::{LinkMessage, LinkReply, LinkStatus, Negotiated, PUBLIC_KEY_BYTES, TICKET_BYTES};
use std::io::{Read, Write};

/// What this server has on every channel.
const COMMON: CommonCaps =
    CommonCaps(CommonCaps::PROTOCOL_AUTH_SELECTION.0 | CommonCaps::AUTH_SPICE.0 | CommonCaps::MINI_HEADER.0);

/// How a server answers a link message that it understood.
#[derive(Clone, Copy, Debug)]
pub struct Greeting<'a> {
    /// The key, for this link only if there is a password.
    pub key: &'a ServerKey,
    /// The password; without one any ticket will do.
    pub password: Option<&'a str>,
    /// Words of the server's capabilities on this channel.
    pub channel_caps: &'a [u32],
}

/// A channel that a client has linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What the client asked for and announced.
    pub message: LinkMessage,
    /// How the channel goes on.
    pub negotiated: Negotiated,
}

/// Reads the link message with which a client begins; `first` of it have come already. Where the message makes no sense
/// the client is told.
///
/// # Errors
/// If the stream fails or the message cannot be read.
pub fn greet<S: Read + Write>(stream: &mut S, first: &[u8]) -> Result<LinkMessage, Error> {
    let message = read_with(stream, first, LinkMessage::parse);
    if let Err(Error::Link(e)) = &message {
        refuse(stream, e.status())?;
    }
    message
}

/// Tells the client why it cannot have the channel.
fn refuse<S: Write>(stream: &mut S, status: LinkStatus) -> Result<(), Error> {
    let public_key = [0; PUBLIC_KEY_BYTES];
    let reply = LinkReply { status, public_key, common_caps: Vec::new(), channel_caps: Vec::new() };
    let mut out = Vec::new();
    reply.encode(&mut out);
    stream.write_all(&out)?;
    Ok(stream.flush()?)
}

/// Goes on with a client whose link message was read: `wanted` says whether it may have the channel; then the ticket
/// is asked for and judged. The server's first message may follow at once.
///
/// # Errors
/// If the stream fails, the client is refused, or it has another password.
pub fn accept<S: Read + Write>(
    stream: &mut S,
    message: LinkMessage,
    wanted: LinkStatus,
    greeting: &Greeting<'_>,
) -> Result<Accepted, Error> {
    if wanted != LinkStatus::OK {
        refuse(stream, wanted)?;
        return Err(Error::Refused(wanted));
    }
    let mut out = Vec::new();
    let reply = LinkReply {
        status: LinkStatus::OK,
        public_key: *greeting.key.public_der(),
        common_caps: COMMON.words(),
        channel_caps: greeting.channel_caps.to_vec(),
    };
    reply.encode(&mut out);
    stream.write_all(&out)?;
    stream.flush()?;

    let negotiated = Negotiated::new(CommonCaps::from_words(&message.common_caps), COMMON);
    if negotiated.auth_selection {
        let mut number = [0; 4];
        stream.read_exact(&mut number)?;
        let number = u32::from_le_bytes(number);
        if number != AUTH_SPICE {
            result(stream, LinkStatus::INVALID_DATA)?;
            return Err(Error::AuthMechanism { number });
        }
    }
    let mut ticket = [0; TICKET_BYTES];
    stream.read_exact(&mut ticket)?;
    if let Some(password) = greeting.password {
        let given = greeting.key.decrypt(&ticket);
        if !given.is_some_and(|given| password_matches(&given, password.as_bytes())) {
            result(stream, LinkStatus::PERMISSION_DENIED)?;
            return Err(Error::WrongPassword);
        }
    }
    result(stream, LinkStatus::OK)?;
    Ok(Accepted { message, negotiated })
}

fn result<S: Write>(stream: &mut S, status: LinkStatus) -> Result<(), Error> {
    stream.write_all(&status.0.to_le_bytes())?;
    Ok(stream.flush()?)
}
