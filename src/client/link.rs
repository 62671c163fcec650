//! What is known of the way to one client: how fast bytes get there, and how many are still on it.

use std::time::Duration;

/// Bits per second of a link of which nothing is known.
const UNKNOWN_BITS: u64 = 100_000_000;
/// Bits per second below which a link counts as slow: images may lose what nobody sees then.
const SLOW_BITS: u64 = 10_000_000;
/// An estimate needs so many bytes behind each other.
const SAMPLE_BYTES: u64 = 8 << 10;

/// A model of one client's link, from what the embedder says was acknowledged. Times are the embedder's own clock,
/// from any start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    fixed: Option<u64>,
    bits_per_second: u64,
    measured: bool,
    sent: u64,
    acknowledged: u64,
    /// When the link last went from idle to busy, and what was acknowledged then.
    busy_since: Option<(Duration, u64)>,
    last_ack: Duration,
}

/// A link's model, to be saved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkState {
    pub(crate) fixed: Option<u64>,
    pub(crate) bits_per_second: u64,
    pub(crate) measured: bool,
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            fixed: None,
            bits_per_second: UNKNOWN_BITS,
            measured: false,
            sent: 0,
            acknowledged: 0,
            busy_since: None,
            last_ack: Duration::ZERO,
        }
    }
}

impl Link {
    /// A link of a known speed, which no measurement changes.
    pub fn of_bandwidth(bits_per_second: u64) -> Self {
        let bits_per_second = bits_per_second.max(1);
        Self { fixed: Some(bits_per_second), bits_per_second, measured: true, ..Self::default() }
    }

    /// A link that had this speed when it was tried out; measurements change it.
    pub fn expecting(bits_per_second: u64) -> Self {
        Self { bits_per_second: bits_per_second.max(1), measured: true, ..Self::default() }
    }

    /// Bits per second, as far as they are known.
    pub fn bits_per_second(&self) -> u64 {
        self.bits_per_second
    }

    /// Whether the speed was measured or given.
    pub fn is_measured(&self) -> bool {
        self.measured
    }

    /// Whether bytes are dear on it.
    pub fn is_slow(&self) -> bool {
        self.measured && self.bits_per_second < SLOW_BITS
    }

    /// Bytes sent that are not acknowledged yet.
    pub fn in_flight(&self) -> u64 {
        self.sent - self.acknowledged
    }

    /// The model as plain data; what is being measured just now is lost.
    pub(crate) fn save(&self) -> LinkState {
        let Self { fixed, bits_per_second, measured, sent, acknowledged, .. } = *self;
        LinkState { fixed, bits_per_second, measured, sent, acknowledged }
    }

    /// The model that was saved, or one that makes sense.
    pub(crate) fn restore(state: LinkState) -> Self {
        let LinkState { fixed, bits_per_second, measured, sent, acknowledged } = state;
        Self {
            fixed,
            bits_per_second: bits_per_second.max(1),
            measured,
            sent: sent.min(u64::MAX >> 1),
            acknowledged: acknowledged.min(sent.min(u64::MAX >> 1)),
            ..Self::default()
        }
    }

    /// Bytes were handed to the link.
    pub(crate) fn sent(&mut self, now: Duration, bytes: u64) {
        if bytes > 0 && self.in_flight() == 0 {
            self.busy_since = Some((now, self.acknowledged));
        }
        self.sent += bytes;
    }

    /// The client has the first `total` of all bytes that were sent. Less than before, or more than were sent, counts
    /// as what is possible.
    pub(crate) fn acknowledged(&mut self, now: Duration, total: u64) {
        self.acknowledged = total.clamp(self.acknowledged, self.sent);
        self.last_ack = now;
        let Some((since, before)) = self.busy_since else { return };
        let (bytes, time) = (self.acknowledged - before, now.saturating_sub(since));
        if bytes >= SAMPLE_BYTES && time > Duration::ZERO {
            let bits = u128::from(bytes) * 8_000_000_000 / time.as_nanos();
            let bits = bits.clamp(1, u128::from(u64::MAX >> 8)) as u64;
            let smoothed = if self.measured { (3 * self.bits_per_second + bits) / 4 } else { bits };
            if self.fixed.is_none() {
                (self.bits_per_second, self.measured) = (smoothed, true);
            }
            self.busy_since = Some((now, self.acknowledged));
        }
        if self.in_flight() == 0 {
            self.busy_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_what_arrives_while_the_link_is_busy() {
        let ms = Duration::from_millis;
        let mut link = Link::default();
        assert!(!link.is_slow());
        link.sent(ms(1000), 100_000);
        link.acknowledged(ms(1500), 50_000);
        assert_eq!(link.bits_per_second(), 800_000);
        assert!(link.is_slow());
        link.acknowledged(ms(2000), 100_000);
        assert_eq!((link.bits_per_second(), link.in_flight()), (800_000, 0));
        // Idle time does not count; nonsense does no harm.
        link.sent(ms(60_000), 100_000);
        link.acknowledged(ms(60_100), u64::MAX);
        assert_eq!((link.bits_per_second(), link.in_flight()), ((3 * 800_000 + 8_000_000) / 4, 0));
        link.acknowledged(ms(60_000), 0);
        assert_eq!(link.in_flight(), 0);
        let mut fixed = Link::of_bandwidth(5);
        fixed.sent(ms(0), 100_000);
        fixed.acknowledged(ms(1), 100_000);
        assert_eq!(fixed.bits_per_second(), 5);
    }
}
