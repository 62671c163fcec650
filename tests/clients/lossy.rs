//! Slow links: films lose what nobody sees in them, what stands beside them nothing, and in the end nothing does.

use super::peer::{Peer, engine};
use super::sending::{copy, picture};
use spice_raster::Rect;
use spice_render::client::link::Link;
use spice_render::client::profile::Profile;
use spice_render::engine::ClientOptions;
use spice_render::qxl::BitmapFormat;
use spice_render::qxl::testing::Rng;
use spice_render::wire::ImageKind;
use std::time::Duration;

const WIDTH: u32 = 400;
const HEIGHT: u32 = 240;
/// Columns of the film; beside it are letters, above on plain ground and below on ground of some shades.
const FILM: u32 = 256;

/// Coloured hills with grain that wander.
fn hills(x: u32, y: u32, frame: u32, rng: &mut Rng) -> u32 {
    let wave = |at: u32, length: f64| (f64::from(at) / length).sin() * 50.0 + 110.0;
    let channels = [wave(x + 5 * frame, 31.0), wave(y + 3 * frame, 43.0), wave(x + y + 7 * frame, 57.0)];
    channels.iter().fold(0, |pixel, c| pixel << 8 | (*c as u32 + rng.below(6)))
}

/// Strokes of two pixels, other ones in each cell and frame.
fn is_ink(x: u32, y: u32, frame: u32) -> bool {
    let (cell, bit) = ((x / 8) * 31 + (y / 12) * 17 + frame, (x % 8 / 2) + (y % 12 / 2) * 4);
    x % 8 < 6
        && y % 12 < 10
        && u64::from(cell % 64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (20 + bit) & 1 == 1
}

fn frame(number: u32, rng: &mut Rng) -> Vec<u8> {
    let pixel = |at: u32, rng: &mut Rng| {
        let (x, y) = (at % WIDTH, at / WIDTH);
        match (x < FILM, y < HEIGHT / 2) {
            (true, _) => hills(x, y, number, rng),
            (false, _) if is_ink(x, y, number) => 0x20_1040,
            (false, true) => 0xf0_f0e0,
            (false, false) => [0xc8_e0a0, 0xcc_dea4, 0xc6_e49c, 0xca_e2a2][rng.below(4) as usize],
        }
    };
    (0..WIDTH * HEIGHT).flat_map(|at| pixel(at, rng).to_le_bytes()).collect()
}

#[test]
fn films_lose_a_little_and_letters_nothing() {
    for name in ["spice-gtk", "spice-html5", "images-only"] {
        let mut engine = engine(WIDTH, HEIGHT);
        let profile = Profile::builtin(name).unwrap();
        let options = ClientOptions::new(profile.clone()).link(Link::of_bandwidth(4_000_000)).lossy(true);
        let mut peer = Peer::join(&mut engine, options, profile);
        let mut rng = Rng::seeded(6);
        let mut lossy = 0;
        for number in 0..12 {
            let image = picture(BitmapFormat::Bit32, WIDTH, HEIGHT, frame(number, &mut rng));
            engine.submit(&copy(0, Rect::of_size(WIDTH, HEIGHT), image)).unwrap();
            while peer.poll(&mut engine, 1 << 20).unwrap() {}
            peer.now += Duration::from_millis(40);
            let (truth, shown) = (engine.snapshot(0).unwrap(), peer.viewer.primary().unwrap());
            for y in 0..HEIGHT {
                let [shown, truth] = [shown, &truth]
                    .map(|s| s.view().row(y).iter().map(|pixel| pixel & 0xff_ffff).collect::<Vec<_>>());
                lossy += u32::from(shown[..FILM as usize] != truth[..FILM as usize]);
                assert_eq!(shown[FILM as usize..], truth[FILM as usize..], "{name}, frame {number}, row {y}");
            }
        }
        // It was a film, and all of it is right in the end.
        assert!(lossy > 6 * HEIGHT && engine.is_lossy(peer.id), "{name}: {lossy} rows");
        assert!(engine.metrics(peer.id).unwrap().by_image.contains_key(&ImageKind::Jpeg), "{name}");
        peer.now += Duration::from_secs(1);
        assert!(engine.idle(peer.id));
        peer.flush(&mut engine, 1 << 20).unwrap();
        assert!(!engine.is_lossy(peer.id), "{name}");
    }
}
