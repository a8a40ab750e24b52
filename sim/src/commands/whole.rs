//! The node tier on the command line: one seed in this process, many in processes of their own, because what whole nodes
//! share in a process (the names and groups of actors) is not to pass from one seed to the next.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use enabler_sim::core::Faults;
use enabler_sim::nodes::{self, Played};
use enabler_sim::work;
use enabler_storage::clock::{Clock, SystemClock};

use super::search::Limits;
use super::{BROKEN, HOLE, KEPT, Shape, one, say};

/// Seeds between two lines of progress.
const PROGRESS_EVERY: u64 = 20;

fn plan(seed: u64, shape: &Shape) -> anyhow::Result<nodes::Plan> {
    anyhow::ensure!(
        shape.plant.is_none(),
        "mistakes are made in the core tier: leave --plant or --tier node out"
    );
    nodes::plan(seed, shape.nodes, shape.faults).map_err(anyhow::Error::msg)
}

fn again(seed: u64, shape: &Shape) -> String {
    format!("sim run --tier node --seed {seed}{}", shape.shown())
}

/// Runs one seed, and draws its page if asked for.
pub(super) fn run(seed: u64, shape: &Shape, page: Option<&Path>) -> anyhow::Result<u8> {
    let (plan, again) = (plan(seed, shape)?, again(seed, shape));
    let outcome = nodes::run(&plan);
    say(&format!(
        "{} whole nodes, {} shards: {} events in {:.1} simulated seconds, hash {:016x}",
        plan.nodes,
        plan.shards,
        outcome.events.len(),
        outcome.simulated_ms as f64 / 1_000.0,
        outcome.hash
    ));
    let code = verdict(outcome.violation.as_deref(), &again);
    if let Some(page) = page {
        one::write_page(page, &nodes::record(&plan, outcome, &again), None)?;
        say(&format!("the run as a page: {}", page.display()));
    }
    Ok(code)
}

fn verdict(violation: Option<&str>, again: &str) -> u8 {
    match violation {
        None => {
            say("every promise was kept");
            KEPT
        }
        Some(what) => {
            say(&format!("BROKEN: {what}"));
            say(&format!("again: {again} --trace run.html"));
            BROKEN
        }
    }
}

/// Runs one seed for the process that searches.
pub(super) fn played(seed: u64, shape: &Shape) -> anyhow::Result<u8> {
    let played = Played::from(&nodes::run(&plan(seed, shape)?));
    say(&serde_json::to_string(&played)?);
    Ok(KEPT)
}

/// Runs a seed in a process of its own; one that ends without a word has broken a promise, too.
pub(super) fn elsewhere(seed: u64, nodes: u8, faults: Option<Faults>) -> anyhow::Result<Played> {
    let program = std::env::current_exe().context("finding this program")?;
    let shape = Shape { nodes, faults, plant: None };
    let shown = shape.shown();
    let output = Command::new(program)
        .args(["played", "--seed", &seed.to_string()])
        .args(shown.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .context("starting a process for a seed")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().last().unwrap_or_default();
    Ok(serde_json::from_str(told).unwrap_or_else(|_| {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(told).to_owned();
        let violation = Some(format!("the process of the seed ended with {}: {last}", output.status));
        Played {
            seed,
            violation,
            events: 0,
            hash: 0,
            sometimes: BTreeMap::new(),
            simulated_ms: 0,
            wall_ms: 0,
        }
    }))
}

/// Searches: each seed in a process of its own.
pub(super) fn search(limits: &Limits, shape: &Shape, report: Option<&Path>) -> anyhow::Result<u8> {
    plan(limits.from, shape)?;
    let jobs = if limits.jobs == 0 { work::cores() } else { limits.jobs };
    let (next, over) = (AtomicU64::new(limits.from), AtomicBool::new(false));
    let all: Mutex<Vec<anyhow::Result<Played>>> = Mutex::default();
    let began_ms = SystemClock.uptime_ms();
    let late_ms = limits.minutes.map_or(u64::MAX, |minutes| (minutes * 60_000.0) as u64);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) && SystemClock.uptime_ms() - began_ms < late_ms {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= limits.from + limits.seeds {
                        return;
                    }
                    let played = elsewhere(seed, shape.nodes, shape.faults);
                    let what = played.as_ref().ok().and_then(|played| played.violation.clone());
                    if played.is_err() || (what.is_some() && !limits.goes_on) {
                        over.store(true, Ordering::Relaxed);
                    }
                    if let Some(what) = what {
                        say(&format!("seed {seed}: BROKEN: {what}"));
                    }
                    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push(played);
                    if (all.len() as u64).is_multiple_of(PROGRESS_EVERY) {
                        say(&format!("{} seeds", all.len()));
                    }
                }
            });
        }
    });
    let all: anyhow::Result<Vec<Played>> =
        all.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
    let mut all = all?;
    all.sort_by_key(|played| played.seed);
    finish(&all, SystemClock.uptime_ms() - began_ms, shape, report)
}

fn finish(all: &[Played], took_ms: u64, shape: &Shape, report: Option<&Path>) -> anyhow::Result<u8> {
    let broken: Vec<&Played> = all.iter().filter(|played| played.violation.is_some()).collect();
    let mut sometimes: BTreeMap<&str, u64> = BTreeMap::new();
    for (what, count) in all.iter().flat_map(|played| &played.sometimes) {
        *sometimes.entry(what).or_insert(0) += count;
    }
    let seconds = (took_ms as f64 / 1_000.0).max(0.001);
    say(&format!(
        "{} seeds of whole nodes in {seconds:.1} s ({:.1} a second): {} events, {:.2} simulated hours, {} broken promises",
        all.len(),
        all.len() as f64 / seconds,
        all.iter().map(|played| played.events).sum::<usize>(),
        all.iter().map(|played| played.simulated_ms).sum::<u64>() as f64 / 3_600_000.0,
        broken.len()
    ));
    for (what, count) in &sometimes {
        say(&format!("{count:>9}  {what}"));
    }
    if let Some(folder) = report {
        std::fs::create_dir_all(folder).with_context(|| format!("creating `{}`", folder.display()))?;
        for played in &broken {
            keep(played.seed, shape, folder)?;
        }
    }
    if let Some(first) = broken.first() {
        say(&format!("again: {} --trace run.html", again(first.seed, shape)));
        return Ok(BROKEN);
    }
    let unseen: Vec<&str> =
        nodes::MUST_SEE.into_iter().filter(|what| !sometimes.contains_key(*what)).collect();
    if !unseen.is_empty() && shape.faults.is_none() && all.len() >= nodes::SEEDS_FOR_COVERAGE {
        say(&format!("never seen in {} seeds: {}", all.len(), unseen.join("; ")));
        return Ok(HOLE);
    }
    Ok(KEPT)
}

/// Draws the page of a seed that broke a promise; in a process of its own, as it was found.
fn keep(seed: u64, shape: &Shape, folder: &Path) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("finding this program")?;
    let (again, page) = (again(seed, shape), folder.join(format!("{seed}.html")));
    let mut command = Command::new(program);
    command.args(again.split_whitespace().skip(1)).arg("--trace").arg(&page);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.status().with_context(|| format!("drawing `{}`", page.display()))?;
    Ok(())
}
