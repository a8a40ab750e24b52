use super::*;

/// Whole-node seeds that every test run plays.
const SEEDS: u64 = SEEDS_FOR_COVERAGE as u64;
/// Seeds within which something that is planted must be found.
const FOUND_WITHIN: u64 = 8;

/// The last lines of a run, for whoever reads the failure.
fn tail(outcome: &Outcome) -> String {
    let from = outcome.events.len().saturating_sub(60);
    let line = |event: &Event| format!("{:>7} {} {}", event.at_ms, event.who, event.what);
    outcome.events[from..].iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn twenty_seeds_of_whole_nodes_keep_every_promise() {
    let mut sometimes = BTreeMap::new();
    for seed in 0..SEEDS {
        let outcome = run(&Plan::usual(seed));
        assert_eq!(outcome.violation, None, "seed {seed}\n{}", tail(&outcome));
        for (what, times) in &outcome.sometimes {
            *sometimes.entry(*what).or_insert(0) += times;
        }
    }
    for must in MUST_SEE {
        assert!(sometimes.contains_key(must), "no seed met: {must}");
    }
}

#[test]
fn without_faults_all_is_told_at_once_and_nobody_loses_a_shard() {
    let plan = Plan { store: false, net: false, process: false, ..Plan::usual(1) };
    let outcome = run(&plan);
    assert_eq!(outcome.violation, None, "{}", tail(&outcome));
    for never in ["a call ended with an unknown outcome", "a node was declared dead and began anew"] {
        assert!(!outcome.sometimes.contains_key(never), "{never}: {:?}", outcome.sometimes);
    }
}

fn found(plant: Plant) -> String {
    let mut outcomes = (0..FOUND_WITHIN).map(|seed| played(&Plan::usual(seed), plant));
    let found = outcomes.find_map(|outcome| outcome.violation);
    found.unwrap_or_else(|| panic!("{plant:?} was not found within {FOUND_WITHIN} seeds"))
}

#[test]
fn a_store_that_forgets_its_conditions_is_found() {
    let found = found(Plant::ForgetsConditions);
    assert!(found.contains("log of shard"), "{found}");
}

#[test]
fn questions_that_outlive_their_generation_are_found() {
    let found = found(Plant::KeepsQuestions);
    assert!(found.contains("after its generation had ended"), "{found}");
}

#[test]
fn a_store_that_loses_entries_is_found() {
    let found = found(Plant::LosesEntries);
    assert!(
        found.contains("in no log") || found.contains("not in the log") || found.contains("log of shard"),
        "{found}"
    );
}

#[test]
fn a_store_that_reads_late_is_found() {
    found(Plant::ReadsLate);
}

#[test]
fn a_store_that_never_comes_back_is_found() {
    let found = found(Plant::StaysOut);
    assert!(found.contains("no owner") || found.contains("do not end"), "{found}");
}
