//! Runs a rule set around one question and answer, in the predecessor's order: intent, expansion, normalisations, rules.

use super::bound::Budget;
use super::form::{Action, Rule, RuleSet};

/// One question with its answer.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The question of the user.
    pub question: &'a str,
    /// The answer of the model.
    pub raw_answer: &'a str,
    /// The retrieved text. The predecessor took it and never looked at it.
    pub context: &'a str,
    /// Whether rules may replace the answer; terms are normalised either way.
    pub apply_corrections: bool,
}

/// What the predecessor reports of one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The intent of the question, if any.
    pub detected_intent: Option<String>,
    /// From 0 to 1, not rounded.
    pub intent_confidence: f64,
    /// Whether terms were added to the question.
    pub query_expanded: bool,
    /// The question with the terms.
    pub expanded_query: String,
    /// The terms.
    pub expansion_terms: Vec<String>,
    /// Whether a normalisation hit.
    pub was_normalized: bool,
    /// The normalisations that hit, as `"a" → "b"`.
    pub normalizations: Vec<String>,
    /// The answer after them.
    pub answer_after_normalization: String,
    /// How many rules there were to evaluate; 0 when corrections are off.
    pub rules_evaluated: usize,
    /// The names of the rules that triggered.
    pub rules_triggered: Vec<String>,
    /// Whether a rule replaced the answer.
    pub was_corrected: bool,
    /// The answer in the end.
    pub corrected_answer: String,
    /// Which rule replaced it, or empty.
    pub correction_reason: String,
    /// Every change: the normalisations, then the replacement.
    pub corrections: Vec<String>,
}

/// The exception that the predecessor died of, as `Type: message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("applying the rules as the predecessor does: {0}")]
pub struct Raised(pub String);

impl RuleSet {
    /// Evaluates the rule set, in time proportional to its size times the size of the texts.
    ///
    /// # Errors
    /// Where the predecessor raised: a normalisation that hit has a backslash that Python's `re.sub` refuses. And,
    /// because this must end where the predecessor would have filled the memory, a text that grows beyond a mebibyte.
    pub fn apply(&self, input: &Input<'_>) -> Result<Outcome, Raised> {
        let mut budget = Budget::new(input.raw_answer.len().saturating_add(input.question.len()));
        let (intent, intent_confidence) = self.detect(input.question);
        let intent = intent.map(|intent| intent.name.as_str());
        let expansion_terms = intent.and_then(|intent| self.expansion_of(intent));
        let expansion_terms = expansion_terms.map_or(Vec::new(), |expansion| expansion.terms.clone());
        let normalised = self.normalise(input.raw_answer, &mut budget)?;
        let verdict = if input.apply_corrections {
            self.judge(input.question, intent, &normalised.text, &mut budget)?
        } else {
            Verdict::default()
        };
        let reason = verdict.replaced.as_ref().map(|(rule, _)| format!("Regra '{rule}': Resposta corrigida"));
        let corrections = normalised.applied.iter().cloned().chain(reason.clone()).collect();
        Ok(Outcome {
            detected_intent: intent.map(str::to_owned),
            intent_confidence,
            query_expanded: !expansion_terms.is_empty(),
            expanded_query: expanded(input.question, &expansion_terms),
            expansion_terms,
            was_normalized: !normalised.applied.is_empty(),
            normalizations: normalised.applied,
            rules_evaluated: verdict.evaluated,
            rules_triggered: verdict.triggered,
            was_corrected: verdict.replaced.is_some(),
            corrected_answer: verdict.replaced.map_or_else(|| normalised.text.clone(), |(_, text)| text),
            answer_after_normalization: normalised.text,
            correction_reason: reason.unwrap_or_default(),
            corrections,
        })
    }

    /// Tries the rules in order until one replaces the answer.
    fn judge(
        &self,
        question: &str,
        intent: Option<&str>,
        answer: &str,
        budget: &mut Budget,
    ) -> Result<Verdict, Raised> {
        let mut verdict = Verdict { evaluated: self.rules.len(), ..Verdict::default() };
        let Some(intent) = intent else { return Ok(verdict) };
        let answer = answer.to_lowercase();
        let triggered = |rule: &&Rule| rule.trigger_intent == intent && holds(rule, &answer);
        for rule in self.rules.iter().filter(triggered) {
            verdict.triggered.push(rule.name.clone());
            if rule.action == Action::Keep {
                continue;
            }
            let text = self.replacement(rule, question, intent, budget)?;
            if !text.is_empty() {
                verdict.replaced = Some((rule.name.clone(), text));
                break;
            }
        }
        Ok(verdict)
    }
}

/// What the rules say.
#[derive(Default)]
struct Verdict {
    evaluated: usize,
    triggered: Vec<String>,
    /// The rule that replaced the answer, and the new answer.
    replaced: Option<(String, String)>,
}

/// Whether the conditions of a rule hold for an answer in lower case.
fn holds(rule: &Rule, answer: &str) -> bool {
    let occurs = |term: &String| answer.contains(&term.to_lowercase());
    (rule.contains_any.is_empty() || rule.contains_any.iter().any(occurs))
        && !rule.contains_none.iter().any(occurs)
}

fn expanded(question: &str, terms: &[String]) -> String {
    if terms.is_empty() { question.to_owned() } else { format!("{question} {}", terms.join(" ")) }
}
