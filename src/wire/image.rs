//! Images as the display channel carries them.

use super::error::{DecodeError, DecodeReason, EncodeError, EncodeReason};
use super::reader::Reader;
use super::sink::{Sink, Writer};
use crate::qxl::{BitmapFormat, Palette, SurfaceId};
use bytes::Bytes;
use std::sync::Arc;

/// `SpiceImage`: a descriptor, and pixels in one of twelve forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The id under which the client caches it.
    pub id: u64,
    /// [`Image::CACHE_ME`], [`Image::HIGH_BITS_SET`], [`Image::CACHE_REPLACE_ME`].
    pub flags: u8,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The pixels.
    pub data: ImageData,
}

impl Image {
    /// The client keeps it under its id.
    pub const CACHE_ME: u8 = 1;
    /// The x byte of 32-bit pixels reads as 0xff.
    pub const HIGH_BITS_SET: u8 = 2;
    /// It takes the place of the lossy image that the client has under its id.
    pub const CACHE_REPLACE_ME: u8 = 4;

    /// Bytes that it takes on the wire, its palette included.
    pub fn wire_len(&self) -> usize {
        let palette = |p: &PaletteRef| match p {
            PaletteRef::None => 4,
            PaletteRef::Inline(p) => 4 + 8 + 2 + 4 * p.entries.len(),
            PaletteRef::Cached(_) => 8,
        };
        18 + match &self.data {
            ImageData::Bitmap(b) => 14 + palette(&b.palette) + b.data.len(),
            ImageData::LzPlt { palette: p, data, .. } => 5 + palette(p) + data.len(),
            ImageData::Quic(d)
            | ImageData::LzRgb(d)
            | ImageData::GlzRgb(d)
            | ImageData::Jpeg(d)
            | ImageData::Lz4(d) => 4 + d.len(),
            ImageData::ZlibGlzRgb { data, .. } => 8 + data.len(),
            ImageData::JpegAlpha { data, .. } => 9 + data.len(),
            ImageData::Surface(_) => 4,
            ImageData::FromCache | ImageData::FromCacheLossless => 0,
        }
    }
}

/// An image's pixels. The streams are `spice_codecs`' formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageData {
    /// Raw pixels.
    Bitmap(Bitmap),
    /// A QUIC stream.
    Quic(Bytes),
    /// An LZ stream of palette indices.
    LzPlt {
        /// [`Bitmap::PAL_CACHE_ME`], [`Bitmap::TOP_DOWN`].
        flags: u8,
        /// The palette; must not be `None`.
        palette: PaletteRef,
        /// The stream.
        data: Bytes,
    },
    /// An LZ stream.
    LzRgb(Bytes),
    /// An LZ stream that refers to earlier images.
    GlzRgb(Bytes),
    /// The image that the client has under this id.
    FromCache,
    /// The pixels of a surface at the moment of drawing.
    Surface(SurfaceId),
    /// A JPEG file.
    Jpeg(Bytes),
    /// As `FromCache`, and the client's image is known to be exact.
    FromCacheLossless,
    /// A GLZ stream, deflated.
    ZlibGlzRgb {
        /// Bytes of the GLZ stream.
        glz_size: u32,
        /// The zlib stream.
        data: Bytes,
    },
    /// A JPEG file and an LZ stream of alpha.
    JpegAlpha {
        /// Bit 0: the top row of the alpha comes first.
        flags: u8,
        /// Bytes of the JPEG file.
        jpeg_size: u32,
        /// The JPEG file, then the LZ stream.
        data: Bytes,
    },
    /// LZ4 blocks of raw rows.
    Lz4(Bytes),
}

impl ImageData {
    /// Which of the forms it is.
    pub const fn kind(&self) -> ImageKind {
        match self {
            Self::Bitmap(_) => ImageKind::Bitmap,
            Self::Quic(_) => ImageKind::Quic,
            Self::LzPlt { .. } => ImageKind::LzPlt,
            Self::LzRgb(_) => ImageKind::LzRgb,
            Self::GlzRgb(_) => ImageKind::GlzRgb,
            Self::FromCache => ImageKind::FromCache,
            Self::Surface(_) => ImageKind::Surface,
            Self::Jpeg(_) => ImageKind::Jpeg,
            Self::FromCacheLossless => ImageKind::FromCacheLossless,
            Self::ZlibGlzRgb { .. } => ImageKind::ZlibGlzRgb,
            Self::JpegAlpha { .. } => ImageKind::JpegAlpha,
            Self::Lz4(_) => ImageKind::Lz4,
        }
    }
}

/// `SPICE_IMAGE_TYPE_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "named as in ImageData")]
pub enum ImageKind {
    Bitmap,
    Quic,
    LzPlt,
    LzRgb,
    GlzRgb,
    FromCache,
    Surface,
    Jpeg,
    FromCacheLossless,
    ZlibGlzRgb,
    JpegAlpha,
    Lz4,
}

/// Kind, protocol number, protocol name.
const KINDS: [(ImageKind, u8, &str); 12] = [
    (ImageKind::Bitmap, 0, "BITMAP"),
    (ImageKind::Quic, 1, "QUIC"),
    (ImageKind::LzPlt, 100, "LZ_PLT"),
    (ImageKind::LzRgb, 101, "LZ_RGB"),
    (ImageKind::GlzRgb, 102, "GLZ_RGB"),
    (ImageKind::FromCache, 103, "FROM_CACHE"),
    (ImageKind::Surface, 104, "SURFACE"),
    (ImageKind::Jpeg, 105, "JPEG"),
    (ImageKind::FromCacheLossless, 106, "FROM_CACHE_LOSSLESS"),
    (ImageKind::ZlibGlzRgb, 107, "ZLIB_GLZ_RGB"),
    (ImageKind::JpegAlpha, 108, "JPEG_ALPHA"),
    (ImageKind::Lz4, 109, "LZ4"),
];

impl ImageKind {
    /// Every kind, in the order of its protocol number.
    pub const ALL: [Self; 12] = {
        let mut all = [Self::Bitmap; 12];
        let mut i = 0;
        while i < 12 {
            all[i] = KINDS[i].0;
            i += 1;
        }
        all
    };

    /// The protocol's number.
    pub const fn number(self) -> u8 {
        KINDS[self as usize].1
    }

    /// The protocol's name, as in `LZ_PLT`.
    pub const fn name(self) -> &'static str {
        KINDS[self as usize].2
    }

    /// The kind of a protocol number.
    pub fn from_number(number: u8) -> Option<Self> {
        KINDS.iter().find(|k| k.1 == number).map(|k| k.0)
    }

    /// The first minor version of protocol 2 whose clients know it. (LZ4 asks for a capability besides.)
    pub const fn since_minor(self) -> u32 {
        match self {
            Self::Jpeg | Self::JpegAlpha | Self::ZlibGlzRgb => 1,
            _ => 0,
        }
    }
}

/// Where a palette comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaletteRef {
    /// There is none.
    None,
    /// It is in the message.
    Inline(Arc<Palette>),
    /// The client has it under this id.
    Cached(u64),
}

/// `SpiceBitmap`: raw pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    /// The pixel format.
    pub format: BitmapFormat,
    /// [`Bitmap::PAL_CACHE_ME`], [`Bitmap::TOP_DOWN`]; [`Bitmap::PAL_FROM_CACHE`] is the palette's business.
    pub flags: u8,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from one row to the next.
    pub stride: u32,
    /// The palette.
    pub palette: PaletteRef,
    /// `stride * height` bytes.
    pub data: Bytes,
}

impl Bitmap {
    /// The client keeps the palette under its id.
    pub const PAL_CACHE_ME: u8 = 1;
    /// On the wire: an id stands for the palette. Not in `flags`: [`PaletteRef::Cached`] says it.
    pub const PAL_FROM_CACHE: u8 = 2;
    /// The first row in memory is the top row.
    pub const TOP_DOWN: u8 = 4;
}

/// An inline palette that is still to be written, and the place of the pointer to it.
pub(super) type PendingPalette<'a> = Option<(usize, &'a Palette)>;

fn put_palette<'a, S: Sink>(w: &mut Writer<'_, S>, palette: &'a PaletteRef) -> PendingPalette<'a> {
    match palette {
        PaletteRef::None => {
            w.u32(0);
            None
        }
        PaletteRef::Inline(p) => Some((w.pointer(), p)),
        PaletteRef::Cached(id) => {
            w.u64(*id);
            None
        }
    }
}

/// The flags byte: the one bit that the palette decides is taken from there.
fn palette_flags(flags: u8, palette: &PaletteRef) -> u8 {
    let cached = if matches!(palette, PaletteRef::Cached(_)) { Bitmap::PAL_FROM_CACHE } else { 0 };
    flags & !Bitmap::PAL_FROM_CACHE | cached
}

/// Writes an image but for its inline palette, which comes back.
pub(super) fn put_image<'a, S: Sink>(
    w: &mut Writer<'_, S>,
    image: &'a Image,
) -> Result<PendingPalette<'a>, EncodeError> {
    w.u64(image.id);
    w.u8(image.data.kind().number());
    w.u8(image.flags);
    w.u32(image.width);
    w.u32(image.height);
    match &image.data {
        ImageData::Bitmap(b) => {
            let needed = u64::from(b.stride) * u64::from(b.height);
            if b.data.len() as u64 != needed {
                return Err(w.error("bitmap.data", EncodeReason::Size { len: b.data.len(), needed }));
            }
            w.u8(b.format as u8);
            w.u8(palette_flags(b.flags, &b.palette));
            w.u32(b.width);
            w.u32(b.height);
            w.u32(b.stride);
            let pending = put_palette(w, &b.palette);
            w.sink.put_payload(&b.data);
            return Ok(pending);
        }
        ImageData::LzPlt { flags, palette, data } => {
            if matches!(palette, PaletteRef::None) {
                return Err(w.error("lz_plt.palette", EncodeReason::Missing));
            }
            w.u8(palette_flags(*flags, palette));
            let size = w.count("lz_plt.data", data.len(), u32::MAX as usize)?;
            w.u32(size);
            let pending = put_palette(w, palette);
            w.sink.put_payload(data);
            return Ok(pending);
        }
        ImageData::Quic(data) => w.sized("quic.data", data)?,
        ImageData::LzRgb(data) => w.sized("lz_rgb.data", data)?,
        ImageData::GlzRgb(data) => w.sized("glz_rgb.data", data)?,
        ImageData::Jpeg(data) => w.sized("jpeg.data", data)?,
        ImageData::Lz4(data) => w.sized("lz4.data", data)?,
        ImageData::ZlibGlzRgb { glz_size, data } => {
            w.u32(*glz_size);
            w.sized("zlib_glz.data", data)?;
        }
        ImageData::JpegAlpha { flags, jpeg_size, data } => {
            w.u8(*flags);
            w.u32(*jpeg_size);
            w.sized("jpeg_alpha.data", data)?;
        }
        ImageData::Surface(id) => w.u32(*id),
        ImageData::FromCache | ImageData::FromCacheLossless => {}
    }
    Ok(None)
}

pub(super) fn put_palette_entries<S: Sink>(
    w: &mut Writer<'_, S>,
    palette: &Palette,
) -> Result<(), EncodeError> {
    let n: u16 = w.count("palette.ents", palette.entries.len(), u16::MAX.into())?;
    w.u64(palette.unique);
    w.u16(n);
    for entry in &palette.entries {
        w.u32(*entry);
    }
    Ok(())
}

fn take_palette(r: &mut Reader<'_>, flags: u8, nonnull: bool) -> Result<PaletteRef, DecodeError> {
    if flags & Bitmap::PAL_FROM_CACHE != 0 {
        return r.u64("palette_id").map(PaletteRef::Cached);
    }
    let at = if nonnull { Some(r.some_pointer("palette")?) } else { r.pointer("palette")? };
    let Some(mut p) = at else { return Ok(PaletteRef::None) };
    let unique = p.u64("palette.unique")?;
    let n = p.u16("palette.num_ents")?;
    let entries = p.many("palette.ents", n.into(), 4, |p| p.u32("palette.ents"))?;
    Ok(PaletteRef::Inline(Arc::new(Palette { unique, entries })))
}

pub(super) fn take_image(r: &mut Reader<'_>) -> Result<Image, DecodeError> {
    let id = r.u64("id")?;
    let number = r.u8("type")?;
    let kind = ImageKind::from_number(number)
        .ok_or_else(|| r.error("type", 1, DecodeReason::Value(number.into())))?;
    let flags = r.u8("flags")?;
    let width = r.u32("width")?;
    let height = r.u32("height")?;
    let data = match kind {
        ImageKind::Bitmap => {
            let number = r.u8("format")?;
            let format = BitmapFormat::from_number(number.into())
                .ok_or_else(|| r.error("format", 1, DecodeReason::Value(number.into())))?;
            let flags = r.u8("bitmap.flags")?;
            let width = r.u32("x")?;
            let height = r.u32("y")?;
            let stride = r.u32("stride")?;
            let palette = take_palette(r, flags, false)?;
            let data = r.bytes("data", u64::from(stride) * u64::from(height))?;
            let flags = flags & !Bitmap::PAL_FROM_CACHE;
            ImageData::Bitmap(Bitmap { format, flags, width, height, stride, palette, data })
        }
        ImageKind::LzPlt => {
            let flags = r.u8("lz_plt.flags")?;
            let size = r.u32("data_size")?;
            let palette = take_palette(r, flags, true)?;
            let data = r.bytes("data", size.into())?;
            ImageData::LzPlt { flags: flags & !Bitmap::PAL_FROM_CACHE, palette, data }
        }
        ImageKind::Quic => ImageData::Quic(r.sized("data")?),
        ImageKind::LzRgb => ImageData::LzRgb(r.sized("data")?),
        ImageKind::GlzRgb => ImageData::GlzRgb(r.sized("data")?),
        ImageKind::Jpeg => ImageData::Jpeg(r.sized("data")?),
        ImageKind::Lz4 => ImageData::Lz4(r.sized("data")?),
        ImageKind::ZlibGlzRgb => {
            ImageData::ZlibGlzRgb { glz_size: r.u32("glz_data_size")?, data: r.sized("data")? }
        }
        ImageKind::JpegAlpha => ImageData::JpegAlpha {
            flags: r.u8("jpeg_alpha.flags")?,
            jpeg_size: r.u32("jpeg_size")?,
            data: r.sized("data")?,
        },
        ImageKind::Surface => ImageData::Surface(r.u32("surface_id")?),
        ImageKind::FromCache => ImageData::FromCache,
        ImageKind::FromCacheLossless => ImageData::FromCacheLossless,
    };
    Ok(Image { id, flags, width, height, data })
}
