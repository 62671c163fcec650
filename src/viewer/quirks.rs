//! What a client makes of an operation that it lacks.

use crate::client::profile::{Drawn, Feature, Lack, OpProfile, Profile, Rop2};
use crate::qxl::{Clip, Drawable, Image, Op, OpKind, QMask, Rect, Ropd, ScaleMode};

/// Turns an operation into what the client draws instead; false if it draws nothing. `lack` is what
/// [`Profile::supports`] found missing.
pub(super) fn adapt(profile: &Profile, drawable: &mut Drawable, lack: Lack) -> bool {
    let kind = drawable.op.kind();
    if profile.op(kind).drawn == Drawn::AsCopy {
        let (Some(src), Some(src_area)) = (drawable.op.src().cloned(), src_area(&drawable.op)) else {
            return false;
        };
        drawable.op = Op::Copy {
            src: Some(src),
            src_area,
            rop: Ropd::PUT,
            scale_mode: ScaleMode::INTERPOLATE,
            mask: QMask::default(),
        };
        return strip(profile.op(OpKind::Copy), drawable);
    }
    match lack {
        Lack::Operation(_)
        | Lack::Rop3(_)
        | Lack::Operator(_)
        | Lack::Surface { .. }
        | Lack::NoSurface(_)
        | Lack::Image(_)
        | Lack::Format { .. }
        | Lack::SelfBitmap => false,
        _ => strip(profile.op(kind), drawable),
    }
}

fn src_area(op: &Op) -> Option<Rect> {
    match op {
        Op::Opaque { src_area, .. } | Op::Copy { src_area, .. } | Op::Blend { src_area, .. } => {
            Some(*src_area)
        }
        _ => None,
    }
}

/// Takes out of an operation what the client ignores; false if it asks for what is neither had nor ignored.
fn strip(op: &OpProfile, drawable: &mut Drawable) -> bool {
    let has = |f: Feature| op.features.contains(f);
    let ignores = |f: Feature| op.ignores.contains(f);
    let kind = drawable.op.kind();
    // Clips.
    if let Clip::Rects(rects) = &drawable.clip {
        let feature = if rects.len() == 1 { Feature::ClipRect } else { Feature::ClipRects };
        match (has(feature), ignores(feature)) {
            (true, _) => {}
            (false, true) => drawable.clip = Clip::None,
            (false, false) => return false,
        }
    }
    let bbox = drawable.bbox;
    let mut keep = true;
    match &mut drawable.op {
        Op::Fill { rop, mask, .. } => {
            keep &= strip_rop(op, kind, rop) && strip_mask(op, mask);
        }
        Op::Copy { src, src_area, rop, mask, .. } | Op::Blend { src, src_area, rop, mask, .. } => {
            keep &= strip_rop(op, kind, rop) && strip_mask(op, mask);
            let size = src.as_ref().map_or((0, 0), |s: &Image| (s.width, s.height));
            let scaled = (src_area.width(), src_area.height()) != (bbox.width(), bbox.height());
            if scaled && !has(Feature::ScaleNearest) && ignores(Feature::ScaleNearest) {
                // The whole image at the box's corner; what leaves the surface is cut by whoever draws.
                *src_area = Rect::of_size(size.0, size.1);
                drawable.bbox = src_area.translate(bbox.left, bbox.top);
            } else if (src_area.left, src_area.top) != (0, 0)
                && !has(Feature::SrcOffset)
                && ignores(Feature::SrcOffset)
            {
                *src_area = src_area.translate(-src_area.left, -src_area.top);
            }
        }
        Op::Blackness { mask } | Op::Whiteness { mask } | Op::Invers { mask } => keep &= strip_mask(op, mask),
        Op::CopyBits { .. } => {}
        // Nobody is known to draw these in part.
        _ => keep = false,
    }
    keep
}

fn strip_rop(op: &OpProfile, kind: OpKind, rop: &mut Ropd) -> bool {
    if op.rops.contains(Rop2::of(*rop, kind)) {
        return true;
    }
    *rop = Ropd::PUT;
    op.rop_as_put
}

fn strip_mask(op: &OpProfile, mask: &mut QMask) -> bool {
    if mask.image.is_none() || op.features.contains(Feature::Mask) {
        return true;
    }
    *mask = QMask::default();
    op.ignores.contains(Feature::Mask)
}
