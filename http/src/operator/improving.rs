//! What operators send about prompts and suites of questions, and how it is read. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Violation;
use crate::fields;
use crate::message::Message;
use crate::problem::Problem;

/// A suite in bytes: 500 questions of some 2 KB each.
pub(super) const SUITE_BYTES_MAX: usize = 1024 * 1024;
/// A note in characters.
const NOTE_CHARS_MAX: usize = 300;
const PROMPT_FIELDS: [&str; 3] = ["pt", "en", "note"];
const SUITE_FIELDS: [&str; 3] = ["suite", "gate", "questions"];

/// A version of the prompts: a file for each language, with its sections and placeholders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrompt {
    /// The file for answers in Portuguese: `[system]` with `{context}`, `[user]` with `{question}`.
    #[schemars(length(min = 1, max = 8192))]
    pub pt: String,
    /// The file for answers in English.
    #[schemars(length(min = 1, max = 8192))]
    pub en: String,
    /// What is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub note: Option<String>,
}

/// What a candidate must reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// The score at least.
    #[schemars(range(min = 0, max = 1))]
    pub min_score: f64,
    /// How far it may lie below the last accepted run.
    #[schemars(range(min = 0, max = 1))]
    pub max_drop: f64,
}

/// What is expected of an answer, of which something must be said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expected {
    /// Texts that it holds, whatever their case, accents and white space.
    #[schemars(length(max = 10))]
    pub contains: Vec<String>,
    /// The page of its first source.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub page: Option<u32>,
    /// The document of its first source, by its id or its file's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 300))]
    pub document: Option<String>,
    /// It is in the model's own words, which the passages bear.
    pub drafted: bool,
    /// The question is declined, because the documents do not say.
    pub refused: bool,
}

/// A question of a suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuiteQuestion {
    /// Its name in results; `q1`, `q2` and so on when not said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(regex(pattern = "^[a-z0-9_-]{0,64}$"))]
    pub id: String,
    /// What is asked.
    #[schemars(length(min = 3, max = 1000))]
    pub question: String,
    /// The one document that is asked, by its id or its file's name; all of them when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 300))]
    pub document: Option<String>,
    /// Where all documents are asked: only those of this template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 300))]
    pub template: Option<String>,
    /// What is expected.
    pub expected: Expected,
}

/// A suite of questions to your documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSuite {
    /// Its name.
    #[schemars(regex(pattern = "^[a-z0-9_-]{1,64}$"))]
    pub suite: String,
    /// What a candidate must reach; no drop at all when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// The questions.
    #[schemars(length(min = 1, max = 500))]
    pub questions: Vec<SuiteQuestion>,
}

/// A version of the prompts.
pub(super) fn prompt(object: &Map<String, Value>) -> Result<NewPrompt, Problem> {
    let mut wrong = fields::unknown(object, &PROMPT_FIELDS);
    let mut file = |field: &'static str| {
        let text = object.get(field).and_then(Value::as_str).unwrap_or_default();
        if text.trim().is_empty() {
            wrong.push(Violation { field, message: Message::FieldMissing });
        }
        text.to_owned()
    };
    let (pt, en) = (file("pt"), file("en"));
    let note = object.get("note").and_then(Value::as_str).map(str::to_owned);
    if note.as_ref().is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX) {
        wrong.push(Violation { field: "note", message: Message::FieldTooLong { limit: NOTE_CHARS_MAX } });
    }
    if wrong.is_empty() { Ok(NewPrompt { pt, en, note }) } else { Err(Problem::invalid(wrong)) }
}

/// A suite; what of it cannot be is said by the product, with the question's name.
pub(super) fn suite(object: &Map<String, Value>) -> Result<NewSuite, Problem> {
    let mut wrong = fields::unknown(object, &SUITE_FIELDS);
    let suite = object.get("suite").and_then(Value::as_str).unwrap_or_default().to_owned();
    if suite.is_empty() {
        wrong.push(Violation { field: "suite", message: Message::FieldMissing });
    }
    let gate = object.get("gate").filter(|gate| !gate.is_null()).map(Gate::deserialize).transpose();
    if gate.is_err() {
        let wanted = "an object with min_score and max_drop, numbers from 0 to 1";
        wrong.push(Violation { field: "gate", message: Message::NotTarget { wanted } });
    }
    let questions = object.get("questions").map(Vec::<SuiteQuestion>::deserialize).transpose();
    let questions = match questions {
        Ok(questions) => questions.unwrap_or_default(),
        Err(_) => {
            let wanted = "a list of objects with question and expected (contains, page, document, drafted or refused), and with id, document or template if wanted";
            wrong.push(Violation { field: "questions", message: Message::NotTarget { wanted } });
            Vec::new()
        }
    };
    match gate {
        Ok(gate) if wrong.is_empty() => Ok(NewSuite { suite, gate, questions }),
        _ => Err(Problem::invalid(wrong)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(problem: Problem) -> Vec<&'static str> {
        problem.violations.iter().map(|one| one.field).collect()
    }

    #[test]
    fn a_version_needs_both_languages() {
        let read = prompt(json!({ "pt": "a", "en": "b", "note": "shorter" }).as_object().unwrap()).unwrap();
        assert_eq!((&*read.pt, read.note.as_deref()), ("a", Some("shorter")));
        let wrong = prompt(json!({ "pt": "a", "fr": "c" }).as_object().unwrap()).unwrap_err();
        assert_eq!(fields(wrong), ["body", "en"]);
    }

    #[test]
    fn a_suite_is_read_whole_or_everything_wrong_with_it_is_said() {
        let good = json!({
            "suite": "contracts", "gate": { "min_score": 0.9 },
            "questions": [{ "question": "Qual o prazo?", "expected": { "contains": ["60 dias"] } }],
        });
        let read = suite(good.as_object().unwrap()).unwrap();
        assert_eq!((read.gate.unwrap().min_score, read.questions.len()), (0.9, 1));
        let wrong = json!({ "gate": { "min": 1 }, "questions": [{ "question": "Qual?", "expects": {} }] });
        assert_eq!(fields(suite(wrong.as_object().unwrap()).unwrap_err()), ["suite", "gate", "questions"]);
    }
}
