//! Prints size and speed of every codec on the corpus's pictures, per class, beside memcpy in the same run and beside
//! what the C implementations take (SPEED.md).
//!
//! `SPICE_RENDER_CORPUS=../shared cargo run --release -p spice-codecs --example speed_table [CODEC [CLASS]]`

mod picture;
mod timing;

use std::path::Path;
use std::time::{Duration, Instant};

use picture::Picture;
use spice_codecs::glz::GlzDictionary;
use spice_codecs::lz::Level;
use spice_codecs::{Codec, DecodeOptions, Decoder, Encoder, Options, PixelFormat, Pixels};
use timing::memcpy;

/// A class's name and pictures.
const CLASSES: [(&str, &[&str]); 5] = [
    ("text", &["text_dark_code_13", "text_subpixel_12", "text_light_9", "xterm_ls_dark"]),
    ("ui", &["ui_dialog", "ui_chart", "lines", "icons_rgba_sheet"]),
    ("photo", &["photo_1024", "photo_640", "photo_text", "photo_grain"]),
    ("gradient", &["grad_linear", "grad_radial_dither", "grad_wave"]),
    ("mixed", &["desktop_1920"]),
];

/// Of a codec, per class: how many times the C encoder and decoder take memcpy's time, and the bytes it makes.
type Reference = [(f64, f64, usize); 5];

const QUIC: Reference = [
    (34.0, 47.0, 906_284),
    (39.0, 50.0, 262_804),
    (173.0, 216.0, 1_437_332),
    (151.0, 191.0, 287_668),
    (75.0, 93.0, 1_372_328),
];

const LZ: Reference = [
    (19.0, 6.0, 220_415),
    (26.0, 8.0, 151_529),
    (120.0, 34.0, 3_521_745),
    (75.0, 20.0, 294_827),
    (52.0, 15.0, 1_991_885),
];

const GLZ: Reference = [
    (20.0, 8.0, 190_781),
    (31.0, 11.0, 162_408),
    (288.0, 19.0, 3_461_104),
    (100.0, 27.0, 297_095),
    (131.0, 14.0, 1_868_939),
];

const ZLIB_GLZ: Reference = [
    (43.0, 13.0, 115_627),
    (95.0, 22.0, 112_943),
    (901.0, 147.0, 2_494_574),
    (274.0, 53.0, 198_471),
    (315.0, 52.0, 1_344_054),
];

const LZ4: Reference = [
    (12.0, 7.0, 403_493),
    (14.0, 4.0, 191_741),
    (80.0, 13.0, 3_889_027),
    (33.0, 10.0, 395_366),
    (37.0, 8.0, 2_245_969),
];

/// The server's and the client's way, row by row.
const JPEG: Reference = [
    (33.0, 42.0, 418_806),
    (33.0, 50.0, 136_122),
    (30.0, 33.0, 143_762),
    (25.0, 23.0, 20_378),
    (25.0, 27.0, 344_876),
];

fn pixels(picture: &Picture) -> Pixels<'_> {
    let &Picture { width, height, ref data } = picture;
    Pixels::new(PixelFormat::Rgb32, width, height, width as usize * 4, true, data).expect("a picture")
}

/// Seconds of one call: the best of at least seven and of a third of a second.
fn best(mut f: impl FnMut()) -> f64 {
    let (begin, mut best, mut n) = (Instant::now(), f64::MAX, 0);
    while n < 7 || begin.elapsed() < Duration::from_millis(300) && n < 2000 {
        let t = Instant::now();
        f();
        best = best.min(t.elapsed().as_secs_f64());
        n += 1;
    }
    best
}

/// Encodes a picture.
type Encode = Box<dyn FnMut(&Pixels<'_>, &mut Vec<u8>)>;
/// Decodes a stream of a picture of this size.
type Decode = Box<dyn FnMut(&[u8], (u32, u32), &mut Vec<u8>)>;

/// A codec's way to encode a picture and to decode it again.
struct Row {
    name: &'static str,
    lossy: bool,
    encode: Encode,
    decode: Decode,
    reference: Option<Reference>,
}

/// A codec behind the common face; GLZ starts with an empty window for each picture.
fn faced(codec: Codec, name: &'static str, level: Level, reference: Option<Reference>) -> Row {
    let options = Options { level, ..Options::default() };
    let (mut encoder, mut dictionary) = (Encoder::new(), GlzDictionary::new(1 << 22));
    let mut decoder = Decoder::new();
    let glz = matches!(codec, Codec::Glz | Codec::ZlibGlz);
    Row {
        name,
        lossy: codec.is_lossy(),
        encode: Box::new(move |p, out| {
            if glz {
                dictionary.reset();
            }
            encoder.encode_with(&mut dictionary, p, codec, &options, out).expect("encode");
        }),
        decode: Box::new(move |s, size, out| {
            if glz {
                decoder.window().reset();
            }
            let options = DecodeOptions { size: Some(size), ..DecodeOptions::default() };
            decoder.decode(s, codec, &options, out).expect("decode");
        }),
        reference,
    }
}

fn rows() -> Vec<Row> {
    vec![
        faced(Codec::Quic, "quic", Level::Fast, Some(QUIC)),
        faced(Codec::Lz, "lz-fast", Level::Fast, Some(LZ)),
        faced(Codec::Lz, "lz", Level::Default, Some(LZ)),
        faced(Codec::Glz, "glz-fast", Level::Fast, Some(GLZ)),
        faced(Codec::ZlibGlz, "zlib-glz-fast", Level::Fast, Some(ZLIB_GLZ)),
        faced(Codec::Lz4, "lz4", Level::Fast, Some(LZ4)),
        faced(Codec::Jpeg, "jpeg", Level::Fast, Some(JPEG)),
    ]
}

fn main() {
    let root =
        std::env::var("SPICE_RENDER_CORPUS").expect("SPICE_RENDER_CORPUS is the folder with codecs/images");
    let mut args = std::env::args().skip(1);
    let (codec_name, class_name) = (args.next(), args.next());
    println!("1/n: n times memcpy's time; x: the C implementation's n (SPEED.md) over ours; %: of its bytes");
    println!("class     codec           bytes      %   enc MB/s   1/n     x   dec MB/s   1/n     x");
    let mut codecs = rows();
    for (k, (class, names)) in CLASSES.iter().enumerate() {
        if class_name.as_ref().is_some_and(|c| c != class) {
            continue;
        }
        let load = |n: &&str| Picture::load(&Path::new(&root).join(format!("codecs/images/{n}.png")));
        let pictures: Vec<Picture> = names.iter().map(load).collect();
        let total: usize = pictures.iter().map(|p| p.data.len()).sum();
        let memcpy: f64 = pictures.iter().map(|p| memcpy(&p.data, |f| best(f))).sum();
        println!("{class:9} memcpy {total:14} {:17.0}", total as f64 / memcpy / 1e6);
        for codec in &mut codecs {
            if codec_name.as_ref().is_some_and(|c| c != codec.name) {
                continue;
            }
            let (mut bytes, mut enc, mut dec) = (0, 0.0, 0.0);
            let (mut stream, mut back) = (Vec::new(), Vec::new());
            for p in &pictures {
                let pixels = pixels(p);
                enc += best(|| {
                    stream.clear();
                    (codec.encode)(&pixels, &mut stream);
                });
                dec += best(|| (codec.decode)(&stream, (p.width, p.height), &mut back));
                assert!(codec.lossy || back == p.data, "{} {class}: decoded pixels differ", codec.name);
                bytes += stream.len();
            }
            let speed = |s: f64| (total as f64 / s / 1e6, s / memcpy);
            let ((e, en), (d, dn)) = (speed(enc), speed(dec));
            let (percent, ex, dx) = codec.reference.map_or((f64::NAN, f64::NAN, f64::NAN), |r| {
                (bytes as f64 * 100.0 / r[k].2 as f64, r[k].0 / en, r[k].1 / dn)
            });
            println!(
                "{class:9} {:12} {bytes:8} {percent:6.1} {e:10.0} {en:5.0} {ex:5.2} {d:10.0} {dn:5.0} {dx:5.2}",
                codec.name
            );
        }
    }
}
