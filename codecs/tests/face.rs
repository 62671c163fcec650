//! What holds of every codec behind the common face: bounds, strides, row orders.

mod common;

use common::Random;
use spice_codecs::glz::GlzDictionary;
use spice_codecs::{
    Codec, DecodeOptions, Decoder, EncodeError, Encoder, Options, PixelFormat, Pixels, encode,
};

/// Every codec with every layout that it carries, and a picture without padding, top row first.
fn each(seed: u64, test: impl Fn(Codec, &Pixels<'_>)) {
    let mut random = Random::seeded(seed);
    for (codec, format) in Codec::ALL.into_iter().flat_map(|c| PixelFormat::ALL.map(|f| (c, f))) {
        if codec.carries(format) {
            for _ in 0..6 {
                let (w, h) = (1 + random.below(60) as u32, 1 + random.below(40) as u32);
                let stride = format.bytes_per_row(w);
                let data = random.picture(stride * h as usize, format.bits_per_pixel().div_ceil(8) as usize);
                test(codec, &Pixels::new(format, w, h, stride, true, &data).expect("pixels"));
            }
        }
    }
}

#[test]
fn a_stream_longer_than_its_bound_is_given_up_without_a_trace() {
    each(31, |codec, pixels| {
        let mut encoder = Encoder::new();
        let mut dictionary = GlzDictionary::new(1 << 14);
        let mut out = vec![7; 5];
        // An empty dictionary for each, so that the stream is the same.
        let mut encode = |bound, out: &mut Vec<u8>| {
            dictionary.reset();
            let options = Options { bound, ..Options::default() };
            let result = encoder.encode_with(&mut dictionary, pixels, codec, &options, out);
            assert_eq!(dictionary.len(), usize::from(result.as_ref().is_ok_and(|e| e.glz_id.is_some())));
            result.map(|e| e.bytes)
        };
        let context = format!("{codec:?} {:?} {}x{}", pixels.format(), pixels.width(), pixels.height());
        let n = encode(usize::MAX, &mut out).expect("encode");
        let stream = out.split_off(5);
        for bound in [0, 1, n / 2, n - 1] {
            assert_eq!(encode(bound, &mut out), Err(EncodeError::Bound { bound }), "{context}");
            assert_eq!(out, [7; 5], "{context}");
        }
        assert_eq!(encode(n, &mut out), Ok(n), "{context}");
        assert!(out[5..] == stream, "{context}");
    });
}

#[test]
fn padding_does_not_count_and_row_order_is_kept() {
    each(37, |codec, pixels| {
        let (w, h) = (pixels.width(), pixels.height());
        let context = format!("{codec:?} {:?} {w}x{h}", pixels.format());
        let row = pixels.format().bytes_per_row(w);
        let stride = row + 5;
        // The same picture bottom row first, with noise between the rows.
        let mut flipped = vec![0x9d; stride * h as usize];
        for y in 0..h {
            let at = (h - 1 - y) as usize * stride;
            flipped[at..at + row].copy_from_slice(pixels.row(y));
        }
        let flipped = Pixels::new(pixels.format(), w, h, stride, false, &flipped).expect("pixels");
        let visible = |pixels: &Pixels<'_>| {
            let (mut stream, mut back) = (Vec::new(), Vec::new());
            encode(pixels, codec, &Options::default(), &mut stream).expect("encode");
            let options = DecodeOptions { size: Some((w, h)), ..DecodeOptions::default() };
            let picture = Decoder::new().decode(&stream, codec, &options, &mut back).expect("decode");
            let decoded = picture.pixels(&back).expect("whole");
            (0..h).flat_map(|y| decoded.row_from_top(y).to_vec()).collect::<Vec<u8>>()
        };
        assert!(visible(pixels) == visible(&flipped), "{context}");
    });
}
