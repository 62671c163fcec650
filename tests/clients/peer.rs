//! A client of the engine and what it shows, compared with what the engine shows.

use spice_raster::{Rect, Surface};
use spice_render::client::profile::Profile;
use spice_render::draw::to_rgb;
use spice_render::engine::{ClientId, ClientOptions, Engine, Options};
use spice_render::qxl::{Event, PrimaryCreate, SurfaceFormat, WorkerMessage};
use spice_render::viewer::Viewer;
use std::time::Duration;

/// An engine whose guest has a screen, all black.
pub(crate) fn engine(width: u32, height: u32) -> Engine {
    let mut engine = Engine::new(Options::default());
    let surface = PrimaryCreate::new(width, height, SurfaceFormat::X8R8G8B8);
    engine.submit(&Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface })).unwrap();
    engine
}

/// A client of the engine and what it shows.
pub(crate) struct Peer {
    pub(crate) id: ClientId,
    pub(crate) viewer: Viewer,
    pub(crate) bytes: u64,
    /// The embedder's clock at the next poll.
    pub(crate) now: Duration,
}

impl Peer {
    pub(crate) fn join(engine: &mut Engine, options: ClientOptions, profile: Profile) -> Self {
        let id = engine.connect(options);
        Self { id, viewer: Viewer::new(profile), bytes: 0, now: Duration::ZERO }
    }

    pub(crate) fn named(engine: &mut Engine, name: &str) -> Self {
        let profile = Profile::builtin(name).unwrap();
        Self::join(engine, ClientOptions::new(profile.clone()), profile)
    }

    /// Another profile from now on. The client stays who it is: its caches do not grow.
    pub(crate) fn become_other(&mut self, engine: &mut Engine, mut profile: Profile) {
        let was = self.viewer.profile();
        (profile.image_cache, profile.glz_window) = (was.image_cache, was.glz_window);
        self.viewer.set_profile(profile.clone());
        engine.set_profile(self.id, profile);
    }

    /// Goes on from what its session saved, as after a migration.
    pub(crate) fn migrate(&mut self, engine: &mut Engine) {
        let saved = engine.save_client(self.id).unwrap();
        assert!(engine.disconnect(self.id));
        self.id = engine.restore_client(&saved).unwrap_or_else(|e| panic!("{e}"));
    }

    /// One poll; false if there was nothing.
    pub(crate) fn poll(&mut self, engine: &mut Engine, budget: usize) -> Result<bool, String> {
        let messages = engine.poll(self.id, self.now, budget);
        let bytes: usize = messages.iter().map(|m| m.len()).sum();
        if bytes > budget && messages.len() > 1 {
            return Err(format!("{bytes} bytes for a budget of {budget}"));
        }
        self.bytes += bytes as u64;
        for message in &messages {
            let kind = u16::from_le_bytes([message[0], message[1]]);
            self.viewer
                .receive(message)
                .map_err(|e| format!("message of type {kind}, {} bytes: {e}", message.len()))?;
        }
        for reply in self.viewer.replies() {
            engine.receive(self.id, &reply);
        }
        Ok(!messages.is_empty())
    }

    /// Polls until nothing comes, and compares.
    pub(crate) fn flush(&mut self, engine: &mut Engine, budget: usize) -> Result<(), String> {
        for _ in 0..100_000 {
            if !self.poll(engine, budget)? {
                return self.compare(engine);
            }
        }
        Err("polls without end".to_owned())
    }

    fn compare(&self, engine: &mut Engine) -> Result<(), String> {
        if self.viewer.stats().wrong > 0 {
            return Err(format!("{} operations that the client lacks", self.viewer.stats().wrong));
        }
        let truth = engine.has_primary().then(|| engine.snapshot(0)).flatten();
        match (self.viewer.primary(), truth) {
            (None, None) => Ok(()),
            (Some(shown), Some(truth)) => same(shown, &truth),
            (shown, truth) => {
                Err(format!("client has a screen: {}, guest: {}", shown.is_some(), truth.is_some()))
            }
        }
    }
}

fn same(shown: &Surface, truth: &Surface) -> Result<(), String> {
    let size = |s: &Surface| (s.width(), s.height());
    if size(shown) != size(truth) {
        return Err(format!("client shows {:?}, guest {:?}", size(shown), size(truth)));
    }
    let (a, b) = (to_rgb(shown.view()), to_rgb(truth.view()));
    if a == b {
        return Ok(());
    }
    let width = truth.width() as usize;
    let mut bad = Rect::default();
    let mut first = None;
    let mut count = 0;
    for (i, (a, b)) in a.chunks(3).zip(b.chunks(3)).enumerate().filter(|(_, (a, b))| a != b) {
        let (x, y) = ((i % width) as i32, (i / width) as i32);
        bad = bad.union(&Rect::new(x, y, x + 1, y + 1));
        first.get_or_insert((x, y, a.to_vec(), b.to_vec()));
        count += 1;
    }
    Err(format!("{count} pixels differ, in {bad:?}; first {first:?}"))
}
