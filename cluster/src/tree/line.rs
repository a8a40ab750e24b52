//! How long messages have waited: when each joined a mailbox or a queue, without a look into it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use enabler_telemetry::trace::{self, Place};

use crate::moment::now_us;

/// Moments that are remembered of one line; behind a longer one the oldest is told too old, never too young.
const MOMENTS_MAX: usize = 16;

/// The line in front of one actor or pool.
#[derive(Debug)]
pub struct Line {
    joined: AtomicU64,
    left: AtomicU64,
    /// When the one that left last had joined.
    last_us: AtomicU64,
    length: usize,
    moments: OnceLock<Box<[AtomicU64]>>,
}

impl Line {
    /// A line of at most `places_max`.
    pub fn of(places_max: usize) -> Arc<Self> {
        Arc::new(Line {
            joined: AtomicU64::new(0),
            left: AtomicU64::new(0),
            last_us: AtomicU64::new(0),
            length: places_max.clamp(1, MOMENTS_MAX),
            moments: OnceLock::new(),
        })
    }

    fn moments(&self) -> &[AtomicU64] {
        self.moments.get_or_init(|| (0..self.length).map(|_| AtomicU64::new(0)).collect())
    }

    /// Somebody joins; leaves when what is given is dropped.
    pub fn join(self: &Arc<Self>) -> Waiting {
        let since_us = now_us();
        let number = self.joined.fetch_add(1, Ordering::Relaxed);
        if let Some(moment) = self.moments().get(number as usize % self.length) {
            moment.store(since_us, Ordering::Relaxed);
        }
        Waiting { line: self.clone(), since_us, place: trace::current() }
    }

    /// How long the oldest has waited, in microseconds, if somebody waits.
    pub fn oldest_us(&self) -> Option<u64> {
        let (left, joined) = (self.left.load(Ordering::Relaxed), self.joined.load(Ordering::Relaxed));
        let waiting = joined.checked_sub(left).filter(|waiting| *waiting > 0)?;
        let since_us = if waiting as usize <= self.length {
            self.moments().get(left as usize % self.length)?.load(Ordering::Relaxed)
        } else {
            self.last_us.load(Ordering::Relaxed)
        };
        Some(now_us().saturating_sub(since_us))
    }
}

/// A place in a line.
#[derive(Debug)]
pub struct Waiting {
    line: Arc<Line>,
    since_us: u64,
    place: Option<Place>,
}

impl Waiting {
    /// What whoever joined was working for.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// How long it has waited, in microseconds.
    pub fn waited_us(&self) -> u64 {
        now_us().saturating_sub(self.since_us)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.line.left.fetch_add(1, Ordering::Relaxed);
        self.line.last_us.store(self.since_us, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_oldest_is_the_one_that_joined_first_of_those_who_wait() {
        let line = Line::of(8);
        assert_eq!(line.oldest_us(), None);
        let first = line.join();
        advance(Duration::from_millis(30)).await;
        let second = line.join();
        advance(Duration::from_millis(10)).await;
        assert!(line.oldest_us().unwrap() >= 40_000);
        drop(first);
        let age = line.oldest_us().unwrap();
        assert!((10_000..40_000).contains(&age), "{age}");
        drop(second);
        assert_eq!(line.oldest_us(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn behind_a_line_longer_than_what_is_remembered_nobody_is_told_too_young() {
        let line = Line::of(1_000);
        let mut waiting = std::collections::VecDeque::new();
        for _ in 0..100 {
            waiting.push_back(line.join());
            advance(Duration::from_millis(1)).await;
        }
        while let Some(first) = waiting.pop_front() {
            let truth = waiting.front().map_or(0, Waiting::waited_us);
            drop(first);
            assert!(waiting.is_empty() || line.oldest_us().unwrap() >= truth);
        }
    }
}
