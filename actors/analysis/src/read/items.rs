//! The clauses of a document that may each be a record of a list.

use super::clauses::{clauses, mark, sentences};
use super::{Document, grid::Grid};
use crate::profile::List;
use crate::scan::Kind;
use crate::text::Span;

/// Letters of an item at most; longer clauses are prose about something else.
const ITEM_MAX: usize = 2_500;

/// A clause, its mark, and the sentence that opened its enumeration.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) span: Span,
    pub(crate) mark: Option<String>,
    pub(crate) opening: Span,
}

/// The clauses of the list's sections that no table covers.
pub(crate) fn items(document: &Document<'_>, list: &List, grids: &[Grid]) -> Vec<Item> {
    let folded = &document.text.flow.folded;
    let covered: Vec<Span> = grids
        .iter()
        .flat_map(|grid| grid.words.iter().map(|range| (grid.page, range)))
        .map(|(page, range)| document.text.flow.at(page, range.start)..document.text.flow.at(page, range.end))
        .collect();
    let mut ranges =
        if list.section.is_empty() { vec![document.text.all()] } else { document.ranges(&list.section) };
    let anywhere = list.anywhere.as_ref().filter(|_| ranges.is_empty());
    if anywhere.is_some() {
        ranges.push(document.text.all());
    }
    let mut found = Vec::new();
    for range in ranges {
        let mut opening = range.start..range.start;
        for clause in clauses(folded, &range) {
            let text = folded.get(clause.clone()).unwrap_or("");
            let in_table = covered.iter().filter(|word| clause.start <= word.start && word.end <= clause.end);
            let letters: usize = in_table.map(|word| word.len() + 1).sum();
            if letters * 2 > clause.len() || clause.len() > ITEM_MAX {
                continue;
            }
            if text.trim_end().ends_with(':') {
                opening = clause.clone();
            }
            if text.trim_end().ends_with(':') && !list.inherit.is_empty() {
                continue;
            }
            let parts = if list.sentences {
                sentences(document.text.flow.chars(), folded, &clause)
            } else {
                vec![clause]
            };
            for span in parts.into_iter().flat_map(|part| split(document, list, part)) {
                let text = folded.get(span.clone()).unwrap_or("");
                if anywhere.is_some_and(|anywhere| !anywhere.is_in(text)) {
                    continue;
                }
                found.push(Item { mark: mark(text).map(|(label, _)| label), span, opening: opening.clone() });
            }
        }
    }
    found
}

/// A clause cut where a further item begins in it: at a `start` after the money of the one before.
fn split(document: &Document<'_>, list: &List, clause: Span) -> Vec<Span> {
    let text = &document.text;
    let Some(start) = &list.start else { return vec![clause] };
    let money: Vec<usize> = text.of_kind(Kind::Money, &clause).map(|money| money.span.end).collect();
    let starts: Vec<usize> =
        start.find_all(text.folded(clause.clone())).map(|hit| clause.start + hit.start).collect();
    let mut cuts: Vec<usize> = Vec::new();
    let mut from = clause.start;
    for at in starts {
        let paid = money.iter().any(|end| from < *end && *end <= at);
        let begun = money.iter().any(|end| *end > at);
        if paid && begun {
            cuts.push(at);
            from = at;
        }
    }
    let begins = std::iter::once(clause.start).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([clause.end]);
    begins.zip(ends).map(|(from, to)| from..to).collect()
}
