//! The operators that divide: in single-precision floats, in the reference's order of operations.
//!
//! Rounding of every step shows in the result, so expressions are not to be rearranged; the twin in `naive_float`
//! has the same ones with branches. Here both sides of a branch are computed and one is selected, on planes of one
//! channel each. Division and root are exact to the last bit on every instruction set, and nothing is fused.
//!
//! Helpers take no closures: those would not be compiled for the vector's instruction set.

use super::fetch::with_texel;
use super::op::CompositeOp;
use super::plan::{Picture, Sampling};
use crate::geom::Rect;
use crate::kernels::bilinear::{BLOCK, Taps};
use crate::kernels::with_level;
use crate::surface::SurfaceFormat;
use fearless_simd::{Level, Simd, prelude::*};
use std::ops::Range;

/// Pixels that go through an operator at a time.
pub(super) const CHUNK: usize = 128;

/// Alpha, red, green and blue of pixels; premultiplied, nominally 0 to 1.
#[derive(Clone, Copy)]
pub(super) struct Planes(pub(super) [[f32; CHUNK]; 4]);

/// The same of some of them.
type Rows<'a> = [&'a [f32]; 4];

impl Planes {
    pub(super) const fn new() -> Self {
        Self([[0.0; CHUNK]; 4])
    }

    fn rows(&self, range: Range<usize>) -> Rows<'_> {
        self.0.each_ref().map(|plane| &plane[range.clone()])
    }

    fn rows_mut(&mut self, range: Range<usize>) -> [&mut [f32]; 4] {
        self.0.each_mut().map(|plane| &mut plane[range.clone()])
    }

    /// Some of the pixels, first.
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        let mut part = Self::new();
        part.rows_mut(0..range.len()).into_iter().zip(self.rows(range)).for_each(|(to, from)| {
            to.copy_from_slice(from);
        });
        part
    }
}

/// A vector from `at` on, zeros behind the end.
#[inline(always)]
fn load<S: Simd>(simd: S, from: &[f32], at: usize) -> S::f32s {
    let n = S::f32s::LEN;
    if at + n <= from.len() {
        return S::f32s::from_slice(simd, &from[at..at + n]);
    }
    let mut padded = [0.0; 16];
    padded[..from.len() - at].copy_from_slice(&from[at..]);
    S::f32s::from_slice(simd, &padded[..n])
}

#[inline(always)]
fn load_four<S: Simd>(simd: S, [a, r, g, b]: Rows<'_>, at: usize) -> [S::f32s; 4] {
    [load(simd, a, at), load(simd, r, at), load(simd, g, at), load(simd, b, at)]
}

/// The part of a vector that fits.
#[inline(always)]
fn store<S: Simd>(v: S::f32s, to: &mut [f32], at: usize) {
    let n = S::f32s::LEN;
    if at + n <= to.len() {
        v.store_slice(&mut to[at..at + n]);
    } else {
        let len = to.len() - at;
        to[at..].copy_from_slice(&v.as_slice()[..len]);
    }
}

/// Bits of red, green and blue in a format.
fn color_bits(format: SurfaceFormat) -> [u32; 3] {
    match format {
        SurfaceFormat::X1R5G5B5 => [5, 5, 5],
        SurfaceFormat::R5G6B5 => [5, 6, 5],
        _ => [8, 8, 8],
    }
}

/// The channel at a bit of words, of which only the uppermost bits are the format's.
#[inline(always)]
fn channel<S: Simd>(words: S::u32s, shift: u32, bits: u32) -> S::f32s {
    let top = (1 << bits) - 1;
    let v: S::i32s = ((words >> (shift + 8 - bits)) & top).bitcast();
    S::f32s::float_from(v) * (1.0 / top as f32)
}

/// Words as floats, with the bits that the format really has.
#[inline(always)]
fn expand<S: Simd>(words: S::u32s, [r, g, b]: [u32; 3]) -> [S::f32s; 4] {
    [
        channel::<S>(words, 24, 8),
        channel::<S>(words, 16, r),
        channel::<S>(words, 8, g),
        channel::<S>(words, 0, b),
    ]
}

/// Words as floats.
fn expand_row<S: Simd>(simd: S, bits: [u32; 3], words: &[u32], out: [&mut [f32]; 4]) {
    let [a, r, g, b] = out;
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            for (i, words) in words.chunks(n).enumerate() {
                let words = if words.len() == n {
                    S::u32s::from_slice(simd, words)
                } else {
                    let mut padded = [0; 16];
                    padded[..words.len()].copy_from_slice(words);
                    S::u32s::from_slice(simd, &padded[..n])
                };
                let v = expand::<S>(words, bits);
                store::<S>(v[0], a, i * n);
                store::<S>(v[1], r, i * n);
                store::<S>(v[2], g, i * n);
                store::<S>(v[3], b, i * n);
            }
        },
    );
}

/// The weighted means of taps.
fn mix_taps<S: Simd>(simd: S, bits: [u32; 3], taps: &Taps, out: [&mut [f32]; 4]) {
    let [a, r, g, b] = out;
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            let one = S::f32s::splat(simd, 1.0);
            for at in (0..a.len().min(BLOCK)).step_by(n) {
                let [tl, tr, bl, br] = &taps.words;
                let tl = expand::<S>(S::u32s::from_slice(simd, &tl[at..at + n]), bits);
                let tr = expand::<S>(S::u32s::from_slice(simd, &tr[at..at + n]), bits);
                let bl = expand::<S>(S::u32s::from_slice(simd, &bl[at..at + n]), bits);
                let br = expand::<S>(S::u32s::from_slice(simd, &br[at..at + n]), bits);
                let [fx, fy] = &taps.fractions;
                let fx: S::i32s = S::u32s::from_slice(simd, &fx[at..at + n]).bitcast();
                let fy: S::i32s = S::u32s::from_slice(simd, &fy[at..at + n]).bitcast();
                let (fx, fy) = (S::f32s::float_from(fx) / 65536.0, S::f32s::float_from(fy) / 65536.0);
                let (wtl, wtr) = ((one - fx) * (one - fy), fx * (one - fy));
                let (wbl, wbr) = ((one - fx) * fy, fx * fy);
                store::<S>(tl[0] * wtl + tr[0] * wtr + bl[0] * wbl + br[0] * wbr, a, at);
                store::<S>(tl[1] * wtl + tr[1] * wtr + bl[1] * wbl + br[1] * wbr, r, at);
                store::<S>(tl[2] * wtl + tr[2] * wtr + bl[2] * wbl + br[2] * wbr, g, at);
                store::<S>(tl[3] * wtl + tr[3] * wtr + bl[3] * wbl + br[3] * wbr, b, at);
            }
        },
    );
}

impl Picture<'_> {
    /// Fills the first planes with the pixels for the target pixels of `block`, row by row; `words` is scratch, one
    /// for each. Bilinear filtering is in float, too, with all 16 bits of the fractions.
    pub(super) fn floats(&self, level: Level, block: Rect, words: &mut [u32], out: &mut Planes) {
        let bits = color_bits(self.surface.format());
        if self.sampling != Sampling::Bilinear {
            self.rect_words(level, block, words);
            let out = out.rows_mut(0..words.len());
            return with_level!(level, simd => expand_row(simd, bits, words, out));
        }
        let (len, x) = (block.width() as usize, i64::from(block.left) + self.shift.0);
        for (row, y) in (block.top..block.bottom).enumerate() {
            let (before, y) = (row * len, i64::from(y) + self.shift.1);
            with_texel!(self.surface.format(), T => self.each_taps::<T>(level, x, y, len, |at, taps| {
                let out = out.rows_mut(before + at.start..before + at.end);
                match taps {
                    None => out.into_iter().for_each(|plane| plane.fill(0.0)),
                    Some(taps) => with_level!(level, simd => mix_taps(simd, bits, taps, out)),
                }
            }));
        }
    }
}

/// The products of planes.
#[inline(always)]
fn scale(plane: &mut [f32], by: &[f32]) {
    plane.iter_mut().zip(by).for_each(|(v, by)| *v *= by);
}

/// Covers the first `len` source pixels by a mask, which counts channel by channel with `component`. Gives the alphas
/// that the source's channels then count with, where they are not all the source's own.
pub(super) fn mask<'m>(
    op: CompositeOp,
    s: &mut Planes,
    m: Option<&'m mut Planes>,
    len: usize,
    component: bool,
) -> Option<&'m Planes> {
    let m = m?;
    let mut covered = s.rows_mut(0..len);
    if op.is_hsl() {
        // So the reference does it: green is masked twice, blue never.
        [0, 1, 2, 2].into_iter().for_each(|i| scale(covered[i], &m.0[0]));
        return None;
    }
    if !component {
        covered.into_iter().for_each(|plane| scale(plane, &m.0[0]));
        return None;
    }
    let [s_alpha, colors @ ..] = covered;
    let mut alphas = m.rows_mut(0..len);
    for (i, color) in colors.into_iter().enumerate() {
        scale(color, alphas[i + 1]);
    }
    alphas.iter_mut().for_each(|plane| scale(plane, s_alpha));
    s_alpha.copy_from_slice(alphas[0]);
    Some(m)
}

/// Combines masked source pixels into target words of a format (with 8 bits a channel, as they were widened); `alphas`
/// are those that the source's channels count with, if not its own.
pub(super) fn combine(
    level: Level,
    op: CompositeOp,
    format: SurfaceFormat,
    words: &mut [u32],
    source: &Planes,
    alphas: Option<&Planes>,
    component: bool,
) {
    let s = source.rows(0..words.len());
    let alphas = alphas.map_or([s[0]; 4], |alphas| alphas.rows(0..words.len()));
    let bits = color_bits(format);
    // The reference has no HSL operators by component and leaves the colours alone.
    if component && op.is_hsl() {
        return with_level!(level, simd => row::<_, NOTHING>(simd, bits, words, s, alphas));
    }
    with_level!(level, simd => row_of(op)(simd, bits, words, s, alphas));
}

#[inline(always)]
fn is_zero<S: Simd>(v: S::f32s) -> <S::f32s as SimdBase<S>>::Mask {
    v.simd_gt(-f32::MIN_POSITIVE) & v.simd_lt(f32::MIN_POSITIVE)
}

/// `v` within 0 to 1 if `by` is not zero, else `or`.
#[inline(always)]
fn ratio<S: Simd>(simd: S, or: f32, by: S::f32s, v: S::f32s) -> S::f32s {
    is_zero::<S>(by).select(S::f32s::splat(simd, or), v.max(0.0).min(1.0))
}

/// What a factor of the disjoint and conjoint operators is: nothing, all, or by the alphas of both pictures.
const ZERO: u8 = 0;
const ONE: u8 = 1;
/// Disjoint: the other picture lies beside this one as far as there is room.
const OUT: u8 = 2;
const IN: u8 = 3;
/// Conjoint: the other picture lies on this one as far as it reaches.
const CON_OUT: u8 = 4;
const CON_IN: u8 = 5;

/// `v` as far as the factor `F` lets it, for alphas `a` of its own picture and `b` of the other.
#[inline(always)]
fn part<S: Simd, const F: u8>(simd: S, v: S::f32s, a: S::f32s, b: S::f32s) -> S::f32s {
    let one = S::f32s::splat(simd, 1.0);
    v * match F {
        ZERO => S::f32s::splat(simd, 0.0),
        ONE => one,
        OUT => ratio(simd, 1.0, a, (one - b) / a),
        IN => ratio(simd, 0.0, a, one - (one - b) / a),
        CON_OUT => ratio(simd, 0.0, a, one - b / a),
        _ => ratio(simd, 1.0, a, b / a),
    }
}

/// One channel of the disjoint and conjoint operators and SATURATE.
#[inline(always)]
fn factors<S: Simd, const OP: u8>(simd: S, s: S::f32s, sa: S::f32s, d: S::f32s, da: S::f32s) -> S::f32s {
    use CompositeOp::*;
    macro_rules! sum {
        ($s:ident, $d:ident) => {
            part::<S, $s>(simd, s, sa, da) + part::<S, $d>(simd, d, da, sa)
        };
    }
    let sum = match const { operator(OP) } {
        Saturate | DisjointOverReverse => sum!(OUT, ONE),
        DisjointOver => sum!(ONE, OUT),
        DisjointIn => sum!(IN, ZERO),
        DisjointInReverse => sum!(ZERO, IN),
        DisjointOut => sum!(OUT, ZERO),
        DisjointOutReverse => sum!(ZERO, OUT),
        DisjointAtop => sum!(IN, OUT),
        DisjointAtopReverse => sum!(OUT, IN),
        DisjointXor => sum!(OUT, OUT),
        ConjointOver => sum!(ONE, CON_OUT),
        ConjointOverReverse => sum!(CON_OUT, ONE),
        ConjointIn => sum!(CON_IN, ZERO),
        ConjointInReverse => sum!(ZERO, CON_IN),
        ConjointOut => sum!(CON_OUT, ZERO),
        ConjointOutReverse => sum!(ZERO, CON_OUT),
        ConjointAtop => sum!(CON_IN, CON_OUT),
        ConjointAtopReverse => sum!(CON_OUT, CON_IN),
        ConjointXor => sum!(CON_OUT, CON_OUT),
        _ => sum!(ZERO, ONE),
    };
    sum.min(1.0)
}

/// The part of a separable blend mode where both pictures are.
#[inline(always)]
fn blend<S: Simd, const OP: u8>(simd: S, sa: S::f32s, s: S::f32s, da: S::f32s, d: S::f32s) -> S::f32s {
    let zero = S::f32s::splat(simd, 0.0);
    match const { operator(OP) } {
        CompositeOp::ColorDodge => {
            let full = (d * sa).simd_ge(sa * da - s * da) | is_zero::<S>(sa - s);
            let v = full.select(sa * da, sa * sa * d / (sa - s));
            is_zero::<S>(d).select(zero, v)
        }
        CompositeOp::ColorBurn => {
            let none = (sa * (da - d)).simd_ge(s * da) | is_zero::<S>(s);
            let v = none.select(zero, sa * (da - sa * (da - d) / s));
            d.simd_ge(da).select(sa * da, v)
        }
        // SOFT_LIGHT
        _ => {
            let dark = d * sa - d * (da - d) * (sa - s * 2.0) / da;
            let low = d * sa + (s * 2.0 - sa) * d * ((d * 16.0 / da - 12.0) * d / da + 3.0);
            let high = d * sa + ((d * da).sqrt() - d) * (s * 2.0 - sa);
            let v = (d * 4.0).simd_le(da).select(low, high);
            let v = (s * 2.0).simd_le(sa).select(dark, v);
            is_zero::<S>(da).select(d * sa, v)
        }
    }
}

#[inline(always)]
fn lum<S: Simd>([r, g, b]: [S::f32s; 3]) -> S::f32s {
    r * 0.3 + g * 0.59 + b * 0.11
}

#[inline(always)]
fn least<S: Simd>([r, g, b]: [S::f32s; 3]) -> S::f32s {
    r.min(g).min(b)
}

#[inline(always)]
fn most<S: Simd>([r, g, b]: [S::f32s; 3]) -> S::f32s {
    r.max(g).max(b)
}

/// Moves the colour to luminosity `to`, then towards grey until all channels are within 0 to `alpha`.
#[inline(always)]
fn with_lum<S: Simd>(simd: S, [r, g, b]: [S::f32s; 3], alpha: S::f32s, to: S::f32s) -> [S::f32s; 3] {
    let by = to - lum::<S>([r, g, b]);
    let mut c = [r + by, g + by, b + by];
    let (l, n, x) = (lum::<S>(c), least::<S>(c), most::<S>(c));
    let zero = S::f32s::splat(simd, 0.0);
    let t = l - n;
    for v in &mut c {
        let v_up = is_zero::<S>(t).select(zero, l + ((*v - l) * l) / t);
        *v = n.simd_lt(0.0).select(v_up, *v);
    }
    let t = x - l;
    for v in &mut c {
        let v_down = is_zero::<S>(t).select(alpha, l + (*v - l) * (alpha - l) / t);
        *v = x.simd_gt(alpha).select(v_down, *v);
    }
    c
}

/// Stretches the colour to saturation `to`, its least channel to 0. Of equal channels it matters which one is the
/// middle one: that is rounded.
#[inline(always)]
fn with_sat<S: Simd>(simd: S, [r, g, b]: [S::f32s; 3], to: S::f32s) -> [S::f32s; 3] {
    let (rg, rb, gb) = (r.simd_gt(g), r.simd_gt(b), g.simd_gt(b));
    let (r_most, g_most) = (rg & rb, !rg & (rb | gb));
    let b_most = !(r_most | g_most);
    let (r_least, g_least) = (!rg & !rb, rg & !(rb & gb));
    let b_least = !(r_least | g_least);
    let max = r_most.select(r, g_most.select(g, b));
    let min = r_least.select(r, g_least.select(g, b));
    let t = max - min;
    let zero = S::f32s::splat(simd, 0.0);
    let grey = is_zero::<S>(t);
    let mut c = [r, g, b];
    for (v, (most, least)) in c.iter_mut().zip([(r_most, r_least), (g_most, g_least), (b_most, b_least)]) {
        let middle = ((*v - min) * to) / t;
        *v = (grey | least).select(zero, most.select(to, middle));
    }
    c
}

/// All channels of an HSL operator.
#[inline(always)]
fn hsl<S: Simd, const OP: u8>(simd: S, s: [S::f32s; 4], d: [S::f32s; 4]) -> [S::f32s; 4] {
    let ([sa, sr, sg, sb], [da, dr, dg, db]) = (s, d);
    let (sc, dc) = ([sr, sg, sb], [dr, dg, db]);
    let s_da = [sr * da, sg * da, sb * da];
    let d_sa = [dr * sa, dg * sa, db * sa];
    let (s_sat, d_sat) = (most::<S>(sc) - least::<S>(sc), most::<S>(dc) - least::<S>(dc));
    let both = match const { operator(OP) } {
        CompositeOp::HslHue => with_lum(simd, with_sat(simd, s_da, d_sat * sa), sa * da, lum::<S>(dc) * sa),
        CompositeOp::HslSaturation => {
            with_lum(simd, with_sat(simd, d_sa, s_sat * da), sa * da, lum::<S>(dc) * sa)
        }
        CompositeOp::HslColor => with_lum(simd, s_da, sa * da, lum::<S>(dc) * sa),
        _ => with_lum(simd, d_sa, sa * da, lum::<S>(sc) * da),
    };
    let one = S::f32s::splat(simd, 1.0);
    let (outside, under) = (one - sa, one - da);
    [
        sa + da - sa * da,
        outside * dr + under * sr + both[0],
        outside * dg + under * sg + both[1],
        outside * db + under * sb + both[2],
    ]
}

/// 256 even steps, cut off.
#[inline(always)]
fn byte<S: Simd>(v: S::f32s) -> S::u32s {
    let steps: S::u32s = S::i32s::truncate_from(v.max(0.0).min(1.0) * 256.0).bitcast();
    steps - (steps >> 8)
}

/// An operator on a row: target words and the bits of their colours, masked source, its alpha for each channel.
type FloatRow<S> = fn(S, [u32; 3], &mut [u32], Rows<'_>, Rows<'_>);

/// The number of the operator that leaves the target as it is.
const NOTHING: u8 = CompositeOp::Dst as u8;

fn row<S: Simd, const OP: u8>(simd: S, bits: [u32; 3], words: &mut [u32], s: Rows<'_>, alphas: Rows<'_>) {
    // Known when this is compiled, so that the loop has no choice left.
    let op = const { operator(OP) };
    simd.vectorize(
        #[inline(always)]
        || {
            let n = S::u32s::LEN;
            let mut padded = [0; 16];
            for (i, words) in words.chunks_mut(n).enumerate() {
                let len = words.len();
                let d = if len == n {
                    S::u32s::from_slice(simd, words)
                } else {
                    padded[..len].copy_from_slice(words);
                    S::u32s::from_slice(simd, &padded[..n])
                };
                let d = expand::<S>(d, bits);
                let (s, sa) = (load_four(simd, s, i * n), load_four(simd, alphas, i * n));
                let mut out = d;
                if op.is_hsl() {
                    out = hsl::<S, OP>(simd, s, d);
                } else if matches!(
                    op,
                    CompositeOp::ColorDodge | CompositeOp::ColorBurn | CompositeOp::SoftLight
                ) {
                    out[0] = d[0] + sa[0] - d[0] * sa[0];
                    let one = S::f32s::splat(simd, 1.0);
                    for i in 1..4 {
                        let apart = (one - sa[i]) * d[i] + (one - d[0]) * s[i];
                        out[i] = apart + blend::<S, OP>(simd, sa[i], s[i], d[0], d[i]);
                    }
                } else if OP != NOTHING {
                    for i in 0..4 {
                        out[i] = factors::<S, OP>(simd, s[i], sa[i], d[i], d[0]);
                    }
                }
                let [a, r, g, b] = out;
                let v = (byte::<S>(a) << 24) | (byte::<S>(r) << 16) | (byte::<S>(g) << 8) | byte::<S>(b);
                if len == n {
                    v.store_slice(words);
                } else {
                    words.copy_from_slice(&v.as_slice()[..len]);
                }
            }
        },
    );
}

macro_rules! operators {
    ($($op:ident)*) => {
        const fn operator(number: u8) -> CompositeOp {
            match number {
                $(n if n == CompositeOp::$op as u8 => CompositeOp::$op,)*
                _ => CompositeOp::Dst,
            }
        }

        /// The row function of an operator; there is one for those in float only.
        fn row_of<S: Simd>(op: CompositeOp) -> FloatRow<S> {
            match op {
                $(CompositeOp::$op => row::<S, { CompositeOp::$op as u8 }>,)*
                _ => row::<S, NOTHING>,
            }
        }
    };
}

operators! {
    Saturate
    DisjointOver DisjointOverReverse DisjointIn DisjointInReverse DisjointOut DisjointOutReverse DisjointAtop
    DisjointAtopReverse DisjointXor
    ConjointOver ConjointOverReverse ConjointIn ConjointInReverse ConjointOut ConjointOutReverse ConjointAtop
    ConjointAtopReverse ConjointXor
    ColorDodge ColorBurn SoftLight
    HslHue HslSaturation HslColor HslLuminosity
}
