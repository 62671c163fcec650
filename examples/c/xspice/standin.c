/*
 * Stands in for libspice-server under Debian's Xspice driver (spiceqxl_drv.so): the commands that X puts on its rings go
 * to the engine, straight from the driver's memory, and what X reads back of its screen and pixmaps is what the engine
 * drew. A client of the profile spice-gtk is fed all the while; where its messages go is nobody's business here.
 *
 * This is a proof that the interface is enough for a foreign device, not a server: nobody can connect. See run.sh.
 *
 * STANDIN_PPM names a picture: whenever a file of that name and ".want" appears, the picture is written anew, as the
 * engine sees the screen, and the file is removed.
 */
#include <inttypes.h>
#include <pthread.h>
#include <spice.h>
#include <spice/qxl_dev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "spice-render.h"

#define SURFACES 1024
#define COMMANDS_AT_ONCE 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;   /* of all that follows */
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static SpiceRenderEngine *engine;
static QXLInstance *device;
static uint8_t *slot_start;    /* of the driver's only memory slot */
static uint64_t client;
static bool running;
static uint64_t taken, refused, given_back, read_back, sent_bytes, sent_messages;

static const QXLInterface *face(void)
{
    return SPICE_CONTAINEROF(device->base.sif, QXLInterface, base);
}

static void complain(const char *what)
{
    fprintf(stderr, "standin: %s: %s\n", what, spice_render_engine_message(engine));
}

static uint64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void submit(const QXLCommandExt *ext)
{
    const SpiceRenderCommand command = {
        .data = ext->cmd.data, .kind = ext->cmd.type, .group = ext->group_id, .flags = ext->flags,
    };
    SpiceRenderRelease release;
    taken++;
    if (spice_render_engine_submit(engine, &command, &release)) {
        refused++;
        complain("refused");
    }
    if (release.valid) {
        given_back++;
        face()->release_resource(device, (QXLReleaseInfoExt) { (QXLReleaseInfo *)(uintptr_t)release.address, release.group });
    }
}

/* Takes in what is on the rings. Whether there was anything. */
static bool drain(int most)
{
    QXLCommandExt ext;
    bool any = false;
    while (most-- && face()->get_command(device, &ext)) {
        submit(&ext);
        any = true;
    }
    while (face()->get_cursor_command(device, &ext)) {
        submit(&ext);
        any = true;
    }
    return any;
}

/* Draws a rectangle of a surface into the memory where the driver looks for it. */
static void write_back(uint32_t id, SpiceRenderRect area)
{
    SpiceRenderBacking b;
    uint32_t width, height;
    if (spice_render_engine_surface_backing(engine, id, &b)
        || spice_render_engine_surface_size(engine, id, &width, &height))
        return;
    if (b.format != SPICE_SURFACE_FMT_32_xRGB && b.format != SPICE_SURFACE_FMT_32_ARGB) {
        fprintf(stderr, "standin: surface %u has format %u\n", id, b.format);
        return;
    }
    if (area.left < 0) area.left = 0;
    if (area.top < 0) area.top = 0;
    if (area.right > (int32_t)width) area.right = (int32_t)width;
    if (area.bottom > (int32_t)height) area.bottom = (int32_t)height;
    if (area.left >= area.right || area.top >= area.bottom)
        return;
    uint8_t *top = slot_start + b.offset;
    if (b.stride < 0)
        top += b.size + b.stride;
    const size_t row = (size_t)(area.right - area.left) * 4, rows = (size_t)(area.bottom - area.top);
    uint8_t *pixels = malloc(row * rows);
    const SpiceRenderPixels out = { pixels, row * rows, row };
    if (spice_render_engine_update_area(engine, id, area, &out))
        complain("update area");
    else
        for (size_t y = 0; y < rows; y++)
            memcpy(top + ((ptrdiff_t)y + area.top) * b.stride + (ptrdiff_t)area.left * 4, pixels + y * row, row);
    free(pixels);
    read_back++;
}

/* The client gets what is new, and has it at once. */
static void serve(void)
{
    SpiceRenderMessages *messages;
    if (spice_render_engine_poll(engine, client, microseconds(), SIZE_MAX, &messages)) {
        complain("poll");
        return;
    }
    for (size_t i = 0; i < spice_render_messages_count(messages); i++) {
        size_t size;
        spice_render_messages_get(messages, i, &size);
        sent_messages++;
        sent_bytes += size;
    }
    spice_render_messages_free(messages);
    spice_render_engine_acknowledged(engine, client, microseconds(), sent_bytes);
}

static void write_picture(const char *path)
{
    uint32_t width, height;
    if (spice_render_engine_surface_size(engine, 0, &width, &height)) {
        complain("no screen");
        return;
    }
    const size_t size = (size_t)width * height * 4;
    uint8_t *pixels = malloc(size);
    const SpiceRenderPixels out = { pixels, size, (size_t)width * 4 };
    const SpiceRenderRect all = { 0, 0, (int32_t)width, (int32_t)height };
    FILE *file = fopen(path, "wb");
    if (file && !spice_render_engine_update_area(engine, 0, all, &out)) {
        fprintf(file, "P6\n%u %u\n255\n", width, height);
        for (size_t i = 0; i < size; i += 4) {
            const uint8_t rgb[3] = { pixels[i + 2], pixels[i + 1], pixels[i] };
            fwrite(rgb, 1, 3, file);
        }
    }
    if (file)
        fclose(file);
    free(pixels);
    fprintf(stderr, "standin: %" PRIu64 " commands taken, %" PRIu64 " refused, %" PRIu64 " given back, %" PRIu64
            " areas read back, %" PRIu64 " messages of %" PRIu64 " bytes to the client\n",
            taken, refused, given_back, read_back, sent_messages, sent_bytes);
}

static void write_wanted_picture(void)
{
    const char *path = getenv("STANDIN_PPM");
    char want[4096];
    if (!path || snprintf(want, sizeof want, "%s.want", path) >= (int)sizeof want || access(want, F_OK))
        return;
    drain(-1);
    serve();
    write_picture(path);
    unlink(want);
}

static void *worker(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    for (uint64_t next = 0;;) {
        const bool any = running && drain(COMMANDS_AT_ONCE);
        if (running && microseconds() >= next) {
            serve();
            write_wanted_picture();
            next = microseconds() + 33333;
        }
        if (any || (running && !face()->req_cmd_notification(device))) {
            /* X may want to read something meanwhile. */
            pthread_mutex_unlock(&lock);
            pthread_mutex_lock(&lock);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 20000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&woken, &lock, &until);
    }
    return NULL;
}

/* The device. */

void spice_qxl_wakeup(QXLInstance *instance)
{
    (void)instance;
    pthread_cond_signal(&woken);
}

/* Everything was given back when it was taken in. */
void spice_qxl_oom(QXLInstance *instance)
{
    pthread_mutex_lock(&lock);
    drain(-1);
    face()->flush_resources(instance);
    pthread_mutex_unlock(&lock);
}

void spice_qxl_update_area(QXLInstance *instance, uint32_t surface_id, struct QXLRect *area,
                           struct QXLRect *dirty_rects, uint32_t num_dirty_rects, uint32_t clear_dirty_region)
{
    (void)instance, (void)clear_dirty_region;
    pthread_mutex_lock(&lock);
    drain(-1);
    write_back(surface_id, (SpiceRenderRect) { area->left, area->top, area->right, area->bottom });
    pthread_mutex_unlock(&lock);
    if (num_dirty_rects) {
        memset(dirty_rects, 0, num_dirty_rects * sizeof *dirty_rects);
        dirty_rects[0] = *area;
    }
}

void spice_qxl_add_memslot(QXLInstance *instance, QXLDevMemSlot *slot)
{
    (void)instance;
    /* Xspice's slot is all memory. Nothing is at its first page, and a Rust slice ends at half of it. */
    const uint64_t page = 4096, start = slot->virt_start < page ? page : slot->virt_start;
    const uint64_t end = slot->virt_end > INT64_MAX ? (uint64_t)1 << 47 : slot->virt_end;
    pthread_mutex_lock(&lock);
    if (spice_render_engine_add_slot(engine, slot->slot_group_id, slot->slot_id, slot->generation, start - slot->addr_delta,
                                     slot_start = (uint8_t *)(uintptr_t)start, end - start))
        complain("memory slot");
    pthread_mutex_unlock(&lock);
}

void spice_qxl_create_primary_surface(QXLInstance *instance, uint32_t surface_id, QXLDevSurfaceCreate *create)
{
    (void)instance, (void)surface_id;
    pthread_mutex_lock(&lock);
    /* It begins as a QXLSurfaceCreate does. */
    if (spice_render_engine_create_primary(engine, create->group_id, (const uint8_t *)create))
        complain("primary surface");
    pthread_mutex_unlock(&lock);
}

void spice_qxl_destroy_primary_surface(QXLInstance *instance, uint32_t surface_id)
{
    (void)instance, (void)surface_id;
    pthread_mutex_lock(&lock);
    drain(-1);
    spice_render_engine_destroy_primary(engine);
    pthread_mutex_unlock(&lock);
}

void spice_qxl_destroy_surfaces(QXLInstance *instance)
{
    (void)instance;
    pthread_mutex_lock(&lock);
    drain(-1);
    spice_render_engine_destroy_surfaces(engine);
    pthread_mutex_unlock(&lock);
}

/* The driver's command that destroys it is on the ring. */
void spice_qxl_destroy_surface_wait(QXLInstance *instance, uint32_t surface_id)
{
    (void)instance, (void)surface_id;
    pthread_mutex_lock(&lock);
    drain(-1);
    pthread_mutex_unlock(&lock);
}

void spice_qxl_flush_surfaces_async(QXLInstance *instance, uint64_t cookie)
{
    pthread_mutex_lock(&lock);
    drain(-1);
    for (uint32_t id = 0; id < SURFACES; id++)
        write_back(id, (SpiceRenderRect) { 0, 0, INT32_MAX, INT32_MAX });
    pthread_mutex_unlock(&lock);
    face()->async_complete(instance, cookie);
}

void spice_qxl_monitors_config_async(QXLInstance *instance, QXLPHYSICAL config, int group_id, uint64_t cookie)
{
    (void)config, (void)group_id;
    face()->async_complete(instance, cookie);
}

void spice_qxl_reset_image_cache(QXLInstance *instance) { (void)instance; }
void spice_qxl_reset_cursor(QXLInstance *instance) { (void)instance; }

/* The server. */

SpiceServer *spice_server_new(void)
{
    return calloc(1, 1);
}

int spice_server_init(SpiceServer *server, SpiceCoreInterface *core)
{
    (void)server, (void)core;
    engine = spice_render_engine_new(NULL);
    SpiceRenderClientOptions options;
    spice_render_client_options_init(&options);
    options.profile = "spice-gtk";
    return !engine || spice_render_engine_connect(engine, &options, &client) ? -1 : 0;
}

int spice_server_add_interface(SpiceServer *server, SpiceBaseInstance *instance)
{
    (void)server;
    if (strcmp(instance->sif->type, SPICE_INTERFACE_QXL))
        return 0;
    device = SPICE_CONTAINEROF(instance, QXLInstance, base);
    QXLDevInitInfo info = { 0 };
    face()->get_init_info(device, &info);
    fprintf(stderr, "standin: %u groups of %u slots, %u and %u bits, %u surfaces\n", info.num_memslots_groups,
            info.num_memslots, info.memslot_id_bits, info.memslot_gen_bits, info.n_surfaces);
    face()->attached_worker(device);
    pthread_t thread;
    return pthread_create(&thread, NULL, worker, NULL) ? -1 : 0;
}

int spice_server_remove_interface(SpiceBaseInstance *instance) { (void)instance; return 0; }

static int run(bool now)
{
    pthread_mutex_lock(&lock);
    running = now;
    pthread_mutex_unlock(&lock);
    return 0;
}

void spice_server_vm_start(SpiceServer *s) { (void)s; run(true); }
void spice_server_vm_stop(SpiceServer *s) { (void)s; run(false); }

/* What a server is told and this one needs not to know; and a guest's sound, which goes nowhere. */
#define IGNORED(name, ...) int name(__VA_ARGS__) { return 0; }
#pragma GCC diagnostic ignored "-Wunused-parameter"
IGNORED(spice_server_set_port, SpiceServer *s, int port)
IGNORED(spice_server_set_noauth, SpiceServer *s)
IGNORED(spice_server_set_sasl, SpiceServer *s, int enabled)
IGNORED(spice_server_set_sasl_appname, SpiceServer *s, const char *appname)
IGNORED(spice_server_set_ticket, SpiceServer *s, const char *passwd, int lifetime, int fail, int disconnect)
IGNORED(spice_server_set_tls, SpiceServer *s, int port, const char *ca, const char *certs, const char *key,
        const char *passwd, const char *dh, const char *ciphers)
IGNORED(spice_server_set_image_compression, SpiceServer *s, SpiceImageCompression comp)
IGNORED(spice_server_set_jpeg_compression, SpiceServer *s, spice_wan_compression_t comp)
IGNORED(spice_server_set_zlib_glz_compression, SpiceServer *s, spice_wan_compression_t comp)
IGNORED(spice_server_set_streaming_video, SpiceServer *s, int value)
IGNORED(spice_server_set_video_codecs, SpiceServer *s, const char *codecs)
IGNORED(spice_server_set_playback_compression, SpiceServer *s, int enable)
IGNORED(spice_server_set_agent_mouse, SpiceServer *s, int enable)
IGNORED(spice_server_set_agent_copypaste, SpiceServer *s, int enable)
IGNORED(spice_server_set_exit_on_disconnect, SpiceServer *s, int flag)
void spice_server_set_addr(SpiceServer *s, const char *addr, int flags) { }
void spice_server_char_device_wakeup(SpiceCharDeviceInstance *dev) { }
uint32_t spice_server_get_best_playback_rate(SpicePlaybackInstance *sin) { return 44100; }
void spice_server_set_playback_rate(SpicePlaybackInstance *sin, uint32_t frequency) { }
void spice_server_playback_start(SpicePlaybackInstance *sin) { }
void spice_server_playback_stop(SpicePlaybackInstance *sin) { }
void spice_server_playback_get_buffer(SpicePlaybackInstance *sin, uint32_t **samples, uint32_t *count)
{
    *samples = NULL;
    *count = 0;
}
void spice_server_playback_put_samples(SpicePlaybackInstance *sin, uint32_t *samples) { }
