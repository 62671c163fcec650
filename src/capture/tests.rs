//! The reader and the writer against each other, against damage, and against bad intentions.

use super::*;
use crate::qxl::testing::{Generator, Rng};
use crate::qxl::{Bitmap, Command, Drawable, Event, Op, SurfaceDeps, WorkerMessage};
use std::io::Write;
use std::sync::Arc;

/// A reader that gives at most `step` bytes at a time.
struct Dribble<'a> {
    rest: &'a [u8],
    step: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = out.len().min(self.step).min(self.rest.len());
        let (now, rest) = self.rest.split_at(len);
        out[..len].copy_from_slice(now);
        self.rest = rest;
        Ok(len)
    }
}

fn events(rng: Rng, count: usize) -> Vec<Event> {
    let mut generator = Generator::new(rng);
    (0..count).map(|_| generator.event()).collect()
}

fn write(events: &[Event], eol: &'static [u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.eol = eol;
    for (i, event) in events.iter().enumerate() {
        writer.write(1_000 * i as u64, event).unwrap();
    }
    let text = writer.finish().unwrap();
    let header = b"SPICE_REPLAY 1";
    [header, eol, &text[header.len() + 1..]].concat()
}

/// Everything up to the end or the first error, and how it ended.
fn read<R: Read>(reader: Result<Reader<R>, Error>) -> (Vec<Record>, Result<Option<Truncation>, Error>) {
    let mut reader = match reader {
        Ok(reader) => reader,
        Err(e) => return (Vec::new(), Err(e)),
    };
    let mut records = Vec::new();
    for record in &mut reader {
        match record {
            Ok(record) => records.push(record),
            Err(e) => return (records, Err(e)),
        }
    }
    (records, Ok(reader.truncated()))
}

fn read_whole<R: Read>(reader: Result<Reader<R>, Error>) -> Vec<Record> {
    match read(reader) {
        (records, Ok(None)) => records,
        (_, Ok(Some(t))) => panic!("truncated: {t:?}"),
        (_, Err(e)) => panic!("{e}"),
    }
}

/// The error of a recording of this text behind its header.
fn error(text: &[u8]) -> Error {
    let text = [b"SPICE_REPLAY 1\n", text].concat();
    match read(Reader::new(&text[..])) {
        (_, Err(e)) => e,
        (records, end) => panic!("no error in {:?} but {records:?} and {end:?}", Excerpt::new(&text)),
    }
}

#[test]
fn random_events_survive_writing_and_reading() {
    for round in 0..40 {
        let rng = Rng::seeded(round);
        let seed = rng.0;
        let events = events(rng, 60);
        for eol in [&b"\n"[..], b"\r\n"] {
            let text = write(&events, eol);
            let records = read_whole(Reader::new(&text[..]));
            assert_eq!(records.len(), events.len(), "SPICE_RENDER_SEED={seed}");
            for (i, (record, event)) in records.iter().zip(&events).enumerate() {
                assert_eq!(&record.event, event, "event {i}, SPICE_RENDER_SEED={seed}");
                assert_eq!((record.number, record.time_ns), (i as u64, 1_000 * i as u64));
                assert!(text[record.offset as usize..].starts_with(b"event "));
            }
        }
    }
}

#[test]
fn pieces_in_which_the_file_arrives_do_not_matter() {
    let mut all = events(Rng::seeded(7), 30);
    // Blobs around the sizes at which the reader changes its way.
    for size in [0, 1, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 1 << 20, (1 << 20) + 1, 3_500_000] {
        let mut rng = Rng(size as u64);
        all.push(Event::Command(Command::Message(rng.bytes(size).into())));
        all.push(Event::Worker(WorkerMessage::Other { number: 2 }));
    }
    let text = write(&all, b"\n");
    let whole = read_whole(Reader::new(&text[..]));
    assert!(whole.iter().map(|r| &r.event).eq(&all));
    for step in [1, 7, 255, 256, 257, 1000, 65_536, 262_144, 1_000_000] {
        let dribble = Dribble { rest: &text, step };
        assert_eq!(read_whole(Reader::new(dribble)), whole, "{step} bytes at a time");
    }
}

/// A recording with every kind of event, small enough to damage everywhere.
fn small(eol: &'static [u8]) -> (Vec<u8>, Vec<Record>) {
    let mut generator = Generator::new(Rng(3));
    generator.side = 5;
    let mut events = Vec::new();
    let mut kinds = std::collections::BTreeSet::new();
    for _ in 0..400 {
        let event = generator.event();
        let kind = match &event {
            Event::Command(Command::Drawable(d)) => format!("draw {}", d.op.kind().name()),
            Event::Command(Command::Cursor(c)) => format!("cursor {:?}", std::mem::discriminant(c)),
            Event::Command(c) => format!("command {:?}", std::mem::discriminant(c)),
            Event::Worker(w) => format!("worker {:?}", std::mem::discriminant(w)),
        };
        if kinds.insert(kind) {
            events.push(event);
        }
    }
    assert!(kinds.len() >= 27, "{kinds:?}");
    let text = write(&events, eol);
    let records = read_whole(Reader::new(&text[..]));
    (text, records)
}

#[test]
fn every_prefix_ends_normally_before_its_incomplete_event() {
    for eol in [&b"\n"[..], b"\r\n"] {
        let (text, whole) = small(eol);
        for len in 0..text.len() {
            let (records, end) = read(Reader::new(&text[..len]));
            if len < b"SPICE_REPLAY 1".len() + eol.len() {
                assert!(matches!(end.unwrap_err().kind, ErrorKind::Header { .. }), "{len}");
                continue;
            }
            let complete = whole.iter().skip(1).filter(|r| r.offset <= len as u64).count();
            assert_eq!(records.len(), complete, "{len} bytes");
            assert_eq!(records, whole[..complete]);
            let next = whole[complete].offset;
            let truncated = end.unwrap_or_else(|e| panic!("{len} bytes: {e}"));
            assert_eq!(truncated.map(|t| t.offset), (len as u64 > next).then_some(next), "{len} bytes");
        }
    }
}

#[test]
fn no_damage_makes_it_panic_or_hang() {
    let (text, _) = small(b"\n");
    let mut damaged = text.clone();
    let mut errors = 0;
    for at in 0..text.len() {
        for with in [0xff, 0x01, 0x10, text[at] ^ b'9', text[at] ^ b'\n'] {
            damaged[at] ^= with;
            let (records, end) = read(Reader::new(&damaged[..]));
            assert!(records.len() < text.len() / 16);
            if let Err(e) = end {
                assert!(e.offset <= text.len() as u64);
                assert!(!e.to_string().is_empty());
                errors += 1;
            }
            damaged[at] = text[at];
        }
    }
    assert!(errors > text.len());
}

fn packed(text: &[u8]) -> Vec<(Container, Vec<u8>)> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(text).unwrap();
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    xz.write_all(text).unwrap();
    vec![
        (Container::Plain, text.to_vec()),
        (Container::Zstd, zstd::encode_all(text, 1).unwrap()),
        (Container::Gzip, gzip.finish().unwrap()),
        (Container::Lz4, lz4.finish().unwrap()),
        (Container::Xz, xz.finish().unwrap()),
    ]
}

fn sniffed(file: &[u8]) -> Result<Reader<Box<dyn Read + Send + '_>>, Error> {
    Reader::sniffed(file, Limits::default())
}

#[test]
fn containers_are_told_by_their_first_bytes() {
    let text = write(&events(Rng::seeded(11), 300), b"\n");
    let whole = read_whole(Reader::new(&text[..]));
    for (container, file) in packed(&text) {
        let reader = sniffed(&file).unwrap();
        assert_eq!(reader.container(), container);
        assert_eq!(read_whole(Ok(reader)), whole, "{container:?}");
    }
    // Two compressed pieces one after the other are one file.
    let (head, tail) = text.split_at(text.len() / 2);
    for ((container, head), (_, tail)) in packed(head).into_iter().zip(packed(tail)) {
        assert_eq!(read_whole(sniffed(&[head, tail].concat())), whole, "{container:?}");
    }
}

#[test]
fn a_container_that_breaks_off_is_a_truncated_recording() {
    let (text, whole) = small(b"\n");
    for (container, file) in packed(&text).split_off(1) {
        for len in 0..file.len() {
            let (records, end) = read(sniffed(&file[..len]));
            assert!(whole.starts_with(&records), "{container:?} {len}");
            match end {
                Ok(Some(t)) => assert!(t.container, "{container:?} {len}"),
                Ok(None) => panic!("{container:?} of {len} bytes passes for whole"),
                // Too little of it for the recording's first line.
                Err(e) => {
                    assert!(
                        matches!(e.kind, ErrorKind::Header { .. } | ErrorKind::Io(_)),
                        "{container:?} {len} {e}"
                    );
                    assert!(records.is_empty(), "{container:?} {len}: {e}");
                }
            }
        }
    }
}

#[test]
fn no_damage_to_a_container_makes_it_panic_or_hang() {
    let (text, _) = small(b"\n");
    for (_, file) in packed(&text).split_off(1) {
        let mut damaged = file.clone();
        for at in 0..file.len() {
            for with in [0xff, 0x01] {
                damaged[at] ^= with;
                let _ = read(sniffed(&damaged));
                damaged[at] = file[at];
            }
        }
    }
}

#[test]
fn deflated_blobs_are_inflated() {
    let deflate = |data: &[u8]| {
        let mut z = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        z.write_all(data).unwrap();
        z.finish().unwrap()
    };
    let text = |size: usize, stream: &[u8]| {
        let mut text = b"event 0 0 4 1\n".to_vec();
        write!(text, "binary 1 message {size}:{}:", stream.len()).unwrap();
        text.extend_from_slice(stream);
        text.push(b'\n');
        text
    };
    for size in [0, 1, 100, 5000, 1 << 20, 3_000_001] {
        let mut data = Rng(size as u64).bytes(size);
        data[size / 2..].fill(7);
        let file =
            [b"SPICE_REPLAY 1\n".to_vec(), text(size, &deflate(&data)), text(size, &deflate(&data))].concat();
        let records = read_whole(Reader::new(&file[..]));
        assert_eq!(records.len(), 2);
        for record in records {
            assert_eq!(record.event, Event::Command(Command::Message(data.clone().into())));
        }
        let too_long = error(&text(size, &deflate(&[&data[..], b"x"].concat())));
        assert!(matches!(too_long.kind, ErrorKind::Size { .. }), "{too_long}");
        let too_short = error(&text(size + 1, &deflate(&data)));
        assert!(matches!(too_short.kind, ErrorKind::Size { .. }), "{too_short}");
        let mut stream = deflate(&data);
        stream.truncate(stream.len() - 5);
        let cut = error(&text(size, &stream));
        assert!(matches!(cut.kind, ErrorKind::Inflate), "{cut}");
        let garbage = error(&text(size, b"\x12\x34\x56"));
        assert!(matches!(garbage.kind, ErrorKind::Inflate), "{garbage}");
    }
    // A bomb is stopped at the size it declares.
    let bomb = deflate(&vec![0; 50_000_000]);
    let stopped = error(&text(10, &bomb));
    assert!(matches!(stopped.kind, ErrorKind::Size { expected: 10, .. }), "{stopped}");
}

#[test]
fn compat_drawables_are_told_from_native_ones() {
    let mut generator = Generator::new(Rng::seeded(5));
    let seed = generator.rng.0;
    let mut text = b"SPICE_REPLAY 1\n".to_vec();
    let mut expected = Vec::new();
    for number in 0..300 {
        let mut drawable = generator.drawable();
        let compat = !matches!(drawable.op, Op::Composite(_)) && generator.rng.one_in(2);
        if compat {
            drawable.surface_id = 0;
            drawable.surface_deps = SurfaceDeps::default();
            if let Op::AlphaBlend { alpha_flags, .. } = &mut drawable.op {
                *alpha_flags = 0;
            }
        }
        let event = Event::Command(Command::Drawable(Arc::new(drawable.clone())));
        let one = write(std::slice::from_ref(&event), b"\n");
        let mut body = one[b"SPICE_REPLAY 1\nevent 0 0 1 0\n".len()..].to_vec();
        if compat {
            let area = drawable.self_bitmap.unwrap_or_default();
            let numbers = format!("{} {} {} {}\n", area.top, area.left, area.bottom, area.right);
            let has = u8::from(drawable.self_bitmap.is_some());
            let mut native = format!("self_bitmap {has}\nrect self_bitmap_area {numbers}surface_id 0\n");
            native += &"surfaces_dest -1\nrect surfaces_rects 0 0 0 0\n".repeat(3);
            let offset = if has == 1 { "bitmap_offset 4096" } else { "bitmap_offset 0" };
            body = replaced(&body, &native, &format!("{offset}\nrect bitmap_area {numbers}"));
            if let Op::AlphaBlend { .. } = drawable.op {
                body = replaced(&body, "alpha_flags 0\n", "");
            }
        }
        writeln!(text, "event {number} 0 1 0").unwrap();
        text.extend(body);
        expected.push(event);
    }
    let records = read_whole(Reader::new(&text[..]));
    assert!(records.iter().map(|r| &r.event).eq(&expected), "SPICE_RENDER_SEED={seed}");
    let composite = error(
        b"event 0 0 1 0\ndrawable\nrect bbox 0 0 1 1\ntype 0\neffect 0\nmm_time 0\nbitmap_offset 0\n\
          rect bitmap_area 0 0 0 0\ntype 14\n",
    );
    assert!(matches!(composite.kind, ErrorKind::Unknown { value: 14 }), "{composite}");
}

/// `text` with the first `from` replaced.
fn replaced(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = text.windows(from.len()).position(|w| w == from.as_bytes()).expect("it is there");
    [&text[..at], to.as_bytes(), &text[at + from.len()..]].concat()
}

#[test]
fn blobs_may_hold_what_looks_like_the_format() {
    let text = b"x\nevent 1 1 2 3\nbinary 0 message 3:abc\n";
    let events = [Event::Command(Command::Message(text[..].into())), Event::Command(Command::Nop)];
    let records = read_whole(Reader::new(&write(&events, b"\n")[..]));
    assert!(records.iter().map(|r| &r.event).eq(&events));
}

#[test]
fn errors_name_place_and_field() {
    for (text, expected) in [
        ("nonsense", "byte 15, event 0: expected event, found \"nonsense\""),
        ("event 0 1 2 3\nevent 2 0 9 3\n", "byte 37, event 2: event type is 9, which has no meaning"),
        ("event 0 2 2 3\n", "byte 23, event 0: event kind is 2, which has no meaning"),
        ("event x 1 2 3\n", "byte 21, event 0: event counter is not a number but \"x 1 2 3\\n\""),
        ("event 0 1 2 3x\n", "byte 28, event 0: event is not a number but \"x\\n\""),
        ("event 0 0 1 3\nsurface_cmd\n", "byte 29, event 0: expected drawable, found \"surface_cmd\\n\""),
        (
            "event 0 0 5 3\nsurface_cmd\nsurface_id 1\ntype 2\nflags 0\n",
            "byte 54, event 0: type is 2, which has no meaning",
        ),
        (
            "event 0 0 5 3\nsurface_cmd\nsurface_id 4294967296\n",
            "byte 52, event 0: surface_id is 4294967296, not between -2147483648 and 4294967295",
        ),
        (
            "event 0 0 3 3\ncursor_cmd\ntype 1\npoint16 0 40000\n",
            "byte 57, event 0: point16 is 40000, not between -32768 and 32767",
        ),
        (
            "event 0 0 4 3\nbinary 0 massage 3:abc\n",
            "byte 38, event 0: expected message, found \"massage 3:abc\\n\"",
        ),
        ("event 0 0 4 3\nbinary 0 message 3:abcd\n", "byte 51, event 0: expected message, found \"d\\n\""),
        (
            "event 0 0 4 3\nbinary 0 message 99999999999:",
            "byte 29, event 0: message is 99999999999, the limit is 268435456",
        ),
        (
            "event 0 0 4 3\nbinary 0 message 99999999999999999999999:",
            "byte 46, event 0: message is not a number but \"99999999999999999999999:\"",
        ),
        (
            "event 0 1 20 3\n2 2 8 32\n0 0 0 0\nbinary 0 data 3:abc\n",
            "byte 47, event 0: data has size 3, not 16",
        ),
        (
            "event 0 1 20 3\n2 2 8 33\n0 0 0 0\n",
            "byte 30, event 0: primary format is 33, which has no meaning",
        ),
    ] {
        assert_eq!(error(text.as_bytes()).to_string(), expected);
    }
    let header = |text: &[u8]| Reader::new(text).unwrap_err().to_string();
    assert_eq!(header(b""), "byte 0: not a SPICE recording, it begins with nothing");
    assert_eq!(header(b"\x89PNG\r\n"), "byte 0: not a SPICE recording, it begins with \"\\x89PNG\\r\\n\"");
    assert_eq!(header(b"SPICE_REPLAY 2\n"), "byte 0: recording version is 2, not 1");
}

#[test]
fn images_of_the_wrong_size_are_refused() {
    let mut generator = Generator::new(Rng::seeded(9));
    for direct in [true, false] {
        let bitmap = loop {
            if let crate::qxl::ImageData::Bitmap(b) = generator.image().data
                && (b.flags & Bitmap::DIRECT != 0) == direct
                && b.height > 1
            {
                break b;
            }
        };
        let src = crate::qxl::Image {
            id: 0,
            flags: 0,
            width: bitmap.width,
            height: bitmap.height,
            data: crate::qxl::ImageData::Bitmap(bitmap.clone()),
        };
        let op =
            Op::Transparent { src: Some(src), src_area: Default::default(), src_color: 0, true_color: 0 };
        let drawable = Drawable { op, ..generator.drawable() };
        let text = write(&[Event::Command(Command::Drawable(Arc::new(drawable)))], b"\n");
        let height = format!("bitmap.y {}\n", bitmap.height);
        let e = error(&replaced(&text, &height, &format!("bitmap.y {}\n", bitmap.height - 1))[15..]);
        assert!(matches!(e.kind, ErrorKind::Size { .. }), "{e}");
        assert_eq!(e.field, "bitmap.data");
    }
}

#[test]
fn limits_hold() {
    let limits =
        Limits { max_blob_bytes: 100, max_chunks: 3, max_clip_rects: 4, max_points: 5, ..Limits::default() };
    let all = events(Rng::seeded(13), 300);
    let text = write(&all, b"\n");
    for event in &all {
        let one = write(std::slice::from_ref(event), b"\n");
        let (records, end) = read(Reader::with_limits(&one[..], limits));
        match end {
            Ok(None) => assert_eq!(&records[0].event, event),
            Ok(Some(t)) => panic!("{t:?}"),
            Err(e) => assert!(matches!(e.kind, ErrorKind::Limit { .. }), "{e}"),
        }
    }
    let over = read(Reader::with_limits(&text[..], limits)).1.unwrap_err();
    assert!(matches!(over.kind, ErrorKind::Limit { .. }), "{over}");
    let chunks = b"SPICE_REPLAY 1\nevent 0 0 1 0\ndrawable\nrect bbox 0 0 1 1\ntype 1\nnum_rects 0\ndata_chunks 4000000000 0\n";
    let e = read(Reader::new(&chunks[..])).1.unwrap_err();
    assert!(matches!(e.kind, ErrorKind::Limit { value: 4_000_000_001, .. }), "{e}");
}

#[test]
fn a_window_beyond_the_limit_is_refused() {
    let text = write(&events(Rng::seeded(17), 20), b"\n");
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(25).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(&text).unwrap();
    let file = encoder.finish().unwrap();
    read_whole(sniffed(&file));
    let limits = Limits { max_window_bytes: 1 << 20, ..Limits::default() };
    let e = Reader::sniffed(&file[..], limits).unwrap_err();
    assert!(matches!(e.kind, ErrorKind::Io(_)), "{e}");
    let xz = packed(&text).pop().unwrap().1;
    let limits = Limits { max_window_bytes: 1 << 10, ..Limits::default() };
    let e = Reader::sniffed(&xz[..], limits).unwrap_err();
    assert!(matches!(e.kind, ErrorKind::Io(_)), "{e}");
}

#[test]
fn the_writer_refuses_what_the_format_cannot_say() {
    let mut writer = Writer::new(Vec::new()).unwrap();
    let wrong = Event::Worker(WorkerMessage::Other { number: 20 });
    assert_eq!(writer.write(0, &wrong).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    let shapeless = crate::qxl::CursorCmd::Set { position: Default::default(), visible: true, shape: None };
    let shapeless = Event::Command(Command::Cursor(shapeless));
    assert_eq!(writer.write(0, &shapeless).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    writer.write(5, &Event::Command(Command::Nop)).unwrap();
    assert_eq!(
        writer.finish().unwrap(),
        b"SPICE_REPLAY 1\nevent 0 0 0 5\n",
        "nothing is left of the refused"
    );
}
