//! Many clients at one server, of different kinds, some of them no clients at all.

use super::gtk::{self, ppm};
use super::html5::Page;
use super::serving::{Serving, signal};
use super::{Extent, extent, say, scratch};
use crate::corpus::{self, Case, picture};
use spice_render::link::{LinkRequest, connect};
use spice_render::wire::link::ChannelType;
use spice_render::wire::{ClientMessage, DisplayInit, Framing, MainMessage};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn channel(port: u16, channel_type: ChannelType, connection_id: u32) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    let caps = if channel_type == ChannelType::DISPLAY { vec![0x32d] } else { Vec::new() };
    let request =
        LinkRequest { connection_id, channel_type, channel_id: 0, channel_caps: caps, password: "" };
    connect(&mut stream, &request).expect("the server links");
    stream
}

/// A client that asks for the display and then reads nothing.
fn reads_nothing(port: u16) -> Vec<TcpStream> {
    let mut main = channel(port, ChannelType::MAIN, 0);
    let mut init = [0; 6 + 32];
    main.read_exact(&mut init).expect("MAIN_INIT comes");
    let body = init[6..].to_vec().into();
    let Ok(MainMessage::Init(init)) = MainMessage::decode(103, &body) else { panic!("no MAIN_INIT") };
    let mut display = channel(port, ChannelType::DISPLAY, init.session_id);
    let init = ClientMessage::Init(DisplayInit {
        pixmap_cache_id: 1,
        pixmap_cache_size: 20 << 20,
        glz_dictionary_id: 1,
        glz_dictionary_window_size: 16 << 20,
    });
    let mut out = Vec::new();
    init.encode(Framing::Mini, &mut out).expect("DISPLAY_INIT can be encoded");
    display.write_all(&out).expect("the server reads");
    vec![main, display]
}

/// Sends messages until the server has enough of it; how long that took.
fn floods(port: u16, end: &AtomicBool) -> Option<Duration> {
    let mut main = channel(port, ChannelType::MAIN, 0);
    let mut out = Vec::new();
    for _ in 0..1000 {
        ClientMessage::Ack.encode(Framing::Mini, &mut out).expect("ACK can be encoded");
    }
    let begin = Instant::now();
    while !end.load(Ordering::Relaxed) {
        if main.write_all(&out).is_err() {
            return Some(begin.elapsed());
        }
    }
    None
}

/// Watches to the end of the recording, which pauses now and then.
fn screenshot(serving: &Serving, wanted: &Path, shown: &Path) -> Result<(), String> {
    let taken = Command::new(env!("CARGO_BIN_EXE_spice-render"))
        .args(["screenshot", &format!("spice://{}", serving.address()), "--wait", "12000", "-o"])
        .arg(shown)
        .output()
        .expect("the program starts");
    match taken.status.success() {
        true if picture(shown) == picture(wanted) => Ok(()),
        true => Err("the picture is wrong".into()),
        false => Err(String::from_utf8_lossy(&taken.stderr).into_owned()),
    }
}

#[test]
fn clients_of_all_kinds_at_once() {
    if extent() == Extent::None {
        return say("SKIPPED, several clients: SPICE_RENDER_PEERS=none");
    }
    // Some seconds of drawing, with copies, composites and text.
    let find = |Case { name, .. }: &Case| name == "c_xops_fresh";
    let case = corpus::cases().into_iter().find(find).expect("testdata has it");
    let serving = Serving::new(&case.recording, &["--speed", "0.8", "--at-once"]);
    let wanted = ppm(&case.picture);
    let file = |name: &str| scratch().join(format!("together.{name}"));
    let end = AtomicBool::new(false);

    // Whoever must not be noticed.
    let mut idle = vec![TcpStream::connect(("127.0.0.1", serving.port)).expect("the server listens")];
    for rubbish in [&b"REDQ"[..], b"GET / HTTP/1.1\r\nHost: x", b"\xff\xff\xff\xff\xff\xff\xff\xff"] {
        let mut stream = TcpStream::connect(("127.0.0.1", serving.port)).expect("the server listens");
        stream.write_all(rubbish).expect("the server reads");
        idle.push(stream);
    }
    idle.extend(reads_nothing(serving.port));
    let gtk = gtk::client();
    let start = |name: &str| gtk.map(|c| gtk::start(c, serving.port, &file(name), &wanted, 60));
    let stopped = start("stopped.ppm");
    let first = start("first.ppm");
    if let Some(stopped) = &stopped {
        // Once it has begun to watch.
        std::thread::sleep(Duration::from_millis(700));
        signal("STOP", stopped.id());
    }
    let mut wrong = Vec::new();
    let mut kinds = vec!["our own"];
    let flooded = std::thread::scope(|scope| {
        let flood = scope.spawn(|| floods(serving.port, &end));
        let browser = scope.spawn(|| {
            let mut page = Page::open()?;
            Some(page.show(serving.port, 60, &case.picture, &file("html5.png")))
        });
        // Half-way.
        std::thread::sleep(Duration::from_millis(1200));
        let third = start("third.ppm");
        let ours = scope.spawn(|| screenshot(&serving, &case.picture, &file("ours.png")));
        for (name, child) in [("first", first), ("third", third)] {
            let Some(child) = child else { continue };
            kinds.push("spice-gtk");
            let judged = gtk::judge(&child.wait_with_output().expect("a child can be waited for"));
            wrong.extend(judged.err().map(|e| format!("spice-gtk, {name}: {e}")));
        }
        if let Some(shown) = browser.join().expect("no panic") {
            kinds.push("spice-html5");
            wrong.extend(shown.err().map(|e| format!("spice-html5: {e}")));
        }
        wrong.extend(ours.join().expect("no panic").err().map(|e| format!("our own: {e}")));
        end.store(true, Ordering::Relaxed);
        flood.join().expect("no panic")
    });
    if let Some(mut stopped) = stopped {
        let _ = stopped.kill();
        let _ = stopped.wait();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(flooded.is_some(), "a client that floods the server was not dropped");
    if let Some(peak) = serving.peak_kib() {
        assert!(peak < 256 << 10, "{peak} KiB");
        say(&format!("{} at once, and seven that misbehave: {} MiB at most", kinds.join(", "), peak >> 10));
    }
    let ended = serving.interrupt();
    assert_eq!(ended.code, Some(0), "{}", ended.said);
}
