//! Guests' images, for operations that are passed on.

use super::canonical::{self, Fill, Shape};
use super::choose::Chosen;
use super::job::Job;
use super::{Coded, Costs, ImageEncoder, Quality, Unencodable};
use crate::client::profile::Set;
use crate::draw::{Limits, Picture};
use crate::qxl::{self, BitmapFormat, Rect, SurfaceFormat};
use crate::wire::{Bitmap, Image, ImageData, ImageKind, PaletteRef, ResourceId, ServerMessage};
use bytes::Bytes;
use spice_codecs::{Content, ContentClass};
use spice_raster::SurfaceRef;

/// What an operation makes of an image's pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Turned into the target's format, then used: COPY, OPAQUE, ROP3, TRANSPARENT, patterns.
    Converted,
    /// Source or mask of COMPOSITE: the target's format, but alpha counts where the image has it.
    Composite,
    /// Source of ALPHA_BLEND: the image's own format.
    AlphaBlend,
    /// A `QMask`: one bit a pixel.
    Mask,
}

/// How an operation uses an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageUse {
    /// What it makes of the pixels.
    pub reads: Reads,
    /// The format of the surface that it draws on (the client's).
    pub target: SurfaceFormat,
    /// What stands in the x byte (bit 15 on 16-bit surfaces) afterwards matters: the x bytes that the image brings must
    /// arrive. If not, an RGBA image that is merely copied to x8r8g8b8 goes without its alpha. On a8r8g8b8 targets they
    /// always arrive.
    pub needs_x: bool,
}

/// The resource type of images in INVAL_LIST (`SPICE_RES_TYPE_PIXMAP`).
const PIXMAP: u8 = 1;

impl ImageEncoder {
    /// A guest's image, re-encoded so that the operation draws the same pixels at the client. Surface images become
    /// surface images. `None` if the image cannot be read, or if the client has no encoding that does.
    ///
    /// An image that the guest means by its id (its CACHE flag) must be given with the pixels that the id stands for;
    /// where those come from elsewhere, see [`Self::transcode_picture`]. Ids on the wire are this encoder's own.
    pub fn transcode(
        &mut self,
        image: &qxl::Image,
        usage: &ImageUse,
        quality: &Quality,
        costs: &Costs,
        limits: &Limits,
    ) -> Option<Coded> {
        if let qxl::ImageData::Surface(id) = image.data {
            let data = ImageData::Surface(id);
            return Some(coded(
                Image { id: 0, flags: 0, width: image.width, height: image.height, data },
                false,
            ));
        }
        let picture = Picture::new(image, usage.reads == Reads::Mask, limits).ok()??;
        let given = match &image.data {
            qxl::ImageData::Quic(stream) => self.pass_quic(stream, &picture),
            _ => None,
        };
        self.transcode_given(&picture, usage, quality, costs, limits, given)
    }

    /// The same for an image whose pixels are known as a picture.
    pub fn transcode_picture(
        &mut self,
        picture: &Picture,
        usage: &ImageUse,
        quality: &Quality,
        costs: &Costs,
        limits: &Limits,
    ) -> Option<Coded> {
        self.transcode_given(picture, usage, quality, costs, limits, None)
    }

    /// A guest's QUIC stream as it is, if the client decodes it and it is sound.
    fn pass_quic(&self, stream: &Bytes, picture: &Picture) -> Option<ImageData> {
        picture.bitmap()?;
        let format = match spice_codecs::quic::QuicHeader::parse(stream).ok()?.format {
            spice_codecs::PixelFormat::Rgb16 => BitmapFormat::Bit16,
            spice_codecs::PixelFormat::Rgb24 => BitmapFormat::Bit24,
            spice_codecs::PixelFormat::Rgb32 => BitmapFormat::Bit32,
            spice_codecs::PixelFormat::Rgba => BitmapFormat::Rgba,
            _ => return None,
        };
        self.formats(ImageKind::Quic).contains(format).then(|| ImageData::Quic(stream.clone()))
    }

    fn transcode_given(
        &mut self,
        picture: &Picture,
        usage: &ImageUse,
        quality: &Quality,
        costs: &Costs,
        limits: &Limits,
        given: Option<ImageData>,
    ) -> Option<Coded> {
        use SurfaceFormat as S;
        let target = usage.target;
        // What is copied to an a8r8g8b8 surface is alpha there.
        let needs_x = usage.needs_x || target == S::A8R8G8B8 && usage.reads != Reads::AlphaBlend;
        let format = match usage.reads {
            Reads::Mask => return self.mask(picture, limits),
            Reads::Converted | Reads::Composite => picture.image_format(target)?,
            Reads::AlphaBlend => picture.own_format(target)?,
        };
        let alpha = usage.reads != Reads::Converted && format == S::A8R8G8B8;
        let view = picture.view(format, limits)?;
        let truth = view.get();
        // What the image is converted to at the client.
        let shown = match (format, target) {
            (S::A8R8G8B8, _) if alpha => S::A8R8G8B8,
            (S::A8, _) => S::A8,
            (S::X1R5G5B5, _) => S::X1R5G5B5,
            (S::A8R8G8B8, S::X8R8G8B8) if !needs_x => S::X8R8G8B8,
            (own, _) => own,
        };
        let shape = self.canonical_area(truth, truth.bounds(), shown, needs_x).ok()?;
        // Readers of alpha take raw palette entries' high bytes for it, and 32BIT pixels as opaque; so does scaling.
        let reads_alpha = usage.reads != Reads::Converted;
        let kept = format == S::X8R8G8B8 && shape.format == BitmapFormat::Rgba;
        let shape = if kept { Shape { format: BitmapFormat::Bit32, all_bits: true, ..shape } } else { shape };
        let sixteen = matches!(target, S::X1R5G5B5 | S::R5G6B5);
        let raw_palette = shape.raw_palette && !reads_alpha && !sixteen;
        let palettes = shape.palette && !sixteen && !quality.alone;
        let shape = Shape { raw_palette: raw_palette && !quality.alone, palette: palettes, ..shape };
        let quality = Quality { needs_x, ..*quality };
        let given = given.filter(|_| !(shape.all_bits || sixteen && needs_x));
        self.finish(shape, &quality, costs, given).ok()
    }

    /// A mask: raw bits, padding cleared, never cached.
    fn mask(&mut self, picture: &Picture, limits: &Limits) -> Option<Coded> {
        let formats = self.formats(ImageKind::Bitmap);
        let format =
            [BitmapFormat::Bit1Be, BitmapFormat::Bit1Le].into_iter().find(|f| formats.contains(*f))?;
        let view = picture.mask(limits)?;
        let bits = view.get();
        let (width, height) = (bits.width(), bits.height());
        let row = format.bytes_per_row(width) as usize;
        let mut data = Vec::with_capacity(row * height as usize);
        for y in 0..height {
            let start = data.len();
            // A1 surfaces have the leftmost pixel in bit 0.
            let bytes = bits.bytes_of_row(y)[..row].iter();
            data.extend(bytes.map(|b| if format == BitmapFormat::Bit1Be { b.reverse_bits() } else { *b }));
            let spare = (row * 8) as u32 - width;
            let keep = if format == BitmapFormat::Bit1Be { 0xffu8 << spare } else { 0xff >> spare };
            data[start + row - 1] &= keep;
        }
        let palette = PaletteRef::None;
        let (flags, stride) = (Bitmap::TOP_DOWN, row as u32);
        let bitmap = Bitmap { format, flags, width, height, stride, palette, data: data.into() };
        Some(coded(Image { id: 0, flags: 0, width, height, data: ImageData::Bitmap(bitmap) }, false))
    }

    /// Fills the buffer with the canonical pixels of an area.
    pub(super) fn canonical_area(
        &mut self,
        truth: SurfaceRef<'_>,
        rect: Rect,
        target: SurfaceFormat,
        needs_x: bool,
    ) -> Result<Shape, Unencodable> {
        use SurfaceFormat as S;
        if rect.is_empty() || !truth.bounds().contains(&rect) {
            return Err(Unencodable::Area { rect });
        }
        let has_16 = ImageKind::ALL
            .into_iter()
            .any(|k| k.carries_pixels() && self.formats(k).contains(BitmapFormat::Bit16));
        let route = canonical::route(truth.format(), target, needs_x, has_16);
        let (mut format, fill) = route.ok_or(Unencodable::Format { truth: truth.format(), target })?;
        let clear = self.canonical.fill(truth, rect, fill);
        let mut all_bits = match fill {
            Fill::Half => true,
            Fill::Word => format == BitmapFormat::Bit32 && !clear,
            _ => false,
        };
        // As RGBA, an image puts the same bits; and more codecs carry them.
        let kinds = [ImageKind::Quic, ImageKind::LzRgb, ImageKind::GlzRgb, ImageKind::ZlibGlzRgb];
        if all_bits
            && fill == Fill::Word
            && kinds.into_iter().any(|k| self.formats(k).contains(BitmapFormat::Rgba))
        {
            (format, all_bits) = (BitmapFormat::Rgba, false);
        }
        let colours = format == BitmapFormat::Bit32 && !all_bits;
        let palette = colours && matches!(target, S::X8R8G8B8 | S::A8R8G8B8);
        let (width, height) = (rect.width(), rect.height());
        Ok(Shape { width, height, format, all_bits, raw_palette: palette && target == S::X8R8G8B8, palette })
    }

    /// The image of the canonical pixels.
    pub(super) fn finish(
        &mut self,
        shape: Shape,
        quality: &Quality,
        costs: &Costs,
        given: Option<ImageData>,
    ) -> Result<Coded, Unencodable> {
        let Shape { width, height, format, .. } = shape;
        let data = std::mem::take(&mut self.canonical.data);
        let hash = shape.hash(&data);
        let image = |id, flags, data| Image { id, flags, width, height, data };
        let cacheable = !quality.alone && self.formats(ImageKind::FromCache).contains(format);
        let held = if cacheable { self.images.find(&hash) } else { None };
        if let Some(id) = held {
            self.canonical.data = data;
            return Ok(coded(image(id, 0, ImageData::FromCache), false));
        }
        let view = shape.view(&data);
        let remembers = |k| matches!(k, ImageKind::GlzRgb | ImageKind::ZlibGlzRgb);
        let formats =
            ImageKind::ALL.map(|k| if quality.alone && remembers(k) { Set::NONE } else { self.formats(k) });
        let mut palettes = Vec::new();
        let chosen = view.and_then(|pixels| {
            let content = Content::sample(&pixels).unwrap_or(NO_CONTENT);
            let data = &data[..];
            let expected = self.guesses.guess(&content, shape.pixels());
            let job = Job { shape, data, pixels, hash, content, costs, quality, expected, formats: &formats };
            let chosen = self.chooser.choose(&job, given, &mut palettes)?;
            Some((chosen, content))
        });
        self.canonical.data = data;
        let (Chosen { data, lossy, spent }, content) = chosen.ok_or(Unencodable::NoImage { format })?;
        let mut image = image(0, 0, data);
        let bytes = image.wire_len();
        if !lossy {
            self.guesses.learn(&content, shape.pixels(), bytes);
        }
        let mut dropped = Vec::new();
        // What a reference would not make smaller is not kept, nor what would drive out much else.
        let keep = cacheable && !lossy && bytes > 40 && shape.pixels() <= self.images.limit() / 4;
        let kept = if keep { self.images.insert(hash, shape.pixels(), &mut dropped) } else { None };
        if let Some(id) = kept {
            (image.id, image.flags) = (id, Image::CACHE_ME);
        }
        let mut coded = Coded { spent, kept: kept.map(|_| hash), ..coded(image, lossy) };
        if !dropped.is_empty() {
            let resource = |id| ResourceId { resource_type: PIXMAP, id };
            coded.before.push(ServerMessage::InvalList(dropped.into_iter().map(resource).collect()));
        }
        coded.before.extend(palettes.into_iter().map(|id| ServerMessage::InvalPalette { id }));
        Ok(coded)
    }
}

const NO_CONTENT: Content =
    Content { class: ContentClass::Text, sampled: 0, colours: 0, flat: 0.0, sharp: 0.0, residual: 0.0 };

fn coded(image: Image, lossy: bool) -> Coded {
    let (codec, bytes) = (image.data.kind(), image.wire_len());
    Coded { image, codec, lossy, bytes, kept: None, spent: 0, before: Vec::new() }
}
