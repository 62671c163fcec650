//! GLZ: LZ with a dictionary of earlier images of the same client, shared by its display channels.
//!
//! A server holds one [`GlzDictionary`] per client and a [`GlzEncoder`] (scratch memory) per thread; a client holds one
//! [`GlzWindow`]. zlib-GLZ wraps each GLZ stream in a zlib stream: [`ZlibEncoder`], [`ZlibDecoder`].

mod decode;
mod dictionary;
mod encode;
mod fast;
mod header;
mod known;
mod optimal;
mod reference;
mod save;
mod window;
mod zlib;

pub use dictionary::GlzDictionary;
pub use encode::{GlzEncoded, GlzEncoder};
pub use header::GlzHeader;
pub use known::Known;
pub use reference::ReferenceDictionary;
pub use window::{GlzImage, GlzWindow};
pub use zlib::{ZLIB_LEVEL, ZlibDecoder, ZlibEncoder};
