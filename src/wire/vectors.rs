//! Messages of a real server, as bytes in hex (`testdata/wire/messages.txt`).

use super::*;
use crate::qxl::{Brush, Clip, Op, OpKind, QMask, Rect, Ropd, SurfaceFormat};
use bytes::Bytes;
use std::collections::BTreeSet;

fn messages() -> impl Iterator<Item = (u16, Bytes)> {
    let lines = include_str!("../../testdata/wire/messages.txt").lines().filter(|l| !l.starts_with('#'));
    lines.map(|line| {
        let mut words = line.split(' ');
        let kind = words.next().unwrap().parse().unwrap();
        let hex = words.next().unwrap().trim_matches('-');
        let byte = |i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
        (kind, (0..hex.len()).step_by(2).map(byte).collect())
    })
}

#[test]
fn messages_of_a_real_server_encode_back_to_their_bytes() {
    let (mut kinds, mut images) = (BTreeSet::new(), BTreeSet::new());
    for (kind, body) in messages() {
        let message = ServerMessage::decode(kind, &body).unwrap();
        let mut again = Vec::new();
        message.encode(Framing::Body, &mut again).unwrap();
        assert_eq!(again, body, "{message:?}");
        kinds.insert(message.kind().unwrap().name());
        if let ServerMessage::Draw(d) = message {
            images.extend(d.op.src().map(|i| i.data.kind().name()));
        }
    }
    assert!(
        OpKind::ALL[1..].iter().all(|k| kinds.contains(ServerKind::of_op(*k).unwrap().name())),
        "{kinds:?}"
    );
    let want = ["BITMAP", "FROM_CACHE", "FROM_CACHE_LOSSLESS", "GLZ_RGB", "LZ4", "LZ_PLT", "SURFACE"];
    assert!(images.is_superset(&want.into_iter().collect()), "{images:?}");
}

#[test]
fn messages_of_a_real_server_mean_what_the_sheets_say() {
    let find = |kind: ServerKind| {
        let (kind, body) = messages().find(|m| m.0 == kind as u16).unwrap();
        ServerMessage::decode(kind, &body).unwrap()
    };
    // Sheet 01: its size, and its first plain fill.
    let surface = SurfaceCreated {
        surface_id: 0,
        width: 990,
        height: 1021,
        format: SurfaceFormat::X8R8G8B8,
        flags: SurfaceCreated::PRIMARY,
    };
    assert_eq!(find(ServerKind::SurfaceCreate), ServerMessage::SurfaceCreate(surface));
    let head = Head { id: 0, surface_id: 0, width: 990, height: 1021, x: 0, y: 0, flags: 0 };
    assert_eq!(
        find(ServerKind::MonitorsConfig),
        ServerMessage::MonitorsConfig { max_allowed: 1, heads: vec![head] }
    );
    assert_eq!(find(ServerKind::SetAck), ServerMessage::SetAck { generation: 1, window: 20 });
    let ServerMessage::Draw(fill) = find(ServerKind::DrawFill) else { panic!("not a drawing") };
    assert!(Rect::of_size(990, 1021).contains(&fill.bbox));
    assert_eq!(fill.clip, Clip::None);
    let Op::Fill { brush: Brush::None, rop, mask } = fill.op else { panic!("not that fill: {:?}", fill.op) };
    assert_eq!((rop, mask), (Ropd::PUT, QMask::default()));
}
