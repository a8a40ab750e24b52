//! Applies the changes that problems propose, where each is surely right.

use crate::diagnostic::{Code, Diagnostic, Fix, Severity};
use crate::syntax::parse;

/// Mistyped words that are tried one by one: each costs a reading of the file.
const TRIED_MAX: usize = 200;

/// The source with every change that is surely right: those of warnings, and a mistyped word of the language when
/// writing it right leaves fewer errors. Where two changes touch each other, the later one in the file is made.
pub fn fix(source: &str, problems: &[Diagnostic]) -> String {
    let mut fixes: Vec<(&Diagnostic, &Fix)> =
        problems.iter().filter_map(|problem| problem.fix.as_ref().map(|fix| (problem, fix))).collect();
    // From the end, so that the places of those before it stay right.
    fixes.sort_by_key(|(_, fix)| std::cmp::Reverse((fix.span.start, fix.span.end)));
    let mut text = source.to_owned();
    let mut free = source.len() as u32;
    let mut tried = 0;
    for (problem, fix) in fixes {
        if fix.span.end > free || fix.span.start > fix.span.end || text.get(fix.span.range()).is_none() {
            continue;
        }
        let mut next = text.clone();
        next.replace_range(fix.span.range(), &fix.text);
        if problem.severity() == Severity::Error {
            tried += 1;
            if tried > TRIED_MAX || !is_word(problem, fix) || errors(&next) >= errors(&text) {
                continue;
            }
        }
        text = next;
        free = fix.span.start;
    }
    text
}

/// Whether a change writes a word of the language right; leaving something out may lose what was meant.
fn is_word(problem: &Diagnostic, fix: &Fix) -> bool {
    let known = [
        Code::UnknownLine,
        Code::UnknownHeading,
        Code::OutsideSection,
        Code::UnknownAction,
        Code::UnknownLevel,
    ];
    !fix.text.is_empty() && known.contains(&problem.code)
}

fn errors(source: &str) -> usize {
    parse(source).diagnostics.iter().filter(|problem| problem.severity() == Severity::Error).count()
}
