//! Operations in the plainest words, which are what is sent: fewer bytes, and nothing odd for a client to stumble over.

use super::canvas::CANVAS;
use super::profile::Rop2;
use super::rewrite::image;
use crate::draw::exec::{Pixels, masked_clip};
use crate::draw::{Limits, Picture, Source, Task};
use crate::qxl::{
    BitmapFormat, Brush, Clip, Image, ImageRole, Op, Point, QMask, Rect, Ropd, ScaleMode, SurfaceFormat,
};
use spice_raster::{Region, Surface};
use std::sync::Arc;

/// Rectangles that are told as a clip rather than as a mask.
const MASK_CLIP: usize = 4;
/// Rectangles of a mask that is looked at.
const MASK_RECTS: usize = 1 << 14;
/// Pixels of a tile that is looked at.
const TILE: u64 = 1 << 12;

/// The same in the plainest words: a clip that cuts is a list of disjoint rectangles, a mask is none or only bits of the
/// pixels that it lets through, one rop has one descriptor, a brush of one colour is solid. `None` where that is
/// nothing, or not to be found out.
pub(super) fn plain(task: &Task, target: &Surface, others: &impl Pixels, limits: &Limits) -> Option<Task> {
    let mut task = task.clone();
    let mut drawable = (*task.drawable).clone();
    let kind = drawable.op.kind();
    if !matches!(drawable.op, Op::Composite(_)) && task.mask().is_some() {
        let seen = masked_clip(&task, target, others, limits)?;
        if seen.is_empty() || seen.rects().len() > MASK_RECTS {
            return None;
        }
        let mask = drawable.op.qmask_mut()?;
        if seen.rects().len() <= MASK_CLIP {
            *mask = QMask::default();
            task.set(ImageRole::Mask, Source::None);
            task.clip = seen;
        } else {
            let (image, bounds) = bits(&seen);
            task.set(ImageRole::Mask, Source::Picture(Arc::new(Picture::new(&image, true, limits).ok()??)));
            let pos = Point::new(drawable.bbox.left - bounds.left, drawable.bbox.top - bounds.top);
            *mask = QMask { flags: 0, pos, image: Some(image.into()) };
            task.clip = Region::from_rect(drawable.bbox);
        }
    } else if let Some(mask) = drawable.op.qmask_mut() {
        *mask = QMask::default();
    }
    drawable.clip = match task.clip.rects() {
        [rect] if *rect == drawable.bbox => Clip::None,
        rects => Clip::Rects(rects.to_vec()),
    };
    drawable.self_bitmap = None;
    let one_rop = |rop: &mut Ropd| {
        let means = Rop2::of(*rop, kind);
        *rop = means.descriptor(kind).unwrap_or(*rop);
    };
    let mut one_colour = |brush: &mut Brush, alpha: bool| match brush {
        Brush::None => *brush = Brush::Solid(0),
        Brush::Solid(_) => {}
        Brush::Pattern { .. } => {
            if let Some(colour) = colour_of(task.tile(), alpha, limits) {
                *brush = Brush::Solid(colour);
                task.set(ImageRole::Pattern, Source::None);
            }
        }
    };
    let one_mode = |mode: &mut ScaleMode| {
        *mode = if *mode == ScaleMode::INTERPOLATE { *mode } else { ScaleMode::NEAREST }
    };
    match &mut drawable.op {
        Op::Fill { brush, rop, .. } => {
            one_rop(rop);
            one_colour(brush, false);
        }
        Op::Opaque { brush, rop, scale_mode, .. } => {
            one_rop(rop);
            one_colour(brush, false);
            one_mode(scale_mode);
        }
        Op::Copy { rop, scale_mode, .. } | Op::Blend { rop, scale_mode, .. } => {
            one_rop(rop);
            one_mode(scale_mode);
        }
        Op::Rop3 { brush, scale_mode, .. } => {
            one_colour(brush, false);
            one_mode(scale_mode);
        }
        Op::Stroke { brush, fore_mode, back_mode, .. } => {
            one_rop(fore_mode);
            *back_mode = Ropd::PUT;
            one_colour(brush, false);
        }
        Op::Text { str, back_area, fore_brush, back_brush, fore_mode, back_mode } => {
            // They do not matter, but the reference client wants them so.
            (*fore_mode, *back_mode) = (Ropd::PUT, Ropd::PUT);
            if matches!(fore_brush, Brush::None) {
                str.glyphs.clear();
            } else {
                one_colour(fore_brush, true);
            }
            let patterned = matches!(fore_brush, Brush::Pattern { .. });
            if !patterned {
                // Glyphs without pixels change where a pattern starts, and nothing else.
                str.glyphs.retain(|g| g.width > 0 && g.height > 0);
            }
            back_area.clone_from(&back_area.intersect(&drawable.bbox));
            if back_area.is_empty() {
                (*back_area, *back_brush) = (Rect::default(), Brush::None);
                task.set(ImageRole::BackPattern, Source::None);
            } else if matches!(back_brush, Brush::None) {
                *back_brush = Brush::Solid(0);
            }
        }
        Op::AlphaBlend { alpha_flags, alpha, .. } => {
            if *alpha == 0 {
                return None;
            }
            // What the second flag says is said of surfaces.
            let surface = matches!(task.src, Source::Surface(_));
            *alpha_flags &= if surface { 3 } else { 1 };
        }
        _ => {}
    }
    if let Op::Text { str, back_area, back_brush, .. } = &drawable.op
        && str.glyphs.is_empty()
    {
        // A background alone: clients abort on a text without glyphs.
        let (rect, brush) = (*back_area, back_brush.clone());
        let mut clip = task.clip.clone();
        clip.intersect_rect(rect);
        if clip.is_empty() {
            return None;
        }
        drawable.clip = if clip.rects() == [rect] { Clip::None } else { Clip::Rects(clip.rects().to_vec()) };
        drawable.bbox = rect;
        drawable.op = Op::Fill { brush, rop: Ropd::PUT, mask: QMask::default() };
        task.clip = clip;
        let tile = task.back_tile().clone();
        task.set(ImageRole::Pattern, tile);
        task.set(ImageRole::BackPattern, Source::None);
    }
    task.drawable = Arc::new(drawable);
    Some(task)
}

/// A mask of the pixels of a region, and which part of the target it is for.
fn bits(seen: &Region) -> (Image, Rect) {
    let bounds = seen.bounds();
    let (width, height) = (bounds.width(), bounds.height());
    let stride = width.div_ceil(8);
    let mut data = vec![0u8; stride as usize * height as usize];
    for rect in seen.rects() {
        for y in rect.top..rect.bottom {
            let row = &mut data[(y - bounds.top) as usize * stride as usize..][..stride as usize];
            for x in rect.left - bounds.left..rect.right - bounds.left {
                row[x as usize / 8] |= 0x80 >> (x % 8);
            }
        }
    }
    let format = BitmapFormat::Bit1Be;
    (image(format, width, height, stride, data), bounds)
}

/// The colour of a tile that has only one; `alpha` says that alpha counts where the tile has it.
fn colour_of(tile: &Source, alpha: bool, limits: &Limits) -> Option<u32> {
    let Source::Picture(picture) = tile else { return None };
    if u64::from(picture.width()) * u64::from(picture.height()) > TILE {
        return None;
    }
    let format = picture.image_format(CANVAS)?;
    if alpha && format != SurfaceFormat::X8R8G8B8 {
        return None;
    }
    let view = picture.view(CANVAS, limits)?;
    let view = view.get();
    let width = view.width() as usize;
    let first = *view.row(0).first()?;
    let same = |px: &u32| (px ^ first) & 0x00ff_ffff == 0;
    (0..view.height()).all(|y| view.row(y)[..width].iter().all(same)).then_some(first)
}
