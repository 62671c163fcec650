//! Everything that reaches a QXL device: commands on its rings and messages to its worker.

use super::{Drawable, Point, Rect, SurfaceFormat, SurfaceId};
use bytes::Bytes;
use std::sync::Arc;

/// What happened to the device: one event of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A command from the guest's command or cursor ring.
    Command(Command),
    /// A message to the worker, mostly from the guest's I/O ports.
    Worker(WorkerMessage),
}

/// A command (`QXL_CMD_*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Does nothing.
    Nop,
    /// Draws.
    Drawable(Arc<Drawable>),
    /// Asks for an area to be drawn into guest memory.
    Update(UpdateCmd),
    /// The mouse pointer.
    Cursor(CursorCmd),
    /// A text for the log.
    Message(Bytes),
    /// Creates or destroys an off-screen surface.
    Surface(SurfaceCmd),
}

/// `QXLUpdateCmd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateCmd {
    /// The area asked for.
    pub area: Rect,
    /// The guest's number for the request.
    pub update_id: u32,
    /// The surface.
    pub surface_id: SurfaceId,
}

/// `QXLSurfaceCmd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SurfaceCmd {
    /// Makes a surface; one of the same id is replaced.
    Create(SurfaceCreate),
    /// Ends a surface.
    Destroy {
        /// The surface.
        surface_id: SurfaceId,
        /// `QXL_SURF_FLAG_*`, without a meaning here.
        flags: u32,
    },
}

/// The making of an off-screen surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurfaceCreate {
    /// Its id.
    pub surface_id: SurfaceId,
    /// `QXL_SURF_FLAG_*`; with [`SurfaceCreate::KEEP_DATA`] `data` holds the pixels.
    pub flags: u32,
    /// The pixel format.
    pub format: SurfaceFormat,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from row to row in `data`; negative if the top row comes last.
    pub stride: i32,
    /// The first pixels; otherwise all bits are zero.
    pub data: Option<Bytes>,
}

impl SurfaceCreate {
    /// `QXL_SURF_FLAG_KEEP_DATA`.
    pub const KEEP_DATA: u32 = 1;
}

/// `QXLCursorCmd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CursorCmd {
    /// A new shape at a new place.
    Set {
        /// Where its hot spot is.
        position: Point,
        /// Whether it shows.
        visible: bool,
        /// The shape; `None` where the guest gave none.
        shape: Option<Arc<CursorShape>>,
    },
    /// Another place; shows the pointer.
    Move {
        /// Where its hot spot is.
        position: Point,
    },
    /// Hides the pointer.
    Hide,
    /// A trail behind the pointer.
    Trail {
        /// Pointers in the trail.
        length: u16,
        /// Milliseconds between them.
        frequency: u16,
    },
}

/// `QXLCursor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorShape {
    /// The id under which it may be cached; 0 means none.
    pub unique: u64,
    /// `SPICE_CURSOR_TYPE_*`: ALPHA 0, MONO 1, COLOR4 2, COLOR8 3, COLOR16 4, COLOR24 5, COLOR32 6.
    pub kind: u16,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Column of the hot spot.
    pub hot_spot_x: u16,
    /// Row of the hot spot.
    pub hot_spot_y: u16,
    /// Pixels and masks as the kind has them, chunks joined.
    pub data: Bytes,
}

/// A message to the worker (`RED_WORKER_MESSAGE_*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerMessage {
    /// 20 and 29: the primary surface is made.
    CreatePrimary {
        /// The message's number.
        number: u32,
        /// The surface.
        surface: PrimaryCreate,
    },
    /// 21 and 30: the primary surface ends.
    DestroyPrimary {
        /// The message's number.
        number: u32,
    },
    /// 19 and 28: all surfaces end.
    DestroySurfaces {
        /// The message's number.
        number: u32,
    },
    /// Any other, which changes no pixel.
    Other {
        /// The message's number.
        number: u32,
    },
}

/// `QXLDevSurfaceCreate`: the making of the primary surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimaryCreate {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from row to row in `data`; negative if the top row comes last.
    pub stride: i32,
    /// The pixel format.
    pub format: SurfaceFormat,
    /// Without a meaning here.
    pub position: u32,
    /// Whether the guest wants absolute mouse positions.
    pub mouse_mode: u32,
    /// Bit 0 (KEEP_DATA): `data` holds the first pixels, otherwise all bits are zero.
    pub flags: u32,
    /// Without a meaning here.
    pub kind: u32,
    /// The device's memory for it.
    pub data: Bytes,
}

impl PrimaryCreate {
    /// A surface whose bits are all zero, top row first, each row in as many whole 32-bit words as it needs.
    pub fn new(width: u32, height: u32, format: SurfaceFormat) -> Self {
        let row = (u64::from(width) * u64::from(format.bits_per_pixel())).div_ceil(32) * 4;
        let stride = i32::try_from(row).unwrap_or(i32::MAX);
        Self {
            width,
            height,
            stride,
            format,
            position: 0,
            mouse_mode: 0,
            flags: 0,
            kind: 0,
            data: Bytes::new(),
        }
    }
}
