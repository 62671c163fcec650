//! Pictures and random numbers for this crate's tests.

use crate::{PixelFormat, Pixels};

/// splitmix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// Runs `test` for `count` seeds, or for the one in `SPICE_RENDER_SEED`; names the seed of a failure.
pub(crate) fn each_seed(count: u64, test: impl Fn(&mut Random)) {
    struct Name(u64);
    impl Drop for Name {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("replay with SPICE_RENDER_SEED={}", self.0);
            }
        }
    }
    let run = |seed| {
        let name = Name(seed);
        test(&mut Random::new(seed));
        std::mem::forget(name);
    };
    match std::env::var("SPICE_RENDER_SEED") {
        Ok(seed) => run(seed.parse().expect("SPICE_RENDER_SEED is a number")),
        Err(_) => (0..count).for_each(run),
    }
}

/// How a test picture lies in its storage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    format: PixelFormat,
    width: u32,
    height: u32,
    stride: usize,
    top_down: bool,
}

impl Shape {
    /// The picture in `storage`.
    pub(crate) fn pixels(self, storage: &[u8]) -> Pixels<'_> {
        Pixels::new(self.format, self.width, self.height, self.stride, self.top_down, storage)
            .expect("a valid shape")
    }
}

/// A random picture: noise, flat parts, repeated rows, steps, extremes; odd widths, padding, both row orders.
pub(crate) fn picture(
    random: &mut Random,
    format: PixelFormat,
    width: usize,
    height: usize,
) -> (Vec<u8>, Shape) {
    let width = 1 + random.below(width) as u32;
    let height = 1 + random.below(height) as u32;
    let row = format.bytes_per_row(width);
    let stride = row + if random.below(2) == 0 { 0 } else { random.below(9) };
    let mut data = vec![0u8; stride * height as usize];
    let size = (format.bits_per_pixel() as usize / 8).max(1);
    let palette: Vec<[u8; 4]> =
        (0..1 + random.below(6)).map(|_| (random.next() as u32).to_le_bytes()).collect();
    let kind = random.below(6);
    for i in 0..data.len() {
        let (x, y) = (i % stride / size, i / stride);
        data[i] = match kind {
            0 => random.next() as u8,
            1 => [0, 0xff][random.below(2)],
            2 => (x * 3 + y * 2) as u8 ^ (random.below(16) / 15) as u8,
            3 if i >= stride && random.below(40) > 0 => data[i - stride],
            4 if i >= size && random.below(9) > 0 => data[i - size],
            _ => {
                palette[(x / 7 + y / 3 * usize::from(random.below(30) > 0)) % palette.len()]
                    [i % stride % size]
            }
        };
    }
    let top_down = random.below(2) == 0;
    (data, Shape { format, width, height, stride, top_down })
}
