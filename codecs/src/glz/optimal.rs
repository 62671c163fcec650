//! What the optimal parse needs to know of GLZ: its tokens, and matches in earlier images.

use super::dictionary::{Entry, GlzDictionary};
use super::fast::{Locator, hash, previous_like};
use crate::EncodeError;
use crate::lz::lazy::Lazy;
use crate::lz::optimal::{Parser, Syntax, effort, in_run};
use crate::lz::unit::{Unit, common, pair, same};
use crate::lz::writer::{Writer, glz_token};

/// Pixels of the longer context that is looked up beside three pixels.
const LONG: usize = 7;

/// Pixels of other images that the best level knows pair by pair: this many times the image's own.
const KNOWN: usize = 32;
/// Places with the same two pixels that it looks at.
const DEPTH: usize = 64;

/// Where a match comes from: how many images back, and the offset as coded.
pub(super) type Source = (u32, u32);

/// Scratch memory of both levels.
#[derive(Clone, Debug, Default)]
pub(super) struct Parsers {
    lazy: Lazy,
    optimal: Parser<Source>,
    chains: Chains,
}

/// Where in the newest images there are which two pixels: chains from the newest place to the oldest. Rebuilt for each image,
/// since to keep them would take as much memory as the window.
#[derive(Clone, Debug, Default)]
struct Chains {
    /// Ring index of the first place.
    first: usize,
    /// Number of the newest place with a hash, and of the next older one, counted from `first` on; 0 is none.
    heads: Vec<u32>,
    older: Vec<u32>,
}

impl Chains {
    fn hash<U: Unit>(&self, px: &[u32], i: usize) -> usize {
        let bits = self.heads.len().ilog2();
        (pair::<U>(px, i).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize
    }

    /// Enters the images that `entry`, the newest, may refer to, as far back as pays.
    fn fill<U: Unit>(&mut self, dictionary: &GlzDictionary, entry: &Entry) {
        self.heads.clear();
        self.older.clear();
        let most = (entry.len * KNOWN).min(dictionary.ring.len());
        let mut sum = entry.len;
        let images = dictionary.images.iter().rev().take_while(|e| {
            sum += if e.id == entry.id { 0 } else { e.len };
            sum <= most
        });
        let images = dictionary.images.range(dictionary.images.len() - images.count()..);
        let Some(oldest) = images.clone().next().filter(|e| e.id != entry.id) else { return };
        self.first = oldest.start;
        // As many as there may be places, since to clear them takes time too.
        self.heads.resize(most.next_power_of_two().clamp(1 << 8, 1 << 17), 0);
        for e in images.filter(|e| e.id != entry.id) {
            let (a, b) = dictionary.pieces(e);
            for range in [a, b] {
                let px = &dictionary.ring[range.clone()];
                for i in 0..px.len() {
                    let place = self.older.len() as u32 + 1;
                    let mut older = 0;
                    if i + 2 <= px.len() && !e.killed && e.format == entry.format && !in_run::<U>(px, i) {
                        let slot = self.hash::<U>(px, i);
                        older = std::mem::replace(&mut self.heads[slot], place);
                    }
                    self.older.push(older);
                }
            }
        }
    }

    /// Ring indices of places with the two pixels from `i` on, newest first.
    fn places<U: Unit>(&self, px: &[u32], i: usize, ring: usize) -> impl Iterator<Item = usize> {
        let known = i + 2 <= px.len() && !self.heads.is_empty();
        let some = |place: u32| (place != 0).then_some(place);
        std::iter::successors(
            known.then(|| self.heads[self.hash::<U>(px, i)]).and_then(some),
            move |&place| some(self.older[place as usize - 1]),
        )
        .map(move |place| (self.first + place as usize - 1) % ring)
    }
}

/// One pass over the pixels of `entry`, the newest image of `dictionary`, whose rows have `row` pixels.
pub(super) fn pass<U: Unit>(
    parsers: &mut Parsers,
    dictionary: &mut GlzDictionary,
    entry: &Entry,
    row: usize,
    best: bool,
    out: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    // With three bytes at least a token pays from two pixels on, of alpha from four.
    let short = if U::LITERAL == 1 { 4 } else { 2 };
    let (first, second) = dictionary.pieces(entry);
    let Parsers { lazy, optimal, chains } = parsers;
    let chains = (best && U::LITERAL != 1).then(|| {
        chains.fill::<U>(dictionary, entry);
        &*chains
    });
    let mut index = 0;
    for range in [first, second] {
        let locator = Locator::new(dictionary, *entry);
        let mut search = Search {
            table: &dictionary.table,
            begin: range.start,
            index,
            shift: 64 - dictionary.table.len().trailing_zeros(),
            back: [previous_like(dictionary, entry), None, None],
            locator,
            chains,
        };
        index += range.len();
        let px = &dictionary.ring[range];
        if best {
            // Beside other matches a token of three bytes even pays for one pixel of three.
            let short = if U::LITERAL == 3 { 1 } else { short };
            optimal.pass::<U, _>(px, row, effort(short), &mut search, out)?;
        } else {
            lazy.pass::<U, _>(px, row, short, &mut search, out)?;
        }
    }
    enter::<U>(dictionary, entry);
    Ok(())
}

/// Enters the image's positions into the dictionary's table, except those inside runs.
fn enter<U: Unit>(dictionary: &mut GlzDictionary, entry: &Entry) {
    let mut table = std::mem::take(&mut dictionary.table);
    let (first, second) = dictionary.pieces(entry);
    let (shift, mask) = (64 - table.len().trailing_zeros(), table.len() - 1);
    for range in [first, second] {
        let px = &dictionary.ring[range.clone()];
        for i in 0..px.len().saturating_sub(2) {
            if in_run::<U>(px, i) {
                continue;
            }
            table[hash::<U>(px, i, shift) & mask] = (range.start + i) as u32;
            if i + LONG <= px.len() {
                table[long_hash::<U>(px, i, shift) & mask] = (range.start + i) as u32;
            }
        }
    }
    dictionary.table = table;
}

#[inline(always)]
fn long_hash<U: Unit>(px: &[u32], i: usize, shift: u32) -> usize {
    let mut v = 0u64;
    for &p in &px[i..i + LONG] {
        v = (v ^ u64::from(p & U::MASK)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    }
    (v.wrapping_mul(0xd6e8_feb8_6659_fd93) >> shift) as usize
}

/// Looks for matches in earlier images.
struct Search<'a> {
    locator: Locator<'a>,
    table: &'a [u32],
    /// Ring index and index in the image of the first pixel of what is parsed.
    begin: usize,
    index: usize,
    shift: u32,
    /// How far back in the ring good matches came from: the same place of the last image like this, the last two finds.
    back: [Option<usize>; 3],
    /// At the best level, where pairs of pixels are.
    chains: Option<&'a Chains>,
}

impl Search<'_> {
    /// Reports the match at ring index `from`; returns its length.
    #[inline(always)]
    fn try_at<U: Unit>(
        &mut self,
        px: &[u32],
        i: usize,
        from: usize,
        report: &mut impl FnMut(usize, usize, Source),
    ) -> usize {
        let ring = &self.locator.dictionary.ring[..];
        if from >= ring.len() || !same::<U>(ring[from], px[i]) {
            return 0;
        }
        let Some(found) = self.locator.locate(from, self.index + i) else { return 0 };
        if found.images == 0 {
            return 0;
        }
        let length = common::<U>(&px[i..], &ring[from..from + found.after]);
        report(length, glz_token(found.images, found.offset), (found.images, found.offset));
        length
    }
}

impl Syntax for Search<'_> {
    type Source = Source;
    /// Offsets have 25 bits; a quarter of a million pixels are as many as a tree holds quickly.
    const WINDOW: usize = 1 << 18;

    #[inline(always)]
    fn within(distance: usize) -> (usize, Source) {
        let offset = distance as u32 - 1;
        (glz_token(0, offset), (0, offset))
    }

    #[inline(always)]
    fn write<U: Unit>(out: &mut Writer<'_>, length: usize, source: Source) -> Result<(), EncodeError> {
        out.glz_match::<U>(length, source.0, source.1)
    }

    #[inline(always)]
    fn others<U: Unit>(&mut self, px: &[u32], i: usize, mut report: impl FnMut(usize, usize, Source)) {
        let wrap = self.locator.dictionary.ring.len();
        let here = self.begin + i;
        for k in 0..3 {
            if let Some(back) = self.back[k] {
                let from = if here >= back { here - back } else { here + wrap - back };
                self.try_at::<U>(px, i, from, &mut report);
            }
        }
        let mask = self.table.len() - 1;
        let slots = [
            (i + 3 <= px.len()).then(|| hash::<U>(px, i, self.shift)),
            (i + LONG <= px.len()).then(|| long_hash::<U>(px, i, self.shift)),
        ];
        for slot in slots.into_iter().flatten() {
            let from = self.table[slot & mask] as usize;
            let back = (here + wrap - from) % wrap;
            if self.back.contains(&Some(back)) {
                continue;
            }
            if self.try_at::<U>(px, i, from, &mut report) >= 16 {
                self.back[2] = self.back[1];
                self.back[1] = Some(back);
            }
        }
        let Some(chains) = self.chains else { return };
        for from in chains.places::<U>(px, i, wrap).take(DEPTH) {
            if self.try_at::<U>(px, i, from, &mut report) >= LONG * 16 {
                break;
            }
        }
    }
}
