//! What is on show, and who watches: the part of a server that one thread has for itself.

use super::connection;
use super::cursor::CursorState;
use super::flow::{Flow, WINDOW};
use super::hub::{Hub, Joined, Shared};
use super::options::Status;
use super::outbox::Writer;
use super::source::{ClientId, Source};
use crate::client::caps::Announcement;
use crate::qxl::{Command, Event};
use crate::wire::link::ChannelType;
use crate::wire::{ClientMessage, Framing, ServerMessage};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A display channel.
struct Display {
    session: u32,
    announcement: Announcement,
    writer: Writer,
    /// Once DISPLAY_INIT came.
    client: Option<ClientId>,
    flow: Flow,
    /// Since when it has everything.
    content: Option<Instant>,
}

impl Display {
    fn send(&mut self, message: Bytes) {
        self.flow.sent(message.len(), Instant::now());
        self.writer.send_mini(message);
    }

    /// Queues a message that the engine knows nothing of.
    fn say(&mut self, message: &ServerMessage) {
        let mut out = Vec::new();
        if message.encode(Framing::Mini, &mut out).is_ok() {
            self.send(out.into());
        }
    }
}

/// A channel of which no more is known than whether its client lives: main, cursor, inputs.
struct Other {
    kind: ChannelType,
    writer: Writer,
    flow: Flow,
}

/// What is on show, and who watches.
pub(super) struct Stage<'a> {
    shared: &'a Shared,
    source: Box<dyn Source>,
    displays: BTreeMap<u64, Display>,
    others: BTreeMap<u64, Other>,
    cursor: CursorState,
    pings: u32,
}

/// Bytes that wait in an outbox before the source is asked for more.
const BUDGET: usize = 256 << 10;
/// How long a client must have had everything before losses are made good.
const CONTENT: Duration = Duration::from_millis(300);

impl<'a> Stage<'a> {
    /// Nothing on show, and nobody.
    pub(super) fn new(shared: &'a Shared, source: Box<dyn Source>) -> Self {
        let cursor = CursorState::default();
        Self { shared, source, displays: BTreeMap::new(), others: BTreeMap::new(), cursor, pings: 0 }
    }

    pub(super) fn is_watched(&self) -> bool {
        self.displays.values().any(|d| d.client.is_some())
    }

    /// Whether a client lacks something that it may be sent soon.
    pub(super) fn is_busy(&self) -> bool {
        self.displays.values().any(|d| d.client.is_some_and(|c| self.source.is_waiting(c)))
    }

    pub(super) fn event(&mut self, event: &Event) {
        if let Event::Command(Command::Cursor(command)) = event {
            let message = self.cursor.take(command);
            for other in self.others.values().filter(|other| other.kind == ChannelType::CURSOR) {
                other.writer.send(|f, out| message.encode(f, out));
            }
            return;
        }
        self.source.submit(event);
    }

    pub(super) fn told(&mut self, what: Hub) {
        match what {
            Hub::Joined(joined) => {
                let Joined { id, session, kind, announcement, writer } = *joined;
                let flow = Flow::new(Instant::now());
                if kind == ChannelType::DISPLAY {
                    let mut display =
                        Display { session, announcement, writer, client: None, flow, content: None };
                    display.say(&ServerMessage::SetAck { generation: 1, window: WINDOW });
                    self.displays.insert(id, display);
                    return;
                }
                if kind == ChannelType::CURSOR {
                    let init = self.cursor.init();
                    writer.send(|f, out| init.encode(f, out));
                }
                self.others.insert(id, Other { kind, writer, flow });
            }
            Hub::Other { id, message } => {
                if let Some(other) = self.others.get_mut(&id) {
                    other.flow.said(&message, Instant::now());
                }
            }
            Hub::Display { id, message } => {
                let Some(display) = self.displays.get_mut(&id) else { return };
                display.flow.said(&message, Instant::now());
                match (&message, display.client) {
                    (ClientMessage::Init(init), None) => {
                        display.announcement.init = Some(*init);
                        let channels = self.shared.sessions().get(&display.session).map_or(0, |channels| {
                            channels
                                .iter()
                                .fold(0, |bits, c| bits | 1u32.checked_shl(c.1.0.into()).unwrap_or(0))
                        });
                        display.announcement.channels = channels;
                        let profile = self.shared.options.profile.as_ref();
                        display.client = Some(self.source.connect(&display.announcement, profile));
                    }
                    (ClientMessage::PreferredCompression(c), None) => {
                        display.announcement.preferred = Some(*c)
                    }
                    (_, Some(client)) => self.source.receive(client, &message),
                    _ => {}
                }
            }
            Hub::Left { id } => {
                self.others.remove(&id);
                if let Some(client) = self.displays.remove(&id).and_then(|d| d.client) {
                    self.source.disconnect(client);
                }
            }
        }
    }

    pub(super) fn send(&mut self) {
        let (now, moment) = (self.shared.begin.elapsed(), Instant::now());
        for other in self.others.values_mut() {
            other.flow.taken(other.writer.outbox.written(), other.writer.outbox.waiting(), moment);
            if other.flow.is_dead(self.shared.options.patience, moment) {
                other.writer.outbox.close();
            }
        }
        for display in self.displays.values_mut() {
            let (written, waiting) = (display.writer.outbox.written(), display.writer.outbox.waiting());
            display.flow.taken(written, waiting, moment);
            if display.flow.is_dead(self.shared.options.patience, moment) {
                display.writer.outbox.close();
                continue;
            }
            let Some(client) = display.client else { continue };
            self.source.acknowledged(client, now, written);
            let bits = self.source.bits_per_second(client);
            // A quarter of a second's worth may wait here: what does not go out is soon old.
            let budget = usize::try_from(bits / 32).unwrap_or(BUDGET).clamp(BUDGET / 16, BUDGET);
            let room = budget.saturating_sub(waiting);
            if room < budget / 2 || display.flow.is_full(bits) {
                display.content = None;
                continue;
            }
            let messages = self.source.poll(client, now, room);
            if !messages.is_empty() || waiting > 0 || !display.flow.is_idle() {
                display.content = None;
            } else if display.content.get_or_insert(moment).elapsed() > CONTENT {
                self.source.idle(client);
            }
            for message in messages {
                display.send(message);
            }
        }
    }

    pub(super) fn look(&self, status: &mut Status) {
        status.clients =
            self.displays.values().filter_map(|d| Some(self.source.profile_name(d.client?))).collect();
        status.bytes = self.displays.values().map(|d| d.writer.outbox.written()).sum();
    }

    /// Asks every client for a sign of life.
    pub(super) fn ping(&mut self) {
        self.pings = self.pings.wrapping_add(1);
        let time = u64::try_from(self.shared.begin.elapsed().as_nanos()).unwrap_or(0);
        let ping = connection::ping(self.pings, time);
        for display in self.displays.values_mut() {
            display.say(&ping);
            display.flow.pinged(self.pings);
        }
        for other in self.others.values_mut() {
            // Nothing but pings is counted: each says that all before it arrived.
            other.writer.send(|f, out| {
                ping.encode(f, out)?;
                other.flow.sent(out.len(), Instant::now());
                Ok(())
            });
            other.flow.pinged(self.pings);
        }
    }
}
