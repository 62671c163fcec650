//! Large one-colour rectangles of mixed areas.

use super::cells::{Cells, TILE};
use super::content::{Content, UNIT};
use super::sample::{Picture, Sample};
use super::{Piece, PieceKind};
use spice_raster::Rect;

/// The most rectangles that are carved out of one rectangle of the area.
const CARVED: usize = 8;

/// Sends large one-colour rectangles as fills of their own, where that saves more than the fill and the image that it
/// may split cost. Coders take next to nothing for runs of one colour, so this wants really large ones; smaller ones
/// become fills only if a whole box has one colour.
pub(super) fn carve<P: Sample>(
    truth: &Picture<'_, P>,
    cells: &mut Cells,
    content: &Content,
    out: &mut Vec<Piece>,
) {
    let costs = &content.costs;
    let plain = u64::from(costs.repeating.plain.min(costs.predicting.plain)).max(1);
    let least = u64::from(costs.fill + costs.image) * UNIT / plain;
    let Cells { patches, changed, .. } = cells;
    for patch in patches.iter() {
        let cells =
            &mut changed[patch.cell(patch.tiles.left, patch.tiles.top)..][..patch.tiles.area() as usize];
        let tile = (TILE * TILE) as u64;
        if cells.iter().filter(|c| !c.is_empty()).count() as u64 * tile < least {
            continue;
        }
        let columns = patch.tiles.width() as usize;
        let at = |i: usize| (patch.tiles.left + (i % columns) as i32, patch.tiles.top + (i / columns) as i32);
        let mut colours: Vec<Option<u32>> = cells
            .iter()
            .enumerate()
            .map(|(i, changed)| {
                let (tx, ty) = at(i);
                if changed.is_empty() { None } else { truth.colour(patch.part(tx, ty)) }
            })
            .collect();
        for _ in 0..CARVED {
            let Some((tiles, colour)) = largest(&colours, columns, least / tile) else { break };
            let mut rect = Rect::default();
            for y in tiles.top..tiles.bottom {
                for x in tiles.left..tiles.right {
                    let i = y as usize * columns + x as usize;
                    let (tx, ty) = at(i);
                    rect = rect.union(&patch.part(tx, ty));
                    colours[i] = None;
                    cells[i] = Rect::default();
                }
            }
            out.push(Piece { rect, kind: PieceKind::Fill(colour) });
        }
    }
}

/// The largest rectangle of cells of one colour, if it has more than `least` cells; the first of equals.
fn largest(colours: &[Option<u32>], columns: usize, least: u64) -> Option<(Rect, u32)> {
    let mut best = None;
    let mut most = least;
    // For each column, how many cells up from this row have the row's colour.
    let mut heights = vec![0u64; columns];
    let mut stack: Vec<usize> = Vec::new();
    for (y, row) in colours.chunks(columns).enumerate() {
        for (x, colour) in row.iter().enumerate() {
            let same = y > 0 && colours[(y - 1) * columns + x] == *colour;
            heights[x] = match colour {
                None => 0,
                Some(_) if same => heights[x] + 1,
                Some(_) => 1,
            };
        }
        let mut from = 0;
        while from < columns {
            let to = (from..columns).find(|&x| row[x] != row[from]).unwrap_or(columns);
            if let Some(colour) = row[from] {
                stack.clear();
                for x in from..=to {
                    let height = if x < to { heights[x] } else { 0 };
                    while let Some(&top) = stack.last()
                        && heights[top] >= height
                    {
                        stack.pop();
                        let left = stack.last().map_or(from, |&l| l + 1);
                        let cells = heights[top] * (x - left) as u64;
                        if cells > most {
                            most = cells;
                            let top = y as i32 + 1 - heights[top] as i32;
                            best = Some((Rect::new(left as i32, top, x as i32, y as i32 + 1), colour));
                        }
                    }
                    stack.push(x);
                }
            }
            from = to;
        }
    }
    best
}
