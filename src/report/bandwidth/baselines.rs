//! What a recording costs without a planner: the yardsticks beside a client's bytes.

use super::run::Settings;
use crate::capture::{self, Reader};
use crate::draw::{Effect, Limits, Lookup, SurfaceInfo, Task, screen_row};
use crate::graph::footprint::{self, Extent, extent};
use crate::graph::{Execution, Graph, GraphLimits};
use crate::qxl::{BitmapFormat, Clip, Op, QMask, Rect, Ropd, ScaleMode};
use crate::wire::{Draw, Framing, Image, ImageData, ServerMessage};
use rayon::prelude::*;
use serde::Serialize;
use spice_codecs::{Codec, Encoder, Options, PixelFormat, Pixels};
use spice_raster::{Raster, Region, SurfaceRef};
use std::io::Read;

/// Pixels that are collected before they are encoded.
const BATCH: usize = 4 << 20;

/// Bytes of a recording's screen in images, each QUIC or LZ, whichever is smaller, each in a message of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Baselines {
    /// For each drawing command the pixels that it may have changed.
    pub naive: u64,
    /// At each flush the box around all pixels that changed since the one before.
    pub frames: u64,
}

/// Measures them; flushes come as often as `settings` say, on a link that is never full.
///
/// # Errors
/// The recording is wrong.
pub fn baselines<R: Read>(mut reader: Reader<R>, settings: &Settings) -> Result<Baselines, capture::Error> {
    reader.discard_unused();
    let execution = Execution { threads: 1, ..Execution::default() };
    let mut graph = Graph::new(Raster::new(), Limits::default(), GraphLimits::default(), execution);
    let (mut naive, mut frames) = (Batch::new(), Frames::default());
    let (mut start, mut flush) = (None, settings.period());
    while let Some(record) = reader.next_record()? {
        let time = record.time_ns.saturating_sub(*start.get_or_insert(record.time_ns));
        if time >= flush {
            flush = (time / settings.period() + 1).saturating_mul(settings.period());
            frames.flush(&mut graph);
        }
        let Ok(effect) = graph.resolve(&record.event) else { continue };
        let drawn = match &effect {
            Effect::Draw(task) if primary(&graph).is_some_and(|p| p.key == task.target.key) => {
                Some(touched(task))
            }
            _ => None,
        };
        if graph.apply(effect).is_err() {
            continue;
        }
        let Some(region) = drawn else { continue };
        frames.damage.union_rect(region.bounds());
        if let Some(surface) = graph.render(0, &region) {
            region.rects().iter().for_each(|rect| naive.add(surface.view(), *rect));
        }
    }
    frames.flush(&mut graph);
    Ok(Baselines { naive: naive.total(), frames: frames.batch.total() })
}

fn primary(graph: &Graph) -> Option<SurfaceInfo> {
    match graph.state().surfaces().lookup(0) {
        Lookup::Live(info) => Some(info),
        _ => None,
    }
}

fn touched(task: &Task) -> Region {
    match extent(task) {
        Extent::Clip | Extent::WholeClip => task.clip.clone(),
        Extent::Box => Region::from_rect(footprint::bounds(task, Extent::Box)),
    }
}

/// The frames as a client would have them.
#[derive(Default)]
struct Frames {
    /// The surface and what was sent of it; its colours.
    shown: Option<(SurfaceInfo, Vec<u32>)>,
    damage: Region,
    batch: Batch,
}

impl Frames {
    fn flush(&mut self, graph: &mut Graph) {
        let damage = std::mem::take(&mut self.damage);
        let Some(info) = primary(graph) else { return };
        let fresh = self.shown.as_ref().is_none_or(|(of, _)| of.key != info.key);
        let damage = if fresh { info.bounds() } else { damage.bounds().intersect(&info.bounds()) };
        if damage.is_empty() {
            return;
        }
        let Some(surface) = graph.render(0, &Region::from_rect(damage)) else { return };
        let truth = surface.view();
        if fresh {
            self.shown = Some((info, vec![0; info.width as usize * info.height as usize]));
        }
        let Some((_, shown)) = &mut self.shown else { return };
        let now = colours(truth, damage);
        let width = damage.width() as usize;
        let mut changed: Option<Rect> = fresh.then_some(damage);
        for (y, row) in (damage.top..).zip(now.chunks_exact(width)) {
            let at = y as usize * info.width as usize + damage.left as usize;
            let before = &mut shown[at..at + width];
            let differs = |(a, b): (&u32, &u32)| a != b;
            if let Some(first) = before.iter().zip(row).position(differs) {
                let last = before.iter().zip(row).rposition(differs).unwrap_or(first);
                let (left, right) = (damage.left + first as i32, damage.left + last as i32 + 1);
                let c = changed.get_or_insert(Rect::new(left, y, right, y + 1));
                *c = Rect::new(c.left.min(left), c.top, c.right.max(right), y + 1);
                before.copy_from_slice(row);
            }
        }
        if let Some(rect) = changed {
            let rect = if fresh { damage } else { rect };
            self.batch.add(truth, rect);
        }
    }
}

/// Pictures that wait to be encoded, and the bytes of those that were.
struct Batch {
    /// Columns, rows and pixels.
    pictures: Vec<(u32, u32, Vec<u32>)>,
    pixels: usize,
    /// Bytes of a message beside the stream that it carries.
    overhead: u64,
    bytes: u64,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    fn new() -> Self {
        let image =
            Image { id: 0, flags: 0, width: 1, height: 1, data: ImageData::LzRgb(Default::default()) };
        let op = Op::Copy {
            src_area: Rect::of_size(1, 1),
            src: Some(image),
            rop: Ropd::PUT,
            scale_mode: ScaleMode::INTERPOLATE,
            mask: QMask::default(),
        };
        let draw = Draw { surface_id: 0, bbox: Rect::of_size(1, 1), clip: Clip::None, op };
        let mut message = Vec::new();
        let encoded = ServerMessage::Draw(Box::new(draw)).encode(Framing::Mini, &mut message);
        debug_assert!(encoded.is_ok());
        Self { pictures: Vec::new(), pixels: 0, overhead: message.len() as u64, bytes: 0 }
    }

    fn add(&mut self, surface: SurfaceRef<'_>, rect: Rect) {
        let rect = rect.intersect(&surface.bounds());
        if rect.is_empty() {
            return;
        }
        let pixels = colours(surface, rect);
        self.pixels += pixels.len();
        self.pictures.push((rect.width(), rect.height(), pixels));
        if self.pixels >= BATCH {
            self.encode();
        }
    }

    fn encode(&mut self) {
        let pictures = std::mem::take(&mut self.pictures);
        self.pixels = 0;
        let each = |encoder: &mut Encoder, (width, height, pixels): (u32, u32, Vec<u32>)| {
            self.overhead + smaller(encoder, width, height, &pixels)
        };
        self.bytes += pictures.into_par_iter().map_init(Encoder::new, each).sum::<u64>();
    }

    fn total(mut self) -> u64 {
        self.encode();
        self.bytes
    }
}

/// Bytes of the smaller of the two streams; of raw pixels where there is neither.
fn smaller(encoder: &mut Encoder, width: u32, height: u32, pixels: &[u32]) -> u64 {
    let data: &[u8] = bytemuck::cast_slice(pixels);
    let raw = BitmapFormat::Bit32.bytes_per_row(width) * u64::from(height);
    let Some(pixels) = Pixels::new(PixelFormat::Rgb32, width, height, width as usize * 4, true, data) else {
        return raw;
    };
    let mut out = Vec::new();
    let mut best = None;
    for codec in [Codec::Quic, Codec::Lz] {
        out.clear();
        let options = Options { bound: best.unwrap_or(usize::MAX), ..Options::default() };
        if encoder.encode(&pixels, codec, &options, &mut out).is_ok() {
            best = Some(best.map_or(out.len(), |best: usize| best.min(out.len())));
        }
    }
    best.map_or(raw, |best| best as u64)
}

/// The colours of a part of a surface as a screen shows it: 0x00rrggbb.
fn colours(surface: SurfaceRef<'_>, rect: Rect) -> Vec<u32> {
    let columns = rect.left as usize..rect.right as usize;
    let mut out = vec![0; columns.len() * rect.height() as usize];
    for (y, row) in (rect.top as u32..).zip(out.chunks_exact_mut(columns.len().max(1))) {
        screen_row(surface, y, columns.clone(), row);
    }
    out
}
