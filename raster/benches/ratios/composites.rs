//! Composites, fills and copies beside libpixman: boxes of a glyph's size, where what a call costs counts, larger ones,
//! and such of one row and of one column; as pictures of their own and inside pictures of a screen's size.

use super::place::Place;
use super::race::Table;
use bench_pixman::{GOOD, NEAREST, Pixels};
use spice_raster::CompositeOp::{self, *};
use spice_raster::SurfaceFormat::{self, *};
use spice_raster::{
    CompositeFilter, CompositeRepeat, CompositeSource, Composition, Point, Region, Rop2, Surface,
};

/// A picture to read, and how.
struct Source {
    surface: Surface,
    place: Place,
    transform: Option<[i32; 6]>,
    filter: CompositeFilter,
    tiled: bool,
    component_alpha: bool,
}

impl Source {
    /// As it lies there.
    fn plain(format: SurfaceFormat, place: Place) -> Self {
        let surface = place.surface(format, |v| v as u32);
        let (transform, filter) = (None, CompositeFilter::Nearest);
        Self { surface, place, transform, filter, tiled: false, component_alpha: false }
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
        let origin = Point::new(self.place.rect.left, self.place.rect.top);
        CompositeSource { transform, filter, repeat, origin, ..CompositeSource::new(self.surface.view()) }
    }

    /// pixman's picture of it, over the same words.
    fn theirs<'a>(&self, words: &'a mut [u32]) -> Pixels<'a> {
        let mut pixels = self.place.image(&self.surface, words);
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

/// One operation on the same pixels; the answers are compared before it is timed.
fn race(
    table: &Table,
    name: &str,
    op: CompositeOp,
    target: (SurfaceFormat, Place),
    src: Source,
    mask: Option<Source>,
) {
    if !table.has(name) {
        return;
    }
    let place = target.1;
    let mut dst = place.surface(target.0, |v| v as u32);
    let mut their_words = [
        Some(place.words(&dst)),
        Some(src.place.words(&src.surface)),
        mask.as_ref().map(|m| m.place.words(&m.surface)),
    ];
    let [dst_view, src_view, mask_view] =
        &mut their_words.each_mut().map(|s| s.as_mut().map(Surface::view_mut));
    let (Some(dst_view), Some(src_view)) = (dst_view, src_view) else { return };
    let mut other = place.image(&dst, dst_view.row(0));
    let other_src = src.theirs(src_view.row(0));
    let other_mask = mask.as_ref().zip(mask_view.as_mut()).map(|(mask, view)| mask.theirs(view.row(0)));
    let raster = table.raster;
    let bbox = place.rect;
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
    assert!(place.same(&dst, other.words()), "{name} differs from pixman");
    table.line(
        name,
        place.bytes(target.0),
        "pixman 1",
        &mut || draw(&mut dst),
        Some(&mut || other.composite_masked(number, &other_src, other_mask.as_ref())),
    );
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

/// Sizes of boxes inside pictures of a screen's size.
const INSIDE: &[(u32, u32)] =
    &[(1, 100), (2, 100), (3, 100), (4, 100), (8, 100), (10, 14), (16, 16), (100, 20), (300, 200)];

/// All of them.
pub(crate) fn race_all(table: &Table) {
    for &(w, h) in SIZES {
        race_size(table, &format!("{w}x{h}"), Place::whole(w, h), Place::whole(w, h));
    }
    let one = 1 << 16;
    for (how, transform) in [
        ("doubled", [one / 2, 0, 0, 0, one / 2, 0]),
        ("rotated", [one * 4 / 5, -one / 3, 30 * one, one / 3, one * 4 / 5, 0]),
    ] {
        for filter in [CompositeFilter::Nearest, CompositeFilter::Bilinear] {
            let src = Source::plain(A8R8G8B8, Place::whole(300, 200)).transformed(transform, filter);
            let target = (X8R8G8B8, Place::whole(256, 64));
            race(table, &format!("Over, {filter:?}, {how} 256x64"), Over, target, src, None);
        }
    }
    for &(w, h) in INSIDE {
        let (to, from) = (Place::inside(301, 203, w, h), Place::inside(78, 411, w, h));
        race_size(table, &format!("{w}x{h} inside"), to, from);
    }
}

/// All that is done with boxes of one size.
fn race_size(table: &Table, size: &str, to: Place, from: Place) {
    for shape in SHAPES {
        for &op in shape.ops {
            let plain = |format| Source::plain(format, from);
            let one = || Source::plain(A8R8G8B8, Place::whole(1, 1)).tiled();
            let src = shape.src.map_or_else(one, plain);
            let component_alpha = shape.mask == Some(A8R8G8B8);
            let mask = shape.mask.map(|format| Source { component_alpha, ..plain(format) });
            race(table, &format!("{op:?}{} {size}", shape.name), op, (shape.target, to), src, mask);
        }
    }
    for format in [A8, R5G6B5, X8R8G8B8] {
        fill_and_copy(table, format, size, to, from);
    }
}

/// `pixman_fill` and `pixman_blt`, where pixman has them for such pixels.
fn fill_and_copy(table: &Table, of: SurfaceFormat, size: &str, to: Place, from: Place) {
    let mut dst = to.surface(of, |v| v as u32);
    let src = from.surface(of, |v| v as u32 >> 3);
    let (mut dst_words, mut src_words) = (to.words(&dst), from.words(&src));
    let (mut dst_words, mut src_words) = (dst_words.view_mut(), src_words.view_mut());
    let mut other = to.image(&dst, dst_words.row(0));
    let mut other_src = from.image(&src, src_words.row(0));
    let (raster, clip, bytes) = (table.raster, Region::from_rect(to.rect), to.bytes(of));
    let (bits, color) = (of.bits_per_pixel(), 0x1234_5678);
    let name = format!("fill of {bits} bits {size}");
    if table.has(&name) && other.fill(color) {
        raster.fill(&mut dst.view_mut(), &clip, color, Rop2::PUT);
        assert!(to.same(&dst, other.words()), "{name} differs from pixman");
        let mut fill = || raster.fill(&mut dst.view_mut(), &clip, color, Rop2::PUT);
        table.line(&name, bytes, "pixman 1", &mut fill, Some(&mut || assert!(other.fill(color))));
    }
    let name = format!("copy of {bits} bits {size}");
    if table.has(&name) && other.blt(&mut other_src) {
        let offset = Point::new(from.rect.left - to.rect.left, from.rect.top - to.rect.top);
        let mut copy = || raster.copy(&mut dst.view_mut(), &clip, src.view(), offset, Rop2::PUT);
        copy();
        assert!(to.same(&dst, other.words()), "{name} differs from pixman");
        let mut copy = || raster.copy(&mut dst.view_mut(), &clip, src.view(), offset, Rop2::PUT);
        table.line(&name, bytes, "pixman 1", &mut copy, Some(&mut || assert!(other.blt(&mut other_src))));
    }
}
