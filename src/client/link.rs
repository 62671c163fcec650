//! What is known of the way to one client: how fast bytes get there, and how many are still on it.

use std::collections::VecDeque;
use std::time::Duration;

/// Bits per second of a link of which nothing is known.
const UNKNOWN_BITS: u64 = 100_000_000;
/// Bits per second below which a link counts as slow: images may lose what nobody sees then.
const SLOW_BITS: u64 = 10_000_000;
/// An estimate needs so many bytes behind each other.
const SAMPLE_BYTES: u64 = 8 << 10;

/// Sends that are remembered until they are acknowledged.
const SENDS: usize = 256;

/// A model of one client's link, from what the embedder says was acknowledged. Times are the embedder's own clock,
/// from any start.
///
/// Acknowledgements that follow each other tell the speed where the bytes between them waited for the link: where they
/// had been sent before the first of them left. Delay does not count then. What a burst took from being sent to being
/// acknowledged tells a speed that the link has at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    fixed: Option<u64>,
    bits_per_second: u64,
    measured: bool,
    sent: u64,
    acknowledged: u64,
    /// What is under way: when it was sent, and all bytes sent by then.
    sends: VecDeque<(Duration, u64)>,
    /// When the link last went from idle to busy, and what was acknowledged then.
    busy_since: Option<(Duration, u64)>,
    /// The shortest time from a send to an acknowledgement.
    delay: Option<Duration>,
    last_ack: Duration,
    /// Bytes that followed each other, and the time they took.
    sample: (u64, Duration),
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
            sends: VecDeque::new(),
            busy_since: None,
            delay: None,
            last_ack: Duration::ZERO,
            sample: (0, Duration::ZERO),
        }
    }
}

impl Link {
    /// A link of a known speed, which no measurement changes.
    pub fn of_bandwidth(bits_per_second: u64) -> Self {
        Self { fixed: Some(bits_per_second.max(1)), ..Self::expecting(bits_per_second) }
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

    /// The quality of JPEG that it asks for: for stills, or for what moves, which is gone soon. Photos are sent again
    /// without loss when it is idle: until then arriving in time counts for more.
    pub fn jpeg_quality(&self, moving: bool) -> u8 {
        match (self.bits_per_second, moving) {
            (0..3_000_000, false) => 60,
            (0..3_000_000, true) => 35,
            (3_000_000..SLOW_BITS, false) => 75,
            (3_000_000..SLOW_BITS, true) => 45,
            _ => 85,
        }
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
        if bytes == 0 {
            return;
        }
        if self.in_flight() == 0 {
            self.busy_since = Some((now, self.acknowledged));
        }
        self.sent = self.sent.saturating_add(bytes);
        let full = self.sends.len() == SENDS;
        match self.sends.back_mut() {
            // Rather a little later than forgotten: then it counts for less.
            Some(last) if last.0 == now || full => *last = (now, self.sent),
            _ => self.sends.push_back((now, self.sent)),
        }
    }

    /// The client has the first `total` of all bytes that were sent. Less than before, or more than were sent, counts
    /// as what is possible.
    pub(crate) fn acknowledged(&mut self, now: Duration, total: u64) {
        let (total, before) = (total.clamp(self.acknowledged, self.sent), self.acknowledged);
        if total == before {
            return;
        }
        // When the last of these bytes was sent.
        let sent = self.sends.iter().find(|s| s.1 >= total).map_or(now, |s| s.0);
        while self.sends.front().is_some_and(|s| s.1 <= total) {
            self.sends.pop_front();
        }
        let took = now.saturating_sub(sent);
        let delay = self.delay.map_or(took, |d| d.min(took));
        self.delay = Some(delay);
        let since = std::mem::replace(&mut self.last_ack, now);
        self.acknowledged = total;
        let first = self.busy_since.is_some_and(|b| b.1 == before);
        if !first && sent + delay <= since && now > since {
            self.sample.0 += total - before;
            self.sample.1 += now - since;
            if self.sample.0 >= SAMPLE_BYTES {
                let (bytes, time) = std::mem::take(&mut self.sample);
                self.learn(speed(bytes, time));
            }
        }
        if let Some((since, start)) = self.busy_since
            && total - start >= SAMPLE_BYTES
            && now > since
        {
            let least = speed(total - start, now - since);
            if !self.measured || least > self.bits_per_second {
                self.learn(least);
            }
        }
        if self.in_flight() == 0 {
            self.busy_since = None;
        }
    }

    fn learn(&mut self, bits: u64) {
        if self.fixed.is_none() {
            self.bits_per_second = if self.measured { (3 * self.bits_per_second + bits) / 4 } else { bits };
            self.measured = true;
        }
    }
}

/// Bits a second.
fn speed(bytes: u64, time: Duration) -> u64 {
    let bits = u128::from(bytes) * 8_000_000_000 / time.as_nanos().max(1);
    bits.clamp(1, u128::from(u64::MAX >> 8)) as u64
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

    #[test]
    fn neither_delay_nor_silence_makes_a_link_slow() {
        // 100 Mbit/s, 80 ms there and back: 12500 bytes a millisecond.
        let us = Duration::from_micros;
        let mut link = Link::expecting(100_000_000);
        let mut total = 0;
        for burst in 0..50u64 {
            let start = burst * 33_000;
            // A few small messages, now and then many large ones.
            let (messages, bytes) = if burst % 10 == 3 { (20, 12_500) } else { (3, 4_000) };
            link.sent(us(start), messages * bytes);
            for message in 1..=messages {
                total += bytes;
                link.acknowledged(us(start + 80_000 + message * bytes * 2 / 25), total);
            }
        }
        assert!((99_000_000..101_000_000).contains(&link.bits_per_second()), "{}", link.bits_per_second());
        // It becomes slower, and that is noticed.
        let start = 10_000_000;
        link.sent(us(start), 500_000);
        for message in 1..=40 {
            link.acknowledged(us(start + 80_000 + message * 12_500), total + message * 12_500);
        }
        assert!((7_900_000..9_000_000).contains(&link.bits_per_second()), "{}", link.bits_per_second());
        assert_eq!(link.in_flight(), 0);
    }
}
