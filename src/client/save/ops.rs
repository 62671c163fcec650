//! Drawing commands among the fields: the whole vocabulary, whatever stands for their images.

use super::fields::{In, Out};
use super::{RestoreError, Result};
use crate::qxl::{
    Brush, Clip, Composite, Drawable, Glyph, LineAttr, Op, OpKind, PathSegment, Point, QMask, Ropd,
    ScaleMode, Str, SurfaceDeps,
};
use bytes::Bytes;

/// Lengths in a dashed line's pattern, as many as a device can name.
const DASHES: usize = 255;
/// Points of a path, or glyphs of a text.
const POINTS: usize = 1 << 20;

const COMMAND: &str = "command";
const BAD: RestoreError = RestoreError::Field { field: COMMAND };

impl Out {
    /// A command; `image` writes its images. What it says of surfaces that it depends on was looked at when it came, and
    /// is left out.
    pub(super) fn drawable<I>(&mut self, drawable: &Drawable<I>, image: &mut impl FnMut(&mut Self, &I)) {
        let Drawable { surface_id, effect, mm_time, bbox, clip, self_bitmap, surface_deps: _, op } = drawable;
        self.u32(*surface_id);
        self.u8(*effect);
        self.u32(*mm_time);
        self.rect(bbox);
        let rects = match clip {
            Clip::None => None,
            Clip::Rects(rects) => Some(rects),
        };
        self.maybe(rects, |out, rects| out.list(rects, Self::rect));
        self.maybe(self_bitmap.as_ref(), Self::rect);
        self.u8(op.kind() as u8);
        self.op(op, image);
    }

    fn op<I>(&mut self, op: &Op<I>, image: &mut impl FnMut(&mut Self, &I)) {
        match op {
            Op::Nop => {}
            Op::Fill { brush, rop, mask } => {
                self.brush(brush, image);
                self.u16(rop.0);
                self.qmask(mask, image);
            }
            Op::Opaque { src, src_area, brush, rop, scale_mode, mask } => {
                self.maybe(src.as_ref(), &mut *image);
                self.rect(src_area);
                self.brush(brush, image);
                self.u16(rop.0);
                self.u8(scale_mode.0);
                self.qmask(mask, image);
            }
            Op::Copy { src, src_area, rop, scale_mode, mask }
            | Op::Blend { src, src_area, rop, scale_mode, mask } => {
                self.maybe(src.as_ref(), &mut *image);
                self.rect(src_area);
                self.u16(rop.0);
                self.u8(scale_mode.0);
                self.qmask(mask, image);
            }
            Op::CopyBits { src_pos } => self.point(src_pos),
            Op::Blackness { mask } | Op::Whiteness { mask } | Op::Invers { mask } => self.qmask(mask, image),
            Op::Rop3 { src, src_area, brush, rop3, scale_mode, mask } => {
                self.maybe(src.as_ref(), &mut *image);
                self.rect(src_area);
                self.brush(brush, image);
                self.u8(*rop3);
                self.u8(scale_mode.0);
                self.qmask(mask, image);
            }
            Op::Stroke { path, attr, brush, fore_mode, back_mode } => {
                self.list(path, |out, segment: &PathSegment| {
                    out.u32(segment.flags);
                    out.list(&segment.points, Self::point);
                });
                self.u8(attr.flags);
                self.list(&attr.style, |out, length: &i32| out.i32(*length));
                self.brush(brush, image);
                self.u16(fore_mode.0);
                self.u16(back_mode.0);
            }
            Op::Text { str, back_area, fore_brush, back_brush, fore_mode, back_mode } => {
                self.u8(str.flags);
                self.list(&str.glyphs, |out, glyph: &Glyph| {
                    out.point(&glyph.render_pos);
                    out.point(&glyph.origin);
                    out.u16(glyph.width);
                    out.u16(glyph.height);
                    out.bytes(&glyph.data);
                });
                self.rect(back_area);
                self.brush(fore_brush, image);
                self.brush(back_brush, image);
                self.u16(fore_mode.0);
                self.u16(back_mode.0);
            }
            Op::Transparent { src, src_area, src_color, true_color } => {
                self.maybe(src.as_ref(), image);
                self.rect(src_area);
                self.u32(*src_color);
                self.u32(*true_color);
            }
            Op::AlphaBlend { alpha_flags, alpha, src, src_area } => {
                self.u8(*alpha_flags);
                self.u8(*alpha);
                self.maybe(src.as_ref(), image);
                self.rect(src_area);
            }
            Op::Composite(c) => {
                let Composite { flags, src, src_transform, mask, mask_transform, src_origin, mask_origin } =
                    &**c;
                self.u32(*flags);
                for (source, transform) in [(src, src_transform), (mask, mask_transform)] {
                    self.maybe(source.as_ref(), &mut *image);
                    self.maybe(transform.as_ref(), |out, t| t.iter().for_each(|n| out.i32(*n)));
                }
                self.point(src_origin);
                self.point(mask_origin);
            }
        }
    }

    fn brush<I>(&mut self, brush: &Brush<I>, image: &mut impl FnMut(&mut Self, &I)) {
        match brush {
            Brush::None => self.u8(0),
            Brush::Solid(colour) => {
                self.u8(1);
                self.u32(*colour);
            }
            Brush::Pattern { image: tile, pos } => {
                self.u8(2);
                self.maybe(tile.as_deref(), image);
                self.point(pos);
            }
        }
    }

    fn qmask<I>(&mut self, mask: &QMask<I>, image: &mut impl FnMut(&mut Self, &I)) {
        self.u8(mask.flags);
        self.point(&mask.pos);
        self.maybe(mask.image.as_deref(), image);
    }
}

impl In<'_> {
    /// The fields of [`Out::drawable`]; `image` reads an image. As a device's commands: well-formed, not yet sensible.
    pub(super) fn drawable<I>(
        &mut self,
        image: &mut impl FnMut(&mut Self) -> Result<I>,
    ) -> Result<Drawable<I>> {
        Ok(Drawable {
            surface_id: self.u32(COMMAND)?,
            effect: self.u8(COMMAND)?,
            mm_time: self.u32(COMMAND)?,
            bbox: self.rect(COMMAND)?,
            clip: match self.maybe(COMMAND, |from| from.list(16, COMMAND, |from| from.rect(COMMAND)))? {
                Some(rects) => Clip::Rects(rects),
                None => Clip::None,
            },
            self_bitmap: self.maybe(COMMAND, |from| from.rect(COMMAND))?,
            surface_deps: SurfaceDeps::default(),
            op: self.any_op(image)?,
        })
    }

    /// Fields are read in the order in which they are written here.
    fn any_op<I>(&mut self, image: &mut impl FnMut(&mut Self) -> Result<I>) -> Result<Op<I>> {
        let kind = usize::from(self.u8(COMMAND)?);
        Ok(match OpKind::ALL.get(kind).copied().ok_or(BAD)? {
            OpKind::Nop => Op::Nop,
            OpKind::Fill => {
                Op::Fill { brush: self.brush(image)?, rop: self.ropd()?, mask: self.qmask(image)? }
            }
            OpKind::Opaque => Op::Opaque {
                src: self.maybe(COMMAND, &mut *image)?,
                src_area: self.rect(COMMAND)?,
                brush: self.brush(image)?,
                rop: self.ropd()?,
                scale_mode: ScaleMode(self.u8(COMMAND)?),
                mask: self.qmask(image)?,
            },
            OpKind::Copy => Op::Copy {
                src: self.maybe(COMMAND, &mut *image)?,
                src_area: self.rect(COMMAND)?,
                rop: self.ropd()?,
                scale_mode: ScaleMode(self.u8(COMMAND)?),
                mask: self.qmask(image)?,
            },
            OpKind::Blend => Op::Blend {
                src: self.maybe(COMMAND, &mut *image)?,
                src_area: self.rect(COMMAND)?,
                rop: self.ropd()?,
                scale_mode: ScaleMode(self.u8(COMMAND)?),
                mask: self.qmask(image)?,
            },
            OpKind::CopyBits => Op::CopyBits { src_pos: self.point(COMMAND)? },
            OpKind::Blackness => Op::Blackness { mask: self.qmask(image)? },
            OpKind::Whiteness => Op::Whiteness { mask: self.qmask(image)? },
            OpKind::Invers => Op::Invers { mask: self.qmask(image)? },
            OpKind::Rop3 => Op::Rop3 {
                src: self.maybe(COMMAND, &mut *image)?,
                src_area: self.rect(COMMAND)?,
                brush: self.brush(image)?,
                rop3: self.u8(COMMAND)?,
                scale_mode: ScaleMode(self.u8(COMMAND)?),
                mask: self.qmask(image)?,
            },
            OpKind::Stroke => Op::Stroke {
                path: self.path()?,
                attr: self.line_attr()?,
                brush: self.brush(image)?,
                fore_mode: self.ropd()?,
                back_mode: self.ropd()?,
            },
            OpKind::Text => Op::Text {
                str: self.str()?,
                back_area: self.rect(COMMAND)?,
                fore_brush: self.brush(image)?,
                back_brush: self.brush(image)?,
                fore_mode: self.ropd()?,
                back_mode: self.ropd()?,
            },
            OpKind::Transparent => Op::Transparent {
                src: self.maybe(COMMAND, image)?,
                src_area: self.rect(COMMAND)?,
                src_color: self.u32(COMMAND)?,
                true_color: self.u32(COMMAND)?,
            },
            OpKind::AlphaBlend => Op::AlphaBlend {
                alpha_flags: self.u8(COMMAND)?,
                alpha: self.u8(COMMAND)?,
                src: self.maybe(COMMAND, image)?,
                src_area: self.rect(COMMAND)?,
            },
            OpKind::Composite => Op::Composite(Box::new(Composite {
                flags: self.u32(COMMAND)?,
                src: self.maybe(COMMAND, &mut *image)?,
                src_transform: self.maybe(COMMAND, Self::transform)?,
                mask: self.maybe(COMMAND, image)?,
                mask_transform: self.maybe(COMMAND, Self::transform)?,
                src_origin: self.point16()?,
                mask_origin: self.point16()?,
            })),
        })
    }

    fn ropd(&mut self) -> Result<Ropd> {
        self.u16(COMMAND).map(Ropd)
    }

    fn transform(&mut self) -> Result<[i32; 6]> {
        let mut transform = [0; 6];
        for number in &mut transform {
            *number = self.i32(COMMAND)?;
        }
        Ok(transform)
    }

    /// A point that a device has sixteen bits a side for.
    fn point16(&mut self) -> Result<Point> {
        let point = self.point(COMMAND)?;
        let fits = [point.x, point.y].into_iter().all(|v| i16::try_from(v).is_ok());
        if fits { Ok(point) } else { Err(BAD) }
    }

    fn brush<I>(&mut self, image: &mut impl FnMut(&mut Self) -> Result<I>) -> Result<Brush<I>> {
        Ok(match self.u8(COMMAND)? {
            0 => Brush::None,
            1 => Brush::Solid(self.u32(COMMAND)?),
            2 => {
                Brush::Pattern { image: self.maybe(COMMAND, image)?.map(Box::new), pos: self.point(COMMAND)? }
            }
            _ => return Err(BAD),
        })
    }

    fn qmask<I>(&mut self, image: &mut impl FnMut(&mut Self) -> Result<I>) -> Result<QMask<I>> {
        Ok(QMask {
            flags: self.u8(COMMAND)?,
            pos: self.point(COMMAND)?,
            image: self.maybe(COMMAND, image)?.map(Box::new),
        })
    }

    fn path(&mut self) -> Result<Vec<PathSegment>> {
        let mut points = 0;
        let path = self.list(8, COMMAND, |from| {
            let flags = from.u32(COMMAND)?;
            let segment = PathSegment { flags, points: from.list(8, COMMAND, |from| from.point(COMMAND))? };
            points += 1 + segment.points.len();
            Ok(segment)
        })?;
        if points <= POINTS { Ok(path) } else { Err(BAD) }
    }

    fn line_attr(&mut self) -> Result<LineAttr> {
        let flags = self.u8(COMMAND)?;
        let style = self.list(4, COMMAND, |from| from.i32(COMMAND))?;
        if style.len() <= DASHES { Ok(LineAttr { flags, style }) } else { Err(BAD) }
    }

    fn str(&mut self) -> Result<Str> {
        let mut str = Str { flags: self.u8(COMMAND)?, glyphs: Vec::new() };
        let depth = u64::from(str.depth().unwrap_or(0));
        str.glyphs = self.list(28, COMMAND, |from| {
            let (render_pos, origin) = (from.point(COMMAND)?, from.point(COMMAND)?);
            let (width, height) = (from.u16(COMMAND)?, from.u16(COMMAND)?);
            let data = Bytes::copy_from_slice(from.bytes(COMMAND)?);
            let needed = (u64::from(width) * depth).div_ceil(8) * u64::from(height);
            if data.len() as u64 != needed {
                return Err(BAD);
            }
            Ok(Glyph { render_pos, origin, width, height, data })
        })?;
        if str.glyphs.len() <= usize::from(u16::MAX) { Ok(str) } else { Err(BAD) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qxl::Image;
    use crate::qxl::testing::{Generator, Rng};
    use std::collections::BTreeSet;

    fn written(drawable: &Drawable, images: &mut Vec<Image>) -> Vec<u8> {
        let mut out = Out::default();
        out.drawable(drawable, &mut |out, image: &Image| {
            out.u32(images.len() as u32);
            images.push(image.clone());
        });
        out.0
    }

    fn read(bytes: &[u8], images: &[Image]) -> Result<(Drawable, usize)> {
        let mut from = In(bytes);
        let drawable = from.drawable(&mut |from| images.get(from.u32("image")? as usize).cloned().ok_or(BAD));
        Ok((drawable?, from.0.len()))
    }

    fn drawables(seed: u64, count: usize) -> impl Iterator<Item = Drawable> {
        let mut generator = Generator::new(Rng(seed));
        (0..count).map(move |_| generator.drawable())
    }

    #[test]
    fn every_command_comes_back() {
        let mut kinds = BTreeSet::new();
        for drawable in drawables(5, 3000) {
            let mut images = Vec::new();
            let bytes = written(&drawable, &mut images);
            assert_eq!(images.len(), drawable.op.images().iter().flatten().count());
            let want = Drawable { surface_deps: SurfaceDeps::default(), ..drawable.clone() };
            assert_eq!(read(&bytes, &images), Ok((want, 0)));
            let cut = read(&bytes[..bytes.len() - 1], &images);
            assert!(matches!(cut, Err(RestoreError::Truncated { .. })), "{cut:?}");
            kinds.insert(drawable.op.kind());
        }
        assert_eq!(kinds.len(), OpKind::ALL.len(), "{kinds:?}");
    }

    /// Whatever the bytes say is refused or is what would be written again.
    #[test]
    fn damaged_commands_are_refused_or_other_commands() {
        let mut rng = Rng::seeded(32);
        let (mut taken, mut refused) = (0, 0);
        for drawable in drawables(6, 3000) {
            let mut images = Vec::new();
            let mut bad = written(&drawable, &mut images);
            for _ in 0..=rng.below(3) {
                let at = rng.below(bad.len() as u32) as usize;
                bad[at] = if rng.one_in(2) { rng.next_u32() as u8 } else { bad[at] ^ 1 << rng.below(8) };
            }
            match read(&bad, &images) {
                Ok((drawable, left)) => {
                    taken += 1;
                    let again = written(&drawable, &mut Vec::new());
                    assert_eq!(again.len(), bad.len() - left);
                }
                Err(RestoreError::Truncated { .. } | RestoreError::Field { .. }) => refused += 1,
                Err(e) => panic!("{e}"),
            }
        }
        assert!(taken > 500 && refused > 300, "{taken} {refused}");
    }
}
