//! Where encoded bytes go.

use super::error::{EncodeError, EncodeReason};
use bytes::Bytes;

/// Takes the bytes of messages, in order.
pub trait Sink {
    /// Bytes taken so far.
    fn len(&self) -> usize;

    /// Whether no byte was taken yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Takes a payload, by reference where the sink can.
    fn put_payload(&mut self, bytes: &Bytes);

    /// Overwrites bytes that were taken by [`Sink::put`] at position `at`.
    fn patch(&mut self, at: usize, bytes: &[u8]);

    /// Forgets everything after the first `len` bytes, a border between two messages.
    fn rollback(&mut self, len: usize);
}

impl Sink for Vec<u8> {
    fn len(&self) -> usize {
        self.len()
    }
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    fn put_payload(&mut self, bytes: &Bytes) {
        self.extend_from_slice(bytes);
    }
    fn patch(&mut self, at: usize, bytes: &[u8]) {
        self[at..at + bytes.len()].copy_from_slice(bytes);
    }
    fn rollback(&mut self, len: usize) {
        self.truncate(len);
    }
}

/// A sink that only counts: what would this message cost?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count(usize);

impl Sink for Count {
    fn len(&self) -> usize {
        self.0
    }
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
    fn put_payload(&mut self, bytes: &Bytes) {
        self.0 += bytes.len();
    }
    fn patch(&mut self, _: usize, _: &[u8]) {}
    fn rollback(&mut self, len: usize) {
        self.0 = len;
    }
}

/// A sink that copies small fields and keeps big payloads by reference, so that one encoded image can go to many
/// clients without a copy. [`Parts::slices`] gives the stream back in pieces fit for vectored writes.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    copied: Vec<u8>,
    /// (length of `copied` where it goes, payload), in stream order.
    kept: Vec<(usize, Bytes)>,
    kept_len: usize,
}

impl Parts {
    /// Payloads below this many bytes are copied: a slice of its own would cost more than its bytes.
    pub const KEEP: usize = 256;

    /// The stream so far, in pieces; none is empty.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.kept.iter().map(|(at, _)| *at).chain([self.copied.len()]);
        let starts = [0].into_iter().chain(self.kept.iter().map(|(at, _)| *at));
        let copied = starts.zip(ends).map(|(start, end)| &self.copied[start..end]);
        let kept = self.kept.iter().map(|(_, bytes)| &bytes[..]).chain([&[][..]]);
        copied.zip(kept).flat_map(|(a, b)| [a, b]).filter(|s| !s.is_empty())
    }

    /// Makes it empty and keeps its memory.
    pub fn clear(&mut self) {
        self.rollback(0);
    }
}

impl Sink for Parts {
    fn len(&self) -> usize {
        self.copied.len() + self.kept_len
    }
    fn put(&mut self, bytes: &[u8]) {
        self.copied.extend_from_slice(bytes);
    }
    fn put_payload(&mut self, bytes: &Bytes) {
        if bytes.len() < Self::KEEP {
            return self.put(bytes);
        }
        self.kept_len += bytes.len();
        self.kept.push((self.copied.len(), bytes.clone()));
    }
    fn patch(&mut self, at: usize, bytes: &[u8]) {
        // What is patched belongs to the newest message: few payloads lie behind it.
        let mut before = self.kept_len;
        for (end, payload) in self.kept.iter().rev() {
            if end + before - payload.len() <= at {
                break;
            }
            before -= payload.len();
        }
        let at = at - before;
        self.copied[at..at + bytes.len()].copy_from_slice(bytes);
    }
    fn rollback(&mut self, len: usize) {
        while let Some((end, payload)) = self.kept.last() {
            if end + self.kept_len <= len {
                break;
            }
            self.kept_len -= payload.len();
            self.kept.pop();
        }
        self.copied.truncate(len - self.kept_len);
    }
}

/// Writes one message's body into a sink.
pub(super) struct Writer<'s, S> {
    pub(super) sink: &'s mut S,
    pub(super) message: &'static str,
    /// Where the body starts: pointers count from here.
    pub(super) start: usize,
}

impl<S: Sink> Writer<'_, S> {
    pub(super) fn error(&self, field: &'static str, reason: EncodeReason) -> EncodeError {
        EncodeError { message: self.message, field, reason }
    }

    pub(super) fn u8(&mut self, v: u8) {
        self.sink.put(&[v]);
    }
    pub(super) fn u16(&mut self, v: u16) {
        self.sink.put(&v.to_le_bytes());
    }
    pub(super) fn u32(&mut self, v: u32) {
        self.sink.put(&v.to_le_bytes());
    }
    pub(super) fn i32(&mut self, v: i32) {
        self.sink.put(&v.to_le_bytes());
    }
    pub(super) fn u64(&mut self, v: u64) {
        self.sink.put(&v.to_le_bytes());
    }

    /// A count in a field that may be too small for it.
    pub(super) fn count<N: TryFrom<usize>>(
        &self,
        field: &'static str,
        count: usize,
        max: usize,
    ) -> Result<N, EncodeError> {
        N::try_from(count).map_err(|_| self.error(field, EncodeReason::TooMany { count, max }))
    }

    /// A 32-bit size and a payload.
    pub(super) fn sized(&mut self, field: &'static str, data: &Bytes) -> Result<(), EncodeError> {
        let n: u32 = self.count(field, data.len(), u32::MAX as usize)?;
        self.u32(n);
        self.sink.put_payload(data);
        Ok(())
    }

    /// A null pointer, to be set by [`Writer::point`]; returns where it is.
    pub(super) fn pointer(&mut self) -> usize {
        let at = self.sink.len();
        self.u32(0);
        at
    }

    /// Lets the pointer at `at` point to what is written next.
    pub(super) fn point(&mut self, at: usize, field: &'static str) -> Result<(), EncodeError> {
        let to: u32 = self.count(field, self.sink.len() - self.start, u32::MAX as usize)?;
        self.sink.patch(at, &to.to_le_bytes());
        Ok(())
    }
}
