//! The optimal parse of LZ and GLZ: the cheapest sequence of tokens, by dynamic programming over positions.

use super::finder::{Effort, Finder};
use super::unit::{Unit, common, in_run, same};
use super::writer::{Writer, extension};
use crate::EncodeError;

/// Positions that are parsed at a time.
const BLOCK: usize = 1 << 12;
/// A byte, in units of cost. Each token costs one unit beyond its bytes: of two parses with as many bytes, the one with
/// fewer tokens decodes faster.
const BYTE: u32 = 16;
const NEVER: u32 = u32::MAX / 2;
/// Match tokens take 2 to 7 bytes without the extension of their length.
const CLASSES: usize = 8;
/// Every how many positions it is seen to whether the stream can still stay within its bound.
const LOOK: usize = 128;

/// The token syntax of LZ or GLZ, and matches outside the picture.
pub(crate) trait Syntax {
    /// Where a match comes from.
    type Source: Copy + Default;
    /// Farthest distance plus one in the picture.
    const WINDOW: usize;
    /// Bytes that match tokens may take without the extension of their length, ascending.
    const BYTES: &'static [usize];
    /// Bytes of a match from `distance` pixels back, without the extension of its length, and the source.
    fn within(distance: usize) -> (usize, Self::Source);
    /// The source `by` pixels on.
    fn shifted(source: Self::Source, by: usize) -> Self::Source;
    /// Writes a match.
    fn write<U: Unit>(out: &mut Writer<'_>, length: usize, source: Self::Source) -> Result<(), EncodeError>;
    /// Reports matches of pixel `i` in other pictures: length, bytes of the token, source. `known` is the length of a
    /// match that is as cheap as any; so is what `report` returns.
    fn others<U: Unit>(
        &mut self,
        px: &[u32],
        i: usize,
        known: usize,
        report: impl FnMut(usize, usize, Self::Source) -> usize,
    );
}

/// Reused memory of the parse.
#[derive(Clone, Debug)]
pub(crate) struct Parser<S> {
    finder: Finder,
    nodes: Vec<Node<S>>,
    path: Vec<(usize, usize, S)>,
}

impl<S> Default for Parser<S> {
    fn default() -> Self {
        Self { finder: Finder::default(), nodes: Vec::new(), path: Vec::new() }
    }
}

/// The cheapest ways to get to a position.
#[derive(Clone, Copy, Debug, Default)]
struct Node<S> {
    /// Cost with a match as the last token, its length and source.
    matched: u32,
    length: u32,
    source: S,
    /// Cost with a literal as the last token; literals in its run so far, modulo 32; whether the run began here.
    literal: u32,
    run: u8,
    begins: bool,
}

/// Matches that go on: of tokens of each size the one that ends last, where it ends, where it was found, its source
/// there. What matches here matches one pixel on too, one pixel shorter.
#[derive(Clone, Copy)]
struct Found<S> {
    ends: [usize; CLASSES],
    begins: [usize; CLASSES],
    sources: [S; CLASSES],
}

impl<S: Copy + Default> Found<S> {
    fn none() -> Self {
        Self { ends: [0; CLASSES], begins: [0; CLASSES], sources: [S::default(); CLASSES] }
    }

    #[inline(always)]
    fn add(&mut self, i: usize, length: usize, bytes: usize, source: S) {
        if i + length > self.ends[bytes] {
            (self.ends[bytes], self.begins[bytes], self.sources[bytes]) = (i + length, i, source);
        }
    }

    /// Pixels from `i` on of the match that goes on longest.
    #[inline(always)]
    fn longest<X: Syntax>(&self, i: usize) -> usize {
        X::BYTES.iter().map(|&b| self.ends[b]).max().unwrap_or(0).saturating_sub(i)
    }
}

/// The last of those nodes that it costs least to get to.
fn cheapest<S>(nodes: &[Node<S>]) -> usize {
    let cost = |k: usize| nodes[k].matched.min(nodes[k].literal);
    (0..nodes.len()).min_by_key(|&k| (cost(k), std::cmp::Reverse(k))).unwrap_or(0)
}

/// How hard the best level tries.
pub(crate) const EFFORT: Effort = Effort { depth: 16, long_depth: 16, quiet: 32, nice: 128 };

impl<S: Copy + Default> Parser<S> {
    /// Codes `px`, rows of `row` pixels.
    pub(crate) fn pass<U: Unit, X: Syntax<Source = S>>(
        &mut self,
        px: &[u32],
        row: usize,
        effort: Effort,
        syntax: &mut X,
        out: &mut Writer<'_>,
    ) -> Result<(), EncodeError> {
        let n = px.len();
        self.finder.begin(n, X::WINDOW);
        self.nodes.resize(BLOCK + effort.nice + 1, Node::default());
        let mut found = Found::none();
        let mut anchor = 0;
        let mut begin = 0;
        // The match with the row above was seen to go on up to here.
        let mut above = row;
        while begin < n {
            let end = n.min(begin + BLOCK);
            let range = begin..end;
            let (stop, long) =
                self.forward::<U, X>(px, range, anchor, row, effort, &mut found, &mut above, syntax, out)?;
            self.trace::<X>(begin, stop);
            for &(at, length, source) in self.path.iter().rev() {
                out.literals::<U>(px, anchor..at)?;
                X::write::<U>(out, length, source)?;
                anchor = at + length;
            }
            begin = stop;
            if let Some((length, source)) = long {
                out.literals::<U>(px, anchor..stop)?;
                X::write::<U>(out, length, source)?;
                anchor = stop + length;
                begin = anchor;
            }
        }
        out.literals::<U>(px, anchor..px.len())
    }

    /// Finds the cheapest ways to all positions of a block, and where to stop: behind it, or at a position with a match
    /// that is long enough to be taken as it is, which is returned too.
    #[allow(clippy::too_many_arguments, reason = "one caller")]
    #[inline(always)]
    fn forward<U: Unit, X: Syntax<Source = S>>(
        &mut self,
        px: &[u32],
        block: std::ops::Range<usize>,
        anchor: usize,
        row: usize,
        effort: Effort,
        found: &mut Found<S>,
        above: &mut usize,
        syntax: &mut X,
        out: &Writer<'_>,
    ) -> Result<(usize, Option<(usize, S)>), EncodeError> {
        let begin = block.start;
        let (cheap, cheap_source) = X::within(1);
        let nodes = &mut self.nodes[..];
        // Nodes up to here have been cleared; not the whole block, since a long match may end it soon.
        let mut cleared = 0;
        let clear = |nodes: &mut [Node<S>], cleared: &mut usize, to: usize| {
            while *cleared <= to {
                nodes[*cleared].matched = NEVER;
                nodes[*cleared].literal = NEVER;
                *cleared += 1;
            }
        };
        clear(nodes, &mut cleared, 0);
        let pending = begin - anchor;
        if pending == 0 {
            nodes[0].matched = 0;
        } else {
            nodes[0].literal = 0;
            nodes[0].run = (pending % 32) as u8;
        }
        for i in block.clone() {
            let at = i - begin;
            let node = nodes[at];
            // A literal.
            let begun = node.matched + BYTE + 1;
            let went_on = node.literal + if node.run == 0 { BYTE + 1 } else { 0 };
            clear(nodes, &mut cleared, at + 1);
            let next = &mut nodes[at + 1];
            let begins = begun < went_on;
            next.literal = begun.min(went_on) + U::LITERAL as u32 * BYTE;
            next.run = if begins { 1 } else { (node.run + 1) % 32 };
            next.begins = begins;
            // Matches: the longest of each cost. Where one goes on for long, another that begins here is found near its end.
            let mut longest = found.longest::<X>(i);
            let inside = in_run::<U>(px, i);
            let within_run = inside && i >= 2 && longest > 0 && same::<U>(px[i - 2], px[i]);
            if longest < effort.quiet && !within_run {
                if i > 0 && same::<U>(px[i - 1], px[i]) && found.ends[cheap] <= i + 1 {
                    found.add(i, common::<U>(&px[i..], &px[i - 1..]), cheap, cheap_source);
                }
                if i >= *above && row < X::WINDOW {
                    let length = common::<U>(&px[i..], &px[i - row..]);
                    *above = i + length;
                    let (bytes, source) = X::within(row);
                    found.add(i, length, bytes, source);
                }
                if !inside {
                    let known = found.ends[cheap].saturating_sub(i);
                    self.finder.search::<U>(px, i, effort, known, |length, distance| {
                        let (bytes, source) = X::within(distance);
                        found.add(i, length, bytes, source);
                    });
                    let known = found.ends[cheap].saturating_sub(i);
                    syntax.others::<U>(px, i, known, |length, bytes, source| {
                        found.add(i, length, bytes, source);
                        found.ends[cheap].saturating_sub(i)
                    });
                }
                longest = found.longest::<X>(i);
                if longest >= effort.nice {
                    // Of the longest matches the cheapest.
                    for &bytes in X::BYTES {
                        let length = found.ends[bytes].saturating_sub(i);
                        if length + length / 64 >= longest {
                            // It is taken from where it is cheapest to begin with it.
                            let skipped = cheapest(&nodes[at..cleared.min(at + length - U::BIAS)]);
                            let source = X::shifted(found.sources[bytes], i + skipped - found.begins[bytes]);
                            return Ok((i + skipped, Some((length - skipped, source))));
                        }
                    }
                }
            }
            clear(nodes, &mut cleared, at + longest);
            let cost = node.matched.min(node.literal) + 1;
            let mut covered = U::BIAS;
            for &bytes in X::BYTES {
                let length = found.ends[bytes].saturating_sub(i);
                if length <= covered {
                    continue;
                }
                let source = X::shifted(found.sources[bytes], i - found.begins[bytes]);
                let mut reach = |l: usize| {
                    let cost = cost + (bytes + extension(l - U::BIAS)) as u32 * BYTE;
                    let to = &mut nodes[at + l];
                    if cost < to.matched {
                        *to = Node { matched: cost, length: l as u32, source, ..*to };
                    }
                };
                // What follows a longer match costs no more than what follows a shorter one of the same cost, since the rest
                // of any match is a match: where there are many lengths, only the longest of each cost count.
                if length <= U::BIAS + 8 {
                    (covered + 1..=length).for_each(reach);
                } else {
                    if covered < U::BIAS + 6 {
                        reach(U::BIAS + 6);
                    }
                    (length - U::BIAS - 1..=length).for_each(reach);
                }
                covered = length;
            }
            if at % LOOK == LOOK - 1 {
                // Every way to the end leads through one of the positions that were reached from here.
                let least =
                    nodes[at + 1..cleared].iter().map(|n| n.matched.min(n.literal)).min().unwrap_or(0);
                out.check(least as usize / (BYTE as usize + 1))?;
            }
        }
        // A match may go beyond the block: of the positions that can be reached, one where that pays.
        let last = block.len();
        Ok((block.end + cheapest(&nodes[last..cleared]), None))
    }

    /// Lists the matches of the cheapest way from `begin` to `end`, last first.
    fn trace<X: Syntax<Source = S>>(&mut self, begin: usize, end: usize) {
        self.path.clear();
        let mut at = end - begin;
        let choose = |node: &Node<S>| node.matched <= node.literal;
        let mut matched = choose(&self.nodes[at]);
        while at > 0 {
            let node = &self.nodes[at];
            if matched {
                at -= node.length as usize;
                self.path.push((begin + at, node.length as usize, node.source));
                matched = choose(&self.nodes[at]);
            } else {
                at -= 1;
                matched = node.begins;
            }
        }
    }
}

/// LZ's tokens.
pub(super) struct LzSyntax;

impl Syntax for LzSyntax {
    type Source = u32;
    const WINDOW: usize = super::choice::TOO_FAR;
    const BYTES: &'static [usize] = &[2, 4];
    #[inline(always)]
    fn within(distance: usize) -> (usize, u32) {
        (if distance <= 8191 { 2 } else { 4 }, distance as u32)
    }
    #[inline(always)]
    fn shifted(source: u32, _by: usize) -> u32 {
        source
    }
    #[inline(always)]
    fn write<U: Unit>(out: &mut Writer<'_>, length: usize, distance: u32) -> Result<(), EncodeError> {
        out.lz_match::<U>(length, distance as usize)
    }
    #[inline(always)]
    fn others<U: Unit>(
        &mut self,
        _px: &[u32],
        _i: usize,
        _known: usize,
        _report: impl FnMut(usize, usize, u32) -> usize,
    ) {
    }
}
