//! What an image costs: bytes on the link, and the time to encode it here and to decode it there, from tables.

use crate::wire::ImageKind;
use spice_codecs::lz::Level;
use spice_codecs::{Content, ContentClass};

/// How many times more than a search saves on the link it may cost here, when all of [`Costs::search`] is there.
const WORTH: u128 = 1000;

/// What bytes cost on a client's link, and how hard to look for fewer. The same costs and pictures give the same
/// streams: no clock is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Nanoseconds that a byte occupies the link.
    pub ns_per_byte: u32,
    /// Share of the time for encoding and decoding that counts, in hundredths: 0 looks at bytes only.
    pub cpu_percent: u32,
    /// How hard to look.
    pub effort: Effort,
    /// Nanoseconds that this image may take beyond its quickest encoding, by the tables here, at [`Effort::Normal`].
    pub search: u64,
}

/// How hard to look for fewer bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// The one or two encodings that the content suggests, at their quickest.
    Quick,
    /// The promising encodings, and what [`Costs::search`] allows.
    Normal,
    /// Everything, as small as it goes.
    Thorough,
}

impl Costs {
    /// A local network: 100 Mbit/s is what one client shall take of it.
    pub const LAN: Self =
        Self { ns_per_byte: 80, cpu_percent: 5, effort: Effort::Normal, search: 50_000_000 };

    /// A link of so many bits a second. On one of less than 10 Mbit/s bytes are worth any effort.
    pub fn of_bandwidth(bits_per_second: u64) -> Self {
        let ns_per_byte =
            (8_000_000_000 / bits_per_second.max(1)).clamp(Self::LAN.ns_per_byte.into(), 1_000_000) as u32;
        let effort = if ns_per_byte >= 800 { Effort::Thorough } else { Effort::Normal };
        let costs = Self { ns_per_byte, effort, ..Self::LAN };
        Self { search: costs.most_search(), ..costs }
    }

    /// Nanoseconds in a second that may go into looking for fewer bytes: the dearer bytes are, the more. 14 % of a
    /// processor on a local network, 45 % at 10 Mbit/s.
    ///
    /// What a search saves is seldom worth its time on a quick link, byte by byte: the best GLZ takes a hundred nanoseconds a
    /// pixel of text, and saves a fiftieth of a byte. But mostly little happens, and a server's processors have time.
    pub(in crate::client) fn search_per_second(&self) -> u64 {
        u64::from(self.ns_per_byte.isqrt().min(25)) * 18_000_000
    }

    /// The most that is saved up while nothing happens, and so the longest that a client waits for a search.
    pub(in crate::client) fn most_search(&self) -> u64 {
        self.search_per_second() * 3 / 4
    }

    /// Nanoseconds that an image of `pixels` costs, all in all, when it takes `bytes`.
    pub(super) fn price(&self, kind: ImageKind, content: &Content, pixels: u64, bytes: usize) -> u64 {
        (bytes as u64).saturating_mul(self.byte(kind, content)) / 100 + self.cpu(kind, content, pixels)
    }

    /// The most bytes at which an image costs less than `price`; `None` if it never does.
    pub(super) fn bytes_below(
        &self,
        price: u64,
        kind: ImageKind,
        content: &Content,
        pixels: u64,
    ) -> Option<usize> {
        let left = price.checked_sub(self.cpu(kind, content, pixels) + 1)?;
        let bytes = (u128::from(left) * 100 + 99) / u128::from(self.byte(kind, content).max(1));
        Some(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// What a byte counts, in hundredths of nanoseconds. What goes through the dictionary is there for later images; a film
    /// whose first frame is a little smaller as QUIC would stay QUIC for ever.
    fn byte(&self, kind: ImageKind, content: &Content) -> u64 {
        let share = match (kind, is_flat(content)) {
            (ImageKind::GlzRgb | ImageKind::ZlibGlzRgb, true) => 92,
            // Of noise nothing is found again, unless all of it is.
            (ImageKind::GlzRgb | ImageKind::ZlibGlzRgb, false) if content.class == ContentClass::Smooth => 95,
            _ => 100,
        };
        u64::from(self.ns_per_byte) * share
    }

    fn cpu(&self, kind: ImageKind, content: &Content, pixels: u64) -> u64 {
        pixels * u64::from(tenths(kind, is_flat(content))) / 10 * u64::from(self.cpu_percent) / 100
    }

    /// Whether looking as hard as `level` does for a stream that would take `bytes` at the quickest is worth it, when
    /// `spent` of [`Self::search`] is gone; and what it costs.
    pub(super) fn affords(
        &self,
        search: Search,
        content: &Content,
        pixels: u64,
        bytes: u64,
        spent: u64,
    ) -> Option<u64> {
        let cost = search.cost(content, pixels);
        match self.effort {
            Effort::Quick => None,
            Effort::Thorough => Some(0),
            Effort::Normal => {
                let left = self.search.checked_sub(spent)?;
                // The less there is left, the more it must save.
                let saves = bytes * search.saves() / 100 * u64::from(self.ns_per_byte);
                let worth = saves as u128 * WORTH * u128::from(left);
                (cost <= left && worth >= u128::from(cost) * u128::from(self.most_search())).then_some(cost)
            }
        }
    }
}

/// Whether repetitions are what makes a picture small.
pub(super) fn is_flat(content: &Content) -> bool {
    matches!(content.class, ContentClass::Solid | ContentClass::FewColours | ContentClass::Text)
}

/// A search beyond the quickest encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// LZ of colours, of palette indices and GLZ, at a level above [`Level::Fast`].
    Lz(Level),
    Plt(Level),
    Glz(Level),
}

impl Search {
    /// Nanoseconds, as `image_table` measured them on recordings: by pixels, and by those that differ from the one before.
    fn cost(self, content: &Content, pixels: u64) -> u64 {
        let (each, novel, whole) = match self {
            Self::Plt(_) => (10, 250, 5_000),
            Self::Lz(Level::Best) => (15, 150, 10_000),
            Self::Lz(_) => (5, 80, 2_000),
            Self::Glz(Level::Best) => (40, 250, 20_000),
            Self::Glz(_) => (10, 200, 5_000),
        };
        let differ = pixels * u64::from(1024 - ((content.flat * 1024.0) as u32).min(1024)) / 1024;
        whole + pixels * each + differ * novel
    }

    /// Hundredths of the bytes that it is likely to save.
    fn saves(self) -> u64 {
        match self {
            Self::Plt(_) => 25,
            Self::Lz(Level::Best) => 25,
            Self::Glz(Level::Best) => 20,
            Self::Lz(_) | Self::Glz(_) => 8,
        }
    }
}

/// Tenths of nanoseconds a pixel for encoding at the quickest and decoding, as measured on text and photos
/// (`codecs/SPEED.md` of the project's notes).
fn tenths(kind: ImageKind, flat: bool) -> u32 {
    let (encode, decode) = match (kind, flat) {
        (ImageKind::Bitmap | ImageKind::FromCache | ImageKind::FromCacheLossless | ImageKind::Surface, _) => {
            (1, 2)
        }
        (ImageKind::LzPlt, _) => (15, 5),
        (ImageKind::LzRgb, true) => (20, 7),
        (ImageKind::LzRgb, false) => (125, 36),
        (ImageKind::GlzRgb, true) => (20, 9),
        (ImageKind::GlzRgb, false) => (300, 30),
        (ImageKind::ZlibGlzRgb, true) => (45, 15),
        (ImageKind::ZlibGlzRgb, false) => (600, 60),
        (ImageKind::Quic, true) => (35, 50),
        (ImageKind::Quic, false) => (180, 220),
        (ImageKind::Lz4, true) => (12, 7),
        (ImageKind::Lz4, false) => (90, 15),
        (ImageKind::Jpeg | ImageKind::JpegAlpha, _) => (30, 30),
    };
    encode + decode
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(class: ContentClass, flat: f32) -> Content {
        Content { class, flat, sampled: 100, colours: 9, sharp: 0.0, residual: 0.0 }
    }

    #[test]
    fn bounds_are_where_prices_meet() {
        let odd = Costs { ns_per_byte: 133, ..Costs::LAN };
        for costs in [Costs::LAN, odd, Costs::of_bandwidth(1_000_000), Costs::of_bandwidth(0)] {
            for kind in ImageKind::ALL {
                for class in [ContentClass::Text, ContentClass::Smooth] {
                    let content = content(class, 0.5);
                    let price = costs.price(kind, &content, 1000, 500);
                    let bytes = costs.bytes_below(price, kind, &content, 1000).unwrap();
                    assert_eq!(bytes, 499);
                    let other = costs.bytes_below(price + 1, kind, &content, 1000).unwrap();
                    assert_eq!(other, 500);
                }
            }
        }
        let noise = content(ContentClass::Noise, 0.0);
        assert_eq!(Costs::LAN.bytes_below(10, ImageKind::Quic, &noise, 1000), None);
        assert!(Costs::LAN.bytes_below(u64::MAX, ImageKind::Quic, &noise, 1000).is_some());
    }

    #[test]
    fn searches_are_paid_for() {
        let text = content(ContentClass::Text, 0.9);
        let best = Search::Glz(Level::Best);
        let lan = Costs::LAN;
        let cost = lan.affords(best, &text, 10_000, 5_000, 0).unwrap();
        assert!(cost > 0 && cost < lan.search);
        // Not where it is gone, nor where there is little to save; and less is saved up for what is cheap.
        assert_eq!(lan.affords(best, &text, 10_000, 5_000, lan.search - cost + 1), None);
        assert_eq!(lan.affords(best, &text, 10_000, 10, 0), None);
        assert_eq!(Costs { effort: Effort::Quick, ..lan }.affords(best, &text, 10_000, 5_000, 0), None);
        let thorough = Costs { effort: Effort::Thorough, search: 0, ..lan };
        assert_eq!(thorough.affords(best, &text, 1 << 24, 10, 0), Some(0));
        // Dear bytes are worth more.
        let slow = Costs::of_bandwidth(12_000_000);
        assert!(slow.search_per_second() > lan.search_per_second() && slow.search_per_second() < 500_000_000);
        assert_eq!(Costs::of_bandwidth(8_000_000).effort, Effort::Thorough);
        assert!(slow.affords(best, &text, 100_000, 10_000, 0).is_some());
    }
}
