//! Lists the versions of the prompts, keeps new ones, and puts one in force or the one before it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::arguments::{Prompts, PromptsCommand};
use super::questions::{Action, Question, act, ask};
use super::recurring::print_outcome;
use super::shape::{self, PromptChange, Taken};
use super::{print, say_unseen, text, told};
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::out;

/// How often it is asked whether the suites have said something.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Changes that are shown below the versions.
const CHANGES_SHOWN: usize = 10;

/// Does what `prompts` says.
pub(crate) async fn prompts(client: &Client, prompts: &Prompts) -> Result<ExitCode, Failure> {
    match &prompts.command {
        None => list(client, prompts.json).await,
        Some(PromptsCommand::Put { files, note }) => put(client, files, note).await,
        Some(PromptsCommand::Promote { version, reason, force, dry_run, no_wait }) => {
            let action = Action::new("promote_prompt", json!({ "prompt": version })).forced(*force);
            let outcome = act(client, &action, reason, *dry_run).await?;
            print_outcome(&outcome);
            match outcome.outcome.as_str() {
                "begun" if !no_wait => concluded(client, &outcome.id).await,
                "begun" | "done" | "would_do" => Ok(ExitCode::SUCCESS),
                _ => Ok(ExitCode::FAILURE),
            }
        }
        Some(PromptsCommand::Rollback { reason }) => {
            let outcome = act(client, &Action::new("rollback_prompt", json!({})), reason, false).await?;
            print_outcome(&outcome);
            Ok(if outcome.outcome == "done" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Some(PromptsCommand::Show { version }) => show(client, version).await,
    }
}

async fn list(client: &Client, as_json: bool) -> Result<ExitCode, Failure> {
    let question = Question::new("prompts");
    let Some(told) = told::<shape::Prompts>(client, &question, as_json).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let rows: Vec<Vec<String>> = told
        .versions
        .iter()
        .map(|version| {
            let standing = match &told.on_trial {
                _ if version.version == told.in_force => "in force",
                Some(trial) if trial.version == version.version => "on trial",
                _ => "-",
            };
            let at = if version.at_ms == 0 { "-".to_owned() } else { text::when(version.at_ms) };
            vec![version.version.clone(), standing.to_owned(), at, version.by.clone(), version.note.clone()]
        })
        .collect();
    print(&["VERSION", "STANDING", "PUT", "BY", "NOTE"], &rows, "No prompt is known.");
    for change in told.changes.iter().take(CHANGES_SHOWN) {
        out::line(&told_change(change));
    }
    for node in told.nodes.iter().filter(|node| node.prompt.as_ref() != Some(&told.in_force)) {
        let now = node.prompt.as_deref().unwrap_or("nothing that is known");
        let why = node.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        out::note(&format!("{} drafts with {now}{why}", node.node));
    }
    if let Some(trial) = &told.on_trial {
        let since = text::when(trial.at_ms);
        out::note(&format!("the suites are asked with {}, as {} wanted {since}", trial.version, trial.by));
    }
    say_unseen(&told.cannot_see);
    Ok(ExitCode::SUCCESS)
}

fn told_change(change: &PromptChange) -> String {
    let PromptChange { what, version, by, at_ms, reason, detail, .. } = change;
    format!("{}  {version} {what} by {by}: {reason} ({detail})", text::when(*at_ms))
}

async fn put(client: &Client, files: &[PathBuf], note: &str) -> Result<ExitCode, Failure> {
    let body = json!({ "pt": file(files, "pt")?, "en": file(files, "en")?, "note": note });
    let taken: Taken =
        client.send(client.request(reqwest::Method::POST, "/v1/operator/prompts").json(&body)).await?;
    out::line(&format!("{}: {}", taken.outcome, taken.detail));
    Ok(if taken.outcome == "done" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What stands in the file for a language.
fn file(files: &[PathBuf], language: &str) -> Result<String, Failure> {
    let is_own = |path: &&PathBuf| is_of(path, language);
    let path = files.iter().find(is_own).ok_or_else(|| {
        Failure::Plain(format!(
            "one of the files must be called after its language, as answer.{language}.txt"
        ))
    })?;
    std::fs::read_to_string(path).map_err(|error| Failure::io(format!("reading {}", path.display()), error))
}

/// Whether a file's name ends in its language, as `answer.v2.pt.txt` or `pt.txt`.
fn is_of(path: &Path, language: &str) -> bool {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    stem.rsplit(['.', '-', '_']).next() == Some(language)
}

/// Waits until the suites have been asked, and says how it ended.
async fn concluded(client: &Client, id: &str) -> Result<ExitCode, Failure> {
    loop {
        let told: shape::Prompts = ask(client, &Question::new("prompts")).await?;
        if let Some(change) = told.changes.iter().find(|change| change.id == id) {
            out::line(&format!("{}: {}", change.what, change.detail));
            return Ok(if change.what == "promoted" { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        let is_on = told.on_trial.as_ref().is_some_and(|trial| trial.id == id);
        if !is_on && told.cannot_see.is_empty() {
            out::line("refused: another change of the prompts has ended the trial.");
            return Ok(ExitCode::FAILURE);
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

async fn show(client: &Client, version: &str) -> Result<ExitCode, Failure> {
    let question = Question::new("prompts").with("version", Some(version));
    let told: Value = client.send(question.request(client)).await?;
    let told: shape::Prompts = serde_json::from_value(json!({ "files": told["files"] })).unwrap_or_default();
    let Some(files) = told.files else {
        return Err(Failure::Plain(format!("there is no prompt {version}")));
    };
    for (language, text) in [("pt", &files.pt), ("en", &files.en)] {
        out::line(&out::strong(&format!("answer.{version}.{language}.txt")));
        out::line(text);
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_the_language_at_the_end_of_its_name() {
        let of = |name: &str| ["pt", "en"].map(|language| is_of(Path::new(name), language));
        assert_eq!(of("prompts/answer.v2.pt.txt"), [true, false]);
        assert_eq!(of("EN.txt"), [false, true]);
        assert_eq!(of("novo-pt.txt"), [true, false]);
        assert_eq!(of("script.txt"), [false, false]);
        assert!(file(&["a/x.pt.txt".into()], "en").is_err());
    }
}
