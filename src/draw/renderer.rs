//! The immediate renderer: every command is drawn as it comes.

use super::exec::{self, Pixels};
use super::state::{Effect, State};
use super::surfaces::{KeyMap, SurfaceInfo, SurfaceKey, load_rows};
use super::{Limits, Lookup, Refusal};
use crate::qxl::{Command, Event, SurfaceId};
use spice_raster::{Raster, Surface};
use std::collections::HashMap;
use std::hash::BuildHasher;

/// Draws commands one after the other.
#[derive(Debug)]
pub struct Renderer {
    raster: Raster,
    state: State,
    pixels: KeyMap<Surface>,
    last_primary: Option<Surface>,
}

impl Renderer {
    /// Nothing exists yet.
    pub fn new(raster: Raster, limits: Limits) -> Self {
        Self { raster, state: State::new(limits), pixels: KeyMap::default(), last_primary: None }
    }

    /// Does what an event asks for. A refused one changes nothing.
    pub fn event(&mut self, event: &Event) -> Result<(), Refusal> {
        let effect = match event {
            Event::Command(command) => self.state.command(command)?,
            Event::Worker(message) => self.state.worker(message)?,
        };
        self.apply(effect)
    }

    /// Does what a command asks for. A refused one changes nothing.
    pub fn command(&mut self, command: &Command) -> Result<(), Refusal> {
        let effect = self.state.command(command)?;
        self.apply(effect)
    }

    /// A surface's pixels.
    pub fn surface(&self, id: SurfaceId) -> Option<&Surface> {
        match self.state.surfaces().lookup(id) {
            Lookup::Live(info) => self.pixels.get(&info.key),
            _ => None,
        }
    }

    /// The primary surface as it was when it ended, while there is no other.
    pub fn last_primary(&self) -> Option<&Surface> {
        self.last_primary.as_ref()
    }

    /// The surfaces that exist.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn apply(&mut self, effect: Effect) -> Result<(), Refusal> {
        match effect {
            Effect::None => {}
            Effect::Draw(task) => {
                let Some(mut target) = self.pixels.remove(&task.target.key) else { return Ok(()) };
                exec::draw(self.raster, &task, &mut target, &self.pixels, self.state.limits());
                self.pixels.insert(task.target.key, target);
            }
            Effect::Create { id, info, stride, data, ended } => {
                if id == 0 {
                    self.last_primary = None;
                }
                if let Some(ended) = ended {
                    self.pixels.remove(&ended.key);
                }
                let mut surface = new_surface(&info, self.state.limits())?;
                if let Some(data) = data {
                    load_rows(&mut surface, stride, &data);
                }
                self.pixels.insert(info.key, surface);
            }
            Effect::Destroy(ended) => {
                for (id, info) in ended {
                    let pixels = self.pixels.remove(&info.key);
                    if id == 0 {
                        self.last_primary = pixels;
                    }
                }
            }
        }
        Ok(())
    }
}

impl<S: BuildHasher> Pixels for HashMap<SurfaceKey, Surface, S> {
    fn pixels(&self, key: SurfaceKey) -> Option<&Surface> {
        self.get(&key)
    }
}

/// A surface of zero bits.
pub(crate) fn new_surface(info: &SurfaceInfo, limits: &Limits) -> Result<Surface, Refusal> {
    Surface::new(info.format, info.width, info.height, limits.surface_bytes)
        .map_err(|_| Refusal::SurfaceTooLarge { width: info.width, height: info.height })
}
