//! What a client shows and holds, and the guest's operations sent to it.

use super::encode::{Costs as ImageCosts, ImageUse, Quality, Reads};
use super::passing::{Entry, Group, IDENTITY, Sticky, groups};
use super::planner::{Piece, PieceKind};
use super::session::{CANVAS, Session, Truth};
use crate::draw::exec::{self, Pixels};
use crate::draw::{Limits, Picture, Source, SurfaceInfo, SurfaceKey, Task};
use crate::qxl::{self, Brush, Composite, Op, QMask, Rect, SurfaceFormat, SurfaceId};
use crate::wire::{self, Draw, DrawRef, ServerMessage, SurfaceCreated};
use spice_raster::{Region, Surface};
use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

/// Off-screen surfaces that a client holds at most, and their bytes.
const SURFACES: usize = 32;
const SURFACE_BYTES: usize = 16 << 20;

/// Pixels of a new surface that is sent as one image.
const WHOLE: u64 = 1 << 16;

/// Bytes of messages: COMPOSITE, STROKE and others without their pictures, and of a new surface with its first image.
const OPERATION: u64 = 130;
const NEW_SURFACE: u64 = 130;

/// A surface as a client shows it.
#[derive(Debug)]
pub(super) struct Shown {
    /// The client's id for it.
    pub(super) id: SurfaceId,
    /// What it shows, where that is known, once it drew everything that was sent.
    pub(super) shadow: Surface,
    pub(super) unknown: Region,
    /// Where it only looks like the shadow.
    pub(super) lossy: Region,
}

impl Shown {
    /// A surface of which nothing is known.
    pub(super) fn new(id: SurfaceId, shadow: Surface) -> Self {
        let unknown = Region::from_rect(shadow.bounds());
        Self { id, shadow, unknown, lossy: Region::new() }
    }
}

/// An off-screen surface that a client holds.
#[derive(Debug)]
struct OffScreen {
    shown: Shown,
    /// How the last composite left it.
    sticky: Option<Sticky>,
    used: u64,
}

/// The off-screen surfaces that a client holds: copies of the guest's.
#[derive(Debug, Default)]
pub(super) struct Held {
    surfaces: BTreeMap<SurfaceKey, OffScreen>,
    clock: u64,
}

impl Pixels for Held {
    fn pixels(&self, key: SurfaceKey) -> Option<&Surface> {
        self.surfaces.get(&key).map(|s| &s.shown.shadow)
    }
}

impl Held {
    fn bytes(&self) -> usize {
        self.surfaces.values().map(|s| s.shown.shadow.bytes()).sum()
    }

    /// The client's ids for them.
    pub(super) fn ids(&self) -> impl Iterator<Item = SurfaceId> + '_ {
        self.surfaces.values().map(|s| s.shown.id)
    }

    /// An id that the client does not use.
    fn free_id(&self) -> SurfaceId {
        (1..).find(|id| self.surfaces.values().all(|s| s.shown.id != *id)).unwrap_or(SurfaceId::MAX)
    }
}

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

    /// Sends those of the guest's operations that are cheaper than the images (rectangles and bytes) that were planned
    /// in their place. Whether any was sent.
    pub(super) fn pass(
        &mut self,
        screen: &mut Shown,
        truth: &mut impl Truth,
        mut entries: Vec<Entry>,
        planned: &[(Rect, u64)],
    ) -> bool {
        let limits = truth.limits();
        let unready = screen.unknown.union(&screen.lossy);
        let supported = |task: &Task| {
            let drawable = &task.drawable;
            let format = |id: SurfaceId| surface_format(task, id);
            let draw = DrawRef { surface_id: 0, bbox: drawable.bbox, clip: &drawable.clip, op: &drawable.op };
            self.profile.supports(&draw, format).is_ok()
        };
        let mut any = false;
        for group in groups(&entries, &limits, &unready, supported) {
            let (mut images, mut spoilt) = (0, 0);
            for (rect, bytes) in planned {
                let share = |region: &Region| {
                    bytes * region.rects_in(*rect).map(|r| r.area()).sum::<u64>() / rect.area().max(1)
                };
                images += share(&group.area);
                spoilt += share(&group.tainted);
            }
            // Even for nothing but their headers?
            let headers = group.send.len() as u64 * OPERATION + spoilt;
            if headers + headers / 4 >= images || !keep_all(&mut entries, &group, truth) {
                continue;
            }
            let operations = self.cost(&entries, &group, images) + spoilt;
            if operations + operations / 8 < images {
                for &i in &group.send {
                    any |= self.send_entry(screen, &entries[i], &limits);
                }
            }
        }
        any
    }

    /// About how many bytes a group takes when it is sent.
    fn cost(&mut self, entries: &[Entry], group: &Group, images: u64) -> u64 {
        let mut sum = 0;
        let mut sent: Vec<(SurfaceKey, *const Surface)> = Vec::new();
        let area = group.area.area().max(1);
        for &i in &group.send {
            let entry = &entries[i];
            sum += OPERATION;
            match &entry.task.drawable.op {
                // As dear as any pixels of the group.
                Op::Copy { .. } | Op::Blend { .. } | Op::Rop3 { .. } => {
                    sum += entry.task.drawable.bbox.area() * images / area;
                }
                Op::Stroke { path, .. } => {
                    sum += path.iter().map(|s| 8 * s.points.len() as u64 + 5).sum::<u64>()
                }
                _ => {}
            }
            for ((key, _), pixels) in entry.surfaces().into_iter().flatten().zip(entry.kept.iter().flatten())
            {
                let now = (key, Arc::as_ptr(pixels));
                if sent.contains(&now) {
                    continue;
                }
                sent.push(now);
                let held = self
                    .held
                    .surfaces
                    .get(&key)
                    .is_some_and(|h| h.shown.unknown.is_empty() && h.shown.shadow == **pixels);
                if !held {
                    let (view, rect) = (pixels.view(), pixels.bounds());
                    let (format, exact) = (pixels.format(), &Quality::EXACT);
                    sum += NEW_SURFACE;
                    if !self.encoder.is_cached(view, rect, format, exact) {
                        // It is likely to be used again, and then it is in the client's cache: half of it is for later.
                        let image = self.encoder.estimate(view, rect, format, exact);
                        sum += image.map_or(u64::MAX >> 16, |n| n as u64 / 2);
                    }
                }
            }
        }
        sum
    }

    /// Sends one operation and draws it on the shadow; false if something it needs cannot be sent.
    fn send_entry(&mut self, screen: &mut Shown, entry: &Entry, limits: &Limits) -> bool {
        let mut task = entry.task.clone();
        let Some(op) = self.wire_op(&mut task, entry, limits) else { return false };
        exec::draw(self.raster, &task, &mut screen.shadow, &self.held, limits);
        let clip = task.drawable.clip.clone();
        if crate::graph::footprint::overwrites(&task, limits) {
            screen.unknown = screen.unknown.subtract(&task.clip);
            screen.lossy = screen.lossy.subtract(&task.clip);
        }
        let draw = Draw { surface_id: 0, bbox: task.drawable.bbox, clip, op };
        self.send(&ServerMessage::Draw(Box::new(draw)));
        let operations = &mut self.metrics.operations;
        operations.rasterised = operations.rasterised.saturating_sub(1);
        operations.passed += 1;
        true
    }

    /// The operation as the client gets it; its sources are sent first.
    fn wire_op(&mut self, task: &mut Task, entry: &Entry, limits: &Limits) -> Option<Op<wire::Image>> {
        let drawable = task.drawable.clone();
        let mask = QMask::default();
        let solid = |brush: &Brush| match brush {
            Brush::Solid(colour) => Some(Brush::Solid(*colour)),
            _ => None,
        };
        Some(match &drawable.op {
            Op::Fill { brush, rop, .. } => Op::Fill { brush: solid(brush)?, rop: *rop, mask },
            Op::Blackness { .. } => Op::Blackness { mask },
            Op::Whiteness { .. } => Op::Whiteness { mask },
            Op::Invers { .. } => Op::Invers { mask },
            Op::Stroke { path, attr, brush, fore_mode, back_mode } => Op::Stroke {
                path: path.clone(),
                attr: attr.clone(),
                brush: solid(brush)?,
                fore_mode: *fore_mode,
                back_mode: *back_mode,
            },
            Op::Copy { src_area, rop, scale_mode, .. } => {
                let src = Some(self.picture(&task.src, limits)?);
                Op::Copy { src, src_area: *src_area, rop: *rop, scale_mode: *scale_mode, mask }
            }
            Op::Blend { src_area, rop, scale_mode, .. } => {
                let src = Some(self.picture(&task.src, limits)?);
                Op::Blend { src, src_area: *src_area, rop: *rop, scale_mode: *scale_mode, mask }
            }
            Op::Rop3 { src_area, brush, rop3, scale_mode, .. } => {
                let src = Some(self.picture(&task.src, limits)?);
                let brush = solid(brush)?;
                Op::Rop3 { src, src_area: *src_area, brush, rop3: *rop3, scale_mode: *scale_mode, mask }
            }
            Op::Composite(c) => Op::Composite(Box::new(self.composite(task, c, entry)?)),
            _ => return None,
        })
    }

    /// A guest's picture as an image for the client.
    fn picture(&mut self, source: &Source, limits: &Limits) -> Option<wire::Image> {
        let Source::Picture(picture) = source else { return None };
        let picture: &Picture = picture;
        let usage = ImageUse { reads: Reads::Converted, target: CANVAS, needs_x: false };
        let costs = ImageCosts::of_bandwidth(self.link.bits_per_second());
        let coded = self.encoder.transcode_picture(picture, &usage, &Quality::EXACT, &costs, limits)?;
        coded.before.iter().for_each(|message| self.send(message));
        let pixels = u64::from(picture.width()) * u64::from(picture.height());
        self.metrics.count_image(coded.codec, coded.bytes, pixels);
        Some(coded.image)
    }

    /// A composite of surfaces that the client holds. Each says what it wants of them, so that nothing sticks from an
    /// earlier one.
    fn composite(&mut self, task: &mut Task, c: &Composite, entry: &Entry) -> Option<Composite<wire::Image>> {
        let sticky = Sticky::of(c);
        let mut images = [None, None];
        let sources = [(&task.src, c.src.as_ref()), (&task.mask, c.mask.as_ref())];
        for (i, (source, image)) in sources.into_iter().enumerate() {
            let (Source::Surface(info), Some(image)) = (source, image) else { continue };
            let id = self.hold(*info, entry.kept[i].as_deref()?, sticky[i])?;
            let (width, height) = (image.width, image.height);
            images[i] =
                Some(wire::Image { id: 0, flags: 0, width, height, data: wire::ImageData::Surface(id) });
        }
        let [src, mask] = images;
        let src_transform = Some(c.src_transform.unwrap_or(IDENTITY));
        let mask_transform = mask.as_ref().map(|_| c.mask_transform.unwrap_or(IDENTITY));
        let mut drawable = (*task.drawable).clone();
        if let Op::Composite(own) = &mut drawable.op {
            (own.src_transform, own.mask_transform) = (src_transform, mask_transform);
        }
        task.drawable = Arc::new(drawable);
        let Composite { flags, src_origin, mask_origin, .. } = *c;
        Some(Composite {
            flags,
            src: Some(src?),
            src_transform,
            mask,
            mask_transform,
            src_origin,
            mask_origin,
        })
    }

    /// Has the client hold a surface with these pixels, for a composite that leaves it like `sticky`.
    fn hold(&mut self, info: SurfaceInfo, pixels: &Surface, sticky: Sticky) -> Option<SurfaceId> {
        self.held.clock += 1;
        let clock = self.held.clock;
        let clean = |s: &OffScreen| s.sticky.is_none_or(|old| old == sticky);
        if self.held.surfaces.get(&info.key).is_some_and(|s| !clean(s)) {
            self.drop_surfaces(|key| key == info.key);
        }
        let mut surface = match self.held.surfaces.remove(&info.key) {
            Some(surface) => surface,
            None => {
                let shown = Shown::new(0, Surface::new(info.format, info.width, info.height, 16 << 20).ok()?);
                while self.held.surfaces.len() >= SURFACES
                    || self.held.bytes() + shown.shadow.bytes() > SURFACE_BYTES
                {
                    // Not what the operation itself has just asked for.
                    let oldest = self.held.surfaces.iter().filter(|(_, s)| s.used + 2 < clock);
                    let oldest = *oldest.min_by_key(|(_, s)| s.used)?.0;
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
                OffScreen { shown: Shown { id, ..shown }, sticky: None, used: clock }
            }
        };
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
        (surface.sticky, surface.used) = (Some(sticky), clock);
        let (id, known) = (surface.shown.id, surface.shown.unknown.is_empty());
        self.held.surfaces.insert(info.key, surface);
        known.then_some(id)
    }
}

/// The format of a surface that a task names.
fn surface_format(task: &Task, id: SurfaceId) -> Option<SurfaceFormat> {
    if id == 0 {
        return Some(CANVAS);
    }
    let Op::Composite(c) = &task.drawable.op else { return None };
    let names = |image: Option<&qxl::Image>| {
        image.is_some_and(|i| matches!(i.data, qxl::ImageData::Surface(named) if named == id))
    };
    match (&task.src, &task.mask) {
        (Source::Surface(info), _) if names(c.src.as_ref()) => Some(info.format),
        (_, Source::Surface(info)) if names(c.mask.as_ref()) => Some(info.format),
        _ => None,
    }
}

/// Copies the surfaces that a group reads, where nobody has yet; false if one is gone.
fn keep_all(entries: &mut [Entry], group: &Group, truth: &mut impl Truth) -> bool {
    let mut copies: BTreeMap<SurfaceKey, Arc<Surface>> = BTreeMap::new();
    for &i in &group.send {
        for (at, surface) in entries[i].surfaces().into_iter().enumerate() {
            let Some((key, id)) = surface.filter(|_| entries[i].kept[at].is_none()) else { continue };
            let copy = match copies.entry(key) {
                btree_map::Entry::Occupied(copy) => copy.into_mut(),
                btree_map::Entry::Vacant(place) => match truth.surface(key, id) {
                    Some(copy) => place.insert(Arc::new(copy)),
                    None => return false,
                },
            };
            entries[i].kept[at] = Some(copy.clone());
        }
    }
    true
}
