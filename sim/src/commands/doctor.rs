//! The doctor: the same seed, twice here and once in another process, must be the same run to the last event.

use std::process::Command;

use anyhow::Context as _;
use enabler_sim::core::{Plan, run as run_one};

use super::{DIFFERS, KEPT, say};

fn hash_of(seed: u64) -> (u64, u64) {
    let outcome = run_one(&Plan::of_seed(seed, 0, None));
    (outcome.hash, outcome.count)
}

/// Compares, and says what came of it.
pub(super) fn run(seeds: u64) -> anyhow::Result<u8> {
    let differ = differing(seeds)?;
    if differ.is_empty() {
        say(&format!("{seeds} seeds, two processes: every event the same"));
        return Ok(KEPT);
    }
    say(&format!("{} of {seeds} seeds differ: {differ:?}", differ.len()));
    Ok(DIFFERS)
}

/// The seeds, of so many, whose runs are not the same here and in another process.
pub(super) fn differing(seeds: u64) -> anyhow::Result<Vec<u64>> {
    let program = std::env::current_exe().context("finding this program")?;
    let other = Command::new(program)
        .args(["hashes", "--seeds", &seeds.to_string()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .context("starting the other process")?;
    let here: Vec<(u64, u64)> = (0..seeds).map(hash_of).collect();
    let output = other.wait_with_output().context("waiting for the other process")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let there: Vec<&str> = text.lines().collect();
    let mut differ = Vec::new();
    for (seed, (hash, count)) in (0_u64..).zip(&here) {
        // Every tenth a second time in this process, where allocations lie elsewhere by now.
        let again = seed.is_multiple_of(10).then(|| hash_of(seed));
        let same_here = again.is_none_or(|again| again == (*hash, *count));
        let expected = format!("{seed} {hash:016x} {count}");
        let same_there = there.get(seed as usize).is_some_and(|line| *line == expected);
        if !same_here || !same_there {
            differ.push(seed);
        }
    }
    Ok(differ)
}

/// Prints the hash of each seed.
pub(super) fn hashes(seeds: u64) -> anyhow::Result<u8> {
    for seed in 0..seeds {
        let (hash, count) = hash_of(seed);
        say(&format!("{seed} {hash:016x} {count}"));
    }
    Ok(KEPT)
}
