//! A run as figures: what the JSON report holds.

use super::Case;
use super::baselines::Baselines;
use super::link::Nanos;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of the guest's operations on what the client shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OperationCounts {
    /// Sent as they are.
    pub passed: u64,
    /// Sent in another form that draws the same.
    pub rewritten: u64,
    /// Drawn here; their pixels were sent.
    pub rasterised: u64,
}

/// Milliseconds from a command to its pixels on the client's side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LagMs {
    /// Of half of the commands no more.
    pub median: f64,
    /// Of 95 % no more.
    pub p95: f64,
    /// Of none more.
    pub worst: f64,
}

/// Milliseconds of CPU time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CpuMs {
    /// Decoding the guest's images and drawing.
    pub draw: f64,
    /// Planning and encoding.
    pub encode: f64,
    /// Taking commands in.
    pub filter: f64,
}

/// The figures of one recording, client and link. All but `cpu_ms` are the same every time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The recording's name.
    pub capture: String,
    /// The client's.
    pub client: String,
    /// The link's.
    pub link: String,
    /// Bytes of the display channel, headers included, from the first picture to the last lossless one.
    pub bytes: u64,
    /// Of these, by message.
    pub bytes_by_message: BTreeMap<&'static str, u64>,
    /// Bytes of images, by type.
    pub bytes_by_codec: BTreeMap<&'static str, u64>,
    /// What became of operations.
    pub operations: OperationCounts,
    /// Images sent.
    pub images: u64,
    /// Pixels that they carried.
    pub pixels_sent: u64,
    /// Pixels of the tight boxes around what differed at flushes.
    pub pixels_changed: u64,
    /// Time behind the guest.
    pub lag_ms: LagMs,
    /// CPU time of the server's side.
    pub cpu_ms: CpuMs,
    /// Whether every flushed frame, and the picture at the end, was the true one.
    pub exact: bool,
    /// The largest error of a channel in any of them.
    pub max_error: u8,
    /// Peak signal to noise ratio of the worst of them in decibels; nothing if all are exact.
    pub psnr: Option<f64>,
    /// What the recording costs without a planner.
    pub baselines: Baselines,
}

impl Row {
    /// The figures of a case.
    pub fn of(case: &Case) -> Self {
        let (run, metrics) = (&case.run, &case.run.metrics);
        let worst = if run.last.is_worse(&run.worst) { &run.last } else { &run.worst };
        let operations = metrics.operations;
        Self {
            capture: case.capture.clone(),
            client: case.client.clone(),
            link: case.link.name.clone(),
            bytes: metrics.bytes,
            bytes_by_message: metrics.by_message.iter().map(|(k, t)| (k.name(), t.bytes)).collect(),
            bytes_by_codec: metrics.by_image.iter().map(|(k, t)| (k.name(), t.bytes)).collect(),
            operations: OperationCounts {
                passed: operations.passed,
                rewritten: operations.rewritten,
                rasterised: operations.rasterised,
            },
            images: metrics.by_image.values().map(|t| t.count).sum(),
            pixels_sent: metrics.image_pixels,
            pixels_changed: metrics.pixels_changed,
            lag_ms: LagMs { median: at(&run.lags, 50), p95: at(&run.lags, 95), worst: at(&run.lags, 100) },
            cpu_ms: CpuMs { draw: ms(run.cpu.draw), encode: ms(run.cpu.encode), filter: ms(run.cpu.filter) },
            exact: run.is_exact(),
            max_error: run.max_error.max(run.last.max_error),
            psnr: worst.psnr(),
            baselines: case.baselines,
        }
    }
}

/// A percentile of ascending times, in milliseconds: the smallest that so many of a hundred do not pass.
fn at(sorted: &[Nanos], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).map_or(0.0, |n| ms(Duration::from_nanos(*n)))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let times: Vec<Nanos> = (1..=10).map(|n| n * 1_000_000).collect();
        assert_eq!([50, 95, 100].map(|p| at(&times, p)), [5.0, 10.0, 10.0]);
        assert_eq!([at(&times[..1], 50), at(&[], 100)], [1.0, 0.0]);
    }
}
