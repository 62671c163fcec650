/* gtk PORT OUT.ppm SECONDS [WANTED.ppm]: what SPICE's own client library shows of a server on this machine.
 *
 * Writes the primary surface when the picture has been WANTED's for a third of a second, or else has not changed for
 * fifteen seconds, or after SECONDS; then says on one line how many pixels differ, the bytes of the display channel, and
 * the last pointer shape: "differing=0 bytes=1234 cursor=16x16+3+4:89abcdef". Exit: 0 the picture is the wanted one,
 * 1 it is not, 2 there is none.
 *
 * gcc -O2 -o gtk gtk.c $(pkg-config --cflags --libs spice-client-glib-2.0)
 */
#include <spice-client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A picture as R, G, B bytes. */
struct picture {
    int width, height;
    guint8 *rgb;
};

static struct {
    GMainLoop *loop;
    SpiceChannel *display;
    /* The surface, as the library hands it out. */
    int format, width, height, stride;
    const guint8 *pixels;
    gint64 begin, changed, right_since;
    gboolean dirty, lost;
    int seconds;
    struct picture shown, wanted;
    char cursor[64];
} state;

static guint expand(guint value, int bits)
{
    return value << (8 - bits) | value >> (2 * bits - 8);
}

/* Copies the surface out. */
static void take_picture(void)
{
    struct picture *p = &state.shown;
    p->width = state.width;
    p->height = state.height;
    p->rgb = g_realloc(p->rgb, (gsize)p->width * p->height * 3);
    for (int y = 0; y < p->height; y++) {
        const guint8 *row = state.pixels + (gsize)y * state.stride;
        guint8 *to = p->rgb + (gsize)y * p->width * 3;
        for (int x = 0; x < p->width; x++, to += 3) {
            if (state.format == SPICE_SURFACE_FMT_32_xRGB || state.format == SPICE_SURFACE_FMT_32_ARGB) {
                to[0] = row[x * 4 + 2];
                to[1] = row[x * 4 + 1];
                to[2] = row[x * 4];
            } else {
                guint v = row[x * 2] | row[x * 2 + 1] << 8;
                int green = state.format == SPICE_SURFACE_FMT_16_565 ? 6 : 5;
                to[0] = expand(v >> (5 + green) & 31, 5);
                to[1] = expand(v >> 5 & ((1 << green) - 1), green);
                to[2] = expand(v & 31, 5);
            }
        }
    }
}

static long differing(void)
{
    const struct picture *a = &state.shown, *b = &state.wanted;
    if (!a->rgb || a->width != b->width || a->height != b->height)
        return -1;
    long n = 0;
    for (gsize i = 0; i < (gsize)a->width * a->height; i++)
        n += memcmp(a->rgb + i * 3, b->rgb + i * 3, 3) != 0;
    return n;
}

static void changed(void)
{
    state.changed = g_get_monotonic_time();
    state.dirty = TRUE;
}

static void on_create(SpiceChannel *c, int format, int width, int height, int stride, int shm, gpointer pixels)
{
    state.format = format;
    state.width = width;
    state.height = height;
    state.stride = stride;
    state.pixels = pixels;
    changed();
}

static void on_destroy(void)
{
    state.pixels = NULL;
    changed();
}

static void on_cursor(SpiceChannel *c, int width, int height, int hot_x, int hot_y, const guint8 *rgba)
{
    guint32 sum = 2166136261u;
    for (gsize i = 0; rgba && i < (gsize)width * height * 4; i++)
        sum = (sum ^ rgba[i]) * 16777619u;
    g_snprintf(state.cursor, sizeof state.cursor, "%dx%d+%d+%d:%08x", width, height, hot_x, hot_y, sum);
}

static void on_event(SpiceChannel *c, SpiceChannelEvent event)
{
    if (event >= SPICE_CHANNEL_CLOSED) {
        fprintf(stderr, "%s: event %d\n", G_OBJECT_TYPE_NAME(c), event);
        if (SPICE_IS_DISPLAY_CHANNEL(c) || SPICE_IS_MAIN_CHANNEL(c)) {
            state.lost = TRUE;
            g_main_loop_quit(state.loop);
        }
    }
}

static void on_channel(SpiceSession *session, SpiceChannel *c)
{
    g_signal_connect(c, "channel-event", G_CALLBACK(on_event), NULL);
    if (SPICE_IS_DISPLAY_CHANNEL(c)) {
        state.display = c;
        g_signal_connect(c, "display-primary-create", G_CALLBACK(on_create), NULL);
        g_signal_connect(c, "display-primary-destroy", G_CALLBACK(on_destroy), NULL);
        g_signal_connect(c, "display-invalidate", G_CALLBACK(changed), NULL);
    } else if (SPICE_IS_CURSOR_CHANNEL(c)) {
        g_signal_connect(c, "cursor-set", G_CALLBACK(on_cursor), NULL);
    } else if (!SPICE_IS_INPUTS_CHANNEL(c)) {
        return;
    }
    spice_channel_connect(c);
}

static gboolean look(gpointer nothing)
{
    gint64 now = g_get_monotonic_time();
    if (now - state.begin > state.seconds * G_GINT64_CONSTANT(1000000)) {
        g_main_loop_quit(state.loop);
    } else if (state.pixels) {
        if (state.dirty && state.wanted.rgb) {
            take_picture();
            if (differing() != 0)
                state.right_since = 0;
            else if (!state.right_since)
                state.right_since = now;
        }
        state.dirty = FALSE;
        if (now - state.changed > 15000000 || (state.right_since && now - MAX(state.changed, state.right_since) > 330000))
            g_main_loop_quit(state.loop);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean read_ppm(const char *name, struct picture *p)
{
    FILE *f = fopen(name, "rb");
    int most;
    if (!f || fscanf(f, "P6 %d %d %d", &p->width, &p->height, &most) != 3 || fgetc(f) == EOF)
        return FALSE;
    gsize size = (gsize)p->width * p->height * 3;
    p->rgb = g_malloc(size);
    gboolean ok = fread(p->rgb, 1, size, f) == size;
    fclose(f);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc < 4 || (argc > 4 && !read_ppm(argv[4], &state.wanted))) {
        fprintf(stderr, "usage: gtk PORT OUT.ppm SECONDS [WANTED.ppm]\n");
        return 2;
    }
    state.seconds = atoi(argv[3]);
    state.loop = g_main_loop_new(NULL, FALSE);
    state.begin = g_get_monotonic_time();
    strcpy(state.cursor, "none");
    SpiceSession *session = spice_session_new();
    g_object_set(session, "host", "127.0.0.1", "port", argv[1], "password", g_getenv("SPICE_PASSWORD"), NULL);
    g_signal_connect(session, "channel-new", G_CALLBACK(on_channel), NULL);
    if (!spice_session_connect(session))
        return 2;
    g_timeout_add(40, look, NULL);
    g_main_loop_run(state.loop);

    if (!state.pixels)
        return 2;
    take_picture();
    FILE *f = fopen(argv[2], "wb");
    if (!f)
        return 2;
    fprintf(f, "P6\n%d %d\n255\n", state.shown.width, state.shown.height);
    fwrite(state.shown.rgb, 3, (gsize)state.shown.width * state.shown.height, f);
    fclose(f);
    gulong bytes = 0;
    if (state.display)
        g_object_get(state.display, "total-read-bytes", &bytes, NULL);
    long wrong = state.wanted.rgb ? differing() : 0;
    printf("differing=%ld bytes=%lu cursor=%s\n", wrong, bytes, state.cursor);
    fflush(stdout);
    /* The library's threads are of no interest any more. */
    _Exit(wrong != 0 || state.lost);
}
