//! Counts of everything in a recording.

use crate::capture::{Error, Reader};
use crate::qxl::{
    Brush, Clip, Command, CursorCmd, Drawable, Event, Image, ImageData, Op, QMask, Ropd, SurfaceCmd,
    SurfaceFormat, SurfaceId, WorkerMessage, surface_format_name,
};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::Read;

/// How often each name was met.
pub type Counts = BTreeMap<String, u64>;

/// Bytes of a recording by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// All, decompressed.
    pub total: u64,
    /// Raw pixels of images.
    pub bitmaps: u64,
    /// QUIC streams.
    pub quic: u64,
    /// First pixels of primary and other surfaces.
    pub surfaces: u64,
    /// Pointer shapes.
    pub cursors: u64,
    /// The rest: text, glyphs, paths, clip lists. In a recording with deflated blobs less than nothing may be
    /// left; it is 0 then.
    pub commands: u64,
}

/// What is in a recording. Names are the protocol's; the tables that it prints hold what its JSON holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How the file is compressed.
    pub container: &'static str,
    /// The recording breaks off in the middle of an event.
    pub truncated: bool,
    /// Events, of every kind.
    pub event_count: u64,
    /// Seconds between the first and the last event.
    pub duration_s: f64,
    /// Sizes of the primary surfaces, as in `1024x768 32_xRGB`, in the order of their making, each once.
    pub resolutions: Vec<String>,
    /// Bytes by kind.
    pub bytes: Bytes,
    /// Commands and worker messages.
    pub events: Counts,
    /// Drawing operations.
    pub operations: Counts,
    /// Operations with the surface they draw on: `primary` or the off-screen surface's format.
    pub targets: Counts,
    /// Kinds of image, all uses together.
    pub image_types: Counts,
    /// Formats of the bitmaps.
    pub bitmap_formats: Counts,
    /// Operations with the kind of brush.
    pub brushes: Counts,
    /// Operations with the raster operation.
    pub rops: Counts,
    /// Kinds of clip, lists by their length.
    pub clips: Counts,
    /// Operations with the kind of mask.
    pub masks: Counts,
    /// Composite operators with what they use.
    pub composites: Counts,
    /// Formats of the off-screen surfaces made.
    pub surface_formats: Counts,
    /// Pointer commands and shapes.
    pub cursors: Counts,
    /// Scaling, self-bitmaps, the image cache, palettes and other things not every capture has.
    pub features: Counts,
}

/// Names of the worker messages by their number (`RED_WORKER_MESSAGE_*`).
const MESSAGES: [&str; 41] = [
    "NOP",
    "UPDATE",
    "WAKEUP",
    "OOM",
    "READY",
    "DISPLAY_CONNECT",
    "DISPLAY_DISCONNECT",
    "DISPLAY_MIGRATE",
    "START",
    "STOP",
    "CURSOR_CONNECT",
    "CURSOR_DISCONNECT",
    "CURSOR_MIGRATE",
    "SET_COMPRESSION",
    "SET_STREAMING_VIDEO",
    "SET_MOUSE_MODE",
    "ADD_MEMSLOT",
    "DEL_MEMSLOT",
    "RESET_MEMSLOTS",
    "DESTROY_SURFACES",
    "CREATE_PRIMARY_SURFACE",
    "DESTROY_PRIMARY_SURFACE",
    "RESET_CURSOR",
    "RESET_IMAGE_CACHE",
    "DESTROY_SURFACE_WAIT",
    "LOADVM_COMMANDS",
    "UPDATE_ASYNC",
    "ADD_MEMSLOT_ASYNC",
    "DESTROY_SURFACES_ASYNC",
    "CREATE_PRIMARY_SURFACE_ASYNC",
    "DESTROY_PRIMARY_SURFACE_ASYNC",
    "DESTROY_SURFACE_WAIT_ASYNC",
    "FLUSH_SURFACES_ASYNC",
    "DISPLAY_CHANNEL_CREATE",
    "CURSOR_CHANNEL_CREATE",
    "MONITORS_CONFIG_ASYNC",
    "DRIVER_UNLOAD",
    "GL_SCANOUT",
    "GL_DRAW_ASYNC",
    "SET_VIDEO_CODECS",
    "CLOSE_WORKER",
];

const CURSOR_TYPES: [&str; 7] = ["ALPHA", "MONO", "COLOR4", "COLOR8", "COLOR16", "COLOR24", "COLOR32"];

/// The PictOp names up to the last that is common.
const OPERATORS: [&str; 14] = [
    "CLEAR",
    "SRC",
    "DST",
    "OVER",
    "OVER_REVERSE",
    "IN",
    "IN_REVERSE",
    "OUT",
    "OUT_REVERSE",
    "ATOP",
    "ATOP_REVERSE",
    "XOR",
    "ADD",
    "SATURATE",
];

const ROP_BITS: [(u16, &str); 11] = [
    (Ropd::INVERS_SRC, "INVERS_SRC"),
    (Ropd::INVERS_BRUSH, "INVERS_BRUSH"),
    (Ropd::INVERS_DEST, "INVERS_DEST"),
    (Ropd::OP_PUT, "PUT"),
    (Ropd::OP_OR, "OR"),
    (Ropd::OP_AND, "AND"),
    (Ropd::OP_XOR, "XOR"),
    (Ropd::OP_BLACKNESS, "BLACKNESS"),
    (Ropd::OP_WHITENESS, "WHITENESS"),
    (Ropd::OP_INVERS, "INVERS"),
    (Ropd::INVERS_RES, "INVERS_RES"),
];

fn rop_name(rop: Ropd) -> String {
    let names: Vec<_> = ROP_BITS.iter().filter(|bit| rop.0 & bit.0 != 0).map(|bit| bit.1).collect();
    if names.is_empty() { "0".to_string() } else { names.join("|") }
}

/// The name of a number, or the number.
fn named(names: &[&str], number: u32) -> String {
    names.get(number as usize).map_or_else(|| number.to_string(), |name| name.to_string())
}

fn image_type(image: Option<&Image>) -> &'static str {
    match image.map(|image| &image.data) {
        None => "none",
        Some(ImageData::Bitmap(_)) => "BITMAP",
        Some(ImageData::Quic(_)) => "QUIC",
        Some(ImageData::Surface(_)) => "SURFACE",
    }
}

impl Summary {
    /// Reads a recording to its end and counts.
    ///
    /// # Errors
    /// Those of [`Reader::next_record`].
    pub fn collect<R: Read>(reader: &mut Reader<R>) -> Result<Self, Error> {
        let mut counter = Counter::default();
        let mut times: Option<(u64, u64)> = None;
        while let Some(record) = reader.next_record()? {
            let (first, last) = times.get_or_insert((record.time_ns, record.time_ns));
            (*first, *last) = ((*first).min(record.time_ns), (*last).max(record.time_ns));
            counter.event(&record.event);
        }
        let mut summary = counter.into_summary();
        summary.container = reader.container().name();
        summary.truncated = reader.truncated().is_some();
        summary.duration_s = times.map_or(0.0, |(first, last)| (last - first) as f64 / 1e9);
        let bytes = &mut summary.bytes;
        bytes.total = reader.offset();
        bytes.commands =
            bytes.total.saturating_sub(bytes.bitmaps + bytes.quic + bytes.surfaces + bytes.cursors);
        Ok(summary)
    }
}

/// Counts of one kind while they grow: most names are static and repeat, so no `String` is made for those.
/// Hostile recordings hold arbitrarily many names; beyond [`Tally::MOST`] they count as one.
#[derive(Default)]
struct Tally<K> {
    counts: HashMap<K, u64>,
    others: u64,
}

impl<K: std::hash::Hash + Eq> Tally<K> {
    const MOST: usize = 10_000;

    fn add(&mut self, name: K) {
        if let Some(count) = self.counts.get_mut(&name) {
            *count += 1;
        } else if self.counts.len() < Self::MOST {
            self.counts.insert(name, 1);
        } else {
            self.others += 1;
        }
    }

    fn counts(self, name: impl Fn(K) -> String) -> Counts {
        let mut counts = Counts::new();
        for (key, count) in self.counts {
            *counts.entry(name(key)).or_default() += count;
        }
        if self.others > 0 {
            counts.insert("others".to_string(), self.others);
        }
        counts
    }
}

type Name = &'static str;

fn pair((a, b): (Name, Name)) -> String {
    format!("{a} {b}")
}

#[derive(Default)]
struct Counter {
    summary: Summary,
    events: Tally<(Name, u32)>,
    operations: Tally<Name>,
    targets: Tally<(Name, Name)>,
    images: Tally<(Name, Name)>,
    formats: Tally<Name>,
    brushes: Tally<(Name, Name)>,
    rops: Tally<(Name, Name, Ropd)>,
    rop3s: Tally<u8>,
    clips: Tally<Name>,
    masks: Tally<(Name, Name, bool)>,
    composites: Tally<(u32, Name, Name, bool, bool)>,
    surfaces: Tally<Name>,
    cursors: Tally<Name>,
    shapes: Tally<(u16, u16, u16)>,
    features: Tally<Name>,
    live: HashMap<SurfaceId, SurfaceFormat>,
    most_live: usize,
}

impl Counter {
    fn event(&mut self, event: &Event) {
        self.summary.event_count += 1;
        match event {
            Event::Command(command) => self.command(command),
            Event::Worker(message) => self.message(message),
        }
    }

    fn message(&mut self, message: &WorkerMessage) {
        let (WorkerMessage::CreatePrimary { number, .. }
        | WorkerMessage::DestroyPrimary { number }
        | WorkerMessage::DestroySurfaces { number }
        | WorkerMessage::Other { number }) = message;
        self.events.add(("worker", *number));
        if let WorkerMessage::CreatePrimary { surface, .. } = message {
            self.summary.bytes.surfaces += surface.data.len() as u64;
            let name =
                format!("{}x{} {}", surface.width, surface.height, surface_format_name(surface.format));
            // Hostile recordings may name very many.
            let resolutions = &mut self.summary.resolutions;
            if resolutions.len() < 1000 && !resolutions.contains(&name) {
                resolutions.push(name);
            }
        }
        if let WorkerMessage::DestroySurfaces { .. } = message {
            self.live.clear();
        }
    }

    fn command(&mut self, command: &Command) {
        let name = match command {
            Command::Nop => "NOP",
            Command::Drawable(_) => "DRAW",
            Command::Update(_) => "UPDATE",
            Command::Cursor(_) => "CURSOR",
            Command::Message(_) => "MESSAGE",
            Command::Surface(_) => "SURFACE",
        };
        self.events.add((name, 0));
        match command {
            Command::Drawable(drawable) => self.drawable(drawable),
            Command::Cursor(cursor) => self.cursor(cursor),
            Command::Surface(SurfaceCmd::Create(create)) => {
                self.surfaces.add(surface_format_name(create.format));
                if let Some(data) = &create.data {
                    self.features.add("surface KEEP_DATA");
                    self.summary.bytes.surfaces += data.len() as u64;
                }
                if self.live.len() < 1 << 16 {
                    self.live.insert(create.surface_id, create.format);
                }
                self.most_live = self.most_live.max(self.live.len());
            }
            Command::Surface(SurfaceCmd::Destroy { surface_id, .. }) => {
                self.live.remove(surface_id);
            }
            Command::Nop | Command::Update(_) | Command::Message(_) => {}
        }
    }

    fn cursor(&mut self, cursor: &CursorCmd) {
        self.cursors.add(match cursor {
            CursorCmd::Set { .. } => "SET",
            CursorCmd::Move { .. } => "MOVE",
            CursorCmd::Hide => "HIDE",
            CursorCmd::Trail { .. } => "TRAIL",
        });
        if let CursorCmd::Set { shape: Some(shape), .. } = cursor {
            self.summary.bytes.cursors += shape.data.len() as u64;
            self.shapes.add((shape.kind, shape.width, shape.height));
        }
    }

    fn drawable(&mut self, drawable: &Drawable) {
        let op = drawable.op.kind().name();
        self.operations.add(op);
        let target = match (drawable.surface_id, self.live.get(&drawable.surface_id)) {
            (0, _) => "primary",
            (_, Some(format)) => surface_format_name(*format),
            (_, None) => "missing",
        };
        self.targets.add((op, target));
        self.clips.add(match &drawable.clip {
            Clip::None => "NONE",
            Clip::Rects(rects) => match rects.len() {
                0 => "RECTS 0",
                1 => "RECTS 1",
                2..=4 => "RECTS 2-4",
                5..=20 => "RECTS 5-20",
                _ => "RECTS 21+",
            },
        });
        if drawable.self_bitmap.is_some() {
            self.features.add("self_bitmap");
        }
        if let Some(mask) = drawable.op.qmask() {
            self.qmask(op, mask);
        }
        let mut src_area = None;
        match &drawable.op {
            Op::Nop | Op::CopyBits { .. } => {}
            Op::Blackness { .. } | Op::Whiteness { .. } | Op::Invers { .. } => {}
            Op::Fill { brush, rop, .. } => {
                self.brush(op, brush);
                self.rops.add((op, "", *rop));
            }
            Op::Opaque { src_area: area, brush, rop, .. } => {
                self.brush(op, brush);
                self.rops.add((op, "", *rop));
                src_area = Some(area);
            }
            Op::Copy { src_area: area, rop, .. } | Op::Blend { src_area: area, rop, .. } => {
                self.rops.add((op, "", *rop));
                src_area = Some(area);
            }
            Op::Rop3 { src_area: area, brush, rop3, .. } => {
                self.brush(op, brush);
                self.rop3s.add(*rop3);
                src_area = Some(area);
            }
            Op::Stroke { attr, brush, fore_mode, .. } => {
                self.brush(op, brush);
                self.rops.add((op, "fore ", *fore_mode));
                if !attr.style.is_empty() {
                    self.features.add("dashed stroke");
                }
            }
            Op::Text { str, fore_brush, back_brush, fore_mode, back_mode, .. } => {
                self.brush("TEXT fore", fore_brush);
                self.brush("TEXT back", back_brush);
                self.rops.add((op, "fore ", *fore_mode));
                self.rops.add((op, "back ", *back_mode));
                self.features.add(match str.depth() {
                    Some(1) => "text A1",
                    Some(4) => "text A4",
                    Some(_) => "text A8",
                    None => "text without raster",
                });
            }
            Op::Transparent { src_area: area, .. } | Op::AlphaBlend { src_area: area, .. } => {
                src_area = Some(area)
            }
            Op::Composite(c) => {
                let src = image_type(c.src.as_ref());
                let mask = image_type(c.mask.as_ref());
                let transform = c.src_transform.is_some() || c.mask_transform.is_some();
                let ca = c.flags & crate::qxl::Composite::<Image>::COMPONENT_ALPHA != 0;
                self.composites.add((c.operator().into(), src, mask, transform, ca));
                self.image(op, c.mask.as_ref());
            }
        }
        self.image(op, drawable.op.src());
        if let Some(area) = src_area
            && (area.width() != drawable.bbox.width() || area.height() != drawable.bbox.height())
        {
            self.features.add("scaled source");
        }
    }

    fn qmask(&mut self, op: Name, mask: &QMask) {
        self.masks.add((op, image_type(mask.image.as_deref()), mask.flags & QMask::<Image>::INVERS != 0));
        self.image(op, mask.image.as_deref());
    }

    fn brush(&mut self, op: Name, brush: &Brush) {
        self.brushes.add((
            op,
            match brush {
                Brush::None => "NONE",
                Brush::Solid(_) => "SOLID",
                Brush::Pattern { .. } => "PATTERN",
            },
        ));
        if let Brush::Pattern { image, .. } = brush {
            self.image(op, image.as_deref());
        }
    }

    fn image(&mut self, op: Name, image: Option<&Image>) {
        let Some(image) = image else { return };
        self.images.add((op, image_type(Some(image))));
        match &image.data {
            ImageData::Bitmap(bitmap) => {
                self.formats.add(bitmap.format.name());
                self.summary.bytes.bitmaps += bitmap.data.len() as u64;
                if bitmap.palette.is_some() {
                    self.features.add("palette");
                }
                if !bitmap.top_down() {
                    self.features.add("bottom-up bitmap");
                }
            }
            ImageData::Quic(data) => self.summary.bytes.quic += data.len() as u64,
            // Its flags are the guest's uninitialised memory.
            ImageData::Surface(_) => return,
        }
        if image.flags & Image::CACHE != 0 {
            self.features.add("image CACHE_ME");
        }
        if image.flags & Image::HIGH_BITS_SET != 0 {
            self.features.add("image HIGH_BITS_SET");
        }
    }

    fn into_summary(self) -> Summary {
        let mut summary = self.summary;
        summary.events = self.events.counts(|(kind, number)| match kind {
            "worker" => format!("worker {}", named(&MESSAGES, number)),
            _ => kind.to_string(),
        });
        summary.operations = self.operations.counts(str::to_string);
        summary.targets = self.targets.counts(pair);
        summary.image_types = self.images.counts(pair);
        summary.bitmap_formats = self.formats.counts(str::to_string);
        summary.brushes = self.brushes.counts(pair);
        summary.rops = self.rops.counts(|(op, which, rop)| format!("{op} {which}{}", rop_name(rop)));
        summary.rops.extend(self.rop3s.counts(|code| format!("ROP3 0x{code:02x}")));
        summary.clips = self.clips.counts(str::to_string);
        summary.masks = self
            .masks
            .counts(|(op, kind, invers)| format!("{op} {kind}{}", if invers { " INVERS" } else { "" }));
        summary.composites = self.composites.counts(|(operator, src, mask, transform, ca)| {
            let transform = if transform { " transform" } else { "" };
            let ca = if ca { " component alpha" } else { "" };
            format!("{} src {src} mask {mask}{transform}{ca}", named(&OPERATORS, operator))
        });
        summary.surface_formats = self.surfaces.counts(str::to_string);
        summary.cursors = self.cursors.counts(str::to_string);
        summary.cursors.extend(self.shapes.counts(|(kind, width, height)| {
            format!("{} {width}x{height}", named(&CURSOR_TYPES, kind.into()))
        }));
        summary.features = self.features.counts(str::to_string);
        if self.most_live > 0 {
            summary.features.insert("off-screen surfaces alive at once".to_string(), self.most_live as u64);
        }
        summary
    }
}

/// Rows of a table that are printed; JSON has all.
const ROWS: usize = 40;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "events       {}", self.event_count)?;
        writeln!(f, "duration     {:.3} s", self.duration_s)?;
        writeln!(f, "resolution   {}", self.resolutions.join(", "))?;
        writeln!(f, "container    {}", self.container)?;
        if self.truncated {
            writeln!(f, "truncated    yes")?;
        }
        let b = &self.bytes;
        let rows = [
            ("total", b.total),
            ("bitmaps", b.bitmaps),
            ("quic", b.quic),
            ("surfaces", b.surfaces),
            ("cursors", b.cursors),
            ("commands", b.commands),
        ];
        writeln!(f, "\nbytes")?;
        for (name, count) in rows {
            writeln!(f, "  {count:>12}  {name}")?;
        }
        let tables = [
            ("events", &self.events),
            ("operations", &self.operations),
            ("targets", &self.targets),
            ("image types", &self.image_types),
            ("bitmap formats", &self.bitmap_formats),
            ("brushes", &self.brushes),
            ("rops", &self.rops),
            ("clips", &self.clips),
            ("masks", &self.masks),
            ("composites", &self.composites),
            ("surface formats", &self.surface_formats),
            ("cursors", &self.cursors),
            ("features", &self.features),
        ];
        for (title, counts) in tables {
            if counts.is_empty() {
                continue;
            }
            writeln!(f, "\n{title}")?;
            let mut rows: Vec<_> = counts.iter().collect();
            rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            for (name, count) in rows.iter().take(ROWS) {
                writeln!(f, "  {count:>12}  {name}")?;
            }
            if rows.len() > ROWS {
                writeln!(f, "  and {} more", rows.len() - ROWS)?;
            }
        }
        Ok(())
    }
}
