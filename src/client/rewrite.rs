//! Operations in other words: for clients that lack the guest's own but have some that draw the same.

use super::canvas::CANVAS;
use super::equal::{Equal, equal};
use crate::draw::{Limits, Picture, Source, Task};
use crate::qxl::{Bitmap, BitmapFormat, Clip, Image, ImageData, ImageRole, Op, Rect, SurfaceFormat};
use spice_raster::{Region, SurfaceRef};
use std::sync::Arc;

/// Rectangles of the clip that become operations of their own at most: each takes a message.
const RECTS: usize = 8;

/// A bitmap, top row first.
pub(super) fn image(format: BitmapFormat, width: u32, height: u32, stride: u32, data: Vec<u8>) -> Image {
    let (flags, palette, chunks) = (Bitmap::TOP_DOWN, None, Vec::new());
    let bitmap = Bitmap { format, flags, width, height, stride, palette, data: data.into(), chunks };
    Image { id: 0, flags: 0, width, height, data: ImageData::Bitmap(bitmap) }
}

/// An area of a surface as a picture: for clients that do not hold the surface, or need not hold the rest. `None` for
/// formats that no image has.
pub(super) fn picture_of(
    pixels: SurfaceRef<'_>,
    area: Rect,
    limits: &Limits,
) -> Option<(Image, Arc<Picture>)> {
    let format = match pixels.format() {
        SurfaceFormat::X8R8G8B8 => BitmapFormat::Bit32,
        SurfaceFormat::A8R8G8B8 => BitmapFormat::Rgba,
        _ => return None,
    };
    if area.is_empty() || !pixels.bounds().contains(&area) {
        return None;
    }
    let (width, height) = (area.width(), area.height());
    let mut data = Vec::with_capacity(width as usize * height as usize * 4);
    for y in area.top as u32..area.bottom as u32 {
        let row = &pixels.row(y)[area.left as usize..area.right as usize];
        data.extend(row.iter().flat_map(|px| px.to_le_bytes()));
    }
    let image = image(format, width, height, width * 4, data);
    let picture = Picture::new(&image, false, limits).ok()??;
    Some((image, Arc::new(picture)))
}

/// A task with another image in a role.
pub(super) fn with_picture(task: &mut Task, role: ImageRole, (image, picture): (Image, Arc<Picture>)) {
    let mut drawable = (*task.drawable).clone();
    let op = drawable.op.map_images(|at, own| {
        Ok::<_, std::convert::Infallible>(if at == role { Some(image.clone()) } else { own.cloned() })
    });
    let Ok(op) = op;
    drawable.op = op;
    task.set(role, Source::Picture(picture));
    task.drawable = Arc::new(drawable);
}

/// A task with another source area.
pub(super) fn with_area(task: &mut Task, area: Rect) {
    let mut drawable = (*task.drawable).clone();
    if let Some(own) = drawable.op.src_area_mut() {
        *own = area;
    }
    task.drawable = Arc::new(drawable);
}

/// Tasks that together draw what one does, of which the client draws each, with how their images must be given;
/// `None` if there are none.
pub(super) fn rewritten<T>(task: &Task, draws: impl Fn(&Task) -> Option<T>) -> Option<Vec<(Task, T)>> {
    debug_assert_eq!(task.target.format, CANVAS);
    let mut others = Vec::new();
    let mut last = task.clone();
    // One in place of the other, as far as that goes.
    while others.len() < 4 {
        match equal(&last) {
            Equal::Nothing => return Some(Vec::new()),
            Equal::None => break,
            Equal::Op(op) => last = with(&last, last.drawable.bbox, None, op),
        }
        others.push(last.clone());
    }
    if let Some(whole) = others.iter().find_map(|other| Some((other.clone(), draws(other)?))) {
        return Some(vec![whole]);
    }
    if task.clip.rects().len() > RECTS {
        return None;
    }
    [task].into_iter().chain(&others).find_map(|task| {
        let part = |rect: &Rect| {
            let part = part(task, *rect)?;
            let how = draws(&part)?;
            Some((part, how))
        };
        task.clip.rects().iter().map(part).collect()
    })
}

/// The same without a clip, in one rectangle of it. Paths cannot be cut, nor what is not copied pixel by pixel.
fn part(task: &Task, rect: Rect) -> Option<Task> {
    let (dx, dy) = (rect.left - task.drawable.bbox.left, rect.top - task.drawable.bbox.top);
    let mut op = task.drawable.op.clone();
    if task.mask().is_some() || task.is_scaled() || matches!(task.src, Source::SelfBitmap(_)) {
        return None;
    }
    match &mut op {
        Op::Fill { .. } | Op::Blackness { .. } | Op::Whiteness { .. } | Op::Invers { .. } => {}
        Op::Copy { src_area, .. }
        | Op::Blend { src_area, .. }
        | Op::Opaque { src_area, .. }
        | Op::Transparent { src_area, .. }
        | Op::AlphaBlend { src_area, .. } => {
            let (left, top) = (src_area.left.checked_add(dx)?, src_area.top.checked_add(dy)?);
            let right = left.checked_add(rect.width() as i32)?;
            *src_area = Rect::new(left, top, right, top.checked_add(rect.height() as i32)?);
        }
        Op::CopyBits { src_pos } if task.clip.rects().len() == 1 => {
            (src_pos.x, src_pos.y) = (src_pos.x.checked_add(dx)?, src_pos.y.checked_add(dy)?);
        }
        _ => return None,
    }
    Some(with(task, rect, Some(rect), op))
}

/// A task with another operation, and another clip if one is given.
fn with(task: &Task, bbox: Rect, clip: Option<Rect>, op: Op) -> Task {
    let mut drawable = (*task.drawable).clone();
    let mut task = task.clone();
    if let Some(rect) = clip {
        (drawable.clip, task.clip) = (Clip::None, Region::from_rect(rect));
    }
    if op.src_area().is_none() && !matches!(op, Op::Composite(_)) {
        task.src = Source::None;
    }
    if op.image(ImageRole::Pattern).is_none() {
        task.set(ImageRole::Pattern, Source::None);
    }
    if op.image(ImageRole::Mask).is_none() {
        task.set(ImageRole::Mask, Source::None);
    }
    (drawable.bbox, drawable.op) = (bbox, op);
    task.drawable = Arc::new(drawable);
    task
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;
    use crate::draw::exec::{self, Pixels};
    use crate::draw::{SurfaceInfo, SurfaceKey};
    use crate::qxl::testing::Rng;
    use crate::qxl::{Brush, Composite, Drawable, OpKind, Point, QMask, Ropd, ScaleMode, SurfaceDeps};
    use spice_raster::{Raster, Surface};

    /// No other surface.
    struct Alone;

    impl Pixels for Alone {
        fn pixels(&self, _: SurfaceKey) -> Option<&Surface> {
            None
        }
    }

    fn picture(image: &Image, mask: bool) -> Source {
        Source::Picture(Arc::new(Picture::new(image, mask, &Limits::default()).unwrap().unwrap()))
    }

    fn task(op: Op, clip: &[Rect]) -> Task {
        let bbox = Rect::new(10, 20, 60, 50);
        let (surface_deps, self_bitmap) = (SurfaceDeps::default(), None);
        let sources = ImageRole::ALL.map(|role| match op.image(role) {
            Some(image) => picture(image, role == ImageRole::Mask && op.qmask().is_some()),
            None => Source::None,
        });
        let clip = Clip::Rects(clip.to_vec());
        let drawable =
            Drawable { surface_id: 0, effect: 0, mm_time: 0, bbox, clip, self_bitmap, surface_deps, op };
        let Clip::Rects(rects) = &drawable.clip else { unreachable!() };
        let clip = Region::from_rects(rects.iter().map(|r| r.intersect(&bbox)));
        let target = SurfaceInfo { key: SurfaceKey(1), format: CANVAS, width: 100, height: 80 };
        Task::of(Arc::new(drawable), target, clip, sources)
    }

    fn noise(rng: &mut Rng) -> Surface {
        let mut surface = Surface::new(CANVAS, 100, 80, u64::MAX).unwrap();
        for y in 0..80 {
            surface.view_mut().row(y).fill_with(|| rng.next_u32());
        }
        surface
    }

    fn colours(surface: &Surface) -> Vec<u32> {
        let row = |y| surface.view().row(y)[..100].iter().map(|px| px & 0xff_ffff);
        (0..80).flat_map(row).collect()
    }

    fn drawn<'a>(tasks: impl IntoIterator<Item = &'a Task>, on: &Surface) -> Vec<u32> {
        let mut surface = on.clone();
        let limits = Limits::default();
        tasks.into_iter().for_each(|t| exec::draw(Raster::new(), t, &mut surface, &Alone, &limits));
        colours(&surface)
    }

    fn bitmap(rng: &mut Rng, format: BitmapFormat, width: u32, height: u32) -> Image {
        let stride = format.bytes_per_row(width) as u32;
        image(format, width, height, stride, rng.bytes((stride * height) as usize))
    }

    /// Operations of which many can be said in other words.
    fn operations(rng: &mut Rng) -> Vec<Op> {
        let source = bitmap(rng, BitmapFormat::Bit32, 70, 60);
        let alpha = bitmap(rng, BitmapFormat::Rgba, 70, 60);
        let tile = || Brush::Pattern { image: Some(source.clone().into()), pos: Point::new(-3, -4) };
        let src_area = Rect::new(5, 6, 55, 36);
        let mask = QMask::default;
        let mut ops = vec![Op::Blackness { mask: mask() }, Op::Whiteness { mask: mask() }];
        ops.push(Op::Invers { mask: mask() });
        for brush in [Brush::Solid(0), Brush::Solid(0xff_ffff), Brush::Solid(rng.next_u32()), tile()] {
            for rop in (0..2048).map(Ropd) {
                ops.push(Op::Fill { brush: brush.clone(), rop, mask: mask() });
                if rop.0 % 3 == 0 {
                    let (src, brush, scale_mode) = (Some(source.clone()), brush.clone(), ScaleMode::NEAREST);
                    ops.push(Op::Opaque { src, src_area, brush, rop, scale_mode, mask: mask() });
                }
            }
            for rop3 in 0..=255 {
                let (src, brush, scale_mode) = (Some(source.clone()), brush.clone(), ScaleMode::NEAREST);
                ops.push(Op::Rop3 { src, src_area, brush, rop3, scale_mode, mask: mask() });
            }
        }
        for rop in (0..2048).map(Ropd) {
            let (src, scale_mode) = (Some(source.clone()), ScaleMode::NEAREST);
            ops.push(Op::Copy { src: src.clone(), src_area, rop, scale_mode, mask: mask() });
            ops.push(Op::Blend { src, src_area, rop, scale_mode, mask: mask() });
        }
        for (src, flags) in
            [(&source, 0u32), (&alpha, 0), (&source, 1), (&alpha, 2), (&source, 3), (&alpha, 3)]
        {
            let blend = |alpha| Op::AlphaBlend { alpha_flags: 0, alpha, src: Some(src.clone()), src_area };
            ops.extend([blend(255), blend(90)]);
            ops.push(Op::Composite(Box::new(Composite {
                flags,
                src: Some(src.clone()),
                src_transform: None,
                mask: None,
                mask_transform: None,
                src_origin: Point::new(7, 8),
                mask_origin: Point::default(),
            })));
        }
        ops
    }

    #[test]
    fn other_words_draw_the_same_colours() {
        let mut rng = Rng::seeded(9);
        let on = noise(&mut rng);
        let clips =
            [vec![Rect::new(0, 0, 100, 100)], vec![Rect::new(0, 0, 30, 30), Rect::new(40, 30, 90, 40)]];
        let (mut said, mut tried) = (0, 0);
        for op in operations(&mut rng) {
            let task = task(op, &clips[rng.below(2) as usize]);
            let truth = drawn([&task], &on);
            let plainly = plain(&task, &on, &Alone, &Limits::default());
            assert_eq!(plainly.map_or(colours(&on), |t| drawn([&t], &on)), truth, "{:?}", task.drawable.op);
            for kind in OpKind::ALL {
                let unclipped = rng.one_in(2);
                let draws = |t: &Task| {
                    let clip = matches!(t.drawable.clip, Clip::None);
                    (t.drawable.op.kind() == kind && (clip || !unclipped)).then_some(())
                };
                tried += 1;
                let Some(tasks) = rewritten(&task, draws) else { continue };
                said += 1;
                let what = (kind, &task.drawable.op.kind(), &task.drawable.op.qmask());
                assert_eq!(
                    drawn(tasks.iter().map(|(t, ())| t), &on),
                    truth,
                    "{what:?} {:?}",
                    task.drawable.op
                );
            }
        }
        println!("{said} of {tried}");
        assert!(said > 10_000, "{said}");
    }

    #[test]
    fn masks_are_told_as_what_they_let_through() {
        let mut rng = Rng::seeded(10);
        let on = noise(&mut rng);
        for round in 0..200 {
            let mut mask = bitmap(&mut rng, BitmapFormat::Bit1Be, 40 + round % 30, 30);
            if let (ImageData::Bitmap(bitmap), true) = (&mut mask.data, round % 4 == 0) {
                bitmap.data = vec![0xff; bitmap.data.len()].into();
            }
            let pos = Point::new(rng.range(-12, 12), rng.range(-12, 12));
            let qmask = QMask { flags: (round & 1) as u8, pos, image: Some(mask.into()) };
            let clip = [Rect::new(0, 0, 100, 33), Rect::new(0, 33, rng.range(20, 60), 70)];
            let task = task(Op::Invers { mask: qmask }, &clip);
            let truth = drawn([&task], &on);
            let plainly = plain(&task, &on, &Alone, &Limits::default());
            assert_eq!(plainly.map_or(colours(&on), |t| drawn([&t], &on)), truth, "{round}");
        }
    }

    #[test]
    fn clips_become_rectangles() {
        let clip = [Rect::new(0, 0, 30, 30), Rect::new(40, 30, 100, 40)];
        let invers = task(Op::Invers { mask: QMask::default() }, &clip);
        let unclipped = |kind| {
            move |t: &Task| {
                (matches!(t.drawable.clip, Clip::None) && t.drawable.op.kind() == kind).then_some(())
            }
        };
        let parts = rewritten(&invers, unclipped(OpKind::Invers)).unwrap();
        let boxes: Vec<Rect> = parts.iter().map(|(t, ())| t.drawable.bbox).collect();
        assert_eq!(boxes, [Rect::new(10, 20, 30, 30), Rect::new(40, 30, 60, 40)]);
        assert_eq!(rewritten(&invers, unclipped(OpKind::Fill)).map(|parts| parts.len()), Some(2));
        assert!(rewritten(&invers, unclipped(OpKind::Copy)).is_none());
        let fill = |t: &Task| (t.drawable.op.kind() == OpKind::Fill).then_some(());
        assert_eq!(rewritten(&invers, fill).unwrap()[0].0.clip, invers.clip);
        let bars: Vec<Rect> = (0..9).map(|i| Rect::new(10, 20 + i * 3, 20, 21 + i * 3)).collect();
        let many = task(Op::Invers { mask: QMask::default() }, &bars);
        assert!(rewritten(&many, unclipped(OpKind::Invers)).is_none());
    }
}
