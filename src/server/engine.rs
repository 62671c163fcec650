//! The engine as the source of display messages.

use super::options;
use super::outbox::LinkModel;
use super::source::{ClientId, Source};
use crate::client::caps::Announcement;
use crate::client::link::Link;
use crate::client::profile::{Profile, UnknownPolicy};
use crate::engine::{self, ClientOptions, Engine, Options};
use crate::qxl::Event;
use crate::wire::ClientMessage;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

/// See the module.
pub(super) struct Engined {
    engine: Engine,
    clients: BTreeMap<ClientId, engine::ClientId>,
    next: ClientId,
    link: Option<LinkModel>,
    #[cfg(feature = "testing")]
    pass_everything: bool,
}

/// Bytes of encoded images kept to be sent to several clients.
const SHARED: usize = 16 << 20;

impl Engined {
    pub(super) fn new(settings: &options::Options) -> Self {
        let engine = Engine::new(Options { shared_images: SHARED, ..Options::default() });
        Self {
            engine,
            clients: BTreeMap::new(),
            next: 0,
            link: settings.link,
            #[cfg(feature = "testing")]
            pass_everything: settings.pass_everything,
        }
    }
}

impl Source for Engined {
    fn submit(&mut self, event: &Event) {
        // A command that makes no sense draws nothing, here as at the guest.
        let _ = self.engine.submit(event);
    }

    fn connect(&mut self, announcement: &Announcement, profile: Option<&Profile>) -> ClientId {
        let (mut options, quirks) = match profile {
            Some(profile) => (ClientOptions::new(profile.clone()), profile.quirks),
            None => {
                let unknown = UnknownPolicy::default();
                let chosen = Profile::choose(announcement, unknown).profile;
                (ClientOptions::announced(announcement, unknown), chosen.quirks)
            }
        };
        // A picture that appears when it likes may appear on top of what comes later.
        options = options.lossy(!quirks.jpeg_reorders);
        if let Some(link) = self.link {
            options = options.link(Link::of_bandwidth(link.kbit.saturating_mul(1000)));
        }
        self.next += 1;
        let client = self.engine.connect(options);
        #[cfg(feature = "testing")]
        if self.pass_everything {
            self.engine.pass_everything(client);
        }
        self.clients.insert(self.next, client);
        self.next
    }

    fn receive(&mut self, client: ClientId, message: &ClientMessage) {
        if let Some(client) = self.clients.get(&client) {
            self.engine.receive(*client, message);
        }
    }

    fn poll(&mut self, client: ClientId, now: Duration, budget: usize) -> Vec<Bytes> {
        self.clients.get(&client).map_or_else(Vec::new, |c| self.engine.poll(*c, now, budget))
    }

    fn is_waiting(&self, client: ClientId) -> bool {
        self.clients.get(&client).is_some_and(|c| self.engine.is_waiting(*c))
    }

    fn acknowledged(&mut self, client: ClientId, now: Duration, total: u64) {
        if let Some(client) = self.clients.get(&client) {
            self.engine.acknowledged(*client, now, total);
        }
    }

    fn bits_per_second(&self, client: ClientId) -> u64 {
        let link = self.clients.get(&client).and_then(|c| self.engine.link(*c));
        link.map_or(u64::MAX, Link::bits_per_second)
    }

    fn idle(&mut self, client: ClientId) {
        if let Some(client) = self.clients.get(&client) {
            self.engine.idle(*client);
        }
    }

    fn disconnect(&mut self, client: ClientId) {
        if let Some(client) = self.clients.remove(&client) {
            self.engine.disconnect(client);
        }
    }

    fn profile_name(&self, client: ClientId) -> String {
        let profile = self.clients.get(&client).and_then(|c| self.engine.profile(*c));
        profile.map_or_else(String::new, |p| p.name.clone())
    }
}
