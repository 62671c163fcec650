//! Films that change a little here and there each time: one photo in place of many small pieces.

use super::canvas::CANVAS;
use super::encode::Quality;
use super::photos::{self, Purpose, without};
use super::planner::{Piece, PieceKind};
use super::pricing;
use super::session::Session;
use spice_raster::{Rect, Region, SurfaceRef};

/// Pixels of the smallest place that is looked at as a film, and the most of them.
const PIXELS: u64 = 1 << 14;
const FILMS: usize = 16;
/// How long the pieces of a film may take to arrive before they are joined, in milliseconds.
const PATIENCE_MS: u64 = 10;

impl Session {
    /// Whether a place will be sent again soon, all of it or parts all over it.
    pub(super) fn is_moving(&self, rect: Rect) -> bool {
        self.recent.is_lively(self.now, rect) || self.recent.is_restless(self.now, rect)
    }

    /// Makes images of all that is a photo in places that change many times a second, where the JPEG of such a place takes
    /// fewer bytes than the many small pieces of it that changed. `moved` pixels of the screen stood elsewhere on it.
    pub(super) fn join_films(
        &mut self,
        truth: SurfaceRef<'_>,
        area: &Region,
        moved: u64,
        pieces: &mut Vec<Piece>,
    ) {
        if area.rects().len() > FILMS {
            return;
        }
        for place in area.rects() {
            let images = pieces.iter().filter(|p| p.kind == PieceKind::Image).map(|p| p.rect);
            let images: Vec<Rect> = images.filter(|r| r.intersects(place)).collect();
            let parts = || images.iter().map(|r| r.intersect(place));
            let Some(film) = parts().reduce(|a, b| a.union(&b)) else { continue };
            // A page that scrolls is none.
            let scrolls = moved * 8 >= film.area();
            // Where nearly all of it changed it is found to be a photo as it is.
            let many = images.len() > 1 && parts().map(|r| r.area()).sum::<u64>() * 4 < film.area() * 3;
            if film.area() >= PIXELS && !scrolls && many && self.recent.is_restless(self.now, film) {
                self.join(truth, area, film, &images, pieces);
            }
        }
    }

    fn join(
        &mut self,
        truth: SurfaceRef<'_>,
        area: &Region,
        film: Rect,
        images: &[Rect],
        pieces: &mut Vec<Piece>,
    ) {
        let mut whole = vec![Piece { rect: film, kind: PieceKind::Image }];
        let photos = photos::cut(truth, area, Purpose::Jpeg, |rect| self.is_moving(rect), &mut whole);
        let mut photos = whole.split_off(whole.len() - photos);
        photos.retain(|photo| self.recent.is_restless(self.now, photo.rect));
        let region = Region::from_rects(photos.iter().map(|p| p.rect));
        let mut exact = 0;
        for image in images.iter().filter(|image| region.intersects_rect(image)) {
            if self.encoder.is_cached(truth, *image, CANVAS, &Quality::EXACT) {
                continue;
            }
            for part in region.rects_in(*image) {
                let bytes = self.encoder.estimate(truth, part, CANVAS, &Quality::EXACT).unwrap_or(0);
                exact += pricing::COPY + bytes as u64;
            }
        }
        // What is soon sent stays as it is: a film's photo must be sent once more when the link is idle.
        if exact * 8 * 1000 <= self.link.bits_per_second() * PATIENCE_MS {
            return;
        }
        let quality = self.link.jpeg_quality(true);
        let mut bytes = 0;
        for photo in &photos {
            let Some(photo) = self.encoder.photo_bytes(truth, photo.rect, CANVAS, quality) else { return };
            bytes += pricing::COPY + photo as u64;
        }
        if bytes < exact {
            *pieces = without(pieces, &region);
            pieces.extend(photos);
        }
    }
}
