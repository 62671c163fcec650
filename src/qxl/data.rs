//! The bytes of bitmaps: in memory, or left where they were recorded.

use bytes::Bytes;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Something that bytes can be read from at any time, by any thread: a recording's file.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Fills `out` with the bytes from `offset` on.
    ///
    /// # Errors
    /// If they cannot be read; then `out` holds anything.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
}

/// Bytes that are read when they are needed, and not kept.
#[derive(Clone, Debug)]
pub struct Stored {
    storage: Arc<dyn Storage>,
    pieces: Arc<[Piece]>,
    len: usize,
}

/// Bytes that follow each other in a [`Storage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where the first of them is.
    pub offset: u64,
    /// How many there are.
    pub len: usize,
}

impl Stored {
    /// The bytes of all the pieces, joined.
    pub fn new(storage: Arc<dyn Storage>, pieces: &[Piece]) -> Self {
        let len = pieces.iter().map(|piece| piece.len).sum();
        Self { storage, pieces: pieces.into(), len }
    }

    /// Fills `out` with the bytes from number `from` on.
    ///
    /// # Errors
    /// If they cannot be read, or are not that many; then `out` holds anything.
    pub fn read(&self, from: usize, mut out: &mut [u8]) -> io::Result<()> {
        let mut skip = from;
        for piece in self.pieces.iter() {
            let start = skip.min(piece.len);
            skip -= start;
            let (now, later) = out.split_at_mut(out.len().min(piece.len - start));
            if !now.is_empty() {
                self.storage.read_at(piece.offset + start as u64, now)?;
            }
            out = later;
        }
        if out.is_empty() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// Equal if they are the same bytes of the same storage; what those are is not looked at.
impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        Arc::as_ptr(&self.storage).addr() == Arc::as_ptr(&other.storage).addr() && self.pieces == other.pieces
    }
}

impl Eq for Stored {}

/// A bitmap's bytes.
///
/// Readers of recordings leave bitmaps in the file only where they were asked to; a guest's commands and those made by
/// hand (`From<Vec<u8>>`, `From<Bytes>`) always have them in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BitmapData {
    /// In memory.
    Held(Bytes),
    /// In a file.
    Stored(Stored),
}

impl BitmapData {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Held(bytes) => bytes.len(),
            Self::Stored(stored) => stored.len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of them are in memory.
    pub fn held(&self) -> usize {
        match self {
            Self::Held(bytes) => bytes.len(),
            Self::Stored(_) => 0,
        }
    }

    /// The bytes, read if they are not in memory.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn bytes(&self) -> io::Result<Bytes> {
        match self {
            Self::Held(bytes) => Ok(bytes.clone()),
            Self::Stored(stored) => {
                let mut out = vec![0; stored.len];
                stored.read(0, &mut out)?;
                Ok(out.into())
            }
        }
    }
}

impl From<Bytes> for BitmapData {
    fn from(bytes: Bytes) -> Self {
        Self::Held(bytes)
    }
}

impl From<Vec<u8>> for BitmapData {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Held(bytes.into())
    }
}
