//! Bytes that the library makes: saved clients, text.

use crate::client::with_client;
use crate::engine::SpiceRenderEngine;
use crate::status::{Failure, SpiceRenderStatus, call, items, put};

/// Bytes that the library made, to be freed with spice_render_bytes_free().
pub struct SpiceRenderBytes(Vec<u8>);

/// Where the bytes are, as long as `bytes` lives; `size` gets their number. A text also has a NUL behind them. NULL for
/// NULL.
///
/// # Safety
/// `bytes` is NULL or live; `size` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_bytes_get(
    bytes: *const SpiceRenderBytes,
    size: *mut usize,
) -> *const u8 {
    // SAFETY: the caller's promise.
    let bytes = unsafe { bytes.as_ref() };
    // The NUL at the end does not count.
    // SAFETY: the caller's promise.
    let written = unsafe { put(size, bytes.map_or(0, |b| b.0.len() - 1)) };
    match (bytes, written) {
        (Some(bytes), Ok(())) => bytes.0.as_ptr(),
        _ => std::ptr::null(),
    }
}

/// Frees bytes. NULL is nothing.
///
/// # Safety
/// `bytes` came from this library and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_bytes_free(bytes: *mut SpiceRenderBytes) {
    if !bytes.is_null() {
        // SAFETY: made by `Box::into_raw`, and the caller's promise.
        drop(unsafe { Box::from_raw(bytes) });
    }
}

/// # Safety
/// `out` is NULL or can be written.
unsafe fn give(out: *mut *mut SpiceRenderBytes, mut bytes: Vec<u8>) -> Result<(), Failure> {
    if out.is_null() {
        return Err(Failure::argument("an output pointer is NULL"));
    }
    bytes.push(0);
    // SAFETY: not NULL, and the caller's promise.
    unsafe { out.write(Box::into_raw(Box::new(SpiceRenderBytes(bytes)))) };
    Ok(())
}

/// A client as bytes, for an engine elsewhere to go on with it after migration (spice_render_engine_restore_client).
/// Nothing changes here, but the client must get nothing more from here and the guest must draw nothing more here. They
/// hold what the client holds and what waits for it: a few hundred kilobytes, or some megabytes.
///
/// # Safety
/// `engine` is a live engine; `bytes` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_save_client(
    engine: *mut SpiceRenderEngine,
    client: u64,
    bytes: *mut *mut SpiceRenderBytes,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        with_client(engine, client, |e, id| {
            let saved = e.engine.save_client(id).ok_or_else(|| Failure::not_found("no client"))?;
            give(bytes, saved)
        })
    }
}

/// Goes on with a client that was saved; `client` gets its number here. The guest must have been migrated before, and
/// show the same; if it does not, the client gets a whole picture. Its surfaces are to be there under the ids that they
/// had, made with their pixels (QXL_SURF_FLAG_KEEP_DATA).
///
/// SPICE_RENDER_STATUS_REFUSED: these are not the bytes of a client, or they were changed, or another version of the
/// library wrote them in another form. Nobody joins then.
///
/// # Safety
/// `engine` is a live engine; `data` points to `size` bytes; `client` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_restore_client(
    engine: *mut SpiceRenderEngine,
    data: *const u8,
    size: usize,
    client: *mut u64,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            if client.is_null() {
                return Err(Failure::argument("client is NULL"));
            }
            let saved = items(data, size, "data")?;
            let id = e.engine.restore_client(saved).map_err(Failure::refused)?;
            put(client, id.number())
        })
    }
}

/// All counters of the engine and its clients in Prometheus' text format, version 0.0.4.
///
/// # Safety
/// `engine` is a live engine; `text` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_prometheus(
    engine: *mut SpiceRenderEngine,
    text: *mut *mut SpiceRenderBytes,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe { call(engine, |e| give(text, e.engine.counters().to_prometheus().into_bytes())) }
}
