//! Decoded pictures of any layout as B, G, R, x.

use super::LzHeader;
use super::copy::{expand_555, four};
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
    let used = match header.format {
        PixelFormat::Plt8 => 256,
        _ => 16,
    };
    for (i, b) in bytes[..used].iter_mut().enumerate() {
        *b = colour(i);
    }
    // What each byte of two 4-bit indices stands for.
    let mut pairs = [[[0; 4]; 2]; 256];
    if matches!(header.format, PixelFormat::Plt4Be | PixelFormat::Plt4Le) {
        let nibbles: [[u8; 4]; 16] = std::array::from_fn(|i| bytes[i % palette.len().max(1)]);
        for (i, pair) in pairs.iter_mut().enumerate() {
            let (high, low) = (nibbles[i >> 4], nibbles[i & 15]);
            *pair = if header.format == PixelFormat::Plt4Be { [high, low] } else { [low, high] };
        }
    }
    // Which bit of a byte is which pixel's.
    let bits: [u32; 8] = match header.format {
        PixelFormat::Plt1Be => [128, 64, 32, 16, 8, 4, 2, 1],
        _ => [1, 2, 4, 8, 16, 32, 64, 128],
    };
    let (zero, one) = (u32::from_le_bytes(bytes[0]), u32::from_le_bytes(bytes[1]));
    let eight = |p: u8| bits.map(|bit| if u32::from(p) & bit != 0 { one } else { zero }.to_le_bytes());
    let rows = native.chunks_exact(header.row_bytes()).zip(out.chunks_exact_mut(width * 4));
    for (row, to) in rows {
        let to = to.as_chunks_mut::<4>().0;
        match header.format {
            PixelFormat::Rgb32 | PixelFormat::Rgba => to.as_flattened_mut().copy_from_slice(row),
            PixelFormat::Rgb24 => {
                // Four pixels are read with the four bytes behind them.
                let whole = (row.len().saturating_sub(4) / 12).min(to.len() / 4);
                let (fours, rest) = to.split_at_mut(whole * 4);
                for (k, to) in fours.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                    four(&row[k * 12..k * 12 + 16], to.as_flattened_mut());
                }
                for (to, p) in rest.iter_mut().zip(row[whole * 12..].as_chunks::<3>().0) {
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
                let (whole, last) = to.as_chunks_mut::<2>();
                for (to, &p) in whole.iter_mut().zip(row) {
                    *to = pairs[usize::from(p)];
                }
                if let ([to], Some(&p)) = (last, row.last()) {
                    *to = pairs[usize::from(p)][0];
                }
            }
            PixelFormat::Plt1Be | PixelFormat::Plt1Le => {
                let (whole, last) = to.as_chunks_mut::<8>();
                for (to, &p) in whole.iter_mut().zip(row) {
                    *to = eight(p);
                }
                if let Some(&p) = row.get(whole.len()) {
                    last.copy_from_slice(&eight(p)[..last.len()]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_seed;

    /// Pixel `x` of a row.
    fn single(format: PixelFormat, palette: &[u32], row: &[u8], x: usize) -> [u8; 4] {
        let of = |i: usize| palette.get(i).map_or([0; 4], |c| [*c as u8, (c >> 8) as u8, (c >> 16) as u8, 0]);
        let nibble = |shift: usize| of((row[x / 2] >> shift & 15) as usize % palette.len().max(1));
        let bit = |shift: usize| of((row[x / 8] >> shift & 1) as usize);
        let five = |v: u16| ((v & 31) << 3 | (v & 31) >> 2) as u8;
        match format {
            PixelFormat::Plt1Be => bit(7 - x % 8),
            PixelFormat::Plt1Le => bit(x % 8),
            PixelFormat::Plt4Be => nibble(4 - x % 2 * 4),
            PixelFormat::Plt4Le => nibble(x % 2 * 4),
            PixelFormat::Plt8 => of(row[x].into()),
            PixelFormat::Rgb16 => {
                let v = u16::from_le_bytes([row[2 * x], row[2 * x + 1]]);
                [five(v), five(v >> 5), five(v >> 10), 0]
            }
            PixelFormat::Rgb24 => [row[3 * x], row[3 * x + 1], row[3 * x + 2], 0],
            _ => [0, 0, 0, row[x]],
        }
    }

    #[test]
    fn rows_are_what_single_pixels_are() {
        use PixelFormat::*;
        each_seed(400, |random| {
            let format = [Plt1Be, Plt1Le, Plt4Be, Plt4Le, Plt8, Rgb16, Rgb24, A8][random.below(8)];
            let (width, height) = (1 + random.below(40), 1 + random.below(4));
            let header = LzHeader {
                format,
                width: width as u32,
                height: height as u32,
                top_down: random.below(2) == 0,
            };
            let colours = [0, 1, 2, 3, 13, 16, 40, 256][random.below(8)];
            let palette: Vec<u32> = (0..colours).map(|_| random.next() as u32).collect();
            let native: Vec<u8> = (0..header.decoded_bytes()).map(|_| random.next() as u8).collect();
            let mut out = vec![0xaa; random.below(2000)];
            to_bgrx(&header, &palette, &native, &mut out);
            let rows = native.chunks_exact(header.row_bytes());
            let slow: Vec<[u8; 4]> =
                rows.flat_map(|row| (0..width).map(|x| single(format, &palette, row, x))).collect();
            assert!(out == slow.as_flattened(), "{format:?} {width}x{height}, {colours} colours");
        });
    }
}
