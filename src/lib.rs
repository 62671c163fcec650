//! Replays QXL drawing commands to pixels, bit-exact with SPICE's own clients.

pub mod capture;
pub mod client;
pub mod draw;
pub mod engine;
pub mod graph;
pub mod images;
pub mod link;
pub mod memory;
pub mod qxl;
pub mod replay;
pub mod report;
pub mod server;
pub mod session;
pub mod viewer;
pub mod wire;

/// The README's examples run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
