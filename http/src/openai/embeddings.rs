//! Embeds a client's texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use crate::answer;
use crate::error::Violation;
use crate::handlers::Call;
use crate::knowledge::Embed;
use crate::message::Message;
use crate::problem::Problem;
use crate::reader::Fields;
use crate::upload::Refusal;

/// Texts of one request; a client with more sends several.
const TEXTS_MAX: usize = 256;
/// The longest text, in characters; a model reads the first few hundred words of it.
const TEXT_CHARS_MAX: usize = 8_000;
/// As many texts of that length as fit, since few are so long.
const BODY_BYTES_MAX: usize = 4 << 20;
/// The longest name of a model, in characters.
const MODEL_CHARS_MAX: usize = 100;

/// How vectors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Float,
    /// The little-endian bytes of the 32-bit numbers.
    Base64,
}

pub(crate) async fn embed(mut call: Call<'_>) -> Result<Response, Refusal> {
    let (embed, encoding, dimensions) = read(&call.json_of(BODY_BYTES_MAX).await?)?;
    let embedded = call.api.embed(call.context, embed).await?;
    let width = embedded.vectors.first().map_or(0, Vec::len) as u64;
    if dimensions.is_some_and(|wanted| wanted != width) {
        let message = Message::NotWhole { min: width, max: width, got: dimensions.unwrap_or(0).to_string() };
        return Err(Problem::invalid(vec![Violation { field: "dimensions", message }]).into());
    }
    let data: Vec<Value> =
        embedded.vectors.iter().enumerate().map(|(at, vector)| row(at, vector, encoding)).collect();
    let tokens = embedded.tokens;
    let body = json!({
        "object": "list",
        "data": data,
        "model": embedded.model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    });
    Ok(answer::json(StatusCode::OK, &body))
}

fn row(index: usize, vector: &[f32], encoding: Encoding) -> Value {
    let embedding = match encoding {
        Encoding::Float => json!(vector),
        Encoding::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
            STANDARD.encode(bytes).into()
        }
    };
    json!({ "object": "embedding", "index": index, "embedding": embedding })
}

fn read(body: &Map<String, Value>) -> Result<(Embed, Encoding, Option<u64>), Problem> {
    let mut fields = Fields::of(body);
    let model = match fields.get("model") {
        None => "auto".to_owned(),
        Some(_) => fields.text("model", 1, MODEL_CHARS_MAX),
    };
    let texts = texts(&mut fields);
    let encodings = [("float", Encoding::Float), ("base64", Encoding::Base64)];
    let encoding = fields.one_of("encoding_format", &encodings).unwrap_or(Encoding::Float);
    // Ours: a model may read a question and a passage differently.
    let are_questions = fields.one_of("input_type", &[("query", true), ("passage", false)]).unwrap_or(false);
    let dimensions = fields.whole("dimensions", 1, u64::from(u16::MAX));
    fields.done((Embed { model, texts, are_questions }, encoding, dimensions))
}

fn texts(fields: &mut Fields<'_>) -> Vec<String> {
    let wrong = Message::NotTexts { texts_max: TEXTS_MAX, chars_max: TEXT_CHARS_MAX };
    let fits = |text: &&str| !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX;
    let text = |value: &Value| value.as_str().filter(fits).map(str::to_owned);
    let texts = match fields.get("input") {
        None => {
            fields.refuse("input", Message::FieldMissing);
            return Vec::new();
        }
        Some(Value::Array(several)) if (1..=TEXTS_MAX).contains(&several.len()) => {
            several.iter().map(text).collect()
        }
        Some(one) => text(one).map(|one| vec![one]),
    };
    texts.unwrap_or_else(|| {
        fields.refuse("input", wrong);
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(body: &Value) -> Result<(Embed, Encoding, Option<u64>), Vec<&'static str>> {
        let wrong = |problem: Problem| problem.violations.iter().map(|violation| violation.field).collect();
        read(body.as_object().unwrap()).map_err(wrong)
    }

    #[test]
    fn one_text_and_many_are_taken() {
        let (embed, encoding, _) = reads(&json!({"input": "um"})).unwrap();
        assert_eq!(
            (embed.texts, embed.model.as_str(), encoding),
            (vec!["um".into()], "auto", Encoding::Float)
        );
        let many: Vec<String> = (0..256).map(|n| n.to_string()).collect();
        let (embed, encoding, _) = reads(&json!({"input": many, "encoding_format": "base64"})).unwrap();
        assert_eq!((embed.texts, encoding), (many, Encoding::Base64));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for input in [json!([]), json!([[1, 2]]), json!([1]), json!(""), json!(["a", " "]), json!({})] {
            assert_eq!(reads(&json!({ "input": input })).unwrap_err(), ["input"], "{input}");
        }
        let body = json!({"model": 1, "input": "x".repeat(8_001), "encoding_format": "hex", "dimensions": 0});
        assert_eq!(reads(&body).unwrap_err(), ["model", "input", "encoding_format", "dimensions"]);
        assert_eq!(reads(&json!({"input": vec!["x"; 257]})).unwrap_err(), ["input"]);
    }

    #[test]
    fn base64_holds_the_bytes_of_the_numbers() {
        let row = row(3, &[1.0, -0.5], Encoding::Base64);
        assert_eq!(row, json!({"object": "embedding", "index": 3, "embedding": "AACAPwAAAL8="}));
    }
}
