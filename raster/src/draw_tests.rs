//! Whole operations on random surfaces, clips and pictures: the fast paths of every level, on the whole surface and
//! band by band, against the plain definitions.

use crate::brush::Rop3Brush;
use crate::geom::{Point, Rect};
use crate::pixel::Blend;
use crate::plain;
use crate::region::Region;
use crate::rop::Rop2;
use crate::sample::{Filter, Sampler, raw_view};
use crate::simd::Raster;
use crate::surface::{Surface, SurfaceFormat, SurfaceMut, SurfaceRef};
use crate::test_util::{Rng, levels, seeds, surface};

const FORMATS: [SurfaceFormat; 6] = [
    SurfaceFormat::A1,
    SurfaceFormat::A8,
    SurfaceFormat::X1R5G5B5,
    SurfaceFormat::R5G6B5,
    SurfaceFormat::X8R8G8B8,
    SurfaceFormat::A8R8G8B8,
];

fn format(rng: &mut Rng) -> SurfaceFormat {
    FORMATS[rng.below(6) as usize]
}

fn rect(rng: &mut Rng, width: u32, height: u32) -> Rect {
    let (w, h) = (i64::from(width), i64::from(height));
    let mut pair = |n: i64| {
        let (a, b) = (rng.below(n as u64 + 7) as i64 - 3, rng.below(n as u64 + 7) as i64 - 3);
        (a.min(b) as i32, a.max(b) as i32 + 1)
    };
    let ((left, right), (top, bottom)) = (pair(w), pair(h));
    Rect::new(left, top, right, bottom)
}

/// One random drawing: what every operation may need.
struct Case {
    dst: Surface,
    src: Surface,
    bottom_up: bool,
    tile: Surface,
    clip: Region,
    bbox: Rect,
    src_area: Rect,
    offset: Point,
    rop: Rop2,
    filter: Filter,
    color: u32,
    code: u8,
    alpha: u8,
    flag: bool,
}

impl Case {
    fn new(rng: &mut Rng) -> Self {
        let dst_format = format(rng);
        let src_format = if rng.below(3) > 0 { dst_format } else { format(rng) };
        let (width, height) = (1 + rng.below(90) as u32, 1 + rng.below(12) as u32);
        let dst = surface(rng, dst_format, width, height);
        let (sw, sh) = (1 + rng.below(90) as u32, 1 + rng.below(12) as u32);
        let src = surface(rng, src_format, sw, sh);
        let tile_format = if rng.below(4) > 0 { dst_format } else { format(rng) };
        let (tw, th) = (1 + rng.below(20) as u32, 1 + rng.below(6) as u32);
        let tile = surface(rng, tile_format, tw, th);
        let rects: Vec<Rect> = (0..1 + rng.below(4)).map(|_| rect(rng, width, height)).collect();
        let clip = if rng.below(3) == 0 { dst.bounds().into() } else { Region::from_rects(rects) };
        let bbox = rect(rng, width, height);
        let mut src_area = rect(rng, sw, sh);
        if rng.below(2) == 0 {
            src_area.right = src_area.left + bbox.width() as i32;
            src_area.bottom = src_area.top + bbox.height() as i32;
        }
        let mut clip = clip;
        clip.intersect_rect(dst.bounds());
        Self {
            bottom_up: rng.below(2) == 0,
            offset: Point::new(rng.below(60) as i32 - 30, rng.below(14) as i32 - 7),
            rop: Rop2::ALL[rng.below(16) as usize],
            filter: if rng.below(2) == 0 { Filter::Nearest } else { Filter::Bilinear },
            color: if rng.below(2) == 0 { 0 } else { rng.next() as u32 },
            code: rng.next() as u8,
            alpha: [255, 255, 0, 128, rng.next() as u8][rng.below(5) as usize],
            flag: rng.below(2) == 0,
            dst,
            src,
            tile,
            clip,
            bbox,
            src_area,
        }
    }

    fn view<'a>(&self, words: &'a [u32]) -> SurfaceRef<'a> {
        let stride = self.src.format().words_per_row(self.src.width());
        let (w, h) = (self.src.width(), self.src.height());
        SurfaceRef::new(self.src.format(), w, h, stride, self.bottom_up, words).expect("its own words")
    }

    /// Draws by `plain`, and by `fast` on each level, whole and in bands; all must be equal.
    fn check(
        &self,
        name: &str,
        seed: u64,
        plain: impl Fn(&mut SurfaceMut<'_>),
        fast: impl Fn(&Raster, &mut SurfaceMut<'_>),
    ) {
        let mut expected = self.dst.clone();
        plain(&mut expected.view_mut());
        for level in levels() {
            let raster = Raster { level };
            for rows in [u32::MAX, 1, 3] {
                let mut drawn = self.dst.clone();
                let rows = rows.min(drawn.height());
                drawn.bands_mut(std::iter::repeat(rows)).for_each(|mut band| fast(&raster, &mut band));
                if drawn == expected {
                    continue;
                }
                let all = self.dst.bounds();
                let wrong = (all.top..all.bottom)
                    .flat_map(|y| (all.left..all.right).map(move |x| (x, y)))
                    .find(|&(x, y)| drawn.view().pixel(x, y) != expected.view().pixel(x, y));
                let at = wrong.map(|(x, y)| {
                    let pixel = |s: &Surface| format!("{:08x}", s.view().pixel(x, y).unwrap_or(0));
                    (x, y, pixel(&self.dst), pixel(&drawn), pixel(&expected))
                });
                panic!(
                    "SPICE_RENDER_SEED={seed}: {name}, {level:?}, bands of {rows}: first wrong pixel (x, y, \
                     before, drawn, expected) {at:?}; {:?} from {:?}, clip {:?}, bbox {:?}, area {:?}, {:?}, \
                     {:?}, code {:02x}, alpha {}",
                    self.dst.format(),
                    self.src.format(),
                    self.clip,
                    self.bbox,
                    self.src_area,
                    self.rop,
                    self.filter,
                    self.code,
                    self.alpha,
                );
            }
        }
    }
}

#[test]
fn operations_equal_their_definitions() {
    for seed in seeds(1500) {
        let mut rng = Rng::new(seed);
        let case = Case::new(&mut rng);
        let Case { clip, bbox, src_area, offset, rop, filter, color, code, alpha, flag, .. } = &case;
        let (bbox, src_area, offset, rop, filter) = (*bbox, *src_area, *offset, *rop, *filter);
        let format = case.dst.format();
        let words: Vec<u32> = (0..case.src.height()).flat_map(|y| case.src.view().row(y).to_vec()).collect();
        let src = case.view(&words);
        let raw = raw_view(src, format);
        let inside = clip.cut(bbox);
        let scaled = bbox.width() != src_area.width() || bbox.height() != src_area.height();
        let tile = case.tile.view();

        case.check(
            "fill",
            seed,
            |d| plain::fill(d, clip, *color, rop),
            |r, d| {
                r.fill(d, clip, *color, rop);
            },
        );
        case.check(
            "fill_pattern",
            seed,
            |d| plain::fill_pattern(d, clip, tile, offset, rop),
            |r, d| r.fill_pattern(d, clip, tile, offset, rop),
        );
        case.check(
            "copy",
            seed,
            |d| plain::copy(d, clip, &Sampler::shifted(raw, offset, format), rop),
            |r, d| r.copy(d, clip, src, offset, rop),
        );
        for rop in [rop, Rop2::PUT] {
            let read = if scaled && rop == Rop2::PUT { src } else { raw };
            case.check(
                "copy_scaled",
                seed,
                |d| plain::copy(d, &inside, &Sampler::new(read, src_area, bbox, filter, format), rop),
                |r, d| r.copy_scaled(d, clip, bbox, src, src_area, filter, rop),
            );
        }
        let sampler = Sampler::new(raw, src_area, bbox, Filter::Nearest, format);
        // A key that is in the picture.
        let key = if *flag { words[0] } else { *color };
        case.check(
            "transparent",
            seed,
            |d| plain::transparent(d, &inside, &sampler, key),
            |r, d| r.transparent(d, clip, bbox, src, src_area, key),
        );
        let copy_raw = *alpha == 255
            && !*flag
            && src.format() == SurfaceFormat::X8R8G8B8
            && format == SurfaceFormat::X8R8G8B8
            && src.bounds().contains(&src_area);
        let read_as = if copy_raw { SurfaceFormat::X8R8G8B8 } else { SurfaceFormat::A8R8G8B8 };
        let sampler = Sampler::new(src, src_area, bbox, Filter::Nearest, read_as);
        let blend = Blend { alpha: u32::from(*alpha), copy_raw };
        case.check(
            "alpha_blend",
            seed,
            |d| {
                if *alpha > 0 {
                    plain::alpha_blend(d, &inside, &sampler, blend);
                }
            },
            |r, d| r.alpha_blend(d, clip, bbox, src, src_area, *alpha, *flag),
        );
        let sampler = Sampler::for_rop3(raw, src_area, bbox, filter, format);
        for brush in [Rop3Brush::Solid(*color), Rop3Brush::Pattern { tile, pos: offset }] {
            case.check(
                "rop3",
                seed,
                |d| plain::rop3(d, &inside, bbox, &sampler, brush, *code),
                |r, d| r.rop3(d, clip, bbox, src, src_area, filter, brush, *code),
            );
        }
    }
}

#[test]
fn copy_bits_reads_before_it_writes() {
    for seed in seeds(1500) {
        let mut rng = Rng::new(seed);
        let case = Case::new(&mut rng);
        let delta = case.offset;
        let before = case.dst.clone();
        let mut expected = case.dst.clone();
        plain::draw(&mut expected.view_mut(), &case.clip, |x, y, d| {
            before.view().pixel(x + delta.x, y + delta.y).unwrap_or(d)
        });
        let mut drawn = case.dst.clone();
        Raster::new().copy_bits(&mut drawn.view_mut(), &case.clip, delta);
        assert!(drawn == expected, "SPICE_RENDER_SEED={seed}: clip {:?}, delta {delta:?}", case.clip);
    }
}

/// One pixel after the other, except that a plain copy within a row goes by blocks: those are only what they are for
/// the clients' sake (a sheet holds them), and make no difference where the distance is longer than they are.
#[test]
fn copies_in_order_read_what_they_wrote() {
    for seed in seeds(1500) {
        let mut rng = Rng::new(seed);
        let case = Case::new(&mut rng);
        let (delta, bits) = (case.offset, case.dst.format().bits_per_pixel() as i32);
        let rop = if case.flag { Rop2::PUT } else { case.rop };
        if rop == Rop2::PUT && delta.y == 0 && delta.x < 0 && -delta.x * bits < 64 * 8 {
            continue;
        }
        let mut expected = case.dst.clone();
        for rect in case.clip.rects() {
            for y in rect.top..rect.bottom {
                let before = expected.clone();
                for x in rect.left..rect.right {
                    // A row is moved as a whole.
                    let from = if rop == Rop2::PUT && delta.y != 0 { &before } else { &expected };
                    let Some(s) = from.view().pixel(x + delta.x, y + delta.y) else { continue };
                    let pixel = Region::from_rect(Rect::new(x, y, x + 1, y + 1));
                    plain::draw(&mut expected.view_mut(), &pixel, |_, _, d| rop.apply(s, d));
                }
            }
        }
        let mut drawn = case.dst.clone();
        Raster::new().copy_in_order(&mut drawn.view_mut(), &case.clip, delta, rop);
        assert!(
            drawn == expected,
            "SPICE_RENDER_SEED={seed}: clip {:?}, delta {delta:?}, {rop:?}",
            case.clip
        );
    }
}

#[test]
fn hostile_rectangles_are_safe() {
    let ends = [i32::MIN, i32::MIN + 1, -1, 0, 1, 7, 40, i32::MAX - 1, i32::MAX];
    let any = |rng: &mut Rng| {
        let mut end = || ends[rng.below(ends.len() as u64) as usize];
        Rect::new(end(), end(), end(), end())
    };
    for seed in seeds(3000) {
        let mut rng = Rng::new(seed);
        let mut dst = surface(&mut rng, FORMATS[(seed % 6) as usize], 9, 5);
        let src = surface(&mut rng, FORMATS[(seed / 6 % 6) as usize], 7, 4);
        let (bbox, area, pos) = (any(&mut rng), any(&mut rng), any(&mut rng));
        let clip = Region::from_rects([any(&mut rng), any(&mut rng)]);
        let (dst, src) = (&mut dst.view_mut(), src.view());
        let raster = Raster::new();
        let point = Point::new(pos.left, pos.top);
        for filter in [Filter::Nearest, Filter::Bilinear] {
            raster.copy_scaled(dst, &clip, bbox, src, area, filter, Rop2::PUT);
            let brush = Rop3Brush::Pattern { tile: src, pos: point };
            raster.rop3(dst, &clip, bbox, src, area, filter, brush, 0xca);
        }
        raster.copy(dst, &clip, src, point, Rop2::XorPen);
        raster.fill_pattern(dst, &clip, src, point, Rop2::XorPen);
        raster.transparent(dst, &clip, bbox, src, area, 0);
        raster.alpha_blend(dst, &clip, bbox, src, area, 99, true);
        raster.clear_dest_alpha(dst, bbox);
        raster.copy_bits(dst, &clip, point);
        raster.copy_in_order(dst, &clip, point, Rop2::PUT);
        raster.copy_in_order(dst, &clip, point, Rop2::XorPen);
    }
}
