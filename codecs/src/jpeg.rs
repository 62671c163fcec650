//! JPEG, and JPEG with an exact alpha plane. Colours are lossy; the coders are libraries, chosen on measured speed.

use crate::lz::{Level, LzDecoder, LzEncoder};
use crate::{DecodeError, EncodeError, PixelFormat, Pixels};
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, EncodingError, SamplingFactor};
use zune_jpeg::JpegDecoder as Zune;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// How much coarser colours are coded than brightness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Subsampling {
    /// 4:4:4: as fine.
    None,
    /// 4:2:2: half the columns.
    Horizontal,
    /// 4:2:0: half the columns and rows; what SPICE servers send.
    #[default]
    Both,
}

/// Encodes JPEG images; keeps the buffer in which it lines up rows. (The library allocates its own planes each time.)
#[derive(Clone, Debug, Default)]
pub struct JpegEncoder {
    rows: Vec<u8>,
    lz: LzEncoder,
}

impl JpegEncoder {
    /// An encoder that holds no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a baseline JFIF stream of `pixels` (RGB16, RGB24 or RGB32), top row first, to `out` and returns its
    /// length. `quality` is libjpeg's, 1 to 100 (others count as the nearest); SPICE servers use 85.
    ///
    /// Errors: another layout; more than 65535 columns or rows; a stream of more than `bound` bytes, noticed at once.
    /// `out` is then as it was.
    pub fn encode(
        &mut self,
        pixels: &Pixels<'_>,
        quality: u8,
        subsampling: Subsampling,
        bound: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, EncodeError> {
        let format = pixels.format();
        if !matches!(format, PixelFormat::Rgb16 | PixelFormat::Rgb24 | PixelFormat::Rgb32) {
            return Err(EncodeError::Format { format, codec: "JPEG" });
        }
        self.colours(pixels, quality, subsampling, bound, out)
    }

    /// Appends `pixels` (RGBA) to `out`: its colours, as they are, as JPEG, then its alpha plane as an LZ stream of
    /// type XXXA in memory order. Returns the lengths of both parts together and of the JPEG part alone: the message's
    /// `data_size` and `jpeg_size`. Errors as of [`Self::encode`].
    pub fn encode_with_alpha(
        &mut self,
        pixels: &Pixels<'_>,
        quality: u8,
        subsampling: Subsampling,
        level: Level,
        bound: usize,
        out: &mut Vec<u8>,
    ) -> Result<(usize, usize), EncodeError> {
        let format = pixels.format();
        let Some(alpha) = pixels.alpha_only() else {
            return Err(EncodeError::Format { format, codec: "JPEG-alpha" });
        };
        let start = out.len();
        let jpeg = self.colours(pixels, quality, subsampling, bound, out)?;
        match self.lz.encode(&alpha, level, bound - jpeg, out) {
            Ok(n) => Ok((jpeg + n, jpeg)),
            Err(e) => {
                out.truncate(start);
                Err(if matches!(e, EncodeError::Bound { .. }) { EncodeError::Bound { bound } } else { e })
            }
        }
    }

    fn colours(
        &mut self,
        pixels: &Pixels<'_>,
        quality: u8,
        subsampling: Subsampling,
        bound: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, EncodeError> {
        let (Ok(width), Ok(height)) = (u16::try_from(pixels.width()), u16::try_from(pixels.height())) else {
            return Err(EncodeError::TooLarge);
        };
        let whole = if pixels.top_down() && pixels.format() != PixelFormat::Rgb16 {
            pixels.rows_without_padding(0, pixels.height())
        } else {
            None
        };
        let data = whole.unwrap_or_else(|| {
            self.rows.clear();
            for y in 0..pixels.height() {
                let row = pixels.row_from_top(y);
                if pixels.format() == PixelFormat::Rgb16 {
                    let px = row.as_chunks::<2>().0.iter();
                    self.rows.extend(px.flat_map(|px| crate::lz::copy::expand_555(u16::from_le_bytes(*px))));
                } else {
                    self.rows.extend_from_slice(row);
                }
            }
            &self.rows
        });
        let kind = if pixels.format() == PixelFormat::Rgb24 { ColorType::Bgr } else { ColorType::Bgra };
        let start = out.len();
        let end = start.saturating_add(bound);
        let mut encoder = jpeg_encoder::Encoder::new(Bounded { out, end }, quality.clamp(1, 100));
        encoder.set_sampling_factor(match subsampling {
            Subsampling::None => SamplingFactor::F_1_1,
            Subsampling::Horizontal => SamplingFactor::F_2_1,
            Subsampling::Both => SamplingFactor::F_2_2,
        });
        // As libjpeg does; the library's default takes every second sample as it is.
        encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
        match encoder.encode(data, width, height, kind) {
            Ok(()) => Ok(out.len() - start),
            Err(e) => {
                out.truncate(start);
                Err(match e {
                    EncodingError::IoError(_) => EncodeError::Bound { bound },
                    _ => EncodeError::TooLarge,
                })
            }
        }
    }
}

/// Refuses to grow beyond a length.
struct Bounded<'a> {
    out: &'a mut Vec<u8>,
    end: usize,
}

impl std::io::Write for Bounded<'_> {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.write_all(buf)?;
        Ok(buf.len())
    }

    #[inline]
    fn write_all(&mut self, buf: &[u8]) -> std::io::Result<()> {
        if buf.len() > self.end.saturating_sub(self.out.len()) {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        self.out.extend_from_slice(buf);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Decodes JPEG images; keeps the buffer of alpha planes. (The library allocates its own planes each time.)
#[derive(Clone, Debug, Default)]
pub struct JpegDecoder {
    lz: LzDecoder,
    alpha: Vec<u8>,
}

impl JpegDecoder {
    /// A decoder that holds no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Columns and rows that the headers of `stream` state.
    pub fn size(stream: &[u8]) -> Result<(u32, u32), DecodeError> {
        let mut jpeg = open(stream, (u16::MAX.into(), u16::MAX.into()));
        jpeg.decode_headers().map_err(|e| wrong(&e, stream))?;
        let (width, height) = jpeg.dimensions().ok_or(DecodeError::Truncated { offset: stream.len() })?;
        Ok((width as u32, height as u32))
    }

    /// Decodes `stream` into `out`, whose former content does not matter: B, G, R, 0 rows without padding, top row
    /// first. Returns columns and rows. Pixels may differ by a few units from what another decoder makes of them, and
    /// by more in pictures of up to four columns whose colours are coarser: libjpeg repeats colour samples where a row
    /// has at most two, the library blends them (31.6 and 21.8 dB between the two in the corpus's 4:2:0 pictures of 2x2 and
    /// 3x5 pixels, at least 45 dB in all others).
    ///
    /// At most `limit` bytes are allocated for the picture, checked before allocating (the library takes about as much
    /// again, for progressive streams twice as much). `out` is empty after an error.
    pub fn decode(
        &mut self,
        stream: &[u8],
        limit: u64,
        out: &mut Vec<u8>,
    ) -> Result<(u32, u32), DecodeError> {
        let result = decode_colours(stream, limit, out);
        if result.is_err() {
            out.clear();
        }
        result
    }

    /// Decodes a JPEG-alpha image whose first `jpeg_bytes` bytes are the colours: B, G, R, A, otherwise as
    /// [`Self::decode`]. The alpha plane is exact; its header says its row order.
    pub fn decode_with_alpha(
        &mut self,
        stream: &[u8],
        jpeg_bytes: usize,
        limit: u64,
        out: &mut Vec<u8>,
    ) -> Result<(u32, u32), DecodeError> {
        let result = self.colours_and_alpha(stream, jpeg_bytes, limit, out);
        if result.is_err() {
            out.clear();
        }
        result
    }

    fn colours_and_alpha(
        &mut self,
        stream: &[u8],
        jpeg_bytes: usize,
        limit: u64,
        out: &mut Vec<u8>,
    ) -> Result<(u32, u32), DecodeError> {
        let Some((colours, alpha)) = stream.split_at_checked(jpeg_bytes) else {
            return Err(DecodeError::Field { field: "jpeg_size", found: jpeg_bytes as u64 });
        };
        let size = decode_colours(colours, limit, out)?;
        let header = self.lz.decode(alpha, limit / 4, &mut self.alpha).map_err(|e| e.behind(jpeg_bytes))?;
        if header.format != PixelFormat::Xxxa {
            return Err(DecodeError::Corrupt {
                offset: jpeg_bytes,
                reason: "no alpha plane behind the jpeg",
            });
        }
        if (header.width, header.height) != size {
            return Err(DecodeError::SizeMismatch { found: (header.width, header.height), expected: size });
        }
        let width = size.0 as usize;
        let rows = self.alpha.chunks_exact(width);
        let put = |(row, alpha): (&mut [u8], &[u8])| {
            for (px, &a) in row.as_chunks_mut::<4>().0.iter_mut().zip(alpha) {
                px[3] = a;
            }
        };
        if header.top_down {
            out.chunks_exact_mut(width * 4).zip(rows).for_each(put);
        } else {
            out.chunks_exact_mut(width * 4).zip(rows.rev()).for_each(put);
        }
        Ok(size)
    }
}

fn open(stream: &[u8], most: (usize, usize)) -> Zune<ZCursor<&[u8]>> {
    let options = DecoderOptions::default()
        .set_max_width(most.0)
        .set_max_height(most.1)
        .jpeg_set_max_scans(64)
        .jpeg_set_out_colorspace(ColorSpace::RGBA);
    Zune::new_with_options(ZCursor::new(stream), options)
}

/// The library's words as ours; it does not say where.
fn wrong(error: &DecodeErrors, stream: &[u8]) -> DecodeError {
    match error {
        DecodeErrors::ExhaustedData => DecodeError::Truncated { offset: stream.len() },
        DecodeErrors::Unsupported(_) => {
            DecodeError::Corrupt { offset: 0, reason: "jpeg of an unsupported kind" }
        }
        DecodeErrors::ZeroError => DecodeError::Field { field: "jpeg size", found: 0 },
        _ => DecodeError::Corrupt { offset: 0, reason: "no valid jpeg" },
    }
}

/// Where the first scan of a sequential stream starts, if it has one of several components. The library makes wrong
/// pictures of such streams without an error (0.5.15, zune-image issues 419 and 448); SPICE servers do not make them.
fn components_apart(stream: &[u8]) -> Option<usize> {
    let mut at = 2;
    let mut components = 0;
    loop {
        let marker = *stream.get(at + 1)?;
        if stream[at] != 0xff || marker == 0xff {
            // Fill bytes, or what the library skips.
            at += 1;
            continue;
        }
        let length = usize::from(u16::from_be_bytes(*stream.get(at + 2..)?.first_chunk()?));
        match marker {
            // Sequential frames; frames of other kinds are read as they are.
            0xc0 | 0xc1 => components = *stream.get(at + 9)?,
            0xda => return (components > 1 && *stream.get(at + 4)? < components).then_some(at),
            _ => {}
        }
        at += 2 + length;
    }
}

fn decode_colours(stream: &[u8], limit: u64, out: &mut Vec<u8>) -> Result<(u32, u32), DecodeError> {
    let (width, height) = JpegDecoder::size(stream)?;
    let needed = u64::from(width) * u64::from(height) * 4;
    if needed > limit {
        return Err(DecodeError::TooLarge { needed, limit });
    }
    if let Some(offset) = components_apart(stream) {
        return Err(DecodeError::Corrupt { offset, reason: "jpeg of an unsupported kind: components apart" });
    }
    let mut jpeg = open(stream, (width as usize, height as usize));
    out.resize(needed as usize, 0);
    jpeg.decode_into(out).map_err(|e| wrong(&e, stream))?;
    // The library has vector code for R, G, B, A but not for B, G, R, A (0.5.15), so bytes change places here.
    for px in out.as_chunks_mut::<4>().0 {
        let v = u32::from_le_bytes(*px);
        *px = (v >> 16 & 0xff | v & 0xff00 | (v & 0xff) << 16).to_le_bytes();
    }
    Ok((width, height))
}
