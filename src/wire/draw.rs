//! Drawing messages: a base (surface, box, clip) and an operation.

use super::error::{DecodeError, DecodeReason, EncodeError, EncodeReason};
use super::frame::Framing;
use super::image::{Image, PendingPalette, put_image, put_palette_entries, take_image};
use super::kind::ServerKind;
use super::plain::Plain;
use super::reader::Reader;
use super::sink::{Sink, Writer};
use crate::qxl::{
    Brush, Clip, Composite, Glyph, ImageRole, LineAttr, Op, OpKind, PathSegment, Point, QMask, Rect, Ropd,
    ScaleMode, Str, SurfaceId, Transform,
};

/// A drawing message (`COPY_BITS`, `DRAW_*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The surface that it draws on.
    pub surface_id: SurfaceId,
    /// Where it draws.
    pub bbox: Rect,
    /// What of `bbox` it draws.
    pub clip: Clip,
    /// What it draws.
    pub op: Op<Image>,
}

impl Draw {
    /// Appends the message; on an error nothing is appended.
    pub fn encode(&self, framing: Framing, sink: &mut impl Sink) -> Result<(), EncodeError> {
        let Self { surface_id, bbox, clip, op } = self;
        DrawRef { surface_id: *surface_id, bbox: *bbox, clip, op }.encode(framing, sink, |_, image| image)
    }
}

/// A drawing message made of borrowed pieces: the guest's operation, its images replaced while it is encoded.
#[derive(Clone, Copy, Debug)]
pub struct DrawRef<'a, I> {
    /// The surface that it draws on.
    pub surface_id: SurfaceId,
    /// Where it draws.
    pub bbox: Rect,
    /// What of `bbox` it draws.
    pub clip: &'a Clip,
    /// What it draws.
    pub op: &'a Op<I>,
}

/// Something that a pointer already written must point to. Written in the order of the pointers, each image's
/// palette directly behind all of them.
enum Pending<'a> {
    Image(&'static str, &'a Image),
    Path(&'a [PathSegment]),
    Str(&'a Str),
    Style(&'a [i32]),
}

/// The most pointers in one message: OPAQUE and ROP3 have a source, a pattern and a mask; STROKE a path, a style and
/// a pattern; TEXT a string and two patterns.
const POINTERS: usize = 3;

struct Later<'a> {
    pending: [Option<(usize, Pending<'a>)>; POINTERS],
    len: usize,
}

impl<'a> Later<'a> {
    fn push(&mut self, at: usize, what: Pending<'a>) {
        self.pending[self.len] = Some((at, what));
        self.len += 1;
    }
}

impl<'a, I> DrawRef<'a, I> {
    /// Appends the message; on an error nothing is appended. `image` gives for each place of the operation that can
    /// hold an image (and for what the operation has there) the image that the message shall have there.
    pub fn encode<S: Sink>(
        &self,
        framing: Framing,
        sink: &mut S,
        image: impl Fn(ImageRole, Option<&'a I>) -> Option<&'a Image>,
    ) -> Result<(), EncodeError> {
        let kind = ServerKind::of_op(self.op.kind()).ok_or(EncodeError {
            message: self.op.kind().name(),
            field: "message",
            reason: EncodeReason::NoMessage,
        })?;
        framing.message(kind as u16, kind.name(), sink, |w| {
            w.u32(self.surface_id);
            self.bbox.put(w)?;
            put_clip(w, self.clip)?;
            self.body(w, &image)
        })
    }

    fn body<S: Sink>(
        &self,
        w: &mut Writer<'_, S>,
        image: &impl Fn(ImageRole, Option<&'a I>) -> Option<&'a Image>,
    ) -> Result<(), EncodeError> {
        let mut later = Later { pending: [const { None }; POINTERS], len: 0 };
        let later_ = &mut later;
        let src = |w: &mut Writer<'_, S>, later: &mut Later<'a>, src: &'a Option<I>| {
            put_image_pointer(w, later, "src_bitmap", image(ImageRole::Source, src.as_ref()));
        };
        let qmask = |w: &mut Writer<'_, S>, later: &mut Later<'a>, mask: &'a QMask<I>| {
            w.u8(mask.flags);
            w.i32(mask.pos.x);
            w.i32(mask.pos.y);
            put_image_pointer(w, later, "mask.bitmap", image(ImageRole::Mask, mask.image.as_deref()));
        };
        match self.op {
            Op::Nop => unreachable!("of_op refuses it"),
            Op::Fill { brush, rop, mask } => {
                put_brush(w, later_, "brush", brush, |i| image(ImageRole::Pattern, i))?;
                w.u16(rop.0);
                qmask(w, later_, mask);
            }
            Op::Opaque { src: s, src_area, brush, rop, scale_mode, mask } => {
                src(w, later_, s);
                src_area.put(w)?;
                put_brush(w, later_, "brush", brush, |i| image(ImageRole::Pattern, i))?;
                w.u16(rop.0);
                w.u8(scale_mode.0);
                qmask(w, later_, mask);
            }
            Op::Copy { src: s, src_area, rop, scale_mode, mask }
            | Op::Blend { src: s, src_area, rop, scale_mode, mask } => {
                src(w, later_, s);
                src_area.put(w)?;
                w.u16(rop.0);
                w.u8(scale_mode.0);
                qmask(w, later_, mask);
            }
            Op::CopyBits { src_pos } => src_pos.put(w)?,
            Op::Blackness { mask } | Op::Whiteness { mask } | Op::Invers { mask } => qmask(w, later_, mask),
            Op::Rop3 { src: s, src_area, brush, rop3, scale_mode, mask } => {
                src(w, later_, s);
                src_area.put(w)?;
                put_brush(w, later_, "brush", brush, |i| image(ImageRole::Pattern, i))?;
                w.u8(*rop3);
                w.u8(scale_mode.0);
                qmask(w, later_, mask);
            }
            Op::Stroke { path, attr, brush, fore_mode, back_mode } => {
                later_.push(w.pointer(), Pending::Path(path));
                w.u8(attr.flags);
                if attr.flags & LineAttr::STYLED != 0 {
                    let n = w.count("attr.style_nseg", attr.style.len(), u8::MAX.into())?;
                    w.u8(n);
                    later_.push(w.pointer(), Pending::Style(&attr.style));
                }
                put_brush(w, later_, "brush", brush, |i| image(ImageRole::Pattern, i))?;
                w.u16(fore_mode.0);
                w.u16(back_mode.0);
            }
            Op::Text { str, back_area, fore_brush, back_brush, fore_mode, back_mode } => {
                later_.push(w.pointer(), Pending::Str(str));
                back_area.put(w)?;
                put_brush(w, later_, "fore_brush", fore_brush, |i| image(ImageRole::Pattern, i))?;
                put_brush(w, later_, "back_brush", back_brush, |i| image(ImageRole::BackPattern, i))?;
                w.u16(fore_mode.0);
                w.u16(back_mode.0);
            }
            Op::Transparent { src: s, src_area, src_color, true_color } => {
                src(w, later_, s);
                src_area.put(w)?;
                w.u32(*src_color);
                w.u32(*true_color);
            }
            Op::AlphaBlend { alpha_flags, alpha, src: s, src_area } => {
                w.u8(*alpha_flags);
                w.u8(*alpha);
                src(w, later_, s);
                src_area.put(w)?;
            }
            Op::Composite(c) => {
                let mask = image(ImageRole::Mask, c.mask.as_ref());
                let has = |some: bool, bit: u32| if some { bit } else { 0 };
                w.u32(
                    c.flags & !WIRE_FLAGS
                        | has(mask.is_some(), HAS_MASK)
                        | has(c.src_transform.is_some(), HAS_SRC_TRANSFORM)
                        | has(c.mask_transform.is_some(), HAS_MASK_TRANSFORM),
                );
                src(w, later_, &c.src);
                if mask.is_some() {
                    put_image_pointer(w, later_, "mask_bitmap", mask);
                }
                for v in [c.src_transform, c.mask_transform].iter().flatten().flatten() {
                    w.i32(*v);
                }
                put_point16(w, "src_origin", c.src_origin)?;
                put_point16(w, "mask_origin", c.mask_origin)?;
            }
        }
        put_pending(w, later)
    }
}

const HAS_MASK: u32 = Composite::<Image>::HAS_MASK;
const HAS_SRC_TRANSFORM: u32 = Composite::<Image>::HAS_SRC_TRANSFORM;
const HAS_MASK_TRANSFORM: u32 = Composite::<Image>::HAS_MASK_TRANSFORM;
const WIRE_FLAGS: u32 = HAS_MASK | HAS_SRC_TRANSFORM | HAS_MASK_TRANSFORM;

fn put_pending<S: Sink>(w: &mut Writer<'_, S>, later: Later<'_>) -> Result<(), EncodeError> {
    let mut palettes: [PendingPalette<'_>; POINTERS] = [None; POINTERS];
    for ((at, what), palette) in later.pending.into_iter().flatten().zip(&mut palettes) {
        match what {
            Pending::Image(field, image) => {
                w.point(at, field)?;
                *palette = put_image(w, image)?;
            }
            Pending::Path(path) => {
                w.point(at, "path")?;
                put_path(w, path)?;
            }
            Pending::Str(str) => {
                w.point(at, "str")?;
                put_str(w, str)?;
            }
            Pending::Style(style) => {
                w.point(at, "attr.style")?;
                style.iter().for_each(|v| w.i32(*v));
            }
        }
    }
    for (at, palette) in palettes.into_iter().flatten() {
        w.point(at, "palette")?;
        put_palette_entries(w, palette)?;
    }
    Ok(())
}

fn put_image_pointer<'a, S: Sink>(
    w: &mut Writer<'_, S>,
    later: &mut Later<'a>,
    field: &'static str,
    image: Option<&'a Image>,
) {
    let at = w.pointer();
    if let Some(image) = image {
        later.push(at, Pending::Image(field, image));
    }
}

fn put_brush<'a, I, S: Sink>(
    w: &mut Writer<'_, S>,
    later: &mut Later<'a>,
    field: &'static str,
    brush: &'a Brush<I>,
    image: impl Fn(Option<&'a I>) -> Option<&'a Image>,
) -> Result<(), EncodeError> {
    match brush {
        Brush::None => w.u8(0),
        Brush::Solid(color) => {
            w.u8(1);
            w.u32(*color);
        }
        Brush::Pattern { image: tile, pos } => {
            let tile = image(tile.as_deref()).ok_or_else(|| w.error(field, EncodeReason::Missing))?;
            w.u8(2);
            put_image_pointer(w, later, field, Some(tile));
            pos.put(w)?;
        }
    }
    Ok(())
}

fn put_point16<S: Sink>(w: &mut Writer<'_, S>, field: &'static str, p: Point) -> Result<(), EncodeError> {
    for v in [p.x, p.y] {
        let v16 = i16::try_from(v).map_err(|_| w.error(field, EncodeReason::Range(v.into())))?;
        w.u16(v16 as u16);
    }
    Ok(())
}

pub(super) fn put_clip<S: Sink>(w: &mut Writer<'_, S>, clip: &Clip) -> Result<(), EncodeError> {
    match clip {
        Clip::None => w.u8(0),
        Clip::Rects(rects) => {
            let n = w.count("clip.rects", rects.len(), u32::MAX as usize)?;
            w.u8(1);
            w.u32(n);
            rects.iter().try_for_each(|r| r.put(w))?;
        }
    }
    Ok(())
}

fn put_path<S: Sink>(w: &mut Writer<'_, S>, path: &[PathSegment]) -> Result<(), EncodeError> {
    let n = w.count("path.segments", path.len(), u32::MAX as usize)?;
    w.u32(n);
    for segment in path {
        let flags = u8::try_from(segment.flags)
            .map_err(|_| w.error("path.flags", EncodeReason::Range(segment.flags.into())))?;
        let n = w.count("path.points", segment.points.len(), u32::MAX as usize)?;
        w.u8(flags);
        w.u32(n);
        segment.points.iter().try_for_each(|p| p.put(w))?;
    }
    Ok(())
}

/// Bytes of a glyph's raster.
fn glyph_size(depth: u32, width: u16, height: u16) -> u64 {
    (u64::from(depth) * u64::from(width)).div_ceil(8) * u64::from(height)
}

fn put_str<S: Sink>(w: &mut Writer<'_, S>, str: &Str) -> Result<(), EncodeError> {
    let n = w.count("str.length", str.glyphs.len(), u16::MAX.into())?;
    w.u16(n);
    w.u8(str.flags);
    for glyph in &str.glyphs {
        let depth = str.depth().ok_or_else(|| w.error("str.flags", EncodeReason::Range(str.flags.into())))?;
        let needed = glyph_size(depth, glyph.width, glyph.height);
        if glyph.data.len() as u64 != needed {
            return Err(w.error("str.glyphs.data", EncodeReason::Size { len: glyph.data.len(), needed }));
        }
        glyph.render_pos.put(w)?;
        glyph.origin.put(w)?;
        w.u16(glyph.width);
        w.u16(glyph.height);
        w.sink.put(&glyph.data);
    }
    Ok(())
}

pub(super) fn take_draw(mut r: Reader<'_>, kind: OpKind) -> Result<Draw, DecodeError> {
    let r = &mut r;
    let surface_id = r.u32("surface_id")?;
    let bbox = Rect::take(r, "box")?;
    let clip = take_clip(r)?;
    let op = match kind {
        OpKind::Nop => Op::Nop,
        OpKind::Fill => Op::Fill {
            brush: take_brush(r, "brush")?,
            rop: Ropd(r.u16("rop_descriptor")?),
            mask: take_qmask(r)?,
        },
        OpKind::Opaque => Op::Opaque {
            src: take_image_pointer(r, "src_bitmap")?,
            src_area: Rect::take(r, "src_area")?,
            brush: take_brush(r, "brush")?,
            rop: Ropd(r.u16("rop_descriptor")?),
            scale_mode: ScaleMode(r.u8("scale_mode")?),
            mask: take_qmask(r)?,
        },
        OpKind::Copy | OpKind::Blend => {
            let src = take_image_pointer(r, "src_bitmap")?;
            let src_area = Rect::take(r, "src_area")?;
            let rop = Ropd(r.u16("rop_descriptor")?);
            let scale_mode = ScaleMode(r.u8("scale_mode")?);
            let mask = take_qmask(r)?;
            match kind {
                OpKind::Copy => Op::Copy { src, src_area, rop, scale_mode, mask },
                _ => Op::Blend { src, src_area, rop, scale_mode, mask },
            }
        }
        OpKind::CopyBits => Op::CopyBits { src_pos: Point::take(r, "src_pos")? },
        OpKind::Blackness => Op::Blackness { mask: take_qmask(r)? },
        OpKind::Whiteness => Op::Whiteness { mask: take_qmask(r)? },
        OpKind::Invers => Op::Invers { mask: take_qmask(r)? },
        OpKind::Rop3 => Op::Rop3 {
            src: take_image_pointer(r, "src_bitmap")?,
            src_area: Rect::take(r, "src_area")?,
            brush: take_brush(r, "brush")?,
            rop3: r.u8("rop3")?,
            scale_mode: ScaleMode(r.u8("scale_mode")?),
            mask: take_qmask(r)?,
        },
        OpKind::Stroke => Op::Stroke {
            path: take_path(&mut r.some_pointer("path")?)?,
            attr: take_line_attr(r)?,
            brush: take_brush(r, "brush")?,
            fore_mode: Ropd(r.u16("fore_mode")?),
            back_mode: Ropd(r.u16("back_mode")?),
        },
        OpKind::Text => Op::Text {
            str: take_str(&mut r.some_pointer("str")?)?,
            back_area: Rect::take(r, "back_area")?,
            fore_brush: take_brush(r, "fore_brush")?,
            back_brush: take_brush(r, "back_brush")?,
            fore_mode: Ropd(r.u16("fore_mode")?),
            back_mode: Ropd(r.u16("back_mode")?),
        },
        OpKind::Transparent => Op::Transparent {
            src: take_image_pointer(r, "src_bitmap")?,
            src_area: Rect::take(r, "src_area")?,
            src_color: r.u32("src_color")?,
            true_color: r.u32("true_color")?,
        },
        OpKind::AlphaBlend => Op::AlphaBlend {
            alpha_flags: r.u8("alpha_flags")?,
            alpha: r.u8("alpha")?,
            src: take_image_pointer(r, "src_bitmap")?,
            src_area: Rect::take(r, "src_area")?,
        },
        OpKind::Composite => {
            let flags = r.u32("flags")?;
            let has = |bit| flags & bit != 0;
            let src = take_image_pointer(r, "src_bitmap")?;
            Op::Composite(Box::new(Composite {
                // What they say is said by the fields.
                flags: flags & !WIRE_FLAGS,
                src,
                mask: if has(HAS_MASK) { take_image_pointer(r, "mask_bitmap")? } else { None },
                src_transform: take_transform(r, "src_transform", has(HAS_SRC_TRANSFORM))?,
                mask_transform: take_transform(r, "mask_transform", has(HAS_MASK_TRANSFORM))?,
                src_origin: take_point16(r, "src_origin")?,
                mask_origin: take_point16(r, "mask_origin")?,
            }))
        }
    };
    Ok(Draw { surface_id, bbox, clip, op })
}

pub(super) fn take_clip(r: &mut Reader<'_>) -> Result<Clip, DecodeError> {
    match r.u8("clip.type")? {
        0 => Ok(Clip::None),
        1 => {
            let n = r.u32("clip.num_rects")?;
            r.many("clip.rects", n, Rect::SIZE, |r| Rect::take(r, "clip.rects")).map(Clip::Rects)
        }
        v => Err(r.error("clip.type", 1, DecodeReason::Value(v.into()))),
    }
}

fn take_image_pointer(r: &mut Reader<'_>, field: &'static str) -> Result<Option<Image>, DecodeError> {
    r.pointer(field)?.map(|at| take_image(&mut at.within(field))).transpose()
}

fn take_brush(r: &mut Reader<'_>, field: &'static str) -> Result<Brush<Image>, DecodeError> {
    match r.u8(field)? {
        0 => Ok(Brush::None),
        1 => r.u32(field).map(Brush::Solid),
        2 => {
            let image = take_image(&mut r.some_pointer(field)?.within(field))?;
            Ok(Brush::Pattern { image: Some(image.into()), pos: Point::take(r, field)? })
        }
        v => Err(r.error(field, 1, DecodeReason::Value(v.into()))),
    }
}

fn take_qmask(r: &mut Reader<'_>) -> Result<QMask<Image>, DecodeError> {
    let flags = r.u8("mask.flags")?;
    let pos = Point::take(r, "mask.pos")?;
    Ok(QMask { flags, pos, image: take_image_pointer(r, "mask.bitmap")?.map(Box::new) })
}

fn take_path(r: &mut Reader<'_>) -> Result<Vec<PathSegment>, DecodeError> {
    let n = r.u32("path.num_segments")?;
    r.many("path.segments", n, 1 /* flags */ + 4 /* count */, |r| {
        let flags = r.u8("path.flags")?.into();
        let n = r.u32("path.count")?;
        let points = r.many("path.points", n, Point::SIZE, |r| Point::take(r, "path.points"))?;
        Ok(PathSegment { flags, points })
    })
}

fn take_line_attr(r: &mut Reader<'_>) -> Result<LineAttr, DecodeError> {
    let flags = r.u8("attr.flags")?;
    if flags & LineAttr::STYLED == 0 {
        return Ok(LineAttr { flags, style: Vec::new() });
    }
    let n = r.u8("attr.style_nseg")?;
    let style = match r.pointer("attr.style")? {
        Some(mut at) => at.many("attr.style", n.into(), 4, |r| r.i32("attr.style"))?,
        None if n == 0 => Vec::new(),
        None => return Err(r.error("attr.style", 4, DecodeReason::Null)),
    };
    Ok(LineAttr { flags, style })
}

fn take_str(r: &mut Reader<'_>) -> Result<Str, DecodeError> {
    let n = r.u16("str.length")?;
    let flags = r.u8("str.flags")?;
    let mut str = Str { flags, glyphs: Vec::new() };
    let Some(depth) = str.depth() else {
        return match n {
            0 => Ok(str),
            _ => Err(r.error("str.flags", 1, DecodeReason::Value(flags.into()))),
        };
    };
    str.glyphs = r.many("str.glyphs", n.into(), 8 /* pos */ + 8 /* origin */ + 4 /* size */, |r| {
        let render_pos = Point::take(r, "str.render_pos")?;
        let origin = Point::take(r, "str.glyph_origin")?;
        let width = r.u16("str.width")?;
        let height = r.u16("str.height")?;
        let data = r.bytes("str.data", glyph_size(depth, width, height))?;
        Ok(Glyph { render_pos, origin, width, height, data })
    })?;
    Ok(str)
}

fn take_transform(
    r: &mut Reader<'_>,
    field: &'static str,
    has: bool,
) -> Result<Option<Transform>, DecodeError> {
    if !has {
        return Ok(None);
    }
    let mut transform = [0; 6];
    for v in &mut transform {
        *v = r.i32(field)?;
    }
    Ok(Some(transform))
}

fn take_point16(r: &mut Reader<'_>, field: &'static str) -> Result<Point, DecodeError> {
    let mut v = || r.u16(field).map(|v| i32::from(v as i16));
    Ok(Point { x: v()?, y: v()? })
}
