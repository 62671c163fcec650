//! Replays QXL drawing commands to pixels, bit-exact with SPICE's own clients.
//!
//! A server or VMM that embeds it begins with [`engine`], which says what is to be done when; [`qxl::guest`] reads the
//! commands of a guest's QXL device, and [`capture`] those of a recording.
//!
//! What a build and its machine have is told by [`features`](features::features). Without Cargo's default features there
//! is all that a server embeds: [`engine`], [`qxl::guest`], [`client`], [`wire`], [`graph`], [`capture`]. `server` adds a
//! SPICE server of its own (`link`, `server`, `session`), `report` and `images` what the program tells about recordings
//! and pictures, `capture-compression` packed recordings, `profile-files` client profiles as TOML, `tracing` spans
//! around what takes time (`spice_render_poll`, `_plan`, `_encode`, `_draw`, `_walk`, `_update_area`, `_save_client`,
//! `_restore_client`), and `cli` the program.

pub mod capture;
pub mod client;
pub mod draw;
pub mod engine;
pub mod features;
pub mod graph;
#[cfg(feature = "images")]
pub mod images;
#[cfg(feature = "server")]
pub mod link;
pub mod memory;
pub mod qxl;
pub mod replay;
#[cfg(feature = "report")]
pub mod report;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod session;
mod trace;
pub mod viewer;
pub mod wire;

/// The README's examples run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
