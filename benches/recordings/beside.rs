//! A recording whose frames are drawn while the commands of the next one are taken in.

use spice_render::graph::{Ahead, Graph, NotTaken};
use spice_render::qxl::Event;
use std::hint::black_box;

/// Shows the screen each so many nanoseconds, and at the end.
pub(crate) fn replay(events: &[(u64, Event)], graph: &mut Graph, every: u64) {
    let (mut next, mut left) = (0, events);
    while let Some(((_, event), rest)) = left.split_first() {
        let before = left.len();
        let take_in = |ahead: &mut Ahead<'_>| {
            while let Some(((time, event), rest)) = left.split_first() {
                if *time >= next {
                    ahead.plan_all(0);
                    next = time.saturating_add(every);
                }
                if ahead.event(event) == Err(NotTaken::Later) {
                    break;
                }
                left = rest;
            }
        };
        graph.render_beside(|surface| black_box(surface.bounds()), take_in);
        if left.len() == before {
            // There is no room for it beside others.
            let _ = graph.event(event);
            left = rest;
        }
    }
    black_box(graph.render_all(0).is_some());
}
