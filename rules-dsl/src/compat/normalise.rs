//! Replaces terms in an answer, entry after entry over the running text, so that entries cascade as they always did.

use super::apply::Raised;
use super::bound::Budget;
use super::form::{Normalisation, RuleSet};
use super::python::{fold, fold_char};
use super::replacement::{self, Part};

/// An answer after the normalisations.
pub(super) struct Normalised {
    pub(super) text: String,
    /// The entries that hit, as the predecessor prints them.
    pub(super) applied: Vec<String>,
}

impl RuleSet {
    pub(super) fn normalise(&self, answer: &str, budget: &mut Budget) -> Result<Normalised, Raised> {
        let (mut text, mut folded, mut applied) = (answer.to_owned(), fold(answer), Vec::new());
        for entry in &self.normalisations {
            let places = if entry.case_sensitive {
                literal_places(&text, &entry.original)
            } else {
                folded_places(&text, &folded, &fold(&entry.original))
            };
            if places.is_empty() {
                continue;
            }
            text = replace(&text, &places, &replacement::parse(&entry.normalized)?, budget)?;
            folded = fold(&text);
            applied.push(shown(entry));
        }
        Ok(Normalised { text, applied })
    }
}

/// Where a term occurs, as bytes from and to.
type Place = (usize, usize);

fn literal_places(text: &str, term: &str) -> Vec<Place> {
    text.match_indices(term).map(|(at, found)| (at, at + found.len())).collect()
}

fn folded_places(text: &str, folded: &str, term: &str) -> Vec<Place> {
    // Most entries hit nothing, and this is the quickest way to know.
    if !folded.contains(term) {
        return Vec::new();
    }
    // A character and its folded one may differ in length, so places are counted off from the start.
    let (mut chars, mut folded_at) = (text.chars(), 0);
    let mut place_in_text = |target: usize| {
        while folded_at < target {
            let Some(c) = chars.next() else { break };
            folded_at += fold_char(c).len_utf8();
        }
        text.len() - chars.as_str().len()
    };
    let found = folded.match_indices(term);
    found.map(|(at, found)| (place_in_text(at), place_in_text(at + found.len()))).collect()
}

fn replace(text: &str, places: &[Place], parts: &[Part], budget: &mut Budget) -> Result<String, Raised> {
    let (mut out, mut at) = (budget.text(), 0);
    for &(from, to) in places {
        out.push(text.get(at..from).unwrap_or_default())?;
        for part in parts {
            match part {
                Part::Literal(literal) => out.push(literal)?,
                Part::Found => out.push(text.get(from..to).unwrap_or_default())?,
            }
        }
        at = to;
    }
    out.push(text.get(at..).unwrap_or_default())?;
    Ok(out.finish())
}

fn shown(entry: &Normalisation) -> String {
    let option = if entry.case_sensitive { " [case-sensitive]" } else { "" };
    format!("\"{}\" → \"{}\"{option}", entry.original, entry.normalized)
}
