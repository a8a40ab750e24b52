//! Terms that say too little, twice, or what the normalisation never leaves standing.

use crate::diagnostic::{Code, Diagnostic};
use crate::fold::{Folded, fold};
use crate::program::Normaliser;
use crate::syntax::tree::{Action, MetadataTest, Subject, Term, Test, Tree, When};
use crate::terms::{Reach, TermsBuilder};
use std::collections::HashSet;

/// Words that nearly every sentence has, folded.
const COMMON: &[&str] = &[
    "a", "o", "e", "as", "os", "de", "da", "do", "das", "dos", "em", "no", "na", "que", "um", "uma", "the",
    "of", "and", "to", "in", "is", "an",
];

pub(super) fn check(tree: &Tree<'_>, found: &mut Vec<Diagnostic>) {
    let gone = Gone::new(tree);
    for intent in &tree.intents {
        intent.patterns.iter().for_each(|term| unbounded(term, found));
    }
    for rule in tree.rules.iter().filter(|rule| !rule.broken) {
        if let When::Asks(terms) = &rule.when {
            terms.iter().for_each(|term| unbounded(term, found));
            doubles(terms, found);
        }
        let whole = matches!(rule.action, Some(Action::Replace(_) | Action::Refuse(_)));
        if rule.when == When::Always && rule.conditions.is_empty() && whole {
            let words = rule.when_span.of(tree.source).trim();
            found.push(Diagnostic::new(Code::Unbounded, rule.when_span).about(words));
        }
        for condition in &rule.conditions {
            let (Test::Mentions(_, terms) | Test::Metadata(_, MetadataTest::Mentions(terms))) =
                &condition.test
            else {
                continue;
            };
            doubles(terms, found);
            if let Test::Mentions(subject, _) = condition.test {
                terms.iter().for_each(|term| unbounded(term, found));
                if subject == Subject::Answer {
                    terms.iter().for_each(|term| gone.check(term, found));
                }
            }
        }
    }
}

/// A term that nearly every text has.
fn unbounded(term: &Term<'_>, found: &mut Vec<Diagnostic>) {
    let folded = fold(&term.text.text);
    let folded = folded.trim();
    let single = folded.chars().count() == 1;
    let loose = single && (term.reach != Reach::Word || !folded.contains(char::is_alphanumeric));
    // `a` as a word is an article; `R` or `7` as a word is a name.
    let common = term.reach == Reach::Word && COMMON.contains(&folded);
    if loose || common {
        found.push(Diagnostic::new(Code::Unbounded, term.text.span).about(format!("\"{}\"", term.text.text)));
    }
}

fn doubles(terms: &[Term<'_>], found: &mut Vec<Diagnostic>) {
    let mut known = HashSet::new();
    for term in terms {
        if !known.insert((fold(&term.text.text), term.reach)) {
            found.push(
                Diagnostic::new(Code::Redundant, term.text.span).about(format!("\"{}\"", term.text.text)),
            );
        }
    }
}

/// What the normalisation never leaves in an answer.
struct Gone {
    /// The entries that hold in any case; the others leave some way to write the term.
    entries: Normaliser,
    /// Everything that entries put into an answer.
    written: Folded,
}

impl Gone {
    fn new(tree: &Tree<'_>) -> Gone {
        let entries = Normaliser::new(tree.normalisations.iter().filter(|entry| !entry.case_sensitive));
        let written: String = tree.normalisations.iter().flat_map(|entry| [&*entry.to.text, "\n"]).collect();
        Gone { entries, written: Folded::of(&written) }
    }

    fn check(&self, term: &Term<'_>, found: &mut Vec<Diagnostic>) {
        let text = term.text.text.trim();
        let places = self.entries.places(text);
        let Some((last, _)) = places.last() else { return };
        // `nomead` also finds `nomeada`, which an entry for `nomead` leaves alone.
        let whole = term.reach == Reach::Word || (term.reach == Reach::Prefix && last.end < text.len());
        if !whole {
            return;
        }
        let normalised = self.entries.apply(text, 0, 0).text;
        let mut one = TermsBuilder::default();
        let id = one.add(&fold(text), term.reach);
        let one = one.build();
        let stands = |text: &Folded| one.found(text).has(id);
        if stands(&Folded::of(&normalised)) || stands(&self.written) {
            return;
        }
        let quoted = |text: &str| format!("\"{text}\"");
        found.push(
            Diagnostic::new(Code::Normalised, term.text.span).about(quoted(text)).about(quoted(&normalised)),
        );
    }
}
