//! Images that a client shows and keeps: where their content moves, a client without COPY_BITS is told their names
//! again instead of being sent their pixels.

use super::planner::{Piece, PieceKind};
use spice_raster::Rect;
use std::collections::VecDeque;

/// Places that are remembered: the last ones.
const PLACES: usize = 512;
/// Pixels below which an image is not much dearer than its name.
const SMALL: u64 = 512;

/// Where on a surface images stand that the client has in its cache. Only places to look at: what stands there now is
/// for the cache to say.
#[derive(Debug, Default)]
pub(super) struct Places {
    rects: VecDeque<Rect>,
}

impl Places {
    pub(super) fn is_empty(&self) -> bool {
        self.rects.is_empty()
    }

    /// The places, to be saved.
    pub(super) fn rects(&self) -> &VecDeque<Rect> {
        &self.rects
    }

    pub(super) fn clear(&mut self) {
        self.rects.clear();
    }

    /// Something was drawn; `kept` says whether it is an image that the client now has in its cache.
    pub(super) fn drawn(&mut self, rect: Rect, kept: bool) {
        self.rects.retain(|r| !r.intersects(&rect));
        if kept && rect.area() >= SMALL {
            if self.rects.len() == PLACES {
                self.rects.pop_front();
            }
            self.rects.push_back(rect);
        }
    }

    /// Where these images would stand if all of the surface (of size `bounds`) went along with the moves among `pieces`:
    /// disjoint rectangles, of which `same` says whether an image is what shall be there.
    pub(super) fn moved(
        &self,
        pieces: &[Piece],
        bounds: Rect,
        mut same: impl FnMut(Rect) -> bool,
    ) -> Vec<Rect> {
        let mut found: Vec<Rect> = Vec::new();
        for piece in pieces {
            let PieceKind::Move { src } = piece.kind else { continue };
            let (dx, dy) = (piece.rect.left - src.x, piece.rect.top - src.y);
            for rect in self.rects.iter().map(|r| r.translate(dx, dy)) {
                let free = piece.rect.intersects(&rect) && found.iter().all(|f| !f.intersects(&rect));
                if free && bounds.contains(&rect) && same(rect) {
                    found.push(rect);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spice_raster::Point;

    #[test]
    fn whole_images_move_along() {
        let mut places = Places::default();
        let bands: Vec<Rect> = (0..4).map(|i| Rect::new(0, i * 32, 100, i * 32 + 32)).collect();
        bands.iter().for_each(|band| places.drawn(*band, true));
        // What is drawn over an image ends it; what is not kept is no image.
        places.drawn(Rect::new(10, 70, 20, 80), false);
        // Everything goes up by 8 rows.
        let up = |bottom| {
            let kind = PieceKind::Move { src: Point::new(5, 8) };
            Piece { rect: Rect::new(5, 0, 90, bottom), kind }
        };
        let all = Rect::of_size(100, 128);
        let moved = [bands[1], bands[3]].map(|b| b.translate(0, -8));
        assert_eq!(places.moved(&[up(120)], all, |_| true), moved);
        assert_eq!(places.moved(&[up(120)], all, |r| r.top > 50), moved[1..]);
        assert_eq!(places.moved(&[up(60)], all, |_| true), moved[..1]);
        assert_eq!(places.moved(&[up(60), up(120)], all, |_| true), moved);
        assert_eq!(places.moved(&[up(120)], Rect::of_size(100, 119), |_| true), moved[..1]);
        places.clear();
        assert!(places.is_empty());
    }
}
