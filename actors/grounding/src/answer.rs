//! Answers a question by what its passages say, or declines it; a model's draft is believed only where they bear it.

mod draft;
mod extract;
mod phrase;
mod table;

use crate::evidence::{Candidate, Passage};
use crate::question::{Question, Role};
use crate::score::{Scores, measure, needs_value, typed};

pub use phrase::refusal_text;

/// Below this probability a question is declined. At .5 four of five encyclopedic questions without an answer are
/// declined, and half of those with one; on the test documents nearly all of both are decided rightly.
pub const ANSWER_MIN: f32 = 0.5;

/// A declined question's confidence stays below every given answer's.
const DECLINED_MAX: f32 = 0.3;

/// An answer with its proof.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What to show, in the question's language.
    pub text: String,
    /// 0 to 1, rising with support. On contracts, minutes and deeds answers above .7 were nearly always right; on
    /// encyclopedic questions beside near misses those above .9 were right two times in three and those at .5 two in
    /// five. A declined question has at most .3.
    pub confidence: f32,
    /// False when the passages do not hold an answer.
    pub answered: bool,
    /// Indexes of all passages, those that support the answer first, then the nearest.
    pub sources: Vec<usize>,
    /// What each sentence of the answer rests on; empty when declined.
    pub support: Vec<Support>,
    /// Why it was declined.
    pub refusal: Option<Refusal>,
}

/// A sentence of the answer and the text that bears it.
#[derive(Clone, Debug, PartialEq)]
pub struct Support {
    /// The sentence as it stands in the answer.
    pub sentence: String,
    /// Index of the candidate that bears it.
    pub candidate: usize,
    /// Index of that candidate's passage.
    pub passage: usize,
    /// First byte of the candidate in the passage's text.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// How the candidate bears it.
    pub how: How,
}

/// How a candidate bears a sentence of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The model's own sentence: its words, numbers, names and negations are the candidate's.
    Draft,
    /// Quoted.
    Quotation,
    /// A value of the expected type, quoted with its sentence.
    Value,
    /// A cell of a table, by its row and column.
    Cell,
    /// Rows of a table, counted.
    Count,
    /// Yes or no, by what is affirmed or denied.
    Polarity,
}

/// Why a question was declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There are no passages, or the question has no words.
    NothingToGoOn,
    /// A name or number that the question is about is nowhere in the passages.
    UnknownName,
    /// No value of the kind that is asked for (a date, an amount) stands anywhere near.
    NoSuchValue,
    /// Nothing says what is asked clearly enough.
    NotSaid,
}

/// Decides the answer. `cosines[k]` is the cosine of the question's and `candidates[k]`'s embeddings; `draft` is what a
/// model wrote, whose sentences stay only where a candidate bears them.
pub fn decide(
    question: &Question,
    passages: &[Passage],
    candidates: &[Candidate],
    cosines: &[f32],
    draft: Option<&str>,
) -> Answer {
    if candidates.is_empty() || question.terms.is_empty() {
        return declined(question, passages, Refusal::NothingToGoOn, &[], 0.0);
    }
    let scores = measure(question, candidates, cosines);
    let order = ranked(&scores);
    let best = order.first().copied().unwrap_or_default();
    let found = table::answer(question, passages, candidates, &scores)
        .or_else(|| extract::answer(question, passages, candidates, &scores, &order));
    let probability = found.as_ref().map_or(scores.probability[best], |found| found.probability);
    // A column's name says what kind of value its cells are, also where they do not show it (`16.104,92`).
    let celled = found.as_ref().is_some_and(|found| found.support.iter().any(|one| one.how == How::Cell));
    if let Some(refusal) = refusal(question, candidates, &scores, probability, celled) {
        return declined(question, passages, refusal, &nearest(candidates, &order), probability);
    }
    let Some(found) = found else {
        return declined(question, passages, Refusal::NotSaid, &nearest(candidates, &order), probability);
    };
    let found = match draft.and_then(|draft| draft::supported(draft, question, candidates, &scores, &found)) {
        Some(better) => better,
        None => found,
    };
    let first: Vec<usize> =
        found.support.iter().map(|support| support.passage).chain(nearest(candidates, &order)).collect();
    Answer {
        text: found.text,
        confidence: found.probability.clamp(0.0, 1.0),
        answered: true,
        sources: sources(passages, &first),
        support: found.support,
        refusal: None,
    }
}

/// What is measured of each candidate, for fitting the weights anew; the order is that of the weights.
pub fn measured(question: &Question, candidates: &[Candidate], cosines: &[f32]) -> Vec<Vec<f32>> {
    measure(question, candidates, cosines).features.iter().map(|features| features.to_vec()).collect()
}

/// An answer on its way out.
pub(crate) struct Found {
    text: String,
    support: Vec<Support>,
    probability: f32,
    /// The value or cell that answers, without its quotation.
    core: Option<String>,
}

/// Candidates, likeliest first; equal ones in text order, so that two runs are alike.
fn ranked(scores: &Scores) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.probability.len()).collect();
    order.sort_by(|a, b| scores.probability[*b].total_cmp(&scores.probability[*a]).then(a.cmp(b)));
    order
}

/// The reasons to decline, the most telling first.
fn refusal(
    question: &Question,
    candidates: &[Candidate],
    scores: &Scores,
    probability: f32,
    celled: bool,
) -> Option<Refusal> {
    let held = |at: usize| scores.own.iter().filter_map(|terms| terms.get(at)).copied().fold(0.0, f32::max);
    let unknown =
        question.terms.iter().enumerate().any(|(at, term)| term.role == Role::Anchor && held(at) < 0.5);
    if unknown {
        return Some(Refusal::UnknownName);
    }
    if needs_value(question)
        && !celled
        && !candidates.iter().any(|candidate| typed(question, &candidate.facts) > 0.0)
    {
        return Some(Refusal::NoSuchValue);
    }
    (probability < ANSWER_MIN).then_some(Refusal::NotSaid)
}

fn nearest(candidates: &[Candidate], order: &[usize]) -> Vec<usize> {
    order.iter().filter_map(|at| candidates.get(*at)).map(|candidate| candidate.passage).collect()
}

/// Every passage once: `first` in its order, then the others as retrieval ranked them.
fn sources(passages: &[Passage], first: &[usize]) -> Vec<usize> {
    let mut rest: Vec<usize> = (0..passages.len()).collect();
    rest.sort_by(|a, b| passages[*b].score.total_cmp(&passages[*a].score).then(a.cmp(b)));
    let mut order = Vec::with_capacity(passages.len());
    for passage in first.iter().copied().chain(rest) {
        if passage < passages.len() && !order.contains(&passage) {
            order.push(passage);
        }
    }
    order
}

fn declined(
    question: &Question,
    passages: &[Passage],
    refusal: Refusal,
    first: &[usize],
    probability: f32,
) -> Answer {
    Answer {
        text: refusal_text(question, refusal),
        confidence: (probability * DECLINED_MAX).clamp(0.0, DECLINED_MAX),
        answered: false,
        sources: sources(passages, first),
        support: Vec::new(),
        refusal: Some(refusal),
    }
}

#[cfg(test)]
mod tests;
