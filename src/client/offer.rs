//! The ladder: whether a client draws one of the guest's operations as it is, what it draws in its place with the same
//! pixels, and how the images must be given to it for that.

use super::candidate::is_sound;
use super::canvas::CANVAS;
use super::plain::plain;
use super::profile::{Pixels, Profile, Source as Asked};
use super::rewrite;
use crate::draw::{Limits, Source, Task};
use crate::qxl::{BitmapFormat, ImageRole, Op, Rect, Ropd, SurfaceFormat, SurfaceId};
use crate::wire::{DrawRef, ImageKind};
use spice_raster::Surface;
use std::convert::Infallible;

/// How the images of an operation are given to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    /// A surface as source is given as an image of what it shows.
    pub(super) flat: bool,
    /// Pixels are given in another format than the guest's.
    recoded: bool,
    /// Of the source, only the area that is read.
    pub(super) cut: bool,
}

/// An operation as the client can be given it.
#[derive(Debug)]
pub(super) struct Offer {
    /// What to send, in order.
    pub(super) tasks: Vec<(Task, Form)>,
    /// It is the guest's own operation.
    pub(super) passed: bool,
}

impl Offer {
    /// What the client draws in place of a task on the screen; `others` are the surfaces that it reads, as far as they
    /// are known.
    pub(super) fn of(
        task: &Task,
        profile: &Profile,
        target: &Surface,
        others: &impl crate::draw::exec::Pixels,
        limits: &Limits,
    ) -> Option<Self> {
        let kind = task.drawable.op.kind();
        let task = plain(task, target, others, limits)?;
        if !is_sound(&task) {
            return None;
        }
        let form = |task: &Task| form(profile, task);
        if let Some(form) = form(&task) {
            let same = kind == task.drawable.op.kind() && !form.recoded && !flattened(&task, form);
            let passed = same && !(form.cut && must_cut(profile, &task));
            return Some(Self { tasks: vec![(task, form)], passed });
        }
        Some(Self { tasks: rewrite::rewritten(&task, form)?, passed: false })
    }
}

/// Whether something that is a surface, or the target itself, is given as an image.
fn flattened(task: &Task, form: Form) -> bool {
    matches!(task.src, Source::SelfBitmap(_)) || form.flat && matches!(task.src, Source::Surface(_))
}

fn must_cut(profile: &Profile, task: &Task) -> bool {
    draws(profile, task, 0, Form::default()).is_none()
}

/// How the images of a task on the screen must be given so that the client draws it; the first way that does.
fn form(profile: &Profile, task: &Task) -> Option<Form> {
    let surface = matches!(task.src, Source::Surface(_));
    let cuttable = task.src_area().is_some() && !task.is_scaled();
    let flats = if must_flatten(task) { &[true][..] } else { &[false, surface][..] };
    for (i, flat) in flats.iter().enumerate() {
        if i > 0 && !flat {
            break;
        }
        // What is a surface at the client is not cut.
        let cuttable = cuttable && (!surface || *flat);
        // A small part of a large image alone, if it is not one that comes again.
        let wide = cuttable && is_small_part(task, *flat);
        for (recoded, cut) in [(false, wide), (false, false), (true, wide), (true, false), (true, true)] {
            let form = Form { flat: *flat, recoded, cut };
            if (!cut || cuttable) && draws(profile, task, 0, form).is_some() {
                return Some(form);
            }
        }
    }
    None
}

/// Whether the source area is less than half of the source, and the guest does not mean to use the rest.
fn is_small_part(task: &Task, flat: bool) -> bool {
    let Some(area) = task.src_area() else { return false };
    let pixels = match &task.src {
        Source::Picture(picture) => {
            let kept = task.drawable.op.src().is_some_and(|i| i.flags & crate::qxl::Image::CACHE != 0);
            if kept {
                return false;
            }
            u64::from(picture.width()) * u64::from(picture.height())
        }
        Source::Surface(info) if flat => info.bounds().area(),
        _ => return false,
    };
    area.area() * 2 < pixels
}

/// Whether the client cannot read the source surface as it is: another format than the screen's, or x bytes that count.
fn must_flatten(task: &Task) -> bool {
    let Source::Surface(info) = &task.src else { return false };
    match (&task.drawable.op, info.format) {
        (Op::Composite(_), _) => false,
        (Op::AlphaBlend { alpha_flags, .. }, SurfaceFormat::X8R8G8B8) => alpha_flags & 2 != 0,
        (_, SurfaceFormat::X8R8G8B8 | SurfaceFormat::A8R8G8B8) => false,
        _ => true,
    }
}

/// An image as it will be given.
#[derive(Clone, Copy)]
struct Told {
    size: (u32, u32),
    source: Asked,
}

impl Pixels for Told {
    fn size(&self) -> (u32, u32) {
        self.size
    }
    fn source(&self) -> Asked {
        self.source
    }
}

/// Whether the client draws a task on the surface of this id, its images given in a form.
pub(super) fn draws(profile: &Profile, task: &Task, surface_id: SurfaceId, form: Form) -> Option<()> {
    let drawable = &task.drawable;
    let told = |role: ImageRole, image: Option<&crate::qxl::Image>| {
        let pixels = |format, size| {
            let format = if form.recoded && role != ImageRole::Mask { plain_format(format) } else { format };
            Some(Told { size, source: Asked::Pixels(format) })
        };
        let size = image.map_or((0, 0), |i| (i.width, i.height));
        let told = match task.source(role) {
            Source::None | Source::Black { .. } => None,
            Source::SelfBitmap(area) => pixels(BitmapFormat::Bit32, (area.width(), area.height())),
            Source::Surface(info) if role_is_flat(&drawable.op, role, form) => {
                let alpha = info.format == SurfaceFormat::A8R8G8B8;
                let format = if alpha { BitmapFormat::Rgba } else { BitmapFormat::Bit32 };
                pixels(format, (info.width, info.height))
            }
            Source::Surface(_) => image.map(|i| Told { size, source: Pixels::source(i) }),
            Source::Picture(_) => image.and_then(|i| match Pixels::source(i) {
                Asked::Pixels(format) => pixels(format, size),
                Asked::Encoded(ImageKind::Quic, format) if form.recoded || form.cut => {
                    pixels(format.unwrap_or(BitmapFormat::Rgba), size)
                }
                source => Some(Told { size, source }),
            }),
        };
        let cut = role == ImageRole::Source && form.cut;
        Ok::<_, Infallible>(match (told, task.src_area()) {
            (Some(told), Some(area)) if cut => Some(Told { size: (area.width(), area.height()), ..told }),
            (told, _) => told,
        })
    };
    let Ok(mut op) = drawable.op.map_images(told);
    if let Some(area) = op.src_area_mut().filter(|_| form.cut) {
        *area = Rect::of_size(area.width(), area.height());
    }
    let draw = DrawRef { surface_id, bbox: drawable.bbox, clip: &drawable.clip, op: &op };
    profile.supports(&draw, |id| surface_format(task, id)).ok()
}

/// Tiles are always given as images: what clients do with surfaces as tiles stays with those.
fn role_is_flat(op: &Op, role: ImageRole, form: Form) -> bool {
    match role {
        ImageRole::Source => form.flat,
        ImageRole::Pattern | ImageRole::BackPattern => true,
        ImageRole::Mask => !matches!(op, Op::Composite(_)),
    }
}

/// The format without palettes that has the same pixels.
fn plain_format(format: BitmapFormat) -> BitmapFormat {
    match format {
        BitmapFormat::Rgba | BitmapFormat::Alpha8 => format,
        _ => BitmapFormat::Bit32,
    }
}

/// The format of a surface that a task names.
fn surface_format(task: &Task, id: SurfaceId) -> Option<SurfaceFormat> {
    if id == 0 {
        return Some(CANVAS);
    }
    if id == task.drawable.surface_id {
        return Some(task.target.format);
    }
    task.surfaces().find(|(_, _, named)| *named == id).map(|(_, info, _)| info.format)
}

/// Whether an operation only puts an image's pixels where they are wanted.
pub(super) fn is_image(task: &Task) -> bool {
    match &task.drawable.op {
        Op::Copy { rop, .. } | Op::Blend { rop, .. } => {
            *rop == Ropd::PUT && task.mask().is_none() && matches!(task.src, Source::Picture(_))
        }
        _ => false,
    }
}
