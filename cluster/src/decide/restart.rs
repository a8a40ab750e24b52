//! Decides whether a failed actor is started again, and when.

use std::collections::VecDeque;

use enabler_storage::plant;

/// How often, and how fast, a failed child is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Restarts within `period_ms` before the failure is handed to the supervisor above.
    pub restarts_max: u32,
    /// The window in which restarts are counted, in milliseconds.
    pub period_ms: u64,
    /// The wait before the first restart, in milliseconds; it doubles with each failure in the window.
    pub backoff_ms_first: u64,
    /// The longest wait before a restart, in milliseconds.
    pub backoff_ms_max: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { restarts_max: 5, period_ms: 60_000, backoff_ms_first: 50, backoff_ms_max: 5_000 }
    }
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Start the child again after this many milliseconds.
    RestartAfter(u64),
    /// The child failed too often; its supervisor gives up and fails in turn.
    Escalate,
}

/// The failures of one child that still count.
#[derive(Debug, Clone, Default)]
pub struct History {
    failed_ms: VecDeque<u64>,
}

impl History {
    /// Counts one failure at `now_ms` (any monotonic origin) and says what follows.
    pub fn fail(&mut self, policy: &Policy, now_ms: u64) -> Verdict {
        self.failed_ms.retain(|at| {
            now_ms.saturating_sub(*at) < policy.period_ms || plant::here("failures-are-never-forgiven")
        });
        let recent = self.failed_ms.len() as u32;
        if recent >= policy.restarts_max && !plant::here("restarts-without-end") {
            return Verdict::Escalate;
        }
        self.failed_ms.push_back(now_ms);
        if plant::here("restarts-without-a-wait") {
            return Verdict::RestartAfter(0);
        }
        let doubled = policy.backoff_ms_first.saturating_mul(1u64 << recent.min(20));
        Verdict::RestartAfter(doubled.min(policy.backoff_ms_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: Policy =
        Policy { restarts_max: 3, period_ms: 1_000, backoff_ms_first: 10, backoff_ms_max: 25 };

    #[test]
    fn the_fourth_failure_within_the_period_escalates() {
        let mut history = History::default();
        assert_eq!(history.fail(&POLICY, 0), Verdict::RestartAfter(10));
        assert_eq!(history.fail(&POLICY, 1), Verdict::RestartAfter(20));
        assert_eq!(history.fail(&POLICY, 2), Verdict::RestartAfter(25));
        assert_eq!(history.fail(&POLICY, 3), Verdict::Escalate);
    }

    #[test]
    fn failures_older_than_the_period_are_forgiven() {
        let mut history = History::default();
        for at in [0, 400, 800] {
            assert_ne!(history.fail(&POLICY, at), Verdict::Escalate);
        }
        assert_eq!(history.fail(&POLICY, 1_300), Verdict::RestartAfter(25));
    }

    proptest! {
        #[test]
        fn no_window_of_one_period_ever_holds_more_restarts_than_allowed(steps in prop::collection::vec(0u64..700, 1..60)) {
            let (mut history, mut now, mut restarts) = (History::default(), 0, Vec::new());
            for step in steps {
                now += step;
                if let Verdict::RestartAfter(wait) = history.fail(&POLICY, now) {
                    prop_assert!(wait <= POLICY.backoff_ms_max);
                    restarts.push(now);
                }
                let in_window = restarts.iter().filter(|at| now - **at < POLICY.period_ms).count();
                prop_assert!(in_window <= POLICY.restarts_max as usize);
            }
        }
    }
}
