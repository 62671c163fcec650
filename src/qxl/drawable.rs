//! Drawing operations.

use super::{Image, Point, Rect, SurfaceId};
use bytes::Bytes;

/// `QXLDrawable`: one drawing operation on one surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawable<I = Image> {
    /// The surface that it draws on.
    pub surface_id: SurfaceId,
    /// `QXL_EFFECT_*`, the guest's hint on what the operation does to what lies below; never trusted.
    pub effect: u8,
    /// The guest's multimedia time, in milliseconds.
    pub mm_time: u32,
    /// Where it draws; a box that leaves the surface drops the operation whole.
    pub bbox: Rect,
    /// What of `bbox` it draws.
    pub clip: Clip,
    /// The area of the surface itself that stands for a missing source image.
    pub self_bitmap: Option<Rect>,
    /// Surfaces that the guest says it reads.
    pub surface_deps: SurfaceDeps,
    /// What it draws.
    pub op: Op<I>,
}

/// A surface that an operation reads, as the guest declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurfaceDep {
    /// The surface.
    pub surface_id: SurfaceId,
    /// The area read.
    pub rect: Rect,
}

/// The surfaces that the guest says an operation reads: a command has three places for them, and most have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SurfaceDeps(Option<Box<[Option<SurfaceDep>; 3]>>);

impl SurfaceDeps {
    /// Those in the command's three places.
    pub fn new(places: [Option<SurfaceDep>; 3]) -> Self {
        Self(places.iter().any(Option::is_some).then(|| places.into()))
    }

    /// The three places.
    pub fn places(&self) -> [Option<SurfaceDep>; 3] {
        self.0.as_deref().copied().unwrap_or_default()
    }

    /// Those that there are.
    pub fn iter(&self) -> impl Iterator<Item = &SurfaceDep> {
        self.0.iter().flat_map(|places| places.iter().flatten())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// `SpiceClip`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clip {
    /// Everything inside the bounding box.
    #[default]
    None,
    /// The union of these; empty and inverted ones hold nothing.
    Rects(Vec<Rect>),
}

/// `SpiceBrush`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Brush<I = Image> {
    /// No brush: colour 0 where a brush is read.
    #[default]
    None,
    /// One raw pixel value.
    Solid(u32),
    /// A tile; `pos` is a place where its top left corner falls. An image that the guest left out is `None`.
    Pattern {
        /// The tile. In a box, as a mask's picture is: few operations have one, and thousands of commands may wait.
        image: Option<Box<I>>,
        /// Where its top left corner lies, in target pixels.
        pos: Point,
    },
}

/// `SpiceQMask`: a 1-bit picture that says which pixels are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QMask<I = Image> {
    /// [`QMask::INVERS`].
    pub flags: u8,
    /// The mask pixel at the bounding box's top left corner.
    pub pos: Point,
    /// The picture; without one everything is drawn.
    pub image: Option<Box<I>>,
}

impl<I> QMask<I> {
    /// `SPICE_MASK_FLAGS_INVERS`: 0 bits draw, 1 bits do not.
    pub const INVERS: u8 = 1;
}

impl<I> Default for QMask<I> {
    fn default() -> Self {
        Self { flags: 0, pos: Point::default(), image: None }
    }
}

/// A rop descriptor (`SPICE_ROPD_*`): which two-operand raster operation, and which operands are inverted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ropd(pub u16);

impl Ropd {
    /// The source is inverted first.
    pub const INVERS_SRC: u16 = 1;
    /// The brush is inverted first.
    pub const INVERS_BRUSH: u16 = 2;
    /// The destination is inverted first.
    pub const INVERS_DEST: u16 = 4;
    /// The source operand.
    pub const OP_PUT: u16 = 8;
    /// Or.
    pub const OP_OR: u16 = 16;
    /// And.
    pub const OP_AND: u16 = 32;
    /// Exclusive or.
    pub const OP_XOR: u16 = 64;
    /// All bits 0.
    pub const OP_BLACKNESS: u16 = 128;
    /// All bits 1.
    pub const OP_WHITENESS: u16 = 256;
    /// The destination inverted.
    pub const OP_INVERS: u16 = 512;
    /// The result is inverted last.
    pub const INVERS_RES: u16 = 1024;
    /// Plain replacement.
    pub const PUT: Ropd = Ropd(Self::OP_PUT);
}

/// `SpiceImageScaleMode`: how a source of another size is sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScaleMode(pub u8);

impl ScaleMode {
    /// Bilinear.
    pub const INTERPOLATE: ScaleMode = ScaleMode(0);
    /// Nearest pixel. Numbers beyond mean the same.
    pub const NEAREST: ScaleMode = ScaleMode(1);
}

/// One figure or part of a figure of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSegment {
    /// [`PathSegment::BEGIN`], [`PathSegment::END`], [`PathSegment::CLOSE`], [`PathSegment::BEZIER`].
    pub flags: u32,
    /// Points in 28.4 fixed point.
    pub points: Vec<Point>,
}

impl PathSegment {
    /// Starts a figure.
    pub const BEGIN: u32 = 1;
    /// Ends the figure.
    pub const END: u32 = 2;
    /// With `END`: a line back to its start closes it.
    pub const CLOSE: u32 = 8;
    /// The points are control points of cubic Bézier curves, three each.
    pub const BEZIER: u32 = 16;
}

/// `SpiceLineAttr`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineAttr {
    /// [`LineAttr::START_WITH_GAP`], [`LineAttr::STYLED`].
    pub flags: u8,
    /// Lengths of dashes and gaps in 28.4 fixed point, where `STYLED`.
    pub style: Vec<i32>,
}

impl LineAttr {
    /// The first length is a gap.
    pub const START_WITH_GAP: u8 = 4;
    /// The line is dashed.
    pub const STYLED: u8 = 8;
}

/// `SpiceString`: glyphs as rasters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Str {
    /// [`Str::RASTER_A1`], [`Str::RASTER_A4`] or [`Str::RASTER_A8`], and [`Str::TOP_DOWN`].
    pub flags: u8,
    /// The glyphs, in drawing order.
    pub glyphs: Vec<Glyph>,
}

impl Str {
    /// 1 bit of coverage a pixel.
    pub const RASTER_A1: u8 = 1;
    /// 4 bits of coverage a pixel.
    pub const RASTER_A4: u8 = 2;
    /// 8 bits of coverage a pixel.
    pub const RASTER_A8: u8 = 4;
    /// Ignored: rows are bottom-up always.
    pub const TOP_DOWN: u8 = 8;

    /// Bits of coverage a pixel: 1, 4 or 8; `None` if no depth bit is set.
    pub const fn depth(&self) -> Option<u32> {
        match self.flags {
            f if f & Self::RASTER_A1 != 0 => Some(1),
            f if f & Self::RASTER_A4 != 0 => Some(4),
            f if f & Self::RASTER_A8 != 0 => Some(8),
            _ => None,
        }
    }
}

/// `QXLRasterGlyph`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glyph {
    /// The pen position on the surface.
    pub render_pos: Point,
    /// The raster's top left corner relative to it.
    pub origin: Point,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Coverage, bottom row first, each row on its own byte.
    pub data: Bytes,
}

/// A `SpiceTransform`: six 16.16 numbers t00 t01 t02 t10 t11 t12 that map target pixels to source pixels.
pub type Transform = [i32; 6];

/// `QXLComposite`: a RENDER operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composite<I = Image> {
    /// Operator, filters, repeats and flags: `SPICE_COMPOSITE_*`, see the constants.
    pub flags: u32,
    /// What is drawn.
    pub src: Option<I>,
    /// From target to source pixels.
    pub src_transform: Option<Transform>,
    /// What it is multiplied with.
    pub mask: Option<I>,
    /// From target to mask pixels.
    pub mask_transform: Option<Transform>,
    /// The source pixel at the bounding box's top left corner.
    pub src_origin: Point,
    /// The mask pixel at the bounding box's top left corner.
    pub mask_origin: Point,
}

impl<I> Composite<I> {
    /// The mask's colours multiply the source's channels one by one.
    pub const COMPONENT_ALPHA: u32 = 1 << 18;
    /// On the wire: a mask follows.
    pub const HAS_MASK: u32 = 1 << 19;
    /// On the wire: a source transform follows.
    pub const HAS_SRC_TRANSFORM: u32 = 1 << 20;
    /// On the wire: a mask transform follows.
    pub const HAS_MASK_TRANSFORM: u32 = 1 << 21;
    /// A source surface is read without its alpha.
    pub const SOURCE_OPAQUE: u32 = 1 << 22;
    /// Ignored.
    pub const MASK_OPAQUE: u32 = 1 << 23;
    /// Ignored on 32-bit surfaces.
    pub const DEST_OPAQUE: u32 = 1 << 24;

    /// The PictOp number (`PIXMAN_OP_*`).
    pub const fn operator(&self) -> u8 {
        self.flags as u8
    }
    /// The pixman filter number of the source.
    pub const fn src_filter(&self) -> u8 {
        (self.flags >> 8 & 7) as u8
    }
    /// The pixman filter number of the mask.
    pub const fn mask_filter(&self) -> u8 {
        (self.flags >> 11 & 7) as u8
    }
    /// The pixman repeat number of the source.
    pub const fn src_repeat(&self) -> u8 {
        (self.flags >> 14 & 3) as u8
    }
    /// The pixman repeat number of the mask.
    pub const fn mask_repeat(&self) -> u8 {
        (self.flags >> 16 & 3) as u8
    }
}

/// What an operation draws. A source image that is `None` stands for the self-bitmap, or for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the protocol's, described at their types")]
pub enum Op<I = Image> {
    /// Draws nothing.
    Nop,
    /// A brush.
    Fill { brush: Brush<I>, rop: Ropd, mask: QMask<I> },
    /// A source, then a brush on top with the rop.
    Opaque {
        src: Option<I>,
        src_area: Rect,
        brush: Brush<I>,
        rop: Ropd,
        scale_mode: ScaleMode,
        mask: QMask<I>,
    },
    /// A source.
    Copy { src: Option<I>, src_area: Rect, rop: Ropd, scale_mode: ScaleMode, mask: QMask<I> },
    /// The same as `Copy`.
    Blend { src: Option<I>, src_area: Rect, rop: Ropd, scale_mode: ScaleMode, mask: QMask<I> },
    /// Another place of the same surface, as if it were read completely before any pixel is written.
    CopyBits { src_pos: Point },
    /// All bits 0.
    Blackness { mask: QMask<I> },
    /// All bits 1.
    Whiteness { mask: QMask<I> },
    /// All bits inverted.
    Invers { mask: QMask<I> },
    /// Pattern, source and destination, joined by one of 256 ternary raster operations.
    Rop3 { src: Option<I>, src_area: Rect, brush: Brush<I>, rop3: u8, scale_mode: ScaleMode, mask: QMask<I> },
    /// One pixel wide lines.
    Stroke { path: Vec<PathSegment>, attr: LineAttr, brush: Brush<I>, fore_mode: Ropd, back_mode: Ropd },
    /// Glyphs.
    Text {
        str: Str,
        back_area: Rect,
        fore_brush: Brush<I>,
        back_brush: Brush<I>,
        fore_mode: Ropd,
        back_mode: Ropd,
    },
    /// A source without the pixels of one colour.
    Transparent { src: Option<I>, src_area: Rect, src_color: u32, true_color: u32 },
    /// A source over the destination. Flag 1: the destination has alpha; 2: the source surface has.
    AlphaBlend { alpha_flags: u8, alpha: u8, src: Option<I>, src_area: Rect },
    /// A RENDER operation.
    Composite(Box<Composite<I>>),
}

/// The kind of an operation (`QXL_DRAW_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "named as in Op")]
pub enum OpKind {
    Nop,
    Fill,
    Opaque,
    Copy,
    CopyBits,
    Blend,
    Blackness,
    Whiteness,
    Invers,
    Rop3,
    Stroke,
    Text,
    Transparent,
    AlphaBlend,
    Composite,
}

impl OpKind {
    /// Every kind, in the order of its QXL number.
    pub const ALL: [Self; 15] = [
        Self::Nop,
        Self::Fill,
        Self::Opaque,
        Self::Copy,
        Self::CopyBits,
        Self::Blend,
        Self::Blackness,
        Self::Whiteness,
        Self::Invers,
        Self::Rop3,
        Self::Stroke,
        Self::Text,
        Self::Transparent,
        Self::AlphaBlend,
        Self::Composite,
    ];

    /// The protocol's name, as in `COPY_BITS`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nop => "NOP",
            Self::Fill => "FILL",
            Self::Opaque => "OPAQUE",
            Self::Copy => "COPY",
            Self::CopyBits => "COPY_BITS",
            Self::Blend => "BLEND",
            Self::Blackness => "BLACKNESS",
            Self::Whiteness => "WHITENESS",
            Self::Invers => "INVERS",
            Self::Rop3 => "ROP3",
            Self::Stroke => "STROKE",
            Self::Text => "TEXT",
            Self::Transparent => "TRANSPARENT",
            Self::AlphaBlend => "ALPHA_BLEND",
            Self::Composite => "COMPOSITE",
        }
    }
}

impl<I> Op<I> {
    /// Which operation it is.
    pub const fn kind(&self) -> OpKind {
        match self {
            Self::Nop => OpKind::Nop,
            Self::Fill { .. } => OpKind::Fill,
            Self::Opaque { .. } => OpKind::Opaque,
            Self::Copy { .. } => OpKind::Copy,
            Self::Blend { .. } => OpKind::Blend,
            Self::CopyBits { .. } => OpKind::CopyBits,
            Self::Blackness { .. } => OpKind::Blackness,
            Self::Whiteness { .. } => OpKind::Whiteness,
            Self::Invers { .. } => OpKind::Invers,
            Self::Rop3 { .. } => OpKind::Rop3,
            Self::Stroke { .. } => OpKind::Stroke,
            Self::Text { .. } => OpKind::Text,
            Self::Transparent { .. } => OpKind::Transparent,
            Self::AlphaBlend { .. } => OpKind::AlphaBlend,
            Self::Composite(_) => OpKind::Composite,
        }
    }

    /// The source image, if the operation has one.
    pub fn src(&self) -> Option<&I> {
        match self {
            Self::Opaque { src, .. }
            | Self::Copy { src, .. }
            | Self::Blend { src, .. }
            | Self::Rop3 { src, .. }
            | Self::Transparent { src, .. }
            | Self::AlphaBlend { src, .. } => src.as_ref(),
            Self::Composite(c) => c.src.as_ref(),
            _ => None,
        }
    }

    /// The mask image of the operation's `QMask`, if it has one.
    pub fn qmask(&self) -> Option<&QMask<I>> {
        match self {
            Self::Fill { mask, .. }
            | Self::Opaque { mask, .. }
            | Self::Copy { mask, .. }
            | Self::Blend { mask, .. }
            | Self::Blackness { mask }
            | Self::Whiteness { mask }
            | Self::Invers { mask }
            | Self::Rop3 { mask, .. } => Some(mask),
            _ => None,
        }
    }
}
