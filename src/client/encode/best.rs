//! The cheapest encoding of a picture so far.

use super::canonical::Shape;
use super::job::Job;
use super::palettes::{Indices, Palettes};
use crate::qxl::BitmapFormat;
use crate::wire::{Bitmap, ImageData, ImageKind, PaletteRef};
use bytes::Bytes;

/// The cheapest so far.
pub(super) struct Best {
    pub(super) price: u64,
    pub(super) found: Option<Found>,
    /// Time spent on looking harder, of what the costs allow.
    pub(super) spent: u64,
    /// Bytes of the picture's palette indices and of its colours as LZ at the quickest, where they were tried.
    pub(super) plt: Option<usize>,
    pub(super) lz: Option<usize>,
    /// The image that the dictionary has taken in; if something beats it, it must go again.
    pub(super) glz: Option<u64>,
}

/// An encoding, in full.
pub(super) enum Found {
    Raw(BitmapFormat),
    RawPalette,
    LzPlt(Bytes),
    Stream { kind: ImageKind, data: Bytes, jpeg_bytes: usize },
    Glz { data: Vec<u8>, glz_bytes: usize },
    Given(ImageData),
}

impl Best {
    /// Takes what is cheaper; whether it is.
    pub(super) fn offer(&mut self, price: u64, found: impl FnOnce() -> Found) -> bool {
        let better = price < self.price;
        if better {
            self.price = price;
            self.found = Some(found());
        }
        better
    }
}

impl Found {
    /// The image's data. Palettes that the client must drop before go to `dropped`.
    pub(super) fn into_data(
        self,
        job: &Job<'_>,
        palette: Option<&Indices<'_>>,
        held: &mut Palettes,
        dropped: &mut Vec<u64>,
    ) -> ImageData {
        let Shape { width, height, .. } = job.shape;
        let bitmap = |format: BitmapFormat, flags, palette, data| {
            let stride = format.bytes_per_row(width) as u32;
            ImageData::Bitmap(Bitmap {
                format,
                flags: flags | Bitmap::TOP_DOWN,
                width,
                height,
                stride,
                palette,
                data,
            })
        };
        match (self, palette) {
            (Self::Raw(format), _) => bitmap(format, 0, PaletteRef::None, job.raw(format)),
            (Self::RawPalette, Some(p)) => {
                let format = p.format().unwrap_or(BitmapFormat::Bit8);
                let (flags, palette) = p.name(held, dropped);
                let rows = (0..height).flat_map(|y| p.pixels.row(y)).copied().collect::<Vec<u8>>();
                bitmap(format, flags, palette, rows.into())
            }
            (Self::LzPlt(data), Some(p)) => {
                let (flags, palette) = p.name(held, dropped);
                ImageData::LzPlt { flags: flags | Bitmap::TOP_DOWN, palette, data }
            }
            (Self::Stream { kind, data, jpeg_bytes }, _) => match kind {
                ImageKind::Quic => ImageData::Quic(data),
                ImageKind::Lz4 => ImageData::Lz4(data),
                ImageKind::Jpeg => ImageData::Jpeg(data),
                ImageKind::JpegAlpha => ImageData::JpegAlpha { flags: 1, jpeg_size: jpeg_bytes as u32, data },
                _ => ImageData::LzRgb(data),
            },
            (Self::Glz { data, glz_bytes: 0, .. }, _) => ImageData::GlzRgb(data.into()),
            (Self::Glz { data, glz_bytes, .. }, _) => {
                ImageData::ZlibGlzRgb { glz_size: glz_bytes as u32, data: data.into() }
            }
            (Self::Given(data), _) => data,
            (Self::RawPalette | Self::LzPlt(_), None) => unreachable!("found with a palette"),
        }
    }
}
