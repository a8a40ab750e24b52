//! Answers the last question of a conversation, from one document or from all.

use serde_json::{Map, Value, json};
use warp::http::{StatusCode, header};
use warp::reply::Response;

use super::stream::{Head, events};
use crate::answer;
use crate::ask::Answer;
use crate::door::{long_id, now_unix};
use crate::handlers::Call;
use crate::knowledge::{Chat, read::document_id};
use crate::message::Message;
use crate::problem::Problem;
use crate::reader::Fields;
use crate::request::QUESTION_CHARS_MIN;
use crate::upload::Refusal;

/// A long conversation; only its last questions are looked at.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Messages of a conversation; a client sends all of them each time.
const MESSAGES_MAX: usize = 1_000;
/// Earlier questions that are looked at: a follow-up takes its subject from one of the last few.
const EARLIER_MAX: usize = 6;
/// The longest name of a model, in characters.
const MODEL_CHARS_MAX: usize = 100;
/// The most tokens that a client may ask for; an answer has far fewer.
const TOKENS_MAX: u64 = 1_000_000;
/// About how many bytes a token has.
const TOKEN_BYTES: usize = 3;

/// A request that was checked.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    chat: Chat,
    is_streamed: bool,
    includes_usage: bool,
    /// Bytes of all messages.
    bytes: usize,
}

pub(crate) async fn complete(mut call: Call<'_>) -> Result<Response, Refusal> {
    let Request { chat, is_streamed, includes_usage, bytes } =
        read(&call.json_of(BODY_BYTES_MAX).await?, call.limits.question_chars_max)?;
    let answer = call.api.chat(call.context, chat).await?;
    let usage = usage(bytes, answer.answer.len());
    let (id, created) = (format!("chatcmpl-{}", long_id()), now_unix());
    if is_streamed {
        let head = Head { id: &id, created, model: &answer.model_used };
        let text = events(&head, &answer.answer, extension(&answer), includes_usage.then_some(&usage));
        let mut response = Response::new(text.into());
        let events = header::HeaderValue::from_static("text/event-stream; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, events);
        return Ok(response);
    }
    let mut body = json!({
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": answer.model_used,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": answer.answer },
            "finish_reason": "stop",
        }],
        "usage": usage,
    });
    if let (Some(body), Value::Object(extension)) = (body.as_object_mut(), extension(&answer)) {
        body.extend(extension);
    }
    Ok(answer::json(StatusCode::OK, &body))
}

/// What our answers say beyond OpenAI's.
fn extension(answer: &Answer) -> Value {
    json!({ "answered": answer.answered, "confidence": answer.confidence, "sources": answer.sources })
}

/// Tokens, estimated by bytes: which model reads what of the passages is decided behind the API.
fn usage(prompt_bytes: usize, answer_bytes: usize) -> Value {
    let (prompt, completion) = (prompt_bytes.div_ceil(TOKEN_BYTES), answer_bytes.div_ceil(TOKEN_BYTES));
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "estimated": true,
    })
}

fn read(body: &Map<String, Value>, chars_max: usize) -> Result<Request, Problem> {
    let mut fields = Fields::of(body);
    let model = match fields.get("model") {
        None => "auto".to_owned(),
        Some(_) => fields.text("model", 1, MODEL_CHARS_MAX),
    };
    let document_id = document_id(&mut fields);
    let is_streamed = fields.flag("stream", false);
    // How a model draws its words is not the client's to choose: an answer is what the documents bear.
    fields.number("temperature", 0, 2);
    fields.number("top_p", 0, 1);
    fields.number("presence_penalty", -2, 2);
    fields.number("frequency_penalty", -2, 2);
    for field in ["max_tokens", "max_completion_tokens"] {
        fields.whole(field, 1, TOKENS_MAX);
    }
    fields.whole("n", 1, 1);
    for field in ["tools", "functions"] {
        if fields.get(field).is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty())) {
            fields.refuse(field, Message::NotSupported);
        }
    }
    let format = fields.get("response_format");
    if format.is_some_and(|format| format.get("type").and_then(Value::as_str) != Some("text")) {
        fields.refuse("response_format", Message::NotSupported);
    }
    let options = fields.get("stream_options");
    let includes_usage = options.and_then(|options| options.get("include_usage")) == Some(&Value::Bool(true));
    let (earlier, question, bytes) = conversation(&mut fields, chars_max);
    fields.done(Request {
        chat: Chat { document_id, question, earlier, model },
        is_streamed,
        includes_usage,
        bytes,
    })
}

/// The questions before the last one, the last one, and the bytes of all messages.
fn conversation(fields: &mut Fields<'_>, chars_max: usize) -> (Vec<String>, String, usize) {
    let nothing = (Vec::new(), String::new(), 0);
    let Some(value) = fields.get("messages") else {
        fields.refuse("messages", Message::FieldMissing);
        return nothing;
    };
    let list = value.as_array().filter(|list| (1..=MESSAGES_MAX).contains(&list.len()));
    let Some(said) = list.and_then(|list| list.iter().map(message).collect::<Option<Vec<_>>>()) else {
        fields.refuse("messages", Message::NotMessages { messages_max: MESSAGES_MAX });
        return nothing;
    };
    let bytes = said.iter().map(|(_, text)| text.len()).sum();
    if said.last().is_none_or(|(role, _)| *role != "user") {
        fields.refuse("messages", Message::NoQuestion);
        return nothing;
    }
    let of_user = said.into_iter().filter(|(role, _)| *role == "user");
    let mut questions: Vec<String> = of_user.map(|(_, text)| text.trim().to_owned()).collect();
    let question = questions.pop().unwrap_or_default();
    let chars = question.chars().count();
    if !(QUESTION_CHARS_MIN..=chars_max).contains(&chars) {
        fields.refuse("messages", Message::QuestionLength { chars, min: QUESTION_CHARS_MIN, max: chars_max });
    }
    let is_short = |text: &String| text.chars().count() <= chars_max;
    questions.retain(is_short);
    questions.drain(..questions.len().saturating_sub(EARLIER_MAX));
    (questions, question, bytes)
}

/// The role and text of a message.
fn message(value: &Value) -> Option<(&str, String)> {
    let role = value.get("role")?.as_str()?;
    let text = match value.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let part = |part: &Value| match part.get("type")?.as_str()? {
                "text" => part.get("text")?.as_str().map(str::to_owned),
                _ => None,
            };
            parts.iter().map(part).collect::<Option<Vec<_>>>()?.join("\n")
        }
        // An assistant that has only refused or called a tool said nothing.
        None | Some(Value::Null) if role == "assistant" => String::new(),
        _ => return None,
    };
    ["system", "developer", "user", "assistant"].contains(&role).then_some((role, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(body: &Value) -> Result<Request, Vec<&'static str>> {
        let wrong = |problem: Problem| problem.violations.iter().map(|violation| violation.field).collect();
        read(body.as_object().unwrap(), 1000).map_err(wrong)
    }

    fn user(text: &str) -> Value {
        json!({ "role": "user", "content": text })
    }

    #[test]
    fn the_last_message_is_the_question_and_earlier_ones_are_the_conversation() {
        let parts = json!({"role": "user", "content": [{"type": "text", "text": " E qual é o valor? "}]});
        let said = json!({"role": "assistant", "content": "Doze meses."});
        let system = json!({"role": "system", "content": "Be brief."});
        let body = json!({"model": "auto", "messages": [system, user("Qual o prazo?"), said, parts]});
        let request = reads(&body).unwrap();
        assert_eq!(request.chat.question, "E qual é o valor?");
        assert_eq!(request.chat.earlier, ["Qual o prazo?"]);
        assert_eq!((request.chat.document_id, request.is_streamed), (None, false));
    }

    #[test]
    fn only_the_last_few_questions_are_looked_at() {
        let turns: Vec<Value> = (0..20).map(|n| user(&format!("Pergunta {n}?"))).collect();
        let request = reads(&json!({ "messages": turns })).unwrap();
        assert_eq!((request.chat.earlier.len(), request.chat.earlier[0].as_str()), (6, "Pergunta 13?"));
    }

    #[test]
    fn what_a_client_usually_sends_is_taken() {
        let body = json!({
            "messages": [user("Qual o prazo?")], "temperature": 0.7, "top_p": 1, "n": 1, "max_tokens": 100,
            "stream": true, "stream_options": {"include_usage": true}, "user": "x", "seed": 1, "tools": [],
            "response_format": {"type": "text"}, "presence_penalty": -2.0, "stop": ["\n"],
        });
        let request = reads(&body).unwrap();
        assert!(request.is_streamed && request.includes_usage);
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        let body = json!({
            "messages": [user("Qual o prazo?")], "temperature": 3, "n": 2, "tools": [{}], "stream": "yes",
            "response_format": {"type": "json_object"}, "max_tokens": 0, "document_id": "x", "model": "",
        });
        assert_eq!(
            reads(&body).unwrap_err(),
            ["model", "document_id", "stream", "temperature", "max_tokens", "n", "tools", "response_format"]
        );
        for messages in [
            json!(null),
            json!([]),
            json!("Qual?"),
            json!([{"role": "user"}]),
            json!([{"role": "tool", "content": "x"}]),
            json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]),
            json!([user("Qual o prazo?"), {"role": "assistant", "content": "x"}]),
            json!([user("ab")]),
            json!([user(&"x".repeat(1001))]),
        ] {
            assert_eq!(reads(&json!({ "messages": messages })).unwrap_err(), ["messages"], "{messages}");
        }
    }
}
