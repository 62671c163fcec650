//! How much one command of a guest may hold.

/// Upper bounds on what one command of a guest may make the host copy.
///
/// A size that a guest declares is checked against its slot and these bounds before anything is allocated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuestLimits {
    /// Bytes of one piece of bulk data, its chunks joined. Default: 256 MiB, a picture of 8192x8192 pixels.
    pub max_blob_bytes: u64,
    /// Bytes that one command may hold in all. Default: 512 MiB.
    pub max_command_bytes: u64,
    /// Chunks that a piece of bulk data comes in. Default: 65,536.
    pub max_chunks: u32,
    /// Rectangles of one clip list. Default: 1,048,576.
    pub max_clip_rects: u32,
    /// Points of one path, each of its segments counted as one more. Default: 1,048,576.
    pub max_points: u32,
    /// Bytes of the text of a message. Default: 100,000.
    pub max_message_bytes: u32,
}

impl Default for GuestLimits {
    fn default() -> Self {
        Self {
            max_blob_bytes: 256 << 20,
            max_command_bytes: 512 << 20,
            max_chunks: 1 << 16,
            max_clip_rects: 1 << 20,
            max_points: 1 << 20,
            max_message_bytes: 100_000,
        }
    }
}
