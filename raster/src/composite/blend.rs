//! The blend modes of PDF that work channel by channel, on rows of a8r8g8b8 words.
//!
//! Their sums need more bits than 16: a channel at a time goes in 32-bit lanes.

use super::cells::{Set, WordMask};
use super::lanes::{ALPHA, COMPONENT, Lanes, NO_MASK, masked};
use super::op::CompositeOp;
use crate::grid::{GridMut, Size};
use crate::kernels::with_level;
use fearless_simd::{Level, prelude::*};

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
fn mode<S: Simd, const OP: u8>(simd: S, s: S::i32s, sa: S::i32s, d: S::i32s, da: S::i32s) -> S::i32s {
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
fn vector<S: Simd, const OP: u8>(simd: S, mask: u8, d: S::u32s, s: S::u32s, m: S::u32s) -> S::u32s {
    let (s, sa) = masked(mask, Lanes::<S>::load(s), Lanes::<S>::load(m));
    let (s, sa) = (s.word(), sa.word());
    let da = channel::<S>(d, 24);
    let alpha = {
        let sa = channel::<S>(sa, 24);
        match OP {
            MULTIPLY => mode::<S, OP>(simd, sa, sa, da, da),
            _ => div_un8::<S>((da + sa) * 255 - sa * da),
        }
    };
    let mut out: S::u32s = alpha.bitcast();
    for shift in [16, 8, 0] {
        let (s, sa) = (channel::<S>(s, shift), channel::<S>(sa, shift));
        let v: S::u32s = mode::<S, OP>(simd, s, sa, channel::<S>(d, shift), da).bitcast();
        out = (out << 8) | v;
    }
    out
}

fn rows<S: Simd, const OP: u8>(
    simd: S,
    d: &mut GridMut<'_, u32>,
    Set { words: s, bits: set }: Set<'_>,
    mask: WordMask<'_>,
    (width, height): Size,
) {
    let (mask, m) = match mask {
        WordMask::None => (NO_MASK, s),
        WordMask::Alpha(m) => (ALPHA, m),
        WordMask::Component(m) => (COMPONENT, m),
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
                    vector::<S, OP>(simd, mask, dv, sv | set, mv).store_slice(&mut d[at]);
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
                    let out = vector::<S, OP>(simd, mask, dv, sv | set, mv);
                    d[whole..].copy_from_slice(&out.as_slice()[..len]);
                }
            }
        },
    );
}

/// Combines source words into target words. Other operators do nothing here.
pub(super) fn blend(
    level: Level,
    op: CompositeOp,
    d: &mut GridMut<'_, u32>,
    s: Set<'_>,
    mask: WordMask<'_>,
    size: Size,
) {
    use CompositeOp::*;
    with_level!(level, simd => match op {
        Multiply => rows::<_, MULTIPLY>(simd, d, s, mask, size),
        Screen => rows::<_, SCREEN>(simd, d, s, mask, size),
        Overlay => rows::<_, OVERLAY>(simd, d, s, mask, size),
        Darken => rows::<_, DARKEN>(simd, d, s, mask, size),
        Lighten => rows::<_, LIGHTEN>(simd, d, s, mask, size),
        HardLight => rows::<_, HARD_LIGHT>(simd, d, s, mask, size),
        Difference => rows::<_, DIFFERENCE>(simd, d, s, mask, size),
        Exclusion => rows::<_, EXCLUSION>(simd, d, s, mask, size),
        _ => debug_assert!(op == Dst, "{op:?} is no blend mode of 8 bits"),
    });
}
