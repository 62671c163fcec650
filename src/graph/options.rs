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
        // Twice what that many nodes take by themselves: as much again for small images. See optimization-notes.md.
        Self { nodes: 1 << 15, bytes: 32 << 20 }
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
    /// So is all that is drawn at a time, if it is less than filling this many pixels in all.
    pub alone_pixels: u64,
    /// Whether what nobody sees is left out.
    pub culling: bool,
    /// Whether time is measured ([`super::Stats::times`]), which costs some.
    pub timing: bool,
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            threads: 0,
            band_bytes: 256 << 10,
            inline_pixels: 3 << 18,
            alone_pixels: 0,
            culling: true,
            timing: false,
        }
    }
}

impl Execution {
    /// For a process that draws a recording once and ends: starting threads, and their looking for work, takes 0.5 to
    /// 1 ms of the processors, which what they are started for must be worth (10 ms or so).
    pub fn once() -> Self {
        Self { alone_pixels: 1 << 26, ..Self::default() }
    }
}
