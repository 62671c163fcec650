//! Pixels of surfaces as words.

use crate::pixel::{raw_pixel, to_argb};
use crate::surface::{SurfaceFormat, SurfaceRef};

/// Words `x..x + out.len()` of a row, all inside.
pub(super) fn row_words(surface: SurfaceRef<'_>, y: u32, x: usize, out: &mut [u32]) {
    // The wide formats as whole slices, so that they are vector code.
    match surface.format() {
        SurfaceFormat::A8R8G8B8 => out.copy_from_slice(&surface.row(y)[x..x + out.len()]),
        SurfaceFormat::X8R8G8B8 => {
            let row = &surface.row(y)[x..x + out.len()];
            out.iter_mut().zip(row).for_each(|(out, v)| *out = v | 0xff00_0000);
        }
        SurfaceFormat::A8 => {
            let row = &surface.row8(y)[x..x + out.len()];
            widen_alphas(row, out);
        }
        SurfaceFormat::X1R5G5B5 | SurfaceFormat::R5G6B5 => {
            let row = &surface.row16(y)[x..x + out.len()];
            let format = surface.format();
            out.iter_mut().zip(row).for_each(|(out, v)| *out = to_argb(format, u32::from(*v)));
        }
        SurfaceFormat::A1 => {
            let bytes = surface.bytes_of_row(y);
            for (i, out) in out.chunks_mut(8).enumerate() {
                let at = x + 8 * i;
                let next = bytes.get(at / 8 + 1).copied().unwrap_or(0);
                let bits = u32::from(u16::from_le_bytes([bytes[at / 8], next]) >> (at % 8));
                for (out, bit) in out.iter_mut().zip(0..) {
                    *out = (bits >> bit & 1).wrapping_neg() & 0xff00_0000;
                }
            }
        }
    }
}

/// Alphas as words, eight at a time; the last eight overlap those before.
#[inline(always)]
fn widen_alphas(alphas: &[u8], out: &mut [u32]) {
    let eight = |from: &[u8; 8], to: &mut [u32; 8]| {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = u32::from(*from) << 24);
    };
    if let (Some(from), Some(to)) = (alphas.last_chunk(), out.last_chunk_mut()) {
        eight(from, to);
        let (from, to) = (alphas.as_chunks().0, out.as_chunks_mut().0);
        from.iter().zip(to).for_each(|(from, to)| eight(from, to));
    } else {
        out.iter_mut().zip(alphas).for_each(|(out, v)| *out = u32::from(*v) << 24);
    }
}

/// The word of a picture's first pixel.
pub(super) fn first_word(surface: &SurfaceRef<'_>) -> u32 {
    let format = surface.format();
    to_argb(format, raw_pixel(format, surface.row(0), 0))
}
