//! The C interface of spice-render. What C sees is documented in `include/spice-render.h`, which is made from the
//! comments here (`capi/tests/header.rs` says how).
//!
//! Rules that hold for every function: no panic crosses the border (it becomes `SPICE_RENDER_STATUS_INTERNAL`), a pointer
//! that must not be NULL but is gives `SPICE_RENDER_STATUS_ARGUMENT`, and a failed call changes nothing. A handle is used by
//! one thread at a time, any thread.
#![cfg(feature = "capi")]

mod bytes;
mod client;
mod engine;
mod features;
mod guest;
mod pixels;
mod replay;
mod status;

pub use bytes::*;
pub use client::*;
pub use engine::*;
pub use features::*;
pub use pixels::*;
pub use replay::*;
pub use status::*;

/// The version of the header: `major << 16 | minor << 8 | patch`.
pub const SPICE_RENDER_VERSION: u32 = 0x000100;

/// The version of the library that is running, in the form of SPICE_RENDER_VERSION. Programs built with a header of
/// the same major version (and, before 1.0, of the same minor version) may use it.
#[unsafe(no_mangle)]
pub extern "C" fn spice_render_version() -> u32 {
    let part = |text: &str| text.parse::<u32>().unwrap_or(0);
    part(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | part(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | part(env!("CARGO_PKG_VERSION_PATCH"))
}
