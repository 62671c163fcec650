//! What encoder and decoder both keep: statistics per channel, and the pace at which they are taken.

use super::tables::{BUCKET_START, EIGHT, FIVE, Family, RANDOM, TRIGGER, bucket};

/// Pixels after which statistics are taken more rarely.
const STEP: usize = 2048;

/// Channels that are coded together, pixel by pixel, with one state.
pub(super) trait Group {
    /// A pixel of the group: one byte a channel, unused bits 0.
    type Px: bytemuck::Pod + Eq + Default + std::fmt::Debug;
    /// Channels, in stream order.
    const CHANNELS: usize;
    /// Bits of a channel.
    const BITS: u32;
    /// Every channel at its highest value, in the low 32 bits.
    const MASK: u32;
    /// Codes for values of `BITS` bits.
    const FAMILY: &'static Family;
    /// The pixel's bytes.
    fn wide(px: Self::Px) -> u32;
    /// The pixel of these bytes.
    fn narrow(v: u32) -> Self::Px;
    /// Bits that channel `c` (stream order) is shifted by in `wide`.
    fn shift(c: usize) -> u32;
}

/// R, G, B of `BITS` bits, in the bytes 2, 1 and 0.
pub(super) struct Rgb<const BITS: u32>;

impl<const BITS: u32> Group for Rgb<BITS> {
    type Px = u32;
    const CHANNELS: usize = 3;
    const BITS: u32 = BITS;
    const MASK: u32 = 0x01_0101 * ((1 << BITS) - 1);
    const FAMILY: &'static Family = if BITS == 8 { &EIGHT } else { &FIVE };
    #[inline(always)]
    fn wide(px: u32) -> u32 {
        px
    }
    #[inline(always)]
    fn narrow(v: u32) -> u32 {
        v
    }
    #[inline(always)]
    fn shift(c: usize) -> u32 {
        16 - 8 * c as u32
    }
}

/// One channel of 8 bits: grey, or the alpha of RGBA.
pub(super) struct Mono;

impl Group for Mono {
    type Px = u8;
    const CHANNELS: usize = 1;
    const BITS: u32 = 8;
    const MASK: u32 = 0xff;
    const FAMILY: &'static Family = &EIGHT;
    #[inline(always)]
    fn wide(px: u8) -> u32 {
        u32::from(px)
    }
    #[inline(always)]
    fn narrow(v: u32) -> u8 {
        v as u8
    }
    #[inline(always)]
    fn shift(_: usize) -> u32 {
        0
    }
}

/// One channel's statistics.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    /// The code to use after each residual: the best of its bucket, spread out so that coding takes one look-up.
    pub(super) best: [u8; 256],
    /// Per bucket: bits that each code would have taken so far, halved now and then. At most 26 times the smallest of
    /// them, which stays below 1000, so 16 bits hold them.
    counts: [[u16; 8]; 8],
}

impl Channel {
    fn new(bits: u32) -> Self {
        Self { best: [bits as u8 - 1; 256], counts: [[0; 8]; 8] }
    }

    /// Takes residual `v`, coded after residual `context`, into the statistics.
    #[inline(always)]
    fn update(&mut self, family: &Family, bits: u32, context: u8, v: u8, trigger: u16) {
        let b = bucket(context, bits);
        let counts = &mut self.counts[b];
        let (mut best, mut least) = (0, u16::MAX);
        for (l, (n, &len)) in counts.iter_mut().zip(&family.lengths[usize::from(v)]).enumerate() {
            *n += u16::from(len);
            if (l as u32) < bits && *n <= least {
                (best, least) = (l as u8, *n);
            }
        }
        if least > trigger {
            counts.iter_mut().for_each(|n| *n >>= 1);
        }
        let first = BUCKET_START[b];
        if self.best[first] != best {
            let end = if b as u32 + 1 < bits { BUCKET_START[b + 1] } else { 1 << bits };
            self.best[first..end].fill(best);
        }
    }
}

/// The statistics of a group and when to take them.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) channels: [Channel; 3],
    /// Pixels to code before the next that is counted.
    pub(super) wait: usize,
    /// How well runs went: an index of `RUN_BITS`.
    pub(super) run: usize,
    seed: u8,
    /// The step: statistics are taken every 2^pace pixels at most.
    pace: usize,
    /// Pixels left in the step.
    left: usize,
}

impl Model {
    /// As at the start of an image.
    pub(super) fn new<G: Group>() -> Self {
        let channel = Channel::new(G::BITS);
        Self {
            channels: [channel.clone(), channel.clone(), channel],
            wait: 0,
            run: 0,
            seed: 255,
            pace: 0,
            left: STEP,
        }
    }

    /// Pixels of a row that share a pace, of the `rest` that are left, and whether the pace changes behind them.
    pub(super) fn segment(&self, rest: usize) -> (usize, bool) {
        if self.pace < 6 && self.left <= rest { (self.left, true) } else { (rest, false) }
    }

    /// Behind a segment of `n` pixels.
    pub(super) fn segment_done(&mut self, n: usize, step: bool) {
        if step {
            self.pace += 1;
            self.left = STEP;
        } else if self.pace < 6 {
            self.left -= n;
        }
    }

    /// Draws how many pixels to skip.
    #[inline(always)]
    pub(super) fn draw(&mut self) -> usize {
        self.seed = self.seed.wrapping_add(1);
        usize::from(RANDOM[usize::from(self.seed)]) & ((1 << self.pace) - 1)
    }

    /// Takes the residuals of a pixel into the statistics; `context` are those of the pixel before.
    #[inline(always)]
    pub(super) fn update<G: Group>(&mut self, context: G::Px, residual: G::Px) {
        let (context, residual) = (G::wide(context), G::wide(residual));
        for c in 0..G::CHANNELS {
            let byte = |v: u32| (v >> G::shift(c)) as u8;
            self.channels[c].update(G::FAMILY, G::BITS, byte(context), byte(residual), TRIGGER[self.pace]);
        }
    }
}
