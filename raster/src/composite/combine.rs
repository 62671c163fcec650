//! The 8-bit operators on rows of a8r8g8b8 words.
//!
//! Every product is rounded by itself, `t = a * b + 128; (t + (t >> 8)) >> 8`, and sums stop at 255. The operators of
//! Porter and Duff are two products and a sum, on vectors of 16-bit lanes: the even and the odd bytes of the words
//! apart. A mask comes first, so that all see the same three things: the masked source, its alpha for each channel,
//! and the target.

use super::op::CompositeOp;
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

/// One vector of an operator that takes the parts `FS` of the source and `FD` of the target.
#[inline(always)]
fn vector<S: Simd, const FS: u8, const FD: u8, const MASK: u8>(
    simd: S,
    d: S::u32s,
    s: S::u32s,
    m: S::u32s,
) -> S::u32s {
    let (d, s, m) = (Lanes::<S>::load(d), Lanes::<S>::load(s), Lanes::<S>::load(m));
    let (s, sa) = match MASK {
        NO_MASK => (s, s.alpha()),
        ALPHA => {
            let s = s.mul(m.alpha());
            (s, s.alpha())
        }
        _ => (s.mul(m), m.mul(s.alpha())),
    };
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

/// `a * b / 255`, rounded.
#[inline(always)]
pub(super) fn mul_un8(a: u32, b: u32) -> u32 {
    div_un8(a * b)
}

/// `v / 255`, rounded, for `v` up to 255 * 255.
#[inline(always)]
fn div_un8(v: u32) -> u32 {
    let t = v + 128;
    (t + (t >> 8)) >> 8
}

/// The operators beyond Porter and Duff, pixel by pixel: `channel(s, sa, d, da)` for masked source channel, its
/// alpha, target channel and target alpha, and likewise for the alpha itself.
#[inline(always)]
fn blend_row(
    d: &mut [u32],
    s: &[u32],
    mask: MaskRow<'_>,
    alpha: impl Fn(i32, i32) -> i32,
    channel: impl Fn(i32, i32, i32, i32) -> i32,
) {
    let pixel = |d: u32, s: [u32; 4], sa: [u32; 4]| {
        let da = (d >> 24) as i32;
        let mut out = (alpha(sa[3] as i32, da) as u32) << 24;
        for i in 0..3 {
            let shift = 8 * i as u32;
            out |= (channel(s[i] as i32, sa[i] as i32, (d >> shift & 0xff) as i32, da) as u32) << shift;
        }
        out
    };
    let bytes = |v: u32| [v & 0xff, v >> 8 & 0xff, v >> 16 & 0xff, v >> 24];
    match mask {
        MaskRow::None => d.iter_mut().zip(s).for_each(|(d, s)| *d = pixel(*d, bytes(*s), [s >> 24; 4])),
        MaskRow::Alpha(m) => d.iter_mut().zip(s).zip(m).for_each(|((d, s), m)| {
            let s = bytes(*s).map(|c| mul_un8(c, m >> 24));
            *d = pixel(*d, s, [s[3]; 4]);
        }),
        MaskRow::Component(m) => d.iter_mut().zip(s).zip(m).for_each(|((d, s), m)| {
            let (sb, mb) = (bytes(*s), bytes(*m));
            let masked = [0, 1, 2, 3].map(|i| mul_un8(sb[i], mb[i]));
            *d = pixel(*d, masked, mb.map(|m| mul_un8(m, s >> 24)));
        }),
    }
}

/// A separable blend mode of PDF: `mode(s, sa, d, da)` is the part where both are, times 255 * 255.
#[inline(always)]
fn separable(d: &mut [u32], s: &[u32], mask: MaskRow<'_>, mode: impl Fn(i32, i32, i32, i32) -> i32) {
    let div = |v: i32| div_un8(v.clamp(0, 255 * 255) as u32) as i32;
    blend_row(
        d,
        s,
        mask,
        |sa, da| div(da * 255 + sa * 255 - sa * da),
        |s, sa, d, da| div((255 - sa) * d + (255 - da) * s + mode(s, sa, d, da)),
    );
}

fn multiply(d: &mut [u32], s: &[u32], mask: MaskRow<'_>) {
    let mul = |a: i32, b: i32| mul_un8(a as u32, b as u32) as i32;
    let channel = |s, sa: i32, d, da: i32| {
        let apart = (mul(s, 255 - da) + mul(d, 255 - sa)).min(255);
        (apart + mul(d, s)).min(255)
    };
    blend_row(d, s, mask, |sa, da| channel(sa, sa, da, da), channel);
}

/// Screen, or multiply, by which of the two is the upper: `2 * upper < upper_alpha` multiplies.
#[inline(always)]
fn light(multiplies: bool, s: i32, sa: i32, d: i32, da: i32) -> i32 {
    if multiplies { 2 * s * d } else { sa * da - 2 * (da - d) * (sa - s) }
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
        Multiply => multiply(d, s, mask),
        Screen => separable(d, s, mask, |s, sa, d, da| s * da + d * sa - s * d),
        Overlay => separable(d, s, mask, |s, sa, d, da| light(2 * d < da, s, sa, d, da)),
        Darken => separable(d, s, mask, |s, sa, d, da| (s * da).min(d * sa)),
        Lighten => separable(d, s, mask, |s, sa, d, da| (s * da).max(d * sa)),
        HardLight => separable(d, s, mask, |s, sa, d, da| light(2 * s < sa, s, sa, d, da)),
        Difference => separable(d, s, mask, |s, sa, d, da| (s * da - d * sa).abs()),
        Exclusion => separable(d, s, mask, |s, sa, d, da| s * da + d * sa - 2 * s * d),
        _ => debug_assert!(op == Dst, "{op:?} is computed in float"),
    }
}
