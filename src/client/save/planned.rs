//! What was planned for a client and not sent yet.

use super::fields::{In, Out};
use super::{RestoreError, Result};
use crate::client::encode::ContentHash;
use crate::client::gallery::Known;
use crate::client::planner;
use crate::client::rest::{How, Rest, Waiting};
use crate::client::session::{Session, Truth};
use spice_raster::{Rect, Region, SurfaceRef};

const PLANNED: &str = "planned images";
/// Bytes of a piece at least.
const PIECE: usize = 4 * 4 + 1;
/// Small pieces that are carried at most, and large ones: rectangles that cross can make as many as the square of that.
/// Others are planned again.
const MOST: usize = 1024;

/// Pieces by what comes behind their rectangle.
const IMAGE: u8 = 0;
const FILL: u8 = 1;
const STILL: u8 = 2;
const MOVING: u8 = 3;
const NAME: u8 = 4;

impl Out {
    /// The pieces, and where others wait that are not among them.
    pub(super) fn rest(&mut self, rest: &Rest) -> Region {
        let (queues, ahead) = rest.parts();
        self.u64(ahead as u64);
        let mut others = Vec::new();
        for queue in queues {
            let count = queue.len().min(MOST);
            others.extend(queue.range(count..).map(|waiting| waiting.rect));
            self.list(queue.range(..count), |out, Waiting { rect, how }| {
                out.rect(rect);
                match how {
                    How::Image => out.u8(IMAGE),
                    How::Fill(colour) => {
                        out.u8(FILL);
                        out.u32(*colour);
                    }
                    How::Photo { moving } => out.u8(if *moving { MOVING } else { STILL }),
                    How::Name(Known { rect: _, key, width, height, src }) => {
                        out.u8(NAME);
                        out.u128(key.0);
                        out.u32(*width);
                        out.u32(*height);
                        out.point(src);
                    }
                }
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
                    NAME => {
                        let key = ContentHash(from.u128(PLANNED)?);
                        let (width, height) = (from.u32(PLANNED)?, from.u32(PLANNED)?);
                        How::Name(Known { rect, key, width, height, src: from.point(PLANNED)? })
                    }
                    _ => return Err(RestoreError::Field { field: PLANNED }),
                };
                let right = match how {
                    _ if rect.is_empty() => false,
                    How::Fill(colour) => truth.and_then(|t| planner::colour(t, rect)) == Some(colour),
                    _ => true,
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

impl Session {
    /// Names of images that do not show what the guest shows are planned again. (The gallery is there by now.)
    pub(super) fn check_names(&mut self, truth: &mut impl Truth) {
        let Some(screen) = &mut self.screen else { return };
        let pixels = truth.render(&screen.rest.region());
        let gallery = &self.gallery;
        let wrong = screen.rest.recall_where(|waiting| match &waiting.how {
            How::Name(known) => !pixels.is_some_and(|pixels| gallery.shows(known, pixels)),
            _ => false,
        });
        wrong.iter().for_each(|rect| screen.damage.add(*rect));
    }
}
