//! Tries the promising encodings of a picture and keeps the cheapest.

use super::Quality;
use super::canonical::Shape;
use super::cost::{Costs, Effort, Search, is_flat};
use super::hash::ContentHash;
use super::mirror::CacheMirror;
use super::photo::{Photo, chroma, photo};
use super::shared::{SharedEncodes, Stream, StreamKey};
use crate::client::profile::Set;
use crate::qxl::{BitmapFormat, Palette};
use crate::wire::{Bitmap, ImageData, ImageKind, PaletteRef};
use bytes::Bytes;
use spice_codecs::glz::{GlzDictionary, ZLIB_LEVEL, ZlibEncoder};
use spice_codecs::jpeg::Subsampling;
use spice_codecs::lz::Level;
use spice_codecs::{Codec, Content, ContentClass, EncodeError, Encoder, Options, PaletteFinder, Pixels};
use std::sync::Arc;

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

/// A picture to encode.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) shape: Shape,
    pub(super) data: &'a [u8],
    pub(super) pixels: Pixels<'a>,
    pub(super) hash: ContentHash,
    pub(super) content: Content,
    pub(super) costs: &'a Costs,
    pub(super) quality: &'a Quality,
    /// About as many bytes as it will take.
    pub(super) expected: u64,
    /// What the client decodes, by [`ImageKind`].
    pub(super) formats: &'a [Set<BitmapFormat>; ImageKind::ALL.len()],
}

impl Job<'_> {
    fn can(&self, kind: ImageKind, format: BitmapFormat) -> bool {
        self.formats[kind as usize].contains(format)
    }
    fn price(&self, kind: ImageKind, bytes: usize) -> u64 {
        self.costs.price(kind, &self.content, self.shape.pixels(), bytes)
    }
    /// The most bytes of an image of this kind that is cheaper than `price`.
    fn bound(&self, price: u64, kind: ImageKind) -> Option<usize> {
        self.costs.bytes_below(price, kind, &self.content, self.shape.pixels())
    }
}

/// The encoders, and what the client holds because of them.
#[derive(Debug)]
pub(super) struct Chooser {
    pub(super) palettes: CacheMirror<Vec<u32>>,
    pub(super) dictionary: Option<GlzDictionary>,
    shared: SharedEncodes,
    encoder: Encoder,
    zlib: ZlibEncoder,
    zlib_best: ZlibEncoder,
    finder: PaletteFinder,
    odds: Odds,
}

/// How often GLZ is tried on photos and films that the dictionary does not know: the less, the longer it was in vain.
/// (A film may be one whose frames help each other, but none is known until one was sent.)
#[derive(Debug, Default)]
struct Odds {
    /// Pictures to pass over, and how many that are after the next failure.
    wait: u32,
    next: u32,
}

impl Odds {
    /// The most pictures that are passed over.
    const MOST: u32 = 32;

    fn restore([wait, next]: [u32; 2]) -> Self {
        Self { wait: wait.min(Self::MOST), next: next.min(Self::MOST) }
    }

    fn try_now(&mut self) -> bool {
        self.wait = self.wait.saturating_sub(1);
        self.wait == 0
    }

    fn tried(&mut self, won: bool) {
        (self.wait, self.next) =
            if won { (0, 1) } else { (self.next.max(1), (self.next.max(1) * 2).min(Self::MOST)) };
    }
}

/// The cheapest image data.
pub(super) struct Chosen {
    pub(super) data: ImageData,
    pub(super) lossy: bool,
    /// Time that went into looking for it, by the tables of [`Costs`].
    pub(super) spent: u64,
}

/// The cheapest so far.
struct Best {
    price: u64,
    found: Option<Found>,
    /// Time spent on looking harder, of what [`Costs::search`] allows.
    spent: u64,
    /// Bytes of the picture's palette indices and of its colours as LZ at the quickest, where they were tried.
    plt: Option<usize>,
    lz: Option<usize>,
    /// The image that the dictionary has taken in; if something beats it, it must go again.
    glz: Option<u64>,
}

enum Found {
    Raw(BitmapFormat),
    RawPalette,
    LzPlt(Bytes),
    Stream { kind: ImageKind, data: Bytes, jpeg_bytes: usize },
    Glz { data: Vec<u8>, glz_bytes: usize },
    Given(ImageData),
}

impl Best {
    fn offer(&mut self, price: u64, found: impl FnOnce() -> Found) -> bool {
        let better = price < self.price;
        if better {
            self.price = price;
            self.found = Some(found());
        }
        better
    }
}

impl Chooser {
    pub(super) fn new(shared: SharedEncodes, palettes: u32) -> Self {
        Self {
            palettes: CacheMirror::new(palettes.into()),
            dictionary: None,
            shared,
            encoder: Encoder::new(),
            zlib: ZlibEncoder::new(ZLIB_LEVEL),
            zlib_best: ZlibEncoder::new(9),
            finder: PaletteFinder::new(),
            odds: Odds::default(),
        }
    }

    /// How often GLZ is tried in vain: two numbers that mean nothing elsewhere.
    pub(super) fn odds(&self) -> [u32; 2] {
        [self.odds.wait, self.odds.next]
    }

    pub(super) fn set_odds(&mut self, odds: [u32; 2]) {
        self.odds = Odds::restore(odds);
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
        for format in raw_formats(job) {
            let row = format.bytes_per_row(job.shape.width) as usize;
            let bytes = DESCRIPTOR + 14 + 4 + row * job.shape.height as usize;
            best.offer(job.price(ImageKind::Bitmap, bytes), || Found::Raw(format));
        }
        let mut finder = std::mem::take(&mut self.finder);
        let palette =
            if job.shape.palette || job.shape.raw_palette { finder.find(&job.pixels, 256) } else { None };
        let palette = palette.map(|p| Indices { pixels: p.pixels, colours: padded(p.colours) });
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
        let data = best.found.map(|found| self.image_data(job, palette.as_ref(), found, dropped));
        self.finder = finder;
        data.map(|data| Chosen { data, lossy, spent: best.spent })
    }

    fn try_palette(&mut self, job: &Job<'_>, palette: &Indices<'_>, best: &mut Best) {
        let Some(format) = palette.format() else { return };
        let reference = self.reference(palette);
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
        let overhead = DESCRIPTOR + 5 + self.reference(palette);
        let key = key(job, Codec::Lz, true, level);
        let bound = job.bound(best.price, ImageKind::LzPlt).and_then(|b| b.checked_sub(overhead));
        if let Some(Stream::Made { data, .. }) = bound.map(|b| self.stream(&palette.pixels, &key, b)) {
            best.plt = Some(overhead + data.len());
            best.offer(job.price(ImageKind::LzPlt, overhead + data.len()), || Found::LzPlt(data));
        }
    }

    /// Bytes of a palette, or of its name.
    fn reference(&self, palette: &Indices<'_>) -> usize {
        match self.palettes.contains(&palette.colours) {
            true => 8,
            false => 4 + 8 + 2 + 4 * palette.colours.len(),
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
        let overhead = DESCRIPTOR + if codec == Codec::JpegAlpha { 9 } else { 4 };
        let Some(bound) = job.bound(best.price, kind).and_then(|b| b.checked_sub(overhead)) else { return };
        let level = if matches!(codec, Codec::Lz | Codec::JpegAlpha) { level } else { Level::Default };
        let key = StreamKey { jpeg, ..key(job, codec, false, level) };
        if let Stream::Made { data, jpeg_bytes } = self.stream(&job.pixels, &key, bound) {
            if codec == Codec::Lz {
                best.lz = Some(overhead + data.len());
            }
            let price = job.price(kind, overhead + data.len());
            best.offer(price, || Found::Stream { kind, data, jpeg_bytes });
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

    fn image_data(
        &mut self,
        job: &Job<'_>,
        palette: Option<&Indices<'_>>,
        found: Found,
        dropped: &mut Vec<u64>,
    ) -> ImageData {
        let Shape { width, height, .. } = job.shape;
        let bitmap = |format: BitmapFormat, flags, palette, data| {
            let stride = format.bytes_per_row(width) as u32;
            ImageData::Bitmap(Bitmap {
                format,
                flags: flags | Bitmap::TOP_DOWN,
                width,
                height,
                stride,
                palette,
                data,
            })
        };
        match (found, palette) {
            (Found::Raw(format), _) => bitmap(format, 0, PaletteRef::None, raw(job, format)),
            (Found::RawPalette, Some(p)) => {
                let format = p.format().unwrap_or(BitmapFormat::Bit8);
                let (flags, palette) = self.palette_ref(&p.colours, dropped);
                let rows = (0..height).flat_map(|y| p.pixels.row(y)).copied().collect::<Vec<u8>>();
                bitmap(format, flags, palette, rows.into())
            }
            (Found::LzPlt(data), Some(p)) => {
                let (flags, palette) = self.palette_ref(&p.colours, dropped);
                ImageData::LzPlt { flags: flags | Bitmap::TOP_DOWN, palette, data }
            }
            (Found::Stream { kind, data, jpeg_bytes }, _) => match kind {
                ImageKind::Quic => ImageData::Quic(data),
                ImageKind::Lz4 => ImageData::Lz4(data),
                ImageKind::Jpeg => ImageData::Jpeg(data),
                ImageKind::JpegAlpha => ImageData::JpegAlpha { flags: 1, jpeg_size: jpeg_bytes as u32, data },
                _ => ImageData::LzRgb(data),
            },
            (Found::Glz { data, glz_bytes: 0, .. }, _) => ImageData::GlzRgb(data.into()),
            (Found::Glz { data, glz_bytes, .. }, _) => {
                ImageData::ZlibGlzRgb { glz_size: glz_bytes as u32, data: data.into() }
            }
            (Found::Given(data), _) => data,
            (Found::RawPalette | Found::LzPlt(_), None) => unreachable!("found with a palette"),
        }
    }

    /// The palette as the message says it: by its id if the client holds it, else whole, to be kept if there is room.
    fn palette_ref(&mut self, colours: &[u32], dropped: &mut Vec<u64>) -> (u8, PaletteRef) {
        let colours = colours.to_vec();
        if let Some(id) = self.palettes.find(&colours) {
            return (0, PaletteRef::Cached(id));
        }
        let id = self.palettes.insert(colours.clone(), 1, dropped);
        let palette = Arc::new(Palette { unique: id.unwrap_or(0), entries: colours });
        (if id.is_some() { Bitmap::PAL_CACHE_ME } else { 0 }, PaletteRef::Inline(palette))
    }
}

/// A picture as palette indices.
struct Indices<'a> {
    pixels: Pixels<'a>,
    colours: Vec<u32>,
}

impl Indices<'_> {
    fn format(&self) -> Option<BitmapFormat> {
        Some(match self.pixels.format().bits_per_pixel() {
            1 => BitmapFormat::Bit1Be,
            4 => BitmapFormat::Bit4Be,
            8 => BitmapFormat::Bit8,
            _ => return None,
        })
    }
}

/// Clients take the two colours of a 1-bit picture without asking how many there are.
fn padded(colours: &[u32]) -> Vec<u32> {
    let mut colours = colours.to_vec();
    while colours.len() < 2 {
        colours.push(colours.first().copied().unwrap_or(0));
    }
    colours
}

fn key(job: &Job<'_>, codec: Codec, palette: bool, level: Level) -> StreamKey {
    StreamKey { content: job.hash, codec, palette, level, jpeg: None }
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

fn payload(data: &ImageData) -> usize {
    match data {
        ImageData::Quic(d) => d.len(),
        _ => 0,
    }
}

/// The raw formats that carry the picture's bits to the client.
fn raw_formats<'a>(job: &'a Job<'_>) -> impl Iterator<Item = BitmapFormat> + use<'a> {
    let Shape { format, all_bits, .. } = job.shape;
    let short = (format == BitmapFormat::Bit32 && !all_bits).then_some(BitmapFormat::Bit24);
    short.into_iter().chain([format]).filter(|f| job.can(ImageKind::Bitmap, *f))
}

/// Packed rows of a raw format.
fn raw(job: &Job<'_>, format: BitmapFormat) -> Bytes {
    if format == BitmapFormat::Bit24 && job.shape.format == BitmapFormat::Bit32 {
        let (pixels, _) = job.data.as_chunks::<4>();
        return pixels.iter().flat_map(|&[b, g, r, _]| [b, g, r]).collect();
    }
    Bytes::copy_from_slice(job.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_tried_less_and_less_often() {
        let mut odds = Odds::default();
        let mut tries = Vec::new();
        for picture in 0..100 {
            if odds.try_now() {
                tries.push(picture);
                odds.tried(false);
            }
        }
        assert_eq!(tries, [0, 1, 3, 7, 15, 31, 63, 95]);
        while !odds.try_now() {}
        odds.tried(true);
        assert!((0..10).all(|_| odds.try_now()));
        odds.tried(false);
        assert!(odds.try_now());
    }
}
