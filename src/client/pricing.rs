//! About how many bytes operations take, with the images and surfaces that they need.

use super::canvas::CANVAS;
use super::encode::Quality;
use super::offer::{Form, Offer, draws};
use super::passing::Entry;
use super::recipe::{Recipe, Step};
use super::session::Session;
use super::shown::Want;
use crate::draw::{Limits, Picture, Source, SurfaceKey, Task};
use crate::qxl::{Brush, Clip, ImageRole, LineAttr, Op, Rect, SurfaceFormat};
use spice_raster::{Surface, SurfaceRef};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Bytes of a COMPOSITE of surfaces.
pub(super) const OPERATION: u64 = 130;
/// Bytes of a new surface with its first image, without the pixels.
const NEW_SURFACE: u64 = 130;
/// Bytes of an image without its pixels.
const IMAGE: u64 = 30;
/// More than anything takes.
const UNKNOWN: u64 = u64::MAX >> 16;
/// Bytes of a COPY with an image, without its pixels; of a fill with one colour; of a move.
pub(super) const COPY: u64 = 85;
pub(super) const FILL: u64 = 47;
pub(super) const MOVE: u64 = 35;

/// Bytes of a message, without its images.
pub(super) fn words(task: &Task) -> u64 {
    let clip = match &task.drawable.clip {
        Clip::None => 0,
        Clip::Rects(rects) => 4 + 16 * rects.len() as u64,
    };
    let brush = |brush: &Brush| match brush {
        Brush::None => 1,
        Brush::Solid(_) => 5,
        Brush::Pattern { .. } => 13,
    };
    27 + clip
        + match &task.drawable.op {
            Op::Nop => 0,
            Op::CopyBits { .. } => 8,
            Op::Blackness { .. } | Op::Whiteness { .. } | Op::Invers { .. } => 13,
            Op::Fill { brush: b, .. } => 15 + brush(b),
            Op::Copy { .. } | Op::Blend { .. } => 36,
            Op::Opaque { brush: b, .. } | Op::Rop3 { brush: b, .. } => 36 + brush(b),
            Op::Transparent { .. } => 28,
            Op::AlphaBlend { .. } => 22,
            Op::Stroke { path, attr, brush: b, .. } => {
                let points: u64 = path.iter().map(|s| 5 + 8 * s.points.len() as u64).sum();
                let styled = attr.flags & LineAttr::STYLED != 0;
                13 + points + brush(b) + if styled { 5 + 4 * attr.style.len() as u64 } else { 0 }
            }
            Op::Text { str, fore_brush, back_brush, .. } => {
                let glyphs: u64 = str.glyphs.iter().map(|g| 20 + g.data.len() as u64).sum();
                27 + glyphs + brush(fore_brush) + brush(back_brush)
            }
            Op::Composite(_) => OPERATION - 27,
        }
}

impl Session {
    /// About how many bytes what is offered in place of an entry takes, without the surfaces that it reads.
    pub(super) fn price(&mut self, entry: &Entry, offer: &Offer, screen: &Surface, limits: &Limits) -> u64 {
        let mut sum = 0;
        for (task, form) in &offer.tasks {
            sum += words(task);
            for role in ImageRole::ALL {
                // What is only estimated counts for more.
                let source = self.price_source(entry, task, role, *form, screen, limits);
                sum += source + source / 8;
            }
        }
        sum
    }

    fn price_source(
        &mut self,
        entry: &Entry,
        task: &Task,
        role: ImageRole,
        form: Form,
        screen: &Surface,
        limits: &Limits,
    ) -> u64 {
        let area = task.src_area().filter(|_| form.cut && role == ImageRole::Source);
        let qmask = role == ImageRole::Mask && !matches!(task.drawable.op, Op::Composite(_));
        let pixels = match task.source(role) {
            Source::None | Source::Black { .. } => return 0,
            Source::Picture(picture) if qmask => {
                return IMAGE + u64::from(picture.width()).div_ceil(8) * u64::from(picture.height());
            }
            Source::Picture(picture) => {
                return IMAGE + self.price_picture(&task.drawable.op, role, picture, area, limits);
            }
            Source::Surface(_) if role == ImageRole::Source && !form.flat => return IMAGE,
            Source::Surface(_) if role == ImageRole::Mask => return IMAGE,
            Source::Surface(_) => match &entry.kept[role as usize] {
                Some(kept) => (kept.view(), area.unwrap_or(kept.bounds())),
                None => return UNKNOWN,
            },
            Source::SelfBitmap(area) => (screen.view(), *area),
        };
        IMAGE + self.image_cost(pixels.0, pixels.1)
    }

    fn price_picture(
        &mut self,
        op: &Op,
        role: ImageRole,
        picture: &Picture,
        area: Option<Rect>,
        limits: &Limits,
    ) -> u64 {
        let Some(format) = picture.image_format(CANVAS) else { return UNKNOWN };
        let Some(view) = picture.view(format, limits) else { return UNKNOWN };
        let view = view.get();
        let rect = area.unwrap_or(view.bounds());
        match (op, role) {
            // With their alpha, and nothing that the client remembers helps.
            (Op::Composite(_), _) | (Op::Text { .. }, ImageRole::Pattern) => {
                let alone = self.encoder.estimate(view, rect, format, &Quality::EXACT);
                alone.map_or(UNKNOWN, |n| n as u64 * 5 / 4)
            }
            (Op::AlphaBlend { .. }, _) => self.cost_as(view, rect, format),
            _ => self.cost_as(view, rect, CANVAS),
        }
    }

    /// About how many bytes it takes until the client has a surface.
    pub(super) fn surface_cost(
        &mut self,
        want: &Want<'_>,
        pixels: &Surface,
        reads: u32,
        limits: &Limits,
        made: &mut BTreeSet<*const Step>,
    ) -> u64 {
        if self.held.shows(want) {
            return 0;
        }
        let image = NEW_SURFACE + self.image_cost(pixels.view(), pixels.bounds());
        let drawn = want.recipe.and_then(|recipe| self.recipe_cost(recipe, limits, &mut Vec::new(), made));
        // It is likely to be used again, the more so the more often it was: a part of it is for later.
        drawn.map_or(image, |drawn| drawn.min(image)) / u64::from(1 + reads.max(1))
    }

    /// About how many bytes an area of a surface takes as an image.
    pub(super) fn image_cost(&mut self, view: SurfaceRef<'_>, rect: Rect) -> u64 {
        self.cost_as(view, rect, view.format())
    }

    fn cost_as(&mut self, view: SurfaceRef<'_>, rect: Rect, format: SurfaceFormat) -> u64 {
        if self.encoder.is_cached(view, rect, format, &Quality::EXACT) {
            return 0;
        }
        self.encoder.estimate(view, rect, format, &Quality::EXACT).map_or(UNKNOWN, |n| n as u64)
    }

    /// About how many bytes the operations of a recipe take, those in `made` left out; `None` if the client cannot draw
    /// them. `path` are the surfaces that wait for this one.
    pub(super) fn recipe_cost(
        &mut self,
        recipe: &Recipe,
        limits: &Limits,
        path: &mut Vec<SurfaceKey>,
        made: &mut BTreeSet<*const Step>,
    ) -> Option<u64> {
        let target = recipe.task.target;
        if path.contains(&target.key) || !self.profile.off_screen.contains(target.format) {
            return None;
        }
        let held = self.held.made(target.key).cloned();
        let mut sum = if held.is_some() { 0 } else { NEW_SURFACE / 2 };
        path.push(target.key);
        for step in recipe.since(held.as_ref()) {
            if made.contains(&Arc::as_ptr(step)) {
                continue;
            }
            draws(&self.profile, &step.task, step.task.drawable.surface_id, Form::default())?;
            sum += OPERATION;
            if let Source::Picture(picture) = &step.task.src {
                let format = picture.image_format(target.format)?;
                let view = picture.view(format, limits)?;
                let (view, rect) = (view.get(), view.get().bounds());
                if !self.encoder.is_cached(view, rect, target.format, &Quality::EXACT) {
                    let image = self.encoder.estimate(view, rect, target.format, &Quality::EXACT);
                    sum += image.ok()? as u64;
                }
            }
            for source in step.sources.iter().flatten() {
                if !self.held.made(source.task.target.key).is_some_and(|m| Arc::ptr_eq(m, source)) {
                    sum += self.recipe_cost(source, limits, path, made)?;
                }
            }
            made.insert(Arc::as_ptr(step));
        }
        path.pop();
        Some(sum)
    }
}
