//! Each operation that a client has, sent to it as it is.

use super::peer::{Peer, engine};
use bytes::Bytes;
use rayon::prelude::*;
use spice_codecs::{Codec, Encoder, Options as CodecOptions, PixelFormat, Pixels};
use spice_raster::Rect;
use spice_render::client::metrics::Operations;
use spice_render::client::profile::Profile;
use spice_render::qxl::testing::{Generator, Rng};
use spice_render::qxl::{
    Bitmap, BitmapData, BitmapFormat, Brush, Command, Drawable, Event, Image, ImageData, ImageRole, Op,
    OpKind, PathSegment, Str, SurfaceCmd, SurfaceCreate, SurfaceDeps, SurfaceFormat,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a generator makes, made to draw on the screen (surface 0, `side` wide and high) and to read within its sources:
/// `surfaces` are the others, by id, and their sizes.
fn tame(drawable: Drawable, rng: &mut Rng, side: i32, surfaces: &[(u32, u32)]) -> Drawable {
    let Drawable { bbox, clip, self_bitmap, mut op, .. } = drawable;
    let inside = |r: Rect| {
        let (w, h) = (r.width().clamp(1, side as u32) as i32, r.height().clamp(1, side as u32) as i32);
        let (left, top) = (r.left.clamp(0, side - w), r.top.clamp(0, side - h));
        Rect::new(left, top, left + w, top + h)
    };
    let bbox = inside(bbox);
    let self_bitmap = self_bitmap.map(inside);
    // Ids of images mean what came first.
    let fresh = |mut image: Image, rng: &mut Rng, mask: bool| {
        image.id = rng.next_u64();
        if let ImageData::Surface(id) = image.data {
            let (width, height) = surfaces[id as usize];
            (image.width, image.height) = (width, height);
        }
        match &mut image.data {
            ImageData::Bitmap(b) if mask => {
                b.format = rng.pick(&[BitmapFormat::Bit1Be, BitmapFormat::Bit1Le])
            }
            ImageData::Bitmap(b) if b.format == BitmapFormat::Bit32 && rng.one_in(2) => {
                if let Some(stream) = quic(b) {
                    image.data = ImageData::Quic(stream);
                }
            }
            _ => {}
        }
        image
    };
    let small_mask = |image: &Image| !matches!(&image.data, ImageData::Bitmap(b) if b.stride * 8 < b.width);
    op = op
        .map_images(|role, image| {
            let mask = role == ImageRole::Mask;
            Ok::<_, ()>(image.map(|i| fresh(i.clone(), rng, mask)).filter(|i| !mask || small_mask(i)))
        })
        .unwrap();
    if let Op::Composite(c) = &mut op
        && c.mask.as_ref().is_some_and(|m| matches!(&m.data, ImageData::Bitmap(b) if b.format.has_palette()))
    {
        c.mask = None;
    }
    let size = match (op.src(), self_bitmap) {
        (Some(image), _) => Some((image.width, image.height)),
        (None, Some(own)) => Some((own.width(), own.height())),
        _ => None,
    };
    if let (Some(area), Some((width, height))) = (op.src_area_mut(), size) {
        let scaled = rng.one_in(3);
        let part = |rng: &mut Rng, most: u32, wanted: u32| {
            let len = if scaled { 1 + rng.below(most) } else { wanted.min(most) };
            (rng.below(most - len + 1) as i32, len as i32)
        };
        let ((left, w), (top, h)) = (part(rng, width, bbox.width()), part(rng, height, bbox.height()));
        *area = Rect::new(left, top, left + w, top + h);
    }
    let bbox = match op.src_area() {
        Some(area) if !rng.one_in(3) => {
            let size = Rect::of_size(area.width().min(bbox.width()), area.height().min(bbox.height()));
            size.translate(bbox.left, bbox.top)
        }
        _ => bbox,
    };
    match &mut op {
        Op::Rop3 { brush: Brush::Pattern { pos, .. }, .. } => {
            (pos.x, pos.y) = (pos.x.min(bbox.left), pos.y.min(bbox.top));
        }
        Op::Stroke { path, .. } if rng.one_in(3) => {
            for segment in path.iter_mut().filter(|s| s.points.len() % 3 == 1) {
                segment.flags |= PathSegment::BEZIER;
            }
        }
        Op::Text { str, .. } if str.flags & Str::RASTER_A8 != 0 && rng.one_in(2) => {
            str.glyphs.iter_mut().for_each(|g| g.render_pos.y = bbox.top - g.origin.y - 1);
        }
        _ => {}
    }
    let surface_deps = SurfaceDeps::default();
    Drawable { surface_id: 0, effect: 0, mm_time: 0, bbox, clip, self_bitmap, surface_deps, op }
}

/// A bitmap as a QUIC stream.
fn quic(bitmap: &Bitmap) -> Option<Bytes> {
    let BitmapData::Held(data) = &bitmap.data else { return None };
    let stride = bitmap.stride as usize;
    let pixels = Pixels::new(PixelFormat::Rgb32, bitmap.width, bitmap.height, stride, true, data)?;
    let mut out = Vec::new();
    Encoder::default().encode(&pixels, Codec::Quic, &CodecOptions::default(), &mut out).ok()?;
    Some(out.into())
}

/// Every operation that a client can draw goes over the wire, whatever it costs, and shows the same there.
fn forced(name: &str, seed: u64) -> Result<BTreeMap<OpKind, Operations>, String> {
    const SIDE: u32 = 90;
    let mut rng = Rng(seed);
    let mut generator = Generator::new(Rng(seed ^ 0xf0_5eed));
    (generator.wild, generator.quic) = (false, false);
    let mut engine = engine(SIDE, SIDE);
    let mut surfaces = vec![(SIDE, SIDE)];
    for surface_id in 1..5 {
        use SurfaceFormat as S;
        let format = rng.pick(&[S::X8R8G8B8, S::A8R8G8B8, S::A8R8G8B8, S::A8, S::X1R5G5B5, S::A1]);
        let (width, height) = (20 + rng.below(60), 20 + rng.below(60));
        let stride = (width * format.bits_per_pixel()).div_ceil(32) * 4;
        let data = Some(rng.bytes((stride * height) as usize).into());
        let flags = SurfaceCreate::KEEP_DATA;
        let create = SurfaceCreate { surface_id, flags, format, width, height, stride: stride as i32, data };
        engine.submit(&Event::Command(Command::Surface(SurfaceCmd::Create(create)))).unwrap();
        surfaces.push((width, height));
    }
    let mut peer = Peer::named(&mut engine, name);
    engine.pass_everything(peer.id);
    for event in 0..500 {
        let mut drawable = tame(generator.drawable(), &mut rng, SIDE as i32, &surfaces);
        if rng.one_in(8) {
            // What surfaces show changes, too.
            drawable.surface_id = 1 + rng.below(4);
        }
        let what = format!("{:?} {:?} {:?}", drawable.bbox, drawable.clip, drawable.op);
        let _ = engine.submit(&Event::Command(Command::Drawable(Arc::new(drawable))));
        if rng.one_in(4) {
            let flushed = peer.flush(&mut engine, 1 << 20);
            flushed
                .map_err(|e| format!("{name} event {event}: {e} (SPICE_RENDER_SEED={seed}); last {what}"))?;
        }
    }
    peer.flush(&mut engine, 1 << 20)?;
    Ok(engine.metrics(peer.id).unwrap().by_operation.clone())
}

#[test]
fn every_operation_that_a_client_has_is_drawn_by_it() {
    let seed = Rng::seeded(0).0;
    let rounds = if seed == 0 { 1..13 } else { seed..seed + 1 };
    let names: Vec<&str> = Profile::builtin_names().collect();
    let all: Vec<(&str, BTreeMap<OpKind, Operations>)> = names
        .par_iter()
        .map(|name| {
            let mut sums: BTreeMap<OpKind, Operations> = BTreeMap::new();
            for seed in rounds.clone() {
                for (kind, n) in forced(name, seed).unwrap_or_else(|e| panic!("{e}")) {
                    let sum = sums.entry(kind).or_default();
                    sum.passed += n.passed;
                    sum.rewritten += n.rewritten;
                    sum.rasterised += n.rasterised;
                }
            }
            (*name, sums)
        })
        .collect();
    for (name, sums) in &all {
        println!("{name}");
        for (kind, Operations { passed, rewritten, rasterised }) in sums {
            println!("    {:12} {passed:5} {rewritten:5} {rasterised:5}", kind.name());
        }
    }
    let of = |name: &str| &all.iter().find(|(n, _)| *n == name).unwrap().1;
    for name in ["spice-gtk", "spicec", "full"] {
        for kind in OpKind::ALL.into_iter().filter(|k| *k != OpKind::Nop) {
            let n = of(name)[&kind];
            assert!(n.passed > 0 && n.passed + n.rewritten > n.rasterised / 2, "{name} {kind:?} {n:?}");
        }
    }
    let rewritten = |name: &str| of(name).values().map(|n| n.rewritten).sum::<u64>();
    for name in ["spice-html5", "spice-viewer", "spice-web-client", "ryll", "android-2011", "images-only"] {
        assert!(rewritten(name) > 0, "{name}");
    }
}
