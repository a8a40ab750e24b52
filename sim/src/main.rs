//! `sim`: finds failures, replays them from one line, and shows them.

use enabler_sim::core::{Faults, Plan, run};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let from: u64 = args[1].parse().unwrap();
    let to: u64 = args[2].parse().unwrap();
    let faults = Faults::parse(args.get(3).map_or("all", String::as_str)).unwrap();
    let t = std::time::Instant::now();
    let mut bad = 0;
    let mut all = std::collections::BTreeMap::new();
    for seed in from..to {
        let mut plan = Plan::of_seed(seed, 3, faults);
        plan.traces = to == from + 1;
        let out = run(&plan);
        for (k, v) in &out.sometimes {
            *all.entry(*k).or_insert(0) += v;
        }
        if let Some(v) = &out.violation {
            bad += 1;
            if bad < 40 {
                println!("{seed}: {} {} at {}", v.promise, v.what, v.at_ms);
            }
        }
        if plan.traces {
            for e in &out.events {
                println!("{} {} {} {:?} {} {:?}", e.number, e.at_ms, e.lane, e.what, e.text, e.cause);
            }
        }
    }
    println!("{bad} bad; {:?}; {:?}", t.elapsed(), all);
}
