//! Everything at once, for as long as one likes: nodes, clients at work, and something happens all the time.

use std::time::Duration;

use enabler_sim_live::{Chaos, Length, Line, LiveError, Plan, Summary};

use super::door::until;
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

/// The kinds of faults in `RAG_ENABLER_CHAOS`, such as `kill,drain`, or all of them.
fn wished() -> Vec<Chaos> {
    let Some(wished) = variable("RAG_ENABLER_CHAOS") else { return Chaos::ALL.to_vec() };
    let wished = wished.into_string().unwrap();
    wished
        .split(',')
        .map(|chaos| chaos.parse().unwrap_or_else(|what| panic!("RAG_ENABLER_CHAOS: {what}")))
        .collect()
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
    Plan { nodes, length, seed, chaos, calm: false, program: PROGRAM.into(), report }
}

#[tokio::test]
async fn a_cluster_keeps_its_promises_over_hundreds_of_kills_freezes_cuts_moves_and_outages() {
    if is_wished() {
        let events = number("RAG_ENABLER_EVENTS").map_or(EVENTS, |events| usize::try_from(events).unwrap());
        let summary = kept(plan(5, Length::Events(events), &wished())).await;
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

/// The command lines of everything that runs on this machine.
fn command_lines() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect()
}

#[tokio::test]
async fn a_run_that_is_interrupted_ends_everything_that_it_has_started() {
    let turn = TURN.lock().await;
    let report = tempfile::tempdir().unwrap();
    let plan = Plan { report: Some(report.path().to_owned()), ..plan(2, Length::Events(99), &[Chaos::Kill]) };
    let myself = rustix::process::getpid();
    let mut lines = 0;
    let mut interrupt = |_line: &Line| {
        lines += 1;
        // The second one says that all nodes run.
        if lines == 2 {
            rustix::process::kill_process(myself, rustix::process::Signal::TERM).unwrap();
        }
    };
    let ended = enabler_sim_live::run(&plan, &mut interrupt).await;
    assert!(matches!(ended, Err(LiveError::Interrupted)) && lines == 2, "{lines} lines, {ended:?}");
    // A node says in its log where its data is.
    let log = std::fs::read_to_string(report.path().join("n2.log")).unwrap();
    let data = log.lines().find_map(|line| line.trim().strip_prefix("data ")).unwrap().trim().to_owned();
    let root = std::path::Path::new(&data).ancestors().nth(2).unwrap();
    assert!(root.file_name().unwrap().to_string_lossy().starts_with("rag-enabler-cluster-"), "{data}");
    until("nodes and folders are gone", async || {
        let of_the_run = |line: &String| line.contains(&*root.to_string_lossy());
        !root.exists() && !command_lines().iter().any(of_the_run)
    })
    .await;
    drop(turn);
}
