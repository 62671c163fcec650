//! Every operator on every target with every kind of source and mask, against the twin: what guests send is theirs to
//! choose, and each combination that a path tells apart is drawn here.

use super::*;

/// A picture in words of its own: any stride, rows downwards or upwards, wider than what is read or not.
struct Kind {
    format: SurfaceFormat,
    size: (u32, u32),
    stride: usize,
    bottom_up: bool,
    words: Vec<u32>,
    repeat: CompositeRepeat,
    origin: Point,
}

impl Kind {
    /// One that holds all of a box, or one pixel that repeats.
    fn new(rng: &mut Rng, format: SurfaceFormat, one: bool, width: u32, height: u32) -> Self {
        let wider = rng.below(3) != 0;
        let origin = match wider {
            true => Point::new(rng.below(20) as i32, rng.below(3) as i32),
            false => Point::default(),
        };
        let more = if wider { rng.below(9) as u32 } else { 0 };
        let size = match one {
            true => (1, 1),
            false => (origin.x as u32 + width + more, origin.y as u32 + height + more % 2),
        };
        let stride = format.words_per_row(size.0) + if wider { rng.below(3) as usize } else { 0 };
        let words = crate::test_util::pixels(rng, stride * size.1 as usize);
        let repeat = if one { CompositeRepeat::Normal } else { CompositeRepeat::None };
        Self { format, size, stride, bottom_up: rng.below(3) == 0, words, repeat, origin }
    }

    fn source(&self) -> CompositeSource<'_> {
        let (width, height) = self.size;
        let surface =
            SurfaceRef::new(self.format, width, height, self.stride, self.bottom_up, &self.words).unwrap();
        CompositeSource { repeat: self.repeat, origin: self.origin, ..CompositeSource::new(surface) }
    }
}

/// Draws a box of random pixels in both ways.
fn check(
    rng: &mut Rng,
    op: CompositeOp,
    target: SurfaceFormat,
    src: (SurfaceFormat, bool),
    mask: Option<(SurfaceFormat, bool, bool)>,
    width: u32,
) {
    let height = if width < 4 { 1 + rng.below(9) } else { 1 + rng.below(3) } as u32;
    let (left, more) = match rng.below(2) {
        0 => (0, 0),
        _ => (rng.below(20) as u32, rng.below(9) as u32),
    };
    let dst = crate::test_util::surface(rng, target, left + width + more, height + 1);
    let bbox = Rect::new(left as i32, 0, (left + width) as i32, height as i32);
    let clip = match rng.below(4) {
        0 => Region::from_rects([bbox, Rect::new(0, 1, 2, 2)]).intersect(&Region::from_rects([
            Rect::new(bbox.left, 0, bbox.left + width as i32 / 2, 2),
            Rect::new(bbox.left + width as i32 / 2 + 1, 0, bbox.right, 2),
        ])),
        _ => Region::from_rect(bbox),
    };
    let source = Kind::new(rng, src.0, src.1, width, height);
    let masks = mask.map(|(format, one, _)| Kind::new(rng, format, one, width, height));
    let composition = Composition {
        op,
        src: source.source(),
        mask: masks.as_ref().map(Kind::source),
        component_alpha: mask.is_some_and(|(.., component_alpha)| component_alpha),
    };
    let mut expected = dst.clone();
    if let Some(plan) = Plan::new(target, bbox, &composition) {
        naive::draw(&mut expected.view_mut(), &clip, bbox, &plan);
    }
    let level = crate::test_util::levels()[rng.below(crate::test_util::levels().len() as u64) as usize];
    let mut drawn = dst.clone();
    Raster { level }.composite(&mut drawn.view_mut(), &clip, bbox, &composition);
    assert!(
        drawn == expected,
        "{op:?} of {src:?} through {mask:?} on {target:?}: {width}x{height} at {left}, clip {clip:?}, {level:?}"
    );
}

/// A format, and whether it is one pixel that repeats.
fn kinds() -> impl Iterator<Item = (SurfaceFormat, bool)> {
    FORMATS.into_iter().flat_map(|format| [false, true].map(|one| (format, one)))
}

/// Kinds, each by alpha and by channel, and none.
fn masks() -> impl Iterator<Item = Option<(SurfaceFormat, bool, bool)>> {
    let masks =
        kinds().flat_map(|(format, one)| [false, true].map(|by_channel| Some((format, one, by_channel))));
    [None].into_iter().chain(masks)
}

/// Widths are those that rows tell apart: less than four pixels, than eight, than sixteen, and more.
#[test]
fn every_operator_on_every_kind_equals_naive() {
    let mut rng = Rng::new(21);
    for target in FORMATS {
        for (src, mask) in kinds().flat_map(|src| masks().map(move |mask| (src, mask))) {
            for op in CompositeOp::ALL {
                let classes: &[(u64, u64)] =
                    if op.in_float() { &[(1, 40)] } else { &[(1, 4), (4, 8), (8, 16), (16, 41)] };
                for (least, end) in classes {
                    let width = least + rng.below(end - least);
                    check(&mut rng, op, target, src, mask, width as u32);
                }
            }
        }
    }
}

#[test]
fn every_width_of_every_kind_equals_naive() {
    use CompositeOp::{Add, Clear, In, Over, Src};
    let mut rng = Rng::new(22);
    for target in FORMATS {
        for (src, mask) in kinds().flat_map(|src| masks().map(move |mask| (src, mask))) {
            for (op, width) in
                [Src, Over, Add, In, Clear].into_iter().flat_map(|op| (1..=40).map(move |w| (op, w)))
            {
                check(&mut rng, op, target, src, mask, width);
            }
        }
    }
}
