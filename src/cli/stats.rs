//! What the render graph did, as a table or as JSON.

use serde_json::{Value, json};
use spice_render::graph::{OpStats, Stats};
use spice_render::qxl::OpKind;
use std::time::Duration;

/// Time by phase.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Phases {
    pub(crate) read: Duration,
    pub(crate) encode: Duration,
}

fn kinds(stats: &Stats) -> impl Iterator<Item = (&'static str, OpStats)> + '_ {
    OpKind::ALL.into_iter().map(|k| (k.name(), *stats.op(k))).filter(|(_, op)| op.asked.nodes > 0)
}

fn phases(stats: &Stats, phases: Phases) -> [(&'static str, Duration); 5] {
    let times = &stats.times;
    [
        ("read", phases.read),
        ("decode", times.decode),
        ("graph", times.graph),
        ("draw", times.draw),
        ("encode", phases.encode),
    ]
}

/// One JSON object; times are in milliseconds.
pub(crate) fn as_json(stats: &Stats, times: Option<Phases>) -> Value {
    let count = |op: &OpStats| {
        let pair = |c: spice_render::graph::Count| json!({ "nodes": c.nodes, "pixels": c.pixels });
        json!({
            "asked": pair(op.asked),
            "drawn": pair(op.drawn),
            "culled": pair(op.culled),
            "trimmed": pair(op.trimmed),
        })
    };
    let operations: serde_json::Map<_, _> = kinds(stats).map(|(n, op)| (n.to_owned(), count(&op))).collect();
    let mut object = json!({
        "operations": operations,
        "total": count(&stats.total()),
        "renders": stats.renders,
        "passes": stats.passes,
        "copies_left_out": stats.left_out,
        "pixels_lent": stats.lent,
        "drawn_because_full": stats.pressed,
        "most_pending": stats.most_pending,
        "most_held_bytes": stats.most_held,
    });
    if let Some(times) = times {
        let ms: serde_json::Map<_, _> = phases(stats, times)
            .into_iter()
            .map(|(name, time)| (name.to_owned(), json!(time.as_secs_f64() * 1e3)))
            .collect();
        object["milliseconds"] = ms.into();
    }
    object
}

/// A table for people.
pub(crate) fn as_text(stats: &Stats, times: Option<Phases>) -> String {
    let mut text = format!(
        "{:12} {:>8} {:>8} {:>8} {:>8} {:>14} {:>14} {:>14} {:>14}\n",
        "operation", "asked", "drawn", "culled", "trimmed", "pixels asked", "drawn", "culled", "trimmed"
    );
    let total = [("total", stats.total())];
    for (name, op) in kinds(stats).chain(total) {
        text += &format!(
            "{name:12} {:8} {:8} {:8} {:8} {:14} {:14} {:14} {:14}\n",
            op.asked.nodes,
            op.drawn.nodes,
            op.culled.nodes,
            op.trimmed.nodes,
            op.asked.pixels,
            op.drawn.pixels,
            op.culled.pixels,
            op.trimmed.pixels,
        );
    }
    text += &format!(
        "{} passes, {} drawn because the queue was full, at most {} pending with {} bytes\n",
        stats.passes, stats.pressed, stats.most_pending, stats.most_held
    );
    if let Some(times) = times {
        for (name, time) in phases(stats, times) {
            text += &format!("{name:8} {:10.3} ms\n", time.as_secs_f64() * 1e3);
        }
    }
    text
}
