//! Normalises terms: one pass from left to right, the longest entry first, never inside a word or number.

use crate::fold::Folded;
use crate::syntax::tree::Normalisation;
use crate::terms::{Reach, Terms, TermsBuilder};

/// How much longer than the original a text may become; beyond it the entries feed on each other.
const GROWTH_MAX: usize = 4;
/// Bytes that any text may grow by.
const GROWTH_FREE: usize = 64 << 10;

/// Whether a text has grown out of bounds.
pub(crate) fn outgrown(before: usize, after: usize) -> bool {
    after > before.saturating_mul(GROWTH_MAX).saturating_add(GROWTH_FREE)
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Normaliser {
    entries: Vec<Entry>,
    /// For every term, its entries in the order of the file.
    by_term: Vec<Vec<u32>>,
    terms: Terms,
    /// Bytes of the longest entry, in lower case.
    longest: usize,
}

#[derive(Debug, Clone)]
struct Entry {
    from: String,
    to: String,
    case_sensitive: bool,
}

/// A text after normalisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Normalised {
    pub text: String,
    /// What was applied, in the order of the file: `"a" → "b"`.
    pub applied: Vec<String>,
    /// No entry was left out.
    pub complete: bool,
}

impl Normaliser {
    pub(crate) fn new<'t, 's: 't>(items: impl Iterator<Item = &'t Normalisation<'s>>) -> Normaliser {
        let mut terms = TermsBuilder::default();
        let mut normaliser = Normaliser::default();
        for item in items {
            let lowered = Folded::lowered(&item.from.text).text;
            normaliser.longest = normaliser.longest.max(lowered.len());
            let id = terms.add(&lowered, Reach::Word) as usize;
            if normaliser.by_term.len() <= id {
                normaliser.by_term.resize(id + 1, Vec::new());
            }
            if let Some(list) = normaliser.by_term.get_mut(id) {
                list.push(normaliser.entries.len() as u32);
            }
            normaliser.entries.push(Entry {
                from: item.from.text.clone().into_owned(),
                to: item.to.text.clone().into_owned(),
                case_sensitive: item.case_sensitive,
            });
        }
        normaliser.terms = terms.build();
        normaliser
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of text after a place that may still decide what happens before it.
    pub(crate) fn reach(&self) -> usize {
        // A boundary looks at two characters more, and a character has at most four bytes, lower case or not.
        const BOUNDARY: usize = 12;
        self.longest * 2 + BOUNDARY
    }

    /// The places in a text where entries apply, in order, without overlap, with their entry.
    pub(crate) fn places(&self, text: &str) -> Vec<(std::ops::Range<usize>, usize)> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        let lowered = Folded::lowered(text);
        let mut hits: Vec<(std::ops::Range<usize>, usize)> = Vec::new();
        self.terms.each(&lowered, |id, range| {
            let range = lowered.origin(range.start)..lowered.origin(range.end);
            let Some(found) = text.get(range.clone()) else { return };
            let entries = self.by_term.get(id as usize).map_or(&[][..], Vec::as_slice);
            let entry = entries.iter().map(|&entry| entry as usize).find(|&entry| {
                self.entries.get(entry).is_some_and(|entry| !entry.case_sensitive || entry.from == found)
            });
            if let Some(entry) = entry {
                hits.push((range, entry));
            }
        });
        hits.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut end = 0;
        hits.retain(|(range, _)| {
            let free = range.start >= end && !range.is_empty();
            if free {
                end = range.end;
            }
            free
        });
        hits
    }

    /// Normalises the text that follows `read` bytes of which `written` bytes became. An entry that would make the
    /// whole outgrow its bound is left out, so that a text comes out the same in one piece and in many.
    pub(crate) fn apply(&self, text: &str, read: usize, written: usize) -> Normalised {
        let mut out = String::with_capacity(text.len() + text.len() / 8);
        let (mut from, mut complete) = (0, true);
        let mut used: Vec<usize> = Vec::new();
        for (range, entry) in self.places(text) {
            let Some(known) = self.entries.get(entry) else { continue };
            let after = written + out.len() + (range.start - from) + known.to.len();
            if outgrown(read + range.end, after) {
                complete = false;
                continue;
            }
            out.push_str(text.get(from..range.start).unwrap_or(""));
            out.push_str(&known.to);
            from = range.end;
            used.push(entry);
        }
        out.push_str(text.get(from..).unwrap_or(""));
        used.sort_unstable();
        used.dedup();
        let applied =
            used.into_iter().filter_map(|entry| self.entries.get(entry)).map(Entry::shown).collect();
        Normalised { text: out, applied, complete }
    }
}

impl Entry {
    fn shown(&self) -> String {
        let option = if self.case_sensitive { " [case-sensitive]" } else { "" };
        format!("\"{}\" → \"{}\"{option}", self.from, self.to)
    }
}
