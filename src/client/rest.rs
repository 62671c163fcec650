//! What was planned and waits for room on the link, from poll to poll.
//!
//! Every piece here is right by itself, whatever is sent before or after it: the guest still shows what it was planned
//! for ([`Rest::recall`]), and none reads the client's screen. So what is small and new need not wait for what is large:
//! a letter that somebody types, for a photo of a hundred kilobytes. Each kind gets half of the link while both wait.

use super::gallery::Known;
use spice_raster::{Rect, Region};
use std::collections::VecDeque;

/// Pixels of the largest image that counts as small.
const SMALL: u64 = 1 << 13;

/// How a piece is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// A fill with a colour.
    Fill(u32),
    /// An image, exact.
    Image,
    /// An image that may lose what is hard to see, more of it where it will be sent again soon.
    Photo { moving: bool },
    /// The name of an image that the client has.
    Name(Known),
}

/// A piece that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) rect: Rect,
    pub(super) how: How,
}

impl Waiting {
    fn is_small(&self) -> bool {
        matches!(self.how, How::Fill(_) | How::Name(_)) || self.rect.area() <= SMALL
    }
}

/// Pieces that wait, in the order of their plans.
#[derive(Debug, Default)]
pub(super) struct Rest {
    small: VecDeque<Waiting>,
    large: VecDeque<Waiting>,
    /// So many more bytes of small ones than of large ones were sent while both waited.
    ahead: i64,
}

impl Rest {
    pub(super) fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_empty()
    }

    fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.small.iter().chain(&self.large)
    }

    /// Where something waits.
    pub(super) fn region(&self) -> Region {
        Region::from_rects(self.iter().map(|waiting| waiting.rect))
    }

    /// What is small, what is large, and how many more bytes of the one were sent.
    pub(super) fn parts(&self) -> ([&VecDeque<Waiting>; 2], i64) {
        ([&self.small, &self.large], self.ahead)
    }

    /// What [`Rest::parts`] told.
    pub(super) fn from_parts([small, large]: [Vec<Waiting>; 2], ahead: i64) -> Self {
        Self { small: small.into(), large: large.into(), ahead }
    }

    /// The guest's pixels have changed here: what touches it must be planned again. Where that is.
    pub(super) fn recall(&mut self, changed: &Region) -> Region {
        Region::from_rects(self.recall_where(|waiting| changed.intersects_rect(&waiting.rect)))
    }

    /// Takes pieces out; their rectangles.
    pub(super) fn recall_where(&mut self, wrong: impl Fn(&Waiting) -> bool) -> Vec<Rect> {
        let mut rects = Vec::new();
        for queue in [&mut self.small, &mut self.large] {
            queue.retain(|waiting| {
                let stays = !wrong(waiting);
                rects.extend(Some(waiting.rect).filter(|_| !stays));
                stays
            });
        }
        rects
    }

    /// A plan. Its order is kept where nothing waits before it.
    pub(super) fn extend(&mut self, plan: impl IntoIterator<Item = Waiting>) {
        if self.is_empty() {
            self.large.extend(plan);
            return;
        }
        for waiting in plan {
            let queue = if waiting.is_small() { &mut self.small } else { &mut self.large };
            queue.push_back(waiting);
        }
    }

    /// Hands the next piece over; `send` says how many bytes it took. False if there is none.
    pub(super) fn next(&mut self, send: impl FnOnce(&Waiting) -> usize) -> bool {
        let both = !self.small.is_empty() && !self.large.is_empty();
        let small = !self.small.is_empty() && (!both || self.ahead <= 0);
        let Some(next) = if small { &mut self.small } else { &mut self.large }.pop_front() else {
            return false;
        };
        let bytes = send(&next) as i64;
        self.ahead = match (both, small) {
            (false, _) => 0,
            (true, true) => self.ahead.saturating_add(bytes),
            (true, false) => self.ahead.saturating_sub(bytes),
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(rect: Rect, how: How) -> Waiting {
        Waiting { rect, how }
    }

    /// The left edges of what comes next, each so many bytes as it is wide.
    fn order(rest: &mut Rest) -> Vec<i32> {
        let mut order = Vec::new();
        while rest.next(|w| {
            order.push(w.rect.left);
            w.rect.width() as usize
        }) {}
        order
    }

    #[test]
    fn a_plan_keeps_its_order_where_nothing_waits() {
        let mut rest = Rest::default();
        let plan = [
            (0, 300, How::Image),
            (1, 2, How::Image),
            (2, 300, How::Photo { moving: false }),
            (3, 300, How::Fill(1)),
        ];
        rest.extend(
            plan.iter().map(|(left, side, how)| waiting(Rect::new(*left, 0, left + side, *side), *how)),
        );
        assert_eq!(order(&mut rest), [0, 1, 2, 3]);
        assert!(rest.is_empty());
    }

    #[test]
    fn small_and_large_share_the_link() {
        let mut rest = Rest::default();
        let large = |n: i32| waiting(Rect::new(n, 0, n + 100, 100), How::Image);
        let small = |n: i32| waiting(Rect::new(n, 0, n + 30, 10), How::Image);
        rest.extend((0..4).map(large));
        rest.extend((10..20).map(small));
        rest.extend((4..6).map(large));
        // 30 ahead: a large one; 70 behind: three small ones; and so on.
        assert_eq!(order(&mut rest), [10, 0, 11, 12, 13, 1, 14, 15, 16, 2, 17, 18, 19, 3, 4, 5]);
    }

    #[test]
    fn what_changes_is_planned_again() {
        let mut rest = Rest::default();
        let rects = [Rect::new(0, 0, 100, 100), Rect::new(100, 0, 200, 100), Rect::new(0, 100, 10, 110)];
        rest.extend(rects[..2].iter().map(|r| waiting(*r, How::Image)));
        rest.extend(rects[2..].iter().map(|r| waiting(*r, How::Image)));
        assert_eq!(rest.region(), Region::from_rects(rects));
        assert!(rest.recall(&Region::from_rect(Rect::new(200, 0, 300, 300))).is_empty());
        let touched = rest.recall(&Region::from_rect(Rect::new(99, 50, 100, 51)));
        assert_eq!(touched, Region::from_rect(rects[0]));
        assert_eq!(rest.region(), Region::from_rects(rects[1..].iter().copied()));
        let all = Region::from_rects(rest.recall_where(|_| true));
        assert_eq!(all, Region::from_rects(rects[1..].iter().copied()));
        assert!(rest.is_empty());
    }
}
