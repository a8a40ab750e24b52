//! Rules that never act because an earlier one with the same or a broader trigger always decides.

use super::conditions::implies;
use super::first_line;
use crate::diagnostic::{Code, Diagnostic};
use crate::program::{Action, Program, Rule, Test, Trigger};
use crate::syntax::tree::{Subject, Tree, Validity};
use std::collections::HashMap;

/// Earlier rules that one rule is compared with, so that ten thousand rules of one trigger take no minute.
const COMPARED_MAX: usize = 64;

/// What can make a rule be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Always,
    Term(u32),
    Intent(u32),
    /// A term that names an intent.
    Named(u32),
}

/// Every way in which a rule comes to be asked.
pub(super) fn keys(trigger: &Trigger) -> Vec<Key> {
    match trigger {
        Trigger::Always => vec![Key::Always],
        Trigger::Asks { terms, intents, named } => {
            let terms = terms.iter().map(|&term| Key::Term(term));
            terms
                .chain(intents.iter().map(|&at| Key::Intent(at)))
                .chain(named.iter().map(|&at| Key::Named(at)))
                .collect()
        }
    }
}

pub(super) fn check(program: &Program, tree: &Tree<'_>, found: &mut Vec<Diagnostic>) {
    let mut deciders: HashMap<Key, Vec<usize>> = HashMap::new();
    // How many of the rules before each change the answer and let it go on.
    let mut changes = Vec::with_capacity(program.rules.len());
    let mut changing = 0;
    for (at, rule) in program.rules.iter().enumerate() {
        changes.push(changing);
        let keys = keys(&rule.trigger);
        if rule.file == 0 {
            let near = |key: &Key| deciders.get(key).into_iter().flatten().take(COMPARED_MAX);
            let candidates = near(&Key::Always)
                .chain(keys.first().filter(|key| **key != Key::Always).into_iter().flat_map(near));
            let first = candidates
                .copied()
                .filter(|&earlier| {
                    let still = changes.get(earlier) == Some(&changing);
                    program.rules.get(earlier).is_some_and(|earlier| covers(earlier, rule, still))
                })
                .min();
            if let Some(earlier) = first.and_then(|earlier| program.rules.get(earlier)) {
                let code = if earlier.conditions.is_empty() { Code::Unreachable } else { Code::Shadowed };
                let span = first_line(tree, rule.span);
                let problem = Diagnostic::new(code, span).about(earlier.name.clone());
                found.push(if earlier.file == 0 {
                    problem.beside(first_line(tree, earlier.span))
                } else {
                    problem
                });
            }
        }
        match &rule.action {
            Action::Replace(_) | Action::Refuse(_) | Action::Keep => {
                for key in keys {
                    deciders.entry(key).or_default().push(at);
                }
            }
            Action::Substitute(..) | Action::Append(_) | Action::Prefix(_) => changing += 1,
            Action::Flag(_) => {}
        }
    }
}

/// Whether a rule is asked and decides whenever the later one would act; `still`: nothing changes the answer between.
fn covers(earlier: &Rule, later: &Rule, still: bool) -> bool {
    let about_answer =
        |test: &Test| matches!(test, Test::Mentions(Subject::Answer, _) | Test::Has(Subject::Answer, ..));
    broader(&earlier.trigger, &later.trigger)
        && lasts(&earlier.validity, &later.validity)
        && earlier.conditions.iter().all(|needed| {
            (still || !about_answer(&needed.test))
                && later.conditions.iter().any(|given| implies(given, needed))
        })
}

/// Whether the first is asked whenever the second is.
pub(super) fn broader(wide: &Trigger, narrow: &Trigger) -> bool {
    let within = |few: &[u32], many: &[u32]| few.iter().all(|one| many.contains(one));
    match (wide, narrow) {
        (Trigger::Always, _) => true,
        (_, Trigger::Always) => false,
        (
            Trigger::Asks { terms, intents, named },
            Trigger::Asks { terms: few_terms, intents: few_intents, named: few_named },
        ) => within(few_terms, terms) && within(few_intents, intents) && within(few_named, named),
    }
}

/// Whether the first is in force on every day of the second.
pub(super) fn lasts(wide: &Validity, narrow: &Validity) -> bool {
    let from = wide.from.is_none_or(|from| narrow.from.is_some_and(|later| from <= later));
    from && wide.until.is_none_or(|until| narrow.until.is_some_and(|sooner| sooner <= until))
}
