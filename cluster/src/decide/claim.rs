//! Decides how a node becomes the owner of a shard: raise the epoch, replay, fence, serve.

use enabler_storage::plant;

/// Attempts to raise the epoch before the claim is given up: more rivals than that means a broken placement.
const SWAPS_MAX: u32 = 16;

/// The manifest as far as a claim looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The epoch.
    pub epoch: u64,
    /// The owner's writer id.
    pub writer: u128,
}

/// What the store said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The manifest was read: absent, or held by someone.
    Manifest(Option<Held>),
    /// The manifest was created or swapped.
    Swapped,
    /// Somebody else was faster.
    Lost,
    /// Nobody knows whether the swap was applied.
    Unknown,
    /// The log was replayed; the next free sequence number.
    Replayed(u64),
    /// The fence entry is in the log.
    Fenced,
    /// Another entry holds the fence's number: replay again.
    Overtaken,
    /// A later epoch is in the log.
    Superseded(u64),
    /// The store could not be read or written at all.
    Unavailable,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Read the manifest.
    ReadManifest,
    /// Create the manifest with this epoch, if absent.
    Create(u64),
    /// Swap the manifest that was read last for this epoch.
    Swap(u64),
    /// Replay the log.
    Replay,
    /// Replay the log up to this entry, behind which nothing is looked for.
    ReplayTo(u64),
    /// Put the fence entry at this sequence number.
    Fence(u64),
    /// Serve: the shard is ours under this epoch.
    Serve(u64),
    /// Give up; somebody else owns it under at least this epoch.
    Yield(u64),
    /// Give up; the store is out of reach.
    Fail,
}

/// The latest epoch that a claim may end, where it may end any.
pub const WHOEVER_HOLDS: u64 = u64::MAX;

/// One claim.
#[derive(Debug, Clone)]
pub struct Claim {
    writer: u128,
    epoch_max: u64,
    /// The last entry of the owner before, which handed the shard over and writes no more.
    ended: Option<u64>,
    epoch: u64,
    swaps: u32,
    pending: bool,
}

impl Claim {
    /// Begins a claim; `writer` must be new: it tells this ownership from every other one.
    ///
    /// An ownership that is later than `epoch_max` is left alone: between the decision to claim and the claim may lie an
    /// actor that was busy, and whoever has taken the shard meanwhile lives.
    pub fn new(writer: u128, epoch_max: u64) -> (Self, Effect) {
        let epoch_max = if plant::here("claim-is-never-late") { WHOEVER_HOLDS } else { epoch_max };
        (Claim { writer, epoch_max, ended: None, epoch: 0, swaps: 0, pending: false }, Effect::ReadManifest)
    }

    /// Takes up an ownership that stands in the manifest already, with everything up to entry `known` applied.
    ///
    /// Where the owner before says which entry was its last one, `ended`, no fence is needed: it has written everything that
    /// it will ever write. If it does not say, the log is read no further: if it has grown since, the fence is refused and
    /// the rest is replayed.
    pub fn granted(writer: u128, epoch: u64, known: u64, ended: Option<u64>) -> (Self, Effect) {
        let claim = Claim { writer, epoch_max: WHOEVER_HOLDS, ended, epoch, swaps: 0, pending: false };
        let first = match ended {
            Some(ended) if ended == known => Effect::Serve(epoch),
            Some(ended) if ended > known => Effect::ReplayTo(ended),
            _ => Effect::Fence(known + 1),
        };
        (claim, first)
    }

    /// As [`Claim::granted`], where it was tried before: the first fence may stand in the log.
    pub fn granted_again(writer: u128, epoch: u64) -> (Self, Effect) {
        let claim = Claim { writer, epoch_max: WHOEVER_HOLDS, ended: None, epoch, swaps: 0, pending: false };
        (claim, Effect::Replay)
    }

    /// The epoch that was last asked for; ours once the claim serves.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Takes what the store said and says what to do next.
    pub fn step(&mut self, event: Event) -> Effect {
        match event {
            // The manifest itself says whether a swap was applied: its answer may be lost, and a refusal may be that of a
            // repetition by the store's client.
            Event::Manifest(Some(held)) if self.pending && held.writer == self.writer => self.won(held.epoch),
            Event::Manifest(held) => self.raise(held),
            Event::Swapped => self.won(self.epoch),
            Event::Lost if plant::here("lost-swap-is-won") => self.won(self.epoch),
            Event::Unknown if plant::here("unknown-swap-is-won") => self.won(self.epoch),
            Event::Lost | Event::Unknown => {
                self.pending = true;
                Effect::ReadManifest
            }
            Event::Replayed(next) if self.ended.is_some_and(|ended| next == ended + 1) => {
                Effect::Serve(self.epoch)
            }
            Event::Replayed(next) => Effect::Fence(next),
            Event::Fenced => Effect::Serve(self.epoch),
            Event::Overtaken => Effect::Replay,
            Event::Superseded(epoch) => Effect::Yield(epoch),
            Event::Unavailable => Effect::Fail,
        }
    }

    fn raise(&mut self, held: Option<Held>) -> Effect {
        let epoch = held.map_or(0, |held| held.epoch);
        // Whoever was faster lives: taking the shard from it again would only move it twice.
        let is_lost = epoch > self.epoch_max || self.swaps > 0 && epoch >= self.epoch;
        if is_lost || self.swaps >= SWAPS_MAX {
            return Effect::Yield(epoch);
        }
        self.swaps += 1;
        self.epoch = if plant::here("claim-keeps-the-epoch") { epoch.max(1) } else { epoch + 1 };
        if held.is_some() { Effect::Swap(self.epoch) } else { Effect::Create(self.epoch) }
    }

    fn won(&mut self, epoch: u64) -> Effect {
        self.pending = false;
        self.epoch = epoch;
        Effect::Replay
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fresh_shard_is_created_replayed_fenced_and_served() {
        let (mut claim, first) = Claim::new(1, 0);
        assert_eq!(first, Effect::ReadManifest);
        assert_eq!(claim.step(Event::Manifest(None)), Effect::Create(1));
        assert_eq!(claim.step(Event::Swapped), Effect::Replay);
        assert_eq!(claim.step(Event::Replayed(0)), Effect::Fence(0));
        assert_eq!(claim.step(Event::Fenced), Effect::Serve(1));
    }

    #[test]
    fn a_shard_that_is_handed_over_is_fenced_at_once_and_replayed_only_if_its_log_has_grown() {
        let (mut claim, first) = Claim::granted(1, 4, 6, None);
        assert_eq!(first, Effect::Fence(7));
        assert_eq!(claim.clone().step(Event::Fenced), Effect::Serve(4));
        assert_eq!(claim.step(Event::Overtaken), Effect::Replay);
        assert_eq!(claim.step(Event::Replayed(8)), Effect::Fence(8));
        assert_eq!(claim.step(Event::Fenced), Effect::Serve(4));
        assert_eq!(Claim::granted_again(1, 4).1, Effect::Replay);
    }

    #[test]
    fn who_knows_every_entry_of_an_owner_that_has_ended_serves_without_a_fence() {
        assert_eq!(Claim::granted(1, 4, 6, Some(6)).1, Effect::Serve(4));
        let (mut claim, first) = Claim::granted(1, 4, 6, Some(8));
        assert_eq!(first, Effect::ReplayTo(8));
        assert_eq!(claim.clone().step(Event::Replayed(9)), Effect::Serve(4));
        // Somebody has written behind it.
        assert_eq!(claim.step(Event::Replayed(10)), Effect::Fence(10));
        assert_eq!(Claim::granted(1, 4, 9, Some(8)).1, Effect::Fence(10));
    }

    #[test]
    fn a_swap_whose_answer_was_lost_is_found_in_the_manifest() {
        let (mut claim, _) = Claim::new(9, 4);
        claim.step(Event::Manifest(Some(Held { epoch: 4, writer: 2 })));
        assert_eq!(claim.step(Event::Unknown), Effect::ReadManifest);
        assert_eq!(claim.step(Event::Manifest(Some(Held { epoch: 5, writer: 9 }))), Effect::Replay);
        assert_eq!(claim.step(Event::Replayed(3)), Effect::Fence(3));
        assert_eq!(claim.step(Event::Fenced), Effect::Serve(5));
    }

    #[test]
    fn a_lost_swap_is_never_mistaken_for_ours() {
        let (mut claim, _) = Claim::new(9, 4);
        claim.step(Event::Manifest(Some(Held { epoch: 4, writer: 2 })));
        claim.step(Event::Unknown);
        assert_eq!(claim.step(Event::Manifest(Some(Held { epoch: 5, writer: 3 }))), Effect::Yield(5));
    }

    #[test]
    fn who_has_taken_the_shard_since_the_claim_was_decided_keeps_it() {
        let (mut claim, _) = Claim::new(9, 4);
        assert_eq!(claim.step(Event::Manifest(Some(Held { epoch: 5, writer: 2 }))), Effect::Yield(5));
    }

    #[test]
    fn a_swap_that_was_not_applied_is_tried_again_under_the_same_epoch() {
        let (mut claim, _) = Claim::new(9, 4);
        let held = Some(Held { epoch: 4, writer: 2 });
        claim.step(Event::Manifest(held));
        claim.step(Event::Unknown);
        assert_eq!(claim.step(Event::Manifest(held)), Effect::Swap(5));
    }

    #[test]
    fn the_refusal_of_a_repetition_is_no_refusal_of_the_swap() {
        let (mut claim, _) = Claim::new(9, 4);
        claim.step(Event::Manifest(Some(Held { epoch: 4, writer: 2 })));
        assert_eq!(claim.step(Event::Lost), Effect::ReadManifest);
        assert_eq!(claim.step(Event::Manifest(Some(Held { epoch: 5, writer: 9 }))), Effect::Replay);
    }

    /// The store of the rivalry below: one manifest; a swap is tagged with what its claimant read.
    #[derive(Default)]
    struct Manifest(Option<Held>);

    proptest! {
        #[test]
        fn rivals_never_serve_one_epoch_twice(order in prop::collection::vec((0usize..3, any::<bool>()), 1..200)) {
            let mut store = Manifest::default();
            let mut rivals: Vec<_> = (1..=3u128).map(|writer| {
                let (claim, effect) = Claim::new(writer, WHOEVER_HOLDS);
                (writer, claim, effect, None::<Held>)
            }).collect();
            let mut served = std::collections::BTreeSet::new();
            for (who, answer_lost) in order {
                let (writer, claim, effect, seen) = &mut rivals[who];
                let event = match *effect {
                    Effect::ReadManifest => { *seen = store.0; Event::Manifest(store.0) }
                    Effect::Create(epoch) | Effect::Swap(epoch) if store.0 == *seen => {
                        store.0 = Some(Held { epoch, writer: *writer });
                        if answer_lost { Event::Unknown } else { Event::Swapped }
                    }
                    Effect::Create(_) | Effect::Swap(_) => if answer_lost { Event::Unknown } else { Event::Lost },
                    Effect::Replay | Effect::ReplayTo(_) => Event::Replayed(0),
                    Effect::Fence(_) => Event::Fenced,
                    Effect::Serve(epoch) => {
                        prop_assert!(served.insert(epoch), "epoch {} served twice", epoch);
                        let (fresh, first) = Claim::new(*writer + 100 * served.len() as u128, WHOEVER_HOLDS);
                        *writer += 100 * served.len() as u128;
                        *claim = fresh;
                        *effect = first;
                        continue;
                    }
                    Effect::Yield(_) | Effect::Fail => continue,
                };
                *effect = claim.step(event);
            }
        }
    }
}
