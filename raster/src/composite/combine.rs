//! The 8-bit operators on rows of a8r8g8b8 words.
//!
//! Every product is rounded by itself, `t = a * b + 128; (t + (t >> 8)) >> 8`, and sums stop at 255. The operators of
//! Porter and Duff are two products and a sum, on vectors of 16-bit lanes: the even and the odd bytes of the words
//! apart; the blend modes, whose sums need more bits, take a channel in 32-bit lanes. A mask comes first, so that all
//! see the same three things: the masked source, its alpha for each channel, and the target.

use super::convert::{set_bits, short, word};
use super::op::CompositeOp;
use crate::grid::{Grid, GridMut, Size, copy, fill};
use crate::kernels::with_level;
use fearless_simd::{Level, prelude::*};

/// The source pixels of a rectangle.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// Words in rows, in which these bits count as set.
    Words(Grid<'a, u32>, u32),
    /// The same word everywhere; for the operators of which [`takes_one`] is true.
    One(u32),
}

/// The mask of a rectangle of pixels.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mask<'a> {
    /// All pixels count fully.
    None,
    /// The alpha of each word counts for all channels.
    Alpha(Grid<'a, u32>),
    /// So do these alphas; for the operators of which [`takes_one`] is true.
    Alphas(Grid<'a, u8>),
    /// Each channel counts for its own (component alpha).
    Component(Grid<'a, u32>),
}

impl Source<'_> {
    /// The same from another pixel on.
    pub(super) fn at(self, x: usize, y: usize) -> Self {
        match self {
            Self::Words(grid, set) => Self::Words(grid.at(x, y), set),
            Self::One(word) => Self::One(word),
        }
    }
}

impl Mask<'_> {
    /// The same from another pixel on.
    pub(super) fn at(self, x: usize, y: usize) -> Self {
        match self {
            Self::None => Self::None,
            Self::Alpha(grid) => Self::Alpha(grid.at(x, y)),
            Self::Alphas(grid) => Self::Alphas(grid.at(x, y)),
            Self::Component(grid) => Self::Component(grid.at(x, y)),
        }
    }
}

/// Whether it takes all of the source, so that this can come as one word and masks as alphas: what guests draw text and
/// boxes with.
pub(super) fn takes_one(op: CompositeOp) -> bool {
    matches!(op, CompositeOp::Over | CompositeOp::Add | CompositeOp::Src)
}

const NO_MASK: u8 = 0;
const ALPHA: u8 = 1;
const COMPONENT: u8 = 2;
/// As [`ALPHA`], with the alpha in both halves of the word.
const ALPHAS: u8 = 3;

/// What a product takes part of: the factors of Porter and Duff.
pub(super) const ZERO: u8 = 0;
pub(super) const ONE: u8 = 1;
pub(super) const THERE: u8 = 2; // the other picture's alpha
pub(super) const MISSING: u8 = 3; // 1 - the other picture's alpha

/// Pixels as 16-bit lanes: blue and red, green and alpha.
pub(super) struct Lanes<S: Simd> {
    rb: S::u16s,
    ag: S::u16s,
}

impl<S: Simd> Clone for Lanes<S> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<S: Simd> Copy for Lanes<S> {}

#[inline(always)]
fn mul_lanes<S: Simd>(a: S::u16s, b: S::u16s) -> S::u16s {
    let t = a * b + 128;
    (t + (t >> 8)) >> 8
}

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    pub(super) fn load(words: S::u32s) -> Self {
        let lanes: S::u16s = words.bitcast();
        Self { rb: lanes & 0xff, ag: lanes >> 8 }
    }

    #[inline(always)]
    fn word(self) -> S::u32s {
        (self.rb | (self.ag << 8)).bitcast()
    }

    /// Alpha in all channels.
    #[inline(always)]
    fn alpha(self) -> Self {
        let ag: S::u32s = self.ag.bitcast();
        let a: S::u16s = ((ag >> 16) | (ag & 0xffff_0000)).bitcast();
        Self { rb: a, ag: a }
    }

    #[inline(always)]
    pub(super) fn mul(self, other: Self) -> Self {
        Self { rb: mul_lanes::<S>(self.rb, other.rb), ag: mul_lanes::<S>(self.ag, other.ag) }
    }

    #[inline(always)]
    fn not(self) -> Self {
        Self { rb: self.rb ^ 0xff, ag: self.ag ^ 0xff }
    }

    /// The part of it that a factor takes, `None` for nothing.
    #[inline(always)]
    pub(super) fn part<const F: u8>(self, alpha: Self) -> Option<Self> {
        match F {
            ZERO => None,
            ONE => Some(self),
            THERE => Some(self.mul(alpha)),
            _ => Some(self.mul(alpha.not())),
        }
    }
}

/// The source as far as the mask covers it, and its alpha for each channel.
#[inline(always)]
fn masked<S: Simd>(mask: u8, s: Lanes<S>, m: Lanes<S>) -> (Lanes<S>, Lanes<S>) {
    match mask {
        NO_MASK => (s, s.alpha()),
        ALPHA => {
            let s = s.mul(m.alpha());
            (s, s.alpha())
        }
        ALPHAS => {
            let s = s.mul(m);
            (s, s.alpha())
        }
        _ => (s.mul(m), m.mul(s.alpha())),
    }
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
    let m = if MASK == ALPHAS { Lanes { rb: m.bitcast(), ag: m.bitcast() } } else { Lanes::load(m) };
    let (s, sa) = masked(MASK, s, m);
    sum(simd, s.part::<FS>(d.alpha()), d.part::<FD>(sa))
}

/// The sum of what there is, up to 255 in each channel.
#[inline(always)]
pub(super) fn sum<S: Simd>(simd: S, a: Option<Lanes<S>>, b: Option<Lanes<S>>) -> S::u32s {
    match (a, b) {
        (Some(a), Some(b)) => {
            let (a, b): (S::u8s, S::u8s) = (a.word().bitcast(), b.word().bitcast());
            a.saturating_add(b).bitcast()
        }
        (Some(a), None) => a.word(),
        (None, Some(b)) => b.word(),
        (None, None) => S::u32s::splat(simd, 0),
    }
}

/// Rows of words to read, wherever they come from.
trait Cells: Copy {
    /// A row of `width` words.
    type Row: Copy;

    fn row(self, y: usize, width: usize) -> Self::Row;

    /// As many words from `at` on as a vector has.
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s;

    fn cell(self, y: usize, x: usize) -> u32;
}

/// No mask.
impl Cells for () {
    type Row = ();

    #[inline(always)]
    fn row(self, _: usize, _: usize) {}

    #[inline(always)]
    fn vector<S: Simd>(simd: S, _: (), _: usize) -> S::u32s {
        S::u32s::splat(simd, 0)
    }

    #[inline(always)]
    fn cell(self, _: usize, _: usize) -> u32 {
        0
    }
}

/// One word for all.
impl Cells for u32 {
    type Row = u32;

    #[inline(always)]
    fn row(self, _: usize, _: usize) -> u32 {
        self
    }

    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: u32, _: usize) -> S::u32s {
        S::u32s::splat(simd, row)
    }

    #[inline(always)]
    fn cell(self, _: usize, _: usize) -> u32 {
        self
    }
}

/// Words with bits that count as set.
impl<'a> Cells for (Grid<'a, u32>, u32) {
    type Row = (&'a [u32], u32);

    #[inline(always)]
    fn row(self, y: usize, width: usize) -> Self::Row {
        (self.0.row(y, width), self.1)
    }

    #[inline(always)]
    fn vector<S: Simd>(simd: S, (row, set): Self::Row, at: usize) -> S::u32s {
        S::u32s::from_slice(simd, &row[at..at + S::u32s::LEN]) | set
    }

    #[inline(always)]
    fn cell(self, y: usize, x: usize) -> u32 {
        self.0.cell(y, x) | self.1
    }
}

/// Words as they are.
impl<'a> Cells for Grid<'a, u32> {
    type Row = &'a [u32];

    #[inline(always)]
    fn row(self, y: usize, width: usize) -> Self::Row {
        Grid::row(self, y, width)
    }

    #[inline(always)]
    fn vector<S: Simd>(simd: S, row: Self::Row, at: usize) -> S::u32s {
        S::u32s::from_slice(simd, &row[at..at + S::u32s::LEN])
    }

    #[inline(always)]
    fn cell(self, y: usize, x: usize) -> u32 {
        Grid::cell(self, y, x)
    }
}

/// Alphas, each in both halves of its word.
impl<'a> Cells for Grid<'a, u8> {
    type Row = &'a [u8];

    #[inline(always)]
    fn row(self, y: usize, width: usize) -> Self::Row {
        Grid::row(self, y, width)
    }

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
    fn cell(self, y: usize, x: usize) -> u32 {
        u32::from(Grid::cell(self, y, x)) * 0x0001_0001
    }
}

/// Rows of target pixels: words, or 16-bit ones that count as such.
trait Target {
    type Pixel: Copy;

    fn row(&mut self, y: usize, width: usize) -> &mut [Self::Pixel];

    fn cell(&mut self, y: usize, x: usize) -> &mut Self::Pixel;

    fn word(pixel: Self::Pixel) -> u32;

    fn pixel(word: u32) -> Self::Pixel;

    /// The words of as many pixels as a vector has.
    #[inline(always)]
    fn load<S: Simd>(simd: S, pixels: &[Self::Pixel]) -> S::u32s {
        let mut words = [0; 16];
        for i in 0..S::u32s::LEN {
            words[i] = Self::word(pixels[i]);
        }
        S::u32s::from_slice(simd, &words[..S::u32s::LEN])
    }

    #[inline(always)]
    fn store<S: Simd>(words: S::u32s, pixels: &mut [Self::Pixel]) {
        for (pixel, word) in pixels.iter_mut().zip(words.as_slice()) {
            *pixel = Self::pixel(*word);
        }
    }
}

impl Target for GridMut<'_, u32> {
    type Pixel = u32;

    #[inline(always)]
    fn row(&mut self, y: usize, width: usize) -> &mut [u32] {
        GridMut::row(self, y, width)
    }

    #[inline(always)]
    fn cell(&mut self, y: usize, x: usize) -> &mut u32 {
        GridMut::cell(self, y, x)
    }

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

/// r5g6b5.
impl Target for GridMut<'_, u16> {
    type Pixel = u16;

    #[inline(always)]
    fn row(&mut self, y: usize, width: usize) -> &mut [u16] {
        GridMut::row(self, y, width)
    }

    #[inline(always)]
    fn cell(&mut self, y: usize, x: usize) -> &mut u16 {
        GridMut::cell(self, y, x)
    }

    #[inline(always)]
    fn word(pixel: u16) -> u32 {
        word::<true>(pixel)
    }

    #[inline(always)]
    fn pixel(word: u32) -> u16 {
        short::<true>(word)
    }
}

/// Rows of pixels. The last vector of a row overlaps the one before, so it is computed first and stored last.
#[inline(always)]
fn rows<S: Simd, Dst: Target, Src: Cells, Msk: Cells, const FS: u8, const FD: u8, const MASK: u8>(
    simd: S,
    d: &mut Dst,
    s: Src,
    m: Msk,
    (width, height): Size,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            if width < n {
                return few::<S, Dst, Src, Msk, FS, FD, MASK>(simd, d, s, m, (width, height));
            }
            for y in 0..height {
                let (d, s, m) = (d.row(y, width), s.row(y, width), m.row(y, width));
                let last = width - n;
                let (sv, mv) = (Src::vector(simd, s, last), Msk::vector(simd, m, last));
                let dv = Dst::load(simd, &d[last..last + n]);
                let end = vector::<S, FS, FD, MASK>(simd, dv, sv, mv);
                let mut at = 0;
                while at < last {
                    let (sv, mv) = (Src::vector(simd, s, at), Msk::vector(simd, m, at));
                    let d = &mut d[at..at + n];
                    let dv = Dst::load(simd, d);
                    Dst::store::<S>(vector::<S, FS, FD, MASK>(simd, dv, sv, mv), d);
                    at += n;
                }
                Dst::store::<S>(end, &mut d[last..last + n]);
            }
        },
    );
}

/// Pixels of rows of less than four, from several rows as many as make up four: a glyph's stem.
#[inline(always)]
fn few<S: Simd, Dst: Target, Src: Cells, Msk: Cells, const FS: u8, const FD: u8, const MASK: u8>(
    simd: S,
    d: &mut Dst,
    s: Src,
    m: Msk,
    (width, height): Size,
) {
    let n = S::u32s::LEN;
    let rows = (4 / width).max(1);
    // Some pixels come twice, where less than four are left.
    let places: [(usize, usize); 4] = [0, 1, 2, 3].map(|i: usize| {
        let i = i.min(rows * width - 1);
        if width == 1 { (i, 0) } else { (i / width, i % width) }
    });
    let mut top = 0;
    while top < height {
        let (mut dv, mut sv, mut mv) = ([0; 16], [0; 16], [0; 16]);
        for (i, (y, x)) in places.into_iter().enumerate() {
            let y = (top + y).min(height - 1);
            (dv[i], sv[i], mv[i]) = (Dst::word(*d.cell(y, x)), s.cell(y, x), m.cell(y, x));
        }
        let load = |words: &[u32; 16]| S::u32s::from_slice(simd, &words[..n]);
        let out = vector::<S, FS, FD, MASK>(simd, load(&dv), load(&sv), load(&mv));
        let out = out.as_slice();
        for (i, (y, x)) in places.into_iter().enumerate() {
            *d.cell((top + y).min(height - 1), x) = Dst::pixel(out[i]);
        }
        top += rows;
    }
}

/// A level whose vectors are not longer than rows of `width` words, if there is one.
pub(super) fn fitting(level: Level, width: usize) -> Level {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        if width < 8 {
            return Level::baseline();
        }
        if width < 16
            && let Some(avx2) = level.as_avx2()
        {
            return Level::Avx2(avx2);
        }
    }
    let _ = width;
    level
}

/// Combines source words into r5g6b5 pixels; false, and nothing done, for operators that these have no rows for.
pub(super) fn combine_565(
    level: Level,
    op: CompositeOp,
    d: &mut GridMut<'_, u16>,
    s: Source<'_>,
    mask: Mask<'_>,
    size: Size,
) -> bool {
    match op {
        CompositeOp::Src => porter_duff::<_, ONE, ZERO>(level, d, s, mask, size),
        CompositeOp::Over => porter_duff::<_, ONE, MISSING>(level, d, s, mask, size),
        CompositeOp::Add => porter_duff::<_, ONE, ONE>(level, d, s, mask, size),
        _ => return false,
    }
    true
}

/// One operator, on words or on 16-bit pixels.
fn porter_duff<Dst: Target, const FS: u8, const FD: u8>(
    level: Level,
    d: &mut Dst,
    s: Source<'_>,
    mask: Mask<'_>,
    size: Size,
) {
    /// The rows for the kinds of source and mask that they are given.
    macro_rules! rows {
        ($s:expr, $m:expr, $mask:ident) => {
            with_level!(fitting(level, size.0), simd => rows::<_, _, _, _, FS, FD, $mask>(simd, d, $s, $m, size))
        };
    }
    match (s, mask) {
        (Source::Words(s, set), Mask::None) => rows!((s, set), (), NO_MASK),
        (Source::Words(s, set), Mask::Alpha(m)) => rows!((s, set), m, ALPHA),
        (Source::Words(s, set), Mask::Component(m)) => rows!((s, set), m, COMPONENT),
        (Source::Words(s, set), Mask::Alphas(m)) if FS == ONE => rows!((s, set), m, ALPHAS),
        (Source::One(word), Mask::None) if FS == ONE => rows!(word, (), NO_MASK),
        (Source::One(word), Mask::Alpha(m)) if FS == ONE => rows!(word, m, ALPHA),
        (Source::One(word), Mask::Alphas(m)) if FS == ONE => rows!(word, m, ALPHAS),
        (Source::One(word), Mask::Component(m)) if FS == ONE => rows!(word, m, COMPONENT),
        _ => unreachable!("only takes_one's operators get these"),
    }
}

/// `v / 255`, rounded, for `v` up to 255 * 255.
#[inline(always)]
fn div_un8<S: Simd>(v: S::i32s) -> S::i32s {
    let t = v + 128;
    (t + (t >> 8)) >> 8
}

/// Screen, or multiply, by which of the two is the upper: `2 * upper < upper_alpha` multiplies.
#[inline(always)]
fn light<S: Simd>(
    multiplies: <S::i32s as SimdBase<S>>::Mask,
    s: S::i32s,
    sa: S::i32s,
    d: S::i32s,
    da: S::i32s,
) -> S::i32s {
    multiplies.select((s + s) * d, sa * da - (da - d) * (sa - s) * 2)
}

const MULTIPLY: u8 = CompositeOp::Multiply as u8;
const SCREEN: u8 = CompositeOp::Screen as u8;
const OVERLAY: u8 = CompositeOp::Overlay as u8;
const DARKEN: u8 = CompositeOp::Darken as u8;
const LIGHTEN: u8 = CompositeOp::Lighten as u8;
const HARD_LIGHT: u8 = CompositeOp::HardLight as u8;
const DIFFERENCE: u8 = CompositeOp::Difference as u8;
const EXCLUSION: u8 = CompositeOp::Exclusion as u8;

/// A channel of a blend mode: masked source, its alpha, target and target alpha. PDF's separable ones are the parts
/// where one picture is alone and that where both are, times 255 * 255, divided once.
#[inline(always)]
fn blend<S: Simd, const OP: u8>(simd: S, s: S::i32s, sa: S::i32s, d: S::i32s, da: S::i32s) -> S::i32s {
    let (zero, full) = (S::i32s::splat(simd, 0), S::i32s::splat(simd, 255));
    let both = match OP {
        MULTIPLY => {
            let apart = div_un8::<S>(s * (full - da)) + div_un8::<S>(d * (full - sa));
            return (apart.min(full) + div_un8::<S>(d * s)).min(full);
        }
        SCREEN => s * da + d * sa - s * d,
        OVERLAY => light::<S>((d + d).simd_lt(da), s, sa, d, da),
        DARKEN => (s * da).min(d * sa),
        LIGHTEN => (s * da).max(d * sa),
        HARD_LIGHT => light::<S>((s + s).simd_lt(sa), s, sa, d, da),
        DIFFERENCE => (s * da - d * sa).max(d * sa - s * da),
        _ => s * da + d * sa - (s + s) * d,
    };
    let sum = (full - sa) * d + (full - da) * s + both;
    div_un8::<S>(sum.max(zero).min(S::i32s::splat(simd, 255 * 255)))
}

#[inline(always)]
fn channel<S: Simd>(words: S::u32s, shift: u32) -> S::i32s {
    ((words >> shift) & 0xff).bitcast()
}

/// One vector of a blend mode, on 32-bit lanes of a channel each.
#[inline(always)]
fn blend_vector<S: Simd, const OP: u8>(simd: S, mask: u8, d: S::u32s, s: S::u32s, m: S::u32s) -> S::u32s {
    let (s, sa) = masked(mask, Lanes::<S>::load(s), Lanes::<S>::load(m));
    let (s, sa) = (s.word(), sa.word());
    let da = channel::<S>(d, 24);
    let alpha = {
        let sa = channel::<S>(sa, 24);
        match OP {
            MULTIPLY => blend::<S, OP>(simd, sa, sa, da, da),
            _ => div_un8::<S>((da + sa) * 255 - sa * da),
        }
    };
    let mut out: S::u32s = alpha.bitcast();
    for shift in [16, 8, 0] {
        let (s, sa) = (channel::<S>(s, shift), channel::<S>(sa, shift));
        let v: S::u32s = blend::<S, OP>(simd, s, sa, channel::<S>(d, shift), da).bitcast();
        out = (out << 8) | v;
    }
    out
}

fn blend_rows<S: Simd, const OP: u8>(
    simd: S,
    d: &mut GridMut<'_, u32>,
    s: Source<'_>,
    mask: Mask<'_>,
    (width, height): Size,
) {
    let (Source::Words(s, set), mask, m) = (match (s, mask) {
        (Source::Words(w, _), Mask::None) => (s, NO_MASK, w),
        (_, Mask::Alpha(m)) => (s, ALPHA, m),
        (_, Mask::Component(m)) => (s, COMPONENT, m),
        _ => unreachable!("only takes_one's operators get these"),
    }) else {
        unreachable!("so too one word");
    };
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            for y in 0..height {
                let (d, s, m) = (d.row(y, width), s.row(y, width), m.row(y, width));
                let whole = width / n * n;
                for at in (0..whole).step_by(n) {
                    let at = at..at + n;
                    let (dv, sv) = (&d[at.clone()], &s[at.clone()]);
                    let (dv, sv) = (S::u32s::from_slice(simd, dv), S::u32s::from_slice(simd, sv));
                    let mv = S::u32s::from_slice(simd, &m[at.clone()]);
                    blend_vector::<S, OP>(simd, mask, dv, sv | set, mv).store_slice(&mut d[at]);
                }
                if whole < width {
                    let mut padded = [[0; 16]; 3];
                    let len = width - whole;
                    padded[0][..len].copy_from_slice(&d[whole..]);
                    padded[1][..len].copy_from_slice(&s[whole..]);
                    padded[2][..len].copy_from_slice(&m[whole..]);
                    let [dv, sv, mv] = &padded;
                    let (dv, sv) = (S::u32s::from_slice(simd, &dv[..n]), S::u32s::from_slice(simd, &sv[..n]));
                    let mv = S::u32s::from_slice(simd, &mv[..n]);
                    let out = blend_vector::<S, OP>(simd, mask, dv, sv | set, mv);
                    d[whole..].copy_from_slice(&out.as_slice()[..len]);
                }
            }
        },
    );
}

/// Combines source words into target words. The float operators do nothing here.
pub(super) fn combine(
    level: Level,
    op: CompositeOp,
    d: &mut GridMut<'_, u32>,
    s: Source<'_>,
    mask: Mask<'_>,
    size: Size,
) {
    use CompositeOp::*;
    match op {
        Clear => fill(level, &mut d.bytes(), 0, (4 * size.0, size.1)),
        Src => match (s, mask) {
            (Source::Words(s, 0), Mask::None) => copy(&mut d.bytes(), s.bytes(), (4 * size.0, size.1)),
            (Source::Words(s, set), Mask::None) => set_bits(level, d, s, set, size),
            (Source::One(word), Mask::None) => fill(level, &mut d.bytes(), word, (4 * size.0, size.1)),
            _ => porter_duff::<_, ONE, ZERO>(level, d, s, mask, size),
        },
        Over => porter_duff::<_, ONE, MISSING>(level, d, s, mask, size),
        OverReverse => porter_duff::<_, MISSING, ONE>(level, d, s, mask, size),
        In => porter_duff::<_, THERE, ZERO>(level, d, s, mask, size),
        InReverse => porter_duff::<_, ZERO, THERE>(level, d, s, mask, size),
        Out => porter_duff::<_, MISSING, ZERO>(level, d, s, mask, size),
        OutReverse => porter_duff::<_, ZERO, MISSING>(level, d, s, mask, size),
        Atop => porter_duff::<_, THERE, MISSING>(level, d, s, mask, size),
        AtopReverse => porter_duff::<_, MISSING, THERE>(level, d, s, mask, size),
        Xor => porter_duff::<_, MISSING, MISSING>(level, d, s, mask, size),
        Add => porter_duff::<_, ONE, ONE>(level, d, s, mask, size),
        Multiply => with_level!(level, simd => blend_rows::<_, MULTIPLY>(simd, d, s, mask, size)),
        Screen => with_level!(level, simd => blend_rows::<_, SCREEN>(simd, d, s, mask, size)),
        Overlay => with_level!(level, simd => blend_rows::<_, OVERLAY>(simd, d, s, mask, size)),
        Darken => with_level!(level, simd => blend_rows::<_, DARKEN>(simd, d, s, mask, size)),
        Lighten => with_level!(level, simd => blend_rows::<_, LIGHTEN>(simd, d, s, mask, size)),
        HardLight => with_level!(level, simd => blend_rows::<_, HARD_LIGHT>(simd, d, s, mask, size)),
        Difference => with_level!(level, simd => blend_rows::<_, DIFFERENCE>(simd, d, s, mask, size)),
        Exclusion => with_level!(level, simd => blend_rows::<_, EXCLUSION>(simd, d, s, mask, size)),
        _ => debug_assert!(op == Dst, "{op:?} is computed in float"),
    }
}
