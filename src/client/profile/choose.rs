//! Which profile fits a client that nobody named: fingerprints.

use super::Profile;
use super::set::{Rop3Set, Set};
use crate::client::caps::{Announcement, DisplayCaps};
use crate::qxl::{OpKind, SurfaceFormat};
use crate::wire::ImageKind;
use std::ops::RangeInclusive;

/// What a client gets whose fingerprint matches no built-in profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownPolicy {
    /// [`Profile::safe`].
    #[default]
    Safe,
    /// All that the protocol assumes of every client, and of the rest what the capability bits say. Wrong pictures
    /// are the client's own fault then.
    TrustCaps,
}

/// A profile for a client, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The profile, narrowed to what the client announces.
    pub profile: Profile,
    /// The built-in profile whose fingerprint matched.
    pub matched: Option<&'static str>,
}

/// What one client announces, of all that is known.
struct Fingerprint {
    name: &'static str,
    /// Capabilities that it has.
    has: u64,
    /// Capabilities that it may have besides.
    may: u64,
    /// Pixels of the image cache.
    cache: RangeInclusive<u64>,
    /// Pixels of the GLZ dictionary; 0 and 1 are the same.
    glz: RangeInclusive<u32>,
}

const MI: u64 = 1 << 20;
const MI32: u32 = 1 << 20;

/// The first that matches wins.
const FINGERPRINTS: [Fingerprint; 12] = {
    use DisplayCaps as C;
    const VIDEO: u64 = C::MULTI_CODEC.0 | C::CODECS.0;
    const STREAMS: u64 = C::SIZED_STREAM.0 | C::STREAM_REPORT.0;
    const BROWSER: u64 = STREAMS | C::MULTI_CODEC.0 | C::CODEC_MJPEG.0;
    const DRAWING: u64 = C::COMPOSITE.0 | C::A8_SURFACE.0;
    [
        // PREF_COMPRESSION is a server's capability: spice-gtk does not announce it, imitators do.
        Fingerprint {
            name: "spice-gtk",
            has: C::SIZED_STREAM.0 | C::MONITORS_CONFIG.0 | DRAWING,
            may: C::STREAM_REPORT.0
                | C::LZ4_COMPRESSION.0
                | C::GL_SCANOUT.0
                | VIDEO
                | C::PREF_VIDEO_CODEC_TYPE.0,
            cache: 1..=u64::MAX,
            glz: 2..=u32::MAX,
        },
        Fingerprint { name: "spicec", has: DRAWING, may: 0, cache: 0..=u64::MAX, glz: 0..=u32::MAX },
        Fingerprint {
            name: "spice-html5",
            has: BROWSER,
            may: C::CODEC_VP8.0,
            cache: 10 * MI..=10 * MI,
            glz: 0..=0,
        },
        Fingerprint {
            name: "spice-html5-eshtek",
            has: BROWSER | C::LZ4_COMPRESSION.0,
            may: VIDEO,
            cache: 10 * MI..=10 * MI,
            glz: 0..=0,
        },
        Fingerprint {
            name: "rust-spice-client",
            has: BROWSER,
            may: 0,
            cache: 0..=u64::MAX,
            glz: 0..=u32::MAX,
        },
        Fingerprint { name: "purespice", has: C::PREF_COMPRESSION.0, may: 0, cache: 0..=0, glz: 0..=0 },
        Fingerprint {
            name: "shells-spice",
            has: STREAMS | C::MONITORS_CONFIG.0 | C::LZ4_COMPRESSION.0 | C::PREF_COMPRESSION.0,
            may: 0,
            cache: 0..=0,
            glz: 0..=0,
        },
        Fingerprint {
            name: "spice-viewer",
            has: C::SIZED_STREAM.0 | C::PREF_COMPRESSION.0 | C::MULTI_CODEC.0 | C::CODEC_MJPEG.0,
            may: C::PREF_VIDEO_CODEC_TYPE.0 | C::CODEC_H264.0,
            cache: 20 * MI..=20 * MI,
            glz: 4 * MI32..=4 * MI32,
        },
        Fingerprint {
            name: "ryll",
            has: STREAMS | C::MONITORS_CONFIG.0 | DRAWING | C::LZ4_COMPRESSION.0 | C::PREF_COMPRESSION.0,
            may: VIDEO | C::PREF_VIDEO_CODEC_TYPE.0,
            cache: 0..=u64::MAX,
            glz: 0..=u32::MAX,
        },
        Fingerprint { name: "spice-web-client", has: 0, may: 0, cache: 0..=0, glz: 0..=0 },
        Fingerprint {
            name: "swiftspice",
            has: 0,
            may: 0,
            cache: 16 * MI..=16 * MI,
            glz: 8 * MI32..=8 * MI32,
        },
        Fingerprint { name: "android-2011", has: 0, may: 0, cache: 1..=u64::MAX, glz: 2..=u32::MAX },
    ]
};

impl Fingerprint {
    fn matches(&self, a: &Announcement) -> bool {
        let (has, may) = (DisplayCaps(self.has), DisplayCaps(self.may));
        a.display.contains(has)
            && a.display.without(has.union(may)) == DisplayCaps(0)
            && self.cache.contains(&a.image_cache())
            && self.glz.contains(&a.glz_window())
    }
}

impl Profile {
    /// The profile for a client that announces this. Until DISPLAY_INIT came nothing matches: the caches' sizes are
    /// what tells most clients apart.
    ///
    /// The profile is narrowed: image types that the minor version lacks, LZ4 without its capability, and caches
    /// that DISPLAY_INIT does not grant are gone; cache sizes and the preferred compression are the announced ones.
    pub fn choose(announced: &Announcement, unknown: UnknownPolicy) -> Choice {
        let print = FINGERPRINTS.iter().find(|f| announced.init.is_some() && f.matches(announced));
        let matched = print.map(|f| f.name);
        let profile = match (matched.and_then(Profile::builtin), unknown) {
            (Some(profile), _) => profile,
            (None, UnknownPolicy::Safe) => Profile::safe(),
            (None, UnknownPolicy::TrustCaps) => Profile::trusting(announced.display),
        };
        Choice { profile: profile.narrowed_to(announced), matched }
    }

    /// What a client must have if its capabilities are the whole truth.
    pub fn trusting(caps: DisplayCaps) -> Profile {
        let mut p = Profile::builtin("spice-gtk").unwrap_or_else(Profile::safe);
        p.name = "trust-caps".to_owned();
        p.comment = "what the capability bits say".to_owned();
        p.rop3 = Rop3Set::ternary();
        if !caps.contains(DisplayCaps::COMPOSITE) {
            *p.op_mut(OpKind::Composite) = Default::default();
            p.operators = Set::NONE;
        }
        if !caps.contains(DisplayCaps::A8_SURFACE) {
            let alpha = Set::of(&[SurfaceFormat::A8, SurfaceFormat::A1]);
            p.primary = p.primary.without(alpha);
            p.off_screen = p.off_screen.without(alpha);
        }
        p
    }

    /// The same without what the client does not announce; sizes and preference as announced.
    pub fn narrowed_to(self, announced: &Announcement) -> Profile {
        let mut p = self.narrowed_to_minor(announced.minor);
        if !announced.display.contains(DisplayCaps::LZ4_COMPRESSION) {
            *p.image_mut(ImageKind::Lz4) = Set::NONE;
        }
        p.image_cache = if p.image_cache == 0 { 0 } else { announced.image_cache() };
        if p.image_cache == 0 {
            *p.image_mut(ImageKind::FromCache) = Set::NONE;
            *p.image_mut(ImageKind::FromCacheLossless) = Set::NONE;
        }
        p.glz_window = if p.glz_window == 0 { 0 } else { announced.glz_window() };
        if p.glz_window == 0 {
            *p.image_mut(ImageKind::GlzRgb) = Set::NONE;
            *p.image_mut(ImageKind::ZlibGlzRgb) = Set::NONE;
        }
        p.preferred = announced.preferred.or(p.preferred);
        p
    }
}
