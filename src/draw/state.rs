//! The part of a device's state that commands change as they arrive, whenever their pixels are drawn: which
//! surfaces exist, and which images and palettes are known by an id.

use super::cache::{IdCache, ImageCache, PaletteCache};
use super::surfaces::{Lookup, SurfaceIds, SurfaceInfo};
use super::task::{Resolve, Task};
use super::{Limits, Picture, Refusal};
use crate::qxl::{Command, Image, SurfaceCmd, SurfaceCreate, SurfaceFormat, SurfaceId, WorkerMessage};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Palettes that a client remembers by their unique number (as the reference server's count has it).
const PALETTES: usize = 128;

/// Surfaces, image cache and palette cache as the stream has them now. Holds no surface pixels.
#[derive(Clone, Debug)]
pub struct State {
    ids: SurfaceIds,
    images: ImageCache,
    palettes: PaletteCache,
    never_created: BTreeSet<SurfaceId>,
    limits: Limits,
}

/// What a command or message asks of whoever holds the pixels.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Nothing to draw.
    None,
    /// Draws something.
    Draw(Task),
    /// A surface begins, all bits zero or with these rows; `ended` is the surface that had the id before.
    Create {
        /// The guest's id.
        id: SurfaceId,
        /// The new surface.
        info: SurfaceInfo,
        /// Bytes from row to row in `data`; negative if the top row comes last.
        stride: i32,
        /// The first pixels.
        data: Option<Bytes>,
        /// The surface that had the id before.
        ended: Option<SurfaceInfo>,
    },
    /// Surfaces end.
    Destroy(Vec<(SurfaceId, SurfaceInfo)>),
}

impl State {
    /// Nothing exists yet.
    pub fn new(limits: Limits) -> Self {
        let images = IdCache::new(limits.image_cache_bytes);
        let palettes = IdCache::new(PALETTES);
        Self { ids: SurfaceIds::default(), images, palettes, never_created: BTreeSet::new(), limits }
    }

    /// The surfaces that exist.
    pub fn surfaces(&self) -> &SurfaceIds {
        &self.ids
    }

    /// Surfaces that commands named but nobody ever made (no more than a thousand are kept).
    pub fn never_created(&self) -> &BTreeSet<SurfaceId> {
        &self.never_created
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes a command in: what it asks for is settled against the state, which moves on. A refused command
    /// changes nothing.
    pub fn command(&mut self, command: &Command) -> Result<Effect, Refusal> {
        match command {
            Command::Drawable(drawable) => Ok(Task::new(drawable, self)?.map_or(Effect::None, Effect::Draw)),
            Command::Surface(SurfaceCmd::Create(c)) => {
                let data = if c.flags & SurfaceCreate::KEEP_DATA != 0 { c.data.clone() } else { None };
                self.create(c.surface_id, c.format, (c.width, c.height), c.stride, data)
            }
            Command::Surface(SurfaceCmd::Destroy { surface_id, .. }) => Ok(self.destroy(*surface_id)),
            Command::Nop | Command::Update(_) | Command::Cursor(_) | Command::Message(_) => Ok(Effect::None),
        }
    }

    /// Takes a worker message in.
    pub fn worker(&mut self, message: &WorkerMessage) -> Result<Effect, Refusal> {
        match message {
            WorkerMessage::CreatePrimary { surface: p, .. } => {
                let data = (p.flags & SurfaceCreate::KEEP_DATA != 0).then(|| p.data.clone());
                self.create(0, p.format, (p.width, p.height), p.stride, data)
            }
            WorkerMessage::DestroyPrimary { .. } => Ok(self.destroy(0)),
            WorkerMessage::DestroySurfaces { .. } => Ok(Effect::Destroy(self.ids.destroy_all())),
            WorkerMessage::Other { .. } => Ok(Effect::None),
        }
    }

    /// Forgets all images and palettes, as a device reset does.
    pub fn reset_caches(&mut self) {
        self.images.clear();
        self.palettes.clear();
    }

    fn destroy(&mut self, id: SurfaceId) -> Effect {
        Effect::Destroy(self.ids.destroy(id).map(|info| (id, info)).into_iter().collect())
    }

    fn create(
        &mut self,
        id: SurfaceId,
        format: SurfaceFormat,
        (width, height): (u32, u32),
        stride: i32,
        data: Option<Bytes>,
    ) -> Result<Effect, Refusal> {
        let (info, ended) = self.ids.create(id, format, width, height, &self.limits)?;
        Ok(Effect::Create { id, info, stride, data, ended })
    }
}

impl Resolve for State {
    fn lookup(&mut self, id: SurfaceId) -> Lookup {
        let found = self.ids.lookup(id);
        if found == Lookup::Never && self.never_created.len() < 1000 {
            self.never_created.insert(id);
        }
        found
    }

    fn picture(&mut self, image: &Image, mask: bool) -> Result<Arc<Picture>, Refusal> {
        let cached = image.flags & Image::CACHE != 0;
        if cached && let Some(known) = self.images.get(image.id) {
            return Ok(known);
        }
        // Surfaces never come here.
        let picture = Picture::new(image, mask, &self.limits)?.ok_or(Refusal::NoSource)?;
        let picture = Arc::new(self.with_known_palette(picture));
        if cached {
            self.images.insert(image.id, picture.clone(), picture.bytes());
        }
        Ok(picture)
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl State {
    /// A palette whose number is known means the first one of that number.
    fn with_known_palette(&mut self, picture: Picture) -> Picture {
        let Some(palette) = picture.palette().filter(|p| p.unique != 0).cloned() else { return picture };
        match self.palettes.get(palette.unique) {
            Some(known) if known == palette => picture,
            Some(known) => picture.with_palette(known),
            None => {
                self.palettes.insert(palette.unique, palette, 1);
                picture
            }
        }
    }
}
