//! LZ on random pictures and hostile streams.

mod common;

use common::Random;
use spice_codecs::lz::{Level, LzDecoder, LzEncoder, LzHeader};
use spice_codecs::{Codec, DecodeError, EncodeError, PixelFormat, Pixels};

const LEVELS: [Level; 4] = [Level::Fast, Level::Default, Level::Best, Level::Reference];

/// The layouts that LZ carries.
fn formats() -> Vec<PixelFormat> {
    PixelFormat::ALL.into_iter().filter(|format| Codec::Lz.carries(*format)).collect()
}

/// What a decoder gives for a row of the source.
fn visible(format: PixelFormat, row: &[u8]) -> Vec<u8> {
    match format {
        PixelFormat::Rgb32 => row.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2], 0]).collect(),
        PixelFormat::Xxxa => row.chunks_exact(4).map(|p| p[3]).collect(),
        PixelFormat::Rgb16 => row.chunks_exact(2).flat_map(|p| [p[0], p[1] & 127]).collect(),
        _ => row.to_vec(),
    }
}

#[test]
fn every_format_size_stride_direction_and_level_round_trips() {
    let (mut random, formats) = (Random::seeded(3), formats());
    // One encoder and decoder for all, so that what one picture leaves behind meets the next.
    let (mut encoder, mut decoder) = (LzEncoder::new(), LzDecoder::new());
    let (mut stream, mut out) = (Vec::new(), Vec::new());
    for case in 0..1500 {
        let format = formats[case % formats.len()];
        let most = if case % 50 < 11 { 300 } else { 40 };
        let (w, h) = (1 + random.below(most), 1 + random.below(most));
        let row = format.bytes_per_row(w as u32);
        let stride = row + [0, 1, 3, 64][random.below(4)];
        let top_down = random.below(2) == 0;
        let data = random.picture(stride * h, format.bits_per_pixel().div_ceil(8) as usize);
        let pixels = Pixels::new(format, w as u32, h as u32, stride, top_down, &data).expect("pixels");
        let expected: Vec<u8> = (0..h as u32).flat_map(|y| visible(format, pixels.row(y))).collect();
        for level in LEVELS {
            let context = format!("case {case}: {format:?} {w}x{h} stride {stride} {level:?}");
            stream.clear();
            stream.push(0xaa);
            let n = encoder.encode(&pixels, level, usize::MAX, &mut stream).expect("encode");
            assert_eq!(n + 1, stream.len(), "{context}");
            let header =
                decoder.decode(&stream[1..], 1 << 24, &mut out).unwrap_or_else(|e| panic!("{context}: {e}"));
            assert_eq!(header, LzHeader { format, width: w as u32, height: h as u32, top_down }, "{context}");
            if format == PixelFormat::Rgb16 {
                out.iter_mut().skip(1).step_by(2).for_each(|b| *b &= 127);
            }
            assert!(out == expected, "{context}: pixels differ");
            // A bound of the stream's length passes, one byte less does not and leaves no trace.
            let length = stream.len();
            assert_eq!(encoder.encode(&pixels, level, n, &mut stream), Ok(n), "{context}");
            let short = encoder.encode(&pixels, level, n - 1, &mut stream);
            assert_eq!(short, Err(EncodeError::Bound { bound: n - 1 }), "{context}");
            assert_eq!(stream.len(), length + n, "{context}");
            assert!(stream[1..length] == stream[length..], "{context}: not deterministic");
            if case % 8 == 0 {
                // Nor does it matter what the encoder had before.
                let mut fresh = Vec::new();
                LzEncoder::new().encode(&pixels, level, n, &mut fresh).expect("encode");
                assert!(stream[length..] == fresh, "{context}: a fresh encoder writes something else");
            }
        }
    }
}

#[test]
fn far_matches_and_long_lengths_round_trip() {
    let mut random = Random::seeded(5);
    let (mut encoder, mut decoder) = (LzEncoder::new(), LzDecoder::new());
    let (mut stream, mut out) = (Vec::new(), Vec::new());
    for format in formats() {
        let unit = format.bits_per_pixel().div_ceil(8) as usize;
        for gap in [8189, 8190, 8191, 8192, 73722, 73723, 73724, 73725] {
            // Noise that comes again `gap` pixels later, runs in between.
            let noise: Vec<u8> = (0..40 * unit).map(|_| random.next() as u8).collect();
            let mut data = noise.clone();
            data.resize(gap * unit, 7);
            data.extend_from_slice(&noise);
            data.extend_from_slice(&[9; 64]);
            let width = (data.len() * 8 / format.bits_per_pixel() as usize) as u32;
            let pixels = Pixels::new(format, width, 1, data.len(), true, &data).expect("pixels");
            let expected = visible(format, pixels.row(0));
            for level in LEVELS {
                stream.clear();
                encoder.encode(&pixels, level, usize::MAX, &mut stream).expect("encode");
                decoder.decode(&stream, 1 << 24, &mut out).expect("decode");
                if format == PixelFormat::Rgb16 {
                    out.iter_mut().skip(1).step_by(2).for_each(|b| *b &= 127);
                }
                assert!(out == expected, "{format:?} gap {gap} {level:?}");
            }
        }
    }
}

#[test]
fn damaged_streams_never_panic_and_stay_bounded() {
    let (mut random, formats) = (Random::seeded(7), formats());
    let (mut encoder, mut decoder) = (LzEncoder::new(), LzDecoder::new());
    let (mut good, mut out) = (Vec::new(), Vec::new());
    let (mut accepted, mut refused) = (0, 0);
    for case in 0..300 {
        let format = formats[case % formats.len()];
        let (w, h) = (1 + random.below(60), 1 + random.below(30));
        let stride = format.bytes_per_row(w as u32);
        let data = random.picture(stride * h, format.bits_per_pixel().div_ceil(8) as usize);
        let pixels = Pixels::new(format, w as u32, h as u32, stride, true, &data).expect("pixels");
        good.clear();
        encoder.encode(&pixels, LEVELS[case % 4], usize::MAX, &mut good).expect("encode");
        for _ in 0..40 {
            let from = [0, LzHeader::SIZE][random.below(4).min(1)];
            let bad = random.damage(&good, from);
            match decoder.decode(&bad, 1 << 16, &mut out) {
                Ok(header) => {
                    assert_eq!(out.len(), header.decoded_bytes());
                    accepted += 1;
                }
                Err(_) => {
                    assert!(out.is_empty());
                    refused += 1;
                }
            }
            assert!(out.capacity() <= 1 << 16);
        }
    }
    assert!(accepted > 100 && refused > 1000, "{accepted} {refused}");
}

#[test]
fn limits_and_formats() {
    let (mut encoder, mut stream) = (LzEncoder::new(), Vec::new());
    let data = [0; 4096];
    let gray = Pixels::new(PixelFormat::Gray, 8, 8, 8, true, &data).expect("pixels");
    let result = encoder.encode(&gray, Level::Fast, usize::MAX, &mut stream);
    assert_eq!(result, Err(EncodeError::Format { format: PixelFormat::Gray, codec: "LZ" }));
    let pixels = Pixels::new(PixelFormat::Rgb32, 32, 32, 128, true, &data).expect("pixels");
    encoder.encode(&pixels, Level::Fast, usize::MAX, &mut stream).expect("encode");
    let mut out = Vec::new();
    let result = LzDecoder::new().decode(&stream, 4095, &mut out);
    assert_eq!(result, Err(DecodeError::TooLarge { needed: 4096, limit: 4095 }));
    assert_eq!(out.capacity(), 0);
    // A header that declares more than its few bytes could fill allocates nothing either.
    stream[12..16].copy_from_slice(&0x2000u32.to_be_bytes());
    stream[16..20].copy_from_slice(&0x1000u32.to_be_bytes());
    stream[20..24].copy_from_slice(&0x8000u32.to_be_bytes());
    let result = LzDecoder::new().decode(&stream, 1 << 30, &mut out);
    assert!(matches!(result, Err(DecodeError::Truncated { .. })), "{result:?}");
    assert_eq!(out.capacity(), 0);
}
