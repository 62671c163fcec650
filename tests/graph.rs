//! Every recording, through the render graph, shows what immediate drawing shows: in the end and on the way.

#[path = "corpus/recordings.rs"]
mod recordings;

use rayon::prelude::*;
use recordings::recordings;
use spice_raster::{Raster, Region};
use spice_render::capture;
use spice_render::draw::{Limits, Renderer};
use spice_render::graph::{Execution, Graph, GraphLimits};
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
