//! Takes the answer out of the likeliest candidate: a value, a yes or no, or the sentence itself.

use super::{Found, How, Support, phrase};
use crate::evidence::{Candidate, Passage};
use crate::question::{AnswerType, Question, Role};
use crate::score::{Scores, answers_of_type, has_shape};
use crate::text::{Value, ValueKind, Word, alike, is_negator, words};

/// A `quais` question quotes at most so many sentences; more is reading the document aloud.
const QUOTED_MAX: usize = 3;

/// A sentence joins a list's answer when it is nearly as likely as the first.
const LIST_SHARE: f32 = 0.75;

/// The answer by the likeliest candidate.
pub(super) fn answer(
    question: &Question,
    passages: &[Passage],
    candidates: &[Candidate],
    scores: &Scores,
    order: &[usize],
) -> Option<Found> {
    let best = *order.first()?;
    if question.expects() == AnswerType::YesNo {
        return Some(yes_no(question, passages, candidates, scores, best));
    }
    if question.types.iter().any(|expected| has_shape(*expected))
        && !question.many
        && let Some((value, at)) = best_value(question, candidates, order)
        && scores.probability[at] >= scores.probability[best] * LIST_SHARE
    {
        return Some(of_value(question, passages, candidates, scores, at, value));
    }
    Some(quoted(question, passages, candidates, scores, order))
}

/// The value nearest to what is asked about, in the first candidate that has one.
fn best_value<'a>(
    question: &'a Question,
    candidates: &'a [Candidate],
    order: &[usize],
) -> Option<(&'a Value, usize)> {
    order.iter().take(3).find_map(|at| {
        let candidate = candidates.get(*at)?;
        question.types.iter().find_map(|expected| {
            answers_of_type(question, &candidate.facts, *expected)
                .min_by(|a, b| distance(question, candidate, a).total_cmp(&distance(question, candidate, b)))
                .map(|value| (value, *at))
        })
    })
}

/// How far a value stands from the question's words in its candidate. A value mostly follows what it belongs to, and
/// seldom across a semicolon.
fn distance(question: &Question, candidate: &Candidate, value: &Value) -> f32 {
    const FAR: f32 = 200.0;
    const HEAD: f32 = 3.0;
    let between = |a: usize, b: usize| {
        candidate.facts.words.iter().filter(|word| word.start >= a && word.end <= b).count() as f32 * 6.0
    };
    let apart = if stands_in(candidate, value) || is_former(question, candidate, value) {
        5.0 * FAR
    } else if is_of_one(question, candidate, value) {
        FAR / 2.0
    } else {
        0.0
    };
    let one = |word: &Word| {
        if word.end <= value.start {
            between(word.end, value.start)
        } else if word.start >= value.end {
            10.0 + 1.6 * between(value.end, word.start)
        } else {
            FAR / 2.0
        }
    };
    question
        .terms
        .iter()
        .map(|term| {
            let held = candidate.facts.words.iter().filter(|word| alike(&term.word, word) >= 0.8);
            let nearest = held.map(one).fold(FAR, f32::min).min(FAR);
            // What is asked for stands beside its value; a mere cue (`valor`) stands beside other values too.
            let head = question.head.as_ref().is_some_and(|head| head.start == term.word.start);
            match term.role {
                Role::Cue => 0.3 * term.weight * nearest,
                _ if head => HEAD * term.weight * nearest,
                _ => term.weight * nearest,
            }
        })
        .sum::<f32>()
        + apart
}

/// Of `passa de R$ 790,00 para R$ 845,00` the first is what was, and is asked for as such only.
fn is_former(question: &Question, candidate: &Candidate, value: &Value) -> bool {
    const FORMER: &[&str] = &["antigo", "antiga", "anterior", "era", "previous", "former", "old"];
    let facts = &candidate.facts;
    let asked = words(&question.text).iter().any(|word| FORMER.contains(&word.folded.as_str()));
    let next = facts.values.iter().find(|next| next.start >= value.end && next.kind == value.kind);
    let from = facts.words.iter().rev().find(|word| word.end <= value.start && !is_sign(word));
    let between = |end: usize| {
        facts.words.iter().filter(move |word| word.start >= value.end && word.end <= end && !is_sign(word))
    };
    let to = next.map(|next| between(next.start).map(|word| word.folded.as_str()).collect::<Vec<_>>());
    !asked
        && from.is_some_and(|word| matches!(word.folded.as_str(), "de" | "from"))
        && to.is_some_and(|to| matches!(to.as_slice(), ["para" | "to"]))
}

/// The letters of `R$` and `US$`.
fn is_sign(word: &Word) -> bool {
    matches!(word.folded.as_str(), "r" | "us")
}

/// A price of one (`ao preço unitário de`) is not the value of all, unless it is asked for.
fn is_of_one(question: &Question, candidate: &Candidate, value: &Value) -> bool {
    const REACH_WORDS: usize = 4;
    let single = |word: &Word| word.folded.starts_with("unit");
    let mut before =
        candidate.facts.words.iter().rev().filter(|word| word.end <= value.start).take(REACH_WORDS);
    value.kind == ValueKind::Money && before.any(single) && !words(&question.text).iter().any(single)
}

/// A name behind `representada por` stands in for the one who acts.
fn stands_in(candidate: &Candidate, value: &Value) -> bool {
    const REACH_WORDS: usize = 8;
    let before = candidate.facts.words.iter().rev().filter(|word| word.end <= value.start).take(REACH_WORDS);
    matches!(value.kind, ValueKind::Person | ValueKind::Organisation)
        && before.into_iter().any(|word| word.folded.starts_with("representad"))
}

fn of_value(
    question: &Question,
    passages: &[Passage],
    candidates: &[Candidate],
    scores: &Scores,
    at: usize,
    value: &Value,
) -> Found {
    let candidate = &candidates[at];
    let text = candidate.text(passages);
    let core = phrase::even(value.text(text));
    let quotation = quote(question, candidate, passages, value.start);
    let sentence = phrase::led(&core, &quotation);
    Found {
        text: sentence.clone(),
        support: vec![support(candidate, at, sentence, How::Value)],
        probability: scores.probability[at],
        core: Some(core),
    }
}

/// A quotation of a candidate; a row is quoted with its columns' names.
pub(super) fn quote(question: &Question, candidate: &Candidate, passages: &[Passage], keep: usize) -> String {
    let text = candidate.text(passages);
    let named = candidate.facts.cells.iter().any(|cell| !cell.header.is_empty());
    let text = if named { candidate.text_to_embed.as_str() } else { text };
    phrase::quotation(question.language, text, candidate.facts.page, keep)
}

pub(super) fn support(candidate: &Candidate, at: usize, sentence: String, how: How) -> Support {
    Support {
        sentence,
        candidate: at,
        passage: candidate.passage,
        start: candidate.start,
        end: candidate.end,
        how,
    }
}

fn quoted(
    question: &Question,
    passages: &[Passage],
    candidates: &[Candidate],
    scores: &Scores,
    order: &[usize],
) -> Found {
    let best = order.first().map_or(0.0, |at| scores.probability[*at]);
    let count = if question.many { QUOTED_MAX } else { 1 };
    let mut chosen: Vec<usize> =
        order.iter().copied().take(count).filter(|at| scores.probability[*at] >= best * LIST_SHARE).collect();
    chosen.sort_unstable();
    let support: Vec<Support> = chosen
        .iter()
        .map(|at| {
            support(&candidates[*at], *at, quote(question, &candidates[*at], passages, 0), How::Quotation)
        })
        .collect();
    let text = support.iter().map(|support| support.sentence.as_str()).collect::<Vec<_>>().join("\n");
    Found { text, support, probability: best, core: None }
}

/// Yes or no where the candidate itself holds all that is asked about; else only the quotation, for the reader to judge.
fn yes_no(
    question: &Question,
    passages: &[Passage],
    candidates: &[Candidate],
    scores: &Scores,
    at: usize,
) -> Found {
    let candidate = &candidates[at];
    let quotation = quote(question, candidate, passages, 0);
    let denied = denied(question, candidate);
    let held = question
        .terms
        .iter()
        .zip(&scores.own[at])
        .filter(|(term, _)| term.role != Role::Weak)
        .all(|(_, held)| *held >= 0.75);
    let asked_denied = words(&question.text).iter().any(|word| is_negator(&word.folded));
    let text = match (denied, held) {
        (true, _) => phrase::led(phrase::yes_no(question.language, asked_denied), &quotation),
        (false, true) => phrase::led(phrase::yes_no(question.language, !asked_denied), &quotation),
        (false, false) => quotation,
    };
    let how = if denied || held { How::Polarity } else { How::Quotation };
    Found {
        text: text.clone(),
        support: vec![support(candidate, at, text, how)],
        probability: scores.probability[at],
        core: None,
    }
}

/// Is something that is asked about denied: does a negator stand within the few words before or right behind it?
fn denied(question: &Question, candidate: &Candidate) -> bool {
    const REACH: usize = 5;
    let list = &candidate.facts.words;
    list.iter().enumerate().filter(|(_, word)| is_negator(&word.folded)).any(|(negator, _)| {
        let from = negator.saturating_sub(2);
        list.iter().enumerate().skip(from).take(2 + REACH + 1).any(|(_, word)| {
            question.terms.iter().any(|term| term.role != Role::Anchor && alike(&term.word, word) >= 0.8)
        })
    })
}
