//! What was planned for a client and not sent yet.

use super::fields::{In, Out};
use super::{RestoreError, Result};
use crate::client::rest::{How, Rest, Waiting};
use spice_raster::{Rect, Region, SurfaceRef};

const PLANNED: &str = "planned images";
/// Bytes of a piece at least.
const PIECE: usize = 4 * 4 + 1;
/// Small pieces that are carried at most, and large ones: rectangles that cross can make as many as the square of that.
/// Others are planned again.
const MOST: usize = 1024;

/// Pieces by their first byte. Names are not carried: they are found again.
const IMAGE: u8 = 0;
const FILL: u8 = 1;
const STILL: u8 = 2;
const MOVING: u8 = 3;

impl Out {
    /// The pieces, and where others wait that are not among them.
    pub(super) fn rest(&mut self, rest: &Rest) -> Region {
        let (queues, ahead) = rest.parts();
        self.u64(ahead as u64);
        let mut others = Vec::new();
        for queue in queues {
            let mut pieces = Vec::new();
            for Waiting { rect, how } in queue {
                match how {
                    _ if pieces.len() == MOST => others.push(*rect),
                    How::Image => pieces.push((rect, IMAGE, None)),
                    How::Fill(colour) => pieces.push((rect, FILL, Some(*colour))),
                    How::Photo { moving: false } => pieces.push((rect, STILL, None)),
                    How::Photo { moving: true } => pieces.push((rect, MOVING, None)),
                    How::Name(_) => others.push(*rect),
                }
            }
            self.list(pieces, |out, (rect, how, colour)| {
                out.rect(rect);
                out.u8(how);
                colour.into_iter().for_each(|colour| out.u32(colour));
            });
        }
        Region::from_rects(others)
    }
}

impl In<'_> {
    /// The pieces within `bounds`, as far as they are right for these pixels, and where they are not.
    pub(super) fn rest(&mut self, bounds: Rect, truth: Option<SurfaceRef<'_>>) -> Result<(Rest, Vec<Rect>)> {
        let ahead = self.u64(PLANNED)? as i64;
        let mut wrong = Vec::new();
        let mut queue = |from: &mut Self| {
            let pieces = from.list(PIECE, PLANNED, |from| {
                let rect = from.rect_in(bounds, PLANNED)?;
                let how = match from.u8(PLANNED)? {
                    IMAGE => How::Image,
                    FILL => How::Fill(from.u32(PLANNED)?),
                    STILL => How::Photo { moving: false },
                    MOVING => How::Photo { moving: true },
                    _ => return Err(RestoreError::Field { field: PLANNED }),
                };
                let right = match how {
                    How::Fill(colour) => truth.is_some_and(|t| is_plain(t, rect, colour)),
                    _ => !rect.is_empty(),
                };
                if !right {
                    wrong.push(rect);
                }
                Ok(right.then_some(Waiting { rect, how }))
            })?;
            match pieces.len() {
                0..=MOST => Ok(pieces.into_iter().flatten().collect()),
                _ => Err(RestoreError::Field { field: PLANNED }),
            }
        };
        let queues = [queue(self)?, queue(self)?];
        Ok((Rest::from_parts(queues, ahead), wrong))
    }
}

/// Whether a part of a screen has that one colour.
fn is_plain(truth: SurfaceRef<'_>, part: Rect, colour: u32) -> bool {
    let columns = part.left as usize..part.right as usize;
    !part.is_empty()
        && (part.top..part.bottom)
            .all(|y| truth.row(y as u32)[columns.clone()].iter().all(|px| (px ^ colour) & 0x00ff_ffff == 0))
}
