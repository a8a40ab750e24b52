//! Rows of real processes: claimants on a real S3 server, and how long clients wait when an owner is killed, frozen or told
//! to stop.

use std::collections::BTreeSet;

use anyhow::Context as _;
use enabler_sim_live::{
    Chaos, Fight, Fought, LEASE, Length, LiveError, NOTHING, Plan, Spread, Summary, fight, find_program,
};
use serde_json::json;

use super::super::{live, tell};
use super::{Measured, Numbers, seconds, thousands};

/// Who fights, and how often.
const FIGHT: Fight = Fight { claimants: 1_000, claims: 20_000 };
/// Nodes of the other rows.
const NODES: usize = 5;
/// Two cores keep up with this many threads of claimants.
const THREADS: usize = 2;
/// How long an owner that is killed may be missed, and one that hands over, in milliseconds.
const KILLED_MS_MAX: u64 = 5_000;
const DRAINED_MS_MAX: u64 = 300;
/// What may come on top of the lease of an owner that is frozen.
const FROZEN_OVER_LEASE_MS: u64 = 2_000;

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    runtime.context("starting the runtime")
}

/// How a measurement ends that somebody has interrupted.
pub(super) fn interrupted(error: &anyhow::Error) -> Option<u8> {
    matches!(error.downcast_ref(), Some(LiveError::Interrupted)).then_some(live::INTERRUPTED)
}

/// Lets them fight.
pub(super) fn claimants() -> anyhow::Result<Measured> {
    let told = |begun| tell(&format!("claimants: {begun} of {} claims begun", FIGHT.claims));
    Ok(fought(&runtime()?.block_on(fight(FIGHT, told)).map_err(live::told)?))
}

fn fought(fought: &Fought) -> Measured {
    let answered = fought.owned + fought.yielded;
    let first = fought.violations.first().map_or_else(String::new, |what| format!("; the first: {what}"));
    Measured {
        text: format!(
            "{} claimants, {} claims in {}: {} owned, {} gave way, {} made again without an answer; {} violations{first}",
            thousands(FIGHT.claimants as u64),
            thousands(answered),
            seconds(fought.took.as_millis() as u64),
            thousands(fought.owned),
            thousands(fought.yielded),
            thousands(fought.unanswered),
            fought.violations_count
        ),
        is_kept: answered == FIGHT.claims && fought.owned > 0 && fought.violations_count == 0,
        figures: json!({
            "owned": fought.owned,
            "yielded": fought.yielded,
            "unanswered": fought.unanswered,
            "acknowledged": fought.acknowledged,
            "entries": fought.entries,
            "took_ms": fought.took.as_millis() as u64,
            "violations": fought.violations,
        }),
    }
}

/// Kills owners.
pub(super) fn killed(numbers: &Numbers) -> anyhow::Result<Measured> {
    watched(numbers, Chaos::Kill, KILLED_MS_MAX)
}

/// Freezes owners.
pub(super) fn frozen(numbers: &Numbers) -> anyhow::Result<Measured> {
    watched(numbers, Chaos::Freeze, LEASE.as_millis() as u64 + FROZEN_OVER_LEASE_MS)
}

/// Tells owners to stop.
pub(super) fn drained(numbers: &Numbers) -> anyhow::Result<Measured> {
    watched(numbers, Chaos::Drain, DRAINED_MS_MAX)
}

fn watched(numbers: &Numbers, chaos: Chaos, ms_max: u64) -> anyhow::Result<Measured> {
    let plan = Plan {
        nodes: NODES,
        length: Length::Events(usize::from(numbers.events)),
        seed: 1,
        chaos: BTreeSet::from([chaos]),
        calm: true,
        program: find_program(numbers.program.as_deref()).map_err(live::told)?,
        report: None,
    };
    match live::carried_out(&plan, &mut |line| tell(&format!("{chaos}: {line}"))) {
        Ok(summary) => Ok(waited(&summary, usize::from(numbers.events), ms_max)),
        // As it is, so that whoever measures sees that nobody waits for more.
        Err(error @ LiveError::Interrupted) => Err(error.into()),
        Err(error) => Err(live::told(error)),
    }
}

/// How long clients waited, a reader and an uploader each time; the longest counts, less the longest of the same run while
/// nothing happened.
fn waited(summary: &Summary, events: usize, ms_max: u64) -> Measured {
    let (mut text, mut is_kept) = (Vec::new(), summary.is_kept() && summary.lost == 0);
    let mut figures = Vec::new();
    let nothing = summary.kinds.iter().find(|kind| kind.what == NOTHING);
    for kind in summary.kinds.iter().filter(|kind| kind.what != NOTHING) {
        let rest = nothing.map(|rest| (rest.read, rest.upload)).unzip();
        for (what, spread, rest) in [("read", kind.read, rest.0), ("upload", kind.upload, rest.1)] {
            let by_itself = rest.unwrap_or_default();
            is_kept &= spread.worst_ms.saturating_sub(by_itself.worst_ms) <= ms_max && spread.never == 0;
            let never = if spread.never > 0 { format!(", {} never", spread.never) } else { String::new() };
            let beside = rest.map_or_else(String::new, |Spread { median_ms, worst_ms, .. }| {
                format!(" (while nothing happened {median_ms} and {worst_ms})")
            });
            text.push(format!(
                "{what} p50 {} ms, max {} ms{beside}{never}",
                spread.median_ms, spread.worst_ms
            ));
            figures.push(json!({
                "what": what,
                "p50_ms": spread.median_ms,
                "max_ms": spread.worst_ms,
                "never": spread.never,
                "nothing": rest.map(|rest| json!({ "p50_ms": rest.median_ms, "max_ms": rest.worst_ms })),
            }));
        }
    }
    let first = summary.violations.first().map_or_else(String::new, |what| format!(" ({what})"));
    Measured {
        text: format!(
            "{} of {events} times: {}; {} lost, {} promises broken{first}",
            summary.events,
            text.join("; "),
            summary.lost,
            summary.violations_count
        ),
        is_kept: is_kept && summary.events == events,
        figures: json!({
            "events": summary.events,
            "first_success": figures,
            "lost": summary.lost,
            "violations": summary.violations,
            "refused": summary.refused,
            "again": summary.again,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use enabler_sim_live::{KindSummary, Spread};

    use super::*;

    fn summary(worst_ms: u64) -> Summary {
        let read = Spread { median_ms: 12, worst_ms: 30, never: 0 };
        let upload = Spread { median_ms: 2_200, worst_ms, never: 0 };
        let kind = KindSummary { what: "kill -9", events: 20, read, upload };
        Summary { kinds: vec![kind], events: 20, ..Summary::default() }
    }

    #[test]
    fn the_longest_that_a_client_waited_is_held_to_the_goal() {
        let kept = waited(&summary(5_000), 20, KILLED_MS_MAX);
        assert!(kept.is_kept, "{kept:?}");
        assert!(kept.text.contains("upload p50 2200 ms, max 5000 ms; 0 lost"), "{}", kept.text);
        assert!(!waited(&summary(5_001), 20, KILLED_MS_MAX).is_kept);
        assert!(!waited(&Summary { events: 3, ..summary(1) }, 20, KILLED_MS_MAX).is_kept);
    }

    #[test]
    fn what_a_request_takes_while_nothing_happens_is_no_hand_overs() {
        let mut drained = summary(700);
        assert!(!waited(&drained, 20, DRAINED_MS_MAX).is_kept);
        let upload = Spread { median_ms: 200, worst_ms: 400, never: 0 };
        drained.kinds.push(KindSummary { what: NOTHING, upload, ..drained.kinds[0].clone() });
        let measured = waited(&drained, 20, DRAINED_MS_MAX);
        assert!(measured.is_kept, "{measured:?}");
        assert!(measured.text.contains("max 700 ms (while nothing happened 200 and 400)"), "{measured:?}");
        assert!(!waited(&drained, 20, DRAINED_MS_MAX - 1).is_kept);
    }

    #[test]
    fn a_client_that_was_never_served_and_a_lost_document_are_not_kept() {
        let mut never = summary(1);
        never.kinds[0].read.never = 1;
        let measured = waited(&never, 20, KILLED_MS_MAX);
        assert!(!measured.is_kept && measured.text.contains("1 never"), "{measured:?}");
        let lost =
            Summary { lost: 1, violations_count: 1, violations: vec!["x is lost".into()], ..summary(1) };
        let measured = waited(&lost, 20, KILLED_MS_MAX);
        assert!(!measured.is_kept && measured.text.ends_with("(x is lost)"), "{measured:?}");
    }

    #[test]
    fn a_fight_is_kept_when_every_claim_was_answered_and_no_epoch_had_two_owners() {
        let all =
            Fought { owned: 162, yielded: 19_838, took: Duration::from_secs(1_074), ..Fought::default() };
        let measured = fought(&all);
        assert!(measured.is_kept, "{measured:?}");
        assert!(measured.text.starts_with("1,000 claimants, 20,000 claims in 1074.0 s: 162 owned"));
        assert!(!fought(&Fought { yielded: 19_837, ..all.clone() }).is_kept);
        assert!(!fought(&Fought { violations_count: 1, ..all }).is_kept);
    }
}
