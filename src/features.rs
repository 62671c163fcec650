//! What there is: in this build, on this machine, and in the version that an engine is held to.
//!
//! ```
//! use spice_render::features::{Features, features};
//!
//! assert!(features().contains(Features::GUEST_MEMORY | Features::CODEC_QUIC));
//! for (feature, name) in features().named() {
//!     println!("{:016x} {name}", feature.bits());
//! }
//! ```

use crate::client::caps::DisplayCaps;
use crate::client::profile::{OpProfile, Profile, Set};
use crate::qxl::{OpKind, SurfaceFormat};
use crate::wire::ImageKind;
use std::fmt;
use std::ops::{BitAnd, BitOr};

/// A set of features. A feature's bit never changes its meaning and is never used again for another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Features(u64);

macro_rules! table {
    ($($(#[$meta:meta])* $name:ident = $bit:literal, $text:literal, $here:expr;)*) => {
        impl Features {
            $($(#[$meta])* pub const $name: Self = Self(1 << $bit);)*

            /// Every feature with its name, in the order of the bits.
            pub const NAMES: &[(Self, &str)] = &[$((Self::$name, $text),)*];
        }

        /// What this build and this machine have. Always the same in one process.
        pub fn features() -> Features {
            let simd = simd();
            let has: &[(Features, fn(Features) -> bool)] = &[$((Features::$name, $here),)*];
            has.iter().filter(|(_, here)| here(simd)).fold(Features(0), |all, (feature, _)| all | *feature)
        }
    };
}

table! {
    /// QUIC images are decoded and sent.
    CODEC_QUIC = 0, "codec-quic", |_| true;
    /// LZ images are decoded and sent.
    CODEC_LZ = 1, "codec-lz", |_| true;
    /// GLZ images are decoded and sent.
    CODEC_GLZ = 2, "codec-glz", |_| true;
    /// zlib-GLZ images are decoded and sent.
    CODEC_ZLIB_GLZ = 3, "codec-zlib-glz", |_| true;
    /// LZ4 images are decoded and sent.
    CODEC_LZ4 = 4, "codec-lz4", |_| true;
    /// JPEG images are decoded and sent.
    CODEC_JPEG = 5, "codec-jpeg", |_| true;
    /// JPEG images with alpha are decoded and sent.
    CODEC_JPEG_ALPHA = 6, "codec-jpeg-alpha", |_| true;
    /// COMPOSITE is drawn, and sent to clients that have it.
    CAP_COMPOSITE = 8, "cap-composite", |_| true;
    /// Surfaces of 8-bit alpha are drawn on, and made on clients that have them.
    CAP_A8_SURFACE = 9, "cap-a8-surface", |_| true;
    /// A client's PREFERRED_COMPRESSION is heeded.
    CAP_PREF_COMPRESSION = 10, "cap-pref-compression", |_| true;
    /// Clients of protocol 2.0 are served.
    WIRE_MINOR_0 = 16, "wire-minor-0", |_| true;
    /// Clients of protocol 2.1 are served with what it has more: JPEG and zlib-GLZ.
    WIRE_MINOR_1 = 17, "wire-minor-1", |_| true;
    /// Clients of protocol 2.2 are served with what it has more.
    WIRE_MINOR_2 = 18, "wire-minor-2", |_| true;
    /// Commands come from a guest's memory.
    GUEST_MEMORY = 24, "guest-memory", |_| true;
    /// Also in the layout of version 0.4 (`QXLCompatDrawable`).
    GUEST_COMPAT = 25, "guest-compat", |_| true;
    /// Recordings are read and written.
    CAPTURE = 26, "capture", |_| true;
    /// Recordings in zstd are read.
    CAPTURE_ZSTD = 27, "capture-zstd", |_| cfg!(feature = "capture-compression");
    /// Recordings in gzip are read.
    CAPTURE_GZIP = 28, "capture-gzip", |_| cfg!(feature = "capture-compression");
    /// Recordings in xz are read.
    CAPTURE_XZ = 29, "capture-xz", |_| cfg!(feature = "capture-compression");
    /// Recordings in lz4 are read.
    CAPTURE_LZ4 = 30, "capture-lz4", |_| cfg!(feature = "capture-compression");
    /// `link`, `server` and `session`.
    SERVER = 32, "server", |_| cfg!(feature = "server");
    /// `report`.
    REPORT = 33, "report", |_| cfg!(feature = "report");
    /// `images`.
    IMAGES = 34, "images", |_| cfg!(feature = "images");
    /// Client profiles as TOML files.
    PROFILE_FILES = 35, "profile-files", |_| cfg!(feature = "profile-files");
    /// The program.
    CLI = 36, "cli", |_| cfg!(feature = "cli");
    /// The C interface. It is a crate of its own, which adds this to what it answers.
    CAPI = 37, "capi", |_| false;
    /// Pixels are drawn by SSE2.
    SIMD_SSE2 = 48, "simd-sse2", |simd| simd.contains(Features::SIMD_SSE2);
    /// Pixels are drawn by SSE4.2.
    SIMD_SSE4_2 = 49, "simd-sse4.2", |simd| simd.contains(Features::SIMD_SSE4_2);
    /// Pixels are drawn by AVX2.
    SIMD_AVX2 = 50, "simd-avx2", |simd| simd.contains(Features::SIMD_AVX2);
    /// Pixels are drawn by AVX-512.
    SIMD_AVX512 = 51, "simd-avx512", |simd| simd.contains(Features::SIMD_AVX512);
    /// Pixels are drawn by NEON.
    SIMD_NEON = 52, "simd-neon", |simd| simd.contains(Features::SIMD_NEON);
}

/// The machine's vector instructions, of those that the library uses.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn simd() -> Features {
    let level = fearless_simd::Level::new();
    [
        (Features::SIMD_SSE2, level.as_sse2().is_some()),
        (Features::SIMD_SSE4_2, level.as_sse4_2().is_some()),
        (Features::SIMD_AVX2, level.as_avx2().is_some()),
        (Features::SIMD_AVX512, level.as_avx512().is_some()),
    ]
    .into_iter()
    .filter(|(_, here)| *here)
    .fold(Features::NONE, |all, (feature, _)| all | feature)
}

#[cfg(target_arch = "aarch64")]
fn simd() -> Features {
    if fearless_simd::Level::new().as_neon().is_some() { Features::SIMD_NEON } else { Features::NONE }
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
fn simd() -> Features {
    Features::NONE
}

impl Features {
    /// None.
    pub const NONE: Self = Self(0);

    /// The features of these bits; bits without a meaning stay, as a newer version may have given them one.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether all of `other` are here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The feature of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(feature, _)| *feature)
    }

    /// Those that are here, with their names, in the order of the bits.
    pub fn named(self) -> impl Iterator<Item = (Self, &'static str)> {
        Self::NAMES.iter().copied().filter(move |(feature, _)| self.contains(*feature))
    }
}

impl BitOr for Features {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Features {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// The names, joined by blanks.
impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (_, name)) in self.named().enumerate() {
            write!(f, "{}{name}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

/// What an engine may use towards clients and guests, so that it can migrate to another version of this library and
/// back: never more than the oldest of the versions that were named has.
///
/// ```
/// use spice_render::features::{Compat, Features};
///
/// let oldest = Compat::version("0.1").unwrap();
/// // A host told its features by its own means: a mask.
/// let other_host = Features::from_bits(!Features::CODEC_LZ4.bits());
/// let pinned = oldest.and(other_host);
/// assert!(pinned.allows(Features::CODEC_QUIC) && !pinned.allows(Features::CODEC_LZ4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compat(Features);

impl Compat {
    /// The features that a client or a guest notices: what `Compat` is about.
    pub const PINNED: Features = Features(
        Features::CODEC_QUIC.0
            | Features::CODEC_LZ.0
            | Features::CODEC_GLZ.0
            | Features::CODEC_ZLIB_GLZ.0
            | Features::CODEC_LZ4.0
            | Features::CODEC_JPEG.0
            | Features::CODEC_JPEG_ALPHA.0
            | Features::CAP_COMPOSITE.0
            | Features::CAP_A8_SURFACE.0
            | Features::CAP_PREF_COMPRESSION.0
            | Features::WIRE_MINOR_0.0
            | Features::WIRE_MINOR_1.0
            | Features::WIRE_MINOR_2.0,
    );

    /// Every version whose features are known, oldest first, with what it has of [`Compat::PINNED`].
    pub const VERSIONS: &[(&str, Features)] = &[("0.1", Compat::PINNED)];

    /// What a version of this library has, by its major and minor number, as in `0.1`; `None` for those that this
    /// one does not know.
    pub fn version(name: &str) -> Option<Self> {
        Self::VERSIONS.iter().find(|(version, _)| *version == name).map(|(_, has)| Self(*has))
    }

    /// What both have.
    #[must_use]
    pub fn and(self, other: Features) -> Self {
        Self(self.0 & other)
    }

    /// What may be used.
    pub fn features(self) -> Features {
        self.0
    }

    /// Whether something may be used.
    pub fn allows(self, feature: Features) -> bool {
        self.0.contains(feature)
    }

    /// The newest minor version of protocol 2 whose image types may be used.
    pub fn minor(self) -> u32 {
        let minors = [(2, Features::WIRE_MINOR_2), (1, Features::WIRE_MINOR_1)];
        minors.into_iter().find(|(_, feature)| self.allows(*feature)).map_or(0, |(minor, _)| minor)
    }

    /// A client's profile without what may not be used. Raw images stay always, so every picture can be sent.
    #[must_use]
    pub fn narrow(self, mut profile: Profile) -> Profile {
        if self.minor() < profile.minor {
            profile = profile.narrowed_to_minor(self.minor());
        }
        let kinds: [(Features, &[ImageKind]); 7] = [
            (Features::CODEC_QUIC, &[ImageKind::Quic]),
            (Features::CODEC_LZ, &[ImageKind::LzPlt, ImageKind::LzRgb]),
            (Features::CODEC_GLZ, &[ImageKind::GlzRgb]),
            (Features::CODEC_ZLIB_GLZ, &[ImageKind::ZlibGlzRgb]),
            (Features::CODEC_LZ4, &[ImageKind::Lz4]),
            (Features::CODEC_JPEG, &[ImageKind::Jpeg]),
            (Features::CODEC_JPEG_ALPHA, &[ImageKind::JpegAlpha]),
        ];
        for kind in kinds.iter().filter(|(codec, _)| !self.allows(*codec)).flat_map(|(_, kinds)| *kinds) {
            *profile.image_mut(*kind) = Set::NONE;
        }
        if !self.allows(Features::CAP_COMPOSITE) {
            *profile.op_mut(OpKind::Composite) = OpProfile::default();
        }
        if !self.allows(Features::CAP_A8_SURFACE) {
            let alpha = Set::of(&[SurfaceFormat::A8, SurfaceFormat::A1]);
            profile.primary = profile.primary.without(alpha);
            profile.off_screen = profile.off_screen.without(alpha);
        }
        if !self.allows(Features::CAP_PREF_COMPRESSION) {
            profile.preferred = None;
        }
        profile
    }

    /// Capabilities without those that may not be used.
    pub fn narrow_caps(self, caps: DisplayCaps) -> DisplayCaps {
        let pairs = [
            (Features::CAP_COMPOSITE, DisplayCaps::COMPOSITE),
            (Features::CAP_A8_SURFACE, DisplayCaps::A8_SURFACE),
            (Features::CODEC_LZ4, DisplayCaps::LZ4_COMPRESSION),
            (Features::CAP_PREF_COMPRESSION, DisplayCaps::PREF_COMPRESSION),
        ];
        let gone = pairs.into_iter().filter(|(feature, _)| !self.allows(*feature));
        gone.fold(caps, |caps, (_, cap)| caps.without(cap))
    }
}

/// Everything that this version has.
impl Default for Compat {
    fn default() -> Self {
        Self(Self::PINNED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bits_are_one_to_one() {
        let mut seen = Features::NONE;
        for (feature, name) in Features::NAMES {
            assert_eq!(feature.bits().count_ones(), 1);
            assert_eq!(seen & *feature, Features::NONE, "{name}");
            assert_eq!(Features::by_name(name), Some(*feature));
            seen = seen | *feature;
        }
        assert!(seen.contains(features()));
        assert_eq!(features().named().count() as u32, features().bits().count_ones());
        assert_eq!((Features::CODEC_LZ | Features::CLI).to_string(), "codec-lz cli");
    }

    /// Bits are for ever: hosts of different versions compare them.
    #[test]
    fn bits_stay_where_they_are() {
        let all = Features::NAMES.iter().map(|(f, n)| format!("{} {n}", f.bits().trailing_zeros()));
        assert_eq!(
            all.collect::<Vec<_>>().join(", "),
            "0 codec-quic, 1 codec-lz, 2 codec-glz, 3 codec-zlib-glz, 4 codec-lz4, 5 codec-jpeg, 6 codec-jpeg-alpha, \
             8 cap-composite, 9 cap-a8-surface, 10 cap-pref-compression, 16 wire-minor-0, 17 wire-minor-1, \
             18 wire-minor-2, 24 guest-memory, 25 guest-compat, 26 capture, 27 capture-zstd, 28 capture-gzip, \
             29 capture-xz, 30 capture-lz4, 32 server, 33 report, 34 images, 35 profile-files, 36 cli, 37 capi, \
             48 simd-sse2, 49 simd-sse4.2, 50 simd-avx2, 51 simd-avx512, 52 simd-neon"
        );
    }

    #[test]
    fn a_build_has_what_its_version_has() {
        let current = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
        assert_eq!(Compat::version(current), Some(Compat::default()));
        assert!(features().contains(Compat::PINNED));
        assert_eq!(Compat::version("0.0"), None);
        assert_eq!(Compat::VERSIONS.last().map(|(version, _)| *version), Some(current));
    }

    #[test]
    fn narrowing_leaves_a_profile_without_what_is_not_allowed() {
        for profile in Profile::builtin_names().filter_map(Profile::builtin) {
            assert_eq!(Compat::default().narrow(profile.clone()), profile);
            let least = Compat::default().and(Features::WIRE_MINOR_0).narrow(profile.clone());
            assert_eq!(least.minor, 0);
            for kind in ImageKind::ALL.into_iter().filter(|k| k.carries_pixels()) {
                let raw = kind == ImageKind::Bitmap;
                assert_eq!(least.image(kind), if raw { profile.image(kind) } else { Set::NONE }, "{kind:?}");
            }
            assert_eq!(least.op(OpKind::Composite), &OpProfile::default());
            assert_eq!(least.preferred, None);
            let lz4 = Features::from_bits(!Features::CODEC_LZ4.bits());
            let one = Compat::default().and(lz4).narrow(profile.clone());
            assert_eq!(one.image(ImageKind::Lz4), Set::NONE);
            assert_eq!(one.image(ImageKind::Quic), profile.image(ImageKind::Quic));
        }
        let caps = DisplayCaps(!0);
        assert_eq!(Compat::default().narrow_caps(caps), caps);
        let none = Compat::default().and(Features::NONE).narrow_caps(caps);
        assert_eq!(caps.without(none).0, 0b110_1100, "COMPOSITE, A8_SURFACE, LZ4, PREF");
    }
}
