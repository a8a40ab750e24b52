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

#[test]
fn the_hole_that_collection_could_leave_is_closed() {
    let mut undead = 0;
    for seed in 0..400 {
        let plan = Plan { scene: script::hole(seed), ..plan(seed) };
        let outcome = run(&plan);
        assert_eq!(outcome.violation, None, "seed {seed}");
        undead += u32::from(outcome.sometimes.contains_key("an entry that was removed was written again"));
    }
    assert!(
        undead > 10,
        "an entry was written again in {undead} of 400 runs: the scene does not reach the hole"
    );
}
