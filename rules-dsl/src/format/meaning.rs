//! What a tree means, as text: everything but where it stands.

use crate::diagnostic::Severity;
use crate::syntax::tree::Tree;
use std::fmt::Write as _;

/// Two files with the same text here load to the same program with the same errors.
pub(super) fn of(tree: &Tree<'_>) -> String {
    let mut text = String::new();
    let errors = tree.diagnostics.iter().filter(|problem| problem.severity() == Severity::Error);
    for problem in errors {
        text.push_str(problem.code.as_str());
    }
    let _ = write!(
        Placeless { out: &mut text, held: String::new() },
        "{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}",
        tree.domain,
        tree.automatic_intents,
        tree.imports,
        tree.facts,
        tree.facts_broken,
        tree.intents,
        tree.expansions,
        tree.normalisations,
        tree.rules,
        tree.synonyms,
        tree.checks,
    );
    text
}

/// Leaves out every number behind `start: `, `end: ` and `when_line: `: they are places.
struct Placeless<'a> {
    out: &'a mut String,
    held: String,
}

impl std::fmt::Write for Placeless<'_> {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let place = part.bytes().all(|byte| byte.is_ascii_digit())
            && ["start: ", "end: ", "when_line: "].iter().any(|name| self.held.ends_with(name));
        if !place {
            self.out.push_str(part);
        }
        // Names and numbers come in parts of their own; only the last few bytes can name a place.
        const NAME_MAX: usize = 16;
        self.held.push_str(part);
        if self.held.len() > NAME_MAX {
            let mut from = self.held.len() - NAME_MAX;
            while !self.held.is_char_boundary(from) {
                from += 1;
            }
            self.held.drain(..from);
        }
        Ok(())
    }
}
