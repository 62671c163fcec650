//! A guest's memory as C embedders have it: mapped ranges.

use crate::status::Failure;
use spice_render::qxl::guest::{GuestMemory, SlotId};
use std::collections::BTreeMap;

/// The mappings of memory slots.
#[derive(Debug, Default)]
pub(crate) struct Mapped(BTreeMap<SlotId, (*const u8, usize)>);

// SAFETY: the pointers are only read through, and the embedder promised (spice_render_engine_add_slot) that the memory
// can be read from any thread until the slot is removed.
unsafe impl Send for Mapped {}

impl Mapped {
    pub(crate) fn add(&mut self, slot: SlotId, data: *const u8, size: usize) -> Result<(), Failure> {
        if data.is_null() || size > isize::MAX as usize {
            return Err(Failure::argument("slot: data is NULL or size is too large"));
        }
        self.0.insert(slot, (data, size));
        Ok(())
    }

    pub(crate) fn remove(&mut self, slot: SlotId) {
        self.0.remove(&slot);
    }

    pub(crate) fn clear(&mut self, group: u32) {
        self.0.retain(|slot, _| slot.group != group);
    }
}

impl GuestMemory for Mapped {
    fn read(&self, slot: SlotId, offset: u64, out: &mut [u8]) -> bool {
        let Some(&(data, size)) = self.0.get(&slot) else { return false };
        let Ok(offset) = usize::try_from(offset) else { return false };
        if offset.checked_add(out.len()).is_none_or(|end| end > size) {
            return false;
        }
        // SAFETY: `offset .. offset + out.len()` lies in the mapping.
        unsafe { copy(data.add(offset), out) };
        true
    }
}

/// Copies bytes that somebody else may be writing, each once. Words where they are aligned: 8 times a byte loop's speed.
///
/// # Safety
/// `from` can be read for `out.len()` bytes.
unsafe fn copy(from: *const u8, out: &mut [u8]) {
    let head = from.align_offset(8).min(out.len());
    let (first, rest) = out.split_at_mut(head);
    let (words, last) = rest.as_chunks_mut::<8>();
    let byte = |at: usize| {
        // SAFETY: `at` is below `out.len()`.
        unsafe { from.add(at).read_volatile() }
    };
    first.iter_mut().enumerate().for_each(|(i, b)| *b = byte(i));
    for (i, word) in words.iter_mut().enumerate() {
        // SAFETY: these 8 bytes lie below `out.len()`, and `from + head` is aligned.
        *word = unsafe { from.add(head + i * 8).cast::<u64>().read_volatile() }.to_ne_bytes();
    }
    let done = head + words.len() * 8;
    last.iter_mut().enumerate().for_each(|(i, b)| *b = byte(done + i));
}
