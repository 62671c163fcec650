//! Streams that several clients get alike are encoded once.

use super::hash::ContentHash;
use bytes::Bytes;
use spice_codecs::Codec;
use spice_codecs::jpeg::Subsampling;
use spice_codecs::lz::Level;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// What a stream was made of, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct StreamKey {
    pub(super) content: ContentHash,
    pub(super) codec: Codec,
    pub(super) palette: bool,
    pub(super) level: Level,
    pub(super) jpeg: Option<(u8, Subsampling)>,
}

/// A stream, or that it is no shorter than somebody wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// The stream; of JPEG-alpha, how much of it is JPEG.
    Made { data: Bytes, jpeg_bytes: usize },
    /// It takes more bytes than this.
    LongerThan(usize),
}

/// Encoded streams by the content they were made of, for all clients of a guest; clones share them. Bounded in bytes:
/// past the bound the least recently used go. What is in it never changes what is sent, only the time that it takes.
#[derive(Clone, Debug)]
pub struct SharedEncodes(Arc<Mutex<Table>>);

#[derive(Debug)]
struct Table {
    entries: HashMap<StreamKey, (Stream, u64)>,
    by_use: BTreeMap<u64, StreamKey>,
    clock: u64,
    bytes: usize,
    limit: usize,
    hits: u64,
    misses: u64,
}

/// What an entry costs beyond its stream.
const OVERHEAD: usize = 160;

fn cost(stream: &Stream) -> usize {
    OVERHEAD
        + match stream {
            Stream::Made { data, .. } => data.len(),
            Stream::LongerThan(_) => 0,
        }
}

impl SharedEncodes {
    /// Holds at most `limit` bytes; 0 shares nothing.
    pub fn new(limit: usize) -> Self {
        let (entries, by_use) = (HashMap::new(), BTreeMap::new());
        Self(Arc::new(Mutex::new(Table { entries, by_use, clock: 0, bytes: 0, limit, hits: 0, misses: 0 })))
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// How often a stream was there, and how often not.
    pub fn hits_and_misses(&self) -> (u64, u64) {
        let table = self.lock();
        (table.hits, table.misses)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream, if it is known; or that it is longer than `bound`.
    pub(super) fn find(&self, key: &StreamKey, bound: usize) -> Option<Stream> {
        let table = &mut *self.lock();
        let clock = table.clock + 1;
        let found = match table.entries.get_mut(key) {
            Some((Stream::LongerThan(n), _)) if *n < bound => None,
            Some((stream, used)) => {
                table.by_use.remove(used);
                table.by_use.insert(clock, *key);
                *used = clock;
                Some(stream.clone())
            }
            None => None,
        };
        table.clock = clock;
        match found {
            Some(_) => table.hits += 1,
            None => table.misses += 1,
        }
        found
    }

    pub(super) fn insert(&self, key: StreamKey, stream: Stream) {
        let table = &mut *self.lock();
        if let Some((old, used)) = table.entries.remove(&key) {
            table.by_use.remove(&used);
            table.bytes -= cost(&old);
        }
        if cost(&stream) > table.limit {
            return;
        }
        while table.bytes + cost(&stream) > table.limit {
            let Some((_, oldest)) = table.by_use.pop_first() else { break };
            if let Some((old, _)) = table.entries.remove(&oldest) {
                table.bytes -= cost(&old);
            }
        }
        table.clock += 1;
        table.bytes += cost(&stream);
        table.by_use.insert(table.clock, key);
        table.entries.insert(key, (stream, table.clock));
    }
}

impl Default for SharedEncodes {
    /// 16 MiB.
    fn default() -> Self {
        Self::new(16 << 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u128) -> StreamKey {
        let content = ContentHash(n);
        StreamKey { content, codec: Codec::Quic, palette: false, level: Level::Best, jpeg: None }
    }

    #[test]
    fn it_is_bounded_and_knows_what_is_too_long() {
        let shared = SharedEncodes::new(3 * (OVERHEAD + 10));
        let made = |n: u8| Stream::Made { data: vec![n; 10].into(), jpeg_bytes: 0 };
        (0..4).for_each(|n| shared.insert(key(n.into()), made(n)));
        assert_eq!(shared.find(&key(0), 100), None);
        assert_eq!(shared.find(&key(1), 100), Some(made(1)));
        shared.insert(key(9), Stream::LongerThan(50));
        assert_eq!((shared.find(&key(2), 100), shared.find(&key(1), 100)), (None, Some(made(1))));
        assert_eq!(shared.find(&key(9), 50), Some(Stream::LongerThan(50)));
        assert_eq!(shared.find(&key(9), 51), None);
        shared.insert(key(9), made(9));
        assert_eq!(shared.find(&key(9), 51), Some(made(9)));
        assert_eq!(shared.bytes(), 3 * (OVERHEAD + 10));
        assert_eq!(shared.hits_and_misses(), (4, 3));
        let none = SharedEncodes::new(0);
        none.insert(key(1), made(1));
        assert_eq!((none.find(&key(1), 100), none.bytes()), (None, 0));
    }
}
