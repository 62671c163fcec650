//! A session as bytes, for migration: what the client shows and holds, and what is on its way to it.
//!
//! Little endian: the magic `"spcsess\0"`, a version (4 bytes), the bytes that follow the hash (8), their hash (16),
//! and then fields in the order of `Session::save`. The pixels that the client shows are not in it where they equal
//! the guest's: the target of a migration has those. Their hash is; if it does not agree, everything is sent again.
//!
//! Carried is all that decides which bytes are sent: profile, caches, GLZ window, the regions of the screen, what was
//! planned and not sent, messages on their way, the guest's operations since the last poll with the pictures and surfaces
//! that they read, the client's off-screen surfaces, how the guest made its own, moves, places of images, the dear images
//! that its cache holds, what images were found to cost, and the time saved up for looking harder. The guest's surfaces
//! are named by its ids; one that is another by now, or has ended, is one that nobody draws on.
//!
//! Begun anew are the counters, the measuring of the link that is under way (its speed is carried; it takes an
//! acknowledgement or two until it is measured again), and streams shared among clients, which cost time, not bytes. An
//! operation that the target's [`Limits`](crate::draw::Limits) refuse ends what is known of those that wait: images take
//! their place at the next poll.
//!
//! The bytes come from another host and may say anything. What they say is judged as a guest's commands are; nothing is
//! allocated for what is not there; and as operations are sent only for what they do to the pixels that the client is
//! known to show, the worst that a lie can do is to make that client's picture wrong.

mod fields;
mod ops;
mod planned;
mod profile;
mod tables;
mod waiting;

use super::canvas::CANVAS;
use super::damage::Damage;
use super::encode::{ContentHash, EncoderState, SharedEncodes, Sizes, StateError, content_hash};
use super::link::{Link, LinkState};
use super::recipe::{Made, Recipes};
use super::rest::Rest;
use super::session::{Screen, Session, Truth};
use super::shown::Shown;
use crate::draw::{SurfaceIds, SurfaceInfo, SurfaceKey};
use crate::qxl::SurfaceId;
use bytes::Bytes;
use fields::{In, Out};
use spice_raster::{Rect, Region, Surface, SurfaceRef};
use std::collections::BTreeMap;
use std::fmt;

const MAGIC: [u8; 8] = *b"spcsess\0";
const VERSION: u32 = 6;
const HEAD: usize = 8 + 4 + 8 + 16;
/// Sides of a screen.
const SIDE: u32 = 1 << 15;

/// Why a saved client cannot be restored.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The bytes end within a field.
    Truncated {
        /// The field.
        field: &'static str,
    },
    /// These are not the bytes of a client.
    Magic,
    /// Another version wrote them.
    Version {
        /// Its number.
        found: u32,
    },
    /// They were changed on their way.
    Hash,
    /// A field has no sense.
    Field {
        /// The field.
        field: &'static str,
    },
    /// What the client holds cannot be read.
    Encoder(StateError),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { field } => write!(f, "saved client ends within {field}"),
            Self::Magic => write!(f, "not a saved client"),
            Self::Version { found } => write!(f, "saved client has version {found}, not {VERSION}"),
            Self::Hash => write!(f, "saved client was changed on its way"),
            Self::Field { field } => write!(f, "saved client: bad {field}"),
            Self::Encoder(e) => write!(f, "saved client: {e}"),
        }
    }
}

impl std::error::Error for RestoreError {}

type Result<T> = std::result::Result<T, RestoreError>;

/// A hash of the visible pixels outside some regions.
fn hash_outside(pixels: SurfaceRef<'_>, regions: [&Region; 2]) -> u128 {
    let (width, height) = (pixels.width() as usize, pixels.height());
    let mut all: Vec<u32> = Vec::with_capacity(width * height as usize);
    for y in 0..height {
        all.extend(pixels.row(y)[..width].iter().map(|p| p & 0x00ff_ffff));
    }
    for rect in regions.into_iter().flat_map(Region::rects) {
        for y in rect.top as usize..rect.bottom as usize {
            all[y * width + rect.left as usize..y * width + rect.right as usize].fill(0);
        }
    }
    content_hash([width as u64, height.into()], bytemuck::cast_slice(&all)).0
}

impl Session {
    /// The session of a guest with these surfaces as bytes; nothing changes. The client must get nothing more from here.
    pub(crate) fn save(&self, surfaces: &SurfaceIds, recipes: &Recipes) -> Vec<u8> {
        let mut out = Out::default();
        out.profile(&self.profile);
        let Sizes { image_cache, glz_window, minor } = self.encoder.sizes();
        out.u64(image_cache);
        out.u32(glz_window);
        out.u32(minor);
        out.compression(self.encoder.preferred());
        out.flag(self.lossy_allowed);
        out.flag(self.exact);
        out.u64(self.queue_bound());
        let LinkState { fixed, bits_per_second, measured, sent, acknowledged } = self.link.save();
        out.u64(fixed.unwrap_or(0));
        out.u64(bits_per_second);
        out.flag(measured);
        out.u64(sent);
        out.u64(acknowledged);

        let EncoderState { images, palettes, glz, guesses, odds } = self.encoder.save();
        out.mirror(&images, |out, hash| out.u128(hash.0));
        out.mirror(&palettes, |out, colours| {
            out.u32(colours.len() as u32);
            colours.iter().for_each(|c| out.u32(*c));
        });
        out.flag(glz.is_some());
        glz.iter().for_each(|glz| out.bytes(glz));
        guesses.iter().for_each(|ratio| out.u64(*ratio));
        odds.iter().for_each(|count| out.u32(*count));
        out.u64(self.search);

        let messages = self.out.messages();
        out.u32(messages.len() as u32);
        messages.for_each(|message| out.bytes(message));

        out.flag(self.screen.is_some());
        if let Some(screen) = &self.screen {
            let shown = &screen.shown;
            out.u32(screen.info.width);
            out.u32(screen.info.height);
            out.flag(screen.marked);
            let damage = screen.damage.region().union(&out.rest(&screen.rest));
            let stale = damage.union(&screen.rest.region());
            out.region(&damage);
            out.region(&shown.unknown);
            out.region(&shown.lossy);
            out.u128(hash_outside(shown.shadow.view(), [&stale, &shown.unknown]));
            for rect in stale.rects() {
                for y in rect.top..rect.bottom {
                    let row = &shown.shadow.view().row(y as u32)[rect.left as usize..rect.right as usize];
                    row.iter().for_each(|px| out.u32(*px));
                }
            }
        }
        self.save_waiting(&mut out, surfaces, recipes);

        let mut all = Vec::with_capacity(HEAD + out.0.len());
        all.extend_from_slice(&MAGIC);
        all.extend_from_slice(&VERSION.to_le_bytes());
        all.extend_from_slice(&(out.0.len() as u64).to_le_bytes());
        all.extend_from_slice(&content_hash([VERSION.into(), 0], &out.0).0.to_le_bytes());
        all.extend_from_slice(&out.0);
        all
    }

    /// The session that was saved, with a guest that shows the same on the surfaces that are `live`, and how those were
    /// made where the guest was.
    pub(crate) fn restore(
        saved: &[u8],
        shared: SharedEncodes,
        truth: &mut impl Truth,
        live: &BTreeMap<SurfaceId, SurfaceInfo>,
        recipes: &Recipes,
    ) -> Result<(Self, Vec<Made>)> {
        let mut head = In(saved);
        if head.array::<8>("magic")? != MAGIC {
            return Err(RestoreError::Magic);
        }
        match head.u32("version")? {
            VERSION => {}
            found => return Err(RestoreError::Version { found }),
        }
        let len = head.u64("length")?;
        let hash = head.u128("hash")?;
        if head.0.len() as u64 != len {
            return Err(RestoreError::Truncated { field: "length" });
        }
        if content_hash([VERSION.into(), 0], head.0).0 != hash {
            return Err(RestoreError::Hash);
        }
        let mut from = In(head.0);
        let mut session = Self::restore_fields(&mut from, shared, truth)?;
        let made = session.restore_waiting(&mut from, live, recipes, &truth.limits())?;
        session.check_names(truth);
        if from.0.is_empty() { Ok((session, made)) } else { Err(RestoreError::Field { field: "length" }) }
    }

    /// The fields may say anything.
    fn restore_fields(from: &mut In<'_>, shared: SharedEncodes, truth: &mut impl Truth) -> Result<Self> {
        let profile = from.profile()?;
        let sizes = Sizes {
            image_cache: from.u64("image cache")?,
            glz_window: from.u32("glz window")?,
            minor: from.u32("minor version")?,
        };
        if sizes.glz_window > 1 << 25 {
            return Err(RestoreError::Field { field: "glz window" });
        }
        let preferred = from.compression("preferred compression")?;
        let (lossy, exact) = (from.flag("lossy")?, from.flag("exact")?);
        let queue_bound = from.u64("queue bound")?;
        let link = Link::restore(LinkState {
            fixed: Some(from.u64("link")?).filter(|n| *n > 0),
            bits_per_second: from.u64("link")?,
            measured: from.flag("link")?,
            sent: from.u64("link")?,
            acknowledged: from.u64("link")?,
        });
        let mut session = Self::new(profile, sizes, link, lossy, shared);
        session.set_queue_bound(queue_bound);
        session.exact = exact;

        let images = from.mirror("image cache", |from| from.u128("image cache").map(ContentHash))?;
        let palettes = from.mirror("palette cache", |from| {
            let count = from.count(4, "palette")?;
            (0..count).map(|_| from.u32("palette")).collect::<Result<Vec<u32>>>()
        })?;
        let glz = match from.flag("glz window")? {
            true => Some(from.bytes("glz window")?.to_vec()),
            false => None,
        };
        let mut guesses = [0; 5];
        for ratio in &mut guesses {
            *ratio = from.u64("guesses")?;
        }
        let odds = [from.u32("guesses")?, from.u32("guesses")?];
        session.search = from.u64("search")?;
        let state = EncoderState { images, palettes, glz, guesses, odds };
        session.encoder.restore(state).map_err(RestoreError::Encoder)?;
        session.encoder.set_preferred(preferred);

        for _ in 0..from.count(8, "messages")? {
            session.out.put(Bytes::copy_from_slice(from.bytes("messages")?));
        }
        if from.flag("screen")? {
            session.screen = Some(screen(from, truth)?);
        }
        Ok(session)
    }
}

fn screen(from: &mut In<'_>, truth: &mut impl Truth) -> Result<Screen> {
    let (width, height) = (from.u32("screen")?, from.u32("screen")?);
    let bad = RestoreError::Field { field: "screen" };
    if width > SIDE || height > SIDE {
        return Err(bad);
    }
    let bounds = Rect::of_size(width, height);
    let marked = from.flag("screen")?;
    let primary = truth.primary().filter(|p| (p.width, p.height) == (width, height));
    let pixels = if primary.is_some() { truth.render(&Region::from_rect(bounds)) } else { None };
    let (rest, wrong) = from.rest(bounds, pixels)?;
    let changed = from.region(bounds, "damaged region")?;
    let stale = changed.union(&rest.region()).union(&Region::from_rects(wrong.iter().copied()));
    let unknown = from.region(bounds, "unknown region")?;
    let lossy = from.region(bounds, "lossy region")?;
    let hash = from.u128("screen")?;
    let Some(info) = primary else {
        // The guest has another screen by now: this one ends with the next poll, and nobody asks what it shows.
        for rect in stale.rects() {
            from.take(rect.area() as usize * 4, "pixels")?;
        }
        let info = SurfaceInfo { key: SurfaceKey(u64::MAX), format: CANVAS, width: 1, height: 1 };
        let shadow = Surface::new(CANVAS, 1, 1, 4).map_err(|_| bad)?;
        let (shown, damage) = (Shown::new(0, shadow), Damage::new(1, 1));
        return Ok(Screen { info, shown, damage, rest: Rest::default(), marked });
    };
    let mut shadow = Surface::new(CANVAS, width, height, u64::MAX).map_err(|_| bad)?;
    if let Some(pixels) = pixels {
        let mut view = shadow.view_mut();
        for y in 0..height {
            view.row(y).copy_from_slice(pixels.row(y));
        }
    }
    let mut damage = Damage::new(width, height);
    changed.rects().iter().chain(&wrong).for_each(|rect| damage.add(*rect));
    for rect in stale.rects() {
        for y in rect.top..rect.bottom {
            let row = from.take(rect.width() as usize * 4, "pixels")?;
            let mut view = shadow.view_mut();
            let to = &mut view.row(y as u32)[rect.left as usize..rect.right as usize];
            let (pixels, _) = row.as_chunks::<4>();
            to.iter_mut().zip(pixels).for_each(|(to, px)| *to = u32::from_le_bytes(*px));
        }
    }
    let shown = Shown { id: 0, shadow, unknown, lossy };
    let mut screen = Screen { info, shown, damage, rest, marked };
    if hash_outside(screen.shown.shadow.view(), [&stale, &screen.shown.unknown]) != hash {
        // The guest went on without telling, or is another: nothing is known.
        screen.shown.unknown = Region::from_rect(bounds);
        screen.damage.add(bounds);
        screen.rest = Rest::default();
    }
    Ok(screen)
}
