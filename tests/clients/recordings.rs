//! Recordings, each with every client at once.

use super::corpus;
use super::peer::Peer;
use rayon::prelude::*;
use spice_render::capture;
use spice_render::client::profile::Profile;
use spice_render::engine::{ClientOptions, Engine, Options};
use spice_render::qxl::testing::Rng;
use std::path::{Path, PathBuf};

/// Compressed bytes of recordings that are always played.
pub(crate) const SMALL: u64 = 110_000;
/// Clients that differ much.
const FEW: [&str; 4] = ["spice-gtk", "spice-html5", "images-only", "swiftspice"];

/// All of them, or those that `SPICE_RENDER_ONLY` picks.
pub(crate) fn recordings() -> Vec<PathBuf> {
    let only = std::env::var("SPICE_RENDER_ONLY").unwrap_or_default();
    let mut all = corpus::recordings(false);
    all.retain(|path| path.to_string_lossy().contains(&only));
    all
}

/// Small recordings of testdata/.
pub(crate) fn small() -> Vec<PathBuf> {
    let mut all = corpus::of(&corpus::testdata());
    all.retain(|path| path.metadata().unwrap().len() < SMALL);
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
