//! Rows of the core tier: how fast it searches, whether it catches what was planted, whether it repeats itself, how small it
//! makes a failure, and what becomes of flipped bits.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use enabler_sim::core::Plan;
use enabler_sim::flips::{Flipped, flip_every_bit};
use enabler_sim::plant::{Hunt, PLANTS, Plant, hunt};
use enabler_sim::search::{Found, Search, search};
use enabler_sim::{shrink as shrinking, work};
use enabler_storage::clock::{Clock, SystemClock};
use enabler_storage::plant;
use serde_json::json;

use super::super::{doctor, tell};
use super::{Measured, median, seconds, thousands};

/// Seeds of the search, and of its beginning, with the longest that each may take.
const SEEDS: (u64, u64) = (10_000, 300_000);
const FIRST: (u64, u64) = (2_000, 60_000);
/// Seeds between two words of progress.
const TOLD_EVERY: u64 = 1_000;
/// The most seeds that catching one mistake may take.
const HUNT_MAX: u64 = 3_000;
/// Mistakes, those of public issues among them, and the median of seeds that catching one takes.
const PLANTS_MIN: usize = 48;
const ISSUES_MIN: usize = 20;
const MEDIAN_MAX: u64 = 10;
/// Seeds that are made in two processes.
const REPEATED: u64 = 1_000;
/// Mistakes whose failing runs are made small are looked for in so many seeds.
const SAMPLE_HUNT_MAX: u64 = 40;
/// Failing runs that are made small: of each promise one, and at least of so many promises.
const SAMPLE_MAX: usize = 24;
const KINDS_MIN: usize = 9;
/// What a failure may keep of its steps and chances, what it has left in the median, and how long that may take.
const LEFT_PER_CENT_MAX: f64 = 10.0;
const LEFT_MEDIAN_MAX: u64 = 25;
const SHRINK_SECONDS_MAX: u64 = 30;
/// Seeds whose objects are flipped.
const FLIPPED: u64 = 2;

/// One search, and when its first seeds were done.
pub(super) fn seeds() -> Measured {
    let (done, first_ms, began_ms) = (AtomicU64::new(0), AtomicU64::new(u64::MAX), SystemClock.uptime_ms());
    let jobs = work::cores();
    let plan =
        Search { from: 0, seeds: SEEDS.0, jobs, time_max_ms: 0, nodes: 0, faults: None, goes_on: true };
    let found = search(&plan, &|seed, outcome| {
        if let Some(broken) = &outcome.violation {
            tell(&format!("BROKEN {} ({}): {}", broken.promise, broken.name, broken.what));
            tell(&format!("again: sim run --seed {seed} --trace run.html"));
        }
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        if count == FIRST.0 {
            first_ms.store(SystemClock.uptime_ms() - began_ms, Ordering::Relaxed);
        }
        if count.is_multiple_of(TOLD_EVERY) {
            tell(&format!("seeds: {count} of {}", SEEDS.0));
        }
    });
    searched(&found, first_ms.into_inner())
}

fn searched(found: &Found, first_ms: u64) -> Measured {
    let (broken, unseen) = (found.violations.len(), found.holes().len());
    Measured {
        text: format!(
            "{} in {}, {} in {}; {broken} promises broken, {unseen} things unseen, {:.0} simulated hours",
            thousands(FIRST.0),
            seconds(first_ms),
            thousands(found.seeds),
            seconds(found.took_ms),
            found.simulated_ms as f64 / 3_600_000.0,
        ),
        is_kept: found.seeds == SEEDS.0
            && first_ms <= FIRST.1
            && found.took_ms <= SEEDS.1
            && (broken, unseen) == (0, 0),
        figures: json!({
            "first_ms": first_ms,
            "all_ms": found.took_ms,
            "events": found.events,
            "broken": broken,
            "unseen": found.holes(),
        }),
    }
}

/// Every planted mistake is hunted.
pub(super) fn plants() -> Measured {
    let done = AtomicU64::new(0);
    let hunts = work::at_once(PLANTS, work::cores(), |plant| {
        let hunt = hunt(plant, 0..HUNT_MAX);
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        tell(&format!("plants: {count} of {}, {}: {}", PLANTS.len(), plant.name, told(&hunt)));
        hunt
    });
    caught(&PLANTS.iter().zip(hunts).collect::<Vec<_>>())
}

fn told(hunt: &Hunt) -> String {
    match hunt {
        Hunt::Caught { seeds, promise, .. } => format!("caught by promise {promise} in seed {}", seeds - 1),
        Hunt::Missed => "MISSED".to_owned(),
    }
}

fn caught(hunts: &[(&Plant, Hunt)]) -> Measured {
    let (mut taken, mut issues, mut missed) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (plant, hunt) in hunts {
        match hunt {
            Hunt::Caught { seeds, .. } => {
                taken.push((*seeds, plant.name));
                issues.extend(plant.issue);
            }
            Hunt::Missed => missed.push(plant.name),
        }
    }
    taken.sort_unstable();
    let middle = median(&taken.iter().map(|(seeds, _)| *seeds).collect::<Vec<_>>());
    let (slowest, name) = taken.last().copied().unwrap_or_default();
    let lost = if missed.is_empty() { String::new() } else { format!("; missed: {}", missed.join(", ")) };
    Measured {
        text: format!(
            "{} of {} caught, median within {middle} seeds, the last (`{name}`) within {slowest}; {} of public issues{lost}",
            taken.len(),
            hunts.len(),
            issues.len()
        ),
        is_kept: missed.is_empty()
            && hunts.len() >= PLANTS_MIN
            && middle <= MEDIAN_MAX
            && issues.len() >= ISSUES_MIN,
        figures: json!({
            "planted": hunts.len(),
            "missed": missed,
            "median_seeds": middle,
            "slowest_seeds": slowest,
            "issues": issues.len(),
        }),
    }
}

/// Seeds in two processes.
pub(super) fn determinism() -> anyhow::Result<Measured> {
    let differ = doctor::differing(REPEATED)?;
    Ok(Measured {
        text: match differ.first() {
            None => format!("{} seeds, two processes: every event the same", thousands(REPEATED)),
            Some(first) => {
                format!("{} of {} seeds differ, the first is {first}", differ.len(), thousands(REPEATED))
            }
        },
        is_kept: differ.is_empty(),
        figures: json!({ "seeds": REPEATED, "differ": differ }),
    })
}

/// A failing run that was made small: steps and chances before and after, and its events.
#[derive(Debug, Clone, Copy)]
struct Small {
    promise: u16,
    before: u64,
    after: u64,
    events: (u64, u64),
    took_ms: u64,
}

/// A mistake, the seed that told it, and the promise.
type Failing = (&'static Plant, u64, u16);

/// One failing run of each kind is made small.
pub(super) fn shrink() -> Measured {
    tell("shrink: looking for failing runs of different kinds");
    let failing = work::at_once(PLANTS, work::cores(), |plant| match hunt(plant, 0..SAMPLE_HUNT_MAX) {
        Hunt::Caught { seeds, promise, .. } => Some((plant, seeds - 1, promise)),
        Hunt::Missed => None,
    });
    let mut sample: Vec<Failing> = Vec::new();
    for (plant, seed, promise) in failing.into_iter().flatten() {
        if sample.len() < SAMPLE_MAX && sample.iter().all(|(.., known)| *known != promise) {
            sample.push((plant, seed, promise));
        }
    }
    let small = work::at_once(&sample, work::cores(), |(mistake, seed, promise)| {
        plant::choose(Some(mistake.name));
        let began_ms = SystemClock.uptime_ms();
        let shrunk =
            shrinking::shrink(&Plan::of_seed(*seed, 0, None), Duration::from_secs(SHRINK_SECONDS_MAX));
        let took_ms = SystemClock.uptime_ms() - began_ms;
        plant::choose(None);
        let shrunk = shrunk.ok()?;
        let ((steps, steps_left), (draws, draws_left)) = (shrunk.steps, shrunk.draws);
        let (before, after) = ((steps + draws) as u64, (steps_left + draws_left) as u64);
        tell(&format!("shrink: promise {promise} (`{}`): {before} became {after}", mistake.name));
        Some(Small { promise: *promise, before, after, events: shrunk.events, took_ms })
    });
    shrunk(&small.into_iter().flatten().collect::<Vec<_>>())
}

fn shrunk(all: &[Small]) -> Measured {
    // What an audit behind the run tells needs nothing of the run: to leave nothing of it is no merit.
    let small: Vec<&Small> = all.iter().filter(|small| small.after > 0).collect();
    let kinds: BTreeSet<u16> = small.iter().map(|small| small.promise).collect();
    let sum = |of: fn(&Small) -> u64| small.iter().map(|small| of(small)).sum::<u64>();
    let share = |before: u64, after: u64| 100.0 * (1.0 - after as f64 / before.max(1) as f64);
    let removed = share(sum(|small| small.before), sum(|small| small.after));
    let events = share(sum(|small| small.events.0), sum(|small| small.events.1));
    let mut left: Vec<u64> = small.iter().map(|small| small.after).collect();
    left.sort_unstable();
    let (middle, most) = (median(&left), left.last().copied().unwrap_or(0));
    let longest_ms = small.iter().map(|small| small.took_ms).max().unwrap_or(0);
    Measured {
        text: format!(
            "{} failures of {} kinds: {removed:.1} % of their steps and chances removed, median {middle} left (most {most}), \
             {events:.0} % of the events of their runs, longest {}",
            small.len(),
            kinds.len(),
            seconds(longest_ms)
        ),
        // A run that is under way when the time is over is made to its end.
        is_kept: kinds.len() >= KINDS_MIN
            && removed >= 100.0 - LEFT_PER_CENT_MAX
            && middle <= LEFT_MEDIAN_MAX
            && longest_ms < (SHRINK_SECONDS_MAX + 1) * 1_000,
        figures: json!({
            "failures": small.len(),
            "kinds": kinds,
            "removed_per_cent": removed,
            "median_left": middle,
            "most_left": most,
            "events_removed_per_cent": events,
            "longest_ms": longest_ms,
        }),
    }
}

/// Every bit of objects of every kind is flipped.
pub(super) fn corruption() -> anyhow::Result<Measured> {
    let mut all: Vec<Flipped> = Vec::new();
    for seed in 0..FLIPPED {
        for found in flip_every_bit(seed).map_err(anyhow::Error::msg)? {
            tell(&format!("corruption: {}, {} bytes: {} served", found.kind, found.bytes, found.served));
            match all.iter_mut().find(|known| known.kind == found.kind) {
                None => all.push(found),
                Some(known) => {
                    known.objects += found.objects;
                    known.bytes += found.bytes;
                    known.detected += found.detected;
                    known.served += found.served;
                }
            }
        }
    }
    Ok(flipped(&all))
}

fn flipped(all: &[Flipped]) -> Measured {
    let sum = |of: fn(&Flipped) -> usize| all.iter().map(of).sum::<usize>() as u64;
    let (objects, bytes) = (sum(|found| found.objects), sum(|found| found.bytes));
    let (detected, served) = (sum(|found| found.detected), sum(|found| found.served));
    let wrong: Vec<&str> = all.iter().filter(|found| found.served > 0).map(|found| found.kind).collect();
    let of = if wrong.is_empty() { String::new() } else { format!(" ({})", wrong.join(", ")) };
    Measured {
        text: format!(
            "{} objects of {} kinds, each of the 8 bits of {} bytes: {} detected, {} served{of}",
            thousands(objects),
            all.len(),
            thousands(bytes),
            thousands(detected),
            thousands(served)
        ),
        is_kept: served == 0 && detected == bytes * 8 && detected > 0,
        figures: json!({ "kinds": all }),
    }
}

#[cfg(test)]
mod tests;
