//! Believes a model's draft only sentence by sentence, and only what a likely candidate says.

use super::extract::support;
use super::{Found, How, Support};
use crate::evidence::Candidate;
use crate::question::Question;
use crate::score::Scores;
use crate::text::{Word, alike, fold, is_function_word, is_generic, is_negator, sentences, words};

/// A longer draft is a model that lost its thread; what follows is not read.
const DRAFT_CHARS_MAX: usize = 2_000;

/// The share of a claim's words that its candidate must hold; the rest is grammar.
const HELD_MIN: f32 = 0.8;

/// A claim may rest on a candidate that is nearly as likely as the one that answers.
const LIKELY_SHARE: f32 = 0.6;

/// The draft's sentences that candidates bear, when together they say what answers; else None.
pub(super) fn supported(
    draft: &str,
    question: &Question,
    candidates: &[Candidate],
    scores: &Scores,
    found: &Found,
) -> Option<Found> {
    let draft: String = draft.chars().take(DRAFT_CHARS_MAX).collect();
    let likely = found.probability * LIKELY_SHARE;
    let mut kept: Vec<Support> = Vec::new();
    for range in sentences(&draft) {
        let claim = draft[range].trim();
        let bearing = candidates
            .iter()
            .enumerate()
            .filter(|(at, _)| {
                scores.probability[*at] >= likely
                    || found.support.iter().any(|support| support.candidate == *at)
            })
            .filter(|(_, candidate)| bears(question, claim, candidate))
            .max_by(|a, b| scores.probability[a.0].total_cmp(&scores.probability[b.0]));
        if let Some((at, candidate)) = bearing
            && !kept.iter().any(|earlier| fold(&earlier.sentence) == fold(claim))
        {
            kept.push(support(candidate, at, claim.to_owned(), How::Draft));
        }
    }
    let text = kept.iter().map(|support| support.sentence.as_str()).collect::<Vec<_>>().join(" ");
    // A sentence that is true but does not answer is no better than the quotation that does.
    let answers = match &found.core {
        Some(core) => fold(&text).contains(&fold(core)),
        None => {
            found.support.iter().any(|support| kept.iter().any(|claim| claim.candidate == support.candidate))
        }
    };
    if kept.is_empty() || !answers {
        return None;
    }
    let quotation = found.support.first().filter(|_| found.core.is_none());
    let text = quotation.map_or(text.clone(), |quotation| format!("{text}\n{}", quotation.sentence));
    kept.extend(quotation.cloned());

    Some(Found { text, support: kept, probability: found.probability, core: found.core.clone() })
}

/// Does `candidate` entail `claim`: its numbers and names all, its words nearly all, denied alike?
fn bears(question: &Question, claim: &str, candidate: &Candidate) -> bool {
    let said = words(claim);
    let here: Vec<&Word> = candidate.facts.words.iter().chain(&candidate.facts.context).collect();
    let held = |word: &Word| here.iter().map(|other| alike(word, other)).fold(0.0, f32::max);
    let content: Vec<&Word> =
        said.iter().filter(|word| !is_function_word(&word.folded) && !is_generic(&word.folded)).collect();
    if content.is_empty() {
        return false;
    }
    let asked = |word: &Word| question.terms.iter().any(|term| alike(&term.word, word) >= 0.8);
    let exact = content.iter().enumerate().all(|(at, word)| {
        let named = word.digit || (word.capital && at > 0);
        !named || held(word) >= 0.99
    });
    // What the question itself said may be repeated in the answer; new words must be the candidate's.
    let share = content
        .iter()
        .map(|word| if held(word) >= 0.8 || (asked(word) && !word.digit) { 1.0 } else { 0.0 })
        .sum::<f32>()
        / content.len() as f32;
    let new = content.iter().any(|word| held(word) >= 0.8 && !asked(word));
    let negative = |list: &[Word]| list.iter().any(|word| is_negator(&word.folded));
    exact && new && share >= HELD_MIN && negative(&said) == negative(&candidate.facts.words)
}
