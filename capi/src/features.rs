//! What there is.

use crate::status::{items_mut, text};
use spice_render::features::{Compat, Features, features};
use std::ffi::c_char;

/// What this library and this machine have: bit n is the feature whose name spice_render_feature_name() gives for n. A
/// bit never changes its meaning.
#[unsafe(no_mangle)]
pub extern "C" fn spice_render_features() -> u64 {
    (features() | Features::CAPI).bits()
}

/// What a version of this library, as in "0.1", has of the features that a client or a guest notices; 0 for a version
/// that this one does not know. For `allowed_features` of an engine's options, joined by `&` for several versions.
///
/// # Safety
/// `version` is NULL (0 then) or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_version_features(version: *const c_char) -> u64 {
    // SAFETY: the caller's promise.
    let known = unsafe { text(version, "version") }.ok().and_then(Compat::version);
    known.map_or(0, |compat| compat.features().bits())
}

/// Writes the name of a feature, as in `codec-quic`, cut off at `size - 1` bytes and with a NUL behind it. Returns the
/// bytes of the whole name without the NUL; 0 if no feature has this bit.
///
/// # Safety
/// `name` is NULL or can be written for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_feature_name(bit: u32, name: *mut c_char, size: usize) -> usize {
    let wanted = 1u64.checked_shl(bit).map(Features::from_bits);
    let found = Features::NAMES.iter().find(|(feature, _)| Some(*feature) == wanted);
    let text = found.map_or("", |(_, text)| *text);
    // SAFETY: the caller's promise.
    if let Ok(Some((last, out))) = unsafe { items_mut(name.cast::<u8>(), size) }.map(|o| o.split_last_mut()) {
        let fits = text.len().min(out.len());
        out[..fits].copy_from_slice(&text.as_bytes()[..fits]);
        *out.get_mut(fits).unwrap_or(last) = 0;
    }
    text.len()
}
