//! Where images were sent just now.

use crate::client::planner::{Piece, PieceKind};
use spice_raster::{Rect, Region};
use std::collections::VecDeque;
use std::time::Duration;

/// How long it is remembered where images were sent, how many times that are, and how many make a place a lively one.
const RECENT: Duration = Duration::from_secs(1);
const TIMES: usize = 16;
const LIVELY: usize = 2;

/// Where images were sent just now.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    sent: VecDeque<(Duration, Region)>,
    /// What was saved elsewhere, and how long ago it was then: whose time is not known yet.
    before: Vec<(Duration, Region)>,
}

impl Recent {
    /// Where images were sent how long before `now`, to be saved.
    pub(in crate::client) fn ages(&self, now: Duration) -> Vec<(Duration, &Region)> {
        let before = self.before.iter().map(|(age, region)| (*age, region));
        before.chain(self.sent.iter().map(|(at, region)| (now.saturating_sub(*at), region))).collect()
    }

    /// What was saved.
    pub(in crate::client) fn restore(&mut self, mut before: Vec<(Duration, Region)>) {
        before.drain(..before.len().saturating_sub(TIMES));
        *self = Self { sent: VecDeque::new(), before };
    }

    /// The time is known.
    pub(in crate::client) fn go_on(&mut self, now: Duration) {
        self.sent.extend(self.before.drain(..).map(|(age, region)| (now.saturating_sub(age), region)));
    }

    /// The images of a plan are being sent.
    pub(crate) fn note(&mut self, now: Duration, pieces: &[Piece]) {
        let images = pieces.iter().filter(|p| p.kind == PieceKind::Image).map(|p| p.rect);
        let images = Region::from_rects(images);
        if images.is_empty() {
            return;
        }
        if self.sent.len() == TIMES {
            self.sent.pop_front();
        }
        self.sent.push_back((now, images));
    }

    /// Whether most of a rectangle was sent several times within the last second: it will be sent again soon.
    pub(crate) fn is_lively(&self, now: Duration, rect: Rect) -> bool {
        self.times(now, |region| region.rects_in(rect).map(|r| r.area()).sum::<u64>() * 2 >= rect.area())
            >= LIVELY
    }

    /// Whether what was sent within a rectangle several times within the last second was spread over most of it, though
    /// it may have been little each time.
    pub(crate) fn is_restless(&self, now: Duration, rect: Rect) -> bool {
        let spread = |region: &Region| {
            region.rects_in(rect).reduce(|a, b| a.union(&b)).is_some_and(|r| r.area() * 2 >= rect.area())
        };
        self.times(now, spread) >= LIVELY
    }

    /// How many times within the last second something was sent of which `like` holds.
    fn times(&self, now: Duration, like: impl Fn(&Region) -> bool) -> usize {
        self.sent.iter().filter(|(at, region)| *at + RECENT > now && like(region)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(rects: &[Rect]) -> Vec<Piece> {
        rects.iter().map(|rect| Piece { rect: *rect, kind: PieceKind::Image }).collect()
    }

    #[test]
    fn lively_is_what_was_sent_twice_within_a_second() {
        let ms = Duration::from_millis;
        let film = Rect::new(100, 100, 300, 200);
        let mut recent = Recent::default();
        for at in [0, 40, 80] {
            assert_eq!(recent.is_lively(ms(at), film), at == 80);
            recent.note(ms(at), &images(&[film, Rect::new(0, 0, 10, 10)]));
        }
        assert!(!recent.is_lively(ms(90), Rect::new(50, 100, 140, 200)));
        assert!(recent.is_lively(ms(90), Rect::new(80, 100, 140, 200)));
        assert!(recent.is_lively(ms(1030), film) && !recent.is_lively(ms(1040), film));
    }

    #[test]
    fn restless_is_where_little_changes_all_over_the_place() {
        let ms = Duration::from_millis;
        let film = Rect::new(100, 100, 300, 200);
        let mut recent = Recent::default();
        for at in [0, 40, 80] {
            assert_eq!(recent.is_restless(ms(at), film), at == 80);
            recent.note(ms(at), &images(&[Rect::new(110, 110, 120, 120), Rect::new(280, 190, 290, 250)]));
        }
        assert!(!recent.is_lively(ms(90), film) && !recent.is_restless(ms(90), Rect::new(0, 0, 500, 500)));
        assert!(!recent.is_restless(ms(1041), film));
    }
}
