//! Text against a twin that follows the definition pixel by pixel.

use super::*;
use crate::pixel::{from_argb, over_argb, scale_argb, to_argb};
use crate::surface::Surface;
use crate::test_util::{Rng, seeds};
use std::time::{Duration, Instant};

const WIDTH: i32 = 70;
const HEIGHT: i32 = 41;

const FORMATS: [SurfaceFormat; 6] = [
    SurfaceFormat::A1,
    SurfaceFormat::A8,
    SurfaceFormat::X1R5G5B5,
    SurfaceFormat::R5G6B5,
    SurfaceFormat::X8R8G8B8,
    SurfaceFormat::A8R8G8B8,
];

#[derive(Debug)]
struct Letter {
    at: Point,
    origin: Point,
    size: (u16, u16),
    data: Vec<u8>,
}

#[derive(Debug)]
struct Case {
    letters: Vec<Letter>,
    depth: GlyphDepth,
    color: u32,
    tile: Option<(Surface, Point)>,
    clip: Region,
    before: Surface,
}

fn noise(rng: &mut Rng, format: SurfaceFormat, width: u32, height: u32) -> Surface {
    let mut surface = Surface::new(format, width, height, 1 << 20).unwrap();
    let bits = format.bits_per_pixel();
    for y in 0..height as i32 {
        for x in 0..width as i32 {
            let raw = if rng.below(3) == 0 { u32::MAX } else { rng.next() as u32 };
            surface.view_mut().set_pixel(x, y, if bits == 32 { raw } else { raw & ((1 << bits) - 1) });
        }
    }
    surface
}

impl Case {
    fn new(rng: &mut Rng) -> Self {
        let within = |rng: &mut Rng, low: i32, high: i32| low + rng.below((high - low) as u64) as i32;
        let depth = [GlyphDepth::A1, GlyphDepth::A4, GlyphDepth::A8][rng.below(3) as usize];
        let letters = (0..rng.below(9))
            .map(|_| {
                let (w, h) = (rng.below(22) as u16, rng.below(14) as u16);
                let mut size = depth.bytes_per_row(w.into()) * usize::from(h);
                if rng.below(5) == 0 {
                    size = rng.below(size as u64 + 1) as usize; // shorter than it says
                }
                let data = (0..size).map(|_| [0, 0xff, 0x0f, 0xf0, rng.next() as u8][rng.below(5) as usize]);
                Letter {
                    data: data.collect(),
                    at: Point::new(within(rng, -20, WIDTH), within(rng, -15, HEIGHT)),
                    origin: Point::new(within(rng, -9, 9), within(rng, -9, 9)),
                    size: (w, h),
                }
            })
            .collect();
        let format = FORMATS[rng.below(6) as usize];
        let tile = (rng.below(3) == 0).then(|| {
            let (w, h) = (1 + rng.below(9) as u32, 1 + rng.below(9) as u32);
            (noise(rng, format, w, h), Point::new(within(rng, -40, 40), within(rng, -40, 40)))
        });
        let clip = (0..1 + rng.below(5))
            .map(|_| {
                let (x, y) = (within(rng, 0, WIDTH), within(rng, 0, HEIGHT));
                Rect::new(x, y, within(rng, x, WIDTH) + 1, within(rng, y, HEIGHT) + 1)
            })
            .collect();
        let before = noise(rng, format, WIDTH as u32, HEIGHT as u32);
        Self { letters, depth, color: rng.next() as u32, tile, clip, before }
    }

    fn glyphs(&self) -> impl Iterator<Item = GlyphRef<'_>> + Clone {
        self.letters.iter().map(|l| GlyphRef {
            render_pos: l.at,
            origin: l.origin,
            width: l.size.0,
            height: l.size.1,
            data: &l.data,
        })
    }

    fn draw(&self, raster: Raster, dst: &mut SurfaceMut<'_>) {
        let brush = match &self.tile {
            None => TextBrush::Solid(self.color),
            Some((tile, pos)) => TextBrush::Pattern { tile: tile.view(), pos: *pos },
        };
        raster.text(dst, &self.clip, self.glyphs(), self.depth, brush);
    }

    /// The merged coverage of a pixel.
    fn coverage(&self, x: i32, y: i32) -> u8 {
        let mut coverage = 0u8;
        for l in &self.letters {
            let (column, row) = (x - l.at.x - l.origin.x, y - l.at.y - l.origin.y);
            let (w, h) = (i32::from(l.size.0), i32::from(l.size.1));
            if !(0..w).contains(&column) || !(0..h).contains(&row) {
                continue;
            }
            let byte = |stored_row: i32, index: i32, per_row: i32| {
                *l.data.get((stored_row * per_row + index) as usize).unwrap_or(&0)
            };
            match self.depth {
                GlyphDepth::A1 => {
                    let b = byte(h - 1 - row, column / 8, (w + 7) / 8);
                    coverage |= if b >> (7 - column % 8) & 1 == 1 { 0xff } else { 0 };
                }
                GlyphDepth::A4 => {
                    let b = byte(h - 1 - row, column / 2, (w + 1) / 2);
                    if column % 2 == 0 {
                        coverage = coverage.max(b & 0xf0);
                    } else if u16::from(b) << 4 > coverage.into() {
                        coverage = b << 4;
                    }
                }
                GlyphDepth::A8 => coverage = coverage.max(byte(h - row, column, w)),
            }
        }
        coverage
    }

    fn expected(&self) -> Surface {
        let mut surface = self.before.clone();
        let format = surface.format();
        let text = text_bounds(self.glyphs());
        for r in self.clip.rects_in(text) {
            for (x, y) in (r.top..r.bottom).flat_map(|y| (r.left..r.right).map(move |x| (x, y))) {
                let Some(raw) = self.before.view().pixel(x, y) else { continue };
                let source = match &self.tile {
                    Some((tile, pos)) => {
                        let u = (x - text.left - pos.x).rem_euclid(tile.width() as i32);
                        let v = (y - text.top - pos.y).rem_euclid(tile.height() as i32);
                        to_argb(tile.format(), tile.view().pixel(u, v).unwrap())
                    }
                    None if format.bits_per_pixel() == 16 => to_argb(SurfaceFormat::X1R5G5B5, self.color),
                    None => self.color | 0xff00_0000,
                };
                let target = if format == SurfaceFormat::X8R8G8B8 { raw } else { to_argb(format, raw) };
                let m = self.coverage(x, y).into();
                surface.view_mut().set_pixel(
                    x,
                    y,
                    from_argb(format, over_argb(scale_argb(source, m), target)),
                );
            }
        }
        surface
    }
}

#[test]
fn text_equals_the_definition_in_bands_too_and_at_every_level() {
    for seed in seeds(600) {
        let mut rng = Rng::new(seed);
        let case = Case::new(&mut rng);
        let expected = case.expected();
        for raster in [Raster::new(), Raster::baseline()] {
            let mut whole = case.before.clone();
            case.draw(raster, &mut whole.view_mut());
            assert!(whole == expected, "SPICE_RENDER_SEED={seed}: {case:?}");
        }
        let mut bands = case.before.clone();
        for mut band in bands.bands_mut(std::iter::repeat(1 + rng.below(20) as u32)) {
            case.draw(Raster::new(), &mut band);
        }
        assert!(bands == expected, "SPICE_RENDER_SEED={seed}, in bands: {case:?}");
    }
}

/// Draws white letters on a black row and returns it.
fn row(depth: GlyphDepth, letters: &[(i32, u16, u16, &[u8])]) -> Vec<u8> {
    let mut surface = Surface::new(SurfaceFormat::A8, 8, 1, 100).unwrap();
    let glyphs = letters.iter().map(|&(x, width, height, data)| GlyphRef {
        render_pos: Point::new(x + 3, 5),
        origin: Point::new(-3, -5),
        width,
        height,
        data,
    });
    let clip = Region::from_rect(surface.bounds());
    Raster::new().text(&mut surface.view_mut(), &clip, glyphs, depth, TextBrush::Solid(0));
    surface.view().row8(0).to_vec()
}

#[test]
fn one_bit_glyphs_cover_all_or_nothing_from_bit_7() {
    assert_eq!(row(GlyphDepth::A1, &[(1, 5, 1, &[0b1010_1111])]), [0, 255, 0, 255, 0, 255, 0, 0]);
}

#[test]
fn four_bit_glyphs_lose_to_the_right_of_something() {
    // 0x5 over 0xf: the even column keeps the stronger one, the odd one takes the new one as 0x50 + 0x20 > 0xf0.
    let letters: [(i32, u16, u16, &[u8]); 2] = [(0, 4, 1, &[0xff, 0xff]), (0, 4, 1, &[0x52, 0x02])];
    assert_eq!(row(GlyphDepth::A4, &letters), [0xf0, 0x20, 0xf0, 0xf0, 0, 0, 0, 0]);
}

#[test]
fn rows_are_bottom_up_and_eight_bit_ones_one_off() {
    assert_eq!(row(GlyphDepth::A1, &[(0, 8, 2, &[0x00, 0xff])]), [255; 8]);
    assert_eq!(row(GlyphDepth::A8, &[(0, 2, 1, &[7, 7])]), [0; 8]);
    assert_eq!(row(GlyphDepth::A8, &[(0, 2, 1, &[7, 7, 8, 9])])[..2], [8, 9]);
}

#[test]
fn no_glyphs_draw_nothing() {
    assert_eq!(row(GlyphDepth::A1, &[]), [0; 8]);
    assert_eq!(row(GlyphDepth::A4, &[(2, 0, 5, &[]), (3, 9, 0, &[1])]), [0; 8]);
    assert!(text_bounds([]).is_empty());
}

#[test]
fn far_and_many_glyphs_are_drawn_in_bounded_time_and_memory() {
    let mut surface = Surface::new(SurfaceFormat::X8R8G8B8, 4096, 2160, 1 << 30).unwrap();
    let clip = Region::from_rect(surface.bounds());
    let ends = [i32::MIN, -5, 0, 3000, i32::MAX];
    let glyphs = (0..20_000usize).map(|i| GlyphRef {
        render_pos: Point::new(ends[i % 5], ends[i / 5 % 5]),
        origin: Point::new(ends[i / 25 % 5], ends[i / 125 % 5]),
        width: [1, 40, u16::MAX][i / 625 % 3],
        height: if i % 400 == 0 { u16::MAX } else { 3 },
        data: &[0xaa; 50],
    });
    for depth in [GlyphDepth::A1, GlyphDepth::A4, GlyphDepth::A8] {
        let start = Instant::now();
        Raster::new().text(&mut surface.view_mut(), &clip, glyphs.clone(), depth, TextBrush::Solid(0xff00ff));
        assert!(start.elapsed() < Duration::from_secs(10), "{depth:?}: {:?}", start.elapsed());
        println!("{depth:?}: {:?}", start.elapsed());
    }
}
