//! What a client can really draw: profiles, as plain data.
//!
//! A [`Profile`] says for each operation which features of it the client has, which image types in which pixel
//! formats it decodes, which surfaces it holds and what it remembers. It also says how the client draws what it
//! lacks (its *quirks*), so that a viewer can be as wrong as the real one.
//!
//! Profiles are built in ([`Profile::builtin`]), written by users as TOML (`Profile::from_toml`, of the crate's
//! feature `profile-files`), or chosen by
//! what a client announces ([`Profile::choose`]). [`Profile::supports`] is the question that the filter asks for
//! each command and client.

mod builtin;
mod choose;
mod feature;
#[cfg(feature = "profile-files")]
mod file;
mod set;
mod supports;

pub use choose::{Choice, UnknownPolicy};
pub use feature::{Feature, Operator, Rop2};
#[cfg(feature = "profile-files")]
pub use file::ProfileError;
pub use set::{Member, Rop3Set, Set};
pub use supports::{Lack, Pixels, Source};

use crate::qxl::{BitmapFormat, OpKind, SurfaceFormat};
use crate::wire::{ImageCompression, ImageKind, ServerKind};

/// What a client can draw, and how it draws what it cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name, small letters joined by dashes.
    pub name: String,
    /// A sentence on the client.
    pub comment: String,
    /// The minor version of protocol 2 that it speaks.
    pub minor: u32,
    /// Formats in which it can hold and show the primary surface.
    pub primary: Set<SurfaceFormat>,
    /// Formats in which it can hold off-screen surfaces; none if it has none.
    pub off_screen: Set<SurfaceFormat>,
    /// Pixels that its image cache holds; 0 if it has none.
    pub image_cache: u64,
    /// Pixels that its GLZ dictionary holds; 0 if it has none.
    pub glz_window: u32,
    /// Palettes that its palette cache holds; 0 if it has none.
    pub palette_cache: u32,
    /// The compression that it asks for.
    pub preferred: Option<ImageCompression>,
    /// For each image type the pixel formats that it decodes from it, in the order of [`ImageKind::ALL`]. For types
    /// that carry no pixels (FROM_CACHE, SURFACE) all or none. PALETTE formats of LZ_PLT are those of the indices.
    pub images: [Set<BitmapFormat>; ImageKind::ALL.len()],
    /// Messages, other than drawings, that it ignores.
    pub ignored: Set<ServerKind>,
    /// Operations, in the order of [`OpKind::ALL`].
    pub ops: [OpProfile; OpKind::ALL.len()],
    /// Ternary raster operations of ROP3.
    pub rop3: Rop3Set,
    /// Operators of COMPOSITE.
    pub operators: Set<Operator>,
    /// What it does wrong as a whole.
    pub quirks: Quirks,
}

/// What a client has of one kind of operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpProfile {
    /// Whether it draws it at all.
    pub drawn: Drawn,
    /// The features that it has.
    pub features: Set<Feature>,
    /// The rops that it has (COPY, BLEND, OPAQUE, FILL, STROKE and TEXT).
    pub rops: Set<Rop2>,
    /// Features that it lacks and ignores: it draws as if the operation did not ask for them. An operation that asks
    /// for a lacking feature that is not here is not drawn at all.
    ///
    /// Ignoring CLIP and MASK means drawing the whole box; SRC_OFFSET, reading from the image's corner; SRC_PART and
    /// SCALE, putting the whole image at the box's corner, unscaled, even beyond the box.
    pub ignores: Set<Feature>,
    /// Whether it draws rops that it lacks as PUT; if not, such operations are not drawn.
    pub rop_as_put: bool,
}

/// Whether a client draws a kind of operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drawn {
    /// It ignores it.
    #[default]
    No,
    /// A fault: it draws it as if it were COPY, with COPY's features.
    AsCopy,
    /// It draws it, with the features of its [`OpProfile`].
    Yes,
}

/// Faults that concern more than one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// JPEG images appear later than operations that follow them.
    pub jpeg_reorders: bool,
    /// LZ images are taken as top-down, whatever they say.
    pub lz_top_down_only: bool,
    /// The alpha of JPEG_ALPHA is dropped.
    pub jpeg_alpha_opaque: bool,
    /// Transform, filter, repeat and component alpha of a COMPOSITE stay on the surface or cached image that was its
    /// source or mask, for later operations.
    pub composite_sticks: bool,
}

impl Profile {
    /// What it has of one kind of operation.
    pub fn op(&self, kind: OpKind) -> &OpProfile {
        &self.ops[kind as usize]
    }

    /// The same, to be changed.
    pub fn op_mut(&mut self, kind: OpKind) -> &mut OpProfile {
        &mut self.ops[kind as usize]
    }

    /// The pixel formats that it decodes from images of one type.
    pub fn image(&self, kind: ImageKind) -> Set<BitmapFormat> {
        self.images[kind as usize]
    }

    /// The same, to be changed.
    pub fn image_mut(&mut self, kind: ImageKind) -> &mut Set<BitmapFormat> {
        &mut self.images[kind as usize]
    }

    /// The pixel formats that can reach it in some encoding of their own.
    pub fn sendable(&self) -> Set<BitmapFormat> {
        let kinds = ImageKind::ALL.into_iter().filter(|k| k.carries_pixels());
        kinds.fold(Set::NONE, |all, k| all.union(self.image(k)))
    }

    /// The same without image types that a client of this minor version does not know.
    pub fn narrowed_to_minor(mut self, minor: u32) -> Self {
        self.minor = minor;
        for kind in ImageKind::ALL.into_iter().filter(|k| k.since_minor() > minor) {
            *self.image_mut(kind) = Set::NONE;
        }
        self
    }
}

#[cfg(test)]
mod tests;
