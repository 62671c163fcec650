//! Recording to events.

use super::container::{self, Container};
use super::error::{Error, ErrorKind, Excerpt};
use super::input::blobs::Room;
use super::input::{Fail, Input, Res};
use super::limits::Limits;
use super::storage::{RecordingFile, Watched};
use crate::qxl::{
    Command, CursorCmd, CursorShape, Event, Point, PrimaryCreate, SurfaceCmd, SurfaceCreate, SurfaceFormat,
    UpdateCmd, WorkerMessage, surface_format_from_number,
};
use bytes::Bytes;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

/// An event of a recording, with its place and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Byte of the decompressed recording at which the event begins.
    pub offset: u64,
    /// The counter that the recorder gave it; recorders count from 0 without gaps.
    pub number: u64,
    /// When it happened, in nanoseconds of the recorder's monotonic clock.
    pub time_ns: u64,
    /// What happened.
    pub event: Event,
}

/// A recording ended in the middle of an event: its recorder was killed, or the file was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// Byte of the decompressed recording at which the incomplete event begins.
    pub offset: u64,
    /// Its number, if that much of it is there.
    pub event: Option<u64>,
    /// The compressed file around the recording broke off too.
    pub container: bool,
}

/// Reads the events of a recording (`SPICE_REPLAY 1`) one after the other, each owned, none kept.
///
/// Memory is bounded by the [`Limits`] and the largest event, however long the recording. A recording that breaks
/// off within an event ends before that event; [`Reader::truncated`] tells.
///
/// ```
/// let text = b"SPICE_REPLAY 1\nevent 0 1 2 1000\nevent 1 1 21 2000\nevent 2 0 1 30";
/// let mut reader = spice_render::capture::Reader::new(&text[..])?;
/// let mut numbers = Vec::new();
/// while let Some(record) = reader.next_record()? {
///     numbers.push(record.number);
/// }
/// assert_eq!(numbers, [0, 1]);
/// assert_eq!(reader.truncated().unwrap().offset, 50);
/// # Ok::<(), spice_render::capture::Error>(())
/// ```
pub struct Reader<R> {
    input: Input<R>,
    container: Container,
    /// The recording is over, well or not.
    done: bool,
    truncated: Option<Truncation>,
}

impl<'a> Reader<Box<dyn Read + Send + 'a>> {
    /// Reads a recording out of a file, from its beginning, as [`Reader::sniffed`] does. Of one that is not compressed
    /// bitmaps can stay in the file ([`Reader::discard_unused`]).
    ///
    /// # Errors
    /// Those of [`Reader::with_limits`].
    pub fn from_file(file: File, limits: Limits) -> Result<Self, Error> {
        let file = Arc::new(file);
        Self::over(file.clone(), &file, limits)
    }

    /// As [`Reader::from_file`], and calls `moved` after each read with the place in the file up to which all was
    /// read, or passed over where bitmaps stay in the file.
    ///
    /// # Errors
    /// Those of [`Reader::with_limits`].
    pub fn from_file_watched(
        file: File,
        limits: Limits,
        moved: impl FnMut(u64) + Send + 'a,
    ) -> Result<Self, Error> {
        let file = Arc::new(file);
        Self::over(Watched { file: file.clone(), moved }, &file, limits)
    }

    /// Of `inner`, which reads this file by its cursor.
    fn over(inner: impl Read + Send + 'a, file: &Arc<File>, limits: Limits) -> Result<Self, Error> {
        let storage = RecordingFile::new(file);
        let mut reader = Self::sniffed(inner, limits)?;
        if reader.container == Container::Plain {
            reader.input.storage = storage.map(Arc::new);
        }
        Ok(reader)
    }

    /// Reads a recording that may be compressed; the first bytes tell how ([`Container`]).
    ///
    /// # Errors
    /// Those of [`Reader::with_limits`].
    pub fn sniffed(inner: impl Read + Send + 'a, limits: Limits) -> Result<Self, Error> {
        let (container, inner) = container::open(inner, &limits).map_err(|e| Error {
            offset: 0,
            event: None,
            field: "recording",
            kind: ErrorKind::Io(e),
        })?;
        let mut reader = Reader::with_limits(inner, limits)?;
        reader.container = container;
        Ok(reader)
    }
}

impl<R: Read> Reader<R> {
    /// Reads an uncompressed recording with the default limits.
    ///
    /// # Errors
    /// Those of [`Reader::with_limits`].
    pub fn new(inner: R) -> Result<Self, Error> {
        Self::with_limits(inner, Limits::default())
    }

    /// Reads an uncompressed recording. `inner` needs no buffering.
    ///
    /// # Errors
    /// If `inner` cannot be read, or does not begin with `SPICE_REPLAY 1` and a line end.
    pub fn with_limits(inner: R, limits: Limits) -> Result<Self, Error> {
        let mut reader = Self {
            input: Input::new(inner, limits),
            container: Container::Plain,
            done: false,
            truncated: None,
        };
        match reader.header() {
            Ok(()) => Ok(reader),
            Err(Fail::Bad(e)) => Err(*e),
            Err(Fail::End) => Err(reader.no_header()),
        }
    }

    /// What the recording is compressed with, where [`Reader::sniffed`] made the reader.
    pub fn container(&self) -> Container {
        self.container
    }

    /// Reads no more than a renderer needs, which saves it megabytes. Bytes that no pixel depends on, the data of a
    /// primary surface that is not to keep them ([`SurfaceCreate::KEEP_DATA`]), come out empty. Of a file
    /// ([`Reader::from_file`]) large bitmaps are left where they are ([`BitmapData::Stored`](crate::qxl::BitmapData)):
    /// most are covered by later ones before anybody sees them. The file must stay as it is until they are drawn;
    /// [`Reader::unread`] tells whether it did.
    pub fn discard_unused(&mut self) {
        self.input.discard_unused = true;
    }

    /// Why a bitmap that was left in the file could not be read when somebody drew with it: then pixels are missing.
    pub fn unread(&self) -> Option<Error> {
        let (offset, error) = self.input.storage.as_ref()?.failed()?;
        Some(Error { offset, event: None, field: "bitmap.data", kind: ErrorKind::Io(error) })
    }

    /// Bytes of the decompressed recording read so far: where the next event begins.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// Whether the recording ended in the middle of an event. Known once [`Reader::next_record`] gave `None`.
    pub fn truncated(&self) -> Option<Truncation> {
        self.truncated
    }

    /// The next event; `None` at the end of the recording, and after an error.
    ///
    /// # Errors
    /// If the recording is wrong, beyond the limits, or cannot be read. Nothing can be read after that.
    pub fn next_record(&mut self) -> Result<Option<Record>, Error> {
        if self.done {
            return Ok(None);
        }
        let start = self.input.offset();
        // Until the event's own number is read, the next in order stands for it in errors.
        let previous = self.input.event;
        self.input.event = Some(previous.map_or(0, |n| n.wrapping_add(1)));
        match self.record() {
            Ok(Some(record)) => Ok(Some(record)),
            Ok(None) => {
                self.done = true;
                if self.input.cut() {
                    self.truncated = Some(Truncation { offset: start, event: None, container: true });
                }
                Ok(None)
            }
            Err(Fail::End) => {
                self.done = true;
                let event = self.input.event;
                self.truncated = Some(Truncation { offset: start, event, container: self.input.cut() });
                Ok(None)
            }
            Err(Fail::Bad(e)) => {
                self.done = true;
                Err(*e)
            }
        }
    }

    fn header(&mut self) -> Res<()> {
        let input = &mut self.input;
        const FIELD: &str = "SPICE_REPLAY ";
        if !input.looking_at(FIELD)? {
            return Err(Fail::End);
        }
        let offset = input.offset();
        input.word(FIELD)?;
        let version = input.number_u64("SPICE_REPLAY")?;
        if version != 1 {
            return input.bad_at(offset, "SPICE_REPLAY", ErrorKind::Version { version });
        }
        input.eol("SPICE_REPLAY")
    }

    /// Too little or something else where the header should be.
    fn no_header(&self) -> Error {
        let found = Excerpt::new(self.input.rest());
        Error { offset: 0, event: None, field: "SPICE_REPLAY", kind: ErrorKind::Header { found } }
    }

    fn record(&mut self) -> Res<Option<Record>> {
        let input = &mut self.input;
        if input.at_end()? {
            return Ok(None);
        }
        let offset = input.offset();
        input.word("event ")?;
        let number = input.number_u64("event counter")?;
        input.event = Some(number);
        input.space("event")?;
        let at = input.offset();
        let what = input.number("event kind", i64::from(i32::MIN), i64::from(i32::MAX))?;
        input.space("event")?;
        let kind = input.number_u32("event type")?;
        input.space("event")?;
        let time_ns = input.number_u64("event time")?;
        input.eol("event")?;
        let event = match what {
            0 => Event::Command(input.command(at, kind)?),
            1 => Event::Worker(input.worker(kind)?),
            _ => return input.unknown(at, "event kind", what),
        };
        Ok(Some(Record { offset, number, time_ns, event }))
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_record().transpose()
    }
}

impl<R: Read> std::iter::FusedIterator for Reader<R> {}

impl<R> std::fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("container", &self.container).finish_non_exhaustive()
    }
}

/// `QXL_CMD_*`.
pub(super) mod cmd {
    pub(crate) const NOP: u32 = 0;
    pub(crate) const DRAW: u32 = 1;
    pub(crate) const UPDATE: u32 = 2;
    pub(crate) const CURSOR: u32 = 3;
    pub(crate) const MESSAGE: u32 = 4;
    pub(crate) const SURFACE: u32 = 5;
}

impl<R: Read> Input<R> {
    fn command(&mut self, at: u64, kind: u32) -> Res<Command> {
        Ok(match kind {
            cmd::NOP => Command::Nop,
            cmd::DRAW => Command::Drawable(Arc::new(self.drawable()?)),
            cmd::UPDATE => Command::Update(self.update()?),
            cmd::CURSOR => Command::Cursor(self.cursor()?),
            cmd::MESSAGE => {
                let mut text = Vec::new();
                self.blob("message", &mut text, Room::Any)?;
                Command::Message(text.into())
            }
            cmd::SURFACE => Command::Surface(self.surface()?),
            _ => return self.unknown(at, "event type", kind),
        })
    }

    fn worker(&mut self, number: u32) -> Res<WorkerMessage> {
        Ok(match number {
            20 | 29 => WorkerMessage::CreatePrimary { number, surface: self.primary()? },
            21 | 30 => WorkerMessage::DestroyPrimary { number },
            19 | 28 => WorkerMessage::DestroySurfaces { number },
            _ => WorkerMessage::Other { number },
        })
    }

    fn primary(&mut self) -> Res<PrimaryCreate> {
        let at = self.offset();
        self.need_line()?;
        let width = self.number_u32("primary width")?;
        self.space("primary")?;
        let height = self.number_u32("primary height")?;
        self.space("primary")?;
        let stride = self.number_i32("primary stride")?;
        self.space("primary")?;
        let format = self.number_u32("primary format")?;
        self.eol("primary")?;
        let format = self.surface_format(at, "primary format", format)?;
        self.need_line()?;
        let position = self.number_u32("primary position")?;
        self.space("primary")?;
        let mouse_mode = self.number_u32("primary mouse_mode")?;
        self.space("primary")?;
        let flags = self.number_u32("primary flags")?;
        self.space("primary")?;
        let kind = self.number_u32("primary type")?;
        self.eol("primary")?;
        let at = self.offset();
        let mut data = Vec::new();
        let unused = flags & SurfaceCreate::KEEP_DATA == 0;
        let room = if self.discard_unused && unused { Room::Discard } else { Room::Any };
        let size = self.blob("data", &mut data, room)?;
        // The recorder leaves it empty where the device had no memory for it.
        if size != 0 {
            self.expect_size(at, "data", size, stride, height)?;
        }
        Ok(PrimaryCreate {
            width,
            height,
            stride,
            format,
            position,
            mouse_mode,
            flags,
            kind,
            data: data.into(),
        })
    }

    fn expect_size(&self, at: u64, field: &'static str, len: usize, stride: i32, height: u32) -> Res<()> {
        let expected = u64::from(stride.unsigned_abs()) * u64::from(height);
        if len as u64 != expected {
            return self.bad_at(at, field, ErrorKind::Size { found: len as u64, expected });
        }
        Ok(())
    }

    fn surface_format(&self, at: u64, field: &'static str, number: u32) -> Res<SurfaceFormat> {
        match surface_format_from_number(number) {
            Some(format) => Ok(format),
            None => self.unknown(at, field, number),
        }
    }

    fn update(&mut self) -> Res<UpdateCmd> {
        self.title("update")?;
        Ok(UpdateCmd {
            area: self.rect("rect area ")?,
            update_id: self.u32("update_id")?,
            surface_id: self.u32("surface_id")?,
        })
    }

    fn surface(&mut self) -> Res<SurfaceCmd> {
        self.title("surface_cmd")?;
        let surface_id = self.u32("surface_id")?;
        let at = self.offset();
        let kind = self.u8("type")?;
        let flags = self.u32("flags")?;
        match kind {
            0 => {
                let at = self.offset();
                let format = self.u32("u.surface_create.format")?;
                let format = self.surface_format(at, "u.surface_create.format", format)?;
                let width = self.u32("u.surface_create.width")?;
                let height = self.u32("u.surface_create.height")?;
                let stride = self.i32("u.surface_create.stride")?;
                let data = if flags & SurfaceCreate::KEEP_DATA != 0 {
                    let at = self.offset();
                    let mut data = Vec::new();
                    self.blob("data", &mut data, Room::Any)?;
                    self.expect_size(at, "data", data.len(), stride, height)?;
                    Some(Bytes::from(data))
                } else {
                    None
                };
                Ok(SurfaceCmd::Create(SurfaceCreate {
                    surface_id,
                    flags,
                    format,
                    width,
                    height,
                    stride,
                    data,
                }))
            }
            1 => Ok(SurfaceCmd::Destroy { surface_id, flags }),
            _ => self.unknown(at, "type", kind),
        }
    }

    fn cursor(&mut self) -> Res<CursorCmd> {
        self.title("cursor_cmd")?;
        let at = self.offset();
        Ok(match self.u8("type")? {
            0 => CursorCmd::Set {
                position: self.point16("point16")?,
                visible: self.flag("u.set.visible")?,
                shape: Some(Arc::new(self.cursor_shape()?)),
            },
            1 => CursorCmd::Move { position: self.point16("point16")? },
            2 => CursorCmd::Hide,
            3 => CursorCmd::Trail {
                length: self.u16("u.trail.length")?,
                frequency: self.u16("u.trail.frequency")?,
            },
            kind => return self.unknown(at, "type", kind),
        })
    }

    fn cursor_shape(&mut self) -> Res<CursorShape> {
        let unique = self.u64("header.unique")?;
        let kind = self.u16("header.type")?;
        let width = self.u16("header.width")?;
        let height = self.u16("header.height")?;
        let hot_spot_x = self.u16("header.hot_spot_x")?;
        let hot_spot_y = self.u16("header.hot_spot_y")?;
        // What the guest said; the chunks say what it really gave.
        self.u32("data_size")?;
        let data = self.chunks("cursor")?.into();
        Ok(CursorShape { unique, kind, width, height, hot_spot_x, hot_spot_y, data })
    }

    /// A point of 16-bit coordinates: `field X Y`.
    pub(super) fn point16(&mut self, field: &'static str) -> Res<Point> {
        self.word(field)?;
        self.space(field)?;
        let x = self.number(field, i64::from(i16::MIN), i64::from(i16::MAX))? as i32;
        self.space(field)?;
        let y = self.number(field, i64::from(i16::MIN), i64::from(i16::MAX))? as i32;
        self.eol(field)?;
        Ok(Point { x, y })
    }
}
