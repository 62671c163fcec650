//! The mouse pointer: what a cursor shape looks like, and where it is.
//!
//! The pointer is not part of any surface. A picture with the pointer in it is made on demand.

use crate::qxl::{CursorCmd, CursorShape, Point};
use std::sync::Arc;

/// `SPICE_CURSOR_TYPE_*`.
mod kind {
    pub(super) const ALPHA: u16 = 0;
    pub(super) const MONO: u16 = 1;
    pub(super) const COLOR4: u16 = 2;
    pub(super) const COLOR8: u16 = 3;
    pub(super) const COLOR16: u16 = 4;
    pub(super) const COLOR24: u16 = 5;
    pub(super) const COLOR32: u16 = 6;
}

/// The pointer as cursor commands leave it.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    shape: Option<Arc<CursorShape>>,
    position: Point,
    visible: bool,
}

/// What the pointer does to a pixel below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ink {
    /// Straight alpha and colour, 0xAARRGGBB.
    Over(u32),
    /// All colour bits inverted.
    Invert,
}

impl Cursor {
    /// Takes a cursor command in.
    pub fn command(&mut self, command: &CursorCmd) {
        match command {
            CursorCmd::Set { position, visible, shape } => {
                self.position = *position;
                self.visible = *visible;
                self.shape = shape.clone();
            }
            CursorCmd::Move { position } => {
                self.position = *position;
                self.visible = true;
            }
            CursorCmd::Hide => self.visible = false,
            CursorCmd::Trail { .. } => {}
        }
    }

    /// Draws the pointer into a picture of R, G, B bytes, `width` by `height` pixels, rows without padding, top
    /// row first.
    pub fn draw(&self, rgb: &mut [u8], width: u32, height: u32) {
        let (true, Some(shape)) = (self.visible, &self.shape) else { return };
        let left = i64::from(self.position.x) - i64::from(shape.hot_spot_x);
        let top = i64::from(self.position.y) - i64::from(shape.hot_spot_y);
        let ink = inks(shape);
        for (i, ink) in ink.iter().enumerate() {
            let x = left + (i % usize::from(shape.width)) as i64;
            let y = top + (i / usize::from(shape.width)) as i64;
            if !(0..i64::from(width)).contains(&x) || !(0..i64::from(height)).contains(&y) {
                continue;
            }
            let at = (y as usize * width as usize + x as usize) * 3;
            let Some(pixel) = rgb.get_mut(at..at + 3) else { continue };
            match ink {
                Ink::Invert => pixel.iter_mut().for_each(|c| *c = !*c),
                Ink::Over(color) => {
                    let alpha = color >> 24;
                    for (c, shift) in pixel.iter_mut().zip([16, 8, 0]) {
                        let over = color >> shift & 0xff;
                        *c = ((over * alpha + u32::from(*c) * (255 - alpha) + 127) / 255) as u8;
                    }
                }
            }
        }
    }
}

/// The shape's pixels, row by row from the top. Data that is missing shows nothing.
fn inks(shape: &CursorShape) -> Vec<Ink> {
    let (width, height) = (usize::from(shape.width), usize::from(shape.height));
    let count = width * height;
    let data = &shape.data[..];
    let byte = |at: usize| data.get(at).copied().unwrap_or(0);
    let bit = |plane: usize, index: usize| byte(plane + index / 8) >> (7 - index % 8) & 1 != 0;
    let word = |at: usize| u32::from_le_bytes([byte(at), byte(at + 1), byte(at + 2), byte(at + 3)]);
    // A colour under the AND mask shows the screen, or inverts it where the colour is white.
    let masked = |plane: usize, index: usize, rgb: u32| match bit(plane, index) {
        false => Ink::Over(0xff00_0000 | rgb),
        true if rgb & 0xff_ffff == 0xff_ffff => Ink::Invert,
        true => Ink::Over(0),
    };
    match shape.kind {
        kind::ALPHA => straight((0..count).map(|i| word(i * 4)).collect()),
        kind::MONO => {
            let row = width.div_ceil(8);
            let at = |plane: usize, i: usize| {
                byte(plane * row * height + i / width * row + i % width / 8) >> (7 - i % width % 8) & 1 != 0
            };
            (0..count)
                .map(|i| match (at(0, i), at(1, i)) {
                    (false, false) => Ink::Over(0xff00_0000),
                    (false, true) => Ink::Over(0xffff_ffff),
                    (true, false) => Ink::Over(0),
                    (true, true) => Ink::Invert,
                })
                .collect()
        }
        kind::COLOR4 => {
            let row = width.div_ceil(2);
            let palette = row * height;
            (0..count)
                .map(|i| {
                    let pair = byte(i / width * row + i % width / 2);
                    let index = if i % width % 2 == 0 { pair >> 4 } else { pair & 15 };
                    masked(palette + 64, i, word(palette + usize::from(index) * 4))
                })
                .collect()
        }
        kind::COLOR8 => {
            (0..count).map(|i| masked(count + 1024, i, word(count + usize::from(byte(i)) * 4))).collect()
        }
        kind::COLOR16 => (0..count)
            .map(|i| {
                let v = u32::from(byte(i * 2)) | u32::from(byte(i * 2 + 1)) << 8;
                let wide = |c: u32| (c & 31) << 3 | (c & 31) >> 2;
                masked(count * 2, i, wide(v >> 10) << 16 | wide(v >> 5) << 8 | wide(v))
            })
            .collect(),
        kind::COLOR24 => (0..count).map(|i| masked(count * 3, i, word(i * 3) & 0xff_ffff)).collect(),
        kind::COLOR32 => (0..count).map(|i| masked(count * 4, i, word(i * 4) & 0xff_ffff)).collect(),
        _ => Vec::new(),
    }
}

/// X drivers send premultiplied pixels, Windows drivers straight ones, and nothing says which: a colour larger
/// than its alpha can only be straight.
fn straight(pixels: Vec<u32>) -> Vec<Ink> {
    let premultiplied = pixels.iter().all(|p| [p >> 16, p >> 8, *p].iter().all(|c| c & 0xff <= p >> 24));
    let divide = |p: u32| {
        let alpha = p >> 24;
        let channel = |shift: u32| (p >> shift & 0xff) * 255 / alpha.max(1);
        alpha << 24 | channel(16) << 16 | channel(8) << 8 | channel(0)
    };
    pixels.into_iter().map(|p| Ink::Over(if premultiplied { divide(p) } else { p })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn shape(kind: u16, width: u16, height: u16, data: Vec<u8>) -> CursorShape {
        CursorShape { unique: 0, kind, width, height, hot_spot_x: 1, hot_spot_y: 0, data: Bytes::from(data) }
    }

    #[test]
    fn mono_shows_black_white_nothing_and_inverted() {
        let shape = shape(kind::MONO, 4, 1, vec![0b0011_0000, 0b0101_0000]);
        let expected = [Ink::Over(0xff00_0000), Ink::Over(0xffff_ffff), Ink::Over(0), Ink::Invert];
        assert_eq!(inks(&shape), expected);
    }

    #[test]
    fn the_hot_spot_lies_at_the_position_and_edges_cut() {
        let mut cursor = Cursor::default();
        let alpha = [0xff00_00ffu32, 0x8000_0000, 0xffff_ffff].iter().flat_map(|p| p.to_le_bytes()).collect();
        let shape = Arc::new(shape(kind::ALPHA, 3, 1, alpha));
        cursor.command(&CursorCmd::Set { position: Point::new(0, 0), visible: true, shape: Some(shape) });
        let mut rgb = [200u8; 6];
        cursor.draw(&mut rgb, 2, 1);
        assert_eq!(rgb, [100, 100, 100, 255, 255, 255]);
        cursor.command(&CursorCmd::Hide);
        let before = rgb;
        cursor.draw(&mut rgb, 2, 1);
        assert_eq!(rgb, before);
    }

    #[test]
    fn every_kind_takes_short_data() {
        for kind in 0..9 {
            for len in 0..40 {
                inks(&shape(kind, 5, 3, vec![0x5a; len]));
            }
        }
    }
}
