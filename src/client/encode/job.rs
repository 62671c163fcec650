//! A picture to encode for a client, and what it may be encoded as.

use super::Quality;
use super::canonical::Shape;
use super::cost::Costs;
use super::hash::ContentHash;
use super::shared::StreamKey;
use crate::client::profile::Set;
use crate::qxl::BitmapFormat;
use crate::wire::ImageKind;
use bytes::Bytes;
use spice_codecs::lz::Level;
use spice_codecs::{Codec, Content, Pixels};

/// A picture to encode.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) shape: Shape,
    pub(super) data: &'a [u8],
    pub(super) pixels: Pixels<'a>,
    pub(super) hash: ContentHash,
    pub(super) content: Content,
    pub(super) costs: &'a Costs,
    pub(super) quality: &'a Quality,
    /// About as many bytes as it will take.
    pub(super) expected: u64,
    /// What the client decodes, by [`ImageKind`].
    pub(super) formats: &'a [Set<BitmapFormat>; ImageKind::ALL.len()],
}

impl Job<'_> {
    /// Whether the client decodes such an image of this format.
    pub(super) fn can(&self, kind: ImageKind, format: BitmapFormat) -> bool {
        self.formats[kind as usize].contains(format)
    }

    /// What an image of so many bytes costs.
    pub(super) fn price(&self, kind: ImageKind, bytes: usize) -> u64 {
        self.costs.price(kind, &self.content, self.shape.pixels(), bytes)
    }

    /// The most bytes of an image of this kind that is cheaper than `price`.
    pub(super) fn bound(&self, price: u64, kind: ImageKind) -> Option<usize> {
        self.costs.bytes_below(price, kind, &self.content, self.shape.pixels())
    }

    /// The raw formats that carry the picture's bits to the client.
    pub(super) fn raw_formats(&self) -> impl Iterator<Item = BitmapFormat> + use<'_> {
        let Shape { format, all_bits, .. } = self.shape;
        let short = (format == BitmapFormat::Bit32 && !all_bits).then_some(BitmapFormat::Bit24);
        short.into_iter().chain([format]).filter(|f| self.can(ImageKind::Bitmap, *f))
    }

    /// Packed rows of a raw format.
    pub(super) fn raw(&self, format: BitmapFormat) -> Bytes {
        if format == BitmapFormat::Bit24 && self.shape.format == BitmapFormat::Bit32 {
            let (pixels, _) = self.data.as_chunks::<4>();
            return pixels.iter().flat_map(|&[b, g, r, _]| [b, g, r]).collect();
        }
        Bytes::copy_from_slice(self.data)
    }

    /// What a stream of the picture is remembered by.
    pub(super) fn key(&self, codec: Codec, palette: bool, level: Level) -> StreamKey {
        StreamKey { content: self.hash, codec, palette, level, jpeg: None }
    }
}
