//! From a message's operation to the rasteriser's: the same, but its images decoded.

use crate::qxl::{Brush, Composite, Image, Op, QMask};
use crate::wire;

type From_ = wire::Image;

/// The operation with every image replaced.
pub(super) fn map_op<E>(
    op: Op<From_>,
    f: &mut impl FnMut(From_) -> Result<Image, E>,
) -> Result<Op<Image>, E> {
    Ok(match op {
        Op::Nop => Op::Nop,
        Op::Fill { brush, rop, mask } => {
            Op::Fill { brush: map_brush(brush, f)?, rop, mask: map_mask(mask, f)? }
        }
        Op::Opaque { src, src_area, brush, rop, scale_mode, mask } => Op::Opaque {
            src: src.map(&mut *f).transpose()?,
            src_area,
            brush: map_brush(brush, f)?,
            rop,
            scale_mode,
            mask: map_mask(mask, f)?,
        },
        Op::Copy { src, src_area, rop, scale_mode, mask } => Op::Copy {
            src: src.map(&mut *f).transpose()?,
            src_area,
            rop,
            scale_mode,
            mask: map_mask(mask, f)?,
        },
        Op::Blend { src, src_area, rop, scale_mode, mask } => Op::Blend {
            src: src.map(&mut *f).transpose()?,
            src_area,
            rop,
            scale_mode,
            mask: map_mask(mask, f)?,
        },
        Op::CopyBits { src_pos } => Op::CopyBits { src_pos },
        Op::Blackness { mask } => Op::Blackness { mask: map_mask(mask, f)? },
        Op::Whiteness { mask } => Op::Whiteness { mask: map_mask(mask, f)? },
        Op::Invers { mask } => Op::Invers { mask: map_mask(mask, f)? },
        Op::Rop3 { src, src_area, brush, rop3, scale_mode, mask } => Op::Rop3 {
            src: src.map(&mut *f).transpose()?,
            src_area,
            brush: map_brush(brush, f)?,
            rop3,
            scale_mode,
            mask: map_mask(mask, f)?,
        },
        Op::Stroke { path, attr, brush, fore_mode, back_mode } => {
            Op::Stroke { path, attr, brush: map_brush(brush, f)?, fore_mode, back_mode }
        }
        Op::Text { str, back_area, fore_brush, back_brush, fore_mode, back_mode } => Op::Text {
            str,
            back_area,
            fore_brush: map_brush(fore_brush, f)?,
            back_brush: map_brush(back_brush, f)?,
            fore_mode,
            back_mode,
        },
        Op::Transparent { src, src_area, src_color, true_color } => {
            Op::Transparent { src: src.map(f).transpose()?, src_area, src_color, true_color }
        }
        Op::AlphaBlend { alpha_flags, alpha, src, src_area } => {
            Op::AlphaBlend { alpha_flags, alpha, src: src.map(f).transpose()?, src_area }
        }
        Op::Composite(c) => {
            let Composite { flags, src, src_transform, mask, mask_transform, src_origin, mask_origin } = *c;
            Op::Composite(Box::new(Composite {
                flags,
                src: src.map(&mut *f).transpose()?,
                src_transform,
                mask: mask.map(f).transpose()?,
                mask_transform,
                src_origin,
                mask_origin,
            }))
        }
    })
}

fn map_brush<E>(
    brush: Brush<From_>,
    f: &mut impl FnMut(From_) -> Result<Image, E>,
) -> Result<Brush<Image>, E> {
    Ok(match brush {
        Brush::None => Brush::None,
        Brush::Solid(color) => Brush::Solid(color),
        Brush::Pattern { image, pos } => Brush::Pattern { image: image.map(f).transpose()?, pos },
    })
}

fn map_mask<E>(mask: QMask<From_>, f: &mut impl FnMut(From_) -> Result<Image, E>) -> Result<QMask<Image>, E> {
    Ok(QMask { flags: mask.flags, pos: mask.pos, image: mask.image.map(f).transpose()? })
}
