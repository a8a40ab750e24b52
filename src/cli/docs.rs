//! Lists, shows and deletes documents.

use std::process::ExitCode;

use serde_json::Value;

use super::arguments::{Docs, DocsCommand};
use super::client::Client;
use super::failure::Failure;
use super::{ingest, out};

/// Does what `docs` says.
pub(crate) async fn docs(client: &Client, docs: &Docs) -> Result<ExitCode, Failure> {
    match &docs.command {
        DocsCommand::List { json } => list(client, out::as_json(*json)).await,
        DocsCommand::Show { document, json } => show(client, document, out::as_json(*json)).await,
        DocsCommand::Delete { documents } => delete(client, documents).await,
    }
}

async fn list(client: &Client, as_json: bool) -> Result<ExitCode, Failure> {
    let mut count = 0_usize;
    let mut cursor = None;
    loop {
        let part = client.documents(cursor.as_deref()).await?;
        for document in part["documents"].as_array().map(Vec::as_slice).unwrap_or_default() {
            count += 1;
            if as_json { out::line(&document.to_string()) } else { out::line(&row(document)) }
        }
        cursor = part["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if count == 0 && !as_json {
        out::line("There are no documents yet. Upload one with: rag-enabler ingest FILE.pdf");
    }
    Ok(ExitCode::SUCCESS)
}

fn row(document: &Value) -> String {
    let pages = document["page_count"].as_u64().map_or_else(|| "-".to_owned(), |pages| pages.to_string());
    format!(
        "{}  {:10}  {:>5} pages  {}",
        ingest::id_of(document),
        document["status"].as_str().unwrap_or_default(),
        pages,
        document["filename"].as_str().unwrap_or_default(),
    )
}

async fn show(client: &Client, id: &str, as_json: bool) -> Result<ExitCode, Failure> {
    let document = client.document(id).await?;
    if as_json {
        out::line(&document.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for field in
        ["id", "filename", "status", "error", "template", "page_count", "word_count", "created_at", "sha256"]
    {
        let text = match &document[field] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        out::line(&format!("{field:11} {text}"));
    }
    for page in document["pages"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let confidence = page["confidence"].as_f64().map(|c| format!("  confidence {c:.2}"));
        let warnings = page["warnings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let warnings: Vec<&str> = warnings.iter().filter_map(Value::as_str).collect();
        out::line(&format!(
            "page {:>4}   {:6} {:>5} words{}{}{}",
            page["page"].as_u64().unwrap_or(0),
            page["method"].as_str().unwrap_or_default(),
            page["words"].as_u64().unwrap_or(0),
            confidence.unwrap_or_default(),
            if warnings.is_empty() { "" } else { "  " },
            warnings.join("; "),
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn delete(client: &Client, ids: &[String]) -> Result<ExitCode, Failure> {
    let mut failed = false;
    for id in ids {
        match client.delete(id).await {
            Ok(()) => out::line(&format!("deleted {id}")),
            Err(Failure::Refused(refusal)) => {
                out::error(&refusal.to_string());
                failed = true;
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
