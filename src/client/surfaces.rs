//! What a client shows and holds, and the guest's operations sent to it.

use super::encode::{Costs as ImageCosts, ImageUse, Quality, Reads};
use super::passing::{Entry, Group, IDENTITY, Sticky, groups};
use super::planner::{Piece, PieceKind};
use super::recipe::{Recipe, Step};
use super::rewrite;
use super::session::{CANVAS, Session, Truth};
use crate::draw::exec::{self, Pixels};
use crate::draw::{Limits, Picture, Source, SurfaceInfo, SurfaceKey, Task};
use crate::qxl::{self, Brush, Composite, Op, QMask, Rect, SurfaceFormat, SurfaceId};
use crate::wire::{self, Draw, DrawRef, ServerMessage, SurfaceCreated};
use spice_raster::{Region, Surface};
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::sync::Arc;

/// Off-screen surfaces that a client holds at most, and their bytes.
pub(super) const SURFACES: usize = 32;
pub(super) const SURFACE_BYTES: usize = 16 << 20;

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
pub(super) struct OffScreen {
    pub(super) shown: Shown,
    /// How the last composite left it.
    pub(super) sticky: Option<Sticky>,
    /// The guest's operations that lead to what it shows.
    pub(super) made: Option<Recipe>,
    pub(super) used: u64,
}

/// What a surface that an operation reads must show.
#[derive(Clone, Copy)]
struct Want<'a> {
    info: SurfaceInfo,
    /// The pixels, where they are known.
    pixels: Option<&'a Surface>,
    /// How the guest made them, where that is known.
    recipe: Option<&'a Recipe>,
}

/// The off-screen surfaces that a client holds: copies of the guest's.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) surfaces: BTreeMap<SurfaceKey, OffScreen>,
    pub(super) clock: u64,
    /// What was used since must stay: an operation that is being sent reads it.
    since: u64,
    /// Surfaces that are being drawn.
    drawing: Vec<SurfaceKey>,
}

impl Pixels for Held {
    fn pixels(&self, key: SurfaceKey) -> Option<&Surface> {
        self.surfaces.get(&key).map(|s| &s.shown.shadow)
    }
}

impl Held {
    /// None, but so many uses were counted.
    pub(super) fn from_clock(clock: u64) -> Self {
        Self { clock, ..Self::default() }
    }

    fn bytes(&self) -> usize {
        self.surfaces.values().map(|s| s.shown.shadow.bytes()).sum()
    }

    /// What a surface came from, as far as the client has it.
    fn made(&self, key: SurfaceKey) -> Option<&Recipe> {
        self.surfaces.get(&key)?.made.as_ref()
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
        let supported = |task: &Task| self.draws(task, 0) || self.rewritten(task).is_some();
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
            let operations = self.cost(&entries, &group, truth, images) + spoilt;
            if operations + operations / 8 < images {
                for &i in &group.send {
                    any |= self.send_entry(screen, &entries[i], &limits);
                }
            }
        }
        any
    }

    /// About how many bytes a group takes when it is sent.
    fn cost(&mut self, entries: &[Entry], group: &Group, truth: &impl Truth, images: u64) -> u64 {
        let mut sum = 0;
        let mut sent: Vec<(SurfaceKey, *const Surface)> = Vec::new();
        let (mut made, limits) = (BTreeSet::new(), truth.limits());
        let area = group.area.area().max(1);
        for &i in &group.send {
            let entry = &entries[i];
            let messages = if self.draws(&entry.task, 0) { None } else { self.rewritten(&entry.task) };
            sum += OPERATION * messages.map_or(1, |tasks| tasks.len() as u64);
            match &entry.task.drawable.op {
                Op::Copy { .. } if matches!(entry.task.src, Source::Surface(_)) => {}
                // As dear as any pixels of the group.
                Op::Copy { .. } | Op::Blend { .. } | Op::Rop3 { .. } => {
                    sum += entry.task.drawable.bbox.area() * images / area;
                }
                Op::Stroke { path, .. } => {
                    sum += path.iter().map(|s| 8 * s.points.len() as u64 + 5).sum::<u64>()
                }
                _ => {}
            }
            for want in wants(entry).into_iter().flatten() {
                let Some(pixels) = want.pixels else { continue };
                let now = (want.info.key, std::ptr::from_ref(pixels));
                if !sent.contains(&now) {
                    sent.push(now);
                    sum += self.surface_cost(&want, pixels, truth.reads(want.info.key), &limits, &mut made);
                }
            }
        }
        sum
    }

    /// About how many bytes it takes until the client has a surface.
    fn surface_cost(
        &mut self,
        want: &Want<'_>,
        pixels: &Surface,
        reads: u32,
        limits: &Limits,
        made: &mut BTreeSet<*const Step>,
    ) -> u64 {
        if self.held.surfaces.get(&want.info.key).is_some_and(|held| held.shows(want)) {
            return 0;
        }
        let image = NEW_SURFACE + self.image_cost(pixels);
        let drawn = want.recipe.and_then(|recipe| self.recipe_cost(recipe, limits, &mut Vec::new(), made));
        // It is likely to be used again, the more so the more often it was: a part of it is for later.
        drawn.map_or(image, |drawn| drawn.min(image)) / u64::from(1 + reads.max(1))
    }

    /// About how many bytes a whole surface takes as an image.
    fn image_cost(&mut self, pixels: &Surface) -> u64 {
        let (view, rect, format) = (pixels.view(), pixels.bounds(), pixels.format());
        if self.encoder.is_cached(view, rect, format, &Quality::EXACT) {
            return 0;
        }
        self.encoder.estimate(view, rect, format, &Quality::EXACT).map_or(u64::MAX >> 16, |n| n as u64)
    }

    /// About how many bytes the operations of a recipe take, those in `made` left out; `None` if the client cannot draw
    /// them. `path` are the surfaces that wait for this one.
    fn recipe_cost(
        &mut self,
        recipe: &Recipe,
        limits: &Limits,
        path: &mut Vec<SurfaceKey>,
        made: &mut BTreeSet<*const Step>,
    ) -> Option<u64> {
        let target = recipe.task.target;
        if path.contains(&target.key) || !self.profile.off_screen.contains(target.format) {
            return None;
        }
        let held = self.held.made(target.key).cloned();
        let mut sum = if held.is_some() { 0 } else { NEW_SURFACE / 2 };
        path.push(target.key);
        for step in recipe.since(held.as_ref()) {
            if made.contains(&Arc::as_ptr(step)) {
                continue;
            }
            if !self.draws(&step.task, step.task.drawable.surface_id) {
                return None;
            }
            sum += OPERATION;
            if let Source::Picture(picture) = &step.task.src {
                let format = picture.image_format(target.format)?;
                let view = picture.view(format, limits)?;
                let (view, rect) = (view.get(), view.get().bounds());
                if !self.encoder.is_cached(view, rect, target.format, &Quality::EXACT) {
                    let image = self.encoder.estimate(view, rect, target.format, &Quality::EXACT);
                    sum += image.ok()? as u64;
                }
            }
            for source in step.sources.iter().flatten() {
                if !self.held.made(source.task.target.key).is_some_and(|m| Arc::ptr_eq(m, source)) {
                    sum += self.recipe_cost(source, limits, path, made)?;
                }
            }
            made.insert(Arc::as_ptr(step));
        }
        path.pop();
        Some(sum)
    }

    /// Whether the client draws a task on the surface of this id as it is.
    fn draws(&self, task: &Task, surface_id: SurfaceId) -> bool {
        let drawable = &task.drawable;
        let draw = DrawRef { surface_id, bbox: drawable.bbox, clip: &drawable.clip, op: &drawable.op };
        self.profile.supports(&draw, |id| surface_format(task, id)).is_ok()
    }

    /// Sends one operation and draws it on the shadow; false if something it needs cannot be sent.
    fn send_entry(&mut self, screen: &mut Shown, entry: &Entry, limits: &Limits) -> bool {
        self.held.since = self.held.clock;
        let rewritten = if self.draws(&entry.task, 0) { None } else { self.rewritten(&entry.task) };
        let as_it_is = rewritten.is_none();
        for mut task in rewritten.unwrap_or_else(|| vec![entry.task.clone()]) {
            let Some(op) = self.wire_op(&mut task, CANVAS, wants(entry), limits) else { return false };
            self.draw(screen, &task, op, limits);
        }
        let operations = &mut self.metrics.operations;
        operations.rasterised = operations.rasterised.saturating_sub(1);
        *(if as_it_is { &mut operations.passed } else { &mut operations.rewritten }) += 1;
        true
    }

    /// Tasks that the client draws, in place of one that it does not.
    fn rewritten(&self, task: &Task) -> Option<Vec<Task>> {
        rewrite::rewritten(task, |task| self.draws(task, 0))
    }

    /// Sends an operation whose sources were sent, and draws it on the shadow.
    fn draw(&mut self, shown: &mut Shown, task: &Task, op: Op<wire::Image>, limits: &Limits) {
        exec::draw(self.raster, task, &mut shown.shadow, &self.held, limits);
        if crate::graph::footprint::overwrites(task, limits) {
            shown.unknown = shown.unknown.subtract(&task.clip);
            shown.lossy = shown.lossy.subtract(&task.clip);
        }
        let drawable = &task.drawable;
        let draw = Draw { surface_id: shown.id, bbox: drawable.bbox, clip: drawable.clip.clone(), op };
        self.send(&ServerMessage::Draw(Box::new(draw)));
    }

    /// The operation as the client gets it for a surface of format `target`; its sources are sent first.
    fn wire_op(
        &mut self,
        task: &mut Task,
        target: SurfaceFormat,
        wants: [Option<Want<'_>>; 2],
        limits: &Limits,
    ) -> Option<Op<wire::Image>> {
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
            Op::Copy { src_area, rop, scale_mode, src: Some(image), .. } => {
                let src = Some(match wants[0] {
                    Some(want) => surface_image(self.hold(&want, None, limits)?, image),
                    None => self.picture(&task.src, target, limits)?,
                });
                Op::Copy { src, src_area: *src_area, rop: *rop, scale_mode: *scale_mode, mask }
            }
            Op::Blend { src_area, rop, scale_mode, .. } => {
                let src = Some(self.picture(&task.src, target, limits)?);
                Op::Blend { src, src_area: *src_area, rop: *rop, scale_mode: *scale_mode, mask }
            }
            Op::Rop3 { src_area, brush, rop3, scale_mode, .. } => {
                let src = Some(self.picture(&task.src, target, limits)?);
                let brush = solid(brush)?;
                Op::Rop3 { src, src_area: *src_area, brush, rop3: *rop3, scale_mode: *scale_mode, mask }
            }
            Op::Composite(c) => Op::Composite(Box::new(self.composite(task, c, wants, limits)?)),
            _ => return None,
        })
    }

    /// A guest's picture as an image for the client.
    fn picture(&mut self, source: &Source, target: SurfaceFormat, limits: &Limits) -> Option<wire::Image> {
        let Source::Picture(picture) = source else { return None };
        let picture: &Picture = picture;
        let usage = ImageUse { reads: Reads::Converted, target, needs_x: false };
        let costs = ImageCosts::of_bandwidth(self.link.bits_per_second());
        let coded = self.encoder.transcode_picture(picture, &usage, &Quality::EXACT, &costs, limits)?;
        coded.before.iter().for_each(|message| self.send(message));
        let pixels = u64::from(picture.width()) * u64::from(picture.height());
        self.metrics.count_image(coded.codec, coded.bytes, pixels);
        Some(coded.image)
    }

    /// A composite of surfaces that the client holds. Each says what it wants of them, so that nothing sticks from an
    /// earlier one.
    fn composite(
        &mut self,
        task: &mut Task,
        c: &Composite,
        wants: [Option<Want<'_>>; 2],
        limits: &Limits,
    ) -> Option<Composite<wire::Image>> {
        let sticky = Sticky::of(c);
        let mut images = [None, None];
        let sources = [(&task.src, c.src.as_ref()), (&task.mask, c.mask.as_ref())];
        for (i, (source, image)) in sources.into_iter().enumerate() {
            let (Source::Surface(_), Some(image)) = (source, image) else { continue };
            images[i] = Some(surface_image(self.hold(&wants[i]?, Some(sticky[i]), limits)?, image));
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

    /// Has the client hold a surface, for a composite that leaves it like `sticky`, or for a copy.
    fn hold(&mut self, want: &Want<'_>, sticky: Option<Sticky>, limits: &Limits) -> Option<SurfaceId> {
        let info = want.info;
        self.held.clock += 1;
        // One of another size was saved elsewhere by somebody who knew no better.
        let clean = |s: &OffScreen| {
            s.shown.shadow.bounds() == info.bounds()
                && s.sticky.is_none_or(|old| sticky.map_or_else(|| old.is_plain(), |new| old == new))
        };
        if self.held.surfaces.get(&info.key).is_some_and(|s| !clean(s)) {
            self.drop_surfaces(|key| key == info.key);
        }
        let clock = self.held.clock;
        if let Some(surface) = self.held.surfaces.get_mut(&info.key) {
            surface.used = clock;
        }
        if !self.held.surfaces.get(&info.key).is_some_and(|held| held.shows(want)) {
            self.make(want, limits);
        }
        let surface = self.held.surfaces.get_mut(&info.key)?;
        (surface.sticky, surface.used) = (sticky.or(surface.sticky), clock);
        surface.shows(want).then_some(surface.shown.id)
    }

    /// Draws what a surface must show, in the way that takes fewer bytes.
    fn make(&mut self, want: &Want<'_>, limits: &Limits) {
        let info = want.info;
        let image = want.pixels.map_or(u64::MAX, |pixels| self.image_cost(pixels));
        let recipe = want.recipe.filter(|recipe| {
            let drawn = self.recipe_cost(recipe, limits, &mut Vec::new(), &mut BTreeSet::new());
            drawn.is_some_and(|drawn| drawn < image)
        });
        if !self.held.surfaces.contains_key(&info.key) && !self.create(info) {
            return;
        }
        if let Some(recipe) = recipe
            && !self.held.drawing.contains(&info.key)
        {
            self.held.drawing.push(info.key);
            self.follow(info.key, recipe, limits);
            self.held.drawing.pop();
        }
        let Some(pixels) = want.pixels else { return };
        let Some(mut surface) = self.held.surfaces.remove(&info.key) else { return };
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
        surface.made = want.recipe.cloned();
        self.held.surfaces.insert(info.key, surface);
    }

    /// A new surface of the client's; false if there is no room.
    fn create(&mut self, info: SurfaceInfo) -> bool {
        let Ok(shadow) = Surface::new(info.format, info.width, info.height, SURFACE_BYTES as u64) else {
            return false;
        };
        while self.held.surfaces.len() >= SURFACES || self.held.bytes() + shadow.bytes() > SURFACE_BYTES {
            let since = self.held.since;
            let oldest = self.held.surfaces.iter().filter(|(_, s)| s.used <= since);
            let Some((&oldest, _)) = oldest.min_by_key(|(_, s)| s.used) else { return false };
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
        let (shown, used) = (Shown::new(id, shadow), self.held.clock);
        self.held.surfaces.insert(info.key, OffScreen { shown, sticky: None, made: None, used });
        true
    }

    /// Draws the guest's operations on a surface of the client's, as far as that works.
    fn follow(&mut self, key: SurfaceKey, recipe: &Recipe, limits: &Limits) {
        for step in recipe.since(self.held.made(key).cloned().as_ref()) {
            let mut task = step.task.clone();
            let wants =
                [&task.src, &task.mask].map(|s| if let Source::Surface(i) = s { Some(*i) } else { None });
            let wants = std::array::from_fn(|i| {
                wants[i].map(|info| Want { info, pixels: None, recipe: step.sources[i].as_ref() })
            });
            let op = self.wire_op(&mut task, step.task.target.format, wants, limits);
            // Only what is sent may take it out: else the client holds a surface that nobody knows of.
            let Some(op) = op else { return };
            let Some(mut surface) = self.held.surfaces.remove(&key) else { return };
            self.draw(&mut surface.shown, &task, op, limits);
            surface.made = Some(step.clone());
            self.held.surfaces.insert(key, surface);
        }
    }
}

impl OffScreen {
    fn shows(&self, want: &Want<'_>) -> bool {
        let made = || want.recipe.zip(self.made.as_ref()).is_some_and(|(a, b)| Arc::ptr_eq(a, b));
        let known = self.shown.unknown.is_empty();
        known && want.pixels.map_or_else(made, |pixels| self.shown.shadow == *pixels)
    }
}

/// A surface of the client's in place of the guest's.
fn surface_image(id: SurfaceId, guests: &qxl::Image) -> wire::Image {
    let (width, height) = (guests.width, guests.height);
    wire::Image { id: 0, flags: 0, width, height, data: wire::ImageData::Surface(id) }
}

/// What the surfaces that an operation on the screen reads must show: source and mask.
fn wants(entry: &Entry) -> [Option<Want<'_>>; 2] {
    std::array::from_fn(|i| {
        let source = if i == 0 { &entry.task.src } else { &entry.task.mask };
        let Source::Surface(info) = *source else { return None };
        let pixels = Some(entry.kept[i].as_deref()?);
        Some(Want { info, pixels, recipe: entry.recipes[i].as_ref() })
    })
}

/// The format of a surface that a task names.
fn surface_format(task: &Task, id: SurfaceId) -> Option<SurfaceFormat> {
    if id == 0 {
        return Some(CANVAS);
    }
    if id == task.drawable.surface_id {
        return Some(task.target.format);
    }
    let mask = match &task.drawable.op {
        Op::Composite(c) => c.mask.as_ref(),
        _ => None,
    };
    let names = |image: Option<&qxl::Image>| {
        image.is_some_and(|i| matches!(i.data, qxl::ImageData::Surface(named) if named == id))
    };
    match (&task.src, &task.mask) {
        (Source::Surface(info), _) if names(task.drawable.op.src()) => Some(info.format),
        (_, Source::Surface(info)) if names(mask) => Some(info.format),
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
