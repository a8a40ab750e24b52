//! Counts what the rules of a set did.

use std::collections::BTreeMap;

use enabler_rules::apply::Outcome;
use enabler_rules::verdict::Verdict;

/// Rules that are counted one by one; a larger set is counted as a whole.
const RULES_MAX: usize = 10_000;

/// What one rule did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Answers on which it acted.
    pub acted: u64,
    /// Answers that it changed.
    pub corrected: u64,
    /// Answers that it objects to.
    pub objected: u64,
}

/// What all rules did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Answers that the rules saw.
    pub answers: u64,
    /// Answers that a rule changed.
    pub corrected: u64,
    /// Answers that a rule objects to.
    pub objected: u64,
    /// Answers in which terms were normalised.
    pub normalised: u64,
    /// Answers that were too large to judge.
    pub too_complex: u64,
    /// By rule.
    pub rules: BTreeMap<String, Counted>,
}

impl Counters {
    /// Counts one answer.
    pub(super) fn count(&mut self, outcome: &Outcome) {
        self.answers += 1;
        self.corrected += u64::from(outcome.was_corrected());
        self.objected += u64::from(!outcome.objections.is_empty());
        self.normalised += u64::from(!outcome.normalisations.is_empty());
        self.too_complex += u64::from(outcome.verdict == Verdict::TooComplex);
        for name in &outcome.triggered {
            self.rule(name, |rule| rule.acted += 1);
        }
        for name in &outcome.corrected_by {
            self.rule(name, |rule| rule.corrected += 1);
        }
        for objection in &outcome.objections {
            self.rule(&objection.rule, |rule| rule.objected += 1);
        }
    }

    fn rule(&mut self, name: &str, change: impl FnOnce(&mut Counted)) {
        if let Some(rule) = self.rules.get_mut(name) {
            change(rule);
        } else if self.rules.len() < RULES_MAX {
            change(self.rules.entry(name.to_owned()).or_default());
        }
    }
}
