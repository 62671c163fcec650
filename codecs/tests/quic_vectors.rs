//! QUIC against the reference's streams.

mod common;

use spice_codecs::quic::{QuicDecoder, QuicEncoder};
use spice_codecs::{DecodeError, Pixels};

#[test]
fn vectors_decode_exactly_and_encode_to_the_reference_s_bytes() {
    let Some(corpus) = common::corpus() else { return };
    let manifest = common::manifest(&corpus);
    let (mut decoder, mut encoder) = (QuicDecoder::new(), QuicEncoder::new());
    let (mut out, mut stream) = (Vec::new(), Vec::new());
    let mut seen = 0;
    for v in manifest["vectors"].as_array().expect("array") {
        if v["codec"] != "QUIC" {
            continue;
        }
        seen += 1;
        let file = v["file"].as_str().expect("file");
        let coded = common::load(&corpus.join(file));
        let expected = common::load(&corpus.join(v["decoded_file"].as_str().expect("decoded")));
        let header = decoder.decode(&coded, 1 << 30, &mut out).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(v["width"], header.width, "{file}");
        assert_eq!(v["height"], header.height, "{file}");
        assert!(out == expected, "{file}: decoded pixels differ");
        let input = v["input_file"].as_str().map_or(expected, |f| common::load(&corpus.join(f)));
        let stride = header.format.bytes_per_row(header.width);
        let pixels =
            Pixels::new(header.format, header.width, header.height, stride, true, &input).expect("pixels");
        stream.clear();
        encoder.encode(&pixels, usize::MAX, &mut stream).expect("encode");
        assert!(stream == coded, "{file}: bytes differ");
    }
    assert_eq!(seen, 169);
}

#[test]
fn malformed_streams_end_in_an_error_or_in_a_picture() {
    let Some(corpus) = common::corpus() else { return };
    let manifest = common::manifest(&corpus);
    let (mut decoder, mut out) = (QuicDecoder::new(), Vec::new());
    let (mut seen, mut pictures) = (0, 0);
    for m in manifest["malformed"].as_array().expect("array") {
        if m["codec"] != "QUIC" {
            continue;
        }
        seen += 1;
        let file = m["file"].as_str().expect("file");
        let pixels = m["descriptor_width"].as_u64().expect("n") * m["descriptor_height"].as_u64().expect("n");
        match decoder.decode(&common::load(&corpus.join(file)), pixels * 4, &mut out) {
            Ok(header) => {
                assert_eq!(out.len() as u64, header.decoded_bytes(), "{file}");
                pictures += 1;
                if m["reference_outcome"] == "ok" {
                    println!("{file}: {} {}", m["how"], m["reference_detail"]);
                }
            }
            Err(e) => {
                assert!(out.is_empty() && out.capacity() as u64 <= (1 << 20).max(pixels * 8), "{file}");
                assert!(!matches!(e, DecodeError::UnknownImage { .. }), "{file}");
                if m["reference_outcome"] == "ok" {
                    println!("{file}: {e}: {} {}", m["how"], m["reference_detail"]);
                }
            }
        }
    }
    println!("{seen} malformed streams, {pictures} of them give pictures");
    assert!(seen > 0);
}
