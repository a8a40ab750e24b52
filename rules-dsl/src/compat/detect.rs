//! Which intent a question has, by the share of the intent's patterns that occur in it.

use super::form::{Intent, RuleSet};

/// Added to the share of patterns that hit, so that one hit is already a good one.
const CONFIDENCE_OF_A_HIT: f64 = 0.5;

impl RuleSet {
    /// The intent of a question and the confidence in it, from 0 to 1. The first declared wins a tie.
    pub fn detect(&self, question: &str) -> (Option<&Intent>, f64) {
        let question = question.to_lowercase();
        let mut best = (None, 0.0);
        for intent in &self.intents {
            let confidence = confidence(intent, &question);
            if confidence > best.1 {
                best = (Some(intent), confidence);
            }
        }
        best
    }
}

fn confidence(intent: &Intent, question: &str) -> f64 {
    let hits = intent.patterns.iter().filter(|pattern| question.contains(&pattern.to_lowercase())).count();
    if hits == 0 {
        return 0.0;
    }
    (hits as f64 / intent.patterns.len() as f64 + CONFIDENCE_OF_A_HIT).min(1.0)
}
