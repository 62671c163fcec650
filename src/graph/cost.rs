//! What it costs to draw a task, roughly, in pixels of a plain fill (0.15 ns each): enough to tell what is worth
//! another thread, and to cut the work for several.

use crate::draw::{Picture, Source, Task};
use crate::qxl::{BitmapData, BitmapFormat, Composite, Op};

/// What decoding a pixel costs.
const DECODE: u64 = 16;
/// What a task costs, whatever it draws.
const CALL: u64 = 512;

/// What a task costs; decoding is counted in.
pub(crate) fn cost(task: &Task) -> u64 {
    drawing(task) + looking(task)
}

/// What drawing a task costs, its sources decoded.
pub(crate) fn drawing(task: &Task) -> u64 {
    let pixel = match &task.drawable.op {
        Op::Composite(composite) => composite_pixel(composite),
        Op::AlphaBlend { .. } | Op::Transparent { .. } | Op::Text { .. } | Op::Stroke { .. } => 4,
        _ if task.is_scaled() => 8,
        // What is read is rarely in the cache.
        Op::Copy { .. } => 2,
        _ => 1,
    };
    task.clip.area() * pixel + CALL
}

/// What a pixel of a composite costs. Where a filled one took 0.2 ns, the operators of Porter and Duff took 0.4, the
/// separable modes 1 to 2, those in floats 5 to 8, twice that with a mask; a transformed source 4, a transformed mask 7.
fn composite_pixel<I>(composite: &Composite<I>) -> u64 {
    let operator = match composite.operator() {
        0x00..=0x0c => 2,
        0x30..=0x34 | 0x37 | 0x39..=0x3a => 8,
        _ => 32,
    };
    let masked = if composite.mask.is_some() { 2 * operator } else { operator };
    let source = if composite.src_transform.is_some() { 16 } else { 0 };
    let mask = if composite.mask_transform.is_some() { 24 } else { 0 };
    masked + source + mask
}

/// What it costs to look at a task's source: to decode, convert or read it.
pub(crate) fn looking(task: &Task) -> u64 {
    match &task.src {
        Source::Picture(p) if p.bitmap_if_decoded().is_none() => pixels_made(p) * DECODE,
        Source::Picture(p) => pixels_made(p),
        Source::Surface(info) if info.format.bits_per_pixel() != task.target.format.bits_per_pixel() => {
            u64::from(info.width) * u64::from(info.height)
        }
        _ => 0,
    }
}

/// Pixels that are decoded, converted or read before a picture can be drawn from; 0 if it is drawn from as it is.
pub(crate) fn pixels_made(picture: &Picture) -> u64 {
    let as_is = picture.bitmap_if_decoded().is_some_and(|bitmap| {
        matches!(bitmap.format, BitmapFormat::Bit32 | BitmapFormat::Rgba)
            && matches!(bitmap.data, BitmapData::Held(_))
    });
    if as_is { 0 } else { u64::from(picture.width()) * u64::from(picture.height()) }
}

/// Bytes that the views of a task may take.
pub(crate) fn view_bytes(task: &Task) -> u64 {
    task.given()
        .map(|source| match source {
            Source::None => 0,
            Source::Picture(p) => pixels_made(p) * 4,
            Source::Surface(info) if info.key == task.target.key => info.bytes(),
            Source::Surface(info) if info.format == task.target.format => 0,
            Source::Surface(info) => u64::from(info.width) * u64::from(info.height) * 4,
            Source::SelfBitmap(area) => area.area() * 4,
            Source::Black { width, height } => u64::from(*width) * u64::from(*height) * 4,
        })
        .sum()
}
