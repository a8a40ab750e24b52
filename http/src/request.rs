//! Checks what a client sent and says everything that is wrong with it at once. Pure.

use serde_json::{Map, Value};

use crate::ask::{Ask, Model};
use crate::document::{ListQuery, Template};
use crate::error::Violation;
use crate::fields;
use crate::json;
use crate::message::Message;
use crate::problem::Problem;

/// The shortest question, in characters; the contract's.
pub(crate) const QUESTION_CHARS_MIN: usize = 3;
/// The most passages a question may ask for; the contract's.
const TOP_K_MAX: u64 = 20;
/// Documents in a list when the client does not say.
const LIST_LIMIT: usize = 20;
/// The most documents in one part of a list, because each is read from its shard.
const LIST_LIMIT_MAX: u64 = 100;
/// The longest cursor; ours are far shorter.
const CURSOR_CHARS_MAX: usize = 256;
/// The longest wrong value that is said back to the client.
const SAID_CHARS_MAX: usize = 40;

/// Reads a JSON body.
pub(crate) fn json_object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    json::object(bytes)
}

/// The fields of a question.
pub(crate) const ASK_FIELDS: [&str; 6] =
    ["question", "model", "use_dkr", "top_k", "include_sources", "session_id"];

/// Reads a question.
pub(crate) fn ask(given: &Map<String, Value>, question_chars_max: usize) -> Result<Ask, Problem> {
    ask_beside(given, question_chars_max, &[])
}

/// Reads a question in a body that has other fields too, which somebody else reads.
pub(crate) fn ask_beside(
    given: &Map<String, Value>,
    question_chars_max: usize,
    others: &[&'static str],
) -> Result<Ask, Problem> {
    let mut wrong = fields::unknown(given, &[&ASK_FIELDS[..], others].concat());
    let question = question(given.get("question"), question_chars_max, &mut wrong);
    let model = match given.get("model") {
        None | Some(Value::Null) => Model::default(),
        Some(value) => value.as_str().and_then(Model::named).unwrap_or_else(|| {
            let message = Message::NotOneOf { allowed: names(&Model::ALL), got: said(value) };
            wrong.push(Violation { field: "model", message });
            Model::default()
        }),
    };
    let top_k = match given.get("top_k") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let number = whole(value).filter(|k| (1..=TOP_K_MAX).contains(k));
            if number.is_none() {
                let message = Message::NotWhole { min: 1, max: TOP_K_MAX, got: said(value) };
                wrong.push(Violation { field: "top_k", message });
            }
            number.and_then(|k| usize::try_from(k).ok())
        }
    };
    let use_dkr = flag(given, "use_dkr", &mut wrong);
    let include_sources = flag(given, "include_sources", &mut wrong);
    let session_id = session_id(given, &mut wrong);
    if wrong.is_empty() {
        Ok(Ask { question, model, use_dkr, top_k, include_sources, stream: None, session_id })
    } else {
        Err(Problem::invalid(wrong))
    }
}

/// A whole number; `6.0` is one, as JSON Schema has it.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    // Beyond it not every whole number can be told from the next as a fraction.
    let exact = 0.0..9_007_199_254_740_992.0;
    let fraction = || value.as_f64().filter(|number| number.fract() == 0.0 && exact.contains(number));
    value.as_u64().or_else(|| fraction().map(|number| number as u64))
}

fn question(value: Option<&Value>, max: usize, wrong: &mut Vec<Violation>) -> String {
    let mut refuse = |message| wrong.push(Violation { field: "question", message });
    match value {
        None | Some(Value::Null) => refuse(Message::FieldMissing),
        Some(Value::String(text)) => {
            let question = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
            let chars = question.chars().count();
            if (QUESTION_CHARS_MIN..=max).contains(&chars) {
                return question.to_owned();
            }
            refuse(Message::QuestionLength { chars, min: QUESTION_CHARS_MIN, max });
        }
        Some(_) => refuse(Message::NotText),
    }
    String::new()
}

/// The longest name of a conversation, in characters; a UUID has 36.
const SESSION_CHARS_MAX: usize = 64;

fn session_id(fields: &Map<String, Value>, wrong: &mut Vec<Violation>) -> Option<String> {
    let value = fields.get("session_id").filter(|value| !value.is_null())?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let is_name = |text: &&str| (1..=SESSION_CHARS_MAX).contains(&text.len()) && text.bytes().all(plain);
    let session = value.as_str().filter(is_name);
    if session.is_none() {
        let message = Message::NotSessionId { chars_max: SESSION_CHARS_MAX, got: said(value) };
        wrong.push(Violation { field: "session_id", message });
    }
    session.map(str::to_owned)
}

fn flag(fields: &Map<String, Value>, field: &'static str, wrong: &mut Vec<Violation>) -> bool {
    match fields.get(field) {
        None | Some(Value::Null) => true,
        Some(Value::Bool(flag)) => *flag,
        Some(value) => {
            wrong.push(Violation { field, message: Message::NotFlag { got: said(value) } });
            true
        }
    }
}

/// Reads the query of a list; unknown names are left alone.
pub(crate) fn list(query: &str) -> Result<ListQuery, Problem> {
    let mut list = ListQuery { limit: LIST_LIMIT, cursor: None };
    let mut wrong = Vec::new();
    for pair in query.split('&') {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "limit" => match text.parse::<u64>() {
                Ok(limit) if (1..=LIST_LIMIT_MAX).contains(&limit) => {
                    list.limit = usize::try_from(limit).unwrap_or(LIST_LIMIT);
                }
                _ => wrong.push(Violation {
                    field: "limit",
                    message: Message::NotWhole { min: 1, max: LIST_LIMIT_MAX, got: cut(text) },
                }),
            },
            "cursor" if is_cursor(text) => list.cursor = Some(text.to_owned()),
            "cursor" => wrong.push(Violation { field: "cursor", message: Message::CursorUnknown }),
            _ => {}
        }
    }
    if wrong.is_empty() { Ok(list) } else { Err(Problem::invalid(wrong)) }
}

fn is_cursor(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    !text.is_empty() && text.len() <= CURSOR_CHARS_MAX && text.bytes().all(plain)
}

/// The template of an upload that leaves it to the document's own words, as does none and `generic`.
const AUTO: &str = "auto";

/// Reads the field `template` of an upload.
pub(crate) fn template(text: &str) -> Result<Template, Violation> {
    // What is left to the document's own words, said in so many words.
    if text.trim() == AUTO {
        return Ok(Template::default());
    }
    Template::named(text.trim()).ok_or_else(|| Violation {
        field: "template",
        message: Message::NotOneOf { allowed: names(&Template::ALL), got: cut(&format!("{text:?}")) },
    })
}

/// Reads the field `metadata` of an upload.
pub(crate) fn metadata(text: &str) -> Result<Map<String, Value>, Violation> {
    match json::value(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Violation { field: "metadata", message: Message::MetadataNotObject }),
        Err(message) => Err(Violation { field: "metadata", message }),
    }
}

/// The longest file name that is kept, in characters, as file systems have it.
const FILENAME_CHARS_MAX: usize = 255;

/// A file's name without directories and control characters.
pub(crate) fn filename(sent: Option<&str>) -> String {
    let sent = sent.unwrap_or_default();
    let last = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control()).take(FILENAME_CHARS_MAX).collect();
    let name = name.trim();
    if name.is_empty() || name == "." || name == ".." { "document.pdf".to_owned() } else { name.to_owned() }
}

/// Whether a file begins as a PDF does.
///
/// Source: ISO 32000-1, appendix H.3, implementation note 13: the header may stand anywhere in the first
/// 1024 bytes.
pub(crate) fn is_pdf(head: &[u8]) -> bool {
    head.windows(5).take(1024).any(|window| window == b"%PDF-")
}

fn names<T>(table: &[(&'static str, T)]) -> String {
    table.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

pub(crate) fn said(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    if text.chars().count() <= SAID_CHARS_MAX {
        text.to_owned()
    } else {
        text.chars().take(SAID_CHARS_MAX).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests;
