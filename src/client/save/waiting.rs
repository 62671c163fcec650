//! What a client may be sent instead of images: the guest's operations that wait for it, the off-screen surfaces that it
//! holds, and where images have stood.

use super::fields::{In, Out};
use super::tables::{Known, Tables};
use super::{RestoreError, Result};
use crate::client::encode::ContentHash;
use crate::client::gallery::Picture;
use crate::client::passing::{ENTRIES, Entry, Passing};
use crate::client::planner::MoveHint;
use crate::client::recipe::{Made, Recipes};
use crate::client::session::{HINTS, Session};
use crate::client::shown::{Held, OffScreen, SURFACE_BYTES, SURFACES, Shown, Sticky};
use crate::draw::{Limits, SurfaceIds, SurfaceInfo};
use crate::qxl::SurfaceId;
use spice_raster::Rect;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const WAITING: &str = "operations";
const HELD: &str = "off-screen surfaces";
const MADE: &str = "recipes";
const HINT: &str = "moves";
const PLACES: &str = "places of images";
const GALLERY: &str = "images in the cache";
const RECENT: &str = "recent images";

/// Bytes of an entry, of a surface and of a recipe at least.
const ENTRY: usize = 4 * 7;
const SURFACE: usize = 4 * 3 + 2 * 4 + 1 + 8;
const RECIPE: usize = 4 * 3;

fn bad(field: &'static str) -> RestoreError {
    RestoreError::Field { field }
}

impl Session {
    pub(super) fn save_waiting(&self, out: &mut Out, surfaces: &SurfaceIds, recipes: &Recipes) {
        let mut tables = Tables::default();
        let mut rest = Out::default();

        rest.flag(self.passing.is_full());
        rest.list(self.passing.entries(), |out, entry: &Entry| {
            tables.task(out, &entry.task);
            entry.kept.iter().for_each(|copy| out.u32(tables.copy(copy.as_ref())));
            entry.recipes.iter().for_each(|recipe| out.u32(tables.recipe(recipe.as_ref())));
        });

        rest.u64(self.held.clock);
        rest.list(&self.held.surfaces, |out, (key, surface)| {
            let Shown { id, shadow, unknown, lossy } = &surface.shown;
            let (format, width, height) = (shadow.format(), shadow.width(), shadow.height());
            out.u32(tables.surface(&SurfaceInfo { key: *key, format, width, height }));
            out.u32(*id);
            out.rows(shadow.view());
            out.region(unknown);
            out.region(lossy);
            out.maybe(surface.sticky.as_ref(), |out, sticky| {
                let Sticky { filter, repeat, transform, component_alpha } = sticky;
                out.u8(*filter);
                out.u8(*repeat);
                transform.iter().for_each(|n| out.i32(*n));
                out.flag(*component_alpha);
            });
            out.u32(tables.recipe(surface.made.as_ref()));
            out.u64(surface.used);
        });

        let ids: BTreeMap<_, _> = surfaces.iter().map(|(id, info)| (info.key, (id, info))).collect();
        let mut made = recipes.made();
        made.retain(|made| self.wants_recipes() && ids.contains_key(&made.key));
        rest.list(&made, |out, made| {
            out.u32(tables.surface(&ids[&made.key].1));
            out.u32(made.reads);
            out.u32(tables.recipe(made.recipe));
        });

        tables.write(out, &ids.into_iter().map(|(key, (id, _))| (key, id)).collect());
        out.0.append(&mut rest.0);

        out.list(&self.hints, |out, hint: &MoveHint| {
            out.rect(&hint.dst);
            out.point(&hint.src);
        });
        out.list(self.places.rects(), Out::rect);
        out.flag(self.scrolls);
        let held: Vec<_> =
            self.gallery.images().iter().filter(|image| self.encoder.holds(&image.key)).collect();
        out.list(held, |out, image| {
            out.u128(image.key.0);
            out.u32(image.width);
            out.u32(image.height);
            image.pixels.iter().for_each(|px| out.u32(*px));
        });
        let recent = self.recent.ages(self.now);
        out.list(&recent, |out, (age, region)| {
            out.u64(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX));
            out.region(region);
        });
    }

    /// The fields of [`Session::save_waiting`], the screen being there already. What they say of how the guest's surfaces
    /// were made is returned.
    pub(super) fn restore_waiting(
        &mut self,
        from: &mut In<'_>,
        live: &BTreeMap<SurfaceId, SurfaceInfo>,
        recipes: &Recipes,
        limits: &Limits,
    ) -> Result<Vec<Made>> {
        let known = Known::read(from, live, recipes, limits)?;
        self.passing.restore(from, &known, self.screen.as_ref().map(|screen| screen.info))?;
        self.held = held(from, &known)?;
        let made = from.list(RECIPE, MADE, |from| {
            let info = known.surface(from.u32(MADE)?)?;
            let reads = from.u32(MADE)?;
            let recipe = known.recipe(from.u32(MADE)?, Some(info))?;
            Ok(live.values().any(|l| *l == info).then_some(Made { key: info.key, reads, recipe }))
        })?;

        let bounds = self.screen.as_ref().map_or(Rect::default(), |screen| screen.info.bounds());
        self.hints = from
            .list(24, HINT, |from| {
                let (dst, src) = (from.rect(HINT)?, from.point(HINT)?);
                let by = src.x.checked_sub(dst.left).zip(src.y.checked_sub(dst.top));
                let (dx, dy) = by.ok_or(bad(HINT))?;
                let read = Rect {
                    left: src.x,
                    top: src.y,
                    right: dst.right.checked_add(dx).ok_or(bad(HINT))?,
                    bottom: dst.bottom.checked_add(dy).ok_or(bad(HINT))?,
                };
                let inside = !dst.is_empty() && bounds.contains(&dst) && bounds.contains(&read);
                Ok(inside.then_some(MoveHint { dst, src }))
            })?
            .into_iter()
            .flatten()
            .take(HINTS)
            .collect();
        for rect in from.list(16, PLACES, |from| from.rect(PLACES))? {
            if !rect.is_empty() && bounds.contains(&rect) {
                self.places.drawn(rect, true);
            }
        }
        self.scrolls = from.flag(PLACES)?;
        for _ in 0..from.count(24, GALLERY)? {
            let (key, width, height) =
                (ContentHash(from.u128(GALLERY)?), from.u32(GALLERY)?, from.u32(GALLERY)?);
            let bytes = (width as usize).checked_mul(height as usize).and_then(|area| area.checked_mul(4));
            let bytes = from.take(bytes.ok_or(bad(GALLERY))?, GALLERY)?;
            let pixels = bytes.as_chunks().0.iter().map(|px| u32::from_le_bytes(*px)).collect();
            self.gallery.put(Picture { key, width, height, pixels });
        }
        // Of another screen they mean nothing, but must be read.
        let all = Rect::new(0, 0, super::SIDE as i32, super::SIDE as i32);
        let recent = from.list(12, RECENT, |from| {
            let age = Duration::from_nanos(from.u64(RECENT)?);
            Ok((age, from.region(all, RECENT)?))
        })?;
        self.recent.restore(recent);
        Ok(made.into_iter().flatten().collect())
    }
}

impl Passing {
    /// What is refused here, or too much here, is as if too much had come: images take its place. So is what is not
    /// drawn on the screen.
    fn restore(&mut self, from: &mut In<'_>, known: &Known<'_>, screen: Option<SurfaceInfo>) -> Result<()> {
        let mut full = from.flag(WAITING)?;
        let mut entries = Vec::new();
        let count = from.count(ENTRY, WAITING)?;
        if count > ENTRIES {
            return Err(bad(WAITING));
        }
        for _ in 0..count {
            let task = known.task(from)?;
            let reads = task.as_ref().map(Entry::reads_of).unwrap_or_default();
            let (mut kept, mut made) = (<[_; 4]>::default(), <[_; 2]>::default());
            for (copy, of) in kept.iter_mut().zip(reads) {
                let number = from.u32(WAITING)?;
                *copy = if task.is_some() { known.copy(number, of)? } else { None };
            }
            for (recipe, of) in made.iter_mut().zip([reads[0], reads[3]]) {
                let number = from.u32(WAITING)?;
                *recipe = if task.is_some() { known.recipe(number, of)? } else { None };
            }
            match task.filter(|task| Some(task.target) == screen) {
                Some(task) => entries.push((task, kept, made)),
                None => full = true,
            }
        }
        self.put(entries, full);
        Ok(())
    }
}

fn held(from: &mut In<'_>, known: &Known<'_>) -> Result<Held> {
    let mut held = Held::from_clock(from.u64(HELD)?.min(u64::MAX >> 1));
    let (mut ids, mut bytes) = (BTreeSet::from([0]), 0);
    for _ in 0..from.count(SURFACE, HELD)? {
        let info = known.surface(from.u32(HELD)?)?;
        let id = from.u32(HELD)?;
        let shadow = from.rows((info.format, info.width, info.height), HELD)?;
        let unknown = from.region(info.bounds(), HELD)?;
        let lossy = from.region(info.bounds(), HELD)?;
        let sticky = from.maybe(HELD, |from| {
            let (filter, repeat) = (from.u8(HELD)?, from.u8(HELD)?);
            let mut transform = [0; 6];
            for number in &mut transform {
                *number = from.i32(HELD)?;
            }
            Ok(Sticky { filter, repeat, transform, component_alpha: from.flag(HELD)? })
        })?;
        let made = known.recipe(from.u32(HELD)?, Some(info))?;
        let used = from.u64(HELD)?.min(held.clock);
        bytes += shadow.bytes();
        let shown = Shown { id, shadow, unknown, lossy };
        let twice = held.surfaces.insert(info.key, OffScreen { shown, sticky, made, used }).is_some();
        if twice || !ids.insert(id) || held.surfaces.len() > SURFACES || bytes > SURFACE_BYTES {
            return Err(bad(HELD));
        }
    }
    Ok(held)
}
