//! Random command streams: every operation, several surfaces, copies between them, and demands in between.

use crate::qxl::testing::drawn_on;
use crate::qxl::*;
use bytes::Bytes;
use spice_raster::Region;
use std::sync::Arc;

/// splitmix64.
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(super) fn below(&mut self, n: u32) -> u32 {
        (self.next() % u64::from(n)) as u32
    }

    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }

    fn within(&mut self, from: i32, to: i32) -> i32 {
        from + self.below((to - from).max(1) as u32) as i32
    }
}

/// One thing that happens to a renderer.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Event(Event),
    /// Some pixels of a surface are looked at.
    Look(SurfaceId, Region),
    /// All pixels of all surfaces are looked at.
    LookAtAll,
    /// Everything is drawn, nothing is looked at.
    Flush,
}

const FORMATS: [SurfaceFormat; 6] = [
    SurfaceFormat::X8R8G8B8,
    SurfaceFormat::A8R8G8B8,
    SurfaceFormat::X1R5G5B5,
    SurfaceFormat::R5G6B5,
    SurfaceFormat::A8,
    SurfaceFormat::A1,
];

#[derive(Clone, Copy)]
struct Live {
    id: SurfaceId,
    width: i32,
    height: i32,
    format: SurfaceFormat,
}

/// Makes a stream as it goes.
pub(super) struct Maker {
    pub(super) rng: Rng,
    live: Vec<Live>,
    images: u64,
    number: u32,
}

impl Maker {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Rng(seed), live: Vec::new(), images: 0, number: 0 }
    }

    /// A stream that begins with the primary surface.
    pub(super) fn stream(&mut self, length: usize) -> Vec<Step> {
        let mut steps = vec![Step::Event(self.create(0))];
        for _ in 0..length {
            let step = self.step();
            steps.push(step);
        }
        steps.push(Step::LookAtAll);
        steps
    }

    /// As [`Maker::stream`], with windows that are scrolled.
    pub(super) fn scrolls(&mut self, length: usize) -> Vec<Step> {
        let steps = vec![Step::Event(self.create(0))];
        self.mixed(steps, length, Self::scroll)
    }

    /// Goes on with steps of all kinds, and now and then with what `more` adds.
    fn mixed(
        &mut self,
        mut steps: Vec<Step>,
        length: usize,
        more: fn(&mut Self, &mut Vec<Step>),
    ) -> Vec<Step> {
        while steps.len() < length {
            match self.rng.one_in(4) {
                true => more(self, &mut steps),
                false => steps.push(self.step()),
            }
        }
        steps.push(Step::LookAtAll);
        steps
    }

    /// Scrolls a window some times, each time a few pixels. What that uncovers is mostly filled, and something is drawn.
    fn scroll(&mut self, steps: &mut Vec<Step>) {
        let target = self.surface();
        let window = self.rect(target);
        let mut way = (self.rng.pick(&[0, 0, -1, 2]), self.rng.within(-6, 7));
        for _ in 0..2 + self.rng.below(6) {
            if self.rng.one_in(8) {
                way = (self.rng.within(-20, 21), self.rng.within(-9, 10));
            }
            let to = window.translate(way.0, way.1).intersect(&window);
            if to.is_empty() {
                continue;
            }
            let src_pos = Point::new(to.left - way.0, to.top - way.1);
            steps.push(Step::Event(drawn_on(target.id, to, Op::CopyBits { src_pos })));
            if !self.rng.one_in(8) {
                for rect in Region::from_rect(window).subtract(&Region::from_rect(to)).rects() {
                    let (brush, rop, mask) = (self.brush(), Ropd::PUT, QMask::default());
                    let fill = Op::Fill { brush, rop, mask };
                    steps.push(Step::Event(drawn_on(target.id, *rect, fill)));
                }
            }
            for _ in 0..self.rng.below(4) {
                let inside = Live { width: window.width() as i32, height: window.height() as i32, ..target };
                let bbox = self.rect(inside).translate(window.left, window.top);
                steps.push(Step::Event(self.draw_in(target, bbox)));
            }
        }
    }

    /// As [`Maker::stream`], with windows that are drawn off-screen and copied, as they are, to others and the screen.
    pub(super) fn copies(&mut self, length: usize) -> Vec<Step> {
        let steps = (0..4).map(|id| Step::Event(self.create(id))).collect();
        self.mixed(steps, length, Self::copy)
    }

    /// Draws on a surface, mostly plainly, and copies some of it to another one.
    fn copy(&mut self, steps: &mut Vec<Step>) {
        let from = self.surface();
        let alike = |s: &&Live| s.format == from.format && s.id != from.id;
        let others: Vec<_> = self.live.iter().filter(alike).copied().collect();
        let to = if others.is_empty() { from } else { self.rng.pick(&others) };
        for _ in 0..self.rng.below(4) {
            let bbox = if self.rng.one_in(2) {
                Rect::of_size(from.width as u32, from.height as u32)
            } else {
                self.rect(from)
            };
            let (rop, mask) = (Ropd::PUT, QMask::default());
            let op = match self.rng.below(4) {
                0 => self.op(from, bbox, false),
                1 => Op::Fill { brush: Brush::Solid(self.rng.next() as u32), rop, mask },
                _ => {
                    let (w, h) = (bbox.width(), bbox.height());
                    let format = self.rng.pick(&[BitmapFormat::Bit32, BitmapFormat::Rgba]);
                    let data = ImageData::Bitmap(self.bitmap(w + 2, h + 1, format));
                    let src = Some(Image { id: 0, flags: 0, width: w + 2, height: h + 1, data });
                    let src_area =
                        Rect::of_size(w, h).translate(self.rng.within(0, 3), self.rng.within(0, 2));
                    Op::Copy { src, src_area, rop, scale_mode: ScaleMode(0), mask }
                }
            };
            steps.push(Step::Event(drawn_on(from.id, bbox, op)));
        }
        let size = |s: Live| Rect::of_size(s.width as u32, s.height as u32);
        let area = if self.rng.one_in(2) { size(from) } else { self.rect(from) };
        let (width, height) = (from.width as u32, from.height as u32);
        let at = if self.rng.one_in(2) { (0, 0) } else { (self.rng.within(-9, 30), self.rng.within(-5, 9)) };
        let bbox = area.translate(at.0, at.1).intersect(&size(to));
        let src_area = bbox.translate(-at.0, -at.1);
        let src = Some(Image { id: 0, flags: 0, width, height, data: ImageData::Surface(from.id) });
        let (rop, mask) = (Ropd::PUT, QMask::default());
        if !bbox.is_empty() {
            let copy = Op::Copy { src, src_area, rop, scale_mode: ScaleMode(0), mask };
            steps.push(Step::Event(drawn_on(to.id, bbox, copy)));
        }
    }

    fn step(&mut self) -> Step {
        match self.rng.below(60) {
            0 => Step::LookAtAll,
            1..4 => {
                let surface = self.surface();
                let rects = [self.rect(surface), self.rect(surface)];
                Step::Look(surface.id, Region::from_rects(rects))
            }
            4..7 => {
                let id = self.rng.below(4);
                Step::Event(self.create(id))
            }
            7 | 8 if self.live.len() > 1 => {
                let at = 1 + self.rng.below(self.live.len() as u32 - 1) as usize;
                let surface_id = self.live.remove(at).id;
                Step::Event(Event::Command(Command::Surface(SurfaceCmd::Destroy { surface_id, flags: 0 })))
            }
            9 if self.rng.one_in(4) => Step::Flush,
            9 if self.rng.one_in(6) => {
                // The end of the primary is mostly the end; what draws on it is refused until it is made anew.
                self.number += 1;
                Step::Event(Event::Worker(WorkerMessage::DestroyPrimary { number: self.number }))
            }
            _ => Step::Event(self.draw()),
        }
    }

    fn create(&mut self, id: SurfaceId) -> Event {
        let width = self.rng.pick(&[1, 31, 64, 65, 80, 130]);
        let height = self.rng.pick(&[1, 7, 20, 33]);
        let format = if self.rng.one_in(2) { FORMATS[0] } else { self.rng.pick(&FORMATS) };
        self.live.retain(|s| s.id != id);
        let at = if id == 0 { 0 } else { self.live.len() };
        self.live.insert(at, Live { id, width, height, format });
        let (width, height) = (width as u32, height as u32);
        let stride = (format.words_per_row(width) * 4) as i32;
        let data = self.bytes(stride as usize * height as usize);
        let keep = self.rng.one_in(3);
        if id == 0 {
            let surface = PrimaryCreate {
                width,
                height,
                stride: -stride,
                format,
                position: 0,
                mouse_mode: 0,
                flags: keep.into(),
                kind: 0,
                data,
            };
            self.number += 1;
            return Event::Worker(WorkerMessage::CreatePrimary { number: self.number, surface });
        }
        let flags = if keep { SurfaceCreate::KEEP_DATA } else { 0 };
        let data = keep.then_some(data);
        let create = SurfaceCreate { surface_id: id, flags, format, width, height, stride, data };
        Event::Command(Command::Surface(SurfaceCmd::Create(create)))
    }

    fn surface(&mut self) -> Live {
        let at = self.rng.below(self.live.len() as u32) as usize;
        self.live[at]
    }

    fn bytes(&mut self, len: usize) -> Bytes {
        (0..len).map(|_| if self.rng.one_in(3) { 0xff } else { self.rng.next() as u8 }).collect()
    }

    /// A rectangle inside a surface, sometimes all of it.
    fn rect(&mut self, s: Live) -> Rect {
        if self.rng.one_in(6) {
            return Rect::new(0, 0, s.width, s.height);
        }
        let (left, top) = (self.rng.within(0, s.width), self.rng.within(0, s.height));
        let (right, bottom) = (self.rng.within(left, s.width) + 1, self.rng.within(top, s.height) + 1);
        Rect::new(left, top, right, bottom)
    }

    fn point(&mut self) -> Point {
        Point::new(self.rng.within(-5, 60), self.rng.within(-5, 30))
    }

    fn ropd(&mut self) -> Ropd {
        let op = self.rng.pick(&[8, 8, 8, 8, 16, 32, 64, 128, 256, 512, 0]);
        let invert = if self.rng.one_in(3) { self.rng.pick(&[1, 2, 4, 1024, 7]) } else { 0 };
        Ropd(op | invert)
    }

    fn bitmap(&mut self, width: u32, height: u32, format: BitmapFormat) -> Bitmap {
        let stride = (format.bytes_per_row(width) as u32).next_multiple_of(self.rng.pick(&[1, 4]));
        let palette = format.has_palette().then(|| {
            let unique = u64::from(self.rng.below(3));
            Arc::new(Palette { unique, entries: (0..256).map(|_| self.rng.next() as u32).collect() })
        });
        Bitmap {
            format,
            flags: self.rng.pick(&[0, Bitmap::TOP_DOWN]),
            width,
            height,
            stride,
            palette,
            data: self.bytes(stride as usize * height as usize).into(),
            chunks: Vec::new(),
        }
    }

    /// An image of at least this size, mostly; a surface now and then.
    fn image(&mut self, width: u32, height: u32) -> Image {
        let (mut width, mut height) = (width.max(1), height.max(1));
        self.images += 1;
        let (mut id, mut flags) = (self.images, 0);
        let data = match self.rng.below(12) {
            0..5 => {
                let id = if self.rng.one_in(30) { 9 } else { self.surface().id };
                ImageData::Surface(id)
            }
            5 if self.rng.one_in(4) => ImageData::Quic(self.bytes(40)),
            _ => {
                if self.rng.one_in(6) {
                    (width, height) = (1 + self.rng.below(2 * width), 1 + self.rng.below(2 * height));
                }
                if self.rng.one_in(4) {
                    (id, flags) = (u64::from(self.rng.below(3)), Image::CACHE);
                    (width, height) = (40, 20);
                }
                flags |= if self.rng.one_in(8) { Image::HIGH_BITS_SET } else { 0 };
                let format = self.rng.pick(&BitmapFormat::ALL);
                ImageData::Bitmap(self.bitmap(width, height, format))
            }
        };
        Image { id, flags, width, height, data }
    }

    fn brush(&mut self) -> Brush {
        match self.rng.below(6) {
            0 => Brush::None,
            1 | 2 => {
                let (w, h) = (1 + self.rng.below(20), 1 + self.rng.below(12));
                Brush::Pattern { image: Some(self.image(w, h).into()), pos: self.point() }
            }
            _ => Brush::Solid(self.rng.next() as u32),
        }
    }

    fn mask(&mut self, bbox: Rect) -> QMask {
        if !self.rng.one_in(6) {
            return QMask::default();
        }
        let format = self.rng.pick(&[BitmapFormat::Bit1Be, BitmapFormat::Bit1Le]);
        let (w, h) = (bbox.width() + 1, bbox.height() + 1);
        let masks: Vec<Live> = self.live.iter().copied().filter(|s| s.format == SurfaceFormat::A1).collect();
        let image = if !masks.is_empty() && self.rng.one_in(2) {
            let data = ImageData::Surface(self.rng.pick(&masks).id);
            Image { id: 0, flags: 0, width: w, height: h, data }
        } else {
            let bitmap = Bitmap { palette: None, ..self.bitmap(w, h, format) };
            Image { id: 0, flags: 0, width: w, height: h, data: ImageData::Bitmap(bitmap) }
        };
        let pos = Point::new(self.rng.within(-1, 3), self.rng.within(-1, 3));
        QMask { flags: self.rng.below(2) as u8, pos, image: Some(image.into()) }
    }

    /// A source and its area for a box: unscaled mostly.
    fn source(&mut self, bbox: Rect) -> (Option<Image>, Rect) {
        let (x, y) = (self.rng.pick(&[0, 0, 1, 5]), self.rng.pick(&[0, 0, 1, 3]));
        let (mut w, mut h) = (bbox.width() as i32, bbox.height() as i32);
        let image = self.image((x + w) as u32, (y + h) as u32);
        if self.rng.one_in(5) {
            (w, h) = (self.rng.within(0, 2 * w) + 1, self.rng.within(0, 2 * h) + 1);
        }
        (Some(image), Rect::new(x, y, x + w, y + h))
    }

    fn draw(&mut self) -> Event {
        let target = self.surface();
        let bbox = if self.rng.one_in(60) { Rect::new(-1, 0, 5, 5) } else { self.rect(target) };
        self.draw_in(target, bbox)
    }

    fn draw_in(&mut self, target: Live, bbox: Rect) -> Event {
        let clip = match self.rng.below(5) {
            0 => Clip::Rects((0..self.rng.below(4)).map(|_| self.rect(target)).collect()),
            _ => Clip::None,
        };
        let self_bitmap = self.rng.one_in(4).then(|| self.rect(target));
        let op = self.op(target, bbox, self_bitmap.is_some());
        let drawable = Drawable {
            surface_id: target.id,
            effect: self.rng.below(9) as u8,
            mm_time: 0,
            bbox,
            clip,
            self_bitmap,
            surface_deps: SurfaceDeps::default(),
            op,
        };
        Event::Command(Command::Drawable(Arc::new(drawable)))
    }

    fn op(&mut self, target: Live, bbox: Rect, own: bool) -> Op {
        let (mut src, src_area) = self.source(bbox);
        let scale_mode = ScaleMode(self.rng.below(2) as u8);
        let rop = self.ropd();
        let mask = self.mask(bbox);
        let kind = self.rng.below(28);
        if own && kind > 13 {
            src = None;
        }
        match kind {
            0..5 => Op::Fill { brush: self.brush(), rop, mask },
            5..9 => Op::Copy { src, src_area, rop, scale_mode, mask },
            9 => Op::Blend { src, src_area, rop, scale_mode, mask },
            10 => Op::Blackness { mask },
            11 => Op::Whiteness { mask },
            12 => Op::Invers { mask },
            13 | 14 => Op::Opaque { src, src_area, brush: self.brush(), rop, scale_mode, mask },
            15 | 16 => {
                let rop3 = if self.rng.one_in(3) { 0xcc } else { self.rng.next() as u8 };
                Op::Rop3 { src, src_area, brush: self.brush(), rop3, scale_mode, mask }
            }
            17 => Op::Transparent { src, src_area, src_color: 0, true_color: 0xff_ffff },
            18 | 19 => Op::AlphaBlend {
                alpha_flags: self.rng.below(4) as u8,
                alpha: self.rng.pick(&[0, 1, 128, 255, 255]),
                src,
                src_area,
            },
            20 => self.stroke(target),
            21 => self.text(target, bbox),
            22 | 23 => {
                let mask = self.rng.one_in(3).then(|| self.image(bbox.width(), bbox.height()));
                Op::Composite(Box::new(self.composite(src, mask)))
            }
            _ => {
                let near = Point::new(bbox.left + self.rng.within(-4, 5), bbox.top + self.rng.within(-4, 5));
                Op::CopyBits { src_pos: if self.rng.one_in(2) { near } else { self.point() } }
            }
        }
    }

    fn stroke(&mut self, target: Live) -> Op {
        let mut points = || {
            (0..2 + self.rng.below(3))
                .map(|_| {
                    Point::new(self.rng.within(0, target.width * 16), self.rng.within(0, target.height * 16))
                })
                .collect()
        };
        let path = vec![PathSegment { flags: PathSegment::BEGIN | PathSegment::END, points: points() }];
        let attr = match self.rng.one_in(3) {
            true => LineAttr { flags: LineAttr::STYLED, style: vec![48, 32] },
            false => LineAttr::default(),
        };
        Op::Stroke { path, attr, brush: self.brush(), fore_mode: self.ropd(), back_mode: Ropd::PUT }
    }

    fn text(&mut self, target: Live, bbox: Rect) -> Op {
        let flags = self.rng.pick(&[Str::RASTER_A1, Str::RASTER_A4, Str::RASTER_A8]);
        let depth = Str { flags, glyphs: Vec::new() }.depth().unwrap_or(1);
        let glyphs = (0..self.rng.below(4))
            .map(|_| {
                let (width, height) = (1 + self.rng.below(12), 1 + self.rng.below(10));
                let len = (width * depth).div_ceil(8) * height;
                Glyph {
                    render_pos: Point::new(
                        self.rng.within(0, target.width),
                        self.rng.within(0, target.height),
                    ),
                    origin: Point::new(self.rng.within(-3, 3), self.rng.within(-9, 1)),
                    width: width as u16,
                    height: height as u16,
                    data: self.bytes(len as usize),
                }
            })
            .collect();
        Op::Text {
            str: Str { flags, glyphs },
            back_area: if self.rng.one_in(3) { bbox } else { Rect::default() },
            fore_brush: self.brush(),
            back_brush: self.brush(),
            fore_mode: Ropd::PUT,
            back_mode: Ropd::PUT,
        }
    }

    fn composite(&mut self, src: Option<Image>, mask: Option<Image>) -> Composite {
        let op = self.rng.pick(&[0, 1, 1, 1, 3, 3, 5, 11, 12, 13]);
        let filters = self.rng.below(5) | self.rng.below(5) << 3;
        let repeats = self.rng.below(4) | self.rng.below(4) << 2;
        let more = self.rng.pick(&[0, 0, Composite::<()>::COMPONENT_ALPHA, Composite::<()>::SOURCE_OPAQUE]);
        let transform = |rng: &mut Rng| {
            rng.one_in(4).then(|| {
                let scale = rng.pick(&[1 << 15, 1 << 16, 3 << 15]);
                [scale, 0, rng.within(-3, 9) << 16, 0, scale, rng.within(-3, 9) << 16]
            })
        };
        Composite {
            flags: op | filters << 8 | repeats << 14 | more,
            src,
            src_transform: transform(&mut self.rng),
            mask,
            mask_transform: transform(&mut self.rng),
            src_origin: Point::new(self.rng.within(-2, 9), self.rng.within(-2, 9)),
            mask_origin: Point::new(self.rng.within(-2, 9), self.rng.within(-2, 9)),
        }
    }
}
