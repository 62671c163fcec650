//! Changed cells merged into the rectangles that are sent.

use super::cells::Cells;
use super::content::{Content, Estimate, UNIT};
use super::costs::Costs;
use super::sample::{Picture, Sample};
use super::{Piece, PieceKind};
use spice_raster::{Rect, Region};

/// How far below a box a new one may begin and still be merged with it, in pixels: bounds the search for partners.
/// A gap of this height under a line of text is already far more than a message costs.
const REACH: i32 = 96;

/// One rectangle to send.
#[derive(Clone, Copy, Debug)]
struct Box {
    rect: Rect,
    estimate: Estimate,
    /// The one colour of its pixels, if there is one and fills may be used.
    colour: Option<u32>,
}

impl Box {
    /// What sending it takes, in 1/[`UNIT`] bytes.
    fn cost(&self, costs: &Costs) -> u64 {
        match self.colour {
            Some(_) => u64::from(costs.fill) * UNIT,
            None => u64::from(costs.image) * UNIT + pixels(self.estimate, costs),
        }
    }
}

fn pixels(estimate: Estimate, costs: &Costs) -> u64 {
    estimate[0].min(estimate[1] + u64::from(costs.learning) * UNIT)
}

/// The rectangles to send, and memory to find them in.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    /// Merged along rows of tiles.
    rows: Vec<Box>,
    /// May still grow downwards.
    open: Vec<Box>,
    /// Will not change any more.
    done: Vec<Box>,
}

/// What is needed to judge a merge.
struct Judge<'a, 'b, P> {
    truth: &'a Picture<'b, P>,
    content: &'a mut Content,
    allowed: &'a Region,
    can_fill: bool,
}

impl<P: Sample> Judge<'_, '_, P> {
    fn new_box(&mut self, rect: Rect) -> Box {
        let colour = if self.can_fill { self.truth.colour(rect) } else { None };
        Box { rect, estimate: self.content.estimate(self.truth, rect), colour }
    }

    /// The two as one, and what that saves; `None` if it saves nothing.
    fn merged(&mut self, a: &Box, b: &Box) -> Option<(Box, u64)> {
        let costs = self.content.costs;
        let rect = a.rect.union(&b.rect);
        let apart = a.cost(&costs) + b.cost(&costs);
        let wasted = rect.area().saturating_sub(a.rect.area() + b.rect.area());
        let plain = u64::from(costs.repeating.plain.min(costs.predicting.plain));
        if wasted * plain >= u64::from(costs.image + costs.fill) * UNIT || !self.allowed.contains_rect(&rect)
        {
            return None;
        }
        let estimate = if wasted == 0 {
            [a.estimate[0] + b.estimate[0], a.estimate[1] + b.estimate[1]]
        } else {
            self.content.estimate(self.truth, rect)
        };
        let colour = match (a.colour, b.colour) {
            (Some(a), Some(b)) if a == b => self.truth.colour(rect),
            _ => None,
        };
        let merged = Box { rect, estimate, colour };
        let together = merged.cost(&costs);
        (together < apart).then(|| (merged, apart - together))
    }
}

impl Boxes {
    /// Merges the changed cells. Every box lies in `allowed`.
    pub(super) fn build<P: Sample>(
        &mut self,
        truth: &Picture<'_, P>,
        cells: &Cells,
        content: &mut Content,
        allowed: &Region,
        can_fill: bool,
    ) {
        let mut judge = Judge { truth, content, allowed, can_fill };
        self.rows.clear();
        for patch in &cells.patches {
            for ty in patch.tiles.top..patch.tiles.bottom {
                let mut last: Option<Box> = None;
                for tx in patch.tiles.left..patch.tiles.right {
                    let changed = cells.changed[patch.cell(tx, ty)];
                    if changed.is_empty() {
                        continue;
                    }
                    let next = judge.new_box(changed);
                    last = Some(match last {
                        None => next,
                        Some(last) => match judge.merged(&last, &next) {
                            Some((merged, _)) => merged,
                            None => {
                                self.rows.push(last);
                                next
                            }
                        },
                    });
                }
                self.rows.extend(last);
            }
        }
        self.rows.sort_by_key(|b| (b.rect.top, b.rect.left, b.rect.bottom, b.rect.right));
        self.stack(&mut judge);
    }

    /// Merges the boxes of the rows with those above them.
    fn stack<P: Sample>(&mut self, judge: &mut Judge<'_, '_, P>) {
        self.open.clear();
        self.done.clear();
        for next in &self.rows {
            let mut next = *next;
            let mut i = 0;
            while i < self.open.len() {
                if self.open[i].rect.bottom + REACH < next.rect.top {
                    self.done.push(self.open.swap_remove(i));
                } else {
                    i += 1;
                }
            }
            loop {
                let mut best: Option<(usize, Box, u64)> = None;
                for (i, open) in self.open.iter().enumerate() {
                    if let Some((merged, saved)) = judge.merged(open, &next)
                        && best.is_none_or(|(_, _, most)| saved > most)
                    {
                        best = Some((i, merged, saved));
                    }
                }
                let Some((i, merged, _)) = best else { break };
                self.open.swap_remove(i);
                next = merged;
            }
            self.open.push(next);
        }
        self.done.append(&mut self.open);
        self.done.sort_by_key(|b| (b.rect.top, b.rect.left, b.rect.bottom, b.rect.right));
    }

    /// Estimated bytes of the images' pixels.
    pub(super) fn bytes(&self, costs: &Costs) -> u64 {
        let images = self.done.iter().filter(|b| b.colour.is_none());
        images.map(|b| pixels(b.estimate, costs)).sum::<u64>() / UNIT
    }

    /// Appends the boxes: fills first, then images of at most `limit` pixels (but at least one).
    pub(super) fn write(&self, limit: u32, out: &mut Vec<Piece>) {
        for b in &self.done {
            if let Some(colour) = b.colour {
                out.push(Piece { rect: b.rect, kind: PieceKind::Fill(colour) });
            }
        }
        for b in self.done.iter().filter(|b| b.colour.is_none()) {
            cut(b.rect, limit.max(1), |rect| out.push(Piece { rect, kind: PieceKind::Image }));
        }
    }
}

/// Cuts a rectangle into bands of about equal height with at most `limit` pixels; also across, if a row is longer.
pub(in crate::client) fn cut(rect: Rect, limit: u32, mut piece: impl FnMut(Rect)) {
    let across = rect.width().div_ceil(limit);
    let width = rect.width().div_ceil(across);
    let rows = rect.height().div_ceil(rect.height().div_ceil((limit / width).max(1)));
    for top in (rect.top..rect.bottom).step_by(rows as usize) {
        for left in (rect.left..rect.right).step_by(width as usize) {
            piece(Rect::new(left, top, left + width as i32, top + rows as i32).intersect(&rect));
        }
    }
}
