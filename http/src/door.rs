//! The door to chance and to the time of day: ids and dates that people look at, which decide nothing, and names of
//! streams, which nobody can guess.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A name that nobody can guess.
#[expect(clippy::disallowed_methods, reason = "the name of a stream decides nothing, it is only looked up")]
pub(crate) fn random_uuid() -> uuid::Uuid {
    uuid::Uuid::new_v4()
}

/// The ids of one process: a seed by chance, then a sequence without repetition that looks like chance.
///
/// An id is made for each request, and asking the system each time costs as much as routing it.
struct Ids {
    seed: u64,
    next: AtomicU64,
}

thread_local! {
    /// What this thread has taken of the sequence: the next place, and how many are left.
    static TAKEN: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// How many places of the sequence a thread takes at a time: threads that count together wait for each other.
const TAKEN_MAX: u64 = 1_024;

impl Ids {
    fn next(&self) -> u64 {
        let (place, left) = match TAKEN.get() {
            (_, 0) => (self.next.fetch_add(TAKEN_MAX, Ordering::Relaxed), TAKEN_MAX),
            taken => taken,
        };
        TAKEN.set((place + 1, left - 1));
        mix(self.seed.wrapping_add(place.wrapping_mul(GOLDEN)))
    }
}

/// The odd number nearest to 2^64 divided by the golden ratio: its multiples fall everywhere.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Every number becomes another one, and no two the same.
///
/// Source: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, 2014 (SplitMix64).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[expect(
    clippy::disallowed_methods,
    reason = "an id of a request is looked at by people only, never acted on"
)]
fn ids() -> &'static Ids {
    static IDS: OnceLock<Ids> = OnceLock::new();
    IDS.get_or_init(|| {
        let mut seed = [0; 8];
        // Without chance a request goes on under an id that others may have, rather than not at all.
        let _ = getrandom::fill(&mut seed);
        Ids { seed: u64::from_le_bytes(seed), next: AtomicU64::new(0) }
    })
}

/// An id of 16 hexadecimal digits; no other request of this process has it.
pub(crate) fn short_id() -> Arc<str> {
    text(&digits(ids().next()))
}

/// An id of 32 hexadecimal digits; no other request of this process has it.
pub(crate) fn long_id() -> Arc<str> {
    let ids = ids();
    // Trace ids of several nodes stand side by side: the seed tells them apart.
    let (first, second) = (digits(mix(!ids.seed) ^ ids.next()), digits(ids.next()));
    let mut both = [0; 32];
    for (place, digit) in both.iter_mut().zip(first.into_iter().chain(second)) {
        *place = digit;
    }
    text(&both)
}

/// The hexadecimal digits of `number`, the highest first.
fn digits(number: u64) -> [u8; 16] {
    // Each half-byte gets a byte of its own, half of them at a time; then all become letters at once.
    let mut spread = u128::from(number);
    for (bits, kept) in [
        (32, 0x0000_0000_ffff_ffff_0000_0000_ffff_ffff),
        (16, 0x0000_ffff_0000_ffff_0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff_00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f),
    ] {
        spread = (spread | spread << bits) & kept;
    }
    // One in each byte whose half-byte is more than nine: what the letter `a` lies beyond the sign after `9`.
    let letters = ((spread + EACH * 6) >> 4) & EACH;
    (spread + EACH * u128::from(b'0') + letters * u128::from(b'a' - b'0' - 10)).to_be_bytes()
}

/// A one in each byte.
const EACH: u128 = u128::MAX / 0xff;

fn text(digits: &[u8]) -> Arc<str> {
    std::str::from_utf8(digits).unwrap_or_default().into()
}

/// The time of day in Unix seconds, as clients see it in an answer.
#[expect(
    clippy::disallowed_methods,
    reason = "a date in an answer is looked at by clients only, never acted on"
)]
pub(crate) fn now_unix() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "each thread takes a part of the sequence of its own")]
    fn no_two_ids_are_the_same_and_none_is_of_zeros() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..5_000).map(|_| long_id()).collect::<Vec<_>>()))
            .collect();
        let ids: BTreeSet<Arc<str>> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.len(), 20_000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().any(|b| b != b'0')));
        assert_eq!(short_id().len(), 16);
        for number in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(&*text(&digits(number)), format!("{number:016x}"));
        }
    }
}
