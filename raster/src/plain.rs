//! Every operation pixel by pixel, straight from its definition.
//!
//! Draws what has no fast path (1-bit surfaces, mixed formats) and is the oracle of the fast paths in tests.

use crate::brush::{Rop3Brush, start_in_tile};
use crate::geom::{Point, Rect};
use crate::pixel::{Blend, color_key, convert_raw, raw_pixel, set_raw_pixel};
use crate::region::Region;
use crate::rop::{Rop2, rop3_bits};
use crate::sample::{Sampler, raw_view};
use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};

/// Replaces each pixel of the clip by `f(x, y, pixel)`.
pub(crate) fn draw(dst: &mut SurfaceMut<'_>, clip: &Region, mut f: impl FnMut(i32, i32, u32) -> u32) {
    let format = dst.format();
    for r in clip.rects_in(dst.bounds()) {
        for y in r.top..r.bottom {
            let row = dst.row(y as u32);
            for x in r.left..r.right {
                let new = f(x, y, raw_pixel(format, row, x as usize));
                set_raw_pixel(format, row, x as usize, new);
            }
        }
    }
}

pub(crate) fn fill(dst: &mut SurfaceMut<'_>, clip: &Region, color: u32, rop: Rop2) {
    draw(dst, clip, |_, _, d| rop.apply(color, d));
}

/// The tile's pixel for a target pixel, as the target's format; the tile has a size.
fn tile_pixel(to: SurfaceFormat, tile: SurfaceRef<'_>, origin: Point) -> impl Fn(i32, i32) -> u32 {
    let wrap = |v: i32, o: i32, size: u32| (i64::from(v) - i64::from(o)).rem_euclid(i64::from(size)) as u32;
    move |x, y| {
        let (tx, ty) = (wrap(x, origin.x, tile.width()), wrap(y, origin.y, tile.height()));
        convert_raw(tile.format(), to, raw_pixel(tile.format(), tile.row(ty), tx as usize))
    }
}

pub(crate) fn fill_pattern(
    dst: &mut SurfaceMut<'_>,
    clip: &Region,
    tile: SurfaceRef<'_>,
    origin: Point,
    rop: Rop2,
) {
    let pixel = tile_pixel(dst.format(), raw_view(tile, dst.format()), origin);
    draw(dst, clip, |x, y, d| rop.apply(pixel(x, y), d));
}

/// Pixels outside an unscaled source are left alone; outside a scaled one the source is 0.
pub(crate) fn copy(dst: &mut SurfaceMut<'_>, clip: &Region, src: &Sampler<'_>, rop: Rop2) {
    draw(dst, clip, |x, y, d| match src.offset {
        Some(_) => src.nearest(x, y).map_or(d, |s| rop.apply(s, d)),
        None => rop.apply(src.pixel(x, y), d),
    });
}

pub(crate) fn transparent(dst: &mut SurfaceMut<'_>, clip: &Region, src: &Sampler<'_>, true_color: u32) {
    let (mask, key) = color_key(dst.format(), true_color);
    draw(dst, clip, |x, y, d| {
        let outside = if src.offset.is_some() { key } else { 0 };
        let s = src.nearest(x, y).unwrap_or(outside);
        if s & mask == key { d } else { s }
    });
}

pub(crate) fn alpha_blend(dst: &mut SurfaceMut<'_>, clip: &Region, src: &Sampler<'_>, blend: Blend) {
    let format = dst.format();
    draw(dst, clip, |x, y, d| match (src.offset, src.nearest(x, y)) {
        // Laying nothing over a pixel changes at most the spare bit of a 5-5-5 one.
        (Some(_), None) => d,
        (_, s) => blend.pixel(format, s.unwrap_or(0), d),
    });
}

pub(crate) fn rop3(
    dst: &mut SurfaceMut<'_>,
    clip: &Region,
    bbox: Rect,
    src: &Sampler<'_>,
    brush: Rop3Brush<'_>,
    code: u8,
) {
    let to = dst.format();
    draw(dst, clip, |x, y, d| {
        let p = match brush {
            Rop3Brush::Solid(color) => color,
            Rop3Brush::Pattern { tile, pos } => {
                let tile = raw_view(tile, to);
                let column = start_in_tile(bbox.left, pos.x, tile.width()).pixel(x, bbox.left);
                let row = start_in_tile(bbox.top, pos.y, tile.height()).pixel(y, bbox.top);
                match (column, row) {
                    (Some(column), Some(row)) => convert_raw(
                        tile.format(),
                        to,
                        raw_pixel(tile.format(), tile.row(row), column as usize),
                    ),
                    _ => 0,
                }
            }
        };
        rop3_bits(code, p, src.pixel(x, y), d)
    });
}
