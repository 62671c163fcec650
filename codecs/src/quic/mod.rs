//! QUIC: lossless, adaptive Golomb-Rice codes per colour channel, and runs.

mod bits;
mod decode;
mod encode;
mod header;
mod model;
#[cfg(test)]
mod reference;
mod rows;
mod tables;
#[cfg(test)]
mod tests;

pub use decode::QuicDecoder;
pub use encode::QuicEncoder;
pub use header::QuicHeader;
