//! Capability bits: what a client announces when it links.
//!
//! Bits say little about drawing: of all of them only COMPOSITE and A8_SURFACE do, and real clients announce
//! what they lack and have what they do not announce. What may be sent is the [`Profile`](super::profile)'s word.

use crate::wire::{DisplayInit, ImageCompression};
use std::fmt;

macro_rules! caps {
    ($(#[$meta:meta])* $name:ident { $($(#[$bit_meta:meta])* $bit:ident = $number:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub u64);

        impl $name {
            $($(#[$bit_meta])* pub const $bit: Self = Self(1 << $number);)*

            /// Every known bit with its protocol name, in the order of its number.
            pub const NAMES: &[(Self, &str)] = &[$((Self::$bit, stringify!($bit)),)*];

            /// From the 32-bit words of a link message. Words past the second are dropped: no bit there has a meaning.
            pub fn from_words(words: &[u32]) -> Self {
                words.iter().take(2).zip([0, 32]).fold(Self(0), |all, (w, at)| Self(all.0 | u64::from(*w) << at))
            }

            /// The words of a link message: as few as hold all bits, none for none.
            pub fn words(self) -> Vec<u32> {
                let mut words = vec![self.0 as u32, (self.0 >> 32) as u32];
                while words.last() == Some(&0) {
                    words.pop();
                }
                words
            }

            /// Whether all bits of `other` are set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The bits of both.
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// The bits that both have.
            pub const fn intersection(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// The bits of `self` that `other` lacks.
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        /// The names, joined by blanks; unknown bits as `BIT_n`.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut blank = "";
                for n in (0..64).filter(|n| self.0 >> n & 1 == 1) {
                    match Self::NAMES.iter().find(|(bit, _)| bit.0 == 1 << n) {
                        Some((_, name)) => write!(f, "{blank}{name}")?,
                        None => write!(f, "{blank}BIT_{n}")?,
                    }
                    blank = " ";
                }
                Ok(())
            }
        }
    };
}

caps! {
    /// `SPICE_COMMON_CAP_*`.
    CommonCaps {
        /// The client names its way of authentication.
        PROTOCOL_AUTH_SELECTION = 0,
        /// Tickets.
        AUTH_SPICE = 1,
        /// SASL.
        AUTH_SASL = 2,
        /// Headers of 6 bytes instead of 18.
        MINI_HEADER = 3,
    }
}

caps! {
    /// `SPICE_DISPLAY_CAP_*`.
    DisplayCaps {
        /// Knows STREAM_DATA_SIZED.
        SIZED_STREAM = 0,
        /// Knows MONITORS_CONFIG.
        MONITORS_CONFIG = 1,
        /// Says that it draws COMPOSITE.
        COMPOSITE = 2,
        /// Says that it has surfaces of 8-bit alpha.
        A8_SURFACE = 3,
        /// Reports on streams.
        STREAM_REPORT = 4,
        /// Says that it decodes LZ4 images.
        LZ4_COMPRESSION = 5,
        /// May send PREFERRED_COMPRESSION.
        PREF_COMPRESSION = 6,
        /// Takes GL scan-outs.
        GL_SCANOUT = 7,
        /// Says which video codecs it has, by the bits below.
        MULTI_CODEC = 8,
        /// Motion JPEG.
        CODEC_MJPEG = 9,
        /// VP8.
        CODEC_VP8 = 10,
        /// H.264.
        CODEC_H264 = 11,
        /// May send PREFERRED_VIDEO_CODEC_TYPE.
        PREF_VIDEO_CODEC_TYPE = 12,
        /// VP9.
        CODEC_VP9 = 13,
        /// H.265.
        CODEC_H265 = 14,
    }
}

impl DisplayCaps {
    /// All bits that name a video codec.
    pub const CODECS: Self = Self(
        Self::CODEC_MJPEG.0 | Self::CODEC_VP8.0 | Self::CODEC_H264.0 | Self::CODEC_VP9.0 | Self::CODEC_H265.0,
    );
}

/// Everything that a client says about itself. Together it is a fingerprint: no message carries the client's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The minor version of protocol 2.
    pub minor: u32,
    /// Common capabilities on the display channel.
    pub common: CommonCaps,
    /// The display channel's capabilities.
    pub display: DisplayCaps,
    /// 32-bit words of display capabilities in the link message; an old client sends none at all.
    pub display_words: u32,
    /// DISPLAY_INIT, once it came.
    pub init: Option<DisplayInit>,
    /// PREFERRED_COMPRESSION, if it came.
    pub preferred: Option<ImageCompression>,
    /// Which channels the client has linked: bit n for `SPICE_CHANNEL_*` n. 0 if not known.
    pub channels: u32,
}

impl Announcement {
    /// Pixels of the GLZ dictionary, 0 where DISPLAY_INIT did not come or says 0, 1 or less: no GLZ then.
    pub fn glz_window(&self) -> u32 {
        let pixels = self.init.map_or(0, |i| u32::try_from(i.glz_dictionary_window_size).unwrap_or(0));
        if pixels > 1 { pixels } else { 0 }
    }

    /// Pixels of the image cache, 0 where DISPLAY_INIT did not come or says none.
    pub fn image_cache(&self) -> u64 {
        self.init.map_or(0, |i| u64::try_from(i.pixmap_cache_size).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_names() {
        let caps = DisplayCaps::from_words(&[0x3bf]);
        assert_eq!(
            caps.to_string(),
            "SIZED_STREAM MONITORS_CONFIG COMPOSITE A8_SURFACE STREAM_REPORT LZ4_COMPRESSION GL_SCANOUT MULTI_CODEC \
             CODEC_MJPEG"
        );
        assert_eq!(caps.words(), [0x3bf]);
        assert_eq!(DisplayCaps::default().words(), [0u32; 0]);
        assert_eq!(DisplayCaps::from_words(&[1, 2, 3]), DisplayCaps(0x2_0000_0001));
        assert_eq!(DisplayCaps(0x2_0000_0001).words(), [1, 2]);
        assert_eq!(DisplayCaps(1 << 33).to_string(), "BIT_33");
    }
}
