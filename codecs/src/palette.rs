//! Finds out whether a picture has few colours, and if so gives it as palette indices.

use crate::{PixelFormat, Pixels};

/// Slots of the colour table: four times as many as colours, so that probes are short.
const SLOTS: usize = 1024;

/// Turns pictures of few colours into palette pictures; keeps its memory.
#[derive(Clone, Debug, Default)]
pub struct PaletteFinder {
    /// Colours as `0x00RRGGBB`, in order of first appearance in memory.
    colours: Vec<u32>,
    indices: Vec<u8>,
    packed: Vec<u8>,
}

/// A picture as palette indices, borrowed from the finder.
#[derive(Clone, Copy, Debug)]
pub struct PaletteImage<'a> {
    /// [`PixelFormat::Plt1Be`], `Plt4Be` or `Plt8`: the smallest that holds the colours. Rows without padding, in the
    /// source's order.
    pub pixels: Pixels<'a>,
    /// The colours as `0x00RRGGBB`: at most 2, 16 or 256.
    pub colours: &'a [u32],
}

impl PaletteFinder {
    /// A finder that holds no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The palette picture that shows what `pixels` (RGB16, RGB24 or RGB32; the x byte and bit 15 do not count) shows.
    /// `None` as soon as there are more than `most` colours (at most 256 count), or for another layout.
    pub fn find(&mut self, pixels: &Pixels<'_>, most: usize) -> Option<PaletteImage<'_>> {
        let most = most.min(256);
        let (width, height) = (pixels.width() as usize, pixels.height() as usize);
        self.colours.clear();
        self.indices.resize(width.checked_mul(height)?, 0);
        let mut table = Table { slots: [(u32::MAX, 0); SLOTS], most };
        // What is in front of the first pixel has no colour, so that the first pixel is looked up.
        let mut last = (u32::MAX, 0);
        for (y, to) in self.indices.chunks_exact_mut(width).enumerate() {
            let row = pixels.row(y as u32);
            let row_last = match pixels.format() {
                PixelFormat::Rgb16 => table.row(&mut self.colours, last, to, row.as_chunks::<2>().0, |px| {
                    let [b, g, r, _] = crate::lz::copy::expand_555(u16::from_le_bytes(*px));
                    u32::from_le_bytes([b, g, r, 0])
                }),
                PixelFormat::Rgb24 => table.row(&mut self.colours, last, to, row.as_chunks::<3>().0, |px| {
                    u32::from_le_bytes([px[0], px[1], px[2], 0])
                }),
                PixelFormat::Rgb32 => table.row(&mut self.colours, last, to, row.as_chunks::<4>().0, |px| {
                    u32::from_le_bytes(*px) & 0x00ff_ffff
                }),
                _ => return None,
            };
            last = row_last?;
        }
        let Self { colours, indices, packed } = self;
        let (format, data) = match colours.len() {
            0..=2 => (PixelFormat::Plt1Be, pack::<8>(indices, width, packed)),
            3..=16 => (PixelFormat::Plt4Be, pack::<2>(indices, width, packed)),
            _ => (PixelFormat::Plt8, &indices[..]),
        };
        let stride = format.bytes_per_row(pixels.width());
        let pixels = Pixels::new(format, pixels.width(), pixels.height(), stride, pixels.top_down(), data)?;
        Some(PaletteImage { pixels, colours })
    }
}

/// Puts `N` indices into each byte, the left pixel in the high bits.
fn pack<'a, const N: usize>(indices: &[u8], width: usize, packed: &'a mut Vec<u8>) -> &'a [u8] {
    packed.clear();
    for row in indices.chunks_exact(width) {
        let (whole, rest) = row.as_chunks::<N>();
        let byte = |px: &[u8]| px.iter().fold(0, |byte, &i| byte << (8 / N) | i);
        packed.extend(whole.iter().map(|px| byte(px)));
        if !rest.is_empty() {
            packed.push(byte(rest) << ((N - rest.len()) * (8 / N)));
        }
    }
    packed
}

/// Colours seen, by an open hash: (colour, index), free slots have no colour.
struct Table {
    slots: [(u32, u8); SLOTS],
    most: usize,
}

impl Table {
    /// Looks up a row of pixels; `last` is the pixel before with its index. `None` if there are too many colours.
    #[inline(always)]
    fn row<P>(
        &mut self,
        colours: &mut Vec<u32>,
        mut last: (u32, u8),
        to: &mut [u8],
        row: &[P],
        colour: impl Fn(&P) -> u32,
    ) -> Option<(u32, u8)> {
        for (to, px) in to.iter_mut().zip(row) {
            let v = colour(px);
            if v != last.0 {
                last = (v, self.index(colours, v)?);
            }
            *to = last.1;
        }
        Some(last)
    }

    #[inline(always)]
    fn index(&mut self, colours: &mut Vec<u32>, v: u32) -> Option<u8> {
        let mut at = (v.wrapping_mul(0x9e37_79b1) >> 22) as usize;
        loop {
            let (colour, index) = self.slots[at % SLOTS];
            if colour == v {
                return Some(index);
            }
            if colour == u32::MAX {
                if colours.len() >= self.most {
                    return None;
                }
                let index = colours.len() as u8;
                self.slots[at % SLOTS] = (v, index);
                colours.push(v);
                return Some(index);
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{each_seed, picture};

    /// Palette pictures as colours.
    fn expand(image: &PaletteImage<'_>) -> Vec<u32> {
        let per_byte = 8 / image.pixels.format().bits_per_pixel() as usize;
        let index = |row: &[u8], x: usize| match per_byte {
            8 => row[x / 8] >> (7 - x % 8) & 1,
            2 => row[x / 2] >> (4 - x % 2 * 4) & 15,
            _ => row[x],
        };
        let rows = (0..image.pixels.height()).map(|y| image.pixels.row(y));
        let width = image.pixels.width() as usize;
        rows.flat_map(|row| (0..width).map(move |x| image.colours[usize::from(index(row, x))])).collect()
    }

    #[test]
    fn finds_a_palette_exactly_when_there_is_one() {
        let mut finder = PaletteFinder::new();
        let finder = std::cell::RefCell::new(&mut finder);
        each_seed(400, |random| {
            let format = [PixelFormat::Rgb16, PixelFormat::Rgb24, PixelFormat::Rgb32][random.below(3)];
            let (storage, shape) = picture(random, format, 40, 30);
            let pixels = shape.pixels(&storage);
            let most = [1, 2, 3, 16, 17, 255, 256, 999][random.below(8)];
            let size = format.bits_per_pixel() as usize / 8;
            let colour = |px: &[u8]| match format {
                PixelFormat::Rgb16 => {
                    let v = u32::from(px[0]) | u32::from(px[1]) << 8;
                    let c = |shift: u32| (v >> shift & 31) * 8 + (v >> shift & 31) / 4;
                    c(10) << 16 | c(5) << 8 | c(0)
                }
                _ => u32::from(px[2]) << 16 | u32::from(px[1]) << 8 | u32::from(px[0]),
            };
            let rows = (0..pixels.height()).map(|y| pixels.row(y));
            let expected: Vec<u32> = rows.flat_map(|row| row.chunks(size).map(colour)).collect();
            let mut distinct: Vec<u32> = Vec::new();
            expected.iter().for_each(|c| {
                if !distinct.contains(c) {
                    distinct.push(*c);
                }
            });
            match finder.borrow_mut().find(&pixels, most) {
                Some(image) => {
                    assert_eq!(image.colours, distinct);
                    assert!(distinct.len() <= most.min(256));
                    assert_eq!(expand(&image), expected);
                    assert_eq!(image.pixels.top_down(), pixels.top_down());
                }
                None => assert!(distinct.len() > most.min(256)),
            }
        });
    }
}
