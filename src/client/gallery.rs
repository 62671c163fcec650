//! Images that a client has in its cache, with their pixels: what it was sent once and shall show again, elsewhere or in
//! part (a page that is paged back to, a window that comes up again), is told by the image's name.
//!
//! Rows are looked at in windows of 16 pixels. Of all windows about one in 64 is an *anchor*, told by its own hash, so that
//! the same content has the same anchors wherever it stands. A table knows where in the images each anchor is; from
//! there on pixels are compared. What the hash says never decides what is drawn.

use super::encode::ContentHash;
use spice_raster::{Point, Rect, SurfaceRef};
use std::collections::VecDeque;

/// Bytes of the smallest image that is remembered, and looked for.
pub(super) const DEAR: u64 = 1 << 10;
/// Pixels that are remembered.
const PIXELS: u64 = 1 << 21;
/// Pixels of a window.
const WINDOW: usize = 16;
/// Bits of a hash that are 0 in an anchor.
const RARE: u32 = 6;
/// Anchors that are remembered: about as many as there are in all pixels.
const SLOTS: usize = 1 << 15;
/// Pixels of the smallest part that is looked for, and how many parts of one rectangle are.
const SMALL: u64 = 1024;
const PARTS: usize = 32;
/// The visible bits of a pixel.
const COLOUR: u32 = 0x00ff_ffff;

/// Images in a client's cache.
#[derive(Debug, Default)]
pub(super) struct Gallery {
    /// The last ones; `first` is the number of the first of them.
    images: VecDeque<Picture>,
    first: u64,
    pixels: u64,
    anchors: Vec<Anchor>,
    scratch: Scratch,
}

/// An image in a client's cache.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) key: ContentHash,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Rows of colours, the top one first.
    pub(super) pixels: Vec<u32>,
}

/// Where an anchor is: of image `number`, which 0 is none.
#[derive(Clone, Copy, Debug, Default)]
struct Anchor {
    number: u64,
    hash: u32,
    x: u16,
    y: u16,
}

/// A rectangle of the screen that shall show a part of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) rect: Rect,
    /// The image, and its size.
    pub(super) key: ContentHash,
    pub(super) width: u32,
    pub(super) height: u32,
    /// The part's top left corner in it.
    pub(super) src: Point,
}

/// What of an image can be told by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// Any rectangle.
    Any,
    /// All of it.
    Whole,
}

impl Picture {
    fn of(key: ContentHash, pixels: SurfaceRef<'_>, rect: Rect) -> Self {
        let columns = rect.left as usize..rect.right as usize;
        let rows = (rect.top as u32..rect.bottom as u32).map(|y| &pixels.row(y)[columns.clone()]);
        let pixels = rows.flatten().map(|px| px & COLOUR).collect();
        Self { key, width: rect.width(), height: rect.height(), pixels }
    }

    fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    fn row(&self, y: i32) -> &[u32] {
        let width = self.width as usize;
        &self.pixels[y as usize * width..][..width]
    }

    /// Which pixels from `left` to `right` of row `y` of `truth` are what this image has when its corner is at `at`.
    fn agrees<'a>(
        &'a self,
        truth: SurfaceRef<'a>,
        at: Point,
        y: i32,
        (left, right): (i32, i32),
    ) -> impl DoubleEndedIterator<Item = bool> + ExactSizeIterator + 'a {
        let own = &self.row(y - at.y)[(left - at.x) as usize..(right - at.x) as usize];
        let shown = &truth.row(y as u32)[left as usize..right as usize];
        shown.iter().zip(own).map(|(shown, own)| shown & COLOUR == *own)
    }

    /// The rectangle around a window in row `y` from `x` on, within `limits`, in which `truth` shows what this image has
    /// when its corner is at `at`: as wide as they agree in that row, and as high as they do so widely.
    fn grow(&self, truth: SurfaceRef<'_>, (x, y): (i32, i32), at: Point, limits: Rect) -> Option<Rect> {
        let pair = |y: i32, left: i32, right: i32| self.agrees(truth, at, y, (left, right));
        let end = x + WINDOW as i32;
        if limits.left > x || limits.right < end || !pair(y, x, end).all(|same| same) {
            return None;
        }
        let right = end + pair(y, end, limits.right).take_while(|same| *same).count() as i32;
        let left = x - pair(y, limits.left, x).rev().take_while(|same| *same).count() as i32;
        let agrees = |y: &i32| pair(*y, left, right).all(|same| same);
        let bottom = y + (y..limits.bottom).take_while(agrees).count() as i32;
        let top = y - (limits.top..y).rev().take_while(agrees).count() as i32;
        Some(Rect::new(left, top, right, bottom))
    }
}

impl Gallery {
    /// The images, to be saved: the oldest first.
    pub(super) fn images(&self) -> &VecDeque<Picture> {
        &self.images
    }

    /// Whether a part of an image is what `pixels` has there; its rectangle lies inside them.
    pub(super) fn shows(&self, known: &Known, pixels: SurfaceRef<'_>) -> bool {
        let &Known { rect, key, width, height, src } = known;
        let Some(image) = self.images.iter().find(|i| (i.key, i.width, i.height) == (key, width, height))
        else {
            return false;
        };
        let inside =
            |at: i32, len: u32, of: u32| u32::try_from(at).is_ok_and(|at| at <= of && len <= of - at);
        let part = inside(src.x, rect.width(), width) && inside(src.y, rect.height(), height);
        let agrees = |y| {
            let at = Point::new(rect.left - src.x, rect.top - src.y);
            image.agrees(pixels, at, y, (rect.left, rect.right)).all(|same| same)
        };
        part && (rect.top..rect.bottom).all(agrees)
    }

    /// The client has the area `rect` of `pixels` (32 bits a pixel) in its cache now.
    pub(super) fn add(&mut self, key: ContentHash, pixels: SurfaceRef<'_>, rect: Rect) {
        if rect.area() <= PIXELS && rect.width().max(rect.height()) <= u32::from(u16::MAX) {
            self.put(Picture::of(key, pixels, rect));
        }
    }

    /// The client has an image in its cache.
    pub(super) fn put(&mut self, picture: Picture) {
        if picture.area() > PIXELS || picture.area() != picture.pixels.len() as u64 || picture.width == 0 {
            return;
        }
        while self.pixels + picture.area() > PIXELS
            && let Some(oldest) = self.images.pop_front()
        {
            self.pixels -= oldest.area();
            self.first += 1;
        }
        self.anchors.resize(SLOTS, Anchor::default());
        let number = self.first + self.images.len() as u64 + 1;
        for (y, row) in picture.pixels.chunks_exact(picture.width as usize).enumerate() {
            for &(x, hash) in self.scratch.anchors(row) {
                let anchor = Anchor { hash, number, x: x as u16, y: y as u16 };
                self.anchors[slot(hash)] = anchor;
            }
        }
        self.pixels += picture.area();
        self.images.push_back(picture);
    }

    /// Adds to `found` the parts of the area `rect` of `truth` (32 bits a pixel) that images of the client's cache show:
    /// disjoint rectangles. `worth` says whether the client still has an image, and a part of the area is worth its name.
    pub(super) fn find(
        &mut self,
        (truth, rect): (SurfaceRef<'_>, Rect),
        parts: Parts,
        mut worth: impl FnMut(&ContentHash, Rect) -> bool,
        found: &mut Vec<Known>,
    ) {
        let before = found.len();
        if self.images.is_empty() {
            return;
        }
        let mut unworthy: Vec<Rect> = Vec::new();
        for y in rect.top..rect.bottom {
            let row = &truth.row(y as u32)[rect.left as usize..rect.right as usize];
            for &(i, hash) in self.scratch.anchors(row) {
                let x = rect.left + i as i32;
                let anchor = self.anchors[slot(hash)];
                let Some(nth) = anchor.number.checked_sub(self.first + 1).filter(|_| anchor.hash == hash)
                else {
                    continue;
                };
                let image = &self.images[nth as usize];
                let at = Point::new(x - i32::from(anchor.x), y - i32::from(anchor.y));
                let own = Rect::of_size(image.width, image.height).translate(at.x, at.y);
                let mut limits = own.intersect(&rect);
                if parts == Parts::Whole && limits != own {
                    continue;
                }
                for other in &found[before..] {
                    limits = beside(limits, other.rect, (x, y));
                }
                if limits.area() < SMALL || parts == Parts::Whole && limits != own {
                    continue;
                }
                let Some(part) = image.grow(truth, (x, y), at, limits) else { continue };
                if part.area() < SMALL || parts == Parts::Whole && part != own || unworthy.contains(&part) {
                    continue;
                }
                if !worth(&image.key, part) {
                    unworthy.push(part);
                    if unworthy.len() == PARTS {
                        return;
                    }
                    continue;
                }
                let src = Point::new(part.left - at.x, part.top - at.y);
                let (width, height) = (image.width, image.height);
                found.push(Known { rect: part, key: image.key, width, height, src });
                if found.len() - before == PARTS {
                    return;
                }
            }
        }
    }
}

/// The larger part of a rectangle that lies beside another one and has a window from a pixel on in it; nothing if
/// there is none.
fn beside(rect: Rect, other: Rect, (x, y): (i32, i32)) -> Rect {
    if !rect.intersects(&other) {
        return rect;
    }
    let Rect { left, top, right, bottom } = rect;
    let parts = [
        Rect::new(left, top, other.left, bottom),
        Rect::new(other.right, top, right, bottom),
        Rect::new(left, top, right, other.top),
        Rect::new(left, other.bottom, right, bottom),
    ];
    let window = Rect::new(x, y, x + WINDOW as i32, y + 1);
    parts.into_iter().filter(|part| part.contains(&window)).max_by_key(Rect::area).unwrap_or_default()
}

fn slot(hash: u32) -> usize {
    hash as usize % SLOTS
}

/// Hashes of a row's windows.
#[derive(Debug, Default)]
struct Scratch {
    hashes: [Vec<u32>; 2],
    found: Vec<(usize, u32)>,
}

impl Scratch {
    /// The windows of a row that are anchors: their first pixels, and their hashes.
    fn anchors(&mut self, row: &[u32]) -> &[(usize, u32)] {
        // Odd numbers with about half of their bits set.
        const FACTORS: [u32; 4] = [0x9e37_79b1, 0x85eb_ca6b, 0xc2b2_ae35, 0x27d4_eb2f];
        let [this, next] = &mut self.hashes;
        this.clear();
        this.extend(row.iter().map(|px| px & COLOUR));
        // Windows of twice as many pixels each time.
        for (factor, half) in FACTORS.into_iter().zip([1, 2, 4, 8]) {
            next.clear();
            let pairs = this.iter().zip(this.get(half..).unwrap_or_default());
            next.extend(pairs.map(|(a, b)| (a ^ b.rotate_left(13)).wrapping_mul(factor)));
            std::mem::swap(this, next);
        }
        self.found.clear();
        for (x, hash) in this.iter().enumerate().filter(|(_, hash)| *hash >> (32 - RARE) == 0) {
            // Windows of one colour are everywhere.
            if row[x..x + WINDOW].iter().any(|px| (px ^ row[x]) & COLOUR != 0) {
                self.found.push((x, *hash));
            }
        }
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qxl::SurfaceFormat;
    use crate::qxl::testing::Rng;
    use spice_raster::Surface;

    const KEYS: [ContentHash; 4] = [ContentHash(1), ContentHash(2), ContentHash(3), ContentHash(4)];

    fn noise(width: u32, height: u32, seed: u64) -> Surface {
        let mut surface = Surface::new(SurfaceFormat::X8R8G8B8, width, height, u64::MAX).unwrap();
        let mut rng = Rng::seeded(seed);
        for y in 0..height {
            surface.view_mut().row(y).iter_mut().for_each(|px| *px = rng.next_u64() as u32);
        }
        surface
    }

    /// Puts a part of one surface on another.
    fn put(to: &mut Surface, at: (i32, i32), from: &Surface, part: Rect) {
        for y in 0..part.height() as i32 {
            let row =
                from.view().row((part.top + y) as u32)[part.left as usize..part.right as usize].to_vec();
            let mut view = to.view_mut();
            // What is in the x byte does not matter.
            let to = view.row((at.1 + y) as u32)[at.0 as usize..].iter_mut();
            to.zip(row).for_each(|(to, px)| *to = px ^ 0x5500_0000);
        }
    }

    fn find(gallery: &mut Gallery, truth: &Surface, rect: Rect, parts: Parts) -> Vec<Known> {
        let mut found = Vec::new();
        gallery.find((truth.view(), rect), parts, |_, _| true, &mut found);
        found
    }

    #[test]
    fn what_was_seen_is_found_elsewhere_and_in_part() {
        let picture = noise(200, 100, 1);
        let mut gallery = Gallery::default();
        let mut screen = noise(400, 300, 2);
        assert_eq!(find(&mut gallery, &screen, screen.bounds(), Parts::Any), []);
        gallery.add(KEYS[0], picture.view(), Rect::new(10, 20, 190, 90));
        assert_eq!(find(&mut gallery, &screen, screen.bounds(), Parts::Any), []);
        // All of it, and its lower right.
        put(&mut screen, (5, 7), &picture, Rect::new(10, 20, 190, 90));
        put(&mut screen, (201, 100), &picture, Rect::new(100, 50, 200, 100));
        let known = |rect, x, y| Known { rect, key: KEYS[0], width: 180, height: 70, src: Point::new(x, y) };
        let whole = known(Rect::new(5, 7, 185, 77), 0, 0);
        let part = known(Rect::new(201, 100, 291, 140), 90, 30);
        assert_eq!(find(&mut gallery, &screen, screen.bounds(), Parts::Any), [whole, part]);
        assert_eq!(find(&mut gallery, &screen, screen.bounds(), Parts::Whole), [whole]);
        // Only in the rectangle that was asked for.
        let cut = known(Rect::new(30, 40, 185, 77), 25, 33);
        assert_eq!(find(&mut gallery, &screen, Rect::new(30, 40, 400, 99), Parts::Any), [cut]);
        assert_eq!(find(&mut gallery, &screen, Rect::new(30, 40, 400, 99), Parts::Whole), []);
        let mut none = Vec::new();
        gallery.find((screen.view(), screen.bounds()), Parts::Any, |_, _| false, &mut none);
        assert_eq!(none, []);
        // What has been drawn over is not in it.
        put(&mut screen, (90, 0), &noise(300, 8, 3), Rect::new(0, 0, 3, 8));
        put(&mut screen, (60, 30), &noise(300, 8, 3), Rect::new(0, 0, 3, 8));
        let found = find(&mut gallery, &screen, Rect::new(0, 0, 200, 100), Parts::Any);
        assert!(found.len() > 1, "{found:?}");
        for known in &found {
            assert!(!known.rect.intersects(&Rect::new(60, 30, 63, 38)), "{found:?}");
            assert!(!known.rect.intersects(&Rect::new(90, 0, 93, 8)), "{found:?}");
        }
    }

    /// Whatever is found is there, and no two rectangles meet, on screens of pieces that repeat and touch each other.
    #[test]
    fn what_is_found_is_there() {
        let mut shown = 0;
        for seed in 0..200 {
            let mut rng = Rng::seeded(seed);
            let mut below = |n: u64| (rng.next_u64() % n) as i32;
            let pictures: Vec<Surface> = KEYS
                .iter()
                .map(|key| noise(40 + below(90) as u32, 20 + below(60) as u32, key.0 as u64))
                .collect();
            let mut gallery = Gallery::default();
            for (key, picture) in KEYS.into_iter().zip(&pictures) {
                gallery.add(key, picture.view(), picture.bounds());
            }
            let mut screen = Surface::new(SurfaceFormat::X8R8G8B8, 300, 200, u64::MAX).unwrap();
            for _ in 0..12 {
                let picture = &pictures[below(4) as usize];
                let (left, top) = (below(30), below(10));
                let part = Rect::new(left, top, picture.bounds().right, picture.bounds().bottom);
                put(&mut screen, (below(160), below(110)), picture, part);
            }
            for parts in [Parts::Any, Parts::Whole] {
                let rect = Rect::new(below(20), below(20), 280 + below(20), 180 + below(20));
                let found = find(&mut gallery, &screen, rect, parts);
                for (i, known) in found.iter().enumerate() {
                    let picture = &pictures[KEYS.iter().position(|key| *key == known.key).unwrap()];
                    assert!(rect.contains(&known.rect), "seed {seed}");
                    assert!(
                        found[..i].iter().all(|other| !other.rect.intersects(&known.rect)),
                        "seed {seed}"
                    );
                    assert_eq!(
                        (known.width, known.height),
                        (picture.width(), picture.height()),
                        "seed {seed}"
                    );
                    for y in 0..known.rect.height() {
                        for x in 0..known.rect.width() as usize {
                            let shown =
                                screen.view().row(known.rect.top as u32 + y)[known.rect.left as usize + x];
                            let own = picture.view().row(known.src.y as u32 + y)[known.src.x as usize + x];
                            assert_eq!(shown & COLOUR, own & COLOUR, "seed {seed}");
                        }
                    }
                    shown += known.rect.area();
                }
            }
        }
        assert!(shown > 200 * 10_000, "{shown} pixels in all");
    }

    #[test]
    fn the_oldest_go() {
        let mut gallery = Gallery::default();
        let mut screens = Vec::new();
        for seed in 0..6 {
            let picture = noise(1024, 512, seed);
            gallery.add(ContentHash(seed.into()), picture.view(), picture.bounds());
            screens.push(picture);
        }
        assert_eq!((gallery.images().len(), gallery.pixels), (4, PIXELS));
        for (seed, screen) in screens.iter().enumerate() {
            let found = find(&mut gallery, screen, screen.bounds(), Parts::Any);
            assert_eq!(found.first().map(|known| known.key.0), (seed > 1).then_some(seed as u128));
        }
        let large = noise(2048, 1025, 9);
        gallery.add(ContentHash(9), large.view(), large.bounds());
        gallery.put(Picture { key: ContentHash(9), width: 0, height: 7, pixels: Vec::new() });
        gallery.put(Picture { key: ContentHash(9), width: 3, height: 7, pixels: vec![0; 20] });
        assert_eq!(gallery.images().len(), 4);
    }
}
