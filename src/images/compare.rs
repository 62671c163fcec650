//! What every codec makes of some pictures.

use super::{Picture, lay_out};
use serde::Serialize;
use spice_codecs::glz::GlzDictionary;
use spice_codecs::lz::Level;
use spice_codecs::{Codec, DecodeOptions, Decoder, EncodeError, Encoder, Options, PixelFormat};
use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// One codec on all pictures that it carries.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The codec's name.
    pub codec: &'static str,
    /// Of LZ and GLZ, the level; of JPEG, the quality.
    pub setting: String,
    /// Pictures encoded: codecs for alpha leave out the pictures without it, and the other way round.
    pub pictures: usize,
    /// Bytes of their pixels, four each.
    pub pixel_bytes: u64,
    /// Bytes of their streams.
    pub stream_bytes: u64,
    /// Pixel bytes for each byte of stream.
    pub ratio: f64,
    /// Encoding, in pixel bytes a microsecond (decimal MB/s).
    pub encode_mb_s: f64,
    /// Decoding, in pixel bytes a microsecond.
    pub decode_mb_s: f64,
    /// Encoding takes this many times as long as copying the pixels.
    pub encode_per_copy: f64,
    /// Decoding takes this many times as long as copying the pixels.
    pub decode_per_copy: f64,
    /// Whether the pixels came back as they were; of lossy codecs, nothing.
    pub exact: Option<bool>,
}

/// A table of codecs.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Pictures compared.
    pub pictures: usize,
    /// Copying their pixels in memory, in MB/s: the unit of speed that carries from machine to machine.
    pub copy_mb_s: f64,
    /// One row for each codec and setting.
    pub rows: Vec<Row>,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} pictures; copying them in memory: {:.0} MB/s", self.pictures, self.copy_mb_s)?;
        writeln!(
            f,
            "{:11} {:8} {:>8} {:>12} {:>8} {:>9} {:>9} {:>9} {:>9}",
            "codec", "setting", "pictures", "bytes", "ratio", "enc MB/s", "dec MB/s", "enc/copy", "dec/copy"
        )?;
        for r in &self.rows {
            writeln!(
                f,
                "{:11} {:8} {:8} {:12} {:8.2} {:9.0} {:9.0} {:9.1} {:9.1}{}",
                r.codec,
                r.setting,
                r.pictures,
                r.stream_bytes,
                r.ratio,
                r.encode_mb_s,
                r.decode_mb_s,
                r.encode_per_copy,
                r.decode_per_copy,
                if r.exact == Some(false) { "  NOT EXACT" } else { "" }
            )?;
        }
        Ok(())
    }
}

/// Encodes and decodes `pictures` with every codec and level, JPEG at `quality`. Each is timed several times, for at
/// least `time` altogether, and its best time counts. The pictures are one sequence for GLZ.
pub fn compare(pictures: &[Picture], quality: u8, time: Duration) -> Result<Comparison, EncodeError> {
    let pixel_bytes = pictures.iter().map(|p| p.data.len()).sum::<usize>();
    let mut copy = vec![0; pictures.iter().map(|p| p.data.len()).max().unwrap_or(0)];
    let copying = best(time, || {
        for p in pictures {
            black_box(&mut copy[..p.data.len()]).copy_from_slice(black_box(&p.data));
        }
        Ok(())
    })?;
    let mut rows = Vec::new();
    for codec in Codec::ALL {
        let levels: &[(Level, &str)] = match codec {
            Codec::Lz | Codec::Glz | Codec::ZlibGlz => {
                &[(Level::Fast, "fast"), (Level::Default, "default"), (Level::Best, "best")]
            }
            _ => &[(Level::Default, "")],
        };
        for &(level, name) in levels {
            let options = Options { level, quality, ..Options::default() };
            let setting = if codec.is_lossy() { format!("q{quality}") } else { name.to_owned() };
            let bench = Bench { codec, options, time, copy_speed: pixel_bytes as f64 / copying.max(1e-9) };
            rows.extend(bench.row(pictures, setting)?);
        }
    }
    Ok(Comparison { pictures: pictures.len(), copy_mb_s: pixel_bytes as f64 / copying.max(1e-9) / 1e6, rows })
}

/// Seconds of the quickest of some calls.
fn best(time: Duration, mut f: impl FnMut() -> Result<(), EncodeError>) -> Result<f64, EncodeError> {
    let (begin, mut best, mut n) = (Instant::now(), f64::MAX, 0);
    while n < 3 || begin.elapsed() < time && n < 1000 {
        let t = Instant::now();
        f()?;
        best = best.min(t.elapsed().as_secs_f64());
        n += 1;
        // The slow levels need not be repeated.
        if begin.elapsed() > time * 10 {
            break;
        }
    }
    Ok(best)
}

struct Bench {
    codec: Codec,
    options: Options,
    time: Duration,
    /// Bytes a second.
    copy_speed: f64,
}

impl Bench {
    /// `None` if no picture suits the codec.
    fn row(&self, pictures: &[Picture], setting: String) -> Result<Option<Row>, EncodeError> {
        let codec = self.codec;
        let format = |p: &Picture| if p.has_alpha { PixelFormat::Rgba } else { PixelFormat::Rgb32 };
        let suited = pictures.iter().filter(|p| codec.carries(format(p)));
        let laid: Vec<_> = suited.map(|p| lay_out(p, format(p), true).expect("no palette")).collect();
        if laid.is_empty() {
            return Ok(None);
        }
        let pixels: Vec<_> = laid.iter().map(|l| l.pixels()).collect();
        let area: u64 = pixels.iter().map(|p| u64::from(p.width()) * u64::from(p.height())).sum();
        // A GLZ window of the smallest size that clients announce, or one that holds the pictures.
        let window = u32::try_from(area.max(1 << 22) + 1).unwrap_or(u32::MAX);
        let (mut encoder, mut dictionary) = (Encoder::new(), GlzDictionary::new(window));
        let mut streams = vec![Vec::new(); pixels.len()];
        let encoding = best(self.time, || {
            dictionary.reset();
            for (p, out) in pixels.iter().zip(&mut streams) {
                out.clear();
                encoder.encode_with(&mut dictionary, p, codec, &self.options, out)?;
            }
            Ok(())
        })?;
        let mut decoder = Decoder::with_window(spice_codecs::glz::GlzWindow::new(window));
        let mut decoded = vec![Vec::new(); pixels.len()];
        let mut failed = false;
        let decoding = best(self.time, || {
            decoder.window().reset();
            for ((p, stream), out) in pixels.iter().zip(&streams).zip(&mut decoded) {
                let size = Some((p.width(), p.height()));
                let options = DecodeOptions { size, limit: u64::MAX / 4, ..DecodeOptions::default() };
                failed |= decoder.decode(stream, codec, &options, out).is_err();
            }
            Ok(())
        })?;
        let same = |(p, d): (&spice_codecs::Pixels<'_>, &Vec<u8>)| {
            Some(&d[..]) == p.rows_without_padding(0, p.height())
        };
        let exact = (!codec.is_lossy()).then(|| !failed && pixels.iter().zip(&decoded).all(same));
        let stream_bytes = streams.iter().map(|s| s.len() as u64).sum::<u64>();
        let speed = |seconds: f64| (area * 4) as f64 / seconds.max(1e-9);
        Ok(Some(Row {
            codec: codec.name(),
            setting,
            pictures: pixels.len(),
            pixel_bytes: area * 4,
            stream_bytes,
            ratio: (area * 4) as f64 / stream_bytes as f64,
            encode_mb_s: speed(encoding) / 1e6,
            decode_mb_s: speed(decoding) / 1e6,
            encode_per_copy: self.copy_speed / speed(encoding),
            decode_per_copy: self.copy_speed / speed(decoding),
            exact,
        }))
    }
}
