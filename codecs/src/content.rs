//! What kind of picture this is, guessed from a sample: for choosing a codec without trying all of them.

use crate::{PixelFormat, Pixels};

/// Rows and, of each, spans of pixels that are looked at: 24 x 8 x 32 = 6144 pixels at most.
const ROWS: u32 = 24;
const SPANS: u32 = 8;
const SPAN: u32 = 32;

/// Kinds of pictures, by the codec that suits them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentClass {
    /// One colour: a fill, if a look at every pixel agrees.
    Solid,
    /// Few colours: perhaps a palette picture.
    FewColours,
    /// Flat areas with sharp edges: text and user interfaces, for LZ and GLZ.
    Text,
    /// Small differences nearly everywhere: photos and gradients, for QUIC or JPEG.
    Smooth,
    /// Large differences everywhere: nothing makes it small.
    Noise,
}

/// Figures of a sample of a picture's pixels. All shares are 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Content {
    /// The kind of picture that the figures speak for.
    pub class: ContentClass,
    /// Pixels compared with the one to their left.
    pub sampled: u32,
    /// Colours among them, counted up to 257.
    pub colours: u32,
    /// Share of pixels that equal the one to their left.
    pub flat: f32,
    /// Share of pixels that differ from it by at least 48 in a channel.
    pub sharp: f32,
    /// Mean difference of a channel from the mean of the pixels to the left and above, in steps of 1/255: what a
    /// lossless predictor leaves to code.
    pub residual: f32,
}

impl Content {
    /// Looks at some thousand pixels of `pixels`, evenly spread and always the same ones. `None` for palette layouts.
    /// Alpha counts as a channel of RGBA.
    pub fn sample(pixels: &Pixels<'_>) -> Option<Self> {
        let channels = match pixels.format() {
            PixelFormat::Gray | PixelFormat::A8 => 1,
            PixelFormat::Rgb16 | PixelFormat::Rgb24 | PixelFormat::Rgb32 => 3,
            PixelFormat::Rgba => 4,
            _ => return None,
        };
        let (width, height) = (pixels.width(), pixels.height());
        let mut sums =
            Sums { seen: Seen { slots: [0; 1024], count: 0 }, sampled: 0, flat: 0, sharp: 0, residual: 0 };
        let rows = height.min(ROWS);
        let spans = width.div_ceil(SPAN).min(SPANS);
        for k in 0..rows {
            // A row in each of `rows` equal parts, at uneven distances: lines of text repeat at even ones.
            let y = scatter(k, k, rows, height);
            let (row, above) = (pixels.row(y), pixels.row(y.saturating_sub(1)));
            for s in 0..spans {
                let from = scatter(s, k + s, spans, width).min(width - SPAN.min(width));
                sums.span(pixels.format(), row, above, from, (from + SPAN).min(width));
            }
        }
        Some(sums.judge(channels))
    }
}

/// A place in part `i` of the `parts` equal parts of `0..size`, at a point of the part that `salt` chooses.
fn scatter(i: u32, salt: u32, parts: u32, size: u32) -> u32 {
    // Multiples of the golden ratio, modulo 1.
    let point = u64::from(salt.wrapping_mul(0x9e37_79b9) >> 16);
    (((u64::from(i) << 16 | point) * u64::from(size) / u64::from(parts)) >> 16) as u32
}

/// A pixel's channels, 8 bits each.
#[inline(always)]
fn channels(format: PixelFormat, row: &[u8], x: u32) -> [u8; 4] {
    let x = x as usize;
    match format {
        PixelFormat::Rgb16 => crate::lz::copy::expand_555(u16::from_le_bytes([row[x * 2], row[x * 2 + 1]])),
        PixelFormat::Rgb24 => [row[x * 3], row[x * 3 + 1], row[x * 3 + 2], 0],
        PixelFormat::Rgb32 => [row[x * 4], row[x * 4 + 1], row[x * 4 + 2], 0],
        PixelFormat::Rgba => [row[x * 4], row[x * 4 + 1], row[x * 4 + 2], row[x * 4 + 3]],
        _ => [row[x], 0, 0, 0],
    }
}

struct Sums {
    seen: Seen,
    sampled: u32,
    flat: u32,
    sharp: u32,
    residual: u64,
}

impl Sums {
    fn span(&mut self, format: PixelFormat, row: &[u8], above: &[u8], from: u32, to: u32) {
        let mut left = channels(format, row, from);
        self.seen.add(left);
        for x in from + 1..to {
            let here = channels(format, row, x);
            let up = channels(format, above, x);
            let mut most = 0;
            for c in 0..4 {
                most = most.max(here[c].abs_diff(left[c]));
                let prediction = ((u16::from(left[c]) + u16::from(up[c])) / 2) as u8;
                self.residual += u64::from(here[c].abs_diff(prediction));
            }
            self.sampled += 1;
            self.flat += u32::from(most == 0);
            self.sharp += u32::from(most >= 48);
            if most > 0 {
                self.seen.add(here);
            }
            left = here;
        }
    }

    fn judge(&self, channels: u32) -> Content {
        let n = self.sampled.max(1) as f32;
        let (flat, sharp) = (self.flat as f32 / n, self.sharp as f32 / n);
        let residual = self.residual as f32 / (n * channels as f32);
        // The bounds were set by the pictures of the codec corpus, see `tests/content.rs`.
        let class = match self.seen.count {
            0..=1 => ContentClass::Solid,
            2..=16 => ContentClass::FewColours,
            // A slow gradient is as flat as text, but has no edges.
            _ if flat >= 0.4 && sharp >= 0.002 => ContentClass::Text,
            _ if residual >= 24.0 => ContentClass::Noise,
            _ => ContentClass::Smooth,
        };
        Content { class, sampled: self.sampled, colours: self.seen.count, flat, sharp, residual }
    }
}

/// A set of colours that is exact up to 256 of them.
struct Seen {
    /// Colours + 1; 0 is free.
    slots: [u64; 1024],
    count: u32,
}

impl Seen {
    #[inline(always)]
    fn add(&mut self, colour: [u8; 4]) {
        let v = u32::from_le_bytes(colour);
        let mut at = (v.wrapping_mul(0x9e37_79b1) >> 22) as usize;
        while self.count <= 256 {
            match self.slots[at % 1024] {
                0 => {
                    self.slots[at % 1024] = u64::from(v) + 1;
                    self.count += 1;
                    return;
                }
                s if s == u64::from(v) + 1 => return,
                _ => at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    fn class(width: u32, height: u32, f: impl Fn(u32, u32) -> [u8; 4]) -> Content {
        let data: Vec<u8> =
            (0..height).flat_map(|y| (0..width).flat_map(|x| f(x, y)).collect::<Vec<_>>()).collect();
        let pixels = Pixels::new(PixelFormat::Rgb32, width, height, width as usize * 4, true, &data).unwrap();
        Content::sample(&pixels).unwrap()
    }

    #[test]
    fn plain_cases() {
        use ContentClass::*;
        for (width, height) in [(1, 1), (33, 7), (640, 480)] {
            // The x byte is no colour.
            assert_eq!(class(width, height, |x, _| [1, 2, 3, x as u8]).class, Solid);
        }
        assert_eq!(class(300, 200, |x, y| [(x / 9 % 4) as u8 * 60, 0, (y / 50) as u8, 0]).class, FewColours);
        assert_eq!(
            class(300, 200, |x, y| [(x / 2) as u8, (y / 2) as u8, ((x + y) / 3) as u8, 0]).class,
            Smooth
        );
        let noise = |x, y| (Random::new(u64::from(x) << 32 | u64::from(y)).next() as u32).to_le_bytes();
        assert_eq!(class(300, 200, noise).class, Noise);
        let text = |x: u32, y: u32| if x % 10 < 6 { [250; 4] } else { noise(x / 2, y) };
        assert_eq!(class(300, 200, text).class, Text);
    }

    #[test]
    fn every_size_is_sampled_within_the_picture() {
        for width in 1..100 {
            for height in [1, 2, 23, 24, 25, 60] {
                let content = class(width, height, |x, _| [x as u8, 0, 0, 0]);
                assert!(content.sampled <= ROWS * SPANS * SPAN);
                assert_eq!(content.sampled == 0, width == 1);
            }
        }
    }
}
