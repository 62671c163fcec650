//! What the tests of this crate share: a seeded generator whose failures replay from one number.

use crate::surface::{Surface, SurfaceFormat};
use fearless_simd::Level;

/// Splitmix64.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in 0..n, n > 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// The seeds of a test: 0..count, or only that in `SPICE_RENDER_SEED`.
pub(crate) fn seeds(count: u64) -> std::ops::Range<u64> {
    match std::env::var("SPICE_RENDER_SEED").ok().and_then(|s| s.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..count,
    }
}

/// Every instruction set that this processor has.
pub(crate) fn levels() -> Vec<Level> {
    let best = Level::new();
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let between = {
        use fearless_simd::Simd as _;
        [best.as_avx2().map(|s| s.level()), best.as_avx512().map(|s| s.level())]
    };
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    let between = [None];
    [Level::baseline(), best].into_iter().chain(between.into_iter().flatten()).collect()
}

/// Random pixels, many of them with channels of 0 and 255, and in runs of the same kind.
pub(crate) fn pixels(rng: &mut Rng, count: usize) -> Vec<u32> {
    let mut kind = 0;
    (0..count)
        .map(|i| {
            if i % 8 == 0 {
                kind = rng.below(6);
            }
            let v = rng.next();
            match kind {
                0 => 0,
                1 => v as u32 | 0xff00_0000,
                2 => u32::MAX,
                3 => [0, 0xff00_0000, 0x00ff_00ff, 0x0000_0001][(v % 4) as usize],
                _ => v as u32,
            }
        })
        .collect()
}

/// A surface of random pixels.
pub(crate) fn surface(rng: &mut Rng, format: SurfaceFormat, width: u32, height: u32) -> Surface {
    let mut surface = Surface::new(format, width, height, 1 << 24).expect("test surfaces are small");
    for y in 0..height {
        let mut view = surface.view_mut();
        let row = view.row(y);
        let len = row.len();
        row.copy_from_slice(&pixels(rng, len));
    }
    surface
}
