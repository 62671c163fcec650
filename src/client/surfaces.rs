//! Off-screen surfaces that a client is made to hold.

use super::encode::Quality;
use super::planner::{Piece, PieceKind};
use super::recipe::Recipe;
use super::session::Session;
use super::shown::{OffScreen, SURFACE_BYTES, SURFACES, Shown, Sticky, Want};
use crate::draw::{Limits, Source, SurfaceInfo, SurfaceKey};
use crate::qxl::SurfaceId;
use crate::wire::{ServerMessage, SurfaceCreated};
use spice_raster::{Region, Surface};
use std::collections::BTreeSet;

/// Pixels of a new surface that is sent as one image.
const WHOLE: u64 = 1 << 16;

impl Session {
    /// The client drops some of its off-screen surfaces.
    pub(super) fn drop_surfaces(&mut self, gone: impl Fn(SurfaceKey) -> bool) {
        let keys: Vec<_> = self.held.surfaces.keys().copied().filter(|k| gone(*k)).collect();
        for key in keys {
            if let Some(surface) = self.held.surfaces.remove(&key) {
                self.send(&ServerMessage::SurfaceDestroy { surface_id: surface.shown.id });
            }
        }
    }

    /// Has the client hold a surface, for a composite that leaves it like `sticky`, or for a copy.
    pub(super) fn hold(
        &mut self,
        want: &Want<'_>,
        sticky: Option<Sticky>,
        limits: &Limits,
    ) -> Option<SurfaceId> {
        let info = want.info;
        self.held.clock += 1;
        // One of another size was saved elsewhere by somebody who knew no better.
        let clean = |s: &OffScreen| {
            s.shown.shadow.bounds() == info.bounds()
                && s.sticky.is_none_or(|old| match sticky {
                    Some(new) if new != Sticky::SAMPLED => old == new,
                    _ => old.is_plain(),
                })
        };
        if self.held.surfaces.get(&info.key).is_some_and(|s| !clean(s)) {
            self.drop_surfaces(|key| key == info.key);
        }
        let clock = self.held.clock;
        if let Some(surface) = self.held.surfaces.get_mut(&info.key) {
            surface.used = clock;
        }
        if !self.held.shows(want) {
            self.make(want, limits);
        }
        let surface = self.held.surfaces.get_mut(&info.key)?;
        (surface.sticky, surface.used) = (sticky.or(surface.sticky), clock);
        surface.shows(want).then_some(surface.shown.id)
    }

    /// Draws what a surface must show, in the way that takes fewer bytes.
    fn make(&mut self, want: &Want<'_>, limits: &Limits) {
        let info = want.info;
        let image = want.pixels.map_or(u64::MAX, |pixels| self.image_cost(pixels.view(), pixels.bounds()));
        let recipe = want.recipe.filter(|recipe| {
            let drawn = self.recipe_cost(recipe, limits, &mut Vec::new(), &mut BTreeSet::new());
            drawn.is_some_and(|drawn| drawn < image)
        });
        if !self.held.surfaces.contains_key(&info.key) && !self.create(info) {
            return;
        }
        if let Some(recipe) = recipe
            && !self.held.drawing.contains(&info.key)
        {
            self.held.drawing.push(info.key);
            self.follow(info.key, recipe, limits);
            self.held.drawing.pop();
        }
        let Some(pixels) = want.pixels else { return };
        let Some(mut surface) = self.held.surfaces.remove(&info.key) else { return };
        let mut pieces = Vec::new();
        if surface.shown.unknown.contains_rect(&info.bounds()) && info.bounds().area() <= WHOLE {
            // Uncut, so that it is in the cache when it comes again.
            pieces.push(Piece { rect: info.bounds(), kind: PieceKind::Image });
        } else {
            let area = Region::from_rect(info.bounds());
            self.plan(&surface.shown, pixels.view(), &area, &[], &mut pieces);
        }
        for piece in &pieces {
            self.piece(&mut surface.shown, pixels.view(), piece, &Quality::EXACT);
        }
        surface.made = want.recipe.cloned();
        self.held.surfaces.insert(info.key, surface);
    }

    /// A new surface of the client's; false if there is no room.
    fn create(&mut self, info: SurfaceInfo) -> bool {
        let Ok(shadow) = Surface::new(info.format, info.width, info.height, SURFACE_BYTES as u64) else {
            return false;
        };
        while self.held.surfaces.len() >= SURFACES || self.held.bytes() + shadow.bytes() > SURFACE_BYTES {
            let since = self.held.since;
            let oldest = self.held.surfaces.iter().filter(|(_, s)| s.used <= since);
            let Some((&oldest, _)) = oldest.min_by_key(|(_, s)| s.used) else { return false };
            self.drop_surfaces(|key| key == oldest);
        }
        let id = self.held.free_id();
        self.send(&ServerMessage::SurfaceCreate(SurfaceCreated {
            surface_id: id,
            width: info.width,
            height: info.height,
            format: info.format,
            flags: 0,
        }));
        let (shown, used) = (Shown::new(id, shadow), self.held.clock);
        self.held.surfaces.insert(info.key, OffScreen { shown, sticky: None, made: None, used });
        true
    }

    /// Draws the guest's operations on a surface of the client's, as far as that works.
    fn follow(&mut self, key: SurfaceKey, recipe: &Recipe, limits: &Limits) {
        for step in recipe.since(self.held.made(key).cloned().as_ref()) {
            let mut task = step.task.clone();
            let wants =
                [&task.src, task.mask()].map(|s| if let Source::Surface(i) = s { Some(*i) } else { None });
            let wants = std::array::from_fn(|i| {
                wants[i].map(|info| Want { info, pixels: None, recipe: step.sources[i].as_ref() })
            });
            let op = self.wire_op(&mut task, step.task.target.format, wants, limits);
            // Only what is sent may take it out: else the client holds a surface that nobody knows of.
            let Some(op) = op else { return };
            let Some(mut surface) = self.held.surfaces.remove(&key) else { return };
            self.draw(&mut surface.shown, &task, op, limits);
            surface.made = Some(step.clone());
            self.held.surfaces.insert(key, surface);
        }
    }
}
