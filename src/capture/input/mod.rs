//! A cursor over the bytes of a recording: lines of known words and numbers, and blobs between them.
//!
//! Recordings are mostly blobs, and otherwise millions of short lines. So lines are compared and their numbers
//! read where they lie in one large buffer, without a `String` or a copy, and blobs go from that buffer (or for
//! their bulk straight from the file) into memory of their own, once and without clearing it first.

pub(super) mod blobs;
mod text;

use super::error::{Error, ErrorKind, Excerpt};
use super::limits::Limits;
use super::storage::RecordingFile;
use flate2::Decompress;
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
}

/// Makes room for `needed` more bytes, and beyond that for what `total` lets expect but at most for doubling.
fn grow(out: &mut Vec<u8>, needed: usize, total: usize) {
    if out.capacity() - out.len() < needed {
        let expected = total.saturating_sub(out.len()).min(out.len().max(STEP));
        out.reserve_exact(expected.max(needed));
    }
}
