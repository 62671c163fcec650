//! Pictures in the layouts that codecs carry.

use super::Picture;
use spice_codecs::{PaletteFinder, PixelFormat, Pixels};
use std::fmt;

/// The names of the layouts, for people.
pub const FORMAT_NAMES: [(&str, PixelFormat); 15] = [
    ("rgb32", PixelFormat::Rgb32),
    ("rgba", PixelFormat::Rgba),
    ("rgb24", PixelFormat::Rgb24),
    ("rgb16", PixelFormat::Rgb16),
    ("gray", PixelFormat::Gray),
    ("plt1", PixelFormat::Plt1Be),
    ("plt1-be", PixelFormat::Plt1Be),
    ("plt1-le", PixelFormat::Plt1Le),
    ("plt4", PixelFormat::Plt4Be),
    ("plt4-be", PixelFormat::Plt4Be),
    ("plt4-le", PixelFormat::Plt4Le),
    ("plt8", PixelFormat::Plt8),
    ("xxxa", PixelFormat::Xxxa),
    ("a8", PixelFormat::A8),
    ("grey", PixelFormat::Gray),
];

/// The layout of this name.
pub fn format_named(name: &str) -> Option<PixelFormat> {
    FORMAT_NAMES.iter().find(|(n, _)| *n == name).map(|(_, f)| *f)
}

/// A picture laid out for a codec.
#[derive(Clone, Debug)]
pub struct Laid {
    format: PixelFormat,
    width: u32,
    height: u32,
    top_down: bool,
    data: Vec<u8>,
    /// Of palette layouts, the colours as `0x00RRGGBB`.
    pub palette: Vec<u32>,
}

impl Laid {
    /// For an encoder.
    pub fn pixels(&self) -> Pixels<'_> {
        let stride = self.format.bytes_per_row(self.width);
        Pixels::new(self.format, self.width, self.height, stride, self.top_down, &self.data)
            .expect("rows of that many bytes")
    }
}

/// The picture has more colours than the palette layout holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutError {
    /// Colours that the layout holds.
    pub most: usize,
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the picture has more than the {} colours of the palette layout", self.most)
    }
}

impl std::error::Error for LayoutError {}

/// `picture` as `format`: grey is luminance, RGB16 the five high bits of each channel, A8 the alpha. Rows come in the
/// order of `top_down`.
pub fn lay_out(picture: &Picture, format: PixelFormat, top_down: bool) -> Result<Laid, LayoutError> {
    let (width, height) = (picture.width, picture.height);
    let row = width as usize * 4;
    let mut bgrx = Vec::with_capacity(picture.data.len());
    for y in 0..height as usize {
        let y = if top_down { y } else { height as usize - 1 - y };
        bgrx.extend_from_slice(&picture.data[y * row..(y + 1) * row]);
    }
    let px = || bgrx.as_chunks::<4>().0.iter();
    let mut palette = Vec::new();
    let data = match format {
        PixelFormat::Rgb32 => px().flat_map(|&[b, g, r, _]| [b, g, r, 0]).collect(),
        PixelFormat::Rgba | PixelFormat::Xxxa => bgrx,
        PixelFormat::Rgb24 => px().flat_map(|&[b, g, r, _]| [b, g, r]).collect(),
        PixelFormat::Rgb16 => {
            let five = |v: u8| u16::from(v >> 3);
            px().flat_map(|&[b, g, r, _]| (five(r) << 10 | five(g) << 5 | five(b)).to_le_bytes()).collect()
        }
        PixelFormat::Gray => px()
            .map(|&[b, g, r, _]| ((u32::from(r) * 77 + u32::from(g) * 151 + u32::from(b) * 28) >> 8) as u8)
            .collect(),
        PixelFormat::A8 => px().map(|p| p[3]).collect(),
        _ => {
            let most = 1usize << format.bits_per_pixel();
            let pixels =
                Pixels::new(PixelFormat::Rgb32, width, height, row, top_down, &bgrx).expect("whole rows");
            let mut finder = PaletteFinder::new();
            let found = finder.find(&pixels, most).ok_or(LayoutError { most })?;
            palette = found.colours.to_vec();
            indices(&found.pixels, format)
        }
    };
    Ok(Laid { format, width, height, top_down, data, palette })
}

/// The indices of a palette picture in the layout `to`, which holds them.
fn indices(from: &Pixels<'_>, to: PixelFormat) -> Vec<u8> {
    let bits = |f: PixelFormat| f.bits_per_pixel() as usize;
    // Where the pixel's bits are in its byte.
    let shift = |f: PixelFormat, x: usize| {
        let k = x % (8 / bits(f)) * bits(f);
        if matches!(f, PixelFormat::Plt1Le | PixelFormat::Plt4Le) { k } else { 8 - bits(f) - k }
    };
    let mut out = Vec::new();
    for y in 0..from.height() {
        let (row, start) = (from.row(y), out.len());
        out.resize(start + to.bytes_per_row(from.width()), 0);
        for x in 0..from.width() as usize {
            let f = from.format();
            let index = row[x * bits(f) / 8] >> shift(f, x) & (0xff >> (8 - bits(f)));
            out[start + x * bits(to) / 8] |= index << shift(to, x);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use spice_codecs::Decoded;

    #[test]
    fn every_layout_comes_back() {
        // Five-bit channels with their high bits repeated, so that RGB16 is exact too; grey, so that luminance is.
        let value = |i: u32| ((i % 3) * 9) as u8;
        let five = |v: u8| v << 3 | v >> 2;
        for (name, format) in FORMAT_NAMES {
            for (width, height, most) in [(1, 1, 2), (9, 4, 2), (17, 3, 3)] {
                if format.bits_per_pixel() == 1 && most > 2 {
                    continue;
                }
                let data: Vec<u8> = (0..width * height)
                    .flat_map(|i| {
                        let v = five(value(i * i % most));
                        [v, v, v, v]
                    })
                    .collect();
                let picture = Picture { width, height, has_alpha: true, data };
                for top_down in [true, false] {
                    let laid = lay_out(&picture, format, top_down).expect(name);
                    let pixels = laid.pixels();
                    let mut native = Vec::new();
                    (0..height).for_each(|y| native.extend_from_slice(pixels.row_from_top(y)));
                    let mut back = Vec::new();
                    let as_rgb = if format == PixelFormat::Xxxa { PixelFormat::Rgba } else { format };
                    Decoded { format: as_rgb, width, height, top_down: true }.to_bgrx(
                        &laid.palette,
                        &native,
                        &mut back,
                    );
                    for (a, b) in picture.data.chunks(4).zip(back.chunks(4)) {
                        let same = if format == PixelFormat::A8 { a[3] == b[3] } else { a[..3] == b[..3] };
                        assert!(same, "{name} {width}x{height}: {a:?} {b:?}");
                    }
                }
            }
        }
        let data = (0..3).flat_map(|v| [v, 0, 0, 0]).collect();
        let three = Picture { width: 3, height: 1, has_alpha: false, data };
        assert_eq!(lay_out(&three, PixelFormat::Plt1Le, true).err(), Some(LayoutError { most: 2 }));
    }
}
