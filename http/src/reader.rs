//! Reads the fields of a JSON body one by one and keeps everything that is wrong, to be said at once. Pure.

use serde_json::{Map, Value};

use crate::error::Violation;
use crate::fields;
use crate::message::Message;
use crate::problem::Problem;
use crate::request::{self, said};

/// The fields of one body.
pub(crate) struct Fields<'a> {
    body: &'a Map<String, Value>,
    wrong: Vec<Violation>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(body: &'a Map<String, Value>) -> Self {
        Self { body, wrong: Vec::new() }
    }

    /// As [`Fields::of`], where every field but `known` is wrong.
    pub(crate) fn only(body: &'a Map<String, Value>, known: &[&'static str]) -> Self {
        Self { body, wrong: fields::unknown(body, known) }
    }

    /// A field that was sent; null is the same as nothing.
    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        self.body.get(field).filter(|value| !value.is_null())
    }

    pub(crate) fn refuse(&mut self, field: &'static str, message: Message) {
        self.wrong.push(Violation { field, message });
    }

    /// A text of `min` to `max` characters without white space at its ends; empty when it is wrong.
    pub(crate) fn text(&mut self, field: &'static str, min: usize, max: usize) -> String {
        match self.get(field) {
            None => self.refuse(field, Message::FieldMissing),
            Some(Value::String(text)) => {
                let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
                let chars = text.chars().count();
                if (min..=max).contains(&chars) {
                    return text.to_owned();
                }
                self.refuse(field, Message::QuestionLength { chars, min, max });
            }
            Some(_) => self.refuse(field, Message::NotText),
        }
        String::new()
    }

    /// A whole number, if it was sent.
    pub(crate) fn whole(&mut self, field: &'static str, min: u64, max: u64) -> Option<u64> {
        let value = self.get(field)?;
        let number = request::whole(value).filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.refuse(field, Message::NotWhole { min, max, got: said(value) });
        }
        number
    }

    /// A number, if it was sent; it is only checked.
    pub(crate) fn number(&mut self, field: &'static str, min: i32, max: i32) {
        let Some(value) = self.get(field) else { return };
        if !value.as_f64().is_some_and(|number| (f64::from(min)..=f64::from(max)).contains(&number)) {
            self.refuse(field, Message::NotNumber { min, max, got: said(value) });
        }
    }

    /// A flag, `absent` when it was not sent.
    pub(crate) fn flag(&mut self, field: &'static str, absent: bool) -> bool {
        match self.get(field) {
            None => absent,
            Some(Value::Bool(flag)) => *flag,
            Some(value) => {
                self.refuse(field, Message::NotFlag { got: said(value) });
                absent
            }
        }
    }

    /// One of `allowed`, if it was sent.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        field: &'static str,
        allowed: &[(&'static str, T)],
    ) -> Option<T> {
        let value = self.get(field)?;
        let named = |text: &str| allowed.iter().find(|(name, _)| *name == text).map(|(_, meant)| *meant);
        let found = value.as_str().and_then(named);
        if found.is_none() {
            let names = allowed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            self.refuse(field, Message::NotOneOf { allowed: names, got: said(value) });
        }
        found
    }

    /// What was read, if nothing was wrong.
    pub(crate) fn done<T>(self, read: T) -> Result<T, Problem> {
        if self.wrong.is_empty() { Ok(read) } else { Err(Problem::invalid(self.wrong)) }
    }
}
