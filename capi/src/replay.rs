//! Recordings, rendered.

use crate::pixels::{SpiceRenderPixels, SpiceRenderRect, copy};
use crate::status::{Failure, Handle, Last, SpiceRenderStatus, call, put};
use spice_raster::Raster;
use spice_render::draw::Limits;
use spice_render::{capture, replay::Replay};
use std::ffi::{OsStr, c_char};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A recording that is being read and drawn.
pub struct SpiceRenderReplay {
    replay: Option<Replay<Box<dyn Read + Send>>>,
    last: Last,
}

impl Handle for SpiceRenderReplay {
    fn last(&mut self) -> &mut Last {
        &mut self.last
    }
}

impl SpiceRenderReplay {
    fn opened(&mut self) -> Result<&mut Replay<Box<dyn Read + Send>>, Failure> {
        self.replay.as_mut().ok_or_else(|| Failure::argument("no recording is open"))
    }
}

/// A replay with no recording yet. To be freed with spice_render_replay_free().
#[unsafe(no_mangle)]
pub extern "C" fn spice_render_replay_new() -> *mut SpiceRenderReplay {
    Box::into_raw(Box::new(SpiceRenderReplay { replay: None, last: Last::default() }))
}

/// Frees a replay. NULL is nothing.
///
/// # Safety
/// `replay` came from spice_render_replay_new() and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_replay_free(replay: *mut SpiceRenderReplay) {
    if !replay.is_null() {
        // SAFETY: made by `Box::into_raw`, and the caller's promise.
        drop(unsafe { Box::from_raw(replay) });
    }
}

/// Why the last failed call on this replay failed: an English sentence, empty if none failed yet. It lives until the
/// next call on the replay.
///
/// # Safety
/// `replay` is a live replay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_replay_message(replay: *const SpiceRenderReplay) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { replay.as_ref() }.map_or(c"no replay".as_ptr(), |r| r.last.as_ptr())
}

/// Opens a recording: a file, compressed (zstd, gzip, xz, lz4) or not. The one that was open is forgotten.
///
/// SPICE_RENDER_STATUS_REFUSED: there is no such file, or it is not a recording.
///
/// # Safety
/// `replay` is a live replay; `path` ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_replay_open(
    replay: *mut SpiceRenderReplay,
    path: *const c_char,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(replay, |r| {
            if path.is_null() {
                return Err(Failure::argument("path is NULL"));
            }
            let path = Path::new(OsStr::from_bytes(std::ffi::CStr::from_ptr(path).to_bytes()));
            let reader = capture::open(path, capture::Limits::default()).map_err(Failure::refused)?;
            r.replay = Some(Replay::new(reader, Raster::new(), Limits::default()));
            Ok(())
        })
    }
}

/// Takes events in up to and including number `last`, or all of them for UINT64_MAX. The events' numbers begin at 0.
/// The end of the recording, or a tail that is cut off, is no error.
///
/// SPICE_RENDER_STATUS_REFUSED: the recording is corrupt; what came before can be seen.
///
/// # Safety
/// `replay` is a live replay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_replay_run(
    replay: *mut SpiceRenderReplay,
    last: u64,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe { call(replay, |r| r.opened()?.run((last != u64::MAX).then_some(last)).map_err(Failure::refused)) }
}

/// The size of a surface (0 is the primary surface) in pixels, as it is now.
///
/// # Safety
/// `replay` is a live replay; `width` and `height` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_replay_surface_size(
    replay: *mut SpiceRenderReplay,
    surface: u32,
    width: *mut u32,
    height: *mut u32,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(replay, |r| {
            let none = || Failure::not_found(format_args!("no surface {surface}"));
            let view = r.opened()?.surface(surface).map_err(Failure::refused)?.ok_or_else(none)?.view();
            put(width, view.width())?;
            put(height, view.height())
        })
    }
}

/// Copies a rectangle of a surface as it is now.
///
/// # Safety
/// `replay` is a live replay; `pixels` points to a description of memory that can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_replay_pixels(
    replay: *mut SpiceRenderReplay,
    surface: u32,
    area: SpiceRenderRect,
    pixels: *const SpiceRenderPixels,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(replay, |r| {
            let pixels = pixels.as_ref().ok_or_else(|| Failure::argument("pixels is NULL"))?;
            let none = || Failure::not_found(format_args!("no surface {surface}"));
            let view = r.opened()?.surface(surface).map_err(Failure::refused)?.ok_or_else(none)?.view();
            let area = area.to_rect();
            let bounds = spice_raster::Rect::of_size(view.width(), view.height());
            if area.is_empty() || area.intersect(&bounds) != area {
                return Err(Failure::argument("area is empty or leaves the surface"));
            }
            copy(view, area, pixels)
        })
    }
}
