//! Just enough of the system's libpixman-1 to race against: safe calls on slices of pixels.

use std::ffi::{c_int, c_uint, c_void};

type Image = *mut c_void;

#[repr(C)]
struct Transform {
    matrix: [[i32; 3]; 3],
}

#[link(name = "pixman-1")]
unsafe extern "C" {
    fn pixman_image_create_bits(
        format: c_uint,
        width: c_int,
        height: c_int,
        bits: *mut u32,
        stride_bytes: c_int,
    ) -> Image;
    fn pixman_image_unref(image: Image) -> c_int;
    fn pixman_image_set_transform(image: Image, transform: *const Transform) -> c_int;
    fn pixman_image_set_repeat(image: Image, repeat: c_uint);
    fn pixman_image_set_component_alpha(image: Image, component_alpha: c_int);
    fn pixman_image_set_filter(image: Image, filter: c_uint, params: *const i32, count: c_int) -> c_int;
    fn pixman_image_composite32(
        op: c_uint,
        src: Image,
        mask: Image,
        dst: Image,
        src_x: i32,
        src_y: i32,
        mask_x: i32,
        mask_y: i32,
        dst_x: i32,
        dst_y: i32,
        width: i32,
        height: i32,
    );
    fn pixman_fill(
        bits: *mut u32,
        stride_words: c_int,
        bpp: c_int,
        x: c_int,
        y: c_int,
        width: c_int,
        height: c_int,
        filler: u32,
    ) -> c_int;
    fn pixman_blt(
        src_bits: *mut u32,
        dst_bits: *mut u32,
        src_stride_words: c_int,
        dst_stride_words: c_int,
        src_bpp: c_int,
        dst_bpp: c_int,
        src_x: c_int,
        src_y: c_int,
        dst_x: c_int,
        dst_y: c_int,
        width: c_int,
        height: c_int,
    ) -> c_int;
}

/// a8r8g8b8.
pub const A8R8G8B8: u32 = 0x2002_8888;
/// x8r8g8b8.
pub const X8R8G8B8: u32 = 0x2002_0888;
/// x1r5g5b5.
pub const X1R5G5B5: u32 = 0x1002_0555;
/// r5g6b5.
pub const R5G6B5: u32 = 0x1002_0565;
/// a8.
pub const A8: u32 = 0x0801_8000;
/// a1.
pub const A1: u32 = 0x0101_1000;

/// The operator SRC.
pub const SRC: u32 = 1;
/// The operator OVER.
pub const OVER: u32 = 3;
/// The operator ADD.
pub const ADD: u32 = 12;

/// `PIXMAN_FILTER_GOOD`, which is bilinear.
pub const GOOD: u32 = 1;
/// `PIXMAN_FILTER_NEAREST`.
pub const NEAREST: u32 = 3;

/// An image over pixels in words, `stride` words from row to row.
pub struct Pixels<'a> {
    image: Image,
    width: u32,
    height: u32,
    words: &'a mut [u32],
    stride: usize,
    bpp: c_int,
    /// Column and row of the first pixel that operations write or read, columns and rows of what they write.
    area: [c_int; 4],
}

impl<'a> Pixels<'a> {
    /// Panics if the words do not hold the rows.
    pub fn new(format: u32, width: u32, height: u32, stride: usize, words: &'a mut [u32]) -> Self {
        let bpp = (format >> 24) as usize;
        assert!(words.len() >= stride * height as usize && stride * 32 >= width as usize * bpp);
        // SAFETY: the rows are inside `words`, as asserted, which outlives the image.
        let image = unsafe {
            pixman_image_create_bits(
                format,
                width as c_int,
                height as c_int,
                words.as_mut_ptr(),
                (stride * 4) as c_int,
            )
        };
        assert!(!image.is_null());
        let area = [0, 0, width as c_int, height as c_int];
        Self { image, width, height, words, stride, bpp: bpp as c_int, area }
    }

    /// Limits what is written to an area, or lets it be read from there on; panics if it is not inside.
    pub fn within(&mut self, x: u32, y: u32, width: u32, height: u32) {
        assert!(x + width <= self.width && y + height <= self.height);
        self.area = [x, y, width, height].map(|v| v as c_int);
    }

    /// Lets the image be read scaled by factors in 16.16 from `left`, `top`.
    pub fn scale(&mut self, x: i32, y: i32, left: i32, top: i32, filter: u32) {
        let transform = Transform { matrix: [[x, 0, left << 16], [0, y, top << 16], [0, 0, 1 << 16]] };
        // SAFETY: the image is alive; pixman copies the transform.
        unsafe {
            pixman_image_set_transform(self.image, &transform);
            pixman_image_set_filter(self.image, filter, std::ptr::null(), 0);
        }
    }

    /// Lets the image be read through a transform in 16.16, as a part of the 3x3 matrix.
    pub fn transform(&mut self, [xx, xy, x0, yx, yy, y0]: [i32; 6], filter: u32) {
        let transform = Transform { matrix: [[xx, xy, x0], [yx, yy, y0], [0, 0, 1 << 16]] };
        // SAFETY: the image is alive; pixman copies the transform.
        unsafe {
            pixman_image_set_transform(self.image, &transform);
            pixman_image_set_filter(self.image, filter, std::ptr::null(), 0);
        }
    }

    /// Repeats the image as tiles.
    pub fn repeat(&mut self) {
        // SAFETY: the image is alive.
        unsafe { pixman_image_set_repeat(self.image, 1) }
    }

    /// Lets each channel of the image count for its own where it is a mask.
    pub fn component_alpha(&mut self) {
        // SAFETY: the image is alive.
        unsafe { pixman_image_set_component_alpha(self.image, 1) }
    }

    /// Composites all of the area from where the source's begins.
    pub fn composite(&mut self, op: u32, src: &Pixels<'_>) {
        self.composite_masked(op, src, None);
    }

    /// Composites all of the area from where those of source and mask begin.
    pub fn composite_masked(&mut self, op: u32, src: &Pixels<'_>, mask: Option<&Pixels<'_>>) {
        let ([x, y, width, height], [src_x, src_y, ..]) = (self.area, src.area);
        let [mask_x, mask_y, ..] = mask.map_or([0; 4], |mask| mask.area);
        // SAFETY: all images are alive, pixman clips to their sizes.
        unsafe {
            pixman_image_composite32(
                op,
                src.image,
                mask.map_or(std::ptr::null_mut(), |mask| mask.image),
                self.image,
                src_x,
                src_y,
                mask_x,
                mask_y,
                x,
                y,
                width,
                height,
            );
        }
    }

    /// Fills the area of an image of whole bytes; whether pixman does that.
    pub fn fill(&mut self, color: u32) -> bool {
        assert!(self.bpp >= 8);
        let [x, y, width, height] = self.area;
        // SAFETY: the rows are inside `words`, as asserted when it was made.
        let done = unsafe {
            pixman_fill(self.words.as_mut_ptr(), self.stride as c_int, self.bpp, x, y, width, height, color)
        };
        done != 0
    }

    /// Copies an area of the same size and pixel size; whether pixman does that.
    pub fn blt(&mut self, src: &mut Pixels<'_>) -> bool {
        let ([x, y, width, height], [src_x, src_y, src_width, src_height]) = (self.area, src.area);
        assert!((width, height, self.bpp) == (src_width, src_height, src.bpp));
        // SAFETY: the rows of both are inside their `words`, as asserted when they were made.
        let done = unsafe {
            pixman_blt(
                src.words.as_mut_ptr(),
                self.words.as_mut_ptr(),
                src.stride as c_int,
                self.stride as c_int,
                self.bpp,
                self.bpp,
                src_x,
                src_y,
                x,
                y,
                width,
                height,
            )
        };
        done != 0
    }

    /// The pixels.
    pub fn words(&self) -> &[u32] {
        self.words
    }
}

impl Drop for Pixels<'_> {
    fn drop(&mut self) {
        // SAFETY: made by create_bits, released once.
        unsafe {
            pixman_image_unref(self.image);
        }
    }
}
