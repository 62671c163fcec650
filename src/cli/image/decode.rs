//! `spice-render image decode`.

use super::super::{At, Outcome, at};
use super::write_png;
use spice_codecs::{Codec, DecodeOptions, Decoder, PixelFormat};
use spice_render::images::Picture;
use std::path::{Path, PathBuf};

/// Decode SPICE image streams to PNG files.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  spice-render image decode photo.quic -o photo.png\n  \
                        spice-render image decode icon.lz --palette icon.pal -o icon.png\n  \
                        spice-render image decode a.lz4 --codec lz4 --width 640 --height 480 -o a.png\n  \
                        spice-render image decode a.glz b.glz -o b.png\n\n\
                        Several GLZ files in order are one sequence. With one output, it is the last picture.")]
pub(crate) struct Args {
    /// The streams.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// quic, lz, glz, zlib-glz, lz4, jpeg or jpeg-alpha; told by the stream's first bytes, but for lz4.
    #[arg(long)]
    codec: Option<Codec>,
    /// Columns: needed for lz4; for others, refuse another size.
    #[arg(long, requires = "height")]
    width: Option<u32>,
    /// Rows.
    #[arg(long, requires = "width")]
    height: Option<u32>,
    /// Of a palette image, the colours: lines of #rrggbb.
    #[arg(long, value_name = "FILE")]
    palette: Option<PathBuf>,
    /// Largest picture to decode, in MiB.
    #[arg(long, default_value_t = 1024)]
    limit: u64,
    /// The picture, top row first; once, or once for each stream.
    #[arg(short, long, required = true, value_name = "FILE.png")]
    output: Vec<PathBuf>,
}

pub(crate) fn run(args: Args) -> Outcome {
    let (streams, outputs) = (args.files.len(), args.output.len());
    if outputs != 1 && outputs != streams {
        return Err(At(format!("{streams} streams need one output (-o) or {streams}, not {outputs}")).into());
    }
    let palette = args.palette.as_deref().map(read_palette).transpose()?;
    let options = DecodeOptions {
        size: args.width.zip(args.height),
        limit: args.limit.saturating_mul(1 << 20),
        ..DecodeOptions::default()
    };
    let mut decoder: Option<Decoder> = None;
    let (mut native, mut bgrx) = (Vec::new(), Vec::new());
    for (k, path) in args.files.iter().enumerate() {
        let stream = std::fs::read(path).map_err(|e| at(path, e))?;
        let unknown = "the codec cannot be told by the first bytes; say it with --codec";
        let codec = args.codec.or_else(|| Codec::sniff(&stream)).ok_or_else(|| at(path, unknown))?;
        let decoder = decoder.get_or_insert_with(Decoder::new);
        let picture = decoder.decode(&stream, codec, &options, &mut native).map_err(|e| at(path, e))?;
        let output = match outputs {
            1 if k + 1 < streams => continue,
            1 => &args.output[0],
            _ => &args.output[k],
        };
        if picture.format.bits_per_pixel() <= 8
            && !matches!(picture.format, PixelFormat::Gray | PixelFormat::A8)
            && palette.is_none()
        {
            return Err(at(path, "a palette image; give its colours with --palette").into());
        }
        picture.to_bgrx(palette.as_deref().unwrap_or(&[]), &native, &mut bgrx);
        let row = picture.width as usize * 4;
        let has_alpha = matches!(picture.format, PixelFormat::Rgba | PixelFormat::A8);
        let data = if picture.top_down {
            std::mem::take(&mut bgrx)
        } else {
            bgrx.chunks_exact(row).rev().flatten().copied().collect()
        };
        let picture = Picture { width: picture.width, height: picture.height, has_alpha, data };
        write_png(output, &picture)?;
    }
    Ok(())
}

/// Lines of `#rrggbb`; empty lines do not count.
fn read_palette(path: &Path) -> Result<Vec<u32>, At> {
    let text = std::fs::read_to_string(path).map_err(|e| at(path, e))?;
    let mut colours = Vec::new();
    for (k, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let digits =
            line.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()));
        let colour = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        colours.push(colour.ok_or_else(|| at(path, format!("line {} is not #rrggbb", k + 1)))?);
    }
    Ok(colours)
}
