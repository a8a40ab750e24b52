//! Decides how far an index must have come before it may be read: to the end of the log as the store tells it.

use enabler_storage::plant;

/// Entries, beyond those that the index has, after which a reading looks for no more: each takes a request to the store,
/// and a node that is so far behind has just begun to follow, while the owner knows everything.
pub const LOOKS_MAX: u64 = 16;

/// What the store said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The floor of the log by its manifest: entries up to it may be gone.
    Floor(u64),
    /// There is an entry of the number that was asked for.
    There,
    /// There is none.
    Absent,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Ask the manifest for the floor.
    AskFloor,
    /// Ask whether there is an entry of this number.
    AskEntry(u64),
    /// The log ends here: an index that has applied this entry holds whatever was acknowledged before the reading began.
    End(u64),
    /// It goes on far beyond what the index has.
    FarAhead,
}

/// One search for the end of a log.
///
/// That there is no next entry says that the log has not grown only where that entry could not have been written and
/// removed since. So a search begins behind whatever an earlier one was told of, applied or not; and where the store told
/// that longer ago than entries live, the manifest is asked as well.
#[derive(Debug, Clone)]
pub struct Look {
    seen: u64,
}

impl Look {
    /// Begins a search. The index has applied entry `applied`, the log was seen to have `seen`, and `is_old` says whether
    /// entries behind that may be gone: its end was never confirmed, or longer ago than a part of the life of an entry.
    pub fn new(applied: u64, seen: u64, is_old: bool) -> (Self, Effect) {
        let look = Look { seen: if plant::here("floor-is-forgotten") { applied } else { seen.max(applied) } };
        let first =
            if is_old && !plant::here("floor-is-not-asked") { Effect::AskFloor } else { look.next(applied) };
        (look, first)
    }

    /// The last entry that the log is known to have had. Whatever comes of the search, the next one begins there.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes what the store said and says what to do next; `applied` is the entry that the index has come to meanwhile.
    pub fn step(&mut self, event: Event, applied: u64) -> Effect {
        match event {
            Event::Floor(floor) => self.seen = self.seen.max(floor),
            Event::There => self.seen += 1,
            Event::Absent => return Effect::End(self.seen),
        }
        self.seen = self.seen.max(applied);
        self.next(applied)
    }

    fn next(&self, applied: u64) -> Effect {
        match self.seen.saturating_sub(applied) {
            0..LOOKS_MAX => Effect::AskEntry(self.seen.saturating_add(1)),
            _ => Effect::FarAhead,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How long an entry lives behind a snapshot, and for how much of that a confirmation is young, in steps of a run.
    const LIFE: u64 = 40;
    const YOUNG: u64 = 5;

    /// A log of which entries vanish, and what a reader remembers of it.
    #[derive(Default)]
    struct Run {
        now: u64,
        /// When each entry was written, and when a snapshot took the place of each.
        written: Vec<u64>,
        snapshots: Vec<(u64, u64)>,
        applied: u64,
        seen: u64,
        confirmed: Option<u64>,
    }

    impl Run {
        fn floor(&self) -> u64 {
            self.snapshots.iter().map(|(_, seq)| *seq).max().unwrap_or(0)
        }

        fn is_there(&self, seq: u64) -> bool {
            let is_gone = self.snapshots.iter().any(|(at, upto)| seq <= *upto && self.now - at >= LIFE);
            seq <= self.written.len() as u64 && !is_gone
        }

        fn read(&mut self) -> Effect {
            let is_old = self.confirmed.is_none_or(|at| self.now - at >= YOUNG);
            let (mut look, mut effect) = Look::new(self.applied, self.seen, is_old);
            loop {
                let event = match effect {
                    Effect::AskFloor => Event::Floor(self.floor()),
                    Effect::AskEntry(seq) if self.is_there(seq) => Event::There,
                    Effect::AskEntry(_) => Event::Absent,
                    Effect::End(_) => {
                        self.confirmed = Some(self.now);
                        break;
                    }
                    Effect::FarAhead => break,
                };
                effect = look.step(event, self.applied);
            }
            self.seen = look.seen();
            effect
        }
    }

    proptest! {
        #[test]
        fn what_was_written_before_a_reading_is_asked_of_the_index(
            steps in prop::collection::vec((0..6_u8, 0..60_u64), 1..200),
        ) {
            let mut run = Run::default();
            for (what, number) in steps {
                match what {
                    0 | 1 => run.written.push(run.now),
                    2 => run.snapshots.push((run.now, run.written.len() as u64)),
                    3 => run.now += number,
                    // The index follows for a while, or is made anew from nothing.
                    4 => run.applied = if number == 0 { 0 } else { (run.applied + number).min(run.written.len() as u64) },
                    _ => {
                        let end = run.read();
                        let written = run.written.len() as u64;
                        prop_assert!(end == Effect::End(written) || end == Effect::FarAhead, "{end:?} of {written}");
                        prop_assert!(end != Effect::FarAhead || run.seen >= run.applied + LOOKS_MAX);
                    }
                }
            }
        }
    }

    #[test]
    fn a_floor_that_was_told_is_not_forgotten_before_the_index_has_come_to_it() {
        // Found by the simulator: the first reading waited, and the second one found that there was no entry 12.
        let (mut first, asks) = Look::new(11, 0, true);
        assert_eq!(asks, Effect::AskFloor);
        assert_eq!(first.step(Event::Floor(21), 11), Effect::AskEntry(22));
        assert_eq!(first.step(Event::Absent, 11), Effect::End(21));
        let (_, asks) = Look::new(11, first.seen(), false);
        assert_eq!(asks, Effect::AskEntry(22));
    }

    #[test]
    fn a_search_gives_up_after_few_requests() {
        let (mut look, mut effect) = Look::new(3, 0, false);
        for seq in 4..4 + LOOKS_MAX {
            assert_eq!(effect, Effect::AskEntry(seq));
            effect = look.step(Event::There, 3);
        }
        assert_eq!(effect, Effect::FarAhead);
        assert_eq!(look.seen(), 3 + LOOKS_MAX);
    }
}
