//! Pictures as palette indices, and how their palettes reach the client.

use super::mirror::CacheMirror;
use crate::qxl::{BitmapFormat, Palette};
use crate::wire::{Bitmap, PaletteRef};
use spice_codecs::{PaletteFinder, Pixels};
use std::sync::Arc;

/// The palettes that a client holds.
pub(super) type Palettes = CacheMirror<Vec<u32>>;

/// A picture as palette indices.
pub(super) struct Indices<'a> {
    pub(super) pixels: Pixels<'a>,
    pub(super) colours: Vec<u32>,
}

impl<'a> Indices<'a> {
    /// Of a picture of up to 256 colours.
    pub(super) fn find(finder: &'a mut PaletteFinder, pixels: &'a Pixels<'_>) -> Option<Self> {
        let palette = finder.find(pixels, 256)?;
        Some(Self { pixels: palette.pixels, colours: padded(palette.colours) })
    }

    /// The format of a raw bitmap of them.
    pub(super) fn format(&self) -> Option<BitmapFormat> {
        Some(match self.pixels.format().bits_per_pixel() {
            1 => BitmapFormat::Bit1Be,
            4 => BitmapFormat::Bit4Be,
            8 => BitmapFormat::Bit8,
            _ => return None,
        })
    }

    /// Bytes of the palette, or of its name.
    pub(super) fn reference(&self, held: &Palettes) -> usize {
        match held.contains(&self.colours) {
            true => 8,
            false => 4 + 8 + 2 + 4 * self.colours.len(),
        }
    }

    /// The palette as the message says it, with the bitmap's flags: by its id if the client holds it, else whole, to
    /// be kept if there is room.
    pub(super) fn name(&self, held: &mut Palettes, dropped: &mut Vec<u64>) -> (u8, PaletteRef) {
        if let Some(id) = held.find(&self.colours) {
            return (0, PaletteRef::Cached(id));
        }
        let colours = self.colours.clone();
        let id = held.insert(colours.clone(), 1, dropped);
        let palette = Arc::new(Palette { unique: id.unwrap_or(0), entries: colours });
        (if id.is_some() { Bitmap::PAL_CACHE_ME } else { 0 }, PaletteRef::Inline(palette))
    }
}

/// Clients take the two colours of a 1-bit picture without asking how many there are.
fn padded(colours: &[u32]) -> Vec<u32> {
    let mut colours = colours.to_vec();
    while colours.len() < 2 {
        colours.push(colours.first().copied().unwrap_or(0));
    }
    colours
}
