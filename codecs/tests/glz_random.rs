//! GLZ on random sequences: windows, kills, undone images, migration, hostile streams.

mod common;

use common::Random;
use spice_codecs::glz::{GlzDictionary, GlzEncoder, GlzHeader, GlzWindow, ZlibDecoder, ZlibEncoder};
use spice_codecs::lz::Level;
use spice_codecs::{DecodeError, EncodeError, PixelFormat, Pixels};

const FORMATS: [PixelFormat; 4] =
    [PixelFormat::Rgb16, PixelFormat::Rgb24, PixelFormat::Rgb32, PixelFormat::Rgba];
const LEVELS: [Level; 3] = [Level::Fast, Level::Default, Level::Best];

/// What a decoder gives for a row of the source.
fn visible(format: PixelFormat, row: &[u8]) -> Vec<u8> {
    let five = |v: u16| (v & 31) as u8;
    let eight = |v: u16| five(v) << 3 | five(v) >> 2;
    match format {
        PixelFormat::Rgb16 => row
            .chunks_exact(2)
            .flat_map(|p| {
                let v = u16::from_le_bytes([p[0], p[1]]);
                [eight(v), eight(v >> 5), eight(v >> 10), 0]
            })
            .collect(),
        PixelFormat::Rgb24 => row.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 0]).collect(),
        PixelFormat::Rgb32 => row.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2], 0]).collect(),
        _ => row.to_vec(),
    }
}

/// A picture: new, or an earlier one moved and changed a little.
fn next_picture(random: &mut Random, earlier: &[Vec<u8>], bytes: usize, unit: usize) -> Vec<u8> {
    if earlier.is_empty() || random.below(3) == 0 {
        return random.picture(bytes, unit);
    }
    let old = &earlier[random.below(earlier.len())];
    let shift = random.below(old.len() / unit + 1) * unit;
    let mut new: Vec<u8> = old.iter().cycle().skip(shift).take(bytes).copied().collect();
    for _ in 0..random.below(6) {
        let at = random.below(bytes);
        new[at] = random.next() as u8;
    }
    new
}

#[test]
fn sequences_round_trip_through_windows_of_every_size() {
    let mut random = Random::seeded(11);
    let mut encoder = GlzEncoder::new();
    for window_pixels in [64, 100, 1000, 3000, 20000] {
        let mut dictionary = GlzDictionary::new(window_pixels);
        let mut window = GlzWindow::new(window_pixels);
        let mut earlier: Vec<Vec<u8>> = Vec::new();
        let mut stream = Vec::new();
        for step in 0..600 {
            let format = FORMATS[[2, 2, 3, 0, 1][random.below(5)]];
            let unit = format.bits_per_pixel() as usize / 8;
            let h = 1 + random.below(20);
            let w = (1 + random.below(60)).min(window_pixels as usize / h).max(1);
            let stride = w * unit + [0, 0, 5][random.below(3)];
            let data = next_picture(&mut random, &earlier, stride * h, unit);
            let top_down = random.below(2) == 0;
            let pixels = Pixels::new(format, w as u32, h as u32, stride, top_down, &data).expect("pixels");
            let level = LEVELS[random.below(3)];
            let context = format!("window {window_pixels} step {step}: {format:?} {w}x{h} {level:?}");
            let id = dictionary.next_id();
            stream.clear();
            if w * h >= window_pixels as usize {
                let result = encoder.encode(&mut dictionary, &pixels, level, usize::MAX, &mut stream);
                assert_eq!(result, Err(EncodeError::TooLarge), "{context}");
                continue;
            }
            // Some attempts fail or are taken back: their ids are used again, and nothing refers to them.
            if random.below(5) == 0 {
                let bound = GlzHeader::SIZE + random.below(30);
                if let Ok(coded) = encoder.encode(&mut dictionary, &pixels, level, bound, &mut stream) {
                    assert!(coded.bytes <= bound, "{context}");
                    assert!(dictionary.undo(coded.id), "{context}");
                    assert!(!dictionary.undo(coded.id), "{context}");
                    stream.clear();
                }
                assert_eq!(dictionary.next_id(), id, "{context}");
                assert!(stream.is_empty(), "{context}");
                if random.below(2) == 0 {
                    continue;
                }
            }
            let coded =
                encoder.encode(&mut dictionary, &pixels, level, usize::MAX, &mut stream).expect("encode");
            assert_eq!((coded.id, coded.bytes), (id, stream.len()), "{context}");
            assert!(dictionary.used_pixels() <= dictionary.window_pixels());
            let image = window.decode(&stream, 1 << 20).unwrap_or_else(|e| panic!("{context}: {e}"));
            let expected: Vec<u8> = (0..h as u32).flat_map(|y| visible(format, pixels.row(y))).collect();
            assert!(image.pixels == expected, "{context}: pixels differ");
            assert_eq!(image.header.top_down, top_down);
            // Every image that the encoder may refer to is still held, and not many more.
            assert!(window.len() >= dictionary.len(), "{context}");
            assert!(window.memory() <= window_pixels as usize * 6 + (1 << 18), "{context}");
            if random.below(8) == 0 {
                dictionary.kill(id - random.below(5).min(id as usize) as u64);
            }
            if random.below(150) == 0 {
                dictionary.reset();
                window.reset();
            }
            if random.below(60) == 0 {
                let mut saved = Vec::new();
                dictionary.save(&mut saved);
                dictionary = GlzDictionary::restore(&saved, 1 << 22).expect("restore");
                let mut again = Vec::new();
                dictionary.save(&mut again);
                assert!(saved == again, "{context}: save differs");
            }
            if random.below(100) == 0 {
                dictionary = GlzDictionary::resume(window_pixels, dictionary.next_id());
            }
            earlier.push(data);
            if earlier.len() > 12 {
                earlier.remove(0);
            }
        }
    }
}

#[test]
fn a_dictionary_of_tiny_images_stays_within_its_memory() {
    let mut encoder = GlzEncoder::new();
    for window_pixels in [5000, 100_000] {
        let mut dictionary = GlzDictionary::new(window_pixels);
        let mut window = GlzWindow::new(window_pixels);
        let mut stream = Vec::new();
        for n in 0..20_000u32 {
            let data = n.to_le_bytes();
            let pixels = Pixels::new(PixelFormat::Rgba, 1, 1, 4, true, &data).expect("pixels");
            stream.clear();
            encoder
                .encode(&mut dictionary, &pixels, LEVELS[n as usize % 3], usize::MAX, &mut stream)
                .expect("encode");
            assert_eq!(window.decode(&stream, 4).expect("decode").pixels, data);
        }
        let most = window_pixels as usize * 6 + 8192;
        assert!(dictionary.memory() <= most, "{} of {most}", dictionary.memory());
    }
}

#[test]
fn a_killed_image_is_not_referred_to() {
    let mut random = Random::seeded(13);
    let data = random.picture(4 * 64 * 64, 4);
    let noise: Vec<u8> = (0..4 * 64 * 64).map(|_| random.next() as u8).collect();
    for level in LEVELS {
        for data in [&data, &noise] {
            let pixels = Pixels::new(PixelFormat::Rgba, 64, 64, 256, true, data).expect("pixels");
            let mut dictionary = GlzDictionary::new(100_000);
            let (mut encoder, mut stream) = (GlzEncoder::new(), Vec::new());
            let encode = |d: &mut GlzDictionary, e: &mut GlzEncoder, s: &mut Vec<u8>| {
                s.clear();
                e.encode(d, &pixels, level, usize::MAX, s).expect("encode").bytes
            };
            let first = encode(&mut dictionary, &mut encoder, &mut stream);
            let again = encode(&mut dictionary, &mut encoder, &mut stream);
            assert!(again < 300 && again < first, "{level:?}: {again} of {first}");
            assert!(dictionary.kill(0) && dictionary.kill(1) && !dictionary.kill(2));
            let third = encode(&mut dictionary, &mut encoder, &mut stream);
            // A window that never had the killed images can decode it.
            let mut window = GlzWindow::starting_at(100_000, 2);
            assert_eq!(window.decode(&stream, 1 << 20).expect("decode").pixels, &data[..]);
            assert!(third + third / 50 + 8 >= first);
        }
    }
}

#[test]
fn images_arrive_in_any_order() {
    let mut random = Random::seeded(17);
    for round in 0..30 {
        let mut dictionary = GlzDictionary::new(30_000);
        let mut encoder = GlzEncoder::new();
        let mut streams = Vec::new();
        let mut earlier = Vec::new();
        for _ in 0..60 {
            let data = next_picture(&mut random, &earlier, 4 * 30 * 20, 4);
            let pixels = Pixels::new(PixelFormat::Rgb32, 30, 20, 120, true, &data).expect("pixels");
            let mut stream = Vec::new();
            encoder
                .encode(&mut dictionary, &pixels, Level::Default, usize::MAX, &mut stream)
                .expect("encode");
            let expected: Vec<u8> =
                (0..20).flat_map(|y| visible(PixelFormat::Rgb32, pixels.row(y))).collect();
            streams.push((stream, expected));
            earlier.push(data);
        }
        // Two to four channels, each in order.
        let channels = 2 + round % 3;
        let mut queues: Vec<Vec<usize>> = vec![Vec::new(); channels];
        for n in 0..streams.len() {
            queues[random.below(channels)].insert(0, n);
        }
        let mut window = GlzWindow::new(30_000);
        let mut done = 0;
        let mut tries = 0;
        while done < streams.len() {
            tries += 1;
            assert!(tries < 100_000, "stuck at {done}");
            let queue = &mut queues[random.below(channels)];
            let Some(&n) = queue.last() else { continue };
            match window.decode(&streams[n].0, 1 << 20) {
                Ok(image) => {
                    assert!(image.pixels == streams[n].1, "image {n}");
                    queue.pop();
                    done += 1;
                }
                Err(DecodeError::UnknownImage { id }) => {
                    assert!(id >= window.next_id() && id < n as u64);
                }
                Err(e) => panic!("image {n}: {e}"),
            }
            assert!(window.memory() <= 30_000 * 6 + (1 << 18));
        }
    }
}

#[test]
fn damaged_streams_never_panic_and_stay_bounded() {
    let mut random = Random::seeded(19);
    let mut encoder = GlzEncoder::new();
    let (mut zlib, mut unzip) = (ZlibEncoder::default(), ZlibDecoder::new());
    let (mut accepted, mut refused, mut inflated) = (0, 0, 0);
    for round in 0..60 {
        let mut dictionary = GlzDictionary::new(20_000);
        let mut window = GlzWindow::new(20_000);
        let mut earlier = Vec::new();
        for _ in 0..8 {
            let format = FORMATS[if round % 2 == 0 { 2 } else { random.below(4) }];
            let unit = format.bits_per_pixel() as usize / 8;
            let (w, h) = (1 + random.below(40), 1 + random.below(20));
            let data = next_picture(&mut random, &earlier, w * h * unit, unit);
            let pixels = Pixels::new(format, w as u32, h as u32, w * unit, true, &data).expect("pixels");
            let mut good = Vec::new();
            encoder
                .encode(&mut dictionary, &pixels, LEVELS[round % 3], usize::MAX, &mut good)
                .expect("encode");
            for _ in 0..25 {
                let from = [0, GlzHeader::SIZE][random.below(4).min(1)];
                let bad = random.damage(&good, from);
                match window.clone().decode(&bad, 1 << 16) {
                    Ok(image) => {
                        assert_eq!(image.pixels.len(), image.header.pixels() * 4);
                        accepted += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
            let (mut wrapped, mut out) = (Vec::new(), Vec::new());
            zlib.wrap(&good, usize::MAX, &mut wrapped).expect("wrap");
            for _ in 0..10 {
                let bad = random.damage(&wrapped, 0);
                if unzip.unwrap(&bad, good.len(), 1 << 16, &mut out).is_ok() {
                    assert_eq!(out.len(), good.len());
                    inflated += 1;
                } else {
                    assert!(out.is_empty());
                }
            }
            unzip.unwrap(&wrapped, good.len(), 1 << 16, &mut out).expect("unwrap");
            assert!(out == good);
            assert!(unzip.unwrap(&wrapped, good.len() + 1, 1 << 16, &mut out).is_err());
            assert!(unzip.unwrap(&wrapped, good.len() - 1, 1 << 16, &mut out).is_err());
            assert!(unzip.unwrap(&wrapped, good.len(), good.len() as u64 - 1, &mut out).is_err());
            window.decode(&good, 1 << 16).expect("decode");
            earlier.push(data);
        }
    }
    assert!(accepted > 100 && refused > 1000, "{accepted} {refused} {inflated}");
}

#[test]
fn damaged_dictionaries_never_panic() {
    let mut random = Random::seeded(23);
    let mut dictionary = GlzDictionary::new(2000);
    let mut encoder = GlzEncoder::new();
    for _ in 0..10 {
        let data = random.picture(4 * 15 * 15, 4);
        let pixels = Pixels::new(PixelFormat::Rgb32, 15, 15, 60, true, &data).expect("pixels");
        encoder.encode(&mut dictionary, &pixels, Level::Fast, usize::MAX, &mut Vec::new()).expect("encode");
    }
    let mut saved = Vec::new();
    dictionary.save(&mut saved);
    assert!(matches!(GlzDictionary::restore(&saved, 100), Err(DecodeError::TooLarge { .. })));
    for _ in 0..3000 {
        let length = [saved.len(), 300][random.below(2)];
        let bad = random.damage(&saved[..length], 0);
        if let Ok(mut d) = GlzDictionary::restore(&bad, 1 << 20) {
            let pixels = Pixels::new(PixelFormat::Rgb32, 7, 7, 28, true, &saved).expect("pixels");
            let _ = encoder.encode(&mut d, &pixels, Level::Best, usize::MAX, &mut Vec::new());
        }
    }
}
