//! Tries the promising encodings of a picture and keeps the cheapest.

use super::best::{Best, Found};
use super::canonical::Shape;
use super::cost::{Effort, Search, is_flat};
use super::hash::ContentHash;
use super::job::Job;
use super::odds::Odds;
use super::palettes::{Indices, Palettes};
use super::photo::{Photo, chroma, photo};
use super::shared::{SharedEncodes, Stream, StreamKey};
use crate::qxl::BitmapFormat;
use crate::wire::{ImageData, ImageKind};
use spice_codecs::glz::{GlzDictionary, ZLIB_LEVEL, ZlibEncoder};
use spice_codecs::jpeg::Subsampling;
use spice_codecs::lz::Level;
use spice_codecs::{Codec, ContentClass, EncodeError, Encoder, Options, PaletteFinder, Pixels};

/// Pictures of fewer bytes than this are sent raw, as the server does.
const RAW_BELOW: usize = 54;
/// GLZ streams of fewer bytes are not worth a zlib stream.
const ZLIB_FROM: usize = 100;
/// Up to so many pixels every encoding is tried: it costs next to nothing.
const SMALL: u64 = 4096;
/// Percent of a photo's places that the dictionary knows from which on GLZ may be smaller than QUIC. (From 75 on it
/// nearly always is, below 25 hardly ever, on recordings.)
const KNOWN: u32 = 20;
/// Bytes of an image's descriptor.
const DESCRIPTOR: usize = 18;

/// The encoders, and what the client holds because of them.
#[derive(Debug)]
pub(super) struct Chooser {
    pub(super) palettes: Palettes,
    pub(super) dictionary: Option<GlzDictionary>,
    shared: SharedEncodes,
    encoder: Encoder,
    zlib: ZlibEncoder,
    zlib_best: ZlibEncoder,
    finder: PaletteFinder,
    pub(super) odds: Odds,
}

/// The cheapest image data.
pub(super) struct Chosen {
    pub(super) data: ImageData,
    pub(super) lossy: bool,
    /// Time that went into looking for it, by the tables of [`super::Costs`].
    pub(super) spent: u64,
}

impl Chooser {
    pub(super) fn new(shared: SharedEncodes, palettes: u32) -> Self {
        Self {
            palettes: Palettes::new(palettes.into()),
            dictionary: None,
            shared,
            encoder: Encoder::new(),
            zlib: ZlibEncoder::new(ZLIB_LEVEL),
            zlib_best: ZlibEncoder::new(9),
            finder: PaletteFinder::new(),
            odds: Odds::default(),
        }
    }

    /// The cheapest image data, and whether it is lossy; `given` is one that there is already. Palettes that the
    /// client must drop before go to `dropped`. `None` if the client decodes nothing that fits.
    pub(super) fn choose(
        &mut self,
        job: &Job<'_>,
        given: Option<ImageData>,
        dropped: &mut Vec<u64>,
    ) -> Option<Chosen> {
        let mut best = Best { price: u64::MAX, found: None, spent: 0, plt: None, lz: None, glz: None };
        if let Some(given) = given {
            let bytes = DESCRIPTOR + 4 + payload(&given);
            best.offer(job.price(given.kind(), bytes), || Found::Given(given));
        }
        for format in job.raw_formats() {
            let row = format.bytes_per_row(job.shape.width) as usize;
            let bytes = DESCRIPTOR + 14 + 4 + row * job.shape.height as usize;
            best.offer(job.price(ImageKind::Bitmap, bytes), || Found::Raw(format));
        }
        let mut finder = std::mem::take(&mut self.finder);
        let palette = if job.shape.palette || job.shape.raw_palette {
            Indices::find(&mut finder, &job.pixels)
        } else {
            None
        };
        if let Some(palette) = &palette {
            self.try_palette(job, palette, &mut best);
        }
        if job.data.len() >= RAW_BELOW || best.found.is_none() {
            self.try_streams(job, &mut best);
            self.look_harder(job, palette.as_ref(), &mut best);
        }
        if !matches!(best.found, Some(Found::Glz { .. })) {
            self.undo_glz(&mut best);
        }
        let lossy =
            matches!(&best.found, Some(Found::Stream { kind: ImageKind::Jpeg | ImageKind::JpegAlpha, .. }));
        let data =
            best.found.map(|found| found.into_data(job, palette.as_ref(), &mut self.palettes, dropped));
        self.finder = finder;
        data.map(|data| Chosen { data, lossy, spent: best.spent })
    }

    fn try_palette(&mut self, job: &Job<'_>, palette: &Indices<'_>, best: &mut Best) {
        let Some(format) = palette.format() else { return };
        let reference = palette.reference(&self.palettes);
        if job.shape.raw_palette && job.can(ImageKind::Bitmap, format) {
            let row = format.bytes_per_row(job.shape.width) as usize;
            let bytes = DESCRIPTOR + 14 + reference + row * job.shape.height as usize;
            best.offer(job.price(ImageKind::Bitmap, bytes), || Found::RawPalette);
        }
        if job.data.len() >= RAW_BELOW {
            let level = if job.costs.effort == Effort::Thorough { Level::Best } else { Level::Fast };
            self.try_lz_palette(job, palette, level, best);
        }
    }

    fn try_lz_palette(&mut self, job: &Job<'_>, palette: &Indices<'_>, level: Level, best: &mut Best) {
        let Some(format) = palette.format() else { return };
        if !job.shape.palette || !job.can(ImageKind::LzPlt, format) {
            return;
        }
        let overhead = DESCRIPTOR + 5 + palette.reference(&self.palettes);
        let key = job.key(Codec::Lz, true, level);
        let bound = job.bound(best.price, ImageKind::LzPlt).and_then(|b| b.checked_sub(overhead));
        if let Some(Stream::Made { data, .. }) = bound.map(|b| self.stream(&palette.pixels, &key, b)) {
            best.plt = Some(overhead + data.len());
            best.offer(job.price(ImageKind::LzPlt, overhead + data.len()), || Found::LzPlt(data));
        }
    }

    /// Tries LZ again at a higher level, where that may win and the time is there.
    fn look_harder(&mut self, job: &Job<'_>, palette: Option<&Indices<'_>>, best: &mut Best) {
        if job.costs.effort != Effort::Normal {
            return;
        }
        let pixels = job.shape.pixels();
        if let (Some(bytes), Some(palette)) = (best.plt, palette) {
            let likely = bytes - bytes / 3;
            if job.price(ImageKind::LzPlt, likely) < best.price
                && let Some(cost) = job.costs.affords(
                    Search::Plt(Level::Best),
                    &job.content,
                    pixels,
                    bytes as u64,
                    best.spent,
                )
            {
                best.spent += cost;
                self.try_lz_palette(job, palette, Level::Best, best);
            }
        }
        if let Some(bytes) = best.lz {
            let likely = bytes - bytes / 4;
            if job.price(ImageKind::LzRgb, likely) < best.price {
                let level = [Level::Best, Level::Default].into_iter().find_map(|level| {
                    let cost = job.costs.affords(
                        Search::Lz(level),
                        &job.content,
                        pixels,
                        bytes as u64,
                        best.spent,
                    )?;
                    Some((level, cost))
                });
                if let Some((level, cost)) = level {
                    best.spent += cost;
                    self.try_stream(job, best, true, Codec::Lz, level, None);
                }
            }
        }
    }

    fn try_streams(&mut self, job: &Job<'_>, best: &mut Best) {
        use ImageKind as K;
        let Shape { width, height, format, all_bits, .. } = job.shape;
        let (area, content) = (job.shape.pixels(), &job.content);
        let flat = is_flat(content);
        let (thorough, quick) = (job.costs.effort == Effort::Thorough, job.costs.effort == Effort::Quick);
        let all = area <= SMALL && !quick;

        let window = self.dictionary.as_ref().map_or(0, |d| d.window_pixels() as u64);
        let glz_kind = [K::GlzRgb, K::ZlibGlzRgb].into_iter().any(|k| job.can(k, format));
        // A picture that drives much out of the window must be worth it.
        let mostly_flat = flat || content.flat >= 0.25;
        let glz = glz_kind && !all_bits && area < window;
        let glz = glz
            && (all
                || mostly_flat
                || thorough && area * 16 <= window
                || !quick && (self.is_known(&job.pixels) || self.odds.try_now()));
        let unknown = glz && !all && !mostly_flat;
        let quic = job.can(K::Quic, format) && !all_bits && width >= 3 && height >= 3;
        let quic = quic && (all || thorough || !flat || content.flat < 0.75);
        let lz = job.can(K::LzRgb, format) && !all_bits;
        let lz = lz && (area <= 256 || !glz && (all || thorough || mostly_flat || !quic));
        let lz_level = if thorough { Level::Best } else { Level::Fast };
        let lz4 = job.can(K::Lz4, format) && format != BitmapFormat::Alpha8;
        let lz4 = lz4 && (all_bits || quick || !lz && !glz && !quic);

        let jpeg = self.try_jpeg(job, best);
        // Nothing else comes near it on a photo.
        let (glz, lz, lz4) = (glz && !jpeg, lz && (!jpeg || !quic), lz4 && !jpeg);
        let order = if flat {
            [(lz, Codec::Lz), (lz4, Codec::Lz4)]
        } else {
            [(quic, Codec::Quic), (lz4, Codec::Lz4)]
        };
        let rest = if flat { (quic, Codec::Quic) } else { (lz, Codec::Lz) };
        for (wanted, codec) in order {
            self.try_stream(job, best, wanted, codec, lz_level, None);
        }
        if glz && flat {
            self.try_glz(job, best);
        }
        self.try_stream(job, best, rest.0, rest.1, lz_level, None);
        if glz && !flat {
            self.try_glz(job, best);
            if unknown {
                self.odds.tried(matches!(best.found, Some(Found::Glz { .. })));
            }
        }
        if best.found.is_none() {
            // Raw images are beyond this client, and what the content suggests too.
            for codec in [Codec::Lz, Codec::Quic, Codec::Lz4] {
                let fits = codec != Codec::Quic || width >= 3 && height >= 3;
                let wanted = fits && (codec == Codec::Lz4 || !all_bits) && job.can(kind_of(codec), format);
                self.try_stream(job, best, wanted && best.found.is_none(), codec, lz_level, None);
            }
            if best.found.is_none() && glz_kind && !all_bits && area < window {
                self.try_glz(job, best);
            }
        }
    }

    /// Tries JPEG, before what is lossless but not raw. Whether it is what to beat now: what is lossless need not be
    /// as cheap, since it is not sent once more later.
    fn try_jpeg(&mut self, job: &Job<'_>, best: &mut Best) -> bool {
        let codec = match job.shape.format {
            BitmapFormat::Rgba => Codec::JpegAlpha,
            BitmapFormat::Bit32 => Codec::Jpeg,
            _ => return false,
        };
        if !job.quality.lossy || job.shape.all_bits || !job.can(kind_of(codec), job.shape.format) {
            return false;
        }
        let subsampling = if job.quality.photo {
            chroma(&job.pixels)
        } else {
            let smooth = matches!(job.content.class, ContentClass::Smooth | ContentClass::Noise);
            match smooth.then(|| photo(&job.pixels)) {
                Some(Photo::Yes(subsampling)) => Some(subsampling),
                _ => None,
            }
        };
        let Some(subsampling) = subsampling else { return false };
        let lossless = best.price;
        best.price -= best.price / 4;
        let before = best.price;
        self.try_stream(job, best, true, codec, Level::Fast, Some((job.quality.jpeg, subsampling)));
        let found = best.price < before;
        best.price = if found { best.price + best.price / 3 } else { lossless };
        found
    }

    fn try_stream(
        &mut self,
        job: &Job<'_>,
        best: &mut Best,
        wanted: bool,
        codec: Codec,
        level: Level,
        jpeg: Option<(u8, Subsampling)>,
    ) {
        if !wanted {
            return;
        }
        let kind = kind_of(codec);
        let overhead = overhead(codec);
        let Some(bound) = job.bound(best.price, kind).and_then(|b| b.checked_sub(overhead)) else { return };
        let level = if matches!(codec, Codec::Lz | Codec::JpegAlpha) { level } else { Level::Default };
        let key = StreamKey { jpeg, ..job.key(codec, false, level) };
        if let Stream::Made { data, jpeg_bytes } = self.stream(&job.pixels, &key, bound) {
            if codec == Codec::Lz {
                best.lz = Some(overhead + data.len());
            }
            let price = job.price(kind, overhead + data.len());
            best.offer(price, || Found::Stream { kind, data, jpeg_bytes });
        }
    }

    /// How many bytes a photo's JPEG takes.
    pub(super) fn photo_bytes(
        &mut self,
        pixels: &Pixels<'_>,
        content: ContentHash,
        quality: u8,
    ) -> Option<usize> {
        let jpeg = Some((quality, chroma(pixels)?));
        let codec = Codec::Jpeg;
        let key = StreamKey { content, codec, palette: false, level: Level::Default, jpeg };
        match self.stream(pixels, &key, usize::MAX) {
            Stream::Made { data, .. } => Some(overhead(codec) + data.len()),
            Stream::LongerThan(_) => None,
        }
    }

    /// The stream of `pixels`, encoded or remembered.
    fn stream(&mut self, pixels: &Pixels<'_>, key: &StreamKey, bound: usize) -> Stream {
        if let Some(known) = self.shared.find(key, bound) {
            return known;
        }
        let (quality, subsampling) = key.jpeg.unwrap_or_default();
        let options = Options { level: key.level, quality, subsampling, bound };
        let mut out = Vec::new();
        let stream = match self.encoder.encode(pixels, key.codec, &options, &mut out) {
            Ok(e) => Stream::Made { data: out.into(), jpeg_bytes: e.jpeg_bytes },
            Err(EncodeError::Bound { bound }) => Stream::LongerThan(bound),
            Err(_) => Stream::LongerThan(usize::MAX),
        };
        self.shared.insert(*key, stream.clone());
        stream
    }

    /// Tries GLZ, wrapped or not. A stream that is not the cheapest is taken back at once; the next one that is sent
    /// has its id.
    fn try_glz(&mut self, job: &Job<'_>, best: &mut Best) {
        let format = job.shape.format;
        let wrap = job.can(ImageKind::ZlibGlzRgb, format);
        let plain = job.can(ImageKind::GlzRgb, format);
        let (overhead, wrapped_overhead) = (DESCRIPTOR + 4, DESCRIPTOR + 8);
        let Some(most) = job.bound(best.price, if wrap { ImageKind::ZlibGlzRgb } else { ImageKind::GlzRgb })
        else {
            return;
        };
        // What later images find does not make up for more than the pixels themselves.
        let most = if best.found.is_some() { most.min(job.data.len()) } else { most };
        let Some(dictionary) = &mut self.dictionary else { return };
        // Deflate hardly ever takes a GLZ stream of text to a quarter, or one of photos to a half.
        let shrinks = if is_flat(&job.content) { 4 } else { 2 };
        let bound = if wrap { most.saturating_mul(shrinks) } else { most.saturating_sub(overhead) };
        let likely = job.expected.min(most as u64);
        let level = [Level::Best, Level::Default].into_iter().find_map(|level| {
            let search = Search::Glz(level);
            let cost = job.costs.affords(search, &job.content, job.shape.pixels(), likely, best.spent)?;
            Some((level, cost))
        });
        let (level, cost) = level.unwrap_or((Level::Fast, 0));
        best.spent += cost;
        let options = Options { level, bound, ..Options::default() };
        let mut stream = Vec::new();
        let Ok(encoded) =
            self.encoder.encode_with(dictionary, &job.pixels, Codec::Glz, &options, &mut stream)
        else {
            return;
        };
        let Some(id) = encoded.glz_id else { return };
        let before = best.price;
        let size = stream.len();
        let mut wrapped = Vec::new();
        if wrap && (size >= ZLIB_FROM || !plain) {
            let zlib = if level == Level::Fast { &mut self.zlib } else { &mut self.zlib_best };
            let bound = if plain { size.saturating_sub(5).min(most) } else { most };
            if zlib.wrap(&stream, bound, &mut wrapped).is_ok() {
                let price = job.price(ImageKind::ZlibGlzRgb, wrapped_overhead + wrapped.len());
                best.offer(price, || Found::Glz { data: wrapped, glz_bytes: size });
            }
        }
        if plain && overhead + size <= most {
            let price = job.price(ImageKind::GlzRgb, overhead + size);
            best.offer(price, || Found::Glz { data: stream, glz_bytes: 0 });
        }
        best.glz = Some(id);
        if best.price == before {
            self.undo_glz(best);
        }
    }

    /// Whether the client's dictionary has much of a picture.
    fn is_known(&self, pixels: &Pixels<'_>) -> bool {
        let known = self.dictionary.as_ref().map(|d| d.known(pixels).percent());
        known.is_some_and(|percent| percent >= KNOWN)
    }

    fn undo_glz(&mut self, best: &mut Best) {
        if let (Some(id), Some(dictionary)) = (best.glz.take(), &mut self.dictionary) {
            let undone = dictionary.undo(id);
            debug_assert!(undone);
        }
    }
}

pub(super) fn kind_of(codec: Codec) -> ImageKind {
    match codec {
        Codec::Quic => ImageKind::Quic,
        Codec::Lz => ImageKind::LzRgb,
        Codec::Glz => ImageKind::GlzRgb,
        Codec::ZlibGlz => ImageKind::ZlibGlzRgb,
        Codec::Lz4 => ImageKind::Lz4,
        Codec::Jpeg => ImageKind::Jpeg,
        Codec::JpegAlpha => ImageKind::JpegAlpha,
    }
}

/// Bytes of an image beside its stream.
fn overhead(codec: Codec) -> usize {
    DESCRIPTOR + if codec == Codec::JpegAlpha { 9 } else { 4 }
}

fn payload(data: &ImageData) -> usize {
    match data {
        ImageData::Quic(d) => d.len(),
        _ => 0,
    }
}
