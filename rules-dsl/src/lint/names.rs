//! Facts, intents, expansions and normalisations: doubles, circles, and names that lead nowhere.

use super::whole_line;
use crate::diagnostic::{Code, Diagnostic};
use crate::fold::{Folded, fold};
use crate::program::Loaded;
use crate::syntax::tree::{LineKind, Span, Tree};
use crate::terms::Reach;
use std::collections::{HashMap, HashSet};

pub(super) fn check(loaded: &Loaded<'_>, found: &mut Vec<Diagnostic>) {
    let tree = &loaded.tree;
    let empty = |kind| matches!(kind, LineKind::Blank | LineKind::Comment | LineKind::Separator);
    if loaded.program.domain().is_none() && tree.lines.iter().any(|line| !empty(line.kind)) {
        found.push(Diagnostic::new(Code::NoDomain, Span::default()));
    }
    facts(tree, found);
    intents(tree, found);
    let known: HashSet<String> = loaded.program.intents.iter().map(|intent| fold(&intent.name)).collect();
    for expansion in tree.expansions.iter().filter(|one| !known.contains(&fold(&one.intent.text))) {
        let name = expansion.intent.text.clone();
        found.push(Diagnostic::new(Code::ExpansionWithoutIntent, expansion.intent.span).about(name));
    }
    normalisations(tree, found);
    circles(tree, found);
}

fn facts(tree: &Tree<'_>, found: &mut Vec<Diagnostic>) {
    let mut known: HashMap<String, Span> = HashMap::new();
    for fact in &tree.facts {
        let name = fold(&fact.name.text);
        match known.get(&name) {
            Some(first) => found.push(
                Diagnostic::new(Code::DuplicateFact, fact.name.span)
                    .about(fact.name.text.clone())
                    .beside(*first),
            ),
            None => {
                known.insert(name, fact.name.span);
            }
        }
    }
}

fn intents(tree: &Tree<'_>, found: &mut Vec<Diagnostic>) {
    let mut known: HashMap<&str, Span> = HashMap::new();
    let mut patterns: HashMap<(&str, String, Reach), Span> = HashMap::new();
    let with_patterns: HashSet<&str> = tree
        .intents
        .iter()
        .filter(|intent| intent.broken || !intent.patterns.is_empty())
        .map(|intent| &*intent.name.text)
        .collect();
    for intent in &tree.intents {
        let name = &*intent.name.text;
        match known.get(name) {
            Some(first) => {
                found.push(Diagnostic::new(Code::IntentTwice, intent.name.span).about(name).beside(*first));
            }
            None => {
                known.insert(name, intent.name.span);
                if !with_patterns.contains(name) {
                    found.push(Diagnostic::new(Code::IntentWithoutPattern, intent.name.span).about(name));
                }
            }
        }
        for term in &intent.patterns {
            let key = (name, fold(&term.text.text), term.reach);
            if let Some(first) = patterns.get(&key) {
                let problem =
                    Diagnostic::new(Code::DuplicatePattern, term.text.span).about(term.text.text.clone());
                found.push(problem.beside(*first).fixed(whole_line(tree, term.text.span.start), ""));
            } else {
                patterns.insert(key, term.text.span);
            }
        }
    }
}

fn normalisations(tree: &Tree<'_>, found: &mut Vec<Diagnostic>) {
    // By the text in lower case: the first entry that takes it in any case, and those in exactly one case.
    let mut any_case: HashMap<String, usize> = HashMap::new();
    let mut one_case: HashMap<&str, usize> = HashMap::new();
    for (at, entry) in tree.normalisations.iter().enumerate() {
        if entry.from.text == entry.to.text {
            found.push(Diagnostic::new(Code::NormalisationToItself, entry.from.span));
        }
        let lowered = Folded::lowered(&entry.from.text).text;
        let exact = one_case.get(&*entry.from.text).filter(|_| entry.case_sensitive);
        if let Some(first) =
            any_case.get(&lowered).or(exact).and_then(|&first| tree.normalisations.get(first))
        {
            let problem =
                Diagnostic::new(Code::SameNormalisation, entry.from.span).about(entry.from.text.clone());
            let problem = problem.beside(first.from.span);
            let same = first.to.text == entry.to.text;
            found.push(if same { problem.fixed(whole_line(tree, entry.span.start), "") } else { problem });
        } else if entry.case_sensitive {
            one_case.insert(&entry.from.text, at);
        } else {
            any_case.insert(lowered, at);
        }
    }
}

/// `a → b` and `b → a`: every answer has one of them wrong.
fn circles(tree: &Tree<'_>, found: &mut Vec<Diagnostic>) {
    let lowered = |text: &str| Folded::lowered(text).text;
    let mut by_text: HashMap<String, usize> = HashMap::new();
    for (at, entry) in tree.normalisations.iter().enumerate() {
        by_text.entry(lowered(&entry.from.text)).or_insert(at);
    }
    let next = |at: usize| {
        let entry = tree.normalisations.get(at)?;
        by_text.get(&lowered(&entry.to.text)).copied().filter(|&next| next != at)
    };
    // Every entry leads to one at most, so each is walked once.
    let mut seen = vec![usize::MAX; tree.normalisations.len()];
    for start in 0..tree.normalisations.len() {
        let mut path = Vec::new();
        let mut here = Some(start);
        while let Some(at) = here {
            let Some(mark) = seen.get_mut(at) else { break };
            if *mark != usize::MAX {
                if *mark == start {
                    let from = path.iter().position(|&one| one == at).unwrap_or(0);
                    circle(tree, path.get(from..).unwrap_or(&[]), found);
                }
                break;
            }
            *mark = start;
            path.push(at);
            here = next(at);
        }
    }
}

fn circle(tree: &Tree<'_>, path: &[usize], found: &mut Vec<Diagnostic>) {
    const NAMED_MAX: usize = 6;
    let entries: Vec<_> = path.iter().filter_map(|&at| tree.normalisations.get(at)).collect();
    let (Some(first), Some(last)) = (entries.first(), entries.iter().max_by_key(|entry| entry.span)) else {
        return;
    };
    let mut names: Vec<&str> = entries.iter().take(NAMED_MAX).map(|entry| &*entry.from.text).collect();
    names.push(if entries.len() > NAMED_MAX { "…" } else { &first.from.text });
    let problem = Diagnostic::new(Code::NormalisationCycle, last.from.span).about(names.join(" → "));
    found.push(problem.beside(first.from.span));
}
