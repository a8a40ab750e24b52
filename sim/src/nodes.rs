//! The node tier for the command line: what one seed came to, as it goes from process to process and onto a page.

use std::collections::BTreeMap;

use enabler_sim_node::{Event, Fate, Kind};
pub use enabler_sim_node::{MUST_SEE, Outcome, Plan, SEEDS_FOR_COVERAGE, run};
use serde::{Deserialize, Serialize};

use crate::core::Faults;
use crate::trace::{self, Head, Lane, Record, Tier, Violation, What};

/// What a run is called on a page where only its words say which promise was broken.
const BROKEN: &str = "whole nodes keep what they promise";

/// What one seed came to, without its events: a line that a process hands to the one that started it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// The seed.
    pub seed: u64,
    /// The promise that was broken, in words.
    pub violation: Option<String>,
    /// Events.
    pub events: usize,
    /// Over every event.
    pub hash: u64,
    /// What was met how often.
    pub sometimes: BTreeMap<String, u64>,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// Real milliseconds.
    pub wall_ms: u64,
}

impl From<&Outcome> for Played {
    fn from(outcome: &Outcome) -> Self {
        Played {
            seed: outcome.seed,
            violation: outcome.violation.clone(),
            events: outcome.events.len(),
            hash: outcome.hash,
            sometimes: outcome.sometimes.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect(),
            simulated_ms: outcome.simulated_ms,
            wall_ms: outcome.wall_ms,
        }
    }
}

/// The plan of a seed: as it usually is, with so many nodes unless `nodes` is 0, and only these faults if some are given.
///
/// # Errors
/// When a fault is asked for that this tier has not.
pub fn plan(seed: u64, nodes: u8, faults: Option<Faults>) -> Result<Plan, String> {
    let usual = Plan::usual(seed);
    let nodes = if nodes == 0 { usual.nodes } else { usize::from(nodes) };
    let Some(Faults { store, net, process, time, damage }) = faults else {
        return Ok(Plan { nodes, ..usual });
    };
    if damage || (time && !(store && net && process)) {
        return Err("the node tier has the faults store, net and process".to_owned());
    }
    Ok(Plan { nodes, store, net, process, ..usual })
}

/// A run as a page shows it; `again` is the line that makes it again.
#[must_use]
pub fn record(plan: &Plan, outcome: Outcome, again: &str) -> Record {
    let lasted_ms = outcome.simulated_ms;
    let events: Vec<trace::Event> = (1_u64..).zip(outcome.events).map(event).collect();
    // The first one counts; what follows may follow from it.
    let broken = events.iter().find(|event| event.what == What::Violation);
    let violation = outcome.violation.map(|what| Violation {
        promise: 0,
        name: BROKEN.to_owned(),
        what,
        at_ms: broken.map_or(lasted_ms, |event| event.at_ms),
        event: broken.map_or(0, |event| event.number),
    });
    let head = Head {
        tier: Tier::Node,
        command: again.to_owned(),
        nodes: u8::try_from(plan.nodes).unwrap_or(u8::MAX),
        shards: plan.shards,
        lasted_ms,
        hash: outcome.hash,
        violation,
    };
    Record { head, events, names: Vec::new() }
}

fn event((number, event): (u64, Event)) -> trace::Event {
    let Event { at_ms, who, what: text, kind, shard, epoch, cause, message } = event;
    let what = match kind {
        Kind::Note => What::Note,
        Kind::Starts => What::Starts,
        Kind::Ends => What::Ends,
        Kind::Freezes => What::Freezes,
        Kind::Thaws => What::Thaws,
        Kind::Fault => What::Fault,
        Kind::Heals => What::Heals,
        Kind::Owns => What::Owns,
        Kind::Follows => What::Follows,
        Kind::Leaves => What::Disowns,
        Kind::Applied => What::Applied,
        Kind::Asks => What::Asks,
        Kind::Answered => What::Answered,
        Kind::Violation => What::Violation,
        Kind::Sends => message.map_or(What::Note, |message| What::Send {
            to: lane(&message.to),
            arrives_ms: message.arrives_ms,
            fate: match message.fate {
                Fate::Arrives => trace::Fate::Arrives,
                Fate::Lost => trace::Fate::Lost,
                Fate::Late => trace::Fate::Late,
            },
        }),
    };
    trace::Event { number, at_ms, lane: lane(&who), what, text, shard, epoch, cause }
}

/// The lane of a name in the book; whoever watches or breaks things stands on the lane of faults.
fn lane(who: &str) -> Lane {
    let numbered = |prefix: &str| who.strip_prefix(prefix)?.parse::<u8>().ok();
    None.or_else(|| numbered("n").map(Lane::Node))
        .or_else(|| numbered("w").map(Lane::Worker))
        .or_else(|| numbered("client ").map(Lane::Client))
        .or_else(|| (who == "store").then_some(Lane::Store))
        .unwrap_or(Lane::Hand)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report;

    #[test]
    fn a_name_of_the_book_has_a_lane_of_its_own() {
        let lanes = ["n3", "w2", "client 4", "store", "faults", "links", "now"].map(lane);
        let (node, worker, client) = (Lane::Node(3), Lane::Worker(2), Lane::Client(4));
        assert_eq!(lanes, [node, worker, client, Lane::Store, Lane::Hand, Lane::Hand, Lane::Hand]);
    }

    #[test]
    fn faults_that_the_tier_has_not_are_refused() {
        let parsed = |list| Some(Faults::parse(list).unwrap());
        let only_net = plan(1, 2, parsed("net")).unwrap();
        assert_eq!((only_net.nodes, only_net.store, only_net.net, only_net.process), (2, false, true, false));
        assert!(plan(1, 0, parsed("all")).is_ok());
        assert!(plan(1, 0, parsed("time")).is_err());
        assert!(plan(1, 0, parsed("store,damage")).is_err());
    }

    #[test]
    fn a_page_of_whole_nodes_has_owners_by_epoch_faults_that_end_and_what_led_to_what() {
        let plan = Plan::usual(0);
        let record = record(&plan, run(&plan), "sim run --tier node --seed 0");
        let count = |is: fn(&trace::Event) -> bool| record.events.iter().filter(|event| is(event)).count();
        assert!(count(|event| event.what == What::Owns && event.epoch.is_some()) >= 4);
        assert!(count(|event| event.what == What::Starts) >= plan.nodes);
        assert!(count(|event| matches!(event.what, What::Send { .. })) > 100);
        let faults = count(|event| event.what == What::Fault);
        assert!(faults > 0);
        assert_eq!(count(|event| event.what == What::Heals && event.cause.is_some()), faults);
        let earlier = |event: &trace::Event| event.cause.is_none_or(|cause| cause < event.number);
        assert!(record.events.iter().all(earlier));
        let page = report::html(&record, None).unwrap();
        assert!(page.contains("whole nodes: ") && page.contains("sim run --tier node --seed 0"));
        assert!(!page.contains("\"clash\":true"), "two owners in one epoch");
    }

    #[test]
    fn a_broken_promise_of_whole_nodes_is_told_in_words_and_found_on_the_page() {
        let event = |kind, who: &str| Event { kind, who: who.to_owned(), at_ms: 7, ..Event::default() };
        let outcome = Outcome {
            seed: 5,
            violation: Some("a document is lost".to_owned()),
            events: vec![event(Kind::Note, "n1"), event(Kind::Violation, "checker")],
            hash: 1,
            sometimes: BTreeMap::new(),
            simulated_ms: 9,
            wall_ms: 1,
        };
        assert_eq!(Played::from(&outcome).violation.as_deref(), Some("a document is lost"));
        let record = record(&Plan::usual(5), outcome, "again");
        let violation = record.head.violation.clone().unwrap();
        assert_eq!((violation.promise, violation.event, violation.at_ms), (0, 2, 7));
        assert!(report::html(&record, None).unwrap().contains("<b>A promise was broken: whole nodes"));
    }
}
