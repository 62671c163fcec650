//! Every recording of `$SPICE_RENDER_CORPUS` (a folder laid out like the shared one) is read to its end, and
//! read the same after it was written again.

use spice_render::capture::{self, Container, Limits, Reader, Writer};
use std::fs::File;
use std::path::PathBuf;

/// The recordings of the corpus; says so where there is none.
fn recordings() -> Vec<PathBuf> {
    let Some(corpus) = std::env::var_os("SPICE_RENDER_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: SPICE_RENDER_CORPUS is not set");
        return Vec::new();
    };
    let mut all = Vec::new();
    for folder in ["sheets", "captures"] {
        for entry in std::fs::read_dir(corpus.join(folder)).expect("a folder of the corpus") {
            let path = entry.expect("an entry").path();
            if path.to_string_lossy().ends_with(".rec.zst") {
                all.push(path);
            }
        }
    }
    all.sort();
    assert!(!all.is_empty(), "the corpus has recordings");
    all
}

#[test]
fn every_recording_is_read_whole() {
    for path in recordings() {
        let mut reader = capture::open(&path, Limits::default()).expect("a recording");
        assert_eq!(reader.container(), Container::Zstd);
        let mut next = 0;
        for record in &mut reader {
            let record = record.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert_eq!(record.number, next, "{}", path.display());
            next += 1;
        }
        assert_eq!(reader.truncated(), None, "{}", path.display());
        assert!(next > 10, "{}", path.display());
    }
}

/// Written again, a recording holds the same events, and the same bytes but for what means nothing: the rectangle
/// (uninitialised memory) beside a surface dependency that is -1, the chunk borders of anything but bitmaps, and
/// whether a blob was deflated.
#[test]
fn every_recording_is_written_as_it_was_read() {
    for path in recordings() {
        let mut text = Vec::new();
        let mut packed = zstd::Decoder::new(File::open(&path).expect("a file")).expect("zstd");
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
    }
}
