//! Images and palettes that later commands mean by their id.

use super::Picture;
use crate::qxl::Palette;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

/// Values under ids, bounded in cost: past the bound the least recently used go.
#[derive(Clone, Debug)]
pub(crate) struct IdCache<K, V> {
    /// Where the entry of an id is.
    places: HashMap<K, u32, Keyed>,
    entries: Vec<Entry<K, V>>,
    /// The entry used last, and the one not used for longest; NONE if there is none.
    newest: u32,
    oldest: u32,
    /// An entry that is not in use; the others follow as its `older` ones.
    free: u32,
    cost: usize,
    limit: usize,
}

/// No entry.
const NONE: u32 = u32::MAX;

/// A value in the list of those in use, or a place for one.
#[derive(Clone, Debug)]
struct Entry<K, V> {
    id: K,
    value: Option<V>,
    cost: usize,
    /// The next one towards the newest.
    newer: u32,
    /// The next one towards the oldest.
    older: u32,
}

impl<K: Copy + Eq + Hash, V: Clone> IdCache<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        let (places, entries) = (HashMap::with_hasher(Keyed::new()), Vec::new());
        Self { places, entries, newest: NONE, oldest: NONE, free: NONE, cost: 0, limit }
    }

    /// The value under `id`, which counts as a use of it.
    pub(crate) fn get(&mut self, id: K) -> Option<V> {
        let place = *self.places.get(&id)?;
        if place != self.newest {
            self.unlink(place);
            self.link(place);
        }
        self.entries[place as usize].value.clone()
    }

    /// Puts a value under `id`. One that alone costs more than the limit is not kept.
    pub(crate) fn insert(&mut self, id: K, value: V, cost: usize) {
        self.remove(id);
        if cost > self.limit {
            return;
        }
        while self.cost + cost > self.limit && self.oldest != NONE {
            self.remove(self.entries[self.oldest as usize].id);
        }
        self.cost += cost;
        let entry = Entry { id, value: Some(value), cost, newer: NONE, older: NONE };
        let place = match self.free {
            // Each entry costs something, or is one of few.
            NONE => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
            place => {
                self.free = std::mem::replace(&mut self.entries[place as usize], entry).older;
                place
            }
        };
        self.places.insert(id, place);
        self.link(place);
    }

    fn remove(&mut self, id: K) {
        if let Some(place) = self.places.remove(&id) {
            self.unlink(place);
            let entry = &mut self.entries[place as usize];
            entry.value = None;
            entry.older = std::mem::replace(&mut self.free, place);
            self.cost -= entry.cost;
        }
    }

    /// Makes an entry that is in no list the newest.
    fn link(&mut self, place: u32) {
        let before = std::mem::replace(&mut self.newest, place);
        let entry = &mut self.entries[place as usize];
        (entry.newer, entry.older) = (NONE, before);
        match self.entries.get_mut(before as usize) {
            Some(before) => before.newer = place,
            None => self.oldest = place,
        }
    }

    /// Takes an entry out of the list.
    fn unlink(&mut self, place: u32) {
        let Entry { newer, older, .. } = self.entries[place as usize];
        match self.entries.get_mut(newer as usize) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older as usize) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.entries.clear();
        (self.newest, self.oldest, self.free) = (NONE, NONE, NONE);
        self.cost = 0;
    }
}

/// Hashes numbers that a guest chooses: by one long multiplication with a number that it cannot know. (Every second
/// command names an image; the standard hash takes as long as all else here.)
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed {
    mask: u64,
    factor: u64,
    value: u64,
}

impl Keyed {
    fn new() -> Self {
        let random = RandomState::new();
        Self { mask: random.hash_one(0u8), factor: random.hash_one(1u8) | 1, value: 0 }
    }
}

impl BuildHasher for Keyed {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Keyed {
    fn finish(&self) -> u64 {
        self.value
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, id: u64) {
        let product = u128::from(id ^ self.value ^ self.mask) * u128::from(self.factor);
        self.value = product as u64 ^ (product >> 64) as u64;
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
        cache.clear();
        cache.insert(3, 'f', 10);
        assert_eq!((cache.get(1), cache.get(3)), (None, Some('f')));
    }

    /// The obvious twin: values in a list, the last used last.
    struct Listed {
        values: Vec<(u64, u32, usize)>,
        limit: usize,
    }

    impl Listed {
        fn get(&mut self, id: u64) -> Option<u32> {
            let at = self.values.iter().position(|v| v.0 == id)?;
            let value = self.values.remove(at);
            self.values.push(value);
            Some(value.1)
        }

        fn insert(&mut self, id: u64, value: u32, cost: usize) {
            self.values.retain(|v| v.0 != id);
            if cost > self.limit {
                return;
            }
            while self.values.iter().map(|v| v.2).sum::<usize>() + cost > self.limit {
                self.values.remove(0);
            }
            self.values.push((id, value, cost));
        }
    }

    #[test]
    fn it_holds_what_a_list_in_order_of_use_holds() {
        let mut rng = crate::qxl::testing::Rng::seeded(7);
        for limit in [0, 1, 5, 40] {
            let (mut cache, mut list) = (IdCache::new(limit), Listed { values: Vec::new(), limit });
            for step in 0..20_000u32 {
                let id = rng.range(0, 12) as u64;
                if rng.range(0, 2) == 0 {
                    let cost = rng.range(0, 9) as usize;
                    cache.insert(id, step, cost);
                    list.insert(id, step, cost);
                } else {
                    assert_eq!(cache.get(id), list.get(id), "step {step}");
                }
                assert!(cache.cost <= limit && cache.entries.len() <= 13);
                assert_eq!(cache.places.len(), list.values.len());
            }
        }
    }
}
