//! Replays QXL drawing commands to pixels, bit-exact with SPICE's own clients.

pub mod capture;
pub mod client;
pub mod draw;
pub mod engine;
pub mod graph;
pub mod images;
pub mod memory;
pub mod qxl;
pub mod replay;
pub mod report;
pub mod viewer;
pub mod wire;
