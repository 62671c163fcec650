//! The images of an operation, by what the operation uses them for.

use super::{Brush, Composite, Op, QMask, Rect};

/// Which image of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageRole {
    /// The source.
    Source,
    /// The pattern of the brush, of TEXT's fore brush too.
    Pattern,
    /// The pattern of TEXT's back brush.
    BackPattern,
    /// The mask: of a `QMask`, or of COMPOSITE.
    Mask,
}

impl ImageRole {
    /// All of them, in the order in which a message has them.
    pub const ALL: [Self; 4] = [Self::Source, Self::Pattern, Self::BackPattern, Self::Mask];
}

impl<A> Op<A> {
    /// The same operation with other images. `f` is asked for each image that there is, and for a missing source or
    /// pattern, in the order of [`ImageRole::ALL`].
    ///
    /// # Errors
    /// The first one of `f`.
    pub fn map_images<B, E>(
        &self,
        mut f: impl FnMut(ImageRole, Option<&A>) -> Result<Option<B>, E>,
    ) -> Result<Op<B>, E> {
        use ImageRole as R;
        let f = &mut f;
        Ok(match self {
            Op::Nop => Op::Nop,
            Op::Fill { brush, rop, mask } => {
                Op::Fill { brush: map_brush(brush, R::Pattern, f)?, rop: *rop, mask: map_mask(mask, f)? }
            }
            Op::Opaque { src, src_area, brush, rop, scale_mode, mask } => Op::Opaque {
                src: f(R::Source, src.as_ref())?,
                src_area: *src_area,
                brush: map_brush(brush, R::Pattern, f)?,
                rop: *rop,
                scale_mode: *scale_mode,
                mask: map_mask(mask, f)?,
            },
            Op::Copy { src, src_area, rop, scale_mode, mask } => Op::Copy {
                src: f(R::Source, src.as_ref())?,
                src_area: *src_area,
                rop: *rop,
                scale_mode: *scale_mode,
                mask: map_mask(mask, f)?,
            },
            Op::Blend { src, src_area, rop, scale_mode, mask } => Op::Blend {
                src: f(R::Source, src.as_ref())?,
                src_area: *src_area,
                rop: *rop,
                scale_mode: *scale_mode,
                mask: map_mask(mask, f)?,
            },
            Op::CopyBits { src_pos } => Op::CopyBits { src_pos: *src_pos },
            Op::Blackness { mask } => Op::Blackness { mask: map_mask(mask, f)? },
            Op::Whiteness { mask } => Op::Whiteness { mask: map_mask(mask, f)? },
            Op::Invers { mask } => Op::Invers { mask: map_mask(mask, f)? },
            Op::Rop3 { src, src_area, brush, rop3, scale_mode, mask } => Op::Rop3 {
                src: f(R::Source, src.as_ref())?,
                src_area: *src_area,
                brush: map_brush(brush, R::Pattern, f)?,
                rop3: *rop3,
                scale_mode: *scale_mode,
                mask: map_mask(mask, f)?,
            },
            Op::Stroke { path, attr, brush, fore_mode, back_mode } => Op::Stroke {
                path: path.clone(),
                attr: attr.clone(),
                brush: map_brush(brush, R::Pattern, f)?,
                fore_mode: *fore_mode,
                back_mode: *back_mode,
            },
            Op::Text { str, back_area, fore_brush, back_brush, fore_mode, back_mode } => Op::Text {
                str: str.clone(),
                back_area: *back_area,
                fore_brush: map_brush(fore_brush, R::Pattern, f)?,
                back_brush: map_brush(back_brush, R::BackPattern, f)?,
                fore_mode: *fore_mode,
                back_mode: *back_mode,
            },
            Op::Transparent { src, src_area, src_color, true_color } => Op::Transparent {
                src: f(R::Source, src.as_ref())?,
                src_area: *src_area,
                src_color: *src_color,
                true_color: *true_color,
            },
            Op::AlphaBlend { alpha_flags, alpha, src, src_area } => Op::AlphaBlend {
                alpha_flags: *alpha_flags,
                alpha: *alpha,
                src: f(R::Source, src.as_ref())?,
                src_area: *src_area,
            },
            Op::Composite(c) => {
                let Composite { flags, src, src_transform, mask, mask_transform, src_origin, mask_origin } =
                    &**c;
                Op::Composite(Box::new(Composite {
                    flags: *flags,
                    src: f(R::Source, src.as_ref())?,
                    src_transform: *src_transform,
                    mask: if mask.is_some() { f(R::Mask, mask.as_ref())? } else { None },
                    mask_transform: *mask_transform,
                    src_origin: *src_origin,
                    mask_origin: *mask_origin,
                }))
            }
        })
    }

    /// The image that the operation has in a role.
    pub fn image(&self, role: ImageRole) -> Option<&A> {
        match role {
            ImageRole::Source => self.src(),
            ImageRole::Pattern => match self {
                Op::Fill { brush, .. }
                | Op::Opaque { brush, .. }
                | Op::Rop3 { brush, .. }
                | Op::Stroke { brush, .. }
                | Op::Text { fore_brush: brush, .. } => brush.image(),
                _ => None,
            },
            ImageRole::BackPattern => match self {
                Op::Text { back_brush, .. } => back_brush.image(),
                _ => None,
            },
            ImageRole::Mask => match self {
                Op::Composite(c) => c.mask.as_ref(),
                op => op.qmask()?.image.as_deref(),
            },
        }
    }

    /// Its images, in the order of [`ImageRole::ALL`].
    pub fn images(&self) -> [Option<&A>; 4] {
        ImageRole::ALL.map(|role| self.image(role))
    }

    /// The area of the source image that the operation reads, in the source's pixels, if it has one.
    pub fn src_area(&self) -> Option<&Rect> {
        match self {
            Op::Opaque { src_area, .. }
            | Op::Copy { src_area, .. }
            | Op::Blend { src_area, .. }
            | Op::Rop3 { src_area, .. }
            | Op::Transparent { src_area, .. }
            | Op::AlphaBlend { src_area, .. } => Some(src_area),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn src_area_mut(&mut self) -> Option<&mut Rect> {
        match self {
            Op::Opaque { src_area, .. }
            | Op::Copy { src_area, .. }
            | Op::Blend { src_area, .. }
            | Op::Rop3 { src_area, .. }
            | Op::Transparent { src_area, .. }
            | Op::AlphaBlend { src_area, .. } => Some(src_area),
            _ => None,
        }
    }

    /// The operation's `QMask`, to be changed.
    pub fn qmask_mut(&mut self) -> Option<&mut QMask<A>> {
        match self {
            Op::Fill { mask, .. }
            | Op::Opaque { mask, .. }
            | Op::Copy { mask, .. }
            | Op::Blend { mask, .. }
            | Op::Blackness { mask }
            | Op::Whiteness { mask }
            | Op::Invers { mask }
            | Op::Rop3 { mask, .. } => Some(mask),
            _ => None,
        }
    }
}

impl<I> Brush<I> {
    /// Its tile.
    pub fn image(&self) -> Option<&I> {
        match self {
            Brush::Pattern { image, .. } => image.as_deref(),
            _ => None,
        }
    }
}

fn map_brush<A, B, E>(
    brush: &Brush<A>,
    role: ImageRole,
    f: &mut impl FnMut(ImageRole, Option<&A>) -> Result<Option<B>, E>,
) -> Result<Brush<B>, E> {
    Ok(match brush {
        Brush::None => Brush::None,
        Brush::Solid(color) => Brush::Solid(*color),
        Brush::Pattern { image, pos } => {
            Brush::Pattern { image: f(role, image.as_deref())?.map(Box::new), pos: *pos }
        }
    })
}

fn map_mask<A, B, E>(
    mask: &QMask<A>,
    f: &mut impl FnMut(ImageRole, Option<&A>) -> Result<Option<B>, E>,
) -> Result<QMask<B>, E> {
    let image = if mask.image.is_some() { f(ImageRole::Mask, mask.image.as_deref())? } else { None };
    Ok(QMask { flags: mask.flags, pos: mask.pos, image: image.map(Box::new) })
}
