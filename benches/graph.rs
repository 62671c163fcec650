//! The render graph: what a pending command costs to take in and to draw, and how that grows with their number;
//! and what it saves beside drawing at once, recording by recording (`cargo bench --bench graph`).
//!
//! Recordings are those of `$SPICE_RENDER_CORPUS/captures`, else of testdata/captures. `cargo run --release --example
//! graph_table` gives the same ratios in one table, by processor time and in less of it.

#[path = "recordings/beside.rs"]
mod beside;
mod recordings;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use spice_raster::{Raster, Region};
use spice_render::draw::{Limits, Renderer};
use spice_render::graph::{Execution, Graph, GraphLimits};
use spice_render::qxl::testing::side_by_side;
use spice_render::qxl::{Event, PrimaryCreate, Rect, SurfaceFormat, WorkerMessage};
use std::hint::black_box;

const UNBOUNDED: GraphLimits = GraphLimits { nodes: 1 << 30, bytes: 1 << 40 };

fn new_graph(threads: usize, bounds: GraphLimits) -> Graph {
    let execution = Execution { threads, ..Execution::default() };
    Graph::new(Raster::new(), Limits::default(), bounds, execution)
}

/// A recording drawn at once, through the graph with one final frame, and at 30 frames a recorded second.
fn recordings(c: &mut Criterion) {
    const FRAME: u64 = 1_000_000_000 / 30;
    for (name, events) in recordings::all() {
        let mut group = c.benchmark_group(format!("recording/{name}"));
        group.throughput(Throughput::Elements(events.len() as u64)).sample_size(10);
        group.bench_function("immediate", |b| {
            b.iter(|| {
                let mut renderer = Renderer::new(Raster::new(), Limits::default());
                events.iter().for_each(|(_, event)| drop(renderer.event(event)));
                black_box(renderer.surface(0).is_some())
            });
        });
        for threads in [1, 2] {
            for (how, every) in [("final frame", u64::MAX), ("30 fps", FRAME)] {
                group.bench_function(BenchmarkId::new(how, threads), |b| {
                    b.iter(|| {
                        let mut graph = new_graph(threads, GraphLimits::default());
                        let mut next = events.first().map_or(0, |e| e.0).saturating_add(every);
                        for (time, event) in &events {
                            if *time >= next {
                                graph.render_all(0);
                                next = time.saturating_add(every);
                            }
                            let _ = graph.event(event);
                        }
                        black_box(graph.render_all(0).is_some())
                    });
                });
            }
        }
        group.bench_function("30 fps, the next frame taken in beside", |b| {
            b.iter(|| beside::replay(&events, &mut new_graph(2, GraphLimits::default()), FRAME))
        });
        group.bench_function("build only", |b| {
            b.iter(|| {
                let mut graph = new_graph(1, UNBOUNDED);
                events.iter().for_each(|(_, event)| drop(graph.event(event)));
                black_box(graph.pending())
            });
        });
        group.finish();
    }
}

/// A graph with a screen of 4096x4096 pixels and these commands pending.
fn with_pending(events: &[Event]) -> Graph {
    let mut graph = new_graph(1, UNBOUNDED);
    let surface = PrimaryCreate::new(4096, 4096, SurfaceFormat::X8R8G8B8);
    let _ = graph.event(&Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface }));
    events.iter().for_each(|event| drop(graph.event(event)));
    graph
}

/// What commands cost with many pending: each must cost little more with a million than with a thousand.
fn growth(c: &mut Criterion) {
    for count in [1_000, 10_000, 100_000, 1_000_000] {
        let events: Vec<Event> = side_by_side(count).collect();
        let mut group = c.benchmark_group(format!("pending/{count}"));
        group.sample_size(10);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function("take in", |b| b.iter(|| with_pending(&events).pending()));
        let all = Region::from_rect(Rect::new(0, 0, 4096, 4096));
        group.bench_function("draw all", |b| {
            let run = |mut graph: Graph| black_box(graph.render(0, &all).is_some());
            b.iter_batched(|| with_pending(&events), run, BatchSize::PerIteration);
        });
        // The lists of tiles are there already; one tile's commands are drawn.
        let (first, small) = (Rect::new(1024, 0, 1025, 1), Rect::new(0, 0, 64, 64));
        group.throughput(Throughput::Elements(1));
        group.bench_function("draw 64x64 pixels", |b| {
            let ready = || {
                let mut graph = with_pending(&events);
                graph.render(0, &Region::from_rect(first));
                graph
            };
            let run = |mut graph: Graph| {
                graph.render(0, &Region::from_rect(small));
                graph
            };
            b.iter_batched(ready, run, BatchSize::PerIteration);
        });
        group.finish();
    }
}

criterion_group!(benches, growth, recordings);
criterion_main!(benches);
