//! Pictures as files: PNG to the codecs' pixels and back, and what each codec makes of them.

mod compare;
mod layout;
mod png;

pub use self::png::{Picture, PngError};
pub use compare::{Comparison, Row, compare};
pub use layout::{FORMAT_NAMES, Laid, LayoutError, format_named, lay_out};
