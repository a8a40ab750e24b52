//! Erases a document with its receipt, and shows what recurs.

use std::process::ExitCode;

use serde_json::json;

use super::arguments::{Erase, Recurring, RecurringCommand};
use super::questions::{Action, Question, act};
use super::shape::{self, Outcome, Place, Receipt};
use super::{print, say_unseen, text, told};
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::out;

/// Erases a document and prints the receipt.
pub(crate) async fn erase(client: &Client, erase: &Erase) -> Result<ExitCode, Failure> {
    let action = Action::new("erase_document", json!({ "document": erase.document }));
    let outcome = act(client, &action, &erase.reason, erase.dry_run).await?;
    let receipt: Receipt = serde_json::from_value(outcome.receipt.clone()).unwrap_or_default();
    let is_well = if erase.dry_run { outcome.outcome == "would_do" } else { receipt.complete };
    if erase.json {
        let whole = json!({
            "outcome": outcome.outcome,
            "detail": outcome.detail,
            "receipt": outcome.receipt,
        });
        out::line(&whole.to_string());
    } else {
        print_outcome(&outcome);
        if !outcome.receipt.is_null() {
            print_receipt(&receipt);
        }
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn print_outcome(outcome: &Outcome) {
    out::line(&format!("{}: {}", outcome.outcome, outcome.detail));
    for touch in &outcome.touches {
        out::line(&format!("touches   {} {}", touch.node.as_deref().unwrap_or("-"), touch.what));
    }
}

fn print_receipt(receipt: &Receipt) {
    out::line(&format!(
        "receipt   {} by {}, because: {}",
        text::when(receipt.ended_ms),
        receipt.by,
        receipt.reason
    ));
    let row = |verb: &str, place: &Place, count: Option<u64>| {
        let said = match (&place.error, count) {
            (Some(error), _) => format!("FAILED: {error}"),
            (None, Some(count)) => count.to_string(),
            (None, None) => "-".to_owned(),
        };
        vec![
            verb.to_owned(),
            place.store.clone(),
            place.node.clone().unwrap_or_else(|| "all".to_owned()),
            said,
            place.what.clone(),
        ]
    };
    let removed = receipt.stores.iter().map(|place| row("removed", place, place.removed));
    let found = receipt.probe.stores.iter().map(|place| row("found", place, place.found));
    let rows: Vec<Vec<String>> = removed.chain(found).collect();
    text::columns(&rows).iter().for_each(|line| out::line(line));
    out::line(&format!("found     {} in all", receipt.probe.found));
    receipt.beyond.iter().for_each(|beyond| out::line(&format!("not here  {beyond}")));
    out::line(&format!("sha256    {}", receipt.sha256));
}

/// Prints every recurring job, or has one run.
pub(crate) async fn recurring(client: &Client, recurring: &Recurring) -> Result<ExitCode, Failure> {
    if let Some(RecurringCommand::Run { job, reason }) = &recurring.command {
        let outcome = act(client, &Action::new("run_job", json!({ "job": job })), reason, false).await?;
        out::line(&format!("{}: {}", outcome.outcome, outcome.detail));
        return Ok(if outcome.outcome == "done" { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let question = Question::new("recurring");
    let Some(told) = told::<shape::Recurring>(client, &question, recurring.json).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let rows: Vec<Vec<String>> = told.jobs.iter().map(job_row).collect();
    print(&["JOB", "EVERY", "RUNS", "NEXT", "NOW", "LAST", "SAID"], &rows, "There are no recurring jobs.");
    match (&told.holder, told.epoch) {
        (Some(holder), Some(epoch)) => {
            out::note(&format!("{holder} runs the recurring work (epoch {epoch})"))
        }
        _ => out::note("no node runs the recurring work"),
    }
    say_unseen(&told.cannot_see);
    Ok(ExitCode::SUCCESS)
}

fn job_row(job: &shape::Job) -> Vec<String> {
    let every = if job.every_hours == 0 { "when asked".to_owned() } else { format!("{} h", job.every_hours) };
    let running = job.running.as_ref();
    let running = running.map(|run| {
        let left = run.left.map_or_else(String::new, |left| format!(", {left} left"));
        format!("runs on {} since {}{left}", run.node, text::when(run.since_ms))
    });
    let last = job.last.as_ref();
    let ended = last.map(|last| format!("{} {} on {}", last.outcome, text::when(last.ended_ms), last.node));
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        job.job.clone(),
        every,
        job.runs.to_string(),
        or_none(job.next_ms.map(text::when)),
        or_none(running),
        or_none(ended),
        or_none(last.map(|last| last.detail.clone())),
    ]
}
