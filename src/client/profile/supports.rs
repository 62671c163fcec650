//! Can this client draw this operation as it is?

use super::feature::{Feature, Operator, Rop2};
use super::set::{Member, Set};
use super::{Drawn, OpProfile, Profile};
use crate::qxl::{
    self, BitmapFormat, Brush, Clip, LineAttr, Op, OpKind, PathSegment, QMask, Rect, Ropd, ScaleMode, Str,
    SurfaceFormat, SurfaceId,
};
use crate::wire::{self, DrawRef, ImageKind};
use std::fmt;

/// The first thing that a client lacks for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lack {
    /// It does not draw this kind of operation.
    Operation(OpKind),
    /// It does not have this feature of it.
    Feature(Feature),
    /// It does not have this rop, in this kind of operation.
    Rop(Rop2),
    /// It does not have this ternary rop.
    Rop3(u8),
    /// It does not have this operator of COMPOSITE.
    Operator(u8),
    /// It cannot hold a surface of this format.
    Surface {
        /// The surface.
        surface_id: SurfaceId,
        /// Its format.
        format: SurfaceFormat,
    },
    /// The surface does not exist.
    NoSurface(SurfaceId),
    /// It does not decode images of this type.
    Image(ImageKind),
    /// It does not decode pixels of this format (from images of this type, where the type is fixed).
    Format {
        /// The type; `None` if no type carries the format to it.
        kind: Option<ImageKind>,
        /// The format.
        format: BitmapFormat,
    },
    /// The operation reads the surface itself where its source image is missing: messages cannot say that.
    SelfBitmap,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(kind) => write!(f, "no {}", kind.name()),
            Self::Feature(feature) => write!(f, "no {}", feature.name()),
            Self::Rop(rop) => write!(f, "no rop {}", rop.name()),
            Self::Rop3(code) => write!(f, "no rop3 {code:#04x}"),
            Self::Operator(number) => match Operator::new(*number) {
                Some(operator) => write!(f, "no operator {}", operator.name()),
                None => write!(f, "no operator {number:#04x}"),
            },
            Self::Surface { surface_id, format } => write!(f, "no surface {surface_id} of {}", format.name()),
            Self::NoSurface(surface_id) => write!(f, "there is no surface {surface_id}"),
            Self::Image(kind) => write!(f, "no {} images", kind.name()),
            Self::Format { kind: Some(kind), format } => {
                write!(f, "no {} images of {}", kind.name(), format.name())
            }
            Self::Format { kind: None, format } => write!(f, "no images of {}", format.name()),
            Self::SelfBitmap => write!(f, "no source image"),
        }
    }
}

/// Where an image's pixels come from, as far as a profile cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Raw pixels, to be encoded in any type that carries this format.
    Pixels(BitmapFormat),
    /// A message's image of this type; the format where the image says it.
    Encoded(ImageKind, Option<BitmapFormat>),
    /// A surface.
    Surface(SurfaceId),
}

/// An image type that operations may hold: a guest's or a message's.
pub trait Pixels {
    /// Columns and rows; of a surface, what the image descriptor claims.
    fn size(&self) -> (u32, u32);
    /// Where the pixels come from.
    fn source(&self) -> Source;
}

impl Pixels for qxl::Image {
    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }
    fn source(&self) -> Source {
        match &self.data {
            qxl::ImageData::Bitmap(b) => Source::Pixels(b.format),
            qxl::ImageData::Quic(stream) => Source::Encoded(ImageKind::Quic, quic_format(stream)),
            qxl::ImageData::Surface(id) => Source::Surface(*id),
        }
    }
}

impl Pixels for wire::Image {
    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }
    fn source(&self) -> Source {
        let format = match &self.data {
            wire::ImageData::Surface(id) => return Source::Surface(*id),
            wire::ImageData::Bitmap(b) => Some(b.format),
            wire::ImageData::Quic(stream) => quic_format(stream),
            wire::ImageData::LzRgb(stream) | wire::ImageData::LzPlt { data: stream, .. } => lz_format(stream),
            wire::ImageData::Lz4(stream) => {
                stream.get(1).and_then(|n| BitmapFormat::from_number(u32::from(*n)))
            }
            _ => None,
        };
        Source::Encoded(self.data.kind(), format)
    }
}

/// The pixel format that the third word of a QUIC stream names.
fn quic_format(stream: &[u8]) -> Option<BitmapFormat> {
    match u32::from_le_bytes(*stream.get(8..)?.first_chunk()?) {
        2 => Some(BitmapFormat::Bit16),
        3 => Some(BitmapFormat::Bit24),
        4 => Some(BitmapFormat::Bit32),
        5 => Some(BitmapFormat::Rgba),
        _ => None,
    }
}

/// The pixel format that the third word of an LZ stream names.
fn lz_format(stream: &[u8]) -> Option<BitmapFormat> {
    match u32::from_be_bytes(*stream.get(8..)?.first_chunk()?) {
        11 => Some(BitmapFormat::Alpha8),
        10 => Some(BitmapFormat::Rgba),
        number => BitmapFormat::from_number(number).filter(|f| *f != BitmapFormat::Alpha8),
    }
}

impl ImageKind {
    /// Whether images of this type bring pixels of their own (and not from a cache or a surface).
    pub const fn carries_pixels(self) -> bool {
        !matches!(self, Self::FromCache | Self::FromCacheLossless | Self::Surface)
    }
}

/// What one operation asks for, gathered before it is compared.
struct Needs<'p, F> {
    profile: &'p Profile,
    surfaces: F,
    features: u64,
}

impl<F: Fn(SurfaceId) -> Option<SurfaceFormat>> Needs<'_, F> {
    fn feature_if(&mut self, needed: bool, feature: Feature) {
        self.features |= if needed { feature.bit() } else { 0 };
    }

    fn surface(&self, surface_id: SurfaceId) -> Result<(), Lack> {
        let format = (self.surfaces)(surface_id).ok_or(Lack::NoSurface(surface_id))?;
        let held = if surface_id == 0 { self.profile.primary } else { self.profile.off_screen };
        if held.contains(format) { Ok(()) } else { Err(Lack::Surface { surface_id, format }) }
    }

    /// An image that is read as pixels; `feature` is what it needs if it is a surface.
    fn image<I: Pixels>(&mut self, image: &I, feature: Feature) -> Result<(), Lack> {
        match image.source() {
            Source::Pixels(format) => {
                // The cheap and frequent case first: one look instead of a union over the types.
                let mut kinds = [ImageKind::Bitmap, ImageKind::LzRgb, ImageKind::Quic].into_iter();
                if kinds.any(|k| self.profile.image(k).contains(format)) {
                    return Ok(());
                }
                match self.profile.sendable().contains(format) {
                    true => Ok(()),
                    false => Err(Lack::Format { kind: None, format }),
                }
            }
            Source::Encoded(kind, format) => self.encoded(kind, format),
            Source::Surface(id) => {
                self.feature_if(true, feature);
                self.surface_image(id)
            }
        }
    }

    fn encoded(&self, kind: ImageKind, format: Option<BitmapFormat>) -> Result<(), Lack> {
        let formats = self.profile.image(kind);
        match format {
            _ if formats.is_empty() => Err(Lack::Image(kind)),
            Some(format) if !formats.contains(format) => Err(Lack::Format { kind: Some(kind), format }),
            _ => Ok(()),
        }
    }

    fn surface_image(&self, id: SurfaceId) -> Result<(), Lack> {
        self.encoded(ImageKind::Surface, None)?;
        self.surface(id)
    }

    fn src<I: Pixels>(&mut self, src: &Option<I>, area: &Rect) -> Result<(), Lack> {
        let src = src.as_ref().ok_or(Lack::SelfBitmap)?;
        self.image(src, Feature::SrcSurface)?;
        let offset = area.left != 0 || area.top != 0;
        let part = (area.width(), area.height()) != src.size();
        if matches!(src.source(), Source::Surface(_)) {
            self.feature_if(offset || part, Feature::SurfacePart);
        } else {
            self.feature_if(offset, Feature::SrcOffset);
            self.feature_if(part && !offset, Feature::SrcPart);
        }
        Ok(())
    }

    fn scale(&mut self, bbox: &Rect, area: &Rect, mode: ScaleMode) {
        let scaled = (bbox.width(), bbox.height()) != (area.width(), area.height());
        let feature = match mode {
            ScaleMode::INTERPOLATE => Feature::ScaleInterpolate,
            _ => Feature::ScaleNearest,
        };
        self.feature_if(scaled, feature);
    }

    fn brush<I: Pixels>(&mut self, brush: &Brush<I>) -> Result<(), Lack> {
        match brush {
            Brush::None => self.feature_if(true, Feature::BrushNone),
            Brush::Solid(_) => self.feature_if(true, Feature::BrushSolid),
            Brush::Pattern { image, .. } => {
                self.feature_if(true, Feature::BrushPattern);
                self.image(image.as_deref().ok_or(Lack::SelfBitmap)?, Feature::PatternSurface)?;
            }
        }
        Ok(())
    }

    /// Masks are sent raw: a palette image without its palette has no other encoding.
    fn qmask<I: Pixels>(&mut self, mask: &QMask<I>) -> Result<(), Lack> {
        let Some(image) = mask.image.as_deref() else { return Ok(()) };
        self.feature_if(true, Feature::Mask);
        self.feature_if(mask.flags & QMask::<I>::INVERS != 0, Feature::MaskInvers);
        match image.source() {
            Source::Pixels(format) => self.encoded(ImageKind::Bitmap, Some(format)),
            _ => self.image(image, Feature::MaskSurface),
        }
    }

    fn rop(&self, op: &OpProfile, kind: OpKind, rop: Ropd) -> Result<(), Lack> {
        let rop = Rop2::of(rop, kind);
        if op.rops.contains(rop) { Ok(()) } else { Err(Lack::Rop(rop)) }
    }
}

impl Profile {
    /// Whether the client draws this operation as it is, or the first thing that it lacks for that.
    ///
    /// `surfaces` gives the format of each surface that there is. A guest's bitmap counts as decodable if some image
    /// type carries its format. A clip of one rectangle that holds the whole box asks for nothing where the client
    /// would ignore it. The guest's declarations (`effect`, dependencies) are not looked at.
    ///
    /// Rops are compared by what they mean; a client that lacks a rop may know only the plainest descriptor of
    /// another: send [`Rop2::descriptor`].
    ///
    /// Allocates nothing; a few dozen nanoseconds.
    pub fn supports<I: Pixels>(
        &self,
        draw: &DrawRef<'_, I>,
        surfaces: impl Fn(SurfaceId) -> Option<SurfaceFormat>,
    ) -> Result<(), Lack> {
        let kind = draw.op.kind();
        let op = self.op(kind);
        if kind == OpKind::Nop {
            return Ok(());
        }
        if op.drawn != Drawn::Yes {
            return Err(Lack::Operation(kind));
        }
        let needs = &mut Needs { profile: self, surfaces, features: 0 };
        needs.surface(draw.surface_id)?;
        match draw.clip {
            Clip::None => {}
            Clip::Rects(rects) => match rects.as_slice() {
                [one] if op.ignores.contains(Feature::ClipRect) && one.contains(&draw.bbox) => {}
                [_] => needs.feature_if(true, Feature::ClipRect),
                _ => needs.feature_if(true, Feature::ClipRects),
            },
        }
        match draw.op {
            Op::Nop | Op::CopyBits { .. } => {}
            Op::Fill { brush, rop, mask } => {
                needs.rop(op, kind, *rop)?;
                needs.brush(brush)?;
                needs.qmask(mask)?;
            }
            Op::Opaque { src, src_area, brush, rop, scale_mode, mask } => {
                needs.rop(op, kind, *rop)?;
                needs.src(src, src_area)?;
                needs.scale(&draw.bbox, src_area, *scale_mode);
                needs.brush(brush)?;
                needs.qmask(mask)?;
            }
            Op::Copy { src, src_area, rop, scale_mode, mask }
            | Op::Blend { src, src_area, rop, scale_mode, mask } => {
                needs.rop(op, kind, *rop)?;
                needs.src(src, src_area)?;
                needs.scale(&draw.bbox, src_area, *scale_mode);
                needs.qmask(mask)?;
            }
            Op::Blackness { mask } | Op::Whiteness { mask } | Op::Invers { mask } => needs.qmask(mask)?,
            Op::Rop3 { src, src_area, brush, rop3, scale_mode, mask } => {
                if !self.rop3.contains(*rop3) {
                    return Err(Lack::Rop3(*rop3));
                }
                needs.src(src, src_area)?;
                needs.scale(&draw.bbox, src_area, *scale_mode);
                needs.brush(brush)?;
                needs.qmask(mask)?;
            }
            Op::Stroke { path, attr, brush, fore_mode, back_mode: _ } => {
                needs.rop(op, kind, *fore_mode)?;
                needs.brush(brush)?;
                needs.feature_if(attr.flags & LineAttr::STYLED != 0, Feature::Styled);
                // Looked for only where it matters: a path may be long.
                if !op.features.contains(Feature::Bezier) {
                    let bezier = path.iter().any(|s| s.flags & PathSegment::BEZIER != 0);
                    needs.feature_if(bezier, Feature::Bezier);
                }
            }
            Op::Text { str, back_area, fore_brush, back_brush, fore_mode, back_mode } => {
                needs.rop(op, kind, *fore_mode)?;
                needs.brush(fore_brush)?;
                needs.feature_if(str.flags & Str::RASTER_A1 != 0, Feature::TextA1);
                needs.feature_if(str.depth() == Some(4), Feature::TextA4);
                needs.feature_if(str.depth() == Some(8), Feature::TextA8);
                if !back_area.is_empty() {
                    needs.feature_if(true, Feature::TextBack);
                    needs.rop(op, kind, *back_mode)?;
                    needs.brush(back_brush)?;
                }
            }
            Op::Transparent { src, src_area, .. } => {
                needs.src(src, src_area)?;
                needs.scale(&draw.bbox, src_area, ScaleMode::NEAREST);
            }
            Op::AlphaBlend { alpha_flags, src, src_area, .. } => {
                needs.src(src, src_area)?;
                needs.scale(&draw.bbox, src_area, ScaleMode::NEAREST);
                needs.feature_if(alpha_flags & 1 != 0, Feature::DestHasAlpha);
                let surface = src.as_ref().is_some_and(|s| matches!(s.source(), Source::Surface(_)));
                needs.feature_if(surface && alpha_flags & 2 != 0, Feature::SrcSurfaceHasAlpha);
            }
            Op::Composite(c) => {
                match Operator::new(c.operator()) {
                    Some(operator) if self.operators.contains(operator) => {}
                    _ => return Err(Lack::Operator(c.operator())),
                }
                needs.image(c.src.as_ref().ok_or(Lack::SelfBitmap)?, Feature::SrcSurface)?;
                if let Some(mask) = &c.mask {
                    needs.feature_if(true, Feature::CompositeMask);
                    needs.image(mask, Feature::MaskSurface)?;
                    needs.feature_if(c.mask_transform.is_some(), Feature::MaskTransform);
                    needs.feature_if(bilinear(c.mask_filter()), Feature::Bilinear);
                    needs.features |= repeat(c.mask_repeat());
                    let component = c.flags & qxl::Composite::<I>::COMPONENT_ALPHA != 0;
                    needs.feature_if(component, Feature::ComponentAlpha);
                }
                needs.feature_if(c.src_transform.is_some(), Feature::SrcTransform);
                needs.feature_if(bilinear(c.src_filter()), Feature::Bilinear);
                needs.features |= repeat(c.src_repeat());
                let opaque = c.flags & qxl::Composite::<I>::SOURCE_OPAQUE != 0;
                needs.feature_if(opaque, Feature::SourceOpaque);
            }
        }
        match Set::<Feature>::from_bits(needs.features).without(op.features).first() {
            Some(feature) => Err(Lack::Feature(feature)),
            None => Ok(()),
        }
    }
}

/// Whether a pixman filter number mixes pixels.
const fn bilinear(filter: u8) -> bool {
    !matches!(filter, 0 | 3)
}

const fn repeat(number: u8) -> u64 {
    match number {
        0 => 0,
        1 => Feature::RepeatNormal.bit(),
        2 => Feature::RepeatPad.bit(),
        _ => Feature::RepeatReflect.bit(),
    }
}
