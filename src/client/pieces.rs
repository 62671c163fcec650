//! Pieces of a plan as messages, drawn on the shadow as the client draws them.

use super::encode::Quality;
use super::gallery::{DEAR, Known};
use super::planner::{Piece, PieceKind};
use super::session::Session;
use super::shown::Shown;
use crate::qxl::{Brush, Clip, Op, QMask, Rect, Ropd, ScaleMode};
use crate::wire::{self, Draw, ImageKind, ServerMessage};
use spice_raster::{Region, Rop2, SurfaceRef};

impl Session {
    /// Sends a piece and draws it on the shadow.
    pub(super) fn piece(
        &mut self,
        shown: &mut Shown,
        truth: SurfaceRef<'_>,
        piece: &Piece,
        quality: &Quality,
    ) {
        let rect = piece.rect;
        let whole = Region::from_rect(rect);
        let mut lossy = Region::new();
        let mut kept = false;
        let op = match piece.kind {
            PieceKind::Fill(color) => {
                self.raster.fill(&mut shown.shadow.view_mut(), &whole, color, Rop2::PUT);
                Op::Fill { brush: Brush::Solid(color), rop: Ropd::PUT, mask: QMask::default() }
            }
            PieceKind::Move { src } => {
                let (dx, dy) = (src.x - rect.left, src.y - rect.top);
                lossy = shown.lossy.translate(-dx, -dy);
                lossy.intersect_rect(rect);
                self.raster.copy_bits(&mut shown.shadow.view_mut(), &whole, spice_raster::Point::new(dx, dy));
                Op::CopyBits { src_pos: src }
            }
            PieceKind::Image => {
                let costs = self.image_costs();
                let coded = match self.encoder.encode(truth, rect, shown.shadow.format(), quality, &costs) {
                    Ok(coded) => coded,
                    Err(_) => {
                        // The profile has no image for it: it will never be shown.
                        self.metrics.unsent += 1;
                        shown.unknown.union_rect(rect);
                        return;
                    }
                };
                self.search = self.search.saturating_sub(coded.spent);
                for message in &coded.before {
                    self.send(message);
                }
                self.metrics.count_image(coded.codec, coded.bytes, rect.area());
                if coded.lossy {
                    lossy = whole.clone();
                }
                kept = coded.image.id != 0;
                self.put(shown, truth, rect);
                if shown.id == 0
                    && let Some(key) = coded.kept.filter(|_| coded.bytes as u64 >= DEAR)
                    && !self.recent.is_lively(self.now, rect)
                {
                    self.gallery.add(key, truth, rect);
                }
                copy(Rect::of_size(rect.width(), rect.height()), coded.image)
            }
        };
        if shown.id == 0 {
            self.places.drawn(rect, kept);
        }
        self.drawn(shown, rect, op, &lossy);
    }

    /// Tells the client the name of an image that it has, and draws it on the shadow.
    pub(super) fn name(&mut self, shown: &mut Shown, truth: SurfaceRef<'_>, known: &Known) {
        let &Known { rect, key, width, height, src } = known;
        let Some(image) = self.encoder.named(&key, width, height) else {
            // It had to make room for others.
            return self.piece(shown, truth, &Piece { rect, kind: PieceKind::Image }, &Quality::EXACT);
        };
        self.metrics.count_image(ImageKind::FromCache, image.wire_len(), rect.area());
        self.put(shown, truth, rect);
        self.places.drawn(rect, (rect.width(), rect.height()) == (width, height));
        let src_area = Rect::of_size(rect.width(), rect.height()).translate(src.x, src.y);
        self.drawn(shown, rect, copy(src_area, image), &Region::new());
    }

    /// The true pixels are what the client shows.
    fn put(&mut self, shown: &mut Shown, truth: SurfaceRef<'_>, rect: Rect) {
        let area = Region::from_rect(rect);
        let own = spice_raster::Point::default();
        self.raster.copy(&mut shown.shadow.view_mut(), &area, truth, own, Rop2::PUT);
    }

    /// Sends an operation that was drawn on all of a rectangle of the shadow, with a loss in a part of it.
    fn drawn(&mut self, shown: &mut Shown, rect: Rect, op: Op<wire::Image>, lossy: &Region) {
        shown.unknown.subtract_rect(rect);
        if !shown.lossy.is_empty() || !lossy.is_empty() {
            shown.lossy.subtract_rect(rect);
            shown.lossy = shown.lossy.union(lossy);
        }
        let draw = Draw { surface_id: shown.id, bbox: rect, clip: Clip::None, op };
        self.send(&ServerMessage::Draw(Box::new(draw)));
    }
}

/// A COPY of a part of an image, unscaled.
fn copy(src_area: Rect, image: wire::Image) -> Op<wire::Image> {
    Op::Copy {
        src_area,
        src: Some(image),
        rop: Ropd::PUT,
        scale_mode: ScaleMode::INTERPOLATE,
        mask: QMask::default(),
    }
}
