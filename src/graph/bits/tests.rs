use super::*;
use crate::graph::select::{Keep, Scratch};
use crate::qxl::testing::Rng;
use std::collections::HashSet;

fn any_rect(rng: &mut Rng) -> Rect {
    if rng.one_in(6) {
        return Rect::new(0, 0, 130, 9);
    }
    let mut x = || rng.pick(&[-3, 0, 1, 63, 64, 65, 100, 127, 128, 129, 140]);
    let (a, b) = (x(), x());
    let (c, d) = (rng.range(-1, 10), rng.range(-1, 10));
    Rect::new(a.min(b), c.min(d), a.max(b), c.max(d))
}

fn pixels(rect: &Rect) -> impl Iterator<Item = (i32, i32)> + use<> {
    let r = rect.intersect(&Rect::new(0, 0, 130, 9));
    (r.top..r.bottom).flat_map(move |y| (r.left..r.right).map(move |x| (x, y)))
}

#[test]
fn bits_are_a_set_of_pixels() {
    let seed = std::env::var("SPICE_RENDER_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    for case in seed..seed + 300 {
        let mut rng = Rng(case);
        let (mut bits, mut plain) = (Bits::new(130, 9), HashSet::new());
        let mut scratch = Scratch::new();
        for _ in 0..12 {
            let rect = any_rect(&mut rng);
            match rng.below(5) {
                0 | 1 => {
                    bits.set(rect);
                    plain.extend(pixels(&rect));
                }
                2 => {
                    bits.clear(rect);
                    pixels(&rect).for_each(|p| {
                        plain.remove(&p);
                    });
                }
                3 if rng.one_in(4) => {
                    bits.reset();
                    plain.clear();
                }
                3 => {
                    let mut other = Bits::new(130, 9);
                    for rect in [rect, any_rect(&mut rng)] {
                        other.set(rect);
                        pixels(&rect).for_each(|p| {
                            plain.remove(&p);
                        });
                    }
                    bits.remove(&other);
                    assert_eq!(bits.any(&Rect::new(0, 0, 130, 9)), !plain.is_empty(), "seed {case}");
                }
                _ => {}
            }
            let rects =
                [any_rect(&mut rng), any_rect(&mut rng)].map(|r| r.intersect(&Rect::new(0, 0, 130, 9)));
            let region = Region::from_rects(rects);
            let inside: Vec<_> = region.rects().iter().flat_map(pixels).collect();
            let what = format!("seed {case}, {region:?}");
            assert_eq!(bits.any_of(&region), inside.iter().any(|p| plain.contains(p)), "{what}");
            assert_eq!(bits.all_of(&region), inside.iter().all(|p| plain.contains(p)), "{what}");
            for (keep, what_to) in [(true, Keep::In(&bits)), (false, Keep::OutOf(&[&bits]))] {
                let got = scratch.select(&region, usize::MAX, what_to).unwrap();
                let want: HashSet<_> = inside.iter().copied().filter(|p| plain.contains(p) == keep).collect();
                let have: HashSet<_> = got.rects().iter().flat_map(pixels).collect();
                assert_eq!(have, want, "{what}");
                assert_eq!(got.area(), want.len() as u64, "{what}");
            }
        }
    }
}

#[test]
fn a_selection_that_would_be_too_long_is_given_up() {
    let mut bits = Bits::new(100, 1);
    (0..50).for_each(|x| bits.set(Rect::new(2 * x, 0, 2 * x + 1, 1)));
    let clip = Region::from_rect(Rect::new(0, 0, 100, 1));
    let mut scratch = Scratch::new();
    assert!(scratch.select(&clip, 49, Keep::In(&bits)).is_none());
    assert_eq!(scratch.select(&clip, 50, Keep::In(&bits)).map(|r| r.area()), Some(50));
}
