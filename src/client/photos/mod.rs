//! Where a slow link's client is sent photos: rectangles that JPEG stands, cut out of what is to be sent as images.

mod grid;
mod recent;

pub(crate) use grid::Purpose;
pub(crate) use recent::Recent;

use super::encode::BLOCK;
use super::planner::{Piece, PieceKind};
use grid::{BLOCKS, Grid};
use spice_raster::{Rect, Region, SurfaceRef};

/// The most photos that are looked for.
const PHOTOS: usize = 48;
/// Pixels of the largest image: larger ones are cut into bands, so that the first ones arrive early.
const PIXELS: u32 = 1 << 18;

/// Moves the photos among the images of a plan to its end, and tells how many images they are. The plan still draws
/// the same pixels. `truth` (32 bits a pixel) is looked at in images only; photos stay in blocks of 16 by 16 pixels
/// (from the surface's corner) that lie in `area` wholly. Where `narrow` says so they may be of one block's width.
pub(crate) fn cut(
    truth: SurfaceRef<'_>,
    area: &Region,
    purpose: Purpose,
    narrow: impl Fn(Rect) -> bool,
    pieces: &mut Vec<Piece>,
) -> usize {
    let images: Vec<Rect> = pieces.iter().filter(|p| p.kind == PieceKind::Image).map(|p| p.rect).collect();
    if images.iter().map(Rect::area).sum::<u64>() < u64::from(BLOCKS * BLOCK * BLOCK / 2) {
        return 0;
    }
    let mut grid = Grid::new(truth, area, purpose, &images);
    let mut photos = Vec::new();
    while photos.len() < PHOTOS
        && let Some(rect) = grid.take(&narrow)
    {
        photos.extend(tight(rect, &images));
    }
    if photos.is_empty() {
        return 0;
    }
    let region = Region::from_rects(photos.iter().copied());
    let mut rest = without(pieces, &region);
    let first = rest.len();
    for rect in photos {
        let rows = (PIXELS / rect.width() / BLOCK * BLOCK).max(BLOCK) as i32;
        for top in (rect.top..rect.bottom).step_by(rows as usize) {
            let band = Rect::new(rect.left, top, rect.right, (top + rows).min(rect.bottom));
            rest.push(Piece { rect: band, kind: PieceKind::Image });
        }
    }
    *pieces = rest;
    pieces.len() - first
}

/// Pieces without what of their images lies in a region.
pub(crate) fn without(pieces: &[Piece], region: &Region) -> Vec<Piece> {
    let mut rest = Vec::with_capacity(pieces.len() + 4);
    for piece in pieces {
        if piece.kind == PieceKind::Image && region.intersects_rect(&piece.rect) {
            let left = Region::from_rect(piece.rect).subtract(region);
            rest.extend(left.rects().iter().map(|rect| Piece { rect: *rect, ..*piece }));
        } else {
            rest.push(*piece);
        }
    }
    rest
}

/// The box around what of the images lies in a rectangle.
fn tight(rect: Rect, images: &[Rect]) -> Option<Rect> {
    let parts = images.iter().map(|i| i.intersect(&rect)).filter(|r| !r.is_empty());
    parts.reduce(|a, b| a.union(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qxl::SurfaceFormat;
    use crate::qxl::testing::Rng;
    use spice_raster::Surface;

    fn surface(width: u32, height: u32, f: impl Fn(u32, u32) -> u32) -> Surface {
        let mut surface = Surface::new(SurfaceFormat::X8R8G8B8, width, height, 1 << 26).unwrap();
        for y in 0..height {
            (0..).zip(surface.view_mut().row(y)).for_each(|(x, p)| *p = f(x, y));
        }
        surface
    }

    /// Soft hills with grain.
    fn hills(x: u32, y: u32) -> u32 {
        let v = (x * x / 37 + y * y / 53 + x * y / 71) % 200 / 2 + ((x ^ y) & 3);
        v | v << 8 | v << 16
    }

    fn letters(x: u32, y: u32) -> u32 {
        if x.is_multiple_of(7) || y.is_multiple_of(9) { 0 } else { 0xff_ffff }
    }

    fn images(rects: &[Rect]) -> Vec<Piece> {
        rects.iter().map(|rect| Piece { rect: *rect, kind: PieceKind::Image }).collect()
    }

    #[test]
    fn photos_are_cut_out_and_text_is_not_touched() {
        // A page with text, and a photo at no round place in it.
        let photo = Rect::new(103, 57, 355, 245);
        let inside = |x: u32, y: u32| (103..355).contains(&x) && (57..245).contains(&y);
        let page = surface(400, 300, |x, y| if inside(x, y) { hills(x, y) } else { letters(x, y) });
        let whole = Rect::of_size(400, 300);
        let mut pieces = images(&[whole]);
        let count = cut(page.view(), &Region::from_rect(whole), Purpose::Jpeg, |_| false, &mut pieces);
        assert!(count > 0);
        let photos = Region::from_rects(pieces[pieces.len() - count..].iter().map(|p| p.rect));
        assert!(photos.rects().iter().all(|r| photo.contains(r)), "{photos:?}");
        assert!(photos.area() * 10 > photo.area() * 7, "{} of {}", photos.area(), photo.area());
        // Sent as images of their own, photos are lossy to their rims.
        let mut pieces = images(&[photo]);
        assert_eq!(cut(page.view(), &Region::from_rect(whole), Purpose::Jpeg, |_| false, &mut pieces), 1);
        assert_eq!(pieces, images(&[photo]));
        // But not where the truth is not known around them, nor text, nor what is flat or small.
        let only = Region::from_rect(Rect::new(112, 64, 144, 128));
        let mut pieces = images(&[photo]);
        assert_eq!(cut(page.view(), &only, Purpose::Jpeg, |_| false, &mut pieces), 1);
        assert_eq!(pieces.last().unwrap().rect, Rect::new(112, 64, 144, 128));
        for (other, rect) in [
            (surface(400, 300, letters), whole),
            (surface(400, 300, |_, _| 0x33_6699), whole),
            (surface(400, 300, hills), Rect::new(0, 0, 112, 16)),
        ] {
            let mut pieces = images(&[rect]);
            assert_eq!(
                cut(other.view(), &Region::from_rect(whole), Purpose::Jpeg, |_| false, &mut pieces),
                0
            );
            assert_eq!(pieces, images(&[rect]));
        }
    }

    #[test]
    fn a_word_on_a_photo_stays_exact() {
        let glyph = |x: u32, y: u32| {
            (160..240).contains(&x) && (100..116).contains(&y) && x % 8 < 3 && (y % 8 < 6 || x % 8 == 1)
        };
        let page = surface(400, 300, |x, y| if glyph(x, y) { 0xff_ffff } else { hills(x, y) });
        let whole = Rect::of_size(400, 300);
        let mut pieces = images(&[whole]);
        let count = cut(page.view(), &Region::from_rect(whole), Purpose::Jpeg, |_| false, &mut pieces);
        let photos = Region::from_rects(pieces[pieces.len() - count..].iter().map(|p| p.rect));
        assert!(!photos.intersects_rect(&Rect::new(160, 100, 240, 116)), "{photos:?}");
        assert!(photos.area() * 10 > whole.area() * 8, "{}", photos.area());
    }

    #[test]
    fn noise_before_a_plain_ground_is_no_text() {
        let noise = |x: u32, y: u32| {
            (x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca6b)).wrapping_mul(0x2c1b_3c6d) >> 8
        };
        let page = surface(256, 256, |x, y| if (x / 4 + y / 4) % 3 == 0 { 0 } else { noise(x, y) });
        let whole = Rect::of_size(256, 256);
        let mut pieces = images(&[whole]);
        assert_eq!(cut(page.view(), &Region::from_rect(whole), Purpose::Jpeg, |_| false, &mut pieces), 1);
        assert_eq!(pieces, images(&[whole]));
    }

    /// The photos among a page of 256 by 256 pixels.
    fn photos(narrow: bool, f: impl Fn(u32, u32) -> u32) -> Region {
        let page = surface(256, 256, f);
        let whole = Rect::of_size(256, 256);
        let mut pieces = images(&[whole]);
        let count = cut(page.view(), &Region::from_rect(whole), Purpose::Jpeg, |_| narrow, &mut pieces);
        Region::from_rects(pieces[pieces.len() - count..].iter().map(|p| p.rect))
    }

    fn random(x: u32, y: u32) -> u32 {
        (x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca6b)).wrapping_mul(0x2c1b_3c6d) >> 8
    }

    /// A film's clock: letters, softened, on a ground that a film has made uneven.
    #[test]
    fn letters_on_ground_that_is_not_quite_flat_stay_exact() {
        let text = Rect::new(96, 128, 176, 144);
        let page = |x: u32, y: u32| {
            if !text.contains(&Rect::new(x as i32, y as i32, x as i32 + 1, y as i32 + 1)) {
                return hills(x, y) + 0x10_0000;
            }
            let (u, v) = (x % 8, y % 8);
            let ink = if v < 7 && (u == 1 || u == 5 || u < 6 && v == 3) { 150 } else { 20 };
            let rim = if v < 7 && (u == 2 || u == 4) && v != 3 { 25 } else { 0 };
            let grain = random(x, y);
            (ink + rim) * 0x1_0100 + (grain & 3) + (grain >> 2 & 3) * 0x100 + (grain >> 4 & 1) * 0x1_0000
        };
        let photos = photos(true, page);
        assert!(!photos.intersects_rect(&text), "{photos:?}");
        assert!(photos.area() * 10 > 256 * 256 * 8, "{}", photos.area());
    }

    #[test]
    fn noise_before_several_grounds_is_a_photo_and_letters_there_are_not() {
        // Bars of two colours, squares of noise across their edges, and a line of letters.
        let bars = |x: u32| if x < 128 { 0xff_00ff } else { 0x00_ffff };
        let noise = |x: u32, y: u32| (x + 9) / 16 % 2 == (y + 5) / 16 % 2;
        let page = |x, y| match y {
            0..200 if noise(x, y) => random(x, y),
            224..240 if x % 8 < 2 || y % 8 == 0 => 0,
            _ => bars(x),
        };
        let found = photos(true, page);
        assert!(found.area() * 10 > 256 * 200 * 9, "{}", found.area());
        assert!(!found.intersects_rect(&Rect::new(0, 224, 256, 240)), "{found:?}");
    }

    #[test]
    fn what_is_left_beside_a_word_may_be_narrow() {
        let word = |x: u32, y: u32| (112..128).contains(&x) && (112..128).contains(&y);
        let page = |x: u32, y: u32| if word(x, y) { letters(x, y) } else { hills(x, y) };
        let found = photos(true, page);
        assert!(!found.intersects_rect(&Rect::new(112, 112, 128, 128)));
        assert!(found.area() >= 256 * 256 - 16 * 16 * 9, "{}", found.area());
        assert!(photos(false, page).area() < found.area());
    }

    #[test]
    fn the_same_pixels_are_drawn() {
        for seed in 1..30 {
            let mut rng = Rng::seeded(seed);
            let (width, height) = (rng.range(1, 200) as u32, rng.range(1, 200) as u32);
            let split = rng.range(0, 200) as u32;
            let page = surface(width, height, |x, y| if x < split { hills(x, y) } else { letters(x, y) });
            let mut random = || {
                let [x, y] = [width, height].map(|n| rng.below(n) as i32);
                Rect::new(x, y, x + 1 + rng.below(150) as i32, y + 1 + rng.below(150) as i32)
                    .intersect(&page.bounds())
            };
            let narrow = seed % 3 == 0;
            let purpose = if seed % 2 == 0 { Purpose::Jpeg } else { Purpose::Parts };
            let rects = Region::from_rects([random(), random(), random()]);
            let mut pieces = images(rects.rects());
            let area = rects.union(&Region::from_rect(random()));
            let count = cut(page.view(), &area, purpose, |_| narrow, &mut pieces);
            let all = Region::from_rects(pieces.iter().map(|p| p.rect));
            assert_eq!(all.intersect(&rects), rects, "SPICE_RENDER_SEED={seed}");
            assert_eq!(all.subtract(&area), Region::new(), "SPICE_RENDER_SEED={seed}");
            let sum: u64 = pieces.iter().map(|p| p.rect.area()).sum();
            assert!(sum == all.area() && count <= pieces.len(), "SPICE_RENDER_SEED={seed}");
        }
    }
}
