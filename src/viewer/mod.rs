//! A headless client: it decodes what a server sends and draws it, as its profile would.
//!
//! What the client of the profile ignores is ignored, what that client draws wrongly is drawn wrongly, so that a
//! picture that comes out right here comes out right there. A message that no server may send (a surface that is
//! not there, an image that is not in the cache) is an error.

mod error;
pub mod images;
mod quirks;

pub use error::ViewerError;

use crate::client::profile::Profile;
use crate::draw::renderer::new_surface;
use crate::draw::task::Resolve;
use crate::draw::{Limits, Lookup, Picture, Refusal, SurfaceIds, SurfaceKey, Task, exec};
use crate::qxl::{Drawable, Image, SurfaceDeps, SurfaceId};
use crate::wire::{
    ClientMessage, Draw, DrawRef, Framing, RawMessage, ServerKind, ServerMessage, SurfaceCreated, split,
};
use bytes::Bytes;
use images::{ImageDecoder, ImageLimits};
use spice_raster::{Raster, Surface};
use std::collections::HashMap;
use std::sync::Arc;

/// The longest message that is taken.
const MESSAGE_BYTES: u32 = 1 << 30;

/// What a viewer has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewerStats {
    /// Bytes received, headers included.
    pub bytes: u64,
    /// Messages handled.
    pub messages: u64,
    /// Operations drawn as they were asked for.
    pub drawn: u64,
    /// Operations that the client drew otherwise, or not at all, because it lacks something.
    pub wrong: u64,
}

/// A client without a window.
#[derive(Debug)]
pub struct Viewer {
    profile: Profile,
    raster: Raster,
    limits: Limits,
    ids: SurfaceIds,
    pixels: HashMap<SurfaceKey, Surface>,
    images: ImageDecoder,
    /// The primary surface that ended last: a client may show it on.
    ended: Option<Surface>,
    shown: bool,
    received: Vec<u8>,
    replies: Vec<ClientMessage>,
    /// Messages to an ACK, and those left.
    ack: Option<(u32, u32)>,
    stats: ViewerStats,
}

impl Viewer {
    /// A client of this profile that was sent nothing yet.
    pub fn new(profile: Profile) -> Self {
        Self {
            images: ImageDecoder::new(&profile, ImageLimits::of_profile(&profile)),
            profile,
            raster: Raster::new(),
            limits: Limits::default(),
            ids: SurfaceIds::default(),
            pixels: HashMap::new(),
            ended: None,
            shown: false,
            received: Vec::new(),
            replies: Vec::new(),
            ack: None,
            stats: ViewerStats::default(),
        }
    }

    /// The client is another one from now on; what it holds stays.
    pub fn set_profile(&mut self, profile: Profile) {
        self.images.set_profile(&profile);
        self.profile = profile;
    }

    /// The client's profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Handles the next bytes of the stream (mini headers); a message that is not complete waits for the rest.
    ///
    /// # Errors
    /// The first thing that a server may not send. The messages before it were handled, it and the rest are lost.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), ViewerError> {
        self.stats.bytes += bytes.len() as u64;
        self.received.extend_from_slice(bytes);
        let mut stream = Bytes::from(std::mem::take(&mut self.received));
        while let Some((message, rest)) = split(Framing::Mini, &stream, MESSAGE_BYTES)? {
            stream = rest;
            self.raw(&message)?;
        }
        self.received = stream.to_vec();
        Ok(())
    }

    fn raw(&mut self, message: &RawMessage) -> Result<(), ViewerError> {
        let ignored = ServerKind::from_number(message.kind).is_some_and(|k| self.profile.ignored.contains(k));
        if !ignored {
            self.handle(ServerMessage::decode(message.kind, &message.body)?)?;
        }
        self.stats.messages += 1;
        if let Some((window, left)) = &mut self.ack {
            *left -= 1;
            if *left == 0 {
                *left = *window;
                self.replies.push(ClientMessage::Ack);
            }
        }
        Ok(())
    }

    /// Handles one message.
    ///
    /// # Errors
    /// What a server may not send.
    pub fn handle(&mut self, message: ServerMessage) -> Result<(), ViewerError> {
        match message {
            ServerMessage::Draw(draw) => self.draw(*draw)?,
            ServerMessage::SurfaceCreate(surface) => self.create(&surface)?,
            ServerMessage::SurfaceDestroy { surface_id } => {
                let info = self.ids.destroy(surface_id).ok_or(ViewerError::NoSurface { id: surface_id })?;
                let pixels = self.pixels.remove(&info.key);
                if surface_id == 0 {
                    self.ended = pixels;
                    self.shown = false;
                }
            }
            ServerMessage::SetAck { generation, window } => {
                self.ack = (window > 0).then_some((window, window));
                self.replies.push(ClientMessage::AckSync { generation });
            }
            ServerMessage::Ping { id, timestamp, .. } => {
                self.replies.push(ClientMessage::Pong { id, timestamp });
            }
            ServerMessage::Mark => self.shown = true,
            ServerMessage::Reset => {
                self.ids = SurfaceIds::default();
                self.pixels.clear();
                self.images.reset();
                self.shown = false;
            }
            ServerMessage::InvalList(list) => {
                self.images.forget(&list);
            }
            ServerMessage::InvalAllPixmaps(_) => self.images.forget_all(),
            ServerMessage::InvalPalette { id } => self.images.forget_palette(id),
            ServerMessage::InvalAllPalettes => self.images.forget_palettes(),
            ServerMessage::List(list) => {
                for message in list {
                    if message.kind == ServerKind::List as u16 {
                        return Err(ViewerError::NestedList);
                    }
                    self.handle(ServerMessage::decode(message.kind, &message.body)?)?;
                }
            }
            // Sizes, texts, video streams and GL: no pixels of theirs are kept here.
            _ => {}
        }
        Ok(())
    }

    fn create(&mut self, surface: &SurfaceCreated) -> Result<(), ViewerError> {
        let SurfaceCreated { surface_id: id, width, height, format, flags } = *surface;
        if (flags & SurfaceCreated::PRIMARY != 0) != (id == 0) {
            return Err(ViewerError::PrimaryFlag { id });
        }
        let held = if id == 0 { self.profile.primary } else { self.profile.off_screen };
        if !held.contains(format) {
            return Err(ViewerError::SurfaceFormat { id, format });
        }
        if matches!(self.ids.lookup(id), Lookup::Live(_)) {
            return Err(ViewerError::SurfaceExists { id });
        }
        let (info, _) = self.ids.create(id, format, width, height, &self.limits)?;
        let old = self.ended.take().filter(|old| id == 0 && (old.width(), old.height()) == (width, height));
        // spice-gtk: "reusing existing primary".
        let pixels = match old.and_then(|old| old.into_format(format)) {
            Some(old) => old,
            None => new_surface(&info, &self.limits)?,
        };
        self.pixels.insert(info.key, pixels);
        Ok(())
    }

    fn draw(&mut self, draw: Draw) -> Result<(), ViewerError> {
        let Lookup::Live(target) = self.ids.lookup(draw.surface_id) else {
            return Err(ViewerError::NoSurface { id: draw.surface_id });
        };
        if !target.bounds().contains(&draw.bbox) {
            return Err(ViewerError::BoxOutside { bbox: draw.bbox });
        }
        // Images enter the caches whether or not the operation is drawn.
        let Draw { surface_id, bbox, clip, op } = draw;
        let asked = {
            let format = |id| match self.ids.lookup(id) {
                Lookup::Live(info) => Some(info.format),
                _ => None,
            };
            self.profile.supports(&DrawRef { surface_id, bbox, clip: &clip, op: &op }, format)
        };
        let op = op.map_images(|_, image| image.map(|image| self.images.decode(image)).transpose())?;
        let mut drawable = Drawable {
            surface_id,
            effect: 0,
            mm_time: 0,
            bbox,
            clip,
            self_bitmap: None,
            surface_deps: SurfaceDeps::default(),
            op,
        };
        match asked {
            Ok(()) => self.stats.drawn += 1,
            Err(lack) => {
                self.stats.wrong += 1;
                if !quirks::adapt(&self.profile, &mut drawable, lack) {
                    return Ok(());
                }
            }
        }
        let drawable = Arc::new(drawable);
        let Some(task) = Task::new(&drawable, &mut Scene { ids: &self.ids, limits: &self.limits })? else {
            return Ok(());
        };
        let Some(mut pixels) = self.pixels.remove(&task.target.key) else { return Ok(()) };
        exec::draw(self.raster, &task, &mut pixels, &self.pixels, &self.limits);
        self.pixels.insert(task.target.key, pixels);
        Ok(())
    }

    /// A surface as the client holds it.
    pub fn surface(&self, id: SurfaceId) -> Option<&Surface> {
        match self.ids.lookup(id) {
            Lookup::Live(info) => self.pixels.get(&info.key),
            _ => None,
        }
    }

    /// The surface that the client shows.
    pub fn primary(&self) -> Option<&Surface> {
        self.surface(0)
    }

    /// Whether a MARK said that the picture is to be shown.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// What the client answers, since this was asked last.
    pub fn replies(&mut self) -> Vec<ClientMessage> {
        std::mem::take(&mut self.replies)
    }

    /// What it has seen.
    pub fn stats(&self) -> ViewerStats {
        self.stats
    }
}

/// What a client's operations are resolved against: no image is known by its id any more.
struct Scene<'a> {
    ids: &'a SurfaceIds,
    limits: &'a Limits,
}

impl Resolve for Scene<'_> {
    fn lookup(&mut self, id: u32) -> Lookup {
        self.ids.lookup(id)
    }
    fn picture(&mut self, image: &Image, mask: bool) -> Result<Arc<Picture>, Refusal> {
        Picture::new(image, mask, self.limits)?.map(Arc::new).ok_or(Refusal::NoSource)
    }
    fn limits(&self) -> &Limits {
        self.limits
    }
}
