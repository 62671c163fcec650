//! Images and palettes that later commands mean by their id.

use super::Picture;
use crate::qxl::Palette;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// Values under ids, bounded in cost: past the bound the least recently used go.
#[derive(Clone, Debug)]
pub(crate) struct IdCache<K, V> {
    entries: HashMap<K, Entry<V>>,
    by_use: BTreeMap<u64, K>,
    clock: u64,
    cost: usize,
    limit: usize,
}

#[derive(Clone, Debug)]
struct Entry<V> {
    value: V,
    cost: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, V: Clone> IdCache<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { entries: HashMap::new(), by_use: BTreeMap::new(), clock: 0, cost: 0, limit }
    }

    /// The value under `id`, which counts as a use of it.
    pub(crate) fn get(&mut self, id: K) -> Option<V> {
        let entry = self.entries.get_mut(&id)?;
        self.by_use.remove(&entry.used);
        self.clock += 1;
        entry.used = self.clock;
        self.by_use.insert(self.clock, id);
        Some(entry.value.clone())
    }

    /// Puts a value under `id`. One that alone costs more than the limit is not kept.
    pub(crate) fn insert(&mut self, id: K, value: V, cost: usize) {
        self.remove(id);
        if cost > self.limit {
            return;
        }
        while self.cost + cost > self.limit {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            if let Some(entry) = self.entries.remove(&oldest) {
                self.cost -= entry.cost;
            }
        }
        self.clock += 1;
        self.cost += cost;
        self.by_use.insert(self.clock, id);
        self.entries.insert(id, Entry { value, cost, used: self.clock });
    }

    fn remove(&mut self, id: K) {
        if let Some(entry) = self.entries.remove(&id) {
            self.by_use.remove(&entry.used);
            self.cost -= entry.cost;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.by_use.clear();
        self.cost = 0;
    }
}

/// Images by their 64-bit id.
pub(crate) type ImageCache = IdCache<u64, Arc<Picture>>;

/// Palettes by their unique number.
pub(crate) type PaletteCache = IdCache<u64, Arc<Palette>>;

#[cfg(test)]
mod tests {
    use super::IdCache;

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut cache = IdCache::new(10);
        cache.insert(1, 'a', 4);
        cache.insert(2, 'b', 4);
        assert_eq!(cache.get(1), Some('a'));
        cache.insert(3, 'c', 4);
        assert_eq!((cache.get(1), cache.get(2), cache.get(3)), (Some('a'), None, Some('c')));
        cache.insert(4, 'd', 11);
        assert_eq!(cache.get(4), None);
        cache.insert(1, 'e', 10);
        assert_eq!((cache.get(1), cache.get(3)), (Some('e'), None));
    }
}
