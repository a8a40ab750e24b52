//! Everything that is drawn, from one seed: each draw by its label and its place in the row of that label's draws, so
//! that one more draw of one kind does not change all others.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The dice of a run.
#[derive(Debug)]
pub(crate) struct Dice {
    seed: u64,
    drawn: Mutex<BTreeMap<String, u64>>,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice { seed, drawn: Mutex::default() }
    }

    /// The next number of `label`.
    pub(crate) fn draw(&self, label: &str) -> u64 {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match drawn.get_mut(label) {
            Some(place) => {
                *place += 1;
                *place
            }
            None => *drawn.entry(label.to_owned()).or_insert(0),
        };
        mix(mix(hash(self.seed, label.as_bytes())) ^ place)
    }

    /// A number in `low..=high`.
    pub(crate) fn between(&self, label: &str, low: u64, high: u64) -> u64 {
        low + self.draw(label) % (high.saturating_sub(low) + 1)
    }

    /// Whether it happens, which it does `per_mille` times in a thousand.
    pub(crate) fn chance(&self, label: &str, per_mille: u64) -> bool {
        self.draw(label) % 1_000 < per_mille
    }

    /// One of `items`.
    pub(crate) fn pick<'a, T>(&self, label: &str, items: &'a [T]) -> Option<&'a T> {
        let count = items.len().max(1) as u64;
        items.get((self.draw(label) % count) as usize)
    }
}

/// FNV-1a over `bytes`, from `state`.
pub(crate) fn hash(state: u64, bytes: &[u8]) -> u64 {
    let begin = 0xcbf2_9ce4_8422_2325 ^ mix(state);
    bytes.iter().fold(begin, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_row_for_each_label_whatever_else_is_drawn() {
        let (first, second) = (Dice::new(7), Dice::new(7));
        second.draw("other");
        let row = |dice: &Dice| (0..5).map(|_| dice.draw("a")).collect::<Vec<_>>();
        assert_eq!(row(&first), row(&second));
        assert_ne!(Dice::new(8).draw("a"), Dice::new(7).draw("a"));
    }

    #[test]
    fn what_is_drawn_lies_within_its_bounds() {
        let dice = Dice::new(1);
        assert!((0..1_000).all(|_| (3..=9).contains(&dice.between("x", 3, 9))));
        let happened = (0..10_000).filter(|_| dice.chance("y", 250)).count();
        assert!((2_200..2_800).contains(&happened), "{happened}");
    }
}
