//! Why a guest's command is refused.

use std::fmt;

/// A command of a guest is refused: which, and what is wrong where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestError {
    /// The kind of command: `DRAW`, `UPDATE`, `CURSOR`, `MESSAGE`, `SURFACE`, or what it came to be read for.
    pub command: &'static str,
    /// The structure that is wrong, or that cannot be read: a type of `qxl_dev.h`.
    pub structure: &'static str,
    /// Its wrong field; of a structure that cannot be read, the field that has its address.
    pub field: &'static str,
    /// The group that the command came from.
    pub group: u32,
    /// The address (`QXLPHYSICAL`) of the structure.
    pub address: u64,
    /// What was found.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// There is no such group of slots.
    NoGroup,
    /// The group has no slot of that id.
    NoSlot {
        /// The id in the address.
        id: u32,
    },
    /// The address is one of a slot that is no more.
    Generation {
        /// The generation in the address.
        found: u32,
        /// The slot's.
        expected: u32,
    },
    /// The structure does not lie in its slot.
    OutOfSlot {
        /// The slot's id.
        id: u32,
        /// Bytes wanted.
        len: u64,
        /// Bytes from the address to the slot's end; 0 if it is not in the slot.
        room: u64,
    },
    /// The [`GuestMemory`](super::GuestMemory) could not read what lies in a slot.
    Unreadable {
        /// Bytes wanted.
        len: u64,
    },
    /// A number without a meaning: a command, operation, format or type that does not exist.
    Unknown {
        /// The number.
        value: u32,
    },
    /// The amount of data disagrees with what it should be.
    Size {
        /// Bytes (or for a glyph count, glyphs) that there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// More than the [`GuestLimits`](super::GuestLimits) allow.
    Limit {
        /// How much is asked for.
        value: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// A chain of chunks comes back to one of its chunks.
    Cycle {
        /// The address to which it comes back.
        chunk: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGroup => write!(f, "there is no such group of memory slots"),
            Self::NoSlot { id } => write!(f, "there is no memory slot {id}"),
            Self::Generation { found, expected } => {
                write!(f, "the address has generation {found} but its memory slot has {expected}")
            }
            Self::OutOfSlot { id, len, room } => {
                write!(f, "{len} bytes are wanted but memory slot {id} has {room} there")
            }
            Self::Unreadable { len } => write!(f, "{len} bytes cannot be read"),
            Self::Unknown { value } => write!(f, "{value} has no meaning"),
            Self::Size { found, expected } => write!(f, "size is {found}, not {expected}"),
            Self::Limit { value, limit } => write!(f, "{value} is beyond the limit of {limit}"),
            Self::Cycle { chunk } => write!(f, "the chunks come back to {chunk:#x}"),
        }
    }
}

impl fmt::Display for GuestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, structure, field, group, address, fault } = self;
        write!(f, "{command} command, {structure} at {address:#x} of group {group}, {field}: {fault}")
    }
}

impl std::error::Error for GuestError {}
