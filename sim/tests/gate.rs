//! What must hold of the simulator itself at every change: it finds nothing, it sees enough, and it is repeatable.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use enabler_sim::case::Case;
use enabler_sim::core::{Plan, run};
use enabler_sim::search::{Search, search};
use enabler_sim::shrink::shrink;
use enabler_storage::plant;

fn sim(words: &[&str]) -> (Option<i32>, String) {
    #[expect(clippy::unwrap_used, reason = "without the program there is nothing to test")]
    let output = Command::new(env!("CARGO_BIN_EXE_sim")).args(words).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn two_thousand_seeds_keep_every_promise_and_see_what_must_be_seen() {
    let plan =
        Search { from: 0, seeds: 2_000, jobs: 2, time_max_ms: 0, nodes: 0, faults: None, goes_on: true };
    let found = search(&plan, &|_, _| {});
    assert!(found.violations.is_empty(), "{:?}", found.violations);
    assert_eq!(found.holes(), Vec::<&str>::new());
}

#[test]
fn two_processes_make_the_same_runs() {
    let (code, told) = sim(&["doctor", "--seeds", "40"]);
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn a_failing_run_becomes_a_small_case_that_breaks_the_same_promise_again() {
    plant::choose(Some("read-without-confirming"));
    let failing =
        (0..500).map(|seed| Plan::of_seed(seed, 0, None)).find(|plan| run(plan).violation.is_some());
    let failing = failing.unwrap();
    let shrunk = shrink(&failing, Duration::from_secs(20)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("min.case");
    Case::of(&shrunk.plan, &shrunk.plan.kept.clone().unwrap(), "a test").write(&path).unwrap();
    let again = run(&Case::read(&path).unwrap().plan());
    assert_eq!(again.violation.map(|broken| broken.promise), Some(shrunk.violation.promise));
    assert!(shrunk.steps.1 * 2 < shrunk.steps.0 && shrunk.draws.1 * 2 < shrunk.draws.0, "{shrunk:?}");
    plant::choose(None);
    assert_eq!(run(&Case::read(&path).unwrap().plan()).violation, None);
}

#[test]
fn the_command_says_how_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("run.html");
    let page_shown = page.to_str().unwrap();
    let (code, told) = sim(&["run", "--seed", "5", "--trace", page_shown]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("every promise was kept"));
    assert!(std::fs::read_to_string(&page).unwrap().contains("sim run --seed 5"));
    assert_eq!(sim(&["replay", "no-such-file"]).0, Some(64));
    assert_eq!(sim(&["run", "--seed", "5", "--faults", "storm"]).0, Some(64));
    assert!(sim(&["promises"]).1.contains("acknowledged means durable"));
}

#[cfg(feature = "node")]
#[test]
fn whole_nodes_are_run_drawn_and_searched_by_the_same_words() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("run.html");
    let (code, told) = sim(&["run", "--tier", "node", "--seed", "3", "--trace", page.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("whole nodes") && told.contains("every promise was kept"), "{told}");
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(page.contains("sim run --tier node --seed 3") && page.contains("serves the shard"));
    let (code, told) = sim(&["search", "--tier", "node", "--seeds", "3", "--nodes", "3"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("3 seeds of whole nodes") && told.contains("0 broken promises"), "{told}");
    assert_eq!(sim(&["run", "--tier", "node", "--seed", "3", "--plant", "refusal-is-a-fence"]).0, Some(64));
    assert_eq!(sim(&["run", "--tier", "node", "--seed", "3", "--faults", "damage"]).0, Some(64));
}

#[test]
fn numbers_are_a_table_for_people_and_figures_for_programs() {
    let (code, told) = sim(&["numbers", "--only", "corruption"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.starts_with("| row | to reach | measured | |\n|---|---|---|---|\n| corruption | "),
        "{told}"
    );
    assert!(told.contains(" 0 served | kept |") && told.contains("1 of 1 kept, on "), "{told}");
    let (code, told) = sim(&["numbers", "--only", "corruption", "--json"]);
    assert_eq!(code, Some(0), "{told}");
    let all: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(all["rows"][0]["row"], "corruption");
    assert_eq!(all["rows"][0]["kept"], true);
    assert_eq!(all["rows"][0]["figures"]["kinds"].as_array().unwrap().len(), 11);
    assert_eq!(sim(&["numbers", "--only", "speed"]).0, Some(64));
}

#[cfg(feature = "live")]
#[test]
fn a_number_that_cannot_be_measured_is_not_kept() {
    let (code, told) = sim(&["numbers", "--only", "killed", "--program", "/nowhere/rag-enabler"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("not measured: no program `/nowhere/rag-enabler`"), "{told}");
    assert!(told.contains("| **not kept** |") && told.contains("0 of 1 kept"), "{told}");
}

#[test]
fn every_case_of_the_corpus_is_broken_with_its_mistake_and_kept_without() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!cases.is_empty());
    for path in cases {
        let case = Case::read(&path).unwrap();
        assert_eq!(run(&case.plan()).violation, None, "{} without its mistake", path.display());
        let Some(name) = &case.plant else { continue };
        let known = enabler_sim::plant::find(name);
        plant::choose(Some(known.unwrap_or_else(|| panic!("no mistake `{name}`")).name));
        let broken = run(&case.plan()).violation;
        plant::choose(None);
        assert!(broken.is_some(), "{} with its mistake", path.display());
    }
}
