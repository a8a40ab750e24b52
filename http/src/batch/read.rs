//! Reads the questions of a batch. Pure.

use serde_json::{Map, Value};

use super::BatchItem;
use crate::error::Violation;
use crate::knowledge::read::document_id;
use crate::message::Message;
use crate::problem::Problem;
use crate::reader::Fields;
use crate::request;

/// Questions of one batch; each is answered within the batch's time.
pub(super) const QUESTIONS_MAX: usize = 100;

/// Reads the questions, and says of each wrong one where it stands.
pub(super) fn questions(body: &Map<String, Value>, chars_max: usize) -> Result<Vec<BatchItem>, Problem> {
    let mut fields = Fields::only(body, &["questions"]);
    let Some(value) = fields.get("questions") else {
        fields.refuse("questions", Message::FieldMissing);
        return fields.done(Vec::new());
    };
    let list = value.as_array().filter(|list| (1..=QUESTIONS_MAX).contains(&list.len()));
    let Some(list) = list else {
        fields.refuse("questions", Message::NotQuestions { max: QUESTIONS_MAX });
        return fields.done(Vec::new());
    };
    let (mut items, mut wrong) = (Vec::with_capacity(list.len()), Vec::new());
    for (at, one) in list.iter().enumerate() {
        match question(one, chars_max) {
            Ok(item) => items.push(item),
            Err(problem) => wrong.extend(problem.violations.into_iter().map(|violation| Violation {
                field: "questions",
                message: Message::InItem { at, field: violation.field, message: Box::new(violation.message) },
            })),
        }
    }
    if wrong.is_empty() { Ok(items) } else { Err(Problem::invalid(wrong)) }
}

fn question(value: &Value, chars_max: usize) -> Result<BatchItem, Problem> {
    let Some(body) = value.as_object() else {
        return Err(Problem::field("question", Message::FieldMissing));
    };
    let mut fields = Fields::of(body);
    let document_id = document_id(&mut fields);
    if fields.get("session_id").is_some() {
        // The order in which a batch is answered is not the client's.
        fields.refuse("session_id", Message::NotSupported);
    }
    let ask = request::ask_beside(body, chars_max, &["document_id"])?;
    fields.done(BatchItem::Question { document_id, ask })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::language::Language;

    fn reads(body: &Value) -> Result<Vec<BatchItem>, Vec<String>> {
        let said = |problem: Problem| {
            let said = |violation: &Violation| violation.message.text(Language::English);
            problem.violations.iter().map(said).collect()
        };
        questions(body.as_object().unwrap(), 1000).map_err(said)
    }

    #[test]
    fn each_question_is_one_of_a_document_or_of_everything() {
        let id = "4f5c0f3c-96c4-4a3e-8f0a-2f3a1c9b7d11";
        let body =
            json!({"questions": [{"question": "Qual o prazo?", "document_id": id}, {"question": "Quem?"}]});
        let items = reads(&body).unwrap();
        let of = |item: &BatchItem| match item {
            BatchItem::Question { document_id, .. } => document_id.map(|id| id.to_string()),
            _ => None,
        };
        assert_eq!(items.iter().map(of).collect::<Vec<_>>(), [Some(id.to_owned()), None]);
    }

    #[test]
    fn a_wrong_question_is_named_by_its_place() {
        let body = json!({"questions": [{"question": "Qual o prazo?"}, {"question": "ab", "top_k": 0}, 3]});
        let said = reads(&body).unwrap_err();
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].starts_with("item 1, question: must have 3"), "{said:?}");
        for questions in [json!([]), json!({}), json!(vec![json!({"question": "Quem?"}); 101])] {
            assert!(reads(&json!({ "questions": questions })).is_err());
        }
    }
}
