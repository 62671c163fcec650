//! Memory slots: what the 64-bit addresses of a QXL guest mean.

use super::error::Fault;
use std::fmt;

/// How an address (`QXLPHYSICAL`) is divided: from its top, the slot's id, its generation, and below them the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressBits {
    id: u8,
    generation: u8,
}

impl AddressBits {
    /// What QEMU's and Xspice's devices have: 8 bits of id, 8 of generation, 48 of place.
    pub const QEMU: Self = Self { id: 8, generation: 8 };

    /// A division into `id` and `generation` bits (the ROM's `slot_id_bits` and `slot_gen_bits`); the rest is the
    /// place. `None` beyond 16 bits of either, as no place for a picture would be left.
    pub const fn new(id: u8, generation: u8) -> Option<Self> {
        if id > 16 || generation > 16 { None } else { Some(Self { id, generation }) }
    }

    /// Bits of the place within the guest's address space: 32 to 64.
    pub const fn place_bits(self) -> u32 {
        64 - self.id as u32 - self.generation as u32
    }

    /// The address of a place in a slot of this id and generation. What does not fit its bits is cut off.
    pub const fn address(self, id: u32, generation: u32, place: u64) -> u64 {
        let place_bits = self.place_bits();
        let generation = generation as u64 & ((1 << self.generation) - 1);
        let id = id as u64 & ((1 << self.id) - 1);
        // Shifts by 64 happen only where the field has no bits, and is 0.
        let id = id.unbounded_shl(place_bits + self.generation as u32);
        id | generation.unbounded_shl(place_bits) | place & self.place_mask()
    }

    /// The id, generation and place of an address.
    pub const fn split(self, address: u64) -> (u32, u32, u64) {
        let place_bits = self.place_bits();
        let generation = address.unbounded_shr(place_bits) & ((1 << self.generation) - 1);
        let id = address.unbounded_shr(place_bits + self.generation as u32) & ((1 << self.id) - 1);
        (id as u32, generation as u32, address & self.place_mask())
    }

    const fn place_mask(self) -> u64 {
        u64::MAX >> (self.id as u32 + self.generation as u32)
    }
}

/// A memory slot: a range of the guest's addresses that it told the device of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Addresses name it; one of another generation belongs to a slot that was here before, and is refused.
    pub generation: u32,
    /// The place (see [`AddressBits`]) of its first byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
}

/// The name of a slot: the group that a command comes from, and the id in its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId {
    /// `group_id` of the command: 0 for the device itself and 1 for the guest in QEMU.
    pub group: u32,
    /// The id.
    pub id: u32,
}

/// Bytes of one slot, known to lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestRange {
    /// The slot.
    pub slot: SlotId,
    /// Bytes from the slot's first byte.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
}

/// The slots of a device, by group and id. Plain data that the embedder keeps as the guest adds and removes slots.
#[derive(Clone, Debug)]
pub struct MemSlots {
    bits: AddressBits,
    groups: u32,
    per_group: u32,
    /// `groups * per_group`, group by group.
    slots: Vec<Option<Slot>>,
}

/// A slot that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotError {
    /// There is no such group, or no such id in it.
    NoSuchId(SlotId),
    /// It reaches beyond the places that addresses can name.
    Range(Slot),
    /// Its generation has more bits than addresses have for it.
    Generation(Slot),
}

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchId(slot) => write!(f, "there is no slot {} in group {}", slot.id, slot.group),
            Self::Range(slot) => {
                write!(f, "a slot of {} bytes at {:#x} is beyond the addresses", slot.size, slot.start)
            }
            Self::Generation(slot) => write!(f, "addresses cannot say generation {}", slot.generation),
        }
    }
}

impl std::error::Error for SlotError {}

impl MemSlots {
    /// No slot yet, of `groups` times `per_group` that may be; at most 256 groups of at most as many slots as
    /// addresses can name are kept.
    pub fn new(bits: AddressBits, groups: u32, per_group: u32) -> Self {
        let (groups, per_group) = (groups.min(256), per_group.min(1 << bits.id));
        Self { bits, groups, per_group, slots: vec![None; (groups * per_group) as usize] }
    }

    /// What QEMU's device has: [`AddressBits::QEMU`], 2 groups of 8 slots.
    pub fn qemu() -> Self {
        Self::new(AddressBits::QEMU, 2, 8)
    }

    /// How addresses are divided.
    pub fn bits(&self) -> AddressBits {
        self.bits
    }

    fn index(&self, id: SlotId) -> Option<usize> {
        let there = id.group < self.groups && id.id < self.per_group;
        there.then(|| (id.group * self.per_group + id.id) as usize)
    }

    /// Adds a slot, in place of the one that was there.
    ///
    /// # Errors
    /// If addresses could not name it.
    pub fn add(&mut self, id: SlotId, slot: Slot) -> Result<(), SlotError> {
        let index = self.index(id).ok_or(SlotError::NoSuchId(id))?;
        let most = self.bits.place_mask();
        // The last byte must have a place; the end itself need not.
        if slot.start > most || slot.size > (most - slot.start).saturating_add(1) {
            return Err(SlotError::Range(slot));
        }
        if u64::from(slot.generation) >= 1 << self.bits.generation {
            return Err(SlotError::Generation(slot));
        }
        self.slots[index] = Some(slot);
        Ok(())
    }

    /// Removes a slot; gives what it was.
    pub fn remove(&mut self, id: SlotId) -> Option<Slot> {
        let index = self.index(id)?;
        self.slots[index].take()
    }

    /// Removes all slots of a group, as a reset of the device does.
    pub fn clear(&mut self, group: u32) {
        for id in 0..self.per_group {
            self.remove(SlotId { group, id });
        }
    }

    /// A slot.
    pub fn get(&self, id: SlotId) -> Option<Slot> {
        self.slots[self.index(id)?]
    }

    /// The address of an offset in a slot, as a guest would write it; `None` beyond its end (the end itself has one
    /// where it has a place).
    pub fn address(&self, id: SlotId, offset: u64) -> Option<u64> {
        let slot = self.get(id)?;
        let place = slot.start.checked_add(offset)?;
        let there = offset <= slot.size && place <= self.bits.place_mask();
        there.then(|| self.bits.address(id.id, slot.generation, place))
    }

    /// The slots of one group.
    pub(super) fn group(&self, group: u32) -> Group<'_> {
        let per_group = self.per_group as usize;
        let slots = (group < self.groups).then(|| &self.slots[group as usize * per_group..][..per_group]);
        Group { bits: self.bits, number: group, slots }
    }
}

/// The slots that the addresses of one command mean, looked up once.
#[derive(Clone, Copy)]
pub(super) struct Group<'a> {
    bits: AddressBits,
    number: u32,
    /// `None` if there is no such group.
    slots: Option<&'a [Option<Slot>]>,
}

impl Group<'_> {
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The `len` bytes at an address, if all lie in one slot; and how many lie behind them in that slot.
    #[inline]
    pub(super) fn find(&self, address: u64, len: u64) -> Result<(GuestRange, u64), Fault> {
        let (id, generation, place) = self.bits.split(address);
        let slot = self.slots.and_then(|slots| slots.get(id as usize)?.as_ref());
        if let Some(slot) = slot
            && slot.generation == generation
            && let Some(offset) = place.checked_sub(slot.start)
            && let Some(behind) = slot.size.checked_sub(offset).and_then(|room| room.checked_sub(len))
        {
            return Ok((GuestRange { slot: SlotId { group: self.number, id }, offset, len }, behind));
        }
        Err(self.fault(address, len))
    }

    /// Why the bytes are not there.
    #[cold]
    fn fault(&self, address: u64, len: u64) -> Fault {
        let (id, found, place) = self.bits.split(address);
        let Some(slots) = self.slots else { return Fault::NoGroup };
        let Some(slot) = slots.get(id as usize).copied().flatten() else { return Fault::NoSlot { id } };
        if slot.generation != found {
            return Fault::Generation { found, expected: slot.generation };
        }
        let room = place.checked_sub(slot.start).and_then(|offset| slot.size.checked_sub(offset));
        Fault::OutOfSlot { id, len, room: room.unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qxl::testing::Rng;

    #[test]
    fn addresses_are_divided_and_joined() {
        let mut rng = Rng::seeded(1);
        for id_bits in 0..=16 {
            for generation_bits in 0..=16 {
                let bits = AddressBits::new(id_bits, generation_bits).unwrap();
                for _ in 0..20 {
                    let address = rng.next_u64();
                    let (id, generation, place) = bits.split(address);
                    assert_eq!(bits.address(id, generation, place), address, "{bits:?}");
                    assert!(u64::from(id) < 1 << id_bits && u64::from(generation) < 1 << generation_bits);
                    assert!(place.leading_zeros() >= 64 - bits.place_bits());
                }
            }
        }
        assert_eq!(AddressBits::new(17, 0), None);
        assert_eq!(AddressBits::QEMU.split(0x0102_0000_0000_abcd), (1, 2, 0xabcd));
    }

    #[test]
    fn ranges_must_lie_in_their_slot() {
        let mut slots = MemSlots::qemu();
        let id = SlotId { group: 1, id: 3 };
        let top = 1 << 48;
        let slot = Slot { generation: 2, start: top - 100, size: 100 };
        slots.add(id, slot).unwrap();
        let at = |offset: u64| AddressBits::QEMU.address(3, 2, top - 100 + offset);
        assert_eq!(slots.address(id, 7), Some(at(7)));
        assert_eq!(slots.address(id, 100), None);
        let found = GuestRange { slot: id, offset: 60, len: 40 };
        assert_eq!(slots.group(1).find(at(60), 40).unwrap(), (found, 0));
        assert_eq!(
            slots.group(1).find(at(60), 41).unwrap_err(),
            Fault::OutOfSlot { id: 3, len: 41, room: 40 }
        );
        assert_eq!(
            slots.group(1).find(at(0) - 1, 1).unwrap_err(),
            Fault::OutOfSlot { id: 3, len: 1, room: 0 }
        );
        assert_eq!(
            slots.group(1).find(at(1), u64::MAX).unwrap_err(),
            Fault::OutOfSlot { id: 3, len: u64::MAX, room: 99 }
        );
        assert_eq!(slots.group(0).find(at(0), 1).unwrap_err(), Fault::NoSlot { id: 3 });
        assert_eq!(slots.group(2).find(at(0), 1).unwrap_err(), Fault::NoGroup);
        let old = AddressBits::QEMU.address(3, 1, top - 100);
        assert_eq!(slots.group(1).find(old, 1).unwrap_err(), Fault::Generation { found: 1, expected: 2 });
        let other = AddressBits::QEMU.address(200, 2, 0);
        assert_eq!(slots.group(1).find(other, 1).unwrap_err(), Fault::NoSlot { id: 200 });
        assert_eq!(slots.remove(id), Some(slot));
        assert_eq!(slots.group(1).find(at(0), 1).unwrap_err(), Fault::NoSlot { id: 3 });
    }

    #[test]
    fn slots_that_no_address_names_are_refused() {
        let mut slots = MemSlots::qemu();
        let id = SlotId { group: 0, id: 0 };
        for (start, size) in [(1 << 48, 1), ((1 << 48) - 1, 2), (0, (1 << 48) + 1), (u64::MAX, u64::MAX)] {
            let slot = Slot { generation: 0, start, size };
            assert_eq!(slots.add(id, slot), Err(SlotError::Range(slot)));
        }
        let slot = Slot { generation: 256, start: 0, size: 1 };
        assert_eq!(slots.add(id, slot), Err(SlotError::Generation(slot)));
        let none = SlotId { group: 2, id: 0 };
        assert_eq!(slots.add(none, slot), Err(SlotError::NoSuchId(none)));
        let whole = Slot { generation: 0, start: 0, size: u64::MAX };
        MemSlots::new(AddressBits::new(0, 0).unwrap(), 1, 1).add(id, whole).unwrap();
    }
}
