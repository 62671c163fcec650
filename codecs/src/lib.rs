//! SPICE image codecs: bytes to pixels and back, exact to the bit.

mod error;
pub mod glz;
pub mod lz;
mod pixels;

pub use error::{DecodeError, EncodeError};
pub use pixels::{PixelFormat, Pixels};
