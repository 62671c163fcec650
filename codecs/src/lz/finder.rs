//! A match finder: where one, two, three and more pixels were seen before.

use super::unit::{Unit, common, in_run, same};

/// Positions that are entered at a time. In one tight loop the cache misses of many positions overlap.
pub(crate) const STRIP: usize = 512;
/// log2 of the most entries of a table.
const BITS: u32 = 17;
/// Pixels that the longest context spans, beyond the shortest match worth a token.
const LONG: usize = 11;

/// How hard a search tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Places with the same three pixels that are looked at.
    pub(crate) depth: usize,
    /// And of places with the same long context.
    pub(crate) long_depth: usize,
    /// Where a match goes on for so many pixels, no other is looked for.
    pub(crate) quiet: usize,
    /// A match of this length is taken as it is.
    pub(crate) nice: usize,
}

/// Contexts of one picture. `short` pixels are the shortest match that pays: of `short` and of `short + 1` pixels the last
/// place is known, of `short + 2` and of six that `short + 11` span all places, as chains from each to the one before.
///
/// Places are counted on from pass to pass, so that nothing need be cleared. Memory: at most 4 MiB of tables and 16 bytes a
/// position of the window; for small pictures in proportion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finder {
    /// The last place of each hash, and more bits of the hash: a table for each of the four contexts. Where those differ, the
    /// place has other pixels, and none is known.
    heads: [Vec<[u32; 2]>; 4],
    /// Of a place of the last contexts, the one before: rings.
    older: [Vec<u32>; 2],
    /// The last places of the first two contexts for the positions of the last strip.
    near: Vec<[u32; 2]>,
    bits: u32,
    mask: usize,
    window: usize,
    base: u32,
    next_base: u32,
    /// Positions below were entered.
    entered: usize,
}

impl Finder {
    /// Prepares for a pass over `n` pixels with distances below `window`.
    pub(crate) fn begin(&mut self, n: usize, window: usize) {
        let window = window.min(n.max(2));
        let ring = (window + STRIP).next_power_of_two();
        self.bits = (window.ilog2() + 1).clamp(8, BITS);
        if self.near.is_empty() || u64::from(self.next_base) + n as u64 >= u64::from(u32::MAX) {
            self.next_base = 1;
            self.heads.iter_mut().for_each(Vec::clear);
            self.near = vec![[0; 2]; STRIP];
        }
        if self.heads[0].len() < 1 << self.bits {
            self.heads.iter_mut().for_each(|h| h.resize(1 << self.bits, [0; 2]));
        }
        if self.older[0].len() < ring {
            self.older.iter_mut().for_each(|o| o.resize(ring, 0));
        }
        (self.mask, self.window, self.entered) = (ring - 1, window, 0);
        self.base = self.next_base;
        self.next_base += n as u32;
    }

    /// Enters the next strip, but for what is inside runs.
    #[inline(always)]
    fn enter<U: Unit>(&mut self, px: &[u32]) {
        let from = self.entered;
        let to = px.len().min(from + STRIP);
        self.entered = to;
        let (mask, base, shift) = (self.mask, self.base, 64 - self.bits);
        let heads = self.heads.each_mut().map(|h| &mut h[..1 << self.bits]);
        let [one, two, three, long] = heads;
        let [older_three, older_long] = self.older.each_mut().map(|o| &mut o[..=mask]);
        let near: &mut [[u32; 2]; STRIP] = (&mut self.near[..]).try_into().expect("sized by begin");
        for i in from..to {
            if in_run::<U>(px, i) {
                continue;
            }
            let now = base + i as u32;
            let contexts = hashes::<U>(px, i);
            let last = |heads: &mut [[u32; 2]], hash: u64| {
                let [place, tag] =
                    std::mem::replace(&mut heads[(hash >> shift) as usize], [now, hash as u32]);
                if tag == hash as u32 { place } else { 0 }
            };
            near[i % STRIP] = [last(one, contexts[0]), last(two, contexts[1])];
            older_three[now as usize & mask] = last(three, contexts[2]);
            older_long[now as usize & mask] = last(long, contexts[3]);
        }
    }

    /// Reports matches of position `i`, which is not inside a run, as length and distance: nearest first of each context,
    /// each longer than `longest` and those before. Positions of a pass are searched in ascending order.
    #[inline(always)]
    pub(crate) fn search<U: Unit>(
        &mut self,
        px: &[u32],
        i: usize,
        effort: Effort,
        mut longest: usize,
        mut report: impl FnMut(usize, usize),
    ) {
        while self.entered <= i {
            self.enter::<U>(px);
        }
        let now = self.base + i as u32;
        // What is older cannot be referred to: an earlier pass, or too far.
        let oldest = self.base.max((now + 1).saturating_sub(self.window as u32));
        for from in self.near[i % STRIP] {
            if from >= oldest && from < now {
                let distance = (now - from) as usize;
                let length = common::<U>(&px[i..], &px[i - distance..]);
                if length > longest {
                    longest = length;
                    report(length, distance);
                }
            }
        }
        for (older, steps) in self.older.iter().zip([effort.depth, effort.long_depth]) {
            let older = &older[..=self.mask];
            let mut from = older[now as usize & self.mask];
            for _ in 0..steps {
                if from < oldest || from >= now || longest >= effort.nice {
                    break;
                }
                let distance = (now - from) as usize;
                from = older[from as usize & self.mask];
                let there = &px[i - distance..];
                // Most candidates are no longer than what is known.
                if px.get(i + longest).is_none_or(|&p| !same::<U>(p, there[longest])) {
                    continue;
                }
                let length = common::<U>(&px[i..], there);
                if length > longest {
                    longest = length;
                    report(length, distance);
                }
            }
        }
    }
}

/// Hashes of the four contexts at `i`. Contexts that the picture's end cuts off are shorter.
#[inline(always)]
fn hashes<U: Unit>(px: &[u32], i: usize) -> [u64; 4] {
    let short = U::BIAS + 1;
    let step =
        |v: u64, p: u32| (v ^ u64::from(p & U::MASK)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let end = |v: u64| v.wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    if let Some(px) = px.get(i..i + short + LONG) {
        let one = px[..short].iter().fold(0, |v, &p| step(v, p));
        let two = step(one, px[short]);
        let three = step(two, px[short + 1]);
        let long = [3, 6, 10].into_iter().fold(three, |v, k| step(v, px[short + k]));
        return [end(one), end(two), end(three), end(long)];
    }
    [short, short + 1, short + 2, short + LONG]
        .map(|n| end(px[i..].iter().take(n).fold(0, |v, &p| step(v, p))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lz::unit::Colour;
    use crate::testing::each_seed;

    #[test]
    fn what_is_reported_matches_and_the_longest_is_found_where_all_places_are_looked_at() {
        let effort =
            Effort { depth: usize::MAX, long_depth: usize::MAX, quiet: usize::MAX, nice: usize::MAX };
        each_seed(60, |random| {
            let (mut sum, mut all) = (0, 0);
            let mut finder = Finder::default();
            // A pass before must not show.
            finder.begin(600, 300);
            (0..600)
                .for_each(|i| finder.search::<Colour>(&[1, 2, 3, 0, 0].repeat(120), i, effort, 0, |_, _| ()));
            let n = 1 + random.below(1500);
            let px: Vec<u32> = (0..n).map(|_| random.below(4) as u32).collect();
            let window = 2 + random.below(400);
            finder.begin(n, window);
            for i in 0..n {
                if in_run::<Colour>(&px, i) {
                    continue;
                }
                let mut longest = 0;
                finder.search::<Colour>(&px, i, effort, 0, |length, distance| {
                    assert!(distance < window.max(2) && length > longest);
                    assert_eq!(px[i..i + length], px[i - distance..i - distance + length]);
                    longest = length;
                });
                let places = (1..=i).filter(|&d| d < window && !in_run::<Colour>(&px, i - d));
                let most = places.map(|d| common::<Colour>(&px[i..], &px[i - d..])).max().unwrap_or(0);
                assert!(longest <= most);
                (sum, all) = (sum + longest, all + most);
            }
            // Another context with the same slot hides a few.
            assert!(sum * 100 + 2000 >= all * 95, "{sum} of {all}");
        });
    }
}
