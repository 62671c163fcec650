//! Memory of surfaces that are gone, for surfaces that are new.
//!
//! Guests make and drop off-screen surfaces all the time, and most are drawn over at once: clearing them first takes
//! longer than many of them take to be drawn. So a surface may start as *rubbish*: what was in the memory before. Its
//! pixels are cleared when somebody needs what they hold before anything was drawn there, which a pass finds out
//! anyway: what is needed of a surface below its oldest node.

use super::bits::Bits;
use super::select::{Keep, Scratch};
use crate::draw::SurfaceInfo;
use spice_raster::{Raster, Rect, Region, Rop2, Surface};
use std::ops::Range;

/// Smaller surfaces are cleared faster than kept in mind. (Those of tests are small.)
const FROM_BYTES: usize = if cfg!(test) { 64 } else { 32 << 10 };
/// Bytes that are kept.
const MOST_BYTES: usize = 4 << 20;
/// Surfaces that are kept.
const MOST: usize = 16;
/// Rows that are cleared at a time, which bounds what that takes.
const ROWS: usize = 64;

/// Surfaces that nobody uses any more.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    /// The oldest first.
    surfaces: Vec<Surface>,
}

impl Spare {
    /// A surface is gone.
    pub(crate) fn keep(&mut self, surface: Surface) {
        if !(FROM_BYTES..=MOST_BYTES).contains(&surface.bytes()) {
            return;
        }
        self.surfaces.push(surface);
        let mut bytes: usize = self.surfaces.iter().map(Surface::bytes).sum();
        while bytes > MOST_BYTES || self.surfaces.len() > MOST {
            bytes -= self.surfaces.remove(0).bytes();
        }
    }

    /// A surface of these measures whose pixels are rubbish, in memory at most twice as large.
    pub(crate) fn take(&mut self, info: &SurfaceInfo) -> Option<Surface> {
        // Rows may be rounded up.
        let row = info.format.words_per_row(info.width).next_multiple_of(16) * 4;
        let bytes = row.checked_mul(info.height as usize).filter(|bytes| *bytes >= FROM_BYTES)?;
        let fits = |surface: &Surface| (bytes..=2 * bytes).contains(&surface.bytes());
        let at = self.surfaces.iter().rposition(fits)?;
        self.surfaces.remove(at).reshape(info.format, info.width, info.height).ok()
    }
}

/// Clears what is kept of a surface's `rubbish`; all that may be wanted of it.
pub(crate) fn settle(
    surface: &mut Surface,
    rubbish: &Bits,
    rows: Range<u32>,
    keep: Keep<'_>,
    raster: Raster,
    scratch: &mut Scratch,
) {
    let width = surface.width() as i32;
    for top in rows.clone().step_by(ROWS) {
        let bottom = rows.end.min(top + ROWS as u32);
        let band = Region::from_rect(Rect::new(0, top as i32, width, bottom as i32));
        if let Some(part) = scratch.select(&band, usize::MAX, keep) {
            clear(surface, &part, rubbish, raster, scratch);
        }
    }
}

/// Clears the rubbish of a part of a surface, and leaves it in the list of what is rubbish.
pub(crate) fn clear(
    surface: &mut Surface,
    part: &Region,
    rubbish: &Bits,
    raster: Raster,
    scratch: &mut Scratch,
) {
    if let Some(part) = scratch.select(part, usize::MAX, Keep::In(rubbish)) {
        raster.fill(&mut surface.view_mut(), &part, 0, Rop2::PUT);
    }
}
