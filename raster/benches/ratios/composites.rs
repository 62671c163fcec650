//! Composites, fills and copies beside libpixman: boxes of a glyph's size, where what a call costs counts, larger ones,
//! and such of one row and of one column.

use super::race::{Table, image, surface, words};
use bench_pixman::{GOOD, NEAREST, Pixels};
use spice_raster::CompositeOp::{self, *};
use spice_raster::SurfaceFormat::{self, *};
use spice_raster::{
    CompositeFilter, CompositeRepeat, CompositeSource, Composition, Point, Region, Rop2, Surface,
};

/// A picture to read, and how.
struct Source {
    surface: Surface,
    transform: Option<[i32; 6]>,
    filter: CompositeFilter,
    tiled: bool,
    component_alpha: bool,
}

impl Source {
    /// As it lies there.
    fn plain(format: SurfaceFormat, width: u32, height: u32) -> Self {
        let surface = surface(format, width, height, |v| v as u32);
        let (transform, filter) = (None, CompositeFilter::Nearest);
        Self { surface, transform, filter, tiled: false, component_alpha: false }
    }

    fn transformed(self, transform: [i32; 6], filter: CompositeFilter) -> Self {
        Self { transform: Some(transform), filter, ..self }
    }

    fn tiled(self) -> Self {
        Self { tiled: true, ..self }
    }

    fn ours(&self) -> CompositeSource<'_> {
        let repeat = if self.tiled { CompositeRepeat::Normal } else { CompositeRepeat::None };
        let (transform, filter) = (self.transform, self.filter);
        CompositeSource { transform, filter, repeat, ..CompositeSource::new(self.surface.view()) }
    }

    /// pixman's picture of it, over the same words.
    fn theirs<'a>(&self, words: &'a mut [u32]) -> Pixels<'a> {
        let mut pixels = image(format(self.surface.format()), &self.surface, words);
        if let Some(transform) = self.transform {
            let filter = if self.filter == CompositeFilter::Nearest { NEAREST } else { GOOD };
            pixels.transform(transform, filter);
        }
        if self.tiled {
            pixels.repeat();
        }
        if self.component_alpha {
            pixels.component_alpha();
        }
        pixels
    }
}

fn format(format: SurfaceFormat) -> u32 {
    match format {
        A1 => bench_pixman::A1,
        A8 => bench_pixman::A8,
        X1R5G5B5 => bench_pixman::X1R5G5B5,
        R5G6B5 => bench_pixman::R5G6B5,
        X8R8G8B8 => bench_pixman::X8R8G8B8,
        A8R8G8B8 => bench_pixman::A8R8G8B8,
    }
}

/// One operation on the same pixels; the answers are compared before it is timed.
fn race(
    table: &Table,
    name: &str,
    op: CompositeOp,
    target: (SurfaceFormat, u32, u32),
    src: Source,
    mask: Option<Source>,
) {
    if !table.has(name) {
        return;
    }
    let mut dst = surface(target.0, target.1, target.2, |v| v as u32);
    let mut their_words =
        [Some(&dst), Some(&src.surface), mask.as_ref().map(|m| &m.surface)].map(|s| s.map(words));
    let [dst_view, src_view, mask_view] =
        &mut their_words.each_mut().map(|s| s.as_mut().map(Surface::view_mut));
    let (Some(dst_view), Some(src_view)) = (dst_view, src_view) else { return };
    let mut other = image(format(target.0), &dst, dst_view.row(0));
    let other_src = src.theirs(src_view.row(0));
    let other_mask = mask.as_ref().zip(mask_view.as_mut()).map(|(mask, view)| mask.theirs(view.row(0)));
    let raster = table.raster;
    let bbox = dst.bounds();
    let clip = Region::from_rect(bbox);
    let composition = Composition {
        op,
        src: src.ours(),
        mask: mask.as_ref().map(Source::ours),
        component_alpha: mask.as_ref().is_some_and(|mask| mask.component_alpha),
    };
    let draw = |dst: &mut Surface| raster.composite(&mut dst.view_mut(), &clip, bbox, &composition);
    let number = u32::from(op.number());
    draw(&mut dst);
    other.composite_masked(number, &other_src, other_mask.as_ref());
    assert!(same(&dst, other.words()), "{name} differs from pixman");
    table.line(
        name,
        (dst.bytes()).max(64),
        "pixman 1",
        &mut || draw(&mut dst),
        Some(&mut || other.composite_masked(number, &other_src, other_mask.as_ref())),
    );
}

/// Whether the pixels are the same. Behind those of a row there may be more bits; they are nobody's.
fn same(ours: &Surface, theirs: &[u32]) -> bool {
    let stride = ours.format().words_per_row(ours.width());
    let bits = (ours.width() * ours.format().bits_per_pixel()) as usize;
    theirs.chunks(stride).enumerate().all(|(y, row)| {
        let row: Vec<u8> = row.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let (ours, bytes) = (ours.view().bytes_of_row(y as u32), bits / 8);
        let rest = (1u8 << (bits % 8)) - 1;
        ours[..bytes] == row[..bytes] && (rest == 0 || ours[bytes] & rest == row[bytes] & rest)
    })
}

/// What is composited with what.
struct Shape {
    name: &'static str,
    target: SurfaceFormat,
    /// `None` is one colour.
    src: Option<SurfaceFormat>,
    /// With a8r8g8b8 each channel counts for its own.
    mask: Option<SurfaceFormat>,
    ops: &'static [CompositeOp],
}

const fn shape(
    name: &'static str,
    target: SurfaceFormat,
    src: Option<SurfaceFormat>,
    mask: Option<SurfaceFormat>,
    ops: &'static [CompositeOp],
) -> Shape {
    Shape { name, target, src, mask, ops }
}

const SHAPES: &[Shape] = &[
    shape("", X8R8G8B8, Some(A8R8G8B8), None, &[Over, Add, Src, DisjointOver, HslColor]),
    shape(", A8 mask", X8R8G8B8, Some(A8R8G8B8), Some(A8), &[Over, Add, Src]),
    shape(", solid, A8 mask", X8R8G8B8, None, Some(A8), &[Over, Add, Src]),
    shape(", A8 on A8", A8, Some(A8), None, &[Over, Add, Src, In, Out, Xor]),
    shape(", solid on A8", A8, None, None, &[Over, Add, Src, In]),
    shape(", solid, A8 mask on A8", A8, None, Some(A8), &[Over, Add, Src, In]),
    shape(
        ", argb on argb",
        A8R8G8B8,
        Some(A8R8G8B8),
        None,
        &[Src, Over, OverReverse, In, Out, OutReverse, Atop, Xor],
    ),
    shape(", A8 mask on argb", A8R8G8B8, Some(A8R8G8B8), Some(A8), &[Over, In, OutReverse]),
    shape(", solid, A8 mask on argb", A8R8G8B8, None, Some(A8), &[Over, Src, In, OutReverse]),
    shape(", by channel", X8R8G8B8, Some(A8R8G8B8), Some(A8R8G8B8), &[Over, Add, Src]),
    shape(", solid, by channel", X8R8G8B8, None, Some(A8R8G8B8), &[Over, Add]),
    shape(", solid, by channel on argb", A8R8G8B8, None, Some(A8R8G8B8), &[Over, OutReverse]),
    shape(", solid", X8R8G8B8, None, None, &[Over, Add, Src]),
    shape(", solid on argb", A8R8G8B8, None, None, &[Over, In, Clear]),
    shape(", xrgb on xrgb", X8R8G8B8, Some(X8R8G8B8), None, &[Src]),
    shape(", xrgb on argb", A8R8G8B8, Some(X8R8G8B8), None, &[Src, In]),
    shape(", xrgb, A8 mask", X8R8G8B8, Some(X8R8G8B8), Some(A8), &[Over]),
    shape(", A1 mask", X8R8G8B8, None, Some(A1), &[Over]),
    shape(", 565 on 565", R5G6B5, Some(R5G6B5), None, &[Src]),
    shape(", 565", X8R8G8B8, Some(R5G6B5), None, &[Src]),
    shape(", xrgb on 565", R5G6B5, Some(X8R8G8B8), None, &[Src]),
    shape(", argb on 565", R5G6B5, Some(A8R8G8B8), None, &[Over, Add]),
    shape(", solid on 565", R5G6B5, None, None, &[Over, Src]),
    shape(", A8 mask on 565", R5G6B5, Some(A8R8G8B8), Some(A8), &[Over]),
    shape(", solid, A8 mask on 565", R5G6B5, None, Some(A8), &[Over]),
    shape(", solid, by channel on 565", R5G6B5, None, Some(A8R8G8B8), &[Over]),
    shape(", argb on 555", X1R5G5B5, Some(A8R8G8B8), None, &[Over, Src]),
];

/// Sizes of boxes.
const SIZES: &[(u32, u32)] = &[
    (1, 1),
    (4, 7),
    (8, 8),
    (10, 14),
    (16, 16),
    (33, 20),
    (16, 1),
    (100, 1),
    (1, 100),
    (256, 64),
    (512, 512),
];

/// All of them.
pub(crate) fn race_all(table: &Table) {
    for &(w, h) in SIZES {
        for shape in SHAPES {
            for &op in shape.ops {
                let plain = |format| Source::plain(format, w, h);
                let src = shape.src.map_or_else(|| Source::plain(A8R8G8B8, 1, 1).tiled(), plain);
                let component_alpha = shape.mask == Some(A8R8G8B8);
                let mask = shape.mask.map(|format| Source { component_alpha, ..plain(format) });
                race(table, &format!("{op:?}{} {w}x{h}", shape.name), op, (shape.target, w, h), src, mask);
            }
        }
        for format in [A8, R5G6B5, X8R8G8B8] {
            fill_and_copy(table, format, w, h);
        }
    }
    let one = 1 << 16;
    for (how, transform) in [
        ("doubled", [one / 2, 0, 0, 0, one / 2, 0]),
        ("rotated", [one * 4 / 5, -one / 3, 30 * one, one / 3, one * 4 / 5, 0]),
    ] {
        for filter in [CompositeFilter::Nearest, CompositeFilter::Bilinear] {
            let src = Source::plain(A8R8G8B8, 300, 200).transformed(transform, filter);
            race(table, &format!("Over, {filter:?}, {how} 256x64"), Over, (X8R8G8B8, 256, 64), src, None);
        }
    }
}

/// `pixman_fill` and `pixman_blt`, where pixman has them for such pixels.
fn fill_and_copy(table: &Table, of: SurfaceFormat, width: u32, height: u32) {
    let mut dst = surface(of, width, height, |v| v as u32);
    let src = surface(of, width, height, |v| v as u32 >> 3);
    let (mut dst_words, mut src_words) = (words(&dst), words(&src));
    let (mut dst_words, mut src_words) = (dst_words.view_mut(), src_words.view_mut());
    let mut other = image(format(of), &dst, dst_words.row(0));
    let mut other_src = image(format(of), &src, src_words.row(0));
    let (raster, clip, bytes) = (table.raster, Region::from_rect(dst.bounds()), dst.bytes().max(64));
    let (bits, color) = (of.bits_per_pixel(), 0x1234_5678);
    let name = format!("fill of {bits} bits {width}x{height}");
    if table.has(&name) && other.fill(color) {
        raster.fill(&mut dst.view_mut(), &clip, color, Rop2::PUT);
        assert!(same(&dst, other.words()), "{name} differs from pixman");
        let mut fill = || raster.fill(&mut dst.view_mut(), &clip, color, Rop2::PUT);
        table.line(&name, bytes, "pixman 1", &mut fill, Some(&mut || assert!(other.fill(color))));
    }
    let name = format!("copy of {bits} bits {width}x{height}");
    if table.has(&name) && other.blt(&mut other_src) {
        let mut copy = || raster.copy(&mut dst.view_mut(), &clip, src.view(), Point::default(), Rop2::PUT);
        copy();
        assert!(same(&dst, other.words()), "{name} differs from pixman");
        let mut copy = || raster.copy(&mut dst.view_mut(), &clip, src.view(), Point::default(), Rop2::PUT);
        table.line(&name, bytes, "pixman 1", &mut copy, Some(&mut || assert!(other.blt(&mut other_src))));
    }
}
