//! How the process's allocator treats large blocks.

use std::hint::black_box;

/// Asks the allocator to keep what is freed for what is allocated next, up to 64 MiB, instead of giving every large
/// block back to the system and getting it anew.
///
/// Pictures come and go by the hundred, most of them beyond the 128 KiB from which glibc's `malloc` maps each block
/// of its own: each would be 4 KiB pages that the system clears and maps one fault at a time, which costs more than
/// reading and drawing them. glibc raises that bound to the largest mapped block that was freed so far, at most
/// 32 MiB, and keeps twice as much; so one block of that size, never touched, is allocated and freed.
///
/// Another such block then comes off the top of the heap, and stays a part of it when it is freed: what is allocated
/// next lies there. With the feature `cli` the system is asked to map that part of the heap by 2 MiB at a time
/// (the crate `spice-pages`), which saves a replay most of its page faults, a quarter of its time.
///
/// With other allocators this does nothing. For programs, at their start; a library has no business to do it unasked.
pub fn keep_freed() {
    // A little below 32 MiB, as the block's header and its rounding to pages count.
    drop(black_box(Vec::<u8>::with_capacity((32 << 20) - (64 << 10))));
    #[cfg(feature = "cli")]
    {
        let mut top = Vec::<u8>::with_capacity(31 << 20);
        spice_pages::prefer_large(top.spare_capacity_mut());
        let before = top.as_ptr().align_offset(spice_pages::LARGE).min(spice_pages::LARGE);
        drop(black_box(top));
        // What is before the first of these pages stays unused, and takes no memory.
        std::mem::forget(black_box(Vec::<u8>::with_capacity(before.saturating_sub(64))));
    }
}
