//! Target pixels of the formats that are not worked on in place: blocks of words and back.

use super::convert::{narrow, widen};
use super::words::row_words;
use crate::geom::Rect;
use crate::grid::{Grid, GridMut, cells};
use crate::surface::{SurfaceFormat, SurfaceMut};
use fearless_simd::Level;

/// The words of the target pixels of a block, row by row; formats without alpha are opaque.
pub(super) fn load(level: Level, dst: &mut SurfaceMut<'_>, block: Rect, out: &mut [u32]) {
    let (width, _) = cells(block);
    let format = dst.format();
    if format.bits_per_pixel() == 16 {
        let rows = dst.shorts_of(block);
        return widen(level, format, &mut GridMut::packed(out, width), rows.as_grid(), cells(block));
    }
    let top = dst.bounds().top;
    for (out, y) in out.chunks_exact_mut(width).zip(block.top..) {
        row_words(dst.as_ref(), (y - top) as u32, block.left as usize, out);
    }
}

/// Stores words as the target pixels of a block, cutting bits off; unused bits become 0.
pub(super) fn store(level: Level, dst: &mut SurfaceMut<'_>, block: Rect, words: &[u32]) {
    let (width, _) = cells(block);
    let format = dst.format();
    if format.bits_per_pixel() == 16 {
        let rows = Grid::packed(words, width);
        return narrow(level, format, &mut dst.shorts_of(block), rows, cells(block));
    }
    for (words, y) in words.chunks_exact(width).zip(block.top..) {
        store_row(dst, block.left, y, words);
    }
}

fn store_row(dst: &mut SurfaceMut<'_>, x: i32, y: i32, words: &[u32]) {
    let (x, y) = (x as usize, y as u32);
    let columns = x..x + words.len();
    match dst.format() {
        SurfaceFormat::A8R8G8B8 => dst.row(y)[columns].copy_from_slice(words),
        SurfaceFormat::X8R8G8B8 => {
            dst.row(y)[columns].iter_mut().zip(words).for_each(|(d, v)| *d = v & 0x00ff_ffff);
        }
        SurfaceFormat::A8 => {
            dst.row8(y)[columns].iter_mut().zip(words).for_each(|(d, v)| *d = (v >> 24) as u8);
        }
        SurfaceFormat::A1 => {
            let bytes = dst.bytes_of_row(y);
            for (x, v) in columns.zip(words) {
                let bit = 1 << (x % 8);
                bytes[x / 8] = bytes[x / 8] & !bit | if v >> 31 != 0 { bit } else { 0 };
            }
        }
        SurfaceFormat::X1R5G5B5 | SurfaceFormat::R5G6B5 => unreachable!("stored as blocks"),
    }
}
