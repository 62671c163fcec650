//! Every recording is read to its end, and read the same after it was written again.

#[path = "corpus/recordings.rs"]
mod recordings;

use rayon::prelude::*;
use recordings::recordings;
use spice_render::capture::{self, Container, Limits, Reader, Writer};
use std::fs::File;

#[test]
fn every_recording_is_read_whole() {
    recordings(false).par_iter().with_max_len(1).for_each(|path| {
        let mut reader = capture::open(path, Limits::default()).expect("a recording");
        assert_eq!(reader.container(), Container::Zstd);
        let mut next = 0;
        for record in &mut reader {
            let record = record.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert_eq!(record.number, next, "{}", path.display());
            next += 1;
        }
        assert_eq!(reader.truncated(), None, "{}", path.display());
        assert!(next > 10, "{}", path.display());
    });
}

/// Written again, a recording holds the same events, and the same bytes but for what means nothing: the rectangle
/// (uninitialised memory) beside a surface dependency that is -1, the chunk borders of anything but bitmaps, and
/// whether a blob was deflated.
#[test]
fn every_recording_is_written_as_it_was_read() {
    recordings(false).par_iter().with_max_len(1).for_each(|path| {
        let mut text = Vec::new();
        let mut packed = zstd::Decoder::new(File::open(path).expect("a file")).expect("zstd");
        std::io::copy(&mut packed, &mut text).expect("a whole file");
        let mut writer = Writer::new(Vec::new()).expect("memory");
        let mut records = Vec::new();
        for record in Reader::new(&text[..]).expect("a recording") {
            let record = record.expect("a good recording");
            writer.write_record(&record).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            records.push(record);
        }
        let again = writer.finish().expect("memory");
        if again != text {
            let reread = Reader::new(&again[..]).expect("a recording").map(|r| r.expect("good").event);
            assert!(reread.eq(records.into_iter().map(|r| r.event)), "{}", path.display());
            eprintln!("{}: the same events in other bytes", path.display());
        }
    });
}
