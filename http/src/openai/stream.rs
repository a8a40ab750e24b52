//! A completion as the events of a stream. Pure.
//!
//! An answer is proven as a whole before its first word is sent: what a model only drafted is never shown as an answer.

use serde_json::{Value, json};

/// What every chunk of a stream says.
pub(super) struct Head<'a> {
    pub(super) id: &'a str,
    pub(super) created: i64,
    pub(super) model: &'a str,
}

/// The text of the stream: a chunk for the role, one for each word, one for the end, and, if it is wanted, one for the
/// usage; then `[DONE]`. `extra` goes into the chunk that ends the answer.
pub(super) fn events(head: &Head<'_>, content: &str, extra: Value, usage: Option<&Value>) -> String {
    let mut text = String::new();
    let mut send = |choices: Value, more: Value| {
        let mut chunk = json!({
            "id": head.id,
            "object": "chat.completion.chunk",
            "created": head.created,
            "model": head.model,
            "choices": choices,
        });
        if let (Some(chunk), Value::Object(more)) = (chunk.as_object_mut(), more) {
            chunk.extend(more);
        }
        text.push_str("data: ");
        text.push_str(&chunk.to_string());
        text.push_str("\n\n");
    };
    let choice =
        |delta: Value, finish: Option<&str>| json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
    send(choice(json!({ "role": "assistant", "content": "" }), None), Value::Null);
    for word in content.split_inclusive(char::is_whitespace) {
        send(choice(json!({ "content": word }), None), Value::Null);
    }
    send(choice(json!({}), Some("stop")), extra);
    if let Some(usage) = usage {
        send(json!([]), json!({ "usage": usage }));
    }
    text + "data: [DONE]\n\n"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunks(text: &str) -> Vec<Value> {
        let events: Vec<&str> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
        assert_eq!(events.last(), Some(&"data: [DONE]"));
        let chunks = events.iter().take(events.len() - 1);
        chunks.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn the_pieces_make_the_answer_and_the_last_one_ends_it(content in "(\\PC|\\n){0,80}") {
            let head = Head { id: "chatcmpl-1", created: 1, model: "m" };
            let usage = json!({ "total_tokens": 3 });
            let chunks = chunks(&events(&head, &content, json!({ "sources": [] }), Some(&usage)));
            let piece = |chunk: &Value| chunk["choices"][0]["delta"]["content"].as_str().unwrap_or("").to_owned();
            prop_assert_eq!(chunks.iter().map(piece).collect::<String>(), content);
            let end = &chunks[chunks.len() - 2];
            prop_assert_eq!(&end["choices"][0]["finish_reason"], "stop");
            prop_assert!(end["sources"].is_array());
            prop_assert_eq!(&chunks[chunks.len() - 1]["usage"], &usage);
        }
    }
}
