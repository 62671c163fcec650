//! The other side of the parser, for tests: lays commands out in a guest's memory.

use super::{AddressBits, GuestCommand, GuestMemory, MemSlots, Slot, SlotId};
use crate::qxl::testing::Rng;
use crate::qxl::{
    Bitmap, Brush, Clip, Command, Composite, CursorCmd, CursorShape, Drawable, Image, ImageData, LineAttr,
    Op, Palette, PathSegment, Point, PrimaryCreate, QMask, Rect, Str, SurfaceCmd, SurfaceCreate, SurfaceDeps,
    Transform, UpdateCmd, surface_format_number,
};
use std::convert::Infallible;
use std::sync::Arc;

/// How bulk data are cut into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunking {
    /// As the bitmap says, anything else in one piece.
    AsRecorded,
    /// One byte each, where that is less than 60,000; otherwise as `Odd`.
    Bytes,
    /// Odd sizes, some of them 0.
    Odd,
}

/// The memory of the slots of one group, by slot id.
#[derive(Clone, Debug, Default)]
pub struct TestMemory(pub Vec<Vec<u8>>);

impl TestMemory {
    #[inline]
    fn range(&self, slot: SlotId, offset: u64, len: usize) -> Option<&[u8]> {
        self.0.get(slot.id as usize)?.get(usize::try_from(offset).ok()?..)?.get(..len)
    }
}

impl GuestMemory for TestMemory {
    #[inline]
    fn read(&self, slot: SlotId, offset: u64, out: &mut [u8]) -> bool {
        self.range(slot, offset, out.len()).map(|bytes| out.copy_from_slice(bytes)).is_some()
    }

    fn append(&self, slot: SlotId, offset: u64, len: usize, out: &mut Vec<u8>) -> bool {
        self.range(slot, offset, len).map(|bytes| out.extend_from_slice(bytes)).is_some()
    }
}

/// A command laid out in memory.
#[derive(Clone, Debug)]
pub struct Laid {
    /// What the guest puts on its ring.
    pub command: GuestCommand,
    /// The id in its release info.
    pub release: u64,
}

/// The group that commands are laid out for.
pub const GROUP: u32 = 1;

/// Lays out commands: structures all over several slots, with gaps of rubbish between them, each slot ending with the
/// last structure in it.
#[derive(Debug)]
pub struct Layout {
    /// The slots, as the last command left them.
    pub slots: MemSlots,
    /// Their memory.
    pub memory: TestMemory,
    /// How bulk data are cut.
    pub chunking: Chunking,
    rng: Rng,
    bits: AddressBits,
    /// First place and generation of each slot.
    starts: Vec<(u64, u32)>,
    /// Bytes of each slot that are promised but never read: they are in no memory.
    beyond: Vec<u64>,
    compat: bool,
}

/// Bytes of a structure, which is laid out when it is whole.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }
    fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }
    fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }
    fn i32(&mut self, value: i32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }
    fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }
    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }
    fn rect(&mut self, r: &Rect) -> &mut Self {
        self.i32(r.top).i32(r.left).i32(r.bottom).i32(r.right)
    }
    fn point(&mut self, p: &Point) -> &mut Self {
        self.i32(p.x).i32(p.y)
    }
    fn point16(&mut self, p: &Point) -> &mut Self {
        self.u16(p.x as u16).u16(p.y as u16)
    }
}

impl Layout {
    /// Four slots: one at place 0, one whose addresses are odd, one far up, and one in the last GiB of all places.
    pub fn new(rng: Rng, chunking: Chunking) -> Self {
        let bits = AddressBits::QEMU;
        let last = (1 << bits.place_bits()) - (1 << 30);
        let starts = vec![(0, 3), (0x1_0000_0001, 0), (0x7fff_ffff_0000, 255), (last, 1)];
        let mut layout = Self {
            slots: MemSlots::new(bits, 2, 8),
            memory: TestMemory(vec![Vec::new(); starts.len()]),
            chunking,
            rng,
            bits,
            beyond: vec![0; starts.len()],
            starts,
            compat: false,
        };
        layout.clear();
        layout
    }

    fn clear(&mut self) {
        for (memory, beyond) in self.memory.0.iter_mut().zip(&mut self.beyond) {
            memory.clear();
            *beyond = 0;
        }
        // Place 0 of slot 0 is a good address but its structures would look like none.
        self.memory.0[0].push(0xee);
    }

    /// Lays a command out, in place of what was there; `None` if there are no structures that say it: the compat
    /// layout has no other surfaces and no COMPOSITE, texts end at a 0.
    pub fn lay(&mut self, command: &Command, compat: bool) -> Option<Laid> {
        self.clear();
        self.add(command, compat)
    }

    /// Lays a command out beside what is there.
    pub fn add(&mut self, command: &Command, compat: bool) -> Option<Laid> {
        self.compat = compat;
        let release = self.rng.next_u64();
        let mut bytes = Bytes::default();
        bytes.u64(release);
        let kind = match command {
            Command::Nop => 0,
            Command::Drawable(drawable) => {
                self.drawable(&mut bytes, drawable)?;
                1
            }
            Command::Update(update) => {
                self.update(&mut bytes, update)?;
                2
            }
            Command::Cursor(cursor) => {
                self.cursor(&mut bytes, cursor);
                3
            }
            Command::Message(text) if text.contains(&0) => return None,
            Command::Message(text) => {
                bytes.raw(text).u8(0);
                4
            }
            Command::Surface(surface) => {
                self.surface(&mut bytes, surface);
                5
            }
        };
        let data = self.place(&bytes);
        self.fix_slots();
        let flags = if compat { GuestCommand::COMPAT } else { 0 };
        Some(Laid { command: GuestCommand { data, kind, group: GROUP, flags }, release })
    }

    /// The `QXLSurfaceCreate` of a primary surface, whose memory is laid out in place of the last command.
    pub fn lay_primary(&mut self, create: &PrimaryCreate) -> [u8; 40] {
        self.clear();
        let keep = create.flags & SurfaceCreate::KEEP_DATA != 0;
        let mem = self.rows(keep.then_some(&create.data), create.stride, create.height);
        self.fix_slots();
        let mut bytes = Bytes::default();
        bytes.u32(create.width).u32(create.height).i32(create.stride);
        bytes.u32(surface_format_number(create.format)).u32(create.position).u32(create.mouse_mode);
        bytes.u32(create.flags).u32(create.kind).u64(mem);
        bytes.0.try_into().expect("40 bytes")
    }

    /// Each slot ends where its last structure does.
    fn fix_slots(&mut self) {
        for id in 0..self.starts.len() {
            let (start, generation) = self.starts[id];
            let size = self.memory.0[id].len() as u64 + self.beyond[id];
            let slot = Slot { generation, start, size };
            self.slots.add(SlotId { group: GROUP, id: id as u32 }, slot).expect("a slot that can be");
        }
    }

    /// A slot that may be written to, with a gap behind what is in it.
    fn some_slot(&mut self) -> usize {
        let id = self.rng.below(self.starts.len() as u32) as usize;
        // A slot with bytes that are only promised is full.
        let id = if self.beyond[id] > 0 { 0 } else { id };
        let gap = self.rng.pick(&[0, 0, 1, 3, 8]);
        let rubbish = self.rng.bytes(gap);
        self.memory.0[id].extend(rubbish);
        id
    }

    fn address(&self, id: usize, offset: usize) -> u64 {
        let (start, generation) = self.starts[id];
        self.bits.address(id as u32, generation, start + offset as u64)
    }

    /// Lays a structure out; gives its address.
    fn place(&mut self, bytes: &Bytes) -> u64 {
        let id = self.some_slot();
        let offset = self.memory.0[id].len();
        self.memory.0[id].extend_from_slice(&bytes.0);
        self.address(id, offset)
    }

    /// Where the data are cut.
    fn cuts(&mut self, len: usize, recorded: &[u32]) -> Vec<usize> {
        match self.chunking {
            Chunking::AsRecorded if recorded.is_empty() => vec![len],
            Chunking::AsRecorded => recorded.iter().map(|size| *size as usize).collect(),
            Chunking::Bytes if len < 60_000 && len > 0 => vec![1; len],
            Chunking::Bytes | Chunking::Odd => {
                let most = (len as u32 / 4).max(8);
                let (mut left, mut cuts) = (len, Vec::new());
                while left > 0 {
                    let size = self.rng.pick(&[0, 1, 2, 3, 7, 19, 4096, most]).min(left as u32);
                    let size = 1 + self.rng.below(size).saturating_sub(self.rng.below(2));
                    cuts.push(if self.rng.one_in(8) { 0 } else { size as usize });
                    left -= cuts.last().expect("just pushed");
                    if cuts.len() > 1000 {
                        cuts.push(left);
                        break;
                    }
                }
                if cuts.is_empty() { vec![0] } else { cuts }
            }
        }
    }

    /// Lays out chunks, of which the first lies behind `head`; gives the address of `head`.
    fn chain(&mut self, head: &Bytes, data: &[u8], recorded: &[u32]) -> u64 {
        let cuts = self.cuts(data.len(), recorded);
        let (mut rest, mut first) = (data, 0);
        // Where the link to the next chunk is to be written, and the chunk that it is in.
        let mut link: Option<(usize, usize, u64)> = None;
        for (i, cut) in cuts.iter().enumerate() {
            let (piece, tail) = rest.split_at(*cut);
            rest = tail;
            let mut bytes = Bytes::default();
            if i == 0 {
                bytes.raw(&head.0);
            }
            let header = bytes.0.len();
            let previous = link.map_or(0, |(_, _, address)| address);
            bytes.u32(piece.len() as u32).u64(previous).u64(0).raw(piece);
            let id = self.some_slot();
            let offset = self.memory.0[id].len();
            self.memory.0[id].extend_from_slice(&bytes.0);
            let address = self.address(id, offset + header);
            if let Some((id, at, _)) = link {
                self.memory.0[id][at..at + 8].copy_from_slice(&address.to_le_bytes());
            } else {
                first = self.address(id, offset);
            }
            link = Some((id, offset + header + 12, address));
        }
        assert!(rest.is_empty(), "the chunks are all of the data");
        first
    }

    /// The memory of a surface: its pixels, or room for them.
    fn rows(&mut self, data: Option<&bytes::Bytes>, stride: i32, height: u32) -> u64 {
        match data {
            Some(data) => self.place(&Bytes(data.to_vec())),
            None => {
                // The last slot, so that what is promised is at its end.
                let id = self.starts.len() - 1;
                let address = self.address(id, self.memory.0[id].len());
                let size = u64::from(stride.unsigned_abs()) * u64::from(height);
                self.beyond[id] = self.beyond[id].max(size);
                address
            }
        }
    }

    fn update(&mut self, out: &mut Bytes, update: &UpdateCmd) -> Option<()> {
        out.rect(&update.area).u32(update.update_id);
        match self.compat {
            true => (update.surface_id == 0).then_some(()),
            false => {
                out.u32(update.surface_id);
                Some(())
            }
        }
    }

    fn cursor(&mut self, out: &mut Bytes, cursor: &CursorCmd) {
        match cursor {
            CursorCmd::Set { position, visible, shape } => {
                let shape = shape.as_deref().map_or(0, |shape| self.cursor_shape(shape));
                out.u8(0).point16(position).u8(u8::from(*visible)).u64(shape);
            }
            CursorCmd::Move { position } => {
                out.u8(1).point16(position);
            }
            CursorCmd::Hide => {
                out.u8(2);
            }
            CursorCmd::Trail { length, frequency } => {
                out.u8(3).u16(*length).u16(*frequency);
            }
        }
    }

    fn cursor_shape(&mut self, shape: &CursorShape) -> u64 {
        let mut head = Bytes::default();
        head.u64(shape.unique).u16(shape.kind).u16(shape.width).u16(shape.height);
        head.u16(shape.hot_spot_x).u16(shape.hot_spot_y).u32(shape.data.len() as u32);
        self.chain(&head, &shape.data, &[])
    }

    fn surface(&mut self, out: &mut Bytes, surface: &SurfaceCmd) {
        match surface {
            SurfaceCmd::Create(s) => {
                let data = self.rows(s.data.as_ref(), s.stride, s.height);
                out.u32(s.surface_id).u8(0).u32(s.flags).u32(surface_format_number(s.format));
                out.u32(s.width).u32(s.height).i32(s.stride).u64(data);
            }
            SurfaceCmd::Destroy { surface_id, flags } => {
                out.u32(*surface_id).u8(1).u32(*flags);
            }
        }
    }

    fn drawable(&mut self, out: &mut Bytes, d: &Drawable) -> Option<()> {
        let (clip_kind, clip) = match &d.clip {
            Clip::None => (0, self.rng.next_u64()),
            Clip::Rects(rects) => {
                let mut head = Bytes::default();
                head.u32(rects.len() as u32);
                let mut list = Bytes::default();
                rects.iter().for_each(|rect| {
                    list.rect(rect);
                });
                (1, self.chain(&head, &list.0, &[]))
            }
        };
        let area = d.self_bitmap.unwrap_or_default();
        let kind = d.op.kind() as u8;
        if self.compat {
            if d.surface_id != 0 || !d.surface_deps.is_empty() {
                return None;
            }
            // Any offset but 0 means that there is one.
            let offset = if d.self_bitmap.is_some() { 1 << self.rng.below(16) } else { 0 };
            out.u8(d.effect).u8(kind).u16(offset).rect(&area).rect(&d.bbox);
            out.u32(clip_kind).u64(clip).u32(d.mm_time);
        } else {
            out.u32(d.surface_id).u8(d.effect).u8(kind).u8(u8::from(d.self_bitmap.is_some()));
            out.rect(&area).rect(&d.bbox).u32(clip_kind).u64(clip).u32(d.mm_time);
            let deps = d.surface_deps.places();
            for dep in &deps {
                out.u32(dep.map_or(u32::MAX, |dep| dep.surface_id));
            }
            for dep in &deps {
                out.rect(&dep.map_or_else(Rect::default, |dep| dep.rect));
            }
        }
        self.op(out, &d.op)
    }

    fn op(&mut self, out: &mut Bytes, op: &Op) -> Option<()> {
        match op {
            Op::Nop => {}
            Op::Fill { brush, rop, mask } => {
                self.brush(out, brush);
                out.u16(rop.0);
                self.mask(out, mask);
            }
            Op::Opaque { src, src_area, brush, rop, scale_mode, mask } => {
                out.u64(self.image(src.as_ref())).rect(src_area);
                self.brush(out, brush);
                out.u16(rop.0).u8(scale_mode.0);
                self.mask(out, mask);
            }
            Op::Copy { src, src_area, rop, scale_mode, mask }
            | Op::Blend { src, src_area, rop, scale_mode, mask } => {
                out.u64(self.image(src.as_ref())).rect(src_area).u16(rop.0).u8(scale_mode.0);
                self.mask(out, mask);
            }
            Op::CopyBits { src_pos } => {
                out.point(src_pos);
            }
            Op::Blackness { mask } | Op::Whiteness { mask } | Op::Invers { mask } => self.mask(out, mask),
            Op::Rop3 { src, src_area, brush, rop3, scale_mode, mask } => {
                out.u64(self.image(src.as_ref())).rect(src_area);
                self.brush(out, brush);
                out.u8(*rop3).u8(scale_mode.0);
                self.mask(out, mask);
            }
            Op::Stroke { path, attr, brush, fore_mode, back_mode } => {
                out.u64(self.path(path));
                self.line_attr(out, attr);
                self.brush(out, brush);
                out.u16(fore_mode.0).u16(back_mode.0);
            }
            Op::Text { str, back_area, fore_brush, back_brush, fore_mode, back_mode } => {
                out.u64(self.string(str)).rect(back_area);
                self.brush(out, fore_brush);
                self.brush(out, back_brush);
                out.u16(fore_mode.0).u16(back_mode.0);
            }
            Op::Transparent { src, src_area, src_color, true_color } => {
                out.u64(self.image(src.as_ref())).rect(src_area).u32(*src_color).u32(*true_color);
            }
            Op::AlphaBlend { alpha_flags, alpha, src, src_area } => {
                match (self.compat, alpha_flags) {
                    (true, 0) => {}
                    (true, _) => return None,
                    // What is above the protocol's eight bits is dropped.
                    (false, flags) => {
                        out.u16(u16::from(*flags) | (self.rng.below(256) as u16) << 8);
                    }
                }
                out.u8(*alpha).u64(self.image(src.as_ref())).rect(src_area);
            }
            Op::Composite(_) if self.compat => return None,
            Op::Composite(composite) => self.composite(out, composite),
        }
        Some(())
    }

    fn brush(&mut self, out: &mut Bytes, brush: &Brush) {
        match brush {
            Brush::None => out.u32(0).u64(self.rng.next_u64()).u64(0),
            Brush::Solid(color) => out.u32(1).u32(*color).u32(self.rng.next_u32()).u64(0),
            Brush::Pattern { image, pos } => out.u32(2).u64(self.image(image.as_deref())).point(pos),
        };
    }

    fn mask(&mut self, out: &mut Bytes, mask: &QMask) {
        out.u8(mask.flags).point(&mask.pos).u64(self.image(mask.image.as_deref()));
    }

    fn image(&mut self, image: Option<&Image>) -> u64 {
        let Some(image) = image else { return 0 };
        let mut out = Bytes::default();
        let kind = match image.data {
            ImageData::Bitmap(_) => 0,
            ImageData::Quic(_) => 1,
            ImageData::Surface(_) => 104,
        };
        out.u64(image.id).u8(kind).u8(image.flags).u32(image.width).u32(image.height);
        match &image.data {
            ImageData::Bitmap(bitmap) => {
                let palette = bitmap.palette.as_deref().map_or(0, |palette| self.palette(palette));
                let bytes = bitmap.data.bytes().expect("tests' bitmaps are in memory");
                let data = if bitmap.flags & Bitmap::DIRECT != 0 {
                    self.place(&Bytes(bytes.to_vec()))
                } else {
                    self.chain(&Bytes::default(), &bytes, &bitmap.chunks)
                };
                out.u8(bitmap.format as u8).u8(bitmap.flags).u32(bitmap.width).u32(bitmap.height);
                out.u32(bitmap.stride).u64(palette).u64(data);
            }
            ImageData::Quic(data) => {
                out.u32(data.len() as u32);
                return self.chain(&out, data, &[]);
            }
            ImageData::Surface(id) => {
                out.u32(*id);
            }
        }
        self.place(&out)
    }

    fn palette(&mut self, palette: &Palette) -> u64 {
        let mut out = Bytes::default();
        out.u64(palette.unique).u16(palette.entries.len() as u16);
        palette.entries.iter().for_each(|entry| {
            out.u32(*entry);
        });
        self.place(&out)
    }

    fn path(&mut self, path: &[PathSegment]) -> u64 {
        let mut list = Bytes::default();
        for segment in path {
            list.u32(segment.flags).u32(segment.points.len() as u32);
            segment.points.iter().for_each(|point| {
                list.point(point);
            });
        }
        let mut head = Bytes::default();
        head.u32(list.0.len() as u32);
        self.chain(&head, &list.0, &[])
    }

    fn line_attr(&mut self, out: &mut Bytes, attr: &LineAttr) {
        let mut style = Bytes::default();
        attr.style.iter().for_each(|length| {
            style.i32(*length);
        });
        let rubbish = self.rng.next_u32();
        let address = if attr.style.is_empty() { rubbish.into() } else { self.place(&style) };
        let count = if attr.flags & LineAttr::STYLED != 0 { attr.style.len() as u8 } else { rubbish as u8 };
        out.u8(attr.flags).u8(0).u8(0).u8(count).u32(rubbish).u32(0).u64(address);
    }

    fn string(&mut self, str: &Str) -> u64 {
        let mut list = Bytes::default();
        for glyph in &str.glyphs {
            list.point(&glyph.render_pos).point(&glyph.origin).u16(glyph.width).u16(glyph.height);
            list.raw(&glyph.data);
        }
        let mut head = Bytes::default();
        head.u32(list.0.len() as u32).u16(str.glyphs.len() as u16).u16(str.flags.into());
        self.chain(&head, &list.0, &[])
    }

    fn composite(&mut self, out: &mut Bytes, c: &Composite) {
        out.u32(c.flags).u64(self.image(c.src.as_ref())).u64(self.transform(c.src_transform.as_ref()));
        out.u64(self.image(c.mask.as_ref())).u64(self.transform(c.mask_transform.as_ref()));
        out.point16(&c.src_origin).point16(&c.mask_origin);
    }

    fn transform(&mut self, transform: Option<&Transform>) -> u64 {
        let Some(transform) = transform else { return 0 };
        let mut out = Bytes::default();
        transform.iter().for_each(|number| {
            out.i32(*number);
        });
        self.place(&out)
    }
}

/// The nearest command that the compat layout can say: on the primary surface, without dependencies, blended without
/// flags. `None` for what it has no structures for.
pub fn compat_form(command: &Command) -> Option<Command> {
    Some(match command {
        Command::Drawable(drawable) => {
            let mut drawable = Drawable::clone(drawable);
            (drawable.surface_id, drawable.surface_deps) = (0, SurfaceDeps::default());
            match &mut drawable.op {
                Op::Composite(_) => return None,
                Op::AlphaBlend { alpha_flags, .. } => *alpha_flags = 0,
                _ => {}
            }
            Command::Drawable(drawable.into())
        }
        Command::Update(update) => Command::Update(UpdateCmd { surface_id: 0, ..*update }),
        other => other.clone(),
    })
}

/// Forgets in how many pieces the guest held the command's bitmaps.
pub fn forget_chunks(command: &mut Command) {
    if let Command::Drawable(drawable) = command {
        each_image(Arc::make_mut(drawable), |image| {
            if let ImageData::Bitmap(bitmap) = &mut image.data {
                bitmap.chunks.clear();
            }
        });
    }
}

/// The same command in memory of its own: what an embedder has to do who makes commands out of anything.
pub fn own_copy(command: &Command) -> Command {
    let copy = |bytes: &bytes::Bytes| bytes::Bytes::copy_from_slice(bytes);
    let mut command = command.clone();
    match &mut command {
        Command::Drawable(shared) => {
            let mut drawable = Drawable::clone(shared);
            each_image(&mut drawable, |image| match &mut image.data {
                ImageData::Bitmap(bitmap) => {
                    let bytes = bitmap.data.bytes().expect("a guest's bitmaps are in memory");
                    bitmap.data = copy(&bytes).into();
                    bitmap.palette = bitmap.palette.as_deref().cloned().map(Arc::new);
                }
                ImageData::Quic(data) => *data = copy(data),
                ImageData::Surface(_) => {}
            });
            if let Op::Text { str, .. } = &mut drawable.op {
                str.glyphs.iter_mut().for_each(|glyph| glyph.data = copy(&glyph.data));
            }
            *shared = drawable.into();
        }
        Command::Cursor(CursorCmd::Set { shape: Some(shape), .. }) => {
            *shape = CursorShape { data: copy(&shape.data), ..CursorShape::clone(shape) }.into();
        }
        Command::Message(text) => *text = copy(text),
        Command::Surface(SurfaceCmd::Create(SurfaceCreate { data: Some(data), .. })) => *data = copy(data),
        _ => {}
    }
    command
}

fn each_image(drawable: &mut Drawable, mut f: impl FnMut(&mut Image)) {
    let changed = drawable.op.map_images(|_, image| {
        let mut image = image.cloned();
        image.as_mut().into_iter().for_each(&mut f);
        Ok::<_, Infallible>(image)
    });
    drawable.op = changed.unwrap_or_else(|never| match never {});
}
