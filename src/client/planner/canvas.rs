//! What the client shows while a plan is drawn: its shadow and the moves so far.

use super::sample::{Picture, Rows, Sample};
use spice_raster::{Point, Rect, Region};

/// The client's pixels. Rows that a move writes to are copied out of the shadow first, the others stay there.
pub(super) struct Canvas<'a, P> {
    shadow: Option<Picture<'a, P>>,
    unknown: Region,
    own: &'a mut Vec<u32>,
    copied: &'a mut Vec<bool>,
    stride: usize,
}

impl<'a, P: Sample> Canvas<'a, P> {
    /// `unknown` must hold everything if there is no shadow.
    pub(super) fn new(
        shadow: Option<Picture<'a, P>>,
        unknown: &Region,
        own: &'a mut Vec<u32>,
        copied: &'a mut Vec<bool>,
    ) -> Self {
        copied.clear();
        let width = shadow.as_ref().map_or(0, |s| s.bounds().right as usize);
        let stride = (width * size_of::<P>()).div_ceil(4) * 4 / size_of::<P>();
        Self { shadow, unknown: unknown.clone(), own, copied, stride }
    }

    /// Where it is not known what the client shows.
    pub(super) fn unknown(&self) -> &Region {
        &self.unknown
    }

    fn is_copied(&self, y: i32) -> bool {
        self.copied.get(y as usize).copied().unwrap_or(false)
    }

    /// Copies the pixels at `src` to `dst`; both lie inside, and the source is known.
    pub(super) fn shift(&mut self, dst: Rect, src: Point) {
        let Some(shadow) = self.shadow else { return };
        debug_assert!(!self.unknown.intersects_rect(&dst.translate(src.x - dst.left, src.y - dst.top)));
        let (height, stride) = (shadow.bounds().bottom as usize, self.stride);
        if self.copied.is_empty() {
            self.copied.resize(height, false);
            let words = stride * size_of::<P>() / 4 * height;
            if self.own.len() < words {
                self.own.resize(words, 0);
            }
        }
        let own: &mut [P] = bytemuck::cast_slice_mut(self.own);
        let (left, right, from) = (dst.left as usize, dst.right as usize, src.x as usize);
        let mut line = |y: i32, source: i32| {
            let at = y as usize * stride;
            if !self.copied[y as usize] {
                let row = shadow.pixels(y);
                own[at..at + row.len()].copy_from_slice(row);
                self.copied[y as usize] = true;
            }
            if self.copied[source as usize] {
                let source = source as usize * stride + from;
                own.copy_within(source..source + right - left, at + left);
            } else {
                own[at + left..at + right].copy_from_slice(&shadow.pixels(source)[from..from + right - left]);
            }
        };
        let dy = src.y - dst.top;
        if dy >= 0 {
            (dst.top..dst.bottom).for_each(|y| line(y, y + dy));
        } else {
            (dst.top..dst.bottom).rev().for_each(|y| line(y, y + dy));
        }
        self.unknown.subtract_rect(dst);
    }
}

impl<P: Sample> Rows<P> for Canvas<'_, P> {
    /// Without a shadow there is nothing to read: an empty row.
    #[inline(always)]
    fn row(&self, y: i32) -> &[P] {
        match &self.shadow {
            None => &[],
            Some(shadow) if !self.is_copied(y) => shadow.pixels(y),
            Some(shadow) => {
                let at = y as usize * self.stride;
                &bytemuck::cast_slice(self.own)[at..at + shadow.bounds().right as usize]
            }
        }
    }

    #[inline(always)]
    fn mask(&self) -> P {
        self.shadow.as_ref().map_or(P::default(), Rows::mask)
    }
}
