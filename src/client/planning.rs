//! What a client is sent to bring its screen up to date: the planner's pieces, and what this client's caches and link make
//! of them.

use super::canvas::CANVAS;
use super::encode::{ImageEncoder, Quality};
use super::filter;
use super::gallery::{DEAR, Parts};
use super::photos::{self, Purpose};
use super::planner::{self, Costs, MoveHint, Piece, PieceKind, PlanInput, PlanStats};
use super::pricing;
use super::session::Session;
use super::shown::Shown;
use crate::qxl::{Rect, SurfaceFormat};
use crate::wire::ImageKind;
use spice_raster::{Region, SurfaceRef};

/// Pixels of the largest image.
const IMAGE_PIXELS: u32 = 1 << 19;
/// The same on a slow link: what is newer must not wait long for an image to get through.
const SLOW_PIXELS: u32 = 1 << 15;
/// How long photos may take to arrive before they are sent with a loss first, in milliseconds.
const PATIENCE_MS: u64 = 50;
/// Bytes of the smallest image that is rather told by its name: names cost bytes too, and cut what is left.
const WORTH_A_NAME: usize = 400;
/// Pixels of the smallest image that is looked for among those that the client has.
const NAMED_PIXELS: u64 = 1 << 11;
/// Pixels of the smallest image that is parted into photos and the rest, and of either.
const MIXED_PIXELS: u64 = 1 << 14;
const PART_PIXELS: u64 = 1 << 11;
/// Pixels of the smallest move that is a scroll.
const SCROLL_PIXELS: u64 = 1 << 16;
/// Bytes and pixels of a band of an image that may move: only whole ones can be told by their names then.
const BAND_BYTES: u64 = 6 << 10;
const BAND_PIXELS: u64 = 1 << 13;

impl Session {
    /// The rectangles of pieces and about how many bytes each takes.
    pub(super) fn planned_bytes(&mut self, truth: SurfaceRef<'_>, pieces: &[Piece]) -> Vec<(Rect, u64)> {
        let bytes = |piece: &Piece| match piece.kind {
            PieceKind::Image => pricing::COPY + self.image_cost(truth, piece.rect),
            PieceKind::Fill(_) => pricing::FILL,
            PieceKind::Move { .. } => pricing::MOVE,
        };
        let rects = pieces.iter().map(|p| p.rect);
        let pieces = rects.zip(pieces.iter().map(bytes).collect::<Vec<_>>());
        pieces.chain(self.known.iter().map(|known| (known.rect, pricing::COPY))).collect()
    }

    /// The pieces that bring an area of a surface up to date.
    pub(super) fn plan(
        &mut self,
        shown: &Shown,
        truth: SurfaceRef<'_>,
        area: &Region,
        hints: &[MoveHint],
        pieces: &mut Vec<Piece>,
    ) -> PlanStats {
        let abilities = filter::Abilities::of(&self.profile);
        let raw = ImageKind::ALL
            .into_iter()
            .all(|k| k == ImageKind::Bitmap || !k.carries_pixels() || self.encoder.formats(k).is_empty());
        let screen = shown.id == 0;
        // Such a client is told where images of its cache stand now.
        let names = screen && !abilities.copy_bits && self.encoder.has_cache();
        let input = PlanInput {
            truth,
            shadow: Some(shown.shadow.view()),
            area,
            unknown: &shown.unknown,
            spill: &Region::new(),
            hints,
            can_fill: abilities.fill && truth.format() != SurfaceFormat::A8,
            can_move: screen && (abilities.copy_bits || names && !self.places.is_empty()),
            costs: if raw { Costs::RAW } else { Costs::LOSSLESS },
            max_piece_pixels: if self.link.is_slow() { SLOW_PIXELS } else { IMAGE_PIXELS },
        };
        if screen {
            self.known.clear();
        }
        let mut stats = self.planner.plan(&input, pieces);
        let scrolls =
            pieces.iter().any(|p| matches!(p.kind, PieceKind::Move { .. }) && p.rect.area() >= SCROLL_PIXELS);
        if names && stats.moves > 0 {
            stats = self.plan_names(&input, stats, pieces);
        }
        if screen && self.encoder.has_cache() {
            let parts = if abilities.parts { Parts::Any } else { Parts::Whole };
            stats.bytes = stats.bytes.saturating_sub(self.find_known(truth, parts, pieces));
        }
        if screen && !raw {
            Self::part_mixed(truth, area, pieces);
        }
        if names {
            self.scrolls |= scrolls || !self.known.is_empty();
            if self.scrolls {
                self.cut_bands(truth, scrolls, pieces);
            }
        }
        stats
    }

    /// Takes what can be told by the names of images out of the dear images of a plan. About how many bytes that saves.
    fn find_known(&mut self, truth: SurfaceRef<'_>, parts: Parts, pieces: &mut Vec<Piece>) -> u64 {
        let (mut saved, mut left) = (0, Vec::new());
        for piece in pieces.iter_mut() {
            let Piece { rect, kind: PieceKind::Image } = *piece else { continue };
            if rect.area() < NAMED_PIXELS || self.recent.is_lively(self.now, rect) {
                continue;
            }
            let estimate = |encoder: &mut ImageEncoder, rect| {
                encoder.estimate(truth, rect, CANVAS, &Quality::EXACT).unwrap_or(0) as u64
            };
            if estimate(&mut self.encoder, rect) < DEAR {
                continue;
            }
            let first = self.known.len();
            let worth = |key: &_, part| {
                let bytes = estimate(&mut self.encoder, part);
                let worth = bytes > WORTH_A_NAME as u64 && self.encoder.holds(key);
                saved += if worth { bytes } else { 0 };
                worth
            };
            self.gallery.find((truth, rect), parts, worth, &mut self.known);
            if self.known.len() > first {
                let found = Region::from_rects(self.known[first..].iter().map(|known| known.rect));
                let rest = Region::from_rect(rect).subtract(&found);
                left.extend(rest.rects().iter().map(|rect| Piece { rect: *rect, kind: PieceKind::Image }));
                piece.rect = Rect::default();
            }
        }
        pieces.retain(|piece| !piece.rect.is_empty());
        pieces.append(&mut left);
        saved
    }

    /// Parts large images of photos with text beside them: the codecs that suit the one do not suit the other.
    fn part_mixed(truth: SurfaceRef<'_>, area: &Region, pieces: &mut Vec<Piece>) {
        for i in 0..pieces.len() {
            let mixed = pieces[i].rect.area();
            if pieces[i].kind != PieceKind::Image || mixed < MIXED_PIXELS {
                continue;
            }
            let mut parts = vec![pieces[i]];
            let photos = photos::cut(truth, area, Purpose::Parts, |_| false, &mut parts);
            let pixels = |parts: &[Piece]| parts.iter().map(|part| part.rect.area()).sum::<u64>();
            let (rest, photos) = parts.split_at(parts.len() - photos);
            let [rest, photos] = [rest, photos].map(pixels);
            if photos >= PART_PIXELS.max(mixed / 64) && rest >= PART_PIXELS.max(mixed / 32) {
                pieces[i] = parts[0];
                pieces.extend_from_slice(&parts[1..]);
            }
        }
    }

    /// Moves the photos that are worth it among the images to the end of a plan; how many there are.
    ///
    /// A photo is sent again without loss, unless it changes before: what stays is worth a JPEG only where its pixels
    /// would take long to arrive. The plan found `moved` pixels elsewhere on the screen.
    pub(super) fn cut_photos(
        &mut self,
        truth: SurfaceRef<'_>,
        area: &Region,
        moved: u64,
        pieces: &mut Vec<Piece>,
    ) -> usize {
        let mut cut = pieces.clone();
        self.join_films(truth, area, moved, &mut cut);
        let photos = photos::cut(truth, area, Purpose::Jpeg, |rect| self.is_moving(rect), &mut cut);
        let first = cut.len() - photos;
        let mut bytes = self.link.in_flight();
        for piece in &cut[first..] {
            bytes += self.encoder.estimate(truth, piece.rect, CANVAS, &Quality::EXACT).unwrap_or(0) as u64;
        }
        let late = bytes * 8 * 1000 > self.link.bits_per_second() * PATIENCE_MS;
        if !late && !cut[first..].iter().any(|p| self.recent.is_lively(self.now, p.rect)) {
            return 0;
        }
        *pieces = cut;
        photos
    }

    /// A plan in place of one `with_moves`: what has moved wholly is told by its name, the rest is images.
    fn plan_names(
        &mut self,
        input: &PlanInput<'_>,
        with_moves: PlanStats,
        pieces: &mut Vec<Piece>,
    ) -> PlanStats {
        let (truth, encoder) = (input.truth, &mut self.encoder);
        let is_new = |rect: Rect| {
            let shadow = input.shadow.filter(|_| !input.unknown.intersects_rect(&rect));
            shadow.is_none_or(|shadow| differs(shadow, truth, rect))
        };
        let is_named = |rect| {
            encoder.estimate(truth, rect, CANVAS, &Quality::EXACT).is_ok_and(|n| n > WORTH_A_NAME)
                && is_new(rect)
                && encoder.is_cached(truth, rect, CANVAS, &Quality::EXACT)
        };
        let named = self.places.moved(pieces, truth.bounds(), is_named);
        let rest = input.area.subtract(&Region::from_rects(named.iter().copied()));
        let images = self.planner.plan(&PlanInput { area: &rest, can_move: false, ..*input }, pieces);
        pieces.extend(named.iter().map(|rect| Piece { rect: *rect, kind: PieceKind::Image }));
        let bytes = images.bytes + named.len() as u64 * u64::from(input.costs.image);
        let PlanStats { changed_pixels, moved_pixels, .. } = with_moves;
        PlanStats { changed_pixels, moved_pixels, bytes, ..images }
    }

    /// Cuts dear images into bands, so that what is left of them when they move can be told by name. What is sent again
    /// and again without a scroll is no page but a film, and stays whole.
    fn cut_bands(&mut self, truth: SurfaceRef<'_>, scrolls: bool, pieces: &mut Vec<Piece>) {
        for i in 0..pieces.len() {
            let Piece { rect, kind: PieceKind::Image } = pieces[i] else { continue };
            let area = rect.area();
            if area < BAND_PIXELS * 2 || !scrolls && self.recent.is_lively(self.now, rect) {
                continue;
            }
            if self.encoder.is_cached(truth, rect, CANVAS, &Quality::EXACT) {
                continue;
            }
            let bytes = self.encoder.estimate(truth, rect, CANVAS, &Quality::EXACT).unwrap_or(0) as u64;
            let bands = (bytes / BAND_BYTES).min(area / BAND_PIXELS);
            if bands > 1 {
                let mut first = true;
                planner::cut(rect, area.div_ceil(bands) as u32, |rect| {
                    let band = Piece { rect, kind: PieceKind::Image };
                    if std::mem::take(&mut first) { pieces[i] = band } else { pieces.push(band) }
                });
            }
        }
    }
}

/// Whether colours differ in a part of two screens.
fn differs(a: SurfaceRef<'_>, b: SurfaceRef<'_>, part: Rect) -> bool {
    let columns = part.left as usize..part.right as usize;
    (part.top as u32..part.bottom as u32).any(|y| {
        let pairs = a.row(y)[columns.clone()].iter().zip(&b.row(y)[columns.clone()]);
        pairs.fold(0, |any, (a, b)| any | (a ^ b)) & 0x00ff_ffff != 0
    })
}
