//! What a checked rules file becomes: everything resolved, numbered and ready to be applied.

mod load;
mod normalise;
mod slug;

pub use load::{Imports, Loaded, NoImports, load};
pub(crate) use normalise::{Normaliser, outgrown};
pub(crate) use slug::slug;

use crate::syntax::tree::{Comparison, Level, Span, Subject, Validity, ValueTest};
use crate::terms::Terms;
use crate::value::Kind;

/// A rule set that can be applied.
#[derive(Debug, Clone, Default)]
pub struct Program {
    pub(crate) domain: Option<String>,
    pub(crate) intents: Vec<Intent>,
    pub(crate) normaliser: Normaliser,
    /// In the order in which they are asked.
    pub(crate) rules: Vec<Rule>,
    /// Rules in the file, those with an error included.
    pub(crate) considered: usize,
    pub(crate) terms: Terms,
}

#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub name: String,
    /// Each pattern as the terms that stand for it: itself, and with synonyms.
    pub patterns: Vec<Vec<u32>>,
    /// What an answer must say, as written.
    pub expected: Vec<(u32, String)>,
    pub expansion: Vec<String>,
    /// Not run, but known by name.
    pub broken: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub name: String,
    pub priority: i32,
    pub validity: Validity,
    pub trigger: Trigger,
    pub conditions: Vec<Condition>,
    pub action: Action,
    pub span: Span,
    /// 0 for the file itself, else the number of the import that it came from.
    pub file: u32,
    /// Some condition looks at the retrieved passages.
    pub context: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Trigger {
    Always,
    Asks {
        /// One of these terms in the question.
        terms: Vec<u32>,
        /// The question has one of these intents.
        intents: Vec<u32>,
        /// Terms that name an intent; they count only while the question has none, because its own intent decides.
        named: Vec<u32>,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub negated: bool,
    pub test: Test,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum Test {
    Mentions(Subject, Vec<u32>),
    Has(Subject, Kind, ValueTest),
    Page(Comparison),
    Confidence(Comparison),
    Metadata(String, Metadata),
}

#[derive(Debug, Clone)]
pub(crate) enum Metadata {
    Mentions(Vec<u32>),
    Is(String),
    Compares(Comparison),
}

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Replace(Template),
    /// Folded text to find, text to put there.
    Substitute(String, String),
    Keep,
    Append(Template),
    Prefix(Template),
    Flag(Template),
    Refuse(Template),
}

/// A prepared text with its facts filled in.
pub(crate) type Template = Vec<Piece>;

#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(String),
    Question,
    Intent,
    Page,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    high: Vec<Fact>,
    medium: Vec<Fact>,
    low: Vec<Fact>,
}

#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub name: String,
    pub reason: String,
    pub action: String,
}

impl Facts {
    pub(crate) fn of(&self, level: Level) -> &[Fact] {
        match level {
            Level::High => &self.high,
            Level::Medium => &self.medium,
            Level::Low => &self.low,
        }
    }

    fn list(&mut self, level: Level) -> &mut Vec<Fact> {
        match level {
            Level::High => &mut self.high,
            Level::Medium => &mut self.medium,
            Level::Low => &mut self.low,
        }
    }
}

impl Program {
    /// What the rules are about, as the file says.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// How many rules it runs.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// How many rules have an error and are not run.
    pub fn quarantined(&self) -> usize {
        self.considered - self.rules.len()
    }

    /// How many normalisations it runs.
    pub fn normalisations(&self) -> usize {
        self.normaliser.len()
    }

    /// Whether some rule holds only for a time, so that one answer may come out differently on another day.
    pub fn changes_by_day(&self) -> bool {
        self.rules.iter().any(|rule| rule.validity != Validity::default())
    }

    /// Whether nothing in it can change or judge an answer.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.normaliser.len() == 0 && self.intents.is_empty()
    }

    /// The names of the rules that it runs, in the order in which they are asked.
    pub fn rule_names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }
}
