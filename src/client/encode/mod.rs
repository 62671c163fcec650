//! Pixels to images of the display channel, for one client and the fewest bytes.
//!
//! An [`ImageEncoder`] knows what one client decodes (its [`Profile`]) and what it holds (its caches and its GLZ
//! window). [`ImageEncoder::encode`] turns an area of a surface into the cheapest image that shows it;
//! [`ImageEncoder::transcode`] does so with an image of the guest's that an operation reads. Whatever they return
//! must be sent, in the order in which it was made: the client's caches follow.
//!
//! The cheapest is what the [`Costs`] of the link say: bytes, and a little the time on both ends. Nothing depends on
//! clocks or threads.

mod best;
mod canonical;
mod choose;
mod cost;
mod guess;
mod hash;
mod job;
mod mirror;
mod odds;
mod palettes;
mod photo;
mod shared;
mod state;
#[cfg(test)]
mod tests;
mod transcode;

pub use cost::{Costs, Effort};
pub use hash::{ContentHash, content_hash};
pub use mirror::{CacheMirror, MirrorState, OWN_ID};
pub(super) use photo::{BLOCK, Block};
pub use photo::{Photo, photo};
pub use shared::SharedEncodes;
pub use state::{EncoderState, StateError};
pub use transcode::{ImageUse, Reads};

use super::caps::Announcement;
use super::profile::{Profile, Set};
use crate::qxl::{BitmapFormat, Rect, SurfaceFormat};
use crate::trace::span;
use crate::wire::{Image, ImageCompression, ImageData, ImageKind, ServerMessage};
use canonical::Canonical;
use choose::Chooser;
use guess::Guesses;
use spice_codecs::glz::GlzDictionary;
use spice_raster::SurfaceRef;
use std::fmt;

/// How large a client's memories are, and which images its protocol version has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Pixels of its image cache; 0 if it has none.
    pub image_cache: u64,
    /// Pixels of its GLZ window; 0 if it has none.
    pub glz_window: u32,
    /// The minor version of protocol 2 that it speaks.
    pub minor: u32,
}

impl Sizes {
    /// What a profile says.
    pub fn of_profile(profile: &Profile) -> Self {
        Self { image_cache: profile.image_cache, glz_window: profile.glz_window, minor: profile.minor }
    }

    /// What a client announced (`DISPLAY_INIT`), where the profile has the thing at all.
    pub fn announced(profile: &Profile, announcement: &Announcement) -> Self {
        let has = |kind: ImageKind| !profile.image(kind).is_empty();
        Self {
            image_cache: if has(ImageKind::FromCache) { announcement.image_cache() } else { 0 },
            glz_window: if has(ImageKind::GlzRgb) { announcement.glz_window() } else { 0 },
            minor: announcement.minor.min(profile.minor),
        }
    }
}

/// How good an image must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// JPEG is allowed, where the content is a photo.
    pub lossy: bool,
    /// JPEG's quality, 1 to 100.
    pub jpeg: u8,
    /// The area was judged to be a photo already: nothing in it is looked at again.
    pub photo: bool,
    /// The x byte of x8r8g8b8 pixels (and bit 15 of x1r5g5b5) must arrive too.
    pub needs_x: bool,
    /// The image uses nothing that the client remembers and is not remembered: no cache, no dictionary.
    pub alone: bool,
}

impl Quality {
    /// Every visible bit.
    pub const EXACT: Self = Self { lossy: false, jpeg: 85, photo: false, needs_x: false, alone: false };
    /// JPEG for photos, at the quality of SPICE servers.
    pub const LOSSY: Self = Self { lossy: true, ..Self::EXACT };
    /// JPEG for an area that is known to be a photo.
    pub const PHOTO: Self = Self { photo: true, ..Self::LOSSY };
}

/// An encoded image. It must be sent, behind what was encoded before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Coded {
    /// The image, top row first.
    pub image: Image,
    /// How it is coded: the image's kind.
    pub codec: ImageKind,
    /// Whether the client's pixels will differ from the true ones.
    pub lossy: bool,
    /// Bytes that it takes on the wire, its palette included.
    pub bytes: usize,
    /// What its content is remembered by, if the client has it in its cache from now on.
    pub kept: Option<ContentHash>,
    /// Nanoseconds that went into looking for a smaller one, of [`Costs::search`].
    pub spent: u64,
    /// What must be sent before the message that carries it: INVAL_LIST and INVAL_PALETTE.
    pub before: Vec<ServerMessage>,
}

/// Why an area cannot be encoded for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unencodable {
    /// The area is empty or not within the surface.
    Area {
        /// The area.
        rect: Rect,
    },
    /// Pixels of one surface format cannot be shown on a surface of the other by an image.
    Format {
        /// The true surface's.
        truth: SurfaceFormat,
        /// The client's.
        target: SurfaceFormat,
    },
    /// The client decodes no image that can carry these pixels.
    NoImage {
        /// The pixels' format.
        format: BitmapFormat,
    },
}

impl fmt::Display for Unencodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Area { rect } => write!(
                f,
                "area {},{} to {},{} is empty or not within the surface",
                rect.left, rect.top, rect.right, rect.bottom
            ),
            Self::Format { truth, target } => {
                write!(f, "no image shows {truth:?} pixels on a {target:?} surface")
            }
            Self::NoImage { format } => write!(f, "the client decodes no image of {} pixels", format.name()),
        }
    }
}

impl std::error::Error for Unencodable {}

/// Encodes images for one client.
#[derive(Debug)]
pub struct ImageEncoder {
    formats: [Set<BitmapFormat>; ImageKind::ALL.len()],
    sizes: Sizes,
    preferred: Option<ImageCompression>,
    images: CacheMirror<ContentHash>,
    chooser: Chooser,
    canonical: Canonical,
    guesses: Guesses,
}

impl ImageEncoder {
    /// For a client of this profile and these sizes, whose caches are empty.
    pub fn new(profile: &Profile, sizes: Sizes) -> Self {
        Self::with_shared(profile, sizes, SharedEncodes::new(0))
    }

    /// The same, sharing streams with other clients.
    pub fn with_shared(profile: &Profile, sizes: Sizes, shared: SharedEncodes) -> Self {
        let mut encoder = Self {
            formats: profile.images,
            sizes,
            preferred: profile.preferred,
            images: CacheMirror::new(sizes.image_cache),
            chooser: Chooser::new(shared, profile.palette_cache),
            canonical: Canonical::default(),
            guesses: Guesses::default(),
        };
        encoder.start(None);
        encoder
    }

    fn start(&mut self, dictionary: Option<GlzDictionary>) {
        let Sizes { glz_window, minor, .. } = self.sizes;
        for kind in ImageKind::ALL {
            let known =
                kind.since_minor() <= minor && (kind != ImageKind::FromCache || self.sizes.image_cache > 0);
            if !known {
                self.formats[kind as usize] = Set::NONE;
            }
        }
        self.chooser.dictionary =
            (glz_window > 1).then(|| dictionary.unwrap_or_else(|| GlzDictionary::new(glz_window)));
    }

    /// The client's profile changed; what it holds did not. Sizes stay.
    pub fn set_profile(&mut self, profile: &Profile) {
        self.formats = profile.images;
        self.preferred = profile.preferred;
        let dictionary = self.chooser.dictionary.take();
        self.start(dictionary);
    }

    /// The client prefers another compression (PREFERRED_COMPRESSION); `None`: whatever is smallest.
    pub fn set_preferred(&mut self, preferred: Option<ImageCompression>) {
        self.preferred = preferred;
    }

    /// The compression that the client prefers.
    pub fn preferred(&self) -> Option<ImageCompression> {
        self.preferred
    }

    /// The client's sizes.
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// The client forgets everything: RESET is being sent, or a new connection begins. GLZ images count from 0 again.
    pub fn reset(&mut self) {
        self.images.clear();
        self.chooser.palettes.clear();
        if let Some(dictionary) = &mut self.chooser.dictionary {
            dictionary.reset();
        }
    }

    /// The client drops its images (INVAL_ALL_PIXMAPS is being sent).
    pub fn forget_images(&mut self) {
        self.images.clear();
    }

    /// The client drops its palettes (INVAL_ALL_PALETTES is being sent).
    pub fn forget_palettes(&mut self) {
        self.chooser.palettes.clear();
    }

    /// The image cache as the client holds it: costs are pixels.
    pub fn image_cache(&self) -> &CacheMirror<ContentHash> {
        &self.images
    }

    /// The palette cache as the client holds it.
    pub fn palette_cache(&self) -> &CacheMirror<Vec<u32>> {
        &self.chooser.palettes
    }

    /// The pixel formats that may be sent in images of this kind, the preferred compression considered.
    pub fn formats(&self, kind: ImageKind) -> Set<BitmapFormat> {
        use ImageCompression as P;
        use ImageKind as K;
        let wanted = match (self.preferred, kind) {
            (_, K::Bitmap | K::FromCache | K::FromCacheLossless | K::Surface) => true,
            (None | Some(P::Invalid | P::AutoGlz), _) => true,
            (Some(P::Off), _) => false,
            (Some(P::AutoLz), _) => !matches!(kind, K::GlzRgb | K::ZlibGlzRgb),
            (Some(P::Quic), _) => matches!(kind, K::Quic | K::Jpeg | K::JpegAlpha),
            (Some(P::Glz), _) => !matches!(kind, K::Quic | K::Lz4),
            (Some(P::Lz), _) => matches!(kind, K::LzRgb | K::LzPlt | K::Jpeg | K::JpegAlpha),
            (Some(P::Lz4), _) => matches!(kind, K::Lz4 | K::Jpeg | K::JpegAlpha),
        };
        if wanted { self.formats[kind as usize] } else { Set::NONE }
    }

    /// The cheapest image of the area `rect` of `truth`, to be put unscaled on a surface of format `target` of the
    /// client's (the true surface's own, or `X8R8G8B8` where the client has no other).
    ///
    /// The client's pixels then equal the true ones in every visible bit: colours on x8r8g8b8, all on a8r8g8b8, 15
    /// or 16 bits on 16-bit surfaces; in every bit if `quality.needs_x`. Unless JPEG was allowed and taken:
    /// [`Coded::lossy`].
    pub fn encode(
        &mut self,
        truth: SurfaceRef<'_>,
        rect: Rect,
        target: SurfaceFormat,
        quality: &Quality,
        costs: &Costs,
    ) -> Result<Coded, Unencodable> {
        span!("spice_render_encode", pixels = rect.area());
        let shape = self.canonical_area(truth, rect, target, quality.needs_x)?;
        self.finish(shape, quality, costs, None)
    }

    /// Whether the client keeps images of 32 bits a pixel.
    pub fn has_cache(&self) -> bool {
        self.formats(ImageKind::FromCache).contains(BitmapFormat::Bit32)
    }

    /// Whether the client has an image in its cache. Changes nothing that is sent.
    pub fn holds(&self, content: &ContentHash) -> bool {
        self.has_cache() && self.images.contains(content)
    }

    /// An image that the client has in its cache, of this size, by its name: [`Coded::kept`] said so. It must be sent.
    /// `None` if the client has it no longer.
    pub fn named(&mut self, content: &ContentHash, width: u32, height: u32) -> Option<Image> {
        let id = if self.has_cache() { self.images.find(content) } else { None };
        id.map(|id| Image { id, flags: 0, width, height, data: ImageData::FromCache })
    }

    /// Whether the client has exactly this image in its cache, so that [`Self::encode`] would only name it. Changes
    /// nothing that is sent.
    pub fn is_cached(
        &mut self,
        truth: SurfaceRef<'_>,
        rect: Rect,
        target: SurfaceFormat,
        quality: &Quality,
    ) -> bool {
        let Ok(shape) = self.canonical_area(truth, rect, target, quality.needs_x) else { return false };
        let hash = shape.hash(&self.canonical.data);
        self.formats(ImageKind::FromCache).contains(shape.format) && self.images.contains(&hash)
    }
}
