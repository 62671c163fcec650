//! Pixels to GLZ streams.

use super::dictionary::{Entry, GlzDictionary};
use super::{GlzHeader, fast, optimal};
use crate::lz::Level;
use crate::lz::unit::{Alpha, Colour, ColourBesideAlpha, Unit, Word};
use crate::lz::writer::Writer;
use crate::{EncodeError, PixelFormat, Pixels};

/// What became of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlzEncoded {
    /// Its number in the dictionary.
    pub id: u64,
    /// Bytes of its stream.
    pub bytes: usize,
}

/// Scratch memory of a GLZ encoder, reused from image to image; any dictionary can be used with it.
#[derive(Clone, Debug, Default)]
pub struct GlzEncoder {
    buffer: Vec<u8>,
    parsers: optimal::Parsers,
}

impl GlzEncoder {
    /// An encoder that holds no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the GLZ stream of `pixels` (RGB16, RGB24, RGB32 or RGBA; rows in memory order, any stride) to `out` and
    /// adds the picture to `dictionary`, whose oldest images leave until it fits. The stream must be sent: clients wait
    /// for every id. [`GlzDictionary::undo`] takes the image back if it will not be.
    ///
    /// [`EncodeError::Bound`] as soon as the stream would exceed `bound` bytes (`usize::MAX`: no bound);
    /// [`EncodeError::TooLarge`] if the picture is not smaller than the window; [`EncodeError::Format`]. After an
    /// error `out` is as it was and the id is still free; older images may have left the dictionary.
    pub fn encode(
        &mut self,
        dictionary: &mut GlzDictionary,
        pixels: &Pixels<'_>,
        level: Level,
        bound: usize,
        out: &mut Vec<u8>,
    ) -> Result<GlzEncoded, EncodeError> {
        dictionary.push(pixels)?;
        let Some(&entry) = dictionary.images.back() else { unreachable!("just pushed") };
        let most = GlzHeader::SIZE + 4 * entry.len + entry.len / 16 + 16;
        let mut writer = Writer::new(&mut self.buffer, bound, most);
        let oldest = dictionary.images.front().map_or(entry.id, |e| e.id);
        let header = GlzHeader {
            format: pixels.format(),
            top_down: pixels.top_down(),
            width: pixels.width(),
            height: pixels.height(),
            id: entry.id,
            window_distance: (entry.id - oldest) as u32,
        };
        let parsers = &mut self.parsers;
        let row = pixels.width() as usize;
        let result = writer.bytes(&header.bytes()).and_then(|()| match pixels.format() {
            PixelFormat::Rgb16 => pass::<Word>(dictionary, &entry, row, level, parsers, &mut writer),
            PixelFormat::Rgba => {
                pass::<ColourBesideAlpha>(dictionary, &entry, row, level, parsers, &mut writer)?;
                pass::<Alpha>(dictionary, &entry, row, level, parsers, &mut writer)
            }
            _ => pass::<Colour>(dictionary, &entry, row, level, parsers, &mut writer),
        });
        if let Err(e) = result {
            dictionary.undo(entry.id);
            return Err(e);
        }
        out.extend_from_slice(writer.written());
        Ok(GlzEncoded { id: entry.id, bytes: writer.written().len() })
    }
}

fn pass<U: Unit>(
    dictionary: &mut GlzDictionary,
    entry: &Entry,
    row: usize,
    level: Level,
    parsers: &mut optimal::Parsers,
    out: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    match level {
        Level::Fast | Level::Reference => fast::pass::<U>(dictionary, entry, row, out),
        Level::Default | Level::Best => {
            optimal::pass::<U>(parsers, dictionary, entry, row, level == Level::Best, out)
        }
    }
}
