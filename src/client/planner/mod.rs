//! The fallback planner: the difference between the true pixels and what a client shows, as pieces to send.
//!
//! In order of price: nothing where the client already shows the truth; a move where the content stands elsewhere on
//! the client's surface (scrolls, moved windows); a fill where the truth has one colour; images for the rest, merged
//! while that is cheaper than sending them apart. The planner reads pixels and writes rectangles: it knows nothing of
//! messages, codecs or clients beyond the [`Costs`] it is given.

mod boxes;
mod canvas;
mod cells;
mod content;
mod costs;
mod fills;
mod moves;
mod sample;
mod search;
#[cfg(test)]
mod tests;

pub(super) use boxes::cut;
pub use costs::{Coding, Costs};

use crate::trace::span;
use canvas::Canvas;
use cells::Cells;
use content::Content;
use sample::{Picture, Sample};
use spice_raster::{Point, Rect, Region, Surface, SurfaceFormat, SurfaceRef};

/// A copy within the surface that the guest made since the last plan: the pixels of `dst` came from the rectangle of
/// the same size at `src`. Only a hint: it is believed where the pixels agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoveHint {
    /// What was written, in pixels of the surface.
    pub dst: Rect,
    /// The top left corner of what was read.
    pub src: Point,
}

/// What to plan.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The true pixels; looked at in `area` and `spill` only, except that cost estimates may look beside them.
    pub truth: SurfaceRef<'a>,
    /// What the client shows: same size and format as `truth` (else it counts as `None`). `None`: nothing is known.
    pub shadow: Option<SurfaceRef<'a>>,
    /// The pixels to bring up to date; what lies outside the surface is ignored.
    pub area: &'a Region,
    /// Where `shadow` does not say what the client shows.
    pub unknown: &'a Region,
    /// Pixels beside `area` where `truth` holds too: images and fills may cover them if that saves bytes.
    /// Empty: nothing outside `area` is written.
    pub spill: &'a Region,
    /// The guest's copies since the last plan, in their order.
    pub hints: &'a [MoveHint],
    /// Whether fills may be used.
    pub can_fill: bool,
    /// Whether moves may be used.
    pub can_move: bool,
    /// What things cost.
    pub costs: Costs,
    /// The most pixels that one image may have; larger ones are cut into bands.
    pub max_piece_pixels: u32,
}

/// How a piece is brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// One colour: the raw pixel value in the surface's format (the x byte of x8r8g8b8 is 0).
    Fill(u32),
    /// The client's own pixels, from the rectangle of the same size at `src`; the two may overlap, and the target
    /// gets what the source held before.
    Move {
        /// The top left corner of what is read.
        src: Point,
    },
    /// The true pixels.
    Image,
}

/// One rectangle to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What is written, in pixels of the surface; not empty, inside it.
    pub rect: Rect,
    /// How.
    pub kind: PieceKind,
}

/// What a plan holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanStats {
    /// Pixels of the tight boxes around what differs, before anything was planned.
    pub changed_pixels: u64,
    /// Moves in the plan.
    pub moves: u32,
    /// Pixels that they bring.
    pub moved_pixels: u64,
    /// Fills in the plan.
    pub fills: u32,
    /// Images in the plan.
    pub images: u32,
    /// Pixels that images carry.
    pub image_pixels: u64,
    /// Estimated bytes of all pieces.
    pub bytes: u64,
}

/// The one colour of a rectangle (not an empty one) of x8r8g8b8 pixels, its x byte 0, if it has only one.
pub(super) fn colour(pixels: SurfaceRef<'_>, rect: Rect) -> Option<u32> {
    Picture::new(pixels, 0x00ff_ffff_u32).colour(rect)
}

/// Turns differences into pieces. Keeps its scratch memory (at most a few bytes for each pixel of the largest
/// surface seen) between calls; plans do not depend on what was planned before.
#[derive(Debug, Default)]
pub struct Planner {
    own: Vec<u32>,
    copied: Vec<bool>,
    cells: Cells,
    content: Content,
    moves: moves::Scratch,
    boxes: boxes::Boxes,
}

impl Planner {
    /// A planner without memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the pieces that make the client show `truth` on `area` to `out` (cleared first).
    ///
    /// Drawn in order on what the client shows, they give exactly `truth` in every pixel of `area` (the x byte of
    /// x8r8g8b8 is invisible and not compared) and change nothing outside `area` and `spill`. Moves come first and
    /// read only what is known at that point; fills and images follow, in any order. Same input, same plan.
    pub fn plan(&mut self, input: &PlanInput<'_>, out: &mut Vec<Piece>) -> PlanStats {
        span!("spice_render_plan");
        out.clear();
        let truth = input.truth;
        let shadow = input.shadow.filter(|s| {
            (s.format(), s.width(), s.height()) == (truth.format(), truth.width(), truth.height())
        });
        match truth.format() {
            SurfaceFormat::X8R8G8B8 => self.plan_as::<u32>(input, truth, shadow, 0x00ff_ffff, out),
            SurfaceFormat::A8R8G8B8 => self.plan_as::<u32>(input, truth, shadow, u32::MAX, out),
            SurfaceFormat::X1R5G5B5 | SurfaceFormat::R5G6B5 => {
                self.plan_as::<u16>(input, truth, shadow, u16::MAX, out)
            }
            SurfaceFormat::A8 => self.plan_as::<u8>(input, truth, shadow, u8::MAX, out),
            SurfaceFormat::A1 => {
                // Rare, and small: planned as bytes of 0 and 1.
                let (truth, shadow) = (bits_to_bytes(truth), shadow.map(bits_to_bytes));
                let shadow = shadow.as_ref().map(Surface::view);
                self.plan_as::<u8>(input, truth.view(), shadow, u8::MAX, out)
            }
        }
    }

    fn plan_as<P: Sample>(
        &mut self,
        input: &PlanInput<'_>,
        truth: SurfaceRef<'_>,
        shadow: Option<SurfaceRef<'_>>,
        mask: P,
        out: &mut Vec<Piece>,
    ) -> PlanStats {
        let Self { own, copied, cells, content, moves, boxes } = self;
        let bounds = truth.bounds();
        let truth = Picture::new(truth, mask);
        let shadow = shadow.map(|s| Picture::new(s, mask));
        cells.reset(input.area, bounds);
        if cells.is_empty() {
            return PlanStats::default();
        }
        let all;
        let unknown = match shadow {
            Some(_) => input.unknown,
            None => {
                all = Region::from_rect(bounds);
                &all
            }
        };
        let mut now = Canvas::new(shadow, unknown, own, copied);
        cells.update(&truth, &now, cells.bounds());
        let mut stats = PlanStats { changed_pixels: cells.changed_pixels(), ..PlanStats::default() };
        if stats.changed_pixels == 0 {
            return stats;
        }
        content.reset(cells.bounds(), input.costs);
        if input.can_move && shadow.is_some() {
            moves.find(&truth, &mut now, cells, content, input, out);
        }
        let moved = out.len();
        if input.can_fill {
            fills::carve(&truth, cells, content, out);
        }
        let joined;
        let allowed = if input.spill.is_empty() {
            input.area
        } else {
            joined = input.area.union(input.spill);
            &joined
        };
        boxes.build(&truth, cells, content, allowed, input.can_fill);
        boxes.write(input.max_piece_pixels, out);
        stats.bytes = boxes.bytes(&input.costs);
        for (i, piece) in out.iter().enumerate() {
            match piece.kind {
                PieceKind::Move { .. } => {
                    stats.moves += 1;
                    stats.moved_pixels += piece.rect.area();
                }
                PieceKind::Fill(_) => stats.fills += 1,
                PieceKind::Image => {
                    stats.images += 1;
                    stats.image_pixels += piece.rect.area();
                }
            }
            debug_assert_eq!(i < moved, matches!(piece.kind, PieceKind::Move { .. }));
        }
        stats.bytes += u64::from(stats.moves) * u64::from(input.costs.copy_bits)
            + u64::from(stats.fills) * u64::from(input.costs.fill)
            + u64::from(stats.images) * u64::from(input.costs.image);
        stats
    }
}

/// A 1-bit surface as one of bytes 0 and 1.
fn bits_to_bytes(bits: SurfaceRef<'_>) -> Surface {
    let mut bytes =
        Surface::new(SurfaceFormat::A8, bits.width(), bits.height(), u64::MAX).expect("no limit is set");
    let mut rows = bytes.view_mut();
    for y in 0..bits.height() {
        let from = bits.bytes_of_row(y);
        for (x, byte) in rows.row8(y).iter_mut().enumerate() {
            *byte = from[x / 8] >> (x % 8) & 1;
        }
    }
    bytes
}
