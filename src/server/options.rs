//! How a server serves, and what it says of it.

use super::outbox::LinkModel;
use crate::client::profile::Profile;
use std::time::Duration;

/// How fast a capture is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As fast as it can be drawn.
    Max,
    /// So many times as fast as it was recorded.
    Times(f64),
}

impl std::str::FromStr for Speed {
    type Err = &'static str;

    /// `recorded`, `max`, or a factor above 0.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match (s, s.parse()) {
            ("recorded", _) => Ok(Self::Times(1.0)),
            ("max", _) => Ok(Self::Max),
            (_, Ok(f)) if f > 0.0 && f < 1e9 => Ok(Self::Times(f)),
            _ => Err("not recorded, max or a factor"),
        }
    }
}

/// How a server serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What clients must know; anybody may watch without one.
    pub password: Option<String>,
    /// How fast the capture is played.
    pub speed: Speed,
    /// Whether it begins again at its end.
    pub repeat: bool,
    /// Whether it is played before the first client is there.
    pub at_once: bool,
    /// What every client is taken for; without one, each for what it announces.
    pub profile: Option<Profile>,
    /// A slower link than there is.
    pub link: Option<LinkModel>,
    /// How long a client may take nothing, or owe an answer, before it is dropped.
    pub patience: Duration,
    /// For tests of what clients draw: they get every operation that they can draw, whatever it costs.
    #[cfg(feature = "testing")]
    pub pass_everything: bool,
}

impl Default for Options {
    /// No password, recorded speed, once, from the first client on; half a minute of patience.
    fn default() -> Self {
        let (speed, patience) = (Speed::Times(1.0), Duration::from_secs(30));
        Self {
            password: None,
            speed,
            repeat: false,
            at_once: false,
            profile: None,
            link: None,
            patience,
            #[cfg(feature = "testing")]
            pass_everything: false,
        }
    }
}

/// What goes on, for a status line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What each client of the display channel is taken for.
    pub clients: Vec<String>,
    /// Bytes written on display channels since the start.
    pub bytes: u64,
    /// Events of the capture played.
    pub events: u64,
    /// How late the last one was.
    pub behind: Duration,
    /// Whether the capture is at its end.
    pub ended: bool,
}
