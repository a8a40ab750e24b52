//! The clauses of a document that may each be a record of a list.

use super::clauses::{bullet, clauses, mark, sentences};
use super::{Document, grid::Grid};
use crate::profile::{Block, List};
use crate::scan::Kind;
use crate::text::Span;

/// Letters of an item at most; longer clauses are prose about something else.
const ITEM_MAX: usize = 2_500;

/// Letters of a title without a mark at most.
const TITLE_MAX: usize = 160;

/// A clause, its mark, and the sentence that opened its enumeration.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) span: Span,
    pub(crate) mark: Option<String>,
    pub(crate) opening: Span,
    /// Behind what a clause tells of its own item: the sentence that opens an enumeration in it.
    pub(crate) tail: Option<Span>,
}

/// The clauses of the list's sections that no table covers; where there are none, or `whole` is asked, those of the
/// whole document that are as the list says.
pub(crate) fn items(document: &Document<'_>, list: &List, grids: &[Grid], whole: bool) -> Vec<Item> {
    let folded = &document.text.flow.folded;
    let covered: Vec<Span> = grids
        .iter()
        .flat_map(|grid| grid.words.iter().map(|range| (grid.page, range)))
        .map(|(page, range)| document.text.flow.at(page, range.start)..document.text.flow.at(page, range.end))
        .collect();
    let mut ranges =
        if list.section.is_empty() { vec![document.text.all()] } else { document.ranges(&list.section) };
    let anywhere = list.anywhere.as_ref().filter(|_| whole || ranges.is_empty());
    if anywhere.is_some() {
        ranges.clear();
        ranges.push(document.text.all());
    }
    let mut found = Vec::new();
    for range in ranges {
        let mut within: Vec<Item> = Vec::new();
        let mut opening = range.start..range.start;
        for clause in clauses(folded, &range) {
            let text = folded.get(clause.clone()).unwrap_or("");
            let in_table = covered.iter().filter(|word| clause.start <= word.start && word.end <= clause.end);
            let letters: usize = in_table.map(|word| word.len() + 1).sum();
            if letters * 2 > clause.len() || clause.len() > ITEM_MAX {
                continue;
            }
            let own = told_before_list(document, list, &clause);
            if text.trim_end().ends_with(':') {
                opening = if own.is_some() { clause.end..clause.end } else { clause.clone() };
            }
            if text.trim_end().ends_with(':') && !list.inherit.is_empty() && own.is_none() {
                continue;
            }
            let tail = own.as_ref().map(|own| own.end..clause.end);
            let clause = own.unwrap_or(clause);
            let parts = if list.sentences {
                sentences(document.text.flow.chars(), folded, &clause)
            } else {
                vec![clause]
            };
            let parts = joined(document, list, parts);
            for span in parts.into_iter().flat_map(|part| split(document, list, part)) {
                let text = folded.get(span.clone()).unwrap_or("");
                within.push(Item {
                    mark: mark(text).map(|(label, _)| label),
                    span,
                    opening: opening.clone(),
                    tail: tail.clone(),
                });
            }
        }
        if let Some(block) = &list.block {
            within = blocks(document, block, within);
        }
        within.retain(|item| {
            anywhere.is_none_or(|anywhere| anywhere.is_in(folded.get(item.span.clone()).unwrap_or("")))
        });
        found.extend(within);
    }
    found
}

/// What a marked clause tells of its own item, where its last sentence opens an enumeration: "(ii) Compra: aprovada. Fica
/// autorizada a aquisição dos seguintes ativos:".
fn told_before_list(document: &Document<'_>, list: &List, clause: &Span) -> Option<Span> {
    let text = document.text.folded(clause.clone());
    if !text.trim_end().ends_with(':') || !list.sentences || mark(text).is_none() {
        return None;
    }
    let flow = &document.text.flow;
    let last = sentences(flow.chars(), &flow.folded, clause).pop()?;
    let own = clause.start..last.start;
    let told = |span: &Span| {
        list.block.as_ref().is_some_and(|block| block.outcome.is_in(document.text.folded(span.clone())))
    };
    (!own.is_empty() && told(&own)).then_some(own)
}

/// Sentences that still speak of the item before, put to it: "CDB no 1, do Banco X. Valor: R$ 10,00."
fn joined(document: &Document<'_>, list: &List, parts: Vec<Span>) -> Vec<Span> {
    let Some(goes_on) = &list.goes_on else { return parts };
    let mut found: Vec<Span> = Vec::new();
    for part in parts {
        let text = document.text.folded(part.clone());
        match found.last_mut().filter(|_| goes_on.heads(text.trim_start())) {
            Some(last) => last.end = part.end,
            None => found.push(part),
        }
    }
    found
}

/// Items whose outcome stands in a sentence of its own, put together: "1 - Carencia de juros. Aprovada por 70%."
///
/// A marked item, or a title, goes on over what has no mark until an outcome was told, and over further sentences of
/// its line that tell no other.
fn blocks(document: &Document<'_>, block: &Block, items: Vec<Item>) -> Vec<Item> {
    let folded = &document.text.flow.folded;
    let text = |span: &Span| folded.get(span.clone()).unwrap_or("");
    let mut found: Vec<Item> = Vec::new();
    // Whether the last item may go on, and whether its outcome was told.
    let (mut open, mut told) = (false, false);
    for item in items {
        let own = text(&item.span);
        let listed = item.mark.is_some() || bullet(own);
        let outcome = block.outcome.is_in(own);
        let last = found.last().map(|last| last.span.clone()).filter(|_| !listed);
        if let Some(last) = last {
            let between = text(&(last.end..item.span.start));
            let same_line = !between.contains('\n') && !own.starts_with('\n');
            // "Resultado: aprovada" tells the outcome of the item before, and heads nothing.
            let tells = outcome && block.tells.as_ref().is_some_and(|tells| tells.heads(own.trim_start()));
            let headed = document.head_before(item.span.start) > last.start && !tells;
            let opens = block.opens.heads(own.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()));
            let title = !same_line
                && !open
                && !told
                && opens
                && last.len() < TITLE_MAX
                && !block.outcome.is_in(text(&last));
            let goes_on = match (told, outcome) {
                (true, true) => false,
                (false, true) => open && (same_line || opens) || title,
                // "aprovada; 95% a favor, 5% contra" is one item, marked or not.
                (true, false) if text(&last).len() < TITLE_MAX && same_line && own.contains('%') => {
                    between.contains(';') || open
                }
                (_, false) => open && (same_line || block.goes_on.heads(own.trim_start())),
            };
            if goes_on && !headed && item.span.end - last.start < ITEM_MAX {
                if let Some(last) = found.last_mut() {
                    last.span.end = item.span.end;
                }
                (open, told) = (true, told || outcome);
                continue;
            }
        }
        (open, told) = (listed, outcome);
        found.push(item);
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
