//! The slow twin: the format as its description puts it, a bit and a channel at a time.

use super::QuicHeader;
use super::tables::{RANDOM, RUN_BITS, TRIGGER};
use crate::{PixelFormat, Pixels};

/// A code of `value` for `bits`-bit channels: its bits from the first to the last.
fn golomb(bits: u32, l: u32, value: u32) -> Vec<bool> {
    let prefix = (26 - bits).min((1 << (bits - l)) - 1);
    let plain = prefix << l;
    let mut out = Vec::new();
    let number = |out: &mut Vec<bool>, v: u32, n: u32| (0..n).rev().for_each(|k| out.push(v >> k & 1 == 1));
    if value < plain {
        out.extend(std::iter::repeat_n(false, (value >> l) as usize));
        out.push(true);
        number(&mut out, value, l);
    } else {
        out.extend(std::iter::repeat_n(false, prefix as usize));
        let suffix = (0..).find(|&s| 1 << s >= (1 << bits) - plain).unwrap();
        number(&mut out, value - plain, suffix);
    }
    out
}

struct Group {
    bits: u32,
    /// Per channel and bucket: counters and the best code.
    buckets: Vec<Vec<(Vec<u32>, u32)>>,
    /// Per channel: residuals, one before column 0.
    last: Vec<Vec<u32>>,
    rows: [Vec<Vec<u32>>; 2],
    wait: usize,
    seed: u8,
    pace: usize,
    left: usize,
    run: usize,
}

impl Group {
    fn new(channels: usize, bits: u32, width: usize) -> Self {
        Self {
            bits,
            buckets: vec![vec![(vec![0; bits as usize], bits - 1); bits as usize]; channels],
            last: vec![vec![0; width + 1]; channels],
            rows: [vec![], vec![]],
            wait: 0,
            seed: 255,
            pace: 0,
            left: 2048,
            run: 0,
        }
    }

    fn draw(&mut self) -> usize {
        self.seed = self.seed.wrapping_add(1);
        RANDOM[self.seed as usize] as usize & ((1 << self.pace) - 1)
    }

    fn bucket(&self, context: u32) -> usize {
        let ends: &[u32] = if self.bits == 8 { &[0, 2, 6, 14, 30, 62, 126, 255] } else { &[0, 2, 6, 14, 31] };
        ends.iter().position(|&end| context <= end).unwrap()
    }

    fn pixel(&mut self, i: usize, out: &mut Vec<bool>) {
        let m = (1u32 << self.bits) - 1;
        let [above, row] = &self.rows;
        for c in 0..self.last.len() {
            let prediction = match (above.is_empty(), i) {
                (true, 0) => 0,
                (true, _) => row[i - 1][c],
                (false, 0) => above[0][c],
                (false, _) => (row[i - 1][c] + above[i][c]) >> 1,
            };
            let d = row[i][c].wrapping_sub(prediction) & m;
            let r = if d <= m >> 1 { 2 * d } else { 2 * (m - d) + 1 };
            let bucket = &self.buckets[c][self.bucket(self.last[c][i])];
            out.extend(golomb(self.bits, bucket.1, r));
            self.last[c][i + 1] = r;
        }
    }

    fn update(&mut self, i: usize) {
        for c in 0..self.last.len() {
            let bucket = self.bucket(self.last[c][i]);
            let (counts, best) = &mut self.buckets[c][bucket];
            for (l, n) in counts.iter_mut().enumerate() {
                *n += golomb(self.bits, l as u32, self.last[c][i + 1]).len() as u32;
            }
            let least = *counts.iter().min().unwrap();
            *best = counts.iter().rposition(|&n| n == least).unwrap() as u32;
            if least > u32::from(TRIGGER[self.pace]) {
                counts.iter_mut().for_each(|n| *n >>= 1);
            }
        }
    }

    fn put_run(&mut self, mut n: usize, out: &mut Vec<bool>) {
        while n >= 1 << RUN_BITS[self.run] {
            out.push(true);
            n -= 1 << RUN_BITS[self.run];
            self.run = (self.run + 1).min(31);
        }
        out.push(false);
        (0..RUN_BITS[self.run]).rev().for_each(|k| out.push(n >> k & 1 == 1));
        self.run = self.run.saturating_sub(1);
    }

    fn segment(&mut self, mut i: usize, end: usize, out: &mut Vec<bool>) {
        let mut run_at = 0;
        if i == 0 {
            self.pixel(0, out);
            if self.wait > 0 {
                self.wait -= 1;
            } else {
                self.wait = self.draw();
                self.update(0);
            }
            i = 1;
        }
        let mut stop = i + self.wait;
        while i < end {
            let [above, row] = &self.rows;
            if !above.is_empty()
                && above[i - 1] == above[i]
                && i != run_at
                && i > 2
                && row[i - 1] == row[i - 2]
            {
                self.wait = stop - i;
                run_at = i;
                let n = row[i..end].iter().take_while(|&px| *px == row[i - 1]).count();
                self.put_run(n, out);
                i += n;
                if i == end {
                    return;
                }
                stop = i + self.wait;
                continue;
            }
            self.pixel(i, out);
            if i == stop {
                self.update(i);
                stop = i + 1 + self.draw();
            }
            i += 1;
        }
        self.wait = stop - end;
    }

    fn row(&mut self, row: Vec<Vec<u32>>, out: &mut Vec<bool>) {
        self.rows.swap(0, 1);
        self.rows[1] = row;
        for last in &mut self.last {
            last[0] = if self.rows[0].is_empty() { 0 } else { last[1] };
        }
        let (mut at, mut rest) = (0, self.rows[1].len());
        while self.pace < 6 && self.left <= rest {
            let n = self.left;
            self.segment(at, at + n, out);
            at += n;
            rest -= n;
            self.pace += 1;
            self.left = 2048;
        }
        if rest > 0 {
            self.segment(at, at + rest, out);
            if self.pace < 6 {
                self.left -= rest;
            }
        }
    }
}

/// The stream of `pixels`.
pub(super) fn encode(pixels: &Pixels<'_>) -> Vec<u8> {
    let format = pixels.format();
    let (width, height) = (pixels.width(), pixels.height());
    let bits = if format == PixelFormat::Rgb16 { 5 } else { 8 };
    let w = width as usize;
    let mut colours = Group::new(if format == PixelFormat::Gray { 1 } else { 3 }, bits, w);
    let mut alpha = Group::new(1, 8, w);
    let mut out = Vec::new();
    for y in 0..height {
        let bytes = pixels.row_from_top(y);
        let px = |i: usize| -> Vec<u32> {
            let size = format.bits_per_pixel() as usize / 8;
            let p: Vec<u32> = bytes[i * size..(i + 1) * size].iter().map(|&b| u32::from(b)).collect();
            match format {
                PixelFormat::Gray => p,
                PixelFormat::Rgb16 => {
                    let v = p[0] | p[1] << 8;
                    vec![v >> 10 & 31, v >> 5 & 31, v & 31]
                }
                _ => vec![p[2], p[1], p[0]],
            }
        };
        colours.row((0..w).map(px).collect(), &mut out);
        if format == PixelFormat::Rgba {
            alpha.row((0..w).map(|i| vec![u32::from(bytes[i * 4 + 3])]).collect(), &mut out);
        }
    }
    let mut stream = QuicHeader { format, width, height }.bytes().unwrap().to_vec();
    out.resize(out.len().div_ceil(32) * 32 + 32, false);
    for word in out.chunks(32) {
        stream.extend(word.iter().fold(0u32, |w, &b| w << 1 | u32::from(b)).to_le_bytes());
    }
    stream
}
