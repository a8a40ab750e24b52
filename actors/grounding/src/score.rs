//! Says how probably each candidate answers a question: from shared words, names, a value of the expected type, cosine.

use crate::evidence::{Candidate, Facts};
use crate::layout::UnitKind;
use crate::question::{AnswerType, Question, Role, Term};
use crate::text::{Value, ValueKind, Word, alike, is_document_noun, signs};

/// How many things are measured of a candidate.
pub(crate) const FEATURES: usize = 9;

/// What is measured of a candidate, in the order of `WEIGHTS`.
pub(crate) type Features = [f32; FEATURES];

/// Of a logistic model. A regression over a Portuguese reading corpus and the test documents gave the order of size;
/// the words weigh more and the cosine less than in it, because answers in contracts and tables use the question's own
/// words. The `evaluate` example measures a change. Order: share of the question's weight that the candidate
/// itself holds; the same with its headings and neighbours; how far the worst-covered focus word is covered; share of
/// names and numbers that are missing nearby; a value of the type; such a value only in the neighbourhood of it; cosine
/// above `COSINE_BASE`; cosine below the best one; is a heading.
pub(crate) const WEIGHTS: Features = [2.0, 2.5, 1.2, -3.0, 1.2, 0.5, 6.0, 8.0, -1.5];
pub(crate) const BIAS: f32 = -3.2;

/// The embedder's cosines of unrelated Portuguese sentences lie about here.
const COSINE_BASE: f32 = 0.8;

/// One question against its candidates.
pub(crate) struct Scores {
    /// Per candidate, per term: 0 to 1, by the candidate's own words and its headings.
    pub(crate) own: Vec<Vec<f32>>,

    pub(crate) features: Vec<Features>,
    pub(crate) probability: Vec<f32>,
}

/// Measures every candidate. A missing cosine counts as an unrelated one.
pub(crate) fn measure(question: &Question, candidates: &[Candidate], cosines: &[f32]) -> Scores {
    let own: Vec<Vec<f32>> = candidates
        .iter()
        .map(|c| question.terms.iter().map(|term| own(question, term, &c.facts)).collect())
        .collect();
    let wide: Vec<Vec<f32>> = (0..candidates.len()).map(|at| widened(candidates, &own, at)).collect();
    let weights = weights(question, &own);
    let best = cosines.iter().copied().fold(COSINE_BASE, f32::max);
    let features: Vec<Features> = candidates
        .iter()
        .enumerate()
        .map(|(at, candidate)| {
            let cosine = cosines.get(at).copied().filter(|cosine| cosine.is_finite()).unwrap_or(COSINE_BASE);
            let typed = typed(question, &candidate.facts);
            let near = neighbours(candidates, at)
                .map(|(other, _)| self::typed(question, &candidates[other].facts))
                .fold(0.0, f32::max);
            [
                share(&weights, &own[at]),
                share(&weights, &wide[at]),
                weakest(question, &wide[at]),
                missing(question, &wide[at]),
                typed,
                (near - typed).max(0.0),
                cosine - COSINE_BASE,
                cosine - best,
                f32::from(u8::from(candidate.facts.kind == UnitKind::Heading)),
            ]
        })
        .collect();
    let held: Vec<f32> = (0..question.terms.len()).map(|term| held_anywhere(&own, term)).collect();
    let probability = (0..candidates.len())
        .map(|at| {
            probability(&features[at])
                * trust(question, &features[at], &candidates[at])
                * about(question, &held, &wide[at])
        })
        .collect();
    Scores { own, features, probability }
}

fn probability(features: &Features) -> f32 {
    let sum: f32 = features.iter().zip(&WEIGHTS).map(|(value, weight)| value * weight).sum();
    1.0 / (1.0 + (-(sum + BIAS)).exp())
}

/// What a fit over many kinds of questions cannot see: an amount is answered by an amount, a count by a number of just
/// that thing.
fn trust(question: &Question, features: &Features, candidate: &Candidate) -> f32 {
    let (typed, near) = (features[4], features[5]);
    let valued = match (typed > 0.0, near > 0.0) {
        _ if !needs_value(question) => 1.0,
        (true, _) => 1.0,
        (false, true) => 0.55,
        (false, false) => 0.3,
    };
    let head = question.head.as_ref().map(|head| head.start);
    let counted = match question.terms.iter().find(|term| Some(term.word.start) == head) {
        Some(term) if question.expects() == AnswerType::Quantity && term.role == Role::Focus => {
            if own(question, term, &candidate.facts) >= 0.5 { 1.0 } else { 0.4 }
        }
        _ => 1.0,
    };
    // `A proposta foi aprovada?` is decided where something is said to be approved or not.
    let decided = match question.terms.last() {
        Some(term) if question.expects() == AnswerType::YesNo && is_participle(&term.word.folded) => {
            if own(question, term, &candidate.facts) >= 0.5 { 1.0 } else { 0.6 }
        }
        _ => 1.0,
    };
    // What is said to have been done (`foi contratada`) is answered where it is done, not where it is talked about.
    let done = match question.terms.iter().find(|term| is_passive(question, term)) {
        Some(term) if question.expects() != AnswerType::YesNo => {
            if own(question, term, &candidate.facts) >= 0.5 { 1.0 } else { 0.7 }
        }
        _ => 1.0,
    };
    valued * counted * decided * done
}

/// `foi contratada`, `foram liberados`: a participle behind a form of `ser`.
fn is_passive(question: &Question, term: &Term) -> bool {
    const AUXILIARIES: &[&str] = &["foi", "foram", "fora", "sido", "was", "were", "been"];
    let before = question.text.get(..term.word.start).unwrap_or_default().trim_end().to_lowercase();
    let last = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    AUXILIARIES.contains(&last) && (is_participle(&term.word.folded) || term.word.folded.ends_with("ed"))
}

/// Deeds are told in other words more often than things are; only `when` asks for just this deed.
fn is_verb(question: &Question, term: &Term) -> bool {
    const ENDS: &[&str] = &["ou", "eu", "iu", "aram", "eram", "iram", "ed"];
    let before = question.text.get(..term.word.start).unwrap_or_default().to_lowercase();
    let asked = ["quem ", "who ", "que "].iter().any(|word| before.ends_with(word));
    asked || is_participle(&term.word.folded) || ENDS.iter().any(|end| term.word.folded.ends_with(end))
}

fn is_participle(folded: &str) -> bool {
    folded.len() > 5
        && ["ado", "ada", "ados", "adas", "ido", "ida", "idos", "idas"]
            .iter()
            .any(|end| folded.ends_with(end))
}

fn held_anywhere(own: &[Vec<f32>], term: usize) -> f32 {
    own.iter().filter_map(|terms| terms.get(term)).copied().fold(0.0, f32::max)
}

/// A word that is asked about and that nobody says (`potência`) makes any answer doubtful; one that others say, but
/// nothing near this candidate, makes this one doubtful, more so where a value of the right kind tempts.
fn about(question: &Question, held: &[f32], wide: &[f32]) -> f32 {
    let tempting = needs_value(question);
    let dated = question.expects() == AnswerType::Date;
    let terms = question
        .terms
        .iter()
        .zip(held)
        .zip(wide)
        .filter(|((term, _), _)| term.role == Role::Focus && (dated || !is_verb(question, term)));
    terms
        .map(|((_, anywhere), here)| match (*anywhere < 0.5, *here < 0.3) {
            (true, _) if dated => 0.5,
            (true, _) => 0.65,
            (false, true) if tempting => 0.65,
            (false, true) => 0.9,
            (false, false) => 1.0,
        })
        .fold(1.0, f32::min)
}

/// Is nothing but a value of the expected type an answer?
pub(crate) fn needs_value(question: &Question) -> bool {
    question.types.iter().all(|expected| is_strict(*expected)) || question.named
}

/// How well a candidate holds a term by itself: 1 in its words, .85 in its headings or its column's name.
fn own(question: &Question, term: &Term, facts: &Facts) -> f32 {
    let best = |list: &[Word]| list.iter().map(|word| alike(&term.word, word)).fold(0.0, f32::max);
    let said = best(&facts.words).max(0.85 * best(&facts.context));
    let signed = if facts.signature && signs(&term.word.stem) { 0.9 } else { 0.0 };
    let made = question.expects() == AnswerType::Date
        && (signs(&term.word.stem) || is_document_noun(&term.word.folded));
    let signed = if facts.dateline && made { 0.9 } else { signed };
    let stood_for = if term.role == Role::Cue && typed(question, facts) >= 1.0 { 0.8 } else { 0.0 };
    // A date until which something must be done stands for the doing, however it is called.
    let due = if question.deadline && facts.deadline && is_verb(question, term) { 0.8 } else { 0.0 };
    said.max(signed).max(stood_for).max(due)
}

/// The candidates around `at` in its passage, with how much of what they say also speaks for it.
fn neighbours(candidates: &[Candidate], at: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
    let here = candidates.get(at);
    let from = at.saturating_sub(2);
    (from..(at + 2).min(candidates.len())).filter(move |other| *other != at).filter_map(move |other| {
        let (here, there) = (here?, candidates.get(other)?);
        if here.passage != there.passage
            || here.facts.kind == UnitKind::Row
            || there.facts.kind == UnitKind::Row
        {
            return None;
        }
        let together = here.facts.group == there.facts.group;
        let before = other < at;
        let adjacent = at.abs_diff(other) == 1;
        if (before && here.facts.part) || (!before && there.facts.part) {
            return Some((other, 0.25));
        }
        let opens = other == 0
            || candidates.get(other - 1).is_none_or(|first| first.facts.group != there.facts.group);
        match (together, before, adjacent) {
            // A paragraph's first sentence says what the others are about.
            (true, true, _) if opens => Some((other, 0.7)),
            (true, true, true) => Some((other, 0.6)),
            (true, false, true) => Some((other, 0.5)),
            (true, true, false) => Some((other, 0.45)),
            (false, true, true) => Some((other, 0.35)),
            _ => None,
        }
    })
}

fn widened(candidates: &[Candidate], own: &[Vec<f32>], at: usize) -> Vec<f32> {
    let mut wide = own[at].clone();
    for (other, strength) in neighbours(candidates, at) {
        for (here, there) in wide.iter_mut().zip(&own[other]) {
            *here = here.max(strength * there);
        }
    }
    wide
}

/// A word that every candidate holds (`fundo` in a fund's minutes) tells little; one that few hold, or none, tells more.
fn weights(question: &Question, own: &[Vec<f32>]) -> Vec<f32> {
    let count = own.len().max(1) as f32;
    let held =
        |at: usize| own.iter().filter(|terms| terms.get(at).is_some_and(|held| *held >= 0.8)).count() as f32;
    question
        .terms
        .iter()
        .enumerate()
        .map(|(at, term)| term.weight * (1.25 - (held(at) / count).sqrt()).max(0.3))
        .collect()
}

fn share(weights: &[f32], held: &[f32]) -> f32 {
    let total: f32 = weights.iter().sum();
    if total <= 0.0 {
        0.0
    } else {
        weights.iter().zip(held).map(|(weight, held)| weight * held).sum::<f32>() / total
    }
}

/// How far the worst-covered word of what is asked about is covered; 1 when the question has none.
fn weakest(question: &Question, wide: &[f32]) -> f32 {
    let focus =
        question.terms.iter().zip(wide).filter(|(term, _)| matches!(term.role, Role::Focus | Role::Anchor));
    focus.map(|(_, held)| *held).fold(1.0, f32::min)
}

fn missing(question: &Question, wide: &[f32]) -> f32 {
    let anchors = || question.terms.iter().zip(wide).filter(|(term, _)| term.role == Role::Anchor);
    let count = anchors().count();
    if count == 0 { 0.0 } else { anchors().map(|(_, held)| 1.0 - held).sum::<f32>() / count as f32 }
}

/// 1 with a value of the expected type that the question does not itself say, .6 of a less likely type; .5 when the
/// type has no shape of its own.
pub(crate) fn typed(question: &Question, facts: &Facts) -> f32 {
    if !question.types.iter().any(|expected| has_shape(*expected)) {
        return 0.5;
    }
    question
        .types
        .iter()
        .enumerate()
        .filter(|(_, expected)| answers_of_type(question, facts, **expected).next().is_some())
        .map(|(place, expected)| {
            // A bare year is less of a date, and any capitalised word less of a name.
            let year = *expected == AnswerType::Date
                && answers_of_type(question, facts, *expected).all(|value| value.kind == ValueKind::Year);
            match (place, year) {
                (0, false) => 1.0,
                (0, true) => 0.7,
                _ if question.named && *expected == AnswerType::Named => 0.3,
                _ => 0.6,
            }
        })
        .fold(0.0, f32::max)
}

/// The values in a candidate that could be an answer of type `expected`.
pub(crate) fn answers_of_type<'a>(
    question: &'a Question,
    facts: &'a Facts,
    expected: AnswerType,
) -> impl Iterator<Item = &'a Value> {
    facts.values.iter().filter(move |value| {
        fits(expected, value.kind)
            && value.start >= facts.label_end
            && !said_by_question(question, facts, value)
            && !(expected == AnswerType::Quantity && is_whole(facts, value))
    })
}

/// Of `38 das 52 unidades` the second number is the whole, and the first is how many.
fn is_whole(facts: &Facts, value: &Value) -> bool {
    let mut before = facts.words.iter().rev().skip_while(|word| word.end > value.start);
    let (joint, count) = (before.next(), before.next());
    joint.is_some_and(|word| matches!(word.folded.as_str(), "das" | "dos" | "of"))
        && count.is_some_and(|word| {
            facts.values.iter().any(|other| {
                other.end == word.end
                    && other.kind == ValueKind::Quantity
                    && value.kind == ValueKind::Quantity
            })
        })
}

/// A value whose words the question holds is what is asked about, not the answer.
fn said_by_question(question: &Question, facts: &Facts, value: &Value) -> bool {
    let inside = facts.words.iter().filter(|word| word.start >= value.start && word.end <= value.end);
    let known = |word: &Word| {
        question.terms.iter().any(|term| term.role == Role::Anchor && alike(&term.word, word) >= 0.8)
    };
    match value.kind {
        ValueKind::Person | ValueKind::Organisation | ValueKind::Name | ValueKind::Place => {
            inside.into_iter().any(known)
        }
        _ => inside.into_iter().all(known),
    }
}

/// Does a type show in the text by itself?
pub(crate) fn has_shape(expected: AnswerType) -> bool {
    !matches!(expected, AnswerType::YesNo | AnswerType::Explanation | AnswerType::Named)
}

/// Can its absence be trusted? Names and places escape a pattern more often than amounts and dates.
fn is_strict(expected: AnswerType) -> bool {
    has_shape(expected)
        && !matches!(
            expected,
            AnswerType::Organisation
                | AnswerType::Place
                | AnswerType::Person
                | AnswerType::Licence
                | AnswerType::Code
        )
}

fn fits(expected: AnswerType, kind: ValueKind) -> bool {
    use ValueKind as K;
    match expected {
        AnswerType::Person => kind == K::Person,
        AnswerType::Organisation => kind == K::Organisation,
        AnswerType::Date => matches!(kind, K::Date | K::Year),
        AnswerType::Time => kind == K::Time,
        AnswerType::Money => kind == K::Money,
        AnswerType::Percentage => kind == K::Percentage,
        AnswerType::Cpf => kind == K::Cpf,
        AnswerType::Cnpj => kind == K::Cnpj,
        AnswerType::Email => kind == K::Email,
        AnswerType::Phone => kind == K::Phone,
        AnswerType::PostalCode => kind == K::PostalCode,
        AnswerType::Duration => kind == K::Duration,
        AnswerType::Quantity => matches!(kind, K::Quantity | K::Version | K::Year),
        AnswerType::Version => matches!(kind, K::Version | K::Code),
        AnswerType::Code => {
            matches!(kind, K::Code | K::Version | K::Phone | K::Quantity | K::PostalCode | K::Year)
        }
        AnswerType::Place => matches!(kind, K::Place | K::Name),
        AnswerType::Licence => kind == K::Licence,
        AnswerType::Profession => kind == K::Profession,
        AnswerType::CivilStatus => kind == K::CivilStatus,
        AnswerType::Nationality => kind == K::Nationality,
        AnswerType::Named => {
            matches!(kind, K::Name | K::Organisation | K::Person | K::Licence | K::Place | K::Code)
        }
        AnswerType::YesNo | AnswerType::Explanation => false,
    }
}
