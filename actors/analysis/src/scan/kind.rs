//! What a scanner finds.

use crate::text::Span;

/// The kinds of things that a document names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Person,
    Company,
    Fund,
    Cpf,
    Cnpj,
    Date,
    Money,
    Number,
    Percent,
    Fraction,
    Ticker,
}

/// A thing named, with its value and what is doubtful about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entity {
    /// Where it stands.
    pub(crate) span: Span,
    /// What it is.
    pub(crate) kind: Kind,
    /// As it goes into a result: money and numbers as numbers, all else as text.
    pub(crate) value: serde_json::Value,
    /// Names of flags, as `invalid_check_digit`.
    pub(crate) flags: Vec<&'static str>,
}

impl Entity {
    pub(crate) fn new(kind: Kind, span: Span, value: impl Into<serde_json::Value>) -> Self {
        Self { span, kind, value: value.into(), flags: Vec::new() }
    }

    /// The value as text, or `""`.
    pub(crate) fn text(&self) -> &str {
        self.value.as_str().unwrap_or("")
    }

    /// The value as a number.
    pub(crate) fn number(&self) -> Option<f64> {
        self.value.as_f64()
    }
}
