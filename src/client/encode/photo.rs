//! Whether JPEG stands a picture: photos, never text.

use spice_codecs::Pixels;
use spice_codecs::jpeg::Subsampling;
use std::ops::Range;

/// Side of the blocks that are looked at.
pub(in crate::client) const BLOCK: u32 = 16;

/// A sharp edge: so much of a difference in a channel.
const SHARP: u8 = 48;

/// What a picture is to JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Photo {
    /// Flat areas with sharp edges in them, somewhere: text, lines, icons.
    No,
    /// Smooth nearly everywhere; chroma at the resolution that it stands.
    Yes(Subsampling),
}

/// Looks at every pixel of `pixels` (32-bit layouts; [`Photo::No`] for others). One block of 16 by 16 pixels with text
/// in it, or a picture smaller than two by two blocks, is no photo.
///
/// A block holds text when some of its neighbours differ strongly although many are equal: anti-aliased text on a plain
/// ground is that, and so is a window's frame; photos are not flat, and flat skies have no edges.
pub fn photo(pixels: &Pixels<'_>) -> Photo {
    let (width, height) = (pixels.width(), pixels.height());
    if pixels.format().bits_per_pixel() != 32 || width < 2 * BLOCK || height < 2 * BLOCK {
        return Photo::No;
    }
    let (mut textured, mut blocks, mut coloured, mut pairs) = (0u32, 0u32, 0u64, 0u64);
    for top in (0..height).step_by(BLOCK as usize) {
        for left in (0..width).step_by(BLOCK as usize) {
            let area = (left..(left + BLOCK).min(width), top..(top + BLOCK).min(height));
            let block = Block::of(|y| pixels.row(y), area);
            if block.is_text() {
                return Photo::No;
            }
            blocks += 1;
            textured += u32::from(block.is_textured());
            coloured += u64::from(block.coloured);
            pairs += u64::from(block.pairs);
        }
    }
    // A picture that is flat for the most part costs little without loss.
    if textured * 2 < blocks {
        return Photo::No;
    }
    Photo::Yes(subsampling(coloured, pairs))
}

/// The resolution of chroma that a photo stands, whatever else is in it. `None` for other layouts than 32-bit ones.
pub(super) fn chroma(pixels: &Pixels<'_>) -> Option<Subsampling> {
    if pixels.format().bits_per_pixel() != 32 {
        return None;
    }
    let block = Block::of(|y| pixels.row(y), (0..pixels.width(), 0..pixels.height()));
    Some(subsampling(block.coloured.into(), block.pairs.into()))
}

/// Colour edges on more than one pair in 64 are seen when chroma is halved.
fn subsampling(coloured: u64, pairs: u64) -> Subsampling {
    if coloured * 64 > pairs { Subsampling::None } else { Subsampling::Both }
}

/// Counts of a block's pairs of neighbours in a row and in a column.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::client) struct Block {
    pub(in crate::client) pairs: u32,
    /// Equal.
    pub(in crate::client) flat: u32,
    /// Different by [`SHARP`] or more in a channel.
    pub(in crate::client) sharp: u32,
    /// Different by 64 or more in a colour difference.
    pub(in crate::client) coloured: u32,
}

impl Block {
    /// Of the columns and rows `area` of 32-bit pixels.
    pub(in crate::client) fn of<'a>(row: impl Fn(u32) -> &'a [u8], area: (Range<u32>, Range<u32>)) -> Self {
        let (columns, rows) = area;
        let (left, right) = (columns.start as usize, columns.end as usize);
        let mut block = Self::default();
        for y in rows.clone() {
            let this = row(y);
            let below = if y + 1 < rows.end { row(y + 1) } else { &[] };
            for x in left..right {
                let px = &this[x * 4..];
                if x + 1 < right {
                    block.pair(px, &this[x * 4 + 4..]);
                }
                if !below.is_empty() {
                    block.pair(px, &below[x * 4..]);
                }
            }
        }
        block
    }

    /// Counts of both.
    pub(in crate::client) fn add(&mut self, other: &Self) {
        self.pairs += other.pairs;
        self.flat += other.flat;
        self.sharp += other.sharp;
        self.coloured += other.coloured;
    }

    /// Whether less than half of the pairs are equal.
    pub(in crate::client) fn is_textured(&self) -> bool {
        self.flat * 2 < self.pairs
    }

    #[inline(always)]
    fn pair(&mut self, a: &[u8], b: &[u8]) {
        let d: [i32; 3] = std::array::from_fn(|c| i32::from(a[c]) - i32::from(b[c]));
        let most = d[0].abs().max(d[1].abs()).max(d[2].abs());
        self.pairs += 1;
        self.flat += u32::from(most == 0);
        self.sharp += u32::from(most >= i32::from(SHARP));
        self.coloured += u32::from((d[0] - d[1]).abs().max((d[2] - d[1]).abs()) >= 64);
    }

    /// Whether two pixels differ sharply.
    pub(in crate::client) fn is_sharp(a: u32, b: u32) -> bool {
        a.to_le_bytes().iter().zip(b.to_le_bytes()).take(3).any(|(a, b)| a.abs_diff(b) >= SHARP)
    }

    /// A quarter of the pairs equal, and of those that are not one in four sharp: the edge of something dark before a
    /// blown-out sky is sharp too, but most of what is not flat there is soft.
    pub(in crate::client) fn is_text(&self) -> bool {
        self.sharp >= 8 && self.flat * 4 >= self.pairs && self.sharp * 4 >= self.pairs - self.flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spice_codecs::PixelFormat;

    fn judge(width: u32, height: u32, f: impl Fn(u32, u32) -> [u8; 3]) -> Photo {
        let px = |x, y| {
            let [b, g, r] = f(x, y);
            [b, g, r, 0]
        };
        let data: Vec<u8> =
            (0..height).flat_map(|y| (0..width).flat_map(move |x| px(x, y)).collect::<Vec<_>>()).collect();
        photo(&Pixels::new(PixelFormat::Rgb32, width, height, width as usize * 4, true, &data).unwrap())
    }

    fn hills(x: u32, y: u32) -> u8 {
        (((x * x / 37 + y * y / 53 + x * y / 71) % 200) as u8 / 2).wrapping_add((x ^ y) as u8 & 3)
    }

    #[test]
    fn photos_but_not_text_nor_flats() {
        assert_eq!(judge(100, 80, |x, y| [hills(x, y); 3]), Photo::Yes(Subsampling::Both));
        assert_eq!(judge(31, 80, |x, y| [hills(x, y); 3]), Photo::No);
        assert_eq!(judge(100, 80, |_, _| [9; 3]), Photo::No);
        let letters =
            |x: u32, y: u32| if x.is_multiple_of(7) || y.is_multiple_of(9) { [0; 3] } else { [255; 3] };
        assert_eq!(judge(100, 80, letters), Photo::No);
        // One word in a photo.
        let word = |x: u32, y: u32| if x < 16 && y < 16 { letters(x, y) } else { [hills(x, y); 3] };
        assert_eq!(judge(100, 80, word), Photo::No);
        let red_and_green =
            |x: u32, y: u32| [(x * 7 + y * 5) as u8 & 15, hills(x, y) + (x / 4 % 2) as u8 * 99, 9];
        assert_eq!(judge(100, 80, red_and_green), Photo::Yes(Subsampling::None));
    }
}
