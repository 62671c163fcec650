//! LZ against the reference's streams.

mod common;

use spice_codecs::lz::{Level, LzDecoder, LzEncoder, LzHeader, to_bgrx};
use spice_codecs::{PixelFormat, Pixels};

#[test]
fn vectors_decode_exactly_and_reference_level_gives_their_bytes() {
    let Some(corpus) = common::corpus() else { return };
    let manifest = common::manifest(&corpus);
    let (mut decoder, mut encoder) = (LzDecoder::new(), LzEncoder::new());
    let (mut out, mut stream, mut wide) = (Vec::new(), Vec::new(), Vec::new());
    let (mut decodes, mut encodes) = (0, 0);
    let (mut fast, mut reference, mut larger) = (0, 0, 0);
    // Of text and user interfaces, at the default and the best level: our bytes and the reference's.
    let mut screens = [(0, 0); 2];
    for v in manifest["vectors"].as_array().expect("array") {
        if v["codec"] != "LZ" {
            continue;
        }
        let file = v["file"].as_str().expect("file");
        let coded = common::load(&corpus.join(file));
        let expected = common::load(&corpus.join(v["decoded_file"].as_str().expect("decoded")));
        let header = decoder.decode(&coded, 1 << 30, &mut out).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(header.width, v["width"].as_u64().expect("width") as u32, "{file}");
        assert_eq!(header.height, v["height"].as_u64().expect("height") as u32, "{file}");
        assert_eq!(Some(header.top_down), v["top_down"].as_bool(), "{file}");
        assert!(out == expected, "{file}: decoded pixels differ");
        decodes += 1;
        if let Some(sha) = v["decoded32_sha256"].as_str() {
            let palette: Vec<u32> = v["palette"]
                .as_array()
                .map_or(Vec::new(), |p| p.iter().map(|c| c.as_u64().expect("colour") as u32).collect());
            to_bgrx(&header, &palette, &out, &mut wide);
            assert_eq!(common::sha256(&wide), sha, "{file}: expansion");
        }
        let one_piece = {
            let lines = v["encoder_chunk_lines"].as_u64().expect("lines");
            lines == 0 || lines >= u64::from(header.height)
        };
        let input = match v["input_file"].as_str() {
            Some(f) => common::load(&corpus.join(f)),
            None if header.format == PixelFormat::Xxxa => {
                expected.iter().flat_map(|&a| [9, 8, 7, a]).collect()
            }
            None => expected.clone(),
        };
        let stride = header.format.bytes_per_row(header.width);
        let pixels = Pixels::new(header.format, header.width, header.height, stride, header.top_down, &input)
            .expect("pixels");
        if one_piece {
            stream.clear();
            let n = encoder.encode(&pixels, Level::Reference, usize::MAX, &mut stream).expect("encode");
            assert_eq!(n, stream.len());
            assert!(stream == coded, "{file}: reference bytes differ ({n} for {})", coded.len());
            encodes += 1;
        }
        for level in [Level::Fast, Level::Default, Level::Best] {
            stream.clear();
            encoder.encode(&pixels, level, usize::MAX, &mut stream).expect("encode");
            let image = v["image"].as_str().unwrap_or_default();
            let screen = ["text_", "xterm_", "ui_", "lines", "icons_"].iter().any(|p| image.starts_with(p));
            if level != Level::Fast && one_piece && screen && header.format == PixelFormat::Rgb32 {
                let sums = &mut screens[usize::from(level == Level::Best)];
                *sums = (sums.0 + stream.len(), sums.1 + coded.len());
            }
            if level == Level::Fast && one_piece {
                let (ours, theirs) = (stream.len(), coded.len());
                fast += ours;
                reference += theirs;
                if ours > theirs {
                    eprintln!("{file}: {ours} bytes at the fast level, the reference takes {theirs}");
                    larger += 1;
                }
            }
            decoder.decode(&stream, 1 << 30, &mut out).unwrap_or_else(|e| panic!("{file} {level:?}: {e}"));
            if v["input_file"].is_null() {
                assert!(out == expected, "{file} {level:?}: round trip");
            }
        }
    }
    assert!(decodes >= 290 && encodes > 200, "{decodes} decodes, {encodes} encodes");
    eprintln!("fast level: {fast} bytes of {reference}, {larger} of {encodes} streams larger");
    assert!(larger == 0, "fast level: {larger} streams are larger than the reference's");
    eprintln!("default and best level on text and ui: {screens:?}");
    for (ours, theirs) in screens {
        assert!(theirs > 0 && ours * 10 <= theirs * 9, "{ours} bytes of {theirs}");
    }
}

#[test]
fn malformed_streams_end_in_an_error_or_in_a_picture() {
    let Some(corpus) = common::corpus() else { return };
    let manifest = common::manifest(&corpus);
    let (mut decoder, mut out, mut wide) = (LzDecoder::new(), Vec::new(), Vec::new());
    let mut seen = 0;
    for m in manifest["malformed"].as_array().expect("array") {
        if m["codec"] != "LZ" {
            continue;
        }
        seen += 1;
        let file = m["file"].as_str().expect("file");
        let limit = m["descriptor_width"].as_u64().unwrap() * m["descriptor_height"].as_u64().unwrap() * 4;
        let result = decoder.decode(&common::load(&corpus.join(file)), limit, &mut out);
        assert!(out.capacity() as u64 <= 1 << 23, "{file}");
        match (m["reference_outcome"].as_str().expect("outcome"), result) {
            ("ok", Ok(header)) => {
                let palette: Vec<u32> = m["palette"]
                    .as_array()
                    .map_or(Vec::new(), |p| p.iter().map(|c| c.as_u64().expect("colour") as u32).collect());
                to_bgrx(&header, &palette, &out, &mut wide);
                let sha = m["reference_detail"].as_str().expect("sha");
                let native = common::sha256(&out);
                assert!(
                    native == sha || common::sha256(&wide) == sha,
                    "{file}: pixels differ from the reference's"
                );
            }
            ("ok", Err(e)) => panic!("{file}: the reference decodes it, we say {e}"),
            ("error", Ok(_)) => panic!("{file}: the reference refuses it"),
            _ => assert!(out.is_empty()),
        }
    }
    assert!(seen > 30);
}

#[test]
fn headers_are_checked() {
    let good = {
        let mut stream = Vec::new();
        let pixels = Pixels::new(PixelFormat::Rgb32, 5, 3, 20, true, &[7; 60]).expect("pixels");
        LzEncoder::new().encode(&pixels, Level::Fast, usize::MAX, &mut stream).expect("encode");
        stream
    };
    assert!(LzHeader::parse(&good).is_ok());
    for byte in 0..28 {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[byte] ^= 1 << bit;
            let mut out = Vec::new();
            let result = LzDecoder::new().decode(&bad, 1000, &mut out);
            // The last word is the direction, any value of which is one.
            if byte < 24 {
                assert!(result.is_err(), "byte {byte} bit {bit}");
            }
        }
    }
    for n in 0..good.len() {
        assert!(LzDecoder::new().decode(&good[..n], 1000, &mut Vec::new()).is_err());
    }
}
