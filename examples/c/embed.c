/*
 * A small display server around the engine. A "guest" lays QXL commands out in its memory; the server hands their
 * addresses to the engine and writes each client's messages to that client's connection. Two clients are connected by
 * socket pairs: one draws everything that spice-gtk draws, the other can only show images. Each counts what it gets.
 *
 *     embed PICTURE.ppm
 *
 * The structures are those of the protocol's qxl_dev.h, packed.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spice-render.h"

enum { WIDTH = 640, HEIGHT = 480, RAM = 4 << 20, SLOT = 1, GENERATION = 1, GROUP = 1, FRAMES = 60 };

/* ---- the guest: it writes structures to its memory and knows their addresses ------------------------------------ */

static uint8_t ram[RAM];
static size_t used;

static uint64_t address(size_t offset)
{
    return (uint64_t)SLOT << 56 | (uint64_t)GENERATION << 48 | offset;
}

static void put(const void *bytes, size_t size)
{
    assert(used + size <= RAM);
    memcpy(ram + used, bytes, size);
    used += size;
}

static void put8(uint8_t v) { put(&v, 1); }
static void put16(uint16_t v) { put(&v, 2); }
static void put32(uint32_t v) { put(&v, 4); }
static void put64(uint64_t v) { put(&v, 8); }

static void put_rect(SpiceRenderRect r)
{
    put32(r.top), put32(r.left), put32(r.bottom), put32(r.right);
}

static void put_no_mask(void)
{
    put8(0), put32(0), put32(0), put64(0);
}

/* A QXLDrawable up to its union, which the caller appends. */
static uint64_t begin_drawable(uint64_t release_id, uint8_t type, SpiceRenderRect box)
{
    const uint64_t at = address(used);
    put64(release_id);
    put32(0);                               /* surface_id */
    put8(1), put8(type), put8(0);           /* effect: opaque; type; no self-bitmap */
    put_rect((SpiceRenderRect) { 0 });      /* self_bitmap_area */
    put_rect(box);
    put32(0), put64(0);                     /* clip: none */
    put32(0);                               /* mm_time */
    for (int i = 0; i < 3; i++)
        put32(UINT32_MAX);                  /* surfaces_dest: none */
    for (int i = 0; i < 3; i++)
        put_rect((SpiceRenderRect) { 0 });
    return at;
}

/* The largest member of the union is larger than those used here: the device reads what the type has. */
static void end_drawable(void)
{
    used = (used + 128 + 7) & ~(size_t)7;
}

static uint64_t fill(uint64_t release_id, SpiceRenderRect box, uint32_t color)
{
    const uint64_t at = begin_drawable(release_id, 1 /* QXL_DRAW_FILL */, box);
    put32(1), put32(color), put64(0), put32(0);     /* brush: solid */
    put16(8);                                       /* SPICE_ROPD_OP_PUT */
    put_no_mask();
    end_drawable();
    return at;
}

static uint64_t copy_bits(uint64_t release_id, SpiceRenderRect box, int32_t x, int32_t y)
{
    const uint64_t at = begin_drawable(release_id, 4 /* QXL_COPY_BITS */, box);
    put32(x), put32(y);
    end_drawable();
    return at;
}

/* A picture of `size` by `size` pixels of 32 bits, in two chunks of memory. */
static uint64_t copy(uint64_t release_id, int32_t x, int32_t y, uint32_t size)
{
    const uint32_t bytes = size * size * 4, first = bytes / 2;
    const size_t chunk = used;
    const size_t second = chunk + 20 + first;
    put32(first), put64(0), put64(address(second));
    for (uint32_t i = 0; i < bytes; i += 4) {
        if (i == first)
            put32(bytes - first), put64(address(chunk)), put64(0);
        const uint32_t px = i / 4 % size, py = i / 4 / size;
        put32((px * 255 / size) << 16 | (py * 255 / size) << 8 | ((px ^ py) & 0xff));
    }
    const uint64_t image = address(used);
    put64(0), put8(0), put8(0), put32(size), put32(size);           /* id, type: bitmap, flags, size */
    put8(8), put8(4);                                               /* 32BIT, top-down */
    put32(size), put32(size), put32(size * 4), put64(0), put64(address(chunk));

    const SpiceRenderRect box = { x, y, x + (int32_t)size, y + (int32_t)size };
    const uint64_t at = begin_drawable(release_id, 3 /* QXL_DRAW_COPY */, box);
    put64(image);
    put_rect((SpiceRenderRect) { 0, 0, (int32_t)size, (int32_t)size });
    put16(8), put8(0);
    put_no_mask();
    end_drawable();
    return at;
}

/* ---- the clients: they read mini headers and count --------------------------------------------------------------- */

struct client {
    const char *profile;
    uint64_t id;
    uint64_t sent, sent_before;
    int server_end, client_end;
    uint64_t bytes, draws, images;
    pthread_t thread;
};

static int read_all(int from, void *to, size_t size)
{
    for (size_t got = 0; got < size;) {
        const ssize_t n = read(from, (char *)to + got, size - got);
        if (n <= 0)
            return 0;
        got += (size_t)n;
    }
    return 1;
}

static void *client_main(void *data)
{
    struct client *client = data;
    uint8_t header[6];
    while (read_all(client->client_end, header, sizeof header)) {
        const uint16_t kind = (uint16_t)(header[0] | header[1] << 8);
        const uint32_t size = header[2] | header[3] << 8 | header[4] << 16 | (uint32_t)header[5] << 24;
        uint8_t *body = malloc(size ? size : 1);
        if (!body || !read_all(client->client_end, body, size)) {
            free(body);
            break;
        }
        free(body);
        client->bytes += sizeof header + size;
        client->draws += kind >= 302 && kind <= 313 || kind == 104;
        client->images += kind == 304;      /* SPICE_MSG_DISPLAY_DRAW_COPY */
    }
    return NULL;
}

/* ---- the server --------------------------------------------------------------------------------------------------- */

static SpiceRenderEngine *engine;
static uint64_t released;

static void check(SpiceRenderStatus status, const char *what)
{
    if (status != SPICE_RENDER_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", what, spice_render_engine_message(engine));
        exit(1);
    }
}

static void submit(uint64_t data)
{
    const SpiceRenderCommand command = { .data = data, .kind = 1 /* QXL_CMD_DRAW */, .group = GROUP };
    SpiceRenderRelease release;
    check(spice_render_engine_submit(engine, &command, &release), "submit");
    released += release.valid;              /* a device writes release.id to its release ring here */
}

static void serve(struct client *client, uint64_t now)
{
    for (;;) {
        SpiceRenderMessages *messages;
        check(spice_render_engine_poll(engine, client->id, now, 64 << 10, &messages), "poll");
        const size_t count = spice_render_messages_count(messages);
        for (size_t i = 0; i < count; i++) {
            size_t size;
            const uint8_t *bytes = spice_render_messages_get(messages, i, &size);
            for (size_t done = 0; done < size;) {
                const ssize_t n = write(client->server_end, bytes + done, size - done);
                if (n < 0 && errno == EINTR)
                    continue;
                if (n <= 0) {
                    perror("write");
                    exit(1);
                }
                done += (size_t)n;
            }
            client->sent += size;
        }
        spice_render_messages_free(messages);
        if (!count)
            return;
        check(spice_render_engine_acknowledged(engine, client->id, now, client->sent - client->sent_before), "ack");
    }
}

/* The client goes on in another engine; here that is the same one. */
static void migrate(struct client *client)
{
    SpiceRenderBytes *saved;
    size_t size;
    SpiceRenderMetrics metrics;
    check(spice_render_engine_metrics(engine, client->id, &metrics), "metrics");
    client->sent_before += metrics.bytes;
    check(spice_render_engine_save_client(engine, client->id, &saved), "save");
    check(spice_render_engine_disconnect(engine, client->id), "disconnect");
    const uint8_t *data = spice_render_bytes_get(saved, &size);
    check(spice_render_engine_restore_client(engine, data, size, &client->id), "restore");
    spice_render_bytes_free(saved);
    printf("%s went on after migration, with %zu bytes of state\n", client->profile, size);
}

static void create_primary(void)
{
    const size_t at = used;
    used += (size_t)WIDTH * HEIGHT * 4;
    uint8_t create[40];
    const uint32_t words[8] = { WIDTH, HEIGHT, WIDTH * 4, 32 /* SPICE_SURFACE_FMT_32_xRGB */, 0, 0, 0, 0 };
    const uint64_t mem = address(at);
    memcpy(create, words, sizeof words);
    memcpy(create + sizeof words, &mem, sizeof mem);
    check(spice_render_engine_create_primary(engine, GROUP, create), "primary surface");
    SpiceRenderBacking backing;
    check(spice_render_engine_surface_backing(engine, 0, &backing), "backing");
    if (backing.slot != SLOT || backing.offset != at || backing.size != used - at || backing.format != words[3]
        || spice_render_engine_surface_backing(engine, 1, &backing) != SPICE_RENDER_STATUS_NOT_FOUND) {
        fprintf(stderr, "the primary surface lies elsewhere\n");
        exit(1);
    }
}

static void connect_client(struct client *client)
{
    int ends[2];
    SpiceRenderClientOptions options;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) {
        perror("socketpair");
        exit(1);
    }
    client->server_end = ends[0];
    client->client_end = ends[1];
    spice_render_client_options_init(&options);
    options.profile = client->profile;
    check(spice_render_engine_connect(engine, &options, &client->id), client->profile);
    if (pthread_create(&client->thread, NULL, client_main, client)) {
        fprintf(stderr, "no thread\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s PICTURE.ppm\n", argv[0]);
        return 2;
    }
#if !SPICE_RENDER_CHECK_VERSION(0, 1, 0)
#error "spice-render 0.1 or later is needed"
#endif
    if (spice_render_version() >> 8 != SPICE_RENDER_VERSION >> 8) {
        fprintf(stderr, "the library is of another version than its header\n");
        return 1;
    }
    char name[32];
    for (uint32_t bit = 0; bit < 64; bit++)
        if (spice_render_features() >> bit & 1 && spice_render_feature_name(bit, name, sizeof name))
            printf("%s ", name);
    printf("\n");
    struct client clients[2] = { { .profile = "spice-gtk" }, { .profile = "images-only" } };
    /* The server migrates between hosts, of which the oldest has version 0.1. */
    SpiceRenderOptions options;
    spice_render_options_init(&options);
    options.allowed_features = spice_render_version_features("0.1");
    if (!options.allowed_features || spice_render_version_features("0.0")) {
        fprintf(stderr, "versions are not told apart\n");
        return 1;
    }
    engine = spice_render_engine_new(&options);
    check(spice_render_engine_add_slot(engine, GROUP, SLOT, GENERATION, 0, ram, sizeof ram), "slot");
    create_primary();
    for (int i = 0; i < 2; i++)
        connect_client(&clients[i]);

    uint64_t commands = 0;
    const size_t free_from = used;
    for (int frame = 0; frame < FRAMES; frame++) {
        used = free_from;                   /* what was submitted is not read any more */
        const int32_t x = frame * 8, y = 40 + frame * 4;
        if (frame == 0) {
            submit(fill(++commands, (SpiceRenderRect) { 0, 0, WIDTH, HEIGHT }, 0x203040));
            submit(copy(++commands, 440, 20, 160));
        }
        submit(fill(++commands, (SpiceRenderRect) { x, y, x + 60, y + 40 }, 0x00c040 + (uint32_t)frame * 0x040000));
        submit(copy_bits(++commands, (SpiceRenderRect) { 0, 400, WIDTH, HEIGHT }, 8, 396));
        for (int i = 0; i < 2; i++)
            serve(&clients[i], (uint64_t)frame * 33333);
        if (frame == FRAMES / 2)
            migrate(&clients[1]);
    }

    /* A command that makes no sense is refused, and its resources are given back all the same. */
    const SpiceRenderCommand wild = { .data = address(used) + RAM, .kind = 1, .group = GROUP };
    SpiceRenderRelease release;
    if (spice_render_engine_submit(engine, &wild, &release) != SPICE_RENDER_STATUS_REFUSED) {
        fprintf(stderr, "a wild address was taken\n");
        return 1;
    }
    printf("refused: %s\n", spice_render_engine_message(engine));

    for (int i = 0; i < 2; i++) {
        struct client *client = &clients[i];
        SpiceRenderMetrics metrics;
        check(spice_render_engine_metrics(engine, client->id, &metrics), "metrics");
        check(spice_render_engine_disconnect(engine, client->id), "disconnect");
        close(client->server_end);
        pthread_join(client->thread, NULL);
        close(client->client_end);
        printf("%-12s %7" PRIu64 " bytes, %4" PRIu64 " operations, %4" PRIu64 " copies\n", client->profile,
               client->bytes, client->draws, client->images);
        if (client->bytes != client->sent_before + metrics.bytes || client->bytes != client->sent || !client->draws) {
            fprintf(stderr, "%s: %" PRIu64 " bytes were sent\n", client->profile, metrics.bytes);
            return 1;
        }
    }
    if (released != commands) {
        fprintf(stderr, "%" PRIu64 " of %" PRIu64 " commands were given back\n", released, commands);
        return 1;
    }

    static uint8_t screen[WIDTH * HEIGHT * 4];
    const SpiceRenderPixels pixels = { screen, sizeof screen, WIDTH * 4 };
    check(spice_render_engine_update_area(engine, 0, (SpiceRenderRect) { 0, 0, WIDTH, HEIGHT }, &pixels), "pixels");
    FILE *file = fopen(argv[1], "wb");
    if (!file) {
        perror(argv[1]);
        return 1;
    }
    fprintf(file, "P6\n%d %d\n255\n", WIDTH, HEIGHT);
    for (size_t i = 0; i < sizeof screen; i += 4) {
        const uint8_t rgb[3] = { screen[i + 2], screen[i + 1], screen[i] };
        fwrite(rgb, 1, 3, file);
    }
    fclose(file);
    spice_render_engine_free(engine);
    return 0;
}
