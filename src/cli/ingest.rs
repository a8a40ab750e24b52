//! Uploads files and waits until they are read.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use futures_util::StreamExt as _;
use indicatif::MultiProgress;
use serde_json::{Value, json};

use super::arguments::Ingest;
use super::client::Client;
use super::failure::Failure;
use super::out;

/// How often the progress of a document is asked for.
const POLL: Duration = Duration::from_millis(400);
/// Documents waited for at one time; a node reads no more at once on most machines.
const WAITING_MAX: usize = 8;
/// The most files of one command: a directory with more is better sent in parts that can be told apart.
const FILES_MAX: usize = 10_000;
/// How deep directories are searched, so that a link that leads back to its parent ends.
const DEPTH_MAX: usize = 16;

/// Uploads what `ingest` names.
pub(crate) async fn ingest(client: &Client, ingest: &Ingest) -> Result<ExitCode, Failure> {
    let files = files(&ingest.paths)?;
    let as_json = out::as_json(ingest.json);
    let bars = MultiProgress::new();
    let template = ingest.template.name();
    let metadata = ingest.metadata.as_deref();
    let bars_of_documents = &bars;
    let outcomes = futures_util::stream::iter(files).map(|file| async move {
        let uploaded = upload(client, &file, template, metadata, bars_of_documents).await;
        let document = match uploaded {
            Ok(accepted) if ingest.no_wait => Ok(accepted),
            Ok(accepted) => wait(client, &id_of(&accepted), &name_of(&file), bars_of_documents).await,
            Err(failure) => Err(failure),
        };
        (file, document)
    });
    let mut outcomes = outcomes.buffer_unordered(WAITING_MAX);
    let mut failed = 0;
    while let Some((file, outcome)) = outcomes.next().await {
        // Without a node no further file will fare better.
        if let Err(failure @ Failure::Unreachable { .. }) = outcome {
            return Err(failure);
        }
        let good = outcome.as_ref().is_ok_and(|document| document["status"] != "failed");
        failed += usize::from(!good);
        bars.suspend(|| report(&file, &outcome, as_json));
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Uploads one file under a bar.
pub(crate) async fn upload(
    client: &Client,
    file: &Path,
    template: &str,
    metadata: Option<&str>,
    bars: &MultiProgress,
) -> Result<Value, Failure> {
    let size = tokio::fs::metadata(file).await;
    let size = size.map_err(|error| Failure::io(format!("reading {}", file.display()), error))?.len();
    let bar = bars.add(out::bytes_bar(size, &name_of(file)));
    let counted = bar.clone();
    let outcome = client.upload(file, template, metadata, move |bytes| counted.inc(bytes)).await;
    bar.finish_and_clear();
    outcome
}

/// Waits under a bar until the document is ready or failed.
pub(crate) async fn wait(
    client: &Client,
    id: &str,
    name: &str,
    bars: &MultiProgress,
) -> Result<Value, Failure> {
    let bar = bars.add(out::pages_bar(name));
    let outcome = loop {
        let document = match client.document(id).await {
            Ok(document) => document,
            Err(failure) => break Err(failure),
        };
        if document["status"] != "processing" {
            break Ok(document);
        }
        let progress = &document["progress"];
        bar.set_length(progress["pages_total"].as_u64().unwrap_or(0));
        bar.set_position(progress["pages_done"].as_u64().unwrap_or(0));
        bar.set_message(progress["stage"].as_str().unwrap_or("queued").to_owned());
        tokio::time::sleep(POLL).await;
    };
    bar.finish_and_clear();
    outcome
}

fn report(file: &Path, outcome: &Result<Value, Failure>, as_json: bool) {
    match (outcome, as_json) {
        (Ok(document), true) => {
            let mut shown = document.clone();
            shown["file"] = json!(file.display().to_string());
            out::line(&shown.to_string());
        }
        (Err(failure), true) => out::line(
            &json!({"file": file.display().to_string(), "status": "refused", "error": failure.to_string()})
                .to_string(),
        ),
        (Ok(document), false) => out::line(&sentence(&name_of(file), document)),
        (Err(failure), false) => out::line(&format!("✗ {}: {failure}", name_of(file))),
    }
}

/// How it went with one document, in one line.
pub(crate) fn sentence(name: &str, document: &Value) -> String {
    let id = id_of(document);
    match document["status"].as_str() {
        Some("ready") => format!(
            "✓ {name}: {} pages, {} words  {id}",
            document["page_count"].as_u64().unwrap_or(0),
            document["word_count"].as_u64().unwrap_or(0),
        ),
        Some("failed") => {
            format!("✗ {name}: {}  {id}", document["error"].as_str().unwrap_or("it could not be read"))
        }
        _ => format!("… {name}: uploaded, being read  {id}"),
    }
}

/// The id in a document or in the answer to an upload.
pub(crate) fn id_of(document: &Value) -> String {
    let id = document["id"].as_str().or_else(|| document["document_id"].as_str());
    id.unwrap_or_default().to_owned()
}

fn name_of(file: &Path) -> String {
    file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// The files that `paths` name, each once, directories searched for PDFs.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            search(path, 0, &mut files)?;
            if files.len() == before {
                return Err(Failure::Plain(format!("{} holds no PDF", path.display())));
            }
        } else if path.is_file() {
            files.push(path.clone());
        } else {
            return Err(Failure::Plain(format!("{} does not exist", path.display())));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

fn search(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let doing = || format!("searching {}", dir.display());
    let entries = std::fs::read_dir(dir).map_err(|error| Failure::io(doing(), error))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    // By name, so that two runs upload in one order.
    paths.sort();
    for path in paths {
        let is_pdf = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf"));
        if path.is_dir() && depth < DEPTH_MAX {
            search(&path, depth + 1, files)?;
        } else if is_pdf && path.is_file() {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(Failure::Plain(format!("there are more than {FILES_MAX} files; send them in parts")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_searched_for_pdfs_and_each_file_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        for name in ["b.pdf", "a.PDF", "notes.txt", "inner/c.pdf"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        let named = [dir.path().to_owned(), dir.path().join("b.pdf")];
        let names: Vec<String> = files(&named).unwrap().iter().map(|file| name_of(file)).collect();
        assert_eq!(names, ["a.PDF", "b.pdf", "c.pdf"]);
        assert!(files(&[dir.path().join("missing.pdf")]).unwrap_err().to_string().contains("does not exist"));
    }
}
