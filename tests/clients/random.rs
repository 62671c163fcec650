//! Random commands and clients that come, go and change at random.

use super::peer::Peer;
use spice_render::client::profile::Profile;
use spice_render::engine::{ClientOptions, Engine, Options};
use spice_render::qxl::testing::{Generator, Rng};
use spice_render::qxl::{Command, Event};
use std::sync::Arc;

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
