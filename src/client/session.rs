//! One client's life: what it shows, what it lacks, and the messages that bring it up to date.
//!
//! Between two polls the pixels that the guest draws on are only marked. At a poll the true pixels are rendered,
//! compared with the *shadow* (what the client shows once it drew everything that was sent), and the difference
//! goes out as the cheapest pieces that the client can draw. Where such pieces would be dear, the guest's own
//! operations go first (see [`super::passing`]), and with them the off-screen surfaces that they read.

use super::canvas::{CANVAS, Touched};
use super::damage::Damage;
use super::encode::{Costs as ImageCosts, ImageEncoder, Quality, SharedEncodes, Sizes};
use super::filter;
use super::gallery::{Gallery, Known};
use super::link::Link;
use super::passing::{self, Passing};
use super::photos::Recent;
use super::planner::{MoveHint, Piece, Planner};
use super::profile::{Drawn, Profile};
use super::queue::Outbox;
use super::recipe::Recipes;
use super::reuse::Places;
use super::shown::{Held, Shown};
use crate::client::metrics::ClientMetrics;
use crate::draw::{Limits, SurfaceInfo, SurfaceKey, Task};
use crate::qxl::{OpKind, SurfaceId};
use crate::wire::{ClientMessage, ImageKind, ServerMessage, SurfaceCreated};
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
    /// Where shadow and truth may differ (*stale*).
    pub(super) damage: Damage,
    /// The client was told to show it.
    pub(super) marked: bool,
}

/// One connected client.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) profile: Profile,
    pub(super) encoder: ImageEncoder,
    pub(super) planner: Planner,
    pieces: Vec<Piece>,
    /// Images of its cache, and what of them belongs to a plan.
    pub(super) gallery: Gallery,
    pub(super) known: Vec<Known>,
    pub(crate) link: Link,
    /// Images may lose what is hard to see.
    lossy_allowed: bool,
    /// Until the screen is up to date nothing may be lost: the link was idle.
    exact: bool,
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
    pass_all: bool,
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

    /// Whether operations are passed whatever they cost.
    pub(super) fn passes_all(&self) -> bool {
        self.pass_all
    }

    /// Whether losses are allowed, and whether none may happen until the screen is up to date.
    pub(super) fn modes(&self) -> (bool, bool) {
        (self.lossy_allowed, self.exact)
    }

    pub(super) fn set_exact(&mut self, exact: bool) {
        self.exact = exact;
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
        let clean = self.screen.as_ref().is_none_or(|s| s.damage.is_empty());
        self.out.bytes() == 0 && same && clean
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
        self.screen = Some(Screen { info, shown: Shown::new(0, shadow), damage, marked: false });
    }

    /// Brings the screen up to date, as far as the budget goes.
    fn frame(&mut self, truth: &mut impl Truth, budget: usize) {
        self.drop_surfaces(|key| !truth.lives(key));
        let Some(mut screen) = self.screen.take() else { return };
        if !screen.damage.is_empty() {
            let area = screen.damage.region();
            screen.damage.clear();
            self.update(&mut screen, truth, &area, budget);
        }
        self.passing.clear();
        if screen.damage.is_empty() {
            self.exact = false;
        }
        if !screen.marked {
            screen.marked = true;
            self.send(&ServerMessage::Mark);
        }
        self.screen = Some(screen);
    }

    fn update(&mut self, screen: &mut Screen, truth: &mut impl Truth, area: &Region, budget: usize) {
        let mut pieces = std::mem::take(&mut self.pieces);
        let unsent = |damage: &mut Damage| area.rects().iter().for_each(|r| damage.add(*r));
        let Some(mut pixels) = truth.render(area) else { return unsent(&mut screen.damage) };
        let hints = std::mem::take(&mut self.hints);
        let mut stats = self.plan(&screen.shown, pixels, area, &hints, &mut pieces);
        self.metrics.pixels_changed += stats.changed_pixels;
        // Operations are not passed where they would read pixels that only look right, so that a JPEG now costs a client
        // that draws them itself more than it saves (c_x11comp: 1.9 instead of 0.4 MB).
        let worthy = self.passing.is_worthy() || self.pass_all;
        let passes = worthy && self.profile.op(OpKind::Composite).drawn == Drawn::Yes;
        let decodes = !self.encoder.formats(ImageKind::Jpeg).is_empty();
        let lossy = self.lossy_allowed && !self.exact && self.link.is_slow() && decodes && !passes;
        let mut photos =
            if lossy { self.cut_photos(pixels, area, stats.moved_pixels, &mut pieces) } else { 0 };
        // An operation that carries a photo is not worth passing where JPEG is.
        if photos == 0 && worthy && (stats.bytes >= passing::WORTH || self.pass_all) {
            let planned = self.planned_bytes(pixels, &pieces);
            let entries = self.passing.take();
            let passed = self.pass(&mut screen.shown, truth, entries, &planned);
            let Some(again) = truth.render(area) else { return unsent(&mut screen.damage) };
            pixels = again;
            if passed {
                stats = self.plan(&screen.shown, pixels, area, &hints, &mut pieces);
                photos =
                    if lossy { self.cut_photos(pixels, area, stats.moved_pixels, &mut pieces) } else { 0 };
            }
        }
        let exact = pieces.len() - photos;
        for (i, piece) in pieces.iter().enumerate() {
            let quality = if i < exact {
                Quality::EXACT
            } else {
                let jpeg = self.link.jpeg_quality(self.is_moving(piece.rect));
                Quality { jpeg, ..Quality::PHOTO }
            };
            if self.out.bytes() >= budget {
                screen.damage.add(piece.rect);
                continue;
            }
            self.piece(&mut screen.shown, pixels, piece, &quality);
        }
        for known in std::mem::take(&mut self.known) {
            if self.out.bytes() >= budget {
                screen.damage.add(known.rect);
            } else {
                self.name(&mut screen.shown, pixels, &known);
            }
        }
        self.recent.note(self.now, &pieces);
        if screen.damage.is_empty() {
            screen.shown.unknown = screen.shown.unknown.subtract(area);
        }
        self.pieces = pieces;
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
