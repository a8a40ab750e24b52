//! `export`: tables of a store for analysts.

use std::process::ExitCode;

use enabler_config::Loaded;
use enabler_lake::Options;
use rag_enabler::bundle;

use super::arguments::Export;
use super::failure::Failure;
use super::out;
use super::serve::chain;

/// Writes the tables.
pub(crate) async fn export(loaded: &Loaded, asked: &Export) -> Result<ExitCode, Failure> {
    let options = Options { with_text: asked.with_text, replace: asked.replace, now_ms: 0 };
    let spinner = out::spinner("writing Parquet files");
    let exported = bundle::export(&loaded.merged.settings, asked.from.as_deref(), &asked.to, options).await;
    spinner.finish_and_clear();
    let exported = exported.map_err(|error| Failure::Plain(chain(&*error)))?;
    if out::as_json(asked.json) {
        let text = serde_json::to_string(&exported);
        out::line(&text.map_err(|error| Failure::Plain(error.to_string()))?);
        return Ok(ExitCode::SUCCESS);
    }
    out::line(&out::strong(&format!("{} files in {}", exported.files, asked.to)));
    out::line(&format!(
        "  {} documents, {} chunks, {} answers, {} verdicts",
        exported.documents, exported.chunks, exported.answers, exported.verdicts
    ));
    Ok(ExitCode::SUCCESS)
}
