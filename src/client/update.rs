//! What a poll does for the screen: what changed is planned, and what is planned is sent as far as the budget goes.

use super::encode::Quality;
use super::passing;
use super::planner::{Piece, PieceKind};
use super::profile::Drawn;
use super::rest::{How, Waiting};
use super::session::{Screen, Session, Truth};
use super::shown::Shown;
use crate::qxl::OpKind;
use crate::wire::{ImageKind, ServerMessage};
use spice_raster::{Region, SurfaceRef};

impl Session {
    /// Brings the screen up to date, as far as the budget goes.
    pub(super) fn frame(&mut self, truth: &mut impl Truth, budget: usize) {
        self.drop_surfaces(|key| !truth.lives(key));
        let Some(mut screen) = self.screen.take() else { return };
        if !screen.is_current() {
            self.update(&mut screen, truth, budget);
        }
        self.passing.clear();
        if screen.is_current() {
            self.exact = false;
        }
        if !screen.marked {
            screen.marked = true;
            self.send(&ServerMessage::Mark);
        }
        self.screen = Some(screen);
    }

    /// Plans what changed since the last poll, and sends what is planned.
    fn update(&mut self, screen: &mut Screen, truth: &mut impl Truth, budget: usize) {
        let changed = screen.damage.region();
        screen.damage.clear();
        let area = changed.union(&screen.rest.recall(&changed));
        // What is planned now is rendered for that.
        let older = screen.rest.region();
        if !area.is_empty() && !self.plan_pieces(screen, truth, &area, budget) {
            return area.rects().iter().for_each(|r| screen.damage.add(*r));
        }
        let Some(pixels) = truth.render(&older) else { return };
        while self.out.bytes() < budget
            && screen.rest.next(|waiting| self.send_planned(&mut screen.shown, pixels, waiting))
        {}
        if !area.is_empty() {
            self.recent.note(self.now, &self.pieces);
        }
        if screen.is_current() {
            screen.shown.unknown = screen.shown.unknown.subtract(&area);
        }
    }

    /// Plans an area, and sends what of it must be sent at once: operations, and what reads the client's screen. False if
    /// the pixels cannot be had.
    fn plan_pieces(
        &mut self,
        screen: &mut Screen,
        truth: &mut impl Truth,
        area: &Region,
        budget: usize,
    ) -> bool {
        let mut pieces = std::mem::take(&mut self.pieces);
        let Some(mut pixels) = truth.render(area) else { return false };
        let hints = std::mem::take(&mut self.hints);
        let mut stats = self.plan(&screen.shown, pixels, area, &hints, &mut pieces);
        self.metrics.pixels_changed += stats.changed_pixels;
        // Operations are not passed where they would read pixels that only look right, so that a JPEG now costs a client
        // that draws them itself more than it saves (c_x11comp: 1.9 instead of 0.4 MB).
        let worthy = self.passing.is_worthy() || self.pass_all;
        let passes = worthy && self.profile.op(OpKind::Composite).drawn == Drawn::Yes;
        let decodes = !self.encoder.formats(ImageKind::Jpeg).is_empty();
        let lossy = self.lossy_allowed && !self.exact && self.link.is_slow() && decodes && !passes;
        let mut photos =
            if lossy { self.cut_photos(pixels, area, stats.moved_pixels, &mut pieces) } else { 0 };
        // An operation that carries a photo is not worth passing where JPEG is.
        if photos == 0 && worthy && (stats.bytes >= passing::WORTH || self.pass_all) {
            let planned = self.planned_bytes(pixels, &pieces);
            let entries = self.passing.take();
            let passed = self.pass(&mut screen.shown, truth, entries, &planned);
            let Some(again) = truth.render(area) else { return false };
            pixels = again;
            if passed {
                stats = self.plan(&screen.shown, pixels, area, &hints, &mut pieces);
                photos =
                    if lossy { self.cut_photos(pixels, area, stats.moved_pixels, &mut pieces) } else { 0 };
            }
        }
        let first_photo = pieces.len() - photos;
        let mut waiting = Vec::with_capacity(pieces.len() + self.known.len());
        for (i, piece) in pieces.iter().enumerate() {
            let rect = piece.rect;
            let how = match piece.kind {
                PieceKind::Move { .. } if self.out.bytes() < budget => {
                    self.piece(&mut screen.shown, pixels, piece, &Quality::EXACT);
                    continue;
                }
                PieceKind::Move { .. } => {
                    screen.damage.add(rect);
                    continue;
                }
                PieceKind::Fill(colour) => How::Fill(colour),
                PieceKind::Image if i < first_photo => How::Image,
                PieceKind::Image => How::Photo { moving: self.is_moving(rect) },
            };
            waiting.push(Waiting { rect, how });
        }
        waiting.extend(self.known.iter().map(|known| Waiting { rect: known.rect, how: How::Name(*known) }));
        screen.rest.extend(waiting);
        self.pieces = pieces;
        true
    }

    /// Sends a piece that waited; how many bytes it took.
    fn send_planned(&mut self, shown: &mut Shown, pixels: SurfaceRef<'_>, waiting: &Waiting) -> usize {
        let before = self.out.bytes();
        let &Waiting { rect, how } = waiting;
        let image = Piece { rect, kind: PieceKind::Image };
        match how {
            How::Name(known) => self.name(shown, pixels, &known),
            How::Fill(colour) => {
                let fill = Piece { rect, kind: PieceKind::Fill(colour) };
                self.piece(shown, pixels, &fill, &Quality::EXACT);
            }
            How::Photo { moving } if !self.exact => {
                let quality = Quality { jpeg: self.link.jpeg_quality(moving), ..Quality::PHOTO };
                self.piece(shown, pixels, &image, &quality);
            }
            How::Image | How::Photo { .. } => self.piece(shown, pixels, &image, &Quality::EXACT),
        }
        self.out.bytes() - before
    }
}
