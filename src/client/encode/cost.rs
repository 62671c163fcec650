//! What an image costs: bytes on the link, and the time to encode it here and to decode it there, from tables.

use crate::wire::ImageKind;
use spice_codecs::ContentClass;
use spice_codecs::lz::Level;

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
}

/// How hard to look for fewer bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// The one or two encodings that the content suggests, at their quickest.
    Quick,
    /// The promising encodings.
    Normal,
    /// Everything, as small as it goes.
    Thorough,
}

impl Costs {
    /// A local network: 100 Mbit/s is what one client shall take of it. Time counts little: a server has more of it
    /// than its clients' links have bytes.
    pub const LAN: Self = Self { ns_per_byte: 80, cpu_percent: 3, effort: Effort::Normal };

    /// A link of so many bits a second: up to 100 Mbit/s bytes are worth any effort. (Looking at GLZ for photos too
    /// took 4 % longer on the recordings, and 5 % fewer bytes.)
    pub fn of_bandwidth(bits_per_second: u64) -> Self {
        let ns_per_byte =
            (8_000_000_000 / bits_per_second.max(1)).clamp(Self::LAN.ns_per_byte.into(), 1_000_000) as u32;
        let effort = if bits_per_second <= 100_000_000 { Effort::Thorough } else { Effort::Normal };
        Self { ns_per_byte, cpu_percent: 5, effort }
    }

    /// How hard LZ and GLZ look for matches.
    pub(super) fn level(&self) -> Level {
        match self.effort {
            Effort::Quick => Level::Fast,
            // On text it takes a third longer than the default and saves a third (xterm's screen; a tenth on gtk's).
            Effort::Normal | Effort::Thorough => Level::Best,
        }
    }

    /// Nanoseconds that an image of `pixels` costs, all in all, when it takes `bytes`.
    pub(super) fn price(&self, kind: ImageKind, class: ContentClass, pixels: u64, bytes: usize) -> u64 {
        bytes as u64 * u64::from(self.ns_per_byte) + self.cpu(kind, class, pixels)
    }

    /// The most bytes at which an image costs less than `price`; `None` if it never does.
    pub(super) fn bytes_below(
        &self,
        price: u64,
        kind: ImageKind,
        class: ContentClass,
        pixels: u64,
    ) -> Option<usize> {
        let left = price.checked_sub(self.cpu(kind, class, pixels) + 1)?;
        usize::try_from(left / u64::from(self.ns_per_byte.max(1))).ok()
    }

    fn cpu(&self, kind: ImageKind, class: ContentClass, pixels: u64) -> u64 {
        pixels * u64::from(tenths(kind, class, self.effort)) / 10 * u64::from(self.cpu_percent) / 100
    }
}

/// Tenths of nanoseconds a pixel for encoding and decoding, as measured on text and photos (`codecs/SPEED.md` of the
/// project's notes; levels above the quickest by `speed_table`).
fn tenths(kind: ImageKind, class: ContentClass, effort: Effort) -> u32 {
    let flat = matches!(class, ContentClass::Solid | ContentClass::FewColours | ContentClass::Text);
    let search = match effort {
        Effort::Quick => 1,
        Effort::Normal | Effort::Thorough => 4,
    };
    let (encode, decode) = match (kind, flat) {
        (ImageKind::Bitmap | ImageKind::FromCache | ImageKind::FromCacheLossless | ImageKind::Surface, _) => {
            (1, 2)
        }
        (ImageKind::LzPlt, _) => (15 * search, 5),
        (ImageKind::LzRgb, true) => (20 * search, 7),
        (ImageKind::LzRgb, false) => (125 * search, 36),
        (ImageKind::GlzRgb, true) => (20 * search, 9),
        (ImageKind::GlzRgb, false) => (300 * search, 30),
        (ImageKind::ZlibGlzRgb, true) => (45 * search, 15),
        (ImageKind::ZlibGlzRgb, false) => (400 * search, 60),
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

    #[test]
    fn bounds_are_where_prices_meet() {
        for costs in [Costs::LAN, Costs::of_bandwidth(1_000_000), Costs::of_bandwidth(0)] {
            for kind in ImageKind::ALL {
                let price = costs.price(kind, ContentClass::Text, 1000, 500);
                let bytes = costs.bytes_below(price, kind, ContentClass::Text, 1000).unwrap();
                assert_eq!(bytes, 499);
                let other = costs.bytes_below(price + 1, kind, ContentClass::Text, 1000).unwrap();
                assert_eq!(other, 500);
            }
        }
        assert_eq!(Costs::LAN.bytes_below(10, ImageKind::Quic, ContentClass::Noise, 1000), None);
    }
}
