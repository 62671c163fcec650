//! Whether JPEG stands a picture: photos, never text.

use spice_codecs::Pixels;
use spice_codecs::jpeg::Subsampling;

/// Side of the blocks that are looked at.
const BLOCK: u32 = 16;

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
            let block = Block::of(pixels, left, top);
            if block.is_text() {
                return Photo::No;
            }
            blocks += 1;
            textured += u32::from(block.flat * 2 < block.pairs);
            coloured += u64::from(block.coloured);
            pairs += u64::from(block.pairs);
        }
    }
    // A picture that is flat for the most part costs little without loss.
    if textured * 2 < blocks {
        return Photo::No;
    }
    // Colour edges on more than one pair in 64 are seen when chroma is halved.
    Photo::Yes(if coloured * 64 > pairs { Subsampling::None } else { Subsampling::Both })
}

/// Counts of a block's pairs of neighbours in a row and in a column.
#[derive(Default)]
struct Block {
    pairs: u32,
    /// Equal.
    flat: u32,
    /// Different by 48 or more in a channel.
    sharp: u32,
    /// Different by 64 or more in a colour difference.
    coloured: u32,
}

impl Block {
    fn of(pixels: &Pixels<'_>, left: u32, top: u32) -> Self {
        let (right, bottom) = ((left + BLOCK).min(pixels.width()), (top + BLOCK).min(pixels.height()));
        let mut block = Self::default();
        for y in top..bottom {
            let row = pixels.row(y);
            let below = if y + 1 < bottom { pixels.row(y + 1) } else { &[] };
            for x in left as usize..right as usize {
                let px = &row[x * 4..];
                if x + 1 < right as usize {
                    block.pair(px, &row[x * 4 + 4..]);
                }
                if !below.is_empty() {
                    block.pair(px, &below[x * 4..]);
                }
            }
        }
        block
    }

    #[inline(always)]
    fn pair(&mut self, a: &[u8], b: &[u8]) {
        let d: [i32; 3] = std::array::from_fn(|c| i32::from(a[c]) - i32::from(b[c]));
        let most = d[0].abs().max(d[1].abs()).max(d[2].abs());
        self.pairs += 1;
        self.flat += u32::from(most == 0);
        self.sharp += u32::from(most >= 48);
        self.coloured += u32::from((d[0] - d[1]).abs().max((d[2] - d[1]).abs()) >= 64);
    }

    /// A quarter of the pairs equal, and of those that are not one in four sharp: the edge of something dark before a
    /// blown-out sky is sharp too, but most of what is not flat there is soft.
    fn is_text(&self) -> bool {
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
