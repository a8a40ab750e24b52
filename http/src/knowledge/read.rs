//! Reads the bodies of a search and of a question over everything. Pure.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Query, Search};
use crate::error::Violation;
use crate::message::Message;
use crate::problem::Problem;
use crate::reader::Fields;
use crate::request::{self, QUESTION_CHARS_MIN};

/// Passages of a search when the client does not say.
const RESULTS: u64 = 10;
/// The most passages of one search; more is an export, not a search.
const RESULTS_MAX: u64 = 50;
/// Facts that one search may ask for; each is compared with every document.
const FILTERS_MAX: usize = 16;
/// The longest name or value of a fact, in characters.
const FILTER_CHARS_MAX: usize = 200;

/// Reads a search.
pub(crate) fn search(body: &Map<String, Value>, chars_max: usize) -> Result<Search, Problem> {
    let mut fields = Fields::only(body, &["query", "top_k", "filters"]);
    let query = fields.text("query", QUESTION_CHARS_MIN, chars_max);
    let top_k = fields.whole("top_k", 1, RESULTS_MAX).unwrap_or(RESULTS);
    let filters = filters(&mut fields);
    fields.done(Search { query, top_k: usize::try_from(top_k).unwrap_or(1), filters })
}

/// Reads a question over everything: that of a document, and filters.
pub(crate) fn query(body: &Map<String, Value>, chars_max: usize) -> Result<Query, Problem> {
    let mut fields = Fields::of(body);
    let filters = filters(&mut fields);
    match (request::ask_beside(body, chars_max, &["filters"]), fields.done(())) {
        (Ok(ask), Ok(())) => Ok(Query { ask, filters }),
        (Ok(_), Err(problem)) | (Err(problem), Ok(())) => Err(problem),
        (Err(one), Err(other)) => {
            let all: Vec<Violation> = one.violations.into_iter().chain(other.violations).collect();
            Err(Problem::invalid(all))
        }
    }
}

/// A document's id, if one was sent.
pub(crate) fn document_id(fields: &mut Fields<'_>) -> Option<Uuid> {
    let value = fields.get("document_id")?;
    let id = value.as_str().and_then(|text| Uuid::try_parse(text).ok());
    if id.is_none() {
        fields.refuse("document_id", Message::NotUuid { got: request::said(value) });
    }
    id
}

fn filters(fields: &mut Fields<'_>) -> Vec<(String, String)> {
    let Some(value) = fields.get("filters") else { return Vec::new() };
    let short = |text: &str| text.chars().count() <= FILTER_CHARS_MAX;
    let read = |(name, value): (&String, &Value)| match value {
        Value::String(text) if short(name) && short(text) => Some((name.clone(), text.clone())),
        _ => None,
    };
    let wanted = value.as_object().filter(|wanted| wanted.len() <= FILTERS_MAX);
    let filters = wanted.and_then(|wanted| wanted.iter().map(read).collect());
    filters.unwrap_or_else(|| {
        fields.refuse("filters", Message::NotFilters { facts_max: FILTERS_MAX, chars_max: FILTER_CHARS_MAX });
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> &Map<String, Value> {
        value.as_object().unwrap()
    }

    fn wrong<T: std::fmt::Debug>(read: Result<T, Problem>) -> Vec<&'static str> {
        read.unwrap_err().violations.iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn a_search_is_read_with_its_defaults() {
        let read = search(object(&json!({"query": " prazo de entrega "})), 1000).unwrap();
        assert_eq!(read, Search { query: "prazo de entrega".into(), top_k: 10, filters: vec![] });
        let body = json!({"query": "prazo", "top_k": 50, "filters": {"document_type": "generic"}});
        let read = search(object(&body), 1000).unwrap();
        assert_eq!((read.top_k, read.filters), (50, vec![("document_type".into(), "generic".into())]));
    }

    #[test]
    fn every_wrong_field_of_a_search_is_said() {
        let body = json!({"query": "ab", "top_k": 51, "filters": {"year": 2024}});
        assert_eq!(wrong(search(object(&body), 1000)), ["query", "top_k", "filters"]);
        let many: Map<String, Value> = (0..17).map(|n| (n.to_string(), json!("x"))).collect();
        assert_eq!(wrong(search(object(&json!({"query": "abc", "filters": many})), 1000)), ["filters"]);
        assert_eq!(wrong(search(object(&json!({"filters": []})), 1000)), ["query", "filters"]);
    }

    #[test]
    fn a_question_over_everything_has_the_fields_of_any_question_and_filters() {
        let body = json!({"question": "ab", "top_k": 21, "filters": 1});
        assert_eq!(wrong(query(object(&body), 1000)), ["question", "top_k", "filters"]);
        let body = json!({"question": "Qual o prazo?", "filters": {"unit": "Sul"}});
        assert_eq!(query(object(&body), 1000).unwrap().filters, [("unit".into(), "Sul".into())]);
    }
}
