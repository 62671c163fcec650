//! The obvious twin of the float operators: one pixel at a time, branch by branch.
//!
//! Rounding of every step shows in the result, so expressions are not to be rearranged.

use super::op::CompositeOp;
use crate::surface::SurfaceFormat;

/// Alpha, red, green, blue; premultiplied, nominally 0 to 1.
pub(super) type Argb = [f32; 4];

/// A word as floats, with the bits that the format really has.
pub(super) fn expand(format: SurfaceFormat, word: u32) -> Argb {
    let part = |shift: u32, bits: u32| {
        let v = (word >> (shift + 8 - bits)) & ((1 << bits) - 1);
        v as f32 * (1.0 / ((1 << bits) - 1) as f32)
    };
    let (r, g, b) = match format {
        SurfaceFormat::X1R5G5B5 => (5, 5, 5),
        SurfaceFormat::R5G6B5 => (5, 6, 5),
        _ => (8, 8, 8),
    };
    [part(24, 8), part(16, r), part(8, g), part(0, b)]
}

/// Floats as a word: 256 even steps, cut off.
pub(super) fn contract(v: Argb) -> u32 {
    let [a, r, g, b] = v.map(|f| {
        let u = (f.clamp(0.0, 1.0) * 256.0) as u32;
        u - (u >> 8)
    });
    a << 24 | r << 16 | g << 8 | b
}

fn is_zero(v: f32) -> bool {
    -f32::MIN_POSITIVE < v && v < f32::MIN_POSITIVE
}

/// `v / by` within 0 to 1, `or` if `by` is zero.
fn ratio(or: f32, by: f32, v: impl Fn() -> f32) -> f32 {
    if is_zero(by) { or } else { v().clamp(0.0, 1.0) }
}

/// The factors of source and target of the disjoint and conjoint operators and SATURATE.
fn factors(op: CompositeOp, sa: f32, da: f32) -> (f32, f32) {
    use CompositeOp::*;
    // Disjoint: the other picture lies beside this one as far as there is room.
    let out = |a: f32, b: f32| ratio(1.0, a, || (1.0 - b) / a);
    let inside = |a: f32, b: f32| ratio(0.0, a, || 1.0 - (1.0 - b) / a);
    // Conjoint: the other picture lies on this one as far as it reaches.
    let con_out = |a: f32, b: f32| ratio(0.0, a, || 1.0 - b / a);
    let con_in = |a: f32, b: f32| ratio(1.0, a, || b / a);
    match op {
        Saturate => (out(sa, da), 1.0),
        DisjointOver => (1.0, out(da, sa)),
        DisjointOverReverse => (out(sa, da), 1.0),
        DisjointIn => (inside(sa, da), 0.0),
        DisjointInReverse => (0.0, inside(da, sa)),
        DisjointOut => (out(sa, da), 0.0),
        DisjointOutReverse => (0.0, out(da, sa)),
        DisjointAtop => (inside(sa, da), out(da, sa)),
        DisjointAtopReverse => (out(sa, da), inside(da, sa)),
        DisjointXor => (out(sa, da), out(da, sa)),
        ConjointOver => (1.0, con_out(da, sa)),
        ConjointOverReverse => (con_out(sa, da), 1.0),
        ConjointIn => (con_in(sa, da), 0.0),
        ConjointInReverse => (0.0, con_in(da, sa)),
        ConjointOut => (con_out(sa, da), 0.0),
        ConjointOutReverse => (0.0, con_out(da, sa)),
        ConjointAtop => (con_in(sa, da), con_out(da, sa)),
        ConjointAtopReverse => (con_out(sa, da), con_in(da, sa)),
        ConjointXor => (con_out(sa, da), con_out(da, sa)),
        _ => (0.0, 1.0),
    }
}

/// The part of a separable blend mode where both pictures are.
fn blend(op: CompositeOp, sa: f32, s: f32, da: f32, d: f32) -> f32 {
    match op {
        CompositeOp::ColorDodge => {
            if is_zero(d) {
                0.0
            } else if d * sa >= sa * da - s * da || is_zero(sa - s) {
                sa * da
            } else {
                sa * sa * d / (sa - s)
            }
        }
        CompositeOp::ColorBurn => {
            if d >= da {
                sa * da
            } else if sa * (da - d) >= s * da || is_zero(s) {
                0.0
            } else {
                sa * (da - sa * (da - d) / s)
            }
        }
        // SOFT_LIGHT
        _ => {
            if is_zero(da) {
                d * sa
            } else if 2.0 * s <= sa {
                d * sa - d * (da - d) * (sa - 2.0 * s) / da
            } else if 4.0 * d <= da {
                d * sa + (2.0 * s - sa) * d * ((16.0 * d / da - 12.0) * d / da + 3.0)
            } else {
                d * sa + ((d * da).sqrt() - d) * (2.0 * s - sa)
            }
        }
    }
}

type Rgb = [f32; 3];

fn lum([r, g, b]: Rgb) -> f32 {
    r * 0.3 + g * 0.59 + b * 0.11
}

fn least([r, g, b]: Rgb) -> f32 {
    let v = if r < g { r } else { g };
    if v < b { v } else { b }
}

fn most([r, g, b]: Rgb) -> f32 {
    let v = if r > g { r } else { g };
    if v > b { v } else { b }
}

/// Moves the colour to luminosity `to`, then towards grey until all channels are within 0 to `alpha`.
fn with_lum(c: Rgb, alpha: f32, to: f32) -> Rgb {
    let by = to - lum(c);
    let mut c = c.map(|v| v + by);
    let (l, n, x) = (lum(c), least(c), most(c));
    if n < 0.0 {
        let t = l - n;
        c = if is_zero(t) { [0.0; 3] } else { c.map(|v| l + (((v - l) * l) / t)) };
    }
    if x > alpha {
        let t = x - l;
        c = if is_zero(t) { [alpha; 3] } else { c.map(|v| l + ((v - l) * (alpha - l) / t)) };
    }
    c
}

/// Stretches the colour to saturation `to`, its least channel to 0.
fn with_sat(mut c: Rgb, to: f32) -> Rgb {
    let [r, g, b] = c;
    let (max, mid, min) = match (r > g, r > b, g > b) {
        (true, true, true) => (0, 1, 2),
        (true, true, false) => (0, 2, 1),
        (true, false, _) => (2, 0, 1),
        (false, true, _) => (1, 0, 2),
        (false, false, true) => (1, 2, 0),
        (false, false, false) => (2, 1, 0),
    };
    let t = c[max] - c[min];
    if is_zero(t) {
        (c[mid], c[max]) = (0.0, 0.0);
    } else {
        c[mid] = ((c[mid] - c[min]) * to) / t;
        c[max] = to;
    }
    c[min] = 0.0;
    c
}

fn hsl(op: CompositeOp, sa: f32, s: Rgb, da: f32, d: Rgb) -> Rgb {
    let sat = |c| most(c) - least(c);
    let (s_da, d_sa) = (s.map(|v| v * da), d.map(|v| v * sa));
    match op {
        CompositeOp::HslHue => with_lum(with_sat(s_da, sat(d) * sa), sa * da, lum(d) * sa),
        CompositeOp::HslSaturation => with_lum(with_sat(d_sa, sat(s) * da), sa * da, lum(d) * sa),
        CompositeOp::HslColor => with_lum(s_da, sa * da, lum(d) * sa),
        _ => with_lum(d_sa, sa * da, lum(s) * da),
    }
}

/// One target pixel: `mask` as read, with `component` if its channels count apart.
pub(super) fn combine(op: CompositeOp, d: Argb, s: Argb, mask: Option<Argb>, component: bool) -> Argb {
    use CompositeOp::*;
    let da = d[0];
    if matches!(op, HslHue | HslSaturation | HslColor | HslLuminosity) {
        if component {
            // The reference has no such operators and leaves the colours alone.
            return d.map(|v| v.min(1.0));
        }
        let (mut sa, mut sc) = (s[0], [s[1], s[2], s[3]]);
        if let Some(m) = mask {
            sa *= m[0];
            // So the reference does it: green is masked twice, blue never.
            sc[0] *= m[0];
            sc[1] *= m[0];
            sc[1] *= m[0];
        }
        let dc = [d[1], d[2], d[3]];
        let both = hsl(op, sa, sc, da, dc);
        let rgb = [0, 1, 2].map(|i| (1.0 - sa) * dc[i] + (1.0 - da) * sc[i] + both[i]);
        return [sa + da - sa * da, rgb[0], rgb[1], rgb[2]];
    }
    // The masked source, and its alpha for each channel.
    let (s, sa) = match mask {
        None => (s, [s[0]; 4]),
        Some(m) if component => {
            let sa = m.map(|m| m * s[0]);
            ([sa[0], s[1] * m[1], s[2] * m[2], s[3] * m[3]], sa)
        }
        Some(m) => {
            let s = s.map(|v| v * m[0]);
            (s, [s[0]; 4])
        }
    };
    let separable = matches!(op, ColorDodge | ColorBurn | SoftLight);
    [0, 1, 2, 3].map(|i| match (separable, i) {
        (true, 0) => da + sa[0] - da * sa[0],
        (true, _) => {
            let apart = (1.0 - sa[i]) * d[i] + (1.0 - da) * s[i];
            apart + blend(op, sa[i], s[i], da, d[i])
        }
        (false, _) => {
            let (fs, fd) = factors(op, sa[i], da);
            (s[i] * fs + d[i] * fd).min(1.0)
        }
    })
}
