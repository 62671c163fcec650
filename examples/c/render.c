/*
 * Renders a recording of a QXL guest's commands to a picture:
 *
 *     render RECORDING PICTURE.ppm
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "spice-render.h"

static int fail(const SpiceRenderReplay *replay, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, spice_render_replay_message(replay));
    return 1;
}

static int write_ppm(const char *path, const uint8_t *bgrx, uint32_t width, uint32_t height)
{
    FILE *file = fopen(path, "wb");
    if (!file) {
        perror(path);
        return 1;
    }
    fprintf(file, "P6\n%" PRIu32 " %" PRIu32 "\n255\n", width, height);
    for (size_t i = 0; i < (size_t)width * height; i++) {
        const uint8_t rgb[3] = { bgrx[i * 4 + 2], bgrx[i * 4 + 1], bgrx[i * 4] };
        fwrite(rgb, 1, 3, file);
    }
    if (ferror(file) | fclose(file)) {
        perror(path);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s RECORDING PICTURE.ppm\n", argv[0]);
        return 2;
    }
    SpiceRenderReplay *replay = spice_render_replay_new();
    uint32_t width, height;
    int result = 1;

    if (spice_render_replay_open(replay, argv[1]) != SPICE_RENDER_STATUS_OK)
        fail(replay, argv[1]);
    else if (spice_render_replay_run(replay, UINT64_MAX) != SPICE_RENDER_STATUS_OK)
        fail(replay, argv[1]);
    else if (spice_render_replay_surface_size(replay, 0, &width, &height) != SPICE_RENDER_STATUS_OK)
        fail(replay, argv[1]);
    else {
        const size_t stride = (size_t)width * 4;
        const SpiceRenderRect all = { 0, 0, (int32_t)width, (int32_t)height };
        const SpiceRenderPixels pixels = { malloc(stride * height), stride * height, stride };

        if (!pixels.data || spice_render_replay_pixels(replay, 0, all, &pixels) != SPICE_RENDER_STATUS_OK)
            fail(replay, "pixels");
        else
            result = write_ppm(argv[2], pixels.data, width, height);
        free(pixels.data);
    }
    spice_render_replay_free(replay);
    return result;
}
