//! A plain source of display messages: the screen is drawn here, and what changed goes out as images.
//!
//! Every client that is in use draws a copy of an unclipped, unscaled image of 32 bits to surface 0, so each shows the
//! right picture, whatever it lacks.

use super::source::{ClientId, Source};
use crate::client::caps::Announcement;
use crate::client::profile::Profile;
use crate::draw::{Limits, Renderer, to_rgb};
use crate::qxl::{
    BitmapFormat, Clip, Command, Event, Op, QMask, Rect, Ropd, ScaleMode, SurfaceFormat, WorkerMessage,
};
use crate::wire::{
    Bitmap, ClientMessage, Draw, Framing, Image, ImageCompression, ImageData, PaletteRef, ServerMessage,
    SurfaceCreated,
};
use bytes::Bytes;
use spice_codecs::{Codec, Encoder, Options, PixelFormat, Pixels};
use spice_raster::Raster;
use std::collections::BTreeMap;
use std::time::Duration;

/// Columns and rows of a tile.
const TILE: u32 = 64;

struct Client {
    raw: bool,
    /// The screen that it was told of: which one, columns, rows.
    shown: Option<(u64, u32, u32)>,
    /// Whether MARK is still to be sent.
    unmarked: bool,
    dirty: Vec<bool>,
}

/// See the module.
pub(super) struct Frames {
    renderer: Renderer,
    /// Which primary surface it is, counted from 1.
    screen: u64,
    /// Counts what changes pixels.
    version: u64,
    /// The screen as R, G, B bytes: of which version, columns, rows.
    picture: (u64, u32, u32, Vec<u8>),
    clients: BTreeMap<ClientId, Client>,
    next: ClientId,
    encoder: Encoder,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self {
            renderer: Renderer::new(Raster::new(), Limits::default()),
            screen: 0,
            version: 1,
            picture: (0, 0, 0, Vec::new()),
            clients: BTreeMap::new(),
            next: 0,
            encoder: Encoder::new(),
        }
    }

    /// The screen as it is now: columns and rows.
    fn look(&mut self) -> Option<(u32, u32)> {
        let surface = self.renderer.surface(0)?;
        let (width, height) = (surface.width(), surface.height());
        if self.picture.0 != self.version {
            self.picture = (self.version, width, height, to_rgb(surface.view()));
        }
        Some((width, height))
    }

    /// A rectangle of the picture as a message.
    fn image(&mut self, at: Rect, raw: bool) -> Option<Bytes> {
        let (_, width, _, rgb) = &self.picture;
        let (w, h) = (at.width(), at.height());
        let mut rows = Vec::with_capacity(w as usize * h as usize * 4);
        for y in at.top as usize..at.bottom as usize {
            let row = &rgb[y * *width as usize * 3..][at.left as usize * 3..at.right as usize * 3];
            rows.extend(row.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0], 0]));
        }
        let mut coded = Vec::new();
        let pixels = Pixels::new(PixelFormat::Rgb32, w, h, w as usize * 4, true, &rows)?;
        let options = Options { bound: rows.len(), ..Options::default() };
        let small = !raw && self.encoder.encode(&pixels, Codec::Lz, &options, &mut coded).is_ok();
        let data = if small {
            ImageData::LzRgb(coded.into())
        } else {
            ImageData::Bitmap(Bitmap {
                format: BitmapFormat::Bit32,
                flags: Bitmap::TOP_DOWN,
                width: w,
                height: h,
                stride: w * 4,
                palette: PaletteRef::None,
                data: rows.into(),
            })
        };
        let src = Some(Image { id: 0, flags: 0, width: w, height: h, data });
        let src_area = Rect::new(0, 0, w as i32, h as i32);
        let (rop, scale_mode, mask) = (Ropd::PUT, ScaleMode::INTERPOLATE, QMask::default());
        let op = Op::Copy { src, src_area, rop, scale_mode, mask };
        encode(&ServerMessage::Draw(Box::new(Draw { surface_id: 0, bbox: at, clip: Clip::None, op })))
    }
}

fn encode(message: &ServerMessage) -> Option<Bytes> {
    let mut out = Vec::new();
    message.encode(Framing::Mini, &mut out).ok()?;
    Some(out.into())
}

fn tiles(width: u32, height: u32) -> (u32, u32) {
    (width.div_ceil(TILE), height.div_ceil(TILE))
}

impl Source for Frames {
    fn submit(&mut self, event: &Event) {
        if self.renderer.event(event).is_err() {
            return;
        }
        match event {
            Event::Worker(WorkerMessage::Other { .. }) => return,
            Event::Worker(_) => self.screen += 1,
            Event::Command(Command::Drawable(d)) if d.surface_id == 0 => {
                for client in self.clients.values_mut() {
                    let Some((_, width, height)) = client.shown else { continue };
                    let (columns, _) = tiles(width, height);
                    let at = d.bbox.intersect(&Rect::new(0, 0, width as i32, height as i32));
                    if at.is_empty() {
                        continue;
                    }
                    let tile = |v: i32| v as u32 / TILE;
                    for y in tile(at.top)..=tile(at.bottom - 1) {
                        let row = (y * columns) as usize;
                        let (from, to) = (tile(at.left) as usize, tile(at.right - 1) as usize);
                        client.dirty[row + from..=row + to].fill(true);
                    }
                }
            }
            Event::Command(_) => return,
        }
        self.version += 1;
    }

    fn connect(&mut self, announcement: &Announcement, _: Option<&Profile>) -> ClientId {
        self.next += 1;
        let raw = announcement.preferred == Some(ImageCompression::Off);
        self.clients.insert(self.next, Client { raw, shown: None, unmarked: false, dirty: Vec::new() });
        self.next
    }

    fn receive(&mut self, client: ClientId, message: &ClientMessage) {
        if let (Some(client), ClientMessage::PreferredCompression(c)) =
            (self.clients.get_mut(&client), message)
        {
            client.raw = *c == ImageCompression::Off;
        }
    }

    fn poll(&mut self, id: ClientId, _: Duration, budget: usize) -> Vec<Bytes> {
        let mut out = Vec::new();
        let size = self.look();
        let screen = self.screen;
        let Some(client) = self.clients.get_mut(&id) else { return out };
        let now = size.map(|(width, height)| (screen, width, height));
        if client.shown != now {
            if client.shown.is_some() {
                out.extend(encode(&ServerMessage::SurfaceDestroy { surface_id: 0 }));
            }
            client.shown = now;
            if let Some((width, height)) = size {
                let (format, flags) = (SurfaceFormat::X8R8G8B8, SurfaceCreated::PRIMARY);
                let surface = SurfaceCreated { surface_id: 0, width, height, format, flags };
                out.extend(encode(&ServerMessage::SurfaceCreate(surface)));
                let (columns, rows) = tiles(width, height);
                client.dirty = vec![true; (columns * rows) as usize];
                client.unmarked = true;
            }
        }
        let Some((width, height)) = size else { return out };
        let (columns, raw) = (tiles(width, height).0 as usize, client.raw);
        let mut bytes = 0;
        while bytes < budget {
            let Some(client) = self.clients.get_mut(&id) else { break };
            // A run of dirty tiles in one row of them.
            let Some(first) = client.dirty.iter().position(|d| *d) else { break };
            let row = first / columns;
            let run = client.dirty[first..(row + 1) * columns].iter().take_while(|d| **d).count();
            client.dirty[first..first + run].fill(false);
            let edge = |tile: usize, most: u32| (tile as u32 * TILE).min(most) as i32;
            let (left, right) = (edge(first % columns, width), edge(first % columns + run, width));
            let at = Rect::new(left, edge(row, height), right, edge(row + 1, height));
            let Some(message) = self.image(at, raw) else { break };
            bytes += message.len();
            out.push(message);
        }
        if let Some(client) = self.clients.get_mut(&id)
            && client.unmarked
            && !client.dirty.contains(&true)
        {
            client.unmarked = false;
            out.extend(encode(&ServerMessage::Mark));
        }
        out
    }

    fn is_waiting(&self, client: ClientId) -> bool {
        self.clients.get(&client).is_some_and(|c| c.dirty.contains(&true))
    }

    fn acknowledged(&mut self, _: ClientId, _: Duration, _: u64) {}

    fn disconnect(&mut self, client: ClientId) {
        self.clients.remove(&client);
    }

    fn profile_name(&self, _: ClientId) -> String {
        "images".into()
    }
}
