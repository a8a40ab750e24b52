//! Chance that can be repeated, recorded and changed: every draw belongs to a stream and has a number in it.
//!
//! Streams are apart from each other, so that a step that is taken out of a script does not change what the other steps
//! draw. A draw of 0 is always the plainest choice (no fault, the shortest wait, first come first served): a case keeps
//! only the draws that are not 0, and shrinking turns draws into 0.

use std::collections::BTreeMap;

use foldhash::HashMap;
use serde::{Deserialize, Serialize};

/// Who draws: a kind of choice and the one who has it, such as a store's latency for node 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stream(pub u16, pub u16);

/// The draws that were not 0, by stream and number.
pub type Draws = BTreeMap<(Stream, u32), u64>;

#[derive(Debug)]
enum Source {
    Seed(u64),
    Kept(Draws),
}

/// All chance of one run.
#[derive(Debug)]
pub struct Chances {
    source: Source,
    counts: HashMap<Stream, u32>,
    made: Option<Draws>,
}

impl Chances {
    /// The chance of a seed; `records` keeps what was drawn, for a case.
    #[must_use]
    pub fn of_seed(seed: u64, records: bool) -> Self {
        Chances { source: Source::Seed(seed), counts: HashMap::default(), made: records.then(Draws::new) }
    }

    /// The chance that was kept; what was not kept is 0.
    #[must_use]
    pub fn kept(draws: Draws) -> Self {
        Chances { source: Source::Kept(draws), counts: HashMap::default(), made: Some(Draws::new()) }
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn draw(&mut self, stream: Stream, bound: u64) -> u64 {
        let count = self.counts.entry(stream).or_insert(0);
        let number = *count;
        *count += 1;
        if bound <= 1 {
            return 0;
        }
        let drawn = match &self.source {
            Source::Seed(seed) => {
                let at = (u64::from(stream.0) << 48) | (u64::from(stream.1) << 32) | u64::from(number);
                mixed(*seed ^ mixed(at)) % bound
            }
            Source::Kept(draws) => draws.get(&(stream, number)).copied().unwrap_or(0).min(bound - 1),
        };
        if drawn > 0
            && let Some(made) = &mut self.made
        {
            made.insert((stream, number), drawn);
        }
        drawn
    }

    /// True once in `per_mille` of a thousand draws.
    pub fn once_in(&mut self, stream: Stream, per_mille: u64) -> bool {
        // The rare outcome is the high end, so that 0 is "no".
        self.draw(stream, 1_000) >= 1_000 - per_mille.min(999)
    }

    /// The draws that were not 0.
    #[must_use]
    pub fn made(&self) -> Draws {
        self.made.clone().unwrap_or_default()
    }
}

/// The finaliser of splitmix64 (Steele, Lea and Flood, 2014), behind its increment.
#[must_use]
pub fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_kept_is_drawn_again(seed: u64, asked in prop::collection::vec((0_u16..4, 0_u16..3, 1_u64..50), 0..200)) {
            let mut first = Chances::of_seed(seed, true);
            let drawn: Vec<u64> = asked.iter().map(|(a, b, bound)| first.draw(Stream(*a, *b), *bound)).collect();
            let mut again = Chances::kept(first.made());
            let repeated: Vec<u64> = asked.iter().map(|(a, b, bound)| again.draw(Stream(*a, *b), *bound)).collect();
            prop_assert_eq!(drawn, repeated);
            prop_assert_eq!(first.made(), again.made());
        }

        #[test]
        fn a_stream_is_not_changed_by_draws_of_another(seed: u64, between in 0_usize..20) {
            let (mut alone, mut beside) = (Chances::of_seed(seed, false), Chances::of_seed(seed, false));
            for _ in 0..10 {
                for _ in 0..between {
                    beside.draw(Stream(1, 1), 9);
                }
                prop_assert_eq!(alone.draw(Stream(0, 1), 1_000), beside.draw(Stream(0, 1), 1_000));
            }
        }
    }

    #[test]
    fn the_plainest_choice_is_no_fault() {
        let mut kept = Chances::kept(Draws::new());
        assert!((0..100).all(|_| !kept.once_in(Stream(0, 0), 999) && kept.draw(Stream(0, 1), 77) == 0));
    }
}
