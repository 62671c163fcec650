//! `spice-render image encode`.

use super::super::{At, Outcome, at};
use super::{LevelName, read_png};
use clap::ValueEnum;
use spice_codecs::jpeg::Subsampling;
use spice_codecs::{Codec, Encoder, Options, PixelFormat};
use spice_render::images::{FORMAT_NAMES, format_named, lay_out};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Encode PNG files as SPICE image streams.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  spice-render image encode photo.png --codec quic -o photo.quic\n  \
                        spice-render image encode icon.png --codec lz --format plt8 --palette icon.pal -o icon.lz\n  \
                        spice-render image encode a.png b.png --codec glz -o a.glz -o b.glz\n\n\
                        Several files with GLZ or zlib-GLZ are one sequence: they are to be decoded in this order.\n\
                        Alpha is taken as it is: SPICE expects colours to be premultiplied.")]
pub(crate) struct Args {
    /// The pictures.
    #[arg(required = true, value_name = "FILE.png")]
    files: Vec<PathBuf>,
    /// quic, lz, glz, zlib-glz, lz4, jpeg or jpeg-alpha.
    #[arg(long)]
    codec: Codec,
    /// rgb32, rgba, rgb24, rgb16, gray, plt1[-le|-be], plt4[-le|-be], plt8, xxxa or a8; rgb32 if not given, and rgba
    /// for jpeg-alpha and for pictures with alpha where the codec carries it.
    #[arg(long, value_parser = format)]
    format: Option<PixelFormat>,
    /// How hard LZ and GLZ look for matches.
    #[arg(long, value_enum, default_value = "default")]
    level: LevelName,
    /// JPEG quality, 1 to 100.
    #[arg(long, default_value_t = 85, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// JPEG colour resolution.
    #[arg(long, value_enum, default_value = "420")]
    subsampling: SubsamplingName,
    /// Code the bottom row first, where the codec has a choice.
    #[arg(long)]
    bottom_up: bool,
    /// Where the palette of a palette format goes, as lines of #rrggbb.
    #[arg(long, value_name = "FILE")]
    palette: Option<PathBuf>,
    /// The stream, once for each picture.
    #[arg(short, long, required = true, value_name = "FILE")]
    output: Vec<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum SubsamplingName {
    /// Half the columns and rows.
    #[value(name = "420")]
    Both,
    /// Half the columns.
    #[value(name = "422")]
    Horizontal,
    /// All.
    #[value(name = "444")]
    None,
}

fn format(name: &str) -> Result<PixelFormat, String> {
    format_named(name).ok_or_else(|| {
        let names: Vec<_> = FORMAT_NAMES.iter().map(|(n, _)| *n).collect();
        format!("none of {}", names.join(", "))
    })
}

pub(crate) fn run(args: Args) -> Outcome {
    if args.files.len() != args.output.len() {
        let (n, m) = (args.files.len(), args.output.len());
        return Err(At(format!("{n} pictures need {n} outputs (-o), not {m}")).into());
    }
    let options = Options {
        level: args.level.into(),
        quality: args.quality,
        subsampling: match args.subsampling {
            SubsamplingName::Both => Subsampling::Both,
            SubsamplingName::Horizontal => Subsampling::Horizontal,
            SubsamplingName::None => Subsampling::None,
        },
        ..Options::default()
    };
    let mut encoder = Encoder::new();
    let mut stream = Vec::new();
    for (path, output) in args.files.iter().zip(&args.output) {
        let picture = read_png(path)?;
        let alpha =
            args.codec == Codec::JpegAlpha || picture.has_alpha && args.codec.carries(PixelFormat::Rgba);
        let format = args.format.unwrap_or(if alpha { PixelFormat::Rgba } else { PixelFormat::Rgb32 });
        let laid = lay_out(&picture, format, !args.bottom_up).map_err(|e| at(path, e))?;
        stream.clear();
        encoder.encode(&laid.pixels(), args.codec, &options, &mut stream).map_err(|e| at(path, e))?;
        std::fs::write(output, &stream).map_err(|e| at(output, e))?;
        if let Some(palette) = &args.palette {
            let lines = laid.palette.iter().fold(String::new(), |mut s, c| {
                let _ = writeln!(s, "#{c:06x}");
                s
            });
            std::fs::write(palette, lines).map_err(|e| at(palette, e))?;
        }
    }
    Ok(())
}
