//! What is wrong with a file, and the changes that an editor offers.

use super::navigate::Edit;
use crate::diagnostic::{Diagnostic, Language, Severity};
use crate::program::Loaded;
use crate::syntax::tree::Span;

/// Problems that are shown; an author who has more repairs the first.
const PROBLEMS_MAX: usize = 1_000;
/// Changes that are offered for one selection.
const ACTIONS_MAX: usize = 50;

/// A change that removes a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What it does, as an imperative sentence.
    pub title: String,
    /// The problem that it removes.
    pub problem: Diagnostic,
    /// The change.
    pub edit: Edit,
}

/// Errors and warnings, in the order of the file; errors come first where there are too many.
pub fn diagnostics(loaded: &Loaded<'_>) -> Vec<Diagnostic> {
    let mut all = loaded.diagnostics.clone();
    all.extend(crate::lint::lint(loaded));
    all.sort_by_key(|problem| (std::cmp::Reverse(problem.severity()), problem.span, problem.code));
    all.truncate(PROBLEMS_MAX);
    all.sort_by_key(|problem| (problem.span, problem.code));
    all.dedup();
    all
}

/// The changes that remove the problems which touch a selection.
pub fn actions(problems: &[Diagnostic], selection: Span, language: Language) -> Vec<Action> {
    let touches = |span: Span| span.start <= selection.end && selection.start <= span.end;
    let near = problems.iter().filter(|problem| touches(problem.span));
    let offered = near.filter_map(|problem| {
        let fix = problem.fix.as_ref()?;
        let help = problem.help(language)?;
        let mut characters = help.chars();
        let title = characters.next()?.to_uppercase().chain(characters).collect();
        let edit = Edit { span: fix.span, text: fix.text.clone() };
        Some(Action { title, problem: problem.clone(), edit })
    });
    offered.take(ACTIONS_MAX).collect()
}

/// The edits that bring a file into its usual form; none when it is already. One edit covers only what changes.
pub fn format(loaded: &Loaded<'_>) -> Vec<Edit> {
    let source = loaded.tree.source;
    // A file beyond the bounds was not read, so its form is not known.
    if loaded
        .diagnostics
        .iter()
        .any(|p| p.severity() == Severity::Error && p.code == crate::diagnostic::Code::TooLarge)
    {
        return Vec::new();
    }
    let text = crate::format::format(source);
    if text == source {
        return Vec::new();
    }
    let head = source.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
    let head = super::clamp(source, head as u32) as usize;
    let (old, new) = (source.get(head..).unwrap_or(""), text.get(head..).unwrap_or(""));
    let tail = old.bytes().rev().zip(new.bytes().rev()).take_while(|(a, b)| a == b).count();
    let end = super::clamp_up(source, source.len() - tail);
    let tail = source.len() - end;
    let new = text.get(head..text.len() - tail).unwrap_or("").to_owned();
    vec![Edit { span: Span::new(head, end), text: new }]
}
