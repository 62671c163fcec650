//! The optimal parse of LZ and GLZ: the cheapest sequence of tokens, by dynamic programming over positions.

use super::tree::{Effort, Tree};
use super::unit::{Unit, common, same};
use super::writer::{Writer, extension};
use crate::EncodeError;

/// Positions that are parsed at a time.
const BLOCK: usize = 1 << 14;
/// A byte, in units of cost. Each token costs one unit beyond its bytes: of two parses with as many bytes, the one with
/// fewer tokens decodes faster.
const BYTE: u32 = 16;
const NEVER: u32 = u32::MAX / 2;
/// Match tokens take 2 to 7 bytes without the extension of their length.
const CLASSES: usize = 8;

/// The token syntax of LZ or GLZ, and matches outside the picture.
pub(crate) trait Syntax {
    /// Where a match comes from.
    type Source: Copy + Default;
    /// Farthest distance plus one in the picture.
    const WINDOW: usize;
    /// Bytes of a match from `distance` pixels back, without the extension of its length, and the source.
    fn within(distance: usize) -> (usize, Self::Source);
    /// Writes a match.
    fn write<U: Unit>(out: &mut Writer<'_>, length: usize, source: Self::Source) -> Result<(), EncodeError>;
    /// Reports matches of pixel `i` in other pictures: length, bytes of the token, source.
    fn others<U: Unit>(&mut self, px: &[u32], i: usize, report: impl FnMut(usize, usize, Self::Source));
}

/// Reused memory of the parse.
#[derive(Clone, Debug)]
pub(crate) struct Parser<S> {
    tree: Tree,
    nodes: Vec<Node<S>>,
    path: Vec<(usize, usize, S)>,
}

impl<S> Default for Parser<S> {
    fn default() -> Self {
        Self { tree: Tree::default(), nodes: Vec::new(), path: Vec::new() }
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

/// How hard the best level tries, for tokens that begin to pay with `short` pixels.
pub(crate) fn effort(short: usize) -> Effort {
    Effort { short, depth: 96, nice: 192 }
}

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
        self.tree.begin(n, X::WINDOW);
        self.nodes.resize(BLOCK + effort.nice + 1, Node::default());
        let mut anchor = 0;
        let mut begin = 0;
        while begin < n {
            let end = n.min(begin + BLOCK);
            let long = self.forward::<U, X>(px, begin, end, anchor, row, effort, syntax);
            let stop = long.map_or(end, |(at, _)| at);
            self.trace(begin, stop);
            for &(at, length, source) in self.path.iter().rev() {
                out.literals::<U>(px, anchor..at)?;
                X::write::<U>(out, length, source)?;
                anchor = at + length;
            }
            begin = stop;
            if let Some((at, (length, source))) = long {
                out.literals::<U>(px, anchor..at)?;
                X::write::<U>(out, length, source)?;
                anchor = at + length;
                // Positions inside are entered for what follows, but not those inside runs.
                for i in at + 1..at + length {
                    if !in_run::<U>(px, i) {
                        self.tree.enter::<U>(px, i, effort, false, |_, _| ());
                    }
                }
                begin = anchor;
            }
        }
        out.literals::<U>(px, anchor..px.len())
    }

    /// Finds the cheapest ways to all positions of a block. Stops at a position with a match that is long enough to be
    /// taken as it is, and returns it.
    #[allow(clippy::too_many_arguments, reason = "one caller")]
    #[inline(always)]
    fn forward<U: Unit, X: Syntax<Source = S>>(
        &mut self,
        px: &[u32],
        begin: usize,
        end: usize,
        anchor: usize,
        row: usize,
        effort: Effort,
        syntax: &mut X,
    ) -> Option<(usize, (usize, S))> {
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
        for i in begin..end {
            let at = i - begin;
            let node = nodes[at];
            let inside = in_run::<U>(px, i);
            // A literal.
            let begun = node.matched + BYTE + 1;
            let went_on = node.literal + if node.run == 0 { BYTE + 1 } else { 0 };
            clear(nodes, &mut cleared, at + 1);
            let next = &mut nodes[at + 1];
            let begins = begun < went_on;
            next.literal = begun.min(went_on) + U::LITERAL as u32 * BYTE;
            next.run = if begins { 1 } else { (node.run + 1) % 32 };
            next.begins = begins;
            if inside && i >= 2 && same::<U>(px[i - 2], px[i]) && at > 1 {
                // The run's match has begun; what begins here could as well have begun with the run.
                continue;
            }
            // Matches: the longest of each cost.
            let most = n_left(px, i);
            let mut found = [(0, S::default()); CLASSES];
            let mut longest = 0;
            let mut add = |length: usize, bytes: usize, source: S| {
                longest = longest.max(length);
                if length > found[bytes].0 {
                    found[bytes] = (length, source);
                }
            };
            let run = i > 0 && same::<U>(px[i - 1], px[i]);
            if run {
                let length = common::<U>(&px[i..], &px[i - 1..]);
                let (bytes, source) = X::within(1);
                add(length, bytes, source);
            }
            if i >= row && same::<U>(px[i - row], px[i]) {
                let length = common::<U>(&px[i..], &px[i - row..]);
                let (bytes, source) = X::within(row);
                if row < X::WINDOW {
                    add(length, bytes, source);
                }
            }
            if !inside {
                self.tree.enter::<U>(px, i, effort, true, |mut length, distance| {
                    if length >= effort.nice {
                        length += common::<U>(&px[i + length..], &px[i + length - distance..]);
                    }
                    let (bytes, source) = X::within(distance);
                    add(length, bytes, source);
                });
                syntax.others::<U>(px, i, &mut add);
            }
            if longest >= effort.nice {
                // Of the longest matches the cheapest.
                let best = found.iter().find(|f| f.0 + f.0 / 64 >= longest).copied();
                return best.map(|f| (i, f));
            }
            clear(nodes, &mut cleared, at + longest.min(most));
            let cost = node.matched.min(node.literal) + 1;
            let mut covered = U::BIAS;
            for (bytes, &(length, source)) in found.iter().enumerate() {
                let length = length.min(most);
                for l in covered + 1..=length {
                    let cost = cost + (bytes + extension(l - U::BIAS)) as u32 * BYTE;
                    let to = &mut nodes[at + l];
                    if cost < to.matched {
                        *to = Node { matched: cost, length: l as u32, source, ..*to };
                    }
                }
                covered = covered.max(length);
            }
        }
        None
    }

    /// Lists the matches of the cheapest way from `begin` to `end`, last first.
    fn trace(&mut self, begin: usize, end: usize) {
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

#[inline(always)]
fn n_left(px: &[u32], i: usize) -> usize {
    px.len() - i
}

/// Whether pixel `i` has two like it on either side.
#[inline(always)]
pub(crate) fn in_run<U: Unit>(px: &[u32], i: usize) -> bool {
    i >= 1 && i + 3 < px.len() && (0..4).all(|k| same::<U>(px[i - 1 + k], px[i]))
}

/// LZ's tokens.
pub(super) struct LzSyntax;

impl Syntax for LzSyntax {
    type Source = u32;
    const WINDOW: usize = super::fast::TOO_FAR;
    #[inline(always)]
    fn within(distance: usize) -> (usize, u32) {
        (if distance <= 8191 { 2 } else { 4 }, distance as u32)
    }
    #[inline(always)]
    fn write<U: Unit>(out: &mut Writer<'_>, length: usize, distance: u32) -> Result<(), EncodeError> {
        out.lz_match::<U>(length, distance as usize)
    }
    #[inline(always)]
    fn others<U: Unit>(&mut self, _px: &[u32], _i: usize, _report: impl FnMut(usize, usize, u32)) {}
}
