//! Images of the display channel as the bitmaps that a client draws with.

use super::TranslateError;
use crate::qxl::{self, BitmapFormat, Palette, SurfaceId};
use crate::wire::{Bitmap, Image, ImageData, PaletteRef};
use bytes::Bytes;
use spice_codecs::glz::GlzWindow;
use spice_codecs::{Codec, DecodeOptions, Decoded, Decoder, PixelFormat};
use std::collections::HashMap;
use std::sync::Arc;

/// Decodes images, and remembers what the server says is to be remembered.
#[derive(Debug)]
pub(super) struct Images {
    decoder: Decoder,
    native: Vec<u8>,
    kept: HashMap<u64, qxl::Image>,
    kept_bytes: usize,
    palettes: HashMap<u64, Arc<Palette>>,
    image_bytes: u64,
    cache_bytes: usize,
}

/// Palettes kept: servers count on 128.
const PALETTES: usize = 1024;

impl Images {
    /// `image_bytes` for one decoded image, `cache_bytes` for all that are kept, `window` pixels of GLZ images.
    pub(super) fn new(image_bytes: u64, cache_bytes: usize, window: u32) -> Self {
        Self {
            decoder: Decoder::with_window(GlzWindow::new(window)),
            native: Vec::new(),
            kept: HashMap::new(),
            kept_bytes: 0,
            palettes: HashMap::new(),
            image_bytes,
            cache_bytes,
        }
    }

    /// An image leaves the cache.
    pub(super) fn forget(&mut self, id: u64) {
        if let Some(image) = self.kept.remove(&id) {
            self.kept_bytes -= bytes_of(&image);
        }
    }

    /// All images leave the cache.
    pub(super) fn forget_all(&mut self) {
        self.kept.clear();
        self.kept_bytes = 0;
    }

    /// A palette leaves the cache.
    pub(super) fn forget_palette(&mut self, id: u64) {
        self.palettes.remove(&id);
    }

    /// All palettes leave the cache.
    pub(super) fn forget_palettes(&mut self) {
        self.palettes.clear();
    }

    /// The picture of an image: its pixels, or those that it stands for.
    pub(super) fn image(&mut self, image: &Image) -> Result<qxl::Image, TranslateError> {
        let id = image.id;
        let (format, data, top_down, palette) = match &image.data {
            ImageData::FromCache | ImageData::FromCacheLossless => {
                let known = self.kept.get(&id).ok_or(TranslateError::NotCached { id })?;
                return Ok(qxl::Image {
                    flags: image.flags & Image::HIGH_BITS_SET | known.flags,
                    ..known.clone()
                });
            }
            ImageData::Surface(surface) => return Ok(of_surface(image, *surface)),
            ImageData::Bitmap(b) => {
                let palette = self.palette(&b.palette, b.flags)?;
                let top_down = b.flags & Bitmap::TOP_DOWN;
                let bitmap = qxl::Bitmap {
                    format: b.format,
                    flags: top_down,
                    width: b.width,
                    height: b.height,
                    stride: b.stride,
                    palette,
                    data: b.data.clone().into(),
                    chunks: Vec::new(),
                };
                return Ok(self.keep(image, bitmap));
            }
            ImageData::Quic(data) => self.decode(image, Codec::Quic, data, None, None)?,
            ImageData::LzRgb(data) => self.decode(image, Codec::Lz, data, None, None)?,
            ImageData::LzPlt { flags, palette, data } => {
                let palette = self.palette(palette, *flags)?;
                self.decode(image, Codec::Lz, data, palette, None)?
            }
            ImageData::GlzRgb(data) => self.decode(image, Codec::Glz, data, None, None)?,
            ImageData::ZlibGlzRgb { glz_size, data } => {
                self.decode(image, Codec::ZlibGlz, data, None, Some(*glz_size))?
            }
            ImageData::Jpeg(data) => self.decode(image, Codec::Jpeg, data, None, None)?,
            ImageData::JpegAlpha { jpeg_size, data, .. } => {
                self.decode(image, Codec::JpegAlpha, data, None, Some(*jpeg_size))?
            }
            ImageData::Lz4(data) => self.decode(image, Codec::Lz4, data, None, None)?,
        };
        let (width, height) = (image.width, image.height);
        let flags = if top_down { qxl::Bitmap::TOP_DOWN } else { 0 };
        let stride = u32::try_from(format.bytes_per_row(width))
            .map_err(|_| TranslateError::TooLarge { width, height })?;
        let bitmap = qxl::Bitmap {
            format,
            flags,
            width,
            height,
            stride,
            palette,
            data: data.into(),
            chunks: Vec::new(),
        };
        Ok(self.keep(image, bitmap))
    }

    /// A frame of motion JPEG, as rows of B, G, R, 0 bytes.
    pub(super) fn jpeg_frame(&mut self, data: &[u8], top_down: bool) -> Result<qxl::Image, TranslateError> {
        let options = DecodeOptions { limit: self.image_bytes, ..DecodeOptions::default() };
        let mut bytes = Vec::new();
        let Decoded { width, height, .. } =
            self.decoder.decode(data, Codec::Jpeg, &options, &mut bytes).map_err(TranslateError::Image)?;
        let bitmap = qxl::Bitmap {
            format: BitmapFormat::Bit32,
            flags: if top_down { qxl::Bitmap::TOP_DOWN } else { 0 },
            width,
            height,
            stride: width * 4,
            palette: None,
            data: bytes.into(),
            chunks: Vec::new(),
        };
        Ok(qxl::Image { id: 0, flags: 0, width, height, data: qxl::ImageData::Bitmap(bitmap) })
    }

    #[allow(clippy::type_complexity, reason = "four parts of a bitmap")]
    fn decode(
        &mut self,
        image: &Image,
        codec: Codec,
        data: &Bytes,
        palette: Option<Arc<Palette>>,
        declared: Option<u32>,
    ) -> Result<(BitmapFormat, Vec<u8>, bool, Option<Arc<Palette>>), TranslateError> {
        let declared = declared.map(|n| n as usize);
        // GLZ is the one whose size a client does not compare; a stream of another size must not be taken for ours.
        let options = DecodeOptions {
            size: Some((image.width, image.height)),
            limit: self.image_bytes,
            jpeg_bytes: declared,
            glz_bytes: declared,
        };
        let mut native = std::mem::take(&mut self.native);
        let decoded = self.decoder.decode(data, codec, &options, &mut native).map_err(TranslateError::Image);
        let result = decoded.map(|decoded| {
            let Decoded { format, top_down, .. } = decoded;
            // Palette indices stay: what an entry means is the target's business (on 16-bit surfaces it is a pixel).
            let mut indices = |format| (format, std::mem::take(&mut native), palette.clone());
            let (format, bytes, palette) = match format {
                PixelFormat::Rgb32 => (BitmapFormat::Bit32, std::mem::take(&mut native), None),
                PixelFormat::Rgba => (BitmapFormat::Rgba, std::mem::take(&mut native), None),
                PixelFormat::Rgb24 => (BitmapFormat::Bit24, std::mem::take(&mut native), None),
                PixelFormat::A8 => (BitmapFormat::Alpha8, std::mem::take(&mut native), None),
                PixelFormat::Plt1Le => indices(BitmapFormat::Bit1Le),
                PixelFormat::Plt1Be => indices(BitmapFormat::Bit1Be),
                PixelFormat::Plt4Le => indices(BitmapFormat::Bit4Le),
                PixelFormat::Plt4Be => indices(BitmapFormat::Bit4Be),
                PixelFormat::Plt8 => indices(BitmapFormat::Bit8),
                _ => {
                    let mut wide = Vec::new();
                    decoded.to_bgrx(&[], &native, &mut wide);
                    (BitmapFormat::Bit32, wide, None)
                }
            };
            (format, bytes, top_down, palette)
        });
        self.native = native;
        result
    }

    fn palette(&mut self, palette: &PaletteRef, flags: u8) -> Result<Option<Arc<Palette>>, TranslateError> {
        match palette {
            PaletteRef::None => Ok(None),
            PaletteRef::Cached(id) => {
                self.palettes.get(id).cloned().map(Some).ok_or(TranslateError::NoPalette { id: *id })
            }
            PaletteRef::Inline(p) => {
                // Its number has served its purpose here: whoever draws must not look for it again.
                let plain = Arc::new(Palette { unique: 0, entries: p.entries.clone() });
                if flags & Bitmap::PAL_CACHE_ME != 0 {
                    if self.palettes.len() >= PALETTES {
                        return Err(TranslateError::CacheFull);
                    }
                    self.palettes.insert(p.unique, plain.clone());
                }
                Ok(Some(plain))
            }
        }
    }

    fn keep(&mut self, image: &Image, bitmap: qxl::Bitmap) -> qxl::Image {
        let made = qxl::Image {
            id: image.id,
            flags: image.flags & Image::HIGH_BITS_SET,
            width: image.width,
            height: image.height,
            data: qxl::ImageData::Bitmap(bitmap),
        };
        if image.flags & (Image::CACHE_ME | Image::CACHE_REPLACE_ME) != 0 {
            self.forget(image.id);
            // A server keeps within what DISPLAY_INIT says; one that does not will miss its image later.
            let bytes = bytes_of(&made);
            if self.kept_bytes + bytes <= self.cache_bytes {
                self.kept_bytes += bytes;
                self.kept.insert(image.id, made.clone());
            }
        }
        made
    }
}

fn bytes_of(image: &qxl::Image) -> usize {
    match &image.data {
        qxl::ImageData::Bitmap(b) => b.data.len(),
        _ => 0,
    }
}

fn of_surface(image: &Image, surface: SurfaceId) -> qxl::Image {
    let data = qxl::ImageData::Surface(surface);
    qxl::Image { id: image.id, flags: 0, width: image.width, height: image.height, data }
}
