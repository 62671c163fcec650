//! Every recording, through the render graph, shows what immediate drawing shows: in the end and on the way.

#[path = "corpus/recordings.rs"]
mod recordings;

use rayon::prelude::*;
use recordings::recordings;
use spice_raster::{Raster, Region};
use spice_render::capture;
use spice_render::draw::{Limits, Renderer};
use spice_render::graph::{Execution, Graph, GraphLimits, NotTaken};
use std::path::Path;

/// Plays a recording on both and compares the screen after every `every` events.
fn compare(path: &Path, every: usize, bounds: GraphLimits, execution: Execution) -> Result<(), String> {
    let mut reader = capture::open(path, capture::Limits::default()).map_err(|e| e.to_string())?;
    let mut plain = Renderer::new(Raster::new(), Limits::default());
    let mut graph = Graph::new(Raster::new(), Limits::default(), bounds, execution);
    let mut events = 0;
    loop {
        let record = reader.next_record().map_err(|e| e.to_string())?;
        if record.is_none() || events % every == every - 1 {
            let want = plain.surface(0).or(plain.last_primary());
            let got = graph.render_all(0);
            if got != want {
                return Err(format!("{}: differs after {events} events ({execution:?})", path.display()));
            }
            // Some of it only, so that the rest stays pending.
            graph.render(0, &Region::from_rect(spice_raster::Rect::new(100, 100, 300, 110)));
        }
        let Some(record) = record else { return Ok(()) };
        let (a, b) = (plain.event(&record.event), graph.event(&record.event));
        if a != b {
            return Err(format!("{}: event {events}: {a:?} and {b:?}", path.display()));
        }
        events += 1;
    }
}

#[test]
fn every_recording_shows_what_immediate_drawing_shows() {
    let default = Execution::default();
    let few = Execution { threads: 1, ..default };
    let many = Execution { threads: 2, inline_pixels: 0, band_bytes: 100_000, ..default };
    recordings(false).par_iter().with_max_len(1).for_each(|path| {
        compare(path, usize::MAX, GraphLimits::default(), few).unwrap();
        compare(path, 97, GraphLimits { nodes: 500, bytes: 4 << 20 }, many).unwrap();
    });
}

/// Plays a recording on both; the screen after every `every` events is drawn, and compared, while the next ones are
/// taken in. Gives how many screens and events that were.
fn compare_beside(path: &Path, every: usize, bounds: GraphLimits, execution: Execution) -> (usize, usize) {
    let mut reader = capture::open(path, capture::Limits::default()).unwrap();
    let mut events = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        events.push(record.event);
    }
    let mut plain = Renderer::new(Raster::new(), Limits::default());
    let mut graph = Graph::new(Raster::new(), Limits::default(), bounds, execution);
    let (mut at, mut shown, mut want) = (0, 0, None);
    loop {
        let (mut now, mut next) = (at, None);
        let same = graph.render_beside(
            |got| want.as_ref() == Some(got),
            |graph| {
                while let Some(event) = events.get(now) {
                    let done = match graph.event(event) {
                        Err(NotTaken::Later) => return,
                        Err(NotTaken::Refused(refusal)) => Err(refusal),
                        Ok(()) => Ok(()),
                    };
                    assert_eq!(done, plain.event(event), "{}: event {now}", path.display());
                    now += 1;
                    if now % every == 0 && graph.plan_all(0) {
                        next = plain.surface(0).or(plain.last_primary()).cloned();
                        return;
                    }
                }
            },
        );
        let wanted = want.is_some().then_some(true);
        assert_eq!(same, wanted, "{}: after {at} events ({execution:?})", path.display());
        shown += usize::from(same.is_some());
        // What there was no room for.
        if now == at && next.is_none() {
            let Some(event) = events.get(now) else { break };
            assert_eq!(graph.event(event), plain.event(event), "{}: event {now}", path.display());
            now += 1;
        }
        (at, want) = (now, next);
    }
    assert_eq!(graph.render_all(0), plain.surface(0).or(plain.last_primary()), "{}: the end", path.display());
    (shown, events.len())
}

#[test]
fn every_recording_shows_the_same_while_more_is_taken_in() {
    let default = Execution { threads: 2, ..Execution::default() };
    let small = Execution { inline_pixels: 0, band_bytes: 100_000, ..default };
    recordings(false).par_iter().with_max_len(1).for_each(|path| {
        let (shown, events) = compare_beside(path, 17, GraphLimits::default(), default);
        assert!(shown >= events / 17 / 2, "{}: {shown} screens", path.display());
        compare_beside(path, 97, GraphLimits { nodes: 50, bytes: 1 << 20 }, small);
    });
}
