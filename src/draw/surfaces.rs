//! The surfaces that exist: the guest's ids on one side, the pixels on the other.

use super::{Limits, Refusal};
use crate::qxl::{SurfaceFormat, SurfaceId};
use spice_raster::{Rect, Surface};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// One surface of one life: a surface that is destroyed and made again under the same id has another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SurfaceKey(pub(crate) u64);

/// What is known of a surface without its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurfaceInfo {
    /// Which surface of which life.
    pub key: SurfaceKey,
    /// The pixel format.
    pub format: SurfaceFormat,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Values under keys of surfaces.
pub(crate) type KeyMap<V> = HashMap<SurfaceKey, V, BuildHasherDefault<KeyHasher>>;

/// Hashes a [`SurfaceKey`], which is a count and so nothing that a guest could choose to collide.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0 ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, key: u64) {
        // The table takes the place from the low bits and a check from the seven highest.
        self.0 = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }

    fn write_usize(&mut self, key: usize) {
        self.write_u64(key as u64);
    }
}

impl SurfaceInfo {
    /// The whole surface as a rectangle at the origin.
    pub fn bounds(&self) -> Rect {
        Rect::of_size(self.width, self.height)
    }

    /// Bytes that its pixels take.
    pub fn bytes(&self) -> u64 {
        self.format.words_per_row(self.width) as u64 * 4 * u64::from(self.height)
    }
}

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A surface.
    Live(SurfaceInfo),
    /// There was one; it was destroyed.
    Destroyed,
    /// There never was one.
    Never,
}

/// Ids below this have a place of their own; guests count from 0 or down from 1023.
const DENSE_IDS: u32 = 4096;

/// Surfaces by their ids, which a guest chooses.
#[derive(Clone, Debug, Default)]
struct IdMap {
    /// Those of small ids, at their id.
    dense: Vec<Option<SurfaceInfo>>,
    others: HashMap<SurfaceId, SurfaceInfo>,
    count: usize,
}

impl IdMap {
    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, id: SurfaceId) -> Option<SurfaceInfo> {
        match id < DENSE_IDS {
            true => *self.dense.get(id as usize)?,
            false => self.others.get(&id).copied(),
        }
    }

    fn insert(&mut self, id: SurfaceId, info: SurfaceInfo) {
        let old = if id < DENSE_IDS {
            if self.dense.len() <= id as usize {
                self.dense.resize(id as usize + 1, None);
            }
            self.dense[id as usize].replace(info)
        } else {
            self.others.insert(id, info)
        };
        self.count += usize::from(old.is_none());
    }

    fn remove(&mut self, id: SurfaceId) -> Option<SurfaceInfo> {
        let old = match id < DENSE_IDS {
            true => self.dense.get_mut(id as usize)?.take(),
            false => self.others.remove(&id),
        };
        self.count -= usize::from(old.is_some());
        old
    }

    fn iter(&self) -> impl Iterator<Item = (SurfaceId, SurfaceInfo)> + '_ {
        let dense = self.dense.iter().enumerate().filter_map(|(id, info)| Some((id as SurfaceId, (*info)?)));
        dense.chain(self.others.iter().map(|(id, info)| (*id, *info)))
    }
}

/// The guest's surface ids: which exist, and which surface each means at this point of the stream.
///
/// It holds no pixels: a renderer that draws late asks it what a command means when the command arrives.
#[derive(Clone, Debug, Default)]
pub struct SurfaceIds {
    live: IdMap,
    ended: HashSet<SurfaceId>,
    next: u64,
    bytes: u64,
}

impl SurfaceIds {
    /// What `id` stands for now.
    pub fn lookup(&self, id: SurfaceId) -> Lookup {
        match self.live.get(id) {
            Some(info) => Lookup::Live(info),
            None if self.ended.contains(&id) => Lookup::Destroyed,
            None => Lookup::Never,
        }
    }

    /// The surfaces that exist, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (SurfaceId, SurfaceInfo)> + '_ {
        self.live.iter()
    }

    /// Gives `id` to a new surface, within the limits; a live one of that id ends and is returned.
    pub fn create(
        &mut self,
        id: SurfaceId,
        format: SurfaceFormat,
        width: u32,
        height: u32,
        limits: &Limits,
    ) -> Result<(SurfaceInfo, Option<SurfaceInfo>), Refusal> {
        let info = SurfaceInfo { key: SurfaceKey(self.next), format, width, height };
        let old = self.live.get(id);
        let bytes = info.bytes();
        let total = self.bytes - old.map_or(0, |o| o.bytes()) + bytes;
        let fits = width <= i32::MAX as u32
            && height <= i32::MAX as u32
            && bytes <= limits.surface_bytes
            && total <= limits.total_surface_bytes
            && (old.is_some() || self.live.len() < limits.surfaces);
        if !fits {
            return Err(Refusal::SurfaceTooLarge { width, height });
        }
        self.next += 1;
        self.bytes = total;
        self.live.insert(id, info);
        self.ended.remove(&id);
        Ok((info, old))
    }

    /// Ends the surface of `id`.
    pub fn destroy(&mut self, id: SurfaceId) -> Option<SurfaceInfo> {
        let info = self.live.remove(id)?;
        self.bytes -= info.bytes();
        // Forgetting which ids ever lived would only change a refusal into a black source: bounded is better.
        if self.ended.len() < 1 << 16 {
            self.ended.insert(id);
        }
        Some(info)
    }

    /// Ends all surfaces and names them, in the order of their ids.
    pub fn destroy_all(&mut self) -> Vec<(SurfaceId, SurfaceInfo)> {
        let mut ids: Vec<_> = self.live.iter().map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids.into_iter().filter_map(|id| Some((id, self.destroy(id)?))).collect()
    }
}

/// Puts rows from the guest's memory into a surface: `stride` bytes from row to row, negative if the top row
/// comes last. Rows that `data` does not hold stay zero.
pub(crate) fn load_rows(surface: &mut Surface, stride: i32, data: &[u8]) {
    let (width, height) = (surface.width(), surface.height());
    let row_bytes = (u64::from(width) * u64::from(surface.format().bits_per_pixel())).div_ceil(8) as usize;
    let step = stride.unsigned_abs() as usize;
    let mut view = surface.view_mut();
    for y in 0..height {
        let memory_row = if stride < 0 { height - 1 - y } else { y } as usize;
        let Some(start) = memory_row.checked_mul(step) else { continue };
        let Some(row) = data.get(start..).and_then(|d| d.get(..row_bytes.min(step))) else { continue };
        view.bytes_of_row(y)[..row.len()].copy_from_slice(row);
    }
}
