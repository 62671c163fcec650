use super::{QuicDecoder, QuicEncoder, QuicHeader, reference};
use crate::testing::{Random, each_seed, picture};
use crate::{DecodeError, EncodeError, PixelFormat, Pixels};
use fearless_simd::Level;

const FORMATS: [PixelFormat; 5] =
    [PixelFormat::Gray, PixelFormat::Rgb16, PixelFormat::Rgb24, PixelFormat::Rgb32, PixelFormat::Rgba];

/// What a decoder gives back for `pixels`: top row first, bits that are not coded 0.
fn canonical(pixels: &Pixels<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for y in 0..pixels.height() {
        let at = out.len();
        out.extend_from_slice(pixels.row_from_top(y));
        match pixels.format() {
            PixelFormat::Rgb32 => out[at..].as_chunks_mut::<4>().0.iter_mut().for_each(|px| px[3] = 0),
            PixelFormat::Rgb16 => out[at..].as_chunks_mut::<2>().0.iter_mut().for_each(|px| px[1] &= 0x7f),
            _ => {}
        }
    }
    out
}

#[test]
fn streams_equal_the_slow_twin_s_and_decode() {
    let levels = [Level::new(), Level::baseline()];
    each_seed(300, |random: &mut Random| {
        let format = FORMATS[random.below(5)];
        let (storage, shape) = picture(random, format, 150, 40);
        let pixels = shape.pixels(&storage);
        let expected = reference::encode(&pixels);
        for level in levels {
            let mut stream = vec![1, 2, 3];
            QuicEncoder::with_level(level).encode(&pixels, usize::MAX, &mut stream).unwrap();
            assert!(stream[3..] == expected, "{format:?} {}x{}", pixels.width(), pixels.height());
            let mut out = vec![9; 5];
            let header = QuicDecoder::with_level(level).decode(&expected, u64::MAX, &mut out).unwrap();
            assert_eq!(header, QuicHeader { format, width: pixels.width(), height: pixels.height() });
            assert!(out == canonical(&pixels), "{format:?} {}x{}", pixels.width(), pixels.height());
        }
    });
}

#[test]
fn wide_rows_pass_through_every_pace() {
    let mut random = Random::new(7);
    for format in FORMATS {
        for width in [2047, 2048, 2049, 40_000, 100_001] {
            let bytes = format.bytes_per_row(width);
            let mut data = vec![0; bytes * 2];
            for i in (0..data.len()).filter(|i| i % 5000 > 3000) {
                data[i] = random.next() as u8;
            }
            let pixels = Pixels::new(format, width, 2, bytes, true, &data).unwrap();
            let (mut stream, mut out) = (Vec::new(), Vec::new());
            QuicEncoder::new().encode(&pixels, usize::MAX, &mut stream).unwrap();
            assert!(stream == reference::encode(&pixels));
            QuicDecoder::new().decode(&stream, u64::MAX, &mut out).unwrap();
            assert!(out == canonical(&pixels));
        }
    }
}

#[test]
fn bounds_are_kept() {
    let data = [7, 200, 31, 0].repeat(64 * 64);
    let pixels = Pixels::new(PixelFormat::Rgb32, 64, 64, 256, true, &data).unwrap();
    let mut stream = Vec::new();
    QuicEncoder::new().encode(&pixels, usize::MAX, &mut stream).unwrap();
    let size = stream.len();
    let mut out = vec![1, 2];
    for bound in 0..size {
        assert_eq!(QuicEncoder::new().encode(&pixels, bound, &mut out), Err(EncodeError::Bound { bound }));
        assert_eq!(out, [1, 2]);
    }
    QuicEncoder::new().encode(&pixels, size, &mut out).unwrap();
    assert_eq!(out[2..], stream);
    let mut back = Vec::new();
    let needed = data.len() as u64;
    assert_eq!(
        QuicDecoder::new().decode(&stream, needed - 1, &mut back),
        Err(DecodeError::TooLarge { needed, limit: needed - 1 })
    );
    QuicDecoder::new().decode(&stream, needed, &mut back).unwrap();
    for cut in 0..size - 8 {
        assert!(QuicDecoder::new().decode(&stream[..cut], needed, &mut back).is_err());
    }
}

#[test]
fn headers_are_checked() {
    let data = [0; 4];
    let pixels = Pixels::new(PixelFormat::Rgb32, 1, 1, 4, true, &data).unwrap();
    let mut stream = Vec::new();
    QuicEncoder::new().encode(&pixels, usize::MAX, &mut stream).unwrap();
    for (word, value, field) in [
        (0, 0, "quic magic"),
        (1, 1, "quic version"),
        (2, 0, "quic type"),
        (2, 6, "quic type"),
        (3, 0, "quic width"),
        (4, 0, "quic height"),
        (4, 1 << 29, "quic height"),
    ] {
        let mut bad = stream.clone();
        bad[word * 4..word * 4 + 4].copy_from_slice(&u32::to_le_bytes(value));
        let found = u64::from(value);
        let expected = Err(DecodeError::Field { field, found });
        assert_eq!(QuicDecoder::new().decode(&bad, u64::MAX, &mut Vec::new()), expected);
    }
    let plt = Pixels::new(PixelFormat::Plt8, 4, 1, 4, true, &data).unwrap();
    let format = EncodeError::Format { format: PixelFormat::Plt8, codec: "QUIC" };
    assert_eq!(QuicEncoder::new().encode(&plt, usize::MAX, &mut stream), Err(format));
}
