//! What must hold for any bytes: shared by the fuzz targets and by a bounded run in `codecs/tests/mutations.rs`.

use spice_codecs::glz::{GlzDictionary, GlzWindow};
use spice_codecs::lz::Level;
use spice_codecs::{Codec, DecodeError, DecodeOptions, Decoder, Encoder, Options, PixelFormat, Pixels};

/// Most bytes that a decoder may give back here: small, for many runs a second.
const LIMIT: u64 = 1 << 18;

/// Decodes `data` behind two bytes that say a size, which is declared if the first is odd (of LZ4 always). The result
/// must be an error and nothing, or a picture of the size that it says it has.
pub fn decode(decoder: &mut Decoder, codec: Codec, data: &[u8]) -> Result<(), DecodeError> {
    let [a, b, stream @ ..] = data else { return Ok(()) };
    let size = (u32::from(a / 2) + 1, u32::from(*b) + 1);
    let declared = a & 1 == 1 || codec == Codec::Lz4;
    decode_declared(decoder, codec, stream, declared.then_some(size))
}

/// As [`decode`], for a stream by itself.
pub fn decode_declared(
    decoder: &mut Decoder,
    codec: Codec,
    stream: &[u8],
    size: Option<(u32, u32)>,
) -> Result<(), DecodeError> {
    let options = DecodeOptions { size, limit: LIMIT, ..DecodeOptions::default() };
    // Former content must not show through.
    let mut out = vec![0x5a; 77];
    let result = decoder.decode(stream, codec, &options, &mut out);
    match result {
        Ok(picture) => {
            assert_eq!(out.len(), picture.format.bytes_per_row(picture.width) * picture.height as usize);
            assert!(out.len() as u64 <= LIMIT);
            assert!(size.is_none_or(|s| s == (picture.width, picture.height)));
            let mut wide = Vec::new();
            picture.to_bgrx(&[0x12_3456, 0xff_ffff], &out, &mut wide);
            assert_eq!(wide.len(), picture.width as usize * picture.height as usize * 4);
            Ok(())
        }
        Err(e) => {
            assert!(out.is_empty());
            Err(e)
        }
    }
}

/// Layouts to make pictures of.
const FORMATS: [PixelFormat; 11] = [
    PixelFormat::Gray,
    PixelFormat::Plt1Le,
    PixelFormat::Plt1Be,
    PixelFormat::Plt4Le,
    PixelFormat::Plt4Be,
    PixelFormat::Plt8,
    PixelFormat::Rgb16,
    PixelFormat::Rgb24,
    PixelFormat::Rgb32,
    PixelFormat::Rgba,
    PixelFormat::A8,
];

/// Makes a picture of `data` (layout, width, padding, row order, then rows), encodes it with every lossless codec that
/// carries it and decodes it again, twice, since GLZ and a kept encoder know the picture then: the pixels must be the same,
/// but for bits that the codec does not carry.
pub fn round_trip(data: &[u8]) {
    // Small windows: to clear those that encoders make for themselves takes longer than all the rest.
    let (mut encoder, mut dictionary) = (Encoder::new(), GlzDictionary::new(1 << 14));
    let mut decoder = Decoder::with_window(GlzWindow::new(1 << 14));
    let [format, width, flags, rows @ ..] = data else { return };
    let format = FORMATS[usize::from(*format) % FORMATS.len()];
    let width = u32::from(*width) + 1;
    let stride = format.bytes_per_row(width) + usize::from(flags >> 4);
    let height = (rows.len() / stride) as u32;
    let top_down = flags & 1 == 1;
    let level = [Level::Fast, Level::Default, Level::Best][usize::from(flags >> 1 & 7) % 3];
    let Some(pixels) = Pixels::new(format, width, height, stride, top_down, rows) else { return };
    let codecs = [Codec::Quic, Codec::Lz, Codec::Glz, Codec::ZlibGlz, Codec::Lz4];
    for codec in codecs.into_iter().flat_map(|c| [c, c]).filter(|c| c.carries(format)) {
        let glz = matches!(codec, Codec::Glz | Codec::ZlibGlz);
        if glz && u64::from(width) * u64::from(height) >= 1 << 14 {
            continue;
        }
        let (mut stream, mut back) = (Vec::new(), Vec::new());
        let options = Options { level, ..Options::default() };
        let encoded = encoder
            .encode_with(&mut dictionary, &pixels, codec, &options, &mut stream)
            .expect("a picture that it carries");
        assert_eq!(encoded.bytes, stream.len());
        let options = DecodeOptions { size: Some((width, height)), ..DecodeOptions::default() };
        let picture = decoder.decode(&stream, codec, &options, &mut back).expect("our own stream");
        for y in 0..height {
            let line = if picture.top_down { y } else { height - 1 - y } as usize;
            let bytes = picture.format.bytes_per_row(width);
            let found = &back[line * bytes..(line + 1) * bytes];
            let expected = expected_row(pixels.row_from_top(y), format, codec == Codec::Lz4, glz);
            assert!(found == expected, "{codec:?} {format:?} {width}x{height} row {y}");
        }
    }
}

/// What comes back of a row.
fn expected_row(row: &[u8], format: PixelFormat, all_bits: bool, wide: bool) -> Vec<u8> {
    let mut out = row.to_vec();
    match format {
        PixelFormat::Rgb32 if !all_bits => out.iter_mut().skip(3).step_by(4).for_each(|x| *x = 0),
        PixelFormat::Rgb16 if !all_bits => out.iter_mut().skip(1).step_by(2).for_each(|x| *x &= 0x7f),
        _ => {}
    }
    let eight = |v: u16| {
        let five = (v & 31) as u8;
        five << 3 | five >> 2
    };
    match format {
        PixelFormat::Rgb16 if wide => {
            let px = out.chunks_exact(2).map(|p| u16::from_le_bytes([p[0], p[1]]));
            px.flat_map(|v| [eight(v), eight(v >> 5), eight(v >> 10), 0]).collect()
        }
        PixelFormat::Rgb24 if wide => out.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 0]).collect(),
        _ => out,
    }
}
