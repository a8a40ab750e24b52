//! Decides which node runs the recurring work: one lease in the store, whose epoch tells each tenure from the next.

/// The lease as it stands in the store. Fields are only ever added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Raised with each new tenure.
    pub epoch: u64,
    /// The generation that holds it.
    pub holder: u128,
    /// Another one with each put of its holder, so that two puts are never taken for one.
    pub beat: u64,
    /// Whether its holder has given it up.
    pub is_free: bool,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Time has passed, or the store did not answer a reading.
    Tick,
    /// The lease was read: absent, or as it stands.
    Read(Option<Held>),
    /// What was to be put stands in the store.
    Stands,
    /// The store refused it: somebody else was faster, or the store's client had repeated a put of ours.
    Refused,
    /// Nobody knows whether it was applied.
    Unknown,
    /// This node stops.
    Leave,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Read the lease.
    Read,
    /// Create the lease, if there is none.
    Create(Held),
    /// Put this in the place of what was read or put last, if that stands still.
    Swap(Held),
    /// Nothing until the next tick.
    Rest,
}

/// A tenure of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mine {
    held: Held,
    /// When the last renewal was begun that is known to stand.
    asked_ms: u64,
}

/// One node's view of the lease. Times are those of a clock of this node that never goes back and counts its sleep; the
/// clocks of two nodes are never compared, and one may run twice as fast as the other.
#[derive(Debug, Clone)]
pub struct Tenure {
    me: u128,
    lease_ms: u64,
    mine: Option<Mine>,
    /// What was put and not yet answered, and when that was begun.
    pending: Option<(Held, u64)>,
    /// The last beat that was tried.
    tried: u64,
    /// What somebody else holds, and since when it has not changed for us.
    seen: Option<(Held, u64)>,
}

impl Tenure {
    /// The view of the generation `me`, with a lease that runs out `lease_ms` after it was seen to change last.
    pub fn new(me: u128, lease_ms: u64) -> Self {
        Tenure { me, lease_ms: lease_ms.max(2), mine: None, pending: None, tried: 0, seen: None }
    }

    /// The epoch of the tenure of this node at `now_ms`, if it has one: nobody else has one then.
    pub fn epoch(&self, now_ms: u64) -> Option<u64> {
        self.until_ms().filter(|until| now_ms < *until).and(self.mine.map(|mine| mine.held.epoch))
    }

    /// Until when this node holds the lease if it is not renewed: half of what the others wait, so that it has ended
    /// here before it has run out there, also when this node's clock runs at half the speed of theirs.
    pub fn until_ms(&self) -> Option<u64> {
        self.mine.map(|mine| mine.asked_ms.saturating_add(self.lease_ms / 2))
    }

    /// Takes what happened at `now_ms` and says what to do.
    pub fn step(&mut self, event: Event, now_ms: u64) -> Effect {
        if self.until_ms().is_some_and(|until| now_ms >= until) {
            // It slept, or the store was away. It may have lost the lease; a later tenure is another epoch.
            self.mine = None;
        }
        match event {
            Event::Tick => self.tick(now_ms),
            Event::Read(found) => self.read(found, now_ms),
            Event::Stands => {
                if let Some((held, asked_ms)) = self.pending.take() {
                    self.stands(held, asked_ms);
                }
                Effect::Rest
            }
            // What stands in the store says whether it was applied.
            Event::Refused => Effect::Read,
            Event::Unknown => Effect::Rest,
            Event::Leave => {
                let mine = self.mine.take();
                match mine {
                    Some(mine) if self.pending.is_none() => {
                        Effect::Swap(Held { beat: self.tried + 1, is_free: true, ..mine.held })
                    }
                    _ => Effect::Rest,
                }
            }
        }
    }

    fn tick(&mut self, now_ms: u64) -> Effect {
        match self.mine {
            Some(mine) if self.pending.is_none() => {
                if now_ms.saturating_sub(mine.asked_ms) < self.lease_ms / 6 {
                    return Effect::Rest;
                }
                Effect::Swap(self.puts(mine.held.epoch, now_ms))
            }
            _ => Effect::Read,
        }
    }

    fn read(&mut self, found: Option<Held>, now_ms: u64) -> Effect {
        if let Some((held, asked_ms)) = self.pending.take()
            && found == Some(held)
        {
            self.stands(held, asked_ms);
            return Effect::Rest;
        }
        let Some(found) = found else {
            self.mine = None;
            return Effect::Create(self.puts(1, now_ms));
        };
        self.tried = self.tried.max(found.beat);
        if let Some(mine) = self.mine {
            if (found.epoch, found.holder) == (mine.held.epoch, self.me) {
                return Effect::Swap(self.puts(found.epoch, now_ms));
            }
            self.mine = None;
        }
        // A tenure of our own that ran out may be followed at once, but by another one: its work has been told to stop.
        if found.is_free || found.holder == self.me {
            return Effect::Swap(self.puts(found.epoch + 1, now_ms));
        }
        match self.seen {
            Some((seen, since_ms)) if seen == found => {
                if now_ms.saturating_sub(since_ms) < self.lease_ms {
                    return Effect::Rest;
                }
                Effect::Swap(self.puts(found.epoch + 1, now_ms))
            }
            _ => {
                self.seen = Some((found, now_ms));
                Effect::Rest
            }
        }
    }

    /// What is put now; it is remembered until its answer is known.
    fn puts(&mut self, epoch: u64, now_ms: u64) -> Held {
        self.tried += 1;
        let held = Held { epoch, holder: self.me, beat: self.tried, is_free: false };
        self.pending = Some((held, now_ms));
        held
    }

    fn stands(&mut self, held: Held, asked_ms: u64) {
        self.seen = None;
        self.mine = Some(Mine { held, asked_ms });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEASE: u64 = 60;

    fn held(epoch: u64, holder: u128, beat: u64) -> Held {
        Held { epoch, holder, beat, is_free: false }
    }

    #[test]
    fn the_first_creates_and_renews_and_the_second_waits_until_it_is_silent() {
        let (mut one, mut two) = (Tenure::new(1, LEASE), Tenure::new(2, LEASE));
        assert_eq!(one.step(Event::Tick, 0), Effect::Read);
        assert_eq!(one.step(Event::Read(None), 0), Effect::Create(held(1, 1, 1)));
        assert_eq!(one.epoch(0), None);
        assert_eq!(one.step(Event::Stands, 1), Effect::Rest);
        assert_eq!((one.epoch(29), one.epoch(30)), (Some(1), None));
        assert_eq!(one.step(Event::Tick, 10), Effect::Swap(held(1, 1, 2)));
        assert_eq!(one.step(Event::Stands, 11), Effect::Rest);
        assert_eq!(one.epoch(39), Some(1));
        assert_eq!(two.step(Event::Read(Some(held(1, 1, 2))), 1_000), Effect::Rest);
        assert_eq!(two.step(Event::Read(Some(held(1, 1, 2))), 1_059), Effect::Rest);
        assert_eq!(two.step(Event::Read(Some(held(1, 1, 2))), 1_060), Effect::Swap(held(2, 2, 3)));
    }

    #[test]
    fn a_holder_that_slept_has_nothing_and_begins_another_tenure_if_nobody_has_taken_it() {
        let mut one = Tenure::new(1, LEASE);
        one.step(Event::Read(None), 0);
        one.step(Event::Stands, 0);
        assert_eq!(one.epoch(1_000), None);
        assert_eq!(one.step(Event::Tick, 1_000), Effect::Read);
        let mut fenced = one.clone();
        assert_eq!(one.step(Event::Read(Some(held(1, 1, 1))), 1_001), Effect::Swap(held(2, 1, 2)));
        assert_eq!(fenced.step(Event::Read(Some(held(2, 2, 1))), 1_001), Effect::Rest);
        assert_eq!(fenced.epoch(1_001), None);
    }

    #[test]
    fn a_put_whose_answer_was_lost_is_found_and_counts_from_when_it_was_begun() {
        let mut one = Tenure::new(1, LEASE);
        one.step(Event::Read(None), 5);
        assert_eq!(one.step(Event::Unknown, 20), Effect::Rest);
        assert_eq!(one.step(Event::Tick, 21), Effect::Read);
        assert_eq!(one.step(Event::Read(Some(held(1, 1, 1))), 22), Effect::Rest);
        assert_eq!((one.epoch(34), one.epoch(35)), (Some(1), None));
    }

    #[test]
    fn what_is_given_up_is_taken_at_once() {
        let (mut one, mut two) = (Tenure::new(1, LEASE), Tenure::new(2, LEASE));
        one.step(Event::Read(None), 0);
        one.step(Event::Stands, 0);
        let free = Held { is_free: true, ..held(1, 1, 2) };
        assert_eq!(one.step(Event::Leave, 1), Effect::Swap(free));
        assert_eq!(one.epoch(1), None);
        assert_eq!(two.step(Event::Read(Some(free)), 1), Effect::Swap(held(2, 2, 3)));
    }

    /// A node of the trial: its clock, what it is about to do, and when it goes on.
    struct Node {
        tenure: Tenure,
        /// Per cent of the true speed, and how far it is off.
        speed: u64,
        offset: u64,
        /// What it has read or put last: the version that a swap names.
        version: u64,
        doing: Doing,
        wakes: u64,
    }

    #[derive(Clone, Copy)]
    enum Doing {
        Ticking,
        /// An effect that reaches the store when the node wakes.
        Asking(Effect),
        /// An answer that reaches the node when it wakes.
        Hearing(Event),
    }

    impl Node {
        fn now(&self, at: u64) -> u64 {
            self.offset + at * self.speed / 100
        }
    }

    proptest! {
        #[test]
        fn two_never_hold_it_at_once_and_epochs_only_rise(
            speeds in prop::collection::vec((75_u64..=133, 0_u64..10_000), 3),
            // How long each step of the way takes: mostly little, sometimes longer than the lease.
            waits in prop::collection::vec(prop_oneof![8 => 0_u64..8, 2 => 8_u64..40, 1 => 40_u64..400], 400),
            lost in prop::collection::vec(prop::bool::weighted(0.1), 400),
        ) {
            let mut store: (u64, Option<Held>) = (0, None);
            let mut nodes: Vec<Node> = speeds.iter().enumerate().map(|(number, (speed, offset))| Node {
                tenure: Tenure::new(number as u128 + 1, LEASE),
                speed: *speed, offset: *offset, version: 0, doing: Doing::Ticking, wakes: number as u64,
            }).collect();
            let (mut draws, mut highest) = (waits.iter().zip(&lost), 0);
            'trial: for at in 0..4_000_u64 {
                for node in &mut nodes {
                    if node.wakes > at {
                        continue;
                    }
                    let Some((wait, lost)) = draws.next() else { break 'trial };
                    let now = node.now(at);
                    node.doing = match node.doing {
                        Doing::Ticking => Doing::Asking(node.tenure.step(Event::Tick, now)),
                        Doing::Hearing(event) => Doing::Asking(node.tenure.step(event, now)),
                        Doing::Asking(Effect::Rest) => Doing::Ticking,
                        Doing::Asking(Effect::Read) => {
                            node.version = store.0;
                            Doing::Hearing(Event::Read(store.1))
                        }
                        Doing::Asking(Effect::Create(held) | Effect::Swap(held)) => {
                            let stands = node.version == store.0;
                            if stands {
                                prop_assert!(held.epoch >= highest, "epoch {} after {highest}", held.epoch);
                                highest = held.epoch;
                                store = (store.0 + 1, Some(held));
                            }
                            if *lost {
                                Doing::Hearing(Event::Unknown)
                            } else {
                                node.version = if stands { store.0 } else { node.version };
                                Doing::Hearing(if stands { Event::Stands } else { Event::Refused })
                            }
                        }
                    };
                    node.wakes = at + 1 + wait;
                }
                let holding: Vec<_> = nodes.iter().filter_map(|node| node.tenure.epoch(node.now(at))).collect();
                prop_assert!(holding.len() <= 1, "at {at} there are {holding:?}");
            }
        }

        #[test]
        fn somebody_holds_it_again_when_its_holder_is_gone(offsets in prop::collection::vec(0_u64..10_000, 2)) {
            let (mut other, offset) = (Tenure::new(9, LEASE), offsets[0] + offsets[1]);
            let gone = Some(held(4, 1, 7));
            let mut taken = None;
            for at in 0..LEASE + 2 {
                if let Effect::Swap(held) = other.step(Event::Read(gone), offset + at) {
                    other.step(Event::Stands, offset + at);
                    taken = other.epoch(offset + at);
                    prop_assert_eq!(held.epoch, 5);
                    break;
                }
            }
            prop_assert_eq!(taken, Some(5));
        }
    }
}
