//! liblz4 and libjpeg-turbo, called directly.

use std::ffi::c_int;

// SAFETY: the declarations are those of lz4.h (a stable interface) and of `jpeg.c` beside this file.
unsafe extern "C" {
    fn LZ4_compress_default(from: *const u8, to: *mut u8, size: c_int, room: c_int) -> c_int;
    fn LZ4_decompress_safe(from: *const u8, to: *mut u8, size: c_int, room: c_int) -> c_int;
    fn bench_jpeg_encode(
        bgrx: *const u8,
        width: u32,
        height: u32,
        quality: c_int,
        out: *mut u8,
        room: usize,
    ) -> usize;
    fn bench_jpeg_decode(stream: *const u8, size: usize, bgrx: *mut u8, room: usize) -> c_int;
}

/// One LZ4 block of `data` at the start of `out`; its length.
pub fn lz4_encode(data: &[u8], out: &mut [u8]) -> usize {
    // SAFETY: both pointers are valid for the lengths passed with them.
    let n = unsafe {
        LZ4_compress_default(data.as_ptr(), out.as_mut_ptr(), data.len() as c_int, out.len() as c_int)
    };
    assert!(n > 0);
    n as usize
}

/// The inverse.
pub fn lz4_decode(block: &[u8], out: &mut [u8]) {
    // SAFETY: as above.
    let n = unsafe {
        LZ4_decompress_safe(block.as_ptr(), out.as_mut_ptr(), block.len() as c_int, out.len() as c_int)
    };
    assert_eq!(n as usize, out.len());
}

/// A JPEG of `bgrx` at the start of `out`; its length.
pub fn jpeg_encode(bgrx: &[u8], width: u32, height: u32, quality: u8, out: &mut [u8]) -> usize {
    assert!(bgrx.len() >= width as usize * height as usize * 4);
    // SAFETY: the rows are as long as asserted, and `out` is valid for its length.
    let n = unsafe {
        bench_jpeg_encode(bgrx.as_ptr(), width, height, c_int::from(quality), out.as_mut_ptr(), out.len())
    };
    assert!(n > 0);
    n
}

/// The inverse.
pub fn jpeg_decode(stream: &[u8], bgrx: &mut [u8]) {
    // SAFETY: both pointers are valid for the lengths passed with them.
    let fits = unsafe { bench_jpeg_decode(stream.as_ptr(), stream.len(), bgrx.as_mut_ptr(), bgrx.len()) };
    assert_eq!(fits, 1);
}
