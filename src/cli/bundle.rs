//! `backup` and `restore`: a whole store as one file, and back.

use std::process::ExitCode;

use enabler_config::Loaded;
use enabler_storage::bundle::Summary;
use rag_enabler::bundle;
use rag_enabler::node::NodeError;

use super::arguments::{Backup, Restore};
use super::failure::Failure;
use super::out;
use super::serve::chain;

/// Makes a bundle, or checks one.
pub(crate) async fn backup(loaded: &Loaded, asked: &Backup) -> Result<ExitCode, Failure> {
    let (outcome, path, done) = match (&asked.check, &asked.to) {
        (Some(file), _) => {
            let spinner = out::spinner("reading the bundle");
            let outcome = bundle::check(file).await;
            spinner.finish_and_clear();
            (outcome, file, "can be restored")
        }
        (None, Some(to)) => {
            let spinner = out::spinner("copying the store");
            let outcome = bundle::backup(&loaded.merged.settings, asked.from.as_deref(), to).await;
            spinner.finish_and_clear();
            (outcome, to, "is whole")
        }
        (None, None) => return Err(Failure::Plain("name the new file with --to FILE".to_owned())),
    };
    tell(&outcome.map_err(failure)?, asked.json, &format!("{} {done}", path.display()))
}

/// Puts a bundle into an empty store.
pub(crate) async fn restore(loaded: &Loaded, asked: &Restore) -> Result<ExitCode, Failure> {
    let spinner = out::spinner("restoring the store");
    let outcome = bundle::restore(&loaded.merged.settings, &asked.file, &asked.into).await;
    spinner.finish_and_clear();
    tell(&outcome.map_err(failure)?, asked.json, &format!("{} is restored; start nodes on it", asked.into))
}

fn failure(error: NodeError) -> Failure {
    Failure::Plain(chain(&*error))
}

fn tell(summary: &Summary, json: bool, done: &str) -> Result<ExitCode, Failure> {
    if out::as_json(json) {
        let text = serde_json::to_string(summary);
        out::line(&text.map_err(|error| Failure::Plain(error.to_string()))?);
        return Ok(ExitCode::SUCCESS);
    }
    out::line(&out::strong(done));
    out::line(&format!(
        "  {} objects, {} in all, {} in the file",
        summary.objects,
        out::size(summary.bytes),
        out::size(summary.file_bytes)
    ));
    out::line(&format!(
        "  {} of {} shards in use, {} log entries, {} blobs",
        summary.shards, summary.about.shard_count, summary.entries, summary.blobs
    ));
    Ok(ExitCode::SUCCESS)
}
