//! Which instruction set the kernels use.

use fearless_simd::Level;

/// The rasteriser: a small value that says which instruction set to use. Every level draws the same bits.
///
/// Make one per process or per engine (the processor is looked up once) and copy it about.
#[derive(Clone, Copy, Debug)]
pub struct Raster {
    pub(crate) level: Level,
}

impl Raster {
    /// For the best instruction set that this processor has.
    pub fn new() -> Self {
        Self { level: Level::new() }
    }

    /// For the instruction set that the build assumes (SSE2 on x86-64).
    pub fn baseline() -> Self {
        Self { level: Level::baseline() }
    }
}

impl Default for Raster {
    fn default() -> Self {
        Self::new()
    }
}
