//! What one client can draw of what it might be sent.

use super::planner::MoveHint;
use super::profile::{Drawn, Feature, Profile, Rop2};
use crate::draw::Task;
use crate::draw::exec::self_copy;
use crate::qxl::OpKind;

/// The plain operations that pieces may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// FILL with one colour.
    pub(crate) fill: bool,
    /// COPY_BITS.
    pub(crate) copy_bits: bool,
    /// COPY of a part of an image.
    pub(crate) parts: bool,
}

impl Abilities {
    pub(crate) fn of(profile: &Profile) -> Self {
        let fill = profile.op(OpKind::Fill);
        let solid = fill.features.contains(Feature::BrushSolid) && fill.rops.contains(Rop2::Copy);
        Self {
            fill: fill.drawn == Drawn::Yes && solid,
            copy_bits: profile.op(OpKind::CopyBits).drawn == Drawn::Yes,
            parts: [Feature::SrcPart, Feature::SrcOffset]
                .into_iter()
                .all(|part| profile.op(OpKind::Copy).features.contains(part)),
        }
    }
}

/// Where the pixels of a task stand already, if it only moves pixels within its surface.
pub(crate) fn move_hint(task: &Task) -> Option<MoveHint> {
    let by = self_copy(task)?;
    let dst = task.clip.bounds();
    let src = spice_raster::Point::new(dst.left.checked_add(by.x)?, dst.top.checked_add(by.y)?);
    (src != spice_raster::Point::new(dst.left, dst.top)).then_some(MoveHint { dst, src })
}
