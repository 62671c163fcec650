//! What pieces cost.

/// What one way of coding images takes for a pixel, in 1/1024 bytes, by how it sits among its neighbours.
///
/// A pixel is *novel* if it differs from its left and from its upper neighbour. Where more than half of the pixels
/// are novel the content is *busy*: photos, noise, not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    /// A pixel that equals its left or its upper neighbour.
    pub plain: u32,
    /// A novel pixel among plain ones: text, icons, frames.
    pub novel: u32,
    /// A novel pixel of busy content.
    pub busy: u32,
}

/// What messages and pixels cost: estimates that decide what is merged, moved and filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Bytes that every image takes beside its pixels: message, image and codec headers.
    pub image: u32,
    /// Bytes of a fill.
    pub fill: u32,
    /// Bytes of a move.
    pub copy_bits: u32,
    /// Pixels in a coder that looks for repetitions (LZ, GLZ, LZ4).
    pub repeating: Coding,
    /// Pixels in a coder that predicts (QUIC). The cheaper of the two counts, for each image as a whole.
    pub predicting: Coding,
    /// Bytes that a predicting coder wastes in each image until it has learnt what to predict.
    pub learning: u32,
}

impl Costs {
    /// For clients that take every lossless image type.
    pub const LOSSLESS: Self = Self {
        image: 130,
        fill: 48,
        copy_bits: 36,
        repeating: Coding { plain: 6, novel: 1200, busy: 3000 },
        predicting: Coding { plain: 60, novel: 2000, busy: 1600 },
        learning: 300,
    };

    /// For clients that take pixels only as they are, 4 bytes each.
    pub const RAW: Self = Self {
        repeating: Coding { plain: 4096, novel: 4096, busy: 4096 },
        predicting: Coding { plain: 4096, novel: 4096, busy: 4096 },
        learning: 0,
        ..Self::LOSSLESS
    };
}

impl Default for Costs {
    fn default() -> Self {
        Self::LOSSLESS
    }
}
