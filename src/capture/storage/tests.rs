//! Recordings whose bitmaps stay in their file.

use super::super::{Limits, Reader, Record, Writer};
use crate::draw;
use crate::qxl::testing::{Generator, Rng};
use crate::qxl::{
    Bitmap, BitmapData, BitmapFormat, Command, Drawable, Event, Image, ImageData, Op, SurfaceDeps,
    WorkerMessage,
};
use crate::replay::Replay;
use flate2::{Compression, write::ZlibEncoder};
use spice_raster::{Raster, Rect};
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// A file of its own for a test, gone with it.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("spice-render-{name}-{}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn open(&self) -> File {
        File::options().read(true).write(true).open(&self.0).unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A copy of a picture of 64 x 64 pixels, whose bytes lie in these chunks (in one piece without any).
fn copy(rng: &mut Rng, flags: u8, chunks: &[u32]) -> Event {
    let bitmap = Bitmap {
        format: BitmapFormat::Bit32,
        flags: flags | Bitmap::TOP_DOWN,
        width: 64,
        height: 64,
        stride: 256,
        palette: None,
        data: rng.bytes(64 * 256).into(),
        chunks: chunks.to_vec(),
    };
    let src = Image { id: 1, flags: 0, width: 64, height: 64, data: ImageData::Bitmap(bitmap) };
    let area = Rect::new(0, 0, 64, 64);
    let mut generator = Generator::new(Rng(rng.0));
    generator.side = 3;
    let op = loop {
        if let Op::Copy { rop, scale_mode, mask, .. } = generator.drawable().op {
            break Op::Copy { src: Some(src), src_area: area, rop, scale_mode, mask };
        }
    };
    Event::Command(Command::Drawable(Arc::new(Drawable { op, bbox: area, ..generator.drawable() })))
}

/// Bitmaps in every way in which they are recorded, large and small, and other events between them.
fn recording() -> Vec<u8> {
    let mut rng = Rng(11);
    let mut writer = Writer::new(Vec::new()).unwrap();
    let mut generator = Generator::new(Rng(12));
    for (flags, chunks) in [
        (0, &[][..]),
        (Bitmap::DIRECT, &[]),
        (0, &[8192, 8192]),
        (0, &[10_000, 6000, 384]),
        (0, &[0, 16_384]),
        (0, &[16, 4096, 4000, 4096, 4176]),
    ] {
        writer.write(0, &copy(&mut rng, flags, chunks)).unwrap();
        writer.write(0, &generator.event()).unwrap();
        writer.write(0, &Event::Worker(WorkerMessage::Other { number: 2 })).unwrap();
    }
    writer.finish().unwrap()
}

/// The records as text again, how many bitmaps were left in the file, and how it ended.
fn outcome<R: Read>(mut reader: Reader<R>) -> (Vec<u8>, usize, String) {
    reader.discard_unused();
    let mut writer = Writer::new(Vec::new()).unwrap();
    let mut left = 0;
    let end = loop {
        match reader.next_record() {
            Ok(Some(record)) => {
                left += usize::from(is_left(&record));
                writer.write_record(&record).unwrap();
            }
            Ok(None) => break format!("{:?} at {}", reader.truncated(), reader.offset()),
            Err(e) => break e.to_string(),
        }
    };
    (writer.finish().unwrap(), left, end)
}

fn is_left(record: &Record) -> bool {
    let Event::Command(Command::Drawable(drawable)) = &record.event else { return false };
    let Op::Copy { src: Some(image), .. } = &drawable.op else { return false };
    matches!(&image.data, ImageData::Bitmap(Bitmap { data: BitmapData::Stored(_), .. }))
}

#[test]
fn a_file_gives_what_a_stream_gives_wherever_it_ends() {
    let text = recording();
    let file = Temporary::new("prefixes", &text);
    let mut most = 0;
    for len in (16..=text.len()).rev().filter(|len| len % 61 == 0 || text.len() - len < 600) {
        file.open().set_len(len as u64).unwrap();
        let (records, left, end) = outcome(Reader::from_file(file.open(), Limits::default()).unwrap());
        let (expected, none, expected_end) = outcome(Reader::new(&text[..len]).unwrap());
        assert_eq!(end, expected_end, "{len} bytes");
        assert!(records == expected, "{len} bytes");
        assert_eq!(none, 0);
        most = most.max(left);
    }
    assert_eq!(most, 5, "all but that in small chunks");
}

#[test]
fn a_watched_file_is_read_as_any_and_tells_how_far() {
    let text = recording();
    let file = Temporary::new("watched", &text);
    let expected = outcome(Reader::from_file(file.open(), Limits::default()).unwrap());
    let mut places = Vec::new();
    let moved = |place| places.push(place);
    let watched = outcome(Reader::from_file_watched(file.open(), Limits::default(), moved).unwrap());
    assert!(watched == expected);
    assert!(watched.1 > 0, "bitmaps are left in the file");
    assert!(places.is_sorted());
    assert_eq!(places.last(), Some(&(text.len() as u64)), "the bitmaps count too");
}

#[test]
fn a_deflated_chunk_brings_those_before_it_into_memory() {
    let mut rng = Rng(5);
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.write(0, &copy(&mut rng, 0, &[8192, 8192])).unwrap();
    let text = writer.finish().unwrap();
    let head = b"binary 0 bitmap.data 8192:";
    let last = text.windows(head.len()).rposition(|w| w == head).unwrap();
    let chunk = &text[last + head.len()..][..8192];
    let mut stream = ZlibEncoder::new(Vec::new(), Compression::default());
    stream.write_all(chunk).unwrap();
    let stream = stream.finish().unwrap();
    let mut packed = text[..last].to_vec();
    write!(packed, "binary 1 bitmap.data 8192:{}:", stream.len()).unwrap();
    packed.extend(stream);
    packed.extend(&text[last + head.len() + 8192..]);

    let file = Temporary::new("deflated", &packed);
    let (records, left, _) = outcome(Reader::from_file(file.open(), Limits::default()).unwrap());
    assert_eq!(left, 0);
    assert!(records == text);
}

#[test]
fn a_file_that_shrinks_under_a_replay_is_an_error() {
    let text = b"SPICE_REPLAY 1\nevent 0 1 20 0\n64 64 256 32\n0 0 0 0\nbinary 0 data 0:\n";
    let mut rng = Rng(6);
    let mut writer = Writer::new(Vec::new()).unwrap();
    let Event::Command(Command::Drawable(drawable)) = copy(&mut rng, 0, &[]) else { unreachable!() };
    let mut drawable = Arc::unwrap_or_clone(drawable);
    (drawable.surface_id, drawable.surface_deps) = (0, SurfaceDeps::default());
    drawable.clip = crate::qxl::Clip::None;
    writer.write(0, &Event::Command(Command::Drawable(Arc::new(drawable)))).unwrap();
    let text = [&text[..], &writer.finish().unwrap()[b"SPICE_REPLAY 1\n".len()..]].concat();

    let file = Temporary::new("shrinks", &text);
    let replay = || {
        let reader = Reader::from_file(file.open(), Limits::default()).unwrap();
        let mut replay = Replay::new(reader, Raster::new(), draw::Limits::default());
        replay.run(None).unwrap();
        replay
    };
    assert!(replay().surface(0).unwrap().is_some());
    let mut short = replay();
    file.open().set_len(1000).unwrap();
    let error = short.surface(0).unwrap_err();
    assert_eq!(error.field, "bitmap.data");
    assert!((100..1000).contains(&error.offset), "{error}");
    assert!(short.run(None).is_err());
}
