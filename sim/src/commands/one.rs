//! One run: made, shown, made small.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use enabler_sim::case::Case;
use enabler_sim::core::{Outcome, Plan, run};
use enabler_sim::trace::{Head, Record, Tier};
use enabler_sim::{report, shrink};
use enabler_storage::plant;

use super::{BROKEN, KEPT, Shape, say};

/// The plan that `what` names, and how it is called on the command line.
fn plan_of(what: &str, shape: &Shape) -> anyhow::Result<(Plan, String)> {
    if shape.plant.is_some() {
        plant::choose(shape.plant);
    }
    match what.parse::<u64>() {
        Ok(seed) => Ok((shape.plan(seed), format!("sim run --seed {seed}{}", shape.shown()))),
        Err(_) => {
            let path = Path::new(what);
            anyhow::ensure!(path.exists(), "`{what}` is neither a seed nor a file");
            let case = Case::read(path)?;
            // A case of a mistake shows it.
            if let (None, Some(name)) = (shape.plant, &case.plant) {
                plant::choose(enabler_sim::plant::find(name).map(|plant| plant.name));
            }
            Ok((case.plan(), format!("sim replay {what}")))
        }
    }
}

/// Makes a run, and its page if asked for.
pub(super) fn replay(what: &str, shape: &Shape, page: Option<&Path>, at: Option<u64>) -> anyhow::Result<u8> {
    let (plan, command) = plan_of(what, shape)?;
    let outcome = run(&Plan { traces: page.is_some(), ..plan.clone() });
    let (nodes, shards, steps) = (plan.scene.nodes, plan.scene.shards, plan.scene.steps.len());
    say(&format!(
        "{nodes} nodes, {shards} shards, {steps} steps: {} events in {:.1} simulated seconds, hash {:016x}",
        outcome.count,
        outcome.lasted_ms as f64 / 1_000.0,
        outcome.hash
    ));
    let code = verdict(&outcome, &command);
    if let Some(page) = page {
        write_page(page, &record(&plan, outcome, &command), at)?;
        say(&format!("the run as a page: {}", page.display()));
    }
    Ok(code)
}

/// Says what was broken, and the line that breaks it again.
pub(super) fn verdict(outcome: &Outcome, command: &str) -> u8 {
    match &outcome.violation {
        None => {
            say("every promise was kept");
            KEPT
        }
        Some(broken) => {
            say(&format!(
                "BROKEN {} ({}) at {} ms: {}",
                broken.promise, broken.name, broken.at_ms, broken.what
            ));
            say(&format!("again: {command} --trace run.html"));
            BROKEN
        }
    }
}

/// A run as a page shows it.
pub(super) fn record(plan: &Plan, outcome: Outcome, command: &str) -> Record {
    let head = Head {
        tier: Tier::Core,
        command: command.to_owned(),
        nodes: plan.scene.nodes,
        shards: plan.scene.shards,
        lasted_ms: outcome.lasted_ms,
        hash: outcome.hash,
        violation: outcome.violation,
    };
    Record { head, events: outcome.events, names: Vec::new() }
}

/// Writes a run as a page, or as lines where the name ends in `.txt`.
pub(super) fn write_page(page: &Path, record: &Record, at: Option<u64>) -> anyhow::Result<()> {
    let text = if page.extension().is_some_and(|extension| extension == "txt") {
        let lines = record.events.iter().map(|event| {
            let about = event.shard.map_or(String::new(), |shard| format!(" [shard {shard}]"));
            let cause = event.cause.map_or(String::new(), |cause| format!(" <- {cause}"));
            format!("{} {} ms {}: {}{about}{cause}\n", event.number, event.at_ms, event.lane, event.shown())
        });
        lines.collect::<String>()
    } else {
        report::html(record, at).context("drawing the page")?
    };
    std::fs::write(page, text).with_context(|| format!("writing `{}`", page.display()))
}

/// Makes a failing run small and keeps it.
pub(super) fn shrink(what: &str, shape: &Shape, output: &Path, seconds: u64) -> anyhow::Result<u8> {
    let (plan, _) = plan_of(what, shape)?;
    let shrunk = shrink::shrink(&plan, Duration::from_secs(seconds)).map_err(anyhow::Error::msg)?;
    let about = format!("{}: {}", shrunk.violation.name, shrunk.violation.what);
    let draws = shrunk.plan.kept.clone().unwrap_or_default();
    let case = Case::of(&shrunk.plan, &draws, &about);
    Case { plant: shape.plant.map(str::to_owned), ..case }.write(output)?;
    let ((from, to), (steps_from, steps)) = (shrunk.events, shrunk.steps);
    say(&format!(
        "{steps_from} steps became {steps}, {} chances {}, {from} events {to}, in {} runs",
        shrunk.draws.0, shrunk.draws.1, shrunk.runs
    ));
    for step in &shrunk.plan.scene.steps {
        say(&format!("  {:>7} ms  {}", step.at_ms, serde_json::to_string(&step.step)?));
    }
    say(&format!("BROKEN {} ({about})", shrunk.violation.promise));
    say(&format!("again: sim replay {} --trace run.html", output.display()));
    Ok(BROKEN)
}
