//! Everything at once, for as long as one likes: nodes, clients at work, and something happens all the time.

use std::time::Duration;

use enabler_sim_live::{Chaos, Length, Plan, Summary};

use super::harness::TURN;
use crate::node::{PROGRAM, variable};

/// Events of one soak, unless `RAG_ENABLER_EVENTS` says otherwise.
const EVENTS: usize = 200;

fn number(name: &str) -> Option<u64> {
    variable(name).and_then(|value| value.to_str()?.parse().ok())
}

fn is_wished() -> bool {
    let wished = variable("RAG_ENABLER_SOAK").is_some();
    if !wished {
        eprintln!("the soak of a cluster is left out: RAG_ENABLER_SOAK=1 runs it");
    }
    wished
}

/// Carries out a plan, and fails with the line that repeats it when a promise is broken.
async fn kept(plan: Plan) -> Summary {
    let _turn = TURN.lock().await;
    let summary = enabler_sim_live::run(&plan, &mut |line| eprintln!("{line}")).await;
    let summary = summary.unwrap_or_else(|error| panic!("{}\nagain: {}", error.whole(), plan.again()));
    eprintln!("{summary}\nrefused, for example:\n  {}", summary.refusals.join("\n  "));
    assert!(summary.is_kept(), "promises were broken; again: {}", summary.again);
    summary
}

fn plan(nodes: usize, length: Length, chaos: &[Chaos]) -> Plan {
    let seed = number("RAG_ENABLER_SEED").unwrap_or(2_026);
    let (chaos, report) = (chaos.iter().copied().collect(), None);
    Plan { nodes, length, seed, chaos, program: PROGRAM.into(), report }
}

#[tokio::test]
async fn a_cluster_keeps_its_promises_over_hundreds_of_kills_freezes_cuts_moves_and_outages() {
    if is_wished() {
        let events = number("RAG_ENABLER_EVENTS").map_or(EVENTS, |events| usize::try_from(events).unwrap());
        let summary = kept(plan(5, Length::Events(events), &Chaos::ALL)).await;
        assert_eq!(summary.events, events);
    }
}

#[tokio::test]
async fn three_nodes_keep_their_promises_for_a_minute_of_faults_and_leave_a_history_of_it() {
    if !is_wished() {
        return;
    }
    let report = tempfile::tempdir().unwrap();
    let minute = Length::Time(Duration::from_secs(60));
    let summary = kept(Plan { report: Some(report.path().to_owned()), ..plan(3, minute, &Chaos::ALL) }).await;
    let history = std::fs::read_to_string(report.path().join("history.jsonl")).unwrap();
    let of_kind = |kind: &str| {
        let parsed = history.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        parsed.filter(|line| line["kind"] == kind && line["at_ms"].is_u64()).count()
    };
    let answered: usize = summary.answered.values().sum();
    assert!(summary.events > 3 && of_kind("event") == summary.events, "{summary}");
    assert!(answered > 50 && of_kind("request") > answered, "{summary}");
    assert!(of_kind("owners") > 0 && of_kind("summary") == 1 && of_kind("violation") == 0, "{summary}");
    for node in ["n1", "n2", "n3"] {
        let log = std::fs::read_to_string(report.path().join(format!("{node}.log"))).unwrap();
        assert!(!log.is_empty(), "{node} has logged nothing");
    }
}

#[tokio::test]
async fn two_nodes_keep_their_promises_over_a_kill_and_a_store_that_is_away() {
    // Of this seed, one of each.
    let few = Plan { seed: 1, ..plan(2, Length::Events(2), &[Chaos::Kill, Chaos::Store]) };
    let summary = kept(few).await;
    assert_eq!(summary.kinds.len(), 2, "{summary}");
    for kind in &summary.kinds {
        assert!(kind.upload.never + kind.read.never == 0 && kind.upload.worst_ms > 0, "{summary}");
    }
}
