//! Decides what an owner does to put one entry into its shard log, and what it may say about it.
//!
//! A put has three outcomes. `Refused` is not yet "fenced", and `Unknown` is neither success nor failure: both
//! are read back and compared by writer and nonce before the owner speaks.

use enabler_storage::plant;

/// Read-backs of an unknown outcome before the owner gives up; with the doubling wait this is about 25 s.
const READS_MAX: u32 = 9;
/// The same for a fence, of which nobody waits to hear: a claim that fails within two seconds can be made anew.
const READS_OF_A_FENCE_MAX: u32 = 5;
/// The first wait before an unknown outcome is read back again, in milliseconds.
const WAIT_MS_FIRST: u64 = 50;

/// Who wrote an entry, under which epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// The epoch of the writer's ownership.
    pub epoch: u64,
    /// The writer's own id, new for each ownership.
    pub writer: u128,
    /// New for each entry.
    pub nonce: u128,
}

/// What the store said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The put was applied.
    Applied,
    /// An entry was there already.
    Refused,
    /// Nobody knows (time-out, reset, server error).
    Unknown,
    /// The read-back found this entry.
    Found(Author),
    /// The read-back found no entry.
    Absent,
    /// The read-back failed.
    Unreadable,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Put the entry's bytes, the same ones each time, at its sequence number.
    Put,
    /// Wait this many milliseconds, then read the sequence number back.
    ReadAfter(u64),
    /// It is decided.
    Done(Outcome),
}

/// What became of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log: acknowledge.
    Acknowledged,
    /// A later owner has the shard: step down, acknowledge nothing.
    Fenced {
        /// The epoch that took over.
        epoch: u64,
    },
    /// An earlier owner's late entry holds the number: apply it, then append at the next one.
    Overtaken,
    /// Another writer in the same epoch: ownership is broken, stop the shard.
    Split {
        /// The other writer.
        writer: u128,
    },
    /// The store did not tell in time: say nothing, claim the shard anew and look.
    Undecided,
}

/// One entry on its way into the log.
#[derive(Debug, Clone)]
pub struct Append {
    me: Author,
    reads: u32,
    reads_max: u32,
}

impl Append {
    /// Begins: the first effect is always [`Effect::Put`].
    pub fn new(me: Author) -> (Self, Effect) {
        (Append { me, reads: 0, reads_max: READS_MAX }, Effect::Put)
    }

    /// Begins the entry with which an ownership begins.
    pub fn fence(me: Author) -> (Self, Effect) {
        (Append { me, reads: 0, reads_max: READS_OF_A_FENCE_MAX }, Effect::Put)
    }

    /// Takes what the store said and says what to do next.
    pub fn step(&mut self, event: Event) -> Effect {
        match event {
            Event::Applied => Effect::Done(Outcome::Acknowledged),
            Event::Refused if plant::here("refusal-is-done") => Effect::Done(Outcome::Acknowledged),
            Event::Refused if plant::here("refusal-is-a-fence") => {
                Effect::Done(Outcome::Fenced { epoch: self.me.epoch + 1 })
            }
            Event::Unknown if plant::here("unknown-is-done") => Effect::Done(Outcome::Acknowledged),
            Event::Unknown if plant::here("unknown-goes-to-the-next-number") => {
                Effect::Done(Outcome::Overtaken)
            }
            Event::Refused => self.read(0),
            Event::Unknown | Event::Unreadable => self.read(WAIT_MS_FIRST << self.reads.min(8)),
            Event::Absent => {
                if self.reads >= self.reads_max {
                    return Effect::Done(Outcome::Undecided);
                }
                Effect::Put
            }
            Event::Found(author) => Effect::Done(self.compare(author)),
        }
    }

    fn read(&mut self, wait_ms: u64) -> Effect {
        if self.reads >= self.reads_max {
            return Effect::Done(Outcome::Undecided);
        }
        self.reads += 1;
        Effect::ReadAfter(wait_ms)
    }

    fn compare(&self, found: Author) -> Outcome {
        if found == self.me || plant::here("whatever-is-found-is-ours") {
            Outcome::Acknowledged
        } else if found.epoch > self.me.epoch {
            Outcome::Fenced { epoch: found.epoch }
        } else if found.epoch < self.me.epoch {
            Outcome::Overtaken
        } else {
            Outcome::Split { writer: found.writer }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ME: Author = Author { epoch: 3, writer: 7, nonce: 11 };

    fn decide(events: &[Event]) -> Effect {
        let (mut append, mut effect) = Append::new(ME);
        for event in events {
            effect = append.step(*event);
        }
        effect
    }

    #[test]
    fn our_own_entry_behind_a_lost_answer_is_acknowledged() {
        assert_eq!(decide(&[Event::Unknown, Event::Found(ME)]), Effect::Done(Outcome::Acknowledged));
        assert_eq!(decide(&[Event::Refused, Event::Found(ME)]), Effect::Done(Outcome::Acknowledged));
    }

    #[test]
    fn a_refusal_alone_is_not_yet_fenced() {
        assert_eq!(decide(&[Event::Refused]), Effect::ReadAfter(0));
    }

    #[test]
    fn a_later_epoch_fences_and_an_earlier_one_only_overtakes() {
        let later = Author { epoch: 4, ..ME };
        let earlier = Author { epoch: 2, ..ME };
        let fenced = Effect::Done(Outcome::Fenced { epoch: 4 });
        assert_eq!(decide(&[Event::Refused, Event::Found(later)]), fenced);
        assert_eq!(decide(&[Event::Refused, Event::Found(earlier)]), Effect::Done(Outcome::Overtaken));
    }

    #[test]
    fn an_absent_entry_is_put_again_at_the_same_number() {
        assert_eq!(decide(&[Event::Unknown, Event::Absent]), Effect::Put);
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(Event::Refused),
            Just(Event::Unknown),
            Just(Event::Absent),
            Just(Event::Unreadable),
            Just(Event::Found(Author { epoch: 4, ..ME })),
        ]
    }

    proptest! {
        #[test]
        fn nothing_is_acknowledged_that_was_neither_applied_nor_found(events in prop::collection::vec(event(), 0..60)) {
            let (mut append, _) = Append::new(ME);
            for event in events {
                if let Effect::Done(outcome) = append.step(event) {
                    prop_assert_ne!(outcome, Outcome::Acknowledged);
                    break;
                }
            }
        }

        #[test]
        fn a_silent_store_is_given_up_after_a_bounded_number_of_steps(absent in prop::collection::vec(any::<bool>(), 64)) {
            let (mut append, mut effect) = Append::new(ME);
            for flip in absent {
                effect = append.step(match effect {
                    Effect::Put => Event::Unknown,
                    _ if flip => Event::Absent,
                    _ => Event::Unreadable,
                });
                if let Effect::Done(outcome) = effect {
                    prop_assert_eq!(outcome, Outcome::Undecided);
                    return Ok(());
                }
            }
            prop_assert!(false, "never gave up: {:?}", effect);
        }
    }
}
