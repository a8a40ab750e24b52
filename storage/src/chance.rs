//! The one door to randomness, and the identifiers that are minted from it.

use std::sync::Mutex;

use crate::clock::Clock;

/// Gives random bytes; handed to whoever needs them, so that a simulator can repeat a run.
pub trait Chance: Send + Sync {
    /// Fills `into` with random bytes.
    fn fill(&self, into: &mut [u8]);

    /// A random 64-bit number.
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A random 128-bit number, such as a writer id or a nonce.
    fn next_u128(&self) -> u128 {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        u128::from_le_bytes(bytes)
    }
}

/// The operating system's randomness.
#[derive(Debug, Default, Clone, Copy)]
pub struct OsChance;

impl Chance for OsChance {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    #[expect(clippy::expect_used, reason = "a machine without randomness must not mint ids that repeat")]
    fn fill(&self, into: &mut [u8]) {
        getrandom::fill(into).expect("the operating system gives randomness");
    }
}

/// Repeatable chance from a seed (splitmix64): for tests, simulations and derived choices, never for secrets.
#[derive(Debug)]
pub struct SeededChance(Mutex<u64>);

impl SeededChance {
    /// The sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Chance for SeededChance {
    fn fill(&self, into: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in into.chunks_mut(8) {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// 16 bytes that sort by time and never repeat: the layout of UUID version 7 (RFC 9562, section 5.7).
#[must_use]
pub fn mint_id(clock: &dyn Clock, chance: &dyn Chance) -> [u8; 16] {
    let mut id = [0; 16];
    chance.fill(&mut id);
    let now = clock.now_ms().to_be_bytes();
    id[..6].copy_from_slice(&now[2..]);
    id[6] = (id[6] & 0x0F) | 0x70;
    id[8] = (id[8] & 0x3F) | 0x80;
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn one_seed_gives_one_sequence() {
        let draw = |seed| (0..4).map(|_| SeededChance::new(seed).next_u128()).collect::<Vec<_>>();
        assert_eq!(draw(7), draw(7));
        assert_ne!(SeededChance::new(7).next_u64(), SeededChance::new(8).next_u64());
    }

    #[test]
    fn ids_sort_by_time_and_carry_version_seven() {
        let (clock, chance) = (ManualClock::at(1_000), SeededChance::new(1));
        let first = mint_id(&clock, &chance);
        clock.advance(1);
        let second = mint_id(&clock, &chance);
        assert!(first < second);
        assert_eq!((first[6] >> 4, first[8] >> 6), (7, 2));
    }

    #[test]
    fn the_system_does_not_repeat_itself() {
        assert_ne!(OsChance.next_u128(), OsChance.next_u128());
    }
}
