/*
 * spice-render: renders a QXL guest's commands, and feeds SPICE clients with what they can draw.
 *
 * Every function may be called from any thread, but a handle by one thread at a time. No function keeps a pointer that
 * it was given, but for spice_render_engine_add_slot(). Handles are freed by their _free function. Calls that can fail
 * return a SpiceRenderStatus; the handle has a message that says why (_message).
 *
 * Made by cbindgen from capi/src; do not edit. SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef SPICE_RENDER_H
#define SPICE_RENDER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// Whether the header is of this version or a later one, for `#if`.
#define SPICE_RENDER_CHECK_VERSION(major, minor, patch) \
    (SPICE_RENDER_VERSION >= ((major) << 16 | (minor) << 8 | (patch)))

// The version of the header: `major << 16 | minor << 8 | patch`.
#define SPICE_RENDER_VERSION 256

// How a call ended.
typedef enum {
    // It did what it says.
    SPICE_RENDER_STATUS_OK = 0,
    // The guest's command, the client's message or the recording makes no sense. Nothing changed. The handle's message
    // names the place and the field.
    SPICE_RENDER_STATUS_REFUSED = 1,
    // An argument is NULL or out of its range.
    SPICE_RENDER_STATUS_ARGUMENT = 2,
    // There is no such client, surface, profile or file.
    SPICE_RENDER_STATUS_NOT_FOUND = 3,
    // A fault of the library itself. The handle takes no other call than its `_free`.
    SPICE_RENDER_STATUS_INTERNAL = 4,
} SpiceRenderStatus;

// What the guest is told that it may use.
typedef enum {
    // What all clients have; nothing while there is none.
    SPICE_RENDER_POLICY_INTERSECTION = 0,
    // What any client has: the others get images.
    SPICE_RENDER_POLICY_UNION = 1,
    // Always `fixed_capabilities`.
    SPICE_RENDER_POLICY_FIXED = 2,
} SpiceRenderPolicy;

// Bytes that the library made, to be freed with spice_render_bytes_free().
typedef struct SpiceRenderBytes SpiceRenderBytes;

// Renders a guest's commands and feeds clients with what they show. It owns no thread of its own (but a pool that it
// draws with), no socket and no clock.
typedef struct SpiceRenderEngine SpiceRenderEngine;

// Messages for one client, each with its mini header (type, 2 bytes, and size, 4 bytes, both little-endian).
typedef struct SpiceRenderMessages SpiceRenderMessages;

// A recording that is being read and drawn.
typedef struct SpiceRenderReplay SpiceRenderReplay;

// A client that joins. Fill it with spice_render_client_options_init() first.
typedef struct {
    // The name of its profile, as `spice-render profiles` lists them; NULL if it is to be told by what it announced.
    const char *profile;
    // What it announced: the minor version of protocol 2.
    uint32_t minor;
    // Words of common capabilities behind `common_words`.
    uint32_t common_count;
    // The common capabilities of its display channel's link message.
    const uint32_t *common_words;
    // The display capabilities of that message.
    const uint32_t *display_words;
    // Words of display capabilities behind `display_words`.
    uint32_t display_count;
    // Whether its DISPLAY_INIT came: 0 or 1. Without it nearly nothing is known of a client, so wait for it.
    uint32_t has_init;
    // DISPLAY_INIT: pixels that its image cache holds.
    int64_t image_cache_pixels;
    // DISPLAY_INIT: pixels that its GLZ dictionary holds.
    int32_t glz_window_pixels;
    // Its preferred compression (`SPICE_IMAGE_COMPRESSION_*`); 0 if it said none.
    uint32_t preferred_compression;
    // Bit n for each `SPICE_CHANNEL_*` n that it has linked; 0 if not known.
    uint32_t channels;
    // Whether a client that is not known gets what it has capability bits for (1) or only what every client has (0).
    uint32_t trust_capabilities;
    // Bits per second of its link; 0 if they are to be found out from what it acknowledges.
    uint64_t link_bits;
    // Whether photos may lose what is hard to see while the link is slow.
    uint32_t lossy;
    // Every how many messages it is asked to acknowledge; 0 for never.
    uint32_t ack_window;
    // Bytes of commands that may wait for it; past them it skips to the present.
    uint64_t queue_bytes;
} SpiceRenderClientOptions;

// What was sent to a client.
typedef struct {
    // Bytes handed out, headers included.
    uint64_t bytes;
    // Messages.
    uint64_t messages;
    // Images.
    uint64_t images;
    // Pixels that images carried.
    uint64_t image_pixels;
    // The guest's operations that were sent as they are.
    uint64_t passed;
    // Those sent in another form that draws the same.
    uint64_t rewritten;
    // Those drawn here.
    uint64_t rasterised;
} SpiceRenderMetrics;

// How an engine works. Fill it with spice_render_options_init() first.
typedef struct {
    // Bytes of pixels of one surface at most.
    uint64_t surface_bytes;
    // Bytes of pixels of all surfaces together at most.
    uint64_t total_surface_bytes;
    // Bytes of one image, as pixels of 32 bits, at most.
    uint64_t image_bytes;
    // Bytes that commands not yet drawn may keep alive; past them the oldest are drawn.
    uint64_t pending_bytes;
    // Bytes of encoded images that are kept to be sent to several clients; 0 keeps none.
    size_t shared_image_bytes;
    // Surfaces that exist at a time, at most.
    uint32_t surfaces;
    // Commands not yet drawn, at most.
    uint32_t pending_commands;
    // What the guest may use: a SpiceRenderPolicy.
    uint32_t policy;
    // With SPICE_RENDER_POLICY_FIXED: bits `1 << SPICE_DISPLAY_CAP_*`.
    uint32_t fixed_capabilities;
    // What may be used towards clients and guests, of spice_render_features(): where the engine is to migrate to other
    // hosts and versions, what all of them have (spice_render_version_features()). UINT64_MAX for all that there is.
    uint64_t allowed_features;
} SpiceRenderOptions;

// An entry of the command or cursor ring.
typedef struct {
    // The address (QXLPHYSICAL) of the command's structure.
    uint64_t data;
    // What it is: `QXL_CMD_*`.
    uint32_t kind;
    // The group of memory slots that its addresses mean: 1 for a guest in QEMU.
    uint32_t group;
    // `QXL_COMMAND_FLAG_COMPAT` 1, `QXL_COMMAND_FLAG_COMPAT_16BPP` 2.
    uint32_t flags;
} SpiceRenderCommand;

// What the guest gets back for a command: its QXLReleaseInfo.
typedef struct {
    // Where the release info lies: at the beginning of the command's structure.
    uint64_t address;
    // The id in it, as it was when the command was read.
    uint64_t id;
    // The group that the command came from.
    uint32_t group;
    // Not 0 if there is something to give back.
    uint32_t valid;
} SpiceRenderRelease;

// Where in its memory the guest wants to see the pixels of a surface: whoever serves its UPDATE_AREA writes them there.
typedef struct {
    // Bytes from the first byte of the memory slot.
    uint64_t offset;
    // Bytes: |stride| for each row. They lay in the slot when the surface was made; the slot may be gone since.
    uint64_t size;
    // The group of the memory slot.
    uint32_t group;
    // Its id.
    uint32_t slot;
    // Bytes from a row to the row below it; negative if the top row comes last.
    int32_t stride;
    // The pixel format: `SPICE_SURFACE_FMT_*`.
    uint32_t format;
} SpiceRenderBacking;

// A rectangle of pixels: `left` and `top` are in it, `right` and `bottom` are not.
typedef struct {
    // The first column.
    int32_t left;
    // The first row.
    int32_t top;
    // The column behind the last.
    int32_t right;
    // The row behind the last.
    int32_t bottom;
} SpiceRenderRect;

// Memory of the caller that takes pixels of 4 bytes, B, G, R, X: X is the alpha of a 32_ARGB surface and 0 of any
// other, the colours are what a screen shows of the surface's format.
typedef struct {
    // The first byte of the top row.
    uint8_t *data;
    // Bytes that may be written from `data` on.
    size_t size;
    // Bytes from a row to the row below it, at least 4 a pixel.
    size_t stride;
} SpiceRenderPixels;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the library that is running, in the form of SPICE_RENDER_VERSION. Programs built with a header of
// the same major version (and, before 1.0, of the same minor version) may use it.
uint32_t spice_render_version(void);

// Where the bytes are, as long as `bytes` lives; `size` gets their number. A text also has a NUL behind them. NULL for
// NULL.
//
// The caller must see to this:
// `bytes` is NULL or live; `size` can be written.
const uint8_t *spice_render_bytes_get(const SpiceRenderBytes *bytes,
                                      size_t *size);

// Frees bytes. NULL is nothing.
//
// The caller must see to this:
// `bytes` came from this library and is not used any more.
void spice_render_bytes_free(SpiceRenderBytes *bytes);

// A client as bytes, for an engine elsewhere to go on with it after migration (spice_render_engine_restore_client).
// Nothing changes here, but the client must get nothing more from here and the guest must draw nothing more here. They
// hold what the client holds and what waits for it: a few hundred kilobytes, or some megabytes.
//
// The caller must see to this:
// `engine` is a live engine; `bytes` can be written.
SpiceRenderStatus spice_render_engine_save_client(SpiceRenderEngine *engine,
                                                  uint64_t client,
                                                  SpiceRenderBytes **bytes);

// Goes on with a client that was saved; `client` gets its number here. The guest must have been migrated before, and
// show the same; if it does not, the client gets a whole picture. Its surfaces are to be there under the ids that they
// had, made with their pixels (QXL_SURF_FLAG_KEEP_DATA).
//
// SPICE_RENDER_STATUS_REFUSED: these are not the bytes of a client, or they were changed, or another version of the
// library wrote them in another form. Nobody joins then.
//
// The caller must see to this:
// `engine` is a live engine; `data` points to `size` bytes; `client` can be written.
SpiceRenderStatus spice_render_engine_restore_client(SpiceRenderEngine *engine,
                                                     const uint8_t *data,
                                                     size_t size,
                                                     uint64_t *client);

// All counters of the engine and its clients in Prometheus' text format, version 0.0.4.
//
// The caller must see to this:
// `engine` is a live engine; `text` can be written.
SpiceRenderStatus spice_render_engine_prometheus(SpiceRenderEngine *engine, SpiceRenderBytes **text);

// Fills in the defaults: a client that announced nothing, minor version 2, lossless, 1 MiB of commands waiting.
//
// The caller must see to this:
// `options` is NULL (nothing happens) or can be written.
void spice_render_client_options_init(SpiceRenderClientOptions *options);

// A client joins, at any time. Its first picture is complete. `client` gets the number by which it is called.
//
// SPICE_RENDER_STATUS_NOT_FOUND: there is no profile of that name.
//
// The caller must see to this:
// `engine` is a live engine; `options` points to options whose pointers hold what their counts say; `client` can be
// written.
SpiceRenderStatus spice_render_engine_connect(SpiceRenderEngine *engine,
                                              const SpiceRenderClientOptions *options,
                                              uint64_t *client);

// A client left.
//
// The caller must see to this:
// `engine` is a live engine.
SpiceRenderStatus spice_render_engine_disconnect(SpiceRenderEngine *engine, uint64_t client);

// A client is another one from now on, of the profile of this name; its picture stays right.
//
// The caller must see to this:
// `engine` is a live engine; `profile` ends with a NUL.
SpiceRenderStatus spice_render_engine_set_profile(SpiceRenderEngine *engine,
                                                  uint64_t client,
                                                  const char *profile);

// A client sent a message on its display channel: its type (`SPICE_MSGC_*`) and the bytes behind the header.
//
// SPICE_RENDER_STATUS_REFUSED: it makes no sense; who sends such a thing is best disconnected.
//
// The caller must see to this:
// `engine` is a live engine; `body` points to `size` bytes.
SpiceRenderStatus spice_render_engine_receive(SpiceRenderEngine *engine,
                                              uint64_t client,
                                              uint16_t kind,
                                              const uint8_t *body,
                                              size_t size);

// A client's next messages: at most `budget` bytes in all, but at least one message if there is any and the budget is
// not 0. `now` is the embedder's clock in microseconds, from any start. No messages for a budget that is not 0 say that
// the client shows the present.
//
// `messages` gets what is to be freed with spice_render_messages_free().
//
// The caller must see to this:
// `engine` is a live engine; `messages` can be written.
SpiceRenderStatus spice_render_engine_poll(SpiceRenderEngine *engine,
                                           uint64_t client,
                                           uint64_t now,
                                           size_t budget,
                                           SpiceRenderMessages **messages);

// How many messages there are; 0 for NULL.
//
// The caller must see to this:
// `messages` is NULL or came from spice_render_engine_poll().
size_t spice_render_messages_count(const SpiceRenderMessages *messages);

// A message's bytes, header included: they live as long as `messages`. NULL if there is no such message; `size` gets
// their number.
//
// The caller must see to this:
// `messages` is NULL or came from spice_render_engine_poll(); `size` can be written.
const uint8_t *spice_render_messages_get(const SpiceRenderMessages *messages,
                                         size_t index,
                                         size_t *size);

// Frees messages. NULL is nothing.
//
// The caller must see to this:
// `messages` came from spice_render_engine_poll() and is not used any more.
void spice_render_messages_free(SpiceRenderMessages *messages);

// Whether a client's next poll may give something: `waiting` gets 0 or 1.
//
// The caller must see to this:
// `engine` is a live engine; `waiting` can be written.
SpiceRenderStatus spice_render_engine_is_waiting(SpiceRenderEngine *engine,
                                                 uint64_t client,
                                                 uint32_t *waiting);

// A client has the first `total` bytes of all that it was ever sent; `now` as in spice_render_engine_poll().
//
// The caller must see to this:
// `engine` is a live engine.
SpiceRenderStatus spice_render_engine_acknowledged(SpiceRenderEngine *engine,
                                                   uint64_t client,
                                                   uint64_t now,
                                                   uint64_t total);

// A client's link has nothing to do: what was sent with a loss is sent again without, at the next poll.
//
// The caller must see to this:
// `engine` is a live engine.
SpiceRenderStatus spice_render_engine_idle(SpiceRenderEngine *engine, uint64_t client);

// What the guest may use now, by the policy: bits `1 << SPICE_DISPLAY_CAP_*` (COMPOSITE and A8_SURFACE).
// `changed` gets whether that is another answer than the last call's: the guest must be told then.
//
// The caller must see to this:
// `engine` is a live engine; `capabilities` and `changed` can be written.
SpiceRenderStatus spice_render_engine_guest_capabilities(SpiceRenderEngine *engine,
                                                         uint64_t *capabilities,
                                                         uint32_t *changed);

// A client's counters.
//
// The caller must see to this:
// `engine` is a live engine; `metrics` can be written.
SpiceRenderStatus spice_render_engine_metrics(SpiceRenderEngine *engine,
                                              uint64_t client,
                                              SpiceRenderMetrics *metrics);

// Fills in the defaults.
//
// The caller must see to this:
// `options` is NULL (nothing happens) or can be written.
void spice_render_options_init(SpiceRenderOptions *options);

// A new engine: nothing is drawn, nobody is connected, and no memory slot is known. The memory slots' addresses are
// divided as QEMU's device divides them: 8 bits of slot id, 8 of generation, 48 of place; 2 groups of 8 slots.
//
// `options` is NULL for the defaults. NULL if the options make no sense. To be freed with spice_render_engine_free().
//
// The caller must see to this:
// `options` is NULL or points to options.
SpiceRenderEngine *spice_render_engine_new(const SpiceRenderOptions *options);

// Frees an engine and all its clients. NULL is nothing.
//
// The caller must see to this:
// `engine` came from spice_render_engine_new() and is not used any more.
void spice_render_engine_free(SpiceRenderEngine *engine);

// Why the last failed call on this engine failed: an English sentence, empty if none failed yet. It lives until the
// next call on the engine.
//
// The caller must see to this:
// `engine` is a live engine.
const char *spice_render_engine_message(const SpiceRenderEngine *engine);

// The guest made memory known to the device: `size` bytes, mapped here at `data`, that the guest calls `start` (the
// place within an address, without slot id and generation). Takes the place of the slot of that id.
//
// The bytes are read while a command is submitted, by the calling thread, each once; the guest may write meanwhile.
// They must stay readable until the slot is removed or the engine freed.
//
// The caller must see to this:
// `data` can be read for `size` bytes as long as that.
SpiceRenderStatus spice_render_engine_add_slot(SpiceRenderEngine *engine,
                                               uint32_t group,
                                               uint32_t id,
                                               uint32_t generation,
                                               uint64_t start,
                                               const uint8_t *data,
                                               size_t size);

// The guest removed a memory slot; its bytes are not read any more.
//
// The caller must see to this:
// `engine` is a live engine.
SpiceRenderStatus spice_render_engine_remove_slot(SpiceRenderEngine *engine, uint32_t group, uint32_t id);

// The guest removed all memory slots of a group, as a reset of the device does.
//
// The caller must see to this:
// `engine` is a live engine.
SpiceRenderStatus spice_render_engine_clear_slots(SpiceRenderEngine *engine, uint32_t group);

// The guest made its primary surface: `create` are the 40 bytes of QXLSurfaceCreate in the device's RAM header,
// which the embedder copied before it looked at them.
//
// The caller must see to this:
// `engine` is a live engine; `create` points to 40 bytes.
SpiceRenderStatus spice_render_engine_create_primary(SpiceRenderEngine *engine,
                                                     uint32_t group,
                                                     const uint8_t *create);

// The guest's primary surface ended. What it showed can still be read until there is another.
//
// The caller must see to this:
// `engine` is a live engine.
SpiceRenderStatus spice_render_engine_destroy_primary(SpiceRenderEngine *engine);

// All surfaces ended, as after a reset of the device.
//
// The caller must see to this:
// `engine` is a live engine.
SpiceRenderStatus spice_render_engine_destroy_surfaces(SpiceRenderEngine *engine);

// Takes a command in. It is drawn when somebody wants to see it.
//
// Whatever the status (but for an argument that is NULL), `release` says what the guest gets back, exactly once: the
// engine keeps nothing of the guest's memory, so it can be given back at once.
//
// SPICE_RENDER_STATUS_REFUSED: the command makes no sense; nothing changed.
//
// The caller must see to this:
// `engine` is a live engine, `command` points to a command, `release` can be written.
SpiceRenderStatus spice_render_engine_submit(SpiceRenderEngine *engine,
                                             const SpiceRenderCommand *command,
                                             SpiceRenderRelease *release);

// Where the guest wants to see the pixels of a surface. The library never writes there.
//
// SPICE_RENDER_STATUS_NOT_FOUND: there is no such surface now.
//
// The caller must see to this:
// `engine` is a live engine; `backing` can be written.
SpiceRenderStatus spice_render_engine_surface_backing(SpiceRenderEngine *engine,
                                                      uint32_t surface,
                                                      SpiceRenderBacking *backing);

// The size of a surface in pixels.
//
// The caller must see to this:
// `engine` is a live engine; `width` and `height` can be written.
SpiceRenderStatus spice_render_engine_surface_size(SpiceRenderEngine *engine,
                                                   uint32_t surface,
                                                   uint32_t *width,
                                                   uint32_t *height);

// Copies a rectangle of a surface as it is now, of the primary surface (0) or another. Disturbs no client, and draws
// no more than it needs.
//
// The caller must see to this:
// `engine` is a live engine; `pixels` points to a description of memory that can be written.
SpiceRenderStatus spice_render_engine_update_area(SpiceRenderEngine *engine,
                                                  uint32_t surface,
                                                  SpiceRenderRect area,
                                                  const SpiceRenderPixels *pixels);

// What this library and this machine have: bit n is the feature whose name spice_render_feature_name() gives for n. A
// bit never changes its meaning.
uint64_t spice_render_features(void);

// What a version of this library, as in "0.1", has of the features that a client or a guest notices; 0 for a version
// that this one does not know. For `allowed_features` of an engine's options, joined by `&` for several versions.
//
// The caller must see to this:
// `version` is NULL (0 then) or ends with a NUL.
uint64_t spice_render_version_features(const char *version);

// Writes the name of a feature, as in `codec-quic`, cut off at `size - 1` bytes and with a NUL behind it. Returns the
// bytes of the whole name without the NUL; 0 if no feature has this bit.
//
// The caller must see to this:
// `name` is NULL or can be written for `size` bytes.
size_t spice_render_feature_name(uint32_t bit,
                                 char *name,
                                 size_t size);

// A replay with no recording yet. To be freed with spice_render_replay_free().
SpiceRenderReplay *spice_render_replay_new(void);

// Frees a replay. NULL is nothing.
//
// The caller must see to this:
// `replay` came from spice_render_replay_new() and is not used any more.
void spice_render_replay_free(SpiceRenderReplay *replay);

// Why the last failed call on this replay failed: an English sentence, empty if none failed yet. It lives until the
// next call on the replay.
//
// The caller must see to this:
// `replay` is a live replay.
const char *spice_render_replay_message(const SpiceRenderReplay *replay);

// Opens a recording: a file, compressed (zstd, gzip, xz, lz4) or not. The one that was open is forgotten.
//
// SPICE_RENDER_STATUS_REFUSED: there is no such file, or it is not a recording.
//
// The caller must see to this:
// `replay` is a live replay; `path` ends with a NUL.
SpiceRenderStatus spice_render_replay_open(SpiceRenderReplay *replay, const char *path);

// Takes events in up to and including number `last`, or all of them for UINT64_MAX. The events' numbers begin at 0.
// The end of the recording, or a tail that is cut off, is no error.
//
// SPICE_RENDER_STATUS_REFUSED: the recording is corrupt; what came before can be seen.
//
// The caller must see to this:
// `replay` is a live replay.
SpiceRenderStatus spice_render_replay_run(SpiceRenderReplay *replay,
                                          uint64_t last);

// The size of a surface (0 is the primary surface) in pixels, as it is now.
//
// The caller must see to this:
// `replay` is a live replay; `width` and `height` can be written.
SpiceRenderStatus spice_render_replay_surface_size(SpiceRenderReplay *replay,
                                                   uint32_t surface,
                                                   uint32_t *width,
                                                   uint32_t *height);

// Copies a rectangle of a surface as it is now.
//
// The caller must see to this:
// `replay` is a live replay; `pixels` points to a description of memory that can be written.
SpiceRenderStatus spice_render_replay_pixels(SpiceRenderReplay *replay,
                                             uint32_t surface,
                                             SpiceRenderRect area,
                                             const SpiceRenderPixels *pixels);

// A short English text for a status, alive for ever.
const char *spice_render_status_text(SpiceRenderStatus status);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SPICE_RENDER_H */
