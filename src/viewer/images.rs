//! Images as a client decodes them: streams, palettes, caches, GLZ window. One decoder, and as data what clients differ
//! in: the viewer decodes as its profile's client does, and lets nothing pass that a server must not send it; a session
//! (`session`) decodes everything, and puts up with servers as they are.

use crate::client::profile::{Profile, Quirks, Set};
use crate::qxl::{self, BitmapFormat, Palette};
use crate::wire::{self, ImageData, ImageKind, PaletteRef, ResourceId};
use bytes::Bytes;
use spice_codecs::glz::GlzWindow;
use spice_codecs::{Codec, DecodeError, DecodeOptions, Decoded, Decoder, PixelFormat};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// `SPICE_RES_TYPE_PIXMAP`.
const PIXMAP: u8 = 1;

/// Decodes the images of one display channel, as one client does.
#[derive(Debug)]
pub struct ImageDecoder {
    rules: ImageRules,
    decoder: Decoder,
    images: HashMap<u64, Cached>,
    palettes: HashMap<u64, Arc<Palette>>,
    held: u64,
    limits: ImageLimits,
}

#[derive(Debug)]
struct Cached {
    image: qxl::Image,
    lossy: bool,
}

/// What a client decodes, and how it takes what it should not have been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageRules {
    /// The pixels that it decodes, by the image's kind.
    pub formats: [Set<BitmapFormat>; ImageKind::ALL.len()],
    /// What it does wrong.
    pub quirks: Quirks,
    /// A server that breaks its promises is an error: an image that is cached twice or too much, or that was lossy where
    /// it must not be; sizes and layouts that do not fit each other. Otherwise the image that comes last is the one
    /// kept, what is too much is not, and what cannot be drawn shows when it is drawn.
    pub strict: bool,
    /// Pixels stay in the layout in which they came, as palette indices too: for somebody who draws them later, on
    /// surfaces where an index may mean another thing. Otherwise streams come as 32BIT with x bytes of 0, RGBA or 8BIT_A.
    pub as_they_come: bool,
}

impl From<&Profile> for ImageRules {
    /// Of a profile's client, strictly.
    fn from(profile: &Profile) -> Self {
        let Profile { images: formats, quirks, .. } = *profile;
        Self { formats, quirks, strict: true, as_they_come: false }
    }
}

impl ImageRules {
    /// Of a client that decodes everything, of whatever server.
    pub fn of_any_server() -> Self {
        let formats = [Set::all(); ImageKind::ALL.len()];
        Self { formats, quirks: Quirks::default(), strict: false, as_they_come: true }
    }
}

/// What a client is willing to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageLimits {
    /// Pixels of cached images, as announced; where that is not taken strictly, four bytes for each.
    pub image_cache: u64,
    /// Palettes.
    pub palettes: usize,
    /// Pixels of the GLZ window, as announced.
    pub glz_window: u32,
    /// Bytes of one decoded image.
    pub image_bytes: u64,
}

impl ImageLimits {
    /// What a profile's client announces; images of up to 256 MiB.
    pub fn of_profile(profile: &Profile) -> Self {
        Self {
            image_cache: profile.image_cache,
            palettes: profile.palette_cache as usize,
            glz_window: profile.glz_window,
            image_bytes: 256 << 20,
        }
    }
}

/// Why a client cannot decode an image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageError {
    /// It does not have this type, or not with these pixels.
    Unsupported {
        /// The type.
        kind: ImageKind,
        /// The pixels, where the image says.
        format: Option<BitmapFormat>,
    },
    /// The stream is wrong.
    Stream {
        /// The image's type.
        kind: ImageKind,
        /// What is wrong.
        error: DecodeError,
    },
    /// The stream carries pixels that its image type cannot.
    Layout {
        /// The image's type.
        kind: ImageKind,
        /// The pixels.
        layout: PixelFormat,
    },
    /// The bitmap's size is not the descriptor's.
    Size {
        /// Columns and rows of the descriptor.
        descriptor: (u32, u32),
        /// Columns and rows of the bitmap.
        bitmap: (u32, u32),
    },
    /// The bitmap cannot be read.
    Bitmap(qxl::BitmapError),
    /// No image of this id is in the cache.
    NotCached {
        /// The id.
        id: u64,
    },
    /// The image of this id is in the cache, but only approximately.
    CachedLossy {
        /// The id.
        id: u64,
    },
    /// An image of this id is in the cache already.
    CachedTwice {
        /// The id.
        id: u64,
    },
    /// The cache would hold more pixels than announced.
    CacheFull {
        /// Pixels held with the image.
        pixels: u64,
        /// Pixels announced.
        announced: u64,
    },
    /// No palette of this id is in the cache.
    PaletteNotCached {
        /// The id.
        id: u64,
    },
    /// The palette cache would hold more than it can.
    PalettesFull {
        /// Palettes.
        most: usize,
    },
    /// An indexed image without palette.
    NoPalette,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported { kind, format: Some(format) } => {
                write!(f, "the client decodes no {} image of {} pixels", kind.name(), format.name())
            }
            Self::Unsupported { kind, format: None } => {
                write!(f, "the client decodes no {} image", kind.name())
            }
            Self::Stream { kind, error } => write!(f, "{} image: {error}", kind.name()),
            Self::Layout { kind, layout } => write!(f, "{} image carries {layout:?} pixels", kind.name()),
            Self::Size { descriptor, bitmap } => write!(
                f,
                "bitmap is {}x{} but its image {}x{}",
                bitmap.0, bitmap.1, descriptor.0, descriptor.1
            ),
            Self::Bitmap(e) => e.fmt(f),
            Self::NotCached { id } => write!(f, "image {id:#x} is not in the cache"),
            Self::CachedLossy { id } => write!(f, "image {id:#x} is in the cache but lossy"),
            Self::CachedTwice { id } => write!(f, "image {id:#x} is in the cache already"),
            Self::CacheFull { pixels, announced } => {
                write!(f, "image cache would hold {pixels} pixels, announced were {announced}")
            }
            Self::PaletteNotCached { id } => write!(f, "palette {id:#x} is not in the cache"),
            Self::PalettesFull { most } => write!(f, "palette cache would hold more than {most} palettes"),
            Self::NoPalette => write!(f, "palette image has no palette"),
        }
    }
}

impl std::error::Error for ImageError {}

impl ImageDecoder {
    /// For a client whose memories are as large as `limits` say, all empty.
    pub fn new(rules: impl Into<ImageRules>, limits: ImageLimits) -> Self {
        Self {
            rules: rules.into(),
            decoder: Decoder::with_window(GlzWindow::new(limits.glz_window)),
            images: HashMap::new(),
            palettes: HashMap::new(),
            held: 0,
            limits,
        }
    }

    /// The client decodes other things from now on; what it holds stays.
    pub fn set_profile(&mut self, profile: &Profile) {
        self.rules = profile.into();
    }

    /// The image as an operation sees it: a bitmap (or a surface's id), its palette resolved, no cache flag. What the
    /// client does wrong with it is in its pixels already. After an error nothing is cached.
    pub fn decode(&mut self, image: &wire::Image) -> Result<qxl::Image, ImageError> {
        let kind = image.data.kind();
        if self.rules.formats[kind as usize].is_empty() {
            return Err(ImageError::Unsupported { kind, format: None });
        }
        let bitmap = match &image.data {
            ImageData::FromCache | ImageData::FromCacheLossless => {
                let cached = self.images.get(&image.id).ok_or(ImageError::NotCached { id: image.id })?;
                if kind == ImageKind::FromCacheLossless && cached.lossy && self.rules.strict {
                    return Err(ImageError::CachedLossy { id: image.id });
                }
                let flags = image.flags & qxl::Image::HIGH_BITS_SET | cached.image.flags;
                return Ok(qxl::Image { flags, ..cached.image.clone() });
            }
            ImageData::Surface(id) => {
                let &wire::Image { id: number, width, height, .. } = image;
                let data = qxl::ImageData::Surface(*id);
                return Ok(qxl::Image { id: number, flags: 0, width, height, data });
            }
            ImageData::Bitmap(b) => self.bitmap(image, b)?,
            ImageData::LzPlt { flags, palette, data } => {
                let palette = self.palette(*flags, palette)?;
                if palette.is_none() && self.rules.strict {
                    return Err(ImageError::NoPalette);
                }
                self.stream(image, kind, Codec::Lz, data, |_| {}, palette)?
            }
            ImageData::Quic(d) => self.stream(image, kind, Codec::Quic, d, |_| {}, None)?,
            ImageData::LzRgb(d) => self.stream(image, kind, Codec::Lz, d, |_| {}, None)?,
            ImageData::GlzRgb(d) => self.stream(image, kind, Codec::Glz, d, |_| {}, None)?,
            ImageData::Jpeg(d) => self.stream(image, kind, Codec::Jpeg, d, |_| {}, None)?,
            ImageData::Lz4(d) => self.stream(image, kind, Codec::Lz4, d, |_| {}, None)?,
            ImageData::ZlibGlzRgb { glz_size, data } => {
                let declare = |o: &mut DecodeOptions| o.glz_bytes = Some(*glz_size as usize);
                self.stream(image, kind, Codec::ZlibGlz, data, declare, None)?
            }
            ImageData::JpegAlpha { jpeg_size, data, .. } => {
                let declare = |o: &mut DecodeOptions| o.jpeg_bytes = Some(*jpeg_size as usize);
                self.stream(image, kind, Codec::JpegAlpha, data, declare, None)?
            }
        };
        let decoded = qxl::Image {
            id: image.id,
            flags: image.flags & qxl::Image::HIGH_BITS_SET,
            width: image.width,
            height: image.height,
            data: qxl::ImageData::Bitmap(bitmap),
        };
        if image.flags & (wire::Image::CACHE_ME | wire::Image::CACHE_REPLACE_ME) != 0 {
            self.keep(image, &decoded)?;
        }
        Ok(decoded)
    }

    fn keep(&mut self, image: &wire::Image, decoded: &qxl::Image) -> Result<(), ImageError> {
        let id = image.id;
        let (strict, announced) = (self.rules.strict, self.limits.image_cache);
        let lossy = matches!(image.data.kind(), ImageKind::Jpeg | ImageKind::JpegAlpha);
        let replaced = self.images.get(&id).map(|c| self.cost(&c.image));
        if replaced.is_some() && image.flags & wire::Image::CACHE_REPLACE_ME == 0 && strict {
            return Err(ImageError::CachedTwice { id });
        }
        let held = self.held - replaced.unwrap_or(0) + self.cost(decoded);
        if held > announced {
            if strict {
                return Err(ImageError::CacheFull { pixels: held, announced });
            }
            // The server will miss it later, if at all.
            self.remove(id);
            return Ok(());
        }
        self.held = held;
        self.images.insert(id, Cached { image: decoded.clone(), lossy });
        Ok(())
    }

    /// Pixels that an image counts for in the cache. Whoever is not strict counts memory: rows may be much longer.
    fn cost(&self, image: &qxl::Image) -> u64 {
        match &image.data {
            qxl::ImageData::Bitmap(b) if !self.rules.strict => b.data.len().div_ceil(4) as u64,
            _ => u64::from(image.width) * u64::from(image.height),
        }
    }

    fn remove(&mut self, id: u64) {
        if let Some(gone) = self.images.remove(&id) {
            self.held -= self.cost(&gone.image);
        }
    }

    fn bitmap(&mut self, image: &wire::Image, b: &wire::Bitmap) -> Result<qxl::Bitmap, ImageError> {
        if !self.rules.formats[ImageKind::Bitmap as usize].contains(b.format) {
            return Err(ImageError::Unsupported { kind: ImageKind::Bitmap, format: Some(b.format) });
        }
        let (descriptor, bitmap) = ((image.width, image.height), (b.width, b.height));
        if descriptor != bitmap && self.rules.strict {
            return Err(ImageError::Size { descriptor, bitmap });
        }
        let palette = if b.format.has_palette() { self.palette(b.flags, &b.palette)? } else { None };
        let bitmap = qxl::Bitmap {
            format: b.format,
            flags: b.flags & qxl::Bitmap::TOP_DOWN,
            width: b.width,
            height: b.height,
            stride: b.stride,
            palette,
            data: b.data.clone().into(),
            chunks: Vec::new(),
        };
        if self.rules.strict {
            // A mask has no palette; who needs one will say so.
            bitmap.check(true).map_err(ImageError::Bitmap)?;
        }
        Ok(bitmap)
    }

    fn palette(&mut self, flags: u8, palette: &PaletteRef) -> Result<Option<Arc<Palette>>, ImageError> {
        match palette {
            PaletteRef::None => Ok(None),
            PaletteRef::Cached(id) => {
                self.palettes.get(id).cloned().map(Some).ok_or(ImageError::PaletteNotCached { id: *id })
            }
            PaletteRef::Inline(p) => {
                // Its number has served its purpose here: whoever draws must not look for it again.
                let plain = Arc::new(Palette { unique: 0, entries: p.entries.clone() });
                let known = self.rules.strict && self.palettes.contains_key(&p.unique);
                if flags & wire::Bitmap::PAL_CACHE_ME != 0 && !known {
                    if self.palettes.len() >= self.limits.palettes {
                        return Err(ImageError::PalettesFull { most: self.limits.palettes });
                    }
                    self.palettes.insert(p.unique, plain.clone());
                }
                Ok(Some(plain))
            }
        }
    }

    fn stream(
        &mut self,
        image: &wire::Image,
        kind: ImageKind,
        codec: Codec,
        data: &Bytes,
        declare: impl FnOnce(&mut DecodeOptions),
        palette: Option<Arc<Palette>>,
    ) -> Result<qxl::Bitmap, ImageError> {
        let &wire::Image { width, height, .. } = image;
        let mut options = DecodeOptions {
            size: Some((width, height)),
            limit: self.limits.image_bytes,
            ..DecodeOptions::default()
        };
        declare(&mut options);
        let ImageRules { formats, quirks, strict, as_they_come } = self.rules;
        let formats = formats[kind as usize];
        if let Some(format) = announced(codec, data).filter(|f| !formats.contains(*f)) {
            return Err(ImageError::Unsupported { kind, format: Some(format) });
        }
        let mut native = Vec::new();
        let decoded = self.decoder.decode(data, codec, &options, &mut native);
        let mut decoded = decoded.map_err(|error| ImageError::Stream { kind, error })?;
        decoded.top_down |= codec == Codec::Lz && quirks.lz_top_down_only;
        let layout = decoded.format;
        let own = own_format(layout);
        let indexed = own.is_some_and(BitmapFormat::has_palette);
        if indexed != (kind == ImageKind::LzPlt) && strict {
            return Err(ImageError::Layout { kind, layout });
        }
        let as_it_is = match layout {
            PixelFormat::A8 | PixelFormat::Rgba | PixelFormat::Rgb32 => true,
            // LZ4 carries bitmaps as they are, all bits of them.
            PixelFormat::Rgb16 => codec == Codec::Lz4,
            _ => as_they_come,
        };
        let (format, mut pixels) = match own {
            Some(own) if as_it_is => (own, native),
            _ => {
                let mut wide = Vec::new();
                decoded.to_bgrx(palette.as_ref().map_or(&[], |p| &p.entries), &native, &mut wide);
                (BitmapFormat::Bit32, wide)
            }
        };
        let format = if codec == Codec::JpegAlpha && quirks.jpeg_alpha_opaque {
            pixels.as_chunks_mut::<4>().0.iter_mut().for_each(|px| px[3] = 0);
            BitmapFormat::Bit32
        } else {
            format
        };
        Ok(qxl::Bitmap {
            format,
            flags: if decoded.top_down { qxl::Bitmap::TOP_DOWN } else { 0 },
            width,
            height,
            stride: format.bytes_per_row(width) as u32,
            palette: palette.filter(|_| format.has_palette()),
            data: pixels.into(),
            chunks: Vec::new(),
        })
    }

    /// A frame of motion JPEG, as rows of B, G, R, 0 bytes.
    pub fn jpeg_frame(&mut self, data: &[u8], top_down: bool) -> Result<qxl::Image, ImageError> {
        let options = DecodeOptions { limit: self.limits.image_bytes, ..DecodeOptions::default() };
        let mut bytes = Vec::new();
        let Decoded { width, height, .. } = self
            .decoder
            .decode(data, Codec::Jpeg, &options, &mut bytes)
            .map_err(|error| ImageError::Stream { kind: ImageKind::Jpeg, error })?;
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

    /// INVAL_LIST: these images leave the cache. Ids that are not held do not matter, nor other resources.
    pub fn forget(&mut self, list: &[ResourceId]) {
        list.iter().filter(|resource| resource.resource_type == PIXMAP).for_each(|r| self.remove(r.id));
    }

    /// INVAL_ALL_PIXMAPS: all images leave the cache.
    pub fn forget_all(&mut self) {
        self.images.clear();
        self.held = 0;
    }

    /// INVAL_PALETTE: a palette leaves the cache.
    pub fn forget_palette(&mut self, id: u64) {
        self.palettes.remove(&id);
    }

    /// INVAL_ALL_PALETTES: all palettes leave the cache.
    pub fn forget_palettes(&mut self) {
        self.palettes.clear();
    }

    /// RESET, or a new connection: caches and GLZ window are empty.
    pub fn reset(&mut self) {
        self.forget_all();
        self.forget_palettes();
        self.decoder.window().reset();
    }

    /// Ids of the images held, ascending.
    pub fn image_ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.images.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Ids of the palettes held, ascending.
    pub fn palette_ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.palettes.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Pixels of the images held.
    pub fn cached_pixels(&self) -> u64 {
        self.held
    }
}

/// The bitmap format of pixels as a stream carries them, if there is one.
fn own_format(layout: PixelFormat) -> Option<BitmapFormat> {
    Some(match layout {
        PixelFormat::Rgb32 => BitmapFormat::Bit32,
        PixelFormat::Rgba => BitmapFormat::Rgba,
        PixelFormat::Rgb24 => BitmapFormat::Bit24,
        PixelFormat::Rgb16 => BitmapFormat::Bit16,
        PixelFormat::A8 => BitmapFormat::Alpha8,
        PixelFormat::Plt1Le => BitmapFormat::Bit1Le,
        PixelFormat::Plt1Be => BitmapFormat::Bit1Be,
        PixelFormat::Plt4Le => BitmapFormat::Bit4Le,
        PixelFormat::Plt4Be => BitmapFormat::Bit4Be,
        PixelFormat::Plt8 => BitmapFormat::Bit8,
        _ => return None,
    })
}

/// The pixel format that a stream's first bytes name, where the client's list of formats speaks of it.
fn announced(codec: Codec, data: &[u8]) -> Option<BitmapFormat> {
    let number = match codec {
        Codec::Quic => match u32::from_le_bytes(*data.get(8..)?.first_chunk()?) {
            2 => 6,
            3 => 7,
            4 => 8,
            5 => 9,
            _ => return None,
        },
        Codec::Lz => match u32::from_be_bytes(*data.get(8..)?.first_chunk()?) {
            11 => 10,
            10 => 9,
            n => n,
        },
        Codec::Glz => u32::from(data.get(8)? & 15),
        Codec::Lz4 => u32::from(*data.get(1)?),
        _ => return None,
    };
    BitmapFormat::from_number(number)
}
