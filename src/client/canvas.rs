//! The format of what clients show, and what an operation may change of it.

use crate::draw::Task;
use crate::graph::footprint::{self, Extent, extent};
use crate::qxl::{Rect, SurfaceFormat};

/// The format in which every client gets the primary surface: colours are what a screen shows.
pub(crate) const CANVAS: SurfaceFormat = SurfaceFormat::X8R8G8B8;

/// What an operation may change: its clip, or a whole box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    Clip,
    Box(Rect),
}

impl Touched {
    /// What a task may change.
    pub(crate) fn of(task: &Task) -> Self {
        match extent(task) {
            Extent::Clip | Extent::WholeClip => Self::Clip,
            Extent::Box => Self::Box(footprint::bounds(task, Extent::Box)),
        }
    }
}
