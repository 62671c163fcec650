//! Target pixels of the formats that are not worked on in place: rows of words and back.

use super::fetch::row_words;
use crate::surface::{SurfaceFormat, SurfaceMut};

/// The words of target pixels (x.., y); formats without alpha are opaque.
pub(super) fn load(dst: &mut SurfaceMut<'_>, x: i32, y: i32, out: &mut [u32]) {
    let row = y - dst.bounds().top;
    row_words(dst.as_ref(), row as u32, x as usize, out);
}

/// Stores words as target pixels (x.., y), cutting bits off; unused bits become 0.
pub(super) fn store(dst: &mut SurfaceMut<'_>, x: i32, y: i32, words: &[u32]) {
    let (x, y) = (x as usize, y as u32);
    let columns = x..x + words.len();
    match dst.format() {
        SurfaceFormat::A8R8G8B8 => dst.row(y)[columns].copy_from_slice(words),
        SurfaceFormat::X8R8G8B8 => {
            dst.row(y)[columns].iter_mut().zip(words).for_each(|(d, v)| *d = v & 0x00ff_ffff);
        }
        SurfaceFormat::X1R5G5B5 => {
            dst.row16(y)[columns]
                .iter_mut()
                .zip(words)
                .for_each(|(d, v)| *d = (v >> 9 & 0x7c00 | v >> 6 & 0x03e0 | v >> 3 & 0x001f) as u16);
        }
        SurfaceFormat::R5G6B5 => {
            dst.row16(y)[columns]
                .iter_mut()
                .zip(words)
                .for_each(|(d, v)| *d = (v >> 8 & 0xf800 | v >> 5 & 0x07e0 | v >> 3 & 0x001f) as u16);
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
    }
}
