//! Messages off a byte stream.

use super::Error;
use crate::wire::{FrameTooLong, Framing, RawMessage};
use bytes::Bytes;
use std::io::{self, BufReader, Read};

/// Cuts a stream into messages. A size that a header declares is not believed: memory grows with what arrives.
#[derive(Debug)]
pub struct MessageReader<R> {
    stream: BufReader<R>,
    full: bool,
    limit: u32,
}

impl<R: Read> MessageReader<R> {
    /// Messages with the header of 6 bytes (`mini_header`) or 18, with bodies of at most `limit` bytes.
    pub fn new(stream: R, mini_header: bool, limit: u32) -> Self {
        Self { stream: BufReader::new(stream), full: !mini_header, limit }
    }

    /// The next message; `None` where the stream ends between two messages.
    ///
    /// # Errors
    /// [`Error::TooLong`], and [`Error::Io`] where the stream fails or ends within a message. Nothing can be read after
    /// an error.
    pub fn next_message(&mut self) -> Result<Option<RawMessage>, Error> {
        let mut header = [0; 18];
        let framing = if self.full { Framing::Full { serial: 0 } } else { Framing::Mini };
        let header = &mut header[..framing.size()];
        let mut got = 0;
        while got < header.len() {
            match self.stream.read(&mut header[got..]) {
                Ok(0) if got == 0 => return Ok(None),
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(n) => got += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        let (serial, rest) = match header.split_first_chunk::<8>() {
            Some((serial, rest)) if self.full => (Some(u64::from_le_bytes(*serial)), rest),
            _ => (None, &*header),
        };
        let number = |at: usize| {
            rest.get(at..at + 4).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
        };
        let kind = u16::from_le_bytes([rest[0], rest[1]]);
        let (size, sub_list) = (number(2), number(6));
        if size > self.limit {
            return Err(Error::TooLong(FrameTooLong { kind, size, limit: self.limit }));
        }
        let mut body = Vec::new();
        self.stream.by_ref().take(size.into()).read_to_end(&mut body)?;
        if body.len() != size as usize {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(Some(RawMessage { kind, serial, sub_list, body: Bytes::from(body) }))
    }
}
