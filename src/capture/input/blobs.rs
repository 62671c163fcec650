//! Blobs, packed and plain, in one piece and in chunks.

use super::super::error::ErrorKind;
use super::{Fail, Input, Res, STEP};
use crate::qxl::{BitmapData, Piece, Stored};
use flate2::{Decompress, FlushDecompress, Status};
use std::io::Read;

/// From here on a bitmap's bytes are left in the file. Going over them and reading them later costs three system
/// calls.
const LEFT: usize = 4 << 10;

impl<R: Read> Input<R> {
    /// What a blob begins with: `binary 0 NAME SIZE:` or `binary 1 NAME SIZE:`. At most `room` bytes.
    fn blob_head(&mut self, name: &'static str, room: Room) -> Res<Head> {
        let start = self.offset();
        self.word("binary ")?;
        let packed = self.number(name, 0, 1)? == 1;
        self.space(name)?;
        self.more(name, name)?;
        self.space(name)?;
        let size = self.number_u64(name)?;
        self.more(":", name)?;
        match room {
            Room::UpTo(total) if size > total => {
                return self.bad_at(start, name, ErrorKind::Size { found: size, expected: total });
            }
            _ if size > self.limits.max_blob_bytes => {
                return self.bad_at(
                    start,
                    name,
                    ErrorKind::Limit { value: size, limit: self.limits.max_blob_bytes },
                );
            }
            _ => {}
        }
        let size = usize::try_from(size).or_else(|_| self.unexpected(name))?;
        Ok(Head { start, packed, size })
    }

    /// One blob, appended to `out`: `binary 0 NAME SIZE:` and as many bytes, or `binary 1 NAME SIZE:PACKED:` and
    /// `PACKED` bytes of a zlib stream, then a line end. At most `room` bytes. Gives the blob's size.
    pub(in crate::capture) fn blob(
        &mut self,
        name: &'static str,
        out: &mut Vec<u8>,
        room: Room,
    ) -> Res<usize> {
        let head = self.blob_head(name, room)?;
        self.blob_body(name, head, out, room)?;
        Ok(head.size)
    }

    fn blob_body(&mut self, name: &'static str, head: Head, out: &mut Vec<u8>, room: Room) -> Res<()> {
        let Head { start, packed, size } = head;
        let total = match room {
            Room::UpTo(total) => usize::try_from(total).unwrap_or(size),
            Room::Any | Room::Discard => size,
        };
        if packed {
            let packed_size = self.number_u64(name)?;
            self.more(":", name)?;
            if packed_size > self.limits.max_blob_bytes {
                let limit = self.limits.max_blob_bytes;
                return self.bad_at(start, name, ErrorKind::Limit { value: packed_size, limit });
            }
            let packed_size = usize::try_from(packed_size).or_else(|_| self.unexpected(name))?;
            let mut stream = Vec::new();
            self.bytes(&mut stream, packed_size, packed_size)?;
            self.unpack(&stream, out, size, start, name)?;
        } else if matches!(room, Room::Discard) {
            self.skip(size)?;
        } else {
            self.bytes(out, size, total)?;
        }
        self.eol_blob(name)
    }

    /// A bitmap's blob, left in the file if that can be and is worth it.
    pub(in crate::capture) fn bitmap_blob(&mut self, name: &'static str) -> Res<BitmapData> {
        let mut pieces = Pieces { least: LEFT, left: Vec::new(), read: Vec::new() };
        self.bitmap_piece(name, Room::Any, &mut pieces)?;
        Ok(self.joined(pieces))
    }

    /// The next blob of a bitmap. Gives its size.
    fn bitmap_piece(&mut self, name: &'static str, room: Room, pieces: &mut Pieces) -> Res<usize> {
        let head = self.blob_head(name, room)?;
        let piece = Piece { offset: self.offset(), len: head.size };
        let Pieces { least, left, read } = pieces;
        let stays = self.discard_unused && !head.packed && head.size >= *least && read.is_empty();
        match &self.storage {
            Some(file) if stays && file.len >= piece.offset.saturating_add(piece.len as u64) => {
                self.skip(head.size)?;
                self.eol_blob(name)?;
                left.push(piece);
            }
            _ => {
                // All of it is in one place.
                for piece in left.drain(..) {
                    let bytes =
                        self.stored(&[piece]).bytes().or_else(|e| self.bad(name, ErrorKind::Io(e)))?;
                    read.extend_from_slice(&bytes);
                }
                self.blob_body(name, head, read, room)?;
            }
        }
        Ok(head.size)
    }

    fn joined(&self, pieces: Pieces) -> BitmapData {
        if pieces.left.is_empty() { pieces.read.into() } else { self.stored(&pieces.left) }
    }

    /// Pieces that were left in the file.
    fn stored(&self, pieces: &[Piece]) -> BitmapData {
        match &self.storage {
            Some(file) => BitmapData::Stored(Stored::new(file.clone(), pieces)),
            None => Vec::new().into(),
        }
    }

    #[inline(always)]
    fn eol_blob(&mut self, name: &'static str) -> Res<()> {
        self.need_line()?;
        match self.rest() {
            [b'\n', ..] => self.pos += 1,
            [b'\r', b'\n', ..] => self.pos += 2,
            [] | [b'\r'] if self.ended => return Err(Fail::End),
            _ => return self.unexpected(name),
        }
        Ok(())
    }

    /// Inflates a whole zlib stream of exactly `size` bytes and appends them to `out`.
    fn unpack(
        &mut self,
        stream: &[u8],
        out: &mut Vec<u8>,
        size: usize,
        start: u64,
        name: &'static str,
    ) -> Res<()> {
        let inflate = self.inflate.get_or_insert_with(|| Box::new(Decompress::new(true)));
        inflate.reset(true);
        let before = out.len();
        let result = loop {
            let done = out.len() - before;
            // One byte more than wanted, to notice that there is more; never less than one.
            let room = (size + 1 - done).min(STEP.max(done));
            if out.capacity() - out.len() < room.min(4096) {
                out.reserve(room);
            }
            let input = &stream[inflate.total_in() as usize..];
            let spent = inflate.total_in();
            match inflate.decompress_vec(input, out, FlushDecompress::None) {
                Err(_) => break None,
                Ok(Status::StreamEnd) => break Some(out.len() - before),
                Ok(_) if out.len() - before > size => break Some(out.len() - before),
                // Neither input nor output moved: the stream breaks off.
                Ok(_) if inflate.total_in() == spent && out.len() - before == done => break None,
                Ok(_) => {}
            }
        };
        match result {
            Some(found) if found == size => Ok(()),
            Some(found) => {
                let (found, expected) = (found as u64, size as u64);
                self.bad_at(start, name, ErrorKind::Size { found, expected })
            }
            None => self.bad_at(start, name, ErrorKind::Inflate),
        }
    }

    /// What a blob in chunks begins with, `data_chunks N TOTAL`: how many chunks follow the first, and their bytes.
    fn chunks_head(&mut self, name: &'static str) -> Res<(u64, u64)> {
        let start = self.offset();
        self.word("data_chunks ")?;
        let more = self.number(name, 0, i64::from(u32::MAX))? as u64;
        self.space(name)?;
        let total = self.number_u64(name)?;
        self.eol(name)?;
        if more >= u64::from(self.limits.max_chunks) {
            let limit = u64::from(self.limits.max_chunks);
            return self.bad_at(
                start,
                "data_chunks",
                ErrorKind::Limit { value: more.saturating_add(1), limit },
            );
        }
        if total > self.limits.max_blob_bytes {
            let limit = self.limits.max_blob_bytes;
            return self.bad_at(start, name, ErrorKind::Limit { value: total, limit });
        }
        Ok((more, total))
    }

    /// A blob in chunks, joined: `data_chunks N TOTAL` and N + 1 blobs.
    pub(in crate::capture) fn chunks(&mut self, name: &'static str) -> Res<Vec<u8>> {
        let start = self.offset();
        let (more, total) = self.chunks_head(name)?;
        let mut out = Vec::new();
        for _ in 0..=more {
            let left = total - out.len() as u64;
            self.blob(name, &mut out, Room::UpTo(left))?;
        }
        self.chunks_total(name, start, out.len() as u64, total)?;
        Ok(out)
    }

    /// A bitmap's chunks, joined, or left in the file if that can be and is worth it. Where there is more than one,
    /// their sizes go to `sizes`.
    pub(in crate::capture) fn bitmap_chunks(
        &mut self,
        name: &'static str,
        sizes: &mut Vec<u32>,
    ) -> Res<BitmapData> {
        let start = self.offset();
        let (more, total) = self.chunks_head(name)?;
        let least = if total / (more + 1) < LEFT as u64 { usize::MAX } else { 0 };
        let mut pieces = Pieces { least, left: Vec::new(), read: Vec::new() };
        let mut found = 0;
        for _ in 0..=more {
            let size = self.bitmap_piece(name, Room::UpTo(total - found), &mut pieces)?;
            found += size as u64;
            if more > 0 {
                // Below the limit of a blob; a limit beyond 4 GiB is cut there.
                sizes.push(u32::try_from(size).unwrap_or(u32::MAX));
            }
        }
        self.chunks_total(name, start, found, total)?;
        Ok(self.joined(pieces))
    }

    fn chunks_total(&self, name: &'static str, start: u64, found: u64, expected: u64) -> Res<()> {
        if found != expected {
            return self.bad_at(start, name, ErrorKind::Size { found, expected });
        }
        Ok(())
    }
}

/// What a blob begins with.
#[derive(Clone, Copy)]
struct Head {
    /// Where that is, for errors.
    start: u64,
    packed: bool,
    size: usize,
}

/// A bitmap's bytes so far: all of them left in the file or all read.
struct Pieces {
    /// Only blobs of so many bytes are left.
    least: usize,
    left: Vec<Piece>,
    read: Vec<u8>,
}

/// How large a blob may be.
#[derive(Clone, Copy)]
pub(in crate::capture) enum Room {
    /// None: the bytes are passed over.
    Discard,
    /// As large as the limits allow.
    Any,
    /// What is left of a total.
    UpTo(u64),
}
