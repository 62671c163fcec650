//! `spice-render image`.

mod compare;
mod decode;
mod encode;

use super::{Outcome, at};
use clap::{Subcommand, ValueEnum};
use spice_codecs::lz::Level;
use spice_render::images::Picture;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

/// Encode, decode and compare SPICE image streams.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Encode(encode::Args),
    Decode(decode::Args),
    Compare(compare::Args),
}

pub(crate) fn run(args: Args) -> Outcome {
    match args.verb {
        Verb::Encode(args) => encode::run(args),
        Verb::Decode(args) => decode::run(args),
        Verb::Compare(args) => compare::run(args),
    }
}

/// Levels of LZ and GLZ.
#[derive(Clone, Copy, ValueEnum)]
enum LevelName {
    /// Quickest.
    Fast,
    /// Smaller.
    Default,
    /// Smallest.
    Best,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Fast => Self::Fast,
            LevelName::Default => Self::Default,
            LevelName::Best => Self::Best,
        }
    }
}

/// Reads a PNG.
fn read_png(path: &Path) -> Result<Picture, super::At> {
    let file = File::open(path).map_err(|e| at(path, e))?;
    Picture::read(BufReader::new(file)).map_err(|e| at(path, e))
}

/// Writes a PNG.
fn write_png(path: &Path, picture: &Picture) -> Result<(), super::At> {
    let mut file = BufWriter::new(File::create(path).map_err(|e| at(path, e))?);
    picture.write(&mut file).map_err(|e| at(path, e))?;
    file.flush().map_err(|e| at(path, e))
}
