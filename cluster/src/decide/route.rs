//! Decides what a caller does after each try to reach a shard, and which of several nodes gets a piece of work.

use enabler_storage::plant;

/// Redirects that are followed at once; more than that means that the nodes disagree, and waiting helps.
const REDIRECTS_MAX: u32 = 3;
/// The first wait; it doubles up to [`WAIT_MS_MAX`].
const WAIT_MS_FIRST: u64 = 20;
/// The longest wait: a shard that moves is back within a few hundred milliseconds.
const WAIT_MS_MAX: u64 = 200;
/// Failures on the way to the owner after which a question goes to a replica instead.
const BEFORE_REPLICA: u32 = 2;

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// The node answered that it is not the owner; whether it named another.
    NotOwner {
        /// Whether it named another node.
        hint: bool,
    },
    /// Nothing was sent: no owner is known, there is no link, or the node has too much to do.
    NotSent,
    /// It was sent and no answer came.
    Unknown,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask the owner, as far as it is known now, after this many milliseconds.
    Owner {
        /// The wait.
        after_ms: u64,
    },
    /// Ask a replica, or the owner if there is none.
    Replica,
}

/// The tries of one request. The request's own deadline ends them.
#[derive(Debug, Clone, Default)]
pub struct Route {
    redirects: u32,
    failures: u32,
}

impl Route {
    /// What to do after a try that ended so; `is_read` if a replica may answer.
    ///
    /// Every request can be repeated: uploads are told apart by their content, deletions are final.
    pub fn step(&mut self, tried: Tried, is_read: bool) -> Next {
        if tried == (Tried::NotOwner { hint: true }) && self.redirects < REDIRECTS_MAX {
            self.redirects += 1;
            return Next::Owner { after_ms: 0 };
        }
        self.failures += 1;
        // Every other time, so that the owner's return is noticed.
        if (is_read || plant::here("write-goes-to-a-replica"))
            && self.failures >= BEFORE_REPLICA
            && self.failures.is_multiple_of(2)
        {
            return Next::Replica;
        }
        if plant::here("tries-again-without-a-wait") {
            return Next::Owner { after_ms: 0 };
        }
        Next::Owner { after_ms: (WAIT_MS_FIRST << self.failures.min(8)).min(WAIT_MS_MAX) }
    }
}

/// A node that could do a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worker {
    /// Pieces that wait there.
    pub waiting: u32,
    /// Pieces that it does at one time, at least 1.
    pub width: u32,
    /// Whether it is this node: no bytes travel.
    pub is_here: bool,
}

/// The worker that gets the next piece: the least loaded for its width, of equals this node, of others the `spin`-th.
#[must_use]
pub fn pick(workers: &[Worker], spin: usize) -> Option<usize> {
    let load = |worker: &Worker| u64::from(worker.waiting) * 1_000 / u64::from(worker.width.max(1));
    let least = workers.iter().map(load).min()?;
    let best: Vec<usize> = (0..workers.len())
        .filter(|number| workers.get(*number).is_some_and(|worker| load(worker) == least))
        .collect();
    let here = best.iter().find(|number| workers.get(**number).is_some_and(|worker| worker.is_here));
    here.or_else(|| best.get(spin % best.len().max(1))).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_redirect_is_followed_at_once_and_a_circle_is_left() {
        let mut route = Route::default();
        for _ in 0..REDIRECTS_MAX {
            assert_eq!(route.step(Tried::NotOwner { hint: true }, false), Next::Owner { after_ms: 0 });
        }
        assert!(
            matches!(route.step(Tried::NotOwner { hint: true }, false), Next::Owner { after_ms } if after_ms > 0)
        );
    }

    #[test]
    fn a_read_turns_to_a_replica_and_a_write_never_does() {
        let (mut read, mut write) = (Route::default(), Route::default());
        let reads: Vec<_> = (0..4).map(|_| read.step(Tried::NotSent, true)).collect();
        assert!(reads.contains(&Next::Replica) && reads.iter().any(|next| *next != Next::Replica));
        assert!((0..20).all(|_| write.step(Tried::Unknown, false) != Next::Replica));
    }

    #[test]
    fn work_stays_here_unless_another_node_has_less_to_do() {
        let here = Worker { waiting: 1, width: 1, is_here: true };
        let there = Worker { waiting: 1, width: 1, is_here: false };
        assert_eq!(pick(&[there, here], 5), Some(1));
        assert_eq!(pick(&[Worker { width: 4, ..there }, here], 5), Some(0));
        assert_eq!(pick(&[], 0), None);
    }

    proptest! {
        #[test]
        fn nobody_with_less_to_do_is_passed_over(
            loads in prop::collection::vec((0_u32..50, 0_u32..5, any::<bool>()), 1..6), spin: usize,
        ) {
            let workers: Vec<_> =
                loads.into_iter().map(|(waiting, width, is_here)| Worker { waiting, width, is_here }).collect();
            let chosen = workers[pick(&workers, spin).unwrap()];
            let load = |worker: &Worker| u64::from(worker.waiting) * 1_000 / u64::from(worker.width.max(1));
            prop_assert!(workers.iter().all(|worker| load(worker) >= load(&chosen)));
        }

        #[test]
        fn waits_are_bounded(failures in 0_usize..100) {
            let mut route = Route::default();
            for _ in 0..failures {
                if let Next::Owner { after_ms } = route.step(Tried::NotSent, false) {
                    prop_assert!(after_ms <= WAIT_MS_MAX);
                }
            }
        }
    }
}
