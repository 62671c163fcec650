//! A link that exists in numbers only: a bandwidth, a delay, and what is under way.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

/// Nanoseconds of a simulated clock.
pub(super) type Nanos = u64;

/// The way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkModel {
    /// What it is called in reports.
    pub name: String,
    /// Bits that it carries each second.
    pub bits_per_second: u64,
    /// Milliseconds to the client and back.
    pub round_trip_ms: u64,
}

/// Links with a name: kbit/s and milliseconds there and back.
const NAMED: [(&str, u64, u64); 3] = [("lan", 100_000, 1), ("wan", 8_000, 40), ("adsl", 2_000, 60)];

/// Text that is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLink;

impl fmt::Display for UnknownLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a link is lan, wan, adsl or KBIT:RTT_MS, as in 8000:40 (1 to 100000000, 0 to 60000)")
    }
}

impl std::error::Error for UnknownLink {}

impl FromStr for LinkModel {
    type Err = UnknownLink;

    /// `lan` (100 Mbit/s, 1 ms), `wan` (8 Mbit/s, 40 ms), `adsl` (2 Mbit/s, 60 ms), or kbit/s and milliseconds there
    /// and back, as in `8000:40`.
    fn from_str(text: &str) -> Result<Self, UnknownLink> {
        let named = NAMED.into_iter().find(|n| n.0 == text);
        let (kbit, ms) = match named {
            Some((_, kbit, ms)) => (kbit, ms),
            None => {
                let (kbit, ms) = text.split_once(':').ok_or(UnknownLink)?;
                (kbit.parse().map_err(|_| UnknownLink)?, ms.parse().map_err(|_| UnknownLink)?)
            }
        };
        if !(1..=100_000_000).contains(&kbit) || ms > 60_000 {
            return Err(UnknownLink);
        }
        Ok(Self { name: text.to_owned(), bits_per_second: kbit * 1000, round_trip_ms: ms })
    }
}

/// What is under way on such a link. Bytes leave one after the other and arrive in order; acknowledgements take no
/// room.
#[derive(Debug)]
pub(super) struct Pipe {
    bits_per_second: u64,
    one_way: Nanos,
    /// When the last byte that was handed over has left.
    free: Nanos,
    sent: u64,
    /// When the server hears that the client has so many bytes.
    acks: VecDeque<(Nanos, u64)>,
}

impl Pipe {
    pub(super) fn new(model: &LinkModel) -> Self {
        Self {
            bits_per_second: model.bits_per_second.max(1),
            one_way: model.round_trip_ms * 500_000,
            free: 0,
            sent: 0,
            acks: VecDeque::new(),
        }
    }

    /// Hands bytes over; when the last one arrives.
    pub(super) fn send(&mut self, now: Nanos, bytes: u64) -> Nanos {
        let time = u128::from(bytes) * 8_000_000_000 / u128::from(self.bits_per_second);
        let time = u64::try_from(time).unwrap_or(u64::MAX);
        self.free = self.free.max(now).saturating_add(time);
        self.sent += bytes;
        let arrives = self.free.saturating_add(self.one_way);
        self.acks.push_back((arrives.saturating_add(self.one_way), self.sent));
        arrives
    }

    /// The next acknowledgement that has come by now: when it came, and how many bytes the client had.
    pub(super) fn acknowledged(&mut self, now: Nanos) -> Option<(Nanos, u64)> {
        if self.acks.front()?.0 <= now { self.acks.pop_front() } else { None }
    }

    /// Bytes that it takes now so that none waits longer than `window`.
    pub(super) fn room(&self, now: Nanos, window: Nanos) -> u64 {
        let time = window.saturating_sub(self.free.saturating_sub(now));
        let bytes = u128::from(time) * u128::from(self.bits_per_second) / 8_000_000_000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// When there will be room within such a window.
    pub(super) fn room_from(&self, window: Nanos) -> Nanos {
        self.free.saturating_sub(window / 2)
    }

    /// When everything that was sent is acknowledged.
    pub(super) fn quiet_from(&self) -> Nanos {
        self.free.saturating_add(self.one_way.saturating_mul(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_by_name_and_by_numbers() {
        let wan: LinkModel = "wan".parse().unwrap();
        assert_eq!((wan.bits_per_second, wan.round_trip_ms), (8_000_000, 40));
        let own: LinkModel = "256:300".parse().unwrap();
        assert_eq!((own.bits_per_second, own.round_trip_ms), (256_000, 300));
        for wrong in ["", "isdn", "64", "0:1", ":", "64:-1", "64:60001", "1e9:1", "99999999999999999999:1"] {
            assert_eq!(wrong.parse::<LinkModel>(), Err(UnknownLink), "{wrong}");
        }
    }

    #[test]
    fn bytes_queue_and_arrive_in_order() {
        let ms = 1_000_000;
        // 1000 bytes a second, 100 ms each way.
        let mut pipe = Pipe::new(&"8:200".parse().unwrap());
        assert_eq!(pipe.send(0, 500), 600 * ms);
        assert_eq!(pipe.send(100 * ms, 500), 1100 * ms);
        assert_eq!((pipe.room(100 * ms, 900 * ms), pipe.room(500 * ms, 1000 * ms)), (0, 500));
        assert_eq!(pipe.acknowledged(699 * ms), None);
        assert_eq!(pipe.acknowledged(2000 * ms), Some((700 * ms, 500)));
        assert_eq!(pipe.acknowledged(2000 * ms), Some((1200 * ms, 1000)));
        assert_eq!((pipe.acknowledged(2000 * ms), pipe.quiet_from()), (None, 1200 * ms));
        // Idle time gains nothing.
        assert_eq!(pipe.send(5000 * ms, 100), 5200 * ms);
        let mut slow = Pipe::new(&LinkModel { name: String::new(), bits_per_second: 0, round_trip_ms: 1 });
        slow.send(u64::MAX, u64::MAX / 2);
        assert_eq!(slow.quiet_from(), u64::MAX);
    }
}
