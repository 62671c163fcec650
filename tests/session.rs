//! Our client at our server, over loopback; and what is no client at all.

use spice_render::capture::{Limits, Reader, Writer};
use spice_render::draw::{self, Renderer, to_rgb};
use spice_render::link::{LinkRequest, connect};
use spice_render::qxl::testing::filled;
use spice_render::qxl::{
    Command, CursorCmd, CursorShape, Event, Point, PrimaryCreate, Rect, Ropd, SurfaceFormat, WorkerMessage,
};
use spice_render::server::{Options, Server, Speed, Status};
use spice_render::session::{self, Notice, Session, Translator};
use spice_render::wire::link::ChannelType;
use spice_render::wire::{CursorImage, CursorMessage};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Columns and rows of the screen: no whole number of tiles.
const SIZE: (u32, u32) = (300, 200);

/// A screen with some rectangles, as events.
fn events() -> Vec<Event> {
    let surface =
        PrimaryCreate { mouse_mode: 1, ..PrimaryCreate::new(SIZE.0, SIZE.1, SurfaceFormat::X8R8G8B8) };
    let mut events = vec![Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface })];
    for n in 0..40i32 {
        let bbox = Rect::new(n * 5, n * 3, n * 5 + 60, n * 3 + 40);
        let colour = 0x0001_0307u32.wrapping_mul(n as u32 + 1) & 0xff_ffff;
        events.push(filled(bbox, colour, if n % 3 == 0 { Ropd(Ropd::OP_XOR) } else { Ropd::PUT }));
    }
    let (position, shape) = (Point { x: 30, y: 40 }, Some(pointer()));
    events.push(Event::Command(Command::Cursor(CursorCmd::Set { position, visible: true, shape })));
    events
}

fn pointer() -> Arc<CursorShape> {
    let data = (0..64).collect::<Vec<u8>>().into();
    Arc::new(CursorShape { unique: 5, kind: 0, width: 4, height: 4, hot_spot_x: 1, hot_spot_y: 2, data })
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
struct Running(SocketAddr, Arc<AtomicBool>, Option<JoinHandle<()>>, Arc<Mutex<Status>>);

impl Running {
    fn new(password: Option<&str>) -> Self {
        Self::with(Options { password: password.map(str::to_owned), ..Options::default() })
    }

    fn with(options: Options) -> Self {
        let options = Options { speed: Speed::Max, ..options };
        let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap(), options).unwrap();
        let (address, stop) = (server.address(), server.stopper());
        let recording = recording();
        let open = move || Reader::sniffed(std::io::Cursor::new(recording.clone()), Limits::default());
        let status = Arc::new(Mutex::new(Status::default()));
        let told = status.clone();
        let tell = move |s: &Status| told.lock().unwrap().clone_from(s);
        let thread = std::thread::spawn(move || server.play(open, tell).unwrap());
        Self(address, stop, Some(thread), status)
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

#[test]
fn the_pointer_comes_on_its_own_channel() {
    let server = Running::new(None);
    watch(server.0, "").unwrap();
    // Whoever joins is told at once what it looks like.
    let mut session = Session::connect(&server.0.to_string(), session::Options::default()).unwrap();
    for _ in 0..1000 {
        if let Some(Notice::Cursor(CursorMessage::Init { position, visible, cursor, .. })) =
            session.next(Duration::from_secs(5)).unwrap()
        {
            let CursorImage::Shape { shape, .. } = cursor else { panic!("{cursor:?}") };
            assert_eq!(
                (position, visible, shape.data.clone()),
                (Point { x: 30, y: 40 }, true, pointer().data.clone())
            );
            return;
        }
    }
    panic!("no pointer came");
}

/// A channel without a client, its handshake done.
fn link(
    address: SocketAddr,
    channel_type: ChannelType,
    connection_id: u32,
) -> Result<TcpStream, spice_render::link::Error> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let (channel_caps, password) = (Vec::new(), "");
    let request = LinkRequest { connection_id, channel_type, channel_id: 0, channel_caps, password };
    connect(&mut stream, &request).map(|_| stream)
}

/// A main channel, and its session's number.
fn main_channel(address: SocketAddr) -> (TcpStream, u32) {
    let mut main = link(address, ChannelType::MAIN, 0).unwrap();
    let mut init = [0; 6 + 32];
    main.read_exact(&mut init).unwrap();
    (main, u32::from_le_bytes([init[6], init[7], init[8], init[9]]))
}

#[test]
fn inputs_are_taken_and_motion_is_acknowledged() {
    let server = Running::new(None);
    let session = Session::connect(&server.0.to_string(), session::Options::default()).unwrap();
    let (_main, id) = main_channel(server.0);
    // Only a session that exists has inputs.
    assert!(link(server.0, ChannelType::INPUTS, id ^ 1).is_err());
    let mut inputs = link(server.0, ChannelType::INPUTS, id).unwrap();
    let key = [101, 0, 4, 0, 0, 0, 30, 0, 0, 0];
    let position = [112, 0, 13, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0];
    inputs.write_all(&[&key[..], &position, &position, &position, &position].concat()).unwrap();
    let mut answer = [0; 8 + 6];
    inputs.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [101, 0, 2, 0, 0, 0, 0, 0, 111, 0, 0, 0, 0, 0]);
    drop(session);
    watch(server.0, "").unwrap();
}

#[test]
fn a_client_that_answers_nothing_is_dropped() {
    let server = Running::with(Options { patience: Duration::from_millis(700), ..Options::default() });
    // It reads, in its threads, but nobody takes what it read: no ACK, no PONG.
    let mut silent = Session::connect(&server.0.to_string(), session::Options::default()).unwrap();
    watch(server.0, "").unwrap();
    std::thread::sleep(Duration::from_millis(2000));
    assert_eq!(server.3.lock().unwrap().clients.len(), 0);
    for n in 0.. {
        match silent.next(Duration::from_secs(5)) {
            Ok(Some(Notice::Closed)) | Err(_) => break,
            Ok(Some(_)) => assert!(n < 10_000),
            Ok(None) => panic!("still there"),
        }
    }
    watch(server.0, "").unwrap();
}

/// Answers every PING of a channel until it ends, or none.
fn listen(mut stream: TcpStream, answers: bool) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut head = [0; 6];
        while stream.read_exact(&mut head).is_ok() {
            let mut body = vec![0; u32::from_le_bytes([head[2], head[3], head[4], head[5]]) as usize];
            if stream.read_exact(&mut body).is_err() {
                break;
            }
            if head[..2] == [4, 0] && answers {
                let pong = [&[3, 0, 12, 0, 0, 0][..], &body[..12]].concat();
                if stream.write_all(&pong).is_err() {
                    break;
                }
            }
        }
    })
}

#[test]
fn a_channel_whose_client_is_gone_ends() {
    let server = Running::with(Options { patience: Duration::from_secs(1), ..Options::default() });
    for silent in [ChannelType::MAIN, ChannelType::CURSOR, ChannelType::INPUTS] {
        let (main, id) = main_channel(server.0);
        let begin = Instant::now();
        let cursor = link(server.0, ChannelType::CURSOR, id).unwrap();
        let inputs = link(server.0, ChannelType::INPUTS, id).unwrap();
        let closer = main.try_clone().unwrap();
        let channels =
            [(ChannelType::MAIN, main), (ChannelType::CURSOR, cursor), (ChannelType::INPUTS, inputs)];
        let ends = channels.map(|(kind, stream)| (kind, listen(stream, kind != silent)));
        let ended = |kind| ends.iter().any(|(k, end)| *k == kind && end.is_finished());
        while !ended(silent) {
            assert!(begin.elapsed() < Duration::from_secs(20), "{silent} is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(begin.elapsed() > Duration::from_millis(900), "{silent} ended after {:?}", begin.elapsed());
        // The others live on, but for those that go with the main channel.
        if silent != ChannelType::MAIN {
            std::thread::sleep(Duration::from_millis(300));
            assert!(ends.iter().all(|(kind, end)| *kind == silent || !end.is_finished()), "{silent}");
            let _ = closer.shutdown(std::net::Shutdown::Both);
        }
        ends.into_iter().for_each(|(_, end)| end.join().unwrap());
    }
}

#[test]
fn a_loop_begins_again() {
    let server = Running::with(Options { repeat: true, ..Options::default() });
    let mut session = Session::connect(&server.0.to_string(), session::Options::default()).unwrap();
    let begin = Instant::now();
    let wanted = 3 * events().len() as u64;
    while server.3.lock().unwrap().events < wanted {
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", server.3.lock().unwrap());
        session.next(Duration::from_millis(20)).unwrap();
    }
    assert!(!server.3.lock().unwrap().ended);
}
