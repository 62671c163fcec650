//! Prints bytes and processor time of one level on sequences of pictures: GLZ with one dictionary, zlib-GLZ, and LZ.
//!
//! `SPICE_RENDER_CORPUS=../shared cargo run --release -p spice-codecs --example sequence_table LEVEL [FOLDER...]`
//! A folder holds PNG frames in the order of their names (`spice-render render --frames`); what changed from frame to
//! frame is coded in bands of 48 rows, as a server would that sends what is drawn. Without folders: the corpus's
//! single pictures, each a sequence of its own, and its GLZ sequences. zlib wraps at level `DEFLATE`, 6 without it.

use std::path::{Path, PathBuf};

mod picture;

use picture::Picture;
use serde_json::Value;
use spice_codecs::glz::{GlzDictionary, GlzEncoder, ZlibEncoder};
use spice_codecs::lz::{Level, LzEncoder};
use spice_codecs::{PixelFormat, Pixels};

struct Image {
    format: PixelFormat,
    width: u32,
    height: u32,
    data: Vec<u8>,
    /// Whether the image before must not be referred to from here on.
    kill: bool,
}

fn rgb32(width: usize, height: usize, data: Vec<u8>) -> Image {
    Image { format: PixelFormat::Rgb32, width: width as u32, height: height as u32, data, kill: false }
}

/// What changed from frame to frame, in bands.
fn changes(folder: &Path) -> Vec<Image> {
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("folder").map(|e| e.expect("entry").path()).collect();
    names.retain(|n| n.extension().is_some_and(|e| e == "png"));
    names.sort();
    let mut images = Vec::new();
    let mut before: Option<Picture> = None;
    for name in names {
        let frame = Picture::load(&name);
        let (width, height) = (frame.width as usize, frame.height as usize);
        let old = before.take().filter(|b| b.data.len() == frame.data.len());
        let pixel = |f: &Picture, x: usize, y: usize| f.data[(y * f.width as usize + x) * 4..][..4].to_vec();
        for top in (0..height).step_by(48) {
            let bottom = height.min(top + 48);
            let (mut left, mut right, mut first, mut last) = (usize::MAX, 0, usize::MAX, 0);
            for y in top..bottom {
                for x in 0..width {
                    if old.as_ref().is_none_or(|o| pixel(o, x, y) != pixel(&frame, x, y)) {
                        (left, right) = (left.min(x), right.max(x + 1));
                        (first, last) = (first.min(y), y + 1);
                    }
                }
            }
            if left < right {
                let rows =
                    (first..last).flat_map(|y| &frame.data[(y * width + left) * 4..(y * width + right) * 4]);
                images.push(rgb32(right - left, last - first, rows.copied().collect()));
            }
        }
        before = Some(frame);
    }
    images
}

/// A sequence of the corpus, its first 2000 images.
fn recorded(root: &Path, s: &Value) -> Vec<Image> {
    let text = |v: &Value| v.as_str().expect("string").to_owned();
    let read = |name: String| {
        let bytes = std::fs::read(root.join(&name)).expect("file");
        let mut plain = Vec::new();
        match name.ends_with(".gz") {
            true => std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut plain)
                .expect("gzip"),
            false => return bytes,
        };
        plain
    };
    let decoded = read(text(&s["decoded_file"]));
    let listed = match s["images_file"].as_str() {
        Some(f) => serde_json::from_slice(&read(f.to_owned())).expect("json"),
        None => s["images"].clone(),
    };
    let images = listed.as_array().or_else(|| listed["images"].as_array()).expect("images");
    let image = |v: &Value| {
        let number = |key: &str| v[key].as_u64().expect("number") as usize;
        let (width, height) = (number("width"), number("height"));
        let wide = &decoded[number("decoded_offset")..][..width * height * 4];
        let pixels = wide.as_chunks::<4>().0;
        let word =
            |p: &[u8; 4]| u16::from(p[0] >> 3) | u16::from(p[1] >> 3) << 5 | u16::from(p[2] >> 3) << 10;
        let (format, data) = match v["type"].as_str().expect("type") {
            "RGB16" => (PixelFormat::Rgb16, pixels.iter().flat_map(|p| word(p).to_le_bytes()).collect()),
            "RGB24" => (PixelFormat::Rgb24, pixels.iter().flat_map(|p| [p[0], p[1], p[2]]).collect()),
            "RGBA" => (PixelFormat::Rgba, wide.to_vec()),
            _ => (PixelFormat::Rgb32, wide.to_vec()),
        };
        let kill = v["note"].as_str().is_some_and(|n| n.contains("kill"));
        Image { format, width: width as u32, height: height as u32, data, kill }
    };
    images.iter().take(2000).map(image).collect()
}

/// Processor time of this thread so far.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn measure(name: &str, window: u32, images: &[Image], level: Level) {
    let (mut lz, mut glz) = (LzEncoder::new(), GlzEncoder::new());
    let mut dictionary = GlzDictionary::new(window);
    let deflate = std::env::var("DEFLATE").ok().and_then(|v| v.parse().ok());
    let mut zlib = ZlibEncoder::new(deflate.unwrap_or(6));
    let (mut stream, mut wrapped) = (Vec::new(), Vec::new());
    let (mut bytes, mut seconds, mut count) = ([0; 3], [0.0; 3], 0);
    for i in images {
        let stride = i.format.bytes_per_row(i.width);
        let pixels = Pixels::new(i.format, i.width, i.height, stride, true, &i.data).expect("pixels");
        count += i.width as usize * i.height as usize;
        let mut clock = cpu_seconds();
        let mut lap = |sum: &mut f64| {
            let now = cpu_seconds();
            *sum += now - clock;
            clock = now;
        };
        stream.clear();
        bytes[0] += lz.encode(&pixels, level, usize::MAX, &mut stream).expect("encode");
        lap(&mut seconds[0]);
        stream.clear();
        let coded = glz.encode(&mut dictionary, &pixels, level, usize::MAX, &mut stream).expect("encode");
        lap(&mut seconds[1]);
        wrapped.clear();
        let small = zlib.wrap(&stream, stream.len() - 1, &mut wrapped).unwrap_or(stream.len());
        lap(&mut seconds[2]);
        bytes[1] += coded.bytes;
        bytes[2] += small;
        if i.kill {
            dictionary.kill(coded.id.saturating_sub(1));
        }
    }
    print!("{name:28} {count:9}");
    for k in 0..3 {
        print!(" {:9} {:7.1}", bytes[k], seconds[k] * 1e9 / count as f64);
    }
    println!();
}

fn main() {
    let root =
        PathBuf::from(std::env::var_os("SPICE_RENDER_CORPUS").expect("SPICE_RENDER_CORPUS")).join("codecs");
    let mut args = std::env::args().skip(1);
    let level = match args.next().as_deref() {
        Some("fast") => Level::Fast,
        Some("default") => Level::Default,
        _ => Level::Best,
    };
    println!(
        "{:28} {:>9} {:>9} {:>7} {:>9} {:>7} {:>9} {:>7}",
        "ns a pixel", "pixels", "LZ", "ns", "GLZ", "ns", "zlib", "ns"
    );
    let folders: Vec<String> = args.collect();
    for folder in &folders {
        measure(folder, 1 << 22, &changes(Path::new(folder)), level);
    }
    if !folders.is_empty() {
        return;
    }
    let names = [
        "text_dark_code_13",
        "xterm_ls_dark",
        "ui_dialog",
        "ui_chart",
        "lines",
        "icons_rgba_sheet",
        "photo_640",
        "photo_text",
        "photo_grain",
        "grad_linear",
        "grad_radial_dither",
        "grad_wave",
        "desktop_1920",
    ];
    for name in names {
        let f = Picture::load(&root.join(format!("images/{name}.png")));
        measure(name, 1 << 22, &[rgb32(f.width as usize, f.height as usize, f.data)], level);
    }
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(root.join("manifest.json")).expect("manifest")).expect("json");
    for s in manifest["glz_sequences"].as_array().expect("array") {
        let window = s["window_pixels"].as_u64().expect("window") as u32;
        measure(s["name"].as_str().expect("name"), window, &recorded(&root, s), level);
    }
}
