//! What one client has of all that it was sent, as its ACKs and PONGs say.

use crate::wire::ClientMessage;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Messages to an ACK, as libspice-server has it on fast links.
pub(super) const WINDOW: u32 = 20;
/// Bytes on their way of which nothing was heard yet.
const MOST_BYTES: u64 = 1 << 20;
/// The same for messages.
const MOST_MESSAGES: usize = 1 << 14;

/// The messages of one channel that are on their way.
#[derive(Debug)]
pub(super) struct Flow {
    /// Bytes of each message that was sent and not acknowledged.
    sent: VecDeque<u32>,
    bytes: u64,
    /// Messages up to the last PING, and its number.
    ping: Option<(u32, usize)>,
    /// When the client last gave a sign of life, and what the connection had taken by then.
    heard: Instant,
    taken: u64,
}

impl Flow {
    pub(super) fn new(now: Instant) -> Self {
        Self { sent: VecDeque::new(), bytes: 0, ping: None, heard: now, taken: 0 }
    }

    /// A message was queued.
    pub(super) fn sent(&mut self, bytes: usize, now: Instant) {
        if self.sent.is_empty() {
            self.heard = now;
        }
        self.sent.push_back(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.bytes += bytes as u64;
    }

    /// A PING was queued, and counted as sent.
    pub(super) fn pinged(&mut self, id: u32) {
        self.ping = Some((id, self.sent.len()));
    }

    /// The client said something. What it says of more than was sent counts as all.
    pub(super) fn said(&mut self, message: &ClientMessage, now: Instant) {
        self.heard = now;
        match message {
            // It counts from here on; SET_ACK itself was the first message of all.
            ClientMessage::AckSync { .. } => self.arrived(1),
            ClientMessage::Ack => self.arrived(WINDOW as usize),
            ClientMessage::Pong { id, .. } => {
                if let Some((_, upto)) = self.ping.filter(|(wanted, _)| wanted == id) {
                    self.arrived(upto);
                    self.ping = None;
                }
            }
            _ => {}
        }
    }

    fn arrived(&mut self, messages: usize) {
        let messages = messages.min(self.sent.len());
        self.bytes -= self.sent.drain(..messages).map(u64::from).sum::<u64>();
        if let Some((_, upto)) = &mut self.ping {
            *upto = upto.saturating_sub(messages);
        }
    }

    /// The connection has taken so many bytes in all, and more wait for it. That it still takes some of much is a sign
    /// of life: over a slow link an answer may be long in coming. (Small things the system takes for anybody.)
    pub(super) fn taken(&mut self, bytes: u64, waiting: usize, now: Instant) {
        if bytes != self.taken && waiting >= 4 << 10 {
            self.heard = now;
        }
        self.taken = bytes;
    }

    /// Whether the client has to say something before it gets more. `bits_per_second` is what its link carries: no more
    /// than two seconds' worth should be on its way.
    pub(super) fn is_full(&self, bits_per_second: u64) -> bool {
        self.bytes >= (bits_per_second / 4).clamp(64 << 10, MOST_BYTES) || self.sent.len() >= MOST_MESSAGES
    }

    /// Whether the client has nearly everything: as much as one ACK covers may be missing.
    pub(super) fn is_idle(&self) -> bool {
        self.sent.len() < WINDOW as usize
    }

    /// Whether the client owes a sign of life for so long.
    pub(super) fn is_dead(&self, patience: Duration, now: Instant) -> bool {
        !self.sent.is_empty() && now.saturating_duration_since(self.heard) > patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acks_and_pongs_say_what_arrived() {
        let begin = Instant::now();
        let mut flow = Flow::new(begin);
        let at = |s| begin + Duration::from_secs(s);
        (0..50).for_each(|_| flow.sent(2000, at(0)));
        flow.pinged(7);
        (0..10).for_each(|_| flow.sent(2000, at(1)));
        assert!(!flow.is_idle() && flow.is_full(1000) && !flow.is_full(1 << 30));
        flow.said(&ClientMessage::AckSync { generation: 1 }, at(2));
        flow.said(&ClientMessage::Ack, at(3));
        assert_eq!((flow.sent.len(), flow.bytes), (39, 78_000));
        flow.said(&ClientMessage::Pong { id: 6, timestamp: 0 }, at(3));
        assert_eq!(flow.sent.len(), 39);
        flow.said(&ClientMessage::Pong { id: 7, timestamp: 0 }, at(4));
        assert_eq!((flow.sent.len(), flow.bytes), (10, 20_000));
        assert!(flow.is_idle() && !flow.is_dead(Duration::from_secs(5), at(9)));
        flow.taken(1, 1, at(9));
        flow.taken(2, 9000, at(7));
        assert!(
            !flow.is_dead(Duration::from_secs(5), at(12)) && flow.is_dead(Duration::from_secs(5), at(13))
        );
        // More than there is.
        (0..9).for_each(|_| flow.said(&ClientMessage::Ack, at(13)));
        assert!(flow.sent.is_empty() && flow.bytes == 0 && !flow.is_dead(Duration::ZERO, at(99)));
    }
}
