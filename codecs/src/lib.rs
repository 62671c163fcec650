//! SPICE image codecs: bytes to pixels and back, exact to the bit.

mod codec;
mod content;
mod error;
pub mod glz;
pub mod jpeg;
pub mod lz;
pub mod lz4;
mod palette;
mod pixels;
pub mod quic;
mod simd;
#[cfg(test)]
mod testing;

pub use codec::{
    Codec, DecodeOptions, Decoded, Decoder, Encoded, Encoder, Options, UnknownCodec, decode, encode,
};
pub use content::{Content, ContentClass};
pub use error::{DecodeError, EncodeError};
pub use palette::{PaletteFinder, PaletteImage};
pub use pixels::{PixelFormat, Pixels};
