//! Many runs: progress on the way, what was broken, what was seen.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use enabler_sim::case::Case;
use enabler_sim::core::{Plan, run as run_one};
use enabler_sim::search::{Found, Search, search};
use enabler_sim::work;

use super::{BROKEN, HOLE, KEPT, Shape, one, say};

/// Seeds between two lines of progress.
const PROGRESS_EVERY: u64 = 1_000;

/// How far a search goes.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) from: u64,
    pub(super) seeds: u64,
    pub(super) jobs: usize,
    pub(super) minutes: Option<f64>,
    pub(super) goes_on: bool,
}

/// Searches.
pub(super) fn run(limits: &Limits, shape: &Shape, report: Option<&Path>) -> anyhow::Result<u8> {
    let plan = Search {
        from: limits.from,
        seeds: limits.seeds,
        jobs: if limits.jobs == 0 { work::cores() } else { limits.jobs },
        time_max_ms: limits.minutes.map_or(0, |minutes| (minutes * 60_000.0) as u64),
        nodes: shape.nodes,
        faults: shape.faults,
        goes_on: limits.goes_on,
    };
    let done = AtomicU64::new(0);
    let found = search(&plan, &|seed, outcome| {
        if let Some(broken) = &outcome.violation {
            say(&format!("seed {seed}: BROKEN {} ({}): {}", broken.promise, broken.name, broken.what));
        }
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_multiple_of(PROGRESS_EVERY) {
            say(&format!("{count} seeds"));
        }
    });
    summary(&found);
    if let Some(folder) = report {
        std::fs::create_dir_all(folder).with_context(|| format!("creating `{}`", folder.display()))?;
        for seed in found.violations.keys() {
            keep(*seed, shape, folder)?;
        }
    }
    if let Some((seed, _)) = found.violations.first_key_value() {
        say(&format!("again: sim run --seed {seed}{} --trace run.html", shape.shown()));
        return Ok(BROKEN);
    }
    let holes = found.holes();
    if !holes.is_empty() && shape.faults.is_none() {
        say(&format!("never seen in {} seeds: {}", found.seeds, holes.join("; ")));
        return Ok(HOLE);
    }
    Ok(KEPT)
}

fn summary(found: &Found) {
    let seconds = (found.took_ms as f64 / 1_000.0).max(0.001);
    say(&format!(
        "{} seeds in {seconds:.1} s ({:.0} a second): {} events, {:.1} simulated hours, {} broken promises",
        found.seeds,
        found.seeds as f64 / seconds,
        found.events,
        found.simulated_ms as f64 / 3_600_000.0,
        found.violations.len()
    ));
    for (what, count) in &found.sometimes {
        say(&format!("{count:>9}  {what}"));
    }
}

/// Keeps a failing seed as a page and a case.
fn keep(seed: u64, shape: &Shape, folder: &Path) -> anyhow::Result<()> {
    let plan = Plan { traces: true, records: true, ..shape.plan(seed) };
    let mut outcome = run_one(&plan);
    let about = outcome
        .violation
        .as_ref()
        .map_or(String::new(), |broken| format!("{}: {}", broken.name, broken.what));
    let draws = std::mem::take(&mut outcome.draws);
    Case::of(&plan, &draws, &about).write(&folder.join(format!("{seed}.case")))?;
    let command = format!("sim run --seed {seed}{}", shape.shown());
    let record = one::record(&plan, outcome, &command);
    one::write_page(&folder.join(format!("{seed}.html")), &record, None)
}
