//! Pictures for the codecs' benches, made by code, and the system's codecs as opponents.

#[cfg(feature = "system-libs")]
pub mod system;

/// Columns and rows.
pub const SIZE: (u32, u32) = (1920, 1080);

/// A number that looks random.
fn hash(x: u32, y: u32) -> u32 {
    let mut v = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77);
    v = (v ^ v >> 15).wrapping_mul(0x2c1b_3c6d);
    v ^ v >> 13
}

fn text(x: u32, y: u32) -> [u8; 3] {
    // Letters of 8 x 16 cells: strokes that depend on the letter, with soft edges, over one colour.
    let letter = hash(x / 8, y / 16 * 7919) % 60;
    if letter < 14 || y % 16 < 3 || y % 16 > 13 || (y / 16) % 5 == 4 || x / 8 > 60 + hash(0, y / 16) % 160 {
        return [30, 32, 34];
    }
    match hash(letter * 64 + x % 8, y % 16) % 7 {
        0 | 1 => [220, 220, 210],
        2 => [120, 124, 122],
        _ => [30, 32, 34],
    }
}

fn ui(x: u32, y: u32) -> [u8; 3] {
    let (bx, by) = (x / 160, y / 90);
    let edge = x % 160 == 0 || y % 90 == 0;
    match (hash(bx, by) % 4, edge) {
        (_, true) => [90, 90, 92],
        (0, _) => [236, 236, 238],
        (1, _) => [250, 250, 250].map(|v: u8| v - (y % 90 / 6) as u8),
        (2, _) if y % 90 > 30 && y % 90 < 46 && x % 160 > 12 && x % 160 < 120 => text(x, y).map(|v| 255 - v),
        (2, _) => [225, 225, 225],
        _ => [200, 214, 240],
    }
}

fn photo(x: u32, y: u32) -> [u8; 3] {
    let (fx, fy) = (x as f32, y as f32);
    let wave = (fx * 0.011).sin() * 40.0
        + (fy * 0.017 + fx * 0.003).sin() * 50.0
        + (fx * 0.05 + fy * 0.04).sin() * 9.0;
    let grain = (hash(x, y) % 9) as f32 - 4.0;
    [110.0, 120.0, 140.0].map(|base: f32| (base + wave + grain + base * 0.1 * (fy * 0.002).cos()) as u8)
}

fn gradient(x: u32, y: u32) -> [u8; 3] {
    [(x * 255 / SIZE.0) as u8, (y * 255 / SIZE.1) as u8, ((x + y) / 12) as u8]
}

fn mixed(x: u32, y: u32) -> [u8; 3] {
    match (x < SIZE.0 / 2, y < SIZE.1 / 2) {
        (true, true) => text(x, y),
        (false, true) => photo(x, y),
        (true, false) => ui(x, y),
        (false, false) => gradient(x, y),
    }
}

/// Name and B, G, R, 0 rows of each picture.
pub fn pictures() -> Vec<(&'static str, Vec<u8>)> {
    type Make = fn(u32, u32) -> [u8; 3];
    let all: [(&str, Make); 5] =
        [("text", text), ("ui", ui), ("photo", photo), ("gradient", gradient), ("mixed", mixed)];
    let make = |f: Make| {
        let px = (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
        px.flat_map(|(x, y)| {
            let [b, g, r] = f(x, y);
            [b, g, r, 0]
        })
        .collect()
    };
    all.into_iter().map(|(name, f)| (name, make(f))).collect()
}
