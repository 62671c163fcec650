//! Clients that go on at another engine.

use super::peer::Peer;
use super::recordings::{recordings, small};
use rayon::prelude::*;
use spice_render::capture;
use spice_render::client::link::Link;
use spice_render::client::profile::Profile;
use spice_render::engine::{ClientOptions, Engine, Options};
use spice_render::features::{Compat, Features};
use spice_render::qxl::testing::Rng;
use spice_render::qxl::{Command, Event, PrimaryCreate, SurfaceCmd, SurfaceCreate, WorkerMessage};
use spice_render::wire::ImageKind;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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
/// composite, scroll and move windows, at random commands only. `SPICE_RENDER_EXHAUSTIVE=1` is every recording that
/// there is, both ways (in a release build).
#[test]
fn migrated_clients_show_the_same_for_hardly_more_bytes() {
    /// An image more or less: recordings of a few kilobytes cannot tell 5 % from one.
    const ONE_IMAGE: u64 = 600;
    let names: Vec<_> = Profile::builtin_names().collect();
    let exhaustive = std::env::var_os("SPICE_RENDER_EXHAUSTIVE").is_some();
    let large = ["c_compmgr.rec.zst", "mupdf.rec.zst", "wmove.rec.zst"];
    let name = |p: &PathBuf| p.file_name().unwrap().to_string_lossy().into_owned();
    let small = small();
    let mut jobs: Vec<_> =
        small.iter().flat_map(|path| [(path.clone(), false), (path.clone(), true)]).collect();
    if std::env::var_os("SPICE_RENDER_CORPUS").is_some() {
        let there: BTreeSet<String> = small.iter().map(name).collect();
        let others = recordings().into_iter().filter(|path| !there.contains(&name(path)));
        let others: Vec<_> =
            others.filter(|path| exhaustive || large.contains(&name(path).as_str())).collect();
        jobs.extend(others.iter().map(|path| (path.clone(), true)));
        if exhaustive {
            jobs.extend(others.into_iter().map(|path| (path, false)));
        }
    }
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
