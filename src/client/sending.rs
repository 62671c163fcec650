//! The guest's operations sent to a client, where that is cheaper than images of what they drew.

use super::canvas::CANVAS;
use super::encode::{ImageUse, Quality, Reads};
use super::offer::{Form, Offer, is_image};
use super::passing::{Entry, Group, groups};
use super::pricing::OPERATION;
use super::rewrite::{picture_of, with_area, with_picture};
use super::session::{Session, Truth};
use super::shown::{IDENTITY, Shown, Sticky, Want};
use crate::draw::exec::{self, Pixels};
use crate::draw::{Limits, Picture, Source, SurfaceKey, Task};
use crate::qxl::{self, Composite, ImageRole, Op, Rect, SurfaceFormat, SurfaceId};
use crate::wire::{self, Draw, ServerMessage};
use spice_raster::{Region, Surface};
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::sync::Arc;

/// The surfaces that an entry reads, as they were.
struct Kept<'a>(&'a Entry);

impl Pixels for Kept<'_> {
    fn pixels(&self, key: SurfaceKey) -> Option<&Surface> {
        let (role, ..) = self.0.task.surfaces().find(|(_, info, _)| info.key == key)?;
        self.0.kept[role as usize].as_deref()
    }
}

impl Session {
    /// Sends those of the guest's operations that are cheaper than the pieces (rectangles and bytes) that were planned
    /// in their place. Whether any was sent.
    pub(super) fn pass(
        &mut self,
        screen: &mut Shown,
        truth: &mut impl Truth,
        mut entries: Vec<Entry>,
        planned: &[(Rect, u64)],
    ) -> bool {
        let limits = truth.limits();
        // Masks are told as bits.
        keep_all(&mut entries, truth, |_, task, role| {
            role == ImageRole::Mask && !matches!(task.drawable.op, Op::Composite(_))
        });
        let offers: Vec<Option<Offer>> = entries
            .iter()
            .map(|e| {
                let kept = Kept(e);
                let offer = || Offer::of(&e.task, &self.profile, &screen.shadow, &kept, &limits);
                if e.candidate { offer() } else { None }
            })
            .collect();
        let unready = screen.unknown.union(&screen.lossy);
        let all = self.pass_all;
        let mut any = false;
        for mut group in groups(&entries, &limits, &unready, all, |i| offers[i].is_some()) {
            let (images, spoilt) = shares(planned, &group);
            // Even for nothing but their headers?
            let headers = group.send.len() as u64 * OPERATION / 4 + spoilt;
            if !all && headers + headers / 4 >= images {
                continue;
            }
            let send: BTreeSet<usize> = group.send.iter().copied().collect();
            keep_all(&mut entries, truth, |i, _, _| send.contains(&i));
            let offer = |i: usize| offers[i].as_ref();
            if !all {
                let mut prices = BTreeMap::new();
                for &i in &group.send {
                    let Some(offer) = offer(i) else { continue };
                    prices.insert(i, self.price(&entries[i], offer, &screen.shadow, &limits));
                }
                leave_images(&mut group, &entries, &offers, &prices, &limits);
                if !group.send.iter().any(|i| entries[*i].is_worthy()) {
                    continue;
                }
                let (images, spoilt) = shares(planned, &group);
                let prices: u64 = group.send.iter().filter_map(|i| prices.get(i)).sum();
                let operations = prices + spoilt + self.surfaces_cost(&entries, &offers, &group, truth);
                if operations + operations / 8 >= images {
                    continue;
                }
            }
            for &i in &group.send {
                let Some(offer) = offer(i) else { continue };
                any |= self.send_entry(screen, &entries[i], offer, &limits);
            }
        }
        any
    }

    /// About how many bytes the surfaces take that a group reads.
    fn surfaces_cost(
        &mut self,
        entries: &[Entry],
        offers: &[Option<Offer>],
        group: &Group,
        truth: &impl Truth,
    ) -> u64 {
        let mut sum = 0;
        let mut sent: Vec<(SurfaceKey, *const Surface)> = Vec::new();
        let (mut made, limits) = (BTreeSet::new(), truth.limits());
        for &i in &group.send {
            let held = |(task, form): &(Task, Form)| {
                matches!(task.src, Source::Surface(_)) && !form.flat
                    || matches!(task.mask(), Source::Surface(_))
            };
            if !offers[i].as_ref().is_some_and(|offer| offer.tasks.iter().any(held)) {
                continue;
            }
            for want in wants(&entries[i]).into_iter().flatten() {
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

    /// Sends what is offered for an entry and draws it on the shadow; false if something it needs cannot be sent.
    fn send_entry(&mut self, screen: &mut Shown, entry: &Entry, offer: &Offer, limits: &Limits) -> bool {
        self.held.begin();
        // What moves on the screen must be known there.
        if entry.reads.is_some_and(|r| screen.unknown.intersects_rect(&r) || screen.lossy.intersects_rect(&r))
        {
            return false;
        }
        let mut any = false;
        for (task, form) in &offer.tasks {
            let Some(mut task) = given(task, *form, entry, screen, limits) else { return any };
            let Some(op) = self.wire_op(&mut task, CANVAS, wants(entry), limits) else { return any };
            self.draw(screen, &task, op, limits);
            any = true;
        }
        self.metrics.sent_operation(entry.task.drawable.op.kind(), offer.passed);
        any
    }

    /// Sends an operation whose sources were sent, and draws it on the shadow.
    pub(super) fn draw(&mut self, shown: &mut Shown, task: &Task, op: Op<wire::Image>, limits: &Limits) {
        let drawable = &task.drawable;
        let draw = Draw { surface_id: shown.id, bbox: drawable.bbox, clip: drawable.clip.clone(), op };
        if !self.send(&ServerMessage::Draw(Box::new(draw))) {
            return;
        }
        exec::draw(self.raster, task, &mut shown.shadow, &self.held, limits);
        if crate::graph::footprint::overwrites(task, limits) {
            shown.unknown = shown.unknown.subtract(&task.clip);
            shown.lossy = shown.lossy.subtract(&task.clip);
        }
    }

    /// The operation as the client gets it for a surface of format `target`; its sources are sent first. Composites say
    /// what they want of their sources, so that nothing sticks from an earlier one.
    pub(super) fn wire_op(
        &mut self,
        task: &mut Task,
        target: SurfaceFormat,
        wants: [Option<Want<'_>>; 2],
        limits: &Limits,
    ) -> Option<Op<wire::Image>> {
        let mut images: [Option<wire::Image>; 4] = [const { None }; 4];
        let sticky = match &task.drawable.op {
            Op::Composite(c) => Some(Sticky::of(c)),
            _ => None,
        };
        // Surfaces first: they bring images of their own, and those must be sent in the order in which they are encoded.
        for (i, role) in [ImageRole::Source, ImageRole::Mask].into_iter().enumerate() {
            let (Source::Surface(_), Some(image)) = (task.source(role), task.drawable.op.image(role)) else {
                continue;
            };
            let left = match sticky {
                Some(sticky) => Some(sticky[i]),
                None => task.is_scaled().then_some(Sticky::SAMPLED),
            };
            images[role as usize] = Some(surface_image(self.hold(&wants[i]?, left, limits)?, image));
        }
        // One picture may use what the client remembers; the order in which it looks at several is its own affair. And
        // what sticks to pictures must not come back with them.
        let sticks = |role| match &task.drawable.op {
            Op::Composite(_) => true,
            Op::Text { .. } => role == ImageRole::Pattern,
            op => role == ImageRole::Mask && op.qmask().is_some(),
        };
        let pictured = |role: &ImageRole| matches!(task.source(*role), Source::Picture(_));
        let common = ImageRole::ALL.into_iter().filter(pictured).find(|role| !sticks(*role));
        let alone = ImageRole::ALL.into_iter().filter(pictured).filter(|role| Some(*role) != common);
        for role in alone.chain(common) {
            let Source::Picture(picture) = task.source(role) else { continue };
            let usage = ImageUse { reads: reads(&task.drawable.op, role), target, needs_x: false };
            let quality = Quality { alone: Some(role) != common, ..Quality::EXACT };
            images[role as usize] = Some(self.picture(picture, &usage, &quality, limits)?);
        }
        if let Op::Composite(c) = &task.drawable.op {
            let src_transform = Some(c.src_transform.unwrap_or(IDENTITY));
            let mask_transform = c.mask.as_ref().map(|_| c.mask_transform.unwrap_or(IDENTITY));
            let op = Op::Composite(Box::new(Composite { src_transform, mask_transform, ..(**c).clone() }));
            let drawable = (*task.drawable).clone();
            task.drawable = Arc::new(qxl::Drawable { op, ..drawable });
        }
        let mut missing = false;
        let op = task.drawable.op.map_images(|role, _| {
            let image = images[role as usize].take();
            missing |= image.is_none();
            Ok::<_, std::convert::Infallible>(image)
        });
        let Ok(op) = op;
        (!missing).then_some(op)
    }

    /// A guest's picture as an image for the client.
    fn picture(
        &mut self,
        picture: &Picture,
        usage: &ImageUse,
        quality: &Quality,
        limits: &Limits,
    ) -> Option<wire::Image> {
        let costs = self.image_costs();
        let coded = self.encoder.transcode_picture(picture, usage, quality, &costs, limits)?;
        self.search = self.search.saturating_sub(coded.spent);
        coded.before.iter().for_each(|message| {
            self.send(message);
        });
        let pixels = u64::from(picture.width()) * u64::from(picture.height());
        self.metrics.count_image(coded.codec, coded.bytes, pixels);
        Some(coded.image)
    }
}

/// What an operation makes of the pixels in a role.
fn reads(op: &Op, role: ImageRole) -> Reads {
    match (op, role) {
        (Op::Composite(_), _) | (Op::Text { .. }, ImageRole::Pattern) => Reads::Composite,
        (_, ImageRole::Mask) => Reads::Mask,
        (Op::AlphaBlend { .. }, ImageRole::Source) => Reads::AlphaBlend,
        _ => Reads::Converted,
    }
}

/// The planned bytes that a group is instead of, and those of them that it would not spare.
fn shares(planned: &[(Rect, u64)], group: &Group) -> (u64, u64) {
    let (mut images, mut spoilt) = (0, 0);
    for (rect, bytes) in planned {
        let share = |region: &Region| {
            bytes * region.rects_in(*rect).map(|r| r.area()).sum::<u64>() / rect.area().max(1)
        };
        images += share(&group.area);
        spoilt += share(&group.tainted);
    }
    (images, spoilt)
}

/// Leaves out operations that only put an image that the client does not have, where no later one needs it: it is the
/// same as the planner's, and that one knows what did not change.
fn leave_images(
    group: &mut Group,
    entries: &[Entry],
    offers: &[Option<Offer>],
    prices: &BTreeMap<usize, u64>,
    limits: &Limits,
) {
    /// Bytes of an operation whose image the client has.
    const NAMED: u64 = 120;
    let mut needed = Region::new();
    let mut left_out = Vec::new();
    for &i in group.send.iter().rev() {
        let entry = &entries[i];
        let covers = entry.covers(limits);
        let image =
            offers[i].as_ref().is_some_and(|offer| offer.tasks.iter().all(|(task, _)| is_image(task)));
        let dear = prices.get(&i).is_none_or(|price| *price > NAMED);
        if covers && image && dear && !needed.intersects_rect(&entry.touched) {
            left_out.push(i);
            continue;
        }
        if covers {
            needed = needed.subtract(&entry.task.clip);
        } else {
            needed.union_rect(entry.touched);
        }
        if let Some(reads) = entry.reads {
            needed.union_rect(reads);
        }
    }
    for i in left_out.iter().rev() {
        // What is drawn over it later is not wanted of it.
        let own = &entries[*i].task.clip;
        let later = group.send.iter().filter(|j| *j > i && entries[**j].touched.intersects(&own.bounds()));
        let later = later.filter(|j| entries[**j].covers(limits));
        let left = later.fold(own.clone(), |left, j| left.subtract(&entries[*j].task.clip));
        group.tainted = group.tainted.union(&left);
    }
    group.send.retain(|i| !left_out.contains(i));
}

/// A task with its images in the form in which they are given; `None` if they cannot be had.
fn given(task: &Task, form: Form, entry: &Entry, screen: &Shown, limits: &Limits) -> Option<Task> {
    let mut task = task.clone();
    for role in [ImageRole::Pattern, ImageRole::BackPattern] {
        if let Source::Surface(_) = task.source(role) {
            let kept = entry.kept[role as usize].as_ref()?;
            with_picture(&mut task, role, picture_of(kept.view(), kept.bounds(), limits)?);
        }
    }
    let area = task.src_area();
    let own = |area: Rect| Rect::of_size(area.width(), area.height());
    let part = area.filter(|_| form.cut);
    match &task.src {
        Source::SelfBitmap(all) => {
            let at = part.map_or(*all, |part| part.translate(all.left, all.top));
            let picture = picture_of(screen.shadow.view(), at, limits)?;
            with_picture(&mut task, ImageRole::Source, picture);
        }
        Source::Surface(_) if form.flat => {
            let kept = entry.kept[ImageRole::Source as usize].as_ref()?;
            let view = match &task.drawable.op {
                Op::AlphaBlend { alpha_flags, .. } if alpha_flags & 2 != 0 => {
                    kept.view().with_format(SurfaceFormat::A8R8G8B8)?
                }
                Op::Composite(c) if c.flags & Composite::<qxl::Image>::SOURCE_OPAQUE != 0 => {
                    kept.view().with_format(SurfaceFormat::X8R8G8B8)?
                }
                _ => kept.view(),
            };
            let picture = picture_of(view, part.unwrap_or(kept.bounds()), limits)?;
            with_picture(&mut task, ImageRole::Source, picture);
        }
        Source::Picture(picture) if part.is_some() => {
            let format = picture.image_format(CANVAS)?;
            let view = picture.view(format, limits)?;
            let picture = picture_of(view.get(), part?, limits)?;
            drop(view);
            with_picture(&mut task, ImageRole::Source, picture);
        }
        _ => return Some(task),
    }
    if let Some(part) = part {
        with_area(&mut task, own(part));
    }
    Some(task)
}

/// A surface of the client's in place of the guest's.
fn surface_image(id: SurfaceId, guests: &qxl::Image) -> wire::Image {
    let (width, height) = (guests.width, guests.height);
    wire::Image { id: 0, flags: 0, width, height, data: wire::ImageData::Surface(id) }
}

/// What the surfaces that an operation on the screen reads as such must show: source and mask.
fn wants(entry: &Entry) -> [Option<Want<'_>>; 2] {
    [ImageRole::Source, ImageRole::Mask].map(|role| {
        let Source::Surface(info) = *entry.task.source(role) else { return None };
        let pixels = Some(entry.kept[role as usize].as_deref()?);
        let recipe = entry.recipes[usize::from(role == ImageRole::Mask)].as_ref();
        Some(Want { info, pixels, recipe })
    })
}

/// Copies the surfaces that entries read, where nobody has yet and `wanted` says so. What is gone stays away.
fn keep_all(entries: &mut [Entry], truth: &mut impl Truth, wanted: impl Fn(usize, &Task, ImageRole) -> bool) {
    let mut copies: BTreeMap<SurfaceKey, Arc<Surface>> = BTreeMap::new();
    for (i, entry) in entries.iter_mut().enumerate().filter(|(_, e)| e.candidate) {
        for (role, info, id) in entry.task.surfaces() {
            if entry.kept[role as usize].is_some() || !wanted(i, &entry.task, role) {
                continue;
            }
            let copy = match copies.entry(info.key) {
                btree_map::Entry::Occupied(copy) => copy.into_mut(),
                btree_map::Entry::Vacant(place) => match truth.surface(info.key, id) {
                    Some(copy) => place.insert(Arc::new(copy)),
                    None => continue,
                },
            };
            entry.kept[role as usize] = Some(copy.clone());
        }
    }
}
