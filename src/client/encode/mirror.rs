//! What a client holds in a cache, as this side knows it.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Set in every id that is given out here, so that none meets a guest's.
pub const OWN_ID: u64 = 1 << 63;

/// How many of the last uses are safe from eviction: all images of one message.
const RECENT: u64 = 4;

/// The mirror of a client's cache: the client puts what it is told to put and drops what it is told to drop, so both
/// hold the same. Bounded in cost; past the bound the least recently used go, except for the last four used, which a
/// message that is being made may still name.
#[derive(Clone, Debug)]
pub struct CacheMirror<K> {
    entries: HashMap<K, Entry>,
    by_use: BTreeMap<u64, K>,
    clock: u64,
    next_id: u64,
    cost: u64,
    limit: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: u64,
    cost: u64,
    used: u64,
}

/// A mirror as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorState<K> {
    /// The id that the next entry gets.
    pub next_id: u64,
    /// The most that entries may cost together.
    pub limit: u64,
    /// Key, id and cost of each entry, the least recently used first.
    pub entries: Vec<(K, u64, u64)>,
}

impl<K: Clone + Eq + Hash> CacheMirror<K> {
    /// An empty mirror; `limit` 0 means that the client has no such cache.
    pub fn new(limit: u64) -> Self {
        let (entries, by_use) = (HashMap::new(), BTreeMap::new());
        Self { entries, by_use, clock: RECENT, next_id: OWN_ID, cost: 0, limit }
    }

    /// The most that entries may cost together: pixels, or 1 for each palette.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// What the entries cost together.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// Entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the client holds it. No use of it.
    pub fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// The id under which the client holds it. A use of it.
    pub fn find(&mut self, key: &K) -> Option<u64> {
        let entry = self.entries.get_mut(key)?;
        let key = self.by_use.remove(&entry.used)?;
        self.clock += 1;
        entry.used = self.clock;
        self.by_use.insert(self.clock, key);
        Some(entry.id)
    }

    /// The id under which the client shall keep something new; ids of what it must drop *before* go to `dropped`.
    /// `None` if it is too large for the cache, or if only what was used just now could make room.
    ///
    /// The key must not be held already: see [`Self::find`].
    pub fn insert(&mut self, key: K, cost: u64, dropped: &mut Vec<u64>) -> Option<u64> {
        debug_assert!(!self.contains(&key));
        if cost > self.limit {
            return None;
        }
        while self.cost + cost > self.limit {
            let oldest = self.by_use.first_entry()?;
            if oldest.key() + RECENT > self.clock {
                return None;
            }
            let gone = self.entries.remove(&oldest.remove())?;
            self.cost -= gone.cost;
            dropped.push(gone.id);
        }
        let id = self.next_id;
        self.next_id += 1;
        self.clock += 1;
        self.cost += cost;
        self.by_use.insert(self.clock, key.clone());
        self.entries.insert(key, Entry { id, cost, used: self.clock });
        Some(id)
    }

    /// Forgets everything, as the client did. Ids go on.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.by_use.clear();
        self.cost = 0;
    }

    /// Its state as plain data.
    pub fn save(&self) -> MirrorState<K> {
        let entry = |key: &K| self.entries.get(key).map(|e| (key.clone(), e.id, e.cost));
        let entries = self.by_use.values().filter_map(entry).collect();
        MirrorState { next_id: self.next_id, limit: self.limit, entries }
    }

    /// The mirror of a saved state. Entries that repeat a key or that do not fit are left out, so the state may come
    /// from anywhere; ids go on above all of them.
    pub fn restore(state: MirrorState<K>) -> Self {
        let mut mirror = Self::new(state.limit);
        for (key, id, cost) in state.entries {
            let fits = mirror.cost.checked_add(cost).is_some_and(|sum| sum <= mirror.limit);
            if !fits || mirror.contains(&key) {
                continue;
            }
            mirror.clock += 1;
            mirror.cost += cost;
            mirror.by_use.insert(mirror.clock, key.clone());
            mirror.entries.insert(key, Entry { id, cost, used: mirror.clock });
            mirror.next_id = mirror.next_id.max(id.saturating_add(1));
        }
        mirror.next_id = mirror.next_id.max(state.next_id);
        mirror
    }

    /// The ids held, ascending.
    pub fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.entries.values().map(|e| e.id).collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first_but_not_the_last_four() {
        let mut mirror = CacheMirror::new(6);
        let mut dropped = Vec::new();
        for key in 0..6 {
            assert_eq!(mirror.insert(key, 1, &mut dropped), Some(OWN_ID + key));
        }
        assert_eq!((mirror.find(&0), mirror.find(&9)), (Some(OWN_ID), None));
        assert_eq!(mirror.insert(6, 2, &mut dropped), Some(OWN_ID + 6));
        assert_eq!(dropped, [OWN_ID + 1, OWN_ID + 2]);
        assert_eq!(mirror.insert(7, 7, &mut dropped), None);
        assert_eq!((mirror.cost(), mirror.len()), (6, 5));
        // 5, 0, 6 and the new one were used last: nothing can make room for two.
        assert_eq!(mirror.insert(8, 6, &mut dropped), None);
        mirror.clear();
        assert_eq!((mirror.cost(), mirror.len()), (0, 0));
        assert_eq!(mirror.insert(8, 6, &mut dropped), Some(OWN_ID + 7));
    }

    #[test]
    fn a_saved_mirror_goes_on_as_the_first() {
        let mut first = CacheMirror::new(10);
        let mut dropped = Vec::new();
        (0..30u32).for_each(|key| {
            if first.find(&(key % 13)).is_none() {
                first.insert(key % 13, 1 + u64::from(key % 3), &mut dropped);
            }
        });
        let mut second = CacheMirror::restore(first.save());
        assert_eq!(second.save(), first.save());
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for key in 100..110 {
            assert_eq!(first.insert(key, 1, &mut a), second.insert(key, 1, &mut b));
        }
        assert_eq!(a, b);
        let hostile =
            MirrorState { next_id: 0, limit: 5, entries: vec![(1, 7, 5), (1, 8, 0), (2, 9, u64::MAX)] };
        assert_eq!(CacheMirror::restore(hostile).ids(), [7]);
    }
}
