//! Replays QXL drawing commands to pixels, bit-exact with SPICE's own clients.

pub mod client;
pub mod qxl;
pub mod wire;
