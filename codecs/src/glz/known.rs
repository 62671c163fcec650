//! A guess at how much of a picture the client's dictionary knows, from a few places of it.

use super::dictionary::{GlzDictionary, PLACE, hash};
use crate::lz::unit::{Colour, ColourBesideAlpha, Unit, Word, load_row, pair, same};
use crate::{PixelFormat, Pixels};

/// Rows, and places in each of them, that are looked at.
const ROWS: u32 = 16;
const PLACES: usize = 16;
/// Pixels in a row from each place on: of what was itself found in an image before, not each is in the table.
const RUN: usize = 8;

/// A sample of a picture beside a dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Places where pixels change at all.
    pub places: u32,
    /// Of these, places at which an image of the dictionary has the same three pixels.
    pub known: u32,
}

impl Known {
    /// Known places in hundred; 0 where nothing was looked at.
    pub fn percent(&self) -> u32 {
        (self.known * 100).checked_div(self.places).unwrap_or(0)
    }
}

impl GlzDictionary {
    /// Looks up some hundred places of `pixels`, always the same ones. Costs a few microseconds, changes nothing.
    pub fn known(&self, pixels: &Pixels<'_>) -> Known {
        match pixels.format() {
            _ if self.images.is_empty() => Known::default(),
            PixelFormat::Rgb16 => self.sample::<Word>(pixels),
            PixelFormat::Rgba => self.sample::<ColourBesideAlpha>(pixels),
            PixelFormat::Rgb24 | PixelFormat::Rgb32 => self.sample::<Colour>(pixels),
            _ => Known::default(),
        }
    }

    fn sample<U: Unit>(&self, pixels: &Pixels<'_>) -> Known {
        let (shift, mask) = (64 - self.table.len().trailing_zeros(), self.table.len() - 1);
        let width = pixels.width() as usize;
        let mut found = Known::default();
        let mut row = vec![0; width];
        let rows = pixels.height().min(ROWS);
        let step = (width / PLACES).max(RUN);
        for k in 0..rows {
            let y = (u64::from(k) * 2 + 1) * u64::from(pixels.height()) / (u64::from(rows) * 2);
            load_row(pixels, y as u32, &mut row);
            for from in (k as usize % RUN..width).step_by(step) {
                let run = from..(from + RUN).min(width.saturating_sub(2));
                let changes = |i: &usize| !(same::<U>(row[*i], row[i + 1]) && same::<U>(row[*i], row[i + 2]));
                let mut places = run.filter(changes).peekable();
                if places.peek().is_none() {
                    continue;
                }
                found.places += 1;
                found.known += u32::from(places.any(|i| {
                    let at = (self.table[hash::<U>(&row, i, shift).0 & mask] & PLACE) as usize;
                    let alike = self.ring.get(at..at + 3).is_some_and(|there| {
                        pair::<U>(there, 0) == pair::<U>(&row, i) && same::<U>(there[2], row[i + 2])
                    });
                    alike && self.image_at(at).is_some_and(|e| !e.killed && e.format == pixels.format())
                }));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glz::GlzEncoder;
    use crate::lz::Level;
    use crate::testing::Random;

    fn noise(seed: u64, rows: usize) -> Vec<u8> {
        let mut random = Random::new(seed);
        (0..64 * rows * 4).map(|_| random.next() as u8).collect()
    }

    fn picture(data: &[u8], rows: u32) -> Pixels<'_> {
        Pixels::new(PixelFormat::Rgb32, 64, rows, 256, true, data).unwrap()
    }

    #[test]
    fn what_was_sent_is_known_wherever_it_stands() {
        let (first, other) = (noise(1, 64), noise(2, 64));
        for level in [Level::Fast, Level::Default, Level::Best] {
            let mut dictionary = GlzDictionary::new(1 << 16);
            assert_eq!(dictionary.known(&picture(&first, 64)), Known::default());
            let mut out = Vec::new();
            let mut encoder = GlzEncoder::new();
            encoder.encode(&mut dictionary, &picture(&first, 64), level, usize::MAX, &mut out).unwrap();
            let scrolled = [&first[256 * 9..], &other[..256 * 9]].concat();
            let percents = [&first, &scrolled, &other].map(|d| dictionary.known(&picture(d, 64)).percent());
            assert!(percents[0] >= 95 && percents[2] == 0, "{level:?} {percents:?}");
            assert!((75..95).contains(&percents[1]), "{level:?} {percents:?}");
            // Killed images may not be referred to; one colour tells nothing.
            assert_eq!(dictionary.known(&picture(&[7; 64 * 256], 64)).places, 0);
            assert!(dictionary.kill(0));
            assert_eq!(dictionary.known(&picture(&first, 64)).known, 0);
        }
    }

    #[test]
    fn every_size_is_looked_at() {
        let data = noise(3, 64);
        let mut dictionary = GlzDictionary::new(1 << 16);
        let mut out = Vec::new();
        let whole = picture(&data, 64);
        GlzEncoder::new().encode(&mut dictionary, &whole, Level::Fast, usize::MAX, &mut out).unwrap();
        let (mut places, mut known) = (0, 0);
        for width in 1..64 {
            for height in [1, 2, 15, 16, 17, 64] {
                let part = Pixels::new(PixelFormat::Rgb32, width, height, 256, true, &data).unwrap();
                let found = dictionary.known(&part);
                assert!(
                    found.known <= found.places && (found.places > 0) == (width >= 3),
                    "{width}x{height}"
                );
                (places, known) = (places + found.places, known + found.known);
            }
        }
        // The table loses some.
        assert!(known * 10 > places * 9, "{known} of {places}");
    }
}
