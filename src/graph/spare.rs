//! Memory of surfaces that are gone, for surfaces that are new.
//!
//! Guests make and drop off-screen surfaces all the time, and most are drawn over at once: clearing them first takes
//! longer than many of them take to be drawn. So a surface may start as *rubbish*: what was in the memory before. Its
//! pixels are cleared when somebody needs what they hold before anything was drawn there, which a pass finds out
//! anyway: what is needed of a surface below its oldest node.

use super::bits::Bits;
use super::select::{Keep, Scratch};
use crate::draw::surfaces::KeyMap;
use crate::draw::{SurfaceInfo, SurfaceKey};
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

/// Parts of surfaces that are cleared before anything is drawn.
pub(crate) type Clears = Vec<(SurfaceKey, Region)>;

/// When what must be cleared is cleared.
pub(crate) enum Clearing<'a> {
    /// As soon as it is found, of these surfaces, which bounds the memory that takes.
    Now(Raster, &'a mut KeyMap<Surface>),
    /// When the surfaces are there: the list, at most twice as large as they are, says what.
    Later(&'a mut Clears),
}

impl Clearing<'_> {
    pub(crate) fn clear(&mut self, key: SurfaceKey, part: &Region) {
        match self {
            Self::Later(clears) => clears.push((key, part.clone())),
            Self::Now(raster, pixels) => {
                if let Some(surface) = pixels.get_mut(&key) {
                    raster.fill(&mut surface.view_mut(), part, 0, Rop2::PUT);
                }
            }
        }
    }
}

/// Clears what is kept of some rows of a surface's `rubbish`; all that may be wanted of it.
pub(crate) fn settle(
    info: &SurfaceInfo,
    rubbish: &Bits,
    rows: Range<u32>,
    keep: Keep<'_>,
    scratch: &mut Scratch,
    clearing: &mut Clearing<'_>,
) {
    for top in rows.clone().step_by(ROWS) {
        let bottom = rows.end.min(top + ROWS as u32);
        let band = Region::from_rect(Rect::new(0, top as i32, info.width as i32, bottom as i32));
        if let Some(part) = scratch.select(&band, usize::MAX, keep) {
            clear(info, &part, rubbish, scratch, clearing);
        }
    }
}

/// Clears the rubbish of a part of a surface, and leaves it in the list of what is rubbish.
pub(crate) fn clear(
    info: &SurfaceInfo,
    part: &Region,
    rubbish: &Bits,
    scratch: &mut Scratch,
    clearing: &mut Clearing<'_>,
) {
    if let Some(part) = scratch.select(part, usize::MAX, Keep::In(rubbish)).filter(|part| !part.is_empty()) {
        clearing.clear(info.key, &part);
    }
}
