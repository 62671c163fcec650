//! Linking: from a byte stream to a channel with messages, as client and as server.
//!
//! [`connect`] and [`accept`] do the handshake over anything that reads and writes; [`MessageReader`] then cuts the
//! stream into messages. Time limits are the stream's own business (`TcpStream::set_read_timeout`).

mod channel;
mod client;
mod server;
mod ticket;

pub use channel::MessageReader;
pub use client::{LinkRequest, Linked, connect};
pub use server::{Accepted, Greeting, accept, greet};
pub use ticket::{PasswordTooLong, ServerKey, password_matches};

use crate::wire::link::{LinkError, LinkStatus};
use crate::wire::{DecodeError, FrameTooLong};
use std::{fmt, io};

/// A channel could not be had, or went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The connection failed, took too long, or ended where it must not.
    Io(io::Error),
    /// The peer's link message or reply cannot be read.
    Link(LinkError),
    /// The server does not want us.
    Refused(LinkStatus),
    /// The server's key is no RSA key of 1024 bits, or does not encrypt.
    PublicKey,
    /// A password is longer than a ticket holds.
    Password(PasswordTooLong),
    /// The client's way of authentication is not the ticket.
    AuthMechanism {
        /// `SPICE_COMMON_CAP_AUTH_*`.
        number: u32,
    },
    /// The client's ticket is not the password.
    WrongPassword,
    /// A message is longer than is allowed.
    TooLong(FrameTooLong),
    /// A message cannot be read.
    Message(DecodeError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the connection ended early")
            }
            Self::Io(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                f.write_str("the peer took too long")
            }
            Self::Io(e) => e.fmt(f),
            Self::Link(e) => e.fmt(f),
            Self::Refused(status) => status.fmt(f),
            Self::PublicKey => f.write_str("the server's public key is not an RSA key of 1024 bits"),
            Self::Password(e) => e.fmt(f),
            Self::AuthMechanism { number } => {
                write!(f, "the client wants authentication {number}, which is not the ticket")
            }
            Self::WrongPassword => f.write_str("the client has another password"),
            Self::TooLong(e) => e.fmt(f),
            Self::Message(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<LinkError> for Error {
    fn from(e: LinkError) -> Self {
        Self::Link(e)
    }
}

impl From<DecodeError> for Error {
    fn from(e: DecodeError) -> Self {
        Self::Message(e)
    }
}

/// Reads exactly as many bytes as `parse` wants: it gets what has come so far, and says `None` while that is too
/// little. `first` has come already. Whatever is longer than a link message is the parser's to refuse.
fn read_with<T>(
    stream: &mut impl io::Read,
    first: &[u8],
    parse: impl Fn(&[u8]) -> Result<Option<(T, usize)>, LinkError>,
) -> Result<T, Error> {
    let mut bytes = first.to_vec();
    loop {
        if let Some((value, _)) = parse(&bytes)? {
            return Ok(value);
        }
        // The header says in its last word how long the body is; before it, only the header is safe to read.
        let wanted = match bytes.get(12..16).and_then(|b| b.first_chunk()) {
            Some(size) => 16 + u32::from_le_bytes(*size) as usize,
            None => 16,
        };
        let at = bytes.len();
        bytes.resize(wanted.max(at + 1), 0);
        // The parser is asked after every piece, so that rubbish is refused before its end is waited for.
        let n = stream.read(&mut bytes[at..])?;
        bytes.truncate(at + n);
        if n == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

#[cfg(test)]
mod tests;
