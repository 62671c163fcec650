//! Messages and parts of messages that are only rows of numbers.

use super::error::{DecodeError, DecodeReason, EncodeError};
use super::reader::Reader;
use super::sink::{Sink, Writer};
use crate::qxl::{Point, Rect, SurfaceFormat, SurfaceId};
use bytes::Bytes;

/// Something of fixed layout.
pub(super) trait Plain: Sized {
    /// Bytes on the wire (for [`Bytes`]: of the size field).
    const SIZE: usize;
    fn put<S: Sink>(&self, w: &mut Writer<'_, S>) -> Result<(), EncodeError>;
    fn take(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError>;
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl Plain for $t {
            const SIZE: usize = size_of::<$t>();
            fn put<S: Sink>(&self, w: &mut Writer<'_, S>) -> Result<(), EncodeError> {
                w.sink.put(&self.to_le_bytes());
                Ok(())
            }
            fn take(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
                r.array(field).map(Self::from_le_bytes)
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, i32, i64);

impl Plain for Point {
    const SIZE: usize = 8;
    fn put<S: Sink>(&self, w: &mut Writer<'_, S>) -> Result<(), EncodeError> {
        w.i32(self.x);
        w.i32(self.y);
        Ok(())
    }
    fn take(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        Ok(Self { x: r.i32(field)?, y: r.i32(field)? })
    }
}

impl Plain for Rect {
    const SIZE: usize = 16;
    fn put<S: Sink>(&self, w: &mut Writer<'_, S>) -> Result<(), EncodeError> {
        let mut bytes = [0; 16];
        for (four, v) in bytes.chunks_exact_mut(4).zip([self.top, self.left, self.bottom, self.right]) {
            four.copy_from_slice(&v.to_le_bytes());
        }
        w.sink.put(&bytes);
        Ok(())
    }
    fn take(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let [top, left, bottom, right] = [r.i32(field)?, r.i32(field)?, r.i32(field)?, r.i32(field)?];
        Ok(Self { left, top, right, bottom })
    }
}

impl Plain for SurfaceFormat {
    const SIZE: usize = 4;
    fn put<S: Sink>(&self, w: &mut Writer<'_, S>) -> Result<(), EncodeError> {
        w.u32(surface_format_number(*self));
        Ok(())
    }
    fn take(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let number = r.u32(field)?;
        surface_format_from_number(number)
            .ok_or_else(|| r.error(field, 4, DecodeReason::Value(number.into())))
    }
}

impl Plain for Bytes {
    const SIZE: usize = 4;
    fn put<S: Sink>(&self, w: &mut Writer<'_, S>) -> Result<(), EncodeError> {
        w.sized("data", self)
    }
    fn take(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        r.sized(field)
    }
}

/// The protocol's number of a surface format (`SPICE_SURFACE_FMT_*`).
pub const fn surface_format_number(format: SurfaceFormat) -> u32 {
    match format {
        SurfaceFormat::A1 => 1,
        SurfaceFormat::A8 => 8,
        SurfaceFormat::X1R5G5B5 => 16,
        SurfaceFormat::X8R8G8B8 => 32,
        SurfaceFormat::R5G6B5 => 80,
        SurfaceFormat::A8R8G8B8 => 96,
    }
}

/// The surface format of a protocol number (`SPICE_SURFACE_FMT_*`).
pub const fn surface_format_from_number(number: u32) -> Option<SurfaceFormat> {
    Some(match number {
        1 => SurfaceFormat::A1,
        8 => SurfaceFormat::A8,
        16 => SurfaceFormat::X1R5G5B5,
        32 => SurfaceFormat::X8R8G8B8,
        80 => SurfaceFormat::R5G6B5,
        96 => SurfaceFormat::A8R8G8B8,
        _ => return None,
    })
}

/// Structures whose fields stand on the wire in the order in which they are declared.
macro_rules! plain {
    ($($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $t:ty,)* })*) => {$(
        $(#[$meta])*
        pub struct $name { $($(#[$field_meta])* pub $field: $t,)* }

        impl $crate::wire::plain::Plain for $name {
            const SIZE: usize = 0 $(+ <$t as $crate::wire::plain::Plain>::SIZE)*;
            fn put<S: $crate::wire::sink::Sink>(
                &self,
                w: &mut $crate::wire::sink::Writer<'_, S>,
            ) -> Result<(), $crate::wire::error::EncodeError> {
                $($crate::wire::plain::Plain::put(&self.$field, w)?;)*
                Ok(())
            }
            fn take(
                r: &mut $crate::wire::reader::Reader<'_>,
                _: &'static str,
            ) -> Result<Self, $crate::wire::error::DecodeError> {
                Ok(Self { $($field: $crate::wire::plain::Plain::take(r, stringify!($field))?,)* })
            }
        }
    )*};
}
pub(super) use plain;

plain! {
    /// Another channel's message that the client must have handled first.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ChannelWait {
        /// `SPICE_CHANNEL_*`.
        pub channel_type: u8,
        /// Which channel of that type.
        pub channel_id: u8,
        /// The number of the message on that channel, counted from 1.
        pub message_serial: u64,
    }

    /// `SpiceMsgDisconnect`: the peer will close the channel.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Disconnect {
        /// Nanoseconds, on the peer's clock.
        pub time_stamp: u64,
        /// `SPICE_LINK_ERR_*`.
        pub reason: u32,
    }

    /// A text for the user.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Notify {
        /// Nanoseconds, on the server's clock.
        pub time_stamp: u64,
        /// INFO 0, WARN 1, ERROR 2.
        pub severity: u32,
        /// LOW 0, MEDIUM 1, HIGH 2.
        pub visibility: u32,
        /// A code, by severity.
        pub what: u32,
        /// The text, without a final zero.
        pub message: Bytes,
    }

    /// A resource that leaves the client's cache.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ResourceId {
        /// PIXMAP 1.
        pub resource_type: u8,
        /// The image's id.
        pub id: u64,
    }

    /// The size of a screen, for clients older than surfaces.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Mode {
        /// Columns.
        pub x_res: u32,
        /// Rows.
        pub y_res: u32,
        /// Bits of a pixel.
        pub bits: u32,
    }

    /// A surface comes to be, all bits zero.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SurfaceCreated {
        /// Its id; 0 is the primary surface.
        pub surface_id: SurfaceId,
        /// Columns.
        pub width: u32,
        /// Rows.
        pub height: u32,
        /// The pixel format.
        pub format: SurfaceFormat,
        /// [`SurfaceCreated::PRIMARY`], [`SurfaceCreated::STREAMING_MODE`].
        pub flags: u32,
    }

    /// One monitor's part of a surface.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Head {
        /// The monitor's number.
        pub id: u32,
        /// The surface that it shows.
        pub surface_id: SurfaceId,
        /// Columns.
        pub width: u32,
        /// Rows.
        pub height: u32,
        /// First column on the surface.
        pub x: u32,
        /// First row on the surface.
        pub y: u32,
        /// 0.
        pub flags: u32,
    }

    /// Asks the client for [`StreamReport`](super::StreamReport)s.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct StreamActivateReport {
        /// The stream.
        pub stream_id: u32,
        /// Goes back in every report.
        pub unique_id: u32,
        /// Frames after which a report is due.
        pub max_window_size: u32,
        /// Milliseconds after which a report is due.
        pub timeout_ms: u32,
    }

    /// A GL scan-out; its DMA-BUF goes beside the stream, as a file descriptor with one byte of its own.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct GlScanout {
        /// Columns.
        pub width: u32,
        /// Rows.
        pub height: u32,
        /// Bytes from row to row.
        pub stride: u32,
        /// The pixel format, as a DRM FourCC.
        pub drm_fourcc_format: u32,
        /// Bit 0: the top row comes first.
        pub flags: u32,
    }

    /// The part of the scan-out that changed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct GlRect {
        /// First column.
        pub x: u32,
        /// First row.
        pub y: u32,
        /// Columns.
        pub width: u32,
        /// Rows.
        pub height: u32,
    }
}

impl SurfaceCreated {
    /// The surface is the one that is shown.
    pub const PRIMARY: u32 = 1;
    /// The whole surface will be shown as a video stream.
    pub const STREAMING_MODE: u32 = 2;
}
