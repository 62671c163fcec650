//! What a client's session saves, whole and damaged.

use super::peer::Peer;
use super::recordings::small;
use spice_render::capture;
use spice_render::client::encode::content_hash;
use spice_render::client::save::RestoreError;
use spice_render::engine::{Engine, Options};
use spice_render::qxl::testing::{Generator, Rng};
use spice_render::qxl::{Command, Event, PrimaryCreate, SurfaceFormat, WorkerMessage};
use std::sync::Arc;
use std::time::Duration;

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
    const VERSION: u32 = 6;
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
