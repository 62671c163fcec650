//! Our client at our server, over loopback; and what is no client at all.

use spice_render::capture::{Limits, Reader, Writer};
use spice_render::draw::{self, Renderer, to_rgb};
use spice_render::qxl::{
    Brush, Clip, Command, Drawable, Event, Op, PrimaryCreate, QMask, Rect, Ropd, SurfaceFormat, WorkerMessage,
};
use spice_render::server::{Options, Server, Speed};
use spice_render::session::{self, Notice, Session, Translator};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Columns and rows of the screen: no whole number of tiles.
const SIZE: (u32, u32) = (300, 200);

/// A screen with some rectangles, as events.
fn events() -> Vec<Event> {
    let surface = PrimaryCreate {
        width: SIZE.0,
        height: SIZE.1,
        stride: SIZE.0 as i32 * 4,
        format: SurfaceFormat::X8R8G8B8,
        position: 0,
        mouse_mode: 1,
        flags: 0,
        kind: 0,
        data: Default::default(),
    };
    let mut events = vec![Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface })];
    for n in 0..40i32 {
        let bbox = Rect::new(n * 5, n * 3, n * 5 + 60, n * 3 + 40);
        let op = Op::Fill {
            brush: Brush::Solid(0x0001_0307u32.wrapping_mul(n as u32 + 1) & 0xff_ffff),
            rop: if n % 3 == 0 { Ropd(Ropd::OP_XOR) } else { Ropd::PUT },
            mask: QMask::default(),
        };
        let drawable = Drawable {
            surface_id: 0,
            effect: 0,
            mm_time: 0,
            bbox,
            clip: Clip::None,
            self_bitmap: None,
            surface_deps: [None; 3],
            op,
        };
        events.push(Event::Command(Command::Drawable(Arc::new(drawable))));
    }
    events
}

fn recording() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    for (n, event) in events().iter().enumerate() {
        writer.write(n as u64 * 1000, event).unwrap();
    }
    writer.finish().unwrap()
}

fn truth() -> Vec<u8> {
    let mut renderer = Renderer::new(spice_raster::Raster::new(), draw::Limits::default());
    events().iter().for_each(|e| renderer.event(e).unwrap());
    to_rgb(renderer.surface(0).unwrap().view())
}

/// A running server; stopped when dropped.
struct Running(SocketAddr, Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Running {
    fn new(password: Option<&str>) -> Self {
        let options =
            Options { password: password.map(str::to_owned), speed: Speed::Max, ..Options::default() };
        let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap(), options).unwrap();
        let (address, stop) = (server.address(), server.stopper());
        let recording = recording();
        let open = move || Reader::sniffed(std::io::Cursor::new(recording.clone()), Limits::default());
        let thread = std::thread::spawn(move || server.play(open, |_| {}).unwrap());
        Self(address, stop, Some(thread))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.1.store(true, Ordering::Relaxed);
        if let Some(thread) = self.2.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

/// Looks at the server until its picture is right, or for twenty seconds.
fn watch(address: SocketAddr, password: &str) -> Result<(), String> {
    let options = session::Options { password: password.into(), ..session::Options::default() };
    let mut session = Session::connect(&address.to_string(), options).map_err(|e| e.to_string())?;
    let mut translator = Translator::new(1 << 20);
    let mut renderer = Renderer::new(spice_raster::Raster::new(), draw::Limits::default());
    let (truth, begin) = (truth(), Instant::now());
    while begin.elapsed() < Duration::from_secs(20) {
        match session.next(Duration::from_millis(200)).map_err(|e| e.to_string())? {
            Some(Notice::Display(message)) => {
                let draw = |e| renderer.event(&e).unwrap();
                translator.display(&message, draw).map_err(|e| e.to_string())?;
            }
            Some(Notice::Closed) => return Err("closed".into()),
            Some(_) => {}
            None if renderer.surface(0).is_some_and(|s| to_rgb(s.view()) == truth) => return Ok(()),
            None => {}
        }
    }
    Err("the picture never came out right".into())
}

#[test]
fn what_is_served_is_what_was_drawn() {
    let server = Running::new(None);
    watch(server.0, "").unwrap();
    // Somebody who comes later sees the same.
    watch(server.0, "").unwrap();
}

#[test]
fn a_password_is_asked_for() {
    let server = Running::new(Some("open sesame"));
    watch(server.0, "open sesame").unwrap();
    let refused = watch(server.0, "open barley").unwrap_err();
    assert_eq!(refused, "the server wants another password");
}

#[test]
fn rubbish_and_silence_disturb_nobody() {
    let server = Running::new(None);
    let mut others = Vec::new();
    for rubbish in [
        &b"REDQ\x02\0\0\0\x02\0\0\0\xff\xff\xff\xff"[..],
        b"REDQ\x02\0\0\0\x02\0\0\0\x12\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /",
        b"\0\0\0\0\0\0\0\0",
        b"REDQ\x09\0\0\0",
        b"",
    ] {
        let mut stream = TcpStream::connect(server.0).unwrap();
        stream.write_all(rubbish).unwrap();
        others.push(stream);
    }
    watch(server.0, "").unwrap();
    // Whoever made no sense was answered, or just dropped.
    let mut answer = Vec::new();
    others[0].set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let _ = others[0].read_to_end(&mut answer);
    assert!(answer.starts_with(b"REDQ"), "{answer:?}");
}

#[test]
fn a_websocket_carries_the_same_link() {
    let server = Running::new(None);
    let mut stream = TcpStream::connect(server.0).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    // A link message in two frames, under a mask of zeros.
    let link = b"REDQ\x02\0\0\0\x02\0\0\0\x16\0\0\0\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\x12\0\0\0\x09\0\0\0";
    for part in [&link[..10], &link[10..]] {
        let head = [0x82, 0x80 | part.len() as u8, 0, 0, 0, 0];
        stream.write_all(&[&head, part].concat()).unwrap();
    }
    let mut reply = [0; 4 + 20];
    stream.read_exact(&mut reply).unwrap();
    // One frame of 198 bytes: header, status, key, counts, one word.
    assert_eq!(reply[..4], [0x82, 126, 0, 198]);
    assert_eq!(reply[4..8], *b"REDQ");
    assert_eq!(reply[20..24], [0; 4]);
}
