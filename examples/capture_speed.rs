//! How fast recordings are read: `cargo run --release --example capture_speed -- FILE...`, uncompressed files.
//!
//! Beside the reader stands the least that any reader must do: read the file once into a buffer of the same size.

use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

fn best(mut f: impl FnMut()) -> f64 {
    (0..7)
        .map(|_| {
            let start = Instant::now();
            f();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::MAX, f64::min)
}

fn main() {
    let mut sum = [0.0; 2];
    for path in std::env::args().skip(1) {
        let path = Path::new(&path);
        let mut events = 0u64;
        let size = std::fs::metadata(path).expect("a file").len() as f64;
        let parse = best(|| {
            let mut reader =
                spice_render::capture::Reader::new(File::open(path).expect("a file")).expect("a recording");
            events = 0;
            while let Some(record) =
                reader.next_record().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
            {
                black_box(record);
                events += 1;
            }
            assert_eq!(reader.truncated(), None, "{}", path.display());
        });
        let read = best(|| {
            let mut file = File::open(path).expect("a file");
            let mut buffer = vec![0; 256 << 10];
            while file.read(&mut buffer).expect("readable") > 0 {
                black_box(&mut buffer);
            }
        });
        sum[0] += parse;
        sum[1] += read;
        println!(
            "{:24} {events:7} events {:6.1} MB  parse {:7.2} ms {:6.2} GB/s  bare read {:6.2} ms  {:8.0} events/s",
            path.file_stem().unwrap_or_default().to_string_lossy(),
            size / 1e6,
            parse * 1e3,
            size / parse / 1e9,
            read * 1e3,
            events as f64 / parse
        );
    }
    println!("total: parse {:.1} ms, bare read {:.1} ms", sum[0] * 1e3, sum[1] * 1e3);
}
