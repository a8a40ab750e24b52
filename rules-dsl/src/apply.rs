//! Applies a rule set to one question and answer: intent, search terms, normalisation, rules, verdict.

mod evidence;
mod explain;
mod judge;
mod stream;

pub use explain::{Explanation, State, Why};
pub use stream::Stream;

use crate::fold::Folded;
use crate::program::{Intent, Program};
use crate::syntax::cursor::composed;
use crate::terms::Found;
use crate::value::{Date, Value};
use crate::verdict::Verdict;
use std::ops::Range;

/// Bytes of an answer. A page has 4 KB; a thousand pages are no answer.
pub const ANSWER_MAX: usize = 4 << 20;
/// Bytes of a question.
pub const QUESTION_MAX: usize = 64 << 10;
/// Bytes of all retrieved passages.
pub const CONTEXT_MAX: usize = 16 << 20;

/// A retrieved passage, the best first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passage<'a> {
    /// Its page, from 1.
    pub page: Option<u32>,
    /// Its text.
    pub text: &'a str,
}

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What was asked.
    pub question: &'a str,
    /// What the model answered.
    pub answer: &'a str,
    /// What was retrieved, the best first.
    pub passages: &'a [Passage<'a>],
    /// How sure the answer is, 0 to 1.
    pub confidence: Option<f64>,
    /// The document's metadata.
    pub metadata: &'a [(String, String)],
    /// The day, for rules that hold for a time.
    pub today: Option<Date>,
    /// Whether rules act; normalisation always does.
    pub correct: bool,
}

impl Default for Input<'_> {
    fn default() -> Self {
        Input {
            question: "",
            answer: "",
            passages: &[],
            confidence: None,
            metadata: &[],
            today: None,
            correct: true,
        }
    }
}

/// A change of the answer, with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Which bytes of the text before it.
    pub range: Range<usize>,
    /// What stood there.
    pub before: String,
    /// What stands there now.
    pub after: String,
    /// The rule.
    pub rule: String,
    /// The page of the passage that the rule's conditions met.
    pub page: Option<u32>,
}

/// An objection of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The rule, or the intent whose answer lacks something.
    pub rule: String,
    /// What it says.
    pub text: String,
    /// It objects because the passages do not say so.
    pub unsupported: bool,
}

/// What the rules made of a question and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The question's intent.
    pub intent: Option<String>,
    /// How sure the intent is, 0 to 1.
    pub intent_confidence: f64,
    /// Words to add to the search.
    pub expansion: Vec<String>,
    /// The answer after normalisation, before the rules.
    pub normalised: String,
    /// What was normalised: `"a" → "b"`, in the order of the file.
    pub normalisations: Vec<String>,
    /// How many rules were considered.
    pub rules_evaluated: usize,
    /// The rules that acted, in order.
    pub triggered: Vec<String>,
    /// The rules that changed the answer, in order.
    pub corrected_by: Vec<String>,
    /// Every change.
    pub patches: Vec<Patch>,
    /// Every objection that stands.
    pub objections: Vec<Objection>,
    /// The answer.
    pub answer: String,
}

impl Outcome {
    /// Whether a rule changed the answer.
    pub fn was_corrected(&self) -> bool {
        !self.corrected_by.is_empty()
    }

    /// The question with the words to search for.
    pub fn expanded(&self, question: &str) -> String {
        expanded(question, &self.expansion)
    }
}

fn expanded(question: &str, expansion: &[String]) -> String {
    let mut text = question.to_owned();
    for term in expansion {
        text.push(' ');
        text.push_str(term);
    }
    text
}

/// What a question alone says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detected {
    /// The intent.
    pub intent: Option<String>,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// Words to add to the search.
    pub expansion: Vec<String>,
}

impl Detected {
    /// The question with the words to search for.
    pub fn expanded(&self, question: &str) -> String {
        expanded(question, &self.expansion)
    }
}

/// A question with what is known of it before the answer.
#[derive(Debug, Clone)]
struct Asked {
    found: Found,
    intent: Option<u32>,
    confidence: f64,
}

impl Program {
    /// The intent of a question and what to add to the search: the step before retrieval.
    pub fn detect(&self, question: &str) -> Detected {
        if question.len() > QUESTION_MAX {
            return Detected::default();
        }
        let asked = self.asked(question);
        let intent = self.intent(&asked);
        Detected {
            intent: intent.map(|intent| intent.name.clone()),
            confidence: asked.confidence,
            expansion: intent.map_or_else(Vec::new, |intent| intent.expansion.clone()),
        }
    }

    /// Applies the rules to an answer.
    pub fn apply(&self, input: &Input<'_>) -> Outcome {
        let context: usize = input.passages.iter().map(|passage| passage.text.len()).sum();
        if input.question.len() > QUESTION_MAX || input.answer.len() > ANSWER_MAX || context > CONTEXT_MAX {
            return untouched(input.answer);
        }
        let asked = self.asked(input.question);
        let intent = self.intent(&asked);
        let answer = composed(input.answer);
        let normalised = self.normaliser.apply(&answer, 0, 0);
        let complete = normalised.complete;
        let mut outcome = Outcome {
            verdict: Verdict::NotApplicable,
            intent: intent.map(|intent| intent.name.clone()),
            intent_confidence: asked.confidence,
            expansion: intent.map_or_else(Vec::new, |intent| intent.expansion.clone()),
            normalised: normalised.text.clone(),
            normalisations: normalised.applied,
            rules_evaluated: 0,
            triggered: Vec::new(),
            corrected_by: Vec::new(),
            patches: Vec::new(),
            objections: Vec::new(),
            answer: normalised.text,
        };
        if input.correct {
            judge::judge(self, input, &asked, &mut outcome);
        } else if outcome.normalised != *answer {
            outcome.verdict = Verdict::Corrected;
        }
        if !complete {
            outcome.verdict = Verdict::TooComplex;
        }
        outcome
    }

    fn intent(&self, asked: &Asked) -> Option<&Intent> {
        asked.intent.and_then(|at| self.intents.get(at as usize))
    }

    fn asked(&self, question: &str) -> Asked {
        let found = self.terms.found(&Folded::of(question));
        let (mut best, mut confidence) = (None, 0.0);
        for (at, intent) in (0..).zip(&self.intents) {
            if intent.broken || intent.patterns.is_empty() {
                continue;
            }
            let hits = intent.patterns.iter().filter(|ways| found.any(ways)).count();
            if hits > 0 {
                let sure = f64::min(1.0, hits as f64 / intent.patterns.len() as f64 + 0.5);
                // The first declared wins a tie.
                if sure > confidence {
                    (best, confidence) = (Some(at), sure);
                }
            }
        }
        Asked { found, intent: best, confidence }
    }
}

/// A text beyond the bounds comes back as it is, and says so.
fn untouched(answer: &str) -> Outcome {
    Outcome {
        verdict: Verdict::TooComplex,
        intent: None,
        intent_confidence: 0.0,
        expansion: Vec::new(),
        normalised: answer.to_owned(),
        normalisations: Vec::new(),
        rules_evaluated: 0,
        triggered: Vec::new(),
        corrected_by: Vec::new(),
        patches: Vec::new(),
        objections: Vec::new(),
        answer: answer.to_owned(),
    }
}

/// A share of one in the unit of [`Value::Number`].
fn share(confidence: f64) -> Value {
    Value::Number((confidence.clamp(0.0, 1.0) * 1e6).round() as i128)
}
