//! Pictures as the codecs see them: rows of packed pixels in memory order.

/// Pixel layouts that a SPICE image stream can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// One grey byte a pixel.
    Gray,
    /// 1-bit palette index, leftmost pixel in bit 0.
    Plt1Le,
    /// 1-bit palette index, leftmost pixel in bit 7.
    Plt1Be,
    /// 4-bit palette index, left pixel in the low nibble.
    Plt4Le,
    /// 4-bit palette index, left pixel in the high nibble.
    Plt4Be,
    /// 8-bit palette index.
    Plt8,
    /// Little-endian x1r5g5b5.
    Rgb16,
    /// B, G, R bytes.
    Rgb24,
    /// B, G, R, x bytes; encoders ignore x and decoders set it to 0 (LZ4 keeps it).
    Rgb32,
    /// B, G, R, A bytes, premultiplied.
    Rgba,
    /// B, G, R, A bytes of which only A is coded; decoders leave the other bytes as they are.
    Xxxa,
    /// One alpha byte a pixel.
    A8,
}

impl PixelFormat {
    /// All of them, in their order.
    pub const ALL: [Self; 12] = [
        Self::Gray,
        Self::Plt1Le,
        Self::Plt1Be,
        Self::Plt4Le,
        Self::Plt4Be,
        Self::Plt8,
        Self::Rgb16,
        Self::Rgb24,
        Self::Rgb32,
        Self::Rgba,
        Self::Xxxa,
        Self::A8,
    ];

    /// Bits of one pixel: 1, 4, 8, 16, 24 or 32.
    pub const fn bits_per_pixel(self) -> u32 {
        match self {
            Self::Plt1Le | Self::Plt1Be => 1,
            Self::Plt4Le | Self::Plt4Be => 4,
            Self::Gray | Self::Plt8 | Self::A8 => 8,
            Self::Rgb16 => 16,
            Self::Rgb24 => 24,
            Self::Rgb32 | Self::Rgba | Self::Xxxa => 32,
        }
    }

    /// Bytes that a row of `width` pixels takes without padding.
    pub const fn bytes_per_row(self, width: u32) -> usize {
        (width as usize * self.bits_per_pixel() as usize).div_ceil(8)
    }
}

/// A picture to encode: borrowed rows, `stride` bytes apart.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    format: PixelFormat,
    width: u32,
    height: u32,
    stride: usize,
    top_down: bool,
    data: &'a [u8],
}

impl<'a> Pixels<'a> {
    /// A picture over `data`; `top_down` if its first row is the top row. `None` if a size is 0 or the data does
    /// not hold all rows (the last row needs no padding).
    pub fn new(
        format: PixelFormat,
        width: u32,
        height: u32,
        stride: usize,
        top_down: bool,
        data: &'a [u8],
    ) -> Option<Self> {
        let row = format.bytes_per_row(width);
        let needed = stride.checked_mul((height as usize).checked_sub(1)?)?.checked_add(row)?;
        (width > 0 && (height == 1 || stride >= row) && needed <= data.len()).then_some(Self {
            format,
            width,
            height,
            stride,
            top_down,
            data,
        })
    }

    /// The pixel layout.
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// Columns, at least 1.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows, at least 1.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Whether the first row in memory is the top row.
    pub const fn top_down(&self) -> bool {
        self.top_down
    }

    /// The bytes of row `i` in memory order, without padding; panics if `i >= height`.
    #[inline]
    pub fn row(&self, i: u32) -> &'a [u8] {
        assert!(i < self.height);
        let start = i as usize * self.stride;
        &self.data[start..start + self.format.bytes_per_row(self.width)]
    }

    /// The bytes of row `y` counted from the top of the picture; panics if `y >= height`.
    #[inline]
    pub fn row_from_top(&self, y: u32) -> &'a [u8] {
        self.row(if self.top_down { y } else { self.height - 1 - y })
    }

    /// The bytes of rows `from..to` in memory order, if no padding lies between them; panics unless
    /// `from < to <= height`.
    #[inline]
    pub fn rows_without_padding(&self, from: u32, to: u32) -> Option<&'a [u8]> {
        assert!(from < to && to <= self.height);
        let row = self.format.bytes_per_row(self.width);
        let start = from as usize * self.stride;
        (self.stride == row || to - from == 1).then(|| &self.data[start..start + (to - from) as usize * row])
    }

    /// The same memory, RGBA as RGB32.
    pub(crate) fn without_alpha(&self) -> Self {
        let format = if self.format == PixelFormat::Rgba { PixelFormat::Rgb32 } else { self.format };
        Self { format, ..*self }
    }

    /// Of an RGBA picture, the same memory as [`PixelFormat::Xxxa`]: only its alpha is coded.
    pub fn alpha_only(&self) -> Option<Self> {
        (self.format == PixelFormat::Rgba).then_some(Self { format: PixelFormat::Xxxa, ..*self })
    }
}
