//! The client's side of the link.

use super::{Error, read_with, ticket};
use crate::client::caps::CommonCaps;
use crate::wire::link::{ChannelType, LinkMessage, LinkReply, LinkStatus, Negotiated};
use std::io::{Read, Write};

/// Which channel to link to.
#[derive(Clone, Debug)]
pub struct LinkRequest<'a> {
    /// 0 for the main channel; for others the session's id.
    pub connection_id: u32,
    /// The channel.
    pub channel_type: ChannelType,
    /// Which one of that type.
    pub channel_id: u8,
    /// Words of the channel's capabilities.
    pub channel_caps: Vec<u32>,
    /// The password; empty where none is wanted.
    pub password: &'a str,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Linked {
    /// How the channel goes on.
    pub negotiated: Negotiated,
    /// Words of the server's capabilities on this channel.
    pub channel_caps: Vec<u32>,
}

/// What this client has on every channel.
const COMMON: CommonCaps =
    CommonCaps(CommonCaps::PROTOCOL_AUTH_SELECTION.0 | CommonCaps::AUTH_SPICE.0 | CommonCaps::MINI_HEADER.0);

/// `SPICE_COMMON_CAP_AUTH_SPICE`, the number by which the ticket is chosen.
pub(super) const AUTH_SPICE: u32 = 1;

/// Links a channel on a connection that was just made.
///
/// # Errors
/// If the stream fails, the server's reply cannot be read, or it refuses ([`Error::Refused`]).
pub fn connect<S: Read + Write>(stream: &mut S, request: &LinkRequest<'_>) -> Result<Linked, Error> {
    let mut out = Vec::new();
    let message = LinkMessage {
        minor: 2,
        connection_id: request.connection_id,
        channel_type: request.channel_type,
        channel_id: request.channel_id,
        common_caps: COMMON.words(),
        channel_caps: request.channel_caps.clone(),
    };
    message.encode(&mut out);
    stream.write_all(&out)?;
    stream.flush()?;
    let reply = read_with(stream, &[], LinkReply::parse)?;
    if reply.status != LinkStatus::OK {
        return Err(Error::Refused(reply.status));
    }
    let negotiated = Negotiated::new(COMMON, CommonCaps::from_words(&reply.common_caps));
    out.clear();
    if negotiated.auth_selection {
        out.extend(AUTH_SPICE.to_le_bytes());
    }
    out.extend(ticket::encrypt(&reply.public_key, request.password)?);
    stream.write_all(&out)?;
    stream.flush()?;
    let mut result = [0; 4];
    stream.read_exact(&mut result)?;
    match LinkStatus(u32::from_le_bytes(result)) {
        LinkStatus::OK => Ok(Linked { negotiated, channel_caps: reply.channel_caps }),
        status => Err(Error::Refused(status)),
    }
}
