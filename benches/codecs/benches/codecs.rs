//! Every codec on generated 1920x1080 pictures, beside memcpy; each answer is checked before it is timed.
//!
//! `cargo bench --manifest-path benches/codecs/Cargo.toml [--features system-libs]`

use bench_codecs::{SIZE, pictures};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spice_codecs::glz::GlzDictionary;
use spice_codecs::lz::Level;
use spice_codecs::{Codec, DecodeOptions, Decoder, Encoder, Options, PixelFormat, Pixels};
use std::hint::black_box;
use std::time::Duration;

fn codecs(c: &mut Criterion) {
    for (class, data) in pictures() {
        let mut group = c.benchmark_group(class);
        group.throughput(Throughput::Bytes(data.len() as u64));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_secs(1));
        let pixels = Pixels::new(PixelFormat::Rgb32, SIZE.0, SIZE.1, SIZE.0 as usize * 4, true, &data)
            .expect("pixels");
        let mut copy = vec![0; data.len()];
        group.bench_function("memcpy", |b| b.iter(|| black_box(&mut copy).copy_from_slice(black_box(&data))));
        for (name, codec, level) in [
            ("quic", Codec::Quic, Level::Default),
            ("lz-fast", Codec::Lz, Level::Fast),
            ("lz-default", Codec::Lz, Level::Default),
            ("glz-fast", Codec::Glz, Level::Fast),
            ("zlib-glz-fast", Codec::ZlibGlz, Level::Fast),
            ("lz4", Codec::Lz4, Level::Default),
            ("jpeg", Codec::Jpeg, Level::Default),
        ] {
            let options = Options { level, ..Options::default() };
            let (mut encoder, mut dictionary) = (Encoder::new(), GlzDictionary::new(1 << 22));
            let mut stream = Vec::new();
            let mut encode = || {
                dictionary.reset();
                stream.clear();
                encoder.encode_with(&mut dictionary, &pixels, codec, &options, &mut stream).expect("encode");
            };
            encode();
            group.bench_function(format!("{name}/encode"), |b| b.iter(&mut encode));
            let (mut decoder, mut back) = (Decoder::new(), Vec::new());
            let options = DecodeOptions { size: Some(SIZE), ..DecodeOptions::default() };
            let mut decode = || {
                decoder.window().reset();
                decoder.decode(&stream, codec, &options, &mut back).expect("decode");
            };
            decode();
            group.bench_function(format!("{name}/decode"), |b| b.iter(&mut decode));
            assert!(codec.is_lossy() || back == data);
        }
        #[cfg(feature = "system-libs")]
        {
            use bench_codecs::system;
            let mut out = vec![0; data.len() * 2];
            let n = system::lz4_encode(&data, &mut out);
            group.bench_function("C lz4/encode", |b| b.iter(|| system::lz4_encode(&data, &mut out)));
            group.bench_function("C lz4/decode", |b| b.iter(|| system::lz4_decode(&out[..n], &mut copy)));
            // A filter may have left the bench out.
            system::lz4_decode(&out[..n], &mut copy);
            assert!(copy == data);
            let n = system::jpeg_encode(&data, SIZE.0, SIZE.1, 85, &mut out);
            group.bench_function("libjpeg-turbo/encode", |b| {
                b.iter(|| system::jpeg_encode(&data, SIZE.0, SIZE.1, 85, &mut out))
            });
            group.bench_function("libjpeg-turbo/decode", |b| {
                b.iter(|| system::jpeg_decode(&out[..n], &mut copy))
            });
        }
        group.finish();
    }
}

criterion_group!(benches, codecs);
criterion_main!(benches);
