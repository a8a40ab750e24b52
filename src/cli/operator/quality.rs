//! Shows the suites of questions, puts them, and has them run.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::arguments::{Quality, QualityCommand};
use super::questions::{Action, Question, act, ask};
use super::recurring::print_outcome;
use super::shape::{self, QualityBrief, QualityScore, SuiteShown, Taken};
use super::{print, say_unseen, suite, text, told};
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::out;

/// How often it is asked whether a run has ended.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// Does what `quality` says.
pub(crate) async fn quality(client: &Client, quality: &Quality) -> Result<ExitCode, Failure> {
    match &quality.command {
        None => list(client, quality.json).await,
        Some(QualityCommand::Put { suite, folder }) => put(client, suite, folder).await,
        Some(QualityCommand::Run { suite, reason, no_wait }) => run(client, suite, reason, !no_wait).await,
        Some(QualityCommand::Show { suite }) => show(client, suite, quality.json).await,
        Some(QualityCommand::Remove { suite, reason }) => {
            let action = Action::new("remove_suite", json!({ "suite": suite }));
            let outcome = act(client, &action, reason, false).await?;
            print_outcome(&outcome);
            Ok(if outcome.outcome == "done" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

async fn list(client: &Client, as_json: bool) -> Result<ExitCode, Failure> {
    let question = Question::new("quality");
    let Some(told) = told::<shape::Quality>(client, &question, as_json).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let rows: Vec<Vec<String>> = told.suites.iter().map(suite_row).collect();
    print(
        &["SUITE", "QUESTIONS", "LAST RUN", "SCORE", "BEFORE", "GATE", "PROMPT"],
        &rows,
        "There are no suites.",
    );
    say_unseen(&told.cannot_see);
    Ok(ExitCode::SUCCESS)
}

fn suite_row(suite: &SuiteShown) -> Vec<String> {
    let last = suite.last.as_ref();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let score = |brief: &QualityBrief| format!("{:.3}", brief.score.total);
    let at = if suite.waits_for_a_run {
        Some("waits".to_owned())
    } else {
        last.map(|last| text::when(last.at_ms))
    };
    vec![
        suite.suite.clone(),
        suite.questions.to_string(),
        or_none(at),
        or_none(last.map(score)),
        or_none(suite.baseline.as_ref().map(score)),
        or_none(last.map(|last| standing(last.counts, last.passes).to_owned())),
        or_none(last.map(|last| last.prompt.clone())),
    ]
}

fn standing(counts: bool, passes: bool) -> &'static str {
    match (counts, passes) {
        (false, _) => "does not count",
        (true, true) => "passes",
        (true, false) => "BELOW",
    }
}

async fn put(client: &Client, name: &str, folder: &Path) -> Result<ExitCode, Failure> {
    let body = suite::read(name, folder)?;
    let taken: Taken = client.send(client.request(Method::POST, "/v1/operator/quality").json(&body)).await?;
    out::line(&format!("{}: {}", taken.outcome, taken.detail));
    Ok(if taken.outcome == "done" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The last run of a suite that is no trial.
async fn last(client: &Client, name: &str) -> Result<Option<(bool, Option<QualityBrief>)>, Failure> {
    let told: shape::Quality = ask(client, &Question::new("quality")).await?;
    let own = told.suites.into_iter().find(|suite| suite.suite == name);
    Ok(own.map(|own| (own.waits_for_a_run, own.last)))
}

async fn run(client: &Client, name: &str, reason: &str, wait: bool) -> Result<ExitCode, Failure> {
    let action = Action::new("run_suite", json!({ "suite": name }));
    let outcome = act(client, &action, reason, false).await?;
    print_outcome(&outcome);
    if outcome.outcome != "begun" {
        return Ok(ExitCode::FAILURE);
    }
    if !wait {
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        tokio::time::sleep(ASK_AGAIN).await;
        match last(client, name).await? {
            // While the store is away nothing is known; a suite that was removed is told by its list.
            None => out::note(&format!("{name} is not told of now")),
            Some((false, Some(last))) => {
                show(client, name, false).await?;
                return Ok(if last.counts && last.passes { ExitCode::SUCCESS } else { ExitCode::FAILURE });
            }
            Some(_) => {}
        }
    }
}

async fn show(client: &Client, name: &str, as_json: bool) -> Result<ExitCode, Failure> {
    let question = Question::new("quality").with("suite", Some(name));
    let Some(told) = told::<shape::Quality>(client, &question, as_json).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let rows: Vec<Vec<String>> = told
        .runs
        .iter()
        .map(|run| {
            let kind = if run.is_trial { "trial" } else { "run" };
            let models = run.versions.models.join(",");
            let standing = standing(run.counts, run.passes).to_owned();
            let (at, prompt) = (text::when(run.at_ms), run.versions.prompt.clone());
            vec![at, kind.to_owned(), prompt, models, shares(&run.score), standing]
        })
        .collect();
    print(&["AT", "KIND", "PROMPT", "MODEL", "SCORE", "GATE"], &rows, "It was never run.");
    for wrong in told.runs.first().iter().flat_map(|run| &run.wrong) {
        let fault = wrong.fault.as_ref().map(|fault| format!(" ({fault})")).unwrap_or_default();
        out::line(&format!("wrong     {}: {}{fault}", wrong.question, wrong.failed.join(", ")));
    }
    say_unseen(&told.cannot_see);
    Ok(ExitCode::SUCCESS)
}

fn shares(score: &QualityScore) -> String {
    let parts = [
        ("answer", score.answer),
        ("source", score.source),
        ("refusal", score.refusal),
        ("draft", score.draft),
    ];
    let parts: Vec<String> =
        parts.iter().filter_map(|(name, share)| Some(format!("{name} {:.3}", (*share)?))).collect();
    let (wrong, questions) = (score.wrong, score.questions);
    format!("{:.3} ({}; {wrong} of {questions} wrong)", score.total, parts.join(", "))
}
