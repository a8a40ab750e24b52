//! Reads what analysis is wanted, from a body or from a query. Pure.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::Analyze;
use crate::error::Violation;
use crate::knowledge::read::document_id;
use crate::message::Message;
use crate::problem::Problem;
use crate::reader::Fields;

/// A profile's name: a file's, without its ending.
const NAME_CHARS_MAX: usize = 64;

/// Reads the body of an analysis.
pub(super) fn body(body: &Map<String, Value>) -> Result<(Uuid, Analyze), Problem> {
    let mut fields = Fields::only(body, &["document_id", "profile", "use_model"]);
    let id = document_id(&mut fields);
    if fields.get("document_id").is_none() {
        fields.refuse("document_id", Message::FieldMissing);
    }
    let sent = fields.get("profile");
    let profile = sent.and_then(Value::as_str).and_then(name);
    if let Some(got) = sent.filter(|_| profile.is_none()) {
        let got = crate::request::said(got);
        fields.refuse("profile", Message::NotProfile { chars_max: NAME_CHARS_MAX, got });
    }
    let use_model = fields.flag("use_model", false);
    fields.done((id.unwrap_or_default(), Analyze { profile, use_model }))
}

/// Reads the query of a file; unknown names are left alone.
pub(super) fn query(query: &str) -> Result<Analyze, Problem> {
    let mut wanted = Analyze::default();
    for pair in query.split('&') {
        let (key, text) = pair.split_once('=').unwrap_or((pair, ""));
        match (key, text) {
            ("profile", text) => match name(text) {
                Some(name) => wanted.profile = Some(name),
                None => {
                    let got = text.chars().take(40).collect();
                    let message = Message::NotProfile { chars_max: NAME_CHARS_MAX, got };
                    return Err(Problem::invalid(vec![Violation { field: "profile", message }]));
                }
            },
            ("use_model", "true") => wanted.use_model = true,
            ("use_model", "false") => wanted.use_model = false,
            ("use_model", text) => {
                let message = Message::NotFlag { got: text.chars().take(40).collect() };
                return Err(Problem::invalid(vec![Violation { field: "use_model", message }]));
            }
            _ => {}
        }
    }
    Ok(wanted)
}

fn name(text: &str) -> Option<String> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    (plain && (1..=NAME_CHARS_MAX).contains(&text.len())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn wrong<T: std::fmt::Debug>(read: Result<T, Problem>) -> Vec<&'static str> {
        read.unwrap_err().violations.iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn an_analysis_names_its_document_and_may_name_a_profile() {
        let read = |value: Value| body(value.as_object().unwrap());
        assert_eq!(wrong(read(json!({}))), ["document_id"]);
        assert_eq!(
            wrong(read(json!({"document_id": "12", "profile": "../x", "use_model": 1}))),
            ["document_id", "profile", "use_model"]
        );
        let id = "4f5c0f3c-96c4-4a3e-8f0a-2f3a1c9b7d11";
        let (found, wanted) = read(json!({"document_id": id, "profile": "inventory"})).unwrap();
        assert_eq!((found.to_string().as_str(), wanted.profile.as_deref()), (id, Some("inventory")));
        assert_eq!(read(json!({"document_id": id})).unwrap().1, Analyze::default());
    }

    #[test]
    fn a_query_names_a_profile() {
        assert_eq!(query("").unwrap(), Analyze::default());
        assert_eq!(query("profile=inventory&x=1").unwrap().profile.as_deref(), Some("inventory"));
        assert_eq!(wrong(query("profile=")), ["profile"]);
        assert_eq!(wrong(query("profile=a%2Fb")), ["profile"]);
        assert_eq!(wrong(query("use_model=yes")), ["use_model"]);
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(text in ".{0,80}") {
            let _ = query(&text);
        }
    }
}
