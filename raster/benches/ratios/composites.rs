//! Composites, fills and copies beside libpixman: boxes of a glyph's size, where what a call costs counts, larger ones,
//! and such of one row and of one column; as pictures of their own and inside pictures of a screen's size.

use super::place::Place;
use super::race::{Side, Table, time};
use bench_pixman::{GOOD, NEAREST, Pixels};
use spice_raster::CompositeOp::{self, *};
use spice_raster::SurfaceFormat::{self, *};
use spice_raster::{
    CompositeFilter, CompositeRepeat, CompositeSource, Composition, Point, Raster, Region, Rop2, Surface,
};

/// What is read, and how.
#[derive(Clone, Copy)]
struct Source {
    format: SurfaceFormat,
    place: Place,
    transform: Option<[i32; 6]>,
    filter: CompositeFilter,
    tiled: bool,
    component_alpha: bool,
}

impl Source {
    /// As it lies there.
    fn plain(format: SurfaceFormat, place: Place) -> Self {
        let (transform, filter) = (None, CompositeFilter::Nearest);
        Self { format, place, transform, filter, tiled: false, component_alpha: false }
    }

    fn transformed(self, transform: [i32; 6], filter: CompositeFilter) -> Self {
        Self { transform: Some(transform), filter, ..self }
    }

    fn tiled(self) -> Self {
        Self { tiled: true, ..self }
    }

    fn surface(&self) -> Surface {
        self.place.surface(self.format, |v| v as u32)
    }

    fn ours<'a>(&self, surface: &'a Surface) -> CompositeSource<'a> {
        let repeat = if self.tiled { CompositeRepeat::Normal } else { CompositeRepeat::None };
        let (transform, filter) = (self.transform, self.filter);
        let origin = Point::new(self.place.rect.left, self.place.rect.top);
        CompositeSource { transform, filter, repeat, origin, ..CompositeSource::new(surface.view()) }
    }

    /// pixman's picture of it.
    fn theirs<'a>(&self, surface: &'a mut Surface) -> Pixels<'a> {
        let mut pixels = self.place.image(surface);
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

/// A composite.
#[derive(Clone, Copy)]
struct Draw {
    raster: Raster,
    op: CompositeOp,
    format: SurfaceFormat,
    place: Place,
    src: Source,
    mask: Option<Source>,
}

impl Draw {
    /// Draws it some times; tells the seconds of each.
    fn time(
        &self,
        side: Side,
        times: u32,
        dst: &mut Surface,
        src: &mut Surface,
        mask: &mut Option<Surface>,
    ) -> f64 {
        let (bbox, raster) = (self.place.rect, self.raster);
        let mask = self.mask.as_ref().zip(mask.as_mut());
        match side {
            Side::Ours => {
                let clip = Region::from_rect(bbox);
                let component_alpha = self.mask.is_some_and(|mask| mask.component_alpha);
                let mask = mask.map(|(mask, surface)| mask.ours(surface));
                let composition = Composition { op: self.op, src: self.src.ours(src), mask, component_alpha };
                time(times, &mut || raster.composite(&mut dst.view_mut(), &clip, bbox, &composition))
            }
            Side::Theirs => {
                let (mut dst, src) = (self.place.image(dst), self.src.theirs(src));
                let mask = mask.map(|(mask, surface)| mask.theirs(surface));
                let op = u32::from(self.op.number());
                time(times, &mut || dst.composite_masked(op, &src, mask.as_ref()))
            }
        }
    }

    /// A line of the table; the answers are compared first.
    fn race(self, table: &Table, name: &str) {
        if !table.has(name) {
            return;
        }
        let dst = move || self.place.surface(self.format, |v| v as u32);
        let sources = move || (self.src.surface(), self.mask.map(|mask| mask.surface()));
        let once = |side| {
            let (mut src, mut mask) = sources();
            move |dst: &mut Surface| _ = self.time(side, 0, dst, &mut src, &mut mask)
        };
        self.place.compare(name, &mut dst(), once(Side::Ours), once(Side::Theirs));
        table.duel(name, self.place.bytes(self.format), "pixman 1", &|| {
            let (mut dst, (mut src, mut mask)) = (dst(), sources());
            Box::new(move |side, times| self.time(side, times, &mut dst, &mut src, &mut mask))
        });
    }
}

/// One operation on the same pixels.
fn race(
    table: &Table,
    name: &str,
    op: CompositeOp,
    (format, place): (SurfaceFormat, Place),
    src: Source,
    mask: Option<Source>,
) {
    Draw { raster: table.raster, op, format, place, src, mask }.race(table, name);
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
            let src = Source::plain(A8R8G8B8, Place::exact(300, 200)).transformed(transform, filter);
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
            let one = || Source::plain(A8R8G8B8, Place::exact(1, 1)).tiled();
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
    let (bits, color, raster) = (of.bits_per_pixel(), 0x1234_5678, table.raster);
    let target = move || to.surface(of, |v| v as u32);
    let source = move || from.surface(of, |v| v as u32 >> 3);
    let offset = Point::new(from.rect.left - to.rect.left, from.rect.top - to.rect.top);
    let fill = move |side, times, dst: &mut Surface| match side {
        Side::Ours => {
            let clip = Region::from_rect(to.rect);
            time(times, &mut || raster.fill(&mut dst.view_mut(), &clip, color, Rop2::PUT))
        }
        Side::Theirs => {
            let mut dst = to.image(dst);
            time(times, &mut || assert!(dst.fill(color)))
        }
    };
    let copy = move |side, times, dst: &mut Surface, src: &mut Surface| match side {
        Side::Ours => {
            let clip = Region::from_rect(to.rect);
            time(times, &mut || raster.copy(&mut dst.view_mut(), &clip, src.view(), offset, Rop2::PUT))
        }
        Side::Theirs => {
            let (mut dst, mut src) = (to.image(dst), from.image(src));
            time(times, &mut || assert!(dst.blt(&mut src)))
        }
    };
    let name = format!("fill of {bits} bits {size}");
    if table.has(&name) && to.image(&mut target()).fill(color) {
        let once = |side| move |dst: &mut Surface| _ = fill(side, 0, dst);
        to.compare(&name, &mut target(), once(Side::Ours), once(Side::Theirs));
        table.duel(&name, to.bytes(of), "pixman 1", &|| {
            let mut dst = target();
            Box::new(move |side, times| fill(side, times, &mut dst))
        });
    }
    let name = format!("copy of {bits} bits {size}");
    if table.has(&name) && to.image(&mut target()).blt(&mut from.image(&mut source())) {
        let once = |side| move |dst: &mut Surface| _ = copy(side, 0, dst, &mut source());
        to.compare(&name, &mut target(), once(Side::Ours), once(Side::Theirs));
        table.duel(&name, to.bytes(of), "pixman 1", &|| {
            let (mut dst, mut src) = (target(), source());
            Box::new(move |side, times| copy(side, times, &mut dst, &mut src))
        });
    }
}
