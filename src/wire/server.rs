//! What a server sends on the display channel.

use super::draw::{Draw, put_clip, take_clip, take_draw};
use super::error::{DecodeError, DecodeReason, EncodeError};
use super::frame::{Framing, RawMessage, sub_messages};
use super::kind::ServerKind;
use super::plain::{
    ChannelWait, Disconnect, GlRect, GlScanout, Head, Mode, Notify, Plain, ResourceId, StreamActivateReport,
    SurfaceCreated,
};
use super::reader::Reader;
use super::sink::{Sink, Writer};
use crate::qxl::{Clip, Rect, SurfaceId};
use bytes::Bytes;

/// A video stream begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCreate {
    /// The surface that shows it.
    pub surface_id: SurfaceId,
    /// The stream's number, below 64.
    pub id: u32,
    /// Bit 0: the top row comes first.
    pub flags: u8,
    /// `SPICE_VIDEO_CODEC_TYPE_*`.
    pub codec_type: u8,
    /// Unused.
    pub stamp: u64,
    /// Columns of a frame.
    pub stream_width: u32,
    /// Rows of a frame.
    pub stream_height: u32,
    /// Columns of the frame that are shown.
    pub src_width: u32,
    /// Rows of the frame that are shown.
    pub src_height: u32,
    /// Where it is shown.
    pub dest: Rect,
    /// What of `dest` is shown.
    pub clip: Clip,
}

/// A message from server to client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// The client moves to another server. Bit 0: it must flush; bit 1: it must carry data over.
    Migrate {
        /// `SPICE_MIGRATE_*`.
        flags: u32,
    },
    /// The server's own state, for the next server.
    MigrateData(Bytes),
    /// From now on every `window` messages ask for an ACK.
    SetAck {
        /// Goes back in ACK_SYNC.
        generation: u32,
        /// Messages to an ACK.
        window: u32,
    },
    /// Asks for a PONG.
    Ping {
        /// Goes back.
        id: u32,
        /// Goes back.
        timestamp: u64,
        /// Ballast, to measure bandwidth.
        data: Bytes,
    },
    /// Other channels' messages come first.
    WaitForChannels(Vec<ChannelWait>),
    /// The server will close the channel.
    Disconnecting(Disconnect),
    /// A text for the user.
    Notify(Notify),
    /// Several messages in one.
    List(Vec<RawMessage>),
    /// The size of the screen, for clients older than surfaces.
    Mode(Mode),
    /// The picture is complete: show it.
    Mark,
    /// Forget everything.
    Reset,
    /// Images leave the cache.
    InvalList(Vec<ResourceId>),
    /// All images leave the cache, after other channels' messages.
    InvalAllPixmaps(Vec<ChannelWait>),
    /// A palette leaves the cache.
    InvalPalette {
        /// Its id.
        id: u64,
    },
    /// All palettes leave the cache.
    InvalAllPalettes,
    /// A video stream begins.
    StreamCreate(Box<StreamCreate>),
    /// A frame.
    StreamData {
        /// The stream.
        id: u32,
        /// When to show it, in milliseconds.
        multi_media_time: u32,
        /// The frame.
        data: Bytes,
    },
    /// A stream shows through other holes.
    StreamClip {
        /// The stream.
        id: u32,
        /// What of its place is shown.
        clip: Clip,
    },
    /// A stream ends.
    StreamDestroy {
        /// The stream.
        id: u32,
    },
    /// All streams end.
    StreamDestroyAll,
    /// An operation.
    Draw(Box<Draw>),
    /// A surface comes to be.
    SurfaceCreate(SurfaceCreated),
    /// A surface ends.
    SurfaceDestroy {
        /// The surface.
        surface_id: SurfaceId,
    },
    /// A frame of another size and place.
    StreamDataSized {
        /// The stream.
        id: u32,
        /// When to show it, in milliseconds.
        multi_media_time: u32,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Where it is shown.
        dest: Rect,
        /// The frame.
        data: Bytes,
    },
    /// The monitors.
    MonitorsConfig {
        /// How many there can be.
        max_allowed: u16,
        /// Those that are.
        heads: Vec<Head>,
    },
    /// Asks for reports on a stream.
    StreamActivateReport(StreamActivateReport),
    /// A GL scan-out.
    GlScanoutUnix(GlScanout),
    /// A part of the scan-out changed.
    GlDraw(GlRect),
}

impl ServerMessage {
    /// The message's type; `None` for a drawing of NOP, which is no message.
    pub const fn kind(&self) -> Option<ServerKind> {
        Some(match self {
            Self::Draw(d) => return ServerKind::of_op(d.op.kind()),
            Self::Migrate { .. } => ServerKind::Migrate,
            Self::MigrateData(_) => ServerKind::MigrateData,
            Self::SetAck { .. } => ServerKind::SetAck,
            Self::Ping { .. } => ServerKind::Ping,
            Self::WaitForChannels(_) => ServerKind::WaitForChannels,
            Self::Disconnecting(_) => ServerKind::Disconnecting,
            Self::Notify(_) => ServerKind::Notify,
            Self::List(_) => ServerKind::List,
            Self::Mode(_) => ServerKind::Mode,
            Self::Mark => ServerKind::Mark,
            Self::Reset => ServerKind::Reset,
            Self::InvalList(_) => ServerKind::InvalList,
            Self::InvalAllPixmaps(_) => ServerKind::InvalAllPixmaps,
            Self::InvalPalette { .. } => ServerKind::InvalPalette,
            Self::InvalAllPalettes => ServerKind::InvalAllPalettes,
            Self::StreamCreate(_) => ServerKind::StreamCreate,
            Self::StreamData { .. } => ServerKind::StreamData,
            Self::StreamClip { .. } => ServerKind::StreamClip,
            Self::StreamDestroy { .. } => ServerKind::StreamDestroy,
            Self::StreamDestroyAll => ServerKind::StreamDestroyAll,
            Self::SurfaceCreate(_) => ServerKind::SurfaceCreate,
            Self::SurfaceDestroy { .. } => ServerKind::SurfaceDestroy,
            Self::StreamDataSized { .. } => ServerKind::StreamDataSized,
            Self::MonitorsConfig { .. } => ServerKind::MonitorsConfig,
            Self::StreamActivateReport(_) => ServerKind::StreamActivateReport,
            Self::GlScanoutUnix(_) => ServerKind::GlScanoutUnix,
            Self::GlDraw(_) => ServerKind::GlDraw,
        })
    }

    /// Appends the message; on an error nothing is appended.
    pub fn encode(&self, framing: Framing, sink: &mut impl Sink) -> Result<(), EncodeError> {
        match (self, self.kind()) {
            (Self::Draw(d), _) => d.encode(framing, sink),
            (_, Some(kind)) => framing.message(kind as u16, kind.name(), sink, |w| self.body(w)),
            (_, None) => unreachable!("only a drawing may have no type"),
        }
    }

    fn body<S: Sink>(&self, w: &mut Writer<'_, S>) -> Result<(), EncodeError> {
        match self {
            Self::Mark | Self::Reset | Self::InvalAllPalettes | Self::StreamDestroyAll | Self::Draw(_) => {}
            Self::Migrate { flags } => w.u32(*flags),
            Self::MigrateData(data) => w.sink.put_payload(data),
            Self::SetAck { generation, window } => {
                w.u32(*generation);
                w.u32(*window);
            }
            Self::Ping { id, timestamp, data } => {
                w.u32(*id);
                w.u64(*timestamp);
                w.sink.put_payload(data);
            }
            Self::WaitForChannels(list) | Self::InvalAllPixmaps(list) => {
                let n = w.count("wait_count", list.len(), u8::MAX.into())?;
                w.u8(n);
                put_all(w, list)?;
            }
            Self::Disconnecting(m) => m.put(w)?,
            Self::Notify(m) => m.put(w)?,
            Self::List(list) => put_list(w, list)?,
            Self::Mode(m) => m.put(w)?,
            Self::InvalList(list) => {
                let n = w.count("count", list.len(), u16::MAX.into())?;
                w.u16(n);
                put_all(w, list)?;
            }
            Self::InvalPalette { id } => w.u64(*id),
            Self::StreamCreate(m) => {
                w.u32(m.surface_id);
                w.u32(m.id);
                w.u8(m.flags);
                w.u8(m.codec_type);
                w.u64(m.stamp);
                put_all(w, &[m.stream_width, m.stream_height, m.src_width, m.src_height])?;
                m.dest.put(w)?;
                put_clip(w, &m.clip)?;
            }
            Self::StreamData { id, multi_media_time, data } => {
                put_all(w, &[*id, *multi_media_time])?;
                w.sized("data_size", data)?;
            }
            Self::StreamClip { id, clip } => {
                w.u32(*id);
                put_clip(w, clip)?;
            }
            Self::StreamDestroy { id } => w.u32(*id),
            Self::SurfaceCreate(m) => m.put(w)?,
            Self::SurfaceDestroy { surface_id } => w.u32(*surface_id),
            Self::StreamDataSized { id, multi_media_time, width, height, dest, data } => {
                put_all(w, &[*id, *multi_media_time, *width, *height])?;
                dest.put(w)?;
                w.sized("data_size", data)?;
            }
            Self::MonitorsConfig { max_allowed, heads } => {
                let n = w.count("count", heads.len(), u16::MAX.into())?;
                w.u16(n);
                w.u16(*max_allowed);
                put_all(w, heads)?;
            }
            Self::StreamActivateReport(m) => m.put(w)?,
            Self::GlScanoutUnix(m) => m.put(w)?,
            Self::GlDraw(m) => m.put(w)?,
        }
        Ok(())
    }

    /// Reads a message of type `kind`.
    pub fn decode(kind: u16, body: &Bytes) -> Result<Self, DecodeError> {
        let Some(kind) = ServerKind::from_number(kind) else {
            let r = Reader::new("server message", body);
            return Err(r.error("type", 0, DecodeReason::Value(kind.into())));
        };
        let r = &mut Reader::new(kind.name(), body);
        if let Some(op) = kind.op() {
            return take_draw(*r, op).map(|d| Self::Draw(Box::new(d)));
        }
        Ok(match kind {
            ServerKind::Migrate => Self::Migrate { flags: r.u32("flags")? },
            ServerKind::MigrateData => Self::MigrateData(r.rest()),
            ServerKind::SetAck => Self::SetAck { generation: r.u32("generation")?, window: r.u32("window")? },
            ServerKind::Ping => {
                Self::Ping { id: r.u32("id")?, timestamp: r.u64("timestamp")?, data: r.rest() }
            }
            ServerKind::WaitForChannels => Self::WaitForChannels(take_waits(r)?),
            ServerKind::Disconnecting => Self::Disconnecting(Plain::take(r, "")?),
            ServerKind::Notify => Self::Notify(Plain::take(r, "")?),
            ServerKind::List => Self::List(sub_messages(body, 0)?),
            ServerKind::Mode => Self::Mode(Plain::take(r, "")?),
            ServerKind::Mark => Self::Mark,
            ServerKind::Reset => Self::Reset,
            ServerKind::InvalList => {
                let n = r.u16("count")?;
                Self::InvalList(take_all(r, "resources", n.into())?)
            }
            ServerKind::InvalAllPixmaps => Self::InvalAllPixmaps(take_waits(r)?),
            ServerKind::InvalPalette => Self::InvalPalette { id: r.u64("id")? },
            ServerKind::InvalAllPalettes => Self::InvalAllPalettes,
            ServerKind::StreamCreate => Self::StreamCreate(Box::new(StreamCreate {
                surface_id: r.u32("surface_id")?,
                id: r.u32("id")?,
                flags: r.u8("flags")?,
                codec_type: r.u8("codec_type")?,
                stamp: r.u64("stamp")?,
                stream_width: r.u32("stream_width")?,
                stream_height: r.u32("stream_height")?,
                src_width: r.u32("src_width")?,
                src_height: r.u32("src_height")?,
                dest: Rect::take(r, "dest")?,
                clip: take_clip(r)?,
            })),
            ServerKind::StreamData => Self::StreamData {
                id: r.u32("id")?,
                multi_media_time: r.u32("multi_media_time")?,
                data: r.sized("data")?,
            },
            ServerKind::StreamClip => Self::StreamClip { id: r.u32("id")?, clip: take_clip(r)? },
            ServerKind::StreamDestroy => Self::StreamDestroy { id: r.u32("id")? },
            ServerKind::StreamDestroyAll => Self::StreamDestroyAll,
            ServerKind::SurfaceCreate => Self::SurfaceCreate(Plain::take(r, "")?),
            ServerKind::SurfaceDestroy => Self::SurfaceDestroy { surface_id: r.u32("surface_id")? },
            ServerKind::StreamDataSized => Self::StreamDataSized {
                id: r.u32("id")?,
                multi_media_time: r.u32("multi_media_time")?,
                width: r.u32("width")?,
                height: r.u32("height")?,
                dest: Rect::take(r, "dest")?,
                data: r.sized("data")?,
            },
            ServerKind::MonitorsConfig => {
                let n = r.u16("count")?;
                let max_allowed = r.u16("max_allowed")?;
                Self::MonitorsConfig { max_allowed, heads: take_all(r, "heads", n.into())? }
            }
            ServerKind::StreamActivateReport => Self::StreamActivateReport(Plain::take(r, "")?),
            ServerKind::GlScanoutUnix => Self::GlScanoutUnix(Plain::take(r, "")?),
            ServerKind::GlDraw => Self::GlDraw(Plain::take(r, "")?),
            _ => unreachable!("a drawing was read above"),
        })
    }
}

fn put_all<S: Sink, T: Plain>(w: &mut Writer<'_, S>, all: &[T]) -> Result<(), EncodeError> {
    all.iter().try_for_each(|one| one.put(w))
}

fn take_all<T: Plain>(r: &mut Reader<'_>, field: &'static str, n: u32) -> Result<Vec<T>, DecodeError> {
    r.many(field, n, T::SIZE, |r| T::take(r, field))
}

fn take_waits(r: &mut Reader<'_>) -> Result<Vec<ChannelWait>, DecodeError> {
    let n = r.u8("wait_count")?;
    take_all(r, "wait_list", n.into())
}

/// `SpiceSubMessageList`: a count, an offset for each message, then the messages.
fn put_list<S: Sink>(w: &mut Writer<'_, S>, list: &[RawMessage]) -> Result<(), EncodeError> {
    let n = w.count("size", list.len(), u16::MAX.into())?;
    w.u16(n);
    let first = w.sink.len();
    list.iter().for_each(|_| _ = w.pointer());
    for (i, message) in list.iter().enumerate() {
        w.point(first + 4 * i, "sub_messages")?;
        w.u16(message.kind);
        w.sized("data", &message.body)?;
    }
    Ok(())
}
