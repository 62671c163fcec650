//! Clients whose links take a little at a time: what waits is planned once, and what is small does not wait for it.

use super::peer::{Peer, engine};
use super::sending::{copy, picture};
use spice_raster::{Rect, Surface};
use spice_render::client::link::Link;
use spice_render::client::profile::Profile;
use spice_render::engine::{ClientOptions, Engine};
use spice_render::qxl::BitmapFormat;
use spice_render::qxl::testing::Rng;
use spice_render::wire::ImageKind;
use std::time::Duration;

const WIDTH: u32 = 640;
const HEIGHT: u32 = 1680;

/// A client behind a megabit a second, with a screen.
fn slow(name: &str, lossy: bool) -> (Engine, Peer) {
    let mut engine = engine(WIDTH, HEIGHT);
    let profile = Profile::builtin(name).unwrap();
    let options = ClientOptions::new(profile.clone()).link(Link::of_bandwidth(1_000_000)).lossy(lossy);
    let mut peer = Peer::join(&mut engine, options, profile);
    peer.flush(&mut engine, 1 << 20).unwrap();
    (engine, peer)
}

fn put(engine: &mut Engine, to: Rect, pixel: impl FnMut(u32) -> u32) {
    let data = (0..to.area() as u32).map(pixel).flat_map(u32::to_le_bytes).collect();
    engine.submit(&copy(0, to, picture(BitmapFormat::Bit32, to.width(), to.height(), data))).unwrap();
}

/// Whether a part of two screens looks the same.
fn same(a: &Surface, b: &Surface, part: Rect) -> bool {
    (part.top..part.bottom).all(|y| {
        let [a, b] = [a, b].map(|s| s.view().row(y as u32));
        (part.left as usize..part.right as usize).all(|x| (a[x] ^ b[x]) & 0xff_ffff == 0)
    })
}

#[test]
fn what_is_small_does_not_wait_for_what_is_large() {
    for name in ["spice-gtk", "images-only", "raw-only"] {
        let (mut engine, mut peer) = slow(name, false);
        let mut rng = Rng::seeded(3);
        let before = engine.metrics(peer.id).unwrap().pixels_changed;
        put(&mut engine, Rect::of_size(WIDTH, HEIGHT), |_| rng.below(1 << 24));
        // A message at a time; meanwhile somebody writes where the picture has arrived, or will have changed by then.
        let (mut letters, mut waited) = (Vec::new(), 0);
        for i in 0..6 {
            for _ in 0..2 {
                assert!(peer.poll(&mut engine, 1).unwrap(), "{name}");
                peer.now += Duration::from_millis(20);
            }
            let letter = Rect::new(16 + i * 32, 0, 32 + i * 32, 16);
            put(&mut engine, letter, |at| if at % 3 == 0 { 0 } else { 0xff_ffff });
            let shows = |engine: &mut Engine, peer: &Peer| {
                same(peer.viewer.primary().unwrap(), &engine.snapshot(0).unwrap(), letter)
            };
            let mut polls = 0;
            while !shows(&mut engine, &peer) {
                assert!(peer.poll(&mut engine, 1).unwrap(), "{name}");
                peer.now += Duration::from_millis(20);
                polls += 1;
            }
            // Behind one large image at most, with what goes before either.
            assert!(polls <= 4, "{name}: letter {i} comes after {polls} polls");
            waited += u32::from(engine.is_waiting(peer.id));
            letters.push(letter);
        }
        assert!(waited >= 5, "{name}: nothing large was waiting");
        peer.flush(&mut engine, 1).unwrap();
        // Each pixel is looked at once, but for the images under the first letters: of at most 32,768 pixels.
        let planned = engine.metrics(peer.id).unwrap().pixels_changed - before;
        let once = u64::from(WIDTH * HEIGHT) + letters.iter().map(Rect::area).sum::<u64>();
        assert!(planned <= once + 2 * 32_768, "{name}: {planned} pixels planned, {once} changed");
    }
}

#[test]
fn a_still_has_the_same_quality_in_small_portions() {
    let hills = |at: u32| {
        let (x, y) = (f64::from(at % WIDTH), f64::from(at / WIDTH));
        let channels = [(x + y) / 31.0, (x - y) / 43.0, y / 57.0].map(|v| (v.sin() * 90.0 + 120.0) as u32);
        channels.iter().fold(0, |pixel, c| pixel << 8 | (c + (at * 7 + at / 13) % 5))
    };
    let jpeg = |budget: usize| {
        let (mut engine, mut peer) = slow("spice-gtk", true);
        put(&mut engine, Rect::of_size(WIDTH, HEIGHT), hills);
        let mut polls = 0;
        while peer.poll(&mut engine, budget).unwrap() {
            peer.now += Duration::from_millis(20);
            polls += 1;
        }
        (polls, engine.metrics(peer.id).unwrap().by_image[&ImageKind::Jpeg])
    };
    let (polls, whole) = jpeg(1 << 20);
    let (portions, parts) = jpeg(1000);
    assert!(polls == 1 && portions >= 4, "{polls} and {portions} polls");
    assert_eq!(whole, parts);
}
