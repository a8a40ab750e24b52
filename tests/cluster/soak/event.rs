//! What may happen to a node or to the store.

use std::time::Duration;

use enabler_storage::chance::Chance;

use crate::faults::Mode;

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// `kill -9`; started again once a client was served.
    Kill,
    /// SIGSTOP for this long, then SIGCONT.
    Freeze(Duration),
    /// Nothing reaches the node, and it reaches nothing, for this long.
    Unplug(Duration),
    /// The node and its peers do not reach each other for this long; store, Redis and clients reach all.
    Estrange(Duration),
    /// SIGTERM: its shards are handed over; started again once it has ended.
    Drain,
    /// The store refuses or is silent for this long.
    NoStore(Duration, Mode),
}

impl Event {
    /// Draws the next one; cables are pulled only if `has_cables`.
    pub(super) fn draw(chance: &dyn Chance, has_cables: bool) -> Self {
        let time = |from: u64, to: u64| Duration::from_millis(from + chance.next_u64() % (to - from));
        match chance.next_u64() % 20 {
            0..6 => Self::Kill,
            6..10 => Self::Freeze(time(1_000, 8_000)),
            10..12 if has_cables => Self::Unplug(time(1_000, 10_000)),
            12..14 if has_cables => Self::Estrange(time(1_000, 10_000)),
            10..12 => Self::Freeze(time(1_000, 8_000)),
            12..14 => Self::Kill,
            14..18 => Self::Drain,
            18 => Self::NoStore(time(1_000, 6_000), Mode::Refuse),
            _ => Self::NoStore(time(1_000, 6_000), Mode::BlackHole),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Freeze(_) => "freeze",
            Self::Unplug(_) => "cable pulled",
            Self::Estrange(_) => "cut off from peers",
            Self::Drain => "drain",
            Self::NoStore(_, Mode::Refuse) => "store refuses",
            Self::NoStore(..) => "store silent",
        }
    }
}
