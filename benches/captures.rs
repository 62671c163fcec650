//! The whole render of each recording from its uncompressed bytes in memory to the pixels of its last frame, in
//! commands and in megapixels a second (`cargo bench --bench captures`). A pixel counts as often as commands ask for
//! it.
//!
//! Recordings are those of `$SPICE_RENDER_CORPUS/captures`, else of testdata/captures.

mod recordings;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spice_raster::Raster;
use spice_render::capture::{self, Writer};
use spice_render::draw::Limits;
use spice_render::replay::Replay;
use std::hint::black_box;

/// The recording without its compression.
fn plain(path: &std::path::Path) -> Vec<u8> {
    let mut reader = capture::open(path, capture::Limits::default()).expect("a capture");
    let mut writer = Writer::new(Vec::new()).expect("memory takes all bytes");
    while let Some(record) = reader.next_record().expect("a sound capture") {
        writer.write_record(&record).expect("memory takes all bytes");
    }
    writer.finish().expect("memory takes all bytes")
}

fn replay(bytes: &[u8]) -> Replay<&[u8]> {
    let reader = capture::Reader::new(bytes).expect("a capture");
    let mut replay = Replay::new(reader, Raster::new(), Limits::default());
    replay.run(None).expect("a sound capture");
    black_box(replay.surface(0).expect("the same recording").is_some());
    replay
}

fn captures(c: &mut Criterion) {
    for (name, path) in recordings::files() {
        let bytes = plain(&path);
        let asked = replay(&bytes).stats().total().asked;
        let mut group = c.benchmark_group(format!("render/{name}"));
        group.sample_size(10);
        for (what, count) in [("commands", asked.nodes), ("pixels", asked.pixels)] {
            group.throughput(Throughput::Elements(count));
            group.bench_function(what, |b| b.iter(|| replay(&bytes).refused()));
        }
        group.finish();
    }
}

criterion_group!(benches, captures);
criterion_main!(benches);
