//! A shard that this node cannot hold: it says so, the others pass it over, and it tries again with back-off.

use std::time::Duration;

use enabler_cluster::actor::{Context, Fault};
use enabler_cluster::decide::claim::WHOEVER_HOLDS;
use enabler_cluster::decide::custody::Part;
use enabler_cluster::decide::restart::{History, Policy, Verdict};
use tokio::time::Instant;

use super::following::Stuck;
use super::{Message, Mode, Shard, State};

/// What helps (a disk with room, a folder that can be opened) takes a person minutes: trying costs a look at the
/// disk, and a rebuild at worst.
const POLICY: Policy =
    Policy { restarts_max: 16, period_ms: 600_000, backoff_ms_first: 1_000, backoff_ms_max: 30_000 };

/// The refusals of one shard on this node, over restarts of its actor.
#[derive(Debug)]
pub(super) struct Refusals {
    began: Instant,
    history: History,
    /// When to try again; absent while nothing is refused.
    until: Option<Instant>,
}

impl Refusals {
    pub(super) fn none() -> Self {
        Refusals { began: Instant::now(), history: History::default(), until: None }
    }

    pub(super) fn is_refused(&self) -> bool {
        self.until.is_some()
    }

    /// Whether the shard is refused and it is time to try again.
    pub(super) fn is_due(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Refuses the shard; says when to try again.
    pub(super) fn refuse(&mut self) -> Duration {
        let wait_ms = match self.history.fail(&POLICY, self.began.elapsed().as_millis() as u64) {
            Verdict::RestartAfter(wait_ms) => wait_ms,
            Verdict::Escalate => POLICY.backoff_ms_max,
        };
        let wait = Duration::from_millis(wait_ms);
        self.until = Some(Instant::now() + wait);
        wait
    }

    /// Takes the shard again; earlier refusals still count, so that one that fails at once waits longer.
    pub(super) fn relent(&mut self) {
        self.until = None;
    }
}

impl Shard {
    /// Holds nothing because of `fault`, which is this node's own and stays: the others pass it over meanwhile.
    pub(super) fn refuse(&self, context: &Context<Message>, state: &mut State, fault: &Fault) {
        context.seat().failed("claim", fault.reason.clone(), None);
        self.hold_nothing(context, state);
        let wait = self.view.refusals().refuse();
        let seconds = wait.as_secs();
        context.seat().note(format!("refuses, and tries again in {seconds} s: {fault}"));
        tracing::warn!(shard = self.number, %fault, seconds, "the shard cannot be held here");
    }

    /// Holds nothing for now: whatever stopped it passes, or counts as a refusal.
    pub(super) fn give_way(&self, context: &Context<Message>, state: &mut State, stuck: Stuck) {
        match stuck {
            Stuck::Index(fault) => self.refuse(context, state, &fault),
            Stuck::Store(fault) => {
                self.hold_nothing(context, state);
                context.seat().note(format!("rests: {fault}"));
            }
        }
    }

    fn hold_nothing(&self, context: &Context<Message>, state: &mut State) {
        self.view.set_index(None);
        self.stand(Part::None, self.view.standing().epoch);
        if let Mode::Serving(serving) = std::mem::replace(&mut state.part, Mode::Resting) {
            serving.end(context);
        }
    }

    /// Tries whether what made this node refuse the shard is over: it is when the index stands at the end of the log.
    pub(super) async fn try_again(&self, context: &Context<Message>, state: &mut State) {
        let mut following = match self.open(context, state).await {
            Ok(following) => following,
            // The store tells nothing against the index, and whatever is refused is looked at again.
            Err(Stuck::Store(fault) | Stuck::Index(fault)) => return self.refuse(context, state, &fault),
        };
        if let Err(Stuck::Index(fault)) = following.catch_up_to_the_end(self.number).await {
            drop(following);
            return match self.wipe().await {
                Ok(()) => self.refuse(context, state, &fault),
                Err(worse) => self.refuse(context, state, &worse),
            };
        }
        tracing::info!(shard = self.number, "the shard can be held here again");
        self.view.refusals().relent();
        self.stand(Part::Replica, self.view.standing().epoch);
        state.part = Mode::Following(following);
        context.seat().note("replica again");
        if self.is_alone {
            let _ = context.address().offer(Message::Claim(WHOEVER_HOLDS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_refuses_again_and_again_waits_longer_and_never_gives_up() {
        let mut refusals = Refusals::none();
        assert!(!refusals.is_refused());
        let mut waits = Vec::new();
        for _ in 0..100 {
            let wait = refusals.refuse();
            assert!(refusals.is_refused());
            tokio::time::advance(wait).await;
            refusals.relent();
            assert!(!refusals.is_refused());
            waits.push(wait.as_millis() as u64);
        }
        assert_eq!(waits[..3], [1_000, 2_000, 4_000]);
        assert!(waits.iter().all(|wait| *wait <= POLICY.backoff_ms_max));
        assert_eq!(waits[99], POLICY.backoff_ms_max);
    }
}
