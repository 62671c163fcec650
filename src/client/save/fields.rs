//! The fields of a saved client, little endian.

use super::{RestoreError, Result};
use crate::client::encode::MirrorState;
use spice_raster::{Rect, Region};

/// Fields, one after the other.
#[derive(Default)]
pub(super) struct Out(pub(super) Vec<u8>);

impl Out {
    pub(super) fn u8(&mut self, v: u8) {
        self.0.push(v);
    }
    pub(super) fn u32(&mut self, v: u32) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }
    pub(super) fn u64(&mut self, v: u64) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }
    pub(super) fn u128(&mut self, v: u128) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }
    pub(super) fn flag(&mut self, v: bool) {
        self.u8(v.into());
    }
    pub(super) fn bytes(&mut self, v: &[u8]) {
        self.u64(v.len() as u64);
        self.0.extend_from_slice(v);
    }
    pub(super) fn region(&mut self, region: &Region) {
        self.u32(region.rects().len() as u32);
        for r in region.rects() {
            [r.left, r.top, r.right, r.bottom].into_iter().for_each(|v| self.u32(v as u32));
        }
    }
    pub(super) fn mirror<K>(&mut self, state: &MirrorState<K>, key: impl Fn(&mut Self, &K)) {
        self.u64(state.next_id);
        self.u64(state.limit);
        self.u32(state.entries.len() as u32);
        for (k, id, cost) in &state.entries {
            key(self, k);
            self.u64(*id);
            self.u64(*cost);
        }
    }
}

/// The rest of the fields. Nothing is allocated for what is not there.
pub(super) struct In<'a>(pub(super) &'a [u8]);

impl<'a> In<'a> {
    pub(super) fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(len).ok_or(RestoreError::Truncated { field })?;
        self.0 = rest;
        Ok(first)
    }
    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, field)?);
        Ok(array)
    }
    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8> {
        self.array::<1>(field).map(|[b]| b)
    }
    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool> {
        match self.u8(field)? {
            n @ 0..=1 => Ok(n == 1),
            _ => Err(RestoreError::Field { field }),
        }
    }
    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32> {
        self.array(field).map(u32::from_le_bytes)
    }
    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64> {
        self.array(field).map(u64::from_le_bytes)
    }
    pub(super) fn u128(&mut self, field: &'static str) -> Result<u128> {
        self.array(field).map(u128::from_le_bytes)
    }
    pub(super) fn bytes(&mut self, field: &'static str) -> Result<&'a [u8]> {
        let len = usize::try_from(self.u64(field)?).map_err(|_| RestoreError::Truncated { field })?;
        self.take(len, field)
    }
    /// A count of things of at least `size` bytes each.
    pub(super) fn count(&mut self, size: usize, field: &'static str) -> Result<usize> {
        let count = self.u32(field)? as usize;
        match count.checked_mul(size) {
            Some(bytes) if bytes <= self.0.len() => Ok(count),
            _ => Err(RestoreError::Truncated { field }),
        }
    }
    pub(super) fn region(&mut self, bounds: Rect, field: &'static str) -> Result<Region> {
        let mut rects = Vec::new();
        for _ in 0..self.count(16, field)? {
            let mut side = || self.u32(field).map(|v| v as i32);
            let rect = Rect::new(side()?, side()?, side()?, side()?);
            if !bounds.contains(&rect) {
                return Err(RestoreError::Field { field });
            }
            rects.push(rect);
        }
        // Rectangles that cross can make many more; those that were saved do not.
        match Region::from_rects_within(rects.iter().copied(), bounds, 2 * rects.len() + 16) {
            Ok(region) => Ok(region),
            Err(_) => Err(RestoreError::Field { field }),
        }
    }
    pub(super) fn mirror<K>(
        &mut self,
        field: &'static str,
        key: impl Fn(&mut Self) -> Result<K>,
    ) -> Result<MirrorState<K>> {
        let (next_id, limit) = (self.u64(field)?, self.u64(field)?);
        let mut entries = Vec::new();
        for _ in 0..self.count(16, field)? {
            entries.push((key(self)?, self.u64(field)?, self.u64(field)?));
        }
        Ok(MirrorState { next_id, limit, entries })
    }
}
