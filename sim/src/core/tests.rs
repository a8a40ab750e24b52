use super::*;

fn plan(seed: u64) -> Plan {
    Plan::of_seed(seed, 0, None)
}

#[test]
fn a_run_without_faults_keeps_every_promise() {
    for seed in 0..20 {
        let plan = Plan::of_seed(seed, 3, Some(Faults::parse("none").unwrap()));
        let outcome = run(&plan);
        assert_eq!(outcome.violation, None, "seed {seed}");
    }
}

#[test]
fn one_seed_is_one_run() {
    for seed in 0..10 {
        let (first, second) = (run(&plan(seed)), run(&plan(seed)));
        assert_eq!((first.hash, first.count), (second.hash, second.count), "seed {seed}");
    }
}
