//! Events to recording.

use super::drawable::image_type;
use super::reader::{Record, cmd};
use crate::qxl::{
    Bitmap, Brush, Clip, Command, Composite, CursorCmd, CursorShape, Drawable, Event, Image, ImageData,
    LineAttr, Op, PathSegment, Point, PrimaryCreate, QMask, Rect, Str, SurfaceCmd, SurfaceCreate, SurfaceId,
    Transform, UpdateCmd, WorkerMessage, surface_format_number,
};
use std::io::{self, BufWriter, Write};

/// Writes a recording (`SPICE_REPLAY 1`) that [`Reader`](super::Reader) reads as the same events, and libspice's
/// replay too.
///
/// Drawables are written in their native form; blobs are not deflated. The recording is compressed by whatever
/// it is written to:
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use spice_render::{capture::{Limits, Reader, Writer}, qxl::{Event, WorkerMessage}};
/// let wakeup = Event::Worker(WorkerMessage::Other { number: 2 });
/// let mut writer = Writer::new(zstd::Encoder::new(Vec::new(), 3)?)?;
/// writer.write(1_000, &wakeup)?;
/// let file: Vec<u8> = writer.finish()?.finish()?;
/// let mut reader = Reader::sniffed(&file[..], Limits::default()).unwrap();
/// assert_eq!(reader.next_record().unwrap().unwrap().event, wakeup);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: BufWriter<W>,
    next: u64,
    /// The event being made, so that one that cannot be written leaves nothing behind.
    event: Vec<u8>,
    /// What ends a line; tests also write what a tool in text mode leaves.
    pub(super) eol: &'static [u8],
}

impl<W: Write> Writer<W> {
    /// Begins a recording.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W) -> io::Result<Self> {
        let mut out = BufWriter::new(out);
        out.write_all(b"SPICE_REPLAY 1\n")?;
        Ok(Self { out, next: 0, event: Vec::new(), eol: b"\n" })
    }

    /// Adds an event, numbered one above the last (from 0), at a time in nanoseconds.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if the format cannot say it: lists longer than their counters, data of
    /// another size than its rows take, a cursor without a shape. Nothing of the event is written then.
    /// Otherwise those of the output.
    pub fn write(&mut self, time_ns: u64, event: &Event) -> io::Result<()> {
        self.numbered(self.next, time_ns, event)
    }

    /// Adds a record as it was read, under its own number and time.
    ///
    /// # Errors
    /// Those of [`Writer::write`].
    pub fn write_record(&mut self, record: &Record) -> io::Result<()> {
        self.numbered(record.number, record.time_ns, &record.event)
    }

    /// Ends the recording and gives what it was written to, which may itself want to be finished.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(self) -> io::Result<W> {
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }

    fn numbered(&mut self, number: u64, time_ns: u64, event: &Event) -> io::Result<()> {
        self.event.clear();
        let mut text = Text { out: &mut self.event, eol: self.eol };
        text.event(number, time_ns, event)?;
        self.out.write_all(&self.event)?;
        self.next = number.wrapping_add(1);
        Ok(())
    }
}

/// An event that the format has no words for.
#[cold]
fn refuse<T>(why: &'static str) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// The format's own sizes are 32 bits or less.
fn count(len: usize, most: u32, why: &'static str) -> io::Result<u32> {
    match u32::try_from(len) {
        Ok(len) if len <= most => Ok(len),
        _ => refuse(why),
    }
}

struct Text<'a> {
    out: &'a mut Vec<u8>,
    eol: &'static [u8],
}

impl Text<'_> {
    fn line(&mut self, line: std::fmt::Arguments<'_>) -> io::Result<()> {
        self.out.write_fmt(line)?;
        self.out.extend_from_slice(self.eol);
        Ok(())
    }

    /// `name NUMBER`, signed as recorders print all 32-bit numbers.
    fn int(&mut self, name: &str, value: impl Into<i64>) -> io::Result<()> {
        self.line(format_args!("{name} {}", value.into()))
    }

    fn u32(&mut self, name: &str, value: u32) -> io::Result<()> {
        self.int(name, value as i32)
    }

    fn rect(&mut self, name: &str, r: &Rect) -> io::Result<()> {
        self.line(format_args!("rect {name} {} {} {} {}", r.top, r.left, r.bottom, r.right))
    }

    fn point(&mut self, p: &Point) -> io::Result<()> {
        self.line(format_args!("point {} {}", p.x, p.y))
    }

    fn point16(&mut self, name: &str, p: &Point) -> io::Result<()> {
        if i16::try_from(p.x).is_err() || i16::try_from(p.y).is_err() {
            return refuse("a point of 16-bit coordinates lies beyond them");
        }
        self.line(format_args!("{name} {} {}", p.x, p.y))
    }

    fn blob(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        write!(self.out, "binary 0 {name} {}:", data.len())?;
        self.out.extend_from_slice(data);
        self.out.extend_from_slice(self.eol);
        Ok(())
    }

    fn chunks(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        self.line(format_args!("data_chunks 0 {}", data.len()))?;
        self.blob(name, data)
    }

    fn event(&mut self, number: u64, time_ns: u64, event: &Event) -> io::Result<()> {
        match event {
            Event::Command(command) => {
                let kind = match command {
                    Command::Nop => cmd::NOP,
                    Command::Drawable(_) => cmd::DRAW,
                    Command::Update(_) => cmd::UPDATE,
                    Command::Cursor(_) => cmd::CURSOR,
                    Command::Message(_) => cmd::MESSAGE,
                    Command::Surface(_) => cmd::SURFACE,
                };
                self.line(format_args!("event {number} 0 {kind} {time_ns}"))?;
                match command {
                    Command::Nop => Ok(()),
                    Command::Drawable(drawable) => self.drawable(drawable),
                    Command::Update(update) => self.update(update),
                    Command::Cursor(cursor) => self.cursor(cursor),
                    Command::Message(text) => self.blob("message", text),
                    Command::Surface(surface) => self.surface(surface),
                }
            }
            Event::Worker(message) => {
                let (WorkerMessage::CreatePrimary { number: kind, .. }
                | WorkerMessage::DestroyPrimary { number: kind }
                | WorkerMessage::DestroySurfaces { number: kind }
                | WorkerMessage::Other { number: kind }) = message;
                self.line(format_args!("event {number} 1 {kind} {time_ns}"))?;
                // The number alone tells a reader what it is and what follows.
                let same = match message {
                    WorkerMessage::CreatePrimary { surface, .. } => {
                        self.primary(surface)?;
                        matches!(kind, 20 | 29)
                    }
                    WorkerMessage::DestroyPrimary { .. } => matches!(kind, 21 | 30),
                    WorkerMessage::DestroySurfaces { .. } => matches!(kind, 19 | 28),
                    WorkerMessage::Other { .. } => !matches!(kind, 19..=21 | 28..=30),
                };
                if same { Ok(()) } else { refuse("a worker message bears the number of another") }
            }
        }
    }

    fn rows(&self, data: &[u8], stride: u32, height: u32) -> io::Result<()> {
        if data.len() as u64 != u64::from(stride) * u64::from(height) {
            return refuse("pixel data is not stride times height");
        }
        Ok(())
    }

    fn primary(&mut self, s: &PrimaryCreate) -> io::Result<()> {
        if !s.data.is_empty() {
            self.rows(&s.data, s.stride.unsigned_abs(), s.height)?;
        }
        let format = surface_format_number(s.format);
        self.line(format_args!("{} {} {} {format}", s.width as i32, s.height as i32, s.stride))?;
        self.line(format_args!(
            "{} {} {} {}",
            s.position as i32, s.mouse_mode as i32, s.flags as i32, s.kind as i32
        ))?;
        self.blob("data", &s.data)
    }

    fn update(&mut self, update: &UpdateCmd) -> io::Result<()> {
        self.line(format_args!("update"))?;
        self.rect("area", &update.area)?;
        self.u32("update_id", update.update_id)?;
        self.u32("surface_id", update.surface_id)
    }

    fn surface_head(&mut self, surface_id: SurfaceId, kind: u8, flags: u32) -> io::Result<()> {
        self.line(format_args!("surface_cmd"))?;
        self.u32("surface_id", surface_id)?;
        self.int("type", kind)?;
        self.u32("flags", flags)
    }

    fn surface(&mut self, surface: &SurfaceCmd) -> io::Result<()> {
        let create = match surface {
            SurfaceCmd::Create(create) => create,
            SurfaceCmd::Destroy { surface_id, flags } => return self.surface_head(*surface_id, 1, *flags),
        };
        self.surface_head(create.surface_id, 0, create.flags)?;
        self.u32("u.surface_create.format", surface_format_number(create.format))?;
        self.u32("u.surface_create.width", create.width)?;
        self.u32("u.surface_create.height", create.height)?;
        self.int("u.surface_create.stride", create.stride)?;
        match (&create.data, create.flags & SurfaceCreate::KEEP_DATA != 0) {
            (Some(data), true) => {
                self.rows(data, create.stride.unsigned_abs(), create.height)?;
                self.blob("data", data)
            }
            (None, false) => Ok(()),
            _ => refuse("a surface's data and its KEEP_DATA flag disagree"),
        }
    }

    fn cursor(&mut self, cursor: &CursorCmd) -> io::Result<()> {
        self.line(format_args!("cursor_cmd"))?;
        match cursor {
            CursorCmd::Set { position, visible, shape } => {
                self.int("type", 0)?;
                self.point16("point16", position)?;
                self.int("u.set.visible", *visible)?;
                match shape {
                    Some(shape) => self.cursor_shape(shape),
                    None => refuse("a cursor is set without a shape"),
                }
            }
            CursorCmd::Move { position } => {
                self.int("type", 1)?;
                self.point16("point16", position)
            }
            CursorCmd::Hide => self.int("type", 2),
            CursorCmd::Trail { length, frequency } => {
                self.int("type", 3)?;
                self.int("u.trail.length", *length)?;
                self.int("u.trail.frequency", *frequency)
            }
        }
    }

    fn cursor_shape(&mut self, shape: &CursorShape) -> io::Result<()> {
        self.line(format_args!("header.unique {}", shape.unique))?;
        self.int("header.type", shape.kind)?;
        self.int("header.width", shape.width)?;
        self.int("header.height", shape.height)?;
        self.int("header.hot_spot_x", shape.hot_spot_x)?;
        self.int("header.hot_spot_y", shape.hot_spot_y)?;
        self.u32("data_size", count(shape.data.len(), u32::MAX, "a cursor has too much data")?)?;
        self.chunks("cursor", &shape.data)
    }

    fn drawable(&mut self, drawable: &Drawable) -> io::Result<()> {
        self.line(format_args!("drawable"))?;
        self.rect("bbox", &drawable.bbox)?;
        match &drawable.clip {
            Clip::None => self.int("type", 0)?,
            Clip::Rects(rects) => {
                self.int("type", 1)?;
                self.u32("num_rects", count(rects.len(), u32::MAX, "a clip list is too long")?)?;
                let words = rects.iter().flat_map(|r| [r.top, r.left, r.bottom, r.right]);
                self.chunks("clip_rects", &words.flat_map(i32::to_le_bytes).collect::<Vec<_>>())?;
            }
        }
        self.int("effect", drawable.effect)?;
        self.u32("mm_time", drawable.mm_time)?;
        self.int("self_bitmap", drawable.self_bitmap.is_some())?;
        self.rect("self_bitmap_area", &drawable.self_bitmap.unwrap_or_default())?;
        self.u32("surface_id", drawable.surface_id)?;
        for dep in &drawable.surface_deps.places() {
            match dep {
                Some(dep) if dep.surface_id == u32::MAX => return refuse("surface id -1 means no surface"),
                Some(dep) => {
                    self.u32("surfaces_dest", dep.surface_id)?;
                    self.rect("surfaces_rects", &dep.rect)?;
                }
                None => {
                    self.int("surfaces_dest", -1)?;
                    self.rect("surfaces_rects", &Rect::default())?;
                }
            }
        }
        self.int("type", drawable.op.kind() as u8)?;
        self.op(&drawable.op)
    }

    fn op(&mut self, op: &Op) -> io::Result<()> {
        match op {
            Op::Nop => Ok(()),
            Op::Fill { brush, rop, mask } => {
                self.brush(brush)?;
                self.int("rop_descriptor", rop.0)?;
                self.qmask(mask)
            }
            Op::Opaque { src, src_area, brush, rop, scale_mode, mask } => {
                self.image(src.as_ref())?;
                self.rect("src_area", src_area)?;
                self.brush(brush)?;
                self.int("rop_descriptor", rop.0)?;
                self.int("scale_mode", scale_mode.0)?;
                self.qmask(mask)
            }
            Op::Copy { src, src_area, rop, scale_mode, mask }
            | Op::Blend { src, src_area, rop, scale_mode, mask } => {
                self.image(src.as_ref())?;
                self.rect("src_area", src_area)?;
                self.int("rop_descriptor", rop.0)?;
                self.int("scale_mode", scale_mode.0)?;
                self.qmask(mask)
            }
            Op::CopyBits { src_pos } => self.point(src_pos),
            Op::Blackness { mask } | Op::Whiteness { mask } | Op::Invers { mask } => self.qmask(mask),
            Op::Rop3 { src, src_area, brush, rop3, scale_mode, mask } => {
                self.image(src.as_ref())?;
                self.rect("src_area", src_area)?;
                self.brush(brush)?;
                self.int("rop3", *rop3)?;
                self.int("scale_mode", scale_mode.0)?;
                self.qmask(mask)
            }
            Op::Stroke { path, attr, brush, fore_mode, back_mode } => {
                self.path(path)?;
                self.line_attr(attr)?;
                self.brush(brush)?;
                self.int("fore_mode", fore_mode.0)?;
                self.int("back_mode", back_mode.0)
            }
            Op::Text { str, back_area, fore_brush, back_brush, fore_mode, back_mode } => {
                self.string(str)?;
                self.rect("back_area", back_area)?;
                self.brush(fore_brush)?;
                self.brush(back_brush)?;
                self.int("fore_mode", fore_mode.0)?;
                self.int("back_mode", back_mode.0)
            }
            Op::Transparent { src, src_area, src_color, true_color } => {
                self.image(src.as_ref())?;
                self.rect("src_area", src_area)?;
                self.u32("src_color", *src_color)?;
                self.u32("true_color", *true_color)
            }
            Op::AlphaBlend { alpha_flags, alpha, src, src_area } => {
                self.int("alpha_flags", *alpha_flags)?;
                self.int("alpha", *alpha)?;
                self.image(src.as_ref())?;
                self.rect("src_area", src_area)
            }
            Op::Composite(composite) => self.composite(composite),
        }
    }

    fn brush(&mut self, brush: &Brush) -> io::Result<()> {
        match brush {
            Brush::None => self.int("type", 0),
            Brush::Solid(color) => {
                self.int("type", 1)?;
                self.u32("u.color", *color)
            }
            Brush::Pattern { image, pos } => {
                self.int("type", 2)?;
                self.image(image.as_deref())?;
                self.point(pos)
            }
        }
    }

    fn qmask(&mut self, mask: &QMask) -> io::Result<()> {
        self.int("flags", mask.flags)?;
        self.point(&mask.pos)?;
        self.image(mask.image.as_deref())
    }

    fn image(&mut self, image: Option<&Image>) -> io::Result<()> {
        self.int("image", image.is_some())?;
        let Some(image) = image else { return Ok(()) };
        let kind = match image.data {
            ImageData::Bitmap(_) => image_type::BITMAP,
            ImageData::Quic(_) => image_type::QUIC,
            ImageData::Surface(_) => image_type::SURFACE,
        };
        self.line(format_args!("descriptor.id {}", image.id))?;
        self.int("descriptor.type", kind)?;
        self.int("descriptor.flags", image.flags)?;
        self.u32("descriptor.width", image.width)?;
        self.u32("descriptor.height", image.height)?;
        match &image.data {
            ImageData::Bitmap(bitmap) => self.bitmap(bitmap),
            ImageData::Quic(data) => {
                self.u32("quic.data_size", count(data.len(), u32::MAX, "a QUIC image is too large")?)?;
                self.chunks("quic.data", data)
            }
            ImageData::Surface(id) => self.u32("surface_image.surface_id", *id),
        }
    }

    fn bitmap(&mut self, bitmap: &Bitmap) -> io::Result<()> {
        let data = bitmap.data.bytes()?;
        self.rows(&data, bitmap.stride, bitmap.height)?;
        self.int("bitmap.format", bitmap.format as u8)?;
        self.int("bitmap.flags", bitmap.flags)?;
        self.u32("bitmap.x", bitmap.width)?;
        self.u32("bitmap.y", bitmap.height)?;
        self.u32("bitmap.stride", bitmap.stride)?;
        self.int("has_palette", bitmap.palette.is_some())?;
        if let Some(palette) = &bitmap.palette {
            self.int("qp.num_ents", count(palette.entries.len(), 0xffff, "a palette is too long")?)?;
            self.line(format_args!("unique {}", palette.unique))?;
            for entry in &palette.entries {
                self.u32("ents", *entry)?;
            }
        }
        if bitmap.flags & Bitmap::DIRECT != 0 {
            if !bitmap.chunks.is_empty() {
                return refuse("a bitmap in one piece has chunks");
            }
            return self.blob("image_data_flat", &data);
        }
        if bitmap.chunks.is_empty() {
            return self.chunks("bitmap.data", &data);
        }
        let more = bitmap.chunks.len() - 1;
        self.line(format_args!("data_chunks {more} {}", data.len()))?;
        let mut rest = &data[..];
        for &size in &bitmap.chunks {
            let Some((chunk, tail)) = rest.split_at_checked(size as usize) else {
                return refuse("a bitmap's chunks are more than its data");
            };
            self.blob("bitmap.data", chunk)?;
            rest = tail;
        }
        if rest.is_empty() && more > 0 { Ok(()) } else { refuse("a bitmap's chunks are less than its data") }
    }

    fn path(&mut self, path: &[PathSegment]) -> io::Result<()> {
        let mut blob = Vec::new();
        for segment in path {
            blob.extend(segment.flags.to_le_bytes());
            blob.extend(count(segment.points.len(), u32::MAX, "a path is too long")?.to_le_bytes());
            blob.extend(segment.points.iter().flat_map(|p| [p.x, p.y]).flat_map(i32::to_le_bytes));
        }
        self.chunks("path", &blob)
    }

    fn line_attr(&mut self, attr: &LineAttr) -> io::Result<()> {
        self.int("attr.flags", attr.flags)?;
        if attr.flags & LineAttr::STYLED != 0 {
            self.int("attr.style_nseg", count(attr.style.len(), 0xff, "a line style is too long")?)?;
            let blob: Vec<_> = attr.style.iter().copied().flat_map(i32::to_le_bytes).collect();
            return self.blob("style", &blob);
        }
        if attr.style.is_empty() { Ok(()) } else { refuse("a line style without the STYLED flag") }
    }

    fn string(&mut self, str: &Str) -> io::Result<()> {
        let depth = u64::from(str.depth().unwrap_or(0));
        let mut blob = Vec::new();
        for glyph in &str.glyphs {
            let words = [glyph.render_pos.x, glyph.render_pos.y, glyph.origin.x, glyph.origin.y];
            blob.extend(words.into_iter().flat_map(i32::to_le_bytes));
            blob.extend(glyph.width.to_le_bytes());
            blob.extend(glyph.height.to_le_bytes());
            let size = (u64::from(glyph.width) * depth).div_ceil(8) * u64::from(glyph.height);
            if glyph.data.len() as u64 != size {
                return refuse("a glyph's raster is not its rows");
            }
            blob.extend_from_slice(&glyph.data);
        }
        self.u32("data_size", count(blob.len(), u32::MAX, "a string has too much data")?)?;
        self.int("length", count(str.glyphs.len(), 0xffff, "a string has too many glyphs")?)?;
        self.int("flags", str.flags)?;
        self.chunks("string", &blob)
    }

    fn composite(&mut self, c: &Composite) -> io::Result<()> {
        self.u32("flags", c.flags)?;
        self.image(c.src.as_ref())?;
        self.transform("src_transform", c.src_transform.as_ref())?;
        self.int("mask", c.mask.is_some())?;
        if c.mask.is_some() {
            self.image(c.mask.as_ref())?;
        }
        self.transform("mask_transform", c.mask_transform.as_ref())?;
        self.point16("src_origin", &c.src_origin)?;
        self.point16("mask_origin", &c.mask_origin)
    }

    fn transform(&mut self, name: &str, transform: Option<&Transform>) -> io::Result<()> {
        self.int(name, transform.is_some())?;
        match transform {
            Some(t) => {
                self.blob("transform", &t.iter().copied().flat_map(i32::to_le_bytes).collect::<Vec<_>>())
            }
            None => Ok(()),
        }
    }
}
