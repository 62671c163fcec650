//! Handshakes over loopback, and hostile ones.

use super::*;
use crate::wire::link::ChannelType;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    for s in [&client, &server] {
        s.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }
    (client, server)
}

fn handshake(
    client_password: &str,
    server_password: Option<&'static str>,
    wanted: LinkStatus,
) -> (Result<Linked, Error>, Result<Accepted, Error>) {
    let (mut client, mut server) = pair();
    let thread = std::thread::spawn(move || {
        let key = ServerKey::generate()?;
        let message = greet(&mut server, &[])?;
        accept(
            &mut server,
            message,
            wanted,
            &Greeting { key: &key, password: server_password, channel_caps: &[5] },
        )
    });
    let request = LinkRequest {
        connection_id: 9,
        channel_type: ChannelType::DISPLAY,
        channel_id: 0,
        channel_caps: vec![0x3f],
        password: client_password,
    };
    let linked = connect(&mut client, &request);
    (linked, thread.join().unwrap())
}

#[test]
fn both_sides_agree() {
    let longest: String = "p".repeat(60);
    let longest: &'static str = longest.leak();
    for (given, wanted) in
        [("", None), ("whatever", None), ("secret", Some("secret")), (longest, Some(longest))]
    {
        let (linked, accepted) = handshake(given, wanted, LinkStatus::OK);
        let (linked, accepted) = (linked.unwrap(), accepted.unwrap());
        assert_eq!(linked.negotiated, accepted.negotiated);
        assert!(linked.negotiated.mini_header && linked.negotiated.auth_selection);
        assert_eq!(linked.channel_caps, [5]);
        let m = accepted.message;
        assert_eq!((m.connection_id, m.channel_type, m.channel_id), (9, ChannelType::DISPLAY, 0));
        assert_eq!((m.common_caps, m.channel_caps), (vec![11], vec![0x3f]));
    }
}

#[test]
fn wrong_passwords_and_unwanted_channels_are_refused() {
    for given in ["", "Secret", "secret2", "secre"] {
        let (linked, accepted) = handshake(given, Some("secret"), LinkStatus::OK);
        assert!(matches!(linked, Err(Error::Refused(LinkStatus::PERMISSION_DENIED))), "{given}");
        assert!(matches!(accepted, Err(Error::WrongPassword)), "{given}");
    }
    let (linked, accepted) = handshake("", None, LinkStatus::BAD_CONNECTION_ID);
    assert!(matches!(linked, Err(Error::Refused(LinkStatus::BAD_CONNECTION_ID))));
    assert!(matches!(accepted, Err(Error::Refused(LinkStatus::BAD_CONNECTION_ID))));
    let (linked, _) = handshake(&"p".repeat(61), None, LinkStatus::OK);
    assert!(matches!(linked, Err(Error::Password(PasswordTooLong { len: 61 }))));
}

/// A stream that gives some bytes, a few at a time, and forgets what is written.
struct Canned<'a>(&'a [u8], usize);

impl io::Read for Canned<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = to.len().min(self.1).min(self.0.len());
        to[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

impl io::Write for Canned<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(from.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn damaged_handshakes_end_in_errors() {
    let key = ServerKey::generate().unwrap();
    let request = LinkRequest {
        connection_id: 0,
        channel_type: ChannelType::MAIN,
        channel_id: 0,
        channel_caps: vec![],
        password: "x",
    };
    // What a server says ...
    let mut server = Vec::new();
    let reply = crate::wire::link::LinkReply {
        status: LinkStatus::OK,
        public_key: *key.public_der(),
        common_caps: vec![11],
        channel_caps: vec![],
    };
    reply.encode(&mut server);
    server.extend([0; 4]);
    assert!(connect(&mut Canned(&server, 7), &request).is_ok());
    for n in (0..server.len()).step_by(3) {
        assert!(connect(&mut Canned(&server[..n], 7), &request).is_err(), "{n} bytes");
    }
    // (A flipped bit in the key may well make another key.)
    for at in 0..server.len() {
        for flip in [1, 0x80] {
            let mut bytes = server.clone();
            bytes[at] ^= flip;
            let _ = connect(&mut Canned(&bytes, 50), &request).is_ok();
        }
    }
    // ... and what a client says.
    let mut client = Vec::new();
    let message = crate::wire::link::LinkMessage {
        minor: 2,
        connection_id: 0,
        channel_type: ChannelType::MAIN,
        channel_id: 0,
        common_caps: vec![11],
        channel_caps: vec![9],
    };
    message.encode(&mut client);
    client.extend(1u32.to_le_bytes());
    client.extend([0; 128]);
    let serve = |bytes: &[u8], password| {
        let mut stream = Canned(bytes, 7);
        let message = greet(&mut stream, &[])?;
        accept(&mut stream, message, LinkStatus::OK, &Greeting { key: &key, password, channel_caps: &[] })
    };
    assert!(serve(&client, None).is_ok());
    assert!(matches!(serve(&client, Some("x")), Err(Error::WrongPassword)));
    for n in 0..client.len() {
        assert!(serve(&client[..n], None).is_err(), "{n} bytes");
    }
    for at in 0..client.len() {
        for v in [0, 1, 0x7f, 0xff] {
            let mut bytes = client.clone();
            bytes[at] = v;
            let _ = serve(&bytes, None).is_ok();
        }
    }
    client[42] = 2;
    assert!(matches!(serve(&client, None), Err(Error::AuthMechanism { number: 2 })));
}

#[test]
fn messages_are_cut_off_streams() {
    let stream = [4, 0, 3, 0, 0, 0, 7, 8, 9, 5, 0, 0, 0, 0, 0];
    let mut reader = MessageReader::new(Canned(&stream, 2), true, 3);
    let message = reader.next_message().unwrap().unwrap();
    assert_eq!((message.kind, &message.body[..], message.serial), (4, &[7u8, 8, 9][..], None));
    assert_eq!(reader.next_message().unwrap().unwrap().kind, 5);
    assert!(reader.next_message().unwrap().is_none());
    for n in 1..9 {
        assert!(MessageReader::new(Canned(&stream[..n], 2), true, 3).next_message().is_err());
    }
    assert!(matches!(MessageReader::new(Canned(&stream, 9), true, 2).next_message(), Err(Error::TooLong(_))));
    let mut full = vec![9, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0, 6, 0, 0, 0, 77];
    let message = MessageReader::new(Canned(&full, 5), false, 9).next_message().unwrap().unwrap();
    assert_eq!((message.serial, message.sub_list, message.kind, message.body[0]), (Some(9), 6, 4, 77));
    full[10..14].fill(255);
    assert!(matches!(MessageReader::new(Canned(&full, 5), false, 9).next_message(), Err(Error::TooLong(_))));
}
