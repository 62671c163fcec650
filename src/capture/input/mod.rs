//! A cursor over the bytes of a recording: lines of known words and numbers, and blobs between them.
//!
//! Recordings are mostly blobs, and otherwise millions of short lines. So lines are compared and their numbers
//! read where they lie in one large buffer, without a `String` or a copy, and blobs go from that buffer (or for
//! their bulk straight from the file) into memory of their own, once and without clearing it first.

use super::error::{Error, ErrorKind, Excerpt};
use super::limits::Limits;
use super::storage::RecordingFile;
use crate::qxl::{BitmapData, Piece, Stored};
use flate2::{Decompress, FlushDecompress, Status};
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes read ahead. Replays of ten captures, CPU ms in all, least and median of seven rounds taken in turn: 16 KiB
/// 273 and 289, 32 KiB 258 and 279, 64 KiB 260 and 276, 128 KiB 258 and 277, 256 KiB 261 and 284, 1 MiB 277 and 299
/// (with [`DIRECT`] from 16 to 64 KiB, which made no difference). Half of a first-level cache to a quarter of a
/// second-level one is right, then; less is better than more because what is copied twice stays small.
const BUFFER: usize = 64 << 10;
/// No line of the format is as long: the longest is a `rect` of four numbers, below 80 bytes.
const LINE: usize = 256;
/// From here on a blob's bytes are read straight into its memory instead of through the buffer.
const DIRECT: usize = 32 << 10;
/// From here on a bitmap's bytes are left in the file. Going over them and reading them later costs three system
/// calls.
const LEFT: usize = 4 << 10;
/// Bytes read ahead behind what was passed over: a command's text is a few hundred.
const AHEAD: usize = 2 << 10;
/// A blob's memory is first this large, then at most doubles with the bytes that have arrived.
const STEP: usize = 1 << 20;

/// Why reading stopped.
pub(super) enum Fail {
    /// The recording ends in the middle of something.
    End,
    /// The recording is wrong.
    Bad(Box<Error>),
}

pub(super) type Res<T> = Result<T, Fail>;

pub(super) struct Input<R> {
    inner: R,
    buf: Box<[u8]>,
    pos: usize,
    end: usize,
    /// Bytes to read ahead next: few behind what was passed over, as more may follow.
    ahead: usize,
    /// Offset of `buf[0]` in the recording.
    base: u64,
    /// `inner` has no more bytes.
    ended: bool,
    /// The container says that bytes are missing behind its last.
    cut: bool,
    /// The event being read, for errors.
    pub(super) event: Option<u64>,
    pub(super) limits: Limits,
    /// Bytes that no pixel depends on are not kept, bitmaps are left in the file.
    pub(super) discard_unused: bool,
    /// The file that `inner` reads, byte for byte.
    pub(super) storage: Option<Arc<RecordingFile>>,
    inflate: Option<Box<Decompress>>,
}

impl<R: Read> Input<R> {
    pub(super) fn new(inner: R, limits: Limits) -> Self {
        Self {
            inner,
            buf: vec![0; BUFFER].into_boxed_slice(),
            pos: 0,
            end: 0,
            ahead: BUFFER,
            base: 0,
            ended: false,
            cut: false,
            event: None,
            limits,
            discard_unused: false,
            storage: None,
            inflate: None,
        }
    }

    /// Bytes of the recording read so far.
    #[inline]
    pub(super) fn offset(&self) -> u64 {
        self.base + self.pos as u64
    }

    /// Whether the container broke off: its decoder missed bytes.
    pub(super) fn cut(&self) -> bool {
        self.cut
    }

    #[inline(always)]
    pub(super) fn rest(&self) -> &[u8] {
        &self.buf[self.pos..self.end]
    }

    /// Whether nothing follows; skips empty lines.
    pub(super) fn at_end(&mut self) -> Res<bool> {
        loop {
            self.need_line()?;
            match self.rest() {
                [] | [b'\r'] if self.ended => return Ok(true),
                [b'\n', ..] => self.pos += 1,
                [b'\r', b'\n', ..] => self.pos += 2,
                _ => return Ok(false),
            }
        }
    }

    /// Makes at least a whole line's bytes available, or all that there are.
    #[inline(always)]
    pub(super) fn need_line(&mut self) -> Res<()> {
        if self.end - self.pos < LINE { self.refill() } else { Ok(()) }
    }

    #[cold]
    fn refill(&mut self) -> Res<()> {
        self.buf.copy_within(self.pos..self.end, 0);
        self.base += self.pos as u64;
        self.end -= self.pos;
        self.pos = 0;
        let ahead = self.ahead;
        self.ahead = (4 * ahead).min(BUFFER);
        while self.end < LINE && !self.ended {
            match self.inner.read(&mut self.buf[self.end..ahead]) {
                Ok(0) => self.ended = true,
                Ok(n) => self.end += n,
                Err(e) => self.io(e)?,
            }
        }
        Ok(())
    }

    /// An interrupted read is repeated, a container that breaks off is an end, anything else is an error.
    fn io(&mut self, e: io::Error) -> Res<()> {
        match e.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::UnexpectedEof => {
                self.ended = true;
                self.cut = true;
                Ok(())
            }
            _ => self.bad("recording", ErrorKind::Io(e)),
        }
    }

    // ---- errors

    #[cold]
    pub(super) fn bad_at<T>(&self, offset: u64, field: &'static str, kind: ErrorKind) -> Res<T> {
        // Some are given with the space that follows them in the recording.
        let field = field.trim_end();
        Err(Fail::Bad(Box::new(Error { offset, event: self.event, field, kind })))
    }

    #[cold]
    pub(super) fn bad<T>(&self, field: &'static str, kind: ErrorKind) -> Res<T> {
        self.bad_at(self.offset(), field, kind)
    }

    #[cold]
    fn unexpected<T>(&self, field: &'static str) -> Res<T> {
        self.bad(field, ErrorKind::Unexpected { found: Excerpt::new(self.rest()) })
    }

    /// The text differs from `word`: the end of the recording if it ends within `word`, otherwise an error.
    #[cold]
    fn mismatch<T>(&self, word: &str, field: &'static str) -> Res<T> {
        if self.ended && word.as_bytes().starts_with(self.rest()) {
            return Err(Fail::End);
        }
        self.unexpected(field)
    }

    // ---- words and numbers

    /// Whether the next line begins with this.
    #[inline(always)]
    pub(super) fn looking_at(&mut self, word: &str) -> Res<bool> {
        self.need_line()?;
        Ok(self.rest().starts_with(word.as_bytes()))
    }

    /// Goes over `word` at the beginning of a line.
    #[inline(always)]
    pub(super) fn word(&mut self, word: &'static str) -> Res<()> {
        self.need_line()?;
        self.more(word, word)
    }

    /// Goes over `word` within a line.
    #[inline(always)]
    fn more(&mut self, word: &'static str, field: &'static str) -> Res<()> {
        if !self.rest().starts_with(word.as_bytes()) {
            return self.mismatch(word, field);
        }
        self.pos += word.len();
        Ok(())
    }

    /// Goes over the end of a line.
    #[inline(always)]
    pub(super) fn eol(&mut self, field: &'static str) -> Res<()> {
        if let [b'\n', ..] = self.rest() {
            self.pos += 1;
            return Ok(());
        }
        self.eol_other(field)
    }

    #[cold]
    fn eol_other(&mut self, field: &'static str) -> Res<()> {
        match self.rest() {
            [b'\r', b'\n', ..] => {
                self.pos += 2;
                Ok(())
            }
            [] | [b'\r'] if self.ended => Err(Fail::End),
            _ => self.bad(field, ErrorKind::Number { found: Excerpt::new(self.rest()) }),
        }
    }

    /// A line that holds one word.
    #[inline(always)]
    pub(super) fn title(&mut self, word: &'static str) -> Res<()> {
        self.word(word)?;
        if let [b'\n', ..] = self.rest() {
            self.pos += 1;
            return Ok(());
        }
        match self.rest() {
            [b'\r', b'\n', ..] => self.pos += 2,
            [] | [b'\r'] if self.ended => return Err(Fail::End),
            _ => return self.unexpected(word),
        }
        Ok(())
    }

    /// Digits, at least one; the sign apart.
    #[inline(always)]
    fn digits(&mut self, field: &'static str) -> Res<(bool, u64)> {
        let rest = self.rest();
        let negative = rest.first() == Some(&b'-');
        let digits = &rest[usize::from(negative)..];
        let mut value = 0u64;
        let mut len = 0;
        for &byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            len += 1;
        }
        // 19 digits cannot overflow.
        if len == 0 || len > 19 || len == digits.len() {
            value = self.odd_digits(field, negative, len)?;
        }
        self.pos += usize::from(negative) + len;
        Ok((negative, value))
    }

    /// The rare cases: none, too many, or the recording ends with a digit.
    #[cold]
    fn odd_digits(&self, field: &'static str, negative: bool, len: usize) -> Res<u64> {
        let rest = self.rest();
        let digits = &rest[usize::from(negative)..];
        if len == digits.len() && self.ended {
            return Err(Fail::End);
        }
        let value = digits[..len]
            .iter()
            .try_fold(0u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
        match value {
            Some(value) if len > 0 => Ok(value),
            _ => self.bad(field, ErrorKind::Number { found: Excerpt::new(rest) }),
        }
    }

    /// A number within bounds; they are given as wide as any field is.
    #[inline(always)]
    pub(super) fn number(&mut self, field: &'static str, min: i64, max: i64) -> Res<i64> {
        let start = self.pos;
        let (negative, value) = self.digits(field)?;
        let signed = if negative { (value as i64).wrapping_neg() } else { value as i64 };
        if value > i64::MAX as u64 || signed < min || signed > max {
            self.pos = start;
            let value = if negative { -i128::from(value) } else { i128::from(value) };
            return self.bad(field, ErrorKind::OutOfRange { value, min, max: max as u64 });
        }
        Ok(signed)
    }

    pub(super) fn number_u64(&mut self, field: &'static str) -> Res<u64> {
        let start = self.pos;
        let (negative, value) = self.digits(field)?;
        if negative && value > 0 {
            self.pos = start;
            let value = -i128::from(value);
            return self.bad(field, ErrorKind::OutOfRange { value, min: 0, max: u64::MAX });
        }
        Ok(value)
    }

    /// A number that a 32-bit field holds; recorders print unsigned ones as if they were signed.
    #[inline(always)]
    pub(super) fn number_u32(&mut self, field: &'static str) -> Res<u32> {
        Ok(self.number(field, i64::from(i32::MIN), i64::from(u32::MAX))? as u32)
    }

    #[inline(always)]
    pub(super) fn number_i32(&mut self, field: &'static str) -> Res<i32> {
        Ok(self.number(field, i64::from(i32::MIN), i64::from(i32::MAX))? as i32)
    }

    /// Goes over the space between two numbers of a line.
    #[inline(always)]
    pub(super) fn space(&mut self, field: &'static str) -> Res<()> {
        self.more(" ", field)
    }

    #[inline(never)]
    fn value(&mut self, field: &'static str, min: i64, max: i64) -> Res<i64> {
        self.space(field)?;
        let value = self.number(field, min, max)?;
        self.eol(field)?;
        Ok(value)
    }

    /// The line `field NUMBER`, bounded.
    #[inline(always)]
    pub(super) fn int(&mut self, field: &'static str, min: i64, max: i64) -> Res<i64> {
        self.word(field)?;
        self.value(field, min, max)
    }

    #[inline(always)]
    pub(super) fn u8(&mut self, field: &'static str) -> Res<u8> {
        Ok(self.int(field, 0, 0xff)? as u8)
    }

    #[inline(always)]
    pub(super) fn u16(&mut self, field: &'static str) -> Res<u16> {
        Ok(self.int(field, 0, 0xffff)? as u16)
    }

    #[inline(always)]
    pub(super) fn u32(&mut self, field: &'static str) -> Res<u32> {
        Ok(self.int(field, i64::from(i32::MIN), i64::from(u32::MAX))? as u32)
    }

    #[inline(always)]
    pub(super) fn i32(&mut self, field: &'static str) -> Res<i32> {
        Ok(self.int(field, i64::from(i32::MIN), i64::from(i32::MAX))? as i32)
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Res<u64> {
        self.word(field)?;
        self.space(field)?;
        let value = self.number_u64(field)?;
        self.eol(field)?;
        Ok(value)
    }

    /// The line `field 0` or `field N`: whether it is not 0.
    #[inline(always)]
    pub(super) fn flag(&mut self, field: &'static str) -> Res<bool> {
        Ok(self.int(field, i64::from(i32::MIN), i64::from(u32::MAX))? != 0)
    }

    /// A number that was read last but means nothing: the error points at its line.
    #[cold]
    pub(super) fn unknown<T>(&self, offset: u64, field: &'static str, value: impl Into<i64>) -> Res<T> {
        self.bad_at(offset, field, ErrorKind::Unknown { value: value.into() })
    }

    // ---- blobs

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
    pub(super) fn blob(&mut self, name: &'static str, out: &mut Vec<u8>, room: Room) -> Res<usize> {
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
    pub(super) fn bitmap_blob(&mut self, name: &'static str) -> Res<BitmapData> {
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

    /// Passes over the next `size` bytes, without reading them if they are in a file.
    fn skip(&mut self, size: usize) -> Res<()> {
        let end = self.offset().saturating_add(size as u64);
        if let Some(storage) = &self.storage
            && size > self.end - self.pos
            && storage.len >= end
            && storage.seek(end).is_ok()
        {
            (self.base, self.pos, self.end, self.ahead) = (end, 0, 0, AHEAD);
            return Ok(());
        }
        let mut left = size;
        loop {
            let have = left.min(self.end - self.pos);
            self.pos += have;
            left -= have;
            if left == 0 {
                return Ok(());
            }
            if self.ended {
                return Err(Fail::End);
            }
            self.refill()?;
        }
    }

    /// The next `size` bytes, appended to `out`, of which `total` are expected in the end.
    fn bytes(&mut self, out: &mut Vec<u8>, size: usize, total: usize) -> Res<()> {
        let mut left = size;
        loop {
            let have = left.min(self.end - self.pos);
            grow(out, have.max(left.min(STEP)), total);
            out.extend_from_slice(&self.buf[self.pos..self.pos + have]);
            self.pos += have;
            left -= have;
            if left == 0 {
                return Ok(());
            }
            if self.ended {
                return Err(Fail::End);
            }
            if left < DIRECT {
                self.refill()?;
                continue;
            }
            // The buffer is empty here.
            let step = left.min(STEP.max(out.len()));
            grow(out, step, total);
            let before = out.len();
            let result = (&mut self.inner).take(step as u64).read_to_end(out);
            let got = out.len() - before;
            self.base += (self.pos + got) as u64;
            (self.pos, self.end) = (0, 0);
            left -= got;
            match result {
                Ok(_) => self.ended = got < step,
                Err(e) => self.io(e)?,
            }
        }
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
    pub(super) fn chunks(&mut self, name: &'static str) -> Res<Vec<u8>> {
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
    pub(super) fn bitmap_chunks(&mut self, name: &'static str, sizes: &mut Vec<u32>) -> Res<BitmapData> {
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
pub(super) enum Room {
    /// None: the bytes are passed over.
    Discard,
    /// As large as the limits allow.
    Any,
    /// What is left of a total.
    UpTo(u64),
}

/// Makes room for `needed` more bytes, and beyond that for what `total` lets expect but at most for doubling.
fn grow(out: &mut Vec<u8>, needed: usize, total: usize) {
    if out.capacity() - out.len() < needed {
        let expected = total.saturating_sub(out.len()).min(out.len().max(STEP));
        out.reserve_exact(expected.max(needed));
    }
}
