//! PNG files as B, G, R, A rows, top row first.

use std::fmt;
use std::io::{BufRead, Seek, Write};

/// A picture in memory: `height` rows of `width` pixels of four bytes, B, G, R, A, top row first, without padding.
/// Alpha is as it was in the file: the codecs expect colours to be premultiplied, and whoever wants them to be has to
/// have stored them so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Whether alpha means anything; if not, it is 255.
    pub has_alpha: bool,
    /// The rows.
    pub data: Vec<u8>,
}

/// Why a PNG file was not read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum PngError {
    /// No valid PNG, or the file could not be read.
    Read(::png::DecodingError),
    /// The file could not be written.
    Write(::png::EncodingError),
    /// The picture takes more than 1 GiB.
    TooLarge,
}

impl fmt::Display for PngError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(e) => write!(f, "png: {e}"),
            Self::Write(e) => write!(f, "png: {e}"),
            Self::TooLarge => f.write_str("png: the picture takes more than 1 GiB"),
        }
    }
}

impl std::error::Error for PngError {}

impl Picture {
    /// Reads a PNG of any colour type; 16-bit channels keep their high byte.
    pub fn read(file: impl BufRead + Seek) -> Result<Self, PngError> {
        let mut decoder = ::png::Decoder::new_with_limits(file, ::png::Limits { bytes: 1 << 30 });
        decoder.set_transformations(::png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(PngError::Read)?;
        let size = reader.output_buffer_size().filter(|&n| n <= 1 << 30).ok_or(PngError::TooLarge)?;
        let mut bytes = vec![0; size];
        let info = reader.next_frame(&mut bytes).map_err(PngError::Read)?;
        bytes.truncate(info.buffer_size());
        let samples = info.color_type.samples();
        let has_alpha = samples % 2 == 0;
        let pixels = bytes.chunks_exact(samples);
        let data = pixels.flat_map(|p| match *p {
            [v] => [v, v, v, 255],
            [v, a] => [v, v, v, a],
            [r, g, b] => [b, g, r, 255],
            [r, g, b, a] => [b, g, r, a],
            _ => unreachable!("one to four samples"),
        });
        Ok(Self { width: info.width, height: info.height, has_alpha, data: data.collect() })
    }

    /// Writes it as RGB or, with alpha, RGBA.
    pub fn write(&self, file: impl Write) -> Result<(), PngError> {
        let mut encoder = ::png::Encoder::new(file, self.width, self.height);
        encoder.set_depth(::png::BitDepth::Eight);
        encoder.set_compression(::png::Compression::Fast);
        let px = self.data.as_chunks::<4>().0.iter();
        let bytes: Vec<u8> = if self.has_alpha {
            encoder.set_color(::png::ColorType::Rgba);
            px.flat_map(|&[b, g, r, a]| [r, g, b, a]).collect()
        } else {
            encoder.set_color(::png::ColorType::Rgb);
            px.flat_map(|&[b, g, r, _]| [r, g, b]).collect()
        };
        let mut writer = encoder.write_header().map_err(PngError::Write)?;
        writer.write_image_data(&bytes).map_err(PngError::Write)?;
        writer.finish().map_err(PngError::Write)
    }
}
