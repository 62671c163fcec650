//! How much a recording may ask for.

/// Upper bounds on what one event of a recording may hold in memory.
///
/// A size that a recording declares is never believed: memory grows with the bytes that really arrive, and a
/// declared size beyond its limit is refused before anything is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one blob, its chunks joined and inflated. Default: 256 MiB, a picture of 8192x8192 pixels.
    pub max_blob_bytes: u64,
    /// Chunks that a blob comes in. Default: 65,536.
    pub max_chunks: u32,
    /// Rectangles of one clip list. Default: 1,048,576.
    pub max_clip_rects: u32,
    /// Points of one path, each of its segments counted as one more. Default: 1,048,576.
    pub max_points: u32,
    /// Bytes that the decoder of a compressed recording may keep as its window. Default: 128 MiB, what `zstd`
    /// and `xz` themselves read and write without special options.
    pub max_window_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_blob_bytes: 256 << 20,
            max_chunks: 1 << 16,
            max_clip_rects: 1 << 20,
            max_points: 1 << 20,
            max_window_bytes: 128 << 20,
        }
    }
}
