//! A match finder: binary search trees of positions, one for each hash of the pixels there.

use super::unit::{Unit, common};

const HASH_BITS: u32 = 18;
const SHORT_BITS: u32 = 18;

/// What a pass looks for. Hashes of `short`, `short + 1` and `short + 2` pixels are kept: the last position of each of the
/// former two, a tree for the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Pixels of the shortest match worth a token.
    pub(crate) short: usize,
    /// Steps down a tree.
    pub(crate) depth: usize,
    /// A match of this length is taken as it is.
    pub(crate) nice: usize,
}

/// Trees over one picture. Memory: 8 bytes a position of the window, 3 MiB of tables.
///
/// A node's position is later than its children's, so the walk meets near candidates first, and the pixels from a node on
/// sort between those of its children. Positions are counted on from pass to pass, so that nothing need be cleared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    roots: Vec<u32>,
    one: Vec<u32>,
    two: Vec<u32>,
    children: Vec<[u32; 2]>,
    base: u32,
    next_base: u32,
    window: usize,
}

impl Tree {
    /// Prepares for a pass over `n` pixels with distances below `window`.
    pub(crate) fn begin(&mut self, n: usize, window: usize) {
        let window = window.min(n.max(2));
        let ring = window.next_power_of_two();
        if self.roots.is_empty() || u64::from(self.next_base) + n as u64 >= u64::from(u32::MAX) {
            self.next_base = 1;
            self.roots.clear();
            self.one.clear();
            self.two.clear();
            self.roots.resize(1 << HASH_BITS, 0);
            self.one.resize(1 << SHORT_BITS, 0);
            self.two.resize(1 << SHORT_BITS, 0);
        }
        if self.children.len() < ring {
            self.children.resize(ring, [0; 2]);
        }
        self.window = window;
        self.base = self.next_base;
        self.next_base += n as u32;
    }

    /// Enters position `i` and, if `find`, reports candidates as length and distance, nearest first, each longer than
    /// those before. A length is not more than `effort.nice` and may go on beyond that.
    #[inline(always)]
    pub(crate) fn enter<U: Unit>(
        &mut self,
        px: &[u32],
        i: usize,
        effort: Effort,
        find: bool,
        mut report: impl FnMut(usize, usize),
    ) {
        let key = effort.short + 2;
        let limit = effort.nice.min(px.len() - i);
        if limit < key {
            return;
        }
        let now = self.base + i as u32;
        // What is older cannot be referred to: an earlier pass, or too far.
        let oldest = self.base.max((now + 1).saturating_sub(self.window as u32));
        let mut longest = effort.short - 1;
        for (slots, pixels) in [(&mut self.one, effort.short), (&mut self.two, effort.short + 1)] {
            let from = std::mem::replace(&mut slots[hash::<U>(px, i, pixels, SHORT_BITS)], now);
            if find && from >= oldest && from != now {
                let distance = (now - from) as usize;
                let length = common::<U>(&px[i..i + limit], &px[i - distance..i]).min(limit);
                if length > longest {
                    longest = length;
                    report(length, distance);
                }
            }
        }
        let mask = self.children.len() - 1;
        let root = &mut self.roots[hash::<U>(px, i, key, HASH_BITS)];
        let mut node = std::mem::replace(root, now);
        // Where the next smaller and the next larger node go: an entry's child 0 is smaller.
        let (mut smaller, mut larger) = ((now as usize & mask, 0), (now as usize & mask, 1));
        let (mut known_smaller, mut known_larger) = (0, 0);
        let mut steps = effort.depth;
        let mut longest_seen = 0;
        loop {
            if node < oldest || node == now || steps == 0 {
                self.children[smaller.0][smaller.1] = 0;
                self.children[larger.0][larger.1] = 0;
                return;
            }
            steps -= 1;
            let distance = (now - node) as usize;
            let from = i - distance;
            let known = known_smaller.min(known_larger);
            let length = known + common::<U>(&px[i + known..i + limit], &px[from + known..]);
            if length > longest_seen {
                longest_seen = length;
                if find && length > longest {
                    report(length, distance);
                }
            }
            let at = node as usize & mask;
            if length == limit {
                let [a, b] = self.children[at];
                self.children[smaller.0][smaller.1] = a;
                self.children[larger.0][larger.1] = b;
                return;
            }
            if px[from + length] & U::MASK < px[i + length] & U::MASK {
                self.children[smaller.0][smaller.1] = node;
                smaller = (at, 1);
                known_smaller = length;
                node = self.children[at][1];
            } else {
                self.children[larger.0][larger.1] = node;
                larger = (at, 0);
                known_larger = length;
                node = self.children[at][0];
            }
        }
    }
}

#[inline(always)]
fn hash<U: Unit>(px: &[u32], i: usize, pixels: usize, bits: u32) -> usize {
    let mut v = 0u64;
    for &p in &px[i..i + pixels] {
        v = (v ^ u64::from(p & U::MASK)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    (v.wrapping_mul(0xc2b2_ae3d_27d4_eb4f) >> (64 - bits)) as usize
}
