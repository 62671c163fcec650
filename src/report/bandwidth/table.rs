//! The report as a table for a terminal.

use super::{Case, Row};

const HEAD: [&str; 16] = [
    "capture",
    "client",
    "link",
    "bytes",
    "kB/s",
    "of naive",
    "of frames",
    "passed",
    "rewritten",
    "rasterised",
    "images",
    "lag ms",
    "p95",
    "worst",
    "frames",
    "end",
];

/// Left-aligned columns: names.
const NAMES: usize = 3;

/// One line for each case, and what the last two columns mean.
pub fn table(cases: &[Case]) -> String {
    let lines: Vec<[String; HEAD.len()]> = cases.iter().map(line).collect();
    let width = |i: usize| lines.iter().map(|l| l[i].chars().count()).max().unwrap_or(0).max(HEAD[i].len());
    let widths: [usize; HEAD.len()] = std::array::from_fn(width);
    let mut text = String::new();
    for line in [HEAD.map(str::to_owned)].iter().chain(&lines) {
        let cells = line.iter().zip(widths).enumerate().map(|(i, (cell, width))| {
            if i < NAMES { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

fn line(case: &Case) -> [String; HEAD.len()] {
    let row = Row::of(case);
    let seconds = case.run.duration as f64 / 1e9;
    let rate = if seconds > 0.0 { format!("{:.1}", row.bytes as f64 / 1e3 / seconds) } else { "-".into() };
    let frames = match row.psnr {
        None => "exact".to_owned(),
        Some(psnr) => format!("{psnr:.1} dB"),
    };
    let end = if case.run.last.is_none() { "exact" } else { "WRONG" };
    [
        row.capture.clone(),
        row.client.clone(),
        row.link.clone(),
        row.bytes.to_string(),
        rate,
        percent(row.bytes, row.baselines.naive),
        percent(row.bytes, row.baselines.frames),
        row.operations.passed.to_string(),
        row.operations.rewritten.to_string(),
        row.operations.rasterised.to_string(),
        row.images.to_string(),
        format!("{:.1}", row.lag_ms.median),
        format!("{:.1}", row.lag_ms.p95),
        format!("{:.1}", row.lag_ms.worst),
        frames,
        end.into(),
    ]
}

pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".into() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}
