//! Random commands for tests: well-formed, mostly sensible, with the odd cases more often than chance.

use super::{
    Bitmap, BitmapFormat, Brush, Clip, Command, Composite, CursorCmd, CursorShape, Drawable, Event, Glyph,
    Image, ImageData, LineAttr, Op, Palette, PathSegment, Point, PrimaryCreate, QMask, Rect, Ropd, ScaleMode,
    Str, SurfaceCmd, SurfaceCreate, SurfaceDep, SurfaceDeps, SurfaceFormat, SurfaceId, UpdateCmd,
    WorkerMessage,
};
use bytes::Bytes;
use std::sync::Arc;

/// A small seeded generator of numbers (splitmix64): the same seed, the same numbers, everywhere.
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    /// The seed that `SPICE_RENDER_SEED` names, otherwise this one. A failing test prints what it used.
    pub fn seeded(default: u64) -> Self {
        let seed = std::env::var("SPICE_RENDER_SEED").ok().and_then(|s| s.parse().ok());
        Self(seed.unwrap_or(default))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// A number below `n`; 0 if `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// A number from `low` up to and with `high`.
    pub fn range(&mut self, low: i32, high: i32) -> i32 {
        low.wrapping_add(self.below(high.wrapping_sub(low) as u32 + 1) as i32)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u32) as usize]
    }

    /// Bytes of which half are 0x00 or 0xff.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        for byte in &mut bytes {
            let bits = self.next_u32();
            *byte = if bits & 0x100 != 0 { bits as u8 } else { 0u8.wrapping_sub((bits & 1) as u8) };
        }
        bytes
    }
}

/// A command that draws on the primary surface in a box, unclipped.
pub fn drawn(bbox: Rect, op: Op) -> Event {
    drawn_on(0, bbox, op)
}

/// A command that draws on a surface in a box, unclipped.
pub fn drawn_on(surface_id: SurfaceId, bbox: Rect, op: Op) -> Event {
    let drawable = Drawable {
        surface_id,
        effect: 0,
        mm_time: 0,
        bbox,
        clip: Clip::None,
        self_bitmap: None,
        surface_deps: SurfaceDeps::default(),
        op,
    };
    Event::Command(Command::Drawable(Arc::new(drawable)))
}

/// A command that fills a box with one colour.
pub fn filled(bbox: Rect, colour: u32, rop: Ropd) -> Event {
    drawn(bbox, Op::Fill { brush: Brush::Solid(colour), rop, mask: QMask::default() })
}

/// Fills of 4 by 4 pixels side by side, a thousand a row: none hides another.
pub fn side_by_side(count: u32) -> impl Iterator<Item = Event> {
    (0..count as i32).map(|i| {
        let (x, y) = (i % 1000 * 4, i / 1000 * 4);
        filled(Rect::new(x, y, x + 4, y + 4), 7, Ropd::PUT)
    })
}

/// Makes random events.
#[derive(Clone, Debug)]
pub struct Generator {
    /// Where its numbers come from.
    pub rng: Rng,
    /// Surfaces that commands draw on and read.
    pub surfaces: Vec<SurfaceId>,
    /// Largest width and height of anything, in pixels.
    pub side: u32,
    /// Whether images may be QUIC streams; those are random bytes.
    pub quic: bool,
    /// Whether numbers without a meaning to a renderer (flags, places far out) may appear.
    pub wild: bool,
}

impl Generator {
    /// A generator for five surfaces (0 to 4) and sides to 40 pixels, with everything.
    pub fn new(rng: Rng) -> Self {
        Self { rng, surfaces: (0..5).collect(), side: 40, quic: true, wild: true }
    }

    /// Any event.
    pub fn event(&mut self) -> Event {
        match self.rng.below(10) {
            0 => Event::Worker(self.worker()),
            1 => Event::Command(Command::Surface(self.surface())),
            2 => Event::Command(Command::Cursor(self.cursor())),
            3 => Event::Command(self.plain_command()),
            _ => Event::Command(Command::Drawable(Arc::new(self.drawable()))),
        }
    }

    fn size(&mut self) -> (u32, u32) {
        (1 + self.rng.below(self.side), 1 + self.rng.below(self.side))
    }

    fn surface_id(&mut self) -> SurfaceId {
        self.rng.pick(&self.surfaces.clone())
    }

    fn data(&mut self, len: u64) -> Bytes {
        self.rng.bytes(len as usize).into()
    }

    fn coordinate(&mut self) -> i32 {
        if self.wild && self.rng.one_in(20) {
            return self.rng.pick(&[i32::MIN, i32::MAX, -1, 0, 0x8000, -0x8001]);
        }
        self.rng.range(-4, self.side as i32 + 4)
    }

    /// A place near the picture.
    pub fn point(&mut self) -> Point {
        Point { x: self.coordinate(), y: self.coordinate() }
    }

    fn point16(&mut self) -> Point {
        let cut = |v: i32| v.clamp(i16::MIN.into(), i16::MAX.into());
        let p = self.point();
        Point { x: cut(p.x), y: cut(p.y) }
    }

    /// A rectangle near the picture; seldom empty or inverted.
    pub fn rect(&mut self) -> Rect {
        let (a, b) = (self.point(), self.point());
        if self.wild && self.rng.one_in(10) {
            return Rect { left: a.x, top: a.y, right: b.x, bottom: b.y };
        }
        let (width, height) = self.size();
        let (left, top) = (self.rng.range(0, self.side as i32), self.rng.range(0, self.side as i32));
        Rect { left, top, right: left + width as i32, bottom: top + height as i32 }
    }

    fn surface_format(&mut self) -> SurfaceFormat {
        use SurfaceFormat::{A1, A8, A8R8G8B8, R5G6B5, X1R5G5B5, X8R8G8B8};
        self.rng.pick(&[A1, A8, X1R5G5B5, R5G6B5, X8R8G8B8, A8R8G8B8])
    }

    fn stride(&mut self, bits: u32, width: u32) -> i32 {
        let stride = ((width * bits).div_ceil(32) * 4 + 4 * self.rng.below(2)) as i32;
        if self.rng.one_in(2) { -stride } else { stride }
    }

    fn worker(&mut self) -> WorkerMessage {
        match self.rng.below(4) {
            0 => {
                let (width, height) = self.size();
                let format = self.surface_format();
                let stride = self.stride(format.bits_per_pixel(), width);
                let data = self.data(u64::from(stride.unsigned_abs()) * u64::from(height));
                let surface = PrimaryCreate {
                    width,
                    height,
                    stride,
                    format,
                    position: self.rng.next_u32(),
                    mouse_mode: self.rng.below(2),
                    flags: self.rng.below(2),
                    kind: 0,
                    data,
                };
                WorkerMessage::CreatePrimary { number: self.rng.pick(&[20, 29]), surface }
            }
            1 => WorkerMessage::DestroyPrimary { number: self.rng.pick(&[21, 30]) },
            2 => WorkerMessage::DestroySurfaces { number: self.rng.pick(&[19, 28]) },
            _ => WorkerMessage::Other { number: self.rng.pick(&[1, 2, 3, 35, 40, 200]) },
        }
    }

    fn surface(&mut self) -> SurfaceCmd {
        let surface_id = self.surface_id();
        if self.rng.one_in(3) {
            return SurfaceCmd::Destroy { surface_id, flags: self.rng.below(3) };
        }
        let (width, height) = self.size();
        let format = self.surface_format();
        let stride = self.stride(format.bits_per_pixel(), width);
        let keep = self.rng.one_in(2);
        let data = keep.then(|| self.data(u64::from(stride.unsigned_abs()) * u64::from(height)));
        SurfaceCmd::Create(SurfaceCreate {
            surface_id,
            flags: keep.into(),
            format,
            width,
            height,
            stride,
            data,
        })
    }

    fn cursor(&mut self) -> CursorCmd {
        match self.rng.below(4) {
            0 => {
                let len = u64::from(self.rng.below(300));
                let shape = CursorShape {
                    unique: self.rng.next_u64(),
                    kind: self.rng.below(7) as u16,
                    width: self.rng.below(65) as u16,
                    height: self.rng.below(65) as u16,
                    hot_spot_x: self.rng.below(65) as u16,
                    hot_spot_y: self.rng.below(65) as u16,
                    data: self.data(len),
                };
                CursorCmd::Set {
                    position: self.point16(),
                    visible: self.rng.one_in(2),
                    shape: Some(Arc::new(shape)),
                }
            }
            1 => CursorCmd::Move { position: self.point16() },
            2 => CursorCmd::Hide,
            _ => {
                CursorCmd::Trail { length: self.rng.next_u32() as u16, frequency: self.rng.next_u32() as u16 }
            }
        }
    }

    fn plain_command(&mut self) -> Command {
        match self.rng.below(3) {
            0 => Command::Nop,
            1 => Command::Message(self.data(9)),
            _ => Command::Update(UpdateCmd {
                area: self.rect(),
                update_id: self.rng.next_u32(),
                surface_id: self.surface_id(),
            }),
        }
    }

    /// Any drawing operation on any of the surfaces.
    pub fn drawable(&mut self) -> Drawable {
        let mut surface_deps = [None; 3];
        for dep in &mut surface_deps {
            if self.rng.one_in(4) {
                *dep = Some(SurfaceDep { surface_id: self.surface_id(), rect: self.rect() });
            }
        }
        Drawable {
            surface_id: self.surface_id(),
            effect: self.rng.below(8) as u8,
            mm_time: self.rng.next_u32(),
            bbox: self.rect(),
            clip: self.clip(),
            self_bitmap: if self.rng.one_in(6) { Some(self.rect()) } else { None },
            surface_deps: SurfaceDeps::new(surface_deps),
            op: self.op(),
        }
    }

    fn clip(&mut self) -> Clip {
        if self.rng.one_in(2) {
            return Clip::None;
        }
        let count = self.rng.pick(&[0, 1, 1, 2, 3, 30]);
        Clip::Rects((0..count).map(|_| self.rect()).collect())
    }

    /// A raster image, a QUIC stream or a surface.
    pub fn image(&mut self) -> Image {
        let (width, height) = self.size();
        let data = match self.rng.below(8) {
            0 => ImageData::Surface(self.surface_id()),
            1 if self.quic => ImageData::Quic(self.data(50)),
            _ => ImageData::Bitmap(self.bitmap(width, height)),
        };
        let flags = if self.wild { self.rng.next_u32() as u8 } else { self.rng.below(4) as u8 };
        let id = self.rng.pick(&[0, 1, 2, 0x1_0000_0003, u64::MAX]);
        Image { id, flags, width, height, data }
    }

    fn bitmap(&mut self, width: u32, height: u32) -> Bitmap {
        let format = self.rng.pick(&BitmapFormat::ALL);
        let direct = self.rng.one_in(2);
        let flags = u8::from(direct) + 4 * self.rng.below(2) as u8;
        let stride = format.bytes_per_row(width) as u32 + self.rng.pick(&[0, 0, 1, 5]);
        let palette = format.has_palette().then(|| {
            let most = 1 << format.bits_per_pixel();
            let entries = (0..most).map(|_| self.rng.next_u32()).collect();
            Arc::new(Palette { unique: self.rng.next_u64(), entries })
        });
        let data = self.data(u64::from(stride) * u64::from(height));
        let mut chunks = Vec::new();
        if !direct && self.rng.one_in(3) {
            let mut left = data.len() as u32;
            for _ in 0..1 + self.rng.below(4) {
                let size = self.rng.below(left + 1);
                chunks.push(size);
                left -= size;
            }
            chunks.push(left);
        }
        Bitmap { format, flags, width, height, stride, palette, data: data.into(), chunks }
    }

    fn maybe_image(&mut self) -> Option<Image> {
        if self.wild && self.rng.one_in(8) { None } else { Some(self.image()) }
    }

    fn brush(&mut self) -> Brush {
        match self.rng.below(4) {
            0 => Brush::None,
            1 => Brush::Pattern { image: self.maybe_image().map(Box::new), pos: self.point() },
            _ => Brush::Solid(self.rng.next_u32()),
        }
    }

    fn qmask(&mut self) -> QMask {
        if self.rng.one_in(2) {
            return QMask::default();
        }
        QMask { flags: self.rng.below(2) as u8, pos: self.point(), image: self.maybe_image().map(Box::new) }
    }

    fn ropd(&mut self) -> Ropd {
        if self.wild && self.rng.one_in(4) {
            return Ropd(self.rng.next_u32() as u16);
        }
        Ropd((1 << self.rng.range(3, 9)) | self.rng.below(8) as u16 | self.rng.pick(&[0, Ropd::INVERS_RES]))
    }

    fn scale_mode(&mut self) -> ScaleMode {
        ScaleMode(self.rng.below(2) as u8)
    }

    fn path(&mut self) -> Vec<PathSegment> {
        (0..self.rng.below(4))
            .map(|_| {
                let count = self.rng.below(8);
                let points =
                    (0..count).map(|_| Point { x: self.coordinate() << 4, y: self.coordinate() << 4 });
                PathSegment { points: points.collect(), flags: self.rng.pick(&[1, 2, 3, 11]) }
            })
            .collect()
    }

    fn line_attr(&mut self) -> LineAttr {
        if self.rng.one_in(2) {
            return LineAttr::default();
        }
        let style = (0..self.rng.below(6)).map(|_| self.rng.range(1, 200)).collect();
        LineAttr { flags: LineAttr::STYLED | self.rng.pick(&[0, LineAttr::START_WITH_GAP]), style }
    }

    fn string(&mut self) -> Str {
        let flags = self.rng.pick(&[Str::RASTER_A1, Str::RASTER_A4, Str::RASTER_A8]) | self.rng.pick(&[0, 8]);
        let mut str = Str { flags, glyphs: Vec::new() };
        let depth = u64::from(str.depth().unwrap_or(0));
        for _ in 0..self.rng.below(6) {
            let (width, height) = (self.rng.below(20) as u16, self.rng.below(20) as u16);
            let data = self.data((u64::from(width) * depth).div_ceil(8) * u64::from(height));
            let (render_pos, origin) = (self.point(), self.point());
            str.glyphs.push(Glyph { render_pos, origin, width, height, data });
        }
        str
    }

    fn composite(&mut self) -> Composite {
        let flags = if self.wild && self.rng.one_in(4) {
            self.rng.next_u32()
        } else {
            self.rng.below(14)
                | self.rng.below(5) << 8
                | self.rng.below(4) << 14
                | self.rng.below(4) << 16
                | self.rng.below(2) << 18
        };
        let mut transform = |one_in| {
            self.rng.one_in(one_in).then(|| {
                let mut number = || self.rng.range(-0x2_0000, 0x2_0000);
                [number(), number(), number(), number(), number(), number()]
            })
        };
        let (src_transform, mask_transform) = (transform(2), transform(4));
        Composite {
            flags,
            src: self.maybe_image(),
            src_transform,
            mask: if self.rng.one_in(2) { Some(self.image()) } else { None },
            mask_transform,
            src_origin: self.point16(),
            mask_origin: self.point16(),
        }
    }

    /// Any operation.
    pub fn op(&mut self) -> Op {
        match self.rng.below(15) {
            0 => Op::Nop,
            1 => Op::Fill { brush: self.brush(), rop: self.ropd(), mask: self.qmask() },
            2 => Op::Opaque {
                src: self.maybe_image(),
                src_area: self.rect(),
                brush: self.brush(),
                rop: self.ropd(),
                scale_mode: self.scale_mode(),
                mask: self.qmask(),
            },
            3 => Op::Copy {
                src: self.maybe_image(),
                src_area: self.rect(),
                rop: self.ropd(),
                scale_mode: self.scale_mode(),
                mask: self.qmask(),
            },
            4 => Op::Blend {
                src: self.maybe_image(),
                src_area: self.rect(),
                rop: self.ropd(),
                scale_mode: self.scale_mode(),
                mask: self.qmask(),
            },
            5 => Op::CopyBits { src_pos: self.point() },
            6 => Op::Blackness { mask: self.qmask() },
            7 => Op::Whiteness { mask: self.qmask() },
            8 => Op::Invers { mask: self.qmask() },
            9 => Op::Rop3 {
                src: self.maybe_image(),
                src_area: self.rect(),
                brush: self.brush(),
                rop3: self.rng.next_u32() as u8,
                scale_mode: self.scale_mode(),
                mask: self.qmask(),
            },
            10 => Op::Stroke {
                path: self.path(),
                attr: self.line_attr(),
                brush: self.brush(),
                fore_mode: self.ropd(),
                back_mode: self.ropd(),
            },
            11 => Op::Text {
                str: self.string(),
                back_area: self.rect(),
                fore_brush: self.brush(),
                back_brush: self.brush(),
                fore_mode: self.ropd(),
                back_mode: self.ropd(),
            },
            12 => Op::Transparent {
                src: self.maybe_image(),
                src_area: self.rect(),
                src_color: self.rng.next_u32(),
                true_color: self.rng.next_u32(),
            },
            13 => Op::AlphaBlend {
                alpha_flags: self.rng.below(4) as u8,
                alpha: self.rng.pick(&[0, 1, 127, 128, 254, 255]),
                src: self.maybe_image(),
                src_area: self.rect(),
            },
            _ => Op::Composite(Box::new(self.composite())),
        }
    }
}
