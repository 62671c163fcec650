//! A client's images: what it decodes, and what it remembers of them.

use super::ViewerError;
use crate::client::profile::Profile;
use crate::qxl::{Bitmap, BitmapFormat, Image, ImageData, Palette};
use crate::wire::{self, ImageKind, PaletteRef};
use bytes::Bytes;
use spice_codecs::glz::GlzWindow;
use spice_codecs::{Codec, DecodeOptions, Decoder, PixelFormat};
use std::collections::HashMap;
use std::sync::Arc;

/// Pixel bytes of the largest image that is taken.
const IMAGE_BYTES: u64 = 256 << 20;

/// Decoders, image cache, palette cache and GLZ window of a client.
#[derive(Debug)]
pub(super) struct Images {
    decoder: Decoder,
    cache: HashMap<u64, Cached>,
    pixels: u64,
    limit: u64,
    palettes: HashMap<u64, Arc<Palette>>,
}

#[derive(Debug)]
struct Cached {
    image: Image,
    lossy: bool,
    pixels: u64,
}

impl Images {
    pub(super) fn new(profile: &Profile) -> Self {
        Self {
            decoder: Decoder::with_window(GlzWindow::new(profile.glz_window.max(1))),
            cache: HashMap::new(),
            pixels: 0,
            limit: profile.image_cache,
            palettes: HashMap::new(),
        }
    }

    pub(super) fn forget(&mut self, id: u64) -> Result<(), ViewerError> {
        let cached = self.cache.remove(&id).ok_or(ViewerError::NotCached { id })?;
        self.pixels -= cached.pixels;
        Ok(())
    }

    pub(super) fn forget_all(&mut self) {
        self.cache.clear();
        self.pixels = 0;
    }

    pub(super) fn forget_palette(&mut self, id: u64) -> Result<(), ViewerError> {
        self.palettes.remove(&id).map(drop).ok_or(ViewerError::NoPalette { id })
    }

    pub(super) fn forget_palettes(&mut self) {
        self.palettes.clear();
    }

    /// The image with its pixels; it enters the caches as its flags say.
    pub(super) fn decode(&mut self, image: wire::Image) -> Result<Image, ViewerError> {
        let wire::Image { id, flags, width, height, data } = image;
        let kind = data.kind();
        let mut stream = |codec, data: &Bytes, options: DecodeOptions, palette: &[u32]| {
            let options = DecodeOptions { size: Some((width, height)), limit: IMAGE_BYTES, ..options };
            let mut native = Vec::new();
            let decoded = self
                .decoder
                .decode(data, codec, &options, &mut native)
                .map_err(|error| ViewerError::Stream { kind, error })?;
            let mut bgrx = Vec::new();
            let (format, bytes) = match decoded.format {
                PixelFormat::A8 => (BitmapFormat::Alpha8, native),
                PixelFormat::Rgba => (BitmapFormat::Rgba, native),
                _ => {
                    decoded.to_bgrx(palette, &native, &mut bgrx);
                    (BitmapFormat::Bit32, bgrx)
                }
            };
            Ok::<_, ViewerError>(Bitmap {
                format,
                flags: if decoded.top_down { Bitmap::TOP_DOWN } else { 0 },
                width,
                height,
                stride: format.bytes_per_row(width) as u32,
                palette: None,
                data: bytes.into(),
                chunks: Vec::new(),
            })
        };
        let none = DecodeOptions::default;
        let bitmap = match data {
            wire::ImageData::Surface(surface) => {
                return Ok(Image { id, flags: 0, width, height, data: ImageData::Surface(surface) });
            }
            wire::ImageData::FromCache | wire::ImageData::FromCacheLossless => {
                let cached = self.cache.get(&id).ok_or(ViewerError::NotCached { id })?;
                if kind == ImageKind::FromCacheLossless && cached.lossy {
                    return Err(ViewerError::NotCached { id });
                }
                return Ok(cached.image.clone());
            }
            wire::ImageData::Bitmap(b) => {
                let palette = self.palette(&b.palette, b.flags)?;
                Bitmap {
                    format: b.format,
                    flags: b.flags & wire::Bitmap::TOP_DOWN,
                    width: b.width,
                    height: b.height,
                    stride: b.stride,
                    palette,
                    data: b.data,
                    chunks: Vec::new(),
                }
            }
            wire::ImageData::LzPlt { flags, palette, data } => {
                // Borrowed anew: the closure above is used once only on every path.
                let known = match &palette {
                    PaletteRef::None => None,
                    PaletteRef::Inline(p) => Some(p.clone()),
                    PaletteRef::Cached(id) => {
                        Some(self.palettes.get(id).cloned().ok_or(ViewerError::NoPalette { id: *id })?)
                    }
                };
                let entries = known.as_ref().map_or(&[][..], |p| &p.entries);
                let bitmap = stream(Codec::Lz, &data, none(), entries)?;
                self.palette(&palette, flags)?;
                bitmap
            }
            wire::ImageData::Quic(data) => stream(Codec::Quic, &data, none(), &[])?,
            wire::ImageData::LzRgb(data) => stream(Codec::Lz, &data, none(), &[])?,
            wire::ImageData::GlzRgb(data) => stream(Codec::Glz, &data, none(), &[])?,
            wire::ImageData::Lz4(data) => stream(Codec::Lz4, &data, none(), &[])?,
            wire::ImageData::Jpeg(data) => stream(Codec::Jpeg, &data, none(), &[])?,
            wire::ImageData::ZlibGlzRgb { glz_size, data } => {
                let options = DecodeOptions { glz_bytes: Some(glz_size as usize), ..none() };
                stream(Codec::ZlibGlz, &data, options, &[])?
            }
            wire::ImageData::JpegAlpha { jpeg_size, data, .. } => {
                let options = DecodeOptions { jpeg_bytes: Some(jpeg_size as usize), ..none() };
                stream(Codec::JpegAlpha, &data, options, &[])?
            }
        };
        let lossy = matches!(kind, ImageKind::Jpeg | ImageKind::JpegAlpha);
        let image = Image {
            id,
            flags: flags & Image::HIGH_BITS_SET,
            width,
            height,
            data: ImageData::Bitmap(bitmap),
        };
        if flags & (wire::Image::CACHE_ME | wire::Image::CACHE_REPLACE_ME) != 0 {
            self.remember(image.clone(), lossy)?;
        }
        Ok(image)
    }

    fn remember(&mut self, image: Image, lossy: bool) -> Result<(), ViewerError> {
        let pixels = u64::from(image.width) * u64::from(image.height);
        if let Some(old) = self.cache.insert(image.id, Cached { image, lossy, pixels }) {
            self.pixels -= old.pixels;
        }
        self.pixels += pixels;
        match self.pixels > self.limit {
            true => Err(ViewerError::CacheFull { pixels: self.pixels, limit: self.limit }),
            false => Ok(()),
        }
    }

    /// The palette that a message means; it enters the cache if `flags` say so.
    fn palette(&mut self, palette: &PaletteRef, flags: u8) -> Result<Option<Arc<Palette>>, ViewerError> {
        Ok(match palette {
            PaletteRef::None => None,
            PaletteRef::Cached(id) => {
                Some(self.palettes.get(id).cloned().ok_or(ViewerError::NoPalette { id: *id })?)
            }
            PaletteRef::Inline(p) => {
                if flags & wire::Bitmap::PAL_CACHE_ME != 0 {
                    self.palettes.insert(p.unique, p.clone());
                }
                Some(p.clone())
            }
        })
    }
}
