//! Prints size and speed of every LZ and GLZ level on the corpus's pictures, beside the reference's figures.
//!
//! `SPICE_RENDER_CORPUS=../shared cargo run --release -p spice-codecs --example lz_table [CLASS|all|layouts [LEVEL]]`
//! `... --example lz_table layouts` prints other layouts than RGB32, beside the reference's streams and SPEED.md's last table.
//! With `LZ_TABLE_QUICK` set everything runs once: sizes hold, speeds do not.

mod picture;
mod timing;

use std::path::Path;
use std::time::{Duration, Instant};

use picture::Picture;
use spice_codecs::glz::{GlzDictionary, GlzEncoder, GlzWindow};
use spice_codecs::lz::{Level, LzDecoder, LzEncoder};
use spice_codecs::{PixelFormat, Pixels};
use timing::memcpy;

/// Class, pictures, then of LZ and GLZ: bytes, memcpy's speed over the encoder's, over the decoder's (SPEED.md).
type Class = (&'static str, &'static [&'static str], [f64; 3], [f64; 3]);
const CLASSES: &[Class] = &[
    (
        "text",
        &["text_dark_code_13", "text_subpixel_12", "text_light_9", "xterm_ls_dark"],
        [220415.0, 19.0, 6.0],
        [190781.0, 20.0, 8.0],
    ),
    (
        "ui",
        &["ui_dialog", "ui_chart", "lines", "icons_rgba_sheet"],
        [151529.0, 26.0, 8.0],
        [162408.0, 31.0, 11.0],
    ),
    (
        "photo",
        &["photo_1024", "photo_640", "photo_text", "photo_grain"],
        [3521745.0, 120.0, 34.0],
        [3461104.0, 288.0, 19.0],
    ),
    (
        "gradient",
        &["grad_linear", "grad_radial_dither", "grad_wave"],
        [294827.0, 75.0, 20.0],
        [297095.0, 100.0, 27.0],
    ),
    ("mixed", &["desktop_1920"], [1991885.0, 52.0, 15.0], [1868939.0, 131.0, 14.0]),
];

/// Seconds of one call: the best by the wall clock or, on a busy machine, the mean by this thread's processor time.
fn best(mut f: impl FnMut()) -> f64 {
    let quick = std::env::var_os("LZ_TABLE_QUICK").is_some();
    let (begin, mut best, mut n) = (Instant::now(), f64::MAX, 0);
    let cpu = cpu_seconds();
    while n < 1
        || !quick && n < 7
        || !quick && cpu_seconds() - cpu < 0.2 && begin.elapsed() < Duration::from_secs(2)
    {
        for _ in 0..if quick { 1 } else { 4 } {
            let t = Instant::now();
            f();
            best = best.min(t.elapsed().as_secs_f64());
            n += 1;
        }
    }
    let mean = (cpu_seconds() - cpu) / f64::from(n);
    if mean > 0.0 && !quick { best.min(mean) } else { best }
}

/// Processor time of this thread so far; 0 where the system does not say.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// Vectors of other layouts, and how many MB of their own bytes the reference encodes and decodes in a second where it copies
/// 38600 (SPEED.md).
const LAYOUTS: &[(&str, PixelFormat, f64, f64)] = &[
    ("text_dark_code_13.rgb16", PixelFormat::Rgb16, 1433.0, 2579.0),
    ("photo_640.rgb16", PixelFormat::Rgb16, 312.0, 730.0),
    ("photo_640.plt8", PixelFormat::Plt8, 156.0, 387.0),
    ("icons_rgba_sheet.rgba", PixelFormat::Rgba, 858.0, 2279.0),
    ("icon_rgba_48.rgba", PixelFormat::Rgba, 413.0, 923.0),
];

/// The rows of [`LAYOUTS`] at one level.
fn layouts(root: &str, level: Level) {
    println!(
        "x = times the reference's speed, speeds taken as ratios to memcpy; % = of the reference's bytes"
    );
    println!("LZ vector                  level      bytes      %   enc MB/s      x   dec MB/s      x");
    // SPEED.md's memcpy is of pictures of about two megabytes: an icon in the nearest cache is copied twice as fast.
    let megabytes = vec![1; 2 << 20];
    let copied = megabytes.len() as f64 / memcpy(&megabytes, |f| best(f)) / 1e6;
    println!("memcpy {copied:52.0}");
    for &(name, format, encodes, decodes) in LAYOUTS {
        let path = Path::new(root).join(format!("codecs/vectors/lz/{name}.lz"));
        let Ok(theirs) = std::fs::read(&path) else {
            println!("{name:26} there is no vector");
            continue;
        };
        let (mut encoder, mut decoder, mut source) = (LzEncoder::new(), LzDecoder::new(), Vec::new());
        let header = decoder.decode(&theirs, 1 << 30, &mut source).expect("decode");
        let stride = format.bytes_per_row(header.width);
        let pixels = Pixels::new(format, header.width, header.height, stride, header.top_down, &source);
        let pixels = pixels.expect("pixels");
        let times =
            |seconds: f64, theirs: f64| source.len() as f64 / seconds / 1e6 / theirs * 38600.0 / copied;
        let mut stream = Vec::new();
        let encoding = best(|| {
            stream.clear();
            encoder.encode(&pixels, level, usize::MAX, &mut stream).expect("encode");
        });
        let mut out = Vec::new();
        let decoding = best(|| {
            decoder.decode(&stream, 1 << 30, &mut out).expect("decode");
        });
        assert!(out == source, "round trip");
        println!(
            "{name:26} {:8} {:7} {:6.1} {:10.0} {:6.2} {:10.0} {:6.2}",
            format!("{level:?}"),
            stream.len(),
            100.0 * stream.len() as f64 / theirs.len() as f64,
            source.len() as f64 / encoding / 1e6,
            times(encoding, encodes),
            source.len() as f64 / decoding / 1e6,
            times(decoding, decodes),
        );
    }
}

fn main() {
    let root = std::env::var("SPICE_RENDER_CORPUS").expect("SPICE_RENDER_CORPUS");
    let only = std::env::args().nth(1).filter(|o| o != "all");
    let level_only = std::env::args().nth(2);
    if only.as_deref() == Some("layouts") {
        for level in [Level::Fast, Level::Default, Level::Best] {
            if level_only.as_ref().is_none_or(|o| *o == format!("{level:?}")) {
                layouts(&root, level);
            }
        }
        return;
    }
    println!(
        "x = times the reference's speed, speeds taken as ratios to memcpy; % = of the reference's bytes"
    );
    println!(
        "class      codec level      bytes      %   enc MB/s 1/memcpy      x   dec MB/s 1/memcpy      x"
    );
    for (class, names, lz, glz) in CLASSES {
        if only.as_ref().is_some_and(|o| o != class) {
            continue;
        }
        let pictures: Vec<Picture> = names
            .iter()
            .map(|n| Picture::load(&Path::new(&root).join(format!("codecs/images/{n}.png"))))
            .collect();
        let total: usize = pictures.iter().map(|p| p.data.len()).sum();
        let memcpy: f64 = pictures.iter().map(|p| memcpy(&p.data, |f| best(f))).sum();
        println!("{class:10} memcpy {:38.0}", total as f64 / memcpy / 1e6);
        for codec in ["LZ", "GLZ"] {
            for level in [Level::Fast, Level::Default, Level::Best] {
                if level_only.as_ref().is_some_and(|o| *o != format!("{level:?}")) {
                    continue;
                }
                let (mut bytes, mut enc, mut dec) = (0, 0.0, 0.0);
                for p in &pictures {
                    let pixels = Pixels::new(
                        PixelFormat::Rgb32,
                        p.width,
                        p.height,
                        p.width as usize * 4,
                        true,
                        &p.data,
                    )
                    .expect("pixels");
                    let mut stream = Vec::new();
                    if codec == "LZ" {
                        let (mut encoder, mut decoder) = (LzEncoder::new(), LzDecoder::new());
                        enc += best(|| {
                            stream.clear();
                            encoder.encode(&pixels, level, usize::MAX, &mut stream).expect("encode");
                        });
                        let mut out = Vec::new();
                        dec += best(|| {
                            decoder.decode(&stream, 1 << 30, &mut out).expect("decode");
                        });
                        assert!(out == p.data, "round trip");
                    } else {
                        let mut encoder = GlzEncoder::new();
                        let mut dictionary = GlzDictionary::new(1 << 22);
                        enc += best(|| {
                            dictionary.reset();
                            stream.clear();
                            encoder
                                .encode(&mut dictionary, &pixels, level, usize::MAX, &mut stream)
                                .expect("encode");
                        });
                        let mut window = GlzWindow::new(1 << 22);
                        dec += best(|| {
                            window.reset();
                            window.decode(&stream, 1 << 30).expect("decode");
                        });
                        window.reset();
                        assert!(
                            window.decode(&stream, 1 << 30).expect("decode").pixels == p.data,
                            "round trip"
                        );
                    }
                    bytes += stream.len();
                }
                let [size, e, d] = if codec == "LZ" { *lz } else { *glz };
                println!(
                    "{class:10} {codec:5} {:8} {bytes:8} {:6.1} {:10.0} {:8.1} {:6.2} {:10.0} {:8.1} {:6.2}",
                    format!("{level:?}"),
                    100.0 * bytes as f64 / size,
                    total as f64 / enc / 1e6,
                    enc / memcpy,
                    e / (enc / memcpy),
                    total as f64 / dec / 1e6,
                    dec / memcpy,
                    d / (dec / memcpy),
                );
            }
        }
    }
}
