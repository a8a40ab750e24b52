//! Searches all documents and prints the passages that fit best.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::arguments::Search;
use super::ask::excerpt;
use super::client::Client;
use super::failure::Failure;
use super::out;

/// Searches for what `search` says.
pub(crate) async fn search(client: &Client, search: &Search) -> Result<ExitCode, Failure> {
    let found = client.post("/v1/search", &body(search)?).await?;
    let results = found["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    if out::as_json(search.json) {
        results.iter().for_each(|one| out::line(&one.to_string()));
        return Ok(ExitCode::SUCCESS);
    }
    for one in results {
        out::line(&format!(
            "{}  page {:>4}  score {:.2}  {}",
            one["document_id"].as_str().unwrap_or_default(),
            one["page"].as_u64().unwrap_or(0),
            one["score"].as_f64().unwrap_or(0.0),
            one["filename"].as_str().unwrap_or_default(),
        ));
        out::line(&format!("    {}", excerpt(one["text"].as_str().unwrap_or_default())));
    }
    if results.is_empty() {
        out::line("Nothing was found in any document.");
    }
    Ok(ExitCode::SUCCESS)
}

fn body(search: &Search) -> Result<Value, Failure> {
    let mut body = json!({ "query": search.query });
    if let Some(top_k) = search.top_k {
        body["top_k"] = json!(top_k);
    }
    let mut filters = Map::new();
    for filter in &search.filters {
        let (name, value) = filter.split_once('=').ok_or_else(|| {
            Failure::Plain(format!("{filter:?} is no filter such as document_type=generic"))
        })?;
        filters.insert(name.to_owned(), value.into());
    }
    if !filters.is_empty() {
        body["filters"] = filters.into();
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(filters: &[&str]) -> Search {
        let filters = filters.iter().map(|one| (*one).to_owned()).collect();
        Search { query: "prazo".into(), top_k: Some(3), filters, json: false }
    }

    #[test]
    fn filters_are_facts_by_their_names() {
        let body = body(&search(&["document_type=generic", "unit=a=b"])).unwrap();
        let filters = json!({ "document_type": "generic", "unit": "a=b" });
        assert_eq!(body, json!({ "query": "prazo", "top_k": 3, "filters": filters }));
        assert!(super::body(&search(&["unit"])).is_err());
    }
}
