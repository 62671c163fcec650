//! WebSocket (RFC 6455), the server's side and no more of it than a browser's SPICE client needs: subprotocol
//! `binary`, no extensions. Text frames, frames without a mask and reserved bits end the connection; how messages are
//! cut into frames means nothing, their payload is one stream.

use sha1::{Digest, Sha1};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The longest request that is read.
const REQUEST: usize = 8192;
/// Bytes of payload in one frame that is sent.
const FRAME: usize = 1 << 16;

fn invalid<T>(why: &'static str) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidData, why))
}

/// Reads the request, of which `first` has come already, and answers it. What is not a WebSocket for SPICE gets a
/// plain answer and an error.
pub(super) fn upgrade<S: Read + Write>(stream: &mut S, first: &[u8]) -> io::Result<()> {
    let mut request = first.to_vec();
    // Byte for byte, so that nothing of what follows the request is taken.
    while !request.ends_with(b"\r\n\r\n") {
        if request.len() >= REQUEST {
            return invalid("the WebSocket request is too long");
        }
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    match response(&request) {
        Some(response) => {
            stream.write_all(response.as_bytes())?;
            stream.flush()
        }
        None => {
            let body = "This is a SPICE server: connect with a SPICE client, or over WebSocket.\n";
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
                 Sec-WebSocket-Version: 13\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes())?;
            invalid("an HTTP request that asks for no WebSocket")
        }
    }
}

/// The answer to a good request.
fn response(request: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(request).ok()?;
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    if (first.next(), first.nth(1)) != (Some("GET"), Some("HTTP/1.1")) {
        return None;
    }
    let headers: Vec<(&str, &str)> =
        lines.filter_map(|line| line.split_once(':')).map(|(k, v)| (k.trim(), v.trim())).collect();
    let all = |name: &str| {
        let wanted = name.to_owned();
        headers.iter().filter(move |(k, _)| k.eq_ignore_ascii_case(&wanted)).flat_map(|(_, v)| v.split(','))
    };
    let has = |name: &str, value: &str| all(name).any(|v| v.trim().eq_ignore_ascii_case(value));
    if !has("Upgrade", "websocket") || !has("Connection", "upgrade") || !has("Sec-WebSocket-Version", "13") {
        return None;
    }
    let key = all("Sec-WebSocket-Key").next().map(str::trim).filter(|k| k.len() == 24)?;
    let accept = base64(&Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
    let mut response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
    );
    if has("Sec-WebSocket-Protocol", "binary") {
        response.push_str("Sec-WebSocket-Protocol: binary\r\n");
    }
    response.push_str("\r\n");
    Some(response)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let byte = |n| u32::from(three.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * n) & 63) as usize];
            out.push(if n <= three.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// The payload of the frames that a client sends, as a stream. Pings are answered through the same connection.
#[derive(Debug)]
pub(super) struct Receiver<S> {
    /// The connection.
    pub(super) stream: S,
    writer: Arc<Mutex<S>>,
    left: u64,
    mask: [u8; 4],
    at: usize,
    closed: bool,
}

impl<S: Read + Write> Receiver<S> {
    pub(super) fn new(stream: S, writer: Arc<Mutex<S>>) -> Self {
        Self { stream, writer, left: 0, mask: [0; 4], at: 0, closed: false }
    }

    /// Reads headers up to a frame with payload of the stream; false at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            let mut head = [0; 2];
            match self.stream.read(&mut head[..1])? {
                0 => return Ok(false),
                _ => self.stream.read_exact(&mut head[1..])?,
            }
            let [first, second] = head;
            if first & 0x70 != 0 {
                return invalid("a WebSocket frame has reserved bits set");
            }
            if second & 0x80 == 0 {
                return invalid("a WebSocket frame from a client has no mask");
            }
            let length = match second & 0x7f {
                126 => {
                    let mut b = [0; 2];
                    self.stream.read_exact(&mut b)?;
                    u16::from_be_bytes(b).into()
                }
                127 => {
                    let mut b = [0; 8];
                    self.stream.read_exact(&mut b)?;
                    u64::from_be_bytes(b)
                }
                n => u64::from(n),
            };
            self.stream.read_exact(&mut self.mask)?;
            match first & 15 {
                0 | 2 => {
                    (self.left, self.at) = (length, 0);
                    if length > 0 {
                        return Ok(true);
                    }
                }
                1 => return invalid("a WebSocket frame of text"),
                kind @ 8..=10 => {
                    let length = usize::try_from(length).ok().filter(|n| *n <= 125 && first & 0x80 != 0);
                    let Some(length) = length else {
                        return invalid("a WebSocket control frame is too long");
                    };
                    let mut payload = [0; 125];
                    let payload = &mut payload[..length];
                    self.stream.read_exact(payload)?;
                    unmask(payload, self.mask, 0);
                    let answer = match kind {
                        8 => 0x88,
                        9 => 0x8a,
                        _ => continue,
                    };
                    let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
                    writer.write_all(&[&[answer, length as u8], &*payload].concat())?;
                    if kind == 8 {
                        return Ok(false);
                    }
                }
                _ => return invalid("a WebSocket frame of an unknown kind"),
            }
        }
    }
}

fn unmask(bytes: &mut [u8], mask: [u8; 4], at: usize) {
    for (n, b) in bytes.iter_mut().enumerate() {
        *b ^= mask[(at + n) % 4];
    }
}

impl<S: Read + Write> Read for Receiver<S> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() || self.closed {
            return Ok(0);
        }
        if self.left == 0 && !self.next_frame()? {
            self.closed = true;
            return Ok(0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(to.len());
        let n = self.stream.read(&mut to[..most])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        unmask(&mut to[..n], self.mask, self.at);
        self.at = (self.at + n) % 4;
        self.left -= n as u64;
        Ok(n)
    }
}

/// Sends a stream in frames.
#[derive(Debug)]
pub(super) struct Sender<S>(pub(super) Arc<Mutex<S>>);

impl<S: Write> Write for Sender<S> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        if from.is_empty() {
            return Ok(0);
        }
        let payload = &from[..from.len().min(FRAME)];
        let mut frame = vec![0x82];
        match payload.len() {
            n @ 0..126 => frame.push(n as u8),
            n @ 126..0x1_0000 => {
                frame.push(126);
                frame.extend((n as u16).to_be_bytes());
            }
            n => {
                frame.push(127);
                frame.extend((n as u64).to_be_bytes());
            }
        }
        frame.extend(payload);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&frame)?;
        Ok(payload.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read, and what was written.
    #[derive(Debug, Default)]
    struct Pipe(io::Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Pipe {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let n = to.len().min(3);
            self.0.read(&mut to[..n])
        }
    }
    impl Write for Pipe {
        fn write(&mut self, from: &[u8]) -> io::Result<usize> {
            self.1.extend(from);
            Ok(from.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
        Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: chat, binary\r\nSec-WebSocket-Version: 13\r\n\r\n";

    #[test]
    fn the_example_of_the_rfc() {
        let mut pipe = Pipe(io::Cursor::new(REQUEST.as_bytes()[4..].to_vec()), Vec::new());
        upgrade(&mut pipe, b"GET ").unwrap();
        let answer = String::from_utf8(pipe.1).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
        assert!(answer.contains("\r\nSec-WebSocket-Protocol: binary\r\n"), "{answer}");
    }

    #[test]
    fn other_requests_are_answered_and_refused() {
        for bad in [
            REQUEST.replace("GET", "PUT"),
            REQUEST.replace("Version: 13", "Version: 8"),
            REQUEST.replace("dGhl", ""),
            "GET / HTTP/1.1\r\n\r\n".into(),
        ] {
            let mut pipe = Pipe(io::Cursor::new(bad.into_bytes()), Vec::new());
            assert!(upgrade(&mut pipe, b"").is_err());
            assert!(pipe.1.starts_with(b"HTTP/1.1 426 "));
        }
        let mut endless = Pipe(io::Cursor::new(vec![b'x'; 100_000]), Vec::new());
        assert!(upgrade(&mut endless, b"GET ").is_err());
        assert!(endless.1.is_empty());
    }

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut sender = Sender(Arc::new(Mutex::new(Vec::new())));
        let _ = sender.write(payload).unwrap();
        let mut bytes = sender.0.lock().unwrap().clone();
        if payload.is_empty() {
            bytes = vec![0x82, 0];
        }
        bytes[0] = kind;
        bytes[1] |= 0x80;
        let head = bytes.len() - payload.len();
        unmask(&mut bytes[head..], [1, 2, 3, 4], 0);
        bytes.splice(head..head, [1, 2, 3, 4]);
        bytes
    }

    fn receive(bytes: &[u8]) -> (io::Result<Vec<u8>>, Vec<u8>) {
        let writer = Arc::new(Mutex::new(Pipe::default()));
        let mut receiver = Receiver::new(Pipe(io::Cursor::new(bytes.to_vec()), Vec::new()), writer.clone());
        let mut out = Vec::new();
        let result = receiver.read_to_end(&mut out).map(|_| out);
        let written = std::mem::take(&mut writer.lock().unwrap().1);
        (result, written)
    }

    #[test]
    fn frames_are_one_stream() {
        let long: Vec<u8> = (0..70_000u32).map(|n| n as u8).collect();
        let mut bytes = frame(0x02, b"abc");
        bytes.extend(frame(0x89, b"hi"));
        bytes.extend(frame(0x80, b""));
        bytes.extend(frame(0x82, &long[..60_000]));
        bytes.extend(frame(0x88, b""));
        bytes.extend(frame(0x82, b"too late"));
        let (read, written) = receive(&bytes);
        assert_eq!(read.unwrap(), [b"abc", &long[..60_000]].concat());
        assert_eq!(written, [0x8a, 2, b'h', b'i', 0x88, 0]);
        for n in 0..200 {
            let _ = receive(&bytes[..n]).0.is_ok();
        }
        for at in 0..120 {
            for v in [0, 0x7e, 0x7f, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = v;
                let _ = receive(&bytes).0.is_ok();
            }
        }
        for bad in [vec![0x82, 3, 1, 2, 3], frame(0x81, b"text"), frame(0xc2, b"x"), frame(0x83, b"x")] {
            assert!(receive(&bad).0.is_err());
        }
        assert!(receive(&frame(0x09, b"split control")).0.is_err());
    }
}
