//! Messages (SPICE 2.2): encode and decode, both sides: the link, the display channel, and what there must be beside it.
//!
//! Layouts are those of `spice.proto`: packed, little endian; a *pointer* is the offset of what it points at,
//! counted from the first byte of the message's body, and 0 means nothing. All minor versions of protocol 2
//! share them; minor version 0 only lacks the image types JPEG, JPEG_ALPHA and ZLIB_GLZ_RGB
//! ([`ImageKind::since_minor`]).
//!
//! Drawing messages carry the operations of [`crate::qxl`] with the channel's own [`Image`], which may be
//! compressed, cached or a surface. Nothing here compresses or draws.
//!
//! * Encoding appends to a [`Sink`]: a `Vec<u8>`, [`Parts`] (keeps big payloads by reference, for `writev`), or
//!   [`Count`] (only counts bytes).
//! * Decoding reads a [`bytes::Bytes`]; payloads are slices of it. Every offset and count is checked against the
//!   bytes that are there, no field makes the decoder recurse, and memory stays within a small multiple of the
//!   message. Bytes after the last field are ignored, as every peer does.
//!
//! ```
//! use bytes::Bytes;
//! use spice_render::qxl::{Brush, Clip, Op, QMask, Rect, Ropd};
//! use spice_render::wire::{Draw, Framing, ServerMessage, split};
//!
//! let op = Op::Fill { brush: Brush::Solid(0x00ff_0000), rop: Ropd::PUT, mask: QMask::default() };
//! let red = Draw { surface_id: 0, bbox: Rect::new(10, 20, 30, 40), clip: Clip::None, op };
//! let mut stream = Vec::new();
//! red.encode(Framing::Mini, &mut stream).unwrap();
//! assert_eq!(stream.len(), 6 + 21 + 5 + 2 + 13); // header, base, brush, rop, mask
//!
//! let (message, rest) = split(Framing::Mini, &Bytes::from(stream), 1 << 20).unwrap().unwrap();
//! assert!(rest.is_empty());
//! assert_eq!(ServerMessage::decode(message.kind, &message.body), Ok(ServerMessage::Draw(Box::new(red))));
//! ```

mod client;
mod draw;
mod error;
mod frame;
mod image;
mod kind;
pub mod link;
mod plain;
mod reader;
mod server;
mod session;
mod sink;

#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use crate::qxl::ImageRole;
pub use client::{ClientMessage, DisplayInit, ImageCompression, StreamReport, VideoCodec};
pub use draw::{Draw, DrawRef};
pub use error::{DecodeError, DecodeReason, EncodeError, EncodeReason};
pub use frame::{FrameTooLong, Framing, RawMessage, SUB_MESSAGES, split, sub_messages};
pub use image::{Bitmap, Image, ImageData, ImageKind, PaletteRef};
pub use kind::ServerKind;
pub use plain::{
    ChannelWait, Disconnect, GlRect, GlScanout, Head, Mode, Notify, ResourceId, StreamActivateReport,
    SurfaceCreated, surface_format_from_number, surface_format_number,
};
pub use server::{ServerMessage, StreamCreate};
pub use session::{
    CursorImage, CursorMessage, InputsMessage, MOUSE_MODE_CLIENT, MOUSE_MODE_SERVER, MainClientMessage,
    MainInit, MainMessage,
};
pub use sink::{Count, Parts, Sink};
