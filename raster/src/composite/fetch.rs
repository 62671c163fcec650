//! From the pixels of a picture to rows of a8r8g8b8 words: formats, repeats, transforms and filters.

use super::CompositeRepeat;
use super::convert::widen;
use super::plan::{Picture, Sampling};
use super::there::There;
use super::words::{first_word, row_words};
use crate::geom::Rect;
use crate::grid::{GridMut, cells};
use crate::surface::SurfaceFormat;
use fearless_simd::Level;

/// Reads one pixel of a row as premultiplied 0xAARRGGBB. Formats without alpha are opaque, fewer bits are repeated.
pub(super) trait Texel {
    /// Pixels of a word.
    const PER_WORD: usize;

    fn word(row: &[u32], x: usize) -> u32;
}

pub(super) struct A1;
pub(super) struct A8;
pub(super) struct X1R5G5B5;
pub(super) struct R5G6B5;
pub(super) struct X8R8G8B8;
pub(super) struct A8R8G8B8;

impl Texel for A1 {
    const PER_WORD: usize = 32;

    #[inline(always)]
    fn word(row: &[u32], x: usize) -> u32 {
        // Bits are counted in bytes, as the rows are bytes on either endianness.
        let bytes: &[u8] = bytemuck::cast_slice(row);
        if bytes[x / 8] >> (x % 8) & 1 != 0 { 0xff00_0000 } else { 0 }
    }
}

impl Texel for A8 {
    const PER_WORD: usize = 4;

    #[inline(always)]
    fn word(row: &[u32], x: usize) -> u32 {
        let bytes: &[u8] = bytemuck::cast_slice(row);
        u32::from(bytes[x]) << 24
    }
}

impl Texel for X1R5G5B5 {
    const PER_WORD: usize = 2;

    #[inline(always)]
    fn word(row: &[u32], x: usize) -> u32 {
        let shorts: &[u16] = bytemuck::cast_slice(row);
        let v = u32::from(shorts[x]);
        let rgb = (v & 0x7c00) << 9 | (v & 0x03e0) << 6 | (v & 0x001f) << 3;
        0xff00_0000 | rgb | (rgb >> 5 & 0x0007_0707)
    }
}

impl Texel for R5G6B5 {
    const PER_WORD: usize = 2;

    #[inline(always)]
    fn word(row: &[u32], x: usize) -> u32 {
        let shorts: &[u16] = bytemuck::cast_slice(row);
        let v = u32::from(shorts[x]);
        let rgb = (v & 0xf800) << 8 | (v & 0x07e0) << 5 | (v & 0x001f) << 3;
        0xff00_0000 | rgb | (rgb >> 5 & 0x0007_0007) | (rgb >> 6 & 0x0000_0300)
    }
}

impl Texel for X8R8G8B8 {
    const PER_WORD: usize = 1;

    #[inline(always)]
    fn word(row: &[u32], x: usize) -> u32 {
        row[x] | 0xff00_0000
    }
}

impl Texel for A8R8G8B8 {
    const PER_WORD: usize = 1;

    #[inline(always)]
    fn word(row: &[u32], x: usize) -> u32 {
        row[x]
    }
}

/// Runs an expression with `T` as the [`Texel`] of a format.
macro_rules! with_texel {
    ($format:expr, $T:ident => $run:expr) => {
        match $format {
            SurfaceFormat::A1 => {
                type $T = $crate::composite::fetch::A1;
                $run
            }
            SurfaceFormat::A8 => {
                type $T = $crate::composite::fetch::A8;
                $run
            }
            SurfaceFormat::X1R5G5B5 => {
                type $T = $crate::composite::fetch::X1R5G5B5;
                $run
            }
            SurfaceFormat::R5G6B5 => {
                type $T = $crate::composite::fetch::R5G6B5;
                $run
            }
            SurfaceFormat::X8R8G8B8 => {
                type $T = $crate::composite::fetch::X8R8G8B8;
                $run
            }
            SurfaceFormat::A8R8G8B8 => {
                type $T = $crate::composite::fetch::A8R8G8B8;
                $run
            }
        }
    };
}
pub(super) use with_texel;

/// The pixel of a picture of `size` pixels for any position; `None` outside without repeat.
#[inline(always)]
pub(super) fn repeated(repeat: CompositeRepeat, at: i64, size: i64) -> Option<usize> {
    if (0..size).contains(&at) {
        return Some(at as usize);
    }
    match repeat {
        CompositeRepeat::None => None,
        CompositeRepeat::Normal => Some(at.rem_euclid(size) as usize),
        CompositeRepeat::Pad => Some(at.clamp(0, size - 1) as usize),
        CompositeRepeat::Reflect => {
            let at = at.rem_euclid(2 * size);
            Some((if at < size { at } else { 2 * size - 1 - at }) as usize)
        }
    }
}

/// How many of the positions v, v + step, ... are within 0..end before the first that is not; at most `most`.
fn steps_inside(v: i64, step: i64, end: i64, most: usize) -> usize {
    if !(0..end).contains(&v) {
        return 0;
    }
    // Mostly all are, and a division takes as long as ten pixels.
    if (0..end).contains(&(v + step * (most as i64 - 1))) {
        return most;
    }
    let room = if step < 0 { v } else { end - 1 - v };
    match room.checked_div(step.abs()) {
        Some(steps) => most.min(usize::try_from(steps).unwrap_or(usize::MAX).saturating_add(1)),
        None => most,
    }
}

impl Picture<'_> {
    /// The word of the only pixel.
    pub(super) fn solid(&self) -> u32 {
        first_word(&self.surface)
    }

    fn size(&self) -> (i64, i64) {
        (i64::from(self.surface.width()), i64::from(self.surface.height()))
    }

    /// Fills `out` with the words for the target pixels (x.., y). With [`Sampling::Bilinear`] the filter is that of
    /// the 8-bit operators.
    pub(super) fn words(&self, level: Level, x: i32, y: i32, out: &mut [u32]) {
        let (x, y) = (i64::from(x) + self.shift.0, i64::from(y) + self.shift.1);
        match self.sampling {
            Sampling::Solid => out.fill(self.solid()),
            Sampling::Direct => self.direct(x, y, out),
            Sampling::Nearest if self.map.yx == 0 => {
                with_texel!(self.surface.format(), T => self.nearest_in_row::<T>(x, y, out));
            }
            Sampling::Nearest => with_texel!(self.surface.format(), T => self.nearest::<T>(level, x, y, out)),
            Sampling::Bilinear => {
                with_texel!(self.surface.format(), T => self.bilinear::<T>(level, x, y, out))
            }
        }
    }

    /// The picture's row below target pixels (x.., y), and the column where it begins, where all of them are read as
    /// they lie there.
    fn row_below(&self, x: i32, y: i32, len: usize) -> Option<(u32, usize)> {
        let (x, y) = (i64::from(x) + self.shift.0, i64::from(y) + self.shift.1);
        let (width, height) = self.size();
        let inside = x >= 0 && x + len as i64 <= width && (0..height).contains(&y);
        (self.sampling == Sampling::Direct && inside).then_some((y as u32, x as usize))
    }

    /// The picture's row and column below the top left pixel of `rect`, where all of it is read as it lies there.
    pub(super) fn below(&self, rect: Rect) -> Option<(u32, usize)> {
        let (x, y) = (i64::from(rect.left) + self.shift.0, i64::from(rect.top) + self.shift.1);
        let (right, bottom) = (x + i64::from(rect.width()), y + i64::from(rect.height()));
        let (width, height) = self.size();
        let inside = x >= 0 && y >= 0 && right <= width && bottom <= height;
        (self.sampling == Sampling::Direct && inside).then_some((y as u32, x as usize))
    }

    /// The pixels for those of `rect` where none has to be made.
    pub(super) fn there(&self, rect: Rect) -> Option<There<'_>> {
        if self.sampling == Sampling::Solid {
            return Some(There::One(self.solid()));
        }
        let (row, column) = self.below(rect)?;
        There::new(&self.surface, column, row)
    }

    /// Fills `out` with the words for the target pixels of `rect`, row by row.
    pub(super) fn rect_words(&self, level: Level, rect: Rect, out: &mut [u32]) {
        let (width, format) = (rect.width() as usize, self.surface.format());
        let rows = out.chunks_exact_mut(width);
        match self.below(rect) {
            Some((row, column)) if format.bits_per_pixel() == 16 => {
                let shorts = self.surface.shorts_from(column, row);
                widen(level, format, &mut GridMut::packed(out, width), shorts, cells(rect));
            }
            Some((row, column)) => {
                rows.zip(row..).for_each(|(out, row)| row_words(self.surface, row, column, out));
            }
            None => rows.zip(rect.top..).for_each(|(out, y)| self.words(level, rect.left, y, out)),
        }
    }

    /// Fills `out` with the alphas of the words for the target pixels of `rect`, row by row.
    pub(super) fn rect_alphas(&self, level: Level, rect: Rect, out: &mut [u8]) {
        let rows = out.chunks_exact_mut(rect.width() as usize);
        rows.zip(rect.top..).for_each(|(out, y)| self.alphas(level, rect.left, y, out));
    }

    fn direct(&self, x: i64, y: i64, out: &mut [u32]) {
        let (width, height) = self.size();
        let Some(row) = repeated(self.repeat, y, height) else {
            out.fill(0);
            return;
        };
        let row = row as u32;
        let end = x + out.len() as i64;
        if x >= 0 && end <= width {
            return row_words(self.surface, row, x as usize, out);
        }
        let within = |at: i64| (at - x).clamp(0, out.len() as i64) as usize;
        match self.repeat {
            CompositeRepeat::None | CompositeRepeat::Pad => {
                let (first, last) = (within(0), within(width));
                let (before, rest) = out.split_at_mut(first);
                let (inside, after) = rest.split_at_mut(last - first);
                row_words(self.surface, row, x.clamp(0, width) as usize, inside);
                let edge = |at: i64| {
                    let mut word = [0];
                    if self.repeat == CompositeRepeat::Pad {
                        row_words(self.surface, row, at as usize, &mut word);
                    }
                    word[0]
                };
                before.fill(edge(0));
                after.fill(edge(width - 1));
            }
            CompositeRepeat::Normal => {
                // One period from the picture, the rest from what is there already.
                let period = (width as usize).min(out.len());
                let start = x.rem_euclid(width) as usize;
                let first = period.min(width as usize - start);
                row_words(self.surface, row, start, &mut out[..first]);
                row_words(self.surface, row, 0, &mut out[first..period]);
                let mut done = period;
                while done < out.len() {
                    let more = done.min(out.len() - done);
                    out.copy_within(..more, done);
                    done += more;
                }
            }
            CompositeRepeat::Reflect => with_texel!(self.surface.format(), T => {
                let row = self.surface.row(row);
                for (out, x) in out.iter_mut().zip(x..) {
                    *out = repeated(self.repeat, x, width).map_or(0, |x| T::word(row, x));
                }
            }),
        }
    }

    /// The words of the nearest pixels, all of the same row of the picture.
    fn nearest_in_row<T: Texel>(&self, x: i64, y: i64, out: &mut [u32]) {
        let (width, height) = self.size();
        let xx = self.map.xx;
        let (vx, vy) = self.map.at(x, y);
        let (mut vx, vy) = (vx - 1, vy - 1);
        let Some(row) = repeated(self.repeat, vy >> 16, height) else {
            out.fill(0);
            return;
        };
        let row = self.surface.row(row as u32);
        let mut rest = out;
        while !rest.is_empty() {
            // The same pixels in the first of the tiles, so that there are runs inside the picture.
            if self.repeat == CompositeRepeat::Normal {
                vx = vx.rem_euclid(width << 16);
            }
            let run = steps_inside(vx, xx, width << 16, rest.len());
            let (inside, after) = rest.split_at_mut(run.max(1));
            if run == 0 {
                inside[0] = repeated(self.repeat, vx >> 16, width).map_or(0, |x| T::word(row, x));
                vx += xx;
            } else {
                // Eight at a time, each position from the block's own: no chain of additions.
                let (blocks, rest) = inside.as_chunks_mut::<8>();
                for block in blocks {
                    for (out, i) in block.iter_mut().zip(0..) {
                        *out = T::word(row, ((vx + i * xx) >> 16) as usize);
                    }
                    vx += 8 * xx;
                }
                for out in rest {
                    *out = T::word(row, (vx >> 16) as usize);
                    vx += xx;
                }
            }
            rest = after;
        }
    }

    /// The alpha of the words for the target pixels (x.., y).
    fn alphas(&self, level: Level, x: i32, y: i32, out: &mut [u8]) {
        if self.surface.format() == SurfaceFormat::A8
            && let Some((row, column)) = self.row_below(x, y, out.len())
        {
            return out.copy_from_slice(&self.surface.row8(row)[column..column + out.len()]);
        }
        let mut words = [0; 64];
        for (i, out) in out.chunks_mut(64).enumerate() {
            let words = &mut words[..out.len()];
            self.words(level, x + 64 * i as i32, y, words);
            out.iter_mut().zip(words).for_each(|(out, word)| *out = (*word >> 24) as u8);
        }
    }
}
