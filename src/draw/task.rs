//! From a command to a task: what the command draws, on which surface, with which sources.
//!
//! A task is what is left of a command when everything that depends on its place in the stream is settled: which
//! surface an id means, which image a cached id means, what of the bounding box can be drawn. It can be drawn at
//! once or later.

use super::surfaces::{Lookup, SurfaceInfo};
use super::{Limits, Picture, Refusal};
use crate::qxl::{Brush, Clip, Drawable, Image, ImageData, ImageRole, Op, QMask, Rect, Ropd, SurfaceId};
use spice_raster::{Region, Rop2};
use std::sync::Arc;

/// Where a source's pixels come from.
#[derive(Clone, Debug, Default)]
pub enum Source {
    /// The operation has no such source.
    #[default]
    None,
    /// An image.
    Picture(Arc<Picture>),
    /// A surface, as it is when the task is drawn.
    Surface(SurfaceInfo),
    /// An area of the target itself, as it is just before the task is drawn.
    SelfBitmap(Rect),
    /// A surface that never existed: black pixels.
    Black {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
}

impl Source {
    /// Whether there is a source.
    pub fn is_some(&self) -> bool {
        !matches!(self, Source::None)
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        !self.is_some()
    }
}

/// A command that draws something.
#[derive(Clone, Debug)]
pub struct Task {
    /// The command.
    pub drawable: Arc<Drawable>,
    /// The surface that it draws on.
    pub target: SurfaceInfo,
    /// The pixels that it may touch: bounding box and clip, not yet the mask. Never empty.
    pub clip: Region,
    /// The source image.
    pub src: Source,
    /// The other sources, if there is any: tasks wait by the thousand, and few have one.
    rare: Option<Box<Rare>>,
}

/// Sources that few operations have: those of [`ImageRole::ALL`] behind the first.
type Rare = [Source; 3];

/// What is there where there is none.
const NO_SOURCE: &Source = &Source::None;

/// Rectangles that a clip may come to: bars that cross bars make quadratically many.
const CLIP_RECTS: usize = 1 << 20;

/// What a task's sources are resolved against.
pub(crate) trait Resolve {
    /// What a surface id means now.
    fn lookup(&mut self, id: u32) -> Lookup;
    /// The picture that an image stands for: a cached one if its id is known.
    fn picture(&mut self, image: &Image, mask: bool) -> Result<Arc<Picture>, Refusal>;
    /// The limits.
    fn limits(&self) -> &Limits;
}

#[cfg(test)]
impl Task {
    /// A task of these parts, the sources in the order of [`ImageRole::ALL`].
    pub(crate) fn of(
        drawable: Arc<Drawable>,
        target: SurfaceInfo,
        clip: Region,
        sources: [Source; 4],
    ) -> Self {
        let mut task = Self { drawable, target, clip, src: Source::None, rare: None };
        ImageRole::ALL.into_iter().zip(sources).for_each(|(role, source)| task.set(role, source));
        task
    }
}

impl Task {
    /// What `drawable` draws; `None` if it is nothing, and a refusal if it is a command that the reference drops.
    #[inline]
    pub(crate) fn new(drawable: &Arc<Drawable>, ctx: &mut impl Resolve) -> Result<Option<Task>, Refusal> {
        let target = match ctx.lookup(drawable.surface_id) {
            Lookup::Live(info) => info,
            Lookup::Destroyed => return Err(Refusal::SurfaceDestroyed { id: drawable.surface_id }),
            Lookup::Never => return Err(Refusal::NoSurface { id: drawable.surface_id }),
        };
        let bbox = drawable.bbox;
        if !target.bounds().contains(&bbox) && !bbox.is_empty() || out_of_bounds(&bbox, &target) {
            return Err(Refusal::BoxOutside { bbox, width: target.width, height: target.height });
        }
        for dep in drawable.surface_deps.iter() {
            if ctx.lookup(dep.surface_id) == Lookup::Destroyed {
                return Err(Refusal::SurfaceDestroyed { id: dep.surface_id });
            }
        }
        check_source(drawable)?;

        let mut task = Task {
            drawable: drawable.clone(),
            target,
            clip: match &drawable.clip {
                Clip::None => Region::from_rect(bbox),
                Clip::Rects(rects) => Region::from_rects_within(rects.iter().copied(), bbox, CLIP_RECTS)
                    .map_err(|e| Refusal::Clip { limit: e.limit })?,
            },
            src: Source::None,
            rare: None,
        };
        task.resolve_sources(drawable, ctx)?;
        Ok((!task.clip.is_empty() && !bbox.is_empty()).then_some(task))
    }

    /// A task with the same sources that draws something else.
    pub(crate) fn redrawn(&self, drawable: Arc<Drawable>, target: SurfaceInfo, clip: Region) -> Self {
        Self { drawable, target, clip, src: self.src.clone(), rare: self.rare.clone() }
    }

    fn resolve_sources(&mut self, drawable: &Drawable, ctx: &mut impl Resolve) -> Result<(), Refusal> {
        use ImageRole::{BackPattern, Mask, Pattern};
        let own = drawable.self_bitmap;
        match &drawable.op {
            Op::Nop | Op::CopyBits { .. } => {}
            Op::Fill { brush, mask, .. } => {
                self.set_tile(Pattern, brush, ctx)?;
                self.set_mask(mask, ctx)?;
            }
            Op::Copy { src, mask, .. } | Op::Blend { src, mask, .. } => {
                self.src = source(src.as_ref(), None, ctx)?;
                self.set_mask(mask, ctx)?;
            }
            Op::Opaque { src, brush, mask, .. } | Op::Rop3 { src, brush, mask, .. } => {
                self.src = source(src.as_ref(), own, ctx)?;
                self.set_tile(Pattern, brush, ctx)?;
                self.set_mask(mask, ctx)?;
            }
            Op::Blackness { mask } | Op::Whiteness { mask } | Op::Invers { mask } => {
                self.set_mask(mask, ctx)?;
            }
            Op::Stroke { brush, .. } => self.set_tile(Pattern, brush, ctx)?,
            Op::Text { fore_brush, back_brush, .. } => {
                self.set_tile(Pattern, fore_brush, ctx)?;
                self.set_tile(BackPattern, back_brush, ctx)?;
            }
            Op::Transparent { src, .. } | Op::AlphaBlend { src, .. } => {
                self.src = source(src.as_ref(), own, ctx)?;
            }
            Op::Composite(c) => {
                self.src = source(c.src.as_ref(), own, ctx)?;
                if let Some(image) = &c.mask {
                    self.set(Mask, source(Some(image), None, ctx)?);
                }
            }
        }
        Ok(())
    }

    fn set_tile(&mut self, role: ImageRole, brush: &Brush, ctx: &mut impl Resolve) -> Result<(), Refusal> {
        if let Brush::Pattern { image, .. } = brush {
            self.set(role, source(image.as_deref(), None, ctx)?);
        }
        Ok(())
    }

    fn set_mask(&mut self, mask: &QMask, ctx: &mut impl Resolve) -> Result<(), Refusal> {
        match mask.image.as_deref() {
            None => {}
            Some(image) if matches!(image.data, ImageData::Surface(_)) => {
                self.set(ImageRole::Mask, source(Some(image), None, ctx)?);
            }
            Some(image) => self.set(ImageRole::Mask, Source::Picture(ctx.picture(image, true)?)),
        }
        Ok(())
    }

    /// Every source, in the order of [`ImageRole::ALL`].
    pub fn sources(&self) -> [&Source; 4] {
        ImageRole::ALL.map(|role| self.source(role))
    }

    /// Those that there are.
    #[inline]
    pub fn given(&self) -> impl Iterator<Item = &Source> {
        let rare = self.rare.as_deref().map_or(&[][..], |rare| &rare[..]);
        std::iter::once(&self.src).chain(rare).filter(|source| source.is_some())
    }

    /// The tile of the (fore) brush.
    #[inline]
    pub fn tile(&self) -> &Source {
        self.source(ImageRole::Pattern)
    }

    /// The tile of the back brush of a text.
    #[inline]
    pub fn back_tile(&self) -> &Source {
        self.source(ImageRole::BackPattern)
    }

    /// The mask: 1-bit, or the mask of a composite.
    #[inline]
    pub fn mask(&self) -> &Source {
        self.source(ImageRole::Mask)
    }

    /// The source in a role.
    #[inline]
    pub fn source(&self, role: ImageRole) -> &Source {
        match (role as usize, &self.rare) {
            (0, _) => &self.src,
            (place, Some(rare)) => &rare[place - 1],
            (_, None) => NO_SOURCE,
        }
    }

    /// Gives it another source, or none.
    pub(crate) fn set(&mut self, role: ImageRole, source: Source) {
        if role == ImageRole::Source {
            self.src = source;
        } else if source.is_some() || self.rare.is_some() {
            self.rare.get_or_insert_default()[role as usize - 1] = source;
        }
    }

    /// Bytes of its own that it takes beside itself: its rectangles, and the sources that few have.
    pub(crate) fn more_bytes(&self) -> usize {
        size_of_val(self.clip.rects()) + self.rare.as_ref().map_or(0, |_| size_of::<Rare>())
    }

    /// The surfaces that it reads by a name: which role they have, and the name.
    pub(crate) fn surfaces(&self) -> impl Iterator<Item = (ImageRole, SurfaceInfo, SurfaceId)> + '_ {
        ImageRole::ALL.into_iter().filter_map(|role| {
            match (self.source(role), self.drawable.op.image(role)) {
                (Source::Surface(info), Some(Image { data: ImageData::Surface(id), .. })) => {
                    Some((role, *info, *id))
                }
                _ => None,
            }
        })
    }

    /// The area of the source image that the operation reads, in the source's pixels, if it has one.
    pub fn src_area(&self) -> Option<Rect> {
        self.drawable.op.src_area().copied()
    }

    /// Whether the source area and the bounding box have different sizes.
    #[inline]
    pub fn is_scaled(&self) -> bool {
        self.src_area().is_some_and(|a| {
            (a.width(), a.height()) != (self.drawable.bbox.width(), self.drawable.bbox.height())
        })
    }
}

/// Right or bottom beyond the surface or a negative corner drops even an empty box.
fn out_of_bounds(bbox: &Rect, target: &SurfaceInfo) -> bool {
    let bounds = target.bounds();
    bbox.left < 0 || bbox.top < 0 || bbox.right > bounds.right || bbox.bottom > bounds.bottom
}

/// The reference's parser drops copies without a source or with a bad source area.
fn check_source(drawable: &Drawable) -> Result<(), Refusal> {
    let (Op::Copy { src, src_area, .. } | Op::Blend { src, src_area, .. }) = &drawable.op else {
        return Ok(());
    };
    let Some(image) = src else { return Err(Refusal::NoSource) };
    let area = *src_area;
    let inverted = area.left < 0 || area.top < 0 || area.left > area.right || area.top > area.bottom;
    let beyond = match &image.data {
        ImageData::Bitmap(b) => area.right as u32 > b.width || area.bottom as u32 > b.height,
        _ => false,
    };
    if inverted || beyond { Err(Refusal::SourceArea { area }) } else { Ok(()) }
}

fn source(image: Option<&Image>, own: Option<Rect>, ctx: &mut impl Resolve) -> Result<Source, Refusal> {
    let Some(image) = image else {
        let area = own.ok_or(Refusal::NoSource)?;
        return Ok(Source::SelfBitmap(area));
    };
    if let ImageData::Surface(id) = image.data {
        return match ctx.lookup(id) {
            Lookup::Live(info) => Ok(Source::Surface(info)),
            Lookup::Destroyed => Err(Refusal::SurfaceDestroyed { id }),
            Lookup::Never => {
                let (width, height) = (image.width, image.height);
                let limit = ctx.limits().image_bytes / 4;
                if u64::from(width) * u64::from(height) > limit {
                    return Err(Refusal::ImageTooLarge { width, height });
                }
                Ok(Source::Black { width, height })
            }
        };
    }
    Ok(Source::Picture(ctx.picture(image, false)?))
}

/// The two-operand function of a rop descriptor: which flag inverts the "source" operand and which the
/// destination depends on the operation.
pub(crate) fn rop2(ropd: Ropd, invers_src: u16, invers_dst: u16) -> Rop2 {
    // Truth tables with S in bit 1 and D in bit 0 of the index.
    const S: u8 = 0b1100;
    const D: u8 = 0b1010;
    let bits = ropd.0;
    let invert = |table: u8, flag: u16| if bits & flag != 0 { !table & 15 } else { table };
    let (s, d) = (invert(S, invers_src), invert(D, invers_dst));
    let table = match bits {
        b if b & Ropd::OP_PUT != 0 => invert(s, Ropd::INVERS_RES),
        b if b & Ropd::OP_OR != 0 => invert(s | d, Ropd::INVERS_RES),
        b if b & Ropd::OP_AND != 0 => invert(s & d, Ropd::INVERS_RES),
        b if b & Ropd::OP_XOR != 0 => invert(s ^ d, Ropd::INVERS_RES),
        b if b & Ropd::OP_BLACKNESS != 0 => 0,
        b if b & Ropd::OP_WHITENESS != 0 => 15,
        b if b & Ropd::OP_INVERS != 0 => !D & 15,
        _ => S,
    };
    Rop2::from_truth_table(table)
}
