//! Composites beside libpixman: boxes of a glyph's size, where what a call costs counts, and larger ones.

use super::race::{Table, image, surface, words};
use bench_pixman::{GOOD, NEAREST, Pixels};
use spice_raster::{
    CompositeFilter, CompositeOp, CompositeRepeat, CompositeSource, Region, Surface, SurfaceFormat,
};

/// A picture to read, and how.
struct Source {
    surface: Surface,
    words: Surface,
    transform: Option<[i32; 6]>,
    filter: CompositeFilter,
    tiled: bool,
}

impl Source {
    /// As it lies there.
    fn plain(format: SurfaceFormat, width: u32, height: u32) -> Self {
        let surface = surface(format, width, height, |v| v as u32);
        let words = words(&surface);
        Self { surface, words, transform: None, filter: CompositeFilter::Nearest, tiled: false }
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
}

/// pixman's picture of a source.
fn theirs<'a>(
    surface: &Surface,
    words: &'a mut [u32],
    how: (Option<[i32; 6]>, CompositeFilter, bool),
) -> Pixels<'a> {
    let mut pixels = image(format(surface.format()), surface, words);
    let (transform, filter, tiled) = how;
    if let Some(transform) = transform {
        let filter = if filter == CompositeFilter::Nearest { NEAREST } else { GOOD };
        pixels.transform(transform, filter);
    }
    if tiled {
        pixels.repeat();
    }
    pixels
}

fn format(format: SurfaceFormat) -> u32 {
    match format {
        SurfaceFormat::A8 => bench_pixman::A8,
        SurfaceFormat::X1R5G5B5 => bench_pixman::X1R5G5B5,
        SurfaceFormat::R5G6B5 => bench_pixman::R5G6B5,
        SurfaceFormat::A8R8G8B8 => bench_pixman::A8R8G8B8,
        _ => bench_pixman::X8R8G8B8,
    }
}

/// One operation on the same pixels; the answers are compared before it is timed.
fn race(
    table: &Table,
    name: &str,
    op: CompositeOp,
    target: (SurfaceFormat, u32, u32),
    mut src: Source,
    mut mask: Option<Source>,
) {
    let mut dst = surface(target.0, target.1, target.2, |v| v as u32);
    let mut dst_words = words(&dst);
    let mut dst_view = dst_words.view_mut();
    let mut other = image(format(target.0), &dst, dst_view.row(0));
    let how = |s: &Source| (s.transform, s.filter, s.tiled);
    let mut src_words = std::mem::replace(&mut src.words, Surface::clone(&src.surface));
    let src_how = how(&src);
    let mut src_view = src_words.view_mut();
    let other_src = theirs(&src.surface, src_view.row(0), src_how);
    let mask_how = mask.as_ref().map(how);
    let mut mask_words = mask.as_mut().map(|m| std::mem::replace(&mut m.words, Surface::clone(&m.surface)));
    let mut mask_view = mask_words.as_mut().map(Surface::view_mut);
    let other_mask = match (&mask, &mut mask_view, mask_how) {
        (Some(m), Some(view), Some(how)) => Some(theirs(&m.surface, view.row(0), how)),
        _ => None,
    };
    let raster = table.raster;
    let bbox = dst.bounds();
    let clip = Region::from_rect(bbox);
    let draw = |dst: &mut Surface| {
        let (s, m) = (src.ours(), mask.as_ref().map(Source::ours));
        raster.composite(&mut dst.view_mut(), &clip, bbox, op, &s, m.as_ref(), false);
    };
    let number = u32::from(op.number());
    draw(&mut dst);
    other.composite_masked(number, &other_src, other_mask.as_ref());
    // Behind the pixels of a row there may be more bytes; they are nobody's.
    assert!(same(&dst, other.words()), "{name} differs from pixman");
    let bytes = (dst.width() * dst.height() * dst.format().bits_per_pixel() / 8) as usize;
    table.line(
        name,
        bytes.max(64),
        "pixman 1",
        &mut || draw(&mut dst),
        Some(&mut || other.composite_masked(number, &other_src, other_mask.as_ref())),
    );
}

fn same(ours: &Surface, theirs: &[u32]) -> bool {
    let stride = ours.format().words_per_row(ours.width());
    let bytes = (ours.width() * ours.format().bits_per_pixel() / 8) as usize;
    theirs.chunks(stride).enumerate().all(|(y, row)| {
        let row: Vec<u8> = row.iter().flat_map(|word| word.to_ne_bytes()).collect();
        ours.view().bytes_of_row(y as u32)[..bytes] == row[..bytes]
    })
}

/// All of them.
pub(crate) fn race_all(table: &Table) {
    use CompositeFilter::{Bilinear, Nearest};
    use CompositeOp::{Add, DisjointOver, HslColor, In, Over, Src};
    use SurfaceFormat::{A8, A8R8G8B8, X8R8G8B8};
    let plain = Source::plain;
    for (w, h) in [(10, 14), (4, 7), (33, 20), (256, 64)] {
        for (name, op) in [("OVER", Over), ("ADD", Add), ("SRC", Src), ("IN", In)] {
            let dst = (if op == In { A8R8G8B8 } else { X8R8G8B8 }, w, h);
            race(table, &format!("{name} {w}x{h}"), op, dst, plain(A8R8G8B8, w, h), None);
            let mask = Some(plain(A8, w, h));
            race(table, &format!("{name}, A8 mask {w}x{h}"), op, dst, plain(A8R8G8B8, w, h), mask);
            let (solid, mask) = (plain(A8R8G8B8, 1, 1).tiled(), Some(plain(A8, w, h)));
            race(table, &format!("{name}, solid, A8 mask {w}x{h}"), op, dst, solid, mask);
            race(table, &format!("{name}, A8 on A8 {w}x{h}"), op, (A8, w, h), plain(A8, w, h), None);
        }
        for (name, op) in [("DISJOINT_OVER", DisjointOver), ("HSL_COLOR", HslColor)] {
            race(table, &format!("{name} {w}x{h}"), op, (X8R8G8B8, w, h), plain(A8R8G8B8, w, h), None);
        }
    }
    let one = 1 << 16;
    for (how, transform) in [
        ("doubled", [one / 2, 0, 0, 0, one / 2, 0]),
        ("rotated", [one * 4 / 5, -one / 3, 30 * one, one / 3, one * 4 / 5, 0]),
    ] {
        for (name, filter) in [("nearest", Nearest), ("bilinear", Bilinear)] {
            let src = plain(A8R8G8B8, 300, 200).transformed(transform, filter);
            race(table, &format!("OVER, {name}, {how} 256x64"), Over, (X8R8G8B8, 256, 64), src, None);
        }
    }
}
