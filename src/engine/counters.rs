//! Everything that an engine counts, as plain data and as text for Prometheus.

use crate::client::metrics::ClientMetrics;
use crate::graph::Stats;
use crate::qxl::OpKind;
use std::fmt::{self, Display, Write};

/// What an engine counted since it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// What the guest asked for and what became of it, by operation.
    pub graph: Stats,
    /// The guest's commands that drew nothing because they made no sense.
    pub refused: u64,
    /// The clients that are connected.
    pub clients: Vec<ClientCounters>,
}

/// What an engine counted of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCounters {
    /// The client's number.
    pub client: u64,
    /// Its profile's name.
    pub profile: String,
    /// What it was sent.
    pub metrics: ClientMetrics,
    /// Bits per second of its link, as far as they are known.
    pub link_bits: u64,
    /// Bytes that were sent and not acknowledged yet.
    pub in_flight: u64,
}

/// The value of a label: backslashes, quotes and line ends are escaped.
struct Label<'a>(&'a str);

impl Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            c => f.write_char(c),
        })
    }
}

/// One metric: its head is written, its samples follow.
fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = write!(out, "# HELP spice_render_{name} {help}\n# TYPE spice_render_{name} {kind}\n");
}

fn sample(out: &mut String, name: &str, labels: impl Display, value: u64) {
    let _ = writeln!(out, "spice_render_{name}{{{labels}}} {value}");
}

impl Counters {
    /// The counters in the text format of Prometheus (version 0.0.4), for an embedder's `/metrics`.
    pub fn to_prometheus(&self) -> String {
        let mut out = String::new();
        self.operations(&mut out);
        head(&mut out, "refused_commands_total", "counter", "Commands that made no sense.");
        let _ = writeln!(out, "spice_render_refused_commands_total {}", self.refused);
        self.sent(&mut out);
        out
    }

    fn operations(&self, out: &mut String) {
        let counts = |kind| {
            let op = self.graph.op(kind);
            [("asked", op.asked), ("drawn", op.drawn), ("culled", op.culled), ("trimmed", op.trimmed)]
        };
        let used = || OpKind::ALL.into_iter().filter(|kind| self.graph.op(*kind).asked.nodes > 0);
        for (name, help, pixels) in [
            ("operations_total", "The guest's operations, by what became of them.", false),
            ("operation_pixels_total", "Pixels of these operations.", true),
        ] {
            head(out, name, "counter", help);
            for kind in used() {
                for (what, count) in counts(kind) {
                    let value = if pixels { count.pixels } else { count.nodes };
                    sample(out, name, format_args!("operation=\"{kind:?}\",became=\"{what}\""), value);
                }
            }
        }
    }

    fn sent(&self, out: &mut String) {
        /// A counter's name, its help, and where it is.
        type Plain = (&'static str, &'static str, &'static str, fn(&ClientCounters) -> u64);
        const PLAIN: [Plain; 6] = [
            ("client_bytes_total", "counter", "Bytes sent.", |c| c.metrics.bytes),
            ("client_image_pixels_total", "counter", "Pixels that images carried.", |c| {
                c.metrics.image_pixels
            }),
            ("client_changed_pixels_total", "counter", "Pixels that differed.", |c| c.metrics.pixels_changed),
            ("client_unsent_total", "counter", "Pieces that have no form for it.", |c| c.metrics.unsent),
            ("client_link_bits_per_second", "gauge", "Speed of its link.", |c| c.link_bits),
            ("client_in_flight_bytes", "gauge", "Bytes sent and not acknowledged.", |c| c.in_flight),
        ];
        let name = |c: &ClientCounters| format!("client=\"{}\",profile=\"{}\"", c.client, Label(&c.profile));
        for (metric, kind, help, value) in PLAIN {
            head(out, metric, kind, help);
            self.clients.iter().for_each(|c| sample(out, metric, name(c), value(c)));
        }
        head(
            out,
            "client_operations_total",
            "counter",
            "The guest's operations, by how the client got them.",
        );
        for c in &self.clients {
            let o = c.metrics.operations;
            for (how, n) in [("passed", o.passed), ("rewritten", o.rewritten), ("rasterised", o.rasterised)] {
                sample(out, "client_operations_total", format_args!("{},how=\"{how}\"", name(c)), n);
            }
        }
        for (metric, help, bytes) in [
            ("client_messages_total", "Messages, by type.", false),
            ("client_message_bytes_total", "Bytes of messages, by type.", true),
        ] {
            head(out, metric, "counter", help);
            for c in &self.clients {
                for (kind, tally) in &c.metrics.by_message {
                    let value = if bytes { tally.bytes } else { tally.count };
                    sample(out, metric, format_args!("{},type=\"{}\"", name(c), kind.name()), value);
                }
            }
        }
        for (metric, help, bytes) in [
            ("client_images_total", "Images, by codec.", false),
            ("client_image_bytes_total", "Bytes of images, by codec.", true),
        ] {
            head(out, metric, "counter", help);
            for c in &self.clients {
                for (kind, tally) in &c.metrics.by_image {
                    let value = if bytes { tally.bytes } else { tally.count };
                    sample(out, metric, format_args!("{},codec=\"{}\"", name(c), kind.name()), value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::client::profile::Profile;
    use crate::engine::{ClientOptions, Engine, Options};
    use crate::qxl::{Event, PrimaryCreate, SurfaceFormat, WorkerMessage};
    use std::collections::BTreeSet;
    use std::time::Duration;

    #[test]
    fn prometheus_reads_it() {
        let mut engine = Engine::new(Options::default());
        let surface = PrimaryCreate::new(64, 48, SurfaceFormat::X8R8G8B8);
        engine.submit(&Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface })).unwrap();
        let mut profile = Profile::builtin("images-only").unwrap();
        profile.name = "a \"quoted\\ name\n".to_owned();
        let client = engine.connect(ClientOptions::new(profile));
        let sent: usize = engine.poll(client, Duration::ZERO, 1 << 20).iter().map(|m| m.len()).sum();
        let text = engine.counters().to_prometheus();

        let who = r#"client="0",profile="a \"quoted\\ name\n""#;
        assert!(text.contains(&format!("spice_render_client_bytes_total{{{who}}} {sent}\n")), "{text}");
        assert!(text.contains("type=\"SURFACE_CREATE\"} 1\n"), "{text}");
        // Every sample follows its own head, and no head or sample comes twice.
        let mut seen = BTreeSet::new();
        let mut metric = "";
        for line in text.lines() {
            assert!(seen.insert(line), "twice: {line}");
            if let Some(head) = line.strip_prefix("# ") {
                metric = head.split(' ').nth(1).unwrap();
            } else {
                assert_eq!(line.split(['{', ' ']).next(), Some(metric), "{line}");
                assert!(line.rsplit(' ').next().unwrap().parse::<u64>().is_ok(), "{line}");
            }
        }
    }
}
