//! How much is sent for what, and in which way.

use super::peer::{Peer, engine};
use spice_raster::Rect;
use spice_render::client::metrics::Operations;
use spice_render::engine::Engine;
use spice_render::qxl::testing::Rng;
use spice_render::qxl::{
    Bitmap, BitmapFormat, Brush, Clip, Command, Composite, Drawable, Event, Glyph, Image, ImageData, Op,
    Point, QMask, Ropd, ScaleMode, Str, SurfaceCmd, SurfaceCreate, SurfaceDeps, SurfaceFormat,
};
use std::sync::Arc;

pub(crate) fn draw(surface_id: u32, bbox: Rect, op: Op) -> Event {
    let (clip, surface_deps) = (Clip::None, SurfaceDeps::default());
    let drawable =
        Drawable { surface_id, effect: 0, mm_time: 0, bbox, clip, self_bitmap: None, surface_deps, op };
    Event::Command(Command::Drawable(Arc::new(drawable)))
}

pub(crate) fn copy(surface_id: u32, to: Rect, src: Image) -> Event {
    let src_area = Rect::of_size(to.width(), to.height());
    let (rop, scale_mode, mask) = (Ropd::PUT, ScaleMode::NEAREST, QMask::default());
    draw(surface_id, to, Op::Copy { src: Some(src), src_area, rop, scale_mode, mask })
}

/// A picture of these bytes, four a pixel.
pub(crate) fn picture(format: BitmapFormat, width: u32, height: u32, data: Vec<u8>) -> Image {
    let bitmap = Bitmap {
        format,
        flags: Bitmap::TOP_DOWN,
        width,
        height,
        stride: width * 4,
        palette: None,
        data: data.into(),
        chunks: Vec::new(),
    };
    Image { id: 0, flags: 0, width, height, data: ImageData::Bitmap(bitmap) }
}

/// Pixels that nothing but their bits can tell.
fn noise(rng: &mut Rng, format: BitmapFormat, width: u32, height: u32) -> Image {
    picture(format, width, height, (0..width * height * 4).map(|_| rng.below(256) as u8).collect())
}

fn surface(id: u32, width: u32, height: u32) -> Image {
    Image { id: 0, flags: 0, width, height, data: ImageData::Surface(id) }
}

/// An engine with a screen of 600 by 500, and a client that shows it.
fn screen(client: &str) -> (Engine, Peer) {
    let mut engine = engine(600, 500);
    let mut peer = Peer::named(&mut engine, client);
    peer.flush(&mut engine, 1 << 20).unwrap();
    (engine, peer)
}

#[test]
fn what_off_screen_surfaces_show_is_drawn_rather_than_sent() {
    let (mut engine, mut peer) = screen("spice-gtk");
    let mut rng = Rng::seeded(5);
    for (surface_id, width, height) in [(1, 64, 64), (2, 560, 480)] {
        let (flags, format, stride) = (0, SurfaceFormat::A8R8G8B8, width as i32 * 4);
        let create = SurfaceCreate { surface_id, flags, format, width, height, stride, data: None };
        engine.submit(&Event::Command(Command::Surface(SurfaceCmd::Create(create)))).unwrap();
    }
    let picture = noise(&mut rng, BitmapFormat::Rgba, 64, 64);
    engine.submit(&copy(1, Rect::of_size(64, 64), picture)).unwrap();
    let fill = Op::Fill { brush: Brush::Solid(0x4020_3040), rop: Ropd::PUT, mask: QMask::default() };
    engine.submit(&draw(2, Rect::of_size(560, 480), fill)).unwrap();
    let composite = |flags, src, scale: Option<i32>| {
        let src_transform = scale.map(|s| [s, s / 5, 0, -s / 7, s, 1 << 20]);
        let origin = spice_render::qxl::Point::new(0, 0);
        Op::Composite(Box::new(Composite {
            flags,
            src: Some(src),
            src_transform,
            mask: None,
            mask_transform: None,
            src_origin: origin,
            mask_origin: origin,
        }))
    };
    // Source over, repeated, bilinear: all of it is noise of its own.
    const OVER: u32 = 3;
    for i in 0..20 {
        let bbox = Rect::new(i * 20, i * 15, i * 20 + 160, i * 15 + 160);
        let op = composite(OVER | 2 << 8 | 1 << 14, surface(1, 64, 64), Some(40_000 + i * 3000));
        engine.submit(&draw(2, bbox, op)).unwrap();
    }
    engine
        .submit(&draw(0, Rect::new(20, 10, 580, 490), composite(OVER, surface(2, 560, 480), None)))
        .unwrap();
    let before = peer.bytes;
    peer.flush(&mut engine, 1 << 20).unwrap();
    let bytes = peer.bytes - before;
    // The noise itself, and 22 operations.
    assert!(bytes < 64 * 64 * 4 + 22 * 200, "{bytes}");
    assert_eq!(engine.metrics(peer.id).unwrap().operations.passed, 1);

    // And on from there, with a copy of a part.
    let op = composite(OVER | 2 << 8 | 1 << 14, surface(1, 64, 64), Some(-30_000));
    engine.submit(&draw(2, Rect::new(200, 100, 500, 400), op)).unwrap();
    engine
        .submit(&draw(0, Rect::new(20, 10, 580, 490), composite(OVER, surface(2, 560, 480), None)))
        .unwrap();
    let before = peer.bytes;
    peer.flush(&mut engine, 1 << 20).unwrap();
    assert!(peer.bytes - before < 500, "{}", peer.bytes - before);
}

/// A line of text as a Windows guest writes it.
fn text(at: Point, glyphs: i32) -> Op {
    let glyph = |i: i32| Glyph {
        render_pos: Point::new(at.x + i * 9, at.y),
        origin: Point::new(0, -12),
        width: 8,
        height: 12,
        data: (0..4 * 12).map(|b| (b * 37 + i * 11) as u8).collect::<Vec<u8>>().into(),
    };
    Op::Text {
        str: Str { flags: Str::RASTER_A4, glyphs: (0..glyphs).map(glyph).collect() },
        back_area: Rect::default(),
        fore_brush: Brush::Solid(0x10_2030),
        back_brush: Brush::None,
        fore_mode: Ropd::PUT,
        back_mode: Ropd::PUT,
    }
}

/// What clients get for an operation over noise that they show already: bytes, and what became of the operation.
fn over_noise(client: &str, op: Op) -> (u64, Operations) {
    let (mut engine, mut peer) = screen(client);
    let mut rng = Rng::seeded(8);
    let all = Rect::of_size(600, 500);
    engine.submit(&copy(0, all, noise(&mut rng, BitmapFormat::Bit32, 600, 500))).unwrap();
    peer.flush(&mut engine, 1 << 20).unwrap();
    let before = peer.bytes;
    engine.submit(&draw(0, Rect::new(20, 20, 580, 480), op)).unwrap();
    peer.flush(&mut engine, 1 << 20).unwrap();
    (peer.bytes - before, engine.metrics(peer.id).unwrap().operations)
}

#[test]
fn text_and_patterns_are_drawn_by_clients_that_can() {
    let (bytes, operations) = over_noise("spice-gtk", text(Point::new(40, 100), 50));
    // The glyphs and their heads.
    assert!(bytes < 50 * (20 + 48) + 100, "{bytes}");
    assert_eq!((operations.passed, operations.rewritten), (1, 0));
    let (bytes, operations) = over_noise("spice-html5", text(Point::new(40, 100), 50));
    assert!(bytes > 10_000, "{bytes}");
    assert_eq!((operations.passed, operations.rewritten), (0, 0));

    let mut rng = Rng::seeded(9);
    let tile = noise(&mut rng, BitmapFormat::Bit32, 8, 8);
    let brush = Brush::Pattern { image: Some(tile.clone().into()), pos: Point::new(0, 0) };
    let patinvert = |brush| Op::Rop3 {
        src: Some(tile.clone()),
        src_area: Rect::of_size(8, 8),
        brush,
        rop3: 0x5a,
        scale_mode: ScaleMode::NEAREST,
        mask: QMask::default(),
    };
    // A rop that the client library does not know by this name.
    let (bytes, operations) = over_noise("spice-gtk", patinvert(brush));
    assert!(bytes < 500, "{bytes}");
    assert_eq!((operations.passed, operations.rewritten), (0, 1));
    let (bytes, operations) = over_noise("spice-web-client", patinvert(Brush::Solid(0xff_ffff)));
    assert!(bytes < 100, "{bytes}");
    assert_eq!((operations.passed, operations.rewritten), (0, 1));
}

#[test]
fn images_that_move_are_named_again() {
    let (mut engine, mut peer) = screen("images-only");
    let mut rng = Rng::seeded(6);
    engine.submit(&copy(0, Rect::of_size(600, 500), noise(&mut rng, BitmapFormat::Bit32, 600, 500))).unwrap();
    peer.flush(&mut engine, 1 << 20).unwrap();
    let whole = peer.bytes;
    let mut scroll = |peer: &mut Peer, by: i32| {
        let up = Op::CopyBits { src_pos: spice_render::qxl::Point::new(0, by) };
        engine.submit(&draw(0, Rect::of_size(600, 500 - by as u32), up)).unwrap();
        let strip = noise(&mut rng, BitmapFormat::Bit32, 600, by as u32);
        engine.submit(&copy(0, Rect::new(0, 500 - by, 600, 500), strip)).unwrap();
        peer.flush(&mut engine, 1 << 20).unwrap();
    };
    // From the first time on, images are cut for it.
    scroll(&mut peer, 40);
    let before = peer.bytes;
    (0..4).for_each(|_| scroll(&mut peer, 23));
    // Four strips, and what was left of the bands that were cut.
    let moved = peer.bytes - before;
    assert!(moved * 10 < whole * 4, "{moved} bytes for four strips, {whole} for all");
}

#[test]
fn clipped_inversions_become_inversions_of_rectangles() {
    let (mut engine, mut peer) = screen("spice-web-client");
    let mut rng = Rng::seeded(7);
    engine.submit(&copy(0, Rect::of_size(600, 500), noise(&mut rng, BitmapFormat::Bit32, 600, 500))).unwrap();
    peer.flush(&mut engine, 1 << 20).unwrap();
    let before = peer.bytes;
    let clip = vec![Rect::new(30, 40, 200, 60), Rect::new(50, 60, 90, 400)];
    let op = Op::Invers { mask: QMask::default() };
    let Event::Command(Command::Drawable(drawable)) = draw(0, Rect::new(20, 20, 500, 420), op) else {
        unreachable!()
    };
    let drawable = Drawable { clip: Clip::Rects(clip), ..(*drawable).clone() };
    engine.submit(&Event::Command(Command::Drawable(Arc::new(drawable)))).unwrap();
    peer.flush(&mut engine, 1 << 20).unwrap();
    assert!(peer.bytes - before < 200, "{}", peer.bytes - before);
    let operations = engine.metrics(peer.id).unwrap().operations;
    assert_eq!((operations.passed, operations.rewritten, operations.rasterised), (0, 1, 1));
}
