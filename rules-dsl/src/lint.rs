//! Finds what is surely or probably not meant in a rules file that runs: dead rules, impossible conditions, doubles.

mod conditions;
mod conflict;
mod names;
mod repair;
mod terms;
mod triggers;

#[cfg(test)]
mod tests;

pub use repair::fix;

use crate::diagnostic::{Code, Diagnostic};
use crate::program::{Loaded, Rule};
use crate::syntax::tree::{Expectation, Span, TokenKind, Tree};
use std::collections::HashSet;

/// Warnings that are told, and again as many rules without a test; a file with more needs another look than line by line.
const WARNINGS_MAX: usize = 1_000;
/// Tests times rules up to which the tests are run to see which rules act; beyond it only names count.
const RUNS_MAX: usize = 4_000_000;

/// The warnings of a file, in its order, beside those that reading it gave already.
///
/// Imported files are taken into account, and have their own warnings when they are checked themselves.
pub fn lint(loaded: &Loaded<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let tree = &loaded.tree;
    names::check(loaded, &mut found);
    terms::check(tree, &mut found);
    triggers::check(&loaded.program, tree, &mut found);
    conflict::check(&loaded.program, tree, &mut found);
    for rule in own(&loaded.program.rules) {
        conditions::check(rule, tree, &mut found);
    }
    quotes(tree, &mut found);
    found.sort_by_key(|problem| (problem.span, problem.code));
    found.truncate(WARNINGS_MAX);
    // A file without tests has one of these for every rule; they must not crowd out the others.
    let mut missing = Vec::new();
    untested(loaded, &mut missing);
    missing.truncate(WARNINGS_MAX);
    found.extend(missing);
    found.sort_by_key(|problem| (problem.span, problem.code));
    found
}

/// The rules of the file itself.
fn own(rules: &[Rule]) -> impl Iterator<Item = &Rule> {
    rules.iter().filter(|rule| rule.file == 0)
}

/// A place's first line, which is where a rule is named.
fn first_line(tree: &Tree<'_>, span: Span) -> Span {
    let line = tree.lines.get(tree.line_at(span.start));
    line.map_or(span, |line| Span { start: line.span.start + line.indent, end: line.span.end.min(span.end) })
}

/// A whole line with its line break.
fn whole_line(tree: &Tree<'_>, at: u32) -> Span {
    let index = tree.line_at(at);
    let start = tree.lines.get(index).map_or(at, |line| line.span.start);
    let end = tree.lines.get(index + 1).map_or(tree.source.len() as u32, |next| next.span.start);
    Span { start, end }
}

/// A piece of the source for a message.
fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    let line = text.lines().next().unwrap_or("").trim();
    if line.chars().count() <= CHARACTERS_MAX {
        return line.to_owned();
    }
    line.chars().take(CHARACTERS_MAX).chain(['…']).collect()
}

/// A text that opens with one kind of quote and closes with another.
fn quotes(tree: &Tree<'_>, found: &mut Vec<Diagnostic>) {
    let quoted = tree.tokens.iter().filter(|token| token.kind == TokenKind::Quoted);
    for token in quoted {
        let raw = token.span.of(tree.source);
        let mut characters = raw.chars();
        let (Some(open), Some(close)) = (characters.next(), characters.next_back()) else { continue };
        let pair = match open {
            '“' | '”' => matches!(close, '“' | '”'),
            '‘' | '’' => matches!(close, '‘' | '’'),
            '«' => close == '»',
            other => close == other,
        };
        if pair {
            continue;
        }
        let problem = Diagnostic::new(Code::MixedQuotes, token.span);
        let inner = characters.as_str();
        let straight = !inner.contains('"');
        found.push(if straight { problem.fixed(token.span, format!("\"{inner}\"")) } else { problem });
    }
}

/// Rules that no test names and no test makes act.
fn untested(loaded: &Loaded<'_>, found: &mut Vec<Diagnostic>) {
    let checks = &loaded.tree.checks;
    let named: HashSet<&str> = checks
        .iter()
        .flat_map(|check| &check.expectations)
        .filter_map(|(wanted, _)| match wanted {
            Expectation::Rule(name) => Some(&*name.text),
            _ => None,
        })
        .collect();
    let run = checks.len().saturating_mul(loaded.program.rules.len()) <= RUNS_MAX;
    let acted: HashSet<String> = if run && !checks.is_empty() {
        let covered = crate::testing::run(loaded).rules;
        covered.into_iter().filter(|rule| rule.acted > 0).map(|rule| rule.rule).collect()
    } else {
        HashSet::new()
    };
    for rule in own(&loaded.program.rules) {
        if !named.contains(rule.name.as_str()) && !acted.contains(&rule.name) {
            let span = first_line(&loaded.tree, rule.span);
            found.push(Diagnostic::new(Code::Untested, span).about(rule.name.clone()));
        }
    }
}
