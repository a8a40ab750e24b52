//! What readers saw, so that a value which was computed before a deletion is not kept after it.
//!
//! A value is computed between a `get` that misses and a `put`. The generations that the `get` saw are remembered by
//! key, and the `put` is judged by them. Deletions on this node are remembered too, for what is held in its memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use enabler_storage::cache::Group;
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Moka;
use tokio::time::Instant;

use crate::names::Generations;

/// How long a computation may take: after that a key's older reader is taken to have given up.
pub(crate) const COMPUTED_WITHIN: Duration = Duration::from_secs(600);

/// Keys remembered, about 16 MB at most; the one read longest ago goes first. A key that is not remembered is put
/// under the generations of that moment, as if it had been computed in it.
const KEYS_MAX: u64 = 65_536;

/// Deletions remembered; more than that within ten minutes are answered for by their generations alone.
const DELETIONS_MAX: u64 = 65_536;

/// What the readers of a key saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The generations seen by the oldest reader that may still be computing; `None` if the Redis was away.
    pub(crate) seen: Option<Generations>,
    /// How many deletions this node had begun by then.
    pub(crate) deletions: u64,
    /// When other generations were first seen.
    changed_at: Option<Duration>,
}

impl Mark {
    /// The mark of a first reader.
    pub(crate) const fn new(seen: Option<Generations>, deletions: u64) -> Self {
        Self { seen, deletions, changed_at: None }
    }

    /// The mark after one more reader at `now`. The oldest reader counts until it must have given up.
    pub(crate) fn and(self, later: Self, now: Duration) -> Self {
        match (self.seen, later.seen) {
            (None, _) => Self { deletions: self.deletions, ..later },
            (_, None) => self,
            (Some(before), Some(present)) if before == present => Self { changed_at: None, ..self },
            (Some(_), Some(_)) => match self.changed_at {
                Some(at) if now.saturating_sub(at) >= COMPUTED_WITHIN => later,
                Some(_) => self,
                None => Self { changed_at: Some(now), ..self },
            },
        }
    }
}

/// The marks of all keys and the deletions of this node.
pub(crate) struct Marks {
    keys: Moka<String, Mark>,
    /// The number of a deletion, by its prefix.
    deleted: Moka<String, u64>,
    deletions: AtomicU64,
    began: Instant,
}

impl Marks {
    pub(crate) fn new() -> Self {
        let keys = Moka::builder().max_capacity(KEYS_MAX).eviction_policy(EvictionPolicy::lru());
        let deleted = Moka::builder().max_capacity(DELETIONS_MAX).eviction_policy(EvictionPolicy::lru());
        Self {
            keys: keys.time_to_live(COMPUTED_WITHIN).build(),
            deleted: deleted.time_to_live(COMPUTED_WITHIN).build(),
            deletions: AtomicU64::new(0),
            began: Instant::now(),
        }
    }

    /// Deletions begun so far.
    pub(crate) fn deletions(&self) -> u64 {
        self.deletions.load(Ordering::SeqCst)
    }

    /// Notes that the group or the tenant `prefix` is being deleted.
    pub(crate) fn delete(&self, prefix: &str) {
        // Set before the number is raised, so that whoever reads the new number also finds the deletion.
        let number = self.deletions.load(Ordering::SeqCst) + 1;
        self.deleted.insert(prefix.to_owned(), number);
        self.deletions.fetch_max(number, Ordering::SeqCst);
    }

    /// Whether this node began to delete what holds `group` after it had begun `deletions`.
    pub(crate) fn deleted_since(&self, group: &Group<'_>, deletions: u64) -> bool {
        let since = |prefix| self.deleted.get(prefix).is_some_and(|number| number > deletions);
        self.deletions() > deletions && (since(group.prefix) || since(group.tenant))
    }

    /// Notes what a reader of `key` saw.
    pub(crate) fn read(&self, key: &str, seen: Option<Generations>, deletions: u64) {
        let later = Mark::new(seen, deletions);
        let now = self.began.elapsed();
        self.keys
            .entry_by_ref(key)
            .and_upsert_with(|held| held.map_or(later, |held| held.into_value().and(later, now)));
    }

    /// What the readers of `key` saw.
    pub(crate) fn of(&self, key: &str) -> Option<Mark> {
        self.keys.get(key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn generations(group: u64) -> Option<Generations> {
        Some(Generations { tenant: 1, group })
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_oldest_reader_counts_until_it_must_have_given_up() {
        let first = Mark::new(generations(1), 0);
        let noticed = first.and(Mark::new(generations(2), 1), SECOND);
        assert_eq!(noticed.seen, generations(1));
        let soon = noticed.and(Mark::new(generations(2), 1), COMPUTED_WITHIN);
        assert_eq!(soon.seen, generations(1));
        let late = soon.and(Mark::new(generations(2), 1), COMPUTED_WITHIN + SECOND);
        assert_eq!((late.seen, late.deletions), (generations(2), 1));
    }

    #[test]
    fn what_was_read_during_an_outage_takes_the_first_generations_seen() {
        let outage = Mark::new(None, 3);
        let after = outage.and(Mark::new(generations(2), 5), SECOND);
        assert_eq!((after.seen, after.deletions), (generations(2), 3));
        assert_eq!(after.and(outage, SECOND), after);
    }

    #[test]
    fn a_deletion_reaches_its_group_and_its_tenant_alone() {
        let marks = Marks::new();
        let group = |tenant, prefix| Group { tenant, prefix, name: "x", ttl_max: SECOND, changes: false };
        let (one, two, other) = (group("t:", "t:one:"), group("t:", "t:two:"), group("u:", "u:one:"));
        let before = marks.deletions();
        assert!(!marks.deleted_since(&one, before));
        marks.delete("t:one:");
        assert!(marks.deleted_since(&one, before) && !marks.deleted_since(&two, before));
        assert!(!marks.deleted_since(&one, marks.deletions()));
        marks.delete("t:");
        assert!(marks.deleted_since(&two, before) && !marks.deleted_since(&other, before));
    }

    proptest! {
        #[test]
        fn no_later_reader_within_the_time_of_a_computation_changes_what_the_first_saw(
            readers in prop::collection::vec((0_u64..4, 0_u64..600), 0..50),
        ) {
            let first = Mark::new(generations(9), 0);
            let (mut mark, mut now) = (first, Duration::ZERO);
            for (group, seconds) in readers {
                now = Duration::from_secs(seconds).max(now);
                mark = mark.and(Mark::new(generations(group), 1), now);
                prop_assert_eq!(mark.seen, first.seen);
            }
        }
    }
}
