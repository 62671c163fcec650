//! Drawables and what they refer to.

use super::GuestMemory;
use super::error::Fault;
use super::input::{Fields, Input, Res, What};
use crate::qxl::blob;
use crate::qxl::{
    Bitmap, BitmapFormat, Brush, Clip, Composite, Drawable, Image, ImageData, LineAttr, Op, Palette,
    PathSegment, QMask, Ropd, ScaleMode, Str, SurfaceDep, SurfaceDeps, Transform,
};
use bytes::Bytes;
use std::sync::Arc;

/// `SPICE_IMAGE_TYPE_*` that QXL devices take.
pub(super) mod image_type {
    pub(crate) const BITMAP: u8 = 0;
    pub(crate) const QUIC: u8 = 1;
    pub(crate) const SURFACE: u8 = 104;
}

/// Size of the fixed part of a `QXLDrawable`, and of a `QXLCompatDrawable`.
const HEAD: usize = 123;
const COMPAT_HEAD: usize = 60;

/// A brush as it lies in an operation: what its address means is found out later, in the order of the fields.
enum RawBrush {
    None,
    Solid(u32),
    Pattern(u64, crate::qxl::Point),
    Unknown(u32),
}

fn raw_brush<const N: usize>(fields: &mut Fields<N>) -> RawBrush {
    let (kind, word) = (fields.u32(), fields.u32());
    // The union's other member is an address, whose low half `word` would be, and a point.
    let (high, pos) = (fields.u32(), fields.point());
    match kind {
        0 => RawBrush::None,
        1 => RawBrush::Solid(word),
        2 => RawBrush::Pattern(u64::from(high) << 32 | u64::from(word), pos),
        kind => RawBrush::Unknown(kind),
    }
}

/// A mask as it lies in an operation.
fn raw_mask<const N: usize>(fields: &mut Fields<N>) -> (u8, crate::qxl::Point, u64) {
    (fields.u8(), fields.point(), fields.u64())
}

/// `x1r5g5b5` to `x8r8g8b8`, the top bits repeated below, as 16-bit guests of version 0.4 need it.
pub(super) fn color_16_to_32(color: u32) -> u32 {
    let widen = |c: u32| c << 3 | c >> 2;
    widen(color >> 10 & 31) << 16 | widen(color >> 5 & 31) << 8 | widen(color & 31)
}

impl<M: GuestMemory + ?Sized> Input<'_, M> {
    fn color(&self, color: u32) -> u32 {
        if self.compat_16bpp { color_16_to_32(color) } else { color }
    }

    /// `QXLDrawable` or `QXLCompatDrawable`, with the release info's id.
    pub(super) fn drawable(&mut self, address: u64, id: &mut Option<u64>) -> Res<Arc<Drawable>> {
        if self.compat { self.compat_drawable(address, id) } else { self.native_drawable(address, id) }
    }

    fn native_drawable(&mut self, address: u64, id: &mut Option<u64>) -> Res<Arc<Drawable>> {
        let (head, place) = self.read::<HEAD>(self.drawable_name(), address)?;
        let mut head = Fields::new(head);
        *id = Some(head.u64());
        let (surface_id, effect, kind) = (head.u32(), head.u8(), head.u8());
        let has_self_bitmap = head.u8() != 0;
        let (area, bbox) = (head.rect(), head.rect());
        let clip = (head.u32(), head.u64());
        let mm_time = head.u32();
        let ids = [head.u32(), head.u32(), head.u32()];
        let rects = [head.rect(), head.rect(), head.rect()];
        head.done();
        let dep =
            |i: usize| (ids[i] != u32::MAX).then_some(SurfaceDep { surface_id: ids[i], rect: rects[i] });
        let clip = self.clip(address, clip)?;
        Ok(Arc::new(Drawable {
            surface_id,
            effect,
            mm_time,
            bbox,
            clip,
            self_bitmap: has_self_bitmap.then_some(area),
            surface_deps: SurfaceDeps::new([0, 1, 2].map(dep)),
            op: self.op(kind, address, place)?,
        }))
    }

    fn compat_drawable(&mut self, address: u64, id: &mut Option<u64>) -> Res<Arc<Drawable>> {
        let (head, place) = self.read::<COMPAT_HEAD>(self.drawable_name(), address)?;
        let mut head = Fields::new(head);
        *id = Some(head.u64());
        let (effect, kind) = (head.u8(), head.u8());
        let has_self_bitmap = head.u16() != 0;
        let (area, bbox) = (head.rect(), head.rect());
        let clip = (head.u32(), head.u64());
        let mm_time = head.u32();
        head.done();
        let clip = self.clip(address, clip)?;
        Ok(Arc::new(Drawable {
            surface_id: 0,
            effect,
            mm_time,
            bbox,
            clip,
            self_bitmap: has_self_bitmap.then_some(area),
            surface_deps: SurfaceDeps::default(),
            op: self.op(kind, address, place)?,
        }))
    }

    fn drawable_name(&self) -> What {
        let structure = if self.compat { "QXLCompatDrawable" } else { "QXLDrawable" };
        What { structure, field: "data" }
    }

    fn clip(&mut self, drawable: u64, (kind, address): (u32, u64)) -> Res<Clip> {
        const RECTS: What = What { structure: "QXLClipRects", field: "clip.data" };
        match kind {
            0 => Ok(Clip::None),
            1 => {
                let (count, place) = self.read::<4>(RECTS, address)?;
                let count = u32::from_le_bytes(count);
                let limit = self.limits.max_clip_rects;
                if count > limit {
                    let fault = Fault::Limit { value: count.into(), limit: limit.into() };
                    return self.fail(RECTS.structure, "num_rects", address, fault);
                }
                let blob = self.inline_chunks(RECTS, place, Some(16 * u64::from(count)))?;
                Ok(Clip::Rects(self.listed(RECTS, address, blob::clip_rects(&blob, count))?))
            }
            value => {
                self.fail(self.drawable_name().structure, "clip.type", drawable, Fault::Unknown { value })
            }
        }
    }

    fn op(&mut self, kind: u8, address: u64, head: super::input::Place) -> Res<Op> {
        let what = What { field: "u", ..self.drawable_name() };
        macro_rules! fields {
            ($size:literal) => {
                Fields::new(self.next::<$size>(what, head)?.0)
            };
        }
        Ok(match kind {
            0 => Op::Nop,
            1 => {
                let mut u = fields!(39);
                let (brush, rop, mask) = (raw_brush(&mut u), Ropd(u.u16()), raw_mask(&mut u));
                u.done();
                Op::Fill { brush: self.brush(address, brush)?, rop, mask: self.mask(mask)? }
            }
            2 => {
                let mut u = fields!(64);
                let (src, src_area, brush) = (u.u64(), u.rect(), raw_brush(&mut u));
                let (rop, scale_mode, mask) = (Ropd(u.u16()), ScaleMode(u.u8()), raw_mask(&mut u));
                u.done();
                Op::Opaque {
                    src: self.src(src)?,
                    src_area,
                    brush: self.brush(address, brush)?,
                    rop,
                    scale_mode,
                    mask: self.mask(mask)?,
                }
            }
            3 | 5 => {
                let mut u = fields!(44);
                let (src, src_area, rop) = (u.u64(), u.rect(), Ropd(u.u16()));
                let (scale_mode, mask) = (ScaleMode(u.u8()), raw_mask(&mut u));
                u.done();
                let (src, mask) = (self.src(src)?, self.mask(mask)?);
                match kind {
                    3 => Op::Copy { src, src_area, rop, scale_mode, mask },
                    _ => Op::Blend { src, src_area, rop, scale_mode, mask },
                }
            }
            4 => Op::CopyBits { src_pos: fields!(8).point() },
            6..=8 => {
                let mask = raw_mask(&mut fields!(17));
                let mask = self.mask(mask)?;
                match kind {
                    6 => Op::Blackness { mask },
                    7 => Op::Whiteness { mask },
                    _ => Op::Invers { mask },
                }
            }
            9 => {
                let mut u = fields!(63);
                let (src, src_area, brush) = (u.u64(), u.rect(), raw_brush(&mut u));
                let (rop3, scale_mode, mask) = (u.u8(), ScaleMode(u.u8()), raw_mask(&mut u));
                u.done();
                Op::Rop3 {
                    src: self.src(src)?,
                    src_area,
                    brush: self.brush(address, brush)?,
                    rop3,
                    scale_mode,
                    mask: self.mask(mask)?,
                }
            }
            10 => {
                let mut u = fields!(52);
                let path = u.u64();
                let (flags, _join_style, _end_style, count) = (u.u8(), u.u8(), u.u8(), u.u8());
                let (_width, _miter_limit, style) = (u.i32(), u.i32(), u.u64());
                let (brush, fore_mode, back_mode) = (raw_brush(&mut u), Ropd(u.u16()), Ropd(u.u16()));
                u.done();
                Op::Stroke {
                    path: self.path(path)?,
                    attr: self.line_attr(flags, count, style)?,
                    brush: self.brush(address, brush)?,
                    fore_mode,
                    back_mode,
                }
            }
            11 => {
                let mut u = fields!(68);
                let (str, back_area) = (u.u64(), u.rect());
                let (fore_brush, back_brush) = (raw_brush(&mut u), raw_brush(&mut u));
                let (fore_mode, back_mode) = (Ropd(u.u16()), Ropd(u.u16()));
                u.done();
                Op::Text {
                    str: self.string(str)?,
                    back_area,
                    fore_brush: self.brush(address, fore_brush)?,
                    back_brush: self.brush(address, back_brush)?,
                    fore_mode,
                    back_mode,
                }
            }
            12 => {
                let mut u = fields!(32);
                let (src, src_area, src_color, true_color) = (u.u64(), u.rect(), u.u32(), u.u32());
                u.done();
                Op::Transparent { src: self.src(src)?, src_area, src_color, true_color }
            }
            13 if self.compat => {
                let mut u = fields!(25);
                let (alpha, src, src_area) = (u.u8(), u.u64(), u.rect());
                u.done();
                Op::AlphaBlend { alpha_flags: 0, alpha, src: self.src(src)?, src_area }
            }
            13 => {
                let mut u = fields!(27);
                // Sixteen bits wide in the device, of which the protocol carries eight.
                let (alpha_flags, alpha, src, src_area) = (u.u16() as u8, u.u8(), u.u64(), u.rect());
                u.done();
                Op::AlphaBlend { alpha_flags, alpha, src: self.src(src)?, src_area }
            }
            14 if !self.compat => {
                let mut u = fields!(44);
                let (flags, src, src_transform) = (u.u32(), u.u64(), u.u64());
                let (mask, mask_transform) = (u.u64(), u.u64());
                let (src_origin, mask_origin) = (u.point16(), u.point16());
                u.done();
                Op::Composite(Box::new(Composite {
                    flags,
                    src: self.image("u.composite.src", src)?,
                    src_transform: self.transform("u.composite.src_transform", src_transform)?,
                    mask: self.image("u.composite.mask", mask)?,
                    mask_transform: self.transform("u.composite.mask_transform", mask_transform)?,
                    src_origin,
                    mask_origin,
                }))
            }
            kind => {
                return self.fail(what.structure, "type", address, Fault::Unknown { value: kind.into() });
            }
        })
    }

    fn src(&mut self, address: u64) -> Res<Option<Image>> {
        self.image("src_bitmap", address)
    }

    fn brush(&mut self, drawable: u64, brush: RawBrush) -> Res<Brush> {
        match brush {
            RawBrush::None => Ok(Brush::None),
            RawBrush::Solid(color) => Ok(Brush::Solid(self.color(color))),
            RawBrush::Pattern(address, pos) => {
                Ok(Brush::Pattern { image: self.image("brush.u.pattern.pat", address)?.map(Box::new), pos })
            }
            RawBrush::Unknown(value) => self.fail("QXLBrush", "type", drawable, Fault::Unknown { value }),
        }
    }

    fn mask(&mut self, (flags, pos, address): (u8, crate::qxl::Point, u64)) -> Res<QMask> {
        Ok(QMask { flags, pos, image: self.image("mask.bitmap", address)?.map(Box::new) })
    }

    fn image(&mut self, field: &'static str, address: u64) -> Res<Option<Image>> {
        if address == 0 {
            return Ok(None);
        }
        let what = What { structure: "QXLImage", field };
        let (head, place) = self.read::<18>(what, address)?;
        let mut head = Fields::new(head);
        let (id, kind, flags, width, height) = (head.u64(), head.u8(), head.u8(), head.u32(), head.u32());
        head.done();
        let data = match kind {
            image_type::BITMAP => {
                let fields = Fields::new(self.next::<30>(what, place)?.0);
                ImageData::Bitmap(self.bitmap(address, fields)?)
            }
            image_type::QUIC => {
                let what = What { field: "quic.data", ..what };
                let (size, place) = self.next::<4>(what, place)?;
                let size = u64::from(u32::from_le_bytes(size));
                ImageData::Quic(self.inline_chunks(what, place, Some(size))?.into())
            }
            image_type::SURFACE => ImageData::Surface(u32::from_le_bytes(self.next(what, place)?.0)),
            kind => {
                let fault = Fault::Unknown { value: kind.into() };
                return self.fail(what.structure, "descriptor.type", address, fault);
            }
        };
        Ok(Some(Image { id, flags, width, height, data }))
    }

    fn bitmap(&mut self, image: u64, mut u: Fields<30>) -> Res<Bitmap> {
        let (number, flags, width, height) = (u.u8(), u.u8(), u.u32(), u.u32());
        let (stride, palette, address) = (u.u32(), u.u64(), u.u64());
        u.done();
        let Some(format) = BitmapFormat::from_number(number.into()) else {
            let fault = Fault::Unknown { value: number.into() };
            return self.fail("QXLBitmap", "format", image, fault);
        };
        let palette = if palette == 0 { None } else { Some(Arc::new(self.palette(palette)?)) };
        let size = u64::from(stride) * u64::from(height);
        let what = What { structure: "QXLBitmap", field: "data" };
        let mut chunks = Vec::new();
        let data = match flags & Bitmap::DIRECT {
            0 => self.chunks_at(what, address, Some(size), Some(&mut chunks))?,
            _ => self.flat(what, address, size)?,
        };
        Ok(Bitmap { format, flags, width, height, stride, palette, data: data.into(), chunks })
    }

    fn palette(&mut self, address: u64) -> Res<Palette> {
        const PALETTE: What = What { structure: "QXLPalette", field: "bitmap.palette" };
        let (head, place) = self.read::<10>(PALETTE, address)?;
        let mut head = Fields::new(head);
        let (unique, count) = (head.u64(), head.u16());
        head.done();
        let mut entries = Vec::new();
        let place = self.after(PALETTE, place, 4 * u64::from(count))?;
        self.append(PALETTE, place, &mut entries)?;
        let entries = blob::words(&entries).map(|entry| self.color(entry as u32)).collect();
        Ok(Palette { unique, entries })
    }

    fn path(&mut self, address: u64) -> Res<Vec<PathSegment>> {
        const PATH: What = What { structure: "QXLPath", field: "u.stroke.path" };
        // Its data_size is what the guest says; the chunks say what it really gives.
        let (_, place) = self.read::<4>(PATH, address)?;
        let blob = self.inline_chunks(PATH, place, None)?;
        self.listed(PATH, address, blob::path(&blob, self.limits.max_points))
    }

    fn line_attr(&mut self, flags: u8, count: u8, address: u64) -> Res<LineAttr> {
        let mut style = Vec::new();
        if flags & LineAttr::STYLED != 0 && count > 0 {
            let what = What { structure: "QXLLineAttr", field: "u.stroke.attr.style" };
            style = blob::words(&self.flat(what, address, 4 * u64::from(count))?).collect();
        }
        Ok(LineAttr { flags, style })
    }

    fn string(&mut self, address: u64) -> Res<Str> {
        const STRING: What = What { structure: "QXLString", field: "u.text.str" };
        let (head, place) = self.read::<8>(STRING, address)?;
        let mut head = Fields::new(head);
        // The flags are sixteen bits wide in the device, of which the protocol carries eight.
        let (size, count, flags) = (head.u32(), head.u16(), head.u16() as u8);
        head.done();
        let blob = Bytes::from(self.inline_chunks(STRING, place, Some(size.into()))?);
        self.listed(STRING, address, blob::string(&blob, count, flags))
    }

    fn transform(&mut self, field: &'static str, address: u64) -> Res<Option<Transform>> {
        if address == 0 {
            return Ok(None);
        }
        let mut t = Fields::new(self.read::<24>(What { structure: "QXLTransform", field }, address)?.0);
        Ok(Some([t.i32(), t.i32(), t.i32(), t.i32(), t.i32(), t.i32()]))
    }
}
