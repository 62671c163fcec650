//! The fields of a saved client, little endian.

use super::{RestoreError, Result};
use crate::client::encode::MirrorState;
use spice_raster::{Point, Rect, Region, Surface, SurfaceFormat, SurfaceRef};

/// Fields, one after the other.
#[derive(Debug, Default)]
pub(super) struct Out(pub(super) Vec<u8>);

impl Out {
    pub(super) fn u8(&mut self, v: u8) {
        self.0.push(v);
    }
    pub(super) fn u16(&mut self, v: u16) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }
    pub(super) fn u32(&mut self, v: u32) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }
    pub(super) fn i32(&mut self, v: i32) {
        self.u32(v as u32);
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
    pub(super) fn point(&mut self, p: &Point) {
        [p.x, p.y].into_iter().for_each(|v| self.i32(v));
    }
    pub(super) fn rect(&mut self, r: &Rect) {
        [r.left, r.top, r.right, r.bottom].into_iter().for_each(|v| self.i32(v));
    }
    pub(super) fn list<T>(
        &mut self,
        list: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut each: impl FnMut(&mut Self, T),
    ) {
        let list = list.into_iter();
        self.u32(list.len() as u32);
        list.for_each(|item| each(self, item));
    }
    pub(super) fn maybe<T>(&mut self, item: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(item.is_some());
        if let Some(item) = item {
            write(self, item);
        }
    }
    pub(super) fn region(&mut self, region: &Region) {
        self.list(region.rects(), Self::rect);
    }
    /// The rows of a surface, without what format and size it has.
    pub(super) fn rows(&mut self, pixels: SurfaceRef<'_>) {
        for y in 0..if pixels.width() > 0 { pixels.height() } else { 0 } {
            pixels.row(y).iter().for_each(|word| self.u32(*word));
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
    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16> {
        self.array(field).map(u16::from_le_bytes)
    }
    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32> {
        self.array(field).map(u32::from_le_bytes)
    }
    pub(super) fn i32(&mut self, field: &'static str) -> Result<i32> {
        self.array(field).map(i32::from_le_bytes)
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
    pub(super) fn point(&mut self, field: &'static str) -> Result<Point> {
        Ok(Point::new(self.i32(field)?, self.i32(field)?))
    }
    pub(super) fn rect(&mut self, field: &'static str) -> Result<Rect> {
        let mut side = || self.i32(field);
        Ok(Rect { left: side()?, top: side()?, right: side()?, bottom: side()? })
    }
    /// A rectangle that lies within another.
    pub(super) fn rect_in(&mut self, bounds: Rect, field: &'static str) -> Result<Rect> {
        let rect = self.rect(field)?;
        if bounds.contains(&rect) { Ok(rect) } else { Err(RestoreError::Field { field }) }
    }
    /// Things of at least `size` bytes each.
    pub(super) fn list<T>(
        &mut self,
        size: usize,
        field: &'static str,
        mut each: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        (0..self.count(size, field)?).map(|_| each(self)).collect()
    }
    pub(super) fn maybe<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<Option<T>> {
        if self.flag(field)? { read(self).map(Some) } else { Ok(None) }
    }
    /// A surface of this format and size, whose rows are here.
    pub(super) fn rows(
        &mut self,
        (format, width, height): (SurfaceFormat, u32, u32),
        field: &'static str,
    ) -> Result<Surface> {
        let row = format.words_per_row(width) * 4;
        if row as u128 * u128::from(height) > self.0.len() as u128 {
            return Err(RestoreError::Truncated { field });
        }
        // Rows are a little longer in memory.
        let mut surface = Surface::new(format, width, height, 2 * self.0.len() as u64 + (1 << 16))
            .map_err(|_| RestoreError::Field { field })?;
        // Rows of nothing may be many.
        for y in 0..if row > 0 { height } else { 0 } {
            let words = self.take(row, field)?.as_chunks::<4>().0;
            let mut view = surface.view_mut();
            view.row(y).iter_mut().zip(words).for_each(|(to, word)| *to = u32::from_le_bytes(*word));
        }
        Ok(surface)
    }
    pub(super) fn region(&mut self, bounds: Rect, field: &'static str) -> Result<Region> {
        let rects = self.list(16, field, |from| from.rect_in(bounds, field))?;
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
