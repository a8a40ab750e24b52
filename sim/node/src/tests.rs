use super::*;

/// Whole-node seeds that every test run plays.
const SEEDS: u64 = 20;

/// The last lines of a run, for whoever reads the failure.
fn tail(outcome: &Outcome) -> String {
    let from = outcome.events.len().saturating_sub(60);
    let lines =
        outcome.events[from..].iter().map(|event| format!("{:>7} {} {}", event.at_ms, event.who, event.what));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn twenty_seeds_of_whole_nodes_keep_every_promise() {
    for seed in 0..SEEDS {
        let outcome = run(&Plan::usual(seed));
        println!(
            "seed {seed}: {} events, {} s simulated in {} ms, hash {:016x}",
            outcome.events.len(),
            outcome.simulated_ms / 1_000,
            outcome.wall_ms,
            outcome.hash
        );
        assert_eq!(outcome.violation, None, "seed {seed}\n{}", tail(&outcome));
    }
}
