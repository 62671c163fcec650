//! The 8-bit operators on rows of a8r8g8b8 words.
//!
//! Every product is rounded by itself, `t = a * b + 128; (t + (t >> 8)) >> 8`, and sums stop at 255. The operators of
//! Porter and Duff are two products and a sum, on vectors of 16-bit lanes: the even and the odd bytes of the words
//! apart; the blend modes, whose sums need more bits, take a channel in 32-bit lanes. A mask comes first, so that all
//! see the same three things: the masked source, its alpha for each channel, and the target.

use super::grid::{Grid, GridMut, Size, copy};
use super::op::CompositeOp;
use crate::kernels::with_level;
use fearless_simd::{Level, dispatch, prelude::*};

/// The mask of a rectangle of pixels, as words.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mask<'a> {
    /// All pixels count fully.
    None,
    /// The alpha of each word counts for all channels.
    Alpha(Grid<'a, u32>),
    /// So do these alphas; for the operators that [`takes_alphas`] names.
    Alphas(Grid<'a, u8>),
    /// So do these, for the same operators, and all pixels of the source are the first one.
    OfOne(Grid<'a, u8>),
    /// Each channel counts for its own (component alpha).
    Component(Grid<'a, u32>),
}

/// Whether masks can come as alphas without their words: the operators that guests draw text with.
pub(super) fn takes_alphas(op: CompositeOp) -> bool {
    matches!(op, CompositeOp::Over | CompositeOp::Add | CompositeOp::Src)
}

const NO_MASK: u8 = 0;
const ALPHA: u8 = 1;
const COMPONENT: u8 = 2;

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
    let (d, s, m) = (Lanes::<S>::load(d), Lanes::<S>::load(s), Lanes::<S>::load(m));
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

/// A mask's pixel: a word, or an alpha alone.
trait MaskPixel: Copy {
    fn word(self) -> u32;
}

impl MaskPixel for u32 {
    #[inline(always)]
    fn word(self) -> u32 {
        self
    }
}

impl MaskPixel for u8 {
    #[inline(always)]
    fn word(self) -> u32 {
        u32::from(self) << 24
    }
}

/// As many words of a mask as a vector has.
#[allow(clippy::needless_range_loop, reason = "of a known count, so that it becomes a vector's instructions")]
#[inline(always)]
fn load_mask<S: Simd, M: MaskPixel>(simd: S, m: &[M]) -> S::u32s {
    let mut words = [0; 16];
    for i in 0..S::u32s::LEN {
        words[i] = m[i].word();
    }
    S::u32s::from_slice(simd, &words[..S::u32s::LEN])
}

/// A row. The last vector of it overlaps the one before, so it is computed first and stored last.
#[inline(always)]
fn row<S: Simd, M: MaskPixel, const FS: u8, const FD: u8, const MASK: u8>(
    simd: S,
    d: &mut [u32],
    s: &[u32],
    m: &[M],
) {
    let n = S::u32s::LEN;
    let len = d.len();
    if len < n {
        for ((d, s), m) in d.iter_mut().zip(s).zip(m) {
            let (dv, sv) = (S::u32s::splat(simd, *d), S::u32s::splat(simd, *s));
            let mv = S::u32s::splat(simd, m.word());
            *d = vector::<S, FS, FD, MASK>(simd, dv, sv, mv).as_slice()[0];
        }
        return;
    }
    let last = len - n;
    let (dv, sv) = (S::u32s::from_slice(simd, &d[last..len]), S::u32s::from_slice(simd, &s[last..len]));
    let end = vector::<S, FS, FD, MASK>(simd, dv, sv, load_mask::<S, M>(simd, &m[last..len]));
    let pixels = d.chunks_exact_mut(n).zip(s.chunks_exact(n)).zip(m.chunks_exact(n));
    for ((d, s), m) in pixels.take((len - 1) / n) {
        let (dv, sv) = (S::u32s::from_slice(simd, d), S::u32s::from_slice(simd, s));
        vector::<S, FS, FD, MASK>(simd, dv, sv, load_mask::<S, M>(simd, m)).store_slice(d);
    }
    end.store_slice(&mut d[last..len]);
}

#[inline(always)]
fn rows<S: Simd, M: MaskPixel, const FS: u8, const FD: u8, const MASK: u8>(
    simd: S,
    d: &mut GridMut<'_, u32>,
    s: Grid<'_, u32>,
    m: Grid<'_, M>,
    (width, height): Size,
) {
    for y in 0..height {
        row::<S, M, FS, FD, MASK>(simd, d.row(y, width), s.row(y, width), m.row(y, width));
    }
}

/// Alphas in 16-bit lanes, each twice, as many as there are words in a vector.
#[allow(clippy::needless_range_loop, reason = "of a known count, so that it becomes a vector's instructions")]
#[inline(always)]
fn load_alphas<S: Simd>(simd: S, m: &[u8]) -> Lanes<S> {
    let mut words = [0; 16];
    for i in 0..S::u32s::LEN {
        words[i] = u32::from(m[i]);
    }
    let m = S::u32s::from_slice(simd, &words[..S::u32s::LEN]);
    let m: S::u16s = (m | (m << 16)).bitcast();
    Lanes { rb: m, ag: m }
}

/// One vector of an operator that takes all of the source, which is one colour under alphas: text.
#[inline(always)]
fn vector_of_one<S: Simd, const FD: u8>(simd: S, d: S::u32s, s: Lanes<S>, m: Lanes<S>) -> S::u32s {
    let s = s.mul(m);
    sum(simd, Some(s), Lanes::<S>::load(d).part::<FD>(s.alpha()))
}

/// Rows of one colour under alphas. The last vector of a row overlaps the one before: it is computed first and stored
/// last.
#[inline(always)]
fn rows_of_one<S: Simd, const FD: u8>(
    simd: S,
    d: &mut GridMut<'_, u32>,
    word: u32,
    m: Grid<'_, u8>,
    (width, height): Size,
) {
    let n = S::u32s::LEN;
    let s = Lanes::<S>::load(S::u32s::splat(simd, word));
    if width < n {
        for y in 0..height {
            let (d, m) = (d.row(y, width), m.row(y, width));
            let (mut words, mut alphas) = ([0; 16], [0; 16]);
            words.iter_mut().zip(&*d).for_each(|(to, from)| *to = *from);
            alphas.iter_mut().zip(m).for_each(|(to, from)| *to = *from);
            let dv = S::u32s::from_slice(simd, &words[..n]);
            vector_of_one::<S, FD>(simd, dv, s, load_alphas::<S>(simd, &alphas)).store_slice(&mut words[..n]);
            d.iter_mut().zip(&words).for_each(|(to, from)| *to = *from);
        }
        return;
    }
    for y in 0..height {
        let (d, m) = (d.row(y, width), m.row(y, width));
        let last = width - n;
        let dv = S::u32s::from_slice(simd, &d[last..]);
        let end = vector_of_one::<S, FD>(simd, dv, s, load_alphas::<S>(simd, &m[last..]));
        let pixels = d.chunks_exact_mut(n).zip(m.chunks_exact(n));
        for (d, m) in pixels.take((width - 1) / n) {
            let dv = S::u32s::from_slice(simd, d);
            vector_of_one::<S, FD>(simd, dv, s, load_alphas::<S>(simd, m)).store_slice(d);
        }
        end.store_slice(&mut d[last..]);
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

fn porter_duff<const FS: u8, const FD: u8>(
    level: Level,
    d: &mut GridMut<'_, u32>,
    s: Grid<'_, u32>,
    mask: Mask<'_>,
    size: Size,
) {
    let level = fitting(level, size.0);
    match mask {
        Mask::None => dispatch!(level, simd => rows::<_, u32, FS, FD, NO_MASK>(simd, d, s, s, size)),
        Mask::Alpha(m) => dispatch!(level, simd => rows::<_, u32, FS, FD, ALPHA>(simd, d, s, m, size)),
        Mask::Component(m) => {
            dispatch!(level, simd => rows::<_, u32, FS, FD, COMPONENT>(simd, d, s, m, size))
        }
        // The operators that take all of the source are those that takes_alphas names.
        Mask::Alphas(m) if FS == ONE => {
            dispatch!(level, simd => rows::<_, u8, FS, FD, ALPHA>(simd, d, s, m, size))
        }
        Mask::OfOne(m) if FS == ONE => {
            let word = s.row(0, 1)[0];
            dispatch!(level, simd => rows_of_one::<_, FD>(simd, d, word, m, size))
        }
        Mask::Alphas(_) | Mask::OfOne(_) => unreachable!("only takes_alphas' operators get these"),
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
    s: Grid<'_, u32>,
    mask: Mask<'_>,
    (width, height): Size,
) {
    let (mask, m) = match mask {
        Mask::None => (NO_MASK, s),
        Mask::Alpha(m) => (ALPHA, m),
        Mask::Component(m) => (COMPONENT, m),
        Mask::Alphas(_) | Mask::OfOne(_) => unreachable!("only takes_alphas' operators get these"),
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
                    blend_vector::<S, OP>(simd, mask, dv, sv, mv).store_slice(&mut d[at]);
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
                    let out = blend_vector::<S, OP>(simd, mask, dv, sv, mv);
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
    s: Grid<'_, u32>,
    mask: Mask<'_>,
    size: Size,
) {
    use CompositeOp::*;
    match op {
        Clear => (0..size.1).for_each(|y| d.row(y, size.0).fill(0)),
        Src => match mask {
            Mask::None => copy(&mut d.bytes(), s.bytes(), (4 * size.0, size.1)),
            _ => porter_duff::<ONE, ZERO>(level, d, s, mask, size),
        },
        Over => porter_duff::<ONE, MISSING>(level, d, s, mask, size),
        OverReverse => porter_duff::<MISSING, ONE>(level, d, s, mask, size),
        In => porter_duff::<THERE, ZERO>(level, d, s, mask, size),
        InReverse => porter_duff::<ZERO, THERE>(level, d, s, mask, size),
        Out => porter_duff::<MISSING, ZERO>(level, d, s, mask, size),
        OutReverse => porter_duff::<ZERO, MISSING>(level, d, s, mask, size),
        Atop => porter_duff::<THERE, MISSING>(level, d, s, mask, size),
        AtopReverse => porter_duff::<MISSING, THERE>(level, d, s, mask, size),
        Xor => porter_duff::<MISSING, MISSING>(level, d, s, mask, size),
        Add => porter_duff::<ONE, ONE>(level, d, s, mask, size),
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
