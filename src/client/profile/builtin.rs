//! The built-in profiles: every client that is known, and three that are only ideas.
//!
//! What real clients lack was read from their sources; `CLIENTS.md` of the project's notes has the versions.

use super::feature::{Feature as F, Operator, Rop2};
use super::set::{Member, Rop3Set, Set};
use super::{Drawn, OpProfile, Profile, Quirks};
use crate::qxl::{BitmapFormat as B, OpKind as K, SurfaceFormat as S};
use crate::wire::{ImageCompression, ImageKind as I, ServerKind as M};

/// A name, and what makes the profile.
type Entry = (&'static str, fn() -> Profile);

const TABLE: [Entry; 16] = [
    ("spice-gtk", spice_gtk),
    ("spicec", spicec),
    ("android-2011", android_2011),
    ("spice-html5", spice_html5),
    ("spice-html5-eshtek", spice_html5_eshtek),
    ("spice-web-client", spice_web_client),
    ("purespice", purespice),
    ("shells-spice", shells_spice),
    ("spice-viewer", spice_viewer),
    ("ryll", ryll),
    ("rust-spice-client", rust_spice_client),
    ("swiftspice", swiftspice),
    ("safe", safe),
    ("full", full),
    ("images-only", images_only),
    ("raw-only", raw_only),
];

impl Profile {
    /// The names of the built-in profiles.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|(name, _)| *name)
    }

    /// The built-in profile of a name.
    pub fn builtin(name: &str) -> Option<Profile> {
        TABLE.iter().find(|(n, _)| *n == name).map(|(name, make)| {
            let mut profile = make();
            profile.name = (*name).to_owned();
            profile
        })
    }

    /// A profile that draws nothing, on a 32-bit primary surface.
    #[cfg(feature = "profile-files")]
    pub(super) fn nothing() -> Profile {
        nothing("")
    }

    /// The profile of clients that nobody knows: whole, unclipped, unscaled images and plain fills on a 32-bit
    /// primary surface, in the three oldest encodings.
    pub fn safe() -> Profile {
        Profile { name: "safe".to_owned(), ..safe() }
    }
}

/// Draws nothing.
fn nothing(comment: &str) -> Profile {
    Profile {
        name: String::new(),
        comment: comment.to_owned(),
        minor: 2,
        primary: Set::of(&[S::X8R8G8B8, S::A8R8G8B8]),
        off_screen: Set::NONE,
        image_cache: 0,
        glz_window: 0,
        palette_cache: 0,
        preferred: None,
        images: [Set::NONE; I::ALL.len()],
        ignored: Set::NONE,
        ops: [OpProfile::default(); K::ALL.len()],
        rop3: Rop3Set::default(),
        operators: Set::NONE,
        quirks: Quirks::default(),
    }
}

const PALETTE: [B; 5] = [B::Bit1Le, B::Bit1Be, B::Bit4Le, B::Bit4Be, B::Bit8];

/// The pixel formats that an image type can carry at all.
pub(super) fn formats_of(kind: I) -> Set<B> {
    match kind {
        I::Bitmap | I::FromCache | I::FromCacheLossless | I::Surface => Set::all(),
        I::LzPlt => Set::of(&PALETTE),
        I::LzRgb => Set::of(&[B::Bit16, B::Bit24, B::Bit32, B::Rgba, B::Alpha8]),
        I::Quic | I::GlzRgb | I::ZlibGlzRgb | I::Lz4 => Set::of(&[B::Bit16, B::Bit24, B::Bit32, B::Rgba]),
        I::Jpeg => Set::of(&[B::Bit24, B::Bit32]),
        I::JpegAlpha => Set::of(&[B::Rgba]),
    }
}

/// Whether operations of this kind have a rop descriptor.
pub(super) fn has_rop(kind: K) -> bool {
    matches!(kind, K::Fill | K::Opaque | K::Copy | K::Blend | K::Stroke | K::Text)
}

impl OpProfile {
    /// All of an operation.
    fn all(kind: K) -> Self {
        Self {
            drawn: Drawn::Yes,
            features: F::of_op(kind),
            rops: if has_rop(kind) { Set::all() } else { Set::NONE },
            ..Self::default()
        }
    }

    /// An operation with these features and rops, that is not drawn when it asks for more.
    fn some(features: &[F], rops: &[Rop2]) -> Self {
        let (features, rops) = (Set::of(features), Set::of(rops));
        Self { drawn: Drawn::Yes, features, rops, ..Self::default() }
    }

    /// Ignores these features where it lacks them, and rops too if it lacks some.
    fn ignoring(mut self, features: impl IntoIterator<Item = F>) -> Self {
        self.ignores = Set::of(&features.into_iter().collect::<Vec<_>>()).without(self.features);
        self.rop_as_put = !self.rops.is_empty() && self.rops != Set::all();
        self
    }
}

impl Profile {
    fn with(mut self, kind: K, op: OpProfile) -> Self {
        *self.op_mut(kind) = op;
        self
    }
    fn with_images(mut self, kinds: &[I]) -> Self {
        kinds.iter().for_each(|k| *self.image_mut(*k) = formats_of(*k));
        self
    }
    fn with_formats(mut self, kind: I, formats: &[B]) -> Self {
        *self.image_mut(kind) = Set::of(formats);
        self
    }
}

const CLIP: [F; 2] = [F::ClipRect, F::ClipRects];
const MASK: [F; 3] = [F::Mask, F::MaskInvers, F::MaskSurface];
const GEOMETRY: [F; 5] = [F::SrcOffset, F::SrcPart, F::SurfacePart, F::ScaleNearest, F::ScaleInterpolate];

/// Clips, masks, source areas and scaling.
fn clip_mask_geometry() -> impl Iterator<Item = F> {
    CLIP.into_iter().chain(MASK).chain(GEOMETRY)
}

fn full() -> Profile {
    let mut p = nothing("everything that the protocol has, without faults").with_images(&I::ALL);
    for kind in K::ALL.into_iter().filter(|k| *k != K::Nop) {
        *p.op_mut(kind) = OpProfile::all(kind);
    }
    p.primary = Set::all();
    p.off_screen = Set::all();
    p.image_cache = 20 << 20;
    p.glz_window = 16 << 20 >> 2;
    p.palette_cache = 128;
    p.rop3 = Rop3Set::ALL;
    p.operators = Operator::defined();
    p
}

impl Operator {
    /// The operators that have a meaning.
    pub(super) fn defined() -> Set<Operator> {
        let defined = Operator::ALL.iter().filter(|o| !o.name().starts_with("0x"));
        Set::of(&defined.copied().collect::<Vec<_>>())
    }
}

fn spice_gtk() -> Profile {
    let mut p = full();
    p.comment = "spice-gtk 0.42: virt-viewer, Boxes, Remmina, aSPICE, UTM; the reference".to_owned();
    // QUIRKS.md: what it aborts on must never be sent.
    let colour = [B::Bit1Be, B::Bit4Be, B::Bit8, B::Bit16, B::Bit24, B::Bit32, B::Rgba, B::Alpha8];
    *p.image_mut(I::Bitmap) = Set::of(&colour).union(Set::of(&[B::Bit1Le]));
    *p.image_mut(I::LzPlt) = Set::of(&[B::Bit1Be, B::Bit4Be, B::Bit8]);
    p.rop3 = Rop3Set::ternary();
    p.op_mut(K::Stroke).features = F::of_op(K::Stroke).without(Set::of(&[F::PatternSurface]));
    p.quirks.composite_sticks = true;
    p
}

fn spicec() -> Profile {
    let mut p = spice_gtk();
    p.comment = "spicec, the first client, removed from SPICE in 2013".to_owned();
    *p.image_mut(I::Lz4) = Set::NONE;
    p
}

fn android_2011() -> Profile {
    let mut p = spicec();
    p.comment = "the Android client of 2011: spicec's operations but COMPOSITE".to_owned();
    *p.op_mut(K::Composite) = OpProfile::default();
    p.operators = Set::NONE;
    p.primary = Set::all().without(Set::of(&[S::A1, S::A8]));
    p.off_screen = p.primary;
    p.quirks.composite_sticks = false;
    p.narrowed_to_minor(1)
}

fn spice_html5() -> Profile {
    let mut p = nothing("spice-html5 0.3.0, in a browser, as Debian has it")
        .with_formats(I::Bitmap, &[B::Bit32, B::Rgba])
        .with_formats(I::Quic, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::LzRgb, &[B::Bit32, B::Rgba])
        .with_images(&[I::Jpeg, I::JpegAlpha, I::FromCache, I::Surface])
        .with(
            K::Copy,
            OpProfile::some(&[F::SrcSurface, F::SurfacePart], &[Rop2::Copy]).ignoring(clip_mask_geometry()),
        )
        .with(
            K::Fill,
            OpProfile::some(&[F::BrushSolid], &[Rop2::Copy]).ignoring(CLIP.into_iter().chain(MASK)),
        )
        .with(K::CopyBits, OpProfile::some(&[], &[]).ignoring(CLIP));
    // On ARGB surfaces it blends where it should replace, and fills make alpha 255.
    p.primary = Set::of(&[S::X8R8G8B8]);
    p.off_screen = p.primary;
    p.image_cache = 10 << 20;
    p.ignored = Set::of(&[
        M::Mode,
        M::Mark,
        M::InvalAllPixmaps,
        M::InvalPalette,
        M::InvalAllPalettes,
        M::MonitorsConfig,
        M::StreamDestroyAll,
    ]);
    p.quirks.jpeg_reorders = true;
    p.quirks.lz_top_down_only = true;
    p
}

fn spice_html5_eshtek() -> Profile {
    // Its canvas draws are not bit-exact: what is anti-aliased or blended by the browser counts as lacking.
    let mut p = spice_html5()
        .with_formats(I::Bitmap, &[B::Bit1Be, B::Bit4Be, B::Bit8, B::Bit16, B::Bit24, B::Bit32, B::Rgba])
        .with_images(&[I::LzPlt, I::Lz4, I::FromCacheLossless]);
    p.comment = "eshtek/spice-html5 of 2026 (HexOS, TrueNAS); blends are not exact to the bit".to_owned();
    p.palette_cache = 128;
    p.ignored = Set::of(&[M::InvalAllPixmaps]);
    p.quirks.lz_top_down_only = false;
    let plain = [F::ClipRect, F::ClipRects, F::SrcOffset, F::SrcPart, F::SrcSurface, F::SurfacePart];
    *p.op_mut(K::Copy) = OpProfile::some(&plain, &[Rop2::Copy]);
    *p.op_mut(K::Fill) = OpProfile::some(&[F::ClipRect, F::ClipRects, F::BrushSolid], &[Rop2::Copy]);
    *p.op_mut(K::CopyBits) = OpProfile::some(&CLIP, &[]);
    *p.op_mut(K::Blackness) = OpProfile::some(&CLIP, &[]);
    *p.op_mut(K::Whiteness) = OpProfile::some(&CLIP, &[]);
    *p.op_mut(K::Invers) = OpProfile::some(&CLIP, &[]);
    p
}

fn spice_web_client() -> Profile {
    // ROP3, STROKE, TEXT and the blends are drawn, but not to the bit: they count as lacking.
    let mut p = nothing("eyeos spice-web-client ddf5ea9 and its forks (flexVDI, Open365)")
        .with_formats(I::Bitmap, &[B::Bit32, B::Rgba])
        .with_formats(I::Quic, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::LzRgb, &[B::Bit24, B::Bit32, B::Rgba])
        .with_images(&[I::Jpeg, I::JpegAlpha, I::Surface])
        .with(
            K::Copy,
            OpProfile::some(&[F::SrcOffset, F::SrcPart, F::SrcSurface, F::SurfacePart], &[Rop2::Copy])
                .ignoring(CLIP.into_iter().chain(MASK)),
        )
        .with(
            K::Fill,
            OpProfile::some(&[F::BrushSolid], &[Rop2::Copy]).ignoring(CLIP.into_iter().chain(MASK)),
        )
        .with(K::CopyBits, OpProfile::some(&[], &[]).ignoring(CLIP));
    for kind in [K::Blackness, K::Whiteness, K::Invers] {
        p = p.with(kind, OpProfile::some(&[], &[]).ignoring(CLIP.into_iter().chain(MASK)));
    }
    // Its alpha is its own: only surfaces without alpha are exact.
    p.primary = Set::of(&[S::X8R8G8B8]);
    p.off_screen = p.primary;
    p.ignored = Set::of(&[M::StreamDataSized]);
    p.quirks.jpeg_alpha_opaque = true;
    p
}

fn purespice() -> Profile {
    let mut p = nothing("PureSpice 4f0f5b5 (Looking Glass): raw 32-bit images and fills")
        .with_formats(I::Bitmap, &[B::Bit32, B::Rgba])
        .with(K::Copy, OpProfile::some(&[], &[Rop2::Copy]).ignoring(clip_mask_geometry()))
        .with(
            K::Fill,
            OpProfile::some(&[F::BrushSolid], &[Rop2::Copy]).ignoring(CLIP.into_iter().chain(MASK)),
        );
    p.preferred = Some(ImageCompression::Off);
    p.ignored = Set::of(&[
        M::InvalList,
        M::InvalAllPixmaps,
        M::InvalPalette,
        M::InvalAllPalettes,
        M::MonitorsConfig,
        M::StreamCreate,
        M::StreamData,
        M::StreamClip,
        M::StreamDestroy,
        M::StreamDestroyAll,
        M::StreamDataSized,
        M::StreamActivateReport,
    ]);
    p
}

fn shells_spice() -> Profile {
    let mut p = nothing("Shells-com/spice 97c9c11 (Go); announces LZ4 but cannot decode it")
        .with_formats(I::Bitmap, &[B::Bit32, B::Rgba])
        .with_formats(I::Quic, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::LzRgb, &[B::Bit24, B::Bit32, B::Rgba])
        .with_images(&[I::Jpeg, I::JpegAlpha])
        .with(K::Copy, OpProfile::some(&[], &[Rop2::Copy]).ignoring(clip_mask_geometry()))
        .with(
            K::Fill,
            OpProfile::some(&[F::BrushSolid], &[Rop2::Copy]).ignoring(CLIP.into_iter().chain(MASK)),
        );
    p.preferred = Some(ImageCompression::AutoLz);
    p
}

fn spice_viewer() -> Profile {
    let ignored = || MASK.into_iter().chain(GEOMETRY);
    let mut p = nothing("maskraven/spice-viewer 42b3250 (Go)")
        .with_formats(I::Bitmap, &[B::Bit32, B::Rgba])
        .with_formats(I::Quic, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::LzRgb, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::GlzRgb, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::ZlibGlzRgb, &[B::Bit24, B::Bit32, B::Rgba])
        .with_images(&[I::Jpeg, I::JpegAlpha, I::FromCache, I::Surface])
        .with(
            K::Copy,
            OpProfile::some(&[F::ClipRect, F::ClipRects, F::SrcSurface], &[Rop2::Copy]).ignoring(ignored()),
        )
        .with(
            K::Fill,
            OpProfile::some(&[F::BrushSolid], &[Rop2::Copy]).ignoring(CLIP.into_iter().chain(MASK)),
        )
        .with(K::CopyBits, OpProfile::some(&[], &[]).ignoring(CLIP));
    p.off_screen = p.primary;
    p.image_cache = 20 << 20;
    p.glz_window = 4 << 20;
    p
}

fn ryll() -> Profile {
    let mut p = nothing("shakenfist/ryll of 2026 (Rust); announces COMPOSITE and A8 but has neither")
        .with_formats(I::Bitmap, &[B::Bit32, B::Rgba])
        .with_formats(I::Quic, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::LzRgb, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::GlzRgb, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::ZlibGlzRgb, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::Lz4, &[B::Bit32, B::Rgba])
        .with_images(&[I::Jpeg, I::FromCache])
        .with(K::Copy, OpProfile::some(&[], &[Rop2::Copy]).ignoring(clip_mask_geometry()))
        .with(
            K::Fill,
            OpProfile::some(&[F::BrushSolid], &[Rop2::Copy]).ignoring(CLIP.into_iter().chain(MASK)),
        )
        .with(K::CopyBits, OpProfile::some(&[], &[]).ignoring(CLIP))
        .with(K::Opaque, OpProfile { drawn: Drawn::AsCopy, ..OpProfile::default() })
        .with(K::Blend, OpProfile { drawn: Drawn::AsCopy, ..OpProfile::default() });
    for kind in [K::Blackness, K::Whiteness, K::Invers] {
        p = p.with(kind, OpProfile::some(&[], &[]).ignoring(CLIP.into_iter().chain(MASK)));
    }
    p.image_cache = 20 << 20;
    p.glz_window = 4 << 20;
    p
}

fn rust_spice_client() -> Profile {
    nothing("crate spice-client 0.2.0 (Rust): raw images only, most message numbers wrong")
        .with_formats(I::Bitmap, &[B::Bit32])
        .with(K::Copy, OpProfile::some(&[], &[Rop2::Copy]).ignoring(clip_mask_geometry()))
        .with(K::Opaque, OpProfile { drawn: Drawn::AsCopy, ..OpProfile::default() })
        .with(K::Blend, OpProfile { drawn: Drawn::AsCopy, ..OpProfile::default() })
}

fn swiftspice() -> Profile {
    let mut p = nothing("SwiftSpice 0.4.2 (Swift, Maspice); raw bitmaps were not seen to work")
        .with_formats(I::Quic, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::LzRgb, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::GlzRgb, &[B::Bit24, B::Bit32, B::Rgba])
        .with_formats(I::ZlibGlzRgb, &[B::Bit24, B::Bit32, B::Rgba])
        .with_images(&[I::LzPlt, I::Jpeg])
        .with(K::Copy, OpProfile::some(&[], &[Rop2::Copy]).ignoring(clip_mask_geometry()))
        .with(
            K::Fill,
            OpProfile::some(&[F::BrushSolid], &[Rop2::Copy]).ignoring(CLIP.into_iter().chain(MASK)),
        )
        .with(K::CopyBits, OpProfile::some(&[], &[]).ignoring(CLIP));
    p.glz_window = 8 << 20;
    p
}

fn safe() -> Profile {
    nothing("for clients that nobody knows: what every usable client draws")
        .with_formats(I::Bitmap, &[B::Bit32])
        .with_formats(I::Quic, &[B::Bit32])
        .with_formats(I::LzRgb, &[B::Bit32])
        .with(K::Copy, OpProfile::some(&[], &[Rop2::Copy]))
        .with(K::Fill, OpProfile::some(&[F::BrushSolid], &[Rop2::Copy]))
}

fn images_only() -> Profile {
    let mut p = nothing("an idea: COPY of whole images and nothing else, every image type and cache")
        .with_images(&I::ALL)
        .with_formats(I::Surface, &[])
        .with(K::Copy, OpProfile::some(&[], &[Rop2::Copy]));
    p.image_cache = 20 << 20;
    p.glz_window = 4 << 20;
    p.palette_cache = 128;
    p
}

fn raw_only() -> Profile {
    nothing("an idea: COPY of raw 32-bit bitmaps and nothing else")
        .with_formats(I::Bitmap, &[B::Bit32])
        .with(K::Copy, OpProfile::some(&[], &[Rop2::Copy]))
}
