//! Rules whose own text another rule of the same question disputes.

use super::first_line;
use super::triggers::{Key, broader, keys, lasts};
use crate::diagnostic::{Code, Diagnostic};
use crate::fold::Folded;
use crate::program::{Action, Condition, Piece, Program, Rule, Template, Test};
use crate::syntax::tree::{Subject, Tree, ValueTest};
use crate::terms::Found;
use crate::value::{Value, values};
use std::collections::HashMap;

/// Rules of one trigger that the text of a rule is held against.
const COMPARED_MAX: usize = 256;

pub(super) fn check(program: &Program, tree: &Tree<'_>, found: &mut Vec<Diagnostic>) {
    let mut by_key: HashMap<Key, Vec<usize>> = HashMap::new();
    for (at, rule) in program.rules.iter().enumerate() {
        if matches!(rule.action, Action::Keep | Action::Replace(_) | Action::Refuse(_) | Action::Flag(_)) {
            for key in keys(&rule.trigger) {
                by_key.entry(key).or_default().push(at);
            }
        }
    }
    for (at, rule) in program.rules.iter().enumerate().filter(|(_, rule)| rule.file == 0) {
        // A refusal objects already; one more objection to it is no news.
        let Action::Replace(template) = &rule.action else { continue };
        let Some(text) = fixed(template) else { continue };
        let mut others: Vec<usize> = keys(&rule.trigger)
            .iter()
            .chain([&Key::Always])
            .flat_map(|key| by_key.get(key).into_iter().flatten().take(COMPARED_MAX))
            .copied()
            .filter(|&other| other != at)
            .collect();
        others.sort_unstable();
        others.dedup();
        if let Some(other) = disputing(program, rule, &text, &others) {
            let problem =
                Diagnostic::new(Code::Conflict, first_line(tree, rule.span)).about(other.name.clone());
            found.push(if other.file == 0 { problem.beside(first_line(tree, other.span)) } else { problem });
        }
    }
}

/// A prepared text, where nothing of the question goes into it.
fn fixed(template: &Template) -> Option<String> {
    let mut text = String::new();
    for piece in template {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Question => return None,
            Piece::Intent | Piece::Page => {}
        }
    }
    Some(text.trim().to_owned())
}

/// The first rule that would object to the text, as [`Program::apply`] asks them after a correction.
fn disputing<'p>(program: &'p Program, rule: &Rule, text: &str, others: &[usize]) -> Option<&'p Rule> {
    let said = program.terms.found(&Folded::of(text));
    let values: Vec<Value> = values(text).into_iter().map(|(value, _)| value).collect();
    for other in others.iter().filter_map(|&at| program.rules.get(at)) {
        let meets = rule.validity.from.zip(other.validity.until).is_none_or(|(from, until)| from <= until)
            && other.validity.from.zip(rule.validity.until).is_none_or(|(from, until)| from <= until);
        if !meets || !other.conditions.iter().all(|condition| holds(condition, &said, &values) == Some(true))
        {
            continue;
        }
        match &other.action {
            // Only one that is asked whenever this rule is keeps the others quiet.
            Action::Keep
                if broader(&other.trigger, &rule.trigger) && lasts(&other.validity, &rule.validity) =>
            {
                return None;
            }
            Action::Replace(template) | Action::Refuse(template) | Action::Flag(template)
                if !other.conditions.is_empty() && fixed(template).as_deref() != Some(text) =>
            {
                return Some(other);
            }
            _ => {}
        }
    }
    None
}

/// Whether a condition holds for a text; `None` when it asks for more than the answer.
fn holds(condition: &Condition, said: &Found, all: &[Value]) -> Option<bool> {
    let passes = match &condition.test {
        Test::Mentions(Subject::Answer, terms) => said.any(terms),
        Test::Has(Subject::Answer, kind, test) => {
            let mut of_kind = all.iter().filter(|value| value.kind() == *kind);
            match test {
                ValueTest::Any => of_kind.next().is_some(),
                ValueTest::Compares(comparison) => of_kind.any(|value| comparison.holds(value)),
                ValueTest::Valid => {
                    of_kind.any(|value| matches!(value, Value::Cpf(_, true) | Value::Cnpj(_, true)))
                }
                ValueTest::Invalid => {
                    of_kind.any(|value| matches!(value, Value::Cpf(_, false) | Value::Cnpj(_, false)))
                }
                ValueTest::OutsideContext => return None,
            }
        }
        _ => return None,
    };
    Some(passes != condition.negated)
}
