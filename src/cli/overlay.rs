//! Outlines over a picture: what a guest drew since the picture before.

use super::picture::Picture;
use spice_raster::{Rect, Region};
use spice_render::qxl::OpKind;
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, Stroke, Transform};

/// What is outlined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Overlay {
    /// Where anything was drawn: one area for each kind of operation.
    Damage,
    /// Every operation by itself.
    Ops,
}

impl Overlay {
    /// Draws the outlines of `drawn` and what they mean.
    pub(crate) fn draw(self, picture: &mut Picture, drawn: &[(OpKind, Region)]) {
        let Some(mut layer) = Pixmap::new(picture.width(), picture.height()) else { return };
        for kind in OpKind::ALL {
            let mut regions = drawn.iter().filter(|(k, _)| *k == kind).map(|(_, region)| region).peekable();
            if regions.peek().is_none() {
                continue;
            }
            match self {
                Overlay::Damage => {
                    let all: Region = regions.flat_map(|r| r.rects().iter().copied()).collect();
                    outline(&mut layer, all.rects(), color(kind), 48);
                }
                Overlay::Ops => regions.for_each(|r| outline(&mut layer, r.rects(), color(kind), 16)),
            }
        }
        legend(&mut layer, drawn);
        picture.over(&layer);
    }
}

/// A colour of its own for each kind: as far apart as fifteen can be.
fn color(kind: OpKind) -> [u8; 3] {
    match kind {
        OpKind::Nop => [128, 128, 128],
        OpKind::Fill => [255, 140, 0],
        OpKind::Opaque => [150, 75, 0],
        OpKind::Copy => [30, 110, 255],
        OpKind::CopyBits => [220, 0, 200],
        OpKind::Blend => [0, 170, 170],
        OpKind::Blackness => [40, 40, 40],
        OpKind::Whiteness => [240, 240, 240],
        OpKind::Invers => [130, 200, 0],
        OpKind::Rop3 => [120, 60, 220],
        OpKind::Stroke => [255, 60, 60],
        OpKind::Text => [0, 160, 60],
        OpKind::Transparent => [255, 150, 190],
        OpKind::AlphaBlend => [200, 180, 0],
        OpKind::Composite => [0, 200, 255],
    }
}

fn paint([r, g, b]: [u8; 3], alpha: u8) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(Color::from_rgba8(r, g, b, alpha));
    paint.anti_alias = false;
    paint
}

fn outline(layer: &mut Pixmap, rects: &[Rect], color: [u8; 3], fill: u8) {
    let mut areas = PathBuilder::new();
    let mut lines = PathBuilder::new();
    for r in rects {
        let edge = |v: i32| v as f32;
        let rect = tiny_skia::Rect::from_ltrb(edge(r.left), edge(r.top), edge(r.right), edge(r.bottom));
        areas.extend_from_rect(rect);
        // Inside its pixels, as far as there is an inside.
        let inner = tiny_skia::Rect::from_ltrb(
            edge(r.left) + 0.5,
            edge(r.top) + 0.5,
            (edge(r.right) - 0.5).max(edge(r.left) + 0.5),
            (edge(r.bottom) - 0.5).max(edge(r.top) + 0.5),
        );
        lines.extend_from_rect(inner);
    }
    if let Some(path) = areas.finish() {
        layer.fill_path(&path, &paint(color, fill), FillRule::Winding, Transform::identity(), None);
    }
    if let Some(path) = lines.finish() {
        let stroke = Stroke { width: 1.0, ..Stroke::default() };
        layer.stroke_path(&path, &paint(color, 230), &stroke, Transform::identity(), None);
    }
}

trait Extend {
    fn extend_from_rect(&mut self, rect: Option<tiny_skia::Rect>);
}

impl Extend for PathBuilder {
    fn extend_from_rect(&mut self, rect: Option<tiny_skia::Rect>) {
        rect.into_iter().for_each(|rect| self.push_rect(rect));
    }
}

/// Pixels of one font pixel.
const SCALE: i32 = 2;
/// Height of a line of the legend.
const LINE: i32 = 8 * SCALE;

/// A box in the top left corner: the kinds that were drawn, their colours and how many there were.
fn legend(layer: &mut Pixmap, drawn: &[(OpKind, Region)]) {
    let mut lines = Vec::new();
    for kind in OpKind::ALL {
        let count = drawn.iter().filter(|(k, _)| *k == kind).count();
        if count > 0 {
            lines.push((color(kind), format!("{} {count}", kind.name())));
        }
    }
    if lines.is_empty() {
        return;
    }
    let longest = lines.iter().map(|(_, text)| text.len()).max().unwrap_or(0) as i32;
    let width = LINE + longest * 4 * SCALE + 3 * SCALE;
    fill(layer, Rect::new(0, 0, width, LINE * lines.len() as i32 + 2 * SCALE), [255, 255, 255], 225);
    for (i, (color, text)) in lines.iter().enumerate() {
        let top = LINE * i as i32 + 2 * SCALE;
        fill(layer, Rect::new(2 * SCALE, top, LINE - SCALE, top + 6 * SCALE), *color, 255);
        for (column, letter) in text.bytes().enumerate() {
            draw_letter(layer, letter, LINE + SCALE + column as i32 * 4 * SCALE, top);
        }
    }
}

fn fill(layer: &mut Pixmap, r: Rect, color: [u8; 3], alpha: u8) {
    let rect = tiny_skia::Rect::from_ltrb(r.left as f32, r.top as f32, r.right as f32, r.bottom as f32);
    if let Some(rect) = rect {
        layer.fill_rect(rect, &paint(color, alpha), Transform::identity(), None);
    }
}

fn draw_letter(layer: &mut Pixmap, letter: u8, x: i32, y: i32) {
    let Some((_, rows)) = FONT.iter().find(|(l, _)| *l == letter) else { return };
    for (row, bits) in rows.iter().enumerate() {
        for column in (0..3).filter(|c| bits >> (2 - c) & 1 != 0) {
            let (left, top) = (x + column * SCALE, y + row as i32 * SCALE);
            fill(layer, Rect::new(left, top, left + SCALE, top + SCALE), [0, 0, 0], 255);
        }
    }
}

/// The letters of the operations' names and the digits: three columns, five rows.
const FONT: &[(u8, [u8; 5])] = &[
    (b'0', [7, 5, 5, 5, 7]),
    (b'1', [2, 6, 2, 2, 7]),
    (b'2', [7, 1, 7, 4, 7]),
    (b'3', [7, 1, 7, 1, 7]),
    (b'4', [5, 5, 7, 1, 1]),
    (b'5', [7, 4, 7, 1, 7]),
    (b'6', [7, 4, 7, 5, 7]),
    (b'7', [7, 1, 1, 1, 1]),
    (b'8', [7, 5, 7, 5, 7]),
    (b'9', [7, 5, 7, 1, 7]),
    (b'_', [0, 0, 0, 0, 7]),
    (b'A', [2, 5, 7, 5, 5]),
    (b'B', [6, 5, 6, 5, 6]),
    (b'C', [3, 4, 4, 4, 3]),
    (b'D', [6, 5, 5, 5, 6]),
    (b'E', [7, 4, 6, 4, 7]),
    (b'F', [7, 4, 6, 4, 4]),
    (b'H', [5, 5, 7, 5, 5]),
    (b'I', [7, 2, 2, 2, 7]),
    (b'K', [5, 5, 6, 5, 5]),
    (b'L', [4, 4, 4, 4, 7]),
    (b'M', [5, 7, 7, 5, 5]),
    (b'N', [6, 5, 5, 5, 5]),
    (b'O', [2, 5, 5, 5, 2]),
    (b'P', [6, 5, 6, 4, 4]),
    (b'Q', [2, 5, 5, 6, 3]),
    (b'R', [6, 5, 6, 5, 5]),
    (b'S', [3, 4, 2, 1, 6]),
    (b'T', [7, 2, 2, 2, 2]),
    (b'U', [5, 5, 5, 5, 7]),
    (b'V', [5, 5, 5, 5, 2]),
    (b'W', [5, 5, 7, 7, 5]),
    (b'X', [5, 5, 2, 5, 5]),
    (b'Y', [5, 5, 2, 2, 2]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_can_be_written() {
        for kind in OpKind::ALL {
            for letter in kind.name().bytes() {
                assert!(FONT.iter().any(|(l, _)| *l == letter), "{} in {}", letter as char, kind.name());
            }
        }
    }

    #[test]
    fn colours_differ() {
        for a in OpKind::ALL {
            assert!(OpKind::ALL.iter().all(|b| a == *b || color(a) != color(*b)), "{a:?}");
        }
    }
}
