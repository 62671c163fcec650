//! How an engine and its clients are set up.

use crate::client::caps::{Announcement, DisplayCaps};
use crate::client::encode::Sizes;
use crate::client::link::Link;
use crate::client::profile::{Choice, Profile, UnknownPolicy};
use crate::draw::Limits;
use crate::features::Compat;
use crate::graph::{Execution, GraphLimits};

/// How an engine works.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What a guest may make the engine allocate.
    pub limits: Limits,
    /// What the render graph may hold back.
    pub graph: GraphLimits,
    /// How it draws.
    pub execution: Execution,
    /// What the guest is told that it may use.
    pub capabilities: CapabilityPolicy,
    /// Bytes of encoded images that are kept to be sent to several clients; 0 keeps none.
    pub shared_images: usize,
    /// What may be used, where the engine is to migrate to other versions of the library.
    pub compat: Compat,
}

/// What the guest may use, given what the clients can draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CapabilityPolicy {
    /// What all clients have, as today's servers say; nothing while there is none.
    #[default]
    Intersection,
    /// What any client has: the others get images.
    Union,
    /// Always this.
    Fixed(DisplayCaps),
}

/// A connected client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub(super) u64);

impl ClientId {
    /// The client's number, which no other client of the engine ever has.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// How a client is served.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    pub(super) profile: Profile,
    pub(super) sizes: Sizes,
    pub(super) link: Link,
    pub(super) lossy: bool,
    pub(super) queue_bound: u64,
    pub(super) ack_window: u32,
}

impl ClientOptions {
    /// A client of this profile, its caches as large as the profile says. Nothing is lost, up to 1 MiB of operations
    /// wait for it, and it is not asked to acknowledge.
    pub fn new(profile: Profile) -> Self {
        let sizes = Sizes::of_profile(&profile);
        Self { profile, sizes, link: Link::default(), lossy: false, queue_bound: 1 << 20, ack_window: 0 }
    }

    /// A client that announced this; its profile is chosen by it.
    pub fn announced(announcement: &Announcement, unknown: UnknownPolicy) -> Self {
        let Choice { profile, .. } = Profile::choose(announcement, unknown);
        let sizes = Sizes::announced(&profile, announcement);
        Self { sizes, ..Self::new(profile) }
    }

    /// A client with which this minor version of protocol 2 was negotiated. Whatever its profile says, now or later,
    /// it gets no image type that the version lacks: of minor 0, no JPEG and no zlib-GLZ.
    #[must_use]
    pub fn minor(self, minor: u32) -> Self {
        Self { sizes: Sizes { minor, ..self.sizes }, ..self }
    }

    /// Over this link.
    #[must_use]
    pub fn link(self, link: Link) -> Self {
        Self { link, ..self }
    }

    /// Photos may lose what is hard to see while the link is slow ([`Link::is_slow`]).
    #[must_use]
    pub fn lossy(self, lossy: bool) -> Self {
        Self { lossy, ..self }
    }

    /// Bytes of operations that may wait; past them the client skips to the present.
    #[must_use]
    pub fn queue_bound(self, bytes: u64) -> Self {
        Self { queue_bound: bytes, ..self }
    }

    /// The client acknowledges every so many messages; 0 for never.
    #[must_use]
    pub fn ack_window(self, messages: u32) -> Self {
        Self { ack_window: messages, ..self }
    }
}
