//! The conditions of one rule against each other: repeated ones, and ones that exclude each other.

use super::{shown, whole_line};
use crate::diagnostic::{Code, Diagnostic};
use crate::program::{Condition, Metadata, Rule, Test};
use crate::syntax::tree::{Comparison, Tree, ValueTest};
use crate::value::Value;

/// One per cent and one page in the unit of [`Value::Number`].
const ONE: i128 = 1_000_000;

pub(super) fn check(rule: &Rule, tree: &Tree<'_>, found: &mut Vec<Diagnostic>) {
    let text = |condition: &Condition| shown(condition.span.of(tree.source));
    for (at, condition) in rule.conditions.iter().enumerate() {
        let mut others = rule.conditions.iter().enumerate().filter(|(other, _)| *other != at);
        let earlier = rule.conditions.iter().take(at);
        if let Some(other) = earlier.clone().find(|other| excludes(other, condition)) {
            found.push(
                Diagnostic::new(Code::Contradiction, condition.span)
                    .about(text(condition))
                    .beside(other.span),
            );
        } else if let Some((_, other)) = others.find(|(other, stronger)| {
            implies(stronger, condition) && (*other < at || !implies(condition, stronger))
        }) {
            let problem =
                Diagnostic::new(Code::Redundant, condition.span).about(text(condition)).beside(other.span);
            let line = whole_line(tree, condition.span.start);
            // Only a line that says exactly what another says can go without a second look.
            let same = implies(condition, other) && condition.span.end <= line.end;
            found.push(if same { problem.fixed(line, "") } else { problem });
        } else if is_empty(condition) {
            found.push(Diagnostic::new(Code::Contradiction, condition.span).about(text(condition)));
        }
    }
    bounds(rule, tree, found);
}

/// Whether one condition can only hold when the other does.
pub(super) fn implies(stronger: &Condition, weaker: &Condition) -> bool {
    match (stronger.negated, weaker.negated) {
        (false, false) => narrows(&stronger.test, &weaker.test),
        (true, true) => narrows(&weaker.test, &stronger.test),
        _ => false,
    }
}

/// Whether two conditions never hold together.
fn excludes(one: &Condition, other: &Condition) -> bool {
    match (one.negated, other.negated) {
        (false, true) => narrows(&one.test, &other.test),
        (true, false) => narrows(&other.test, &one.test),
        _ => false,
    }
}

/// Whether whatever passes one test passes the other.
fn narrows(narrow: &Test, wide: &Test) -> bool {
    let within = |few: &[u32], many: &[u32]| few.iter().all(|term| many.contains(term));
    match (narrow, wide) {
        (Test::Mentions(a, few), Test::Mentions(b, many)) => a == b && within(few, many),
        (Test::Has(a, kind, one), Test::Has(b, other, test)) => {
            a == b && kind == other && (one == test || *test == ValueTest::Any)
        }
        (Test::Page(a), Test::Page(b)) | (Test::Confidence(a), Test::Confidence(b)) => a == b,
        (Test::Metadata(a, one), Test::Metadata(b, other)) => {
            a == b
                && match (one, other) {
                    (Metadata::Mentions(few), Metadata::Mentions(many)) => within(few, many),
                    (Metadata::Is(a), Metadata::Is(b)) => a == b,
                    (Metadata::Compares(a), Metadata::Compares(b)) => a == b,
                    _ => false,
                }
        }
        _ => false,
    }
}

/// `entre 10 e 5`: no value is there.
fn is_empty(condition: &Condition) -> bool {
    if condition.negated {
        return false;
    }
    let comparison = match &condition.test {
        Test::Has(_, _, ValueTest::Compares(comparison)) => comparison,
        Test::Metadata(_, Metadata::Compares(comparison)) => comparison,
        _ => return false,
    };
    matches!(comparison, Comparison::Between(low, high) if high.compare(low) == Some(std::cmp::Ordering::Less))
}

/// The page and the confidence are one number each, so all that is asked of them must hold for one number.
fn bounds(rule: &Rule, tree: &Tree<'_>, found: &mut Vec<Diagnostic>) {
    type Pick = fn(&Test) -> Option<&Comparison>;
    let page: Pick = |test| if let Test::Page(comparison) = test { Some(comparison) } else { None };
    let confidence: Pick =
        |test| if let Test::Confidence(comparison) = test { Some(comparison) } else { None };
    for (pick, (mut low, mut high)) in [(page, (ONE, i128::MAX)), (confidence, (0, ONE))] {
        // Without a positive condition an answer whose page is unknown passes.
        if !rule.conditions.iter().any(|condition| !condition.negated && pick(&condition.test).is_some()) {
            continue;
        }
        for condition in &rule.conditions {
            let Some(comparison) = pick(&condition.test) else { continue };
            let (from, to) = range(comparison, condition.negated);
            (low, high) = (low.max(from), high.min(to));
            if low > high {
                let words = shown(condition.span.of(tree.source));
                found.push(Diagnostic::new(Code::Contradiction, condition.span).about(words));
                break;
            }
        }
    }
}

/// The least and the greatest number that passes; wider than the truth where that is no single range.
fn range(comparison: &Comparison, negated: bool) -> (i128, i128) {
    const ALL: (i128, i128) = (i128::MIN, i128::MAX);
    let number = |value: &Value| match value {
        Value::Number(micros) => Some(*micros),
        _ => None,
    };
    let range = match (comparison, negated) {
        (Comparison::Above(x), false) | (Comparison::AtMost(x), true) => {
            number(x).map(|x| (x + 1, i128::MAX))
        }
        (Comparison::AtLeast(x), false) | (Comparison::Below(x), true) => number(x).map(|x| (x, i128::MAX)),
        (Comparison::Below(x), false) | (Comparison::AtLeast(x), true) => {
            number(x).map(|x| (i128::MIN, x - 1))
        }
        (Comparison::AtMost(x), false) | (Comparison::Above(x), true) => number(x).map(|x| (i128::MIN, x)),
        (Comparison::Equal(x), false) | (Comparison::Other(x), true) => number(x).map(|x| (x, x)),
        (Comparison::Between(x, y), false) => number(x).zip(number(y)),
        (Comparison::Other(_), false) | (Comparison::Equal(_) | Comparison::Between(..), true) => None,
    };
    range.unwrap_or(ALL)
}
