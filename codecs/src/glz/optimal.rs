//! What the optimal parse needs to know of GLZ: its tokens, and matches in earlier images.

use super::dictionary::{Entry, GlzDictionary, PLACE, WAYS, hash};
use super::fast::{Locator, previous_like};
use crate::lz::finder::STRIP;
use crate::lz::lazy::Lazy;
use crate::lz::optimal::{EFFORT, Parser, Syntax};
use crate::lz::unit::{self, Unit, common, in_run, pair, same};
use crate::lz::writer::{Writer, glz_token};
use crate::{EncodeError, PixelFormat};

/// Pixels of the longer context that is looked up beside three pixels.
const LONG: usize = 7;

/// Windows up to this are searched by chains.
const SMALL: usize = 1 << 19;
/// Pixels of other images that chains know: this many times the image's own.
const KNOWN: usize = 32;
/// Places with the same two pixels that are looked at in chains.
const DEPTH: usize = 64;

/// Positions whose places are looked up at a time: their cache misses overlap.
const AHEAD: usize = 32;
/// No ring index.
const NOWHERE: u32 = u32::MAX;

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
/// since to keep them would take as much memory as the window; of large windows, where that takes too long, the dictionary
/// knows a few places of each pair instead.
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
        .map(move |place| {
            let at = self.first + place as usize - 1;
            if at >= ring { at - ring } else { at }
        })
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
    let small = dictionary.ring.len() <= SMALL;
    let chains = (best && small && U::LITERAL != 1).then(|| {
        chains.fill::<U>(dictionary, entry);
        &*chains
    });
    let pairs = best && !small && U::LITERAL != 1;
    if pairs {
        dictionary.know_pairs();
    }
    let mut index = 0;
    for range in [first, second] {
        let mut search = Search {
            locator: Locator::new(dictionary, *entry),
            oldest: dictionary.images.front().map_or(0, |e| e.start),
            earlier: dictionary.used - entry.len,
            begin: range.start,
            index,
            back: [previous_like(dictionary, entry), None, None],
            ends: [0; 3],
            pairs: if pairs { &dictionary.pairs } else { &[] },
            chains,
            places: [Places::default(); AHEAD],
            from: 0,
            to: 0,
        };
        index += range.len();
        let px = &dictionary.ring[range];
        if best {
            optimal.pass::<U, _>(px, row, EFFORT, &mut search, out)?;
        } else {
            lazy.pass::<U, _>(px, row, short, &mut search, out)?;
        }
    }
    enter::<U>(dictionary, entry, pairs);
    Ok(())
}

impl GlzDictionary {
    /// Makes the table of pairs, if there is none yet, of at most five eighths of what is left beside the other table.
    pub(super) fn know_pairs(&mut self) {
        if !self.pairs.is_empty() {
            return;
        }
        let most = self.beside_table() / 8 * 5 / size_of::<[u32; WAYS]>();
        self.pairs = vec![[PLACE; WAYS]; 1 << most.max(2).ilog2()];
        let newest = self.next_id.wrapping_sub(1);
        while self.images.len() > self.most_images() {
            self.used -= self.images.pop_front().map_or(0, |e| e.len);
        }
        self.images.shrink_to(0);
        for k in 0..self.images.len() {
            let e = self.images[k];
            match e.format {
                _ if e.id == newest => {}
                PixelFormat::Rgb16 => enter::<unit::Word>(self, &e, true),
                PixelFormat::Rgba => enter::<unit::ColourBesideAlpha>(self, &e, true),
                _ => enter::<unit::Colour>(self, &e, true),
            }
        }
    }
}

/// Enters the image's positions into the dictionary's tables, except those inside runs.
fn enter<U: Unit>(dictionary: &mut GlzDictionary, entry: &Entry, known_pairs: bool) {
    let (mut table, mut pairs) =
        (std::mem::take(&mut dictionary.table), std::mem::take(&mut dictionary.pairs));
    let (first, second) = dictionary.pieces(entry);
    let (shift, mask, buckets) = (64 - table.len().trailing_zeros(), table.len() - 1, pairs.len());
    for range in [first, second] {
        let px = &dictionary.ring[range.clone()];
        for i in 0..px.len().saturating_sub(2) {
            if in_run::<U>(px, i) {
                continue;
            }
            let place = (range.start + i) as u32;
            let (slot, bits) = hash::<U>(px, i, shift);
            table[slot & mask] = place | bits;
            if i + LONG <= px.len() {
                table[long_hash::<U>(px, i, shift) & mask] = place;
            }
            if known_pairs {
                let bucket = &mut pairs[pair_hash::<U>(px, i, buckets)];
                bucket.copy_within(0..WAYS - 1, 1);
                bucket[0] = place | third::<U>(px, i);
            }
        }
    }
    (dictionary.table, dictionary.pairs) = (table, pairs);
}

/// Which bucket the places of the two pixels from `i` on are in.
#[inline(always)]
fn pair_hash<U: Unit>(px: &[u32], i: usize, buckets: usize) -> usize {
    (pair::<U>(px, i).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - buckets.ilog2())) as usize
}

/// What a place in a bucket says of the third pixel, above the 25 bits of the place.
#[inline(always)]
fn third<U: Unit>(px: &[u32], i: usize) -> u32 {
    (px[i + 2] & U::MASK).wrapping_mul(0x9e37_79b1) & !PLACE
}

#[inline(always)]
fn long_hash<U: Unit>(px: &[u32], i: usize, shift: u32) -> usize {
    let mut v = 0u64;
    for &p in &px[i..i + LONG] {
        v = (v ^ u64::from(p & U::MASK)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    }
    (v.wrapping_mul(0xd6e8_feb8_6659_fd93) >> shift) as usize
}

/// Where the pixels of a position were seen.
#[derive(Clone, Copy, Default)]
struct Places {
    /// Three pixels, and `LONG`.
    table: [u32; 2],
    pairs: [u32; WAYS],
    /// Of the third pixel.
    third: u32,
}

/// Looks for matches in earlier images.
struct Search<'a> {
    locator: Locator<'a>,
    /// Ring index from which on there are so many pixels of earlier images.
    oldest: usize,
    earlier: usize,
    /// Ring index and index in the image of the first pixel of what is parsed.
    begin: usize,
    index: usize,
    /// How far back in the ring good matches came from: the same place of the last image like this, the last two finds;
    /// and up to where they are known to go on.
    back: [Option<usize>; 3],
    ends: [usize; 3],
    /// At the best level, where pairs of pixels are: in large windows, in small ones.
    pairs: &'a [[u32; WAYS]],
    chains: Option<&'a Chains>,
    /// What is known of positions `from..to`.
    places: [Places; AHEAD],
    from: usize,
    to: usize,
}

impl Search<'_> {
    /// Reports the match at ring index `from` if it is longer than `known`; returns its length.
    #[inline(always)]
    fn try_at<U: Unit>(
        &mut self,
        px: &[u32],
        i: usize,
        from: usize,
        known: &mut usize,
        report: &mut impl FnMut(usize, usize, Source) -> usize,
    ) -> usize {
        let ring = &self.locator.dictionary.ring[..];
        // Most candidates are no longer than what is known; whose they are need not be found out.
        let Some(&last) = ring.get(from.saturating_add(*known)) else { return 0 };
        if px.get(i + *known).is_none_or(|&p| !same::<U>(p, last)) {
            return 0;
        }
        // After a reset or an image that was taken back, places are of nobody, or of this image itself, which would be
        // compared with itself for as long as it is.
        let after_oldest =
            if from >= self.oldest { from - self.oldest } else { from + ring.len() - self.oldest };
        if after_oldest >= self.earlier {
            return 0;
        }
        let length = common::<U>(&px[i..], &ring[from..]);
        if length <= *known {
            return 0;
        }
        let Some(found) = self.locator.locate(from, self.index + i) else { return 0 };
        if found.images == 0 {
            return 0;
        }
        let length = length.min(found.after);
        *known = report(length, glz_token(found.images, found.offset), (found.images, found.offset));
        length
    }

    /// Looks up the places of `i` and of some positions behind it.
    #[inline(never)]
    fn look_up<U: Unit>(&mut self, px: &[u32], i: usize) {
        let table = &self.locator.dictionary.table[..];
        let (shift, mask) = (64 - table.len().trailing_zeros(), table.len() - 1);
        (self.from, self.to) = (i, px.len().min(i + AHEAD));
        for (i, places) in (i..self.to).zip(&mut self.places) {
            places.table = [NOWHERE; 2];
            places.pairs[0] = NOWHERE;
            if i + 3 > px.len() || in_run::<U>(px, i) {
                continue;
            }
            places.table[0] = table[hash::<U>(px, i, shift).0 & mask] & PLACE;
            if i + LONG <= px.len() {
                places.table[1] = table[long_hash::<U>(px, i, shift) & mask] & PLACE;
            }
            if !self.pairs.is_empty() {
                places.pairs = self.pairs[pair_hash::<U>(px, i, self.pairs.len())];
                places.third = third::<U>(px, i);
            }
        }
    }
}

impl Syntax for Search<'_> {
    type Source = Source;
    /// Offsets have 25 bits; a quarter of a million pixels are as many as can be searched quickly.
    const WINDOW: usize = (1 << 18) - STRIP;
    const BYTES: &'static [usize] = &[3, 4, 5, 6, 7];

    #[inline(always)]
    fn within(distance: usize) -> (usize, Source) {
        let offset = distance as u32 - 1;
        (glz_token(0, offset), (0, offset))
    }

    #[inline(always)]
    fn shifted((images, offset): Source, by: usize) -> Source {
        (images, if images == 0 { offset } else { offset + by as u32 })
    }

    #[inline(always)]
    fn write<U: Unit>(out: &mut Writer<'_>, length: usize, source: Source) -> Result<(), EncodeError> {
        out.glz_match::<U>(length, source.0, source.1)
    }

    #[inline(always)]
    fn others<U: Unit>(
        &mut self,
        px: &[u32],
        i: usize,
        mut known: usize,
        mut report: impl FnMut(usize, usize, Source) -> usize,
    ) {
        let wrap = self.locator.dictionary.ring.len();
        let here = self.begin + i;
        for k in 0..3 {
            if let Some(back) = self.back[k].filter(|_| i >= self.ends[k]) {
                let from = if here >= back { here - back } else { here + wrap - back };
                let length = self.try_at::<U>(px, i, from, &mut known, &mut report);
                self.ends[k] = i + length;
            }
        }
        if i >= self.to {
            self.look_up::<U>(px, i);
        }
        let Places { table, pairs, third } = self.places[i - self.from];
        for from in table {
            let from = from as usize;
            if self.try_at::<U>(px, i, from, &mut known, &mut report) >= 16 {
                self.back[2] = self.back[1];
                self.back[1] = Some(if here >= from { here - from } else { here + wrap - from });
                self.ends[1] = 0;
                self.ends[2] = 0;
            }
        }
        if let Some(chains) = self.chains {
            for from in chains.places::<U>(px, i, wrap).take(DEPTH) {
                if self.try_at::<U>(px, i, from, &mut known, &mut report) >= LONG * 16 {
                    break;
                }
            }
        }
        if self.pairs.is_empty() {
            return;
        }
        for (k, entry) in pairs.into_iter().enumerate() {
            if k == 0 || entry & !PLACE == third {
                self.try_at::<U>(px, i, (entry & PLACE) as usize, &mut known, &mut report);
            }
        }
    }
}
