//! Plays seeds of the node tier: `seeds FROM COUNT [twice] [events]`. `twice` plays each one two times and compares;
//! `events` prints what happened. Ends with 1 at the first violation, with 3 at two runs of one seed that differ.
#![expect(clippy::print_stdout, reason = "it is run by a person")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use enabler_sim_node::{Event, Outcome, Plan, run};

fn line(event: &Event) -> String {
    let number =
        |name: &str, number: Option<u64>| number.map_or(String::new(), |number| format!(" {name} {number}"));
    let (shard, epoch) = (number("shard", event.shard.map(u64::from)), number("epoch", event.epoch));
    format!("{:>8} {:<9} {}{shard}{epoch}", event.at_ms, event.who, event.what)
}

fn is_same(first: &Outcome, second: &Outcome) -> bool {
    let differs = first.events.iter().zip(&second.events).position(|(one, other)| one != other);
    if let Some(at) = differs {
        println!("seed {}: two runs differ at event {at}:", first.seed);
        for outcome in [first, second] {
            let from = at.saturating_sub(5);
            outcome.events.iter().skip(from).take(10).for_each(|event| println!("{}", line(event)));
            println!("--");
        }
    }
    differs.is_none() && first.hash == second.hash
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    let has = |word: &str| words.iter().any(|given| given == word);
    let (from, count) = (number(0).unwrap_or(0), number(1).unwrap_or(20));
    let (mut sometimes, mut differing, mut wall_ms) = (BTreeMap::new(), 0, 0);
    for seed in from..from + count {
        let outcome = run(&Plan::usual(seed));
        wall_ms += outcome.wall_ms;
        if has("events") {
            outcome.events.iter().for_each(|event| println!("{}", line(event)));
        }
        for (what, times) in &outcome.sometimes {
            *sometimes.entry(*what).or_insert(0) += times;
        }
        if let Some(violation) = &outcome.violation {
            println!("seed {seed}: {violation}");
            return ExitCode::from(1);
        }
        if has("twice") && !is_same(&outcome, &run(&Plan::usual(seed))) {
            differing += 1;
        }
    }
    println!("{count} seeds from {from} in {wall_ms} ms, {differing} differ when played again");
    sometimes.iter().for_each(|(what, times)| println!("{times:>7} {what}"));
    if differing > 0 { ExitCode::from(3) } else { ExitCode::SUCCESS }
}
