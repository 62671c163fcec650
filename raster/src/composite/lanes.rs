//! The 8-bit arithmetic of the operators of Porter and Duff, on vectors.
//!
//! Every product is rounded by itself, `t = a * b + 128; (t + (t >> 8)) >> 8`, and sums stop at 255. Lanes have 16 bits:
//! the even and the odd bytes of the words apart.

use fearless_simd::prelude::*;

/// How a mask counts. All pixels count fully.
pub(super) const NO_MASK: u8 = 0;
/// The alpha of each word counts for all its channels.
pub(super) const ALPHA: u8 = 1;
/// Each channel counts for its own.
pub(super) const COMPONENT: u8 = 2;
/// As [`ALPHA`], with the alpha in both halves of the word.
pub(super) const ALPHAS: u8 = 3;

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

    /// Of words that have a channel's value in both halves.
    #[inline(always)]
    pub(super) fn twice(words: S::u32s) -> Self {
        Self { rb: words.bitcast(), ag: words.bitcast() }
    }

    #[inline(always)]
    pub(super) fn word(self) -> S::u32s {
        (self.rb | (self.ag << 8)).bitcast()
    }

    /// Alpha in all channels.
    #[inline(always)]
    pub(super) fn alpha(self) -> Self {
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
pub(super) fn masked<S: Simd>(mask: u8, s: Lanes<S>, m: Lanes<S>) -> (Lanes<S>, Lanes<S>) {
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
