//! The 8-bit operators on rows of a8r8g8b8 words.
//!
//! Every product is rounded by itself, `t = a * b + 128; (t + (t >> 8)) >> 8`, and sums stop at 255. The operators of
//! Porter and Duff are two products and a sum, on vectors of 16-bit lanes: the even and the odd bytes of the words
//! apart; the blend modes, whose sums need more bits, take a channel in 32-bit lanes. A mask comes first, so that all
//! see the same three things: the masked source, its alpha for each channel, and the target.

use super::op::CompositeOp;
use crate::kernels::with_level;
use fearless_simd::{Level, dispatch, prelude::*};

/// The mask of a row of pixels, as words.
#[derive(Clone, Copy, Debug)]
pub(super) enum MaskRow<'a> {
    /// All pixels count fully.
    None,
    /// The alpha of each word counts for all channels.
    Alpha(&'a [u32]),
    /// Each channel counts for its own (component alpha).
    Component(&'a [u32]),
}

const NO_MASK: u8 = 0;
const ALPHA: u8 = 1;
const COMPONENT: u8 = 2;

/// What a product takes part of: the factors of Porter and Duff.
const ZERO: u8 = 0;
const ONE: u8 = 1;
const THERE: u8 = 2; // the other picture's alpha
const MISSING: u8 = 3; // 1 - the other picture's alpha

/// Pixels as 16-bit lanes: blue and red, green and alpha.
struct Lanes<S: Simd> {
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
    fn load(words: S::u32s) -> Self {
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
    fn mul(self, other: Self) -> Self {
        Self { rb: mul_lanes::<S>(self.rb, other.rb), ag: mul_lanes::<S>(self.ag, other.ag) }
    }

    #[inline(always)]
    fn not(self) -> Self {
        Self { rb: self.rb ^ 0xff, ag: self.ag ^ 0xff }
    }

    #[inline(always)]
    fn add(self, simd: S, other: Self) -> Self {
        let top = S::u16s::splat(simd, 255);
        Self { rb: (self.rb + other.rb).min(top), ag: (self.ag + other.ag).min(top) }
    }

    /// The part of it that a factor takes, `None` for nothing.
    #[inline(always)]
    fn part<const F: u8>(self, alpha: Self) -> Option<Self> {
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
    match (s.part::<FS>(d.alpha()), d.part::<FD>(sa)) {
        (Some(a), Some(b)) => a.add(simd, b).word(),
        (Some(a), None) => a.word(),
        (None, Some(b)) => b.word(),
        (None, None) => S::u32s::splat(simd, 0),
    }
}

#[inline(always)]
fn row<S: Simd, const FS: u8, const FD: u8, const MASK: u8>(simd: S, d: &mut [u32], s: &[u32], m: &[u32]) {
    let n = S::u32s::LEN;
    let whole = d.len() / n * n;
    let (d, d_rest) = d.split_at_mut(whole);
    let (s, s_rest) = s.split_at(whole);
    let (m, m_rest) = m.split_at(whole);
    let load = |v: &[u32]| S::u32s::from_slice(simd, v);
    for ((d, s), m) in d.chunks_exact_mut(n).zip(s.chunks_exact(n)).zip(m.chunks_exact(n)) {
        vector::<S, FS, FD, MASK>(simd, load(d), load(s), load(m)).store_slice(d);
    }
    if !d_rest.is_empty() {
        let pad = |v: &[u32]| {
            let mut padded = [0; 16];
            padded[..v.len()].copy_from_slice(v);
            load(&padded[..n])
        };
        let mut out = [0; 16];
        vector::<S, FS, FD, MASK>(simd, pad(d_rest), pad(s_rest), pad(m_rest)).store_slice(&mut out[..n]);
        d_rest.copy_from_slice(&out[..d_rest.len()]);
    }
}

fn porter_duff<const FS: u8, const FD: u8>(level: Level, d: &mut [u32], s: &[u32], mask: MaskRow<'_>) {
    match mask {
        MaskRow::None => dispatch!(level, simd => row::<_, FS, FD, NO_MASK>(simd, d, s, s)),
        MaskRow::Alpha(m) => dispatch!(level, simd => row::<_, FS, FD, ALPHA>(simd, d, s, m)),
        MaskRow::Component(m) => dispatch!(level, simd => row::<_, FS, FD, COMPONENT>(simd, d, s, m)),
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

fn blend_row<S: Simd, const OP: u8>(simd: S, d: &mut [u32], s: &[u32], mask: MaskRow<'_>) {
    let (mask, m) = match mask {
        MaskRow::None => (NO_MASK, s),
        MaskRow::Alpha(m) => (ALPHA, m),
        MaskRow::Component(m) => (COMPONENT, m),
    };
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            let mut padded = [[0; 16]; 3];
            for ((d, s), m) in d.chunks_mut(n).zip(s.chunks(n)).zip(m.chunks(n)) {
                let len = d.len();
                padded[0][..len].copy_from_slice(d);
                padded[1][..len].copy_from_slice(s);
                padded[2][..len].copy_from_slice(m);
                let [dv, sv, mv] = &padded;
                let (dv, sv) = (S::u32s::from_slice(simd, &dv[..n]), S::u32s::from_slice(simd, &sv[..n]));
                let mv = S::u32s::from_slice(simd, &mv[..n]);
                d.copy_from_slice(&blend_vector::<S, OP>(simd, mask, dv, sv, mv).as_slice()[..len]);
            }
        },
    );
}

/// The same on single bytes: alpha alone.
#[inline(always)]
fn alpha_row<const FS: u8, const FD: u8>(d: &mut [u8], s: &[u8], m: Option<&[u8]>) {
    let mul = |a: u8, b: u8| {
        let t = u16::from(a) * u16::from(b) + 128;
        ((t + (t >> 8)) >> 8) as u8
    };
    let part = |factor: u8, v: u8, alpha: u8| match factor {
        ZERO => 0,
        ONE => v,
        THERE => mul(v, alpha),
        _ => mul(v, 255 - alpha),
    };
    let pixel = |d: u8, s: u8| part(FS, s, d).saturating_add(part(FD, d, s));
    match m {
        None => d.iter_mut().zip(s).for_each(|(d, s)| *d = pixel(*d, *s)),
        Some(m) => d.iter_mut().zip(s).zip(m).for_each(|((d, s), m)| *d = pixel(*d, mul(*s, *m))),
    }
}

fn porter_duff_alpha<const FS: u8, const FD: u8>(level: Level, d: &mut [u8], s: &[u8], m: Option<&[u8]>) {
    dispatch!(level, _simd => alpha_row::<FS, FD>(d, s, m));
}

/// Combines a row of source alphas into a row of an 8-bit alpha target, which needs no colours: there component alpha
/// is alpha. False if the operator is none of Porter and Duff's; then nothing happens.
pub(super) fn combine_alphas(
    level: Level,
    op: CompositeOp,
    d: &mut [u8],
    s: &[u8],
    m: Option<&[u8]>,
) -> bool {
    use CompositeOp::*;
    match op {
        Clear => d.fill(0),
        Src => match m {
            None => d.copy_from_slice(s),
            Some(_) => porter_duff_alpha::<ONE, ZERO>(level, d, s, m),
        },
        Over => porter_duff_alpha::<ONE, MISSING>(level, d, s, m),
        OverReverse => porter_duff_alpha::<MISSING, ONE>(level, d, s, m),
        In => porter_duff_alpha::<THERE, ZERO>(level, d, s, m),
        InReverse => porter_duff_alpha::<ZERO, THERE>(level, d, s, m),
        Out => porter_duff_alpha::<MISSING, ZERO>(level, d, s, m),
        OutReverse => porter_duff_alpha::<ZERO, MISSING>(level, d, s, m),
        Atop => porter_duff_alpha::<THERE, MISSING>(level, d, s, m),
        AtopReverse => porter_duff_alpha::<MISSING, THERE>(level, d, s, m),
        Xor => porter_duff_alpha::<MISSING, MISSING>(level, d, s, m),
        Add => porter_duff_alpha::<ONE, ONE>(level, d, s, m),
        _ => return false,
    }
    true
}

/// Combines a row of source words into a row of target words. The float operators do nothing here.
pub(super) fn combine(level: Level, op: CompositeOp, d: &mut [u32], s: &[u32], mask: MaskRow<'_>) {
    use CompositeOp::*;
    match op {
        Clear => d.fill(0),
        Src => match mask {
            MaskRow::None => d.copy_from_slice(s),
            _ => porter_duff::<ONE, ZERO>(level, d, s, mask),
        },
        Over => porter_duff::<ONE, MISSING>(level, d, s, mask),
        OverReverse => porter_duff::<MISSING, ONE>(level, d, s, mask),
        In => porter_duff::<THERE, ZERO>(level, d, s, mask),
        InReverse => porter_duff::<ZERO, THERE>(level, d, s, mask),
        Out => porter_duff::<MISSING, ZERO>(level, d, s, mask),
        OutReverse => porter_duff::<ZERO, MISSING>(level, d, s, mask),
        Atop => porter_duff::<THERE, MISSING>(level, d, s, mask),
        AtopReverse => porter_duff::<MISSING, THERE>(level, d, s, mask),
        Xor => porter_duff::<MISSING, MISSING>(level, d, s, mask),
        Add => match mask {
            // A third faster than by 16-bit lanes.
            MaskRow::None => dispatch!(level, _simd => alpha_row::<ONE, ONE>(
                bytemuck::cast_slice_mut(d),
                bytemuck::cast_slice(s),
                None,
            )),
            _ => porter_duff::<ONE, ONE>(level, d, s, mask),
        },
        Multiply => with_level!(level, simd => blend_row::<_, MULTIPLY>(simd, d, s, mask)),
        Screen => with_level!(level, simd => blend_row::<_, SCREEN>(simd, d, s, mask)),
        Overlay => with_level!(level, simd => blend_row::<_, OVERLAY>(simd, d, s, mask)),
        Darken => with_level!(level, simd => blend_row::<_, DARKEN>(simd, d, s, mask)),
        Lighten => with_level!(level, simd => blend_row::<_, LIGHTEN>(simd, d, s, mask)),
        HardLight => with_level!(level, simd => blend_row::<_, HARD_LIGHT>(simd, d, s, mask)),
        Difference => with_level!(level, simd => blend_row::<_, DIFFERENCE>(simd, d, s, mask)),
        Exclusion => with_level!(level, simd => blend_row::<_, EXCLUSION>(simd, d, s, mask)),
        _ => debug_assert!(op == Dst, "{op:?} is computed in float"),
    }
}
