//! Images as sources: decoded once, looked at in the format that an operation wants.

use super::{Limits, Refusal};
use crate::qxl::{Bitmap, BitmapData, BitmapFormat, Image, ImageData, Palette, SurfaceFormat};
use bytes::Bytes;
use spice_codecs::PixelFormat;
use spice_codecs::quic::{QuicDecoder, QuicHeader};
use spice_raster::{BitmapPixelFormat, BitmapRef, Surface, SurfaceRef};
use std::sync::{Arc, OnceLock};

/// An image with pixels of its own (not a surface), shared by everyone who draws with it.
#[derive(Debug)]
pub struct Picture {
    flags: u8,
    coded: Coded,
}

#[derive(Debug)]
enum Coded {
    Bitmap(Bitmap),
    /// In a box: commands wait by the thousand, most with a bitmap.
    Quic(Box<Quic>),
}

/// A QUIC stream and what it holds.
#[derive(Debug)]
struct Quic {
    data: Bytes,
    width: u32,
    height: u32,
    limit: u64,
    decoded: OnceLock<Option<Bitmap>>,
}

impl Coded {
    /// A stream of a picture of so many columns and rows; decoded, it may take so many bytes.
    fn quic(data: Bytes, (width, height): (u32, u32), limit: u64) -> Self {
        Self::Quic(Quic { data, width, height, limit, decoded: OnceLock::new() }.into())
    }
}

impl Picture {
    /// The picture of a bitmap or QUIC image; `None` for a surface. A bitmap that cannot be read is refused;
    /// `mask` says that it needs no palette.
    pub fn new(image: &Image, mask: bool, limits: &Limits) -> Result<Option<Self>, Refusal> {
        let (coded, width, height) = match &image.data {
            ImageData::Surface(_) => return Ok(None),
            ImageData::Bitmap(bitmap) => {
                bitmap.check(mask).map_err(Refusal::Bitmap)?;
                (Coded::Bitmap(bitmap.clone()), bitmap.width, bitmap.height)
            }
            ImageData::Quic(data) => {
                let Image { width, height, .. } = *image;
                (Coded::quic(data.clone(), (width, height), limits.image_bytes), width, height)
            }
        };
        // As 32-bit pixels, the most that any use of it allocates.
        if u64::from(width) * u64::from(height) > limits.image_bytes / 4 {
            return Err(Refusal::ImageTooLarge { width, height });
        }
        Ok(Some(Self { flags: image.flags, coded }))
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        match &self.coded {
            Coded::Bitmap(b) => b.width,
            Coded::Quic(quic) => quic.width,
        }
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        match &self.coded {
            Coded::Bitmap(b) => b.height,
            Coded::Quic(quic) => quic.height,
        }
    }

    /// The image's flags.
    pub(crate) fn flags(&self) -> u8 {
        self.flags
    }

    /// What it was made of.
    pub(crate) fn data(&self) -> ImageData {
        match &self.coded {
            Coded::Bitmap(b) => ImageData::Bitmap(b.clone()),
            Coded::Quic(quic) => ImageData::Quic(quic.data.clone()),
        }
    }

    /// Bytes of guest data that it stands for.
    pub fn bytes(&self) -> usize {
        match &self.coded {
            Coded::Bitmap(b) => b.data.len(),
            Coded::Quic(quic) => quic.data.len(),
        }
    }

    /// Those of them that it keeps in memory: none of a bitmap that is left in a recording's file.
    pub fn held_bytes(&self) -> usize {
        match &self.coded {
            Coded::Bitmap(b) => b.data.held(),
            Coded::Quic(quic) => quic.data.len(),
        }
    }

    /// Whether its pixels are raw, so that looking at them costs nothing.
    pub fn is_bitmap(&self) -> bool {
        matches!(self.coded, Coded::Bitmap(_))
    }

    /// The same picture with another palette.
    pub fn with_palette(&self, palette: Arc<Palette>) -> Self {
        let coded = match &self.coded {
            Coded::Bitmap(b) => Coded::Bitmap(Bitmap { palette: Some(palette), ..b.clone() }),
            Coded::Quic(quic) => Coded::quic(quic.data.clone(), (quic.width, quic.height), quic.limit),
        };
        Self { flags: self.flags, coded }
    }

    /// Its palette, if it has one.
    pub fn palette(&self) -> Option<&Arc<Palette>> {
        match &self.coded {
            Coded::Bitmap(b) if b.format.has_palette() => b.palette.as_ref(),
            _ => None,
        }
    }

    /// Its pixels, decoded on first use; `None` if the stream is corrupt.
    pub fn bitmap(&self) -> Option<&Bitmap> {
        match &self.coded {
            Coded::Bitmap(b) => Some(b),
            Coded::Quic(quic) => quic.decoded.get_or_init(|| decode_quic(quic)).as_ref(),
        }
    }

    /// Its pixels, if they need not be decoded any more.
    pub fn bitmap_if_decoded(&self) -> Option<&Bitmap> {
        match &self.coded {
            Coded::Bitmap(b) => Some(b),
            Coded::Quic(quic) => quic.decoded.get()?.as_ref(),
        }
    }

    /// The format in which the picture is a source that keeps its own (alpha blend); palette images have that of
    /// the target. `None` if the stream is corrupt.
    pub fn own_format(&self, target: SurfaceFormat) -> Option<SurfaceFormat> {
        Some(pixel_format(self.bitmap()?.format).own_format(target))
    }

    /// The format of the picture itself when it is drawn on `target`: the target's, but among 32-bit ones the one
    /// that says whether the picture has alpha. `None` if the stream is corrupt.
    pub fn image_format(&self, target: SurfaceFormat) -> Option<SurfaceFormat> {
        Some(pixel_format(self.bitmap()?.format).image_format(target))
    }

    /// The picture as pixels of `format`; `None` if it cannot be decoded or read, or would take more than the limit.
    /// Among 32-bit formats the bits stay as they are, whichever has alpha.
    pub fn view(&self, format: SurfaceFormat, limits: &Limits) -> Option<View<'_>> {
        let image_format = self.image_format(format)?;
        let bitmap = self.bitmap()?;
        let data = Data::of(bitmap)?;
        let high_bits = self.flags & Image::HIGH_BITS_SET != 0 && image_format == SurfaceFormat::X8R8G8B8;
        let pixels = as_ref(bitmap, data.bytes())?;
        if !high_bits && as_is(&pixels, format).is_some() {
            return match data {
                Data::Held(data) => as_is(&as_ref(bitmap, data)?, format).map(View::Borrowed),
                Data::Read(words) => Some(View::Read(ReadBitmap { bitmap, words, format })),
            };
        }
        // The high bits are a matter of the image: they are set whether or not the target's are alpha.
        let made_as = if high_bits { image_format } else { format };
        pixels.to_surface(made_as, high_bits, limits.image_bytes).ok()?.into_format(format).map(View::Owned)
    }

    /// The picture as a mask: a bit for each pixel that is not zero.
    pub fn mask(&self, limits: &Limits) -> Option<View<'_>> {
        let bitmap = self.bitmap()?;
        let data = Data::of(bitmap)?;
        as_ref(bitmap, data.bytes())?.to_mask(limits.image_bytes).ok().map(View::Owned)
    }
}

/// Pixels that an operation reads: somebody else's, or made for it.
#[derive(Debug)]
pub enum View<'a> {
    /// Somebody else's.
    Borrowed(SurfaceRef<'a>),
    /// Made for it.
    Owned(Surface),
    /// Read for it, out of a recording's file.
    Read(ReadBitmap<'a>),
}

/// A bitmap laid out as a surface is, whose bytes were read for one operation.
#[derive(Debug)]
pub struct ReadBitmap<'a> {
    bitmap: &'a Bitmap,
    words: Vec<u32>,
    format: SurfaceFormat,
}

impl View<'_> {
    /// The pixels.
    pub fn get(&self) -> SurfaceRef<'_> {
        match self {
            View::Borrowed(view) => *view,
            View::Owned(surface) => surface.view(),
            View::Read(ReadBitmap { bitmap, words, format }) => as_ref(bitmap, bytemuck::cast_slice(words))
                .and_then(|pixels| as_is(&pixels, *format))
                .expect("it was looked at in the same way when it was read"),
        }
    }
}

fn pixel_format(format: BitmapFormat) -> BitmapPixelFormat {
    match format {
        BitmapFormat::Bit1Le => BitmapPixelFormat::OneBitLe,
        BitmapFormat::Bit1Be => BitmapPixelFormat::OneBitBe,
        BitmapFormat::Bit4Le => BitmapPixelFormat::FourBitLe,
        BitmapFormat::Bit4Be => BitmapPixelFormat::FourBitBe,
        BitmapFormat::Bit8 => BitmapPixelFormat::EightBit,
        BitmapFormat::Bit16 => BitmapPixelFormat::SixteenBit,
        BitmapFormat::Bit24 => BitmapPixelFormat::TwentyFourBit,
        BitmapFormat::Bit32 => BitmapPixelFormat::ThirtyTwoBit,
        BitmapFormat::Rgba => BitmapPixelFormat::Rgba,
        BitmapFormat::Alpha8 => BitmapPixelFormat::EightBitAlpha,
    }
}

/// A bitmap's bytes, at hand.
enum Data<'a> {
    Held(&'a [u8]),
    Read(Vec<u32>),
}

impl<'a> Data<'a> {
    /// `None` if they cannot be read.
    fn of(bitmap: &'a Bitmap) -> Option<Self> {
        match &bitmap.data {
            BitmapData::Held(bytes) => Some(Self::Held(bytes)),
            BitmapData::Stored(stored) => {
                let mut words = vec![0; bitmap.data.len().div_ceil(4)];
                stored.read(0, &mut bytemuck::cast_slice_mut(&mut words)[..bitmap.data.len()]).ok()?;
                Some(Self::Read(words))
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Held(bytes) => bytes,
            Self::Read(words) => bytemuck::cast_slice(words),
        }
    }
}

/// The pixels as those of a surface of `format`, if they lie there as that would have them.
fn as_is<'a>(pixels: &BitmapRef<'a>, format: SurfaceFormat) -> Option<SurfaceRef<'a>> {
    let view = pixels.as_surface_ref()?;
    match view.format() {
        SurfaceFormat::A8R8G8B8 | SurfaceFormat::X8R8G8B8 => view.with_format(format),
        SurfaceFormat::A1 => None,
        own => (own == format).then_some(view),
    }
}

fn as_ref<'a>(bitmap: &'a Bitmap, data: &'a [u8]) -> Option<BitmapRef<'a>> {
    let palette = bitmap.palette.as_ref().map_or(&[][..], |p| &p.entries);
    let (width, height, stride) = (bitmap.width, bitmap.height, bitmap.stride as usize);
    let format = pixel_format(bitmap.format);
    BitmapRef::new(format, width, height, stride, bitmap.top_down(), palette, data).ok()
}

/// A QUIC stream as a bitmap; `None` if it is corrupt or not of the declared size. 16-bit pixels come widened to
/// 32 bits with an x byte of 0, unlike those of a 16-bit bitmap.
fn decode_quic(quic: &Quic) -> Option<Bitmap> {
    let &Quic { ref data, width, height, limit, .. } = quic;
    let header = QuicHeader::parse(data).ok()?;
    if (header.width, header.height) != (width, height) {
        return None;
    }
    let mut pixels = Vec::new();
    QuicDecoder::new().decode(data, limit, &mut pixels).ok()?;
    let (format, pixels) = match header.format {
        PixelFormat::Rgba => (BitmapFormat::Rgba, pixels),
        PixelFormat::Rgb24 => (BitmapFormat::Bit24, pixels),
        PixelFormat::Rgb16 => (BitmapFormat::Bit32, widen(&pixels)),
        PixelFormat::Gray => (BitmapFormat::Bit32, pixels.iter().flat_map(|&v| [v, v, v, 0]).collect()),
        _ => (BitmapFormat::Bit32, pixels),
    };
    Some(Bitmap {
        format,
        flags: Bitmap::TOP_DOWN,
        width,
        height,
        stride: u32::try_from(format.bytes_per_row(width)).ok()?,
        palette: None,
        data: pixels.into(),
        chunks: Vec::new(),
    })
}

/// x1r5g5b5 pixels as B, G, R, 0 bytes.
fn widen(pixels: &[u8]) -> Vec<u8> {
    let channel = |v: u16| (v << 3 | v >> 2) as u8;
    let pixel = |p: &[u8; 2]| {
        let v = u16::from_le_bytes(*p);
        [channel(v & 31), channel(v >> 5 & 31), channel(v >> 10 & 31), 0]
    };
    pixels.as_chunks::<2>().0.iter().flat_map(pixel).collect()
}
