//! The types of messages that a server sends on the display channel.

use crate::qxl::OpKind;

macro_rules! kinds {
    ($($name:ident = $number:literal $text:literal $($op:ident)?,)*) => {
        /// A message's type (`SPICE_MSG_*`, `SPICE_MSG_DISPLAY_*`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        #[allow(missing_docs, reason = "named by the protocol")]
        pub enum ServerKind { $($name = $number,)* }

        impl ServerKind {
            /// Every type, in the order of its number.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The protocol's name, as in `DRAW_FILL`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The type of a number.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// The operation that a message of this type carries.
            pub const fn op(self) -> Option<OpKind> {
                match self { $($(Self::$name => Some(OpKind::$op),)?)* _ => None }
            }

            /// The message type of an operation; NOP has none.
            pub const fn of_op(op: OpKind) -> Option<Self> {
                match op { $($(OpKind::$op => Some(Self::$name),)?)* OpKind::Nop => None }
            }
        }
    };
}

kinds! {
    Migrate = 1 "MIGRATE",
    MigrateData = 2 "MIGRATE_DATA",
    SetAck = 3 "SET_ACK",
    Ping = 4 "PING",
    WaitForChannels = 5 "WAIT_FOR_CHANNELS",
    Disconnecting = 6 "DISCONNECTING",
    Notify = 7 "NOTIFY",
    List = 8 "LIST",
    Mode = 101 "MODE",
    Mark = 102 "MARK",
    Reset = 103 "RESET",
    CopyBits = 104 "COPY_BITS" CopyBits,
    InvalList = 105 "INVAL_LIST",
    InvalAllPixmaps = 106 "INVAL_ALL_PIXMAPS",
    InvalPalette = 107 "INVAL_PALETTE",
    InvalAllPalettes = 108 "INVAL_ALL_PALETTES",
    StreamCreate = 122 "STREAM_CREATE",
    StreamData = 123 "STREAM_DATA",
    StreamClip = 124 "STREAM_CLIP",
    StreamDestroy = 125 "STREAM_DESTROY",
    StreamDestroyAll = 126 "STREAM_DESTROY_ALL",
    DrawFill = 302 "DRAW_FILL" Fill,
    DrawOpaque = 303 "DRAW_OPAQUE" Opaque,
    DrawCopy = 304 "DRAW_COPY" Copy,
    DrawBlend = 305 "DRAW_BLEND" Blend,
    DrawBlackness = 306 "DRAW_BLACKNESS" Blackness,
    DrawWhiteness = 307 "DRAW_WHITENESS" Whiteness,
    DrawInvers = 308 "DRAW_INVERS" Invers,
    DrawRop3 = 309 "DRAW_ROP3" Rop3,
    DrawStroke = 310 "DRAW_STROKE" Stroke,
    DrawText = 311 "DRAW_TEXT" Text,
    DrawTransparent = 312 "DRAW_TRANSPARENT" Transparent,
    DrawAlphaBlend = 313 "DRAW_ALPHA_BLEND" AlphaBlend,
    SurfaceCreate = 314 "SURFACE_CREATE",
    SurfaceDestroy = 315 "SURFACE_DESTROY",
    StreamDataSized = 316 "STREAM_DATA_SIZED",
    MonitorsConfig = 317 "MONITORS_CONFIG",
    DrawComposite = 318 "DRAW_COMPOSITE" Composite,
    StreamActivateReport = 319 "STREAM_ACTIVATE_REPORT",
    GlScanoutUnix = 320 "GL_SCANOUT_UNIX",
    GlDraw = 321 "GL_DRAW",
}
