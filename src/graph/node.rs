//! A pending task, and what of it is known beforehand.

use super::footprint::{self, Extent};
use super::held::own_bytes;
use crate::draw::{Limits, Source, Task};
use crate::qxl::{Op, OpKind};
use spice_raster::Rect;

/// Whether what was there before a task does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overwrites {
    /// It does, or may.
    No,
    /// It does not.
    Yes,
    /// That is seen when its image is decoded; until then it may, and for good if that cannot be done.
    IfDecoded,
}

impl Overwrites {
    fn of(task: &Task, limits: &Limits) -> Self {
        match &task.src {
            Source::Picture(picture) if picture.bitmap_if_decoded().is_none() => Self::IfDecoded,
            _ if footprint::overwrites(task, limits) => Self::Yes,
            _ => Self::No,
        }
    }

    /// Whether it surely does not matter.
    pub(crate) fn surely(self) -> bool {
        self == Self::Yes
    }

    /// The task will be drawn in this pass, and its image is decoded now.
    pub(crate) fn decide(&mut self, task: &Task, limits: &Limits) {
        if *self == Self::IfDecoded
            && let Source::Picture(picture) = &task.src
        {
            picture.bitmap();
            *self = Self::of(task, limits);
        }
    }
}

/// A pending task.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) task: Task,
    /// The number of the surface that it draws on.
    pub(crate) slot: u32,
    /// What it may change.
    pub(crate) extent: Extent,
    /// Whether what was there before does not matter.
    pub(crate) overwrites: Overwrites,
    /// Whether it reads surfaces, its own one included.
    pub(crate) reads: bool,
    /// Whether it has images as sources.
    pub(crate) pictures: bool,
    /// Which operation it is.
    pub(crate) kind: OpKind,
    /// Whether a part of it is drawn already.
    pub(crate) begun: bool,
    /// Whether a part of it was lost, unseen.
    pub(crate) trimmed: bool,
    /// Bytes that it keeps alive, images apart.
    pub(crate) bytes: u64,
}

impl Node {
    /// A task on the surface of this number, at a place that takes so many bytes itself.
    pub(crate) fn new(task: Task, slot: u32, place_bytes: usize, limits: &Limits) -> Self {
        let (mut reads, mut pictures) = (matches!(task.drawable.op, Op::CopyBits { .. }), false);
        task.given().for_each(|source| match source {
            Source::None | Source::Black { .. } => {}
            Source::Picture(_) => pictures = true,
            Source::Surface(_) | Source::SelfBitmap(_) => reads = true,
        });
        Self {
            slot,
            extent: footprint::extent(&task),
            overwrites: Overwrites::of(&task, limits),
            reads,
            pictures,
            kind: task.drawable.op.kind(),
            begun: false,
            trimmed: false,
            bytes: place_bytes as u64 + own_bytes(&task, pictures),
            task,
        }
    }

    /// A task that draws a part of a node of this kind in its place, without reading surfaces.
    pub(crate) fn lent(task: Task, slot: u32, kind: OpKind) -> Self {
        let pictures = matches!(task.src, Source::Picture(_));
        let (extent, overwrites, reads) = (Extent::Clip, Overwrites::Yes, false);
        let (begun, trimmed, bytes) = (true, true, 0);
        Self { task, slot, extent, overwrites, reads, pictures, kind, begun, trimmed, bytes }
    }

    /// A rectangle around all that it may change.
    #[inline]
    pub(crate) fn bounds(&self) -> Rect {
        footprint::bounds(&self.task, self.extent)
    }

    /// Whether what it draws at a pixel may depend on what was there before at others, which nobody else need see.
    pub(crate) fn uses_all(&self) -> bool {
        match self.extent {
            Extent::Box => true,
            // It reads again what it has drawn.
            Extent::WholeClip => self.reads,
            Extent::Clip => false,
        }
    }
}
