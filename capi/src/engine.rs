//! The engine: a guest's commands in, pixels out.

use crate::guest::Mapped;
use crate::pixels::{SpiceRenderPixels, SpiceRenderRect, copy};
use crate::status::{Failure, Handle, Last, SpiceRenderStatus, call, items, put};
use spice_render::client::caps::DisplayCaps;
use spice_render::draw::Limits;
use spice_render::engine::{CapabilityPolicy, Engine, Options};
use spice_render::features::{Compat, Features};
use spice_render::qxl::guest::{Guest, GuestCommand, GuestRange, MemSlots, Slot, SlotId};
use spice_render::qxl::{Command, Event, SurfaceCmd, SurfaceFormat, WorkerMessage, surface_format_number};
use std::collections::BTreeMap;
use std::ffi::c_char;

/// Renders a guest's commands and feeds clients with what they show. It owns no thread of its own (but a pool that it
/// draws with), no socket and no clock.
pub struct SpiceRenderEngine {
    pub(crate) engine: Engine,
    slots: MemSlots,
    memory: Mapped,
    /// Of every surface that is there.
    backings: BTreeMap<u32, SpiceRenderBacking>,
    last: Last,
}

impl Handle for SpiceRenderEngine {
    fn last(&mut self) -> &mut Last {
        &mut self.last
    }
}

/// What the guest is told that it may use.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpiceRenderPolicy {
    /// What all clients have; nothing while there is none.
    Intersection = 0,
    /// What any client has: the others get images.
    Union = 1,
    /// Always `fixed_capabilities`.
    Fixed = 2,
}

/// How an engine works. Fill it with spice_render_options_init() first.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SpiceRenderOptions {
    /// Bytes of pixels of one surface at most.
    pub surface_bytes: u64,
    /// Bytes of pixels of all surfaces together at most.
    pub total_surface_bytes: u64,
    /// Bytes of one image, as pixels of 32 bits, at most.
    pub image_bytes: u64,
    /// Bytes that commands not yet drawn may keep alive; past them the oldest are drawn.
    pub pending_bytes: u64,
    /// Bytes of encoded images that are kept to be sent to several clients; 0 keeps none.
    pub shared_image_bytes: usize,
    /// Surfaces that exist at a time, at most.
    pub surfaces: u32,
    /// Commands not yet drawn, at most.
    pub pending_commands: u32,
    /// What the guest may use: a SpiceRenderPolicy.
    pub policy: u32,
    /// With SPICE_RENDER_POLICY_FIXED: bits `1 << SPICE_DISPLAY_CAP_*`.
    pub fixed_capabilities: u32,
    /// What may be used towards clients and guests, of spice_render_features(): where the engine is to migrate to other
    /// hosts and versions, what all of them have (spice_render_version_features()). UINT64_MAX for all that there is.
    pub allowed_features: u64,
}

/// Fills in the defaults.
///
/// # Safety
/// `options` is NULL (nothing happens) or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_options_init(options: *mut SpiceRenderOptions) {
    let (limits, graph) = (Limits::default(), Options::default().graph);
    let defaults = SpiceRenderOptions {
        surface_bytes: limits.surface_bytes,
        total_surface_bytes: limits.total_surface_bytes,
        image_bytes: limits.image_bytes,
        pending_bytes: graph.bytes,
        shared_image_bytes: 16 << 20,
        surfaces: u32::try_from(limits.surfaces).unwrap_or(u32::MAX),
        pending_commands: u32::try_from(graph.nodes).unwrap_or(u32::MAX),
        policy: SpiceRenderPolicy::Intersection as u32,
        fixed_capabilities: 0,
        allowed_features: u64::MAX,
    };
    // SAFETY: the caller's promise; a NULL gives an error that says nothing new.
    let _ = unsafe { put(options, defaults) };
}

impl SpiceRenderOptions {
    fn to_options(self) -> Option<Options> {
        let mut options = Options { shared_images: self.shared_image_bytes, ..Options::default() };
        options.limits.surface_bytes = self.surface_bytes;
        options.limits.total_surface_bytes = self.total_surface_bytes;
        options.limits.image_bytes = self.image_bytes;
        options.limits.surfaces = self.surfaces as usize;
        options.graph.bytes = self.pending_bytes;
        options.graph.nodes = self.pending_commands as usize;
        options.compat = Compat::default().and(Features::from_bits(self.allowed_features));
        options.capabilities = match self.policy {
            0 => CapabilityPolicy::Intersection,
            1 => CapabilityPolicy::Union,
            2 => CapabilityPolicy::Fixed(DisplayCaps(self.fixed_capabilities.into())),
            _ => return None,
        };
        Some(options)
    }
}

/// A new engine: nothing is drawn, nobody is connected, and no memory slot is known. The memory slots' addresses are
/// divided as QEMU's device divides them: 8 bits of slot id, 8 of generation, 48 of place; 2 groups of 8 slots.
///
/// `options` is NULL for the defaults. NULL if the options make no sense. To be freed with spice_render_engine_free().
///
/// # Safety
/// `options` is NULL or points to options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_new(
    options: *const SpiceRenderOptions,
) -> *mut SpiceRenderEngine {
    // SAFETY: the caller's promise.
    let options = match unsafe { options.as_ref() } {
        None => Some(Options { shared_images: 16 << 20, ..Options::default() }),
        Some(options) => options.to_options(),
    };
    let made = std::panic::catch_unwind(|| {
        options.map(|options| SpiceRenderEngine {
            engine: Engine::new(options),
            slots: MemSlots::qemu(),
            memory: Mapped::default(),
            backings: BTreeMap::new(),
            last: Last::default(),
        })
    });
    made.ok().flatten().map_or(std::ptr::null_mut(), |engine| Box::into_raw(Box::new(engine)))
}

/// Frees an engine and all its clients. NULL is nothing.
///
/// # Safety
/// `engine` came from spice_render_engine_new() and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_free(engine: *mut SpiceRenderEngine) {
    if !engine.is_null() {
        // SAFETY: made by `Box::into_raw`, and the caller's promise.
        drop(unsafe { Box::from_raw(engine) });
    }
}

/// Why the last failed call on this engine failed: an English sentence, empty if none failed yet. It lives until the
/// next call on the engine.
///
/// # Safety
/// `engine` is a live engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_message(engine: *const SpiceRenderEngine) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { engine.as_ref() }.map_or(c"no engine".as_ptr(), |e| e.last.as_ptr())
}

/// The guest made memory known to the device: `size` bytes, mapped here at `data`, that the guest calls `start` (the
/// place within an address, without slot id and generation). Takes the place of the slot of that id.
///
/// The bytes are read while a command is submitted, by the calling thread, each once; the guest may write meanwhile.
/// They must stay readable until the slot is removed or the engine freed.
///
/// # Safety
/// `data` can be read for `size` bytes as long as that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_add_slot(
    engine: *mut SpiceRenderEngine,
    group: u32,
    id: u32,
    generation: u32,
    start: u64,
    data: *const u8,
    size: usize,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            let slot = SlotId { group, id };
            if data.is_null() {
                return Err(Failure::argument("data is NULL"));
            }
            let range = Slot { generation, start, size: size as u64 };
            e.slots.add(slot, range).map_err(|error| Failure::argument(&error.to_string()))?;
            e.memory.add(slot, data, size)
        })
    }
}

/// The guest removed a memory slot; its bytes are not read any more.
///
/// # Safety
/// `engine` is a live engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_remove_slot(
    engine: *mut SpiceRenderEngine,
    group: u32,
    id: u32,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            let slot = SlotId { group, id };
            e.slots.remove(slot).ok_or_else(|| Failure::not_found("no such slot"))?;
            e.memory.remove(slot);
            Ok(())
        })
    }
}

/// The guest removed all memory slots of a group, as a reset of the device does.
///
/// # Safety
/// `engine` is a live engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_clear_slots(
    engine: *mut SpiceRenderEngine,
    group: u32,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            e.slots.clear(group);
            e.memory.clear(group);
            Ok(())
        })
    }
}

/// The guest made its primary surface: `create` are the 40 bytes of QXLSurfaceCreate in the device's RAM header,
/// which the embedder copied before it looked at them.
///
/// # Safety
/// `engine` is a live engine; `create` points to 40 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_create_primary(
    engine: *mut SpiceRenderEngine,
    group: u32,
    create: *const u8,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            let bytes =
                items(create, 40, "create")?.first_chunk().ok_or_else(|| Failure::argument("create"))?;
            let guest = Guest::new(&e.slots, &e.memory);
            let (surface, range) = guest.primary(group, bytes).map_err(Failure::refused)?;
            let backing = SpiceRenderBacking::new(range, surface.stride, surface.format);
            let event = Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface });
            e.engine.submit(&event).map_err(Failure::refused)?;
            e.backings.insert(0, backing);
            Ok(())
        })
    }
}

/// The guest's primary surface ended. What it showed can still be read until there is another.
///
/// # Safety
/// `engine` is a live engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_destroy_primary(
    engine: *mut SpiceRenderEngine,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            let event = Event::Worker(WorkerMessage::DestroyPrimary { number: 21 });
            e.engine.submit(&event).map_err(Failure::refused)?;
            e.backings.remove(&0);
            Ok(())
        })
    }
}

/// All surfaces ended, as after a reset of the device.
///
/// # Safety
/// `engine` is a live engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_destroy_surfaces(
    engine: *mut SpiceRenderEngine,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            let event = Event::Worker(WorkerMessage::DestroySurfaces { number: 19 });
            e.engine.submit(&event).map_err(Failure::refused)?;
            e.backings.clear();
            Ok(())
        })
    }
}

/// An entry of the command or cursor ring.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SpiceRenderCommand {
    /// The address (QXLPHYSICAL) of the command's structure.
    pub data: u64,
    /// What it is: `QXL_CMD_*`.
    pub kind: u32,
    /// The group of memory slots that its addresses mean: 1 for a guest in QEMU.
    pub group: u32,
    /// `QXL_COMMAND_FLAG_COMPAT` 1, `QXL_COMMAND_FLAG_COMPAT_16BPP` 2.
    pub flags: u32,
}

/// What the guest gets back for a command: its QXLReleaseInfo.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SpiceRenderRelease {
    /// Where the release info lies: at the beginning of the command's structure.
    pub address: u64,
    /// The id in it, as it was when the command was read.
    pub id: u64,
    /// The group that the command came from.
    pub group: u32,
    /// Not 0 if there is something to give back.
    pub valid: u32,
}

/// Takes a command in. It is drawn when somebody wants to see it.
///
/// Whatever the status (but for an argument that is NULL), `release` says what the guest gets back, exactly once: the
/// engine keeps nothing of the guest's memory, so it can be given back at once.
///
/// SPICE_RENDER_STATUS_REFUSED: the command makes no sense; nothing changed.
///
/// # Safety
/// `engine` is a live engine, `command` points to a command, `release` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_submit(
    engine: *mut SpiceRenderEngine,
    command: *const SpiceRenderCommand,
    release: *mut SpiceRenderRelease,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            let command = command.as_ref().ok_or_else(|| Failure::argument("command is NULL"))?;
            if release.is_null() {
                return Err(Failure::argument("release is NULL"));
            }
            release.write(SpiceRenderRelease::default());
            let &SpiceRenderCommand { data, kind, group, flags } = command;
            let parsed = Guest::new(&e.slots, &e.memory).parse(&GuestCommand { data, kind, group, flags });
            let given = parsed.release;
            release.write(SpiceRenderRelease {
                address: given.address,
                id: given.id.unwrap_or(0),
                group: given.group,
                valid: given.id.is_some().into(),
            });
            let event = Event::Command(parsed.command.map_err(Failure::refused)?);
            e.engine.submit(&event).map_err(Failure::refused)?;
            match (event, parsed.backing) {
                (Event::Command(Command::Surface(SurfaceCmd::Create(c))), Some(range)) => {
                    e.backings.insert(c.surface_id, SpiceRenderBacking::new(range, c.stride, c.format));
                }
                (Event::Command(Command::Surface(SurfaceCmd::Destroy { surface_id, .. })), _) => {
                    e.backings.remove(&surface_id);
                }
                _ => {}
            }
            Ok(())
        })
    }
}

/// Where in its memory the guest wants to see the pixels of a surface: whoever serves its UPDATE_AREA writes them there.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SpiceRenderBacking {
    /// Bytes from the first byte of the memory slot.
    pub offset: u64,
    /// Bytes: |stride| for each row. They lay in the slot when the surface was made; the slot may be gone since.
    pub size: u64,
    /// The group of the memory slot.
    pub group: u32,
    /// Its id.
    pub slot: u32,
    /// Bytes from a row to the row below it; negative if the top row comes last.
    pub stride: i32,
    /// The pixel format: `SPICE_SURFACE_FMT_*`.
    pub format: u32,
}

impl SpiceRenderBacking {
    fn new(range: GuestRange, stride: i32, format: SurfaceFormat) -> Self {
        let GuestRange { slot: SlotId { group, id }, offset, len } = range;
        Self { offset, size: len, group, slot: id, stride, format: surface_format_number(format) }
    }
}

/// Where the guest wants to see the pixels of a surface. The library never writes there.
///
/// SPICE_RENDER_STATUS_NOT_FOUND: there is no such surface now.
///
/// # Safety
/// `engine` is a live engine; `backing` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_surface_backing(
    engine: *mut SpiceRenderEngine,
    surface: u32,
    backing: *mut SpiceRenderBacking,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            let found = e.backings.get(&surface);
            let found = found.ok_or_else(|| Failure::not_found(format_args!("no surface {surface}")))?;
            put(backing, *found)
        })
    }
}

/// The size of a surface in pixels.
///
/// # Safety
/// `engine` is a live engine; `width` and `height` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_surface_size(
    engine: *mut SpiceRenderEngine,
    surface: u32,
    width: *mut u32,
    height: *mut u32,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            let info = e.engine.graph().info(surface);
            let info = info.ok_or_else(|| Failure::not_found(format_args!("no surface {surface}")))?;
            put(width, info.width)?;
            put(height, info.height)
        })
    }
}

/// Copies a rectangle of a surface as it is now, of the primary surface (0) or another. Disturbs no client, and draws
/// no more than it needs.
///
/// # Safety
/// `engine` is a live engine; `pixels` points to a description of memory that can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spice_render_engine_update_area(
    engine: *mut SpiceRenderEngine,
    surface: u32,
    area: SpiceRenderRect,
    pixels: *const SpiceRenderPixels,
) -> SpiceRenderStatus {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |e| {
            let pixels = pixels.as_ref().ok_or_else(|| Failure::argument("pixels is NULL"))?;
            let none = || Failure::not_found(format_args!("no surface {surface}"));
            let bounds = e.engine.graph().info(surface).ok_or_else(none)?.bounds();
            let area = area.to_rect();
            if area.is_empty() || area.intersect(&bounds) != area {
                return Err(Failure::argument("area is empty or leaves the surface"));
            }
            let view = e.engine.update_area(surface, area).ok_or_else(none)?;
            copy(view, area, pixels)
        })
    }
}
