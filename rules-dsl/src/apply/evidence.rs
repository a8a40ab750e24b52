//! Whether the conditions of a rule hold: what question, answer, passages and metadata say, each read once.

use super::{Asked, Input, share};
use crate::fold::{Folded, fold};
use crate::program::{Condition, Metadata, Program, Rule, Test, Trigger};
use crate::syntax::tree::{Subject, ValueTest};
use crate::terms::Found;
use crate::value::{Kind, Value, literal, values};
use std::cell::OnceCell;

/// What is known of a question and its passages, whatever the answer.
pub(super) struct Evidence<'a> {
    pub program: &'a Program,
    pub input: &'a Input<'a>,
    pub asked: &'a Asked,
    context: OnceCell<Vec<Found>>,
    context_values: OnceCell<Vec<(Value, usize)>>,
    question_values: OnceCell<Vec<Value>>,
    metadata: OnceCell<Vec<(String, Found)>>,
}

/// What is known of one version of the answer.
pub(super) struct Answered {
    pub text: String,
    found: Found,
    values: OnceCell<Vec<Value>>,
}

impl Answered {
    pub(super) fn new(program: &Program, text: String) -> Self {
        let found = program.terms.found(&Folded::of(&text));
        Answered { text, found, values: OnceCell::new() }
    }

    pub(super) fn says(&self, term: u32) -> bool {
        self.found.has(term)
    }

    fn values(&self) -> &[Value] {
        self.values.get_or_init(|| values(&self.text).into_iter().map(|(value, _)| value).collect())
    }
}

impl<'a> Evidence<'a> {
    pub(super) fn new(program: &'a Program, input: &'a Input<'a>, asked: &'a Asked) -> Self {
        Evidence {
            program,
            input,
            asked,
            context: OnceCell::new(),
            context_values: OnceCell::new(),
            question_values: OnceCell::new(),
            metadata: OnceCell::new(),
        }
    }

    /// Whether a rule is asked at all: the question is its own, and the day is.
    pub(super) fn applies(&self, rule: &Rule) -> bool {
        self.in_force(rule) && self.triggers(rule)
    }

    pub(super) fn in_force(&self, rule: &Rule) -> bool {
        self.input.today.is_none_or(|day| rule.validity.holds(day))
    }

    pub(super) fn triggers(&self, rule: &Rule) -> bool {
        match &rule.trigger {
            Trigger::Always => true,
            Trigger::Asks { terms, intents, named } => {
                self.asked.found.any(terms)
                    || match self.asked.intent {
                        Some(intent) => intents.contains(&intent),
                        None => self.asked.found.any(named),
                    }
            }
        }
    }

    /// The first condition that does not hold.
    pub(super) fn failing(&self, rule: &Rule, answer: &Answered) -> Option<usize> {
        rule.conditions.iter().position(|condition| !self.holds(condition, answer))
    }

    pub(super) fn holds(&self, condition: &Condition, answer: &Answered) -> bool {
        self.test(&condition.test, answer) != condition.negated
    }

    fn test(&self, test: &Test, answer: &Answered) -> bool {
        match test {
            Test::Mentions(Subject::Answer, terms) => answer.found.any(terms),
            Test::Mentions(Subject::Question, terms) => self.asked.found.any(terms),
            Test::Mentions(Subject::Context, terms) => self.context().iter().any(|found| found.any(terms)),
            Test::Has(subject, kind, test) => match subject {
                Subject::Answer => self.any(answer.values().iter(), *kind, test),
                Subject::Question => self.any(self.question_values().iter(), *kind, test),
                Subject::Context => self.any(self.context_values().iter().map(|(v, _)| v), *kind, test),
            },
            // Without a page or a confidence nothing is known, so nothing holds.
            Test::Page(comparison) => self
                .best_page()
                .is_some_and(|page| comparison.holds(&Value::Number(i128::from(page) * 1_000_000))),
            Test::Confidence(comparison) => {
                self.input.confidence.is_some_and(|confidence| comparison.holds(&share(confidence)))
            }
            Test::Metadata(key, test) => self.metadata(key, test),
        }
    }

    fn any<'v>(&self, mut values: impl Iterator<Item = &'v Value>, kind: Kind, test: &ValueTest) -> bool {
        values.any(|value| {
            value.kind() == kind
                && match test {
                    ValueTest::Any => true,
                    ValueTest::Compares(comparison) => comparison.holds(value),
                    ValueTest::Valid => matches!(value, Value::Cpf(_, true) | Value::Cnpj(_, true)),
                    ValueTest::Invalid => matches!(value, Value::Cpf(_, false) | Value::Cnpj(_, false)),
                    ValueTest::OutsideContext => !self.context_has(value),
                }
        })
    }

    /// Whether the passages say this value, with or without its unit: `R$ 10` is said by `10`, and the other way round.
    fn context_has(&self, value: &Value) -> bool {
        let amount = |value: &Value| match value {
            Value::Money(_, micros) | Value::Percent(micros) | Value::Number(micros) => Some(*micros),
            _ => None,
        };
        let all = self.context_values();
        let at = all.partition_point(|(other, _)| order(other) < order(value));
        let same = all.get(at..).unwrap_or(&[]).iter().take_while(|(other, _)| order(other) == order(value));
        let mut same = same.map(|(other, _)| other);
        same.any(|other| {
            value.compare(other) == Some(std::cmp::Ordering::Equal)
                || (amount(value).is_some()
                    && amount(value) == amount(other)
                    && (matches!(value, Value::Number(_)) || matches!(other, Value::Number(_))))
        })
    }

    pub(super) fn best_page(&self) -> Option<u32> {
        self.input.passages.first().and_then(|passage| passage.page)
    }

    /// The page of the passage that a rule's conditions met, or the best passage's.
    pub(super) fn page(&self, rule: &Rule) -> Option<u32> {
        if rule.context {
            for condition in rule.conditions.iter().filter(|condition| !condition.negated) {
                let at = match &condition.test {
                    Test::Mentions(Subject::Context, terms) => {
                        self.context().iter().position(|found| found.any(terms))
                    }
                    Test::Has(Subject::Context, kind, test) => self
                        .context_values()
                        .iter()
                        .filter(|(value, _)| self.any(std::iter::once(value), *kind, test))
                        .map(|(_, passage)| *passage)
                        .min(),
                    _ => None,
                };
                if let Some(passage) = at.and_then(|at| self.input.passages.get(at)) {
                    return passage.page;
                }
            }
        }
        self.best_page()
    }

    fn context(&self) -> &[Found] {
        self.context.get_or_init(|| {
            self.input
                .passages
                .iter()
                .map(|passage| self.program.terms.found(&Folded::of(passage.text)))
                .collect()
        })
    }

    /// The values of the passages, sorted so that one of them is found quickly, each with its passage.
    fn context_values(&self) -> &[(Value, usize)] {
        self.context_values.get_or_init(|| {
            let mut all: Vec<(Value, usize)> = self
                .input
                .passages
                .iter()
                .enumerate()
                .flat_map(|(at, passage)| values(passage.text).into_iter().map(move |(value, _)| (value, at)))
                .collect();
            all.sort_by(|(a, x), (b, y)| order(a).cmp(&order(b)).then(x.cmp(y)));
            all
        })
    }

    fn question_values(&self) -> &[Value] {
        self.question_values
            .get_or_init(|| values(self.input.question).into_iter().map(|(value, _)| value).collect())
    }

    fn metadata(&self, key: &str, test: &Metadata) -> bool {
        let all = self.metadata.get_or_init(|| {
            let one =
                |(key, value): &(String, String)| (fold(key), self.program.terms.found(&Folded::of(value)));
            self.input.metadata.iter().map(one).collect()
        });
        all.iter().zip(self.input.metadata).filter(|((known, _), _)| known == key).any(
            |((_, found), (_, value))| match test {
                Metadata::Mentions(terms) => found.any(terms),
                Metadata::Is(text) => fold(value.trim()) == *text,
                Metadata::Compares(comparison) => [Kind::Date, Kind::Percent, Kind::Number, Kind::Money]
                    .iter()
                    .filter_map(|kind| literal(*kind, value))
                    .any(|value| comparison.holds(&value)),
            },
        )
    }
}

/// A total order that brings equal amounts together, whatever their unit.
fn order(value: &Value) -> (u8, i128, &str) {
    match value {
        Value::Money(_, micros) | Value::Percent(micros) | Value::Number(micros) => (0, *micros, ""),
        Value::Date(date) => (1, date.ordinal(), ""),
        Value::Cpf(digits, _) => (2, 0, digits),
        Value::Cnpj(digits, _) => (3, 0, digits),
    }
}
