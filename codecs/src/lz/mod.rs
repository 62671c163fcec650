//! LZ: SPICE's LZ77 over whole pixels.

mod choice;
pub(crate) mod copy;
mod decode;
mod encode;
mod expand;
mod fast;
pub(crate) mod finder;
mod header;
pub(crate) mod lazy;
mod narrow;
pub(crate) mod optimal;
pub(crate) mod reference;
mod sparse;
pub(crate) mod unit;
pub(crate) mod wide;
pub(crate) mod writer;

pub use decode::LzDecoder;
pub use encode::{Level, LzEncoder};
pub use expand::to_bgrx;
pub use header::LzHeader;
pub(crate) use header::{MAGIC, VERSION, format_of, type_of};
