//! Asks one document and prints the answer with its pages.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::arguments::Ask;
use super::client::Client;
use super::failure::Failure;
use super::{events, out};

/// Asks what `ask` says.
pub(crate) async fn ask(client: &Client, ask: &Ask) -> Result<ExitCode, Failure> {
    let mut question = json!({ "question": ask.question, "model": ask.model });
    if let Some(top_k) = ask.top_k {
        question["top_k"] = json!(top_k);
    }
    if out::as_json(ask.json) {
        out::line(&client.ask(&ask.document, &question).await?.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let spinner = out::spinner("searching");
    let told = |name: &str, data: &Value| match name {
        "sources" => spinner.set_message(format!("reading {}", pages(data))),
        "delta" => {
            spinner.finish_and_clear();
            out::piece(data["text"].as_str().unwrap_or_default());
        }
        _ => {}
    };
    let answer = events::ask(client, &ask.document, &question, told).await;
    spinner.finish_and_clear();
    let answer = answer?;
    out::line("");
    print_proof(&answer);
    Ok(ExitCode::SUCCESS)
}

/// The pages of the passages that were found, each once.
fn pages(found: &Value) -> String {
    let pages =
        found["sources"].as_array().into_iter().flatten().filter_map(|source| source["page"].as_u64());
    let pages: Vec<String> =
        pages.collect::<std::collections::BTreeSet<u64>>().iter().map(u64::to_string).collect();
    match pages.as_slice() {
        [] => "the document".to_owned(),
        [one] => format!("page {one}"),
        many => format!("pages {}", many.join(", ")),
    }
}

/// Prints an answer with the pages that it rests on.
pub(crate) fn print(answer: &Value) {
    let text = answer["answer"].as_str().unwrap_or_default();
    out::line(&out::strong(text.trim()));
    print_proof(answer);
}

/// Prints what an answer rests on.
fn print_proof(answer: &Value) {
    for correction in answer["dkr_corrections"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        out::line(&format!("  rule   {correction}"));
    }
    let sources = answer["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
    for source in sources.iter().take(SOURCES_SHOWN) {
        out::line(&format!(
            "  page {}  score {:.2}  {}",
            source["page"].as_u64().unwrap_or(0),
            source["score"].as_f64().unwrap_or(0.0),
            excerpt(source["text"].as_str().unwrap_or_default()),
        ));
    }
    out::line(&format!(
        "  confidence {:.2}, {}, {} ms{}",
        answer["confidence"].as_f64().unwrap_or(0.0),
        answer["model_used"].as_str().unwrap_or("no model"),
        answer["processing_time_ms"].as_u64().unwrap_or(0),
        if answer["cached"] == true { ", from the cache" } else { "" },
    ));
}

/// Sources shown to a person; the JSON has all of them.
const SOURCES_SHOWN: usize = 3;
/// Characters of a passage shown to a person: one line of a wide terminal.
const EXCERPT_CHARS: usize = 90;

/// One line of a passage.
pub(crate) fn excerpt(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= EXCERPT_CHARS {
        format!("“{flat}”")
    } else {
        format!("“{}…”", flat.chars().take(EXCERPT_CHARS).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_is_named_once_and_in_order() {
        let found = json!({ "sources": [{ "page": 7 }, { "page": 2 }, { "page": 7 }] });
        assert_eq!((pages(&found), pages(&json!({}))), ("pages 2, 7".to_owned(), "the document".to_owned()));
    }

    #[test]
    fn an_excerpt_is_one_line_and_cut_between_characters() {
        assert_eq!(excerpt(" a\n b "), "“a b”");
        assert_eq!(excerpt(&"é".repeat(200)).chars().count(), EXCERPT_CHARS + 3);
    }
}
