//! What commands do to pixels.
//!
//! A command becomes a [`Task`] when it arrives: ids are resolved, the clip is cut, what the reference drops is
//! refused. A task is drawn onto its surface by the rasteriser. [`Renderer`] does both at once, command by
//! command: the plain way, and the oracle of the render graph, which draws the same tasks later.
//!
//! The rules follow SPICE's reference client and server (spice-gtk 0.42 on libspice-server 0.15).

mod cache;
mod cursor;
pub(crate) mod exec;
mod limits;
mod picture;
pub(crate) mod renderer;
mod rgb;
mod state;
pub(crate) mod surfaces;
pub(crate) mod task;

pub use cursor::Cursor;
pub use limits::{Limits, Refusal};
pub use picture::{Picture, View};
pub use renderer::Renderer;
pub use rgb::{screen_row, to_rgb, to_straight_rgba};
pub use state::{Effect, State};
pub use surfaces::{Lookup, SurfaceIds, SurfaceInfo, SurfaceKey};
pub use task::{Source, Task};
