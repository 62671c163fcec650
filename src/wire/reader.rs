//! A checked cursor over one message's body.

use super::error::{DecodeError, DecodeReason};
use bytes::Bytes;

#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    body: &'a Bytes,
    pos: usize,
    message: &'static str,
    place: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'static str, body: &'a Bytes) -> Self {
        Self { body, pos: 0, message, place: "" }
    }

    /// The same place, under another name in errors.
    pub(super) fn within(self, place: &'static str) -> Self {
        Self { place, ..self }
    }

    pub(super) fn left(&self) -> usize {
        self.body.len() - self.pos
    }

    /// An error at the field that starts `back` bytes before the cursor.
    pub(super) fn error(&self, field: &'static str, back: usize, reason: DecodeReason) -> DecodeError {
        DecodeError { message: self.message, place: self.place, field, offset: self.pos - back, reason }
    }

    /// Fails unless `needed` bytes are left.
    pub(super) fn need(&self, field: &'static str, needed: u64) -> Result<usize, DecodeError> {
        match usize::try_from(needed) {
            Ok(n) if n <= self.left() => Ok(n),
            _ => Err(self.error(field, 0, DecodeReason::Truncated { needed, left: self.left() })),
        }
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        match self.body[self.pos..].first_chunk::<N>() {
            Some(bytes) => {
                self.pos += N;
                Ok(*bytes)
            }
            None => {
                let reason = DecodeReason::Truncated { needed: N as u64, left: self.left() };
                Err(self.error(field, 0, reason))
            }
        }
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array(field).map(|[v]| v)
    }
    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_le_bytes)
    }
    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_le_bytes)
    }
    pub(super) fn i32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        self.array(field).map(i32::from_le_bytes)
    }
    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A payload of known size, without a copy.
    pub(super) fn bytes(&mut self, field: &'static str, size: u64) -> Result<Bytes, DecodeError> {
        let n = self.need(field, size)?;
        let bytes = self.body.slice(self.pos..self.pos + n);
        self.pos += n;
        Ok(bytes)
    }

    /// A 32-bit size and a payload.
    pub(super) fn sized(&mut self, field: &'static str) -> Result<Bytes, DecodeError> {
        let size = self.u32(field)?;
        self.bytes(field, size.into())
    }

    /// Everything up to the end.
    pub(super) fn rest(&mut self) -> Bytes {
        let rest = self.body.slice(self.pos..);
        self.pos = self.body.len();
        rest
    }

    /// `count` things of at least `size` bytes each; memory is taken only for what can be there.
    pub(super) fn many<T>(
        &mut self,
        field: &'static str,
        count: u32,
        size: usize,
        mut one: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.need(field, u64::from(count) * size as u64)?;
        let mut all = Vec::with_capacity(count as usize);
        for _ in 0..count {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// Follows a pointer; `None` if it is null.
    pub(super) fn pointer(&mut self, field: &'static str) -> Result<Option<Reader<'a>>, DecodeError> {
        match self.u32(field)? {
            0 => Ok(None),
            to => self.at(field, to).map(Some),
        }
    }

    /// The place that a pointer just read leads to.
    pub(super) fn at(&self, field: &'static str, to: u32) -> Result<Reader<'a>, DecodeError> {
        match usize::try_from(to) {
            Ok(pos) if pos <= self.body.len() => Ok(Self { pos, ..*self }),
            _ => {
                let back = self.pos.min(4);
                Err(self.error(field, back, DecodeReason::Pointer { to, len: self.body.len() }))
            }
        }
    }

    /// Follows a pointer that must not be null.
    pub(super) fn some_pointer(&mut self, field: &'static str) -> Result<Reader<'a>, DecodeError> {
        match self.pointer(field)? {
            Some(r) => Ok(r),
            None => Err(self.error(field, 4, DecodeReason::Null)),
        }
    }
}
