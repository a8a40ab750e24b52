//! How many messages an actor handles, how fast, and how long each takes: atomics alone, for the message path.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Buckets of each doubling: a time that is told is at most a quarter too long.
const PARTS: u64 = 4;
/// Times below this many microseconds have a bucket of their own.
const EXACT: u64 = 4;
/// Doublings from 4 µs to nine minutes; what takes longer is in the last bucket.
const DOUBLINGS: usize = 27;
const BUCKETS: usize = EXACT as usize + DOUBLINGS * PARTS as usize;
/// Seconds that are counted apart: the one that runs and the ones that a rate is told of.
const SECONDS: usize = 8;
/// Whole seconds that a rate is the mean of.
const RATE_SECONDS: u64 = 5;

/// The figures of one actor.
#[derive(Debug)]
pub(super) struct Figures {
    buckets: [AtomicU32; BUCKETS],
    /// The second in the upper half, what was handled in it in the lower.
    seconds: [AtomicU64; SECONDS],
}

impl Default for Figures {
    fn default() -> Self {
        Figures {
            buckets: std::array::from_fn(|_| AtomicU32::new(0)),
            seconds: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

fn bucket(took_us: u64) -> usize {
    if took_us < EXACT {
        return took_us as usize;
    }
    let doubling = u64::from(took_us.ilog2()) - 2;
    let part = (took_us >> doubling) & (PARTS - 1);
    ((EXACT + doubling * PARTS + part) as usize).min(BUCKETS - 1)
}

/// The longest time of a bucket.
fn most_us(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < EXACT {
        return bucket;
    }
    let (doubling, part) = ((bucket - EXACT) / PARTS, (bucket - EXACT) % PARTS);
    ((PARTS + part + 1) << doubling) - 1
}

impl Figures {
    /// One message was handled; it ended at `now_us` and took `took_us`.
    pub(super) fn count(&self, now_us: u64, took_us: u64) {
        if let Some(bucket) = self.buckets.get(bucket(took_us)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        // An actor handles one message at a time, so that nobody else writes here.
        let second = now_us / 1_000_000;
        let Some(slot) = self.seconds.get(second as usize % SECONDS) else { return };
        let known = slot.load(Ordering::Relaxed);
        let next = if known >> 32 == second & u64::from(u32::MAX) { known + 1 } else { (second << 32) | 1 };
        slot.store(next, Ordering::Relaxed);
    }

    /// Messages in a second, over the last whole seconds.
    pub(super) fn rate_per_s(&self, now_us: u64) -> f64 {
        let second = now_us / 1_000_000;
        let is_recent = |at: u64| at < second && at + RATE_SECONDS >= second;
        let counts = self.seconds.iter().map(|slot| slot.load(Ordering::Relaxed));
        let recent = counts.filter(|slot| is_recent(slot >> 32)).map(|slot| slot & u64::from(u32::MAX));
        recent.sum::<u64>() as f64 / RATE_SECONDS as f64
    }

    /// The times within which half, and 99 of 100, of the messages were handled, in microseconds.
    pub(super) fn p50_p99_us(&self) -> Option<(u64, u64)> {
        let counts: Vec<u64> =
            self.buckets.iter().map(|count| u64::from(count.load(Ordering::Relaxed))).collect();
        let all: u64 = counts.iter().sum();
        let within = |hundredths: u64| {
            let wanted = (all * hundredths).div_ceil(100).max(1);
            let mut seen = 0;
            counts.iter().position(|count| {
                seen += count;
                seen >= wanted
            })
        };
        Some((most_us(within(50)?), most_us(within(99)?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_is_told_at_most_a_quarter_too_long_and_never_too_short(took in 0_u64..500_000_000) {
            let told = most_us(bucket(took));
            prop_assert!(told >= took && told <= took + took / 4 + 1, "{took} is told as {told}");
        }

        #[test]
        fn no_time_is_without_a_bucket(took in any::<u64>()) {
            let figures = Figures::default();
            figures.count(1, took);
            prop_assert!(figures.p50_p99_us().is_some());
        }
    }

    #[test]
    fn a_rate_is_that_of_the_last_whole_seconds() {
        let figures = Figures::default();
        for second in 10..15 {
            for _ in 0..20 {
                figures.count(second * 1_000_000, 10);
            }
        }
        assert_eq!(figures.rate_per_s(15_000_000), 20.0);
        assert_eq!(figures.rate_per_s(17_500_000), 12.0);
        assert_eq!(figures.rate_per_s(40_000_000), 0.0);
    }

    #[test]
    fn one_slow_message_of_fifty_is_seen_in_the_slowest_hundredth() {
        let figures = Figures::default();
        assert_eq!(figures.p50_p99_us(), None);
        for _ in 0..49 {
            figures.count(0, 100);
        }
        figures.count(0, 1_000_000);
        let (half, most) = figures.p50_p99_us().unwrap();
        assert!((100..=125).contains(&half) && most >= 1_000_000, "{half} {most}");
    }
}
