//! SPICE image codecs: bytes to pixels and back, exact to the bit.

mod error;
pub mod glz;
pub mod jpeg;
pub mod lz;
pub mod lz4;
mod pixels;
pub mod quic;
mod simd;
#[cfg(test)]
mod testing;

pub use error::{DecodeError, EncodeError};
pub use pixels::{PixelFormat, Pixels};
