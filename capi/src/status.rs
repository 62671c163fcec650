//! How calls end.

use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a call ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpiceRenderStatus {
    /// It did what it says.
    Ok = 0,
    /// The guest's command, the client's message or the recording makes no sense. Nothing changed. The handle's message
    /// names the place and the field.
    Refused = 1,
    /// An argument is NULL or out of its range.
    Argument = 2,
    /// There is no such client, surface, profile or file.
    NotFound = 3,
    /// A fault of the library itself. The handle takes no other call than its `_free`.
    Internal = 4,
}

/// A short English text for a status, alive for ever.
#[unsafe(no_mangle)]
pub extern "C" fn spice_render_status_text(status: SpiceRenderStatus) -> *const c_char {
    let text = match status {
        SpiceRenderStatus::Ok => c"done",
        SpiceRenderStatus::Refused => c"refused: the input makes no sense",
        SpiceRenderStatus::Argument => c"an argument is NULL or out of range",
        SpiceRenderStatus::NotFound => c"not found",
        SpiceRenderStatus::Internal => c"a fault of the library",
    };
    text.as_ptr()
}

/// Why a call failed.
pub(crate) struct Failure(pub(crate) SpiceRenderStatus, pub(crate) String);

impl Failure {
    pub(crate) fn refused(error: impl std::fmt::Display) -> Self {
        Self(SpiceRenderStatus::Refused, error.to_string())
    }

    pub(crate) fn argument(what: &str) -> Self {
        Self(SpiceRenderStatus::Argument, what.to_owned())
    }

    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self(SpiceRenderStatus::NotFound, what.to_string())
    }
}

/// What a handle remembers of its last failed call.
#[derive(Default)]
pub(crate) struct Last {
    message: CString,
    broken: bool,
}

impl Last {
    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.message.as_ptr()
    }

    fn note(&mut self, failure: Failure) -> SpiceRenderStatus {
        let text: Vec<u8> = failure.1.into_bytes().into_iter().filter(|b| *b != 0).collect();
        self.message = CString::new(text).unwrap_or_default();
        failure.0
    }
}

/// An object behind a handle.
pub(crate) trait Handle {
    fn last(&mut self) -> &mut Last;
}

/// Runs a call on a handle: panics and failures become a status.
///
/// # Safety
/// `handle` is NULL or a live object that nobody else uses meanwhile.
pub(crate) unsafe fn call<H: Handle>(
    handle: *mut H,
    body: impl FnOnce(&mut H) -> Result<(), Failure>,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    let Some(handle) = (unsafe { handle.as_mut() }) else { return SpiceRenderStatus::Argument };
    if handle.last().broken {
        return SpiceRenderStatus::Internal;
    }
    match catch_unwind(AssertUnwindSafe(|| body(handle))) {
        Ok(Ok(())) => SpiceRenderStatus::Ok,
        Ok(Err(failure)) => handle.last().note(failure),
        Err(_) => {
            let last = handle.last();
            last.broken = true;
            last.note(Failure(SpiceRenderStatus::Internal, "the library panicked".to_owned()))
        }
    }
}

/// Writes through a pointer that must not be NULL.
///
/// # Safety
/// `out` is NULL or can be written.
pub(crate) unsafe fn put<T>(out: *mut T, value: T) -> Result<(), Failure> {
    if out.is_null() {
        return Err(Failure::argument("an output pointer is NULL"));
    }
    // SAFETY: not NULL, and the caller's promise.
    unsafe { out.write(value) };
    Ok(())
}

/// The text behind a pointer.
///
/// # Safety
/// `text` is NULL or ends with a NUL, and lives long enough.
pub(crate) unsafe fn text<'a>(text: *const c_char, what: &str) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Err(Failure::argument(&format!("{what} is NULL")));
    }
    // SAFETY: not NULL, and the caller's promise.
    let text = unsafe { std::ffi::CStr::from_ptr(text) };
    text.to_str().map_err(|_| Failure::argument(&format!("{what} is not UTF-8")))
}

/// The `len` items behind a pointer, which may be NULL for none.
///
/// # Safety
/// `items` points to that many, which live long enough.
pub(crate) unsafe fn items<'a, T>(items: *const T, len: usize, what: &str) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if items.is_null() || len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Failure::argument(&format!("{what} is NULL or too long")));
    }
    // SAFETY: not NULL, not longer than memory, and the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(items, len) })
}

/// The `len` items behind a pointer, which may be NULL for none, to be written.
///
/// # Safety
/// `items` points to that many, which live long enough and are nobody else's.
pub(crate) unsafe fn items_mut<'a, T>(items: *mut T, len: usize) -> Result<&'a mut [T], Failure> {
    if len == 0 || items.is_null() {
        return Ok(&mut []);
    }
    if len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Failure::argument("an output is too long"));
    }
    // SAFETY: not NULL, not longer than memory, and the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts_mut(items, len) })
}
