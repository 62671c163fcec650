//! Drawables and their parts, as the recording writes them.

use super::error::ErrorKind;
use super::input::blobs::Room;
use super::input::{Input, Res};
use crate::qxl::blob::{self, BlobError};
use crate::qxl::{
    Bitmap, BitmapFormat, Brush, Clip, Composite, Drawable, Image, ImageData, LineAttr, Op, Palette,
    PathSegment, Point, QMask, Rect, Ropd, ScaleMode, Str, SurfaceDep, SurfaceDeps, Transform,
};
use bytes::Bytes;
use std::io::Read;
use std::sync::Arc;

/// `SPICE_IMAGE_TYPE_*` that QXL devices use.
pub(super) mod image_type {
    pub(crate) const BITMAP: u8 = 0;
    pub(crate) const QUIC: u8 = 1;
    pub(crate) const SURFACE: u8 = 104;
}

impl<R: Read> Input<R> {
    /// `line`, which ends in a space, then the numbers top, left, bottom and right.
    #[inline]
    pub(super) fn rect(&mut self, line: &'static str) -> Res<Rect> {
        self.word(line)?;
        self.rect_numbers(line)
    }

    fn rect_numbers(&mut self, line: &'static str) -> Res<Rect> {
        let top = self.number_i32(line)?;
        self.space(line)?;
        let left = self.number_i32(line)?;
        self.space(line)?;
        let bottom = self.number_i32(line)?;
        self.space(line)?;
        let right = self.number_i32(line)?;
        self.eol(line)?;
        Ok(Rect { left, top, right, bottom })
    }

    fn point(&mut self) -> Res<Point> {
        self.word("point ")?;
        let x = self.number_i32("point")?;
        self.space("point")?;
        let y = self.number_i32("point")?;
        self.eol("point")?;
        Ok(Point { x, y })
    }

    pub(super) fn drawable(&mut self) -> Res<Drawable> {
        self.title("drawable")?;
        let bbox = self.rect("rect bbox ")?;
        let clip = self.clip()?;
        let effect = self.u8("effect")?;
        let mm_time = self.u32("mm_time")?;
        // Guests of version 0.4 have another structure; the recording does not say so but its fields differ.
        let compat = self.looking_at("bitmap_offset")?;
        let (has_self_bitmap, area, surface_id, surface_deps);
        if compat {
            has_self_bitmap = self.flag("bitmap_offset")?;
            area = self.rect("rect bitmap_area ")?;
            (surface_id, surface_deps) = (0, SurfaceDeps::default());
        } else {
            has_self_bitmap = self.flag("self_bitmap")?;
            area = self.rect("rect self_bitmap_area ")?;
            surface_id = self.u32("surface_id")?;
            surface_deps = SurfaceDeps::new([self.surface_dep()?, self.surface_dep()?, self.surface_dep()?]);
        }
        let self_bitmap = has_self_bitmap.then_some(area);
        let op = self.op(compat)?;
        Ok(Drawable { surface_id, effect, mm_time, bbox, clip, self_bitmap, surface_deps, op })
    }

    #[inline]
    fn surface_dep(&mut self) -> Res<Option<SurfaceDep>> {
        let surface_id = self.u32("surfaces_dest")?;
        let rect = self.rect("rect surfaces_rects ")?;
        Ok((surface_id != u32::MAX).then_some(SurfaceDep { surface_id, rect }))
    }

    fn op(&mut self, compat: bool) -> Res<Op> {
        let at = self.offset();
        Ok(match self.u8("type")? {
            0 => Op::Nop,
            1 => Op::Fill { brush: self.brush()?, rop: self.ropd("rop_descriptor")?, mask: self.qmask()? },
            2 => Op::Opaque {
                src: self.image()?,
                src_area: self.rect("rect src_area ")?,
                brush: self.brush()?,
                rop: self.ropd("rop_descriptor")?,
                scale_mode: self.scale_mode()?,
                mask: self.qmask()?,
            },
            3 => Op::Copy {
                src: self.image()?,
                src_area: self.rect("rect src_area ")?,
                rop: self.ropd("rop_descriptor")?,
                scale_mode: self.scale_mode()?,
                mask: self.qmask()?,
            },
            4 => Op::CopyBits { src_pos: self.point()? },
            5 => Op::Blend {
                src: self.image()?,
                src_area: self.rect("rect src_area ")?,
                rop: self.ropd("rop_descriptor")?,
                scale_mode: self.scale_mode()?,
                mask: self.qmask()?,
            },
            6 => Op::Blackness { mask: self.qmask()? },
            7 => Op::Whiteness { mask: self.qmask()? },
            8 => Op::Invers { mask: self.qmask()? },
            9 => Op::Rop3 {
                src: self.image()?,
                src_area: self.rect("rect src_area ")?,
                brush: self.brush()?,
                rop3: self.u8("rop3")?,
                scale_mode: self.scale_mode()?,
                mask: self.qmask()?,
            },
            10 => Op::Stroke {
                path: self.path()?,
                attr: self.line_attr()?,
                brush: self.brush()?,
                fore_mode: self.ropd("fore_mode")?,
                back_mode: self.ropd("back_mode")?,
            },
            11 => Op::Text {
                str: self.string()?,
                back_area: self.rect("rect back_area ")?,
                fore_brush: self.brush()?,
                back_brush: self.brush()?,
                fore_mode: self.ropd("fore_mode")?,
                back_mode: self.ropd("back_mode")?,
            },
            12 => Op::Transparent {
                src: self.image()?,
                src_area: self.rect("rect src_area ")?,
                src_color: self.u32("src_color")?,
                true_color: self.u32("true_color")?,
            },
            13 => Op::AlphaBlend {
                // Sixteen bits wide in the device, of which the protocol carries eight.
                alpha_flags: if compat { 0 } else { self.u16("alpha_flags")? as u8 },
                alpha: self.u8("alpha")?,
                src: self.image()?,
                src_area: self.rect("rect src_area ")?,
            },
            14 if !compat => Op::Composite(Box::new(self.composite()?)),
            kind => return self.unknown(at, "type", kind),
        })
    }

    #[inline]
    fn ropd(&mut self, field: &'static str) -> Res<Ropd> {
        Ok(Ropd(self.u16(field)?))
    }

    #[inline]
    fn scale_mode(&mut self) -> Res<ScaleMode> {
        Ok(ScaleMode(self.u8("scale_mode")?))
    }

    fn clip(&mut self) -> Res<Clip> {
        let at = self.offset();
        match self.u32("type")? {
            0 => Ok(Clip::None),
            1 => {
                let at = self.offset();
                let count = self.u32("num_rects")?;
                if count > self.limits.max_clip_rects {
                    let (value, limit) = (count.into(), self.limits.max_clip_rects.into());
                    return self.bad_at(at, "num_rects", ErrorKind::Limit { value, limit });
                }
                let rects = blob::clip_rects(&self.chunks("clip_rects")?, count);
                Ok(Clip::Rects(self.listed(at, "clip_rects", rects)?))
            }
            kind => self.unknown(at, "type", kind),
        }
    }

    fn brush(&mut self) -> Res<Brush> {
        let at = self.offset();
        Ok(match self.u32("type")? {
            0 => Brush::None,
            1 => Brush::Solid(self.u32("u.color")?),
            2 => Brush::Pattern { image: self.image()?.map(Box::new), pos: self.point()? },
            kind => return self.unknown(at, "type", kind),
        })
    }

    fn qmask(&mut self) -> Res<QMask> {
        Ok(QMask { flags: self.u8("flags")?, pos: self.point()?, image: self.image()?.map(Box::new) })
    }

    fn image(&mut self) -> Res<Option<Image>> {
        if !self.flag("image")? {
            return Ok(None);
        }
        let id = self.u64("descriptor.id")?;
        let at = self.offset();
        let kind = self.u8("descriptor.type")?;
        let flags = self.u8("descriptor.flags")?;
        let width = self.u32("descriptor.width")?;
        let height = self.u32("descriptor.height")?;
        let data = match kind {
            image_type::BITMAP => ImageData::Bitmap(self.bitmap()?),
            image_type::QUIC => {
                let at = self.offset();
                let expected = u64::from(self.u32("quic.data_size")?);
                let data = self.chunks("quic.data")?;
                self.same_size(at, "quic.data", data.len() as u64, expected)?;
                ImageData::Quic(data.into())
            }
            image_type::SURFACE => ImageData::Surface(self.u32("surface_image.surface_id")?),
            kind => return self.unknown(at, "descriptor.type", kind),
        };
        Ok(Some(Image { id, flags, width, height, data }))
    }

    #[inline]
    fn same_size(&self, at: u64, field: &'static str, found: u64, expected: u64) -> Res<()> {
        if found != expected {
            return self.bad_at(at, field, ErrorKind::Size { found, expected });
        }
        Ok(())
    }

    fn bitmap(&mut self) -> Res<Bitmap> {
        let at = self.offset();
        let number = self.u8("bitmap.format")?;
        let Some(format) = BitmapFormat::from_number(number.into()) else {
            return self.unknown(at, "bitmap.format", number);
        };
        let flags = self.u8("bitmap.flags")?;
        let width = self.u32("bitmap.x")?;
        let height = self.u32("bitmap.y")?;
        let stride = self.u32("bitmap.stride")?;
        let palette = if self.flag("has_palette")? { Some(Arc::new(self.palette()?)) } else { None };
        let at = self.offset();
        let mut chunks = Vec::new();
        let data = if flags & Bitmap::DIRECT != 0 {
            self.bitmap_blob("image_data_flat")?
        } else {
            self.bitmap_chunks("bitmap.data", &mut chunks)?
        };
        self.same_size(at, "bitmap.data", data.len() as u64, u64::from(stride) * u64::from(height))?;
        Ok(Bitmap { format, flags, width, height, stride, palette, data, chunks })
    }

    fn palette(&mut self) -> Res<Palette> {
        let count = self.u16("qp.num_ents")?;
        let unique = self.u64("unique")?;
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(self.u32("ents")?);
        }
        Ok(Palette { unique, entries })
    }

    fn path(&mut self) -> Res<Vec<PathSegment>> {
        let at = self.offset();
        let blob = self.chunks("path")?;
        self.listed(at, "path", blob::path(&blob, self.limits.max_points))
    }

    /// What a blob holds, or what is wrong with it, at the blob's place.
    fn listed<T>(&self, at: u64, field: &'static str, list: Result<T, BlobError>) -> Res<T> {
        match list {
            Ok(list) => Ok(list),
            Err(BlobError::Size { found, expected }) => {
                self.bad_at(at, field, ErrorKind::Size { found, expected })
            }
            Err(BlobError::Count { found, expected }) => {
                self.bad_at(at, "length", ErrorKind::Size { found, expected })
            }
            Err(BlobError::Limit { value, limit }) => {
                self.bad_at(at, field, ErrorKind::Limit { value, limit })
            }
        }
    }

    fn line_attr(&mut self) -> Res<LineAttr> {
        let flags = self.u8("attr.flags")?;
        let mut style = Vec::new();
        if flags & LineAttr::STYLED != 0 {
            let count = u64::from(self.u8("attr.style_nseg")?);
            let at = self.offset();
            let mut blob = Vec::new();
            self.blob("style", &mut blob, Room::Any)?;
            self.same_size(at, "style", blob.len() as u64, 4 * count)?;
            style = blob::words(&blob).collect();
        }
        Ok(LineAttr { flags, style })
    }

    fn string(&mut self) -> Res<Str> {
        let at = self.offset();
        let size = u64::from(self.u32("data_size")?);
        let count = self.u16("length")?;
        // Sixteen bits wide in the device, of which the protocol carries eight.
        let flags = self.u16("flags")? as u8;
        let blob = Bytes::from(self.chunks("string")?);
        self.same_size(at, "string", blob.len() as u64, size)?;
        self.listed(at, "string", blob::string(&blob, count, flags))
    }

    fn composite(&mut self) -> Res<Composite> {
        let flags = self.u32("flags")?;
        let src = self.image()?;
        let src_transform = if self.flag("src_transform")? { Some(self.transform()?) } else { None };
        let mask = if self.flag("mask")? { self.image()? } else { None };
        let mask_transform = if self.flag("mask_transform")? { Some(self.transform()?) } else { None };
        let src_origin = self.point16("src_origin")?;
        let mask_origin = self.point16("mask_origin")?;
        Ok(Composite { flags, src, src_transform, mask, mask_transform, src_origin, mask_origin })
    }

    fn transform(&mut self) -> Res<Transform> {
        let at = self.offset();
        let mut blob = Vec::new();
        self.blob("transform", &mut blob, Room::Any)?;
        self.same_size(at, "transform", blob.len() as u64, 24)?;
        let mut transform = [0; 6];
        for (number, word) in transform.iter_mut().zip(blob::words(&blob)) {
            *number = word;
        }
        Ok(transform)
    }
}
