//! The face that a server embeds: QXL commands in, pixels and one stream of display messages per client out.
//!
//! # What an embedder does
//!
//! **Commands.** [`Guest`](crate::qxl::guest::Guest) reads a command out of the guest's memory; what it gives is a copy,
//! so that the release info that comes with it goes back to the guest at once, whether the command is refused, by it or by
//! [`Engine::submit`], or not. A [`Refusal`] is the guest's fault: the command draws nothing, everything is as before,
//! and all that an embedder may want to do is to log it. Submitting draws nothing yet; it takes a microsecond or so, and
//! now and then, when more waits than [`GraphLimits`](crate::graph::GraphLimits) allows, as long as drawing that takes.
//!
//! **Reading pixels.** [`Engine::update_area`] and [`Engine::snapshot`] draw what they need to; no client notices.
//!
//! **Clients.** [`Engine::connect`] when a display channel's DISPLAY_INIT is there (or any time, for a profile that is
//! known), [`Engine::receive`] for what its client says later, [`Engine::disconnect`] when it is gone. The other
//! channels, the pointer, PING, and what else belongs to the connection are the embedder's; the engine's messages are
//! those of the display channel, each with a mini header (two bytes type, four bytes size): for a client without that
//! capability, the embedder puts the long header in its place.
//!
//! **Polling.** Nothing is pushed. Whenever a client's connection takes more bytes and [`Engine::is_waiting`], call
//! [`Engine::poll`] with how many. The budget bounds how old the picture is when it arrives: what the link carries in a
//! tenth to a quarter of a second is a good one. What a client was not polled for costs a bitmap of its screen and at most
//! [`ClientOptions::queue_bound`] bytes of commands, however long that lasts: a slow client skips to the present. What
//! does not fit a budget waits as it was planned, unless the guest draws on it again; small changes do not wait for large
//! ones. A poll draws and encodes: milliseconds for much that changed.
//!
//! **The link.** [`Engine::acknowledged`] with the bytes that arrived (the lengths of polled messages, summed up) lets the
//! engine learn how fast the link is; without it, say so with [`ClientOptions::link`]. Where losses are allowed, call
//! [`Engine::idle`] once a client got everything and nothing changed for a while (a third of a second, say): what was sent
//! with a loss is sent again without, at the next polls.
//!
//! **What the guest is told.** When clients come, go or change, [`Engine::capability_notice`] says whether the guest's
//! driver must be told of other capabilities (the device's ROM and its client interrupt).
//!
//! **Resizing** is nothing special: the guest ends its primary surface and makes another, and each client's next poll
//! tells it so and gives it the whole picture.
//!
//! **Threads and time.** An engine is [`Send`] and is used by one thread at a time; calls return when they are done. Large
//! areas are drawn on rayon's pool meanwhile, images are encoded on the caller's thread. It calls nobody back. It owns no
//! thread, no socket and no clock: `now` is the time since any moment on a clock that never goes back, the same for all
//! calls. What is sent depends on nothing else: the same calls give the same bytes.
//!
//! **Migration.** Once the guest has stopped and its surfaces are in its memory, [`Engine::save_client`]; at the target,
//! when the surfaces are made again with their pixels, [`Engine::restore_client`] and on as before.
//!
//! ```
//! use spice_render::client::profile::Profile;
//! use spice_render::engine::{ClientOptions, Engine, Options};
//! use spice_render::qxl::{Event, PrimaryCreate, SurfaceFormat, WorkerMessage};
//! use std::time::Duration;
//!
//! let mut engine = Engine::new(Options::default());
//! let surface = PrimaryCreate::new(640, 480, SurfaceFormat::X8R8G8B8);
//! engine.submit(&Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface })).unwrap();
//! let client = engine.connect(ClientOptions::new(Profile::builtin("spice-html5").unwrap()));
//! let messages = engine.poll(client, Duration::ZERO, 64 << 10);
//! assert_eq!(messages[0][..2], [0x3a, 0x01]); // SURFACE_CREATE, 314
//! ```

mod counters;
mod options;
mod pixels;

pub use counters::{ClientCounters, Counters};
pub use options::{CapabilityPolicy, ClientId, ClientOptions, Options};

use crate::client::canvas::Touched;
use crate::client::caps::DisplayCaps;
use crate::client::encode::SharedEncodes;
use crate::client::link::Link;
use crate::client::metrics::ClientMetrics;
use crate::client::profile::{Drawn, Profile};
use crate::client::recipe::Recipes;
use crate::client::save::RestoreError;
use crate::client::session::{Session, Truth};
use crate::draw::{Effect, Refusal, SurfaceInfo, SurfaceKey};
use crate::features::Compat;
use crate::graph::Graph;
use crate::qxl::{Command, Event, OpKind, Rect, SurfaceCmd, SurfaceFormat, SurfaceId, WorkerMessage};
use crate::trace::span;
use crate::wire::ClientMessage;
use bytes::Bytes;
use pixels::{Pixels, primary};
use spice_raster::{Raster, Region, Surface, SurfaceRef};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Renders a guest's commands and feeds clients with what they show.
#[derive(Debug)]
pub struct Engine {
    graph: Graph,
    /// The primary surface as clients get it, where it has another format.
    canvas: Option<(SurfaceInfo, Surface)>,
    clients: BTreeMap<ClientId, Session>,
    /// Surfaces that operations read which wait for a client: they must be kept before they change.
    watched: BTreeMap<SurfaceKey, SurfaceId>,
    /// How off-screen surfaces were made, while some client can draw that.
    recipes: Recipes,
    next_client: u64,
    shared: SharedEncodes,
    policy: CapabilityPolicy,
    compat: Compat,
    noticed: DisplayCaps,
    refused: u64,
}

impl Engine {
    /// Nothing is drawn and nobody is connected.
    pub fn new(options: Options) -> Self {
        let Options { limits, graph, execution, capabilities, shared_images, compat } = options;
        let mut engine = Self {
            graph: Graph::new(Raster::new(), limits, graph, execution),
            canvas: None,
            clients: BTreeMap::new(),
            watched: BTreeMap::new(),
            recipes: Recipes::default(),
            next_client: 0,
            shared: SharedEncodes::new(shared_images),
            policy: capabilities,
            compat,
            noticed: DisplayCaps(0),
            refused: 0,
        };
        engine.noticed = engine.guest_capabilities();
        engine
    }

    /// Takes in what reached the device.
    ///
    /// # Errors
    /// The command is one that the reference drops; nothing changed then.
    pub fn submit(&mut self, event: &Event) -> Result<(), Refusal> {
        let done = self.take_in(event);
        self.refused += u64::from(done.is_err());
        done
    }

    /// Takes in a batch, in order, as one [`Engine::submit`] after the other; gives what was refused, by its place in the
    /// batch.
    pub fn submit_all<'e>(&mut self, events: impl IntoIterator<Item = &'e Event>) -> Vec<(usize, Refusal)> {
        let refused = |(i, event)| self.submit(event).err().map(|refusal| (i, refusal));
        events.into_iter().enumerate().filter_map(refused).collect()
    }

    fn take_in(&mut self, event: &Event) -> Result<(), Refusal> {
        if !self.watched.is_empty() {
            self.keep_what_ends(event);
        }
        let effect = self.graph.resolve(event)?;
        self.follow(&effect);
        if let Effect::Draw(task) = &effect
            && !self.clients.is_empty()
        {
            if self.watched.contains_key(&task.target.key) {
                self.keep(task.target.key);
            }
            if self.primary().is_some_and(|p| p.key == task.target.key) {
                let (touched, recipes) = (Touched::of(task), &self.recipes);
                let mut reads = false;
                self.clients.values_mut().for_each(|client| reads |= client.note(task, touched, recipes));
                if reads {
                    self.watched.extend(task.surfaces().map(|(_, info, id)| (info.key, id)));
                }
            }
        }
        self.graph.apply(effect)
    }

    /// Notes how off-screen surfaces are made.
    fn follow(&mut self, effect: &Effect) {
        match effect {
            Effect::Draw(task) if self.clients.values().any(Session::wants_recipes) => {
                let off_screen = self.primary().is_none_or(|p| p.key != task.target.key);
                self.recipes.drawn(task, off_screen, self.graph.state().limits());
            }
            Effect::Create { ended: Some(info), .. } => self.recipes.ended(info.key),
            Effect::Destroy(ended) => ended.iter().for_each(|(_, info)| self.recipes.ended(info.key)),
            // The operations that nobody looked at are missing.
            Effect::Draw(_) => self.recipes.clear(),
            _ => {}
        }
    }

    /// Copies the surfaces that an event ends, for those who still need them.
    fn keep_what_ends(&mut self, event: &Event) {
        let id = match event {
            Event::Command(Command::Surface(SurfaceCmd::Create(c))) => Some(c.surface_id),
            Event::Command(Command::Surface(SurfaceCmd::Destroy { surface_id, .. })) => Some(*surface_id),
            Event::Worker(WorkerMessage::DestroySurfaces { .. }) => None,
            _ => return,
        };
        let ending = self.watched.iter().filter(|(_, w)| id.is_none_or(|id| id == **w)).map(|(key, _)| *key);
        ending.collect::<Vec<_>>().into_iter().for_each(|key| self.keep(key));
    }

    /// Copies a surface that is about to change.
    fn keep(&mut self, key: SurfaceKey) {
        let Some(id) = self.watched.remove(&key) else { return };
        if !self.clients.values().any(|c| c.reads().any(|(k, _)| k == key)) {
            return;
        }
        let pixels = Pixels { graph: &mut self.graph, recipes: &self.recipes, canvas: &mut self.canvas }
            .surface(key, id);
        if let Some(pixels) = pixels.map(Arc::new) {
            self.clients.values_mut().for_each(|client| client.keep(key, &pixels));
        }
    }

    /// A rectangle of a surface as it is now, and whatever else of the surface happens to be drawn. Disturbs nobody.
    pub fn update_area(&mut self, id: SurfaceId, area: Rect) -> Option<SurfaceRef<'_>> {
        span!("spice_render_update_area", surface = id);
        let bounds = self.graph.info(id)?.bounds();
        self.graph.render(id, &Region::from_rect(area.intersect(&bounds))).map(Surface::view)
    }

    /// A surface as it is now. The primary surface (0) stays to be seen after its end, until there is another.
    pub fn snapshot(&mut self, id: SurfaceId) -> Option<Surface> {
        self.graph.render_all(id).cloned()
    }

    /// Whether there is a primary surface now.
    pub fn has_primary(&self) -> bool {
        self.primary().is_some()
    }

    /// The render graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// A client joins, at any time: its first picture is complete.
    pub fn connect(&mut self, options: ClientOptions) -> ClientId {
        let ClientOptions { profile, sizes, link, lossy, queue_bound, ack_window } = options;
        let profile = self.narrowed(profile, sizes.minor);
        let mut session = Session::new(profile, sizes, link, lossy, self.shared.clone());
        session.set_queue_bound(queue_bound);
        if ack_window > 0 {
            session.set_ack(1, ack_window);
        }
        self.join(session)
    }

    fn join(&mut self, session: Session) -> ClientId {
        let id = ClientId(self.next_client);
        self.next_client += 1;
        self.clients.insert(id, session);
        id
    }

    /// A client left. False if it was not there.
    pub fn disconnect(&mut self, client: ClientId) -> bool {
        self.clients.remove(&client).is_some()
    }

    /// A client as bytes, for an engine elsewhere to go on with it; `None` if it is not there. Nothing changes here, but
    /// the client must get nothing more from here and the guest must draw nothing more here: what the client shows is
    /// told by what the guest shows.
    ///
    /// The bytes hold the client's GLZ window, its off-screen surfaces and the operations that wait for it: a few hundred
    /// kilobytes, and as many megabytes as those are large.
    pub fn save_client(&self, client: ClientId) -> Option<Vec<u8>> {
        span!("spice_render_save_client", client = client.0);
        let surfaces = self.graph.state().surfaces();
        self.clients.get(&client).map(|session| session.save(surfaces, &self.recipes))
    }

    /// Goes on with a client that was saved, under another id. The guest must have been migrated before, and show the
    /// same; if it does not, the client gets a whole picture. Its surfaces are to be there under the ids that they had
    /// (created with their pixels, `KEEP_DATA`); of others the client's copies are of no use. Its counters start anew. It
    /// never gets what its profile's minor version lacks, nor what this engine may not use ([`Options::compat`]).
    ///
    /// # Errors
    /// The bytes were not written by [`Engine::save_client`], were changed, or are of another version of their form or of
    /// a profile with things that this version does not know. Nobody joins then.
    pub fn restore_client(&mut self, saved: &[u8]) -> Result<ClientId, RestoreError> {
        span!("spice_render_restore_client", bytes = saved.len());
        let live = self.graph.state().surfaces().iter().collect();
        let mut truth = Pixels { graph: &mut self.graph, recipes: &self.recipes, canvas: &mut self.canvas };
        let restored = Session::restore(saved, self.shared.clone(), &mut truth, &live, &self.recipes);
        let (mut session, made) = restored?;
        let narrowed = self.narrowed(session.profile().clone(), session.minor());
        // Another profile costs the client the surfaces that it holds.
        if narrowed != *session.profile() {
            session.set_profile(narrowed);
        }
        if session.wants_recipes() {
            made.into_iter().for_each(|made| self.recipes.restore(made));
        }
        self.watched.extend(session.reads());
        Ok(self.join(session))
    }

    /// The connected clients.
    pub fn clients(&self) -> impl Iterator<Item = ClientId> + '_ {
        self.clients.keys().copied()
    }

    /// A client's profile.
    pub fn profile(&self, client: ClientId) -> Option<&Profile> {
        self.clients.get(&client).map(Session::profile)
    }

    /// A client is another one from now on; its picture stays right. Its caches and their sizes stay; its off-screen
    /// surfaces are destroyed.
    pub fn set_profile(&mut self, client: ClientId, profile: Profile) -> bool {
        let Some(session) = self.clients.get(&client) else { return false };
        let profile = self.narrowed(profile, session.minor());
        self.clients.get_mut(&client).map(|c| c.set_profile(profile)).is_some()
    }

    /// A client sent a message.
    pub fn receive(&mut self, client: ClientId, message: &ClientMessage) -> bool {
        self.clients.get_mut(&client).map(|c| c.receive(message)).is_some()
    }

    /// The client's next messages, encoded with mini headers, one each: at most `budget` bytes in all, but at least
    /// one message if there is any and the budget is not 0.
    ///
    /// An empty answer to a budget that is not 0 says that the client shows the present.
    pub fn poll(&mut self, client: ClientId, now: Duration, budget: usize) -> Vec<Bytes> {
        span!("spice_render_poll", client = client.0, budget = budget);
        let Some(session) = self.clients.get_mut(&client) else { return Vec::new() };
        let out = session.poll(
            &mut Pixels { graph: &mut self.graph, recipes: &self.recipes, canvas: &mut self.canvas },
            now,
            budget,
        );
        if !self.watched.is_empty() {
            self.watched = self.clients.values().flat_map(Session::reads).collect();
        }
        out
    }

    /// Sends this client every operation that it can draw, whatever that costs, for tests of what it then shows.
    #[cfg(any(test, feature = "testing"))]
    pub fn pass_everything(&mut self, client: ClientId) {
        if let Some(client) = self.clients.get_mut(&client) {
            client.pass_everything();
        }
    }

    /// Whether a client's next poll may give something.
    pub fn is_waiting(&self, client: ClientId) -> bool {
        let primary = self.primary();
        self.clients.get(&client).is_some_and(|c| !c.is_quiet(primary))
    }

    /// The client has the first `total` bytes of all that it was sent.
    pub fn acknowledged(&mut self, client: ClientId, now: Duration, total: u64) -> bool {
        self.clients.get_mut(&client).map(|c| c.link.acknowledged(now, total)).is_some()
    }

    /// The client's link has nothing to do: what was sent with a loss is sent again without, at the next poll.
    pub fn idle(&mut self, client: ClientId) -> bool {
        self.clients.get_mut(&client).map(Session::idle).is_some()
    }

    /// Whether the client shows an approximation somewhere.
    pub fn is_lossy(&self, client: ClientId) -> bool {
        self.clients.get(&client).is_some_and(Session::is_lossy)
    }

    /// A client's link.
    pub fn link(&self, client: ClientId) -> Option<&Link> {
        self.clients.get(&client).map(|c| &c.link)
    }

    /// A client's counters.
    pub fn metrics(&self, client: ClientId) -> Option<&ClientMetrics> {
        self.clients.get(&client).map(|c| &c.metrics)
    }

    /// Everything that is counted, of the guest and of all connected clients.
    pub fn counters(&self) -> Counters {
        let client = |(id, session): (&ClientId, &Session)| ClientCounters {
            client: id.0,
            profile: session.profile().name.clone(),
            metrics: session.metrics.clone(),
            link_bits: session.link.bits_per_second(),
            in_flight: session.link.in_flight(),
        };
        Counters {
            graph: *self.graph.stats(),
            refused: self.refused,
            clients: self.clients.iter().map(client).collect(),
        }
    }

    /// What the guest may use now (COMPOSITE and A8_SURFACE), by the policy.
    pub fn guest_capabilities(&self) -> DisplayCaps {
        let mut all = self.clients.values().map(|c| capabilities(c.profile()));
        self.compat.narrow_caps(match self.policy {
            CapabilityPolicy::Fixed(caps) => caps,
            CapabilityPolicy::Union => all.fold(DisplayCaps(0), DisplayCaps::union),
            CapabilityPolicy::Intersection => {
                all.next().map_or(DisplayCaps(0), |first| all.fold(first, DisplayCaps::intersection))
            }
        })
    }

    /// A profile without what this minor version lacks, and what the engine may not use.
    fn narrowed(&self, profile: Profile, minor: u32) -> Profile {
        self.compat.narrow(if minor < profile.minor { profile.narrowed_to_minor(minor) } else { profile })
    }

    /// What the guest may use, if that changed since this was asked last: it must be told then.
    pub fn capability_notice(&mut self) -> Option<DisplayCaps> {
        let now = self.guest_capabilities();
        (std::mem::replace(&mut self.noticed, now) != now).then_some(now)
    }

    fn primary(&self) -> Option<SurfaceInfo> {
        primary(&self.graph)
    }
}

/// What a client of this profile lets a guest use.
fn capabilities(profile: &Profile) -> DisplayCaps {
    let mut caps = DisplayCaps(0);
    if profile.op(OpKind::Composite).drawn == Drawn::Yes {
        caps = caps.union(DisplayCaps::COMPOSITE);
    }
    if profile.off_screen.contains(SurfaceFormat::A8) {
        caps = caps.union(DisplayCaps::A8_SURFACE);
    }
    caps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qxl::PrimaryCreate;
    use crate::qxl::testing::{Generator, Rng};

    /// An engine that is handed from thread to thread, with its clients, goes on as one that stays.
    #[test]
    fn an_engine_moves_between_threads() {
        let surface = PrimaryCreate::new(60, 40, SurfaceFormat::X8R8G8B8);
        let primary = Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface });
        let mut generator = Generator::new(Rng(7));
        let events: Vec<_> = (0..600).map(|_| generator.event()).collect();
        let mut engines = [(); 2].map(|()| Engine::new(Options::default()));
        let mut said = [Vec::new(), Vec::new()];
        for engine in &mut engines {
            engine.submit(&primary).unwrap();
            engine.connect(ClientOptions::new(Profile::builtin("spice-gtk").unwrap()));
        }
        let turn = |mut engine: Engine, events: &[Event]| {
            let refused = engine.submit_all(events);
            let messages = engine.poll(ClientId(0), Duration::ZERO, 5000);
            (engine, refused, messages)
        };
        for events in events.chunks(100) {
            let [stays, moves] = engines;
            let (stays, refused, messages) = turn(stays, events);
            let moved = std::thread::scope(|scope| scope.spawn(|| turn(moves, events)).join());
            let (moves, refused_there, messages_there) = moved.expect("no panic");
            said[0].extend(messages);
            said[1].extend(messages_there);
            assert_eq!(refused, refused_there);
            engines = [stays, moves];
        }
        assert!(!said[0].is_empty() && said[0] == said[1]);
        let size = size_of::<Engine>();
        assert!(size <= 4096, "{size} bytes are not cheap to move");
    }
}
