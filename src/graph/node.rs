//! A pending task, and what of it is known beforehand.

use super::footprint::{self, Extent};
use super::held::own_bytes;
use crate::draw::{Limits, Source, Task};
use crate::qxl::{Op, OpKind};
use spice_raster::Rect;

/// A pending task.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) task: Task,
    /// The number of the surface that it draws on.
    pub(crate) slot: u32,
    /// What it may change.
    pub(crate) extent: Extent,
    /// Whether what was there before does not matter.
    pub(crate) overwrites: bool,
    /// Whether that must be looked at again when its image is decoded.
    pub(crate) undecided: bool,
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
            overwrites: footprint::overwrites(&task, limits),
            undecided: matches!(&task.src, Source::Picture(p) if p.bitmap_if_decoded().is_none()),
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
        let (extent, overwrites, undecided, reads) = (Extent::Clip, true, false, false);
        let (begun, trimmed, bytes) = (true, true, 0);
        Self { task, slot, extent, overwrites, undecided, reads, pictures, kind, begun, trimmed, bytes }
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
