//! The operators of Porter and Duff on rows of a8r8g8b8 words, and of 16-bit pixels that count as such.
//!
//! An operator is two products and a sum ([`super::lanes`]). A mask comes first, so that all see the same three things:
//! the masked source, its alpha for each channel, and the target.

use super::blend::blend;
use super::cells::{Bits, Same, Set, WordMask};
use super::convert::set_alpha;
use super::for_blocks;
use super::lanes::{ALPHA, ALPHAS, COMPONENT, MISSING, NO_MASK, ONE, THERE, ZERO};
use super::op::CompositeOp;
use super::pixels::{Argb, ReadWords, Short, Target};
use super::vectors::kind;
use crate::geom::Rect;
use crate::grid::{Grid, GridMut, Size, cells};
use crate::put::{copy, fill};
use fearless_simd::Level;

/// The source pixels of a rectangle.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    Words(Set<'a>),
    /// The same word everywhere.
    One(u32),
}

/// The mask of a rectangle of pixels.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mask<'a> {
    Words(WordMask<'a>),
    /// These alphas count for all channels.
    Alphas(Grid<'a, u8>),
    /// So do these.
    Bits(Bits<'a>),
}

impl Source<'_> {
    /// The same from another pixel on.
    pub(super) fn at(self, x: usize, y: usize) -> Self {
        match self {
            Self::Words(Set { words, bits }) => Self::Words(Set { words: words.at(x, y), bits }),
            Self::One(word) => Self::One(word),
        }
    }
}

impl Mask<'_> {
    pub(super) const NONE: Self = Self::Words(WordMask::None);

    /// The same from another pixel on.
    pub(super) fn at(self, x: usize, y: usize) -> Self {
        match self {
            Self::Words(WordMask::None) => Self::NONE,
            Self::Words(WordMask::Alpha(grid)) => Self::Words(WordMask::Alpha(grid.at(x, y))),
            Self::Words(WordMask::Component(grid)) => Self::Words(WordMask::Component(grid.at(x, y))),
            Self::Alphas(grid) => Self::Alphas(grid.at(x, y)),
            Self::Bits(bits) => Self::Bits(bits.at(x, y)),
        }
    }
}

/// Whether it takes all of the source: what guests draw text and boxes with. Those have rows for one colour and for
/// masks of alphas; with others, words are made of these.
pub(super) fn takes_all(op: CompositeOp) -> bool {
    matches!(op, CompositeOp::Over | CompositeOp::Add | CompositeOp::Src)
}

/// An operator that takes all of the source, and of the target the part `FD`.
#[inline(never)]
fn all_of<T: Target, const FD: u8>(
    level: Level,
    d: &mut GridMut<'_, T::Pixel>,
    s: &Source<'_>,
    mask: &Mask<'_>,
    size: Size,
) {
    use Mask::{Alphas, Bits};
    use Source::One;
    match (s, mask) {
        (Source::Words(s), Mask::Words(m)) => words::<T, ONE, FD>(level, d, s, m, size),
        (Source::Words(s), Alphas(m)) => kind::<T, _, _, ONE, FD, ALPHAS>(level, d, *s, *m, size),
        (Source::Words(s), Bits(m)) => kind::<T, _, _, ONE, FD, ALPHAS>(level, d, *s, *m, size),
        (One(s), Mask::Words(m)) => match m {
            WordMask::None => kind::<T, _, _, ONE, FD, NO_MASK>(level, d, Same(*s), (), size),
            WordMask::Alpha(m) => kind::<T, _, _, ONE, FD, ALPHA>(level, d, Same(*s), *m, size),
            WordMask::Component(m) => kind::<T, _, _, ONE, FD, COMPONENT>(level, d, Same(*s), *m, size),
        },
        (One(s), Alphas(m)) => kind::<T, _, _, ONE, FD, ALPHAS>(level, d, Same(*s), *m, size),
        (One(s), Bits(m)) => kind::<T, _, _, ONE, FD, ALPHAS>(level, d, Same(*s), *m, size),
    }
}

/// An operator on words.
#[inline(always)]
fn words<T: Target, const FS: u8, const FD: u8>(
    level: Level,
    d: &mut GridMut<'_, T::Pixel>,
    s: &Set<'_>,
    mask: &WordMask<'_>,
    size: Size,
) {
    match mask {
        WordMask::None => kind::<T, _, _, FS, FD, NO_MASK>(level, d, *s, (), size),
        WordMask::Alpha(m) => kind::<T, _, _, FS, FD, ALPHA>(level, d, *s, *m, size),
        WordMask::Component(m) => kind::<T, _, _, FS, FD, COMPONENT>(level, d, *s, *m, size),
    }
}

/// Combines source words into 16-bit pixels, r5g6b5 if `SIX`, else x1r5g5b5; false, and nothing done, for operators of
/// which [`takes_all`] is false.
pub(super) fn combine_shorts<const SIX: bool>(
    level: Level,
    op: CompositeOp,
    d: &mut GridMut<'_, u16>,
    s: Source<'_>,
    mask: Mask<'_>,
    size: Size,
) -> bool {
    match op {
        CompositeOp::Src => all_of::<Short<SIX>, ZERO>(level, d, &s, &mask, size),
        CompositeOp::Over => all_of::<Short<SIX>, MISSING>(level, d, &s, &mask, size),
        CompositeOp::Add => all_of::<Short<SIX>, ONE>(level, d, &s, &mask, size),
        _ => return false,
    }
    true
}

/// Combines source words into target words. The float operators do nothing here.
#[inline(always)]
pub(super) fn combine(
    level: Level,
    op: CompositeOp,
    mut d: GridMut<'_, u32>,
    s: Source<'_>,
    mask: Mask<'_>,
    size: Size,
) {
    match (op, s, mask) {
        (CompositeOp::Src, Source::Words(Set { words, bits: 0 }), Mask::Words(WordMask::None)) => {
            copy(level, d.bytes(), words.bytes(), (4 * size.0, size.1));
        }
        (CompositeOp::Src, Source::Words(Set { words, bits: 0xff00_0000 }), Mask::Words(WordMask::None)) => {
            set_alpha(level, &mut d, words, size);
        }
        (CompositeOp::Src, Source::One(word), Mask::Words(WordMask::None)) => {
            fill(level, d.bytes(), word, (4 * size.0, size.1));
        }
        (CompositeOp::Clear, ..) => fill(level, d.bytes(), 0, (4 * size.0, size.1)),
        (CompositeOp::Src, ..) => all_of::<Argb, ZERO>(level, &mut d, &s, &mask, size),
        (CompositeOp::Over, ..) => all_of::<Argb, MISSING>(level, &mut d, &s, &mask, size),
        (CompositeOp::Add, ..) => all_of::<Argb, ONE>(level, &mut d, &s, &mask, size),
        (_, Source::Words(s), Mask::Words(mask)) => combine_words(level, op, &mut d, s, mask, size),
        _ => combine_widened(level, op, &mut d, s, mask, size),
    }
}

/// As [`combine`], where both are words; for operators of which [`takes_all`] is false.
#[inline(never)]
fn combine_words(
    level: Level,
    op: CompositeOp,
    d: &mut GridMut<'_, u32>,
    s: Set<'_>,
    mask: WordMask<'_>,
    size: Size,
) {
    use CompositeOp::*;
    match op {
        OverReverse => words::<Argb, MISSING, ONE>(level, d, &s, &mask, size),
        In => words::<Argb, THERE, ZERO>(level, d, &s, &mask, size),
        InReverse => words::<Argb, ZERO, THERE>(level, d, &s, &mask, size),
        Out => words::<Argb, MISSING, ZERO>(level, d, &s, &mask, size),
        OutReverse => words::<Argb, ZERO, MISSING>(level, d, &s, &mask, size),
        Atop => words::<Argb, THERE, MISSING>(level, d, &s, &mask, size),
        AtopReverse => words::<Argb, MISSING, THERE>(level, d, &s, &mask, size),
        Xor => words::<Argb, MISSING, MISSING>(level, d, &s, &mask, size),
        _ => blend(level, op, d, s, mask, size),
    }
}

/// As [`combine_words`], where one of both is no words: they are made, a few rows at a time.
#[inline(never)]
fn combine_widened(
    level: Level,
    op: CompositeOp,
    d: &mut GridMut<'_, u32>,
    s: Source<'_>,
    mask: Mask<'_>,
    (width, height): Size,
) {
    const BLOCK: usize = 128;
    let (mut s_words, mut m_words) = ([0; BLOCK], [0; BLOCK]);
    if let Source::One(word) = s {
        s_words[..width.min(BLOCK)].fill(word);
    }
    for_blocks(Rect::new(0, 0, width as i32, height as i32), BLOCK, |block| {
        let (x, y, size) = (block.left as usize, block.top as usize, cells(block));
        let s = match s.at(x, y) {
            Source::Words(s) => s,
            Source::One(_) => Set { words: Grid::constant(&s_words[..size.0]), bits: 0 },
        };
        let mask = match mask.at(x, y) {
            Mask::Words(mask) => mask,
            Mask::Alphas(alphas) => widened(alphas, &mut m_words, size),
            Mask::Bits(bits) => widened(bits, &mut m_words, size),
        };
        combine_words(level, op, &mut d.from(x, y), s, mask, size);
    });
}

/// Words with alphas as theirs.
fn widened<'a, M: ReadWords>(mask: M, words: &'a mut [u32], (width, height): Size) -> WordMask<'a> {
    for (y, words) in words.chunks_exact_mut(width).take(height).enumerate() {
        words.iter_mut().enumerate().for_each(|(x, word)| *word = mask.few::<1>(x, y)[0] << 8);
    }
    WordMask::Alpha(Grid::packed(words, width))
}
