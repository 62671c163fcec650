//! How much a graph may hold, and how it draws.

/// Bounds on what a graph holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphLimits {
    /// Commands that are pending.
    pub nodes: usize,
    /// Bytes that they keep alive: themselves, images, and surfaces that are dead but still read.
    pub bytes: u64,
}

impl Default for GraphLimits {
    fn default() -> Self {
        // See optimization-notes.md.
        Self { nodes: 1 << 15, bytes: 8 << 20 }
    }
}

/// How a graph draws. None of it changes a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Threads; 0 stands for the rayon pool that the caller runs in.
    pub threads: usize,
    /// Bytes of a band of rows, the part of a surface that one thread draws at a time.
    pub band_bytes: usize,
    /// Work below that of filling this many pixels is drawn on the caller's thread.
    pub inline_pixels: u64,
    /// Whether what nobody sees is left out.
    pub culling: bool,
    /// Whether time is measured ([`super::Stats::times`]), which costs some.
    pub timing: bool,
}

impl Default for Execution {
    fn default() -> Self {
        Self { threads: 0, band_bytes: 256 << 10, inline_pixels: 1 << 19, culling: true, timing: false }
    }
}
