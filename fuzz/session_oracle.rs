//! What must hold for any bytes on a SPICE connection: the link handshake on both sides, and what a client says after
//! it. Shared by the fuzz targets and by a bounded run on stable (`cargo test --test hostile`).

use spice_render::link::{self, Greeting, LinkRequest, MessageReader, ServerKey};
use spice_render::wire::link::{ChannelType, LinkMessage, LinkReply, LinkStatus};
use spice_render::wire::{ClientMessage, Framing, MainClientMessage, RawMessage};
use std::io::{self, Read, Write};
use std::sync::OnceLock;

/// A peer that says `0`, a few bytes at a time, and hears nothing.
struct Peer<'a>(&'a [u8], usize);

impl Read for Peer<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = to.len().min(self.1).min(self.0.len());
        to[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

impl Write for Peer<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(from.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn key() -> &'static ServerKey {
    static KEY: OnceLock<ServerKey> = OnceLock::new();
    KEY.get_or_init(|| ServerKey::generate().expect("the system gives random numbers"))
}

/// The first byte says how the rest arrives (bits 0 to 5: bytes at a time, less one), whether there is a password
/// (bit 6) and which side hears it (bit 7: the client).
pub fn link(data: &[u8]) {
    let Some((&how, bytes)) = data.split_first() else { return };
    let mut peer = Peer(bytes, usize::from(how & 63) + 1);
    if how & 0x80 != 0 {
        let (channel_caps, password) = (vec![9], "x");
        let channel_type = ChannelType::MAIN;
        let request = LinkRequest { connection_id: 0, channel_type, channel_id: 0, channel_caps, password };
        let _ = link::connect(&mut peer, &request);
        // What can be read is said again in the same bytes.
        if let Ok(Some((reply, _))) = LinkReply::parse(bytes) {
            let mut out = Vec::new();
            reply.encode(&mut out);
            assert_eq!(LinkReply::parse(&out).ok().flatten().map(|r| r.0), Some(reply));
        }
        return;
    }
    if let Ok(message) = link::greet(&mut peer, &[]) {
        let mut out = Vec::new();
        message.encode(&mut out);
        assert_eq!(LinkMessage::parse(&out).ok().flatten().map(|m| m.0), Some(message.clone()));
        let password = (how & 0x40 != 0).then_some("x");
        let greeting = Greeting { key: key(), password, channel_caps: &[9] };
        let accepted = link::accept(&mut peer, message, LinkStatus::OK, &greeting);
        assert!(password.is_none() || accepted.is_err(), "nobody guesses the password");
    }
}

/// The first byte says how the rest arrives (bits 0 to 5), the header (bit 6: 6 bytes, else 18) and the channel (bit 7:
/// main, else display).
pub fn client_messages(data: &[u8]) {
    let Some((&how, bytes)) = data.split_first() else { return };
    let mini = how & 0x40 != 0;
    let mut reader = MessageReader::new(Peer(bytes, usize::from(how & 63) + 1), mini, 1 << 14);
    while let Ok(Some(RawMessage { kind, body, .. })) = reader.next_message() {
        let mut out = Vec::new();
        if how & 0x80 != 0 {
            if let Ok(message) = MainClientMessage::decode(kind, &body) {
                message.encode(Framing::Mini, &mut out).expect("what was read can be said");
                let again = MainClientMessage::decode(kind, &out.split_off(6).into());
                assert_eq!(again.ok(), Some(message));
            }
        } else if let Ok(message) = ClientMessage::decode(kind, &body) {
            message.encode(Framing::Mini, &mut out).expect("what was read can be said");
            let again = ClientMessage::decode(kind, &out.split_off(6).into());
            assert_eq!(again.ok(), Some(message));
        }
    }
}
