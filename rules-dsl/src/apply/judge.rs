//! Asks the rules, applies their corrections to a bounded fixpoint, and gives the verdict.

use super::evidence::{Answered, Evidence};
use super::{Asked, Input, Objection, Outcome, Patch};
use crate::fold::{Folded, begins, ends, in_word};
use crate::program::{Action, Piece, Program, Rule, Template, Test};
use crate::syntax::tree::ValueTest;
use crate::verdict::Verdict;
use std::fmt::Write as _;
use std::ops::Range;

/// Times that the rules are asked again after they changed the answer. Rules that still change it then contradict
/// each other.
const PASSES_MAX: usize = 8;
/// Changes and objections that are told one by one; nobody reads more.
const PATCHES_MAX: usize = 1_000;
const OBJECTIONS_MAX: usize = 1_000;

pub(super) fn judge(program: &Program, input: &Input<'_>, asked: &Asked, outcome: &mut Outcome) {
    outcome.rules_evaluated = program.considered;
    let evidence = Evidence::new(program, input, asked);
    let live: Vec<&Rule> = program.rules.iter().filter(|rule| evidence.applies(rule)).collect();
    let settled = passes(&evidence, &live, outcome);
    let expected = expectations(program, asked, outcome);
    outcome.verdict = if settled == Settled::Outgrown {
        Verdict::TooComplex
    } else if outcome.objections.iter().any(|objection| !objection.unsupported) || settled == Settled::Never {
        Verdict::Contradicted
    } else if !outcome.objections.is_empty() {
        Verdict::Unsupported
    } else if outcome.was_corrected() || outcome.answer != input.answer {
        Verdict::Corrected
    } else if live.is_empty() && !expected {
        Verdict::NotApplicable
    } else {
        Verdict::Valid
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    /// No rule changes the answer any more.
    Yes,
    /// The rules change each other's corrections for ever.
    Never,
    /// The answer grew out of bounds.
    Outgrown,
}

/// What one pass did.
enum Pass {
    Unchanged,
    Changed,
    /// The answer is a rule's prepared text; nothing may touch it any more.
    Final,
    Outgrown,
}

fn passes(evidence: &Evidence<'_>, live: &[&Rule], outcome: &mut Outcome) -> Settled {
    let start = outcome.answer.clone();
    let mut answer = Answered::new(evidence.program, start.clone());
    for _ in 0..PASSES_MAX {
        let done = pass(evidence, live, &mut answer, outcome);
        outcome.answer.clone_from(&answer.text);
        match done {
            Pass::Unchanged => return Settled::Yes,
            Pass::Changed => {}
            Pass::Final => {
                dispute(evidence, live, &answer, outcome);
                return Settled::Yes;
            }
            Pass::Outgrown => {
                outcome.answer = start;
                outcome.patches.clear();
                outcome.corrected_by.clear();
                return Settled::Outgrown;
            }
        }
    }
    Settled::Never
}

/// Asks every rule once, in order.
fn pass(evidence: &Evidence<'_>, live: &[&Rule], answer: &mut Answered, outcome: &mut Outcome) -> Pass {
    let mut changed = false;
    for rule in live {
        if evidence.failing(rule, answer).is_some() {
            continue;
        }
        let text = answer.text.as_str();
        let edits: Vec<(Range<usize>, String)> = match &rule.action {
            Action::Keep => {
                note(&mut outcome.triggered, &rule.name);
                break;
            }
            Action::Replace(template) => vec![(0..text.len(), render(template, evidence))],
            Action::Refuse(template) => {
                let said = render(template, evidence);
                object(rule, &said, &mut outcome.objections);
                vec![(0..text.len(), said)]
            }
            Action::Flag(template) => {
                object(rule, &render(template, evidence), &mut outcome.objections);
                Vec::new()
            }
            Action::Append(template) => addition(text, &render(template, evidence), false),
            Action::Prefix(template) => addition(text, &render(template, evidence), true),
            Action::Substitute(from, to) => {
                places(text, from).into_iter().map(|range| (range, to.clone())).collect()
            }
        };
        note(&mut outcome.triggered, &rule.name);
        let whole = matches!(rule.action, Action::Replace(_) | Action::Refuse(_));
        if let Some(after) = apply(evidence, rule, text, &edits, &mut outcome.patches) {
            if crate::program::outgrown(evidence.input.answer.len(), after.len()) {
                return Pass::Outgrown;
            }
            note(&mut outcome.corrected_by, &rule.name);
            *answer = Answered::new(evidence.program, after);
            changed = true;
        } else if whole {
            // The answer was this text already; the rule has decided all the same.
            note(&mut outcome.corrected_by, &rule.name);
        }
        if whole {
            return Pass::Final;
        }
    }
    if changed { Pass::Changed } else { Pass::Unchanged }
}

/// A text with its edits, each of them noted as a patch; `None` when nothing changes.
fn apply(
    evidence: &Evidence<'_>,
    rule: &Rule,
    text: &str,
    edits: &[(Range<usize>, String)],
    patches: &mut Vec<Patch>,
) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut from, mut changed) = (0, false);
    for (range, after) in edits {
        let before = text.get(range.clone())?;
        out.push_str(text.get(from..range.start)?);
        out.push_str(after);
        from = range.end;
        if before == after {
            continue;
        }
        changed = true;
        if patches.len() < PATCHES_MAX {
            patches.push(Patch {
                range: range.clone(),
                before: before.to_owned(),
                after: after.clone(),
                rule: rule.name.clone(),
                page: evidence.page(rule),
            });
        }
    }
    out.push_str(text.get(from..)?);
    changed.then_some(out)
}

/// An addition before or after the answer, unless the answer says it already.
fn addition(text: &str, addition: &str, first: bool) -> Vec<(Range<usize>, String)> {
    if addition.is_empty() || text.contains(addition) {
        return Vec::new();
    }
    let gap = if text.is_empty() { "" } else { "\n\n" };
    if first {
        vec![(0..0, format!("{addition}{gap}"))]
    } else {
        vec![(text.len()..text.len(), format!("{gap}{addition}"))]
    }
}

/// Where a folded text occurs as whole words, from left to right, without overlap.
fn places(text: &str, wanted: &str) -> Vec<Range<usize>> {
    let folded = Folded::mapped(text);
    let (opens, closes) = (wanted.starts_with(in_word), wanted.ends_with(in_word));
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = folded.text.get(from..).and_then(|rest| rest.find(wanted)).map(|at| at + from) {
        let end = at + wanted.len();
        let whole = (!opens || begins(&folded.text, at)) && (!closes || ends(&folded.text, end));
        if whole && !wanted.is_empty() {
            found.push(folded.origin(at)..folded.origin(end));
            from = end;
        } else {
            from = at + folded.text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        }
    }
    found
}

/// After a prepared text: other rules that object to it are heard, but do not touch it, because the rule that comes
/// first decides.
fn dispute(evidence: &Evidence<'_>, live: &[&Rule], answer: &Answered, outcome: &mut Outcome) {
    for rule in live {
        if outcome.triggered.contains(&rule.name) || evidence.failing(rule, answer).is_some() {
            continue;
        }
        match &rule.action {
            Action::Keep => return,
            Action::Replace(template) | Action::Refuse(template) | Action::Flag(template)
                // A rule without conditions objects to every text; it was simply not asked.
                if !rule.conditions.is_empty() =>
            {
                let said = render(template, evidence);
                if said != answer.text {
                    object(rule, &said, &mut outcome.objections);
                }
            }
            _ => {}
        }
    }
}

/// `Resposta deve conter:` of the question's intent; whether it expects anything of its answers.
fn expectations(program: &Program, asked: &Asked, outcome: &mut Outcome) -> bool {
    let Some(intent) = program.intent(asked).filter(|intent| !intent.expected.is_empty()) else {
        return false;
    };
    let found = program.terms.found(&Folded::of(&outcome.answer));
    for (_, text) in intent.expected.iter().filter(|(term, _)| !found.has(*term)) {
        outcome.objections.push(Objection {
            rule: intent.name.clone(),
            text: text.clone(),
            unsupported: false,
        });
    }
    true
}

fn object(rule: &Rule, text: &str, objections: &mut Vec<Objection>) {
    if objections.len() >= OBJECTIONS_MAX || objections.iter().any(|known| known.rule == rule.name) {
        return;
    }
    let unsupported = rule.conditions.iter().any(|condition| {
        !condition.negated && matches!(condition.test, Test::Has(_, _, ValueTest::OutsideContext))
    });
    objections.push(Objection { rule: rule.name.clone(), text: text.to_owned(), unsupported });
}

/// A prepared text with the question's own words.
fn render(template: &Template, evidence: &Evidence<'_>) -> String {
    let mut text = String::new();
    for piece in template {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Question => text.push_str(evidence.input.question),
            Piece::Intent => {
                text.push_str(evidence.program.intent(evidence.asked).map_or("", |intent| &intent.name));
            }
            Piece::Page => {
                let _ = evidence.best_page().map(|page| write!(text, "{page}"));
            }
        }
    }
    text.trim().to_owned()
}

fn note(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}
