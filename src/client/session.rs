//! One client's life: what it shows, what it lacks, and the messages that bring it up to date.
//!
//! Between two polls the pixels that the guest draws on are only marked. At a poll the true pixels are rendered,
//! compared with the *shadow* (what the client shows once it drew everything that was sent), and the difference
//! goes out as the cheapest pieces that the client can draw. Where such pieces would be dear, the guest's own
//! operations go first (see [`super::passing`]), and with them the off-screen surfaces that they read.

use super::damage::Damage;
use super::encode::{Costs as ImageCosts, ImageEncoder, Quality, SharedEncodes, Sizes};
use super::filter;
use super::link::Link;
use super::passing::{self, Passing};
use super::photos::{self, Recent};
use super::planner::{self, Costs, MoveHint, Piece, PieceKind, PlanInput, PlanStats, Planner};
use super::pricing;
use super::profile::{Drawn, Profile};
use super::queue::Outbox;
use super::recipe::Recipes;
use super::reuse::Places;
use super::surfaces::{Held, Shown};
use crate::client::metrics::ClientMetrics;
use crate::draw::{Limits, SurfaceInfo, SurfaceKey, Task};
use crate::graph::footprint::{Extent, extent};
use crate::qxl::{Brush, Clip, Op, OpKind, QMask, Rect, Ropd, ScaleMode, SurfaceFormat, SurfaceId};
use crate::wire::{ClientMessage, Draw, ImageKind, ServerMessage, SurfaceCreated};
use bytes::Bytes;
use spice_raster::{Raster, Region, Rop2, Surface, SurfaceRef};
use std::sync::Arc;
use std::time::Duration;

/// Copies within the surface that are remembered between two polls.
pub(super) const HINTS: usize = 64;
/// Clip rectangles that are marked one by one.
const CLIP_RECTS: usize = 32;
/// Pixels of the largest image.
const IMAGE_PIXELS: u32 = 1 << 19;
/// The same on a slow link: what is newer must not wait long for an image to get through.
const SLOW_PIXELS: u32 = 1 << 15;
/// How long photos may take to arrive before they are sent with a loss first, in milliseconds.
const PATIENCE_MS: u64 = 50;
/// Bytes of the smallest image that is rather told by its name: names cost bytes too, and cut what is left.
const WORTH_A_NAME: usize = 400;
/// Pixels of the smallest move that is a scroll.
const SCROLL_PIXELS: u64 = 1 << 16;
/// Bytes and pixels of a band of an image that may move: only whole ones can be told by their names then.
const BAND_BYTES: u64 = 6 << 10;
const BAND_PIXELS: u64 = 1 << 13;
/// The format in which every client gets the primary surface: colours are what a screen shows.
pub(crate) const CANVAS: SurfaceFormat = SurfaceFormat::X8R8G8B8;

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
        let stats = self.plan(&screen.shown, pixels, area, &hints, &mut pieces);
        self.metrics.pixels_changed += stats.changed_pixels;
        // Operations are not passed where they would read pixels that only look right, so that a JPEG now costs a client
        // that draws them itself more than it saves (c_x11comp: 1.9 instead of 0.4 MB).
        let worthy = self.passing.is_worthy() || self.pass_all;
        let passes = worthy && self.profile.op(OpKind::Composite).drawn == Drawn::Yes;
        let lossy = self.lossy_allowed && !self.exact && self.link.is_slow() && !passes;
        let mut photos = if lossy { self.cut_photos(pixels, area, &mut pieces) } else { 0 };
        // An operation that carries a photo is not worth passing where JPEG is.
        if photos == 0 && worthy && (stats.bytes >= passing::WORTH || self.pass_all) {
            let planned = self.planned_bytes(pixels, &pieces);
            let entries = self.passing.take();
            let passed = self.pass(&mut screen.shown, truth, entries, &planned);
            let Some(again) = truth.render(area) else { return unsent(&mut screen.damage) };
            pixels = again;
            if passed {
                self.plan(&screen.shown, pixels, area, &hints, &mut pieces);
                photos = if lossy { self.cut_photos(pixels, area, &mut pieces) } else { 0 };
            }
        }
        let exact = pieces.len() - photos;
        for (i, piece) in pieces.iter().enumerate() {
            let quality = if i < exact {
                Quality::EXACT
            } else {
                let jpeg = self.link.jpeg_quality(self.recent.is_lively(self.now, piece.rect));
                Quality { jpeg, ..Quality::PHOTO }
            };
            if self.out.bytes() >= budget {
                screen.damage.add(piece.rect);
                continue;
            }
            self.piece(&mut screen.shown, pixels, piece, &quality);
        }
        self.recent.note(self.now, &pieces);
        if screen.damage.is_empty() {
            screen.shown.unknown = screen.shown.unknown.subtract(area);
        }
        self.pieces = pieces;
    }

    /// The rectangles of pieces and about how many bytes each takes.
    fn planned_bytes(&mut self, truth: SurfaceRef<'_>, pieces: &[Piece]) -> Vec<(Rect, u64)> {
        let bytes = |piece: &Piece| match piece.kind {
            PieceKind::Image => pricing::COPY + self.image_cost(truth, piece.rect),
            PieceKind::Fill(_) => pricing::FILL,
            PieceKind::Move { .. } => pricing::MOVE,
        };
        let rects = pieces.iter().map(|p| p.rect);
        rects.zip(pieces.iter().map(bytes).collect::<Vec<_>>()).collect()
    }

    /// The pieces that bring an area of a surface up to date.
    pub(super) fn plan(
        &mut self,
        shown: &Shown,
        truth: SurfaceRef<'_>,
        area: &Region,
        hints: &[MoveHint],
        pieces: &mut Vec<Piece>,
    ) -> PlanStats {
        let abilities = filter::Abilities::of(&self.profile);
        let raw = ImageKind::ALL
            .into_iter()
            .all(|k| k == ImageKind::Bitmap || !k.carries_pixels() || self.encoder.formats(k).is_empty());
        let screen = shown.id == 0;
        // Such a client is told where images of its cache stand now.
        let names = screen && !abilities.copy_bits && self.encoder.has_cache();
        let input = PlanInput {
            truth,
            shadow: Some(shown.shadow.view()),
            area,
            unknown: &shown.unknown,
            spill: &Region::new(),
            hints,
            can_fill: abilities.fill && truth.format() != SurfaceFormat::A8,
            can_move: screen && (abilities.copy_bits || names && !self.places.is_empty()),
            costs: if raw { Costs::RAW } else { Costs::LOSSLESS },
            max_piece_pixels: if self.link.is_slow() { SLOW_PIXELS } else { IMAGE_PIXELS },
        };
        let stats = self.planner.plan(&input, pieces);
        if !names {
            return stats;
        }
        let scrolls =
            pieces.iter().any(|p| matches!(p.kind, PieceKind::Move { .. }) && p.rect.area() >= SCROLL_PIXELS);
        self.scrolls |= scrolls;
        let stats =
            if stats.moves > 0 { self.plan_names(&input, stats.changed_pixels, pieces) } else { stats };
        if self.scrolls {
            self.cut_bands(truth, scrolls, pieces);
        }
        stats
    }

    /// Moves the photos that are worth it among the images to the end of a plan; how many there are.
    ///
    /// A photo is sent again without loss, unless it changes before: what stays is worth a JPEG only where its pixels
    /// would take long to arrive.
    fn cut_photos(&mut self, truth: SurfaceRef<'_>, area: &Region, pieces: &mut Vec<Piece>) -> usize {
        let mut cut = pieces.clone();
        let photos = photos::cut(truth, area, &mut cut);
        let first = cut.len() - photos;
        let mut bytes = self.link.in_flight();
        for piece in &cut[first..] {
            bytes += self.encoder.estimate(truth, piece.rect, CANVAS, &Quality::EXACT).unwrap_or(0) as u64;
        }
        let late = bytes * 8 * 1000 > self.link.bits_per_second() * PATIENCE_MS;
        if !late && !cut[first..].iter().any(|p| self.recent.is_lively(self.now, p.rect)) {
            return 0;
        }
        *pieces = cut;
        photos
    }

    /// A plan without moves: what has moved wholly is told by its name, the rest is images.
    fn plan_names(
        &mut self,
        input: &PlanInput<'_>,
        changed_pixels: u64,
        pieces: &mut Vec<Piece>,
    ) -> PlanStats {
        let (truth, encoder) = (input.truth, &mut self.encoder);
        let is_new = |rect: Rect| {
            let shadow = input.shadow.filter(|_| !input.unknown.intersects_rect(&rect));
            shadow.is_none_or(|shadow| differs(shadow, truth, rect))
        };
        let is_named = |rect| {
            encoder.estimate(truth, rect, CANVAS, &Quality::EXACT).is_ok_and(|n| n > WORTH_A_NAME)
                && is_new(rect)
                && encoder.is_cached(truth, rect, CANVAS, &Quality::EXACT)
        };
        let named = self.places.moved(pieces, truth.bounds(), is_named);
        let rest = input.area.subtract(&Region::from_rects(named.iter().copied()));
        let images = self.planner.plan(&PlanInput { area: &rest, can_move: false, ..*input }, pieces);
        pieces.extend(named.iter().map(|rect| Piece { rect: *rect, kind: PieceKind::Image }));
        let bytes = images.bytes + named.len() as u64 * u64::from(input.costs.image);
        PlanStats { changed_pixels, bytes, ..images }
    }

    /// Cuts dear images into bands, so that what is left of them when they move can be told by name. What is sent again
    /// and again without a scroll is no page but a film, and stays whole.
    fn cut_bands(&mut self, truth: SurfaceRef<'_>, scrolls: bool, pieces: &mut Vec<Piece>) {
        for i in 0..pieces.len() {
            let Piece { rect, kind: PieceKind::Image } = pieces[i] else { continue };
            let area = rect.area();
            if area < BAND_PIXELS * 2 || !scrolls && self.recent.is_lively(self.now, rect) {
                continue;
            }
            if self.encoder.is_cached(truth, rect, CANVAS, &Quality::EXACT) {
                continue;
            }
            let bytes = self.encoder.estimate(truth, rect, CANVAS, &Quality::EXACT).unwrap_or(0) as u64;
            let bands = (bytes / BAND_BYTES).min(area / BAND_PIXELS);
            if bands > 1 {
                let mut first = true;
                planner::cut(rect, area.div_ceil(bands) as u32, |rect| {
                    let band = Piece { rect, kind: PieceKind::Image };
                    if std::mem::take(&mut first) { pieces[i] = band } else { pieces.push(band) }
                });
            }
        }
    }

    /// What images cost now.
    pub(super) fn image_costs(&self) -> ImageCosts {
        let costs = ImageCosts::of_bandwidth(self.link.bits_per_second());
        ImageCosts { search: self.search.min(costs.most_search()), ..costs }
    }

    /// Sends a piece and draws it on the shadow.
    pub(super) fn piece(
        &mut self,
        shown: &mut Shown,
        truth: SurfaceRef<'_>,
        piece: &Piece,
        quality: &Quality,
    ) {
        let rect = piece.rect;
        let whole = Region::from_rect(rect);
        let mut lossy = Region::new();
        let mut kept = false;
        let op = match piece.kind {
            PieceKind::Fill(color) => {
                self.raster.fill(&mut shown.shadow.view_mut(), &whole, color, Rop2::PUT);
                Op::Fill { brush: Brush::Solid(color), rop: Ropd::PUT, mask: QMask::default() }
            }
            PieceKind::Move { src } => {
                let (dx, dy) = (src.x - rect.left, src.y - rect.top);
                lossy = shown.lossy.translate(-dx, -dy);
                lossy.intersect_rect(rect);
                self.raster.copy_bits(&mut shown.shadow.view_mut(), &whole, spice_raster::Point::new(dx, dy));
                Op::CopyBits { src_pos: src }
            }
            PieceKind::Image => {
                let costs = self.image_costs();
                let coded = match self.encoder.encode(truth, rect, shown.shadow.format(), quality, &costs) {
                    Ok(coded) => coded,
                    Err(_) => {
                        // The profile has no image for it: it will never be shown.
                        self.metrics.unsent += 1;
                        shown.unknown.union_rect(rect);
                        return;
                    }
                };
                self.search = self.search.saturating_sub(coded.spent);
                for message in &coded.before {
                    self.send(message);
                }
                self.metrics.count_image(coded.codec, coded.bytes, rect.area());
                if coded.lossy {
                    lossy = whole.clone();
                }
                kept = coded.image.id != 0;
                self.raster.copy(
                    &mut shown.shadow.view_mut(),
                    &whole,
                    truth,
                    spice_raster::Point::default(),
                    Rop2::PUT,
                );
                Op::Copy {
                    src_area: Rect::of_size(rect.width(), rect.height()),
                    src: Some(coded.image),
                    rop: Ropd::PUT,
                    scale_mode: ScaleMode::INTERPOLATE,
                    mask: QMask::default(),
                }
            }
        };
        if shown.id == 0 {
            self.places.drawn(rect, kept);
        }
        shown.unknown.subtract_rect(rect);
        if !shown.lossy.is_empty() || !lossy.is_empty() {
            shown.lossy.subtract_rect(rect);
            shown.lossy = shown.lossy.union(&lossy);
        }
        let draw = Draw { surface_id: shown.id, bbox: rect, clip: Clip::None, op };
        self.send(&ServerMessage::Draw(Box::new(draw)));
    }
}

/// Whether colours differ in a part of two screens.
fn differs(a: SurfaceRef<'_>, b: SurfaceRef<'_>, part: Rect) -> bool {
    let columns = part.left as usize..part.right as usize;
    (part.top as u32..part.bottom as u32).any(|y| {
        let pairs = a.row(y)[columns.clone()].iter().zip(&b.row(y)[columns.clone()]);
        pairs.fold(0, |any, (a, b)| any | (a ^ b)) & 0x00ff_ffff != 0
    })
}

/// What an operation may change: its clip, or a whole box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    Clip,
    Box(Rect),
}

impl Touched {
    /// What a task may change.
    pub(crate) fn of(task: &Task) -> Self {
        match extent(task) {
            Extent::Clip | Extent::WholeClip => Self::Clip,
            Extent::Box(rect) => Self::Box(rect),
        }
    }
}

fn mark(damage: &mut Damage, task: &Task, touched: Touched) {
    match touched {
        Touched::Box(rect) => damage.add(rect),
        Touched::Clip if task.clip.rects().len() > CLIP_RECTS => damage.add(task.clip.bounds()),
        Touched::Clip => task.clip.rects().iter().for_each(|r| damage.add(*r)),
    }
}
