//! What a client shows, and the off-screen surfaces that it holds: as data.

use super::recipe::Recipe;
use crate::draw::exec::Pixels;
use crate::draw::{SurfaceInfo, SurfaceKey};
use crate::qxl::{Composite, SurfaceId, Transform};
use spice_raster::{Region, Surface};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Off-screen surfaces that a client holds at most, and their bytes.
pub(super) const SURFACES: usize = 32;
pub(super) const SURFACE_BYTES: usize = 16 << 20;

/// A surface as a client shows it.
#[derive(Debug)]
pub(super) struct Shown {
    /// The client's id for it.
    pub(super) id: SurfaceId,
    /// What it shows, where that is known, once it drew everything that was sent.
    pub(super) shadow: Surface,
    pub(super) unknown: Region,
    /// Where it only looks like the shadow.
    pub(super) lossy: Region,
}

impl Shown {
    /// A surface of which nothing is known.
    pub(super) fn new(id: SurfaceId, shadow: Surface) -> Self {
        let unknown = Region::from_rect(shadow.bounds());
        Self { id, shadow, unknown, lossy: Region::new() }
    }
}

/// An off-screen surface that a client holds.
#[derive(Debug)]
pub(super) struct OffScreen {
    pub(super) shown: Shown,
    /// How the last composite left it.
    pub(super) sticky: Option<Sticky>,
    /// The guest's operations that lead to what it shows.
    pub(super) made: Option<Recipe>,
    pub(super) used: u64,
}

/// What a surface that an operation reads must show.
#[derive(Clone, Copy)]
pub(super) struct Want<'a> {
    pub(super) info: SurfaceInfo,
    /// The pixels, where they are known.
    pub(super) pixels: Option<&'a Surface>,
    /// How the guest made them, where that is known.
    pub(super) recipe: Option<&'a Recipe>,
}

/// The off-screen surfaces that a client holds: copies of the guest's.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) surfaces: BTreeMap<SurfaceKey, OffScreen>,
    pub(super) clock: u64,
    /// What was used since must stay: an operation that is being sent reads it.
    pub(super) since: u64,
    /// Surfaces that are being drawn.
    pub(super) drawing: Vec<SurfaceKey>,
}

impl Pixels for Held {
    fn pixels(&self, key: SurfaceKey) -> Option<&Surface> {
        self.surfaces.get(&key).map(|s| &s.shown.shadow)
    }
}

impl Held {
    /// None, but so many uses were counted.
    pub(super) fn from_clock(clock: u64) -> Self {
        Self { clock, ..Self::default() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.surfaces.values().map(|s| s.shown.shadow.bytes()).sum()
    }

    /// What a surface came from, as far as the client has it.
    pub(super) fn made(&self, key: SurfaceKey) -> Option<&Recipe> {
        self.surfaces.get(&key)?.made.as_ref()
    }

    /// An operation is about to be sent: what it reads must stay until then.
    pub(super) fn begin(&mut self) {
        self.since = self.clock;
    }

    /// Whether the client has a surface as it must be.
    pub(super) fn shows(&self, want: &Want<'_>) -> bool {
        self.surfaces.get(&want.info.key).is_some_and(|held| held.shows(want))
    }

    /// An id that the client does not use.
    pub(super) fn free_id(&self) -> SurfaceId {
        (1..).find(|id| self.surfaces.values().all(|s| s.shown.id != *id)).unwrap_or(SurfaceId::MAX)
    }
}

impl OffScreen {
    pub(super) fn shows(&self, want: &Want<'_>) -> bool {
        let made = || want.recipe.zip(self.made.as_ref()).is_some_and(|(a, b)| Arc::ptr_eq(a, b));
        let known = self.shown.unknown.is_empty();
        known && want.pixels.map_or_else(made, |pixels| self.shown.shadow == *pixels)
    }
}

/// How a composite leaves a surface that it read: clients keep that for later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sticky {
    pub(super) filter: u8,
    pub(super) repeat: u8,
    pub(super) transform: Transform,
    pub(super) component_alpha: bool,
}

/// The transform that changes nothing.
pub(super) const IDENTITY: Transform = [1 << 16, 0, 0, 0, 1 << 16, 0];

impl Sticky {
    /// What sampling leaves: no transform and no repeat, but some filter.
    pub(super) const SAMPLED: Self =
        Self { filter: u8::MAX, repeat: 0, transform: IDENTITY, component_alpha: false };

    /// Whether it changes nothing that a copy of a part shows.
    pub(super) fn is_plain(&self) -> bool {
        self.transform == IDENTITY && self.repeat == 0
    }

    /// Of a composite's source and mask.
    pub(super) fn of(c: &Composite) -> [Self; 2] {
        [
            Self {
                filter: c.src_filter(),
                repeat: c.src_repeat(),
                transform: c.src_transform.unwrap_or(IDENTITY),
                component_alpha: false,
            },
            Self {
                filter: c.mask_filter(),
                repeat: c.mask_repeat(),
                transform: c.mask_transform.unwrap_or(IDENTITY),
                component_alpha: c.flags & Composite::<crate::qxl::Image>::COMPONENT_ALPHA != 0,
            },
        ]
    }
}
