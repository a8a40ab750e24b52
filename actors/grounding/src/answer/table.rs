//! Reads tables: the cell where a row and a column meet, the extreme of a column, the count of rows.

use super::extract::{quote, support};
use super::{Found, How, phrase};
use crate::evidence::{Candidate, Cell, Passage};
use crate::layout::UnitKind;
use crate::question::{AnswerType, Extreme, Question, Role, Term};
use crate::score::Scores;
use crate::text::{Word, alike, fold, number_of};

/// Words of scales, folded, least first.
const SCALE: &[&[&str]] = &[
    &["nenhum", "nenhuma", "nulo", "none"],
    &["baixo", "baixa", "low", "leve"],
    &["medio", "media", "moderado", "moderada", "medium", "moderate"],
    &["alto", "alta", "high", "grave"],
    &["critico", "critica", "critical", "altissimo"],
];

/// An answer that a table gives; None where no table's columns speak of what is asked.
pub(super) fn answer(
    question: &Question,
    passages: &[Passage],
    candidates: &[Candidate],
    scores: &Scores,
) -> Option<Found> {
    if question.expects() == AnswerType::YesNo {
        return None;
    }
    if let Some(extreme) = question.extreme {
        return of_extreme(question, extreme, passages, candidates);
    }
    of_cell(question, passages, candidates, scores)
}

fn held(term: &Term, list: &[Word]) -> f32 {
    list.iter().map(|word| alike(&term.word, word)).fold(0.0, f32::max)
}

/// How much of the question a column's name says, with the places of the terms it says.
fn column_share(question: &Question, cell: &Cell) -> f32 {
    question
        .terms
        .iter()
        .map(|term| term.weight.max(0.5) * held(term, &cell.header_words))
        .filter(|share| *share >= 0.4)
        .sum()
}

/// The cell whose column is asked for, in rows that hold everything else that is asked.
fn of_cell(
    question: &Question,
    passages: &[Passage],
    candidates: &[Candidate],
    scores: &Scores,
) -> Option<Found> {
    let mut hits: Vec<(usize, &Cell, f32)> = Vec::new();
    for (at, candidate) in
        candidates.iter().enumerate().filter(|(_, candidate)| candidate.facts.kind == UnitKind::Row)
    {
        let Some(target) = target(question, candidate) else { continue };
        let cells = &candidate.facts.cells;
        let others: Vec<&Term> = question
            .terms
            .iter()
            .filter(|term| term.role != Role::Weak && held(term, &target.header_words) < 0.8)
            .collect();
        let in_row = |term: &Term| {
            cells
                .iter()
                .filter(|cell| !std::ptr::eq(*cell, target))
                .map(|cell| held(term, &cell.words))
                .fold(0.0, f32::max)
        };
        let bound: Vec<f32> = others.iter().map(|term| in_row(term)).collect();
        // Without a word that picks rows, any row would do, and so none does.
        let picked = others.iter().zip(&bound).any(|(_, held)| *held >= 0.7);
        let whole = others.iter().zip(&bound).all(|(term, bound)| {
            *bound >= 0.7 || (term.role != Role::Anchor && held_around(term, candidate))
        });
        if picked && whole && !target.text.trim_matches(['-', '–', '—', ' ']).is_empty() {
            hits.push((at, target, bound.iter().sum::<f32>() / bound.len().max(1) as f32));
        }
    }
    let best = hits.iter().map(|(_, _, bound)| *bound).fold(0.0, f32::max);
    hits.retain(|(_, _, bound)| *bound >= best - 0.05);
    if question.expects() == AnswerType::Quantity
        && hits.iter().all(|(_, cell, _)| number_of(&cell.text).is_none())
    {
        return None;
    }
    let limit = if question.many { hits.len() } else { 1 };
    let first = hits.first()?;
    let probability = scores.probability[first.0].max(0.62 + 0.3 * first.2);
    let chosen = &hits[..limit];
    let core = chosen.iter().map(|(_, cell, _)| phrase::even(&cell.text)).collect::<Vec<_>>().join("; ");
    let quotation = quote(question, &candidates[first.0], passages, 0);
    let text = if chosen.len() > 1 { core.clone() } else { phrase::led(&core, &quotation) };
    let support =
        chosen.iter().map(|(at, _, _)| support(&candidates[*at], *at, text.clone(), How::Cell)).collect();
    Some(Found { text, support, probability, core: Some(core) })
}

/// The other column's names and the headings also place a row (`Quantidade` of a table `Ativos`).
fn held_around(term: &Term, candidate: &Candidate) -> bool {
    held(term, &candidate.facts.context) >= 0.8
}

/// The cell whose column's name says most of the question; the earlier of equals.
fn target<'a>(question: &Question, candidate: &'a Candidate) -> Option<&'a Cell> {
    let mut best: Option<(&Cell, f32)> = None;
    for cell in &candidate.facts.cells {
        let head = question
            .head
            .as_ref()
            .is_some_and(|head| cell.header_words.iter().any(|word| alike(head, word) >= 0.8));
        let share = column_share(question, cell) + if head { 1.0 } else { 0.0 };
        // A cell that holds what the question names is the row's own name.
        let named =
            question.terms.iter().any(|term| term.role == Role::Anchor && held(term, &cell.words) >= 0.8);
        if share > best.map_or(0.45, |(_, best)| best) && !named {
            best = Some((cell, share));
        }
    }
    best.map(|(cell, _)| cell)
}

/// The row at the end of a scale: which column orders is said by the question's other words.
fn of_extreme(
    question: &Question,
    extreme: Extreme,
    passages: &[Passage],
    candidates: &[Candidate],
) -> Option<Found> {
    let mut ordered: Vec<(usize, &Cell, f64)> = Vec::new();
    for (at, candidate) in
        candidates.iter().enumerate().filter(|(_, candidate)| candidate.facts.kind == UnitKind::Row)
    {
        let by = |cell: &&Cell| ordering_share(question, cell);
        let Some(order) =
            candidate.facts.cells.iter().filter(|cell| by(cell) > 0.0).max_by(|a, b| by(a).total_cmp(&by(b)))
        else {
            continue;
        };
        let Some(worth) = worth(&order.text) else { continue };
        ordered.push((at, order, worth));
    }
    let sign = if extreme == Extreme::Most { 1.0 } else { -1.0 };
    let (at, order, _) = *ordered.iter().rev().max_by(|a, b| (sign * a.2).total_cmp(&(sign * b.2)))?;
    let candidate = &candidates[at];
    let cells = &candidate.facts.cells;
    let asked = |cell: &&Cell| {
        question
            .head
            .as_ref()
            .is_some_and(|head| cell.header_words.iter().any(|word| alike(head, word) >= 0.8))
    };
    let cell = cells.iter().find(asked).or_else(|| cells.iter().find(|cell| !std::ptr::eq(*cell, order)))?;
    let core = phrase::even(&cell.text);
    let text = phrase::led(&core, &quote(question, candidate, passages, 0));
    Some(Found {
        text: text.clone(),
        support: vec![support(candidate, at, text, How::Cell)],
        probability: 0.75,
        core: Some(core),
    })
}

/// Does the column order by what is asked? The asked thing itself does not order.
fn ordering_share(question: &Question, cell: &Cell) -> f32 {
    let is_head = |term: &Term| question.head.as_ref().is_some_and(|head| head.start == term.word.start);
    question
        .terms
        .iter()
        .filter(|term| !is_head(term) || term.role == Role::Cue)
        .map(|term| term.weight * held(term, &cell.header_words))
        .filter(|share| *share > 0.5)
        .sum()
}

fn worth(cell: &str) -> Option<f64> {
    let folded = fold(cell);
    let level = SCALE
        .iter()
        .position(|level| folded.split(|c: char| !c.is_alphanumeric()).any(|word| level.contains(&word)));
    level.map(|level| level as f64).or_else(|| number_of(cell))
}
