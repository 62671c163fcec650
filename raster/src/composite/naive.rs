//! The obvious twin of the row code: one target pixel at a time, one channel at a time. Shares with it only the
//! decisions of [`super::plan`] and the float arithmetic of one pixel.

use super::op::CompositeOp;
use super::plan::{Picture, Plan, Sampling, Unused};
use super::{CompositeRepeat, naive_float as float};
use crate::geom::Rect;
use crate::region::Region;
use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};

/// Blue, green, red, alpha.
type Bytes = [i64; 4];

fn pixel(surface: SurfaceRef<'_>, x: i64, y: i64) -> Bytes {
    let bits = surface.format().bits_per_pixel() as i64;
    let raw = surface.bytes_of_row(y as u32);
    let mut v: i64 = 0;
    for bit in 0..bits {
        let at = x * bits + bit;
        v |= i64::from(raw[at as usize / 8] >> (at % 8) & 1) << bit;
    }
    let widen = |v: i64, bits: i64| v << (8 - bits) | v >> (2 * bits - 8);
    match surface.format() {
        SurfaceFormat::A1 => [0, 0, 0, 255 * v],
        SurfaceFormat::A8 => [0, 0, 0, v],
        SurfaceFormat::X1R5G5B5 => [widen(v & 31, 5), widen(v >> 5 & 31, 5), widen(v >> 10 & 31, 5), 255],
        SurfaceFormat::R5G6B5 => [widen(v & 31, 5), widen(v >> 5 & 63, 6), widen(v >> 11 & 31, 5), 255],
        SurfaceFormat::X8R8G8B8 => [v & 255, v >> 8 & 255, v >> 16 & 255, 255],
        SurfaceFormat::A8R8G8B8 => [v & 255, v >> 8 & 255, v >> 16 & 255, v >> 24],
    }
}

fn put(dst: &mut SurfaceMut<'_>, x: i64, y: i64, v: i64) {
    let bits = dst.format().bits_per_pixel() as i64;
    let raw = dst.bytes_of_row(y as u32);
    for bit in 0..bits {
        let at = x * bits + bit;
        let byte = &mut raw[at as usize / 8];
        *byte = *byte & !(1 << (at % 8)) | ((v >> bit & 1) as u8) << (at % 8);
    }
}

fn word(v: Bytes) -> u32 {
    (v[3] << 24 | v[2] << 16 | v[1] << 8 | v[0]) as u32
}

impl Picture<'_> {
    /// A pixel with repeat, `None` outside.
    fn naive_at(&self, x: i64, y: i64) -> Option<Bytes> {
        let wrap = |mut v: i64, size: i64| {
            match self.repeat {
                CompositeRepeat::None => {}
                CompositeRepeat::Normal => v -= v.div_euclid(size) * size,
                CompositeRepeat::Pad => v = v.max(0).min(size - 1),
                CompositeRepeat::Reflect => {
                    while v < 0 || v >= size {
                        v = if v < 0 { -1 - v } else { 2 * size - 1 - v };
                    }
                }
            }
            (v >= 0 && v < size).then_some(v)
        };
        let x = wrap(x, i64::from(self.surface.width()))?;
        let y = wrap(y, i64::from(self.surface.height()))?;
        Some(pixel(self.surface, x, y))
    }

    fn naive_position(&self, x: i64, y: i64) -> (i64, i64) {
        self.map.at(x + self.shift.0, y + self.shift.1)
    }

    /// What the 8-bit operators see at target pixel (x, y).
    fn naive_bytes(&self, x: i64, y: i64) -> Bytes {
        let (vx, vy) = self.naive_position(x, y);
        let nothing = [0; 4];
        match self.sampling {
            Sampling::Solid => self.naive_at(0, 0).unwrap_or(nothing),
            Sampling::Direct => self.naive_at(x + self.shift.0, y + self.shift.1).unwrap_or(nothing),
            Sampling::Nearest => self.naive_at((vx - 1) >> 16, (vy - 1) >> 16).unwrap_or(nothing),
            Sampling::Bilinear => {
                let (vx, vy) = (vx - 0x8000, vy - 0x8000);
                let (fx, fy) = (vx >> 9 & 127, vy >> 9 & 127);
                let mut sum = [0; 4];
                for (dx, wx) in [(0, 128 - fx), (1, fx)] {
                    for (dy, wy) in [(0, 128 - fy), (1, fy)] {
                        let p = self.naive_at((vx >> 16) + dx, (vy >> 16) + dy).unwrap_or(nothing);
                        (0..4).for_each(|i| sum[i] += p[i] * wx * wy);
                    }
                }
                sum.map(|v| v >> 14)
            }
        }
    }

    /// What the float operators see at target pixel (x, y).
    fn naive_floats(&self, x: i64, y: i64) -> float::Argb {
        let format = self.surface.format();
        let at = |x, y| self.naive_at(x, y).map_or([0.0; 4], |p| float::expand(format, word(p)));
        if self.sampling != Sampling::Bilinear {
            return float::expand(format, word(self.naive_bytes(x, y)));
        }
        let (vx, vy) = self.naive_position(x, y);
        let (vx, vy) = (vx - 0x8000, vy - 0x8000);
        let (fx, fy) = ((vx & 0xffff) as f32 / 65536.0, (vy & 0xffff) as f32 / 65536.0);
        let (x, y) = (vx >> 16, vy >> 16);
        [0, 1, 2, 3].map(|i| {
            at(x, y)[i] * ((1.0 - fx) * (1.0 - fy))
                + at(x + 1, y)[i] * (fx * (1.0 - fy))
                + at(x, y + 1)[i] * ((1.0 - fx) * fy)
                + at(x + 1, y + 1)[i] * (fx * fy)
        })
    }
}

/// a * b / 255, rounded to nearest.
fn mul(a: i64, b: i64) -> i64 {
    (a * b + 127) / 255
}

/// One channel: masked source, its alpha, target, target alpha.
fn channel(op: CompositeOp, is_alpha: bool, s: i64, sa: i64, d: i64, da: i64) -> i64 {
    use CompositeOp::*;
    let parts = match op {
        Clear => (0, 0),
        Src => (255, 0),
        Dst => (0, 255),
        Over => (255, 255 - sa),
        OverReverse => (255 - da, 255),
        In => (da, 0),
        InReverse => (0, sa),
        Out => (255 - da, 0),
        OutReverse => (0, 255 - sa),
        Atop => (da, 255 - sa),
        AtopReverse => (255 - da, sa),
        Xor => (255 - da, 255 - sa),
        Add => (255, 255),
        Multiply => {
            let apart = (mul(s, 255 - da) + mul(d, 255 - sa)).min(255);
            return (apart + mul(d, s)).min(255);
        }
        _ => {
            let light = |low| if low { 2 * s * d } else { sa * da - 2 * (da - d) * (sa - s) };
            let both = match op {
                _ if is_alpha => sa * da,
                Screen => s * da + d * sa - s * d,
                Overlay => light(2 * d < da),
                Darken => (s * da).min(d * sa),
                Lighten => (s * da).max(d * sa),
                HardLight => light(2 * s < sa),
                Difference => (s * da - d * sa).abs(),
                Exclusion => s * da + d * sa - 2 * s * d,
                _ => unreachable!("{op:?}"),
            };
            let sum = (255 - sa) * d + (255 - da) * s + both;
            return (sum.clamp(0, 255 * 255) + 127) / 255;
        }
    };
    (mul(s, parts.0) + mul(d, parts.1)).min(255)
}

/// [`Plan`] drawn pixel by pixel.
pub(super) fn draw(dst: &mut SurfaceMut<'_>, clip: &Region, bbox: Rect, plan: &Plan<'_>) {
    let area = bbox.intersect(&dst.bounds());
    for rect in clip.rects() {
        let rect = rect.intersect(&area);
        for y in rect.top..rect.bottom {
            for x in rect.left..rect.right {
                draw_pixel(dst, i64::from(x), i64::from(y), i64::from(bbox.top), plan);
            }
        }
    }
}

fn draw_pixel(dst: &mut SurfaceMut<'_>, x: i64, y: i64, top: i64, plan: &Plan<'_>) {
    let read_as = match (dst.format(), plan.unused) {
        (SurfaceFormat::X8R8G8B8, Unused::AsAlpha) => SurfaceFormat::A8R8G8B8,
        (format, _) => format,
    };
    let view = dst.as_ref().with_format(read_as).unwrap();
    let d = pixel(view, x, y - i64::from(dst.bounds().top));
    let out = if plan.op.in_float() {
        let mask = plan.mask.map(|mask| mask.naive_floats(x, y));
        // The nearest row from here upwards that is read.
        let read = |y: &i64| plan.mask.is_none_or(|mask| mask.naive_floats(x, *y) != [0.0; 4]);
        let row = if plan.remembers() { (top..=y).rev().find(read) } else { Some(y) };
        let s = row.map_or([0.0; 4], |y| plan.src.naive_floats(x, y));
        let d = float::expand(dst.format(), word(d));
        let out = float::contract(float::combine(plan.op, d, s, mask, plan.component_alpha));
        out.to_le_bytes().map(i64::from)
    } else {
        let s = plan.src.naive_bytes(x, y);
        let m = plan.mask.map_or([255; 4], |mask| {
            let m = mask.naive_bytes(x, y);
            if plan.component_alpha { m } else { [m[3]; 4] }
        });
        let masked = [0, 1, 2, 3].map(|i| mul(s[i], m[i]));
        [0, 1, 2, 3].map(|i| channel(plan.op, i == 3, masked[i], mul(s[3], m[i]), d[i], d[3]))
    };
    let [b, g, r, a] = out;
    let bit15 = match plan.unused {
        Unused::Raw => {
            let (width, height) = (plan.src.surface.width() as i64, plan.src.surface.height() as i64);
            let (x, y) = (x + plan.src.shift.0, y + plan.src.shift.1);
            let row = plan.src.surface.row16(y.rem_euclid(height) as u32);
            i64::from(row[x.rem_euclid(width) as usize]) & 0x8000
        }
        _ => 0,
    };
    let v = match read_as {
        SurfaceFormat::A1 => a >> 7,
        SurfaceFormat::A8 => a,
        SurfaceFormat::X1R5G5B5 => bit15 | r >> 3 << 10 | g >> 3 << 5 | b >> 3,
        SurfaceFormat::R5G6B5 => r >> 3 << 11 | g >> 2 << 5 | b >> 3,
        SurfaceFormat::X8R8G8B8 => r << 16 | g << 8 | b,
        SurfaceFormat::A8R8G8B8 => a << 24 | r << 16 | g << 8 | b,
    };
    put(dst, x, y, v);
}
