//! Copies structures and chains of chunks out of a guest's memory, each byte once.

use super::error::{Fault, GuestError};
use super::slots::Group;
use super::{GuestLimits, GuestMemory, GuestRange};
use crate::qxl::blob::BlobError;
use crate::qxl::{Point, Rect};

pub(super) type Res<T> = Result<T, Box<GuestError>>;

/// What is read, for errors: a structure of `qxl_dev.h` and the field that has its address.
#[derive(Clone, Copy)]
pub(super) struct What {
    pub(super) structure: &'static str,
    pub(super) field: &'static str,
}

/// A structure in the guest's memory of which the first bytes are known to lie in its slot.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Where the guest says that it is.
    pub(super) address: u64,
    range: GuestRange,
    /// Bytes behind the range, up to the slot's end.
    behind: u64,
}

impl Place {
    pub(super) fn range(&self) -> GuestRange {
        self.range
    }

    /// Bytes behind it, up to the end of its slot.
    pub(super) fn room(&self) -> u64 {
        self.behind
    }
}

/// One command's view of the guest's memory.
pub(super) struct Input<'a, M: ?Sized> {
    pub(super) slots: Group<'a>,
    pub(super) memory: &'a M,
    pub(super) limits: &'a GuestLimits,
    /// The command's kind, for errors.
    pub(super) command: &'static str,
    /// `QXL_COMMAND_FLAG_COMPAT`.
    pub(super) compat: bool,
    /// `QXL_COMMAND_FLAG_COMPAT_16BPP`.
    pub(super) compat_16bpp: bool,
    /// Bytes of bulk data that were copied.
    pub(super) copied: u64,
}

/// Size of a `QXLDataChunk` without its data: size, previous, next.
const CHUNK: usize = 20;

impl<M: GuestMemory + ?Sized> Input<'_, M> {
    #[cold]
    pub(super) fn fail<T>(
        &self,
        structure: &'static str,
        field: &'static str,
        address: u64,
        fault: Fault,
    ) -> Res<T> {
        let (command, group) = (self.command, self.slots.number());
        Err(Box::new(GuestError { command, structure, field, group, address, fault }))
    }

    /// The structure at an address, of which at least `len` bytes must lie in its slot.
    #[inline]
    pub(super) fn find(&self, what: What, address: u64, len: u64) -> Res<Place> {
        match self.slots.find(address, len) {
            Ok((range, behind)) => Ok(Place { address, range, behind }),
            Err(fault) => self.fail(what.structure, what.field, address, fault),
        }
    }

    /// What follows `place`: `len` bytes of the same slot.
    #[inline]
    pub(super) fn after(&self, what: What, place: Place, len: u64) -> Res<Place> {
        let GuestRange { slot, offset, len: before } = place.range;
        let Some(behind) = place.behind.checked_sub(len) else {
            let fault = Fault::OutOfSlot { id: slot.id, len, room: place.behind };
            return self.fail(what.structure, what.field, place.address, fault);
        };
        // Within the slot, whose size is a u64. Addresses wrap only where a slot ends at the last of all.
        let range = GuestRange { slot, offset: offset + before, len };
        Ok(Place { address: place.address.wrapping_add(before), range, behind })
    }

    /// The structure's bytes.
    #[inline]
    pub(super) fn bytes<const N: usize>(&self, what: What, place: Place) -> Res<[u8; N]> {
        debug_assert_eq!(place.range.len, N as u64);
        let mut bytes = [0; N];
        if !self.memory.read(place.range.slot, place.range.offset, &mut bytes) {
            let fault = Fault::Unreadable { len: N as u64 };
            return self.fail(what.structure, what.field, place.address, fault);
        }
        Ok(bytes)
    }

    /// The first `N` bytes of the structure at an address, and where they are.
    #[inline]
    pub(super) fn read<const N: usize>(&self, what: What, address: u64) -> Res<([u8; N], Place)> {
        let place = self.find(what, address, N as u64)?;
        Ok((self.bytes(what, place)?, place))
    }

    /// The `N` bytes that follow `place`.
    #[inline]
    pub(super) fn next<const N: usize>(&self, what: What, place: Place) -> Res<([u8; N], Place)> {
        let place = self.after(what, place, N as u64)?;
        Ok((self.bytes(what, place)?, place))
    }

    /// Counts bulk data that are to be copied; refuses more than the limit.
    fn count(&mut self, what: What, place: Place) -> Res<()> {
        let (limit, total) = (self.limits.max_command_bytes, self.copied.saturating_add(place.range.len));
        if total > limit {
            let fault = Fault::Limit { value: total, limit };
            return self.fail(what.structure, what.field, place.address, fault);
        }
        self.copied = total;
        Ok(())
    }

    /// Adds the bytes of `place`, which were counted, to `out`.
    fn copy(&self, what: What, place: Place, out: &mut Vec<u8>) -> Res<()> {
        let GuestRange { slot, offset, len } = place.range;
        let (before, size) = (out.len(), len as usize);
        if size == 0 {
            return Ok(());
        }
        // What the embedder answers is believed only as far as it gave the bytes.
        if !self.memory.append(slot, offset, size, out) || out.len().checked_sub(before) != Some(size) {
            return self.fail(what.structure, what.field, place.address, Fault::Unreadable { len });
        }
        Ok(())
    }

    /// Adds the bytes of `place` to `out`; the limits are checked first.
    pub(super) fn append(&mut self, what: What, place: Place, out: &mut Vec<u8>) -> Res<()> {
        self.count(what, place)?;
        self.copy(what, place, out)
    }

    /// The bytes of these places, which were counted, in one allocation.
    fn collect(&self, what: What, places: &[Place]) -> Res<Vec<u8>> {
        let len = places.iter().map(|place| place.range.len).sum();
        let Ok(size) = usize::try_from(len) else {
            return self.fail(what.structure, what.field, places[0].address, Fault::Unreadable { len });
        };
        let mut out = Vec::with_capacity(size);
        places.iter().try_for_each(|place| self.copy(what, *place, &mut out))?;
        Ok(out)
    }

    /// Bulk data in one piece.
    pub(super) fn flat(&mut self, what: What, address: u64, len: u64) -> Res<Vec<u8>> {
        let limit = self.limits.max_blob_bytes;
        if len > limit {
            let fault = Fault::Limit { value: len, limit };
            return self.fail(what.structure, what.field, address, fault);
        }
        let place = self.find(what, address, len)?;
        self.count(what, place)?;
        self.collect(what, &[place])
    }

    /// Bulk data in a chain of chunks, joined. `first` is the header of the first, `expected` the size of all where
    /// that is known. The sizes of the chunks, where there is more than one, go to `sizes`.
    ///
    /// First the headers are followed, each copied once; then the data are copied into one allocation of their size.
    /// The chain ends at the limits, at the first chunk that is more than expected, and where it comes back to itself
    /// (which Brent's algorithm sees after at most three times as many steps as there are different chunks).
    pub(super) fn chunks(
        &mut self,
        what: What,
        first: Place,
        expected: Option<u64>,
        sizes: Option<&mut Vec<u32>>,
    ) -> Res<Vec<u8>> {
        const LINK: What = What { structure: "QXLDataChunk", field: "next_chunk" };
        const DATA: What = What { structure: "QXLDataChunk", field: "data_size" };
        let most = self.limits.max_blob_bytes;
        if let Some(value) = expected
            && value > most
        {
            return self.fail(what.structure, what.field, first.address, Fault::Limit { value, limit: most });
        }
        let mut total = 0;
        let mut place = first;
        let (mut mark, mut mark_again) = (first.address, 1);
        // Of most chains the only chunk, or else all but the last.
        let mut before = Vec::new();
        let last = loop {
            let count = before.len() as u32 + 1;
            if count > self.limits.max_chunks {
                let (value, limit) = (count.into(), self.limits.max_chunks.into());
                return self.fail(LINK.structure, LINK.field, place.address, Fault::Limit { value, limit });
            }
            let mut head = Fields::new(self.bytes::<CHUNK>(LINK, place)?);
            let size = head.u32();
            let _previous = head.u64();
            let next = head.u64();
            total += u64::from(size);
            if let Some(expected) = expected.filter(|expected| total > *expected) {
                let fault = Fault::Size { found: total, expected };
                return self.fail(what.structure, what.field, place.address, fault);
            }
            if total > most {
                let fault = Fault::Limit { value: total, limit: most };
                return self.fail(what.structure, what.field, place.address, fault);
            }
            let data = self.after(DATA, place, size.into())?;
            self.count(DATA, data)?;
            if next == 0 {
                break data;
            }
            before.push(data);
            if next == mark {
                return self.fail(LINK.structure, LINK.field, place.address, Fault::Cycle { chunk: next });
            }
            if count == mark_again {
                (mark, mark_again) = (next, count.saturating_mul(2));
            }
            place = self.find(LINK, next, CHUNK as u64)?;
        };
        if let Some(expected) = expected.filter(|expected| *expected != total) {
            let fault = Fault::Size { found: total, expected };
            return self.fail(what.structure, what.field, first.address, fault);
        }
        if before.is_empty() {
            return self.collect(DATA, &[last]);
        }
        before.push(last);
        if let Some(sizes) = sizes {
            *sizes = before.iter().map(|chunk| chunk.range.len as u32).collect();
        }
        self.collect(DATA, &before)
    }

    /// The chunks that begin behind `place`, which is the fixed part of the structure that has them.
    pub(super) fn inline_chunks(&mut self, what: What, place: Place, expected: Option<u64>) -> Res<Vec<u8>> {
        let first = self.after(What { field: "chunk", ..what }, place, CHUNK as u64)?;
        self.chunks(what, first, expected, None)
    }

    /// The chunks at an address.
    pub(super) fn chunks_at(
        &mut self,
        what: What,
        address: u64,
        expected: Option<u64>,
        sizes: Option<&mut Vec<u32>>,
    ) -> Res<Vec<u8>> {
        let first = self.find(what, address, CHUNK as u64)?;
        self.chunks(what, first, expected, sizes)
    }

    /// What a blob holds, or what is wrong with it.
    pub(super) fn listed<T>(&self, what: What, address: u64, list: Result<T, BlobError>) -> Res<T> {
        let (field, fault) = match list {
            Ok(list) => return Ok(list),
            Err(BlobError::Size { found, expected }) => (what.field, Fault::Size { found, expected }),
            Err(BlobError::Count { found, expected }) => ("length", Fault::Size { found, expected }),
            Err(BlobError::Limit { value, limit }) => (what.field, Fault::Limit { value, limit }),
        };
        self.fail(what.structure, field, address, fault)
    }
}

/// Takes the packed little-endian fields of a structure one after the other.
pub(super) struct Fields<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Fields<N> {
    pub(super) fn new(bytes: [u8; N]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline(always)]
    fn take<const K: usize>(&mut self) -> [u8; K] {
        let field = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<K>());
        debug_assert!(field.is_some(), "the structure has no such field");
        self.at += K;
        field.copied().unwrap_or([0; K])
    }

    pub(super) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(super) fn i32(&mut self) -> i32 {
        i32::from_le_bytes(self.take())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    /// `QXLRect`: top, left, bottom, right.
    pub(super) fn rect(&mut self) -> Rect {
        let (top, left, bottom, right) = (self.i32(), self.i32(), self.i32(), self.i32());
        Rect { left, top, right, bottom }
    }

    /// `QXLPoint`.
    pub(super) fn point(&mut self) -> Point {
        Point { x: self.i32(), y: self.i32() }
    }

    /// `QXLPoint16`.
    pub(super) fn point16(&mut self) -> Point {
        let mut half = || i32::from(i16::from_le_bytes(self.take()));
        Point { x: half(), y: half() }
    }

    /// All fields were taken.
    pub(super) fn done(&self) {
        debug_assert_eq!(self.at, N, "the structure has other fields");
    }
}
