//! A bounded run of the fuzz targets: streams damaged by a seeded generator, and pictures of random bytes.

mod common;
#[allow(unreachable_pub, reason = "the fuzz targets are another crate")]
#[path = "../../fuzz/oracle.rs"]
mod oracle;

use common::Random;
use spice_codecs::{Codec, DecodeOptions, Decoder, Encoder, Options, PixelFormat, Pixels};

/// Streams of small pictures by every codec and layout, each with its size.
fn streams(random: &mut Random) -> Vec<(Codec, (u32, u32), Vec<u8>)> {
    let mut out = Vec::new();
    for codec in Codec::ALL {
        for format in PixelFormat::ALL {
            if !codec.carries(format) {
                continue;
            }
            for _ in 0..2 {
                let (width, height) = (1 + random.below(40) as u32, 1 + random.below(20) as u32);
                let stride = format.bytes_per_row(width);
                let unit = (format.bits_per_pixel() as usize / 8).max(1);
                let data = random.picture(stride * height as usize, unit);
                let pixels =
                    Pixels::new(format, width, height, stride, random.below(2) == 0, &data).expect("pixels");
                let mut stream = Vec::new();
                // Each is the first of its sequence.
                Encoder::new().encode(&pixels, codec, &Options::default(), &mut stream).expect("encode");
                out.push((codec, (width, height), stream));
            }
        }
    }
    out
}

fn damage(random: &mut Random, stream: &[u8]) -> Vec<u8> {
    let mut out = stream.to_vec();
    for _ in 0..1 + random.below(4) {
        if out.is_empty() {
            break;
        }
        let at = random.below(out.len());
        match random.below(7) {
            0 => out[at] ^= 1 << random.below(8),
            1 => out[at] = [0, 0xff, 0x7f, 0x80, 31, 32][random.below(6)],
            2 => out[at] = random.next() as u8,
            3 => out.truncate(at),
            4 => {
                let n = 1 + random.below(16.min(out.len() - at));
                out.drain(at..at + n);
            }
            5 => {
                let n = 1 + random.below(16.min(out.len() - at));
                let piece = out[at..at + n].to_vec();
                let to = random.below(out.len());
                out.splice(to..to, piece);
            }
            // Headers are worth more than their share.
            _ => {
                let at = random.below(out.len().min(40));
                out[at] = random.next() as u8;
            }
        }
    }
    out
}

#[test]
fn damaged_streams_give_an_error_or_a_picture() {
    let mut random = Random::seeded(3);
    let mut decoded = 0;
    for (codec, size, stream) in streams(&mut random) {
        let mut decoder = Decoder::new();
        oracle::decode_declared(&mut decoder, codec, &stream, Some(size)).expect("undamaged");
        for k in 0..60 {
            let bad = damage(&mut random, &stream);
            if k % 8 == 0 {
                decoder = Decoder::new();
            }
            let size = (codec == Codec::Lz4 || k % 2 == 0).then_some(size);
            decoded += u32::from(oracle::decode_declared(&mut decoder, codec, &bad, size).is_ok());
        }
    }
    println!("{decoded} damaged streams still gave a picture");
    assert!(decoded > 0);
}

#[test]
fn random_bytes_give_an_error_or_a_picture() {
    let mut random = Random::seeded(4);
    let mut decoder = Decoder::new();
    for codec in Codec::ALL {
        for _ in 0..300 {
            let n = random.below(80);
            let data: Vec<u8> = (0..n).map(|_| random.next() as u8).collect();
            let _ = oracle::decode(&mut decoder, codec, &data);
        }
    }
}

#[test]
fn pictures_come_back() {
    let mut random = Random::seeded(5);
    for _ in 0..300 {
        let (n, unit) = (random.below(6000), 1 + random.below(4));
        let mut data = vec![random.next() as u8, random.below(70) as u8, random.next() as u8];
        data.extend(random.picture(n, unit));
        oracle::round_trip(&data);
    }
}

#[test]
fn codecs_are_told_by_their_streams() {
    let mut random = Random::seeded(6);
    let (mut out, mut again) = (Vec::new(), Vec::new());
    for (codec, size, stream) in streams(&mut random) {
        assert_eq!(Codec::sniff(&stream), (codec != Codec::Lz4).then_some(codec));
        assert_eq!(codec.name().parse(), Ok(codec));
        // What is not in the stream's header is found without being declared, but for the size of LZ4.
        let options =
            DecodeOptions { size: (codec == Codec::Lz4).then_some(size), ..DecodeOptions::default() };
        let picture = Decoder::new().decode(&stream, codec, &options, &mut out).expect("our own stream");
        assert_eq!((picture.width, picture.height), size);
        // A wrong size is refused.
        let wrong = DecodeOptions { size: Some((size.0, size.1 + 1)), ..options };
        assert!(Decoder::new().decode(&stream, codec, &wrong, &mut again).is_err());
        assert!(again.is_empty());
        // So is a picture over the limit.
        let tight = DecodeOptions { limit: out.len() as u64 - 1, ..options };
        assert!(Decoder::new().decode(&stream, codec, &tight, &mut again).is_err());
    }
}
