//! One client's life: what it shows, what it lacks, and the messages that bring it up to date.
//!
//! Between two polls the pixels that the guest draws on are only marked. At a poll the true pixels are rendered,
//! compared with the *shadow* (what the client shows once it drew everything that was sent), and the difference
//! goes out as the cheapest pieces that the client can draw. Where such pieces would be dear, the guest's own
//! operations go first (see [`super::passing`]), and with them the off-screen surfaces that they read.

use super::canvas::{CANVAS, Touched};
use super::damage::Damage;
use super::encode::{Costs as ImageCosts, ImageEncoder, SharedEncodes, Sizes};
use super::filter;
use super::gallery::{Gallery, Known};
use super::link::Link;
use super::passing::Passing;
use super::photos::Recent;
use super::planner::{MoveHint, Piece, Planner};
use super::profile::{Drawn, Profile};
use super::queue::Outbox;
use super::recipe::Recipes;
use super::rest::Rest;
use super::reuse::Places;
use super::shown::{Held, Shown};
use crate::client::metrics::ClientMetrics;
use crate::draw::{Limits, SurfaceInfo, SurfaceKey, Task};
use crate::qxl::{OpKind, SurfaceId};
use crate::wire::{ClientMessage, ServerMessage, SurfaceCreated};
use bytes::Bytes;
use spice_raster::{Raster, Region, Surface, SurfaceRef};
use std::sync::Arc;
use std::time::Duration;

/// Copies within the surface that are remembered between two polls.
pub(super) const HINTS: usize = 64;
/// Clip rectangles that are marked one by one.
const CLIP_RECTS: usize = 32;

/// Who knows the true pixels.
pub(crate) trait Truth {
    /// The primary surface, if there is one now.
    fn primary(&self) -> Option<SurfaceInfo>;
    /// The primary surface in the canvas format; right in `area`.
    fn render(&mut self, area: &Region) -> Option<SurfaceRef<'_>>;
    /// A copy of a surface as it is now, if it still lives.
    fn surface(&mut self, key: SurfaceKey, id: SurfaceId) -> Option<Surface>;
    /// Whether a surface still lives.
    fn lives(&self, key: SurfaceKey) -> bool;
    /// How often an off-screen surface was read since it last changed, as far as that is known.
    fn reads(&self, key: SurfaceKey) -> u32;
    /// What bounds drawing.
    fn limits(&self) -> Limits;
}

/// The primary surface as the client has it.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) info: SurfaceInfo,
    pub(super) shown: Shown,
    /// Where shadow and truth may differ (*stale*), nothing of it planned.
    pub(super) damage: Damage,
    /// Where they differ otherwise: what was planned, and not sent yet.
    pub(super) rest: Rest,
    /// The client was told to show it.
    pub(super) marked: bool,
}

impl Screen {
    /// Whether the client shows the present, as far as that is known without looking at pixels.
    pub(super) fn is_current(&self) -> bool {
        self.damage.is_empty() && self.rest.is_empty()
    }

    /// What was planned counts for nothing from now on.
    fn plan_again(&mut self) {
        self.rest.recall_where(|_| true).into_iter().for_each(|rect| self.damage.add(rect));
    }
}

/// One connected client.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) profile: Profile,
    pub(super) encoder: ImageEncoder,
    pub(super) planner: Planner,
    pub(super) pieces: Vec<Piece>,
    /// Images of its cache, and what of them belongs to a plan.
    pub(super) gallery: Gallery,
    pub(super) known: Vec<Known>,
    pub(crate) link: Link,
    /// Images may lose what is hard to see.
    pub(super) lossy_allowed: bool,
    /// Until the screen is up to date nothing may be lost: the link was idle.
    pub(super) exact: bool,
    pub(super) screen: Option<Screen>,
    pub(super) hints: Vec<MoveHint>,
    /// Of a client that has a cache but cannot copy on its screen.
    pub(super) places: Places,
    /// Large parts of the screen have moved before.
    pub(super) scrolls: bool,
    /// Where images were sent just now.
    pub(super) recent: Recent,
    /// When the last poll was.
    pub(super) now: Duration,
    /// Nanoseconds of looking for smaller images that are saved up, and at which poll they were counted last.
    pub(super) search: u64,
    counted: Option<Duration>,
    pub(super) passing: Passing,
    /// Operations are passed whatever they cost.
    pub(super) pass_all: bool,
    /// Off-screen surfaces that the client holds.
    pub(super) held: Held,
    pub(super) out: Outbox,
    pub(super) raster: Raster,
    pub(crate) metrics: ClientMetrics,
}

impl Session {
    pub(crate) fn new(
        profile: Profile,
        sizes: Sizes,
        link: Link,
        lossy: bool,
        shared: SharedEncodes,
    ) -> Self {
        Self {
            encoder: ImageEncoder::with_shared(&profile, sizes, shared),
            profile,
            planner: Planner::new(),
            pieces: Vec::new(),
            gallery: Gallery::default(),
            known: Vec::new(),
            link,
            lossy_allowed: lossy,
            exact: false,
            screen: None,
            hints: Vec::new(),
            places: Places::default(),
            scrolls: false,
            recent: Recent::default(),
            now: Duration::ZERO,
            search: u64::MAX,
            counted: None,
            passing: Passing::default(),
            pass_all: false,
            held: Held::default(),
            out: Outbox::default(),
            raster: Raster::new(),
            metrics: ClientMetrics::default(),
        }
    }

    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The minor version of protocol 2 that it speaks, whatever its profile says.
    pub(crate) fn minor(&self) -> u32 {
        self.encoder.sizes().minor
    }

    /// The client can draw other things from now on. What it shows and its caches stay, its off-screen surfaces do not.
    pub(crate) fn set_profile(&mut self, profile: Profile) {
        self.encoder.set_profile(&profile);
        self.profile = profile;
        self.passing.clear();
        self.screen.as_mut().into_iter().for_each(Screen::plan_again);
        self.drop_surfaces(|_| true);
    }

    /// Bytes of operations that may wait for the client; past them none is passed on until the next poll.
    pub(crate) fn set_queue_bound(&mut self, bytes: u64) {
        self.passing.set_bound(bytes);
    }

    pub(super) fn queue_bound(&self) -> u64 {
        self.passing.bound()
    }

    /// From now on every operation is passed that the client can draw.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn pass_everything(&mut self) {
        self.pass_all = true;
    }

    /// From now on every `window` messages ask for an acknowledgement.
    pub(crate) fn set_ack(&mut self, generation: u32, window: u32) {
        self.send(&ServerMessage::SetAck { generation, window });
    }

    /// A task was drawn on the guest's side. Whether it reads surfaces that must be kept before they change.
    pub(crate) fn note(&mut self, task: &Task, touched: Touched, recipes: &Recipes) -> bool {
        let Some(screen) = self.screen.as_mut().filter(|s| s.info.key == task.target.key) else {
            return false;
        };
        mark(&mut screen.damage, task, touched);
        self.metrics.noted_operation(task.drawable.op.kind());
        self.remember(task);
        self.passing.note(task, touched, recipes)
    }

    /// Whether how off-screen surfaces were made matters to it.
    pub(crate) fn wants_recipes(&self) -> bool {
        self.profile.op(OpKind::Composite).drawn == Drawn::Yes && !self.profile.off_screen.is_empty()
    }

    /// The surfaces that operations which wait read.
    pub(crate) fn reads(&self) -> impl Iterator<Item = (SurfaceKey, SurfaceId)> + '_ {
        self.passing.reads()
    }

    /// A surface is about to change, and was this.
    pub(crate) fn keep(&mut self, key: SurfaceKey, pixels: &Arc<Surface>) {
        self.passing.keep(key, pixels);
    }

    fn remember(&mut self, task: &Task) {
        if let Some(hint) = filter::move_hint(task) {
            if self.hints.len() == HINTS {
                self.hints.remove(0);
            }
            self.hints.push(hint);
        }
    }

    /// The next messages: whole ones of at most `budget` bytes in all, but at least one if there is any.
    pub(crate) fn poll(&mut self, truth: &mut impl Truth, now: Duration, budget: usize) -> Vec<Bytes> {
        if self.out.bytes() < budget {
            self.follow_primary(truth.primary());
            let costs = ImageCosts::of_bandwidth(self.link.bits_per_second());
            let passed = self.counted.replace(now).map_or(Duration::ZERO, |then| now.saturating_sub(then));
            let passed = passed.as_nanos().min(10_000_000_000) as u64;
            let more = costs.search_per_second() * (passed / 1_000_000) / 1000;
            self.search = self.search.saturating_add(more).min(costs.most_search());
            self.now = now;
            self.recent.go_on(now);
            self.frame(truth, budget);
        }
        let out = self.out.take(budget);
        let bytes: usize = out.iter().map(Bytes::len).sum();
        self.metrics.bytes += bytes as u64;
        self.link.sent(now, bytes as u64);
        out
    }

    /// Whether a poll would give nothing, as far as that is known without looking at pixels.
    pub(crate) fn is_quiet(&self, primary: Option<SurfaceInfo>) -> bool {
        let same = self.screen.as_ref().map(|s| s.info.key) == primary.map(|p| p.key);
        let current = self.screen.as_ref().is_none_or(Screen::is_current);
        self.out.bytes() == 0 && same && current
    }

    /// Whether what the client shows only approximates the truth somewhere.
    pub(crate) fn is_lossy(&self) -> bool {
        self.screen.as_ref().is_some_and(|s| !s.shown.lossy.is_empty())
    }

    /// The link has nothing to do: what was sent with a loss is stale now, and sent again without.
    pub(crate) fn idle(&mut self) {
        let Some(screen) = &mut self.screen else { return };
        if screen.shown.lossy.is_empty() {
            return;
        }
        self.exact = true;
        let lossy = std::mem::take(&mut screen.shown.lossy);
        lossy.rects().iter().for_each(|r| screen.damage.add(*r));
        screen.shown.unknown = screen.shown.unknown.union(&lossy);
    }

    pub(crate) fn receive(&mut self, message: &ClientMessage) {
        if let ClientMessage::PreferredCompression(preferred) = message {
            self.encoder.set_preferred(Some(*preferred));
        }
    }

    /// Puts a message into the queue; false if it has no form on the wire.
    pub(super) fn send(&mut self, message: &ServerMessage) -> bool {
        let Some(kind) = message.kind() else { return true };
        if self.profile.ignored.contains(kind) {
            return true;
        }
        let sent = self.out.push(message);
        match sent {
            Ok(bytes) => self.metrics.count(kind, bytes),
            Err(_) => self.metrics.unsent += 1,
        }
        sent.is_ok()
    }

    /// Surfaces begin and end.
    fn follow_primary(&mut self, primary: Option<SurfaceInfo>) {
        if self.screen.as_ref().map(|s| s.info.key) == primary.map(|p| p.key) {
            return;
        }
        self.hints.clear();
        self.places.clear();
        self.passing.clear();
        if self.screen.take().is_some() {
            self.send(&ServerMessage::SurfaceDestroy { surface_id: 0 });
        }
        let Some(info) = primary else { return };
        // The guest's own surface of that size exists: there is room for this one.
        let Ok(shadow) = Surface::new(CANVAS, info.width, info.height, u64::MAX) else { return };
        let mut damage = Damage::new(info.width, info.height);
        damage.add(info.bounds());
        let format = if self.profile.primary.contains(CANVAS) {
            CANVAS
        } else {
            self.profile.primary.first().unwrap_or(CANVAS)
        };
        self.send(&ServerMessage::SurfaceCreate(SurfaceCreated {
            surface_id: 0,
            width: info.width,
            height: info.height,
            format,
            flags: SurfaceCreated::PRIMARY,
        }));
        // Clients keep the pixels of a former surface of the same size: nothing is known.
        let (shown, rest) = (Shown::new(0, shadow), Rest::default());
        self.screen = Some(Screen { info, shown, damage, rest, marked: false });
    }

    /// What images cost now.
    pub(super) fn image_costs(&self) -> ImageCosts {
        let costs = ImageCosts::of_bandwidth(self.link.bits_per_second());
        ImageCosts { search: self.search.min(costs.most_search()), ..costs }
    }
}

fn mark(damage: &mut Damage, task: &Task, touched: Touched) {
    match touched {
        Touched::Box(rect) => damage.add(rect),
        Touched::Clip if task.clip.rects().len() > CLIP_RECTS => damage.add(task.clip.bounds()),
        Touched::Clip => task.clip.rects().iter().for_each(|r| damage.add(*r)),
    }
}
