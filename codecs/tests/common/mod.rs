//! What the corpus tests share: finding it, unzipping, hashing, random pictures.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The folder of codec vectors, if `SPICE_RENDER_CORPUS` says where the corpus is.
pub fn corpus() -> Option<PathBuf> {
    let Some(root) = std::env::var_os("SPICE_RENDER_CORPUS") else {
        eprintln!("SPICE_RENDER_CORPUS is not set: vectors skipped");
        return None;
    };
    Some(Path::new(&root).join("codecs"))
}

/// The corpus's manifest.
pub fn manifest(corpus: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(corpus.join("manifest.json")).expect("manifest")).expect("json")
}

/// A file's bytes, unzipped if its name ends in `.gz`.
pub fn load(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if path.extension().is_some_and(|e| e == "gz") {
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut out).expect("gzip");
        return out;
    }
    bytes
}

/// SHA-256 in hexadecimal.
pub fn sha256(data: &[u8]) -> String {
    // The constants are the first 32 bits of the fractions of the cube and square roots of primes.
    let primes: Vec<u64> = (2..312u64).filter(|n| (2..*n).all(|d| n % d != 0)).collect();
    let root = |p: u64, power: u32| {
        // floor(p^(1/power) * 2^32), by bisection on 128-bit integers where the cube does not fit.
        let (mut low, mut high) = (0u128, 1u128 << 36);
        while high - low > 1 {
            let middle = (low + high) / 2;
            let fits = if power == 2 {
                middle * middle <= u128::from(p) << 64
            } else {
                // middle^3 <= p * 2^96; middle < 2^36 so middle^3 < 2^108
                middle * middle * middle <= u128::from(p) << 96
            };
            if fits { low = middle } else { high = middle }
        }
        low as u32
    };
    let k: Vec<u32> = primes.iter().take(64).map(|&p| root(p, 3)).collect();
    let mut h: Vec<u32> = primes.iter().take(8).map(|&p| root(p, 2)).collect();
    let mut message = data.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&(data.len() as u64 * 8).to_be_bytes());
    for block in message.chunks_exact(64) {
        let mut w: Vec<u32> = block.as_chunks::<4>().0.iter().map(|b| u32::from_be_bytes(*b)).collect();
        for i in 16..64 {
            let a = w[i - 15].rotate_right(7) ^ w[i - 15].rotate_right(18) ^ w[i - 15] >> 3;
            let b = w[i - 2].rotate_right(17) ^ w[i - 2].rotate_right(19) ^ w[i - 2] >> 10;
            w.push(w[i - 16].wrapping_add(a).wrapping_add(w[i - 7]).wrapping_add(b));
        }
        let mut s = h.clone();
        for i in 0..64 {
            let a = s[4].rotate_right(6) ^ s[4].rotate_right(11) ^ s[4].rotate_right(25);
            let t1 = s[7]
                .wrapping_add(a)
                .wrapping_add(s[4] & s[5] ^ !s[4] & s[6])
                .wrapping_add(k[i])
                .wrapping_add(w[i]);
            let b = s[0].rotate_right(2) ^ s[0].rotate_right(13) ^ s[0].rotate_right(22);
            let t2 = b.wrapping_add(s[0] & s[1] ^ s[0] & s[2] ^ s[1] & s[2]);
            s.rotate_right(1);
            s[4] = s[4].wrapping_add(t1);
            s[0] = t1.wrapping_add(t2);
        }
        for (h, s) in h.iter_mut().zip(s) {
            *h = h.wrapping_add(s);
        }
    }
    h.iter().map(|w| format!("{w:08x}")).collect()
}

/// A small seeded generator (splitmix64).
pub struct Random(pub u64);

impl Random {
    /// From `SPICE_RENDER_SEED`, or `default`; printed, so that a failing test says how to replay it.
    pub fn seeded(default: u64) -> Self {
        let seed = std::env::var("SPICE_RENDER_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(default);
        eprintln!("SPICE_RENDER_SEED={seed}");
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// `n` bytes that look like a picture: runs, repeats from before, few values, 0x00 and 0xff, noise.
    pub fn picture(&mut self, n: usize, unit: usize) -> Vec<u8> {
        let mut out: Vec<u8> = Vec::with_capacity(n + 64);
        let style = self.below(5);
        let spread = [1, 2, 4, 16, 256][style];
        while out.len() < n {
            let most = [3, 12, 40, 700][self.below(4)];
            let length = (1 + self.below(most)) * unit;
            match self.below(6) {
                0 => {
                    for _ in 0..length.min(200) {
                        let v = self.next() as u8;
                        out.push(v);
                    }
                }
                1 => {
                    let pixel: Vec<u8> = (0..unit).map(|_| self.below(spread) as u8).collect();
                    out.extend(pixel.iter().cycle().take(length));
                }
                2 | 3 if !out.is_empty() => {
                    let back = (1 + self.below(out.len().div_ceil(unit))) * unit;
                    let back = back.min(out.len());
                    for _ in 0..length {
                        out.push(out[out.len() - back]);
                    }
                }
                4 => out.extend(std::iter::repeat_n(if self.below(2) == 0 { 0 } else { 0xff }, length)),
                _ => {
                    for _ in 0..length.min(300) {
                        let v = self.below(spread) as u8;
                        out.push(v);
                    }
                }
            }
        }
        out.truncate(n);
        out
    }

    /// `good` with a few bytes from `from` on changed, removed, added or repeated.
    pub fn damage(&mut self, good: &[u8], from: usize) -> Vec<u8> {
        let mut bad = good.to_vec();
        for _ in 0..1 + self.below(4) {
            let from = from.min(bad.len());
            let at = from + self.below(bad.len() - from + 1);
            match self.below(8) {
                0 => bad.truncate(at),
                1 => bad.insert(at, self.next() as u8),
                2 if at < bad.len() => {
                    bad.remove(at);
                }
                3 => {
                    let n = self.below(20).min(bad.len() - at);
                    let piece = bad[at..at + n].to_vec();
                    bad.extend(piece);
                }
                4 if at < bad.len() => bad[at] = [0, 255, 31, 32, 127, 224][self.below(6)],
                _ if at < bad.len() => bad[at] ^= 1 << self.below(8),
                _ => {}
            }
        }
        bad
    }
}
