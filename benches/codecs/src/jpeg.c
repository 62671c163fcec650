/* The system's libjpeg on whole pictures of B, G, R, X rows; needs the extensions of libjpeg-turbo. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <jpeglib.h>

size_t bench_jpeg_encode(const unsigned char *bgrx, unsigned width, unsigned height, int quality,
                         unsigned char *out, size_t room)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *to = out;
    unsigned long size = room;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &to, &size);
    c.image_width = width;
    c.image_height = height;
    c.input_components = 4;
    c.in_color_space = JCS_EXT_BGRX;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, quality, TRUE);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < height) {
        JSAMPROW row = (JSAMPROW)(bgrx + (size_t)c.next_scanline * width * 4);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    if (to != out) {
        free(to);
        return 0;
    }
    return size;
}

int bench_jpeg_decode(const unsigned char *stream, size_t size, unsigned char *bgrx, size_t room)
{
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    int fits;
    d.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, (unsigned char *)stream, size);
    jpeg_read_header(&d, TRUE);
    d.out_color_space = JCS_EXT_BGRX;
    jpeg_start_decompress(&d);
    fits = (size_t)d.output_width * d.output_height * 4 <= room;
    while (fits && d.output_scanline < d.output_height) {
        JSAMPROW row = bgrx + (size_t)d.output_scanline * d.output_width * 4;
        jpeg_read_scanlines(&d, &row, 1);
    }
    jpeg_abort_decompress(&d);
    jpeg_destroy_decompress(&d);
    return fits;
}
