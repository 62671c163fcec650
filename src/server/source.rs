//! Where display messages come from.

use crate::client::caps::Announcement;
use crate::client::profile::Profile;
use crate::qxl::Event;
use crate::wire::ClientMessage;
use bytes::Bytes;
use std::time::Duration;

/// A client of the source.
pub(super) type ClientId = u64;

/// The part of the engine that the server needs: commands in, one stream of display messages per client out. Messages
/// have the mini header. Times count from the server's start.
pub(super) trait Source {
    /// Takes in what the capture says. What makes no sense changes nothing.
    fn submit(&mut self, event: &Event);
    /// A client joins.
    fn connect(&mut self, announcement: &Announcement, profile: Option<&Profile>) -> ClientId;
    /// What a client says on the display channel.
    fn receive(&mut self, client: ClientId, message: &ClientMessage);
    /// The next messages for a client, about `budget` bytes of them.
    fn poll(&mut self, client: ClientId, now: Duration, budget: usize) -> Vec<Bytes>;
    /// Whether a client lacks anything.
    fn is_waiting(&self, client: ClientId) -> bool;
    /// How many bytes a client has taken in all.
    fn acknowledged(&mut self, client: ClientId, now: Duration, total: u64);
    /// What the client's link carries, as far as that is known.
    fn bits_per_second(&self, client: ClientId) -> u64;
    /// The client has had everything for a while: what it got with a loss may be sent again.
    fn idle(&mut self, client: ClientId);
    /// A client leaves.
    fn disconnect(&mut self, client: ClientId);
    /// What the client is taken for.
    fn profile_name(&self, client: ClientId) -> String;
}
