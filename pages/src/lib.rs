//! Asks the system for large pages behind memory that the caller owns.
//!
//! Memory that a program touches for the first time comes as pages of 4 KiB, each by a fault of its own, which in a
//! virtual machine takes longer than filling the page. Linux gives 2 MiB at a time where a program asks for it
//! (`MADV_HUGEPAGE`; transparent huge pages are set to `madvise` or `always` on most systems).

use std::mem::MaybeUninit;

/// Bytes of a large page, which starts at a multiple of its size.
pub const LARGE: usize = 2 << 20;

/// Asks for large pages wherever 2 MiB of `block`, aligned to their size, are touched for the first time from now on.
///
/// It is no more than a wish: contents stay as they are, and where the system does not know it or denies it, nothing
/// happens. It belongs to the addresses, so that it stays when an allocator takes the block back and gives it out again.
pub fn prefer_large(block: &mut [MaybeUninit<u8>]) {
    /// The largest page that systems have as their smallest; the kernel wants starts of pages.
    const PAGE: usize = 64 << 10;
    let before = block.as_ptr().align_offset(PAGE).min(block.len());
    let whole = &mut block[before..];
    let len = whole.len() / PAGE * PAGE;
    #[cfg(target_os = "linux")]
    if len > 0 {
        // SAFETY: the advice changes no contents, and the pages are all within a block that is the caller's alone.
        unsafe {
            libc::madvise(whole.as_mut_ptr().cast(), len, libc::MADV_HUGEPAGE);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (whole, len);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_stay() {
        for len in [0, 1, 4096, 200_000, 5 << 20] {
            let mut block: Vec<MaybeUninit<u8>> = (0..len).map(|i| MaybeUninit::new(i as u8)).collect();
            prefer_large(&mut block);
            // SAFETY: all bytes were written.
            assert!(block.iter().enumerate().all(|(i, byte)| unsafe { byte.assume_init() } == i as u8));
        }
    }

    /// The kernel's flags of the mapping at an address.
    #[cfg(target_os = "linux")]
    fn flags(address: usize) -> Option<String> {
        let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
        let mut inside = false;
        for line in maps.lines() {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            let ends = range.map(|(a, b)| (usize::from_str_radix(a, 16), usize::from_str_radix(b, 16)));
            if let Some((Ok(from), Ok(to))) = ends {
                inside = (from..to).contains(&address);
            } else if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
                return Some(flags.into());
            }
        }
        None
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_is_asked() {
        // Kernels without large pages refuse.
        if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage/enabled").exists() {
            return;
        }
        let mut block: Vec<u8> = Vec::with_capacity(8 << 20);
        let middle = block.as_ptr() as usize + (4 << 20);
        let asked =
            |flags: Option<String>| flags.is_none_or(|flags| flags.split(' ').any(|flag| flag == "hg"));
        prefer_large(block.spare_capacity_mut());
        assert!(asked(flags(middle)));
        assert!(flags(flags as *const () as usize).is_none_or(|flags| !asked(Some(flags))), "code is not");
    }
}
