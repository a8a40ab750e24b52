//! Decides when a recurring job runs: after its pause, when somebody asks, or because the node that ran it is gone.

/// Runs of one job that may end with their node before it is let be until its next time: it may be what ends them.
pub const TRIES_MAX: u32 = 3;
/// The pause after a run that failed, unless the job's own is shorter.
pub const AGAIN_MS: u64 = 15 * 60 * 1_000;

/// What is known of a job. Times are Unix milliseconds, of whichever node wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Somebody wants it to run now.
    pub is_asked: bool,
    /// The tries of a run that has not ended.
    pub begun: Option<u32>,
    /// When its last run ended, and whether it failed.
    pub ended: Option<(u64, bool)>,
}

/// What to do about a job that this node does not run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Run it, as this try.
    Run(u32),
    /// Its runs ended with their nodes too often: note that it failed.
    GiveUp,
    /// Run it at this time.
    At(u64),
    /// It runs only when somebody asks.
    Never,
}

/// What to do at `now_ms` about a job that runs every `every_ms`, or only when somebody asks.
pub fn due(every_ms: Option<u64>, standing: &Standing, now_ms: u64) -> Due {
    if let Some(tries) = standing.begun {
        return if tries < TRIES_MAX { Due::Run(tries + 1) } else { Due::GiveUp };
    }
    if standing.is_asked {
        return Due::Run(1);
    }
    let Some(every_ms) = every_ms else { return Due::Never };
    let Some((ended_ms, has_failed)) = standing.ended else { return Due::Run(1) };
    let pause_ms = if has_failed { every_ms.min(AGAIN_MS) } else { every_ms };
    let at_ms = ended_ms.saturating_add(pause_ms);
    // A clock that was set back must not silence the job for longer than its pause.
    if at_ms <= now_ms || ended_ms > now_ms.saturating_add(every_ms) { Due::Run(1) } else { Due::At(at_ms) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_job_runs_at_first_then_after_its_pause_and_sooner_after_a_failure() {
        let hour = 3_600_000;
        let at = |standing: Standing, now_ms| due(Some(hour), &standing, now_ms);
        assert_eq!(at(Standing::default(), 5), Due::Run(1));
        let ended = |has_failed| Standing { ended: Some((1_000, has_failed)), ..Standing::default() };
        assert_eq!(at(ended(false), 1_001), Due::At(hour + 1_000));
        assert_eq!(at(ended(false), hour + 1_000), Due::Run(1));
        assert_eq!(at(ended(true), 1_001), Due::At(AGAIN_MS + 1_000));
        assert_eq!(due(None, &ended(true), u64::MAX), Due::Never);
        assert_eq!(due(None, &Standing { is_asked: true, ..ended(false) }, 0), Due::Run(1));
    }

    #[test]
    fn a_run_whose_node_is_gone_is_taken_up_and_given_up_when_it_ends_every_node() {
        let begun = |tries| Standing { begun: Some(tries), ..Standing::default() };
        assert_eq!(due(None, &begun(1), 0), Due::Run(2));
        assert_eq!(due(Some(1), &begun(TRIES_MAX), 0), Due::GiveUp);
    }

    proptest! {
        #[test]
        fn a_job_that_recurs_never_waits_longer_than_its_pause_from_now_and_the_last_run(
            every in 1_u64..1 << 40, ended in 0_u64..1 << 41, failed: bool, now in 0_u64..1 << 41,
        ) {
            let standing = Standing { ended: Some((ended, failed)), ..Standing::default() };
            match due(Some(every), &standing, now) {
                Due::At(at) => prop_assert!(at > now && at <= ended + every && at <= now + 2 * every),
                other => prop_assert_eq!(other, Due::Run(1)),
            }
        }
    }
}
