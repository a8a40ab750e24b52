//! What may happen to a node, the store or Redis.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use enabler_sim_servers::Mode;
use enabler_storage::chance::Chance;

/// A kind of fault that an operator can wish for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chaos {
    /// Nodes are ended by `kill -9`.
    Kill,
    /// Nodes stand still, and go on later.
    Freeze,
    /// Nodes are cut off from everything, or from each other.
    Cut,
    /// Nodes are told to stop and hand over first.
    Drain,
    /// The store refuses or is silent.
    Store,
    /// Redis is killed or stands still.
    Redis,
}

impl Chaos {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Kill, Self::Freeze, Self::Cut, Self::Drain, Self::Store, Self::Redis];

    /// How often it is drawn, relative to the others.
    fn weight(self) -> u64 {
        match self {
            Self::Kill => 6,
            Self::Freeze | Self::Cut | Self::Drain => 4,
            Self::Store | Self::Redis => 2,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Cut => "cut",
            Self::Drain => "drain",
            Self::Store => "store",
            Self::Redis => "redis",
        }
    }
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Chaos {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|chaos| chaos.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("there is no fault `{text}`: choose among {known}")
        })
    }
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
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
    /// Redis is gone for this long, and empty afterwards.
    NoRedis(Duration),
    /// Redis holds its connections and says nothing for this long.
    FrozenRedis(Duration),
}

impl Event {
    /// Draws the next one among the kinds that are wished for; `None` when there are none.
    #[must_use]
    pub fn draw(chance: &dyn Chance, wished: &BTreeSet<Chaos>) -> Option<Self> {
        let all: u64 = wished.iter().map(|chaos| chaos.weight()).sum();
        let mut left = chance.next_u64().checked_rem(all)?;
        let chaos = wished.iter().find(|chaos| {
            let is_it = left < chaos.weight();
            left = left.saturating_sub(chaos.weight());
            is_it
        })?;
        let time = |from: u64, to: u64| Duration::from_millis(from + chance.next_u64() % (to - from));
        let first = chance.next_u64().is_multiple_of(2);
        Some(match chaos {
            Chaos::Kill => Self::Kill,
            Chaos::Freeze => Self::Freeze(time(1_000, 8_000)),
            Chaos::Cut if first => Self::Unplug(time(1_000, 10_000)),
            Chaos::Cut => Self::Estrange(time(1_000, 10_000)),
            Chaos::Drain => Self::Drain,
            Chaos::Store => {
                Self::NoStore(time(1_000, 6_000), if first { Mode::Refuse } else { Mode::BlackHole })
            }
            Chaos::Redis if first => Self::NoRedis(time(1_000, 4_000)),
            Chaos::Redis => Self::FrozenRedis(time(1_000, 4_000)),
        })
    }

    /// What an operator calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Freeze(_) => "freeze",
            Self::Unplug(_) => "cable pulled",
            Self::Estrange(_) => "cut off from peers",
            Self::Drain => "drain",
            Self::NoStore(_, Mode::Refuse) => "store refuses",
            Self::NoStore(..) => "store silent",
            Self::NoRedis(_) => "redis killed",
            Self::FrozenRedis(_) => "redis frozen",
        }
    }

    /// How long it is meant to last; `None` when it lasts until somebody is served again.
    #[must_use]
    pub fn planned(self) -> Option<Duration> {
        match self {
            Self::Kill | Self::Drain => None,
            Self::Freeze(time)
            | Self::Unplug(time)
            | Self::Estrange(time)
            | Self::NoStore(time, _)
            | Self::NoRedis(time)
            | Self::FrozenRedis(time) => Some(time),
        }
    }

    /// Whether it is done to a node, and not to what all nodes use.
    #[must_use]
    pub fn is_of_a_node(self) -> bool {
        !matches!(self, Self::NoStore(..) | Self::NoRedis(_) | Self::FrozenRedis(_))
    }
}

#[cfg(test)]
mod tests {
    use enabler_storage::chance::SeededChance;

    use super::*;

    #[test]
    fn what_is_wished_for_is_drawn_as_often_as_its_weight_and_nothing_else() {
        let chance = SeededChance::new(7);
        for wished in [&Chaos::ALL[..], &[Chaos::Kill, Chaos::Store], &[Chaos::Redis]] {
            let wished: BTreeSet<Chaos> = wished.iter().copied().collect();
            let mut counts = std::collections::BTreeMap::<&str, u64>::new();
            for _ in 0..4_000 {
                let event = Event::draw(&chance, &wished).unwrap();
                *counts.entry(event.name()).or_default() += 1;
            }
            let of = |names: &[&str]| names.iter().filter_map(|name| counts.get(name)).sum::<u64>();
            let all: u64 = wished.iter().map(|chaos| chaos.weight()).sum();
            for chaos in Chaos::ALL {
                let drawn = match chaos {
                    Chaos::Kill => of(&["kill -9"]),
                    Chaos::Freeze => of(&["freeze"]),
                    Chaos::Cut => of(&["cable pulled", "cut off from peers"]),
                    Chaos::Drain => of(&["drain"]),
                    Chaos::Store => of(&["store refuses", "store silent"]),
                    Chaos::Redis => of(&["redis killed", "redis frozen"]),
                };
                let expected = if wished.contains(&chaos) { 4_000 * chaos.weight() / all } else { 0 };
                assert!(drawn.abs_diff(expected) < 200, "{chaos}: {drawn} of {expected}");
            }
        }
        assert_eq!(Event::draw(&chance, &BTreeSet::new()), None);
    }

    #[test]
    fn a_fault_reads_back_as_it_is_written_and_a_wrong_one_is_told_the_right_ones() {
        for chaos in Chaos::ALL {
            assert_eq!(chaos.to_string().parse(), Ok(chaos));
        }
        let told = "fire".parse::<Chaos>().unwrap_err();
        assert_eq!(told, "there is no fault `fire`: choose among kill, freeze, cut, drain, store, redis");
    }
}
