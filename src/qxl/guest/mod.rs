//! Commands from a guest's memory, laid out as `qxl_dev.h` has them: addresses in, owned [`Command`]s out.
//!
//! The guest is not trusted, and it runs while its command is read. So every address and size is checked against its
//! memory slot; every byte is copied once and judged afterwards, never read again; chains of chunks are bounded in
//! length and bytes; and what is allocated is bounded by bytes that are really there. A command that is refused says
//! which field of which structure was wrong, and where. What comes out is the vocabulary that a recording gives
//! ([`capture::Reader`](crate::capture::Reader)), equal for equal commands.
//!
//! The embedder keeps the [`MemSlots`] as the guest adds and removes them, and gives access to their bytes
//! ([`GuestMemory`]). For each entry of the command and cursor rings it calls [`Guest::parse`]. Nothing of the
//! command refers to the guest's memory after that, so its resources can be given back at once: [`Parsed::release`]
//! says which, exactly once for every command, refused or not.
//!
//! ```
//! use spice_render::qxl::{Command, guest::*};
//!
//! /// One slot's memory. A VMM copies out of its mapping instead.
//! struct Ram(Vec<u8>);
//!
//! impl GuestMemory for Ram {
//!     fn read(&self, _slot: SlotId, offset: u64, out: &mut [u8]) -> bool {
//!         let bytes = usize::try_from(offset).ok().and_then(|o| self.0.get(o..)?.get(..out.len()));
//!         bytes.map(|bytes| out.copy_from_slice(bytes)).is_some()
//!     }
//! }
//!
//! // The guest writes a QXLSurfaceCmd that destroys surface 7 to its memory, at 0x40 of slot 2 ...
//! let mut ram = Ram(vec![0; 4096]);
//! ram.0[0x40..0x48].copy_from_slice(&0xabcd_u64.to_le_bytes()); // release_info.id
//! ram.0[0x48..0x4c].copy_from_slice(&7u32.to_le_bytes()); // surface_id
//! ram.0[0x4c] = 1; // type: QXL_SURFACE_CMD_DESTROY
//!
//! // ... which it had made known to the device as 4096 bytes at 0x10000 of its addresses.
//! let mut slots = MemSlots::qemu();
//! slots.add(SlotId { group: 1, id: 2 }, Slot { generation: 5, start: 0x1_0000, size: 4096 })?;
//!
//! // The ring's entry, as it lies in the ring: QXLCommand.
//! let mut entry = [0; 16];
//! entry[..8].copy_from_slice(&0x0205_0000_0001_0040_u64.to_le_bytes());
//! entry[8] = 5; // QXL_CMD_SURFACE
//! let parsed = Guest::new(&slots, &ram).parse(&GuestCommand::from_ring(entry, 1, 0));
//! assert!(matches!(parsed.command, Ok(Command::Surface(_))));
//! // Now it goes to `Engine::submit`, and this into the release ring:
//! assert_eq!(parsed.release.id, Some(0xabcd));
//!
//! // A slot that the guest removed meanwhile is not read.
//! slots.clear(1);
//! let parsed = Guest::new(&slots, &ram).parse(&GuestCommand::from_ring(entry, 1, 0));
//! assert_eq!(
//!     parsed.command.unwrap_err().to_string(),
//!     "SURFACE command, QXLSurfaceCmd at 0x205000000010040 of group 1, data: there is no memory slot 2"
//! );
//! # Ok::<(), SlotError>(())
//! ```

mod command;
mod drawable;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod fuzz;
mod input;
mod limits;
mod slots;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use error::{Fault, GuestError};
pub use limits::GuestLimits;
pub use slots::{AddressBits, GuestRange, MemSlots, Slot, SlotError, SlotId};

use super::{Command, PrimaryCreate};
use input::{Input, What};

/// Access to the bytes of a guest's memory slots.
///
/// Both functions are called only for ranges that lie within a slot of the [`MemSlots`]; the answer decides whether
/// the bytes could be had. The guest may write meanwhile: which bytes come out is not important, as each is read once
/// and judged as it came, but the copy must be one that tolerates it (a volatile or atomic copy, not a Rust reference
/// to memory that changes).
pub trait GuestMemory {
    /// Copies the bytes of a slot from `offset` on to all of `out`. False if that cannot be done.
    fn read(&self, slot: SlotId, offset: u64, out: &mut [u8]) -> bool;

    /// Adds `len` bytes of a slot from `offset` on to the end of `out`, which has room for them. False if that cannot
    /// be done. Bulk data are read by this one; it is worth having if it can do without clearing the room first.
    fn append(&self, slot: SlotId, offset: u64, len: usize, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        out.resize(before + len, 0);
        self.read(slot, offset, &mut out[before..])
    }
}

impl<M: GuestMemory + ?Sized> GuestMemory for &M {
    fn read(&self, slot: SlotId, offset: u64, out: &mut [u8]) -> bool {
        (**self).read(slot, offset, out)
    }

    fn append(&self, slot: SlotId, offset: u64, len: usize, out: &mut Vec<u8>) -> bool {
        (**self).append(slot, offset, len, out)
    }
}

/// An entry of a command or cursor ring (`QXLCommandExt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestCommand {
    /// The address (`QXLPHYSICAL`) of the command's structure.
    pub data: u64,
    /// What it is: `QXL_CMD_*`.
    pub kind: u32,
    /// The group of memory slots that its addresses mean.
    pub group: u32,
    /// [`GuestCommand::COMPAT`], [`GuestCommand::COMPAT_16BPP`].
    pub flags: u32,
}

impl GuestCommand {
    /// `QXL_COMMAND_FLAG_COMPAT`: structures are laid out as those of version 0.4 (`QXLCompatDrawable`).
    pub const COMPAT: u32 = 1;
    /// `QXL_COMMAND_FLAG_COMPAT_16BPP`: colours of brushes and palettes have 15 bits.
    pub const COMPAT_16BPP: u32 = 2;

    /// An entry as it lies in the ring (`QXLCommand`: address, kind, padding), and what the device knows about it.
    pub fn from_ring(entry: [u8; 16], group: u32, flags: u32) -> Self {
        let mut fields = input::Fields::new(entry);
        Self { data: fields.u64(), kind: fields.u32(), group, flags }
    }
}

/// What a guest gets back for a command, whatever became of it: its `QXLReleaseInfo`.
///
/// It can be given back as soon as the command was parsed. There is one for every command, and none can be made or
/// copied, so nothing is given back twice.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the guest waits for its resources"]
#[non_exhaustive]
pub struct Release {
    /// The group that the command came from.
    pub group: u32,
    /// Where the release info lies: at the beginning of the command's structure.
    pub address: u64,
    /// The id in it, as it was when the command was read. `None` if there was nothing to read at the address, or the
    /// command has no structure (`QXL_CMD_NOP`): nothing can be given back then.
    pub id: Option<u64>,
}

/// What became of a command.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Parsed {
    /// What the guest gets back.
    pub release: Release,
    /// The command, or why it is refused.
    pub command: Result<Command, Box<GuestError>>,
    /// Where the guest wants to see the pixels of the surface that the command makes: `|stride| * height` bytes, the
    /// top row last if the stride is negative. A device writes them there when the guest asks for an area.
    pub backing: Option<GuestRange>,
}

/// A guest's memory, as it is at the moment: reads commands.
#[derive(Clone, Copy, Debug)]
pub struct Guest<'a, M: ?Sized> {
    slots: &'a MemSlots,
    memory: &'a M,
    limits: GuestLimits,
}

impl<'a, M: GuestMemory + ?Sized> Guest<'a, M> {
    /// Reads commands from these slots, with the default limits.
    pub fn new(slots: &'a MemSlots, memory: &'a M) -> Self {
        Self { slots, memory, limits: GuestLimits::default() }
    }

    /// Reads them with other limits.
    #[must_use]
    pub fn with_limits(self, limits: GuestLimits) -> Self {
        Self { limits, ..self }
    }

    /// Reads a command.
    pub fn parse(&self, command: &GuestCommand) -> Parsed {
        let &GuestCommand { data, kind, group, flags } = command;
        let mut input = self.input(group, flags);
        let (mut id, mut backing) = (None, None);
        let result = match kind {
            0 => Ok(Command::Nop),
            1 => {
                input.command = "DRAW";
                input.drawable(data, &mut id).map(Command::Drawable)
            }
            2 => {
                input.command = "UPDATE";
                input.update(data, &mut id).map(Command::Update)
            }
            3 => {
                input.command = "CURSOR";
                input.cursor(data, &mut id).map(Command::Cursor)
            }
            4 => {
                input.command = "MESSAGE";
                input.message(data, &mut id).map(Command::Message)
            }
            5 => {
                input.command = "SURFACE";
                input.surface(data, &mut id, &mut backing).map(Command::Surface)
            }
            value => input.fail("QXLCommand", "type", data, Fault::Unknown { value }),
        };
        if id.is_none() && kind != 0 {
            // The structure is shorter than the command's fixed part, or the command is unknown.
            let what = What { structure: "QXLReleaseInfo", field: "data" };
            id = input.read(what, data).ok().map(|(bytes, _)| u64::from_le_bytes(bytes));
        }
        Parsed { release: Release { group, address: data, id }, command: result, backing }
    }

    /// Reads the structure by which a guest asks for its primary surface: the 40 bytes of `create_surface`
    /// (`QXLSurfaceCreate`) in the device's RAM header, which the embedder copied. With KEEP_DATA the pixels that are
    /// there are copied. Also gives where the surface lies.
    ///
    /// # Errors
    /// If its memory does not lie in a slot, or its format has no meaning.
    pub fn primary(
        &self,
        group: u32,
        create: &[u8; 40],
    ) -> Result<(PrimaryCreate, GuestRange), Box<GuestError>> {
        let mut input = self.input(group, 0);
        input.command = "CREATE_PRIMARY";
        input.primary(create)
    }

    fn input(&self, group: u32, flags: u32) -> Input<'_, M> {
        Input {
            slots: self.slots.group(group),
            memory: self.memory,
            limits: &self.limits,
            command: "unknown",
            compat: flags & GuestCommand::COMPAT != 0,
            compat_16bpp: flags & GuestCommand::COMPAT_16BPP != 0,
            copied: 0,
        }
    }
}
