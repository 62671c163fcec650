//! Round trips, hostile bytes, and streams of a real server.

use super::random::{Random, client_message, server_message};
use super::*;
use bytes::Bytes;
use std::collections::BTreeMap;

/// The seed of one case, or a range of seeds.
fn seeds(n: u64) -> Box<dyn Iterator<Item = u64>> {
    match std::env::var("SPICE_RENDER_SEED").ok().and_then(|s| s.parse().ok()) {
        Some(seed) => Box::new(std::iter::once(seed)),
        None => Box::new(0..n),
    }
}

fn encoded(message: &ServerMessage, framing: Framing) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(framing, &mut out).unwrap();
    out
}

#[test]
fn every_server_message_round_trips_in_every_sink() {
    let mut seen = BTreeMap::new();
    let (mut all, mut parts) = (Vec::new(), Parts::default());
    for seed in seeds(6000) {
        let rng = &mut Random::new(seed);
        let message = server_message(rng);
        let kind = message.kind().unwrap();
        *seen.entry(kind).or_insert(0) += 1;
        let body = encoded(&message, Framing::Body);
        let back = ServerMessage::decode(kind as u16, &body.clone().into());
        assert_eq!(back.as_ref(), Ok(&message), "seed {seed}");

        let framing = if seed % 2 == 0 { Framing::Mini } else { Framing::Full { serial: seed } };
        let framed = encoded(&message, framing);
        let (raw, rest) = split(framing, &framed.clone().into(), u32::MAX).unwrap().unwrap();
        assert_eq!((raw.kind, &raw.body[..]), (kind as u16, &body[..]), "seed {seed}");
        assert_eq!(raw.serial, (seed % 2 == 1).then_some(seed));
        assert!(rest.is_empty());

        let mut count = Count::default();
        message.encode(framing, &mut count).unwrap();
        assert_eq!(count.len(), framed.len(), "seed {seed}");
        // One message after another: the pointers of a later one count from its own start.
        message.encode(framing, &mut parts).unwrap();
        all.extend_from_slice(&framed);
        assert_eq!(parts.len(), all.len(), "seed {seed}");
        if seed % 50 == 0 || seed > 5990 {
            assert!(parts.slices().flatten().eq(&all), "seed {seed}");
            parts.clear();
            all.clear();
        }
    }
    if std::env::var("SPICE_RENDER_SEED").is_err() {
        assert_eq!(seen.len(), ServerKind::ALL.len(), "every type occurs: {seen:?}");
    }
}

#[test]
fn every_client_message_round_trips() {
    let mut seen = BTreeMap::new();
    for seed in seeds(2000) {
        let message = client_message(&mut Random::new(seed));
        *seen.entry(message.kind()).or_insert(0) += 1;
        let mut body = Vec::new();
        message.encode(Framing::Body, &mut body).unwrap();
        let body = Bytes::from(body);
        assert_eq!(ClientMessage::decode(message.kind(), &body).as_ref(), Ok(&message), "seed {seed}");
        for cut in 0..body.len() {
            _ = ClientMessage::decode(message.kind(), &body.slice(..cut));
        }
    }
    if std::env::var("SPICE_RENDER_SEED").is_err() {
        assert_eq!(seen.len(), 11, "every type occurs: {seen:?}");
    }
}

/// Whatever decodes from hostile bytes must encode again, and then decode to the same.
fn check_hostile(kind: u16, body: &Bytes, seed: u64) -> bool {
    let Ok(message) = ServerMessage::decode(kind, body) else { return false };
    let mut again = Vec::new();
    match message.encode(Framing::Body, &mut again) {
        Ok(()) => {
            assert_eq!(ServerMessage::decode(kind, &again.into()), Ok(message), "seed {seed}");
        }
        Err(e) => panic!("seed {seed}: decoded but cannot be encoded: {e}"),
    }
    true
}

#[test]
fn prefixes_and_mutations_are_refused_or_mean_something() {
    let (mut refused, mut read) = (0, 0);
    for seed in seeds(1500) {
        let rng = &mut Random::new(seed);
        let message = server_message(rng);
        let kind = message.kind().unwrap() as u16;
        let body = Bytes::from(encoded(&message, Framing::Body));
        let step = 1 + body.len() / 200;
        for cut in (0..body.len()).step_by(step) {
            check_hostile(kind, &body.slice(..cut), seed);
        }
        for _ in 0..40 {
            if body.is_empty() {
                break;
            }
            let mut bad = body.to_vec();
            for _ in 0..=rng.below(3) {
                let at = rng.below(bad.len() as u32) as usize;
                match rng.below(4) {
                    0 => bad[at] = 0,
                    1 => bad[at] = 0xff,
                    2 => bad[at] ^= 1 << rng.below(8),
                    // A word that looks like a size, a count or an offset.
                    _ => {
                        let word =
                            [0, 1, 0xff, bad.len() as u32, u32::MAX, 0x8000_0000][rng.below(6) as usize];
                        let n = (bad.len() - at).min(4);
                        bad[at..at + n].copy_from_slice(&word.to_le_bytes()[..n]);
                    }
                }
            }
            if check_hostile(kind, &bad.into(), seed) {
                read += 1;
            } else {
                refused += 1;
            }
        }
        // As another type.
        for other in ServerKind::ALL {
            check_hostile(*other as u16, &body, seed);
        }
    }
    if std::env::var("SPICE_RENDER_SEED").is_err() {
        assert!(refused > 1000 && read > 1000, "the mutations do something: {refused} {read}");
    }
}

#[test]
fn an_encoding_error_leaves_no_trace() {
    let glyphs = vec![];
    let op = crate::qxl::Op::Text {
        str: crate::qxl::Str { flags: 1, glyphs },
        back_area: Default::default(),
        fore_brush: crate::qxl::Brush::Pattern { image: None, pos: Default::default() },
        back_brush: crate::qxl::Brush::None,
        fore_mode: crate::qxl::Ropd::PUT,
        back_mode: crate::qxl::Ropd::PUT,
    };
    let draw = Draw { surface_id: 0, bbox: Default::default(), clip: crate::qxl::Clip::None, op };
    let mut out = vec![1, 2, 3];
    let error = draw.encode(Framing::Mini, &mut out).unwrap_err();
    assert_eq!(error.to_string(), "DRAW_TEXT: fore_brush is missing");
    assert_eq!(out, [1, 2, 3]);

    let mut parts = Parts::default();
    let ping = ServerMessage::Ping { id: 1, timestamp: 2, data: Bytes::from(vec![7; 1000]) };
    ping.encode(Framing::Mini, &mut parts).unwrap();
    let before: Vec<u8> = parts.slices().flatten().copied().collect();
    draw.encode(Framing::Mini, &mut parts).unwrap_err();
    assert_eq!(parts.slices().flatten().copied().collect::<Vec<u8>>(), before);

    let nop = Draw { op: crate::qxl::Op::Nop, ..draw };
    assert_eq!(nop.encode(Framing::Mini, &mut out).unwrap_err().to_string(), "NOP: message has no message");
}

#[test]
fn errors_name_message_place_field_and_offset() {
    let fails = |kind: ServerKind, body: &[u8]| {
        ServerMessage::decode(kind as u16, &Bytes::copy_from_slice(body)).unwrap_err().to_string()
    };
    assert_eq!(fails(ServerKind::SetAck, &[0; 7]), "SET_ACK: window at byte 4 takes 4 bytes but 3 are left");
    let mut body = vec![0; 20];
    body.extend([1, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(
        fails(ServerKind::DrawInvers, &body),
        "DRAW_INVERS: clip.rects at byte 25 takes 68719476720 bytes but 0 are left"
    );
    let mut body = vec![0; 21 + 9];
    body.extend(99u32.to_le_bytes());
    assert_eq!(
        fails(ServerKind::DrawInvers, &body),
        "DRAW_INVERS: mask.bitmap at byte 30 points to byte 99 of 34"
    );
    let to_image = body.len() as u32;
    body.splice(30.., to_image.to_le_bytes());
    body.extend([0, 0, 0, 0, 0, 0, 0, 0, 42]);
    assert_eq!(
        fails(ServerKind::DrawInvers, &body),
        "DRAW_INVERS: mask.bitmap.type at byte 42 has the unknown value 42"
    );
    assert_eq!(
        ServerMessage::decode(999, &Bytes::new()).unwrap_err().to_string(),
        "server message: type at byte 0 has the unknown value 999"
    );
}

#[test]
fn split_waits_for_bytes_and_refuses_long_messages() {
    let mark = encoded(&ServerMessage::SetAck { generation: 1, window: 20 }, Framing::Mini);
    for cut in 0..mark.len() {
        assert_eq!(split(Framing::Mini, &Bytes::copy_from_slice(&mark[..cut]), 100), Ok(None));
    }
    let error = split(Framing::Mini, &mark.into(), 7).unwrap_err();
    assert_eq!(error.to_string(), "message of type 3 announces 8 bytes, the limit is 7");
}

#[test]
fn lists_cannot_multiply_their_bytes() {
    // Sixty messages at the same place.
    let mut body = vec![60, 0];
    let at = 2 + 60 * 4u32;
    (0..60).for_each(|_| body.extend(at.to_le_bytes()));
    body.extend([4, 0, 0xff, 0xff, 0xff, 0xff]);
    body.extend([0; 200]);
    let error = ServerMessage::decode(8, &body.clone().into()).unwrap_err();
    assert_eq!(error.to_string(), "LIST: sub_messages at byte 34 lists 1800 bytes in a message of 448");
    // A size that leads out of the body is cut there.
    body[0] = 1;
    let Ok(ServerMessage::List(list)) = ServerMessage::decode(8, &body.into()) else {
        panic!("it is one message")
    };
    assert_eq!((list.len(), list[0].kind, list[0].body.len()), (1, 4, 200));
}

/// Reads what a real server sent: `SPICE_RENDER_STREAMS` is a folder of `NAME.server` and `NAME.client` files,
/// the bytes of a display channel after the link stage. `NAME` ends in `-full` if it has full headers.
#[test]
fn streams_of_a_real_server_decode_and_encode_back() {
    let Ok(folder) = std::env::var("SPICE_RENDER_STREAMS") else {
        return println!("skipped: SPICE_RENDER_STREAMS is not set");
    };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut different = 0;
    for path in files {
        let (server, client) =
            (path.extension() == Some("server".as_ref()), path.extension() == Some("client".as_ref()));
        if !server && !client {
            continue;
        }
        let full = path.file_stem().unwrap().to_str().unwrap().ends_with("-full");
        let mut stream = Bytes::from(std::fs::read(&path).unwrap());
        let mut seen = BTreeMap::new();
        let mut at = 0;
        loop {
            let framing = if full { Framing::Full { serial: 0 } } else { Framing::Mini };
            let Some((raw, rest)) = split(framing, &stream, u32::MAX).unwrap() else { break };
            let place = format!("{} at {at}", path.display());
            at += stream.len() - rest.len();
            stream = rest;
            let mut subs = Vec::new();
            let mut end = raw.body.len();
            if raw.sub_list != 0 {
                subs = sub_messages(&raw.body, raw.sub_list).unwrap_or_else(|e| panic!("{place}: {e}"));
                // The list and its messages stand behind the message.
                let first =
                    subs.iter().map(|s| s.body.as_ptr() as usize - raw.body.as_ptr() as usize - 6).min();
                end = first.unwrap_or(end).min(raw.sub_list as usize);
            }
            let subs = subs.iter().map(|s| (s.kind, s.body.clone(), true));
            for (kind, body, is_sub) in subs.chain([(raw.kind, raw.body.slice(..end), false)]) {
                let (mut out, name) = (
                    Vec::new(),
                    if server { ServerKind::from_number(kind).map_or("?", |k| k.name()) } else { "client" },
                );
                if server {
                    let message =
                        ServerMessage::decode(kind, &body).unwrap_or_else(|e| panic!("{place}: {e}"));
                    message.encode(Framing::Body, &mut out).unwrap_or_else(|e| panic!("{place}: {e}"));
                } else {
                    let message =
                        ClientMessage::decode(kind, &body).unwrap_or_else(|e| panic!("{place}: {e}"));
                    message.encode(Framing::Body, &mut out).unwrap_or_else(|e| panic!("{place}: {e}"));
                }
                let counts: &mut (u32, u32) = seen.entry(name).or_default();
                counts.0 += 1;
                // Sub-messages may announce more bytes than they have.
                if out != body && !(is_sub && body.starts_with(&out)) {
                    counts.1 += 1;
                    different += 1;
                    if different < 4 {
                        println!(
                            "{place}: {name} is {:02x?}\nbut was {:02x?}",
                            out.get(..200).unwrap_or(&out),
                            &body[..body.len().min(200)]
                        );
                    }
                }
            }
        }
        println!(
            "{}: {} bytes left; messages (of them not identical): {seen:?}",
            path.display(),
            stream.len()
        );
    }
    assert_eq!(different, 0, "messages that are not identical");
}
