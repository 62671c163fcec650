//! From display messages back to commands: what a device would have to draw for the same pictures.

use crate::capture;
use crate::qxl::{
    self, Clip, Command, CursorCmd, CursorShape, Drawable, Event, Op, PrimaryCreate, QMask, Rect, Ropd,
    ScaleMode, SurfaceCmd, SurfaceCreate, SurfaceDep, SurfaceDeps, SurfaceFormat, SurfaceId, WorkerMessage,
};
use crate::viewer::images::{ImageDecoder, ImageError, ImageLimits, ImageRules};
use crate::wire::{CursorImage, CursorMessage, Draw, ServerMessage, StreamCreate, SurfaceCreated};
use bytes::Bytes;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A display message that cannot be turned into commands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TranslateError {
    /// An image cannot be had.
    Image(ImageError),
    /// A video codec that is not known here.
    Codec {
        /// `SPICE_VIDEO_CODEC_TYPE_*`.
        number: u8,
    },
    /// A frame of a video stream that does not exist.
    NoStream {
        /// Its number.
        id: u32,
    },
    /// The server wants its display shown in another way: MIGRATE, GL_SCANOUT.
    Unsupported(&'static str),
}

impl fmt::Display for TranslateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(e) => e.fmt(f),
            Self::Codec { number } => write!(f, "video codec {number} was not announced"),
            Self::NoStream { id } => write!(f, "stream {id} does not exist"),
            Self::Unsupported(message) => write!(f, "{message} is not supported"),
        }
    }
}

impl std::error::Error for TranslateError {}

impl From<ImageError> for TranslateError {
    fn from(e: ImageError) -> Self {
        Self::Image(e)
    }
}

/// Turns display and cursor messages into events. Images are decoded to bitmaps; cached images, palettes and cursor
/// shapes are put in where they are used, so that no event needs another to be understood.
///
/// Frames of motion JPEG become copies, scaled to their place.
#[derive(Debug)]
pub struct Translator {
    images: ImageDecoder,
    streams: HashMap<u32, Box<StreamCreate>>,
    shapes: HashMap<u64, Arc<CursorShape>>,
}

/// `SPICE_MAX_NUM_STREAMS`.
const STREAMS: u32 = 64;
/// Cursor shapes kept. (A client keeps all; a server counts on less.)
const SHAPES: usize = 1024;
/// `SPICE_VIDEO_CODEC_TYPE_MJPEG`.
const MJPEG: u8 = 1;

impl Translator {
    /// `window` is the GLZ window that DISPLAY_INIT announced, in pixels. Decoded images take at most what recordings
    /// may hold; those kept 512 MiB.
    pub fn new(window: u32) -> Self {
        let image_bytes = capture::Limits::default().max_blob_bytes;
        Self {
            images: ImageDecoder::new(
                ImageRules::of_any_server(),
                // Servers count on 128 palettes.
                ImageLimits { image_cache: 128 << 20, palettes: 1024, glz_window: window, image_bytes },
            ),
            streams: HashMap::new(),
            shapes: HashMap::new(),
        }
    }

    /// Gives `sink` what a display message amounts to: mostly one event, or none.
    ///
    /// # Errors
    /// If an image of the message cannot be had. The message drew nothing then; others may still be right.
    pub fn display(
        &mut self,
        message: &ServerMessage,
        mut sink: impl FnMut(Event),
    ) -> Result<(), TranslateError> {
        match message {
            ServerMessage::Draw(draw) => {
                let drawable = self.draw(draw)?;
                sink(Event::Command(Command::Drawable(Arc::new(drawable))));
            }
            ServerMessage::SurfaceCreate(m) => sink(create(m)),
            ServerMessage::SurfaceDestroy { surface_id: 0 } => {
                sink(Event::Worker(WorkerMessage::DestroyPrimary { number: 21 }));
            }
            ServerMessage::SurfaceDestroy { surface_id } => {
                let surface_id = *surface_id;
                sink(Event::Command(Command::Surface(SurfaceCmd::Destroy { surface_id, flags: 0 })));
            }
            ServerMessage::Mode(m) => {
                let format = if m.bits == 16 { SurfaceFormat::X1R5G5B5 } else { SurfaceFormat::X8R8G8B8 };
                let (width, height, flags) = (m.x_res, m.y_res, SurfaceCreated::PRIMARY);
                sink(create(&SurfaceCreated { surface_id: 0, width, height, format, flags }));
            }
            ServerMessage::Reset => {
                self.images.forget_all();
                self.images.forget_palettes();
                self.streams.clear();
                sink(Event::Worker(WorkerMessage::DestroySurfaces { number: 19 }));
            }
            ServerMessage::InvalList(list) => {
                self.images.forget(list);
            }
            ServerMessage::InvalAllPixmaps(_) => self.images.forget_all(),
            ServerMessage::InvalPalette { id } => self.images.forget_palette(*id),
            ServerMessage::InvalAllPalettes => self.images.forget_palettes(),
            ServerMessage::StreamCreate(stream) => {
                if stream.codec_type != MJPEG {
                    return Err(TranslateError::Codec { number: stream.codec_type });
                }
                if stream.id >= STREAMS {
                    return Err(TranslateError::NoStream { id: stream.id });
                }
                self.streams.insert(stream.id, stream.clone());
            }
            ServerMessage::StreamClip { id, clip } => {
                let stream = self.streams.get_mut(id).ok_or(TranslateError::NoStream { id: *id })?;
                stream.clip = clip.clone();
            }
            ServerMessage::StreamData { id, data, multi_media_time } => {
                sink(self.frame(*id, None, data, *multi_media_time)?);
            }
            ServerMessage::StreamDataSized { id, width, height, dest, data, multi_media_time } => {
                sink(self.frame(*id, Some((*width, *height, *dest)), data, *multi_media_time)?);
            }
            ServerMessage::StreamDestroy { id } => {
                self.streams.remove(id);
            }
            ServerMessage::StreamDestroyAll => self.streams.clear(),
            ServerMessage::GlScanoutUnix(_) | ServerMessage::GlDraw(_) => {
                return Err(TranslateError::Unsupported("GL_SCANOUT"));
            }
            ServerMessage::Migrate { .. } => return Err(TranslateError::Unsupported("MIGRATE")),
            _ => {}
        }
        Ok(())
    }

    /// The command that a cursor message amounts to, if any.
    pub fn cursor(&mut self, message: &CursorMessage) -> Option<CursorCmd> {
        match message {
            CursorMessage::Init { position, visible, cursor, .. }
            | CursorMessage::Set { position, visible, cursor } => {
                if matches!(message, CursorMessage::Init { .. }) {
                    self.shapes.clear();
                }
                let shape = match cursor {
                    // A command must have a shape: no shape is nothing to see.
                    CursorImage::None => return Some(CursorCmd::Hide),
                    CursorImage::Cached(id) => self.shapes.get(id)?.clone(),
                    CursorImage::Shape { shape, cache } => {
                        if *cache && self.shapes.len() < SHAPES {
                            self.shapes.insert(shape.unique, shape.clone());
                        }
                        shape.clone()
                    }
                };
                Some(CursorCmd::Set { position: *position, visible: *visible, shape: Some(shape) })
            }
            CursorMessage::Move { position } => Some(CursorCmd::Move { position: *position }),
            CursorMessage::Hide => Some(CursorCmd::Hide),
            CursorMessage::Reset => {
                self.shapes.clear();
                Some(CursorCmd::Hide)
            }
            CursorMessage::Trail { length, frequency } => {
                Some(CursorCmd::Trail { length: *length, frequency: *frequency })
            }
            CursorMessage::InvalOne { id } => {
                self.shapes.remove(id);
                None
            }
            CursorMessage::InvalAll => {
                self.shapes.clear();
                None
            }
        }
    }

    fn frame(
        &mut self,
        id: u32,
        sized: Option<(u32, u32, Rect)>,
        data: &Bytes,
        mm_time: u32,
    ) -> Result<Event, TranslateError> {
        let stream = self.streams.get(&id).ok_or(TranslateError::NoStream { id })?;
        let (width, height, bbox) = sized.unwrap_or((stream.src_width, stream.src_height, stream.dest));
        let image = self.images.jpeg_frame(data, stream.flags & 1 != 0)?;
        let (width, height) = (width.min(image.width), height.min(image.height));
        let op = Op::Copy {
            src: Some(image),
            src_area: Rect::new(0, 0, width as i32, height as i32),
            rop: Ropd::PUT,
            scale_mode: ScaleMode::NEAREST,
            mask: QMask::default(),
        };
        Ok(Event::Command(Command::Drawable(Arc::new(drawable(
            stream.surface_id,
            mm_time,
            bbox,
            &stream.clip,
            op,
        )))))
    }

    fn draw(&mut self, draw: &Draw) -> Result<Drawable, TranslateError> {
        let op = draw.op.map_images(|_, image| image.map(|image| self.images.decode(image)).transpose())?;
        Ok(drawable(draw.surface_id, 0, draw.bbox, &draw.clip, op))
    }
}

fn drawable(surface_id: SurfaceId, mm_time: u32, bbox: Rect, clip: &Clip, op: Op) -> Drawable {
    let surface_deps = declared(&op);
    // Effect 0: it depends on what lies below, which is true of anything.
    Drawable { surface_id, effect: 0, mm_time, bbox, clip: clip.clone(), self_bitmap: None, surface_deps, op }
}

/// The surfaces that an operation reads: libspice's replay wants to be told.
fn declared(op: &Op) -> SurfaceDeps {
    let mut read = op.images().into_iter().flatten().filter_map(|image| match image.data {
        qxl::ImageData::Surface(surface_id) => {
            let side = |v: u32| i32::try_from(v).unwrap_or(i32::MAX);
            Some(SurfaceDep { surface_id, rect: Rect::new(0, 0, side(image.width), side(image.height)) })
        }
        _ => None,
    });
    // No operation has more than three images.
    SurfaceDeps::new([(); 3].map(|_| read.next()))
}

fn create(m: &SurfaceCreated) -> Event {
    let SurfaceCreated { surface_id, width, height, format, .. } = *m;
    let primary = PrimaryCreate { mouse_mode: 1, ..PrimaryCreate::new(width, height, format) };
    if surface_id == 0 {
        return Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface: primary });
    }
    let stride = primary.stride;
    let create = SurfaceCreate { surface_id, flags: 0, format, width, height, stride, data: None };
    Event::Command(Command::Surface(SurfaceCmd::Create(create)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qxl::{Brush, Point};
    use crate::wire;

    fn surface(id: u32) -> wire::Image {
        wire::Image { id: 9, flags: 0, width: 4, height: 5, data: wire::ImageData::Surface(id) }
    }

    #[test]
    fn a_command_declares_the_surfaces_that_it_reads() {
        let pattern = |id| Brush::Pattern { image: Some(surface(id).into()), pos: Point::default() };
        let mask = QMask { image: Some(surface(3).into()), ..QMask::default() };
        let rop3 = Op::Rop3 {
            src: Some(surface(1)),
            src_area: Rect::new(0, 0, 4, 5),
            brush: pattern(2),
            rop3: 0xca,
            scale_mode: ScaleMode::NEAREST,
            mask,
        };
        let fill = Op::Fill { brush: pattern(7), rop: Ropd::PUT, mask: QMask::default() };
        for (op, want) in [(rop3, &[1, 2, 3][..]), (fill, &[7])] {
            let draw = Draw { surface_id: 0, bbox: Rect::new(0, 0, 4, 5), clip: Clip::None, op };
            let drawable = Translator::new(1 << 20).draw(&draw).unwrap();
            let declared: Vec<_> =
                drawable.surface_deps.iter().map(|dep| (dep.surface_id, dep.rect)).collect();
            let want: Vec<_> = want.iter().map(|id| (*id, Rect::new(0, 0, 4, 5))).collect();
            assert_eq!(declared, want);
        }
    }
}
