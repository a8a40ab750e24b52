//! Decides whether a shard's log is due for a snapshot. Pure.

use std::time::Duration;

/// What has come together behind the floor of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Entries behind the floor.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Documents that the shard holds.
    pub documents: u64,
    /// Documents that were deleted behind the floor: the log or the last snapshot still has them.
    pub erased: u64,
    /// How long the oldest of them has waited to vanish for good.
    pub oldest_erasure: Option<Duration>,
}

/// When a snapshot is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes behind the floor: what a node reads at most to catch up.
    pub bytes: u64,
    /// Share of documents that are dead, in percent.
    pub dead_percent: u64,
    /// A deleted document is gone from log and snapshots within this, and what the collection of garbage adds.
    pub erasure: Duration,
    /// Fewer entries than this are replayed sooner than a snapshot is written, and only an erasure is worth one.
    pub entries_min: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            dead_percent: 10,
            erasure: Duration::from_secs(24 * 3_600),
            entries_min: 1_000,
        }
    }
}

/// Whether a snapshot is due.
#[must_use]
pub fn is_due(backlog: &Backlog, limits: &Limits) -> bool {
    // Without an entry there is nothing that a new snapshot would leave out.
    if backlog.entries == 0 {
        return false;
    }
    if backlog.oldest_erasure.is_some_and(|age| age >= limits.erasure) {
        return true;
    }
    let of = u128::from(backlog.documents) + u128::from(backlog.erased);
    let is_dead =
        backlog.erased > 0 && u128::from(backlog.erased) * 100 >= of * u128::from(limits.dead_percent);
    backlog.entries >= limits.entries_min && (backlog.bytes >= limits.bytes || is_dead)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn due(change: impl FnOnce(&mut Backlog)) -> bool {
        let mut backlog = Backlog { entries: 1_000, bytes: 1 << 20, documents: 900, ..Backlog::default() };
        change(&mut backlog);
        is_due(&backlog, &Limits::default())
    }

    #[test]
    fn each_reason_alone_makes_a_snapshot_due() {
        assert!(!due(|_| ()));
        assert!(due(|b| b.bytes = 64 << 20));
        assert!(due(|b| b.erased = 100));
        assert!(!due(|b| b.erased = 99));
        assert!(due(|b| b.oldest_erasure = Some(HOUR * 24)));
        assert!(!due(|b| b.oldest_erasure = Some(HOUR * 23)));
    }

    #[test]
    fn few_entries_wait_unless_an_erasure_is_late() {
        assert!(!due(|b| (b.entries, b.bytes, b.erased) = (999, 1 << 40, 900)));
        assert!(due(|b| (b.entries, b.oldest_erasure) = (1, Some(HOUR * 25))));
        assert!(!due(|b| (b.entries, b.oldest_erasure) = (0, Some(HOUR * 25))));
    }

    fn backlogs() -> impl Strategy<Value = Backlog> {
        let hours = prop::option::of(0_u32..100);
        let number = || prop_oneof![0_u64..3_000, any::<u64>()];
        (number(), number(), number(), number(), hours).prop_map(
            |(entries, bytes, documents, erased, hours)| Backlog {
                entries,
                bytes,
                documents,
                erased,
                oldest_erasure: hours.map(|hours| HOUR * hours),
            },
        )
    }

    proptest! {
        #[test]
        fn more_of_anything_never_makes_a_due_snapshot_wait(
            backlog in backlogs(), entries in 0_u64..9, bytes in 0_u64..9, erased in 0_u64..9, hours in 0_u32..9,
        ) {
            let more = Backlog {
                entries: backlog.entries.saturating_add(entries),
                bytes: backlog.bytes.saturating_add(bytes),
                erased: backlog.erased.saturating_add(erased),
                oldest_erasure: backlog.oldest_erasure.map(|age| age + HOUR * hours),
                ..backlog
            };
            let limits = Limits::default();
            prop_assert!(!is_due(&backlog, &limits) || is_due(&more, &limits), "{:?} {:?}", backlog, more);
        }

        #[test]
        fn what_is_not_due_is_within_every_limit(backlog in backlogs()) {
            let limits = Limits::default();
            if !is_due(&backlog, &limits) && backlog.entries > 0 {
                prop_assert!(backlog.oldest_erasure.is_none_or(|age| age < limits.erasure));
                let few = backlog.entries < limits.entries_min;
                prop_assert!(few || backlog.bytes < limits.bytes);
                let all = u128::from(backlog.documents) + u128::from(backlog.erased);
                prop_assert!(few || backlog.erased == 0 || u128::from(backlog.erased) * 10 < all);
            }
        }
    }
}
