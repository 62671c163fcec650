//! Words in memory from the start of a cache line on.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vector there is.
const LINE: usize = 64;

/// A slice of words that starts with a cache line. Vectors that straddle lines cost up to twice; a plain `Vec` of
/// any size worth the name starts 16 bytes into a line.
#[derive(Default)]
pub(crate) struct AlignedWords {
    /// INVARIANT: never reallocated but by replacing the whole value, so that `start` stays right.
    words: Vec<u32>,
    start: usize,
    len: usize,
}

impl AlignedWords {
    /// All zero.
    pub(crate) fn zeroed(len: usize) -> Self {
        if len == 0 {
            return Self::default();
        }
        let words = vec![0; len + LINE / 4 - 1];
        // Where the position cannot be had (never on real machines), any start is right, only slower.
        let start = words.as_ptr().align_offset(LINE).min(LINE / 4 - 1);
        Self { words, start, len }
    }

    /// Makes it `len` words long; their values are whatever was there.
    pub(crate) fn set_len(&mut self, len: usize) {
        if self.start + len > self.words.len() {
            *self = Self::zeroed(len);
        }
        self.len = len;
    }
}

impl Deref for AlignedWords {
    type Target = [u32];

    #[inline]
    fn deref(&self) -> &[u32] {
        &self.words[self.start..self.start + self.len]
    }
}

impl DerefMut for AlignedWords {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u32] {
        &mut self.words[self.start..self.start + self.len]
    }
}

impl Clone for AlignedWords {
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl PartialEq for AlignedWords {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for AlignedWords {}

impl fmt::Debug for AlignedWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedWords({} words)", self.len)
    }
}
