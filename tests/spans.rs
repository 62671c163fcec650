//! What takes time is told to whoever listens by `tracing`: the names are an interface, as dashboards are made of them.
#![cfg(feature = "tracing")]

use spice_render::client::profile::Profile;
use spice_render::engine::{ClientOptions, Engine, Options};
use spice_render::qxl::testing::{Generator, Rng};
use spice_render::qxl::{Event, PrimaryCreate, Rect, SurfaceFormat, WorkerMessage};
use std::collections::BTreeSet;
use std::fmt::{Debug, Write};
use std::sync::Mutex;
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event as LogEvent, Level, Metadata, Subscriber};

/// Every span that began, by its id - 1, and how often it was entered and left.
static SPANS: Mutex<Vec<Span>> = Mutex::new(Vec::new());

#[derive(Clone, Debug)]
struct Span {
    name: &'static str,
    fields: String,
    /// The innermost span that was open when this one was first entered.
    within: Option<&'static str>,
    entered: u32,
    left: u32,
}

struct Listener;

impl Visit for Span {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.fields, "{field}={value:?} ");
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("spice_render") && *metadata.level() == Level::DEBUG
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let name = attributes.metadata().name();
        let mut span = Span { name, fields: String::new(), within: None, entered: 0, left: 0 };
        attributes.record(&mut span);
        let mut spans = SPANS.lock().unwrap();
        spans.push(span);
        Id::from_u64(spans.len() as u64)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &LogEvent<'_>) {}
    fn enter(&self, id: &Id) {
        let mut spans = SPANS.lock().unwrap();
        let within = spans.iter().rfind(|s| s.entered > s.left).map(|s| s.name);
        let span = &mut spans[id.into_u64() as usize - 1];
        span.within = within;
        span.entered += 1;
    }
    fn exit(&self, id: &Id) {
        SPANS.lock().unwrap()[id.into_u64() as usize - 1].left += 1;
    }
}

/// The only test here: a subscriber is for the whole process.
#[test]
fn what_takes_time_is_told() {
    tracing::subscriber::set_global_default(Listener).expect("nobody listened yet");
    let mut engine = Engine::new(Options::default());
    let surface = PrimaryCreate::new(64, 64, SurfaceFormat::X8R8G8B8);
    engine.submit(&Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface })).unwrap();
    let gtk = Profile::builtin("spice-gtk").unwrap();
    let client = engine.connect(ClientOptions::new(gtk));
    engine.poll(client, Duration::ZERO, usize::MAX);
    let mut generator = Generator::new(Rng(1));
    for _ in 0..2000 {
        let event = generator.event();
        if matches!(event, Event::Command(_)) {
            let _ = engine.submit(&event);
        }
    }
    engine.update_area(0, Rect { left: 0, top: 0, right: 64, bottom: 64 });
    engine.poll(client, Duration::ZERO, 123_456);
    let saved = engine.save_client(client).unwrap();
    engine.restore_client(&saved).unwrap();

    let spans = SPANS.lock().unwrap().clone();
    let found: BTreeSet<_> = spans.iter().map(|s| s.name.strip_prefix("spice_render_").unwrap()).collect();
    let all = ["draw", "encode", "plan", "poll", "restore_client", "save_client", "update_area", "walk"];
    assert_eq!(found, all.into());
    assert!(spans.iter().all(|s| (s.entered, s.left) == (1, 1)), "{spans:#?}");
    let fields: Vec<_> = spans.iter().filter(|s| s.name == "spice_render_poll").map(|s| &*s.fields).collect();
    assert_eq!(fields, [format!("client=0 budget={} ", usize::MAX), "client=0 budget=123456 ".into()]);
    let within: BTreeSet<_> = spans.iter().filter_map(|s| Some((s.name, s.within?))).collect();
    for (inner, outer) in [("plan", "poll"), ("encode", "poll"), ("walk", "update_area")] {
        let pair = (&*format!("spice_render_{inner}"), &*format!("spice_render_{outer}"));
        assert!(within.contains(&pair), "{inner} within {outer}: {within:?}");
    }
}
