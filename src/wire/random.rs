//! Random messages, every type and every form of every part.

use super::*;
use crate::qxl::{
    BitmapFormat, Brush, Clip, Composite, Glyph, LineAttr, Op, OpKind, Palette, PathSegment, Point, QMask,
    Rect, Ropd, ScaleMode, Str, SurfaceFormat,
};
use bytes::Bytes;
use std::sync::Arc;

/// splitmix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub(super) fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub(super) fn below(&mut self, n: u32) -> u32 {
        (self.u64() % u64::from(n)) as u32
    }
    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }
    /// Small and extreme values more often than others.
    fn u32(&mut self) -> u32 {
        match self.below(4) {
            0 => self.below(20),
            1 => u32::MAX - self.below(3),
            _ => self.u64() as u32,
        }
    }
    fn i32(&mut self) -> i32 {
        self.u32() as i32
    }
    fn u8(&mut self) -> u8 {
        self.u32() as u8
    }
    fn u16(&mut self) -> u16 {
        self.u32() as u16
    }
    fn point(&mut self) -> Point {
        Point::new(self.i32(), self.i32())
    }
    fn rect(&mut self) -> Rect {
        Rect::new(self.i32(), self.i32(), self.i32(), self.i32())
    }
    fn bytes(&mut self, n: usize) -> Bytes {
        (0..n).map(|_| self.u8()).collect::<Vec<_>>().into()
    }
    /// Payloads on both sides of [`Parts::KEEP`].
    fn payload(&mut self) -> Bytes {
        let n = match self.below(3) {
            0 => 0,
            1 => self.below(20),
            _ => Parts::KEEP as u32 - 5 + self.below(10),
        };
        self.bytes(n as usize)
    }
    fn list<T>(&mut self, max: u32, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(max + 1)).map(|_| one(self)).collect()
    }
    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u32) as usize]
    }
}

fn clip(r: &mut Random) -> Clip {
    if r.yes() { Clip::None } else { Clip::Rects(r.list(5, Random::rect)) }
}

fn palette(r: &mut Random, nonnull: bool) -> PaletteRef {
    match r.below(if nonnull { 2 } else { 3 }) {
        0 => PaletteRef::Cached(r.u64()),
        1 => {
            let n = r.pick(&[0, 1, 2, 16, 256]);
            let entries = (0..n).map(|_| r.u32()).collect();
            PaletteRef::Inline(Arc::new(Palette { unique: r.u64(), entries }))
        }
        _ => PaletteRef::None,
    }
}

fn image(r: &mut Random) -> Image {
    let data = match r.pick(&ImageKind::ALL) {
        ImageKind::Bitmap => {
            let (stride, height) = (r.below(80), r.below(9));
            ImageData::Bitmap(Bitmap {
                format: r.pick(&BitmapFormat::ALL),
                flags: r.u8() & !Bitmap::PAL_FROM_CACHE,
                width: r.u32(),
                height,
                stride,
                palette: palette(r, false),
                data: r.bytes((stride * height) as usize),
            })
        }
        ImageKind::LzPlt => ImageData::LzPlt {
            flags: r.u8() & !Bitmap::PAL_FROM_CACHE,
            palette: palette(r, true),
            data: r.payload(),
        },
        ImageKind::Quic => ImageData::Quic(r.payload()),
        ImageKind::LzRgb => ImageData::LzRgb(r.payload()),
        ImageKind::GlzRgb => ImageData::GlzRgb(r.payload()),
        ImageKind::FromCache => ImageData::FromCache,
        ImageKind::Surface => ImageData::Surface(r.u32()),
        ImageKind::Jpeg => ImageData::Jpeg(r.payload()),
        ImageKind::FromCacheLossless => ImageData::FromCacheLossless,
        ImageKind::ZlibGlzRgb => ImageData::ZlibGlzRgb { glz_size: r.u32(), data: r.payload() },
        ImageKind::JpegAlpha => ImageData::JpegAlpha { flags: r.u8(), jpeg_size: r.u32(), data: r.payload() },
        ImageKind::Lz4 => ImageData::Lz4(r.payload()),
    };
    let image = Image { id: r.u64(), flags: r.u8(), width: r.u32(), height: r.u32(), data };
    let mut count = Count::default();
    let op = Op::Transparent { src: None, src_area: Rect::default(), src_color: 0, true_color: 0 };
    let draw = |src| Op::Transparent { src, src_area: Rect::default(), src_color: 0, true_color: 0 };
    let empty = Draw { surface_id: 0, bbox: Rect::default(), clip: Clip::None, op };
    empty.encode(Framing::Body, &mut count).unwrap();
    let without = count.len();
    Draw { op: draw(Some(image.clone())), ..empty }.encode(Framing::Body, &mut count).unwrap();
    assert_eq!(image.wire_len(), count.len() - 2 * without);
    image
}

fn some_image(r: &mut Random) -> Option<Image> {
    (r.below(4) != 0).then(|| image(r))
}

fn brush(r: &mut Random) -> Brush<Image> {
    match r.below(3) {
        0 => Brush::None,
        1 => Brush::Solid(r.u32()),
        _ => Brush::Pattern { image: Some(image(r).into()), pos: r.point() },
    }
}

fn qmask(r: &mut Random) -> QMask<Image> {
    QMask { flags: r.u8(), pos: r.point(), image: if r.yes() { Some(image(r).into()) } else { None } }
}

fn ropd(r: &mut Random) -> Ropd {
    Ropd(r.u16())
}

fn scale_mode(r: &mut Random) -> ScaleMode {
    ScaleMode(r.below(3) as u8)
}

fn str(r: &mut Random) -> Str {
    let mut str = Str { flags: r.below(16) as u8, glyphs: Vec::new() };
    if let Some(depth) = str.depth() {
        str.glyphs = r.list(6, |r| {
            let (width, height) = (r.below(20) as u16, r.below(20) as u16);
            let size = (u32::from(width) * depth).div_ceil(8) * u32::from(height);
            Glyph { render_pos: r.point(), origin: r.point(), width, height, data: r.bytes(size as usize) }
        });
    }
    str
}

fn point16(r: &mut Random) -> Point {
    Point::new(i32::from(r.u16() as i16), i32::from(r.u16() as i16))
}

fn transform(r: &mut Random) -> Option<[i32; 6]> {
    r.yes().then(|| std::array::from_fn(|_| r.i32()))
}

fn op(r: &mut Random, kind: OpKind) -> Op<Image> {
    match kind {
        OpKind::Nop => Op::Nop,
        OpKind::Fill => Op::Fill { brush: brush(r), rop: ropd(r), mask: qmask(r) },
        OpKind::Opaque => Op::Opaque {
            src: some_image(r),
            src_area: r.rect(),
            brush: brush(r),
            rop: ropd(r),
            scale_mode: scale_mode(r),
            mask: qmask(r),
        },
        OpKind::Copy => Op::Copy {
            src: some_image(r),
            src_area: r.rect(),
            rop: ropd(r),
            scale_mode: scale_mode(r),
            mask: qmask(r),
        },
        OpKind::Blend => Op::Blend {
            src: some_image(r),
            src_area: r.rect(),
            rop: ropd(r),
            scale_mode: scale_mode(r),
            mask: qmask(r),
        },
        OpKind::CopyBits => Op::CopyBits { src_pos: r.point() },
        OpKind::Blackness => Op::Blackness { mask: qmask(r) },
        OpKind::Whiteness => Op::Whiteness { mask: qmask(r) },
        OpKind::Invers => Op::Invers { mask: qmask(r) },
        OpKind::Rop3 => Op::Rop3 {
            src: some_image(r),
            src_area: r.rect(),
            brush: brush(r),
            rop3: r.u8(),
            scale_mode: scale_mode(r),
            mask: qmask(r),
        },
        OpKind::Stroke => {
            let flags = r.below(16) as u8;
            Op::Stroke {
                path: r.list(4, |r| PathSegment { flags: r.u8().into(), points: r.list(9, Random::point) }),
                attr: LineAttr {
                    flags,
                    style: if flags & LineAttr::STYLED != 0 { r.list(5, Random::i32) } else { Vec::new() },
                },
                brush: brush(r),
                fore_mode: ropd(r),
                back_mode: ropd(r),
            }
        }
        OpKind::Text => Op::Text {
            str: str(r),
            back_area: r.rect(),
            fore_brush: brush(r),
            back_brush: brush(r),
            fore_mode: ropd(r),
            back_mode: ropd(r),
        },
        OpKind::Transparent => Op::Transparent {
            src: some_image(r),
            src_area: r.rect(),
            src_color: r.u32(),
            true_color: r.u32(),
        },
        OpKind::AlphaBlend => {
            Op::AlphaBlend { alpha_flags: r.u8(), alpha: r.u8(), src: some_image(r), src_area: r.rect() }
        }
        OpKind::Composite => Op::Composite(Box::new(Composite {
            flags: r.u32() & !(7 << 19),
            src: some_image(r),
            mask: some_image(r),
            src_transform: transform(r),
            mask_transform: transform(r),
            src_origin: point16(r),
            mask_origin: point16(r),
        })),
    }
}

fn waits(r: &mut Random) -> Vec<ChannelWait> {
    r.list(4, |r| ChannelWait { channel_type: r.u8(), channel_id: r.u8(), message_serial: r.u64() })
}

pub(super) fn server_message(r: &mut Random) -> ServerMessage {
    let kind = r.pick(ServerKind::ALL);
    if let Some(op_kind) = kind.op() {
        let draw = Draw { surface_id: r.u32(), bbox: r.rect(), clip: clip(r), op: op(r, op_kind) };
        return ServerMessage::Draw(Box::new(draw));
    }
    match kind {
        ServerKind::Migrate => ServerMessage::Migrate { flags: r.u32() },
        ServerKind::MigrateData => ServerMessage::MigrateData(r.payload()),
        ServerKind::SetAck => ServerMessage::SetAck { generation: r.u32(), window: r.u32() },
        ServerKind::Ping => ServerMessage::Ping { id: r.u32(), timestamp: r.u64(), data: r.payload() },
        ServerKind::WaitForChannels => ServerMessage::WaitForChannels(waits(r)),
        ServerKind::Disconnecting => {
            ServerMessage::Disconnecting(Disconnect { time_stamp: r.u64(), reason: r.u32() })
        }
        ServerKind::Notify => ServerMessage::Notify(Notify {
            time_stamp: r.u64(),
            severity: r.u32(),
            visibility: r.u32(),
            what: r.u32(),
            message: r.payload(),
        }),
        ServerKind::List => ServerMessage::List(r.list(4, |r| RawMessage {
            kind: r.u16(),
            serial: None,
            sub_list: 0,
            body: r.payload(),
        })),
        ServerKind::Mode => ServerMessage::Mode(Mode { x_res: r.u32(), y_res: r.u32(), bits: r.u32() }),
        ServerKind::Mark => ServerMessage::Mark,
        ServerKind::Reset => ServerMessage::Reset,
        ServerKind::InvalList => {
            ServerMessage::InvalList(r.list(9, |r| ResourceId { resource_type: r.u8(), id: r.u64() }))
        }
        ServerKind::InvalAllPixmaps => ServerMessage::InvalAllPixmaps(waits(r)),
        ServerKind::InvalPalette => ServerMessage::InvalPalette { id: r.u64() },
        ServerKind::InvalAllPalettes => ServerMessage::InvalAllPalettes,
        ServerKind::StreamCreate => ServerMessage::StreamCreate(Box::new(StreamCreate {
            surface_id: r.u32(),
            id: r.u32(),
            flags: r.u8(),
            codec_type: r.u8(),
            stamp: r.u64(),
            stream_width: r.u32(),
            stream_height: r.u32(),
            src_width: r.u32(),
            src_height: r.u32(),
            dest: r.rect(),
            clip: clip(r),
        })),
        ServerKind::StreamData => {
            ServerMessage::StreamData { id: r.u32(), multi_media_time: r.u32(), data: r.payload() }
        }
        ServerKind::StreamClip => ServerMessage::StreamClip { id: r.u32(), clip: clip(r) },
        ServerKind::StreamDestroy => ServerMessage::StreamDestroy { id: r.u32() },
        ServerKind::StreamDestroyAll => ServerMessage::StreamDestroyAll,
        ServerKind::SurfaceCreate => ServerMessage::SurfaceCreate(SurfaceCreated {
            surface_id: r.u32(),
            width: r.u32(),
            height: r.u32(),
            format: r.pick(&[
                SurfaceFormat::A1,
                SurfaceFormat::A8,
                SurfaceFormat::X1R5G5B5,
                SurfaceFormat::R5G6B5,
                SurfaceFormat::X8R8G8B8,
                SurfaceFormat::A8R8G8B8,
            ]),
            flags: r.u32(),
        }),
        ServerKind::SurfaceDestroy => ServerMessage::SurfaceDestroy { surface_id: r.u32() },
        ServerKind::StreamDataSized => ServerMessage::StreamDataSized {
            id: r.u32(),
            multi_media_time: r.u32(),
            width: r.u32(),
            height: r.u32(),
            dest: r.rect(),
            data: r.payload(),
        },
        ServerKind::MonitorsConfig => ServerMessage::MonitorsConfig {
            max_allowed: r.u16(),
            heads: r.list(4, |r| Head {
                id: r.u32(),
                surface_id: r.u32(),
                width: r.u32(),
                height: r.u32(),
                x: r.u32(),
                y: r.u32(),
                flags: r.u32(),
            }),
        },
        ServerKind::StreamActivateReport => ServerMessage::StreamActivateReport(StreamActivateReport {
            stream_id: r.u32(),
            unique_id: r.u32(),
            max_window_size: r.u32(),
            timeout_ms: r.u32(),
        }),
        ServerKind::GlScanoutUnix => ServerMessage::GlScanoutUnix(GlScanout {
            width: r.u32(),
            height: r.u32(),
            stride: r.u32(),
            drm_fourcc_format: r.u32(),
            flags: r.u32(),
        }),
        _ => ServerMessage::GlDraw(GlRect { x: r.u32(), y: r.u32(), width: r.u32(), height: r.u32() }),
    }
}

pub(super) fn client_message(r: &mut Random) -> ClientMessage {
    match r.below(11) {
        0 => ClientMessage::AckSync { generation: r.u32() },
        1 => ClientMessage::Ack,
        2 => ClientMessage::Pong { id: r.u32(), timestamp: r.u64() },
        3 => ClientMessage::MigrateFlushMark,
        4 => ClientMessage::MigrateData(r.payload()),
        5 => ClientMessage::Disconnecting(Disconnect { time_stamp: r.u64(), reason: r.u32() }),
        6 => ClientMessage::Init(DisplayInit {
            pixmap_cache_id: r.u8(),
            pixmap_cache_size: r.u64() as i64,
            glz_dictionary_id: r.u8(),
            glz_dictionary_window_size: r.i32(),
        }),
        7 => ClientMessage::StreamReport(StreamReport {
            stream_id: r.u32(),
            unique_id: r.u32(),
            start_frame_mm_time: r.u32(),
            end_frame_mm_time: r.u32(),
            num_frames: r.u32(),
            num_drops: r.u32(),
            last_frame_delay: r.i32(),
            audio_delay: r.u32(),
        }),
        8 => ClientMessage::PreferredCompression(r.pick(&ImageCompression::ALL)),
        9 => ClientMessage::GlDrawDone,
        _ => ClientMessage::PreferredVideoCodecs(r.list(5, |r| VideoCodec(r.u8()))),
    }
}
