//! Decoded pictures of any layout as B, G, R, x.

use super::LzHeader;
use super::copy::expand_555;
use crate::PixelFormat;

/// Turns the packed rows that [`super::LzDecoder::decode`] gave into `width * height` pixels of four bytes, rows in
/// the same order, in `out` (former content is lost, a buffer of the right length is reused as it is).
///
/// RGB32 and RGBA stay as they are; RGB24 and RGB16 become B, G, R, 0 (five-bit channels repeat their high bits
/// below); palette pictures take `palette` entries `0x00RRGGBB` as B, G, R, 0, where a 4-bit index counts modulo the
/// palette's length as clients do and an index beyond it is black; A8 and XXXA become 0, 0, 0, A.
///
/// # Panics
/// If `native` is shorter than [`LzHeader::decoded_bytes`].
pub fn to_bgrx(header: &LzHeader, palette: &[u32], native: &[u8], out: &mut Vec<u8>) {
    let (width, height) = (header.width as usize, header.height as usize);
    let native = &native[..header.decoded_bytes()];
    out.resize(width * height * 4, 0);
    let colour = |i: usize| (palette.get(i).copied().unwrap_or(0) & 0x00ff_ffff).to_le_bytes();
    let mut bytes = [[0; 4]; 256];
    for (i, b) in bytes.iter_mut().enumerate() {
        *b = colour(i);
    }
    let nibble = |i: u8| bytes[usize::from(i) % palette.len().max(1)];
    let rows = native.chunks_exact(header.row_bytes()).zip(out.chunks_exact_mut(width * 4));
    for (row, to) in rows {
        let to = to.as_chunks_mut::<4>().0;
        match header.format {
            PixelFormat::Rgb32 | PixelFormat::Rgba => to.as_flattened_mut().copy_from_slice(row),
            PixelFormat::Rgb24 => {
                for (to, p) in to.iter_mut().zip(row.as_chunks::<3>().0) {
                    *to = [p[0], p[1], p[2], 0];
                }
            }
            PixelFormat::Rgb16 => {
                for (to, p) in to.iter_mut().zip(row.as_chunks::<2>().0) {
                    *to = expand_555(u16::from_le_bytes(*p));
                }
            }
            PixelFormat::Plt8 => {
                for (to, &p) in to.iter_mut().zip(row) {
                    *to = bytes[usize::from(p)];
                }
            }
            PixelFormat::Plt4Be | PixelFormat::Plt4Le => {
                let high_first = header.format == PixelFormat::Plt4Be;
                for (pair, &p) in to.chunks_mut(2).zip(row) {
                    let (left, right) = if high_first { (p >> 4, p & 15) } else { (p & 15, p >> 4) };
                    pair[0] = nibble(left);
                    if let Some(to) = pair.get_mut(1) {
                        *to = nibble(right);
                    }
                }
            }
            PixelFormat::Plt1Be | PixelFormat::Plt1Le => {
                let high_first = header.format == PixelFormat::Plt1Be;
                for (eight, &p) in to.chunks_mut(8).zip(row) {
                    for (k, to) in eight.iter_mut().enumerate() {
                        let bit = if high_first { p >> (7 - k) } else { p >> k };
                        *to = bytes[usize::from(bit & 1)];
                    }
                }
            }
            PixelFormat::Gray | PixelFormat::Xxxa | PixelFormat::A8 => {
                for (to, &p) in to.iter_mut().zip(row) {
                    *to = [0, 0, 0, p];
                }
            }
        }
    }
}
