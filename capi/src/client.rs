//! Clients of an engine: what they announced in, display-channel messages out.

use crate::engine::SpiceRenderEngine;
use crate::status::{Failure, SpiceRenderStatus, call, items, put, text};
use bytes::Bytes;
use spice_render::client::caps::{Announcement, CommonCaps, DisplayCaps};
use spice_render::client::link::Link;
use spice_render::client::profile::{Profile, UnknownPolicy};
use spice_render::engine::{ClientId, ClientOptions};
use spice_render::wire::{ClientMessage, DisplayInit, ImageCompression};
use std::ffi::c_char;
use std::time::Duration;

/// A client that joins. Fill it with spice_render_client_options_init() first.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SpiceRenderClientOptions {
    /// The name of its profile, as `spice-render profiles` lists them; NULL if it is to be told by what it announced.
    pub profile: *const c_char,
    /// What it announced: the minor version of protocol 2.
    pub minor: u32,
    /// Words of common capabilities behind `common_words`.
    pub common_count: u32,
    /// The common capabilities of its display channel's link message.
    pub common_words: *const u32,
    /// The display capabilities of that message.
    pub display_words: *const u32,
    /// Words of display capabilities behind `display_words`.
    pub display_count: u32,
    /// Whether its DISPLAY_INIT came: 0 or 1. Without it nearly nothing is known of a client, so wait for it.
    pub has_init: u32,
    /// DISPLAY_INIT: pixels that its image cache holds.
    pub image_cache_pixels: i64,
    /// DISPLAY_INIT: pixels that its GLZ dictionary holds.
    pub glz_window_pixels: i32,
    /// Its preferred compression (`SPICE_IMAGE_COMPRESSION_*`); 0 if it said none.
    pub preferred_compression: u32,
    /// Bit n for each `SPICE_CHANNEL_*` n that it has linked; 0 if not known.
    pub channels: u32,
    /// Whether a client that is not known gets what it has capability bits for (1) or only what every client has (0).
    pub trust_capabilities: u32,
    /// Bits per second of its link; 0 if they are to be found out from what it acknowledges.
    pub link_bits: u64,
    /// Whether photos may lose what is hard to see while the link is slow.
    pub lossy: u32,
    /// Every how many messages it is asked to acknowledge; 0 for never.
    pub ack_window: u32,
    /// Bytes of commands that may wait for it; past them it skips to the present.
    pub queue_bytes: u64,
}

/// Fills in the defaults: a client that announced nothing, minor version 2, lossless, 1 MiB of commands waiting.
///
/// # Safety
/// `options` is NULL (nothing happens) or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_client_options_init(options: *mut SpiceRenderClientOptions) {
    let defaults = SpiceRenderClientOptions {
        profile: std::ptr::null(),
        minor: 2,
        common_count: 0,
        common_words: std::ptr::null(),
        display_words: std::ptr::null(),
        display_count: 0,
        has_init: 0,
        image_cache_pixels: 0,
        glz_window_pixels: 0,
        preferred_compression: 0,
        channels: 0,
        trust_capabilities: 0,
        link_bits: 0,
        lossy: 0,
        ack_window: 0,
        queue_bytes: 1 << 20,
    };
    // SAFETY: the caller's promise; a NULL gives an error that says nothing new.
    let _ = unsafe { put(options, defaults) };
}

/// # Safety
/// The pointers in `options` hold what their counts say.
unsafe fn client_options(options: &SpiceRenderClientOptions) -> Result<ClientOptions, Failure> {
    // SAFETY: the caller's promise.
    let (common, display) = unsafe {
        (
            items(options.common_words, options.common_count as usize, "common_words")?,
            items(options.display_words, options.display_count as usize, "display_words")?,
        )
    };
    let preferred = match options.preferred_compression {
        0 => None,
        n => Some(
            *ImageCompression::ALL
                .get(n as usize)
                .ok_or_else(|| Failure::argument("preferred_compression"))?,
        ),
    };
    let init = (options.has_init != 0).then_some(DisplayInit {
        pixmap_cache_id: 0,
        pixmap_cache_size: options.image_cache_pixels,
        glz_dictionary_id: 0,
        glz_dictionary_window_size: options.glz_window_pixels,
    });
    let announcement = Announcement {
        minor: options.minor,
        common: CommonCaps::from_words(common),
        display: DisplayCaps::from_words(display),
        display_words: options.display_count,
        init,
        preferred,
        channels: options.channels,
    };
    let unknown =
        if options.trust_capabilities != 0 { UnknownPolicy::TrustCaps } else { UnknownPolicy::Safe };
    let mut client = if options.profile.is_null() {
        ClientOptions::announced(&announcement, unknown)
    } else {
        // SAFETY: not NULL, and the caller's promise.
        let name = unsafe { text(options.profile, "profile")? };
        let profile =
            Profile::builtin(name).ok_or_else(|| Failure::not_found(format_args!("no profile {name:?}")))?;
        ClientOptions::new(profile.narrowed_to_minor(options.minor))
    };
    if options.link_bits > 0 {
        client = client.link(Link::of_bandwidth(options.link_bits));
    }
    Ok(client.lossy(options.lossy != 0).queue_bound(options.queue_bytes).ack_window(options.ack_window))
}

/// A client joins, at any time. Its first picture is complete. `client` gets the number by which it is called.
///
/// SPICE_RENDER_STATUS_NOT_FOUND: there is no profile of that name.
///
/// # Safety
/// `engine` is a live engine; `options` points to options whose pointers hold what their counts say; `client` can be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_connect(
    engine: *mut SpiceRenderEngine,
    options: *const SpiceRenderClientOptions,
    client: *mut u64,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            let options = options.as_ref().ok_or_else(|| Failure::argument("options is NULL"))?;
            if client.is_null() {
                return Err(Failure::argument("client is NULL"));
            }
            let id = e.engine.connect(client_options(options)?);
            put(client, id.number())
        })
    }
}

/// # Safety
/// `engine` is NULL or a live engine.
pub(crate) unsafe fn with_client(
    engine: *mut SpiceRenderEngine,
    client: u64,
    body: impl FnOnce(&mut SpiceRenderEngine, ClientId) -> Result<(), Failure>,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            let id = e.engine.clients().find(|id| id.number() == client);
            body(e, id.ok_or_else(|| Failure::not_found(format_args!("no client {client}")))?)
        })
    }
}

/// A client left.
///
/// # Safety
/// `engine` is a live engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_disconnect(
    engine: *mut SpiceRenderEngine,
    client: u64,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        with_client(engine, client, |e, id| {
            e.engine.disconnect(id);
            Ok(())
        })
    }
}

/// A client is another one from now on, of the profile of this name; its picture stays right.
///
/// # Safety
/// `engine` is a live engine; `profile` ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_set_profile(
    engine: *mut SpiceRenderEngine,
    client: u64,
    profile: *const c_char,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        with_client(engine, client, |e, id| {
            let name = text(profile, "profile")?;
            let none = || Failure::not_found(format_args!("no profile {name:?}"));
            e.engine.set_profile(id, Profile::builtin(name).ok_or_else(none)?);
            Ok(())
        })
    }
}

/// A client sent a message on its display channel: its type (`SPICE_MSGC_*`) and the bytes behind the header.
///
/// SPICE_RENDER_STATUS_REFUSED: it makes no sense; who sends such a thing is best disconnected.
///
/// # Safety
/// `engine` is a live engine; `body` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_receive(
    engine: *mut SpiceRenderEngine,
    client: u64,
    kind: u16,
    body: *const u8,
    size: usize,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        with_client(engine, client, |e, id| {
            let body = Bytes::copy_from_slice(items(body, size, "body")?);
            let message = ClientMessage::decode(kind, &body).map_err(Failure::refused)?;
            e.engine.receive(id, &message);
            Ok(())
        })
    }
}

/// Messages for one client, each with its mini header (type, 2 bytes, and size, 4 bytes, both little-endian).
pub struct SpiceRenderMessages(Vec<Bytes>);

/// A client's next messages: at most `budget` bytes in all, but at least one message if there is any and the budget is
/// not 0. `now` is the embedder's clock in microseconds, from any start. No messages for a budget that is not 0 say that
/// the client shows the present.
///
/// `messages` gets what is to be freed with spice_render_messages_free().
///
/// # Safety
/// `engine` is a live engine; `messages` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_poll(
    engine: *mut SpiceRenderEngine,
    client: u64,
    now: u64,
    budget: usize,
    messages: *mut *mut SpiceRenderMessages,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        with_client(engine, client, |e, id| {
            if messages.is_null() {
                return Err(Failure::argument("messages is NULL"));
            }
            let polled = e.engine.poll(id, Duration::from_micros(now), budget);
            messages.write(Box::into_raw(Box::new(SpiceRenderMessages(polled))));
            Ok(())
        })
    }
}

/// How many messages there are; 0 for NULL.
///
/// # Safety
/// `messages` is NULL or came from spice_render_engine_poll().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_messages_count(messages: *const SpiceRenderMessages) -> usize {
    // SAFETY: the caller's promise.
    unsafe { messages.as_ref() }.map_or(0, |m| m.0.len())
}

/// A message's bytes, header included: they live as long as `messages`. NULL if there is no such message; `size` gets
/// their number.
///
/// # Safety
/// `messages` is NULL or came from spice_render_engine_poll(); `size` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_messages_get(
    messages: *const SpiceRenderMessages,
    index: usize,
    size: *mut usize,
) -> *const u8 {
    // SAFETY: the caller's promise.
    let message = unsafe { messages.as_ref() }.and_then(|m| m.0.get(index));
    // SAFETY: the caller's promise.
    let written = unsafe { put(size, message.map_or(0, Bytes::len)) };
    match (message, written) {
        (Some(message), Ok(())) => message.as_ptr(),
        _ => std::ptr::null(),
    }
}

/// Frees messages. NULL is nothing.
///
/// # Safety
/// `messages` came from spice_render_engine_poll() and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_messages_free(messages: *mut SpiceRenderMessages) {
    if !messages.is_null() {
        // SAFETY: made by `Box::into_raw`, and the caller's promise.
        drop(unsafe { Box::from_raw(messages) });
    }
}

/// Whether a client's next poll may give something: `waiting` gets 0 or 1.
///
/// # Safety
/// `engine` is a live engine; `waiting` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_is_waiting(
    engine: *mut SpiceRenderEngine,
    client: u64,
    waiting: *mut u32,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe { with_client(engine, client, |e, id| put(waiting, e.engine.is_waiting(id).into())) }
}

/// A client has the first `total` bytes of all that it was ever sent; `now` as in spice_render_engine_poll().
///
/// # Safety
/// `engine` is a live engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_acknowledged(
    engine: *mut SpiceRenderEngine,
    client: u64,
    now: u64,
    total: u64,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        with_client(engine, client, |e, id| {
            e.engine.acknowledged(id, Duration::from_micros(now), total);
            Ok(())
        })
    }
}

/// A client's link has nothing to do: what was sent with a loss is sent again without, at the next poll.
///
/// # Safety
/// `engine` is a live engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_idle(
    engine: *mut SpiceRenderEngine,
    client: u64,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        with_client(engine, client, |e, id| {
            e.engine.idle(id);
            Ok(())
        })
    }
}

/// What the guest may use now, by the policy: bits `1 << SPICE_DISPLAY_CAP_*` (COMPOSITE and A8_SURFACE).
/// `changed` gets whether that is another answer than the last call's: the guest must be told then.
///
/// # Safety
/// `engine` is a live engine; `capabilities` and `changed` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_guest_capabilities(
    engine: *mut SpiceRenderEngine,
    capabilities: *mut u64,
    changed: *mut u32,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            put(capabilities, e.engine.guest_capabilities().0)?;
            let new = e.engine.capability_notice().is_some();
            put(changed, new.into())
        })
    }
}

/// What was sent to a client.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SpiceRenderMetrics {
    /// Bytes handed out, headers included.
    pub bytes: u64,
    /// Messages.
    pub messages: u64,
    /// Images.
    pub images: u64,
    /// Pixels that images carried.
    pub image_pixels: u64,
    /// The guest's operations that were sent as they are.
    pub passed: u64,
    /// Those sent in another form that draws the same.
    pub rewritten: u64,
    /// Those drawn here.
    pub rasterised: u64,
}

/// A client's counters.
///
/// # Safety
/// `engine` is a live engine; `metrics` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_metrics(
    engine: *mut SpiceRenderEngine,
    client: u64,
    metrics: *mut SpiceRenderMetrics,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        with_client(engine, client, |e, id| {
            let m = e.engine.metrics(id).ok_or_else(|| Failure::not_found("no metrics"))?;
            let counted = SpiceRenderMetrics {
                bytes: m.bytes,
                messages: m.by_message.values().map(|t| t.count).sum(),
                images: m.by_image.values().map(|t| t.count).sum(),
                image_pixels: m.image_pixels,
                passed: m.operations.passed,
                rewritten: m.operations.rewritten,
                rasterised: m.operations.rasterised,
            };
            put(metrics, counted)
        })
    }
}
