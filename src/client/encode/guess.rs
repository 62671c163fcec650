//! Estimates of how many bytes an image takes, for planning.

use super::canonical::{self, Fill};
use super::{ImageEncoder, Quality, Unencodable};
use crate::qxl::{BitmapFormat, Rect, SurfaceFormat};
use crate::wire::ImageKind;
use spice_codecs::{Content, ContentClass};
use spice_raster::SurfaceRef;

/// Rows of a sample, in runs of neighbours, and columns.
const RUNS: i32 = 12;
const RUN: i32 = 4;
const COLUMNS: i32 = 512;

/// What images of each class took, against a rough formula: sixteenths of a bit, learnt as images are encoded.
#[derive(Clone, Debug)]
pub(super) struct Guesses {
    ratios: [u64; 5],
}

/// The ratio of 1.
const ONE: u64 = 1024;

impl Default for Guesses {
    fn default() -> Self {
        Self { ratios: [ONE; 5] }
    }
}

fn slot(class: ContentClass) -> usize {
    match class {
        ContentClass::Solid => 0,
        ContentClass::FewColours => 1,
        ContentClass::Text => 2,
        ContentClass::Smooth => 3,
        _ => 4,
    }
}

/// Bytes by formula: what is flat costs next to nothing, what is not costs by its residual.
fn formula(content: &Content, pixels: u64) -> u64 {
    // Thousandths of a bit for each pixel.
    let busy = u64::from(1000 - ((content.flat * 1000.0) as u32).min(1000));
    let residual = u64::from((content.residual * 16.0) as u32) + 1;
    let bits = 250 * (residual * residual).ilog2() as u64;
    let per_pixel = match content.class {
        ContentClass::Solid => 4,
        ContentClass::FewColours => 10 + busy,
        ContentClass::Text => 20 + busy * 4,
        _ => 400 + 3 * bits,
    };
    26 + pixels * per_pixel / 8000
}

impl Guesses {
    pub(super) fn save(&self) -> [u64; 5] {
        self.ratios
    }

    /// The ratios that were saved, or ones that make sense.
    pub(super) fn restore(ratios: [u64; 5]) -> Self {
        Self { ratios: ratios.map(|ratio| ratio.clamp(ONE / 32, ONE * 32)) }
    }

    pub(super) fn guess(&self, content: &Content, pixels: u64) -> u64 {
        26 + (formula(content, pixels) - 26) * self.ratios[slot(content.class)] / ONE
    }

    /// Takes note of what an image really took.
    pub(super) fn learn(&mut self, content: &Content, pixels: u64, bytes: usize) {
        let expected = formula(content, pixels) - 26;
        if pixels < 256 || expected == 0 {
            return;
        }
        let seen = ((bytes as u64).saturating_sub(26) * ONE / expected).clamp(ONE / 32, ONE * 32);
        let ratio = &mut self.ratios[slot(content.class)];
        *ratio = (*ratio * 7 + seen) / 8;
    }
}

impl ImageEncoder {
    /// About how many bytes [`Self::encode`] would take, from a sample of the pixels and what like ones took. Changes
    /// nothing that is sent.
    pub fn estimate(
        &mut self,
        truth: SurfaceRef<'_>,
        rect: Rect,
        target: SurfaceFormat,
        quality: &Quality,
    ) -> Result<usize, Unencodable> {
        if rect.is_empty() || !truth.bounds().contains(&rect) {
            return Err(Unencodable::Area { rect });
        }
        let (width, height) = (i64::from(rect.width()), i64::from(rect.height()));
        let pixels = (width * height) as u64;
        let route = canonical::route(truth.format(), target, quality.needs_x, true);
        let (format, fill) = route.ok_or(Unencodable::Format { truth: truth.format(), target })?;
        let sizes = [BitmapFormat::Bit24, format]
            .into_iter()
            .filter(|f| self.formats(ImageKind::Bitmap).contains(*f));
        let raw = sizes.map(|f| f.bytes_per_row(rect.width()) * u64::from(rect.height()) + 36).min();
        let raw = raw.unwrap_or(u64::MAX);
        let codecs = [ImageKind::Quic, ImageKind::LzRgb, ImageKind::GlzRgb, ImageKind::LzPlt, ImageKind::Lz4];
        if raw < 100 || codecs.into_iter().all(|k| self.formats(k).is_empty()) {
            return Ok(raw as usize);
        }
        let content = self.sample(truth, rect, format, fill);
        Ok(content.map_or(raw, |c| self.guesses.guess(&c, pixels).min(raw)) as usize)
    }

    /// How many bytes a rectangle of a screen takes as JPEG, if the client decodes that. Changes nothing that is sent.
    pub(in crate::client) fn photo_bytes(
        &mut self,
        truth: SurfaceRef<'_>,
        rect: Rect,
        target: SurfaceFormat,
        quality: u8,
    ) -> Option<usize> {
        let shape = self.canonical_area(truth, rect, target, false).ok()?;
        if !self.formats(ImageKind::Jpeg).contains(shape.format) {
            return None;
        }
        let content = shape.hash(&self.canonical.data);
        self.chooser.photo_bytes(&shape.view(&self.canonical.data)?, content, quality)
    }

    /// Figures of a few dozen rows.
    fn sample(
        &mut self,
        truth: SurfaceRef<'_>,
        rect: Rect,
        format: BitmapFormat,
        fill: Fill,
    ) -> Option<Content> {
        let columns = (rect.width() as i32).min(COLUMNS);
        let left = rect.left + (rect.width() as i32 - columns) / 2;
        let height = rect.height() as i32;
        let whole = height <= RUNS * RUN;
        let runs = if whole { 1 } else { RUNS };
        let run = if whole { height } else { RUN };
        let mut data = Vec::with_capacity((columns * runs * run) as usize * 4);
        for i in 0..runs {
            let top = rect.top + ((height - run) as i64 * i64::from(i) / i64::from((runs - 1).max(1))) as i32;
            self.canonical.fill(truth, Rect::new(left, top, left + columns, top + run), fill);
            data.extend_from_slice(&self.canonical.data);
        }
        let format = canonical::pixel_format(format)?;
        let (width, height) = (columns as u32, (runs * run) as u32);
        let pixels =
            spice_codecs::Pixels::new(format, width, height, format.bytes_per_row(width), true, &data)?;
        Content::sample(&pixels)
    }
}
