//! The fast GLZ parse: greedy, one hash probe a pixel, one table for this image and earlier ones.

use fearless_simd::Simd;

use super::dictionary::{Entry, GlzDictionary, PLACE, hash};
use crate::EncodeError;
use crate::lz::unit::{Unit, alike, pair, same};
use crate::lz::writer::{Writer, glz_token};

/// Every how many pixels of a match one is entered into the table.
const SPARSE: usize = 16;

/// A source of a match.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// How many images back; 0 is this one.
    pub(super) images: u32,
    /// As coded: distance - 1 in this image, the pixel's index in another.
    pub(super) offset: u32,
    /// Pixels of the source image before and from the candidate on, as far as the ring goes on.
    pub(super) before: usize,
    pub(super) after: usize,
}

/// Finds out what a ring index means to the current image; remembers the last other image.
pub(super) struct Locator<'a> {
    pub(super) dictionary: &'a GlzDictionary,
    pub(super) current: Entry,
    pub(super) last: Entry,
    /// How far back in the ring the last long match in another image came from; 0 if there was none.
    back: usize,
}

impl<'a> Locator<'a> {
    pub(super) fn new(dictionary: &'a GlzDictionary, current: Entry) -> Self {
        Self { dictionary, current, last: current, back: 0 }
    }

    /// How far `at` is behind ring index `from`.
    #[inline(always)]
    fn behind(&self, at: usize, from: usize) -> usize {
        if at >= from { at - from } else { at + self.dictionary.ring.len() - from }
    }

    /// The match of pixel `i` of `px`, which has index `index` in the image, with what is at ring index `from` (any
    /// number), if it has three pixels: and its length.
    #[inline(always)]
    fn candidate<U: Unit, S: Simd>(
        &mut self,
        simd: S,
        px: &[u32],
        i: usize,
        from: usize,
        index: usize,
    ) -> Option<(Found, usize)> {
        let ring = &self.dictionary.ring[..];
        if !begins::<U>(ring, px, i, from as u32) {
            return None;
        }
        let found = self.locate(from, index)?;
        let source = ring.get(from + 3..from.saturating_add(found.after))?;
        Some((found, 3 + alike::<U, _>(simd, &px[i + 3..], source)))
    }

    /// What the pixel at ring index `at` is to pixel `index` of the current image, if it may be referred to.
    #[inline(always)]
    pub(super) fn locate(&mut self, at: usize, index: usize) -> Option<Found> {
        let to_end = self.dictionary.ring.len() - at;
        let own = self.behind(at, self.current.start);
        if own < self.current.len {
            let offset = index.checked_sub(own + 1)? as u32;
            return Some(Found { images: 0, offset, before: own.min(at), after: to_end });
        }
        let mut offset = self.behind(at, self.last.start);
        if self.last.id == self.current.id || offset >= self.last.len {
            self.last = *self.dictionary.image_at(at)?;
            offset = self.behind(at, self.last.start);
        }
        if self.last.killed || self.last.format != self.current.format {
            return None;
        }
        Some(Found {
            images: (self.current.id - self.last.id) as u32,
            offset: offset as u32,
            before: offset.min(at),
            after: to_end.min(self.last.len - offset),
        })
    }
}

/// One pass over the pixels of `entry`, the newest image of `dictionary`.
pub(super) fn pass<U: Unit>(
    dictionary: &mut GlzDictionary,
    entry: &Entry,
    row: usize,
    out: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    let mut table = std::mem::take(&mut dictionary.table);
    let (first, second) = dictionary.pieces(entry);
    let split = first.len();
    let mut locator = Locator::new(dictionary, *entry);
    locator.back = previous_like(dictionary, entry).unwrap_or(0);
    let result = crate::simd::at_level!(fearless_simd::Level::new(), simd => {
        let result = piece::<U, _>(simd, &mut locator, &mut table, first, 0, row, out);
        if result.is_err() || second.is_empty() {
            result
        } else {
            piece::<U, _>(simd, &mut locator, &mut table, second, split, row, out)
        }
    });
    dictionary.table = table;
    result
}

/// How far back in the ring the last image is that has this one's type and size.
pub(super) fn previous_like(dictionary: &GlzDictionary, entry: &Entry) -> Option<usize> {
    let like = |e: &&Entry| e.id != entry.id && e.len == entry.len && e.format == entry.format && !e.killed;
    let image = dictionary.images.iter().rev().take(64).find(like)?;
    Some((entry.start + dictionary.ring.len() - image.start) % dictionary.ring.len())
}

/// Whether three pixels from `i` on are those from `from` on, which is any number.
#[inline(always)]
fn begins<U: Unit>(ring: &[u32], px: &[u32], i: usize, from: u32) -> bool {
    let inside = u64::from(from) + 2 < ring.len() as u64;
    let from = from as usize;
    inside && pair::<U>(ring, from) == pair::<U>(px, i) && same::<U>(ring[from + 2], px[i + 2])
}

/// Codes ring indices `range`, which are the image's pixels from `index` on, in rows of `row`.
#[inline(always)]
fn piece<U: Unit, S: Simd>(
    simd: S,
    locator: &mut Locator<'_>,
    table: &mut [u32],
    range: std::ops::Range<usize>,
    index: usize,
    row: usize,
    out: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    let ring = &locator.dictionary.ring[..];
    let (begin, end) = (range.start, range.end);
    let px = &ring[..end];
    let shift = 64 - table.len().trailing_zeros();
    let mask = table.len() - 1;
    let seen = |table: &[u32], i: usize| (table[hash::<U>(px, i, shift).0 & mask] & PLACE) as usize;
    let enter = |table: &mut [u32], i: usize| {
        let (slot, bits) = hash::<U>(px, i, shift);
        table[slot & mask] = i as u32 | bits;
    };
    let mut anchor = begin;
    let mut i = begin;
    while i + 4 <= end {
        let here = pair::<U>(px, i);
        let (mut from, mut found, mut length);
        if i > begin
            && same::<U>(px[i - 1], px[i])
            && pair::<U>(px, i - 1) == here
            && same::<U>(px[i + 1], px[i + 2])
        {
            from = i - 1;
            found = Found { images: 0, offset: 0, before: i - 1 - begin, after: usize::MAX };
            length = 3 + alike::<U, _>(simd, &px[i + 3..], &px[i + 2..]);
        } else {
            let (slot, bits) = hash::<U>(px, i, shift);
            let known = std::mem::replace(&mut table[slot & mask], i as u32 | bits);
            // What the table says of other pixels is not looked at: it is mostly in no cache.
            from = if (known ^ bits) & !PLACE == 0 { (known & PLACE) as usize } else { usize::MAX };
            let place = index + (i - begin);
            let mut hit = locator.candidate::<U, _>(simd, px, i, from, place);
            if locator.back != 0 && hit.is_none_or(|(_, length)| length < SPARSE) {
                // Go on in the image that the last long match came from, rather than with what was last like this.
                let other = if i >= locator.back { i - locator.back } else { i + ring.len() - locator.back };
                let going_on = locator.candidate::<U, _>(simd, px, i, other, place);
                let shortest = hit.map_or(0, |(_, length)| length);
                if let Some(h) = going_on.filter(|(f, length)| f.images != 0 && *length > shortest) {
                    (hit, from) = (Some(h), other);
                }
            }
            if hit.is_some_and(|(f, length)| f.images != 0 && length >= SPARSE) {
                // Of an image that was itself copied, only where its matches begin and end is known: what these pixels
                // first came from is known two pixels on.
                let first = seen(table, i + 2).wrapping_sub(2);
                if first != from {
                    let older = locator.candidate::<U, _>(simd, px, i, first, place);
                    let shortest = hit.map_or(0, |(_, length)| length);
                    if let Some(h) = older.filter(|(_, length)| *length > shortest) {
                        (hit, from) = (Some(h), first);
                    }
                }
            }
            // The row above is the other place to look at; of words and bytes a token does not pay for two pixels.
            let shortest = if U::LITERAL == 3 { 2 } else { 4 };
            let known = hit.map_or(shortest - 1, |(_, length)| length);
            let mut above = 0;
            if known < SPARSE && i >= begin + row && pair::<U>(px, i - row) == here {
                above = 2 + alike::<U, _>(simd, &px[i + 2..], &px[i + 2 - row..]);
            }
            match hit {
                _ if above > known => {
                    from = i - row;
                    found =
                        Found { images: 0, offset: row as u32 - 1, before: from - begin, after: usize::MAX };
                    length = above;
                }
                Some((f, l)) => (found, length) = (f, l),
                None => {
                    i += 1;
                    continue;
                }
            }
            if found.images != 0 && length >= SPARSE {
                locator.back = if i >= from { i - from } else { i + ring.len() - from };
            }
        }
        if U::LITERAL == 1 && length < 8 {
            // If a longer match begins with the next pixel, it is worth waiting for.
            let next = seen(table, i + 1);
            let longer = locator.candidate::<U, _>(simd, px, i + 1, next, index + (i + 1 - begin));
            if longer.is_some_and(|(_, l)| l > length + usize::from(i == anchor)) {
                i += 1;
                continue;
            }
        }
        while i > anchor && found.before > 0 && same::<U>(px[i - 1], ring[from - 1]) {
            i -= 1;
            from -= 1;
            length += 1;
            found.before -= 1;
            if found.images != 0 {
                found.offset -= 1;
            }
        }
        if U::LITERAL * length < 9 && glz_token(found.images, found.offset) >= length * U::LITERAL {
            i += length;
            continue;
        }
        out.literals::<U>(px, anchor..i)?;
        out.glz_match::<U>(length, found.images, found.offset)?;
        // Sparse positions inside long matches in other images, so that their content is still known when its first source
        // has left the window: who comes near one extends the match backwards. (Within one image it costs 0.7 %.)
        if length > SPARSE && found.images != 0 {
            for k in (i + SPARSE..i + length - 2).step_by(SPARSE) {
                enter(table, k);
            }
        }
        i += length;
        anchor = i;
        if i + 2 <= end {
            enter(table, i - 2);
            if i + 3 <= end {
                enter(table, i - 1);
            }
        }
    }
    out.literals::<U>(px, anchor..px.len())
}
