//! The invariant: when a client was sent everything, it shows what the engine shows, whatever the client lacks.
//!
//! Recordings are testdata/ and, where `SPICE_RENDER_CORPUS` names a folder laid out like it, that folder too;
//! `SPICE_RENDER_ONLY=part-of-a-name` picks some. `SPICE_RENDER_SEED` replays a failing random test.

use bytes::Bytes;
use rayon::prelude::*;
use spice_codecs::{Codec, Encoder, Options as CodecOptions, PixelFormat, Pixels};
use spice_raster::{Rect, Surface};
use spice_render::capture;
use spice_render::client::encode::content_hash;
use spice_render::client::link::Link;
use spice_render::client::metrics::Operations;
use spice_render::client::profile::Profile;
use spice_render::client::save::RestoreError;
use spice_render::draw::to_rgb;
use spice_render::engine::{ClientId, ClientOptions, Engine, Options};
use spice_render::features::{Compat, Features};
use spice_render::qxl::testing::{Generator, Rng};
use spice_render::qxl::{
    Bitmap, BitmapData, BitmapFormat, Brush, Clip, Command, Composite, Drawable, Event, Glyph, Image,
    ImageData, ImageRole, Op, OpKind, PathSegment, Point, PrimaryCreate, QMask, Ropd, ScaleMode, Str,
    SurfaceCmd, SurfaceCreate, SurfaceFormat, WorkerMessage,
};
use spice_render::viewer::Viewer;
use spice_render::wire::ImageKind;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Compressed bytes of recordings that are always played.
const SMALL: u64 = 110_000;
/// Clients that differ much.
const FEW: [&str; 4] = ["spice-gtk", "spice-html5", "images-only", "swiftspice"];

/// A client of the engine and what it shows.
struct Peer {
    id: ClientId,
    viewer: Viewer,
    bytes: u64,
}

impl Peer {
    fn join(engine: &mut Engine, options: ClientOptions, profile: Profile) -> Self {
        let id = engine.connect(options);
        Self { id, viewer: Viewer::new(profile), bytes: 0 }
    }

    fn named(engine: &mut Engine, name: &str) -> Self {
        let profile = Profile::builtin(name).unwrap();
        Self::join(engine, ClientOptions::new(profile.clone()), profile)
    }

    /// Another profile from now on. The client stays who it is: its caches do not grow.
    fn become_other(&mut self, engine: &mut Engine, mut profile: Profile) {
        let was = self.viewer.profile();
        (profile.image_cache, profile.glz_window) = (was.image_cache, was.glz_window);
        self.viewer.set_profile(profile.clone());
        engine.set_profile(self.id, profile);
    }

    /// Goes on from what its session saved, as after a migration.
    fn migrate(&mut self, engine: &mut Engine) {
        let saved = engine.save_client(self.id).unwrap();
        assert!(engine.disconnect(self.id));
        self.id = engine.restore_client(&saved).unwrap_or_else(|e| panic!("{e}"));
    }

    /// One poll; false if there was nothing.
    fn poll(&mut self, engine: &mut Engine, budget: usize) -> Result<bool, String> {
        let messages = engine.poll(self.id, Duration::ZERO, budget);
        let bytes: usize = messages.iter().map(|m| m.len()).sum();
        if bytes > budget && messages.len() > 1 {
            return Err(format!("{bytes} bytes for a budget of {budget}"));
        }
        self.bytes += bytes as u64;
        for message in &messages {
            let kind = u16::from_le_bytes([message[0], message[1]]);
            self.viewer
                .receive(message)
                .map_err(|e| format!("message of type {kind}, {} bytes: {e}", message.len()))?;
        }
        for reply in self.viewer.replies() {
            engine.receive(self.id, &reply);
        }
        Ok(!messages.is_empty())
    }

    /// Polls until nothing comes, and compares.
    fn flush(&mut self, engine: &mut Engine, budget: usize) -> Result<(), String> {
        for _ in 0..100_000 {
            if !self.poll(engine, budget)? {
                return self.compare(engine);
            }
        }
        Err("polls without end".to_owned())
    }

    fn compare(&self, engine: &mut Engine) -> Result<(), String> {
        if self.viewer.stats().wrong > 0 {
            return Err(format!("{} operations that the client lacks", self.viewer.stats().wrong));
        }
        let truth = engine.has_primary().then(|| engine.snapshot(0)).flatten();
        match (self.viewer.primary(), truth) {
            (None, None) => Ok(()),
            (Some(shown), Some(truth)) => same(shown, &truth),
            (shown, truth) => {
                Err(format!("client has a screen: {}, guest: {}", shown.is_some(), truth.is_some()))
            }
        }
    }
}

fn same(shown: &Surface, truth: &Surface) -> Result<(), String> {
    let size = |s: &Surface| (s.width(), s.height());
    if size(shown) != size(truth) {
        return Err(format!("client shows {:?}, guest {:?}", size(shown), size(truth)));
    }
    let (a, b) = (to_rgb(shown.view()), to_rgb(truth.view()));
    if a == b {
        return Ok(());
    }
    let width = truth.width() as usize;
    let mut bad = Rect::default();
    let mut first = None;
    let mut count = 0;
    for (i, (a, b)) in a.chunks(3).zip(b.chunks(3)).enumerate().filter(|(_, (a, b))| a != b) {
        let (x, y) = ((i % width) as i32, (i / width) as i32);
        bad = bad.union(&Rect::new(x, y, x + 1, y + 1));
        first.get_or_insert((x, y, a.to_vec(), b.to_vec()));
        count += 1;
    }
    Err(format!("{count} pixels differ, in {bad:?}; first {first:?}"))
}

fn recordings() -> Vec<PathBuf> {
    let mut roots = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")];
    match std::env::var_os("SPICE_RENDER_CORPUS") {
        Some(root) => roots = vec![root.into()],
        None => println!("SPICE_RENDER_CORPUS is not set: only testdata/ is tested"),
    }
    let only = std::env::var("SPICE_RENDER_ONLY").unwrap_or_default();
    let mut all: Vec<PathBuf> = roots
        .iter()
        .flat_map(|root| [root.join("sheets"), root.join("captures")])
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.map(|e| e.unwrap().path()))
        .filter(|p| p.to_string_lossy().ends_with(".rec.zst") && p.to_string_lossy().contains(&only))
        .collect();
    all.sort();
    all
}

/// One engine and every client of `names` at once, and with them clients that join later, that change into others on
/// the way, and whose queues are short; flushes and compares at random moments.
fn play(recording: &Path, names: &[&str], seed: u64, flush_one_in: u32) -> Result<(), String> {
    let mut rng = Rng::seeded(seed);
    let at = |e: &dyn std::fmt::Display, n: u64, peer: &Peer| {
        let name = &peer.viewer.profile().name;
        format!("{} event {n} client {name}: {e} (SPICE_RENDER_SEED={seed})", recording.display())
    };
    let mut engine = Engine::new(Options { shared_images: 32 << 20, ..Options::default() });
    let mut peers: Vec<Peer> = names.iter().map(|name| Peer::named(&mut engine, name)).collect();
    let mut extra = 0;
    let mut reader = capture::open(recording, capture::Limits::default()).map_err(|e| e.to_string())?;
    while let Some(record) = reader.next_record().map_err(|e| e.to_string())? {
        let _ = engine.submit(&record.event);
        if !rng.one_in(flush_one_in) {
            continue;
        }
        match rng.below(12) {
            0 if extra < 4 => {
                extra += 1;
                let profile = Profile::builtin(rng.pick(names)).unwrap();
                let mut options = ClientOptions::new(profile.clone());
                if rng.one_in(2) {
                    options = options.queue_bound(64 << 10);
                }
                peers.push(Peer::join(&mut engine, options, profile));
            }
            1 if peers.len() > names.len() => {
                // What is under way was made for the old profile.
                let last = peers.len() - 1;
                peers[last].flush(&mut engine, 1 << 20).map_err(|e| at(&e, record.number, &peers[last]))?;
                peers[last].become_other(&mut engine, Profile::builtin(rng.pick(names)).unwrap());
            }
            2 => {
                let i = rng.below(peers.len() as u32) as usize;
                peers[i].migrate(&mut engine);
            }
            _ => {}
        }
        let i = rng.below(peers.len() as u32) as usize;
        let budget = 1 << rng.below(20);
        let result = match rng.one_in(2) {
            true => peers[i].flush(&mut engine, budget),
            false => peers[i].poll(&mut engine, budget).map(|_| ()),
        };
        result.map_err(|e| at(&e, record.number, &peers[i]))?;
    }
    for peer in &mut peers {
        peer.flush(&mut engine, 1 << 20).map_err(|e| at(&e, u64::MAX, peer))?;
    }
    Ok(())
}

/// Small recordings with every client always. With the corpus all of it, large ones with some clients each in turn;
/// `SPICE_RENDER_EXHAUSTIVE=1` is every recording with every client (in a release build).
#[test]
fn every_recording_reaches_every_client() {
    let all: Vec<_> = Profile::builtin_names().collect();
    let whole = std::env::var_os("SPICE_RENDER_CORPUS").is_some();
    let exhaustive = std::env::var_os("SPICE_RENDER_EXHAUSTIVE").is_some();
    let failures: Vec<String> = recordings()
        .par_iter()
        .enumerate()
        .filter_map(|(index, recording)| {
            let size = recording.metadata().unwrap().len();
            let one_in = match size {
                200_001.. => 700,
                _ => 25,
            };
            if size >= SMALL && !whole {
                return None;
            }
            let in_turn = |at: usize| whole && (size <= 200_000 || (at + index).is_multiple_of(3));
            let wanted = |at: usize| exhaustive || size < 10_000 || FEW.contains(&all[at]) || in_turn(at);
            let names: Vec<&str> = (0..all.len()).filter(|at| wanted(*at)).map(|at| all[at]).collect();
            play(recording, &names, 1, one_in).err().inspect(|e| println!("{e}"))
        })
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn random_commands_random_clients() {
    let seed = Rng::seeded(0).0;
    let rounds = if seed == 0 { 1..40 } else { seed..seed + 1 };
    for seed in rounds {
        if let Err(e) = random(seed) {
            panic!("{e} (SPICE_RENDER_SEED={seed})");
        }
    }
}

fn random(seed: u64) -> Result<(), String> {
    let names: Vec<_> = Profile::builtin_names().collect();
    let mut rng = Rng(seed);
    let mut generator = Generator::new(Rng(seed ^ 0x5eed));
    let mut engine = Engine::new(Options::default());
    let mut peers: Vec<Peer> = Vec::new();
    for event in 0..600 {
        let event = match generator.event() {
            // A primary surface that lasts a while.
            Event::Worker(_) if event > 0 && !rng.one_in(12) => {
                Event::Command(Command::Drawable(Arc::new(generator.drawable())))
            }
            event => event,
        };
        let _ = engine.submit(&event);
        match rng.below(40) {
            0 if peers.len() < 4 => {
                let profile = Profile::builtin(rng.pick(&names)).unwrap();
                let mut options = ClientOptions::new(profile.clone());
                if rng.one_in(2) {
                    options = options.queue_bound(64 << 10).ack_window(20);
                }
                peers.push(Peer::join(&mut engine, options, profile));
            }
            1 if !peers.is_empty() && rng.one_in(4) => {
                let peer = peers.swap_remove(rng.below(peers.len() as u32) as usize);
                assert!(engine.disconnect(peer.id));
            }
            2 if !peers.is_empty() => {
                let i = rng.below(peers.len() as u32) as usize;
                // What is under way was made for the old one.
                peers[i].flush(&mut engine, 1 << 20)?;
                peers[i].become_other(&mut engine, Profile::builtin(rng.pick(&names)).unwrap());
            }
            3..10 if !peers.is_empty() => {
                let i = rng.below(peers.len() as u32) as usize;
                peers[i].poll(&mut engine, rng.below(3000) as usize)?;
            }
            14 if !peers.is_empty() => {
                let i = rng.below(peers.len() as u32) as usize;
                peers[i].migrate(&mut engine);
            }
            10..14 if !peers.is_empty() => {
                let i = rng.below(peers.len() as u32) as usize;
                let budget = 1 + rng.below(100_000) as usize;
                peers[i]
                    .flush(&mut engine, budget)
                    .map_err(|e| format!("{e}, client {}", peers[i].viewer.profile().name))?;
            }
            _ => {}
        }
    }
    for peer in &mut peers {
        peer.flush(&mut engine, 1 << 20)
            .map_err(|e| format!("{e}, client {}", peer.viewer.profile().name))?;
    }
    Ok(())
}

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
    Drawable { surface_id: 0, effect: 0, mm_time: 0, bbox, clip, self_bitmap, surface_deps: [None; 3], op }
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
    let mut engine = Engine::new(Options::default());
    let primary = PrimaryCreate::new(SIDE, SIDE, SurfaceFormat::X8R8G8B8);
    engine.submit(&Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface: primary })).unwrap();
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

/// Small recordings of testdata/.
fn small() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let folders = [root.join("sheets"), root.join("captures")];
    let mut all: Vec<PathBuf> =
        folders.iter().flat_map(|f| std::fs::read_dir(f).unwrap()).map(|e| e.unwrap().path()).collect();
    all.retain(|p| p.to_string_lossy().ends_with(".rec.zst") && p.metadata().unwrap().len() < SMALL);
    all.sort();
    all
}

/// What a guest's device has after a migration: the surfaces, with their pixels.
fn migrated(engine: &mut Engine) -> Engine {
    let mut there = Engine::new(Options { shared_images: 32 << 20, ..Options::default() });
    let mut live: Vec<_> = engine.graph().state().surfaces().iter().collect();
    live.sort_unstable_by_key(|(id, _)| *id);
    for (surface_id, info) in live {
        let pixels = engine.snapshot(surface_id).unwrap();
        let rows = (0..info.height).flat_map(|y| pixels.view().bytes_of_row(y).to_vec());
        let data: Vec<u8> = rows.collect();
        let (format, width, height) = (info.format, info.width, info.height);
        let event = if surface_id == 0 {
            let surface = PrimaryCreate {
                flags: SurfaceCreate::KEEP_DATA,
                data: data.into(),
                ..PrimaryCreate::new(width, height, format)
            };
            Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface })
        } else {
            let stride = format.words_per_row(width) as i32 * 4;
            let (flags, data) = (SurfaceCreate::KEEP_DATA, Some(data.into()));
            let create = SurfaceCreate { surface_id, flags, format, width, height, stride, data };
            Event::Command(Command::Surface(SurfaceCmd::Create(create)))
        };
        there.submit(&event).unwrap();
    }
    there
}

/// One guest twice: clients that stay, and the same ones that migrate with their guest: before every other poll, or at
/// random commands. Bytes sent to each, staying and migrating, and of the largest that was saved.
fn play_twice(recording: &Path, names: &[&str], at_random: bool) -> (Vec<[u64; 2]>, usize) {
    let events: Vec<Event> = capture::open(recording, capture::Limits::default())
        .unwrap()
        .map(|record| record.unwrap().event)
        .collect();
    let one_in = (events.len() as u32 / 150).max(60);
    let mut engines =
        [(); 2].map(|()| Engine::new(Options { shared_images: 32 << 20, ..Options::default() }));
    let mut peers =
        engines.each_mut().map(|e| names.iter().map(|name| Peer::named(e, name)).collect::<Vec<_>>());
    let mut rng = Rng::seeded(3);
    let (mut polls, mut moves, mut largest) = (0, 0, 0);
    for event in &events {
        for engine in &mut engines {
            let _ = engine.submit(event);
        }
        let poll = rng.one_in(one_in);
        polls += u32::from(poll);
        if if at_random { rng.one_in(2 * one_in) } else { poll && polls % 2 == 0 } {
            moves += 1;
            let mut there = migrated(&mut engines[1]);
            for peer in &mut peers[1] {
                let saved = engines[1].save_client(peer.id).unwrap();
                largest = largest.max(saved.len());
                peer.id = there.restore_client(&saved).unwrap_or_else(|e| panic!("{e}"));
            }
            engines[1] = there;
        }
        if poll {
            let budget = 1000 + rng.below(20_000) as usize;
            for (engine, peers) in engines.iter_mut().zip(&mut peers) {
                for peer in peers {
                    peer.poll(engine, budget).unwrap();
                }
            }
        }
    }
    for (engine, peers) in engines.iter_mut().zip(&mut peers) {
        for peer in peers {
            let name = peer.viewer.profile().name.clone();
            let done = peer.flush(engine, 1 << 20);
            done.unwrap_or_else(|e| panic!("{} {name}, {moves} migrations: {e}", recording.display()));
        }
    }
    ((0..names.len()).map(|i| [peers[0][i].bytes, peers[1][i].bytes]).collect(), largest)
}

/// At most 5 % more bytes for each built-in profile on each recording: small ones, and with the corpus those that
/// composite, scroll and move windows.
#[test]
fn migrated_clients_show_the_same_for_hardly_more_bytes() {
    /// An image more or less: recordings of a few kilobytes cannot tell 5 % from one.
    const ONE_IMAGE: u64 = 600;
    let names: Vec<_> = Profile::builtin_names().collect();
    let exhaustive = std::env::var_os("SPICE_RENDER_EXHAUSTIVE").is_some();
    let large = ["c_compmgr", "mupdf", "wmove", "c_gtk", "c_x11comp"];
    let large = if exhaustive { &large[..] } else { &large[..3] };
    let mut all = small();
    if std::env::var_os("SPICE_RENDER_CORPUS").is_some() {
        let wanted = |p: &PathBuf| {
            let name = p.file_name().unwrap().to_string_lossy();
            large.iter().any(|l| name.strip_prefix(l).is_some_and(|rest| rest.starts_with('.')))
        };
        all.extend(recordings().into_iter().filter(wanted));
    }
    let jobs: Vec<_> = all.iter().flat_map(|recording| [(recording, false), (recording, true)]).collect();
    let failures: Vec<String> = jobs
        .par_iter()
        .flat_map_iter(|(recording, at_random)| {
            let (bytes, largest) = play_twice(recording, &names, *at_random);
            let stem = recording.file_stem().unwrap().to_string_lossy().into_owned();
            let what = if *at_random { "at random" } else { "before every other poll" };
            let sums = bytes.iter().fold([0, 0], |sum, b| [sum[0] + b[0], sum[1] + b[1]]);
            println!("{stem} {what}: {} bytes, {} with migrations of up to {largest}", sums[0], sums[1]);
            let much = |b: &[u64; 2]| b[1] * 100 > (b[0] + ONE_IMAGE) * 105;
            let rise = |b: &[u64; 2]| b[1] as f64 / (b[0].max(1)) as f64 * 100.0 - 100.0;
            let worst = names.iter().zip(&bytes).max_by(|a, b| rise(a.1).total_cmp(&rise(b.1))).unwrap();
            println!("{stem} {what}: {} {:?} is {:.2} % more", worst.0, worst.1, rise(worst.1));
            let bad: Vec<_> = names.iter().zip(bytes).filter(|(_, b)| much(b)).collect();
            bad.into_iter()
                .map(move |(name, b)| format!("{stem} {what}: {name} {} bytes, {} with", b[0], b[1]))
        })
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

/// A newer host's clients go on at an older one, whose engine is held to what it has: exact, and without the rest.
#[test]
fn a_pinned_engine_goes_on_with_what_a_newer_one_saved() {
    let codecs = [
        (Features::CODEC_QUIC, &[ImageKind::Quic][..]),
        (Features::CODEC_LZ, &[ImageKind::LzRgb, ImageKind::LzPlt]),
        (Features::CODEC_GLZ, &[ImageKind::GlzRgb]),
        (Features::CODEC_ZLIB_GLZ, &[ImageKind::ZlibGlzRgb]),
        (Features::CODEC_LZ4, &[ImageKind::Lz4]),
        (Features::CODEC_JPEG, &[ImageKind::Jpeg]),
    ];
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures/xterm.rec.zst");
    let mut events = Vec::new();
    for record in capture::open(&recording, capture::Limits::default()).unwrap() {
        events.push(record.unwrap().event);
    }
    let (before, after) = events.split_at(events.len() / 2);
    let gtk = || Profile::builtin("spice-gtk").unwrap();
    let all_but = |without: Features| Compat::default().and(Features::from_bits(!without.bits()));
    let mut used = BTreeSet::new();
    for (without, kinds) in [(Features::NONE, &[][..])].into_iter().chain(codecs) {
        let mut newer = Engine::new(Options::default());
        let compat = all_but(without);
        let narrowed = compat.narrow(gtk());
        let mut older = Engine::new(Options { compat, ..Options::default() });
        let slow = Link::of_bandwidth(2_000_000);
        let options = ClientOptions::new(gtk()).link(slow).lossy(without == Features::NONE);
        let mut peer = Peer::join(&mut newer, options, gtk());
        for (i, event) in before.iter().enumerate() {
            assert_eq!(newer.submit(event), older.submit(event));
            if i % 50 == 0 {
                peer.poll(&mut newer, 5000).unwrap();
            }
        }
        let saved = newer.save_client(peer.id).unwrap();
        peer.id = older.restore_client(&saved).unwrap();
        assert_eq!(older.profile(peer.id), Some(&narrowed));
        for (i, event) in after.iter().enumerate() {
            let _ = older.submit(event);
            if i % 50 == 0 {
                peer.poll(&mut older, 5000).unwrap();
            }
        }
        while peer.poll(&mut older, 1 << 20).unwrap() {}
        older.idle(peer.id);
        peer.flush(&mut older, 1 << 20).unwrap();
        let sent = &older.metrics(peer.id).unwrap().by_image;
        assert!(kinds.iter().all(|kind| !sent.contains_key(kind)), "{kinds:?}: {sent:?}");
        used.extend(sent.keys().copied());
        // Not even when it is made another one.
        assert!(older.set_profile(peer.id, gtk()));
        assert_eq!(older.profile(peer.id), Some(&narrowed));
    }
    println!("used: {used:?}");
    assert!(used.len() >= 5, "these prove nothing: {used:?}");
}

/// What was negotiated with a client holds where it goes on, too.
#[test]
fn a_restored_client_keeps_its_minor_version() {
    let mut engine = Engine::new(Options::default());
    let gtk = || Profile::builtin("spice-gtk").unwrap();
    let old = engine.connect(ClientOptions::new(gtk()).minor(0));
    let saved = engine.save_client(old).unwrap();
    let restored = engine.restore_client(&saved).unwrap();
    assert!(engine.set_profile(restored, gtk()));
    assert_eq!(engine.profile(restored), Some(&gtk().narrowed_to_minor(0)));
}

/// Engines with clients that hold much and for which much waits.
fn full_engines() -> Vec<(Engine, Vec<Peer>)> {
    let names = ["spice-gtk", "images-only"];
    let mut all = Vec::new();
    let recording = small().into_iter().min_by_key(|p| p.metadata().unwrap().len()).unwrap();
    let recorded: Vec<Event> = capture::open(&recording, capture::Limits::default())
        .unwrap()
        .map(|record| record.unwrap().event)
        .collect();
    let generated = (1..=12).map(|seed| {
        let mut generator = Generator::new(Rng(seed));
        let surface = PrimaryCreate::new(60, 50, SurfaceFormat::X8R8G8B8);
        let mut events = vec![Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface })];
        events.extend(std::iter::repeat_with(|| generator.event()).take(400));
        // One that stays, so that there is a screen for operations to wait for.
        let mut first = true;
        events.retain(|event| !matches!(event, Event::Worker(_)) || std::mem::take(&mut first));
        events
    });
    for events in std::iter::once(recorded).chain(generated) {
        let mut rng = Rng::seeded(11);
        let mut engine = Engine::new(Options::default());
        let mut peers: Vec<Peer> = names.iter().map(|n| Peer::named(&mut engine, n)).collect();
        let last_poll = events.len().saturating_sub(60);
        for (i, event) in events.iter().enumerate() {
            let _ = engine.submit(event);
            if i < last_poll && rng.one_in(30) {
                for peer in &mut peers {
                    peer.poll(&mut engine, 5000).unwrap();
                }
            }
        }
        all.push((engine, peers));
    }
    all
}

#[test]
fn damaged_savings_are_refused() {
    const HEAD: usize = 36;
    const VERSION: u32 = 5;
    let mut rng = Rng::seeded(11);
    let (mut taken, mut refused) = (0, 0);
    for (mut engine, peers) in full_engines() {
        let mut generator = Generator::new(Rng(77));
        for peer in &peers {
            let saved = engine.save_client(peer.id).unwrap();
            for _ in 0..120 {
                let mut bad = saved.clone();
                if rng.one_in(8) {
                    bad.truncate(rng.below(saved.len() as u32) as usize);
                } else {
                    for _ in 0..=rng.below(3) {
                        // What waits is at the end.
                        let len = saved.len() as u32;
                        let from_end = if rng.one_in(2) { rng.below(len.min(6000)) } else { rng.below(len) };
                        let at = (len - 1 - from_end) as usize;
                        bad[at] = match rng.below(3) {
                            0 => bad[at] ^ 1 << rng.below(8),
                            1 => rng.next_u32() as u8,
                            _ => rng.pick(&[0, 1, 0x7f, 0x80, 0xff]),
                        };
                    }
                }
                assert!(bad == saved || engine.restore_client(&bad).is_err());
                // Whoever makes it agree may say anything: that must do no harm but to that client's picture.
                if bad.len() < HEAD {
                    continue;
                }
                let fields = &bad[HEAD..];
                let (len, hash) = (fields.len() as u64, content_hash([VERSION.into(), 0], fields).0);
                bad[..8].copy_from_slice(&saved[..8]);
                bad[8..12].copy_from_slice(&VERSION.to_le_bytes());
                bad[12..20].copy_from_slice(&len.to_le_bytes());
                bad[20..36].copy_from_slice(&hash.to_le_bytes());
                match engine.restore_client(&bad) {
                    Ok(id) => {
                        taken += 1;
                        let again = engine.save_client(id).unwrap();
                        let other = engine.restore_client(&again).unwrap();
                        for client in [id, other] {
                            engine.poll(client, Duration::ZERO, 1 << 20);
                            let _ = engine.submit(&draw_any(&mut generator));
                            engine.poll(client, Duration::ZERO, 1 << 20);
                            engine.disconnect(client);
                        }
                    }
                    Err(_) => refused += 1,
                }
            }
            for found in [VERSION - 1, VERSION + 1] {
                let mut other = saved.clone();
                other[8..12].copy_from_slice(&found.to_le_bytes());
                assert_eq!(engine.restore_client(&other), Err(RestoreError::Version { found }));
            }
            let id = engine.restore_client(&saved).unwrap();
            assert!(engine.disconnect(id));
        }
    }
    println!("{taken} taken, {refused} refused");
    assert!(taken > 600 && refused > 600, "{taken} {refused}");
}

fn draw_any(generator: &mut Generator) -> Event {
    Event::Command(Command::Drawable(Arc::new(generator.drawable())))
}

/// What is restored and saved again is as large as before. (Not at once: where the guest has another screen than when the
/// client was polled last, what waits for the old one is nothing to the client any more.)
#[test]
fn a_restored_client_is_saved_as_it_was() {
    for (mut engine, peers) in full_engines() {
        for peer in &peers {
            let first = engine.save_client(peer.id).unwrap();
            let second = engine.restore_client(&first).unwrap();
            let saved = engine.save_client(second).unwrap();
            let third = engine.restore_client(&saved).unwrap();
            assert_eq!(engine.save_client(third).unwrap().len(), saved.len());
        }
    }
}

fn draw(surface_id: u32, bbox: Rect, op: Op) -> Event {
    let (clip, surface_deps) = (Clip::None, [None; 3]);
    let drawable =
        Drawable { surface_id, effect: 0, mm_time: 0, bbox, clip, self_bitmap: None, surface_deps, op };
    Event::Command(Command::Drawable(Arc::new(drawable)))
}

fn copy(surface_id: u32, to: Rect, src: Image) -> Event {
    let src_area = Rect::of_size(to.width(), to.height());
    let (rop, scale_mode, mask) = (Ropd::PUT, ScaleMode::NEAREST, QMask::default());
    draw(surface_id, to, Op::Copy { src: Some(src), src_area, rop, scale_mode, mask })
}

/// Pixels that nothing but their bits can tell.
fn noise(rng: &mut Rng, format: BitmapFormat, width: u32, height: u32) -> Image {
    let data: Vec<u8> = (0..width * height * 4).map(|_| rng.below(256) as u8).collect();
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

fn surface(id: u32, width: u32, height: u32) -> Image {
    Image { id: 0, flags: 0, width, height, data: ImageData::Surface(id) }
}

/// An engine with a screen of 600 by 500, and a client that shows it.
fn screen(client: &str) -> (Engine, Peer) {
    let mut engine = Engine::new(Options::default());
    let surface = PrimaryCreate::new(600, 500, SurfaceFormat::X8R8G8B8);
    engine.submit(&Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface })).unwrap();
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
    let brush = Brush::Pattern { image: Some(tile.clone()), pos: Point::new(0, 0) };
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
