//! What is wrong with a rules file: code, place, message in two languages, what was expected, and the way out.

mod code;

pub use code::Code;

use crate::syntax::tree::Span;
use std::fmt::Write as _;

/// The language of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// Portuguese.
    #[default]
    Portuguese,
    /// English.
    English,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; the file runs.
    Warning,
    /// The item is not run, and the file is refused where another is in force.
    Error,
}

/// A change that removes the problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// The new text.
    pub text: String,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which problem.
    pub code: Code,
    /// Where.
    pub span: Span,
    /// What the message names: `{0}`, `{1}` in its text.
    pub arguments: Vec<String>,
    /// The forms that could stand there.
    pub expected: &'static [&'static str],
    /// The nearest valid form, or a change that is surely right.
    pub fix: Option<Fix>,
    /// Another place that it is about.
    pub related: Option<Span>,
}

impl Diagnostic {
    /// A problem at a place.
    pub fn new(code: Code, span: Span) -> Diagnostic {
        Diagnostic { code, span, arguments: Vec::new(), expected: &[], fix: None, related: None }
    }

    /// Names what it is about.
    #[must_use]
    pub fn about(mut self, argument: impl Into<String>) -> Diagnostic {
        self.arguments.push(argument.into());
        self
    }

    /// Says which forms could stand there.
    #[must_use]
    pub fn expecting(mut self, forms: &'static [&'static str]) -> Diagnostic {
        self.expected = forms;
        self
    }

    /// Says how to repair it.
    #[must_use]
    pub fn fixed(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.fix = Some(Fix { span, text: text.into() });
        self
    }

    /// Points at another place.
    #[must_use]
    pub fn beside(mut self, span: Span) -> Diagnostic {
        self.related = Some(span);
        self
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// The message, with what was expected and the nearest form.
    pub fn message(&self, language: Language) -> String {
        let mut text = self.headline(language);
        if !self.expected.is_empty() {
            let (lead, or) = match language {
                Language::Portuguese => ("esperado", " ou "),
                Language::English => ("expected", " or "),
            };
            let forms: Vec<_> = self.expected.iter().map(|form| format!("`{form}`")).collect();
            let _ = write!(text, "; {lead}: {}", forms.join(or));
        }
        if let Some(help) = self.help(language) {
            let _ = write!(text, "; {help}");
        }
        text
    }

    /// Place and message in one line: `atas.rules:3:5: erro[D0001]: …`.
    pub fn line(&self, file: &str, source: &str, language: Language) -> String {
        let (line, column) = line_and_column(source, self.span.start);
        let severity = match (self.severity(), language) {
            (Severity::Error, Language::Portuguese) => "erro",
            (Severity::Error, Language::English) => "error",
            (Severity::Warning, Language::Portuguese) => "aviso",
            (Severity::Warning, Language::English) => "warning",
        };
        format!("{file}:{line}:{column}: {severity}[{}]: {}", self.code.as_str(), self.message(language))
    }

    /// The message alone.
    pub fn headline(&self, language: Language) -> String {
        let mut text = self.code.text(language).to_owned();
        for (index, argument) in self.arguments.iter().enumerate() {
            text = text.replace(&format!("{{{index}}}"), argument);
        }
        text
    }

    /// How to repair it, as a sentence.
    pub fn help(&self, language: Language) -> Option<String> {
        let fix = self.fix.as_ref()?;
        Some(match (language, fix.text.is_empty()) {
            (Language::Portuguese, false) => format!("escreva `{}`", fix.text.trim()),
            (Language::Portuguese, true) => "apague este trecho".to_owned(),
            (Language::English, false) => format!("write `{}`", fix.text.trim()),
            (Language::English, true) => "delete this".to_owned(),
        })
    }
}

/// A place as people count: line and column from 1, columns in characters.
pub fn line_and_column(source: &str, offset: u32) -> (usize, usize) {
    let mut end = (offset as usize).min(source.len());
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    let head = source.get(..end).unwrap_or("");
    let line = head.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let column = head.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
