//! One face for all codecs.

use crate::glz::{GlzDictionary, GlzEncoder, GlzWindow, ZLIB_LEVEL, ZlibDecoder, ZlibEncoder};
use crate::jpeg::{JpegDecoder, JpegEncoder, Subsampling};
use crate::lz::{Level, LzDecoder, LzEncoder, LzHeader};
use crate::lz4::Lz4Encoder;
use crate::quic::{QuicDecoder, QuicEncoder};
use crate::{DecodeError, EncodeError, PixelFormat, Pixels};

/// Pixels of the GLZ window that an [`Encoder`] or a [`Decoder`] makes for itself: as large as clients announce.
const WINDOW: u32 = 1 << 22;

/// How an image is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Lossless, for photos: grey, RGB16, RGB24, RGB32, RGBA.
    Quic,
    /// Lossless, for text and palettes: every layout but grey.
    Lz,
    /// Lossless, refers to earlier images: RGB16, RGB24, RGB32, RGBA.
    Glz,
    /// GLZ within zlib.
    ZlibGlz,
    /// Lossless, quick: RGB16, RGB24, RGB32, RGBA.
    Lz4,
    /// Lossy: RGB16, RGB24, RGB32.
    Jpeg,
    /// Lossy colours, exact alpha: RGBA.
    JpegAlpha,
}

impl Codec {
    /// Every codec.
    pub const ALL: [Self; 7] =
        [Self::Quic, Self::Lz, Self::Glz, Self::ZlibGlz, Self::Lz4, Self::Jpeg, Self::JpegAlpha];

    /// Its name: `quic`, `lz`, `glz`, `zlib-glz`, `lz4`, `jpeg`, `jpeg-alpha`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Lz => "lz",
            Self::Glz => "glz",
            Self::ZlibGlz => "zlib-glz",
            Self::Lz4 => "lz4",
            Self::Jpeg => "jpeg",
            Self::JpegAlpha => "jpeg-alpha",
        }
    }

    /// Whether decoded pixels may differ from those encoded.
    pub const fn is_lossy(self) -> bool {
        matches!(self, Self::Jpeg | Self::JpegAlpha)
    }

    /// Whether it carries pictures of this layout.
    pub const fn carries(self, format: PixelFormat) -> bool {
        use PixelFormat::{Gray, Rgb16, Rgb24, Rgb32, Rgba};
        match self {
            Self::Quic => matches!(format, Gray | Rgb16 | Rgb24 | Rgb32 | Rgba),
            Self::Lz => !matches!(format, Gray),
            Self::Glz | Self::ZlibGlz | Self::Lz4 => matches!(format, Rgb16 | Rgb24 | Rgb32 | Rgba),
            Self::Jpeg => matches!(format, Rgb16 | Rgb24 | Rgb32),
            Self::JpegAlpha => matches!(format, Rgba),
        }
    }

    /// The codec that a stream's first bytes speak for. LZ4 has nothing to tell it by.
    pub fn sniff(stream: &[u8]) -> Option<Self> {
        match stream {
            [b'Q', b'U', b'I', b'C', ..] => Some(Self::Quic),
            // Behind magic and version, LZ has a whole word for the type, GLZ a byte that is not 0.
            [0x20, 0x20, 0x5a, 0x4c, _, _, _, _, 0, ..] => Some(Self::Lz),
            [0x20, 0x20, 0x5a, 0x4c, ..] => Some(Self::Glz),
            [0xff, 0xd8, 0xff, ..] => Some(match alpha_start(stream) {
                Some(_) => Self::JpegAlpha,
                None => Self::Jpeg,
            }),
            &[method, flags, ..]
                if method & 15 == 8 && (u16::from(method) << 8 | u16::from(flags)) % 31 == 0 =>
            {
                Some(Self::ZlibGlz)
            }
            _ => None,
        }
    }
}

impl std::str::FromStr for Codec {
    type Err = UnknownCodec;

    fn from_str(name: &str) -> Result<Self, UnknownCodec> {
        Self::ALL.into_iter().find(|c| c.name() == name).ok_or(UnknownCodec)
    }
}

/// No codec has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCodec;

impl std::fmt::Display for UnknownCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("codec is none of quic, lz, glz, zlib-glz, lz4, jpeg, jpeg-alpha")
    }
}

impl std::error::Error for UnknownCodec {}

/// Where the LZ part of a JPEG-alpha stream begins: behind an end-of-image marker.
fn alpha_start(stream: &[u8]) -> Option<usize> {
    let marker = [0xff, 0xd9, 0x20, 0x20, 0x5a, 0x4c];
    stream.windows(marker.len()).position(|w| w == marker).map(|at| at + 2)
}

/// How to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How hard LZ and GLZ look for matches.
    pub level: Level,
    /// JPEG's quality, 1 to 100. 85 is what SPICE servers use.
    pub quality: u8,
    /// JPEG's colour resolution.
    pub subsampling: Subsampling,
    /// Longest stream in bytes that is worth having: encoding stops with [`EncodeError::Bound`] when it is passed.
    pub bound: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { level: Level::Default, quality: 85, subsampling: Subsampling::Both, bound: usize::MAX }
    }
}

/// What became of a picture: lengths in bytes, as a display channel's message states them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// The stream: `data_size`.
    pub bytes: usize,
    /// Of JPEG-alpha, the part that is JPEG: `jpeg_size`. 0 for other codecs.
    pub jpeg_bytes: usize,
    /// Of zlib-GLZ, the GLZ stream within: `glz_data_size`. 0 for other codecs.
    pub glz_bytes: usize,
    /// Of GLZ and zlib-GLZ, the image's number in the dictionary: it must be sent, or taken back
    /// ([`GlzDictionary::undo`]).
    pub glz_id: Option<u64>,
}

/// Every encoder with the memory it keeps between pictures.
#[derive(Debug)]
pub struct Encoder {
    quic: QuicEncoder,
    lz: LzEncoder,
    glz: GlzEncoder,
    zlib: ZlibEncoder,
    lz4: Lz4Encoder,
    jpeg: JpegEncoder,
    scratch: Vec<u8>,
    dictionary: Option<GlzDictionary>,
}

impl Encoder {
    /// An encoder that holds little memory yet.
    pub fn new() -> Self {
        Self {
            quic: QuicEncoder::new(),
            lz: LzEncoder::new(),
            glz: GlzEncoder::new(),
            zlib: ZlibEncoder::new(ZLIB_LEVEL),
            lz4: Lz4Encoder::new(),
            jpeg: JpegEncoder::new(),
            scratch: Vec::new(),
            dictionary: None,
        }
    }

    /// Appends the stream of `pixels` to `out`. After an error (a layout that the codec does not carry, a picture too
    /// large for it, a stream longer than `options.bound`) `out` is as it was.
    ///
    /// GLZ and zlib-GLZ use a dictionary of this encoder's own: its pictures are one sequence for one client. See
    /// [`Self::encode_with`] for a dictionary that several encoders share.
    pub fn encode(
        &mut self,
        pixels: &Pixels<'_>,
        codec: Codec,
        options: &Options,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, EncodeError> {
        let mut dictionary = match codec {
            Codec::Glz | Codec::ZlibGlz => {
                self.dictionary.take().or_else(|| Some(GlzDictionary::new(WINDOW)))
            }
            _ => None,
        };
        let result = self.encode_any(dictionary.as_mut(), pixels, codec, options, out);
        if dictionary.is_some() {
            self.dictionary = dictionary;
        }
        result
    }

    /// As [`Self::encode`], with the client's `dictionary` for GLZ and zlib-GLZ.
    pub fn encode_with(
        &mut self,
        dictionary: &mut GlzDictionary,
        pixels: &Pixels<'_>,
        codec: Codec,
        options: &Options,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, EncodeError> {
        self.encode_any(Some(dictionary), pixels, codec, options, out)
    }

    fn encode_any(
        &mut self,
        dictionary: Option<&mut GlzDictionary>,
        pixels: &Pixels<'_>,
        codec: Codec,
        options: &Options,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, EncodeError> {
        let &Options { level, quality, subsampling, bound } = options;
        let mut done = Encoded { bytes: 0, jpeg_bytes: 0, glz_bytes: 0, glz_id: None };
        match codec {
            Codec::Quic => done.bytes = self.quic.encode(pixels, bound, out)?,
            Codec::Lz => done.bytes = self.lz.encode(pixels, level, bound, out)?,
            Codec::Lz4 => done.bytes = self.lz4.encode(pixels, bound, out)?,
            Codec::Jpeg => done.bytes = self.jpeg.encode(pixels, quality, subsampling, bound, out)?,
            Codec::JpegAlpha => {
                (done.bytes, done.jpeg_bytes) =
                    self.jpeg.encode_with_alpha(pixels, quality, subsampling, level, bound, out)?;
            }
            Codec::Glz | Codec::ZlibGlz => {
                let format = pixels.format();
                let dictionary = dictionary.ok_or(EncodeError::Format { format, codec: "GLZ" })?;
                if codec == Codec::Glz {
                    let glz = self.glz.encode(dictionary, pixels, level, bound, out)?;
                    (done.bytes, done.glz_id) = (glz.bytes, Some(glz.id));
                } else {
                    self.scratch.clear();
                    let glz = self.glz.encode(dictionary, pixels, level, usize::MAX, &mut self.scratch)?;
                    match self.zlib.wrap(&self.scratch, bound, out) {
                        Ok(n) => done.bytes = n,
                        Err(e) => {
                            dictionary.undo(glz.id);
                            return Err(e);
                        }
                    }
                    (done.glz_bytes, done.glz_id) = (glz.bytes, Some(glz.id));
                }
            }
        }
        Ok(done)
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Encodes one picture: [`Encoder::encode`] without memory to keep; GLZ begins a new sequence.
///
/// ```
/// use spice_codecs::{Codec, DecodeOptions, Options, PixelFormat, Pixels, decode, encode};
///
/// let rows = [10, 20, 30, 0].repeat(64 * 48);
/// let pixels = Pixels::new(PixelFormat::Rgb32, 64, 48, 64 * 4, true, &rows).expect("rows that fit");
/// let (mut stream, mut back) = (Vec::new(), Vec::new());
/// let encoded = encode(&pixels, Codec::Quic, &Options::default(), &mut stream).expect("a layout for QUIC");
/// assert!(encoded.bytes == stream.len() && stream.len() < rows.len() / 20);
/// let picture = decode(&stream, Codec::Quic, &DecodeOptions::default(), &mut back).expect("a whole stream");
/// assert_eq!((picture.width, picture.height, picture.format), (64, 48, PixelFormat::Rgb32));
/// assert_eq!(back, rows);
/// ```
pub fn encode(
    pixels: &Pixels<'_>,
    codec: Codec,
    options: &Options,
    out: &mut Vec<u8>,
) -> Result<Encoded, EncodeError> {
    Encoder::new().encode(pixels, codec, options, out)
}

/// What a message says about a stream, and what the caller is willing to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Columns and rows of the image descriptor: another size in the stream is an error. LZ4 needs it.
    pub size: Option<(u32, u32)>,
    /// Most bytes of decoded pixels.
    pub limit: u64,
    /// The message's `jpeg_size`; without it, the alpha plane is looked for behind the first end-of-image marker
    /// that an LZ header follows.
    pub jpeg_bytes: Option<usize>,
    /// The message's `glz_data_size`; without it, the zlib stream is inflated twice.
    pub glz_bytes: Option<usize>,
}

impl Default for DecodeOptions {
    /// Nothing declared; at most 256 MiB of pixels.
    fn default() -> Self {
        Self { size: None, limit: 1 << 28, jpeg_bytes: None, glz_bytes: None }
    }
}

/// A decoded picture's shape: `height` rows of `format.bytes_per_row(width)` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The layout. [`PixelFormat::Xxxa`] streams give [`PixelFormat::A8`] rows; GLZ of RGB16 or RGB24 and JPEG give
    /// RGB32.
    pub format: PixelFormat,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Whether the first row is the top row of the picture.
    pub top_down: bool,
}

impl Decoded {
    /// The picture over the bytes that were decoded; `None` if they are too few.
    pub fn pixels(self, data: &[u8]) -> Option<Pixels<'_>> {
        let stride = self.format.bytes_per_row(self.width);
        Pixels::new(self.format, self.width, self.height, stride, self.top_down, data)
    }

    /// Turns the decoded rows in `native` into pixels of four bytes in `out`, rows in the same order: RGB32 and RGBA
    /// as they are; RGB24, RGB16, grey as B, G, R, 0 (five-bit channels repeat their high bits below); palette indices
    /// as the entries of `palette`, `0x00RRGGBB` (4-bit indices modulo its length, those beyond it black); A8 as
    /// 0, 0, 0, A.
    ///
    /// # Panics
    /// If `native` is shorter than the picture.
    pub fn to_bgrx(self, palette: &[u32], native: &[u8], out: &mut Vec<u8>) {
        let Self { format, width, height, top_down } = self;
        if format == PixelFormat::Gray {
            out.clear();
            out.extend(native[..width as usize * height as usize].iter().flat_map(|&v| [v, v, v, 0]));
            return;
        }
        crate::lz::to_bgrx(&LzHeader { format, width, height, top_down }, palette, native, out);
    }
}

/// Every decoder with the memory it keeps between pictures, and a GLZ window.
#[derive(Debug)]
pub struct Decoder {
    quic: QuicDecoder,
    lz: LzDecoder,
    zlib: ZlibDecoder,
    jpeg: JpegDecoder,
    glz: GlzWindow,
    scratch: Vec<u8>,
}

impl Decoder {
    /// A decoder that holds little memory yet, with a GLZ window of 4 Mi pixels.
    pub fn new() -> Self {
        Self::with_window(GlzWindow::new(WINDOW))
    }

    /// With this GLZ window.
    pub fn with_window(glz: GlzWindow) -> Self {
        Self {
            quic: QuicDecoder::new(),
            lz: LzDecoder::new(),
            zlib: ZlibDecoder::new(),
            jpeg: JpegDecoder::new(),
            glz,
            scratch: Vec::new(),
        }
    }

    /// The GLZ window.
    pub fn window(&mut self) -> &mut GlzWindow {
        &mut self.glz
    }

    /// Decodes `stream` into `out`, whose former content does not matter; the result says what it holds. `out` is
    /// empty after an error. GLZ and zlib-GLZ pictures also enter this decoder's window.
    ///
    /// Whatever the stream says, this ends, does not panic, and allocates no more than a small multiple of
    /// `options.limit`.
    pub fn decode(
        &mut self,
        stream: &[u8],
        codec: Codec,
        options: &DecodeOptions,
        out: &mut Vec<u8>,
    ) -> Result<Decoded, DecodeError> {
        let result = self.decode_any(stream, codec, options, out);
        if result.is_err() {
            out.clear();
        }
        result
    }

    fn decode_any(
        &mut self,
        stream: &[u8],
        codec: Codec,
        options: &DecodeOptions,
        out: &mut Vec<u8>,
    ) -> Result<Decoded, DecodeError> {
        let limit = options.limit;
        // The size is compared before pixels are decoded, where the stream states it in front.
        let check = |found: (u32, u32)| match options.size {
            Some(expected) if expected != found => Err(DecodeError::SizeMismatch { found, expected }),
            _ => Ok(()),
        };
        let decoded = |format, (width, height), top_down| Decoded { format, width, height, top_down };
        Ok(match codec {
            Codec::Quic => {
                let h = crate::quic::QuicHeader::parse(stream)?;
                check((h.width, h.height))?;
                self.quic.decode(stream, limit, out)?;
                decoded(h.format, (h.width, h.height), true)
            }
            Codec::Lz => {
                let h = LzHeader::parse(stream)?;
                check((h.width, h.height))?;
                self.lz.decode(stream, limit, out)?;
                let format = if h.format == PixelFormat::Xxxa { PixelFormat::A8 } else { h.format };
                decoded(format, (h.width, h.height), h.top_down)
            }
            Codec::Lz4 => {
                let size = options.size.ok_or(DecodeError::Undeclared { field: "size" })?;
                if size.0 == 0 || size.1 == 0 {
                    return Err(DecodeError::Field { field: "declared size", found: 0 });
                }
                let h = crate::lz4::decode(stream, size.0, size.1, limit, out)?;
                decoded(h.format, size, h.top_down)
            }
            Codec::Jpeg => {
                check(JpegDecoder::size(stream)?)?;
                decoded(PixelFormat::Rgb32, self.jpeg.decode(stream, limit, out)?, true)
            }
            Codec::JpegAlpha => {
                check(JpegDecoder::size(stream)?)?;
                let jpeg = options.jpeg_bytes.or_else(|| alpha_start(stream));
                let jpeg = jpeg.ok_or(DecodeError::Undeclared { field: "jpeg_size" })?;
                decoded(PixelFormat::Rgba, self.jpeg.decode_with_alpha(stream, jpeg, limit, out)?, true)
            }
            Codec::Glz => self.glz(stream, options, out)?,
            Codec::ZlibGlz => {
                let declared = match options.glz_bytes {
                    Some(n) => n,
                    None => inflated_size(stream, limit.saturating_mul(2))?,
                };
                let mut scratch = std::mem::take(&mut self.scratch);
                // No GLZ stream takes much more than its pixels do.
                let result = self.zlib.unwrap(stream, declared, limit.saturating_mul(2), &mut scratch);
                let result = result.and_then(|()| self.glz(&scratch, options, out));
                self.scratch = scratch;
                result?
            }
        })
    }

    fn glz(
        &mut self,
        stream: &[u8],
        options: &DecodeOptions,
        out: &mut Vec<u8>,
    ) -> Result<Decoded, DecodeError> {
        let h = crate::glz::GlzHeader::parse(stream)?;
        let found = (h.width, h.height);
        if let Some(expected) = options.size.filter(|&s| s != found) {
            return Err(DecodeError::SizeMismatch { found, expected });
        }
        let image = self.glz.decode(stream, options.limit)?;
        out.clear();
        out.extend_from_slice(image.pixels);
        let format = if h.format == PixelFormat::Rgba { PixelFormat::Rgba } else { PixelFormat::Rgb32 };
        Ok(Decoded { format, width: h.width, height: h.height, top_down: h.top_down })
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Decodes one picture: [`Decoder::decode`] without memory to keep; a GLZ image must be the first of a sequence.
pub fn decode(
    stream: &[u8],
    codec: Codec,
    options: &DecodeOptions,
    out: &mut Vec<u8>,
) -> Result<Decoded, DecodeError> {
    Decoder::new().decode(stream, codec, options, out)
}

/// Length of what the zlib stream holds, at most `limit`.
fn inflated_size(stream: &[u8], limit: u64) -> Result<usize, DecodeError> {
    let mut state = flate2::Decompress::new(true);
    let mut chunk = [0; 4096];
    loop {
        let at = state.total_in() as usize;
        let before = (state.total_in(), state.total_out());
        let status = state
            .decompress(&stream[at..], &mut chunk, flate2::FlushDecompress::None)
            .map_err(|_| DecodeError::Corrupt { offset: at, reason: "no valid zlib stream" })?;
        let total = state.total_out();
        if total > limit {
            return Err(DecodeError::TooLarge { needed: total, limit });
        }
        if status == flate2::Status::StreamEnd {
            return usize::try_from(total).map_err(|_| DecodeError::TooLarge { needed: total, limit });
        }
        if before == (state.total_in(), total) {
            return Err(DecodeError::Truncated { offset: stream.len() });
        }
    }
}
