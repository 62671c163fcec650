//! One client's life: what it shows, what it lacks, and the messages that bring it up to date.
//!
//! Between two polls the pixels that the guest draws on are only marked. At a poll the true pixels are rendered,
//! compared with the *shadow* (what the client shows once it drew everything that was sent), and the difference
//! goes out as the cheapest pieces that the client can draw.

use super::damage::Damage;
use super::encode::{Costs as ImageCosts, ImageEncoder, Quality, SharedEncodes, Sizes};
use super::filter;
use super::link::Link;
use super::photos;
use super::planner::{Costs, MoveHint, Piece, PieceKind, PlanInput, Planner};
use super::profile::Profile;
use super::queue::{Outbox, Passing};
use crate::client::metrics::ClientMetrics;
use crate::draw::{SurfaceInfo, Task};
use crate::qxl::{Brush, Clip, Op, QMask, Rect, Ropd, ScaleMode, SurfaceFormat};
use crate::wire::{ClientMessage, Draw, ImageKind, ServerMessage, SurfaceCreated};
use bytes::Bytes;
use spice_raster::{Raster, Region, Rop2, Surface, SurfaceRef};
use std::time::Duration;

/// Copies within the surface that are remembered between two polls.
const HINTS: usize = 64;
/// Clip rectangles that are marked one by one.
const CLIP_RECTS: usize = 32;
/// Pixels of the largest image.
const IMAGE_PIXELS: u32 = 1 << 19;
/// The format in which every client gets the primary surface: colours are what a screen shows.
pub(crate) const CANVAS: SurfaceFormat = SurfaceFormat::X8R8G8B8;

/// Who knows the true pixels.
pub(crate) trait Truth {
    /// The primary surface, if there is one now.
    fn primary(&self) -> Option<SurfaceInfo>;
    /// The primary surface in the canvas format; right in `area`.
    fn render(&mut self, area: &Region) -> Option<SurfaceRef<'_>>;
}

/// The primary surface as the client has it.
#[derive(Debug)]
struct Screen {
    info: SurfaceInfo,
    /// What the client shows, where that is known.
    shadow: Surface,
    unknown: Region,
    /// Where shadow and truth may differ (*stale*).
    damage: Damage,
    /// Where what the client shows only looks like the shadow.
    lossy: Region,
    /// The client was told to show it.
    marked: bool,
}

/// One connected client.
#[derive(Debug)]
pub(crate) struct Session {
    profile: Profile,
    encoder: ImageEncoder,
    planner: Planner,
    pieces: Vec<Piece>,
    pub(crate) link: Link,
    /// Images may lose what is hard to see.
    lossy_allowed: bool,
    /// Until the screen is up to date nothing may be lost: the link was idle.
    exact: bool,
    screen: Option<Screen>,
    hints: Vec<MoveHint>,
    passing: Passing,
    out: Outbox,
    raster: Raster,
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
            passing: Passing::default(),
            out: Outbox::default(),
            raster: Raster::new(),
            metrics: ClientMetrics::default(),
        }
    }

    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The client can draw other things from now on. What it shows and holds stays.
    pub(crate) fn set_profile(&mut self, profile: Profile) {
        self.encoder.set_profile(&profile);
        self.profile = profile;
        self.fold();
    }

    /// Bytes that may wait for the client; past them everything waiting is folded into what is stale.
    pub(crate) fn set_queue_bound(&mut self, bytes: u64) {
        self.passing.set_bound(bytes);
    }

    /// From now on every `window` messages ask for an acknowledgement.
    pub(crate) fn set_ack(&mut self, generation: u32, window: u32) {
        self.send(&ServerMessage::SetAck { generation, window });
    }

    /// A task was drawn on the guest's side.
    pub(crate) fn note(&mut self, task: &Task, touched: Touched) {
        let Some(screen) = self.screen.as_mut().filter(|s| s.info.key == task.target.key) else { return };
        if self.passing.take(&self.profile, screen.info, task, touched) {
            return;
        }
        mark(&mut screen.damage, task, touched);
        self.remember(task);
    }

    fn remember(&mut self, task: &Task) {
        if let Some(hint) = filter::move_hint(task) {
            if self.hints.len() == HINTS {
                self.hints.remove(0);
            }
            self.hints.push(hint);
        }
    }

    /// Gives up passing on what waits: its pixels are stale now.
    fn fold(&mut self) {
        let waiting = self.passing.drain();
        for (task, touched) in &waiting {
            if let Some(screen) = self.screen.as_mut().filter(|s| s.info.key == task.target.key) {
                mark(&mut screen.damage, task, *touched);
                self.metrics.operations.rasterised += 1;
            }
            self.remember(task);
        }
    }

    /// The next messages: whole ones of at most `budget` bytes in all, but at least one if there is any.
    pub(crate) fn poll(&mut self, truth: &mut impl Truth, now: Duration, budget: usize) -> Vec<Bytes> {
        if self.out.bytes() < budget {
            self.follow_primary(truth.primary());
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
        self.out.bytes() == 0 && same && clean && self.passing.is_empty()
    }

    /// Whether what the client shows only approximates the truth somewhere.
    pub(crate) fn is_lossy(&self) -> bool {
        self.screen.as_ref().is_some_and(|s| !s.lossy.is_empty())
    }

    /// The link has nothing to do: what was sent with a loss is stale now, and sent again without.
    pub(crate) fn idle(&mut self) {
        let Some(screen) = &mut self.screen else { return };
        if screen.lossy.is_empty() {
            return;
        }
        self.exact = true;
        let lossy = std::mem::take(&mut screen.lossy);
        lossy.rects().iter().for_each(|r| screen.damage.add(*r));
        screen.unknown = screen.unknown.union(&lossy);
    }

    pub(crate) fn receive(&mut self, message: &ClientMessage) {
        if let ClientMessage::PreferredCompression(preferred) = message {
            self.encoder.set_preferred(Some(*preferred));
        }
    }

    fn send(&mut self, message: &ServerMessage) {
        let Some(kind) = message.kind() else { return };
        if self.profile.ignored.contains(kind) {
            return;
        }
        match self.out.push(message) {
            Ok(bytes) => self.metrics.count(kind, bytes),
            Err(_) => self.metrics.unsent += 1,
        }
    }

    /// Surfaces begin and end.
    fn follow_primary(&mut self, primary: Option<SurfaceInfo>) {
        if self.screen.as_ref().map(|s| s.info.key) == primary.map(|p| p.key) {
            return;
        }
        self.hints.clear();
        self.passing.drain();
        if self.screen.take().is_some() {
            self.send(&ServerMessage::SurfaceDestroy { surface_id: 0 });
        }
        let Some(info) = primary else { return };
        // The guest's own surface of that size exists: there is room for this one.
        let Ok(shadow) = Surface::new(CANVAS, info.width, info.height, u64::MAX) else { return };
        let mut damage = Damage::new(info.width, info.height);
        damage.add(info.bounds());
        // Clients keep the pixels of a former surface of the same size: nothing is known.
        let unknown = Region::from_rect(info.bounds());
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
        self.screen = Some(Screen { info, shadow, unknown, damage, lossy: Region::new(), marked: false });
    }

    /// Brings the screen up to date, as far as the budget goes.
    fn frame(&mut self, truth: &mut impl Truth, budget: usize) {
        self.pass_or_fold(truth);
        let Some(mut screen) = self.screen.take() else { return };
        if !screen.damage.is_empty() {
            let area = screen.damage.region();
            screen.damage.clear();
            match truth.render(&area) {
                Some(pixels) => self.update(&mut screen, pixels, &area, budget),
                None => area.rects().iter().for_each(|r| screen.damage.add(*r)),
            }
        }
        if screen.damage.is_empty() {
            self.exact = false;
        }
        if !screen.marked {
            screen.marked = true;
            self.send(&ServerMessage::Mark);
        }
        self.screen = Some(screen);
    }

    /// Decides whether what waits is passed on, and does it; what is not, is folded.
    fn pass_or_fold(&mut self, truth: &mut impl Truth) {
        let _ = truth;
        self.fold();
    }

    fn update(&mut self, screen: &mut Screen, truth: SurfaceRef<'_>, area: &Region, budget: usize) {
        let mut pieces = std::mem::take(&mut self.pieces);
        let abilities = filter::Abilities::of(&self.profile);
        let raw = ImageKind::ALL
            .into_iter()
            .all(|k| k == ImageKind::Bitmap || !k.carries_pixels() || self.encoder.formats(k).is_empty());
        let input = PlanInput {
            truth,
            shadow: Some(screen.shadow.view()),
            area,
            unknown: &screen.unknown,
            spill: &Region::new(),
            hints: &self.hints,
            can_fill: abilities.fill,
            can_move: abilities.copy_bits,
            costs: if raw { Costs::RAW } else { Costs::LOSSLESS },
            max_piece_pixels: IMAGE_PIXELS,
        };
        let stats = self.planner.plan(&input, &mut pieces);
        self.hints.clear();
        self.metrics.pixels_changed += stats.changed_pixels;
        let photos = match self.lossy_allowed && !self.exact && self.link.is_slow() {
            true => photos::cut(truth, area, &mut pieces),
            false => 0,
        };
        let exact = pieces.len() - photos;
        for (i, piece) in pieces.iter().enumerate() {
            let jpeg = self.link.jpeg_quality();
            let quality = if i < exact { Quality::EXACT } else { Quality { jpeg, ..Quality::PHOTO } };
            if self.out.bytes() >= budget {
                screen.damage.add(piece.rect);
                continue;
            }
            self.piece(screen, truth, piece, &quality);
        }
        if screen.damage.is_empty() {
            screen.unknown = screen.unknown.subtract(area);
        }
        self.pieces = pieces;
    }

    fn piece(&mut self, screen: &mut Screen, truth: SurfaceRef<'_>, piece: &Piece, quality: &Quality) {
        let rect = piece.rect;
        let whole = Region::from_rect(rect);
        let mut lossy = Region::new();
        let op = match piece.kind {
            PieceKind::Fill(color) => {
                self.raster.fill(&mut screen.shadow.view_mut(), &whole, color, Rop2::PUT);
                Op::Fill { brush: Brush::Solid(color), rop: Ropd::PUT, mask: QMask::default() }
            }
            PieceKind::Move { src } => {
                let (dx, dy) = (src.x - rect.left, src.y - rect.top);
                lossy = screen.lossy.translate(-dx, -dy);
                lossy.intersect_rect(rect);
                self.raster.copy_bits(
                    &mut screen.shadow.view_mut(),
                    &whole,
                    spice_raster::Point::new(dx, dy),
                );
                Op::CopyBits { src_pos: src }
            }
            PieceKind::Image => {
                let costs = ImageCosts::of_bandwidth(self.link.bits_per_second());
                let coded = match self.encoder.encode(truth, rect, CANVAS, quality, &costs) {
                    Ok(coded) => coded,
                    Err(_) => {
                        // The profile has no image for it: it will never be shown.
                        self.metrics.unsent += 1;
                        screen.unknown.union_rect(rect);
                        return;
                    }
                };
                coded.before.iter().for_each(|message| self.send(message));
                self.metrics.count_image(coded.codec, coded.bytes, rect.area());
                if coded.lossy {
                    lossy = whole.clone();
                }
                self.raster.copy(
                    &mut screen.shadow.view_mut(),
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
        screen.unknown.subtract_rect(rect);
        if !screen.lossy.is_empty() || !lossy.is_empty() {
            screen.lossy.subtract_rect(rect);
            screen.lossy = screen.lossy.union(&lossy);
        }
        let draw = Draw { surface_id: 0, bbox: rect, clip: Clip::None, op };
        self.send(&ServerMessage::Draw(Box::new(draw)));
    }
}

/// What an operation may change: its clip, or a whole box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    Clip,
    Box(Rect),
}

fn mark(damage: &mut Damage, task: &Task, touched: Touched) {
    match touched {
        Touched::Box(rect) => damage.add(rect),
        Touched::Clip if task.clip.rects().len() > CLIP_RECTS => damage.add(task.clip.bounds()),
        Touched::Clip => task.clip.rects().iter().for_each(|r| damage.add(*r)),
    }
}
