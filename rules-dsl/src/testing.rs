//! Runs the `TESTE` blocks of a rules file and says which rules they make act.

use crate::apply::{Input, Outcome, Passage};
use crate::diagnostic::Language;
use crate::program::Loaded;
use crate::syntax::tree::{Check, Expectation, Span};
use crate::value::Value;

/// What one expectation wanted and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The expectation's line.
    pub span: Span,
    /// What was expected, in words.
    pub expected: String,
    /// What came out.
    pub got: String,
}

/// One test that was run.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// What did not come out as expected; empty when it passed.
    pub mismatches: Vec<Mismatch>,
    /// It has an error and could not be run.
    pub broken: bool,
    /// What came out.
    pub outcome: Option<Outcome>,
}

impl Ran {
    /// Whether all came out as expected.
    pub fn passed(&self) -> bool {
        !self.broken && self.mismatches.is_empty()
    }
}

/// How often a rule acted in the tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// The rule's name.
    pub rule: String,
    /// Where it stands; rules of other files are not counted.
    pub span: Span,
    /// Tests in which it acted.
    pub acted: usize,
    /// Tests in which it did not.
    pub silent: usize,
}

/// All tests of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// In the order of the file.
    pub tests: Vec<Ran>,
    /// Every rule of the file, in the order of the file.
    pub rules: Vec<Covered>,
    /// The intents of the file, and whether a test has each.
    pub intents: Vec<(String, bool)>,
}

impl Report {
    /// Whether every test passed.
    pub fn passed(&self) -> bool {
        self.tests.iter().all(Ran::passed)
    }
}

/// Runs every test of a file.
pub fn run(loaded: &Loaded<'_>) -> Report {
    let mut rules: Vec<Covered> = loaded
        .program
        .rules
        .iter()
        .filter(|rule| rule.file == 0)
        .map(|rule| Covered { rule: rule.name.clone(), span: rule.span, acted: 0, silent: 0 })
        .collect();
    rules.sort_by_key(|rule| rule.span);
    let mut intents: Vec<(String, bool)> =
        loaded.tree.intents.iter().map(|intent| (intent.name.text.clone().into_owned(), false)).collect();
    intents.dedup();
    let mut tests = Vec::with_capacity(loaded.tree.checks.len());
    for check in &loaded.tree.checks {
        let ran = one(loaded, check);
        if let Some(outcome) = &ran.outcome {
            for rule in &mut rules {
                let acted = outcome.triggered.contains(&rule.rule);
                rule.acted += usize::from(acted);
                rule.silent += usize::from(!acted);
            }
            for (name, seen) in &mut intents {
                *seen |= outcome.intent.as_ref() == Some(name);
            }
        }
        tests.push(ran);
    }
    Report { tests, rules, intents }
}

fn one(loaded: &Loaded<'_>, check: &Check<'_>) -> Ran {
    let ran = |mismatches, broken, outcome| Ran {
        name: check.name.text.clone().into_owned(),
        span: check.span,
        mismatches,
        broken,
        outcome,
    };
    let (Some(question), Some(answer), false) = (&check.question, &check.answer, check.broken) else {
        return ran(Vec::new(), true, None);
    };
    let passages: Vec<Passage<'_>> =
        check.passages.iter().map(|(page, text)| Passage { page: *page, text: &text.text }).collect();
    let metadata: Vec<(String, String)> =
        check.metadata.iter().map(|(key, value)| (key.text.to_string(), value.text.to_string())).collect();
    let outcome = loaded.program.apply(&Input {
        question: &question.text,
        answer: &answer.text,
        passages: &passages,
        confidence: match &check.confidence {
            Some(Value::Number(micros)) => Some(*micros as f64 / 1e6),
            _ => None,
        },
        metadata: &metadata,
        today: check.today,
        correct: true,
    });
    let mismatches =
        check.expectations.iter().filter_map(|(wanted, span)| mismatch(wanted, *span, &outcome)).collect();
    ran(mismatches, false, Some(outcome))
}

fn mismatch(wanted: &Expectation<'_>, span: Span, outcome: &Outcome) -> Option<Mismatch> {
    let same =
        |got: &str, wanted: &str| (got.trim() != wanted.trim()).then(|| (wanted.to_owned(), got.to_owned()));
    let wrong = match wanted {
        Expectation::Verdict(verdict) => {
            same(outcome.verdict.shown(Language::Portuguese), verdict.shown(Language::Portuguese))
        }
        Expectation::Answer(text) => same(&outcome.answer, &text.text),
        Expectation::Contains(text) => (!outcome.answer.contains(text.text.trim()))
            .then(|| (text.text.to_string(), outcome.answer.clone())),
        Expectation::Rule(name) => {
            let acted = outcome.triggered.iter().any(|rule| *rule == *name.text);
            (!acted).then(|| (name.text.to_string(), outcome.triggered.join(", ")))
        }
        Expectation::NoRule => (!outcome.triggered.is_empty())
            .then(|| ("nenhuma regra".to_owned(), outcome.triggered.join(", "))),
        Expectation::Intent(name) => same(outcome.intent.as_deref().unwrap_or(""), &name.text),
    };
    wrong.map(|(expected, got)| Mismatch { span, expected, got })
}
