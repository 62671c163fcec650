//! What a client sends on the display channel.

use super::error::{DecodeError, DecodeReason, EncodeError};
use super::frame::Framing;
use super::plain::{Disconnect, Plain, plain};
use super::reader::Reader;
use super::sink::Sink;
use bytes::Bytes;

plain! {
    /// `SPICE_MSGC_DISPLAY_INIT`: the client's first message, and what it can remember.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct DisplayInit {
        /// The image cache's number; channels with the same number share it.
        pub pixmap_cache_id: u8,
        /// Pixels that the image cache holds.
        pub pixmap_cache_size: i64,
        /// The GLZ dictionary's number; channels with the same number share it.
        pub glz_dictionary_id: u8,
        /// Pixels that the GLZ dictionary holds; 0 or 1 means no GLZ.
        pub glz_dictionary_window_size: i32,
    }

    /// `SPICE_MSGC_DISPLAY_STREAM_REPORT`: how a video stream arrives.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct StreamReport {
        /// The stream.
        pub stream_id: u32,
        /// The number that the server gave when it asked for reports.
        pub unique_id: u32,
        /// Multimedia time of the first frame, in milliseconds.
        pub start_frame_mm_time: u32,
        /// Multimedia time of the last frame, in milliseconds.
        pub end_frame_mm_time: u32,
        /// Frames.
        pub num_frames: u32,
        /// Frames that came too late.
        pub num_drops: u32,
        /// Milliseconds that the last frame came early; negative if late.
        pub last_frame_delay: i32,
        /// Milliseconds of sound waiting.
        pub audio_delay: u32,
    }
}

/// `SPICE_IMAGE_COMPRESSION_*`: what a client prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "named by the protocol")]
pub enum ImageCompression {
    Invalid,
    /// Raw bitmaps.
    Off,
    /// GLZ or, for photos, QUIC.
    AutoGlz,
    /// LZ or, for photos, QUIC.
    AutoLz,
    Quic,
    Glz,
    Lz,
    Lz4,
}

impl ImageCompression {
    /// Every value, in the order of its number.
    pub const ALL: [Self; 8] =
        [Self::Invalid, Self::Off, Self::AutoGlz, Self::AutoLz, Self::Quic, Self::Glz, Self::Lz, Self::Lz4];

    /// The protocol's name in small letters, as in `auto-glz`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Off => "off",
            Self::AutoGlz => "auto-glz",
            Self::AutoLz => "auto-lz",
            Self::Quic => "quic",
            Self::Glz => "glz",
            Self::Lz => "lz",
            Self::Lz4 => "lz4",
        }
    }
}

/// `SPICE_VIDEO_CODEC_TYPE_*`: MJPEG 1, VP8 2, H264 3, VP9 4, H265 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VideoCodec(pub u8);

/// A message from client to server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// The acknowledging window was understood.
    AckSync {
        /// The number that SET_ACK gave.
        generation: u32,
    },
    /// A window of messages was handled.
    Ack,
    /// The answer to PING.
    Pong {
        /// The ping's number.
        id: u32,
        /// The ping's time, as it came.
        timestamp: u64,
    },
    /// Everything before MIGRATE was sent.
    MigrateFlushMark,
    /// The server's own state, returned to the next server.
    MigrateData(Bytes),
    /// The client will close the channel.
    Disconnecting(Disconnect),
    /// The first message.
    Init(DisplayInit),
    /// How a video stream arrives.
    StreamReport(StreamReport),
    /// The compression that the client prefers.
    PreferredCompression(ImageCompression),
    /// The scan-out was shown.
    GlDrawDone,
    /// The video codecs that the client prefers, best first.
    PreferredVideoCodecs(Vec<VideoCodec>),
}

const NAMES: [(u16, &str); 11] = [
    (1, "ACK_SYNC"),
    (2, "ACK"),
    (3, "PONG"),
    (4, "MIGRATE_FLUSH_MARK"),
    (5, "MIGRATE_DATA"),
    (6, "DISCONNECTING"),
    (101, "DISPLAY_INIT"),
    (102, "STREAM_REPORT"),
    (103, "PREFERRED_COMPRESSION"),
    (104, "GL_DRAW_DONE"),
    (105, "PREFERRED_VIDEO_CODEC_TYPE"),
];

impl ClientMessage {
    /// The message's type (`SPICE_MSGC_*`, `SPICE_MSGC_DISPLAY_*`).
    pub const fn kind(&self) -> u16 {
        NAMES[self.index()].0
    }

    /// The protocol's name, as in `DISPLAY_INIT`.
    pub const fn name(&self) -> &'static str {
        NAMES[self.index()].1
    }

    const fn index(&self) -> usize {
        match self {
            Self::AckSync { .. } => 0,
            Self::Ack => 1,
            Self::Pong { .. } => 2,
            Self::MigrateFlushMark => 3,
            Self::MigrateData(_) => 4,
            Self::Disconnecting(_) => 5,
            Self::Init(_) => 6,
            Self::StreamReport(_) => 7,
            Self::PreferredCompression(_) => 8,
            Self::GlDrawDone => 9,
            Self::PreferredVideoCodecs(_) => 10,
        }
    }

    /// Appends the message; on an error nothing is appended.
    pub fn encode(&self, framing: Framing, sink: &mut impl Sink) -> Result<(), EncodeError> {
        framing.message(self.kind(), self.name(), sink, |w| {
            match self {
                Self::Ack | Self::MigrateFlushMark | Self::GlDrawDone => {}
                Self::AckSync { generation } => w.u32(*generation),
                Self::Pong { id, timestamp } => {
                    w.u32(*id);
                    w.u64(*timestamp);
                }
                Self::MigrateData(data) => w.sink.put_payload(data),
                Self::Disconnecting(m) => m.put(w)?,
                Self::Init(m) => m.put(w)?,
                Self::StreamReport(m) => m.put(w)?,
                Self::PreferredCompression(c) => w.u8(*c as u8),
                Self::PreferredVideoCodecs(codecs) => {
                    let n = w.count("num_of_codecs", codecs.len(), u8::MAX.into())?;
                    w.u8(n);
                    codecs.iter().for_each(|c| w.u8(c.0));
                }
            }
            Ok(())
        })
    }

    /// Reads a message of type `kind`.
    pub fn decode(kind: u16, body: &Bytes) -> Result<Self, DecodeError> {
        let name = NAMES.iter().find(|n| n.0 == kind).map_or("client message", |n| n.1);
        let r = &mut Reader::new(name, body);
        Ok(match kind {
            1 => Self::AckSync { generation: r.u32("generation")? },
            2 => Self::Ack,
            3 => Self::Pong { id: r.u32("id")?, timestamp: r.u64("timestamp")? },
            4 => Self::MigrateFlushMark,
            5 => Self::MigrateData(r.rest()),
            6 => Self::Disconnecting(Plain::take(r, "")?),
            101 => Self::Init(Plain::take(r, "")?),
            102 => Self::StreamReport(Plain::take(r, "")?),
            103 => {
                let number = r.u8("image_compression")?;
                let value = ImageCompression::ALL.get(usize::from(number)).copied();
                let reason = DecodeReason::Value(number.into());
                Self::PreferredCompression(value.ok_or_else(|| r.error("image_compression", 1, reason))?)
            }
            104 => Self::GlDrawDone,
            105 => {
                let n = r.u8("num_of_codecs")?;
                Self::PreferredVideoCodecs(r.many("codecs", n.into(), 1, |r| r.u8("codecs").map(VideoCodec))?)
            }
            _ => return Err(r.error("type", 0, DecodeReason::Value(kind.into()))),
        })
    }
}
