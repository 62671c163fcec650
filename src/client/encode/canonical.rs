//! Pixels in the form in which they are hashed and encoded: packed rows, top row first, nothing in them that the
//! client does not need.

use super::hash::{ContentHash, content_hash};
use crate::qxl::{BitmapFormat, Rect, SurfaceFormat};
use spice_codecs::{PixelFormat, Pixels};
use spice_raster::SurfaceRef;

/// A buffer for canonical pixels, used again and again.
#[derive(Debug, Default)]
pub(super) struct Canonical {
    pub(super) data: Vec<u8>,
}

/// What the buffer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) width: u32,
    pub(super) height: u32,
    /// 16BIT, 32BIT, RGBA or 8BIT_A.
    pub(super) format: BitmapFormat,
    /// Only encodings that carry each bit will do: the x byte is not 0 everywhere and is needed.
    pub(super) all_bits: bool,
    /// Raw palette images will do.
    pub(super) raw_palette: bool,
    /// LZ_PLT images will do.
    pub(super) palette: bool,
}

impl Shape {
    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Everything that makes a cached image another one.
    pub(super) fn hash(&self, data: &[u8]) -> ContentHash {
        let flags =
            u64::from(self.all_bits) << 8 | u64::from(self.raw_palette) << 9 | u64::from(self.palette) << 10;
        let size = u64::from(self.width) << 32 | u64::from(self.height);
        content_hash([size, flags | self.format as u64], data)
    }

    pub(super) fn view<'a>(&self, data: &'a [u8]) -> Option<Pixels<'a>> {
        let format = pixel_format(self.format)?;
        Pixels::new(format, self.width, self.height, format.bytes_per_row(self.width), true, data)
    }
}

pub(super) fn pixel_format(format: BitmapFormat) -> Option<PixelFormat> {
    Some(match format {
        BitmapFormat::Bit16 => PixelFormat::Rgb16,
        BitmapFormat::Bit24 => PixelFormat::Rgb24,
        BitmapFormat::Bit32 => PixelFormat::Rgb32,
        BitmapFormat::Rgba => PixelFormat::Rgba,
        BitmapFormat::Alpha8 => PixelFormat::A8,
        BitmapFormat::Bit1Be => PixelFormat::Plt1Be,
        BitmapFormat::Bit4Be => PixelFormat::Plt4Be,
        BitmapFormat::Bit8 => PixelFormat::Plt8,
        BitmapFormat::Bit1Le | BitmapFormat::Bit4Le => return None,
    })
}

/// How surface pixels become canonical ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// 32 bits as they are.
    Word,
    /// 32 bits, x cleared.
    Colour,
    /// 16 bits as they are.
    Half,
    /// x1r5g5b5, bit 15 cleared.
    Five,
    /// x1r5g5b5 widened.
    Widen555,
    /// r5g6b5 widened.
    Widen565,
    /// A byte.
    Byte,
}

impl Canonical {
    /// Fills the buffer with the area, which lies within the surface. With [`Fill::Word`], whether all x are 0.
    pub(super) fn fill(&mut self, truth: SurfaceRef<'_>, rect: Rect, fill: Fill) -> bool {
        let (left, right) = (rect.left as usize, rect.right as usize);
        let rows = rect.top as u32..rect.bottom as u32;
        let data = &mut self.data;
        data.clear();
        let mut any = 0u32;
        match fill {
            Fill::Word => rows.for_each(|y| {
                let row = &truth.row(y)[left..right];
                any |= row.iter().fold(0, |any, px| any | px);
                data.extend_from_slice(bytemuck::cast_slice(row));
            }),
            Fill::Colour => rows.for_each(|y| {
                let row = &truth.row(y)[left..right];
                let at = data.len();
                data.resize(at + row.len() * 4, 0);
                let (to, _) = data[at..].as_chunks_mut::<4>();
                to.iter_mut().zip(row).for_each(|(to, px)| *to = (px & 0x00ff_ffff).to_le_bytes());
            }),
            Fill::Half => rows.for_each(|y| {
                let row = &truth.row16(y)[left..right];
                data.extend_from_slice(bytemuck::cast_slice(row));
            }),
            Fill::Five => rows.for_each(|y| {
                let row = truth.row16(y)[left..right].iter();
                data.extend(row.flat_map(|px| (px & 0x7fff).to_le_bytes()));
            }),
            Fill::Widen555 | Fill::Widen565 => rows.for_each(|y| {
                let row = truth.row16(y)[left..right].iter();
                data.extend(row.flat_map(|px| widen(u32::from(*px), fill == Fill::Widen565)));
            }),
            Fill::Byte => rows.for_each(|y| data.extend_from_slice(&truth.row8(y)[left..right])),
        }
        any >> 24 == 0
    }
}

/// B, G, R, 0: channels repeat their high bits below.
fn widen(px: u32, six: bool) -> [u8; 4] {
    let five = |v: u32| (v << 3 & 0xf8 | v >> 2 & 7) as u8;
    if six {
        let green = px >> 5 & 63;
        [five(px & 31), (green << 2 | green >> 4) as u8, five(px >> 11 & 31), 0]
    } else {
        [five(px & 31), five(px >> 5 & 31), five(px >> 10 & 31), 0]
    }
}

/// How a surface's pixels reach a surface of another format, or the same: canonical format and filling, whether the
/// client has 16-bit images or not. `None` where no image does it.
pub(super) fn route(
    truth: SurfaceFormat,
    target: SurfaceFormat,
    needs_x: bool,
    has_16: bool,
) -> Option<(BitmapFormat, Fill)> {
    use SurfaceFormat as S;
    Some(match (truth, target) {
        (S::X8R8G8B8, S::X8R8G8B8 | S::A8R8G8B8) if needs_x => (BitmapFormat::Bit32, Fill::Word),
        (S::A8R8G8B8, S::X8R8G8B8) if needs_x => (BitmapFormat::Bit32, Fill::Word),
        (S::X8R8G8B8 | S::A8R8G8B8, S::X8R8G8B8) | (S::X8R8G8B8, _) if target != S::A8 && target != S::A1 => {
            (BitmapFormat::Bit32, Fill::Colour)
        }
        (S::A8R8G8B8, _) if target != S::A1 => (BitmapFormat::Rgba, Fill::Word),
        (S::X1R5G5B5, S::X1R5G5B5) if needs_x => (BitmapFormat::Bit16, Fill::Half),
        (S::X1R5G5B5, S::X1R5G5B5 | S::R5G6B5 | S::X8R8G8B8 | S::A8R8G8B8) => {
            if has_16 {
                (BitmapFormat::Bit16, Fill::Five)
            } else {
                (BitmapFormat::Bit32, Fill::Widen555)
            }
        }
        (S::R5G6B5, S::R5G6B5 | S::X8R8G8B8) => (BitmapFormat::Bit32, Fill::Widen565),
        (S::A8, S::A8 | S::A8R8G8B8 | S::X8R8G8B8) => (BitmapFormat::Alpha8, Fill::Byte),
        _ => return None,
    })
}
