//! The default parse of LZ and GLZ: a few candidates a token, and a look at the next pixel before one is taken.

use super::optimal::Syntax;
use super::unit::{Unit, common, in_run, same};
use super::writer::{Writer, extension};
use crate::EncodeError;

/// log2 of the entries of the tables.
const BITS: u32 = 14;
/// A match of this length is taken as it is.
const NICE: usize = 32;
/// Positions at either end of a match that are entered into the tables.
const ENTERED: usize = 12;
/// What a matched pixel is worth, in bytes. Less than a literal, since most could be part of another match.
const WORTH: isize = 2;

/// Where some numbers of pixels were last seen: the fewest that a match may have, one more, and (two places) three more.
/// Entries are positions counted on from pass to pass, so that nothing need be cleared. 256 KiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lazy {
    one: Vec<u32>,
    two: Vec<u32>,
    long: Vec<[u32; 2]>,
    base: u32,
    next_base: u32,
}

/// A match, and how many bytes it is worth.
#[derive(Clone, Copy)]
struct Match<S> {
    length: usize,
    bytes: usize,
    source: S,
    gain: isize,
}

impl Lazy {
    fn begin(&mut self, n: usize) {
        if self.long.is_empty() || u64::from(self.next_base) + n as u64 >= u64::from(u32::MAX) {
            self.next_base = 1;
            self.one = vec![0; 1 << BITS];
            self.two = vec![0; 1 << BITS];
            self.long = vec![[0; 2]; 1 << BITS];
        }
        self.base = self.next_base;
        self.next_base += n as u32;
    }

    /// Codes `px`, rows of `row` pixels, with matches of `short` pixels at least.
    pub(crate) fn pass<U: Unit, X: Syntax>(
        &mut self,
        px: &[u32],
        row: usize,
        short: usize,
        syntax: &mut X,
        out: &mut Writer<'_>,
    ) -> Result<(), EncodeError> {
        let n = px.len();
        self.begin(n);
        let last = n.saturating_sub(short + 3); // beyond it nothing is hashed
        let (mut anchor, mut i) = (0, 0);
        while i < last {
            let Some(mut m) = self.search::<U, X>(px, i, row, short, syntax) else {
                i += 1;
                continue;
            };
            while m.length < NICE && i + 1 < last {
                let Some(next) = self.search::<U, X>(px, i + 1, row, short, syntax) else { break };
                if next.gain <= m.gain {
                    break;
                }
                // The pixel that is left over may be a match of its own.
                if U::BIAS == 0 && short == 1 && m.bytes < U::LITERAL + usize::from(anchor == i) {
                    out.literals::<U>(px, anchor..i)?;
                    X::write::<U>(out, 1, m.source)?;
                    anchor = i + 1;
                }
                i += 1;
                m = next;
            }
            out.literals::<U>(px, anchor..i)?;
            X::write::<U>(out, m.length, m.source)?;
            let end = i + m.length;
            self.enter_inside::<U>(px, i + 1, end.min(last), short);
            i = end;
            anchor = end;
        }
        out.literals::<U>(px, anchor..px.len())
    }

    /// Enters the positions from `from` to `to`, of a long stretch only those near its ends, and none inside runs.
    #[inline(always)]
    fn enter_inside<U: Unit>(&mut self, px: &[u32], from: usize, to: usize, short: usize) {
        let mut i = from;
        while i < to {
            if i - from == ENTERED && to - i > ENTERED {
                i = to - ENTERED;
            }
            if !in_run::<U>(px, i) {
                self.enter::<U>(px, i, short);
            }
            i += 1;
        }
    }

    /// Enters a position; returns the former ones: two of the longest context, and one each of the others.
    #[inline(always)]
    fn enter<U: Unit>(&mut self, px: &[u32], i: usize, short: usize) -> ([u32; 2], u32, u32) {
        let now = self.base + i as u32;
        let [one, two, long] = hashes::<U>(px, i, short);
        let slot = &mut self.long[long];
        let former = *slot;
        *slot = [now, former[0]];
        (former, std::mem::replace(&mut self.two[two], now), std::mem::replace(&mut self.one[one], now))
    }

    /// Enters position `i` and finds the best match there, if one is worth its token.
    #[inline(always)]
    fn search<U: Unit, X: Syntax>(
        &mut self,
        px: &[u32],
        i: usize,
        row: usize,
        short: usize,
        syntax: &mut X,
    ) -> Option<Match<X::Source>> {
        let mut best = Match { length: 0, bytes: 0, source: X::Source::default(), gain: 0 };
        let mut consider = |length: usize, bytes: usize, source: X::Source| {
            if length >= short {
                let gain = (length * U::LITERAL.min(WORTH as usize)) as isize
                    - (bytes + extension(length - U::BIAS)) as isize;
                if gain > best.gain || best.length == 0 && gain == 0 && length * U::LITERAL > bytes {
                    best = Match { length, bytes, source, gain };
                }
            }
            length
        };
        if i > 0 && same::<U>(px[i - 1], px[i]) {
            let length = common::<U>(&px[i..], &px[i - 1..]);
            let (bytes, source) = X::within(1);
            if consider(length, bytes, source) >= NICE {
                return Some(best);
            }
        }
        let (long, two, one) = self.enter::<U>(px, i, short);
        // What is older cannot be referred to: an earlier pass, or too far.
        let now = self.base + i as u32;
        let oldest = self.base.max((now + 1).saturating_sub(X::WINDOW as u32));
        let mut near = |from: u32| {
            if from < oldest || from >= now {
                return 0;
            }
            let distance = (now - from) as usize;
            let length = common::<U>(&px[i..], &px[i - distance..]);
            let (bytes, source) = X::within(distance);
            consider(length, bytes, source)
        };
        let mut longest = near(long[0]);
        if longest < NICE {
            longest = longest.max(near(long[1]));
        }
        if i >= row && longest < NICE {
            longest = longest.max(near(now - row as u32));
        }
        if longest < short + 3 {
            near(two);
            near(one);
        }
        if longest < NICE {
            syntax.others::<U>(px, i, 0, |length, bytes, source| {
                consider(length, bytes, source);
                0
            });
        }
        (best.length > 0).then_some(best)
    }
}

/// Hashes of `short`, `short + 1` and `short + 3` pixels.
#[inline(always)]
fn hashes<U: Unit>(px: &[u32], i: usize, short: usize) -> [usize; 3] {
    let px = &px[i..i + short + 3];
    let step =
        |v: u64, p: u32| (v ^ u64::from(p & U::MASK)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let end = |v: u64| (v.wrapping_mul(0xc2b2_ae3d_27d4_eb4f) >> (64 - BITS)) as usize;
    let one = px[..short].iter().fold(0, |v, &p| step(v, p));
    let two = step(one, px[short]);
    let long = step(step(two, px[short + 1]), px[short + 2]);
    [end(one), end(two), end(long)]
}
