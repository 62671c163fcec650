//! The operators of Porter and Duff on rows of a8r8g8b8 words, and of 16-bit pixels that count as such.
//!
//! An operator is two products and a sum ([`super::lanes`]). A mask comes first, so that all see the same three things:
//! the masked source, its alpha for each channel, and the target.

use super::blend::blend;
use super::cells::{Bits, Cells, Same, Set, WordMask, some_bits};
use super::convert::{load, set_alpha, short, store, word};
use super::for_blocks;
use super::lanes::{ALPHA, ALPHAS, COMPONENT, Lanes, MISSING, NO_MASK, ONE, THERE, ZERO};
use super::lanes::{masked, sum};
use super::op::CompositeOp;
use crate::geom::Rect;
use crate::grid::{Grid, GridMut, Size, cells, copy, fill, joined};
use crate::kernels::{with_fitting, with_four};
use fearless_simd::{Level, prelude::*};

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

/// One vector of an operator that takes the parts `FS` of the source and `FD` of the target.
#[inline(always)]
fn vector<S: Simd, const FS: u8, const FD: u8, const MASK: u8>(
    simd: S,
    d: S::u32s,
    s: S::u32s,
    m: S::u32s,
) -> S::u32s {
    let (d, s) = (Lanes::<S>::load(d), Lanes::<S>::load(s));
    let m = if MASK == ALPHAS { Lanes::twice(m) } else { Lanes::load(m) };
    let (s, sa) = masked(MASK, s, m);
    sum(simd, s.part::<FS>(d.alpha()), d.part::<FD>(sa))
}

/// Pixels that are read as words.
trait ReadWords: Cells {
    /// As many words from `at` on as a vector has.
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s;

    fn word(cell: Self::Cell) -> u32;
}

/// No mask.
impl ReadWords for () {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, (): (), _: usize) -> S::u32s {
        S::u32s::splat(simd, 0)
    }

    #[inline(always)]
    fn word((): ()) -> u32 {
        0
    }
}

impl ReadWords for Same<u32> {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: u32, _: usize) -> S::u32s {
        S::u32s::splat(simd, row)
    }

    #[inline(always)]
    fn word(cell: u32) -> u32 {
        cell
    }
}

impl ReadWords for Set<'_> {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, (row, bits): Self::Row, at: usize) -> S::u32s {
        S::u32s::from_slice(simd, &row[at..at + S::u32s::LEN]) | bits
    }

    #[inline(always)]
    fn word(cell: u32) -> u32 {
        cell
    }
}

impl ReadWords for Grid<'_, u32> {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s {
        S::u32s::from_slice(simd, &row[at..at + S::u32s::LEN])
    }

    #[inline(always)]
    fn word(cell: u32) -> u32 {
        cell
    }
}

/// Alphas, each in both halves of its word.
impl ReadWords for Grid<'_, u8> {
    #[allow(
        clippy::needless_range_loop,
        reason = "of a known count, so that it becomes a vector's instructions"
    )]
    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s {
        let row = &row[at..at + S::u32s::LEN];
        let mut words = [0; 16];
        for i in 0..S::u32s::LEN {
            words[i] = u32::from(row[i]);
        }
        let words = S::u32s::from_slice(simd, &words[..S::u32s::LEN]);
        words | (words << 16)
    }

    #[inline(always)]
    fn word(cell: u8) -> u32 {
        u32::from(cell) * 0x0001_0001
    }
}

/// So are those of one bit.
impl ReadWords for Bits<'_> {
    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s {
        const PLACES: [u32; 16] = {
            let mut places = [1; 16];
            let mut i = 1;
            while i < 16 {
                places[i] = 1 << i;
                i += 1;
            }
            places
        };
        let places = S::u32s::from_slice(simd, &PLACES[..S::u32s::LEN]);
        let bits = S::u32s::splat(simd, some_bits(row, at)) & places;
        bits.simd_eq(places).select(S::u32s::splat(simd, 0x00ff_00ff), S::u32s::splat(simd, 0))
    }

    #[inline(always)]
    fn word(cell: bool) -> u32 {
        if cell { 0x00ff_00ff } else { 0 }
    }
}

/// A target's pixels as words.
pub(super) trait Target {
    type Pixel: Copy;

    fn word(pixel: Self::Pixel) -> u32;

    fn pixel(word: u32) -> Self::Pixel;

    /// The words of as many pixels as a vector has.
    fn load<S: Simd>(simd: S, pixels: &[Self::Pixel]) -> S::u32s;

    fn store<S: Simd>(words: S::u32s, pixels: &mut [Self::Pixel]);
}

/// Words.
struct Argb;

impl Target for Argb {
    type Pixel = u32;

    #[inline(always)]
    fn word(pixel: u32) -> u32 {
        pixel
    }

    #[inline(always)]
    fn pixel(word: u32) -> u32 {
        word
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, pixels: &[u32]) -> S::u32s {
        S::u32s::from_slice(simd, pixels)
    }

    #[inline(always)]
    fn store<S: Simd>(words: S::u32s, pixels: &mut [u32]) {
        words.store_slice(pixels);
    }
}

/// r5g6b5 if `SIX`, else x1r5g5b5, whose unused bit becomes 0.
struct Short<const SIX: bool>;

impl<const SIX: bool> Target for Short<SIX> {
    type Pixel = u16;

    #[inline(always)]
    fn word(pixel: u16) -> u32 {
        word::<SIX>(pixel)
    }

    #[inline(always)]
    fn pixel(word: u32) -> u16 {
        short::<SIX>(word)
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, pixels: &[u16]) -> S::u32s {
        load::<S, SIX>(simd, pixels)
    }

    #[inline(always)]
    fn store<S: Simd>(words: S::u32s, pixels: &mut [u16]) {
        store::<S, SIX>(words, pixels);
    }
}

/// Rows of at least a vector's pixels. The last vector of a row overlaps the one before, so it is computed first and
/// stored last.
#[inline(always)]
fn rows<S: Simd, T: Target, Src: ReadWords, Msk: ReadWords, const FS: u8, const FD: u8, const MASK: u8>(
    simd: S,
    d: &mut GridMut<'_, T::Pixel>,
    s: Src,
    m: Msk,
    (width, height): Size,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            let last = width - n;
            for y in 0..height {
                let (d, s, m) = (d.row(y, width), s.row(y, width), m.row(y, width));
                let (sv, mv) = (Src::vector(simd, s, last), Msk::vector(simd, m, last));
                let dv = T::load(simd, &d[last..last + n]);
                let end = vector::<S, FS, FD, MASK>(simd, dv, sv, mv);
                let mut at = 0;
                while at < last {
                    let (sv, mv) = (Src::vector(simd, s, at), Msk::vector(simd, m, at));
                    let d = &mut d[at..at + n];
                    let dv = T::load(simd, d);
                    T::store::<S>(vector::<S, FS, FD, MASK>(simd, dv, sv, mv), d);
                    at += n;
                }
                T::store::<S>(end, &mut d[last..last + n]);
            }
        },
    );
}

/// Columns, where rows have less pixels than a vector, such as a glyph's stem: four pixels of one at a time.
#[inline(always)]
fn columns<S: Simd, T: Target, Src: ReadWords, Msk: ReadWords, const FS: u8, const FD: u8, const MASK: u8>(
    simd: S,
    d: &mut GridMut<'_, T::Pixel>,
    s: Src,
    m: Msk,
    (width, height): Size,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            for x in 0..width {
                let mut y = 0;
                while y + 4 <= height {
                    some::<S, T, Src, Msk, FS, FD, MASK, 4>(simd, d, s, m, x, y);
                    y += 4;
                }
                while y < height {
                    some::<S, T, Src, Msk, FS, FD, MASK, 1>(simd, d, s, m, x, y);
                    y += 1;
                }
            }
        },
    );
}

/// `N` pixels of a column, at most four.
#[allow(clippy::needless_range_loop, reason = "of a known count, so that it becomes a vector's instructions")]
#[inline(always)]
fn some<
    S: Simd,
    T: Target,
    Src: ReadWords,
    Msk: ReadWords,
    const FS: u8,
    const FD: u8,
    const MASK: u8,
    const N: usize,
>(
    simd: S,
    d: &mut GridMut<'_, T::Pixel>,
    s: Src,
    m: Msk,
    x: usize,
    y: usize,
) {
    let n = S::u32s::LEN;
    let (mut dv, mut sv, mut mv) = ([0; 16], [0; 16], [0; 16]);
    for i in 0..N {
        dv[i] = T::word(*d.cell(y + i, x));
        sv[i] = Src::word(s.cell(y + i, x));
        mv[i] = Msk::word(m.cell(y + i, x));
    }
    let (dv, sv) = (S::u32s::from_slice(simd, &dv[..n]), S::u32s::from_slice(simd, &sv[..n]));
    let out = vector::<S, FS, FD, MASK>(simd, dv, sv, S::u32s::from_slice(simd, &mv[..n]));
    let out = out.as_slice();
    for i in 0..N {
        *d.cell(y + i, x) = T::pixel(out[i]);
    }
}

/// The rows of one kind of source and mask.
#[inline(always)]
fn kind<T: Target, Src: ReadWords, Msk: ReadWords, const FS: u8, const FD: u8, const MASK: u8>(
    level: Level,
    d: &mut GridMut<'_, T::Pixel>,
    s: Src,
    m: Msk,
    size: Size,
) {
    let (width, height) = joined(size, d.joins(size) && s.joins(size) && m.joins(size));
    match width {
        ..4 => with_four!(level, simd => {
            columns::<_, T, Src, Msk, FS, FD, MASK>(simd, d, s, m, (width, height));
        }),
        _ => with_fitting!(level, width, simd => {
            rows::<_, T, Src, Msk, FS, FD, MASK>(simd, d, s, m, (width, height));
        }),
    }
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
    d: &mut GridMut<'_, u32>,
    s: Source<'_>,
    mask: Mask<'_>,
    size: Size,
) {
    match (op, s, mask) {
        (CompositeOp::Src, Source::Words(Set { words, bits: 0 }), Mask::Words(WordMask::None)) => {
            copy(level, &mut d.bytes(), words.bytes(), (4 * size.0, size.1));
        }
        (CompositeOp::Src, Source::Words(Set { words, bits: 0xff00_0000 }), Mask::Words(WordMask::None)) => {
            set_alpha(level, d, words, size);
        }
        (CompositeOp::Src, Source::One(word), Mask::Words(WordMask::None)) => {
            fill(level, &mut d.bytes(), word, (4 * size.0, size.1));
        }
        (CompositeOp::Clear, ..) => fill(level, &mut d.bytes(), 0, (4 * size.0, size.1)),
        (CompositeOp::Src, ..) => all_of::<Argb, ZERO>(level, d, &s, &mask, size),
        (CompositeOp::Over, ..) => all_of::<Argb, MISSING>(level, d, &s, &mask, size),
        (CompositeOp::Add, ..) => all_of::<Argb, ONE>(level, d, &s, &mask, size),
        (_, Source::Words(s), Mask::Words(mask)) => combine_words(level, op, d, s, mask, size),
        _ => combine_widened(level, op, d, s, mask, size),
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
        let mut widened = |mask: &dyn Fn(usize, usize) -> u8| {
            for (y, row) in m_words.chunks_exact_mut(size.0).take(size.1).enumerate() {
                row.iter_mut().enumerate().for_each(|(x, word)| *word = u32::from(mask(x, y)) << 24);
            }
        };
        let mask = match mask.at(x, y) {
            Mask::Words(mask) => mask,
            Mask::Alphas(alphas) => {
                widened(&|x, y| alphas.cell(y, x));
                WordMask::Alpha(Grid::packed(&m_words, size.0))
            }
            Mask::Bits(bits) => {
                widened(&|x, y| if bits.cell(y, x) { 255 } else { 0 });
                WordMask::Alpha(Grid::packed(&m_words, size.0))
            }
        };
        combine_words(level, op, &mut d.from(x, y), s, mask, size);
    });
}
