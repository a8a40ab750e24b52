//! Runs many seeds at once, stops at the first broken promise, and says what no seed has seen.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use enabler_storage::clock::{Clock, SystemClock};

use crate::core::{Faults, Outcome, Plan, run};
use crate::trace::Violation;

/// What a search of a thousand seeds or more must have seen, or it has not looked where failures are.
pub const MUST_SEE: [&str; 24] = [
    "a claim was won by a generation that may be dead",
    "a clock was off by more than half a lease",
    "a full mailbox refused a message",
    "a node died between a write and its acknowledgement",
    "a node left in peace",
    "a node that was declared dead begins anew",
    "a redirect was followed",
    "a shard was handed over",
    "a shard was handed over while messages waited for it",
    "a snapshot was written",
    "an actor was started again",
    "an append failed",
    "an entry was found that the store had not answered for",
    "an index was made anew",
    "an index was restored from a snapshot",
    "an owner answered without the store",
    "an owner found a later one in the log",
    "an owner found a later one in the manifest",
    "an owner wrote after the next one had been chosen",
    "an append of an ownership that had ended was refused",
    "entries were removed",
    "restart intensity was exceeded",
    "the same bytes came twice",
    "unfinished work was taken up again",
];

/// Seeds from which on a hole in what was seen is a failure.
pub const SEEDS_FOR_COVERAGE: u64 = 1_000;

/// What is searched.
#[derive(Debug, Clone)]
pub struct Search {
    /// The first seed.
    pub from: u64,
    /// How many seeds.
    pub seeds: u64,
    /// Threads.
    pub jobs: usize,
    /// When to stop, in milliseconds; 0 for never.
    pub time_max_ms: u64,
    /// Nodes; 0 lets the seed choose.
    pub nodes: u8,
    /// What may fail; nothing lets the seed choose.
    pub faults: Option<Faults>,
    /// Whether the search goes on after a broken promise.
    pub goes_on: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Seeds that were run to their end.
    pub seeds: u64,
    /// Events in all of them.
    pub events: u64,
    /// Simulated milliseconds in all of them.
    pub simulated_ms: u64,
    /// How long it took.
    pub took_ms: u64,
    /// Broken promises, by seed.
    pub violations: BTreeMap<u64, Violation>,
    /// What happened how often.
    pub sometimes: BTreeMap<&'static str, u64>,
}

impl Found {
    /// What should have been seen and was not.
    #[must_use]
    pub fn holes(&self) -> Vec<&'static str> {
        if self.seeds < SEEDS_FOR_COVERAGE {
            return Vec::new();
        }
        MUST_SEE.into_iter().filter(|what| !self.sometimes.contains_key(what)).collect()
    }
}

/// Searches; `progress` hears of every seed's end.
pub fn search(search: &Search, progress: &(dyn Fn(u64, &Outcome) + Sync)) -> Found {
    let (next, over) = (AtomicU64::new(search.from), AtomicBool::new(false));
    let found = Mutex::new(Found::default());
    let began_ms = SystemClock.uptime_ms();
    let work = || {
        while !over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let is_late = search.time_max_ms > 0 && SystemClock.uptime_ms() - began_ms > search.time_max_ms;
            if seed >= search.from + search.seeds || is_late {
                return;
            }
            let outcome = run(&Plan::of_seed(seed, search.nodes, search.faults));
            progress(seed, &outcome);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.seeds += 1;
            found.events += outcome.count;
            found.simulated_ms += outcome.lasted_ms;
            for (what, count) in outcome.sometimes {
                *found.sometimes.entry(what).or_insert(0) += count;
            }
            if let Some(violation) = outcome.violation {
                found.violations.insert(seed, violation);
                if !search.goes_on {
                    over.store(true, Ordering::Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..search.jobs.max(1) {
            scope.spawn(work);
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.took_ms = SystemClock.uptime_ms() - began_ms;
    found
}
