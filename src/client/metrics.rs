//! Counters of one client, as plain data.

use crate::qxl::OpKind;
use crate::wire::{ImageKind, ServerKind};
use std::collections::BTreeMap;

/// What became of the guest's operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    /// Sent as they are.
    pub passed: u64,
    /// Sent in another form that draws the same.
    pub rewritten: u64,
    /// Drawn here; their pixels were or will be sent.
    pub rasterised: u64,
}

/// Messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes as u64;
    }
}

/// What was sent to one client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientMetrics {
    /// Bytes handed out, headers included.
    pub bytes: u64,
    /// By message type.
    pub by_message: BTreeMap<ServerKind, Tally>,
    /// Images by type, in bytes of the images.
    pub by_image: BTreeMap<ImageKind, Tally>,
    /// What became of operations on surfaces that the client sees.
    pub operations: Operations,
    /// The same by kind.
    pub by_operation: BTreeMap<OpKind, Operations>,
    /// Pixels that images carried.
    pub image_pixels: u64,
    /// Pixels of the tight boxes around what differed when it was planned: once, unless it changed again before it was sent.
    pub pixels_changed: u64,
    /// Pieces for which the client has no image, and messages that have no form on the wire.
    pub unsent: u64,
}

impl ClientMetrics {
    /// An operation of the guest's: it is rasterised, unless it will be sent.
    pub(crate) fn noted_operation(&mut self, kind: OpKind) {
        for of in [&mut self.operations, self.by_operation.entry(kind).or_default()] {
            of.rasterised += 1;
        }
    }

    /// One of these was sent, as it is or in another form.
    pub(crate) fn sent_operation(&mut self, kind: OpKind, passed: bool) {
        for of in [&mut self.operations, self.by_operation.entry(kind).or_default()] {
            of.rasterised = of.rasterised.saturating_sub(1);
            *(if passed { &mut of.passed } else { &mut of.rewritten }) += 1;
        }
    }

    pub(crate) fn count(&mut self, kind: ServerKind, bytes: usize) {
        self.by_message.entry(kind).or_default().add(bytes);
    }

    pub(crate) fn count_image(&mut self, kind: ImageKind, bytes: usize, pixels: u64) {
        self.by_image.entry(kind).or_default().add(bytes);
        self.image_pixels += pixels;
    }
}
