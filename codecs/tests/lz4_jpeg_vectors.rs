//! LZ4, JPEG and JPEG-alpha against the reference's streams.

mod common;

use spice_codecs::jpeg::{JpegDecoder, JpegEncoder, Subsampling};
use spice_codecs::lz::Level;
use spice_codecs::lz4::{self, Lz4Encoder};
use spice_codecs::{DecodeError, PixelFormat, Pixels};

fn number(v: &serde_json::Value, field: &str) -> u32 {
    u32::try_from(v[field].as_u64().unwrap_or_else(|| panic!("{field} of {v}"))).expect("32 bits")
}

#[test]
fn lz4_vectors_decode_exactly_and_come_back() {
    let Some(corpus) = common::corpus() else { return };
    let manifest = common::manifest(&corpus);
    let (mut encoder, mut out, mut stream) = (Lz4Encoder::new(), Vec::new(), Vec::new());
    let mut seen = 0;
    for v in manifest["vectors"].as_array().expect("array") {
        if v["codec"] != "LZ4" {
            continue;
        }
        seen += 1;
        let file = v["file"].as_str().expect("file");
        let (width, height) = (number(v, "width"), number(v, "height"));
        let coded = common::load(&corpus.join(file));
        let expected = common::load(&corpus.join(v["decoded_file"].as_str().expect("decoded")));
        let header =
            lz4::decode(&coded, width, height, 1 << 30, &mut out).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(v["top_down"], header.top_down, "{file}");
        assert!(out == expected, "{file}: decoded pixels differ");
        let stride = header.format.bytes_per_row(width);
        let pixels =
            Pixels::new(header.format, width, height, stride, header.top_down, &expected).expect("pixels");
        stream.clear();
        let n = encoder.encode(&pixels, usize::MAX, &mut stream).expect("encode");
        assert_eq!(n, stream.len());
        assert_eq!(lz4::decode(&stream, width, height, 1 << 30, &mut out), Ok(header), "{file}");
        assert!(out == expected, "{file}: round trip");
    }
    assert_eq!(seen, 82);
}

/// Peak signal-to-noise ratio of the colours in decibels.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let colours = (0..a.len()).filter(|i| i % 4 < 3);
    let squares: u64 = colours.map(|i| u64::from(a[i].abs_diff(b[i])).pow(2)).sum();
    10.0 * (255.0 * 255.0 * (a.len() as f64 * 0.75) / (squares as f64).max(1e-9)).log10()
}

#[test]
fn jpeg_vectors_decode_closely_and_come_back() {
    let Some(corpus) = common::corpus() else { return };
    let manifest = common::manifest(&corpus);
    let (mut encoder, mut decoder) = (JpegEncoder::new(), JpegDecoder::new());
    let (mut out, mut stream, mut back) = (Vec::new(), Vec::new(), Vec::new());
    let (mut seen, mut worst, mut worst_again) = (0, f64::MAX, f64::MAX);
    for v in manifest["vectors"].as_array().expect("array") {
        let with_alpha = v["codec"] == "JPEG_ALPHA";
        if !with_alpha && v["codec"] != "JPEG" {
            continue;
        }
        seen += 1;
        let file = v["file"].as_str().expect("file");
        let (width, height) = (number(v, "width"), number(v, "height"));
        let coded = common::load(&corpus.join(file));
        let expected = common::load(&corpus.join(v["decoded_file"].as_str().expect("decoded")));
        let size = if with_alpha {
            decoder.decode_with_alpha(&coded, number(v, "jpeg_size") as usize, 1 << 30, &mut out)
        } else {
            decoder.decode(&coded, 1 << 30, &mut out)
        };
        assert_eq!(size, Ok((width, height)), "{file}");
        let near = psnr(&out, &expected);
        // libjpeg repeats colour samples, instead of interpolating them, where a row has at most two; zune-jpeg does
        // not know this special case (tiny_2x2 31.6 dB, tiny_3x5 21.8 dB; all others at least 45 dB).
        let (least, usual) = if width <= 4 { (20.0, false) } else { (40.0, true) };
        assert!(near >= least, "{file}: {near:.1} dB from the reference's decoder");
        if usual {
            worst = worst.min(near);
        }
        let alpha = |p: &[u8]| p.iter().skip(3).step_by(4).copied().collect::<Vec<_>>();
        assert!(alpha(&out) == alpha(&expected), "{file}: alpha differs");

        // What the reference decoded, coded again at the highest quality.
        let format = if with_alpha { PixelFormat::Rgba } else { PixelFormat::Rgb32 };
        let pixels = Pixels::new(format, width, height, width as usize * 4, true, &expected).expect("pixels");
        stream.clear();
        if with_alpha {
            let (both, jpeg) = encoder
                .encode_with_alpha(&pixels, 100, Subsampling::None, Level::Fast, usize::MAX, &mut stream)
                .expect("encode");
            assert_eq!(both, stream.len());
            decoder.decode_with_alpha(&stream, jpeg, 1 << 30, &mut back).expect("decode");
            assert!(alpha(&back) == alpha(&expected), "{file}: alpha differs after a round trip");
        } else {
            encoder.encode(&pixels, 100, Subsampling::None, usize::MAX, &mut stream).expect("encode");
            decoder.decode(&stream, 1 << 30, &mut back).expect("decode");
        }
        let near = psnr(&back, &expected);
        assert!(near >= 38.0, "{file}: {near:.1} dB after a round trip at quality 100");
        worst_again = worst_again.min(near);
    }
    println!(
        "{seen} streams; at least {worst:.1} dB from the reference, {worst_again:.1} dB after coding again"
    );
    assert_eq!(seen, 61);
}

#[test]
fn malformed_streams_end_in_an_error_or_in_a_picture() {
    let Some(corpus) = common::corpus() else { return };
    let manifest = common::manifest(&corpus);
    let (mut decoder, mut out, mut seen) = (JpegDecoder::new(), Vec::new(), 0);
    for m in manifest["malformed"].as_array().expect("array") {
        let codec = m["codec"].as_str().expect("codec");
        let file = m["file"].as_str().expect("file");
        let (width, height) = (number(m, "descriptor_width"), number(m, "descriptor_height"));
        let limit = u64::from(width) * u64::from(height) * 4;
        let stream = common::load(&corpus.join(file));
        let outcome = match codec {
            "LZ4" => lz4::decode(&stream, width, height, limit, &mut out).map(|_| ()),
            "JPEG" => decoder.decode(&stream, limit, &mut out).map(|_| ()),
            "JPEG_ALPHA" => {
                let jpeg = number(m, "jpeg_size") as usize;
                decoder.decode_with_alpha(&stream, jpeg, limit, &mut out).map(|_| ())
            }
            _ => continue,
        };
        seen += 1;
        println!("{file}: {} -> {outcome:?}; reference {}", m["how"], m["reference_outcome"]);
        assert!(out.len() as u64 <= limit, "{file}");
        assert!(outcome.is_ok() || out.is_empty(), "{file}");
    }
    assert!(seen > 0);
}

/// What the library would make a wrong picture of is refused.
#[test]
fn jpeg_components_in_scans_of_their_own_are_refused() {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
    let pixels: Vec<u8> = (0..48 * 40 * 3).map(|i| (i * 7 % 251) as u8).collect();
    let coded = |colours, apart| {
        let mut stream = Vec::new();
        let mut encoder = Encoder::new(&mut stream, 80);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder.set_optimized_huffman_tables(apart);
        let channels = if colours == ColorType::Luma { 1 } else { 3 };
        encoder.encode(&pixels[..48 * 40 * channels], 48, 40, colours).expect("encode");
        stream
    };
    let (mut decoder, mut out) = (JpegDecoder::new(), Vec::new());
    let stream = coded(ColorType::Rgb, true);
    let scan = stream.windows(2).position(|w| w == [0xff, 0xda]).expect("a scan");
    match decoder.decode(&stream, 1 << 20, &mut out) {
        Err(DecodeError::Corrupt { offset, .. }) => assert_eq!(offset, scan),
        other => panic!("{other:?}"),
    }
    assert!(out.is_empty());
    // Together, or with one component only, they are read.
    for stream in [coded(ColorType::Rgb, false), coded(ColorType::Luma, true)] {
        assert_eq!(decoder.decode(&stream, 1 << 20, &mut out), Ok((48, 40)));
    }
}
