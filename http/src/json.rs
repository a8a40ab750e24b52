//! Reads a JSON body strictly and says what is wrong with it in words: encoding, depth, a field given twice.
//!
//! Pure. A value that two readers could take for two things is refused rather than guessed at.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::message::Message;
use crate::problem::{Kind, Problem};

/// Marks the error of a field that was given twice, whose name follows.
const TWICE: &str = "field given twice: ";
/// The longest name that is said back, in characters.
const SAID_CHARS_MAX: usize = 40;

/// Reads a body that must be a JSON object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let malformed = |message| Problem::new(Kind::MalformedJson, message);
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(malformed(Message::JsonMarked));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| malformed(Message::JsonNotUtf8 { at: error.valid_up_to() }))?;
    match value(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Problem::new(Kind::InvalidRequest, Message::JsonNotObject)),
        Err(message) => Err(malformed(message)),
    }
}

/// Reads any JSON value; the message says what is wrong with the text.
pub(crate) fn value(text: &str) -> Result<Value, Message> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| wrong(&error))
}

fn wrong(error: &serde_json::Error) -> Message {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    let (line, column) = (error.line(), error.column());
    if let Some(name) = reason.strip_prefix(TWICE) {
        return Message::JsonTwice { name: name.to_owned(), line, column };
    }
    if reason.starts_with("recursion limit") {
        return Message::JsonDeep { line, column };
    }
    Message::JsonMalformed { line, column, reason: reason.to_owned() }
}

/// A value in which no object names a field twice.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if object.contains_key(&name) {
                let name: String = name.chars().take(SAID_CHARS_MAX).collect();
                return Err(A::Error::custom(format_args!("{TWICE}{name}")));
            }
            let value = fields.next_value_seed(Strict)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use proptest::prelude::*;

    fn english(bytes: &[u8]) -> String {
        object(bytes).unwrap_err().message.text(Language::English)
    }

    #[test]
    fn each_way_to_be_no_json_has_its_own_sentence() {
        let deep = format!("{{\"a\": {}", "[".repeat(100_000));
        let said = [
            english(b"\xef\xbb\xbf{}"),
            english(b"{\"question\": \"\xff\"}"),
            english(deep.as_bytes()),
            english(b"{\"top_k\": 1, \"top_k\": 2}"),
            english(b"{\"top_k\": NaN}"),
            english(b"{\"top_k\": 1e999}"),
            english(b"{\"question\": "),
            english(b"{} {}"),
            english(b""),
            english(b"[]"),
        ];
        for (index, one) in said.iter().enumerate() {
            assert!(!said[..index].contains(one), "said twice: {one}");
        }
        assert!(said[3].contains("`top_k`"), "{}", said[3]);
    }

    #[test]
    fn a_field_given_twice_is_found_at_any_depth() {
        assert!(english(br#"{"a": [{"b": 1, "b": 1}]}"#).contains("`b`"));
        assert!(object(br#"{"a": {"b": 1}, "b": 1}"#).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_a_lenient_reader_reads(text in "[\\[\\]{}:,\"ab01.eE+\\- \\\\]{0,40}") {
            match value(&text) {
                Ok(value) => prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap()),
                Err(Message::JsonTwice { .. }) => {}
                Err(_) => prop_assert!(serde_json::from_str::<Value>(&text).is_err()),
            }
        }
    }
}
